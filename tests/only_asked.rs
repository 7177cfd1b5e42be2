//! Nothing that a file names is opened unless that was allowed, whoever reads the metadata; and what is no
//! plain file is never opened.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/limited.rs"]
mod limited;
#[path = "common/unheld.rs"]
mod unheld;

use common::{dataset, folder, write_file};
use hdf5_sys::{h5d::*, h5f::*, h5p::*, h5s::*, h5t::*};
use limited::{Ran, watched};
use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use unheld::unheld;

const PATIENCE: Duration = Duration::from_secs(20);

fn chunkwise(args: &[&str]) -> Ran {
    watched(Command::new(env!("CARGO_BIN_EXE_chunkwise")).args(args), PATIENCE)
}

/// Who looks at the metadata.
const READERS: [&[&str]; 4] =
    [&[], &["--untrusted"], &["--reader", "libhdf5"], &["--untrusted", "--reader", "libhdf5"]];

/// Tells whether a file is opened.
struct Watch(OwnedFd);

impl Watch {
    fn on(path: &Path) -> Watch {
        let name = CString::new(path.as_os_str().as_bytes()).unwrap();
        // SAFETY: a fresh descriptor that nobody else owns; the name lives through the call.
        unsafe {
            let fd = OwnedFd::from_raw_fd(libc::inotify_init1(libc::IN_NONBLOCK | libc::IN_CLOEXEC));
            assert!(libc::inotify_add_watch(fd.as_raw_fd(), name.as_ptr(), libc::IN_OPEN) >= 0);
            Watch(fd)
        }
    }

    /// Whether it was opened since it was last asked.
    fn opened(&self) -> bool {
        let mut events = [0u8; 4096];
        let (mut any, fd) = (false, self.0.as_raw_fd());
        // SAFETY: the buffer is as long as is said.
        while unsafe { libc::read(fd, events.as_mut_ptr().cast(), events.len()) } > 0 {
            any = true;
        }
        any
    }
}

/// A file with the virtual dataset `/v` of the dataset `/x` of `source`, with selections as long as may be or
/// of ten elements.
fn virtual_of(path: &Path, source: &Path, unlimited: bool) {
    unheld(path);
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    let source = CString::new(source.as_os_str().as_bytes()).unwrap();
    let most = if unlimited { H5S_UNLIMITED } else { 10 };
    // SAFETY: identifiers and pointers are live, and the lock is held.
    hdf5::sync::sync(|| unsafe {
        let file = H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        let spaces = [(); 3].map(|()| H5Screate_simple(1, [10].as_ptr(), [most].as_ptr()));
        for space in &spaces[..2] {
            let set = H5S_seloper_t::H5S_SELECT_SET;
            let one = [1];
            assert!(
                H5Sselect_hyperslab(*space, set, [0].as_ptr(), one.as_ptr(), [most].as_ptr(), one.as_ptr())
                    >= 0
            );
        }
        let plist = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        assert!(H5Pset_virtual(plist, spaces[0], source.as_ptr(), c"/x".as_ptr(), spaces[1]) >= 0);
        let made =
            H5Dcreate2(file, c"v".as_ptr(), *H5T_IEEE_F64LE, spaces[2], H5P_DEFAULT, plist, H5P_DEFAULT);
        assert!(made >= 0);
        for close in [H5Dclose(made), H5Pclose(plist), H5Fclose(file)] {
            assert!(close >= 0);
        }
        for space in spaces {
            H5Sclose(space);
        }
    });
}

#[test]
fn the_sources_of_a_virtual_dataset_are_opened_where_that_is_allowed_only() {
    let dir = folder();
    let (source, path) = (dir.path().join("source.h5"), dir.path().join("v.h5"));
    let values: Vec<u8> = (0..10).flat_map(|i| f64::from(i).to_ne_bytes()).collect();
    write_file(&source, &[(dataset("x", &[10], chunkwise::DType::F64, None, None), &values)]);
    for unlimited in [false, true] {
        virtual_of(&path, &source, unlimited);
        let watch = Watch::on(&source);
        let (file, input) = (path.to_str().unwrap(), format!("v={}:/v", path.display()));
        for reader in READERS {
            let info = chunkwise(&[&["info", file][..], reader].concat());
            assert_eq!(info.code, Some(0), "{reader:?} {info:?}");
            assert!(info.out.contains("v  float64 (10,), virtual"), "{reader:?} {info:?}");
            assert!(!watch.opened(), "info {reader:?}");
            let eval =
                chunkwise(&[&["eval", "-i", &input, "sum(v)", "--device", "cpu"][..], reader].concat());
            assert_eq!(eval.code, Some(1), "{reader:?} {eval:?}");
            assert!(eval.err.contains("a virtual dataset, which reads other files"), "{reader:?} {eval:?}");
            assert!(!watch.opened(), "eval {reader:?}");
        }
        let eval = chunkwise(&["eval", "-i", &input, "sum(v)", "--device", "cpu", "--allow-external"]);
        assert_eq!(eval.out, "sum(v) = 45.0\n", "{eval:?}");
        assert!(watch.opened());
    }
}

#[test]
fn a_pipe_a_folder_or_a_device_is_no_source() {
    let dir = folder();
    let at = |name: &str| dir.path().join(name);
    let pipe = CString::new(at("pipe").as_os_str().as_bytes()).unwrap();
    // SAFETY: the name lives through the call.
    assert_eq!(unsafe { libc::mkfifo(pipe.as_ptr(), 0o600) }, 0);
    std::fs::create_dir(at("folder")).unwrap();
    for name in ["pipe", "folder"] {
        std::os::unix::fs::symlink(name, at(&format!("to_{name}"))).unwrap();
    }
    std::os::unix::fs::symlink("/dev/zero", at("to_device")).unwrap();
    for name in ["pipe", "to_pipe", "folder", "to_folder", "to_device"] {
        let what = if name.ends_with("folder") { "a folder" } else { "a pipe or device" };
        let path = at(name);
        let (file, input) = (path.to_str().unwrap(), format!("x={}:/x", path.display()));
        for reader in READERS {
            let info = chunkwise(&[&["info", file][..], reader].concat());
            assert!(info.code == Some(1) && info.err.contains(what) && !info.late, "{reader:?} {info:?}");
            let eval =
                chunkwise(&[&["eval", "-i", &input, "sum(x)", "--device", "cpu"][..], reader].concat());
            assert!(eval.code == Some(1) && eval.err.contains(what) && !eval.late, "{reader:?} {eval:?}");
        }
        // What a file names.
        for unlimited in [false, true] {
            virtual_of(&at("v.h5"), &path, unlimited);
            let input = format!("v={}:/v", at("v.h5").display());
            for reader in READERS {
                let info = chunkwise(&[&["info", at("v.h5").to_str().unwrap()][..], reader].concat());
                assert!(info.code == Some(0) && !info.late, "{reader:?} {info:?}");
                if !reader.contains(&"--untrusted") {
                    let more = ["eval", "-i", &input, "sum(v)", "--device", "cpu", "--allow-external"];
                    let eval = chunkwise(&[&more[..], reader].concat());
                    assert!(eval.code == Some(1) && !eval.late, "{reader:?} {eval:?}");
                    assert!(eval.err.contains("source.h5") || eval.err.contains(name), "{reader:?} {eval:?}");
                }
            }
        }
    }
}
