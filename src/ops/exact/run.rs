//! Contiguous slices into one sum, at vector speed.

use super::Term;
use super::guess::Guess;
use super::lanes::{BLOCK, Products, Widened, above, anchor};
use super::scan::Range;
use super::sums::Sums;
use crate::ops::simd::Simd;
use crate::per_simd;

/// Values in a block of float32: 2^11 of them with 24 bits each, over 18 exponents, fill 53 bits.
const F32_BLOCK: usize = 2048;
const F32_SPAN: i32 = 18;
/// Finite values are below 2^F32_TOP.
const F32_TOP: i32 = 128;
const F32_LANES: usize = 32;
/// Fewer lanes, since each has two sums.
const SQUARE_LANES: usize = 16;
const F32_ABS: u32 = 0x7fff_ffff;

/// The plain sum, and the bits of the largest and of the smallest non-zero magnitude.
#[inline(always)]
fn block_f32_body(v: &[f32]) -> (f64, u32, u32) {
    let mut acc = [0f64; F32_LANES];
    let mut max = [0u32; F32_LANES];
    let mut min = [u32::MAX; F32_LANES];
    let chunks = v.chunks_exact(F32_LANES);
    let rest = chunks.remainder();
    for c in chunks {
        for j in 0..F32_LANES {
            let a = c[j].to_bits() & F32_ABS;
            acc[j] += c[j] as f64;
            max[j] = max[j].max(a);
            // zero wraps around, so that it is not the smallest
            min[j] = min[j].min(a.wrapping_sub(1));
        }
    }
    for (j, &x) in rest.iter().enumerate() {
        let a = x.to_bits() & F32_ABS;
        acc[j] += x as f64;
        max[j] = max[j].max(a);
        min[j] = min[j].min(a.wrapping_sub(1));
    }
    let max = max.iter().fold(0, |m, &x| m.max(x));
    let min = min.iter().fold(u32::MAX, |m, &x| m.min(x));
    (acc.iter().sum(), max, min.wrapping_add(1))
}
per_simd!(fn block_f32(v: &[f32]) -> (f64, u32, u32) = block_f32_body);

/// Sums of the exact squares in two levels: what the anchor rounds them to, and what it leaves. The levels
/// go through memory: in one loop the compiler would pair them up instead of neighbouring values.
#[inline(always)]
fn squares_f32_body(v: &[f32], anchor: f64) -> [f64; 2] {
    const PART: usize = 128;
    let mut acc = [[0f64; SQUARE_LANES]; 2];
    let (mut high, mut low) = ([0f64; PART], [0f64; PART]);
    for part in v.chunks(PART) {
        for ((high, low), &x) in high.iter_mut().zip(&mut low).zip(part) {
            let square = x as f64 * x as f64;
            *high = (square + anchor) - anchor;
            *low = square - *high;
        }
        for (acc, level) in acc.iter_mut().zip([&mut high, &mut low]) {
            level[part.len()..].fill(0.0);
            for c in level.chunks_exact(SQUARE_LANES) {
                for j in 0..SQUARE_LANES {
                    acc[j] += c[j];
                }
            }
        }
    }
    acc.map(|lanes| lanes.iter().sum())
}
per_simd!(fn squares_f32(v: &[f32], anchor: f64) -> [f64; 2] = squares_f32_body);

/// The exponents of the values of a block that are not zero, if all are finite.
#[derive(Clone, Copy)]
enum Look {
    Zeros,
    Finite(Range),
    NotFinite,
}

/// float32 of these exponents are multiples of 2 to this.
fn lowest_bit(range: Range) -> i32 {
    (range.min - 23).max(Term::F32.low())
}

/// Adds at most [`F32_BLOCK`] values to sum `i`.
fn add_block_f32(sums: &mut Sums, simd: Simd, i: usize, v: &[f32]) -> Look {
    let (sum, max, min) = block_f32(simd, v);
    if max == 0 {
        return Look::Zeros;
    }
    // of float64, for which no float32 is subnormal
    let exponent = |bits: u32| above(f32::from_bits(bits) as f64) - 1;
    let range = Range { min: exponent(min), max: exponent(max) };
    if range.max >= F32_TOP {
        sums.add_block(simd, i, Widened(v), &mut Guess::in_doubt());
        return Look::NotFinite;
    }
    // subnormal ones are multiples of a higher bit than their exponent would have them be
    if range.max - 23 - lowest_bit(range) <= F32_SPAN {
        sums.add_f64(i, sum);
    } else {
        sums.add_within(simd, i, Widened(v), range, lowest_bit(range));
    }
    Look::Finite(range)
}

/// Adds the squares of at most [`F32_BLOCK`] values to sum `i`.
fn add_squares_block_f32(squares: &mut Sums, simd: Simd, i: usize, v: &[f32], look: Look) {
    const ROOM: i32 = 53 - F32_BLOCK.ilog2() as i32;
    let range = match look {
        Look::Zeros => return,
        Look::Finite(range) => range,
        Look::NotFinite => {
            squares.add_block(simd, i, Products(v, v), &mut Guess::in_doubt());
            return;
        }
    };
    let (top, unit) = (2 * (range.max + 1), 2 * lowest_bit(range));
    let high = top - ROOM;
    // what the anchor leaves is at most half its unit
    if unit >= high - 1 - ROOM {
        let [a, b] = squares_f32(simd, v, anchor(high));
        squares.add_f64(i, a);
        squares.add_f64(i, b);
    } else {
        let range = Range { min: 2 * range.min, max: top - 1 };
        squares.add_within(simd, i, Products(v, v), range, unit);
    }
}

/// A float that has a vector path: f32, f64.
pub trait Run: Copy {
    /// See [`Sums::add_moments_run`].
    fn add_moments_run(sums: &mut Sums, squares: &mut Sums, simd: Simd, i: usize, v: &[Self]) {
        sums.add_run(simd, i, v);
        squares.add_squares_run(simd, i, v);
    }

    /// See [`Sums::add_run`].
    fn add_run(sums: &mut Sums, simd: Simd, i: usize, v: &[Self]);
    /// See [`Sums::add_squares_run`].
    fn add_squares_run(sums: &mut Sums, simd: Simd, i: usize, v: &[Self]);
    /// See [`Sums::add_products_run`].
    fn add_products_run(sums: &mut Sums, simd: Simd, i: usize, a: &[Self], b: &[Self]);
}

impl Sums {
    /// Adds every value of `v` (f32 or f64) to sum `i`.
    pub fn add_run<T: Run>(&mut self, simd: Simd, i: usize, v: &[T]) {
        if !self.is_nan(i) {
            T::add_run(self, simd, i, v);
        }
    }

    /// Adds every value of `v` to sum `i`, and its exact square to sum `i` of `squares`; terms as for
    /// [`Sums::add_run`] and [`Sums::add_squares_run`].
    pub fn add_moments_run<T: Run>(&mut self, squares: &mut Sums, simd: Simd, i: usize, v: &[T]) {
        T::add_moments_run(self, squares, simd, i, v);
    }

    /// Adds the exact square of every value of `v` (f32 into a product term, f64 into
    /// [`Term::F64Product`](super::Term::F64Product)) to sum `i`.
    pub fn add_squares_run<T: Run>(&mut self, simd: Simd, i: usize, v: &[T]) {
        if !self.is_nan(i) {
            T::add_squares_run(self, simd, i, v);
        }
    }

    /// Adds the exact product of every pair to sum `i`; terms as for the squares. The slices have
    /// one length.
    pub fn add_products_run<T: Run>(&mut self, simd: Simd, i: usize, a: &[T], b: &[T]) {
        assert_eq!(a.len(), b.len());
        if !self.is_nan(i) {
            T::add_products_run(self, simd, i, a, b);
        }
    }
}

/// Shorter slices are added one by one.
const SHORT: usize = 16;

impl Run for f32 {
    /// One look at the exponents serves both sums.
    fn add_moments_run(sums: &mut Sums, squares: &mut Sums, simd: Simd, i: usize, v: &[f32]) {
        if v.len() < SHORT || sums.is_nan(i) || squares.is_nan(i) {
            sums.add_run(simd, i, v);
            return squares.add_squares_run(simd, i, v);
        }
        for block in v.chunks(F32_BLOCK) {
            let look = add_block_f32(sums, simd, i, block);
            add_squares_block_f32(squares, simd, i, block, look);
        }
    }

    fn add_run(sums: &mut Sums, simd: Simd, i: usize, v: &[f32]) {
        if v.len() < SHORT {
            return sums.add_each(i, v.iter().map(|&x| x as f64));
        }
        for block in v.chunks(F32_BLOCK) {
            add_block_f32(sums, simd, i, block);
        }
    }

    fn add_squares_run(sums: &mut Sums, simd: Simd, i: usize, v: &[f32]) {
        f32::add_products_run(sums, simd, i, v, v);
    }

    fn add_products_run(sums: &mut Sums, simd: Simd, i: usize, a: &[f32], b: &[f32]) {
        if a.len() < SHORT {
            return sums.add_each(i, a.iter().zip(b).map(|(&x, &y)| x as f64 * y as f64));
        }
        let products = a.iter().zip(b).map(|(&x, &y)| x as f64 * y as f64);
        let mut guess = sums.guesses[0].beginning_with(products);
        for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
            sums.add_block(simd, i, Products(a, b), &mut guess);
        }
        sums.guesses[0] = guess;
    }
}

impl Run for f64 {
    fn add_moments_run(sums: &mut Sums, squares: &mut Sums, simd: Simd, i: usize, v: &[f64]) {
        if v.len() < SHORT || sums.is_nan(i) || squares.is_nan(i) {
            sums.add_run(simd, i, v);
            return squares.add_squares_run(simd, i, v);
        }
        sums.add_moments_f64(squares, simd, i, v);
    }

    fn add_run(sums: &mut Sums, simd: Simd, i: usize, v: &[f64]) {
        if v.len() < SHORT {
            return sums.add_each(i, v.iter().copied());
        }
        let mut guess = sums.guesses[0].beginning_with(v.iter().copied());
        for block in v.chunks(BLOCK) {
            sums.add_block(simd, i, block, &mut guess);
        }
        sums.guesses[0] = guess;
    }

    fn add_squares_run(sums: &mut Sums, simd: Simd, i: usize, v: &[f64]) {
        if v.len() < SHORT {
            return sums.add_products_each(i, v, v);
        }
        sums.add_squares_f64(simd, i, v);
    }

    fn add_products_run(sums: &mut Sums, simd: Simd, i: usize, a: &[f64], b: &[f64]) {
        if a.len() < SHORT {
            return sums.add_products_each(i, a, b);
        }
        sums.add_products_f64(simd, i, a, b);
    }
}
