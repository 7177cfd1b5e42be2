//! Arrays made from a formula: element `i` is a function of `i`, so cutting them into blocks in
//! any way gives the same elements.
//!
//! Sources: `numpy.arange` (`PyArray_Arange` and the `fill` functions of `arraytypes.c`),
//! `numpy.linspace` (`function_base.py`), `numpy.random.Philox` (Salmon et al. 2011, Philox4x64-10)
//! and `Generator.random`; for other distributions the papers that their files name. NumPy's own methods for those
//! take varying numbers of words from one sequence, so that no element has its place in it; here each has words of its
//! own. Limits: arange and linspace have one axis and no bool.

mod density;
pub(super) mod distribution;
mod inverse;
mod permute;
mod philox;
mod rejection;

pub use distribution::Distribution;
pub(crate) use distribution::at_least_zero;

use super::{Own, ReadCx, Source, SourceSpec, check_slab};
use crate::dtype::{DType, Kind, Scalar, Weak, f16_from_f64};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, MAX_RANK, Slab, c_strides, checked_len, unravel};
use distribution::Sampler;
use half::f16;
use philox::philox;
use std::sync::Arc;

/// A generated array.
#[derive(Debug)]
struct Generated {
    spec: SourceSpec,
    shape: Dims,
    dtype: DType,
    /// What draws the numbers of a distribution.
    sampler: Option<Sampler>,
}

/// `numpy.arange(start, stop, step, dtype)`. Without a dtype: int64 (or uint64) if all three are
/// whole numbers, else float64.
///
/// The elements are `start`, `start + step` and then `start + i * delta`, where `delta` is the
/// difference of the first two in the array's dtype (float32 for float16), as NumPy fills them.
///
/// # Errors
/// `Value` for a step of 0, for arguments that are not finite, and for too many elements;
/// `Type` for bool; `Overflow` if `start` or `start + step` does not fit the dtype.
pub fn arange(start: Weak, stop: Weak, step: Weak, dtype: Option<DType>) -> Result<Arc<dyn Source>> {
    let int = |w: Weak| match w {
        Weak::Int(v) => Some(v),
        Weak::Bool(b) => Some(i128::from(b)),
        Weak::Float(_) => None,
    };
    let float = |w: Weak| match w {
        Weak::Float(v) => v,
        Weak::Int(v) => v as f64,
        Weak::Bool(b) => f64::from(u8::from(b)),
    };
    let wrong =
        |what: &str| Error::new(ErrorKind::Value, format!("arange({start:?}, {stop:?}, {step:?}): {what}"));
    let (len, first, second) = match (int(start), int(stop), int(step)) {
        (Some(a), Some(b), Some(s)) => {
            if s == 0 {
                return Err(wrong("the step is 0"));
            }
            let span = b.checked_sub(a).ok_or_else(|| wrong("the range is too long"))?;
            let len = if (span > 0) == (s > 0) { span.unsigned_abs().div_ceil(s.unsigned_abs()) } else { 0 };
            let second = if len > 1 { a + s } else { a };
            (u64::try_from(len).ok(), Weak::Int(a), Weak::Int(second))
        }
        _ => {
            let (a, b, s) = (float(start), float(stop), float(step));
            if s == 0.0 || !(a.is_finite() && b.is_finite() && s.is_finite()) {
                return Err(wrong("the step must not be 0 and all must be finite"));
            }
            let len = ((b - a) / s).ceil().max(0.0);
            let len = (len <= i64::MAX as f64).then_some(len as u64);
            (len, Weak::Float(a), Weak::Float(a + s))
        }
    };
    let len = len.filter(|&n| n <= i64::MAX as u64 / 8).ok_or_else(|| wrong("too many elements"))?;
    let dtype = dtype.unwrap_or_else(|| match (first, second, stop) {
        (Weak::Int(_), Weak::Int(_), Weak::Int(s)) => Weak::Int(s.max(i128::from(i64::MIN))).default_dtype(),
        (Weak::Int(_), Weak::Int(_), _) => DType::I64,
        _ => DType::F64,
    });
    if dtype == DType::Bool {
        return Err(Error::new(ErrorKind::Type, "arange has no bool form"));
    }
    let cast = |w: Weak| match w {
        // As a C cast: the fraction is cut off.
        Weak::Float(v) if !dtype.is_float() => Weak::Int(v.trunc() as i128).to_scalar(dtype),
        Weak::Float(v) if dtype == DType::F16 => Ok(Scalar::F16(f16_from_f64(v))),
        w => w.to_scalar(dtype),
    };
    from_spec(&SourceSpec::Arange { start: cast(first)?, next: cast(second)?, len })
}

/// `numpy.linspace(start, stop, num, endpoint, dtype=dtype)`, computed in float64. For an integer
/// dtype the numbers are rounded down.
///
/// # Errors
/// `Type` for bool; `Value` for too many elements.
pub fn linspace(
    start: f64,
    stop: f64,
    num: u64,
    endpoint: Endpoint,
    dtype: DType,
) -> Result<Arc<dyn Source>> {
    from_spec(&SourceSpec::Linspace {
        start: Scalar::F64(start),
        stop: Scalar::F64(stop),
        num,
        endpoint: endpoint == Endpoint::Included,
        dtype,
    })
}

/// Whether the last number of [`linspace`] is `stop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `endpoint=True`
    Included,
    /// `endpoint=False`
    Excluded,
}

/// Uniform numbers in [0, 1) of dtype float32 or float64, the same bits as
/// `numpy.random.Generator(numpy.random.Philox(key=seed)).random(shape, dtype)`.
///
/// # Errors
/// `Type` for another dtype; `Shape` for too many axes or elements.
pub fn random(shape: &[u64], seed: u64, dtype: DType) -> Result<Arc<dyn Source>> {
    from_spec(&SourceSpec::Random { seed, shape: shape.into(), dtype })
}

/// Numbers of a distribution. Element `i` is a function of the seed, the distribution and `i` alone, made with no
/// platform's math library, so it has the same bits on every machine.
///
/// # Errors
/// `Value` for parameters that the distribution does not take; `Type` for a dtype of integers that is none; `Shape` for
/// too many axes or elements, and for a permutation of other than one axis.
pub fn drawn(distribution: Distribution, shape: &[u64], seed: u64) -> Result<Arc<dyn Source>> {
    from_spec(&SourceSpec::Drawn { distribution, seed, shape: shape.into() })
}

/// The generated array that a spec describes; everything in it is checked, since it may come
/// from another process.
pub(super) fn from_spec(spec: &SourceSpec) -> Result<Arc<dyn Source>> {
    let bad = |what: &str| Err(Error::new(ErrorKind::Value, format!("{what}: {spec:?}")));
    let (shape, dtype): (Dims, DType) = match spec {
        SourceSpec::Arange { start, next, len } => {
            if start.dtype() != next.dtype() || start.dtype() == DType::Bool {
                return bad("not an arange");
            }
            (Dims::from_slice(&[*len]), start.dtype())
        }
        SourceSpec::Linspace { num, dtype: DType::Bool, .. } => {
            return Err(Error::new(ErrorKind::Type, format!("linspace of {num} numbers has no bool form")));
        }
        SourceSpec::Linspace { num, dtype, start: Scalar::F64(_), stop: Scalar::F64(_), .. } => {
            (Dims::from_slice(&[*num]), *dtype)
        }
        SourceSpec::Random { shape, dtype, .. } => {
            if !matches!(dtype, DType::F32 | DType::F64) {
                return Err(Error::new(ErrorKind::Type, format!("random numbers of {dtype}"))
                    .hint("draw float32 or float64 and cast"));
            }
            (shape.clone(), *dtype)
        }
        SourceSpec::Drawn { distribution, shape, .. } => {
            distribution.check(shape)?;
            (shape.clone(), distribution.dtype())
        }
        _ => return bad("not a generated array"),
    };
    if shape.len() > MAX_RANK || checked_len(&shape).is_none_or(|n| n > i64::MAX as u64 / 8) {
        return Err(Error::new(ErrorKind::Shape, format!("a generated array of shape {shape:?}")));
    }
    let sampler = match spec {
        SourceSpec::Drawn { distribution, seed, shape } => Some(distribution.sampler(*seed, shape)),
        _ => None,
    };
    Ok(Arc::new(Generated { spec: spec.clone(), shape, dtype, sampler }))
}

impl Generated {
    /// Elements `first`, `first + step`, … into `out`.
    fn run(&self, first: u64, step: u64, out: &mut [u8]) {
        match self.spec {
            SourceSpec::Arange { start, next, .. } => arange_run(start, next, first, step, out),
            SourceSpec::Linspace { start, stop, num, endpoint, dtype } => {
                let (start, stop) = (start.to_f64(), stop.to_f64());
                let at = Linear::new(start, stop, num, endpoint);
                for (k, e) in out.chunks_exact_mut(dtype.size()).enumerate() {
                    e.copy_from_slice(&linear_bytes(at.value(first + step * k as u64), dtype));
                }
            }
            SourceSpec::Random { seed, dtype, .. } => {
                let mut block = (u64::MAX, [0u64; 4]);
                let per_word = if dtype == DType::F32 { 2 } else { 1 };
                for (k, e) in out.chunks_exact_mut(dtype.size()).enumerate() {
                    let i = first + step * k as u64;
                    let word = i / per_word;
                    if block.0 != word / 4 {
                        block = (word / 4, philox([seed, 0], [word / 4 + 1, 0, 0, 0]));
                    }
                    let bits = block.1[(word % 4) as usize];
                    if dtype == DType::F32 {
                        let half = (bits >> (32 * (i % 2))) as u32;
                        e.copy_from_slice(&((half >> 8) as f32 * (1.0 / 16_777_216.0)).to_ne_bytes());
                    } else {
                        let unit = (bits >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0);
                        e.copy_from_slice(&unit.to_ne_bytes());
                    }
                }
            }
            _ => {
                if let Some(sampler) = &self.sampler {
                    sampler.fill(first, step, out);
                }
            }
        }
    }
}

fn arange_run(start: Scalar, next: Scalar, first: u64, step: u64, out: &mut [u8]) {
    macro_rules! fill {
        ($t:ty, $a:expr, $b:expr, $f:expr) => {
            for (k, e) in out.chunks_exact_mut(size_of::<$t>()).enumerate() {
                let v: $t = match first + step * k as u64 {
                    0 => $a,
                    1 => $b,
                    i => $f(i),
                };
                e.copy_from_slice(&v.to_ne_bytes());
            }
        };
    }
    macro_rules! by_dtype {
        (ints $($i:ident $t:ty),*; floats $($f:ident $u:ty),*) => {
            match (start, next) {
                $((Scalar::$i(a), Scalar::$i(b)) => {
                    let delta = b.wrapping_sub(a);
                    fill!($t, a, b, |i: u64| a.wrapping_add((i as $t).wrapping_mul(delta)))
                })*
                $((Scalar::$f(a), Scalar::$f(b)) => {
                    let delta = b - a;
                    fill!($u, a, b, |i: u64| a + i as $u * delta)
                })*
                (Scalar::F16(a), Scalar::F16(b)) => {
                    let (wide, delta) = (a.to_f32(), b.to_f32() - a.to_f32());
                    fill!(f16, a, b, |i: u64| f16::from_f32(wide + i as f32 * delta))
                }
                _ => {}
            }
        };
    }
    by_dtype!(ints I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64; floats F32 f32, F64 f64);
}

/// linspace's formula.
struct Linear {
    start: f64,
    stop: f64,
    delta: f64,
    div: f64,
    step: f64,
    last: Option<u64>,
}

impl Linear {
    fn new(start: f64, stop: f64, num: u64, endpoint: bool) -> Self {
        let div = if endpoint { num.saturating_sub(1) } else { num } as f64;
        let delta = stop - start;
        let last = (endpoint && num > 1).then(|| num - 1);
        Linear { start, stop, delta, div, step: delta / div, last }
    }

    fn value(&self, i: u64) -> f64 {
        if Some(i) == self.last {
            return self.stop;
        }
        let y = i as f64;
        let y = if self.div == 0.0 {
            y * self.delta
        } else if self.step == 0.0 {
            y / self.div * self.delta
        } else {
            y * self.step
        };
        y + self.start
    }
}

fn linear_bytes(v: f64, dtype: DType) -> smallvec::SmallVec<[u8; 8]> {
    let whole = v.floor();
    let scalar = match dtype {
        DType::Bool => Scalar::Bool(v != 0.0),
        DType::I8 => Scalar::I8(whole as i8),
        DType::I16 => Scalar::I16(whole as i16),
        DType::I32 => Scalar::I32(whole as i32),
        DType::I64 => Scalar::I64(whole as i64),
        DType::U8 => Scalar::U8(whole as u8),
        DType::U16 => Scalar::U16(whole as u16),
        DType::U32 => Scalar::U32(whole as u32),
        DType::U64 => Scalar::U64(whole as u64),
        DType::F16 => Scalar::F16(f16_from_f64(v)),
        DType::F32 => Scalar::F32(v as f32),
        DType::F64 => Scalar::F64(v),
    };
    debug_assert!(scalar.dtype() == dtype && dtype.kind() != Kind::Bool);
    scalar.to_bytes()
}

impl Source for Generated {
    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn chunks(&self) -> Option<&Chunks> {
        None
    }

    fn spec(&self, _: Own) -> Option<SourceSpec> {
        Some(self.spec.clone())
    }

    fn describe(&self) -> String {
        match &self.spec {
            SourceSpec::Arange { start, next, len } => {
                format!("arange({start}, {next}, … {len} of {})", self.dtype)
            }
            SourceSpec::Linspace { start, stop, num, .. } => format!("linspace({start}, {stop}, {num})"),
            SourceSpec::Random { seed, shape, dtype } => format!("random({shape:?}, seed {seed}, {dtype})"),
            SourceSpec::Drawn { distribution, seed, shape } => {
                format!("{distribution} of shape {shape:?}, seed {seed}")
            }
            other => format!("{other:?}"),
        }
    }

    fn scratch_bytes(&self) -> u64 {
        0
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], _: &mut ReadCx) -> Result<()> {
        check_slab(&self.shape, self.dtype, slab, out)?;
        if slab.is_empty() {
            return Ok(());
        }
        let rank = self.shape.len();
        let strides = c_strides(&self.shape);
        // Runs along the last axis; joined into one where the slab is dense behind it.
        let mut axis = rank.saturating_sub(1);
        let mut run = slab.count.last().copied().unwrap_or(1);
        let step = slab.step.last().copied().unwrap_or(1);
        while axis > 0 && step == 1 && run == strides[axis - 1] as u64 && slab.step[axis - 1] == 1 {
            axis -= 1;
            run *= slab.count[axis];
        }
        let outer = &slab.count[..axis.min(rank)];
        let bytes = run as usize * self.dtype.size();
        for (k, piece) in out.chunks_exact_mut(bytes).enumerate() {
            let index = unravel(k as u64, outer);
            let first: u64 = (0..rank)
                .map(|d| {
                    let i = index.get(d).copied().unwrap_or(0);
                    (slab.start[d] + slab.step[d] * i) * strides[d] as u64
                })
                .sum();
            self.run(first, step, piece);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
