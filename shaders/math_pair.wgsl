// Unevaluated sums of two floats (Dekker, Knuth), and the bit tricks that all float functions use; the
// counterpart of src/ops/elementwise/math/shared/pair.rs. Products are split here, as on a CPU without
// fused multiply-add; where an exact sum or product has a shorter form on the CPU, the bits are the same.
//
// This text is float32's. Float64's is the same with 64 wherever it says 32, so numbers that do not
// follow the width are of the types Int and Word, and everything else about the width is in
// math_format32.wgsl and math_format64.wgsl.

alias Pair32 = vec2<f32>;
struct Whole32 { f: f32, n: Int }

// a + b as a pair; exact.
fn two_sum32(a: f32, b: f32) -> Pair32 {
    let s = a + b;
    let t = s - a;
    return Pair32(s, (a - (s - t)) + (b - t));
}

// a + b as a pair where |a| >= |b| or a = 0; exact.
fn fast_two_sum32(a: f32, b: f32) -> Pair32 {
    let s = a + b;
    return Pair32(s, b - (s - a));
}

// The upper half of the bits.
fn upper32(a: f32) -> f32 { return bitcast<f32>((bitcast<u32>(a) + ROUND_LOW32) & UPPER32); }

// a · b as a pair; exact.
fn two_prod32(a: f32, b: f32) -> Pair32 {
    let p = a * b;
    let ah = upper32(a);
    let al = a - ah;
    let bh = upper32(b);
    let bl = b - bh;
    return Pair32(p, (((ah * bh - p) + ah * bl) + al * bh) + al * bl);
}

// A pair divided by a pair.
fn div_pair32(n: Pair32, d: Pair32) -> Pair32 {
    let q = div32(n.x, d.x);
    let p = two_prod32(q, d.x);
    let r = (((n.x - p.x) - p.y) + n.y) - q * d.y;
    return Pair32(q, div32(r, d.x));
}

// The square root of a pair; 0 for 0.
fn sqrt_pair32(a: Pair32) -> Pair32 {
    let s = sqrt32(a.x);
    let p = two_prod32(s, s);
    let r = ((a.x - p.x) - p.y) + a.y;
    let zero = s == 0.0;
    return Pair32(s, select(div32(r, select(s + s, 1.0, zero)), 0.0, zero));
}

// The nearest whole number (ties to even) as float and integer, for |x| < 2^(P − 3).
fn nearest32(x: f32) -> Whole32 {
    let t = x + MAGIC32;
    return Whole32(t - MAGIC32, last_word32(t) - MAGIC_WORD32);
}

// 2^n for a normal result.
fn pow2_32(n: Int) -> f32 { return bitcast<f32>(exponent_bits32(n + BIAS32)); }

// x · 2^n, rounded once, for x about 1 and |n| below twice the exponent range.
fn scale32(x: f32, n: Int) -> f32 {
    let half = n >> 1u;
    return x * pow2_32(half) * pow2_32(n - half);
}

fn magnitude32(x: f32) -> f32 { return bitcast<f32>(bitcast<u32>(x) & MAGNITUDE32); }

// x within the bounds; anything for NaN.
fn bound32(x: f32, lo: f32, hi: f32) -> f32 {
    let y = select(x, lo, x < lo);
    return select(y, hi, y > hi);
}

// What is selected between results is selected between their bits, by comparing bits: a compiler may
// assume that a float is no NaN and not infinite.

// The bits of a function's value at a: NaN for NaN.
fn finish32(v: f32, a: u32) -> u32 { return select(canonical32(v), QUIET32, is_nan32(a)); }

// The same with the sign of a.
fn finish_signed32(v: f32, a: u32) -> u32 {
    let bits = (canonical32(v) & MAGNITUDE32) | (a & SIGN_BIT32);
    return select(bits, QUIET32, is_nan32(bits) || is_nan32(a));
}
