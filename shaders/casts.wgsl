// Casts between dtypes of up to 32 bits, in integers alone. Floats saturate, NaN becomes 0; integers
// become floats by rounding to nearest, ties to even. float16 is cast through widen16 and narrow16,
// and a narrow integer is a 32-bit one clamped or wrapped.

fn nonzero_uint32(a: u32) -> u32 { return u32(a != 0u); }
fn nonzero_float16(a: u32) -> u32 { return u32((a & 0x7fffu) != 0u); }
fn nonzero_float32(a: u32) -> u32 { return u32((a & 0x7fffffffu) != 0u); }

fn clamp_int8(a: u32) -> u32 { return bitcast<u32>(clamp(bitcast<i32>(a), -128, 127)); }
fn clamp_int16(a: u32) -> u32 { return bitcast<u32>(clamp(bitcast<i32>(a), -32768, 32767)); }
fn clamp_uint8(a: u32) -> u32 { return min(a, 0xffu); }
fn clamp_uint16(a: u32) -> u32 { return min(a, 0xffffu); }

// The whole part of a float32's size, which is below 2^32.
fn whole_size32(a: u32) -> u32 {
    let exponent = (a >> 23u) & 0xffu;
    if (exponent < 127u) { return 0u; }
    let digits = (a & 0x7fffffu) | 0x800000u;
    return select(digits >> ((150u - exponent) & 31u), digits << ((exponent - 150u) & 31u), exponent >= 150u);
}

fn cast_float32_int32(a: u32) -> u32 {
    if (is_nan32(a)) { return 0u; }
    if ((a & 0x7fffffffu) >= 0x4f000000u) { return select(0x7fffffffu, 0x80000000u, a >= SIGN32); }
    let size = whole_size32(a);
    return select(size, 0u - size, a >= SIGN32);
}

fn cast_float32_uint32(a: u32) -> u32 {
    if (is_nan32(a) || a >= SIGN32) { return 0u; }
    if (a >= 0x4f800000u) { return 0xffffffffu; }
    return whole_size32(a);
}

fn cast_uint32_float32(a: u32) -> u32 {
    if (a == 0u) { return 0u; }
    let zeros = countLeadingZeros(a);
    // Normalised to 32 digits, of which 24 stay; the hidden one adds itself to the exponent.
    let digits = a << zeros;
    let kept = (digits >> 8u) + u32((digits & 0xffu) + ((digits >> 8u) & 1u) > 0x80u);
    return ((157u - zeros) << 23u) + kept;
}

fn cast_int32_float32(a: u32) -> u32 {
    return (a & SIGN32) | cast_uint32_float32(absolute_int32(a));
}

// A float32 holds what is below 2^24, and from 65,520 on a float16 is infinite: rounded once.
fn cast_uint32_float16(a: u32) -> u32 { return narrow16(cast_uint32_float32(min(a, 70000u))); }
fn cast_int32_float16(a: u32) -> u32 {
    return narrow16(cast_int32_float32(bitcast<u32>(clamp(bitcast<i32>(a), -70000, 70000))));
}
