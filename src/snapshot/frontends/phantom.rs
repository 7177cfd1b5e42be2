//! Phantom, as splash and plonk convert it to HDF5: a header of datasets, particles of several types in one group.

use super::frontend::Frontend;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::sph::Kernel;
use crate::snapshot::attributes::{Attributes, attributes, datasets, object, small};
use crate::snapshot::contents::{Contents, Domain, Kind, Place, Positions, Smoothing, StoredField};
use crate::snapshot::opening::Opening;
use crate::snapshot::units::{CodeUnits, Epoch, Unit};
use crate::{Array, OpenOptions};
use std::path::{Path, PathBuf};

/// The row of the table.
pub const ROW: Frontend = Frontend {
    name: "phantom",
    looks_for: "the groups /header (with udist and massoftype) and /particles (with xyz)",
    fits: |file, opening| {
        let has = |group: &str, names: &[&str]| -> Result<bool> {
            let found = object(file, group, opening.options)?;
            Ok(found.is_some_and(|o| names.iter().all(|n| o.members.iter().any(|m| m == n))))
        };
        Ok(has("/header", &["udist", "massoftype"])? && has("/particles", &["xyz"])?)
    },
    open,
};

/// Its types of particles, by `itype`.
const TYPES: [(i64, &str); 5] = [(1, "gas"), (3, "boundary"), (4, "star"), (5, "dm"), (7, "dust")];

/// Its fields: name, common name, powers of code length, mass and time.
const FIELDS: [(&str, &str, [i32; 3]); 7] = [
    ("xyz", "position", [1, 0, 0]),
    ("vxyz", "velocity", [1, 0, -1]),
    ("h", "smoothing_length", [1, 0, 0]),
    ("u", "specific_thermal_energy", [2, 0, -2]),
    ("T", "temperature", [0, 0, 0]),
    ("itype", "type", [0, 0, 0]),
    ("divv", "velocity_divergence", [0, 0, -1]),
];

fn open(files: &[PathBuf], opening: &Opening) -> Result<Contents> {
    let [file] = files else {
        let e = Error::new(ErrorKind::Value, "a snapshot of Phantom is one file");
        return Err(e.at("files", files.len()));
    };
    let header = |name: &str| small(file, &format!("/header/{name}"), opening.options);
    let one = |name: &str| -> Result<f64> {
        header(name)?.and_then(|v| v.first().copied()).ok_or_else(|| {
            Error::new(ErrorKind::Format, format!("/header has no {name}")).at("file", file.display())
        })
    };
    let mass = opening.mass.map_or_else(|| one("umass"), Ok)?;
    let length = opening.length.map_or_else(|| one("udist"), Ok)?;
    let time = opening.velocity.map_or_else(|| one("utime"), |v| Ok(length / v))?;
    let (length, mass, time) = (Unit::LENGTH.times(length), Unit::MASS.times(mass), Unit::TIME.times(time));
    let unit = |[l, m, t]: [i32; 3]| length.powi(l).by(mass.powi(m)).by(time.powi(t));
    let masses = header("massoftype")?.unwrap_or_default();
    let numbers = header("npartoftype")?.unwrap_or_default();
    let found = datasets(file, "/particles", opening.options)?.unwrap_or_default();
    let mut fields = Vec::new();
    let mut rows = None;
    for found in found {
        let Some((&n, inner)) = found.dataset.shape.as_deref().and_then(<[u64]>::split_first) else {
            continue;
        };
        let rows = *rows.get_or_insert(n);
        if n != rows || inner.len() > 1 {
            continue;
        }
        let known = FIELDS.iter().find(|f| f.0 == found.name);
        fields.push(StoredField {
            alias: known.map(|f| f.1),
            components: inner.first().copied().unwrap_or(1),
            dtype: found.dataset.dtype.unwrap_or(DType::F64),
            place: Place::Dataset(format!("/particles/{}", found.name)),
            unit: known.map(|f| if f.0 == "T" { Unit::TEMPERATURE } else { unit(f.2) }),
            unit_from: known.map_or("not known", |_| "its name and /header").to_string(),
            name: found.name,
        });
    }
    let rows = rows.ok_or_else(|| Error::new(ErrorKind::Format, "/particles has no datasets"))?;
    let array = |name: &str| Array::open_with(file, &format!("/particles/{name}"), opening.options);
    // One mass per type, gas where no types are told; a particle whose smoothing length is not positive is accreted or dead.
    let itype = fields.iter().any(|f| f.name == "itype").then(|| array("itype")).transpose()?;
    let alive = array("h")?.greater(0.0);
    let here = |at: i64| masses.get((at - 1) as usize).copied().unwrap_or(0.0);
    let mut each = Array::full(&[rows], here(1));
    for (n, &m) in masses.iter().enumerate() {
        if let Some(itype) = itype.as_ref().filter(|_| m != here(1)) {
            each = itype.equal(n as i64 + 1).select(m, &each);
        }
    }
    let made = |name: &str, alias, array: &Array, powers| StoredField {
        name: name.to_string(),
        alias: Some(alias),
        components: 1,
        dtype: DType::F64,
        place: Place::Array(array.cast(DType::F64)),
        unit: Some(unit(powers)),
        unit_from: "/header".to_string(),
    };
    // As Phantom has it, of the smoothing length alone.
    let hfact = one("hfact")?;
    let h = array("h")?.cast(DType::F64);
    let density = &each * (h.reciprocal() * hfact).power(3.0);
    fields.push(made("mass", "mass", &each, [0, 1, 0]));
    fields.push(made("rho", "density", &density, [-3, 1, 0]));
    let mut kinds = Vec::new();
    let mut notes = Vec::new();
    for (at, name) in TYPES {
        let n = numbers.get((at - 1) as usize).copied().unwrap_or(0.0);
        let of = match &itype {
            Some(itype) => itype.equal(at),
            None if at == 1 => alive.clone(),
            None => continue,
        };
        if n == 0.0 && !(at == 1 && itype.is_none()) {
            continue;
        }
        kinds.push(Kind {
            name: name.to_string(),
            aliases: Vec::new(),
            shape: vec![rows],
            fields: fields.clone(),
            filter: Some(&of & &alive),
            positions: Positions::Field,
        });
    }
    kinds.push(Kind {
        name: "particles".to_string(),
        aliases: vec!["all".to_string()],
        shape: vec![rows],
        fields,
        filter: Some(alive),
        positions: Positions::Field,
    });
    if let Some(sinks) = sinks(file, opening.options, &unit)? {
        kinds.push(sinks);
    }
    notes.push(format!(
        "density is mass ({hfact}/h)³, as Phantom has it; particles without a smoothing length are left out"
    ));
    // Where the box is periodic is not said.
    let mut corners = [[0.0; 3]; 2];
    let mut boxed = true;
    for (d, axis) in ["x", "y", "z"].into_iter().enumerate() {
        for (corner, end) in corners.iter_mut().zip(["min", "max"]) {
            match header(&format!("{axis}{end}"))?.and_then(|v| v.first().copied()) {
                Some(v) => corner[d] = v,
                None => boxed = false,
            }
        }
    }
    let [left, right] = corners;
    let width = [0, 1, 2].map(|d| right[d] - left[d]);
    boxed = boxed && width.iter().all(|w| w.is_finite() && *w > 0.0);
    let domain = boxed.then_some(Domain { left, width, periodic: false });
    let nbody = kinds.iter().map(|k| k.name.clone()).filter(|n| n != "gas" && n != "particles").collect();
    Ok(Contents {
        code: code(file, opening.options)?,
        files: files.to_vec(),
        epoch: Epoch::NONE,
        redshift: None,
        time: header("time")?.and_then(|t| Some((*t.first()?, time))),
        domain,
        units: CodeUnits { length, mass, velocity: length.by(time.powi(-1)), time },
        units_from: "/header".to_string(),
        kinds,
        unions: vec![("nbody".to_string(), nbody)],
        kernel: Smoothing { kernel: Kernel::Cubic, support: 2.0 },
        gamma: header("gamma")?.and_then(|g| g.first().copied()).filter(|g| *g > 1.0).unwrap_or(5.0 / 3.0),
        notes,
    })
}

/// The sink particles, if there are any.
fn sinks(file: &Path, options: OpenOptions, unit: &dyn Fn([i32; 3]) -> Unit) -> Result<Option<Kind>> {
    let Some(found) = datasets(file, "/sinks", options)? else { return Ok(None) };
    let known: [(&str, &str, [i32; 3]); 4] = [
        ("xyz", "position", [1, 0, 0]),
        ("vxyz", "velocity", [1, 0, -1]),
        ("m", "mass", [0, 1, 0]),
        ("h", "smoothing_length", [1, 0, 0]),
    ];
    let Some(rows) = found.iter().find(|f| f.name == "m").and_then(|f| f.dataset.shape.clone()) else {
        return Ok(None);
    };
    let mut fields = Vec::new();
    for found in found {
        let shape = found.dataset.shape.unwrap_or_default();
        if !shape.starts_with(&rows) || shape.len() > 2 {
            continue;
        }
        let known = known.iter().find(|k| k.0 == found.name);
        fields.push(StoredField {
            alias: known.map(|k| k.1),
            components: shape.get(1).copied().unwrap_or(1),
            dtype: found.dataset.dtype.unwrap_or(DType::F64),
            place: Place::Dataset(format!("/sinks/{}", found.name)),
            unit: known.map(|k| unit(k.2)),
            unit_from: known.map_or("not known", |_| "its name and /header").to_string(),
            name: found.name,
        });
    }
    let (name, shape) = ("sinks".to_string(), rows);
    Ok(Some(Kind { name, aliases: vec![], shape, fields, filter: None, positions: Positions::Field }))
}

/// Phantom, with what the file says of itself.
fn code(file: &Path, options: OpenOptions) -> Result<String> {
    let root: Attributes = attributes(file, "/", options)?;
    Ok(root.text("code").map_or("Phantom", |c| c).to_string())
}
