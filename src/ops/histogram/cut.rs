//! Cutting weights into two whole numbers and adding those to cells, sixteen rows at a time.
//!
//! Adding H = (1 + 2^-4) · 2^(u + 52) to a float64 rounds it to a multiple of 2^u, and the bits of the
//! result less those of H are that multiple; what rounding left comes back without error and is cut once
//! more at a lower unit (Dekker's fast two-sum, as in [`exact`](crate::ops::exact)). Whether nothing was
//! left then, and H kept its binade, is found along the way, so no pass over the weights must look first:
//! a group that does not fit is left to the caller before any of it was added.
//!
//! The two numbers and the count are one vector of 128 bits, whose addition is one load and one store.
//! Groups are cut in the same loop that adds them, for cutting is arithmetic and adding is memory, and the
//! processor does both at once.

use super::load::BLOCK;
use crate::ops::simd::fetch_ahead;
use crate::per_simd;

/// Bits of the count in a cell.
const COUNT: u32 = 15;
/// What a row adds to the count, in the lower word; below it is the sum of the low numbers.
const ONE: u64 = 1 << (64 - COUNT);
/// The low number is at most 2^32 in size, or of integers below 2^33: 2^15 of them stay below half of ONE.
const LOW: u32 = 33;
/// The high number is in −2^48 .. 2^48: 2^15 of them fit 64 bits.
const HIGH: u32 = 63 - COUNT;
/// Bits of the window: it takes multiples of 2^base below 2^(base + 81).
pub(super) const WINDOW: i32 = (LOW + HIGH) as i32;
/// Bases for which both anchors are normal and all a cell can hold is finite.
pub(super) const LEAST_BASE: i32 = -1074;
pub(super) const MOST_BASE: i32 = 900;
/// Rows that are cut together, and left out together.
pub(super) const GROUP: usize = 16;
/// Rows after which the count of an empty cell reaches its top bit; twice as many overflow it.
pub(super) const HALF_FULL: usize = 1 << (COUNT - 1);
/// Copies of the cells of a histogram of few slots: else rows of one slot wait for each other's store.
pub(super) const COPIES: usize = 8;

/// Sums of the low and of the high numbers of some rows, the first with their count above it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(16))]
pub(super) struct Cell([u64; 2]);

impl Cell {
    /// Whether the count has reached its top bit.
    pub(super) fn is_half_full(self) -> bool {
        self.0[0] >> 63 != 0
    }

    pub(super) fn any_half_full(cells: &[Cell]) -> bool {
        cells.iter().fold(Cell::default(), |all, &c| all.or(c)).is_half_full()
    }

    pub(super) fn add(&mut self, other: Cell) {
        *self = self.plus(other);
    }

    #[inline(always)]
    fn plus(self, other: Cell) -> Cell {
        Cell([self.0[0].wrapping_add(other.0[0]), self.0[1].wrapping_add(other.0[1])])
    }

    #[inline(always)]
    fn or(self, other: Cell) -> Cell {
        Cell([self.0[0] | other.0[0], self.0[1] | other.0[1]])
    }

    /// The count.
    pub(super) fn count(self) -> u64 {
        self.0[0].wrapping_add(ONE / 2) / ONE
    }

    /// The sum in units of 2^base, of weights that these anchors have cut.
    pub(super) fn sum(self, anchors: Anchors) -> i128 {
        let count = self.count();
        let low = self.0[0].wrapping_sub(count.wrapping_mul(ONE)) as i64;
        let high = self.0[1].wrapping_sub(count.wrapping_mul(anchors.high.to_bits())) as i64;
        ((high as i128) << LOW) + low as i128
    }
}

/// What cuts the weights of one window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Anchors {
    high: f64,
    low: f64,
    /// The bits that all results of adding `high` share.
    binade: u64,
    /// The bits of `low` less a count of one.
    less: u64,
}

impl Anchors {
    /// Those for multiples of 2^base; `base` is in [`LEAST_BASE`] ..= [`MOST_BASE`].
    pub(super) fn new(base: i32) -> Anchors {
        let binade = |unit: i32| ((unit + 52 + 1023) as u64) << 52;
        let (high, low) = (binade(base + LOW as i32), binade(base) | 1 << 51);
        Anchors {
            high: f64::from_bits(high | 1 << HIGH),
            low: f64::from_bits(low),
            binade: high,
            less: low.wrapping_sub(ONE),
        }
    }

    /// The cell of one weight; the second value is 0 if it fits the window, and the cell is right.
    #[inline(always)]
    fn cut(self, v: f64) -> (Cell, u64) {
        let high = v + self.high;
        let rest = v - (high - self.high);
        let low = rest + self.low;
        // NaN, if the weight or the sum is not finite
        let left = rest - (low - self.low);
        let misfit =
            left.to_bits() & (u64::MAX >> 1) | (high.to_bits() ^ self.binade) & (u64::MAX << (HIGH + 1));
        (Cell([low.to_bits().wrapping_sub(self.less), high.to_bits()]), misfit)
    }

    /// The cell of a weight that fits the window.
    pub(super) fn cell(self, v: f64) -> Option<Cell> {
        let (cell, misfit) = self.cut(v);
        (misfit == 0).then_some(cell)
    }
}

/// What cuts integers of 64 bits, as anchors of base 0 cut smaller ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide {
    /// The sign bit, of a type that has one: flipped, order is that of unsigned numbers.
    flip: u64,
    /// What the high number must get, for the flip and for the anchor.
    more: u64,
}

impl Wide {
    pub(super) fn new(signed: bool) -> Wide {
        let flip = (signed as u64) << 63;
        Wide { flip, more: Anchors::new(0).high.to_bits() - (flip >> LOW) }
    }

    /// The cell of a native integer.
    #[inline(always)]
    pub(super) fn cell(self, bytes: [u8; 8]) -> Cell {
        let v = u64::from_ne_bytes(bytes) ^ self.flip;
        Cell([ONE + (v & ((1 << LOW) - 1)), (v >> LOW).wrapping_add(self.more)])
    }
}

/// How far a kernel came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    /// Rows added, a multiple of [`GROUP`].
    pub(super) rows: usize,
    /// All cells that were written, or'ed, where the kernel watches them.
    pub(super) seen: Cell,
}

/// Adds whole groups of rows up to the first that does not fit. Row j of a group goes to copy j mod K.
// Loops of a fixed number of steps are what the compiler turns into vectors.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn add_body<const K: usize, const WATCH: bool, T: Copy>(
    cells: &mut [[Cell; K]],
    index: &[u32],
    values: &[T],
    cut: impl Fn(T) -> (Cell, u64),
) -> Done {
    let mut done = Done { rows: 0, seen: Cell::default() };
    for (slots, values) in index.as_chunks::<GROUP>().0.iter().zip(values.as_chunks::<GROUP>().0) {
        let mut piece = [Cell::default(); GROUP];
        let mut misfits = 0;
        fetch_ahead(values, BLOCK);
        for j in 0..GROUP {
            let (cell, misfit) = cut(values[j]);
            piece[j] = cell;
            misfits |= misfit;
        }
        if misfits != 0 {
            break;
        }
        let mut add = |slot: u32, copy: usize, more: Cell| {
            let cell = &mut cells[slot as usize][copy];
            *cell = cell.plus(more);
            if WATCH {
                done.seen = done.seen.or(*cell);
            }
        };
        // Without copies, rows of one slot would each wait for the store of the one before.
        if K == 1 && slots[0] == slots[GROUP - 1] && slots[0] == slots[GROUP / 2] && are_one(slots) {
            add(slots[0], 0, piece.iter().fold(Cell::default(), |sum, &c| sum.plus(c)));
        } else {
            for j in 0..GROUP {
                add(slots[j], j % K, piece[j]);
            }
        }
        done.rows += GROUP;
    }
    done
}

// Not inlined: the compiler would load all slots as a vector and take them out of it one by one.
#[inline(never)]
fn are_one(slots: &[u32; GROUP]) -> bool {
    slots.iter().fold(0, |differ, s| differ | (s ^ slots[0])) == 0
}

/// Kernels for a number of copies, and with or without a watch on the counts.
macro_rules! kernels {
    ($($k:literal $watch:literal: $floats:ident $floats_body:ident, $wide:ident $wide_body:ident;)*) => { $(
        #[inline(always)]
        fn $floats_body(cells: &mut [[Cell; $k]], index: &[u32], values: &[f64], anchors: Anchors) -> Done {
            add_body::<$k, $watch, _>(cells, index, values, |v| anchors.cut(v))
        }
        per_simd!(pub(super) fn $floats(
            cells: &mut [[Cell; $k]], index: &[u32], values: &[f64], anchors: Anchors,
        ) -> Done = $floats_body);

        #[inline(always)]
        fn $wide_body(cells: &mut [[Cell; $k]], index: &[u32], values: &[[u8; 8]], wide: Wide) -> Done {
            add_body::<$k, $watch, _>(cells, index, values, |v| (wide.cell(v), 0))
        }
        per_simd!(pub(super) fn $wide(
            cells: &mut [[Cell; $k]], index: &[u32], values: &[[u8; 8]], wide: Wide,
        ) -> Done = $wide_body);
    )* };
}
kernels! {
    8 false: floats_few floats_few_body, wide_few wide_few_body;
    1 false: floats_some floats_some_body, wide_some wide_some_body;
    1 true: floats_many floats_many_body, wide_many wide_many_body;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::simd::Simd;
    use num_bigint::BigInt;
    use num_rational::BigRational;

    type Kernel<const K: usize> = fn(Simd, &mut [[Cell; K]], &[u32], &[f64], Anchors) -> Done;

    fn units(v: f64, base: i32) -> Option<i128> {
        let two = BigRational::from(BigInt::from(2));
        let v = BigRational::from_float(v)? / num_traits::Pow::pow(two, base);
        v.is_integer().then(|| i128::try_from(v.to_integer()).ok()).flatten()
    }

    /// Weights in and about the window: they are added exactly, or their group is not touched.
    #[test]
    fn a_group_is_added_exactly_or_not_at_all() {
        for base in [LEAST_BASE, -1060, -900, -78, 0, 300, MOST_BASE] {
            let anchors = Anchors::new(base);
            let at = |e: i32| 2f64.powi((base + e) / 2) * 2f64.powi(base + e - (base + e) / 2);
            let top = at(WINDOW);
            let fit = [0.0, -0.0, at(0), -at(0), at(33), -at(32), at(80), top.next_down() / 2.0, -top / 2.0]
                .into_iter()
                .chain((0..WINDOW - 53).map(|e| at(52 + e).next_up() * if e % 2 == 0 { 1.0 } else { -1.0 }));
            let no = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, top, 2.0 * top]
                .into_iter()
                .chain((base > LEAST_BASE).then(|| at(-1)))
                .chain([at(52).next_up() / 2.0, -at(40) - at(-1), 5e-324, -2.0 * top]);
            let fit: Vec<f64> = fit.collect();
            for &v in &fit {
                let cell = anchors.cell(v).unwrap_or_else(|| panic!("{v:e} does not fit 2^{base}"));
                assert_eq!((cell.count(), Some(cell.sum(anchors))), (1, units(v, base)), "{v:e} 2^{base}");
            }
            for v in no {
                let right = anchors.cell(v).is_none_or(|c| Some(c.sum(anchors)) == units(v, base));
                assert!(right, "{v:e} in 2^{base}");
                if units(v, base).is_none_or(|u| u.unsigned_abs() >= 1 << WINDOW) {
                    assert!(anchors.cell(v).is_none(), "{v:e} in 2^{base}");
                    for simd in Simd::available() {
                        let mut values = [at(60); 3 * GROUP];
                        values[GROUP + 5] = v;
                        let mut cells = [[Cell::default()]; 2];
                        let done = floats_some(simd, &mut cells, &[1; 3 * GROUP], &values, anchors);
                        assert_eq!((done.rows, cells[1][0].count()), (GROUP, GROUP as u64));
                        assert_eq!(cells[1][0].sum(anchors), (GROUP as i128) << 60);
                    }
                }
            }
            same(&fit, base, [floats_some, floats_many]);
            same(&fit, base, [floats_few]);
        }
    }

    /// The weights again and again in slots of every pattern, against integers.
    fn same<const K: usize, const N: usize>(fit: &[f64], base: i32, kernels: [Kernel<K>; N]) {
        let anchors = Anchors::new(base);
        let n = 64 * GROUP;
        let values: Vec<f64> = (0..n).map(|i| fit[i * 7 % fit.len()]).collect();
        let patterns: [fn(usize) -> usize; 5] =
            [|_| 3, |i| i % 2, |i| i / 100, |i| i * i % 11, |i| if i % 50 == 0 { 2 } else { 1 }];
        for (kernel, pattern, simd) in kernels
            .into_iter()
            .flat_map(|k| patterns.map(|p| (k, p)))
            .flat_map(|(k, p)| Simd::available().into_iter().map(move |s| (k, p, s)))
        {
            let index: Vec<u32> = (0..n).map(|i| pattern(i) as u32).collect();
            let mut cells = [[Cell::default(); K]; 11];
            assert_eq!(kernel(simd, &mut cells, &index, &values, anchors).rows, n);
            for (slot, copies) in cells.iter().enumerate() {
                let rows: Vec<f64> = (0..n).filter(|&i| pattern(i) == slot).map(|i| values[i]).collect();
                let want: i128 = rows.iter().map(|&v| units(v, base).unwrap()).sum();
                assert_eq!(copies.iter().map(|c| c.sum(anchors)).sum::<i128>(), want);
                assert_eq!(copies.iter().map(|c| c.count()).sum::<u64>(), rows.len() as u64);
            }
        }
    }

    /// The largest and the smallest weights, as many as a cell takes.
    #[test]
    fn a_cell_holds_twice_the_rows_that_half_fill_it() {
        let anchors = Anchors::new(0);
        let (low, high) = ((1i128 << (LOW - 1)), (1i128 << HIGH) - 1);
        let ends = [high << LOW, -(1i128 << WINDOW), (high << LOW) - (1 << 33), low, -low, 0];
        let add = |more: Cell, want: i128| {
            let mut cell = Cell::default();
            for n in 1..2 * HALF_FULL {
                cell.add(more);
                assert_eq!(cell.count(), n as u64);
                assert_eq!(cell.sum(anchors), want * n as i128);
                let close = n.abs_diff(HALF_FULL) <= 1;
                assert!(close || cell.is_half_full() == (n > HALF_FULL), "{n}");
            }
        };
        ends.into_iter().for_each(|v| add(anchors.cell(v as f64).unwrap(), v));
        for v in [i64::MIN, i64::MAX, -1, 1 << 33] {
            add(Wide::new(true).cell(v.to_ne_bytes()), v.into());
        }
        for v in [u64::MAX, 0, 1 << 63, (1 << 33) - 1] {
            add(Wide::new(false).cell(v.to_ne_bytes()), v.into());
        }
    }
}
