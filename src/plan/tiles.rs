//! Grids of stages that read nothing but what is made as it is wanted: any block costs the same there, so blocks are cut such
//! that reductions that keep axes have many tiles, which can be finished one by one.

use super::{Input, Output, PlanOptions, PlanSource, Read, Supply};
use crate::grid::{Dims, Grid};
use crate::ops::program::Program;
use crate::source::SourceSpec;

/// Tiles of the output that are aimed at: as many as processes that each finish some.
const TILES: u64 = 64;

/// A grid in place of `grid` that cuts the kept axes, if the stage's reductions keep some which `grid` does not cut.
pub fn in_tiles(
    grid: &Grid,
    inputs: &[Input],
    program: &Program,
    outputs: &[Output],
    sources: &[PlanSource],
    options: &PlanOptions,
) -> Option<Grid> {
    let made = |input: &Input| match &input.from {
        Supply::Read(Read::Source(s)) => is_made(&sources[*s].spec),
        Supply::Read(Read::Value(_)) => true,
        Supply::Feed(_) => false,
    };
    // All that keep axes keep the same ones; what keeps none takes any blocks.
    let landing = outputs.iter().map(|o| o.fold.landing()).find(|landing| landing.keeps_any())?;
    let alike = outputs.iter().all(|o| {
        let own = o.fold.landing();
        o.fold.carries().is_none() && (own == landing || !own.keeps_any())
    });
    if !alike || landing.keeps_all() || !inputs.iter().all(made) {
        return None;
    }
    let (domain, counts) = (grid.shape(), grid.counts());
    let cut = |kept: bool| (0..counts.len()).any(|d| counts[d] > 1 && landing.keeps(d) == kept);
    if cut(true) || !cut(false) {
        return None;
    }
    let size = program.inputs.iter().map(|d| d.size() as u64).max().unwrap_or(8).max(1);
    let target = (options.block_bytes / size).max(1);
    let kept: u64 = landing.kept(&domain).iter().product();
    let most = kept.div_ceil(TILES).max(1).min(target);
    // Along kept axes the last ones first, whose elements lie together; the rest of a block is along the others.
    let mut block = Dims::from_elem(1, domain.len());
    let mut elements = 1;
    for (keeps, most) in [(true, most), (false, target)] {
        for d in (0..domain.len()).rev().filter(|&d| landing.keeps(d) == keeps) {
            block[d] = (most / elements).clamp(1, domain[d]);
            elements *= block[d];
        }
    }
    Some(Grid::regular(&domain, &block))
}

/// Whether elements are made as they are wanted, or are in memory anyway.
fn is_made(spec: &SourceSpec) -> bool {
    !matches!(
        spec,
        SourceSpec::Hdf5 { .. }
            | SourceSpec::Netcdf { .. }
            | SourceSpec::Many { .. }
            | SourceSpec::Foreign { .. }
            | SourceSpec::Registered(_)
            | SourceSpec::Memory { .. }
    )
}
