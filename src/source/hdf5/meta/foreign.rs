//! What a file without HDF5's signature is.

use super::bytes::{ReadAt, fetch};
use crate::error::{Error, ErrorKind};

/// How files begin, what they are then, and what can be done.
const KINDS: &[(&[u8], &str, &str)] = &[
    (b"\x1f\x8b", "a gzip file", "unpack it first: gunzip"),
    (b"BZh", "a bzip2 file", "unpack it first: bunzip2"),
    (b"\xfd7zXZ\0", "an xz file", "unpack it first: unxz"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", "unpack it first: unzstd"),
    (b"PK\x03\x04", "a zip archive", "unpack it first: unzip"),
    (b"CDF\x01", "a netCDF classic file", "Array::open and source::open_file read it"),
    (b"CDF\x02", "a netCDF classic file (64-bit offsets)", "Array::open and source::open_file read it"),
    (b"CDF\x05", "a netCDF classic file (64-bit data)", "Array::open and source::open_file read it"),
    (b"\x0e\x03\x13\x01", "an HDF4 file", "convert it: h4toh5"),
    (b"GRIB", "a GRIB file", "convert it, with cdo or cfgrib"),
    (b"SIMPLE  =", "a FITS file", "convert it to HDF5"),
    (b"\x93NUMPY", "a NumPy file", "convert it, with numpy.load and h5py"),
    (b"PAR1", "a Parquet file", "convert it to HDF5"),
    (b"%PDF", "a PDF", ""),
    (b"II*\0", "a TIFF image", "convert it to HDF5"),
    (b"MM\0*", "a TIFF image", "convert it to HDF5"),
    (b"\x89PNG", "a PNG image", ""),
    (b"MATLAB 5.0", "a MATLAB file of version 7 or older", "save it with -v7.3, which is HDF5"),
    (b"version https://git-lfs", "a pointer of Git LFS", "fetch the file itself: git lfs pull"),
];

/// The error that says what the file is.
pub(crate) fn named(file: &dyn ReadAt) -> Error {
    let wrong = |what: &str, hint: &str| {
        let e = Error::new(ErrorKind::Format, format!("this is {what}, not an HDF5 file"));
        if hint.is_empty() { e } else { e.hint(hint) }
    };
    if file.len() == 0 {
        return wrong("an empty file", "copy it again, or wait until it is written");
    }
    let mut head = Vec::new();
    if let Err(e) = fetch(file, 0, file.len().min(512), &mut head, &mut 0) {
        return e;
    }
    if let Some((_, what, hint)) = KINDS.iter().find(|(start, ..)| head.starts_with(start)) {
        return wrong(what, hint);
    }
    let text = String::from_utf8_lossy(&head).trim_start_matches('\u{feff}').trim_start().to_lowercase();
    if ["<!doctype html", "<html", "<head"].iter().any(|start| text.starts_with(start)) {
        return wrong(
            "an HTML page",
            "a download that got an error page or a login: look at it with a browser",
        );
    }
    if text.starts_with("<?xml") {
        return wrong("an XML document", "a download that got an error message: look at it");
    }
    if head.iter().all(|&b| b == 0) {
        return wrong(
            "a file that begins with zeros",
            "a copy or a download that did not end: copy it again",
        );
    }
    if head.get(257..262) == Some(b"ustar") {
        return wrong("a tar archive", "unpack it first: tar xf");
    }
    // The cut may go through a character.
    let end = head.len() - if head.len() == 512 { 4 } else { 0 };
    let plain = |b: &u8| !b.is_ascii_control() || matches!(b, b'\n' | b'\r' | b'\t');
    if head[..end].iter().all(plain)
        && std::str::from_utf8(&head[..end]).map_or_else(|e| e.valid_up_to() + 4 > end, |_| true)
    {
        return wrong("a text file", "");
    }
    Error::new(ErrorKind::Format, "this is not an HDF5 file: it does not have HDF5's signature")
        .hint("copy it again, or see what it is: file NAME")
}
