//! Slots of values whose logarithm is binned evenly, without taking the logarithm.
//!
//! Two cases are one: log edges, and the `log10` (`log`, `log2`) of a column among uniform edges. In
//! both the place of a value among the bins is a linear function of its base-2 logarithm. That is had
//! cheaply, from the exponent and a polynomial in the mantissa, with an error that is known: two
//! guesses, one a little low and one a little high, have the slot between them, and where they agree,
//! which is nearly always, it is known. Rows are taken 64 at a time, and 64 with any doubt are left to
//! the exact way, as in the module `near`. So are values that are not positive, subnormal ones, inf
//! and NaN.
//!
//! The polynomial is the minimax one of degree 6 over [√½, √2] (Remez); [`POLYNOMIAL_ERROR`] is
//! checked at every float32 mantissa, with and without fused multiply-add: the guesses differ then in
//! their last bits, the slots do not.

use super::groups::{GROUP, groups, with_doubts};
use super::load::BLOCK;
use crate::ops::simd::{Simd, fetch_ahead};
use crate::per_simd;

/// 2^23: adding it to a float32 in 0 .. 2^22 rounds that to a whole number in the low bits.
const ROUNDER: f32 = 8388608.0;
/// Groups of a block that may be in doubt before all of it is left to the exact way.
const DOUBTS: usize = 6;
/// How wide the doubt may be, in bins: then about one group in four is in doubt.
const MOST_DOUBT: f64 = 1.0 / 512.0;
/// Bits of √½, where one exponent's mantissas begin.
const ROOT32: u32 = 0x3f35_04f3;
const ROOT64: u64 = ((ROOT32 - (126 << 23)) as u64) << 29 | 1022 << 52;
/// log2(1 + r) by powers of r.
const POLYNOMIAL: [f32; 7] =
    [-1.452_043_7e-6, 1.442_718, -0.721_061_05, 0.479_205_67, -0.368_221_22, 0.323_304_27, -0.205_528_83];
/// The most that the polynomial in float32 is off.
const POLYNOMIAL_ERROR: f64 = 2.2e-6;
/// The most that dropping the mantissa's bits below the 23rd changes the logarithm.
const DROPPED: f64 = 2.5e-7;

/// How the bins lie along the logarithm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logs {
    /// Bins per power of two.
    scale: f32,
    /// Where 1 lies, in bins.
    offset: f32,
    most: f32,
    below: f32,
    above: f32,
}

impl Logs {
    /// For the bins of a log axis.
    pub(super) fn of_edges(edges: &[f64]) -> Option<Logs> {
        let (lo, hi) = (edges.first()?.log2(), edges.last()?.log2());
        // The edges are rounded once, and so are these.
        Logs::new(lo, hi, edges.len() as u64 - 1, f64::exp2(-52.0))
    }

    /// The slots of native values, `exact` in what is in doubt.
    pub(super) fn slots<const N: usize>(
        &self,
        simd: Simd,
        values: &[[u8; N]],
        slots: &mut [u32],
        exact: impl FnMut(std::ops::Range<usize>, &mut [u32]),
    ) where
        [u8; N]: Parts<N>,
    {
        let quick = |from: usize, slots: &mut [u32]| <[u8; N]>::run(simd, self, &values[from..], slots);
        with_doubts(DOUBTS, slots, quick, exact);
    }

    /// For `bins` bins, even between the base-2 logarithms `lo` and `hi`; what is binned may be off by
    /// `error` (relative) from the logarithm. `None` where float32 is too coarse.
    pub(super) fn new(lo: f64, hi: f64, bins: u64, error: f64) -> Option<Logs> {
        let n = bins as f64;
        let scale = n / (hi - lo);
        // Outside the range the relative errors stay and the distance to it grows faster.
        let size = lo.abs().max(hi.abs());
        let unit = f64::exp2(-24.0);
        let doubt = scale * (POLYNOMIAL_ERROR + DROPPED + size * error)
            + unit * (3.0 * size * scale + lo.abs() * scale + 2.0 * n + 2.0);
        let doubt = 1.25 * doubt;
        (bins > 0 && lo < hi && doubt <= MOST_DOUBT).then_some(Logs {
            scale: scale as f32,
            offset: (-lo * scale) as f32,
            most: n as f32 + 0.5,
            below: 0.5 - doubt as f32,
            above: 0.5 + doubt as f32,
        })
    }

    /// The two guesses, as bits, for 2^exponent times a float32 in [√½, √2).
    #[inline(always)]
    fn guesses<const FUSED: bool>(&self, exponent: i32, mantissa: f32) -> [u32; 2] {
        let log2 = exponent as f32 + log2::<FUSED>(mantissa);
        let t = multiply_add::<FUSED>(log2, self.scale, self.offset);
        let t = if t > -0.5 { t } else { -0.5 };
        let t = if t < self.most { t } else { self.most };
        [t + self.below, t + self.above].map(|t| (t + ROUNDER).to_bits())
    }
}

/// x · y + z, rounded once or twice.
#[inline(always)]
fn multiply_add<const FUSED: bool>(x: f32, y: f32, z: f32) -> f32 {
    if FUSED { x.mul_add(y, z) } else { x * y + z }
}

/// About the base-2 logarithm of a float32 in [√½, √2).
#[inline(always)]
fn log2<const FUSED: bool>(mantissa: f32) -> f32 {
    let r = mantissa - 1.0;
    let [a, b, c, d, e, f, g] = POLYNOMIAL;
    [f, e, d, c, b, a].into_iter().fold(g, |sum, term| multiply_add::<FUSED>(sum, r, term))
}

/// A float as native bytes.
pub(super) trait Parts<const N: usize>: Copy {
    /// Whether it is in doubt whatever the bins are; its exponent and its mantissa.
    fn parts(self) -> (bool, i32, f32);

    /// How many rows from the start on, a whole number of groups, now have their slots: all before the
    /// first group with doubt.
    fn run(simd: Simd, logs: &Logs, values: &[[u8; N]], slots: &mut [u32]) -> usize;
}

impl Parts<4> for [u8; 4] {
    #[inline(always)]
    fn parts(self) -> (bool, i32, f32) {
        let bits = u32::from_ne_bytes(self);
        let normal = bits.wrapping_sub(1 << 23) < (0xfe << 23);
        let from = bits.wrapping_sub(ROOT32) as i32;
        (!normal, from >> 23, f32::from_bits((from as u32 & 0x7f_ffff) + ROOT32))
    }

    fn run(simd: Simd, logs: &Logs, values: &[[u8; 4]], slots: &mut [u32]) -> usize {
        run32(simd, logs, values, slots)
    }
}

impl Parts<8> for [u8; 8] {
    #[inline(always)]
    fn parts(self) -> (bool, i32, f32) {
        let bits = u64::from_ne_bytes(self);
        let normal = bits.wrapping_sub(1 << 52) < (0x7fe << 52);
        let from = bits.wrapping_sub(ROOT64).wrapping_add(1023 << 52);
        let mantissa = ((from >> 29) as u32 & 0x7f_ffff) + ROOT32;
        (!normal, (from >> 52) as i32 - 1023, f32::from_bits(mantissa))
    }

    fn run(simd: Simd, logs: &Logs, values: &[[u8; 8]], slots: &mut [u32]) -> usize {
        run64(simd, logs, values, slots)
    }
}

/// The slots of a group, or `false` if there is doubt about any.
#[inline(always)]
fn group_body<const N: usize, const FUSED: bool>(
    logs: &Logs,
    values: &[[u8; N]; GROUP],
    slots: &mut [u32; GROUP],
) -> bool
where
    [u8; N]: Parts<N>,
{
    let logs = *logs;
    let mut doubt = 0;
    for (slot, value) in slots.iter_mut().zip(values) {
        let (outside, exponent, mantissa) = value.parts();
        let [low, high] = logs.guesses::<FUSED>(exponent, mantissa);
        doubt |= (low ^ high) | outside as u32;
        *slot = low.wrapping_sub(ROUNDER.to_bits());
    }
    doubt == 0
}

#[inline(always)]
fn run_body<const N: usize, const FUSED: bool>(logs: &Logs, values: &[[u8; N]], slots: &mut [u32]) -> usize
where
    [u8; N]: Parts<N>,
{
    groups(values, slots, |values, slots| {
        fetch_ahead(values, BLOCK);
        group_body::<N, FUSED>(logs, values, slots)
    })
}
per_simd!(
    fn run32(logs: &Logs, values: &[[u8; 4]], slots: &mut [u32]) -> usize
        = run_body::<4, false>, fused run_body::<4, true>
);
per_simd!(
    fn run64(logs: &Logs, values: &[[u8; 8]], slots: &mut [u32]) -> usize
        = run_body::<8, false>, fused run_body::<8, true>
);

#[cfg(test)]
mod tests;
