//! Elementwise operations: each method is a row of the table.

use super::{Array, Draft, show};
use crate::dtype::Weak;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Node, NodeKind};
use crate::ops::elementwise::{Op, Operand};
use crate::view::{View, broadcast_shapes};
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

/// An operand of an elementwise operation: an array, or a Rust scalar. Scalars are weak, like
/// Python's: they take the array's dtype where their kind allows.
#[derive(Clone, Debug)]
pub enum ArrayOperand {
    /// An array.
    Array(Array),
    /// A scalar.
    Weak(Weak),
}

impl From<Array> for ArrayOperand {
    fn from(a: Array) -> Self {
        ArrayOperand::Array(a)
    }
}
impl From<&Array> for ArrayOperand {
    fn from(a: &Array) -> Self {
        ArrayOperand::Array(a.clone())
    }
}
impl From<Weak> for ArrayOperand {
    fn from(w: Weak) -> Self {
        ArrayOperand::Weak(w)
    }
}

impl Array {
    /// Applies a row of the elementwise table. This is what every method and operator comes to.
    #[track_caller]
    pub fn elementwise(op: Op, operands: &[ArrayOperand]) -> Array {
        Array::from_draft(op.name(), draft(op, operands), Location::caller())
    }
}

fn draft(op: Op, operands: &[ArrayOperand]) -> Result<Draft> {
    let arity = op.row().params.len();
    if operands.len() != arity {
        return Err(Error::new(
            ErrorKind::Value,
            format!("{} takes {arity} operands, not {}", op.name(), operands.len()),
        ));
    }
    let mut nodes: SmallVec<[Option<&Arc<Node>>; 3]> = SmallVec::new();
    let mut types: SmallVec<[Operand; 3]> = SmallVec::new();
    for operand in operands {
        match operand {
            ArrayOperand::Array(a) => {
                let node = a.node()?;
                nodes.push(Some(node));
                types.push(Operand::Strong(node.dtype));
            }
            ArrayOperand::Weak(w) => {
                nodes.push(None);
                types.push(Operand::Weak(*w));
            }
        }
    }
    let shapes = || nodes.iter().flatten().map(|n| n.shape.as_slice());
    let shape = broadcast_shapes(shapes()).ok_or_else(|| {
        let list: Vec<_> = shapes().map(show).collect();
        Error::new(ErrorKind::Shape, format!("the shapes {} do not broadcast", list.join(" and ")))
            .hint("axes are matched from the last; lengths must be equal or 1")
    })?;
    let signature = op.signature(&types)?;
    let mut inputs = SmallVec::new();
    for ((node, operand), &dtype) in nodes.iter().zip(operands).zip(&signature.args) {
        let array = match (node, operand) {
            (Some(n), _) => Array { built: Ok((*n).clone()) },
            (None, ArrayOperand::Weak(w)) => Array::scalar(op.weak_value(*w, dtype)?),
            (None, ArrayOperand::Array(a)) => a.clone(),
        };
        inputs.push(broadcast_node(array.cast(dtype).node()?, &shape));
    }
    Ok(Draft { dtype: signature.out, kind: NodeKind::Elementwise(op, signature), inputs, shape })
}

/// A node seen in a larger shape that it is known to broadcast to.
pub(super) fn broadcast_node(node: &Arc<Node>, shape: &[u64]) -> Arc<Node> {
    if node.shape.as_slice() == shape {
        return node.clone();
    }
    let draft = Array::viewed(node, "broadcast_to", View::broadcast(&node.shape, shape));
    draft.finish(node.origin.clone()).unwrap_or_else(|_| node.clone())
}

/// The row of a name that this file itself lists; a test checks that all are there.
fn row(name: &str) -> Op {
    Op::from_name(name).unwrap_or_else(|| unreachable!("'{name}' is a row of the elementwise table"))
}

macro_rules! unary {
    ($($name:ident),* $(,)?) => {
        /// Elementwise operations of one operand; see the table's rows for dtypes and bounds.
        impl Array {
            $(#[doc = concat!("`numpy.", stringify!($name), "`.")]
            #[track_caller]
            pub fn $name(&self) -> Array {
                Array::elementwise(row(stringify!($name)), &[self.into()])
            })*
        }
        #[cfg(test)]
        const UNARY: &[&str] = &[$(stringify!($name)),*];
    };
}
macro_rules! binary {
    ($($name:ident),* $(,)?) => {
        /// Elementwise operations of two operands; see the table's rows for dtypes and bounds.
        impl Array {
            $(#[doc = concat!("`numpy.", stringify!($name), "`.")]
            #[track_caller]
            pub fn $name(&self, other: impl Into<ArrayOperand>) -> Array {
                Array::elementwise(row(stringify!($name)), &[self.into(), other.into()])
            })*
        }
        #[cfg(test)]
        const BINARY: &[&str] = &[$(stringify!($name)),*];
    };
}
unary!(
    negative,
    positive,
    absolute,
    sign,
    square,
    sqrt,
    cbrt,
    reciprocal,
    exp,
    exp2,
    expm1,
    log,
    log2,
    log10,
    log1p,
    sin,
    cos,
    tan,
    arcsin,
    arccos,
    arctan,
    sinh,
    cosh,
    tanh,
    degrees,
    radians,
    floor,
    ceil,
    trunc,
    round,
    isnan,
    isinf,
    isfinite,
    signbit,
    logical_not,
    invert,
);
binary!(
    add,
    subtract,
    multiply,
    divide,
    floor_divide,
    remainder,
    power,
    minimum,
    maximum,
    fmin,
    fmax,
    equal,
    not_equal,
    less,
    less_equal,
    greater,
    greater_equal,
    logical_and,
    logical_or,
    logical_xor,
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    left_shift,
    right_shift,
    arctan2,
    hypot,
    copysign,
);

impl Array {
    /// `numpy.abs`, the short name of [`Array::absolute`].
    #[track_caller]
    pub fn abs(&self) -> Array {
        self.absolute()
    }

    /// `numpy.clip`: values below `low` become `low`, above `high` become `high`.
    #[track_caller]
    pub fn clip(&self, low: impl Into<ArrayOperand>, high: impl Into<ArrayOperand>) -> Array {
        Array::elementwise(row("clip"), &[self.into(), low.into(), high.into()])
    }

    /// `numpy.where(self, x, y)`: `x` where this array is true, `y` elsewhere.
    #[track_caller]
    pub fn select(&self, x: impl Into<ArrayOperand>, y: impl Into<ArrayOperand>) -> Array {
        Array::elementwise(row("where"), &[self.into(), x.into(), y.into()])
    }
}

macro_rules! scalars {
    ($($ty:ty => $weak:expr),* $(,)?) => {$(
        impl From<$ty> for ArrayOperand {
            fn from(v: $ty) -> Self {
                let weak: fn($ty) -> Weak = $weak;
                ArrayOperand::Weak(weak(v))
            }
        }
        scalar_left!($ty, Add add "add");
        scalar_left!($ty, Sub sub "subtract");
        scalar_left!($ty, Mul mul "multiply");
        scalar_left!($ty, Div div "divide");
        scalar_left!($ty, Rem rem "remainder");
    )*};
}
macro_rules! scalar_left {
    ($ty:ty, $trait:ident $method:ident $row:literal) => {
        impl std::ops::$trait<Array> for $ty {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: Array) -> Array {
                Array::elementwise(row($row), &[self.into(), other.into()])
            }
        }
        impl std::ops::$trait<&Array> for $ty {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: &Array) -> Array {
                Array::elementwise(row($row), &[self.into(), other.into()])
            }
        }
    };
}
macro_rules! operators {
    ($($trait:ident $method:ident $row:literal),* $(,)?) => {$(
        impl<T: Into<ArrayOperand>> std::ops::$trait<T> for Array {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: T) -> Array {
                Array::elementwise(row($row), &[self.into(), other.into()])
            }
        }
        impl<T: Into<ArrayOperand>> std::ops::$trait<T> for &Array {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: T) -> Array {
                Array::elementwise(row($row), &[self.into(), other.into()])
            }
        }
    )*};
}
macro_rules! prefixes {
    ($($trait:ident $method:ident $row:literal),* $(,)?) => {$(
        impl std::ops::$trait for Array {
            type Output = Array;
            #[track_caller]
            fn $method(self) -> Array {
                Array::elementwise(row($row), &[self.into()])
            }
        }
        impl std::ops::$trait for &Array {
            type Output = Array;
            #[track_caller]
            fn $method(self) -> Array {
                Array::elementwise(row($row), &[self.into()])
            }
        }
    )*};
}
scalars! {
    bool => Weak::Bool,
    i8 => |v| Weak::Int(v as i128), i16 => |v| Weak::Int(v as i128), i32 => |v| Weak::Int(v as i128),
    i64 => |v| Weak::Int(v as i128), u8 => |v| Weak::Int(v as i128), u16 => |v| Weak::Int(v as i128),
    u32 => |v| Weak::Int(v as i128), u64 => |v| Weak::Int(v as i128), usize => |v| Weak::Int(v as i128),
    f32 => |v| Weak::Float(v as f64), f64 => Weak::Float,
}
operators! {
    Add add "add", Sub sub "subtract", Mul mul "multiply", Div div "divide", Rem rem "remainder",
    BitAnd bitand "bitwise_and", BitOr bitor "bitwise_or", BitXor bitxor "bitwise_xor",
    Shl shl "left_shift", Shr shr "right_shift",
}
prefixes! { Neg neg "negative", Not not "invert" }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_its_method_and_every_method_its_row() {
        let named: Vec<&str> = UNARY.iter().chain(BINARY).copied().chain(["clip", "where"]).collect();
        for name in &named {
            assert_eq!(Op::from_name(name).map(|op| op.name()), Some(*name));
        }
        for op in Op::all() {
            assert!(named.contains(&op.name()), "the row '{}' has no method", op.name());
        }
    }
}
