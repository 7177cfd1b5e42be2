//! Enzo: a parameter file, a hierarchy of grids as text, and the grids in HDF5 files beside it. Cells are the rows of one
//! kind, grid after grid; those that a finer grid covers do not count.

use super::frontend::Frontend;
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::ops::sph::Kernel;
use crate::snapshot::attributes::datasets;
use crate::snapshot::contents::{Contents, Domain, Kind, Place, Positions, Smoothing, StoredField};
use crate::snapshot::opening::Opening;
use crate::snapshot::units::{CodeUnits, Epoch, Unit};
use crate::{Array, concatenate};
use ndarray::Array1;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The row of the table.
pub const ROW: Frontend = Frontend {
    name: "enzo",
    looks_for: "a text file with TopGridRank (the parameter file), beside which lies NAME.hierarchy",
    fits: |file, _| Ok(parameter_file(file).is_some_and(|p| hierarchy_of(&p).exists())),
    open,
};

/// More grids would make graphs that nobody waits for.
const MOST_GRIDS: usize = 4096;
/// Where their cells are is kept in memory: 49 bytes each.
const MOST_CELLS: usize = 1 << 25;
/// More text than any parameter file or hierarchy of so many grids has.
const MOST_TEXT: u64 = 64 << 20;

/// The parameter file, by itself or by its hierarchy; nothing if it is none.
fn parameter_file(file: &Path) -> Option<PathBuf> {
    let file = match file.extension().is_some_and(|e| e == "hierarchy") {
        true => file.with_extension(""),
        false => file.to_path_buf(),
    };
    let begin = text(&file).ok()?;
    begin.contains("TopGridRank").then_some(file)
}

fn hierarchy_of(parameters: &Path) -> PathBuf {
    let mut name = parameters.as_os_str().to_owned();
    name.push(".hierarchy");
    PathBuf::from(name)
}

/// The text of a file that is one.
fn text(file: &Path) -> Result<String> {
    let io = |e: std::io::Error| Error::new(ErrorKind::Io, "cannot read the file").caused_by(e);
    if std::fs::metadata(file).map_err(io)?.len() > MOST_TEXT {
        return Err(Error::new(ErrorKind::Unsupported, "the file is too long for a text of Enzo's"));
    }
    let bytes = std::fs::read(file).map_err(io)?;
    if bytes.iter().take(4096).any(|b| *b == 0) {
        return Err(Error::new(ErrorKind::Format, "the file is no text"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The parameters: `NAME = VALUES`.
struct Parameters(BTreeMap<String, String>);

impl Parameters {
    fn read(text: &str) -> Parameters {
        let pair = |line: &str| {
            let (name, value) = line.split_once('=')?;
            let name = name.trim();
            (!name.starts_with('#')).then(|| (name.to_string(), value.trim().to_string()))
        };
        Parameters(text.lines().filter_map(pair).collect())
    }

    fn numbers(&self, name: &str) -> Option<Vec<f64>> {
        let numbers: Vec<f64> = self.0.get(name)?.split_whitespace().map_while(|w| w.parse().ok()).collect();
        (!numbers.is_empty()).then_some(numbers)
    }

    fn number(&self, name: &str) -> Option<f64> {
        self.numbers(name)?.first().copied()
    }

    fn need(&self, name: &str) -> Result<f64> {
        self.number(name)
            .ok_or_else(|| Error::new(ErrorKind::Format, format!("the parameter file does not say {name}")))
    }
}

/// A grid of the hierarchy.
#[derive(Clone, Debug)]
struct Grid {
    number: usize,
    left: [f64; 3],
    right: [f64; 3],
    cells: [u64; 3],
    file: PathBuf,
    particles: u64,
}

impl Grid {
    fn width(&self, d: usize) -> f64 {
        (self.right[d] - self.left[d]) / self.cells[d] as f64
    }

    fn len(&self) -> usize {
        self.cells.iter().product::<u64>() as usize
    }
}

fn grids(text: &str, folder: &Path) -> Result<Vec<Grid>> {
    let mut out: Vec<Grid> = Vec::new();
    for block in text.split("\nGrid = ").map(|b| b.trim_start().trim_start_matches("Grid = ")) {
        let Some(number) = block.split_whitespace().next().and_then(|w| w.parse().ok()) else { continue };
        let of = Parameters::read(block);
        let three = |name: &str| -> Result<[f64; 3]> {
            of.numbers(name).and_then(|v| <[f64; 3]>::try_from(v).ok()).ok_or_else(|| {
                Error::new(ErrorKind::Unsupported, format!("a grid without a {name} of three numbers"))
                    .at("grid", number)
            })
        };
        let (start, end) = (three("GridStartIndex")?, three("GridEndIndex")?);
        let cells = [0, 1, 2].map(|d| (end[d] - start[d] + 1.0).max(0.0) as u64);
        let (left, right) = (three("GridLeftEdge")?, three("GridRightEdge")?);
        let whole = cells.iter().all(|n| (1..=4096).contains(n)) && (0..3).all(|d| left[d] < right[d]);
        if !whole {
            return Err(Error::new(ErrorKind::Format, "a grid has no cells").at("grid", number));
        }
        // The path is that of the machine that wrote it.
        let name = of.0.get("BaryonFileName").or_else(|| of.0.get("ParticleFileName"));
        let name = name.and_then(|n| Path::new(n.trim()).file_name()).ok_or_else(|| {
            Error::new(ErrorKind::Format, "a grid does not say in which file it is").at("grid", number)
        })?;
        let particles = of.number("NumberOfParticles").unwrap_or(0.0) as u64;
        out.push(Grid { number, left, right, cells, file: folder.join(name), particles });
    }
    match out.len() {
        0 => Err(Error::new(ErrorKind::Format, "the hierarchy has no grids")),
        n if n > MOST_GRIDS => {
            let e = format!("the hierarchy has {n} grids, and at most {MOST_GRIDS} are read");
            Err(Error::new(ErrorKind::Unsupported, e))
        }
        _ => Ok(out),
    }
}

/// The units of a run: density, length, time, velocity and, for temperatures, K.
fn units(p: &Parameters) -> Result<(CodeUnits, Unit, Epoch, Option<f64>)> {
    if p.number("ComovingCoordinates").is_some_and(|v| v != 0.0) {
        let (h, omega) = (p.need("CosmologyHubbleConstantNow")?, p.need("CosmologyOmegaMatterNow")?);
        let (size, first) = (p.need("CosmologyComovingBoxSize")?, p.need("CosmologyInitialRedshift")?);
        let z = p.need("CosmologyCurrentRedshift")?;
        if !(h > 0.0 && omega > 0.0 && size > 0.0 && first > -1.0 && z > -1.0) {
            return Err(Error::new(ErrorKind::Format, "the cosmological parameters make no units"));
        }
        // Enzo's own definitions, with its constants.
        let length = 3.085678e24 * size / h / (1.0 + z);
        let density = 1.8788e-29 * omega * h * h * (1.0 + z).powi(3);
        let time = 2.519445e17 / omega.sqrt() / h / (1.0 + first).powf(1.5);
        let velocity = 1.22475e7 * size * omega.sqrt() * (1.0 + first).sqrt();
        return Ok((
            of(length, density, time, velocity),
            density_unit(density),
            Epoch { a: 1.0 / (1.0 + z), h },
            Some(z),
        ));
    }
    let one = |name: &str| p.number(name).filter(|v| *v > 0.0).unwrap_or(1.0);
    let (length, time) = (one("LengthUnits"), one("TimeUnits"));
    let density =
        p.number("DensityUnits").filter(|v| *v > 0.0).unwrap_or_else(|| one("MassUnits") / length.powi(3));
    Ok((of(length, density, time, length / time), density_unit(density), Epoch::NONE, None))
}

fn density_unit(density: f64) -> Unit {
    Unit::MASS.by(Unit::LENGTH.powi(-3)).times(density)
}

fn of(length: f64, density: f64, time: f64, velocity: f64) -> CodeUnits {
    CodeUnits {
        length: Unit::LENGTH.times(length),
        mass: Unit::MASS.times(density * length.powi(3)),
        velocity: Unit::LENGTH.by(Unit::TIME.powi(-1)).times(velocity),
        time: Unit::TIME.times(time),
    }
}

/// What fields are called, and their units.
fn known(name: &str, code: &CodeUnits, density: Unit) -> (Option<&'static str>, Option<Unit>) {
    match name {
        "Density" => (Some("density"), Some(density)),
        "Dark_Matter_Density" => (Some("dark_matter_density"), Some(density)),
        "TotalEnergy" | "Total_Energy" => (Some("specific_total_energy"), Some(code.velocity.powi(2))),
        "GasEnergy" | "Gas_Energy" | "ThermalEnergy" => {
            (Some("specific_thermal_energy"), Some(code.velocity.powi(2)))
        }
        "Temperature" => (Some("temperature"), Some(Unit::TEMPERATURE)),
        "x-velocity" => (Some("velocity_x"), Some(code.velocity)),
        "y-velocity" => (Some("velocity_y"), Some(code.velocity)),
        "z-velocity" => (Some("velocity_z"), Some(code.velocity)),
        "particle_velocity_x" => (Some("velocity_x"), Some(code.velocity)),
        "particle_velocity_y" => (Some("velocity_y"), Some(code.velocity)),
        "particle_velocity_z" => (Some("velocity_z"), Some(code.velocity)),
        "particle_index" => (Some("id"), Some(Unit::NONE)),
        "particle_type" => (Some("type"), Some(Unit::NONE)),
        name if name.starts_with("particle_position_") => (None, Some(code.length)),
        name if name.ends_with("_Density") => (None, Some(density)),
        _ => (None, None),
    }
}

fn open(given: &[PathBuf], opening: &Opening) -> Result<Contents> {
    let [given] = given else {
        return Err(Error::new(ErrorKind::Value, "an output of Enzo is named by its parameter file alone"));
    };
    let file = parameter_file(given).ok_or_else(|| {
        Error::new(ErrorKind::Format, "this is no parameter file").at("file", given.display())
    })?;
    let parameters = Parameters::read(&text(&file).at("file", file.display())?);
    if parameters.number("TopGridRank") != Some(3.0) {
        return Err(Error::new(ErrorKind::Unsupported, "only runs of three dimensions are read"));
    }
    let hierarchy = hierarchy_of(&file);
    let folder = file.parent().unwrap_or(Path::new("."));
    let grids =
        grids(&text(&hierarchy).at("file", hierarchy.display())?, folder).at("file", hierarchy.display())?;
    let (code, density, epoch, redshift) = units(&parameters).at("file", file.display())?;
    let three = |name: &str, or: f64| {
        parameters.numbers(name).and_then(|v| <[f64; 3]>::try_from(v).ok()).unwrap_or([or; 3])
    };
    let (left, right) = (three("DomainLeftEdge", 0.0), three("DomainRightEdge", 1.0));
    let periodic =
        parameters.numbers("LeftFaceBoundaryCondition").is_some_and(|v| v.iter().all(|c| *c == 3.0));
    let width = [0, 1, 2].map(|d| right[d] - left[d]);
    let mut kinds = vec![cells(&grids, &code, density, opening)?];
    kinds.extend(particles(&grids, &code, density, opening)?);
    let mut files: Vec<PathBuf> = grids.iter().map(|g| g.file.clone()).collect();
    files.sort();
    files.dedup();
    Ok(Contents {
        code: "Enzo".to_string(),
        epoch,
        redshift,
        time: parameters.number("InitialTime").map(|t| (t, code.time)),
        domain: Some(Domain { left, width, periodic }),
        units: code,
        units_from: "the parameter file".to_string(),
        kinds,
        unions: Vec::new(),
        kernel: Smoothing { kernel: Kernel::Cubic, support: 1.0 },
        gamma: parameters.number("Gamma").unwrap_or(5.0 / 3.0),
        notes: vec![format!("{} grids; cells that a finer grid covers do not count", grids.len())],
        files,
    })
}

/// The path of something of a grid.
fn path_in(grid: &Grid, name: &str) -> String {
    format!("/Grid{:08}/{name}", grid.number)
}

/// A field of several grids, one after the other.
fn joined(grids: &[&Grid], name: &str, opening: &Opening) -> Result<Array> {
    let part =
        |grid: &&Grid| Ok(Array::open_with(&grid.file, &path_in(grid, name), opening.options)?.ravel());
    let parts = grids.iter().map(part).collect::<Result<Vec<_>>>()?;
    Ok(concatenate(&parts, 0))
}

/// The cells of all grids.
fn cells(grids: &[Grid], code: &CodeUnits, density: Unit, opening: &Opening) -> Result<Kind> {
    let all: Vec<&Grid> = grids.iter().collect();
    let first = datasets(&grids[0].file, path_in(&grids[0], "").trim_end_matches('/'), opening.options)?
        .ok_or_else(|| Error::new(ErrorKind::Format, "the first grid is not in its file"))?;
    let mut fields = Vec::new();
    for found in first {
        if found.dataset.shape.as_ref().is_none_or(|s| s.len() != 3) {
            continue;
        }
        let (alias, unit) = known(&found.name, code, density);
        let array = joined(&all, &found.name, opening)?;
        fields.push(field(found.name, alias, array, unit, found.dataset.dtype.unwrap_or(DType::F64)));
    }
    let total = grids.iter().map(Grid::len).fold(0, usize::saturating_add);
    if total > MOST_CELLS {
        let e = format!("the grids have {total} cells, and at most {MOST_CELLS} are read");
        return Err(Error::new(ErrorKind::Unsupported, e));
    }
    let made = Geometry::of(grids, total);
    let memory = |v: Vec<f64>| Array::from_ndarray(Array1::from(v).into_shared());
    let axes = made.places.map(memory);
    let extra = [
        ("cell_volume", made.volumes, code.length.powi(3)),
        ("dx", made.widths, code.length),
        ("grid_level", made.levels, Unit::NONE),
    ];
    for (name, values, unit) in extra {
        let mut field = field(name.to_string(), Some(name), memory(values), Some(unit), DType::F64);
        field.unit_from = "the hierarchy".to_string();
        fields.push(field);
    }
    Ok(Kind {
        name: "cells".to_string(),
        aliases: vec!["gas".to_string(), "enzo".to_string()],
        shape: vec![total as u64],
        fields,
        filter: Some(Array::from_ndarray(Array1::from(made.leaves).into_shared())),
        positions: Positions::Axes(axes),
    })
}

fn field(
    name: String,
    alias: Option<&'static str>,
    array: Array,
    unit: Option<Unit>,
    dtype: DType,
) -> StoredField {
    let unit_from = if unit.is_some() { "its name and the parameter file" } else { "not known" }.to_string();
    StoredField { name, alias, components: 1, dtype, place: Place::Array(array), unit, unit_from }
}

/// What follows from the hierarchy for each cell, in the order of the files: the last axis is x.
struct Geometry {
    places: [Vec<f64>; 3],
    volumes: Vec<f64>,
    widths: Vec<f64>,
    levels: Vec<f64>,
    leaves: Vec<bool>,
}

impl Geometry {
    fn of(grids: &[Grid], total: usize) -> Geometry {
        let empty = || Vec::with_capacity(total);
        let mut out = Geometry {
            places: [empty(), empty(), empty()],
            volumes: empty(),
            widths: empty(),
            levels: empty(),
            leaves: Vec::with_capacity(total),
        };
        let coarsest = grids.iter().map(|g| g.width(0)).fold(0.0, f64::max);
        for grid in grids {
            let finer: Vec<&Grid> = grids
                .iter()
                .filter(|g| g.width(0) < 0.75 * grid.width(0))
                .filter(|g| (0..3).all(|d| g.left[d] < grid.right[d] && g.right[d] > grid.left[d]))
                .collect();
            let level = (coarsest / grid.width(0)).log2().round();
            let volume = (0..3).map(|d| grid.width(d)).product::<f64>();
            for k in 0..grid.cells[2] {
                for j in 0..grid.cells[1] {
                    for i in 0..grid.cells[0] {
                        let at = [i, j, k];
                        let place = [0, 1, 2].map(|d| grid.left[d] + (at[d] as f64 + 0.5) * grid.width(d));
                        let inside =
                            |g: &&&Grid| (0..3).all(|d| g.left[d] <= place[d] && place[d] < g.right[d]);
                        out.leaves.push(!finer.iter().any(|g| inside(&g)));
                        out.places.iter_mut().zip(place).for_each(|(to, v)| to.push(v));
                        out.volumes.push(volume);
                        out.widths.push(grid.width(0));
                        out.levels.push(level);
                    }
                }
            }
        }
        out
    }
}

/// The particles of all grids, if there are any.
fn particles(grids: &[Grid], code: &CodeUnits, density: Unit, opening: &Opening) -> Result<Option<Kind>> {
    let with: Vec<&Grid> = grids.iter().filter(|g| g.particles > 0).collect();
    let Some(first) = with.first() else { return Ok(None) };
    let found =
        datasets(&first.file, path_in(first, "").trim_end_matches('/'), opening.options)?.unwrap_or_default();
    let total = with.iter().map(|g| g.particles).sum();
    let mut fields = Vec::new();
    for found in found {
        if !found.name.starts_with("particle_") || found.dataset.shape.as_deref() != Some(&[first.particles])
        {
            continue;
        }
        let array = joined(&with, &found.name, opening)?;
        if array.shape()? != [total] {
            let e = Error::new(
                ErrorKind::Format,
                "grids have other numbers of particles than the hierarchy says",
            );
            return Err(e.at("dataset", &found.name));
        }
        let dtype = found.dataset.dtype.unwrap_or(DType::F64);
        if found.name == "particle_mass" {
            // What is stored is a density: the mass over the volume of a cell of its grid.
            let volume = |g: &&Grid| {
                let volume = (0..3).map(|d| g.width(d)).product::<f64>();
                Array::full(&[g.particles], volume)
            };
            let volumes = concatenate(&with.iter().map(volume).collect::<Vec<_>>(), 0);
            let mass = array.cast(DType::F64) * volumes;
            let mut mass = field("mass".into(), Some("mass"), mass, Some(code.mass), DType::F64);
            mass.unit_from = "particle_mass times the volume of a cell".to_string();
            fields.push(mass);
        }
        let (alias, unit) = match found.name.as_str() {
            "particle_mass" => (None, Some(density)),
            name => known(name, code, density),
        };
        fields.push(field(found.name, alias, array, unit, dtype));
    }
    let axis = |name: &str| fields.iter().find(|f| f.name == name).map(|f| f.place.clone());
    let positions = match ["x", "y", "z"].map(|d| axis(&format!("particle_position_{d}"))) {
        [Some(Place::Array(x)), Some(Place::Array(y)), Some(Place::Array(z))] => Positions::Axes([x, y, z]),
        _ => Positions::Nowhere("the particles have no positions".to_string()),
    };
    Ok(Some(Kind {
        name: "particles".to_string(),
        aliases: vec!["all".to_string(), "dm".to_string(), "nbody".to_string()],
        shape: vec![total],
        fields,
        filter: None,
        positions,
    }))
}
