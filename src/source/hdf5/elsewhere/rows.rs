//! Reading elements of a source to their places in a region, where they do not go axis by axis: selections that are
//! no products, and such of other lengths.
//!
//! The elements are told row by row, a bounded number of rows at a time. Those that lie near each other are read as
//! the box around them and picked from that; others alone.

use super::super::selection::{Indices, Selection};
use super::gather::{Target, is_box, most_bytes};
use super::resolve::Link;
use super::walk::{Walk, Wanted, indexed, positions};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Dims, Slab, c_strides, unravel};
use crate::source::assemble::{Loop, Place, copy, read_into};
use crate::source::{ReadCx, Source};

/// Rows that are held at a time.
const BATCH: usize = 512;
/// Bytes that they take.
pub(super) const ROW_BYTES: u64 = size_of::<Row>() as u64;
pub(super) const BATCH_BYTES: u64 = BATCH as u64 * ROW_BYTES;

/// Elements along the last axis of a source, and where they go.
struct Row {
    from: Dims,
    from_step: u64,
    count: u64,
    to: usize,
    to_step: usize,
}

/// Reads what a link has of a region.
pub(super) fn read(
    link: &Link,
    source: &dyn Source,
    slab: &Slab,
    target: &mut Target,
    cx: &mut ReadCx,
) -> Result<()> {
    let mut reader = Reader { link, source, target, cx, batch: Vec::with_capacity(BATCH) };
    let wanted = |d: usize| Wanted { start: slab.start[d], step: slab.step[d], count: slab.count[d] };
    match &link.to {
        Selection::Product(axes) => reader.product(axes, &wanted)?,
        Selection::Rows(rows) => {
            let inner = rows.rank - 1;
            for k in 0..rows.count() {
                let (start, before, len) = rows.row(k);
                let at: Option<Dims> = (0..inner).map(|d| wanted(d).position(start[d])).collect();
                if let Some(at) = at {
                    reader.row(&at, wanted(inner), &Indices::dense(start[inner], len), len, before)?;
                }
            }
        }
        Selection::All | Selection::None => return Err(unresolved()),
    }
    reader.flush()
}

fn unresolved() -> Error {
    Error::new(ErrorKind::Internal, "a selection that was not resolved")
}

struct Reader<'a, 't, 'c> {
    link: &'a Link,
    source: &'a dyn Source,
    target: &'a mut Target<'t>,
    cx: &'a mut ReadCx<'c>,
    batch: Vec<Row>,
}

impl Reader<'_, '_, '_> {
    /// The rows of a product.
    fn product(&mut self, axes: &[Indices], wanted: &dyn Fn(usize) -> Wanted) -> Result<()> {
        let lens: Dims = axes.iter().map(|a| a.len().unwrap_or(0)).collect();
        let Some(inner) = axes.len().checked_sub(1) else { return self.elements(&[], 0, 1, 1, 0) };
        let mut outer: Vec<Vec<Walk>> = Vec::with_capacity(inner);
        for d in 0..inner {
            let mut walks = Vec::new();
            positions(wanted(d), &axes[d], lens[d], |walk| walks.push(walk));
            outer.push(walks);
        }
        // Every combination of a walk of each outer axis, and every row of it.
        let lists: Dims = outer.iter().map(|l| l.len() as u64).collect();
        for k in 0..lists.iter().product::<u64>() {
            let walks: Vec<Walk> =
                unravel(k, &lists).iter().zip(&outer).map(|(&i, l)| l[i as usize]).collect();
            let counts: Dims = walks.iter().map(|w| w.count).collect();
            for r in 0..counts.iter().product::<u64>() {
                let i = unravel(r, &counts);
                let at: Dims = i.iter().zip(&walks).map(|(i, w)| w.to + i * w.to_step).collect();
                let ordinals = i.iter().zip(&walks).map(|(i, w)| w.from + i * w.from_step);
                let row = ordinals.zip(&lens).fold(0, |row, (o, n)| row * n + o);
                self.row(&at, wanted(inner), &axes[inner], lens[inner], row * lens[inner])?;
            }
        }
        Ok(())
    }

    /// The elements of a row of the region at `at` that are among `len` indices, of which the first is the
    /// element number `before` of the link.
    fn row(&mut self, at: &[u64], wanted: Wanted, indices: &Indices, len: u64, before: u64) -> Result<()> {
        let mut walks = Vec::new();
        positions(wanted, indices, len, |walk| walks.push(walk));
        for walk in walks {
            let mut at = Dims::from_slice(at);
            at.push(walk.to);
            self.elements(&at, walk.to_step, walk.count, walk.from_step, before + walk.from)?;
        }
        Ok(())
    }

    /// Elements of the link, from the number `first` on, that go to the region's `at` and on.
    fn elements(&mut self, at: &[u64], to_step: u64, count: u64, step: u64, first: u64) -> Result<()> {
        let place = &self.target.place;
        let at: u64 = at.iter().zip(&place.strides).map(|(i, &s)| i * s as u64).sum();
        let to = place.offset + at as usize;
        let to_step = to_step as usize * place.strides.last().map_or(1, |&s| s as usize);
        let shape = Dims::from_slice(self.source.shape());
        let (link, mut done) = (self.link, 0);
        while done < count {
            let number = first + done * step;
            let mut rows: Vec<Row> = Vec::new();
            let here;
            match &link.from {
                Selection::Product(axes) => {
                    let lens: Dims = axes.iter().map(|a| a.len().unwrap_or(0)).collect();
                    let Some((inner, outer)) = axes.split_last() else {
                        rows.push(Row { from: Dims::new(), from_step: 1, count: 1, to, to_step });
                        self.push(rows)?;
                        return Ok(());
                    };
                    let ordinals = unravel(number, &lens);
                    let (at, len) = (ordinals[outer.len()], lens[outer.len()]);
                    here = ((len - 1 - at) / step + 1).min(count - done);
                    let from: Dims = outer.iter().zip(&ordinals).map(|(a, &o)| a.get(o)).collect();
                    if from.iter().zip(&shape).all(|(x, n)| x < n) {
                        let walk = Walk { to: done, to_step: 1, from: at, from_step: step, count: here };
                        indexed(walk, inner, shape[outer.len()], |w| {
                            let mut from = from.clone();
                            from.push(w.from);
                            let to = to + w.to as usize * to_step;
                            rows.push(Row { from, from_step: w.from_step, count: w.count, to, to_step });
                        });
                    }
                }
                Selection::Rows(list) => {
                    let (start, before, len) = list.row(list.row_of(number));
                    let at = number - before;
                    here = ((len - 1 - at) / step + 1).min(count - done);
                    let (mut from, inner) = (Dims::from_slice(start), list.rank - 1);
                    from[inner] += at;
                    let there = from.iter().zip(&shape).all(|(x, n)| x < n);
                    if there {
                        let count = here.min((shape[inner] - 1 - from[inner]) / step + 1);
                        rows.push(Row {
                            from,
                            from_step: step,
                            count,
                            to: to + done as usize * to_step,
                            to_step,
                        });
                    }
                }
                Selection::All | Selection::None => return Err(unresolved()),
            }
            done += here;
            self.push(rows)?;
        }
        Ok(())
    }

    fn push(&mut self, rows: Vec<Row>) -> Result<()> {
        for row in rows {
            self.batch.push(row);
            if self.batch.len() == BATCH {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        self.read(&batch)?;
        self.batch = batch;
        self.batch.clear();
        Ok(())
    }

    fn read(&mut self, rows: &[Row]) -> Result<()> {
        let (source, size) = (self.source, self.source.dtype().size());
        let rank = source.shape().len();
        let last = |r: &Row, d: usize| {
            r.from[d] + if d + 1 == rank { r.from_step.saturating_mul(r.count - 1) } else { 0 }
        };
        match rows {
            [] => return Ok(()),
            [row] => {
                let mut slab = Slab {
                    start: row.from.clone(),
                    count: Dims::from_elem(1, rank),
                    step: Dims::from_elem(1, rank),
                };
                let mut place = Place { offset: row.to, strides: smallvec::SmallVec::from_elem(0, rank) };
                if let Some(inner) = rank.checked_sub(1) {
                    (slab.count[inner], slab.step[inner]) = (row.count, row.from_step);
                    place.strides[inner] = row.to_step as i64;
                }
                return read_into(source, &slab, self.target.out, &place, self.cx);
            }
            _ => {}
        }
        let start: Dims = (0..rank).map(|d| rows.iter().map(|r| r.from[d]).min().unwrap_or(0)).collect();
        let count: Dims =
            (0..rank).map(|d| rows.iter().map(|r| last(r, d)).max().unwrap_or(0) - start[d] + 1).collect();
        let around = Slab { start, count, step: Dims::from_elem(1, rank) };
        let elements = crate::grid::checked_len(&around.count).unwrap_or(u64::MAX);
        let wanted = rows.iter().map(|r| r.count).sum();
        let chunk = source.chunks().map_or(0, |c| c.elements().saturating_mul(size as u64));
        if !is_box(elements, wanted, size as u64, most_bytes(chunk)) {
            let (one, other) = rows.split_at(rows.len() / 2);
            self.read(one)?;
            return self.read(other);
        }
        let mut held = std::mem::take(&mut self.cx.scratch.chunk);
        held.resize_for_overwrite(elements as usize * size);
        let done = source.read_region(&around, &mut held, self.cx);
        if done.is_ok() {
            let strides = c_strides(&around.count);
            for row in rows {
                let from =
                    row.from.iter().zip(&around.start).zip(&strides).map(|((x, s), n)| (x - s) * *n as u64);
                let step = row.from_step.saturating_mul(strides.last().map_or(1, |&s| s as u64));
                let one = Loop { count: row.count as usize, from: step as usize, to: row.to_step };
                copy(&held, self.target.out, from.sum::<u64>() as usize, row.to, &[one], size);
            }
        }
        self.cx.scratch.chunk = held;
        done
    }
}
