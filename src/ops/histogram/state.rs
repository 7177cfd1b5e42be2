//! The counts of one histogram, filled tile by tile.

use super::load::{self, BLOCK};
use super::log_of::LogOf;
use super::result::Histogram;
use super::spec::HistogramSpec;
use super::weigh::{self, Weighted};
use super::window::OTHERS;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::exact::{Sums, Term};
use crate::ops::simd::Simd;
use crate::per_simd;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A partial histogram. States of one spec merge in any order to the same bits.
///
/// It knows no spec, so each method checks that the lengths agree.
#[derive(Clone, Debug)]
pub struct State(Bins);

/// By slot: underflow or outside, the bins in C order, overflow, NaN, not positive, masked out
/// (always 0 between updates).
#[derive(Clone, Debug)]
enum Bins {
    Counts(Vec<u64>),
    Weighted(Weighted),
}

/// The serialised form: one for each value, whatever led to it.
#[derive(Serialize, Deserialize, PartialEq)]
struct Stored<C, S> {
    counts: C,
    sums: Option<S>,
}

impl State {
    fn stored(&self) -> Stored<std::borrow::Cow<'_, [u64]>, std::borrow::Cow<'_, Sums>> {
        match &self.0 {
            Bins::Counts(counts) => Stored { counts: counts.into(), sums: None },
            Bins::Weighted(w) => {
                Stored { counts: w.counts().collect::<Vec<_>>().into(), sums: Some(w.sums()) }
            }
        }
    }
}

impl PartialEq for State {
    /// Equality of values.
    fn eq(&self, other: &State) -> bool {
        self.stored() == other.stored()
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        self.stored().serialize(s)
    }
}

impl<'de> Deserialize<'de> for State {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<State, D::Error> {
        let stored = Stored::<Vec<u64>, Sums>::deserialize(d)?;
        let wrong = || serde::de::Error::custom("a histogram whose counts and sums do not agree");
        Ok(State(match stored.sums {
            None => Bins::Counts(stored.counts),
            Some(sums) => Bins::Weighted(Weighted::from_parts(&stored.counts, sums).ok_or_else(wrong)?),
        }))
    }
}

/// Values to count: native columns of one length. The bytes need not be aligned.
#[derive(Clone, Copy, Debug)]
pub struct Tile<'a> {
    /// One column per dimension.
    pub coords: &'a [&'a [u8]],
    /// Per dimension, or empty: the logarithm of which the column holds the argument.
    pub logs: &'a [Option<&'a LogOf>],
    /// The weights, where the spec has them.
    pub weights: Option<&'a [u8]>,
    /// One byte per value, where the spec has a mask; 0 leaves the value out.
    pub mask: Option<&'a [u8]>,
    /// How many values.
    pub n: usize,
}

/// Memory that a worker keeps between updates, for any number of specs.
pub struct Scratch {
    values: Vec<f64>,
    slots: [Vec<u32>; 3],
    index: Vec<u32>,
    few: Vec<[u32; FEW]>,
    weights: weigh::Scratch,
}

/// Slots up to which counts are kept in several small copies: neighbours that fall into one bin
/// would otherwise wait for each other's store. More slots are seldom met twice in a row, and emptying
/// their copies would cost more than that.
const FEW: usize = 256;
const COPIES: usize = 4;
/// Rows after which the 32-bit copies are emptied.
const ROWS: usize = 1 << 30;

impl Default for Scratch {
    fn default() -> Self {
        Scratch::new()
    }
}

impl Scratch {
    /// Scratch memory; [`HistogramSpec::bytes_per_scratch`] says how much it comes to.
    pub fn new() -> Scratch {
        let column = || vec![0; BLOCK];
        Scratch {
            values: vec![0.0; BLOCK],
            slots: [column(), column(), column()],
            index: column(),
            few: vec![[0; FEW]; COPIES],
            weights: weigh::Scratch::new(),
        }
    }
}

fn internal(message: &str) -> Error {
    Error::new(ErrorKind::Internal, message)
}

impl State {
    /// All zero.
    ///
    /// # Errors
    /// `Budget` if there is no memory for the counts.
    pub fn new(spec: &HistogramSpec) -> Result<State> {
        let len = spec.slots();
        let none = || Error::new(ErrorKind::Budget, format!("no memory for {len} bins"));
        if let Some(dtype) = spec.weights {
            return Ok(State(Bins::Weighted(Weighted::new(dtype, len).ok_or_else(none)?)));
        }
        let mut counts = Vec::new();
        counts.try_reserve_exact(len).map_err(|_| none())?;
        counts.resize(len, 0);
        Ok(State(Bins::Counts(counts)))
    }

    fn slots(&self) -> usize {
        match &self.0 {
            Bins::Counts(counts) => counts.len(),
            Bins::Weighted(w) => w.slots(),
        }
    }

    fn term(&self) -> Option<Term> {
        match &self.0 {
            Bins::Counts(_) => None,
            Bins::Weighted(w) => Some(w.term()),
        }
    }

    /// Whether it is one of this spec.
    pub fn is_of(&self, spec: &HistogramSpec) -> bool {
        self.fits(spec).is_ok()
    }

    fn fits(&self, spec: &HistogramSpec) -> Result<()> {
        if self.term() != spec.weights.map(weigh::term) || self.slots() != spec.slots() {
            return Err(internal("a partial histogram of another histogram"));
        }
        Ok(())
    }

    /// Counts a tile.
    ///
    /// # Errors
    /// `Internal` if the tile or the state is not of this spec; nothing is counted then.
    pub fn update(
        &mut self,
        spec: &HistogramSpec,
        tile: Tile,
        scratch: &mut Scratch,
        simd: Simd,
    ) -> Result<()> {
        self.fits(spec)?;
        tile.fits(spec)?;
        let slots = spec.slots();
        let copies = spec.weights.is_none() && slots <= FEW && tile.n >= 2 * slots;
        let mut pending = 0;
        for start in (0..tile.n).step_by(BLOCK) {
            let rows = start..tile.n.min(start + BLOCK);
            let len = rows.len();
            scratch.index(spec, &tile, rows.clone(), simd);
            let index = &scratch.index[..len];
            let counts = match (&mut self.0, spec.weights, tile.weights) {
                (Bins::Weighted(w), Some(dtype), Some(bytes)) => {
                    let bytes = &bytes[rows.start * dtype.size()..rows.end * dtype.size()];
                    w.block(simd, dtype, bytes, index, &mut scratch.weights);
                    continue;
                }
                (Bins::Counts(counts), ..) => counts,
                _ => return Err(internal("weights where there are none")),
            };
            if !copies {
                index.iter().for_each(|&i| counts[i as usize] += 1);
                continue;
            }
            scatter(&mut scratch.few, index);
            pending += len;
            if pending >= ROWS || rows.end == tile.n {
                gather(&mut scratch.few, counts);
                pending = 0;
            }
        }
        match &mut self.0 {
            Bins::Counts(counts) => counts[slots - 1] = 0,
            Bins::Weighted(w) => w.clear(slots - 1),
        }
        Ok(())
    }

    /// Adds another partial histogram.
    ///
    /// # Errors
    /// `Internal` if it is one of another spec.
    pub fn merge(&mut self, other: &State) -> Result<()> {
        match (&mut self.0, &other.0) {
            (Bins::Counts(a), Bins::Counts(b)) if a.len() == b.len() => {
                for (a, b) in a.iter_mut().zip(b) {
                    *a = a.saturating_add(*b);
                }
            }
            (Bins::Weighted(a), Bins::Weighted(b)) if a.slots() == b.slots() && a.term() == b.term() => {
                a.merge(b);
            }
            _ => return Err(internal("partial histograms of different histograms cannot be merged")),
        }
        Ok(())
    }

    /// Adds what a device has counted, by slot: underflow or outside, the bins in C order, overflow,
    /// NaN, not positive.
    ///
    /// # Errors
    /// `Internal` if the state or the counts are not of this spec; nothing is added then.
    pub fn add_counts(
        &mut self,
        spec: &HistogramSpec,
        counts: impl ExactSizeIterator<Item = u32>,
    ) -> Result<()> {
        self.fits(spec)?;
        if counts.len() != self.slots() - 1 {
            return Err(internal("counts of another histogram"));
        }
        match &mut self.0 {
            Bins::Counts(all) => {
                for (a, b) in all.iter_mut().zip(counts) {
                    *a = a.saturating_add(b as u64);
                }
            }
            Bins::Weighted(w) => counts.enumerate().for_each(|(slot, n)| w.add_count(slot, n as u64)),
        }
        Ok(())
    }

    /// Adds what a device has summed for one bin: limbs, from limb `first` on, and flags, as
    /// [`Sums::add_digits`].
    ///
    /// # Errors
    /// `Internal` if the bin or the limbs are not of this spec; nothing is added then.
    pub fn add_digits(&mut self, bin: usize, first: usize, limbs: &[i64], flags: u8) -> Result<()> {
        match &mut self.0 {
            Bins::Weighted(w) => w.add_digits(bin, first, limbs, flags),
            Bins::Counts(_) => Err(internal("weights of another histogram")),
        }
    }

    /// The result.
    ///
    /// # Errors
    /// `Overflow` if a weighted sum of integers does not fit int64 or uint64; `Internal` if the
    /// state is not of this spec.
    pub fn finish(&self, spec: &HistogramSpec) -> Result<Histogram> {
        self.fits(spec)?;
        let bins = self.slots() - OTHERS;
        let (counts, [under, over, nan, low], weights) = match (&self.0, spec.weights) {
            (Bins::Weighted(w), Some(dtype)) => {
                let counts = w.counts().skip(1).take(bins).collect();
                let others = [0, bins + 1, bins + 2, bins + 3].map(|slot| w.count(slot));
                (counts, others, Some((weigh::result_dtype(dtype), w.finish(dtype, &spec.shape())?)))
            }
            (Bins::Counts(all), _) => {
                let others = [0, bins + 1, bins + 2, bins + 3].map(|slot| all[slot]);
                (all[1..=bins].to_vec(), others, None)
            }
            _ => return Err(internal("weights where there are none")),
        };
        let one = spec.edges.len() == 1;
        let below = under.saturating_add(low);
        let total = counts.iter().fold(0, |n: u64, &c| n.saturating_add(c));
        Ok(Histogram {
            edges: spec.edges.iter().map(|e| e.values().to_vec()).collect(),
            counts,
            weights,
            underflow: if one { below } else { 0 },
            overflow: if one { over } else { 0 },
            outside: if one { 0 } else { below.saturating_add(over) },
            nan,
            nonpositive: low,
            total: [below, over, nan].iter().fold(total, |n, &c| n.saturating_add(c)),
        })
    }
}

impl Tile<'_> {
    fn fits(&self, spec: &HistogramSpec) -> Result<()> {
        let n = self.n;
        let column = |bytes: &[u8], dtype: DType| Some(bytes.len()) == n.checked_mul(dtype.size());
        let coords = self.coords.len() == spec.dtypes.len()
            && self.coords.iter().zip(&spec.dtypes).all(|(c, &d)| column(c, d));
        let logs = self.logs.len() <= self.coords.len()
            && self.logs.iter().zip(&spec.dtypes).all(|(log, &d)| log.is_none_or(|log| log.dtype() == d));
        let weights = match (self.weights, spec.weights) {
            (None, None) => true,
            (Some(w), Some(d)) => column(w, d),
            _ => false,
        };
        let mask = self.mask.is_some() == spec.has_mask && self.mask.is_none_or(|m| m.len() == n);
        if !(coords && logs && weights && mask) {
            return Err(internal("a tile whose columns do not fit the histogram"));
        }
        Ok(())
    }
}

impl Scratch {
    /// The slot of every row of a tile of at most `BLOCK` rows: 0 below the range (or outside), then the bins
    /// in C order from 1 on, then others that are in no bin.
    ///
    /// # Errors
    /// `Internal` if the tile is not of this spec.
    pub fn slots(&mut self, spec: &HistogramSpec, tile: &Tile, simd: Simd) -> Result<&[u32]> {
        tile.fits(spec)?;
        if tile.n > BLOCK {
            return Err(internal("a tile of more rows than are binned at a time"));
        }
        self.index(spec, tile, 0..tile.n, simd);
        Ok(&self.index[..tile.n])
    }

    /// The slot of every row of a block, in `self.index`.
    fn index(&mut self, spec: &HistogramSpec, tile: &Tile, rows: std::ops::Range<usize>, simd: Simd) {
        let len = rows.len();
        let dims = spec.edges.len();
        for (d, (edges, &dtype)) in spec.edges.iter().zip(&spec.dtypes).enumerate() {
            let bytes = &tile.coords[d][rows.start * dtype.size()..rows.end * dtype.size()];
            let out = if dims == 1 { &mut self.index[..len] } else { &mut self.slots[d][..len] };
            if edges.in_integers(dtype) {
                edges.slots_in_integers(dtype, bytes, out);
                continue;
            }
            let finder = edges.finder();
            if let Some(Some(log)) = tile.logs.get(d) {
                log.slots(simd, finder, bytes, out);
                continue;
            }
            if dtype == DType::F32 && finder.slots_f32(simd, bytes, out) {
                continue;
            }
            let values = load::as_f64(simd, dtype, bytes, &mut self.values[..len]);
            finder.slots(simd, values, out);
        }
        let bins = spec.edges.iter().map(|e| e.bins() as u32);
        let n: [u32; 3] = std::array::from_fn(|d| bins.clone().nth(d).unwrap_or(1));
        let index = &mut self.index[..len];
        match dims {
            2 => combine2(simd, n, &self.slots, index),
            3 => combine3(simd, n, &self.slots, index),
            _ => (),
        }
        if let Some(mask) = tile.mask {
            leave_out(simd, &mask[rows], spec.slots() as u32 - 1, index);
        }
    }
}

/// Joins the slots of `D` axes of `n` bins each. NaN in any coordinate is NaN; else a value that is
/// not positive on a log axis is that; else all must be in a bin.
#[inline(always)]
fn combine_body<const D: usize>(n: [u32; 3], slots: &[Vec<u32>; 3], out: &mut [u32]) {
    let len = out.len();
    let columns: [&[u32]; D] = std::array::from_fn(|d| &slots[d][..len]);
    let bins: u32 = n[..D].iter().product();
    for i in 0..len {
        let (mut flat, mut inside, mut nan, mut low) = (0u32, true, false, false);
        for d in 0..D {
            let slot = columns[d][i];
            let bin = slot.wrapping_sub(1);
            inside &= bin < n[d];
            nan |= slot == n[d] + 2;
            low |= slot == n[d] + 3;
            flat = flat.wrapping_mul(n[d]).wrapping_add(bin);
        }
        let slot = if inside { flat.wrapping_add(1) } else { 0 };
        let slot = if low { bins + 3 } else { slot };
        out[i] = if nan { bins + 2 } else { slot };
    }
}
per_simd!(fn combine2(n: [u32; 3], slots: &[Vec<u32>; 3], out: &mut [u32]) = combine_body::<2>);
per_simd!(fn combine3(n: [u32; 3], slots: &[Vec<u32>; 3], out: &mut [u32]) = combine_body::<3>);

#[inline(always)]
fn leave_out_body(mask: &[u8], masked: u32, index: &mut [u32]) {
    for (i, &m) in index.iter_mut().zip(mask) {
        *i = if m == 0 { masked } else { *i };
    }
}
per_simd!(fn leave_out(mask: &[u8], masked: u32, index: &mut [u32]) = leave_out_body);

/// Counts slots, which are below [`FEW`], a power of two.
// A function of its own: among the other ways of counting the compiler runs out of registers.
#[inline(never)]
fn scatter(copies: &mut [[u32; FEW]], index: &[u32]) {
    let [a, b, c, d] = copies else { return };
    let (fours, rest) = index.as_chunks::<COPIES>();
    for &[i, j, k, l] in fours {
        a[i as usize & (FEW - 1)] += 1;
        b[j as usize & (FEW - 1)] += 1;
        c[k as usize & (FEW - 1)] += 1;
        d[l as usize & (FEW - 1)] += 1;
    }
    for &i in rest {
        a[i as usize & (FEW - 1)] += 1;
    }
}

/// Empties the copies into the counts.
fn gather(copies: &mut [[u32; FEW]], counts: &mut [u64]) {
    for copy in copies {
        for (total, count) in counts.iter_mut().zip(copy) {
            *total += std::mem::take(count) as u64;
        }
    }
}
