//! What a session plans and binds: with dear intermediates held or spilled, in its budget, on its devices.

use super::{Device, FallbackPolicy, Session, spill};
use crate::array::Target;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Graph;
use crate::plan::{Bound, Ends, Machine, Plan, PlanOptions, ValueId, Wish, Written, any_dear};

impl Session {
    /// As [`Session::plan`], of what runs here as a whole.
    pub(super) fn plan_here(&self, targets: &[&dyn Target]) -> Result<Plan> {
        let roots =
            targets.iter().map(|t| t.built().map_err(|e| e.duplicate())).collect::<Result<Vec<_>>>()?;
        let graph = Graph::new(&roots);
        let plan = self.planned(&graph, &[], &|_| Ends::default(), true)?;
        self.rechunked(&graph, plan)
    }

    /// The plan of a graph, with dear intermediates held if what is bound then fits, or spilled, if it `may` be;
    /// `ends` tells where results go.
    pub(super) fn planned(
        &self,
        graph: &Graph,
        written: &[Written],
        ends: &dyn Fn(&Plan) -> Ends,
        may: bool,
    ) -> Result<Plan> {
        let own = &self.inner.plan;
        if own.hold_bytes.is_some() || !any_dear(graph) {
            return Plan::writing(graph, written, own);
        }
        let held = |bytes| Plan::writing(graph, written, &own.clone().hold_bytes(bytes));
        let few = held(self.memory() / 4)?;
        let fits = few.holds() && self.bind_held(&few, &ends(&few)).is_ok();
        let options = PlanOptions { hold_inner: spill::DEEP, ..own.clone().hold_bytes(u64::MAX) };
        // Where less is held, more is nested, perhaps too much.
        if may && let Ok(all) = Plan::writing(graph, written, &options) {
            let more = !fits || all.stages().len() > few.stages().len();
            if all.holds() && more && self.bind_with(&all, &ends(&all)).is_ok() {
                return Ok(all);
            }
        }
        match fits {
            true => Ok(few),
            false => Plan::writing(graph, written, own),
        }
    }

    /// As [`Session::bind`], where some results are not held by the run.
    pub(super) fn bind_with(&self, plan: &Plan, ends: &Ends) -> Result<Bound> {
        self.bind_in(plan, ends, self.inner.memory, Some(&[]))
    }

    /// As [`Session::bind_with`], where nothing is spilled.
    pub(super) fn bind_held(&self, plan: &Plan, ends: &Ends) -> Result<Bound> {
        self.bind_in(plan, ends, self.inner.memory, None)
    }

    /// As [`Session::bind_with`], in another budget. Where values may be spilled, they are if it does not fit
    /// otherwise, those that are listed first.
    pub(super) fn bind_in(
        &self,
        plan: &Plan,
        ends: &Ends,
        memory: u64,
        spill: Option<&[ValueId]>,
    ) -> Result<Bound> {
        let inner = &*self.inner;
        let device = match (&inner.gpu, &inner.rates) {
            (Some(gpu), Some((rates, cpu))) => Wish::Faster { backend: gpu, rates, cpu },
            (Some(gpu), None) => Wish::Prefer(gpu),
            (None, _) => {
                let reason = inner.missing.clone().unwrap_or_default();
                if inner.device == Device::Gpu { Wish::Missing(reason) } else { Wish::Cpu(reason) }
            }
        };
        let machine = Machine { memory, threads: inner.threads, cpu: &inner.cpu, device };
        let bound = match (Bound::new(plan, ends, &machine), spill) {
            (Err(e), Some(must)) if e.kind() == ErrorKind::Budget => match inner.spill.room()? {
                Ok(room) => Bound::spilling(plan, ends, &machine, &room, must)?,
                Err(None) => return Err(e),
                Err(Some(why)) => return Err(e.at("nothing is spilled", why)),
            },
            // Windows may come to a chunk again and again.
            (Ok(bound), Some(must)) if !bound.windowed.is_empty() => {
                let apart = Ends { apart: true, ..ends.clone() };
                let room = inner.spill.room().ok().and_then(|room| room.ok());
                let stored = room.and_then(|room| Bound::spilling(plan, &apart, &machine, &room, must).ok());
                match stored {
                    Some(stored) if stored.moved_bytes() < bound.moved_bytes() => stored,
                    _ => bound,
                }
            }
            (bound, _) => bound?,
        };
        if inner.fallback == FallbackPolicy::Refuse
            && let Some(s) = bound.stages.iter().find(|s| s.placement.fallback)
        {
            return Err(Error::new(
                ErrorKind::Device,
                format!("a stage cannot run on the device asked for: {}", s.placement.reason),
            ));
        }
        Ok(bound)
    }
}
