//! Weighted bins: exact sums per bin.
//!
//! Weights are added as a pair of 64-bit integers per slot, high · 2^k + low. For integers that is
//! plain. For floats it works as long as the exponents of a block fit a *window*: multiples of
//! 2^base below 2^(base + 86), which a few float64 operations, all exact there, cut into two whole
//! numbers small enough that 2^19 of them add without overflow; then the pairs are emptied into
//! the long accumulators. A block that does not fit moves the window (which empties it too), and one
//! that is too wide for any, or holds inf or NaN, goes value by value into the accumulators, as does
//! everything where there are few rows for many bins. Every way is exact, so which ran cannot show.

use super::load::{self, BLOCK};
use super::spec::HistogramSpec;
use crate::dtype::{DType, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::unravel;
use crate::ops::exact::{Sums, Term};
use crate::ops::simd::Simd;
use crate::per_simd;

/// Bits of the window.
const WINDOW: i32 = 86;
/// Bits that a new window leaves free above the first block's largest value.
const ROOM: i32 = 8;
/// Bits of the low part of a float: at most 2^43 in size, and the high part at most 2^42.
const LOW: i32 = 44;
/// Bits of the low part of an integer.
const LOW_INTEGER: i32 = 32;
/// Rows after which the pairs are emptied: they then stay below 2^62.
const ROWS: usize = (1 << 19) - BLOCK;
/// 1.5 · 2^52: adding it to a float64 below 2^51 in size rounds that to a whole number, whose
/// integer is then the difference of the bits.
const ROUNDER: f64 = 6755399441055744.0;

pub(super) fn term(weights: DType) -> Term {
    match weights {
        DType::F16 | DType::F32 => Term::F32,
        DType::F64 => Term::F64,
        _ => Term::Int,
    }
}

pub(super) fn result_dtype(weights: DType) -> DType {
    match weights.kind() {
        Kind::Float => weights,
        Kind::UInt => DType::U64,
        _ => DType::I64,
    }
}

/// The windows of a worker; empty between updates.
pub(super) struct Weigher {
    /// Low and high parts by slot.
    window: Vec<[i64; 2]>,
    /// Multiples of 2^base are in the window; `None` while it is empty.
    base: Option<i32>,
    rows: usize,
    in_use: bool,
    values: Vec<f64>,
    pairs: Vec<[i64; 2]>,
}

impl Weigher {
    pub(super) fn new() -> Weigher {
        Weigher {
            window: Vec::new(),
            base: None,
            rows: 0,
            in_use: false,
            values: vec![0.0; BLOCK],
            pairs: vec![[0; 2]; BLOCK],
        }
    }

    /// Prepares for a tile of `n` rows and a histogram of that many slots.
    pub(super) fn start(&mut self, n: usize, slots: usize) {
        self.in_use = slots <= n.min(ROWS) / 4;
        if self.in_use && self.window.len() != slots {
            self.window.clear();
            self.window.resize(slots, [0; 2]);
        }
    }

    /// Adds the weights of a block to the bins given by slots.
    pub(super) fn block(&mut self, simd: Simd, dtype: DType, bytes: &[u8], index: &[u32], sums: &mut Sums) {
        if !dtype.is_float() {
            return self.integers(dtype, bytes, index, sums);
        }
        let values = &mut self.values[..index.len()];
        load::to_f64(simd, dtype, bytes, values);
        if !self.in_use {
            return one_by_one(values.iter().copied(), index, sums);
        }
        let (least, most) = exponents(simd, values);
        if most == 0 {
            return; // all zeros add nothing
        }
        // the last bit of the finest value, and the first power of two above the largest
        let precision = match dtype {
            DType::F64 => 52,
            DType::F32 => 23,
            _ => 10,
        };
        let (last, top) = (least - 1023 - precision, most - 1022);
        let fits = |base: i32| base <= last && top <= base + WINDOW && most < 2047;
        let base = match self.base {
            Some(base) if fits(base) && self.rows < ROWS => base,
            _ => {
                let base = top + ROOM - WINDOW;
                if !fits(base) || !(-900..=800).contains(&base) {
                    return one_by_one(values.iter().copied(), index, sums);
                }
                self.flush(sums);
                self.base = Some(base);
                base
            }
        };
        self.rows += index.len();
        let pairs = &mut self.pairs[..index.len()];
        cut(simd, &self.values[..index.len()], power(-base), pairs);
        add_pairs(&mut self.window, index, pairs.iter().copied());
    }

    fn integers(&mut self, dtype: DType, bytes: &[u8], index: &[u32], sums: &mut Sums) {
        if self.in_use && self.rows >= ROWS {
            self.flush(sums);
        }
        self.rows += index.len();
        let window = self.in_use.then_some(&mut self.window[..]);
        macro_rules! go {
            ($ty:ty, $size:literal) => {{
                let values = bytes.as_chunks::<$size>().0.iter().map(|&b| <$ty>::from_ne_bytes(b));
                match window {
                    Some(window) => {
                        let pair = |v: $ty| [(v as u32) as i64, (v as i128 >> LOW_INTEGER) as i64];
                        add_pairs(window, index, values.map(pair));
                        self.base = Some(0);
                    }
                    None => one_by_one(values.map(|v| v as i128), index, sums),
                }
            }};
        }
        match dtype {
            DType::I8 => go!(i8, 1),
            DType::I16 => go!(i16, 2),
            DType::I32 => go!(i32, 4),
            DType::I64 => go!(i64, 8),
            DType::U16 => go!(u16, 2),
            DType::U32 => go!(u32, 4),
            DType::U64 => go!(u64, 8),
            _ => go!(u8, 1),
        }
    }

    /// Empties the window into the sums.
    pub(super) fn flush(&mut self, sums: &mut Sums) {
        self.rows = 0;
        let Some(base) = self.base.take() else { return };
        let integers = sums.term() == Term::Int;
        let shift = if integers { LOW_INTEGER } else { LOW };
        for (slot, pair) in self.window.iter_mut().enumerate() {
            let [low, high] = std::mem::take(pair);
            let total = ((high as i128) << shift) + low as i128;
            let bin = slot.wrapping_sub(1);
            if total == 0 || bin >= sums.len() {
                continue;
            }
            if integers {
                sums.add_at(bin, total);
                continue;
            }
            // 43 bits at a time, each exact in a float64
            let part = |shift: u32| ((total >> shift) & ((1 << 43) - 1)) as f64;
            for (v, shift) in [(part(0), 0), (part(43), 43), ((total >> 86) as f64, 86)] {
                if v != 0.0 {
                    sums.add_at(bin, v * power(base + shift));
                }
            }
        }
    }
}

/// 2^e for a normal exponent.
fn power(e: i32) -> f64 {
    f64::from_bits(((e + 1023) as u64) << 52)
}

fn one_by_one<T: crate::ops::exact::Addend>(values: impl Iterator<Item = T>, index: &[u32], sums: &mut Sums) {
    let bins = sums.len();
    for (&slot, v) in index.iter().zip(values) {
        let bin = (slot as usize).wrapping_sub(1);
        if bin < bins {
            sums.add_at(bin, v);
        }
    }
}

/// The least and the largest exponent field of the values that are not 0 (a subnormal's is 1): 2047
/// for inf and NaN; 0 as the largest if all are 0.
#[inline(always)]
fn exponents_body(values: &[f64]) -> (i32, i32) {
    let (mut least, mut most) = (u64::MAX, 0);
    for &v in values {
        let bits = v.to_bits() << 1;
        least = least.min(if bits == 0 { u64::MAX } else { bits });
        most = most.max(bits);
    }
    if most == 0 {
        return (1, 0);
    }
    (((least >> 53) as i32).max(1), ((most >> 53) as i32).max(1))
}
per_simd!(fn exponents(values: &[f64]) -> (i32, i32) = exponents_body);

/// `v · scale == high · 2^44 + low`, exactly; `scale` is a power of two for which that is a whole
/// number below 2^86.
#[inline(always)]
fn cut_body(values: &[f64], scale: f64, pairs: &mut [[i64; 2]]) {
    let (up, down) = (power(LOW), power(-LOW));
    let whole = |v: f64| v.to_bits().wrapping_sub(ROUNDER.to_bits()) as i64;
    for (&v, pair) in values.iter().zip(pairs) {
        let scaled = v * scale;
        let high = scaled * down + ROUNDER;
        let low = scaled - (high - ROUNDER) * up + ROUNDER;
        *pair = [whole(low), whole(high)];
    }
}
per_simd!(fn cut(values: &[f64], scale: f64, pairs: &mut [[i64; 2]]) = cut_body);

/// Adds a pair to the slot of each row.
#[inline]
fn add_pairs(window: &mut [[i64; 2]], index: &[u32], pairs: impl Iterator<Item = [i64; 2]>) {
    for (&slot, pair) in index.iter().zip(pairs) {
        let total = &mut window[slot as usize];
        *total = [total[0] + pair[0], total[1] + pair[1]];
    }
}

/// The sums as native bytes of [`result_dtype`].
pub(super) fn finish(sums: &Sums, weights: DType, spec: &HistogramSpec) -> Result<Vec<u8>> {
    let dtype = result_dtype(weights);
    let mut out = Vec::with_capacity(sums.len() * dtype.size());
    for i in 0..sums.len() {
        let overflow = || {
            let bin = unravel(i as u64, &spec.shape());
            Error::new(
                ErrorKind::Overflow,
                format!("the sum of the weights of bin {bin:?} does not fit {dtype}"),
            )
            .hint("cast the weights to float64")
        };
        match dtype {
            DType::F16 => out.extend(sums.round_f16(i).to_bits().to_ne_bytes()),
            DType::F32 => out.extend(sums.round_f32(i).to_ne_bytes()),
            DType::F64 => out.extend(sums.round_f64(i).to_ne_bytes()),
            DType::U64 => {
                let v = sums.to_i128(i).and_then(|v| u64::try_from(v).ok()).ok_or_else(overflow)?;
                out.extend(v.to_ne_bytes());
            }
            _ => {
                let v = sums.to_i128(i).and_then(|v| i64::try_from(v).ok()).ok_or_else(overflow)?;
                out.extend(v.to_ne_bytes());
            }
        }
    }
    Ok(out)
}
