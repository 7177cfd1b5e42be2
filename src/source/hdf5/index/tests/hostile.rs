//! Changed bytes: no panic, bounded work, and an answer that lies in the file or an error.
//!
//! Bytes of the structures that a lookup reads are changed, at random and with their checksums set
//! right again half of the time, so that the code behind the checksums is reached. The seed is
//! printed; `CHUNKWISE_SEED` sets it.

use super::*;
use crate::source::hdf5::meta::{bytes, checksum};
use std::time::{Duration, Instant};

/// splitmix64.
pub(super) struct Rng(u64);

impl Rng {
    pub fn seeded(test: &str) -> Rng {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        let seed = std::env::var("CHUNKWISE_SEED").map_or(now, |s| s.parse().unwrap());
        println!("{test}: CHUNKWISE_SEED={seed}");
        Rng(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// A dataset and what a lookup of all of its chunks reads.
pub(super) struct Subject {
    pub facts: Facts,
    pub name: String,
    /// Positions and lengths of what is read.
    pub reads: Vec<(u64, u64)>,
    /// Positions and lengths of what ends with a checksum.
    pub sums: Vec<(u64, u64)>,
}

/// A file with every kind of index.
pub(super) fn subjects(path: &Path, style: Style) -> (Vec<u8>, Vec<Subject>) {
    let file = create(path, style);
    type Case = (&'static [u64], &'static [u64], &'static [u64], bool);
    let cases: [Case; 6] = [
        (&[4, 6], &[4, 6], &[4, 6], false),
        (&[90], &[90], &[3], true),
        (&[11, 22], &[20, 30], &[3, 2], false),
        (&[2500], &[2500], &[1], false),
        (&[5, 60], &[5, GROW], &[1, 1], false),
        (&[24, 25], &[GROW, GROW], &[1, 1], false),
    ];
    let mut names = Vec::new();
    for (n, (shape, most, chunk, early)) in cases.iter().enumerate() {
        for filtered in [false, true] {
            let name = format!("{n} {filtered}");
            let made = Made { name: &name, shape, most, chunk, filtered, early: *early && !filtered };
            let count = made.grid(shape).iter().product::<u64>();
            made.store(&made.create(&file), shape, (0..count).filter(|i| i % 7 != 3));
            names.push(name);
        }
    }
    drop(file);
    let bytes = std::fs::read(path).unwrap();
    let file = h5::open_file(path).unwrap();
    let subjects = names
        .into_iter()
        .map(|name| {
            let facts = Facts::of(&file, &name).unwrap();
            let noted = Noted::new(&bytes);
            assert_eq!(lookups(&noted, facts.header, &facts.expect(), 3000).unwrap().1, 0, "{name}");
            let reads: Vec<_> = noted.reads.borrow().iter().map(|(at, r)| (*at, r.1)).collect();
            let sums = reads.iter().filter_map(|&(at, len)| summed(&bytes, at, len)).collect();
            Subject { facts, name, reads, sums }
        })
        .collect();
    (bytes, subjects)
}

/// What of a read ends with a right checksum.
fn summed(bytes: &[u8], at: u64, len: u64) -> Option<(u64, u64)> {
    let from = &bytes[at as usize..];
    let mut lengths = vec![len, 48];
    if from.starts_with(b"OHDR") {
        lengths.extend((8..len.max(512).min(from.len() as u64)).collect::<Vec<_>>());
    }
    let right = |n: u64| from.get(..n as usize).is_some_and(|b| bytes::check_sum(b).is_ok());
    lengths.into_iter().find(|&n| n > 4 && right(n)).map(|n| (at, n))
}

fn repair(bytes: &mut [u8], sums: &[(u64, u64)]) {
    for &(at, len) in sums {
        if let Some(part) = bytes.get_mut(at as usize..(at + len) as usize) {
            let (body, sum) = part.split_at_mut(len as usize - 4);
            sum.copy_from_slice(&checksum::lookup3(body).to_le_bytes());
        }
    }
}

const INTERESTING: [u64; 9] = [0, 1, 2, 0x7f, 0x80, 0xff, 0xffff, u64::MAX >> 1, u64::MAX];

#[test]
fn changed_structures() {
    let mut rng = Rng::seeded("changed_structures");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let (mut fine, mut failed, mut refused) = (0u64, 0u64, 0u64);
    for style in [OLD, NEW, Style { half: 2, ..OLD }, Style { user_block: 512, ..NEW }] {
        let (good, subjects) = subjects(&path, style);
        let mut bytes = good.clone();
        let end = Instant::now() + Duration::from_millis(800);
        let mut round = 0;
        while round < 1000 || Instant::now() < end {
            round += 1;
            let subject = &subjects[rng.below(subjects.len() as u64) as usize];
            let mut changed = Vec::new();
            for _ in 0..1 + rng.below(3) {
                let (at, len) = subject.reads[rng.below(subject.reads.len() as u64) as usize];
                let at = at + rng.below(len);
                let width = (1 << rng.below(4)).min(ReadAt::len(&&good[..]) - at) as usize;
                let value = match rng.below(4) {
                    0 => rng.next(),
                    1 => subject.reads[rng.below(subject.reads.len() as u64) as usize].0,
                    2 => INTERESTING[rng.below(9) as usize],
                    _ => u64::from(good[at as usize]) ^ 1 << rng.below(8),
                };
                changed.push(at as usize..at as usize + width);
                bytes[at as usize..][..width].copy_from_slice(&value.to_le_bytes()[..width]);
            }
            if rng.below(2) == 0 {
                repair(&mut bytes, &subject.sums);
                changed.extend(subject.sums.iter().map(|s| s.0 as usize..(s.0 + s.1) as usize));
            }
            let cut = match rng.below(10) {
                0 => rng.below(bytes.len() as u64 + 1) as usize,
                _ => bytes.len(),
            };
            let noted = Noted::new(&bytes[..cut]);
            let most = 40;
            match lookups(&noted, subject.facts.header, &subject.facts.expect(), most) {
                Ok((_, 0)) => fine += 1,
                Ok(_) => failed += 1,
                Err(e) => {
                    let kind = e.kind();
                    assert!([ErrorKind::Format, ErrorKind::Unsupported].contains(&kind), "{e}");
                    refused += 1;
                }
            }
            let reads = noted.count();
            assert!(reads <= most * 32 + 5000, "{}: {reads} reads", subject.name);
            for range in changed {
                bytes[range.clone()].copy_from_slice(&good[range]);
            }
        }
        assert!(bytes == good);
    }
    println!("{fine} fine, {failed} with failures, {refused} refused");
    assert!(fine > 100 && failed > 100 && refused > 100, "{fine} {failed} {refused}");
}

/// One lookup: what is found lies in the file, the memo holds no more than the file has and is
/// bounded, and an error leaves the memo usable.
#[test]
fn a_memo_survives_errors() {
    let mut rng = Rng::seeded("a_memo_survives_errors");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    for style in [OLD, NEW] {
        let (good, subjects) = subjects(&path, style);
        for subject in &subjects {
            let facts = &subject.facts;
            let index = ChunkIndex::locate(&&good[..], facts.header, &facts.expect()).unwrap();
            let (mut memo, grid) = (Memo::default(), facts.grid());
            let count: u64 = grid.iter().product();
            for _ in 0..100 {
                let coords = unravel(rng.below(count), &grid);
                let mut bad = good.clone();
                let (at, len) = subject.reads[rng.below(subject.reads.len() as u64) as usize];
                bad[(at + rng.below(len)) as usize] ^= 1 << rng.below(8);
                bad.truncate(bad.len() - rng.below(200) as usize);
                let mut other = Memo::default();
                if let Ok(Some(found)) = index.find(&&bad[..], &coords, &mut other) {
                    assert!(found.address + found.size <= bad.len() as u64);
                }
                assert!(other.bytes() <= 4 * good.len() as u64 + 4096);
                let truth = index.find(&&good[..], &coords, &mut Memo::default()).unwrap();
                // Damage that a checksum tells is not kept; the oldest trees have none.
                let after = index.find(&&good[..], &coords, &mut other);
                assert!(index.kind() == "tree 1" || after.unwrap() == truth);
                assert_eq!(index.find(&&good[..], &coords, &mut memo).unwrap(), truth);
                // Every read fails.
                let mut none = Memo::default();
                let gone = index.find(&&good[..0], &coords, &mut none);
                if index.kind() != "nothing" {
                    assert_eq!(gone.unwrap_err().kind(), ErrorKind::Format);
                }
                assert_eq!(index.find(&&good[..], &coords, &mut none).unwrap(), truth);
            }
        }
    }
}

/// An index that came from elsewhere: its numbers are trusted no more than those in a file.
#[test]
fn changed_descriptions() {
    let mut rng = Rng::seeded("changed_descriptions");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let (mut read, mut found) = (0u64, 0u64);
    for style in [OLD, NEW] {
        let (bytes, subjects) = subjects(&path, style);
        let file = &&bytes[..];
        for subject in &subjects {
            let facts = &subject.facts;
            let index = ChunkIndex::locate(file, facts.header, &facts.expect()).unwrap();
            let good = serde_json::to_value(&index).unwrap();
            for _ in 0..400 {
                let mut value = good.clone();
                for _ in 0..1 + rng.below(4) {
                    change(&mut value, &mut rng);
                }
                let Ok(index) = serde_json::from_value::<ChunkIndex>(value) else { continue };
                read += 1;
                let mut memo = Memo::default();
                for _ in 0..8 {
                    let coords: Dims = index.grid.iter().map(|&n| rng.below(n.clamp(1, 3000))).collect();
                    if let Ok(Some(stored)) = index.find(file, &coords, &mut memo) {
                        assert!(stored.address + stored.size <= bytes.len() as u64);
                        found += 1;
                    }
                }
            }
        }
    }
    println!("{read} descriptions, {found} chunks");
    assert!(read > 1000 && found > 1000, "{read} {found}");
}

/// Changes one number, or the length of one list.
fn change(value: &mut serde_json::Value, rng: &mut Rng) {
    use serde_json::Value;
    match value {
        Value::Object(map) => {
            let n = rng.below(map.len() as u64) as usize;
            change(map.values_mut().nth(n).unwrap(), rng);
        }
        Value::Array(list) if list.is_empty() || rng.below(4) == 0 => match rng.below(2) {
            0 => list.push(INTERESTING[rng.below(9) as usize].into()),
            _ => drop(list.pop()),
        },
        Value::Array(list) => {
            let n = rng.below(list.len() as u64) as usize;
            change(&mut list[n], rng);
        }
        Value::Number(_) => {
            *value = match rng.below(3) {
                0 => (rng.next() >> rng.below(64)).into(),
                1 => rng.below(300).into(),
                _ => INTERESTING[rng.below(9) as usize].into(),
            }
        }
        Value::Bool(b) => *b = !*b,
        _ => {}
    }
}
