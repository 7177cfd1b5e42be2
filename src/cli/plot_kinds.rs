//! What commands other than `eval` have drawn, in builds with pictures and without.
// Without pictures nobody reads it.
#![cfg_attr(not(feature = "plot"), allow(dead_code))]

/// A picture of its own, beside others.
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// What its axes are called, to the right and upwards.
    pub axes: Vec<String>,
    /// What its heights or colours are.
    pub values: String,
    /// The numbers.
    pub kind: PanelKind,
}

/// What is drawn.
pub enum PanelKind {
    /// A height for each bin.
    Steps {
        /// The edges of the bins.
        edges: Vec<f64>,
        /// The heights.
        values: Vec<f64>,
    },
    /// A colour for each cell.
    Grid {
        /// Edges to the right.
        x: Vec<f64>,
        /// Edges upwards.
        y: Vec<f64>,
        /// Column by column, each upwards.
        values: Vec<f64>,
        /// The width in heights, where that is fixed.
        aspect: Option<f64>,
    },
}
