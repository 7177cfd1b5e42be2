//! Which WGSL function computes a row for a signature, and which one casts.
//!
//! The functions are in `shaders/`, called by row and dtype: `add_uint32`, `floor_float64`,
//! `less_int64_uint64`. They take and give elements' bits: `u32` for dtypes of up to 32 bits (bool is 0
//! or 1, narrow integers are extended by their sign, float16 is its 16 bits), `u64` for those of 64.
//! Narrow integers share the functions of 32 bits, and float16 those of float32, with a conversion
//! [`before`](Wgsl::before) and one [`after`](Wgsl::after). Their results are the CPU's, bit for bit.

use super::rows::Id;
use super::rule::Signature;
use super::{Op, Simd};
use crate::DType::{self, *};
use crate::Kind;
use std::borrow::Cow;

/// A call: `after(function(before(x), before(y), …))`, where an empty name stands for its argument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wgsl {
    /// Converts each argument.
    pub before: Cow<'static, str>,
    /// Computes; without a name, the first argument is the result.
    pub function: Cow<'static, str>,
    /// Converts the result.
    pub after: Cow<'static, str>,
    /// Whether the two arguments are exchanged.
    pub swapped: bool,
    /// The float dtype whose arithmetic the device must have right. `None` where bits are moved,
    /// compared or rounded by integer code.
    pub arithmetic: Option<DType>,
}

impl Wgsl {
    /// The functions that are called.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        [&*self.before, &*self.function, &*self.after].into_iter().filter(|name| !name.is_empty())
    }

    /// The call as WGSL.
    pub fn expression(&self, args: &[String]) -> String {
        let call = |name: &str, value: String| match name {
            "" => value,
            name => format!("{name}({value})"),
        };
        let mut args: Vec<String> = args.iter().map(|a| call(&self.before, a.clone())).collect();
        if self.swapped {
            args.reverse();
        }
        if self.function.is_empty() {
            args.truncate(1);
        }
        call(&self.after, call(&self.function, args.join(", ")))
    }
}

fn function(name: impl Into<Cow<'static, str>>) -> Wgsl {
    Wgsl { function: name.into(), ..Wgsl::default() }
}

/// 32 or 64: the width of a dtype's register.
fn width(d: DType) -> usize {
    if d.size() == 8 { 64 } else { 32 }
}

/// `wrap_int8` and the like, for dtypes narrower than their register.
fn wrap(d: DType) -> Cow<'static, str> {
    if d.is_integer() && d.size() < 4 { format!("wrap_{d}").into() } else { "".into() }
}

impl Op {
    /// The WGSL of this row for a signature that [`Op::signature`] gave; `None` if it has no such
    /// signature.
    pub fn wgsl(self, signature: &Signature) -> Option<Wgsl> {
        self.try_kernel(signature, Simd::BASELINE).ok()?;
        Some(wgsl(self, signature))
    }
}

/// For a signature that the row has.
fn wgsl(op: Op, signature: &Signature) -> Wgsl {
    let name = op.name();
    let args = &signature.args[..];
    // As for the CPU's kernels, the last argument tells.
    let t = args.last().copied().unwrap_or(Bool);
    let bits = width(t);
    let float = t.is_float();
    let sign = if t.kind() == Kind::Int { "int" } else { "uint" };
    // Where the sign does not matter, where it does, and with results that leave a narrow range.
    let plain = || function(format!("{name}_uint{bits}"));
    let signed = |name: &str| function(format!("{name}_{sign}{bits}"));
    let wrapped = |call: Wgsl| Wgsl { after: wrap(t), ..call };
    // float16 goes through float32, there and back or only there.
    let test = |name: &str| match t {
        F16 => Wgsl { before: "widen16".into(), ..function(format!("{name}_float32")) },
        t => function(format!("{name}_{t}")),
    };
    let by_bits = || match t {
        F16 => Wgsl { after: "narrow16".into(), ..test(name) },
        _ => test(name),
    };
    let computed = || Wgsl { arithmetic: Some(if t == F64 { F64 } else { F32 }), ..by_bits() };
    match op.row().id {
        Id::Positive => Wgsl::default(),
        Id::Signbit | Id::Copysign => function(format!("{name}_{t}")),
        Id::Negative | Id::Absolute if float => function(format!("{name}_{t}")),
        Id::Absolute if sign == "uint" => Wgsl::default(),
        Id::Floor | Id::Ceil | Id::Trunc | Id::Round if !float => Wgsl::default(),
        Id::Absolute => wrapped(signed(name)),
        Id::Where => plain(),

        Id::Add if t == Bool => function("bitwise_or_uint32"),
        Id::Multiply if t == Bool => function("bitwise_and_uint32"),
        Id::Add | Id::Subtract | Id::Multiply | Id::Square if !float => wrapped(plain()),
        Id::Negative | Id::LeftShift => wrapped(plain()),
        Id::Invert if t == Bool => function("invert_bool"),
        Id::Invert => wrapped(plain()),
        Id::BitwiseAnd | Id::BitwiseOr | Id::BitwiseXor => plain(),
        Id::LogicalAnd => function("bitwise_and_uint32"),
        Id::LogicalOr => function("bitwise_or_uint32"),
        Id::LogicalXor => function("bitwise_xor_uint32"),
        Id::LogicalNot => function("invert_bool"),
        Id::RightShift => signed(name),
        Id::FloorDivide | Id::Power if !float => wrapped(signed(name)),
        Id::Remainder | Id::Reciprocal if !float => signed(name),
        Id::Sign | Id::Minimum | Id::Maximum | Id::Clip if !float => signed(name),
        Id::Fmin if !float => signed("minimum"),
        Id::Fmax if !float => signed("maximum"),

        Id::Equal | Id::NotEqual | Id::Less | Id::LessEqual => comparison(op.row().id, name, args),
        Id::Greater => swapped(comparison(Id::Less, "less", &[args[1], args[0]])),
        Id::GreaterEqual => swapped(comparison(Id::LessEqual, "less_equal", &[args[1], args[0]])),
        Id::IsNan | Id::IsInf | Id::IsFinite => test(name),

        Id::Sign | Id::Minimum | Id::Maximum | Id::Fmin | Id::Fmax | Id::Clip => by_bits(),
        Id::Floor | Id::Ceil | Id::Trunc | Id::Round => by_bits(),

        Id::Add | Id::Subtract | Id::Multiply | Id::Square | Id::Degrees | Id::Radians => computed(),
        Id::Divide | Id::FloorDivide | Id::Remainder | Id::Reciprocal | Id::Sqrt => computed(),
        Id::Power | Id::Exp | Id::Exp2 | Id::Expm1 | Id::Log | Id::Log2 | Id::Log10 | Id::Log1p => computed(),
        Id::Sin | Id::Cos | Id::Tan | Id::Arcsin | Id::Arccos | Id::Arctan | Id::Arctan2 => computed(),
        Id::Sinh | Id::Cosh | Id::Tanh | Id::Cbrt | Id::Hypot => computed(),
    }
}

fn swapped(call: Wgsl) -> Wgsl {
    Wgsl { swapped: !call.swapped, ..call }
}

fn comparison(id: Id, name: &str, args: &[DType]) -> Wgsl {
    let equality = matches!(id, Id::Equal | Id::NotEqual);
    match *args {
        [U64, I64] if equality => swapped(function(format!("{name}_int64_uint64"))),
        [a @ (U64 | I64), b] if a != b => function(format!("{name}_{a}_{b}")),
        [.., F16] => Wgsl { before: "widen16".into(), ..function(format!("{name}_float32")) },
        [.., t @ (F32 | F64)] => function(format!("{name}_{t}")),
        // A bool with an int8 below or above both bools: their words compare as int32.
        [.., t] if !equality && args.iter().any(|a| a.kind() == Kind::Int) => {
            function(format!("{name}_int{}", width(t)))
        }
        [.., t] => function(format!("{name}_uint{}", width(t))),
        [] => Wgsl::default(),
    }
}

/// The WGSL of a cast, with the rules of [`cast`](super::cast()).
pub fn wgsl_cast(from: DType, to: DType) -> Wgsl {
    let narrows = from.size() == 8 && to.size() < 8;
    // Integers of up to 32 bits are words of one dtype of 32 bits.
    let word = |d: DType| match (d.kind(), width(d)) {
        (Kind::Float, _) => d,
        (Kind::Int, 32) => I32,
        (Kind::Int, _) => I64,
        (_, 32) => U32,
        _ => U64,
    };
    match (from, to) {
        _ if from == to => Wgsl::default(),
        (_, Bool) if from.is_float() => function(format!("nonzero_{from}")),
        (_, Bool) => function(format!("nonzero_uint{}", width(from))),
        (F16, F32) => function("widen16"),
        (F32, F16) => function("narrow16"),
        (F16, F64) => Wgsl { before: "widen16".into(), ..function("cast_float32_float64") },
        _ if from.is_float() && to.is_float() => function(format!("cast_{from}_{to}")),
        _ if from.is_float() => {
            let before = if from == F16 { "widen16" } else { "" };
            let source = if from == F16 { F32 } else { from };
            let wide = match (from, to.kind()) {
                (F64, Kind::Int) => I64,
                (F64, _) => U64,
                _ => word(to),
            };
            let after = match wide.size() {
                n if n == to.size() => String::new(),
                8 => format!("clamp_{wide}_{to}"),
                _ => format!("clamp_{to}"),
            };
            Wgsl { before: before.into(), after: after.into(), ..function(format!("cast_{source}_{wide}")) }
        }
        (_, F64) if from.size() < 8 => {
            let wide = if from.kind() == Kind::Int { I64 } else { U64 };
            Wgsl {
                before: format!("extend_{}", word(from)).into(),
                ..function(format!("cast_{wide}_float64"))
            }
        }
        _ if to.is_float() => function(format!("cast_{}_{to}", word(from))),
        // What is left is from integers or bool to integers.
        _ if from.size() < 8 && to.size() == 8 => function(format!("extend_{}", word(from))),
        _ => Wgsl { before: if narrows { "low64" } else { "" }.into(), ..function(wrap(to)) },
    }
}
