"""Makes quantiles.json: medians, quantiles and percentiles and their nan forms, with NumPy's answers.
tests/quantiles.rs makes the same with chunkwise, from memory and from files in chunks, counted and selected.

Where chunkwise differs from NumPy on purpose, the answer is NumPy's for data to which that does not happen: integers
are widened first, so that differences do not wrap, and what skips NaN is asked row by row, for NumPy's own way along
axes rounds float16 twice. Which of -0 and +0 NumPy finds is open: where both are there, the sign of zeros is not
compared.
"""
import json
import os
import random
import struct
import warnings

import numpy as np

from common import array, canonical, checksum

warnings.simplefilter("ignore")
rng = random.Random(20261130)
ALL = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]
FLOATS = ALL[9:]
DISCRETE = ["inverted_cdf", "closest_observation", "lower", "higher", "nearest"]
METHODS = DISCRETE + ["averaged_inverted_cdf", "interpolated_inverted_cdf", "hazen", "weibull", "linear",
                      "median_unbiased", "normal_unbiased", "midpoint"]
QS = [0.0, 1.0, 0.5, 0.25, 0.1, 1 / 3, 0.999, 1e-9, 0.05, 0.7, 0.9]

cases = []


def answer(v, mixed):
    v = np.asarray(v)
    if mixed and v.dtype.kind == "f":
        v = np.where(v == 0, np.zeros((), v.dtype), v)
    raw = canonical(v)
    return [v.dtype.name, list(v.shape), raw.hex() if len(raw) <= 32 else format(checksum(raw), "016x")]


def bits(q):
    return struct.unpack("<Q", struct.pack("<d", q))[0]


def rows(f, v, axis, keepdims, out_dtype):
    """A one-dimensional function of each row along the reduced axes; its own axes come first."""
    reduced = sorted(range(v.ndim) if axis is None else {a % v.ndim for a in axis})
    kept = [d for d in range(v.ndim) if d not in reduced]
    flat = np.transpose(v, kept + reduced).reshape([v.shape[d] for d in kept] + [-1])
    own = np.shape(f(np.ones(2, v.dtype)))
    out = np.empty(own + flat.shape[:-1], out_dtype)
    for at in np.ndindex(flat.shape[:-1]):
        out[(...,) + at] = f(flat[at])
    if keepdims:
        out = out.reshape(own + tuple(1 if d in reduced else v.shape[d] for d in range(v.ndim)))
    return out


def case(name, dtype, shape, axis, mode, q=None, method=None, keepdims=False):
    x = [dtype, list(shape), rng.randrange(1, 1000), mode]
    v = array(*x)
    mixed = dtype in FLOATS and bool(((v == 0) & np.signbit(v)).any() and ((v == 0) & ~np.signbit(v)).any())
    wide = v
    if v.dtype.kind == "i" and method is not None and method not in DISCRETE:
        wide = v.astype(np.int64)
        if v.size and int(wide.max()) - int(wide.min()) >= 2**63:
            return
    at = None if axis is None else tuple(axis)
    function = getattr(np, name)
    kw = {} if method is None else {"method": method}
    args = () if q is None else (q,)
    try:
        if name.startswith("nan") and dtype in FLOATS and v.size:
            one = lambda row: function(row, *args, **kw)
            like = np.asarray(one(np.ones(2, dtype))).dtype
            right = answer(rows(one, v, at, keepdims, like), mixed)
        else:
            right = answer(function(wide, *args, axis=at, keepdims=keepdims, **kw), mixed)
    except (ValueError, IndexError, TypeError):
        right = "error"
    coded = q if q is None else [bits(p) for p in q] if isinstance(q, list) else bits(q)
    chunks = [rng.randrange(max(1, n // 9), max(n, 1) + 1) for n in shape]
    cases.append([name, x, chunks, coded, method, axis, keepdims, mixed, right])


def mode(dtype):
    return rng.choice(["small", "wide", "nan", "inf"] if dtype in FLOATS else ["small", "wide"])


def place():
    """A shape and axes over which is reduced."""
    shape = [rng.choice([1, 2, 3, 7, 40]) for _ in range(rng.randrange(1, 4))]
    if rng.random() < 0.5:
        return shape, None
    axes = rng.sample(range(len(shape)), rng.randrange(0, len(shape) + 1))
    return shape, [a - len(shape) * rng.randrange(2) for a in axes]


def some_q():
    return rng.choice(QS) if rng.random() < 0.5 else rng.sample(QS, rng.choice([1, 2, 5, 11]))


for dtype in ALL:
    for name in ("median", "nanmedian"):
        for _ in range(8):
            shape, axis = place()
            case(name, dtype, shape, axis, mode(dtype), keepdims=rng.random() < 0.3)
        for n in (1, 2, 3, 4):
            case(name, dtype, [n], None, "small")
    for method in METHODS:
        for name in ("quantile", "nanquantile", "percentile", "nanpercentile"):
            for _ in range(2):
                shape, axis = place()
                q = some_q()
                if name.endswith("percentile"):
                    q = [100 * p for p in q] if isinstance(q, list) else 100 * q
                case(name, dtype, shape, axis, mode(dtype), q, method, rng.random() < 0.3)
    # More elements than are gathered at once.
    case("median", dtype, [70001], None, "wide")
    case("nanmedian", dtype, [300, 251], None, mode(dtype), keepdims=True)
    case("quantile", dtype, [257, 1, 400], [0, 2], "wide", QS, rng.choice(METHODS))
    case("nanquantile", dtype, [90000], None, mode(dtype), 0.3, rng.choice(METHODS))
    case("percentile", dtype, [123457], None, mode(dtype), [float(p) for p in range(101)], "nearest")
    # Nothing.
    for shape, axis in (([0], None), ([0, 3], [0]), ([3, 0], [0]), ([0, 3], [1])):
        for name in ("median", "nanmedian"):
            case(name, dtype, shape, axis, "small")
        for method in ("linear", "lower"):
            case("quantile", dtype, shape, axis, "small", 0.5, method)
for q in (-0.1, 1.1, float("nan"), [0.5, 2.0]):
    case("quantile", "float32", [5], None, "small", q, "linear")
case("percentile", "float32", [5], None, "small", 100.5, "linear")

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "quantiles.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases,", sum(c[-1] == "error" for c in cases), "of them errors,", sum(c[-2] for c in cases), "with both zeros")
