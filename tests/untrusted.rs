//! Files that could have been made to do harm, opened as untrusted: whatever is in them, the caller gets an
//! answer or an error, soon and within memory. Files that are as they should be answer as ever.
#![cfg(unix)]

mod common;
#[path = "common/limited.rs"]
mod limited;

use chunkwise::source::hdf5::guard;
use chunkwise::{Array, DType, ErrorKind, OpenOptions};
use common::{child, data_folder, dataset, elements, folder, job, session, succeed, to_bytes, write_file};
use hdf5_sys::{h5d::*, h5f::*, h5i::*, h5p::*, h5s::*, h5t::*};
use limited::{Ran, alive, children, soon, watched, with_space};
use serde_json::{Value, json};
use std::ffi::CString;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chunkwise");
/// The longest a command may take on a file of a few hundred KiB.
const PATIENCE: Duration = Duration::from_secs(10);
const GIB: u64 = 1 << 30;

fn chunkwise(args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args);
    command
}

fn info(file: &Path, more: &[&str]) -> Command {
    let mut command = chunkwise(&["info"]);
    command.arg(file).args(more);
    command
}

fn eval(file: &Path, dataset: &str, expression: &str, more: &[&str]) -> Command {
    let mut command = chunkwise(&["eval", "--device", "cpu", "--memory", "256MiB", "--json", "-i"]);
    command.arg(format!("x={}:{dataset}", file.display())).arg(expression).args(more);
    command
}

/// The numeric datasets in what `info --json` prints.
fn datasets(node: &Value, out: &mut Vec<String>) {
    if node["kind"] == "dataset" && !node["dtype"].is_null() {
        out.push(node["path"].as_str().unwrap().into());
    }
    node["members"].as_array().into_iter().flatten().for_each(|member| datasets(member, out));
}

fn listed(ran: &Ran) -> Vec<String> {
    let mut out = Vec::new();
    if ran.code == Some(0) {
        datasets(&serde_json::from_str(&ran.out).unwrap(), &mut out);
    }
    out
}

fn hostile(test: &str) -> Option<Vec<PathBuf>> {
    let folder = data_folder(test)?.join("hostile");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 50);
    Some(files)
}

#[test]
fn hostile_files_cannot_hurt_the_caller() {
    let Some(files) = hostile("hostile_files_cannot_hurt_the_caller") else { return };
    let (mut bad, mut died, mut runs, mut peak, mut longest) = (Vec::new(), 0, 0, 0, Duration::ZERO);
    let mut look = |what: String, file: &Path, command: &mut Command| {
        let ran = watched(command, PATIENCE);
        runs += 1;
        died += u32::from(ran.err.contains("in a process of its own"));
        peak = peak.max(ran.peak);
        longest = longest.max(ran.took);
        let named = ran.err.contains(&*file.file_name().unwrap().to_string_lossy());
        let fine = matches!(ran.code, Some(0..=2)) && !ran.late && ran.peak < GIB;
        if !fine || (ran.code != Some(0) && !named) || ran.err.contains("panicked") {
            bad.push(format!("{what} {}: {ran:?}", file.display()));
        }
        ran
    };
    for file in &files {
        let ran = look("info".into(), file, &mut info(file, &["--untrusted", "--json"]));
        for name in listed(&ran) {
            look(format!("eval {name}"), file, &mut eval(file, &name, "sum(x)", &["--untrusted"]));
        }
    }
    let _ = writeln!(
        std::io::stderr(),
        "{} hostile files, {runs} runs: libhdf5 died in {died}; at most {longest:?} and {} MiB",
        files.len(),
        peak >> 20
    );
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(runs > 200 && died > 0, "{runs} runs, {died} deaths");
}

#[test]
fn trusted_hostile_files_meet_no_panic_of_ours() {
    let Some(files) = hostile("trusted_hostile_files_meet_no_panic_of_ours") else { return };
    let mut bad = Vec::new();
    let mut look = |file: &Path, command: &mut Command| {
        let ran = watched(with_space(command, 3 * GIB), 2 * PATIENCE);
        // libhdf5 may crash here; code of ours says how it ends.
        let ours = ran.err.contains("panicked at") || ran.err.contains("memory allocation of");
        if ran.late || ours || !matches!(ran.code, None | Some(0..=2)) {
            bad.push(format!("{}: {ran:?}", file.display()));
        }
        ran
    };
    for file in &files {
        let ran = look(file, &mut info(file, &["--json"]));
        for name in listed(&ran) {
            look(file, &mut eval(file, &name, "sum(x)", &[]));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Makes a one-dimensional dataset of a type, with `more` said about its storage.
fn make(file: hid_t, name: &str, ty: hid_t, values: &[f32], more: impl Fn(hid_t)) {
    let name = CString::new(name).unwrap();
    let len = values.len() as u64;
    hdf5::sync::sync(|| unsafe {
        let plist = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        more(plist);
        let space = H5Screate_simple(1, &len, std::ptr::null());
        let data = H5Dcreate2(file, name.as_ptr(), ty, space, H5P_DEFAULT, plist, H5P_DEFAULT);
        assert!(data >= 0);
        let memory = *H5T_NATIVE_FLOAT;
        assert!(H5Dwrite(data, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.as_ptr().cast()) >= 0);
        [data, space, plist].map(|id| assert!(H5Idec_ref(id) >= 0));
    });
}

use hdf5_sys::h5i::hid_t;

/// One dataset of each kind of storage that is read without libhdf5.
const GOOD: [&str; 6] = ["contiguous", "deflated", "bare", "compact", "big", "nothing"];

fn good(folder: &Path) -> PathBuf {
    let path = folder.join("good.h5");
    let values: Vec<f32> = (0..5000u64).map(|i| (common::hash(3, i) % 1000) as f32 / 7.0 - 50.0).collect();
    let chunk = 700u64;
    hdf5::sync::sync(|| unsafe {
        let name = CString::new(path.to_str().unwrap()).unwrap();
        let file = H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        assert!(file >= 0);
        let (little, big) = (*H5T_IEEE_F32LE, *H5T_IEEE_F32BE);
        make(file, "contiguous", little, &values, |_| {});
        make(file, "deflated", little, &values, |p| {
            assert!(H5Pset_chunk(p, 1, &chunk) >= 0 && H5Pset_shuffle(p) >= 0);
            assert!(H5Pset_deflate(p, 4) >= 0 && H5Pset_fletcher32(p) >= 0);
        });
        make(file, "bare", little, &values, |p| assert!(H5Pset_chunk(p, 1, &chunk) >= 0));
        make(file, "compact", little, &values, |p| assert!(H5Pset_layout(p, H5D_layout_t::H5D_COMPACT) >= 0));
        make(file, "big", big, &values, |p| {
            assert!(H5Pset_chunk(p, 1, &chunk) >= 0 && H5Pset_shuffle(p) >= 0 && H5Pset_deflate(p, 1) >= 0);
        });
        let (len, fill) = (5000u64, 2.5f32);
        let plist = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        assert!(H5Pset_chunk(plist, 1, &chunk) >= 0);
        assert!(H5Pset_fill_value(plist, *H5T_NATIVE_FLOAT, (&raw const fill).cast()) >= 0);
        let space = H5Screate_simple(1, &len, std::ptr::null());
        let data = H5Dcreate2(file, c"nothing".as_ptr(), little, space, H5P_DEFAULT, plist, H5P_DEFAULT);
        assert!(data >= 0);
        [data, space, plist, file].map(|id| assert!(H5Idec_ref(id) >= 0));
    });
    path
}

/// The same file trusted and not: what is printed, but for how long it took.
fn same_answers(file: &Path, refused: &mut Vec<String>) -> usize {
    for more in [&[][..], &["--json"]] {
        let (plain, guarded) = (
            watched(&mut info(file, more), PATIENCE),
            watched(info(file, more).arg("--untrusted"), PATIENCE),
        );
        assert_eq!((plain.code, &plain.err[..]), (Some(0), ""), "{}", file.display());
        assert_eq!((guarded.code, guarded.out, guarded.err), (plain.code, plain.out, plain.err));
    }
    let names = listed(&watched(&mut info(file, &["--json"]), PATIENCE));
    for name in &names {
        // Slices read parts of chunks and of rows.
        let mut command = eval(file, name, "s=sum(x)", &["m=max(x, initial=0)", "p=x[...][::3]"]);
        if name.is_empty() {
            command.arg("x");
        }
        let mut results = [&[][..], &["--untrusted"]].map(|more: &[&str]| {
            let mut command = eval(file, name, "float64(x).sum()", &["std(float64(x))"]);
            watched(command.args(more), PATIENCE)
        });
        let guarded =
            std::mem::replace(&mut results[1], Ran { ..watched(&mut chunkwise(&["--version"]), PATIENCE) });
        let plain = &results[0];
        if guarded.code != Some(0) && guarded.err.contains("untrusted") {
            refused.push(format!("{} {name}: {}", file.display(), guarded.err.lines().next().unwrap()));
            continue;
        }
        let value = |ran: &Ran| -> Value {
            let all: Value = serde_json::from_str(&ran.out).unwrap_or(Value::Null);
            all["results"].clone()
        };
        assert_eq!((guarded.code, &guarded.err), (plain.code, &plain.err), "{} {name}", file.display());
        assert_eq!(value(&guarded), value(plain), "{} {name}", file.display());
        assert!(guarded.code != Some(0) || value(plain).is_object());
    }
    names.len()
}
