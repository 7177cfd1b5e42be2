//! Answers as text and as JSON.

use crate::cli::Done;
use crate::cli::output::{json_line, plain};
use chunkwise::snapshot::units::{Epoch, Unit};
use chunkwise::snapshot::{Answer, Image, Profiled, Snapshot, Table};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Everything that was computed.
pub struct Results {
    /// What it is about, as it was written.
    pub object: String,
    /// Numbers.
    pub answers: Vec<Answer>,
    /// Profiles, by what was asked.
    pub profiles: Vec<(String, Profiled)>,
    /// Images.
    pub images: Vec<Image>,
    /// Tables, once they are saved.
    pub saved: Vec<Saved>,
    /// The code length.
    pub length: Unit,
    /// What powers of a and h come to.
    pub epoch: Epoch,
}

/// A table that was saved.
pub struct Saved {
    kind: String,
    rows: u64,
    /// Names and units.
    columns: Vec<(String, String)>,
}

impl Saved {
    /// Of so many rows.
    pub fn of(table: &Table, rows: u64) -> Saved {
        let columns = table.columns.iter().map(|c| (c.name.clone(), c.unit.clone())).collect();
        Saved { kind: table.kind.clone(), rows, columns }
    }
}

/// Prints all of it.
///
/// # Errors
/// Those of writing.
pub fn show(snapshot: &Snapshot, results: &Results, as_json: bool) -> Done {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    if as_json {
        json_line(&mut out, &object(snapshot, results))?;
        return Ok(out.flush()?);
    }
    for answer in &results.answers {
        writeln!(out, "{}", plain(&answer.to_string()))?;
    }
    for (name, profile) in &results.profiles {
        profile_text(&mut out, name, profile)?;
    }
    for image in &results.images {
        let side = |s: &chunkwise::snapshot::Side| format!("{} {}…{}", s.axis.name(), s.low, s.high);
        writeln!(
            out,
            "image of {}{}: {} × {} pixels, {}, {} code lengths; {}",
            plain(&image.name),
            unit(&image.unit),
            image.x.pixels,
            image.y.pixels,
            side(&image.x),
            side(&image.y),
            summary(&image.values)
        )?;
    }
    for saved in &results.saved {
        let names: Vec<String> =
            saved.columns.iter().map(|(name, u)| format!("{}{}", plain(name), unit(u))).collect();
        let s = if saved.rows == 1 { "" } else { "s" };
        writeln!(out, "saved {} row{s} of {}: {}", saved.rows, plain(&saved.kind), names.join(", "))?;
    }
    Ok(out.flush()?)
}

fn unit(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" [{}]", plain(unit)) }
}

/// The least, the greatest and the sum of what is finite.
fn summary(values: &[f64]) -> String {
    let finite = || values.iter().filter(|v| v.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
    match low <= high {
        true => format!("from {low:e} to {high:e}, sum {:e}", finite().sum::<f64>()),
        false => "nothing in it".to_string(),
    }
}

fn profile_text(out: &mut impl Write, name: &str, profile: &Profiled) -> io::Result<()> {
    let axes: Vec<String> =
        profile.axes.iter().map(|a| format!("{}{}", plain(&a.name), unit(&a.unit))).collect();
    if let [axis] = &profile.axes[..] {
        let names: Vec<String> =
            profile.fields.iter().map(|f| format!("{}{}", plain(&f.name), unit(&f.unit))).collect();
        writeln!(out, "profile {}: {} over {}", plain(name), names.join(", "), axes[0])?;
        for (i, bin) in axis.edges.windows(2).enumerate() {
            write!(out, "  {:.6e} … {:.6e}  {:>9} rows", bin[0], bin[1], profile.counts[i])?;
            for field in &profile.fields {
                write!(out, "  {:.12e}", field.values[i])?;
                if let Some(std) = &field.std {
                    write!(out, " ± {:.6e}", std[i])?;
                }
            }
            writeln!(out)?;
        }
        return Ok(());
    }
    let shape: Vec<String> = profile.shape().iter().map(usize::to_string).collect();
    for field in &profile.fields {
        let used = profile.counts.iter().filter(|n| **n > 0).count();
        writeln!(
            out,
            "phase plot of {}{} over {}: {} bins, {used} of them used; {}",
            plain(&field.name),
            unit(&field.unit),
            axes.join(" and "),
            shape.join(" × "),
            summary(&field.values)
        )?;
    }
    Ok(())
}

fn object(snapshot: &Snapshot, results: &Results) -> Value {
    let answer = |a: &Answer| {
        let parts: Vec<Value> =
            a.parts.iter().map(|p| json!({"name": p.name, "value": p.value, "unit": p.unit})).collect();
        json!({"name": a.name, "parts": parts})
    };
    let profile = |(name, p): &(String, Profiled)| {
        let axes: Vec<Value> =
            p.axes.iter().map(|a| json!({"name": a.name, "unit": a.unit, "edges": a.edges})).collect();
        let fields: Vec<Value> = p
            .fields
            .iter()
            .map(|f| json!({"name": f.name, "unit": f.unit, "values": f.values, "std": f.std}))
            .collect();
        json!({"name": name, "axes": axes, "fields": fields, "counts": p.counts, "weights": p.weights})
    };
    let side = |s: &chunkwise::snapshot::Side| json!({"axis": s.axis.name(), "low": s.low, "high": s.high, "pixels": s.pixels});
    let image = |i: &Image| json!({"name": i.name, "unit": i.unit, "x": side(&i.x), "y": side(&i.y), "values": i.values});
    let saved = |s: &Saved| {
        let columns: Vec<Value> =
            s.columns.iter().map(|(name, unit)| json!({"name": name, "unit": unit})).collect();
        json!({"kind": s.kind, "rows": s.rows, "columns": columns})
    };
    json!({
        "code": snapshot.contents().code,
        "object": results.object,
        "quantities": results.answers.iter().map(answer).collect::<Vec<_>>(),
        "profiles": results.profiles.iter().map(profile).collect::<Vec<_>>(),
        "images": results.images.iter().map(image).collect::<Vec<_>>(),
        "saved": results.saved.iter().map(saved).collect::<Vec<_>>(),
        "notes": snapshot.contents().notes,
    })
}
