// Slots of values whose keys have 64 bits: histogram_find.wgsl's functions on u64. A cut is two words,
// the low one first.

fn key_uint64(v: u64) -> u64 { return v; }
fn key_int64(v: u64) -> u64 { return v ^ 0x8000000000000000lu; }

fn key_float64(v: u64) -> u64 {
    let magnitude = v & 0x7ffffffffffffffflu;
    return select(0x8000000000000000lu + magnitude, 0x8000000000000000lu - magnitude, (v >> 63u) != 0lu);
}

fn unordered_float64(v: u64) -> bool { return (v & 0x7ffffffffffffffflu) > 0x7ff0000000000000lu; }

fn about64(v: u64) -> f32 { return f32(high64(v)) * 4294967296.0 + f32(low64(v)); }

fn distance_key64(p: u32, key: u64) -> f32 {
    let origin = join64(params[p + 6u], params[p + 7u]);
    return select(-about64(origin - key), about64(key - origin), key >= origin);
}

fn cut64(p: u32, i: u32) -> u64 {
    let at = params[p + 2u] + 2u * i;
    return join64(table_word(at), table_word(at + 1u));
}

fn bisect64(p: u32, from_low: u32, from_high: u32, key: u64) -> u32 {
    var low = from_low;
    var high = from_high;
    while (low < high) {
        let middle = (low + high) >> 1u;
        if (cut64(p, middle) <= key) { low = middle + 1u; } else { high = middle; }
    }
    return low;
}

fn settle64(p: u32, guess: u32, key: u64) -> u32 {
    let cuts = params[p + 1u];
    var low = guess;
    var high = guess;
    var step = 1u;
    while (low > 0u && cut64(p, low - 1u) > key) {
        high = low - 1u;
        low -= min(step, low);
        step = step << 1u;
    }
    if (low == guess) {
        while (high < cuts && cut64(p, high) <= key) {
            low = high + 1u;
            high += min(step, cuts - high);
            step = step << 1u;
        }
    }
    return bisect64(p, low, high, key);
}

fn cells64(p: u32, key: u64) -> u32 {
    let first = join64(params[p + 6u], params[p + 7u]);
    let from_first = select(0lu, key - first, key >= first);
    let cell = min(from_first >> params[p + 5u], u64(params[p + 4u]));
    let at = params[p + 3u] + u32(cell);
    return bisect64(p, table_word(at), table_word(at + 1u), key);
}
