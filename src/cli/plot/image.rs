//! Two-dimensional histograms and arrays as images with a colour bar.

use super::axis::{Axis, Scale, dimension_axis, scale_of};
use super::cells::{between, even, means};
use super::colour::colour;
use super::frame::Frame;
use super::scene::{Area, Drawn, Shape};
use super::subject::Labels;
use super::values::Values;
use crate::cli::render::{Along, edges_around};
use chunkwise::Result;
use std::ops::Range;

/// Cells are square where that makes an image at most so many times as wide as high, or as high as wide.
const OBLONG: f64 = 3.0;

/// Draws an array of `rows` by `columns` elements: the last axis to the right, the first one upwards, from its first row or
/// from its smallest coordinate.
/// A pixel has the mean of the finite elements in it; what is not finite (or, on a log scale, not positive) is blank.
///
/// # Errors
/// As [`Frame::draw`].
pub fn array(
    values: Values,
    shape: (u64, u64),
    along: (Option<&Along>, Option<&Along>),
    scale: Scale,
    labels: &Labels,
    panel: Area,
) -> Result<Drawn> {
    let (rows, columns) = shape;
    let (x, y) = (Cells::of(columns, along.1, 1), Cells::of(rows, along.0, 0));
    let aspect = columns as f64 / rows as f64;
    let frame = Frame {
        title: labels.title.clone(),
        x: x.axis.clone(),
        y: y.axis.clone(),
        bar: None,
        aspect: (1.0 / OBLONG..=OBLONG).contains(&aspect).then_some(aspect),
    };
    draw(frame, scale, &labels.values, panel, |inside| {
        let right = x.of_pixels(inside.width as usize);
        let up = y.of_pixels(inside.height as usize);
        Pixels { values: means(values, columns as usize, &up, &right), right: 1, up: right.len() }
    })
}

/// The cells along an axis of an array.
struct Cells {
    axis: Axis,
    /// How many there are.
    count: usize,
    /// Where they end, ascending, and whether the first is the last in the array; nothing for cells that are counted.
    edges: Option<(Vec<f64>, bool)>,
}

impl Cells {
    /// Around the coordinates of a dimension where these ascend or descend, and by their numbers elsewhere.
    fn of(count: u64, along: Option<&Along>, axis: usize) -> Cells {
        let ascending = along.and_then(|along| Some((along, along.ascending()?)));
        match ascending {
            Some((along, (middles, descends))) if middles.len() as u64 == count => {
                let edges = edges_around(&middles);
                let ends = (edges[0], edges[edges.len() - 1]);
                let axis = dimension_axis(along, ends);
                Cells { axis, count: count as usize, edges: Some((edges, descends)) }
            }
            _ => {
                let label = along.map_or_else(|| format!("index along axis {axis}"), Along::counted);
                Cells { axis: Axis::index(count, &label), count: count as usize, edges: None }
            }
        }
    }

    /// Those that each of so many pixels shows.
    fn of_pixels(&self, pixels: usize) -> Vec<Range<usize>> {
        let Some((edges, descends)) = &self.edges else { return even(self.count, pixels) };
        let mut of = between(&self.axis, edges, pixels);
        if *descends {
            of.iter_mut().for_each(|cells| *cells = self.count - cells.end..self.count - cells.start);
        }
        of
    }
}

/// Draws a histogram: its first dimension to the right, its second one upwards, each on a log axis where the ratios of
/// its edges are equal. Where there are more bins than pixels, a pixel has the mean of the bins in it.
///
/// # Errors
/// As [`Frame::draw`].
pub fn histogram(
    values: Values,
    edges: (&[f64], &[f64]),
    scale: Scale,
    labels: &Labels,
    panel: Area,
) -> Result<Drawn> {
    grid(values, edges, scale, labels, None, panel)
}

/// As [`histogram`], so wide in its height where that is fixed.
///
/// # Errors
/// As [`Frame::draw`].
pub fn grid(
    values: Values,
    edges: (&[f64], &[f64]),
    scale: Scale,
    labels: &Labels,
    aspect: Option<f64>,
    panel: Area,
) -> Result<Drawn> {
    let axis = |edges: &[f64], label: &str| {
        let ends = (edges.first().copied().unwrap_or(0.0), edges.last().copied().unwrap_or(1.0));
        Axis::new(scale_of(edges), ends, label)
    };
    let (x, y) = (axis(edges.0, &labels.axes[0]), axis(edges.1, &labels.axes[1]));
    let aspect = aspect.filter(|a| (1.0 / OBLONG..=OBLONG).contains(a));
    let frame = Frame { title: labels.title.clone(), x: x.clone(), y: y.clone(), bar: None, aspect };
    draw(frame, scale, &labels.values, panel, |inside| {
        let right = between(&x, edges.0, inside.width as usize);
        let up = between(&y, edges.1, inside.height as usize);
        Pixels { values: means(values, edges.1.len() - 1, &right, &up), right: up.len(), up: 1 }
    })
}

/// Values of pixels, and how far apart neighbours are in them.
struct Pixels {
    values: Vec<f64>,
    right: usize,
    up: usize,
}

impl Pixels {
    /// The smallest and the largest value that has a place on a scale.
    fn range(&self, scale: Scale) -> Option<(f64, f64)> {
        let shown = self.values.iter().filter(|v| scale.shows(**v)).map(|v| (*v, *v));
        shown.reduce(|(l, h), (v, _)| (l.min(v), h.max(v)))
    }

    fn image(&self, inside: Area, bar: &Axis) -> Shape {
        let mut rgb = Vec::with_capacity(3 * self.values.len());
        for row in (0..inside.height as usize).rev() {
            for column in 0..inside.width as usize {
                let v = self.values[row * self.up + column * self.right];
                rgb.extend(<[u8; 3]>::from(colour(bar, v)));
            }
        }
        Shape::Image { at: (inside.x, inside.y), width: inside.width, height: inside.height, rgb }
    }
}

/// Draws the pixels of the place that a frame leaves for them, with a colour bar over their range.
fn draw(
    mut frame: Frame,
    scale: Scale,
    label: &str,
    panel: Area,
    pixels: impl Fn(Area) -> Pixels,
) -> Result<Drawn> {
    // How large the inside is depends on what the colour bar says, and what this says on the pixels.
    let bar = |range: Option<(f64, f64)>| Axis::new(scale, range.unwrap_or((1.0, 10.0)), label);
    frame.bar = Some(bar(None));
    let first = frame.inside(panel)?;
    let found = pixels(first);
    let bar = bar(found.range(scale));
    frame.bar = Some(bar.clone());
    frame.draw(frame.tight(panel)?, |inside| {
        let found = if inside == first { found } else { pixels(inside) };
        vec![found.image(inside, &bar)]
    })
}
