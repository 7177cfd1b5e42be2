//! Zip archives whose parts are stored as they are, and whose places are known before they are written.
//!
//! Sizes are those of zip64 throughout, as `numpy.savez` has them. Source: PKWARE's APPNOTE, 4.3 and 4.5.3.

use crate::error::Result;
use crate::whole::WholeFile;
use libdeflater::Crc;

/// A part of an archive.
#[derive(Debug)]
pub(super) struct Entry {
    name: String,
    at: u64,
    bytes: u64,
}

const LOCAL: u64 = 30;
const LOCAL_EXTRA: u64 = 20;
/// 1980-01-01: the same archive for the same arrays.
const DATE: u16 = 1 << 5 | 1;
/// The version of the format that has zip64.
const VERSION: u16 = 45;
/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
/// Bytes that are read at a time for the checksums.
const READ: usize = 256 << 10;

impl Entry {
    /// A part of `bytes` bytes whose header is at `at`.
    pub fn new(name: String, at: u64, bytes: u64) -> Entry {
        Entry { name, at, bytes }
    }

    /// Where its bytes begin.
    pub fn data(&self) -> u64 {
        self.at + LOCAL + self.name.len() as u64 + LOCAL_EXTRA
    }
}

/// Writes what surrounds the parts, after all of their bytes are there.
///
/// # Errors
/// `Io`.
pub(super) fn complete(file: &WholeFile, entries: &[Entry]) -> Result<()> {
    let mut central = Vec::new();
    let mut end = 0;
    for entry in entries {
        let crc = checksum(file, entry)?;
        let mut head = Vec::new();
        head.extend(b"PK\x03\x04");
        common(&mut head, entry, crc);
        head.extend((LOCAL_EXTRA as u16).to_le_bytes());
        head.extend(entry.name.as_bytes());
        head.extend([1u16.to_le_bytes(), 16u16.to_le_bytes()].concat());
        head.extend([entry.bytes.to_le_bytes(), entry.bytes.to_le_bytes()].concat());
        file.write_at(&head, entry.at)?;
        end = entry.data() + entry.bytes;

        central.extend(b"PK\x01\x02");
        // Made by that version, on Unix.
        central.extend((VERSION | 3 << 8).to_le_bytes());
        common(&mut central, entry, crc);
        central.extend(28u16.to_le_bytes());
        // No comment, one disk, no attributes inside; outside: a plain file that all may read.
        central.extend([0u8; 6]);
        central.extend((0o100_644u32 << 16).to_le_bytes());
        central.extend(u32::MAX.to_le_bytes());
        central.extend(entry.name.as_bytes());
        central.extend([1u16.to_le_bytes(), 24u16.to_le_bytes()].concat());
        for n in [entry.bytes, entry.bytes, entry.at] {
            central.extend(n.to_le_bytes());
        }
    }
    let (count, size) = (entries.len() as u64, central.len() as u64);
    let mut tail = b"PK\x06\x06".to_vec();
    tail.extend(44u64.to_le_bytes());
    tail.extend([VERSION.to_le_bytes(), VERSION.to_le_bytes()].concat());
    tail.extend([0u8; 8]);
    for n in [count, count, size, end] {
        tail.extend(n.to_le_bytes());
    }
    tail.extend(b"PK\x06\x07");
    tail.extend(0u32.to_le_bytes());
    tail.extend((end + size).to_le_bytes());
    tail.extend(1u32.to_le_bytes());
    tail.extend(b"PK\x05\x06");
    tail.extend(0u32.to_le_bytes());
    tail.extend([u16::MAX.to_le_bytes(), u16::MAX.to_le_bytes()].concat());
    tail.extend([u32::MAX.to_le_bytes(), u32::MAX.to_le_bytes()].concat());
    tail.extend(0u16.to_le_bytes());
    central.extend(tail);
    file.write_at(&central, end)
}

/// What the two headers of a part share: all but the length of what follows the name.
fn common(out: &mut Vec<u8>, entry: &Entry, crc: u32) {
    // Stored; at midnight.
    for n in [VERSION, FLAGS, 0, 0, DATE] {
        out.extend(n.to_le_bytes());
    }
    for n in [crc, u32::MAX, u32::MAX] {
        out.extend(n.to_le_bytes());
    }
    out.extend((entry.name.len() as u16).to_le_bytes());
}

/// The checksum of ZIP (CRC-32) of bytes in memory.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    libdeflater::crc32(bytes)
}

fn checksum(file: &WholeFile, entry: &Entry) -> Result<u32> {
    let mut crc = Crc::new();
    let mut buffer = vec![0u8; READ];
    let (mut at, end) = (entry.data(), entry.data() + entry.bytes);
    while at < end {
        let n = (end - at).min(READ as u64) as usize;
        file.read_at(&mut buffer[..n], at)?;
        crc.update(&buffer[..n]);
        at += n as u64;
    }
    Ok(crc.sum())
}
