//! Dimensions of netCDF-4.

use chunkwise::source::hdf5::{Attribute, AttributeValue, Node};

/// Whether a dimension scale only stands for a dimension that has no coordinates, as netCDF-4 writes it.
pub fn without_coordinates(node: &Node) -> bool {
    let says = |a: &Attribute| match &a.value {
        AttributeValue::Strings(v) => {
            v.iter().any(|s| s.starts_with("This is a netCDF dimension but not a netCDF variable"))
        }
        _ => false,
    };
    node.attributes.iter().any(|a| a.name == "NAME" && says(a))
}
