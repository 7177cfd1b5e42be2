//! Scans: what a reduction is of all values up to each one, along lines of a block.
//!
//! A line begins with what an accumulator has of the values before it. Sums are exact and rounded once at each
//! position (`exact::Prefix`), integers are exact or an error, extremes compare keys, and float products
//! go on from 256 bits: all as the reductions of the same names do, so that where lines are cut does not show.
//!
//! Limits: `sum`, `prod`, `min` and `max` without options, whose results have the dtype of the values.

use super::keys::KeyRule;
use super::product::Product;
use super::rows::Family;
use super::spec::ReduceSpec;
use super::state::{Accumulators, State};
use super::value::Value;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::exact::{Format, PIECE, Prefix, Rounded};
use crate::ops::simd::Simd;
use half::f16;
use num_traits::ops::overflowing::{OverflowingAdd, OverflowingMul};

/// Lines that are next to each other and go side by side.
const SIDE: usize = 64;
/// Lines whose elements are brought together, and how many of each: a line of the cache wide.
const TURNED: usize = 8;
const TURNED_PIECE: usize = 512;
/// Elements between them, so that they do not all lie in one place of the cache.
const APART: usize = 16;

/// How lines lie in a block: `len` elements each, `inner` elements apart; `inner` lines lie side by side, and
/// `outer` such bundles one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// Bundles of lines.
    pub outer: usize,
    /// Elements of a line.
    pub len: usize,
    /// Lines of a bundle.
    pub inner: usize,
}

impl Lines {
    /// Along an axis of a block of this shape.
    pub fn along(axis: usize, block: &[u64]) -> Lines {
        let product = |of: &[u64]| of.iter().product::<u64>() as usize;
        Lines {
            outer: product(&block[..axis]),
            len: block[axis] as usize,
            inner: product(&block[axis + 1..]),
        }
    }
}

/// Replaces each value of a block by what it comes to with all values before it on its line: those that
/// `before` has taken (its output k is of line k), and those of the block.
///
/// # Errors
/// `Overflow` if an integer result does not fit its dtype; `Internal` for a reduction that is not scanned, and if
/// `before` or the values do not fit the lines.
pub fn scan(
    spec: &ReduceSpec,
    before: Option<&State>,
    lines: Lines,
    values: &mut [u8],
    simd: Simd,
) -> Result<()> {
    let dtype = spec.compute_dtype();
    let fits = |b: &State| b.spec() == spec && b.outputs() == lines.outer * lines.inner;
    if values.len() != lines.outer * lines.len * lines.inner * dtype.size() || !before.is_none_or(fits) {
        return Err(internal("a scan was given other values than its lines have"));
    }
    let before = before.map(|b| &b.accumulators);
    match (spec.row().family, dtype) {
        (Family::Sum, DType::F16) => sums::<f16>(before, lines, bytemuck::cast_slice_mut(values), simd),
        (Family::Sum, DType::F32) => sums::<f32>(before, lines, bytemuck::cast_slice_mut(values), simd),
        (Family::Sum, DType::F64) => sums::<f64>(before, lines, bytemuck::cast_slice_mut(values), simd),
        (Family::Prod, DType::F16) => products::<f16>(before, lines, bytemuck::cast_slice_mut(values)),
        (Family::Prod, DType::F32) => products::<f32>(before, lines, bytemuck::cast_slice_mut(values)),
        (Family::Prod, DType::F64) => products::<f64>(before, lines, bytemuck::cast_slice_mut(values)),
        (Family::Min | Family::Max, _) => {
            let rule = State::new(spec, 0).key_rule();
            match dtype {
                DType::F16 => extremes::<f16>(before, lines, bytemuck::cast_slice_mut(values), rule),
                DType::F32 => extremes::<f32>(before, lines, bytemuck::cast_slice_mut(values), rule),
                DType::F64 => extremes::<f64>(before, lines, bytemuck::cast_slice_mut(values), rule),
                integer => crate::with_storage!(integer, T => {
                    extremes::<T>(before, lines, bytemuck::cast_slice_mut(values), rule)
                }),
            }
        }
        (family @ (Family::Sum | Family::Prod), _) => {
            macro_rules! integers {
                ($($dtype:ident $t:ty,)*) => {
                    match dtype {
                        $(DType::$dtype => {
                            integers::<$t>(family, before, lines, bytemuck::cast_slice_mut(values), dtype)
                        })*
                        _ => Err(internal("a scan of integers of another dtype")),
                    }
                };
            }
            integers!(I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64,)
        }
        _ => Err(internal("a scan of a reduction that has none")),
    }
}

fn internal(message: &str) -> Error {
    Error::new(ErrorKind::Internal, message)
}

/// Goes along all lines, each from what `start` gives: `step` makes a value what it comes to, `end` is told how a
/// line ended.
#[inline(always)]
fn each<T: Copy, A>(
    lines: Lines,
    values: &mut [T],
    mut start: impl FnMut(usize) -> Result<A>,
    step: impl Fn(&mut A, T) -> T,
    mut end: impl FnMut(A) -> Result<()>,
) -> Result<()> {
    let Lines { outer, len, inner } = lines;
    if len == 0 || inner == 0 {
        return Ok(());
    }
    for (o, bundle) in values.chunks_exact_mut(len * inner).take(outer).enumerate() {
        if inner == 1 {
            let mut line = start(o)?;
            bundle.iter_mut().for_each(|v| *v = step(&mut line, *v));
            end(line)?;
            continue;
        }
        for first in (0..inner).step_by(SIDE) {
            let side = SIDE.min(inner - first);
            let mut beside = Vec::with_capacity(side);
            for k in 0..side {
                beside.push(start(o * inner + first + k)?);
            }
            for row in bundle.chunks_exact_mut(inner) {
                for (v, line) in row[first..first + side].iter_mut().zip(&mut beside) {
                    *v = step(line, *v);
                }
            }
            beside.into_iter().try_for_each(&mut end)?;
        }
    }
    Ok(())
}

/// A stored float whose prefix sums are taken.
trait Widened: Rounded + Value {
    /// The values as float64, in `room` unless they are.
    fn widen<'a>(values: &'a [Self], room: &'a mut [f64; PIECE]) -> &'a [f64];
}

impl Widened for f64 {
    fn widen<'a>(values: &'a [f64], _: &'a mut [f64; PIECE]) -> &'a [f64] {
        values
    }
}

macro_rules! widened {
    ($($t:ty)*) => {$(
        impl Widened for $t {
            fn widen<'a>(values: &'a [$t], room: &'a mut [f64; PIECE]) -> &'a [f64] {
                room.iter_mut().zip(values).for_each(|(to, v)| *to = v.to_f64());
                &room[..values.len()]
            }
        }
    )*};
}
widened!(f16 f32);

fn sums<T: Widened>(before: Option<&Accumulators>, lines: Lines, values: &mut [T], simd: Simd) -> Result<()> {
    let start = |line: usize| match before {
        None => Ok(Prefix::default()),
        Some(Accumulators::Moments(m)) => Ok(Prefix::of(&m.sums.get(line))),
        Some(_) => Err(internal("a scan of sums goes on from something else")),
    };
    let Lines { outer, len, inner } = lines;
    if len == 0 || inner == 0 {
        return Ok(());
    }
    let mut room = [0.0; PIECE];
    for (o, bundle) in values.chunks_exact_mut(len * inner).take(outer).enumerate() {
        if inner == 1 {
            let mut made = [T::of_exact(0.0); PIECE];
            let mut prefix = start(o)?;
            for piece in bundle.chunks_mut(PIECE) {
                let made = &mut made[..piece.len()];
                prefix.scan(simd, T::widen(piece, &mut room), made);
                piece.copy_from_slice(made);
            }
            continue;
        }
        for first in (0..inner).step_by(TURNED) {
            let side = TURNED.min(inner - first);
            let mut prefixes = Vec::with_capacity(side);
            for k in 0..side {
                prefixes.push(start(o * inner + first + k)?);
            }
            let mut turned = [[T::of_exact(0.0); TURNED_PIECE + APART]; TURNED];
            let mut made = [T::of_exact(0.0); TURNED_PIECE];
            for rows in bundle.chunks_mut(inner * TURNED_PIECE) {
                let n = rows.len() / inner;
                for (k, row) in rows.chunks_exact(inner).enumerate() {
                    for (line, &v) in turned.iter_mut().zip(&row[first..first + side]) {
                        line[k] = v;
                    }
                }
                for (line, prefix) in turned.iter_mut().zip(&mut prefixes) {
                    prefix.scan(simd, T::widen(&line[..n], &mut room), &mut made[..n]);
                    line[..n].copy_from_slice(&made[..n]);
                }
                for (k, row) in rows.chunks_exact_mut(inner).enumerate() {
                    for (line, v) in turned.iter().zip(&mut row[first..first + side]) {
                        *v = line[k];
                    }
                }
            }
        }
    }
    Ok(())
}

fn overflow(family: Family, dtype: DType) -> Error {
    let what = if family == Family::Sum { "sum" } else { "product" };
    Error::new(ErrorKind::Overflow, format!("a cumulative {what} is out of bounds for {dtype}"))
        .hint("give dtype='float64' to have it rounded")
}

fn integers<T: Value + OverflowingAdd + OverflowingMul + TryFrom<i128>>(
    family: Family,
    before: Option<&Accumulators>,
    lines: Lines,
    values: &mut [T],
    dtype: DType,
) -> Result<()> {
    let start = |line: usize| {
        let before = match (before, family) {
            (None, Family::Sum) => Some(0),
            (None, _) => Some(1),
            (Some(Accumulators::Integers(i)), Family::Sum) => Some(i.sum(line)),
            (Some(Accumulators::IntegerProducts(p)), Family::Prod) => p.get(line),
            _ => return Err(internal("a scan of integers goes on from something else")),
        };
        // What came before is a result of the position before.
        let before = before.and_then(|b| T::try_from(b).ok()).ok_or_else(|| overflow(family, dtype))?;
        Ok((before, false))
    };
    let end = |(_, over): (T, bool)| if over { Err(overflow(family, dtype)) } else { Ok(()) };
    match family {
        Family::Sum => each(
            lines,
            values,
            start,
            |(sum, over), v| {
                let (next, beyond) = sum.overflowing_add(&v);
                (*sum, *over) = (next, *over | beyond);
                next
            },
            end,
        ),
        _ => each(
            lines,
            values,
            start,
            |(product, over), v| {
                let (next, beyond) = product.overflowing_mul(&v);
                (*product, *over) = (next, *over | beyond);
                next
            },
            end,
        ),
    }
}

/// An element of its bits.
#[inline(always)]
fn of_bits<T: Value>(bits: u64) -> T {
    match size_of::<T>() {
        1 => bytemuck::pod_read_unaligned(&(bits as u8).to_ne_bytes()),
        2 => bytemuck::pod_read_unaligned(&(bits as u16).to_ne_bytes()),
        4 => bytemuck::pod_read_unaligned(&(bits as u32).to_ne_bytes()),
        _ => bytemuck::pod_read_unaligned(&bits.to_ne_bytes()),
    }
}

fn extremes<T: Value>(
    before: Option<&Accumulators>,
    lines: Lines,
    values: &mut [T],
    rule: KeyRule,
) -> Result<()> {
    let start = |line: usize| match before {
        None => Ok(i64::MAX),
        Some(Accumulators::Extremes(e)) => Ok(e.key(line)),
        Some(_) => Err(internal("a scan of extremes goes on from something else")),
    };
    let step = |best: &mut i64, v: T| {
        *best = v.key(rule).min(*best);
        of_bits(T::of_key(*best, rule))
    };
    each(lines, values, start, step, |_| Ok(()))
}

fn products<T: Value>(before: Option<&Accumulators>, lines: Lines, values: &mut [T]) -> Result<()> {
    let format = match size_of::<T>() {
        2 => Format::F16,
        4 => Format::F32,
        _ => Format::F64,
    };
    let start = |line: usize| match before {
        None => Ok(Product::ONE),
        Some(Accumulators::FloatProducts(p)) => Ok(p.product(line)),
        Some(_) => Err(internal("a scan of products goes on from something else")),
    };
    let step = |product: &mut Product, v: T| {
        product.multiply_float(v.to_f64());
        of_bits(product.round(format))
    };
    each(lines, values, start, step, |_| Ok(()))
}
