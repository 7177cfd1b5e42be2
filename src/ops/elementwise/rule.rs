//! NumPy 2's dtype rules: which dtypes an operation takes, computes in and gives.

use super::Op;
use crate::error::{Error, ErrorKind, Result};
use crate::{DType, Kind, Scalar, Weak};
use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use std::fmt;

/// What an operation is applied to, as far as dtypes go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operand {
    /// An array (of any rank) of this dtype.
    Strong(DType),
    /// A Rust or Python scalar, which takes the arrays' dtype where its kind allows (NEP 50).
    Weak(Weak),
}

/// The dtypes that the arguments are cast to before the kernel runs, and the result's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// One dtype per argument.
    pub args: SmallVec<[DType; 3]>,
    /// The result's dtype.
    pub out: DType,
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let args: Vec<_> = self.args.iter().map(|d| d.name()).collect();
        write!(f, "({}) -> {}", args.join(", "), self.out)
    }
}

/// The family of dtype rules that a row follows. `T` is the operands' common dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// T to T.
    Same,
    /// T to T; two bools (or one) are an error, with this hint.
    NotBool(&'static str),
    /// T to T; bool computes as int8.
    BoolAsInt8,
    /// T to T; bool computes as float16.
    BoolAsFloat16,
    /// Floats keep their dtype; bool, integers become float64.
    Divide,
    /// Floats keep their dtype; bool and 8 bits become float16, 16 bits float32, else float64.
    Float,
    /// As [`Rule::Float`], to bool.
    FloatToBool,
    /// As [`Rule::Float`], to int32.
    FloatToInt32,
    /// As [`Rule::Float`] by the first operand alone, float64 for a weak one. The second is an integer (not uint64, as in NumPy) or bool,
    /// which takes the same dtype: where that rounds it or makes it infinite, the result is 0 or infinite anyway.
    Ldexp,
    /// Float T to bool; everything else is looked at as bool.
    Classify,
    /// Compared in T, or exactly where one is int64 and the other uint64; to bool.
    Compare,
    /// Bool to bool.
    Logical,
    /// Bool and integers: T to T.
    Bits,
    /// Integers: T to T.
    Integers,
    /// Integers: T to T; bool computes as int8.
    Shift,
    /// As [`Rule::Shift`], to uint8.
    Count,
    /// (bool, T, T) to T.
    Where,
    /// T to T, with weak integers saturated.
    Clip,
}

fn float_for(d: DType) -> DType {
    match (d.kind(), d.size()) {
        (Kind::Float, _) => d,
        (_, 1) => DType::F16,
        (_, 2) => DType::F32,
        _ => DType::F64,
    }
}

fn strong(operands: &[Operand]) -> impl Iterator<Item = DType> {
    operands.iter().filter_map(|o| match o {
        Operand::Strong(d) => Some(*d),
        Operand::Weak(_) => None,
    })
}

/// The float dtype of the operands: each becomes a float by itself (int8 with uint8 is float16),
/// unless a weak one is of a higher kind than the strong ones.
fn common_float(operands: &[Operand]) -> DType {
    let t = common(operands);
    match strong(operands).reduce(DType::promote) {
        Some(s) if s == t => strong(operands).map(float_for).fold(DType::F16, DType::promote),
        _ => float_for(t),
    }
}

/// The common dtype of the operands: strong ones promote, then weak ones join.
fn common(operands: &[Operand]) -> DType {
    let weak = || {
        operands.iter().filter_map(|o| match o {
            Operand::Weak(w) => Some(*w),
            Operand::Strong(_) => None,
        })
    };
    match strong(operands).reduce(DType::promote) {
        Some(d) => weak().fold(d, |d, w| w.promote_with(d)),
        None => weak().map(Weak::default_dtype).reduce(DType::promote).unwrap_or(DType::F64),
    }
}

pub(super) fn signature(op: Op, operands: &[Operand]) -> Result<Signature> {
    let row = op.row();
    if operands.len() != op.arity() {
        return Err(Error::new(
            ErrorKind::Value,
            format!("{} takes {} operands, {} were given", row.name, op.arity(), operands.len()),
        )
        .hint(format!("write {}({})", row.name, row.params.join(", "))));
    }
    let signature = unchecked(op, operands)?;
    for (operand, &dtype) in operands.iter().zip(&signature.args) {
        if let Operand::Weak(weak) = operand {
            op.weak_value(*weak, dtype)?;
        }
    }
    Ok(signature)
}

const WHOLE_POWER: &str = "the power of two is an integer that fits int64";

fn unchecked(op: Op, operands: &[Operand]) -> Result<Signature> {
    let row = op.row();
    let t = common(operands);
    let refuse = |hint: &str| {
        let e =
            Error::new(ErrorKind::Type, format!("{} does not take {t}", row.name)).at("operation", row.name);
        Err(if hint.is_empty() { e } else { e.hint(hint) })
    };
    let all = |arg: DType, out: DType| Ok(Signature { args: smallvec![arg; operands.len()], out });
    let same = |d: DType| all(d, d);
    match row.rule {
        Rule::Same | Rule::Clip => same(t),
        Rule::NotBool(hint) if t == DType::Bool => refuse(hint),
        Rule::NotBool(_) => same(t),
        Rule::BoolAsInt8 => same(if t == DType::Bool { DType::I8 } else { t }),
        Rule::BoolAsFloat16 => same(if t == DType::Bool { DType::F16 } else { t }),
        Rule::Divide => same(if t.is_float() { t } else { DType::F64 }),
        Rule::Float => same(common_float(operands)),
        Rule::FloatToBool => all(float_for(t), DType::Bool),
        Rule::FloatToInt32 => all(float_for(t), DType::I32),
        Rule::Ldexp => match (operands[0], operands[1]) {
            (_, Operand::Strong(n)) if n.is_float() || n == DType::U64 => refuse(WHOLE_POWER),
            (_, Operand::Weak(Weak::Float(_))) => refuse(WHOLE_POWER),
            (Operand::Strong(x), _) => same(float_for(x)),
            (Operand::Weak(_), _) => same(DType::F64),
        },
        Rule::Integers if !t.is_integer() => refuse("it is for integers"),
        Rule::Integers => same(t),
        Rule::Classify => all(if t.is_float() { t } else { DType::Bool }, DType::Bool),
        Rule::Compare => Ok(Signature { args: compare(operands, t), out: DType::Bool }),
        Rule::Logical => same(DType::Bool),
        Rule::Bits | Rule::Shift | Rule::Count if t.is_float() => refuse("it is for integers and bools"),
        Rule::Bits => same(t),
        Rule::Shift => same(if t == DType::Bool { DType::I8 } else { t }),
        Rule::Count => all(if t == DType::Bool { DType::I8 } else { t }, DType::U8),
        Rule::Where => {
            let t = common(&operands[1..]);
            Ok(Signature { args: smallvec![DType::Bool, t, t], out: t })
        }
    }
}

/// What comes out of arguments of these dtypes, if the row has a form for them.
pub(super) fn result(op: Op, args: &[DType]) -> Option<DType> {
    Some(match op.row().rule {
        Rule::FloatToBool | Rule::Classify | Rule::Compare => DType::Bool,
        Rule::Count => DType::U8,
        Rule::FloatToInt32 => DType::I32,
        Rule::Where => *args.get(1)?,
        _ => *args.first()?,
    })
}

/// The argument dtypes of a comparison. Integers are compared by value: what NumPy would promote
/// to float64 (uint64 with a signed integer) has kernels of its own, and a weak integer outside the
/// array's dtype becomes (bool, int8), see [`Op::weak_value`].
fn compare(operands: &[Operand], t: DType) -> SmallVec<[DType; 3]> {
    match *operands {
        [Operand::Strong(_), Operand::Weak(Weak::Int(_))] if !t.is_float() && !fits(operands[1], t) => {
            smallvec![DType::Bool, DType::I8]
        }
        [Operand::Weak(Weak::Int(_)), Operand::Strong(_)] if !t.is_float() && !fits(operands[0], t) => {
            smallvec![DType::I8, DType::Bool]
        }
        [a, b] if t == DType::F64 => {
            let of = |o: Operand| match o {
                Operand::Strong(d) => d,
                Operand::Weak(w) => w.default_dtype(),
            };
            match (of(a), of(b)) {
                (DType::U64, b) if b.kind() == Kind::Int => smallvec![DType::U64, DType::I64],
                (a, DType::U64) if a.kind() == Kind::Int => smallvec![DType::I64, DType::U64],
                _ => smallvec![t, t],
            }
        }
        _ => smallvec![t, t],
    }
}

fn fits(operand: Operand, t: DType) -> bool {
    match operand {
        Operand::Weak(w) => w.to_scalar(t).is_ok(),
        Operand::Strong(_) => true,
    }
}

pub(super) fn weak_value(op: Op, weak: Weak, dtype: DType) -> Result<Scalar> {
    let row = op.row();
    match weak {
        _ if dtype == DType::Bool => Ok(Scalar::Bool(match weak {
            Weak::Bool(b) => b,
            Weak::Int(v) => v != 0,
            Weak::Float(v) => v != 0.0,
        })),
        Weak::Int(v) if row.rule == Rule::Clip && dtype.is_integer() => weak.to_scalar(dtype).or_else(|_| {
            Ok(match (v < 0, dtype) {
                (true, d) if d.kind() == Kind::UInt => Weak::Int(0).to_scalar(d)?,
                (true, d) => Weak::Int(-1 << (8 * d.size() - 1)).to_scalar(d)?,
                (false, d) if d.kind() == Kind::UInt => Weak::Int((1 << (8 * d.size())) - 1).to_scalar(d)?,
                (false, d) => Weak::Int((1 << (8 * d.size() - 1)) - 1).to_scalar(d)?,
            })
        }),
        // Twice the range of float64's exponents, and of the narrower ones'.
        Weak::Int(v) if row.rule == Rule::Ldexp => Weak::Int(v.clamp(-4096, 4096)).to_scalar(dtype),
        Weak::Int(v) if row.rule == Rule::Compare && dtype == DType::I8 => {
            Ok(Scalar::I8(v.clamp(i8::MIN as i128, i8::MAX as i128) as i8))
        }
        _ => weak.to_scalar(dtype),
    }
}
