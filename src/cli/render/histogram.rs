//! Histograms: JSON for programs, a table (one dimension) or a map (two) for people.

use super::{Along, View, human, json::list};
use chunkwise::{Binned, DType, Histogram, Members, Result, Scalar, date_of};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;

/// Bins of a table that are shown in full; of a longer one, this many at each end.
const ROWS: usize = 64;
const EDGE: usize = 12;
/// Characters of the longest bar.
const BAR: usize = 24;
/// Characters of a map.
const MAP: (usize, usize) = (64, 24);
const SHADES: &[u8] = b" .:-=+*#%@";

/// Writes the histogram as one JSON object: `edges` per dimension, `counts` and `weights` (or
/// `null`) as nested lists, and how many values lie in no bin.
///
/// # Errors
/// What `out` fails with.
pub fn histogram_json(mut out: impl Write, h: &Histogram) -> io::Result<()> {
    let shape = h.shape();
    write!(out, "{{\"kind\":\"histogram\",\"dtype\":\"uint64\",\"edges\":[")?;
    for (d, edges) in h.edges().iter().enumerate() {
        out.write_all(if d == 0 { b"" } else { b"," })?;
        list(&mut out, DType::F64, &[edges.len() as u64], bytes_of(edges, f64::to_ne_bytes).as_slice())?;
    }
    out.write_all(b"],\"counts\":")?;
    list(&mut out, DType::U64, &shape, bytes_of(h.counts(), u64::to_ne_bytes).as_slice())?;
    match h.weights() {
        Some((dtype, bytes)) => {
            write!(out, ",\"weights_dtype\":\"{dtype}\",\"weights\":")?;
            list(&mut out, dtype, &shape, bytes)?;
        }
        None => out.write_all(b",\"weights\":null")?,
    }
    match shape.len() {
        1 => write!(out, ",\"underflow\":{},\"overflow\":{}", h.underflow(), h.overflow())?,
        _ => write!(out, ",\"outside\":{}", h.outside())?,
    }
    write!(out, ",\"nan\":{},\"nonpositive\":{},\"total\":{}}}", h.nan(), h.nonpositive(), h.total())
}

fn bytes_of<T: Copy>(values: &[T], bytes: fn(T) -> [u8; 8]) -> Vec<u8> {
    values.iter().flat_map(|v| bytes(*v)).collect()
}

/// What a result is of: of a histogram names of its dimensions and of its weights, where they have some; of an array the
/// names of its values.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Of {
    axes: Vec<Option<String>>,
    weights: Option<String>,
    /// Of an array, the names of its values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    members: Option<Arc<Members>>,
    /// Of a profile, the edges of its bins along each axis.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    edges: Vec<Vec<f64>>,
    /// Of times, their units and their calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<(String, String)>,
    /// What its axes are, where that is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    along: Vec<Option<Along>>,
}

/// Characters of a name that are shown.
const NAME: usize = 40;

impl Of {
    /// As its arrays are called.
    pub fn new(histogram: &Binned) -> Of {
        Of {
            axes: histogram.axis_names().into_iter().map(|name| name.map(short)).collect(),
            weights: histogram.weights_name().map(short),
            ..Of::default()
        }
    }

    /// Of an array whose values have names, if they do.
    pub fn named(members: Option<&Arc<Members>>) -> Of {
        Of { members: members.cloned(), ..Of::default() }
    }

    /// Of a profile: along each axis the name of what is in its bins, and their edges.
    pub fn binned(self, axes: Vec<(Option<String>, Vec<f64>)>) -> Of {
        let (names, edges): (Vec<_>, Vec<_>) = axes.into_iter().unzip();
        match edges.is_empty() {
            true => self,
            false => {
                Of { axes: names.into_iter().map(|name| name.map(|n| short(&n))).collect(), edges, ..self }
            }
        }
    }

    /// The edges of its bins along each axis, if it is a profile.
    pub fn edges(&self) -> &[Vec<f64>] {
        &self.edges
    }

    /// Of an array with these dimensions.
    pub fn along(self, along: Vec<Option<Along>>) -> Of {
        Of { along, ..self }
    }

    /// The dimension that an axis is.
    pub fn dimension(&self, axis: usize) -> Option<&Along> {
        self.along.get(axis)?.as_ref()
    }

    /// Of times in these units of a calendar.
    pub fn times(self, units: &str, calendar: &str) -> Of {
        Of { times: Some((units.to_string(), calendar.to_string())), ..self }
    }

    /// The date of a value, if it is a time.
    pub fn date(&self, value: Scalar) -> Option<String> {
        let (units, calendar) = self.times.as_ref()?;
        date_of(value.to_f64(), units, calendar).ok()
    }

    /// The names of its values.
    pub fn members(&self) -> Option<&Members> {
        self.members.as_deref()
    }

    fn axis(&self, d: usize) -> Option<&str> {
        self.axes.get(d)?.as_deref()
    }
}

fn short(name: &str) -> String {
    match name.char_indices().nth(NAME) {
        Some((at, _)) => format!("{}…", &name[..at]),
        None => name.to_string(),
    }
}

/// The histogram for people, with a line end: its picture, and the numbers where the picture lacks them.
///
/// # Errors
/// `Internal` if it does not hold together.
pub fn histogram_human(h: &Histogram, of: &Of) -> Result<String> {
    let mut text = histogram_picture(h, of);
    if h.edges().len() > 1 {
        arrays(h, &mut text)?;
    }
    Ok(text)
}

/// A line about the histogram, and its table (one dimension) or map (two).
pub fn histogram_picture(h: &Histogram, of: &Of) -> String {
    let mut text = head(h, of);
    match h.edges() {
        [edges] => table(h, edges, of, &mut text),
        [x, y] => map(h, x, y, of, &mut text),
        _ => {}
    }
    text
}

fn head(h: &Histogram, of: &Of) -> String {
    let bins: Vec<String> = h.shape().iter().map(u64::to_string).collect();
    let names: Vec<&str> = (0..bins.len()).filter_map(|d| of.axis(d)).collect();
    let what = match names.len() == bins.len() {
        true => format!("histogram of {}: ", names.join(" and ")),
        false => "histogram of ".into(),
    };
    let mut text = format!("{what}{} values in {} bins", h.total(), bins.join(" × "));
    // Those that are not positive are among those below, of several dimensions among those outside.
    let outside = [
        ("below", h.underflow().saturating_sub(h.nonpositive())),
        ("above", h.overflow()),
        ("outside", h.outside().saturating_sub(if bins.len() > 1 { h.nonpositive() } else { 0 })),
        ("NaN", h.nan()),
        ("not positive", h.nonpositive()),
    ];
    for (what, n) in outside.iter().filter(|(_, n)| *n > 0) {
        let _ = write!(text, ", {n} {what}");
    }
    text.push('\n');
    text
}

/// Counts and weights as arrays.
fn arrays(h: &Histogram, text: &mut String) -> Result<()> {
    let shape = h.shape();
    let _ =
        writeln!(text, "counts =\n{}", human(DType::U64, &shape, &bytes_of(h.counts(), u64::to_ne_bytes))?);
    if let Some((dtype, bytes)) = h.weights() {
        let _ = writeln!(text, "weights =\n{}", human(dtype, &shape, bytes)?);
    }
    Ok(())
}

/// What a bin is drawn by: its weight, or its count.
fn heights(h: &Histogram) -> Vec<f64> {
    match h.weights() {
        Some((dtype, bytes)) => bytes
            .chunks_exact(dtype.size())
            .map(|b| Scalar::from_bytes(dtype, b).map_or(f64::NAN, Scalar::to_f64))
            .collect(),
        None => h.counts().iter().map(|&c| c as f64).collect(),
    }
}

fn table(h: &Histogram, edges: &[f64], of: &Of, text: &mut String) {
    let count = |i: usize| h.counts()[i].to_string();
    let weight = |i: usize| {
        let (dtype, bytes) = h.weights()?;
        let size = dtype.size();
        Some(number(Scalar::from_bytes(dtype, bytes.get(i * size..(i + 1) * size)?)?.to_f64()))
    };
    let weight = |i: usize| weight(i).unwrap_or_default();
    let weights = of.weights.as_deref().unwrap_or("weight");
    let columns: [Column; 2] = [("count", &count), (weights, &weight)];
    let columns = if h.weights().is_some() { &columns[..] } else { &columns[..1] };
    bins(edges, columns, &heights(h), text);
}

/// What a bin has: a name, and its text.
type Column<'a> = (&'a str, &'a dyn Fn(usize) -> String);

/// A row for each bin: its edges, its columns, and a bar for its height if there are any heights.
fn bins(edges: &[f64], columns: &[Column], heights: &[f64], text: &mut String) {
    let n = edges.len().saturating_sub(1);
    let highest = heights.iter().copied().filter(|v| v.is_finite()).fold(0.0, f64::max);
    let shown: Vec<usize> = match n > ROWS {
        true => (0..EDGE).chain(n - EDGE..n).collect(),
        false => (0..n).collect(),
    };
    let digits = digits(shown.iter().map(|&i| (edges[i], edges[i + 1])));
    let row = |&i: &usize| {
        let mut row = vec![rounded(edges[i], digits), rounded(edges[i + 1], digits)];
        row.extend(columns.iter().map(|(_, cell)| cell(i)));
        row
    };
    let names = ["from", "to"].into_iter().chain(columns.iter().map(|c| c.0)).map(String::from);
    let rows: Vec<Vec<String>> = std::iter::once(names.collect()).chain(shown.iter().map(row)).collect();
    let width = |c: usize| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    for (r, row) in rows.iter().enumerate() {
        if n > ROWS && r == EDGE + 1 {
            let _ = writeln!(text, "  … {} bins …", n - 2 * EDGE);
        }
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:>width$}")).collect();
        let bar = match r.checked_sub(1).and_then(|r| heights.get(shown[r])) {
            Some(&height) if highest > 0.0 && height > 0.0 => {
                let share = (height / highest).min(1.0);
                "█".repeat(((share * BAR as f64).round() as usize).max(1))
            }
            _ => String::new(),
        };
        let _ = writeln!(text, "{}", format!("  {}  {bar}", cells.join("  ")).trim_end());
    }
}

/// What the bins of a profile have, one row for each.
///
/// # Errors
/// `Internal` if there are not as many values as bins.
pub fn profile_human(dtype: DType, bytes: &[u8], edges: &[f64], of: &Of) -> Result<String> {
    let n = edges.len().saturating_sub(1);
    let view = View::new(dtype, &[n as u64], bytes)?;
    let value = |i: usize| match view.get(i as u64) {
        v if dtype.is_float() => number(v.to_f64()),
        v => v.to_string(),
    };
    let of = of.axis(0).map_or(String::new(), |name| format!(" of {name}"));
    let mut text = format!("in {n} bins{of}\n");
    bins(edges, &[("value", &value)], &[], &mut text);
    Ok(text)
}

/// Digits of what is shown beside a bar: it is read, not computed with.
const DIGITS: usize = 6;
/// Digits that tell any two numbers apart.
const ALL_DIGITS: usize = 17;

fn number(v: f64) -> String {
    rounded(v, DIGITS)
}

/// How many digits the edges of bins need: with them the width of no bin that is shown is off by more than a hundredth.
fn digits(bins: impl Iterator<Item = (f64, f64)> + Clone) -> usize {
    let told = |digits: usize| {
        let off = |v: f64| (nearest(v, digits) - v).abs();
        // Without a width there is nothing to tell, nor where it is infinite.
        bins.clone().all(|(low, high)| {
            let width = high - low;
            !(width > 0.0 && width.is_finite()) || off(low).max(off(high)) <= width / 200.0
        })
    };
    (DIGITS..ALL_DIGITS).find(|&digits| told(digits)).unwrap_or(ALL_DIGITS)
}

/// The nearest number of some digits.
fn nearest(v: f64, digits: usize) -> f64 {
    format!("{v:.*e}", digits - 1).parse().unwrap_or(v)
}

/// With at most so many digits.
fn rounded(v: f64, digits: usize) -> String {
    let short = nearest(v, digits);
    match short.abs() {
        a if a != 0.0 && a.is_finite() && !(1e-4..1e7).contains(&a) => format!("{short:e}"),
        _ => format!("{short}"),
    }
}

/// Shades on a logarithmic scale; the first dimension to the right, the second upwards.
fn map(h: &Histogram, x: &[f64], y: &[f64], of: &Of, text: &mut String) {
    let (nx, ny) = (x.len() - 1, y.len() - 1);
    let (width, height) = (nx.min(MAP.0), ny.min(MAP.1));
    let mut cells = vec![0.0; width * height];
    for (k, v) in heights(h).into_iter().enumerate() {
        let (i, j) = (k / ny, k % ny);
        if v.is_finite() {
            cells[(j * height / ny) * width + i * width / nx] += v;
        }
    }
    let positive = || cells.iter().copied().filter(|v| *v > 0.0);
    let (low, high) = positive().fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(v), h.max(v)));
    // Six decades are enough to see.
    let low = low.max(high * 1e-6);
    let shade = |v: f64| {
        if v.is_nan() || v <= 0.0 {
            return ' ';
        }
        let share = if high > low { (v / low).ln().max(0.0) / (high / low).ln() } else { 1.0 };
        let steps = SHADES.len() - 2;
        SHADES[1 + ((share * steps as f64).round() as usize).min(steps)] as char
    };
    // The lowest row has both edges where it is the only one.
    let ends = |edges: &[f64]| {
        let (low, high) = (edges[0], edges[edges.len() - 1]);
        let digits = digits([(low, high)].into_iter());
        (rounded(low, digits), rounded(high, digits))
    };
    let (bottom, top) = ends(y);
    let labels = match height {
        1 => [format!("{bottom} to {top}"), String::new()],
        _ => [top, bottom],
    };
    let margin = labels.iter().map(|l| l.len()).max().unwrap_or(0);
    if let Some(name) = of.axis(1) {
        let _ = writeln!(text, "  {name}, upwards");
    }
    for row in (0..height).rev() {
        let label = match row {
            r if r + 1 == height => &labels[0],
            0 => &labels[1],
            _ => "",
        };
        let line: String = (0..width).map(|c| shade(cells[row * width + c])).collect();
        let _ = writeln!(text, "  {label:>margin$} |{line}|");
    }
    // Two spaces between the edges, also where the map is narrower than that.
    let (left, right) = ends(x);
    let gap = width.saturating_sub(left.len()).max(right.len() + 2);
    let _ = writeln!(text, "  {:margin$}  {left}{right:>gap$}", "");
    if let Some(name) = of.axis(0) {
        let shade = of.weights.as_deref().map_or(String::new(), |w| format!("; shades: {w}"));
        let _ = writeln!(text, "  {:margin$}  {name}, to the right{shade}", "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(edges: &[f64]) -> Vec<String> {
        let digits = digits(edges.windows(2).map(|e| (e[0], e[1])));
        edges.iter().map(|&e| rounded(e, digits)).collect()
    }

    #[test]
    fn edges_have_the_digits_that_their_bins_need() {
        let even = |low: f64, width: f64| (0..9).map(|i| low + i as f64 * width).collect::<Vec<f64>>();
        // Six are enough.
        assert_eq!(texts(&[0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]), ["0", "0.333333", "0.666667", "1"]);
        assert_eq!(texts(&[1e-3, 1.23456789, 1e9]), ["0.001", "1.23457", "1e9"]);
        assert_eq!(texts(&[1.7e9, 1.70008640e9, 1.70017280e9]), ["1.7e9", "1.700086e9", "1.700173e9"]);
        for edges in [
            even(1.7e9, 86400.0),
            even(1.7e9 + 0.25, 60.0),
            even(1.7e9, 1e-3),
            even(-1.7e9, 1e-6),
            even(273.15, 1e-9),
            even(1.0, f64::EPSILON),
            even(9.0e15, 2.0),
        ] {
            let read: Vec<f64> = texts(&edges).iter().map(|t| t.parse().unwrap()).collect();
            for (e, r) in edges.windows(2).zip(read.windows(2)) {
                let (width, shown) = (e[1] - e[0], r[1] - r[0]);
                assert!((shown - width).abs() <= width / 99.0, "{e:?}: {r:?}");
            }
        }
        // No bin has a width that could be shown.
        assert_eq!(texts(&[f64::NEG_INFINITY, 1.0 / 3.0, f64::INFINITY]), ["-inf", "0.333333", "inf"]);
        assert_eq!(texts(&[1.0 / 3.0, 1.0 / 3.0]), ["0.333333", "0.333333"]);
    }
}
