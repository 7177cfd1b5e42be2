// float16 as its 16 bits: conversions from and to float32, and the rows that only move bits. All other
// rows are computed in float32 and rounded.

// The exact float32. NaN becomes the one quiet NaN.
fn widen16(h: u32) -> u32 {
    let sign = (h & 0x8000u) << 16u;
    let size = h & 0x7fffu;
    if (size >= 0x7c00u) { return select(sign | 0x7f800000u, 0x7fc00000u, size > 0x7c00u); }
    if (size >= 0x400u) { return sign | ((size << 13u) + 0x38000000u); }
    if (size == 0u) { return sign; }
    // A subnormal, size · 2^-24: its first bit becomes the hidden one.
    let up = countLeadingZeros(size) - 8u;
    return sign | (((126u - up) << 23u) + ((size << up) & 0x7fffffu));
}

// The nearest float16 of a float32, ties to even.
fn narrow16(a: u32) -> u32 {
    let sign = (a >> 16u) & 0x8000u;
    let size = a & 0x7fffffffu;
    if (size > 0x7f800000u) { return 0x7e00u; }
    if (size >= 0x38800000u) {
        let rebased = size - 0x38000000u;
        return sign | min((rebased + 0xfffu + ((rebased >> 13u) & 1u)) >> 13u, 0x7c00u);
    }
    // At most half of the least subnormal, 2^-24.
    if (size <= 0x33000000u) { return sign; }
    let drop = 126u - (size >> 23u);
    let whole = (size & 0x7fffffu) | 0x800000u;
    return sign | ((whole + ((1u << (drop - 1u)) - 1u) + ((whole >> drop) & 1u)) >> drop);
}

fn negative_float16(a: u32) -> u32 { return a ^ 0x8000u; }
fn absolute_float16(a: u32) -> u32 { return a & 0x7fffu; }
fn copysign_float16(a: u32, b: u32) -> u32 { return (a & 0x7fffu) | (b & 0x8000u); }
fn signbit_float16(a: u32) -> u32 { return a >> 15u; }

// Away from zero is one more, towards it one less. Equal arguments give the first, as NumPy's float16.
fn nextafter_float16(a: u32, b: u32) -> u32 {
    let x = widen16(a);
    let y = widen16(b);
    if (unordered32(x, y)) { return 0x7e00u; }
    if (key32(x) == key32(y)) { return a; }
    if ((a & 0x7fffu) == 0u) { return (b & 0x8000u) | 1u; }
    return select(a - 1u, a + 1u, (key32(x) < key32(y)) == (a < 0x8000u));
}

// A subnormal number is a whole one by 2^-24: its leading bit becomes the hidden one.
fn frexp_mantissa_float16(a: u32) -> u32 {
    let size = a & 0x7fffu;
    if (size == 0u || size >= 0x7c00u) { return a; }
    let m = select(size, size << (countLeadingZeros(size) - 21u), size < 0x400u);
    return (a & 0x8000u) | 0x3800u | (m & 0x3ffu);
}

fn frexp_exponent_float16(a: u32) -> u32 {
    let size = a & 0x7fffu;
    if (size == 0u || size >= 0x7c00u) { return 0u; }
    let subnormal = 8 - i32(countLeadingZeros(size));
    return bitcast<u32>(select(i32(size >> 10u) - 14, subnormal, size < 0x400u));
}

// The distance to the next number upwards, as NumPy's: below a negative power of 2 they lie twice as dense.
fn spacing_float16(a: u32) -> u32 {
    let size = a & 0x7fffu;
    if (size >= 0x7c00u) { return 0x7e00u; }
    if (a == 0x7bffu) { return 0x7c00u; }
    let dense = a > 0x8000u && (size & 0x3ffu) == 0u && size > 0x400u;
    let field = (size >> 10u) - u32(dense);
    if (field > 10u) { return (field - 10u) << 10u; }
    return 1u << (max(field, 1u) - 1u);
}
