//! Matrix products on the device, piece by piece of the inner dimension.
//!
//! C stays on the device until the product is finished. Each piece of A and B goes up through one of two
//! slots of mapped staging memory, so that the host fills one while the device works on the other.
//!
//! # What is promised
//! Integers wrap and bool is "any of and": the CPU's bits. Floats, with K terms to an element: a fused
//! multiply-add per term, in the order of k within a piece, then the pieces' sums in order; so
//! `|C − AB| ≤ γ_K |A||B|` elementwise with `γ_K = K·u / (1 − K·u)`, `u = 2^-24` (float32) or `2^-53`
//! (float64) (Higham, *Accuracy and Stability of Numerical Algorithms*, 3.5), as long as nothing
//! overflows, plus `K` times the smallest normal number for products that underflow, which some devices
//! flush. That holds whether a device fuses `fma` or not. Across devices nothing more is promised; on one
//! device the bits depend on nothing but the pieces' lengths, whatever the tile or the strides: no
//! element's sum is ever split.
//!
//! # Limits
//! An operand's piece and the tile of C each fit one binding and have fewer than 2^31 elements.
//! float16 is accumulated in float32 by the caller.

mod choices;
mod code;
mod operand;

pub use choices::Choices;
#[cfg(test)]
pub(super) use code::source;
pub use code::{Tile, tiles};
pub use operand::Matrix;

use super::abilities::Abilities;
use super::device::{Bind, Context, Dispatch, Pipeline};
use super::mapping::Mapping;
use super::memory::DeviceBuffer;
use crate::DType;
use crate::backend::Product;
use crate::error::{Error, ErrorKind, Result};
use operand::Lying;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wgpu::BufferUsages as Usage;

/// Bytes of parameters, at the head of a slot.
const PARAMS: u64 = 256;
/// Multiply-adds below which tiles are not worth a measurement.
const MEASURED: u64 = 1 << 26;

/// How a tile is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tiling {
    /// The one remembered, or else measured at the first large product; on an adapter that is software,
    /// the plainest.
    #[default]
    Auto,
    /// Measured at the first product whatever its size.
    Measure,
    /// This one.
    Fixed(Tile),
}

/// Staging memory for one piece, and where it goes on the device.
struct Slot {
    host: DeviceBuffer,
    device: DeviceBuffer,
    bytes: u64,
    mapping: Option<Mapping>,
}

/// A product's tile of C on the device, and the way back.
struct Sum {
    device: DeviceBuffer,
    host: DeviceBuffer,
    bytes: u64,
}

/// Products of one dtype on the device, one tile of C after the other. Its buffers are kept from tile to
/// tile.
pub struct GpuProduct {
    context: Arc<Context>,
    dtype: DType,
    abilities: Abilities,
    tiling: Tiling,
    choices: Arc<Choices>,
    tiles: Vec<Tile>,
    pipelines: HashMap<(Tile, [bool; 2]), Arc<Pipeline>>,
    slots: [Option<Slot>; 2],
    turn: usize,
    sum: Option<Sum>,
    shape: [usize; 2],
    /// What an earlier tile's sum left on the device is to be cleared.
    fresh: bool,
}

fn fault(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Device, what)
}

fn wrong_length() -> Error {
    Error::new(ErrorKind::Internal, "a block product was given operands of the wrong length")
}

/// Bytes of an element of C on the device.
fn wide(dtype: DType) -> usize {
    dtype.size().max(4)
}

/// Bytes of a slot, and of C, for products of at most this shape `[m, k, n]`.
fn bytes(dtype: DType, [m, k, n]: [usize; 3]) -> [u64; 2] {
    let of = |rows: usize, columns: usize, size: usize| {
        let row = columns.next_multiple_of(4) as u64;
        (rows as u64).saturating_mul(row).saturating_mul(size as u64).saturating_add(255) & !255
    };
    let size = dtype.size();
    [PARAMS.saturating_add(of(m, k, size)).saturating_add(of(k, n, size)), of(m, n, wide(dtype))]
}

/// The bytes of device memory (staging counted) that a product of pieces `m × k` and `k × n`, dense,
/// holds.
pub fn device_bytes(dtype: DType, shape: [usize; 3]) -> u64 {
    let [slot, sum] = bytes(dtype, shape);
    slot.saturating_mul(4).saturating_add(sum.saturating_mul(2))
}

/// Whether a device multiplies matrices of this dtype, in pieces of at most `[m, k, n]`.
///
/// # Errors
/// Why not.
pub fn check(dtype: DType, [m, k, n]: [usize; 3], abilities: &Abilities) -> std::result::Result<(), String> {
    match dtype {
        DType::F16 => return Err("float16 products are accumulated in float32".into()),
        DType::F64 if !abilities.float64 => {
            return Err("float64 arithmetic is not usable on the adapter".into());
        }
        d if d.size() == 8 && !abilities.int64 => {
            return Err(format!("the adapter has no 64-bit integers, which {d} needs"));
        }
        _ => {}
    }
    let tiles = tiles(wide(dtype), abilities);
    let Some(smallest) = tiles.first() else {
        return Err("the adapter has too little workgroup memory for products".into());
    };
    let [slot, sum] = bytes(dtype, [m, k, n]);
    let [rows, columns] = smallest.edges().map(|e| e as usize);
    let groups = m.div_ceil(rows).max(n.div_ceil(columns));
    if slot.max(sum) > abilities.binding_bytes.min((1 << 31) - 1) || groups > abilities.max_groups as usize {
        return Err("the blocks of the product are larger than a binding of the adapter".into());
    }
    Ok(())
}

/// What multiplies matrices of a dtype in pieces of at most `[m, k, n]` on a device.
///
/// # Errors
/// Why the device cannot.
pub fn product(
    context: &Arc<Context>,
    dtype: DType,
    most: [usize; 3],
    abilities: &Abilities,
) -> std::result::Result<Box<dyn Product>, String> {
    let made = GpuProduct::new(context, dtype, most, abilities, Tiling::Auto, Choices::of_user())?;
    Ok(Box::new(made))
}

impl GpuProduct {
    /// As [`product`], with a say in the tile.
    ///
    /// # Errors
    /// Why the device cannot.
    pub fn new(
        context: &Arc<Context>,
        dtype: DType,
        most: [usize; 3],
        abilities: &Abilities,
        tiling: Tiling,
        choices: Arc<Choices>,
    ) -> std::result::Result<GpuProduct, String> {
        check(dtype, most, abilities)?;
        Ok(GpuProduct {
            context: Arc::clone(context),
            dtype,
            abilities: abilities.clone(),
            tiling,
            choices,
            tiles: tiles(wide(dtype), abilities),
            pipelines: HashMap::new(),
            slots: [None, None],
            turn: 0,
            sum: None,
            shape: [0, 0],
            fresh: true,
        })
    }

    /// Adds the product of a piece, `m × k` by `k × n`, to the sum on the device. It returns as soon as
    /// the operands are copied.
    ///
    /// # Errors
    /// `Device` if the device fails or has no room; `Internal` if an operand is too short.
    pub fn add_strided(&mut self, k: usize, a: Matrix, b: Matrix) -> Result<()> {
        let [m, n] = self.shape;
        if m == 0 || n == 0 || k == 0 {
            return Ok(());
        }
        check(self.dtype, [m, k, n], &self.abilities).map_err(fault)?;
        let size = self.dtype.size();
        let x = Lying::new(&a, [m, k], size).ok_or_else(wrong_length)?;
        let y = Lying::new(&b, [k, n], size).ok_or_else(wrong_length)?;
        if x.bytes.max(y.bytes) > self.abilities.binding_bytes.min((1 << 31) - 1) {
            return Err(fault("an operand of the product is larger than a binding of the adapter"));
        }
        let sum = self.sum()?;
        let (at_a, at_b) = (PARAMS, PARAMS + x.bytes);
        let total = at_b + y.bytes;
        let context = Arc::clone(&self.context);
        let turn = self.turn;
        self.turn = 1 - turn;
        // A slot that fails half-way is not kept.
        let mut slot = self.slot(turn, total)?;
        if let Some(mapping) = slot.mapping.take() {
            mapping.wait(&context)?;
        }
        let pitch = n.next_multiple_of(4) as u32;
        let params: [u32; 8] =
            [m as u32, n as u32, k as u32, x.strides[0], x.strides[1], y.strides[0], y.strides[1], pitch];
        let filled = context.scoped("filling staging memory", || {
            let mut view = slot.host.get_mapped_range_mut(0..total)?;
            view.slice(..32).copy_from_slice(bytemuck::cast_slice(&params));
            for (from, lying, at) in [(a.bytes, &x, at_a as usize), (b.bytes, &y, at_b as usize)] {
                for r in 0..lying.runs {
                    let to = at + r * lying.pitch;
                    view.slice(to..to + lying.run).copy_from_slice(&from[r * lying.run..][..lying.run]);
                }
            }
            Ok::<(), wgpu::MapRangeError>(())
        })?;
        filled.map_err(|e| fault(format!("a buffer cannot be mapped: {e}")))?;
        slot.host.unmap();
        let quads = [x.quads, y.quads];
        let ranges = [0..PARAMS, at_a..at_b, at_b..total];
        let tile = match self.known([m, k, n]) {
            Some(tile) => tile,
            None => {
                context.scoped("uploading", || {
                    let mut encoder = context.raw().create_command_encoder(&Default::default());
                    encoder.copy_buffer_to_buffer(&slot.host, 0, &slot.device, 0, total);
                    context.queue().submit([encoder.finish()]);
                })?;
                let tile = self.measure(k, &slot, &sum, quads, &ranges)?;
                // The sum is still empty: what the measurement left there is not wanted.
                self.fresh = true;
                tile
            }
        };
        let pipeline = self.pipeline(tile, quads)?;
        let submission = context.scoped("multiplying", || {
            let mut encoder = context.raw().create_command_encoder(&Default::default());
            if self.fresh {
                encoder.clear_buffer(&sum.device, 0, None);
            }
            encoder.copy_buffer_to_buffer(&slot.host, 0, &slot.device, 0, total);
            self.encode(&mut encoder, &slot, &sum, &pipeline, tile, &ranges);
            let submission = context.queue().submit([encoder.finish()]);
            slot.mapping = Some(Mapping::begin(&slot.host, wgpu::MapMode::Write, Some(submission.clone())));
            submission
        });
        submission?;
        self.fresh = false;
        self.slots[turn] = Some(slot);
        self.sum = Some(sum);
        Ok(())
    }

    /// Multiplies the piece that was added last so many times more, without bringing it anew, and gives the
    /// seconds that it took: the kernel by itself, for measuring. The piece was dense, its inner and last
    /// dimensions multiples of 4. The sum is of no use afterwards.
    ///
    /// # Errors
    /// `Device` if the device fails, or nothing was added.
    pub fn repeat(&mut self, k: usize, times: u32) -> Result<f64> {
        let turn = 1 - self.turn;
        let ([m, n], context) = (self.shape, Arc::clone(&self.context));
        let (Some(slot), Some(sum)) = (self.slots[turn].take(), self.sum.take()) else {
            return Err(fault("there is no piece to multiply again"));
        };
        let tile = self.known([m, k, n]).unwrap_or(self.tiles[0]);
        if !k.is_multiple_of(4) || !n.is_multiple_of(4) {
            return Err(fault("only pieces whose rows are whole quads are multiplied again"));
        }
        let quads = [true, true];
        let bytes_a = bytes(self.dtype, [m, k, 0])[0] - PARAMS;
        let ranges = [0..PARAMS, PARAMS..PARAMS + bytes_a, PARAMS + bytes_a..slot.bytes];
        let pipeline = self.pipeline(tile, quads)?;
        let start = Instant::now();
        let submission = context.scoped("multiplying again", || {
            let mut encoder = context.raw().create_command_encoder(&Default::default());
            for _ in 0..times {
                self.encode(&mut encoder, &slot, &sum, &pipeline, tile, &ranges);
            }
            context.queue().submit([encoder.finish()])
        })?;
        context.wait(submission)?;
        let seconds = start.elapsed().as_secs_f64();
        self.slots[turn] = Some(slot);
        self.sum = Some(sum);
        Ok(seconds)
    }

    /// The sum's buffers, taken out, for the shape that was begun.
    fn sum(&mut self) -> Result<Sum> {
        let [m, n] = self.shape;
        let [_, bytes] = bytes(self.dtype, [m, 0, n]);
        if let Some(sum) = self.sum.take().filter(|s| s.bytes >= bytes) {
            return Ok(sum);
        }
        let usage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        let device = self.context.buffer("sum", bytes, usage)?;
        let host = self.context.buffer("sum's way back", bytes, Usage::MAP_READ | Usage::COPY_DST)?;
        Ok(Sum { device, host, bytes })
    }

    /// A slot, taken out, with room for so many bytes.
    fn slot(&mut self, turn: usize, bytes: u64) -> Result<Slot> {
        if let Some(slot) = self.slots[turn].take().filter(|s| s.bytes >= bytes) {
            return Ok(slot);
        }
        let host = self.context.buffer("staging", bytes, Usage::MAP_WRITE | Usage::COPY_SRC)?;
        let device = self.context.buffer("operands", bytes, Usage::STORAGE | Usage::COPY_DST)?;
        let mapping = self.context.scoped("mapping", || Mapping::begin(&host, wgpu::MapMode::Write, None))?;
        Ok(Slot { host, device, bytes, mapping: Some(mapping) })
    }

    fn pipeline(&mut self, tile: Tile, quads: [bool; 2]) -> Result<Arc<Pipeline>> {
        if let Some(found) = self.pipelines.get(&(tile, quads)) {
            return Ok(Arc::clone(found));
        }
        let made = self.context.pipeline("matmul", &code::source(self.dtype, tile, quads))?;
        self.pipelines.insert((tile, quads), Arc::clone(&made));
        Ok(made)
    }

    fn encode(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        slot: &Slot,
        sum: &Sum,
        pipeline: &Pipeline,
        tile: Tile,
        [params, a, b]: &[Range<u64>; 3],
    ) {
        let part = |at, range: &Range<u64>| Bind { at, buffer: &slot.device, range: Some(range.clone()) };
        let binds = [
            part(0, params),
            part(1, a),
            part(2, b),
            Bind { at: 3, buffer: &sum.device, range: None },
            part(4, a),
            part(5, b),
        ];
        let [m, n] = self.shape.map(|e| e as u32);
        let [rows, columns] = tile.edges();
        let groups = [n.div_ceil(columns), m.div_ceil(rows), 1];
        let mut pass = encoder.begin_compute_pass(&Default::default());
        self.context.encode(&mut pass, &Dispatch { pipeline, binds: &binds, groups });
    }

    /// What a choice is remembered by.
    fn key(&self, [m, k, n]: [usize; 3]) -> String {
        let info = &self.context.info;
        let [m, k, n] = [m, k, n].map(|e| e.next_power_of_two().clamp(64, 4096));
        let (dtype, driver) = (self.dtype.name(), format!("{} {}", info.driver, info.driver_info));
        format!("{} | {} | {} | {dtype} {m}x{k}x{n}", info.name, driver.trim(), info.backend)
    }

    /// The tile, unless it is to be measured.
    fn known(&self, shape: [usize; 3]) -> Option<Tile> {
        match self.tiling {
            Tiling::Fixed(tile) => return Some(tile),
            Tiling::Auto if self.context.info.device_type == wgpu::DeviceType::Cpu => {
                return Some(self.tiles[0]);
            }
            _ => {}
        }
        let remembered = self.choices.get(&self.key(shape));
        let found = remembered.and_then(|name| self.tiles.iter().copied().find(|t| t.name() == name));
        let work = shape.iter().fold(1u64, |w, &e| w.saturating_mul(e as u64));
        // Only an empty sum can be measured on.
        let worth = self.fresh && (work >= MEASURED || self.tiling == Tiling::Measure);
        found.or(if worth { None } else { Some(self.tiles[0]) })
    }

    /// Times each tile on the operands at hand, into the sum, and remembers the fastest.
    fn measure(
        &mut self,
        k: usize,
        slot: &Slot,
        sum: &Sum,
        quads: [bool; 2],
        ranges: &[Range<u64>; 3],
    ) -> Result<Tile> {
        let context = Arc::clone(&self.context);
        let mut best = (Duration::MAX, self.tiles[0]);
        for tile in self.tiles.clone() {
            let pipeline = self.pipeline(tile, quads)?;
            let time = |times: usize| {
                let start = Instant::now();
                let submission = context.scoped("measuring", || {
                    let mut encoder = context.raw().create_command_encoder(&Default::default());
                    for _ in 0..times {
                        self.encode(&mut encoder, slot, sum, &pipeline, tile, ranges);
                    }
                    context.queue().submit([encoder.finish()])
                })?;
                context.wait(submission)?;
                Ok::<Duration, Error>(start.elapsed())
            };
            time(1)?;
            let taken = time(4)?.min(time(4)?);
            if taken < best.0 {
                best = (taken, tile);
            }
        }
        let [m, n] = self.shape;
        self.choices.set(&self.key([m, k, n]), &best.1.name());
        Ok(best.1)
    }

    /// The sum on the host: each row of `c` from a row of the device's.
    fn read(&mut self, c: &mut [u8]) -> Result<()> {
        let [m, n] = self.shape;
        let Some(sum) = self.sum.take() else { return Err(fault("the product has no sum")) };
        let (size, wide) = (self.dtype.size(), wide(self.dtype));
        let pitch = n.next_multiple_of(4) * wide;
        let bytes = (m * pitch) as u64;
        let context = Arc::clone(&self.context);
        let mapping = context.scoped("reading a product", || {
            let mut encoder = context.raw().create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(&sum.device, 0, &sum.host, 0, bytes);
            let submission = context.queue().submit([encoder.finish()]);
            Mapping::begin(&sum.host, wgpu::MapMode::Read, Some(submission))
        })?;
        mapping.wait(&context)?;
        let copied = context.scoped("reading a product", || {
            let view = sum.host.get_mapped_range(0..bytes)?;
            for (row, from) in c.chunks_exact_mut(n * size).zip(view.chunks_exact(pitch)) {
                if size == wide {
                    row.copy_from_slice(&from[..n * size]);
                    continue;
                }
                // The low bytes of each word: devices are little-endian.
                for (to, word) in row.chunks_exact_mut(size).zip(from.chunks_exact(wide)) {
                    to.copy_from_slice(&word[..size]);
                }
            }
            Ok::<(), wgpu::MapRangeError>(())
        })?;
        copied.map_err(|e| fault(format!("a buffer cannot be mapped: {e}")))?;
        sum.host.unmap();
        self.sum = Some(sum);
        Ok(())
    }
}

impl Product for GpuProduct {
    fn begin(&mut self, shape: [usize; 2], _: &mut [u8]) -> Result<()> {
        self.shape = shape;
        self.fresh = true;
        Ok(())
    }

    fn add(&mut self, k: usize, a: &[u8], b: &[u8], _: &mut [u8]) -> Result<()> {
        let [m, n] = self.shape;
        let size = self.dtype.size();
        if a.len() != m * k * size || b.len() != k * n * size {
            return Err(wrong_length());
        }
        let dense = |bytes, columns| Matrix { bytes, strides: [columns, 1] };
        self.add_strided(k, dense(a, k), dense(b, n))
    }

    fn finish(&mut self, c: &mut [u8]) -> Result<()> {
        let [m, n] = self.shape;
        if c.len() != m * n * self.dtype.size() {
            return Err(wrong_length());
        }
        if self.fresh {
            c.fill(0);
            return Ok(());
        }
        self.read(c)
    }
}
