//! Names and numbers that strangers chose: nothing in them is obeyed by a terminal, any bytes can be a file's
//! name, and what an untrusted file asks for is bounded before it is done.
#![cfg(unix)]

mod common;
#[path = "common/limited.rs"]
mod limited;
#[path = "common/unheld.rs"]
mod unheld;

use chunkwise::DType;
use chunkwise::text::is_escaped;
use common::{dataset, folder, write_file};
use limited::{Ran, soon, watched};
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use unheld::unheld;

const PATIENCE: Duration = Duration::from_secs(60);

fn chunkwise<S: AsRef<OsStr>>(args: &[S]) -> Ran {
    watched(Command::new(env!("CARGO_BIN_EXE_chunkwise")).args(args), PATIENCE)
}

fn numbers(path: &Path, first: u64) {
    let values: Vec<u8> = (first..first + 3).flat_map(|i| (i as f64).to_ne_bytes()).collect();
    write_file(path, &[(dataset("x", &[3], DType::F64, None, None), &values)]);
}

#[test]
fn names_of_any_bytes_are_found_and_read() {
    let dir = folder();
    let at = |name: &[u8]| dir.path().join(OsStr::from_bytes(name));
    // The library that writes takes names of UTF-8.
    for (first, name) in [(0, &b"a_1.h5"[..]), (3, b"a_\xe9.h5"), (6, b"\xff\xfe.h5")] {
        numbers(&dir.path().join("made.h5"), first);
        std::fs::rename(dir.path().join("made.h5"), at(name)).unwrap();
    }
    std::fs::write(at(b"caf\xe9.txt"), "").unwrap();
    let sum = |place: &[u8]| {
        let input = [b"x=", dir.path().as_os_str().as_bytes(), b"/", place, b":/x"].concat();
        let args = [b"eval", &b"-i"[..], &input, b"sum(x)", b"--device", b"cpu"].map(OsStr::from_bytes);
        chunkwise(&args)
    };
    for (place, want) in [
        (&b"a_*.h5"[..], 15.0),
        (b"a_?.h5", 15.0),
        (b"*.h5", 36.0),
        (b"?_1.h5", 3.0),
        (b"**/a_*.h5", 15.0),
        (b"[!a]*.h5", 21.0),
    ] {
        let ran = sum(place);
        assert_eq!(ran.out, format!("sum(x) = {want:?}\n"), "{}: {ran:?}", place.escape_ascii());
    }
    let ran = chunkwise(&[OsStr::new("info"), at(b"a_[!1].h5").as_os_str()]);
    assert!(ran.code == Some(0) && ran.out.contains("x  float64 (3,)"), "{ran:?}");
    let ran = sum(b"none_*.h5");
    assert!(ran.code == Some(1) && ran.err.contains("no file matches"), "{ran:?}");
    // What is stored under such a name is there.
    let target = at(b"out\xe9.h5");
    let args = ["eval", "y=arange(4)", "--output"].map(OsStr::new);
    let ran = chunkwise(&[&args[..], &[target.as_os_str()]].concat());
    assert!(ran.code == Some(0) && target.exists(), "{ran:?}");
}

/// What terminals obey, and what turns the order of letters around.
const HARMFUL: &str = "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}2J\u{202e}\u{2066}\nhint: run this";

/// A file whose names, texts and filters are harmful.
fn harmful(path: &Path) {
    use hdf5_sys::{h5a::*, h5d::*, h5f::*, h5g::*, h5p::*, h5s::*, h5t::*};
    let file_name = CString::new(path.to_str().unwrap()).unwrap();
    let name = CString::new(HARMFUL).unwrap();
    // SAFETY: identifiers and pointers are live, and the lock is held.
    hdf5::sync::sync(|| unsafe {
        let file = H5Fcreate(file_name.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        let space = H5Screate_simple(1, [3].as_ptr(), std::ptr::null());
        let compound = H5Tcreate(H5T_COMPOUND, 4);
        assert!(H5Tinsert(compound, name.as_ptr(), 0, *H5T_IEEE_F32LE) >= 0);
        let c = H5Dcreate2(file, c"c".as_ptr(), compound, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        let group = H5Gcreate2(file, name.as_ptr(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        let text = H5Tcopy(*H5T_C_S1);
        H5Tset_size(text, HARMFUL.len() + 1);
        let scalar = H5Screate(H5S_class_t::H5S_SCALAR);
        let attribute = H5Acreate2(group, name.as_ptr(), text, scalar, H5P_DEFAULT, H5P_DEFAULT);
        assert!(H5Awrite(attribute, text, name.as_ptr().cast()) >= 0);
        for close in [H5Aclose(attribute), H5Gclose(group), H5Dclose(c), H5Fclose(file)] {
            assert!(close >= 0);
        }
    });
}

#[test]
fn nothing_that_a_terminal_obeys_is_printed() {
    let dir = folder();
    let file = dir.path().join("e.h5");
    harmful(&file);
    let odd = dir.path().join("s\u{1b}[31m\u{202e}.h5");
    std::fs::copy(&file, &odd).unwrap();
    let (plain, odd) = (file.to_str().unwrap(), odd.to_str().unwrap());
    let pattern = format!("x={}/s*.h5:/none", dir.path().display());
    let place = |file: &str, path: &str| format!("x={file}:{path}");
    let below = format!("/{HARMFUL}/none");
    let runs: Vec<Vec<String>> = [
        &["info", plain][..],
        &["info", plain, "--json"],
        &["info", &format!("{plain}:/none")],
        &["info", odd],
        &["info", &format!("{odd}:/none")],
        &["eval", "sum(x)", "-i", &place(plain, "/c")],
        &["eval", "sum(x)", "-i", &place(plain, "/none")],
        &["eval", "sum(x)", "-i", &place(plain, &below)],
        &["eval", "sum(x)", "-i", &pattern],
        &["eval", "sum(x)", "-i", &place(odd, "/none")],
        &["eval", "sum(x)", "--output", odd],
        &["eval", "x\u{1b}[2J"],
    ]
    .iter()
    .map(|args| args.iter().map(|a| a.to_string()).collect())
    .collect();
    for args in runs {
        for more in [&[][..], &["--untrusted"], &["--reader", "libhdf5"]] {
            if more.is_empty() || !args.iter().any(|a| a == "--output" || a.starts_with('x')) {
                let ran =
                    chunkwise(&[&args[..], &more.iter().map(|m| m.to_string()).collect::<Vec<_>>()].concat());
                for text in [&ran.out, &ran.err] {
                    let bad = text.chars().find(|c| *c != '\n' && is_escaped(*c));
                    assert!(bad.is_none(), "{args:?} {more:?}: {bad:?} in {text:?}");
                    assert!(!text.contains("\nhint: run this"), "{args:?}: {text:?}");
                }
            }
        }
    }
    // The same strings come back from JSON.
    let ran = chunkwise(&["info", plain, "--json"]);
    let tree: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert!(
        tree["members"].as_array().unwrap().iter().any(|m| m["path"] == format!("/{HARMFUL}")),
        "{ran:?}"
    );
}

/// A dataset of so many bytes, in such chunks, of which one is stored.
fn sparse(path: &Path, len: u64, chunk: u64) {
    use hdf5_sys::{h5d::*, h5f::*, h5p::*, h5s::*, h5t::*};
    unheld(path);
    let name = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: identifiers and pointers are live, and the lock is held.
    hdf5::sync::sync(|| unsafe {
        let file = H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        let plist = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        assert!(H5Pset_chunk(plist, 1, [chunk].as_ptr()) >= 0 && H5Pset_deflate(plist, 9) >= 0);
        let space = H5Screate_simple(1, [len].as_ptr(), std::ptr::null());
        let made = H5Dcreate2(file, c"x".as_ptr(), *H5T_STD_U8LE, space, H5P_DEFAULT, plist, H5P_DEFAULT);
        let one = H5Screate_simple(1, [1].as_ptr(), std::ptr::null());
        let set = H5S_seloper_t::H5S_SELECT_SET;
        H5Sselect_hyperslab(space, set, [0].as_ptr(), std::ptr::null(), [1].as_ptr(), std::ptr::null());
        assert!(H5Dwrite(made, *H5T_STD_U8LE, one, space, H5P_DEFAULT, [1u8].as_ptr().cast()) >= 0);
        for close in [H5Dclose(made), H5Pclose(plist), H5Fclose(file)] {
            assert!(close >= 0);
        }
    });
}

#[test]
fn the_work_that_an_untrusted_file_asks_for_is_bounded() {
    let dir = folder();
    let path = dir.path().join("s.h5");
    let input = format!("x={}:/x", path.display());
    let eval =
        |more: &[&str]| chunkwise(&[&["eval", "--device", "cpu", "-i", &input, "sum(x)"][..], more].concat());
    for (len, chunk, what) in [
        (2_000_000_000, 2, "GiB"),
        (1 << 30, 2, "chunks"),
        (1 << 40, 1 << 20, "an array of 1.0 TiB"),
        (300 << 20, 300 << 20, "chunks of 300.0 MiB"),
    ] {
        sparse(&path, len, chunk);
        let ran = eval(&["--untrusted"]);
        assert!(ran.code == Some(1) && ran.took < Duration::from_secs(10), "{ran:?}");
        assert!(ran.err.contains("an untrusted file of") && ran.err.contains(what), "{len} {chunk}: {ran:?}");
    }
    // What is as large as it seems is read, and what becomes much larger is said.
    sparse(&path, 200 << 20, 1 << 20);
    let ran = eval(&["--untrusted"]);
    assert_eq!((ran.code, &ran.out[..]), (Some(0), "sum(x) = 1\n"), "{ran:?}");
    assert!(ran.err.contains("note: ") && ran.err.contains("200.0 MiB"), "{ran:?}");
    assert!(!eval(&[]).err.contains("200.0 MiB"));
}

/// A file with `n` attributes on its root, or a dataset `n` groups deep.
fn many(path: &Path, n: usize, deep: bool) -> String {
    unheld(path);
    let file = hdf5::File::create(path).unwrap();
    if deep {
        let mut group = file.as_group().unwrap();
        for _ in 0..n {
            group = group.create_group("d").unwrap();
        }
        group.new_dataset::<f64>().shape([3]).create("x").unwrap();
        return format!("{}/x", "/d".repeat(n));
    }
    for i in 0..n {
        file.new_attr::<i32>().create(&*format!("a{i}")).unwrap().write_scalar(&(i as i32)).unwrap();
    }
    "/".into()
}

#[test]
fn many_attributes_and_deep_groups_are_read_soon() {
    let dir = folder();
    let path: PathBuf = dir.path().join("m.h5");
    for reader in [&[][..], &["--untrusted"]] {
        many(&path, 1200, false);
        let ran = chunkwise(&[&["info", path.to_str().unwrap()][..], reader].concat());
        assert!(ran.code == Some(0) && ran.took < Duration::from_secs(5), "{reader:?} {:?}", ran.took);
        assert_eq!(ran.out.matches("@a").count(), 1200);
        let place = many(&path, 600, true);
        let input = format!("x={}:{place}", path.display());
        let args = ["eval", "--device", "cpu", "-i", &input, "sum(x)"];
        let ran = chunkwise(&[&args[..], reader].concat());
        assert!(ran.code == Some(0) && ran.took < Duration::from_secs(5), "{reader:?} {:?}", ran.took);
    }
}

#[test]
fn what_cannot_be_written_is_no_success() {
    for args in [&["--help"][..], &["--version"], &["eval", "--help"], &["eval", "1 + 1"], &["devices"]] {
        let full = std::fs::File::options().write(true).open("/dev/full");
        let Ok(full) = full else { return };
        let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
        let status = command.args(args).stdout(full).stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(1), "{args:?}");
    }
}

/// A listing ends at the first Ctrl-C.
#[test]
fn a_signal_ends_what_cannot_be_asked_at_once() {
    let dir = folder();
    let path = dir.path().join("m.h5");
    many(&path, 4000, false);
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
    command.args(["info", "--reader", "libhdf5"]).arg(&path).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(150));
    // SAFETY: a signal to a child that was not waited for.
    unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) };
    assert!(soon(Duration::from_secs(3), || child.try_wait().unwrap().is_some()));
}
