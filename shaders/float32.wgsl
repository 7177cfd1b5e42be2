// float32 arithmetic on bits. A result that is computed is never any NaN but the one quiet NaN.

const NAN32: u32 = 0x7fc00000u;

fn is_nan32(a: u32) -> bool { return (a & 0x7fffffffu) > 0x7f800000u; }

// The bits of a computed value, whatever NaN it may be.
fn canonical32(v: f32) -> u32 {
    let bits = bitcast<u32>(v);
    return select(bits, NAN32, is_nan32(bits));
}

fn add_float32(a: u32, b: u32) -> u32 { return canonical32(bitcast<f32>(a) + bitcast<f32>(b)); }
fn subtract_float32(a: u32, b: u32) -> u32 { return canonical32(bitcast<f32>(a) - bitcast<f32>(b)); }
fn multiply_float32(a: u32, b: u32) -> u32 { return canonical32(bitcast<f32>(a) * bitcast<f32>(b)); }
