//! The files of an input: one, a pattern, or a list.

use super::Failure;
use super::args::{Eval, JoinFiles};
use super::pattern::{self, Wrong, is_pattern};
use chunkwise::size::human_bytes;
use chunkwise::{Array, Error, ErrorKind, Join, OpenOptions};
use std::cmp::Ordering;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Opens the dataset at `path` of `file`: of the file of this very name, if there is one; otherwise of
/// the files that it says as a pattern or a list, joined as the arguments say. They are added to `opened`.
///
/// # Errors
/// As [`Array::open_with`] and [`Array::open_many_with`]; `NotFound` for a pattern without a match.
pub fn open(args: &Eval, file: &OsStr, path: &str, opened: &mut Vec<PathBuf>) -> Result<Array, Failure> {
    let mut options = OpenOptions::new();
    options.allow_external = args.allow_external;
    options.allow_plugins = args.allow_plugins;
    options.fill_missing = args.fill_missing;
    options.untrusted = args.untrusted;
    options.reader = args.reader.into();
    let join = match args.join {
        JoinFiles::Concatenate => Join::Concatenate { axis: args.axis },
        JoinFiles::Stack => Join::Stack { axis: args.axis },
    };
    Ok(match files(file)? {
        None => {
            opened.push(file.into());
            Array::open_with(file, path, options)?
        }
        Some(files) => {
            opened.extend_from_slice(&files);
            Array::open_many_with(files, path, join, options)?
        }
    })
}

/// An array is said to be large where it has more than so many bytes, and than so many times its files'.
const LARGE: u64 = 64 << 20;
const TIMES: u64 = 20;

/// Says on stderr how much an array of untrusted files is, where they do not look like it.
///
/// # Errors
/// Those of the array.
pub fn say_work(name: &str, array: &Array, files: &[PathBuf]) -> Result<(), Error> {
    let elements = array.shape()?.iter().fold(1u64, |n, &len| n.saturating_mul(len));
    let bytes = elements.saturating_mul(array.dtype()?.size() as u64);
    let stored: u64 = files.iter().filter_map(|file| file.metadata().ok()).map(|m| m.len()).sum();
    if bytes > LARGE && bytes / TIMES > stored {
        let (bytes, stored) = (human_bytes(bytes), human_bytes(stored));
        // Nobody to tell if stderr is closed.
        let _ = writeln!(io::stderr(), "note: {name} is an array of {bytes}, of {stored} in untrusted files");
    }
    Ok(())
}

/// The files that `text` says, if it is a pattern or a list and not the name of a file.
fn files(text: &OsStr) -> Result<Option<Vec<PathBuf>>, Failure> {
    let bytes = pattern::bytes(text);
    let is_list = bytes.contains(&b',');
    if Path::new(text).exists() || !(is_list || is_pattern(bytes)) {
        return Ok(None);
    }
    // A pattern may have a comma, and then it is one if it matches.
    if is_pattern(bytes) && is_list {
        let found = matches(bytes)?;
        if !found.is_empty() {
            return Ok(Some(found));
        }
    }
    let mut out = Vec::new();
    for one in bytes.split(|b| *b == b',') {
        let path = PathBuf::from(pattern::name(one));
        if path.exists() || !is_pattern(one) {
            out.push(path);
            continue;
        }
        let found = matches(one)?;
        if found.is_empty() {
            let what = format!("no file matches the pattern '{}'", path.display());
            return Err(Error::new(ErrorKind::NotFound, what)
                .hint("* is any text within a name, ? one character, [0-9] a range, ** folders")
                .into());
        }
        out.extend(found);
    }
    Ok(Some(out))
}

/// The files that match a pattern, in natural order.
fn matches(text: &[u8]) -> Result<Vec<PathBuf>, Failure> {
    let mut out = pattern::find(text).map_err(|wrong| match wrong {
        Wrong::Pattern(why) => {
            let text = String::from_utf8_lossy(text);
            Failure::Usage(format!("the pattern '{text}' cannot be read: {why}"))
        }
        Wrong::Folder(folder, e) => Error::new(ErrorKind::Io, "cannot look for files")
            .at("folder", folder.display())
            .caused_by(e)
            .into(),
    })?;
    out.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()).then_with(|| a.cmp(b)));
    Ok(out)
}

/// Text compared with the numbers in it by their value: `snap_2` before `snap_10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a, b);
    loop {
        let (n, m) = (digits(x), digits(y));
        if n > 0 && m > 0 {
            let (p, q) = (x[..n].trim_start_matches('0'), y[..m].trim_start_matches('0'));
            match p.len().cmp(&q.len()).then_with(|| p.cmp(q)) {
                Ordering::Equal => (x, y) = (&x[n..], &y[m..]),
                other => return other,
            }
            continue;
        }
        match (x.chars().next(), y.chars().next()) {
            (Some(c), Some(d)) if c == d => (x, y) = (&x[c.len_utf8()..], &y[d.len_utf8()..]),
            // Equal but for zeros in front of numbers.
            (None, None) => return a.cmp(b),
            (c, d) => return c.cmp(&d),
        }
    }
}

/// How many ASCII digits a text begins with.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_by_value() {
        let mut names = [
            "s_10.h5",
            "s_9.h5",
            "s_2b.h5",
            "s_2.h5",
            "s_002.h5",
            "a_99999999999999999999999.h5",
            "s.h5",
            "é_1",
            "s_1/x_3",
            "s_1/x_20",
        ];
        names.sort_by(|a, b| natural(a, b));
        let right = [
            "a_99999999999999999999999.h5",
            "s.h5",
            "s_1/x_3",
            "s_1/x_20",
            "s_002.h5",
            "s_2.h5",
            "s_2b.h5",
            "s_9.h5",
            "s_10.h5",
            "é_1",
        ];
        assert_eq!(names, right);
    }

    #[test]
    fn a_name_that_exists_is_that_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
        let names = |text: &str| {
            files(OsStr::new(text)).ok().unwrap().map(|f| {
                f.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect::<Vec<_>>()
            })
        };
        for name in ["s_1.h5", "s_10.h5", "s_2.h5", ".s_3.h5", "a,b.h5", "x[1].h5"] {
            std::fs::write(at(name), "").unwrap();
        }
        std::fs::create_dir(at("s_7.h5")).unwrap();
        assert_eq!(names(&at("s_*.h5")).unwrap(), ["s_1.h5", "s_2.h5", "s_10.h5"]);
        assert_eq!(names(&at("a,b.h5")), None);
        assert_eq!(names(&at("x[1].h5")), None);
        assert_eq!(names(&at("missing.h5")), None);
        let list = format!("{},{},{}", at("s_2.h5"), at("s_1*.h5"), at("missing.h5"));
        assert_eq!(names(&list).unwrap(), ["s_2.h5", "s_1.h5", "s_10.h5", "missing.h5"]);
        assert!(
            matches!(files(at("t_*.h5").as_ref()), Err(Failure::Chunkwise(e)) if e.to_string().contains("t_*.h5"))
        );
        assert!(matches!(files(at("t_[.h5").as_ref()), Err(Failure::Usage(e)) if e.contains("t_[.h5")));
    }
}
