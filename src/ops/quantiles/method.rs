//! The ways to place a quantile among the elements in order: NumPy's thirteen methods, with its formulas.

use serde::{Deserialize, Serialize};

/// How a quantile that falls between two elements is made of them; NumPy's `method`. The first nine are those of
/// Hyndman and Fan (1996).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// The first element that has at least the wanted share at or before it.
    InvertedCdf,
    /// As [`Method::InvertedCdf`], the mean of two elements where both will do.
    AveragedInvertedCdf,
    /// The element that is nearest to the wanted rank, the even rank of two.
    ClosestObservation,
    /// Linear, with the wanted share of n as rank.
    InterpolatedInvertedCdf,
    /// Linear, between the middles of the steps.
    Hazen,
    /// Linear, with the wanted share of n + 1 as rank.
    Weibull,
    /// Linear, with the smallest at 0 and the largest at 1; NumPy's default.
    #[default]
    Linear,
    /// Linear; nearly the median of a quantile whatever the distribution.
    MedianUnbiased,
    /// Linear; nearly unbiased for a normal distribution.
    NormalUnbiased,
    /// The element before.
    Lower,
    /// The element after.
    Higher,
    /// The middle of the two.
    Midpoint,
    /// The nearer one.
    Nearest,
}

/// Where a quantile lies: between the elements at two ranks, so far from the first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub before: u64,
    pub after: u64,
    pub gamma: f64,
}

impl Method {
    /// All of them.
    pub const ALL: [Method; 13] = [
        Method::InvertedCdf,
        Method::AveragedInvertedCdf,
        Method::ClosestObservation,
        Method::InterpolatedInvertedCdf,
        Method::Hazen,
        Method::Weibull,
        Method::Linear,
        Method::MedianUnbiased,
        Method::NormalUnbiased,
        Method::Lower,
        Method::Higher,
        Method::Midpoint,
        Method::Nearest,
    ];

    /// NumPy's name.
    pub const fn name(self) -> &'static str {
        match self {
            Method::InvertedCdf => "inverted_cdf",
            Method::AveragedInvertedCdf => "averaged_inverted_cdf",
            Method::ClosestObservation => "closest_observation",
            Method::InterpolatedInvertedCdf => "interpolated_inverted_cdf",
            Method::Hazen => "hazen",
            Method::Weibull => "weibull",
            Method::Linear => "linear",
            Method::MedianUnbiased => "median_unbiased",
            Method::NormalUnbiased => "normal_unbiased",
            Method::Lower => "lower",
            Method::Higher => "higher",
            Method::Midpoint => "midpoint",
            Method::Nearest => "nearest",
        }
    }

    /// The method of NumPy's name `name`, if there is one.
    pub fn from_name(name: &str) -> Option<Method> {
        Method::ALL.into_iter().find(|m| m.name() == name)
    }

    /// Whether it always gives one of the elements, in their dtype.
    pub const fn is_discrete(self) -> bool {
        matches!(
            self,
            Method::InvertedCdf
                | Method::ClosestObservation
                | Method::Lower
                | Method::Higher
                | Method::Nearest
        )
    }

    /// Where quantile `q` of `n` elements lies (`n` is not 0): `get_virtual_index`, `_get_indexes` and
    /// `_get_gamma` of NumPy's `_function_base_impl.py`, in its order of operations.
    pub(super) fn place(self, n: u64, q: f64) -> Place {
        let (count, last) = (n as f64, (n - 1) as f64);
        let at = |index: f64| {
            let rank = (index.max(0.0) as u64).min(n - 1);
            Place { before: rank, after: rank, gamma: 0.0 }
        };
        let nearby = |index: f64, stays: fn(f64, f64) -> bool| {
            let before = index.floor();
            at(if stays(index - before, before) { before } else { before + 1.0 })
        };
        let index = |alpha: f64, beta: f64| count * q + (alpha + q * (1.0 - alpha - beta)) - 1.0;
        let index = match self {
            Method::InvertedCdf => return nearby(count * q - 1.0, |gamma, _| gamma == 0.0),
            Method::ClosestObservation => {
                return nearby(count * q - 1.0 - 0.5, |gamma, before| {
                    gamma == 0.0 && before.rem_euclid(2.0) == 1.0
                });
            }
            Method::Lower => return at((last * q).floor()),
            Method::Higher => return at((last * q).ceil()),
            Method::Nearest => return at((last * q).round_ties_even()),
            Method::AveragedInvertedCdf => count * q - 1.0,
            Method::InterpolatedInvertedCdf => index(0.0, 1.0),
            Method::Hazen => index(0.5, 0.5),
            Method::Weibull => index(0.0, 0.0),
            Method::Linear => last * q,
            Method::MedianUnbiased => index(1.0 / 3.0, 1.0 / 3.0),
            Method::NormalUnbiased => index(3.0 / 8.0, 3.0 / 8.0),
            Method::Midpoint => 0.5 * ((last * q).floor() + (last * q).ceil()),
        };
        let place = if index >= last {
            // NumPy counts from the rank −1. Between an element and itself all that is at least 1 comes to the
            // same; more than 2 need not fit a float16.
            Place { before: n - 1, after: n - 1, gamma: (index + 1.0).min(2.0) }
        } else if index < 0.0 {
            Place { before: 0, after: 0, gamma: index }
        } else {
            let before = index.floor();
            let rank = (before as u64).min(n - 1);
            Place { before: rank, after: (rank + 1).min(n - 1), gamma: index - before }
        };
        let gamma = match self {
            Method::AveragedInvertedCdf if place.gamma == 0.0 => 0.5,
            Method::AveragedInvertedCdf => 1.0,
            Method::Midpoint if index % 1.0 == 0.0 => 0.0,
            Method::Midpoint => 0.5,
            _ => place.gamma,
        };
        Place { gamma, ..place }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numpys_and_lead_back() {
        for method in Method::ALL {
            assert_eq!(Method::from_name(method.name()), Some(method));
            assert_eq!(serde_json::to_string(&method).unwrap(), format!("\"{}\"", method.name()));
        }
        assert_eq!(Method::from_name("cubic"), None);
    }

    #[test]
    fn places_are_among_the_elements() {
        for method in Method::ALL {
            for n in [1u64, 2, 3, 10, 1 << 40, u64::MAX >> 1] {
                for q in [0.0, 1e-300, 0.1, 0.5, 0.999, 1.0] {
                    let Place { before, after, gamma } = method.place(n, q);
                    assert!(before <= after && after < n && after - before <= 1, "{method:?} {n} {q}");
                    assert!(gamma.is_finite() && gamma <= 2.0, "{method:?} {n} {q} {gamma}");
                }
            }
        }
    }
}
