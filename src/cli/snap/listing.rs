//! What is in a snapshot.

use crate::cli::Done;
use crate::cli::output::{json_line, plain};
use chunkwise::snapshot::units::Unit;
use chunkwise::snapshot::{Contents, Kind, Place, Snapshot, StoredField};
use serde_json::{Value, json};
use std::io::{self, Write};

/// Prints types and fields, with their units and where these come from; and `made` fields, if they are wanted.
///
/// # Errors
/// Those of writing.
pub fn show(snapshot: &Snapshot, made: bool, as_json: bool) -> Done {
    let mut out = io::BufWriter::new(io::stdout().lock());
    if as_json {
        json_line(&mut out, &object(snapshot, made))?;
        return Ok(out.flush()?);
    }
    text(&mut out, snapshot, made)?;
    Ok(out.flush()?)
}

fn text(out: &mut impl Write, snapshot: &Snapshot, made: bool) -> io::Result<()> {
    let c = snapshot.contents();
    let files = match &c.files[..] {
        [one] => plain(&one.to_string_lossy()),
        [first, ..] => format!("{} and {} more", plain(&first.to_string_lossy()), c.files.len() - 1),
        [] => String::new(),
    };
    writeln!(out, "{files}")?;
    writeln!(out, "  {}", plain(&c.code))?;
    if let Some(z) = c.redshift {
        writeln!(out, "  redshift {z}: a = {}, h = {}", c.epoch.a, c.epoch.h)?;
    }
    if let Some((time, unit)) = &c.time {
        writeln!(out, "  time {time} ({unit})")?;
    }
    match &c.domain {
        Some(d) => {
            let [x, y, z] = d.width;
            let [a, b, e] = d.left;
            let periodic = if d.periodic { "periodic" } else { "not periodic" };
            writeln!(out, "  box {x} × {y} × {z} from ({a}, {b}, {e}) code lengths, {periodic}")?;
        }
        None => writeln!(out, "  no box")?,
    }
    writeln!(out, "  code units, from {}:", plain(&c.units_from))?;
    for (name, unit) in [
        ("length", c.units.length),
        ("mass", c.units.mass),
        ("velocity", c.units.velocity),
        ("time", c.units.time),
    ] {
        writeln!(out, "    {name:8} {unit} = {:e} {}", unit.in_cgs(c.epoch), unit.dimensions())?;
    }
    for kind in &c.kinds {
        let names = match kind.aliases.is_empty() {
            true => plain(&kind.name),
            false => format!("{} ({})", plain(&kind.name), kind.aliases.join(", ")),
        };
        let shape: Vec<String> = kind.shape.iter().map(u64::to_string).collect();
        let counted = if kind.filter.is_some() { ", of which not all count" } else { "" };
        writeln!(out, "  {names}: {} rows{counted}", shape.join(" × "))?;
        let width = kind.fields.iter().map(|f| called(f).chars().count()).max().unwrap_or(0);
        for field in &kind.fields {
            let unit = unit_text(field.unit);
            let from = if field.unit.is_some() {
                format!(" (from {})", plain(&field.unit_from))
            } else {
                String::new()
            };
            let called = called(field);
            let pad = " ".repeat(width - called.chars().count());
            writeln!(out, "    {called}{pad}  {}  {unit}{from}", shape_of(field))?;
        }
        if made {
            made_text(out, snapshot, kind)?;
        }
    }
    if !made {
        writeln!(out, "  what is made of these fields, as temperature and radius: --fields")?;
    }
    for (name, members) in &c.unions {
        writeln!(out, "  {name}: {}", members.join(", "))?;
    }
    c.notes.iter().try_for_each(|note| writeln!(out, "  note: {}", plain(note)))
}

fn unit_text(unit: Option<Unit>) -> String {
    match unit {
        None => "unit not known".to_string(),
        Some(u) if u.is_number() && u.factor() == 1.0 => "a number".to_string(),
        Some(u) => u.to_string(),
    }
}

/// What is made of the fields of a kind.
fn made_text(out: &mut impl Write, snapshot: &Snapshot, kind: &Kind) -> io::Result<()> {
    let rows: Vec<[String; 3]> = snapshot
        .made_fields(kind)
        .into_iter()
        .map(|m| [plain(&m.label()), unit_text(m.unit), plain(&m.definition)])
        .collect();
    let width = |n: usize| rows.iter().map(|r| r[n].chars().count()).max().unwrap_or(0);
    let (names, units) = (width(0), width(1));
    writeln!(out, "    made of these:")?;
    rows.iter().try_for_each(|[name, unit, what]| writeln!(out, "      {name:names$}  {unit:units$}  {what}"))
}

/// The names of a field.
fn called(field: &StoredField) -> String {
    match field.alias.filter(|a| *a != field.name) {
        Some(alias) => format!("{} ({alias})", plain(&field.name)),
        None => plain(&field.name),
    }
}

fn shape_of(field: &StoredField) -> String {
    let of = match field.components {
        1 => String::new(),
        n => format!(" × {n}"),
    };
    match field.place {
        Place::Constant(v) => format!("{}{of} = {v}", field.dtype),
        _ => format!("{}{of}", field.dtype),
    }
}

fn object(snapshot: &Snapshot, made: bool) -> Value {
    let c: &Contents = snapshot.contents();
    let unit = |u: chunkwise::snapshot::units::Unit| {
        let (a, h) = u.scaling();
        json!({
            "factor": u.factor(), "dimensions": u.dimensions(), "a": a.value(), "h": h.value(), "cgs": u.in_cgs(c.epoch),
        })
    };
    let field = |f: &StoredField| {
        json!({
            "name": f.name, "alias": f.alias, "dtype": f.dtype.name(), "components": f.components,
            "constant": match f.place { Place::Constant(v) => Some(v), _ => None },
            "unit": f.unit.map(unit), "unit_from": f.unit_from,
        })
    };
    let made_of = |k: &Kind| -> Vec<Value> {
        let one = |m: chunkwise::snapshot::MadeField| json!({"names": m.names, "unit": m.unit.map(unit), "definition": m.definition});
        if made { snapshot.made_fields(k).into_iter().map(one).collect() } else { Vec::new() }
    };
    json!({
        "code": c.code,
        "files": c.files.iter().map(|f| f.to_string_lossy()).collect::<Vec<_>>(),
        "a": c.epoch.a, "h": c.epoch.h, "redshift": c.redshift,
        "time": c.time.map(|(t, u)| json!({"value": t, "unit": unit(u)})),
        "box": c.domain.map(|d| json!({"left": d.left, "width": d.width, "periodic": d.periodic})),
        "units": {
            "length": unit(c.units.length), "mass": unit(c.units.mass), "velocity": unit(c.units.velocity),
            "time": unit(c.units.time), "from": c.units_from,
        },
        "kinds": c.kinds.iter().map(|k| json!({
            "name": k.name, "aliases": k.aliases, "shape": k.shape, "filtered": k.filter.is_some(),
            "fields": k.fields.iter().map(field).collect::<Vec<_>>(), "made": made_of(k),
        })).collect::<Vec<_>>(),
        "unions": c.unions.iter().map(|(n, m)| json!({"name": n, "kinds": m})).collect::<Vec<_>>(),
        "notes": c.notes,
    })
}
