//! Distributions by rejection. A method takes as many words as it needs of those that are the element's alone, so what
//! it rejects moves no other element.

use super::density::{binomial_log, poisson_log};
use super::inverse::{exponential, normal};
use super::philox::Own;
use crate::ops::elementwise::scalar::{exp, log};

/// The standard gamma distribution, for a shape of 0 or more: Marsaglia and Tsang, A simple method for generating
/// gamma variables (ACM TOMS 26, 2000). Below 1 it is that of shape + 1 times U^(1 / shape).
#[derive(Clone, Copy, Debug)]
pub(super) struct Gamma {
    shape: f64,
    d: f64,
    c: f64,
}

impl Gamma {
    pub fn new(shape: f64) -> Gamma {
        let d = if shape < 1.0 { shape + 1.0 } else { shape } - 1.0 / 3.0;
        Gamma { shape, d, c: 1.0 / (9.0 * d).sqrt() }
    }

    pub fn draw(&self, words: &mut Own) -> f64 {
        if self.shape == 0.0 {
            return 0.0;
        }
        let (size, e) = self.parts(words);
        if e == 0.0 { size } else { size * exp(-e / self.shape) }
    }

    /// The logarithm; and E, as it is about −E / shape where it is beyond every float.
    fn log_draw(&self, words: &mut Own) -> (f64, f64) {
        let (size, e) = self.parts(words);
        (log(size) - e / self.shape, e)
    }

    /// Two numbers s and E such that s · e^(−E / shape) is the one drawn; E is 0 for shapes from 1 on.
    fn parts(&self, words: &mut Own) -> (f64, f64) {
        let e = if self.shape < 1.0 { exponential(words.word()) } else { 0.0 };
        loop {
            let x = normal(words.word());
            let root = 1.0 + self.c * x;
            let u = words.unit();
            if root <= 0.0 {
                continue;
            }
            let (v, xx) = (root * root * root, x * x);
            if u < 1.0 - 0.0331 * (xx * xx) || log(u) < 0.5 * xx + self.d * (1.0 - v + log(v)) {
                return (self.d * v, e);
            }
        }
    }
}

/// 2^600, which makes shapes that are hardly floats ordinary ones.
const FAR: f64 = f64::from_bits((1023 + 600) << 52);

/// The beta distribution: X / (X + Y) of two gamma variables (Devroye, Non-Uniform Random Variate Generation, 1986,
/// IX.3), by their logarithms where one of them can be too small for a float.
pub(super) fn beta(a: &Gamma, b: &Gamma, words: &mut Own) -> f64 {
    if a.shape >= 1.0 && b.shape >= 1.0 {
        let x = a.draw(words);
        return 1.0 / (1.0 + b.draw(words) / x);
    }
    let ((x, ex), (y, ey)) = (a.log_draw(words), b.log_draw(words));
    if x == f64::NEG_INFINITY && y == f64::NEG_INFINITY {
        // −ex / a and −ey / b, both beyond every float: the smaller size counts.
        return f64::from(u8::from(ex * (b.shape * FAR) < ey * (a.shape * FAR)));
    }
    1.0 / (1.0 + exp(y - x))
}

/// What the transformed rejection of Hörmann makes of a normal-like distribution of whole numbers: k = ⌊(2a / us + b)
/// u + c⌋ for a uniform u, accepted at once in most cases, else by the density.
#[derive(Clone, Copy, Debug)]
struct Hat {
    a: f64,
    b: f64,
    c: f64,
    /// Accepted at once where v is at most this, and u not near an end.
    most: f64,
    /// Rejected at once where u is nearer to an end than this and than v.
    least: f64,
    /// The logarithm of what the hat is to the density.
    log_scale: f64,
}

impl Hat {
    /// `log_density` of k, up to what the hat's scale has, for k from 0 to `last`.
    fn draw(&self, words: &mut Own, last: f64, log_density: impl Fn(f64) -> f64) -> f64 {
        loop {
            let u = words.unit() - 0.5;
            let v = words.unit();
            let us = 0.5 - u.abs();
            let k = ((2.0 * self.a / us + self.b) * u + self.c).floor();
            if us >= 0.07 && v <= self.most {
                return k;
            }
            if k < 0.0 || k > last || (us < self.least && v > us) {
                continue;
            }
            if log(v) + self.log_scale - log(self.a / (us * us) + self.b) <= log_density(k) {
                return k;
            }
        }
    }
}

/// The Poisson distribution for means from 10 on: Hörmann's PTRS (The transformed rejection method for generating
/// Poisson random variables, Insurance: Mathematics and Economics 12, 1993). The density is Loader's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Poisson {
    lam: f64,
    hat: Hat,
}

impl Poisson {
    pub fn new(lam: f64) -> Poisson {
        let b = 0.931 + 2.53 * lam.sqrt();
        let hat = Hat {
            a: -0.059 + 0.02483 * b,
            b,
            c: lam + 0.43,
            most: 0.9277 - 3.6224 / (b - 2.0),
            least: 0.013,
            log_scale: log(1.1239 + 1.1328 / (b - 3.4)),
        };
        Poisson { lam, hat }
    }

    pub fn draw(&self, words: &mut Own) -> i64 {
        self.hat.draw(words, f64::INFINITY, |k| poisson_log(k, self.lam)) as i64
    }
}

/// The binomial distribution for p up to ½ and a mean from 10 on: Hörmann's BTRS (The generation of binomial random
/// variates, Journal of Statistical Computation and Simulation 46, 1993). The density is Loader's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binomial {
    n: u64,
    p: f64,
    hat: Hat,
    /// The logarithm of the density at its mode.
    log_mode: f64,
}

impl Binomial {
    pub fn new(n: u64, p: f64) -> Binomial {
        let size = n as f64;
        let spread = (size * p * (1.0 - p)).sqrt();
        let b = 1.15 + 2.53 * spread;
        let hat = Hat {
            a: -0.0873 + 0.0248 * b + 0.01 * p,
            b,
            c: size * p + 0.5,
            most: 0.92 - 4.2 / b,
            least: 0.0,
            log_scale: log((2.83 + 5.1 / b) * spread),
        };
        let mode = ((size + 1.0) * p).floor();
        Binomial { n, p, hat, log_mode: binomial_log(mode, n, p) }
    }

    pub fn draw(&self, words: &mut Own) -> u64 {
        let k = self.hat.draw(words, self.n as f64, |k| binomial_log(k, self.n, self.p) - self.log_mode);
        (k as u64).min(self.n)
    }
}
