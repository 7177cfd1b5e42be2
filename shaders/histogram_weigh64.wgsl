// Weights of 64 bits, for devices with 64-bit integers. Continues histogram_weigh.wgsl.

fn weigh_uint64(bin: u32, v: u64) { add_shifted(bin, 0u, low64(v), high64(v), false); }

fn weigh_int64(bin: u32, v: u64) {
    let negative = (v >> 63u) != 0lu;
    let magnitude = select(v, 0lu - v, negative);
    add_shifted(bin, 0u, low64(magnitude), high64(magnitude), negative);
}

fn weigh_float64(bin: u32, v: u64) {
    let low = low64(v);
    let magnitude = high64(v) & 0x7fffffffu;
    let negative = (v >> 63u) != 0lu;
    if (magnitude >= 0x7ff00000u) {
        let nan = magnitude > 0x7ff00000u || low != 0u;
        add_flag(bin, select(select(1u, 2u, negative), 4u, nan));
        return;
    }
    let exponent = magnitude >> 20u;
    let high = (magnitude & 0xfffffu) | select(0u, 0x100000u, exponent != 0u);
    add_shifted(bin, max(exponent, 1u) - 1u, low, high, negative);
}
