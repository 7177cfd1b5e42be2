//! Dimension names as dimension scales, as netCDF-4 and h5netcdf read them.
//!
//! Names are those of the file's root. A dataset of one axis that lies in the root under the name of a dimension is the
//! scale of that dimension: its coordinate. Of other dimensions there is a scale without values, as netCDF-4 writes a
//! dimension without a variable.

use super::spec::DatasetSpec;
use crate::error::{Error, ErrorKind, Result};
use crate::h5::{self, Id, Reference};

/// A dimension of a file.
#[derive(Debug)]
pub(super) struct Scale {
    name: String,
    len: u64,
    grows: bool,
    /// The dataset that is its coordinate.
    coordinate: Option<usize>,
}

/// The scales of a file, and those of each dataset's axes.
#[derive(Debug)]
pub(super) struct Plan {
    scales: Vec<Scale>,
    of: Vec<Vec<usize>>,
}

/// Finds the scales of datasets that are checked.
///
/// # Errors
/// `Value` for a name that has two lengths, is no name, is that of another dataset, or is there twice in a dataset.
pub(super) fn plan(datasets: &[DatasetSpec]) -> Result<Plan> {
    let wrong = |d: &DatasetSpec, what: String, hint: &str| {
        Err(Error::new(ErrorKind::Value, what).at("dataset", &d.name).hint(hint))
    };
    let mut plan = Plan { scales: Vec::new(), of: Vec::new() };
    for d in datasets {
        let mut own: Vec<usize> = Vec::new();
        for (axis, name) in d.dims.iter().enumerate() {
            let (len, grows) = (d.shape[axis], d.grows(axis));
            if name.is_empty() || name.contains('/') || name == "." {
                return wrong(d, format!("'{name}' can be no dimension"), "a dimension has a name without /");
            }
            let at = match plan.scales.iter().position(|s| s.name == *name) {
                Some(at) => at,
                None => {
                    plan.scales.push(Scale { name: name.clone(), len, grows, coordinate: None });
                    plan.scales.len() - 1
                }
            };
            if own.contains(&at) {
                return wrong(
                    d,
                    format!("the dimension '{name}' is there twice"),
                    "give each axis its own name",
                );
            }
            let scale = &mut plan.scales[at];
            scale.grows |= grows;
            if scale.len != len {
                let what =
                    format!("the dimension '{name}' has length {len} here and {} elsewhere", scale.len);
                return wrong(d, what, "give dimensions of different lengths different names");
            }
            own.push(at);
        }
        plan.of.push(own);
    }
    for scale in &mut plan.scales {
        let Some((n, d)) = datasets.iter().enumerate().find(|(_, d)| d.name.trim_matches('/') == scale.name)
        else {
            continue;
        };
        if d.shape != [scale.len] {
            return wrong(
                d,
                format!("it has the name of a dimension of length {}, and is no coordinate of it", scale.len),
                "give the dataset, or the dimension, another name",
            );
        }
        scale.coordinate = Some(n);
    }
    Ok(plan)
}

/// Writes the scales, and who has which.
///
/// # Errors
/// `Io`.
pub(super) fn write(file: &Id, plan: &Plan, datasets: &[&Id]) -> Result<()> {
    let references: Vec<Reference> = datasets
        .iter()
        .filter(|_| !plan.scales.is_empty())
        .map(|d| h5::reference(d))
        .collect::<Result<_>>()?;
    let mut scales: Vec<Reference> = Vec::new();
    for (n, scale) in plan.scales.iter().enumerate() {
        let is_coordinate = |d: usize| scale.coordinate == Some(d);
        let users: Vec<(Reference, usize)> = plan
            .of
            .iter()
            .enumerate()
            .filter(|(d, _)| !is_coordinate(*d))
            .filter_map(|(d, own)| Some((references[d], own.iter().position(|&s| s == n)?)))
            .collect();
        let made;
        let id = match scale.coordinate {
            Some(d) => {
                h5::set_scale(datasets[d], &scale.name)?;
                datasets[d]
            }
            None => {
                made = match h5::link(file, &scale.name)? {
                    Some(_) => there(file, scale)?,
                    None => h5::create_bare_scale(file, &scale.name, scale.len, scale.grows)?,
                };
                &made
            }
        };
        h5::write_reference_list(id, &users)?;
        scales.push(h5::reference(id)?);
    }
    for (d, own) in plan.of.iter().enumerate() {
        let own_scale = own.iter().any(|&s| plan.scales[s].coordinate == Some(d));
        if !own.is_empty() && !own_scale {
            let of: Vec<Reference> = own.iter().map(|&s| scales[s]).collect();
            h5::write_dimension_list(datasets[d], &of)?;
        }
    }
    Ok(())
}

/// The scale of that name which the file has.
fn there(file: &Id, scale: &Scale) -> Result<Id> {
    let (id, kind) = h5::open_object(file, &scale.name)?;
    let fits = kind == h5::Object::Dataset
        && h5::shape_of(&h5::dataset_space(&id)?)?.is_some_and(|shape| shape[..] == [scale.len]);
    match fits {
        // A plain dataset becomes a scale, as a coordinate that is stored in the same run does.
        true if !h5::has_attribute(&id, "CLASS")? => h5::set_scale(&id, &scale.name).map(|()| id),
        true => Ok(id),
        false => Err(Error::new(
            ErrorKind::Value,
            format!("'{}' in the file is no dimension of length {}", scale.name, scale.len),
        )
        .hint("give the dimension another name")),
    }
}
