//! What comes first in order, and how far apart the ends are.

use super::index::axis;
use super::{Array, Draft, Over};
use crate::dtype::DType;
use crate::ops::fold::{First, Landing, Select, SharedFold, Top, Wanted};
use smallvec::SmallVec;
use std::panic::Location;

impl Array {
    /// The `k` largest elements along an axis, the largest first, as `dask.array.topk`; for a negative `k` the
    /// smallest, the smallest first. The axis then has the length `|k|`, or its own if that is less. NaN counts
    /// as the largest, as NumPy sorts it.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::arange_int(0, 10, 1);
    /// assert_eq!(Session::new()?.compute(&x.topk(3, -1))?.as_slice::<i64>()?, [9, 8, 7]);
    /// assert_eq!(Session::new()?.compute(&x.topk(-2, -1))?.as_slice::<i64>()?, [0, 1]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn topk(&self, k: i64, axis: i64) -> Array {
        self.top("topk", k, axis, Wanted::Values, Location::caller())
    }

    /// The positions along the axis of what [`Array::topk`] gives, int64; of equal elements (±0 among them) the
    /// first position comes first.
    #[track_caller]
    pub fn argtopk(&self, k: i64, axis: i64) -> Array {
        self.top("argtopk", k, axis, Wanted::Positions, Location::caller())
    }

    fn top(&self, name: &'static str, k: i64, along: i64, wanted: Wanted, at: &'static Location) -> Array {
        self.along(name, along, at, |dtype, n, landing| {
            let first = if k < 0 { First::Smallest } else { First::Largest };
            SharedFold::new(Top::new(dtype, k.unsigned_abs().min(n), first, wanted, landing))
        })
    }

    /// All elements along an axis in ascending order.
    pub(super) fn sorted_along(&self, along: i64, at: &'static Location) -> Array {
        self.along("sort", along, at, |dtype, n, landing| SharedFold::new(Select::sort(dtype, n, landing)))
    }

    /// A fold over one axis, in whose place its own axis comes. `fold` gets the dtype, and the length of the axis.
    fn along(
        &self,
        name: &'static str,
        along: i64,
        at: &'static Location,
        fold: impl Fn(DType, u64, Landing) -> SharedFold,
    ) -> Array {
        let found = self.node().and_then(|node| {
            let d = axis(along, node.shape.len())?;
            let mut reduced = vec![false; node.shape.len()];
            reduced[d] = true;
            let fold = fold(node.dtype, node.shape[d], Landing::over(&reduced));
            Ok((Draft::fold(fold, &node.shape, SmallVec::from_iter([node.clone()])), d))
        });
        match found {
            // The fold's own axis is its last one.
            Ok((draft, d)) => {
                let rank = draft.shape.len();
                let made = Array::from_draft(name, Ok(draft), at);
                if d + 1 == rank {
                    return made;
                }
                let order: Vec<i64> =
                    (0..d).chain([rank - 1]).chain(d..rank - 1).map(|axis| axis as i64).collect();
                made.transpose(&order)
            }
            Err(e) => Array::from_draft(name, Err(e), at),
        }
    }

    /// `numpy.ptp` over all axes: the largest element less the smallest. Integers wrap as in NumPy.
    #[track_caller]
    pub fn ptp(&self) -> Array {
        self.ptp_with(Over::all())
    }

    /// `numpy.ptp` with axes and options.
    #[track_caller]
    pub fn ptp_with(&self, over: Over) -> Array {
        self.max_with(over.clone()) - self.min_with(over)
    }
}
