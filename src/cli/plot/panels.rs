//! Numbers that are drawn as they are given, with their axes.

use super::axis::Scale;
use super::scene::{Area, Drawn};
use super::subject::Labels;
use super::values::Values;
use super::{histogram, image};
use crate::cli::plot_kinds::{Panel, PanelKind};
use chunkwise::Result;

/// Draws a panel.
///
/// # Errors
/// `Internal` if the font cannot be read.
pub fn draw(panel: &Panel, scale: Scale, area: Area) -> Result<Drawn> {
    let labels =
        Labels { title: panel.title.clone(), values: panel.values.clone(), axes: panel.axes.clone() };
    match &panel.kind {
        PanelKind::Steps { edges, values } => {
            histogram::draw(Values::of_numbers(values), edges, scale, &labels, area)
        }
        PanelKind::Grid { x, y, values, aspect } => {
            image::grid(Values::of_numbers(values), (x, y), scale, &labels, *aspect, area)
        }
    }
}
