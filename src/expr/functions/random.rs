//! Random numbers of `numpy.random.Generator`: NumPy's parameters in its order, and the seed by its name.

use super::super::args::Args;
use super::super::catalogue::Kind;
use super::super::cx::Cx;
use super::super::value::{Item, Val};
use super::lookup::list;
use super::row::{Function, functions};
use crate::{Array, Choice, DType, Result, Weak};
use std::panic::Location;

pub(super) static FUNCTIONS: &[Function] = functions! {
    /// Uniform random numbers in [0, 1), made of a seed and their place: the same ones in every run.
    Random "random(size=None, *, seed=0, dtype=float64)" eg "random((2, 3), seed=1) < 1" = |cx, mut a| {
        let (size, seed, dtype) = (size(cx, &mut a)?, seed(cx, &mut a)?, a.dtype(cx)?);
        Ok(Val::Array(Array::random(&size, seed, dtype.unwrap_or(DType::F64))))
    };
    /// Uniform random numbers from low to below high. Those of NumPy's Philox with this key.
    Random "uniform(low=0.0, high=1.0, size=None, *, seed=0)"
        eg "uniform(-1, 1, size=3, seed=1) < 1" =
            |cx, a| two(cx, a, [("low", 0.0), ("high", 1.0)], Array::uniform);
    /// Normal random numbers of a mean and a standard deviation.
    Random "normal(loc=0.0, scale=1.0, size=None, *, seed=0)"
        eg "abs(normal(5, 2, size=3, seed=1) - 5) < 20" =
            |cx, a| two(cx, a, [("loc", 0.0), ("scale", 1.0)], Array::normal);
    /// Normal random numbers of mean 0 and deviation 1, by inversion (Wichura's AS 241).
    Random "standard_normal(size=None, *, seed=0, dtype=float64)"
        eg "abs(standard_normal(3, seed=1)) < 10" = |cx, mut a| {
        let (size, seed, dtype) = (size(cx, &mut a)?, seed(cx, &mut a)?, a.dtype(cx)?);
        Ok(Val::Array(Array::standard_normal(&size, seed, dtype.unwrap_or(DType::F64))))
    };
    /// Random numbers whose logarithm is normal, of this mean and deviation.
    Random "lognormal(mean=0.0, sigma=1.0, size=None, *, seed=0)"
        eg "lognormal(size=3, seed=1) > 0" =
            |cx, a| two(cx, a, [("mean", 0.0), ("sigma", 1.0)], Array::lognormal);
    /// Exponential random numbers of this mean, by inversion.
    Random "exponential(scale=1.0, size=None, *, seed=0)" eg "exponential(2, size=3, seed=1) > 0" =
        |cx, a| one(cx, a, ("scale", 1.0), Array::exponential);
    /// Exponential random numbers of mean 1, by inversion.
    Random "standard_exponential(size=None, *, seed=0, dtype=float64)"
        eg "standard_exponential(3, seed=1) > 0" = |cx, mut a| {
        let (size, seed, dtype) = (size(cx, &mut a)?, seed(cx, &mut a)?, a.dtype(cx)?);
        Ok(Val::Array(Array::standard_exponential(&size, seed, dtype.unwrap_or(DType::F64))))
    };
    /// Random numbers of the gamma distribution (Marsaglia and Tsang); shape and scale are its parameters.
    Random "gamma(shape, scale=1.0, size=None, *, seed=0)" eg "gamma(2.5, size=3, seed=1) > 0" = |cx, mut a| {
        let k = a.need(cx, "shape")?.float(cx, "shape")?;
        one(cx, a, ("scale", 1.0), |size, scale, seed| Array::gamma(size, k, scale, seed))
    };
    /// Random numbers of the gamma distribution of scale 1 (Marsaglia and Tsang); shape is its parameter.
    Random "standard_gamma(shape, size=None, *, seed=0, dtype=float64)"
        eg "standard_gamma(2.5, 3, seed=1) > 0" = |cx, mut a| {
        let k = a.need(cx, "shape")?.float(cx, "shape")?;
        let (size, seed, dtype) = (size(cx, &mut a)?, seed(cx, &mut a)?, a.dtype(cx)?);
        Ok(Val::Array(Array::standard_gamma(&size, k, seed, dtype.unwrap_or(DType::F64))))
    };
    /// Random numbers of the beta distribution, between 0 and 1.
    Random "beta(a, b, size=None, *, seed=0)" eg "beta(2, 3, size=3, seed=1) < 1" = |cx, mut a| {
        let ends = (a.need(cx, "a")?.float(cx, "a")?, a.need(cx, "b")?.float(cx, "b")?);
        Ok(Val::Array(Array::beta(&size(cx, &mut a)?, ends.0, ends.1, seed(cx, &mut a)?)))
    };
    /// Random counts of the Poisson distribution of this mean (inversion, or Hörmann's PTRS).
    Random "poisson(lam=1.0, size=None, *, seed=0)" eg "poisson(4, size=3, seed=1) >= 0" =
        |cx, a| one(cx, a, ("lam", 1.0), Array::poisson);
    /// How many of n trials succeed that each do with probability p (inversion, or Hörmann's BTRS).
    Random "binomial(n, p, size=None, *, seed=0)" eg "binomial(10, 0.5, size=3, seed=1) <= 10" = |cx, mut a| {
        let item = a.need(cx, "n")?;
        let n = u64::try_from(item.int(cx, "n")?).map_err(|_| cx.error(item.span, "n < 0"))?;
        one(cx, a, ("p", f64::NAN), |size, p, seed| Array::binomial(size, n, p, seed))
    };
    /// Random whole numbers from low to below high, or to high with endpoint; from 0 if one is given (Lemire).
    Random "integers(low, high=None, size=None, dtype=int64, endpoint=False, *, seed=0)"
        eg "integers(1, 7, size=3, seed=1) < 7" = integers;
    /// Elements of a list, or whole numbers below one, chosen at random, with probabilities p if they are given. The
    /// list is computed first.
    Random "choice(a, size=None, replace=True, p=None, *, seed=0)"
        eg "choice([2, 3, 5], size=4, seed=1) < 6" = choice;
    /// The numbers below x in a random order, each found from its place, so that none is held.
    Random "permutation(x, *, seed=0)" eg "sum(permutation(100, seed=1))" = |cx, mut a| {
        let x = a.need(cx, "x")?;
        match x.value {
            Val::Scalar(Weak::Int(_)) => {}
            _ => {
                let e = cx.error(x.span, format!("x must be a whole number, not {}", x.value.kind()));
                return Err(e.hint("an array in a random order is take(a, permutation(a.shape[0]), axis=0)"));
            }
        }
        // As NumPy: of a negative number there are none.
        let n = x.int(cx, "x")?.max(0) as u64;
        Ok(Val::Array(Array::permutation(n, seed(cx, &mut a)?)))
    };
};

/// The shape of what is drawn, one number if none is given.
fn size(cx: &Cx, a: &mut Args) -> Result<Vec<u64>> {
    Ok(a.take("size").map(|item| item.shape(cx, "size")).transpose()?.unwrap_or_default())
}

fn seed(cx: &Cx, a: &mut Args) -> Result<u64> {
    let Some(item) = a.take("seed") else { return Ok(0) };
    let seed = match item.value {
        Val::Scalar(Weak::Int(v)) => u64::try_from(v).ok(),
        _ => u64::try_from(item.int(cx, "seed")?).ok(),
    };
    seed.ok_or_else(|| cx.error(item.span, "a seed is a whole number from 0 to 2^64 - 1"))
}

/// Of one parameter.
fn one(
    cx: &Cx,
    mut a: Args,
    (name, default): (&str, f64),
    make: impl Fn(&[u64], f64, u64) -> Array,
) -> Result<Val> {
    let value = a.take(name).map(|item| item.float(cx, name)).transpose()?.unwrap_or(default);
    Ok(Val::Array(make(&size(cx, &mut a)?, value, seed(cx, &mut a)?)))
}

/// Of two.
fn two(
    cx: &Cx,
    mut a: Args,
    params: [(&str, f64); 2],
    make: fn(&[u64], f64, f64, u64) -> Array,
) -> Result<Val> {
    let mut values = [0.0; 2];
    for (value, (name, default)) in values.iter_mut().zip(params) {
        *value = a.take(name).map(|item| item.float(cx, name)).transpose()?.unwrap_or(default);
    }
    Ok(Val::Array(make(&size(cx, &mut a)?, values[0], values[1], seed(cx, &mut a)?)))
}

/// A whole number of any size.
fn whole(cx: &Cx, item: &Item, name: &str) -> Result<i128> {
    match item.value {
        Val::Scalar(Weak::Int(v)) => Ok(v),
        _ => Ok(item.int(cx, name)?.into()),
    }
}

fn integers(cx: &Cx, mut a: Args) -> Result<Val> {
    let first = a.need(cx, "low")?;
    let end = a.take("high");
    let (low, high) = match &end {
        Some(end) => (whole(cx, &first, "low")?, whole(cx, end, "high")?),
        None => (0, whole(cx, &first, "high")?),
    };
    let endpoint = a.take("endpoint").map(|e| e.bool(cx, "endpoint")).transpose()?.unwrap_or(false);
    let last = if endpoint { high } else { high.saturating_sub(1) };
    if low > last {
        let what = match (&end, endpoint) {
            (Some(_), false) => "low >= high",
            (Some(_), true) => "low > high",
            (None, false) => "high <= 0",
            (None, true) => "high < 0",
        };
        return Err(cx.error(end.as_ref().unwrap_or(&first).span, what));
    }
    let dtype = a.dtype(cx)?.unwrap_or(DType::I64);
    let (size, seed) = (size(cx, &mut a)?, seed(cx, &mut a)?);
    Ok(Val::Array(Array::integers_of(&size, low, last, dtype, seed, Location::caller())))
}

fn choice(cx: &Cx, mut a: Args) -> Result<Val> {
    let of = a.need(cx, "a")?;
    let mut choice = match of.value {
        Val::Scalar(Weak::Int(n)) => {
            let what = "a must be a positive integer unless no samples are taken";
            Choice::below(u64::try_from(n).map_err(|_| cx.error(of.span, what))?)
        }
        Val::Scalar(_) => {
            let what = format!("a must be a sequence or an integer, not {}", of.value.kind());
            return Err(cx.error(of.span, what));
        }
        _ => Choice::of(&list(cx, of, "a")?),
    };
    if let Some(p) = a.take("p") {
        choice = choice.p(list(cx, p, "p")?.to_f64());
    }
    if !a.take("replace").map(|r| r.bool(cx, "replace")).transpose()?.unwrap_or(true) {
        choice = choice.without_replacement();
    }
    Ok(Val::Array(Array::choice(&size(cx, &mut a)?, &choice, seed(cx, &mut a)?)))
}
