// logaddexp and logaddexp2: shared/log_sums.rs in WGSL. Float64's text is this with 64 for 32; see
// math_pair.wgsl.

// The larger of both, and the other one less that as a pair.
struct Apart32 { hi: f32, d: Pair32 }

// The number, or the largest one in place of infinity and NaN.
fn within32(bits: u32) -> f32 {
    return bitcast<f32>(min(bits & MAGNITUDE32, INFINITY32 - 1) | (bits & SIGN_BIT32));
}

// From `least` on.
fn apart32(a: u32, b: u32, least: f32) -> Apart32 {
    let x = within32(a);
    let y = within32(b);
    let more = x > y;
    let hi = select(y, x, more);
    let lo = select(x, y, more);
    // Half of it does not overflow.
    let far = 0.5 * lo - 0.5 * hi < least;
    let d = two_sum32(select(lo, hi, far), -hi);
    let below = far || d.x <= least;
    return Apart32(hi, Pair32(select(d.x, least, below), select(d.y, 0.0, below)));
}

// 2^n (1 + q) as a pair; the second is left out where the first is far below 1.
fn join_pair32(e: Exp32) -> Pair32 {
    let a = fast_two_sum32(1.0, e.q.x);
    let v = fast_two_sum32(a.x, a.y + e.q.y);
    let least = -(BIAS32 / 2);
    return Pair32(scale32(v.x, e.n), select(v.y * pow2_32(max(e.n, least)), 0.0, e.n < least));
}

// log(1 + 2^n (1 + q)) as a pair, for a power of 1 at most.
fn log_one_and32(power: Exp32) -> Pair32 {
    let e = join_pair32(power);
    let u = two_sum32(1.0, e.x);
    let s = split32(u.x);
    let f = two_sum32(s.m - 1.0, (u.y + e.y) * pow2_32(-s.k));
    return select(log_parts32(s.k, f.x, f.y), e, e.x < FAINT32);
}

// hi + v rounded once, or what infinities and NaN come to.
fn finish_sum32(a: u32, b: u32, hi: f32, v: Pair32) -> u32 {
    let s = two_sum32(hi, v.x);
    let sum = canonical32(s.x + (s.y + v.y));
    let ma = a & MAGNITUDE32;
    let mb = b & MAGNITUDE32;
    let least = a == SIGN_BIT32 + INFINITY32 && b == a;
    let infinite = select(select(sum, a, least), INFINITY32, a == INFINITY32 || b == INFINITY32);
    return select(infinite, QUIET32, ma > INFINITY32 || mb > INFINITY32);
}

fn logaddexp_float32(a: u32, b: u32) -> u32 {
    let p = apart32(a, b, EXP_LEAST32);
    return finish_sum32(a, b, p.hi, log_one_and32(exp_parts32(p.d.x, p.d.y)));
}

fn logaddexp2_float32(a: u32, b: u32) -> u32 {
    let p = apart32(a, b, EXP2_LEAST32);
    let k = nearest32(p.d.x);
    let r = p.d.x - k.f;
    let h = two_prod32(r, LN2_HI32);
    let s = fast_two_sum32(h.x, h.y + (r * LN2_LO32 + p.d.y * LN2_HI32));
    let v = times_pair32(log_one_and32(Exp32(k.n, expm1_reduced32(s.x, s.y))), LOG2E_HI32, LOG2E_LO32);
    let sum = finish_sum32(a, b, p.hi, Pair32(v.x, select(v.y, 0.0, k.n < -(BIAS32 / 2))));
    // Of two equal powers the sum is the next power.
    return select(sum, canonical32(within32(a) + 1.0), a == b && (a & MAGNITUDE32) < INFINITY32);
}
