//! Results as a table for a terminal: as wide as that is, coloured where colours are wanted, in ASCII and
//! without colours elsewhere.

use super::format::{self, NONE, Section};
use super::result::{Results, Row};
use chunkwise::text::printable;
use std::fmt::Write as _;
use std::io::IsTerminal;

/// Columns where no terminal says how many it has.
const WIDTH: usize = 100;
/// No terminal is taken for narrower, and no column is cut to less than the second.
const NARROW: (usize, usize) = (40, 8);

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const WARN: &str = "\x1b[33m";
const OFF: &str = "\x1b[0m";

/// The table as the terminal at stdout can show it.
pub fn table(r: &Results) -> String {
    draw(r, &Style::of_stdout())
}

/// What can be shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Characters of a line.
    pub width: usize,
    /// Whether µ and × and names with other letters can be shown.
    pub unicode: bool,
    pub colour: bool,
}

impl Style {
    fn of_stdout() -> Style {
        let terminal = std::io::stdout().is_terminal();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let size = terminal_size::terminal_size().filter(|_| terminal);
        Style {
            width: size.map_or(WIDTH, |(w, _)| usize::from(w.0)).max(NARROW.0),
            unicode: terminal,
            colour: terminal && !plain,
        }
    }

    /// Text with nothing that a terminal would obey or could not show.
    fn clean(&self, text: &str) -> String {
        let ascii = |c: char| match c {
            _ if self.unicode || c.is_ascii() => c,
            'µ' => 'u',
            '×' => 'x',
            '–' | '—' => '-',
            _ => '?',
        };
        printable(text).chars().map(ascii).collect()
    }

    fn paint(&self, with: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("{with}{text}{OFF}") } else { text.into() }
    }
}

/// Results as text.
pub(super) fn draw(r: &Results, style: &Style) -> String {
    let mut out = String::new();
    flow(&mut out, style, "", &format::machine(r), ", ");
    flow(&mut out, style, "", &format::settings(r), ", ");
    if r.settings.quick {
        let _ = writeln!(out, "{}", style.paint(WARN, format::QUICK));
    }
    limits(&mut out, r, style);
    let notes = format::notes(r);
    rows(&mut out, r, &notes, style);
    for (group, facts) in format::facts(r) {
        heading(&mut out, style, group, "");
        let lines = facts.iter().map(|f| vec![f.title.clone(), format::amount(f.unit, f.value)]);
        grid(&mut out, style, &[Column::text(), Column::number()], &[], lines.collect());
    }
    if !notes.is_empty() {
        heading(&mut out, style, "notes", "");
        for (n, note) in notes.iter().enumerate() {
            flow(&mut out, style, &format!("  [{}] ", n + 1), &words(note), " ");
        }
    }
    if !r.peers.is_empty() {
        heading(&mut out, style, "peers", "");
        let lines = r.peers.iter().map(|p| vec![p.name.clone(), p.version.clone()]);
        grid(&mut out, style, &[Column::text(), Column::text()], &[], lines.collect());
    }
    out
}

fn limits(out: &mut String, r: &Results, style: &Style) {
    if r.limits.is_empty() {
        return;
    }
    heading(out, style, "limits of the machine", "");
    let lines = r.limits.iter().map(|l| {
        let rate = format::rate(l.unit, l.rate);
        vec![l.key.clone(), rate.number, rate.unit, l.device.clone(), l.title.clone()]
    });
    let columns = [Column::text(), Column::number(), Column::unit(), Column::text(), Column::text()];
    grid(out, style, &columns, &[], lines.collect());
}

fn rows(out: &mut String, r: &Results, notes: &[String], style: &Style) {
    let sections = format::sections(r);
    let devices = format::has_devices(r);
    let peers = r.rows.iter().any(|row| !row.peers.is_empty());
    let mut columns =
        vec![Column::text(), Column::number(), Column::unit(), Column::number(), Column::text()];
    let mut head = vec!["work", "rate", "", "share", "of"];
    if peers {
        columns.extend([Column::number(), Column::text()]);
        head.extend(["ratio", "to the best peer"]);
    }
    if devices {
        columns.insert(1, Column::text());
        head.insert(1, "device");
    }
    columns.push(Column::text());
    head.push("which is");
    let line = |row: &&Row| {
        let rate = format::row_rate(row);
        let share = format::share(r, row).map_or_else(|| NONE.into(), format::percent);
        let limit = format::limit_name(row).to_string();
        let mut cells = vec![format!("{}{}", row.work, format::marks(notes, row)), rate.number, rate.unit];
        cells.extend([share, limit]);
        if devices {
            cells.insert(1, row.device.clone());
        }
        if peers {
            cells.extend(match format::best_peer(row) {
                Some((peer, ratio)) if format::is_behind(ratio) => {
                    [format::digits(ratio), format!("{}, behind", peer.peer)]
                }
                Some((peer, ratio)) => [format::digits(ratio), peer.peer.clone()],
                None => [NONE.into(), String::new()],
            });
        }
        cells.push(row.title.clone());
        cells
    };
    // One layout for all sections, so that their columns stand beneath each other.
    let all: Vec<Vec<String>> = sections.iter().flat_map(|s| &s.rows).map(line).collect();
    let head: Vec<String> = head.into_iter().map(String::from).collect();
    let cells = all.into_iter().map(|line| clean(style, line)).collect::<Vec<_>>();
    let widths = widths(style, &columns, &head, &cells);
    let mut cells = cells.into_iter();
    for Section { group, set, rows } in &sections {
        heading(out, style, group, set);
        let _ = writeln!(out, "{}", style.paint(DIM, &lay(&columns, &widths, &head)));
        for (row, line) in rows.iter().zip(&mut cells) {
            let behind = format::best_peer(row).is_some_and(|(_, ratio)| format::is_behind(ratio));
            let line = lay(&columns, &widths, &line);
            let _ = writeln!(out, "{}", if behind { style.paint(WARN, &line) } else { line });
        }
    }
    if peers {
        out.push('\n');
        flow(out, style, "", &words(format::RATIO), " ");
    }
}

fn heading(out: &mut String, style: &Style, name: &str, rest: &str) {
    let rest = if rest.is_empty() { String::new() } else { format!(": {}", style.clean(rest)) };
    let _ = writeln!(out, "\n{}{rest}", style.paint(BOLD, &style.clean(name)));
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(String::from).collect()
}

/// The parts after `indent`, in as many lines as they take; later ones are as far indented.
fn flow(out: &mut String, style: &Style, indent: &str, parts: &[String], between: &str) {
    let mut line = indent.to_string();
    let mut fresh = true;
    for (n, part) in parts.iter().enumerate() {
        let last = n + 1 == parts.len();
        let text = format!("{}{}", style.clean(part), if last { "" } else { between });
        if !fresh && chars(&line) + chars(text.trim_end()) > style.width {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(chars(indent));
        }
        line.push_str(&text);
        fresh = false;
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

/// How a column is laid out.
#[derive(Clone, Copy)]
struct Column {
    right: bool,
    /// Whether it may be cut where the line is too long.
    cut: bool,
    /// Whether it follows the column before at a distance of one.
    close: bool,
}

impl Column {
    fn text() -> Column {
        Column { right: false, cut: true, close: false }
    }
    fn number() -> Column {
        Column { right: true, cut: false, close: false }
    }
    fn unit() -> Column {
        Column { right: false, cut: false, close: true }
    }
}

fn chars(text: &str) -> usize {
    text.chars().count()
}

fn clean(style: &Style, line: Vec<String>) -> Vec<String> {
    line.iter().map(|cell| style.clean(cell)).collect()
}

fn grid(out: &mut String, style: &Style, columns: &[Column], head: &[String], lines: Vec<Vec<String>>) {
    let lines: Vec<Vec<String>> = lines.into_iter().map(|line| clean(style, line)).collect();
    let widths = widths(style, columns, head, &lines);
    for line in &lines {
        let _ = writeln!(out, "{}", lay(columns, &widths, line));
    }
}

/// The columns' widths: as wide as their cells, or less, the widest first, until lines are short enough.
fn widths(style: &Style, columns: &[Column], head: &[String], lines: &[Vec<String>]) -> Vec<usize> {
    let width = |c: usize| {
        let cells = lines.iter().filter_map(|line| line.get(c)).chain(head.get(c));
        cells.map(|cell| chars(cell)).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let gaps: usize = columns.iter().map(gap).sum();
    while widths.iter().sum::<usize>() + gaps > style.width {
        let cut = |c: &usize| columns[*c].cut && widths[*c] > NARROW.1;
        match (0..columns.len()).filter(cut).max_by_key(|c| widths[*c]) {
            Some(widest) => widths[widest] -= 1,
            None => break,
        }
    }
    widths
}

fn gap(column: &Column) -> usize {
    if column.close { 1 } else { 2 }
}

fn lay(columns: &[Column], widths: &[usize], cells: &[String]) -> String {
    let mut line = String::new();
    for ((column, &width), cell) in columns.iter().zip(widths).zip(cells) {
        line.push_str(&" ".repeat(gap(column)));
        let cut: String = match chars(cell) > width {
            true => cell.chars().take(width.saturating_sub(2)).chain("..".chars()).collect(),
            false => cell.clone(),
        };
        let _ = match column.right {
            true => write!(line, "{cut:>width$}"),
            false => write!(line, "{cut:<width$}"),
        };
    }
    line.trim_end().to_string()
}
