// Constants and polynomials of the float32 functions, written by
// tests/goldens/make_shader_constants.py from src/ops/elementwise/math/constants_f32.rs.

const LOG2E32: f32 = 1.442695e0f;
// ln 2 to 15 bits, so that an exponent times it is exact; LN2_REST is what is missing.
const LN2_SHORT32: f32 = 6.9314575e-1f;
const LN2_REST32: f32 = 1.4286068e-6f;
// ln 2 as a pair.
const LN2_HI32: f32 = 6.931472e-1f;
const LN2_LO32: f32 = -1.9046542e-9f;
// 1 / ln 2 as a pair.
const LOG2E_HI32: f32 = 1.442695e0f;
const LOG2E_LO32: f32 = 1.925963e-8f;
// 1 / ln 10 as a pair.
const LOG10E_HI32: f32 = 4.342945e-1f;
const LOG10E_LO32: f32 = -1.010305e-8f;
// log10 2, split as ln 2.
const LOG10_2_SHORT32: f32 = 3.010254e-1f;
const LOG10_2_REST32: f32 = 4.605039e-6f;
// 2 / 3 as a pair.
const TWO_THIRDS_HI32: f32 = 6.666667e-1f;
const TWO_THIRDS_LO32: f32 = -1.9868216e-8f;
const TWO_OVER_PI32: f32 = 6.3661975e-1f;
// Part 1 of π / 2, 11 bits.
const PIO2_1_32: f32 = 1.5703125e0f;
// Part 2 of π / 2, 11 bits.
const PIO2_2_32: f32 = 4.837513e-4f;
// Part 3 of π / 2.
const PIO2_3_32: f32 = 7.54979e-8f;
// Part 4 of π / 2.
const PIO2_4_32: f32 = -1.7151245e-15f;
// π / 2 as a pair.
const PIO2_HI32: f32 = 1.5707964e0f;
const PIO2_LO32: f32 = -4.371139e-8f;
// π / 4, short enough that 3 and 4 times it are exact.
const PIO4_SHORT32: f32 = 7.85398e-1f;
const PIO4_REST32: f32 = 1.5695824e-7f;
// (e^r − 1 − r) / r², |r| ≤ ln 2 / 2.
fn poly_exp32(x: f32) -> f32 {
    var v: f32 = 1.9890982e-4f;
    v = v * x + 1.3933643e-3f;
    v = v * x + 8.3333105e-3f;
    v = v * x + 4.1666467e-2f;
    v = v * x + 1.6666667e-1f;
    v = v * x + 5.0e-1f;
    return v;
}
// (log((1 + s) / (1 − s)) − 2 s) / s³ in z = s².
fn poly_log32(x: f32) -> f32 {
    var v: f32 = 2.3331614e-1f;
    v = v * x + 2.855078e-1f;
    v = v * x + 4.0000123e-1f;
    v = v * x + 6.666667e-1f;
    return v;
}
// The same without its first term 2/3, divided by z.
fn poly_log_tail32(x: f32) -> f32 {
    var v: f32 = 1.912133e-1f;
    v = v * x + 2.220473e-1f;
    v = v * x + 2.857153e-1f;
    v = v * x + 4.0e-1f;
    return v;
}
// (sin r − r) / r³ in z = r², |r| ≤ π / 4.
fn poly_sin32(x: f32) -> f32 {
    var v: f32 = 2.724962e-6f;
    v = v * x + (-1.9840084e-4f);
    v = v * x + 8.333332e-3f;
    v = v * x + (-1.6666667e-1f);
    return v;
}
// (cos r − 1 + r² / 2) / r⁴ in z = r², |r| ≤ π / 4.
fn poly_cos32(x: f32) -> f32 {
    var v: f32 = -2.7300703e-7f;
    v = v * x + 2.4800598e-5f;
    v = v * x + (-1.3888888e-3f);
    v = v * x + 4.1666668e-2f;
    return v;
}
// (sinh r − r) / r³ in z = r², |r| ≤ 1.
fn poly_sinh32(x: f32) -> f32 {
    var v: f32 = 2.8062802e-6f;
    v = v * x + 1.9838102e-4f;
    v = v * x + 8.333339e-3f;
    v = v * x + 1.6666667e-1f;
    return v;
}
// (atan t − t) / t³ in z = t², |t| ≤ tan(π / 8).
fn poly_atan32(x: f32) -> f32 {
    var v: f32 = 5.048055e-2f;
    v = v * x + (-8.624644e-2f);
    v = v * x + 1.1071361e-1f;
    v = v * x + (-1.428415e-1f);
    v = v * x + 1.9999978e-1f;
    v = v * x + (-3.3333334e-1f);
    return v;
}
// The cube root on [1, 8], to 3 digits.
fn poly_cbrt32(x: f32) -> f32 {
    var v: f32 = 5.6552548e-5f;
    v = v * x + (-1.5968874e-3f);
    v = v * x + 1.8251657e-2f;
    v = v * x + (-1.1212011e-1f);
    v = v * x + 4.8881233e-1f;
    v = v * x + 6.084349e-1f;
    return v;
}
// (erf x − x) / x in z = x², |x| ≤ 5/8.
fn poly_erf32(x: f32) -> f32 {
    var v: f32 = -7.254642e-4f;
    v = v * x + 5.168732e-3f;
    v = v * x + (-2.6855124e-2f);
    v = v * x + 1.1283691e-1f;
    v = v * x + (-3.7612635e-1f);
    v = v * x + 1.2837917e-1f;
    return v;
}
// e^a² erfc(a) (1 + 2 a) in t = (a − 3) / (a + 3), for a from ½ on: the first term as a pair.
const ERFC_HI32: f32 = 1.253008e0f;
const ERFC_LO32: f32 = 4.9469957e-8f;
// The others.
fn poly_erfc32(x: f32) -> f32 {
    var v: f32 = -5.4495246e-4f;
    v = v * x + 1.8223489e-3f;
    v = v * x + 2.4008781e-3f;
    v = v * x + (-2.3755262e-2f);
    v = v * x + 6.833601e-2f;
    v = v * x + (-1.19275294e-1f);
    v = v * x + 1.2964277e-1f;
    v = v * x + (-4.7562215e-2f);
    v = v * x + (-1.3562106e-1f);
    return v;
}
// i0(x) in z = x² / 4, |x| ≤ 8.
fn poly_i0_near32(x: Pair32) -> Pair32 {
    var v = Pair32(1.4604439e-13f, 0.0);
    v = horner_step32(v, x, 4.964065e-12f);
    v = horner_step32(v, x, 6.67035e-10f);
    v = horner_step32(v, x, 3.8760504e-8f);
    v = horner_step32(v, x, 1.9333622e-6f);
    v = horner_step32(v, x, 6.942559e-5f);
    v = horner_step32(v, x, 1.7361579e-3f);
    v = horner_step32(v, x, 2.7777718e-2f);
    v = horner_step32(v, x, 2.5000003e-1f);
    v = horner_step32(v, x, 1.0e0f);
    v = horner_step32(v, x, 1.0e0f);
    return v;
}
// e^-x √x i0(x) in t = 16 / x − 1, for x from 8 on: the first term as a pair.
const I0_FAR_HI32: f32 = 4.021765e-1f;
const I0_FAR_LO32: f32 = 9.8788835e-9f;
// The others.
fn poly_i0_far32(x: f32) -> f32 {
    var v: f32 = 1.2832041e-7f;
    v = v * x + 3.4889666e-7f;
    v = v * x + 1.4561404e-6f;
    v = v * x + 1.1123499e-5f;
    v = v * x + 1.3622212e-4f;
    v = v * x + 3.3605539e-3f;
    return v;
}

// 64 zeros and the first 1280 bits of 2 / π after the point.
const TWO_OVER_PI_BITS = array<u32, 42>(
    0x00000000u, 0x00000000u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u,
    0x3c439041u, 0xfe5163abu, 0xdebbc561u, 0xb7246e3au, 0x424dd2e0u, 0x06492eeau, 0x09d1921cu,
    0xfe1deb1cu, 0xb129a73eu, 0xe88235f5u, 0x2ebb4484u, 0xe99c7026u, 0xb45f7e41u, 0x3991d639u,
    0x835339f4u, 0x9c845f8bu, 0xbdf9283bu, 0x1ff897ffu, 0xde05980fu, 0xef2f118bu, 0x5a0a6d1fu,
    0x6d367ecfu, 0x27cb09b7u, 0x4f463f66u, 0x9e5fea2du, 0x7527bac7u, 0xebe5f17bu, 0x3d0739f7u,
    0x8a5292eau, 0x6bfb5fb1u, 0x1f8d5d08u, 0x56033046u, 0xfc7b6babu, 0xf0cfbc20u, 0x9af4361du,
);
