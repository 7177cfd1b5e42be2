// float32 on bits. A result that is computed is never any NaN but the one quiet NaN.
//
// Only sums and products use the device's float unit. Everything else is integer code, so that it is
// right where the float unit drops NaN, the sign of zero or subnormals.

const NAN32: u32 = 0x7fc00000u;
const ONE32: u32 = 0x3f800000u;
const SIGN32: u32 = 0x80000000u;

fn is_nan32(a: u32) -> bool { return (a & 0x7fffffffu) > 0x7f800000u; }
fn unordered32(a: u32, b: u32) -> bool { return is_nan32(a) || is_nan32(b); }

// The bits themselves, or the one NaN.
fn quiet32(a: u32) -> u32 { return select(a, NAN32, is_nan32(a)); }

// The bits of a computed value, whatever NaN it may be.
fn canonical32(v: f32) -> u32 { return quiet32(bitcast<u32>(v)); }

fn add_float32(a: u32, b: u32) -> u32 { return canonical32(bitcast<f32>(a) + bitcast<f32>(b)); }
fn subtract_float32(a: u32, b: u32) -> u32 { return canonical32(bitcast<f32>(a) - bitcast<f32>(b)); }
fn multiply_float32(a: u32, b: u32) -> u32 { return canonical32(bitcast<f32>(a) * bitcast<f32>(b)); }
fn square_float32(a: u32) -> u32 { return multiply_float32(a, a); }
// By 180/π and π/180.
fn degrees_float32(a: u32) -> u32 { return multiply_float32(a, 0x42652ee0u); }
fn radians_float32(a: u32) -> u32 { return multiply_float32(a, 0x3c8efa35u); }

fn negative_float32(a: u32) -> u32 { return a ^ SIGN32; }
fn absolute_float32(a: u32) -> u32 { return a & 0x7fffffffu; }
fn copysign_float32(a: u32, b: u32) -> u32 { return (a & 0x7fffffffu) | (b & SIGN32); }
fn signbit_float32(a: u32) -> u32 { return a >> 31u; }
fn isnan_float32(a: u32) -> u32 { return u32(is_nan32(a)); }
fn isinf_float32(a: u32) -> u32 { return u32((a & 0x7fffffffu) == 0x7f800000u); }
fn isfinite_float32(a: u32) -> u32 { return u32((a & 0x7fffffffu) < 0x7f800000u); }

fn sign_float32(a: u32) -> u32 {
    let one = (a & SIGN32) | ONE32;
    return quiet32(select(select(one, 0u, (a & 0x7fffffffu) == 0u), a, is_nan32(a)));
}

// An integer that compares as the float does: the zeros are one.
fn key32(a: u32) -> i32 {
    let size = bitcast<i32>(a & 0x7fffffffu);
    return select(size, -size, a >= SIGN32);
}

// An integer that orders as the float does, −0 below +0.
fn order32(a: u32) -> i32 {
    let v = bitcast<i32>(a);
    return select(v, v ^ 0x7fffffff, v < 0);
}

fn equal_float32(a: u32, b: u32) -> u32 { return u32(!unordered32(a, b) && key32(a) == key32(b)); }
fn not_equal_float32(a: u32, b: u32) -> u32 { return u32(unordered32(a, b) || key32(a) != key32(b)); }
fn less_float32(a: u32, b: u32) -> u32 { return u32(!unordered32(a, b) && key32(a) < key32(b)); }
fn less_equal_float32(a: u32, b: u32) -> u32 { return u32(!unordered32(a, b) && key32(a) <= key32(b)); }

// Away from zero is one more, towards it one less.
fn nextafter_float32(x: u32, y: u32) -> u32 {
    if (unordered32(x, y)) { return NAN32; }
    if (key32(x) == key32(y)) { return y; }
    if ((x & 0x7fffffffu) == 0u) { return (y & SIGN32) | 1u; }
    return select(x - 1u, x + 1u, (key32(x) < key32(y)) == (x < SIGN32));
}

fn heaviside_float32(x: u32, h: u32) -> u32 {
    if (is_nan32(x)) { return NAN32; }
    if ((x & 0x7fffffffu) == 0u) { return quiet32(h); }
    return select(0u, ONE32, x < SIGN32);
}

fn lesser32(a: u32, b: u32) -> u32 { return select(b, a, order32(a) < order32(b)); }
fn greater32(a: u32, b: u32) -> u32 { return select(b, a, order32(a) > order32(b)); }
fn minimum_float32(a: u32, b: u32) -> u32 { return select(lesser32(a, b), NAN32, unordered32(a, b)); }
fn maximum_float32(a: u32, b: u32) -> u32 { return select(greater32(a, b), NAN32, unordered32(a, b)); }
fn fmin_float32(a: u32, b: u32) -> u32 {
    return quiet32(select(select(lesser32(a, b), b, is_nan32(a)), a, is_nan32(b)));
}
fn fmax_float32(a: u32, b: u32) -> u32 {
    return quiet32(select(select(greater32(a, b), b, is_nan32(a)), a, is_nan32(b)));
}
fn clip_float32(x: u32, lo: u32, hi: u32) -> u32 { return minimum_float32(maximum_float32(x, lo), hi); }

// The bits behind the point, for an exponent field from 127 to 149: below it every bit is, above none.
fn fraction32(a: u32) -> u32 { return 0x7fffffu >> (((a >> 23u) & 0xffu) - 127u); }
fn is_below_one32(a: u32) -> bool { return (a & 0x7fffffffu) < ONE32; }
fn is_whole32(a: u32) -> bool { return (a & 0x7fffffffu) >= 0x4b000000u; }

// To whole numbers, toward zero and away from it. A carry out of the fraction raises the exponent.
fn trunc_float32(a: u32) -> u32 {
    if (is_whole32(a)) { return quiet32(a); }
    if (is_below_one32(a)) { return a & SIGN32; }
    return a & ~fraction32(a);
}

fn grow32(a: u32) -> u32 {
    if (is_whole32(a)) { return quiet32(a); }
    if (is_below_one32(a)) { return select((a & SIGN32) | ONE32, a, (a & 0x7fffffffu) == 0u); }
    let fraction = fraction32(a);
    return (a + fraction) & ~fraction;
}

fn floor_float32(a: u32) -> u32 {
    if (a >= SIGN32) { return grow32(a); }
    return trunc_float32(a);
}

fn ceil_float32(a: u32) -> u32 {
    if (a >= SIGN32) { return trunc_float32(a); }
    return grow32(a);
}

fn round_float32(a: u32) -> u32 {
    if (is_whole32(a)) { return quiet32(a); }
    // One half is a tie, to 0.
    if (is_below_one32(a)) { return (a & SIGN32) | select(0u, ONE32, (a & 0x7fffffffu) > 0x3f000000u); }
    let fraction = fraction32(a);
    // The bit of 1 says whether the whole part is odd; for 1 itself it is the exponent's last, set too.
    let odd = u32((a & (fraction + 1u)) != 0u);
    return (a + (fraction >> 1u) + odd) & ~fraction;
}

// A significand with its hidden bit, and the exponent as a field; for what is neither 0, infinite nor NaN.
struct Parts32 { m: u32, e: i32 }

fn parts32(size: u32) -> Parts32 {
    let m = size & 0x7fffffu;
    let e = i32(size >> 23u);
    if (e > 0) { return Parts32(m | 0x800000u, e); }
    let up = countLeadingZeros(m) - 8u;
    return Parts32(m << up, 1 - i32(up));
}

// 0, infinity or NaN.
fn has_no_parts32(size: u32) -> bool { return size == 0u || size >= 0x7f800000u; }

fn frexp_mantissa_float32(a: u32) -> u32 {
    let size = a & 0x7fffffffu;
    if (has_no_parts32(size)) { return a; }
    let half = 0x3f000000u;
    return (a & SIGN32) | half | (parts32(size).m & 0x7fffffu);
}

fn frexp_exponent_float32(a: u32) -> u32 {
    let size = a & 0x7fffffffu;
    if (has_no_parts32(size)) { return 0u; }
    return bitcast<u32>(parts32(size).e - 126);
}

// A whole number, cut off where no exponent goes.
fn whole_power32(n: u32) -> i32 {
    let size = n & 0x7fffffffu;
    let e = i32(size >> 23u) - 127;
    if (e < 0) { return 0; }
    var v = 4095;
    if (e < 12) { v = i32(((size & 0x7fffffu) | 0x800000u) >> u32(23 - e)); }
    return select(v, -v, n >= SIGN32);
}

// x · 2^n, rounded once, ties to even.
fn ldexp_float32(x: u32, n: u32) -> u32 {
    let size = x & 0x7fffffffu;
    if (has_no_parts32(size)) { return quiet32(x); }
    let sign = x & SIGN32;
    let v = parts32(size);
    let e = v.e + whole_power32(n);
    if (e >= 255) { return sign | 0x7f800000u; }
    // The hidden bit adds the last unit of the exponent.
    if (e > 0) { return sign | ((u32(e - 1) << 23u) + v.m); }
    let cut = u32(min(1 - e, 26));
    let half = 1u << (cut - 1u);
    return sign | ((v.m + (half - 1u) + ((v.m >> cut) & 1u)) >> cut);
}

// The last bit's value: a power of 2, which may be subnormal, with the sign of x.
fn spacing_float32(a: u32) -> u32 {
    let size = a & 0x7fffffffu;
    if (size >= 0x7f800000u) { return NAN32; }
    if (size == 0x7f800000u - 1u) { return (a & SIGN32) | 0x7f800000u; }
    let field = i32(size >> 23u);
    let small = 1u << u32(clamp(field - 1, 0, 23));
    let unit = select(small, u32(max(field - 23, 0)) << 23u, field > 23);
    return select(unit | (a & SIGN32), unit, size == 0u);
}
