//! Runs a [`Program`] over one tile, in strips that are short enough for steps to overlap.
//!
//! A tile is what terminals take at once: a few thousand elements, so that an operand stays in the
//! first-level cache. Within a tile every step runs over one strip before the next strip begins. A
//! strip is short for two reasons: the registers in between take a few KiB, and the processor, which
//! looks some hundred instructions ahead, begins the next step's loop while a slow one (a square
//! root, a division) is still under way.

use crate::buffer::Buffer;
use crate::dtype::Scalar;
use crate::ops::elementwise::{self, Events, KernelAt};
use crate::ops::fold::TILE;
use crate::ops::program::{Program, Register, Step};
use crate::ops::simd::Simd;
use smallvec::SmallVec;

/// Bytes of a strip of the widest register. Shorter ones spend their time on getting started, longer
/// ones keep the next step waiting.
const STRIP: usize = 4096;

/// Where a register's elements are.
#[derive(Clone, Copy, Debug)]
enum Home {
    Input(usize),
    Const(usize),
    /// Those of the strip under way.
    Slot(usize),
    /// Those of the whole tile, kept for the terminals.
    Output(usize),
    /// Between two steps that are one.
    Nowhere,
}

/// A register as a step reads it.
#[derive(Clone, Copy, Debug)]
struct Place {
    home: Home,
    size: usize,
}

/// A step that computes.
#[derive(Debug)]
struct Run {
    kernel: KernelAt,
    args: [Place; 3],
    arity: usize,
    to: Place,
}

/// A program with its kernels chosen and its registers laid out. Registers whose last use is past
/// give their slot to later ones.
pub struct Machine {
    runs: Vec<Run>,
    memory: Memory,
    /// Elements per strip.
    strip: usize,
    /// Where each output is.
    outputs: Vec<Place>,
}

/// What registers are made of.
struct Memory {
    constants: Vec<Buffer>,
    slots: Vec<Buffer>,
    tiles: Vec<Buffer>,
}

impl Memory {
    /// The elements `start..start + n` of a register.
    #[inline(always)]
    fn get<'a>(&'a self, place: Place, inputs: &[&'a [u8]], start: usize, n: usize) -> &'a [u8] {
        let bytes = |b: &'a [u8], start: usize| &b[start * place.size..(start + n) * place.size];
        match place.home {
            Home::Input(i) => bytes(inputs[i], start),
            Home::Const(i) => bytes(&self.constants[i], 0),
            Home::Slot(i) => bytes(&self.slots[i], 0),
            Home::Output(i) => bytes(&self.tiles[i], start),
            Home::Nowhere => &[],
        }
    }
}

impl Machine {
    /// Chooses kernels for `simd` and lays out the registers.
    pub fn new(program: &Program, simd: Simd) -> Self {
        let todo = schedule(program);
        let layout = lay_out(program, &todo);
        let place = |r: Register| Place { home: layout.homes[r as usize], size: program.dtype(r).size() };
        let fill = |value: &Scalar| {
            let bytes = value.to_bytes();
            let mut b = Buffer::zeroed(layout.constant * bytes.len());
            b.chunks_exact_mut(bytes.len()).for_each(|c| c.copy_from_slice(&bytes));
            b
        };
        let constants = program.steps.iter().filter_map(|s| match s {
            Step::Const(value) => Some(fill(value)),
            _ => None,
        });
        let runs = todo.iter().map(|t| {
            let to = place(t.to);
            let mut args = [to; 3];
            args.iter_mut().zip(&t.args).for_each(|(a, &r)| *a = place(r));
            Run { kernel: t.kernel(program, simd), args, arity: t.args.len(), to }
        });
        let zeroed = |sizes: &[usize], n: usize| sizes.iter().map(|size| Buffer::zeroed(size * n)).collect();
        let memory = Memory {
            constants: constants.collect(),
            slots: zeroed(&layout.slots, layout.strip),
            tiles: zeroed(&layout.tiles, TILE),
        };
        let outputs = program.outputs.iter().map(|&r| place(r)).collect();
        Machine { runs: runs.collect(), memory, strip: layout.strip, outputs }
    }

    /// Bytes of scratch that a machine for this program holds.
    pub fn bytes(program: &Program) -> u64 {
        let layout = lay_out(program, &schedule(program));
        let constants = program.steps.iter().filter(|s| matches!(s, Step::Const(_))).count();
        let sum = |sizes: &[usize]| sizes.iter().sum::<usize>();
        let slots = sum(&layout.slots) * layout.strip + sum(&layout.tiles) * TILE;
        (slots + constants * 8 * layout.constant) as u64
    }

    /// Runs every step over `n ≤ TILE` elements of each input.
    pub fn run(&mut self, inputs: &[&[u8]], n: usize) -> Events {
        let mut events = Events::default();
        if self.runs.is_empty() {
            return events;
        }
        for start in (0..n).step_by(self.strip) {
            let n = self.strip.min(n - start);
            for run in &self.runs {
                events |= run.strip(&mut self.memory, inputs, start, n);
            }
        }
        events
    }

    /// The elements of an output after `run` with the same inputs and `n`.
    pub fn output<'a>(&'a self, output: usize, inputs: &[&'a [u8]], n: usize) -> &'a [u8] {
        self.memory.get(self.outputs[output], inputs, 0, n)
    }
}

impl Run {
    /// Runs the step over the elements `start..start + n`.
    #[inline]
    fn strip(&self, memory: &mut Memory, inputs: &[&[u8]], start: usize, n: usize) -> Events {
        let (buffer, at) = match self.to.home {
            Home::Slot(i) => (&mut memory.slots[i], 0),
            Home::Output(i) => (&mut memory.tiles[i], start),
            Home::Input(_) | Home::Const(_) | Home::Nowhere => return Events::NONE,
        };
        // Taken out while the step runs: what it reads is elsewhere.
        let mut out = std::mem::take(buffer);
        let mut args: [&[u8]; 3] = [&[]; 3];
        for (arg, &place) in args.iter_mut().zip(&self.args[..self.arity]) {
            *arg = memory.get(place, inputs, start, n);
        }
        let to = &mut out[at * self.to.size..(at + n) * self.to.size];
        let events = self.kernel.run(&args[..self.arity], to);
        match self.to.home {
            Home::Output(i) => memory.tiles[i] = out,
            Home::Slot(i) => memory.slots[i] = out,
            Home::Input(_) | Home::Const(_) | Home::Nowhere => {}
        }
        events
    }
}

/// A step that is to be run, alone or with one before it.
struct Todo {
    to: Register,
    args: SmallVec<[Register; 3]>,
    /// The step before it, and which argument of this one it makes.
    first: Option<(Register, usize)>,
}

impl Todo {
    fn kernel(&self, program: &Program, simd: Simd) -> KernelAt {
        match &program.steps[self.to as usize] {
            Step::Apply { op, signature, .. } => {
                let fused = self.first.and_then(|(r, at)| match &program.steps[r as usize] {
                    Step::Apply { op: first, .. } => elementwise::fused(*first, *op, at, signature.out, simd),
                    _ => None,
                });
                fused.unwrap_or_else(|| op.kernel(signature, simd))
            }
            _ => elementwise::cast(program.dtype(self.args[0]), program.dtype(self.to), simd),
        }
    }
}

/// The steps that compute, in order. A step whose result only the next arithmetic wants is done with it.
fn schedule(program: &Program) -> Vec<Todo> {
    let steps = program.steps.len();
    let mut uses = vec![0; steps];
    let read = (0..steps).flat_map(|n| program.args(n));
    read.chain(&program.outputs).for_each(|&r| uses[r as usize] += 1);
    let mut todo: Vec<Todo> = Vec::with_capacity(steps);
    for (n, step) in program.steps.iter().enumerate() {
        let to = n as Register;
        let args = program.args(n);
        let alone = Todo { to, args: args.into(), first: None };
        match step {
            Step::Input(_) | Step::Const(_) => {}
            Step::Cast { .. } => todo.push(alone),
            Step::Apply { op: then, signature, .. } => {
                let fits = |at: usize| {
                    let i = todo.binary_search_by_key(&args[at], |t| t.to).ok()?;
                    let Step::Apply { op: first, .. } = &program.steps[args[at] as usize] else {
                        return None;
                    };
                    let alone = todo[i].first.is_none() && uses[args[at] as usize] == 1;
                    (alone && elementwise::fuses(*first, *then, signature.out)).then_some((i, at))
                };
                let found = (0..args.len()).filter_map(fits).max();
                let next = match found {
                    None => alone,
                    Some((i, at)) => {
                        let Todo { to: first, args: mut all, .. } = todo.remove(i);
                        all.push(args[1 - at]);
                        Todo { to, args: all, first: Some((first, at)) }
                    }
                };
                todo.push(next);
            }
        }
    }
    todo
}

/// Where a program's registers go.
struct Layout {
    /// A register that is never stored has the home of nothing.
    homes: Vec<Home>,
    /// The element size of every slot.
    slots: Vec<usize>,
    /// The element size of every output that is computed.
    tiles: Vec<usize>,
    /// Elements of a strip.
    strip: usize,
    /// Elements of a constant: a strip, or a tile where one is an output.
    constant: usize,
}

/// A home for every register.
fn lay_out(program: &Program, todo: &[Todo]) -> Layout {
    let goes_out = |r: usize| program.outputs.contains(&(r as Register));
    let widest = (0..program.steps.len()).map(|n| program.dtype(n as Register).size()).max().unwrap_or(1);
    // Narrow dtypes gain nothing by more elements.
    let strip = STRIP / widest.max(4);
    let mut layout =
        Layout { homes: Vec::new(), slots: Vec::new(), tiles: Vec::new(), strip, constant: strip };
    let mut constants = 0;
    for (n, step) in program.steps.iter().enumerate() {
        layout.homes.push(match step {
            Step::Input(i) => Home::Input(*i as usize),
            Step::Const(_) => {
                if goes_out(n) {
                    layout.constant = TILE;
                }
                constants += 1;
                Home::Const(constants - 1)
            }
            Step::Cast { .. } | Step::Apply { .. } => Home::Nowhere,
        });
    }
    let mut last_use = vec![0; program.steps.len()];
    for (k, t) in todo.iter().enumerate() {
        t.args.iter().for_each(|&r| last_use[r as usize] = k);
        last_use[t.to as usize] = k;
    }
    let mut free: Vec<usize> = Vec::new();
    for (k, t) in todo.iter().enumerate() {
        let size = program.dtype(t.to).size();
        layout.homes[t.to as usize] = if goes_out(t.to as usize) {
            layout.tiles.push(size);
            Home::Output(layout.tiles.len() - 1)
        } else {
            // The slot is taken before the arguments' are freed: a kernel never works in place.
            let slot = free.pop().unwrap_or_else(|| {
                layout.slots.push(0);
                layout.slots.len() - 1
            });
            layout.slots[slot] = layout.slots[slot].max(size);
            Home::Slot(slot)
        };
        for (i, &r) in t.args.iter().chain([&t.to]).enumerate() {
            let again = t.args[..i.min(t.args.len())].contains(&r);
            match layout.homes[r as usize] {
                Home::Slot(slot) if last_use[r as usize] == k && !again => free.push(slot),
                _ => {}
            }
        }
    }
    layout
}

#[cfg(test)]
mod tests;
