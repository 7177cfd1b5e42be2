//! What the table, the page and the markdown share: numbers with their units, rows in their sections, the
//! best peer, and the machine in words.

use super::super::output::counted;
use super::result::{Fact, Limit, PeerTime, Results, Row, Unit, median};
use chunkwise::size::{human_bytes, human_duration};
use std::time::Duration;

/// What stands where there is no number.
pub const NONE: &str = "-";

/// A number and its unit, apart, so that columns of them can be aligned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantity {
    /// `25.8`
    pub number: String,
    /// `GB/s`; empty where there is no number.
    pub unit: String,
}

impl Quantity {
    fn new((number, prefix): (String, &str), unit: &str) -> Quantity {
        Quantity { number, unit: format!("{prefix}{unit}").trim_start().into() }
    }

    /// A dash.
    pub fn none() -> Quantity {
        Quantity::new((NONE.into(), ""), "")
    }
}

impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(format!("{} {}", self.number, self.unit).trim_end())
    }
}

const LARGE: &[&str] = &["", "k", "M", "G", "T", "P", "E"];
const SMALL: &[&str] = &["ns", "µs", "ms", "s"];

/// Three digits, and the prefix among powers of 1000: `("25.8", "G")`.
fn si<'a>(mut v: f64, prefixes: &[&'a str]) -> (String, &'a str) {
    let mut at = 0;
    // What rounds to 1000 has the next prefix.
    while v.abs() >= 999.5 && at + 1 < prefixes.len() {
        v /= 1000.0;
        at += 1;
    }
    (digits(v), prefixes.get(at).copied().unwrap_or(""))
}

/// Three digits: `0.41`, `5.87`, `25.8`, `366`; other magnitudes as `4.20e-5`.
pub fn digits(v: f64) -> String {
    match v.abs() {
        0.0 => "0".into(),
        0.00995..9.995 => format!("{v:.2}"),
        9.995..99.95 => format!("{v:.1}"),
        99.95..1e6 => format!("{v:.0}"),
        _ => format!("{v:.2e}"),
    }
}

/// `25.8 GB/s`, `3.64 G rows/s`, `366 GF/s`; of tasks the time of each.
pub fn rate(unit: Unit, per_second: f64) -> Quantity {
    if !(per_second.is_finite() && per_second > 0.0) {
        return Quantity::none();
    }
    match unit {
        Unit::Bytes => Quantity::new(si(per_second, LARGE), "B/s"),
        Unit::Flops => Quantity::new(si(per_second, LARGE), "F/s"),
        Unit::Rows => Quantity::new(si(per_second, LARGE), " rows/s"),
        Unit::Tasks => Quantity::new(si(1e9 / per_second, SMALL), " a task"),
        Unit::Seconds => Quantity::new((digits(per_second), ""), "s/s"),
    }
}

/// How much of a unit: bytes in binary units, as memory is counted.
pub fn amount(unit: Unit, value: f64) -> String {
    if !value.is_finite() {
        return NONE.into();
    }
    match unit {
        Unit::Bytes if value >= 0.0 => human_bytes(value.round() as u64),
        Unit::Bytes => format!("{} B", digits(value)),
        Unit::Seconds => seconds(value),
        Unit::Rows => count(value, " rows"),
        Unit::Flops => count(value, " flop"),
        Unit::Tasks => count(value, " tasks"),
    }
}

fn count(value: f64, of: &str) -> String {
    match value.fract() == 0.0 && value.abs() < 1000.0 {
        true => format!("{value}{of}"),
        false => Quantity::new(si(value, LARGE), of).to_string(),
    }
}

/// A time, in three digits up to a second.
pub fn seconds(s: f64) -> String {
    match Duration::try_from_secs_f64(s) {
        Ok(time) if s >= 1.0 => human_duration(time),
        Ok(_) => Quantity::new(si(s * 1e9, SMALL), "").to_string(),
        Err(_) => NONE.into(),
    }
}

/// The median time of a row or a peer.
pub fn time(of: &[f64]) -> String {
    median(of).map_or_else(|| NONE.into(), seconds)
}

/// `85 %`, `4.2 %`.
pub fn percent(share: f64) -> String {
    match share * 100.0 {
        p if !p.is_finite() => NONE.into(),
        p if p.abs() < 9.95 => format!("{p:.1} %"),
        p => format!("{p:.0} %"),
    }
}

/// A row's rate.
pub fn row_rate(row: &Row) -> Quantity {
    row.rate().map_or_else(Quantity::none, |r| rate(row.unit, r))
}

/// A peer's rate.
pub fn peer_rate(row: &Row, peer: &PeerTime) -> Quantity {
    let amount = peer.amount.unwrap_or(row.amount);
    median(&peer.seconds).map_or_else(Quantity::none, |s| rate(row.unit, amount / s))
}

/// A row's share of its limit, if it is a number.
pub fn share(r: &Results, row: &Row) -> Option<f64> {
    row.share(&r.limits).filter(|s| s.is_finite())
}

/// The name of what bounds a row.
pub fn limit_name(row: &Row) -> &str {
    row.bound.as_ref().map_or(NONE, |b| &b.limit)
}

/// `85 % of memory.read`.
pub fn share_text(r: &Results, row: &Row) -> String {
    share(r, row).map_or_else(|| NONE.into(), |s| format!("{} of {}", percent(s), limit_name(row)))
}

/// How many times our rate is a peer's, if both were timed.
pub fn ratio(row: &Row, peer: &PeerTime) -> Option<f64> {
    peer.ratio(row).filter(|r| r.is_finite() && *r > 0.0)
}

/// The fastest peer that did a row's work.
pub fn best_peer(row: &Row) -> Option<(&PeerTime, f64)> {
    let timed = row.peers.iter().filter_map(|p| Some((p, ratio(row, p)?)));
    timed.min_by(|a, b| a.1.total_cmp(&b.1))
}

/// Whether a peer was faster, as far as the digits that are shown tell.
pub fn is_behind(ratio: f64) -> bool {
    ratio < 0.995
}

/// Rows of one group and set.
pub struct Section<'a> {
    pub group: &'a str,
    pub set: &'a str,
    pub rows: Vec<&'a Row>,
}

impl<'a> Section<'a> {
    /// The peers of its rows: in the order of the results, then those that these do not name.
    pub fn peers(&self, r: &'a Results) -> Vec<&'a str> {
        let times = || self.rows.iter().flat_map(|row| &row.peers).map(|p| p.peer.as_str());
        let mut names: Vec<&str> = Vec::new();
        let known = r.peers.iter().map(|p| p.name.as_str()).filter(|name| times().any(|t| t == *name));
        for name in known.chain(times()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// The sections, groups together; all in the order in which they first come.
pub fn sections(r: &Results) -> Vec<Section<'_>> {
    let mut groups: Vec<&str> = Vec::new();
    let mut sections: Vec<Section> = Vec::new();
    for row in &r.rows {
        if !groups.contains(&row.group.as_str()) {
            groups.push(&row.group);
        }
        match sections.iter_mut().find(|s| s.group == row.group && s.set == row.set) {
            Some(section) => section.rows.push(row),
            None => sections.push(Section { group: &row.group, set: &row.set, rows: vec![row] }),
        }
    }
    sections.sort_by_key(|s| groups.iter().position(|g| *g == s.group));
    sections
}

/// The facts, groups together, in the order in which they first come.
pub fn facts(r: &Results) -> Vec<(&str, Vec<&Fact>)> {
    let mut groups: Vec<(&str, Vec<&Fact>)> = Vec::new();
    for fact in &r.facts {
        match groups.iter_mut().find(|(group, _)| *group == fact.group) {
            Some((_, facts)) => facts.push(fact),
            None => groups.push((&fact.group, vec![fact])),
        }
    }
    groups
}

/// Whether anything but the CPU has rows or limits.
pub fn has_devices(r: &Results) -> bool {
    let mut devices = r.rows.iter().map(|row| &row.device).chain(r.limits.iter().map(|l: &Limit| &l.device));
    devices.any(|d| d != "cpu")
}

/// The notes of rows and of their peers, each once, in order; rows refer to them by number, from 1 on.
pub fn notes(r: &Results) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for note in sections(r).iter().flat_map(|s| &s.rows).flat_map(|row| row_notes(row)) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

/// What a reader has to know of a row.
fn row_notes(row: &Row) -> Vec<String> {
    let peers = row.peers.iter().filter_map(|p| Some(format!("{}: {}", p.peer, p.note.as_ref()?)));
    row.note.iter().cloned().chain(peers).collect()
}

/// The numbers of a row's notes: ` [1, 3]`, or nothing.
pub fn marks(notes: &[String], row: &Row) -> String {
    let own = row_notes(row);
    let numbers: Vec<String> = (1..)
        .zip(notes)
        .filter(|(_, note)| own.contains(note))
        .map(|(n, _): (usize, _)| n.to_string())
        .collect();
    if numbers.is_empty() { String::new() } else { format!(" [{}]", numbers.join(", ")) }
}

/// The machine, in words.
pub fn machine(r: &Results) -> Vec<String> {
    let m = &r.machine;
    let mut parts = vec![m.cpu.clone(), counted(m.cpus as u64, "CPU")];
    parts.extend(m.cores.map(|n| counted(n as u64, "core")));
    parts.extend(m.nodes.map(|n| counted(n as u64, "NUMA node")));
    parts.extend([human_bytes(m.memory_bytes), m.simd.clone(), m.system.clone()]);
    parts.extend(m.gpus.iter().cloned());
    parts
}

/// With what the run was made, in words.
pub fn settings(r: &Results) -> Vec<String> {
    let s = &r.settings;
    let rounds = match s.rounds {
        1 => "one round".to_string(),
        n => format!("medians of {n} rounds"),
    };
    vec![
        format!("chunkwise {}", r.machine.chunkwise),
        format!("libhdf5 {}", r.machine.hdf5),
        format!("{} UTC", s.date),
        counted(s.threads as u64, "thread"),
        rounds,
        format!("seed {}", s.seed),
    ]
}

/// What stands over the results of a quick run.
pub const QUICK: &str = "A quick run over small data: its times mean little.";
/// What a ratio means.
pub const RATIO: &str = "A ratio says how many times a peer's rate ours is; below 1 we are behind.";

#[cfg(test)]
mod tests;
