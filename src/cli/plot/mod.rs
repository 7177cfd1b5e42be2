//! Pictures of results: `--plot FILE.png|svg`.
//!
//! A result becomes a [`scene`](scene::Scene) of rectangles, lines, images and text, all of them placed here (`frame`
//! with `ticks` and `axis`; `line`, `histogram`, `image`), which plotters' backends turn into a file (`png`, `svg`).
//! However large a result is, no more is drawn than there are pixels (`cells`).

mod axis;
mod cells;
mod colour;
mod dates;
mod draw;
mod file;
mod font;
mod frame;
mod histogram;
mod image;
mod line;
mod panels;
mod png;
mod scene;
mod subject;
mod svg;
#[cfg(test)]
mod tests;
mod ticks;
mod values;

pub use super::plot_kinds::{Panel, PanelKind};
pub use draw::Plot;
