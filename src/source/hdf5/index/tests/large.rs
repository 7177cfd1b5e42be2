//! Indexes of many chunks: a walk in the index's order reads each node once.

use super::*;
use std::time::Instant;

/// A walk over all chunks of a dataset whose chunks hold their numbers as first 8 bytes; gives the
/// reads and the distinct places that were read.
fn walk(path: &Path, name: &str, order: impl Fn(u64, &[u64]) -> Dims) -> (u64, u64) {
    let bytes = std::fs::read(path).unwrap();
    let file = h5::open_file(path).unwrap();
    let facts = Facts::of(&file, name).unwrap();
    let noted = Noted::new(&bytes);
    let index = ChunkIndex::locate(&noted, facts.header, &facts.expect()).unwrap();
    let grid = facts.grid();
    let count: u64 = grid.iter().product();
    noted.reads.borrow_mut().clear();
    let mut memo = Memo::default();
    for i in 0..count {
        let coords = order(i, &grid);
        let found = index.find(&noted, &coords, &mut memo).unwrap().unwrap();
        let at = found.address as usize;
        let number = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        assert_eq!(number, crate::grid::ravel(&coords, &grid), "{name} {coords:?}");
    }
    // Where libhdf5 says they are, for a few.
    let listed = !matches!(&index.kind, Kind::Extensible(array) if !array.in_order());
    for i in (0..count).step_by(count as usize / 5).filter(|_| listed) {
        let coords = unravel(i, &grid);
        assert_eq!(index.find(&noted, &coords, &mut memo).unwrap(), facts.place(&coords), "{name}");
    }
    let (reads, places) = (noted.count(), noted.reads.borrow().len() as u64);
    // The same from the file itself, for the time only.
    let opened = crate::source::hdf5::handles::RawFile::open(path).unwrap();
    let (mut memo, start) = (Memo::default(), Instant::now());
    for i in 0..count {
        index.find(&opened, &order(i, &grid), &mut memo).unwrap();
    }
    println!(
        "{name}: {} of {count} chunks, {} reads, {:?}, {} bytes kept",
        index.kind(),
        memo.reads,
        start.elapsed(),
        memo.bytes()
    );
    (reads, places)
}

fn in_order(i: u64, grid: &[u64]) -> Dims {
    unravel(i, grid)
}

/// Deep trees, several super blocks and pages: 20,000 chunks and, for pages of extensible arrays,
/// 200,000.
#[test]
fn many_chunks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    type Case = (&'static str, bool, &'static [u64], &'static [u64]);
    let cases: [Case; 5] = [
        ("tree 1", false, &[100, 200], &[100, 200]),
        ("fixed", true, &[100, 200], &[100, 200]),
        ("extensible", true, &[20_000], &[GROW]),
        ("tree 2", true, &[100, 200], &[GROW, GROW]),
        ("extensible pages", true, &[200_000, 1], &[GROW, 1]),
    ];
    for (name, latest, shape, most) in cases {
        for filtered in [false, true] {
            if filtered && shape[0] > 100_000 {
                continue;
            }
            let file = create(&path, Style { latest, ..OLD });
            let chunk = &vec![1; shape.len()];
            let made = Made { name, shape, most, chunk, filtered, early: false };
            let count: u64 = shape.iter().product();
            // In two halves, so that nodes are split in the middle too.
            let dataset = made.create(&file);
            made.store(&dataset, shape, (0..count).step_by(2));
            made.store(&dataset, shape, (1..count).step_by(2));
            drop((dataset, file));
            let (reads, places) = walk(&path, name, in_order);
            // Five lookups at the end jump.
            assert!(reads <= places + 5 * 4, "{name}: {reads} reads of {places} places");
            assert!(places > count / 1100 && places < count / 20, "{name}: {places}");
        }
    }
}

/// An unlimited axis that is not the first: the index's own order is read once as well.
#[test]
fn the_order_of_the_index() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let file = create(&path, NEW);
    let (shape, most) = (&[7u64, 400, 5], &[7u64, GROW, 5]);
    let made = Made { name: "x", shape, most, chunk: &[1, 1, 1], filtered: true, early: false };
    made.store(&made.create(&file), shape, 0..14_000);
    drop(file);
    let (reads, places) = walk(&path, "x", |i, grid| {
        let at = unravel(i, &[grid[1], grid[0], grid[2]]);
        Dims::from_slice(&[at[1], at[0], at[2]])
    });
    assert!(reads <= places + 5 * 4, "{reads} reads of {places} places");
}

/// A million chunks of every kind of index; most of its ten seconds goes into writing them.
#[test]
#[ignore = "ten seconds"]
fn a_million_chunks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    type Case = (&'static str, bool, &'static [u64]);
    let cases: [Case; 4] = [
        ("tree 1", false, &[1000, 1000]),
        ("fixed", true, &[1000, 1000]),
        ("extensible", true, &[GROW, 1000]),
        ("tree 2", true, &[GROW, GROW]),
    ];
    for (name, latest, most) in cases {
        let file = create(&path, Style { latest, ..OLD });
        let shape = &[1000, 1000];
        let made = Made { name, shape, most, chunk: &[1, 1], filtered: false, early: false };
        made.store(&made.create(&file), shape, 0..1_000_000);
        drop(file);
        let (reads, places) = walk(&path, name, in_order);
        assert!(reads <= places + 5 * 4 && places < 1_000_000 / 20, "{name}: {reads} of {places}");
    }
}
