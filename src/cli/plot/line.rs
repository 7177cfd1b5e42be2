//! A one-dimensional array as a line over its indices, or over the coordinates of its dimension.

use super::axis::{Axis, Scale, dimension_axis};
use super::cells::{Envelope, between, envelopes, even};
use super::font::{fit, width};
use super::frame::Frame;
use super::scene::{Anchor, Area, BLUE, Colour, Drawn, Shape, Text, WHITE};
use super::subject::Labels;
use super::values::Values;
use crate::cli::render::{Along, edges_around};
use chunkwise::Result;
use std::ops::Range;

/// How thick a line is.
const THICK: f64 = 4.0;
/// More elements than this to a pixel are drawn as the range that they fill.
const EACH: usize = 2;

/// matplotlib's cycle of colours.
const COLOURS: [Colour; MOST] = [
    BLUE,
    (255, 127, 14),
    (44, 160, 44),
    (214, 39, 40),
    (148, 103, 189),
    (140, 86, 75),
    (227, 119, 194),
    (127, 127, 127),
    (188, 189, 34),
    (23, 190, 207),
];
/// The most lines in one frame.
pub const MOST: usize = 10;
/// Pixels of an em of what a line is called, and between it and what is around.
const LEGEND: f64 = 24.0;
const GAP: f64 = 14.0;
/// How long the piece of a line beside its name is.
const SAMPLE: f64 = 40.0;

/// Draws lines of one length: gaps where elements are not finite (or, on a log scale, not positive). Where there are more than
/// two elements to a column of pixels, each shows the range from their smallest to their largest. Several are called by their
/// names in the corner.
///
/// # Errors
/// As [`Frame::draw`].
pub fn draw(lines: &[(Values, Labels)], along: Option<&Along>, scale: Scale, panel: Area) -> Result<Drawn> {
    let count = lines.first().map_or(0, |(values, _)| values.len());
    let places = Places::of(count, along);
    let x = places.axis().padded(0.02, 0.02);
    let each_range = lines.iter().filter_map(|(values, _)| values.range(scale));
    let range = each_range.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or((1.0, 10.0));
    let (title, label, names) = match lines {
        [(_, only)] => (only.title.as_str(), only.values.as_str(), Vec::new()),
        _ => {
            let room = f64::from(panel.width) / 2.0;
            let names = lines.iter().map(|(_, labels)| fit(&labels.values, LEGEND, room));
            ("", "", names.collect::<Result<_>>()?)
        }
    };
    let widths = names.iter().map(|(text, size)| width(text, *size)).collect::<Result<Vec<_>>>()?;
    let widest = widths.into_iter().fold(0.0, f64::max);
    let y = Axis::new(scale, range, label).padded(0.05, 0.05);
    let frame = Frame { title: title.to_string(), x, y, bar: None, aspect: None };
    frame.draw(panel, |inside| {
        let drawn = lines.iter().zip(COLOURS).flat_map(|((values, _), colour)| {
            match count <= EACH * inside.width as usize {
                true => each(*values, &places, colour, &frame, inside),
                false => ranges(*values, &places, colour, &frame, inside),
            }
        });
        drawn.chain(legend(&names, widest, inside)).collect()
    })
}

/// What lines are called, in the upper right corner.
fn legend(names: &[(String, f64)], widest: f64, inside: Area) -> Vec<Shape> {
    let mut shapes = Vec::new();
    if names.is_empty() {
        return shapes;
    }
    let left = inside.right() - GAP - widest - GAP - SAMPLE;
    let top = inside.up_by(1.0) + GAP / 2.0;
    let bottom = top + 1.3 * LEGEND * names.len() as f64;
    let right = inside.right() - GAP / 2.0;
    shapes.push(Shape::Rect { from: (left - GAP, top), to: (right, bottom), colour: WHITE });
    for (i, ((text, size), colour)) in names.iter().zip(COLOURS).enumerate() {
        let base = top + 1.3 * LEGEND * (i as f64 + 0.8);
        let y = base - 0.35 * LEGEND;
        shapes.push(Shape::Line { points: vec![(left, y), (left + SAMPLE, y)], width: THICK, colour });
        let at = (left + SAMPLE + GAP, base);
        let text = Text { text: text.clone(), at, size: *size, anchor: Anchor::Start, upwards: false };
        shapes.push(Shape::Text(text));
    }
    shapes
}

/// Where elements lie along the axis.
enum Places<'a> {
    /// At their numbers.
    Counted { count: usize, label: String },
    /// At these coordinates, ascending; the first is that of the last element if they descend in the array.
    Known { along: &'a Along, ascending: Vec<f64>, descends: bool },
}

impl<'a> Places<'a> {
    fn of(count: usize, along: Option<&'a Along>) -> Places<'a> {
        let known = along.and_then(|along| Some((along, along.ascending()?)));
        match known {
            Some((along, (ascending, descends))) if ascending.len() == count => {
                Places::Known { along, ascending, descends }
            }
            _ => Places::Counted { count, label: along.map_or_else(|| "index".to_string(), Along::counted) },
        }
    }

    fn axis(&self) -> Axis {
        match self {
            Places::Counted { count, label } => {
                let mut axis = Axis::new(Scale::Linear, (0.0, count.saturating_sub(1) as f64), label);
                axis.whole = true;
                axis
            }
            Places::Known { along, ascending, .. } => {
                dimension_axis(along, (ascending[0], ascending[ascending.len() - 1]))
            }
        }
    }

    fn at(&self, i: usize) -> f64 {
        match self {
            Places::Counted { .. } => i as f64,
            Places::Known { ascending, descends: false, .. } => ascending[i],
            Places::Known { ascending, descends: true, .. } => ascending[ascending.len() - 1 - i],
        }
    }

    /// The elements that each of so many columns of pixels shows, between the first and the last place.
    fn of_columns(&self, columns: usize) -> Vec<Range<usize>> {
        match self {
            Places::Counted { count, .. } => even(*count, columns),
            Places::Known { ascending, descends, .. } => {
                let mut of = between(&self.axis(), &edges_around(ascending), columns);
                if *descends {
                    let n = ascending.len();
                    of.iter_mut().for_each(|span| *span = n - span.end..n - span.start);
                }
                of
            }
        }
    }

    /// What is first and last of a column from left to right.
    fn turned(&self, mut found: Envelope) -> Envelope {
        if matches!(self, Places::Known { descends: true, .. }) {
            (found.first, found.last) = (found.last, found.first);
        }
        found
    }

    fn ends(&self) -> (f64, f64) {
        let axis = self.axis();
        (axis.low, axis.high)
    }
}

/// A line through all elements.
fn each(values: Values, places: &Places, colour: Colour, frame: &Frame, inside: Area) -> Vec<Shape> {
    let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    let mut i = 0;
    values.each(0..values.len(), &mut Vec::new(), |v| {
        match runs.last_mut() {
            Some(run) if frame.y.scale.shows(v) => {
                run.push((inside.right_by(frame.x.share(places.at(i))), inside.up_by(frame.y.share(v))));
            }
            Some(run) if run.is_empty() => {}
            _ => runs.push(Vec::new()),
        }
        i += 1;
    });
    let line = |mut points: Vec<(f64, f64)>| {
        // One element between gaps is a point.
        points.extend((points.len() == 1).then(|| points[0]));
        Shape::Line { points, width: THICK, colour }
    };
    runs.into_iter().filter(|run| !run.is_empty()).map(line).collect()
}

/// For each column of pixels the range of its elements, and lines between neighbours.
fn ranges(values: Values, places: &Places, colour: Colour, frame: &Frame, inside: Area) -> Vec<Shape> {
    let (low, high) = places.ends();
    let (first, last) = (frame.x.share(low), frame.x.share(high));
    let columns = ((last - first) * f64::from(inside.width)) as usize;
    let x = |column: usize| inside.right_by(first).round() + column as f64;
    let y = |v: f64| inside.up_by(frame.y.share(v));
    let found = envelopes(values, frame.y.scale, &places.of_columns(columns.max(1)));
    let found: Vec<_> = found.into_iter().map(|envelope| envelope.map(|e| places.turned(e))).collect();
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
        shapes.push(Shape::Rect { from: (x(column), top), to: (x(column) + 1.0, bottom), colour });
    }
    shapes
}
