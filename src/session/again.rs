//! What a run says when it decoded chunks again and again: how often, and the budget that would have avoided it.

use super::Session;
use crate::plan::{Bound, Ends, Plan};
use crate::size::human_bytes;
use std::collections::BTreeMap;

/// How often a chunk may be decoded, on average, before the report says so.
const OFTEN: u64 = 2;

/// How much larger budgets are looked at.
const LARGER: u64 = 1 << 12;

impl Session {
    /// What there is to say of a run that decoded so many chunks.
    pub(super) fn often(&self, plan: &Plan, bound: &Bound, decoded: u64) -> Option<String> {
        let run = bound.plan(plan);
        let once = once(run, bound);
        if once == 0 || decoded <= once.saturating_mul(OFTEN) {
            return None;
        }
        let times = decoded as f64 / once as f64;
        let said = format!("each chunk was decoded {times:.1} times on average");
        if decodes(run, bound) <= once.saturating_mul(OFTEN) {
            // What was not foreseen is noted by itself: windows that were walked again.
            return Some(said);
        }
        Some(match self.seldom(plan, bound, once) {
            Some(bytes) => {
                let human = human_bytes(bytes);
                format!("{said}; with a memory budget of {bytes} bytes ({human}) it would be at most {OFTEN}")
            }
            None => said,
        })
    }

    /// The least budget, about, at which each chunk is decoded at most twice as predicted; `once` are the chunks.
    fn seldom(&self, plan: &Plan, bound: &Bound, once: u64) -> Option<u64> {
        let ends = Ends { spilled: Vec::new(), ..bound.ends.clone() };
        let enough = |bytes: u64| {
            let bound = self.bind_in(plan, &ends, bytes, Some(&[])).ok()?;
            (decodes(bound.plan(plan), &bound) <= once.saturating_mul(OFTEN)).then_some(())
        };
        let mut low = self.memory();
        let mut high = low;
        loop {
            high = high.saturating_mul(2);
            if high / self.memory().max(1) > LARGER {
                return None;
            }
            if enough(high).is_some() {
                break;
            }
            low = high;
        }
        while high - low > low / 16 {
            let middle = low + (high - low) / 2;
            match enough(middle) {
                Some(()) => high = middle,
                None => low = middle,
            }
        }
        Some(high)
    }
}

/// The chunks that a run comes to, at most: of each source those that its stages see, or all there are.
fn once(plan: &Plan, bound: &Bound) -> u64 {
    let mut seen: BTreeMap<usize, u64> = BTreeMap::new();
    for reads in bound.stages.iter().flat_map(|s| &s.reads) {
        let bytes = seen.entry(reads.source).or_default();
        *bytes = bytes.saturating_add(reads.bytes);
    }
    let chunks = |(s, bytes): (usize, u64)| {
        let source = &plan.sources()[s];
        let Some(chunks) = &source.chunks else { return 0 };
        let counts = source.shape.iter().enumerate().map(|(d, &n)| chunks.count(d, n));
        let all = counts.fold(1, u64::saturating_mul);
        match chunk_bytes(plan, s) {
            Some(each) => all.min(bytes.div_ceil(each)),
            None => all,
        }
    };
    seen.into_iter().map(chunks).fold(0, u64::saturating_add)
}

/// The chunks that a run decodes, as predicted.
fn decodes(plan: &Plan, bound: &Bound) -> u64 {
    let kept = |source| bound.kept.iter().find(|k| k.source == source);
    let mut chunks = bound.kept.iter().map(|k| k.decodes).fold(0, u64::saturating_add);
    for reads in bound.stages.iter().flat_map(|s| &s.reads).filter(|r| kept(r.source).is_none()) {
        if let Some(each) = chunk_bytes(plan, reads.source) {
            let bytes = reads.bytes.saturating_mul(reads.times).saturating_mul(reads.passes);
            chunks = chunks.saturating_add(bytes.div_ceil(each));
        }
    }
    chunks
}

/// Bytes of a chunk of a source whose chunks are all of one shape.
fn chunk_bytes(plan: &Plan, s: usize) -> Option<u64> {
    let source = &plan.sources()[s];
    let chunks = source.chunks.as_ref()?;
    let even = (0..source.shape.len()).all(|d| chunks.cuts(d).is_none());
    even.then(|| chunks.elements().saturating_mul(source.dtype.size() as u64).max(1))
}
