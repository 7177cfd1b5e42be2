//! Who reads which chunk, against looking at every element.

use super::*;
use crate::dtype::DType;
use crate::grid::unravel;
use crate::view::ViewAxis;
use std::collections::BTreeSet;

/// A view of an array of two axes, by (length, axis and step) and where it begins.
fn view(axes: &[(u64, Option<(usize, i64)>)], base: &[u64]) -> View {
    View {
        axes: axes.iter().map(|&(len, from)| ViewAxis { len, from }).collect(),
        base: Dims::from_slice(base),
    }
}

/// The source's index of an element of a view.
fn source_of(view: &View, at: &[u64]) -> Vec<u64> {
    let mut out: Vec<i64> = view.base.iter().map(|&b| b as i64).collect();
    for (axis, &i) in view.axes.iter().zip(at) {
        if let Some((s, step)) = axis.from {
            out[s] += step * i as i64;
        }
    }
    out.into_iter().map(|i| i as u64).collect()
}

fn views() -> Vec<View> {
    vec![
        view(&[(20, Some((0, 1))), (30, Some((1, 1)))], &[0, 0]),
        view(&[(17, Some((0, 1))), (28, Some((1, 1)))], &[2, 1]),
        view(&[(30, Some((1, 1))), (20, Some((0, 1)))], &[0, 0]),
        view(&[(20, Some((0, -1))), (10, Some((1, 3)))], &[19, 2]),
        view(&[(6, None), (15, Some((1, -2)))], &[7, 29]),
        view(&[(7, Some((0, 3))), (4, None)], &[1, 13]),
    ]
}

/// All indices of a shape.
fn all(shape: &[u64]) -> impl Iterator<Item = Dims> + '_ {
    (0..shape.iter().product()).map(|i| unravel(i, shape))
}

fn block_at(grid: &Grid, at: &[u64]) -> u64 {
    let coords: Dims = grid.axes.iter().zip(at).map(|(a, &i)| a.block_of(i)).collect();
    crate::grid::ravel(&coords, &grid.counts())
}

fn chunk_at(chunks: &Chunks, at: &[u64]) -> Vec<u64> {
    at.iter().enumerate().map(|(d, &i)| chunks.index_of(d, i)).collect()
}

#[test]
fn the_last_window_that_reads_a_chunk_is_the_one_with_the_last_of_its_elements() {
    let mut seen = 0;
    for view in views() {
        let shape = view.shape();
        for edges in [[1u64, 1], [3, 7], [20, 4], [5, 100], [64, 64]] {
            for chunk in [[4u64, 9], [1, 30], [20, 1], [7, 7]] {
                let (windows, chunks) = (Grid::regular(&shape, &edges), Chunks::from(&chunk[..]));
                for k in all(&[20u64.div_ceil(chunk[0]), 30u64.div_ceil(chunk[1])]) {
                    let in_it = |at: &Dims| chunk_at(&chunks, &source_of(&view, at)) == k.as_slice();
                    let last = all(&shape).filter(in_it).map(|at| block_at(&windows, &at)).max();
                    assert_eq!(last_use_of_chunk(&windows, &view, &k, &chunks), last, "{view:?} {edges:?}");
                    seen += u64::from(last.is_some());
                }
            }
        }
    }
    assert!(seen > 1000);
}

/// At most how many blocks have an element of one chunk, by looking; `find` gives an element's place in the
/// source, if it is from there.
fn by_looking(grid: &Grid, chunks: &Chunks, find: &dyn Fn(&[u64]) -> Option<Vec<u64>>) -> u64 {
    let mut blocks: std::collections::BTreeMap<Vec<u64>, BTreeSet<u64>> = Default::default();
    for at in all(&grid.shape()) {
        if let Some(source) = find(&at) {
            blocks.entry(chunk_at(chunks, &source)).or_default().insert(block_at(grid, &at));
        }
    }
    blocks.values().map(|b| b.len() as u64).max().unwrap_or(1)
}

#[test]
fn no_chunk_of_a_piece_is_wanted_by_more_blocks_than_counted() {
    let mut exact = 0;
    for view in views() {
        let piece = view.shape();
        for axis in [0, 1] {
            // The piece begins after five others along the axis, and is seen forwards, backwards and in part.
            let mut whole = piece.clone();
            whole[axis] += 8;
            let (a, b) = (whole[0], whole[1]);
            let bys = [
                self::view(&[(a, Some((0, 1))), (b, Some((1, 1)))], &[0, 0]),
                self::view(&[(b, Some((1, -1))), (a, Some((0, 1)))], &[0, b - 1]),
                self::view(&[(a.div_ceil(2), Some((0, 2))), (b - 1, Some((1, 1)))], &[0, 1]),
            ];
            for by in bys {
                for edges in [[1u64, 4], [6, 6], [40, 3]] {
                    for chunk in [[4u64, 9], [1, 30], [7, 7]] {
                        let grid = Grid::regular(&by.shape(), &edges);
                        let chunks = Chunks::from(&chunk[..]);
                        let find = |at: &[u64]| {
                            let mut inner = source_of(&by, at);
                            inner[axis] = inner[axis].checked_sub(5)?;
                            (inner[axis] < piece[axis]).then(|| source_of(&view, &inner))
                        };
                        let most = by_looking(&grid, &chunks, &find);
                        let counted = blocks_of_piece(&grid, &by, (axis, 5), &view, &chunks);
                        assert!(counted >= most, "{view:?} {by:?} {edges:?} {chunk:?}: {counted} < {most}");
                        exact += u64::from(counted == most);
                    }
                }
            }
        }
    }
    assert!(exact > 200, "{exact}");
}

#[test]
fn no_chunk_is_wanted_by_more_blocks_of_a_reshape_than_counted() {
    let mut exact = 0;
    for view in views() {
        let of = view.shape();
        let len: u64 = of.iter().product();
        for rows in (1..=len).filter(|r| len.is_multiple_of(*r)) {
            let shape = [rows, len / rows];
            let bys = [
                self::view(&[(shape[0], Some((0, 1))), (shape[1], Some((1, 1)))], &[0, 0]),
                self::view(&[(shape[1], Some((1, -1))), (shape[0], Some((0, 1)))], &[0, shape[1] - 1]),
                self::view(&[(3, None), (shape[1], Some((1, 1)))], &[shape[0] / 2, 0]),
            ];
            for by in bys {
                for edges in [[1u64, 100], [4, 7], [40, 3]] {
                    for chunk in [[4u64, 9], [1, 30], [5, 30]] {
                        let grid = Grid::regular(&by.shape(), &edges);
                        let chunks = Chunks::from(&chunk[..]);
                        let find = |at: &[u64]| {
                            let place = crate::grid::ravel(&source_of(&by, at), &shape);
                            Some(source_of(&view, &unravel(place, &of)))
                        };
                        let most = by_looking(&grid, &chunks, &find);
                        let counted = blocks_of_stretch(&grid, &by, &shape, &of, &view, &chunks);
                        assert!(counted >= most, "{view:?} {by:?} {edges:?} {chunk:?}: {counted} < {most}");
                        exact += u64::from(counted == most);
                    }
                }
            }
        }
    }
    assert!(exact > 100, "{exact}");
}

/// Blocks are whole chunks of the target, whatever the blocks were, and whole chunks of the source where
/// those of both stay small.
#[test]
fn blocks_of_what_is_written_are_whole_chunks() {
    let program = Program { inputs: vec![DType::F64], outputs: Vec::new(), steps: Vec::new() };
    let options = PlanOptions::new().block_bytes(8 * 1000);
    let axes = [
        AxisGrid::regular(1000, 40),
        AxisGrid::Regular { len: 333, block: 120, phase: 7, step: 3 },
        AxisGrid::Uneven([(300u64, 70u64), (41, 41)].into_iter().collect()),
        AxisGrid::regular(5, 5),
        AxisGrid::regular(0, 1),
    ];
    for axis in axes {
        let grid = Grid { axes: vec![axis.clone()] };
        for chunk in [1u64, 3, 7, 40, 64, 500, 5000] {
            let cut = whole_chunks(&grid, Some(&[chunk]), &program, &options);
            let AxisGrid::Regular { len, block, phase: 0, step: 1 } = cut.axes[0] else {
                panic!("{cut:?}");
            };
            assert_eq!(len, axis.len());
            let chunk = chunk.clamp(1, len.max(1));
            assert!(block % chunk == 0 && (block <= axis.longest().max(chunk) || block <= 4000), "{cut:?}");
            // 4 × 1000 elements are small.
            if axis == AxisGrid::regular(1000, 40) && chunk <= 64 {
                assert_eq!(block % 40, 0, "{chunk}");
            }
        }
        let own = whole_chunks(&grid, None, &program, &options);
        let expected = match axis {
            AxisGrid::Regular { phase: 0, step: 1, .. } => axis.clone(),
            _ => AxisGrid::regular(axis.len(), axis.longest()),
        };
        assert_eq!(own.axes, [expected]);
    }
}
