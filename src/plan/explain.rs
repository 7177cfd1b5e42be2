//! Plans and bound plans as text.

use super::{
    Bound, BoundStage, Input, Kept, Output, Plan, Read, Spilled, Stage, SubKernel, Supply, Sweep, Windowed,
};
use crate::grid::AxisGrid;
use crate::ops::fold::Role;
use crate::ops::kernel::state_bytes;
use crate::ops::program::{Program, Step};
use crate::size::human_bytes;
use std::fmt::{self, Write};

/// Chains longer than this are cut in the text.
const SHOWN_STEPS: usize = 24;

/// What is said beside a bound plan: on its first line, and on lines after each stage.
#[derive(Debug, Default)]
pub struct Beside {
    /// On the first line.
    pub plan: String,
    /// After each stage.
    pub stages: Vec<Vec<String>>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_plan(f, self, None, None)
    }
}

impl Bound {
    /// The plan with what it needs on this machine: stages, task grids, bytes read, memory,
    /// placements with reasons.
    pub fn explain(&self, plan: &Plan) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = write_plan(&mut out, plan, Some(self), None);
        out
    }

    /// As [`Bound::explain`], with what there is to say beside it.
    pub fn explain_beside(&self, plan: &Plan, beside: &Beside) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = write_plan(&mut out, plan, Some(self), Some(beside));
        out
    }
}

fn write_plan(f: &mut dyn Write, plan: &Plan, bound: Option<&Bound>, beside: Option<&Beside>) -> fmt::Result {
    let plan = bound.map_or(plan, |b| b.plan(plan));
    let stages = plan.stages().len();
    write!(f, "plan: {stages} stage{}, {} tasks", if stages == 1 { "" } else { "s" }, plan.tasks())?;
    if let Some(b) = bound {
        write!(f, ", peak memory {} of {}", human_bytes(b.peak_bytes), human_bytes(b.memory))?;
    }
    if let Some(beside) = beside {
        write!(f, "; {}", beside.plan)?;
    }
    writeln!(f)?;
    for (n, stage) in plan.stages().iter().enumerate() {
        let shape = crate::grid::show_shape(&stage.grid.shape());
        let blocks = crate::grid::show_shape(&stage.grid.largest());
        writeln!(
            f,
            "stage {n}: domain {shape}, {} tasks of blocks {blocks}{}",
            stage.grid.blocks(),
            listed(&stage.grid)
        )?;
        write_inputs(f, plan, &stage.inputs, "  ")?;
        write_program(f, &stage.program, "  ")?;
        for o in &stage.outputs {
            let v = &plan.values()[o.value];
            let what = describe_fold(o, &stage.program);
            let on = bound.map_or("", |b| match b.ends.streams(o.value) {
                true => ", handed on in blocks",
                false if b.ends.in_blocks(o.value) => ", spilled",
                false => "",
            });
            writeln!(
                f,
                "  value {}: {what} -> {} {}{}   [{}]",
                o.value,
                v.dtype,
                crate::grid::show_shape(&v.shape),
                on,
                o.label
            )?;
        }
        if let Some(b) = bound {
            let s = &b.stages[n];
            writeln!(f, "  on {}: {}", s.placement.device, s.placement.reason)?;
            writeln!(
                f,
                "  memory: {} workers × {} + {} of decoded chunks + {} of values and accumulators = {}",
                s.workers,
                human_bytes(s.worker_bytes),
                human_bytes(s.cache_bytes),
                human_bytes(s.shared_bytes),
                human_bytes(s.peak_bytes())
            )?;
            match b.windowed(n) {
                Some(w) => writeln!(f, "  passes: {}, {}", s.passes.len(), describe_windowed(w, n))?,
                None if s.passes.len() > 1 => {
                    writeln!(f, "  passes: {}, because the accumulators do not fit at once", s.passes.len())?;
                }
                None => {}
            }
            s.passes.sweeps().iter().filter(|w| w.narrow).try_for_each(|w| write_narrow(f, stage, s, w))?;
            for r in &s.reads {
                let source = &plan.sources()[r.source];
                let served = b.kept.iter().any(|k| k.source == r.source && k.serves(n));
                let unless = if served { " unless it was kept" } else { "" };
                let how = match (&source.chunks, r.times) {
                    _ if r.estimate => {
                        format!(", about {}×, piece by piece", r.times.saturating_mul(r.passes))
                    }
                    (None, 1) => String::new(),
                    (None, n) => format!(", {n} times"),
                    (Some(_), 1) if r.passes == 1 => format!(", each chunk decoded once{unless}"),
                    (Some(_), 1) => {
                        format!(", each chunk decoded once a pass{unless}, {} passes", r.passes)
                    }
                    (Some(_), n) => format!(
                        ", chunks decoded up to {n} times (blocks share them, and the budget keeps too few)"
                    ),
                };
                writeln!(f, "  reads {}: {}{how}", source.name, human_bytes(r.bytes))?;
            }
            let lines = beside.and_then(|b| b.stages.get(n)).into_iter().flatten();
            lines.into_iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
    }
    let Some(bound) = bound else { return Ok(()) };
    bound.kept.iter().try_for_each(|k| write_kept(f, plan, k))?;
    bound.spill.iter().flat_map(|s| &s.values).try_for_each(|s| write_spilled(f, s))
}

fn write_spilled(f: &mut dyn Write, s: &Spilled) -> fmt::Result {
    let (written, about) = (human_bytes(s.written), if s.exact { "" } else { "about " });
    let (read, folder) = (human_bytes(s.read), s.store.folder().display());
    writeln!(f, "spills value {} to {folder}: {written} written, {about}{read} read back", s.value)
}

/// How a stage runs with others: `window by window along axis 1 with stages 0 to 1, of value 0 a window at a time`.
fn describe_windowed(w: &Windowed, stage: usize) -> String {
    let held: Vec<String> = w.between.iter().map(|b| b.value.to_string()).collect();
    format!(
        "window by window along axis {} together with stages {} to {}; of value{} {} a window is held at a time",
        w.axis_of(stage),
        w.stages.start,
        w.stages.end - 1,
        if held.len() == 1 { "" } else { "s" },
        held.join(", ")
    )
}

/// What becomes of outputs: `sum of %3, axes (0), 24 bytes per output, where %4`.
fn describe_fold(o: &Output, program: &Program) -> String {
    let roles = o.fold.ports();
    let of = |wanted: &[Role]| {
        let columns = roles.iter().zip(&o.ports).filter(|(p, _)| wanted.contains(&p.role));
        columns.map(|(_, &i)| format!("%{}", program.outputs[i])).collect::<Vec<_>>().join(", ")
    };
    let main = of(&[Role::Values, Role::Coordinate]);
    let mut text = format!("{} of {main}{}", o.fold.operation(), o.fold.detail());
    for (word, role) in [("by", Role::Labels), ("weights", Role::Weights), ("where", Role::Mask)] {
        let columns = of(&[role]);
        if !columns.is_empty() {
            text += &format!(", {word} {columns}");
        }
    }
    for (param, value) in o.fold.params().iter().zip(&o.params) {
        text += &format!(", {} value {value}", param.name);
    }
    text
}

/// Which accumulators of a walk are narrow, what they take, and what is done where they will not do.
fn write_narrow(f: &mut dyn Write, stage: &Stage, bound: &BoundStage, sweep: &Sweep) -> fmt::Result {
    let block: Vec<u64> =
        stage.grid.largest().iter().zip(&sweep.windows.largest()).map(|(&b, &w)| b.min(w)).collect();
    let bytes = |o: &Output, narrow: bool| {
        let outputs = o.fold.makes(&block).shape.iter().fold(1, |n: u64, &d| n.saturating_mul(d)).max(1);
        state_bytes(&o.fold, &block, narrow).div_ceil(outputs)
    };
    for &o in &sweep.outputs {
        let output = &stage.outputs[o];
        let (narrow, wide) = (bytes(output, true), bytes(output, false));
        if narrow < wide {
            let again = bound.again.iter().flat_map(|b| b.passes.sweeps());
            let again = again
                .filter(|s| s.outputs.contains(&o))
                .map(|s| crate::grid::show_shape(&s.windows.largest()));
            writeln!(
                f,
                "  accumulators of value {}: narrow, {narrow} bytes per output and not {wide}; where they do not do, \
                 again in windows of {}",
                output.value,
                again.collect::<Vec<_>>().join(", ")
            )?;
        }
    }
    Ok(())
}

fn write_kept(f: &mut dyn Write, plan: &Plan, kept: &Kept) -> fmt::Result {
    let chunks = match kept.chunks == kept.wanted {
        true => format!("all {} chunks", kept.chunks),
        false => format!("{} of {} chunks, those that come first", kept.chunks, kept.wanted),
    };
    writeln!(
        f,
        "keeps {}: {} of decoded chunks ({chunks}), so that {}{} are decoded in all and not {}",
        plan.sources()[kept.source].name,
        human_bytes(kept.bytes),
        if kept.exact { "" } else { "at most " },
        kept.decodes,
        kept.without
    )
}

fn listed(grid: &crate::grid::Grid) -> &'static str {
    match grid.axes.iter().any(|a| matches!(a, AxisGrid::Uneven(_))) {
        true => " at most",
        false => "",
    }
}

fn write_inputs(f: &mut dyn Write, plan: &Plan, inputs: &[Input], indent: &str) -> fmt::Result {
    for (i, input) in inputs.iter().enumerate() {
        let name = match &input.from {
            Supply::Read(Read::Source(s)) => {
                let s = &plan.sources()[*s];
                let chunks = s.chunks.as_ref().map(|c| format!(" in chunks {c}"));
                format!(
                    "{} {} {}{}",
                    s.name,
                    s.dtype,
                    crate::grid::show_shape(&s.shape),
                    chunks.unwrap_or_default()
                )
            }
            Supply::Read(Read::Value(v)) => format!("value {v}"),
            Supply::Feed(fed) => fed.feed.describe(&fed.of),
        };
        let view = describe_view(input);
        writeln!(f, "{indent}input {i}: {name}{view}")?;
        let deeper = format!("{indent}  ");
        let sub = |k: &SubKernel| -> fmt::Result {
            write_inputs(f, plan, &k.inputs, &deeper)?;
            match k.program.as_identity() {
                Some(_) => Ok(()),
                None => write_program(f, &k.program, &deeper),
            }
        };
        input.children().iter().take(3).try_for_each(sub)?;
    }
    Ok(())
}

/// What an input's view does, as an index; nothing if it shows all as it is.
fn describe_view(input: &Input) -> String {
    let plain = input.view.axes.iter().enumerate().all(|(d, a)| a.from == Some((d, 1)))
        && input.view.base.iter().all(|&b| b == 0);
    if plain {
        return String::new();
    }
    let axes: Vec<String> = input
        .view
        .axes
        .iter()
        .map(|a| match a.from {
            None => format!("{}×", a.len),
            Some((s, step)) => {
                let first = input.view.base[s];
                format!("axis {s} from {first} by {step}, {}×", a.len)
            }
        })
        .collect();
    format!(" seen as [{}]", axes.join("; "))
}

fn write_program(f: &mut dyn Write, program: &Program, indent: &str) -> fmt::Result {
    let steps: Vec<usize> =
        (0..program.steps.len()).filter(|&s| !matches!(program.steps[s], Step::Input(_))).collect();
    let inputs = (0..program.steps.len()).filter(|&s| matches!(program.steps[s], Step::Input(_)));
    for s in inputs.chain(steps.iter().copied()).take(SHOWN_STEPS) {
        writeln!(f, "{indent}{}", program.describe(s))?;
    }
    let left = program.steps.len().saturating_sub(SHOWN_STEPS);
    if left > 0 {
        writeln!(f, "{indent}… {left} more steps")?;
    }
    Ok(())
}
