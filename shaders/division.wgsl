// The rows that divide floats or take their roots, with div32 and sqrt32 of division32.wgsl or
// division32_corrected.wgsl: the float formulas of src/ops/elementwise, arith.rs and division.rs (here
// every quotient is long division). Float64's text is this with 64 for 32; see math_pair.wgsl.

fn divide_float32(a: u32, b: u32) -> u32 {
    let v = canonical32(div32(bitcast<f32>(a), bitcast<f32>(b)));
    return select(v, QUIET32, is_nan32(a) || is_nan32(b));
}

fn reciprocal_float32(a: u32) -> u32 { return divide_float32(ONE_BITS32, a); }

fn sqrt_float32(a: u32) -> u32 {
    let v = canonical32(sqrt32(bitcast<f32>(a)));
    return select(v, QUIET32, a > SIGN_BIT32 || is_nan32(a));
}

// Whether there is no remainder of x by y.
fn no_remainder32(x: u32, y: u32) -> bool {
    return (x & MAGNITUDE32) >= INFINITY32 || is_nan32(y) || (y & MAGNITUDE32) == 0;
}

// The exact remainder of the division toward zero, with the dividend's sign, by long division of the
// significands: STEP quotient bits at a time, so that nothing is ever rounded. For a finite dividend and
// a divisor that is neither 0 nor NaN.
fn fmod32(x: u32, y: u32) -> u32 {
    let ax = x & MAGNITUDE32;
    let ay = y & MAGNITUDE32;
    if (ax < ay) { return x; }
    // value = significand · 2^(exponent − constant)
    let ey = max(exponent_of32(ay), 1);
    let my = (ay & (HIDDEN32 - 1)) | select(0, HIDDEN32, ay >= HIDDEN32);
    let mx = (ax & (HIDDEN32 - 1)) | select(0, HIDDEN32, ax >= HIDDEN32);
    var r = mx % my;
    for (var left = max(exponent_of32(ax), 1) - ey; left > 0 && r != 0; left -= STEP32) {
        r = (r << Word(min(left, STEP32))) % my;
    }
    // r < my, so it is a significand at the divisor's exponent: normalise.
    let up = min(clear_bits32(r | 1) - STEP32, ey - 1);
    let m = r << Word(up);
    let normal = (m & (HIDDEN32 - 1)) | exponent_bits32(ey - up);
    return select(m, normal, m >= HIDDEN32) | (x & SIGN_BIT32);
}

fn fmod_float32(x: u32, y: u32) -> u32 {
    if (no_remainder32(x, y)) { return QUIET32; }
    return fmod32(x, y);
}

fn remainder_float32(x: u32, y: u32) -> u32 {
    if (no_remainder32(x, y)) { return QUIET32; }
    let rest = fmod32(x, y);
    if ((rest & MAGNITUDE32) == 0) { return y & SIGN_BIT32; }
    if (((rest ^ y) & SIGN_BIT32) == 0) { return rest; }
    return canonical32(select(bitcast<f32>(rest) + bitcast<f32>(y), bitcast<f32>(y), (y & MAGNITUDE32) == INFINITY32));
}

fn floor_divide_float32(x: u32, y: u32) -> u32 {
    if (no_remainder32(x, y)) {
        return select(QUIET32, divide_float32(x, y), (y & MAGNITUDE32) == 0);
    }
    let rest = fmod32(x, y);
    var quotient = div32(bitcast<f32>(x) - bitcast<f32>(rest), bitcast<f32>(y));
    if ((rest & MAGNITUDE32) != 0 && ((rest ^ y) & SIGN_BIT32) != 0) { quotient -= 1.0; }
    let bits = bitcast<u32>(quotient);
    if ((bits & MAGNITUDE32) == 0) { return (x ^ y) & SIGN_BIT32; }
    if ((bits & MAGNITUDE32) >= WHOLE_BITS32) { return canonical32(quotient); }
    let whole = floor(quotient);
    return canonical32(select(whole, whole + 1.0, quotient - whole > 0.5));
}
