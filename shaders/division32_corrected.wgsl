// Correctly rounded float32 division and square root on a device whose own are only near, as WGSL allows
// (2.5 units in the last place for the quotient): the device's answer for significands in [1, 4) is an
// estimate, whose remainder is taken exactly, in integers. The remainder of an estimate that is right to
// 15 units fits 32 bits, so the products wrap. Instead of division32.wgsl.

fn estimate_quotient(a: f32, b: f32) -> f32 { return a / b; }
fn estimate_root(a: f32) -> f32 { return sqrt(a); }

// A significand in [2^23, 2^24) and its exponent: value = m · 2^(e − 150). For numbers but 0.
struct Number32 { m: u32, e: i32 }

fn number32(magnitude: u32) -> Number32 {
    let e = i32(magnitude >> 23u);
    let m = magnitude & 0x7fffffu;
    // A subnormal number has the least exponent and no hidden bit.
    let up = countLeadingZeros(m | 1u) - 8u;
    if (e == 0) { return Number32(m << up, 1 - i32(up)); }
    return Number32(m | 0x800000u, e);
}

// The nearest float to (q + rest) · 2^(e − 151), ties to even, where q has 25 bits, the rest is below 1,
// and `exact` says that it is 0.
fn rounded32(q: u32, exact: bool, e: i32) -> u32 {
    // Bits that are cut off; 26 leave nothing.
    let cut = u32(clamp(2 - e, 1, 26));
    let kept = q >> cut;
    let lost = q & ((1u << cut) - 1u);
    let half = 1u << (cut - 1u);
    let up = lost > half || (lost == half && (!exact || (kept & 1u) == 1u));
    // The hidden bit of a normal number adds the last unit of the exponent, a carry the next one; what
    // overflows stops at infinity.
    let bits = (u32(clamp(e, 1, 255) - 1) << 23u) + kept + select(0u, 1u, up);
    return min(bits, 0x7f800000u);
}

fn divide_bits32(a: u32, b: u32) -> u32 {
    let ma = a & 0x7fffffffu;
    let mb = b & 0x7fffffffu;
    let sign = (a ^ b) & 0x80000000u;
    if (ma == 0u || mb == 0u || ma >= 0x7f800000u || mb >= 0x7f800000u) {
        let none = ma > 0x7f800000u || mb > 0x7f800000u || ma == mb;
        let infinite = mb == 0u || ma == 0x7f800000u;
        return select(sign | select(0u, 0x7f800000u, infinite), 0x7fc00000u, none);
    }
    let n = number32(ma);
    let d = number32(mb);
    // The quotient in [1, 2).
    let less = n.m < d.m;
    let m = select(n.m, n.m << 1u, less);
    let e = n.e - d.e + select(127, 126, less);
    let near = estimate_quotient(f32(m), f32(d.m));
    var q = u32(near * 16777216.0);
    var rest = bitcast<i32>((m << 24u) - q * d.m);
    // How many divisors the remainder has, at most one more or less.
    let by = bitcast<i32>(d.m);
    let more = i32(floor(estimate_quotient(f32(rest), f32(by))));
    q += bitcast<u32>(more);
    rest -= more * by;
    if (rest < 0) { q -= 1u; rest += by; }
    if (rest >= by) { q += 1u; rest -= by; }
    return sign | rounded32(q, rest == 0, e);
}

fn sqrt_bits32(a: u32) -> u32 {
    if ((a & 0x7fffffffu) == 0u || a == 0x7f800000u) { return a; }
    if (a > 0x7f800000u) { return 0x7fc00000u; }
    let n = number32(a);
    // Two to the power of an even number, and m in [2^23, 2^25): the root of m · 2^25 has 25 bits.
    let even = (n.e & 1) == 0;
    let m = select(n.m, n.m << 1u, even);
    let half = (n.e - 127 - select(0, 1, even)) >> 1u;
    let near = estimate_root(f32(m) * (1.0 / 8388608.0));
    var q = u32(near * 16777216.0);
    var rest = bitcast<i32>((m << 25u) - q * q);
    // How much the remainder adds to the root, at most one more or less.
    let more = i32(floor(estimate_quotient(f32(rest), f32(2u * q))));
    rest -= more * bitcast<i32>(2u * q) + more * more;
    q += bitcast<u32>(more);
    if (rest < 0) { q -= 1u; rest += bitcast<i32>(2u * q + 1u); }
    if (rest > bitcast<i32>(2u * q)) { rest -= bitcast<i32>(2u * q + 1u); q += 1u; }
    return rounded32(q, rest == 0, half + 127);
}

fn div32(a: f32, b: f32) -> f32 { return bitcast<f32>(divide_bits32(bitcast<u32>(a), bitcast<u32>(b))); }
fn sqrt32(a: f32) -> f32 { return bitcast<f32>(sqrt_bits32(bitcast<u32>(a))); }
