//! The dimensions of results that are stored: names as `--dims` says or as the arrays know them, with the coordinates beside
//! them, as xarray stores them.

use crate::cli::Failure;
use crate::cli::output::note;
use chunkwise::text::printable;
use chunkwise::{Array, Device, Dimension, Result, Session};

/// The dimensions of a file.
pub struct Axes {
    /// The results' names, and of those with one axis its length.
    results: Vec<(String, Option<u64>)>,
    scales: Vec<Scale>,
}

struct Scale {
    name: String,
    len: u64,
    coordinates: Option<Array>,
}

impl Axes {
    /// None yet, of a file with these results.
    pub fn new<'r>(results: impl Iterator<Item = (&'r str, Option<&'r Array>)>) -> Axes {
        let one_axis = |array: &Array| match array.shape() {
            Ok([len]) => Some(*len),
            _ => None,
        };
        let results = results.map(|(name, array)| (name.to_string(), array.and_then(one_axis))).collect();
        Axes { results, scales: Vec::new() }
    }

    /// The names of the axes of an array that is stored as `result`: those that are said, or that it knows. Axes without one
    /// beside others with one are `dim_0` and so on, as xarray calls them.
    ///
    /// # Errors
    /// `Usage` for a name that is said of axes with different coordinates; as [`Session::compute`].
    pub fn of(
        &mut self,
        result: &str,
        array: &Array,
        said: Option<&[String]>,
    ) -> Result<Vec<String>, Failure> {
        let shape = array.shape()?;
        let known = array.dimensions()?;
        // How many names there must be is said where the dataset is made.
        if said.is_some_and(|names| names.len() != shape.len())
            || (said.is_none() && known.iter().all(Option::is_none))
        {
            return Ok(said.unwrap_or_default().to_vec());
        }
        let mut names: Vec<String> = Vec::with_capacity(shape.len());
        for (axis, (dimension, &len)) in known.iter().zip(shape).enumerate() {
            let coordinates = dimension.as_ref().and_then(|d| coordinates(d, len));
            let name = match said {
                Some(names) => names[axis].clone(),
                None => {
                    let own = dimension.as_ref().map(Dimension::name).filter(|name| !name.contains('/'));
                    self.free(
                        result,
                        own.unwrap_or(&format!("dim_{axis}")),
                        len,
                        coordinates.as_ref(),
                        &names,
                    )?
                }
            };
            self.enter(&name, len, coordinates, said.is_some())?;
            names.push(name);
        }
        Ok(names)
    }

    /// The first of `name`, `name_2` … that is no other dimension and no other result.
    fn free(
        &self,
        result: &str,
        name: &str,
        len: u64,
        own: Option<&Array>,
        taken: &[String],
    ) -> Result<String> {
        let fits = |name: &str| -> Result<bool> {
            // A result of one axis that has the name is the coordinate.
            let other = |(r, length): &(String, Option<u64>)| match r.strip_prefix(name) {
                Some("") => *length != Some(len),
                // It is a group, with results in it.
                rest => rest.is_some_and(|rest| rest.starts_with('/')),
            };
            if taken.iter().any(|t| t == name) || self.results.iter().any(other) {
                return Ok(false);
            }
            // A coordinate is along itself.
            if result == name {
                return Ok(true);
            }
            match self.scales.iter().find(|s| s.name == name) {
                Some(scale) => Ok(scale.len == len && self.same(scale.coordinates.as_ref(), own)?),
                None => Ok(true),
            }
        };
        let mut tried = name.to_string();
        for n in 2.. {
            if fits(&tried)? {
                break;
            }
            tried = format!("{name}_{n}");
        }
        Ok(tried)
    }

    fn enter(&mut self, name: &str, len: u64, own: Option<Array>, said: bool) -> Result<(), Failure> {
        let Some(at) = self.scales.iter().position(|s| s.name == name) else {
            self.scales.push(Scale { name: name.into(), len, coordinates: own });
            return Ok(());
        };
        let there = self.scales[at].coordinates.clone();
        match (there, own) {
            // Two lengths of one name are refused where the file is made.
            _ if self.scales[at].len != len => {}
            (None, Some(own)) => self.scales[at].coordinates = Some(own),
            (Some(there), Some(own)) if said && !self.same(Some(&there), Some(&own))? => {
                return Err(Failure::Usage(format!(
                    "--dims: the dimension '{}' has different coordinates in different results\nhint: give one of them \
                     another name, as in --dims NAME={}_2,…",
                    printable(name),
                    printable(name)
                )));
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether two coordinates are the same numbers in the same units.
    fn same(&self, a: Option<&Array>, b: Option<&Array>) -> Result<bool> {
        let (a, b) = match (a, b) {
            (Some(a), Some(b)) => (a, b),
            // What has none can lie along any.
            _ => return Ok(a.is_none() == b.is_none()),
        };
        if a.dtype()? != b.dtype()? || a.annotations()? != b.annotations()? {
            return Ok(false);
        }
        // A run of its own, which is none of those that are shown, measured and cancelled.
        let session = Session::builder().device(Device::Cpu).threads(1).memory("64MiB").build()?;
        session.compute(&a.equal(b).all())?.item::<bool>()
    }

    /// The coordinates that are stored beside the results.
    pub fn coordinates(self) -> impl Iterator<Item = (String, Array)> {
        let Axes { results, scales, .. } = self;
        scales
            .into_iter()
            .filter(move |scale| results.iter().all(|(name, _)| *name != scale.name))
            .filter_map(|scale| Some((scale.name, scale.coordinates?)))
    }
}

/// The coordinates along an axis; what cannot be read is said, and is none.
fn coordinates(dimension: &Dimension, len: u64) -> Option<Array> {
    let found = dimension.coordinates().unwrap_or_else(|e| {
        note(&format!(
            "the coordinates of '{}' cannot be read: {}",
            printable(dimension.name()),
            e.message()
        ));
        None
    });
    found.filter(|array| array.shape().is_ok_and(|shape| shape == [len]))
}
