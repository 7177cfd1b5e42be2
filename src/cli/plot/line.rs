//! A one-dimensional array as a line over its indices.

use super::axis::{Axis, Scale};
use super::cells::{envelopes, even};
use super::frame::Frame;
use super::scene::{Area, BLUE, Drawn, Shape};
use super::subject::Labels;
use super::values::Values;
use chunkwise::Result;

/// How thick a line is.
const THICK: f64 = 4.0;
/// More elements than this to a pixel are drawn as the range that they fill.
const EACH: usize = 2;

/// Draws the line: gaps where elements are not finite (or, on a log scale, not positive). Where there are more than
/// two elements to a column of pixels, each shows the range from their smallest to their largest.
///
/// # Errors
/// As [`Frame::draw`].
pub fn draw(values: Values, scale: Scale, labels: &Labels, panel: Area) -> Result<Drawn> {
    let last = values.len().saturating_sub(1) as f64;
    let mut x = Axis::new(Scale::Linear, (0.0, last), "index").padded(0.02, 0.02);
    x.whole = true;
    let range = values.range(scale).unwrap_or((1.0, 10.0));
    let y = Axis::new(scale, range, &labels.values).padded(0.05, 0.05);
    let frame = Frame { title: labels.title.clone(), x, y, bar: None, aspect: None };
    frame.draw(panel, |inside| match values.len() <= EACH * inside.width as usize {
        true => each(values, &frame, inside),
        false => ranges(values, &frame, inside),
    })
}

/// A line through all elements.
fn each(values: Values, frame: &Frame, inside: Area) -> Vec<Shape> {
    let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    let mut i = 0.0;
    values.each(0..values.len(), &mut Vec::new(), |v| {
        match runs.last_mut() {
            Some(run) if frame.y.scale.shows(v) => {
                run.push((inside.right_by(frame.x.share(i)), inside.up_by(frame.y.share(v))));
            }
            Some(run) if run.is_empty() => {}
            _ => runs.push(Vec::new()),
        }
        i += 1.0;
    });
    let line = |mut points: Vec<(f64, f64)>| {
        // One element between gaps is a point.
        points.extend((points.len() == 1).then(|| points[0]));
        Shape::Line { points, width: THICK, colour: BLUE }
    };
    runs.into_iter().filter(|run| !run.is_empty()).map(line).collect()
}

/// For each column of pixels the range of its elements, and lines between neighbours.
fn ranges(values: Values, frame: &Frame, inside: Area) -> Vec<Shape> {
    let n = values.len();
    let (first, last) = (frame.x.share(0.0), frame.x.share((n - 1) as f64));
    let columns = ((last - first) * f64::from(inside.width)) as usize;
    let x = |column: usize| inside.right_by(first).round() + column as f64;
    let y = |v: f64| inside.up_by(frame.y.share(v));
    let found = envelopes(values, frame.y.scale, &even(n, columns.max(1)));
    let mut shapes = Vec::new();
    for (column, envelope) in found.iter().enumerate() {
        let Some(envelope) = envelope else { continue };
        let (mut low, mut high) = envelope.range;
        // Neighbours are joined where no gap is between them.
        if let Some(Some(before)) = column.checked_sub(1).map(|c| &found[c])
            && let (Some(a), Some(b)) = (before.last, envelope.first)
        {
            let middle = a / 2.0 + b / 2.0;
            (low, high) = (low.min(middle), high.max(middle));
        }
        if let Some(Some(after)) = found.get(column + 1)
            && let (Some(a), Some(b)) = (envelope.last, after.first)
        {
            let middle = a / 2.0 + b / 2.0;
            (low, high) = (low.min(middle), high.max(middle));
        }
        let (top, bottom) = (y(high) - THICK / 2.0, y(low) + THICK / 2.0);
        shapes.push(Shape::Rect { from: (x(column), top), to: (x(column) + 1.0, bottom), colour: BLUE });
    }
    shapes
}
