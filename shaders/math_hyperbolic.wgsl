// arcsinh, arccosh, arctanh: shared/hyperbolic.rs in WGSL. Float64's text is this with 64 for 32; see
// math_pair.wgsl.

// log(2^more (1 + t)) for t >= 0.
fn log_one_more32(t: Pair32, more: Int) -> f32 {
    let u = two_sum32(1.0, t.x);
    let s = split32(u.x);
    let f = two_sum32(s.m - 1.0, (u.y + t.y) * pow2_32(-min(s.k, BIAS32 - 1)));
    return with_exponent32(s.k + more, LN2_SHORT32, LN2_REST32, log1p_reduced32(f.x, f.y));
}

// log(1 + t), or log(2 a) where a is so large that its square would leave the range.
fn log_of32(t: Pair32, a: f32) -> f32 {
    let large = a > LARGE_POINT32;
    return log_one_more32(select(t, Pair32(a, 0.0), large), select(0, 1, large));
}

// A finite number in place of infinity and NaN.
fn finite32(bits: u32) -> f32 { return bitcast<f32>(min(bits, INFINITY32 - 1)); }

fn arcsinh_float32(b: u32) -> u32 {
    let bits = b & MAGNITUDE32;
    let a = finite32(bits);
    let c = bound32(a, 0.0, LARGE_POINT32);
    let h = two_prod32(c, c);
    let w = two_sum32(1.0, h.x);
    let s = sqrt_pair32(fast_two_sum32(w.x, w.y + h.y));
    let d = two_sum32(1.0, s.x);
    let q = div_pair32(h, Pair32(d.x, d.y + s.y));
    let t = fast_two_sum32(c, q.x);
    let v = finish_signed32(log_of32(Pair32(t.x, t.y + q.y), a), b);
    return select(v, b, a < TINY32 || bits == INFINITY32);
}

fn arccosh_float32(b: u32) -> u32 {
    // What has a sign is beyond infinity.
    let a = finite32(b);
    let c = bound32(a, 1.0, LARGE_POINT32);
    let h = two_prod32(c, c);
    let w = two_sum32(h.x, -1.0);
    let s = sqrt_pair32(fast_two_sum32(w.x, w.y + h.y));
    let e = two_sum32(c, -1.0);
    let t = fast_two_sum32(s.x, e.x);
    let v = canonical32(log_of32(Pair32(t.x, t.y + (s.y + e.y)), a));
    return select(select(v, b, b == INFINITY32), QUIET32, b < ONE_BITS32 || b > INFINITY32);
}

fn arctanh_float32(b: u32) -> u32 {
    let bits = b & MAGNITUDE32;
    let inside = bits < ONE_BITS32;
    let c = select(0.5, bitcast<f32>(bits), inside);
    let t = div_pair32(Pair32(c + c, 0.0), two_sum32(1.0, -c));
    let v = finish_signed32(0.5 * log_one_more32(t, 0), b);
    let end = select(QUIET32, INFINITY32 | (b & SIGN_BIT32), bits == ONE_BITS32);
    return select(select(v, end, !inside), b, inside && c < TINY32);
}
