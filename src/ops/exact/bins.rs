//! Blocks of float64 of many exponents: one bin per exponent.
//!
//! The significands of the values of one exponent are integers of one unit, so that they add up in a 64-bit bin,
//! and nothing depends on what the exponents are (the idea of Neal's large superaccumulator, arXiv:1505.05571).
//! A bin has room for 2^10 of them, signs included. Neighbours in the data go to different copies of the
//! bins: where one exponent is frequent, an addition need not wait until the one before it has been stored.
//! When the block is in, the bins of 32 exponents at a time become one number, and only these enter the accumulator.
//!
//! The product of two significands has 106 bits; its halves of 53 go to the bins of their exponents.
//!
//! The bins live on the stack for one block: at most 33 KiB.

// loops of a fixed number of steps over lanes are what the compiler turns into vectors
#![allow(clippy::needless_range_loop)]

use super::scan::Range;
use super::sums::{Sums, parts};
use crate::ops::simd::Simd;
use crate::per_simd;

/// Additions that a bin can take.
const ROOM: usize = 1 << 10;
/// Values whose significands and exponents are taken apart at a time.
const PART: usize = 64;
/// Bins that become one number at vector speed; two such groups are those of one digit of an accumulator.
const GROUP: usize = 16;
/// Bits of the lower half of a product.
const HALF: usize = 53;

/// Bins of `W` exponents. The k-th bins of all groups lie together, so that groups are gathered side by side.
type Bins<const W: usize, const COPIES: usize> = [[i64; W]; COPIES];

/// Where the bin of an exponent lies.
#[inline(always)]
const fn place<const W: usize>(exponent: u16) -> u16 {
    exponent % GROUP as u16 * (W / GROUP) as u16 + exponent / GROUP as u16
}

/// The last, short part of a slice, filled up with zeros.
#[inline(always)]
fn padded(tail: &[f64]) -> [f64; PART] {
    let mut part = [0.0; PART];
    part[..tail.len()].copy_from_slice(tail);
    part
}

/// Values of fields from `lowest` on.
#[inline(always)]
fn fill_part<const W: usize, const COPIES: usize>(v: &[f64; PART], lowest: i64, bins: &mut Bins<W, COPIES>) {
    let (mut at, mut m) = ([0u16; PART], [0i64; PART]);
    for k in 0..PART {
        let (field, significand) = parts(v[k]);
        // a zero may lie lower
        at[k] = place::<W>((field as i64 - lowest).max(0) as u16);
        m[k] = significand;
    }
    for k in (0..PART).step_by(COPIES) {
        for c in 0..COPIES {
            bins[c][at[k + c] as usize] += m[k + c];
        }
    }
}

#[inline(always)]
fn fill_body<const W: usize, const COPIES: usize>(v: &[f64], lowest: i64, bins: &mut Bins<W, COPIES>) {
    let (whole, tail) = v.as_chunks::<PART>();
    // loops, not closures: those could be compiled without the vector instructions of their caller
    for v in whole {
        fill_part(v, lowest, bins);
    }
    if !tail.is_empty() {
        fill_part(&padded(tail), lowest, bins);
    }
}
per_simd!(fn fill_some(v: &[f64], lowest: i64, bins: &mut Bins<256, 4>) = fill_body::<256, 4>);
per_simd!(fn fill_all(v: &[f64], lowest: i64, bins: &mut Bins<2112, 2>) = fill_body::<2112, 2>);

/// Products of pairs, whose fields add up to `lowest` or more.
#[inline(always)]
fn multiply_part<const W: usize, const COPIES: usize>(
    [a, b]: [&[f64; PART]; 2],
    lowest: i64,
    bins: &mut Bins<W, COPIES>,
) {
    let (mut low, mut high) = ([0u16; PART], [0u16; PART]);
    let (mut m, mut n) = ([0i64; PART], [0i64; PART]);
    for k in 0..PART {
        let ((f, x), (g, y)) = (parts(a[k]), parts(b[k]));
        let at = ((f + g) as i64 - lowest).max(0) as u16;
        (low[k], high[k]) = (place::<W>(at), place::<W>(at + HALF as u16));
        (m[k], n[k]) = (x, y);
    }
    for k in (0..PART).step_by(COPIES) {
        for c in 0..COPIES {
            let product = m[k + c] as i128 * n[k + c] as i128;
            // the lower half is not negative
            bins[c][low[k + c] as usize] += product as i64 & ((1 << HALF) - 1);
            bins[c][high[k + c] as usize] += (product >> HALF) as i64;
        }
    }
}

#[inline(always)]
fn multiply_body<const W: usize, const COPIES: usize>(
    a: &[f64],
    b: &[f64],
    lowest: i64,
    bins: &mut Bins<W, COPIES>,
) {
    let ((whole, x), (others, y)) = (a.as_chunks::<PART>(), b.as_chunks::<PART>());
    for (a, b) in whole.iter().zip(others) {
        multiply_part([a, b], lowest, bins);
    }
    if !x.is_empty() {
        multiply_part([&padded(x), &padded(y)], lowest, bins);
    }
}
per_simd!(fn multiply_some(a: &[f64], b: &[f64], lowest: i64, bins: &mut Bins<512, 4>) = multiply_body::<512, 4>);
per_simd!(fn multiply_all(a: &[f64], b: &[f64], lowest: i64, bins: &mut Bins<4224, 1>) = multiply_body::<4224, 1>);

/// Σ bins\[k\] · 2^k of every group, as low + high · 2^32.
#[inline(always)]
fn gather_body<const W: usize, const COPIES: usize>(bins: &Bins<W, COPIES>, groups: &mut Groups) {
    let groups = [&mut groups.low[..W / GROUP], &mut groups.high[..W / GROUP]];
    let [low, high] = groups;
    for k in 0..GROUP {
        for copy in bins {
            let row = &copy[k * (W / GROUP)..][..W / GROUP];
            for ((low, high), &bin) in low.iter_mut().zip(high.iter_mut()).zip(row) {
                *low += (bin & 0xffff_ffff) << k;
                *high += bin >> 32 << k;
            }
        }
    }
}
per_simd!(fn gather_some(bins: &Bins<256, 4>, groups: &mut Groups) = gather_body::<256, 4>);
per_simd!(fn gather_all(bins: &Bins<2112, 2>, groups: &mut Groups) = gather_body::<2112, 2>);
per_simd!(fn gather_products_some(bins: &Bins<512, 4>, groups: &mut Groups) = gather_body::<512, 4>);
per_simd!(fn gather_products_all(bins: &Bins<4224, 1>, groups: &mut Groups) = gather_body::<4224, 1>);

/// What groups of bins become.
struct Groups {
    low: [i64; 4224 / GROUP],
    high: [i64; 4224 / GROUP],
}

/// Values that bins can take at once.
pub(super) const BINNED: usize = 2 * ROOM;
/// Pairs that bins can take at once.
pub(super) const BINNED_PAIRS: usize = ROOM;
/// Fewer values, or four times as many of a large span, are added sooner one by one.
const FEW: usize = 64;

impl Sums {
    /// Adds at most [`BINNED`] finite values to sum `i`; the exponents of those that are not zero lie within
    /// `range`.
    #[inline(never)]
    pub(super) fn add_binned(&mut self, simd: Simd, i: usize, v: &[f64], range: Range) {
        debug_assert!(v.len() <= BINNED);
        // the first bin is the unit of a digit
        let below = (range.min - 52 - self.term.low()).rem_euclid(32);
        let lowest = (range.min + 1023 - below) as i64;
        let count = (range.span() + below) as usize + 1;
        let few = if count <= 256 { FEW } else { 4 * FEW };
        if v.len() < few {
            return self.add_each(i, v.iter().copied());
        }
        let mut groups = Groups { low: [0; 4224 / GROUP], high: [0; 4224 / GROUP] };
        if count <= 256 {
            let mut bins = [[0; 256]; 4];
            fill_some(simd, v, lowest, &mut bins);
            gather_some(simd, &bins, &mut groups);
        } else {
            let mut bins = [[0; 2112]; 2];
            fill_all(simd, v, lowest, &mut bins);
            gather_all(simd, &bins, &mut groups);
        }
        self.add_groups(i, &groups, range.min - 52 - below, count);
    }

    /// Adds the products of at most [`BINNED_PAIRS`] pairs of finite values to sum `i` of
    /// [`Term::F64Product`](super::Term::F64Product); the exponents of the factors that are not zero lie within
    /// `ranges`.
    #[inline(never)]
    pub(super) fn add_products_binned(
        &mut self,
        simd: Simd,
        i: usize,
        [a, b]: [&[f64]; 2],
        ranges: [Range; 2],
    ) {
        debug_assert!(a.len() <= BINNED_PAIRS);
        let [x, y] = ranges;
        let below = (x.min + y.min - 104 - self.term.low()).rem_euclid(32);
        let lowest = (x.min + y.min + 2 * 1023 - below) as i64;
        let count = (x.span() + y.span() + below) as usize + HALF + 1;
        let few = if count <= 512 { FEW } else { 2 * FEW };
        if a.len() < few {
            return self.add_products_each(i, a, b);
        }
        let mut groups = Groups { low: [0; 4224 / GROUP], high: [0; 4224 / GROUP] };
        if count <= 512 {
            let mut bins = [[0; 512]; 4];
            multiply_some(simd, a, b, lowest, &mut bins);
            gather_products_some(simd, &bins, &mut groups);
        } else {
            let mut bins = [[0; 4224]; 1];
            multiply_all(simd, a, b, lowest, &mut bins);
            gather_products_all(simd, &bins, &mut groups);
        }
        self.add_groups(i, &groups, x.min + y.min - 104 - below, count);
    }

    /// Adds what was gathered from the first `count` bins, of which the first has the unit 2^`unit`.
    fn add_groups(&mut self, i: usize, groups: &Groups, unit: i32, count: usize) {
        let number = |g: usize| groups.low[g] as i128 + ((groups.high[g] as i128) << 32);
        let first = (unit - self.term.low()) / 32;
        for k in 0..count.div_ceil(2 * GROUP) {
            let n = number(2 * k) + (number(2 * k + 1) << GROUP);
            match usize::try_from(first + k as i32) {
                Ok(digit) if n != 0 => self.add_at_digit(i, n, digit),
                // values that begin below the lowest unit have zeros there
                Err(_) => self.add_at_digit(i, n >> (-32 * (first + k as i32)).min(127), 0),
                _ => {}
            }
        }
    }
}
