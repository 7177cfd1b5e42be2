//! Exact sums: fixed-point accumulators that hold every bit of every addend.
//!
//! A sum of floats that is rounded once, at the end, has no order that could change it. Each
//! accumulator is one long fixed-point number (Neal's small superaccumulator, arXiv:1505.05571:
//! 32-bit digits in 64-bit limbs, carries delayed) whose range covers its [`Term`] with room for
//! 2^63 additions. That costs a few nanoseconds per addend, so contiguous data go through vector
//! kernels first ([`Sums::add_run`], [`Sums::add_row_f32`]): a block whose exponents span few bits sums
//! exactly in float64 lanes, others in two or three levels of them that cut each value at common
//! anchors (Demmel and Nguyen's pre-rounding), the widest in one 64-bit bin per exponent (Neal's large
//! superaccumulator, on the stack for one block), and only block totals enter the accumulator.
//! Every path is exact, so which one ran cannot be seen in the result.
//!
//! Non-finite addends set sticky flags: +inf, −inf, NaN; opposite infinities make NaN. A NaN result
//! is the positive quiet one; a sum that is exactly zero is +0.
//!
//! Limits: 2^63 additions per sum.

mod anchored;
mod any;
mod bins;
mod device;
mod digits;
mod finish;
mod guess;
mod lanes;
mod narrow;
mod pairs;
mod pending;
mod prefix;
mod product;
mod round;
mod row;
mod run;
mod scan;
mod sums;
#[cfg(test)]
mod tests;
mod wide;

pub use any::AnySums;
pub use digits::Fixed;
pub use finish::{mean, ratio, std, variance};
pub use narrow::Narrow;
pub use prefix::{PIECE, Prefix, Rounded};
pub use round::Format;
pub use run::Run;
pub use sums::{Addend, Sums};

use serde::{Deserialize, Serialize};

/// What is added into an accumulator. It decides the range, and so the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Term {
    /// float16 and float32 values: multiples of 2^-149 below 2^128.
    F32,
    /// float64 values: multiples of 2^-1074 below 2^1024.
    F64,
    /// Products of two float32 (each exact in float64): multiples of 2^-298 below 2^256.
    F32Product,
    /// Products of two float64, 106 bits: multiples of 2^-2148 below 2^2048.
    F64Product,
    /// Integers of at most 64 bits, and bools.
    Int,
    /// Products of two such integers.
    IntProduct,
}

impl Term {
    /// Every term.
    pub const ALL: [Term; 6] =
        [Term::F32, Term::F64, Term::F32Product, Term::F64Product, Term::Int, Term::IntProduct];

    /// The exponent of the lowest bit: a sum is an integer times 2^low.
    pub const fn low(self) -> i32 {
        match self {
            Term::F32 => -149,
            Term::F64 => -1074,
            Term::F32Product => -298,
            Term::F64Product => -2148,
            Term::Int | Term::IntProduct => 0,
        }
    }

    /// 64-bit limbs of 32-bit digits: the range in bits plus 64, and a signed limb on top.
    pub(crate) const fn limbs(self) -> usize {
        match self {
            Term::F32 => 11,
            Term::F64 => 68,
            Term::F32Product => 20,
            Term::F64Product => 134,
            Term::Int => 4,
            Term::IntProduct => 6,
        }
    }

    /// Float64 lanes that rows of this term may keep per sum.
    const fn lanes(self) -> usize {
        match self {
            Term::F32 => 1,
            Term::F64 | Term::F32Product => 2,
            Term::F64Product => 4,
            Term::Int | Term::IntProduct => 0,
        }
    }

    /// The most bytes that one accumulator takes in memory, pending lanes and flags included.
    pub const fn bytes_per_sum(self) -> u64 {
        // one byte of flags, one byte for this sum's share of its row segment
        (self.limbs() * 8 + self.lanes() * 8 + 2) as u64
    }
}
