// Products: each invocation has one of its own, and those of an output are joined in workgroup memory
// two by two. The dtype gives SLOT, load_one, store and merge (reduce_products_float.wgsl,
// reduce_products_int.wgsl). What was met besides is kept in flags:

const NEGATIVE: u32 = 1u;
const ZERO: u32 = 2u;
const INFINITE: u32 = 4u;
const NAN: u32 = 8u;
const TOO_LARGE: u32 = 16u;

// Word n of invocation t is at 256 n + t, so that neighbours take neighbouring words.
var<workgroup> slots: array<u32, SLOTS>;
var<private> flags: u32;

fn begin(t: u32) {
    flags = 0u;
    load_one();
    store(t);
}

fn end(place: Place) { store(place.t); }

fn combine(place: Place) {
    for (var s = 128u; s > 0u; s = s >> 1u) {
        if (place.lane < s && place.lane + s < place.lanes && place.output < place.width) {
            merge(place.t, place.t + s * place.lane_step);
        }
        workgroupBarrier();
    }
}

fn word(place: Place, output: u32, n: u32) -> u32 {
    return slots[256u * n + output * place.output_step];
}

// Two negative factors make a positive product; the rest is met or not.
fn join_flags(a: u32, b: u32) -> u32 { return (a | (b & ~NEGATIVE)) ^ (b & NEGATIVE); }

fn flags_of(v: Parts) -> u32 {
    let zero = select(0u, ZERO, (v.m0 | v.m1 | v.special) == 0u);
    let infinite = select(0u, INFINITE, (v.special & 3u) != 0u);
    return (v.negative & NEGATIVE) | zero | infinite | select(0u, NAN, (v.special & 4u) != 0u);
}
