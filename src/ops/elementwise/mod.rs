//! What can be computed element by element: one table ([`Op::all`]), and its CPU kernels.
//!
//! A row of the table (`table.rs`, as data [`Row`]) says an operation's names, parameters, documentation, error
//! bound, CPU kernels and shader functions. [`Op::signature`] says, for given operand dtypes, to which dtypes the operands are cast
//! and what comes out, as NumPy 2 does; [`Op::kernel`] gives the loop for a signature; [`cast`](fn@cast)
//! the loop that casts. Everything else (methods, the expression language, tests over dtypes) is
//! derived from the table.
//!
//! # Bits
//! Every kernel gives the same bits at every vector level and every position: formulas are made of
//! sums, products, quotients, square roots and bit operations in a stated order, without the
//! platform's math library, and with a fused multiply-add only where it has the bits of the product
//! and the sum (`math`). Since processors differ in the sign and
//! payload of the NaNs that they make, **every row that computes a float gives the one quiet NaN**
//! (`0x7e00`, `0x7fc00000`, `0x7ff8000000000000`); rows that only move bits (`where`, `positive`,
//! `negative`, `absolute`, `copysign`) and casts between equal dtypes keep a NaN's payload. float16
//! is computed in float32 and rounded after every operation.
//!
//! # Where this differs from NumPy, on purpose
//! - `minimum`, `maximum`, `fmin`, `fmax`, `clip` order −0 below +0 (NumPy: by operand order and
//!   instruction set).
//! - Casting a float to an integer saturates, and NaN becomes 0 (NumPy: platform-dependent).
//! - `reciprocal` of integer 0 is 0 with [`Events::DIVIDE_BY_ZERO`] (NumPy: platform-dependent).
//! - A Python integer that fits no integer dtype is compared correctly with every integer and bool
//!   array; NumPy raises for bool.
//! - `ldexp` of a Python scalar computes in float64 (NumPy: in float16, for an array of small integers).
//! - `sinc` is 0 at whole numbers but 0, and right for large arguments (NumPy rounds π · x first).
//! - `i0` is infinite only where it overflows (NumPy: where e^x does).
//! - `where(c, int8_array, 200)` is an `Overflow` error; NumPy wraps silently.
//! - `round` keeps integers, as `numpy.round`; `rint` is a second name of it, so that it keeps
//!   integers too, where `numpy.rint` gives a float.

mod arith;
mod cast;
mod compare;
mod division;
mod divisors;
mod events;
mod form;
mod fused;
mod half;
mod kernel;
mod math;
mod op;
#[cfg(test)]
pub(crate) mod oracles;
mod parts;
mod rows;
mod rule;
mod table;
#[cfg(test)]
mod tests;
mod wgsl;

pub use self::cast::cast;
pub use self::events::Events;
pub use self::fused::{fused, fuses};
pub use self::kernel::KernelAt;
pub(crate) use self::math::scalar;
pub use self::op::Op;
pub use self::rows::{Bound, Row};
pub use self::rule::{Operand, Signature};
pub(crate) use self::table::elementwise_rows;
pub use self::wgsl::{Wgsl, wgsl_cast};

use crate::error::{Error, ErrorKind, Result};
use crate::ops::simd::Simd;
use crate::{DType, Scalar, Weak};
use form::Form;
use rows::ROWS;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

impl Op {
    /// The operation of a NumPy name or of one of its aliases: `add`, `sqrt`, `arcsin`, `asin`.
    pub fn from_name(name: &str) -> Option<Op> {
        Op::all().find(|op| op.row().name == name || op.row().aliases.contains(&name))
    }

    /// The operation of an operator: `+`, `-` (arity 1 or 2), `//`, `**`, `<=`, `&`, `~` …
    pub fn from_symbol(symbol: &str, arity: usize) -> Option<Op> {
        Op::all().find(|op| op.row().symbol == Some(symbol) && op.row().params.len() == arity)
    }

    /// Every operation, in the table's order.
    pub fn all() -> impl Iterator<Item = Op> {
        (0..ROWS.len() as u16).map(Op)
    }

    /// Its row.
    pub fn row(self) -> &'static Row {
        &ROWS[self.0 as usize]
    }

    /// Its NumPy name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// How many operands it takes.
    pub fn arity(self) -> usize {
        self.row().params.len()
    }

    /// To which dtypes the operands are cast, and the dtype of the result, by NumPy 2's rules.
    /// A weak operand takes the value [`Op::weak_value`] in its argument's dtype.
    ///
    /// # Errors
    /// `Value` if the number of operands is wrong; `Type` if the operation does not take the
    /// dtypes; `Overflow` if a weak integer does not fit the dtype that it must take.
    pub fn signature(self, operands: &[Operand]) -> Result<Signature> {
        rule::signature(self, operands)
    }

    /// Whether the result of a signature is what its arguments give; one that [`Op::signature`] made has it.
    pub fn gives(self, signature: &Signature) -> bool {
        rule::result(self, &signature.args) == Some(signature.out)
    }

    /// The value of a weak operand as an argument of `dtype`, where `dtype` came from
    /// [`Op::signature`] with the same operand.
    ///
    /// It is `weak.to_scalar(dtype)` with three additions: a bool argument is `weak != 0`; `clip`'s
    /// bounds saturate at the ends of an integer dtype; and a comparison with an integer outside
    /// the array's dtype, whose answer does not depend on the array, has the signature
    /// (bool, int8) with the integer saturated to int8, below or above both bools.
    ///
    /// # Errors
    /// `Overflow` or `Type`, as [`Weak::to_scalar`].
    pub fn weak_value(self, weak: Weak, dtype: DType) -> Result<Scalar> {
        rule::weak_value(self, weak, dtype).map_err(|e| e.at("operation", self.name()))
    }

    /// The kernel for a signature that [`Op::signature`] gave.
    ///
    /// # Errors
    /// `Internal` if the operation has no kernel for it.
    pub fn try_kernel(self, signature: &Signature, simd: Simd) -> Result<KernelAt> {
        let forms = self.forms_of(signature).iter();
        forms.filter_map(|form| form.kernel(&signature.args, simd)).next().ok_or_else(|| {
            Error::new(ErrorKind::Internal, format!("no kernel for {signature}")).at("operation", self.name())
        })
    }

    /// The form that computes a signature; `None` if the row has no such signature.
    pub(crate) fn form(self, signature: &Signature) -> Option<&'static Form> {
        self.forms_of(signature).iter().find(|form| form.kernel(&signature.args, Simd::BASELINE).is_some())
    }

    /// The forms, where the number of arguments is right.
    fn forms_of(self, signature: &Signature) -> &'static [Form] {
        if signature.args.len() == self.arity() { self.row().forms } else { &[] }
    }

    /// The WGSL of this row for a signature that [`Op::signature`] gave; `None` if it has no such
    /// signature.
    pub fn wgsl(self, signature: &Signature) -> Option<Wgsl> {
        Some(self.form(signature)?.wgsl(signature))
    }

    /// As [`Op::try_kernel`], for a signature that is known to come from [`Op::signature`].
    ///
    /// # Panics
    /// If the signature is not one of this operation's.
    pub fn kernel(self, signature: &Signature, simd: Simd) -> KernelAt {
        match self.try_kernel(signature, simd) {
            Ok(kernel) => kernel,
            Err(e) => panic!("{e}"),
        }
    }
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Op({})", self.name())
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Op {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Op {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Op, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(d)?;
        Op::from_name(&name)
            .ok_or_else(|| serde::de::Error::custom(format!("no elementwise operation is called '{name}'")))
    }
}
