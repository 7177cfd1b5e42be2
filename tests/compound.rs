//! Fields of compound data, complex numbers, bitfields and bools by other names, against h5py
//! (`tests/goldens/make_compound.py`), by both readers of metadata.

mod common;

use chunkwise::source::hdf5::{Field, NodeKind, tree_with};
use chunkwise::source::{elements, open_file};
use chunkwise::{Array, ArrayValue, Compound, DType, ErrorKind, Index, Join, OpenOptions, Reader, Session};
use common::{device, folder, golden};
use std::path::{Path, PathBuf};

fn place(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(file)
}

fn session() -> Session {
    Session::builder().device(device()).threads(2).memory("64MiB").build().unwrap()
}

/// The bits of the numbers, as the goldens have them.
fn bits(value: &ArrayValue) -> Vec<String> {
    let hex = |b: &[u8]| format!("{:x}", b.iter().rev().fold(0u64, |n, &b| n << 8 | u64::from(b)));
    value.bytes().chunks_exact(value.dtype().size()).map(hex).collect()
}

/// Path, dtype, shape and bits of each field of the goldens.
fn fields() -> Vec<(String, DType, Vec<u64>, Vec<String>)> {
    let row = |v: &serde_json::Value| {
        let list = |v: &serde_json::Value| v.as_array().unwrap().clone();
        (
            v[0].as_str().unwrap().to_string(),
            DType::from_name(v[1].as_str().unwrap()).unwrap(),
            list(&v[2]).iter().map(|n| n.as_u64().unwrap()).collect(),
            list(&v[3]).iter().map(|b| b.as_str().unwrap().to_string()).collect(),
        )
    };
    golden("compound.json").as_array().unwrap().iter().map(row).collect()
}

/// The file of a field, and whether libhdf5 of any version reads it.
fn file_of(path: &str) -> (&'static str, bool) {
    match ["/s/", "/v/", "/z/"].iter().any(|start| path.starts_with(start)) {
        true => ("compound_source.h5", false),
        false => ("compound.h5", true),
    }
}

#[test]
fn every_field_is_as_h5py_reads_it() {
    let session = session();
    let all = fields();
    assert!(all.len() > 100);
    for (path, dtype, shape, want) in &all {
        let (file, old) = file_of(path);
        for reader in [Reader::Own, Reader::Libhdf5] {
            if reader == Reader::Libhdf5 && !old {
                continue;
            }
            let options = OpenOptions::new().reader(reader).allow_external();
            if path.starts_with("/v/") && shape.len() > 1 {
                // Arrays in the elements of virtual datasets are taken from the sources.
                let e = Array::open_with(place(file), path, options).unwrap_err();
                assert_eq!(e.kind(), ErrorKind::Unsupported, "{path}: {e}");
                continue;
            }
            let array = Array::open_with(place(file), path, options).unwrap();
            assert_eq!((array.dtype().unwrap(), array.shape().unwrap()), (*dtype, &shape[..]), "{path}");
            let value = session.compute(&array).unwrap();
            assert_eq!(bits(&value), *want, "{path} {reader:?}");
        }
    }
}

/// Regions with steps, of the dataset's axes and of those inside of elements, in every layout.
#[test]
fn regions_of_fields() {
    let session = session();
    let by = |start, stop, step| Index::Slice { start: Some(start), stop: Some(stop), step };
    for layout in ["compact", "contiguous", "chunked", "deflated", "checked"] {
        let w = Array::open(place("compound.h5"), &format!("/nested/{layout}/pos/w")).unwrap();
        assert_eq!(w.shape().unwrap(), [23, 2, 3]);
        let all = session.compute(&w).unwrap().to_ndarray::<u16>().unwrap();
        let part = w.index([by(2, 21, 5), by(1, 2, 1), by(0, 3, 2)]);
        let part = session.compute(&part).unwrap().to_ndarray::<u16>().unwrap();
        assert_eq!(part, all.slice(ndarray::s![2..21;5, 1..2, 0..3;2]).into_dyn(), "{layout}");
        let turned = session.compute(&w.t().index([Index::At(2)])).unwrap().to_ndarray::<u16>().unwrap();
        assert_eq!(turned, all.slice(ndarray::s![.., .., 2]).reversed_axes().into_dyn(), "{layout}");
    }
}

/// Only the numbers of the field are held: a run over a field fits where all of the elements do not.
#[test]
fn a_field_is_decoded_chunk_by_chunk_within_the_budget() {
    let x = Array::open(place("compound.h5"), "/nested/deflated/pos/x").unwrap();
    let y = Array::open(place("compound.h5"), "/nested/deflated/pos/y").unwrap();
    let outcome = session().run(&[&x.sum(), &y.sum()]).unwrap();
    // Each field decodes each of the four chunks.
    assert_eq!(outcome.report.chunks_decoded, 8);
    assert!(outcome.report.peak_host_bytes <= outcome.report.projected_host_bytes);
    let plan = session().plan(&[&x.sum()]).unwrap().to_json().unwrap();
    assert!(plan.contains("/nested/deflated/pos/x"), "a plan names the field");
}

#[test]
fn what_is_no_number_says_what_can_be_taken_of_it() {
    let open = |path: &str| Array::open(place("compound.h5"), path).unwrap_err();
    let cases = [
        ("/plain/chunked", ErrorKind::Type, "FILE:/path/fpga_count; there is fpga_count, ctime"),
        ("/plain/chunked/time", ErrorKind::NotFound, "there is no field \"time\""),
        ("/plain/chunked/ctime/x", ErrorKind::NotFound, "there is no field \"x\": <f8 has none"),
        ("/nested/chunked/pos", ErrorKind::Type, "there is x, y, w"),
        ("/packed/chunked/text", ErrorKind::Type, "string of 5 bytes"),
        ("/complex/c8", ErrorKind::Type, "real(z), imag(z), abs(z) or angle(z)"),
        ("/bits_b8/x", ErrorKind::NotFound, "there is nothing below it"),
    ];
    for (path, kind, text) in cases {
        let e = open(path);
        assert!(e.kind() == kind && e.to_string().contains(text), "{path}: {e}");
        let old = OpenOptions::new().reader(Reader::Libhdf5);
        let e = Array::open_with(place("compound.h5"), path, old).unwrap_err();
        assert!(e.kind() == kind && e.to_string().contains(text), "{path} by libhdf5: {e}");
    }
}

#[test]
fn fields_are_listed_by_both_readers() {
    let listed = |reader| {
        let node =
            tree_with(place("compound.h5"), "/nested/chunked", OpenOptions::new().reader(reader)).unwrap();
        match node.kind {
            NodeKind::Dataset(d) => d.fields,
            other => panic!("{other:?}"),
        }
    };
    let own = listed(Reader::Own);
    assert_eq!(own, listed(Reader::Libhdf5));
    let of = |f: &Field| (f.name.clone(), f.stored.clone(), f.dtype, f.shape.clone());
    assert_eq!(
        own.iter().map(of).collect::<Vec<_>>(),
        [
            ("id".into(), "<i8".into(), Some(DType::I64), vec![]),
            ("pos".into(), "compound {x: <f4, y: >f4, w: array of <u2}".into(), None, vec![]),
            ("pos/x".into(), "<f4".into(), Some(DType::F32), vec![]),
            ("pos/y".into(), ">f4".into(), Some(DType::F32), vec![]),
            ("pos/w".into(), "<u2".into(), Some(DType::U16), vec![2, 3]),
            ("v".into(), "<f4".into(), Some(DType::F32), vec![3]),
        ]
    );
    assert_eq!(
        elements(place("compound.h5"), "/nested/chunked/pos", OpenOptions::new()).unwrap().fields.len(),
        3
    );
    assert!(elements(place("compound.h5"), "/bits_b8", OpenOptions::new()).unwrap().fields.is_empty());
}

/// A field is no object: a listing of one says where it is shown, and what there is where there is none of the name.
#[test]
fn a_listing_of_a_field_says_where_the_fields_are() {
    for reader in [Reader::Own, Reader::Libhdf5] {
        let told = |path: &str| {
            let e = tree_with(place("compound.h5"), path, OpenOptions::new().reader(reader)).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::NotFound, "{path}: {e}");
            e.to_string()
        };
        for (path, dataset, field) in [
            ("/nested/chunked/pos/x", "/nested/chunked", "pos/x"),
            ("/nested/chunked/pos", "/nested/chunked", "pos"),
            ("/plain/chunked/ctime", "/plain/chunked", "ctime"),
        ] {
            let e = told(path);
            assert!(
                e.contains(&format!("{field:?} is a field of the dataset {dataset:?}")),
                "{reader:?}: {e}"
            );
            assert!(e.contains(&format!("info FILE:{dataset}`")), "{reader:?}: {e}");
            assert!(e.contains(&format!("eval -i NAME=FILE:{path}`")), "{reader:?}: {e}");
        }
        let e = told("/plain/chunked/time");
        assert!(
            e.contains("there is no field \"time\"") && e.contains("fpga_count, ctime"),
            "{reader:?}: {e}"
        );
        let e = told("/bits_b8/x");
        assert!(e.contains("there is nothing below it"), "{reader:?}: {e}");
    }
}

#[test]
fn complex_numbers_through_their_parts() {
    let session = session();
    let value = |a: chunkwise::Result<Array>| session.compute(&a.unwrap().cast(DType::F64)).unwrap();
    for (file, path) in [("compound.h5", "/complex/c16"), ("compound_source.h5", "/z")] {
        let z = Compound::open(place(file), path, OpenOptions::new()).unwrap();
        assert!(z.is_complex());
        let (re, im) = (value(z.real()), value(z.imag()));
        let (abs, angle) = (value(z.abs()), value(z.angle()));
        for i in 0..11 {
            let [re, im, abs, angle] = [&re, &im, &abs, &angle].map(|v| v.as_slice::<f64>().unwrap()[i]);
            assert!((abs - re.hypot(im)).abs() <= 1e-15 * abs && (angle - im.atan2(re)).abs() < 1e-15);
        }
    }
    let d = Compound::open(place("compound.h5"), "/nested/chunked", OpenOptions::new()).unwrap();
    assert_eq!(d.real().unwrap_err().kind(), ErrorKind::Type);
    let both = [d.inner("pos").unwrap().field("x"), d.field("pos/x")].map(|f| f.unwrap().array);
    let [x, same] = both.map(|array| session.compute(&array).unwrap().bytes().to_vec());
    assert_eq!(x, same);
    assert_eq!(d.inner("id").unwrap_err().kind(), ErrorKind::Type);
    assert!(Compound::open(place("compound.h5"), "/bits_b8", OpenOptions::new()).is_err());
}

#[test]
fn fields_of_many_files_are_joined() {
    let folder = folder();
    let files: Vec<PathBuf> = (0..3).map(|i| folder.path().join(format!("{i}.h5"))).collect();
    for file in &files {
        std::fs::copy(place("compound.h5"), file).unwrap();
    }
    let join = Join::Concatenate { axis: 0 };
    let d = Compound::open_many(&files, "/plain/deflated", join, OpenOptions::new()).unwrap();
    let one = open_file(&files[0], "/plain/deflated/ctime", OpenOptions::new()).unwrap();
    let ctime = d.field("ctime").unwrap().array;
    assert_eq!(ctime.shape().unwrap(), [3 * one.shape()[0]]);
    let session = session();
    let sum = |a: &Array| session.compute(&a.sum()).unwrap().item::<f64>().unwrap();
    assert_eq!(sum(&ctime), 3.0 * sum(&Array::new(one)));
}

/// An untrusted file's fields are read by own code.
#[test]
fn fields_of_untrusted_files() {
    let options = OpenOptions::new().untrusted();
    let x = Array::open_with(place("compound.h5"), "/nested/deflated/v", options).unwrap();
    assert_eq!(x.shape().unwrap(), [23, 3]);
    session().compute(&x.sum()).unwrap();
}
