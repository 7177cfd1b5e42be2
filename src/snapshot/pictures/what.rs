//! What images and grids are, and what can be asked for.

/// The name of an image, its unit and its values.
pub(super) type Made = (String, String, Vec<f64>);

/// What an image shows of a field, written `KIND.FIELD [UNIT]`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Picture {
    /// The integral of a field of smoothed particles, or of cells, along the line of sight, or its mean along it with another
    /// field as weights.
    Projection {
        /// The field.
        field: String,
        /// The weights.
        weight: Option<String>,
    },
    /// A field of smoothed particles, or of cells, in the plane through the centre.
    Slice {
        /// The field.
        field: String,
        /// Whether the sum over kernels is divided by that of the kernels' volumes, so that a field that is the same
        /// everywhere stays so.
        normalised: bool,
    },
    /// Particles, added to pixels as points.
    Deposit {
        /// The field whose sum is wanted; a kind (`dm`) where they are counted.
        field: String,
        /// How.
        how: Deposit,
        /// Whether sums are divided by the area of a pixel.
        density: bool,
    },
}

/// An image: rows upwards, each from left to right.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Image {
    /// What it shows.
    pub name: String,
    /// The unit of its numbers; empty for pure numbers.
    pub unit: String,
    /// Its numbers.
    pub values: Vec<f64>,
    /// The axis to the right.
    pub x: Side,
    /// The axis upwards.
    pub y: Side,
    /// Along which axis it is seen.
    pub along: Axis,
    /// The directions to the right, upwards and towards the eye, if these are no axes; sides are counted from the centre then.
    pub turned: Option<[[f64; 3]; 3]>,
}

/// An axis of space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Axis {
    /// The first.
    X,
    /// The second.
    Y,
    /// The third.
    Z,
    /// To the right in an image that faces a vector.
    Right,
    /// Upwards in it.
    Up,
    /// Towards the eye.
    Out,
}

impl Axis {
    /// Of its number.
    pub(super) fn of(d: usize) -> Axis {
        [Axis::X, Axis::Y, Axis::Z][d % 3]
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Axis::X => "x",
            Axis::Y => "y",
            Axis::Z => "z",
            Axis::Right => "right",
            Axis::Up => "up",
            Axis::Out => "out",
        }
    }
}

/// A side of an image or of a grid: where it begins and ends, in code lengths, in how many pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Side {
    /// The axis of space along it.
    pub axis: Axis,
    /// Where it begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// In how many pixels.
    pub pixels: u64,
}

/// How particles are added to cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deposit {
    /// How many lie in each.
    Count,
    /// The sum of a field over those in each (the nearest grid point).
    Sum,
    /// Each particle is a cloud as large as a cell, and each cell gets the share that lies in it. Clouds go through the
    /// boundary of a periodic box where the window is as wide as it; elsewhere what lies outside is lost.
    Cic,
}

/// A grid of sums: the last axis is z.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Volume {
    /// What it shows.
    pub name: String,
    /// The unit of its numbers; empty for pure numbers.
    pub unit: String,
    /// Its numbers.
    pub values: Vec<f64>,
    /// Its sides along x, y and z.
    pub sides: [Side; 3],
}
