//! Formulas of comparisons and tests, which give bool (one byte, 0 or 1).

use super::arith::{binary, formulas, unary};
use super::kernel::{Binary, Unary};

formulas!(Equal, NotEqual, Less, LessEqual, IsNan, IsInf, IsFinite, Signbit, False, True);

binary!(u8 u16 u32 u64 f32 f64; bool; Equal(a, b) (a == b) as u8);
binary!(u8 u16 u32 u64 f32 f64; bool; NotEqual(a, b) (a != b) as u8);
binary!(u8 u16 u32 u64 i8 i16 i32 i64 f32 f64; bool; Less(a, b) (a < b) as u8);
binary!(u8 u16 u32 u64 i8 i16 i32 i64 f32 f64; bool; LessEqual(a, b) (a <= b) as u8);

// By value, where no dtype holds both.
impl Binary<i64, u64> for Equal {
    type Out = u8;
    #[inline(always)]
    fn f(a: i64, b: u64) -> u8 {
        ((a >= 0) & (a as u64 == b)) as u8
    }
}
impl Binary<i64, u64> for NotEqual {
    type Out = u8;
    #[inline(always)]
    fn f(a: i64, b: u64) -> u8 {
        ((a < 0) | (a as u64 != b)) as u8
    }
}
impl Binary<i64, u64> for Less {
    type Out = u8;
    #[inline(always)]
    fn f(a: i64, b: u64) -> u8 {
        ((a < 0) | ((a as u64) < b)) as u8
    }
}
impl Binary<i64, u64> for LessEqual {
    type Out = u8;
    #[inline(always)]
    fn f(a: i64, b: u64) -> u8 {
        ((a < 0) | (a as u64 <= b)) as u8
    }
}
impl Binary<u64, i64> for Less {
    type Out = u8;
    #[inline(always)]
    fn f(a: u64, b: i64) -> u8 {
        ((b >= 0) & (a < b as u64)) as u8
    }
}
impl Binary<u64, i64> for LessEqual {
    type Out = u8;
    #[inline(always)]
    fn f(a: u64, b: i64) -> u8 {
        ((b >= 0) & (a <= b as u64)) as u8
    }
}

unary!(f32 f64; bool; IsNan(a) a.is_nan() as u8);
unary!(f32; bool; IsInf(a) (a.abs() == f32::INFINITY) as u8);
unary!(f64; bool; IsInf(a) (a.abs() == f64::INFINITY) as u8);
unary!(f32; bool; IsFinite(a) (a.abs() < f32::INFINITY) as u8);
unary!(f64; bool; IsFinite(a) (a.abs() < f64::INFINITY) as u8);
// On the bits, so that a float16 NaN keeps its sign.
unary!(u16; bool; Signbit(a) (a >> 15) as u8);
unary!(u32; bool; Signbit(a) (a >> 31) as u8);
unary!(u64; bool; Signbit(a) (a >> 63) as u8);
unary!(u8; bool; False(_a) 0);
unary!(u8; bool; True(_a) 1);
