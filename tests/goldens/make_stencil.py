"""Makes stencil.json: padded arrays, gradients and convolutions with NumPy's answers. tests/stencil.rs makes
the same arrays with chunkwise, from memory and from files in chunks, and compares dtype, shape and bits.

Convolved floats are whole numbers, whose sums are exact in any order.
"""
import json
import os
import random

import numpy as np

from common import array, canonical, checksum

rng = random.Random(20260101)
ALL = ["bool", "int8", "int16", "int64", "uint16", "uint64", "float16", "float32", "float64"]
# What chunkwise calls them, as dask.array.overlap does.
MODES = {"constant": "constant", "nearest": "edge", "reflect": "symmetric", "mirror": "reflect", "periodic": "wrap"}

cases = []


def answer(v):
    v = np.asarray(v)
    raw = canonical(v)
    return [v.dtype.name, list(v.shape), raw.hex() if len(raw) <= 32 else format(checksum(raw), "016x")]


def data(dtype, shape, mode="small"):
    return [dtype, list(shape), rng.randrange(1, 1000), mode]


def chunks(shape):
    return [rng.randrange(1, max(n, 1) + 1) for n in shape]


def pad():
    shape = [rng.choice([1, 2, 3, 5, 8, 17]) for _ in range(rng.randrange(1, 4))]
    x = data(rng.choice(ALL), shape)
    widths = [[rng.choice([0, 0, 1, 2, 3, 9]), rng.choice([0, 1, 2, 3, 9])] for _ in shape]
    modes = [rng.choice(list(MODES)) for _ in shape] if rng.random() < 0.5 else [rng.choice(list(MODES))] * len(shape)
    fill = rng.randrange(0, 2)
    v = array(*x)
    # One axis after the other: what is beyond several ends is what one border shows of another.
    for d, (width, mode) in enumerate(zip(widths, modes)):
        each = [(0, 0)] * len(shape)
        each[d] = tuple(width)
        options = {"constant_values": fill} if mode == "constant" else {}
        v = np.pad(v, each, mode=MODES[mode], **options)
    # The result seen with steps, backwards.
    index = [[rng.choice([None, None, 1]), rng.choice([1, 1, 2, 3, -1, -2])] for _ in shape]
    seen = v[tuple(slice(a, None, s) if s > 0 else slice(None, None, s) for a, s in index)]
    return ["pad", x, chunks(shape), widths, modes, fill, index, answer(v), answer(seen)]


def gradient():
    order = rng.choice([1, 2])
    shape = [rng.choice([1, 2, 3, 5, 8]) for _ in range(rng.randrange(1, 4))]
    axis = rng.randrange(len(shape))
    shape[axis] = order + 1 + rng.choice([0, 1, 2, 7, 30])
    x = data(rng.choice(ALL[1:]), shape, rng.choice(["small", "small", "wide", "inf"]))
    dx = rng.choice([1.0, 0.1, 3.0, 1e-3])
    with np.errstate(all="ignore"):
        v = np.gradient(array(*x), dx, axis=axis, edge_order=order)
    return ["gradient", x, chunks(shape), axis - rng.choice([0, len(shape)]), dx, order, answer(v)]


def convolve():
    n, m = rng.choice([1, 2, 7, 40, 100]), rng.choice([1, 2, 3, 4, 9, 20])
    dtypes = [rng.choice(ALL), rng.choice(ALL)]
    if np.result_type(*dtypes) == np.float16:
        dtypes[0] = "float64"
    whole = lambda d: "int8" if d.startswith("f") else d
    a, v = data(whole(dtypes[0]), [n]), data(whole(dtypes[1]), [m])
    mode = rng.choice(["full", "same", "valid"])
    value = np.convolve(array(*a).astype(dtypes[0]), array(*v).astype(dtypes[1]), mode)
    if value.dtype.kind == "f":
        value = value + 0.0  # the sign of a zero depends on the order of the sum
    return ["convolve", a, chunks([n]), v, dtypes, mode, answer(value)]


for _ in range(250):
    cases.append(pad())
for _ in range(150):
    cases.append(gradient())
for _ in range(150):
    cases.append(convolve())
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "stencil.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases")
