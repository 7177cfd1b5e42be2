// Division and square root where the device's own are correctly rounded. Float64's text is this with 64
// for 32; for float32 elsewhere there is division32_corrected.wgsl.

fn div32(a: f32, b: f32) -> f32 { return a / b; }
fn sqrt32(a: f32) -> f32 { return sqrt(a); }
