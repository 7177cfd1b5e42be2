"""Makes lookup.json: elements looked up in a table, with NumPy's answers. tests/lookup.rs makes the same with chunkwise,
from memory and from files in chunks, and compares dtype, shape and bits.

NumPy promotes integers of all kinds for isin in its own ways; here they are compared by value.
"""
import json
import os
import random

import numpy as np

from common import array, canonical, checksum, elements

rng = random.Random(20261130)
ALL = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]
cases = []


def answer(v):
    v = np.asarray(v)
    raw = canonical(v)
    return [v.dtype.name, list(v.shape), raw.hex() if len(raw) <= 32 else format(checksum(raw), "016x")]


def data(mode):
    shape = [rng.choice([0, 1, 2, 5, 17, 40]) if rng.random() < 0.9 else 3 for _ in range(rng.randrange(0, 4))]
    return [rng.choice(ALL), shape, rng.randrange(1, 1000), mode]


def chunks(shape):
    return [rng.randrange(1, max(n, 1) + 1) for n in shape]


def table(mode):
    return np.sort(elements(rng.choice(ALL), rng.choice([0, 1, 2, 3, 7, 8, 9, 30, 100]), rng.randrange(1, 1000), mode))


def written(t):
    return [t.dtype.name, canonical(t).hex()]


def searchsorted(mode):
    x, t, side = data(mode), table(mode), rng.choice(["left", "right"])
    return ["searchsorted", x, chunks(x[1]), written(t), side, answer(np.searchsorted(t, array(*x), side))]


def digitize(mode):
    x, t, right = data(mode), table(mode), rng.random() < 0.5
    if rng.random() < 0.5:
        t = t[::-1]
    return ["digitize", x, chunks(x[1]), written(t), "right" if right else "left", answer(np.digitize(array(*x), t, right))]


def is_taken_for_descending(case):
    """One number before NaN ascends as NumPy sorts it, and NumPy's digitize takes it for bins that descend."""
    t = np.frombuffer(bytes.fromhex(case[3][1]), case[3][0])
    return t.dtype.kind == "f" and len(t) > 2 and not np.isnan(t[0]) and bool(np.isnan(t[1:]).all())


def isin(mode):
    x, t = data(mode), table(mode)
    # In no order, with equal ones.
    t = t[[rng.randrange(len(t)) for _ in t]]
    v = array(*x)
    if v.dtype.kind in "biu" and t.dtype.kind in "biu":
        values = {int(e) for e in t}
        found = np.array([int(e) in values for e in v.ravel()], bool).reshape(v.shape)
    else:
        found = np.isin(v, t)
    return ["isin", x, chunks(x[1]), written(t), answer(found)]


def floats(n, mode):
    if mode == "whole":
        return np.array([float(rng.randrange(-20, 20)) for _ in range(n)])
    if mode == "wide":
        return np.array([rng.uniform(-1, 1) * 2.0 ** rng.randrange(-300, 300) for _ in range(n)])
    v = np.array([rng.uniform(-3, 3) for _ in range(n)])
    if mode == "inf" and n:
        v[rng.randrange(n)] = rng.choice([np.inf, -np.inf, np.nan])
        v[rng.randrange(n)] = rng.choice([np.inf, -np.inf, 0.0])
    return v


def interp(mode):
    x = data(mode)
    n = rng.choice([1, 2, 3, 4, 5, 9, 30])
    xp = np.sort(floats(n, rng.choice(["whole", "", "wide"])))
    fp = floats(n, rng.choice(["whole", "", "wide", "inf"]))
    if rng.random() < 0.2:
        xp[[0, -1]] = xp[0] - 1, np.inf
    left, right = (rng.choice([None, -7.5, float("inf")]) for _ in range(2))
    period = rng.choice([None, None, 1.5, 7.0, -10.0])
    if period is not None:
        # Equal points after the division come in no stated order.
        xp = rng.sample(range(-300, 300), k=min(n, 14)) if period == 7.0 else list(floats(n, ""))
        xp = np.array([p / 2 for p in xp] if period == 7.0 else xp)
        if len({p % period for p in xp}) < len(xp):
            period = None
            xp.sort()
        fp = fp[: len(xp)]
    with np.errstate(all="ignore"):
        v = np.interp(array(*x), xp, fp, left, right, period)
    show = lambda v: None if v is None else repr(v)
    return ["interp", x, chunks(x[1]), written(xp), written(fp), [show(left), show(right), show(period)], answer(v)]


for mode in ("small", "wide", "inf", "nan"):
    cases += [searchsorted(mode) for _ in range(60)]
    cases += [case for case in (digitize(mode) for _ in range(40)) if not is_taken_for_descending(case)]
    cases += [isin(mode) for _ in range(60)]
    cases += [interp(mode) for _ in range(60)]

with open(os.path.join(os.path.dirname(__file__), "lookup.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
