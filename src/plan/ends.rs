//! Where a plan's results go, as far as binding has to know: what the run holds of them.

use super::{Plan, ValueId};

/// Where results go. By default all are held by the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Results in memory of the caller's, which does not count.
    pub held: Vec<ValueId>,
    /// Results that are handed on block by block and never held as a whole.
    pub streamed: Vec<ValueId>,
    /// Of each that is streamed, the blocks per worker that wait to be taken, beside the one that it makes.
    pub waiting: u64,
    /// The order of the axes in which the blocks of what is streamed come, outermost first, if it is not that of
    /// the passes.
    pub order: Option<Vec<usize>>,
    /// Values that go to temporary stores block by block and are never held as wholes.
    pub spilled: Vec<ValueId>,
    /// Bytes that a worker takes to hand on a block of a result that is streamed.
    pub handing: u64,
    /// Whether stages run by themselves, in ranges of tasks or block by block, so that each finds whole values of
    /// those before it.
    pub apart: bool,
}

impl Ends {
    /// Whether a value is handed on block by block.
    pub fn streams(&self, value: ValueId) -> bool {
        self.streamed.contains(&value)
    }

    /// Whether no more than blocks of a value are held: it is handed on, or spilled.
    pub fn in_blocks(&self, value: ValueId) -> bool {
        self.streams(value) || self.spilled.contains(&value)
    }

    /// Bytes of a value that the run holds.
    pub fn bytes(&self, plan: &Plan, value: ValueId) -> u64 {
        if self.in_blocks(value) || self.held.contains(&value) { 0 } else { plan.values()[value].bytes() }
    }
}

impl Plan {
    /// Per stage, the bytes of the values that the run holds while it runs: those of earlier stages that are
    /// still wanted, and those that it makes. In one walk, for there may be thousands of stages.
    pub(super) fn alive_bytes(&self, ends: &Ends) -> Vec<u64> {
        let stages = self.data.stages.len();
        let mut changes = vec![0i128; stages + 1];
        for (n, stage) in self.data.stages.iter().enumerate() {
            for v in stage.outputs.iter().map(|o| o.value).filter(|&v| self.data.values[v].last_use >= n) {
                let bytes = i128::from(ends.bytes(self, v));
                changes[n] += bytes;
                changes[self.data.values[v].last_use.min(stages - 1) + 1] -= bytes;
            }
        }
        let mut alive = 0;
        let after = |change: &i128| {
            alive += change;
            u64::try_from(alive).unwrap_or(u64::MAX)
        };
        changes[..stages].iter().map(after).collect()
    }
}
