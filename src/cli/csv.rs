//! Tables as text with commas (RFC 4180): a line of names, and a line for each row. Numbers are the shortest that read back
//! to the same bits.

use std::io::{self, Write};
use std::path::Path;

/// Whether a file's name says that it is such a table.
pub fn is_named(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"))
}

/// Writes a line of cells as they are.
///
/// # Errors
/// Those of writing.
pub fn line(out: &mut dyn Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    for (n, cell) in cells.enumerate() {
        out.write_all(if n == 0 { b"" } else { b"," })?;
        out.write_all(cell.as_bytes())?;
    }
    out.write_all(b"\n")
}

/// A name, in quotes if it needs them.
pub fn quoted(name: &str) -> String {
    match name.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", name.replace('"', "\"\"")),
        false => name.to_string(),
    }
}
