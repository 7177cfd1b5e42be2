// Integers of up to 32 bits, and bools, as 32-bit words. Where two's complement makes the sign not
// matter, a function is that of uint32. Narrow integers share these functions: their words are extended
// by their sign, and a result that may leave their range is wrapped back into it.

fn wrap_int8(v: u32) -> u32 { return bitcast<u32>(bitcast<i32>(v << 24u) >> 24u); }
fn wrap_int16(v: u32) -> u32 { return bitcast<u32>(bitcast<i32>(v << 16u) >> 16u); }
fn wrap_uint8(v: u32) -> u32 { return v & 0xffu; }
fn wrap_uint16(v: u32) -> u32 { return v & 0xffffu; }

fn add_uint32(a: u32, b: u32) -> u32 { return a + b; }
fn subtract_uint32(a: u32, b: u32) -> u32 { return a - b; }
fn multiply_uint32(a: u32, b: u32) -> u32 { return a * b; }
fn square_uint32(a: u32) -> u32 { return a * a; }
fn negative_uint32(a: u32) -> u32 { return 0u - a; }
fn absolute_int32(a: u32) -> u32 { return select(a, 0u - a, a >= 0x80000000u); }

fn bitwise_and_uint32(a: u32, b: u32) -> u32 { return a & b; }
fn bitwise_or_uint32(a: u32, b: u32) -> u32 { return a | b; }
fn bitwise_xor_uint32(a: u32, b: u32) -> u32 { return a ^ b; }
fn invert_uint32(a: u32) -> u32 { return ~a; }
fn invert_bool(a: u32) -> u32 { return a ^ 1u; }

fn bitwise_count_uint32(a: u32) -> u32 { return countOneBits(a); }
fn bitwise_count_int32(a: u32) -> u32 { return countOneBits(absolute_int32(a)); }

// What is no float is never NaN, never infinite, and finite.
fn isnan_bool(a: u32) -> u32 { return 0u; }
fn isinf_bool(a: u32) -> u32 { return 0u; }
fn isfinite_bool(a: u32) -> u32 { return 1u; }

fn where_uint32(c: u32, x: u32, y: u32) -> u32 { return select(y, x, c != 0u); }

fn sign_uint32(a: u32) -> u32 { return u32(a != 0u); }
fn sign_int32(a: u32) -> u32 { return select(u32(a != 0u), 0xffffffffu, a >= 0x80000000u); }

fn equal_uint32(a: u32, b: u32) -> u32 { return u32(a == b); }
fn not_equal_uint32(a: u32, b: u32) -> u32 { return u32(a != b); }
fn less_uint32(a: u32, b: u32) -> u32 { return u32(a < b); }
fn less_equal_uint32(a: u32, b: u32) -> u32 { return u32(a <= b); }
fn less_int32(a: u32, b: u32) -> u32 { return u32(bitcast<i32>(a) < bitcast<i32>(b)); }
fn less_equal_int32(a: u32, b: u32) -> u32 { return u32(bitcast<i32>(a) <= bitcast<i32>(b)); }

fn minimum_uint32(a: u32, b: u32) -> u32 { return min(a, b); }
fn maximum_uint32(a: u32, b: u32) -> u32 { return max(a, b); }
fn minimum_int32(a: u32, b: u32) -> u32 { return bitcast<u32>(min(bitcast<i32>(a), bitcast<i32>(b))); }
fn maximum_int32(a: u32, b: u32) -> u32 { return bitcast<u32>(max(bitcast<i32>(a), bitcast<i32>(b))); }
fn clip_uint32(x: u32, lo: u32, hi: u32) -> u32 { return min(max(x, lo), hi); }
fn clip_int32(x: u32, lo: u32, hi: u32) -> u32 { return minimum_int32(maximum_int32(x, lo), hi); }

// A count that is negative or not below the width shifts everything out. Counts from a narrow
// integer's width to 31 do so by themselves.
fn left_shift_uint32(a: u32, b: u32) -> u32 { return select(0u, a << (b & 31u), b < 32u); }
fn right_shift_uint32(a: u32, b: u32) -> u32 { return select(0u, a >> (b & 31u), b < 32u); }
fn right_shift_int32(a: u32, b: u32) -> u32 { return bitcast<u32>(bitcast<i32>(a) >> min(b, 31u)); }

fn floor_divide_uint32(a: u32, b: u32) -> u32 {
    if (b == 0u) {
        noticed |= 1u;
        return 0u;
    }
    return a / b;
}

fn remainder_uint32(a: u32, b: u32) -> u32 {
    if (b == 0u) {
        noticed |= 1u;
        return 0u;
    }
    return a % b;
}

fn floor_divide_int32(a: u32, b: u32) -> u32 {
    if (b == 0u) {
        noticed |= 1u;
        return 0u;
    }
    // The least integer by −1 has no quotient; it wraps.
    if (b == 0xffffffffu) { return 0u - a; }
    let x = bitcast<i32>(a);
    let y = bitcast<i32>(b);
    let quotient = x / y;
    let rest = x - quotient * y;
    return bitcast<u32>(select(quotient, quotient - 1, rest != 0 && (rest < 0) != (y < 0)));
}

fn remainder_int32(a: u32, b: u32) -> u32 {
    if (b == 0u) {
        noticed |= 1u;
        return 0u;
    }
    if (b == 0xffffffffu) { return 0u; }
    let x = bitcast<i32>(a);
    let y = bitcast<i32>(b);
    let rest = x - (x / y) * y;
    return bitcast<u32>(select(rest, rest + y, rest != 0 && (rest < 0) != (y < 0)));
}

fn reciprocal_uint32(a: u32) -> u32 {
    if (a == 0u) { noticed |= 1u; }
    return u32(a == 1u);
}

fn reciprocal_int32(a: u32) -> u32 {
    if (a == 0u) { noticed |= 1u; }
    return select(0u, a, a == 1u || a == 0xffffffffu);
}

fn power_uint32(a: u32, b: u32) -> u32 {
    var power = 1u;
    var square = a;
    for (var left = b; left != 0u; left >>= 1u) {
        if ((left & 1u) != 0u) { power *= square; }
        square *= square;
    }
    return power;
}

fn power_int32(a: u32, b: u32) -> u32 {
    if (b >= 0x80000000u) {
        noticed |= 2u;
        return 0u;
    }
    return power_uint32(a, b);
}

fn fmod_uint32(a: u32, b: u32) -> u32 { return remainder_uint32(a, b); }

// The remainder of the sizes, with the sign of the dividend.
fn fmod_int32(a: u32, b: u32) -> u32 {
    let rest = remainder_uint32(absolute_int32(a), absolute_int32(b));
    return select(rest, 0u - rest, a >= 0x80000000u);
}

// Euclid's algorithm; the other one where one is 0.
fn gcd_uint32(a: u32, b: u32) -> u32 {
    var x = a;
    var y = b;
    while (y != 0u) {
        let rest = x % y;
        x = y;
        y = rest;
    }
    return x;
}

fn gcd_int32(a: u32, b: u32) -> u32 { return gcd_uint32(absolute_int32(a), absolute_int32(b)); }

fn lcm_uint32(a: u32, b: u32) -> u32 {
    let divisor = gcd_uint32(a, b);
    return select(a / max(divisor, 1u) * b, 0u, divisor == 0u);
}

fn lcm_int32(a: u32, b: u32) -> u32 { return lcm_uint32(absolute_int32(a), absolute_int32(b)); }
