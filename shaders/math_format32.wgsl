// What the float functions must know about float32: its format, ranges, and the bit moves that depend
// on the width. math_format64.wgsl has the same for float64. The numbers are those of
// src/ops/elementwise/math/single.rs.

const SIGN_BIT32: u32 = 0x80000000u;
const MAGNITUDE32: u32 = 0x7fffffffu;
const INFINITY32: u32 = 0x7f800000u;
const QUIET32: u32 = 0x7fc00000u;
const ONE_BITS32: u32 = 0x3f800000u;
// The least normal number; also the hidden bit of a significand.
const HIDDEN32: u32 = 0x00800000u;
// Bits of the significand, the hidden one included (P), and without it.
const P32: Int = 24;
const FRACTION32: Word = 23u;
const BIAS32: Int = 127;
const LAST_EXPONENT32: Int = 0xff;
// The upper half of a factor's bits, and what is added first to round to it.
const UPPER32: u32 = 0xfffff000u;
const ROUND_LOW32: u32 = 0u;
// Adding it rounds to a whole number, which then stands in the last bits; the last word of its bits.
const MAGIC32: f32 = 12582912.0f;
const MAGIC_WORD32: Int = 0x4b400000;
// From here on every float is whole; the same as bits.
const WHOLE32: f32 = 8388608.0f;
const WHOLE_BITS32: u32 = 0x4b000000u;
// exp underflows to 0 below, overflows above.
const EXP_LEAST32: f32 = -104.5f;
const EXP_MOST32: f32 = 89.0f;
const EXP2_LEAST32: f32 = -151.0f;
const EXP2_MOST32: f32 = 129.0f;
const EXPM1_LEAST32: f32 = -18.5f;
// sinh and cosh overflow above.
const SINH_MOST32: f32 = 90.0f;
const TANH_MOST32: f32 = 10.0f;
// Exponents beyond which a power is 0, 1 or infinite.
const POWER_MOST32: f32 = 4294967296.0f;
// Below, sin x, tan x, tanh x and atan x round to x.
const TINY32: f32 = 1.220703125e-4f;
// Below, log(1 + x) is x to some bits more than P.
const FAINT32: f32 = 2.3283064365386962890625e-10f;
// erfc underflows to 0 above, i0 overflows.
const ERFC_MOST32: f32 = 10.2f;
const I0_MOST32: f32 = 93.0f;
// The largest argument that the short reduction takes.
const TRIG_MOST32: f32 = 8192.0f;
// 1/2^(1/2), as bits.
const SQRT_HALF_BITS32: u32 = 0x3f3504f3u;
// Points above this slope are seen from the diagonal.
const DIAGONAL32: f32 = 0.41421356f;
// Points are scaled by 2^-SHIFT above the first size, by 2^SHIFT below the second: 2^60, 2^-20.
const SHIFT32: Int = 80;
const LARGE_POINT32: f32 = 1.152921504606846976e18f;
const SMALL_POINT32: f32 = 9.5367431640625e-7f;
// A power of 8 that makes subnormals normal: 2^CBRT_LIFT.
const CBRT_LIFT32: Int = 24;
// Quotient bits of one step of a long division: what is free above a significand.
const STEP32: Int = 8;

// The bits of n as an exponent field.
fn exponent_bits32(n: Int) -> u32 { return bitcast<u32>(n) << 23u; }
// The exponent field and the sign, as a number.
fn exponent_of32(bits: u32) -> Int { return bitcast<i32>(bits) >> 23u; }
// The last word of the bits.
fn last_word32(x: f32) -> Int { return bitcast<i32>(x); }
fn clear_bits32(v: u32) -> Int { return i32(countLeadingZeros(v)); }

// The first and the next P bits of a fraction.
fn first_part32(v: vec4<u32>) -> f32 { return f32(v.x >> 8u); }
fn second_part32(v: vec4<u32>) -> f32 { return f32(((v.x & 0xffu) << 16u) | (v.y >> 16u)); }

// The significand of a normal number, its low and its high word.
fn significand32(bits: u32) -> vec2<u32> { return vec2<u32>((bits & 0x7fffffu) | 0x800000u, 0u); }
