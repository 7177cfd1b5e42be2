//! The results of a run as text.

use crate::cli::render::{self, Along, Of};
use crate::cli::{Done, output};
use chunkwise::expr::Output;
use chunkwise::text::printable;
use chunkwise::{Error, ErrorKind, Outcome, Value};
use std::io::Write;

/// `{"results": {…}, "notes": […], "report": {…}}`, and `"edges": {…}`, of each axis, where results are profiles, `"groups": {…}`, the
/// labels of each axis, where they are by group.
pub fn json<'a>(
    mut out: impl Write,
    wanted: impl Iterator<Item = (&'a str, Of)>,
    outcome: &Outcome,
    notes: &[String],
) -> Done {
    let wanted: Vec<(&str, Of)> = wanted.collect();
    out.write_all(b"{\"results\": {")?;
    for (i, ((name, of), value)) in wanted.iter().zip(&outcome.values).enumerate() {
        out.write_all(if i == 0 { b"" } else { b",\n" })?;
        output::json(&mut out, &name)?;
        out.write_all(b": ")?;
        match value {
            Value::Array(a) => render::json_named(&mut out, a.dtype(), a.shape(), a.bytes(), of.members())?,
            Value::Histogram(h) => render::histogram_json(&mut out, h)?,
            _ => return Err(unknown(name).into()),
        }
    }
    out.write_all(b"},\n")?;
    let profiles = wanted.iter().filter(|(_, of)| !of.edges().is_empty());
    let edges: serde_json::Map<_, _> =
        profiles.map(|(name, of)| (name.to_string(), serde_json::json!(of.edges()))).collect();
    if !edges.is_empty() {
        out.write_all(b"\"edges\": ")?;
        output::json(&mut out, &edges)?;
        out.write_all(b",\n")?;
    }
    let labelled = wanted.iter().zip(&outcome.values).filter_map(|((name, of), value)| {
        let rank = value.as_array().map_or(0, |a| a.shape().len());
        let groups: Vec<&Along> = (0..rank).filter_map(|axis| of.dimension(axis)).collect();
        let groups = groups.iter().map(|g| (g.name.clone(), serde_json::json!(g.labels())));
        let groups: serde_json::Map<_, _> = groups.collect();
        (!groups.is_empty()).then(|| (name.to_string(), groups.into()))
    });
    let labelled: serde_json::Map<String, serde_json::Value> = labelled.collect();
    if !labelled.is_empty() {
        out.write_all(b"\"groups\": ")?;
        output::json(&mut out, &labelled)?;
        out.write_all(b",\n")?;
    }
    out.write_all(b"\"notes\": ")?;
    output::json(&mut out, &notes)?;
    out.write_all(b",\n\"report\": ")?;
    output::json(&mut out, &outcome.report)?;
    out.write_all(b"}\n")?;
    Ok(out.flush()?)
}

/// The library makes what this program does not know.
fn unknown(name: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("{name} is neither an array nor a histogram"))
}

/// What a result is of.
pub fn of(output: &Output) -> Of {
    match output {
        Output::Histogram(histogram) => Of::new(histogram),
        // What cannot be has no values.
        Output::Array(array) => {
            let of = Of::named(array.members().ok().flatten());
            let Ok(notes) = array.annotations() else { return of };
            match notes.get("units").filter(|units| units.contains(" since ")) {
                Some(units) => of.times(units, notes.get("calendar").map_or("standard", String::as_str)),
                None => of,
            }
        }
        _ => Of::default(),
    }
}

/// `name = value`, one after the other.
pub fn human<'a>(
    mut out: impl Write,
    wanted: impl Iterator<Item = (&'a str, Of)>,
    outcome: &Outcome,
) -> Done {
    for ((name, of), value) in wanted.zip(&outcome.values) {
        out.write_all(named(name, &of, value)?.as_bytes())?;
    }
    Ok(out.flush()?)
}

/// `name = value` with a line end; what has several lines begins on its own.
pub fn named(name: &str, of: &Of, value: &Value) -> chunkwise::Result<String> {
    // An expression may have been written on several lines.
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = match value {
        Value::Array(a) if of.edges().len() == 1 => {
            let table = render::profile_human(a.dtype(), a.bytes(), &of.edges()[0], of)?;
            return Ok(format!("{name} = {table}"));
        }
        Value::Array(a) => {
            let text = render::human_named(a.dtype(), a.shape(), a.bytes(), of.members())?;
            // One time says its date.
            let single = a.scalar(0).filter(|_| a.shape().is_empty());
            match single.and_then(|value| of.date(value)) {
                Some(date) => format!("{text} ({date})"),
                None => text,
            }
        }
        Value::Histogram(h) => return Ok(format!("{name} = {}", render::histogram_human(h, of)?)),
        _ => return Err(unknown(&name)),
    };
    let space = if text.contains('\n') { "\n" } else { " " };
    let rank = value.as_array().map_or(0, |a| a.shape().len());
    let labels: String = (0..rank).filter_map(|axis| of.dimension(axis)).map(along).collect();
    Ok(format!("{name} ={space}{text}\n{labels}"))
}

/// Labels that are printed.
const LABELS: usize = 16;

/// The labels of the groups along an axis, in a line of their own.
fn along(groups: &Along) -> String {
    let mut labels: Vec<String> =
        groups.values.iter().take(LABELS).map(|v| printable(&groups.shown(*v)).into_owned()).collect();
    if groups.values.len() > LABELS {
        labels.push("…".into());
    }
    format!("  by {}: {}\n", printable(&groups.name), labels.join(" "))
}
