//! Densities of whole numbers: Loader, Fast and accurate computation of binomial probabilities (2000). Each is a sum of
//! small terms, so it holds for means up to the largest integers.

use crate::ops::elementwise::scalar::{exp, log, log1p};

const LOG_TWO_PI: f64 = 1.837_877_066_409_345_5;

/// The logarithm of Poisson's density at a whole number k, for a mean above 0.
pub(super) fn poisson_log(k: f64, lam: f64) -> f64 {
    match k == 0.0 {
        true => -lam,
        false => -stirling_error(k) - deviance(k, lam) - 0.5 * (LOG_TWO_PI + log(k)),
    }
}

/// The logarithm of the binomial density at a whole number k up to n, for p above 0 and up to ½.
pub(super) fn binomial_log(k: f64, n: u64, p: f64) -> f64 {
    let size = n as f64;
    // Exact where n is no float.
    let rest = n.saturating_sub(k as u64) as f64;
    if k == 0.0 {
        return size * log1p(-p);
    }
    if rest == 0.0 {
        return size * log(p);
    }
    let errors = stirling_error(size) - stirling_error(k) - stirling_error(rest);
    let deviances = deviance(k, size * p) + deviance(rest, size * (1.0 - p));
    errors - deviances - 0.5 * (LOG_TWO_PI + log(k) + log(rest) - log(size))
}

/// log n! less Stirling's formula for it, for whole n from 1 on.
fn stirling_error(n: f64) -> f64 {
    if n < 16.0 {
        return STIRLING[n as usize];
    }
    let i = 1.0 / (n * n);
    (1.0 / 12.0 - i * (1.0 / 360.0 - i * (1.0 / 1260.0 - i * (1.0 / 1680.0 - i * (1.0 / 1188.0))))) / n
}

/// x log(x / m) + m − x, without cancellation where both are near.
fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() >= 0.1 * (x + m) {
        return x * log(x / m) + m - x;
    }
    let v = (x - m) / (x + m);
    let mut sum = (x - m) * v;
    let (mut term, vv) = (2.0 * x * v, v * v);
    for j in 1..200 {
        term *= vv;
        let next = sum + term / f64::from(2 * j + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// `stirling_error` of 1 to 15, by mpmath.
const STIRLING: [f64; 16] = [
    0.0,
    0.08106146679532726,
    0.0413406959554093,
    0.02767792568499834,
    0.020790672103765093,
    0.016644691189821193,
    0.013876128823070748,
    0.01189670994589177,
    0.010411265261972096,
    0.009255462182712733,
    0.00833056343336287,
    0.007573675487951841,
    0.00694284010720953,
    0.006408994188004207,
    0.0059513701127588475,
    0.005554733551962801,
];

/// A distribution of small whole numbers, by inversion of its tails.
#[derive(Clone, Debug)]
pub(super) struct Tails(Box<[f64]>);

impl Tails {
    /// Poisson's, for a mean up to 10.
    pub fn poisson(lam: f64) -> Tails {
        Tails::new(exp(-lam), |k| lam / k)
    }

    /// The binomial one, for p up to ½ and a mean up to 10.
    pub fn binomial(n: u64, p: f64) -> Tails {
        let odds = p / (1.0 - p);
        // n is far below 2^53 or p so small that it does not matter.
        Tails::new(exp(n as f64 * log1p(-p)), |k| odds * ((n as f64 - k + 1.0).max(0.0) / k))
    }

    /// Of the probability of 0, and the ratio of that of k to that of k − 1.
    fn new(zero: f64, ratio: impl Fn(f64) -> f64) -> Tails {
        // 2^-80: what is left out is far below the smallest probability that a word stands for.
        const LEAST: f64 = 1.0 / 1_208_925_819_614_629_174_706_176.0;
        let mut shares = vec![zero];
        let mut share = zero;
        for k in 1..1000 {
            let by = ratio(f64::from(k));
            share *= by;
            if by < 0.5 && share < LEAST {
                break;
            }
            shares.push(share);
        }
        // From the small ones to the large ones: the tail above each number.
        let mut tail = 0.0;
        for share in shares.iter_mut().rev() {
            let above = tail;
            tail += *share;
            *share = above;
        }
        Tails(shares.into())
    }

    /// The number whose share of the unit interval `u` is in: the small `u` are the large numbers.
    pub fn at(&self, u: f64) -> i64 {
        self.0.iter().take_while(|&&tail| u < tail).count() as i64
    }
}
