//! Which formula runs for a row and a signature.

use super::arith::*;
use super::compare::*;
use super::division::{FloorDivide, Remainder};
use super::half::{Half, HalfTest};
use super::kernel::{Bi, CopyBytes, KernelAt, Ter, Un};
use super::math::*;
use super::rows::Id;
use super::rule::Signature;
use crate::DType::*;
use crate::ops::simd::Simd;
use half::f16;

/// The kernel of row `id` for `signature`, if the row has one.
pub(super) fn kernel(id: Id, signature: &Signature, simd: Simd) -> Option<KernelAt> {
    let args = &signature.args[..];
    // The dtype that tells the kernel: the last argument's, since `where` begins with its bool.
    let t = *args.last()?;
    macro_rules! at {
        ($($k:tt)*) => { KernelAt::of::<$($k)*>(simd) };
    }
    // An arm per storage type; `bits` arms serve the signed and the unsigned dtype.
    macro_rules! bits1 {
        ($f:ty) => { match t {
            U8 | I8 => at!(Un<$f, u8>), U16 | I16 => at!(Un<$f, u16>),
            U32 | I32 => at!(Un<$f, u32>), U64 | I64 => at!(Un<$f, u64>), _ => return None,
        } };
    }
    macro_rules! bits2 {
        ($f:ty) => { match t {
            U8 | I8 => at!(Bi<$f, u8>), U16 | I16 => at!(Bi<$f, u16>),
            U32 | I32 => at!(Bi<$f, u32>), U64 | I64 => at!(Bi<$f, u64>), _ => return None,
        } };
    }
    macro_rules! int {
        ($loop:ident $f:ty) => { match t {
            U8 => at!($loop<$f, u8>), U16 => at!($loop<$f, u16>), U32 => at!($loop<$f, u32>), U64 => at!($loop<$f, u64>),
            I8 => at!($loop<$f, i8>), I16 => at!($loop<$f, i16>), I32 => at!($loop<$f, i32>), I64 => at!($loop<$f, i64>),
            _ => return None,
        } };
    }
    macro_rules! signed1 {
        ($f:ty) => { match t {
            I8 => at!(Un<$f, i8>), I16 => at!(Un<$f, i16>), I32 => at!(Un<$f, i32>), I64 => at!(Un<$f, i64>),
            _ => return None,
        } };
    }
    macro_rules! float {
        ($loop:ident $f:ty) => { match t {
            F16 => at!($loop<Half<$f>, f16>), F32 => at!($loop<$f, f32>), F64 => at!($loop<$f, f64>),
            _ => return None,
        } };
    }
    // The same where products have a fused form.
    macro_rules! math {
        ($loop:ident $f:ty) => {
            match t {
                F16 => KernelAt::with_fma::<$loop<Half<$f>, f16>, $loop<Half<Fma<$f>>, f16>>(simd),
                F32 => KernelAt::with_fma::<$loop<$f, f32>, $loop<Fma<$f>, f32>>(simd),
                F64 => KernelAt::with_fma::<$loop<$f, f64>, $loop<Fma<$f>, f64>>(simd),
                _ => return None,
            }
        };
    }
    macro_rules! float_bits {
        ($loop:ident $f:ty) => { match t {
            F16 => at!($loop<$f, u16>), F32 => at!($loop<$f, u32>), F64 => at!($loop<$f, u64>),
            _ => return None,
        } };
    }
    macro_rules! test {
        ($loop:ident $f:ty) => { match t {
            F16 => at!($loop<HalfTest<$f>, f16>), F32 => at!($loop<$f, f32>), F64 => at!($loop<$f, f64>),
            _ => return None,
        } };
    }
    macro_rules! ordered {
        ($f:ty) => { match args {
            [I64, U64] => at!(Bi<$f, i64, u64>),
            [U64, I64] => at!(Bi<$f, u64, i64>),
            // Beyond every value of the array's dtype: bools read as 0 and 1.
            [Bool, I8] | [I8, Bool] => at!(Bi<$f, i8>),
            [a, b] if a == b => match t {
                Bool => at!(Bi<$f, u8>),
                t if t.is_float() => test!(Bi $f),
                _ => int!(Bi $f),
            },
            _ => return None,
        } };
    }
    macro_rules! equality {
        ($f:ty) => { match args {
            [I64, U64] => at!(Bi<$f, i64, u64>),
            [U64, I64] => at!(Bi<$f, i64, u64>).swapped(),
            [Bool, I8] | [I8, Bool] => at!(Bi<$f, u8>),
            [a, b] if a == b => match t {
                Bool => at!(Bi<$f, u8>),
                t if t.is_float() => test!(Bi $f),
                _ => bits2!($f),
            },
            _ => return None,
        } };
    }
    let copy = || at!(CopyBytes);
    let unsigned = matches!(t, Bool | U8 | U16 | U32 | U64);
    let float = t.is_float();
    let mixed = matches!(
        id,
        Id::Where | Id::Equal | Id::NotEqual | Id::Less | Id::LessEqual | Id::Greater | Id::GreaterEqual
    );
    if !mixed && args.iter().any(|&a| a != t) {
        return None;
    }
    Some(match id {
        Id::Add if t == Bool => at!(Bi<Or, u8>),
        Id::Add if float => float!(Bi Add),
        Id::Add => bits2!(Add),
        Id::Subtract if float => float!(Bi Subtract),
        Id::Subtract => bits2!(Subtract),
        Id::Multiply if t == Bool => at!(Bi<And, u8>),
        Id::Multiply if float => float!(Bi Multiply),
        Id::Multiply => bits2!(Multiply),
        Id::Divide => float!(Bi Divide),
        Id::FloorDivide if float => float!(Bi FloorDivide),
        Id::FloorDivide => int!(Bi FloorDivide),
        Id::Remainder if float => float!(Bi Remainder),
        Id::Remainder => int!(Bi Remainder),
        Id::Negative if float => float_bits!(Un FlipSign),
        Id::Negative => bits1!(Negative),
        Id::Positive => copy(),
        Id::Absolute if float => float_bits!(Un ClearSign),
        Id::Absolute if unsigned => copy(),
        Id::Absolute => signed1!(Absolute),
        Id::Sign if float => float!(Un Sign),
        Id::Sign => int!(Un Sign),
        Id::Minimum | Id::Fmin if t == Bool => at!(Bi<And, u8>),
        Id::Maximum | Id::Fmax if t == Bool => at!(Bi<Or, u8>),
        Id::Minimum if float => float!(Bi Minimum),
        Id::Maximum if float => float!(Bi Maximum),
        Id::Fmin if float => float!(Bi Fmin),
        Id::Fmax if float => float!(Bi Fmax),
        Id::Minimum | Id::Fmin => int!(Bi Minimum),
        Id::Maximum | Id::Fmax => int!(Bi Maximum),
        Id::Clip => match t {
            Bool | U8 => at!(Ter<Clip, u8, u8, u8>),
            U16 => at!(Ter<Clip, u16, u16, u16>),
            U32 => at!(Ter<Clip, u32, u32, u32>),
            U64 => at!(Ter<Clip, u64, u64, u64>),
            I8 => at!(Ter<Clip, i8, i8, i8>),
            I16 => at!(Ter<Clip, i16, i16, i16>),
            I32 => at!(Ter<Clip, i32, i32, i32>),
            I64 => at!(Ter<Clip, i64, i64, i64>),
            F16 => at!(Ter<Half<Clip>, f16, f16, f16>),
            F32 => at!(Ter<Clip, f32, f32, f32>),
            F64 => at!(Ter<Clip, f64, f64, f64>),
        },
        Id::Where => match (args, t.size()) {
            ([Bool, a, b], _) if a != b => return None,
            ([Bool, _, _], 1) => at!(Ter<Where, u8, u8, u8>),
            ([Bool, _, _], 2) => at!(Ter<Where, u8, u16, u16>),
            ([Bool, _, _], 4) => at!(Ter<Where, u8, u32, u32>),
            ([Bool, _, _], 8) => at!(Ter<Where, u8, u64, u64>),
            _ => return None,
        },
        Id::Equal => equality!(Equal),
        Id::NotEqual => equality!(NotEqual),
        Id::Less => ordered!(Less),
        Id::LessEqual => ordered!(LessEqual),
        Id::Greater | Id::GreaterEqual => {
            let flipped = Signature { args: args.iter().rev().copied().collect(), out: signature.out };
            let id = if id == Id::Greater { Id::Less } else { Id::LessEqual };
            return kernel(id, &flipped, simd).map(KernelAt::swapped);
        }
        Id::LogicalAnd => at!(Bi<And, u8>),
        Id::LogicalOr => at!(Bi<Or, u8>),
        Id::LogicalXor => at!(Bi<Xor, u8>),
        Id::LogicalNot => at!(Un<Not, u8>),
        Id::BitwiseAnd if t == Bool => at!(Bi<And, u8>),
        Id::BitwiseOr if t == Bool => at!(Bi<Or, u8>),
        Id::BitwiseXor if t == Bool => at!(Bi<Xor, u8>),
        Id::BitwiseAnd => bits2!(And),
        Id::BitwiseOr => bits2!(Or),
        Id::BitwiseXor => bits2!(Xor),
        Id::Invert if t == Bool => at!(Un<Not, u8>),
        Id::Invert => bits1!(Invert),
        Id::LeftShift => int!(Bi LeftShift),
        Id::RightShift => int!(Bi RightShift),
        Id::IsNan if float => test!(Un IsNan),
        Id::IsInf if float => test!(Un IsInf),
        Id::IsFinite if float => test!(Un IsFinite),
        Id::IsNan | Id::IsInf => at!(Un<False, u8>),
        Id::IsFinite => at!(Un<True, u8>),
        Id::Signbit => float_bits!(Un Signbit),
        Id::Copysign => float_bits!(Bi Copysign),
        Id::Floor if float => float!(Un Floor),
        Id::Ceil if float => float!(Un Ceil),
        Id::Trunc if float => float!(Un Trunc),
        Id::Round if float => float!(Un Round),
        Id::Floor | Id::Ceil | Id::Trunc | Id::Round => copy(),
        Id::Sqrt => float!(Un Sqrt),
        Id::Square if float => float!(Un Square),
        Id::Square => bits1!(Square),
        Id::Reciprocal if float => float!(Un Reciprocal),
        Id::Reciprocal => int!(Un Reciprocal),
        Id::Degrees => float!(Un Degrees),
        Id::Radians => float!(Un Radians),
        Id::Power if float => math!(Bi Power),
        Id::Power => int!(Bi Power),
        Id::Exp => math!(Un Exp),
        Id::Exp2 => math!(Un Exp2),
        Id::Expm1 => math!(Un Expm1),
        Id::Log => math!(Un Log),
        Id::Log2 => math!(Un Log2),
        Id::Log10 => math!(Un Log10),
        Id::Log1p => math!(Un Log1p),
        Id::Sin => math!(Un Sin),
        Id::Cos => math!(Un Cos),
        Id::Tan => math!(Un Tan),
        Id::Arcsin => math!(Un Arcsin),
        Id::Arccos => math!(Un Arccos),
        Id::Arctan => math!(Un Arctan),
        Id::Sinh => math!(Un Sinh),
        Id::Cosh => math!(Un Cosh),
        Id::Tanh => math!(Un Tanh),
        Id::Cbrt => math!(Un Cbrt),
        Id::Arctan2 => math!(Bi Arctan2),
        Id::Hypot => math!(Bi Hypot),
    })
}
