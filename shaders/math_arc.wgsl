// arctan, arctan2, arcsin, arccos: one core over a ratio of two pairs; and cbrt, hypot: shared/arc.rs and
// shared/root.rs in WGSL. Float64's text is this with 64 for 32; see math_pair.wgsl.

// The angle of the point (x, y) with x, y >= 0 as pairs; `left` mirrors x. Both are near enough to 1, or
// 0, that products of them neither overflow nor underflow. `direct` is y / x rounded once: the answer
// where that is tiny.
fn angle32(y: Pair32, x: Pair32, left: bool, direct: f32) -> f32 {
    let swap = y.x > x.x;
    let n = select(y, x, swap);
    let d = select(x, y, swap);
    // Around the diagonal: (n − d) / (n + d) is the tangent of the angle minus π / 4.
    let middle = n.x > DIAGONAL32 * d.x;
    let a = two_sum32(n.x, -d.x);
    let b = two_sum32(n.x, d.x);
    let tn = select(n, Pair32(a.x, a.y + (n.y - d.y)), middle);
    let td = select(d, Pair32(b.x, b.y + (n.y + d.y)), middle);
    let t = div_pair32(tn, td);
    let z = t.x * t.x;
    let tail = t.x * z * poly_atan32(z) + t.y * (1.0 - z + z * z);
    // The angle is base · π / 4 + sign · atan t.
    let base0 = f32(select(0, 1, middle));
    let base1 = select(base0, 2.0 - base0, swap);
    let sign1 = f32(select(1, -1, swap));
    let base = select(base1, 4.0 - base1, left);
    let sign = select(sign1, -sign1, left);
    let v = two_sum32(base * PIO4_SHORT32, sign * t.x);
    let whole = v.x + (v.y + (sign * tail + base * PIO4_REST32));
    return select(whole, direct, base == 0.0 && direct < TINY32);
}

// What a point of this size is scaled by: a power of 2.
fn point_shift32(most: f32) -> Int {
    let down = select(0, -SHIFT32, most > LARGE_POINT32);
    return select(down, SHIFT32, most < SMALL_POINT32);
}

fn arctan2_float32(a: u32, b: u32) -> u32 {
    let my = a & MAGNITUDE32;
    let mx = b & MAGNITUDE32;
    // Infinities and zeros by points that have the same direction.
    let far_y = my == INFINITY32;
    let far_x = mx == INFINITY32;
    let by = select(select(my, 0, far_x), ONE_BITS32, far_y);
    let bx = select(select(mx, 0, far_y), ONE_BITS32, far_x || (my | mx) == 0);
    let py = bitcast<f32>(by);
    let px = bitcast<f32>(bx);
    let direct = div32(py, px);
    let s = pow2_32(point_shift32(select(px, py, py > px)));
    let v = angle32(Pair32(py * s, 0.0), Pair32(px * s, 0.0), b >= SIGN_BIT32, direct);
    return select(finish_signed32(v, a), QUIET32, is_nan32(b));
}

fn arctan_float32(a: u32) -> u32 {
    let x = magnitude32(bitcast<f32>(a));
    // Beyond, the angle no longer moves.
    let c = bound32(x, 0.0, LARGE_POINT32);
    return finish_signed32(angle32(Pair32(c, 0.0), Pair32(1.0, 0.0), false, x), a);
}

// √(1 − x²) as a pair.
fn other_leg32(x: f32) -> Pair32 {
    let p = two_prod32(x, x);
    let w = two_sum32(1.0, -p.x);
    return sqrt_pair32(fast_two_sum32(w.x, w.y - p.y));
}

fn arcsin_float32(a: u32) -> u32 {
    let x = magnitude32(bitcast<f32>(a));
    let v = finish_signed32(angle32(Pair32(x, 0.0), other_leg32(x), false, x), a);
    return select(v, QUIET32, (a & MAGNITUDE32) > ONE_BITS32);
}

fn arccos_float32(a: u32) -> u32 {
    let x = magnitude32(bitcast<f32>(a));
    let y = other_leg32(x);
    let v = finish32(angle32(y, Pair32(x, 0.0), a > SIGN_BIT32, div32(y.x, x)), a);
    return select(v, QUIET32, (a & MAGNITUDE32) > ONE_BITS32);
}

// A polynomial to 3 digits, one step of Halley's iteration, one of Newton's with the residual of the cube
// as a pair.
fn cbrt_float32(a: u32) -> u32 {
    let bits = a & MAGNITUDE32;
    let subnormal = bits < HIDDEN32;
    let v = bitcast<u32>(select(bitcast<f32>(bits), bitcast<f32>(bits) * pow2_32(CBRT_LIFT32), subnormal));
    // 8^k m with m in [1, 8): the exponent divided by 3, rounded down.
    let e = exponent_of32(v);
    let k = (((e - BIAS32 + 3072) * 43691) >> 17u) - 1024;
    let m = bitcast<f32>(v - exponent_bits32(3 * k));
    let t0 = poly_cbrt32(m);
    let c0 = t0 * t0 * t0;
    let t1 = t0 * div32(c0 + (m + m), (c0 + c0) + m);
    let s = two_prod32(t1, t1);
    let c = two_prod32(s.x, t1);
    let r = (m - c.x) - (c.y + s.y * t1);
    let t = t1 + div32(r, 3.0 * s.x);
    let root = finish_signed32(t * pow2_32(select(k, k - CBRT_LIFT32 / 3, subnormal)), a);
    let itself = select(a, QUIET32, bits > INFINITY32);
    return select(root, itself, bits == 0 || bits >= INFINITY32);
}

// √(x² + y²) from the exact squares as pairs, scaled where they would leave the range.
fn hypot_float32(x: u32, y: u32) -> u32 {
    let mx = x & MAGNITUDE32;
    let my = y & MAGNITUDE32;
    let long = bitcast<f32>(max(mx, my));
    let short = bitcast<f32>(min(mx, my));
    let shift = point_shift32(long);
    let s = pow2_32(shift);
    let a = long * s;
    let b = short * s;
    let a2 = two_prod32(a, a);
    let b2 = two_prod32(b, b);
    let h = fast_two_sum32(a2.x, b2.x);
    let r = sqrt_pair32(Pair32(h.x, h.y + (a2.y + b2.y)));
    let v = canonical32((r.x + r.y) * pow2_32(-shift));
    let none = mx > INFINITY32 || my > INFINITY32;
    return select(select(v, QUIET32, none), INFINITY32, mx == INFINITY32 || my == INFINITY32);
}
