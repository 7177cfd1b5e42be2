//! Formulas of common divisors and multiples of integers.

use super::arith::formulas;
use super::kernel::Binary;

formulas!(Gcd, Lcm);

/// The greatest common divisor (Stein's algorithm); the other one where one is 0.
macro_rules! divisor {
    ($($gcd:ident $u:ident;)*) => { $(
        #[inline(always)]
        fn $gcd(a: $u, b: $u) -> $u {
            if a == 0 || b == 0 {
                return a | b;
            }
            let twos = (a | b).trailing_zeros();
            let (mut a, mut b) = (a >> a.trailing_zeros(), b >> b.trailing_zeros());
            while a != b {
                let (less, more) = if a < b { (a, b) } else { (b, a) };
                let rest = more - less;
                (a, b) = (less, rest >> rest.trailing_zeros());
            }
            a << twos
        }
    )* };
}
divisor! {
    gcd32 u32;
    gcd64 u64;
}

/// `$t` by its magnitude in `$u`, which the least value has too.
macro_rules! integers {
    ($($t:ident |$v:ident| $size:expr, $gcd:ident $u:ident;)*) => { $(
        impl Binary<$t> for Gcd {
            type Out = $t;
            #[inline(always)]
            fn f(a: $t, b: $t) -> $t {
                let size = |$v: $t| $size as $u;
                $gcd(size(a), size(b)) as $t
            }
        }
        impl Binary<$t> for Lcm {
            type Out = $t;
            #[inline(always)]
            fn f(a: $t, b: $t) -> $t {
                let size = |$v: $t| $size as $u;
                let divisor = $gcd(size(a), size(b));
                (if divisor == 0 { 0 } else { (size(a) / divisor).wrapping_mul(size(b)) }) as $t
            }
        }
    )* };
}
integers! {
    u8 |v| v, gcd32 u32;
    u16 |v| v, gcd32 u32;
    u32 |v| v, gcd32 u32;
    u64 |v| v, gcd64 u64;
    i8 |v| v.unsigned_abs(), gcd32 u32;
    i16 |v| v.unsigned_abs(), gcd32 u32;
    i32 |v| v.unsigned_abs(), gcd32 u32;
    i64 |v| v.unsigned_abs(), gcd64 u64;
}
