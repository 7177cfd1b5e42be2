// Exact sums of weights, one per bin: LIMBS limbs of 64 bits, each two words of two's complement, that
// get digits of 32 bits with a sign. A limb holds the sum of 2^31 digits, so carries from limb to limb
// wait for the host. Words of `out` from `bins + 4`: the limbs by bin, then flags by bin: 1 +inf,
// 2 −inf, 4 NaN. In `near`, where WEIGHTS_NEAR, the limbs in the same order, each word in `copies`.
// Continues histogram.wgsl.

// Adds a digit to a limb whose words are `near[at]` and `near[at + copies]`.
fn add_near(at: u32, digit: u32, negative: bool) {
    if (negative) {
        if (atomicSub(&near[at], digit) < digit) { atomicSub(&near[at + copies], 1u); }
    } else {
        if (atomicAdd(&near[at], digit) > 0xffffffffu - digit) { atomicAdd(&near[at + copies], 1u); }
    }
}

// The same to `out[at]` and `out[at + 1]`.
fn add_far(at: u32, digit: u32, negative: bool) {
    if (negative) {
        if (atomicSub(&out[at], digit) < digit) { atomicSub(&out[at + 1u], 1u); }
    } else {
        if (atomicAdd(&out[at], digit) > 0xffffffffu - digit) { atomicAdd(&out[at + 1u], 1u); }
    }
}

fn add_digit(bin: u32, limb: u32, digit: u32, negative: bool) {
    if (digit == 0u) { return; }
    let at = bins + 4u + 2u * (bin * LIMBS + limb);
    if (WEIGHTS_NEAR) {
        add_near(at * copies + copy, digit, negative);
    } else {
        add_far(at, digit, negative);
    }
}

fn add_flag(bin: u32, flag: u32) {
    let at = bins + 4u + 2u * bins * LIMBS + bin;
    if ((atomicLoad(&out[at]) & flag) == 0u) { atomicOr(&out[at], flag); }
}

// Adds ±(high · 2^32 + low) · 2^at, where high < 2^21 unless at is 0.
fn add_shifted(bin: u32, at: u32, low: u32, high: u32, negative: bool) {
    let limb = at >> 5u;
    let shift = at & 31u;
    add_digit(bin, limb, low << shift, negative);
    let rest = (low >> 1u) >> (31u - shift);
    if (LIMBS > 1u) { add_digit(bin, limb + 1u, rest | (high << shift), negative); }
    if (LIMBS > 2u) { add_digit(bin, limb + 2u, (high >> 1u) >> (31u - shift), negative); }
}

fn weigh_bool(bin: u32, v: u32) { add_digit(bin, 0u, v, false); }
fn weigh_uint8(bin: u32, v: u32) { add_digit(bin, 0u, v, false); }
fn weigh_uint16(bin: u32, v: u32) { add_digit(bin, 0u, v, false); }
fn weigh_uint32(bin: u32, v: u32) { add_digit(bin, 0u, v, false); }
fn weigh_int8(bin: u32, v: u32) { weigh_int32(bin, v); }
fn weigh_int16(bin: u32, v: u32) { weigh_int32(bin, v); }
fn weigh_int32(bin: u32, v: u32) {
    let negative = (v >> 31u) != 0u;
    add_digit(bin, 0u, select(v, 0u - v, negative), negative);
}

// Units of 2^-53: float32's lowest bit is 2^-149, and the limbs begin at its bit 96.
fn weigh_float16(bin: u32, v: u32) {
    let magnitude = v & 0x7fffu;
    let negative = (v & 0x8000u) != 0u;
    if (magnitude >= 0x7c00u) {
        add_flag(bin, select(select(1u, 2u, negative), 4u, magnitude > 0x7c00u));
        return;
    }
    let exponent = magnitude >> 10u;
    let mantissa = (magnitude & 0x3ffu) | select(0u, 0x400u, exponent != 0u);
    add_shifted(bin, max(exponent, 1u) + 28u, mantissa, 0u, negative);
}

fn weigh_float32(bin: u32, v: u32) {
    let magnitude = v & 0x7fffffffu;
    let negative = (v >> 31u) != 0u;
    if (magnitude >= 0x7f800000u) {
        add_flag(bin, select(select(1u, 2u, negative), 4u, magnitude > 0x7f800000u));
        return;
    }
    let exponent = magnitude >> 23u;
    let mantissa = (magnitude & 0x7fffffu) | select(0u, 0x800000u, exponent != 0u);
    add_shifted(bin, max(exponent, 1u) - 1u, mantissa, 0u, negative);
}

fn flush_weights(lane: u32) {
    if (!WEIGHTS_NEAR) { return; }
    for (var k = lane; k < bins * LIMBS; k += 256u) {
        let at = bins + 4u + 2u * k;
        var low = 0u;
        var high = 0u;
        for (var c = 0u; c < copies; c++) {
            let other = (c + lane) & (copies - 1u);
            let more = atomicLoad(&near[at * copies + other]);
            low += more;
            high += atomicLoad(&near[(at + 1u) * copies + other]) + select(0u, 1u, low < more);
        }
        if (low != 0u && atomicAdd(&out[at], low) > 0xffffffffu - low) { high += 1u; }
        if (high != 0u) { atomicAdd(&out[at + 1u], high); }
    }
}
