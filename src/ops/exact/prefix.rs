//! Prefix sums: the exact sum of all values up to each one, rounded once for each.
//!
//! Values are taken in pieces. Where the prefixes of a piece and its values span few bits, as those of common data
//! do, a prefix is kept as two float64: the values rounded to multiples of a unit at a fixed anchor add up in the
//! one without error, and what that leaves in the other. Then their sum is exact before it is rounded, so that
//! one addition rounds it, once. If all is a multiple of the one unit the second is not needed. What spans
//! more is added into a long number ([`Wide`]) value by value. Which way was taken cannot be seen in the result.
//!
//! As for sums, an infinity or a NaN stays; opposite infinities make NaN; NaN is the positive quiet one, exact zero
//! is +0; and a prefix beyond the largest float is an infinity, from which later ones come back, for none was rounded.

use super::digits::{Fixed, MINUS_INF, NAN, PLUS_INF, effective};
use super::lanes::anchor;
use super::round::Format;
use super::scan::{Scan, scan};
use super::sums::parts;
use super::wide::{LOW, Wide};
use crate::ops::simd::Simd;
use crate::per_simd;
use half::f16;

/// Values of a piece, at most.
pub const PIECE: usize = 1 << LOG_PIECE;
const LOG_PIECE: i32 = 10;
/// Bits of the lower float64 that are below the unit of the upper one: what a piece leaves stays below 53 bits.
const BELOW: i32 = 53 - LOG_PIECE;
/// Prefixes of this exponent or above are left to the long number.
const TOP: i32 = 1000;

/// A float to which prefixes are rounded.
pub trait Rounded: Copy {
    /// How.
    const FORMAT: Format;
    /// Of its bits.
    fn of_bits(bits: u64) -> Self;
    /// The nearest to an exact float64.
    fn of_exact(x: f64) -> Self;
    /// The nearest to the exact sum of two float64.
    fn of_pair(high: f64, low: f64) -> Self;
    /// As [`Rounded::of_exact`], of each.
    fn all_exact(simd: Simd, exact: &[f64], out: &mut [Self]);
    /// As [`Rounded::of_pair`], of each.
    fn all_pairs(simd: Simd, high: &[f64], low: &[f64], out: &mut [Self]);
}

/// The loops over slices, once per vector level.
macro_rules! loops {
    ($t:ty) => {
        fn all_exact(simd: Simd, exact: &[f64], out: &mut [$t]) {
            #[inline(always)]
            fn body(exact: &[f64], out: &mut [$t]) {
                out.iter_mut().zip(exact).for_each(|(out, &x)| *out = <$t>::of_exact(x));
            }
            per_simd!(fn run(exact: &[f64], out: &mut [$t]) = body);
            run(simd, exact, out)
        }
        fn all_pairs(simd: Simd, high: &[f64], low: &[f64], out: &mut [$t]) {
            #[inline(always)]
            fn body(high: &[f64], low: &[f64], out: &mut [$t]) {
                let pairs = high.iter().zip(low);
                out.iter_mut().zip(pairs).for_each(|(out, (&h, &l))| *out = <$t>::of_pair(h, l));
            }
            per_simd!(fn run(high: &[f64], low: &[f64], out: &mut [$t]) = body);
            run(simd, high, low, out)
        }
    };
}

impl Rounded for f64 {
    const FORMAT: Format = Format::F64;
    #[inline(always)]
    fn of_bits(bits: u64) -> f64 {
        f64::from_bits(bits)
    }
    #[inline(always)]
    fn of_exact(x: f64) -> f64 {
        x
    }
    #[inline(always)]
    fn of_pair(high: f64, low: f64) -> f64 {
        high + low
    }
    loops!(f64);
}

impl Rounded for f32 {
    const FORMAT: Format = Format::F32;
    #[inline(always)]
    fn of_bits(bits: u64) -> f32 {
        f32::from_bits(bits as u32)
    }
    #[inline(always)]
    fn of_exact(x: f64) -> f32 {
        x as f32
    }
    #[inline(always)]
    fn of_pair(high: f64, low: f64) -> f32 {
        odd(high, low) as f32
    }
    loops!(f32);
}

impl Rounded for f16 {
    const FORMAT: Format = Format::F16;
    fn of_bits(bits: u64) -> f16 {
        f16::from_bits(bits as u16)
    }
    fn of_exact(x: f64) -> f16 {
        let (field, m) = parts(x);
        let skip = m.unsigned_abs().leading_zeros();
        if m == 0 {
            return f16::ZERO;
        }
        let bits = u128::from(m.unsigned_abs() << skip) << 64;
        f16::of_bits(Format::F16.round_parts(m < 0, bits, field as i64 - 1075 - i64::from(skip) - 64, false))
    }
    fn of_pair(high: f64, low: f64) -> f16 {
        f16::of_exact(odd(high, low))
    }
    loops!(f16);
}

/// The sum of two float64 rounded to odd: of two neighbours of the exact sum the one whose last bit is set. Rounded
/// again to a shorter format it is what the exact sum is rounded to.
#[inline(always)]
fn odd(high: f64, low: f64) -> f64 {
    let sum = high + low;
    // what the rounding left, exactly (Knuth's two-sum)
    let part = sum - high;
    let left = (high - (sum - part)) + (low - part);
    let bits = sum.to_bits();
    let away = (left > 0.0) == (sum > 0.0);
    let other = if away { bits.wrapping_add(1) } else { bits.wrapping_sub(1) };
    f64::from_bits(if left == 0.0 || bits & 1 == 1 { bits } else { other })
}

/// The exact sum of all values so far.
#[derive(Clone)]
pub struct Prefix {
    wide: Wide,
    flags: u8,
}

impl Default for Prefix {
    fn default() -> Self {
        Prefix { wide: Wide::new(), flags: 0 }
    }
}

impl Prefix {
    /// What came before, of a sum of float values.
    pub fn of(before: &Fixed) -> Prefix {
        let wide = if before.is_finite() { Wide::of(before) } else { Wide::new() };
        Prefix { wide, flags: before.flags }
    }

    fn round<T: Rounded>(&self) -> T {
        match effective(self.flags) {
            0 => T::of_bits(self.wide.round(T::FORMAT)),
            PLUS_INF => T::of_bits(T::FORMAT.special(f64::INFINITY)),
            MINUS_INF => T::of_bits(T::FORMAT.special(f64::NEG_INFINITY)),
            _ => T::of_bits(T::FORMAT.special(f64::NAN)),
        }
    }

    /// Adds at most [`PIECE`] values, and writes the sum up to each. The slices have one length.
    ///
    /// # Panics
    /// If there are more.
    pub fn scan<T: Rounded>(&mut self, simd: Simd, values: &[f64], out: &mut [T]) {
        assert!(values.len() <= PIECE && values.len() == out.len());
        if self.flags & NAN != 0 {
            return out.fill(self.round());
        }
        match scan(simd, values) {
            Scan::Zeros => return out.fill(self.round()),
            Scan::Finite(_) if self.flags != 0 => return out.fill(self.round()),
            Scan::Finite(range) => {
                // Prefixes are below 2^(top + 1), and the upper parts of them below 2^(unit + 53).
                let top = (range.max + 1 + LOG_PIECE).max(self.wide.top());
                let unit = (top + 3 - 53).max(LOW);
                if top < TOP {
                    let lowest = (range.min - 52).max(LOW);
                    let fits = |below: i32, lowest: i32| {
                        lowest >= unit - below && self.wide.is_multiple_of(unit - below)
                    };
                    if fits(0, lowest) {
                        return self.singly(simd, unit, values, out);
                    }
                    // Values often end in zeros, so that they are multiples of more than their exponents tell.
                    if fits(BELOW, lowest) || fits(BELOW, lowest_bit(values)) {
                        return self.in_pairs(simd, unit, values, out);
                    }
                }
            }
            Scan::NotFinite => {}
        }
        for (&x, out) in values.iter().zip(out) {
            match x {
                x if x.is_finite() => self.wide.add_f64(x),
                f64::INFINITY => self.flags |= PLUS_INF,
                f64::NEG_INFINITY => self.flags |= MINUS_INF,
                _ => self.flags |= NAN,
            }
            *out = self.round();
        }
    }

    /// All prefixes are multiples of 2^`unit` of at most 53 bits.
    #[inline(never)]
    fn singly<T: Rounded>(&mut self, simd: Simd, unit: i32, values: &[f64], out: &mut [T]) {
        let before = self.wide.bits(unit) as i64 as f64 * power(unit);
        let mut sums = [0.0; PIECE];
        let sums = &mut sums[..values.len()];
        sums.copy_from_slice(values);
        let end = add_up(simd, sums, before);
        T::all_exact(simd, sums, out);
        self.wide.set(end, 0.0);
    }

    /// All prefixes are multiples of 2^(`unit` - [`BELOW`]), of at most 53 bits from 2^`unit` on.
    #[inline(never)]
    fn in_pairs<T: Rounded>(&mut self, simd: Simd, unit: i32, values: &[f64], out: &mut [T]) {
        let before = self.wide.bits(unit) as i64 as f64 * power(unit);
        let below = (unit - BELOW).max(LOW);
        let mask = (1u64 << (unit - below)) - 1;
        let before_low = (self.wide.bits(below) & mask) as f64 * power(below);
        let (mut high, mut low) = ([0.0; PIECE], [0.0; PIECE]);
        let (high, low) = (&mut high[..values.len()], &mut low[..values.len()]);
        cut(simd, values, anchor(unit), high, low);
        let ends = (add_up(simd, high, before), add_up(simd, low, before_low));
        T::all_pairs(simd, high, low, out);
        self.wide.set(ends.0, ends.1);
    }
}

/// Each value rounded to the unit of an anchor, and what that leaves.
#[inline(always)]
fn cut_body(values: &[f64], anchor: f64, high: &mut [f64], low: &mut [f64]) {
    for ((&x, high), low) in values.iter().zip(high).zip(low) {
        *high = (x + anchor) - anchor;
        *low = x - *high;
    }
}
per_simd!(fn cut(values: &[f64], anchor: f64, high: &mut [f64], low: &mut [f64]) = cut_body);

/// Stretches of a piece that are gone along side by side, so that additions need not wait for each other. Their
/// sums are exact, so that it does not show.
const STRETCHES: usize = 4;
const LANES: usize = 16;

#[inline(always)]
fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for c in chunks {
        for (lane, x) in lanes.iter_mut().zip(c) {
            *lane += x;
        }
    }
    rest.iter().chain(&lanes).fold(0.0, |sum, x| sum + x)
}

/// Values become the sums up to each, of which the first goes on from `before`; gives the last. All sums of values
/// that follow each other are exact.
#[inline(always)]
fn add_up_body(values: &mut [f64], before: f64) -> f64 {
    let n = values.len() / STRETCHES;
    let (first, rest) = values.split_at_mut(n);
    let (second, rest) = rest.split_at_mut(n);
    let (third, fourth) = rest.split_at_mut(n);
    let mut sums = [before; STRETCHES];
    sums[1] = sums[0] + sum(first);
    sums[2] = sums[1] + sum(second);
    sums[3] = sums[2] + sum(third);
    for (((a, b), c), d) in first.iter_mut().zip(second).zip(third).zip(&mut fourth[..n]) {
        for (sum, x) in sums.iter_mut().zip([a, b, c, d]) {
            *sum += *x;
            *x = *sum;
        }
    }
    let mut last = sums[3];
    for x in &mut fourth[n..] {
        last += *x;
        *x = last;
    }
    last
}
per_simd!(fn add_up(values: &mut [f64], before: f64) -> f64 = add_up_body);

/// 2^e, for an e that a float64 has.
fn power(e: i32) -> f64 {
    match e {
        -1022.. => f64::from_bits(((e + 1023) as u64) << 52),
        _ => f64::from_bits(1 << (e - LOW)),
    }
}

/// The lowest bit of all finite values that are not zero.
fn lowest_bit(values: &[f64]) -> i32 {
    let bit = |&x: &f64| {
        let (field, m) = parts(x);
        if m == 0 { i32::MAX } else { field as i32 - 1075 + m.trailing_zeros() as i32 }
    };
    values.iter().map(bit).min().unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::exact::{Sums, Term};

    /// Numbers of a kind, from a counter.
    fn values(kind: usize, n: usize) -> Vec<f64> {
        let mut state = kind as u64 + 1;
        let mut random = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state >> 11
        };
        let each = move |k: usize| {
            let (r, sign) = (random(), if random() & 1 == 1 { -1.0 } else { 1.0 });
            let unit = r as f64 * 2f64.powi(-53);
            match kind {
                0 => unit,
                1 => sign * (r % 1000) as f64,
                2 => sign * unit * 2f64.powi((random() % 40) as i32 - 20),
                3 => sign * unit * 2f64.powi((random() % 2000) as i32 - 1000),
                4 => sign * f64::from_bits(random() % 100),
                5 => sign * unit * f64::MAX,
                6 => {
                    if k.is_multiple_of(2) {
                        unit
                    } else {
                        -0.0
                    }
                }
                7 => match r % 400 {
                    0 => f64::INFINITY,
                    1 if k > 900 => f64::NEG_INFINITY,
                    2 if k > 2000 => f64::NAN,
                    _ => unit,
                },
                8 => [1e300, 1.0, -1e300, 2f64.powi(-1074), 0.0][k % 5],
                9 => sign * 1.0f64.next_up(),
                _ => -unit * 1e-300,
            }
        };
        (0..n).map(each).collect()
    }

    /// Against an accumulator that is rounded after every value.
    fn check<T: Rounded>(kind: usize, term: Term, narrow: impl Fn(f64) -> f64, bits: impl Fn(T) -> u64) {
        let values: Vec<f64> = values(kind, 3000).into_iter().map(narrow).collect();
        let mut sums = Sums::new(term, 1);
        let mut expected = Vec::new();
        for &x in &values {
            sums.add_at(0, x);
            expected.push(sums.round(0, T::FORMAT));
        }
        for simd in Simd::available() {
            for (piece, cut) in [(PIECE, 0), (1, 0), (7, 1000), (1000, 2500), (PIECE, 1)] {
                let mut before = Sums::new(term, 1);
                values[..cut].iter().for_each(|&x| before.add_at(0, x));
                let mut prefix = Prefix::of(&before.get(0));
                let mut out = vec![T::of_bits(0); values.len() - cut];
                for (v, out) in values[cut..].chunks(piece).zip(out.chunks_mut(piece)) {
                    prefix.scan(simd, v, out);
                }
                let out: Vec<u64> = out.into_iter().map(&bits).collect();
                let wrong = out.iter().zip(&expected[cut..]).position(|(a, b)| a != b);
                assert_eq!(wrong, None, "kind {kind}, pieces of {piece} from {cut}");
            }
        }
    }

    #[test]
    fn every_prefix_is_the_exact_sum_rounded_once() {
        for kind in 0..=10 {
            check::<f64>(kind, Term::F64, |x| x, f64::to_bits);
            check::<f32>(kind, Term::F32, |x| f64::from(x as f32), |x| x.to_bits().into());
            let half = |x| f16::from_f64(x).to_f64();
            check::<f16>(kind, Term::F32, half, |x| x.to_bits().into());
        }
    }

    #[test]
    fn rounding_to_odd_is_right_where_rounding_twice_is_not() {
        // Halfway between two float32, and a little more that float64 has no room for.
        let (high, low) = (1.0 + 2f64.powi(-24), 2f64.powi(-80));
        assert_eq!((high + low) as f32, 1.0);
        assert_eq!(f32::of_pair(high, low), 1.0f32.next_up());
        assert_eq!(f32::of_pair(high, -low), 1.0);
        assert_eq!(f32::of_pair(-high, -low), -1.0f32.next_up());
    }
}
