//! What the files of feeds share: rows, data, blocks.

use super::feed::Feed;
use crate::grid::Dims;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Data;
use std::sync::Arc;

/// A feed's name in a plan, and how it is read from one.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) read: Reads,
}

impl Row {
    /// The row of a feed that is written by serde.
    pub(super) const fn of<F: Feed + DeserializeOwned + 'static>(name: &'static str) -> Row {
        Row { name, read: |data| Ok(Arc::new(serde_json::from_value::<F>(data)?)) }
    }
}

pub(super) type Reads = fn(Data) -> serde_json::Result<Arc<dyn Feed>>;

/// A feed's plain data, as a plan has them.
pub(super) fn data_of(feed: &impl Serialize) -> Data {
    // Numbers, names and lists of them always have a form in JSON.
    serde_json::to_value(feed).unwrap_or(Data::Null)
}

/// A shape of as many elements as `block`, within `shape`.
pub(super) fn block_in(block: &[u64], shape: &[u64]) -> Dims {
    let mut left: u64 = block.iter().product();
    let mut out = Dims::from_elem(1, shape.len());
    for d in (0..shape.len()).rev() {
        out[d] = left.min(shape[d]).max(1);
        left = left.div_ceil(out[d]);
    }
    out
}
