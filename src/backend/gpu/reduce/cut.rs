//! How a block is laid over workgroups: which outputs, which lanes, how many segments.

use crate::grid::Dims;
use crate::ops::fold::Landing;

/// Invocations per workgroup.
pub const INVOCATIONS: u64 = 256;
/// The most workgroups over which positions are spread: enough to fill any device.
const ENOUGH_GROUPS: u64 = 4096;
/// Elements that an invocation takes at least before positions are spread further.
const FEWEST: u64 = 32;
/// Positions from which on rows are read four at a time.
const LONG: u64 = 64;
/// Bytes read back that never matter.
const FREE_BYTES: u64 = 16 << 10;

/// Neighbouring axes that are all kept or all reduced, joined; axes of length 1 left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Axes {
    /// Lengths.
    pub lens: Dims,
    /// Elements of the block between neighbours.
    pub strides: Dims,
}

/// The cut of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Outputs in the block.
    pub outputs: u64,
    /// Positions along the reduced axes.
    pub positions: u64,
    /// The axes of the outputs.
    pub kept: Axes,
    /// The axes of the positions.
    pub reduced: Axes,
    /// Whether positions are neighbours, and read four at a time.
    pub by_quads: bool,
    /// Outputs per workgroup.
    pub width: u64,
    /// Invocations per output.
    pub lanes: u64,
    /// Whether neighbouring invocations are lanes of one output.
    pub lanes_first: bool,
    /// Parts into which positions are cut, each for a workgroup of its own.
    pub segments: u64,
}

/// What the cut depends on, beside the block.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Outputs for which a workgroup has memory.
    pub width: u64,
    /// Bytes read back per output and segment.
    pub slot_bytes: u64,
    /// Bytes of a value.
    pub value_bytes: u64,
    /// Workgroups per dimension.
    pub max_groups: u64,
}

impl Cut {
    /// The cut of a block of shape `shape`, which is not empty.
    pub fn new(shape: &[u64], reduced: &[bool], limits: Limits) -> Cut {
        let (mut axes, mut stride) = ([Axes::default(), Axes::default()], 1);
        let mut last = None;
        for (&n, &r) in shape.iter().zip(reduced).rev().filter(|(n, _)| **n != 1) {
            let group = &mut axes[r as usize];
            match group.lens.last_mut() {
                Some(len) if last == Some(r) => *len *= n,
                _ => {
                    group.lens.push(n);
                    group.strides.push(stride);
                }
            }
            last = Some(r);
            stride *= n;
        }
        let is_inner = |r: bool| axes[r as usize].strides.first() == Some(&1);
        let inner_reduced = is_inner(true);
        axes.iter_mut().for_each(|a| (a.lens.reverse(), a.strides.reverse()).0);
        let [keeps, reduces] = axes;
        let outputs: u64 = Landing::over(reduced).kept(shape).iter().product();
        let positions = shape.iter().product::<u64>() / outputs.max(1);
        let by_quads = inner_reduced && reduces.lens.len() == 1 && positions >= LONG;
        let width = match inner_reduced {
            // Lanes enough that each has a few elements.
            true => INVOCATIONS / (positions / 8).next_power_of_two().clamp(1, INVOCATIONS),
            false => INVOCATIONS,
        };
        let width = width.min(limits.width).min(outputs).max(1);
        let lanes = INVOCATIONS / width;
        let tiles = outputs.div_ceil(width);
        let bytes = stride.saturating_mul(limits.value_bytes) / 1000;
        let affordable = bytes.max(FREE_BYTES) / outputs.saturating_mul(limits.slot_bytes).max(1);
        let useful = positions.div_ceil(lanes * FEWEST);
        let segments =
            useful.min(affordable).min(ENOUGH_GROUPS.div_ceil(tiles)).clamp(1, limits.max_groups.max(1));
        Cut {
            outputs,
            positions,
            kept: keeps,
            reduced: reduces,
            by_quads,
            width,
            lanes,
            lanes_first: inner_reduced,
            segments,
        }
    }

    /// Outputs times segments: the slots that are read back.
    pub fn slots(&self) -> u64 {
        self.outputs.saturating_mul(self.segments)
    }

    /// Workgroups.
    pub fn groups(&self, max_groups: u32) -> [u32; 3] {
        let tiles = self.outputs.div_ceil(self.width);
        let x = tiles.min(max_groups as u64);
        [x as u32, self.segments as u32, tiles.div_ceil(x) as u32]
    }

    /// The family's words of `params`.
    pub fn params(&self) -> impl Iterator<Item = u32> {
        let head = [self.outputs, self.positions, self.segments, self.width, self.lanes];
        let axes = [&self.kept, &self.reduced];
        let axes = axes.map(|a| a.lens.iter().chain(&a.strides).copied().collect::<Dims>());
        head.into_iter().chain([self.lanes_first as u64]).chain(axes.into_iter().flatten()).map(|v| v as u32)
    }

    /// What the code depends on.
    pub fn key(&self) -> (bool, usize, usize) {
        (self.by_quads, self.kept.lens.len(), self.reduced.lens.len())
    }

    /// `fn start(o)`: the index of output `o`'s first element, and `fn offset(k)`, how far its position
    /// `k` is from it.
    pub fn functions(&self) -> String {
        let mut out = String::new();
        let mut word = 6;
        for (name, axes) in [("start", &self.kept), ("offset", &self.reduced)] {
            let n = axes.lens.len();
            let param = |k: usize| format!("params[FAMILY_AT + {k}u]");
            out += &format!("fn {name}(n: u32) -> u32 {{ var left = n; var at = 0u;");
            for d in (1..n).rev() {
                let (len, stride) = (param(word + d), param(word + n + d));
                out += &format!(" at += (left % {len}) * {stride}; left = left / {len};");
            }
            let first = if n == 0 { "0u".to_string() } else { format!("left * {}", param(word + n)) };
            out += &format!(" return at + {first}; }}\n");
            word += 2 * n;
        }
        out
    }
}
