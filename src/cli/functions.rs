//! `chunkwise functions`: what expressions can use.

use super::args::Functions;
use super::render;
use super::{Done, Failure, pattern};
use chunkwise::expr::catalogue::{self, Entry, Kind};
use chunkwise::expr::{Expression, Scope};
use chunkwise::{Device, Session, Value};
use serde_json::json;
use std::io::{self, Write};

/// Lists the names that match, or tells all about one.
///
/// # Errors
/// `Usage` for what no name matches; what writing can meet.
pub fn run(args: &Functions) -> Done {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match args.pattern.as_deref() {
        None => list(args, &mut out, catalogue::entries().iter().collect())?,
        Some(pattern) => match named(pattern) {
            Some(entry) if args.json => writeln!(out, "{}", whole(entry)?)?,
            Some(entry) => tell(&mut out, entry)?,
            None => list(args, &mut out, matching(pattern)?)?,
        },
    }
    Ok(out.flush()?)
}

/// The entry that is called so, where only one is.
fn named(name: &str) -> Option<&'static Entry> {
    let is_operator = |e: &&Entry| e.operator == Some(name);
    let mut operators = catalogue::entries().iter().filter(is_operator);
    match (operators.next(), operators.next()) {
        (Some(only), None) => Some(only),
        _ => catalogue::find(name).or_else(|| catalogue::find_attribute(name)),
    }
}

/// The entries whose names contain the text, or match it as a pattern.
fn matching(pattern: &str) -> Result<Vec<&'static Entry>, Failure> {
    let mut found: Vec<&Entry> = catalogue::search(pattern).collect();
    if found.is_empty() && pattern.contains(['*', '?', '[']) {
        pattern::check(pattern.as_bytes())
            .map_err(|e| Failure::Usage(format!("the pattern '{pattern}' cannot be read: {e}")))?;
        let fits = |name: &str| pattern::matches(pattern.as_bytes(), name.as_bytes());
        let names = |e: &Entry| std::iter::once(e.name).chain(e.aliases.clone()).any(fits);
        found = catalogue::entries().iter().filter(|e| names(e)).collect();
    }
    match found.is_empty() {
        true => {
            let hint = catalogue::missing(pattern);
            Err(Failure::Usage(format!("there is no function '{pattern}'\nhint: {hint}")))
        }
        false => Ok(found),
    }
}

fn list(args: &Functions, out: &mut impl Write, entries: Vec<&'static Entry>) -> Done {
    if args.json {
        let all = entries.into_iter().map(plain).collect::<Result<Vec<_>, _>>()?;
        return Ok(writeln!(out, "{}", serde_json::Value::from(all))?);
    }
    let mut first = true;
    for &kind in Kind::ALL {
        let rows: Vec<&&Entry> = entries.iter().filter(|e| e.kind == kind).collect();
        if rows.is_empty() {
            continue;
        }
        let space = if std::mem::take(&mut first) { "" } else { "\n" };
        writeln!(out, "{space}{}:", kind.title())?;
        let width = rows.iter().map(|e| head(e).chars().count()).filter(|n| *n <= MOST).max().unwrap_or(0);
        for entry in rows {
            writeln!(out, "  {:width$}  {}", head(entry), entry.summary())?;
        }
    }
    Ok(())
}

/// The widest signature for which the others make room.
const MOST: usize = 48;

/// The signature, with the operator that means the same.
fn head(entry: &Entry) -> String {
    match operation(entry) {
        Some(operation) => format!("{}, {operation}", entry.signature()),
        None => entry.signature(),
    }
}

/// `x + y`, if there is an operator.
fn operation(entry: &Entry) -> Option<String> {
    let (operator, call) = (entry.operator?, entry.call.as_ref()?);
    Some(match &call.params[..] {
        [x] => format!("{operator}{}", x.name),
        [x, y, ..] => format!("{} {operator} {}", x.name, y.name),
        [] => operator.to_string(),
    })
}

/// All about one.
fn tell(out: &mut impl Write, entry: &'static Entry) -> Done {
    writeln!(out, "{}\n\n  {}", entry.signature(), entry.doc)?;
    let params = entry.call.as_ref().map(|c| &c.params[..]).unwrap_or_default();
    let width = params.iter().map(|p| p.name.len()).max().unwrap_or(0);
    for (i, param) in params.iter().enumerate() {
        let default = match param.default {
            _ if param.is_rest() => "NAME=…".to_string(),
            None => "required".to_string(),
            Some(default) => format!("default {default}"),
        };
        let how = if param.keyword_only && !param.is_rest() { ", by its name only" } else { "" };
        let about = entry.about(param).map_or(String::new(), |a| format!(": {a}"));
        let space = if i == 0 { "\n" } else { "" };
        writeln!(out, "{space}  {:width$}  {default}{how}{about}", param.name)?;
    }
    if let Some(operation) = operation(entry) {
        writeln!(out, "\n  As an operator: {operation}")?;
    }
    if !entry.aliases.is_empty() {
        writeln!(out, "\n  Also called: {}", entry.aliases.join(", "))?;
    }
    let answer = answer(entry)?;
    let text = match &answer {
        Value::Array(a) => render::human(a.dtype(), a.shape(), a.bytes())?,
        Value::Histogram(h) => render::histogram_human(h, &render::Of::default())?,
        _ => String::new(),
    };
    writeln!(out, "\n  > {}", entry.example)?;
    Ok(text.lines().try_for_each(|line| writeln!(out, "  {line}"))?)
}

/// What the example gives.
fn answer(entry: &Entry) -> chunkwise::Result<Value> {
    let output = Expression::parse(entry.example)?.output(&Scope::new())?;
    let session = Session::builder().device(Device::Cpu).threads(1).memory("64MiB").build()?;
    Ok(session.run(&[&output])?.values.remove(0))
}

fn plain(entry: &'static Entry) -> Result<serde_json::Value, serde_json::Error> {
    let mut object = serde_json::to_value(entry)?;
    object["signature"] = json!(entry.signature());
    Ok(object)
}

/// An entry with the answer to its example.
fn whole(entry: &'static Entry) -> Result<serde_json::Value, Failure> {
    let mut object = plain(entry)?;
    let mut text = Vec::new();
    match answer(entry)? {
        Value::Array(a) => render::json(&mut text, a.dtype(), a.shape(), a.bytes())?,
        Value::Histogram(h) => render::histogram_json(&mut text, &h)?,
        _ => {}
    }
    object["answer"] = serde_json::from_slice(&text)?;
    Ok(object)
}
