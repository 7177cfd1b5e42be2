//! Selections as libhdf5 writes them: everything, nothing, points, and hyperslabs as blocks or by their strides.

use super::bytes::{Fields, damaged, unsupported};
use crate::error::Result;
use crate::grid::{Dims, MAX_RANK};
use crate::source::hdf5::selection::{Indices, MOST_ROWS, Rows, Selection};

const NOTHING: u32 = 0;
const POINTS: u32 = 1;
const HYPERSLAB: u32 = 2;
const EVERYTHING: u32 = 3;
/// A flag of hyperslabs: they are told by strides.
const REGULAR: u8 = 1;
/// Blocks that are believed.
const MOST_BLOCKS: u64 = 1 << 18;

/// Reads a selection; `None` for one of a kind that is too irregular for the readers here.
pub(super) fn read(fields: &mut Fields) -> Result<Option<Selection>> {
    match fields.u32()? {
        kind @ (NOTHING | EVERYTHING) => {
            match fields.u32()? {
                1 => {}
                n => return Err(unsupported(format_args!("version {n} of selections"))),
            }
            fields.take(8)?;
            Ok(Some(if kind == NOTHING { Selection::None } else { Selection::All }))
        }
        POINTS => points(fields),
        HYPERSLAB => hyperslab(fields),
        n => Err(damaged(format!("a selection of the kind {n}"))),
    }
}

fn rank(fields: &mut Fields) -> Result<usize> {
    match fields.u32()? as usize {
        rank @ 1..=MAX_RANK => Ok(rank),
        rank => Err(damaged(format!("a selection of {rank} axes"))),
    }
}

/// How wide its integers are.
fn width(fields: &mut Fields) -> Result<usize> {
    match fields.u8()? {
        width @ (2 | 4 | 8) => Ok(usize::from(width)),
        n => Err(damaged(format!("a selection with integers of {n} bytes"))),
    }
}

fn points(fields: &mut Fields) -> Result<Option<Selection>> {
    let (rank, width) = match fields.u32()? {
        1 => {
            fields.take(8)?;
            (rank(fields)?, 4)
        }
        2 => {
            let width = width(fields)?;
            (rank(fields)?, width)
        }
        n => return Err(unsupported(format_args!("version {n} of selections of points"))),
    };
    let count = counted(fields, width, rank * width)?;
    let mut rows = Vec::new();
    for _ in 0..count {
        let point = (0..rank).map(|_| fields.number(width)).collect::<Result<Dims>>()?;
        rows.push((point, 1));
    }
    Ok(Rows::new(rank, &rows).map(Selection::Rows))
}

/// A count of items of so many bytes each, which must follow.
fn counted(fields: &mut Fields, width: usize, each: usize) -> Result<u64> {
    let count = fields.number(width)?;
    let there = count.checked_mul(each as u64).is_some_and(|n| n <= fields.left() as u64);
    match there && count <= MOST_BLOCKS {
        true => Ok(count),
        false => Err(damaged(format!("a selection of {count} blocks"))),
    }
}

fn hyperslab(fields: &mut Fields) -> Result<Option<Selection>> {
    let (flags, width, rank) = match fields.u32()? {
        1 => {
            fields.take(8)?;
            (0, 4, rank(fields)?)
        }
        2 => {
            let flags = fields.u8()?;
            fields.take(4)?;
            (flags, 8, rank(fields)?)
        }
        3 => {
            let flags = fields.u8()?;
            let width = width(fields)?;
            (flags, width, rank(fields)?)
        }
        n => return Err(unsupported(format_args!("version {n} of hyperslabs"))),
    };
    if flags & REGULAR == 0 {
        return blocks(fields, width, rank);
    }
    let mut axes = Vec::with_capacity(rank);
    for _ in 0..rank {
        let (start, stride) = (fields.number(width)?, fields.number(width)?);
        let (count, block) = (fields.or_all_ones(width)?, fields.or_all_ones(width)?);
        let indices = Indices::blocks(start, stride, count, block);
        axes.push(indices.ok_or_else(|| {
            damaged(format!("a hyperslab from {start} with blocks of {block:?}, {stride} apart"))
        })?);
    }
    if axes.iter().filter(|a| a.len().is_none()).count() > 1 {
        return Err(damaged("a hyperslab without end along several axes"));
    }
    Ok(Some(Selection::Product(axes)))
}

/// Blocks by their corners.
fn blocks(fields: &mut Fields, width: usize, rank: usize) -> Result<Option<Selection>> {
    let count = counted(fields, width, 2 * rank * width)?;
    let mut boxes: Vec<(Dims, Dims)> = Vec::new();
    for _ in 0..count {
        let start = (0..rank).map(|_| fields.number(width)).collect::<Result<Dims>>()?;
        let last = (0..rank).map(|_| fields.number(width)).collect::<Result<Dims>>()?;
        let len =
            |(a, b): (&u64, &u64)| Some(b.checked_sub(*a)?.saturating_add(1)).filter(|n| n + a < 1 << 62);
        let shape: Option<Dims> = start.iter().zip(&last).map(len).collect();
        let shape = shape.ok_or_else(|| damaged("a block of a selection that ends before it begins"))?;
        boxes.push((start, shape));
    }
    boxes.sort();
    boxes.dedup();
    if let Some(axes) = product(&boxes, rank) {
        return Ok(Some(Selection::Product(axes)));
    }
    rows(&boxes, rank).map(|rows| rows.map(Selection::Rows))
}

/// The indices along each axis, if the boxes are all combinations of some stretches along the axes.
fn product(boxes: &[(Dims, Dims)], rank: usize) -> Option<Vec<Indices>> {
    let (mut axes, mut combinations) = (Vec::with_capacity(rank), 1u64);
    for d in 0..rank {
        let mut stretches: Vec<(u64, u64)> = boxes.iter().map(|b| (b.0[d], b.1[d])).collect();
        stretches.sort_unstable();
        stretches.dedup();
        if stretches.windows(2).any(|w| w[0].0 + w[0].1 > w[1].0) {
            return None;
        }
        combinations = combinations.saturating_mul(stretches.len() as u64);
        axes.push(Indices::stretches(&stretches));
    }
    (combinations == boxes.len() as u64).then_some(axes)
}

/// The rows of boxes, in C order; `None` where they are too many.
fn rows(boxes: &[(Dims, Dims)], rank: usize) -> Result<Option<Rows>> {
    let inner = rank - 1;
    let each = boxes.iter().map(|b| crate::grid::checked_len(&b.1[..inner]).unwrap_or(u64::MAX));
    if each.fold(0, u64::saturating_add) > MOST_ROWS as u64 {
        return Ok(None);
    }
    let mut all: Vec<(Dims, u64)> = Vec::new();
    for (start, shape) in boxes {
        for k in 0..shape[..inner].iter().product::<u64>() {
            let mut at = crate::grid::unravel(k, &shape[..inner]);
            at.iter_mut().zip(start).for_each(|(x, s)| *x += s);
            at.push(start[inner]);
            all.push((at, shape[inner]));
        }
    }
    all.sort();
    let overlap =
        |w: &[(Dims, u64)]| w[0].0[..inner] == w[1].0[..inner] && w[0].0[inner] + w[0].1 > w[1].0[inner];
    if all.windows(2).any(overlap) {
        return Err(damaged("blocks of a selection that overlap"));
    }
    Ok(Rows::new(rank, &all))
}
