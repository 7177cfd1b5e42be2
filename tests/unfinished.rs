//! Files whose writer is not done, has crashed, or of which an end is missing: they are read as they are, and that is said.

mod common;
#[path = "common/structures.rs"]
mod structures;

use chunkwise::source::hdf5::{Unfinished, unfinished};
use chunkwise::{Join, OpenOptions, Opened};
use common::{folder, session};
use std::path::{Path, PathBuf};
use std::process::Command;
use structures::lookup3;

fn golden(file: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/meta").join(file)).unwrap()
}

/// A file whose superblock says that a writer has it open.
fn said(folder: &Path, flags: u8) -> PathBuf {
    let mut bytes = golden("v114.h5");
    bytes[11] = flags;
    let sum = lookup3(&bytes[..44]).to_le_bytes();
    bytes[44..48].copy_from_slice(&sum);
    let path = folder.join(format!("flags{flags}.h5"));
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A file without its last bytes, which no dataset of it needs.
fn cut(folder: &Path) -> (PathBuf, u64, u64) {
    let mut bytes = golden("earliest.h5");
    let stated = bytes.len() as u64;
    bytes.truncate(bytes.len() - 1);
    let path = folder.join("cut.h5");
    std::fs::write(&path, &bytes).unwrap();
    (path, stated - 1, stated)
}

/// What is said of a dataset of a file, which is read all the same.
fn notes(path: &Path) -> Vec<String> {
    let opened = Opened::open(path, "/data/growing", OpenOptions::new()).unwrap();
    let sum = session(1, "64MiB").compute(&opened.array.sum()).unwrap().item::<i64>().unwrap();
    assert_eq!(sum, 1770);
    let decoded = Opened::open(path, "/data/growing", OpenOptions::new().decode()).unwrap();
    assert_eq!(decoded.notes, opened.notes);
    opened.notes
}

#[test]
fn what_is_not_done_is_read_and_said() {
    let folder = folder();
    let whole = folder.path().join("whole.h5");
    std::fs::write(&whole, golden("v114.h5")).unwrap();
    assert_eq!(unfinished(&whole).unwrap(), None);
    assert_eq!(notes(&whole), [""; 0]);
    for flags in [1, 4, 5] {
        let path = said(folder.path(), flags);
        assert_eq!(unfinished(&path).unwrap(), Some(Unfinished::Open));
        let said = "a writer has the file open, or had when it crashed: it is read as it is now";
        assert_eq!(notes(&path), [said]);
    }
    let (path, have, stated) = cut(folder.path());
    assert_eq!(unfinished(&path).unwrap(), Some(Unfinished::Cut { have, stated }));
    let said = format!("the file has {have} of {stated} bytes: it is cut off, or still being written");
    assert_eq!(notes(&path), [said]);
    // Other formats do not say it.
    let classic = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/netcdf/classic.nc");
    assert_eq!(unfinished(classic).unwrap(), None);
    assert!(unfinished(folder.path().join("nowhere.h5")).is_err());
}

/// Also where the file itself does not say it, as those of the older formats.
#[test]
#[cfg(target_os = "linux")]
fn a_file_that_somebody_has_open_for_writing_is_said_to_be() {
    let folder = folder();
    let path = folder.path().join("written.h5");
    std::fs::write(&path, golden("earliest.h5")).unwrap();
    assert_eq!(notes(&path), [""; 0]);
    let writer = std::fs::File::options().write(true).open(&path).unwrap();
    assert_eq!(unfinished(&path).unwrap(), Some(Unfinished::Writing));
    assert_eq!(notes(&path), ["a writer has the file open: it is read as it is now"]);
    drop(writer);
    assert_eq!(unfinished(&path).unwrap(), None);
    assert_eq!(notes(&path), [""; 0]);
}

#[test]
fn of_many_files_the_first_is_named() {
    let folder = folder();
    let whole = folder.path().join("whole.h5");
    std::fs::write(&whole, golden("v114.h5")).unwrap();
    let paths = [whole, said(folder.path(), 1), said(folder.path(), 5), said(folder.path(), 4)];
    let many = |paths: &[PathBuf]| {
        let join = Join::Concatenate { axis: 0 };
        Opened::open_many(paths, "/data/growing", join, OpenOptions::new()).unwrap().notes
    };
    assert_eq!(many(&paths[..1]), [""; 0]);
    let said = ": a writer has the file open, or had when it crashed: it is read as it is now";
    assert_eq!(many(&paths[..2]), [format!("flags1.h5{said}")]);
    assert_eq!(many(&paths[..3]), [format!("flags1.h5 and 1 other file{said}")]);
    assert_eq!(many(&paths), [format!("flags1.h5 and 2 other files{said}")]);
}

#[test]
fn the_program_says_it() {
    let folder = folder();
    let path = said(folder.path(), 5);
    let run = |args: &[&str]| {
        let out = Command::new(env!("CARGO_BIN_EXE_chunkwise")).args(args).output().unwrap();
        assert!(out.status.success(), "{out:?}");
        (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    let said = "a writer has the file open, or had when it crashed: it is read as it is now";
    let place = path.display().to_string();
    for more in [&["info"][..], &["info", "--json"]] {
        let (_, err) = run(&[more, &[&place]].concat());
        assert_eq!(err, format!("note: {place}: {said}\n"));
    }
    let input = format!("x={place}:/data/growing");
    let (out, err) = run(&["eval", "--device", "cpu", "--json", "-i", &input, "sum(x)"]);
    assert_eq!(err, format!("note: x: {said}\n"));
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["notes"][0], format!("x: {said}"));
}
