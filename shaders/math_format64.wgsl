// What the float functions must know about float64, as math_format32.wgsl for float32. The numbers are
// those of src/ops/elementwise/math/double.rs.

const SIGN_BIT64: u64 = 0x8000000000000000lu;
const MAGNITUDE64: u64 = 0x7ffffffffffffffflu;
const INFINITY64: u64 = 0x7ff0000000000000lu;
const QUIET64: u64 = 0x7ff8000000000000lu;
const ONE_BITS64: u64 = 0x3ff0000000000000lu;
const HIDDEN64: u64 = 0x0010000000000000lu;
const P64: Int = 53;
const FRACTION64: Word = 52u;
const BIAS64: Int = 1023;
const LAST_EXPONENT64: Int = 0x7ff;
const UPPER64: u64 = 0xfffffffff8000000lu;
const ROUND_LOW64: u64 = 0x0000000004000000lu;
const MAGIC64: f64 = 6755399441055744.0lf;
const MAGIC_WORD64: Int = 0;
const WHOLE64: f64 = 4503599627370496.0lf;
const WHOLE_BITS64: u64 = 0x4330000000000000lu;
const EXP_LEAST64: f64 = -746.0lf;
const EXP_MOST64: f64 = 710.5lf;
const EXP2_LEAST64: f64 = -1076.0lf;
const EXP2_MOST64: f64 = 1025.0lf;
const EXPM1_LEAST64: f64 = -40.0lf;
const SINH_MOST64: f64 = 712.0lf;
const TANH_MOST64: f64 = 22.0lf;
const POWER_MOST64: f64 = 18446744073709551616.0lf;
const TINY64: f64 = 7.450580596923828125e-9lf;
const FAINT64: f64 = 4.336808689942017736029811203479766845703125e-19lf;
const ERFC_MOST64: f64 = 27.3lf;
const I0_MOST64: f64 = 715.0lf;
const TRIG_MOST64: f64 = 1048576.0lf;
const SQRT_HALF_BITS64: u64 = 0x3fe6a09e667f3bcdlu;
const DIAGONAL64: f64 = 0.41421356lf;
// 2^500, 2^-450.
const SHIFT64: Int = 700;
const LARGE_POINT64: f64 = 3.273390607896142e150lf;
const SMALL_POINT64: f64 = 3.4395525670743494e-136lf;
const CBRT_LIFT64: Int = 54;
const STEP64: Int = 11;

fn exponent_bits64(n: Int) -> u64 { return u64(bitcast<u32>(n)) << 52u; }
fn exponent_of64(bits: u64) -> Int { return bitcast<i32>(u32(bits >> 32u)) >> 20u; }
fn last_word64(x: f64) -> Int { return bitcast<i32>(u32(bitcast<u64>(x) & 0xfffffffflu)); }
fn clear_bits64(v: u64) -> Int {
    let high = u32(v >> 32u);
    let low = u32(v & 0xfffffffflu);
    return i32(select(countLeadingZeros(high), 32u + countLeadingZeros(low), high == 0u));
}

fn first_part64(v: vec4<u32>) -> f64 { return f64((u64(v.x) << 21u) | u64(v.y >> 11u)); }
fn second_part64(v: vec4<u32>) -> f64 {
    return f64((u64(v.y & 0x7ffu) << 42u) | (u64(v.z) << 10u) | u64(v.w >> 22u));
}

fn significand64(bits: u64) -> vec2<u32> {
    return vec2<u32>(u32(bits & 0xfffffffflu), (u32(bits >> 32u) & 0xfffffu) | 0x100000u);
}
