// Elements as a file packs them: bytes in planes (HDF5's shuffle), or in reverse order.
//
// Plane b has byte b of each element, the lowest first; it begins at word `first + b * step` of `data`
// and is padded to whole words. Operands that are plain need none of this.

fn plane_byte(plane: u32, at: u32) -> u32 { return pick_uint8(data[plane + (at >> 2u)], at & 3u); }

// The bits of the element at a position.
fn gather16(first: u32, step: u32, at: u32) -> u32 {
    return plane_byte(first, at) | (plane_byte(first + step, at) << 8u);
}
fn gather32(first: u32, step: u32, at: u32) -> u32 {
    return gather16(first, step, at) | (gather16(first + 2u * step, step, at) << 16u);
}

// Bytes of four elements from two planes, a word of each: the low byte from a, the high one from b.
// x has elements 0 and 2 in its halves, y has elements 1 and 3.
fn zip_planes(a: u32, b: u32) -> vec2<u32> {
    return vec2<u32>(
        (a & 0x00ff00ffu) | ((b & 0x00ff00ffu) << 8u),
        ((a >> 8u) & 0x00ff00ffu) | (b & 0xff00ff00u)
    );
}

// The bits of the elements at .. at + 4, where `at` is a multiple of 4.
fn gather16x4(first: u32, step: u32, at: u32) -> vec4<u32> {
    let word = first + (at >> 2u);
    let z = zip_planes(data[word], data[word + step]);
    return vec4<u32>(z.x & 0xffffu, z.y & 0xffffu, z.x >> 16u, z.y >> 16u);
}
fn gather32x4(first: u32, step: u32, at: u32) -> vec4<u32> {
    let word = first + (at >> 2u);
    let low = zip_planes(data[word], data[word + step]);
    let high = zip_planes(data[word + 2u * step], data[word + 3u * step]);
    return vec4<u32>(
        (low.x & 0xffffu) | (high.x << 16u),
        (low.y & 0xffffu) | (high.y << 16u),
        (low.x >> 16u) | (high.x & 0xffff0000u),
        (low.y >> 16u) | (high.y & 0xffff0000u)
    );
}

// A word with the bytes of both halves, or of all of it, in reverse order.
fn reverse16(w: u32) -> u32 { return ((w & 0x00ff00ffu) << 8u) | ((w >> 8u) & 0x00ff00ffu); }
fn reverse32(w: u32) -> u32 {
    let r = reverse16(w);
    return (r << 16u) | (r >> 16u);
}
fn reverse32x4(v: vec4<u32>) -> vec4<u32> {
    return vec4<u32>(reverse32(v.x), reverse32(v.y), reverse32(v.z), reverse32(v.w));
}
