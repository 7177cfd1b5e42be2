//! Exact products of float64: the rounded product and its error, at vector speed.
//!
//! Each factor is rounded to its upper 26 bits, which leaves 26 and a sign: products of such halves
//! are exact, and so is the error put together from them (Dekker, Numerische Mathematik 18, 1971). Where
//! there is a fused multiply-add, it gives the same error at once. The products and the errors are two streams of float64, and summed as such.
//!
//! Factors must lie within bounds so that no product overflows and no error has bits below 2^-1074;
//! the others are multiplied one by one.

use super::anchored::Held;
use super::lanes::{BLOCK, above};
use super::pairs::{two_product, two_square};
use super::scan::{Range, Scan, scan};
use super::sums::Sums;
use crate::ops::simd::Simd;

/// Pairs in a block: two streams of them and the factors fit the nearest cache.
const PAIRS: usize = BLOCK / 2;
/// Factors are below 2^HIGHEST, and multiples of 2^LOWEST.
const HIGHEST: i32 = 500;
const LOWEST: i32 = -500;
/// Bits that three levels hold.
const HELD: i32 = 131;

/// The exponents of the values that are not zero; `None` if some are not finite.
fn look(simd: Simd, v: &[f64]) -> Option<Range> {
    match scan(simd, v) {
        Scan::Zeros => Some(Range { min: 0, max: 0 }),
        Scan::NotFinite => None,
        Scan::Finite(range) => Some(range),
    }
}

/// Whether values that are multiples of 2^`unit` and below 2^`top` are factors within the bounds.
fn is_within_bounds(unit: i32, top: i32) -> bool {
    top <= HIGHEST && unit >= LOWEST
}

/// Products and errors of a block.
struct Streams {
    products: [f64; PAIRS],
    errors: [f64; PAIRS],
}

impl Streams {
    fn new() -> Streams {
        Streams { products: [0.0; PAIRS], errors: [0.0; PAIRS] }
    }

    /// Adds the first `len` to sum `i`; the products are at most 2^`top`.
    fn add_to(&self, sums: &mut Sums, simd: Simd, i: usize, len: usize, top: i32) {
        // an error is at most half of the product's last bit
        for (k, (top, stream)) in [(top, &self.products), (top - 53, &self.errors)].into_iter().enumerate() {
            let mut guess = sums.guesses[k].below(top);
            sums.add_block(simd, i, &stream[..len], &mut guess);
            sums.guesses[k] = guess;
        }
    }
}

impl Sums {
    /// Adds the exact squares of `v` to sum `i`.
    pub(super) fn add_squares_f64(&mut self, simd: Simd, i: usize, v: &[f64]) {
        let mut streams = Streams::new();
        v.chunks(PAIRS).for_each(|b| self.add_square_block(simd, i, b, None, &mut streams));
    }

    /// Adds `v` to sum `i`, and the exact squares to sum `i` of `squares`.
    pub(super) fn add_moments_f64(&mut self, squares: &mut Sums, simd: Simd, i: usize, v: &[f64]) {
        let mut streams = Streams::new();
        let mut guess = self.guesses[0].beginning_with(v.iter().copied());
        for b in v.chunks(PAIRS) {
            // the sum has looked already
            let held = self.add_block(simd, i, b, &mut guess);
            squares.add_square_block(simd, i, b, held, &mut streams);
        }
        self.guesses[0] = guess;
    }

    fn add_square_block(
        &mut self,
        simd: Simd,
        i: usize,
        v: &[f64],
        held: Option<Held>,
        streams: &mut Streams,
    ) {
        let is_simple = self.guesses.iter().all(|g| g.doubt == 0);
        if let Some(held) = held.filter(|h| is_simple && is_within_bounds(h.unit, above(h.max))) {
            if held.max != 0.0 {
                two_square(simd, v, &mut streams.products, &mut streams.errors);
                streams.add_to(self, simd, i, v.len(), 2 * above(held.max));
            }
        } else {
            self.add_product_block(simd, i, v, v, streams);
        }
    }

    /// Adds the exact products of pairs to sum `i`. The slices have one length.
    pub(super) fn add_products_f64(&mut self, simd: Simd, i: usize, a: &[f64], b: &[f64]) {
        let mut streams = Streams::new();
        for (a, b) in a.chunks(PAIRS).zip(b.chunks(PAIRS)) {
            self.add_product_block(simd, i, a, b, &mut streams);
        }
    }

    #[inline(never)]
    fn add_product_block(&mut self, simd: Simd, i: usize, a: &[f64], b: &[f64], streams: &mut Streams) {
        let (Some(x), Some(y)) = (look(simd, a), look(simd, b)) else {
            return self.add_products_each(i, a, b);
        };
        let is_simple = self.guesses[0].doubt == 0 || x.span() + y.span() + 2 + 53 <= HELD;
        let is_safe = |r: Range| is_within_bounds(r.min - 52, r.max + 1);
        if is_simple && is_safe(x) && is_safe(y) {
            two_product(simd, a, b, &mut streams.products, &mut streams.errors);
            streams.add_to(self, simd, i, a.len(), x.max + y.max + 2);
        } else {
            self.guesses[0].doubt = self.guesses[0].doubt.saturating_sub(1);
            self.add_products_binned(simd, i, [a, b], [x, y]);
        }
    }
}
