//! Which pixels an image has, and what of a particle each gets.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// What of a particle a pixel gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Through {
    /// The kernel's integral along the line through the pixel's middle, times the squared radius.
    Line,
    /// The kernel's value at the pixel's middle, times the cubed radius.
    Point,
    /// The share of the pixel that a square about the particle covers, of twice the radius: a cell of a grid. There is no
    /// kernel then.
    Cell,
}

/// The pixels of an image, in the coordinates of the particles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Where the first pixel begins, to the right and upwards.
    pub left: [f64; 2],
    /// The edges of a pixel.
    pub pixel: [f64; 2],
    /// How many there are.
    pub pixels: [u64; 2],
    /// The first row that is made, and the one behind the last.
    pub rows: [u64; 2],
    /// After which distance everything is there again; 0 for never.
    pub period: [f64; 2],
}

/// The most pixels along an edge.
const EDGE: u64 = 1 << 31;

impl Window {
    /// Checks it.
    ///
    /// # Errors
    /// `Value` for a window without extent, with more than 2³¹ pixels along an edge, or with rows that it does not have.
    pub fn checked(self) -> Result<Window> {
        let wrong = |what: &str| Err(Error::new(ErrorKind::Value, what));
        let Window { left, pixel, pixels, rows, period } = self;
        if pixels.iter().any(|n| *n == 0 || *n > EDGE) {
            return wrong("an image has between 1 and 2^31 pixels along an edge");
        }
        if rows[0] >= rows[1] || rows[1] > pixels[1] {
            return wrong("the rows that are made are some of the image's");
        }
        if !(left.iter().all(|v| v.is_finite())
            && pixel.iter().all(|v| v.is_finite() && *v > 0.0 && (1.0 / v).is_finite()))
        {
            return wrong("an image needs a window of some extent");
        }
        if !period.iter().all(|v| v.is_finite() && *v >= 0.0) {
            return wrong("a period is a length");
        }
        Ok(self)
    }

    /// The shape of what is made: rows, and pixels of each.
    pub fn shape(&self) -> [u64; 2] {
        [self.rows[1] - self.rows[0], self.pixels[0]]
    }

    /// The middle of a pixel along one axis.
    #[inline(always)]
    pub fn middle(&self, d: usize, i: f64) -> f64 {
        self.left[d] + (i + 0.5) * self.pixel[d]
    }

    /// Where what is made begins and ends along one axis.
    pub fn ends(&self, d: usize) -> (f64, f64) {
        let [first, last] = if d == 0 { [0, self.pixels[0]] } else { self.rows };
        let edge = |i: u64| self.left[d] + self.pixel[d] * i as f64;
        (edge(first), edge(last))
    }
}
