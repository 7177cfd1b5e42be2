//! Sources that a run would decode again and again: each chunk is decoded once into a temporary store, and what the
//! run reads is that.
//!
//! Where blocks do not follow the chunks of a compressed dataset, and the budget has no room for as many as are shared,
//! a chunk is decoded for each block that wants a part of it. A store is read in any regions. It is taken where the
//! plan foretells fewer bytes that way, what is written counted as if it were decoded, and what is read back a quarter of
//! it; and where the run does not fit otherwise.
//!
//! Limits: what is collected is the source as it is stored, all of it; not of what is handed on block by block, nor
//! beside products.

use super::Session;
use crate::error::{ErrorKind, Result};
use crate::graph::{Graph, NodeKind};
use crate::plan::{Bound, Ends, Plan, any_dear};
use crate::source::foreign::spec_of;
use std::collections::{HashMap, HashSet};

/// How often a chunk may be decoded, on average, before another way is looked for.
const OFTEN: u64 = 2;

impl Session {
    /// The plan, or one that decodes chunks less often.
    pub(super) fn rechunked(&self, graph: &Graph, plan: Plan) -> Result<Plan> {
        let none = !plan.opened().iter().any(|s| s.worth_keeping());
        // What is computed again counts more than what is decoded again.
        if none || any_dear(graph) {
            return Ok(plan);
        }
        let bound = self.bind(&plan);
        let often = match &bound {
            Ok(bound) => decoded_often(bound.plan(&plan), bound),
            Err(e) if e.kind() == ErrorKind::Budget => {
                (0..plan.opened().len()).filter(|&s| plan.opened()[s].worth_keeping()).collect()
            }
            Err(_) => Vec::new(),
        };
        if often.is_empty() {
            return Ok(plan);
        }
        let specs: HashSet<_> = often.iter().map(|&s| &plan.sources()[s].spec).collect();
        let often = |kind: &NodeKind| matches!(kind, NodeKind::Source(s) if specs.contains(&spec_of(s)));
        let held: HashSet<_> = graph.indices().filter(|&n| often(&graph.node(n).kind)).collect();
        // Errors name what was asked for.
        let other = Plan::new(&graph.holding(&held, &HashSet::new()), &self.inner.plan)?.for_sake_of(&plan);
        let better = match (bound, self.bind(&other)) {
            (Ok(bound), Ok(less)) => less.moved_bytes() < bound.moved_bytes(),
            (Ok(_), Err(_)) => false,
            // One that fits, or would in less, unless it reads much that is not wanted.
            (Err(_), Ok(_)) => self.once(&other)? <= self.once(&plan)?.saturating_mul(OFTEN),
            (Err(e), Err(less)) => {
                less.needed().zip(e.needed()).is_some_and(|(less, needed)| less < needed)
                    && self.once(&other)? <= self.once(&plan)?.saturating_mul(OFTEN)
            }
        };
        Ok(if better { other } else { plan })
    }

    /// Bytes that a plan decodes where there is room for everything.
    fn once(&self, plan: &Plan) -> Result<u64> {
        Ok(self.bind_in(plan, &Ends::default(), i64::MAX as u64, None)?.decoded_bytes().0)
    }
}

/// The sources that are decoded more often than they should be.
fn decoded_often(plan: &Plan, bound: &Bound) -> Vec<usize> {
    let mut bytes: HashMap<usize, (u64, u64)> = HashMap::new();
    for r in bound.stages.iter().flat_map(|s| &s.reads).filter(|r| plan.opened()[r.source].worth_keeping()) {
        let (once, all) = bytes.entry(r.source).or_default();
        *once = (*once).max(r.bytes);
        *all = all.saturating_add(r.bytes.saturating_mul(r.times).saturating_mul(r.passes));
    }
    for k in &bound.kept {
        bytes.entry(k.source).and_modify(|(_, all)| *all = k.decodes.saturating_mul(k.chunk_bytes));
    }
    let mut often: Vec<usize> = bytes
        .into_iter()
        .filter(|(_, (once, all))| *all > once.saturating_mul(OFTEN))
        .map(|(s, _)| s)
        .collect();
    often.sort_unstable();
    often
}
