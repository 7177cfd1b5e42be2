// What float32 arithmetic really does: per pair of operands, one word per column of the table that
// judges it. The host knows every answer to the bit.

@group(0) @binding(0) var<storage, read> pairs: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;

const COLUMNS: u32 = 13u;

// What x + y leaves out (Knuth's two-sum): wrong if anything is contracted or reordered.
fn sum_residual(x: f32, y: f32) -> f32 {
    let s = x + y;
    let t = s - x;
    return (x - (s - t)) + (y - t);
}

// What x * y leaves out (Dekker), from halves of 12 bits.
fn product_residual(x: f32, y: f32) -> f32 {
    let cx = 4097.0 * x;
    let cy = 4097.0 * y;
    let xh = cx - (cx - x);
    let yh = cy - (cy - y);
    let xl = x - xh;
    let yl = y - yh;
    let p = x * y;
    return ((xh * yh - p) + xh * yl + xl * yh) + xl * yl;
}

fn compared(x: f32, y: f32) -> u32 {
    return select(0u, 1u, x < y) | select(0u, 2u, x <= y) | select(0u, 4u, x == y)
        | select(0u, 8u, x > y) | select(0u, 16u, x >= y);
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let a = pairs[id.x].x;
    let b = pairs[id.x].y;
    let x = bitcast<f32>(a);
    let y = bitcast<f32>(b);
    let at = id.x * COLUMNS;
    out[at] = bitcast<u32>(x + y);
    out[at + 1u] = bitcast<u32>(x - y);
    out[at + 2u] = bitcast<u32>(x * y);
    out[at + 3u] = bitcast<u32>(x / y);
    out[at + 4u] = bitcast<u32>(sqrt(bitcast<f32>(a & 0x7fffffffu)));
    out[at + 5u] = bitcast<u32>(sum_residual(x, y));
    out[at + 6u] = bitcast<u32>(product_residual(x, y));
    out[at + 7u] = compared(x, y);
    out[at + 8u] = bitcast<u32>(f32(a));
    out[at + 9u] = bitcast<u32>(f32(bitcast<i32>(a)));
    out[at + 10u] = bitcast<u32>(i32(x));
    out[at + 11u] = u32(x);
    out[at + 12u] = bitcast<u32>(x * y + y);
}
