"""Goldens for exact sums: math.fsum and fractions, rounded here by integer arithmetic.

Writes exact.json beside itself. Floats travel as the hexadecimal digits of their bits."""
import json, math, os, random, struct
from fractions import Fraction

FORMATS = {"float16": (11, -24, 5), "float32": (24, -149, 8), "float64": (53, -1074, 11)}

def isqrt_fraction(f):
    """floor(sqrt(f) * 2^k) and whether it is exact, k large enough for 80 bits."""
    k = 200 + max(0, f.denominator.bit_length() - f.numerator.bit_length())
    n, d = f.numerator << (2 * k), f.denominator
    r = math.isqrt(n // d)
    return r, k, r * r * d == n

def to_bits(f, name, inexact=False):
    """Bits of the float nearest to the Fraction f (ties to even); `inexact`: the true value is a
    little farther from zero than f."""
    p, unit, ebits = FORMATS[name]
    width = p + ebits
    sign = int(f < 0) << (width - 1)
    f = abs(f)
    if f == 0:
        return 0
    e = f.numerator.bit_length() - f.denominator.bit_length() - 1
    if Fraction(2) ** (e + 1) <= f:
        e += 1
    last = max(e - p + 1, unit)
    scaled = f / Fraction(2) ** last
    q = math.floor(scaled)
    r = scaled - q
    if r > Fraction(1, 2) or (r == Fraction(1, 2) and (inexact or q & 1)):
        q += 1
    value = Fraction(q) * Fraction(2) ** last
    top = Fraction(2) ** (2 ** (ebits - 1))
    if value >= top:
        return sign | ((1 << ebits) - 1) << (p - 1)
    if value < Fraction(2) ** (unit + p - 1):
        return sign | int(value / Fraction(2) ** unit)
    e = value.numerator.bit_length() - value.denominator.bit_length()
    if Fraction(2) ** e > value:
        e -= 1
    m = int(value / Fraction(2) ** (e - p + 1)) - (1 << (p - 1))
    bias = 2 ** (ebits - 1) - 1
    return sign | (e + bias) << (p - 1) | m

def hex_of(bits):
    return f"{bits:x}"

def f64_bits(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]

def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]

def cases():
    r = random.Random(20240517)
    yield [0.1] * 10
    yield [1e16, 1.0, -1e16, 2.0 ** -60]
    yield [5e-324] * 3
    yield [2.0 ** -1074, -(2.0 ** 1000), 2.0 ** 1000]
    yield [1.0, 2.0 ** -53]
    yield [1.0, 2.0 ** -53, 2.0 ** -200]
    yield [65504.0, 15.9]
    yield [65504.0, 16.0]
    yield [2.0 ** 127, 2.0 ** 127]
    yield [f32(r.random()) for _ in range(50)]
    yield [r.gauss(0, 1) for _ in range(50)]
    yield [r.gauss(1e8, 1e-3) for _ in range(33)]
    yield [r.choice([-1, 1]) * r.random() * 2.0 ** r.randint(-1000, 1000) for _ in range(40)]
    yield [r.choice([-1, 1]) * r.random() * 2.0 ** r.randint(-1060, -1000) for _ in range(40)]
    yield [r.random() * 2.0 ** r.randint(-30, -20) for _ in range(17)]
    for _ in range(20):
        x = [r.gauss(0, 1) * 2.0 ** r.randint(-40, 40) for _ in range(r.randint(2, 12))]
        yield x + [-v for v in x[1:]]

out = []
for v in cases():
    s = sum(map(Fraction, v))
    n = len(v)
    assert f64_bits(math.fsum(v)) == to_bits(s, "float64") or s == 0
    row = {"values": [hex_of(f64_bits(x)) for x in v]}
    for name in FORMATS:
        row["sum_" + name] = hex_of(to_bits(s, name))
        row["mean_" + name] = hex_of(to_bits(s / n, name))
    q = sum(Fraction(x) ** 2 for x in v)
    for ddof in (0.0, 1.0, 0.5):
        if n - ddof <= 0:
            continue
        var = (q - s * s / n) / (n - Fraction(ddof))
        root, k, exact = isqrt_fraction(var)
        for name in FORMATS:
            row[f"var{ddof}_" + name] = hex_of(to_bits(var, name))
            row[f"std{ddof}_" + name] = hex_of(to_bits(Fraction(root, 2 ** k), name, not exact))
    w = [Fraction((i * 7) % 5 + 1) for i in range(n)]
    average = sum(a * Fraction(b) for a, b in zip(w, v)) / sum(w)
    for name in FORMATS:
        row["average_" + name] = hex_of(to_bits(average, name))
    out.append(row)

with open(os.path.join(os.path.dirname(__file__), "exact.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(r) for r in out) + "\n]\n")
