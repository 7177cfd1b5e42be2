//! Which arrays are made of data in which NaN says that there is none.

use super::Array;
use crate::error::Result;
use crate::graph::{MISSING, Node};
use std::collections::HashSet;
use std::sync::Arc;

const NAN: &str = "NaN";

impl Array {
    /// Whether it is made of decoded data ([`Array::open_decoded`]) in which NaN stands for what is missing
    /// (`_FillValue`, `missing_value`, valid ranges), so that a reduction that leaves out NaN is likely what is meant, as in
    /// xarray. Reductions of arrays do not ask; those of [expressions](crate::expr) do.
    ///
    /// ```
    /// # use chunkwise::Array;
    /// # fn main() -> chunkwise::Result<()> {
    /// assert!(!Array::arange(0.0, 9.0, 1.0).has_missing()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Array::check`].
    pub fn has_missing(&self) -> Result<bool> {
        let mut seen: HashSet<*const Node> = HashSet::new();
        let mut rest: Vec<&Arc<Node>> = vec![self.node()?];
        while let Some(node) = rest.pop() {
            if node.annotations.get(MISSING).is_some_and(|v| v == NAN) {
                return Ok(true);
            }
            if seen.insert(Arc::as_ptr(node)) {
                rest.extend(&node.inputs);
            }
        }
        Ok(false)
    }

    /// The same array, as one with missing values.
    pub(super) fn with_missing(self) -> Array {
        self.annotate(MISSING, NAN)
    }
}
