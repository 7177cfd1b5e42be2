//! What accumulators are given: tiles of elements, and where their parts go.

/// Elements in memory: native bytes, aligned for their dtype, one length in elements.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a> {
    /// Values of [`ReduceSpec::compute_dtype`](super::ReduceSpec::compute_dtype).
    pub values: &'a [u8],
    /// Weights of [`ReduceSpec::weights_dtype`](super::ReduceSpec::weights_dtype).
    pub weights: Option<&'a [u8]>,
    /// Bools: where false, the value is not there.
    pub mask: Option<&'a [u8]>,
}

/// A part of a tile, and the outputs that it goes to.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The first element in the tile.
    pub start: usize,
    /// Elements.
    pub len: usize,
    /// The first output.
    pub output: usize,
    /// Position along the reduced axes of the first element.
    pub position: u64,
    /// Where the elements go.
    pub along: Along,
}

/// Where the elements of a [`Run`] go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// All into one output; positions count up.
    Reduced,
    /// Element k into output + k; all have one position.
    Kept,
}
