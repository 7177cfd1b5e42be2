fn is_nan64(a: u64) -> bool { return (a & 0x7ffffffffffffffflu) > 0x7ff0000000000000lu; }
fn canonical64(v: f64) -> u64 {
    let bits = bitcast<u64>(v);
    return select(bits, 0x7ff8000000000000lu, is_nan64(bits));
}
