"""Makes take.json: elements by lists of indices and by masks, with NumPy's answers. tests/take.rs makes the same
arrays with chunkwise, from memory and from files in chunks, and compares dtype, shape and bits.
"""
import json
import os
import random

import numpy as np

from common import array, canonical, checksum

rng = random.Random(20261129)
ALL = ["bool", "int8", "int16", "int64", "uint16", "uint64", "float16", "float32", "float64"]
cases = []


def answer(v):
    v = np.asarray(v)
    raw = canonical(v)
    return [v.dtype.name, list(v.shape), raw.hex() if len(raw) <= 32 else format(checksum(raw), "016x")]


def data(shape, mode="small"):
    return [rng.choice(ALL), list(shape), rng.randrange(1, 1000), mode]


def shape():
    return [rng.choice([1, 2, 3, 5, 8, 17, 40]) for _ in range(rng.randrange(1, 4))]


def chunks(shape):
    return [rng.randrange(1, max(n, 1) + 1) for n in shape]


def picks(n):
    kind = rng.randrange(6)
    some = [rng.randrange(n) for _ in range(rng.choice([0, 1, 2, 5, 30]))]
    if kind == 0:
        return sorted(some)
    if kind == 1:
        return sorted(some, reverse=True)
    if kind == 2:
        return [i - n for i in sorted(some)]
    if kind == 3:
        return list(range(0, n, rng.randrange(1, 4)))
    return [rng.choice([i, i - n]) for i in some]


def take():
    s = shape()
    x, axis = data(s, rng.choice(["small", "wide", "inf"])), rng.randrange(-len(s), len(s))
    list_ = picks(s[axis])
    v = np.take(array(*x), np.array(list_, np.int64), axis=axis)
    step = [rng.choice([1, 1, 2, -1, -2]) for _ in s]
    return ["take", x, chunks(s), axis, list_, step, answer(v), answer(v[tuple(slice(None, None, k) for k in step)])]


def compress():
    s = shape()
    x, axis = data(s), rng.randrange(-len(s), len(s))
    n = s[axis] + rng.choice([0, 0, -1, 2])
    p = rng.choice([0.0, 0.1, 0.5, 1.0])
    condition = [rng.random() < p and i < s[axis] for i in range(n)]
    return ["compress", x, chunks(s), axis, condition, answer(np.compress(condition, array(*x), axis=axis))]


def mask():
    s = shape()
    x = data(s)
    axes = rng.randrange(1, len(s) + 1)
    by = ["float32", s[:axes], rng.randrange(1, 1000), "nan"]
    least = rng.choice([-100.0, 0.0, 1.5, 100.0])
    with np.errstate(invalid="ignore"):
        m = array(*by) > least
    return ["mask", x, chunks(s), by, least, answer(array(*x)[m]), np.flatnonzero(m).tolist()]


for make, times in [(take, 160), (compress, 60), (mask, 100)]:
    cases += [make() for _ in range(times)]

with open(os.path.join(os.path.dirname(__file__), "take.json"), "w") as out:
    out.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
