// 64-bit integers as u64, for devices with 64-bit integers. Where two's complement makes the sign not
// matter, a function is that of uint64.

fn is_negative64(a: u64) -> bool { return (a >> 63u) != 0lu; }

fn add_uint64(a: u64, b: u64) -> u64 { return a + b; }
fn subtract_uint64(a: u64, b: u64) -> u64 { return a - b; }
fn multiply_uint64(a: u64, b: u64) -> u64 { return a * b; }
fn square_uint64(a: u64) -> u64 { return a * a; }
fn negative_uint64(a: u64) -> u64 { return 0lu - a; }
fn absolute_int64(a: u64) -> u64 { return select(a, 0lu - a, is_negative64(a)); }
fn bitwise_count_uint64(a: u64) -> u32 { return countOneBits(low64(a)) + countOneBits(high64(a)); }
fn bitwise_count_int64(a: u64) -> u32 { return bitwise_count_uint64(absolute_int64(a)); }

fn bitwise_and_uint64(a: u64, b: u64) -> u64 { return a & b; }
fn bitwise_or_uint64(a: u64, b: u64) -> u64 { return a | b; }
fn bitwise_xor_uint64(a: u64, b: u64) -> u64 { return a ^ b; }
fn invert_uint64(a: u64) -> u64 { return ~a; }

fn where_uint64(c: u32, x: u64, y: u64) -> u64 { return select(y, x, c != 0u); }

fn sign_uint64(a: u64) -> u64 { return select(0lu, 1lu, a != 0lu); }
fn sign_int64(a: u64) -> u64 { return select(sign_uint64(a), 0xfffffffffffffffflu, is_negative64(a)); }

fn equal_uint64(a: u64, b: u64) -> u32 { return u32(a == b); }
fn not_equal_uint64(a: u64, b: u64) -> u32 { return u32(a != b); }
fn less_uint64(a: u64, b: u64) -> u32 { return u32(a < b); }
fn less_equal_uint64(a: u64, b: u64) -> u32 { return u32(a <= b); }
fn less_int64(a: u64, b: u64) -> u32 { return u32(bitcast<i64>(a) < bitcast<i64>(b)); }
fn less_equal_int64(a: u64, b: u64) -> u32 { return u32(bitcast<i64>(a) <= bitcast<i64>(b)); }

// By value, where no dtype holds both.
fn equal_int64_uint64(a: u64, b: u64) -> u32 { return u32(!is_negative64(a) && a == b); }
fn not_equal_int64_uint64(a: u64, b: u64) -> u32 { return u32(is_negative64(a) || a != b); }
fn less_int64_uint64(a: u64, b: u64) -> u32 { return u32(is_negative64(a) || a < b); }
fn less_equal_int64_uint64(a: u64, b: u64) -> u32 { return u32(is_negative64(a) || a <= b); }
fn less_uint64_int64(a: u64, b: u64) -> u32 { return u32(!is_negative64(b) && a < b); }
fn less_equal_uint64_int64(a: u64, b: u64) -> u32 { return u32(!is_negative64(b) && a <= b); }

fn minimum_uint64(a: u64, b: u64) -> u64 { return select(b, a, a < b); }
fn maximum_uint64(a: u64, b: u64) -> u64 { return select(b, a, a > b); }
fn minimum_int64(a: u64, b: u64) -> u64 { return select(b, a, bitcast<i64>(a) < bitcast<i64>(b)); }
fn maximum_int64(a: u64, b: u64) -> u64 { return select(b, a, bitcast<i64>(a) > bitcast<i64>(b)); }
fn clip_uint64(x: u64, lo: u64, hi: u64) -> u64 { return minimum_uint64(maximum_uint64(x, lo), hi); }
fn clip_int64(x: u64, lo: u64, hi: u64) -> u64 { return minimum_int64(maximum_int64(x, lo), hi); }

// A count that is negative or not below the width shifts everything out.
fn left_shift_uint64(a: u64, b: u64) -> u64 { return select(0lu, a << (low64(b) & 63u), b < 64lu); }
fn right_shift_uint64(a: u64, b: u64) -> u64 { return select(0lu, a >> (low64(b) & 63u), b < 64lu); }
fn right_shift_int64(a: u64, b: u64) -> u64 {
    return bitcast<u64>(bitcast<i64>(a) >> select(63u, low64(b), b < 64lu));
}

fn floor_divide_uint64(a: u64, b: u64) -> u64 {
    if (b == 0lu) {
        noticed |= 1u;
        return 0lu;
    }
    return a / b;
}

fn remainder_uint64(a: u64, b: u64) -> u64 {
    if (b == 0lu) {
        noticed |= 1u;
        return 0lu;
    }
    return a % b;
}

// The signed division is made of the unsigned one: of the sizes, the quotient rounded down or, where
// the signs differ, up.
fn floor_divide_int64(a: u64, b: u64) -> u64 {
    if (b == 0lu) {
        noticed |= 1u;
        return 0lu;
    }
    let y = absolute_int64(b);
    let quotient = absolute_int64(a) / y;
    if (is_negative64(a) == is_negative64(b)) { return quotient; }
    let whole = quotient * y == absolute_int64(a);
    return 0lu - select(quotient + 1lu, quotient, whole);
}

fn remainder_int64(a: u64, b: u64) -> u64 {
    if (b == 0lu) {
        noticed |= 1u;
        return 0lu;
    }
    let y = absolute_int64(b);
    var rest = absolute_int64(a) % y;
    if (is_negative64(a) != is_negative64(b) && rest != 0lu) { rest = y - rest; }
    return select(rest, 0lu - rest, is_negative64(b));
}

fn reciprocal_uint64(a: u64) -> u64 {
    if (a == 0lu) { noticed |= 1u; }
    return select(0lu, 1lu, a == 1lu);
}

fn reciprocal_int64(a: u64) -> u64 {
    if (a == 0lu) { noticed |= 1u; }
    return select(0lu, a, a == 1lu || a + 1lu == 0lu);
}

fn power_uint64(a: u64, b: u64) -> u64 {
    var power = 1lu;
    var square = a;
    for (var left = b; left != 0lu; left >>= 1u) {
        if ((left & 1lu) != 0lu) { power *= square; }
        square *= square;
    }
    return power;
}

fn power_int64(a: u64, b: u64) -> u64 {
    if (is_negative64(b)) {
        noticed |= 2u;
        return 0lu;
    }
    return power_uint64(a, b);
}

fn fmod_uint64(a: u64, b: u64) -> u64 { return remainder_uint64(a, b); }

// The remainder of the sizes, with the sign of the dividend.
fn fmod_int64(a: u64, b: u64) -> u64 {
    let rest = remainder_uint64(absolute_int64(a), absolute_int64(b));
    return select(rest, 0lu - rest, is_negative64(a));
}

// Euclid's algorithm; the other one where one is 0.
fn gcd_uint64(a: u64, b: u64) -> u64 {
    var x = a;
    var y = b;
    while (y != 0lu) {
        let rest = x % y;
        x = y;
        y = rest;
    }
    return x;
}

fn gcd_int64(a: u64, b: u64) -> u64 { return gcd_uint64(absolute_int64(a), absolute_int64(b)); }

fn lcm_uint64(a: u64, b: u64) -> u64 {
    let divisor = gcd_uint64(a, b);
    return select(a / select(divisor, 1lu, divisor == 0lu) * b, 0lu, divisor == 0lu);
}

fn lcm_int64(a: u64, b: u64) -> u64 { return lcm_uint64(absolute_int64(a), absolute_int64(b)); }
