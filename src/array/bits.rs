//! Bits of bytes as elements, and back.

use super::{Array, Index, Over, attempt};
use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::Boundary;
use std::panic::Location;

/// Bits of a byte.
const BITS: u64 = 8;

impl Array {
    /// `numpy.packbits` along an axis, without one of all elements in C order: eight elements are a byte, whose bits say which of
    /// them are not 0. Its first is the highest bit, or the lowest if it is `little`. What the last byte lacks is 0.
    ///
    /// Errors, when it is computed: `Type` for floats; `Index` for an axis that is not there.
    #[track_caller]
    pub fn packbits(&self, along: Option<i64>, little: bool) -> Array {
        let dtype = attempt!("packbits", self.dtype());
        if dtype.is_float() {
            let e = Error::new(ErrorKind::Type, format!("{dtype} has no bits to pack"));
            return Array::from_draft(
                "packbits",
                Err(e.hint("compare first, as in x > 0")),
                Location::caller(),
            );
        }
        let (x, axis) = attempt!("packbits", last(self, along));
        let n = attempt!("packbits", x.shape()).last().copied().unwrap_or(0);
        let bytes = n.div_ceil(BITS);
        let set = x.cast(DType::Bool).cast(DType::U8);
        let set = match bytes * BITS - n {
            0 => set,
            more => {
                let rank = attempt!("packbits", set.ndim());
                let mut width = vec![(0, 0); rank];
                width[rank - 1] = (0, more);
                set.pad(&width, &[Boundary::Constant(Scalar::U8(0))])
            }
        };
        let eights = attempt!("packbits", split_last(&set, bytes));
        let packed = (eights * weights(little)).sum_with(Over::axis(-1)).cast(DType::U8);
        back(packed, axis)
    }

    /// `numpy.unpackbits` along an axis, without one of all elements in C order: eight elements for each byte, its highest bit
    /// first, or its lowest if it is `little`; the first `count` of them, with zeros after them where there are fewer, or all but
    /// as many as it is below 0.
    ///
    /// Errors, when it is computed: `Type` for another dtype than uint8; `Index` for an axis that is not there; `Value` where
    /// more are left away than there are.
    #[track_caller]
    pub fn unpackbits(&self, along: Option<i64>, count: Option<i64>, little: bool) -> Array {
        let dtype = attempt!("unpackbits", self.dtype());
        if dtype != DType::U8 {
            let e = Error::new(ErrorKind::Type, format!("bits of {dtype} are not unpacked"));
            return Array::from_draft("unpackbits", Err(e.hint("uint8 is")), Location::caller());
        }
        let (x, axis) = attempt!("unpackbits", last(self, along));
        let shape = attempt!("unpackbits", x.shape()).to_vec();
        let bits = (x.expand_dims(-1) & weights(little)).not_equal(0u8).cast(DType::U8);
        let mut merged: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
        let all = merged.last_mut().map_or(0, |n| {
            *n *= BITS as i64;
            *n
        });
        let bits = bits.reshape(&merged);
        let wanted = match count {
            Some(n) if n < 0 => all + n,
            Some(n) => n,
            None => all,
        };
        if wanted < 0 {
            let e = Error::new(
                ErrorKind::Value,
                format!("{} of {all} bits cannot be left away", -(wanted - all)),
            );
            return Array::from_draft("unpackbits", Err(e), Location::caller());
        }
        let bits = match wanted > all {
            true => {
                let mut width = vec![(0, 0); merged.len()];
                width[merged.len() - 1] = (0, (wanted - all) as u64);
                bits.pad(&width, &[Boundary::Constant(Scalar::U8(0))])
            }
            false => bits.index([Index::Ellipsis, Index::from(..wanted)]),
        };
        back(bits, axis)
    }
}

/// With an axis moved to the end, and which it was; without one, in C order.
fn last(x: &Array, along: Option<i64>) -> Result<(Array, Option<i64>)> {
    match along {
        None => Ok((x.ravel(), None)),
        Some(axis) => {
            let moved = x.moveaxis(&[axis], &[-1]);
            moved.check()?;
            Ok((moved, Some(axis)))
        }
    }
}

fn back(x: Array, axis: Option<i64>) -> Array {
    axis.map_or(x.clone(), |axis| x.moveaxis(&[-1], &[axis]))
}

/// The last axis in pieces of eight.
fn split_last(x: &Array, bytes: u64) -> Result<Array> {
    let shape = x.shape()?;
    let mut split: Vec<i64> = shape[..shape.len() - 1].iter().map(|&n| n as i64).collect();
    split.extend([bytes as i64, BITS as i64]);
    Ok(x.reshape(&split))
}

/// The bits of a byte.
fn weights(little: bool) -> Array {
    let bit = Array::arange_int(0, BITS as i64, 1);
    let bit = if little { bit } else { bit.flip(&[0]) };
    Array::scalar(1i64).left_shift(bit).cast(DType::U8)
}
