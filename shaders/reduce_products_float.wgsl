// Products of floats as src/ops/reduce/product.rs keeps them: significand · 2^exponent, the
// significand's 256 bits beginning with a 1, and a count of what cutting may have lost. Integers all
// through, so that no device's floats matter.

// Significand, lowest word first; exponent, low and high word; lost; flags.
const SLOT: u32 = 12u;
const SLOTS: u32 = 3072u;

var<private> low: vec4<u32>;
var<private> high: vec4<u32>;
var<private> exponent: vec2<u32>;
var<private> lost: u32;

// 2^255 · 2^-255.
fn load_one() {
    low = vec4<u32>();
    high = vec4<u32>(0u, 0u, 0u, 0x80000000u);
    exponent = vec2<u32>(0xffffff01u, 0xffffffffu);
    lost = 0u;
}

fn store(t: u32) {
    for (var n = 0u; n < 4u; n += 1u) {
        slots[256u * n + t] = low[n];
        slots[256u * (n + 4u) + t] = high[n];
    }
    slots[2048u + t] = exponent.x;
    slots[2304u + t] = exponent.y;
    slots[2560u + t] = lost;
    slots[2816u + t] = flags;
}

// The sum of two 64-bit integers.
fn add_wide(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let x = a.x + b.x;
    return vec2<u32>(x, a.y + b.y + u32(x < b.x));
}
fn widen(v: i32) -> vec2<u32> {
    let u = bitcast<u32>(v);
    return vec2<u32>(u, 0u - (u >> 31u));
}

// What two products and the cut after them lose: relative errors add up, 1 for this cut, 1 for the
// product of both errors. All ones stand for more than fits.
fn join_lost(a: u32, b: u32, is_cut: bool) -> u32 {
    let sum = a + b;
    let fits = sum >= a && sum < 0xfffffffdu;
    return select(0u, select(0xffffffffu, sum + 2u, fits), is_cut || (a | b) != 0u);
}

// a · b + c + d, which fits two words.
fn multiply_add(a: u32, b: u32, c: u32, d: u32) -> vec2<u32> {
    let q = multiply32(a, b);
    let x = q.x + c;
    let y = x + d;
    return vec2<u32>(y, q.y + u32(x < c) + u32(y < d));
}

// Takes the leading 256 bits of a product of two significands, whose top bit or the next is set: its
// leading eight words, the next one, and whether any below are not 0. The factor was · 2^by.
fn keep(l: vec4<u32>, h: vec4<u32>, next: u32, rest: u32, by: i32) {
    let shift = 1u - (h.w >> 31u);
    let is_short = shift == 1u;
    let one = vec4<u32>(1u);
    let top = vec4<u32>(31u);
    low = select(l, (l << one) | (vec4<u32>(next, l.x, l.y, l.z) >> top), is_short);
    high = select(h, (h << one) | (vec4<u32>(l.w, h.x, h.y, h.z) >> top), is_short);
    lost = join_lost(lost, 0u, (rest | (next << shift)) != 0u);
    exponent = add_wide(exponent, widen(by - i32(shift)));
}

// A factor of up to 32 bits in units of 2^-149.
fn multiply_narrow(v: Parts) {
    flags = join_flags(flags, flags_of(v));
    if (v.m0 == 0u) { return; }
    let up = countLeadingZeros(v.m0);
    let m = v.m0 << up;
    let a = multiply_add(low.x, m, 0u, 0u);
    let b = multiply_add(low.y, m, 0u, a.y);
    let c = multiply_add(low.z, m, 0u, b.y);
    let d = multiply_add(low.w, m, 0u, c.y);
    let e = multiply_add(high.x, m, 0u, d.y);
    let f = multiply_add(high.y, m, 0u, e.y);
    let g = multiply_add(high.z, m, 0u, f.y);
    let h = multiply_add(high.w, m, 0u, g.y);
    let by = i32(v.at) - 149 - i32(up) + 32;
    keep(vec4<u32>(b.x, c.x, d.x, e.x), vec4<u32>(f.x, g.x, h.x, h.y), a.x, 0u, by);
}

// A factor of up to 64 bits in units of 2^-1074.
fn multiply_wide(v: Parts) {
    flags = join_flags(flags, flags_of(v));
    if ((v.m0 | v.m1) == 0u) { return; }
    let is_small = v.m1 == 0u;
    let m1 = select(v.m1, v.m0, is_small);
    let m0 = select(v.m0, 0u, is_small);
    let up = countLeadingZeros(m1);
    let p = m0 << up;
    let q = (m1 << up) | ((m0 >> 1u) >> (31u - up));
    let by = i32(v.at) - 1074 - i32(up) + select(64, 32, is_small);
    // The low word of the factor, then the high one, a word further up.
    let a = multiply_add(low.x, p, 0u, 0u);
    let b = multiply_add(low.y, p, 0u, a.y);
    let c = multiply_add(low.z, p, 0u, b.y);
    let d = multiply_add(low.w, p, 0u, c.y);
    let e = multiply_add(high.x, p, 0u, d.y);
    let f = multiply_add(high.y, p, 0u, e.y);
    let g = multiply_add(high.z, p, 0u, f.y);
    let h = multiply_add(high.w, p, 0u, g.y);
    let b2 = multiply_add(low.x, q, b.x, 0u);
    let c2 = multiply_add(low.y, q, c.x, b2.y);
    let d2 = multiply_add(low.z, q, d.x, c2.y);
    let e2 = multiply_add(low.w, q, e.x, d2.y);
    let f2 = multiply_add(high.x, q, f.x, e2.y);
    let g2 = multiply_add(high.y, q, g.x, f2.y);
    let h2 = multiply_add(high.z, q, h.x, g2.y);
    let i2 = multiply_add(high.w, q, h.y, h2.y);
    keep(vec4<u32>(c2.x, d2.x, e2.x, f2.x), vec4<u32>(g2.x, h2.x, i2.x, i2.y), b2.x, a.x, by);
}

// The product of two invocations, in the place of the first: word by word from the lowest, each the
// sum of the products of words that belong to it. Word c is written where no later one reads.
fn merge(a: u32, b: u32) {
    var sum = vec3<u32>();
    var rest = 0u;
    var next = 0u;
    for (var c = 0u; c < 15u; c += 1u) {
        for (var i = max(c, 7u) - 7u; i <= min(c, 7u); i += 1u) {
            let q = multiply32(slots[256u * i + a], slots[256u * (c - i) + b]);
            let lower = add_wide(sum.xy, q);
            let is_over = lower.y < q.y || (lower.y == q.y && lower.x < q.x);
            sum = vec3<u32>(lower, sum.z + u32(is_over));
        }
        if (c < 7u) {
            rest |= sum.x;
        } else if (c == 7u) {
            next = sum.x;
        } else {
            slots[256u * (c - 8u) + a] = sum.x;
        }
        sum = vec3<u32>(sum.y, sum.z, 0u);
    }
    slots[1792u + a] = sum.x;
    let shift = 1u - (sum.x >> 31u);
    if (shift == 1u) {
        var carry = next >> 31u;
        for (var n = 0u; n < 8u; n += 1u) {
            let w = slots[256u * n + a];
            slots[256u * n + a] = (w << 1u) | carry;
            carry = w >> 31u;
        }
    }
    let both = add_wide(vec2<u32>(slots[2048u + a], slots[2304u + a]),
        vec2<u32>(slots[2048u + b], slots[2304u + b]));
    let sum_of_exponents = add_wide(both, widen(256 - i32(shift)));
    slots[2048u + a] = sum_of_exponents.x;
    slots[2304u + a] = sum_of_exponents.y;
    slots[2560u + a] = join_lost(slots[2560u + a], slots[2560u + b], (rest | (next << shift)) != 0u);
    slots[2816u + a] = join_flags(slots[2816u + a], slots[2816u + b]);
}
