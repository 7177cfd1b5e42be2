//! The distributions of which numbers are drawn, as plain data, and what draws them.

use super::density::Tails;
use super::inverse::{exponentials, normals, unit};
use super::permute::{Permutation, below};
use super::philox::Stream;
use super::rejection::{Binomial, Gamma, Poisson, beta};
use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::simd::Simd;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A distribution of `numpy.random.Generator`, without those that are made of another one by arithmetic. Floats are
/// float64 scalars.
///
/// Each has a number of its own, so that under one seed no two draw from the same random bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Distribution {
    /// `standard_normal`, float64: inversion by Wichura's AS 241.
    StandardNormal,
    /// `standard_exponential`, float64: inversion.
    StandardExponential,
    /// `standard_gamma`, float64: Marsaglia and Tsang 2000.
    StandardGamma {
        /// The shape, 0 or more.
        shape: Scalar,
    },
    /// `beta`, float64: of two gamma variables.
    Beta {
        /// Above 0.
        a: Scalar,
        /// Above 0.
        b: Scalar,
    },
    /// `poisson`, int64: inversion for means below 10, else Hörmann's PTRS.
    Poisson {
        /// The mean, 0 or more.
        lam: Scalar,
    },
    /// `binomial`, int64: inversion where the smaller of both means is below 10, else Hörmann's BTRS.
    Binomial {
        /// How many trials, up to the largest int64.
        n: u64,
        /// The probability of each, 0 to 1.
        p: Scalar,
    },
    /// `integers`, of any dtype of whole numbers or bool: Lemire 2019.
    Integers {
        /// The least one, of the array's dtype.
        low: Scalar,
        /// The greatest one, of the same dtype.
        last: Scalar,
    },
    /// `permutation` of 0, 1, … along the one axis that there is, int64: Fisher and Yates up to 4096 elements, else a
    /// Feistel network with cycle walking (Black and Rogaway 2002).
    Permutation,
}

/// The mean from which on numbers are drawn by rejection.
const MANY: f64 = 10.0;
/// As NumPy has it: ten deviations below the largest int64.
const MOST_LAM: f64 = 9.223_372_006_484_771e18;

impl Distribution {
    /// The dtype of the numbers.
    pub fn dtype(&self) -> DType {
        match self {
            Distribution::Integers { low, .. } => low.dtype(),
            Distribution::Poisson { .. } | Distribution::Binomial { .. } | Distribution::Permutation => {
                DType::I64
            }
            _ => DType::F64,
        }
    }

    /// That it is one.
    pub(super) fn check(&self, shape: &[u64]) -> Result<()> {
        let wrong = |what: &str| Err(Error::new(ErrorKind::Value, what));
        match self {
            Distribution::StandardNormal | Distribution::StandardExponential => Ok(()),
            Distribution::StandardGamma { shape } => {
                let shape = float(shape)?;
                at_least_zero("shape", shape)?;
                finite("shape", shape)
            }
            Distribution::Beta { a, b } => {
                for (name, value) in [("a", float(a)?), ("b", float(b)?)] {
                    if value.is_nan() || value <= 0.0 {
                        return wrong(&format!("{name} <= 0 or {name} is NaN"));
                    }
                    finite(name, value)?;
                }
                Ok(())
            }
            Distribution::Poisson { lam } => {
                let lam = float(lam)?;
                at_least_zero("lam", lam)?;
                if lam > MOST_LAM { wrong("lam value too large") } else { Ok(()) }
            }
            Distribution::Binomial { n, p } => {
                if *n > i64::MAX as u64 {
                    return wrong("n is too large: it does not fit int64");
                }
                let p = float(p)?;
                if (0.0..=1.0).contains(&p) { Ok(()) } else { wrong("p < 0, p > 1 or p is NaN") }
            }
            Distribution::Integers { low, last } => match (low.to_i128(), last.to_i128()) {
                (Some(a), Some(b)) if low.dtype() == last.dtype() => {
                    if a > b {
                        wrong("low >= high")
                    } else {
                        Ok(())
                    }
                }
                _ => Err(Error::new(
                    ErrorKind::Type,
                    format!("Unsupported dtype {} for integers", low.dtype()),
                )),
            },
            Distribution::Permutation if shape.len() == 1 => Ok(()),
            Distribution::Permutation => {
                Err(Error::new(ErrorKind::Shape, format!("a permutation of {} axes", shape.len())))
            }
        }
    }

    /// Its number in the counters of [`Stream`]. A number is never used again.
    fn number(&self) -> u64 {
        match self {
            Distribution::StandardNormal => 1,
            Distribution::StandardExponential => 2,
            Distribution::StandardGamma { .. } => 3,
            Distribution::Beta { .. } => 4,
            Distribution::Poisson { .. } => 5,
            Distribution::Binomial { .. } => 6,
            Distribution::Integers { .. } => 7,
            Distribution::Permutation => 8,
        }
    }

    /// What draws it; it was checked.
    pub(super) fn sampler(&self, seed: u64, shape: &[u64]) -> Sampler {
        let stream = Stream { seed, number: self.number() };
        let method = match *self {
            Distribution::StandardNormal => Method::Inverse(normals),
            Distribution::StandardExponential => Method::Inverse(exponentials),
            Distribution::StandardGamma { shape } => Method::Gamma(Gamma::new(shape.to_f64())),
            Distribution::Beta { a, b } => Method::Beta([a, b].map(|v| Gamma::new(v.to_f64()))),
            Distribution::Poisson { lam } => match lam.to_f64() {
                lam if lam < MANY => Method::Tails { tails: Tails::poisson(lam), rest_of: None },
                lam => Method::Poisson(Poisson::new(lam)),
            },
            Distribution::Binomial { n, p } => {
                let p = p.to_f64();
                let mirrored = p > 0.5;
                let p = if mirrored { 1.0 - p } else { p };
                let rest_of = mirrored.then_some(n as i64);
                match n as f64 * p < MANY {
                    true => Method::Tails { tails: Tails::binomial(n, p), rest_of },
                    false => Method::Binomial { binomial: Binomial::new(n, p), rest_of },
                }
            }
            Distribution::Integers { low, last } => {
                let [low, last] = [low, last].map(|v| v.to_i128().unwrap_or(0));
                Method::Integers { low: low as u64, span: (last - low) as u64 }
            }
            Distribution::Permutation => Method::Permutation(Permutation::new(shape[0], stream)),
        };
        Sampler { stream, size: self.dtype().size(), method }
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Distribution::StandardNormal => f.write_str("standard_normal"),
            Distribution::StandardExponential => f.write_str("standard_exponential"),
            Distribution::StandardGamma { shape } => write!(f, "standard_gamma({shape})"),
            Distribution::Beta { a, b } => write!(f, "beta({a}, {b})"),
            Distribution::Poisson { lam } => write!(f, "poisson({lam})"),
            Distribution::Binomial { n, p } => write!(f, "binomial({n}, {p})"),
            Distribution::Integers { low, last } => write!(f, "integers({low} to {last})"),
            Distribution::Permutation => f.write_str("permutation"),
        }
    }
}

/// NumPy's rule for deviations, scales and shapes; −0 is refused too.
pub(crate) fn at_least_zero(name: &str, value: f64) -> Result<()> {
    match value.is_nan() || value.is_sign_negative() {
        true => Err(Error::new(ErrorKind::Value, format!("{name} < 0 or {name} is NaN"))),
        false => Ok(()),
    }
}

fn finite(name: &str, value: f64) -> Result<()> {
    match value.is_finite() {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Value, format!("{name} is infinite"))),
    }
}

fn float(value: &Scalar) -> Result<f64> {
    match value {
        Scalar::F64(v) => Ok(*v),
        other => Err(Error::new(ErrorKind::Type, format!("a parameter of {}, not float64", other.dtype()))),
    }
}

/// A distribution, ready to be drawn from.
#[derive(Debug)]
pub(super) struct Sampler {
    stream: Stream,
    size: usize,
    method: Method,
}

/// Elements whose words are drawn together.
const TOGETHER: usize = 256;

#[derive(Debug)]
enum Method {
    /// Of each word.
    Inverse(fn(Simd, &[u64], &mut [f64])),
    Gamma(Gamma),
    Beta([Gamma; 2]),
    /// `rest_of`: the number from which what is drawn is taken off.
    Tails {
        tails: Tails,
        rest_of: Option<i64>,
    },
    Poisson(Poisson),
    Binomial {
        binomial: Binomial,
        rest_of: Option<i64>,
    },
    /// Modulo 2^64.
    Integers {
        low: u64,
        span: u64,
    },
    Permutation(Permutation),
}

impl Sampler {
    /// Elements `first`, `first + step`, … into `out`.
    pub fn fill(&self, first: u64, step: u64, out: &mut [u8]) {
        let stream = self.stream;
        let elements = || (0..).map(|k| first + step * k);
        let floats = |out: &mut [u8], draw: &dyn Fn(u64) -> f64| {
            for (e, i) in out.chunks_exact_mut(8).zip(elements()) {
                e.copy_from_slice(&draw(i).to_ne_bytes());
            }
        };
        let ints = |out: &mut [u8], draw: &dyn Fn(u64) -> i64| {
            for (e, i) in out.chunks_exact_mut(8).zip(elements()) {
                e.copy_from_slice(&draw(i).to_ne_bytes());
            }
        };
        let rest = |of: Option<i64>, v: i64| of.map_or(v, |n| n - v);
        let n = out.len() / self.size;
        match &self.method {
            Method::Inverse(of) => {
                let simd = Simd::best();
                let (mut words, mut drawn) = ([0; TOGETHER], [0.0; TOGETHER]);
                for (j, out) in out.chunks_mut(8 * TOGETHER).enumerate() {
                    let n = out.len() / 8;
                    let (words, drawn) = (&mut words[..n], &mut drawn[..n]);
                    stream.words(first + step * (j * TOGETHER) as u64, step, words);
                    of(simd, words, drawn);
                    out.copy_from_slice(bytemuck::cast_slice(drawn));
                }
            }
            Method::Gamma(gamma) => floats(out, &|i| gamma.draw(&mut stream.own(i))),
            Method::Beta([a, b]) => floats(out, &|i| beta(a, b, &mut stream.own(i))),
            Method::Tails { tails, rest_of } => stream.each_word(first, step, n, |k, _, word| {
                out[8 * k..][..8].copy_from_slice(&rest(*rest_of, tails.at(unit(word))).to_ne_bytes());
            }),
            Method::Poisson(poisson) => ints(out, &|i| poisson.draw(&mut stream.own(i))),
            Method::Binomial { binomial, rest_of } => {
                ints(out, &|i| rest(*rest_of, binomial.draw(&mut stream.own(i)) as i64));
            }
            &Method::Integers { low, span } => {
                let size = self.size;
                stream.each_word(first, step, n, |k, i, word| {
                    let mut own = None;
                    let more = || own.get_or_insert_with(|| stream.own(i)).word();
                    let value = low.wrapping_add(below(word, span, more));
                    write_low(value, &mut out[size * k..][..size]);
                });
            }
            Method::Permutation(permutation) => ints(out, &|i| permutation.at(i) as i64),
        }
    }
}

/// The low bytes of a number, in native order.
fn write_low(value: u64, out: &mut [u8]) {
    match out.len() {
        1 => out.copy_from_slice(&(value as u8).to_ne_bytes()),
        2 => out.copy_from_slice(&(value as u16).to_ne_bytes()),
        4 => out.copy_from_slice(&(value as u32).to_ne_bytes()),
        _ => out.copy_from_slice(&value.to_ne_bytes()),
    }
}
