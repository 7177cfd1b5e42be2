// erf, erfc and i0: shared/special.rs in WGSL. Float64's text is this with 64 for 32; see math_pair.wgsl.

// 2^n (1 + q) r, rounded once at the end.
fn join_times32(e: Exp32, r: Pair32) -> f32 {
    let v = fast_two_sum32(1.0, e.q.x);
    let p = two_prod32(v.x, r.x);
    return scale32(p.x + (p.y + (v.x * r.y + (v.y + e.q.y) * r.x)), e.n);
}

// One step of a polynomial of a pair, with what its product and its sum leave.
fn horner_step32(v: Pair32, x: Pair32, c: f32) -> Pair32 {
    let p = two_prod32(v.x, x.x);
    let s = two_sum32(p.x, c);
    return Pair32(s.x, v.y * x.x + (v.x * x.y + (p.y + s.y)));
}

// From here on erf is 1 − erfc.
const FAR32: f32 = 0.625;

// erf(x) − x for |x| <= FAR.
fn erf_rest32(x: f32) -> f32 { return x * poly_erf32(x * x); }

// erfc(a) for a >= 1/2.
fn erfc_tail32(a: f32) -> f32 {
    let c = bound32(a, 0.5, ERFC_MOST32);
    let s = two_prod32(c, c);
    let t = div32(c - 3.0, c + 3.0);
    let w = fast_two_sum32(ERFC_HI32, t * poly_erfc32(t));
    let r = div_pair32(Pair32(w.x, w.y + ERFC_LO32), two_sum32(1.0, c + c));
    return join_times32(exp_parts32(-s.x, -s.y), r);
}

fn erf_float32(b: u32) -> u32 {
    let bits = b & MAGNITUDE32;
    let a = bitcast<f32>(min(bits, INFINITY32 - 1));
    let c = bound32(a, 0.0, FAR32);
    return finish_signed32(select(1.0 - erfc_tail32(a), c + erf_rest32(c), a < FAR32), b);
}

fn erfc_float32(b: u32) -> u32 {
    let bits = b & MAGNITUDE32;
    let a = bitcast<f32>(min(bits, INFINITY32 - 1));
    let x = select(a, -a, b >= SIGN_BIT32);
    let c = bound32(x, -0.5, 0.5);
    let h = two_sum32(1.0, -c);
    let near = h.x + (h.y - erf_rest32(c));
    let tail = erfc_tail32(a);
    return finish32(select(select(tail, 2.0 - tail, x < 0.0), near, a < 0.5), b);
}

fn i0_float32(b: u32) -> u32 {
    let bits = b & MAGNITUDE32;
    let a = bitcast<f32>(min(bits, INFINITY32 - 1));
    let half = 0.5 * bound32(a, 0.0, 8.0);
    let v = poly_i0_near32(two_prod32(half, half));
    let near = v.x + v.y;
    let c = bound32(a, 8.0, I0_MOST32);
    let t = div32(16.0, c) - 1.0;
    let w = fast_two_sum32(I0_FAR_HI32, t * poly_i0_far32(t));
    let r = div_pair32(Pair32(w.x, w.y + I0_FAR_LO32), sqrt_pair32(Pair32(c, 0.0)));
    return finish32(select(join_times32(exp_parts32(c, 0.0), r), near, a < 8.0), b);
}
