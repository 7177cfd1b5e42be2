//! Feeds: inputs of a program that are computed block by block when a task asks for them.
//!
//! A feed says of what it is made (its children, each a kernel over a domain of its own), what it makes of
//! them, and how: which parts of its children a block needs, in which pieces it is naturally cut, how many
//! bytes that takes, and how a block is filled. Planner and executor know no feed by name; they walk
//! children and ask. So `sum(a @ b)` never holds `a @ b`, and a new feed is
//!
//! 1. a file here with a plain struct, its [`Feed`], and its row;
//! 2. the row's line in `FEEDS`;
//! 3. a method of [`Array`](crate::Array) that makes [`NodeKind::Feed`](crate::graph::NodeKind::Feed) of it;
//! 4. expected values from NumPy in `tests/goldens`.
//!
//! A feed holds no children: the same struct is what a node of the graph does to its inputs, and what a plan
//! does to the kernels that these became ([`Fed`]). What is read as it is (sources, earlier values) is no
//! feed but [`Read`]: there the reader's caches and operands in place apply.
//!
//! Limits: a feed makes one array; its children's programs run on the CPU.

mod concatenate;
mod halo;
mod matmul;
mod reshape;
mod supply;

pub use concatenate::Concatenate;
pub use halo::{Boundary, Halo};
pub use matmul::Matmul;
pub use reshape::Reshape;
pub use supply::{Fed, Input, Read, SubKernel, Supply};

use crate::backend::{Product, Within};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, Slab};
use crate::source::ScratchNeeds;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Data;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

/// The feeds that a plan may name.
static FEEDS: &[Row] = &[matmul::ROW, concatenate::ROW, reshape::ROW, halo::ROW];

/// A feed's name in a plan, and how it is read from one.
struct Row {
    name: &'static str,
    read: Reads,
}

impl Row {
    /// The row of a feed that is written by serde.
    const fn of<F: Feed + DeserializeOwned + 'static>(name: &'static str) -> Row {
        Row { name, read: |data| Ok(Arc::new(serde_json::from_value::<F>(data)?)) }
    }
}

type Reads = fn(Data) -> serde_json::Result<Arc<dyn Feed>>;

static REGISTERED: Mutex<Vec<(&'static str, Reads)>> = Mutex::new(Vec::new());

/// Adds a feed of another crate to those that plans are read with. The same again changes nothing.
///
/// # Errors
/// `Value` if another feed has its name.
pub fn register_feed<F: Feed + DeserializeOwned + 'static>(name: &'static str) -> Result<()> {
    let read = Row::of::<F>(name).read;
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    let there = registered.iter().find(|r| r.0 == name).map(|r| r.1);
    match FEEDS.iter().find(|r| r.name == name).map(|r| r.read).or(there) {
        Some(other) if other as usize == read as usize => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::Value, format!("there is a feed '{name}' already"))),
        None => {
            registered.push((name, read));
            Ok(())
        }
    }
}

/// The feed that a plan describes.
///
/// # Errors
/// `Format` if there is none of this name, or the data are not its own.
fn read(name: &str, data: Data) -> Result<Arc<dyn Feed>> {
    let registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    let registered = registered.iter().find(|r| r.0 == name).map(|r| r.1);
    let read = FEEDS.iter().find(|row| row.name == name).map(|r| r.read).or(registered).ok_or_else(|| {
        Error::new(ErrorKind::Format, format!("this version of chunkwise has no feed named '{name}'"))
    })?;
    read(data).map_err(|e| {
        Error::new(ErrorKind::Format, format!("these are no data of the feed '{name}'")).caused_by(e)
    })
}

/// A feed's plain data, as a plan has them.
fn data_of(feed: &impl Serialize) -> Data {
    // Numbers, names and lists of them always have a form in JSON.
    serde_json::to_value(feed).unwrap_or(Data::Null)
}

/// A shape of as many elements as `block`, within `shape`.
fn block_in(block: &[u64], shape: &[u64]) -> Dims {
    let mut left: u64 = block.iter().product();
    let mut out = Dims::from_elem(1, shape.len());
    for d in (0..shape.len()).rev() {
        out[d] = left.min(shape[d]).max(1);
        left = left.div_ceil(out[d]);
    }
    out
}

fn unfit(what: &str) -> Error {
    Error::new(ErrorKind::Format, format!("the plan is not valid: {what}"))
}

/// How a region of an input is made of others. `of` are the children, always those that [`Feed::makes`] took.
pub trait Feed: Debug + Send + Sync {
    /// Its name, in plans and for people.
    fn name(&self) -> &'static str;

    /// All of it as plain data: two feeds of one name and equal data are the same.
    fn data(&self) -> Data;

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

/// Which elements of a child a feed comes to, over all of what it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
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

    /// A piece of a child where it lies, if it is a matrix of this dtype in memory.
    ///
    /// # Errors
    /// `Value` if it is a value that was not made.
    fn within(&self, child: usize, slab: &Slab, dtype: DType) -> Result<Option<Within<'_>>>;

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

#[cfg(test)]
mod tests;
