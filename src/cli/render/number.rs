//! Floats as decimal digits: the shortest that read back to the same bits, or rounded, laid out as
//! NumPy's `format_float_positional` and `format_float_scientific` do.

use chunkwise::{DType, Scalar};
use half::f16;

/// A precision that no float needs.
const ALL: usize = 10_000;

/// A finite float: its shortest digits, and its exact value for rounding.
pub(super) struct Decimal {
    negative: bool,
    /// No leading or trailing zeros, unless it is zero itself.
    digits: String,
    /// The decimal exponent of the first digit.
    exponent: i32,
    exact: f64,
}

impl Decimal {
    /// `None` for integers, bools, NaN and infinities.
    pub(super) fn new(value: Scalar) -> Option<Decimal> {
        let text = match value {
            Scalar::F16(v) if v.is_finite() => shortest_f16(v),
            Scalar::F32(v) if v.is_finite() => even(v),
            Scalar::F64(v) if v.is_finite() => even(v),
            _ => return None,
        };
        let (mantissa, exponent) = text.split_once('e')?;
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        let negative = mantissa.starts_with('-');
        Some(Decimal { negative, digits, exponent: exponent.parse().ok()?, exact: value.to_f64() })
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    /// `12.25`: with a point, at most `precision` digits behind it and no zeros at the end (`3.`).
    pub(super) fn positional(&self, precision: usize) -> String {
        let (len, whole) = (self.digits.len(), self.exponent + 1);
        if len as i32 - whole > precision as i32 {
            let rounded = format!("{:.precision$}", self.exact);
            return rounded.trim_end_matches('0').to_string();
        }
        if whole <= 0 {
            let zeros = "0".repeat(whole.unsigned_abs() as usize);
            return format!("{}0.{zeros}{}", self.sign(), self.digits).trim_end_matches('0').to_string();
        }
        let whole = whole as usize;
        let (head, tail) = self.digits.split_at(whole.min(len));
        format!("{}{head}{}.{tail}", self.sign(), "0".repeat(whole.saturating_sub(len)))
    }

    /// `-1.25` and the exponent: at most `precision` digits behind the point, no zeros at the end.
    pub(super) fn scientific(&self, precision: usize) -> (String, i32) {
        if self.digits.len() > precision + 1 {
            let rounded = format!("{:.precision$e}", self.exact);
            if let Some((mantissa, exponent)) = rounded.split_once('e') {
                let point = if precision == 0 { "." } else { "" };
                let mantissa = format!("{mantissa}{point}");
                return (
                    mantissa.trim_end_matches('0').to_string(),
                    exponent.parse().unwrap_or(self.exponent),
                );
            }
        }
        let (head, tail) = self.digits.split_at(1);
        (format!("{}{head}.{tail}", self.sign()), self.exponent)
    }

    /// As [`Decimal::scientific`], with `precision` digits behind the point. Where the shortest text has
    /// fewer, NumPy goes on with the digits of the exact value, not with zeros.
    pub(super) fn scientific_padded(&self, precision: usize) -> (String, i32) {
        let (mantissa, exponent) = self.scientific(precision);
        let exact = format!("{:.precision$e}", self.exact);
        match exact.split_once('e') {
            Some((m, e)) if m.len() > mantissa.len() => (m.to_string(), e.parse().unwrap_or(exponent)),
            _ => (mantissa, exponent),
        }
    }

    /// As `str` of a NumPy scalar: shortest digits, positional from 1e-4 to below 1e16 (float32:
    /// 1e6, float16: 1e3).
    pub(super) fn repr(&self, dtype: DType) -> String {
        let limit = match dtype {
            DType::F16 => 1e3,
            DType::F32 => 1e6,
            _ => 1e16,
        };
        if self.exact == 0.0 || (1e-4..limit).contains(&self.exact.abs()) {
            let text = self.positional(ALL);
            return if text.ends_with('.') { text + "0" } else { text };
        }
        let (mantissa, exponent) = self.scientific(ALL);
        format!("{}e{}", mantissa.trim_end_matches('.'), exponent_text(exponent, 2))
    }
}

/// `+07`: a sign and at least `digits` digits.
pub(super) fn exponent_text(exponent: i32, digits: usize) -> String {
    format!("{}{:0digits$}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs())
}

/// The shortest digits that read back to the finite `v`. Where two such texts are equally near, Rust
/// takes the larger and NumPy the even one, as here.
fn even<T: std::fmt::LowerExp + std::str::FromStr + PartialEq>(v: T) -> String {
    let text = format!("{v:e}");
    let digits = text.split('e').next().unwrap_or_default().bytes().filter(u8::is_ascii_digit).count();
    let rounded = format!("{v:.*e}", digits.saturating_sub(1));
    if rounded.parse().is_ok_and(|w: T| w == v) { rounded } else { text }
}

/// The shortest digits that read back to the finite `v`, as `{:e}` writes them; five always do.
///
/// At a power of two the gap below is half of the gap above, so that the text next to the nearest one
/// may read back where the nearest does not: it is tried too.
pub(super) fn shortest_f16(v: f16) -> String {
    let wide = v.to_f64();
    let reads_back = |w: f64| f16::from_f64(w).to_bits() == v.to_bits();
    for p in 0..4 {
        let nearest: f64 = format!("{wide:.p$e}").parse().unwrap_or(wide);
        if reads_back(nearest) {
            return format!("{nearest:e}");
        }
        let text = format!("{wide:.p$e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent = exponent.parse().unwrap_or(0) - p as i32;
        let digits: i64 = mantissa.replace('.', "").parse().unwrap_or(0);
        let next = |step: i64| format!("{}e{exponent}", digits + step).parse().unwrap_or(wide);
        if let Some(found) = [next(1), next(-1)].into_iter().find(|w: &f64| reads_back(*w)) {
            return format!("{found:e}");
        }
    }
    format!("{wide:.4e}")
}
