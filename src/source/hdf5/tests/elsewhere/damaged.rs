//! Mappings that are damaged.

use super::*;

/// The bytes of a file with virtual datasets, changed in every way at many places: whatever comes of it is no panic, and
/// no more than it may take.
#[test]
fn damaged_mappings_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    sources(dir.path());
    let path = dir.path().join("v.h5");
    let f = create(&path, 0);
    let frames = Select::Hyper(&[(0, 1, U, 1), (0, 1, 1, 6), (0, 1, 1, 8)]);
    virtual_dataset(
        &f,
        "n",
        DType::I32,
        &[1, 6, 8],
        Some(&[U, 6, 8]),
        &[("s%b.h5", "x", &[6, 8], All, frames)],
    );
    let corner: Select = Union(&[&[(0, 1, 1, 2), (0, 1, 1, 3)], &[(3, 1, 1, 2), (2, 1, 1, 4)]]);
    let map: Map = ("s2.h5", "list", &[48], Select::Hyper(&[(2, 3, 14, 1)]), corner);
    virtual_dataset(&f, "c", DType::I32, &[7, 6], None, &[map]);
    drop(f);
    let bytes = std::fs::read(&path).unwrap();
    let heap = bytes.windows(4).position(|w| w == b"GCOL").unwrap();
    let objects: Vec<(usize, usize)> = {
        let mut at = heap + 16;
        let mut out = Vec::new();
        loop {
            let number = u16::from_le_bytes([bytes[at], bytes[at + 1]]);
            let len = u64::from_le_bytes(bytes[at + 8..at + 16].try_into().unwrap()) as usize;
            if number == 0 {
                break out;
            }
            out.push((at + 16, len));
            at += 16 + len.next_multiple_of(8);
        }
    };
    assert_eq!(objects.len(), 2);
    let (mut opened, mut refused) = (0, 0);
    let changed = dir.path().join("w.h5");
    let mut state = 3u64;
    let mut next = |n: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % n
    };
    for round in 0..1500 {
        let mut bytes = bytes.clone();
        let (at, len) = objects[round % 2];
        let inner = len - 4;
        for _ in 0..1 + next(3) {
            let i = at + next(inner as u64) as usize;
            let with = [0, 1, 2, 0x7f, 0x80, 0xff, next(256) as u8][next(7) as usize];
            for k in 0..[1, 1, 2, 4, 8][next(5) as usize] {
                if i + k < at + inner {
                    bytes[i + k] = with;
                }
            }
        }
        let sum = crate::source::hdf5::meta::checksum::lookup3(&bytes[at..at + inner]);
        bytes[at + inner..at + len].copy_from_slice(&sum.to_le_bytes());
        std::fs::write(&changed, &bytes).unwrap();
        let name = ["n", "c"][round % 2];
        for options in [allowed(), allowed().fill_missing()] {
            match Hdf5Source::open(&changed, name, options) {
                Ok(source) => {
                    opened += 1;
                    let elements: u64 = source.shape().iter().product();
                    if elements < 1 << 20 {
                        let _ = whole(&source);
                    }
                }
                Err(e) => {
                    refused += 1;
                    assert_ne!(e.kind(), ErrorKind::Internal, "{e}");
                }
            }
        }
    }
    assert!(opened > 100 && refused > 1000, "{opened} {refused}");
}
