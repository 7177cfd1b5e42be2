//! Constants of the float32 algorithms, written by tests/goldens/make_elementwise_constants.py.
#![allow(missing_docs, clippy::approx_constant, clippy::excessive_precision, clippy::unreadable_literal)]
use super::F;

pub(super) const LOG2E: F = 1.442695e0;
/// ln 2 to 15 bits, so that an exponent times it is exact; LN2_REST is what is missing.
pub(super) const LN2_SHORT: F = 6.9314575e-1;
pub(super) const LN2_REST: F = 1.4286068e-6;
/// ln 2 as a pair.
pub(super) const LN2_HI: F = 6.931472e-1;
pub(super) const LN2_LO: F = -1.9046542e-9;
/// 1 / ln 2 as a pair.
pub(super) const LOG2E_HI: F = 1.442695e0;
pub(super) const LOG2E_LO: F = 1.925963e-8;
/// 1 / ln 10 as a pair.
pub(super) const LOG10E_HI: F = 4.342945e-1;
pub(super) const LOG10E_LO: F = -1.010305e-8;
/// log10 2, split as ln 2.
pub(super) const LOG10_2_SHORT: F = 3.010254e-1;
pub(super) const LOG10_2_REST: F = 4.605039e-6;
/// 2 / 3 as a pair.
pub(super) const TWO_THIRDS_HI: F = 6.666667e-1;
pub(super) const TWO_THIRDS_LO: F = -1.9868216e-8;
pub(super) const TWO_OVER_PI: F = 6.3661975e-1;
/// Part 1 of π / 2, 11 bits.
pub(super) const PIO2_1: F = 1.5703125e0;
/// Part 2 of π / 2, 11 bits.
pub(super) const PIO2_2: F = 4.837513e-4;
/// Part 3 of π / 2.
pub(super) const PIO2_3: F = 7.54979e-8;
/// Part 4 of π / 2.
pub(super) const PIO2_4: F = -1.7151245e-15;
/// π / 2 as a pair.
pub(super) const PIO2_HI: F = 1.5707964e0;
pub(super) const PIO2_LO: F = -4.371139e-8;
/// π / 4, short enough that 3 and 4 times it are exact.
pub(super) const PIO4_SHORT: F = 7.85398e-1;
pub(super) const PIO4_REST: F = 1.5695824e-7;
/// (e^r − 1 − r) / r², |r| ≤ ln 2 / 2.
pub(super) const EXP: [F; 6] = [5.0e-1, 1.6666667e-1, 4.1666467e-2, 8.3333105e-3, 1.3933643e-3, 1.9890982e-4];
/// (log((1 + s) / (1 − s)) − 2 s) / s³ in z = s².
pub(super) const LOG: [F; 4] = [6.666667e-1, 4.0000123e-1, 2.855078e-1, 2.3331614e-1];
/// The same without its first term 2/3, divided by z.
pub(super) const LOG_TAIL: [F; 4] = [4.0e-1, 2.857153e-1, 2.220473e-1, 1.912133e-1];
/// (sin r − r) / r³ in z = r², |r| ≤ π / 4.
pub(super) const SIN: [F; 4] = [-1.6666667e-1, 8.333332e-3, -1.9840084e-4, 2.724962e-6];
/// (cos r − 1 + r² / 2) / r⁴ in z = r², |r| ≤ π / 4.
pub(super) const COS: [F; 4] = [4.1666668e-2, -1.3888888e-3, 2.4800598e-5, -2.7300703e-7];
/// (sinh r − r) / r³ in z = r², |r| ≤ 1.
pub(super) const SINH: [F; 4] = [1.6666667e-1, 8.333339e-3, 1.9838102e-4, 2.8062802e-6];
/// (atan t − t) / t³ in z = t², |t| ≤ tan(π / 8).
pub(super) const ATAN: [F; 6] =
    [-3.3333334e-1, 1.9999978e-1, -1.428415e-1, 1.1071361e-1, -8.624644e-2, 5.048055e-2];
/// The cube root on [1, 8], to 3 digits.
pub(super) const CBRT: [F; 6] =
    [6.084349e-1, 4.8881233e-1, -1.1212011e-1, 1.8251657e-2, -1.5968874e-3, 5.6552548e-5];
/// (erf x − x) / x in z = x², |x| ≤ 5/8.
pub(super) const ERF: [F; 6] =
    [1.2837917e-1, -3.7612635e-1, 1.1283691e-1, -2.6855124e-2, 5.168732e-3, -7.254642e-4];
/// e^a² erfc(a) (1 + 2 a) in t = (a − 3) / (a + 3), for a from ½ on: the first term as a pair.
pub(super) const ERFC_HI: F = 1.253008e0;
pub(super) const ERFC_LO: F = 4.9469957e-8;
/// The others.
pub(super) const ERFC: [F; 9] = [
    -1.3562106e-1,
    -4.7562215e-2,
    1.2964277e-1,
    -1.19275294e-1,
    6.833601e-2,
    -2.3755262e-2,
    2.4008781e-3,
    1.8223489e-3,
    -5.4495246e-4,
];
/// i0(x) in z = x² / 4, |x| ≤ 8.
pub(super) const I0_NEAR: [F; 11] = [
    1.0e0,
    1.0e0,
    2.5000003e-1,
    2.7777718e-2,
    1.7361579e-3,
    6.942559e-5,
    1.9333622e-6,
    3.8760504e-8,
    6.67035e-10,
    4.964065e-12,
    1.4604439e-13,
];
/// e^-x √x i0(x) in t = 16 / x − 1, for x from 8 on: the first term as a pair.
pub(super) const I0_FAR_HI: F = 4.021765e-1;
pub(super) const I0_FAR_LO: F = 9.8788835e-9;
/// The others.
pub(super) const I0_FAR: [F; 6] =
    [3.3605539e-3, 1.3622212e-4, 1.1123499e-5, 1.4561404e-6, 3.4889666e-7, 1.2832041e-7];
