//! Arrays of folds and feeds that are no part of this crate.

use super::elementwise::broadcast_node;
use super::{Array, Draft};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::Feed;
use crate::graph::NodeKind;
use crate::ops::fold::{Fold, SharedFold};
use crate::view::broadcast_shapes;
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

/// What a fold makes of columns, one per port, which broadcast to one shape, and of params.
///
/// # Errors
/// Come out when it is computed: `Value` if there are not as many columns and params as the fold takes; `Type` if
/// one has another dtype; `Shape` if the columns do not broadcast, or the fold is for another number of axes.
#[track_caller]
pub fn fold(fold: impl Fold, columns: &[&Array], params: &[&Array]) -> Array {
    let operation = fold.operation();
    let draft = || -> Result<Draft> {
        let fold = SharedFold::new(fold);
        let (ports, wanted) = (fold.ports(), fold.params());
        if columns.len() != ports.len() || params.len() != wanted.len() {
            let what = format!("it takes {} columns and {} params", ports.len(), wanted.len());
            return Err(Error::new(ErrorKind::Value, what));
        }
        let typed = |a: &Array, dtype: DType| match a.dtype()? {
            d if d == dtype => Ok(()),
            d => Err(Error::new(ErrorKind::Type, format!("it takes {dtype}, not {d}"))),
        };
        columns.iter().zip(&ports).try_for_each(|(a, p)| typed(a, p.dtype))?;
        params.iter().zip(&wanted).try_for_each(|(a, p)| typed(a, p.dtype))?;
        let shapes = columns.iter().map(|a| Ok(a.node()?.shape.clone())).collect::<Result<Vec<_>>>()?;
        let domain = broadcast_shapes(shapes.iter().map(|s| s.as_slice()));
        let domain = domain.filter(|d| d.len() == fold.landing().rank()).ok_or_else(|| {
            let axes = fold.landing().rank();
            Error::new(ErrorKind::Shape, format!("its columns do not broadcast to one shape of {axes} axes"))
        })?;
        let columns = columns.iter().map(|a| Ok(broadcast_node(a.node()?, &domain)));
        let params = params.iter().map(|a| a.node().cloned());
        let inputs = columns.chain(params).collect::<Result<SmallVec<_>>>()?;
        Ok(Draft::fold(fold, &domain, inputs))
    };
    Array::from_draft(operation, draft(), Location::caller())
}

/// What a feed makes of arrays: an array of this shape and dtype, which the feed must agree with when it is planned.
#[track_caller]
pub fn feed(feed: impl Feed + 'static, of: &[&Array], shape: &[u64], dtype: DType) -> Array {
    let name = feed.name();
    let draft = || -> Result<Draft> {
        let inputs = of.iter().map(|a| a.node().cloned()).collect::<Result<SmallVec<_>>>()?;
        Ok(Draft { kind: NodeKind::Feed(Arc::new(feed)), inputs, shape: shape.into(), dtype })
    };
    Array::from_draft(name, draft(), Location::caller())
}
