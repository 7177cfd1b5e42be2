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
            Scalar::F32(v) if v.is_finite() => format!("{v:e}"),
            Scalar::F64(v) if v.is_finite() => format!("{v:e}"),
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
                let mantissa = mantissa.trim_end_matches('0').to_string();
                return (mantissa, exponent.parse().unwrap_or(self.exponent));
            }
        }
        let (head, tail) = self.digits.split_at(1);
        (format!("{}{head}.{tail}", self.sign()), self.exponent)
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

/// The shortest digits that read back to `v`; five always do.
pub(super) fn shortest_f16(v: f16) -> String {
    let wide = v.to_f64();
    let reads_back = |s: &String| s.parse::<f64>().is_ok_and(|w| f16::from_f64(w).to_bits() == v.to_bits());
    (0..4).map(|p| format!("{wide:.p$e}")).find(reads_back).unwrap_or_else(|| format!("{wide:.4e}"))
}
