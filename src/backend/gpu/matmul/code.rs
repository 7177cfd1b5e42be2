//! The shader of a product: `shaders/matmul.wgsl` behind a header for its dtype and tile.

use super::super::abilities::Abilities;
use super::super::shader::shader;
use crate::DType;

/// What a workgroup makes at a time: `16·rows × 64·quads` of C, `depth` terms at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Rows per invocation: 4 or 8.
    pub rows: u32,
    /// Quads of columns per invocation: 1 or 2.
    pub quads: u32,
    /// Terms that lie in workgroup memory at once: 4, 8 or 16.
    pub depth: u32,
}

impl Tile {
    /// Rows and columns of C.
    pub fn edges(self) -> [u32; 2] {
        [16 * self.rows, 64 * self.quads]
    }

    /// `128x64x8`.
    pub fn name(self) -> String {
        let [m, n] = self.edges();
        format!("{m}x{n}x{}", self.depth)
    }

    /// Workgroup memory for elements of `size` bytes: both halves of both tiles.
    fn bytes(self, size: usize) -> u32 {
        let [m, n] = self.edges();
        2 * (m + n) * self.depth * size as u32
    }
}

/// The tiles worth a try for an accumulator of `size` bytes, the plainest first. An invocation brings
/// at most one quad of each operand a turn, which sets the depth.
pub fn tiles(size: usize, abilities: &Abilities) -> Vec<Tile> {
    let all: &[[u32; 3]] = match size {
        4 => &[[4, 1, 16], [8, 1, 8], [4, 2, 8], [8, 2, 8]],
        // Twice the registers an element: the widest would not fit, and depth is halved for the
        // memory's sake.
        _ => &[[4, 1, 8], [8, 1, 4], [4, 2, 4]],
    };
    let fits = |t: &Tile| t.bytes(size) <= abilities.workgroup_bytes;
    all.iter().map(|&[rows, quads, depth]| Tile { rows, quads, depth }).filter(fits).collect()
}

/// The shader for a dtype and a tile; `quads` says of A and B whether four neighbours in a row lie
/// together, aligned.
pub fn source(dtype: DType, tile: Tile, quads: [bool; 2]) -> String {
    let Tile { rows, quads: columns, depth } = tile;
    let scalar = match dtype {
        DType::F32 => "f32",
        DType::F64 => "f64",
        d if d.size() == 8 => "u64",
        _ => "u32",
    };
    // A fused multiply-add is asked for by name: what a compiler may fuse or not could depend on the
    // code around it, so on the tile.
    let (mac, join) = match dtype {
        DType::F32 | DType::F64 => ("fma(T4(a), b, c)", "x + y"),
        DType::Bool => ("(T4(a) & b) | c", "x | y"),
        _ => ("T4(a) * b + c", "x + y"),
    };
    // Narrow dtypes have no use for bindings 4 and 5; no number is left out between those in use, which
    // Vulkan's layouts would close up where SPIR-V goes to the driver as it is.
    let mut out = format!(
        "alias T = {scalar};
alias T4 = vec4<{scalar}>;
const ROWS = {rows}u;
const QUADS = {columns}u;
const DEPTH = {depth}u;
const A_QUADS = {};
const B_QUADS = {};
@group(0) @binding(1) var<storage, read> a: array<u32>;
@group(0) @binding(2) var<storage, read> b: array<u32>;
@group(0) @binding(4) var<storage, read> a4: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> b4: array<vec4<u32>>;
fn mac(a: T, b: T4, c: T4) -> T4 {{ return {mac}; }}
fn join(x: T4, y: T4) -> T4 {{ return {join}; }}
fn word64(low: u32, high: u32) -> T {{ return {}; }}
",
        quads[0],
        quads[1],
        match scalar {
            "f64" => "bitcast<f64>(u64(low) | (u64(high) << 32u))",
            "u64" => "u64(low) | (u64(high) << 32u)",
            _ => "T()",
        },
    );
    for name in ["a", "b"] {
        // Narrow integers are taken without their sign: only the low bits of a sum are kept.
        let (one, four) = match (dtype.size(), scalar) {
            (1, _) => (
                "(X[at >> 2u] >> (8u * (at & 3u))) & 0xffu",
                "(vec4<u32>(X[at >> 2u]) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(0xffu)",
            ),
            (2, _) => (
                "(X[at >> 1u] >> (16u * (at & 1u))) & 0xffffu",
                "(vec4<u32>(X[at >> 1u], X[at >> 1u], X[(at >> 1u) + 1u], X[(at >> 1u) + 1u])
        >> vec4<u32>(0u, 16u, 0u, 16u)) & vec4<u32>(0xffffu)",
            ),
            (4, "f32") => ("bitcast<f32>(X[at])", "bitcast<vec4<f32>>(X4[at >> 2u])"),
            (4, _) => ("X[at]", "X4[at >> 2u]"),
            _ => ("word64(X[2u * at], X[2u * at + 1u])", "pair64(X4[at >> 1u], X4[(at >> 1u) + 1u])"),
        };
        for (function, result, body) in [("one", "T", one), ("four", "T4", four)] {
            let body = body.replace('X', name);
            out.push_str(&format!("fn {name}_{function}(at: u32) -> {result} {{ return {body}; }}\n"));
        }
    }
    if dtype.size() == 8 {
        out.push_str(
            "fn pair64(p: vec4<u32>, q: vec4<u32>) -> T4 {
    return T4(word64(p.x, p.y), word64(p.z, p.w), word64(q.x, q.y), word64(q.z, q.w));
}\n",
        );
    }
    out.push_str(shader!("matmul.wgsl"));
    out
}
