//! What coordinates go from and to.

use super::dimension::without_coordinates;
use chunkwise::source::hdf5::{AttributeValue, Dataset, Node, NodeKind};
use chunkwise::{Array, Device, Index, OpenOptions, Scalar, Session, Target, date_of};
use std::collections::HashMap;
use std::path::Path;

/// Coordinates whose ends are read, at most: a file with more is listed without the others' ends.
const MOST: usize = 256;

/// The first and the last value of the coordinates of a file, by path, as text.
#[derive(Default)]
pub struct Ranges(HashMap<String, (String, String)>);

impl Ranges {
    /// Those of the one-dimensional dimension scales below a node. One that cannot be read has none: a listing
    /// shows what there is.
    pub fn of(file: &Path, node: &Node, options: OpenOptions) -> Ranges {
        let mut found = Vec::new();
        scales(node, &mut found);
        found.truncate(MOST);
        if found.is_empty() {
            return Ranges::default();
        }
        let Ok(session) = Session::builder().device(Device::Cpu).threads(1).build() else {
            return Ranges::default();
        };
        let ends = |scale: &Node| {
            let array = Array::open_with(file, &scale.path, options).ok()?;
            let ends = [array.index([Index::At(0)]), array.index([Index::At(-1)])];
            let targets: Vec<&dyn Target> = ends.iter().map(|a| a as &dyn Target).collect();
            let mut values = session.run(&targets).ok()?.values.into_iter();
            let mut end = || Some(shown(values.next()?.as_array().ok()?.scalar(0)?, scale));
            Some((end()?, end()?))
        };
        Ranges(found.into_iter().filter_map(|scale| Some((scale.path.clone(), ends(scale)?))).collect())
    }

    /// The first and the last value of a coordinate.
    pub fn get(&self, path: &str) -> Option<&(String, String)> {
        self.0.get(path)
    }
}

/// A value of a coordinate, of times the date.
fn shown(value: Scalar, scale: &Node) -> String {
    let text = |name: &str| {
        let attribute = scale.attributes.iter().find(|a| a.name == name)?;
        match &attribute.value {
            AttributeValue::Strings(texts) => texts.first().map(String::as_str),
            _ => None,
        }
    };
    let calendar = text("calendar").unwrap_or("standard");
    let date = text("units").and_then(|units| date_of(value.to_f64(), units, calendar).ok());
    date.unwrap_or_else(|| value.to_string())
}

/// The numeric dimension scales of one dimension that have elements.
fn scales<'a>(node: &'a Node, out: &mut Vec<&'a Node>) {
    let is_coordinate = |d: &Dataset| {
        d.scale && d.readable && d.dtype.is_some() && matches!(d.shape.as_deref(), Some([n]) if *n > 0)
    };
    match &node.kind {
        NodeKind::Group { members, .. } => members.iter().for_each(|m| scales(m, out)),
        NodeKind::Dataset(d) if is_coordinate(d) && !without_coordinates(node) => out.push(node),
        _ => {}
    }
}
