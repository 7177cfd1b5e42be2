// What float64 arithmetic really does: as probe_float32.wgsl, with values of two words each.

@group(0) @binding(0) var<storage, read> pairs: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> out: array<vec2<u32>>;

const COLUMNS: u32 = 15u;

fn join(v: vec2<u32>) -> u64 {
    return u64(v.x) | (u64(v.y) << 32u);
}

fn parts(v: u64) -> vec2<u32> {
    return vec2<u32>(u32(v & 0xfffffffflu), u32(v >> 32u));
}

fn bits(x: f64) -> vec2<u32> {
    return parts(bitcast<u64>(x));
}

fn sum_residual(x: f64, y: f64) -> f64 {
    let s = x + y;
    let t = s - x;
    return (x - (s - t)) + (y - t);
}

fn product_residual(x: f64, y: f64) -> f64 {
    let cx = 134217729.0lf * x;
    let cy = 134217729.0lf * y;
    let xh = cx - (cx - x);
    let yh = cy - (cy - y);
    let xl = x - xh;
    let yl = y - yh;
    let p = x * y;
    return ((xh * yh - p) + xh * yl + xl * yh) + xl * yl;
}

fn compared(x: f64, y: f64) -> u32 {
    return select(0u, 1u, x < y) | select(0u, 2u, x <= y) | select(0u, 4u, x == y)
        | select(0u, 8u, x > y) | select(0u, 16u, x >= y);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let pair = pairs[id.x];
    let a = join(pair.xy);
    let b = join(pair.zw);
    let x = bitcast<f64>(a);
    let y = bitcast<f64>(b);
    let at = id.x * COLUMNS;
    out[at] = bits(x + y);
    out[at + 1u] = bits(x - y);
    out[at + 2u] = bits(x * y);
    out[at + 3u] = bits(x / y);
    out[at + 4u] = bits(sqrt(bitcast<f64>(a & 0x7ffffffffffffffflu)));
    out[at + 5u] = bits(sum_residual(x, y));
    out[at + 6u] = bits(product_residual(x, y));
    out[at + 7u] = vec2<u32>(compared(x, y), 0u);
    out[at + 8u] = bits(f64(a));
    out[at + 9u] = bits(f64(bitcast<i64>(a)));
    out[at + 10u] = parts(bitcast<u64>(i64(x)));
    out[at + 11u] = parts(u64(x));
    out[at + 12u] = bits(x * y + y);
    out[at + 13u] = vec2<u32>(bitcast<u32>(f32(x)), 0u);
    out[at + 14u] = bits(f64(bitcast<f32>(pair.x)));
}
