//! Arrays of datasets in files: one, or many as one, as they are stored or as what their numbers mean.

use super::Array;
use super::calendar::{are_times, recounted};
use super::decode::decoded;
use super::shape::concatenate;
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::graph::NodeKind;
use crate::source::cf::Decoding;
use crate::source::hdf5::AttributeValue;
use crate::source::many::{Many, check_shapes};
use crate::source::parts::Parts;
use crate::source::{self, Join, OpenOptions, Own, Source};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Decodings of the files of one array that are told one by one.
const TOLD: usize = 3;

/// An array that lies in files, and what was done about its numbers when it was opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The array.
    pub array: Array,
    /// How its numbers were decoded, in words, if [`OpenOptions::decode`] asked for it and they do not stay as they
    /// are stored: `int16 × 0.01 + 273.15, missing -32767 → NaN, as float32`.
    pub decoded: Option<String>,
    /// Whether NaN stands for missing numbers in it ([`Array::has_missing`]), so that what takes no NaN is meant: `nanmean`,
    /// `nansum`.
    pub masked: bool,
    /// What else there is to say, in words: files that count as empty, dtypes that were promoted, files that a writer has
    /// open or that are cut off.
    pub notes: Vec<String>,
}

impl Opened {
    /// As [`Array::open_with`].
    ///
    /// # Errors
    /// As [`Array::open_with`].
    #[track_caller]
    pub fn open(path: impl AsRef<Path>, dataset: &str, options: OpenOptions) -> Result<Opened> {
        let at = Location::caller();
        let source = source::open_file(path.as_ref(), dataset, options)?;
        let notes: Vec<String> = source.unfinished(Own).iter().map(ToString::to_string).collect();
        if !options.decode {
            let array = Array::from_source(source, at);
            return Ok(Opened { array, decoded: None, masked: false, notes });
        }
        let decoding = decoding(source.as_ref())?;
        let array = decoded(Array::from_source(source, at), &decoding);
        let (masked, decoded) = (decoding.masks(), told(&[decoding], &[path.as_ref().to_path_buf()]));
        Ok(Opened { array, decoded, masked, notes })
    }

    /// As [`Array::open_many_with`].
    ///
    /// # Errors
    /// As [`Array::open_many_with`].
    #[track_caller]
    pub fn open_many(
        paths: impl IntoIterator<Item = impl AsRef<Path>>,
        dataset: &str,
        join: Join,
        options: OpenOptions,
    ) -> Result<Opened> {
        let at = Location::caller();
        let paths: Vec<PathBuf> = paths.into_iter().map(|p| p.as_ref().to_path_buf()).collect();
        let parts = Parts::open(&paths, dataset, options, join)?;
        let mut notes = Vec::new();
        if parts.absent > 0 {
            notes.push(format!(
                "{} of {} files have no {dataset}, and count as empty",
                parts.absent,
                paths.len()
            ));
        }
        notes.extend(unfinished(&parts));
        check_shapes(&parts.sources, join)?;
        let decodings = match options.decode {
            true => parts.sources.iter().map(|part| decoding(part.as_ref())).collect::<Result<Vec<_>>>()?,
            false => parts.sources.iter().map(|part| Decoding::none(part.dtype())).collect(),
        };
        let times = Times::of(&decodings);
        notes.extend(match &times {
            Some(times) => times.told(&decodings),
            None => units_differ(&decodings, &parts.paths),
        });
        let told = told(&decodings, &parts.paths);
        let masked = decodings.iter().any(Decoding::masks);
        if !options.promote
            && let Some(other) = decodings.iter().position(|d| d.stored != decodings[0].stored)
            && decodings.iter().any(|d| d.dtype != decodings[0].dtype)
        {
            // The error names both.
            Many::new(vec![parts.sources[0].clone(), parts.sources[other].clone()], join)?;
        }
        // Neighbours that are decoded alike are one array, decoded as one.
        let mut arrays = Vec::new();
        let mut rest = &parts.sources[..];
        let are_alike = |a: &Decoding, b: &Decoding| {
            a.is_like(b) && (times.is_none() || label(a, "units") == label(b, "units"))
        };
        for alike in decodings.chunk_by(are_alike) {
            let (these, others) = rest.split_at(alike.len());
            let joined = Arc::new(Many::new(these.to_vec(), join)?);
            let array = decoded(Array::from_source(joined, at), &Decoding::shared(&alike[0], &alike[1..]));
            arrays.push(match &times {
                Some(times) => times.counted_alike(array, &alike[0]),
                None => array,
            });
            rest = others;
        }
        if let [array] = &arrays[..] {
            return Ok(Opened { array: array.clone(), decoded: told, masked, notes });
        }
        let (Join::Concatenate { axis } | Join::Stack { axis }) = join;
        let array = concatenate(&arrays, axis);
        let dtype = array.dtype()?;
        if arrays.iter().any(|a| a.dtype().is_ok_and(|d| d != dtype)) {
            notes.push(format!("{} promoted to {dtype}", dtypes(&decodings)));
        }
        Ok(Opened { array, decoded: told, masked, notes })
    }
}

/// What there is to say where files may have less than they will have, or had.
fn unfinished(parts: &Parts) -> Option<String> {
    let found =
        || parts.sources.iter().zip(&parts.paths).filter_map(|(s, path)| Some((s.unfinished(Own)?, path)));
    let (why, path) = found().next()?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Some(match found().count() {
        1 => format!("{name}: {why}"),
        n => format!("{name} and {} other {}: {why}", n - 1, if n == 2 { "file" } else { "files" }),
    })
}

/// What a decoding says of the numbers under a name.
fn label<'a>(decoding: &'a Decoding, name: &str) -> Option<&'a str> {
    decoding.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Times of files that count from different dates, as yearly files do: they are counted as those of the first file.
struct Times {
    units: String,
    calendar: String,
}

impl Times {
    /// Nothing where the units are the same, or are no times of one calendar.
    fn of(decodings: &[Decoding]) -> Option<Times> {
        let of = |d| Some((label(d, "units")?, label(d, "calendar").unwrap_or("standard")));
        let (units, calendar) = of(decodings.first()?)?;
        let all = || decodings.iter().map(of);
        let alike = all().all(|other| other.is_some_and(|(u, c)| c == calendar && are_times(u, c)));
        let differ = all().any(|other| other.is_some_and(|(u, _)| u != units));
        (alike && differ).then(|| Times { units: units.into(), calendar: calendar.into() })
    }

    /// The times of a file, which are decoded so.
    #[track_caller]
    fn counted_alike(&self, times: Array, decoding: &Decoding) -> Array {
        match label(decoding, "units") {
            Some(units) if units != self.units => {
                let counted = recounted(&times, units, &self.units, &self.calendar).unwrap_or(times);
                let labels = decoding.labels.iter().filter(|(key, _)| key != "units");
                let labelled = labels.fold(counted, |array, (key, value)| array.annotate(key, value));
                labelled.annotate("units", &self.units)
            }
            _ => times,
        }
    }

    fn told(&self, decodings: &[Decoding]) -> Option<String> {
        let others = decodings.iter().filter(|d| label(d, "units") != Some(&self.units)).count();
        let all = decodings.len();
        Some(format!("times in other units are counted in '{}' ({others} of {all} files)", self.units))
    }
}

/// What there is to say where files do not agree on the units of their numbers: these are joined as they are.
fn units_differ(decodings: &[Decoding], paths: &[PathBuf]) -> Option<String> {
    let unit = |d: &Decoding| label(d, "units").map(str::to_string);
    let first = unit(decodings.first()?);
    let calendar = |d: &Decoding| label(d, "calendar").map(str::to_string);
    let calendars = calendar(decodings.first()?);
    if let Some((other, path)) =
        decodings.iter().map(calendar).zip(paths).find(|(other, _)| *other != calendars)
        && first.as_deref().is_some_and(|units| units.contains(" since "))
    {
        let say = |calendar: Option<String>| calendar.unwrap_or_else(|| "standard".into());
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        return Some(format!(
            "the calendars differ and times are joined as they are, without dates: {}, but {} in {name}",
            say(calendars),
            say(other)
        ));
    }
    let (other, path) = decodings.iter().map(unit).zip(paths).find(|(other, _)| *other != first)?;
    let say = |unit: Option<String>| unit.map_or("none".to_string(), |unit| format!("'{unit}'"));
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Some(format!("the units differ and are joined as they are: {}, but {} in {name}", say(first), say(other)))
}

/// `uint32 (3 files) and uint64 (1 file)`, in the order in which they come.
fn dtypes(decodings: &[Decoding]) -> String {
    let mut all: Vec<(DType, usize)> = Vec::new();
    for decoding in decodings {
        match all.iter_mut().find(|(dtype, _)| *dtype == decoding.dtype) {
            Some((_, files)) => *files += 1,
            None => all.push((decoding.dtype, 1)),
        }
    }
    let told =
        all.iter().map(|(dtype, n)| format!("{dtype} ({n} {})", if *n == 1 { "file" } else { "files" }));
    told.collect::<Vec<_>>().join(" and ")
}

impl Array {
    /// The dataset at `dataset` of an HDF5 file, or the variable of a netCDF file of any format. Reads metadata
    /// only and keeps no file open.
    ///
    /// The numbers are those that are stored: of packed data ([`Array::open_decoded`]) they mean something else.
    ///
    /// # Errors
    /// `NotFound`, `Io`, `Format` or `Type` if there is no such file or dataset, or it is not of a
    /// numeric dtype; `Unsupported` for external or virtual storage ([`Array::open_with`] can allow
    /// it).
    #[track_caller]
    pub fn open(path: impl AsRef<Path>, dataset: &str) -> Result<Array> {
        Array::open_with(path, dataset, OpenOptions::default())
    }

    /// As [`Array::open`], with the numbers as the dataset's attributes say by the CF conventions, decoded while they are
    /// read: integers by `_Unsigned` as those of the other sign, NaN for `_FillValue`, `missing_value` and what is
    /// outside of `valid_range`, `valid_min` and `valid_max`, and then times `scale_factor` plus `add_offset`.
    ///
    /// Values and dtypes are those of xarray's `decode_cf`: integers with a factor alone become floats of its dtype,
    /// with an offset as well float32 only where both are, and float64 where 4-byte integers would lose digits; those
    /// with missing values become float32 up to 2 bytes, float64 beyond; floats stay. It differs where
    ///
    /// - xarray leaves `valid_range`, `valid_min` and `valid_max` alone (netCDF4-python does not). They are of the
    ///   stored numbers, as `_FillValue` is; floats beside packed integers are of the decoded ones, as netCDF-Java has it;
    /// - a `missing_value` beside `_Unsigned` is found in the stored numbers, as `_FillValue` is, and integers are
    ///   compared as integers, not as floats;
    /// - an integer `scale_factor` makes float64, in which nothing overflows.
    ///
    /// Numbers of time (`days since …`) stay numbers; text is not read at all. Attributes that say nothing about the
    /// data (a `missing_value` that its dtype cannot have) are left aside; [`Opened`] tells of them, and of what is done.
    /// `units`, `long_name`, `standard_name` and `calendar` become annotations ([`Array::annotations`]).
    ///
    /// ```
    /// use chunkwise::sink::hdf5::{AttributeData, DatasetSpec, Hdf5Writer};
    /// use chunkwise::{Array, DType, Scalar, Session, grid::Region};
    /// # fn main() -> chunkwise::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("day.nc");
    /// let number = |v: Scalar| AttributeData::Numbers(vec![v]);
    /// let packed = DatasetSpec { attributes: vec![
    ///         ("scale_factor".into(), number(Scalar::F64(0.01))),
    ///         ("add_offset".into(), number(Scalar::F64(273.15))),
    ///         ("_FillValue".into(), number(Scalar::I16(-32767))),
    ///     ], ..DatasetSpec::new("t", &[3], DType::I16) };
    /// let writer = Hdf5Writer::create(&file, &[packed])?;
    /// let stored: Vec<u8> = [100i16, -32767, 200].iter().flat_map(|v| v.to_ne_bytes()).collect();
    /// writer.write_region(0, &Region::whole(&[3]), &stored)?;
    /// writer.finish()?;
    ///
    /// let session = Session::new()?;
    /// let t = Array::open_decoded(&file, "t")?;
    /// assert_eq!(session.compute(&t.nanmean())?.item::<f64>()?, 274.65);
    /// assert_eq!(session.compute(&Array::open(&file, "t")?.max())?.item::<i16>()?, 200);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Array::open`]; `Format` for a `scale_factor` or an `add_offset` that is not one number.
    #[track_caller]
    pub fn open_decoded(path: impl AsRef<Path>, dataset: &str) -> Result<Array> {
        Array::open_with(path, dataset, OpenOptions::new().decode())
    }

    /// As [`Array::open`], with options.
    ///
    /// # Errors
    /// As [`Array::open`].
    #[track_caller]
    pub fn open_with(path: impl AsRef<Path>, dataset: &str, options: OpenOptions) -> Result<Array> {
        Ok(Opened::open(path, dataset, options)?.array)
    }

    /// The datasets at `dataset` of many files as one array: one after the other along an axis, or
    /// side by side along a new one. Reads metadata only, by several threads, and keeps no file open,
    /// so that there may be thousands.
    ///
    /// ```
    /// use chunkwise::{Array, Join, Session, StoreOptions};
    /// # fn main() -> chunkwise::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let files = [0, 1, 2].map(|n| folder.path().join(format!("snap_{n}.h5")));
    /// # let session = Session::new()?;
    /// # for (n, file) in files.iter().enumerate() {
    /// #     let x = Array::full(&[10 + n as u64], 2.0);
    /// #     session.store(file, &[("/Density", &x)], &StoreOptions::new())?;
    /// # }
    /// let density = Array::open_many(&files, "/Density", Join::Concatenate { axis: 0 })?;
    /// assert_eq!(density.shape()?, [10 + 11 + 12]);
    /// assert_eq!(session.compute(&density.sum())?.item::<f64>()?, 66.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// With [`OpenOptions::decode`] each file is decoded by its own attributes ([`Array::open_decoded`]).
    ///
    /// # Errors
    /// As [`Array::open`] for the first file that cannot be opened, which it names ([`OpenOptions::skip_missing`]);
    /// `Shape` or `Type` if a dataset does not fit that of the first file, with both named ([`OpenOptions::promote`]); `Index` for an axis that is
    /// not there; `Value` if there are no files.
    #[track_caller]
    pub fn open_many(
        paths: impl IntoIterator<Item = impl AsRef<Path>>,
        dataset: &str,
        join: Join,
    ) -> Result<Array> {
        Array::open_many_with(paths, dataset, join, OpenOptions::default())
    }

    /// As [`Array::open_many`], with options.
    ///
    /// # Errors
    /// As [`Array::open_many`].
    #[track_caller]
    pub fn open_many_with(
        paths: impl IntoIterator<Item = impl AsRef<Path>>,
        dataset: &str,
        join: Join,
        options: OpenOptions,
    ) -> Result<Array> {
        Ok(Opened::open_many(paths, dataset, join, options)?.array)
    }

    /// The dataset as its file is now, as `h5py.Dataset.refresh`: with what a writer has appended since it was opened. Of
    /// many files all are looked at again. The array itself stays what it was; reading it is an error of kind
    /// `Changed` once its file has changed.
    ///
    /// ```
    /// use chunkwise::{Array, Session, StoreOptions};
    /// # fn main() -> chunkwise::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let file = folder.path().join("log.h5");
    /// # let session = Session::new()?;
    /// # session.store(&file, &[("/t", &Array::arange(0.0, 3.0, 1.0))], &StoreOptions::new())?;
    /// let t = Array::open(&file, "/t")?;
    /// # std::fs::remove_file(&file).unwrap();
    /// # session.store(&file, &[("/t", &Array::arange(0.0, 5.0, 1.0))], &StoreOptions::new())?;
    /// // … a writer appends …
    /// let t = t.refresh()?;
    /// assert_eq!(t.shape()?, [5]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Array::open`]; `Unsupported` for an array that is computed, or lies in no file: make it anew of refreshed ones.
    #[track_caller]
    pub fn refresh(&self) -> Result<Array> {
        let at = Location::caller();
        let node = self.node()?;
        let NodeKind::Source(source) = &node.kind else {
            let what = format!("{} is computed: refresh the datasets that it is made of", node.kind.name());
            return Err(Error::new(ErrorKind::Unsupported, what).at("operation", node.to_string()));
        };
        Ok(Array::from_source(source::refreshed(&source::foreign::spec_of(source))?, at))
    }
}

/// What the attributes of a source that was opened for it say.
fn decoding(source: &dyn Source) -> Result<Decoding> {
    let decoding = Decoding::of(source.dtype(), source.attributes(Own));
    match source.spec(Own).as_ref().and_then(|spec| spec.in_file()) {
        Some((path, dataset)) => {
            let mut decoding = decoding.at("file", path.display()).at("dataset", dataset)?;
            if label(&decoding, "units").is_none() {
                decoding.labels.extend(of_bounded(path, dataset));
            }
            Ok(decoding)
        }
        None => decoding,
    }
}

/// Units and calendar of the coordinate whose bounds a variable has, which has none itself then (CF, chapter 7.1). That it
/// is one is said by the coordinate; where to look, by the name: `time_bnds` of `time`.
fn of_bounded(path: &Path, dataset: &str) -> Vec<(String, String)> {
    let ends = ["_bnds", "_bounds", "_bnd"];
    let Some(coordinate) = ends.iter().find_map(|end| dataset.strip_suffix(end)) else { return Vec::new() };
    let Ok(coordinate) = source::object(path, coordinate, OpenOptions::new()) else { return Vec::new() };
    let text = |name: &str| {
        let found = coordinate.attributes.iter().find(|a| a.name == name)?;
        match &found.value {
            AttributeValue::Strings(texts) => texts.first().cloned(),
            _ => None,
        }
    };
    if text("bounds").as_deref() != dataset.rsplit('/').next() {
        return Vec::new();
    }
    let labels = ["units", "calendar"].into_iter();
    labels.filter_map(|name| Some((name.to_string(), text(name)?))).collect()
}

/// What was done about the numbers of these files, in words; `None` if they are as stored.
fn told(decodings: &[Decoding], paths: &[PathBuf]) -> Option<String> {
    if decodings.iter().all(|d| d.is_plain() && d.ignored.is_empty()) {
        return None;
    }
    let mut kinds: Vec<(String, Vec<&PathBuf>)> = Vec::new();
    for (decoding, path) in decodings.iter().zip(paths) {
        let text = decoding.to_string();
        match kinds.iter_mut().find(|(told, _)| *told == text) {
            Some((_, files)) => files.push(path),
            None => kinds.push((text, vec![path])),
        }
    }
    if let [(text, _)] = &kinds[..] {
        return Some(text.clone());
    }
    let name = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let mut told: Vec<String> = Vec::new();
    for (text, files) in kinds.iter().take(TOLD) {
        let more = match files.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        told.push(format!("{}{more}: {text}", name(files[0])));
    }
    let others: usize = kinds.iter().skip(TOLD).map(|(_, files)| files.len()).sum();
    if others > 0 {
        told.push(format!("{others} more files, each as its own attributes say"));
    }
    Some(told.join("; "))
}
