//! Blocks of values summed exactly in float64 lanes.
//!
//! The kernels work in units: a lane that holds multiples of 2^u and stays at or below 2^(u + 53)
//! never rounds, so it may be summed in any order. Where one lane is too narrow for a block, each
//! value is cut at common anchors, `(x + C) − C` with C = 1.5 · 2^(u + 52), into pieces that are
//! multiples of their level's unit (Demmel and Nguyen, "Parallel reproducible summation", 2015).

// loops of a fixed number of steps over lanes are what the compiler turns into vectors
#![allow(clippy::needless_range_loop)]

use super::sums::Sums;
use crate::ops::simd::Simd;
use crate::per_simd;

/// Values in a block of float64.
pub(super) const BLOCK: usize = 1024;
/// Values in a block of products of float64.
pub(super) const PRODUCT_BLOCK: usize = 512;

const LOG_BLOCK: i32 = 10;
const LANES: usize = 16;
const ABS: u64 = !(1 << 63);

/// Bits below the leading one that the values of a block can have.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Fraction {
    /// float32 (and float16) widened.
    F32 = 23,
    /// Products of two of them.
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
    let mut max = [0i64; LANES];
    let mut min = [i64::MAX; LANES];
    let chunks = v.chunks_exact(LANES);
    let rest = chunks.remainder();
    for c in chunks {
        for j in 0..LANES {
            let a = (c[j].to_bits() & ABS) as i64;
            // zero wraps around to the largest value, so that it is not the smallest
            let b = a.wrapping_sub(1) & i64::MAX;
            max[j] = if a > max[j] { a } else { max[j] };
            min[j] = if b < min[j] { b } else { min[j] };
        }
    }
    for (j, x) in rest.iter().enumerate() {
        let a = (x.to_bits() & ABS) as i64;
        max[j] = max[j].max(a);
        min[j] = min[j].min(a.wrapping_sub(1) & i64::MAX);
    }
    let max = max.iter().fold(0, |m, &x| m.max(x));
    let min = min.iter().fold(i64::MAX, |m, &x| m.min(x));
    (max as u64, min as u64 + 1)
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

/// 1.5 · 2^(unit + 52): adding and taking it away rounds to a multiple of 2^unit.
#[inline(always)]
pub(super) fn anchor(unit: i32) -> f64 {
    f64::from_bits((((unit + 52 + 1023) as u64) << 52) | 1 << 51)
}

/// Sums of K levels; the level k > 0 holds what the anchors before it left over.
#[inline(always)]
fn levels_body<const K: usize>(v: &[f64], anchors: &[f64; 2]) -> [f64; 3] {
    let mut acc = [[0f64; LANES]; K];
    let mut one = |j: usize, x: f64| {
        let mut x = x;
        for k in 0..K - 1 {
            let hi = (x + anchors[k]) - anchors[k];
            acc[k][j] += hi;
            x -= hi;
        }
        acc[K - 1][j] += x;
    };
    let chunks = v.chunks_exact(LANES);
    let rest = chunks.remainder();
    for c in chunks {
        for j in 0..LANES {
            one(j, c[j]);
        }
    }
    for (j, &x) in rest.iter().enumerate() {
        one(j, x);
    }
    let mut out = [0.0; 3];
    for k in 0..K {
        out[k] = acc[k].iter().sum();
    }
    out
}
per_simd!(fn levels1(v: &[f64], a: &[f64; 2]) -> [f64; 3] = levels_body::<1>);
per_simd!(fn levels2(v: &[f64], a: &[f64; 2]) -> [f64; 3] = levels_body::<2>);
per_simd!(fn levels3(v: &[f64], a: &[f64; 2]) -> [f64; 3] = levels_body::<3>);

/// The unit of the next level of `terms_log2` terms, each at most 2^`top`.
const fn unit(top: i32, terms_log2: i32) -> i32 {
    top + terms_log2 - 53
}

/// Adds a block of at most [`BLOCK`] values to sum `i`.
pub(super) fn add_block(sums: &mut Sums, simd: Simd, i: usize, v: &[f64], fraction: Fraction) {
    let range = match scan(simd, v) {
        Scan::Zeros => return,
        Scan::Finite(range) if range.max < 1000 && range.max > -900 => range,
        _ => return v.iter().for_each(|&x| sums.add_f64(i, x)),
    };
    let lowest = range.min - fraction as i32;
    let u0 = unit(range.max + 1, LOG_BLOCK);
    // what an anchor at unit u leaves is at most 2^(u − 1)
    let u1 = unit(u0 - 1, LOG_BLOCK);
    let u2 = unit(u1 - 1, LOG_BLOCK);
    let anchors = [anchor(u0), anchor(u1.max(-1000))];
    let parts = if lowest >= u0 {
        levels1(simd, v, &anchors)
    } else if lowest >= u1 {
        levels2(simd, v, &anchors)
    } else if lowest >= u2 && u1 >= -1000 {
        levels3(simd, v, &anchors)
    } else {
        return v.iter().for_each(|&x| sums.add_f64(i, x));
    };
    for p in parts {
        sums.add_f64(i, p);
    }
}

/// The anchor that cuts values below 2^`top`, multiples of 2^`lowest`, into two levels that sum exactly over a
/// block of [`BLOCK`], if two are enough.
pub(super) fn two_levels(top: i32, lowest: i32) -> Option<f64> {
    let u0 = unit(top, LOG_BLOCK);
    let u1 = unit(u0 - 1, LOG_BLOCK);
    (lowest >= u1 && top < 1000 && u1 >= -1000).then(|| anchor(u0))
}

const PIECES: usize = 4;
const PRODUCT_LANES: usize = 8;
/// Bits per piece: a product of two pieces has 42 bits, which leaves room for 2 · 512 of them and
/// for the doubled cross terms.
const PIECE_BITS: i32 = 21;

#[inline(always)]
fn pieces(x: f64, anchors: &[f64; 3]) -> [f64; PIECES] {
    let mut out = [0.0; PIECES];
    let mut x = x;
    for k in 0..PIECES - 1 {
        out[k] = (x + anchors[k]) - anchors[k];
        x -= out[k];
    }
    out[PIECES - 1] = x;
    out
}

#[inline(always)]
fn squares_body(v: &[f64], anchors: &[f64; 3]) -> [f64; 7] {
    let mut acc = [[0f64; PRODUCT_LANES]; 7];
    let mut one = |j: usize, x: f64| {
        let [a, b, c, d] = pieces(x, anchors);
        let twice = b + b;
        acc[0][j] += a * a;
        acc[1][j] += a * twice;
        acc[2][j] += (a + a) * c + b * b;
        acc[3][j] += a * d + b * c;
        acc[4][j] += twice * d + c * c;
        acc[5][j] += c * d;
        acc[6][j] += d * d;
    };
    let chunks = v.chunks_exact(PRODUCT_LANES);
    let rest = chunks.remainder();
    for c in chunks {
        for j in 0..PRODUCT_LANES {
            one(j, c[j]);
        }
    }
    for (j, &x) in rest.iter().enumerate() {
        one(j, x);
    }
    let mut out = acc.map(|lanes| lanes.iter().sum());
    out[3] *= 2.0;
    out[5] *= 2.0;
    out
}
per_simd!(fn squares(v: &[f64], anchors: &[f64; 3]) -> [f64; 7] = squares_body);

/// The four pieces of each value of a block.
type Pieces = [[f64; PRODUCT_BLOCK]; PIECES];

#[inline(always)]
fn cut(v: &[f64], anchors: &[f64; 3], out: &mut Pieces) {
    let [first @ .., rest] = out;
    let rest = &mut rest[..v.len()];
    rest.copy_from_slice(v);
    for (piece, &anchor) in first.iter_mut().zip(anchors) {
        for (p, r) in piece[..v.len()].iter_mut().zip(rest.iter_mut()) {
            *p = (*r + anchor) - anchor;
            *r -= *p;
        }
    }
}

#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const WIDE: usize = 32;
    let mut acc = [0f64; WIDE];
    let whole = a.len() / WIDE * WIDE;
    for (a, b) in a.chunks_exact(WIDE).zip(b.chunks_exact(WIDE)) {
        for j in 0..WIDE {
            acc[j] += a[j] * b[j];
        }
    }
    for (j, (a, b)) in a[whole..].iter().zip(&b[whole..]).enumerate() {
        acc[j] += a * b;
    }
    // exact, so any order will do
    let mut half = WIDE / 2;
    while half > 0 {
        for j in 0..half {
            acc[j] += acc[j + half];
        }
        half /= 2;
    }
    acc[0]
}

/// One dot product per pair of pieces: sixteen passes over data in the nearest cache, each simple
/// enough to become vectors, where one pass with all pieces would run out of registers.
#[inline(always)]
fn products_body(x: &[f64], y: &[f64], ax: &[f64; 3], ay: &[f64; 3]) -> [f64; 7] {
    let (mut p, mut q) = ([[0f64; PRODUCT_BLOCK]; PIECES], [[0f64; PRODUCT_BLOCK]; PIECES]);
    cut(x, ax, &mut p);
    cut(y, ay, &mut q);
    let mut levels = [0f64; 7];
    for (i, p) in p.iter().enumerate() {
        for (k, q) in q.iter().enumerate() {
            levels[i + k] += dot(&p[..x.len()], &q[..x.len()]);
        }
    }
    levels
}
per_simd!(fn products(x: &[f64], y: &[f64], ax: &[f64; 3], ay: &[f64; 3]) -> [f64; 7] = products_body);

/// The anchors that cut values of this range into four pieces, if four are enough.
///
/// With E = max + 1 the pieces are multiples of 2^(E−21), 2^(E−43), 2^(E−65) and 2^(E−87), at most
/// 2^21 units each; so the products of each level k = i + j are multiples of one unit, and 512 times
/// their number of them stay at or below 2^53 units. The bounds on `max` keep all units normal.
fn piece_anchors(range: Range) -> Option<[f64; 3]> {
    let e = range.max + 1;
    let fits = range.min - 52 >= e - PIECE_BITS * 4 - 3;
    (fits && range.max.abs() <= 400).then(|| [0, 1, 2].map(|k| anchor(e - PIECE_BITS - k * (PIECE_BITS + 1))))
}

/// Adds the exact squares of at most [`PRODUCT_BLOCK`] float64 to sum `i`.
pub(super) fn add_square_block(sums: &mut Sums, simd: Simd, i: usize, v: &[f64]) {
    let anchors = match scan(simd, v) {
        Scan::Zeros => return,
        Scan::Finite(range) => piece_anchors(range),
        Scan::NotFinite => None,
    };
    match anchors {
        Some(anchors) => squares(simd, v, &anchors).into_iter().for_each(|p| sums.add_f64(i, p)),
        None => v.iter().for_each(|&x| sums.add_product_at(i, x, x)),
    }
}

/// Adds the exact products of at most [`PRODUCT_BLOCK`] pairs of float64 to sum `i`.
pub(super) fn add_product_block(sums: &mut Sums, simd: Simd, i: usize, x: &[f64], y: &[f64]) {
    let anchors = match (scan(simd, x), scan(simd, y)) {
        (Scan::Finite(a), Scan::Finite(b)) => piece_anchors(a).zip(piece_anchors(b)),
        _ => None,
    };
    match anchors {
        Some((ax, ay)) => products(simd, x, y, &ax, &ay).into_iter().for_each(|p| sums.add_f64(i, p)),
        None => x.iter().zip(y).for_each(|(&a, &b)| sums.add_product_at(i, a, b)),
    }
}
