//! What a user's own function makes of blocks.
//!
//! The cut into blocks is part of the meaning: the function is called with exactly the blocks that were named, each as
//! a whole, whatever the tasks, threads, passes and the budget are. A task that wants a part of a block has all
//! of it computed. Blocks of the stage that reads them are these where that is possible, and then each is computed
//! once for each pass of the stage.
//!
//! Memory: the inputs and the output of a block, and what the function declares beside them.
//!
//! Limits: an output block has the shape of its place. A plan with a function stays in its process, unless it is
//! registered by name ([`register_block_function`]).

use super::feed::{Feed, FeedBytes, Fetch, Pieces, Reach, SubKernel, unfit};
use super::row::{Row, data_of};
use crate::buffer::Buffer;
use crate::dtype::{DType, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, Region, Slab, c_strides, unravel};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

type Call = dyn Fn(&mut MappedBlock) -> Result<()> + Send + Sync;

/// A function over blocks, for [`Array::map_blocks`](crate::Array::map_blocks) and
/// [`Array::map_overlap`](crate::Array::map_overlap). It fills the output of a [`MappedBlock`] from its inputs. Two
/// that were made by themselves are never taken for one, whatever their names.
#[derive(Clone)]
pub struct BlockFunction {
    name: Arc<str>,
    id: u64,
    call: Arc<Call>,
    dtype: Option<DType>,
    scratch: u64,
    chunks: Option<Dims>,
}

impl fmt::Debug for BlockFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockFunction({})", self.name)
    }
}

impl BlockFunction {
    /// A function by the name that errors and plans show. It may be called from several threads at once.
    pub fn new(
        name: &str,
        call: impl Fn(&mut MappedBlock) -> Result<()> + Send + Sync + 'static,
    ) -> BlockFunction {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let id = LAST.fetch_add(1, Ordering::Relaxed);
        BlockFunction { name: name.into(), id, call: Arc::new(call), dtype: None, scratch: 0, chunks: None }
    }

    /// The dtype of what it makes; that of its first input if nothing is said.
    pub fn dtype(mut self, dtype: DType) -> BlockFunction {
        self.dtype = Some(dtype);
        self
    }

    /// The most bytes that a call takes beside its inputs and its output; none if nothing is said.
    pub fn scratch_bytes(mut self, bytes: u64) -> BlockFunction {
        self.scratch = bytes;
        self
    }

    /// The shape of the blocks; the array's [`chunks`](crate::Array::chunks) if nothing is said.
    pub fn chunks(mut self, shape: impl AsRef<[u64]>) -> BlockFunction {
        self.chunks = Some(shape.as_ref().into());
        self
    }

    /// The dtype that was named.
    pub(crate) fn named_dtype(&self) -> Option<DType> {
        self.dtype
    }

    /// The cut that was named.
    pub(crate) fn named_chunks(&self) -> Option<&Dims> {
        self.chunks.as_ref()
    }
}

static REGISTERED: LazyLock<RwLock<HashMap<String, BlockFunction>>> = LazyLock::new(RwLock::default);

/// Registers a function under its name, by which plans that have it travel. Every process that makes, reads or runs
/// such a plan registers it first. The same one again changes nothing.
///
/// # Errors
/// `Value` if another function has the name.
pub fn register_block_function(function: &BlockFunction) -> Result<()> {
    let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    match registered.get(&*function.name) {
        Some(other) if other.id != function.id => {
            let taken = format!("there is a function over blocks '{}' already", function.name);
            Err(Error::new(ErrorKind::Value, taken)
                .hint("choose a name that others will not, as my-crate/my-function"))
        }
        _ => {
            registered.insert(function.name.to_string(), function.clone());
            Ok(())
        }
    }
}

fn registered(name: &str) -> Option<BlockFunction> {
    REGISTERED.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
}

/// A block for a [`BlockFunction`]: its inputs, to be read, and its output, to be written.
pub struct MappedBlock<'a> {
    region: Region,
    inputs: Vec<(DType, Region, &'a [u8])>,
    output: (DType, &'a mut [u8]),
}

impl<'a> MappedBlock<'a> {
    /// Which part of the result it is.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// How many inputs there are.
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// Input `i`: the block, and what [`Array::map_overlap`](crate::Array::map_overlap) shows around it.
    ///
    /// # Errors
    /// `Type` if it is of another dtype; `Index` if there is none.
    pub fn input<T: Element>(&self, i: usize) -> Result<ndarray::ArrayViewD<'a, T>> {
        let Some(&(dtype, ref region, bytes)) = self.inputs.get(i) else {
            return Err(Error::new(ErrorKind::Index, format!("the block has no input {i}")));
        };
        let elements = bytemuck::checked::try_cast_slice(bytes).map_err(|_| other_dtype::<T>(dtype))?;
        of_dtype::<T>(dtype)?;
        ndarray::ArrayViewD::from_shape(lengths(&region.shape), elements).map_err(unshaped)
    }

    /// How many elements of input `i` lie before the block, per axis.
    pub fn before(&self, i: usize) -> Dims {
        let of = |(_, region, _): &(DType, Region, &[u8])| region.start.clone();
        self.inputs.get(i).map(of).unwrap_or_default()
    }

    /// The output, of the shape of the block; zeros at first.
    ///
    /// # Errors
    /// `Type` if it is of another dtype.
    pub fn output<T: Element>(&mut self) -> Result<ndarray::ArrayViewMutD<'_, T>> {
        let (dtype, bytes) = &mut self.output;
        of_dtype::<T>(*dtype)?;
        let wrong = other_dtype::<T>(*dtype);
        let elements = bytemuck::checked::try_cast_slice_mut(bytes).map_err(|_| wrong)?;
        ndarray::ArrayViewMutD::from_shape(lengths(&self.region.shape), elements).map_err(unshaped)
    }
}

fn lengths(shape: &[u64]) -> Vec<usize> {
    shape.iter().map(|&n| n as usize).collect()
}

fn other_dtype<T: Element>(dtype: DType) -> Error {
    Error::new(ErrorKind::Type, format!("it is of {dtype}, not of {}", T::DTYPE))
        .hint("cast the array first, or say the function's dtype")
}

fn of_dtype<T: Element>(dtype: DType) -> Result<()> {
    if T::DTYPE == dtype { Ok(()) } else { Err(other_dtype::<T>(dtype)) }
}

fn unshaped(e: ndarray::ShapeError) -> Error {
    Error::new(ErrorKind::Internal, "a block does not have its shape").caused_by(e)
}

/// What a function makes of the blocks of arrays.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Data")]
pub struct Mapped {
    data: Data,
    function: BlockFunction,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    name: String,
    /// Which of the functions of this process it is; nothing if it is registered.
    id: Option<u64>,
    dtype: DType,
    scratch: u64,
    cut: Chunks,
    /// What a block sees before and after it, per axis.
    depth: Vec<(u64, u64)>,
    /// By axis, whether the children have a border as wide; else there is less to see at the ends.
    bordered: Vec<bool>,
}

pub(super) const ROW: Row = Row::of::<Mapped>("map_blocks");

impl TryFrom<Data> for Mapped {
    type Error = Error;

    fn try_from(data: Data) -> Result<Mapped> {
        let Some(function) = registered(&data.name).filter(|_| data.id.is_none()) else {
            let none = format!("no function over blocks is registered as '{}' in this process", data.name);
            return Err(Error::new(ErrorKind::NotFound, none)
                .hint("call chunkwise::unstable::register_block_function before the plan is read"));
        };
        if data.cut.shape().contains(&0) {
            return Err(unfit("blocks without elements"));
        }
        Ok(Mapped { data, function })
    }
}

impl Mapped {
    /// Of blocks that are cut so, which see so much around them; `bordered` says of which axes the arrays have a
    /// border as wide.
    pub fn new(
        function: &BlockFunction,
        dtype: DType,
        cut: Chunks,
        depth: Vec<(u64, u64)>,
        bordered: Vec<bool>,
    ) -> Mapped {
        let known = registered(&function.name).is_some_and(|f| f.id == function.id);
        let data = Data {
            name: function.name.to_string(),
            id: (!known).then_some(function.id),
            dtype,
            scratch: function.scratch,
            cut,
            depth,
            bordered,
        };
        Mapped { data, function: function.clone() }
    }

    /// The shape of what it makes of a child.
    fn shape(&self, of: &SubKernel) -> Option<Dims> {
        let Data { depth, bordered, .. } = &self.data;
        if [depth.len(), bordered.len(), self.data.cut.shape().len()] != [of.shape.len(); 3] {
            return None;
        }
        let own = of.shape.iter().zip(depth).zip(bordered);
        own.map(|((&n, &(a, b)), &bordered)| n.checked_sub(if bordered { a.checked_add(b)? } else { 0 }))
            .collect()
    }

    /// Which elements of a child the block sees, and where the block lies in them.
    fn seen(&self, block: &Region, shape: &[u64]) -> (Region, Dims) {
        let (mut seen, mut within) = (block.clone(), block.start.clone());
        for d in 0..shape.len() {
            let ((before, after), (start, len)) = (self.data.depth[d], (block.start[d], block.shape[d]));
            if self.data.bordered[d] {
                (seen.shape[d], within[d]) = (len + before + after, before);
            } else {
                let first = start.saturating_sub(before);
                let end = (start + len).saturating_add(after).min(shape[d]);
                (seen.start[d], seen.shape[d], within[d]) = (first, end - first, start - first);
            }
        }
        (seen, within)
    }

    /// Has a block computed.
    fn compute(
        &self,
        of: &[SubKernel],
        get: &mut dyn Fetch,
        block: &Region,
        shape: &[u64],
        out: &mut [u8],
    ) -> Result<()> {
        let (seen, within) = self.seen(block, shape);
        let elements: u64 = seen.shape.iter().product();
        let mut staged: Vec<Buffer> = Vec::new();
        for (child, kernel) in of.iter().enumerate() {
            let dtype = kernel.dtype()?;
            let mut buffer = get.take(elements as usize * dtype.size());
            get.child(child, &Slab::dense(&seen), dtype, &mut buffer)?;
            staged.push(buffer);
        }
        out.fill(0);
        let region = || Region { start: within.clone(), shape: seen.shape.clone() };
        let inputs = of.iter().zip(&staged).map(|(k, buffer)| Ok((k.dtype()?, region(), &buffer[..])));
        let inputs = inputs.collect::<Result<_>>()?;
        let mut call = MappedBlock { region: block.clone(), inputs, output: (self.data.dtype, out) };
        let done = catch_unwind(AssertUnwindSafe(|| (self.function.call)(&mut call)));
        drop(call);
        let done = done.unwrap_or_else(|panic| {
            let said = panic.downcast_ref::<&str>().map(|s| s.to_string());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Err(Error::new(ErrorKind::Value, format!("the function panicked: {said}")))
        });
        staged.into_iter().for_each(|buffer| get.give(buffer));
        let place = || {
            let ends = block.start.iter().zip(&block.shape).map(|(&a, &n)| format!("{a}:{}", a + n));
            format!("[{}]", ends.collect::<Vec<_>>().join(", "))
        };
        done.map_err(|e| e.at("function", &self.data.name).at("block", place()))
    }
}

impl Feed for Mapped {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn data(&self) -> serde_json::Value {
        data_of(&self.data)
    }

    fn local(&self) -> Option<&str> {
        self.data.id.map(|_| self.data.name.as_str())
    }

    fn cut(&self) -> Option<&Chunks> {
        Some(&self.data.cut)
    }

    fn makes(&self, of: &[SubKernel]) -> Result<(Dims, DType)> {
        let shape =
            of.first().and_then(|k| self.shape(k)).filter(|_| of.iter().all(|k| k.shape == of[0].shape));
        let shape = shape.ok_or_else(|| unfit("blocks of arrays of other shapes than were named"))?;
        of.iter().try_for_each(|k| k.dtype().map(drop))?;
        Ok((shape, self.data.dtype))
    }

    fn describe(&self, _: &[SubKernel]) -> String {
        format!("{} over blocks of {}", self.data.name, self.data.cut)
    }

    fn is_dear(&self) -> bool {
        true
    }

    fn reach(&self, of: &[SubKernel], _: usize) -> Reach {
        Reach::Halo { before: Dims::from_elem(0, of[0].shape.len()) }
    }

    fn pieces(&self, _: &[SubKernel], _: &dyn Fn(&SubKernel) -> Option<Chunks>) -> Option<Pieces> {
        Some(Pieces::new(self.data.cut.clone(), true))
    }

    fn bytes(
        &self,
        of: &[SubKernel],
        _: &[u64],
        _: u64,
        child: &dyn Fn(usize, &[u64]) -> FeedBytes,
    ) -> FeedBytes {
        let shape = self.shape(&of[0]).unwrap_or_default();
        let block: Dims = self.data.cut.shape().iter().zip(&shape).map(|(&b, &n)| b.min(n)).collect();
        let around =
            block.iter().zip(&self.data.depth).map(|(&b, &(x, y))| b.saturating_add(x.saturating_add(y)));
        let seen: Dims = around.zip(&of[0].shape).map(|(b, &n)| b.min(n)).collect();
        let bytes = |shape: &[u64], dtype: DType| {
            shape.iter().fold(dtype.size() as u64, |bytes, &n| bytes.saturating_mul(n))
        };
        let mut own = bytes(&block, self.data.dtype).saturating_add(self.data.scratch);
        let mut most = FeedBytes::default();
        for (i, k) in of.iter().enumerate() {
            own = own.saturating_add(bytes(&seen, k.dtype().unwrap_or(DType::F64)));
            let FeedBytes { temporary, scratch } = child(i, &seen);
            most =
                FeedBytes { temporary: most.temporary.max(temporary), scratch: most.scratch.and(&scratch) };
        }
        FeedBytes { temporary: own.saturating_add(most.temporary), ..most }
    }

    fn fetch(&self, of: &[SubKernel], get: &mut dyn Fetch, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let (shape, _) = self.makes(of)?;
        let (size, cut) = (self.data.dtype.size(), &self.data.cut);
        let (mut touched, strides) = (Vec::new(), c_strides(&slab.count));
        for d in 0..shape.len() {
            touched.push(Stretch::of(cut, d, slab));
        }
        let counts: Dims = touched.iter().map(|t| t.len() as u64).collect();
        for i in 0..counts.iter().product() {
            let at = unravel(i, &counts);
            let parts: Vec<&Stretch> = touched.iter().zip(&at).map(|(t, &k)| &t[k as usize]).collect();
            let block = Region {
                start: parts.iter().map(|p| p.start).collect(),
                shape: parts.iter().zip(&shape).map(|(p, &n)| p.end.min(n) - p.start).collect(),
            };
            if *slab == Slab::dense(&block) {
                return self.compute(of, get, &block, &shape, out);
            }
            let mut made = get.take(block.shape.iter().product::<u64>() as usize * size);
            self.compute(of, get, &block, &shape, &mut made)?;
            let own = c_strides(&block.shape);
            let wanted: Dims = parts.iter().map(|p| p.count).collect();
            for k in 0..wanted.iter().product() {
                let (mut to, mut from) = (0, 0);
                for (d, &k) in unravel(k, &wanted).iter().enumerate() {
                    let index = parts[d].first + k;
                    to += index as usize * strides[d] as usize;
                    let p = slab.start[d] + index * slab.step[d];
                    from += (p - block.start[d]) as usize * own[d] as usize;
                }
                out[to * size..(to + 1) * size].copy_from_slice(&made[from * size..(from + 1) * size]);
            }
            get.give(made);
        }
        Ok(())
    }
}

/// The elements of a slab along one axis that lie in one block.
struct Stretch {
    /// The block.
    start: u64,
    end: u64,
    /// The first in the slab, and how many.
    first: u64,
    count: u64,
}

impl Stretch {
    fn of(cut: &Chunks, d: usize, slab: &Slab) -> Vec<Stretch> {
        let (mut all, mut first) = (Vec::new(), 0);
        while first < slab.count[d] {
            let p = slab.start[d] + first * slab.step[d];
            let (start, end) = cut.range(d, cut.index_of(d, p));
            let count = (end - p).div_ceil(slab.step[d]).min(slab.count[d] - first);
            all.push(Stretch { start, end, first, count });
            first += count;
        }
        all
    }
}
