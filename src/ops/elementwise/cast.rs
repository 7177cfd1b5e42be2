//! Casts between all twelve dtypes.
//!
//! Integers wrap. Floats become integers toward zero, saturated, NaN as 0 (NumPy leaves both to
//! the platform). To bool: `!= 0`, so NaN is true. To a narrower float: rounded once, to nearest,
//! ties to even, also from int64, uint64 and float64 to float16. A NaN that changes its dtype
//! becomes the one quiet NaN.

use super::arith::Canonical;
use super::half::{narrow, narrow_f64, widen};
use super::kernel::{CopyBytes, KernelAt, Un, Unary};
use crate::ops::simd::Simd;
use crate::{DType, Kind};
use half::f16;
use std::marker::PhantomData;

/// The cast to `T`.
struct To<T>(PhantomData<T>);
/// The cast to bool.
struct ToBool;

macro_rules! casts {
    ($($from:ty => $($to:ty)*, |$v:ident| $body:expr;)*) => { $($(
        impl Unary<$from> for To<$to> {
            type Out = $to;
            #[inline(always)]
            fn f($v: $from) -> $to {
                #[allow(dead_code)]
                type Target = $to;
                $body
            }
        }
    )*)* };
}
casts! {
    u8 => u16 u32 u64 f32 f64, |v| v as Target;
    i8 => u16 u32 u64 f32 f64, |v| v as Target;
    u16 => u8 u32 u64 f32 f64, |v| v as Target;
    i16 => u8 u32 u64 f32 f64, |v| v as Target;
    u32 => u8 u16 u64 f32 f64, |v| v as Target;
    i32 => u8 u16 u64 f32 f64, |v| v as Target;
    u64 => u8 u16 u32 f32 f64, |v| v as Target;
    i64 => u8 u16 u32 f32 f64, |v| v as Target;
    f32 => u8 u16 u32 u64 i8 i16 i32 i64, |v| v as Target;
    f64 => u8 u16 u32 u64 i8 i16 i32 i64, |v| v as Target;
    f16 => u8 u16 u32 u64 i8 i16 i32 i64, |v| widen(v) as Target;
    u8 => f16, |v| narrow(v as f32);
    i8 => f16, |v| narrow(v as f32);
    u16 => f16, |v| narrow(v as f32);
    i16 => f16, |v| narrow(v as f32);
    // Below 2^24 a float32 holds the integer; above 65,520 it is infinite in float16.
    u32 => f16, |v| narrow(v.min(70_000) as f32);
    i32 => f16, |v| narrow(v.clamp(-70_000, 70_000) as f32);
    u64 => f16, |v| narrow(v.min(70_000) as f32);
    i64 => f16, |v| narrow(v.clamp(-70_000, 70_000) as f32);
    f32 => f16, |v| narrow(v);
    f64 => f16, |v| narrow_f64(v);
    f16 => f32, |v| widen(v);
    f16 => f64, |v| (widen(v) as f64).canonical();
    f32 => f64, |v| (v as f64).canonical();
    f64 => f32, |v| (v as f32).canonical();
}

macro_rules! to_bool {
    ($($from:ty, |$v:ident| $body:expr;)*) => { $(
        impl Unary<$from> for ToBool {
            type Out = u8;
            #[inline(always)]
            fn f($v: $from) -> u8 { ($body) as u8 }
        }
    )* };
}
to_bool! {
    u8, |v| v != 0;
    u16, |v| v != 0;
    u32, |v| v != 0;
    u64, |v| v != 0;
    f16, |v| v.to_bits() & 0x7fff != 0;
    f32, |v| v != 0.0;
    f64, |v| v != 0.0;
}

/// The kernel that casts elements of `from` to `to`, with one argument; see the module's head for
/// the rules. It never reports an event.
pub fn cast(from: DType, to: DType, simd: Simd) -> KernelAt {
    use DType::*;
    macro_rules! un {
        ($f:ty, $a:ty) => {
            KernelAt::of::<Un<$f, $a>>(simd)
        };
    }
    macro_rules! from {
        ($to:ty, $($arm:pat => $from:ty),*) => { match from { $($arm => un!(To<$to>, $from),)* _ => KernelAt::of::<CopyBytes>(simd) } };
    }
    let copies = from == to || (from == Bool && to.size() == 1 && !to.is_float());
    if copies || (from.is_integer() && to.is_integer() && from.size() == to.size()) {
        return KernelAt::of::<CopyBytes>(simd);
    }
    // Wrapping depends on the target's size alone, unless a float saturates.
    let wraps = match to {
        I8 if from.kind() != Kind::Float => U8,
        I16 if from.kind() != Kind::Float => U16,
        I32 if from.kind() != Kind::Float => U32,
        I64 if from.kind() != Kind::Float => U64,
        to => to,
    };
    match wraps {
        Bool => match from {
            Bool | U8 | I8 => un!(ToBool, u8),
            U16 | I16 => un!(ToBool, u16),
            U32 | I32 => un!(ToBool, u32),
            U64 | I64 => un!(ToBool, u64),
            F16 => un!(ToBool, f16),
            F32 => un!(ToBool, f32),
            F64 => un!(ToBool, f64),
        },
        U8 => {
            from!(u8, U16 => u16, I16 => i16, U32 => u32, I32 => i32, U64 => u64, I64 => i64, F16 => f16, F32 => f32, F64 => f64)
        }
        U16 => {
            from!(u16, Bool | U8 => u8, I8 => i8, U32 => u32, I32 => i32, U64 => u64, I64 => i64, F16 => f16, F32 => f32, F64 => f64)
        }
        U32 => {
            from!(u32, Bool | U8 => u8, I8 => i8, U16 => u16, I16 => i16, U64 => u64, I64 => i64, F16 => f16, F32 => f32, F64 => f64)
        }
        U64 => {
            from!(u64, Bool | U8 => u8, I8 => i8, U16 => u16, I16 => i16, U32 => u32, I32 => i32, F16 => f16, F32 => f32, F64 => f64)
        }
        I8 => from!(i8, F16 => f16, F32 => f32, F64 => f64),
        I16 => from!(i16, F16 => f16, F32 => f32, F64 => f64),
        I32 => from!(i32, F16 => f16, F32 => f32, F64 => f64),
        I64 => from!(i64, F16 => f16, F32 => f32, F64 => f64),
        F16 => {
            from!(f16, Bool | U8 => u8, I8 => i8, U16 => u16, I16 => i16, U32 => u32, I32 => i32, U64 => u64, I64 => i64, F32 => f32, F64 => f64)
        }
        F32 => {
            from!(f32, Bool | U8 => u8, I8 => i8, U16 => u16, I16 => i16, U32 => u32, I32 => i32, U64 => u64, I64 => i64, F16 => f16, F64 => f64)
        }
        F64 => {
            from!(f64, Bool | U8 => u8, I8 => i8, U16 => u16, I16 => i16, U32 => u32, I32 => i32, U64 => u64, I64 => i64, F16 => f16, F32 => f32)
        }
    }
}
