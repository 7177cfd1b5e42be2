"""Writes elementwise_rules.json (NumPy's dtype rules), elementwise_values.json (NumPy's values on
special inputs) and elementwise_f64.txt (mpmath's values of the transcendental functions).

The rows are those of the table, so a new one needs nothing here, unless it is rounded more than once: then it
gets a line in ONE or TWO. Run in this folder with NumPy 2 and mpmath: python3 make_elementwise.py
"""
import json, random, struct, warnings
import numpy as np
from mpmath import mp, mpf
import mpmath
from common import rows

warnings.simplefilter("ignore")
np.seterr(all="ignore")
CH = "?bhiqBHIQefd"
D = [np.dtype(c) for c in CH]
scalar = lambda x: not isinstance(x, np.ndarray)
FN = {
    "round": np.round,
    "where": lambda x, y: np.where(np.ones(2, bool), x, y),
    # A Python scalar computes in float64.
    "ldexp": lambda x, n: np.ldexp(float(x) if scalar(x) else x, n),
    "frexp_mantissa": lambda x: np.frexp(x)[0],
    "frexp_exponent": lambda x: np.frexp(x)[1],
    # NumPy has none; they are floats as those of exp are.
    "erf": np.exp,
    "erfc": np.exp,
}
UN = [name for name, arity, _ in rows() if arity == 1]
BI = [name for name, arity, _ in rows() if arity == 2] + ["where"]
fn = lambda n: FN.get(n) or getattr(np, n)


def rule(f, *a):
    try:
        c = f(*[np.ones(2, x) if isinstance(x, np.dtype) else x for x in a]).dtype.char
        return {"l": "q", "L": "Q"}.get(c, c)
    except TypeError:
        return "!"
    except ValueError:
        return "V"  # allowed by dtype, refused by value
    except OverflowError:
        return "O"


rules = {"unary": {n: "".join(rule(fn(n), d) for d in D) for n in UN},
         "binary": {n: ["".join(rule(fn(n), a, b) for b in D) for a in D] for n in BI},
         "weak": {n: {repr(w): ["".join(rule(fn(n), d, w) for d in D), "".join(rule(fn(n), w, d) for d in D)]
                      for w in (True, 2, 2.5, 300, -1)} for n in BI}}
json.dump(rules, open("elementwise_rules.json", "w"), separators=(",", ":"), indent=0)


def specials(d):
    if d.kind == "b":
        return np.array([False, True])
    if d.kind in "iu":
        i = np.iinfo(d)
        vals = [i.min, i.min + 1, 0, 1, 2, 3, 7, 9, i.max - 1, i.max] if d.kind == "u" else [i.min, i.min + 1, -7, -1, 0, 1, 2, 9, i.max - 1, i.max]
        return np.array(vals, d)
    f = np.finfo(d)
    return np.array([0.0, -0.0, 1, -1, 0.5, -2.5, 3.5, 7, -0.1, f.max, f.smallest_subnormal, -f.tiny, np.inf, -np.inf, np.nan], d)


def hexes(a):
    a = np.array(a)
    if a.dtype.kind == "f":
        a[np.isnan(a)] = np.nan
    return a.astype(a.dtype.newbyteorder("<")).tobytes().hex()


# --- mpmath ------------------------------------------------------------------------------------
mp.prec = 1400
rng = random.Random(1)
bits = lambda x: struct.pack(">d", x).hex()
anyf = lambda lo, hi: rng.choice((1, -1)) * rng.uniform(1, 2) * 2.0 ** rng.randint(lo, hi)
near = lambda x: x * (1 + rng.choice((1, -1)) * 2.0 ** -rng.randint(3, 52))
E1 = [5e-324, 2.2250738585072014e-308, 1e-300, 1e-20, 1e-8, 0.1, 0.5, 0.9999999999999999, 1.0, 1.0000000000000002]
expx = E1 + [709.0, 709.78, -708.0, -730.0, -745.1, 0.34657359, -0.3465736, 36.8, -36.7, -37.5]
logx = E1 + [1.7976931348623157e308, 0.7071067811865475, 0.7071067811865476, 1.4142135623730951, 3.0, 10.0, 1e10, 1000.0, 8.0]
trig = E1 + [6381956970095103.0 * 2.0**797, 1.7976931348623157e308, 1e22, 1e300, 1048575.9, 1048577.0, 0.7853981633974483, 1.5707963267948966, 3.141592653589793, 11.0, 355.0, 5e5]
trig += [float(mp.nint(k * mpf(2)**0) * mp.pi / 2) for k in (3, 7, 101, 65537, 600001, 10**9, 10**15, 2**70 + 1)]
pos = lambda f: lambda: abs(f())
unit = lambda: rng.choice((lambda: rng.uniform(-1, 1), lambda: anyf(-30, -1), lambda: rng.choice((1, -1)) * (1 - 2.0 ** -rng.randint(2, 53) * rng.random())))()
wide = lambda: anyf(-1022, 1022)
mix = lambda *fs: lambda: rng.choice(fs)()
ONE = {
    "exp": (mpmath.exp, expx, mix(lambda: rng.uniform(-745, 709), lambda: anyf(-40, 3))),
    "exp2": (lambda x: mpf(2) ** x, expx + [1023.9, -1074.0, -1073.5], mix(lambda: rng.uniform(-1074, 1023), lambda: anyf(-40, 3))),
    "expm1": (mpmath.expm1, expx, mix(lambda: rng.uniform(-40, 709), lambda: anyf(-60, 3), lambda: rng.uniform(-1, 1))),
    "log": (mpmath.log, logx, mix(pos(wide), lambda: near(1.0), lambda: rng.uniform(0.5, 2))),
    "log2": (lambda x: mpmath.log(x) / mpmath.log(2), logx, mix(pos(wide), lambda: near(1.0), lambda: rng.uniform(0.5, 2))),
    "log10": (lambda x: mpmath.log(x) / mpmath.log(10), logx, mix(pos(wide), lambda: near(1.0), lambda: rng.uniform(0.5, 2))),
    "log1p": (mpmath.log1p, [x for x in logx if x < 1e308] + [-0.5, -0.9999999999999999, -1e-9], mix(pos(wide), lambda: anyf(-60, -1), lambda: rng.uniform(-0.99, 2))),
    "sin": (mpmath.sin, trig, mix(wide, lambda: rng.uniform(-20, 20), lambda: anyf(-30, 22))),
    "cos": (mpmath.cos, trig, mix(wide, lambda: rng.uniform(-20, 20), lambda: anyf(-30, 22))),
    "tan": (mpmath.tan, trig, mix(wide, lambda: rng.uniform(-20, 20), lambda: anyf(-30, 22))),
    "arcsin": (mpmath.asin, E1[:-1] + [-1.0], unit),
    "arccos": (mpmath.acos, E1[:-1] + [-1.0], unit),
    "arctan": (mpmath.atan, E1 + [1e300, 0.41421356237309503, 2.414213562373095], mix(wide, lambda: anyf(-30, 30), lambda: rng.uniform(-3, 3))),
    "sinh": (mpmath.sinh, expx[:-6] + [710.4], mix(lambda: rng.uniform(-710, 710), lambda: anyf(-40, 3), lambda: rng.uniform(-2, 2))),
    "cosh": (mpmath.cosh, expx[:-6] + [710.4], mix(lambda: rng.uniform(-710, 710), lambda: anyf(-40, 3), lambda: rng.uniform(-2, 2))),
    "tanh": (mpmath.tanh, expx[:-6], mix(lambda: rng.uniform(-22, 22), lambda: anyf(-40, 3), lambda: rng.uniform(-1, 1))),
    "arcsinh": (mpmath.asinh, E1 + [1e300, 1.8e308 / 2, 3.0, 1e10], mix(wide, lambda: anyf(-30, 30), lambda: rng.uniform(-3, 3))),
    "arccosh": (lambda x: mpmath.acosh(x) if x >= 1 else None, [1.0, 1.0000000000000002, 1.5, 2.0, 1e300, 1.7e308, 1e10], mix(pos(wide), lambda: 1 + abs(anyf(-52, 30)), lambda: rng.uniform(1, 3))),
    "arctanh": (mpmath.atanh, E1[:-2] + [0.25, 0.75], mix(unit, lambda: rng.uniform(-1, 1))),
    "sinc": (lambda x: mpmath.sinpi(x) / (mp.pi * x) if x else mpf(1), E1 + [2.0, 3.0, 0.25, 4503599627370495.5, 1e15 + 0.5], mix(lambda: anyf(-30, 51), lambda: rng.uniform(-9, 9), lambda: near(float(rng.randint(1, 50))))),
    "erf": (mpmath.erf, E1 + [6.0, 5.9], mix(lambda: rng.uniform(-6, 6), lambda: anyf(-60, 2), lambda: rng.uniform(-1.2, 1.2))),
    "erfc": (mpmath.erfc, E1 + [26.5, 27.2, 26.2, 5.9], mix(lambda: rng.uniform(-6, 26.6), lambda: anyf(-60, 2), lambda: rng.uniform(0, 3))),
    "i0": (lambda x: mpmath.besseli(0, x), E1 + [8.0, 7.9999, 8.0001, 713.9, 700.0], mix(lambda: rng.uniform(-714, 714), lambda: anyf(-40, 3), lambda: rng.uniform(-20, 20))),
    "cbrt": (lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), E1 + [8.0, 27.0, -64.0], mix(wide, lambda: rng.uniform(-9, 9))),
}


def power_args():
    return rng.choice((
        lambda: (rng.uniform(0, 10), rng.uniform(-50, 50)),
        lambda: (abs(wide()), anyf(-12, 0)),
        lambda: (near(1.0), anyf(0, 50)),
        lambda: (-rng.uniform(0, 10), float(rng.randint(-40, 40))),
        lambda: (rng.uniform(1, 2) * 2.0 ** rng.randint(-60, 60), rng.uniform(-11, 11)),
    ))()


def sum_args():
    return rng.choice((
        lambda: (rng.uniform(-50, 50), rng.uniform(-50, 50)),
        lambda: (lambda a: (a, a + anyf(-40, 6)))(rng.uniform(-900, 900)),
        lambda: (anyf(-40, 9), anyf(-40, 9)),
        lambda: (anyf(-60, 0), rng.uniform(-700, 0)),
    ))()


TWO = {
    "power": (lambda x, y: x**y, [(10.0, 308.0), (2.0, -1074.0), (5e-324, 0.5), (1.0000000000000002, 3e18), (0.9999999999999999, 6e18), (3.0, 2.0)], power_args),
    "arctan2": (lambda y, x: mpmath.atan2(y, x), [(1e-310, 2.0), (1e-300, -1e300), (3.0, 4.0), (1.0, 1.0), (-1.0, -1.0), (5e-324, 5e-324)],
                lambda: rng.choice((lambda: (anyf(-9, 9), anyf(-9, 9)), lambda: (wide(), wide()), lambda: (rng.uniform(-1, 1), rng.uniform(-1, 1))))()),
    "logaddexp": (lambda x, y: max(x, y) + mpmath.log1p(mpmath.exp(-abs(x - y))), [(0.0, 0.0), (1.0, 1.0), (0.0, -745.0), (0.0, -700.0), (1e300, 1.0), (3.0, -1e-20)], sum_args),
    "logaddexp2": (lambda x, y: max(x, y) + mpmath.log1p(mpf(2) ** -abs(x - y)) / mpmath.log(2), [(0.0, 0.0), (3.0, 3.0), (0.0, -1074.0), (0.0, -1000.5), (1e300, 1.0), (-1.0, -1.0)], sum_args),
    "hypot": (lambda x, y: mpmath.sqrt(x * x + y * y), [(1e308, 1e308), (5e-324, 5e-324), (3.0, 4.0), (1e-320, 3e-320)],
              lambda: rng.choice((lambda: (anyf(-9, 9), anyf(-9, 9)), lambda: (lambda a: (a, a * rng.uniform(-2, 2)))(anyf(-1060, 1020)), lambda: (rng.uniform(-1, 1), rng.uniform(-1, 1))))()),
}


# What is rounded more than once is held to mpmath's values. (Powers of integers are exact.)
EXACT1 = [n for n in UN if n not in ONE]
EXACT2 = [n for n in BI if (n not in TWO or n == "power") and n != "where"]
values = {"in": {c: hexes(specials(d)) for c, d in zip(CH, D)}, "unary": {}, "binary": {}}
for n in EXACT1:
    for c, d in zip(CH, D):
        if rules["unary"][n][CH.index(c)] != "!" and not (n == "reciprocal" and c in CH[:9]):
            values["unary"][f"{n} {c}"] = hexes(fn(n)(specials(d)))
for n in EXACT2:
    for c, d in zip(CH, D):
        k = CH.index(c)
        if rules["binary"][n][k][k] == "!" or (n == "power" and d.kind in "bf"):
            continue
        s = specials(d)
        a, b = np.repeat(s, len(s)), np.tile(s, len(s))
        if n == "power":
            b = np.abs(b) % 11
        values["binary"][f"{n} {c}"] = hexes(fn(n)(a, b))
json.dump(values, open("elementwise_values.json", "w"), separators=(",", ":"), indent=0)


def pair(v):
    """The value as the nearest float64, and what is missing in units of its last place."""
    if abs(v) > mpf(2) ** 1024:
        return None
    m, e = mpmath.frexp(v)
    e = max(int(e) - 53, -1074)
    n = int(mp.nint(mpmath.ldexp(v, -e)))
    h = float(mpmath.ldexp(mpf(n), e))
    if h in (float("inf"), -float("inf")):
        return None
    return h, float(mpmath.ldexp(v, -e) - n)


def main():
    with open("elementwise_f64.txt", "w") as f:
        for table, count in ((ONE, 220), (TWO, 260)):
            for name, (g, given, draw) in table.items():
                # Rows do not move each other's points.
                rng.seed(name)
                points = list(given)
                points += [-x for x in given if not isinstance(x, tuple) and name not in ("log", "log2", "log10", "log1p", "arccosh")]
                while len(points) < count:
                    points.append(draw())
                f.write(f"# {name}\n")
                for x in points:
                    a = x if isinstance(x, tuple) else (x,)
                    v = g(*[mpf(t) for t in a])
                    if not isinstance(v, mpf):
                        continue
                    r = pair(v)
                    if r:
                        f.write(" ".join([bits(t) for t in a] + [bits(r[0]), f"{r[1]:.3f}"]) + "\n")


main()
