//! The transcendental functions: own algorithms, one for float32 and one for float64.
//!
//! Both are the same text (`shared/`) over two sets of constants: every formula is written in `F`,
//! with an unsigned and a signed integer of its size, so float32 never needs a wider type and a
//! shader can repeat it bit for bit. There are no branches: special values are selected at the
//! end, so the loops vectorise. Only `sin`, `cos` and `tan` of large arguments take a second,
//! scalar pass (Payne and Hanek's reduction, in integers), chosen by the argument alone.
//!
//! The methods are textbook ones: reduction by a short constant (Cody and Waite), polynomials
//! fitted by Chebyshev interpolation (tests/goldens/make_elementwise_constants.py), and leading
//! terms carried as unevaluated pairs (Dekker).
//!
//! The exact product of two floats is a pair too. It comes in two forms with the same bits: split into
//! halves by masking bits (`split`: the x86-64 baseline, shaders), and by one fused multiply-add
//! (`fma`: the other vector levels). The text is the same; only `shared/pair.rs` asks which form it is in.
//! Nothing else is fused. Each use says why its products are exact, or why the result does not
//! depend on it; tests compare the levels.

mod fma;
mod split;
#[cfg(test)]
mod tests;
mod two_over_pi;

use super::kernel::{Binary, Unary};
use std::marker::PhantomData;

/// The float64 functions for one number at a time, with the bits of the operations.
pub(crate) mod scalar {
    use super::split::double;

    macro_rules! scalar {
        ($($name:ident $module:ident)*) => { $(
            /// As the operation of this name.
            pub(crate) fn $name(x: f64) -> f64 {
                double::$module::$name(x)
            }
        )* };
    }
    scalar!(exp exp log log log1p log);
}

/// The formula `F` for a vector level that has a fused multiply-add: the same bits in fewer steps.
pub(super) struct Fma<F>(PhantomData<F>);

macro_rules! functions {
    ($($name:ident $module:ident::$f:ident;)*) => { $(
        pub(super) struct $name;
        functions!(@ $name, split single f32 $module $f);
        functions!(@ $name, split double f64 $module $f);
        functions!(@ Fma<$name>, fma single f32 $module $f);
        functions!(@ Fma<$name>, fma double f64 $module $f);
    )* };
    (@ $name:ty, $form:ident $width:ident $t:ident $module:ident $f:ident) => {
        impl Unary<$t> for $name {
            type Out = $t;
            #[inline(always)]
            fn f(a: $t) -> $t { $form::$width::$module::$f(a) }
            const LONG: bool = true;
            #[inline(always)]
            fn event(a: $t) -> bool { a.is_nan() }
        }
    };
}
functions! {
    Exp exp::exp;
    Exp2 exp::exp2;
    Expm1 exp::expm1;
    Sinh exp::sinh;
    Cosh exp::cosh;
    Tanh exp::tanh;
    Log log::log;
    Log2 log::log2;
    Log10 log::log10;
    Log1p log::log1p;
    Arcsin arc::arcsin;
    Arccos arc::arccos;
    Arctan arc::arctan;
    Cbrt root::cbrt;
    Arcsinh hyperbolic::arcsinh;
    Arccosh hyperbolic::arccosh;
    Arctanh hyperbolic::arctanh;
    Sinc trig::sinc;
    Erf special::erf;
    Erfc special::erfc;
    I0 special::i0;
}

macro_rules! functions2 {
    ($($name:ident $module:ident::$f:ident;)*) => { $(
        functions2!(@ $name, split single f32 $module $f);
        functions2!(@ $name, split double f64 $module $f);
        functions2!(@ Fma<$name>, fma single f32 $module $f);
        functions2!(@ Fma<$name>, fma double f64 $module $f);
    )* };
    (@ $name:ty, $form:ident $width:ident $t:ident $module:ident $f:ident) => {
        impl Binary<$t> for $name {
            type Out = $t;
            #[inline(always)]
            fn f(a: $t, b: $t) -> $t { $form::$width::$module::$f(a, b) }
            const LONG: bool = true;
            #[inline(always)]
            fn event(a: $t, b: $t) -> bool { a.is_nan() | b.is_nan() }
        }
    };
}
pub(super) struct Arctan2;
pub(super) struct Hypot;
pub(super) struct Logaddexp;
pub(super) struct Logaddexp2;
use super::arith::Power;
functions2! {
    Arctan2 arc::arctan2;
    Hypot root::hypot;
    Power log::power;
    Logaddexp log_sums::logaddexp;
    Logaddexp2 log_sums::logaddexp2;
}

macro_rules! periodic {
    ($($name:ident $f:ident;)*) => { $(
        pub(super) struct $name;
        periodic!(@ $name, split single f32 $f);
        periodic!(@ $name, split double f64 $f);
        periodic!(@ Fma<$name>, fma single f32 $f);
        periodic!(@ Fma<$name>, fma double f64 $f);
    )* };
    (@ $name:ty, $form:ident $width:ident $t:ident $f:ident) => {
        impl Unary<$t> for $name {
            type Out = $t;
            const HAS_SLOW: bool = true;
            #[inline(always)]
            fn f(a: $t) -> $t { $form::$width::trig::$f(a, $form::$width::trig::reduce(a)) }
            #[inline(always)]
            fn is_slow(a: $t) -> bool { $form::$width::trig::is_large(a) }
            #[inline(always)]
            fn slow(a: $t) -> $t { $form::$width::trig::$f(a, $form::$width::trig::reduce_large(a)) }
        }
    };
}
periodic! {
    Sin sin;
    Cos cos;
    Tan tan;
}

/// An angle as quadrant + (−1)^minus · size / 2^128, in quarter turns; size ≤ 2^127.
#[derive(Clone, Copy)]
struct Turns {
    quadrant: u32,
    minus: bool,
    size: u128,
}

/// `m · 2^e · 2/π` less the multiples of 4, for `m` of at most 53 bits and e ≥ −60.
///
/// Payne and Hanek: bits of 2/π whose product with `m` is a multiple of 4 are not looked at. Of
/// the product, 190 bits after the point are taken and 128 kept; no float64 comes nearer than
/// 2^-62 to a multiple of π / 2, so at least 66 of them matter. A loop over 32-bit words, which a
/// shader can repeat.
#[inline(always)]
fn quarter_turns(m: u64, e: i32) -> Turns {
    // The table begins with 64 zero bits, so that the first bit taken may be one before the point.
    let first = (e - 2 + 64).max(0) as usize;
    let (word, shift) = (first / 32, first % 32);
    let at = |k: usize| two_over_pi::TWO_OVER_PI_BITS.get(k).copied().unwrap_or(0) as u64;
    let mut product = [0u32; 6];
    let mut carry = 0u128;
    for i in (0..6).rev() {
        let bits = (((at(word + i) << 32) | at(word + i + 1)) << shift) >> 32;
        let t = m as u128 * (bits & 0xffff_ffff) as u128 + carry;
        product[i] = t as u32;
        carry = t >> 32;
    }
    let [a, b, c, d, low, _] = product.map(|w| w as u128);
    let top = (a << 96) | (b << 64) | (c << 32) | d;
    let fraction = (top << 2) | (low >> 30);
    // To the nearest quadrant.
    let minus = fraction >> 127 == 1;
    Turns {
        quadrant: (top >> 126) as u32 + minus as u32,
        minus,
        size: if minus { fraction.wrapping_neg() } else { fraction },
    }
}
