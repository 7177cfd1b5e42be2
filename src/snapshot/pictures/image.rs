//! Images of what is in an object.

use super::what::{Axis, Image, Picture, Side};
use super::window::{Window, place};
use crate::Session;
use crate::error::{Context, Result};
use crate::snapshot::data::Data;

impl Data {
    /// An image of what is in the object. Sums are exact, or of contributions that are each rounded by at most 2⁻¹¹⁸ of the sum
    /// of all magnitudes: the same bits for any threads, chunks and budgets. An image that does not fit the budget is made strip
    /// by strip, of which each reads all particles.
    ///
    /// # Errors
    /// `NotFound` for fields that are not there: smoothed particles need density, mass and smoothing length; `Value` for
    /// windows without extent and for units of another kind, and where a selected particle has no finite kernel; `Budget` if an
    /// image does not fit in 64 strips.
    pub fn image(&self, picture: &Picture, window: &Window, session: &Session) -> Result<Image> {
        let placed = place(self, window)?;
        let (name, unit, values) = match picture {
            Picture::Projection { field, weight } => {
                self.projection(field, weight.as_deref(), &placed, session).at("projection", field)?
            }
            Picture::Slice { field, normalised } => {
                self.slice(field, *normalised, &placed, session).at("slice", field)?
            }
            Picture::Deposit { field, how, density } => {
                self.points(field, *how, *density, &placed, session).at("deposit", field)?
            }
        };
        let right = placed.right();
        let axis = |d: usize| match placed.turned {
            Some(_) => [Axis::Right, Axis::Up, Axis::Out][d],
            None => Axis::of(placed.axes[d]),
        };
        let side =
            |d: usize| Side { axis: axis(d), low: placed.left[d], high: right[d], pixels: placed.pixels[d] };
        Ok(Image { name, unit, values, x: side(0), y: side(1), along: axis(2), turned: placed.turned })
    }
}
