//! Headers that no file of a test has: too large, or without end.

use super::header::Header;
use super::place::{Place, Records};
use crate::error::{ErrorKind, Result};
use crate::source::hdf5::ReadAt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A file that begins with some bytes and then has one piece over and over, and counts what is read of it.
struct Endless {
    head: Vec<u8>,
    piece: Vec<u8>,
    len: u64,
    read: AtomicU64,
}

impl Endless {
    fn new(head: &[&[u8]], piece: &[&[u8]]) -> Endless {
        Endless { head: head.concat(), piece: piece.concat(), len: 1 << 60, read: AtomicU64::new(0) }
    }
}

impl ReadAt for Endless {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<()> {
        self.read.fetch_add(out.len() as u64, Relaxed);
        for (at, byte) in (at as usize..).zip(out) {
            *byte = match self.head.get(at) {
                Some(byte) => *byte,
                None => self.piece[(at - self.head.len()) % self.piece.len()],
            };
        }
        Ok(())
    }
}

fn n32(n: u32) -> [u8; 4] {
    n.to_be_bytes()
}

fn n64(n: u64) -> [u8; 8] {
    n.to_be_bytes()
}

#[test]
fn what_is_said_to_be_there_takes_no_memory() {
    // Names without end, dimensions without end, a variable of dimensions without end.
    let dimension: [&[u8]; 3] = [&n32(1), b"abcd", &n32(5)];
    let files = [
        (Endless::new(&[b"CDF\x01", &n32(0), &n32(10), &n32(u32::MAX)], &dimension), "more than"),
        (Endless::new(&[b"CDF\x05", &n64(0), &n32(10), &n64(1 << 50)], &[&n64(1 << 40)]), "more than"),
        (Endless::new(&[b"CDF\x05", &n64(0), &n32(10), &n64(1)], &[&n64(1 << 40)]), "a name of"),
        (
            Endless::new(&[b"CDF\x01", &n32(0), &n32(10), &n32(1 << 20)], &[&n32(65536), b"ab"]),
            "a header of more",
        ),
        (
            Endless::new(
                &[
                    b"CDF\x01",
                    &n32(0),
                    &n32(10),
                    &n32(1),
                    &n32(0),
                    &n32(1),
                    &[0; 8],
                    &n32(11),
                    &n32(1),
                    &n32(0),
                    &n32(u32::MAX),
                ],
                &[&n32(0)],
            ),
            "more than",
        ),
    ];
    for (n, (file, why)) in files.iter().enumerate() {
        let e = Header::read(file).unwrap_err();
        assert!(e.message().contains(why), "{n}: {e}");
        assert!(file.read.load(Relaxed) <= 80 << 20, "{n}: {} bytes", file.read.load(Relaxed));
    }
}

/// A CDF-5 file of one variable of these dimensions (0: records), in so many bytes.
fn one(dims: &[u64], kind: u32, records: u64, begin: u64, len: u64) -> Result<Place> {
    let mut head: Vec<u8> = [&b"CDF\x05"[..], &n64(records), &n32(10), &n64(dims.len() as u64)].concat();
    for &len in dims {
        head.extend([&n64(1)[..], b"abcd", &n64(len)].concat());
    }
    head.extend(
        [&n32(0)[..], &n64(0), &n32(11), &n64(1), &n64(1), b"abcd", &n64(dims.len() as u64)].concat(),
    );
    (0..dims.len()).for_each(|d| head.extend(n64(d as u64)));
    head.extend([&n32(0)[..], &n64(0), &n32(kind), &n64(0), &n64(begin)].concat());
    let file = Endless { len, ..Endless::new(&[&head], &[&[0]]) };
    let header = Header::read(&file)?;
    Place::of(&header, &header.variables[0], Records::of(&header, len)?, len, false)
}

#[test]
fn sizes_do_not_wrap() {
    const LARGE: u64 = i64::MAX as u64;
    let len = 1 << 62;
    // 4 TiB in a sparse file are fine.
    let place = one(&[0, 1 << 20, 1 << 10], 11, 512, 4096, len).unwrap();
    assert_eq!((&place.shape[..], place.bytes()), (&[512, 1 << 20, 1 << 10][..], 1 << 42));
    for (dims, kind, records, begin) in [
        (&[1 << 32, 1 << 32][..], 1, 0, 4096),
        (&[LARGE, 2], 1, 0, 4096),
        (&[LARGE, LARGE, LARGE], 1, 0, 4096),
        (&[1 << 61], 6, 0, 4096),
        (&[0, 1 << 40], 6, 1 << 40, 4096),
        (&[0, LARGE], 1, 2, 4096),
        (&[0], 1, LARGE, 4096),
        (&[4], 1, 0, u64::MAX),
        (&[4], 1, 0, u64::MAX - 2),
        (&[0], 6, 3, LARGE),
        (&[4], 1, 0, 10),
    ] {
        let e = one(dims, kind, records, begin, len).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Format, "{dims:?} at {begin}: {e}");
    }
    let e = one(&[1; 33], 1, 0, 4096, len).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
    // Whole records to the end, where the header does not say how many.
    for (len, records) in [(4096, 0), (4096 + 7, 0), (4096 + 8, 1), (4096 + 31, 3), (4096 + 32, 4)] {
        assert_eq!(one(&[0], 6, u64::MAX, 4096, len).unwrap().shape[..], [records]);
    }
    assert_eq!(one(&[0], 6, LARGE + 1, 4096, len).unwrap_err().kind(), ErrorKind::Format);
}
