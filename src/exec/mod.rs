//! The executor: obeys a bound plan.
//!
//! Stages run one after the other, a stage pass by pass (`run.rs`, `stage.rs`). Workers take tasks from a counter
//! (`schedule.rs`) and do them (`task.rs`): a worker brings the inputs of its block into memory, runs the
//! kernel over them while they are in its cache, and keeps the partial until it moves to another tile of
//! the output. There is no queue between reading and computing: one worker's decode overlaps another's
//! arithmetic, no block waits in memory, and the number of workers bounds what is held. One worker runs on
//! the calling thread. Where the outputs go (`collector.rs`) is all in which a run differs from a piece of
//! one for another machine (`partials.rs`, `merge.rs`), from a store, and from blocks one by one (`blocks.rs`).

mod blocks;
mod budget;
mod cache;
mod carry;
mod collect;
mod collector;
mod context;
mod counting;
mod coverage;
mod finished;
mod kept;
mod lane;
mod measured;
mod merge;
mod partials;
mod reader;
mod report;
mod results;
mod room;
mod run;
mod schedule;
mod sealed;
mod stage;
mod task;
mod under_way;
mod value;
mod window;
mod windows;
mod wire;

pub use blocks::BlockRun;
pub use collector::{Handed, Taker};
pub use context::RunContext;
pub use measured::{Activities, Bottleneck, StageReport, TaskCounts};
pub use merge::{Merged, combine_tasks, merge_tasks};
pub use partials::run_tasks;
pub use reader::Values;
pub use report::{Cancel, Counters, Fallback, Progress, Report};
pub use results::Lent;
pub use run::{result, run};
pub use sealed::{StageValues, check_versions};
pub use under_way::Outlets;
pub use value::{ArrayValue, Value};
pub use wire::{Gathered, PartialOutput, PartialTile, StagePartial, StateBytes, TileNote};
