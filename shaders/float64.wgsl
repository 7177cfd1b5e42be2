// float64 on bits: all that needs no float unit, so it serves every device with 64-bit integers. A
// result that is computed is never any NaN but the one quiet NaN.

const NAN64: u64 = 0x7ff8000000000000lu;
const ONE64: u64 = 0x3ff0000000000000lu;
const INF64: u64 = 0x7ff0000000000000lu;
const SIGN64: u64 = 0x8000000000000000lu;
const SIZE64: u64 = 0x7ffffffffffffffflu;

fn is_nan64(a: u64) -> bool { return (a & SIZE64) > INF64; }
fn unordered64(a: u64, b: u64) -> bool { return is_nan64(a) || is_nan64(b); }

// The bits themselves, or the one NaN.
fn quiet64(a: u64) -> u64 { return select(a, NAN64, is_nan64(a)); }

fn negative_float64(a: u64) -> u64 { return a ^ SIGN64; }
fn absolute_float64(a: u64) -> u64 { return a & SIZE64; }
fn copysign_float64(a: u64, b: u64) -> u64 { return (a & SIZE64) | (b & SIGN64); }
fn signbit_float64(a: u64) -> u32 { return u32(a >> 63u); }
fn isnan_float64(a: u64) -> u32 { return u32(is_nan64(a)); }
fn isinf_float64(a: u64) -> u32 { return u32((a & SIZE64) == INF64); }
fn isfinite_float64(a: u64) -> u32 { return u32((a & SIZE64) < INF64); }

fn sign_float64(a: u64) -> u64 {
    let one = (a & SIGN64) | ONE64;
    return quiet64(select(select(one, 0lu, (a & SIZE64) == 0lu), a, is_nan64(a)));
}

// An integer that compares as the float does: the zeros are one.
fn key64(a: u64) -> i64 {
    let size = a & SIZE64;
    return bitcast<i64>(select(size, 0lu - size, a >= SIGN64));
}

// An integer that orders as the float does, −0 below +0.
fn order64(a: u64) -> i64 { return bitcast<i64>(select(a, a ^ SIZE64, a >= SIGN64)); }

fn equal_float64(a: u64, b: u64) -> u32 { return u32(!unordered64(a, b) && key64(a) == key64(b)); }
fn not_equal_float64(a: u64, b: u64) -> u32 { return u32(unordered64(a, b) || key64(a) != key64(b)); }
fn less_float64(a: u64, b: u64) -> u32 { return u32(!unordered64(a, b) && key64(a) < key64(b)); }
fn less_equal_float64(a: u64, b: u64) -> u32 { return u32(!unordered64(a, b) && key64(a) <= key64(b)); }

// Away from zero is one more, towards it one less.
fn nextafter_float64(x: u64, y: u64) -> u64 {
    if (unordered64(x, y)) { return NAN64; }
    if (key64(x) == key64(y)) { return y; }
    if ((x & SIZE64) == 0lu) { return (y & SIGN64) | 1lu; }
    return select(x - 1lu, x + 1lu, (key64(x) < key64(y)) == (x < SIGN64));
}

fn heaviside_float64(x: u64, h: u64) -> u64 {
    if (is_nan64(x)) { return NAN64; }
    if ((x & SIZE64) == 0lu) { return quiet64(h); }
    return select(0lu, ONE64, x < SIGN64);
}

fn lesser64(a: u64, b: u64) -> u64 { return select(b, a, order64(a) < order64(b)); }
fn greater64(a: u64, b: u64) -> u64 { return select(b, a, order64(a) > order64(b)); }
fn minimum_float64(a: u64, b: u64) -> u64 { return select(lesser64(a, b), NAN64, unordered64(a, b)); }
fn maximum_float64(a: u64, b: u64) -> u64 { return select(greater64(a, b), NAN64, unordered64(a, b)); }
fn fmin_float64(a: u64, b: u64) -> u64 {
    return quiet64(select(select(lesser64(a, b), b, is_nan64(a)), a, is_nan64(b)));
}
fn fmax_float64(a: u64, b: u64) -> u64 {
    return quiet64(select(select(greater64(a, b), b, is_nan64(a)), a, is_nan64(b)));
}
fn clip_float64(x: u64, lo: u64, hi: u64) -> u64 { return minimum_float64(maximum_float64(x, lo), hi); }

// The bits behind the point, for an exponent field from 1023 to 1074: below it every bit is, above none.
fn fraction64(a: u64) -> u64 { return 0xffffffffffffflu >> ((u32(a >> 52u) & 0x7ffu) - 1023u); }
fn is_below_one64(a: u64) -> bool { return (a & SIZE64) < ONE64; }
fn is_whole64(a: u64) -> bool { return (a & SIZE64) >= 0x4330000000000000lu; }

// To whole numbers, toward zero and away from it. A carry out of the fraction raises the exponent.
fn trunc_float64(a: u64) -> u64 {
    if (is_whole64(a)) { return quiet64(a); }
    if (is_below_one64(a)) { return a & SIGN64; }
    return a & ~fraction64(a);
}

fn grow64(a: u64) -> u64 {
    if (is_whole64(a)) { return quiet64(a); }
    if (is_below_one64(a)) { return select((a & SIGN64) | ONE64, a, (a & SIZE64) == 0lu); }
    let fraction = fraction64(a);
    return (a + fraction) & ~fraction;
}

fn floor_float64(a: u64) -> u64 {
    if (a >= SIGN64) { return grow64(a); }
    return trunc_float64(a);
}

fn ceil_float64(a: u64) -> u64 {
    if (a >= SIGN64) { return trunc_float64(a); }
    return grow64(a);
}

fn round_float64(a: u64) -> u64 {
    if (is_whole64(a)) { return quiet64(a); }
    // One half is a tie, to 0.
    if (is_below_one64(a)) { return (a & SIGN64) | select(0lu, ONE64, (a & SIZE64) > 0x3fe0000000000000lu); }
    let fraction = fraction64(a);
    // The bit of 1 says whether the whole part is odd; for 1 itself it is the exponent's last, set too.
    let odd = select(0lu, 1lu, (a & (fraction + 1lu)) != 0lu);
    return (a + (fraction >> 1u) + odd) & ~fraction;
}

// A significand with its hidden bit, and the exponent as a field; for what is neither 0, infinite nor NaN.
struct Parts64 { m: u64, e: i32 }

fn parts64(size: u64) -> Parts64 {
    let m = size & 0xffffffffffffflu;
    let e = i32(u32(size >> 52u));
    if (e > 0) { return Parts64(m | 0x10000000000000lu, e); }
    let high = countLeadingZeros(high64(m));
    let up = select(high, 32u + countLeadingZeros(low64(m)), high == 32u) - 11u;
    return Parts64(m << up, 1 - i32(up));
}

// 0, infinity or NaN.
fn has_no_parts64(size: u64) -> bool { return size == 0lu || size >= INF64; }

fn frexp_mantissa_float64(a: u64) -> u64 {
    let size = a & SIZE64;
    if (has_no_parts64(size)) { return a; }
    let half = 0x3fe0000000000000lu;
    return (a & SIGN64) | half | (parts64(size).m & 0xffffffffffffflu);
}

fn frexp_exponent_float64(a: u64) -> u32 {
    let size = a & SIZE64;
    if (has_no_parts64(size)) { return 0u; }
    return bitcast<u32>(parts64(size).e - 1022);
}

// A whole number, cut off where no exponent goes.
fn whole_power64(n: u64) -> i32 {
    let size = n & SIZE64;
    let e = i32(u32(size >> 52u)) - 1023;
    if (e < 0) { return 0; }
    var v = 4095;
    if (e < 12) { v = i32(u32(((size & 0xffffffffffffflu) | 0x10000000000000lu) >> u32(52 - e))); }
    return select(v, -v, n >= SIGN64);
}

// x · 2^n, rounded once, ties to even.
fn ldexp_float64(x: u64, n: u64) -> u64 {
    let size = x & SIZE64;
    if (has_no_parts64(size)) { return quiet64(x); }
    let sign = x & SIGN64;
    let v = parts64(size);
    let e = v.e + whole_power64(n);
    if (e >= 2047) { return sign | INF64; }
    // The hidden bit adds the last unit of the exponent.
    if (e > 0) { return sign | ((u64(u32(e - 1)) << 52u) + v.m); }
    let cut = u32(min(1 - e, 55));
    let half = 1lu << (cut - 1u);
    return sign | ((v.m + (half - 1lu) + ((v.m >> cut) & 1lu)) >> cut);
}

// The last bit's value: a power of 2, which may be subnormal, with the sign of x.
fn spacing_float64(a: u64) -> u64 {
    let size = a & SIZE64;
    if (size >= INF64) { return NAN64; }
    if (size == INF64 - 1lu) { return (a & SIGN64) | INF64; }
    let field = i32(u32(size >> 52u));
    let small = 1lu << u32(clamp(field - 1, 0, 52));
    let unit = select(small, u64(u32(max(field - 52, 0))) << 52u, field > 52);
    return select(unit | (a & SIGN64), unit, size == 0lu);
}
