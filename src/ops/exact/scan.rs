//! The exponents of values, at vector speed.

// loops of a fixed number of steps over lanes are what the compiler turns into vectors
#![allow(clippy::needless_range_loop)]

use crate::ops::simd::Simd;
use crate::per_simd;

const LANES: usize = 16;

/// Bits below the leading one that the values of a block can have.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Fraction {
    /// Products of two float32 (or float16).
    F32Product = 47,
    /// Any float64.
    F64 = 52,
}

/// The exponents of the largest and the smallest non-zero value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub min: i32,
    pub max: i32,
}

impl Range {
    pub fn span(self) -> i32 {
        self.max - self.min
    }

    pub fn with(self, other: Range) -> Range {
        Range { min: self.min.min(other.min), max: self.max.max(other.max) }
    }
}

/// What a block's exponents are.
pub(super) enum Scan {
    Zeros,
    NotFinite,
    Finite(Range),
}

#[inline(always)]
fn scan_body(v: &[f64]) -> (u64, u64) {
    let mut max = [0f64; LANES];
    let mut min = [f64::INFINITY; LANES];
    let mut special = [0u64; LANES];
    let mut one = |c: &[f64; LANES]| {
        for j in 0..LANES {
            let a = c[j].abs();
            // a zero becomes a NaN here, which no comparison lets in
            let b = f64::from_bits(a.to_bits().wrapping_sub(1));
            max[j] = if a > max[j] { a } else { max[j] };
            min[j] = if b < min[j] { b } else { min[j] };
            // a NaN for what is not finite, else zero
            special[j] |= (a * 0.0).to_bits();
        }
    };
    let (chunks, tail) = v.as_chunks::<LANES>();
    chunks.iter().for_each(&mut one);
    if !tail.is_empty() {
        let mut c = [0.0; LANES];
        c[..tail.len()].copy_from_slice(tail);
        one(&c);
    }
    // the NaN of an infinity can have a sign
    let special = special.iter().fold(0, |m, &x| m | x) & !(1 << 63);
    let max = max.iter().fold(0, |m, &x| x.to_bits().max(m));
    let min = min.iter().fold(u64::MAX, |m, &x| x.to_bits().min(m));
    (max | special, min.wrapping_add(1))
}
per_simd!(fn scan_bits(v: &[f64]) -> (u64, u64) = scan_body);

/// The exponents of `v`.
pub(super) fn scan(simd: Simd, v: &[f64]) -> Scan {
    let (max, min) = scan_bits(simd, v);
    let exponent = |bits: u64| (bits >> 52).max(1) as i32 - 1023;
    if max == 0 {
        Scan::Zeros
    } else if max >> 52 == 0x7ff {
        Scan::NotFinite
    } else {
        Scan::Finite(Range { min: exponent(min), max: exponent(max) })
    }
}
