//! A plan with what a run of it measured beside what was foreseen.

use crate::exec::{Report, StageReport};
use crate::plan::{Beside, Bound, Plan, Reads};
use crate::size::{human_bytes, human_duration};
use std::time::Duration;

/// The plan as text, with what the report says of its stages.
pub(super) fn explain_run(plan: &Plan, bound: &Bound, report: &Report) -> String {
    let mut stages = vec![Vec::new(); bound.plan(plan).stages().len()];
    for s in &report.stages {
        // Of stages that ran together, after the last.
        stages[s.stages.end - 1].extend(lines(bound, s));
    }
    let measured =
        format!("measured {} in {}", human_bytes(report.peak_host_bytes), seconds(report.elapsed_s));
    bound.explain_beside(plan, &Beside { plan: measured, stages })
}

fn seconds(s: f64) -> String {
    human_duration(Duration::try_from_secs_f64(s).unwrap_or_default())
}

/// What a stage did, or several together.
fn lines(bound: &Bound, s: &StageReport) -> Vec<String> {
    let together = match s.stages.len() {
        1 => String::new(),
        _ => format!(" of stages {} to {} together", s.stages.start, s.stages.end - 1),
    };
    let tasks = s.tasks.cpu + s.tasks.gpu;
    let on_device =
        if s.tasks.gpu > 0 { format!(", {} of them on the GPU", s.tasks.gpu) } else { String::new() };
    let (time, peak) = (seconds(s.elapsed_s), human_bytes(s.peak_host_bytes));
    let mut lines = vec![format!("measured{together}: {time}, {tasks} tasks{on_device}, peak memory {peak}")];
    let reads: Vec<&Reads> = bound.stages[s.stages.clone()].iter().flat_map(|stage| &stage.reads).collect();
    if s.bytes_read > 0 || s.chunks_decoded > 0 {
        let foreseen = reads.iter().map(|r| r.bytes.saturating_mul(r.times).saturating_mul(r.passes));
        lines.push(format!(
            "measured reads: {} from files; {} decoded in {} chunks, of at most {} foreseen",
            human_bytes(s.bytes_read),
            human_bytes(s.bytes_decoded),
            s.chunks_decoded,
            human_bytes(foreseen.fold(0, u64::saturating_add)),
        ));
    }
    if s.bytes_spilled > 0 || s.bytes_read_back > 0 {
        let (written, back) = (human_bytes(s.bytes_spilled), human_bytes(s.bytes_read_back));
        lines.push(format!("measured spill: {written} written, {back} read back"));
    }
    if let (Some((what, _)), Some(shares)) = (s.bounded_by(), s.shares()) {
        let shares = shares.iter().filter(|(_, share)| *share >= 0.005);
        let shares: Vec<String> =
            shares.map(|(b, share)| format!("{} {:.0} %", b.name(), 100.0 * share)).collect();
        lines.push(format!("bounded by {}: {}", what.name(), shares.join(", ")));
    }
    lines
}
