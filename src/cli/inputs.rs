//! The files of an input: one, a pattern, or a list.

use super::Failure;
use super::args::{Eval, JoinFiles, Missing};
use chunkwise::{Error, ErrorKind, Join, OpenOptions, Opened};
use std::cmp::Ordering;
use std::path::{Path, PathBuf};

/// Opens the dataset at `path` of `file`: of the file of this very name, if there is one; otherwise of
/// the files that it says as a pattern or a list, joined as the arguments say.
///
/// # Errors
/// As [`Opened::open`] and [`Opened::open_many`]; `NotFound` for a pattern without a match.
pub fn open(args: &Eval, file: &str, path: &str) -> Result<Opened, Failure> {
    let mut options = OpenOptions::new();
    options.allow_external = args.allow_external;
    options.allow_plugins = args.allow_plugins;
    options.fill_missing = args.fill_missing;
    options.untrusted = args.untrusted;
    options.reader = args.reader.into();
    options.decode = !args.raw;
    options.skip_missing = args.missing == Missing::Skip;
    options.promote = args.promote;
    let join = match args.join {
        JoinFiles::Concatenate => Join::Concatenate { axis: args.axis },
        JoinFiles::Stack => Join::Stack { axis: args.axis },
    };
    Ok(match files(file)? {
        None => Opened::open(file, path, options)?,
        Some(files) => Opened::open_many(files, path, join, options)?,
    })
}

/// The files that `text` says, if it is a pattern or a list and not the name of a file.
fn files(text: &str) -> Result<Option<Vec<PathBuf>>, Failure> {
    let is_pattern = |text: &str| text.contains(['*', '?', '[']);
    if Path::new(text).exists() || !(text.contains(',') || is_pattern(text)) {
        return Ok(None);
    }
    // A pattern may have a comma, and then it is one if it matches.
    if is_pattern(text) && text.contains(',') {
        let found = matches(text)?;
        if !found.is_empty() {
            return Ok(Some(found));
        }
    }
    let mut out = Vec::new();
    for one in text.split(',') {
        if Path::new(one).exists() || !is_pattern(one) {
            out.push(PathBuf::from(one));
            continue;
        }
        let found = matches(one)?;
        if found.is_empty() {
            let e = Error::new(ErrorKind::NotFound, format!("no file matches the pattern '{one}'"));
            return Err(e
                .hint("* is any text within a name, ? one character, [0-9] a range, ** folders")
                .into());
        }
        out.extend(found);
    }
    Ok(Some(out))
}

/// The files that match a pattern, in natural order.
fn matches(pattern: &str) -> Result<Vec<PathBuf>, Failure> {
    let as_shells_do = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let paths = glob::glob_with(pattern, as_shells_do)
        .map_err(|e| Failure::Usage(format!("the pattern '{pattern}' cannot be read: {e}")))?;
    let mut out = Vec::new();
    for path in paths {
        let path = path.map_err(|e| {
            Error::new(ErrorKind::Io, "cannot look for files").at("file", e.path().display()).caused_by(e)
        })?;
        if !path.is_dir() {
            out.push(path);
        }
    }
    out.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()));
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
            files(text).ok().unwrap().map(|f| {
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
            matches!(files(&at("t_*.h5")), Err(Failure::Chunkwise(e)) if e.to_string().contains("t_*.h5"))
        );
        assert!(matches!(files(&at("t_[.h5")), Err(Failure::Usage(e)) if e.contains("t_[.h5")));
    }
}
