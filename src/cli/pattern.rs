//! Patterns of file names, as shells have them, over names of any bytes.
//!
//! `*` is any text within a name, `?` one character, `[a-z]` one of a set, `[!a-z]` one outside of it, `**` as
//! a whole part any folders between, links to folders left out, so that it ends and finds a file once. A
//! name that begins with a dot is found by a part that does. Bytes that are no UTF-8 are characters.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of a name.
#[cfg(unix)]
pub fn bytes(name: &OsStr) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(name)
}

/// Bytes of a name; of one that is no UTF-8, which only Unix has everywhere, none.
#[cfg(not(unix))]
pub fn bytes(name: &OsStr) -> &[u8] {
    name.to_str().unwrap_or_default().as_bytes()
}

/// The name of these bytes.
#[cfg(unix)]
pub fn name(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

/// The name of these bytes.
#[cfg(not(unix))]
pub fn name(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// Whether a text has anything of a pattern.
pub fn is_pattern(text: &[u8]) -> bool {
    text.iter().any(|b| b"*?[".contains(b))
}

/// Why nothing could be looked for.
pub enum Wrong {
    /// The pattern, and what is wrong with it.
    Pattern(&'static str),
    /// A folder that cannot be read.
    Folder(PathBuf, io::Error),
}

/// The files that match a pattern, folders left out, in no order.
///
/// # Errors
/// See [`Wrong`].
pub fn find(pattern: &[u8]) -> Result<Vec<PathBuf>, Wrong> {
    let parts: Vec<&[u8]> = pattern.split(|b| *b == b'/').collect();
    for part in &parts {
        check(part).map_err(Wrong::Pattern)?;
    }
    let mut found = vec![PathBuf::new()];
    for (n, part) in parts.iter().enumerate() {
        let last = n + 1 == parts.len();
        let mut next = Vec::new();
        for folder in found {
            match *part {
                // The root, or two slashes.
                b"" if n == 0 => next.push("/".into()),
                b"" => next.push(folder),
                b"**" => below(folder, last, &mut next)?,
                part if is_pattern(part) => {
                    let inside = entries(&folder)?.into_iter().filter(|name| matches(part, bytes(name)));
                    next.extend(inside.map(|name| folder.join(name)));
                }
                part => next.push(folder.join(name(part))),
            }
        }
        if !last {
            next.retain(|path| path.as_os_str().is_empty() || path.is_dir());
        }
        found = next;
    }
    found.retain(|path| path.symlink_metadata().is_ok() && !path.is_dir());
    Ok(found)
}

/// A folder and those below it; of the last part of a pattern the files in them.
fn below(folder: PathBuf, files: bool, out: &mut Vec<PathBuf>) -> Result<(), Wrong> {
    let mut pending = vec![folder];
    while let Some(folder) = pending.pop() {
        for name in entries(&folder)?.into_iter().filter(|name| !bytes(name).starts_with(b".")) {
            let path = folder.join(name);
            match path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
                true => pending.push(path),
                false if files => out.push(path),
                false => {}
            }
        }
        if !files {
            out.push(folder);
        }
    }
    Ok(())
}

/// The names in a folder; none where there is no such folder.
fn entries(folder: &Path) -> Result<Vec<OsString>, Wrong> {
    let place = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let wrong = |e| Wrong::Folder(place.to_path_buf(), e);
    match place.read_dir() {
        Ok(entries) => entries.map(|e| e.map(|e| e.file_name()).map_err(wrong)).collect(),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(e) => Err(wrong(e)),
    }
}

/// What is wrong with a part of a pattern.
pub fn check(part: &[u8]) -> Result<(), &'static str> {
    if part != b"**" && part.windows(2).any(|two| two == b"**") {
        return Err("** has to stand alone between slashes");
    }
    let mut rest = part;
    while let Some(at) = rest.iter().position(|b| *b == b'[') {
        let (_, after) = set(&rest[at..]).ok_or("a [ without its ]")?;
        rest = after;
    }
    Ok(())
}

/// A set at the start of a pattern, and what follows it.
fn set(pattern: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = pattern.get(1..)?;
    // A ] that stands first is one of the set.
    let first = if inside.first() == Some(&b'!') { 2 } else { 1 };
    let end = first + inside.get(first..)?.iter().position(|b| *b == b']')?;
    Some((&inside[..end], &inside[end + 1..]))
}

/// Whether a name matches a part of a pattern.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b".") && !pattern.starts_with(b".") {
        return false;
    }
    let (mut p, mut n) = (pattern, name);
    // Where the last * stands, and from where its text is tried next.
    let mut again: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match p.first() {
            Some(b'*') => {
                again = Some((&p[1..], n));
                p = &p[1..];
                continue;
            }
            None if n.is_empty() => return true,
            None => None,
            Some(_) if n.is_empty() => None,
            Some(b'?') => Some((&p[1..], character(n).1)),
            Some(b'[') => set(p).and_then(|(set, after)| {
                let (c, rest) = character(n);
                has(set, c).then_some((after, rest))
            }),
            Some(b) => (n[0] == *b).then(|| (&p[1..], &n[1..])),
        };
        match (step, again) {
            (Some(step), _) => (p, n) = step,
            (None, Some((after, from))) if !from.is_empty() => {
                let from = character(from).1;
                again = Some((after, from));
                (p, n) = (after, from);
            }
            _ => return false,
        }
    }
}

/// The first character, and what follows it. A byte that is no UTF-8 is a character beyond all others.
fn character(text: &[u8]) -> (u32, &[u8]) {
    let len = (1..=text.len().min(4)).find(|&n| std::str::from_utf8(&text[..n]).is_ok());
    let c = len.and_then(|n| std::str::from_utf8(&text[..n]).ok()?.chars().next());
    match (c, len) {
        (Some(c), Some(len)) => (c.into(), &text[len..]),
        _ => (char::MAX as u32 + 1 + u32::from(text[0]), &text[1..]),
    }
}

/// Whether a set has a character.
fn has(set: &[u8], c: u32) -> bool {
    let (outside, mut rest) = match set.strip_prefix(b"!") {
        Some(rest) => (true, rest),
        None => (false, set),
    };
    let mut inside = false;
    while !rest.is_empty() {
        let (low, after) = character(rest);
        let (high, after) = match after {
            [b'-', end @ ..] if !end.is_empty() => character(end),
            _ => (low, after),
        };
        inside |= (low..=high).contains(&c);
        rest = after;
    }
    inside != outside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_matches_as_in_a_shell() {
        let yes: [(&str, &str); 17] = [
            ("a*", "a"),
            ("*.h5", "snap_1.h5"),
            ("*a*b*", "xxaxbxab"),
            ("?", "é"),
            ("s_[0-9].h5", "s_4.h5"),
            ("[!a-c]", "d"),
            ("[]a]", "]"),
            ("[!]a]", "b"),
            ("[a-]", "-"),
            ("[é-ü]", "ö"),
            (".*", ".x"),
            ("*", ""),
            ("a,b*", "a,bc"),
            ("*a", "aaaa"),
            ("[*]", "*"),
            ("x[?]", "x?"),
            ("*é*", "caféx"),
        ];
        for (pattern, name) in yes {
            assert!(matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        let no: [(&str, &str); 9] = [
            ("a*", "ba"),
            ("*", ".x"),
            ("?", "ab"),
            ("?", ""),
            ("[!a-c]", "b"),
            ("[a-c]", "d"),
            ("*.h5", "x.h5.old"),
            ("[0-9]", ""),
            ("a*b*c", "abxbd"),
        ];
        for (pattern, name) in no {
            assert!(!matches(pattern.as_bytes(), name.as_bytes()), "{pattern} {name}");
        }
        assert!(matches(b"caf?.h5", b"caf\xe9.h5") && matches(b"*", b"\xff\xfe") && !matches(b"?", b"\xe9a"));
        // No time without end.
        assert!(!matches(&b"*a".repeat(40), &b"a".repeat(2000).into_iter().chain(*b"b").collect::<Vec<_>>()));
    }

    #[cfg(unix)]
    #[test]
    fn folders_are_walked_once_and_links_end() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("a/b/.c")).unwrap();
        for file in ["a/x.h5", "a/b/x.h5", "a/b/.c/x.h5", "a/b/.x.h5", "y.h5"] {
            std::fs::write(at(file), "").unwrap();
        }
        std::fs::write(folder.path().join(name(b"caf\xe9.h5")), "").unwrap();
        std::os::unix::fs::symlink("..", at("a/loop")).unwrap();
        std::os::unix::fs::symlink("x.h5", at("a/link.h5")).unwrap();
        let found = |pattern: &str| {
            let mut found = find(at(pattern).to_str().unwrap().as_bytes()).ok().unwrap();
            found.sort();
            let short = |p: &PathBuf| p.strip_prefix(folder.path()).unwrap().to_string_lossy().into_owned();
            found.iter().map(short).collect::<Vec<_>>()
        };
        assert_eq!(found("**/x.h5"), ["a/b/x.h5", "a/x.h5"]);
        let all = ["a/b/x.h5", "a/link.h5", "a/x.h5", "caf\u{fffd}.h5", "y.h5"];
        assert_eq!(found("**"), all);
        assert_eq!(found("a/loop/*.h5"), ["a/loop/caf\u{fffd}.h5", "a/loop/y.h5"]);
        assert_eq!(found("*/*.h5"), ["a/link.h5", "a/x.h5"]);
        assert_eq!(found("*.h5"), ["caf\u{fffd}.h5", "y.h5"]);
        assert_eq!(found("none/*"), [""; 0]);
        assert_eq!(found("y.h5/*"), [""; 0]);
        assert_eq!(found("a"), [""; 0]);
        for pattern in ["a**", "***", "[a", "a[!]"] {
            assert!(matches!(find(pattern.as_bytes()), Err(Wrong::Pattern(_))), "{pattern}");
        }
    }
}
