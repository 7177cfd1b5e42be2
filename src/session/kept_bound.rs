//! Plans that stay bound while pieces of them are run.

use crate::error::Result;
use crate::plan::{Bound, Plan, PlanFingerprint};
use std::sync::{Arc, Mutex, PoisonError};

/// Plans that stay bound, at most: a process runs pieces of one, or of a few in turn.
const KEPT: usize = 4;

/// Plans that were bound to this session, the last one used at the end. What binding looks at does not change
/// while there is a session: the plan, its sources as they were when it was made, the budget and the devices. A file
/// that has changed since is noticed by whoever reads it.
#[derive(Default)]
pub(super) struct KeptBound(Mutex<Vec<(PlanFingerprint, Arc<Bound>)>>);

impl KeptBound {
    /// The plan as it is bound, by `bind` if it is not there.
    pub(super) fn get(&self, plan: &Plan, bind: impl FnOnce() -> Result<Bound>) -> Result<Arc<Bound>> {
        let key = plan.fingerprint();
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let take = |kept: &mut Vec<(PlanFingerprint, Arc<Bound>)>| {
            kept.iter().position(|(k, _)| *k == key).map(|at| kept.remove(at).1)
        };
        let found = take(&mut lock());
        // Nobody waits for a plan to be bound: another thread that wants the same one binds it for itself.
        let bound = match found {
            Some(bound) => bound,
            None => Arc::new(bind()?),
        };
        let mut kept = lock();
        take(&mut kept);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((key, Arc::clone(&bound)));
        Ok(bound)
    }
}
