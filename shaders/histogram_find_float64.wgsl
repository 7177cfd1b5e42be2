// Where float64 can be computed with: how far a float64 lies from the origin of a line.

fn distance_float64(p: u32, v: u64) -> f32 {
    return f32(bitcast<f64>(v) - bitcast<f64>(join64(params[p + 6u], params[p + 7u])));
}
