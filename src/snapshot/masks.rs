//! Data objects as masks: boolean expressions over positions in float64, which broadcast to the rows of a kind.

use super::contents::Kind;
use super::frame::{Frame, offset, period};
use super::object::DataObject;
use super::opened::Snapshot;
use crate::Array;
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};

/// What of a smoothed particle must be in an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Within {
    /// Its centre.
    #[default]
    Center,
    /// Any of the ball that its kernel covers, as yt has it for gas.
    Overlap,
}

/// Where the rows of one kind are.
struct Rows<'a> {
    snapshot: &'a Snapshot,
    kind: &'a Kind,
    frame: &'a Frame,
    /// The radius of each, where that counts.
    reach: Option<Array>,
}

impl Snapshot {
    /// Which rows of a kind are in an object; nothing if all are.
    ///
    /// # Errors
    /// `Unsupported` if the kind has no positions, and for ellipsoids that overlap; `Value` for objects without extent;
    /// those of the fields.
    pub fn mask(
        &self,
        object: &DataObject,
        kind: &Kind,
        within: Within,
        frame: &Frame,
    ) -> Result<Option<Array>> {
        let reach = match within {
            Within::Overlap if kind.field("smoothing_length").is_some() => Some(self.reach(kind, frame)?),
            _ => None,
        };
        let rows = Rows { snapshot: self, kind, frame, reach };
        let mask = rows.mask(object)?.map(|mask| mask.broadcast_to(&kind.shape));
        let mask = match (mask, &kind.filter) {
            (Some(mask), Some(filter)) => Some(&mask & filter),
            (mask, filter) => mask.or_else(|| filter.clone()),
        };
        mask.as_ref().map_or(Ok(()), Array::check).at("kind", &kind.name)?;
        Ok(mask)
    }

    /// The radii at which the kernels of smoothed particles end, in code lengths.
    ///
    /// # Errors
    /// As [`Snapshot::field_of`].
    pub fn reach(&self, kind: &Kind, frame: &Frame) -> Result<Array> {
        let field = self.field_of(kind, "smoothing_length", frame)?;
        let h = field.in_unit(self.contents().units.length)?;
        // What is made of density reaches so far already.
        let support =
            if kind.field("smoothing_length").is_some() { self.contents().kernel.support } else { 1.0 };
        Ok(if support == 1.0 { h } else { h * support })
    }
}

impl Rows<'_> {
    fn mask(&self, object: &DataObject) -> Result<Option<Array>> {
        let shape = &self.kind.shape;
        let whole = |mask: Option<Array>, is: bool| mask.unwrap_or_else(|| constant(shape, is));
        Ok(match object {
            DataObject::All => None,
            DataObject::Sphere { center, radius } => Some(self.sphere(*center, *radius)?),
            DataObject::Region { left, right } => self.region(*left, *right)?,
            DataObject::Disk { center, normal, radius, height } => {
                Some(self.disk(*center, *normal, *radius, *height)?)
            }
            DataObject::Ellipsoid { center, half_axes, directions } => {
                Some(self.ellipsoid(*center, *half_axes, *directions)?)
            }
            DataObject::Cut(text) => Some(self.snapshot.condition(self.kind, text, self.frame)?),
            DataObject::And(a, b) => match (self.mask(a)?, self.mask(b)?) {
                (Some(a), Some(b)) => Some(a & b),
                (a, b) => a.or(b),
            },
            DataObject::Or(a, b) => match (self.mask(a)?, self.mask(b)?) {
                (Some(a), Some(b)) => Some(a | b),
                _ => None,
            },
            DataObject::Xor(a, b) => Some(whole(self.mask(a)?, true) ^ whole(self.mask(b)?, true)),
            DataObject::Minus(a, b) => {
                let without = whole(self.mask(b)?, true).logical_not();
                Some(match self.mask(a)? {
                    Some(a) => a & without,
                    None => without,
                })
            }
            DataObject::Not(a) => Some(whole(self.mask(a)?, true).logical_not()),
        })
    }

    /// The way from a centre along each axis.
    fn offsets(&self, center: [f64; 3]) -> Result<[Array; 3]> {
        let positions = self.snapshot.positions(self.kind)?;
        let domain = self.snapshot.contents().domain.as_ref();
        Ok([0, 1, 2].map(|d| offset(&positions[d], center[d], period(domain, d))))
    }

    /// A length, and that by which rows reach further.
    fn with_reach(&self, length: f64) -> Array {
        match &self.reach {
            Some(reach) => reach + length,
            None => Array::scalar(length),
        }
    }

    fn sphere(&self, center: [f64; 3], radius: f64) -> Result<Array> {
        finite(&[radius, center[0], center[1], center[2]], radius >= 0.0, "a sphere")?;
        let [x, y, z] = self.offsets(center)?;
        let squared = x.square() + y.square() + z.square();
        Ok(match &self.reach {
            Some(_) => squared.less_equal(self.with_reach(radius).square()),
            None => squared.less_equal(radius * radius),
        })
    }

    fn region(&self, left: [f64; 3], right: [f64; 3]) -> Result<Option<Array>> {
        let numbers = [left, right].concat();
        finite(&numbers, (0..3).all(|d| left[d] < right[d]), "a region")?;
        let positions = self.snapshot.positions(self.kind)?;
        let domain = self.snapshot.contents().domain;
        let mut all: Option<Array> = None;
        for d in 0..3 {
            let (x, width) = (&positions[d], right[d] - left[d]);
            let period = period(domain.as_ref(), d);
            // A region as wide as a periodic box leaves nothing out.
            if period.is_some_and(|p| width >= p) {
                continue;
            }
            let inside = match (&self.reach, period, &domain) {
                (Some(reach), ..) => {
                    let middle = offset(x, (left[d] + right[d]) / 2.0, period);
                    middle.abs().less_equal(reach + width / 2.0)
                }
                (None, Some(p), Some(domain)) => {
                    let low = domain.left[d] + (left[d] - domain.left[d]).rem_euclid(p);
                    let here = |x: &Array| x.greater_equal(low) & x.less(low + width);
                    here(x) | here(&(x + p))
                }
                _ => x.greater_equal(left[d]) & x.less(right[d]),
            };
            all = Some(match all {
                Some(all) => all & inside,
                None => inside,
            });
        }
        Ok(all)
    }

    fn disk(&self, center: [f64; 3], normal: [f64; 3], radius: f64, height: f64) -> Result<Array> {
        let length = normal.iter().map(|n| n * n).sum::<f64>().sqrt();
        let numbers = [radius, height, center[0], center[1], center[2], length];
        finite(&numbers, radius >= 0.0 && height >= 0.0 && length > 0.0, "a disk")?;
        let [x, y, z] = self.offsets(center)?;
        let [a, b, c] = normal.map(|n| n / length);
        let along = &x * a + &y * b + &z * c;
        let squared = x.square() + y.square() + z.square();
        let aside = squared - along.square();
        let near = along.abs().less_equal(self.with_reach(height));
        Ok(near & aside.less_equal(self.with_reach(radius).square()))
    }

    fn ellipsoid(&self, center: [f64; 3], axes: [f64; 3], directions: [[f64; 3]; 3]) -> Result<Array> {
        if self.reach.is_some() {
            let e = "which kernels touch an ellipsoid is not known: particles are in it by their centres";
            return Err(Error::new(ErrorKind::Unsupported, e));
        }
        let numbers = [&center[..], &axes[..], &directions.concat()[..]].concat();
        finite(&numbers, axes.iter().all(|a| *a > 0.0), "an ellipsoid")?;
        let [x, y, z] = self.offsets(center)?;
        let along = |d: usize| {
            let [a, b, c] = directions[d];
            ((&x * a + &y * b + &z * c) / axes[d]).square()
        };
        Ok((along(0) + along(1) + along(2)).less_equal(1.0))
    }
}

/// A mask that is the same everywhere.
fn constant(shape: &[u64], is: bool) -> Array {
    Array::full(shape, is).cast(DType::Bool)
}

fn finite(numbers: &[f64], valid: bool, what: &str) -> Result<()> {
    match valid && numbers.iter().all(|v| v.is_finite()) {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::Value, format!("{what} needs finite lengths and some extent"))),
    }
}
