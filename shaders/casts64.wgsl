// Casts from and to 64-bit dtypes, in integers alone, for devices with 64-bit integers. Continues
// casts.wgsl.

fn extend_uint32(a: u32) -> u64 { return u64(a); }
fn extend_int32(a: u32) -> u64 { return join64(a, select(0u, 0xffffffffu, a >= 0x80000000u)); }

fn nonzero_uint64(a: u64) -> u32 { return u32(a != 0lu); }
fn nonzero_float64(a: u64) -> u32 { return u32((a & SIZE64) != 0lu); }

// An int64 or a uint64, clamped to a narrower dtype.
fn clamp_int64(a: u64, least: i64, most: i64) -> u32 {
    let v = bitcast<i64>(a);
    return low64(bitcast<u64>(select(select(v, least, v < least), most, v > most)));
}
fn clamp_int64_int8(a: u64) -> u32 { return clamp_int64(a, -128li, 127li); }
fn clamp_int64_int16(a: u64) -> u32 { return clamp_int64(a, -32768li, 32767li); }
fn clamp_int64_int32(a: u64) -> u32 { return clamp_int64(a, -2147483648li, 2147483647li); }
fn clamp_uint64_uint8(a: u64) -> u32 { return low64(minimum_uint64(a, 0xfflu)); }
fn clamp_uint64_uint16(a: u64) -> u32 { return low64(minimum_uint64(a, 0xfffflu)); }
fn clamp_uint64_uint32(a: u64) -> u32 { return low64(minimum_uint64(a, 0xfffffffflu)); }

// Digits · 2^(exponent − 52) without its fraction, below 2^64.
fn whole_part64(digits: u64, exponent: u32) -> u64 {
    if (exponent >= 52u) { return digits << ((exponent - 52u) & 63u); }
    return digits >> (52u - exponent);
}

// The whole part of a float64's size, which is below 2^64.
fn whole_size64(a: u64) -> u64 {
    if (is_below_one64(a)) { return 0lu; }
    return whole_part64((a & 0xffffffffffffflu) | 0x10000000000000lu, (u32(a >> 52u) & 0x7ffu) - 1023u);
}

fn cast_float64_int64(a: u64) -> u64 {
    if (is_nan64(a)) { return 0lu; }
    if ((a & SIZE64) >= 0x43e0000000000000lu) { return select(SIZE64, SIGN64, a >= SIGN64); }
    let size = whole_size64(a);
    return select(size, 0lu - size, a >= SIGN64);
}

fn cast_float64_uint64(a: u64) -> u64 {
    if (is_nan64(a) || a >= SIGN64) { return 0lu; }
    if (a >= 0x43f0000000000000lu) { return 0xfffffffffffffffflu; }
    return whole_size64(a);
}

// Every float32 is a float64.
fn cast_float32_float64(a: u32) -> u64 {
    if (is_nan32(a)) { return NAN64; }
    let sign = u64(a >> 31u) << 63u;
    let size = a & 0x7fffffffu;
    if (size >= 0x7f800000u) { return sign | INF64; }
    if (size >= 0x800000u) { return sign | ((u64(size) << 29u) + (896lu << 52u)); }
    if (size == 0u) { return sign; }
    // A subnormal, size · 2^-149: its first bit becomes the hidden one.
    let zeros = countLeadingZeros(size);
    return sign | ((u64(905u - zeros) << 52u) + ((u64(size) << (zeros + 21u)) & 0xffffffffffffflu));
}

fn cast_float32_int64(a: u32) -> u64 { return cast_float64_int64(cast_float32_float64(a)); }
fn cast_float32_uint64(a: u32) -> u64 { return cast_float64_uint64(cast_float32_float64(a)); }

// v / 2^drop to nearest, ties to even, for v below 2^63 and drop from 1 to 63.
fn round64(v: u64, drop: u32) -> u64 {
    return (v + ((1lu << (drop - 1u)) - 1lu) + ((v >> drop) & 1lu)) >> drop;
}

// The size of a float64 that is not NaN, rounded to a float with fewer digits (`drop` fewer) and a
// narrower exponent: its exponent field counts from `base`, and `infinity` is its infinity.
fn narrow64(size: u64, drop: u32, base: u32, infinity: u32) -> u32 {
    let exponent = u32(size >> 52u);
    if (exponent > base) {
        return low64(minimum_uint64(round64(size - (u64(base) << 52u), drop), u64(infinity)));
    }
    // Subnormal: the point moves down. 54 digits down nothing is left, not even a tie.
    let down = drop + 1u + base - exponent;
    if (down > 54u) { return 0u; }
    return low64(round64((size & 0xffffffffffffflu) | 0x10000000000000lu, down));
}

fn cast_float64_float32(a: u64) -> u32 {
    if (is_nan64(a)) { return NAN32; }
    return (high64(a) & SIGN32) | narrow64(a & SIZE64, 29u, 896u, 0x7f800000u);
}

fn cast_float64_float16(a: u64) -> u32 {
    if (is_nan64(a)) { return 0x7e00u; }
    return ((high64(a) >> 16u) & 0x8000u) | narrow64(a & SIZE64, 42u, 1008u, 0x7c00u);
}

fn leading_zeros64(a: u64) -> u32 {
    let high = high64(a);
    return select(countLeadingZeros(high), 32u + countLeadingZeros(low64(a)), high == 0u);
}

// Normalised to 64 digits, of which 24 or 53 stay; the hidden one adds itself to the exponent.
fn cast_uint64_float32(a: u64) -> u32 {
    if (a == 0lu) { return 0u; }
    let zeros = leading_zeros64(a);
    let digits = a << zeros;
    let kept = low64(digits >> 40u);
    let up = (digits & 0xfffffffffflu) + u64(kept & 1u) > 0x8000000000lu;
    return ((189u - zeros) << 23u) + kept + u32(up);
}

fn cast_uint64_float64(a: u64) -> u64 {
    if (a == 0lu) { return 0lu; }
    let zeros = leading_zeros64(a);
    let digits = a << zeros;
    let kept = digits >> 11u;
    let up = (digits & 0x7fflu) + (kept & 1lu) > 0x400lu;
    return (u64(1085u - zeros) << 52u) + kept + select(0lu, 1lu, up);
}

fn cast_int64_float32(a: u64) -> u32 {
    return (high64(a) & SIGN32) | cast_uint64_float32(absolute_int64(a));
}
fn cast_int64_float64(a: u64) -> u64 { return (a & SIGN64) | cast_uint64_float64(absolute_int64(a)); }

fn cast_uint64_float16(a: u64) -> u32 { return cast_uint32_float16(clamp_uint64_uint32(a)); }
fn cast_int64_float16(a: u64) -> u32 { return cast_int32_float16(clamp_int64_int32(a)); }
