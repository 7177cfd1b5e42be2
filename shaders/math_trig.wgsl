// sin, cos, tan and sinc: shared/trig.rs in WGSL. Float64's text is this with 64 for 32; see math_pair.wgsl.

// An angle r + s beside a multiple of π / 2: the quadrant counts them, |r| <= π / 4.
struct Reduced32 { quadrant: Int, r: f32, s: f32 }
struct Circle32 { sin: Pair32, cos: Pair32 }

// The argument minus the nearest multiple of π / 2, taken in four parts; right for |x| up to TRIG_MOST.
fn reduce_small32(x: f32) -> Reduced32 {
    let k = nearest32(bound32(x, -TRIG_MOST32, TRIG_MOST32) * TWO_OVER_PI32);
    let a = x - k.f * PIO2_1_32;
    let b = two_sum32(a, -(k.f * PIO2_2_32));
    let p = two_prod32(k.f, PIO2_3_32);
    let c = two_sum32(b.x, -p.x);
    let r = two_sum32(c.x, ((b.y + c.y) - p.y) - k.f * PIO2_4_32);
    return Reduced32(k.n, r.x, r.y);
}

// The same by Payne and Hanek, for finite |x| >= 1.
fn reduce_large32(x: f32) -> Reduced32 {
    let bits = bitcast<u32>(x);
    let negative = bits >= SIGN_BIT32;
    let e = (exponent_of32(bits) & LAST_EXPONENT32) - BIAS32 - P32 + 1;
    let turns = quarter_turns(significand32(bits), e);
    let v = without_zeros(turns.size);
    // Two floats of P bits each, exact.
    let h = first_part32(v.bits) * pow2_32(-v.zeros - P32);
    let l = second_part32(v.bits) * pow2_32(-v.zeros - P32 - P32);
    let p = two_prod32(h, PIO2_HI32);
    let r = fast_two_sum32(p.x, p.y + (h * PIO2_LO32 + l * PIO2_HI32));
    let minus = turns.minus != negative;
    return Reduced32(select(turns.quadrant, -turns.quadrant, negative),
        select(r.x, -r.x, minus), select(r.y, -r.y, minus));
}

fn reduce32(a: u32) -> Reduced32 {
    let x = bitcast<f32>(a);
    // Infinities and NaN have no angle and take the short way.
    if (magnitude32(x) > TRIG_MOST32 && (a & MAGNITUDE32) < INFINITY32) {
        return reduce_large32(x);
    }
    return reduce_small32(x);
}

// sin and cos of r + s as pairs.
fn circle32(a: Reduced32) -> Circle32 {
    let z = two_prod32(a.r, a.r);
    let half = 0.5 * z.x;
    let w = 1.0 - half;
    let sin = fast_two_sum32(a.r, a.r * z.x * poly_sin32(z.x) + a.s * w);
    let cos = fast_two_sum32(w,
        ((1.0 - w) - half) + (z.x * z.x * poly_cos32(z.x) - (a.r * a.s + 0.5 * z.y)));
    return Circle32(sin, cos);
}

// NaN for infinities.
fn finish_angle32(v: f32, a: u32) -> u32 {
    return select(canonical32(v), QUIET32, (a & MAGNITUDE32) >= INFINITY32);
}

fn pick32(quadrant: Int, even: f32, odd: f32) -> f32 {
    let v = select(odd, even, (quadrant & 1) == 0);
    return select(-v, v, (quadrant & 2) == 0);
}

fn sin_float32(a: u32) -> u32 {
    let r = reduce32(a);
    let c = circle32(r);
    let v = finish_angle32(pick32(r.quadrant, c.sin.x, c.cos.x), a);
    return select(v, a, magnitude32(bitcast<f32>(a)) < TINY32);
}

fn cos_float32(a: u32) -> u32 {
    let r = reduce32(a);
    let c = circle32(r);
    return finish_angle32(pick32(r.quadrant + 1, c.sin.x, c.cos.x), a);
}

fn tan_float32(a: u32) -> u32 {
    let r = reduce32(a);
    let c = circle32(r);
    let even = (r.quadrant & 1) == 0;
    let q = div_pair32(select(-c.cos, c.sin, even), select(c.sin, c.cos, even));
    let v = finish_angle32(q.x + q.y, a);
    return select(v, a, magnitude32(bitcast<f32>(a)) < TINY32);
}

// sin(π x) ÷ (π x): x less the nearest multiples of 2 and of 1/2, which is exact.
fn sinc_float32(b: u32) -> u32 {
    let bits = b & MAGNITUDE32;
    // From WHOLE on every number is whole.
    let c = bitcast<f32>(min(bits, WHOLE_BITS32));
    let pairs = nearest32(0.5 * c).f;
    let y = c - (pairs + pairs);
    let k = nearest32(y + y);
    let r = y - 0.5 * k.f;
    let p = two_prod32(r + r, PIO2_HI32);
    let v = circle32(Reduced32(k.n, p.x, p.y + (r + r) * PIO2_LO32));
    let even = (k.n & 1) == 0;
    let top = select(v.cos, v.sin, even);
    let d = two_prod32(c + c, PIO2_HI32);
    // 1 in place of 0.
    let den = select(Pair32(d.x, d.y + (c + c) * PIO2_LO32), Pair32(1.0, 0.0), bits == 0);
    let q = div_pair32(select(-top, top, (k.n & 2) == 0), den);
    let whole = select(canonical32(q.x + q.y), 0, r == 0.0 && even);
    let near = select(whole, ONE_BITS32, c < 0.25 * TINY32);
    return select(near, QUIET32, bits >= INFINITY32);
}
