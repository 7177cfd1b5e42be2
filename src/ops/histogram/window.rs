//! Cells: a count and an exact sum of weights per slot, for weights whose exponents lie close.
//!
//! Weights in the window are whole multiples of 2^base below 2^(base + 81). A cell of 16 bytes takes at
//! least 2^14 of them before it must be emptied, one by one and not all at once: its count is part of it,
//! so one that has taken more shows.
//!
//! Few slots have eight cells each, which rows take in turn, or rows of one slot would wait for each
//! other. Up to some thousands of slots, all cells are looked through after as many rows as could fill
//! one; of more, only those of the rows just added are, where the kernel saw a high count.

use super::cut::{self, Anchors, COPIES, Cell, Done, GROUP, HALF_FULL, Wide};
use crate::ops::simd::Simd;

/// Slots beside the bins: underflow (outside), overflow, NaN, not positive, masked out.
pub(in crate::ops) const OTHERS: usize = 5;

/// Slots up to which there are copies.
const FEW: usize = 256;
/// Slots up to which looking through them is cheaper than watching each row.
const SOME: usize = 8192;
/// Rows of one cell between two looks: with those that a look leaves there, fewer than a cell takes.
const ROWS: usize = HALF_FULL - 1;

/// The cells of one histogram by slot.
#[derive(Clone, Debug)]
pub(super) struct Window {
    cells: Vec<Cell>,
    /// Rows that are in no cell any more, or never were.
    counts: Vec<u64>,
    copies: usize,
    /// The most rows of a cell since all were looked through.
    rows: usize,
}

/// Cells that are looked at together.
const LOOK: usize = 64;

/// Weights to be added, and what cuts them.
#[derive(Clone, Copy)]
pub(super) enum Rows<'a> {
    Floats(&'a [f64], Anchors),
    Wide(&'a [[u8; 8]], Wide),
}

fn zeros<T: Clone + Default>(n: usize) -> Option<Vec<T>> {
    let mut v = Vec::new();
    v.try_reserve_exact(n).ok()?;
    v.resize(n, T::default());
    Some(v)
}

impl Window {
    fn copies(slots: usize) -> usize {
        if slots <= FEW { COPIES } else { 1 }
    }

    /// Bytes per slot.
    pub(super) fn bytes_per_slot(slots: usize) -> u64 {
        (size_of::<Cell>() * Window::copies(slots) + size_of::<u64>()) as u64
    }

    /// All zero; `None` if there is no memory for them.
    pub(super) fn new(slots: usize) -> Option<Window> {
        let copies = Window::copies(slots);
        Some(Window { cells: zeros(slots.checked_mul(copies)?)?, counts: zeros(slots)?, copies, rows: 0 })
    }

    pub(super) fn len(&self) -> usize {
        self.counts.len()
    }

    fn cells_of(&self, slot: usize) -> &[Cell] {
        &self.cells[slot * self.copies..][..self.copies]
    }

    /// The counts by slot.
    pub(super) fn counts(&self) -> impl ExactSizeIterator<Item = u64> {
        (0..self.len()).map(|slot| self.count_of(slot))
    }

    /// The count of a slot.
    pub(super) fn count_of(&self, slot: usize) -> u64 {
        self.cells_of(slot).iter().fold(self.counts[slot], |n, c| n.saturating_add(c.count()))
    }

    /// What the cells of a slot hold, in units of 2^base.
    pub(super) fn sum_of(&self, slot: usize, anchors: Anchors) -> i128 {
        self.cells_of(slot).iter().map(|c| c.sum(anchors)).sum()
    }

    /// Adds to the count of a slot.
    pub(super) fn add_count(&mut self, slot: usize, more: u64) {
        self.counts[slot] = self.counts[slot].saturating_add(more);
    }

    /// Counts rows whose weights are added elsewhere, or are zero.
    pub(super) fn count(&mut self, index: &[u32]) {
        index.iter().for_each(|&slot| self.counts[slot as usize] += 1);
    }

    /// Sets a slot to zero, but for its count.
    pub(super) fn empty(&mut self, slot: usize) {
        self.counts[slot] = self.count_of(slot);
        self.cells[slot * self.copies..][..self.copies].fill(Cell::default());
    }

    /// Sets a slot to zero.
    pub(super) fn clear(&mut self, slot: usize) {
        self.empty(slot);
        self.counts[slot] = 0;
    }

    /// Whether a cell of the slot could overflow within the next [`HALF_FULL`] rows.
    pub(super) fn is_half_full(&self, slot: usize) -> bool {
        self.cells_of(slot).iter().any(|c| c.is_half_full())
    }

    /// The slots of which that is so.
    #[inline(never)]
    pub(super) fn half_full(&self) -> Vec<usize> {
        let slots = LOOK / self.copies;
        let parts = self.cells.chunks(LOOK).enumerate().filter(|(_, cells)| Cell::any_half_full(cells));
        let slots = parts.flat_map(|(k, _)| (k * slots..self.len()).take(slots));
        slots.filter(|&slot| self.is_half_full(slot)).collect()
    }

    /// Announces at most [`BLOCK`] rows. If this is true, slots that are half full must be emptied first.
    pub(super) fn expect(&mut self, rows: usize) -> bool {
        if self.len() > SOME {
            return false;
        }
        let rows = rows.div_ceil(GROUP) * (GROUP / self.copies);
        let look = self.rows + rows > ROWS;
        self.rows = if look { rows } else { self.rows + rows };
        look
    }

    /// Adds groups of rows up to the first that does not fit, and says how many rows that were. If the
    /// second value is true, slots among them that are half full must be emptied.
    pub(super) fn add(&mut self, simd: Simd, index: &[u32], rows: Rows) -> (usize, bool) {
        let many = self.len() > SOME;
        let Done { rows, seen } = if self.copies == COPIES {
            let cells = self.cells.as_chunks_mut().0;
            match rows {
                Rows::Floats(v, anchors) => cut::floats_few(simd, cells, index, v, anchors),
                Rows::Wide(v, wide) => cut::wide_few(simd, cells, index, v, wide),
            }
        } else {
            let cells = self.cells.as_chunks_mut().0;
            match rows {
                Rows::Floats(v, anchors) if many => cut::floats_many(simd, cells, index, v, anchors),
                Rows::Floats(v, anchors) => cut::floats_some(simd, cells, index, v, anchors),
                Rows::Wide(v, wide) if many => cut::wide_many(simd, cells, index, v, wide),
                Rows::Wide(v, wide) => cut::wide_some(simd, cells, index, v, wide),
            }
        };
        (rows, many && seen.is_half_full())
    }

    /// Adds row `j` of a group; true if its slot must be emptied.
    pub(super) fn add_one(&mut self, slot: usize, j: usize, more: Cell) -> bool {
        let cell = &mut self.cells[slot * self.copies + j % self.copies];
        cell.add(more);
        cell.is_half_full()
    }
}
