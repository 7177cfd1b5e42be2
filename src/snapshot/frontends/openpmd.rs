//! openPMD: meshes on regular grids, and species of particles, with units and dimensions in their attributes.

use super::frontend::Frontend;
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::show_shape;
use crate::ops::sph::Kernel;
use crate::snapshot::attributes::{Attributes, attributes, object};
use crate::snapshot::contents::{Contents, Domain, Kind, Place, Positions, Smoothing, StoredField};
use crate::snapshot::opening::Opening;
use crate::snapshot::units::{CodeUnits, Epoch, Power, Unit};
use crate::source::hdf5::ObjectKind;
use crate::{Array, Index};
use std::path::{Path, PathBuf};

/// The row of the table.
pub const ROW: Frontend = Frontend {
    name: "openpmd",
    looks_for: "the root's attribute openPMD",
    fits: |file, opening| Ok(attributes(file, "/", opening.options)?.has("openPMD")),
    open,
};

/// The base units of unitDimension: metre, kilogram, second, ampere, kelvin; mole and candela are pure numbers here.
const BASES: [Unit; 5] = [Unit::LENGTH, Unit::MASS, Unit::TIME, Unit::CURRENT, Unit::TEMPERATURE];
/// How many of cgs each is.
const SI: [f64; 5] = [100.0, 1000.0, 1.0, 1.0, 1.0];

/// A place in a file.
#[derive(Clone, Copy)]
struct At<'a> {
    file: &'a Path,
    opening: &'a Opening,
}

impl At<'_> {
    fn attributes(&self, path: &str) -> Result<Attributes> {
        attributes(self.file, path, self.opening.options)
    }

    fn members(&self, path: &str) -> Result<Vec<String>> {
        Ok(object(self.file, path, self.opening.options)?.map(|o| o.members).unwrap_or_default())
    }
}

fn open(files: &[PathBuf], opening: &Opening) -> Result<Contents> {
    let [file] = files else {
        return Err(Error::new(ErrorKind::Value, "an iteration of openPMD is one file"));
    };
    let at = At { file, opening };
    let mut notes = Vec::new();
    let mut iterations: Vec<(u64, String)> =
        at.members("/data")?.into_iter().filter_map(|m| Some((m.parse().ok()?, m))).collect();
    iterations.sort();
    let Some((_, last)) = iterations.last() else {
        return Err(
            Error::new(ErrorKind::Format, "there is no iteration in /data").at("file", file.display())
        );
    };
    if iterations.len() > 1 {
        notes.push(format!("of {} iterations the last, {last}, is taken", iterations.len()));
    }
    let base = format!("/data/{last}");
    let root = at.attributes("/")?;
    let folder = |name: &str, or: &str| root.text(name).unwrap_or(or).trim_matches('/').to_string();
    let (mut kinds, mut domain) = (Vec::new(), None);
    meshes(at, &format!("{base}/{}", folder("meshesPath", "meshes")), &mut kinds, &mut domain, &mut notes)?;
    species(at, &format!("{base}/{}", folder("particlesPath", "particles")), &mut kinds, &mut notes)?;
    if kinds.is_empty() {
        return Err(Error::new(ErrorKind::Format, "the iteration has neither meshes nor particles"));
    }
    let iteration = at.attributes(&base)?;
    let metre = Unit::LENGTH.times(100.0);
    let names = kinds.iter().map(|k: &Kind| k.name.clone()).collect();
    Ok(Contents {
        code: format!("openPMD {}", root.text("software").unwrap_or("")).trim().to_string(),
        files: files.to_vec(),
        epoch: Epoch::NONE,
        redshift: None,
        time: iteration.number("time").map(|t| {
            (t, Unit::TIME.times(iteration.number("timeUnitSI").filter(|u| *u > 0.0).unwrap_or(1.0)))
        }),
        domain,
        units: CodeUnits {
            length: metre,
            mass: Unit::MASS.times(1000.0),
            velocity: metre.by(Unit::TIME.powi(-1)),
            time: Unit::TIME,
        },
        units_from: "unitSI and unitDimension".to_string(),
        kinds,
        unions: vec![("all".to_string(), names)],
        kernel: Smoothing { kernel: Kernel::Cubic, support: 1.0 },
        gamma: 5.0 / 3.0,
        notes,
    })
}

/// A record's unit: its dimensions, and a component's factor.
fn unit(record: &Attributes, component: &Attributes) -> Result<Option<Unit>> {
    let Some(powers) = record.numbers("unitDimension") else { return Ok(None) };
    let mut unit = Unit::NONE;
    for ((base, si), power) in BASES.iter().zip(SI).zip(powers) {
        unit = unit.by(base.times(si).to(Power::of(power)?)?);
    }
    Ok(Some(unit.times(component.number("unitSI").filter(|f| *f > 0.0).unwrap_or(1.0))))
}

/// A component: a dataset, or a group that says one number and a shape. Nothing if it is neither.
fn component(at: At, path: &str) -> Result<Option<(Array, Attributes)>> {
    let Some(found) = object(at.file, path, at.opening.options)? else { return Ok(None) };
    let attributes = Attributes::new(found.attributes);
    if found.kind == ObjectKind::Dataset {
        return match Array::open_with(at.file, path, at.opening.options) {
            Ok(array) => Ok(Some((array, attributes))),
            // Long doubles, texts: no numbers of a dtype that there is.
            Err(e) if e.kind() == ErrorKind::Type => Ok(None),
            Err(e) => Err(e),
        };
    }
    let (Some(value), Some(shape)) = (attributes.number("value"), attributes.numbers("shape")) else {
        return Ok(None);
    };
    let shape: Vec<u64> = shape.iter().map(|n| *n as u64).collect();
    Ok(Some((Array::full(&shape, value), attributes)))
}

fn field(name: String, alias: Option<&'static str>, array: Array, unit: Option<Unit>) -> Result<StoredField> {
    let known = if unit.is_some() { "unitDimension and unitSI" } else { "not known" };
    let dtype = array.dtype()?;
    Ok(StoredField {
        name,
        alias,
        components: 1,
        dtype,
        place: Place::Array(array),
        unit,
        unit_from: known.into(),
    })
}

/// The meshes of an iteration; those of one grid are the fields of one kind.
fn meshes(
    at: At,
    folder: &str,
    kinds: &mut Vec<Kind>,
    domain: &mut Option<Domain>,
    notes: &mut Vec<String>,
) -> Result<()> {
    let mut grids: Vec<(Vec<u64>, Vec<f64>, Vec<f64>)> = Vec::new();
    for name in at.members(folder)? {
        let path = format!("{folder}/{name}");
        let record = at.attributes(&path)?;
        let is_dataset =
            object(at.file, &path, at.opening.options)?.is_some_and(|o| o.kind == ObjectKind::Dataset);
        // A scalar record is its own component.
        let scalar = is_dataset || record.has("value");
        let parts: Vec<(String, String)> = match scalar {
            true => vec![(name.clone(), path.clone())],
            false => at
                .members(&path)?
                .into_iter()
                .map(|c| (format!("{name}_{c}"), format!("{path}/{c}")))
                .collect(),
        };
        let geometry = record.text("geometry").unwrap_or("cartesian").to_string();
        let scale = record.number("gridUnitSI").filter(|u| *u > 0.0).unwrap_or(1.0);
        let numbers =
            |key: &str| record.numbers(key).unwrap_or_default().iter().map(|v| v * scale).collect::<Vec<_>>();
        let (offset, spacing) = (numbers("gridGlobalOffset"), numbers("gridSpacing"));
        for (name, path) in parts {
            let Some((array, attributes)) = component(at, &path).at("file", at.file.display())? else {
                notes.push(format!("{path} has no numbers of a type that is read"));
                continue;
            };
            let shape = array.shape()?.to_vec();
            let shift = attributes.numbers("position").unwrap_or_default();
            let begin: Vec<f64> = offset
                .iter()
                .zip(&spacing)
                .enumerate()
                .map(|(d, (o, s))| o + s * shift.get(d).copied().unwrap_or(0.0))
                .collect();
            let grid = (shape.clone(), begin.clone(), spacing.clone());
            let made = field(name, None, array, unit(&record, &attributes)?)?;
            if let Some(n) = grids.iter().position(|g| *g == grid) {
                kinds[n].fields.push(made);
                continue;
            }
            let positions = match (geometry.as_str(), &shape[..], &begin[..], &spacing[..]) {
                ("cartesian", [_, _, _], [_, _, _], [_, _, _]) => {
                    let order = record.text("dataOrder").unwrap_or("C");
                    axes(&shape, &begin, &spacing, order == "F")
                }
                _ => Positions::Nowhere(format!(
                    "its geometry is {geometry} with shape {}: only cartesian meshes of three axes have places",
                    show_shape(&shape)
                )),
            };
            if let (Positions::Axes(_), None) = (&positions, &domain) {
                let edge = |d: usize| (begin[d] - spacing[d] / 2.0, spacing[d] * shape[d] as f64);
                let edges = [edge(0), edge(1), edge(2)];
                *domain =
                    Some(Domain { left: edges.map(|e| e.0), width: edges.map(|e| e.1), periodic: false });
            }
            let (mut fields, length) = (vec![made], Unit::LENGTH.times(100.0));
            if matches!(positions, Positions::Axes(_)) {
                let cell = Array::full(&shape, spacing.iter().product::<f64>());
                fields.push(field("cell_volume".into(), Some("cell_volume"), cell, Some(length.powi(3)))?);
            }
            let n = grids.len() + 1;
            let name = if n == 1 { "mesh".to_string() } else { format!("mesh{n}") };
            kinds.push(Kind { name, aliases: Vec::new(), shape, fields, filter: None, positions });
            grids.push(grid);
        }
    }
    Ok(())
}

/// The places of the points of a grid, in metres.
fn axes(shape: &[u64], begin: &[f64], spacing: &[f64], reversed: bool) -> Positions {
    let axis = |d: usize| {
        // In data order F the file's axes are the other way round.
        let along = if reversed { 2 - d } else { d };
        let points = Array::arange(0.0, shape[along] as f64, 1.0) * spacing[d] + begin[d];
        let mut index = vec![Index::NewAxis; 3];
        index[along] = Index::ALL;
        points.index(index)
    };
    Positions::Axes([axis(0), axis(1), axis(2)])
}

/// The species of particles of an iteration.
fn species(at: At, folder: &str, kinds: &mut Vec<Kind>, notes: &mut Vec<String>) -> Result<()> {
    for name in at.members(folder)? {
        let path = format!("{folder}/{name}");
        let (mut fields, mut rows) = (Vec::new(), None);
        let mut places: [Option<Array>; 3] = [None, None, None];
        for record in at.members(&path)? {
            let path = format!("{path}/{record}");
            let attributes = at.attributes(&path)?;
            let direct = component(at, &path).at("file", at.file.display())?;
            let parts: Vec<(String, Option<(Array, Attributes)>)> = match direct {
                Some(direct) => vec![(record.clone(), Some(direct))],
                None => {
                    let names = at.members(&path)?;
                    let part =
                        |c: String| Ok((format!("{record}_{c}"), component(at, &format!("{path}/{c}"))?));
                    names.into_iter().map(part).collect::<Result<_>>()?
                }
            };
            for (name, part) in parts {
                let Some((array, own)) = part else {
                    notes.push(format!("{path}: {name} has no numbers of a type that is read"));
                    continue;
                };
                let shape = array.shape()?.to_vec();
                if shape.len() != 1 || *rows.get_or_insert(shape[0]) != shape[0] {
                    continue;
                }
                let unit = unit(&attributes, &own)?;
                if let Some(d) = ["position_x", "position_y", "position_z"].iter().position(|n| *n == name) {
                    let metres = array.cast(DType::F64) * own.number("unitSI").unwrap_or(1.0);
                    let offset = format!(
                        "{folder}/{}/positionOffset/{}",
                        path.rsplit('/').nth(1).unwrap_or(""),
                        &name[9..]
                    );
                    let offset = match component(at, &offset)? {
                        Some((o, own)) => o.cast(DType::F64) * own.number("unitSI").unwrap_or(1.0),
                        None => Array::full(&shape, 0.0),
                    };
                    places[d] = Some(metres + offset);
                }
                let alias = (name == "mass").then_some("mass");
                fields.push(field(name, alias, array, unit)?);
            }
        }
        let Some(rows) = rows else { continue };
        let positions = match places {
            [Some(x), Some(y), Some(z)] => Positions::Axes([x, y, z]),
            _ => Positions::Nowhere(format!("{name} has no positions in three dimensions")),
        };
        kinds.push(Kind { name, aliases: Vec::new(), shape: vec![rows], fields, filter: None, positions });
    }
    Ok(())
}
