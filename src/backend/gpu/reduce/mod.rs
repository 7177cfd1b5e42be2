//! Reductions on the device: to a scalar and along any axes, with the CPU's bits.
//!
//! A workgroup takes a few outputs and a part of their positions (see [`cut`]), its invocations gather
//! in registers, then in workgroup memory, and what it has is written as one slot per output and
//! part. The host adds the slots to the [`State`](crate::ops::reduce::State). Sums are integers of fixed point (see [`window`]),
//! extremes are ordered integer keys, products have the significand of 256 bits that the CPU gives them:
//! no float arithmetic takes part, so no device's floats matter, and float64 needs 64-bit integers only
//! to be loaded.
//!
//! Limits: of products of floats that 256 bits do not hold, src/ops/reduce/product.rs says how rarely the
//! order could show; that is so here too. A slot of a float64 variance is 1.6 KB, and one is read back
//! per output, so reductions along short axes bring back more than they read.

mod cut;
mod rows;
mod window;

use super::abilities::Abilities;
use super::code::Element;
use super::device::Pipeline;
use super::family::{Absorb, Family, Launch, Step, Work};
use super::layout::{Class, Layout};
use super::shader::shader;
use crate::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Dims, Region, ravel, unravel};
use crate::ops::fold::{ReduceReady, state_as};
use crate::ops::kernel::Terminal;
use crate::ops::program::Program;
use crate::ops::reduce::{Gathered, Limbs, OrderedBits, ReduceSpec, State};
use cut::{Cut, Limits};
use rows::{FLAG_BITS, Gather, Members};
use smallvec::SmallVec;
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

/// Workgroup memory that every device has.
const WORKGROUP_BYTES: u32 = 16 << 10;
/// The most outputs of a workgroup.
const MAX_WIDTH: u64 = 64;

type Key = (Vec<Class>, (bool, usize, usize));

/// The family of a `reduce`.
///
/// # Errors
/// Why this device cannot compute it right.
pub fn family(
    program: &Program,
    terminal: &Terminal,
    abilities: &Abilities,
) -> std::result::Result<Box<dyn Family>, String> {
    let ready: &dyn Any = &*terminal.ready;
    let ready: &ReduceReady = ready.downcast_ref().ok_or("it is no reduction that is known here")?;
    let reduced = terminal.fold.landing().reduced();
    Ok(Box::new(Reduce::new(program, ready.spec(), &terminal.ports, &reduced, abilities)?))
}

/// One reduction.
pub struct Reduce {
    element: Element,
    spec: ReduceSpec,
    gather: Gather,
    members: Members,
    reduced: Vec<bool>,
    limits: Limits,
    max_groups: u32,
    pipelines: HashMap<Key, Arc<Pipeline>>,
}

impl Reduce {
    /// A reduction of a program's outputs, given as values, weights and mask, over the axes marked in `reduced`.
    ///
    /// # Errors
    /// Why this device cannot compute it right.
    pub fn new(
        program: &Program,
        spec: &ReduceSpec,
        outputs: &[usize],
        reduced: &[bool],
        abilities: &Abilities,
    ) -> std::result::Result<Reduce, String> {
        let gather = Gather::of(spec);
        let weights = spec.weights_dtype().map(|_| 1);
        let members = Members { weights, mask: spec.has_mask().then(|| 1 + weights.unwrap_or(0)) };
        let all = outputs;
        if all.len() != 1 + usize::from(members.weights.is_some()) + usize::from(members.mask.is_some()) {
            return Err(format!("{} is given {} columns", spec.reduction(), all.len()));
        }
        let element = Element::new(program, all, abilities)?;
        let wanted =
            [Some(spec.compute_dtype()), spec.weights_dtype(), spec.has_mask().then_some(DType::Bool)];
        let found = [
            Some(element.dtype(0)),
            members.weights.map(|n| element.dtype(n)),
            members.mask.map(|n| element.dtype(n)),
        ];
        if wanted != found {
            return Err(format!("{} is given {found:?}, not {wanted:?}", spec.reduction()));
        }
        let slot_bytes = 4 * gather.words() as u64;
        let memory = abilities.workgroup_bytes.min(WORKGROUP_BYTES) as u64;
        let least = gather.least_memory() as u64;
        if memory < least {
            return Err(format!("{} needs {least} bytes of workgroup memory", spec.reduction()));
        }
        let limits = Limits {
            width: gather.width(memory).min(MAX_WIDTH),
            slot_bytes,
            value_bytes: spec.compute_dtype().size() as u64,
            max_groups: abilities.max_groups as u64,
        };
        Ok(Reduce {
            element,
            spec: spec.clone(),
            gather,
            members,
            reduced: reduced.to_vec(),
            limits,
            max_groups: abilities.max_groups,
            pipelines: HashMap::new(),
        })
    }

    fn cut(&self, block: &[u64]) -> Cut {
        Cut::new(block, &self.reduced, self.limits)
    }

    /// The kernel for blocks of a shape and a layout.
    pub(super) fn source(&self, layout: &Layout, block: &[u64]) -> String {
        let cut = self.cut(block);
        let mut source = self.element.code(layout);
        source.push_str(&cut.functions());
        source.push_str(&self.gather.code(&self.spec, self.members, self.limits.width));
        source.push_str(if cut.by_quads {
            shader!("reduce_quads.wgsl")
        } else {
            shader!("reduce_each.wgsl")
        });
        source.push_str(shader!("reduce.wgsl"));
        source
    }

    fn pipeline(&mut self, work: &Work, cut: &Cut) -> Result<Arc<Pipeline>> {
        let key = (work.layout.key().to_vec(), cut.key());
        if let Some(p) = self.pipelines.get(&key) {
            return Ok(Arc::clone(p));
        }
        let pipeline =
            work.context.pipeline("reduce", &self.source(work.layout, &work.block.region.shape))?;
        self.pipelines.insert(key, Arc::clone(&pipeline));
        Ok(pipeline)
    }

    /// What becomes of the slots.
    fn absorb(&self, cut: &Cut, work: &Work) -> Absorb {
        let (gather, words, segments) = (self.gather, self.gather.words(), cut.segments as usize);
        let (first, slots) = (work.first_output as usize, cut.slots() as usize);
        let places = Positions::new(work.block.region, work.block.domain, &self.reduced);
        Box::new(move |bytes, state| {
            let state: &mut State = state_as(state)?;
            let Some(bytes) = bytes.get(..slots * words * 4) else {
                return Err(Error::new(ErrorKind::Internal, "a reduction brought back too little"));
            };
            let mut limbs = SmallVec::<[i64; 256]>::new();
            for (n, slot) in bytes.chunks_exact(4 * words).enumerate() {
                let slot: SmallVec<[u32; 512]> =
                    slot.chunks_exact(4).map(|b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect();
                let gathered = match gather {
                    Gather::Sums(a, b) => {
                        let flags = slot[words - 2];
                        limbs.clear();
                        let pairs = slot[..words - 2].chunks_exact(2);
                        limbs.extend(pairs.map(|w| pair(w, 0) as i64));
                        let (x, y) = limbs.split_at(a.limbs);
                        let mask = (1 << FLAG_BITS) - 1;
                        Gathered::Sums {
                            first: Limbs { limbs: x, flags: (flags & mask) as u8 },
                            second: b.map(|_| Limbs { limbs: y, flags: (flags >> FLAG_BITS & mask) as u8 }),
                            count: slot[words - 1] as u64,
                        }
                    }
                    Gather::Extreme => Gathered::Extreme {
                        best: (slot[3] & 2 != 0)
                            .then(|| (OrderedBits(pair(&slot, 0)), places.in_domain(slot[2]))),
                        any: slot[3] & 1 != 0,
                    },
                    Gather::Counts => Gathered::Counts { nonzero: slot[0] as u64, seen: slot[1] as u64 },
                    Gather::IntegerProduct => {
                        Gathered::IntegerProduct { magnitude: pair(&slot, 0), flags: slot[2] as u8 }
                    }
                    Gather::FloatProduct => Gathered::FloatProduct {
                        significand: std::array::from_fn(|k| pair(&slot, 2 * k)),
                        exponent: pair(&slot, 8) as i64,
                        lost: if slot[10] == u32::MAX { u64::MAX } else { slot[10] as u64 },
                        flags: slot[11] as u8,
                    },
                };
                state.absorb(first + n / segments, gathered)?;
            }
            Ok(())
        })
    }
}

impl Family for Reduce {
    fn launch(&mut self, work: &Work) -> Result<Launch> {
        let cut = self.cut(&work.block.region.shape);
        let pipeline = self.pipeline(work, &cut)?;
        let mut params = self.element.params(work.layout);
        params.extend(cut.params());
        let step = Step { pipeline, params, groups: cut.groups(self.max_groups), table: None };
        let output_bytes = cut.slots() * self.limits.slot_bytes;
        Ok(Launch { steps: vec![step], output_bytes, absorb: self.absorb(&cut, work) })
    }

    fn output_bytes(&self, block: &[u64]) -> u64 {
        match block.contains(&0) {
            true => 0,
            false => self.cut(block).slots().saturating_mul(self.limits.slot_bytes),
        }
    }
}

/// Two words, low first.
fn pair(words: &[u32], at: usize) -> u64 {
    words[at] as u64 | (words[at + 1] as u64) << 32
}

/// The reduced axes of a block and of its domain.
struct Positions {
    start: Dims,
    block: Dims,
    domain: Dims,
}

impl Positions {
    fn new(region: &Region, domain: &[u64], reduced: &[bool]) -> Positions {
        let pick =
            |v: &[u64]| -> Dims { v.iter().zip(reduced).filter(|(_, r)| **r).map(|(&n, _)| n).collect() };
        Positions { start: pick(&region.start), block: pick(&region.shape), domain: pick(domain) }
    }

    /// The position in the domain of a position in the block.
    fn in_domain(&self, k: u32) -> u64 {
        let mut at = unravel(k as u64, &self.block);
        at.iter_mut().zip(&self.start).for_each(|(i, s)| *i += s);
        ravel(&at, &self.domain)
    }
}
