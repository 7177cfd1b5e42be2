//! What coordinates go from and to.

use super::dimension::without_coordinates;
use chunkwise::source::hdf5::{Dataset, Node, NodeKind};
use chunkwise::{Array, Device, Index, OpenOptions, Scalar, Session, Target, date_of};
use std::collections::{BTreeMap, HashMap};
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
        let mut paths = Vec::new();
        scales(node, &mut paths);
        paths.truncate(MOST);
        if paths.is_empty() {
            return Ranges::default();
        }
        let Ok(session) = Session::builder().device(Device::Cpu).threads(1).build() else {
            return Ranges::default();
        };
        let ends = |path: &String| {
            let array = Array::open_with(file, path, options).ok()?;
            let ends = [array.index([Index::At(0)]), array.index([Index::At(-1)])];
            let targets: Vec<&dyn Target> = ends.iter().map(|a| a as &dyn Target).collect();
            let mut values = session.run(&targets).ok()?.values.into_iter();
            let notes = array.annotations().ok()?;
            let mut end = || Some(shown(values.next()?.as_array().ok()?.scalar(0)?, notes));
            Some((end()?, end()?))
        };
        Ranges(paths.into_iter().filter_map(|path| ends(&path).map(|ends| (path, ends))).collect())
    }

    /// The first and the last value of a coordinate.
    pub fn get(&self, path: &str) -> Option<&(String, String)> {
        self.0.get(path)
    }
}

/// A value, of times the date.
fn shown(value: Scalar, notes: &BTreeMap<String, String>) -> String {
    let calendar = notes.get("calendar").map_or("standard", String::as_str);
    let date = notes.get("units").and_then(|units| date_of(value.to_f64(), units, calendar).ok());
    date.unwrap_or_else(|| value.to_string())
}

/// The paths of the numeric dimension scales of one dimension that have elements.
fn scales(node: &Node, out: &mut Vec<String>) {
    let is_coordinate = |d: &Dataset| {
        d.scale && d.readable && d.dtype.is_some() && matches!(d.shape.as_deref(), Some([n]) if *n > 0)
    };
    match &node.kind {
        NodeKind::Group { members, .. } => members.iter().for_each(|m| scales(m, out)),
        NodeKind::Dataset(d) if is_coordinate(d) && !without_coordinates(node) => out.push(node.path.clone()),
        _ => {}
    }
}
