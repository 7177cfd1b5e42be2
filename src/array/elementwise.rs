//! Elementwise operations: the methods are made from the rows of the table, `ops/elementwise/table.rs`.

use super::{Array, Draft, show};
use crate::dtype::{DType, Weak};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Node, NodeKind};
use crate::ops::elementwise::{Op, Operand, elementwise_rows};
use crate::view::{View, broadcast_shapes};
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

/// An operand of an elementwise operation: an array, or a Rust scalar. Scalars are weak, like
/// Python's: they take the array's dtype where their kind allows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ArrayOperand {
    /// An array.
    Array(Array),
    /// A scalar.
    Weak(Weak),
}

impl ArrayOperand {
    /// The array, if it is one.
    pub(crate) fn as_array(&self) -> Option<&Array> {
        match self {
            ArrayOperand::Array(array) => Some(array),
            ArrayOperand::Weak(_) => None,
        }
    }
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
        Error::new(ErrorKind::Shape, format!("the shapes {} do not broadcast", list.join(" and "))).hint(
            along_others(shapes())
                .unwrap_or_else(|| "axes are matched from the last; lengths must be equal or 1".to_string()),
        )
    })?;
    let signature = op.signature(&types)?;
    if let (Op::POWER, [ArrayOperand::Array(base), ArrayOperand::Weak(exponent)]) = (op, operands)
        && let Some(row) = power_by(*exponent, signature.out)
    {
        return draft(row, &[base.cast(signature.out).into()]);
    }
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

/// The row by which NumPy computes a power of float32 or float64 to a scalar exponent, which rounds once where
/// powers in general do not.
fn power_by(exponent: Weak, dtype: DType) -> Option<Op> {
    let exponent = match exponent {
        Weak::Bool(b) => f64::from(u8::from(b)),
        Weak::Int(v) => v as f64,
        Weak::Float(v) => v,
    };
    let row = match exponent {
        -1.0 => Op::RECIPROCAL,
        0.5 => Op::SQRT,
        1.0 => Op::POSITIVE,
        2.0 => Op::SQUARE,
        _ => return None,
    };
    matches!(dtype, DType::F32 | DType::F64).then_some(row)
}

/// A node seen in a larger shape that it is known to broadcast to.
pub(super) fn broadcast_node(node: &Arc<Node>, shape: &[u64]) -> Arc<Node> {
    if node.shape.as_slice() == shape {
        return node.clone();
    }
    let draft = Array::viewed(node, "broadcast_to", View::broadcast(&node.shape, shape));
    draft.finish(node.origin.clone()).unwrap_or_else(|_| node.clone())
}

/// The methods of the table's rows.
macro_rules! methods {
    ($($(#[doc = $doc:literal])+ $op:ident $method:ident $(= $name:literal)? $(| $alias:literal)*
        $([$symbol:literal])? ($($params:tt)+) $example:literal $row:tt)*) => {
        /// Elementwise operations: a method for every row of the table, which says dtypes and bounds
        /// ([`Op::row`]).
        impl Array {
            $(methods!(@name $op $method ($($name)?) ($($params)+) concat!($($doc),+));)*
        }
    };
    (@name $op:ident $method:ident () $params:tt $doc:expr) => {
        methods!(@ $op $method stringify!($method), $params $doc);
    };
    (@name $op:ident $method:ident ($name:literal) $params:tt $doc:expr) => {
        methods!(@ $op $method $name, $params $doc);
    };
    (@ $op:ident $method:ident $name:expr, ($x:ident) $doc:expr) => {
        #[doc = concat!("`numpy.", $name, "(", stringify!($x), ")`:", $doc)]
        #[track_caller]
        pub fn $method(&self) -> Array {
            Array::elementwise(Op::$op, &[self.into()])
        }
    };
    (@ $op:ident $method:ident $name:expr, ($x:ident $(, $other:ident)+) $doc:expr) => {
        #[doc = concat!("`numpy.", $name, "(", stringify!($x) $(, ", ", stringify!($other))+, ")`, where this array \
            is `", stringify!($x), "`:", $doc)]
        #[track_caller]
        pub fn $method(&self, $($other: impl Into<ArrayOperand>),+) -> Array {
            Array::elementwise(Op::$op, &[self.into(), $($other.into()),+])
        }
    };
}
elementwise_rows!(methods);

impl Array {
    /// `numpy.abs`, the short name of [`Array::absolute`].
    #[track_caller]
    pub fn abs(&self) -> Array {
        self.absolute()
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
        scalar_left!($ty, Add add ADD);
        scalar_left!($ty, Sub sub SUBTRACT);
        scalar_left!($ty, Mul mul MULTIPLY);
        scalar_left!($ty, Div div DIVIDE);
        scalar_left!($ty, Rem rem REMAINDER);
    )*};
}
macro_rules! scalar_left {
    ($ty:ty, $trait:ident $method:ident $row:ident) => {
        impl std::ops::$trait<Array> for $ty {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: Array) -> Array {
                Array::elementwise(Op::$row, &[self.into(), other.into()])
            }
        }
        impl std::ops::$trait<&Array> for $ty {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: &Array) -> Array {
                Array::elementwise(Op::$row, &[self.into(), other.into()])
            }
        }
    };
}
macro_rules! operators {
    ($($trait:ident $method:ident $row:ident),* $(,)?) => {$(
        impl<T: Into<ArrayOperand>> std::ops::$trait<T> for Array {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: T) -> Array {
                Array::elementwise(Op::$row, &[self.into(), other.into()])
            }
        }
        impl<T: Into<ArrayOperand>> std::ops::$trait<T> for &Array {
            type Output = Array;
            #[track_caller]
            fn $method(self, other: T) -> Array {
                Array::elementwise(Op::$row, &[self.into(), other.into()])
            }
        }
    )*};
}
macro_rules! prefixes {
    ($($trait:ident $method:ident $row:ident),* $(,)?) => {$(
        impl std::ops::$trait for Array {
            type Output = Array;
            #[track_caller]
            fn $method(self) -> Array {
                Array::elementwise(Op::$row, &[self.into()])
            }
        }
        impl std::ops::$trait for &Array {
            type Output = Array;
            #[track_caller]
            fn $method(self) -> Array {
                Array::elementwise(Op::$row, &[self.into()])
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
    Add add ADD, Sub sub SUBTRACT, Mul mul MULTIPLY, Div div DIVIDE, Rem rem REMAINDER,
    BitAnd bitand BITWISE_AND, BitOr bitor BITWISE_OR, BitXor bitxor BITWISE_XOR,
    Shl shl LEFT_SHIFT, Shr shr RIGHT_SHIFT,
}
prefixes! { Neg neg NEGATIVE, Not not INVERT }

/// How an array of one axis comes to lie along the one axis of the others that is as long, in NumPy's words.
pub(super) fn along_others<'a>(shapes: impl Iterator<Item = &'a [u64]> + Clone) -> Option<String> {
    let most = shapes.clone().max_by_key(|shape| shape.len())?;
    let mut lists = shapes.filter(|shape| shape.len() == 1 && most.last() != shape.last());
    let (Some(&[len]), None) = (lists.next(), lists.next()) else { return None };
    let mut axes = (0..most.len()).filter(|&d| most[d] == len);
    let (Some(axis), None) = (axes.next(), axes.next()) else { return None };
    let rest = ", None".repeat(most.len() - axis - 1);
    Some(format!("axes are matched from the last: the {len} lie along axis {axis} as [:{rest}]"))
}
