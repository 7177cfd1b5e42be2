// Products of integers: the magnitude of the factors that are not 0, in two words, and flags.
// Magnitudes only grow, so whether one has outgrown 64 bits does not depend on the order.

const SLOT: u32 = 3u;
const SLOTS: u32 = 768u;

var<private> magnitude: vec2<u32>;

fn load_one() { magnitude = vec2<u32>(1u, 0u); }

fn store(t: u32) {
    slots[t] = magnitude.x;
    slots[256u + t] = magnitude.y;
    slots[512u + t] = flags;
}

fn multiply_magnitude(m0: u32, m1: u32) {
    let q = multiply64(magnitude.x, magnitude.y, m0, m1);
    if ((q.z | q.w) != 0u) { flags |= TOO_LARGE; } else { magnitude = q.xy; }
}

fn multiply(v: Parts) {
    flags = join_flags(flags, flags_of(v));
    if ((v.m0 | v.m1) != 0u) { multiply_magnitude(v.m0, v.m1); }
}

// The product of two invocations, in the place of the first.
fn merge(a: u32, b: u32) {
    magnitude = vec2<u32>(slots[a], slots[256u + a]);
    flags = join_flags(slots[512u + a], slots[512u + b]);
    multiply_magnitude(slots[b], slots[256u + b]);
    store(a);
}
