//! Arrays as `numpy.array2string` prints them with its default options (NumPy 2.4).
//!
//! Precision 8, lines of 75 characters, more than 1000 elements shortened to 3 at each edge. A
//! rank-0 result is printed in full, as `str` does. Reads only the elements that it shows.

use super::View;
use super::number::{Decimal, exponent_text};
use chunkwise::text::printable;
use chunkwise::{DType, Members, Result, Scalar, grid};

const WIDTH: usize = 75;
const THRESHOLD: u64 = 1000;
const EDGE: u64 = 3;
const PRECISION: usize = 8;

/// The text of an array, without a line end.
///
/// # Errors
/// `Internal` if `bytes` is not an array of this dtype and shape.
pub fn human(dtype: DType, shape: &[u64], bytes: &[u8]) -> Result<String> {
    human_named(dtype, shape, bytes, None)
}

/// As [`human`], of values with names: these are shown in quotes, one alone without.
///
/// # Errors
/// As [`human`].
pub fn human_named(dtype: DType, shape: &[u64], bytes: &[u8], names: Option<&Members>) -> Result<String> {
    let name = |value: Scalar| names.and_then(|names| names.name(value.to_i128()?));
    let view = View::new(dtype, shape, bytes)?;
    if bytes.is_empty() {
        return Ok("[]".into());
    }
    if shape.is_empty() {
        let value = view.get(0);
        if let Some(name) = name(value) {
            return Ok(printable(name).into_owned());
        }
        return Ok(Decimal::new(value).map_or_else(|| plain(value), |d| d.repr(dtype)));
    }
    let len = (bytes.len() / dtype.size()) as u64;
    let printer = Printer { summary: len > THRESHOLD, shape, strides: grid::c_strides(shape) };
    let mut shown = Vec::new();
    printer.collect(0, 0, &mut shown);
    let values: Vec<Scalar> = shown.iter().map(|i| view.get(*i)).collect();
    let shown = |v: &Scalar| name(*v).map_or_else(|| plain(*v), |name| format!("'{}'", printable(name)));
    let mut words = match names {
        Some(_) => values.iter().map(shown).collect(),
        None => words(dtype, &values),
    }
    .into_iter();
    let mut out = String::new();
    printer.print(0, &mut words, &mut out);
    Ok(out)
}

struct Printer<'a> {
    summary: bool,
    shape: &'a [u64],
    strides: smallvec::SmallVec<[i64; 4]>,
}

impl Printer<'_> {
    /// How many items of an axis come before the dots (0: no dots) and how many after.
    fn items(&self, axis: usize) -> (u64, u64) {
        let n = self.shape[axis];
        if self.summary && n > 2 * EDGE { (EDGE, EDGE) } else { (0, n) }
    }

    /// The elements that are shown, in order.
    fn collect(&self, axis: usize, at: u64, out: &mut Vec<u64>) {
        if axis == self.shape.len() {
            return out.push(at);
        }
        let (head, tail) = self.items(axis);
        let stride = self.strides[axis].unsigned_abs();
        for i in (0..head).chain(self.shape[axis] - tail..self.shape[axis]) {
            self.collect(axis + 1, at + i * stride, out);
        }
    }

    fn print(&self, axis: usize, words: &mut impl Iterator<Item = String>, out: &mut String) {
        let left = self.shape.len() - axis;
        let (head, tail) = self.items(axis);
        let indent = " ".repeat(axis + 1);
        out.push('[');
        if left == 1 {
            // NumPy takes a bracket's width off for each axis, and one more for the closing bracket.
            let width = WIDTH.saturating_sub(axis + 1);
            let last = head + tail - 1;
            // The line begins with the indent, the last character of which is the bracket's place.
            let mut line = axis + 1;
            let mut word = |text: &str, end: bool, out: &mut String| {
                if line + text.len() > width && line > indent.len() {
                    out.truncate(out.trim_end().len());
                    out.push('\n');
                    out.push_str(&indent);
                    line = indent.len();
                }
                out.push_str(text);
                line += text.len();
                if !end {
                    out.push(' ');
                    line += 1;
                }
            };
            for i in 0..head + tail {
                if head > 0 && i == head {
                    word("...", false, out);
                }
                word(&words.next().unwrap_or_default(), i == last, out);
            }
        } else {
            let between = "\n".repeat(left - 1);
            for i in 0..head + tail {
                if i > 0 {
                    out.push_str(&between);
                    out.push_str(&indent);
                }
                if head > 0 && i == head {
                    out.push_str("...");
                    out.push_str(&between);
                    out.push_str(&indent);
                }
                self.print(axis + 1, words, out);
            }
        }
        out.push(']');
    }
}

/// Text of a value that is no finite float.
fn plain(value: Scalar) -> String {
    value.to_string()
}

/// The texts of the shown values, all of one width.
fn words(dtype: DType, values: &[Scalar]) -> Vec<String> {
    let texts: Vec<String> =
        if dtype.is_float() { floats(dtype, values) } else { values.iter().map(|v| plain(*v)).collect() };
    // A column of bools is always as wide as `False`.
    let least = if dtype == DType::Bool { 5 } else { 0 };
    let width = texts.iter().map(String::len).max().unwrap_or(0).max(least);
    texts.into_iter().map(|t| format!("{t:>width$}")).collect()
}

/// Floats with their points in one column: `numpy.FloatingFormat`.
fn floats(dtype: DType, values: &[Scalar]) -> Vec<String> {
    let decimals: Vec<Option<Decimal>> = values.iter().map(|v| Decimal::new(*v)).collect();
    if is_scientific(dtype, values) {
        let parts: Vec<_> = decimals.iter().map(|d| d.as_ref().map(|d| d.scientific(PRECISION))).collect();
        let finite = || parts.iter().flatten();
        let precision = finite().map(|(m, _)| fraction(m)).max().unwrap_or(0);
        let digits = finite().map(|(_, e)| exponent_text(*e, 2).len() - 1).max().unwrap_or(2);
        let text = |d: &Decimal| {
            let (m, e) = d.scientific_padded(precision);
            format!("{m}e{}", exponent_text(e, digits))
        };
        return decimals
            .iter()
            .zip(values)
            .map(|(d, v)| d.as_ref().map_or_else(|| plain(*v), text))
            .collect();
    }
    let texts: Vec<_> = decimals.iter().map(|d| d.as_ref().map(|d| d.positional(PRECISION))).collect();
    let right = texts.iter().flatten().map(|t| fraction(t)).max().unwrap_or(0);
    let pad = |t: &String| format!("{t}{}", " ".repeat(right - fraction(t)));
    texts.iter().zip(values).map(|(t, v)| t.as_ref().map_or_else(|| plain(*v), pad)).collect()
}

/// How many characters follow the point.
fn fraction(text: &str) -> usize {
    text.find('.').map_or(0, |i| text.len() - i - 1)
}

/// NumPy's choice, made in the array's own dtype from its finite values other than zero.
fn is_scientific(dtype: DType, values: &[Scalar]) -> bool {
    let magnitudes = values.iter().map(|v| v.to_f64().abs()).filter(|v| v.is_finite() && *v > 0.0);
    let (min, max) = magnitudes.fold((f64::INFINITY, 0.0f64), |(lo, hi), v| (lo.min(v), hi.max(v)));
    if max == 0.0 {
        return false;
    }
    let round = |v: f64| match dtype {
        DType::F16 => half::f16::from_f64(v).to_f64(),
        DType::F32 => f64::from(v as f32),
        _ => v,
    };
    let cutoff = match dtype {
        DType::F16 => 1e3,
        DType::F32 => 1e6,
        _ => 1e8,
    };
    max >= cutoff || min < round(1e-4) || round(max / min) > 1000.0
}
