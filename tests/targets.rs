//! Files that commands write: nothing is replaced that nobody asked to be replaced, nothing is written anywhere
//! else, and nothing is left over, however a run ends.
#![cfg(unix)]

mod common;
#[path = "common/limited.rs"]
mod limited;

use chunkwise::DType;
use common::{dataset, folder, write_file};
use limited::{Ran, soon, watched};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
    command.args(args);
    command
}

fn chunkwise(args: &[&str]) -> Ran {
    watched(&mut command(args), PATIENCE)
}

/// A file with ten numbers at `/x`.
fn input(folder: &Path) -> PathBuf {
    let path = folder.join("in.h5");
    let values: Vec<u8> = (0..10).flat_map(|i| f64::from(i).to_ne_bytes()).collect();
    write_file(&path, &[(dataset("x", &[10], DType::F64, None, None), &values)]);
    path
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let name = |e: std::io::Result<std::fs::DirEntry>| e.unwrap().file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = std::fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn no_option_writes_over_an_input_another_output_or_what_is_there() {
    let dir = folder();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    let path = input(dir.path());
    let before = std::fs::read(&path).unwrap();
    std::fs::hard_link(&path, at("hard.h5")).unwrap();
    std::os::unix::fs::symlink("in.h5", at("soft.h5")).unwrap();
    std::fs::write(at("there"), "precious").unwrap();
    let x = format!("x={}:/x", path.display());
    let eval =
        |more: &[&str]| chunkwise(&[&["eval", "--device", "cpu", "-i", &x, "y=x+1"][..], more].concat());
    let there = names(dir.path());
    for option in ["--trace", "--output"] {
        for name in ["in.h5", "hard.h5", "soft.h5"] {
            for more in [&[][..], &["--overwrite"]] {
                let ran = eval(&[&[option, &at(name)][..], more].concat());
                assert_eq!(ran.code, Some(2), "{option} {name} {more:?}: {ran:?}");
                assert!(ran.err.contains(option) && ran.err.contains("is an input"), "{ran:?}");
            }
        }
        let ran = eval(&[option, &at("there")]);
        assert!(ran.code == Some(2) && ran.err.contains("exists already"), "{ran:?}");
        assert!(ran.err.contains("--overwrite"), "{ran:?}");
        std::os::unix::fs::symlink("nowhere", at("dangling")).unwrap();
        let ran = eval(&[option, &at("dangling")]);
        assert!(ran.code == Some(2) && ran.err.contains("exists already"), "{ran:?}");
        std::fs::remove_file(at("dangling")).unwrap();
    }
    for more in [&[][..], &["--overwrite"]] {
        let other = format!("{}/./out", dir.path().display());
        let ran = eval(&[&["--trace", &at("out"), "--output", &other][..], more].concat());
        assert!(ran.code == Some(2) && ran.err.contains("--trace and --output are both"), "{ran:?}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read(at("there")).unwrap(), b"precious");
    assert_eq!(names(dir.path()), there);
    // What was asked for.
    let ran = eval(&["--trace", &at("trace.json"), "--output", &at("out.h5")]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for _ in 0..2 {
        let ran = eval(&["--overwrite", "--trace", &at("trace.json"), "--output", &at("there")]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let y = format!("y={}:/y", at("there"));
    assert_eq!(chunkwise(&["eval", "-i", &y, "sum(y)"]).out, "sum(y) = 55.0\n");
    let trace: serde_json::Value = serde_json::from_slice(&std::fs::read(at("trace.json")).unwrap()).unwrap();
    assert!(trace.is_object() || trace.is_array());
    assert_eq!(names(dir.path()), ["hard.h5", "in.h5", "out.h5", "soft.h5", "there", "trace.json"]);
}

#[test]
#[cfg(feature = "plot")]
fn a_picture_replaces_only_what_it_may() {
    let dir = folder();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    let path = input(dir.path());
    let before = std::fs::read(&path).unwrap();
    std::fs::hard_link(&path, at("in.png")).unwrap();
    std::fs::write(at("there.svg"), "precious").unwrap();
    let x = format!("x={}:/x", path.display());
    let eval = |more: &[&str]| chunkwise(&[&["eval", "--device", "cpu", "-i", &x, "x"][..], more].concat());
    for more in [&[][..], &["--overwrite"]] {
        let ran = eval(&[&["--plot", &at("in.png")][..], more].concat());
        assert!(ran.code == Some(2) && ran.err.contains("--plot"), "{ran:?}");
        assert!(ran.err.contains("is an input"), "{ran:?}");
        let other = format!("{}/./out.svg", dir.path().display());
        let ran = eval(&[&["--trace", &at("out.svg"), "--plot", &other][..], more].concat());
        assert!(ran.code == Some(2) && ran.err.contains("--trace and --plot are both"), "{ran:?}");
    }
    let ran = eval(&["--plot", &at("there.svg")]);
    assert!(ran.code == Some(2) && ran.err.contains("exists already\nhint: --overwrite"), "{ran:?}");
    // What fails leaves what was there.
    let ran = eval(&["x + nowhere", "--plot", &at("there.svg"), "--overwrite"]);
    assert_ne!(ran.code, Some(0));
    assert_eq!(std::fs::read(at("there.svg")).unwrap(), b"precious");
    let ran = eval(&["--plot", &at("there.svg"), "--overwrite"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(std::fs::read_to_string(at("there.svg")).unwrap().contains("<svg"));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(names(dir.path()), ["in.h5", "in.png", "there.svg"]);
}

#[test]
fn the_other_commands_write_over_nothing_either() {
    let dir = folder();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_string();
    std::fs::write(at("there"), "precious").unwrap();
    std::fs::write(at("results.json"), "{}").unwrap();
    let ran = chunkwise(&["demo", "--particles", "100", "--keep", &at("there")]);
    assert!(ran.code == Some(2) && ran.err.contains("exists already"), "{ran:?}");
    for option in ["--json", "--html", "--markdown"] {
        let ran = chunkwise(&["bench", "--quick", option, &at("there")]);
        assert!(ran.code == Some(2) && ran.err.contains("exists already"), "{ran:?}");
        let show = ["bench", "--show", &at("results.json"), option, &at("results.json"), "--overwrite"];
        let ran = chunkwise(&show);
        assert!(ran.code == Some(2) && ran.err.contains("is an input"), "{ran:?}");
    }
    let ran = chunkwise(&["bench", "--quick", "--json", &at("a"), "--html", &at("a")]);
    assert!(ran.code == Some(2) && ran.err.contains("--json and --html are both"), "{ran:?}");
    assert_eq!(names(dir.path()), ["results.json", "there"]);
    assert_eq!(std::fs::read(at("there")).unwrap(), b"precious");
}

#[test]
fn a_name_that_cannot_be_written_is_refused_before_the_work() {
    let dir = folder();
    let long = "a".repeat(256);
    for name in ["new/", &long, "none/out.h5"] {
        let target = format!("{}/{name}", dir.path().display());
        for option in ["--output", "--trace"] {
            let start = Instant::now();
            let args = ["eval", "--device", "cpu", "y=sin(random((400000000,), seed=1))", option, &target];
            let ran = chunkwise(&args);
            assert!(ran.code == Some(1) && start.elapsed() < Duration::from_secs(5), "{name}: {ran:?}");
        }
    }
    assert_eq!(names(dir.path()), [""; 0]);
}

/// A run that takes a while and stores its result.
fn long(target: &Path) -> Command {
    let mut command = command(&["eval", "--device", "cpu", "--threads", "1", "--memory", "64MiB"]);
    command.args(["y=sin(exp(sin(random((60000000,), seed=1))))", "--output"]).arg(target);
    command
}

/// Starts it, and waits until it has begun to write.
fn started(target: &Path) -> Child {
    let child = long(target).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let writes = || names(target.parent().unwrap()).iter().any(|name| name.ends_with(".part"));
    assert!(soon(PATIENCE, writes));
    std::thread::sleep(Duration::from_millis(20));
    child
}

fn signal(child: &Child, signal: i32) {
    // SAFETY: a signal to a child that was not waited for.
    unsafe { libc::kill(child.id() as libc::pid_t, signal) };
}

#[test]
fn a_signal_leaves_nothing_behind() {
    let dir = folder();
    let target = dir.path().join("y.h5");
    for signals in [&[libc::SIGINT][..], &[libc::SIGTERM], &[libc::SIGHUP], &[libc::SIGINT, libc::SIGINT]] {
        let mut child = started(&target);
        for s in signals {
            signal(&child, *s);
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(!child.wait().unwrap().success(), "{signals:?}");
        assert_eq!(names(dir.path()), [""; 0], "{signals:?}");
    }
    // One that cannot be heard: the next run takes away what is left.
    let mut child = started(&target);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(names(dir.path()).len(), 1);
    let ran = chunkwise(&["eval", "--device", "cpu", "y=arange(10)", "--output", target.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(names(dir.path()), ["y.h5"]);
}

#[test]
fn a_limit_on_file_sizes_is_an_error() {
    let dir = folder();
    let mut command = long(&dir.path().join("y.h5"));
    let limit = || {
        let limit = libc::rlimit { rlim_cur: 4 << 20, rlim_max: 4 << 20 };
        // SAFETY: the structure lives.
        match unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    // SAFETY: between fork and exec it only makes system calls.
    let ran = watched(unsafe { command.pre_exec(limit) }, PATIENCE);
    assert!(ran.code == Some(1) && ran.err.contains("error: "), "{ran:?}");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn an_ignored_signal_stays_ignored_and_opening_ends_at_once() {
    let dir = folder();
    let mut command = long(&dir.path().join("y.h5"));
    // SAFETY: between fork and exec it only makes system calls.
    let command = unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_IGN);
            Ok(())
        })
    };
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    assert!(soon(PATIENCE, || !names(dir.path()).is_empty()));
    for _ in 0..3 {
        signal(&child, libc::SIGINT);
        std::thread::sleep(Duration::from_millis(30));
    }
    assert!(child.try_wait().unwrap().is_none());
    signal(&child, libc::SIGTERM);
    assert!(!child.wait().unwrap().success());
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn a_file_that_appears_meanwhile_stays_and_of_two_writers_one_wins() {
    let dir = folder();
    let target = dir.path().join("y.h5");
    let mut child = started(&target);
    std::fs::write(&target, "precious").unwrap();
    signal(&child, libc::SIGCONT);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(std::fs::read(&target).unwrap(), b"precious");
    assert_eq!(names(dir.path()), ["y.h5"]);
    std::fs::remove_file(&target).unwrap();

    let mut writers = [started(&target), started(&target)];
    let codes = writers.each_mut().map(|w| w.wait().unwrap().code());
    assert!(codes.contains(&Some(0)) && codes.contains(&Some(1)), "{codes:?}");
    assert_eq!(names(dir.path()), ["y.h5"]);
}

#[cfg(target_os = "linux")]
#[test]
fn who_may_write_in_the_folder_cannot_lead_the_result_elsewhere() {
    let dir = folder();
    let (target, victim) = (dir.path().join("y.h5"), dir.path().join("victim"));
    std::fs::write(&victim, "precious").unwrap();
    for round in 0..8u64 {
        let args = ["eval", "--device", "cpu", "y=sin(random((200000,), seed=1))", "--output"];
        let mut child = command(&args).arg(&target).stderr(Stdio::null()).spawn().unwrap();
        // Swaps the file under way for a link as soon as it is seen, or a little later.
        let part = || names(dir.path()).into_iter().find(|name| name.ends_with(".part"));
        let mut swapped = false;
        while child.try_wait().unwrap().is_none() && !swapped {
            if let Some(name) = part() {
                std::thread::sleep(Duration::from_micros(300 * round));
                let path = dir.path().join(name);
                if std::fs::remove_file(&path).is_ok() {
                    swapped = std::os::unix::fs::symlink(&victim, &path).is_ok();
                }
            }
        }
        let code = child.wait().unwrap().code();
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious", "round {round}");
        assert!(!target.symlink_metadata().is_ok_and(|m| m.is_symlink()), "round {round}");
        assert_eq!(target.exists(), code == Some(0), "round {round}: {code:?}");
        for name in names(dir.path()).iter().filter(|name| *name != "victim") {
            std::fs::remove_file(dir.path().join(name)).unwrap();
        }
    }
}
