//! Arrays whose values have names.

use super::Array;
use crate::error::Result;
use crate::members::Members;
use std::sync::Arc;

impl Array {
    /// The same array, whose values have names. Views, joins, `take`, `where` and what a mask selects keep them;
    /// everything else drops them, for it makes other values.
    ///
    /// ```
    /// use chunkwise::{Array, Index, Members};
    /// use ndarray::array;
    /// # fn main() -> chunkwise::Result<()> {
    /// let names = Members::new([(0, "INFO".to_string()), (1, "ERROR".to_string())]);
    /// let severity = Array::from_ndarray(array![1_u8, 0, 0]).with_members(names);
    /// let first = severity.index([Index::from(..2)]);
    /// assert_eq!(first.members()?.and_then(|m| m.name(1)), Some("ERROR"));
    /// assert!((first + 1).members()?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub fn with_members(&self, members: impl Into<Arc<Members>>) -> Array {
        let members = members.into();
        self.rebuilt(|node| node.members = Some(members))
    }

    /// The same array, whose values have no names.
    pub fn without_members(&self) -> Array {
        self.rebuilt(|node| node.members = None)
    }

    /// The names of its values, if they have some.
    ///
    /// # Errors
    /// As [`Array::check`].
    pub fn members(&self) -> Result<Option<&Arc<Members>>> {
        Ok(self.node()?.members.as_ref())
    }
}
