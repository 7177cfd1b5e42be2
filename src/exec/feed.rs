//! Bringing the inputs of a block into memory: sources, earlier values, and feeds that are computed
//! on the way (products, concatenations, reshapes).

mod pieces;

use super::budget::{Held, Meter};
use super::cache::ChunkCache;
use super::kept::Kept;
use super::report::{Fallback, TaskCounts};
use super::value::Value;
use crate::backend::{Backend, Product, Runner, Within};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, Grid, Region, Slab, c_strides, unravel};
use crate::ops::elementwise::{self, Events};
use crate::ops::kernel::{Block, Kernel, Operand, Packing, Partial, Terminal};
use crate::ops::matmul::{MATMUL_DEPTH, matmul_dtype, round_to_f16};
use crate::ops::simd::Simd;
use crate::plan::{Feed, Input, MAX_KEPT_RUNNERS, Plan, SubKernel, uses_of_chunk};
use crate::source::assemble::{Place, read_from_chunk};
use crate::source::{ReadCx, ReadStats, Scratch, Source, copy_slab};
use crate::view::{Placement, View, is_contiguous};
use std::collections::HashMap;
use std::sync::Arc;

/// Values made so far, by their number.
pub type Values = HashMap<usize, Value>;

/// What a worker reads for: what is planned and made, what it shares with others, and the devices.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    pub plan: &'a Plan,
    pub values: &'a Values,
    /// Chunks that tasks to come will want.
    pub cache: &'a ChunkCache,
    /// Chunks that wait for a later pass or stage.
    pub kept: Option<&'a Kept>,
    pub sharing: Sharing<'a>,
    pub stats: &'a ReadStats,
    /// The CPU, which computes what lies inside of feeds.
    pub cpu: &'a dyn Backend,
    pub simd: Simd,
    /// The device that multiplies matrices, if it is not the CPU. It is a task's choice for tiles, not
    /// a promise: what it cannot do, or fails at, is done on the CPU and counted.
    pub products: Option<&'a dyn Backend>,
    /// Whether it is an error if that device cannot.
    pub must_multiply: bool,
}

/// A reader that waits for its next task: what it holds, without what it reads for.
pub struct Rested {
    scratch: Scratch,
    pool: Vec<Buffer>,
    pooled: u64,
    held: Held,
    runners: HashMap<usize, (Box<dyn Runner>, u64)>,
    runner_bytes: u64,
    kept_products: Vec<(DType, Box<dyn Product>)>,
    given_up: HashMap<DType, String>,
}

impl Rested {
    /// Holds nothing yet; what it will hold is counted by `meter`.
    pub fn new(meter: &Arc<Meter>) -> Rested {
        Rested {
            scratch: Scratch::default(),
            pool: Vec::new(),
            pooled: 0,
            held: Held::new(meter),
            runners: HashMap::new(),
            runner_bytes: 0,
            kept_products: Vec::new(),
            given_up: HashMap::new(),
        }
    }

    /// The reader at work. It must be for the plan that it was for before.
    pub fn wake(self, of: Reading<'_>) -> Reader<'_> {
        Reader {
            plan: of.plan,
            values: of.values,
            cache: of.cache,
            kept: of.kept,
            stats: of.stats,
            cpu: of.cpu,
            simd: of.simd,
            sharing: of.sharing,
            scratch: self.scratch,
            pool: self.pool,
            pooled: self.pooled,
            held: self.held,
            runners: self.runners,
            runner_bytes: self.runner_bytes,
            events: Events::default(),
            products: of.products,
            must_multiply: of.must_multiply,
            kept_products: self.kept_products,
            product_tiles: TaskCounts::default(),
            product_fallbacks: Vec::new(),
            given_up: self.given_up,
        }
    }
}

/// One worker's means to read.
pub struct Reader<'a> {
    pub plan: &'a Plan,
    pub values: &'a Values,
    pub cache: &'a ChunkCache,
    /// Chunks that wait for a later pass or stage.
    pub kept: Option<&'a Kept>,
    pub stats: &'a ReadStats,
    pub(super) cpu: &'a dyn Backend,
    simd: Simd,
    sharing: Sharing<'a>,
    pub(super) scratch: Scratch,
    pool: Vec<Buffer>,
    pooled: u64,
    /// What of [`Reader::bytes`] is counted as held.
    held: Held,
    /// Runners of nested kernels that are kept, by where the kernel lies, and what each holds.
    runners: HashMap<usize, (Box<dyn Runner>, u64)>,
    runner_bytes: u64,
    pub events: Events,
    products: Option<&'a dyn Backend>,
    must_multiply: bool,
    /// Products of that device that are not under way.
    kept_products: Vec<(DType, Box<dyn Product>)>,
    /// Tiles of products, by where they were computed. Reading a block again counts again.
    pub product_tiles: TaskCounts,
    /// Tiles that the CPU computed although [`Reader::products`] was to, and why.
    pub product_fallbacks: Vec<Fallback>,
    /// Why products of a dtype are left to the CPU from now on.
    given_up: HashMap<DType, String>,
}

/// What a stage's tasks share chunks by: its grid, the pass' window, its inputs.
type Sharing<'a> = Option<(&'a Grid, &'a Region, &'a [Input])>;

/// An input that lies in memory as it is, in a chunk that is kept, or a staged copy.
pub enum Staged<'a> {
    Direct(&'a [u8], Placement),
    Kept(Arc<Buffer>, Placement),
    Copied(Buffer, Placement, Packing),
}

impl Staged<'_> {
    pub fn operand(&self) -> Operand<'_> {
        match self {
            Staged::Direct(bytes, placement) => Operand::plain(bytes, placement.clone()),
            Staged::Kept(chunk, placement) => Operand::plain(chunk, placement.clone()),
            Staged::Copied(buffer, placement, packing) => {
                Operand { bytes: buffer, placement: placement.clone(), packing: *packing }
            }
        }
    }
}

impl<'a> Reader<'a> {
    /// Puts the reader aside between two tasks, with its buffers, runners and products.
    pub fn rest(self) -> Rested {
        Rested {
            scratch: self.scratch,
            pool: self.pool,
            pooled: self.pooled,
            held: self.held,
            runners: self.runners,
            runner_bytes: self.runner_bytes,
            kept_products: self.kept_products,
            given_up: self.given_up,
        }
    }

    /// Bytes in buffers that this reader keeps or has lent out, and in runners of nested kernels.
    pub fn bytes(&self) -> u64 {
        self.pooled + self.scratch.bytes() + self.runner_bytes
    }

    /// Counts what is held by now.
    pub fn count(&mut self) {
        self.held.set(self.bytes());
    }

    /// A buffer of `len` bytes with any content.
    pub fn take(&mut self, len: usize) -> Buffer {
        // The smallest that fits, or else the largest, which then grows.
        let fits = |b: &Buffer| {
            (b.capacity() < len, if b.capacity() < len { usize::MAX - b.capacity() } else { b.capacity() })
        };
        let best = (0..self.pool.len()).min_by_key(|&i| fits(&self.pool[i]));
        let mut buffer = best.map(|i| self.pool.swap_remove(i)).unwrap_or_default();
        if buffer.capacity() < len {
            // Counted before it is there: a task may be long.
            self.pooled += (Buffer::capacity_for(len) - buffer.capacity()) as u64;
            self.count();
        }
        buffer.resize_for_overwrite(len);
        buffer
    }

    /// Takes a buffer back.
    pub fn give(&mut self, buffer: Buffer) {
        self.pool.push(buffer);
    }

    /// The elements of an input for a block of its domain. The block must not be empty.
    pub fn stage(&mut self, input: &Input, block: &Slab, dtype: DType) -> Result<Staged<'a>> {
        if let Some((bytes, shape)) = self.in_memory(&input.feed)? {
            return Ok(Staged::Direct(bytes, direct(&input.view, block, &shape)));
        }
        if let Some(staged) = self.stage_kept(input, block)? {
            return Ok(staged);
        }
        let (slab, placement) = input.view.slab(block);
        let mut buffer = self.take(slab.len() as usize * dtype.size());
        match self.read(&input.feed, &slab, dtype, &mut buffer) {
            Ok(()) => Ok(Staged::Copied(buffer, placement, Packing::PLAIN)),
            Err(e) => {
                self.give(buffer);
                Err(e)
            }
        }
    }

    /// As [`Reader::stage`], for a part of a block of inputs of which nothing is kept or shared.
    pub fn stage_part(
        &mut self,
        input: &Input,
        block: &Slab,
        part: &Slab,
        dtype: DType,
    ) -> Result<Staged<'a>> {
        let Feed::Source(s) = input.feed else { return self.stage(input, part, dtype) };
        let source = &self.plan.opened()[s];
        if source.bytes().is_some() {
            return self.stage(input, part, dtype);
        }
        let ((of, _), (slab, placement)) = (input.view.slab(block), input.view.slab(part));
        let mut buffer = self.take(slab.len() as usize * dtype.size());
        let mut cx = ReadCx { scratch: &mut self.scratch, stats: self.stats };
        source.read_part(&of, &slab, &mut buffer, &mut cx)?;
        Ok(Staged::Copied(buffer, placement, Packing::PLAIN))
    }

    /// As [`Reader::stage`], but a block that is one whole chunk of a source may come as it is stored,
    /// where it is not kept and no other block wants that chunk from the cache.
    pub fn stage_packed(&mut self, input: &Input, block: &Slab, dtype: DType) -> Result<Staged<'a>> {
        if let Some(staged) = self.stage_kept(input, block)? {
            return Ok(staged);
        }
        let (slab, placement) = input.view.slab(block);
        let Some((s, chunk)) = self.whole_chunk(&input.feed, &slab) else {
            return self.stage(input, block, dtype);
        };
        let mut buffer = self.take(slab.len() as usize * dtype.size());
        let mut cx = ReadCx { scratch: &mut self.scratch, stats: self.stats };
        match self.plan.opened()[s].read_packed(&chunk, &mut buffer, &mut cx) {
            Ok(packing) => Ok(Staged::Copied(buffer, placement, packing)),
            Err(e) => {
                self.give(buffer);
                Err(e)
            }
        }
    }

    /// The source and the chunk that a slab is exactly, if it is one that is read this once.
    fn whole_chunk(&self, feed: &Feed, slab: &Slab) -> Option<(usize, Dims)> {
        let Feed::Source(s) = feed else { return None };
        let source = &self.plan.opened()[*s];
        let chunks = source.chunks().filter(|_| source.bytes().is_none())?;
        let chunk = chunks.at(&slab.start);
        let whole = *slab == Slab::dense(&chunks.region(&chunk));
        let once = || !self.cache.enabled() || uses(self.sharing, *s, &chunk, chunks) == Some(1);
        (whole && once()).then_some((*s, chunk))
    }

    /// The whole array behind a feed, if it is in memory.
    fn in_memory(&self, feed: &Feed) -> Result<Option<(&'a [u8], Dims)>> {
        Ok(match feed {
            Feed::Value(v) => {
                let value = self.values.get(v).ok_or_else(|| {
                    Error::new(ErrorKind::Value, format!("value {v} of the plan is not there"))
                        .hint("run the stages in order, and hand on what they make")
                })?;
                let array = value.as_array()?;
                Some((array.bytes(), array.shape().into()))
            }
            Feed::Source(s) => {
                let source: &'a Arc<dyn Source> = &self.plan.opened()[*s];
                source.bytes().map(|b| (b, source.shape().into()))
            }
            _ => None,
        })
    }

    /// Fills `out` with the elements of a slab of a feed, C order.
    fn read(&mut self, feed: &Feed, slab: &Slab, dtype: DType, out: &mut [u8]) -> Result<()> {
        if slab.is_empty() {
            return Ok(());
        }
        if let Some((bytes, shape)) = self.in_memory(feed)? {
            copy_slab(bytes, &Region::whole(&shape), slab, out, dtype.size());
            return Ok(());
        }
        match feed {
            Feed::Source(s) => self.read_source(*s, slab, out),
            Feed::Value(_) => Ok(()),
            Feed::Matmul { a, b, dtype } => self.matmul(a, b, *dtype, slab, out).at("operation", "matmul"),
            Feed::Concatenate { axis, pieces } => self.concatenate(*axis, pieces, slab, dtype, out),
            Feed::Reshape { of, shape } => self.reshape(of, shape, slab, dtype, out),
        }
    }

    fn read_source(&mut self, s: usize, slab: &Slab, out: &mut [u8]) -> Result<()> {
        let source = &self.plan.opened()[s];
        let chunks = match source.chunks() {
            Some(chunks) if self.cache.enabled() || self.kept.is_some_and(|kept| kept.has(s)) => chunks,
            _ => {
                let mut cx = ReadCx { scratch: &mut self.scratch, stats: self.stats };
                return source.read_region(slab, out, &mut cx);
            }
        };
        let size = source.dtype().size();
        let per_axis: Vec<Vec<u64>> = (0..slab.start.len()).map(|d| touched(slab, d, chunks)).collect();
        let counts: Dims = per_axis.iter().map(|c| c.len() as u64).collect();
        for i in 0..counts.iter().product() {
            let at = unravel(i, &counts);
            let chunk: Dims = at.iter().zip(&per_axis).map(|(&k, list)| list[k as usize]).collect();
            let region = chunks.region(&chunk);
            let len = region.len() as usize * size;
            if let Some(data) = self.kept_chunk(s, &chunk, len)? {
                copy_slab(&data, &region, slab, out, size);
                continue;
            }
            if !self.cache.enabled() {
                let mut cx = ReadCx { scratch: &mut self.scratch, stats: self.stats };
                read_from_chunk(source.as_ref(), &chunk, slab, &Place::dense(&slab.count), out, &mut cx)?;
                continue;
            }
            let key = (s, chunk.clone());
            let (scratch, stats, sharing) = (&mut self.scratch, self.stats, self.sharing);
            let uses = || uses(sharing, s, &chunk, chunks);
            let load = |out: &mut [u8]| source.read_chunk(&chunk, out, &mut ReadCx { scratch, stats });
            let data = self.cache.get(&key, len, uses, load)?;
            copy_slab(&data, &region, slab, out, size);
        }
        Ok(())
    }

    /// Computes a kernel over a slab of its domain.
    fn eval(&mut self, kernel: &SubKernel, slab: &Slab, dtype: DType, out: &mut [u8]) -> Result<()> {
        if slab.is_empty() {
            return Ok(());
        }
        if let Some(i) = kernel.program.as_identity() {
            let input = &kernel.inputs[i];
            let (inner, placement) = input.view.slab(slab);
            // Read in place where the order is the same and nothing repeats.
            if placement.offset == 0
                && inner.len() == slab.len()
                && is_contiguous(&slab.count, &placement.strides)
            {
                return self.read(&input.feed, &inner, dtype, out);
            }
        }
        let mut staged = Vec::with_capacity(kernel.inputs.len());
        for (input, &d) in kernel.inputs.iter().zip(&kernel.program.inputs) {
            staged.push(self.stage(input, slab, d)?);
        }
        let key = std::ptr::from_ref(kernel) as usize;
        let (mut runner, bytes) = match self.runners.remove(&key) {
            Some(kept) => kept,
            None => {
                let terminals = vec![Terminal::Collect { from: 0 }];
                let kernel = Kernel { program: kernel.program.clone(), terminals };
                let bytes = self.cpu.worker_bytes(&kernel, &slab.count).host;
                self.runner_bytes += bytes;
                self.count();
                (self.cpu.runner(&kernel, &slab.count, None)?, bytes)
            }
        };
        let operands: Vec<Operand> = staged.iter().map(Staged::operand).collect();
        let region = Region { start: Dims::from_elem(0, slab.count.len()), shape: slab.count.clone() };
        let mut partial = [Partial::Collect(self.take(out.len()))];
        let block = Block { region: &region, domain: &slab.count };
        let events = runner.run(&block, &operands, &mut partial)?;
        events.check()?;
        self.events |= events;
        if self.runners.len() < MAX_KEPT_RUNNERS {
            self.runners.insert(key, (runner, bytes));
        } else {
            self.runner_bytes -= bytes;
        }
        let [partial] = partial;
        if let Partial::Collect(buffer) = partial {
            out.copy_from_slice(&buffer);
            self.give(buffer);
        }
        self.recycle(staged);
        Ok(())
    }

    /// Takes the buffers of staged inputs back.
    pub fn recycle(&mut self, staged: Vec<Staged>) {
        for s in staged {
            if let Staged::Copied(buffer, ..) = s {
                self.give(buffer);
            }
        }
    }

    /// A block of a product: by the device that is to do it, or else by the CPU. A device that failed
    /// is not asked again for this dtype.
    fn matmul(
        &mut self,
        a: &SubKernel,
        b: &SubKernel,
        dtype: DType,
        slab: &Slab,
        out: &mut [u8],
    ) -> Result<()> {
        let wide = matmul_dtype(dtype);
        let depth = MATMUL_DEPTH.min(a.shape[1]) as usize;
        let most = [slab.count[0] as usize, depth, slab.count[1] as usize];
        if let Some(device) = self.products {
            let why = match self.product(device, wide, most) {
                Err(why) => why,
                Ok(mut product) => match self.tile(product.as_mut(), [a, b], dtype, slab, out)? {
                    Ok(()) => {
                        self.kept_products.push((wide, product));
                        self.product_tiles.gpu += 1;
                        return Ok(());
                    }
                    Err(e) if e.kind() == ErrorKind::Device => e.to_string(),
                    Err(e) => return Err(e),
                },
            };
            if self.must_multiply {
                return Err(Error::new(ErrorKind::Device, why).at("operation", "matmul"));
            }
            self.fell_back(why.clone());
            self.given_up.insert(wide, why);
        }
        let own = self.cpu.product(wide, most);
        let mut own = own.map_err(|why| Error::new(ErrorKind::Internal, why))?;
        self.tile(own.as_mut(), [a, b], dtype, slab, out)??;
        self.product_tiles.cpu += 1;
        Ok(())
    }

    /// A product of the device that is not under way: inside a factor there may be another product.
    fn product(
        &mut self,
        device: &dyn Backend,
        dtype: DType,
        most: [usize; 3],
    ) -> std::result::Result<Box<dyn Product>, String> {
        if let Some(why) = self.given_up.get(&dtype) {
            return Err(why.clone());
        }
        match self.kept_products.iter().position(|(d, _)| *d == dtype) {
            Some(i) => Ok(self.kept_products.swap_remove(i).1),
            None => device.product(dtype, most),
        }
    }

    fn fell_back(&mut self, reason: String) {
        match self.product_fallbacks.iter_mut().find(|f| f.reason == reason) {
            Some(fallback) => fallback.tasks += 1,
            None => self.product_fallbacks.push(Fallback { reason, tasks: 1 }),
        }
    }

    /// A block of a product, summed over pieces of the inner dimension in one fixed order. The inner
    /// error is the product's: nothing is wrong with the factors.
    fn tile(
        &mut self,
        product: &mut dyn Product,
        [a, b]: [&SubKernel; 2],
        dtype: DType,
        slab: &Slab,
        out: &mut [u8],
    ) -> Result<Result<()>> {
        let wide = matmul_dtype(dtype);
        let (m, n, inner) = (slab.count[0], slab.count[1], a.shape[1]);
        // The sum is gathered where it is wanted, unless it is rounded at the end.
        let own = wide != dtype || !(out.as_ptr() as usize).is_multiple_of(wide.size());
        let mut spare = if own { self.take((m * n) as usize * wide.size()) } else { Buffer::new() };
        let c: &mut [u8] = if own { &mut spare } else { &mut *out };
        let mut done = product.begin([m as usize, n as usize], c);
        let mut k = 0;
        while k < inner && done.is_ok() {
            let depth = MATMUL_DEPTH.min(inner - k);
            let left = Slab {
                start: Dims::from_slice(&[slab.start[0], k]),
                count: Dims::from_slice(&[m, depth]),
                step: Dims::from_slice(&[slab.step[0], 1]),
            };
            let right = Slab {
                start: Dims::from_slice(&[k, slab.start[1]]),
                count: Dims::from_slice(&[depth, n]),
                step: Dims::from_slice(&[1, slab.step[1]]),
            };
            k += depth;
            if wide == dtype
                && let (Some(x), Some(y)) = (self.within(a, &left, dtype)?, self.within(b, &right, dtype)?)
            {
                match product.add_within(depth as usize, x, y, c) {
                    Ok(false) => {}
                    ended => {
                        done = ended.map(drop);
                        continue;
                    }
                }
            }
            let x = self.factor(a, &left, dtype, wide)?;
            let y = self.factor(b, &right, dtype, wide)?;
            done = product.add(depth as usize, &x, &y, c);
            self.give(x);
            self.give(y);
        }
        let done = done.and_then(|()| product.finish(c));
        if own {
            match wide == dtype {
                true => out.copy_from_slice(&spare),
                false => round_to_f16(&spare, out),
            }
            self.give(spare);
        }
        Ok(done)
    }

    /// A piece of a factor where it lies, if the factor is an array in memory.
    fn within(&self, kernel: &SubKernel, slab: &Slab, dtype: DType) -> Result<Option<Within<'a>>> {
        let Some(input) = kernel.program.as_identity().map(|i| &kernel.inputs[i]) else { return Ok(None) };
        let Some((bytes, shape)) = self.in_memory(&input.feed)? else { return Ok(None) };
        let placement = direct(&input.view, slab, &shape);
        let strides = placement.strides.iter().map(|&s| usize::try_from(s).ok());
        let (Some(strides), Ok(first)) =
            (strides.collect::<Option<Vec<usize>>>(), usize::try_from(placement.offset))
        else {
            return Ok(None);
        };
        let bytes = first.checked_mul(dtype.size()).and_then(|at| bytes.get(at..));
        Ok(bytes.zip(strides.try_into().ok()).map(|(bytes, strides)| Within { bytes, strides }))
    }

    /// A piece of a factor, in the dtype of the accumulation.
    fn factor(&mut self, kernel: &SubKernel, slab: &Slab, dtype: DType, wide: DType) -> Result<Buffer> {
        let len = slab.len() as usize;
        let mut narrow = self.take(len * dtype.size());
        self.eval(kernel, slab, dtype, &mut narrow)?;
        if wide == dtype {
            return Ok(narrow);
        }
        let mut buffer = self.take(len * wide.size());
        self.events |= elementwise::cast(dtype, wide, self.simd).run(&[&narrow], &mut buffer);
        self.give(narrow);
        Ok(buffer)
    }
}

/// Where a block's elements lie in the whole array.
fn direct(view: &View, block: &Slab, shape: &[u64]) -> Placement {
    let strides = c_strides(shape);
    let mut placement = Placement {
        offset: view.base.iter().zip(&strides).map(|(&b, &s)| b as i64 * s).sum(),
        strides: Default::default(),
    };
    for (d, axis) in view.axes.iter().enumerate() {
        let stride = axis.from.map_or(0, |(s, step)| step * strides[s]);
        placement.offset += stride * block.start[d] as i64;
        placement.strides.push(stride * block.step[d] as i64);
    }
    placement
}

/// How often a stage's blocks ask the cache for a chunk of source `s`, if that is known.
fn uses(sharing: Sharing, s: usize, chunk: &[u64], chunks: &Chunks) -> Option<u64> {
    let (grid, window, inputs) = sharing?;
    let views = inputs.iter().filter(|i| matches!(i.feed, Feed::Source(o) if o == s));
    let counts: Vec<u64> = views.map(|i| uses_of_chunk(grid, window, &i.view, chunk, chunks)).collect();
    (!counts.is_empty()).then(|| counts.iter().sum())
}

/// The chunks along axis `d` that hold an element of the slab.
fn touched(slab: &Slab, d: usize, chunks: &Chunks) -> Vec<u64> {
    if slab.step[d] == 1 {
        return (chunks.index_of(d, slab.start[d])..=chunks.index_of(d, slab.last(d))).collect();
    }
    let each = (0..slab.count[d]).map(|i| chunks.index_of(d, slab.start[d] + i * slab.step[d]));
    let mut out: Vec<u64> = each.collect();
    out.dedup();
    out
}

#[cfg(test)]
mod tests;
