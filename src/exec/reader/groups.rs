//! What inputs of a stage have in common.

use crate::grid::{Chunks, Dims, Grid, Region};
use crate::plan::{Input, Plan, Together, uses_of_chunk, uses_of_chunk_around};
use crate::view::View;

/// What a stage's tasks share chunks by: its grid, the pass' window, its inputs.
pub type Sharing<'a> = Option<(&'a Grid, &'a Region, &'a [Input])>;

/// What inputs of a stage have in common: which of them are staged together, and which sources feeds read.
#[derive(Default)]
pub(super) struct Groups {
    pub(super) together: Together,
    /// Sources that feeds read, whose chunks are therefore wanted nobody knows how often.
    through_feeds: Vec<usize>,
}

impl Groups {
    pub(super) fn new(plan: &Plan, grid: &Grid, inputs: &[Input]) -> Groups {
        let mut through_feeds = Vec::new();
        inputs.iter().for_each(|input| read_by(input, &mut through_feeds));
        let together = match grid.blocks() {
            0 => Together::default(),
            _ => Together::new(plan, inputs, &grid.largest()),
        };
        Groups { together, through_feeds }
    }

    /// How often the blocks of a walk ask the cache for a chunk of source `s`, if that is known.
    pub(super) fn uses(&self, sharing: Sharing, s: usize, chunk: &[u64], chunks: &Chunks) -> Option<u64> {
        let (grid, window, inputs) = sharing?;
        if self.through_feeds.contains(&s) {
            return None;
        }
        let (mut views, mut uses) = (0, 0);
        for (i, input) in inputs.iter().enumerate().filter(|(_, input)| input.source() == Some(s)) {
            views += 1;
            uses += match self.together.group(i) {
                None => uses_of_chunk(grid, window, &input.view, chunk, chunks),
                Some(group) if group.members[0] == i => {
                    let view = View { axes: input.view.axes.clone(), base: group.low.clone() };
                    let spread: Dims = group.low.iter().zip(&group.high).map(|(&a, &b)| b - a).collect();
                    uses_of_chunk_around(grid, window, &view, &spread, chunk, chunks)
                }
                Some(_) => 0,
            };
        }
        (views > 0).then_some(uses)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.together.is_empty()
    }
}

/// The sources that the feed of an input reads.
fn read_by(input: &Input, out: &mut Vec<usize>) {
    for inner in input.children().iter().flat_map(|k| &k.inputs) {
        match inner.source() {
            Some(s) if !out.contains(&s) => out.push(s),
            Some(_) => {}
            None => read_by(inner, out),
        }
    }
}
