//! Quantiles of weighted elements: the first element up to which the elements in order have the wanted share of the
//! weights.
//!
//! As NumPy's `inverted_cdf` with `weights`, but that sums of weights are exact: a share is the exact sum of the
//! weights up to an element over that of all, rounded once to float64 and compared with the quantile. So it depends
//! on no order, and agrees with NumPy where NumPy's own sums are exact. Sums of float64 with a bound on their error
//! tell nearly always; the few elements about which they leave a doubt are decided by exact ones.

use crate::error::{Error, ErrorKind, Result};
use crate::ops::exact::{Format, Sums, Term, ratio};

/// What the shares of float64 sums may lack below everything that is normal.
const TINY: f64 = 1e-300;

/// For each quantile the position of the element that it is; `weight` gives those of the `n` elements in order.
///
/// # Errors
/// `Value` for weights below 0, that are not finite, or that are all 0.
pub fn weighted_ranks(
    n: usize,
    weight: impl Fn(usize) -> f64,
    q: impl Iterator<Item = f64>,
) -> Result<Vec<usize>> {
    if let Some(wrong) = (0..n).map(&weight).find(|w| !(w.is_finite() && *w >= 0.0)) {
        return Err(wrong_weights(&format!("a weight is {wrong:?}")));
    }
    let sum = |scale: f64| (0..n).fold(0.0, |sum, i| sum + weight(i) * scale);
    // Sums of finite weights that overflow do not at 2^-64 of their size.
    let scale = if sum(1.0).is_finite() { 1.0 } else { 2f64.powi(-64) };
    let total = sum(scale);
    if total == 0.0 {
        return Err(wrong_weights("all weights are 0"));
    }
    // Of sums of numbers that are not negative, and of their quotient; twice what it can be.
    let error = 4.0 * (n as f64 + 2.0) * f64::EPSILON;
    let mut exact_total = None;
    let one = |q: f64| {
        let margin = q * error + TINY;
        let (mut possible, mut sum) = (None, 0.0);
        for i in 0..n {
            sum += weight(i) * scale;
            let share = sum / total;
            if share > q + margin {
                return match possible {
                    None => i,
                    Some(first) => decided(first, i, &weight, n, q, &mut exact_total),
                };
            }
            if possible.is_none() && share >= q - margin && weight(i) > 0.0 {
                possible = Some(i);
            }
        }
        decided(possible.unwrap_or(0), n - 1, &weight, n, q, &mut exact_total)
    };
    Ok(q.map(one).collect())
}

/// The first of the elements `first..=last` whose share is `q`, by exact sums; the last one if none before it is.
fn decided(
    first: usize,
    last: usize,
    weight: &impl Fn(usize) -> f64,
    n: usize,
    q: f64,
    total: &mut Option<Sums>,
) -> usize {
    let up_to = |n: usize| {
        let mut sums = Sums::new(Term::F64, 1);
        (0..n).for_each(|i| sums.add_at(0, weight(i)));
        sums
    };
    let total = total.get_or_insert_with(|| up_to(n)).get(0);
    let mut sum = up_to(first);
    for i in first..last {
        // Without a weight it has the share of the one before.
        if weight(i) == 0.0 {
            continue;
        }
        sum.add_at(0, weight(i));
        let share = f64::from_bits(ratio(&sum.get(0), &total, Format::F64));
        if share >= q && share > 0.0 {
            return i;
        }
    }
    last
}

fn wrong_weights(what: &str) -> Error {
    Error::new(ErrorKind::Value, format!("{what}, so there are no weighted quantiles"))
        .hint("weights are finite and not negative, and some are above 0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;
    use num_traits::Zero;
    use std::cmp::Ordering;

    /// By whole numbers alone: weights are multiples of 2^-60, quantiles of 2^-100.
    fn slow(weights: &[f64], q: f64) -> usize {
        let whole = |v: f64, unit: i32| BigInt::from((v * 2f64.powi(-unit)) as i128);
        let total: BigInt = weights.iter().map(|&w| whole(w, -60)).sum();
        // A share is rounded to the quantile or above from the middle between it and the float below it.
        let below = f64::from_bits(q.to_bits() - 1);
        let border = (whole(q, -100) + whole(below, -100)) * &total;
        let mut sum = BigInt::zero();
        for (i, &w) in weights.iter().enumerate() {
            sum += whole(w, -60);
            match (&sum << 101u32).cmp(&border) {
                Ordering::Greater => return i,
                Ordering::Equal if q.to_bits() & 1 == 0 => return i,
                _ => {}
            }
        }
        unreachable!("the share of all is 1")
    }

    #[test]
    fn ranks_are_those_of_whole_numbers() {
        let mut state = 7u64;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state >> 33
        };
        for n in 1..60 {
            for kind in 0..3 {
                let weights: Vec<f64> = (0..n)
                    .map(|_| match (kind, next()) {
                        (0, v) => (v % 4) as f64,
                        (1, _) => 0.1,
                        (_, v) => (v % 1000) as f64 / 2f64.powi((next() % 50) as i32 - 10),
                    })
                    .collect();
                if weights.iter().all(|w| *w == 0.0) {
                    continue;
                }
                for q in (1..=n).map(|k| k as f64 / n as f64).chain([0.25, 0.5, 0.1, 0.9, 1.0]) {
                    let got = weighted_ranks(n, |i| weights[i], [q].into_iter()).unwrap();
                    assert_eq!(got, [slow(&weights, q)], "{weights:?} {q}");
                }
            }
        }
    }

    #[test]
    fn extremes_of_weights_and_quantiles() {
        let ranks = |w: &[f64], q: &[f64]| weighted_ranks(w.len(), |i| w[i], q.iter().copied()).unwrap();
        assert_eq!(ranks(&[0.0, 0.0, 1.0, 0.0, 2.0, 0.0], &[0.0, 0.3, 0.4, 1.0]), [2, 2, 4, 4]);
        assert_eq!(ranks(&[f64::MAX; 4], &[0.0, 0.25, 0.5, 0.75, 1.0]), [0, 0, 1, 2, 3]);
        assert_eq!(ranks(&[5e-324; 4], &[0.0, 0.25, 0.5, 0.75, 1.0]), [0, 0, 1, 2, 3]);
        // The first has so little that its share is 0.
        assert_eq!(ranks(&[5e-324, 1e300], &[0.0, 0.5]), [1, 1]);
        // Sums of float64 forget what is added to the first.
        let mut small = vec![1.0; 4097];
        small[0] = 2f64.powi(53);
        assert_eq!(ranks(&small, &[1.0 - 2f64.powi(-53)]), [4095]);
        for wrong in [&[1.0, -1.0][..], &[f64::NAN], &[f64::INFINITY], &[0.0, -0.0]] {
            let e = weighted_ranks(wrong.len(), |i| wrong[i], [0.5].into_iter()).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Value);
        }
    }
}
