//! `chunkwise plan`, `run-tasks` and `merge`: a run in pieces, for the arrays of jobs of a cluster.
//!
//! A plan goes to all of them. Each job runs some tasks of a stage and writes what they gather, as a file that appears when
//! it is whole; whatever the cut and the order, merging gives the bits of one run. What a later stage reads of those
//! before it is a file too, which merging them writes.

pub mod args;
mod document;
mod results;

use super::bar::Bar;
use super::eval::{Asked, Coordinates, Which, scope};
use super::output;
use super::signals::Run;
use super::targets::{Existing, Written};
use super::{Done, Failure, inputs};
use args::{Merge, PlanOf, RunTasks};
use chunkwise::{Cancel, Context, Error, ErrorKind, FallbackPolicy, Plan, StagePartial, StageValues, Target};
use document::{Called, Document, machine};
use results::Results;
use std::path::{Path, PathBuf};

/// Plans, and writes the plan.
///
/// # Errors
/// What building and planning can meet; `Unsupported` for a plan that only this process can run.
pub fn plan(args: &PlanOf, cancel: &Cancel) -> Done {
    let asked = Asked::read(&args.asking)?;
    let mut scope = scope(&args.asking);
    let told = inputs::define(&args.asking, &mut scope)?;
    asked.check_names(&scope)?;
    let bar = Bar::new();
    let seen = bar.clone();
    let session = args.run.session(FallbackPolicy::Allow, cancel, None, move |p| seen.run(p))?;
    scope.compute_with(&session);
    let running = Run::begin();
    let wanted = asked.wanted(&mut scope);
    drop(running);
    bar.clear();
    let wanted = wanted?;
    let targets: Vec<&dyn Target> = wanted.iter().map(|w| &w.output as _).collect();
    let plan = session.plan(&targets)?.portable(args.inline)?;
    let mut called = wanted.iter().map(Called::new).collect::<chunkwise::Result<Vec<_>>>()?;
    // The labels of groups are at hand here, and nowhere else.
    let coordinates = Coordinates::of(&wanted, Which::Groups)?;
    let labels: Vec<&dyn Target> = coordinates.targets().collect();
    let mut labels = if labels.is_empty() { Vec::new() } else { session.run(&labels)?.values };
    for (called, along) in called.iter_mut().zip(coordinates.take(&mut labels)?) {
        called.of = std::mem::take(&mut called.of).along(along);
    }
    let mut document = Document::new(&plan, called, told.notes())?;
    (document.masked, document.no_skipna) = (told.masked(), args.asking.no_skipna);
    let to = args.output.as_deref().unwrap_or(Path::new("-"));
    let to = Written::new("--output", to, Existing::of(args.overwrite), &told.files())?;
    let mut text = serde_json::to_vec(&document)?;
    text.push(b'\n');
    to.write(&text)?;
    let tasks: Vec<String> = document.tasks.iter().map(u64::to_string).collect();
    output::note(&format!("{} of {} tasks", output::counted(tasks.len() as u64, "stage"), tasks.join(", ")));
    Ok(())
}

/// Runs some tasks of a stage, and writes what they gather.
///
/// # Errors
/// `Format` for a plan or values of another version, or damaged; `Changed` and the like for inputs that are not what they
/// were; what running can meet.
pub fn run_tasks(args: &RunTasks, cancel: &Cancel) -> Done {
    let (_, plan) = Document::read(&args.plan)?;
    let inputs = [vec![args.plan.clone()], args.values.iter().cloned().collect()].concat();
    let to = Written::new("--output", &args.output, Existing::of(args.overwrite), &inputs)?;
    let values = values_before(&plan, args.values.as_deref())?;
    let stage = args.stage.unwrap_or(values.stages());
    check_stage(&plan, stage, &values)?;
    let tasks = plan.stages()[stage].grid.blocks();
    let range = match (&args.range, args.part) {
        (Some(range), _) => range.clone(),
        (None, Some((k, n))) => part_of(tasks, plan.tasks_together(stage), k, n),
        (None, None) => 0..tasks,
    };
    let fallback = if args.no_fallback { FallbackPolicy::Refuse } else { FallbackPolicy::Allow };
    let bar = Bar::new();
    let seen = bar.clone();
    let session = args.run.session(fallback, cancel, None, move |p| seen.run(p))?;
    let running = Run::begin();
    let partial = session.run_tasks(&plan, stage, range, values.values());
    drop(running);
    bar.clear();
    let partial = partial.at("machine", machine())?;
    to.write(&partial.to_bytes()?)?;
    output::tell(&partial.report);
    Ok(())
}

/// The `k`-th of `n` parts of so many tasks, cut where tiles of the output end if there are enough of these.
fn part_of(tasks: u64, together: u64, k: u64, n: u64) -> std::ops::Range<u64> {
    let unit = if tasks / together.max(1) >= n { together.max(1) } else { 1 };
    let units = tasks.div_ceil(unit);
    let at = |k: u64| {
        let cut = u128::from(units) * u128::from(k) / u128::from(n);
        u64::try_from(cut).unwrap_or(u64::MAX).saturating_mul(unit).min(tasks)
    };
    at(k)..at(k + 1)
}

/// Puts together what tasks gathered.
///
/// # Errors
/// `Value` for partials that overlap, leave tasks out or are of another plan, with their files; `Format` for files that are
/// no partials, damaged, or of another version; `Budget`; what storing can meet.
pub fn merge(args: &Merge, cancel: &Cancel) -> Done {
    let (document, plan) = Document::read(&args.plan)?;
    let values = values_before(&plan, args.values.as_deref())?;
    let stage = values.stages();
    check_stage(&plan, stage, &values)?;
    let last = stage + 1 == plan.stages().len();
    let usage = |text: String| Err(Failure::Usage(text));
    if args.partial_to.is_none() && !last && args.values_to.is_none() {
        return usage(format!(
            "these are the partials of stage {stage} of {}, which gives no results yet\nhint: --values-to FILE writes its values, \
             with which stage {} runs (run-tasks --values FILE)",
            plan.stages().len(),
            stage + 1
        ));
    }
    if args.values_to.is_some() && last {
        return usage("--values-to: these are the partials of the last stage\nhint: leave it away: its results are printed".into());
    }
    let inputs = [&args.partials[..], std::slice::from_ref(&args.plan), args.values.as_slice()].concat();
    let existing = Existing::of(args.overwrite);
    let to_file = |option, path: &Option<PathBuf>| {
        path.as_deref().map(|path| Written::new(option, path, existing, &inputs)).transpose()
    };
    let (values_to, partial_to) =
        (to_file("--values-to", &args.values_to)?, to_file("--partial-to", &args.partial_to)?);
    let results =
        if last && partial_to.is_none() { Some(Results::new(args, &document, &inputs)?) } else { None };
    let session = args.run.session(FallbackPolicy::Allow, cancel, None, |_| ())?;
    let running = Run::begin();
    let partials = args.partials.iter().map(|path| partial_at(path));
    if let Some(to) = partial_to {
        let combined = session.combine_tasks(&plan, stage, partials, values.values());
        drop(running);
        let combined = combined.map_err(|e| naming(e, &args.partials))?;
        to.write(&combined.to_bytes()?)?;
        output::tell(&combined.report);
        return Ok(());
    }
    let merged = session.merge_tasks(&plan, stage, partials, values.values());
    drop(running);
    let merged = merged.map_err(|e| naming(e, &args.partials))?;
    let after = StageValues::after(&plan, stage + 1, merged.values);
    if let Some(to) = values_to {
        to.write(&after.to_bytes(&plan)?)?;
        output::tell(&merged.report);
        return Ok(());
    }
    match results {
        Some(results) => results.give(&plan, after, merged.report, &session),
        None => Ok(()),
    }
}

/// The partial in a file.
fn partial_at(path: &Path) -> chunkwise::Result<StagePartial> {
    let read =
        std::fs::read(path).map_err(|e| Error::new(ErrorKind::Io, "cannot read the partial").caused_by(e));
    read.and_then(|bytes| StagePartial::from_bytes(&bytes)).at("file", path.display())
}

/// An error that says which partial is wrong, with the name of its file.
fn naming(e: Error, files: &[PathBuf]) -> Error {
    let file = e.context("partial").and_then(|k| files.get(k.parse::<usize>().ok()?));
    match (e.context("file"), file) {
        (None, Some(file)) => {
            let file = file.display().to_string();
            e.at("file", file)
        }
        _ => e,
    }
}

/// The values of the stages before.
fn values_before(plan: &Plan, path: Option<&Path>) -> Result<StageValues, Failure> {
    let Some(path) = path else { return Ok(StageValues::new()) };
    let read =
        std::fs::read(path).map_err(|e| Error::new(ErrorKind::Io, "cannot read the values").caused_by(e));
    Ok(read.and_then(|bytes| StageValues::from_bytes(plan, &bytes)).at("file", path.display())?)
}

/// Fails for a stage that is not there, or that is not the one after those whose values are there.
fn check_stage(plan: &Plan, stage: usize, values: &StageValues) -> Done {
    let stages = plan.stages().len();
    if stage >= stages {
        return Err(Failure::Usage(format!(
            "the plan has {}, there is no stage {stage}",
            output::counted(stages as u64, "stage")
        )));
    }
    let read = plan.stages()[stage].values_read();
    if read.iter().any(|v| !values.values().contains_key(v)) {
        return Err(Failure::Usage(format!(
            "stage {stage} reads values of the stages before it\nhint: give what merge --values-to wrote of stage {}: --values FILE",
            stage.saturating_sub(1)
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_tasks_once() {
        for (tasks, together, n) in [(10, 1, 3), (100, 10, 4), (7, 10, 3), (0, 1, 2), (95, 10, 9), (5, 1, 9)]
        {
            let mut at = 0;
            for k in 0..n {
                let part = part_of(tasks, together, k, n);
                assert_eq!(part.start, at, "{tasks} {together} {k}/{n}");
                assert!(tasks / together < n || part.start.is_multiple_of(together));
                at = part.end;
            }
            assert_eq!(at, tasks);
        }
        assert_eq!(part_of(u64::MAX, 1, 6, 7).end, u64::MAX);
    }
}
