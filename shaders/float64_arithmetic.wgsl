// float64 sums and products, for devices whose float64 is exact. Continues float64.wgsl.

// The bits of a computed value, whatever NaN it may be.
fn canonical64(v: f64) -> u64 { return quiet64(bitcast<u64>(v)); }

fn add_float64(a: u64, b: u64) -> u64 { return canonical64(bitcast<f64>(a) + bitcast<f64>(b)); }
fn subtract_float64(a: u64, b: u64) -> u64 { return canonical64(bitcast<f64>(a) - bitcast<f64>(b)); }
fn multiply_float64(a: u64, b: u64) -> u64 { return canonical64(bitcast<f64>(a) * bitcast<f64>(b)); }
fn square_float64(a: u64) -> u64 { return multiply_float64(a, a); }
// By 180/π and π/180.
fn degrees_float64(a: u64) -> u64 { return multiply_float64(a, 0x404ca5dc1a63c1f8lu); }
fn radians_float64(a: u64) -> u64 { return multiply_float64(a, 0x3f91df46a2529d39lu); }
