//! How results are stored: what `--chunks`, `--filter` and the like say, of all results or of one.

use super::asked::{Wanted, dataset_names};
use super::axes::Axes;
use super::bins_of;
use crate::cli::Failure;
use crate::cli::args::Storing;
use crate::cli::chunks::{Chunks, chunks};
use crate::cli::output;
use chunkwise::expr::Output;
use chunkwise::grid::show_shape;
use chunkwise::sink::Format;
use chunkwise::sink::hdf5::{AttributeData, Filter};
use chunkwise::text::printable;
use chunkwise::{Array, DType, Members, Scalar, Store, StoreOptions};
use std::path::Path;

/// What an option says: of one result, or of all that nothing else is said of.
struct Said<T> {
    of: Option<String>,
    value: T,
}

/// The values of an option.
struct Sayings<T> {
    option: &'static str,
    all: Vec<Said<T>>,
}

impl<T> Sayings<T> {
    /// Reads `[NAME=]VALUE` texts, where NAME is one of `names`.
    fn read(
        option: &'static str,
        given: &[String],
        names: &[String],
        value: impl Fn(&str) -> chunkwise::Result<T>,
    ) -> Result<Self, Failure> {
        let said = |text: &String| {
            let (of, rest) = match text.split_once('=') {
                Some((name, rest)) => (Some(known(option, text, name, names)?), rest),
                None => (None, text.as_str()),
            };
            let value = value(rest).map_err(|e| Failure::Usage(format!("{option} {text}: {e}")))?;
            Ok(Said { of, value })
        };
        Ok(Sayings { option, all: given.iter().map(said).collect::<Result<_, Failure>>()? })
    }

    /// What is said of the result called `name`.
    fn of(&self, name: &str) -> Option<&T> {
        let named = self.all.iter().rev().find(|s| s.of.as_deref() == Some(name));
        named.or(self.of_all()).map(|s| &s.value)
    }

    fn of_all(&self) -> Option<&Said<T>> {
        self.all.iter().rev().find(|s| s.of.is_none())
    }

    /// What is said of that result by its name.
    fn named(&self, name: &str) -> Option<&T> {
        self.all.iter().rev().find(|s| s.of.as_deref() == Some(name)).map(|s| &s.value)
    }

    /// What is said of all results is of arrays, where there is one.
    fn check(&self, arrays: usize) -> Result<(), Failure> {
        match self.of_all() {
            Some(_) if arrays == 0 => Err(Failure::Usage(format!(
                "{}: there is no array among the results\nhint: {0} NAME=… says it of a histogram",
                self.option
            ))),
            _ => Ok(()),
        }
    }
}

fn known(option: &str, text: &str, name: &str, names: &[String]) -> Result<String, Failure> {
    let name = name.trim().trim_matches('/');
    match names.iter().any(|n| n == name) {
        true => Ok(name.to_string()),
        false => Err(Failure::Usage(format!(
            "{option} {text}: no result is called '{name}'\nhint: the results are {}",
            names.join(", ")
        ))),
    }
}

fn wrong(what: String) -> chunkwise::Error {
    chunkwise::Error::new(chunkwise::ErrorKind::Value, what)
}

fn maxshape(text: &str) -> chunkwise::Result<Vec<Option<u64>>> {
    let one = |n: &str| match n.trim() {
        "none" => Some(None),
        n => n.parse().ok().map(Some),
    };
    text.split(',')
        .map(one)
        .collect::<Option<_>>()
        .ok_or_else(|| wrong("maxshape has a length or none for each axis, as in none,64".into()))
}

/// Where a region begins, and its lengths where they are said.
type Slices = Vec<(u64, Option<u64>)>;

fn region(text: &str) -> chunkwise::Result<Slices> {
    let one = |slice: &str| {
        let (start, stop) = slice.trim().split_once(':')?;
        let start = if start.is_empty() { 0 } else { start.parse().ok()? };
        let stop: Option<u64> = if stop.is_empty() { None } else { Some(stop.parse().ok()?) };
        match stop {
            Some(stop) => Some((start, Some(stop.checked_sub(start)?))),
            None => Some((start, None)),
        }
    };
    text.split(',')
        .map(one)
        .collect::<Option<_>>()
        .ok_or_else(|| wrong("a region is a slice for each axis, as in 10:20,:,0:5".into()))
}

fn axis(text: &str) -> chunkwise::Result<usize> {
    text.trim().parse().map_err(|_| wrong("an axis is a number from 0".into()))
}

/// A result that goes into a dataset of the file.
fn part_of_it(
    store: Store,
    name: &str,
    array: &Array,
    axis: Option<usize>,
    region: Option<&Slices>,
) -> Result<Store, Failure> {
    let Some(region) = region else {
        return Ok(store.extend(name, array, axis.unwrap_or_default()));
    };
    if axis.is_some() {
        return Err(Failure::Usage(format!("--append-axis and --region are both of {name}")));
    }
    let shape = array.shape()?;
    let says = |((_, len), n): (&(u64, Option<u64>), &u64)| len.is_none_or(|len| len == *n);
    if region.len() != shape.len() || !region.iter().zip(shape).all(says) {
        return Err(Failure::Usage(format!(
            "--region: {name} has shape {}, which is not that of the region\nhint: 10:, begins at 10 and is as long as the \
             result",
            show_shape(shape)
        )));
    }
    Ok(store.region(name, array, &region.iter().map(|r| r.0).collect::<Vec<_>>()))
}

fn dtype(text: &str) -> chunkwise::Result<DType> {
    DType::from_name(text.trim()).ok_or_else(|| {
        let names: Vec<&str> = DType::ALL.iter().map(|d| d.name()).collect();
        wrong(format!("there is no dtype '{text}'")).hint(format!("the dtypes are {}", names.join(", ")))
    })
}

fn number(text: &str) -> chunkwise::Result<Scalar> {
    let text = text.trim();
    let unsigned = || text.parse().ok().map(Scalar::U64);
    let float = || text.to_lowercase().parse().ok().map(Scalar::F64);
    match text {
        "True" => Some(Scalar::Bool(true)),
        "False" => Some(Scalar::Bool(false)),
        _ => text.parse().ok().map(Scalar::I64).or_else(unsigned).or_else(float),
    }
    .ok_or_else(|| wrong(format!("'{text}' is no number")))
}

/// A number, a list of numbers or a text in quotes as JSON has them, or any other text as it is.
fn attribute(text: &str) -> chunkwise::Result<AttributeData> {
    use serde_json::Value;
    let integers =
        |all: &[Value]| all.iter().map(|v| v.as_i64().map(Scalar::I64)).collect::<Option<Vec<_>>>();
    let floats = |all: &[Value]| all.iter().map(|v| v.as_f64().map(Scalar::F64)).collect::<Option<Vec<_>>>();
    let numbers = |all: &[Value]| {
        let scalars = integers(all).or_else(|| floats(all)).filter(|all| !all.is_empty());
        scalars.map(AttributeData::Numbers).ok_or_else(|| {
            wrong(format!("{text} is no list of numbers")).hint("write texts without brackets, or in quotes")
        })
    };
    Ok(match serde_json::from_str::<Value>(text) {
        Ok(Value::String(text)) => AttributeData::Text(text),
        Ok(v @ Value::Number(_)) => numbers(&[v])?,
        Ok(Value::Array(all)) => numbers(&all)?,
        _ => AttributeData::Text(text.into()),
    })
}

/// `[NAME@]KEY=VALUE`.
fn attributes(given: &[String], names: &[String]) -> Result<Vec<Said<(String, AttributeData)>>, Failure> {
    let usage = |text: &str, what: &str| Failure::Usage(format!("--attr {text}: {what}"));
    let said = |text: &String| {
        let (key, value) = text.split_once('=').ok_or_else(|| {
            usage(text, "an attribute has a value\nhint: write --attr units=K, or y@units=K of one result")
        })?;
        let (of, key) = match key.split_once('@') {
            // Of the file.
            Some(("" | "/", key)) => (Some("/".to_string()), key),
            Some((name, key)) => (Some(known("--attr", text, name, names)?), key),
            None => (None, key),
        };
        if key.trim().is_empty() {
            return Err(usage(text, "an attribute has a name"));
        }
        let value = attribute(value).map_err(|e| usage(text, &e.to_string()))?;
        Ok(Said { of, value: (key.trim().to_string(), value) })
    };
    given.iter().map(said).collect()
}

/// Checks that results can be stored under a name with that ending.
///
/// # Errors
/// `Usage` for one of a format that is not written.
pub fn check_ending(path: &Path) -> Result<(), Failure> {
    match Format::of(path) {
        Ok(_) => Ok(()),
        Err(e) => Err(Failure::Usage(format!(
            "--output {}: {}\nhint: HDF5 is .h5, .hdf5, .hdf, .he5, .nc or .nc4; others are .npy, .npz and .csv",
            path.display(),
            e.message()
        ))),
    }
}

/// Names that a note lists.
const NAMED: usize = 12;

/// Says what numbers stand for that are stored without their names.
fn tell_members(name: &str, members: &Members) {
    let mut list: Vec<String> =
        members.iter().take(NAMED).map(|(value, name)| format!("{value} is {}", printable(name))).collect();
    if members.iter().len() > NAMED {
        list.push("…".into());
    }
    output::note(&format!(
        "{name} is stored as numbers, for such a file has no names for them: {}",
        list.join(", ")
    ));
}

/// The arrays that a result is stored as.
pub enum Parts {
    /// Itself, and if it is a profile the edges of its bins along each axis.
    Array(Array, Vec<Array>),
    /// The counts of its bins, their sums of weights, and the edges along each dimension.
    Histogram(Array, Option<Array>, Vec<Array>),
}

/// What can be stored, computed or not.
pub trait Stored {
    /// Its arrays; nothing if it cannot be stored.
    fn parts(&self) -> Option<Parts>;
}

impl Stored for Output {
    fn parts(&self) -> Option<Parts> {
        match self {
            Output::Array(array) => {
                // What cannot be has no bins, and is an error when it is stored.
                let bins = bins_of(array).unwrap_or_default();
                Some(Parts::Array(array.clone(), bins.into_iter().map(|axis| axis.edges).collect()))
            }
            Output::Histogram(h) => {
                let edges = (0..h.dimensions()).map(|d| h.edges(d)).collect();
                Some(Parts::Histogram(h.counts(), h.is_weighted().then(|| h.sums()), edges))
            }
            _ => None,
        }
    }
}

/// The file that the results are stored in: of a histogram a group with its counts, its sums of weights, and its edges; the
/// edges of a profile's bins beside it.
///
/// # Errors
/// What an option cannot say; a result that cannot be stored.
pub fn store<O: Stored>(path: &Path, wanted: &[Wanted<O>], args: &Storing) -> Result<Store, Failure> {
    let names = dataset_names(wanted);
    let chunks = Sayings::read("--chunks", &args.chunks, &names, chunks)?;
    let filters = Sayings::read("--filter", &args.filter, &names, Filter::list)?;
    let dtypes = Sayings::read("--dtype", &args.dtype, &names, dtype)?;
    let fills = Sayings::read("--fillvalue", &args.fillvalue, &names, number)?;
    let dims = Sayings::read("--dims", &args.dims, &names, |text| {
        Ok(text.split(',').map(|n| n.trim().to_string()).collect::<Vec<_>>())
    })?;
    let most = Sayings::read("--maxshape", &args.maxshape, &names, maxshape)?;
    let ends = Sayings::read("--append-axis", &args.append_axis, &names, axis)?;
    let regions = Sayings::read("--region", &args.region, &names, region)?;
    let attributes = attributes(&args.attr, &names)?;
    let parts: Vec<Option<Parts>> = wanted.iter().map(|w| w.output.parts()).collect();
    let arrays = parts.iter().filter(|p| matches!(p, Some(Parts::Array(..)))).count();
    chunks.check(arrays)?;
    dtypes.check(arrays)?;
    fills.check(arrays)?;
    dims.check(arrays)?;
    most.check(arrays)?;
    ends.check(arrays)?;
    regions.check(arrays)?;

    let format = Format::of(path)?;
    let array_of = |parts: &Option<Parts>| match parts {
        Some(Parts::Array(array, _)) => Some(array.clone()),
        _ => None,
    };
    let stored: Vec<Option<Array>> = parts.iter().map(array_of).collect();
    let mut axes = Axes::new(names.iter().map(String::as_str).zip(stored.iter().map(Option::as_ref)));
    // Files of NumPy have no dimensions, and those of a file that is there are its own.
    let knows = format == Format::Hdf5 && !args.changes();
    let mut dimensions = |name: &str, array: &Array| -> Result<Vec<String>, Failure> {
        let said = match dims.named(name) {
            Some(names) => Some(&names[..]),
            // What is said of all is of a coordinate that it is along itself.
            None => dims.of(name).map(|all| match all.iter().position(|n| n == name) {
                Some(own) if array.ndim().is_ok_and(|rank| rank == 1) => &all[own..=own],
                _ => &all[..],
            }),
        };
        match said {
            Some([none]) if none == "none" => Ok(Vec::new()),
            said if knows => axes.of(name, array, said),
            said => Ok(said.unwrap_or_default().to_vec()),
        }
    };
    let options = |name: &str, histogram: bool| {
        let mut options = StoreOptions::new();
        // What is said of all results is of arrays, but for filters and attributes.
        match if histogram { chunks.named(name) } else { chunks.of(name) } {
            Some(Chunks::Shape(shape)) => options = options.chunks(shape),
            Some(Chunks::Contiguous) => options = options.contiguous(),
            Some(Chunks::Auto) | None => {}
        }
        if let Some(filters) = filters.of(name) {
            options = options.filters(filters);
        }
        if let Some(&dtype) = if histogram { dtypes.named(name) } else { dtypes.of(name) } {
            options = options.dtype(dtype);
        }
        if let Some(&value) = if histogram { fills.named(name) } else { fills.of(name) } {
            options = options.fillvalue(value);
        }
        if let Some(names) = dims.named(name).filter(|_| histogram) {
            options = options.dims(&names.iter().map(String::as_str).collect::<Vec<_>>());
        }
        if let Some(most) = if histogram { most.named(name) } else { most.of(name) } {
            options = options.maxshape(most);
        }
        for said in attributes.iter().filter(|s| s.of.as_deref().is_none_or(|of| of == name)) {
            options = options.attribute(&said.value.0, said.value.1.clone());
        }
        options
    };
    let mut store = Store::new(path);
    for said in attributes.iter().filter(|s| s.of.as_deref() == Some("/")) {
        store = store.attribute(&said.value.0, said.value.1.clone());
    }
    for (name, parts) in names.iter().zip(&parts) {
        let (counts, sums, edges) = match parts {
            Some(Parts::Array(array, _)) if ends.of(name).is_some() || regions.of(name).is_some() => {
                let options = options(name, false);
                if options != StoreOptions::new() || dims.of(name).is_some() {
                    return Err(Failure::Usage(format!(
                        "--output: {name} goes into a dataset, which stays as it is\nhint: chunks, filters and the like are \
                         said where a dataset is made"
                    )));
                }
                store = part_of_it(store, name, array, ends.of(name).copied(), regions.of(name))?;
                continue;
            }
            Some(Parts::Array(array, edges)) => {
                let mut array = array.clone();
                if let Some(members) = array.members()?.filter(|_| format != Format::Hdf5) {
                    tell_members(name, members);
                    array = array.without_members();
                }
                if array.members()?.is_some_and(|members| members.without_empty().is_some()) {
                    output::note(&format!("{name}: texts without a letter are stored as '(empty)'"));
                }
                let own = dimensions(name, &array)?;
                let own: Vec<&str> = own.iter().map(String::as_str).collect();
                store = store.dataset_with(name, &array, &options(name, false).dims(&own));
                // A file of one array has no place for more.
                if format != Format::Npy {
                    store = with_edges(store, &format!("{name}_edges"), edges);
                }
                continue;
            }
            Some(Parts::Histogram(counts, sums, edges)) => (counts, sums, edges),
            None => return Err(Failure::Usage(format!("--output: {name} cannot be stored"))),
        };
        let options = options(name, true);
        store = store.dataset_with(&format!("{name}/counts"), counts, &options);
        if let Some(sums) = sums {
            store = store.dataset_with(&format!("{name}/sums"), sums, &options);
        }
        store = with_edges(store, &format!("{name}/edges"), edges);
    }
    for (name, coordinates) in axes.coordinates() {
        let mut options = StoreOptions::new().dims(&[&name]);
        if let Some(members) = coordinates.members()? {
            // netCDF's enums are no coordinates to most; CF has flags.
            let values =
                members.iter().filter_map(|(value, _)| i64::try_from(value).ok()).map(Scalar::I64).collect();
            let members = members.without_empty().unwrap_or_else(|| (**members).clone());
            let meanings: Vec<String> =
                members.iter().map(|(_, name)| name.replace(char::is_whitespace, "_")).collect();
            options = options.attribute("flag_values", AttributeData::Numbers(values));
            options = options.attribute("flag_meanings", meanings.join(" "));
        }
        let mut numbers = coordinates.without_members();
        if numbers.dtype()? == DType::Bool {
            numbers = numbers.cast(DType::U8);
        }
        store = store.dataset_with(&name, &numbers, &options);
    }
    Ok(store)
}

/// The edges along each axis: `edges`, or `edges_0` and so on.
fn with_edges(store: Store, name: &str, edges: &[Array]) -> Store {
    match edges {
        [edges] => store.dataset(name, edges),
        all => all
            .iter()
            .enumerate()
            .fold(store, |store, (d, edges)| store.dataset(&format!("{name}_{d}"), edges)),
    }
}
