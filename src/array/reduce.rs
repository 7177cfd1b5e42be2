//! Reductions: each method is a row of the table, over all axes or over some.

use super::elementwise::{along_others, broadcast_node};
use super::{Array, Draft, show};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Node;
use crate::grid::Dims;
use crate::ops::fold::{Reduce, SharedFold};
use crate::ops::reduce::{Family, ReduceSpec, Reduction};
use crate::view::{View, ViewAxis, broadcast_shapes};
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

/// Over which axes a reduction goes, and its other options, with NumPy's names.
///
/// ```
/// use chunkwise::{Array, DType, Over};
/// let x = Array::ones(&[100, 200], DType::F32);
/// let m = x.mean_with(Over::axis(0).keepdims().dtype(DType::F64));
/// assert_eq!(m.shape().unwrap(), [1, 200]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Over {
    pub(super) axes: Option<Vec<i64>>,
    pub(super) keepdims: bool,
    pub(super) dtype: Option<DType>,
    ddof: f64,
    mask: Option<Array>,
    weights: Option<Array>,
}

impl Over {
    /// All axes.
    pub fn all() -> Self {
        Over::default()
    }

    /// One axis; −1 is the last.
    pub fn axis(axis: i64) -> Self {
        Over { axes: Some(vec![axis]), ..Over::default() }
    }

    /// Several axes; none at all reduces nothing.
    pub fn axes(axes: impl Into<Vec<i64>>) -> Self {
        Over { axes: Some(axes.into()), ..Over::default() }
    }

    /// Keeps reduced axes with length 1.
    pub fn keepdims(mut self) -> Self {
        self.keepdims = true;
        self
    }

    /// The dtype of the computation and the result.
    pub fn dtype(mut self, dtype: DType) -> Self {
        self.dtype = Some(dtype);
        self
    }

    /// Delta degrees of freedom of `var` and `std`: the divisor is `n - ddof`.
    pub fn ddof(mut self, ddof: f64) -> Self {
        self.ddof = ddof;
        self
    }

    /// NumPy's `where=`: only elements where `mask` is true take part. It broadcasts to the values.
    pub fn mask(mut self, mask: &Array) -> Self {
        self.mask = Some(mask.clone());
        self
    }

    /// The weights of `average` and of quantiles: of the values' shape, or along the one axis.
    pub fn weights(mut self, weights: &Array) -> Self {
        self.weights = Some(weights.clone());
        self
    }

    /// By axis of an array of `rank` axes whether it is reduced, and whether it stays with length 1.
    ///
    /// # Errors
    /// `Index` for an axis that is not there; `Value` for one that is named twice.
    pub(super) fn reduced(&self, rank: usize) -> Result<(Vec<bool>, bool)> {
        Ok((axes(&self.axes, rank)?, self.keepdims))
    }

    /// The options beside axes and `keepdims` that are set, by NumPy's names.
    pub(super) fn options(&self) -> impl Iterator<Item = &'static str> {
        let set = [
            ("dtype", self.dtype.is_some()),
            ("ddof", self.ddof != 0.0),
            ("where", self.mask.is_some()),
            ("weights", self.weights.is_some()),
        ];
        set.into_iter().filter(|(_, set)| *set).map(|(name, _)| name)
    }

    /// How many axes are named; `None` where it goes over all of them.
    pub(crate) fn axis_count(&self) -> Option<usize> {
        self.axes.as_ref().map(Vec::len)
    }

    pub(super) fn mask_array(&self) -> Option<&Array> {
        self.mask.as_ref()
    }

    pub(super) fn weights_array(&self) -> Option<&Array> {
        self.weights.as_ref()
    }
}

impl Array {
    /// Applies a row of the reduction table. This is what every method comes to.
    #[track_caller]
    pub fn reduce(&self, reduction: Reduction, over: Over) -> Array {
        let at = Location::caller();
        let reduced = Array::from_draft(reduction.name(), draft(self, reduction, &over), at);
        match (over.keepdims, &self.built) {
            (true, Ok(values)) => {
                let axes = axes(&over.axes, values.shape.len()).unwrap_or_default();
                let draft = reduced.node().map(|n| {
                    let mut from = 0..;
                    let axes = axes.iter().zip(&values.shape).map(|(&r, &len)| match r {
                        true => ViewAxis { len: 1, from: None },
                        false => ViewAxis { len, from: from.next().map(|d| (d, 1)) },
                    });
                    let base = smallvec::SmallVec::from_elem(0, n.shape.len());
                    Array::viewed(n, "keepdims", View { axes: axes.collect(), base })
                });
                Array::from_draft(reduction.name(), draft, at)
            }
            _ => reduced,
        }
    }
}

/// Per axis, whether it is reduced.
pub(super) fn axes(axes: &Option<Vec<i64>>, rank: usize) -> Result<Vec<bool>> {
    let Some(axes) = axes else { return Ok(vec![true; rank]) };
    let mut reduced = vec![false; rank];
    for &axis in axes {
        // As NumPy does, a scalar is taken for one axis of length 1.
        if rank == 0 && matches!(axis, 0 | -1) {
            continue;
        }
        let d = super::index::axis(axis, rank)?;
        if std::mem::replace(&mut reduced[d], true) {
            return Err(Error::new(ErrorKind::Value, format!("axis {axis} is named twice")));
        }
    }
    Ok(reduced)
}

/// A reduction with its columns, all of one shape.
pub(super) struct Prepared {
    pub(super) spec: ReduceSpec,
    pub(super) reduced: Vec<bool>,
    pub(super) shape: Dims,
    pub(super) inputs: SmallVec<[Arc<Node>; 2]>,
}

fn draft(values: &Array, reduction: Reduction, over: &Over) -> Result<Draft> {
    let Prepared { spec, reduced, shape, inputs } = prepare(values, reduction, over)?;
    Ok(Draft::fold(SharedFold::new(Reduce::new(spec, &reduced)), &shape, inputs))
}

/// A column that goes along the one axis that is reduced, where it has one axis and the values have more; as
/// NumPy has it for weights.
fn along_one(column: &Arc<Node>, shape: &[u64], reduced: &[bool], what: &str) -> Result<Arc<Node>> {
    let mut over = (0..reduced.len()).filter(|&d| reduced[d]);
    let (Some(axis), None) = (over.next(), over.next()) else { return Ok(column.clone()) };
    if column.shape.len() != 1 || shape.len() <= 1 {
        return Ok(column.clone());
    }
    if column.shape[0] != shape[axis] {
        return Err(Error::new(
            ErrorKind::Shape,
            format!("the {what} have length {} and axis {axis} has {}", column.shape[0], shape[axis]),
        ));
    }
    let axes =
        shape.iter().enumerate().map(|(d, &len)| ViewAxis { len, from: (d == axis).then_some((0, 1)) });
    let view = View { axes: axes.collect(), base: SmallVec::from_elem(0, 1) };
    Array::viewed(column, "broadcast_to", view).finish(column.origin.clone()).map_err(|e| e.duplicate())
}

/// The columns of a grouped reduction: those of the reduction, then those that it is grouped by.
pub(super) fn prepare_grouped(
    values: &Array,
    by: &[&Array],
    reduction: Reduction,
    over: &Over,
) -> Result<Prepared> {
    let mut prepared = prepare(values, reduction, over)?;
    for column in by {
        prepared.inputs.push(beside(column, &prepared.shape, &prepared.reduced, "labels")?);
    }
    Ok(prepared)
}

/// A column beside values of this shape: it broadcasts to them, or goes along the one axis that is reduced.
pub(super) fn beside(column: &Array, shape: &[u64], reduced: &[bool], what: &str) -> Result<Arc<Node>> {
    let column = along_one(column.node()?, shape, reduced, what)?;
    within(&Array { built: Ok(column) }, shape, what)
}

/// A column that broadcasts to values of this shape.
pub(super) fn within(column: &Array, shape: &[u64], what: &str) -> Result<Arc<Node>> {
    let column = column.node()?;
    fits(shape, &column.shape, what)?;
    Ok(broadcast_node(column, shape))
}

fn prepare(values: &Array, reduction: Reduction, over: &Over) -> Result<Prepared> {
    let node = values.node()?;
    let mut shape = node.shape.clone();
    let mut values = node.clone();
    let mut inputs = SmallVec::new();
    let mut dtypes: SmallVec<[DType; 2]> = SmallVec::from_iter([node.dtype]);
    let reduced = axes(&over.axes, shape.len())?;
    if matches!(reduction.row().family, Family::ArgMin | Family::ArgMax)
        && over.axes.is_some()
        && reduced.iter().filter(|r| **r).count() != 1
    {
        return Err(Error::new(ErrorKind::Value, format!("{} takes one axis or none", reduction.name()))
            .hint("leave the axis away to search all elements in C order"));
    }
    let mut weights = None;
    if let Some(w) = &over.weights {
        let w = w.node()?;
        let seen = along_one(w, &shape, &reduced, "weights")?;
        dtypes.push(seen.dtype);
        weights = Some(seen);
    }
    if weights.is_some() != (reduction.row().inputs == 2) {
        // `average` without weights is the mean; anything else with weights is an error of its row.
        if reduction.row().inputs == 2 {
            let mean = Reduction::from_name("mean")
                .ok_or_else(|| Error::new(ErrorKind::Internal, "there is no row 'mean'"))?;
            return prepare(&Array { built: Ok(values) }, mean, over);
        }
        return Err(Error::new(ErrorKind::Value, format!("{} takes no weights", reduction.name())));
    }
    if let Some(w) = &weights {
        shape = fits(&shape, &w.shape, "weights")?;
    }
    if let Some(mask) = &over.mask {
        shape = fits(&shape, &mask.node()?.shape, "where mask")?;
    }
    let mut spec = ReduceSpec::new(reduction, &dtypes)?.with_ddof(over.ddof)?;
    if let Some(dtype) = over.dtype {
        spec = spec.with_dtype(dtype)?;
    }
    if over.mask.is_some() {
        spec = spec.with_mask()?;
    }
    values = Array { built: Ok(values) }.cast(spec.compute_dtype()).node()?.clone();
    inputs.push(broadcast_node(&values, &shape));
    if let Some(w) = weights {
        let w = Array { built: Ok(w) }.cast(spec.weights_dtype().unwrap_or(dtypes[1]));
        inputs.push(broadcast_node(w.node()?, &shape));
    }
    if let Some(mask) = &over.mask {
        inputs.push(broadcast_node(mask.cast(DType::Bool).node()?, &shape));
    }
    Ok(Prepared { spec, reduced, shape, inputs })
}

/// Checks that `other` broadcasts to `shape`.
fn fits(shape: &[u64], other: &[u64], what: &str) -> Result<Dims> {
    match broadcast_shapes([shape, other]) {
        Some(both) if both.as_slice() == shape => Ok(both),
        _ => {
            let e = Error::new(
                ErrorKind::Shape,
                format!(
                    "the {what} of shape {} {} not broadcast to the values of shape {}",
                    show(other),
                    if what.ends_with('s') { "do" } else { "does" },
                    show(shape)
                ),
            );
            Err(match along_others([shape, other].into_iter()) {
                Some(hint) if what == "labels" => {
                    e.hint(format!("{hint}; axis= groups along one axis alone"))
                }
                Some(hint) => e.hint(hint),
                None => e,
            })
        }
    }
}

macro_rules! reductions {
    ($($name:ident $with:ident),* $(,)?) => {
        /// Reductions; see the table's rows for dtypes, empty input and exactness.
        impl Array {
            $(#[doc = concat!("`numpy.", stringify!($name), "` over all axes.")]
            #[track_caller]
            pub fn $name(&self) -> Array {
                self.reduce(row(stringify!($name)), Over::all())
            }
            #[doc = concat!("`numpy.", stringify!($name), "` with axes and options.")]
            #[track_caller]
            pub fn $with(&self, over: Over) -> Array {
                self.reduce(row(stringify!($name)), over)
            })*
        }
        #[cfg(test)]
        const METHODS: &[&str] = &[$(stringify!($name)),*];
    };
}
pub(super) fn row(name: &str) -> Reduction {
    Reduction::from_name(name).unwrap_or_else(|| unreachable!("'{name}' is a row of the reduction table"))
}
reductions!(
    sum sum_with, mean mean_with, var var_with, std std_with, average average_with, min min_with, max max_with,
    argmin argmin_with, argmax argmax_with, prod prod_with, any any_with, all all_with,
    count_nonzero count_nonzero_with, nansum nansum_with, nanmean nanmean_with, nanvar nanvar_with,
    nanstd nanstd_with, nanmin nanmin_with, nanmax nanmax_with, nanargmin nanargmin_with,
    nanargmax nanargmax_with, nanprod nanprod_with,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_method_and_every_method_its_row() {
        for name in METHODS {
            assert_eq!(Reduction::from_name(name).map(|r| r.name()), Some(*name));
        }
        for r in Reduction::all() {
            assert!(METHODS.contains(&r.name()), "the row '{}' has no method", r.name());
        }
    }
}
