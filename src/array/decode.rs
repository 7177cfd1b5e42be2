//! Stored numbers as what they mean: operations of what a [`Decoding`] says.

use super::{Array, ArrayOperand};
use crate::dtype::{DType, Scalar};
use crate::ops::elementwise::Op;
use crate::source::cf::{Decoding, Valid};

/// What the numbers of `raw` mean.
#[track_caller]
pub(super) fn decoded(raw: Array, decoding: &Decoding) -> Array {
    let read = raw.cast(decoding.read);
    let missing = decoding.missing.iter().map(|&v| read.equal(Array::scalar(v)));
    let packed_range = decoding.valid.filter(|valid| !valid.decoded);
    let bad = missing.chain(packed_range.into_iter().flat_map(|valid| outside(&read, valid)));
    // Before anything is computed, so that what is missing overflows nowhere.
    let mut out = without(bad, read.cast(decoding.dtype));
    // Each step is rounded to the dtype of the result.
    let steps = [(Op::MULTIPLY, decoding.scale), (Op::ADD, decoding.offset)];
    for (op, by) in steps.into_iter().filter_map(|(op, by)| Some((op, by?))) {
        let by = if by.dtype().is_float() { by } else { Scalar::F64(by.to_f64()) };
        let operands: [ArrayOperand; 2] = [out.into(), Array::scalar(by).into()];
        out = Array::elementwise(op, &operands).cast(decoding.dtype);
    }
    if let Some(valid) = decoding.valid.filter(|valid| valid.decoded) {
        let bad = outside(&out, valid);
        out = without(bad.into_iter(), out);
    }
    if decoding.masks() {
        out = out.with_missing();
    }
    decoding.labels.iter().fold(out, |out, (key, value)| out.annotate(key, value))
}

/// Where numbers are beyond an end of a range, for each end.
#[track_caller]
fn outside(x: &Array, valid: Valid) -> Vec<Array> {
    let low = valid.low.map(|low| x.less(Array::scalar(low)));
    let high = valid.high.map(|high| x.greater(Array::scalar(high)));
    low.into_iter().chain(high).collect()
}

/// `x` with NaN wherever one of `bad` is true.
#[track_caller]
fn without(bad: impl Iterator<Item = Array>, x: Array) -> Array {
    match bad.reduce(|a, b| a | b) {
        Some(bad) => bad.select(Array::scalar(nan(&x)), x),
        None => x,
    }
}

/// A NaN of the dtype of an array, which is a float here.
fn nan(x: &Array) -> Scalar {
    match x.dtype() {
        Ok(DType::F16) => Scalar::F16(half::f16::NAN),
        Ok(DType::F32) => Scalar::F32(f32::NAN),
        _ => Scalar::F64(f64::NAN),
    }
}
