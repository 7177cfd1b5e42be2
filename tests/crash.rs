//! Writers that are killed, and systems that fail: the file is the old one or the new one, and nothing is left over.
//!
//! `CHUNKWISE_KILLS` says how many writers are killed or ended by a signal; 100 if it does not.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/python.rs"]
mod python;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What a writer does to a file that is there, and to what it is not.
struct Case {
    name: &'static str,
    target: &'static str,
    args: &'static [&'static str],
}

const OLD: &[&str] = &[
    "x=reshape(arange(60000), (300, 200))*1.0",
    "--chunks",
    "64,64",
    "--filter",
    "shuffle,deflate:1",
    "--maxshape",
    "none,200",
    "--attr",
    "title=old",
];

const CASES: &[Case] = &[
    Case {
        name: "replaced",
        target: "a.h5",
        args: &[
            "x=sqrt(reshape(arange(200000), (1000, 200)))",
            "y=arange(100000)",
            "--overwrite",
            "--chunks",
            "x=100,50",
            "--chunks",
            "y=none",
            "--filter",
            "x=shuffle,deflate:6,fletcher32",
        ],
    },
    Case {
        name: "added",
        target: "a.h5",
        args: &["g/y=sqrt(arange(300000.0))", "--append", "--filter", "deflate:4", "--dims", "t"],
    },
    Case {
        name: "appended",
        target: "a.h5",
        args: &["x=sqrt(reshape(arange(100000.0), (500, 200)))", "--append-axis", "x=0"],
    },
    Case {
        name: "region",
        target: "a.h5",
        args: &["x=sqrt(reshape(arange(30000.0), (200, 150)))", "--region", "x=50:250,30:180"],
    },
    Case {
        name: "copied",
        target: "a.h5",
        args: &["copy", "--overwrite", "--chunks", "100,50", "--filter", "shuffle,deflate:5"],
    },
    // What does not fit the memory goes to a temporary store.
    Case {
        name: "spilled",
        target: "a.h5",
        args: &[
            "x=c - mean(c, axis=1, keepdims=True)",
            "--let",
            "c=cumsum(sqrt(reshape(arange(600000.0), (1000, 600))), axis=0)",
            "--overwrite",
            "--memory",
            "5MiB",
        ],
    },
    Case {
        name: "arrays",
        target: "a.npz",
        args: &["x=sqrt(arange(100000.0))", "y=arange(50000)", "--overwrite"],
    },
];

fn writer(folder: &Path, case: &Case, threads: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
    let target = folder.join(case.target);
    match case.args {
        ["copy", more @ ..] => command.arg("copy").arg(original()).arg(target).args(more),
        args => command.arg("eval").args(args).arg("--output").arg(target),
    };
    if !case.args.contains(&"--memory") {
        command.args(["--memory", "64MiB"]);
    }
    command.args(["--device", "cpu", "--threads", threads]).stdin(Stdio::null());
    command
}

/// A file that is copied: numbers, records, texts, two names, a scale.
fn original() -> &'static Path {
    static MADE: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = MADE.get_or_init(|| {
        let folder = common::folder();
        let path = folder.path().join("original.h5");
        let python = python::python("the original of a copy").unwrap();
        let script = r#"
import sys, h5py, numpy as np
with h5py.File(sys.argv[1], 'w') as f:
    f['g/x'] = np.sqrt(np.arange(200000.0)).reshape(1000, 200)
    f['same'] = f['g/x']
    f.create_dataset('kept', data=np.arange(9), chunks=(3,))
    f['records'] = np.zeros(3000, [('id', 'i8'), ('name', 'S5')])
    f['text'] = ['one', 'two']
    f['time'] = np.arange(1000.0); f['time'].make_scale('time'); f['g/x'].dims[0].attach_scale(f['time'])
"#;
        python::run(&python, script, &[path.to_str().unwrap()]);
        (folder, path)
    });
    path
}

/// Makes the old file.
fn old(folder: &Path, case: &Case) {
    let npz = case.target.ends_with(".npz");
    let made = Command::new(env!("CARGO_BIN_EXE_chunkwise"))
        .args(["eval", "--device", "cpu", "--overwrite"])
        .args(if npz { &OLD[..1] } else { OLD })
        .arg("--output")
        .arg(folder.join(case.target))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

fn names(folder: &Path) -> Vec<String> {
    let name = |e: std::io::Result<std::fs::DirEntry>| e.unwrap().file_name().to_string_lossy().into_owned();
    std::fs::read_dir(folder).unwrap().map(name).collect()
}

/// h5py, which says what is in files: a digest of all names, types, attributes and values.
struct Reader {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Reader {
    fn new(python: &str) -> Reader {
        let script = r#"
import sys, hashlib, h5py, numpy as np
def digest(path):
    h = hashlib.sha256()
    if path.endswith('.npz'):
        z = np.load(path)
        for name in sorted(z.files):
            h.update(repr((name, z[name].dtype, z[name].shape)).encode() + z[name].tobytes())
        return h.hexdigest()
    def visit(name, o):
        for k in sorted(o.attrs):
            # References are addresses.
            h.update(repr((name, k, o.attrs[k] if k not in ('DIMENSION_LIST', 'REFERENCE_LIST') else '')).encode())
        if isinstance(o, h5py.Dataset):
            h.update(repr((name, o.dtype, o.shape, o.chunks, o.maxshape, o.compression)).encode() + (repr(o[()].tolist()).encode() if o.dtype.kind == 'O' else o[()].tobytes()))
    with h5py.File(path) as f:
        f.visititems(visit)
    return h.hexdigest()
for line in sys.stdin:
    try:
        print(digest(line.strip()), flush=True)
    except Exception as e:
        print('broken:', repr(e), flush=True)
"#;
        let mut child = Command::new(python)
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Reader { child, to, from }
    }

    fn digest(&mut self, path: &Path) -> String {
        writeln!(self.to, "{}", path.display()).unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        assert!(line.len() > 60 && !line.starts_with("broken"), "{}: {line}", path.display());
        line
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A writer whose temporary stores are in a folder. Whether it has any is shown by a run that may not.
fn writer_with_stores(folder: &Path, case: &Case, stores: &Path) -> Command {
    let mut command = writer(folder, case, "2");
    command.env("CHUNKWISE_SPILL", stores);
    command
}

#[test]
fn a_killed_writer_leaves_the_old_file_or_the_new_one() {
    let Some(py) = python::python("a_killed_writer_leaves_the_old_file_or_the_new_one") else { return };
    let kills: u32 = std::env::var("CHUNKWISE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let mut reader = Reader::new(&py);
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut random = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    let (mut outcomes, mut left) = (BTreeMap::<(i32, &str), u32>::new(), 0);
    let (mut n, stores) = (0, common::folder());
    for case in CASES {
        let folder = common::folder();
        let target = folder.path().join(case.target);
        old(folder.path(), case);
        let bytes = std::fs::read(&target).unwrap();
        let before = reader.digest(&target);
        if case.name == "spilled" {
            let without = writer(folder.path(), case, "2").arg("--no-spill").output().unwrap();
            assert_eq!(without.status.code(), Some(1), "it fits the memory");
        }
        let writer = || writer_with_stores(folder.path(), case, stores.path());
        let start = Instant::now();
        assert!(writer().status().unwrap().success(), "{}", case.name);
        let (took, after) = (start.elapsed(), reader.digest(&target));
        assert_ne!(before, after, "{}", case.name);
        for _ in 0..kills.div_ceil(CASES.len() as u32) {
            std::fs::write(&target, &bytes).unwrap();
            let there = names(folder.path());
            let mut child = writer().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            std::thread::sleep(took.mul_f64(random() * 1.1));
            let signal = [libc::SIGKILL, libc::SIGTERM, libc::SIGKILL, libc::SIGINT, libc::SIGHUP][n % 5];
            n += 1;
            // SAFETY: a signal to a child that was not waited for.
            unsafe { libc::kill(child.id() as libc::pid_t, signal) };
            child.wait().unwrap();
            let names = names(folder.path());
            // Only what cannot be heard leaves something; one that ends before it begins leaves what was there.
            let new = names.iter().filter(|name| !there.contains(name)).count();
            assert!(signal == libc::SIGKILL || new == 0, "{} {signal}: {names:?} of {there:?}", case.name);
            left += u32::from(names.len() > 1);
            assert_eq!(self::names(stores.path()), [""; 0], "{} {signal}", case.name);
            let now = reader.digest(&target);
            let outcome = if now == before { "old" } else { "new" };
            assert!(now == before || now == after, "{}: neither the old file nor the new one", case.name);
            *outcomes.entry((signal, outcome)).or_default() += 1;
        }
        // The next one takes away what was left, and does its work.
        std::fs::write(&target, &bytes).unwrap();
        assert!(writer().status().unwrap().success());
        assert_eq!(reader.digest(&target), after, "{}", case.name);
        assert_eq!(names(folder.path()), [case.target]);
    }
    println!("{n} signals: {outcomes:?}, {left} with a file left over");
    for signal in [libc::SIGKILL, libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        assert!(
            outcomes.contains_key(&(signal, "old")),
            "no writer was ended before it was done: {outcomes:?}"
        );
    }
}

/// A library between the program and the system that lets one call of those that change the folder fail.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static int calls;
static int ours(int fd) {
    const char *folder = getenv("SHIM_FOLDER");
    char link[64], path[4096];
    if (!folder) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return 0;
    path[n] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}
/* Whether this call fails. */
static int fails(const char *what) {
    const char *at = getenv("SHIM_AT"), *log = getenv("SHIM_LOG");
    int n = __sync_add_and_fetch(&calls, 1);
    if (log) {
        int fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0600);
        char line[64];
        int len = snprintf(line, sizeof line, "%s\n", what);
        if (fd >= 0) { syscall(SYS_write, fd, line, len); syscall(SYS_close, fd); }
    }
    if (at && atoi(at) == n) { errno = atoi(getenv("SHIM_ERROR")); return 1; }
    return 0;
}
#define REAL(name) __typeof__(name) *real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
ssize_t write(int fd, const void *b, size_t n) { REAL(write); if (ours(fd) && fails("write")) return -1; return real(fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { REAL(pwrite); if (ours(fd) && fails("pwrite")) return -1; return real(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { REAL(pwrite64); if (ours(fd) && fails("pwrite")) return -1; return real(fd, b, n, o); }
int ftruncate(int fd, off_t n) { REAL(ftruncate); if (ours(fd) && fails("ftruncate")) return -1; return real(fd, n); }
int ftruncate64(int fd, off64_t n) { REAL(ftruncate64); if (ours(fd) && fails("ftruncate")) return -1; return real(fd, n); }
int fsync(int fd) { REAL(fsync); if (ours(fd) && fails("fsync")) return -1; return real(fd); }
int fdatasync(int fd) { REAL(fdatasync); if (ours(fd) && fails("fsync")) return -1; return real(fd); }
int fchmod(int fd, mode_t m) { REAL(fchmod); if (ours(fd) && fails("fchmod")) return -1; return real(fd, m); }
int rename(const char *a, const char *b) { REAL(rename); if (fails("rename")) return -1; return real(a, b); }
ssize_t copy_file_range(int a, off64_t *x, int b, off64_t *y, size_t n, unsigned f) {
    REAL(copy_file_range); if (ours(b) && fails("copy_file_range")) return -1; return real(a, x, b, y, n, f); }
ssize_t sendfile64(int b, int a, off64_t *x, size_t n) {
    ssize_t (*real)(int, int, off64_t *, size_t) = (ssize_t (*)(int, int, off64_t *, size_t))dlsym(RTLD_NEXT, "sendfile64");
    if (ours(b) && fails("sendfile")) return -1; return real(b, a, x, n); }
long syscall(long number, ...) {
    static long (*real)(long, ...);
    if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    va_list l;
    long a[6];
    va_start(l, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(l, long);
    va_end(l);
    if (number == SYS_renameat2 && fails("rename")) return -1;
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
"#;

fn shim(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("shim.c"), folder.join("shim.so"));
    std::fs::write(&source, SHIM).unwrap();
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-w", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .output()
        .expect("a C compiler, which libhdf5's bindings need too");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    library
}

#[test]
fn every_write_sync_and_rename_that_fails_is_an_error_and_the_file_stays() {
    if python::python("every_write_sync_and_rename_that_fails_is_an_error_and_the_file_stays").is_none() {
        return;
    }
    let tools = common::folder();
    let shim = shim(tools.path());
    let (mut failed, mut crashed, mut kinds) = (0, 0, BTreeMap::<String, u32>::new());
    for (case, new) in CASES.iter().filter(|c| c.name != "spilled").flat_map(|c| [(c, false), (c, true)]) {
        // A file that is not there is made by those that do not need one.
        let makes = case.args.contains(&"--overwrite") || case.name == "added";
        if new && !makes {
            continue;
        }
        let folder = common::folder();
        let target = folder.path().join(case.target);
        let log = tools.path().join("log");
        let begin = || {
            let _ = std::fs::remove_file(&target);
            if !new {
                old(folder.path(), case);
            }
        };
        let run = |at: usize, error: i32| {
            let _ = std::fs::remove_file(&log);
            let mut command = writer(folder.path(), case, "1");
            command.env("LD_PRELOAD", &shim).env("SHIM_FOLDER", folder.path()).env("SHIM_LOG", &log);
            command.env("SHIM_AT", at.to_string()).env("SHIM_ERROR", error.to_string());
            let start = Instant::now();
            let output = command.output().unwrap();
            assert!(start.elapsed() < Duration::from_secs(60));
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        begin();
        let (code, err) = run(0, 0);
        assert_eq!(code, Some(0), "{}: {err}", case.name);
        let calls: Vec<String> = std::fs::read_to_string(&log).unwrap().lines().map(String::from).collect();
        assert!(
            calls.iter().any(|c| c == "rename") && calls.iter().filter(|c| *c == "fsync").count() >= 2,
            "{calls:?}"
        );
        for (n, call) in calls.iter().enumerate() {
            let error = if n % 2 == 0 { libc::EIO } else { libc::ENOSPC };
            begin();
            let before = std::fs::read(&target).ok();
            let (code, err) = run(n + 1, error);
            let what =
                format!("{} (new: {new}), call {} of {}, {call}: {err}", case.name, n + 1, calls.len());
            *kinds.entry(call.clone()).or_default() += 1;
            // A copy is made in another way where the system has not the first one.
            if code == Some(0) && matches!(call.as_str(), "copy_file_range" | "sendfile") {
                continue;
            }
            if code.is_none() && case.name == "copied" {
                // libhdf5 1.10 crashes when it copies texts of variable length and a write fails.
                assert!(std::fs::read(&target).ok() == before, "{what}");
                crashed += 1;
                continue;
            }
            assert!(code == Some(1) && err.contains("error: "), "{what}");
            let last = n + 1 == calls.len();
            match last {
                true => assert!(call == "fsync" && err.contains("folder cannot be synced"), "{what}"),
                false => assert!(std::fs::read(&target).ok() == before, "{what}"),
            }
            assert_eq!(names(folder.path()).len(), usize::from(!new || last), "{what}");
            failed += 1;
        }
    }
    println!("{failed} calls failed, each with an error: {kinds:?}");
    assert!(failed > 50 && crashed <= 4, "{failed} {crashed}");
}
