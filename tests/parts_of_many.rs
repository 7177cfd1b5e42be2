//! Many files as they are: a dataset that some lack, empty datasets of another rank, dtypes that differ.

mod common;

use chunkwise::{Array, DType, ErrorKind, Join, OpenOptions, Opened, Session};
use common::{dataset, folder, session, to_bytes, write_file};
use std::path::{Path, PathBuf};

/// A file with a dataset `c` of small numbers, if it has one.
fn file(folder: &Path, name: &str, of: Option<(&[u64], DType)>) -> PathBuf {
    let path = folder.join(name);
    let empty = (dataset("other", &[1], DType::U8, None, None), vec![0]);
    let mut all = vec![empty];
    if let Some((shape, dtype)) = of {
        let n = shape.iter().product::<u64>();
        let values = Array::arange(0.0, n as f64, 1.0).cast(dtype);
        let values = session(1, "16MiB").compute(&values).unwrap();
        let elements: Vec<_> = (0..n as usize).map(|i| values.scalar(i).unwrap()).collect();
        all.push((dataset("c", shape, dtype, None, None), to_bytes(&elements)));
    }
    let all: Vec<_> = all.iter().map(|(spec, bytes)| (spec.clone(), &bytes[..])).collect();
    write_file(&path, &all);
    path
}

const ONE: Join = Join::Concatenate { axis: 0 };

fn sum(session: &Session, array: &Array) -> f64 {
    session.compute(&array.cast(DType::F64).sum()).unwrap().item::<f64>().unwrap()
}

#[test]
fn files_without_the_dataset_count_as_empty_where_that_is_said() {
    let folder = folder();
    let at = folder.path();
    let files = [
        file(at, "0.h5", None),
        file(at, "1.h5", Some((&[3], DType::F32))),
        file(at, "2.h5", None),
        file(at, "3.h5", Some((&[5], DType::F32))),
    ];
    let e = Array::open_many(&files, "/c", ONE).unwrap_err();
    assert!(e.kind() == ErrorKind::NotFound && e.to_string().contains("0.h5"), "{e}");
    assert!(e.to_string().contains("--missing skip") && e.to_string().contains("/ has other"), "{e}");
    let skip = OpenOptions::new().skip_missing();
    let opened = Opened::open_many(&files, "/c", ONE, skip).unwrap();
    assert_eq!(opened.array.shape().unwrap(), [8]);
    assert_eq!(sum(&session(2, "16MiB"), &opened.array), 3.0 + 10.0);
    assert_eq!(opened.notes, ["2 of 4 files have no /c, and count as empty"]);
    // In all of them it is missing; a file that is not there is no file without it; neither is a link to nowhere.
    let e = Array::open_many_with(&files, "/d", ONE, skip).unwrap_err();
    assert!(e.kind() == ErrorKind::NotFound && e.to_string().contains("0.h5"), "{e}");
    let gone = [files[1].clone(), at.join("gone.h5")];
    let e = Array::open_many_with(&gone, "/c", ONE, skip).unwrap_err();
    assert!(e.kind() == ErrorKind::NotFound && e.to_string().contains("gone.h5"), "{e}");
    let stacked = Array::open_many_with(&files[..2], "/c", Join::Stack { axis: 0 }, skip).unwrap();
    assert_eq!(stacked.shape().unwrap(), [1, 3]);
}

#[test]
fn a_group_that_is_missing_is_a_dataset_that_is_missing() {
    let folder = folder();
    let files = ["a.h5", "b.h5"].map(|name| folder.path().join(name));
    write_file(&files[0], &[(dataset("other", &[1], DType::U8, None, None), &[0])]);
    write_file(&files[1], &[(dataset("PartType4/Masses", &[2], DType::U8, None, None), &[3, 4])]);
    let skip = OpenOptions::new().skip_missing();
    let m = Array::open_many_with(&files, "/PartType4/Masses", ONE, skip).unwrap();
    assert_eq!(sum(&session(1, "16MiB"), &m), 7.0);
    for reader in [chunkwise::Reader::Own, chunkwise::Reader::Libhdf5] {
        let again = Array::open_many_with(&files, "/PartType4/Masses", ONE, skip.reader(reader)).unwrap();
        assert_eq!(again.shape().unwrap(), [2]);
    }
}

#[test]
fn empty_datasets_of_another_rank_or_dtype_fit() {
    let folder = folder();
    let at = folder.path();
    let whole = file(at, "w.h5", Some((&[4, 3], DType::F32)));
    for (name, shape, dtype) in [
        ("a.h5", &[0u64][..], DType::F32),
        ("b.h5", &[0, 3], DType::F64),
        ("c.h5", &[0, 5], DType::F32),
        ("d.h5", &[0, 3], DType::F32),
    ] {
        let empty = file(at, name, Some((shape, dtype)));
        for files in [[&empty, &whole], [&whole, &empty]] {
            let x = Array::open_many(files, "/c", ONE).unwrap();
            assert_eq!((x.shape().unwrap(), x.dtype().unwrap()), (&[4, 3][..], DType::F32), "{name}");
            assert_eq!(sum(&session(1, "16MiB"), &x), 66.0);
        }
    }
    // Rows without elements would be rows.
    let rows = file(at, "e.h5", Some((&[2, 0], DType::F32)));
    assert_eq!(Array::open_many([&whole, &rows], "/c", ONE).unwrap_err().kind(), ErrorKind::Shape);
}

#[test]
fn dtypes_are_promoted_where_that_is_said() {
    let folder = folder();
    let at = folder.path();
    let files = [(DType::U32, "u4.h5"), (DType::U64, "u8.h5"), (DType::U32, "v4.h5")]
        .map(|(d, n)| file(at, n, Some((&[3], d))));
    let e = Array::open_many(&files, "/c", ONE).unwrap_err();
    assert!(e.kind() == ErrorKind::Type && e.to_string().contains("--promote"), "{e}");
    assert!(e.to_string().contains("uint64") && e.to_string().contains("uint32"), "{e}");
    let opened = Opened::open_many(&files, "/c", ONE, OpenOptions::new().promote()).unwrap();
    assert_eq!((opened.array.dtype().unwrap(), opened.array.shape().unwrap()), (DType::U64, &[9][..]));
    assert_eq!(sum(&session(1, "16MiB"), &opened.array), 9.0);
    assert_eq!(opened.notes, ["uint32 (2 files) and uint64 (1 file) promoted to uint64"]);
    // Alike they are as they are.
    let same = Opened::open_many(&files[..1], "/c", ONE, OpenOptions::new().promote()).unwrap();
    assert_eq!((same.array.dtype().unwrap(), same.notes.len()), (DType::U32, 0));
}
