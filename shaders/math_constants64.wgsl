// Constants and polynomials of the float64 functions, written by
// tests/goldens/make_shader_constants.py from src/ops/elementwise/math/constants_f64.rs.

const LOG2E64: f64 = 1.4426950408889634lf;
// ln 2 to 42 bits, so that an exponent times it is exact; LN2_REST is what is missing.
const LN2_SHORT64: f64 = 0.6931471805598903lf;
const LN2_REST64: f64 = 5.497923018708371e-14lf;
// ln 2 as a pair.
const LN2_HI64: f64 = 0.6931471805599453lf;
const LN2_LO64: f64 = 2.3190468138462996e-17lf;
// 1 / ln 2 as a pair.
const LOG2E_HI64: f64 = 1.4426950408889634lf;
const LOG2E_LO64: f64 = 2.0355273740931033e-17lf;
// 1 / ln 10 as a pair.
const LOG10E_HI64: f64 = 0.4342944819032518lf;
const LOG10E_LO64: f64 = 1.098319650216765e-17lf;
// log10 2, split as ln 2.
const LOG10_2_SHORT64: f64 = 0.30102999566395283lf;
const LOG10_2_REST64: f64 = 2.8363394551044964e-14lf;
// 2 / 3 as a pair.
const TWO_THIRDS_HI64: f64 = 0.6666666666666666lf;
const TWO_THIRDS_LO64: f64 = 3.700743415417188e-17lf;
const TWO_OVER_PI64: f64 = 0.6366197723675814lf;
// Part 1 of π / 2, 33 bits.
const PIO2_1_64: f64 = 1.5707963267341256lf;
// Part 2 of π / 2, 33 bits.
const PIO2_2_64: f64 = 6.077100506303966e-11lf;
// Part 3 of π / 2.
const PIO2_3_64: f64 = 2.0222662487959506e-21lf;
// Part 4 of π / 2.
const PIO2_4_64: f64 = 1.0085854035872483e-37lf;
// π / 2 as a pair.
const PIO2_HI64: f64 = 1.5707963267948966lf;
const PIO2_LO64: f64 = 6.123233995736766e-17lf;
// π / 4, short enough that 3 and 4 times it are exact.
const PIO4_SHORT64: f64 = 0.7853981633974483lf;
const PIO4_REST64: f64 = 3.061616997868383e-17lf;
// (e^r − 1 − r) / r², |r| ≤ ln 2 / 2.
fn poly_exp64(x: f64) -> f64 {
    var v: f64 = 1.6086623457177021e-10lf;
    v = v * x + 2.0918130986747386e-9lf;
    v = v * x + 2.5052071106455234e-8lf;
    v = v * x + 2.7557263297335027e-7lf;
    v = v * x + 2.755731924720737e-6lf;
    v = v * x + 2.480158733642519e-5lf;
    v = v * x + 0.00019841269841263304lf;
    v = v * x + 0.001388888888887908lf;
    v = v * x + 0.008333333333333333lf;
    v = v * x + 0.04166666666666668lf;
    v = v * x + 0.16666666666666666lf;
    v = v * x + 0.5lf;
    return v;
}
// (log((1 + s) / (1 − s)) − 2 s) / s³ in z = s².
fn poly_log64(x: f64) -> f64 {
    var v: f64 = 0.13088034850927555lf;
    v = v * x + 0.13268638369266825lf;
    v = v * x + 0.15386244737621665lf;
    v = v * x + 0.18181795547521137lf;
    v = v * x + 0.22222222392581045lf;
    v = v * x + 0.28571428570799784lf;
    v = v * x + 0.40000000000000885lf;
    v = v * x + 0.6666666666666666lf;
    return v;
}
// The same without its first term 2/3, divided by z.
fn poly_log_tail64(x: f64) -> f64 {
    var v: f64 = 0.11724327060846747lf;
    v = v * x + 0.11706126464563398lf;
    v = v * x + 0.1333480879881234lf;
    v = v * x + 0.1538459488700718lf;
    v = v * x + 0.18181818336099848lf;
    v = v * x + 0.22222222221652765lf;
    v = v * x + 0.2857142857142937lf;
    v = v * x + 0.4lf;
    return v;
}
// (sin r − r) / r³ in z = r², |r| ≤ π / 4.
fn poly_sin64(x: f64) -> f64 {
    var v: f64 = 2.791224100841561e-15lf;
    v = v * x + (-7.646960948071416e-13lf);
    v = v * x + 1.6059042777921172e-10lf;
    v = v * x + (-2.5052108382377827e-8lf);
    v = v * x + 2.7557319223981077e-6lf;
    v = v * x + (-0.00019841269841269839lf);
    v = v * x + 0.008333333333333333lf;
    v = v * x + (-0.16666666666666666lf);
    return v;
}
// (cos r − 1 + r² / 2) / r⁴ in z = r², |r| ≤ π / 4.
fn poly_cos64(x: f64) -> f64 {
    var v: f64 = -1.5518009109180316e-16lf;
    v = v * x + 4.779375897774338e-14lf;
    v = v * x + (-1.1470745068029556e-11lf);
    v = v * x + 2.0876756986335384e-9lf;
    v = v * x + (-2.755731922398348e-7lf);
    v = v * x + 2.4801587301587298e-5lf;
    v = v * x + (-0.001388888888888889lf);
    v = v * x + 0.041666666666666664lf;
    return v;
}
// (sinh r − r) / r³ in z = r², |r| ≤ 1.
fn poly_sinh64(x: f64) -> f64 {
    var v: f64 = 2.8445264169895285e-15lf;
    v = v * x + 7.646625361656657e-13lf;
    v = v * x + 1.6059048396350562e-10lf;
    v = v * x + 2.505210836405804e-8lf;
    v = v * x + 2.755731922404034e-6lf;
    v = v * x + 0.00019841269841269773lf;
    v = v * x + 0.008333333333333333lf;
    v = v * x + 0.16666666666666666lf;
    return v;
}
// (atan t − t) / t³ in z = t², |t| ≤ tan(π / 8).
fn poly_atan64(x: f64) -> f64 {
    var v: f64 = 0.011959071324968724lf;
    v = v * x + (-0.027274285632992855lf);
    v = v * x + 0.037234098466475844lf;
    v = v * x + (-0.04294262271089431lf);
    v = v * x + 0.04754620165635326lf;
    v = v * x + (-0.052624538367928096lf);
    v = v * x + 0.05882304627264811lf;
    v = v * x + (-0.06666664344156653lf);
    v = v * x + 0.07692307616247464lf;
    v = v * x + (-0.09090909089290926lf);
    v = v * x + 0.11111111111090444lf;
    v = v * x + (-0.1428571428571415lf);
    v = v * x + 0.19999999999999998lf;
    v = v * x + (-0.3333333333333333lf);
    return v;
}
// The cube root on [1, 8], to 3 digits.
fn poly_cbrt64(x: f64) -> f64 {
    var v: f64 = 5.655254894221102e-5lf;
    v = v * x + (-0.001596887337316374lf);
    v = v * x + 0.018251656689589422lf;
    v = v * x + (-0.11212010655657866lf);
    v = v * x + 0.48881233581505845lf;
    v = v * x + 0.6084349186865862lf;
    return v;
}
