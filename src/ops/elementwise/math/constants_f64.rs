//! Constants of the float64 algorithms, written by tests/goldens/make_elementwise_constants.py.
#![allow(missing_docs, clippy::approx_constant, clippy::excessive_precision, clippy::unreadable_literal)]
use super::F;

pub(super) const LOG2E: F = 1.4426950408889634;
/// ln 2 to 42 bits, so that an exponent times it is exact; LN2_REST is what is missing.
pub(super) const LN2_SHORT: F = 0.6931471805598903;
pub(super) const LN2_REST: F = 5.497923018708371e-14;
/// ln 2 as a pair.
pub(super) const LN2_HI: F = 0.6931471805599453;
pub(super) const LN2_LO: F = 2.3190468138462996e-17;
/// 1 / ln 2 as a pair.
pub(super) const LOG2E_HI: F = 1.4426950408889634;
pub(super) const LOG2E_LO: F = 2.0355273740931033e-17;
/// 1 / ln 10 as a pair.
pub(super) const LOG10E_HI: F = 0.4342944819032518;
pub(super) const LOG10E_LO: F = 1.098319650216765e-17;
/// log10 2, split as ln 2.
pub(super) const LOG10_2_SHORT: F = 0.30102999566395283;
pub(super) const LOG10_2_REST: F = 2.8363394551044964e-14;
/// 2 / 3 as a pair.
pub(super) const TWO_THIRDS_HI: F = 0.6666666666666666;
pub(super) const TWO_THIRDS_LO: F = 3.700743415417188e-17;
pub(super) const TWO_OVER_PI: F = 0.6366197723675814;
/// Part 1 of π / 2, 33 bits.
pub(super) const PIO2_1: F = 1.5707963267341256;
/// Part 2 of π / 2, 33 bits.
pub(super) const PIO2_2: F = 6.077100506303966e-11;
/// Part 3 of π / 2.
pub(super) const PIO2_3: F = 2.0222662487959506e-21;
/// Part 4 of π / 2.
pub(super) const PIO2_4: F = 1.0085854035872483e-37;
/// π / 2 as a pair.
pub(super) const PIO2_HI: F = 1.5707963267948966;
pub(super) const PIO2_LO: F = 6.123233995736766e-17;
/// π / 4, short enough that 3 and 4 times it are exact.
pub(super) const PIO4_SHORT: F = 0.7853981633974483;
pub(super) const PIO4_REST: F = 3.061616997868383e-17;
/// (e^r − 1 − r) / r², |r| ≤ ln 2 / 2.
pub(super) const EXP: [F; 12] = [
    0.5,
    0.16666666666666666,
    0.04166666666666668,
    0.008333333333333333,
    0.001388888888887908,
    0.00019841269841263304,
    2.480158733642519e-5,
    2.755731924720737e-6,
    2.7557263297335027e-7,
    2.5052071106455234e-8,
    2.0918130986747386e-9,
    1.6086623457177021e-10,
];
/// (log((1 + s) / (1 − s)) − 2 s) / s³ in z = s².
pub(super) const LOG: [F; 8] = [
    0.6666666666666666,
    0.40000000000000885,
    0.28571428570799784,
    0.22222222392581045,
    0.18181795547521137,
    0.15386244737621665,
    0.13268638369266825,
    0.13088034850927555,
];
/// The same without its first term 2/3, divided by z.
pub(super) const LOG_TAIL: [F; 8] = [
    0.4,
    0.2857142857142937,
    0.22222222221652765,
    0.18181818336099848,
    0.1538459488700718,
    0.1333480879881234,
    0.11706126464563398,
    0.11724327060846747,
];
/// (sin r − r) / r³ in z = r², |r| ≤ π / 4.
pub(super) const SIN: [F; 8] = [
    -0.16666666666666666,
    0.008333333333333333,
    -0.00019841269841269839,
    2.7557319223981077e-6,
    -2.5052108382377827e-8,
    1.6059042777921172e-10,
    -7.646960948071416e-13,
    2.791224100841561e-15,
];
/// (cos r − 1 + r² / 2) / r⁴ in z = r², |r| ≤ π / 4.
pub(super) const COS: [F; 8] = [
    0.041666666666666664,
    -0.001388888888888889,
    2.4801587301587298e-5,
    -2.755731922398348e-7,
    2.0876756986335384e-9,
    -1.1470745068029556e-11,
    4.779375897774338e-14,
    -1.5518009109180316e-16,
];
/// (sinh r − r) / r³ in z = r², |r| ≤ 1.
pub(super) const SINH: [F; 8] = [
    0.16666666666666666,
    0.008333333333333333,
    0.00019841269841269773,
    2.755731922404034e-6,
    2.505210836405804e-8,
    1.6059048396350562e-10,
    7.646625361656657e-13,
    2.8445264169895285e-15,
];
/// (atan t − t) / t³ in z = t², |t| ≤ tan(π / 8).
pub(super) const ATAN: [F; 14] = [
    -0.3333333333333333,
    0.19999999999999998,
    -0.1428571428571415,
    0.11111111111090444,
    -0.09090909089290926,
    0.07692307616247464,
    -0.06666664344156653,
    0.05882304627264811,
    -0.052624538367928096,
    0.04754620165635326,
    -0.04294262271089431,
    0.037234098466475844,
    -0.027274285632992855,
    0.011959071324968724,
];
/// The cube root on [1, 8], to 3 digits.
pub(super) const CBRT: [F; 6] = [
    0.6084349186865862,
    0.48881233581505845,
    -0.11212010655657866,
    0.018251656689589422,
    -0.001596887337316374,
    5.655254894221102e-5,
];
