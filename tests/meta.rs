//! What is in files of every format that HDF5 has had, against h5py; files that are cut off, that a writer has
//! open, that writers made a little wrong, and files that are something else.
//!
//! The goldens come from `tests/goldens/make_meta.py`.

mod common;
#[path = "common/structures.rs"]
mod structures;

use chunkwise::source::hdf5::{
    Attribute, AttributeValue, Hdf5Source, Node, NodeKind, library_version, tree, tree_with,
};
use chunkwise::{Array, ErrorKind, OpenOptions, Reader, Scalar};
use common::{dataset, folder, golden, session, to_bytes, write_file};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use structures::{lookup3, structures};

fn place(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/meta").join(file)
}

/// A number as Python writes it, so far that both can be compared.
fn number(s: &Scalar) -> Value {
    match s {
        Scalar::Bool(b) => json!(if *b { "True" } else { "False" }),
        _ => json!(s.to_f64().to_string().to_lowercase()),
    }
}

/// A number that Python wrote, in the same way.
fn python(text: &Value) -> Value {
    match text.as_str() {
        Some("True" | "False") => text.clone(),
        Some(text) => json!(text.parse::<f64>().unwrap().to_string().to_lowercase()),
        None => Value::Null,
    }
}

fn attribute(a: &Attribute) -> Value {
    match &a.value {
        AttributeValue::Numbers(v) => json!([a.shape, "numbers", v.iter().map(number).collect::<Vec<_>>()]),
        AttributeValue::Strings(v) => json!([a.shape, "strings", v]),
        AttributeValue::Other(text) => json!([a.shape, "other", text]),
        _ => Value::Null,
    }
}

/// The nodes of a tree in the form of the goldens, the root first.
fn rows(node: &Node, out: &mut Vec<Value>) {
    let (kind, more) = match &node.kind {
        NodeKind::Group { truncated, .. } => {
            assert!(!truncated);
            ("group", Value::Null)
        }
        NodeKind::Dataset(d) => {
            let mut d2 = serde_json::to_value(d).unwrap();
            d2.as_object_mut().unwrap().remove("readable");
            d2.as_object_mut().unwrap().remove("fields");
            d2["dtype"] = d.dtype.map_or(Value::Null, |t| json!(t.name()));
            d2["fill"] = d.fill.as_ref().map_or(Value::Null, number);
            ("dataset", d2)
        }
        NodeKind::Type { text } => ("type", json!(text)),
        NodeKind::SoftLink { target } => ("soft_link", json!(target)),
        NodeKind::ExternalLink { file, object } => ("external_link", json!([file, object])),
        NodeKind::SameAs { path } => ("same_as", json!(path)),
        other => panic!("{}: {other:?}", node.path),
    };
    let attributes: serde_json::Map<_, _> =
        node.attributes.iter().map(|a| (a.name.clone(), attribute(a))).collect();
    assert_eq!(attributes.len(), node.attributes.len());
    out.push(json!([node.path, kind, more, attributes]));
    if let NodeKind::Group { members, .. } = &node.kind {
        members.iter().for_each(|m| rows(m, out));
    }
}

/// The goldens' row, with its numbers written as here.
fn normal(row: &Value) -> Value {
    let mut row = row.clone();
    if row[1] == "dataset" {
        row[2]["fill"] = python(&row[2]["fill"]);
    }
    for (_, a) in row[3].as_object_mut().unwrap() {
        if a[1] == "numbers" {
            a[2] = a[2].as_array().unwrap().iter().map(python).collect();
        }
    }
    row
}

#[test]
fn every_kind_of_metadata_is_as_h5py_says() {
    let (mut nodes, mut attributes, mut wrong) = (0, 0, Vec::new());
    for (file, expected) in golden("meta.json").as_object().unwrap() {
        let (node, mut got) = (tree(place(file), "/").unwrap(), Vec::new());
        rows(&node, &mut got);
        let expected: Vec<Value> = expected.as_array().unwrap().iter().map(normal).collect();
        for (got, expected) in got.iter().zip(&expected) {
            nodes += 1;
            attributes += expected[3].as_object().unwrap().len();
            if got != expected {
                wrong.push(format!("{file}:\n  got  {got}\n  h5py {expected}"));
            }
        }
        assert_eq!(got.len(), expected.len(), "{file}");
    }
    assert!(wrong.is_empty(), "{} of {nodes}\n{}", wrong.len(), wrong.join("\n"));
    assert!(nodes > 300 && attributes > 300, "{nodes} nodes, {attributes} attributes");
}

/// The datasets of the goldens open, and have the values that were written.
#[test]
fn datasets_of_every_format_open() {
    let session = session(1, "64MiB");
    for (file, expected) in golden("meta.json").as_object().unwrap() {
        let mut open = 0;
        for row in expected.as_array().unwrap().iter().filter(|row| row[1] == "dataset") {
            let (path, about) = (row[0].as_str().unwrap(), &row[2]);
            let answer = Array::open(place(file), path);
            let elsewhere = about["layout"] == "virtual" || about["external_files"] != 0;
            if about["dtype"].is_null() || elsewhere {
                let kind = if elsewhere { ErrorKind::Unsupported } else { ErrorKind::Type };
                assert_eq!(answer.unwrap_err().kind(), kind, "{file} {path}");
                continue;
            }
            let a = answer.unwrap_or_else(|e| panic!("{file} {path}: {e}"));
            if about["shape"] == json!([6, 10]) && about["stored"] == "<i4" {
                let sum: i64 = session.compute(&a.sum()).unwrap().item().unwrap();
                assert_eq!(sum, 1770, "{file} {path}");
                open += 1;
            }
        }
        assert!(open >= 7, "{file}: {open}");
        let soft: i64 = session
            .compute(&Array::open(place(file), "/links/relative").unwrap().sum())
            .unwrap()
            .item()
            .unwrap();
        assert_eq!(soft, 1770);
        for (path, kind, words) in [
            ("/links/one", ErrorKind::Format, "circle of soft links"),
            ("/links/external", ErrorKind::Unsupported, "\"/a/b\" in another file, \"other.h5\""),
            ("/links/dangling", ErrorKind::NotFound, "there is no \"/links/nowhere\""),
            ("/data/filled/x", ErrorKind::NotFound, "is a dataset, there is nothing below it"),
            ("/types/text/x", ErrorKind::NotFound, "is a named type, there is nothing below it"),
            ("/types/text", ErrorKind::Type, "this is a named type, not a dataset"),
            ("/data", ErrorKind::Type, "this is a group, not a dataset"),
            ("/scales/w", ErrorKind::NotFound, "/scales has x, y, z"),
        ] {
            let e = Array::open(place(file), path).unwrap_err();
            assert!(e.kind() == kind && e.to_string().contains(words), "{file} {path}: {e}");
        }
    }
}

/// A file, written here, with two contiguous datasets of 8000 bytes, one after the other.
fn two(folder: &Path) -> (PathBuf, u64) {
    let path = folder.join("two.h5");
    let values: Vec<Scalar> = (0..1000).map(|i| Scalar::F64(f64::from(i))).collect();
    let bytes = to_bytes(&values);
    let one = dataset("first", &[1000], chunkwise::DType::F64, None, None);
    let other = dataset("last", &[1000], chunkwise::DType::F64, None, None);
    write_file(&path, &[(one, &bytes[..]), (other, &bytes[..])]);
    let whole = std::fs::metadata(&path).unwrap().len();
    (path, whole)
}

#[test]
fn a_file_that_is_cut_off_gives_what_it_has() {
    let folder = folder();
    let (path, whole) = two(folder.path());
    let session = session(1, "64MiB");
    let bytes = std::fs::read(&path).unwrap();
    let sum = |path: &Path, name: &str| -> chunkwise::Result<f64> {
        session.compute(&Array::open(path, name)?.sum())?.item()
    };
    let (mut read, mut refused) = (0, 0);
    for len in [0, 1, 8, 40, 96, 500, 1000, 2000, 4000, 8000, 12_000, 16_000, whole as usize - 1] {
        let cut = folder.path().join(format!("cut{len}.h5"));
        std::fs::write(&cut, &bytes[..len.min(bytes.len())]).unwrap();
        for name in ["first", "last"] {
            match sum(&cut, name) {
                Ok(v) => {
                    assert_eq!(v, 499_500.0, "{len} {name}");
                    read += 1;
                }
                Err(e) => {
                    assert_eq!(e.kind(), ErrorKind::Format, "{len} {name}: {e}");
                    let counted = e.to_string().contains(&format!("{len} of {whole} bytes"));
                    assert!(counted || len < 100, "{len} {name}: {e}");
                    refused += 1;
                }
            }
        }
        let _ = tree(&cut, "/");
    }
    assert!(read > 0 && refused > 10, "{read} read, {refused} refused");
}

#[test]
fn what_a_writer_says_of_itself_is_no_obstacle() {
    let folder = folder();
    let session = session(1, "64MiB");
    for flags in [1u8, 4, 5] {
        let mut bytes = std::fs::read(place("v114.h5")).unwrap();
        assert!(bytes[8] >= 2);
        bytes[11] = flags;
        let sum = lookup3(&bytes[..44]).to_le_bytes();
        bytes[44..48].copy_from_slice(&sum);
        let path = folder.path().join(format!("open{flags}.h5"));
        std::fs::write(&path, bytes).unwrap();
        let a = Array::open(&path, "/data/growing").unwrap();
        let sum: i64 = session.compute(&a.sum()).unwrap().item().unwrap();
        assert_eq!(sum, 1770, "{flags}");
        assert!(tree(&path, "/").is_ok());
    }
}

/// Some writers give a wrong size of an element beside the chunk's: the type is right, as for libhdf5.
#[test]
fn the_size_of_elements_is_that_of_their_type() {
    let folder = folder();
    let session = session(1, "64MiB");
    let whole = std::fs::read(place("v114.h5")).unwrap();
    let mut found = 0;
    for s in structures(&whole) {
        let Some(len) = s.checked else { continue };
        // Version 4, chunks, no flags, rank 3 with the element, lengths of 1 byte: 4, 3, 4.
        let pattern = [4u8, 2, 0, 3, 1, 4, 3, 4];
        let header = &whole[s.at..s.at + len];
        let Some(at) = header.windows(pattern.len()).position(|w| w == pattern) else { continue };
        found += 1;
        for wrong in [1u8, 2, 8] {
            let mut bytes = whole.clone();
            bytes[s.at + at + 7] = wrong;
            let sum = lookup3(&bytes[s.at..s.at + len]).to_le_bytes();
            bytes[s.at + len..s.at + len + 4].copy_from_slice(&sum);
            let path = folder.path().join(format!("wrong{found}{wrong}.h5"));
            std::fs::write(&path, bytes).unwrap();
            for name in ["chunked", "deflated", "growing", "filled"] {
                let a = Array::open(&path, &format!("/data/{name}")).unwrap();
                let sum: i64 = session.compute(&a.sum()).unwrap().item().unwrap();
                assert_eq!(sum, 1770, "{name} {wrong}");
            }
        }
    }
    assert!(found >= 3, "{found}");
}

#[test]
fn what_is_no_hdf5_file_is_named() {
    let folder = folder();
    let mut tar = vec![b'x'; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    let files: [(&[u8], &str); 14] = [
        (b"", "an empty file"),
        (b"\x1f\x8b\x08\0abc", "a gzip file"),
        (b"PK\x03\x04....", "a zip archive"),
        (b"\n <!DOCTYPE html><html>not found</html>", "an HTML page"),
        (b"<?xml version='1.0'?><Error/>", "an XML document"),
        (b"\x0e\x03\x13\x01\0\0", "an HDF4 file"),
        (b"\x93NUMPY\x01\0", "a NumPy file"),
        (b"SIMPLE  =                    T", "a FITS file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"a,b,c\n1,2,\xc3\xa9\n", "a text file"),
        (&[0; 600], "begins with zeros"),
        (&tar, "a tar archive"),
        (b"\x89HDF\r\n\x1a", "does not have HDF5's signature"),
        (b"\x89HDF\r\n\x1a\n", "a structure ends early"),
    ];
    for (i, (bytes, words)) in files.into_iter().enumerate() {
        let path = folder.path().join(format!("{i}.h5"));
        std::fs::write(&path, bytes).unwrap();
        for e in [Array::open(&path, "x").unwrap_err(), tree(&path, "/").unwrap_err()] {
            assert!(e.kind() == ErrorKind::Format && e.to_string().contains(words), "{words}: {e}");
            assert!(e.to_string().contains(&format!("{i}.h5")), "{e}");
        }
    }
    // What opens files of any format opens these; what opens HDF5 says what they are.
    for (version, words) in [(1, "a netCDF classic file,"), (2, "(64-bit offsets)"), (5, "(64-bit data)")] {
        let path = folder.path().join(format!("{version}.nc"));
        std::fs::write(&path, [b'C', b'D', b'F', version, 0, 0, 0, 0]).unwrap();
        let opened = Hdf5Source::open(&path, "x", OpenOptions::new()).map(|_| ());
        for e in [opened.unwrap_err(), tree(&path, "/").unwrap_err()] {
            let said = e.to_string();
            assert!(e.kind() == ErrorKind::Format && said.contains(words), "{words}: {e}");
            assert!(said.contains("a netCDF classic file") && said.contains("open_file"), "{e}");
        }
    }
}

/// What is not read here is refused by its name, and says how libhdf5 is asked.
#[test]
fn unknown_structures_are_left_to_libhdf5() {
    let folder = folder();
    let path = folder.path().join("family.h5");
    let (good, _) = two(folder.path());
    let mut bytes = std::fs::read(good).unwrap();
    // A file of version 0 with an address of driver information.
    if bytes[8] != 0 {
        bytes = std::fs::read(place("earliest.h5")).unwrap();
    }
    bytes[48..56].copy_from_slice(&200u64.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    for e in [Array::open(&path, "x").unwrap_err(), tree(&path, "/").unwrap_err()] {
        assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
        for words in ["a file in several parts", "--reader libhdf5", "superblock at byte 0"] {
            assert!(e.to_string().contains(words), "{e}");
        }
    }
    // libhdf5 has words of its own for it.
    let e = Array::open_with(&path, "x", OpenOptions::new().reader(Reader::Libhdf5)).unwrap_err();
    assert!(!e.to_string().contains("--reader"), "{e}");
}

/// libhdf5 is asked where that is wanted, and answers the same of files that it can read.
#[test]
fn libhdf5_says_the_same_where_it_is_asked() {
    if library_version().starts_with("2.") {
        // Built without what older references need.
        return;
    }
    let options = OpenOptions::new().reader(Reader::Libhdf5);
    for file in ["earliest.h5", "v108.h5"] {
        assert_eq!(tree_with(place(file), "/", options).unwrap(), tree(place(file), "/").unwrap(), "{file}");
        let (theirs, ours) = (
            Array::open_with(place(file), "/data/deflated", options).unwrap(),
            Array::open(place(file), "/data/deflated").unwrap(),
        );
        let session = session(1, "64MiB");
        assert_eq!(session.compute(&theirs).unwrap().bytes(), session.compute(&ours).unwrap().bytes());
    }
}

/// Integers wider than any are refused at once: libhdf5 would take gigabytes to say so.
#[test]
fn integers_of_absurd_sizes_are_refused() {
    use hdf5_sys::{h5d::*, h5f::*, h5i::*, h5p::*, h5s::*, h5t::*};
    let folder = common::folder();
    let path = folder.path().join("wide.h5");
    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    let sizes = [
        (c"a", 17, 64),
        (c"b", 64, 32),
        (c"c", 1 << 30, 64),
        (c"d", 1 << 30, 7),
        (c"e", 16, 64),
        (c"f", 16, 65),
    ];
    // SAFETY: identifiers and pointers are live, and the lock is held.
    hdf5::sync::sync(|| unsafe {
        let file = H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        let space = H5Screate_simple(1, [4u64].as_ptr(), std::ptr::null());
        for (name, size, precision) in sizes {
            let ty = H5Tcopy(*H5T_STD_I64LE);
            assert!(H5Tset_size(ty, size) >= 0 && H5Tset_precision(ty, precision) >= 0);
            let made = H5Dcreate2(file, name.as_ptr(), ty, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
            assert!(made >= 0 && H5Idec_ref(made) >= 0 && H5Tclose(ty) >= 0);
        }
        assert!(H5Sclose(space) >= 0 && H5Fclose(file) >= 0);
    });
    for (name, size, precision) in sizes {
        let name = name.to_str().unwrap();
        match chunkwise::Array::open(&path, name) {
            Ok(array) => {
                assert!(size <= 16 && precision <= 64, "{name}");
                let value = chunkwise::Session::new().unwrap().compute(&array).unwrap();
                assert_eq!(value.as_slice::<i64>().unwrap(), [0; 4]);
            }
            Err(e) => {
                assert!(matches!(e.kind(), ErrorKind::Unsupported | ErrorKind::Type), "{name}: {e}");
                assert!(size > 16 || precision > 64, "{name}: {e}");
            }
        }
    }
}
