//! Structures of all forms: object headers, layout messages of all versions, and what is left to
//! libhdf5.

use super::*;

/// Object headers of all forms: with creation order and phases, without times, and long enough to
/// have their rest elsewhere.
#[test]
fn object_headers() {
    use hdf5_sys::h5a::*;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    for style in [OLD, NEW] {
        let file = create(&path, style);
        let mut names = Vec::new();
        for form in 0..4 {
            for attributes in [0, 1, 5, 60] {
                let name = format!("{form} {attributes}");
                let made = Made {
                    name: &name,
                    shape: &[50],
                    most: &[GROW],
                    chunk: &[3],
                    filtered: form % 2 == 0,
                    early: false,
                };
                let dataset = made.create_with(&file, |plist| unsafe {
                    assert!(H5Pset_obj_track_times(plist, (form % 2) as _) >= 0);
                    if form > 1 {
                        assert!(H5Pset_attr_creation_order(plist, 3) >= 0);
                        assert!(H5Pset_attr_phase_change(plist, 70, 60) >= 0);
                    }
                });
                h5::locked(|| unsafe {
                    for i in 0..attributes {
                        let text = CString::new(format!("attribute {i}")).unwrap();
                        let space = raw(H5Screate_simple(1, [7 + i % 9].as_ptr(), std::ptr::null()));
                        let int = *H5T_STD_I64LE;
                        let (d, none) = (dataset.0, H5P_DEFAULT);
                        raw(H5Acreate2(d, text.as_ptr(), int, space.0, none, none));
                    }
                });
                made.store(&dataset, made.shape, some(1, 17));
                names.push(name);
            }
        }
        drop(file);
        for name in names {
            let seen = compare(&path, &name, 1);
            assert_eq!((seen.stored, seen.missing), (6, 11), "{name}");
        }
    }
}

/// What HDF5 2.0 writes, with layout version 5, and where it says that chunks are:
/// tests/goldens/make_chunk_index.py.
#[test]
fn indexes_of_hdf5_2() {
    #[derive(Deserialize)]
    struct Golden {
        kind: String,
        filtered: bool,
        header: u64,
        shape: Vec<u64>,
        chunk: Vec<u64>,
        chunks: Vec<Option<(u64, u64, u32)>>,
    }
    let bytes = &&include_bytes!("../../../../../tests/goldens/chunk_index.h5")[..];
    let text = include_str!("../../../../../tests/goldens/chunk_index.json");
    let goldens: Vec<Golden> = serde_json::from_str(text).unwrap();
    assert_eq!(goldens.len(), 8);
    let mut newest = 0;
    for golden in goldens {
        let Golden { kind, filtered, header, shape, chunk, chunks } = golden;
        let expect = Expect { shape: &shape, chunk: &chunk, element: 2, filtered };
        let index = ChunkIndex::locate(bytes, header, &expect).unwrap();
        assert_eq!(index.kind(), kind);
        newest += u64::from(layout_message(bytes, header).unwrap()[0] == 5);
        assert_eq!(chunks.len() as u64, index.grid.iter().product::<u64>());
        let mut memo = Memo::default();
        for (i, golden) in chunks.iter().enumerate() {
            let found = index.find(bytes, &unravel(i as u64, &index.grid), &mut memo).unwrap();
            assert_eq!(found.map(|s| (s.address, s.size, s.mask)), *golden, "{kind} {filtered} {i}");
            if let Some(found) = found {
                let at = found.address as usize;
                let n = found.size.min(8) as usize;
                let number = (i as u64).to_le_bytes();
                assert_eq!(bytes[at..at + n], number[..n], "{kind} {filtered} {i}");
            }
        }
    }
    assert_eq!(newest, 4);
}

/// Layout messages of versions 1 and 2, which no library writes any more, in the place of one of
/// version 3; libhdf5 reads them too.
#[test]
fn oldest_layouts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    for version in [1u8, 2] {
        let file = create(&path, OLD);
        let made =
            Made { name: "x", shape: &[1000], most: &[GROW], chunk: &[3], filtered: true, early: false };
        made.store(&made.create(&file), made.shape, some(1, 334));
        drop(file);
        let mut bytes = std::fs::read(&path).unwrap();
        // Version, class, rank, address of the tree, the two lengths of a chunk.
        let find = |pattern: &[u8]| bytes.windows(pattern.len()).position(|w| w == pattern).unwrap();
        let tree = (find(b"TREE\x01") as u64).to_le_bytes();
        let lengths = [3, 0, 0, 0, 8, 0, 0, 0];
        let old = [&[3u8, 2, 2][..], &tree, &lengths].concat();
        let at = find(&old);
        let new = [&[version, 2, 2, 0, 0, 0, 0, 0][..], &tree, &lengths].concat();
        assert!(bytes[at + old.len()..at + new.len()].iter().all(|b| *b == 0));
        bytes[at..at + new.len()].copy_from_slice(&new);
        std::fs::write(&path, &bytes).unwrap();
        let seen = compare(&path, "x", 1);
        assert_eq!((seen.kind, seen.stored, seen.missing), ("tree 1", 111, 223), "{version}");
    }
}

/// A file closed with an image of its metadata cache has newer structures in the image.
#[test]
fn a_cache_image_is_left_to_the_library() {
    use hdf5_sys::h5ac::H5AC_cache_image_config_t;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let file = create_with(&path, NEW, |fapl| {
        let config = H5AC_cache_image_config_t {
            version: 1,
            generate_image: 1,
            save_resize_status: 0,
            entry_ageout: -1,
        };
        assert!(unsafe { H5Pset_mdc_image_config(fapl, &config) } >= 0);
    });
    let made = Made { name: "x", shape: &[50], most: &[GROW], chunk: &[3], filtered: false, early: false };
    made.store(&made.create(&file), made.shape, some(0, 17));
    drop(file);
    let bytes = std::fs::read(&path).unwrap();
    let e = Container::open(&&bytes[..]).err().unwrap();
    assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
}

/// What is not as expected is an error, not another dataset's chunks.
#[test]
fn expectations_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    for style in [OLD, NEW] {
        let file = create(&path, style);
        let made = Made {
            name: "x",
            shape: &[20, 9],
            most: &[20, GROW],
            chunk: &[3, 2],
            filtered: false,
            early: false,
        };
        made.store(&made.create(&file), made.shape, some(0, 35));
        drop(file);
        let bytes = std::fs::read(&path).unwrap();
        let bytes = &&bytes[..];
        let file = h5::open_file(&path).unwrap();
        let facts = Facts::of(&file, "x").unwrap();
        let good = facts.expect();
        ChunkIndex::locate(bytes, facts.header, &good).unwrap();
        for bad in [
            Expect { shape: &[20, 8], ..good },
            Expect { shape: &[20], ..good },
            Expect { chunk: &[3, 1], ..good },
            Expect { chunk: &[3], ..good },
        ] {
            let e = ChunkIndex::locate(bytes, facts.header, &bad).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Format, "{e}");
        }
        // A group's header, and no header at all.
        for header in [1 << 40, u64::MAX, facts.header + 8] {
            let e = ChunkIndex::locate(bytes, header, &good).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Format, "{e}");
        }
    }
}
