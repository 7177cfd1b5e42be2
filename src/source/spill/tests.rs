use super::*;
use crate::source::Scratch;

fn at(i: u64) -> f64 {
    i as f64 * 0.5 - 3.0
}

/// Blocks of many kinds are written in any order, a block or a piece of one at a time, and any region is read back.
#[test]
fn any_region_of_what_was_written_in_blocks_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let regular = AxisGrid::regular;
    let phased = |len, block, phase, step| AxisGrid::Regular { len, block, phase, step };
    let uneven = |ends: &[u64]| AxisGrid::Uneven(Cuts::at_ends(ends));
    let grids = [
        Grid { axes: vec![regular(100, 7)] },
        Grid { axes: vec![regular(13, 4), regular(50, 50)] },
        Grid { axes: vec![regular(13, 13), regular(50, 8)] },
        Grid { axes: vec![phased(40, 8, 3, 1), regular(9, 4)] },
        Grid { axes: vec![phased(40, 8, 3, 1), phased(30, 9, 4, 3)] },
        Grid { axes: vec![regular(6, 1), uneven(&[3, 4, 11, 20]), regular(5, 2)] },
        Grid { axes: vec![uneven(&[2, 5]), uneven(&[3, 4, 11]), regular(5, 5)] },
    ];
    let mut state = 7u64;
    let mut next = |n: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    for grid in grids {
        let shape = grid.shape();
        let strides = crate::grid::c_strides(&shape);
        let index = |start: &[u64], step: &[u64], at: &[u64]| -> u64 {
            (0..at.len()).map(|d| (start[d] + at[d] * step[d]) * strides[d] as u64).sum()
        };
        let store = SpillSource::new("a store".into(), DType::F64, &shape, &grid, folder.path());
        let stats = ReadStats::default();
        let ones = Dims::from_elem(1, shape.len());
        let block = |k: u64| grid.region(&unravel(k, &grid.counts()));
        let values = |r: &Region| -> Vec<u8> {
            let all =
                (0..r.len()).flat_map(|i| at(index(&r.start, &ones, &unravel(i, &r.shape))).to_ne_bytes());
            all.collect()
        };
        assert!(store.write(&block(0), &values(&block(0)), &stats).is_err(), "it was not made");
        store.create().unwrap();
        store.create().unwrap();
        for k in (0..grid.blocks()).rev() {
            let whole = block(k);
            // In two pieces, if it can be cut.
            let d = next(shape.len() as u64) as usize;
            let half = whole.shape[d] / 2;
            for (from, len) in [(0, half), (half, whole.shape[d] - half)] {
                let mut piece = whole.clone();
                (piece.start[d], piece.shape[d]) = (whole.start[d] + from, len);
                store.write(&piece, &values(&piece), &stats).unwrap();
            }
        }
        let bytes = store.len_bytes();
        assert_eq!(stats.bytes_spilled.load(Relaxed), bytes);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut scratch = Scratch::new();
        for _ in 0..200 {
            let mut slab = Slab { start: Dims::new(), count: Dims::new(), step: Dims::new() };
            for &n in &shape {
                let (start, step) = (next(n), 1 + next(3) * next(2));
                slab.start.push(start);
                slab.step.push(step);
                slab.count.push(next((n - start).div_ceil(step) + 1));
            }
            let mut out = vec![0u8; slab.len() as usize * 8];
            let before = stats.bytes_read_back.load(Relaxed);
            store.read_region(&slab, &mut out, &mut ReadCx { scratch: &mut scratch, stats: &stats }).unwrap();
            assert_eq!(stats.bytes_read_back.load(Relaxed) - before, out.len() as u64);
            for (i, v) in (0..).zip(out.chunks_exact(8)) {
                let expected = at(index(&slab.start, &slab.step, &unravel(i, &slab.count)));
                assert_eq!(v, expected.to_ne_bytes(), "{grid:?} {slab:?}");
            }
        }
        assert!(scratch.bytes() <= store.scratch_bytes().next_multiple_of(64) + 64, "{scratch:?}");
        let wrong = Region { start: shape.clone(), shape: ones.clone() };
        assert!(store.write(&wrong, &[0; 8], &stats).is_err());
        assert!(store.write(&block(0), &[0; 3], &stats).is_err());
        store.free();
    }
}

/// What is given back is free at once.
#[test]
#[cfg(unix)]
fn a_store_gives_its_space_back() {
    use std::os::unix::fs::MetadataExt;
    let folder = tempfile::tempdir().unwrap();
    let grid = Grid::regular(&[1 << 16], &[1 << 12]);
    let store = SpillSource::new("a store".into(), DType::F64, &[1 << 16], &grid, folder.path());
    store.create().unwrap();
    let all = Region::whole(&[1 << 16]);
    store.write(&all, &vec![1u8; 8 << 16], &ReadStats::default()).unwrap();
    let blocks = || store.file().unwrap().metadata().unwrap().blocks();
    assert!(blocks() * 512 >= 8 << 16);
    store.free();
    assert_eq!(blocks(), 0);
}
