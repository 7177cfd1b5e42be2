//! The inputs of expressions: datasets, groups and whole files by a name, of one file, a pattern, or a list.

use super::args::{Asking, JoinFiles, Missing};
use super::output::{note, plain};
use super::pattern::{self, Wrong};
use super::shared::Shared;
use super::{Done, Failure};
use chunkwise::expr::{Expression, Scope, Stored};
use chunkwise::size::human_bytes;
use chunkwise::{Array, Error, ErrorKind, Join, OpenOptions, Opened};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// What was told of the datasets that were opened.
#[derive(Default)]
pub struct Told {
    notes: Mutex<BTreeSet<String>>,
    masked: AtomicBool,
    keeps_missing: bool,
    files: Mutex<Vec<PathBuf>>,
}

impl Told {
    /// Whether NaN stands for missing numbers in one of them.
    pub fn masked(&self) -> bool {
        self.masked.load(Relaxed)
    }

    /// What was told of them.
    pub fn notes(&self) -> Vec<String> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The files of the inputs.
    pub fn files(&self) -> Vec<PathBuf> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells once what was done about the numbers of a dataset.
    fn tell(&self, label: &str, opened: &Opened) {
        self.masked.fetch_or(opened.masked, Relaxed);
        let raw = "(--raw for the numbers as stored)";
        let masked = "reductions leave out what is missing (--no-skipna keeps NaN)";
        let decoded = match (&opened.decoded, opened.masked && !self.keeps_missing) {
            (Some(how), true) => Some(format!("{how} {raw}; {masked}")),
            (Some(how), false) => Some(format!("{how} {raw}")),
            (None, true) => Some(format!("missing values are NaN; {masked}")),
            (None, false) => None,
        };
        for text in decoded.iter().chain(&opened.notes) {
            let text = format!("{label}: {text}");
            if self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone()) {
                note(&text);
            }
        }
    }
}

/// Gives the inputs of a command their names. Nothing is opened but where names must be found in a file.
///
/// # Errors
/// `Usage` for what cannot be read, and for a name that is given twice; those of looking into a file.
pub fn define(args: &Asking, scope: &mut Scope) -> Result<Arc<Told>, Failure> {
    let args = Arc::new(args.clone());
    let told = Arc::new(Told { keeps_missing: args.no_skipna, ..Told::default() });
    for input in &args.inputs {
        let usage = |what: &str| {
            Failure::Usage(format!(
                "-i {}: {what}\nhint: write -i NAME=FILE:/path, as in -i rho=snap.h5:/PartType0/Density, or -i FILE \
                 for all that is in it",
                plain(input)
            ))
        };
        let Place { name, files, path } = place(input, &usage)?;
        let stored = stored(&args, files, name.map(|name| (name, path)), &told).at(path);
        match name {
            Some(name) if scope.has(name) => return Err(usage(&format!("the name '{name}' is given twice"))),
            Some(name) => scope.define(name, stored),
            None => define_members(&stored, scope, &usage)?,
        }
    }
    Ok(told)
}

/// Gives all that is in a group, or the fields of a table, the names that they have there.
fn define_members(group: &Stored, scope: &mut Scope, usage: &dyn Fn(&str) -> Failure) -> Done {
    let mut left_out = Vec::new();
    let mut members: Vec<&str> = group.members()?.iter().map(String::as_str).collect();
    if members.is_empty() {
        // A group has no elements.
        members = group.fields().unwrap_or_default();
    }
    for &member in &members {
        if !is_name(member) {
            left_out.push(plain(member));
        } else if scope.has(member) {
            return Err(usage(&format!("the name '{member}' is taken; give the file one, as in -i s=FILE")));
        } else {
            scope.define(member, group.at(member));
        }
    }
    if !left_out.is_empty() {
        let names = left_out.join("', '");
        // Nobody to tell if stderr is closed.
        let _ = writeln!(io::stderr(), "note: '{names}' cannot be a name; -i s=FILE and s['…'] reach it");
    }
    match members.len() {
        0 => Err(usage(&format!("there is nothing in {}", plain(group.path())))),
        _ => Ok(()),
    }
}

fn is_name(text: &str) -> bool {
    Expression::parse(text).is_ok_and(|e| e.is_name(text))
}

/// What `-i` says.
struct Place<'a> {
    name: Option<&'a str>,
    files: Files,
    path: &'a str,
}

/// The files of an input.
enum Files {
    One(PathBuf),
    Many(Vec<PathBuf>),
}

/// `[NAME=]FILE[:path]`, where FILE may have any of these signs in it if it is there.
fn place<'a>(input: &'a str, usage: &dyn Fn(&str) -> Failure) -> Result<Place<'a>, Failure> {
    let (name, place) = match input.split_once('=') {
        Some((name, place)) if is_name(name.trim()) => (Some(name.trim()), place),
        Some((name, _)) if !Path::new(input).exists() && !name.contains(['/', '.', ':']) => {
            return Err(usage(&format!("'{}' is not a name", plain(name))));
        }
        _ => (None, input),
    };
    if place.is_empty() {
        return Err(usage("there is no file"));
    }
    // All of it, or what is before the last `:/`, or before the last `:` after which no slash is needed.
    let splits = [place.rfind(":/"), place.rfind(':')];
    let whole = (place, "/");
    let ways = splits.into_iter().flatten().filter(|at| *at > 0).map(|at| (&place[..at], &place[at + 1..]));
    let there = |file: &str| Path::new(file).exists();
    // Names in a list may have colons too.
    let (file, path) = match there(place) || place.split(',').all(there) {
        true => whole,
        false => ways.clone().find(|(file, _)| there(file)).or(ways.clone().next()).unwrap_or(whole),
    };
    let files = match files(file)? {
        Some(many) => Files::Many(many),
        None => Files::One(file.into()),
    };
    if let Files::One(file) = &files
        && let Err(e) = std::fs::metadata(file)
    {
        let kind = if e.kind() == io::ErrorKind::NotFound { ErrorKind::NotFound } else { ErrorKind::Io };
        return Err(Error::new(kind, "cannot find the file").at("file", file.display()).caused_by(e).into());
    }
    Ok(Place { name, files, path })
}

/// What is in the files.
fn stored(args: &Arc<Asking>, files: Files, named: Option<(&str, &str)>, told: &Arc<Told>) -> Stored {
    let (args, options, told) = (args.clone(), options(args), told.clone());
    let trimmed = |path: &str| path.trim_matches('/').to_string();
    let named = named.map(|(name, path)| (name.to_string(), trimmed(path)));
    let paths = match &files {
        Files::One(file) => vec![file.clone()],
        Files::Many(files) => files.clone(),
    };
    told.files.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&paths);
    let its_files = paths.clone();
    let join = join(&args);
    let shared = Arc::new(Shared::new(&paths, join, options));
    let once = shared.clone();
    let open = move |path: &str| {
        let opened = open(&args, &files, &shared, path)?;
        let label = named.as_ref().filter(|(_, own)| *own == trimmed(path)).map_or(path, |(name, _)| name);
        told.tell(label, &opened);
        if args.untrusted {
            say_work(label, &opened.array, &its_files)?;
        }
        Ok(opened.array)
    };
    Stored::opened_by(paths, join, options, open).once(move |path| once.is_apart(path))
}

/// How the datasets of several files become one.
fn join(args: &Asking) -> Join {
    match args.join {
        JoinFiles::Concatenate => Join::Concatenate { axis: args.axis },
        JoinFiles::Stack => Join::Stack { axis: args.axis },
    }
}

fn options(args: &Asking) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.allow_external = args.allow_external;
    options.allow_plugins = args.allow_plugins;
    options.fill_missing = args.fill_missing;
    options.untrusted = args.untrusted;
    options.reader = args.reader.into();
    options.decode = !args.raw;
    options.skip_missing = args.missing == Missing::Skip;
    options.promote = args.promote;
    options
}

/// Opens the dataset at `path` of the files, joined as the arguments say.
///
/// # Errors
/// As [`Opened::open`] and [`Opened::open_many`].
fn open(args: &Asking, files: &Files, shared: &Shared, path: &str) -> chunkwise::Result<Opened> {
    match files {
        Files::One(file) => Opened::open(file, path, options(args)),
        Files::Many(files) => match shared.open(path)? {
            Some(opened) => Ok(opened),
            None => {
                let mut opened = Opened::open_many(files, path, join(args), options(args))?;
                opened.notes.extend(shared.notes(path));
                Ok(opened)
            }
        },
    }
}

/// The files that `text` says, if it is a pattern or a list and not the name of a file.
///
/// # Errors
/// `NotFound` for a pattern without a match, and usage for one that cannot be read.
pub fn files(text: &str) -> Result<Option<Vec<PathBuf>>, Failure> {
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
fn matches(text: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut out = pattern::find(text.as_bytes()).map_err(|wrong| match wrong {
        Wrong::Pattern(why) => Failure::Usage(format!("the pattern '{text}' cannot be read: {why}")),
        Wrong::Folder(folder, e) => {
            let looked = Error::new(ErrorKind::Io, "cannot look for files").at("folder", folder.display());
            looked.caused_by(e).into()
        }
    })?;
    out.sort_by(|a, b| natural(&a.to_string_lossy(), &b.to_string_lossy()).then_with(|| a.cmp(b)));
    Ok(out)
}

/// An array is said to be large where it has more than so many bytes, and than so many times its files'.
const LARGE: u64 = 64 << 20;
const TIMES: u64 = 20;

/// Says how much an array of untrusted files is, where they do not look like it.
fn say_work(label: &str, array: &Array, files: &[PathBuf]) -> chunkwise::Result<()> {
    let elements = array.shape()?.iter().fold(1u64, |n, &len| n.saturating_mul(len));
    let bytes = elements.saturating_mul(array.dtype()?.size() as u64);
    let stored: u64 = files.iter().filter_map(|file| file.metadata().ok()).map(|m| m.len()).sum();
    if bytes > LARGE && bytes / TIMES > stored {
        let (bytes, stored) = (human_bytes(bytes), human_bytes(stored));
        note(&format!("{label} is an array of {bytes}, of {stored} in untrusted files"));
    }
    Ok(())
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
