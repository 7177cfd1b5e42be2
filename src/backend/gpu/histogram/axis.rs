//! One axis for the device: its edges as cuts among ordered integer keys, and what finds a slot.
//!
//! A *key* is a value of the coordinates' dtype as an unsigned integer in the order of the numbers, ±0
//! being one, NaN none. The *cut* of an edge is the smallest key whose value, as float64, is not below
//! the edge (for the last edge, which is closed: is above it). So comparing keys with cuts is comparing
//! values with edges, without a float on the device, and the slot of a value is how many cuts are not
//! above its key. Edges that no value of the dtype reaches have no cut: they are the last ones.
//!
//! Where the search begins costs time, never the result. On a `Line` it begins at the slot that a
//! float32 product guesses, for evenly spaced edges. `Cells` are runs of 2^n keys, and the table says
//! how many cuts lie before each: the search is within one cell, which for log edges and float data
//! holds about one cut, because such keys are about logarithms.

use crate::DType;
use crate::dtype::Kind;
use crate::ops::histogram::{Edges, integer_order};
use half::f16;
use std::cmp::Ordering;

/// Words that an axis has in `params`.
pub const AXIS_WORDS: usize = 8;

/// How a search begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Way {
    /// At `(x − origin) · scale + slot`.
    Line {
        /// The first cut: for floats the value's bits, else the key.
        origin: u64,
        /// Slots per unit of value.
        scale: f32,
        /// The slot of the origin.
        slot: f32,
    },
    /// In the cell of the key.
    Cells {
        /// Cuts before each cell, and their number.
        before: Vec<u32>,
        /// The key with which the first cell begins.
        first: u64,
        /// A cell has 2^shift keys.
        shift: u32,
    },
}

/// The cuts of one axis for one dtype.
pub struct Axis {
    /// The dtype.
    pub dtype: DType,
    /// How many bins.
    pub bins: u32,
    /// The cuts, not decreasing; fewer than there are edges if the dtype does not reach them all.
    pub cuts: Vec<u64>,
    /// How the search for a slot begins.
    pub way: Way,
}

/// The key of zero; on a log axis values up to it are not positive.
pub fn zero_key(dtype: DType) -> u64 {
    match (dtype, dtype.size()) {
        (DType::F16, _) => 1 << 15,
        (d, 8) if d.kind() != Kind::UInt => 1 << 63,
        (d, _) if matches!(d.kind(), Kind::UInt | Kind::Bool) => 0,
        _ => 1 << 31,
    }
}

/// The least and the largest key of a number.
fn range(dtype: DType) -> [u64; 2] {
    let zero = zero_key(dtype);
    match dtype {
        DType::Bool => [0, 1],
        DType::U8 => [0, u8::MAX as u64],
        DType::U16 => [0, u16::MAX as u64],
        DType::U32 => [0, u32::MAX as u64],
        DType::U64 | DType::I64 => [0, u64::MAX],
        DType::I8 => [zero - (1 << 7), zero + i8::MAX as u64],
        DType::I16 => [zero - (1 << 15), zero + i16::MAX as u64],
        DType::I32 => [0, u32::MAX as u64],
        DType::F16 => [zero - 0x7c00, zero + 0x7c00],
        DType::F32 => [zero - 0x7f80_0000, zero + 0x7f80_0000],
        DType::F64 => [zero - (0x7ff << 52), zero + (0x7ff << 52)],
    }
}

/// The bits of the float with a key.
fn float_bits(dtype: DType, key: u64) -> u64 {
    let zero = zero_key(dtype);
    if key < zero { zero | (zero - key) } else { key - zero }
}

/// The value of a key as float64, rounded as a cast does.
pub fn value(dtype: DType, key: u64) -> f64 {
    match dtype {
        DType::F16 => f16::from_bits(float_bits(dtype, key) as u16).to_f64(),
        DType::F32 => f32::from_bits(float_bits(dtype, key) as u32) as f64,
        DType::F64 => f64::from_bits(float_bits(dtype, key)),
        DType::U64 => key as f64,
        DType::I64 => (key ^ 1 << 63) as i64 as f64,
        _ => key as f64 - zero_key(dtype) as f64,
    }
}

/// A key whose value lies about at an edge, and the keys by which it may miss the cut.
fn about(dtype: DType, edge: f64) -> (u64, u64) {
    let zero = zero_key(dtype);
    let of_bits = |bits: u64| if bits & zero == 0 { zero + bits } else { zero - (bits ^ zero) };
    match dtype {
        DType::F16 => (of_bits(f16::from_f64(edge).to_bits() as u64), 2),
        DType::F32 => (of_bits((edge as f32).to_bits() as u64), 2),
        DType::F64 => (of_bits(edge.to_bits()), 2),
        // A float64 below 2^64 stands for up to 2^11 integers.
        DType::U64 => (edge as u64, 1 << 11),
        DType::I64 => ((edge as i64) as u64 ^ zero, 1 << 11),
        _ => ((edge + zero as f64) as u64, 2),
    }
}

/// How the value of a key compares with an edge: as float64, or as an integer where the edges are for that.
fn order(edges: &Edges, dtype: DType, key: u64, edge: f64) -> Option<Ordering> {
    match dtype {
        DType::U64 if edges.in_integers(dtype) => Some(integer_order(key.into(), edge)),
        DType::I64 if edges.in_integers(dtype) => Some(integer_order(((key ^ 1 << 63) as i64).into(), edge)),
        _ => value(dtype, key).partial_cmp(&edge),
    }
}

/// The cuts of edges, as far as the dtype reaches.
fn cuts(of: &Edges, dtype: DType) -> Vec<u64> {
    let edges = of.values();
    let [least, most] = range(dtype);
    let mut cuts = Vec::with_capacity(edges.len());
    let mut low = least;
    for (i, &edge) in edges.iter().enumerate() {
        let last = i + 1 == edges.len();
        let reached = |key: u64| {
            let order = order(of, dtype, key, edge);
            if last { order.is_some_and(Ordering::is_gt) } else { order.is_some_and(Ordering::is_ge) }
        };
        if !reached(most) {
            break;
        }
        let (guess, miss) = about(dtype, edge);
        let mut high = guess.saturating_add(miss).clamp(low, most);
        if !reached(high) {
            high = most;
        }
        let start = guess.saturating_sub(miss);
        if low < start && start < high && !reached(start) {
            low = start;
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if reached(middle) { high = middle } else { low = middle + 1 }
        }
        cuts.push(low);
    }
    cuts
}

impl Axis {
    /// The axis of these edges for coordinates of a dtype. `float64` says whether the device computes
    /// with float64.
    pub fn new(edges: &Edges, dtype: DType, float64: bool) -> Axis {
        let cuts = cuts(edges, dtype);
        let line = if dtype == DType::F64 && !float64 { None } else { line(edges.values(), dtype, &cuts) };
        let way = line.unwrap_or_else(|| cells(&cuts));
        Axis { dtype, bins: edges.bins() as u32, cuts, way }
    }

    /// The most words that the table of an axis of so many bins can take.
    pub fn most_words(bins: u64, dtype: DType) -> u64 {
        (bins + 1) * (dtype.size() as u64).div_ceil(4) + most_cells(bins + 1) + 2
    }

    /// Adds the axis to the table and gives its words of `params`.
    pub fn place(&self, table: &mut Vec<u32>) -> [u32; AXIS_WORDS] {
        let cuts_at = table.len() as u32;
        let wide = self.dtype.size() == 8;
        for &cut in &self.cuts {
            table.push(cut as u32);
            if wide {
                table.push((cut >> 32) as u32);
            }
        }
        let [a, b, c, start] = match &self.way {
            Way::Line { origin, scale, slot } => [scale.to_bits() as u64, slot.to_bits() as u64, 0, *origin],
            Way::Cells { before, first, shift } => {
                let at = table.len() as u64;
                table.extend(before);
                [at, before.len() as u64 - 2, *shift as u64, *first]
            }
        };
        let cuts = self.cuts.len() as u32;
        [self.bins, cuts, cuts_at, a as u32, b as u32, c as u32, start as u32, (start >> 32) as u32]
    }
}

/// The line through the cuts, if they lie close to one.
fn line(edges: &[f64], dtype: DType, cuts: &[u64]) -> Option<Way> {
    let (&first, &lo, &hi) = (cuts.first()?, edges.first()?, edges.last()?);
    let scale = (edges.len() - 1) as f64 / (hi - lo);
    let start = value(dtype, first);
    let slot = (start - lo) * scale + 1.0;
    let usable = |v: f64| v.is_finite() && (v as f32).is_finite();
    if !((scale as f32).is_normal() && usable(start - lo) && usable(slot) && start.is_finite()) {
        return None;
    }
    // A cut begins the slot after it, so up to two steps lead from the guess to the slot.
    let near = |(i, &cut): (usize, &u64)| {
        let guess = (value(dtype, cut) - start) * scale + slot;
        (guess - (i + 1) as f64).abs() <= 1.5
    };
    if !cuts.iter().enumerate().take(edges.len() - 1).all(near) {
        return None;
    }
    let origin = if dtype.is_float() { float_bits(dtype, first) } else { first };
    Some(Way::Line { origin, scale: scale as f32, slot: slot as f32 })
}

fn most_cells(cuts: u64) -> u64 {
    (8 * cuts).next_power_of_two().clamp(1 << 6, 1 << 16)
}

/// Cells over the keys: the fewest that leave the fewest steps.
fn cells(cuts: &[u64]) -> Way {
    // Half of all floats lie between −1 and 1, so that a first edge at or below 0 can spread the cells
    // thin; then they start at the second cut, and all below falls into the first cell.
    let starts = [cuts.first().copied().unwrap_or(0), cuts.get(1).or(cuts.first()).copied().unwrap_or(0)];
    let most = most_cells(cuts.len() as u64);
    let mut best: Option<(u32, u64, u32, u64)> = None;
    for first in starts {
        let span = cuts.last().map_or(0, |&last| last - first);
        let mut count = (2 * cuts.len() as u64).next_power_of_two().clamp(1 << 6, most);
        while count <= most {
            let mut shift = 0;
            while span >> shift >= count {
                shift += 1;
            }
            // Steps of the search in the fullest cell.
            let (mut steps, mut run, mut before) = (0, 0u32, u64::MAX);
            for &cut in cuts {
                let cell = cut.saturating_sub(first) >> shift;
                run = if cell == before { run + 1 } else { 1 };
                before = cell;
                steps = steps.max(u32::BITS - run.leading_zeros());
            }
            let found = (steps, (span >> shift) + 1, shift, first);
            if best.is_none_or(|b| found < b) {
                best = Some(found);
            }
            count *= 2;
        }
    }
    let (_, count, shift, first) = best.unwrap_or((0, 1, 0, 0));
    let mut before = Vec::with_capacity(count as usize + 1);
    for (i, &cut) in cuts.iter().enumerate() {
        let cell = cut.saturating_sub(first) >> shift;
        while before.len() as u64 <= cell {
            before.push(i as u32);
        }
    }
    before.resize(count as usize + 1, cuts.len() as u32);
    Way::Cells { before, first, shift }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slot as the shader finds it, from the table alone.
    fn slot(axis: &Axis, key: u64) -> usize {
        let range = match &axis.way {
            Way::Line { .. } => 0..axis.cuts.len(),
            Way::Cells { before, first, shift } => {
                let cell = (key.saturating_sub(*first) >> shift).min(before.len() as u64 - 2) as usize;
                before[cell] as usize..before[cell + 1] as usize
            }
        };
        range.start + axis.cuts[range].partition_point(|&c| c <= key)
    }

    #[test]
    fn every_float16_and_every_small_integer_has_the_slot_of_its_value() {
        let lists = [
            Edges::uniform(-3.0, 3.0, 100).unwrap(),
            Edges::uniform(0.0, 1e-6, 7).unwrap(),
            Edges::log(1e-7, 6e4, 33).unwrap(),
            Edges::explicit(vec![f64::NEG_INFINITY, -5.0, -0.0, 0.0, 0.0, 7.5, f64::INFINITY]).unwrap(),
            Edges::explicit(vec![-1e9, -70000.0, 65504.0, 65520.0, 1e9]).unwrap(),
            Edges::explicit(vec![1.0]).unwrap(),
            Edges::explicit(vec![f64::INFINITY, f64::INFINITY]).unwrap(),
        ];
        for edges in &lists {
            for dtype in [DType::Bool, DType::U8, DType::I8, DType::U16, DType::I16, DType::F16] {
                let axis = Axis::new(edges, dtype, true);
                let [least, most] = range(dtype);
                for key in least..=most {
                    let x = value(dtype, key);
                    let (last, others) = edges.values().split_last().unwrap();
                    let want = others.iter().filter(|&&e| x >= e).count() + (x > *last) as usize;
                    assert_eq!(slot(&axis, key), want, "{edges:?} {dtype} {x}");
                }
            }
        }
    }

    #[test]
    fn cuts_are_where_values_pass_the_edges() {
        let edges = [-1e300, -16777217.0, -1.0, -0.0, 1e-40, 0.1, 9007199254740993.0, 1.8e19, 2e19];
        let edges = Edges::explicit(edges.to_vec()).unwrap();
        for dtype in DType::ALL {
            let axis = Axis::new(&edges, dtype, true);
            let [least, most] = range(dtype);
            for (i, &edge) in edges.values().iter().enumerate() {
                let last = i + 1 == edges.values().len();
                // 64-bit integers as they are: some of these edges are where float64 has not every one.
                let whole = |key: u64| match dtype {
                    DType::U64 => Some(i128::from(key)),
                    DType::I64 => Some(i128::from((key ^ 1 << 63) as i64)),
                    _ => None,
                };
                let reached = |key: u64| match (whole(key), last) {
                    (Some(v), true) => v > edge.floor() as i128,
                    (Some(v), false) => v >= edge.ceil() as i128,
                    (None, true) => value(dtype, key) > edge,
                    (None, false) => value(dtype, key) >= edge,
                };
                match axis.cuts.get(i) {
                    Some(&cut) => {
                        assert!(reached(cut) && (cut == least || !reached(cut - 1)), "{dtype} {edge}");
                    }
                    None => assert!(!reached(most), "{dtype} {edge}"),
                }
            }
        }
    }

    /// Where float64 has not every integer, edges that were given are compared with as integers.
    #[test]
    fn far_edges_cut_integers_where_they_are() {
        let e = [0.5, 2f64.powi(53), 2f64.powi(53) + 2.0, 2f64.powi(62) + 1024.0, 2f64.powi(63)];
        let axis = Axis::new(&Edges::explicit(e.to_vec()).unwrap(), DType::U64, true);
        let p = |n: u32| 1u64 << n;
        assert_eq!(axis.cuts, [1, p(53), p(53) + 2, p(62) + 1024, p(63) + 1]);
        let zero = zero_key(DType::I64);
        let axis = Axis::new(&Edges::explicit(e.to_vec()).unwrap(), DType::I64, true);
        assert_eq!(axis.cuts, [1, p(53), p(53) + 2, p(62) + 1024].map(|v| zero + v));
        let below = Edges::explicit(vec![-2f64.powi(60) - 256.0, 3.0]).unwrap();
        assert_eq!(Axis::new(&below, DType::I64, true).cuts, [zero - p(60) - 256, zero + 4]);
    }

    #[test]
    fn even_edges_make_lines_and_log_edges_small_cells() {
        let way = |edges: &Edges, dtype| Axis::new(edges, dtype, true).way;
        let even = Edges::uniform(-3.0, 3.0, 100).unwrap();
        for dtype in [DType::F16, DType::F32, DType::F64] {
            assert!(matches!(way(&even, dtype), Way::Line { .. }));
        }
        let even = Edges::uniform(-5.0, 200.0, 41).unwrap();
        for dtype in [DType::U8, DType::I16, DType::U32, DType::I64] {
            assert!(matches!(way(&even, dtype), Way::Line { .. }), "{dtype}");
        }
        for dtype in [DType::F32, DType::F64] {
            let Way::Cells { before, .. } = way(&Edges::log(1e-3, 1e5, 64).unwrap(), dtype) else { panic!() };
            assert!(before.len() <= 512 && before.windows(2).all(|w| w[1] - w[0] <= 1));
        }
        assert!(matches!(Axis::new(&even, DType::F64, false).way, Way::Cells { .. }));
        // Edges much closer than float32 can tell apart are no line for it.
        let fine = Edges::uniform(1e6, 1e6 + 1.0, 100_000).unwrap();
        assert!(matches!(way(&fine, DType::F32), Way::Cells { .. }));
    }
}
