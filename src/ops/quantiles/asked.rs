//! What is asked for, and what is made of the order statistics that it takes.
//!
//! Where this differs from NumPy 2 on purpose: differences of integers do not wrap, so that a quantile of int8 lies
//! between its neighbours; a float16 array of more than 65,519 elements has a largest one (NumPy says NaN); `q` is
//! always a float, so that `quantile(x, 1)` of integers is float64; `nanmedian` over axes is the median of what is
//! left (NumPy doubles it first, which can overflow), and a list of quantiles of a float32 array is float64 also
//! where the first of them is NaN.

use super::keys::Ordered;
use super::method::{Method, Place};
use crate::dtype::{DType, Scalar, f16_from_f64};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use crate::ops::reduce::Notes;
use crate::with_storage;
use half::f16;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// Which quantiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Rule {
    /// The mean of the one or two elements in the middle.
    Median {},
    /// Quantiles from 0 to 1.
    Quantiles {
        /// How they are made of their neighbours.
        method: Method,
        /// Which ones, as the bits of float64.
        q: Vec<u64>,
        /// Whether it is one number and no list: the result has no axis for it then, and keeps a float's dtype.
        single: bool,
    },
}

/// What is asked of elements of a dtype.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Asked {
    dtype: DType,
    rule: Rule,
    skips_nan: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    dtype: DType,
    rule: Rule,
    skips_nan: bool,
}

impl TryFrom<Unchecked> for Asked {
    type Error = Error;

    fn try_from(u: Unchecked) -> Result<Asked> {
        Asked { dtype: u.dtype, rule: u.rule, skips_nan: u.skips_nan }.checked()
    }
}

impl Asked {
    /// The median; of what is not NaN, where that is skipped.
    pub fn median(dtype: DType, skips_nan: bool) -> Asked {
        Asked { dtype, rule: Rule::Median {}, skips_nan }
    }

    /// Quantiles; `single` says that it is one number and no list.
    ///
    /// # Errors
    /// `Value` if one is not from 0 to 1; `Type` for bools by a method that interpolates, as in NumPy.
    pub fn quantiles(
        dtype: DType,
        method: Method,
        q: &[f64],
        single: bool,
        skips_nan: bool,
    ) -> Result<Asked> {
        let q = q.iter().map(|q| q.to_bits()).collect();
        Asked { dtype, rule: Rule::Quantiles { method, q, single }, skips_nan }.checked()
    }

    fn checked(self) -> Result<Asked> {
        if let Rule::Quantiles { method, q, single } = &self.rule {
            if let Some(q) = q.iter().map(|&q| f64::from_bits(q)).find(|q| !(0.0..=1.0).contains(q)) {
                return Err(Error::new(
                    ErrorKind::Value,
                    format!("a quantile lies from 0 to 1 (a percentile from 0 to 100), and {q:?} does not"),
                ));
            }
            if *single && q.len() != 1 {
                return Err(Error::new(ErrorKind::Value, "a single quantile is one number"));
            }
            if self.dtype == DType::Bool && !method.is_discrete() {
                let message = format!("bools have no quantiles by the method '{}'", method.name());
                return Err(Error::new(ErrorKind::Type, message)
                    .hint("cast them, or use a method that gives one of the elements, such as 'nearest'"));
            }
        }
        Ok(self)
    }

    /// The dtype of the elements.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// NumPy's name of it.
    pub fn name(&self) -> &'static str {
        match (&self.rule, self.skips_nan) {
            (Rule::Median {}, false) => "median",
            (Rule::Median {}, true) => "nanmedian",
            (Rule::Quantiles { .. }, false) => "quantile",
            (Rule::Quantiles { .. }, true) => "nanquantile",
        }
    }

    /// Which ones, in words; nothing for a median.
    pub fn detail(&self) -> String {
        let Rule::Quantiles { method, q, .. } = &self.rule else { return String::new() };
        let shown = q.iter().take(5).map(|&q| f64::from_bits(q).to_string()).collect::<Vec<_>>().join(", ");
        let more = if q.len() > 5 { ", …" } else { "" };
        format!(" {shown}{more} ({})", method.name())
    }

    /// How many results there are.
    pub fn results(&self) -> usize {
        match &self.rule {
            Rule::Median {} => 1,
            Rule::Quantiles { q, .. } => q.len(),
        }
    }

    /// The quantiles, if they take weights: those by the method `inverted_cdf`, as in NumPy.
    pub fn weighted(&self) -> Option<impl Iterator<Item = f64>> {
        match &self.rule {
            Rule::Quantiles { method: Method::InvertedCdf, q, .. } => {
                Some(q.iter().map(|&q| f64::from_bits(q)))
            }
            _ => None,
        }
    }

    /// Whether NaN is not looked at.
    pub fn skips_nan(&self) -> bool {
        self.skips_nan
    }

    /// The shape of the results: no axis, or one.
    pub fn shape(&self) -> Dims {
        match &self.rule {
            Rule::Quantiles { q, single: false, .. } => Dims::from_slice(&[q.len() as u64]),
            _ => Dims::new(),
        }
    }

    /// The dtype of the results: that of the elements where a result is one of them. Otherwise float64 for integers
    /// and bools, and for lists of quantiles, for NumPy takes a list for an array of float64.
    pub fn out_dtype(&self) -> DType {
        match &self.rule {
            Rule::Quantiles { method, .. } if method.is_discrete() => self.dtype,
            Rule::Quantiles { single: false, .. } => DType::F64,
            _ if self.dtype.is_float() => self.dtype,
            _ => DType::F64,
        }
    }

    /// Whether there are results for no elements: NaN, as NumPy has it for medians and what skips NaN.
    pub fn has_none(&self) -> bool {
        self.out_dtype().is_float() && (self.skips_nan || self.rule == Rule::Median {})
    }

    /// Whether `n` numbers and `nans` NaN lead to anything but NaN.
    pub fn looks(&self, n: u64, nans: u64) -> bool {
        n > 0 && (self.skips_nan || nans == 0)
    }

    fn place(&self, n: u64, i: usize) -> Place {
        match &self.rule {
            Rule::Median {} => Place { before: (n - 1) / 2, after: n / 2, gamma: 0.5 },
            Rule::Quantiles { method, q, .. } => method.place(n, f64::from_bits(q[i])),
        }
    }

    /// The ranks of the elements that the results are made of: of `n` numbers in order (not 0), two for each result.
    pub fn ranks(&self, n: u64) -> SmallVec<[u64; 4]> {
        let places = (0..self.results()).map(|i| self.place(n, i));
        places.flat_map(|p| [p.before, p.after]).collect()
    }

    /// Makes the results of the keys of the elements at [`Asked::ranks`], native, one after the other. Where
    /// nothing is to be looked at ([`Asked::looks`]) the keys are not either.
    ///
    /// # Errors
    /// `Value` for no elements, where NumPy raises.
    pub fn make(&self, n: u64, nans: u64, keys: &[u64], out: &mut [u8]) -> Result<Notes> {
        let mut notes = Notes::default();
        let dtype = self.out_dtype();
        let nan = match dtype {
            DType::F16 => Scalar::F16(f16::NAN),
            DType::F32 => Scalar::F32(f32::NAN),
            _ => Scalar::F64(f64::NAN),
        };
        if n == 0 {
            if !(self.has_none() || nans > 0) {
                return Err(no_elements(self.name()));
            }
            notes = if nans == 0 {
                Notes::MEAN_OF_EMPTY
            } else if self.skips_nan {
                Notes::ALL_NAN
            } else {
                notes
            };
        }
        let looks = self.looks(n, nans);
        for (i, to) in out.chunks_exact_mut(dtype.size()).enumerate() {
            let made = match looks {
                false => nan,
                true => self.result(self.place(n, i), [2 * i, 2 * i + 1].map(|k| self.element(keys[k]))),
            };
            to.copy_from_slice(&made.to_bytes());
        }
        Ok(notes)
    }

    fn element(&self, key: u64) -> Scalar {
        if self.dtype == DType::Bool {
            return Scalar::Bool(key != 0);
        }
        with_storage!(self.dtype, T => {
            let value = <T as Ordered>::of_key(super::Key::narrow(key));
            crate::dtype::Element::to_scalar(value)
        })
    }

    fn result(&self, place: Place, [a, b]: [Scalar; 2]) -> Scalar {
        canonical(match &self.rule {
            Rule::Median {} => mean(a, (place.before != place.after).then_some(b)),
            Rule::Quantiles { method, .. } if method.is_discrete() => a,
            Rule::Quantiles { single, .. } => between(a, b, place.gamma, *single),
        })
    }
}

/// The error for quantiles of nothing.
pub fn no_elements(operation: &str) -> Error {
    Error::new(ErrorKind::Value, format!("{operation} of no elements"))
        .hint("nanquantile and nanpercentile give NaN")
}

/// `numpy.mean` of one or two elements: their sum from 0 on, float32 for float16.
fn mean(a: Scalar, b: Option<Scalar>) -> Scalar {
    match (a, b) {
        (Scalar::F16(a), None) => Scalar::F16(f16::from_f32(0.0 + a.to_f32())),
        (Scalar::F16(a), Some(Scalar::F16(b))) => {
            Scalar::F16(f16::from_f32((0.0 + a.to_f32() + b.to_f32()) / 2.0))
        }
        (Scalar::F32(a), None) => Scalar::F32(0.0 + a),
        (Scalar::F32(a), Some(Scalar::F32(b))) => Scalar::F32((0.0 + a + b) / 2.0),
        (a, None) => Scalar::F64(0.0 + a.to_f64()),
        (a, Some(b)) => Scalar::F64((0.0 + a.to_f64() + b.to_f64()) / 2.0),
    }
}

/// NumPy's `_lerp`: from the nearer end, each step rounded in the dtype that NumPy has there. A single gamma is a
/// Python float and takes the elements' dtype; those of a list are float64.
fn between(a: Scalar, b: Scalar, gamma: f64, single: bool) -> Scalar {
    let wide = |a: f64, b: f64, apart: f64| match gamma >= 0.5 {
        true => b - apart * (1.0 - gamma),
        false => a + apart * gamma,
    };
    match (a, b) {
        (Scalar::F32(a), Scalar::F32(b)) => {
            let apart = b - a;
            if !single {
                return Scalar::F64(wide(a.into(), b.into(), apart.into()));
            }
            Scalar::F32(match gamma >= 0.5 {
                true => b - apart * ((1.0 - gamma) as f32),
                false => a + apart * gamma as f32,
            })
        }
        (Scalar::F16(a), Scalar::F16(b)) => {
            let op = |f: fn(f32, f32) -> f32, x: f16, y: f16| f16::from_f32(f(x.to_f32(), y.to_f32()));
            let (add, sub, mul) = (|x, y| x + y, |x, y| x - y, |x, y| x * y);
            let apart = op(sub, b, a);
            if !single {
                return Scalar::F64(wide(a.into(), b.into(), apart.into()));
            }
            Scalar::F16(match gamma >= 0.5 {
                true => op(sub, b, op(mul, apart, f16_from_f64(1.0 - gamma))),
                false => op(add, a, op(mul, apart, f16_from_f64(gamma))),
            })
        }
        (Scalar::F64(a), Scalar::F64(b)) => Scalar::F64(wide(a, b, b - a)),
        (a, b) => {
            let whole = |s: Scalar| s.to_i128().unwrap_or(0);
            Scalar::F64(wide(a.to_f64(), b.to_f64(), (whole(b) - whole(a)) as f64))
        }
    }
}

/// One NaN for all.
fn canonical(s: Scalar) -> Scalar {
    match s {
        Scalar::F16(v) if v.is_nan() => Scalar::F16(f16::NAN),
        Scalar::F32(v) if v.is_nan() => Scalar::F32(f32::NAN),
        Scalar::F64(v) if v.is_nan() => Scalar::F64(f64::NAN),
        s => s,
    }
}
