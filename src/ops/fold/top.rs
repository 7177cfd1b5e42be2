//! The first of some elements in order: `topk` and `argtopk`.

use super::data::{FoldBytes, Given, Landing, Load, Made, Makes, Notes, Port, Ports, Role, internal};
use super::traits::{Fold, Ready, State, Update, damaged, expect_params, state_as, state_ref};
use super::{Block, FoldRow, Runs, Scratch, SharedFold, Tile, row};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::histogram::LogOf;
use crate::ops::reduce::{Along, Run, first_sort_key, sort_keys};
use crate::ops::simd::Simd;
use serde::{Deserialize, Serialize};
use smallvec::smallvec;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// The row of [`Top`].
pub(super) const ROW: FoldRow = FoldRow {
    name: "top",
    read: |data| {
        let Data { dtype, k, largest, positions, axes } = row::parse(ROW.name, data)?;
        Ok(SharedFold::new(Top { dtype, k, largest, positions, landing: axes }))
    },
};

/// The `k` largest elements along the reduced axes, the largest first, or the `k` smallest, the smallest first; or
/// their positions. NaN counts as larger than all else, as NumPy sorts it; of equal elements (±0 among them) the
/// first position comes first.
#[derive(Clone, Debug)]
pub struct Top {
    dtype: DType,
    k: u64,
    largest: bool,
    positions: bool,
    landing: Landing,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    dtype: DType,
    k: u64,
    largest: bool,
    positions: bool,
    axes: Landing,
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// The largest.
    Largest,
    /// The smallest.
    Smallest,
}

/// What is made of the elements that come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// They themselves.
    Values,
    /// Their positions along the reduced axes, int64.
    Positions,
}

impl Top {
    /// The `k` that come first; `k` must not be more than there are elements along the reduced axes.
    pub fn new(dtype: DType, k: u64, first: First, wanted: Wanted, landing: Landing) -> Top {
        let (largest, positions) = (first == First::Largest, wanted == Wanted::Positions);
        Top { dtype, k, largest, positions, landing }
    }

    fn out_dtype(&self) -> DType {
        if self.positions { DType::I64 } else { self.dtype }
    }

    fn outputs(&self, block: &[u64]) -> u64 {
        self.landing.kept(block).iter().fold(1, |n, &d| n.saturating_mul(d))
    }
}

impl Fold for Top {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn operation(&self) -> &'static str {
        if self.positions { "argtopk" } else { "topk" }
    }

    fn data(&self) -> serde_json::Value {
        row::data(&Data {
            dtype: self.dtype,
            k: self.k,
            largest: self.largest,
            positions: self.positions,
            axes: self.landing.clone(),
        })
    }

    fn ports(&self) -> Ports {
        smallvec![Port { role: Role::Values, dtype: self.dtype }]
    }

    fn landing(&self) -> &Landing {
        &self.landing
    }

    fn makes(&self, domain: &[u64]) -> Makes {
        let mut shape = self.landing.kept(domain);
        shape.push(self.k);
        Makes { shape, dtype: self.out_dtype(), histogram: false }
    }

    fn bytes(&self, block: &[u64]) -> FoldBytes {
        // A heap may have room for twice as many.
        let each = self.k.saturating_mul(2 * size_of::<Entry>() as u64).saturating_add(32);
        FoldBytes { state: self.outputs(block).saturating_mul(each), scratch: ("top", 0) }
    }

    fn load(&self) -> Load {
        Load::Reduced
    }

    fn detail(&self) -> String {
        let end = if self.largest { "largest" } else { "smallest" };
        format!(", the {} {end}, axes {}", self.k, self.landing.show_reduced())
    }

    fn ready(&self, params: Option<&[Given]>) -> Result<Arc<dyn Ready>> {
        params.map_or(Ok(()), |p| expect_params(self, p))?;
        Ok(Arc::new(self.clone()))
    }
}

impl Ready for Top {
    fn state(&self, block: &[u64]) -> Result<Box<dyn State>> {
        let heaps = (0..self.outputs(block)).map(|_| BinaryHeap::new()).collect();
        Ok(Box::new(Ranked { top: self.clone(), heaps }))
    }

    fn read(&self, block: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        let wrong = |what: &str| damaged(self.operation(), what);
        let heaps: Vec<Vec<Entry>> = postcard::from_bytes(bytes).map_err(|e| damaged(self.operation(), e))?;
        if heaps.len() as u64 != self.outputs(block) || heaps.iter().any(|h| h.len() as u64 > self.k) {
            return Err(wrong("it has another number of elements"));
        }
        let mut keys = Vec::new();
        for Entry(key, _, bits) in heaps.iter().flatten() {
            // Aligned for any dtype.
            let native =
                [if cfg!(target_endian = "big") { bits << (64 - 8 * self.dtype.size()) } else { *bits }];
            let bytes: &[u8] = bytemuck::cast_slice(&native);
            sort_keys(self.dtype, &bytes[..self.dtype.size()], self.largest, &mut keys);
            if keys != [*key] {
                return Err(wrong("an element has not its place in the order"));
            }
        }
        let heaps = heaps.into_iter().map(BinaryHeap::from).collect();
        Ok(Box::new(Ranked { top: self.clone(), heaps }))
    }

    fn update(&self, simd: Simd, _: &[Option<LogOf>]) -> Box<dyn Update> {
        Box::new(Rank {
            top: self.clone(),
            reduced: self.landing.reduced().into_vec().into(),
            runs: None,
            keys: Vec::new(),
            simd,
        })
    }
}

/// An element: its key in the order that is asked for, the smallest first; its position; its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Entry(i64, u64, u64);

/// Per output, those that came first so far; the last of them is at the heap's top.
struct Ranked {
    top: Top,
    heaps: Vec<BinaryHeap<Entry>>,
}

impl Ranked {
    #[inline]
    fn offer(heap: &mut BinaryHeap<Entry>, k: u64, entry: Entry) {
        if (heap.len() as u64) < k {
            heap.push(entry);
        } else if let Some(mut last) = heap.peek_mut()
            && entry < *last
        {
            *last = entry;
        }
    }
}

impl State for Ranked {
    fn merge(&mut self, other: &dyn State) -> Result<()> {
        let other: &Ranked = state_ref(other)?;
        if other.heaps.len() != self.heaps.len() || other.top.data() != self.top.data() {
            return Err(internal("a partial does not belong to its output"));
        }
        for (heap, more) in self.heaps.iter_mut().zip(&other.heaps) {
            more.iter().for_each(|&entry| Ranked::offer(heap, self.top.k, entry));
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(Made, Notes)> {
        let dtype = self.top.out_dtype();
        let mut out = Buffer::zeroed(self.heaps.len() * self.top.k as usize * dtype.size());
        let mut elements = out.chunks_exact_mut(dtype.size());
        for heap in self.heaps {
            if heap.len() as u64 != self.top.k {
                return Err(internal("fewer elements came than are wanted"));
            }
            for (Entry(_, position, bits), to) in heap.into_sorted_vec().into_iter().zip(&mut elements) {
                let bits = if self.top.positions { position } else { bits };
                match to.len() {
                    1 => to[0] = bits as u8,
                    2 => to.copy_from_slice(&(bits as u16).to_ne_bytes()),
                    4 => to.copy_from_slice(&(bits as u32).to_ne_bytes()),
                    _ => to.copy_from_slice(&bits.to_ne_bytes()),
                }
            }
        }
        Ok((Made::Elements(out), Notes::new()))
    }

    fn write(&self) -> Result<Vec<u8>> {
        let heaps: Vec<Vec<Entry>> = self.heaps.iter().map(|h| h.clone().into_sorted_vec()).collect();
        postcard::to_stdvec(&heaps)
            .map_err(|e| Error::new(ErrorKind::Internal, "a partial result cannot be written").caused_by(e))
    }
}

/// Ranks tiles.
struct Rank {
    top: Top,
    reduced: Arc<[bool]>,
    runs: Option<Runs>,
    keys: Vec<i64>,
    simd: Simd,
}

/// Elements of which the first is looked at before each is.
const PIECE: usize = 256;

/// The key of the last that is kept: what comes after it is passed over.
fn last(heap: &BinaryHeap<Entry>, k: u64) -> i64 {
    match heap.peek() {
        Some(entry) if heap.len() as u64 == k => entry.0,
        _ => i64::MAX,
    }
}

impl Rank {
    fn run(&mut self, heaps: &mut [BinaryHeap<Entry>], values: &[u8], run: Run) {
        let Rank { top, keys, simd, .. } = self;
        let (dtype, size, k) = (top.dtype, top.dtype.size(), top.k);
        let values = &values[run.start * size..(run.start + run.len) * size];
        for (piece, values) in values.chunks(PIECE * size).enumerate() {
            let start = piece * PIECE;
            let heap = run.output;
            if run.along == Along::Reduced
                && first_sort_key(dtype, values, top.largest, *simd) > last(&heaps[heap], k)
            {
                continue;
            }
            sort_keys(dtype, values, top.largest, keys);
            for (i, (&key, element)) in keys.iter().zip(values.chunks_exact(size)).enumerate() {
                let (heap, position) = match run.along {
                    Along::Kept => (&mut heaps[heap + start + i], run.position),
                    Along::Reduced => (&mut heaps[heap], run.position + (start + i) as u64),
                };
                if key > last(heap, k) {
                    continue;
                }
                let mut bits = [0; 8];
                bits[..size].copy_from_slice(element);
                let bits = if cfg!(target_endian = "big") {
                    u64::from_be_bytes(bits) >> (64 - 8 * size)
                } else {
                    u64::from_le_bytes(bits)
                };
                Ranked::offer(heap, k, Entry(key, position, bits));
            }
        }
    }
}

impl Update for Rank {
    fn begin(&mut self, block: &Block, _: &mut dyn State) -> Result<()> {
        self.runs = Some(Runs::new(block.region, block.domain, &self.reduced));
        Ok(())
    }

    fn tile(&mut self, state: &mut dyn State, tile: &Tile, _: &mut Scratch) -> Result<()> {
        let state: &mut Ranked = state_as(state)?;
        if self.top.k == 0 {
            return Ok(());
        }
        let Some(runs) = self.runs.take() else { return Err(internal("a tile of no block")) };
        runs.each(tile.start, tile.n, |run| self.run(&mut state.heaps, tile.columns[0], run));
        self.runs = Some(runs);
        Ok(())
    }
}
