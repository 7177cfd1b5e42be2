//! Division with remainder: `floor_divide`, `remainder` and `fmod`, with the bits of NumPy's.
//!
//! # Floats
//! All rows are defined by the exact remainder of the division toward zero, which takes a long division
//! of the significands: a loop that no vector code can run. Quotients below 2^50 (float32: 2^21) need no
//! loop:
//!
//! - n, the rounded quotient of the magnitudes x ÷ y taken to the nearest whole number, is the floor of the
//!   true quotient or one more, since rounding is monotone and leaves whole numbers alone.
//! - n and y are cut into halves whose four products are exact (Dekker: A floating-point technique for
//!   extending the available precision, Numer. Math. 18, 1971), underflow included, as every one is a
//!   multiple of y's last bit. They are taken off x from the largest down. What is left is each time a
//!   multiple of x's last bit and not above x, or a multiple of a product's last bit and small enough to
//!   fit the significand. So nothing is rounded, and what is left at the end is x − n·y.
//! - Where that is below 0, n was one too large, and adding y is exact.
//! - NumPy gets the quotient as (x − remainder) ÷ y, taken to the nearest whole number. For n < 2^50 its
//!   roundings move it by less than a half, so that is n.
//!
//! Larger quotients are divided at length, element by element.
//!
//! # Integers
//! Of up to 16 bits are divided as float32, of 32 as float64, and so are those of 64 bits while both are
//! below 2^50. A quotient that is not whole is at least 1 ÷ y from the next whole number, and the rounding
//! error is less than that: no rounded quotient is on the wrong side. Larger ones take the processor's
//! division.
//!
//! Limits: a divisor that is the same for every element is divided by like any other.

use super::Events;
use super::arith::{Canonical, formulas};
use super::kernel::Binary;

formulas!(FloorDivide, Remainder, Fmod);

/// The float formulas: `$fraction` bits of it are stored, the lower half of the significand is `$low` bits,
/// and the long division takes `$step` bits of quotient at a time.
macro_rules! floats {
    ($t:ident $bits:ident $fraction:literal $low:literal $step:literal) => {
        const _: () = {
            const SIGN: $bits = !($bits::MAX >> 1);
            /// Added and taken off again it leaves a whole number.
            const WHOLE: $t = (1u64 << $fraction) as $t;
            /// Quotients from here on are divided at length.
            const LIMIT: $t = (1u64 << ($fraction - 2)) as $t;
            /// So are dividends from here on: no product of smaller ones overflows.
            const HUGE: $t = $t::MAX / 4.0;

            #[inline(always)]
            fn is_slow(x: $t, y: $t) -> bool {
                let (x, y) = (x.abs(), y.abs());
                let reach = y * LIMIT;
                // Division by 0 gives infinity or NaN as it is.
                (x >= if reach < HUGE { reach } else { HUGE }) & (y != 0.0)
            }

            #[inline(always)]
            fn upper(v: $t) -> $t {
                $t::from_bits(v.to_bits() & ($bits::MAX << $low))
            }

            /// Quotient and remainder of the magnitudes, for what is not slow.
            #[inline(always)]
            fn divide(x: $t, y: $t) -> ($t, $t) {
                let (x, y) = (x.abs(), y.abs());
                // No x here reaches half of the largest float, and 0 times infinity would be NaN.
                let y = if $t::MAX < y { $t::MAX } else { y };
                let n = (x / y + WHOLE) - WHOLE;
                let (n1, y1) = (upper(n), upper(y));
                let (n2, y2) = (n - n1, y - y1);
                let r = x - n1 * y1 - n2 * y1 - n1 * y2 - n2 * y2;
                if r < 0.0 { (n - 1.0, r + y) } else { (n, r) }
            }

            /// The remainder of the magnitudes at length: `$step` quotient bits at a time, so that nothing
            /// is ever rounded. Of a finite dividend and a divisor that is not 0; otherwise NaN.
            // Significands come off by a subtraction: LLVM makes a mask a BZHI with a counter of one byte,
            // which has each element wait for the one before.
            #[inline(always)]
            fn long_division(x: $t, y: $t) -> $t {
                let (x, y) = (x.abs(), y.abs());
                if x < y {
                    return x;
                }
                let divides = x < $t::INFINITY && y > 0.0;
                if !divides {
                    return $t::NAN;
                }
                // value = significand · 2^(exponent − constant)
                let split = |v: $t| {
                    let bits = v.to_bits() as u64;
                    let e = (bits >> $fraction).max(1);
                    (e as i32, bits - ((e - 1) << $fraction))
                };
                let ((ex, mx), (ey, my)) = (split(x), split(y));
                let (mut r, mut left) = (mx % my, ex - ey);
                while left > 0 && r != 0 {
                    let step = left.min($step);
                    r = (r << step) % my;
                    left -= step;
                }
                // r < my, so it is a significand at the divisor's exponent: normalise.
                let up = ((r.leading_zeros() as i32) - (63 - $fraction)).min(ey - 1);
                let value = (r << up) + (((ey - up - 1) as u64) << $fraction);
                $t::from_bits(if r == 0 { 0 } else { value as $bits })
            }

            #[inline(always)]
            fn sign(a: $t, b: $t) -> $bits {
                (a.to_bits() ^ b.to_bits()) & SIGN
            }

            impl Binary<$t> for FloorDivide {
                type Out = $t;
                const HAS_SLOW: bool = true;
                #[inline(always)]
                fn f(a: $t, b: $t) -> $t {
                    let (n, r) = divide(a, b);
                    let below = (sign(a, b) != 0) & (r != 0.0);
                    let n = if below { n + 1.0 } else { n };
                    $t::from_bits(n.to_bits() | sign(a, b)).canonical()
                }
                #[inline(always)]
                fn is_slow(a: $t, b: $t) -> bool {
                    is_slow(a, b)
                }
                #[inline(always)]
                fn slow(a: $t, b: $t) -> $t {
                    long_division(a, b)
                }
                /// NumPy's formula, from the exact remainder.
                #[inline(always)]
                fn finish(a: $t, b: $t, rest: $t) -> $t {
                    let quotient = (a - rest.copysign(a)) / b;
                    let below = (sign(a, b) != 0) & (rest != 0.0);
                    let quotient = if below { quotient - 1.0 } else { quotient };
                    let whole = quotient.floor();
                    let whole = if quotient - whole > 0.5 { whole + 1.0 } else { whole };
                    let whole = if quotient == 0.0 { $t::from_bits(sign(a, b)) } else { whole };
                    (if b == 0.0 { a / b } else { whole }).canonical()
                }
            }

            impl Binary<$t> for Remainder {
                type Out = $t;
                const HAS_SLOW: bool = true;
                #[inline(always)]
                fn f(a: $t, b: $t) -> $t {
                    Self::finish(a, b, divide(a, b).1)
                }
                #[inline(always)]
                fn is_slow(a: $t, b: $t) -> bool {
                    is_slow(a, b)
                }
                #[inline(always)]
                fn slow(a: $t, b: $t) -> $t {
                    long_division(a, b)
                }
                #[inline(always)]
                fn finish(a: $t, b: $t, rest: $t) -> $t {
                    let other = (sign(a, b) != 0) & (rest != 0.0);
                    let r = if other { b.abs() - rest } else { rest };
                    r.copysign(b).canonical()
                }
            }

            impl Binary<$t> for Fmod {
                type Out = $t;
                const HAS_SLOW: bool = true;
                #[inline(always)]
                fn f(a: $t, b: $t) -> $t {
                    Self::finish(a, b, divide(a, b).1)
                }
                #[inline(always)]
                fn is_slow(a: $t, b: $t) -> bool {
                    is_slow(a, b)
                }
                #[inline(always)]
                fn slow(a: $t, b: $t) -> $t {
                    long_division(a, b)
                }
                #[inline(always)]
                fn finish(a: $t, _: $t, rest: $t) -> $t {
                    rest.copysign(a).canonical()
                }
            }
        };
    };
}
floats!(f32 u32 23 12 40);
floats!(f64 u64 52 27 11);

/// The integer formulas of `$t`, whose quotients are taken in `$float`.
macro_rules! integers {
    ($($t:ident in $float:ident $bits:ident $fraction:literal;)*) => { $(
        const _: () = {
            /// A float that a small whole number is added to in its last bits, negative ones too.
            const WHOLE: $float = (3u64 << ($fraction - 1)) as $float;
            /// Whether not every value is a float.
            const WIDE: bool = $t::BITS as usize >= $fraction;

            #[inline(always)]
            fn is_slow(a: $t, b: $t) -> bool {
                const NEAR: u64 = 1 << 50;
                #[allow(unused_comparisons)]
                const SIGNED: bool = $t::MIN < 0;
                let from_least = |v: $t| (v as u64).wrapping_add(if SIGNED { NEAR } else { 0 });
                let past = if SIGNED { 51 } else { 50 };
                WIDE && (from_least(a) | from_least(b)) >> past != 0
            }

            #[inline(always)]
            fn float(v: $t) -> $float {
                // Few vector units convert 64 bits.
                let bits = WHOLE.to_bits().wrapping_add(v as $bits);
                if WIDE { $float::from_bits(bits) - WHOLE } else { v as $float }
            }

            #[inline(always)]
            fn integer(v: $float) -> $t {
                (v + WHOLE).to_bits().wrapping_sub(WHOLE.to_bits()) as $t
            }

            /// The floor of a quotient, without the instruction that not every level has.
            #[inline(always)]
            fn floor(quotient: $float) -> $float {
                let n = (quotient + WHOLE) - WHOLE;
                if n > quotient { n - 1.0 } else { n }
            }

            impl Binary<$t> for FloorDivide {
                type Out = $t;
                const EVENT: Events = Events::DIVIDE_BY_ZERO;
                const HAS_SLOW: bool = WIDE;
                #[inline(always)]
                fn f(a: $t, b: $t) -> $t {
                    let n = integer(floor(float(a) / float(b)));
                    if b == 0 { 0 } else { n }
                }
                #[inline(always)]
                fn event(_: $t, b: $t) -> bool {
                    b == 0
                }
                #[inline(always)]
                fn is_slow(a: $t, b: $t) -> bool {
                    is_slow(a, b)
                }
                #[inline(always)]
                fn slow(a: $t, b: $t) -> $t {
                    if b == 0 {
                        return 0;
                    }
                    let (q, r) = (a.wrapping_div(b), a.wrapping_rem(b));
                    #[allow(unused_comparisons)]
                    if r != 0 && (r < 0) != (b < 0) { q.wrapping_sub(1) } else { q }
                }
            }

            impl Binary<$t> for Remainder {
                type Out = $t;
                const EVENT: Events = Events::DIVIDE_BY_ZERO;
                const HAS_SLOW: bool = WIDE;
                #[inline(always)]
                fn f(a: $t, b: $t) -> $t {
                    let (x, y) = (float(a), float(b));
                    let r = integer(x - floor(x / y) * y);
                    if b == 0 { 0 } else { r }
                }
                #[inline(always)]
                fn event(_: $t, b: $t) -> bool {
                    b == 0
                }
                #[inline(always)]
                fn is_slow(a: $t, b: $t) -> bool {
                    is_slow(a, b)
                }
                #[inline(always)]
                fn slow(a: $t, b: $t) -> $t {
                    if b == 0 {
                        return 0;
                    }
                    let r = a.wrapping_rem(b);
                    #[allow(unused_comparisons)]
                    if r != 0 && (r < 0) != (b < 0) { r.wrapping_add(b) } else { r }
                }
            }

            impl Binary<$t> for Fmod {
                type Out = $t;
                const EVENT: Events = Events::DIVIDE_BY_ZERO;
                const HAS_SLOW: bool = WIDE;
                #[inline(always)]
                fn f(a: $t, b: $t) -> $t {
                    let (x, y) = (float(a), float(b));
                    let n = floor((x / y).abs());
                    let n = if (x < 0.0) == (y < 0.0) { n } else { -n };
                    let r = integer(x - n * y);
                    if b == 0 { 0 } else { r }
                }
                #[inline(always)]
                fn event(_: $t, b: $t) -> bool {
                    b == 0
                }
                #[inline(always)]
                fn is_slow(a: $t, b: $t) -> bool {
                    is_slow(a, b)
                }
                #[inline(always)]
                fn slow(a: $t, b: $t) -> $t {
                    if b == 0 { 0 } else { a.wrapping_rem(b) }
                }
            }
        };
    )* };
}
integers!(
    u8 in f32 u32 23; i8 in f32 u32 23; u16 in f32 u32 23; i16 in f32 u32 23;
    u32 in f64 u64 52; i32 in f64 u64 52; u64 in f64 u64 52; i64 in f64 u64 52;
);

#[cfg(test)]
mod tests {
    use crate::ops::elementwise::{Events, Op, Operand};
    use crate::ops::simd::Simd;
    use crate::{DType, DType::*};
    use bytemuck::Pod;
    use half::f16;
    use num_bigint::BigInt;
    use num_integer::Integer;
    use num_traits::{Signed, ToPrimitive, Zero};

    /// splitmix64
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A row over pairs at every level; all levels agree.
    fn row<T: Pod + PartialEq + std::fmt::Debug>(
        name: &str,
        dtype: DType,
        pairs: &[(T, T)],
    ) -> (Vec<T>, Events) {
        let op = Op::from_name(name).unwrap();
        let signature = op.signature(&[Operand::Strong(dtype); 2]).unwrap();
        let (a, b): (Vec<T>, Vec<T>) = pairs.iter().copied().unzip();
        let mut levels = Simd::available().into_iter().map(|simd| {
            let mut out = vec![T::zeroed(); a.len()];
            let args: [&[u8]; 2] = [bytemuck::cast_slice(&a), bytemuck::cast_slice(&b)];
            let events = op.kernel(&signature, simd).run(&args, bytemuck::cast_slice_mut(&mut out));
            (out, events)
        });
        let first = levels.next().unwrap();
        for (out, events) in levels {
            let same = bytemuck::cast_slice::<T, u8>(&out) == bytemuck::cast_slice::<T, u8>(&first.0);
            assert!(same && events == first.1, "{name} {dtype}: the levels differ");
        }
        first
    }

    /// A finite value as significand and power of 2.
    fn parts(v: f64) -> (BigInt, i32) {
        let (bits, e) = (v.to_bits(), (v.to_bits() >> 52 & 0x7ff) as i32);
        let fraction = bits & ((1 << 52) - 1);
        let m = BigInt::from(if e == 0 { fraction } else { fraction | 1 << 52 });
        (if v < 0.0 { -m } else { m }, e.max(1) - 1075)
    }

    /// The floor of x ÷ y and the remainder of the division toward zero, by whole numbers.
    fn exact(x: f64, y: f64) -> (BigInt, f64) {
        let ((mx, ex), (my, ey)) = (parts(x), parts(y));
        let e = ex.min(ey);
        let (x, y) = (mx << (ex - e), my << (ey - e));
        // Below 2^53, as it is below the operand that was not shifted.
        let rest = (&x % &y).to_f64().unwrap();
        (x.div_floor(&y), rest * 2f64.powi(e / 2) * 2f64.powi(e - e / 2))
    }

    /// NumPy's rows, with quotients of up to `$limit` bits as they are and larger ones by its formula.
    macro_rules! oracle {
        ($t:ident $limit:literal $floor_divide:ident $remainder:ident) => {
            fn $floor_divide(x: $t, y: $t) -> $t {
                let differ = x.is_sign_negative() != y.is_sign_negative();
                if y == 0.0 || x.is_nan() || y.is_nan() {
                    return x / y;
                }
                if x.is_infinite() {
                    return $t::NAN;
                }
                let zero = if differ { -0.0 } else { 0.0 };
                if y.is_infinite() {
                    return if x != 0.0 && differ { -1.0 } else { zero };
                }
                let (floor, rest) = exact(x.into(), y.into());
                if floor.is_zero() {
                    return zero;
                }
                if floor.abs() <= BigInt::from(1u64 << $limit) {
                    return floor.to_f64().unwrap() as $t;
                }
                let quotient = (x - rest as $t) / y - if rest != 0.0 && differ { 1.0 } else { 0.0 };
                quotient.floor() + if quotient - quotient.floor() > 0.5 { 1.0 } else { 0.0 }
            }
            fn $remainder(x: $t, y: $t) -> $t {
                if y == 0.0 || x.is_nan() || y.is_nan() || x.is_infinite() {
                    return $t::NAN;
                }
                let rest = if y.is_infinite() { x } else { exact(x.into(), y.into()).1 as $t };
                match rest {
                    0.0 => (0.0 as $t).copysign(y),
                    rest if (rest < 0.0) != (y < 0.0) => rest + y,
                    rest => rest,
                }
            }
        };
    }
    oracle!(f32 21 floor_divide32 remainder32);
    oracle!(f64 50 floor_divide64 remainder64);

    /// Pairs where division goes wrong: all of the hard values, random bits, quotients of every size beside
    /// whole numbers, and ordinary values.
    macro_rules! pairs {
        ($t:ident $bits:ident $fraction:literal $name:ident) => {
            fn $name(n: usize) -> Vec<($t, $t)> {
                let power = |e: i32| (2.0 as $t).powi(e);
                let least = $t::from_bits(1);
                let mut hard =
                    vec![0.0, least, 3.0 * least, 0.1, 1.0 / 3.0, 3.0, 7.0, 10.0, 1e5, 0.6 * $t::MAX];
                hard.extend([$t::INFINITY, $t::NAN, $t::MAX]);
                let edges = [$t::MIN_POSITIVE, 1.0, 2.0, $t::MAX / 4.0, $t::MAX / 2.0];
                let sizes = [-3, -2, -1, 0, 1].map(|e| power($fraction + e));
                for v in edges.into_iter().chain(sizes) {
                    hard.extend([v, $t::from_bits(v.to_bits() - 1), $t::from_bits(v.to_bits() + 1)]);
                }
                let signed: Vec<$t> = hard.iter().flat_map(|&v| [v, -v]).collect();
                let mut pairs: Vec<($t, $t)> =
                    signed.iter().flat_map(|&x| signed.iter().map(move |&y| (x, y))).collect();
                let mut state = $fraction;
                while pairs.len() < n {
                    let [r, s, u] = [(); 3].map(|_| random(&mut state));
                    let any = |r: u64| $t::from_bits((r >> (64 - $bits::BITS)) as $bits);
                    let unit = |r: u64| (r >> 11) as $t / power(53);
                    let sign = |r: u64| if r & 1 == 0 { 1.0 } else { -1.0 };
                    // Few bits of y let the product be whole.
                    let y = $t::from_bits(unit(r).to_bits() & ($bits::MAX << (u % $fraction)));
                    let y = y * power((s % 60) as i32 - 40) * sign(s >> 8);
                    let quotient = (r >> (64 - (1 + u % ($fraction + 2)))) as $t;
                    let beside = (quotient * y).to_bits().wrapping_add((s % 3) as $bits).wrapping_sub(1);
                    pairs.push(match pairs.len() / 256 % 5 {
                        0 => (any(r), any(s)),
                        // Subnormal divisors, and both.
                        1 => (any(r), any(s) * $t::MIN_POSITIVE * unit(u)),
                        2 => (any(r >> (u % 9)), any(s >> (r % 30))),
                        3 => ($t::from_bits(beside) * sign(r), y),
                        _ => ((unit(r) * 2e3 - 1e3).trunc() * sign(u), unit(s) * 20.0),
                    });
                }
                pairs
            }
        };
    }
    pairs!(f32 u32 23 pairs32);
    pairs!(f64 u64 52 pairs64);

    macro_rules! check_floats {
        ($t:ident $dtype:ident $floor_divide:ident $remainder:ident $pairs:ident) => {
            let pairs = $pairs(60_000);
            for (name, f) in [("floor_divide", $floor_divide as fn($t, $t) -> $t), ("remainder", $remainder)]
            {
                let expected: Vec<$t> = pairs.iter().map(|&(x, y)| f(x, y)).collect();
                // As they are, and few among ordinary ones.
                for step in [1, 7, 40] {
                    let n = pairs.len() * step;
                    let at = |i: usize| if i % step == 0 { pairs[i / step] } else { (7.5, 2.0) };
                    let (got, _) = row(name, $dtype, &(0..n).map(at).collect::<Vec<_>>());
                    for (i, (&g, e)) in got.iter().step_by(step).zip(&expected).enumerate() {
                        let e = if e.is_nan() { $t::NAN } else { *e };
                        let (x, y) = pairs[i];
                        assert_eq!(g.to_bits(), e.to_bits(), "{name} {x:e} {y:e}: {g:e} is not {e:e}");
                    }
                    let ordinary = if name == "remainder" { 1.5 } else { 3.0 };
                    assert!((0..n).all(|i| i % step == 0 || got[i] == ordinary), "{name} {step}");
                }
            }
        };
    }

    #[test]
    fn floats_divide_as_whole_numbers_do() {
        check_floats!(f32 F32 floor_divide32 remainder32 pairs32);
        check_floats!(f64 F64 floor_divide64 remainder64 pairs64);
    }

    #[test]
    fn float16_divides_as_float32_and_is_rounded_once() {
        let mut state = 16;
        let bits: Vec<[u16; 2]> = (0..200_000)
            .map(|_| [(); 2].map(|_| random(&mut state) as u16))
            .chain((0..=u16::MAX).map(|b| [b, b.rotate_left(3)]))
            .collect();
        let pairs: Vec<(u16, u16)> = bits.iter().map(|&[x, y]| (x, y)).collect();
        for (name, f) in [("floor_divide", floor_divide32 as fn(f32, f32) -> f32), ("remainder", remainder32)]
        {
            let (got, _) = row(name, F16, &pairs);
            for (&(x, y), g) in pairs.iter().zip(got) {
                let [a, b] = [x, y].map(|bits| f16::from_bits(bits).to_f32());
                let e = f16::from_f32(f(a, b));
                assert_eq!(g, if e.is_nan() { 0x7e00 } else { e.to_bits() }, "{name} {a:e} {b:e}");
            }
        }
    }

    macro_rules! check_integers {
        ($($t:ident $dtype:ident;)*) => { $( {
            let mut state = $t::BITS as u64;
            // Bits of every length: small numbers as often as large ones.
            let mut any = || {
                let (r, s) = (random(&mut state), random(&mut state));
                let v = (r >> (64 - (1 + s % 64))) as $t;
                if s & 64 == 0 { v } else { (0 as $t).wrapping_sub(v) }
            };
            let mut pairs: Vec<($t, $t)> = Vec::new();
            if $t::BITS == 8 {
                pairs.extend((0..=u16::MAX).map(|v| ((v >> 8) as $t, v as $t)));
            }
            let divisors = if $t::BITS == 16 { 1 << 16 } else { 20_000 };
            for i in 0..divisors {
                let y = if $t::BITS == 16 { i as $t } else { any() };
                // The largest multiples of y, and another, with what is beside them.
                let largest = (if i % 2 == 0 { $t::MAX } else { $t::MIN } as i128) / (y as i128 + (y == 0) as i128);
                for quotient in [largest, largest - 1, any() as i128] {
                    let x = (quotient as $t).wrapping_mul(y);
                    pairs.extend([x, x.wrapping_sub(1), x.wrapping_add(1), any()].map(|x| (x, y)));
                }
            }
            pairs.extend([($t::MIN, (0 as $t).wrapping_sub(1)), ($t::MIN, $t::MAX), ($t::MAX, $t::MIN)]);
            let whole: Vec<($t, $t)> = pairs.iter().copied().filter(|p| p.1 != 0).collect();
            assert!(whole.len() < pairs.len());
            for (name, f) in
                [("floor_divide", <i128 as Integer>::div_floor as fn(&i128, &i128) -> i128), ("remainder", Integer::mod_floor)]
            {
                for (pairs, event) in [(&pairs, Events::DIVIDE_BY_ZERO), (&whole, Events::NONE)] {
                    // Few among ordinary ones too: large ones of 64 bits take another way there.
                    for step in [1, 7] {
                        let at = |i: usize| if i % step == 0 { pairs[i / step] } else { (15, 2) };
                        let (got, events) = row(name, $dtype, &(0..pairs.len() * step).map(at).collect::<Vec<_>>());
                        assert_eq!(events, event, "{name} {}", $dtype);
                        for (&(x, y), &g) in pairs.iter().zip(got.iter().step_by(step)) {
                            let e = if y == 0 { 0 } else { f(&(x as i128), &(y as i128)) as $t };
                            assert_eq!(g, e, "{name} {} {x} {y}", $dtype);
                        }
                        let ordinary = if name == "remainder" { 1 } else { 7 };
                        assert!(got.iter().enumerate().all(|(i, &g)| i % step == 0 || g == ordinary), "{name}");
                    }
                }
            }
        } )* };
    }

    #[test]
    fn integers_divide_as_wider_ones_do() {
        check_integers!(u8 U8; i8 I8; u16 U16; i16 I16; u32 U32; i32 I32; u64 U64; i64 I64;);
    }
}
