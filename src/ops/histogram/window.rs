//! Cells: a count and an exact sum of weights per slot, for weights whose exponents lie close.
//!
//! Weights in the window are whole multiples of 2^base below 2^(base + 86). A few float64 operations,
//! all exact there, cut one into two whole numbers, high · 2^44 + low, so small that 2^19 of each add
//! up in 64 bits; before more have come, the excess of low is carried into high, and that of high
//! into a third number. With the count these are 256 bits, which one addition of a vector updates.
//! Integer weights are cut at 2^32.
//!
//! Rows that fall into one slot 16 times in a row are added up first: else each of them would wait
//! for the store of the one before.

use super::load::BLOCK;
use crate::ops::simd::Simd;
use crate::per_simd;

/// Bits of the window.
pub(super) const WINDOW: i32 = 86;
/// Bits of the low part of a float: at most 2^43 in size, and the high part at most 2^42.
const LOW: u32 = 44;
/// Bits of the low part of an integer.
const LOW_INTEGER: u32 = 32;
/// Rows after which low and high are carried: they then stay below 2^62.
const ROWS: usize = (1 << 19) - BLOCK;
/// Rows after which the third number could come near 2^53, and the window asks to be emptied.
const MOST_ROWS: u64 = 1 << 50;
/// 1.5 · 2^52: adding it to a float64 below 2^51 in size rounds that to a whole number, whose
/// integer is then the difference of the bits.
const ROUNDER: f64 = 6755399441055744.0;
/// Rows that are cut at a time.
pub(super) const PIECE: usize = 128;
/// Rows that are looked at together for being of one slot.
const GROUP: usize = 16;

/// Low, high, the count, and what was carried out of high.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(32))]
pub(super) struct Cell([i64; 4]);

/// The cells of one histogram by slot.
#[derive(Clone, Debug)]
pub(super) struct Window {
    cells: Vec<Cell>,
    /// Bits of the low part.
    low: u32,
    /// Rows since the last carrying.
    rows: usize,
    /// Rows since the window was empty.
    all: u64,
}

impl Window {
    /// Bytes per slot.
    pub(super) const BYTES: u64 = size_of::<Cell>() as u64;

    /// Cells of zero; `None` if there is no memory for them.
    pub(super) fn new(slots: usize, integers: bool) -> Option<Window> {
        let mut cells = Vec::new();
        cells.try_reserve_exact(slots).ok()?;
        cells.resize(slots, Cell::default());
        Some(Window { cells, low: if integers { LOW_INTEGER } else { LOW }, rows: 0, all: 0 })
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The counts by slot.
    pub(super) fn counts(&self) -> impl ExactSizeIterator<Item = u64> {
        self.cells.iter().map(|c| c.0[2] as u64)
    }

    /// The count of a slot.
    pub(super) fn count_of(&self, slot: usize) -> u64 {
        self.cells[slot].0[2] as u64
    }

    /// Adds to the count of a slot.
    pub(super) fn add_count(&mut self, slot: usize, more: u64) {
        let count = &mut self.cells[slot].0[2];
        *count = (*count as u64).saturating_add(more) as i64;
    }

    /// Sets a slot to zero.
    pub(super) fn clear(&mut self, slot: usize) {
        self.cells[slot] = Cell::default();
    }

    /// Counts rows whose weights are added elsewhere, or are zero.
    pub(super) fn count(&mut self, index: &[u32]) {
        index.iter().for_each(|&slot| self.cells[slot as usize].0[2] += 1);
    }

    /// Whether the window must be emptied before it takes more rows.
    pub(super) fn is_full(&self) -> bool {
        self.all >= MOST_ROWS
    }

    /// Prepares for at most [`BLOCK`] more rows.
    fn expect(&mut self, rows: usize) {
        if self.rows + rows > ROWS {
            let low = self.low;
            self.cells.iter_mut().for_each(|c| c.carry(low));
            self.rows = 0;
        }
        self.rows += rows;
        self.all += rows as u64;
    }

    /// Adds a block of float weights, each a whole multiple of 2^base below 2^(base + 86).
    pub(super) fn floats(
        &mut self,
        simd: Simd,
        values: &[f64],
        base: i32,
        index: &[u32],
        piece: &mut [Cell],
    ) {
        self.expect(values.len());
        for (values, index) in values.chunks(PIECE).zip(index.chunks(PIECE)) {
            let piece = &mut piece[..values.len()];
            cut(simd, values, power(-base), piece);
            add(simd, &mut self.cells, index, piece);
        }
    }

    /// Adds a block of integer weights.
    pub(super) fn integers(
        &mut self,
        simd: Simd,
        mut values: impl Iterator<Item = i128>,
        index: &[u32],
        piece: &mut [Cell],
    ) {
        self.expect(index.len());
        for index in index.chunks(PIECE) {
            let piece = &mut piece[..index.len()];
            for (cell, v) in piece.iter_mut().zip(&mut values) {
                *cell = Cell([v as u32 as i64, (v >> LOW_INTEGER) as i64, 1, 0]);
            }
            add(simd, &mut self.cells, index, piece);
        }
    }

    /// What a slot holds beside its count, as three float64, each exact; `base` is that of the floats.
    pub(super) fn parts(&self, slot: usize, base: i32) -> [f64; 3] {
        let mut cell = self.cells[slot];
        cell.carry(self.low);
        let low = self.low as i32;
        let [a, b, _, c] = cell.0;
        [a as f64 * power(base), b as f64 * power(base + low), c as f64 * power(base + 2 * low)]
    }

    /// What a slot of integers holds beside its count.
    pub(super) fn total(&self, slot: usize) -> i128 {
        let [a, b, _, c] = self.cells[slot].0.map(i128::from);
        a + (b << self.low) + (c << (2 * self.low))
    }

    /// Sets all but the counts to zero.
    pub(super) fn empty(&mut self) {
        self.cells.iter_mut().for_each(|c| c.0 = [0, 0, c.0[2], 0]);
        (self.rows, self.all) = (0, 0);
    }
}

impl Cell {
    /// Leaves low and high in 0 .. 2^`bits`.
    fn carry(&mut self, bits: u32) {
        let [low, high, count, top] = self.0;
        let high = high + (low >> bits);
        let mask = (1 << bits) - 1;
        self.0 = [low & mask, high & mask, count, top + (high >> bits)];
    }
}

/// 2^e for a normal exponent.
fn power(e: i32) -> f64 {
    f64::from_bits(((e + 1023) as u64) << 52)
}

/// `v · scale == high · 2^44 + low`, exactly; `scale` is a power of two for which that is a whole
/// number below 2^86.
#[inline(always)]
fn cut_body(values: &[f64], scale: f64, piece: &mut [Cell]) {
    let (up, down) = (power(LOW as i32), power(-(LOW as i32)));
    let whole = |v: f64| v.to_bits().wrapping_sub(ROUNDER.to_bits()) as i64;
    for (&v, cell) in values.iter().zip(piece) {
        let scaled = v * scale;
        let high = scaled * down + ROUNDER;
        let low = scaled - (high - ROUNDER) * up + ROUNDER;
        cell.0 = [whole(low), whole(high), 1, 0];
    }
}
per_simd!(fn cut(values: &[f64], scale: f64, piece: &mut [Cell]) = cut_body);

/// Adds a cell to the slot of each row.
// Loops of a fixed number of steps are what the compiler turns into vectors.
#[allow(clippy::needless_range_loop)]
#[inline(always)]
fn add_body(cells: &mut [Cell], index: &[u32], piece: &[Cell]) {
    let (groups, rest) = index.as_chunks::<GROUP>();
    let (pieces, last) = piece.as_chunks::<GROUP>();
    let one = |cells: &mut [Cell], slot: u32, add: &Cell| {
        let cell = &mut cells[slot as usize].0;
        for k in 0..4 {
            cell[k] += add.0[k];
        }
    };
    for (group, piece) in groups.iter().zip(pieces) {
        let mut differ = 0;
        for slot in group {
            differ |= slot ^ group[0];
        }
        if differ == 0 {
            let mut sum = Cell::default();
            for add in piece {
                for k in 0..4 {
                    sum.0[k] += add.0[k];
                }
            }
            one(cells, group[0], &sum);
        } else {
            for j in 0..GROUP {
                one(cells, group[j], &piece[j]);
            }
        }
    }
    for (&slot, add) in rest.iter().zip(last) {
        one(cells, slot, add);
    }
}
per_simd!(fn add(cells: &mut [Cell], index: &[u32], piece: &[Cell]) = add_body);

#[cfg(test)]
mod tests {
    use super::*;

    /// More rows than 64 bits hold, into one slot and into several, at both ends of the window.
    #[test]
    fn nothing_overflows_before_it_is_carried() {
        let most = ((1i128 << 86) - (1i128 << 33)) as f64;
        for simd in Simd::available() {
            let mut window = Window::new(4, false).unwrap();
            let mut piece = [Cell::default(); PIECE];
            let values: Vec<f64> = (0..BLOCK).map(|i| if i % 4 == 3 { -most } else { most }).collect();
            let index: Vec<u32> = (0..BLOCK as u32).map(|i| if i < 512 { i % 4 } else { 2 }).collect();
            let blocks = 3 * (1 << 19) / BLOCK;
            for _ in 0..blocks {
                window.floats(simd, &values, 0, &index, &mut piece);
            }
            let mut want = [0i128; 4];
            for (&v, &slot) in values.iter().zip(&index) {
                want[slot as usize] += v as i128 * blocks as i128;
            }
            for (slot, &want) in want.iter().enumerate() {
                let [a, b, c] = window.parts(slot, 0);
                assert_eq!(a as i128 + b as i128 + c as i128, want, "slot {slot}");
            }
            assert_eq!(window.counts().sum::<u64>(), (blocks * BLOCK) as u64);
            window.empty();
            assert_eq!(window.parts(2, 0), [0.0; 3]);
            assert_eq!(window.counts().sum::<u64>(), (blocks * BLOCK) as u64);
        }
    }

    #[test]
    fn integers_of_every_size_add_up() {
        let ends = [i64::MIN as i128, i64::MAX as i128, u64::MAX as i128, -1, 1, 0];
        for simd in Simd::available() {
            let mut window = Window::new(1, true).unwrap();
            let mut piece = [Cell::default(); PIECE];
            let blocks = (1 << 20) / BLOCK + 1;
            for end in ends {
                for _ in 0..blocks {
                    window.integers(simd, std::iter::repeat_n(end, BLOCK), &[0; BLOCK], &mut piece);
                }
            }
            assert_eq!(window.total(0), ends.iter().sum::<i128>() * (blocks * BLOCK) as i128);
        }
    }
}
