// What every block kernel has: its bindings, and loads that give an element's bits.
//
// A register holds bits: u32 for dtypes of up to 32 bits (bool 0 or 1, narrow integers extended by
// their sign, float16 its 16 bits), u64 for those of 64 bits (core64.wgsl).

@group(0) @binding(0) var<storage, read> params: array<u32>;
@group(0) @binding(1) var<storage, read> data: array<u32>;
@group(0) @binding(2) var<storage, read> data4: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> events: array<atomic<u32>>;

// What the rows of this invocation noticed: 1 an integer divided by zero, 2 a negative power.
var<private> noticed: u32;

fn report_events() {
    if (noticed != 0u) { atomicOr(&events[0], noticed); }
}

// Part n of a word that holds several narrow elements, the first in the low bits.
fn pick_uint8(word: u32, n: u32) -> u32 { return (word >> (8u * n)) & 0xffu; }
fn pick_int8(word: u32, n: u32) -> u32 { return bitcast<u32>(bitcast<i32>(word << (24u - 8u * n)) >> 24u); }
fn pick_bool(word: u32, n: u32) -> u32 { return pick_uint8(word, n); }
fn pick_uint16(word: u32, n: u32) -> u32 { return (word >> (16u * n)) & 0xffffu; }
fn pick_int16(word: u32, n: u32) -> u32 { return bitcast<u32>(bitcast<i32>(word << (16u - 16u * n)) >> 16u); }
fn pick_float16(word: u32, n: u32) -> u32 { return pick_uint16(word, n); }

// The element at a position counted in elements of its dtype.
fn load_uint8(at: u32) -> u32 { return pick_uint8(data[at >> 2u], at & 3u); }
fn load_int8(at: u32) -> u32 { return pick_int8(data[at >> 2u], at & 3u); }
fn load_bool(at: u32) -> u32 { return pick_uint8(data[at >> 2u], at & 3u); }
fn load_uint16(at: u32) -> u32 { return pick_uint16(data[at >> 1u], at & 1u); }
fn load_int16(at: u32) -> u32 { return pick_int16(data[at >> 1u], at & 1u); }
fn load_float16(at: u32) -> u32 { return pick_uint16(data[at >> 1u], at & 1u); }
fn load_uint32(at: u32) -> u32 { return data[at]; }
fn load_int32(at: u32) -> u32 { return data[at]; }
fn load_float32(at: u32) -> u32 { return data[at]; }
