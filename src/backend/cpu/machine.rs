//! Runs a [`Program`] over one tile: a few thousand elements, so that every register stays in cache.

use crate::buffer::Buffer;
use crate::ops::elementwise::{self, Events, KernelAt};
use crate::ops::program::{Program, Register, Step};
use crate::ops::simd::Simd;

/// Elements per tile. A float64 register is then 16 KiB.
pub const TILE: usize = 2048;

/// Where a register's elements are.
#[derive(Clone, Copy, Debug)]
enum Home {
    Input(usize),
    Const(usize),
    Slot(usize),
}

/// A program with its kernels chosen and its registers laid out. Registers whose last use is past
/// give their slot to later ones.
pub struct Machine {
    program: Program,
    kernels: Vec<Option<KernelAt>>,
    homes: Vec<Home>,
    constants: Vec<Buffer>,
    slots: Vec<Buffer>,
}

impl Machine {
    /// Chooses kernels for `simd` and lays out the registers.
    pub fn new(program: &Program, simd: Simd) -> Self {
        let (homes, slots) = lay_out(program);
        let mut constants = Vec::new();
        let mut kernels = Vec::with_capacity(program.steps.len());
        for (n, step) in program.steps.iter().enumerate() {
            kernels.push(match step {
                Step::Input(_) => None,
                Step::Const(value) => {
                    let bytes = value.to_bytes();
                    let mut b = Buffer::zeroed(TILE * bytes.len());
                    b.chunks_exact_mut(bytes.len()).for_each(|c| c.copy_from_slice(&bytes));
                    constants.push(b);
                    None
                }
                Step::Cast { from, to } => Some(elementwise::cast(program.dtype(*from), *to, simd)),
                Step::Apply { op, signature, .. } => Some(op.kernel(signature, simd)),
            });
            debug_assert_eq!(kernels.len(), n + 1);
        }
        let slots = slots.into_iter().map(|size| Buffer::zeroed(size * TILE)).collect();
        Machine { program: program.clone(), kernels, homes, constants, slots }
    }

    /// Bytes of scratch that a machine for this program holds.
    pub fn bytes(program: &Program) -> u64 {
        let (_, slots) = lay_out(program);
        let constants = program.steps.iter().filter(|s| matches!(s, Step::Const(_))).count();
        ((slots.iter().sum::<usize>() + constants * 8) * TILE) as u64
    }

    /// Runs every step over `n ≤ TILE` elements of each input.
    pub fn run(&mut self, inputs: &[&[u8]], n: usize) -> Events {
        let mut events = Events::default();
        for step in 0..self.program.steps.len() {
            let (Some(kernel), Home::Slot(slot)) = (&self.kernels[step], self.homes[step]) else { continue };
            let mut out = std::mem::take(&mut self.slots[slot]);
            let size = self.program.dtype(step as Register).size();
            {
                let args: smallvec::SmallVec<[&[u8]; 3]> =
                    self.program.args(step).iter().map(|&r| self.register(r, inputs, n)).collect();
                events |= kernel.run(&args, &mut out[..n * size]);
            }
            self.slots[slot] = out;
        }
        events
    }

    /// The elements of a register after `run` with the same inputs and `n`.
    fn register<'a>(&'a self, r: Register, inputs: &[&'a [u8]], n: usize) -> &'a [u8] {
        let bytes = n * self.program.dtype(r).size();
        match self.homes[r as usize] {
            Home::Input(i) => &inputs[i][..bytes],
            Home::Const(i) => &self.constants[i][..bytes],
            Home::Slot(i) => &self.slots[i][..bytes],
        }
    }

    /// The elements of an output after `run` with the same inputs and `n`.
    pub fn output<'a>(&'a self, output: usize, inputs: &[&'a [u8]], n: usize) -> &'a [u8] {
        self.register(self.program.outputs[output], inputs, n)
    }
}

/// A home for every register and the element size of every slot.
fn lay_out(program: &Program) -> (Vec<Home>, Vec<usize>) {
    let steps = program.steps.len();
    let mut last_use: Vec<usize> = (0..steps).collect();
    for step in 0..steps {
        for &r in program.args(step) {
            last_use[r as usize] = step;
        }
    }
    for &r in &program.outputs {
        last_use[r as usize] = usize::MAX;
    }
    let mut dies_at: Vec<Vec<usize>> = vec![Vec::new(); steps];
    for (r, &at) in last_use.iter().enumerate() {
        if at != usize::MAX {
            dies_at[at].push(r);
        }
    }
    let mut homes = Vec::with_capacity(steps);
    let mut slots: Vec<usize> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut constants = 0;
    for (n, step) in program.steps.iter().enumerate() {
        homes.push(match step {
            Step::Input(i) => Home::Input(*i as usize),
            Step::Const(_) => {
                constants += 1;
                Home::Const(constants - 1)
            }
            // The output slot is taken before the arguments' are freed: a kernel never works in place.
            _ => {
                let size = program.dtype(n as Register).size();
                let slot = free.pop().unwrap_or_else(|| {
                    slots.push(0);
                    slots.len() - 1
                });
                slots[slot] = slots[slot].max(size);
                Home::Slot(slot)
            }
        });
        for &r in &dies_at[n] {
            if let Home::Slot(slot) = homes[r] {
                free.push(slot);
            }
        }
    }
    (homes, slots)
}
