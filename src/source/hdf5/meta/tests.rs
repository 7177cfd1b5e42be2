//! What is read here and what libhdf5 says of the same files must be the same.

use super::*;
use crate::source::hdf5::tree::NodeKind;
use crate::source::hdf5::{facts as library, handles, tree as listed};
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
            if own != lib.clone().map(Told::Here) {
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
