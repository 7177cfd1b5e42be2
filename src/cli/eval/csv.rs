//! Results as a table of text with commas (RFC 4180): a column for each, with its name above.
//!
//! Numbers are the shortest that read back to the same bits. Arrays of one axis are columns, a number is one of one row, an
//! array of two axes has a column for each place on the second, and is alone; of a histogram there are the bins' edges, their
//! counts and their sums of weights, of a profile these edges and its values. Rows along a dimension of the file begin with its
//! coordinates.

use super::asked::{Wanted, dataset_names};
use super::storing::{Parts, Stored};
use crate::cli::args::Storing;
use crate::cli::csv::{line, quoted};
use crate::cli::render::{Along, Of};
use crate::cli::targets::Written;
use crate::cli::{Done, Failure};
use chunkwise::{DType, Scalar, Value};

fn usage(what: &str) -> Failure {
    Failure::Usage(format!("--output: {what}\nhint: an .npz or .h5 file has arrays of any shapes"))
}

/// Checks that the results are a table, as far as that is known before they are computed.
///
/// # Errors
/// `Usage` for arrays that are not, and for options of other formats.
pub fn check<O: Stored>(wanted: &[Wanted<O>], storing: &Storing) -> Result<(), Failure> {
    if storing.changes() {
        return Err(Failure::Usage(
            "--output: only HDF5 files can be added to\nhint: write a new .csv file".into(),
        ));
    }
    let Storing { chunks, filter, dtype, fillvalue, dims, maxshape, attr, .. } = storing;
    if [chunks, filter, dtype, fillvalue, dims, maxshape, attr].iter().any(|given| !given.is_empty()) {
        return Err(Failure::Usage(
            "--output: a .csv file has no chunks, filters, dtypes, fill values, dimensions and attributes\nhint: leave them \
             away, or store the results in an .h5 file"
                .into(),
        ));
    }
    let mut rows = None;
    for w in wanted {
        let Some(Parts::Array(array, _)) = w.output.parts() else { continue };
        let shape = array.shape()?;
        if shape.len() > 2 || (shape.len() == 2 && wanted.len() > 1) {
            return Err(usage(&format!(
                "{} has {} axes, and a table has one column for each result",
                w.label,
                shape.len()
            )));
        }
        same(&mut rows, shape.first().copied().unwrap_or(1))?;
    }
    Ok(())
}

fn same(rows: &mut Option<u64>, own: u64) -> Result<(), Failure> {
    match rows.replace(own) {
        Some(other) if other != own => Err(usage(&format!("results of {other} and {own} rows are no table"))),
        _ => Ok(()),
    }
}

/// A column: its name, and its cells.
type Column<'a> = (String, Box<dyn Fn(usize) -> String + 'a>);

/// Writes the table.
///
/// # Errors
/// `Usage` for results that are none; `Io`.
pub fn write<O: Stored>(to: Written, wanted: &[Wanted<O>], of: &[Of], values: &[Value]) -> Done {
    let mut columns: Vec<Column> = Vec::new();
    let mut rows = None;
    let called = dataset_names(wanted);
    let results = called.clone().into_iter().zip(values).zip(wanted);
    for (n, ((name, value), Wanted { output, .. })) in results.enumerate() {
        match value {
            Value::Array(a) => {
                let wide = match *a.shape() {
                    [_, wide] => Some(wide as usize),
                    _ => None,
                };
                same(&mut rows, a.shape().first().copied().unwrap_or(1))?;
                let names = match output.parts() {
                    Some(Parts::Array(array, _)) => array.members()?.cloned(),
                    _ => None,
                };
                if let Some([edges]) = of.get(n).map(Of::edges) {
                    columns.extend(ends(&name, edges));
                }
                if let Some(along) = of.get(n).and_then(|of| of.dimension(0))
                    && !along.values.is_empty()
                    && columns.iter().map(|(name, _)| name).chain(&called).all(|name| *name != along.name)
                {
                    columns.push((along.name.clone(), Box::new(|row| place(along, row))));
                }
                let cell = std::rc::Rc::new(move |at: usize| {
                    let value = a.scalar(at);
                    match names.as_ref().and_then(|names| names.name(value?.to_i128()?)) {
                        Some(name) => quoted(name),
                        None => value.map_or(String::new(), |v| v.to_string()),
                    }
                });
                match wide {
                    None => columns.push((name, Box::new(move |row| cell(row)))),
                    Some(wide) => columns.extend((0..wide).map(|c| -> Column {
                        let cell = cell.clone();
                        (format!("{name}_{c}"), Box::new(move |row| cell(row * wide + c)))
                    })),
                }
            }
            Value::Histogram(h) if h.edges().len() == 1 => {
                let edges = &h.edges()[0];
                same(&mut rows, h.counts().len() as u64)?;
                columns.extend(ends(&name, edges));
                columns.push((format!("{name}_count"), Box::new(move |row| h.counts()[row].to_string())));
                if let Some((dtype, bytes)) = h.weights() {
                    let size = DType::size(dtype);
                    let cell = move |row: usize| {
                        Scalar::from_bytes(dtype, &bytes[row * size..][..size])
                            .map_or(String::new(), |v| v.to_string())
                    };
                    columns.push((format!("{name}_sum"), Box::new(cell)));
                }
            }
            _ => return Err(usage(&format!("{name} has several axes and is no column"))),
        }
    }
    let rows = rows.unwrap_or(0) as usize;
    to.write_with(|out| {
        line(out, columns.iter().map(|(name, _)| quoted(name)))?;
        (0..rows).try_for_each(|row| line(out, columns.iter().map(|(_, cell)| cell(row))))
    })
}

/// A coordinate, of times the date.
fn place(along: &Along, row: usize) -> String {
    along.values.get(row).map_or(String::new(), |value| quoted(&along.told(*value)))
}

/// Where bins begin and end.
fn ends<'a>(name: &str, edges: &'a [f64]) -> [Column<'a>; 2] {
    let float = |v: f64| Scalar::F64(v).to_string();
    [
        (format!("{name}_from"), Box::new(move |row| float(edges[row]))),
        (format!("{name}_to"), Box::new(move |row| float(edges[row + 1]))),
    ]
}
