use super::super::stored::{Raw, Stored, can_write, check_goldens, float, integer, random};
use super::*;
use hdf5_sys::h5p::H5Pset_szip;

const EC: u32 = 4;

#[test]
fn goldens_and_their_damage() {
    check_goldens(4, decode, 70);
}

/// A stream put together bit by bit from the standard's description.
#[test]
fn a_stream_made_by_hand() {
    // 8-bit samples, blocks of 4, scanlines of 10: 3 blocks each, the last one padded by 2.
    let text = [
        "010 01100100 001 1 01 1 0 1", // k = 1: reference 100, unary 2 0 1, low bits 1 0 1: 5, 0, 3
        "000 1 1 0001",                // pairs: code 0 is (0, 0), code 3 is (2, 0)
        "111 00000001 00000000 00000010 00000111", // as they are: 1, 0, 2, 7
        "000 0 11111111 01",           // zeros: reference 255, two blocks
        "001 1 01 0001 1",             // k = 0: unary 0 1 3 0
    ];
    let bits: Vec<u8> = text.concat().bytes().filter(|b| *b != b' ').map(|b| b - b'0').collect();
    let mut input = 20u32.to_le_bytes().to_vec();
    input.extend(bits.chunks(8).map(|c| c.iter().enumerate().fold(0, |v, (i, b)| v | b << (7 - i))));
    // Distances 5 (-3), 0, 3 (-2), 0, 0, 2 (+1), 0, 1 (-1), 0 and two of padding; then 0, 1 (-1), 3 and so on.
    // From 255 up there is no room above: the distance is down from the top.
    let want = [100u8, 97, 97, 95, 95, 95, 96, 96, 95, 95, 255, 255, 255, 255, 255, 255, 255, 255, 255, 254];
    let mut out = [0; 20];
    assert_eq!(decode(&[NN | EC, 4, 8, 10], &input, &mut out, &mut Work::default()), Ok(20));
    assert_eq!(out, want);
}

/// Data of one kind, elements of `size` bytes of which `bits` are used.
fn data(kind: usize, n: usize, size: usize, bits: usize, big: bool) -> Vec<u8> {
    let mut next = random(kind as u64 + 10 * size as u64);
    let mask = u64::MAX >> (64 - bits);
    let mut at = mask / 3;
    let mut out = Vec::new();
    for i in 0..n {
        at = match kind {
            0 => at.wrapping_add(next() % 7).wrapping_sub(3),
            1 => 0,
            2 => next() >> (next() % 64),
            3 => {
                if i % 700 < 600 {
                    5
                } else {
                    next()
                }
            }
            4 => (i as u64 / 40) % 2 * mask,
            5 => {
                if next().is_multiple_of(20) {
                    at.wrapping_add(next() % 3)
                } else {
                    at
                }
            }
            6 => {
                if i % 90 < 60 {
                    at.wrapping_add(next() % 2)
                } else {
                    next()
                }
            }
            _ => next() % 4,
        } & mask;
        let bytes = at.to_le_bytes();
        out.extend((0..size).map(|k| bytes[if big { size - 1 - k } else { k }]));
    }
    out
}

#[test]
fn what_libhdf5_packs_comes_back() {
    if !can_write(4, "szip") {
        return;
    }
    let (mut packed, mut given_up) = (0, 0);
    type Make = Box<dyn Fn(bool) -> Raw>;
    let types: Vec<(Make, usize, usize)> = vec![
        (Box::new(|big| integer(1, big, true, 8, 0)), 1, 8),
        (Box::new(|big| integer(1, big, false, 5, 0)), 1, 5),
        (Box::new(|big| integer(2, big, true, 16, 0)), 2, 16),
        (Box::new(|big| integer(2, big, false, 12, 0)), 2, 12),
        (Box::new(|big| integer(4, big, false, 20, 0)), 4, 20),
        (Box::new(|big| integer(4, big, false, 32, 0)), 4, 32),
        (Box::new(|big| integer(8, big, true, 64, 0)), 8, 64),
        (Box::new(|big| float(4, big)), 4, 32),
    ];
    let shapes: [&[u64]; 6] = [&[20, 13], &[3, 1000], &[4096], &[40, 3], &[9, 32], &[33, 7, 5]];
    for (t, size, bits) in &types {
        for (i, &shape) in shapes.iter().enumerate() {
            for kind in 0..8 {
                let big = (i + kind) % 2 == 1;
                let n = shape.iter().product::<u64>() as usize;
                let data = data(kind, n, *size, *bits, big);
                let block = [8, 32, 16, 4, 2, 10][(i + kind / 2) % 6];
                let option = if kind % 3 == 2 { EC } else { NN };
                let setup = |p| assert!(unsafe { H5Pset_szip(p, option, block) } >= 0);
                let s = Stored::new(&t(big), shape, setup, &data, None);
                if s.mask != 0 {
                    given_up += 1;
                    continue;
                }
                packed += 1;
                let what = format!("{size} {bits} {shape:?} {kind} {:?}", s.values);
                assert!(s.decode(decode, data.len()) == data, "{what}");
                // A cut gives a fault, or has cut only what nothing needs.
                let mut out = vec![0; data.len()];
                for cut in (0..s.bytes.len()).rev().take(40).chain((0..s.bytes.len()).step_by(97)) {
                    let got = decode(&s.values, &s.bytes[..cut], &mut out, &mut Work::default());
                    assert!(got.is_err() || out == data, "{what} cut at {cut}");
                }
            }
        }
    }
    assert!(packed > 200, "{packed} packed, {given_up} given up");
}

#[test]
fn hostile_parameters_are_refused() {
    let mut out = [0u8; 64];
    let mut input = 64u32.to_le_bytes().to_vec();
    input.extend([0u8; 100]);
    let work = &mut Work::default();
    for (values, say) in [
        (&[NN, 8, 8][..], "3 parameters"),
        (&[NN, 8, 8, 8, 8], "5 parameters"),
        (&[NN, 0, 8, 64], "blocks of 0"),
        (&[NN, 7, 8, 64], "blocks of 7"),
        (&[NN, 34, 8, 64], "blocks of 34"),
        (&[NN, u32::MAX - 1, 8, 64], "blocks of"),
        (&[NN, 8, 0, 64], "0 bits"),
        (&[NN, 8, 25, 64], "25 bits"),
        (&[NN, 8, 128, 64], "128 bits"),
        (&[NN, 8, 8, 0], "scanlines of 0"),
        (&[NN, 8, 8, 5000], "scanlines of 5000"),
    ] {
        let why = decode(values, &input, &mut out, work).unwrap_err();
        assert!(why.contains(say), "{values:?}: {why}");
    }
    let why = decode(&[NN, 8, 8, 64], &input, &mut out[..63], work).unwrap_err();
    assert!(why.contains("63 have room"), "{why}");
    assert!(decode(&[NN, 8, 8, 64], &input[..3], &mut out, work).is_err());
    input[0] = 63;
    assert!(decode(&[NN, 8, 64, 64], &input, &mut out, work).is_err());
    // Zeros to the end are no sample, in linear time: the longest run is that of a scanline's blocks.
    let long = [&64u32.to_le_bytes()[..], &vec![0u8; 1 << 20]].concat();
    for depth in [1, 8, 16, 24, 32] {
        for option in [NN, EC] {
            assert!(decode(&[option, 8, depth, 64], &long, &mut out, work).is_err());
        }
    }
}

/// A file of netCDF-C's tests.
#[test]
fn a_real_file() {
    let folder = std::env::var_os("CHUNKWISE_DATA").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        std::path::PathBuf::from,
    );
    let path = folder.join("filters/netcdfc_ref_szip.h5");
    if !path.is_file() {
        assert!(std::env::var_os("CHUNKWISE_DATA_REQUIRED").is_none(), "no {}", path.display());
        eprintln!("\nSKIPPED a_real_file: no {}\n", path.display());
        return;
    }
    use crate::h5;
    h5::locked(|| {
        let file = h5::open_file(&path).unwrap();
        let d = h5::open_dataset(&file, "dset_szip").unwrap();
        let values = h5::filters(&h5::creation(&d).unwrap()).unwrap()[0].values.clone();
        let space = h5::dataset_space(&d).unwrap();
        let mut whole = vec![0u8; 40 * 20 * 4];
        h5::read_selection(&d, &h5::dataset_type(&d).unwrap(), &space, &space, &mut whole).unwrap();
        for (row, column) in [(0, 0), (0, 10), (20, 0), (20, 10)] {
            let origin = [row as u64, column as u64];
            let mut bytes = vec![0; h5::stored_size(&d, &origin).unwrap() as usize];
            assert_eq!(h5::read_stored(&d, &origin, &mut bytes).unwrap(), 0);
            let mut out = [0u8; 20 * 10 * 4];
            assert_eq!(decode(&values, &bytes, &mut out, &mut Work::default()), Ok(out.len()));
            for (i, line) in out.chunks(40).enumerate() {
                let at = ((row + i) * 20 + column) * 4;
                assert_eq!(*line, whole[at..at + 40], "chunk {origin:?}, line {i}");
            }
        }
    });
}
