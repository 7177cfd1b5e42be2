// What 64-bit integers really do: as probe_float32.wgsl. Divisors are odd, so never 0.

@group(0) @binding(0) var<storage, read> pairs: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec2<u32>>;

const COLUMNS: u32 = 12u;

fn join(v: vec2<u32>) -> u64 {
    return u64(v.x) | (u64(v.y) << 32u);
}

fn parts(v: u64) -> vec2<u32> {
    return vec2<u32>(u32(v & 0xfffffffflu), u32(v >> 32u));
}

fn compared(a: u64, b: u64) -> u32 {
    let x = bitcast<i64>(a);
    let y = bitcast<i64>(b);
    return select(0u, 1u, a < b) | select(0u, 2u, a <= b) | select(0u, 4u, a == b)
        | select(0u, 8u, x < y) | select(0u, 16u, x <= y) | select(0u, 32u, x == y);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pair = pairs[id.x];
    let a = join(pair.xy);
    let b = join(pair.zw);
    let x = bitcast<i64>(a);
    let d = b | 1lu;
    let n = pair.z & 63u;
    let at = id.x * COLUMNS;
    out[at] = parts(a + b);
    out[at + 1u] = parts(a - b);
    out[at + 2u] = parts(a * b);
    out[at + 3u] = parts(a << n);
    out[at + 4u] = parts(a >> n);
    out[at + 5u] = parts(bitcast<u64>(x >> n));
    out[at + 6u] = parts(a / d);
    out[at + 7u] = parts(a % d);
    out[at + 8u] = parts(bitcast<u64>(x / bitcast<i64>(d)));
    out[at + 9u] = parts(bitcast<u64>(x % bitcast<i64>(d)));
    out[at + 10u] = vec2<u32>(compared(a, b), 0u);
    out[at + 11u] = parts((a & b) ^ (a | ~b));
}
