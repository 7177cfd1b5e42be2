//! What a feed is, and where the elements of an input come from: read as they are, or made by a feed of
//! kernels of their own. The two are made of each other.

use crate::backend::{Product, Within};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, Slab};
use crate::ops::ValueId;
use crate::ops::program::Program;
use crate::source::ScratchNeeds;
use crate::view::View;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::fmt::Debug;
use std::sync::Arc;

/// How a region of an input is made of others. `of` are the children, always those that [`Feed::makes`] took.
pub trait Feed: Debug + Send + Sync {
    /// Its name, in plans and for people.
    fn name(&self) -> &'static str;

    /// All of it as plain data: two feeds of one name and equal data are the same.
    fn data(&self) -> serde_json::Value;

    /// Shape and dtype of what it makes of its children.
    ///
    /// # Errors
    /// `Format` if it cannot be made of them. Everything else may rely on that it can.
    fn makes(&self, of: &[SubKernel]) -> Result<(Dims, DType)>;

    /// What it is, for people.
    fn describe(&self, of: &[SubKernel]) -> String;

    /// Whether it only moves elements, so that names and units go with them.
    fn moves(&self) -> bool {
        false
    }

    /// Whether an element costs much more than reading it back from memory does: what would be computed again is
    /// held where that is possible.
    fn is_dear(&self) -> bool {
        false
    }

    /// The name of a function of this process that it calls, without which its plan means nothing elsewhere.
    fn local(&self) -> Option<&str> {
        None
    }

    /// The blocks that a function of the user's is called with, if it calls one.
    fn cut(&self) -> Option<&Chunks> {
        None
    }

    /// Which axis of a child an axis of what it makes is, where that is one: it has the same name then.
    fn axis_of(&self, child: usize, axis: usize) -> Option<AxisOf> {
        let _ = (child, axis);
        None
    }

    /// Whether elements lie as those of its only child do, but for a border.
    fn keeps_places(&self) -> bool {
        false
    }

    /// Which elements of a child it comes to.
    fn reach(&self, of: &[SubKernel], child: usize) -> Reach;

    /// How it is cut by nature, if it is; `chunks` tells the chunks of what a child hands on as it is.
    fn pieces(&self, of: &[SubKernel], chunks: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces>;

    /// The most bytes that a block of this shape takes beside its own `bytes`; `child` tells the same of a
    /// block of a child.
    fn bytes(
        &self,
        of: &[SubKernel],
        block: &[u64],
        bytes: u64,
        child: &dyn Fn(usize, &[u64]) -> FeedBytes,
    ) -> FeedBytes;

    /// The bytes of what it brings along, which all blocks share.
    fn held(&self) -> u64 {
        0
    }

    /// The products of matrices that it asks a device for.
    fn product(&self, _of: &[SubKernel]) -> Option<Multiplied> {
        None
    }

    /// Fills `to` with the elements of a slab of what it makes, C order. The slab is not empty.
    ///
    /// # Errors
    /// What computing the children meets.
    fn fetch(&self, of: &[SubKernel], get: &mut dyn Fetch, out: &Slab, to: &mut [u8]) -> Result<()>;
}

/// An axis of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AxisOf {
    /// Its number.
    pub axis: usize,
    /// Element `i` of the axis that is made is element `i + shift` of it, in the child or its border; `None` if these are
    /// others.
    pub shift: Option<i64>,
}

/// Which elements of a child a feed comes to, over all of what it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reach {
    /// Each once, where a block is a box of them. Children that it comes to like this lie one after the other
    /// along an axis.
    Affine {
        /// The axis.
        along: usize,
    },
    /// Each once, in stretches that follow each other in C order.
    CRuns,
    /// Element `i` of the child is element `i + before`; what is before and after shows some of them again.
    Halo {
        /// Per axis.
        before: Dims,
    },
    /// Along an axis those of these indices, each as often as it stands there.
    Picked {
        /// The axis.
        along: usize,
        /// The indices.
        picks: Arc<[u64]>,
    },
    /// All of them so often, in boxes of this shape.
    Times {
        /// How often.
        times: u64,
        /// The box.
        tile: Dims,
    },
}

/// How a feed is cut by nature, along its own axes.
pub struct Pieces {
    /// The pieces.
    pub chunks: Chunks,
    /// Where along each axis one of them begins.
    pub origin: Dims,
    /// Whether blocks must be exactly these.
    pub fixed: bool,
}

impl Pieces {
    /// Pieces from the first element on.
    pub fn new(chunks: Chunks, fixed: bool) -> Pieces {
        let origin = Dims::from_elem(0, chunks.shape().len());
        Pieces { chunks, origin, fixed }
    }
}

/// The most bytes that a block takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FeedBytes {
    /// Beside its own elements.
    pub temporary: u64,
    /// To read.
    pub scratch: ScratchNeeds,
}

/// A product of matrices that a feed computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiplied {
    /// The dtype in which it is accumulated.
    pub dtype: DType,
    /// The largest pieces, `[m, k, n]`.
    pub most: [usize; 3],
    /// The inner dimension.
    pub inner: u64,
    /// How many products of matrices a block of it is.
    pub matrices: u64,
}

/// Computes a tile by the product that it is given. The inner error is the product's, which then is not
/// asked again: nothing is wrong with the factors.
pub type Tile<'t> = dyn FnMut(&mut dyn Fetch, &mut dyn Product) -> Result<Result<()>> + 't;

/// What a worker does for a feed.
pub trait Fetch {
    /// Fills `to` with the elements of a slab of a child, C order, in its dtype or another one.
    ///
    /// # Errors
    /// What reading and computing it meets.
    fn child(&mut self, child: usize, slab: &Slab, dtype: DType, to: &mut [u8]) -> Result<()>;

    /// A piece of a child where it lies, if it is one matrix of this dtype in memory (its last two axes).
    ///
    /// # Errors
    /// `Value` if it is a value that was not made.
    fn within(&self, child: usize, slab: &Slab, dtype: DType) -> Result<Option<Within<'_>>>;

    /// All of a child where it lies, if it is of this dtype and in memory.
    ///
    /// # Errors
    /// `Value` if it is a value that was not made.
    fn lying(&self, child: usize, dtype: DType) -> Result<Option<Lying<'_>>>;

    /// A buffer of `len` bytes with any content.
    fn take(&mut self, len: usize) -> Buffer;

    /// Takes a buffer back.
    fn give(&mut self, buffer: Buffer);

    /// Has a tile computed with pieces of at most `most`: by the device that is to multiply, or else by the
    /// CPU, which always can.
    ///
    /// # Errors
    /// The outer one of `tile`; `Device` if the device fails and must not.
    fn multiply(&mut self, dtype: DType, most: [usize; 3], tile: &mut Tile) -> Result<()>;
}

/// An array as it lies in memory: element `[i, j, …]` is element `offset + i * strides[0] + j * strides[1] + …`.
#[derive(Clone, Debug)]
pub struct Lying<'a> {
    /// What it lies in.
    pub bytes: &'a [u8],
    /// In elements.
    pub offset: i64,
    /// In elements, per axis.
    pub strides: SmallVec<[i64; 4]>,
}

/// One input of a program: elements, seen through a view whose shape is the domain's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Where the elements come from.
    pub from: Supply,
    /// How the domain sees them.
    pub view: View,
}

/// A program with one output over a domain of its own; what a feed is computed by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubKernel {
    /// The domain.
    pub shape: Dims,
    /// The inputs.
    pub inputs: Vec<Input>,
    /// The program.
    pub program: Program,
}

/// Where the elements of an input come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Supply {
    /// They are read.
    Read(Read),
    /// They are made block by block.
    Feed(Arc<Fed>),
}

/// What is read as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// A source of the plan.
    Source(usize),
    /// The result of an earlier stage.
    Value(ValueId),
}

/// A feed, and what it is made of.
#[derive(Clone, Debug)]
pub struct Fed {
    /// How it is made.
    pub feed: Arc<dyn Feed>,
    /// The kernels that it is made of.
    pub of: Vec<SubKernel>,
}

impl Input {
    /// The source that is read, by its position in the plan.
    pub fn source(&self) -> Option<usize> {
        match self.from {
            Supply::Read(Read::Source(s)) => Some(s),
            _ => None,
        }
    }

    /// The value that is read.
    pub fn value(&self) -> Option<ValueId> {
        match self.from {
            Supply::Read(Read::Value(v)) => Some(v),
            _ => None,
        }
    }

    /// The feed that makes it.
    pub fn fed(&self) -> Option<&Fed> {
        match &self.from {
            Supply::Feed(fed) => Some(fed),
            Supply::Read(_) => None,
        }
    }

    /// The kernels that it is made of, if a feed makes it.
    pub fn children(&self) -> &[SubKernel] {
        self.fed().map_or(&[], |fed| &fed.of)
    }
}

impl SubKernel {
    /// The dtype of what it makes.
    ///
    /// # Errors
    /// `Format` if it does not make exactly one array.
    pub fn dtype(&self) -> Result<DType> {
        match self.program.outputs[..] {
            [output] => Ok(self.program.dtype(output)),
            _ => Err(unfit("a feed does not make one array")),
        }
    }
}

impl Fed {
    /// [`Feed::makes`].
    ///
    /// # Errors
    /// `Format` if the feed cannot be made of its children.
    pub fn makes(&self) -> Result<(Dims, DType)> {
        self.feed.makes(&self.of)
    }

    /// [`Feed::reach`].
    pub fn reach(&self, child: usize) -> Reach {
        self.feed.reach(&self.of, child)
    }

    /// [`Feed::pieces`].
    pub fn pieces(&self, chunks: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces> {
        self.feed.pieces(&self.of, chunks)
    }

    /// [`Feed::bytes`].
    pub fn bytes(
        &self,
        block: &[u64],
        bytes: u64,
        child: &dyn Fn(&SubKernel, &[u64]) -> FeedBytes,
    ) -> FeedBytes {
        self.feed.bytes(&self.of, block, bytes, &|i, block| child(&self.of[i], block))
    }

    /// [`Feed::product`].
    pub fn product(&self) -> Option<Multiplied> {
        self.feed.product(&self.of)
    }

    /// How many kernels are nested in it, and how deeply.
    pub fn nested(&self) -> (usize, usize) {
        self.of
            .iter()
            .flat_map(|k| &k.inputs)
            .filter_map(Input::fed)
            .map(Fed::nested)
            .fold((self.of.len(), 1), |(kernels, depth), (k, d)| {
                (kernels.saturating_add(k), depth.max(1 + d))
            })
    }
}

impl PartialEq for Fed {
    fn eq(&self, other: &Fed) -> bool {
        let (a, b) = (&self.feed, &other.feed);
        std::ptr::eq(self, other)
            || (a.name() == b.name()
                && self.of.len() == other.of.len()
                && (Arc::ptr_eq(a, b) || a.data() == b.data())
                && self.of == other.of)
    }
}

pub(super) fn unfit(what: &str) -> Error {
    Error::new(ErrorKind::Format, format!("the plan is not valid: {what}"))
}
