//! Data of every kind, as bits.

use crate::buffer::Buffer;
use crate::dtype::{DType, Kind};
use crate::grid::c_strides;
use crate::view::Placement;
use half::f16;

pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Kinds of data. Integers take from all of them but the last four what fits their bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Class {
    Uniform,
    Normal,
    Equal,
    Zeros,
    AllBits,
    Cancelling,
    Subnormal,
    Specials,
}

pub const CLASSES: [Class; 8] = [
    Class::Uniform,
    Class::Normal,
    Class::Equal,
    Class::Zeros,
    Class::AllBits,
    Class::Cancelling,
    Class::Subnormal,
    Class::Specials,
];

/// Exponent and fraction bits of a float.
pub fn format(dtype: DType) -> (u32, u32) {
    match dtype {
        DType::F16 => (5, 10),
        DType::F32 => (8, 23),
        _ => (11, 52),
    }
}

pub fn float_bits(dtype: DType, v: f64) -> u64 {
    match dtype {
        DType::F16 => f16::from_f64(v).to_bits() as u64,
        DType::F32 => (v as f32).to_bits() as u64,
        _ => v.to_bits(),
    }
}

pub fn number(dtype: DType, bits: u64) -> f64 {
    match dtype {
        DType::F16 => f16::from_bits(bits as u16).to_f64(),
        DType::F32 => f32::from_bits(bits as u32) as f64,
        _ => f64::from_bits(bits),
    }
}

pub fn integer(dtype: DType, bits: u64) -> i128 {
    let shift = 64 - 8 * dtype.size() as u32;
    match dtype.kind() {
        Kind::Int => (((bits << shift) as i64) >> shift) as i128,
        _ => bits as i128,
    }
}

/// The bits of element `n` of a class.
pub fn value(random: &mut Random, dtype: DType, class: Class, n: usize) -> u64 {
    let mask = u64::MAX >> (64 - 8 * dtype.size() as u32);
    if dtype == DType::Bool {
        return match class {
            Class::Equal => 1,
            Class::Zeros => 0,
            _ => random.next() & 1,
        };
    }
    if !dtype.is_float() {
        return mask
            & match class {
                Class::Uniform | Class::Normal => (random.next() % 100) as i64 as u64,
                Class::Equal => 7,
                Class::Zeros => 0,
                Class::Cancelling => [u64::MAX, 1][n % 2],
                Class::Subnormal => [0, 1 << (8 * dtype.size() - 1), mask, mask >> 1][random.below(4)],
                _ => random.next(),
            };
    }
    let (exponent, fraction) = format(dtype);
    let infinity = ((1u64 << exponent) - 1) << fraction;
    let sign = 1u64 << (exponent + fraction);
    match class {
        Class::Uniform => float_bits(dtype, random.unit()),
        Class::Normal => float_bits(dtype, (0..6).map(|_| random.unit()).sum::<f64>() - 3.0),
        Class::Equal => float_bits(dtype, 0.1),
        Class::Zeros => (random.next() & 1) * sign,
        Class::AllBits => loop {
            let bits = random.next() & mask;
            if bits & infinity != infinity {
                return bits;
            }
        },
        Class::Cancelling => match n % 3 {
            2 => random.next() & (sign | 3),
            k => float_bits(dtype, 1e4 * (1.0 + (n / 3 % 5) as f64)) ^ (k as u64 * sign),
        },
        Class::Subnormal => random.next() & (sign | ((1 << fraction) - 1)),
        Class::Specials => match random.below(12) {
            0 => infinity,
            1 => infinity | sign,
            2 => infinity | (random.next() & sign) | 1 << random.below(fraction as usize),
            3 => random.next() & sign,
            _ => float_bits(dtype, random.unit() - 0.5),
        },
    }
}

/// One input: bits of its elements, in the order of its storage, and where the block's are.
#[derive(Clone)]
pub struct Input {
    pub dtype: DType,
    pub bits: Vec<u64>,
    pub placement: Placement,
}

impl Input {
    pub fn dense(dtype: DType, bits: Vec<u64>, shape: &[u64]) -> Input {
        Input { dtype, bits, placement: Placement { offset: 0, strides: c_strides(shape) } }
    }

    pub fn of_class(random: &mut Random, dtype: DType, class: Class, shape: &[u64]) -> Input {
        let len = shape.iter().product::<u64>() as usize;
        Input::dense(dtype, (0..len).map(|n| value(random, dtype, class, n)).collect(), shape)
    }

    pub fn bytes(&self) -> Buffer {
        let size = self.dtype.size();
        let mut out = Buffer::zeroed(self.bits.len() * size);
        for (o, b) in out.chunks_exact_mut(size).zip(&self.bits) {
            o.copy_from_slice(&b.to_le_bytes()[..size]);
        }
        out
    }

    pub fn at(&self, index: &[u64]) -> u64 {
        let steps = index.iter().zip(&self.placement.strides).map(|(&i, &s)| i as i64 * s);
        self.bits[(self.placement.offset + steps.sum::<i64>()) as usize]
    }
}
