//! Files that could have been made to do harm: whatever is in them, the caller gets an answer or an error, soon
//! and within memory. Files that are as they should be answer as ever. The process in which libhdf5 looks at
//! untrusted files does so where libhdf5 is asked for.
#![cfg(unix)]

mod common;
#[path = "common/limited.rs"]
mod limited;

use chunkwise::source::hdf5::guard;
use chunkwise::{Array, DType, ErrorKind, OpenOptions, Reader};
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
/// As untrusted, and by libhdf5, so that another process looks at it.
const GUARDED: [&str; 3] = ["--untrusted", "--reader", "libhdf5"];

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
    command.arg(format!("x={}:/{}", file.display(), dataset.trim_start_matches('/')));
    command.arg(expression).args(more);
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
    let (mut bad, mut longest) = (Vec::new(), Duration::ZERO);
    let (mut runs, mut done, mut died, mut peak) = (0, 0, 0, 0);
    let mut look = |what: String, file: &Path, command: &mut Command| {
        let ran = watched(command, PATIENCE);
        runs += 1;
        done += u32::from(ran.code == Some(0));
        died += u32::from(ran.err.contains("in a process of its own"));
        peak = peak.max(ran.peak);
        longest = longest.max(ran.took);
        // A chunk too large for the budget is a matter of the run.
        let named = ran.err.contains(&*file.file_name().unwrap().to_string_lossy())
            || ran.err.contains("the memory budget of");
        let fine = matches!(ran.code, Some(0..=2)) && !ran.late && ran.peak < GIB;
        if !fine || (ran.code != Some(0) && !named) || ran.err.contains("panicked") {
            bad.push(format!("{what} {}: {ran:?}", file.display()));
        }
        ran
    };
    for file in &files {
        let ran = look("info".into(), file, info(file, &["--json"]).args(GUARDED));
        for name in listed(&ran) {
            look(format!("eval {name}"), file, &mut eval(file, &name, "sum(x)", &GUARDED));
        }
    }
    let _ = writeln!(
        std::io::stderr(),
        "{} hostile files, {runs} runs: {done} done, libhdf5 died in {died}; at most {longest:?} and {} MiB",
        files.len(),
        peak >> 20
    );
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(runs > 200 && done > 100 && died > 0, "{runs} runs, {done} done, {died} deaths");
}

/// By our own reader, which needs no other process: soon, and in little memory.
#[test]
fn hostile_files_are_read_or_refused_soon() {
    let Some(files) = hostile("hostile_files_are_read_or_refused_soon") else { return };
    let (mut bad, mut longest) = (Vec::new(), Duration::ZERO);
    let (mut runs, mut done, mut peak) = (0, 0, 0);
    let mut look = |file: &Path, command: &mut Command| {
        let ran = watched(command, PATIENCE);
        runs += 1;
        done += u32::from(ran.code == Some(0));
        peak = peak.max(ran.peak);
        longest = longest.max(ran.took);
        let other = ran.err.contains("panicked") || ran.err.contains("in a process of its own");
        if !matches!(ran.code, Some(0..=1)) || ran.late || ran.peak > 256 << 20 || other {
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
    let _ = writeln!(
        std::io::stderr(),
        "{} hostile files, {runs} runs: {done} done; at most {longest:?} and {} MiB",
        files.len(),
        peak >> 20
    );
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    assert!(runs > 200 && done > 100, "{runs} runs, {done} done");
}

#[test]
fn hostile_files_that_libhdf5_gets_meet_no_panic_of_ours() {
    let Some(files) = hostile("hostile_files_that_libhdf5_gets_meet_no_panic_of_ours") else { return };
    let mut bad = Vec::new();
    let library = ["--reader", "libhdf5"];
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
        let ran = look(file, info(file, &["--json"]).args(library));
        for name in listed(&ran) {
            look(file, &mut eval(file, &name, "sum(x)", &library));
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
        for id in [data, space, plist] {
            assert!(H5Idec_ref(id) >= 0);
        }
    });
}

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
        for id in [data, space, plist, file] {
            assert!(H5Idec_ref(id) >= 0);
        }
    });
    path
}

/// Asserts that a file answers the same whether it is trusted or not, dataset by dataset; what only
/// libhdf5 can read is added to `refused`. Gives how many datasets answered.
fn same_answers(file: &Path, more: &[&str], refused: &mut Vec<String>) -> usize {
    let both = |command: &dyn Fn() -> Command| {
        (watched(&mut command(), PATIENCE), watched(command().arg("--untrusted"), PATIENCE))
    };
    for more in [&[][..], &["--json"]] {
        let (plain, guarded) = both(&|| info(file, more));
        let library = watched(info(file, more).args(GUARDED), PATIENCE);
        assert_eq!(plain.code, Some(0), "{plain:?}");
        assert_eq!((guarded.code, &guarded.out, &guarded.err), (plain.code, &plain.out, &plain.err));
        assert_eq!((library.code, library.out, library.err), (plain.code, plain.out, plain.err));
    }
    let mut same = 0;
    for name in listed(&watched(&mut info(file, &["--json"]), PATIENCE)) {
        let case = format!("{}:{name}", file.display());
        let (plain, guarded) = both(&|| eval(file, &name, "float64(x).sum()", more));
        let library = watched(eval(file, &name, "float64(x).sum()", more).args(GUARDED), PATIENCE);
        if guarded.err.contains("only libhdf5 can read this") {
            assert_eq!(guarded.code, Some(1), "{case}");
            refused.push(format!("{case}: {}", guarded.err.lines().next().unwrap()));
            continue;
        }
        // What is told of a file that could be read is how its numbers are meant.
        assert!(
            plain.code == Some(0) && plain.err.lines().all(|l| l.starts_with("note: ")),
            "{case}: {plain:?}"
        );
        assert_eq!((guarded.code, &*guarded.err), (Some(0), &*plain.err), "{case}");
        // The report has times in it.
        let results = |ran: &Ran| {
            let text = ran.out.split("\"report\":").next().unwrap().to_string();
            assert!(text.contains("\"results\":"), "{case}");
            text
        };
        assert_eq!(results(&guarded), results(&plain), "{case}");
        assert_eq!(results(&library), results(&plain), "{case}");
        same += 1;
    }
    same
}

#[test]
fn good_files_answer_as_trusted_ones_do() {
    let folder = folder();
    let mut refused = Vec::new();
    assert_eq!(same_answers(&good(folder.path()), &["m=x * 1"], &mut refused), GOOD.len(), "{refused:?}");
}

#[test]
fn real_files_answer_as_trusted_ones_do() {
    let Some(data) = data_folder("real_files_answer_as_trusted_ones_do") else { return };
    let (mut refused, mut same) = (Vec::new(), 0);
    for kind in ["climate", "astro"] {
        for file in std::fs::read_dir(data.join(kind)).unwrap() {
            same += same_answers(&file.unwrap().path(), &["std(float64(x))"], &mut refused);
        }
    }
    println!("{same} datasets are the same, refused: {refused:#?}");
    assert!(same > 50, "{same} of {}", same + refused.len());
}

/// Not a test of its own: reads a file as untrusted, in a process in which nothing else opens files.
#[test]
fn library_worker() {
    let Some(path) = job() else { return };
    guard::set_program(PROGRAM);
    let options = OpenOptions::new().untrusted();
    let session = session(2, "64MiB");
    for name in GOOD {
        let x = Array::open_with(&path, name, options).unwrap();
        let max: f32 = session.compute(&x.max()).unwrap().item().unwrap();
        println!("{name} {max}");
    }
    chunkwise::source::hdf5::tree_with(&path, "/", options).unwrap();
    let known = || hdf5::sync::sync(|| unsafe { H5Fget_obj_count(H5F_OBJ_ALL as hid_t, H5F_OBJ_ALL) });
    // The cache of open files keeps what it has opened.
    println!("libhdf5 knows {} objects", known());
    Array::open_with(&path, "bare", options.reader(Reader::Libhdf5)).unwrap();
    println!("of another process {} objects", known());
    Array::open(&path, "bare").unwrap();
    println!("of a trusted file {} objects", known());
    Array::open_with(&path, "bare", OpenOptions::new().reader(Reader::Libhdf5)).unwrap();
    println!("and then {}", known() > 0);
}

#[test]
fn libhdf5_never_gets_an_untrusted_file_in_this_process() {
    if job().is_some() {
        return;
    }
    let folder = folder();
    let text = succeed(child("library_worker", good(folder.path()).to_str().unwrap()));
    assert!(text.contains("nothing 2.5\n") && text.contains("libhdf5 knows 0 objects"), "{text}");
    assert!(text.contains("of another process 0 objects"), "{text}");
    assert!(text.contains("of a trusted file 0 objects"), "{text}");
    assert!(text.contains("and then true"), "{text}");
}

/// A program of a few lines of shell.
fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn whatever_the_other_process_does_is_an_error_soon() {
    let folder = folder();
    let file = good(folder.path());
    let cases: [(&str, &str, &[&str]); 12] = [
        ("hangs", "exec sleep 60", &["after 8 s"]),
        ("waits", "sleep 12", &["after 8 s"]),
        ("lingers", "exec >&-; exec sleep 60", &["after 8 s"]),
        ("silent", "exit 0", &["not believed"]),
        ("garbage", "echo 'no JSON; \x1b[2J'", &["not believed"]),
        ("half", "printf '{\"done\":[{\"depth\":0,'", &["not believed"]),
        ("other", "echo '{\"done\":{\"x\":1}}'", &["not believed"]),
        ("endless", "exec head -c 1000000000 /dev/zero", &["more than 64 MiB"]),
        ("fails", "echo 'out of luck' >&2; exit 3", &["ended with code 3", "out of luck"]),
        ("dies", "kill -SEGV $$", &["signal 11 (SIGSEGV)", "in a process of its own"]),
        ("killed", "kill -KILL $$", &["signal 9 (SIGKILL)"]),
        ("deep", "yes '[' | tr -d '\n' | head -c 1000000", &["not believed"]),
    ];
    for (name, text, words) in cases {
        let program = script(folder.path(), name, text);
        for mut command in [info(&file, &[]), eval(&file, "bare", "sum(x)", &[])] {
            let ran = watched(command.args(GUARDED).env("CHUNKWISE_PROBE", &program), PATIENCE);
            assert_eq!((ran.code, ran.late), (Some(1), false), "{name}: {ran:?}");
            assert!(ran.err.contains("good.h5") && ran.err.contains("hint"), "{name}: {ran:?}");
            assert!(!ran.err.contains('\u{1b}') && ran.peak < GIB, "{name}: {ran:?}");
            for word in words {
                assert!(ran.err.contains(word), "{name}: '{word}' is not in {}", ran.err);
            }
        }
    }
    let nowhere = folder.path().join("nowhere");
    let ran = watched(info(&file, &GUARDED).env("CHUNKWISE_PROBE", &nowhere), PATIENCE);
    let own = watched(info(&file, &["--untrusted"]).env("CHUNKWISE_PROBE", &nowhere), PATIENCE);
    assert_eq!(own.code, Some(0), "{own:?}");
    assert!(ran.err.contains("cannot start") && ran.err.contains("CHUNKWISE_PROBE"), "{ran:?}");
    // Complaints without end are no harm where the answer is right.
    let noisy = format!("head -c 100000000 /dev/zero >&2; exec {PROGRAM} \"$@\"");
    let noisy = script(folder.path(), "noisy", &noisy);
    let ran = watched(eval(&file, "nothing", "max(x)", &GUARDED).env("CHUNKWISE_PROBE", noisy), PATIENCE);
    assert!(ran.code == Some(0) && ran.out.contains("2.5"), "{ran:?}");
    assert!(ran.peak < GIB, "{ran:?}");
}

/// What the program says about a dataset when it is asked.
fn description(file: &Path, dataset: &str) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let mut command = chunkwise(&["chunkwise-probe", version, "describe"]);
    // It may not write to files.
    let out = command.arg(file).arg(format!("/{dataset}")).output().unwrap();
    assert!(out.status.success(), "{out:?}");
    serde_json::from_slice(&out.stdout).unwrap()
}

#[test]
fn absurd_descriptions_are_not_believed() {
    let folder = folder();
    let file = good(folder.path());
    let answer = folder.path().join("answer.json");
    let program = script(folder.path(), "liar", &format!("exec cat '{}'", answer.display()));
    let ask = |dataset: &str, lie: &Value| {
        std::fs::write(&answer, lie.to_string()).unwrap();
        let more = ["--untrusted", "--reader", "libhdf5", "std(float64(x))", "p=x * 1"];
        watched(eval(&file, dataset, "sum(x)", &more).env("CHUNKWISE_PROBE", &program), PATIENCE)
    };
    let huge = json!([1u64 << 62]);
    let many = json!(vec![1; 33]);
    // What is said instead, and whether all datasets must be refused for it.
    let lies: Vec<(&str, Value, bool)> = vec![
        ("/shape", huge.clone(), true),
        ("/shape", json!([1u64 << 40]), true),
        ("/shape", json!([u64::MAX, u64::MAX]), true),
        ("/shape", json!([50, 100]), false),
        ("/shape", many.clone(), true),
        ("/shape", json!([]), false),
        ("/shape", json!([0]), false),
        ("/shape", json!([4999]), false),
        ("/shape", json!([5001]), false),
        ("/shape", json!(-1), true),
        ("/dtype", json!("float64"), true),
        ("/dtype", json!("uint8"), true),
        ("/dtype", json!("text"), true),
        ("/fill", json!([]), true),
        ("/fill", json!(vec![0; 1 << 20]), true),
        ("/swap", json!(true), false),
        ("/chunks", json!([0]), false),
        ("/chunks", json!([1]), false),
        ("/chunks", json!([1u64 << 63]), false),
        ("/chunks", json!([700, 1]), false),
        ("/chunks", Value::Null, false),
        ("/chunks", many, true),
        ("/filters", json!([{"id": 1, "name": "", "values": []}]), false),
        ("/filters", json!(vec![json!({"id": 2, "name": "", "values": [0]}); 40]), true),
        ("/filters", json!([{"id": 2, "name": "", "values": [4294967295u32]}]), false),
        ("/filters", json!([{"id": 32001, "name": "\u{1b}[2J", "values": []}]), false),
        ("/filters", json!([{"id": 33000, "name": "\u{1b}[2J", "values": []}]), false),
        ("/bits", json!({"offset": u32::MAX, "precision": 1, "signed": true, "big": false}), true),
        ("/bits", json!({"offset": 0, "precision": 0, "signed": true, "big": false}), true),
        ("/bits", json!({"offset": 31, "precision": 1, "signed": true, "big": true}), false),
        ("/storage", json!({"Contiguous": {"address": u64::MAX}}), true),
        ("/storage", json!({"Contiguous": {"address": 1u64 << 40}}), true),
        ("/storage", json!({"Contiguous": {"address": 0}}), false),
        ("/storage", json!({"Inline": []}), true),
        ("/storage", json!({"Inline": vec![255; 20_000]}), false),
        ("/storage", json!({"Library": {"why": "of \u{1b}[2J"}}), true),
        ("/storage", json!({"Chunked": {"bare_edges": true, "header": null}}), true),
        ("/storage", json!({"Chunked": {"bare_edges": true, "header": u64::MAX}}), true),
        ("/storage", json!({"Chunked": {"bare_edges": false, "header": 0}}), true),
        ("/storage", json!("Nothing"), false),
        ("/storage", json!("Everything"), true),
        ("", json!([]), true),
    ];
    for name in GOOD {
        let truth = description(&file, name);
        let ran = ask(name, &truth);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        for (place, lie, refused) in &lies {
            let mut answer = truth.clone();
            *answer.pointer_mut(&format!("/done{place}")).unwrap() = lie.clone();
            let ran = ask(name, &answer);
            let case = format!("{name} {place} {:.60}: {ran:?}", lie.to_string());
            assert!(matches!(ran.code, Some(0 | 1)) && !ran.late && ran.peak < GIB, "{case}");
            assert!(ran.code == Some(1) || !refused, "{case}");
            let named = ran.err.contains("good.h5") && !ran.err.contains('\u{1b}');
            assert!(ran.code == Some(0) || named, "{case}");
            assert!(!ran.err.contains("panicked") && !ran.err.contains("a fault of"), "{case}");
        }
    }
}

#[test]
fn what_cannot_be_is_said() {
    let folder = folder();
    let file = good(folder.path());
    let untrusted = |dataset: &str| {
        let ran = watched(&mut eval(&file, dataset, "sum(x)", &["--untrusted"]), PATIENCE);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        ran.err
    };
    let trusted = |dataset: &str| watched(&mut eval(&file, dataset, "sum(x)", &[]), PATIENCE).err;
    // Errors come back as they are.
    for name in ["/nowhere", "/bare/x", "/"] {
        assert_eq!(untrusted(name), trusted(name));
    }
    for (more, what) in
        [("--allow-external", "eval"), ("--allow-plugins", "eval"), ("--allow-plugins", "info")]
    {
        let mut command = if what == "eval" { eval(&file, "bare", "sum(x)", &[]) } else { info(&file, &[]) };
        let ran = watched(command.args(["--untrusted", more]), PATIENCE);
        assert!(ran.code == Some(2) && ran.err.contains("cannot be used with"), "{ran:?}");
    }
    for options in
        [OpenOptions::new().untrusted().allow_external(), OpenOptions::new().untrusted().allow_plugins()]
    {
        let e = Array::open_with(&file, "bare", options).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Value, "{e}");
        assert!(e.to_string().contains("good.h5"), "{e}");
    }
    guard::set_program(PROGRAM);
    let options = OpenOptions::new().untrusted();
    for name in ["a\0b", &"x".repeat(1 << 20)] {
        let e = Array::open_with(&file, name, options).unwrap_err();
        assert!(matches!(e.kind(), ErrorKind::NotFound | ErrorKind::Io), "{e:?}");
    }
    for (path, kind) in [
        (folder.path().to_path_buf(), ErrorKind::Format),
        (folder.path().join("nowhere.h5"), ErrorKind::NotFound),
        ("/dev/zero".into(), ErrorKind::Format),
    ] {
        assert_eq!(Array::open_with(&path, "x", options).unwrap_err().kind(), kind, "{}", path.display());
        let e = chunkwise::source::hdf5::tree_with(&path, "/", options).unwrap_err();
        assert_eq!(e.kind(), kind, "{}", path.display());
    }
    // Asked by something else, the program says so and does nothing.
    for args in [&["chunkwise-probe"][..], &["chunkwise-probe", "0.0.1", "tree", "x", "/"]] {
        let ran = watched(&mut chunkwise(args), PATIENCE);
        assert!(ran.code == Some(2) && ran.out.is_empty() && !ran.err.is_empty(), "{ran:?}");
    }
}

/// A file whose description does not fit in a pipe, so that nobody can finish it unheard.
fn wide(folder: &Path) -> PathBuf {
    let path = folder.join("wide.h5");
    let file = hdf5::File::create(&path).unwrap();
    for i in 0..5000 {
        file.create_group(&format!("a group with a long name, number {i}")).unwrap();
    }
    file.close().unwrap();
    path
}

fn signal(pid: i32, signal: i32) {
    // SAFETY: a signal to a process, or a group of them, that this test started and has not waited for.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
}

#[test]
#[cfg(target_os = "linux")]
fn no_process_is_left_behind() {
    let folder = folder();
    let file = wide(folder.path());
    let start = |command: &mut Command| {
        let run = command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut started = Vec::new();
        assert!(soon(PATIENCE, || {
            started = children(run.id());
            !started.is_empty()
        }));
        (run, started[0])
    };
    // The caller is killed while the other process waits to be heard.
    let (mut run, looking) = start(&mut info(&file, &GUARDED));
    signal(run.id() as i32, libc::SIGSTOP);
    std::thread::sleep(Duration::from_millis(500));
    assert!(alive(looking), "it did not wait");
    let limits = std::fs::read_to_string(format!("/proc/{looking}/limits")).unwrap();
    for (name, least, most) in [
        ("Max address space", 1 << 28, GIB),
        ("Max cpu time", 1, 10),
        ("Max core file size", 0, 0),
        ("Max file size", 0, 0),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        for limit in line.split_whitespace().take(2) {
            let limit: u64 = limit.parse().unwrap_or_else(|_| panic!("{name}: {line}"));
            assert!((least..=most).contains(&limit), "{name}: {line}");
        }
    }
    signal(run.id() as i32, libc::SIGKILL);
    run.wait().unwrap();
    assert!(soon(Duration::from_secs(2), || !alive(looking)));

    // Ctrl-C reaches both.
    let hangs = script(folder.path(), "hangs", "exec sleep 60");
    let (mut run, looking) = start(info(&file, &GUARDED).env("CHUNKWISE_PROBE", &hangs));
    std::thread::sleep(Duration::from_millis(200));
    signal(-(run.id() as i32), libc::SIGINT);
    assert!(soon(Duration::from_secs(2), || run.try_wait().unwrap().is_some()));
    assert!(soon(Duration::from_secs(2), || !alive(looking)));
    // Nothing is under way that would have to be ended well.
    assert_eq!(run.wait().unwrap().code(), Some(130));

    // Nobody reads what is printed.
    let (mut run, looking) = start(&mut info(&file, &GUARDED));
    drop(run.stdout.take());
    assert_eq!(run.wait().unwrap().code(), Some(0));
    assert!(!alive(looking));
}

/// The whole way once more with a dtype of each size and with edges, against the trusted reading.
#[test]
fn every_dtype_is_the_same() {
    let folder = folder();
    let path = folder.path().join("types.h5");
    let data: Vec<(String, DType, Vec<u8>)> = DType::ALL
        .into_iter()
        .map(|dtype| (format!("d_{dtype}"), dtype, to_bytes(&elements(dtype, 21 * 17, 5, "wide"))))
        .collect();
    let specs: Vec<_> = data
        .iter()
        .map(|(name, dtype, bytes)| (dataset(name, &[21, 17], *dtype, Some(&[4, 5]), Some(1)), &bytes[..]))
        .collect();
    write_file(&path, &specs);
    guard::set_program(PROGRAM);
    let options = OpenOptions::new().untrusted();
    let session = session(2, "64MiB");
    for (name, dtype, bytes) in &data {
        let x = session.compute(&Array::open_with(&path, name, options).unwrap()).unwrap();
        assert_eq!((x.dtype(), x.bytes()), (*dtype, &bytes[..]), "{name}");
    }
}
