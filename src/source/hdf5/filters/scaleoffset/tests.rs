use super::super::stored::{Raw, Stored, can_write, check_goldens, float, integer, random};
use super::*;
use hdf5_sys::h5i::hid_t;
use hdf5_sys::h5p::{H5Pset_fill_time, H5Pset_fill_value, H5Pset_filter};
use hdf5_sys::{h5d::H5D_fill_time_t::H5D_FILL_TIME_NEVER, h5z::H5Z_FLAG_OPTIONAL};

#[test]
fn goldens_and_their_damage() {
    check_goldens(6, decode, 90);
}

/// What the creation list is to say: the kind of scaling, its factor, the fill value (in the file's
/// order), `Some(&[])` for a fill value that is undefined.
fn setup(p: hid_t, t: &Raw, kind: u32, factor: i32, fill: Option<&[u8]>) {
    unsafe {
        match fill {
            Some([]) => {
                assert!(H5Pset_fill_value(p, t.0, std::ptr::null()) >= 0);
                assert!(H5Pset_fill_time(p, H5D_FILL_TIME_NEVER) >= 0);
            }
            Some(fill) => assert!(H5Pset_fill_value(p, t.0, fill.as_ptr().cast()) >= 0),
            None => {}
        }
        // H5Pset_scaleoffset takes no negative factors, the filter does.
        let values = [kind, factor as u32];
        assert!(H5Pset_filter(p, 6, H5Z_FLAG_OPTIONAL, 2, values.as_ptr()) >= 0);
    }
}

fn ordered(v: u64, size: usize, big: bool) -> Vec<u8> {
    let mut bytes = v.to_le_bytes()[..size].to_vec();
    if big {
        bytes.reverse();
    }
    bytes
}

#[test]
fn integers_that_libhdf5_packs_come_back() {
    assert!(can_write(6, "scale-offset"));
    let mut next = random(1);
    for size in [1usize, 2, 4, 8] {
        for signed in [false, true] {
            for big in [false, true] {
                let t = integer(size, big, signed, 8 * size, 0);
                for spread in [0, 1, 3, 5, 7, 8, 11, 16, 24, 31, 33, 50, 58, 63, 64] {
                    if spread > 8 * size {
                        continue;
                    }
                    let mask = if spread == 0 { 0 } else { u64::MAX >> (64 - spread) };
                    // Around zero, so that signed data have both signs.
                    let base = if signed { 0u64.wrapping_sub(mask / 2) } else { 3 & !mask };
                    let fill = ordered(base.wrapping_sub(1), size, big);
                    for kind in [None, Some(&[][..]), Some(&fill[..])] {
                        let mut data = Vec::new();
                        for i in 0..150 {
                            let v = base.wrapping_add(next() & mask);
                            let filled = i % 7 == 0 && kind.is_some_and(|f| !f.is_empty());
                            data.extend(if filled { fill.clone() } else { ordered(v, size, big) });
                        }
                        let make = |p| setup(p, &t, 2, 0, kind);
                        let s = Stored::new(&t, &[10, 15], make, &data, None);
                        assert_eq!(s.mask, 0);
                        let what = format!("{size} {signed} {big} {spread} {:?}", s.values);
                        assert_eq!(s.values[7], u32::from(kind != Some(&[][..])), "{what}");
                        assert!(s.decode(decode, data.len()) == data, "{what}");
                    }
                }
            }
        }
    }
}

/// Floats by every power of ten that matters, against what libhdf5 reads, bit by bit.
#[test]
fn floats_have_the_bits_of_libhdf5() {
    let (mut next, mut compared) = (random(2), 0);
    for size in [4usize, 8] {
        for exponent in -44..=44 {
            let big = exponent % 2 == 0;
            let t = float(size, big);
            let scale = 10f64.powi(-exponent);
            let element = |v: f64| {
                let bits = if size == 4 { u64::from((v as f32).to_bits()) } else { v.to_bits() };
                ordered(bits, size, big)
            };
            let fill = element(-7.25 * scale);
            for kind in [None, Some(&[][..]), Some(&fill[..])] {
                let mut data = Vec::new();
                for i in 0..200 {
                    let v = (next() % 100_000) as f64 * 0.37 * scale + 3.0 * scale;
                    let filled = i % 9 == 0 && kind.is_some_and(|f| !f.is_empty());
                    data.extend(if filled { fill.clone() } else { element(v) });
                }
                let s = Stored::new(&t, &[200], |p| setup(p, &t, 0, exponent, kind), &data, None);
                assert_eq!(s.mask, 0);
                let width = u32::from_le_bytes(*s.bytes.first_chunk().unwrap());
                if width as usize > 8 * size {
                    // Its float type has no such power: libhdf5 wrote nonsense, and reads beyond.
                    let mut out = vec![0; data.len()];
                    assert!(decode(&s.values, &s.bytes, &mut out, &mut Work::default()).is_err());
                    continue;
                }
                compared += usize::from(width as usize != 8 * size);
                let read = s.read(None, data.len());
                let got = s.decode(decode, data.len());
                assert!(got == read, "{size} {exponent} {:?}\n{got:?}\n{read:?}", s.values);
            }
        }
    }
    assert!(compared > 450, "only {compared} compared");
}

/// Streams that no writer makes, stored as they are and read by libhdf5.
#[test]
fn odd_streams_read_as_in_libhdf5() {
    let mut next = random(3);
    for round in 0..400 {
        let size = [1usize, 2, 4, 8][round % 4];
        let real = size >= 4 && round % 3 == 0;
        let (big, signed) = (next().is_multiple_of(2), next().is_multiple_of(2));
        let t = if real { float(size, big) } else { integer(size, big, signed, 8 * size, 0) };
        let width = next() as usize % (8 * size + 1);
        let held = [8, 0, 1, 4, 7, 9, 255][next() as usize % 7];
        let mut chunk = (width as u32).to_le_bytes().to_vec();
        chunk.push(held);
        let least = if real && size == 4 { u64::from(1.75f32.to_bits()) } else { 0x3ff1_f0f1_5555_aaaa };
        chunk.extend(least.to_le_bytes());
        chunk.extend((0..8 + (37 * width).div_ceil(8)).map(|_| next() as u8));
        // Some numbers that are ones alone.
        let n = chunk.len();
        chunk[21..(21 + width).min(n)].fill(0xff);
        let fill = ordered(0x4012_3456_789a_bcde, size, big);
        let fill = [None, Some(&[][..]), Some(&fill[..])][next() as usize % 3];
        let (kind, factor) = if real { (0, (next() % 9) as i32 - 2) } else { (2, 0) };
        let s = Stored::new(&t, &[37], |p| setup(p, &t, kind, factor, fill), &[], Some(&chunk));
        let read = s.read(None, 37 * size);
        let got = s.decode(decode, 37 * size);
        assert!(got == read, "{width} {held} {:?}\n{got:?}\n{read:?}", s.values);
    }
}

#[test]
fn hostile_parameters_are_refused() {
    let mut good = vec![2u32, 0, 10, 0, 4, 1, 0, 0];
    good.resize(20, 0);
    let mut input = 5u32.to_le_bytes().to_vec();
    input.push(8);
    input.resize(21 + 7, 0);
    let (work, out) = (&mut Work::default(), &mut [0u8; 40]);
    assert_eq!(decode(&good, &input, out, work), Ok(40));
    assert!(decode(&good[..19], &input, out, work).unwrap_err().contains("19 parameters"));
    assert!(decode(&good, &input, &mut out[..39], work).unwrap_err().contains("39 have room"));
    assert!(decode(&good, &input[..27], out, work).unwrap_err().contains("ends early"));
    assert!(decode(&good, &input[..20], out, work).unwrap_err().contains("header"));
    for (i, value, say) in [
        (0, 0, "class 0 by method 0"),
        (1, 33, "asks for 33 bits"),
        (2, u32::MAX, "have room"),
        (3, 7, "class 7"),
        (4, 0, "0 bytes"),
        (4, 3, "3 bytes"),
        (4, u32::MAX, "bytes"),
        (6, 2, "byte order 2"),
        (7, 2, "whether there is a fill value"),
    ] {
        let mut values = good.clone();
        values[i] = value;
        let why = decode(&values, &input, out, work).unwrap_err();
        assert!(why.contains(say), "{i} {value}: {why}");
    }
    let mut escale = good.clone();
    (escale[0], escale[3]) = (1, 1);
    assert!(decode(&escale, &input, out, work).unwrap_err().contains("E-scaling"));
    for width in [33u32, 64, u32::MAX] {
        input[..4].copy_from_slice(&width.to_le_bytes());
        assert!(decode(&good, &input, out, work).unwrap_err().contains("bits for elements of 4 bytes"));
    }
}

#[test]
fn powers_of_ten_are_exact_where_they_can_be() {
    for e in 0..=22 {
        assert_eq!(power64(e), 10f64.powi(e));
    }
    for e in 0..=10 {
        assert_eq!(f64::from(power32(e)), 10f64.powi(e));
    }
    assert_eq!((power64(-1), power32(-1)), (0.1, 0.1));
    assert_eq!(
        (power64(400), power64(-400), power32(60), power32(-60)),
        (f64::INFINITY, 0.0, f32::INFINITY, 0.0)
    );
    assert!(power64(i32::MIN) == 0.0 && power64(i32::MAX) == f64::INFINITY);
}
