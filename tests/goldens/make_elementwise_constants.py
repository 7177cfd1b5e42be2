"""Writes src/ops/elementwise/math/constants_{f32,f64}.rs: split constants and polynomials.

The polynomials are near-minimax fits (mpmath.chebyfit, Chebyshev interpolation at high precision)
of functions that are smooth on the reduced range; each is rounded coefficient by coefficient.
Run from the repository's root: python3 tests/goldens/make_elementwise_constants.py
"""
import numpy as np
from mpmath import mp, mpf, exp, log, sin, cos, sinh, atan, pi, sqrt, chebyfit, floor, frexp, ldexp, atanh, erf, erfc, besseli

mp.prec = 400


def smooth(f, at0):
    return lambda x: at0 if abs(x) < mpf(2) ** -60 else f(x)


def rounded(x, ty):
    """The nearest float; mpf's own conversion truncates nothing that matters at 400 bits."""
    if ty is np.float64:
        return float(x)
    m, e = frexp(x)
    return float(ldexp(mp.nint(ldexp(m, 24)), e - 24))


def short(x, bits):
    m, e = frexp(x)
    return ldexp(floor(ldexp(m, bits)), e - bits)


def literal(v, ty):
    s = repr(float(ty(v))) if ty is np.float64 else np.format_float_scientific(ty(v), unique=True, trim='0')
    return s.replace('e+0', 'e').replace('e-0', 'e-').replace('e+', 'e')


def poly(f, a, b, n):
    """Coefficients, lowest first."""
    return list(reversed(chebyfit(f, [a, b], n)))


def write(ty, p, deg, ln2_bits, pio2_bits, path):
    out = [f"//! Constants of the {'float32' if p == 24 else 'float64'} algorithms, written by tests/goldens/make_elementwise_constants.py.",
           "#![allow(missing_docs, clippy::approx_constant, clippy::excessive_precision, clippy::unreadable_literal)]",
           "use super::F;", ""]

    def const(name, x, doc=None):
        if doc:
            out.append(f"/// {doc}")
        v = rounded(x, ty)
        out.append(f"pub(super) const {name}: F = {literal(v, ty)};")
        return mpf(v)

    def array(name, cs, doc):
        out.append(f"/// {doc}")
        out.append(f"pub(super) const {name}: [F; {len(cs)}] = [")
        out.extend(f"    {literal(rounded(c, ty), ty)}," for c in cs)
        out.append("];")

    ln2 = log(mpf(2))
    const("LOG2E", 1 / ln2)
    h = short(ln2, ln2_bits)
    const("LN2_SHORT", h, f"ln 2 to {ln2_bits} bits, so that an exponent times it is exact; LN2_REST is what is missing.")
    const("LN2_REST", ln2 - h)
    h = const("LN2_HI", ln2, "ln 2 as a pair.")
    const("LN2_LO", ln2 - h)
    h = const("LOG2E_HI", 1 / ln2, "1 / ln 2 as a pair.")
    const("LOG2E_LO", 1 / ln2 - h)
    h = const("LOG10E_HI", 1 / log(mpf(10)), "1 / ln 10 as a pair.")
    const("LOG10E_LO", 1 / log(mpf(10)) - h)
    l = ln2 / log(mpf(10))
    h = short(l, ln2_bits)
    const("LOG10_2_SHORT", h, "log10 2, split as ln 2.")
    const("LOG10_2_REST", l - h)
    h = const("TWO_THIRDS_HI", mpf(2) / 3, "2 / 3 as a pair.")
    const("TWO_THIRDS_LO", mpf(2) / 3 - h)
    const("TWO_OVER_PI", 2 / pi)
    rest = pi / 2
    for i in (1, 2):
        h = short(rest, pio2_bits)
        const(f"PIO2_{i}", h, f"Part {i} of π / 2, {pio2_bits} bits.")
        rest -= h
    h = const("PIO2_3", rest, "Part 3 of π / 2.")
    const("PIO2_4", rest - h, "Part 4 of π / 2.")
    h = const("PIO2_HI", pi / 2, "π / 2 as a pair.")
    const("PIO2_LO", pi / 2 - h)
    h = short(pi / 4, p - 3)
    const("PIO4_SHORT", h, "π / 4, short enough that 3 and 4 times it are exact.")
    const("PIO4_REST", pi / 4 - h)
    half = mpf("0.34658")
    array("EXP", poly(smooth(lambda r: (exp(r) - 1 - r) / r**2, mpf(1) / 2), -half, half, deg["exp"]), "(e^r − 1 − r) / r², |r| ≤ ln 2 / 2.")
    s = (sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)
    zmax = s * s * mpf("1.001")
    L = smooth(lambda z: (2 * atanh(sqrt(z)) / sqrt(z) - 2) / z, mpf(2) / 3)
    array("LOG", poly(L, 0, zmax, deg["log"]), "(log((1 + s) / (1 − s)) − 2 s) / s³ in z = s².")
    array("LOG_TAIL", poly(smooth(lambda z: (L(z) - mpf(2) / 3) / z, mpf(2) / 5), 0, zmax, deg["log"]), "The same without its first term 2/3, divided by z.")
    zmax = (pi / 4) ** 2 * mpf("1.001")
    array("SIN", poly(smooth(lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, -mpf(1) / 6), 0, zmax, deg["sin"]), "(sin r − r) / r³ in z = r², |r| ≤ π / 4.")
    array("COS", poly(smooth(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, mpf(1) / 24), 0, zmax, deg["sin"]), "(cos r − 1 + r² / 2) / r⁴ in z = r², |r| ≤ π / 4.")
    array("SINH", poly(smooth(lambda z: (sinh(sqrt(z)) / sqrt(z) - 1) / z, mpf(1) / 6), 0, mpf("1.0"), deg["sinh"]), "(sinh r − r) / r³ in z = r², |r| ≤ 1.")
    array("ATAN", poly(smooth(lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z, -mpf(1) / 3), 0, mpf("0.17158"), deg["atan"]), "(atan t − t) / t³ in z = t², |t| ≤ tan(π / 8).")
    array("CBRT", poly(lambda m: m ** (mpf(1) / 3), 1, 8, 6), "The cube root on [1, 8], to 3 digits.")
    array("ERF", poly(smooth(lambda z: erf(sqrt(z)) / sqrt(z) - 1, 2 / sqrt(pi) - 1), 0, mpf("0.391"), deg["erf"]), "(erf x − x) / x in z = x², |x| ≤ 5/8.")
    at = lambda a: (a - 3) / (a + 3)
    back = lambda t: 3 * (1 + t) / (1 - t)
    scaled = lambda a: exp(a * a) * erfc(a) * (1 + 2 * a)
    first, *cs = poly(lambda t: scaled(back(t)), at(mpf("0.5")), at(deg["erfc_most"]), deg["erfc"])
    h = const("ERFC_HI", first, "e^a² erfc(a) (1 + 2 a) in t = (a − 3) / (a + 3), for a from ½ on: the first term as a pair.")
    const("ERFC_LO", first - h)
    array("ERFC", cs, "The others.")
    array("I0_NEAR", [mpf(1), *poly(smooth(lambda z: (besseli(0, 2 * sqrt(z)) - 1) / z, mpf(1)), 0, 16, deg["i0_near"])], "i0(x) in z = x² / 4, |x| ≤ 8.")
    scaled = lambda a: exp(-a) * sqrt(a) * besseli(0, a)
    first, *cs = poly(lambda t: scaled(16 / (t + 1)), 16 / deg["i0_most"] - 1, 1, deg["i0_far"])
    h = const("I0_FAR_HI", first, "e^-x √x i0(x) in t = 16 / x − 1, for x from 8 on: the first term as a pair.")
    const("I0_FAR_LO", first - h)
    array("I0_FAR", cs, "The others.")
    open(path, "w").write("\n".join(out) + "\n")


base = "src/ops/elementwise/math/constants_"
write(np.float32, 24, dict(exp=6, log=4, sin=4, sinh=4, atan=6, erf=6, erfc=10, erfc_most=mpf("10.2"), i0_near=10, i0_far=7, i0_most=93), 15, 11, base + "f32.rs")
write(np.float64, 53, dict(exp=12, log=8, sin=8, sinh=8, atan=14, erf=11, erfc=22, erfc_most=mpf("27.3"), i0_near=16, i0_far=24, i0_most=715), 42, 33, base + "f64.rs")
mp.prec = 2000
two_over_pi = int(floor(ldexp(2 / pi, 1280)))
words = [0, 0] + [(two_over_pi >> (1280 - 32 * (i + 1))) & 0xFFFFFFFF for i in range(40)]
with open("src/ops/elementwise/math/two_over_pi.rs", "w") as f:
    f.write("//! 64 zeros and the first 1280 bits of 2 / π after the point, written by tests/goldens/make_elementwise_constants.py.\n\n")
    f.write("pub(super) const TWO_OVER_PI_BITS: [u32; 42] = [\n")
    for i in range(0, 42, 7):
        f.write("    " + ", ".join(f"{w:#010x}" for w in words[i:i + 7]) + ",\n")
    f.write("];\n")
