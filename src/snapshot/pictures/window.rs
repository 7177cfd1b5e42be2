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
    pub(super) facing: Option<Facing>,
    pub(super) center: Option<[f64; 3]>,
    pub(super) width: Option<[f64; 2]>,
    pub(super) depth: Option<f64>,
    pub(super) pixels: [u64; 2],
}

/// From where something is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Facing {
    normal: [f64; 3],
    north: Option<[f64; 3]>,
}

impl Window {
    /// Seen along x (0), y (1) or z (2): the next axes of x, y, z, x, y lie to the right and upwards.
    pub fn along(axis: usize) -> Window {
        Window { axis, facing: None, center: None, width: None, depth: None, pixels: [512, 512] }
    }

    /// Seen from where a vector points. Everything is there once, the shorter way round from the centre.
    pub fn facing(normal: [f64; 3]) -> Window {
        Window { facing: Some(Facing { normal, north: None }), ..Window::along(2) }
    }

    /// With this vector upwards, as far as it lies in the image; for windows that face a vector.
    pub fn north(mut self, north: [f64; 3]) -> Window {
        if let Some(facing) = &mut self.facing {
            facing.north = Some(north);
        }
        self
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
    /// The directions to the right, upwards and towards the eye, if these are no axes. The window is about zero then.
    pub turned: Option<[[f64; 3]; 3]>,
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

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

impl Facing {
    /// The directions to the right, upwards and towards the eye. Without one upwards it is that of
    /// yt's projections, which along an axis are those along the axis.
    fn directions(self) -> Result<[[f64; 3]; 3]> {
        let unit = |v: [f64; 3]| {
            let length = dot(v, v).sqrt();
            let unit = v.map(|v| v / length);
            match length > 0.0 && unit.iter().all(|v| v.is_finite()) {
                true => Ok(unit),
                false => Err(Error::new(
                    ErrorKind::Value,
                    "what an image faces, and what is upwards in it, are two directions",
                )),
            }
        };
        let normal = unit(self.normal)?;
        let north = match self.north {
            Some(north) => {
                let along = dot(north, normal);
                [0, 1, 2].map(|d| north[d] - along * normal[d])
            }
            None => {
                let axes = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
                let sums = axes.map(|axis| cross(axis, normal).iter().sum::<f64>());
                let most = (1..3).fold(0, |most, d| if sums[d] > sums[most] { d } else { most });
                cross(normal, cross(axes[most], normal))
            }
        };
        Ok([unit(cross(north, normal))?, unit(north)?, normal])
    }
}

/// The width of what an object covers from any side, if it has one.
fn diameter(data: &Data) -> Option<f64> {
    let box_width = data.snapshot().contents().domain.map(|d| d.width);
    match (data.object(), extent(data.object()).or(box_width)?) {
        (DataObject::Sphere { .. } | DataObject::Disk { .. } | DataObject::Ellipsoid { .. }, e) => Some(e[0]),
        (_, e) => Some(dot(e, e).sqrt()),
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
    let turned = window.facing.map(Facing::directions).transpose()?;
    let around = turned.and_then(|_| diameter(data));
    let width = match (window.width.or(around.map(|w| [w, w])), extent(data.object()), domain) {
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
    let left = [0, 1].map(|d| if turned.is_some() { 0.0 } else { center[axes[d]] } - width[d] / 2.0);
    let periods = axes.map(|axis| if turned.is_some() { None } else { period(domain.as_ref(), axis) });
    let Window { pixels, depth, .. } = *window;
    Ok(Placed { axes, center, left, width, pixels, depth, periods, turned })
}

/// Where particles of a kind are in an image: to the right, upwards, and from its middle towards the eye.
pub(super) fn seen(data: &Data, kind: &str, placed: &Placed) -> Result<[Array; 3]> {
    let places = data.places(kind, false)?;
    let domain = data.snapshot().contents().domain;
    let way = |d: usize| offset(&places[d], placed.center[d], period(domain.as_ref(), d));
    let Some(directions) = placed.turned else {
        let [x, y, z] = placed.axes;
        return Ok([places[x].clone(), places[y].clone(), way(z)]);
    };
    let [x, y, z] = [0, 1, 2].map(way);
    Ok(directions.map(|v| &x * v[0] + &y * v[1] + &z * v[2]))
}

/// The mask of what a window's depth leaves.
pub(super) fn in_depth(
    data: &Data,
    kind: &str,
    mask: Option<Array>,
    placed: &Placed,
) -> Result<Option<Array>> {
    let Some(depth) = placed.depth else { return Ok(mask) };
    let [_, _, way] = seen(data, kind, placed)?;
    let near = way.abs().less_equal(depth / 2.0);
    Ok(Some(mask.map_or(near.clone(), |m| m & near)))
}
