"""Makes cumulative.json: cumsum, cumprod, cummax, cummin and their like, with the answers of exact arithmetic
(oracle.py): each position is the reduction of all elements up to it. Where NumPy has no rounding to do and nothing
wraps, its answer is compared. tests/cumulative.rs makes the same with chunkwise, from memory and from files in chunks.
"""
import json
import os
import random
import warnings

import numpy as np

from common import array, canonical, checksum
from oracle import Wrong, reduce

warnings.simplefilter("ignore")
rng = random.Random(20261130)
ALL = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]
FLOATS = ALL[9:]
NUMPY = {
    "cumsum": ("sum", np.cumsum), "cumprod": ("prod", np.cumprod), "nancumsum": ("nansum", np.nancumsum),
    "nancumprod": ("nanprod", np.nancumprod), "cummax": ("max", np.maximum.accumulate),
    "cummin": ("min", np.minimum.accumulate),
}
SHAPES = [[1], [2], [0], [60], [37], [5, 12], [12, 5], [3, 20], [1, 30], [30, 1], [4, 3, 5], [0, 3], [3, 0], [2, 2, 2, 6]]


def answer(v):
    v = np.asarray(v)
    raw = canonical(v)
    return [v.dtype.name, list(v.shape), raw.hex() if len(raw) <= 32 else format(checksum(raw), "016x")]


def line(row, v, kw):
    return [reduce(row, v[:k + 1], kw) for k in range(len(v))]


def cumulative(name, a, axis, dtype):
    row, numpy = NUMPY[name]
    kw = {"dtype": dtype} if dtype else {}
    out = numpy(a if name[:4] in ("cums", "cump") or a.ndim else a.reshape(1), axis=axis, **kw) if axis is not None \
        else numpy(a.reshape(-1), **kw)
    flat = a.reshape(-1) if axis is None else a
    along = 0 if axis is None else axis
    exact = np.empty(out.shape, out.dtype)
    for at in np.ndindex(*np.delete(flat.shape, along)):
        at = list(at)
        at.insert(along if along >= 0 else flat.ndim + along, slice(None))
        exact[tuple(at)] = line(row, flat[tuple(at)], kw)
    return out, exact


def chunks(shape):
    return [rng.randrange(1, max(n, 1) + 1) for n in shape]


cases = []
for name in NUMPY:
    for dtype in ALL:
        for k in range(14):
            shape = rng.choice(SHAPES)
            mode = rng.choice(["small", "wide", "nan", "inf"] if dtype in FLOATS else ["small", "wide"])
            if name.endswith("prod") and dtype not in FLOATS and rng.random() < 0.7:
                shape = rng.choice([[1], [6], [2, 3], [3, 2]])
            axis = rng.choice([None, *range(-len(shape), len(shape))])
            to = None
            if "cumm" not in name and rng.random() < 0.3:
                to = rng.choice(["float64", "float32", "int64"] if mode not in ("nan", "inf", "wide") else ["float64"])
                if name.startswith("nan") and dtype in FLOATS and to not in FLOATS:
                    to = None
            seed = rng.randrange(1, 1000)
            a = array(dtype, shape, seed, mode)
            try:
                numpy, exact = cumulative(name, a, axis, to)
            except Wrong:
                cases.append([name, [dtype, shape, seed, mode], chunks(shape), axis, to, "error"])
                continue
            if out_is_exact := (exact.dtype.kind != "f" or "cumm" in name):
                assert np.array_equal(numpy, exact, equal_nan=exact.dtype.kind == "f"), (name, a, axis, to, numpy, exact)
            cases.append([name, [dtype, shape, seed, mode], chunks(shape), axis, to, answer(exact)])

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cumulative.json")
with open(path, "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
print(len(cases), "cases,", sum(c[5] == "error" for c in cases), "errors")
