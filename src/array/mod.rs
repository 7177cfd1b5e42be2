//! [`Array`]: the lazy handle. Building one reads metadata only and never fails on the spot: an
//! operation that cannot be is remembered, with the place in the caller's code, and comes out as
//! `Err` from [`Array::check`] or from computing it.

mod annotations;
mod arrange;
mod assemble;
mod axis_bins;
mod bin_rule;
mod binned_median;
mod bits;
mod blocks;
mod calendar;
mod choose;
mod compound;
mod convert;
mod coordinates;
mod cumulative;
mod decode;
mod derived;
mod dimensions;
mod einsum;
mod elementwise;
mod extend;
mod groupby;
mod histogram;
mod index;
mod lookup;
mod matrices;
mod members;
mod missing;
mod open;
mod order;
mod polynomial;
mod product;
mod quantiles;
mod random;
mod reduce;
mod selection;
mod shape;
mod spaced;
mod stencil;
mod take;
mod texts;

pub use arrange::{broadcast_arrays, column_stack, dstack, hstack, indices, meshgrid, vstack};
pub use assemble::{Blocks as BlockList, block};
pub use axis_bins::AxisBins;
pub use bin_rule::BinRule;
pub(crate) use bin_rule::Sample;
pub(crate) use calendar::Times;
pub use calendar::{DatePart, date_of, time_of};
pub use choose::{IndexMode, ravel_multi_index};
pub use compound::Compound;
pub(crate) use coordinates::Coordinates;
pub use coordinates::{Label, SelMethod};
pub use derived::select;
pub use dimensions::Dimension;
pub use einsum::einsum;
pub use elementwise::ArrayOperand;
pub use extend::{feed, fold};
pub use histogram::{BinAxis, Binned};
pub use index::Index;
pub use lookup::Interp;
pub use matrices::{Norm, eye, tri};
pub use open::Opened;
pub use quantiles::Quantiles;
pub use random::Choice;
pub use reduce::Over;
pub use selection::{Selection, SelectionOperand};
pub use shape::{concatenate, stack};
pub use stencil::ConvolveMode;
pub(crate) use texts::Part;
pub use texts::Texts;

use crate::buffer::Buffer;
use crate::dtype::{DType, Element, Scalar, Weak};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Built, Node, NodeKind, Origin, carried, named};
pub(crate) use crate::grid::show_shape as show;
use crate::grid::{Chunks, Dims, MAX_RANK, checked_len};
use crate::ops::fold::SharedFold;
use crate::source::{self, Source};
use crate::view::View;
use smallvec::SmallVec;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// A lazy n-dimensional array of one dtype.
///
/// It is cheap to clone, holds no data and no open file, and can be used from many threads.
///
/// ```
/// use chunkwise::{Array, Session};
/// # fn main() -> chunkwise::Result<()> {
/// let x = Array::arange(0.0, 1_000_000.0, 1.0);
/// let y = (&x * 2.0 + 1.0).sqrt();
/// let mean = Session::new()?.compute(&y.mean())?;
/// assert_eq!(mean.item::<f64>()?, 942.8090416681432);
/// # Ok(())
/// # }
/// ```
///
/// `{}` says what it is and what made it; `{:?}` what it is made of, node by node, as far as a page goes:
///
/// ```
/// # use chunkwise::{Array, DType};
/// let x = Array::random(&[300, 200], 1, DType::F32);
/// let text = (&x * 2.0).to_string();
/// assert!(text.starts_with("float32 array of shape (300, 200)\nmultiply(random([300, 200], seed 1, float32), "));
/// ```
#[derive(Clone)]
pub struct Array {
    pub(crate) built: Built,
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.built {
            Ok(node) => f.debug_tuple("Array").field(node).finish(),
            Err(e) => f.debug_tuple("Array").field(e).finish(),
        }
    }
}

impl fmt::Display for Array {
    /// Dtype and shape, storage chunks, the operation with the names of its inputs, and where it was
    /// made, on a few lines; or the error that was made while it was built.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.built {
            Ok(node) => node.fmt(f),
            Err(e) => write!(f, "an array that cannot be: {e}"),
        }
    }
}

/// What a step of a recipe gives, or the array that remembers why the recipe cannot be.
macro_rules! attempt {
    ($name:literal, $made:expr) => {
        match $made {
            Ok(made) => made,
            Err(e) => return Array::from_draft($name, Err(e), Location::caller()),
        }
    };
}
pub(crate) use attempt;

/// What can be computed: an [`Array`] or a [`Binned`] histogram.
pub trait Target {
    /// The node that makes it, or the error made while it was built.
    fn built(&self) -> Built;
}

impl Target for Array {
    fn built(&self) -> Built {
        self.built.clone()
    }
}

/// A node in the making.
pub(crate) struct Draft {
    pub kind: NodeKind,
    pub inputs: SmallVec<[Arc<Node>; 2]>,
    pub shape: Dims,
    pub dtype: DType,
}

impl Draft {
    /// A fold over a domain of shape `domain`: the columns of its ports, then its params.
    pub fn fold(fold: SharedFold, domain: &[u64], inputs: SmallVec<[Arc<Node>; 2]>) -> Draft {
        let made = fold.makes(domain);
        Draft { kind: NodeKind::Fold(fold), inputs, shape: made.shape, dtype: made.dtype }
    }

    /// Checks the shape and makes the node.
    pub fn finish(self, origin: Origin) -> Built {
        if self.shape.len() > MAX_RANK || checked_len(&self.shape).is_none() {
            let e = Error::new(ErrorKind::Shape, format!("the shape {} is too large", show(&self.shape)))
                .at("operation", self.kind.name())
                .at("at", &origin)
                .hint(format!("an array has at most {MAX_RANK} axes and 2^63 - 1 elements"));
            return Err(Arc::new(e));
        }
        Ok(Arc::new(Node {
            annotations: carried(&self.kind, &self.inputs),
            members: named(&self.kind, &self.inputs),
            dimensions: None,
            bins: None,
            kind: self.kind,
            inputs: self.inputs,
            shape: self.shape,
            dtype: self.dtype,
            origin,
        }))
    }
}

impl Array {
    /// Makes an array from a draft, or remembers why it cannot be.
    pub(crate) fn from_draft(operation: &str, draft: Result<Draft>, at: &'static Location<'static>) -> Array {
        let origin = Origin::Rust(at);
        Array {
            built: match draft {
                Ok(draft) => draft.finish(origin),
                Err(e) => Err(Arc::new(e.at("operation", operation).at("at", origin))),
            },
        }
    }

    /// The node, or a copy of the error.
    pub(crate) fn node(&self) -> Result<&Arc<Node>> {
        self.built.as_ref().map_err(|e| e.duplicate())
    }

    pub(super) fn from_source(source: Arc<dyn Source>, at: &'static Location<'static>) -> Array {
        let draft = Draft {
            shape: source.shape().into(),
            dtype: source.dtype(),
            kind: NodeKind::Source(source),
            inputs: SmallVec::new(),
        };
        Array::from_draft("source", Ok(draft), at)
    }

    /// An array over any [`Source`].
    #[track_caller]
    pub fn new(source: Arc<dyn Source>) -> Array {
        Array::from_source(source, Location::caller())
    }

    /// The elements of an ndarray, which is kept (not copied if it is in C order).
    #[track_caller]
    pub fn from_ndarray<T: Element, D: ndarray::Dimension>(
        array: impl Into<ndarray::ArcArray<T, D>>,
    ) -> Array {
        let at = Location::caller();
        let source = source::memory::MemorySource::shared(array.into());
        Array::from_result("from_ndarray", source.map(|s| s as Arc<dyn Source>), at)
    }

    /// Rank 0, strong: it takes part in promotion as an array of its dtype.
    #[track_caller]
    pub fn scalar(value: impl Into<Scalar>) -> Array {
        let value = value.into();
        let draft = Draft {
            kind: NodeKind::Const(value),
            inputs: SmallVec::new(),
            shape: Dims::new(),
            dtype: value.dtype(),
        };
        Array::from_draft("constant", Ok(draft), Location::caller())
    }

    /// `shape` times `value`.
    #[track_caller]
    pub fn full(shape: &[u64], value: impl Into<Scalar>) -> Array {
        Array::scalar(value).broadcast_to(shape)
    }

    /// Zeros.
    #[track_caller]
    pub fn zeros(shape: &[u64], dtype: DType) -> Array {
        Array::filled(shape, 0, dtype)
    }

    /// Ones.
    #[track_caller]
    pub fn ones(shape: &[u64], dtype: DType) -> Array {
        Array::filled(shape, 1, dtype)
    }

    #[track_caller]
    fn filled(shape: &[u64], value: u8, dtype: DType) -> Array {
        Array::scalar(value).cast(dtype).broadcast_to(shape)
    }

    /// `start, start + step, …` before `stop`, float64, as `numpy.arange` of floats.
    #[track_caller]
    pub fn arange(start: f64, stop: f64, step: f64) -> Array {
        let at = Location::caller();
        Array::from_result(
            "arange",
            source::generate::arange(Weak::Float(start), Weak::Float(stop), Weak::Float(step), None),
            at,
        )
    }

    /// `start, start + step, …` before `stop`, int64, as `numpy.arange` of integers.
    #[track_caller]
    pub fn arange_int(start: i64, stop: i64, step: i64) -> Array {
        let at = Location::caller();
        Array::from_result(
            "arange",
            source::generate::arange(
                Weak::Int(start as i128),
                Weak::Int(stop as i128),
                Weak::Int(step as i128),
                None,
            ),
            at,
        )
    }

    /// `num` float64 values from `start` to `stop`, both included, as `numpy.linspace`.
    #[track_caller]
    pub fn linspace(start: f64, stop: f64, num: u64) -> Array {
        let at = Location::caller();
        Array::from_result(
            "linspace",
            source::generate::linspace(start, stop, num, source::generate::Endpoint::Included, DType::F64),
            at,
        )
    }

    /// As [`Array::linspace`] without `stop`: `num` values `(stop - start) / num` apart, as `endpoint=False` gives.
    #[track_caller]
    pub fn linspace_before(start: f64, stop: f64, num: u64) -> Array {
        let at = Location::caller();
        Array::from_result(
            "linspace",
            source::generate::linspace(start, stop, num, source::generate::Endpoint::Excluded, DType::F64),
            at,
        )
    }

    /// Uniform values in [0, 1), float32 or float64, from a counter-based generator: element `i`
    /// depends on the seed and `i` alone. The same bits as
    /// `numpy.random.Generator(numpy.random.Philox(key=seed)).random(shape, dtype)`.
    #[track_caller]
    pub fn random(shape: &[u64], seed: u64, dtype: DType) -> Array {
        let at = Location::caller();
        Array::from_result("random", source::generate::random(shape, seed, dtype), at)
    }

    fn from_result(name: &str, source: Result<Arc<dyn Source>>, at: &'static Location<'static>) -> Array {
        match source {
            Ok(source) => Array::from_source(source, at),
            Err(e) => Array::from_draft(name, Err(e), at),
        }
    }

    /// Its shape.
    ///
    /// # Errors
    /// The error made while it was built, if there is one; so for all getters.
    pub fn shape(&self) -> Result<&[u64]> {
        Ok(&self.node()?.shape)
    }

    /// Its number of axes.
    ///
    /// # Errors
    /// As [`Array::shape`].
    pub fn ndim(&self) -> Result<usize> {
        Ok(self.node()?.shape.len())
    }

    /// How many elements it has.
    ///
    /// # Errors
    /// As [`Array::check`].
    pub fn size(&self) -> Result<u64> {
        Ok(self.shape()?.iter().fold(1, |n, &d| n.saturating_mul(d)))
    }

    /// Its dtype.
    ///
    /// # Errors
    /// As [`Array::shape`].
    pub fn dtype(&self) -> Result<DType> {
        Ok(self.node()?.dtype)
    }

    /// The elements that bytes are: C order, native byte order, a bool one byte. Nothing is copied.
    ///
    /// Errors, when it is used: `Shape` if the bytes do not fill the shape; `Value` for a bool that is neither 0 nor 1.
    #[track_caller]
    pub fn from_buffer(dtype: DType, shape: &[u64], elements: Buffer) -> Array {
        let at = Location::caller();
        let bytes = checked_len(shape).and_then(|n| n.checked_mul(dtype.size() as u64));
        let source = if shape.len() > MAX_RANK || bytes != Some(elements.len() as u64) {
            let message = format!("{} bytes are no {dtype} of shape {}", elements.len(), show(shape));
            Err(Error::new(ErrorKind::Shape, message))
        } else if dtype == DType::Bool && elements.iter().any(|&b| b > 1) {
            Err(Error::new(ErrorKind::Value, "a bool is neither 0 nor 1"))
        } else {
            let held = source::memory::MemorySource::held(dtype, shape, Arc::new(elements));
            Ok(held as Arc<dyn Source>)
        };
        Array::from_result("from_buffer", source, at)
    }

    /// The bytes of its elements, if they are in memory as they are.
    pub(crate) fn in_memory(&self) -> Option<&[u8]> {
        match &self.built.as_ref().ok()?.kind {
            NodeKind::Source(source) => source.bytes(),
            _ => None,
        }
    }

    /// Its value, if it is one number that was given.
    pub(crate) fn given_number(&self) -> Option<Scalar> {
        match &self.built.as_ref().ok()?.kind {
            NodeKind::Const(value) => Some(*value),
            _ => None,
        }
    }

    /// The storage chunks of the source, if this is a chunked source as it is stored.
    ///
    /// # Errors
    /// As [`Array::shape`].
    pub fn stored_chunks(&self) -> Result<Option<&Chunks>> {
        Ok(match &self.node()?.kind {
            NodeKind::Source(s) => s.chunks(),
            _ => None,
        })
    }

    /// Whether it can be computed as far as shapes and dtypes tell.
    ///
    /// # Errors
    /// The first error made while it was built; it names the operation, the shapes and the line.
    pub fn check(&self) -> Result<()> {
        self.node().map(drop)
    }

    /// The same array, whose errors and `explain` lines name `text` as the place where it was made.
    pub fn made_by(&self, text: &str) -> Array {
        self.rebuilt(|node| node.origin = Origin::Text(text.into()))
    }

    pub(crate) fn rebuilt(&self, change: impl FnOnce(&mut Node)) -> Array {
        let built = self.built.clone().map(|n| {
            let mut node = Node {
                kind: n.kind.clone(),
                inputs: n.inputs.clone(),
                shape: n.shape.clone(),
                dtype: n.dtype,
                origin: n.origin.clone(),
                annotations: n.annotations.clone(),
                members: n.members.clone(),
                dimensions: n.dimensions.clone(),
                bins: n.bins.clone(),
            };
            change(&mut node);
            Arc::new(node)
        });
        Array { built }
    }

    /// An array seen through a view.
    pub(crate) fn viewed(node: &Arc<Node>, name: &'static str, view: View) -> Draft {
        Draft {
            shape: view.shape(),
            dtype: node.dtype,
            kind: NodeKind::View(name, view),
            inputs: SmallVec::from_iter([node.clone()]),
        }
    }

    /// The same elements from a node that is collected block by block, which a reduction, whose
    /// value is made as a whole, is not. A fold whose elements have their place is.
    pub(crate) fn collected(&self) -> Array {
        let Ok(node) = &self.built else { return self.clone() };
        match &node.kind {
            NodeKind::Fold(fold) if !fold.places() => {}
            _ => return self.clone(),
        }
        let draft = Array::viewed(node, node.kind.name(), View::identity(&node.shape));
        Array { built: draft.finish(node.origin.clone()) }
    }

    /// The same elements from a node of its own, which is told by `number` from others of them: what becomes
    /// of it is not what becomes of the array elsewhere.
    pub(crate) fn apart(&self, number: usize) -> Array {
        // What is made block by block is made of other nodes than elsewhere.
        if let Ok(node) = &self.built
            && let NodeKind::Fold(fold) = &node.kind
            && let (true, Some(first)) = (fold.places(), node.inputs.first())
        {
            let first = Array { built: Ok(first.clone()) }.apart(number).built;
            return match first {
                Ok(first) => self.rebuilt(|node| node.inputs[0] = first.clone()),
                Err(e) => Array { built: Err(e) },
            };
        }
        let mut array = self.clone();
        for _ in 0..=number {
            let Ok(node) = &array.built else { break };
            let draft = Array::viewed(node, node.kind.name(), View::identity(&node.shape));
            array = Array { built: draft.finish(node.origin.clone()) };
        }
        array
    }

    /// The same values in another dtype, as `astype` in NumPy (floats become integers by dropping
    /// the fraction; values out of range saturate and NaN becomes 0, on every machine).
    #[track_caller]
    pub fn cast(&self, dtype: DType) -> Array {
        if self.built.as_ref().is_ok_and(|n| n.dtype == dtype) {
            return self.clone();
        }
        let draft = self.node().map(|n| Draft {
            kind: NodeKind::Cast,
            inputs: SmallVec::from_iter([n.clone()]),
            shape: n.shape.clone(),
            dtype,
        });
        Array::from_draft("cast", draft, Location::caller())
    }
}
