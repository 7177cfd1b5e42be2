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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::Array;
    use crate::dtype::DType;
    use crate::session::{Device, Session};

    #[test]
    fn a_few_plans_stay_bound() {
        let session = Session::builder().device(Device::Cpu).threads(1).build().unwrap();
        let plan = |n: u64| session.plan(&[&Array::random(&[n + 2], 1, DType::F64).sum()]).unwrap();
        let (kept, mut bound) = (KeptBound::default(), Vec::new());
        // The first one is used again and again.
        for n in [0, 1, 0, 2, 3, 0, 4, 5, 6, 0, 1] {
            let plan = plan(n);
            let bind = || {
                bound.push(n);
                session.bind(&plan)
            };
            kept.get(&plan, bind).unwrap();
        }
        assert_eq!(bound, [0, 1, 2, 3, 4, 5, 6, 1]);
        assert_eq!(kept.0.lock().unwrap().len(), KEPT);
    }
}
