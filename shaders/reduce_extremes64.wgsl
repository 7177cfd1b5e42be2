// Keys of 64-bit elements. Continues reduce_extremes.wgsl.

fn key_int64(v: u64, flip: u32) -> vec2<u32> {
    return vec2<u32>(high64(v) ^ 0x80000000u ^ flip, low64(v) ^ flip);
}
fn key_uint64(v: u64, flip: u32) -> vec2<u32> { return vec2<u32>(high64(v) ^ flip, low64(v) ^ flip); }
fn key_float64(v: u64, flip: u32) -> vec2<u32> {
    let high = high64(v);
    let sign = select(0u, 0xffffffffu, high >= 0x80000000u);
    let order = vec2<u32>(high ^ (sign | 0x80000000u) ^ flip, low64(v) ^ sign ^ flip);
    return select(order, vec2<u32>(), is_nan_float64(v));
}
fn plus_float64(v: u64) -> u64 {
    return select(v, 0lu, high64(v) == 0x80000000u && low64(v) == 0u);
}
