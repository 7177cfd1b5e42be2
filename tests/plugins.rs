//! HDF5 plugins are code that a file asks for by number: none is loaded unless that is allowed.
//!
//! The plugin is made here: a filter that inverts every bit, and that leaves a mark when it is loaded.
#![cfg(unix)]

mod common;
#[path = "common/limited.rs"]
mod limited;

use common::folder;
use hdf5_sys::{h5d::*, h5f::*, h5i::*, h5p::*, h5s::*, h5t::*};
use limited::{Ran, watched};
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A number that is set aside for tests.
const FILTER: i32 = 311;

const PLUGIN: &str = r#"
#include <stdio.h>
#include <stdlib.h>

__attribute__((constructor)) static void mark(void) {
    FILE *file = fopen(getenv("CHUNKWISE_TEST_MARK"), "w");
    if (file) fclose(file);
}

static size_t invert(unsigned flags, size_t n, const unsigned *values, size_t bytes, size_t *room, void **data) {
    for (size_t i = 0; i < bytes; i++) ((unsigned char *)*data)[i] ^= 0xff;
    return bytes;
}

static const struct {
    int version, id;
    unsigned encodes, decodes;
    const char *name;
    void *can_apply, *set_local;
    size_t (*filter)(unsigned, size_t, const unsigned *, size_t, size_t *, void **);
} CLASS = {1, 311, 1, 1, "invert", NULL, NULL, invert};

int H5PLget_plugin_type(void) { return 0; }
const void *H5PLget_plugin_info(void) { return &CLASS; }
"#;

/// Compiles the plugin into a folder of its own.
fn plugin(folder: &Path) -> PathBuf {
    let plugins = folder.join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    let code = folder.join("invert.c");
    std::fs::write(&code, PLUGIN).unwrap();
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let done = Command::new(compiler)
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([plugins.join("libinvert.so"), code])
        .output()
        .expect("the tests need a C compiler, as Rust's linker does");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    plugins
}

/// A dataset of 0, 1, … 99 in one inverted chunk.
fn file(folder: &Path) -> PathBuf {
    let path = folder.join("inverted.h5");
    let stored: Vec<u8> = (0..100i32).flat_map(|v| (!v).to_le_bytes()).collect();
    hdf5::sync::sync(|| unsafe {
        let name = CString::new(path.to_str().unwrap()).unwrap();
        let file = H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        let plist = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        let (len, origin, optional) = (100u64, 0u64, 1);
        assert!(H5Pset_chunk(plist, 1, &len) >= 0);
        assert!(H5Pset_filter(plist, FILTER, optional, 0, std::ptr::null()) >= 0);
        let space = H5Screate_simple(1, &len, std::ptr::null());
        let data = H5Dcreate2(file, c"x".as_ptr(), *H5T_STD_I32LE, space, H5P_DEFAULT, plist, H5P_DEFAULT);
        assert!(data >= 0);
        assert!(H5Dwrite_chunk(data, H5P_DEFAULT, 0, &origin, stored.len(), stored.as_ptr().cast()) >= 0);
        for id in [data, space, plist, file] {
            assert!(H5Idec_ref(id) >= 0);
        }
    });
    path
}

#[test]
fn plugins_are_loaded_only_where_they_are_allowed() {
    let folder = folder();
    let (file, plugins) = (file(folder.path()), plugin(folder.path()));
    let mark = folder.path().join("mark");
    // What a command says, and whether it loaded the plugin.
    let run = |args: &[&str]| -> (Ran, bool) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
        match args[0] {
            "info" => command.arg("info").arg(&file),
            _ => command
                .args(["eval", "--device", "cpu", "sum(x)", "-i"])
                .arg(format!("x={}:/x", file.display())),
        };
        command.args(&args[1..]).env("HDF5_PLUGIN_PATH", &plugins).env("CHUNKWISE_TEST_MARK", &mark);
        let ran = watched(&mut command, Duration::from_secs(20));
        (ran, std::fs::remove_file(&mark).is_ok())
    };
    let (ran, loaded) = run(&["eval"]);
    assert!(ran.code == Some(1) && !loaded, "{ran:?}");
    for word in ["311", "inverted.h5", "--allow-plugins", "HDF5_PLUGIN_PATH", "h5repack"] {
        assert!(ran.err.contains(word), "'{word}' is not in {}", ran.err);
    }
    let (ran, loaded) = run(&["eval", "--allow-plugins"]);
    assert!(ran.code == Some(0) && loaded, "{ran:?}");
    assert_eq!(ran.out, "sum(x) = 4950\n");
    let (ran, loaded) = run(&["info"]);
    assert!(ran.out.contains("a filter that is not there") && !loaded, "{ran:?}");
    let (ran, loaded) = run(&["info", "--allow-plugins"]);
    assert!(!ran.out.contains("a filter that is not there") && ran.code == Some(0) && loaded, "{ran:?}");
    let (ran, loaded) = run(&["info", "--untrusted"]);
    assert!(ran.out.contains("a filter that is not there") && !loaded, "{ran:?}");
    let (ran, loaded) = run(&["eval", "--untrusted"]);
    assert!(ran.code == Some(1) && ran.err.contains("only libhdf5 can read this") && !loaded, "{ran:?}");
    assert!(ran.err.contains("311"), "{ran:?}");
}

/// A filter that nobody has is refused without libhdf5, which damaged files can bring down, and chunks that were stored without it
/// are read.
#[test]
fn libhdf5_is_not_asked_for_filters_that_it_lacks() {
    let folder = folder();
    let path = folder.path().join("skipped.h5");
    let stored: Vec<u8> = (0..100i32).flat_map(|v| v.to_le_bytes()).collect();
    // SAFETY: identifiers and pointers are live, and the lock is held.
    hdf5::sync::sync(|| unsafe {
        let name = CString::new(path.to_str().unwrap()).unwrap();
        let file = H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        let plist = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        let (len, chunk, optional) = (200u64, 100u64, 1);
        assert!(H5Pset_chunk(plist, 1, &chunk) >= 0 && H5Pset_shuffle(plist) >= 0);
        assert!(H5Pset_filter(plist, FILTER, optional, 0, std::ptr::null()) >= 0);
        let space = H5Screate_simple(1, &len, std::ptr::null());
        let data = H5Dcreate2(file, c"x".as_ptr(), *H5T_STD_I32LE, space, H5P_DEFAULT, plist, H5P_DEFAULT);
        assert!(data >= 0);
        // Of the first chunk both filters were skipped, of the second none.
        for (mask, origin) in [(0b11, 0u64), (0, 100)] {
            let bytes = stored.as_ptr().cast();
            assert!(H5Dwrite_chunk(data, H5P_DEFAULT, mask, &origin, stored.len(), bytes) >= 0);
        }
        for id in [data, space, plist, file] {
            assert!(H5Idec_ref(id) >= 0);
        }
    });
    let x = chunkwise::Array::open(&path, "x").unwrap();
    let session = chunkwise::Session::builder().device(chunkwise::Device::Cpu).build().unwrap();
    let part = |range: std::ops::Range<i64>| x.index([chunkwise::Index::from(range)]).sum();
    let outcome = session.run(&[&part(10..90)]).unwrap();
    assert_eq!(outcome.values[0].as_array().unwrap().item::<i64>().unwrap(), (10..90).sum::<i64>());
    assert_eq!(outcome.report.library_reads, 0);
    let e = session.run(&[&part(50..150)]).unwrap_err();
    assert_eq!(e.kind(), chunkwise::ErrorKind::Filter, "{e}");
    assert!(e.to_string().contains("311") && e.hint_text().unwrap().contains("HDF5_PLUGIN_PATH"), "{e}");
}
