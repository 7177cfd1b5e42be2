// What a tile gathers, in workgroup memory: SLOT words per output, all zero at first. Sums are limbs:
// limb k is a signed 64-bit number in two words, low first, and counts 2^(32 k). Adding a digit
// never ripples beyond its limb, so that invocations can add at once; 2^31 digits fit.

var<workgroup> slots: array<atomic<u32>, SLOTS>;

fn begin(t: u32) {
    let used = params[FAMILY_AT + 3u] * SLOT;
    for (var n = t; n < used; n += 256u) { atomicStore(&slots[n], 0u); }
}

fn combine(place: Place) {}

fn word(place: Place, output: u32, n: u32) -> u32 { return atomicLoad(&slots[output * SLOT + n]); }

// Adds low + high · 2^32 to the limb whose low word is at `at`.
fn limb_add(at: u32, low: u32, high: u32) {
    var h = high;
    if (low != 0u) {
        let old = atomicAdd(&slots[at], low);
        h += u32(old + low < low);
    }
    if (h != 0u) { atomicAdd(&slots[at + 1u], h); }
}

// Adds a digit, or takes it away where `negative` is all ones and not 0.
fn digit_add(at: u32, digit: u32, negative: u32) {
    limb_add(at, (digit ^ negative) - negative, select(0u, negative, digit != 0u));
}

// The bits that a word loses when it is shifted left by 0 to 31.
fn shifted_out(word: u32, by: u32) -> u32 { return (word >> 1u) >> (31u - by); }
