//! The functions that the standard library has not, or not well, in float64: what float32 rows are held to.

use std::f64::consts::{LN_2, PI};

/// libm's, which gives numbers for some that are far below 1.
pub fn acosh(x: f64) -> f64 {
    if x < 1.0 { f64::NAN } else { libm::acosh(x) }
}

/// sin(π x) ÷ (π x), with x brought to −½ … ½, which is exact.
pub fn sinc(x: f64) -> f64 {
    let r = x % 2.0;
    let r = if r.abs() > 0.5 { r.signum() * (1.0 - r.abs()) } else { r };
    if x == 0.0 { 1.0 } else { 0.0 + (PI * r).sin().copysign(if r == 0.0 { 1.0 } else { r }) / (PI * x) }
}

/// The sum of z^k ÷ k!² with z = x² ÷ 4: all terms are positive.
pub fn i0(x: f64) -> f64 {
    if x.is_nan() || x.abs() >= 714.0 {
        return if x.is_nan() { x } else { f64::INFINITY };
    }
    let z = 0.25 * x * x;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-17 * sum && sum < f64::INFINITY {
        term *= z / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

/// The larger one, and what the other one adds to it.
fn sum(x: f64, y: f64, more: fn(f64) -> f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    let hi = x.max(y);
    if hi.is_infinite() { hi } else { hi + more(x.min(y) - hi) }
}

pub fn logaddexp(x: f64, y: f64) -> f64 {
    sum(x, y, |d| d.exp().ln_1p())
}

pub fn logaddexp2(x: f64, y: f64) -> f64 {
    sum(x, y, |d| d.exp2().ln_1p() / LN_2)
}
