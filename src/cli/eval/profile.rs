//! What a run did, stage by stage, as a table.

use chunkwise::size::{human_bytes, human_duration};
use chunkwise::text::printable;
use chunkwise::{Bottleneck, Report, StageReport};
use std::io::{self, Write};
use std::time::Duration;

const HEAD: [&str; 12] = [
    "stage",
    "tasks",
    "time",
    "reading",
    "decoding",
    "computing",
    "transfers",
    "device",
    "idle",
    "from files",
    "decoded",
    "peak",
];

/// The table on stderr: parts of the workers' time, of a device of the time that passed.
pub fn tell(report: &Report) {
    // Nobody to tell if stderr is closed.
    let _ = io::stderr().lock().write_all(table(&report.stages).as_bytes());
}

fn table(stages: &[StageReport]) -> String {
    let rows: Vec<Vec<String>> = stages.iter().map(row).collect();
    // A column that says nothing is left out.
    let shown: Vec<usize> = (0..HEAD.len())
        .filter(|&c| !matches!(HEAD[c], "transfers" | "device") || rows.iter().any(|row| !row[c].is_empty()))
        .collect();
    let width = |c: usize| rows.iter().map(|row| row[c].chars().count()).fold(HEAD[c].len(), usize::max);
    let mut out = String::new();
    let heads: Vec<String> = HEAD.iter().map(|h| h.to_string()).collect();
    let last = std::iter::once(["bound by".to_string(), "makes".to_string()]).chain(stages.iter().map(made));
    for (row, [bound, made]) in std::iter::once(&heads).chain(&rows).zip(last) {
        for &c in &shown {
            out += &format!("{:>1$}  ", row[c], width(c));
        }
        out += format!("{bound:<12}  {made}").trim_end();
        out.push('\n');
    }
    out
}

/// Longer lists of operations are cut.
const OPERATIONS: usize = 60;

fn row(s: &StageReport) -> Vec<String> {
    let share = |wanted: Bottleneck| {
        let shares = s.shares().into_iter().flatten().find(|(b, _)| *b == wanted);
        shares
            .filter(|(_, share)| *share > 0.0)
            .map_or(String::new(), |(_, share)| format!("{:.0} %", 100.0 * share))
    };
    let stage = match s.stages.len() {
        1 => s.stages.start.to_string(),
        _ => format!("{}–{}", s.stages.start, s.stages.end - 1),
    };
    vec![
        stage,
        (s.tasks.cpu + s.tasks.gpu).to_string(),
        human_duration(Duration::try_from_secs_f64(s.elapsed_s).unwrap_or_default()),
        share(Bottleneck::Reading),
        share(Bottleneck::Decoding),
        share(Bottleneck::Computing),
        share(Bottleneck::Transfers),
        share(Bottleneck::Device),
        share(Bottleneck::Idle),
        human_bytes(s.bytes_read),
        human_bytes(s.bytes_decoded),
        human_bytes(s.peak_host_bytes),
    ]
}

/// What bounded it, and what it made.
fn made(s: &StageReport) -> [String; 2] {
    let mut made = printable(&s.operations.join(", ")).into_owned();
    if let Some((at, _)) = made.char_indices().nth(OPERATIONS) {
        made.truncate(at);
        made.push('…');
    }
    [s.bounded_by().map_or(String::new(), |(b, _)| b.name().to_string()), made]
}
