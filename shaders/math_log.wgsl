// The logarithms, and the power made of a logarithm to twice the precision and exp: shared/log.rs in
// WGSL. Float64's text is this with 64 for 32; see math_pair.wgsl.

// 2^k m with m in [√½, √2).
struct Split32 { k: Int, m: f32 }

// For x > 0; anything for other numbers.
fn split32(x: f32) -> Split32 {
    let subnormal = (bitcast<u32>(x) & MAGNITUDE32) < HIDDEN32;
    let v = bitcast<u32>(select(x, x * (WHOLE32 + WHOLE32), subnormal));
    let k = exponent_of32(v - SQRT_HALF_BITS32);
    return Split32(select(k, k - P32, subnormal), bitcast<f32>(v - exponent_bits32(k)));
}

// log(1 + f + g) as a pair, for 1 + f in [√½, √2) and g below f's last bit.
fn log1p_reduced32(f: f32, g: f32) -> Pair32 {
    let s = div32(f, 2.0 + f);
    let z = s * s;
    let p = two_prod32(f, f);
    let h = 0.5 * p.x;
    let l = 0.5 * p.y;
    let t = s * (h + z * poly_log32(z));
    let a = fast_two_sum32(f, -h);
    let c = g - g * f + g * f * f;
    return fast_two_sum32(a.x, a.y + ((t - l) + c));
}

// A logarithm's bits at x, whose bits are a: y for positive finite numbers.
fn log_ends32(a: u32, y: f32) -> u32 {
    let infinite = select(canonical32(y), INFINITY32, a == INFINITY32);
    let zero = select(infinite, SIGN_BIT32 | INFINITY32, (a & MAGNITUDE32) == 0);
    return select(zero, QUIET32, a > SIGN_BIT32 || is_nan32(a));
}

// k · (short + rest) + a.
fn with_exponent32(k: Int, short: f32, rest: f32, a: Pair32) -> f32 {
    let kf = f32(k);
    let v = two_sum32(kf * short, a.x);
    return v.x + (v.y + (a.y + kf * rest));
}

// a · (hi + lo).
fn times_pair32(a: Pair32, hi: f32, lo: f32) -> Pair32 {
    let p = two_prod32(a.x, hi);
    return Pair32(p.x, p.y + (a.x * lo + a.y * hi));
}

fn log_float32(a: u32) -> u32 {
    let s = split32(bitcast<f32>(a));
    return log_ends32(a, with_exponent32(s.k, LN2_SHORT32, LN2_REST32, log1p_reduced32(s.m - 1.0, 0.0)));
}

fn log2_float32(a: u32) -> u32 {
    let s = split32(bitcast<f32>(a));
    let l = times_pair32(log1p_reduced32(s.m - 1.0, 0.0), LOG2E_HI32, LOG2E_LO32);
    return log_ends32(a, with_exponent32(s.k, 1.0, 0.0, l));
}

fn log10_float32(a: u32) -> u32 {
    let s = split32(bitcast<f32>(a));
    let l = times_pair32(log1p_reduced32(s.m - 1.0, 0.0), LOG10E_HI32, LOG10E_LO32);
    return log_ends32(a, with_exponent32(s.k, LOG10_2_SHORT32, LOG10_2_REST32, l));
}

fn log1p_float32(a: u32) -> u32 {
    let u = two_sum32(1.0, bitcast<f32>(a));
    let s = split32(u.x);
    let f = two_sum32(s.m - 1.0, u.y * pow2_32(-min(s.k, P32 + 2)));
    let y = with_exponent32(s.k, LN2_SHORT32, LN2_REST32, log1p_reduced32(f.x, f.y));
    // 1 + x is what the ends are judged by.
    let infinite = is_nan32(a) || a == INFINITY32;
    let v = log_ends32(select(bitcast<u32>(u.x), a, infinite), y);
    return select(v, a, (a & MAGNITUDE32) == 0);
}

// log x as a pair to about 2^-(P + 12), for x > 0 and finite.
fn log_pair32(x: f32) -> Pair32 {
    let v = split32(x);
    return log_parts32(v.k, v.m - 1.0, 0.0);
}

// log(2^k (1 + f + g)) as a pair to about 2^-(P + 12), for 1 + f in [√½, √2) and g below f's last bit.
fn log_parts32(k: Int, f: f32, g: f32) -> Pair32 {
    let d = two_sum32(2.0, f);
    let s = div_pair32(Pair32(f, g), Pair32(d.x, d.y + g));
    let z = two_prod32(s.x, s.x);
    let zl = z.y + 2.0 * s.x * s.y;
    let c = fast_two_sum32(TWO_THIRDS_HI32, z.x * poly_log_tail32(z.x));
    let cl = c.y + TWO_THIRDS_LO32;
    let p = two_prod32(z.x, c.x);
    let pl = p.y + (z.x * cl + zl * c.x);
    let q = two_prod32(s.x, p.x);
    let ql = q.y + (s.x * pl + s.y * p.x);
    let h = fast_two_sum32(s.x + s.x, q.x);
    let l = h.y + ((s.y + s.y) + ql);
    let kf = f32(k);
    let a = two_sum32(kf * LN2_SHORT32, h.x);
    return fast_two_sum32(a.x, a.y + (l + kf * LN2_REST32));
}

// Whether a number of these bits, without sign, is whole; infinity is.
fn has_no_fraction32(bits: u32) -> bool {
    let a = bitcast<f32>(bits);
    return bits >= WHOLE_BITS32 || floor(a) == a;
}

// x^y with C99's special cases.
fn power_float32(a: u32, b: u32) -> u32 {
    let ma = a & MAGNITUDE32;
    let mb = b & MAGNITUDE32;
    let l = log_pair32(bitcast<f32>(ma));
    let c = bound32(bitcast<f32>(b), -POWER_MOST32, POWER_MOST32);
    let p = two_prod32(c, l.x);
    let inside = p.x > EXP_LEAST32 && p.x < EXP_MOST32;
    let pl = select(0.0, p.y + c * l.y, inside);
    let size = canonical32(join_exp32(exp_parts32(bound32(p.x, EXP_LEAST32, EXP_MOST32), pl)));
    // 0 and infinity have no logarithm here.
    let zero = ma == 0;
    let end = select(0, INFINITY32, zero == (b > SIGN_BIT32));
    let sized = select(size, end, zero || ma == INFINITY32);
    let whole = has_no_fraction32(mb);
    let odd = whole && !has_no_fraction32(bitcast<u32>(0.5 * bitcast<f32>(mb)));
    let v = sized | select(0, SIGN_BIT32, odd && a >= SIGN_BIT32);
    let none = is_nan32(a) || is_nan32(b) || (a > SIGN_BIT32 && ma < INFINITY32 && !whole);
    let one = a == ONE_BITS32 || mb == 0 || (ma == ONE_BITS32 && mb == INFINITY32);
    return select(select(v, QUIET32, none), ONE_BITS32, one);
}
