//! Contiguous slices into one sum, at vector speed.

use super::split::{
    BLOCK, Fraction, PRODUCT_BLOCK, add_block, add_product_block, add_square_block, two_levels,
};
use super::sums::Sums;
use crate::ops::simd::Simd;
use crate::per_simd;

/// Values in a block of float32: 2^11 of them with 24 bits each, over 18 exponents, fill 53 bits.
const F32_BLOCK: usize = 2048;
const F32_SPAN: u32 = 18;
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

/// Whether a block with these magnitudes sums exactly in one lane.
fn spans_little(max: u32, min: u32) -> bool {
    let exponent = |bits: u32| (bits >> 23).max(1);
    exponent(max) != 0xff && exponent(max) - exponent(min) <= F32_SPAN
}

#[inline(always)]
fn widen_body(v: &[f32], out: &mut [f64]) {
    for (o, &x) in out.iter_mut().zip(v) {
        *o = x as f64;
    }
}
per_simd!(fn widen(v: &[f32], out: &mut [f64]) = widen_body);

#[inline(always)]
fn multiply_body(a: &[f32], b: &[f32], out: &mut [f64]) {
    for ((o, &x), &y) in out.iter_mut().zip(a).zip(b) {
        *o = x as f64 * y as f64;
    }
}
per_simd!(pub(super) fn multiply(a: &[f32], b: &[f32], out: &mut [f64]) = multiply_body);

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

/// The anchor that cuts the squares of a block of [`BLOCK`] float32 into two levels, if two are enough.
/// `max` and `min` are the bits of the largest and the smallest magnitude that is not zero.
fn square_anchor(max: u32, min: u32) -> Option<f64> {
    let exponent = |bits: u32| (bits >> 23).max(1) as i32 - 127;
    // Squares are below 2^top and multiples of 2^lowest.
    let (top, lowest) = (2 * exponent(max) + 2, 2 * (exponent(min) - 23));
    two_levels(top, lowest).filter(|_| max >> 23 != 0xff)
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
const SHORT: usize = 8;

impl Run for f32 {
    /// One look at the exponents serves both sums.
    fn add_moments_run(sums: &mut Sums, squares: &mut Sums, simd: Simd, i: usize, v: &[f32]) {
        if v.len() < SHORT || sums.is_nan(i) || squares.is_nan(i) {
            sums.add_run(simd, i, v);
            return squares.add_squares_run(simd, i, v);
        }
        for block in v.chunks(BLOCK) {
            let (sum, max, min) = block_f32(simd, block);
            match square_anchor(max, min) {
                _ if max == 0 => {}
                Some(anchor) if spans_little(max, min) => {
                    sums.add_f64(i, sum);
                    squares_f32(simd, block, anchor).into_iter().for_each(|p| squares.add_f64(i, p));
                }
                _ => {
                    sums.add_run(simd, i, block);
                    squares.add_squares_run(simd, i, block);
                }
            }
        }
    }

    fn add_run(sums: &mut Sums, simd: Simd, i: usize, v: &[f32]) {
        if v.len() < SHORT {
            return v.iter().for_each(|&x| sums.add_f64(i, x as f64));
        }
        for block in v.chunks(F32_BLOCK) {
            let (sum, max, min) = block_f32(simd, block);
            if max == 0 {
                continue;
            } else if spans_little(max, min) {
                sums.add_f64(i, sum);
            } else {
                let mut wide = [0f64; BLOCK];
                for part in block.chunks(BLOCK) {
                    widen(simd, part, &mut wide);
                    add_block(sums, simd, i, &wide[..part.len()], Fraction::F32);
                }
            }
        }
    }

    fn add_squares_run(sums: &mut Sums, simd: Simd, i: usize, v: &[f32]) {
        f32::add_products_run(sums, simd, i, v, v);
    }

    fn add_products_run(sums: &mut Sums, simd: Simd, i: usize, a: &[f32], b: &[f32]) {
        if a.len() < SHORT {
            return a.iter().zip(b).for_each(|(&x, &y)| sums.add_product_at(i, x, y));
        }
        let mut wide = [0f64; BLOCK];
        for (a, b) in a.chunks(BLOCK).zip(b.chunks(BLOCK)) {
            multiply(simd, a, b, &mut wide);
            add_block(sums, simd, i, &wide[..a.len()], Fraction::F32Product);
        }
    }
}

impl Run for f64 {
    fn add_run(sums: &mut Sums, simd: Simd, i: usize, v: &[f64]) {
        if v.len() < SHORT {
            return v.iter().for_each(|&x| sums.add_f64(i, x));
        }
        v.chunks(BLOCK).for_each(|b| add_block(sums, simd, i, b, Fraction::F64));
    }

    fn add_squares_run(sums: &mut Sums, simd: Simd, i: usize, v: &[f64]) {
        if v.len() < SHORT {
            return v.iter().for_each(|&x| sums.add_product_at(i, x, x));
        }
        v.chunks(PRODUCT_BLOCK).for_each(|b| add_square_block(sums, simd, i, b));
    }

    fn add_products_run(sums: &mut Sums, simd: Simd, i: usize, a: &[f64], b: &[f64]) {
        if a.len() < SHORT {
            return a.iter().zip(b).for_each(|(&x, &y)| sums.add_product_at(i, x, y));
        }
        for (a, b) in a.chunks(PRODUCT_BLOCK).zip(b.chunks(PRODUCT_BLOCK)) {
            add_product_block(sums, simd, i, a, b);
        }
    }
}
