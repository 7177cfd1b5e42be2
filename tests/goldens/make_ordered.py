"""Makes ordered.json: medians and quantiles of masked elements, of weighted ones and by group, with NumPy's answers for
the elements that count, row by row. tests/ordered.rs makes the same with chunkwise, from memory and from files in chunks.

Integers are widened first, so that differences do not wrap. Weights are multiples of 1/8, of which NumPy's sums are
exact as chunkwise's are. Which of -0 and +0 NumPy finds is open: where both are there, the sign of zeros is not
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
rng = random.Random(20261202)
ALL = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]
FLOATS = ALL[9:]
DISCRETE = ["inverted_cdf", "closest_observation", "lower", "higher", "nearest"]
METHODS = DISCRETE + ["averaged_inverted_cdf", "hazen", "linear", "median_unbiased", "midpoint"]
QS = [0.0, 1.0, 0.5, 0.25, 0.1, 1 / 3, 0.999, 0.05, 0.7, 0.9]

cases = []


def answer(v, mixed):
    v = np.asarray(v)
    if mixed and v.dtype.kind == "f":
        v = np.where(v == 0, np.zeros((), v.dtype), v)
    raw = canonical(v)
    return [v.dtype.name, list(v.shape), raw.hex() if len(raw) <= 32 else format(checksum(raw), "016x")]


def coded(q):
    one = lambda p: struct.unpack("<Q", struct.pack("<d", p))[0]
    return q if q is None else [one(p) for p in q] if isinstance(q, list) else one(q)


def flat(v, shape, axes):
    """Rows of what is reduced, of an array that broadcasts to the shape."""
    kept = [d for d in range(len(shape)) if d not in axes]
    v = np.broadcast_to(v, shape)
    return np.transpose(v, kept + axes).reshape([shape[d] for d in kept] + [-1])


def some(dtype):
    return rng.choice(["small", "wide", "nan", "inf"] if dtype in FLOATS else ["small", "wide"])


def data(dtype, shape, mode="small"):
    return [dtype, list(shape), rng.randrange(1, 1000), mode]


def case(kind, name, dtype, shape, axes, method=None, q=None, keepdims=False):
    axes = sorted(axes)
    x = data(dtype, shape, some(dtype))
    v = array(*x)
    mixed = dtype in FLOATS and bool(((v == 0) & np.signbit(v)).any() and ((v == 0) & ~np.signbit(v)).any())
    if v.dtype.kind == "i" and method not in DISCRETE and method is not None:
        v = v.astype(np.int64)
        if v.size and int(v.max()) - int(v.min()) >= 2**63:
            return
    mask = weights = labels = expected = None
    if rng.random() < 0.5 or kind == "where":
        mask = data("bool", shape if rng.random() < 0.7 else shape[-1:])
    if kind == "weights":
        length = [shape[axes[0]]] if len(axes) == 1 and rng.random() < 0.4 else shape
        weights = data(rng.choice(["uint8", "float32", "float64"]), length)
        if weights[0] != "uint8" and rng.random() < 0.9:
            weights = data("uint16", length)
    if kind == "groups":
        labels = data(rng.choice(["int8", "uint16", "float64", "bool"]), [shape[axes[0]]] if len(axes) == 1 else shape)
        there = sorted(set(array(*labels).ravel().tolist()))
        expected = rng.sample(there, max(1, rng.randrange(1, len(there) + 1)))
        if rng.random() < 0.3:
            expected.append(100)
    along = lambda a: a.reshape([-1 if d == axes[0] else 1 for d in range(len(shape))]) if a.ndim == 1 and len(shape) > 1 and len(axes) == 1 else a
    rows = flat(v, shape, axes)
    masks = flat(np.ones((), bool) if mask is None else array(*mask), shape, axes)
    ws = None if weights is None else flat(along(array(*weights)), shape, axes)
    ls = None if labels is None else flat(along(array(*labels)), shape, axes)
    function, kw = getattr(np, name), {} if method is None else {"method": method}
    args = () if q is None else (q,)
    groups = [None] if expected is None else expected

    def one(row, w):
        if len(row) == 0 and (expected is not None or name.startswith("nan")):
            out = np.asarray(function(np.ones(2, v.dtype), *args, **kw))
            if out.dtype.kind != "f":
                raise ValueError
            return out * out.dtype.type(np.nan)
        if name.startswith("nan") and np.isnan(row).all():
            w = None
        return function(row, *args, **kw, **({} if w is None else {"weights": w}))

    try:
        like = np.asarray(function(np.ones(2, v.dtype), *args, **kw))
        out = np.empty(like.shape + rows.shape[:-1] + (len(groups),), like.dtype)
        for at in np.ndindex(rows.shape[:-1]):
            for g, label in enumerate(groups):
                there = masks[at] if label is None else masks[at] & (ls[at] == label)
                out[(...,) + at + (g,)] = one(rows[at][there], None if ws is None else ws[at][there])
        if expected is None:
            out = out[..., 0]
            if keepdims:
                out = out.reshape(like.shape + tuple(1 if d in axes else n for d, n in enumerate(shape)))
        right = answer(out, mixed)
    except (ValueError, IndexError, TypeError):
        right = "error"
    chunks = [rng.randrange(max(1, n // 9), max(n, 1) + 1) for n in shape]
    named = None if len(axes) == len(shape) and rng.random() < 0.5 else axes
    cases.append([kind, name, x, chunks, coded(q), method, named, keepdims, mixed, mask, weights, labels, expected, right])


def place():
    shape = [rng.choice([1, 2, 3, 7, 40]) for _ in range(rng.randrange(1, 4))]
    return shape, rng.sample(range(len(shape)), rng.randrange(1, len(shape) + 1))


def some_q():
    return rng.choice(QS) if rng.random() < 0.5 else rng.sample(QS, rng.choice([1, 2, 5]))


for dtype in ALL:
    for kind in ("where", "groups"):
        for name in ("median", "nanmedian"):
            for _ in range(5):
                case(kind, name, dtype, *place(), keepdims=kind == "where" and rng.random() < 0.3)
        for method in METHODS:
            for name in ("quantile", "nanquantile"):
                case(kind, name, dtype, *place(), method, some_q(), kind == "where" and rng.random() < 0.3)
    for name in ("quantile", "nanquantile"):
        for _ in range(12):
            case("weights", name, dtype, *place(), "inverted_cdf", some_q(), rng.random() < 0.3)
        case("weights", name, dtype, [3000], [0], "inverted_cdf", [k / 20 for k in range(21)])
        case("weights", name, dtype, [300, 40], [0], "inverted_cdf", 0.5)
    # More elements than are gathered at once.
    case("where", "median", dtype, [70001], [0])
    case("where", "nanquantile", dtype, [300, 251], [0, 1], "lower", QS)
    case("groups", "quantile", dtype, [40000], [0], "nearest", [0.25, 0.5])

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "ordered.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases,", sum(c[-1] == "error" for c in cases), "of them errors")
