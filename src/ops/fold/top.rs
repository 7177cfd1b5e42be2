//! The first of some elements in order: `topk` and `argtopk`.
//!
//! Elements gather until there are twice as many as are wanted; then a selection keeps the first of them, and what
//! comes after the last of these is passed over from there on. So an element costs a few steps however many are wanted,
//! and where all are, they are gathered and sorted once.

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
        // Twice as many gather before the first are selected.
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
        let firsts = (0..self.outputs(block)).map(|_| Firsts::default()).collect();
        Ok(Box::new(Ranked { top: self.clone(), firsts }))
    }

    fn read(&self, block: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        let wrong = |what: &str| damaged(self.operation(), what);
        let lists: Vec<Vec<Entry>> = postcard::from_bytes(bytes).map_err(|e| damaged(self.operation(), e))?;
        if lists.len() as u64 != self.outputs(block) || lists.iter().any(|l| l.len() as u64 > self.k) {
            return Err(wrong("it has another number of elements"));
        }
        let mut keys = Vec::new();
        for Entry(key, _, bits) in lists.iter().flatten() {
            // Aligned for any dtype.
            let native =
                [if cfg!(target_endian = "big") { bits << (64 - 8 * self.dtype.size()) } else { *bits }];
            let bytes: &[u8] = bytemuck::cast_slice(&native);
            sort_keys(self.dtype, &bytes[..self.dtype.size()], self.largest, &mut keys);
            if keys != [*key] {
                return Err(wrong("an element has not its place in the order"));
            }
        }
        let firsts = lists.into_iter().map(|entries| Firsts { entries, last: None }).collect();
        Ok(Box::new(Ranked { top: self.clone(), firsts }))
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

/// Those that came first so far, in no order, and beside them what came since.
#[derive(Clone, Debug, Default)]
struct Firsts {
    /// Fewer than twice as many as are wanted.
    entries: Vec<Entry>,
    /// The key after which nothing is wanted, once a selection told.
    last: Option<i64>,
}

impl Firsts {
    /// The key of the last that is kept: what comes after it is passed over.
    #[inline]
    fn last(&self) -> i64 {
        self.last.unwrap_or(i64::MAX)
    }

    #[inline]
    fn offer(&mut self, k: u64, entry: Entry) {
        if entry.0 > self.last() {
            return;
        }
        if self.entries.len() == self.entries.capacity() {
            // At most for so many as gather.
            let more = self.entries.len().max(2).min((2 * k as usize).saturating_sub(self.entries.len()));
            self.entries.reserve_exact(more);
        }
        self.entries.push(entry);
        if self.entries.len() as u64 >= k.saturating_mul(2) {
            self.select(k);
        }
    }

    /// Drops what is not among the first `k`.
    fn select(&mut self, k: u64) {
        if self.entries.len() as u64 > k && k > 0 {
            let (_, last, _) = self.entries.select_nth_unstable(k as usize - 1);
            self.last = Some(last.0);
            self.entries.truncate(k as usize);
        }
    }

    /// The first `k` in order.
    fn sorted(mut self, k: u64) -> Vec<Entry> {
        self.select(k);
        self.entries.sort_unstable();
        self.entries
    }
}

/// What came first, per output.
struct Ranked {
    top: Top,
    firsts: Vec<Firsts>,
}

impl State for Ranked {
    fn merge(&mut self, other: &dyn State) -> Result<()> {
        let other: &Ranked = state_ref(other)?;
        if other.firsts.len() != self.firsts.len() || other.top.data() != self.top.data() {
            return Err(internal("a partial does not belong to its output"));
        }
        for (firsts, more) in self.firsts.iter_mut().zip(&other.firsts) {
            more.entries.iter().for_each(|&entry| firsts.offer(self.top.k, entry));
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(Made, Notes)> {
        let dtype = self.top.out_dtype();
        let k = self.top.k;
        let mut out = Buffer::zeroed(self.firsts.len() * k as usize * dtype.size());
        let mut elements = out.chunks_exact_mut(dtype.size());
        for firsts in self.firsts {
            let sorted = firsts.sorted(k);
            if sorted.len() as u64 != k {
                return Err(internal("fewer elements came than are wanted"));
            }
            for (Entry(_, position, bits), to) in sorted.into_iter().zip(&mut elements) {
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
        let lists: Vec<Vec<Entry>> = self.firsts.iter().map(|f| f.clone().sorted(self.top.k)).collect();
        postcard::to_stdvec(&lists)
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

impl Rank {
    fn run(&mut self, firsts: &mut [Firsts], values: &[u8], run: Run) {
        let Rank { top, keys, simd, .. } = self;
        let (dtype, size, k) = (top.dtype, top.dtype.size(), top.k);
        let values = &values[run.start * size..(run.start + run.len) * size];
        for (piece, values) in values.chunks(PIECE * size).enumerate() {
            let start = piece * PIECE;
            let output = run.output;
            if run.along == Along::Reduced
                && first_sort_key(dtype, values, top.largest, *simd) > firsts[output].last()
            {
                continue;
            }
            sort_keys(dtype, values, top.largest, keys);
            for (i, (&key, element)) in keys.iter().zip(values.chunks_exact(size)).enumerate() {
                let (firsts, position) = match run.along {
                    Along::Kept => (&mut firsts[output + start + i], run.position),
                    Along::Reduced => (&mut firsts[output], run.position + (start + i) as u64),
                };
                if key > firsts.last() {
                    continue;
                }
                let mut bits = [0; 8];
                bits[..size].copy_from_slice(element);
                let bits = if cfg!(target_endian = "big") {
                    u64::from_be_bytes(bits) >> (64 - 8 * size)
                } else {
                    u64::from_le_bytes(bits)
                };
                firsts.offer(k, Entry(key, position, bits));
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
        runs.each(tile.start, tile.n, |run| self.run(&mut state.firsts, tile.columns[0], run));
        self.runs = Some(runs);
        Ok(())
    }
}
