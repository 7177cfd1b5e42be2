// C += A @ B for one piece of the inner dimension. C (m × n, its rows `C_PITCH` elements apart) stays on
// the device from piece to piece; A and B are where their strides say.
//
// A workgroup of 16 × 16 makes a tile of 16·ROWS × 64·QUADS of C; an invocation makes ROWS rows (16
// apart) of QUADS quads of columns (64 apart), in named variables, so that they live in registers. DEPTH
// columns of A and rows of B at a time lie in workgroup memory, twice: while one half is multiplied, the
// next tile is on its way into the other, and there is one barrier a turn.
//
// Each element of C has one accumulator and takes its terms in the order of k, whatever the tile, so
// the tile's shape cannot be seen in the bits. What lies beyond the inner dimension counts as zeros.
//
// Continues a header with: alias T, alias T4 (vec4<T>); const ROWS (4 or 8), QUADS (1 or 2), DEPTH (4, 8
// or 16), A_QUADS and B_QUADS (whether four neighbours in a row lie together, aligned); mac(a, b, c) =
// a·b + c; join(x, y) = x + y; a_one, a_four, b_one, b_four: elements by position.

@group(0) @binding(0) var<storage, read> params: array<u32>;
@group(0) @binding(3) var<storage, read_write> c: array<T4>;

const M = 0u;
const N = 1u;
const K = 2u;
const A_ROW = 3u;
const A_COLUMN = 4u;
const B_ROW = 5u;
const B_COLUMN = 6u;
const C_PITCH = 7u;

const TILE_M = 16u * ROWS;
const TILE_N = 64u * QUADS;
// Quads along k per row of A's tile; along n per row of B's.
const A_WIDTH = DEPTH / 4u;
const B_WIDTH = TILE_N / 4u;
const A_LEN = TILE_M * A_WIDTH;
const B_LEN = DEPTH * B_WIDTH;

var<workgroup> tile_a: array<T4, 2u * A_LEN>;
var<workgroup> tile_b: array<T4, 2u * B_LEN>;

// Where the quad that invocation `t` brings goes in a tile. Neighbours in `t` read neighbours in memory.
fn place_a(t: u32) -> u32 {
    if (A_QUADS) { return t; }
    return (t % TILE_M) * A_WIDTH + t / TILE_M;
}

fn place_b(t: u32) -> u32 {
    if (B_QUADS) { return t; }
    return (t % DEPTH) * B_WIDTH + t / DEPTH;
}

// Four elements along k of a row of A. Rows beyond the last are the last again: they are not stored.
fn fetch_a(place: u32, row0: u32, k0: u32) -> T4 {
    let depth = params[K];
    let row = min(row0 + place / A_WIDTH, params[M] - 1u);
    let k = k0 + 4u * (place % A_WIDTH);
    let within = vec4<bool>(k < depth, k + 1u < depth, k + 2u < depth, k + 3u < depth);
    let last = depth - 1u;
    let at = row * params[A_ROW];
    var quad = T4();
    if (A_QUADS) {
        quad = a_four(at + select(0u, k, k < depth));
    } else {
        let s = params[A_COLUMN];
        quad = T4(a_one(at + min(k, last) * s), a_one(at + min(k + 1u, last) * s),
                  a_one(at + min(k + 2u, last) * s), a_one(at + min(k + 3u, last) * s));
    }
    return select(T4(), quad, within);
}

// Four elements along n of a row of B. Columns beyond the last are some others: they are not read back.
fn fetch_b(place: u32, column0: u32, k0: u32) -> T4 {
    let depth = params[K];
    let k = k0 + place / B_WIDTH;
    let column = column0 + 4u * (place % B_WIDTH);
    let last = params[N] - 1u;
    let at = min(k, depth - 1u) * params[B_ROW];
    var quad = T4();
    if (B_QUADS) {
        quad = b_four(at + min(column, last & 0xfffffffcu));
    } else {
        let s = params[B_COLUMN];
        quad = T4(b_one(at + min(column, last) * s), b_one(at + min(column + 1u, last) * s),
                  b_one(at + min(column + 2u, last) * s), b_one(at + min(column + 3u, last) * s));
    }
    return select(T4(), quad, vec4<bool>(k < depth));
}

// Four terms of a quad of columns, in the order of k.
fn four(sum: T4, x: T4, b0: T4, b1: T4, b2: T4, b3: T4) -> T4 {
    return mac(x.w, b3, mac(x.z, b2, mac(x.y, b1, mac(x.x, b0, sum))));
}

fn put(row: u32, column: u32, sum: T4) {
    if (row < params[M] && column < params[N]) {
        let at = (row * params[C_PITCH] + column) / 4u;
        c[at] = join(c[at], sum);
    }
}

@compute @workgroup_size(16, 16)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) local: vec3<u32>,
    @builtin(local_invocation_index) t: u32,
) {
    let depth = params[K];
    let row0 = group.y * TILE_M;
    let column0 = group.x * TILE_N;
    let to_a = place_a(t);
    let to_b = place_b(t);

    var c00 = T4(); var c01 = T4();
    var c10 = T4(); var c11 = T4();
    var c20 = T4(); var c21 = T4();
    var c30 = T4(); var c31 = T4();
    var c40 = T4(); var c41 = T4();
    var c50 = T4(); var c51 = T4();
    var c60 = T4(); var c61 = T4();
    var c70 = T4(); var c71 = T4();

    if (t < A_LEN) { tile_a[to_a] = fetch_a(to_a, row0, 0u); }
    if (t < B_LEN) { tile_b[to_b] = fetch_b(to_b, column0, 0u); }
    workgroupBarrier();

    var half = 0u;
    for (var k = 0u; k < depth; k += DEPTH) {
        let more = k + DEPTH < depth;
        var next_a = T4();
        var next_b = T4();
        if (more) {
            if (t < A_LEN) { next_a = fetch_a(to_a, row0, k + DEPTH); }
            if (t < B_LEN) { next_b = fetch_b(to_b, column0, k + DEPTH); }
        }

        for (var q = 0u; q < A_WIDTH; q += 1u) {
            let from_b = half * B_LEN + 4u * q * B_WIDTH + local.x;
            let b00 = tile_b[from_b];
            let b10 = tile_b[from_b + B_WIDTH];
            let b20 = tile_b[from_b + 2u * B_WIDTH];
            let b30 = tile_b[from_b + 3u * B_WIDTH];
            var b01 = b00;
            var b11 = b10;
            var b21 = b20;
            var b31 = b30;
            if (QUADS > 1u) {
                b01 = tile_b[from_b + 16u];
                b11 = tile_b[from_b + B_WIDTH + 16u];
                b21 = tile_b[from_b + 2u * B_WIDTH + 16u];
                b31 = tile_b[from_b + 3u * B_WIDTH + 16u];
            }
            let from_a = half * A_LEN + local.y * A_WIDTH + q;
            let x0 = tile_a[from_a];
            let x1 = tile_a[from_a + 16u * A_WIDTH];
            let x2 = tile_a[from_a + 32u * A_WIDTH];
            let x3 = tile_a[from_a + 48u * A_WIDTH];
            c00 = four(c00, x0, b00, b10, b20, b30);
            c10 = four(c10, x1, b00, b10, b20, b30);
            c20 = four(c20, x2, b00, b10, b20, b30);
            c30 = four(c30, x3, b00, b10, b20, b30);
            if (QUADS > 1u) {
                c01 = four(c01, x0, b01, b11, b21, b31);
                c11 = four(c11, x1, b01, b11, b21, b31);
                c21 = four(c21, x2, b01, b11, b21, b31);
                c31 = four(c31, x3, b01, b11, b21, b31);
            }
            if (ROWS > 4u) {
                let x4 = tile_a[from_a + 64u * A_WIDTH];
                let x5 = tile_a[from_a + 80u * A_WIDTH];
                let x6 = tile_a[from_a + 96u * A_WIDTH];
                let x7 = tile_a[from_a + 112u * A_WIDTH];
                c40 = four(c40, x4, b00, b10, b20, b30);
                c50 = four(c50, x5, b00, b10, b20, b30);
                c60 = four(c60, x6, b00, b10, b20, b30);
                c70 = four(c70, x7, b00, b10, b20, b30);
                if (QUADS > 1u) {
                    c41 = four(c41, x4, b01, b11, b21, b31);
                    c51 = four(c51, x5, b01, b11, b21, b31);
                    c61 = four(c61, x6, b01, b11, b21, b31);
                    c71 = four(c71, x7, b01, b11, b21, b31);
                }
            }
        }

        // The other half was read last before the barrier of the turn before.
        half = 1u - half;
        if (more) {
            if (t < A_LEN) { tile_a[half * A_LEN + to_a] = next_a; }
            if (t < B_LEN) { tile_b[half * B_LEN + to_b] = next_b; }
        }
        workgroupBarrier();
    }

    let row = row0 + local.y;
    let column = column0 + 4u * local.x;
    put(row, column, c00);
    put(row + 16u, column, c10);
    put(row + 32u, column, c20);
    put(row + 48u, column, c30);
    if (QUADS > 1u) {
        put(row, column + 64u, c01);
        put(row + 16u, column + 64u, c11);
        put(row + 32u, column + 64u, c21);
        put(row + 48u, column + 64u, c31);
    }
    if (ROWS > 4u) {
        put(row + 64u, column, c40);
        put(row + 80u, column, c50);
        put(row + 96u, column, c60);
        put(row + 112u, column, c70);
        if (QUADS > 1u) {
            put(row + 64u, column + 64u, c41);
            put(row + 80u, column + 64u, c51);
            put(row + 96u, column + 64u, c61);
            put(row + 112u, column + 64u, c71);
        }
    }
}
