//! An array with a border around it: what stencils, filters and differences see of their neighbours.
//!
//! The border is made when a block of it is asked for, by one index map per axis, so a block in the middle is
//! read as it lies. What a block needs of the array is asked for once, as the box around it; only where the
//! border shows the far end of an axis (periodic) there are two. The modes are those of `numpy.pad` and
//! `dask.array.overlap`.
//!
//! Limits: what lies in the border of several axes is what the border of one axis shows of the border of the
//! others, as in NumPy; with constants along several axes, the constants must be equal.

use super::feed::{AxisOf, Feed, FeedBytes, Fetch, Pieces, Reach, SubKernel, unfit};
use super::row::{Row, block_in, data_of};
use crate::dtype::{DType, Scalar};
use crate::error::Result;
use crate::grid::{Chunks, Dims, Slab, c_strides, show_shape, unravel};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// What lies beyond the ends of an axis, here shown for `a b c d` and a border of 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Boundary {
    /// Nothing: the axis gets no border.
    #[default]
    None,
    /// One value: `k k k | a b c d | k k k`.
    Constant(Scalar),
    /// The end again (`edge` in `numpy.pad`): `a a a | a b c d | d d d`.
    Nearest,
    /// As in a mirror behind the end (`symmetric` in `numpy.pad`): `c b a | a b c d | d c b`.
    Reflect,
    /// As in a mirror at the end (`reflect` in `numpy.pad`): `d c b | a b c d | c b a`.
    Mirror,
    /// From the other end on (`wrap` in `numpy.pad`): `b c d | a b c d | a b c`.
    Periodic,
}

impl Boundary {
    fn name(self) -> &'static str {
        match self {
            Boundary::None => "none",
            Boundary::Constant(_) => "constant",
            Boundary::Nearest => "nearest",
            Boundary::Reflect => "reflect",
            Boundary::Mirror => "mirror",
            Boundary::Periodic => "periodic",
        }
    }

    /// The element of an axis of length `n` that is shown at `i`, which is outside of it.
    fn shows(self, i: i128, n: u64) -> Option<u64> {
        let n = i128::from(n);
        let shown = match self {
            Boundary::None | Boundary::Constant(_) => return None,
            Boundary::Nearest => i.clamp(0, n - 1),
            Boundary::Periodic => i.rem_euclid(n),
            Boundary::Reflect => {
                let m = i.rem_euclid(2 * n);
                if m < n { m } else { 2 * n - 1 - m }
            }
            Boundary::Mirror if n == 1 => 0,
            Boundary::Mirror => {
                let m = i.rem_euclid(2 * (n - 1));
                if m < n { m } else { 2 * (n - 1) - m }
            }
        };
        Some(shown as u64)
    }
}

/// An array with a border.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halo {
    /// How wide it is before each axis.
    pub before: Dims,
    /// How wide it is after each axis.
    pub after: Dims,
    /// What it shows.
    pub boundary: Vec<Boundary>,
}

pub(super) const ROW: Row = Row::of::<Halo>("halo");

impl Feed for Halo {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn data(&self) -> serde_json::Value {
        data_of(self)
    }

    fn makes(&self, of: &[SubKernel]) -> Result<(Dims, DType)> {
        let [of] = of else { return Err(unfit("a halo is of one array")) };
        let (rank, dtype) = (of.shape.len(), of.dtype()?);
        if [self.before.len(), self.after.len(), self.boundary.len()] != [rank; 3] {
            return Err(unfit("a halo has another number of axes than its array"));
        }
        let mut shape = of.shape.clone();
        let mut filled: Option<Scalar> = None;
        for d in 0..rank {
            let width = self.before[d].saturating_add(self.after[d]);
            let fits = match self.boundary[d] {
                _ if width == 0 => true,
                Boundary::None => false,
                Boundary::Constant(k) => {
                    let first = *filled.get_or_insert(k);
                    k.dtype() == dtype && first == k
                }
                _ => of.shape[d] > 0,
            };
            if !fits {
                return Err(unfit("a halo cannot be made of its array"));
            }
            shape[d] = shape[d].saturating_add(width);
        }
        Ok((shape, dtype))
    }

    fn describe(&self, _: &[SubKernel]) -> String {
        let names: Vec<_> = self.boundary.iter().map(|b| b.name()).collect();
        let (before, after) = (show_shape(&self.before), show_shape(&self.after));
        format!("halo of {before} before and {after} after, boundaries {}", names.join(", "))
    }

    fn moves(&self) -> bool {
        true
    }

    fn keeps_places(&self) -> bool {
        true
    }

    fn axis_of(&self, _: usize, axis: usize) -> Option<AxisOf> {
        Some(AxisOf { axis, shift: Some(-(self.before[axis] as i64)) })
    }

    fn reach(&self, _: &[SubKernel], _: usize) -> Reach {
        Reach::Halo { before: self.before.clone() }
    }

    fn pieces(&self, of: &[SubKernel], chunks: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces> {
        let chunks = Chunks::from(chunks(&of[0])?.shape());
        Some(Pieces { chunks, origin: self.before.clone(), fixed: false })
    }

    fn bytes(
        &self,
        of: &[SubKernel],
        block: &[u64],
        bytes: u64,
        child: &dyn Fn(usize, &[u64]) -> FeedBytes,
    ) -> FeedBytes {
        let FeedBytes { temporary, scratch } = child(0, &block_in(block, &of[0].shape));
        FeedBytes { temporary: bytes.saturating_add(temporary), scratch }
    }

    fn fetch(&self, of: &[SubKernel], get: &mut dyn Fetch, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let (shape, dtype) = (&of[0].shape, of[0].dtype()?);
        let size = dtype.size();
        let mut axes: SmallVec<[Vec<Part>; 4]> = SmallVec::new();
        let mut filled = None;
        for d in 0..shape.len() {
            let runs = self.runs(d, shape[d], slab);
            if runs.iter().any(|r| r.first.is_none())
                && let Boundary::Constant(k) = self.boundary[d]
            {
                filled = Some(k);
            }
            axes.push(parts(&runs, slab.step[d], slab.count[d]));
        }
        if let Some(k) = filled {
            let bytes = k.to_bytes();
            out.chunks_exact_mut(size).for_each(|e| e.copy_from_slice(&bytes));
        }
        let counts: Dims = axes.iter().map(|a| a.len() as u64).collect();
        let strides = c_strides(&slab.count);
        for i in 0..counts.iter().product() {
            let at = unravel(i, &counts);
            let chosen: SmallVec<[&Part; 4]> = axes.iter().zip(&at).map(|(a, &k)| &a[k as usize]).collect();
            let inner = Slab {
                start: chosen.iter().map(|p| p.start).collect(),
                count: chosen.iter().map(|p| p.count).collect(),
                step: chosen.iter().map(|p| p.step).collect(),
            };
            if chosen.iter().zip(&slab.count).all(|(p, &n)| p.is_all(n)) {
                return get.child(0, &inner, dtype, out);
            }
            let mut staged = get.take(inner.len() as usize * size);
            get.child(0, &inner, dtype, &mut staged)?;
            place(&staged, &inner.count, &chosen, out, &strides, size);
            get.give(staged);
        }
        Ok(())
    }
}

impl Halo {
    /// What a slab sees along axis `d`, of length `n` without its border.
    fn runs(&self, d: usize, n: u64, slab: &Slab) -> Vec<Run> {
        let (before, step) = (self.before[d], slab.step[d]);
        let mut runs: Vec<Run> = Vec::new();
        let mut k = 0;
        while k < slab.count[d] {
            let p = slab.start[d] + k * step;
            let left = slab.count[d] - k;
            let until = |end: u64| (end - p).div_ceil(step).min(left);
            if p >= before && p < before + n {
                let count = until(before + n);
                runs.push(Run { at: k, count, first: Some(p - before), step: step as i64 });
                k += count;
                continue;
            }
            let count = if p < before { until(before) } else { left };
            if matches!(self.boundary[d], Boundary::None | Boundary::Constant(_)) {
                runs.push(Run { at: k, count, first: None, step: 0 });
            } else {
                let begun = runs.len();
                for k in k..k + count {
                    let i = i128::from(slab.start[d] + k * step) - i128::from(before);
                    let Some(shown) = self.boundary[d].shows(i, n) else { continue };
                    let taken = runs[begun..].last_mut().is_some_and(|run| run.takes(shown, step));
                    if !taken {
                        runs.push(Run { at: k, count: 1, first: Some(shown), step: 0 });
                    }
                }
            }
            k += count;
        }
        runs
    }
}

/// Elements of a slab along one axis that show neighbours, in steps, or a constant.
struct Run {
    /// The first, in the slab.
    at: u64,
    count: u64,
    /// What it shows; nothing for a constant.
    first: Option<u64>,
    /// From one to the next.
    step: i64,
}

impl Run {
    /// Takes another element if it goes on as the run does.
    fn takes(&mut self, shown: u64, step: u64) -> bool {
        let Some(first) = self.first else { return false };
        let by = shown as i64 - (first as i64 + self.step * (self.count as i64 - 1));
        let goes_on = match self.count {
            1 => by == 0 || by.unsigned_abs() == step,
            _ => by == self.step,
        };
        if goes_on {
            self.step = by;
            self.count += 1;
        }
        goes_on
    }

    /// The first and the last element that are shown.
    fn ends(&self) -> Option<(u64, u64)> {
        let first = self.first?;
        let last = (first as i64 + self.step * (self.count as i64 - 1)) as u64;
        Some((first.min(last), first.max(last)))
    }
}

/// Elements of the array along one axis that are asked for at once, and where they are shown.
struct Part {
    start: u64,
    count: u64,
    step: u64,
    shown: SmallVec<[Shown; 3]>,
}

/// Where a part is shown: `count` elements of the slab from `at` on show the part's from `from` on.
struct Shown {
    at: u64,
    count: u64,
    from: u64,
    by: i64,
}

impl Part {
    fn new(start: u64, count: u64, step: u64) -> Part {
        Part { start, count, step, shown: SmallVec::new() }
    }

    fn show(&mut self, run: &Run, first: u64) {
        let from = (first - self.start) / self.step;
        let by = if run.step == 0 { 0 } else { run.step.signum() };
        self.shown.push(Shown { at: run.at, count: run.count, from, by });
    }

    /// Whether it is shown once, as it is, and is all of a slab of `n` elements.
    fn is_all(&self, n: u64) -> bool {
        matches!(&self.shown[..], [s] if s.count == n && self.count == n && (s.by == 1 || n == 1))
    }
}

/// The parts of an axis that show these runs: one around all of them if that is no more than the slab has.
fn parts(runs: &[Run], step: u64, count: u64) -> Vec<Part> {
    let ends: Vec<(u64, u64)> = runs.iter().filter_map(Run::ends).collect();
    let (Some(first), Some(last)) = (ends.iter().map(|e| e.0).min(), ends.iter().map(|e| e.1).max()) else {
        return Vec::new();
    };
    let shown = runs.iter().filter_map(|r| Some((r, r.first?)));
    if step == 1 && last - first < count {
        let mut part = Part::new(first, last - first + 1, 1);
        shown.for_each(|(run, first)| part.show(run, first));
        return vec![part];
    }
    let alone = shown.zip(ends).map(|((run, first), (low, _))| {
        let mut part = match run.step {
            0 => Part::new(low, 1, 1),
            by => Part::new(low, run.count, by.unsigned_abs()),
        };
        part.show(run, first);
        part
    });
    alone.collect()
}

/// Copies a box of elements to wherever the parts of its axes are shown.
fn place(staged: &[u8], shape: &[u64], parts: &[&Part], out: &mut [u8], strides: &[i64], size: usize) {
    let from = c_strides(shape);
    let counts: Dims = parts.iter().map(|p| p.shown.len() as u64).collect();
    for i in 0..counts.iter().product() {
        let at = unravel(i, &counts);
        let shown: SmallVec<[&Shown; 4]> =
            parts.iter().zip(&at).map(|(p, &k)| &p.shown[k as usize]).collect();
        let (outer, row) = shown.split_at(shown.len().saturating_sub(1));
        let rows: Dims = outer.iter().map(|s| s.count).collect();
        for r in 0..rows.iter().product() {
            let at = unravel(r, &rows);
            let (mut a, mut b) = (0i64, 0i64);
            for (d, s) in outer.iter().enumerate() {
                a += (s.from as i64 + s.by * at[d] as i64) * from[d];
                b += (s.at + at[d]) as i64 * strides[d];
            }
            let Some(s) = row.first() else {
                out[..size].copy_from_slice(&staged[..size]);
                continue;
            };
            let (a, b) = ((a + s.from as i64) as usize * size, (b + s.at as i64) as usize * size);
            let target = &mut out[b..b + s.count as usize * size];
            match s.by {
                1 => target.copy_from_slice(&staged[a..a + target.len()]),
                by => target.chunks_exact_mut(size).enumerate().for_each(|(k, e)| {
                    let at = (a as i64 + by * (k * size) as i64) as usize;
                    e.copy_from_slice(&staged[at..at + size]);
                }),
            }
        }
    }
}
