//! Every kind of chunk index with one bit flipped, beside h5py: never a value that h5py contradicts.
//!
//! The files and what h5py gives for each flip come from `tests/goldens/make_flips.py`. Structures with a checksum are
//! also flipped with the checksum put right, so that what else tells damage is tried. A run takes some of the bits,
//! another part in each run (`CHUNKWISE_SEED` says which), or all where `CHUNKWISE_FLIPS=all`.

mod common;
#[path = "common/structures.rs"]
mod structures;

use chunkwise::{Array, ErrorKind, Index, Session};
use common::{checksum, folder, golden, session};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use structures::lookup3;

/// Of how many bits one is taken.
const EVERY: usize = 24;

/// Flips that once gave values that h5py contradicts: file, way, byte, bit. They are taken in every run.
const FOUND: &[(&str, &str, usize, u8)] = &[
    // Keys of a root, below which were chunks behind them.
    ("tree1_deep.h5", "plain", 1468, 2),
    ("tree1_deep.h5", "plain", 1468, 4),
    ("tree1_deep.h5", "plain", 1500, 3),
    // Entries behind the last one that was written.
    ("extensible.h5", "repaired", 507, 3),
    ("extensible.h5", "repaired", 507, 6),
    ("extensible.h5", "repaired", 507, 7),
    ("extensible_filtered.h5", "repaired", 507, 2),
    ("extensible_filtered.h5", "repaired", 507, 4),
    // A layout whose index should have sizes of another width.
    ("tree2_filtered.h5", "repaired", 291, 0),
];

/// What h5py gave for a flip.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Theirs {
    Whole,
    /// An error, a crash, or no answer in time.
    Error,
    /// Values with a checksum that ends so.
    Other(u64),
}

/// The part of a checksum of other values that is kept.
const KEPT: u64 = 0xff_ffff;

/// A bit that is flipped, and the bytes whose checksum is then put right.
struct Flip {
    at: usize,
    bit: u8,
    repair: Option<(usize, usize)>,
    theirs: Theirs,
}

fn hex(v: &Value) -> u64 {
    u64::from_str_radix(v.as_str().unwrap(), 16).unwrap()
}

/// The letters of h5py's answers, each as often as the number behind it says.
fn letters(text: &str) -> Vec<char> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[1..];
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let n = rest[..digits].parse().unwrap_or(1);
        rest = &rest[digits..];
        out.extend(std::iter::repeat_n(letter, n));
    }
    out
}

/// The flips of a file in one way, in the order of the goldens.
fn flips(row: &Value, way: &str) -> Vec<Flip> {
    let repaired = way == "repaired";
    let mut places = Vec::new();
    for span in row["spans"].as_array().unwrap() {
        let [at, len] = [0, 1].map(|i| span[i].as_u64().unwrap() as usize);
        let checked =
            span[2].as_array().map(|c| (c[0].as_u64().unwrap() as usize, c[1].as_u64().unwrap() as usize));
        for at in at..at + len {
            let inside = checked.is_some_and(|(_, end)| !(end..end + 4).contains(&at));
            if !repaired || inside {
                places.extend((0..8).map(|bit| (at, bit, checked.filter(|_| repaired))));
            }
        }
    }
    let letters = letters(row[way]["bits"].as_str().unwrap());
    assert_eq!(places.len(), letters.len(), "{} {way}", row["file"]);
    let others = row[way]["others"].as_str().unwrap().as_bytes();
    let mut others =
        others.chunks(6).map(|n| u64::from_str_radix(std::str::from_utf8(n).unwrap(), 16).unwrap());
    let flips = places.into_iter().zip(letters).map(|((at, bit, repair), letter)| Flip {
        at,
        bit,
        repair,
        theirs: match letter {
            '=' => Theirs::Whole,
            'x' => Theirs::Other(others.next().unwrap()),
            _ => Theirs::Error,
        },
    });
    flips.collect()
}

/// The file with a bit flipped.
fn flipped(whole: &[u8], flip: &Flip) -> Vec<u8> {
    let mut out = whole.to_vec();
    out[flip.at] ^= 1 << flip.bit;
    if let Some((first, end)) = flip.repair {
        let sum = lookup3(&out[first..end]).to_le_bytes();
        out[end..end + 4].copy_from_slice(&sum);
    }
    out
}

/// The checksum of the values of the dataset of a file. The last element is also read by itself, by another way through
/// the index, and must be the same.
fn read(path: &Path, session: &Session) -> chunkwise::Result<u64> {
    let x = Array::open(path, "x")?;
    let last = vec![Index::At(-1); x.ndim()?];
    let alone = session.compute(&x.index(&last[..]));
    let whole = session.compute(&x)?;
    if let Ok(alone) = alone {
        assert!(
            whole.bytes().ends_with(alone.bytes()),
            "{}: {alone:?} at the end of {whole:?}",
            path.display()
        );
    }
    Ok(checksum(whole.bytes()))
}

/// How ours stands beside h5py's.
fn judge(ours: &chunkwise::Result<u64>, theirs: Theirs, whole: u64) -> (&'static str, bool) {
    match (ours, theirs) {
        (Err(_), Theirs::Error) => ("both refuse it", true),
        (Err(_), Theirs::Whole) => ("we refuse it, h5py reads the values", true),
        (Err(_), Theirs::Other(_)) => ("we refuse it, h5py reads others", true),
        (Ok(v), Theirs::Whole) if *v == whole => ("both read the values", true),
        (Ok(v), Theirs::Other(other)) if *v & KEPT == other => ("both read the same others", true),
        (Ok(v), Theirs::Error) if *v == whole => ("we read the values, h5py refuses it", true),
        (Ok(v), Theirs::Error) if *v != whole => ("WE READ OTHERS, h5py refuses it", false),
        (Ok(v), Theirs::Other(_)) if *v == whole => ("WE READ THE VALUES, h5py others", false),
        _ => ("WE READ OTHERS THAN h5py", false),
    }
}

#[test]
fn no_flipped_bit_gives_values_that_h5py_contradicts() {
    let all = std::env::var("CHUNKWISE_FLIPS").is_ok_and(|v| v == "all");
    let seed = std::env::var("CHUNKWISE_SEED").ok().map(|v| v.parse().unwrap());
    let seed: usize = seed.unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as usize);
    println!("CHUNKWISE_SEED={seed}");
    let (session, dir) = (session(1, "64MiB"), folder());
    let (mut table, mut wrong, mut kinds) = (BTreeMap::new(), Vec::new(), 0);
    let mut n = 0usize;
    for row in golden("flips.json").as_array().unwrap() {
        let file = row["file"].as_str().unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/flips").join(file);
        let (bytes, whole) = (std::fs::read(&path).unwrap(), hex(&row["whole"]));
        assert_eq!(read(&path, &session).unwrap(), whole, "{file}");
        kinds += 1;
        for way in ["plain", "repaired"] {
            for (i, flip) in flips(row, way).iter().enumerate() {
                let found = FOUND.contains(&(file, way, flip.at, flip.bit));
                if !all && !found && i % EVERY != seed % EVERY {
                    continue;
                }
                n += 1;
                // A name of its own, for the state of a file that is known may be older than its bytes.
                let path: PathBuf = dir.path().join(format!("{n}.h5"));
                std::fs::write(&path, flipped(&bytes, flip)).unwrap();
                let ours = read(&path, &session);
                std::fs::remove_file(&path).unwrap();
                if let Err(e) = &ours {
                    let kind = e.kind();
                    assert!(
                        matches!(
                            kind,
                            ErrorKind::Format
                                | ErrorKind::Filter
                                | ErrorKind::Unsupported
                                | ErrorKind::Budget
                        ),
                        "{file} {way} byte {} bit {}: {e:?}",
                        flip.at,
                        flip.bit
                    );
                }
                let (what, right) = judge(&ours, flip.theirs, whole);
                *table.entry((file.to_string(), way, what)).or_insert(0) += 1;
                if !right {
                    wrong.push(format!("{file} {way} byte {} bit {}: {what}", flip.at, flip.bit));
                }
            }
        }
    }
    for ((file, way, what), n) in &table {
        println!("{file:26} {way:9} {what:40} {n:6}");
    }
    println!("{n} flips in {kinds} files");
    assert!(kinds >= 15 && n > 5000, "{n} flips in {kinds} files");
    assert!(wrong.is_empty(), "{} of {n}:\n{}", wrong.len(), wrong.join("\n"));
}
