//! External raw files, and links into other files.

use super::*;

#[test]
fn raw_files_are_read_in_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("e.h5");
    let bytes: Vec<u8> = (0..200u8).collect();
    for (name, len) in [("a.raw", 200), ("b.raw", 77)] {
        std::fs::write(dir.path().join(name), &bytes[..len]).unwrap();
    }
    let f = create(&path, 0);
    let full = |name: &str| CString::new(dir.path().join(name).to_str().unwrap()).unwrap();
    let make = |name: &str, shape: &[u64], pieces: &[(CString, i64, u64)]| {
        let setup = |p: hid_t| {
            for (file, offset, size) in pieces {
                assert!(unsafe { H5Pset_external(p, file.as_ptr(), *offset as _, *size) } >= 0);
            }
        };
        dataset(&f, name, (DType::I16, true), shape, setup, &[]);
    };
    make("one", &[5, 7], &[(full("a.raw"), 8, 70)]);
    make("pieces", &[10, 7], &[(full("a.raw"), 3, 33), (full("b.raw"), 9, 40), (full("a.raw"), 0, U)]);
    make("short", &[50], &[(full("b.raw"), 1, 100)]);
    make("gone", &[5], &[(full("gone.raw"), 0, 10)]);
    make("relative", &[5], &[(c"a.raw".into(), 0, 10)]);
    drop(f);
    for name in ["one", "pieces"] {
        same_as_library(&path, name, allowed());
    }
    // libhdf5 reads zeros there, and the fill value is 0.
    same_as_library(&path, "short", allowed().fill_missing());
    let e = Hdf5Source::open(&path, "short", allowed()).unwrap_err();
    assert!(e.kind() == ErrorKind::Format && e.to_string().contains("byte 101, and has 77"), "{e}");
    let e = Hdf5Source::open(&path, "gone", allowed()).unwrap_err();
    assert!(e.kind() == ErrorKind::NotFound && e.to_string().contains("gone.raw"), "{e}");
    let gone = Hdf5Source::open(&path, "gone", allowed().fill_missing()).unwrap();
    assert_eq!(whole(&gone).unwrap(), [0; 10]);
    // In the folder of the file, whatever the current folder is.
    let relative = whole(&Hdf5Source::open(&path, "relative", allowed()).unwrap()).unwrap();
    let want: Vec<u8> =
        bytes[..10].chunks(2).flat_map(|b| i16::from_be_bytes([b[0], b[1]]).to_ne_bytes()).collect();
    assert_eq!(relative, want);
    let one = Hdf5Source::open(&path, "one", allowed()).unwrap();
    std::fs::write(dir.path().join("a.raw"), &bytes[1..]).unwrap();
    assert_eq!(whole(&one).unwrap_err().kind(), ErrorKind::Changed);
}

#[test]
fn links_into_other_files_are_followed_by_our_own_readers() {
    let dir = tempfile::tempdir().unwrap();
    sources(dir.path());
    let path = dir.path().join("l.h5");
    let link = |f: &Raw, name: &std::ffi::CStr, file: &std::ffi::CStr, object: &std::ffi::CStr| unsafe {
        h5::locked(|| {
            H5Lcreate_external(file.as_ptr(), object.as_ptr(), f.0, name.as_ptr(), H5P_DEFAULT, H5P_DEFAULT)
        });
    };
    let f = create(&path, 0);
    link(&f, c"x", c"s1.h5", c"/x");
    link(&f, c"root", c"s2.h5", c"/");
    link(&f, c"gone", c"gone.h5", c"/x");
    link(&f, c"nothing", c"s1.h5", c"/nothing");
    link(&f, c"circle", c"l.h5", c"/circle");
    link(&f, c"twice", c"l.h5", c"/x");
    virtual_dataset(&f, "v", DType::I32, &[6, 8], None, &[(".", "x", &[6, 8], All, All)]);
    drop(f);
    for (name, from) in [("x", 1000), ("root/x", 2000), ("twice", 1000), ("v", 1000)] {
        let source = Hdf5Source::open(&path, name, allowed()).unwrap();
        assert_eq!(source.through_library(), None);
        assert_eq!(whole(&source).unwrap(), numbers(from, 48), "{name}");
        let spec = source.spec(Own).unwrap();
        assert_eq!(spec.in_file().unwrap(), (path.as_path(), &format!("/{name}")[..]));
        assert_eq!(open_spec(&spec).unwrap().shape(), [6, 8]);
    }
    for (name, part) in [("gone", "gone.h5"), ("nothing", "/nothing"), ("circle", "itself")] {
        let e = Hdf5Source::open(&path, name, allowed()).unwrap_err();
        assert!(e.to_string().contains(part) && e.to_string().contains("l.h5"), "{e}");
    }
    let source = Hdf5Source::open(&path, "x", allowed()).unwrap();
    let spec = source.spec(Own).unwrap();
    let f = create(&dir.path().join("s1.h5"), 0);
    dataset(&f, "x", (DType::I32, false), &[6, 8], |_| {}, &numbers(9, 48));
    drop(f);
    assert_eq!(whole(&source).unwrap_err().kind(), ErrorKind::Changed);
    assert_eq!(open_spec(&spec).unwrap_err().kind(), ErrorKind::Changed);
}
