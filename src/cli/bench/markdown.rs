//! Results as markdown, for files that stand beside the code.

use super::format::{self, NONE, Section};
use super::result::{Results, Row};
use chunkwise::text::printable;
use std::fmt::Write as _;

/// The results as markdown: headings of the second and third level, and tables.
pub fn markdown(r: &Results) -> String {
    let mut out = String::new();
    let words = |parts: Vec<String>| escape(&parts.join(", "));
    let _ = writeln!(out, "{}; {}.", words(format::machine(r)), words(format::settings(r)));
    if r.settings.quick {
        let _ = writeln!(out, "\n{}", format::QUICK);
    }
    limits(&mut out, r);
    let notes = format::notes(r);
    let mut group = None;
    for section in format::sections(r) {
        if group.replace(section.group) != Some(section.group) {
            let _ = writeln!(out, "\n## {}", escape(section.group));
        }
        rows(&mut out, r, &notes, &section);
    }
    if r.rows.iter().any(|row| !row.peers.is_empty()) {
        let _ = writeln!(out, "\n{}", format::RATIO);
    }
    for (group, facts) in format::facts(r) {
        let _ = writeln!(out, "\n## {}\n", escape(group));
        let lines = facts.iter().map(|f| vec![escape(&f.title), format::amount(f.unit, f.value)]);
        grid(&mut out, &["what".into(), "value".into()], 1, lines);
    }
    if !notes.is_empty() {
        let _ = writeln!(out, "\n## Notes\n");
        for (n, note) in notes.iter().enumerate() {
            let _ = writeln!(out, "{}. {}", n + 1, escape(note));
        }
    }
    if !r.peers.is_empty() {
        let _ = writeln!(out, "\n## Peers\n");
        let lines = r.peers.iter().map(|p| vec![escape(&p.name), escape(&p.version)]);
        grid(&mut out, &["peer".into(), "version".into()], 2, lines);
    }
    out
}

fn limits(out: &mut String, r: &Results) {
    if r.limits.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## Limits of the machine\n");
    let lines = r.limits.iter().map(|l| {
        let rate = format::rate(l.unit, l.rate).to_string();
        vec![escape(&l.key), escape(&l.title), escape(&l.device), rate]
    });
    grid(out, &["limit", "what it is", "device", "rate"].map(String::from), 3, lines);
}

fn rows(out: &mut String, r: &Results, notes: &[String], section: &Section) {
    let _ = writeln!(out, "\n### {}\n", escape(section.set));
    let devices = format::has_devices(r);
    let peers = section.peers(r);
    let mut head = vec!["work".to_string(), "what it does".into()];
    head.extend(devices.then(|| "device".into()));
    let words = head.len();
    head.extend(["rate".into(), "share of its limit".into()]);
    head.extend(peers.iter().map(|name| format!("ratio to {}", escape(name))));
    let line = |row: &&Row| {
        let work = format!("{}{}", row.work, format::marks(notes, row));
        let mut cells = vec![escape(&work), escape(&row.title)];
        cells.extend(devices.then(|| escape(&row.device)));
        cells.extend([format::row_rate(row).to_string(), escape(&format::share_text(r, row))]);
        cells.extend(peers.iter().map(|name| ratio(row, name)));
        cells
    };
    grid(out, &head, words, section.rows.iter().map(line));
}

/// How many times a peer's rate ours is; bold where we are behind.
fn ratio(row: &Row, name: &str) -> String {
    let peer = row.peers.iter().find(|p| p.peer == name);
    match peer.and_then(|p| format::ratio(row, p)) {
        Some(ratio) if format::is_behind(ratio) => format!("**{}**", format::digits(ratio)),
        Some(ratio) => format::digits(ratio),
        None => NONE.into(),
    }
}

/// A table whose first `words` columns are words, the others numbers.
fn grid(out: &mut String, head: &[String], words: usize, lines: impl Iterator<Item = Vec<String>>) {
    let rule = (0..head.len()).map(|c| if c < words { "---" } else { "---:" }.to_string()).collect();
    for line in [head.to_vec(), rule].into_iter().chain(lines) {
        let _ = writeln!(out, "| {} |", line.join(" | "));
    }
}

/// Text that markdown takes for nothing but text.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
