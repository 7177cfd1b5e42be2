//! Shape operations: none of them moves data before it is read.

use super::elementwise::broadcast_node;
use super::index::axis;
use super::{Array, Draft, show};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::{Concatenate, Reshape};
use crate::graph::NodeKind;
use crate::grid::{Dims, checked_len};
use crate::view::{View, ViewAxis, broadcast_shapes};
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

impl Array {
    fn view_as(
        &self,
        name: &'static str,
        at: &'static Location<'static>,
        f: impl FnOnce(&[u64]) -> Result<View>,
    ) -> Array {
        let draft = self.node().and_then(|node| Ok(Array::viewed(node, name, f(&node.shape)?)));
        Array::from_draft(name, draft, at)
    }

    /// The axes in reverse order, `x.T`.
    #[track_caller]
    pub fn t(&self) -> Array {
        self.view_as("transpose", Location::caller(), |shape| {
            Ok(permuted(shape, &(0..shape.len()).rev().collect::<Vec<_>>()))
        })
    }

    /// `numpy.transpose`: axis `axes[d]` becomes axis `d`.
    #[track_caller]
    pub fn transpose(&self, axes: &[i64]) -> Array {
        self.view_as("transpose", Location::caller(), |shape| {
            let order = axes.iter().map(|&a| axis(a, shape.len())).collect::<Result<Vec<_>>>()?;
            let mut seen = vec![false; shape.len()];
            order.iter().for_each(|&d| seen[d] = true);
            if order.len() != shape.len() || seen.contains(&false) {
                return Err(Error::new(
                    ErrorKind::Value,
                    format!("the axes {axes:?} are no permutation of the {} axes", shape.len()),
                ));
            }
            Ok(permuted(shape, &order))
        })
    }

    /// A new axis of length 1 at position `at` of the result.
    #[track_caller]
    pub fn expand_dims(&self, at: i64) -> Array {
        self.view_as("expand_dims", Location::caller(), |shape| {
            let at = axis(at, shape.len() + 1)?;
            let mut view = View::identity(shape);
            view.axes.insert(at, ViewAxis { len: 1, from: None });
            Ok(view)
        })
    }

    /// Without the axes named, which must have length 1; without any name, all axes of length 1.
    #[track_caller]
    pub fn squeeze(&self, axes: &[i64]) -> Array {
        self.view_as("squeeze", Location::caller(), |shape| {
            let mut gone: Vec<bool> = shape.iter().map(|&n| axes.is_empty() && n == 1).collect();
            for &a in axes {
                let d = axis(a, shape.len())?;
                if shape[d] != 1 {
                    return Err(Error::new(
                        ErrorKind::Shape,
                        format!(
                            "axis {a} of shape {} cannot be squeezed: its length is {}",
                            show(shape),
                            shape[d]
                        ),
                    ));
                }
                gone[d] = true;
            }
            let mut view = View::identity(shape);
            let mut d = 0..;
            view.axes.retain(|_| !d.next().is_some_and(|d| gone[d]));
            Ok(view)
        })
    }

    /// The array repeated to `shape` by NumPy's rule.
    #[track_caller]
    pub fn broadcast_to(&self, shape: &[u64]) -> Array {
        self.view_as("broadcast_to", Location::caller(), |from| match broadcast_shapes([from, shape]) {
            Some(both) if both.as_slice() == shape => Ok(View::broadcast(from, shape)),
            _ => Err(Error::new(
                ErrorKind::Shape,
                format!("an array of shape {} does not broadcast to {}", show(from), show(shape)),
            )),
        })
    }

    /// The elements in C order in another shape; one length may be −1 and follows from the others.
    /// Nothing is stored: blocks of the result read the stretches of the input that they need.
    #[track_caller]
    pub fn reshape(&self, shape: &[i64]) -> Array {
        let draft = self.node().and_then(|node| {
            let total = checked_len(&node.shape).unwrap_or(0);
            let wrong = || {
                Error::new(
                    ErrorKind::Shape,
                    format!("an array of shape {} cannot be reshaped to {shape:?}", show(&node.shape)),
                )
                .hint("the number of elements must stay the same; one length may be -1")
            };
            let known: Dims = shape.iter().filter(|&&n| n != -1).map(|&n| n.max(0) as u64).collect();
            let known = checked_len(&known).ok_or_else(wrong)?;
            let free = shape.iter().filter(|&&n| n == -1).count();
            if shape.iter().any(|&n| n < -1)
                || free > 1
                || (free == 1 && (known == 0 || !total.is_multiple_of(known)))
            {
                return Err(wrong());
            }
            let new: Dims = shape.iter().map(|&n| if n == -1 { total / known } else { n as u64 }).collect();
            if checked_len(&new) != Some(total) {
                return Err(wrong());
            }
            Ok(reshape_draft(node, new))
        });
        Array::from_draft("reshape", draft, Location::caller())
    }

    /// Rank 1, in C order.
    #[track_caller]
    pub fn ravel(&self) -> Array {
        self.reshape(&[-1])
    }
}

/// The same elements in a shape of as many elements. Where only axes of length 1 come or go, it is
/// a plain view.
fn reshape_draft(node: &Arc<crate::graph::Node>, new: Dims) -> Draft {
    let long = |shape: &[u64]| -> Vec<usize> { (0..shape.len()).filter(|&d| shape[d] != 1).collect() };
    let (from, to) = (long(&node.shape), long(&new));
    if from.len() == to.len() && from.iter().zip(&to).all(|(&f, &t)| node.shape[f] == new[t]) {
        let mut pairs = from.into_iter();
        let axes = new
            .iter()
            .map(|&len| ViewAxis { len, from: if len == 1 { None } else { pairs.next().map(|d| (d, 1)) } })
            .collect();
        return Array::viewed(node, "reshape", View { axes, base: Dims::from_elem(0, node.shape.len()) });
    }
    Draft {
        kind: NodeKind::Feed(Arc::new(Reshape { shape: new.clone() })),
        inputs: SmallVec::from_iter([node.clone()]),
        shape: new,
        dtype: node.dtype,
    }
}

fn permuted(shape: &[u64], order: &[usize]) -> View {
    View {
        axes: order.iter().map(|&d| ViewAxis { len: shape[d], from: Some((d, 1)) }).collect(),
        base: Dims::from_elem(0, shape.len()),
    }
}

/// The arrays one after the other along an axis, in their promoted dtype.
#[track_caller]
pub fn concatenate(arrays: &[Array], axis: i64) -> Array {
    Array::from_draft("concatenate", joined(arrays, axis), Location::caller())
}

/// The arrays side by side along a new axis at position `axis` of the result.
#[track_caller]
pub fn stack(arrays: &[Array], axis: i64) -> Array {
    let draft = (|| {
        let first = first(arrays)?.node()?;
        for (i, a) in arrays.iter().enumerate() {
            let shape = &a.node()?.shape;
            if *shape != first.shape {
                return Err(Error::new(
                    ErrorKind::Shape,
                    format!("array {i} has shape {} and array 0 has {}", show(shape), show(&first.shape)),
                ));
            }
        }
        let expanded: Vec<Array> = arrays.iter().map(|a| a.expand_dims(axis)).collect();
        joined(&expanded, axis)
    })();
    Array::from_draft("stack", draft, Location::caller())
}

fn first(arrays: &[Array]) -> Result<&Array> {
    arrays.first().ok_or_else(|| Error::new(ErrorKind::Value, "there are no arrays to join"))
}

fn joined(arrays: &[Array], along: i64) -> Result<Draft> {
    let first = first(arrays)?.node()?;
    let d = axis(along, first.shape.len())?;
    let mut shape = first.shape.clone();
    let mut dtype: DType = first.dtype;
    for (i, a) in arrays.iter().enumerate().skip(1) {
        let n = a.node()?;
        let fits = n.shape.len() == shape.len() && (0..shape.len()).all(|k| k == d || n.shape[k] == shape[k]);
        if !fits {
            return Err(Error::new(
                ErrorKind::Shape,
                format!(
                    "array {i} has shape {} and array 0 has {}: they differ in more than axis {d}",
                    show(&n.shape),
                    show(&first.shape)
                ),
            ));
        }
        shape[d] = shape[d].saturating_add(n.shape[d]);
        dtype = dtype.promote(n.dtype);
    }
    let mut inputs = SmallVec::new();
    for a in arrays {
        let node = a.cast(dtype).node()?.clone();
        // Empty pieces bring nothing, and blocks between their borders would be empty.
        if node.shape[d] > 0 {
            inputs.push(node);
        }
    }
    if inputs.is_empty() {
        inputs.push(broadcast_node(arrays[0].cast(dtype).node()?, &shape));
    }
    Ok(Draft { kind: NodeKind::Feed(Arc::new(Concatenate { axis: d })), inputs, shape, dtype })
}
