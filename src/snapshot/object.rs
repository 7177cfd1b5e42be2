//! Data objects: parts of space, and conditions, as plain data.

use serde::{Deserialize, Serialize};
use std::ops::{BitAnd, BitOr, BitXor, Not, Sub};

/// What a question is about: all of a snapshot, a part of its space, or where a condition holds. Lengths are code lengths.
///
/// Objects are combined with `&`, `|`, `^`, `-` and `!`. They are plain data, and mean something with a snapshot only
/// ([`Snapshot::select`](super::Snapshot::select)).
///
/// ```
/// use chunkwise::snapshot::DataObject;
/// let shell = DataObject::sphere([0.5; 3], 0.2) - DataObject::sphere([0.5; 3], 0.1);
/// let hot = shell & DataObject::cut("temperature > 1e5");
/// assert_eq!(hot.center(), Some([0.5; 3]));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DataObject {
    /// Everything.
    All,
    /// What is not farther from the centre than the radius.
    Sphere {
        /// Its centre.
        center: [f64; 3],
        /// Its radius.
        radius: f64,
    },
    /// A box: its left faces belong to it, its right ones do not. It may cross the boundary of a periodic box.
    Region {
        /// Its lower corner.
        left: [f64; 3],
        /// Its upper corner.
        right: [f64; 3],
    },
    /// A cylinder.
    Disk {
        /// Its centre.
        center: [f64; 3],
        /// Its axis, of any length but 0.
        normal: [f64; 3],
        /// Its radius.
        radius: f64,
        /// Half of its height.
        height: f64,
    },
    /// An ellipsoid.
    Ellipsoid {
        /// Its centre.
        center: [f64; 3],
        /// The lengths of its half axes.
        half_axes: [f64; 3],
        /// Their directions, at right angles to each other.
        directions: [[f64; 3]; 3],
    },
    /// Where an expression over fields in cgs is true.
    Cut(String),
    /// What is in both.
    And(Box<DataObject>, Box<DataObject>),
    /// What is in either.
    Or(Box<DataObject>, Box<DataObject>),
    /// What is in one of both.
    Xor(Box<DataObject>, Box<DataObject>),
    /// What is in the first and not in the second.
    Minus(Box<DataObject>, Box<DataObject>),
    /// What is not in it.
    Not(Box<DataObject>),
}

impl DataObject {
    /// A sphere.
    pub fn sphere(center: [f64; 3], radius: f64) -> DataObject {
        DataObject::Sphere { center, radius }
    }

    /// A box between two corners.
    pub fn region(left: [f64; 3], right: [f64; 3]) -> DataObject {
        DataObject::Region { left, right }
    }

    /// A cylinder of twice the height.
    pub fn disk(center: [f64; 3], normal: [f64; 3], radius: f64, height: f64) -> DataObject {
        DataObject::Disk { center, normal, radius, height }
    }

    /// An ellipsoid whose half axes lie along x, y and z.
    pub fn ellipsoid(center: [f64; 3], half_axes: [f64; 3]) -> DataObject {
        let directions = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        DataObject::Ellipsoid { center, half_axes, directions }
    }

    /// Where an expression is true.
    pub fn cut(expression: &str) -> DataObject {
        DataObject::Cut(expression.to_string())
    }

    /// Its centre: that of the first of its parts that has one.
    pub fn center(&self) -> Option<[f64; 3]> {
        match self {
            DataObject::All | DataObject::Cut(_) | DataObject::Not(_) => None,
            DataObject::Sphere { center, .. }
            | DataObject::Disk { center, .. }
            | DataObject::Ellipsoid { center, .. } => Some(*center),
            DataObject::Region { left, right } => Some([0, 1, 2].map(|d| (left[d] + right[d]) / 2.0)),
            DataObject::And(a, b) | DataObject::Or(a, b) | DataObject::Xor(a, b) => {
                a.center().or_else(|| b.center())
            }
            DataObject::Minus(a, _) => a.center(),
        }
    }
}

macro_rules! combine {
    ($($trait:ident $method:ident $variant:ident),*) => {$(
        impl $trait for DataObject {
            type Output = DataObject;
            fn $method(self, other: DataObject) -> DataObject {
                DataObject::$variant(Box::new(self), Box::new(other))
            }
        }
    )*};
}
combine!(BitAnd bitand And, BitOr bitor Or, BitXor bitxor Xor, Sub sub Minus);

impl Not for DataObject {
    type Output = DataObject;
    fn not(self) -> DataObject {
        DataObject::Not(Box::new(self))
    }
}
