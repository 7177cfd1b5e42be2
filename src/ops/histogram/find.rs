//! From values to slots: which bin holds a value, decided by comparing it with the edges.
//!
//! With `bins` bins an axis has the *slots* 0 (underflow), 1 ..= bins (the bins), bins + 1
//! (overflow), bins + 2 (NaN) and bins + 3 (≤ 0 on a log axis). The slot of a number is how many
//! of the *cuts* are ≤ it; the cuts are the edges, but for the last, which is the next float64 up,
//! so that the last bin is closed.
//!
//! A guess says where to start comparing, and what a guess may miss by is not assumed but proven
//! when the finder is made, from the edges themselves: every guess here is a non-decreasing
//! function of the value, so within a bin it lies between its values at the bin's ends, and
//! checking those checks all float64 values. Four finders, the first that passes is taken:
//!
//! * `Line`: the slot is `round((x − lo) · scale)` or one more; the cut to compare with is computed
//!   by the very formula that made the edges, so nothing is looked up.
//! * `Cells`: the top bits of the float, as an ordered integer, choose a cell with at most one cut (see
//!   the module `cells`). For log edges, whose bins are all about equally long in these integers, and
//!   many explicit ones.
//! * `Table`: the same with up to [`MOST_STEPS`] cuts in a cell, which are compared one by one.
//! * `Search`: a binary search.
//!
//! Float32 columns have quicker ways of their own where these pass the same proof: `Near` before `Line`,
//! and `Cells` over the cuts rounded up to float32. On a log axis a cheap logarithm with a known error
//! finds most slots, of float64 columns too (see the module `logs`).

use super::cells::{self, Cells, Special};
use super::groups::with_doubts;
use super::logs::Logs;
use super::near::{self, Near};
use super::padded::Padded;
use crate::ops::simd::Simd;
use crate::per_simd;
use std::ops::Range;

/// The most cuts per cell of a table.
const MOST_STEPS: usize = 4;

/// 2^52: adding it to a float64 in 0 .. 2^52 rounds that to a whole number in the low bits.
const ROUNDER: f64 = 4503599627370496.0;

/// Finds slots among the edges of one axis.
pub(super) struct Finder {
    line: Line,
    way: Way,
    narrow: Narrow,
    /// Before the others, on a log axis.
    logs: Option<Logs>,
    /// The highest level for tables: AVX-512 would use gather instructions, which ran at half the
    /// speed of AVX2 with its single loads (444 against 829 M rows/s on an AMD Zen).
    table_level: Simd,
}

enum Way {
    Line,
    Cells(Cells<i64>),
    Table(Table),
    Search(Vec<f64>),
}

/// A way for float32 columns alone.
enum Narrow {
    Near(Near),
    Cells(Cells<i32>),
    None,
}

/// What every finder needs, and the straight line through uniform edges.
#[derive(Clone, Copy)]
struct Line {
    lo: f64,
    scale: f64,
    step: f64,
    bins: f64,
    top: f64,
    /// Values up to this go to the slot `low` (0 on a log axis, NaN for none).
    floor: f64,
    nan: u32,
    low: u32,
}

struct Table {
    /// The cuts, then NaN.
    cuts: Padded<f64>,
    /// Cuts before each cell.
    before: Padded<u32>,
    first: i64,
    last: i64,
    shift: u32,
    steps: usize,
}

/// The next float64 above `e`; no number is above +inf, which NaN says in a comparison.
fn above(e: f64) -> f64 {
    if e == f64::INFINITY { f64::NAN } else { e.next_up() }
}

/// Float64 values in the order of their numbers, as integers; −0 and 0 are one.
#[inline(always)]
fn key(x: f64) -> i64 {
    let bits = (x + 0.0).to_bits() as i64;
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

impl Finder {
    pub(super) fn new(edges: &[f64], log: bool) -> Finder {
        let n = edges.len() - 1;
        let (lo, hi) = (edges[0], edges[n]);
        let line = Line {
            lo,
            scale: n as f64 / (hi - lo),
            step: (hi - lo) / n as f64,
            bins: n as f64,
            top: above(hi),
            floor: if log { 0.0 } else { f64::NAN },
            nan: n as u32 + 2,
            low: n as u32 + 3,
        };
        let mut cuts = edges.to_vec();
        cuts[n] = line.top;
        let (way, narrow) = if n > 0 && line.is_right_for(edges) {
            (Way::Line, if log { None } else { Near::new(edges).map(Narrow::Near) })
        } else {
            let narrow = Cells::<i32>::new(&cuts).map(Narrow::Cells);
            let way = match (Cells::<i64>::new(&cuts), Table::new(&cuts)) {
                (Some(cells), _) => Way::Cells(cells),
                (_, Some(table)) => Way::Table(table),
                _ => Way::Search(cuts),
            };
            (way, narrow)
        };
        let narrow = narrow.unwrap_or(Narrow::None);
        let logs = if log { Logs::of_edges(edges) } else { None };
        let below = Simd::available().into_iter().filter(|l| l.name() != "avx512").max();
        Finder { line, way, narrow, logs, table_level: below.unwrap_or(Simd::BASELINE) }
    }

    /// The most bytes that a finder for `bins` bins allocates.
    pub(super) fn most_bytes(bins: u64) -> u64 {
        let cuts = (bins + 1 + MOST_STEPS as u64).next_power_of_two() * 8;
        cuts + Table::most_cells(bins) * 4 * 2 + cells::most_bytes(bins)
    }

    /// The slots of float64 values.
    pub(super) fn slots(&self, simd: Simd, values: &[f64], slots: &mut [u32]) {
        match &self.logs {
            Some(logs) => logs.slots::<8>(simd, bytemuck::cast_slice(values), slots, |rows, slots| {
                self.compare(simd, &values[rows], slots);
            }),
            None => self.compare(simd, values, slots),
        }
    }

    /// As [`Finder::slots`], the ways that know every value's slot.
    fn compare(&self, simd: Simd, values: &[f64], slots: &mut [u32]) {
        match &self.way {
            Way::Line => line64(simd, &self.line, values, slots),
            Way::Cells(cells) => cells.slots(simd, self.line.others(), values, slots),
            Way::Table(t) => {
                let simd = simd.min(self.table_level);
                match t.steps {
                    1 => table1(simd, &self.line, t, values, slots),
                    2 => table2(simd, &self.line, t, values, slots),
                    _ => table4(simd, &self.line, t, values, slots),
                }
            }
            Way::Search(cuts) => search(&self.line, cuts, values, slots),
        }
    }

    /// The slots of native float32 values without a copy as float64; `false` if this finder cannot.
    /// `bytes` need not be aligned.
    pub(super) fn slots_f32(&self, simd: Simd, bytes: &[u8], slots: &mut [u32]) -> bool {
        let values = bytes.as_chunks::<4>().0;
        let quick = |from: usize, slots: &mut [u32]| match &self.narrow {
            Narrow::Near(near) => near::run(simd, near, &values[from..], slots),
            _ => 0,
        };
        let line = |rows: Range<usize>, slots: &mut [u32]| line32(simd, &self.line, &values[rows], slots);
        match (&self.narrow, &self.way, &self.logs) {
            (Narrow::Cells(cells), _, Some(logs)) => logs.slots(simd, values, slots, |rows, slots| {
                cells.slots(simd, self.line.others(), &values[rows], slots);
            }),
            (Narrow::Cells(cells), ..) => cells.slots(simd, self.line.others(), values, slots),
            (_, Way::Line, Some(logs)) => logs.slots(simd, values, slots, line),
            (Narrow::Near(_), Way::Line, _) => with_doubts(near::DOUBTS, slots, quick, line),
            (_, Way::Line, _) => line(0..values.len(), slots),
            _ => return false,
        }
        true
    }

    /// How float32 columns are found.
    #[cfg(test)]
    pub(super) fn narrow_way(&self) -> &'static str {
        match &self.narrow {
            Narrow::Near(_) => "near",
            Narrow::Cells(_) => "cells",
            Narrow::None => self.way(),
        }
    }

    #[cfg(test)]
    pub(super) fn way(&self) -> &'static str {
        match &self.way {
            Way::Line => "line",
            Way::Cells(_) => "cells",
            Way::Table(_) => "table",
            Way::Search(_) => "search",
        }
    }
}

impl Line {
    /// How many cuts are ≤ `x`, give or take none: the guess, then one comparison.
    #[inline(always)]
    fn guess(&self, x: f64) -> f64 {
        let t = (x - self.lo) * self.scale;
        let t = if t > 0.0 { t } else { 0.0 };
        let t = if t < self.bins { t } else { self.bins };
        t + ROUNDER
    }

    #[inline(always)]
    fn cut(&self, index: f64) -> f64 {
        let cut = index * self.step + self.lo;
        if index == self.bins { self.top } else { cut }
    }

    fn others(&self) -> Special {
        Special { floor: self.floor, nan: self.nan, low: self.low }
    }

    /// NaN and values of a log axis that are not positive go to their own slots.
    #[inline(always)]
    fn special(&self, x: f64, slot: u32) -> u32 {
        let slot = if x <= self.floor { self.low } else { slot };
        if x.is_nan() { self.nan } else { slot }
    }

    #[inline(always)]
    fn slot(&self, x: f64) -> u32 {
        let guess = self.guess(x);
        let cut = self.cut(guess - ROUNDER);
        self.special(x, guess.to_bits() as u32 + (x >= cut) as u32)
    }

    /// Whether the computed cuts are the edges, and the guess is the slot or one less for every
    /// float64. The guess does not decrease as `x` grows, so the ends of each slot tell.
    fn is_right_for(&self, edges: &[f64]) -> bool {
        if !(self.scale.is_finite() && self.step > 0.0 && self.step.is_finite()) {
            return false;
        }
        let n = edges.len() - 1;
        let guess = |x: f64| (self.guess(x) - ROUNDER) as usize;
        (0..n).all(|i| self.cut(i as f64).to_bits() == edges[i].to_bits() && edges[i] < edges[i + 1])
            && guess(f64::NEG_INFINITY) == 0
            && guess(edges[0].next_down()) == 0
            && (0..n).all(|i| {
                // slot i + 1 runs from edges[i] to just below the next cut
                let last = if i + 1 == n { edges[n] } else { edges[i + 1].next_down() };
                guess(edges[i]) >= i && guess(last) <= i + 1
            })
            && guess(self.top) >= n
    }
}

impl Table {
    fn most_cells(bins: u64) -> u64 {
        (32 * (bins + 1)).next_power_of_two().clamp(1 << 10, 1 << 18)
    }

    /// A table with few cells and few cuts in each, or none.
    fn new(cuts: &[f64]) -> Option<Table> {
        // a cut that is NaN stands for nothing above +inf
        let keys: Vec<i64> =
            cuts.iter().map(|&c| if c.is_nan() { key(f64::INFINITY) } else { key(c) }).collect();
        // Between 0 and 1 lie as many float64 as above 1, so a first edge of 0 would spread the
        // cells thin: then they start at the second cut, and what is below falls into the first.
        Table::over(cuts, &keys, keys[0])
            .filter(|t| t.steps == 1)
            .or_else(|| Table::over(cuts, &keys, *keys.get(1)?))
            .or_else(|| Table::over(cuts, &keys, keys[0]))
    }

    fn over(cuts: &[f64], keys: &[i64], first: i64) -> Option<Table> {
        let last = keys[keys.len() - 1];
        let span = last.wrapping_sub(first) as u64;
        let most = Table::most_cells(cuts.len() as u64 - 1);
        let small = (4 * cuts.len() as u64).next_power_of_two().clamp(1 << 8, most);
        let mut best: Option<(usize, u32)> = None;
        let mut cells = small;
        while cells <= most {
            let mut shift = 0;
            while span >> shift >= cells {
                shift += 1;
            }
            let cell = |k: i64| k.max(first).wrapping_sub(first) as u64 >> shift;
            let (mut steps, mut run, mut before) = (1, 0, u64::MAX);
            for &k in keys {
                run = if cell(k) == before { run + 1 } else { 1 };
                before = cell(k);
                steps = steps.max(run);
            }
            if best.is_none_or(|(s, _)| steps < s) {
                best = Some((steps, shift));
            }
            if steps == 1 {
                break;
            }
            cells *= 2;
        }
        let (steps, shift) = best.filter(|b| b.0 <= MOST_STEPS)?;
        let cell = |k: i64| (k.max(first).wrapping_sub(first) as u64 >> shift) as usize;
        let mut before = vec![0u32; cell(last) + 1];
        let mut done = 0;
        for (i, &k) in keys.iter().enumerate() {
            while done <= cell(k) {
                before[done] = i as u32;
                done += 1;
            }
        }
        let mut cuts = cuts.to_vec();
        cuts.resize(cuts.len() + MOST_STEPS, f64::NAN);
        Some(Table {
            cuts: Padded::new(cuts, f64::NAN),
            before: Padded::new(before, 0),
            first,
            last,
            shift,
            steps,
        })
    }
}

#[inline(always)]
fn line64_body(line: &Line, values: &[f64], slots: &mut [u32]) {
    let line = *line;
    for (s, &x) in slots.iter_mut().zip(values) {
        *s = line.slot(x);
    }
}
per_simd!(fn line64(line: &Line, values: &[f64], slots: &mut [u32]) = line64_body);

#[inline(always)]
fn line32_body(line: &Line, values: &[[u8; 4]], slots: &mut [u32]) {
    let line = *line;
    for (s, &x) in slots.iter_mut().zip(values) {
        *s = line.slot(f32::from_ne_bytes(x) as f64);
    }
}
per_simd!(fn line32(line: &Line, values: &[[u8; 4]], slots: &mut [u32]) = line32_body);

#[inline(always)]
fn table_body<const STEPS: usize>(line: &Line, t: &Table, values: &[f64], slots: &mut [u32]) {
    let line = *line;
    let (first, last, shift) = (t.first, t.last, t.shift);
    for (s, &x) in slots.iter_mut().zip(values) {
        let cell = key(x).clamp(first, last).wrapping_sub(first) as u64 >> shift;
        let mut slot = t.before.at(cell as usize);
        for _ in 0..STEPS {
            slot += (x >= t.cuts.at(slot as usize)) as u32;
        }
        *s = line.special(x, slot);
    }
}
per_simd!(fn table1(line: &Line, t: &Table, values: &[f64], slots: &mut [u32]) = table_body::<1>);
per_simd!(fn table2(line: &Line, t: &Table, values: &[f64], slots: &mut [u32]) = table_body::<2>);
per_simd!(fn table4(line: &Line, t: &Table, values: &[f64], slots: &mut [u32]) = table_body::<MOST_STEPS>);

fn search(line: &Line, cuts: &[f64], values: &[f64], slots: &mut [u32]) {
    for (s, &x) in slots.iter_mut().zip(values) {
        *s = line.special(x, cuts.partition_point(|&c| c <= x) as u32);
    }
}
