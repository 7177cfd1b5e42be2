//! A one-dimensional histogram as steps over its bins.

use super::axis::{Axis, Scale, scale_of};
use super::cells::{between, envelopes};
use super::frame::Frame;
use super::scene::{Area, BLUE, Colour, Drawn, Shape};
use super::subject::Labels;
use super::values::Values;
use chunkwise::Result;

/// How thick the outline is.
const THICK: f64 = 3.0;
/// What is below it.
const FILL: Colour = (166, 201, 225);

/// Draws the steps, on a log axis where the ratios of the edges are equal; gaps where a sum of weights is not finite.
/// On a log scale bins without a positive value are empty. Where there are more bins than pixels, each column shows
/// the range from the lowest bin to the highest.
///
/// # Errors
/// As [`Frame::draw`].
pub fn draw(values: Values, edges: &[f64], scale: Scale, labels: &Labels, panel: Area) -> Result<Drawn> {
    let ends = (edges.first().copied().unwrap_or(0.0), edges.last().copied().unwrap_or(1.0));
    let x = Axis::new(scale_of(edges), ends, &labels.axes[0]);
    let range = values.range(scale);
    let y = match scale {
        Scale::Log => Axis::new(scale, range.unwrap_or((1.0, 10.0)), &labels.values).padded(0.05, 0.05),
        Scale::Linear => {
            let (low, high) = range.map_or((0.0, 1.0), |(l, h)| (l.min(0.0), h.max(0.0)));
            let below = if low < 0.0 { 0.05 } else { 0.0 };
            let above = if high > 0.0 { 0.05 } else { 0.0 };
            let high = if low == high { 1.0 } else { high };
            Axis::new(scale, (low, high), &labels.values).padded(below, above)
        }
    };
    let frame = Frame { title: labels.title.clone(), x, y, bar: None, aspect: None };
    frame.draw(panel, |inside| match values.len() <= inside.width as usize {
        true => steps(values, edges, &frame, inside),
        false => ranges(values, edges, &frame, inside),
    })
}

/// The y of a value, of the base where it has no place.
fn height(frame: &Frame, inside: Area, v: f64) -> f64 {
    let share = if frame.y.scale.shows(v) { frame.y.share(v) } else { 0.0 };
    inside.up_by(share.clamp(0.0, 1.0))
}

fn steps(values: Values, edges: &[f64], frame: &Frame, inside: Area) -> Vec<Shape> {
    let base = height(frame, inside, 0.0);
    let x = |edge: f64| inside.right_by(frame.x.share(edge).clamp(0.0, 1.0));
    let (mut fills, mut lines) = (Vec::new(), Vec::new());
    let mut points: Vec<(f64, f64)> = Vec::new();
    let mut end = |points: &mut Vec<(f64, f64)>| {
        if let Some(&(x, _)) = points.last() {
            points.push((x, base));
            lines.push(Shape::Line { points: std::mem::take(points), width: THICK, colour: BLUE });
        }
    };
    let mut bins = edges.windows(2);
    values.each(0..values.len(), &mut Vec::new(), |v| {
        let Some([low, high]) = bins.next() else { return };
        if !v.is_finite() {
            return end(&mut points);
        }
        let (left, right, top) = (x(*low), x(*high), height(frame, inside, v));
        if top != base {
            fills.push(Shape::Rect { from: (left, top.min(base)), to: (right, top.max(base)), colour: FILL });
        }
        if points.is_empty() {
            points.push((left, base));
        }
        points.extend([(left, top), (right, top)]);
    });
    end(&mut points);
    fills.extend(lines);
    fills
}

fn ranges(values: Values, edges: &[f64], frame: &Frame, inside: Area) -> Vec<Shape> {
    let base = height(frame, inside, 0.0);
    let spans = between(&frame.x, edges, inside.width as usize);
    let mut shapes = Vec::new();
    for (column, envelope) in envelopes(values, Scale::Linear, &spans).iter().enumerate() {
        let Some(envelope) = envelope else { continue };
        let x = f64::from(inside.x) + column as f64;
        let (low, high) = (height(frame, inside, envelope.range.0), height(frame, inside, envelope.range.1));
        let mut column = |from: f64, to: f64, colour| {
            shapes.push(Shape::Rect { from: (x, from), to: (x + 1.0, to), colour });
        };
        if high.min(low) < base || low.max(high) > base {
            column(high.min(base), low.max(base), FILL);
        }
        column(high - THICK / 2.0, low + THICK / 2.0, BLUE);
    }
    shapes
}
