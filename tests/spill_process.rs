//! Temporary stores of a whole process: nothing is left of one that is killed, a full disk is an error that says what
//! to do, the tool's options are obeyed, and the memory that is resident is the budget and 96 MiB.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/limited.rs"]
mod limited;

use chunkwise::DType;
use common::{dataset, folder, write_file};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const TEXT: &str = "std(cumsum(x, axis=0) - mean(cumsum(x, axis=0), axis=1, keepdims=True))";
const BYTES: u64 = 64 << 20;

/// A file of 64 MiB of zeros that takes little room.
fn zeros(folder: &Path) -> PathBuf {
    let path = folder.join("zeros.h5");
    let (rows, columns) = (8192u64, BYTES / 8192 / 8);
    let data = vec![0u8; BYTES as usize];
    write_file(&path, &[(dataset("x", &[rows, columns], DType::F64, Some(&[64, columns]), Some(1)), &data)]);
    path
}

fn eval(file: &Path, memory: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
    command.env_remove("CHUNKWISE_SPILL").args([
        "eval",
        "--device",
        "cpu",
        "--threads",
        "2",
        "--memory",
        memory,
    ]);
    command.arg("-i").arg(format!("x={}:/x", file.display())).args(["--json", TEXT]);
    command
}

fn run(command: &mut Command) -> limited::Ran {
    limited::watched(command, Duration::from_secs(120))
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// The bytes of the stores that a process has open in a folder.
fn stored(pid: u32, folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let name = folder.to_string_lossy().into_owned();
    let Ok(open) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return 0 };
    let in_folder = |f: std::fs::DirEntry| {
        let to = std::fs::read_link(f.path()).ok()?;
        let there = to.to_string_lossy().starts_with(&name);
        there.then(|| std::fs::metadata(f.path()).ok().map(|m| m.blocks() * 512)).flatten()
    };
    open.flatten().filter_map(in_folder).sum()
}

fn free(folder: &Path) -> u64 {
    let name = std::ffi::CString::new(folder.as_os_str().as_encoded_bytes()).unwrap();
    // SAFETY: a structure of numbers, a name that ends with a zero.
    unsafe {
        let mut found: libc::statvfs = std::mem::zeroed();
        assert_eq!(libc::statvfs(name.as_ptr(), &mut found), 0);
        found.f_bavail * found.f_frsize
    }
}

#[test]
fn nothing_is_left_of_a_process_that_is_killed() {
    let (data, spill) = (folder(), folder());
    let file = zeros(data.path());
    for least in [1u64, BYTES / 2] {
        let before = free(spill.path());
        let mut child = eval(&file, "16MiB")
            .arg("--spill")
            .arg(spill.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pid = child.id();
        let mut most = 0;
        let there = limited::soon(Duration::from_secs(60), || {
            most = stored(pid, spill.path());
            most >= least
        });
        assert!(there, "it never spilled {least} bytes: {:?}", child.try_wait());
        // SAFETY: a signal to a child that was not waited for.
        unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) };
        let status = child.wait().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(libc::SIGKILL), "{status}");
        assert_eq!(entries(spill.path()), 0);
        // Others write to this disk too.
        let back = limited::soon(Duration::from_secs(20), || free(spill.path()) + (8 << 20) >= before);
        assert!(
            back,
            "{} bytes were free before, and {} are after {most} in a store",
            before,
            free(spill.path())
        );
    }
}

/// What a refusal says is the smallest budget.
fn smallest(ran: &limited::Ran) -> u64 {
    let rest = ran.err.split("smallest budget that works is ").nth(1);
    rest.unwrap_or_else(|| panic!("{ran:?}")).split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn the_options_are_obeyed_and_the_budget_is_held() {
    const ALLOWANCE: u64 = 96 << 20;
    let (data, spill) = (folder(), folder());
    let file = zeros(data.path());
    let with = |memory: &str, more: &[&str]| {
        run(eval(&file, memory).args(more).env("CHUNKWISE_SPILL", spill.path()))
    };
    let named = spill.path().to_string_lossy().into_owned();
    let right = with("1GiB", &[]);
    assert_eq!(right.code, Some(0), "{right:?}");
    let value = |ran: &limited::Ran| {
        let json: serde_json::Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        (json["results"].clone(), json["report"]["bytes_spilled"].as_u64().unwrap())
    };
    assert_eq!(value(&right).1, 0);
    let refused = with("1000", &[]);
    assert_eq!(refused.code, Some(1));
    let needed = smallest(&refused);
    for (memory, more) in [(needed, &[][..]), (needed, &["--spill", &named]), (16 << 20, &[])] {
        let ran = with(&memory.to_string(), more);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        // In the smallest budget the decoded source may be in a store too.
        let (result, spilled) = value(&ran);
        assert!(result == value(&right).0 && spilled.is_multiple_of(BYTES), "{spilled} in {memory}");
        assert!(spilled == BYTES || (memory == needed && spilled == 2 * BYTES), "{spilled} in {memory}");
        println!("{memory} bytes, {} resident, {:?}", ran.peak, ran.took);
        assert!(ran.peak <= memory + ALLOWANCE, "{} resident in {memory}", ran.peak);
    }
    let held = with("16MiB", &["--no-spill"]);
    assert!(held.code == Some(1) && smallest(&held) > BYTES, "{held:?}");
    let off = run(eval(&file, "16MiB").env("CHUNKWISE_SPILL", ""));
    assert!(off.code == Some(1) && smallest(&off) == smallest(&held), "{off:?}");
    let both = with("16MiB", &["--no-spill", "--spill", &named]);
    assert!(both.code == Some(2) && both.err.contains("--spill"), "{both:?}");
    for bad in ["/nowhere/at/all", file.to_str().unwrap(), "/proc/self"] {
        let ran = with("1GiB", &["--spill", bad]);
        assert!(ran.code == Some(1) && ran.err.contains(bad), "{ran:?}");
        let ran = run(eval(&file, "1GiB").env("CHUNKWISE_SPILL", bad));
        assert!(
            ran.code == Some(1) && ran.err.contains(bad) && ran.err.contains("CHUNKWISE_SPILL"),
            "{ran:?}"
        );
    }
    let explained = run(Command::new(env!("CARGO_BIN_EXE_chunkwise"))
        .args(["eval", "--device", "cpu", "--memory", "16MiB", "--explain", "--spill", &named])
        .arg("-i")
        .arg(format!("x={}:/x", file.display()))
        .arg(TEXT));
    let said = format!("spills value 0 to {named}: 64.0 MiB written, 128.0 MiB read back");
    assert!(explained.out.contains(&said), "{explained:?}");
    assert_eq!(entries(spill.path()), 0);
}

/// A folder in memory is only taken if it is named.
#[test]
fn memory_is_no_disk_unless_it_is_named() {
    let shm = Path::new("/dev/shm");
    let mount = std::fs::read_to_string("/proc/mounts").unwrap();
    assert!(mount.lines().any(|l| l.contains(" /dev/shm tmpfs ")), "/dev/shm is no tmpfs here: {mount}");
    let (data, memory) = (folder(), tempfile::tempdir_in(shm).unwrap());
    let file = zeros(data.path());
    // The next candidate is taken.
    let ran = run(eval(&file, "16MiB").env("TMPDIR", memory.path()));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let explain = |command: &mut Command| {
        let args: Vec<_> = command.get_args().filter(|a| *a != "--json").map(|a| a.to_os_string()).collect();
        run(Command::new(command.get_program()).args(args).arg("--explain").env("TMPDIR", memory.path()))
    };
    let skipped = explain(&mut eval(&file, "16MiB"));
    assert!(skipped.out.contains("spills value 0 to /var/tmp:"), "{skipped:?}");
    let named = memory.path().to_str().unwrap();
    let taken = explain(eval(&file, "16MiB").args(["--spill", named]));
    assert!(taken.out.contains(&format!("spills value 0 to {named}:")), "{taken:?}");
}

fn is_full(ran: &limited::Ran, folder: &Path) {
    assert_eq!((ran.code, ran.signal), (Some(1), None), "{ran:?}");
    let folder = folder.to_string_lossy();
    for part in [
        "the disk of the temporary store is full",
        &folder,
        &format!("bytes of {BYTES} "),
        "--spill",
        "--memory",
    ] {
        assert!(ran.err.contains(part), "{part}: {ran:?}");
    }
}

/// A file that may not grow: as on a full disk, writing fails in the middle.
#[test]
fn a_store_that_cannot_grow_is_an_error() {
    let (data, spill) = (folder(), folder());
    let file = zeros(data.path());
    let mut command = eval(&file, "16MiB");
    command.arg("--spill").arg(spill.path());
    let limit = || {
        let most = libc::rlimit { rlim_cur: BYTES / 3, rlim_max: BYTES / 3 };
        // SAFETY: the structure lives; the signal would end the process.
        unsafe {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            match libc::setrlimit(libc::RLIMIT_FSIZE, &most) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            }
        }
    };
    // SAFETY: between fork and exec it only makes system calls.
    unsafe { command.pre_exec(limit) };
    is_full(&run(&mut command), spill.path());
    assert_eq!(entries(spill.path()), 0);
}

/// A small file system that is full: in a mount of its own, where that can be made.
#[test]
fn a_full_disk_is_an_error() {
    let (data, place) = (folder(), folder());
    let file = zeros(data.path());
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=8m", "chunkwise-test"])
        .arg(place.path())
        .output();
    match mounted {
        Ok(out) if out.status.success() => {}
        why => {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "\nSKIPPED a_full_disk_is_an_error: no mount ({why:?})\n");
            return;
        }
    }
    struct Mounted<'a>(&'a Path);
    impl Drop for Mounted<'_> {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(self.0).status();
        }
    }
    let _mounted = Mounted(place.path());
    let before = free(place.path());
    // By itself the run is refused: the limit is half of what is free.
    let refused = run(eval(&file, "16MiB").arg("--spill").arg(place.path()));
    assert!(refused.code == Some(1) && refused.err.contains("would spill"), "{refused:?}");
    // Somebody fills the disk after the run was bound: here the limit is said to be larger.
    let session = chunkwise::Session::builder()
        .device(common::device())
        .memory("16MiB")
        .threads(2)
        .spill(place.path())
        .spill_bytes(BYTES)
        .build()
        .unwrap();
    let x = chunkwise::Array::open(&file, "x").unwrap().cumsum_with(chunkwise::Over::axis(0));
    let e = session.run(&[&(&x - x.mean_with(chunkwise::Over::axis(1)).expand_dims(1)).std()]).unwrap_err();
    assert_eq!(e.kind(), chunkwise::ErrorKind::Io);
    for part in ["the disk of the temporary store is full", place.path().to_str().unwrap(), "--spill"] {
        assert!(e.to_string().contains(part), "{e}");
    }
    assert_eq!((entries(place.path()), free(place.path())), (0, before));
}
