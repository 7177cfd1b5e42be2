// Elements taken apart into integers.

// ±m · 2^at in the term's lowest unit, or special: 1 +inf, 2 −inf, 4 NaN, with m = 0.
struct Parts {
    m0: u32, m1: u32,
    at: u32,
    // All ones, or 0.
    negative: u32,
    special: u32,
}

fn is_nan_float32(v: u32) -> bool { return (v & 0x7fffffffu) > 0x7f800000u; }
fn is_nan_float16(v: u32) -> bool { return (v & 0x7fffu) > 0x7c00u; }

fn parts_uint(v: u32) -> Parts { return Parts(v, 0u, 0u, 0u, 0u); }
fn parts_int(v: u32) -> Parts {
    let negative = 0u - (v >> 31u);
    return Parts((v ^ negative) - negative, 0u, 0u, negative, 0u);
}

// From a float's fields: its fraction with the implicit bit, its exponent from 1 on.
fn finite_or_special(m: u32, at: u32, sign: u32, fraction: u32, is_finite: bool) -> Parts {
    let special = select(1u + sign, 4u, fraction != 0u);
    return Parts(select(0u, m, is_finite), 0u, at, 0u - sign, select(special, 0u, is_finite));
}
fn parts_float32(v: u32) -> Parts {
    let e = (v >> 23u) & 0xffu;
    let f = v & 0x7fffffu;
    return finite_or_special(f | select(0u, 0x800000u, e != 0u), max(e, 1u) - 1u, v >> 31u, f, e != 0xffu);
}
// In units of 2^-149, as float32: float16's own is 2^-24.
fn parts_float16(v: u32) -> Parts {
    let e = (v >> 10u) & 0x1fu;
    let f = v & 0x3ffu;
    return finite_or_special(f | select(0u, 0x400u, e != 0u), max(e, 1u) + 124u, v >> 15u, f, e != 0x1fu);
}

// What a product is if a factor is special, else 0.
fn special_product(a: Parts, b: Parts) -> u32 {
    let any = a.special | b.special;
    // Of a special value m is 0 too, and its product with one is no NaN.
    let zero = ((a.m0 | a.m1 | a.special) == 0u) || ((b.m0 | b.m1 | b.special) == 0u);
    let infinite = select(1u, 2u, a.negative != b.negative);
    return select(select(infinite, 4u, zero || (any & 4u) != 0u), 0u, any == 0u);
}

// The 64 bits of a product, low word first.
fn multiply32(a: u32, b: u32) -> vec2<u32> {
    let al = a & 0xffffu;
    let ah = a >> 16u;
    let bl = b & 0xffffu;
    let bh = b >> 16u;
    let ll = al * bl;
    let lh = al * bh;
    let hl = ah * bl;
    let middle = (ll >> 16u) + (lh & 0xffffu) + (hl & 0xffffu);
    return vec2<u32>((ll & 0xffffu) | (middle << 16u),
        ah * bh + (lh >> 16u) + (hl >> 16u) + (middle >> 16u));
}

// The 128 bits of the product of two words each, lowest first.
fn multiply64(a0: u32, a1: u32, b0: u32, b1: u32) -> vec4<u32> {
    let p = multiply32(a0, b0);
    let q = multiply32(a0, b1);
    let r = multiply32(a1, b0);
    let s = multiply32(a1, b1);
    // Word 1: p.y + q.x + r.x, word 2: q.y + r.y + s.x and the carries.
    let w1a = p.y + q.x;
    let w1 = w1a + r.x;
    let c1 = u32(w1a < q.x) + u32(w1 < r.x);
    let w2a = q.y + r.y;
    let w2b = w2a + s.x;
    let w2 = w2b + c1;
    let c2 = u32(w2a < r.y) + u32(w2b < s.x) + u32(w2 < c1);
    return vec4<u32>(p.x, w1, w2, s.y + c2);
}
