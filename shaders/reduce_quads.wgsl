// The positions of an output are neighbours: four at a time, beginning at multiples of 4.
fn walk(o: u32, unit: u32, step: u32, slot: u32) {
    let base = start(o);
    let to = base + params[FAMILY_AT + 1u];
    for (var i = (base & 0xfffffffcu) + 4u * unit; i < to; i += 4u * step) {
        if (i >= base && i + 3u < to) {
            let q = quad(i);
            let k = i - base;
            take(q.a, k, slot);
            take(q.b, k + 1u, slot);
            take(q.c, k + 2u, slot);
            take(q.d, k + 3u, slot);
        } else {
            for (var j = max(i, base); j < min(i + 4u, to); j += 1u) { take(element(j), j - base, slot); }
        }
    }
}
