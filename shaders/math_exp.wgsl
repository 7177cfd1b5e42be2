// exp, exp2, expm1, and the hyperbolic functions made of them: shared/exp.rs in WGSL. Float64's text is
// this with 64 for 32; see math_pair.wgsl.

// 2^n (1 + q).
struct Exp32 { n: Int, q: Pair32 }
struct Shifted32 { minus: Pair32, plus: Pair32 }
// e^a / 2^n and 2^n / e^a · 4^-n.
struct Both32 { n: Int, e: Pair32, i: Pair32 }

// e^(r + c) − 1 as a pair, for |r| <= ln 2 / 2 and c below r's last bit.
fn expm1_reduced32(r: f32, c: f32) -> Pair32 {
    return fast_two_sum32(r, (c + c * r) + r * r * poly_exp32(r));
}

// e^(x + low).
fn exp_parts32(x: f32, low: f32) -> Exp32 {
    let k = nearest32(x * LOG2E32);
    let r = two_sum32(x - k.f * LN2_SHORT32, low - k.f * LN2_REST32);
    return Exp32(k.n, expm1_reduced32(r.x, r.y));
}

fn join_exp32(e: Exp32) -> f32 {
    let v = fast_two_sum32(1.0, e.q.x);
    return scale32(v.x + (v.y + e.q.y), e.n);
}

fn exp_float32(a: u32) -> u32 {
    let x = bitcast<f32>(a);
    return finish32(join_exp32(exp_parts32(bound32(x, EXP_LEAST32, EXP_MOST32), 0.0)), a);
}

fn exp2_float32(a: u32) -> u32 {
    let c = bound32(bitcast<f32>(a), EXP2_LEAST32, EXP2_MOST32);
    let k = nearest32(c);
    let r = c - k.f;
    let p = two_prod32(r, LN2_HI32);
    return finish32(join_exp32(Exp32(k.n, expm1_reduced32(p.x, p.y + r * LN2_LO32))), a);
}

// (1 + s) + q as a pair.
fn one_more32(s: f32, q: Pair32) -> Pair32 {
    let a = two_sum32(1.0, s);
    let h = two_sum32(a.x, q.x);
    return fast_two_sum32(h.x, h.y + (a.y + q.y));
}

// 1 + q ± 2^-n.
fn shifted32(e: Exp32) -> Shifted32 {
    let s = pow2_32(-min(e.n, P32 + 8));
    return Shifted32(one_more32(-s, e.q), one_more32(s, e.q));
}

fn expm1_float32(a: u32) -> u32 {
    let e = exp_parts32(bound32(bitcast<f32>(a), EXPM1_LEAST32, EXP_MOST32), 0.0);
    let y = finish32(scale32(shifted32(e).minus.x, e.n), a);
    return select(y, a, (a & MAGNITUDE32) == 0);
}

fn both_exp32(a: f32) -> Both32 {
    let e = exp_parts32(a, 0.0);
    let v = fast_two_sum32(1.0, e.q.x);
    let l = v.y + e.q.y;
    let i = div32(1.0, v.x);
    let p = two_prod32(v.x, i);
    let low = -i * (((p.x - 1.0) + p.y) + l * i);
    let s = pow2_32(-min(e.n + e.n, P32 + P32));
    return Both32(e.n, Pair32(v.x, l), Pair32(i * s, low * s));
}

fn sinh_float32(a: u32) -> u32 {
    let x = magnitude32(bitcast<f32>(a));
    let b = both_exp32(bound32(x, 0.0, SINH_MOST32));
    let v = two_sum32(b.e.x, -b.i.x);
    let large = scale32(v.x + (v.y + (b.e.y - b.i.y)), b.n - 1);
    let c = bound32(x, 0.0, 1.0);
    let z = c * c;
    let small = c + c * z * poly_sinh32(z);
    return finish_signed32(select(large, small, x < 1.0), a);
}

fn cosh_float32(a: u32) -> u32 {
    let b = both_exp32(bound32(magnitude32(bitcast<f32>(a)), 0.0, SINH_MOST32));
    let v = two_sum32(b.e.x, b.i.x);
    return finish32(scale32(v.x + (v.y + (b.e.y + b.i.y)), b.n - 1), a);
}

fn tanh_float32(a: u32) -> u32 {
    let x = magnitude32(bitcast<f32>(a));
    let c = bound32(x, 0.0, TANH_MOST32);
    let s = shifted32(exp_parts32(c + c, 0.0));
    let t = div_pair32(s.minus, s.plus);
    return finish_signed32(select(t.x + t.y, x, x < TINY32), a);
}
