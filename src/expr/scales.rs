//! What a file says of the axes of its datasets: dimension scales, as HDF5 and netCDF have them, and names.

use crate::source::hdf5::{AttributeValue, Dataset, Object};

/// What the attribute `NAME` begins with of a scale that only says how long an axis is.
const NO_VARIABLE: &str = "This is a netCDF dimension but not a netCDF variable";

/// What an axis is.
#[derive(Clone, Debug, PartialEq)]
pub enum AxisIs {
    /// That of a scale, by its path.
    Scale(String),
    /// That of the dataset itself, which is a scale.
    Own,
    /// One of a name.
    Named(String),
    /// The file does not say.
    Unknown,
}

/// What the axes of a dataset are.
pub fn axes(dataset: &Dataset, object: &Object) -> Vec<AxisIs> {
    let rank = dataset.shape.as_ref().map_or(0, Vec::len);
    let axis = |axis: usize| {
        if let Some(scale) = dataset.scales.get(axis).and_then(|scales| scales.first()) {
            return AxisIs::Scale(scale.clone());
        }
        if dataset.scale && rank == 1 {
            return AxisIs::Own;
        }
        let label = dataset.dimensions.get(axis).cloned().or_else(|| label(object, axis));
        label.map_or(AxisIs::Unknown, AxisIs::Named)
    };
    (0..rank).map(axis).collect()
}

/// Whether a scale says how long an axis is, and nothing of the places along it.
pub fn is_length_only(scale: &Object) -> bool {
    scale.attributes.iter().any(|a| {
        a.name == "NAME"
            && matches!(&a.value, AttributeValue::Strings(texts) if texts.iter().any(|t| t.starts_with(NO_VARIABLE)))
    })
}

/// The label of an axis, as HDF5's dimension scales have them beside scales.
fn label(object: &Object, axis: usize) -> Option<String> {
    let labels = object.attributes.iter().find(|a| a.name == "DIMENSION_LABELS")?;
    match &labels.value {
        AttributeValue::Strings(labels) => labels.get(axis).filter(|label| !label.is_empty()).cloned(),
        _ => None,
    }
}
