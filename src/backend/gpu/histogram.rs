//! Histograms: rows are counted by slot, and weights are summed exactly.
//!
//! # Slots
//! Coordinates become ordered integer keys and edges become cuts among them ([`axis`]), so that the
//! slots are the CPU's, whatever the device's floats are like.
//!
//! # Output
//! Words of 32 bits: a count per slot (underflow or outside, the bins in C order, overflow, NaN, not
//! positive); with weights then the limbs of every bin, each a 64-bit sum of signed 32-bit digits in the
//! layout of [`Sums`](crate::ops::exact::Sums), only those limbs that the dtype reaches; for floats then
//! a word of flags per bin. All of it adds up over blocks: counts hold 2^32 − 1 rows and limbs 2^31.
//!
//! # Where rows are counted
//! In workgroup memory where it has room for counts, and for limbs: in up to 32 interleaved copies, so
//! that lanes rarely meet. Beyond that with atomics in the output itself: then the bins are so
//! many that lanes meet seldom unless the data are very uneven, while passes over ranges of bins would
//! read the operands and find the slots once more for every few thousand bins.
//!
//! # Limits
//! Output and table must fit one binding each. Coordinates and weights of 64 bits need 64-bit
//! integers; float64 needs no float64 arithmetic, but finds bins of even width faster with it.

mod axis;

use super::abilities::Abilities;
use super::code::{Element, register_type};
use super::device::Pipeline;
use super::family::{Family, Launch, Step, Work};
use super::layout::{Class, Layout};
use super::memory::DeviceBuffer;
use super::shader::shader;
use crate::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::fold::{Binned, HistogramReady, State, state_as};
use crate::ops::histogram::{HistogramSpec, Scale};
use crate::ops::kernel::Terminal;
use crate::ops::program::Program;
use axis::{AXIS_WORDS, Axis, Way};
use std::any::Any;
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

/// Words of `params` before those of the axes.
const HEAD_WORDS: usize = 4;
/// The most copies of counts and limbs per workgroup.
const MOST_COPIES: u64 = 32;
/// Words of workgroup memory that copies may take, so that several workgroups are resident.
const COPIED_WORDS: u64 = 4096;
/// Words of a table that is copied into workgroup memory.
const NEAR_TABLE_WORDS: u64 = 2048;
/// Rows per workgroup, at least.
const ROWS: u64 = 4096;
/// Workgroups that fill any device.
const GROUPS: u64 = 4096;

/// The limbs that weights of a dtype reach, of those of its [`Sums`](crate::ops::exact::Sums): where they
/// begin, and how many.
fn limbs_of(weights: DType) -> (usize, usize) {
    match weights {
        DType::F16 => (3, 3),
        DType::F32 => (0, 9),
        DType::F64 => (0, 66),
        DType::I64 | DType::U64 => (0, 2),
        _ => (0, 1),
    }
}

/// What is kept in workgroup memory.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Near {
    counts: bool,
    limbs: bool,
    copies: u32,
    /// Words of counts and limbs, all copies.
    words: u32,
    /// Words of the table, 0 if it stays in its buffer.
    table: u32,
}

impl Near {
    fn new(bins: u64, limb_words: u64, table: u64, bytes: u32) -> Near {
        let room = bytes as u64 / 4;
        let (slots, limb_words) = (bins + 4, bins * limb_words);
        let counts = slots <= room;
        let limbs = limb_words > 0 && slots + limb_words <= room;
        let one = (if counts { slots } else { 4 }) + (if limbs { limb_words } else { 0 });
        let table = if table <= NEAR_TABLE_WORDS && one + table <= room { table } else { 0 };
        let mut copies = MOST_COPIES;
        while copies > 1 && one * copies > COPIED_WORDS.min(room - table) {
            copies /= 2;
        }
        Near { counts, limbs, copies: copies as u32, words: (one * copies) as u32, table: table as u32 }
    }
}

/// The axes, made and sent to the device when the first block comes.
struct Ready {
    finders: Vec<Finder>,
    /// The family's words of `params`.
    words: Vec<u32>,
    near: Near,
    table: Arc<DeviceBuffer>,
}

/// What an axis adds to the shader's text; its cuts are in the table.
#[derive(Clone, Copy)]
struct Finder {
    dtype: DType,
    line: bool,
    log: bool,
}

/// The family of a `histogram`.
///
/// # Errors
/// Why this device cannot compute it right.
pub fn family(
    program: &Program,
    terminal: &Terminal,
    abilities: &Abilities,
) -> std::result::Result<Box<dyn Family>, String> {
    let ready: &dyn Any = &*terminal.ready;
    let ready: &HistogramReady = ready.downcast_ref().ok_or("it is no histogram that is known here")?;
    Ok(Box::new(Histogram::new(program, ready.spec(), &terminal.ports, abilities)?))
}

/// A histogram of all elements.
pub struct Histogram {
    element: Element,
    spec: Arc<HistogramSpec>,
    abilities: Abilities,
    /// The mask is the last output of the element, the weights are the one before.
    has_mask: bool,
    ready: Option<Ready>,
    pipelines: HashMap<Vec<Class>, Arc<Pipeline>>,
}

impl Histogram {
    /// The histogram of outputs at these positions of [`Program::outputs`]: coordinates, weights, mask.
    ///
    /// # Errors
    /// Why this device cannot compute it right.
    pub fn new(
        program: &Program,
        spec: &Arc<HistogramSpec>,
        outputs: &[usize],
        abilities: &Abilities,
    ) -> std::result::Result<Histogram, String> {
        let element = Element::new(program, outputs, abilities)?;
        let mask = spec.has_mask().then_some(DType::Bool);
        let dtypes = spec.dtypes().iter().copied().chain(spec.weights()).chain(mask);
        if !(0..outputs.len()).map(|n| element.dtype(n)).eq(dtypes) {
            return Err("the program's outputs are not those of the histogram".into());
        }
        let family = Histogram {
            element,
            spec: Arc::clone(spec),
            abilities: abilities.clone(),
            has_mask: spec.has_mask(),
            ready: None,
            pipelines: HashMap::new(),
        };
        for (what, bytes) in [("bins", 4 * family.words()), ("edges", family.table_bytes())] {
            if bytes > abilities.binding_bytes {
                return Err(format!(
                    "the histogram's {what} take {bytes} bytes, more than a binding of the adapter \
                     ({} bytes)",
                    abilities.binding_bytes
                ));
            }
        }
        Ok(family)
    }

    /// Words of limbs per bin.
    fn limb_words(&self) -> u64 {
        self.spec.weights().map_or(0, |w| 2 * limbs_of(w).1 as u64)
    }

    /// Words of output.
    fn words(&self) -> u64 {
        let flags = self.spec.weights().is_some_and(|w| w.is_float()) as u64;
        self.spec.bins() + 4 + self.spec.bins() * (self.limb_words() + flags)
    }

    /// The axes' table, the family's words of `params`, what lies where, and what finds slots.
    fn plan(&self) -> (Vec<u32>, Vec<u32>, Near, Vec<Finder>) {
        let (mut table, mut finders, mut placed) = (Vec::new(), Vec::new(), Vec::new());
        for (edges, &dtype) in self.spec.edges().iter().zip(self.spec.dtypes()) {
            let axis = Axis::new(edges, dtype, self.abilities.float64);
            placed.extend(axis.place(&mut table));
            let line = matches!(axis.way, Way::Line { .. });
            finders.push(Finder { dtype, line, log: edges.scale() == Scale::Log });
        }
        let bins = self.spec.bins();
        let near = Near::new(bins, self.limb_words(), table.len() as u64, self.abilities.workgroup_bytes);
        let head: [u32; HEAD_WORDS] = [bins as u32, near.copies, near.words, near.table];
        (table, [&head[..], &placed].concat(), near, finders)
    }

    fn ready(&mut self, work: &Work) -> Result<&Ready> {
        if self.ready.is_none() {
            let (table, words, near, finders) = self.plan();
            let table = Arc::new(work.context.table("histogram", bytemuck::cast_slice(&table))?);
            self.ready = Some(Ready { finders, words, near, table });
        }
        self.ready.as_ref().ok_or_else(|| Error::new(ErrorKind::Internal, "a histogram without axes"))
    }

    /// The WGSL for blocks of a layout.
    fn source(&self, layout: &Layout, finders: &[Finder], near: &Near) -> String {
        let mut out = self.element.code(layout);
        // Writing to a string does not fail.
        let _ = self.write(&mut out, finders, near);
        out
    }

    /// The WGSL for blocks of a layout, without a device.
    #[cfg(test)]
    pub fn text(&self, layout: &Layout) -> String {
        let (_, _, near, finders) = self.plan();
        self.source(layout, &finders, &near)
    }

    fn write(&self, out: &mut String, finders: &[Finder], near: &Near) -> std::fmt::Result {
        // Sizes in steps, so that histograms of about one size share a pipeline.
        let room = self.abilities.workgroup_bytes / 4;
        let near_words = near.words.next_multiple_of(1024).min(room - near.table);
        writeln!(out, "const NEAR_WORDS: u32 = {near_words}u;\nconst COUNTS_NEAR: bool = {};", near.counts)?;
        match near.table {
            0 => out.push_str(
                "fn table_word(i: u32) -> u32 { return table[i]; }\nfn fetch_table(lane: u32) {}\n",
            ),
            words => writeln!(
                out,
                "var<workgroup> near_table: array<u32, {}>;
fn table_word(i: u32) -> u32 {{ return near_table[i]; }}
fn fetch_table(lane: u32) {{
    for (var k = lane; k < params[FAMILY_AT + 3u]; k += 256u) {{ near_table[k] = table[k]; }}
}}",
                words.next_multiple_of(256).min(room - near_words),
            )?,
        }
        out.push_str(shader!("histogram_find.wgsl"));
        if self.abilities.int64 {
            out.push_str(shader!("histogram_find64.wgsl"));
        }
        if self.abilities.float64 {
            out.push_str(shader!("histogram_find_float64.wgsl"));
        }
        out.push_str(shader!("histogram.wgsl"));
        match self.spec.weights() {
            None => out.push_str("fn flush_weights(lane: u32) {}\n"),
            Some(dtype) => {
                writeln!(out, "const WEIGHTS_NEAR: bool = {};", near.limbs)?;
                writeln!(out, "const LIMBS: u32 = {}u;", limbs_of(dtype).1)?;
                out.push_str(shader!("histogram_weigh.wgsl"));
                if dtype.size() == 8 {
                    out.push_str(shader!("histogram_weigh64.wgsl"));
                }
            }
        }
        for (d, finder) in finders.iter().enumerate() {
            write_axis(out, d, finder)?;
        }
        self.write_take(out, finders.len())
    }

    /// `take(o)`: one row.
    fn write_take(&self, out: &mut String, dims: usize) -> std::fmt::Result {
        writeln!(out, "fn take(o: Outs) {{")?;
        let weights = self.spec.weights();
        if self.has_mask {
            writeln!(out, "    if (o.o{} == 0u) {{ return; }}", dims + weights.is_some() as usize)?;
        }
        if dims == 1 {
            writeln!(out, "    let slot = axis0(o.o0);")?;
        } else {
            writeln!(out, "    var flat = 0u;\n    var within = true;\n    var nan = false;")?;
            writeln!(out, "    var low = false;")?;
            for d in 0..dims {
                let at = HEAD_WORDS + d * AXIS_WORDS;
                writeln!(
                    out,
                    "    let n{d} = params[FAMILY_AT + {at}u];
    let s{d} = axis{d}(o.o{d});
    within = within && s{d} - 1u < n{d};
    nan = nan || s{d} == n{d} + 2u;
    low = low || s{d} == n{d} + 3u;
    flat = flat * n{d} + (s{d} - 1u);"
                )?;
            }
            writeln!(out, "    var slot = select(0u, flat + 1u, within);")?;
            writeln!(out, "    slot = select(slot, bins + 3u, low);")?;
            writeln!(out, "    slot = select(slot, bins + 2u, nan);")?;
        }
        writeln!(out, "    count(slot);")?;
        if let Some(dtype) = weights {
            let name = dtype.name();
            writeln!(out, "    if (slot - 1u < bins) {{ weigh_{name}(slot - 1u, o.o{dims}); }}")?;
        }
        writeln!(out, "}}")
    }

    fn pipeline(&mut self, work: &Work) -> Result<Arc<Pipeline>> {
        if let Some(p) = self.pipelines.get(work.layout.key()) {
            return Ok(Arc::clone(p));
        }
        let source = match &self.ready {
            Some(ready) => self.source(work.layout, &ready.finders, &ready.near),
            None => return Err(Error::new(ErrorKind::Internal, "a histogram without axes")),
        };
        let pipeline = work.context.pipeline("histogram", &source)?;
        self.pipelines.insert(work.layout.key().to_vec(), Arc::clone(&pipeline));
        Ok(pipeline)
    }
}

/// `axis{d}(v)`: the slot of a coordinate on one axis.
fn write_axis(out: &mut String, d: usize, finder: &Finder) -> std::fmt::Result {
    let (name, float) = (finder.dtype.name(), finder.dtype.is_float());
    let (bits, suffix) = if finder.dtype.size() == 8 { (64, "lu") } else { (32, "u") };
    writeln!(out, "fn axis{d}(v: {}) -> u32 {{", register_type(finder.dtype))?;
    writeln!(out, "    let p = FAMILY_AT + {}u;", HEAD_WORDS + d * AXIS_WORDS)?;
    writeln!(out, "    let key = key_{name}(v);")?;
    if finder.line {
        let distance =
            if float { format!("distance_{name}(p, v)") } else { format!("distance_key{bits}(p, key)") };
        writeln!(out, "    var slot = settle{bits}(p, line_guess(p, {distance}), key);")?;
    } else {
        writeln!(out, "    var slot = cells{bits}(p, key);")?;
    }
    if finder.log {
        let zero = axis::zero_key(finder.dtype);
        writeln!(out, "    slot = select(slot, params[p] + 3u, key <= {zero}{suffix});")?;
    }
    if float {
        writeln!(out, "    slot = select(slot, params[p] + 2u, unordered_{name}(v));")?;
    }
    writeln!(out, "    return slot;\n}}")
}

impl Family for Histogram {
    fn launch(&mut self, work: &Work) -> Result<Launch> {
        let Ready { words, near, table, .. } = self.ready(work)?;
        let (words, near, table) = (words.clone(), *near, Arc::clone(table));
        let pipeline = self.pipeline(work)?;
        let mut params = self.element.params(work.layout);
        params.extend(words);
        // A workgroup has enough rows to be worth emptying its counts.
        let rows = ROWS.max(2 * near.words as u64 / near.copies as u64);
        let groups =
            (work.layout.len as u64).div_ceil(rows).clamp(1, GROUPS.min(self.abilities.max_groups as u64));
        let step = Step { pipeline, params, groups: [groups as u32, 1, 1], table: Some(table) };
        Ok(Launch { steps: vec![step], output_bytes: 4 * self.words(), absorb: Box::new(absorb) })
    }

    fn output_bytes(&self, _: &[u64]) -> u64 {
        4 * self.words()
    }

    fn accumulates(&self) -> Option<u64> {
        Some(if self.spec.weights().is_some() { 1 << 31 } else { u32::MAX as u64 })
    }

    fn table_bytes(&self) -> u64 {
        let axes = self.spec.edges().iter().zip(self.spec.dtypes());
        4 * axes.map(|(e, &d)| Axis::most_words(e.bins(), d)).sum::<u64>()
    }
}

/// Adds an output to the histogram's state.
fn absorb(bytes: &[u8], state: &mut dyn State) -> Result<()> {
    let (spec, state) = state_as::<Binned>(state)?.bins_mut();
    let word = |b: &[u8; 4]| u32::from_ne_bytes(*b);
    let words = bytes.as_chunks::<4>().0;
    let bins = spec.bins() as usize;
    let (counts, weights) = words.split_at((bins + 4).min(words.len()));
    state.add_counts(spec, counts.iter().map(word))?;
    let Some(dtype) = spec.weights() else { return Ok(()) };
    let (first, count) = limbs_of(dtype);
    let (limbs, flags) = weights.split_at((2 * count * bins).min(weights.len()));
    let mut sum = vec![0i64; count];
    for (bin, words) in limbs.chunks_exact(2 * count).enumerate() {
        for (limb, w) in sum.iter_mut().zip(words.chunks_exact(2)) {
            *limb = (word(&w[1]) as i32 as i64) << 32 | word(&w[0]) as i64;
        }
        let flags = flags.get(bin).map_or(0, word) as u8;
        if flags != 0 || sum.iter().any(|&l| l != 0) {
            state.add_digits(bin, first, &sum, flags)?;
        }
    }
    Ok(())
}
