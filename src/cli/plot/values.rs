//! The elements of a result as float64, a run of them at a time.

use super::axis::Scale;
use bytemuck::cast_slice;
use chunkwise::{ArrayValue, DType, Histogram, Scalar};
use half::f16;
use std::ops::Range;

/// How many elements are converted at a time.
const RUN: usize = 4096;

/// Elements in C order.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    dtype: DType,
    bytes: &'a [u8],
}

impl<'a> Values<'a> {
    /// Those of an array.
    pub fn of_array(array: &'a ArrayValue) -> Values<'a> {
        Values { dtype: array.dtype(), bytes: array.bytes() }
    }

    /// What the bins of a histogram are drawn by: sums of weights, or counts.
    pub fn of_histogram(histogram: &'a Histogram) -> Values<'a> {
        match histogram.weights() {
            Some((dtype, bytes)) => Values { dtype, bytes },
            None => Values { dtype: DType::U64, bytes: cast_slice(histogram.counts()) },
        }
    }

    /// Those of a list.
    pub fn of_numbers(numbers: &'a [f64]) -> Values<'a> {
        Values { dtype: DType::F64, bytes: cast_slice(numbers) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.dtype.size()
    }

    /// The elements from `start` on, as many as `out` takes.
    fn read(&self, start: usize, out: &mut [f64]) {
        let size = self.dtype.size();
        let bytes = &self.bytes[start * size..(start + out.len()) * size];
        match self.dtype {
            DType::Bool => fill(bytes, out, |[b]: [u8; 1]| f64::from(u8::from(b != 0))),
            DType::I8 => fill(bytes, out, |b| f64::from(i8::from_ne_bytes(b))),
            DType::I16 => fill(bytes, out, |b| f64::from(i16::from_ne_bytes(b))),
            DType::I32 => fill(bytes, out, |b| f64::from(i32::from_ne_bytes(b))),
            DType::I64 => fill(bytes, out, |b| i64::from_ne_bytes(b) as f64),
            DType::U8 => fill(bytes, out, |b| f64::from(u8::from_ne_bytes(b))),
            DType::U16 => fill(bytes, out, |b| f64::from(u16::from_ne_bytes(b))),
            DType::U32 => fill(bytes, out, |b| f64::from(u32::from_ne_bytes(b))),
            DType::U64 => fill(bytes, out, |b| u64::from_ne_bytes(b) as f64),
            DType::F16 => fill(bytes, out, |b| f16::from_ne_bytes(b).to_f64()),
            DType::F32 => fill(bytes, out, |b| f64::from(f32::from_ne_bytes(b))),
            DType::F64 => fill(bytes, out, f64::from_ne_bytes),
            // Those that the library may come to have, one by one.
            dtype => {
                for (bytes, out) in bytes.chunks_exact(size).zip(out) {
                    *out = Scalar::from_bytes(dtype, bytes).map_or(f64::NAN, Scalar::to_f64);
                }
            }
        }
    }

    /// Calls `each` with the elements of a range, in order. `buffer` is any, and kept for the next time.
    pub fn each(&self, range: Range<usize>, buffer: &mut Vec<f64>, mut each: impl FnMut(f64)) {
        buffer.resize(RUN, 0.0);
        let mut start = range.start;
        while start < range.end {
            let run = &mut buffer[..(range.end - start).min(RUN)];
            self.read(start, run);
            run.iter().for_each(|v| each(*v));
            start += run.len();
        }
    }

    /// The smallest and the largest of those that have a place on an axis of this scale.
    pub fn range(&self, scale: Scale) -> Option<(f64, f64)> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        self.each(0..self.len(), &mut Vec::new(), |v| {
            if scale.shows(v) {
                (low, high) = (low.min(v), high.max(v));
            }
        });
        (low <= high).then_some((low, high))
    }
}

fn fill<const N: usize>(bytes: &[u8], out: &mut [f64], value: impl Fn([u8; N]) -> f64) {
    for (bytes, out) in bytes.as_chunks::<N>().0.iter().zip(out) {
        *out = value(*bytes);
    }
}
