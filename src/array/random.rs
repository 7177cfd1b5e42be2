//! Random numbers of `numpy.random.Generator`'s distributions, made by counting.

use super::{Array, Index};
use crate::dtype::{DType, Element, Kind, Scalar, Weak};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::checked_len;
use crate::ops::lookup::{Lookup, Side, Table};
use crate::source::generate::{self, Distribution, at_least_zero};
use std::ops::{Bound, RangeBounds};
use std::panic::Location;

/// The largest difference from 1 that NumPy allows the sum of probabilities.
const SUM: f64 = 1.0 / 67_108_864.0;

/// Of what [`Array::choice`] chooses, and how.
///
/// ```
/// use chunkwise::{Array, Choice, Session};
/// # fn main() -> chunkwise::Result<()> {
/// let coins = Array::choice(&[1000, 3], &Choice::of(&[1i8, -1]).p([0.25, 0.75]), 7);
/// assert_eq!(Session::new()?.compute(&coins.absolute().sum())?.as_slice::<i64>()?, [3000]);
/// let hands = Array::choice(&[4, 13], &Choice::below(52).without_replacement(), 7);
/// assert_eq!(Session::new()?.compute(&hands.sum())?.as_slice::<i64>()?, [51 * 52 / 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Choice {
    n: u64,
    of: Option<Table>,
    p: Option<Vec<f64>>,
    once: bool,
}

impl Choice {
    /// Of the whole numbers from 0 to n − 1, each as likely as the others, any number of times.
    pub fn below(n: u64) -> Choice {
        Choice { n, of: None, p: None, once: false }
    }

    /// Of these elements, at most 2^26.
    pub fn of(elements: impl Into<Table>) -> Choice {
        let of = elements.into();
        Choice { n: of.len() as u64, of: Some(of), p: None, once: false }
    }

    /// With these probabilities, which add up to 1.
    pub fn p(mut self, p: impl Into<Vec<f64>>) -> Choice {
        self.p = Some(p.into());
        self
    }

    /// Each one at most once.
    pub fn without_replacement(mut self) -> Choice {
        self.once = true;
        self
    }

    /// The places of what is chosen.
    #[track_caller]
    fn places(&self, shape: &[u64], seed: u64) -> Result<Array> {
        let wrong = |what: &str| Err(Error::new(ErrorKind::Value, what));
        let size = checked_len(shape);
        if self.n == 0 && size != Some(0) {
            return wrong(match self.of {
                Some(_) => "a cannot be empty unless no samples are taken",
                None => "a must be a positive integer unless no samples are taken",
            });
        }
        if let Some(p) = &self.p {
            let sums = cumulative(p, self.n)?;
            if self.once {
                let e =
                    Error::new(ErrorKind::Unsupported, "a choice by probabilities is with replacement only");
                return Err(e.hint("leave out p, or choose with replacement"));
            }
            return Ok(Array::random(shape, seed, DType::F64).searchsorted(&sums, Side::Right));
        }
        if size == Some(0) {
            return Ok(Array::zeros(shape, DType::I64));
        }
        if self.once {
            if size.is_none_or(|size| size > self.n) {
                return wrong("Cannot take a larger sample than population when replace is False");
            }
            let first = Array::permutation(self.n, seed).index([Index::from(..size.unwrap_or(0) as i64)]);
            let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
            return Ok(first.reshape(&shape));
        }
        match i64::try_from(self.n) {
            Ok(n) => Ok(Array::integers(shape, 0..n, seed)),
            Err(_) => wrong("a is too large: it does not fit int64"),
        }
    }
}

/// NumPy's sums of probabilities, from the first on, the last one being 1.
fn cumulative(p: &[f64], n: u64) -> Result<Vec<f64>> {
    let wrong = |what: &str| Err(Error::new(ErrorKind::Value, what));
    if p.len() as u64 != n {
        return wrong("a and p must have same size");
    }
    if p.iter().any(|p| p.is_nan()) {
        return wrong("Probabilities contain NaN");
    }
    if p.iter().any(|&p| p < 0.0) {
        return wrong("Probabilities are not non-negative");
    }
    // Kahan's sum, as NumPy adds them for this.
    let (mut sum, mut rest) = (0.0, 0.0);
    for p in p {
        let y = p - rest;
        let t: f64 = sum + y;
        rest = (t - sum) - y;
        sum = t;
    }
    if n > 0 && (sum - 1.0f64).abs() > SUM || sum.is_nan() {
        return wrong("Probabilities do not sum to 1");
    }
    let mut sums: Vec<f64> = p
        .iter()
        .scan(0.0, |sum, p| {
            *sum += p;
            Some(*sum)
        })
        .collect();
    let all = sums.last().copied().unwrap_or(1.0);
    sums.iter_mut().for_each(|sum| *sum /= all);
    Ok(sums)
}

/// Element `i` of these depends on the seed, the distribution, its parameters and `i` alone: no chunking, slice, number
/// of threads, budget or machine shows. Parameters, defaults and errors are those of NumPy's `Generator`; a parameter
/// that is NaN is an error. Numbers are float64, those of `poisson`, `binomial`, `permutation` and counts int64.
///
/// [`Array::random`], [`Array::uniform`] and [`Array::choice`] with probabilities give the numbers that NumPy gives from
/// `Generator(Philox(key=seed))`. NumPy makes those of the other distributions of one sequence, of which each takes a
/// varying number of words; here each has words of its own, so they are others of the same distribution. No two
/// distributions share random words, but for those that are made of another one: `uniform` and `choice` with
/// probabilities of `random`, `normal` and `lognormal` of `standard_normal`, `exponential` of
/// `standard_exponential`, `gamma` of `standard_gamma`, `choice` of `integers` or `permutation`. Give other seeds where
/// several arrays are to be independent.
impl Array {
    /// Uniform numbers from low to below high: `low + (high - low) * random`, as NumPy's.
    ///
    /// Errors, when it is computed: `Value` for high below low and for bounds that are infinitely far apart or NaN.
    #[track_caller]
    pub fn uniform(shape: &[u64], low: f64, high: f64, seed: u64) -> Array {
        let at = Location::caller();
        let range = high - low;
        let checked = match range.is_finite() {
            true if range.is_sign_negative() => Err("high - low < 0"),
            true => Ok(()),
            false => Err("high - low range exceeds valid bounds"),
        };
        match checked {
            Ok(()) => Array::random(shape, seed, DType::F64) * range + low,
            Err(what) => Array::from_draft("uniform", Err(Error::new(ErrorKind::Value, what)), at),
        }
    }

    /// Numbers of the standard normal distribution, by inversion (Wichura's Algorithm AS 241). In float32 they are
    /// those of float64, rounded.
    ///
    /// Errors, when it is computed: `Type` for another dtype.
    #[track_caller]
    pub fn standard_normal(shape: &[u64], seed: u64, dtype: DType) -> Array {
        let at = Location::caller();
        Array::standard("standard_normal", shape, Distribution::StandardNormal, seed, dtype, at)
    }

    /// Normal numbers: `loc + scale * standard_normal`.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let noise = Array::normal(&[1_000_000], 10.0, 2.0, 7);
    /// let mean = Session::new()?.compute(&noise.mean())?.as_slice::<f64>()?[0];
    /// assert!((mean - 10.0).abs() < 0.01);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Errors, when it is computed: `Value` for a scale below 0, and for NaN.
    #[track_caller]
    pub fn normal(shape: &[u64], loc: f64, scale: f64, seed: u64) -> Array {
        let at = Location::caller();
        match not_nan("loc", loc).and_then(|()| at_least_zero("scale", scale)) {
            Ok(()) => Array::standard_normal(shape, seed, DType::F64) * scale + loc,
            Err(e) => Array::from_draft("normal", Err(e), at),
        }
    }

    /// Numbers whose logarithm is normal: the exponential of [`Array::normal`] of that mean and deviation.
    ///
    /// Errors, when it is computed: `Value` for sigma below 0, and for NaN.
    #[track_caller]
    pub fn lognormal(shape: &[u64], mean: f64, sigma: f64, seed: u64) -> Array {
        let at = Location::caller();
        match not_nan("mean", mean).and_then(|()| at_least_zero("sigma", sigma)) {
            Ok(()) => Array::normal(shape, mean, sigma, seed).exp(),
            Err(e) => Array::from_draft("lognormal", Err(e), at),
        }
    }

    /// Numbers of the exponential distribution of scale 1, by inversion. In float32 they are those of float64, rounded.
    ///
    /// Errors, when it is computed: `Type` for another dtype.
    #[track_caller]
    pub fn standard_exponential(shape: &[u64], seed: u64, dtype: DType) -> Array {
        let at = Location::caller();
        Array::standard("standard_exponential", shape, Distribution::StandardExponential, seed, dtype, at)
    }

    /// Exponential numbers: `scale * standard_exponential`.
    ///
    /// Errors, when it is computed: `Value` for a scale below 0, and for NaN.
    #[track_caller]
    pub fn exponential(shape: &[u64], scale: f64, seed: u64) -> Array {
        let at = Location::caller();
        match at_least_zero("scale", scale) {
            Ok(()) => Array::standard_exponential(shape, seed, DType::F64) * scale,
            Err(e) => Array::from_draft("exponential", Err(e), at),
        }
    }

    /// Numbers of the gamma distribution of a shape and scale 1 (Marsaglia and Tsang 2000). In float32 they are those of
    /// float64, rounded.
    ///
    /// Errors, when it is computed: `Value` for a shape below 0, infinite or NaN; `Type` for another dtype.
    #[track_caller]
    pub fn standard_gamma(shape: &[u64], k: f64, seed: u64, dtype: DType) -> Array {
        let at = Location::caller();
        let distribution = Distribution::StandardGamma { shape: k.into() };
        Array::standard("standard_gamma", shape, distribution, seed, dtype, at)
    }

    /// Numbers of the gamma distribution of shape k: `scale * standard_gamma`.
    ///
    /// Errors, when it is computed: `Value` for a shape or scale below 0 or NaN, and for an infinite shape.
    #[track_caller]
    pub fn gamma(shape: &[u64], k: f64, scale: f64, seed: u64) -> Array {
        let at = Location::caller();
        match at_least_zero("scale", scale) {
            Ok(()) => Array::standard_gamma(shape, k, seed, DType::F64) * scale,
            Err(e) => Array::from_draft("gamma", Err(e), at),
        }
    }

    /// Numbers of the beta distribution, made of two gamma variables (Devroye 1986, IX.3).
    ///
    /// Errors, when it is computed: `Value` for a or b that is 0 or below, infinite or NaN.
    #[track_caller]
    pub fn beta(shape: &[u64], a: f64, b: f64, seed: u64) -> Array {
        let at = Location::caller();
        Array::drawn("beta", shape, Distribution::Beta { a: a.into(), b: b.into() }, seed, at)
    }

    /// Counts of the Poisson distribution of mean lam, int64: by inversion below 10, else by Hörmann's transformed
    /// rejection (PTRS, 1993).
    ///
    /// Errors, when it is computed: `Value` for lam below 0, NaN, or beyond int64.
    #[track_caller]
    pub fn poisson(shape: &[u64], lam: f64, seed: u64) -> Array {
        let at = Location::caller();
        Array::drawn("poisson", shape, Distribution::Poisson { lam: lam.into() }, seed, at)
    }

    /// How many of n trials succeed that each do with probability p, int64: by inversion for small means, else by
    /// Hörmann's transformed rejection (BTRS, 1993).
    ///
    /// Errors, when it is computed: `Value` for p outside 0 to 1 or NaN, and for n beyond int64.
    #[track_caller]
    pub fn binomial(shape: &[u64], n: u64, p: f64, seed: u64) -> Array {
        let at = Location::caller();
        Array::drawn("binomial", shape, Distribution::Binomial { n, p: p.into() }, seed, at)
    }

    /// Whole numbers of a range, each as likely as the others (Lemire 2019), of the dtype of its ends, bools among them.
    /// A range without an end goes as far as the dtype.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let dice = Array::integers(&[2, 1000], 1..=6u8, 7);
    /// assert_eq!(Session::new()?.compute(&dice.max())?.as_slice::<u8>()?, [6]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Errors, when it is computed: `Value` for a range without elements; `Type` for floats.
    #[track_caller]
    pub fn integers<T: Element>(shape: &[u64], range: impl RangeBounds<T>, seed: u64) -> Array {
        let at = Location::caller();
        let dtype = T::DTYPE;
        let ends = limits(dtype).map(|limits| {
            let whole = |v: &T| v.to_scalar().to_i128().unwrap_or(0);
            let low = match range.start_bound() {
                Bound::Included(v) => whole(v),
                Bound::Excluded(v) => whole(v) + 1,
                Bound::Unbounded => limits.0,
            };
            let last = match range.end_bound() {
                Bound::Included(v) => whole(v),
                Bound::Excluded(v) => whole(v) - 1,
                Bound::Unbounded => limits.1,
            };
            (low, last)
        });
        match ends {
            Ok((low, last)) => Array::integers_of(shape, low, last, dtype, seed, at),
            Err(e) => Array::from_draft("integers", Err(e), at),
        }
    }

    /// Whole numbers from low to last, of a dtype.
    pub(crate) fn integers_of(
        shape: &[u64],
        low: i128,
        last: i128,
        dtype: DType,
        seed: u64,
        at: &'static Location<'static>,
    ) -> Array {
        let distribution = limits(dtype).and_then(|(least, most)| {
            let wrong = |what: String| Err(Error::new(ErrorKind::Value, what));
            if low > last {
                return wrong("low >= high".into());
            }
            for (name, value) in [("low", low), ("high", last)] {
                if value < least || value > most {
                    return wrong(format!("{name} is out of bounds for {dtype}"));
                }
            }
            let end = |v: i128| match dtype {
                DType::Bool => Ok(Scalar::Bool(v != 0)),
                _ => Weak::Int(v).to_scalar(dtype),
            };
            Ok(Distribution::Integers { low: end(low)?, last: end(last)? })
        });
        match distribution {
            Ok(distribution) => Array::drawn("integers", shape, distribution, seed, at),
            Err(e) => Array::from_draft("integers", Err(e), at),
        }
    }

    /// What [`Choice`] says, chosen at random.
    ///
    /// Without probabilities the places of what is chosen are [`Array::integers`], or where each is chosen once at most
    /// the first elements of [`Array::permutation`]. With probabilities they are found among their sums by
    /// [`Array::random`], as NumPy finds them.
    ///
    /// Errors, when it is computed: `Value` for nothing to choose from, probabilities that are none or do not sum to 1,
    /// and more than there is without replacement; `Unsupported` for probabilities without replacement.
    #[track_caller]
    pub fn choice(shape: &[u64], choice: &Choice, seed: u64) -> Array {
        let at = Location::caller();
        match (choice.places(shape, seed), &choice.of) {
            (Ok(places), None) => places,
            (Ok(_), Some(of)) if of.is_empty() => Array::zeros(shape, of.dtype()),
            (Ok(places), Some(of)) => places.looked_up("choice", at, |_| Lookup::element(of.clone())),
            (Err(e), _) => Array::from_draft("choice", Err(e), at),
        }
    }

    /// The numbers 0 to n − 1 in a random order, int64. No array is held: the number at a place is enciphered from the
    /// place by a Feistel network with cycle walking (Black and Rogaway 2002); up to 4096 numbers are shuffled by Fisher
    /// and Yates.
    ///
    /// ```
    /// use chunkwise::{Array, Index, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// // A sample of a trillion, each at most once.
    /// let sample = Array::permutation(1_000_000_000_000, 7).index([Index::from(0..5)]);
    /// assert!(Session::new()?.compute(&sample.max())?.as_slice::<i64>()?[0] < 1_000_000_000_000);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn permutation(n: u64, seed: u64) -> Array {
        Array::drawn("permutation", &[n], Distribution::Permutation, seed, Location::caller())
    }

    fn drawn(
        name: &'static str,
        shape: &[u64],
        distribution: Distribution,
        seed: u64,
        at: &'static Location<'static>,
    ) -> Array {
        Array::from_result(name, generate::drawn(distribution, shape, seed), at)
    }

    /// Of a standard distribution, in float64 or float32.
    fn standard(
        name: &'static str,
        shape: &[u64],
        distribution: Distribution,
        seed: u64,
        dtype: DType,
        at: &'static Location<'static>,
    ) -> Array {
        if !matches!(dtype, DType::F32 | DType::F64) {
            let e = Error::new(ErrorKind::Type, format!("Unsupported dtype {dtype} for {name}"));
            return Array::from_draft(name, Err(e.hint("draw float32 or float64 and cast")), at);
        }
        Array::drawn(name, shape, distribution, seed, at).cast(dtype)
    }
}

fn not_nan(name: &str, value: f64) -> Result<()> {
    match value.is_nan() {
        true => Err(Error::new(ErrorKind::Value, format!("{name} is NaN"))),
        false => Ok(()),
    }
}

/// The least and the greatest number of a dtype of whole numbers; of bools 0 and 1.
fn limits(dtype: DType) -> Result<(i128, i128)> {
    let bits = 8 * dtype.size() as u32;
    match dtype.kind() {
        Kind::Bool => Ok((0, 1)),
        Kind::Int => Ok((-(1 << (bits - 1)), (1 << (bits - 1)) - 1)),
        Kind::UInt => Ok((0, (1 << bits) - 1)),
        Kind::Float => Err(Error::new(ErrorKind::Type, format!("Unsupported dtype {dtype} for integers"))),
    }
}
