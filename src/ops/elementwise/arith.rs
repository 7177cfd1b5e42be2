//! Formulas of arithmetic: + − × ÷, powers of integers, extremes, rounding, and the rows that only
//! move bits. Division with remainder is in `division`.

use super::Events;
use super::kernel::{Binary, Ternary, Unary};

/// Declares formula types.
macro_rules! formulas {
    ($($name:ident),* $(,)?) => { $(pub(in crate::ops::elementwise) struct $name;)* };
}
pub(super) use formulas;

/// `impl Unary<$t> for $name`, for every type.
macro_rules! unary {
    ($($t:ty)*; $out:ident; $name:ident($a:ident) $body:expr) => { $(
        impl Unary<$t> for $name {
            type Out = unary!(@out $out $t);
            #[inline(always)]
            fn f($a: $t) -> unary!(@out $out $t) { $body }
        })*
    };
    (@out same $t:ty) => { $t };
    (@out bool $t:ty) => { u8 };
}
pub(super) use unary;

/// `impl Binary<$t> for $name`, for every type.
macro_rules! binary {
    ($($t:ty)*; $out:ident; $name:ident($a:ident, $b:ident) $body:expr) => { $(
        impl Binary<$t> for $name {
            type Out = $crate::ops::elementwise::arith::unary!(@out $out $t);
            #[inline(always)]
            fn f($a: $t, $b: $t) -> $crate::ops::elementwise::arith::unary!(@out $out $t) { $body }
        })*
    };
}
pub(super) use binary;

/// The one NaN that rows which compute give. On the bits: LLVM takes all NaNs for equal and would
/// drop a selection between floats.
pub(super) trait Canonical: Sized {
    fn canonical(self) -> Self;
}
impl Canonical for f32 {
    #[inline(always)]
    fn canonical(self) -> f32 {
        let bits = self.to_bits();
        f32::from_bits(if bits & 0x7fff_ffff > 0x7f80_0000 { 0x7fc0_0000 } else { bits })
    }
}
impl Canonical for f64 {
    #[inline(always)]
    fn canonical(self) -> f64 {
        let bits = self.to_bits();
        let nan = bits & 0x7fff_ffff_ffff_ffff > 0x7ff0_0000_0000_0000;
        f64::from_bits(if nan { 0x7ff8_0000_0000_0000 } else { bits })
    }
}

formulas!(
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Negative,
    Absolute,
    Sign,
    Minimum,
    Maximum,
    Fmin,
    Fmax,
    Clip,
    Where,
    Floor,
    Ceil,
    Trunc,
    Round,
    Sqrt,
    Square,
    Reciprocal,
    Degrees,
    Radians,
    Copysign,
    Invert,
    Not,
    And,
    Or,
    Xor,
    LeftShift,
    RightShift,
    BitwiseCount,
    NextAfter,
    Heaviside,
);

// Two's complement: signed and unsigned share the kernel of the unsigned type.
binary!(u8 u16 u32 u64; same; Add(a, b) a.wrapping_add(b));
binary!(u8 u16 u32 u64; same; Subtract(a, b) a.wrapping_sub(b));
binary!(u8 u16 u32 u64; same; Multiply(a, b) a.wrapping_mul(b));
unary!(u8 u16 u32 u64; same; Negative(a) a.wrapping_neg());
unary!(u8 u16 u32 u64; same; Square(a) a.wrapping_mul(a));
unary!(i8 i16 i32 i64; same; Absolute(a) a.wrapping_abs());
unary!(i8 i16 i32 i64; same; Sign(a) a.signum());
unary!(u8 u16 u32 u64; same; Sign(a) a.min(1));
binary!(u8 u16 u32 u64 i8 i16 i32 i64; same; Minimum(a, b) a.min(b));
binary!(u8 u16 u32 u64 i8 i16 i32 i64; same; Maximum(a, b) a.max(b));

binary!(f32 f64; same; Add(a, b) (a + b).canonical());
binary!(f32 f64; same; Subtract(a, b) (a - b).canonical());
binary!(f32 f64; same; Multiply(a, b) (a * b).canonical());
binary!(f32 f64; same; Divide(a, b) (a / b).canonical());
unary!(f32 f64; same; Square(a) (a * a).canonical());
unary!(f32 f64; same; Reciprocal(a) (1.0 / a).canonical());
unary!(f32 f64; same; Sqrt(a) a.sqrt().canonical());
unary!(f32 f64; same; Floor(a) a.floor().canonical());
unary!(f32 f64; same; Ceil(a) a.ceil().canonical());
unary!(f32 f64; same; Trunc(a) a.trunc().canonical());
unary!(f32 f64; same; Round(a) a.round_ties_even().canonical());
unary!(f32 f64; same; Sign(a) {
    let s = if a > 0.0 { 1.0 } else if a < 0.0 { -1.0 } else { 0.0 };
    (if a.is_nan() { a } else { s }).canonical()
});
// As NumPy: one multiplication by the rounded constant.
unary!(f32; same; Degrees(a) (a * (180.0 / std::f32::consts::PI)).canonical());
unary!(f32; same; Radians(a) (a * (std::f32::consts::PI / 180.0)).canonical());
unary!(f64; same; Degrees(a) (a * (180.0 / std::f64::consts::PI)).canonical());
unary!(f64; same; Radians(a) (a * (std::f64::consts::PI / 180.0)).canonical());

/// Bit moves, on the bits of a float of the same size.
macro_rules! sign_bits {
    ($($t:ty, $mask:expr;)*) => { $(
        impl Binary<$t> for Copysign {
            type Out = $t;
            #[inline(always)]
            fn f(a: $t, b: $t) -> $t { (a & $mask) | (b & !$mask) }
        }
    )* };
}
sign_bits!(u16, 0x7fff; u32, 0x7fff_ffff; u64, 0x7fff_ffff_ffff_ffff;);

unary!(u8 u16 u32 u64; bool; BitwiseCount(a) a.count_ones() as u8);
unary!(i8 i16 i32 i64; bool; BitwiseCount(a) a.unsigned_abs().count_ones() as u8);

binary!(f32 f64; same; Heaviside(a, b) {
    let step = if a < 0.0 { 0.0 } else if a == 0.0 { b } else { 1.0 };
    (if a.is_nan() { a } else { step }).canonical()
});

/// The next float on bits: away from zero is one more, towards it one less. `$stays`: equal arguments give the
/// first.
macro_rules! next_after {
    ($($t:ident $signed:ident $infinity:literal $nan:literal $stays:literal;)*) => { $(
        impl Binary<$t> for NextAfter {
            type Out = $t;
            #[inline(always)]
            fn f(x: $t, y: $t) -> $t {
                const SIZE: $t = $t::MAX >> 1;
                // An integer that compares as the float does: the zeros are one.
                let key = |v: $t| {
                    let size = (v & SIZE) as $signed;
                    if v > SIZE { -size } else { size }
                };
                let away = (key(x) < key(y)) == (x <= SIZE);
                let next = if away { x.wrapping_add(1) } else { x.wrapping_sub(1) };
                let next = if x & SIZE == 0 { (y & !SIZE) | 1 } else { next };
                let next = if key(x) != key(y) { next } else if $stays { x } else { y };
                if (x & SIZE > $infinity) | (y & SIZE > $infinity) { $nan } else { next }
            }
        }
    )* };
}
next_after! {
    u16 i16 0x7c00 0x7e00 true;
    u32 i32 0x7f80_0000 0x7fc0_0000 false;
    u64 i64 0x7ff0_0000_0000_0000 0x7ff8_0000_0000_0000 false;
}

/// Negative and absolute of floats: the sign bit of their bits.
pub(super) struct FlipSign;
pub(super) struct ClearSign;
unary!(u16; same; FlipSign(a) a ^ 0x8000);
unary!(u32; same; FlipSign(a) a ^ 0x8000_0000);
unary!(u64; same; FlipSign(a) a ^ 0x8000_0000_0000_0000);
unary!(u16; same; ClearSign(a) a & 0x7fff);
unary!(u32; same; ClearSign(a) a & 0x7fff_ffff);
unary!(u64; same; ClearSign(a) a & 0x7fff_ffff_ffff_ffff);

/// Extremes of floats: −0 below +0. The bit operation on equal operands joins the signs.
macro_rules! extremes {
    ($($t:ident)*) => { $(
        #[inline(always)]
        fn $t(a: $t, b: $t, less: bool, zero: $t) -> $t {
            if a == b { zero } else if less { a } else { b }
        }
        binary!($t; same; Minimum(a, b) {
            let v = $t(a, b, a < b, $t::from_bits(a.to_bits() | b.to_bits()));
            (if a.is_nan() | b.is_nan() { $t::NAN } else { v }).canonical()
        });
        binary!($t; same; Maximum(a, b) {
            let v = $t(a, b, a > b, $t::from_bits(a.to_bits() & b.to_bits()));
            (if a.is_nan() | b.is_nan() { $t::NAN } else { v }).canonical()
        });
        binary!($t; same; Fmin(a, b) {
            let v = $t(a, b, a < b, $t::from_bits(a.to_bits() | b.to_bits()));
            (if b.is_nan() { a } else if a.is_nan() { b } else { v }).canonical()
        });
        binary!($t; same; Fmax(a, b) {
            let v = $t(a, b, a > b, $t::from_bits(a.to_bits() & b.to_bits()));
            (if b.is_nan() { a } else if a.is_nan() { b } else { v }).canonical()
        });
    )* };
}
extremes!(f32 f64);

macro_rules! ternary {
    ($($t:ty)*) => { $(
        impl Ternary<$t, $t, $t> for Clip {
            type Out = $t;
            #[inline(always)]
            fn f(x: $t, lo: $t, hi: $t) -> $t {
                <Minimum as Binary<$t>>::f(<Maximum as Binary<$t>>::f(x, lo), hi)
            }
        }
    )* };
}
ternary!(u8 u16 u32 u64 i8 i16 i32 i64 f32 f64);

macro_rules! select {
    ($($t:ty)*) => { $(
        impl Ternary<u8, $t, $t> for Where {
            type Out = $t;
            #[inline(always)]
            fn f(c: u8, x: $t, y: $t) -> $t { if c != 0 { x } else { y } }
        }
    )* };
}
select!(u8 u16 u32 u64);

unary!(u8 u16 u32 u64; same; Invert(a) !a);
unary!(u8; same; Not(a) a ^ 1);
binary!(u8 u16 u32 u64; same; And(a, b) a & b);
binary!(u8 u16 u32 u64; same; Or(a, b) a | b);
binary!(u8 u16 u32 u64; same; Xor(a, b) a ^ b);

/// A shift by the width or more, or by a negative count, shifts everything out.
macro_rules! shifts {
    ($($t:ident $u:ident)*) => { $(
        binary!($t; same; LeftShift(a, b) {
            let v = a.wrapping_shl(b as u32);
            if (b as $u) < $t::BITS as $u { v } else { 0 }
        });
        binary!($t; same; RightShift(a, b) {
            let last = $t::BITS as $u - 1;
            #[allow(unused_comparisons)]
            let out = if a < 0 { !0 } else { 0 };
            if (b as $u) <= last { a.wrapping_shr(b as u32) } else { out }
        });
    )* };
}
shifts!(u8 u8 u16 u16 u32 u32 u64 u64 i8 u8 i16 u16 i32 u32 i64 u64);

macro_rules! integers {
    ($($t:ident)*) => { $(
        impl Binary<$t> for Power {
            type Out = $t;
            const EVENT: Events = Events::NEGATIVE_POWER;
            #[inline(always)]
            fn f(a: $t, b: $t) -> $t {
                let (mut power, mut square, mut left) = (1 as $t, a, b);
                #[allow(unused_comparisons)]
                if left < 0 { return 0; }
                while left != 0 {
                    if left & 1 == 1 { power = power.wrapping_mul(square); }
                    square = square.wrapping_mul(square);
                    left >>= 1;
                }
                power
            }
            #[inline(always)]
            #[allow(unused_comparisons)]
            fn event(_: $t, b: $t) -> bool { b < 0 }
        }
        impl Unary<$t> for Reciprocal {
            type Out = $t;
            const EVENT: Events = Events::DIVIDE_BY_ZERO;
            #[inline(always)]
            #[allow(unused_comparisons)]
            fn f(a: $t) -> $t {
                let minus = if a < 0 && a == (0 as $t).wrapping_sub(1) { a } else { 0 };
                if a == 1 { 1 } else { minus }
            }
            #[inline(always)]
            fn event(a: $t) -> bool { a == 0 }
        }
    )* };
}
integers!(u8 u16 u32 u64 i8 i16 i32 i64);
