//! Arrays from nothing whose elements are a function of their place: spaced on a logarithmic scale, and windows.

use super::Array;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind};
use std::f64::consts::PI;
use std::panic::Location;

impl Array {
    /// `numpy.logspace`: powers of `base` with evenly spaced exponents, both ends among them, float64.
    #[track_caller]
    pub fn logspace(start: f64, stop: f64, num: u64, base: f64) -> Array {
        Array::scalar(base).power(Array::linspace(start, stop, num))
    }

    /// `numpy.geomspace`: numbers each of which is the one before it times a constant, both ends among them, float64.
    ///
    /// Errors, when it is computed: `Value` for an end that is 0 or of another sign than the other one.
    #[track_caller]
    pub fn geomspace(start: f64, stop: f64, num: u64) -> Array {
        let at = Location::caller();
        let of_one_sign = start != 0.0 && stop != 0.0 && start.signum() == stop.signum();
        if !(of_one_sign && start.is_finite() && stop.is_finite()) {
            let message = format!("a geometric sequence from {start} to {stop}");
            let e =
                Error::new(ErrorKind::Value, message).hint("both ends are finite, not 0, and of one sign");
            return Array::from_draft("geomspace", Err(e), at);
        }
        let (low, high) = (start.abs().log10(), stop.abs().log10());
        let between = Array::logspace(low, high, num, 10.0) * start.signum();
        // The ends are what was given, to the bit.
        let place = Array::arange_int(0, i64::try_from(num).unwrap_or(i64::MAX), 1);
        let first = place.equal(0).select(start, between);
        match num {
            0 | 1 => first,
            _ => place.equal(num as i64 - 1).select(stop, first),
        }
    }

    /// `numpy.bartlett`: a window of `m` points, two straight lines, float64.
    #[track_caller]
    pub fn bartlett(m: u64) -> Array {
        window(m, |n, last| {
            let slope = &n / last;
            n.less_equal(0.0).select(&slope + 1.0, 1.0 - &slope)
        })
    }

    /// `numpy.blackman`: a window of `m` points, float64.
    #[track_caller]
    pub fn blackman(m: u64) -> Array {
        window(m, |n, last| 0.42 + (&n * PI / last).cos() * 0.5 + (n * (2.0 * PI) / last).cos() * 0.08)
    }

    /// `numpy.hamming`: a window of `m` points, float64.
    #[track_caller]
    pub fn hamming(m: u64) -> Array {
        window(m, |n, last| 0.54 + (n * PI / last).cos() * 0.46)
    }

    /// `numpy.hanning`: a window of `m` points, float64.
    #[track_caller]
    pub fn hanning(m: u64) -> Array {
        window(m, |n, last| 0.5 + (n * PI / last).cos() * 0.5)
    }

    /// `numpy.kaiser`: a window of `m` points, from modified Bessel functions, float64.
    #[track_caller]
    pub fn kaiser(m: u64, beta: f64) -> Array {
        if m == 1 {
            return Array::ones(&[1], DType::F64);
        }
        let half = (m as f64 - 1.0) / 2.0;
        let n = Array::arange_int(0, i64::try_from(m).unwrap_or(i64::MAX), 1).cast(DType::F64);
        let from_middle = (n - half) / half;
        (Array::scalar(1.0).subtract(from_middle.square()).sqrt() * beta).i0() / Array::scalar(beta).i0()
    }
}

/// A window over the odd places 1 − m, 3 − m … m − 1, with m − 1.
#[track_caller]
fn window(m: u64, of: impl FnOnce(Array, f64) -> Array) -> Array {
    let m = i64::try_from(m).unwrap_or(i64::MAX);
    if m <= 1 {
        return Array::ones(&[m.unsigned_abs()], DType::F64);
    }
    of(Array::arange_int(1 - m, m, 2).cast(DType::F64), m as f64 - 1.0)
}
