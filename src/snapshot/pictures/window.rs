//! Which part of space an image shows.

use crate::Array;
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::data::Data;
use crate::snapshot::frame::{offset, period};
use crate::snapshot::object::DataObject;

/// The part of space that an image shows, seen along an axis, in code lengths. What is not said follows from the object: its
/// centre, and an extent that holds all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    pub(super) axis: usize,
    pub(super) center: Option<[f64; 3]>,
    pub(super) width: Option<[f64; 2]>,
    pub(super) depth: Option<f64>,
    pub(super) pixels: [u64; 2],
}

impl Window {
    /// Seen along x (0), y (1) or z (2): the next axes of x, y, z, x, y lie to the right and upwards.
    pub fn along(axis: usize) -> Window {
        Window { axis, center: None, width: None, depth: None, pixels: [512, 512] }
    }

    /// About a point.
    pub fn center(mut self, center: [f64; 3]) -> Window {
        self.center = Some(center);
        self
    }

    /// So wide and high.
    pub fn width(mut self, width: [f64; 2]) -> Window {
        self.width = Some(width);
        self
    }

    /// Only what lies at most half of this before or behind the centre; projections are of the whole depth otherwise.
    pub fn depth(mut self, depth: f64) -> Window {
        self.depth = Some(depth);
        self
    }

    /// In so many pixels to the right and upwards.
    pub fn pixels(mut self, pixels: [u64; 2]) -> Window {
        self.pixels = pixels;
        self
    }
}

/// A window with all that follows from the object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placed {
    /// To the right, upwards, and towards the eye.
    pub axes: [usize; 3],
    pub center: [f64; 3],
    pub left: [f64; 2],
    pub width: [f64; 2],
    pub pixels: [u64; 2],
    pub depth: Option<f64>,
    /// The period of the box along each axis of the image.
    pub periods: [Option<f64>; 3],
}

impl Placed {
    /// The edges of a pixel.
    pub fn pixel(&self) -> [f64; 2] {
        [0, 1].map(|d| self.width[d] / self.pixels[d] as f64)
    }

    /// Where the window ends.
    pub fn right(&self) -> [f64; 2] {
        [0, 1].map(|d| self.left[d] + self.width[d])
    }
}

/// The extent of an object along each axis, if it has one.
fn extent(object: &DataObject) -> Option<[f64; 3]> {
    match object {
        DataObject::Sphere { radius, .. } => Some([2.0 * radius; 3]),
        DataObject::Region { left, right } => Some([0, 1, 2].map(|d| right[d] - left[d])),
        DataObject::Disk { radius, height, .. } => {
            Some([2.0 * (radius * radius + height * height).sqrt(); 3])
        }
        DataObject::Ellipsoid { half_axes, .. } => {
            Some([2.0 * half_axes.iter().copied().fold(0.0, f64::max); 3])
        }
        DataObject::And(a, b) => extent(a).or_else(|| extent(b)),
        DataObject::Minus(a, _) => extent(a),
        _ => None,
    }
}

/// A window onto what is in an object.
///
/// # Errors
/// `Value` if its extent does not follow from the object or the box, and for windows of none.
pub(super) fn place(data: &Data, window: &Window) -> Result<Placed> {
    let wrong = |what: &str| Err(Error::new(ErrorKind::Value, what.to_string()));
    if window.axis > 2 {
        return wrong("an image is seen along x, y or z");
    }
    let axes = [(window.axis + 1) % 3, (window.axis + 2) % 3, window.axis];
    let domain = data.snapshot().contents().domain;
    let center = window.center.unwrap_or(data.frame().center);
    let width = match (window.width, extent(data.object()), domain) {
        (Some(width), ..) => width,
        (None, Some(extent), _) => [extent[axes[0]], extent[axes[1]]],
        (None, None, Some(domain)) => [domain.width[axes[0]], domain.width[axes[1]]],
        (None, None, None) => {
            return Err(Error::new(
                ErrorKind::Value,
                "the snapshot has no box, so the window needs an extent",
            )
            .hint("say its width, or show an object that has one"));
        }
    };
    if !(width.iter().all(|w| w.is_finite() && *w > 0.0) && center.iter().all(|c| c.is_finite())) {
        return wrong("a window needs a finite centre and some extent");
    }
    if window.depth.is_some_and(|d| !(d.is_finite() && d > 0.0)) {
        return wrong("a depth is a length above 0");
    }
    let left = [0, 1].map(|d| center[axes[d]] - width[d] / 2.0);
    let periods = axes.map(|axis| period(domain.as_ref(), axis));
    Ok(Placed { axes, center, left, width, pixels: window.pixels, depth: window.depth, periods })
}

/// The mask of what a window's depth leaves.
pub(super) fn in_depth(
    data: &Data,
    kind: &str,
    mask: Option<Array>,
    placed: &Placed,
) -> Result<Option<Array>> {
    let Some(depth) = placed.depth else { return Ok(mask) };
    let across = &data.places(kind, false)?[placed.axes[2]];
    let way = offset(across, placed.center[placed.axes[2]], placed.periods[2]);
    let near = way.abs().less_equal(depth / 2.0);
    Ok(Some(mask.map_or(near.clone(), |m| m & near)))
}
