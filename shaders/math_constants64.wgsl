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
// (erf x − x) / x in z = x², |x| ≤ 5/8.
fn poly_erf64(x: f64) -> f64 {
    var v: f64 = 1.2396355999800479e-8lf;
    v = v * x + (-1.6148870792778636e-7lf);
    v = v * x + 1.64509034146595e-6lf;
    v = v * x + (-1.4925288368056092e-5lf);
    v = v * x + 0.00012055325449341795lf;
    v = v * x + (-0.0008548326922607458lf);
    v = v * x + 0.005223977624599551lf;
    v = v * x + (-0.026866170645090143lf);
    v = v * x + 0.11283791670955023lf;
    v = v * x + (-0.37612638903183754lf);
    v = v * x + 0.1283791670955126lf;
    return v;
}
// e^a² erfc(a) (1 + 2 a) in t = (a − 3) / (a + 3), for a from ½ on: the first term as a pair.
const ERFC_HI64: f64 = 1.2530080582697296lf;
const ERFC_LO64: f64 = 4.3754856477737496e-17lf;
// The others.
fn poly_erfc64(x: f64) -> f64 {
    var v: f64 = -1.525003185997634e-8lf;
    v = v * x + 2.2812055732459082e-8lf;
    v = v * x + 1.1133566989316784e-7lf;
    v = v * x + (-1.2140240349691923e-7lf);
    v = v * x + (-6.29393457896962e-7lf);
    v = v * x + 3.4450616209463116e-7lf;
    v = v * x + 3.4813408032432953e-6lf;
    v = v * x + (-7.268660538086061e-7lf);
    v = v * x + (-2.0104312171114753e-5lf);
    v = v * x + 4.948382232961931e-6lf;
    v = v * x + 0.00012510033565038369lf;
    v = v * x + (-0.00010515963609280746lf);
    v = v * x + (-0.0007798324336425877lf);
    v = v * x + 0.0018886903443845538lf;
    v = v * x + 0.0025293918320448477lf;
    v = v * x + (-0.02377051491786196lf);
    v = v * x + 0.06830802734310616lf;
    v = v * x + (-0.11927366341533124lf);
    v = v * x + 0.12964515870278256lf;
    v = v * x + (-0.04756229435345047lf);
    v = v * x + (-0.13562110612458134lf);
    return v;
}
// i0(x) in z = x² / 4, |x| ≤ 8.
fn poly_i0_near64(x: Pair64) -> Pair64 {
    var v = Pair64(3.548836657975522e-27lf, 0.0);
    v = horner_step64(v, x, 5.062353740472856e-25lf);
    v = horner_step64(v, x, 1.3440225063774028e-22lf);
    v = horner_step64(v, x, 2.5722398177811744e-20lf);
    v = horner_step64(v, x, 4.359498405380122e-18lf);
    v = horner_step64(v, x, 6.275948796822122e-16lf);
    v = horner_step64(v, x, 7.594070019494474e-14lf);
    v = horner_step64(v, x, 7.594057685381156e-12lf);
    v = horner_step64(v, x, 6.151187361364193e-10lf);
    v = horner_step64(v, x, 3.936759887993035e-8lf);
    v = horner_step64(v, x, 1.929012345705309e-6lf);
    v = horner_step64(v, x, 6.944444444440493e-5lf);
    v = horner_step64(v, x, 0.001736111111111147lf);
    v = horner_step64(v, x, 0.027777777777777762lf);
    v = horner_step64(v, x, 0.25lf);
    v = horner_step64(v, x, 1.0lf);
    v = horner_step64(v, x, 1.0lf);
    return v;
}
// e^-x √x i0(x) in t = 16 / x − 1, for x from 8 on: the first term as a pair.
const I0_FAR_HI64: f64 = 0.4021765094450081lf;
const I0_FAR_LO64: f64 = -1.820901948032824e-17lf;
// The others.
fn poly_i0_far64(x: f64) -> f64 {
    var v: f64 = -4.3790862178810035e-11lf;
    v = v * x + 1.0351136544571584e-10lf;
    v = v * x + 2.8157223125901097e-10lf;
    v = v * x + (-7.134216241728961e-10lf);
    v = v * x + (-8.780456911955405e-10lf);
    v = v * x + 2.306405390913257e-9lf;
    v = v * x + 1.9358488818224754e-9lf;
    v = v * x + (-4.710317192406467e-9lf);
    v = v * x + (-3.860236505655262e-9lf);
    v = v * x + 6.662641399884053e-9lf;
    v = v * x + 7.74948292714407e-9lf;
    v = v * x + (-5.087921010581733e-9lf);
    v = v * x + (-1.3480699401948537e-8lf);
    v = v * x + (-6.833889906362534e-9lf);
    v = v * x + 7.571514415175372e-9lf;
    v = v * x + 2.1563287692183385e-8lf;
    v = v * x + 3.9323431165863486e-8lf;
    v = v * x + 8.872067242177788e-8lf;
    v = v * x + 2.9736005144129976e-7lf;
    v = v * x + 1.4838476466619272e-6lf;
    v = v * x + 1.1143033783812426e-5lf;
    v = v * x + 0.00013621607439024582lf;
    v = v * x + 0.00336055198366794lf;
    return v;
}
