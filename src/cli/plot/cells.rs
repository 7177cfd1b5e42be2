//! Which elements a pixel shows, where there are more of them than pixels, or fewer.

use super::axis::{Axis, Scale};
use super::values::Values;
use std::ops::Range;

/// For each of `pixels` along an axis of `n` cells of one width, the cells that it shows: each cell in one pixel,
/// or, where there are fewer of them, the one that the pixel lies in.
pub fn even(n: usize, pixels: usize) -> Vec<Range<usize>> {
    let cut = |p: usize| (p as u128 * n as u128 / pixels as u128) as usize;
    (0..pixels).map(|p| cut(p)..cut(p + 1).max(cut(p) + 1)).collect()
}

/// As [`even`], for cells between `edges`: a cell is shown where its middle lies.
pub fn between(axis: &Axis, edges: &[f64], pixels: usize) -> Vec<Range<usize>> {
    let n = edges.len().saturating_sub(1);
    let place = |i: usize| {
        let middle = (axis.share(edges[i]) + axis.share(edges[i + 1])) / 2.0;
        ((middle * pixels as f64) as usize).min(pixels - 1)
    };
    let mut next = 0;
    let of_pixel = |p: usize| {
        let first = next;
        while next < n && place(next) <= p {
            next += 1;
        }
        if next > first {
            return first..next;
        }
        let middle = axis.value((p as f64 + 0.5) / pixels as f64);
        let cell = edges.partition_point(|e| *e <= middle).clamp(1, n) - 1;
        cell..cell + 1
    };
    (0..pixels).map(of_pixel).collect()
}

/// The mean of the finite elements of a matrix with `columns` columns in each rectangle of rows and columns, row by
/// row; NaN where there are none.
pub fn means(values: Values, columns: usize, rows: &[Range<usize>], spans: &[Range<usize>]) -> Vec<f64> {
    let mut out: Vec<f64> = Vec::with_capacity(rows.len() * spans.len());
    let mut sums = vec![(0.0, 0u64); spans.len()];
    let mut buffer = Vec::new();
    for (p, span) in rows.iter().enumerate() {
        // A row that is higher than a pixel is the same again.
        if p > 0 && rows[p - 1] == *span {
            out.extend_from_within(out.len() - spans.len()..);
            continue;
        }
        sums.fill((0.0, 0));
        for row in span.clone() {
            for ((sum, n), columns) in
                sums.iter_mut().zip(spans.iter().map(|s| row * columns + s.start..row * columns + s.end))
            {
                values.each(columns, &mut buffer, |v| {
                    if v.is_finite() {
                        *sum += v;
                        *n += 1;
                    }
                });
            }
        }
        out.extend(sums.iter().map(|(sum, n)| if *n == 0 { f64::NAN } else { sum / *n as f64 }));
    }
    out
}

/// What a column of pixels shows of the elements that lie in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Envelope {
    /// The smallest and the largest of those that have a place on the axis.
    pub range: (f64, f64),
    /// The first element, unless it is a gap.
    pub first: Option<f64>,
    /// The last element, unless it is a gap.
    pub last: Option<f64>,
}

/// What each range of elements shows on an axis of a scale; none where all are gaps.
pub fn envelopes(values: Values, scale: Scale, spans: &[Range<usize>]) -> Vec<Option<Envelope>> {
    let mut buffer = Vec::new();
    let of = |span: &Range<usize>| {
        let (mut first, mut last) = (None, None);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        values.each(span.clone(), &mut buffer, |v| {
            last = scale.shows(v).then_some(v);
            first.get_or_insert(last);
            if last.is_some() {
                (low, high) = (low.min(v), high.max(v));
            }
        });
        (low <= high).then_some(Envelope { range: (low, high), first: first.flatten(), last })
    };
    spans.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_in_one_pixel_or_every_pixel_in_one_cell() {
        assert_eq!(even(10, 4), [0..2, 2..5, 5..7, 7..10]);
        assert_eq!(even(2, 4), [0..1, 0..1, 1..2, 1..2]);
        assert_eq!(even(3, 2), [0..1, 1..3]);
        let log = Axis::new(Scale::Log, (1.0, 1000.0), "");
        assert_eq!(between(&log, &[1.0, 10.0, 100.0, 1000.0], 6), [0..1, 0..1, 1..2, 1..2, 2..3, 2..3]);
        let linear = Axis::new(Scale::Linear, (0.0, 8.0), "");
        assert_eq!(between(&linear, &[0.0, 1.0, 2.0, 3.0, 4.0, 8.0], 2), [0..4, 4..5]);
        assert_eq!(between(&linear, &[0.0, 1.0, 8.0], 4), [0..1, 1..2, 1..2, 1..2]);
    }
}
