// The smallest key of each output and its first position; `key` makes them from elements, so that the
// extreme is always the smallest (see src/ops/reduce/extreme.rs). A key is (high, low), unsigned.

const THERE: u32 = 1u;
const VALID: u32 = 2u;
const SLOT: u32 = 4u;

// Per invocation: low and high word of the key, position, THERE and VALID.
var<workgroup> best: array<vec4<u32>, 256>;
var<private> mine: vec4<u32>;

fn begin(t: u32) { best[t] = vec4<u32>(); }

fn is_better(a: vec4<u32>, b: vec4<u32>) -> bool {
    if ((a.w & VALID) == 0u) { return false; }
    if ((b.w & VALID) == 0u) { return true; }
    if (a.y != b.y) { return a.y < b.y; }
    return a.x < b.x || (a.x == b.x && a.z < b.z);
}

fn offer(key: vec2<u32>, k: u32) {
    let one = vec4<u32>(key.y, key.x, k, THERE | VALID);
    if (is_better(one, mine)) { mine = one; }
}

fn end(place: Place) { best[place.t] = mine; }

fn combine(place: Place) {
    for (var s = 128u; s > 0u; s = s >> 1u) {
        if (place.lane < s && place.lane + s < place.lanes && place.output < place.width) {
            let other = best[place.t + s * place.lane_step];
            let own = best[place.t];
            var both = own;
            if (is_better(other, own)) { both = other; }
            both.w = own.w | other.w;
            best[place.t] = both;
        }
        workgroupBarrier();
    }
}

fn word(place: Place, output: u32, n: u32) -> u32 {
    return best[output * place.output_step][n];
}

fn key_int(v: u32, flip: u32) -> vec2<u32> { return vec2<u32>(0u, v ^ 0x80000000u ^ flip); }
fn key_uint(v: u32, flip: u32) -> vec2<u32> { return vec2<u32>(0u, v ^ flip); }
// The order of a float's bits: −0 below +0, NaN the extreme.
fn key_float32(v: u32, flip: u32) -> vec2<u32> {
    let order = v ^ select(0x80000000u, 0xffffffffu, v >= 0x80000000u) ^ flip;
    return vec2<u32>(0u, select(order, 0u, is_nan_float32(v)));
}
fn key_float16(v: u32, flip: u32) -> vec2<u32> {
    let order = (v ^ select(0x8000u, 0xffffu, v >= 0x8000u) ^ flip) & 0xffffu;
    return vec2<u32>(0u, select(order, 0u, is_nan_float16(v)));
}
fn plus_float32(v: u32) -> u32 { return select(v, 0u, v == 0x80000000u); }
fn plus_float16(v: u32) -> u32 { return select(v, 0u, v == 0x8000u); }
