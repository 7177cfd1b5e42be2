//! NumPy's files: `.npy`, one array, and `.npz`, a zip of several, none compressed, as `numpy.save` and `numpy.savez` write
//! them. Blocks are written by position, by many threads.
//!
//! Source: NumPy's description of the format (NEP 1, version 1.0).

use super::format::{Format, Mode};
use super::hdf5::DatasetSpec;
use super::rows::write_rows;
use super::zip::{self, Entry};
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Region, checked_len};
use crate::whole::WholeFile;
use std::path::{Path, PathBuf};

/// A file of arrays being written.
#[derive(Debug)]
pub(crate) struct NpyWriter {
    target: PathBuf,
    file: WholeFile,
    specs: Vec<DatasetSpec>,
    /// Where the elements of each begin.
    at: Vec<u64>,
    /// The parts of an archive.
    entries: Vec<Entry>,
}

/// Checks that a file can have these arrays.
///
/// # Errors
/// `Unsupported` for several in an `.npy` file; `Value` for two of one name.
pub(super) fn check(format: Format, datasets: &[DatasetSpec]) -> Result<()> {
    if format == Format::Npy && datasets.len() != 1 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("an .npy file has one array, and these are {}", datasets.len()),
        )
        .hint("store several in an .npz or an .h5 file"));
    }
    for (n, d) in datasets.iter().enumerate() {
        if datasets[..n].iter().any(|other| entry_name(other) == entry_name(d)) {
            return Err(Error::new(ErrorKind::Value, format!("'{}' would be there twice", d.name)));
        }
        if entry_name(d).len() > usize::from(u16::MAX) {
            return Err(Error::new(ErrorKind::Value, "the name of an array is too long"));
        }
    }
    Ok(())
}

fn entry_name(d: &DatasetSpec) -> String {
    format!("{}.npy", d.name.trim_matches('/'))
}

fn bytes_of(d: &DatasetSpec) -> u64 {
    checked_len(&d.shape).unwrap_or(u64::MAX).saturating_mul(d.dtype.size() as u64)
}

impl NpyWriter {
    /// Makes a temporary file beside `target`.
    ///
    /// # Errors
    /// `Io`, and as [`check`].
    pub fn create(target: &Path, format: Format, datasets: &[DatasetSpec], mode: Mode) -> Result<NpyWriter> {
        let create = || {
            check(format, datasets)?;
            let file = mode.whole(target)?;
            let (mut place, mut at, mut entries) = (0u64, Vec::new(), Vec::new());
            for d in datasets {
                let header = header(d);
                if format == Format::Npz {
                    let bytes = header.len() as u64 + bytes_of(d);
                    let entry = Entry::new(entry_name(d), place, bytes);
                    place = entry.data();
                    entries.push(entry);
                }
                file.write_at(&header, place)?;
                at.push(place + header.len() as u64);
                place += header.len() as u64 + bytes_of(d);
            }
            Ok(NpyWriter { target: target.into(), file, specs: datasets.to_vec(), at, entries })
        };
        create().at("file", target.display())
    }

    /// The arrays.
    pub fn datasets(&self) -> &[DatasetSpec] {
        &self.specs
    }

    /// Writes a region of array number `n`: C order, native byte order.
    ///
    /// # Errors
    /// `Io`; a full disk says so.
    pub fn write_region(&self, n: usize, region: &Region, block: &[u8]) -> Result<()> {
        let d = &self.specs[n];
        write_rows(&self.file, self.at[n], &d.shape, region, block, d.dtype.size())
            .at("file", self.target.display())
            .at("dataset", &d.name)
    }

    /// Completes the file and puts it in the target's place.
    ///
    /// # Errors
    /// `Io`; the target is then as it was before, unless the message says otherwise.
    pub fn finish(self) -> Result<()> {
        let NpyWriter { target, file, entries, .. } = self;
        let finish = || {
            if !entries.is_empty() {
                zip::complete(&file, &entries)?;
            }
            file.finish()
        };
        finish().at("file", target.display())
    }
}

/// What comes before the elements.
fn header(d: &DatasetSpec) -> Vec<u8> {
    let shape = match d.shape.as_slice() {
        [n] => format!("({n},)"),
        shape => format!("({})", shape.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")),
    };
    let dict = format!("{{'descr': '{}', 'fortran_order': False, 'shape': {shape}, }}", descr(d.dtype));
    // A line end closes it; the elements begin at a multiple of 64.
    let head = b"\x93NUMPY\x01\x00";
    let before = head.len() + 2;
    let total = (before + dict.len() + 1).next_multiple_of(64);
    let mut out = head.to_vec();
    out.extend(((total - before) as u16).to_le_bytes());
    out.extend(dict.as_bytes());
    out.resize(total - 1, b' ');
    out.push(b'\n');
    out
}

/// NumPy's text of a dtype, in native byte order.
fn descr(dtype: DType) -> String {
    use crate::dtype::Kind;
    let kind = match dtype.kind() {
        Kind::Bool => return "|b1".into(),
        Kind::Int => 'i',
        Kind::UInt => 'u',
        Kind::Float => 'f',
    };
    let order = match (dtype.size(), cfg!(target_endian = "big")) {
        (1, _) => '|',
        (_, true) => '>',
        _ => '<',
    };
    format!("{order}{kind}{}", dtype.size())
}
