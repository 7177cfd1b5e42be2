//! A call of the shader library as text, for a row or a cast. Which function a row calls stands in its
//! [form](super::form).
//!
//! The functions are in `shaders/`, called by row and dtype: `add_uint32`, `floor_float64`,
//! `less_int64_uint64`. They take and give elements' bits: `u32` for dtypes of up to 32 bits (bool is 0
//! or 1, narrow integers are extended by their sign, float16 is its 16 bits), `u64` for those of 64.
//! Narrow integers share the functions of 32 bits, and float16 those of float32, with a conversion
//! [`before`](Wgsl::before) and one [`after`](Wgsl::after). Their results are the CPU's, bit for bit.

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
    /// The file in `shaders/` that has the function of a row, without its width: `integer` stands for
    /// `integer32.wgsl` and `integer64.wgsl`. Empty for casts, and where nothing is called.
    pub file: &'static str,
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
pub(super) fn width(d: DType) -> usize {
    if d.size() == 8 { 64 } else { 32 }
}

/// `wrap_int8` and the like, for dtypes narrower than their register.
pub(super) fn wrap(d: DType) -> Cow<'static, str> {
    if d.is_integer() && d.size() < 4 { format!("wrap_{d}").into() } else { "".into() }
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
