//! What positions and velocities are relative to, and distances in periodic boxes.

use super::contents::Domain;
use crate::Array;

/// What `radius`, `radial_velocity` and angular momenta are relative to, in code units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// The centre.
    pub center: [f64; 3],
    /// The velocity of the centre.
    pub velocity: [f64; 3],
}

/// Along an axis the shortest way from `center`: with `period`, the way through the boundary if that is shorter.
pub fn offset(x: &Array, center: f64, period: Option<f64>) -> Array {
    let d = x - center;
    match period {
        Some(width) => {
            let d = d.greater(width / 2.0).select(&d - width, &d);
            d.less(-width / 2.0).select(&d + width, &d)
        }
        None => d,
    }
}

/// The period along an axis.
pub fn period(domain: Option<&Domain>, axis: usize) -> Option<f64> {
    domain.filter(|d| d.periodic).map(|d| d.width[axis])
}

/// A coordinate within the box.
pub fn wrapped(x: f64, domain: Option<&Domain>, axis: usize) -> f64 {
    match domain.filter(|d| d.periodic) {
        Some(d) => d.left[axis] + (x - d.left[axis]).rem_euclid(d.width[axis]),
        None => x,
    }
}
