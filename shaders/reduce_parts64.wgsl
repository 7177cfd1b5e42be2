// 64-bit elements taken apart. Continues reduce_parts.wgsl; no float64 arithmetic is needed.

fn is_nan_float64(v: u64) -> bool {
    let high = high64(v) & 0x7fffffffu;
    return high > 0x7ff00000u || (high == 0x7ff00000u && low64(v) != 0u);
}

fn parts_uint64(v: u64) -> Parts { return Parts(low64(v), high64(v), 0u, 0u, 0u); }
fn parts_int64(v: u64) -> Parts {
    let negative = 0u - (high64(v) >> 31u);
    let low = (low64(v) ^ negative) - negative;
    // Taking away −1 carries on only where the low word was 0.
    let high = (high64(v) ^ negative) + select(0u, negative & 1u, low == 0u);
    return Parts(low, high, 0u, negative, 0u);
}
fn parts_float64(v: u64) -> Parts {
    let high = high64(v);
    let e = (high >> 20u) & 0x7ffu;
    let f = high & 0xfffffu;
    let is_finite = e != 0x7ffu;
    var p = finite_or_special(low64(v), max(e, 1u) - 1u, high >> 31u, f | low64(v), is_finite);
    p.m1 = select(0u, f | select(0u, 0x100000u, e != 0u), is_finite);
    return p;
}
