//! Weighted bins: exact sums per bin.
//!
//! Integer weights add into one 128-bit integer per slot. So do floats, as long as the exponents
//! of a block fit a *window*: multiples of 2^base below 2^(base + 94), which leaves room for 2^32
//! rows. A float is cut into two 64-bit integers by arithmetic that is exact inside the window, so
//! nothing is lost; a block that does not fit moves the window (which empties it), and one that is
//! too wide for any, or holds inf or NaN, goes value by value into the long accumulators, as does
//! everything where the bins outnumber the rows. Every way is exact, so which one ran cannot show.

use super::load::{self, BLOCK};
use super::spec::HistogramSpec;
use crate::dtype::{DType, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::unravel;
use crate::ops::exact::{Sums, Term};
use crate::ops::simd::Simd;
use crate::per_simd;

/// Bits of the window, of 126: 2^32 rows then cannot overflow.
const WINDOW: i32 = 94;
/// Bits that a new window leaves free above the first block's largest value.
const ROOM: i32 = 12;
/// Rows after which a window is emptied.
const ROWS: u64 = 1 << 31;
/// Bits of the low part of a value.
const LOW: i32 = 62;

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
    window: Vec<i128>,
    /// Multiples of 2^base are in the window; `None` while it is empty.
    base: Option<i32>,
    rows: u64,
    in_use: bool,
    values: Vec<f64>,
    high: Vec<i64>,
    low: Vec<i64>,
}

impl Weigher {
    pub(super) fn new() -> Weigher {
        Weigher {
            window: Vec::new(),
            base: None,
            rows: 0,
            in_use: false,
            values: vec![0.0; BLOCK],
            high: vec![0; BLOCK],
            low: vec![0; BLOCK],
        }
    }

    /// Prepares for a tile of `n` rows and a histogram of that many slots.
    pub(super) fn start(&mut self, _weights: DType, n: usize, slots: usize) {
        self.in_use = slots <= n;
        if self.in_use && self.window.len() != slots {
            self.window.clear();
            self.window.resize(slots, 0);
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
        let (last, top) = (least - 1075, most - 1022);
        let fits = |base: i32| base <= last && top <= base + WINDOW && most < 2047;
        let base = match self.base {
            Some(base) if fits(base) && self.rows < ROWS => base,
            _ => {
                let base = top + ROOM - WINDOW;
                if !fits(base) || !(-900..=800).contains(&base) {
                    return one_by_one(self.values[..index.len()].iter().copied(), index, sums);
                }
                self.flush(sums);
                self.base = Some(base);
                base
            }
        };
        self.rows += index.len() as u64;
        let n = index.len();
        let (high, low) = (&mut self.high[..n], &mut self.low[..n]);
        cut(simd, &self.values[..n], power(-base), high, low);
        for ((&slot, &h), &l) in index.iter().zip(&*high).zip(&*low) {
            self.window[slot as usize] += ((h as i128) << LOW) + l as i128;
        }
    }

    fn integers(&mut self, dtype: DType, bytes: &[u8], index: &[u32], sums: &mut Sums) {
        if self.in_use && self.rows >= ROWS {
            self.flush(sums);
        }
        self.rows += index.len() as u64;
        let window = self.in_use.then_some(&mut self.window[..]);
        macro_rules! go {
            ($ty:ty, $size:literal) => {{
                let values = bytes.as_chunks::<$size>().0.iter().map(|&b| <$ty>::from_ne_bytes(b));
                match window {
                    Some(window) => {
                        for (&slot, v) in index.iter().zip(values) {
                            window[slot as usize] += v as i128;
                        }
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
        for (slot, total) in self.window.iter_mut().enumerate() {
            let total = std::mem::take(total);
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

/// `v · scale == high · 2^62 + low`, exactly; `scale` is a power of two for which that is a whole
/// number below 2^94.
#[inline(always)]
fn cut_body(values: &[f64], scale: f64, high: &mut [i64], low: &mut [i64]) {
    let (up, down) = (power(LOW), power(-LOW));
    for ((&v, h), l) in values.iter().zip(high).zip(low) {
        let scaled = v * scale;
        *h = (scaled * down) as i64;
        *l = (scaled - *h as f64 * up) as i64;
    }
}
per_simd!(fn cut(values: &[f64], scale: f64, high: &mut [i64], low: &mut [i64]) = cut_body);

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
