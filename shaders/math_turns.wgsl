// The reduction of large arguments of sin, cos and tan by Payne and Hanek, in words of 32 bits:
// quarter_turns of src/ops/elementwise/math/mod.rs. Serves float32 and float64.

alias Int = i32;
alias Word = u32;

// An angle as quadrant + (−1)^minus · size / 2^128, in quarter turns; the first word of the size is the
// highest, and the size is at most 2^127.
struct Turns { quadrant: i32, minus: bool, size: vec4<u32> }

// The two words of a · b, the low one first.
fn wide_product(a: u32, b: u32) -> vec2<u32> {
    let al = a & 0xffffu;
    let ah = a >> 16u;
    let bl = b & 0xffffu;
    let bh = b >> 16u;
    let low = al * bl;
    let middle = ah * bl + (low >> 16u);
    let other = al * bh + (middle & 0xffffu);
    return vec2<u32>((other << 16u) | (low & 0xffffu), ah * bh + (middle >> 16u) + (other >> 16u));
}

// One word of the product of a significand (low, high; at most 53 bits) with 2/π: the word and the carry.
fn turn_step(m: vec2<u32>, bits: u32, carry: vec2<u32>) -> vec3<u32> {
    let p = wide_product(m.x, bits);
    let q = wide_product(m.y, bits);
    let word = p.x + carry.x;
    let c = p.y + select(0u, 1u, word < carry.x);
    // At most 2^32 − 1: p.y is at most 2^32 − 2.
    let low = c + q.x;
    let low2 = low + carry.y;
    let high = q.y + select(0u, 1u, low < c) + select(0u, 1u, low2 < low);
    return vec3<u32>(word, low2, high);
}

// Bits of 2/π from `shift` of a word on.
fn turn_bits(a: u32, b: u32, shift: u32) -> u32 { return (a << shift) | ((b >> 1u) >> (31u - shift)); }

// −v of 128 bits.
fn negate128(v: vec4<u32>) -> vec4<u32> {
    let w = v.w == 0u;
    let z = w && v.z == 0u;
    let y = z && v.y == 0u;
    return ~v + vec4<u32>(select(0u, 1u, y), select(0u, 1u, z), select(0u, 1u, w), 1u);
}

// `m · 2^e · 2/π` less the multiples of 4, for a significand m of at most 53 bits and −62 <= e <= 971.
fn quarter_turns(m: vec2<u32>, e: i32) -> Turns {
    // The table begins with 64 zero bits, so that the first bit taken may be one before the point.
    let first = u32(max(e + 62, 0));
    let at = min(first >> 5u, 35u);
    let shift = first & 31u;
    let t6 = TWO_OVER_PI_BITS[at + 6u];
    let t5 = TWO_OVER_PI_BITS[at + 5u];
    let t4 = TWO_OVER_PI_BITS[at + 4u];
    let t3 = TWO_OVER_PI_BITS[at + 3u];
    let t2 = TWO_OVER_PI_BITS[at + 2u];
    let t1 = TWO_OVER_PI_BITS[at + 1u];
    let t0 = TWO_OVER_PI_BITS[at];
    // From the last word to the first; bits above the first word are whole multiples of 4.
    let p5 = turn_step(m, turn_bits(t5, t6, shift), vec2<u32>());
    let p4 = turn_step(m, turn_bits(t4, t5, shift), p5.yz);
    let p3 = turn_step(m, turn_bits(t3, t4, shift), p4.yz);
    let p2 = turn_step(m, turn_bits(t2, t3, shift), p3.yz);
    let p1 = turn_step(m, turn_bits(t1, t2, shift), p2.yz);
    let p0 = turn_step(m, turn_bits(t0, t1, shift), p1.yz);
    let top = vec4<u32>(p0.x, p1.x, p2.x, p3.x);
    let next = vec4<u32>(p1.x, p2.x, p3.x, p4.x);
    let fraction = vec4<u32>(turn_bits(top.x, next.x, 2u), turn_bits(top.y, next.y, 2u),
        turn_bits(top.z, next.z, 2u), turn_bits(top.w, next.w, 2u));
    // To the nearest quadrant.
    let minus = fraction.x >= 0x80000000u;
    let quadrant = i32(top.x >> 30u) + select(0, 1, minus);
    return Turns(quadrant, minus, select(fraction, negate128(fraction), minus));
}

// A size shifted left by its leading zeros, at most 64 of them, and their number.
struct Leading { bits: vec4<u32>, zeros: i32 }

fn without_zeros(size: vec4<u32>) -> Leading {
    var v = size;
    var zeros = 0u;
    if (v.x == 0u) {
        v = vec4<u32>(v.yzw, 0u);
        zeros = 32u;
        if (v.x == 0u) { return Leading(vec4<u32>(v.yzw, 0u), 64); }
    }
    let shift = countLeadingZeros(v.x);
    let bits = vec4<u32>(turn_bits(v.x, v.y, shift), turn_bits(v.y, v.z, shift),
        turn_bits(v.z, v.w, shift), v.w << shift);
    return Leading(bits, i32(zeros + shift));
}
