//! The arguments of `plan`, `run-tasks` and `merge`.

use crate::cli::options::{Asking, Run, Storing, size};
use std::ops::Range;
use std::path::PathBuf;

/// `chunkwise plan`
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "The plan is JSON; \"tasks\" in it says how many tasks each stage has. docs/cluster.md has all of it.

Examples:
  chunkwise plan -i t='era_*.nc:/t2m' 'm=mean(t, axis=0)' 'median(t)' > plan.json
  chunkwise plan -i s=snap.h5 'histogram(log10(s.Density), bins=64)' --output plan.json"
)]
pub struct PlanOf {
    /// What is computed
    #[command(flatten)]
    pub asking: Asking,
    /// Where and with what is computed that must be known before anything can be planned
    #[command(flatten)]
    pub run: Run,
    /// Most bytes of arrays that are in no file, such as indices, which go along with the plan
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "16MiB")]
    pub inline: u64,
    /// Write the plan to this file, not to standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the file
    #[arg(long, requires = "output")]
    pub overwrite: bool,
}

/// `chunkwise run-tasks`
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "What a later stage reads of those before it stands in the file that merge --values-to wrote.

Examples:
  chunkwise run-tasks plan.json --range 0:500 --output part-0
  chunkwise run-tasks plan.json --part $SLURM_ARRAY_TASK_ID/100 --output part-$SLURM_ARRAY_TASK_ID
  chunkwise run-tasks plan.json --values values-1 --part 7/100 --output part-1-7"
)]
pub struct RunTasks {
    /// What chunkwise plan wrote
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// The tasks: from A on, up to B and without it, counted from 0
    #[arg(long, value_name = "A:B", value_parser = range, required_unless_present = "part")]
    pub range: Option<Range<u64>>,
    /// In place of a range, the K-th of N parts of all tasks, counted from 0
    #[arg(long, value_name = "K/N", value_parser = part, conflicts_with = "range")]
    pub part: Option<(u64, u64)>,
    /// The stage, counted from 0; that after those whose values are given, if nothing is said
    #[arg(long, value_name = "N")]
    pub stage: Option<usize>,
    /// The values of the stages before
    #[arg(long, value_name = "FILE")]
    pub values: Option<PathBuf>,
    /// Where to write what was gathered; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,
    /// Replace the file
    #[arg(long)]
    pub overwrite: bool,
    /// Where and with what
    #[command(flatten)]
    pub run: Run,
    /// Fail where the device cannot do all of the work
    #[arg(long)]
    pub no_fallback: bool,
}

/// `chunkwise merge`
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "The results of the last stage are printed, or stored as eval stores them. The values of
an earlier one go to a file, with which its successor runs.

Examples:
  chunkwise merge plan.json part-* --output result.h5
  chunkwise merge plan.json part-0-* --values-to values-1
  chunkwise merge plan.json --values values-1 part-1-* --json
  chunkwise merge plan.json part-0-1* --partial-to tens-0-1"
)]
pub struct Merge {
    /// What chunkwise plan wrote
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// What run-tasks wrote, in any order; or merge --partial-to
    #[arg(value_name = "PARTIAL", required = true)]
    pub partials: Vec<PathBuf>,
    /// The values of the stages before
    #[arg(long, value_name = "FILE")]
    pub values: Option<PathBuf>,
    /// Where the values of a stage go that is not the last
    #[arg(long, value_name = "FILE", conflicts_with_all = ["partial_to", "json", "output"])]
    pub values_to: Option<PathBuf>,
    /// Put them together to one partial, of some tasks, and write that
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "output"])]
    pub partial_to: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Store results in a file: .h5 .nc .npy .npz .csv; print nothing
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub output: Option<PathBuf>,
    /// How
    #[command(flatten)]
    pub storing: Storing,
    /// Replace the file
    #[arg(long)]
    pub overwrite: bool,
    /// Where and with what
    #[command(flatten)]
    pub run: Run,
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let ends = text.split_once(':').and_then(|(a, b)| Some(a.trim().parse().ok()?..b.trim().parse().ok()?));
    ends.filter(|r: &Range<u64>| r.start <= r.end)
        .ok_or_else(|| "a range is two numbers, as 0:500".to_string())
}

fn part(text: &str) -> Result<(u64, u64), String> {
    let numbers =
        text.split_once('/').and_then(|(k, n)| Some((k.trim().parse().ok()?, n.trim().parse().ok()?)));
    numbers
        .filter(|(k, n): &(u64, u64)| k < n)
        .ok_or_else(|| "a part is two numbers, as 0/100, of which the last one is 99/100".to_string())
}
