//! What is read here and what libhdf5 says of the same files must be the same.

use super::*;
use crate::source::hdf5::facts::Storage;
use crate::source::hdf5::tree::NodeKind;
use crate::source::hdf5::{facts as library, handles, look as listed};
use std::path::{Path, PathBuf};

/// Differences between the two readings of a file, and how many nodes and datasets were compared.
fn compare(path: &Path) -> Result<(Vec<String>, usize, usize)> {
    let path = std::fs::canonicalize(path).unwrap();
    let file = handles::borrow(&path)?;
    let theirs = listed::look(&path, "/", false)?;
    let mut wrong = Vec::new();
    let ours = match tree(&file.raw, "/", false) {
        Ok(ours) => ours,
        Err(e) => return Ok((vec![format!("{}: {e:?}", path.display())], 0, 0)),
    };
    let (mut nodes, mut datasets) = (0, 0);
    let mut pending = vec![(ours, theirs)];
    while let Some((ours, theirs)) = pending.pop() {
        nodes += 1;
        let name = format!("{} {}", path.display(), theirs.path);
        // What is too new for libhdf5 has nothing to be compared with.
        if let NodeKind::Unreadable { error } = &theirs.kind
            && error.contains("bad version number")
        {
            if let NodeKind::Unreadable { .. } = &ours.kind {
                wrong.push(format!("{name}:\n  own {:?}", ours.kind));
            }
            continue;
        }
        if let NodeKind::Dataset(_) = theirs.kind {
            datasets += 1;
            let options = OpenOptions::new();
            let lib = library::gather(&file, &theirs.path, options).map_err(|e| e.to_string());
            let own = facts(&file.raw, &theirs.path, options).map_err(|e| e.to_string());
            // Odd integers libhdf5 converts, and here they are taken out of their elements.
            if let (Ok(Told::Here(own)), Ok(lib)) = (&own, &lib)
                && own.part.as_ref().is_some_and(|part| part.odd.is_some())
                && matches!(&lib.storage, Storage::Library { why } if why.contains("converted"))
            {
                let same = (&own.shape, own.dtype, &own.chunks, &own.filters);
                if same != (&lib.shape, lib.dtype, &lib.chunks, &lib.filters) {
                    wrong.push(format!("{name}:\n  own {own:?}\n  lib {lib:?}"));
                }
            } else if own != lib.clone().map(|facts| Told::Here(Box::new(facts))) {
                wrong.push(format!("{name}:\n  own {own:?}\n  lib {lib:?}"));
            }
        }
        let (mut ours, mut theirs) = (ours, theirs);
        if let (NodeKind::Group { members: a, .. }, NodeKind::Group { members: b, .. }) =
            (&mut ours.kind, &mut theirs.kind)
            && a.len() == b.len()
        {
            pending.extend(std::mem::take(a).into_iter().zip(std::mem::take(b)));
        }
        for a in &theirs.attributes {
            let own = ours.attributes.iter().find(|o| o.name == a.name);
            if own != Some(a) {
                wrong.push(format!("{name} @{}:\n  own {own:?}\n  lib {a:?}", a.name));
            }
        }
        if ours.kind != theirs.kind || ours.path != theirs.path {
            wrong.push(format!("{name}:\n  own {:?}\n  lib {:?}", ours.kind, theirs.kind));
        }
        let names = |node: &Node| node.attributes.iter().map(|a| a.name.clone()).collect::<Vec<_>>();
        if names(&ours) != names(&theirs) {
            wrong.push(format!("{name}: attributes {:?}, not {:?}", names(&ours), names(&theirs)));
        }
    }
    Ok((wrong, nodes, datasets))
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            // libhdf5 does not survive these.
            true if path.ends_with("hostile") => {}
            true => files(&path, out),
            false => out.push(path),
        }
    }
}

/// Compares all files that libhdf5 opens; gives how many of them, nodes, and datasets.
fn compare_all(folders: &[PathBuf]) -> (usize, usize, usize) {
    let (mut all, mut wrong, mut sums) = (Vec::new(), Vec::new(), (0, 0, 0));
    folders.iter().for_each(|folder| files(folder, &mut all));
    all.sort();
    for file in all {
        match compare(&file) {
            Ok((more, nodes, datasets)) => {
                wrong.extend(more);
                sums = (sums.0 + 1, sums.1 + nodes, sums.2 + datasets);
            }
            Err(e) => println!("libhdf5 does not open {}: {}", file.display(), e.message()),
        }
    }
    println!("{sums:?} files, nodes, datasets");
    assert!(wrong.is_empty(), "{} differences\n{}", wrong.len(), wrong.join("\n"));
    sums
}

#[test]
fn files_of_all_layouts_are_as_libhdf5_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/layouts");
    let (files, _, datasets) = compare_all(&[folder]);
    assert!(files > 5 && datasets > 1000, "{files} files, {datasets} datasets");
}

#[test]
fn real_files_are_as_libhdf5_says() {
    let folder = std::env::var_os("CHUNKWISE_DATA").map_or_else(|| "../shared/data".into(), PathBuf::from);
    if !folder.is_dir() {
        assert!(std::env::var_os("CHUNKWISE_DATA_REQUIRED").is_none(), "there is no {}", folder.display());
        println!("SKIPPED: there is no {}", folder.display());
        return;
    }
    let (files, nodes, datasets) = compare_all(&[folder]);
    assert!(files > 20 && datasets > 300 && nodes > 400, "{files} files, {nodes} nodes, {datasets} datasets");
}

/// Any folder, by hand.
#[test]
fn files_of_a_folder_are_as_libhdf5_says() {
    if let Some(folder) = std::env::var_os("CHUNKWISE_COMPARE") {
        compare_all(&[folder.into()]);
    }
}

/// Little-endian numbers of 8 bytes.
fn words(out: &mut Vec<u8>, words: &[u64]) {
    words.iter().for_each(|w| out.extend(w.to_le_bytes()));
}

const NONE: u64 = u64::MAX;

/// A file of the oldest format whose root group has this tree, and an empty heap of names.
fn rooted(tree: u64, more: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut b = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0\0\0\0\0".to_vec();
    words(&mut b, &[0, NONE, 1 << 20, NONE, 0, 96]);
    b.extend([0; 24]);
    assert_eq!(b.len(), 96);
    // Version 1, one message, one reference, 24 bytes: a symbol table.
    b.extend([1, 0, 1, 0, 1, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0x11, 0, 16, 0, 0, 0, 0, 0]);
    words(&mut b, &[tree, 136]);
    b.extend(b"HEAP\0\0\0\0");
    words(&mut b, &[8, NONE, 168, 0]);
    assert_eq!(b.len(), 176);
    more(&mut b);
    b
}

/// Each node of this tree has two children, which are the same: 2^31 ways lead to its one leaf.
#[test]
fn trees_of_many_ways_come_to_an_end() {
    let bytes = rooted(176, |b| {
        for level in (0..32u8).rev() {
            let next = b.len() as u64 + 24 + 5 * 8;
            b.extend([b'T', b'R', b'E', b'E', 0, level, 2, 0]);
            words(b, &[NONE, NONE, 0, next, 0, next, 0]);
        }
        b.extend(b"SNOD\x01\0\0\0");
    });
    let start = std::time::Instant::now();
    let e = tree(&&bytes[..], "/", false).unwrap_err();
    assert!(e.to_string().contains("refer to each other too often"), "{e}");
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    // By name only one way is gone.
    let e = facts(&&bytes[..], "x", OpenOptions::new()).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound, "{e}");
    // A node that is its own child is at a wrong level.
    let bytes = rooted(176, |b| {
        b.extend(b"TREE\0\x05\x01\0");
        words(b, &[NONE, NONE, 0, 176, 0]);
    });
    let e = tree(&&bytes[..], "/", false).unwrap_err();
    assert!(e.to_string().contains("wrong level") && e.to_string().contains("byte 176"), "{e}");
}

/// Many names that are one long text of the file: what is kept of them has a bound.
#[test]
fn names_have_room_for_so_much_only() {
    const LONG: usize = 60_000;
    let mut bytes = rooted(176, |b| {
        b.extend(b"TREE\0\0\x01\0");
        words(b, &[NONE, NONE, 0, 224, 0]);
        b.resize(224, 0);
        b.extend(b"SNOD\x01\0");
        b.extend(5000u16.to_le_bytes());
        for _ in 0..5000 {
            words(b, &[8, 0, 2, 0, 0]);
        }
    });
    // The heap of names moves to the end: an empty one, a long one.
    let heap = bytes.len() as u64;
    bytes.extend([0; 8]);
    bytes.extend(vec![b'n'; LONG]);
    bytes.push(0);
    let len = bytes.len() as u64 - heap;
    bytes[144..152].copy_from_slice(&len.to_le_bytes());
    bytes[160..168].copy_from_slice(&heap.to_le_bytes());
    let node = tree(&&bytes[..], "/", false);
    match node.map(|node| node.kind) {
        Ok(NodeKind::Group { members, truncated }) => {
            let kept: usize = members.iter().map(|m| m.path.len()).sum();
            assert!(truncated && kept < 64 << 20 && members.len() > 100, "{kept} bytes, {}", members.len());
        }
        Ok(other) => panic!("{other:?}"),
        Err(e) => assert!(e.to_string().contains("too often"), "{e}"),
    }
}

/// What a writer is in the middle of writing is read again.
#[test]
fn what_changes_meanwhile_is_read_again() {
    use std::cell::Cell;
    /// Bytes of which one is wrong for so many looks at its page.
    struct Torn(Vec<u8>, usize, Cell<usize>);
    impl ReadAt for Torn {
        fn len(&self) -> u64 {
            self.0.len() as u64
        }
        fn read_at(&self, at: u64, out: &mut [u8]) -> Result<()> {
            (&self.0[..]).read_at(at, out)?;
            let wrong = self.1.checked_sub(at as usize).and_then(|i| out.get_mut(i));
            if let (Some(byte), true) = (wrong, self.2.get() > 0) {
                self.2.set(self.2.get() - 1);
                *byte ^= 1;
            }
            Ok(())
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/meta/v114.h5");
    let mut bytes = std::fs::read(path).unwrap();
    let root = bytes.windows(4).position(|w| w == b"OHDR").unwrap();
    for (flags, torn, fine) in [(4, AGAIN, true), (4, AGAIN + 1, false), (0, 1, false)] {
        bytes[11] = flags;
        let sum = checksum::lookup3(&bytes[..44]);
        bytes[44..48].copy_from_slice(&sum.to_le_bytes());
        let file = Torn(bytes.clone(), root + 20, Cell::new(torn));
        assert_eq!(tree(&file, "/", false).is_ok(), fine, "{flags} {torn}");
    }
}
