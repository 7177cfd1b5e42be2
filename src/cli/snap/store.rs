//! What is stored in a file: profiles, images and tables as datasets of an HDF5 file with their units as attributes, or one
//! profile or table as text with commas.

use super::print::{Results, Saved};
use crate::cli::csv::{is_named, line, quoted};
use crate::cli::targets::Written;
use crate::cli::{Done, Failure};
use chunkwise::grid::Region;
use chunkwise::sink::hdf5::{AttributeData, DatasetSpec, Hdf5Writer};
use chunkwise::snapshot::{Image, Profiled, Table, TableColumn};
use chunkwise::{ArrayValue, DType, Error, Result, Scalar, Session};
use std::io::{self, Write};
use std::path::Path;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// With everything.
    Hdf5,
    /// One table.
    Csv,
}

impl Format {
    /// By the name of the file.
    ///
    /// # Errors
    /// `Usage` for one of neither.
    pub fn of(path: &Path) -> Result<Format, Failure> {
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("h5" | "hdf5" | "he5" | "nc") => Ok(Format::Hdf5),
            _ if is_named(path) => Ok(Format::Csv),
            _ => Err(Failure::Usage(format!(
                "--output {}: a .h5 file has profiles, images and what is saved, a .csv file one table",
                path.display()
            ))),
        }
    }
}

/// A dataset that is in memory.
type Dataset = (DatasetSpec, Vec<f64>);

fn dataset(name: String, shape: &[usize], values: Vec<f64>, about: &[(&str, AttributeData)]) -> Dataset {
    let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let attributes = about.iter().map(|(key, value)| ((*key).to_string(), value.clone())).collect();
    (DatasetSpec { attributes, ..DatasetSpec::new(name, &shape, DType::F64) }, values)
}

/// `profile_0/…` with `edges_0`, `counts` and the fields.
fn of_profile(n: usize, asked: &str, profile: &Profiled) -> Vec<Dataset> {
    let folder = format!("profile_{n}");
    let shape = profile.shape();
    let asked = ("asked", AttributeData::from(asked));
    let mut all = Vec::new();
    for (d, axis) in profile.axes.iter().enumerate() {
        let about = [("units", axis.unit.as_str().into()), ("field", axis.name.as_str().into())];
        all.push(dataset(format!("{folder}/edges_{d}"), &[axis.edges.len()], axis.edges.clone(), &about));
    }
    let counts = profile.counts.iter().map(|n| *n as f64).collect();
    all.push(dataset(format!("{folder}/counts"), &shape, counts, std::slice::from_ref(&asked)));
    let weights = profile.weights.clone();
    all.push(dataset(format!("{folder}/weights"), &shape, weights, std::slice::from_ref(&asked)));
    for field in &profile.fields {
        let name = format!("{folder}/{}", field.name.replace('/', "_"));
        let about = [asked.clone(), ("units", field.unit.as_str().into())];
        all.push(dataset(name.clone(), &shape, field.values.clone(), &about));
        if let Some(std) = &field.std {
            all.push(dataset(format!("{name}_std"), &shape, std.clone(), &about));
        }
    }
    all
}

/// `image_0` with where it begins and ends.
fn of_image(n: usize, image: &Image, code_length_cm: f64) -> Dataset {
    let numbers = |v: &[f64]| AttributeData::Numbers(v.iter().map(|v| Scalar::F64(*v)).collect());
    let mut about = vec![
        ("units", image.unit.as_str().into()),
        ("field", image.name.as_str().into()),
        ("lower_corner", numbers(&[image.x.low, image.y.low])),
        ("upper_corner", numbers(&[image.x.high, image.y.high])),
        ("code_length_cm", numbers(&[code_length_cm])),
        ("seen_along", image.along.name().into()),
    ];
    for (name, vector) in ["right", "up", "out"].iter().zip(image.turned.iter().flatten()) {
        about.push((*name, numbers(vector)));
    }
    let shape = [image.y.pixels as usize, image.x.pixels as usize];
    let (mut spec, values) = dataset(format!("image_{n}"), &shape, image.values.clone(), &about);
    spec.dims = vec![image.y.axis.name().to_string(), image.x.axis.name().to_string()];
    (spec, values)
}

/// A column of a table of so many rows.
fn of_column(table: &Table, column: &TableColumn, rows: u64, object: &str) -> DatasetSpec {
    let name = format!("{}/{}", table.kind.replace('/', "_"), column.name.replace('/', "_"));
    let about = [("units", column.unit.as_str()), ("object", object)];
    let attributes = about.map(|(key, text)| (key.to_string(), text.into())).into();
    DatasetSpec { attributes, ..DatasetSpec::new(name, &column.shape(rows), column.dtype) }
}

/// Writes all of it to an HDF5 file, tables part by part, and says what was saved.
///
/// # Errors
/// Those of writing, and of computing tables.
pub fn hdf5(
    path: &Path,
    results: &Results,
    tables: &[Table],
    overwrite: bool,
    session: &Session,
) -> Result<Vec<Saved>> {
    let length = results.length.in_cgs(results.epoch);
    let profiles = results.profiles.iter().enumerate();
    let mut made: Vec<Dataset> = profiles.flat_map(|(n, (asked, p))| of_profile(n, asked, p)).collect();
    made.extend(results.images.iter().enumerate().map(|(n, image)| of_image(n, image, length)));
    let rows = tables.iter().map(|t| t.rows(session)).collect::<Result<Vec<_>>>()?;
    let mut specs: Vec<DatasetSpec> = made.iter().map(|(spec, _)| spec.clone()).collect();
    for (table, rows) in tables.iter().zip(&rows) {
        specs.extend(table.columns.iter().map(|c| of_column(table, c, rows.count, &results.object)));
    }
    let create = if overwrite { Hdf5Writer::create } else { Hdf5Writer::create_new };
    let writer = create(path, &specs)?;
    for (n, (spec, values)) in made.iter().enumerate() {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_ne_bytes()).collect();
        writer.write_region(n, &Region::whole(&spec.shape), &bytes)?;
    }
    let mut first = made.len();
    for (table, rows) in tables.iter().zip(&rows) {
        let mut at = 0;
        table.parts(rows, session, |columns: &[ArrayValue]| -> Result<()> {
            let many = columns.first().map_or(0, |c| c.shape()[0]);
            for (n, values) in columns.iter().enumerate() {
                let mut region = Region::whole(values.shape());
                region.start[0] = at;
                writer.write_region(first + n, &region, values.bytes())?;
            }
            at += many;
            Ok(())
        })?;
        first += table.columns.len();
    }
    writer.finish()?;
    Ok(tables.iter().zip(&rows).map(|(t, rows)| Saved::of(t, rows.count)).collect())
}

/// Checks that there is one table to write.
///
/// # Errors
/// `Usage` if there are none or several, or images.
pub fn check_csv(profiles: usize, images: usize, tables: usize) -> Done {
    match (profiles + tables, images) {
        (1, 0) => Ok(()),
        (_, 0) => Err(Failure::Usage(
            "--output: a .csv file has one table, of one profile or one --save\nhint: a .h5 file has several"
                .into(),
        )),
        _ => Err(Failure::Usage("--output: an image is no table\nhint: a .h5 file has images".into())),
    }
}

/// What can end the writing of a table.
enum Stop {
    Writing(io::Error),
    Run(Error),
}

impl From<Error> for Stop {
    fn from(e: Error) -> Stop {
        Stop::Run(e)
    }
}

/// Writes the one table that there is, as text, and says what was saved.
///
/// # Errors
/// Those of writing, and of computing it.
pub fn csv(
    to: Written,
    results: &Results,
    tables: &[Table],
    session: &Session,
) -> Result<Vec<Saved>, Failure> {
    let Some(table) = tables.first() else {
        let (_, profile) = &results.profiles[0];
        to.write_with(|out| profile_lines(out, profile))?;
        return Ok(Vec::new());
    };
    let rows = table.rows(session)?;
    let mut failed = None;
    let written = to.write_with(|out| {
        line(out, table.columns.iter().flat_map(names_of).map(|name| quoted(&name)))?;
        let done = table.parts(&rows, session, |columns| table_lines(out, columns).map_err(Stop::Writing));
        done.map_err(|stop| match stop {
            Stop::Writing(e) => e,
            Stop::Run(e) => {
                failed = Some(e);
                io::ErrorKind::Other.into()
            }
        })
    });
    match failed {
        Some(e) => Err(e.into()),
        None => written.map(|()| vec![Saved::of(table, rows.count)]),
    }
}

/// A name with its unit, as it would be asked for.
fn headed(name: &str, unit: &str) -> String {
    if unit.is_empty() { name.to_string() } else { format!("{name} [{unit}]") }
}

/// What the columns are called that a column of several numbers makes.
fn names_of(column: &TableColumn) -> Vec<String> {
    let of = |end: String| headed(&format!("{}_{end}", column.name), &column.unit);
    match column.components {
        1 if column.shape(0).len() == 1 => vec![headed(&column.name, &column.unit)],
        3 => ["x", "y", "z"].map(|axis| of(axis.to_string())).into(),
        n => (0..n).map(|d| of(d.to_string())).collect(),
    }
}

fn table_lines(out: &mut dyn Write, columns: &[ArrayValue]) -> io::Result<()> {
    let rows = columns.first().map_or(0, |c| c.shape()[0] as usize);
    let wide = |c: &ArrayValue| c.shape().get(1).map_or(1, |n| *n as usize);
    for row in 0..rows {
        let cells = columns.iter().flat_map(|c| (0..wide(c)).map(move |d| c.scalar(row * wide(c) + d)));
        line(out, cells.map(|v| v.map_or(String::new(), |v| v.to_string())))?;
    }
    Ok(())
}

/// A line for each bin, the last axis fastest.
fn profile_lines(out: &mut dyn Write, profile: &Profiled) -> io::Result<()> {
    let ends = |a: &chunkwise::snapshot::ProfiledAxis| {
        ["from", "to"].map(|end| headed(&format!("{}_{end}", a.name), &a.unit))
    };
    let mut names: Vec<String> = profile.axes.iter().flat_map(ends).collect();
    names.extend(["rows", "weights"].map(str::to_string));
    for field in &profile.fields {
        names.push(headed(&field.name, &field.unit));
        names.extend(field.std.as_ref().map(|_| headed(&format!("{}_std", field.name), &field.unit)));
    }
    line(out, names.iter().map(|name| quoted(name)))?;
    let float = |v: f64| Scalar::F64(v).to_string();
    let shape: Vec<u64> = profile.shape().iter().map(|&n| n as u64).collect();
    for bin in 0..profile.counts.len() {
        let place = chunkwise::grid::unravel(bin as u64, &shape);
        let edges = profile.axes.iter().zip(&place);
        let mut cells: Vec<String> = edges
            .flat_map(|(axis, &at)| [axis.edges[at as usize], axis.edges[at as usize + 1]].map(float))
            .collect();
        cells.push(profile.counts[bin].to_string());
        cells.push(float(profile.weights[bin]));
        for field in &profile.fields {
            cells.push(float(field.values[bin]));
            cells.extend(field.std.as_ref().map(|std| float(std[bin])));
        }
        line(out, cells.into_iter())?;
    }
    Ok(())
}
