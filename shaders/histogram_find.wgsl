// Which slot of an axis holds a value: how many of the axis's cuts are not above the value's key.
// Continues core.wgsl; `table_word(i)` is a word of the table, wherever it lies.
//
// A key is the value as an unsigned integer in the order of the numbers, ±0 being one. The cuts are
// the edges in that order, made on the host (src/backend/gpu/histogram/axis.rs).
//
// Words of an axis in `params`, from position p:
//   0 bins   1 cuts   2 where the cuts begin in the table
//   cells:   3 where the cells begin   4 the last cell   5 bits per cell   6, 7 the first cell's key
//   a line:  3 slots per unit   4 slot of the origin     6, 7 the origin: a key, or a float's bits

fn key_bool(v: u32) -> u32 { return v; }
fn key_uint8(v: u32) -> u32 { return v; }
fn key_uint16(v: u32) -> u32 { return v; }
fn key_uint32(v: u32) -> u32 { return v; }
fn key_int8(v: u32) -> u32 { return v ^ 0x80000000u; }
fn key_int16(v: u32) -> u32 { return v ^ 0x80000000u; }
fn key_int32(v: u32) -> u32 { return v ^ 0x80000000u; }

fn key_float16(v: u32) -> u32 {
    let magnitude = v & 0x7fffu;
    return select(0x8000u + magnitude, 0x8000u - magnitude, (v & 0x8000u) != 0u);
}

fn key_float32(v: u32) -> u32 {
    let magnitude = v & 0x7fffffffu;
    return select(0x80000000u + magnitude, 0x80000000u - magnitude, (v >> 31u) != 0u);
}

fn unordered_float16(v: u32) -> bool { return (v & 0x7fffu) > 0x7c00u; }
fn unordered_float32(v: u32) -> bool { return (v & 0x7fffffffu) > 0x7f800000u; }

// A finite float16: its bits in place, times 2^112.
fn widened(v: u32) -> f32 {
    return bitcast<f32>(((v & 0x8000u) << 16u) | ((v & 0x7fffu) << 13u)) * 0x1p112f;
}

// How far a value lies from the origin of the axis's line, about.
fn distance_key32(p: u32, key: u32) -> f32 {
    let origin = params[p + 6u];
    return select(-f32(origin - key), f32(key - origin), key >= origin);
}
fn distance_float16(p: u32, v: u32) -> f32 { return widened(v) - widened(params[p + 6u]); }
fn distance_float32(p: u32, v: u32) -> f32 { return bitcast<f32>(v) - bitcast<f32>(params[p + 6u]); }

// The slot at that distance if the axis is a straight line. Only a place to start from, but always one:
// NaN is not above 0, and what is converted is in u32's range.
fn line_guess(p: u32, distance: f32) -> u32 {
    let slot = distance * bitcast<f32>(params[p + 3u]) + bitcast<f32>(params[p + 4u]);
    let positive = select(0.0, slot, slot > 0.0);
    return min(u32(min(positive, 4294967040.0)), params[p + 1u]);
}

fn cut32(p: u32, i: u32) -> u32 { return table_word(params[p + 2u] + i); }

// The number of cuts that are <= key, which is within low ..= high.
fn bisect32(p: u32, from_low: u32, from_high: u32, key: u32) -> u32 {
    var low = from_low;
    var high = from_high;
    while (low < high) {
        let middle = (low + high) >> 1u;
        if (cut32(p, middle) <= key) { low = middle + 1u; } else { high = middle; }
    }
    return low;
}

// The same, from any guess up to the number of cuts: two comparisons if it is right, and about
// twice the logarithm of the error in steps if not.
fn settle32(p: u32, guess: u32, key: u32) -> u32 {
    let cuts = params[p + 1u];
    var low = guess;
    var high = guess;
    var step = 1u;
    while (low > 0u && cut32(p, low - 1u) > key) {
        high = low - 1u;
        low -= min(step, low);
        step = step << 1u;
    }
    if (low == guess) {
        while (high < cuts && cut32(p, high) <= key) {
            low = high + 1u;
            high += min(step, cuts - high);
            step = step << 1u;
        }
    }
    return bisect32(p, low, high, key);
}

// The same by the cell of the key, for which the table says how many cuts lie before it.
fn cells32(p: u32, key: u32) -> u32 {
    let first = params[p + 6u];
    let cell = min((max(key, first) - first) >> params[p + 5u], params[p + 4u]);
    let at = params[p + 3u] + cell;
    return bisect32(p, table_word(at), table_word(at + 1u), key);
}
