//! Sums of floats, of their squares, and of weighted values, for `sum`, `mean`, `var`, `std` and
//! `average`.
//!
//! Values that a mask or a `nan*` row leaves out are replaced by zeros in a small buffer, which
//! changes no sum, so that the vector kernels run on all data.

use super::tally::Tally;
use super::tile::Along;
use super::value::{Part, Value};
use crate::ops::exact::{self, AnySums, Term};
use crate::ops::simd::Simd;
use half::f16;
use serde::{Deserialize, Serialize};

/// Values prepared at a time; also keeps the two passes of a variance in the nearest cache.
const BLOCK: usize = 2048;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Moments {
    /// Σx, or Σwx.
    pub sums: AnySums,
    /// Σx², or Σw.
    pub second: Option<AnySums>,
    /// Values that were there; empty where not wanted.
    pub counts: Tally,
}

/// float32 and float64: what has exact vector kernels.
pub(super) trait Real: exact::Run + exact::Addend + Into<f64> + bytemuck::Pod {
    const ZERO: Self;
    fn add_row(sums: &mut AnySums, simd: Simd, base: usize, v: &[Self]);
    fn add_products_row(sums: &mut AnySums, simd: Simd, base: usize, a: &[Self], b: &[Self]);
}

impl Real for f32 {
    const ZERO: f32 = 0.0;
    fn add_row(sums: &mut AnySums, simd: Simd, base: usize, v: &[f32]) {
        sums.add_row_f32(simd, base, v);
    }
    fn add_products_row(sums: &mut AnySums, simd: Simd, base: usize, a: &[f32], b: &[f32]) {
        sums.add_products_row_f32(simd, base, a, b);
    }
}

impl Real for f64 {
    const ZERO: f64 = 0.0;
    fn add_row(sums: &mut AnySums, simd: Simd, base: usize, v: &[f64]) {
        sums.add_row_f64(simd, base, v);
    }
    fn add_products_row(sums: &mut AnySums, simd: Simd, base: usize, a: &[f64], b: &[f64]) {
        sums.add_products_row_f64(simd, base, a, b);
    }
}

/// A stored float and the one it is summed as.
pub(super) trait Stored: Value {
    type Wide: Real;
    /// Itself, where nothing needs to be widened.
    fn as_wide(v: &[Self]) -> Option<&[Self::Wide]>;
    fn widen(self) -> Self::Wide;
}

impl Stored for f16 {
    type Wide = f32;
    fn as_wide(_: &[f16]) -> Option<&[f32]> {
        None
    }
    fn widen(self) -> f32 {
        self.to_f32()
    }
}

macro_rules! stored_as_itself {
    ($($t:ty)*) => {$(
        impl Stored for $t {
            type Wide = $t;
            fn as_wide(v: &[$t]) -> Option<&[$t]> {
                Some(v)
            }
            fn widen(self) -> $t {
                self
            }
        }
    )*};
}
stored_as_itself!(f32 f64);

impl Moments {
    pub fn new(outputs: usize, first: Term, second: Option<Term>, counts: usize) -> Moments {
        Moments {
            sums: AnySums::wide(first, outputs),
            second: second.map(|t| AnySums::wide(t, outputs)),
            counts: Tally::wide(counts),
        }
    }

    /// The same in fewer bytes, where the terms have narrow sums.
    pub fn narrow(outputs: usize, first: Term, second: Option<Term>, counts: usize) -> Option<Moments> {
        let second = match second {
            Some(term) => Some(AnySums::narrow(term, outputs)?),
            None => None,
        };
        Some(Moments { sums: AnySums::narrow(first, outputs)?, second, counts: Tally::narrow(counts) })
    }

    /// Whether narrow ones will not do.
    pub fn exceeded(&self) -> bool {
        self.sums.exceeded() || self.second.as_ref().is_some_and(AnySums::exceeded) || self.counts.exceeded()
    }

    pub fn is_consistent(&self, outputs: usize, first: Term, second: Option<Term>, counts: usize) -> bool {
        let fits = |s: &AnySums, t| s.len() == outputs && s.term() == t;
        fits(&self.sums, first)
            && self.second.is_some() == second.is_some()
            && self.second.iter().zip(second).all(|(s, t)| fits(s, t))
            && self.counts.len() == counts
    }

    /// Adds values, and their squares where they are wanted.
    pub fn update<T: Stored>(&mut self, part: Part<'_, T>, simd: Simd) {
        let mut buffer: Option<[T::Wide; BLOCK]> = None;
        for (b, block) in part.values.chunks(BLOCK).enumerate() {
            let output = if part.along == Along::Kept { part.output + b * BLOCK } else { part.output };
            let mask = part.mask.map(|m| &m[b * BLOCK..b * BLOCK + block.len()]);
            let prepared = match T::as_wide(block) {
                Some(v) if mask.is_none() && !part.skips_nan => v,
                _ => {
                    let out = &mut buffer.get_or_insert([T::Wide::ZERO; BLOCK])[..block.len()];
                    let keeps = |x: T| !(part.skips_nan && x.is_nan());
                    let pick = |x: T, keep: bool| if keep { x.widen() } else { T::Wide::ZERO };
                    match mask {
                        Some(m) => {
                            for ((o, &x), &m) in out.iter_mut().zip(block).zip(m) {
                                *o = pick(x, m != 0 && keeps(x));
                            }
                        }
                        None => out.iter_mut().zip(block).for_each(|(o, &x)| *o = pick(x, keeps(x))),
                    }
                    &*out
                }
            };
            self.add(part.along, output, prepared, simd);
            if !self.counts.is_empty() {
                self.count(part.along, output, block, mask, part.skips_nan);
            }
        }
    }

    fn add<R: Real>(&mut self, along: Along, output: usize, v: &[R], simd: Simd) {
        match along {
            Along::Reduced => match &mut self.second {
                Some(q) => self.sums.add_moments_run(q, simd, output, v),
                None => self.sums.add_run(simd, output, v),
            },
            Along::Kept => {
                R::add_row(&mut self.sums, simd, output, v);
                if let Some(q) = &mut self.second {
                    R::add_products_row(q, simd, output, v, v);
                }
            }
        }
    }

    fn count<T: Value>(
        &mut self,
        along: Along,
        output: usize,
        v: &[T],
        mask: Option<&[u8]>,
        skips_nan: bool,
    ) {
        if mask.is_none() && !skips_nan {
            match along {
                Along::Reduced => self.counts.add(output, v.len() as u64),
                Along::Kept => self.counts.row(output, v.len()),
            }
            return;
        }
        // one byte per value, in loops simple enough to become vectors
        let mut keep = [1u8; BLOCK];
        let keep = &mut keep[..v.len()];
        if let Some(mask) = mask {
            keep.iter_mut().zip(mask).for_each(|(k, &m)| *k = (m != 0) as u8);
        }
        if skips_nan {
            keep.iter_mut().zip(v).for_each(|(k, x)| *k &= !x.is_nan() as u8);
        }
        match along {
            Along::Reduced => {
                self.counts.add(output, keep.iter().map(|&k| k as u32).sum::<u32>() as u64);
            }
            Along::Kept => self.counts.row_where(output, keep),
        }
    }

    /// Adds weighted values, and the weights; those that the mask leaves out count for nothing. NaN is not looked
    /// at: `average` has no such form.
    pub fn update_weighted<T: Stored>(&mut self, part: Part<'_, T>, weights: &[T], simd: Simd) {
        let (mut x, mut w) = ([T::Wide::ZERO; BLOCK], [T::Wide::ZERO; BLOCK]);
        for (b, (v, u)) in part.values.chunks(BLOCK).zip(weights.chunks(BLOCK)).enumerate() {
            x.iter_mut().zip(v).for_each(|(o, &v)| *o = v.widen());
            w.iter_mut().zip(u).for_each(|(o, &u)| *o = u.widen());
            let mask = part.mask.map(|m| &m[b * BLOCK..b * BLOCK + v.len()]);
            for (k, _) in mask.unwrap_or_default().iter().enumerate().filter(|(_, m)| **m == 0) {
                (x[k], w[k]) = (T::Wide::ZERO, T::Wide::ZERO);
            }
            let (x, w) = (&x[..v.len()], &w[..v.len()]);
            let output = if part.along == Along::Kept { part.output + b * BLOCK } else { part.output };
            let Some(second) = &mut self.second else { continue };
            match part.along {
                Along::Reduced => {
                    self.sums.add_products_run(simd, output, x, w);
                    second.add_run(simd, output, w);
                }
                Along::Kept => {
                    T::Wide::add_products_row(&mut self.sums, simd, output, x, w);
                    T::Wide::add_row(second, simd, output, w);
                }
            }
            self.count(part.along, output, v, mask, false);
        }
    }

    pub fn merge_at(&mut self, offset: usize, other: &Moments) {
        self.sums.merge_at(offset, &other.sums);
        if let (Some(to), Some(from)) = (&mut self.second, &other.second) {
            to.merge_at(offset, from);
        }
        (0..other.counts.len()).for_each(|k| self.counts.add(offset + k, other.counts.get(k)));
    }

    /// Adds output `j` of `other` to output `i`.
    pub fn merge_one(&mut self, i: usize, other: &Moments, j: usize) {
        self.sums.merge_one(i, &other.sums, j);
        if let (Some(to), Some(from)) = (&mut self.second, &other.second) {
            to.merge_one(i, from, j);
        }
        if !other.counts.is_empty() {
            self.counts.add(i, other.counts.get(j));
        }
    }

    /// Adds a value to an output, weighted if there is a weight.
    #[inline]
    pub fn one<R: Real>(&mut self, output: usize, x: R, weight: Option<R>) {
        match (weight, &mut self.second) {
            (Some(w), Some(second)) => {
                self.sums.add_product_at(output, x, w);
                second.add_at(output, w);
            }
            (None, Some(second)) => {
                self.sums.add_at(output, x);
                second.add_product_at(output, x, x);
            }
            _ => self.sums.add_at(output, x),
        }
        self.counts.add(output, 1);
    }

    /// Adds a value to each of some outputs that follow each other, weighted if there are weights; those where
    /// `keep` is 0 are zeros, and not there.
    pub fn row<R: Real>(&mut self, output: usize, v: &[R], weights: Option<&[R]>, keep: &[u8], simd: Simd) {
        match (weights, &mut self.second) {
            (Some(w), Some(second)) => {
                R::add_products_row(&mut self.sums, simd, output, v, w);
                R::add_row(second, simd, output, w);
            }
            (_, second) => {
                R::add_row(&mut self.sums, simd, output, v);
                if let Some(q) = second {
                    R::add_products_row(q, simd, output, v, v);
                }
            }
        }
        if !self.counts.is_empty() {
            self.counts.row_where(output, keep);
        }
    }
}
