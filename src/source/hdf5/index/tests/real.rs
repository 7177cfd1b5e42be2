//! The chunked datasets of real files, against libhdf5.

use super::*;
use std::io::Write;
use std::path::PathBuf;

fn data_folder(test: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("CHUNKWISE_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    if folder.is_dir() {
        return Some(folder);
    }
    let required = std::env::var_os("CHUNKWISE_DATA_REQUIRED").is_some();
    assert!(!required, "{test}: there is no data folder at {}", folder.display());
    // Straight to stderr, so that the harness does not swallow it.
    let at = folder.display();
    let _ = writeln!(std::io::stderr(), "\nSKIPPED {test}: no data folder at {at} (set CHUNKWISE_DATA)\n");
    None
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => out.extend(files(&path)),
            false => out.push(path),
        }
    }
    out.sort();
    out
}

/// The paths of all datasets that hard links lead to.
fn datasets(file: &h5::Id, group: &str, depth: usize, out: &mut Vec<String>) {
    let (id, object) = h5::open_object(file, if group.is_empty() { "/" } else { group }).unwrap();
    match object {
        h5::Object::Dataset => out.push(group.to_string()),
        h5::Object::Group if depth < 20 => {
            for name in h5::link_names(&id, 100_000).unwrap().0 {
                if h5::link(&id, &name).unwrap() == Some(h5::Link::Hard) {
                    datasets(file, &format!("{group}/{name}"), depth + 1, out);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn chunked_datasets_of_real_files() {
    let Some(folder) = data_folder("chunked_datasets_of_real_files") else { return };
    let mut kinds = BTreeMap::<_, u64>::new();
    let mut chunks = 0;
    for path in files(&folder) {
        // libhdf5 is not shown hostile files.
        if path.strip_prefix(&folder).unwrap().starts_with("hostile")
            || path.extension() == Some("md".as_ref())
        {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let file = h5::open_file(&path).unwrap();
        let mut names = Vec::new();
        datasets(&file, "", 0, &mut names);
        for name in names {
            let Some(mut facts) = Facts::of(&file, &name) else { continue };
            if facts.grid().contains(&0) {
                continue;
            }
            if !facts.number {
                facts.element = *chunked(&&bytes[..], facts.header).unwrap().0.last().unwrap();
            }
            let count: u64 = facts.grid().iter().product();
            let seen = compare_open(&bytes, &facts, &format!("{}:{name}", path.display()), 1 + count / 100);
            assert!(seen.once, "{name}");
            *kinds.entry(seen.kind).or_default() += 1;
            chunks += seen.stored;
        }
    }
    println!("{chunks} chunks of {kinds:?}");
    assert!(chunks > 1000 && kinds["tree 1"] > 50, "{chunks} {kinds:?}");
}

/// Hostile files are read at every place where an object header could be, without libhdf5.
#[test]
fn hostile_files() {
    let Some(folder) = data_folder("hostile_files") else { return };
    let (mut located, mut refused, mut seen) = (0, 0, (0, 0));
    for path in files(&folder.join("hostile")) {
        let bytes = std::fs::read(&path).unwrap();
        let bytes = &&bytes[..];
        for header in 0..ReadAt::len(bytes) {
            let Some((chunk, space)) = chunked(bytes, header) else { continue };
            let (element, chunk) = chunk.split_last().unwrap();
            for filtered in [false, true] {
                let expect = Expect { shape: &space.now, chunk, element: *element, filtered };
                match lookups(bytes, header, &expect, 2000) {
                    Ok((stored, failed)) => {
                        located += 1;
                        seen = (seen.0 + stored, seen.1 + failed);
                    }
                    Err(_) => refused += 1,
                }
            }
        }
    }
    println!("{located} located, {refused} refused, {} chunks, {} failures", seen.0, seen.1);
    assert!(located > 20 && seen.0 > 20 && seen.1 > 0, "{located} {refused} {seen:?}");
}
