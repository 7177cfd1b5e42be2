// The positions of an output lie anywhere: one at a time.
fn walk(o: u32, unit: u32, step: u32, slot: u32) {
    let base = start(o);
    let positions = params[FAMILY_AT + 1u];
    for (var k = unit; k < positions; k += step) { take(element(base + offset(k)), k, slot); }
}
