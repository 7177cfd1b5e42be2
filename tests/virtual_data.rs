//! A virtual dataset of many files, from the outside: few handles, many threads, other processes, a small budget.
//!
//! What mappings of every kind mean is tested beside the readers, against libhdf5
//! (`src/source/hdf5/tests/elsewhere.rs`).

mod common;

use chunkwise::source::hdf5::{open_files, set_max_open_files};
use chunkwise::{Array, DType, ErrorKind, Index, OpenOptions, Plan, Session};
use common::{dataset, folder, write_file};
use hdf5_sys::{h5d::*, h5f::*, h5p::*, h5s::*, h5t::*};
use std::ffi::CString;
use std::path::{Path, PathBuf};

const FILES: usize = 300;
const ROWS: u64 = 21;
const COLUMNS: u64 = 10;

fn value(file: usize, row: u64, column: u64) -> i32 {
    (file as i32) * 1000 + (row * COLUMNS + column) as i32
}

/// `FILES` files with chunks of 8 rows, and a virtual dataset that is all of them one behind the other.
fn files(dir: &Path) -> PathBuf {
    for i in 0..FILES {
        let values = (0..ROWS).flat_map(|r| (0..COLUMNS).map(move |c| value(i, r, c)));
        let bytes: Vec<u8> = values.flat_map(i32::to_ne_bytes).collect();
        let spec = dataset("x", &[ROWS, COLUMNS], DType::I32, Some(&[8, COLUMNS]), Some(1));
        write_file(&dir.join(format!("part_{i}.h5")), &[(spec, &bytes)]);
    }
    let path = dir.join("all.h5");
    let name = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: identifiers and pointers are live, and the lock is held.
    hdf5::sync::sync(|| unsafe {
        let file = H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        let all = [FILES as u64 * ROWS, COLUMNS];
        let space = H5Screate_simple(2, all.as_ptr(), std::ptr::null());
        let one = H5Screate_simple(2, [ROWS, COLUMNS].as_ptr(), std::ptr::null());
        let plist = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        for i in 0..FILES {
            let (start, count) = ([i as u64 * ROWS, 0], [ROWS, COLUMNS]);
            let set = H5S_seloper_t::H5S_SELECT_SET;
            let null = std::ptr::null();
            assert!(H5Sselect_hyperslab(space, set, start.as_ptr(), null, count.as_ptr(), null) >= 0);
            let part = CString::new(format!("part_{i}.h5")).unwrap();
            assert!(H5Pset_virtual(plist, space, part.as_ptr(), c"/x".as_ptr(), one) >= 0);
        }
        H5Sselect_all(space);
        let made = H5Dcreate2(file, c"x".as_ptr(), *H5T_STD_I32LE, space, H5P_DEFAULT, plist, H5P_DEFAULT);
        assert!(made >= 0);
        for close in [H5Dclose(made), H5Pclose(plist), H5Sclose(space), H5Sclose(one), H5Fclose(file)] {
            assert!(close >= 0);
        }
    });
    path
}

#[test]
fn three_hundred_files_by_one_handle() {
    let dir = folder();
    let path = files(dir.path());
    set_max_open_files(1);
    let options = OpenOptions::new().allow_external();
    let x = Array::open_with(&path, "/x", options).unwrap();
    assert_eq!(x.shape().unwrap(), [FILES as u64 * ROWS, COLUMNS]);
    let want: i64 =
        (0..FILES).map(|i| (0..ROWS * COLUMNS).map(|k| i64::from(value(i, 0, k))).sum::<i64>()).sum();
    let session = Session::builder().threads(4).memory("16MiB").build().unwrap();
    let outcome = session.run(&[&x.sum(), &x.max()]).unwrap();
    assert_eq!(outcome.values[0].as_array().unwrap().item::<i64>().unwrap(), want);
    assert_eq!(
        outcome.values[1].as_array().unwrap().item::<i32>().unwrap(),
        value(FILES - 1, ROWS - 1, COLUMNS - 1)
    );
    // Three chunks of each file, once each, and none of it by libhdf5.
    assert_eq!(outcome.report.chunks_decoded, 3 * FILES as u64);
    assert_eq!(outcome.report.library_reads, 0);
    assert!(open_files() <= 1, "{}", open_files());
    // A part of it reads the files that it is of.
    let rows = Index::Slice { start: Some(5 * ROWS as i64 - 2), stop: Some(5 * ROWS as i64 + 2), step: 1 };
    let outcome = session.run(&[&x.index([rows]).sum()]).unwrap();
    let want = |i: usize, r: u64| (0..COLUMNS).map(|c| i64::from(value(i, r, c))).sum::<i64>();
    let want = want(4, ROWS - 2) + want(4, ROWS - 1) + want(5, 0) + want(5, 1);
    assert_eq!(outcome.values[0].as_array().unwrap().item::<i64>().unwrap(), want);
    assert_eq!(outcome.report.chunks_decoded, 2);

    // The plan goes to another process as text. There a file may have become another.
    let total: i64 = {
        let text = session.plan(&[&x.sum()]).unwrap().to_json().unwrap();
        let plan = Plan::from_json(&text).unwrap();
        let outcome = session.run_plan(&plan).unwrap();
        let total = outcome.values[0].as_array().unwrap().item::<i64>().unwrap();
        let spec = dataset("x", &[ROWS, COLUMNS], DType::I32, None, None);
        let zeros = vec![0; (ROWS * COLUMNS * 4) as usize];
        write_file(&dir.path().join("part_7.h5"), &[(spec, &zeros)]);
        let e = Plan::from_json(&text).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Changed, "{e}");
        total
    };
    assert_eq!(session.run(&[&x.sum()]).unwrap_err().kind(), ErrorKind::Changed);
    let all: i64 =
        (0..FILES).map(|i| (0..ROWS * COLUMNS).map(|k| i64::from(value(i, 0, k))).sum::<i64>()).sum();
    assert_eq!(total, all);
    // Opened again, it is what the files are now; what is missing is named.
    let x = Array::open_with(&path, "/x", options).unwrap();
    let seventh: i64 = (0..ROWS * COLUMNS).map(|k| i64::from(value(7, 0, k))).sum();
    let outcome = session.run(&[&x.sum()]).unwrap();
    assert_eq!(outcome.values[0].as_array().unwrap().item::<i64>().unwrap(), all - seventh);
    std::fs::remove_file(dir.path().join("part_11.h5")).unwrap();
    let e = Array::open_with(&path, "/x", options).unwrap_err();
    assert!(e.kind() == ErrorKind::NotFound && e.to_string().contains("part_11.h5"), "{e}");
    let filled = Array::open_with(&path, "/x", options.fill_missing()).unwrap();
    let eleventh: i64 = (0..ROWS * COLUMNS).map(|k| i64::from(value(11, 0, k))).sum();
    let outcome = session.run(&[&filled.sum()]).unwrap();
    assert_eq!(outcome.values[0].as_array().unwrap().item::<i64>().unwrap(), all - seventh - eleventh);
}
