"""Goldens for src/ops/histogram: numpy.histogram / histogramdd, np.linspace, geometric edges by mpmath,
weighted sums by fractions. Run: python tests/goldens/make_histogram.py > tests/goldens/histogram.json"""

import json
import sys
from fractions import Fraction

import mpmath
import numpy as np

rng = np.random.default_rng(20240607)
mpmath.mp.prec = 300
DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()


def bits(x):
    return f"{np.float64(x).view(np.uint64):x}"


def fnv(values):
    h = 0xCBF29CE484222325
    for byte in np.asarray(values, np.float64).astype("<f8").tobytes():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return f"{h:x}"


def hexed(a):
    return np.ascontiguousarray(a).astype(a.dtype.newbyteorder("<")).tobytes().hex()


def linspaces():
    rows = []

    def add(lo, hi, bins):
        with np.errstate(all="ignore"):
            rows.append([bits(lo), bits(hi), bins, fnv(np.linspace(lo, hi, bins + 1))])

    for lo, hi in [(0, 1), (-1, 1), (0.1, 0.7), (-3.3, 12.7), (1e-300, 1e300), (-8e307, 8e307), (0, 5e-324),
                   (0, 1e-322), (-1e-310, 3e-310), (1e15, 1e15 + 1), (1, 1 + 2**-40), (-1e-9, 1e20), (2.5, 1e9),
                   (0, 255), (-128, 127), (1e300, 1.5e308), (-0.0, 2.0)]:
        for bins in [1, 2, 3, 7, 10, 64, 100, 255]:
            e = np.linspace(lo, hi, bins + 1)
            if (e[1:] > e[:-1]).all():
                add(lo, hi, bins)
    for _ in range(200):
        lo = float(rng.normal() * 10.0 ** rng.integers(-30, 30))
        hi = lo + float(abs(rng.normal()) * 10.0 ** rng.integers(-30, 30))
        bins = int(rng.integers(1, 300))
        e = np.linspace(lo, hi, bins + 1)
        if (e[1:] > e[:-1]).all():
            add(lo, hi, bins)
    return rows


def geometric(lo, hi, bins):
    a, b = mpmath.log(mpmath.mpf(lo)), mpmath.log(mpmath.mpf(hi))
    inner = []
    for i in range(1, bins):
        x = mpmath.exp(a + (b - a) * i / bins)
        m, e = mpmath.frexp(x)
        m, e = mpmath.mpf(m), int(e)
        unit = max(e - 53, -1074)
        k = int(mpmath.nint(x * mpmath.mpf(2) ** (-unit)))
        inner.append(float(np.ldexp(float(k), unit)) if unit > -1074 else np.uint64(k).view(np.float64))
    return np.array([lo, *inner, hi])


def geomspaces():
    cases = [(1, 1000, 3), (1e-3, 1e6, 9), (1e-3, 1e6, 100), (5e-324, 1.7976931348623157e308, 64), (1, 2, 50),
             (1e-320, 1e-300, 30), (0.1, 0.30000000000000004, 7), (1.0, 1.0000000001, 20), (1e-5, 1e5, 255)]
    cases += [(float(10 ** rng.uniform(-300, 0)), float(10 ** rng.uniform(0.1, 300)), int(rng.integers(1, 40)))
              for _ in range(40)]
    return [[bits(lo), bits(hi), n, fnv(geometric(float(lo), float(hi), n))] for lo, hi, n in cases]


def data(dtype, n, edges):
    """Values around the edges, on them, beside them; every special a dtype has."""
    if dtype == "bool":
        return rng.integers(0, 2, n).astype(bool)
    span = (edges[0], edges[-1])
    wide = rng.uniform(span[0] - 0.2 * (span[1] - span[0]), span[1] + 0.2 * (span[1] - span[0]), n)
    on = rng.choice(edges, n)
    beside = np.nextafter(on, rng.choice([-np.inf, np.inf], n))
    a = np.where(rng.random(n) < 0.5, wide, np.where(rng.random(n) < 0.5, on, beside))
    d = np.dtype(dtype)
    with np.errstate(all="ignore"):
        if d.kind == "f":
            a = a.astype(d)
            a[:5] = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0], d)
        else:
            info = np.iinfo(d)
            a = np.clip(np.round(a), max(info.min, -2**62), min(info.max, 2**62)).astype(d)
            a[:2] = [info.min, info.max]
    rng.shuffle(a)
    return a


def sums(slots, weights, n):
    """Exact sums per bin, as numerator and denominator's exponent."""
    out = [Fraction(0)] * n
    for s, w in zip(slots, weights):
        if s >= 0:
            out[s] += Fraction(w.item()) if weights.dtype.kind == "f" else Fraction(int(w))
    return out


def rounded(fractions, dtype):
    if dtype.kind != "f":
        return [str(int(f)) for f in fractions]
    out = []
    for f in fractions:
        x = float(f)  # correctly rounded
        if dtype == np.float32:
            y = np.float32(x)
            around = [np.nextafter(y, np.float32(-np.inf)), y, np.nextafter(y, np.float32(np.inf))]
            y = min(around, key=lambda c: (abs(Fraction(float(c)) - f), int(c.view(np.uint32)) & 1))
            x = float(y)
        out.append(bits(x + 0.0))
    return out


def cases():
    out = []
    kinds = {
        "uniform": np.linspace(-3.3, 12.7, 23),
        "small": np.linspace(0, 1, 8),
        "large": np.linspace(-2.0**62, 2.0**62, 12),
        "explicit": np.array([-5.0, -1.5, 0.0, 0.0, 1e-3, 0.5, 3.0, 3.0, 40.0, 100.0]),
        "log": geometric(1e-3, 1e3, 31),
    }
    for dtype in DTYPES:
        for kind, edges in kinds.items():
            if dtype == "bool" and kind == "large":
                continue
            a = data(dtype, 90, edges)
            f = a.astype(np.float64)
            counts = np.histogram(f, edges)[0]
            if kind in ("uniform", "small", "large"):
                again = np.histogram(f, len(edges) - 1, (edges[0], edges[-1]))[0]
                assert (counts == again).all()
            out.append(dict(kind=kind, edges=[bits(e) for e in edges], columns=[[dtype, hexed(a)]],
                            counts=counts.tolist(), under=int((f < edges[0]).sum()), over=int((f > edges[-1]).sum()),
                            nan=int(np.isnan(f).sum())))
            if counts.sum():
                out[-1]["density"] = [bits(v) for v in np.histogram(f, edges, density=True)[0]]
    return out


def spaces():
    out = []
    for dims in (2, 3):
        for wdtype in (None, "float32", "float64", "int16", "uint64"):
            edges = [np.linspace(-2, 2, 6), np.array([-1.0, 0.0, 0.5, 4.0]), np.linspace(0, 3, 4)][:dims]
            n = 150
            columns = [data(d, n, e) for d, e in zip(["float32", "float64", "int32"], edges)]
            f = np.stack([c.astype(np.float64) for c in columns], 1)
            nan = np.isnan(f).any(1)
            mask = rng.random(n) < 0.8
            use = mask & ~nan
            counts = np.histogramdd(f[use], edges)[0].astype(int)
            row = dict(edges=[[bits(v) for v in e] for e in edges],
                       columns=[[str(c.dtype), hexed(c)] for c in columns], mask=hexed(mask),
                       counts=counts.ravel().tolist(), nan=int((nan & mask).sum()), total=int(mask.sum()))
            row["density"] = [bits(v) for v in np.histogramdd(f[use], edges, density=True)[0].ravel()]
            if wdtype:
                d = np.dtype(wdtype)
                w = (rng.normal(size=n) * 10.0 ** rng.integers(-20, 20, n)).astype(d) if d.kind == "f" \
                    else rng.integers(0, 2**15, n).astype(d)
                slots = []
                for p, u in zip(f, use):
                    s, inside = 0, bool(u)
                    for x, e in zip(p, edges):
                        i = min(int(np.searchsorted(e, x, "right")) - 1, len(e) - 2)
                        inside &= bool(e[0] <= x <= e[-1])
                        s = s * (len(e) - 1) + i
                    slots.append(s if inside else -1)
                row["weights"] = [wdtype, hexed(w)]
                row["sums"] = rounded(sums(slots, w, counts.size), d)
            out.append(row)
    return out


def autos():
    out = []
    for dtype in ("float64", "int16", "uint8", "int64"):
        for n in (0, 1, 40):
            a = (rng.normal(size=n) * 50 + 60).astype(dtype)
            counts, edges = np.histogram(a, 10)
            out.append(dict(column=[dtype, hexed(a)], counts=counts.tolist(), edges=[bits(e) for e in edges]))
    return out


json.dump(dict(linspace=linspaces(), geomspace=geomspaces(), cases=cases(), spaces=spaces(), autos=autos()), sys.stdout,
          separators=(",", ":"))
