"""Makes groups.json: grouped reductions, profiles, topk, argtopk and ptp with the answers of NumPy and of exact
arithmetic (oracle.py). tests/groups.rs makes the same with chunkwise, from memory and from files in chunks.

A group's answer is that of the reduction over its elements by themselves; a group without elements has the
reduction's answer for none, and NaN for an extreme of floats.
"""
import json
import os
import random
import warnings

import numpy as np

from common import array, canonical, checksum
from oracle import Wrong, reduce

warnings.simplefilter("ignore")
rng = random.Random(20261129)
ALL = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]
FLOATS = ALL[9:]
ROWS = ["sum", "mean", "var", "std", "min", "max", "argmin", "argmax", "prod", "any", "all", "count_nonzero",
        "nansum", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax", "nanprod"]

cases = []


def answer(v):
    v = np.asarray(v)
    raw = canonical(v)
    return [v.dtype.name, list(v.shape), raw.hex() if len(raw) <= 32 else format(checksum(raw), "016x")]


def data(dtype, shape, mode="small"):
    return [dtype, list(shape), rng.randrange(1, 1000), mode]


def chunks(shape):
    return [rng.randrange(1, max(n, 1) + 1) for n in shape]


def some(dtype):
    return rng.choice(["small", "wide", "nan", "inf"] if dtype in FLOATS else ["small", "wide"])


def of_group(name, v):
    """The answer for the elements of one group."""
    if len(v) == 0 and name.removeprefix("nan") in ("min", "max"):
        if v.dtype.kind != "f":
            raise Wrong
        return np.array(np.nan, v.dtype)
    if len(v) == 0 and name.startswith("arg"):
        raise Wrong
    return np.asarray(reduce(name, v, {}))


def grouped(name, v, groups, n):
    """v (kept, reduced) and groups (reduced), numbers from 0 on; others are of no group."""
    rows = []
    for row in v:
        out = []
        for g in range(n):
            at = np.flatnonzero(groups == g)
            one = of_group(name, row[at])
            # A position is one along the axis, not one in the group.
            out.append(np.int64(at[one]) if name.startswith("arg") else one)
        rows.append(out)
    return np.array(rows)


def groupby(name, dtype):
    kept, n = rng.choice([1, 1, 3]), rng.choice([1, 7, 40, 300])
    shape = [kept, n] if rng.random() < 0.7 else [n]
    x = data(dtype, shape, some(dtype))
    label_dtype = rng.choice(["int8", "int32", "int64", "uint16", "float32", "float64", "bool"])
    labels = data(label_dtype, [n], "nan" if label_dtype in FLOATS else "small")
    values = array(*labels)
    there = sorted(set(values[~np.isnan(values)].tolist()) if label_dtype in FLOATS else set(values.tolist()))
    expected = rng.sample(there, max(1, rng.randrange(1, len(there) + 1))) if there else [0]
    if rng.random() < 0.3:
        expected.append(100)
    numbers = np.full(n, -1)
    for g, label in enumerate(expected):
        numbers[values == label] = g
    v = array(*x).reshape(-1, n)
    try:
        made = grouped(name, v, numbers, len(expected)).reshape(shape[:-1] + [len(expected)])
        right = answer(made)
    except (Wrong, ValueError):
        right = "error"
    cases.append(["groupby", name, x, chunks(shape), labels, [float(e) for e in expected], right])


def profile(name, dtype):
    n = rng.choice([1, 30, 500])
    x, y = data("float64", [n], "nan"), data("int16", [n])
    v = data(dtype, [n], some(dtype))
    edges = sorted(rng.sample([-3.0, -2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.5], 4))
    two = rng.random() < 0.5
    values, rows = array(*v), array(*x)
    columns = [(rows, edges)] + ([(array(*y), [-20.0, 0.0, 7.0, 20.0])] if two else [])
    flat, size = np.zeros(n, int), 1
    for column, cuts in columns:
        at = np.searchsorted(cuts, column, "right") - 1
        at[column == cuts[-1]] = len(cuts) - 2
        out = np.isnan(column.astype(float)) | (at < 0) | (at > len(cuts) - 2)
        flat = np.where(out | (flat < 0), -1, flat * (len(cuts) - 1) + at)
        size *= len(cuts) - 1
    try:
        right = answer(grouped(name, values[None], flat, size).reshape([len(c) - 1 for _, c in columns]))
    except (Wrong, ValueError):
        right = "error"
    counts = answer(np.bincount(flat[flat >= 0], minlength=size).astype(np.int64).reshape([len(c) - 1 for _, c in columns]))
    cases.append(["profile", name, v, chunks([n]), [x, y][: 1 + two], [list(c) for _, c in columns], right, counts])


def top(dtype):
    shape = [rng.choice([1, 2, 5, 40]) for _ in range(rng.randrange(1, 4))]
    axis = rng.randrange(len(shape))
    shape[axis] = rng.choice([1, 4, 33, 700])
    k = rng.choice([0, 1, 2, 3, 10, 1000, -1, -3, -50])
    x = data(dtype, shape, some(dtype))
    v = array(*x)
    # A stable order, ±0 as one, NaN the largest.
    keys = v if dtype != "bool" else v.astype(np.uint8)
    keys = np.where(keys == 0, np.zeros((), keys.dtype), keys)
    if k < 0:
        order = np.argsort(keys, axis=axis, kind="stable")
    else:
        flipped = np.flip(keys, axis)
        order = np.flip(np.argsort(flipped, axis=axis, kind="stable"), axis)
        order = shape[axis] - 1 - order
    at = np.take(order, np.arange(min(abs(k), shape[axis])), axis)
    cases.append(["top", x, chunks(shape), k, axis, answer(np.take_along_axis(v, at, axis)), answer(at.astype(np.int64))])


def ptp(dtype):
    shape = [rng.choice([1, 2, 5, 40]) for _ in range(rng.randrange(1, 4))]
    axis = rng.choice([None, *range(len(shape))])
    x = data(dtype, shape, "wide")
    cases.append(["ptp", x, chunks(shape), axis, answer(np.ptp(array(*x), axis=axis))])


def along(dtype):
    """Counts, sums of weights and densities of numpy.histogram, for each place on the axes that are kept."""
    shape = [rng.choice([1, 2, 5, 12]) for _ in range(rng.randrange(1, 4))]
    axes = sorted(rng.sample(range(len(shape)), rng.randrange(1, len(shape) + 1)))
    x, w = data(dtype, shape, "nan" if dtype in FLOATS else "small"), data("float64", shape)
    edges = sorted(rng.sample([-20.0, -3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 2.5, 7.0], 4))
    kept = [d for d in range(len(shape)) if d not in axes]
    flat = [np.transpose(array(*a), kept + axes).reshape([shape[d] for d in kept] + [-1]) for a in (x, w)]
    lead = flat[0].shape[:-1]
    counts, sums, density = np.empty(lead + (3,), int), np.empty(lead + (3,)), np.empty(lead + (3,))
    for at in np.ndindex(lead):
        row = flat[0][at].astype(np.float64)
        there = ~np.isnan(row)
        counts[at] = np.histogram(row[there], edges)[0]
        sums[at] = np.histogram(row[there], edges, weights=flat[1][at][there])[0]
        density[at] = np.histogram(row[there], edges, density=True)[0]
    named = [a - len(shape) * rng.randrange(2) for a in axes]
    cases.append(["along", x, chunks(shape), w, named, edges, *map(answer, (counts, sums, density))])


for name in ROWS:
    for dtype in ALL:
        groupby(name, dtype)
        profile(name, dtype)
for dtype in ALL:
    for _ in range(6):
        top(dtype)
    if dtype != "bool":
        ptp(dtype)
for dtype in ALL:
    for _ in range(4):
        along(dtype)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "groups.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases,", sum(c[6] == "error" for c in cases if c[0] in ("groupby", "profile")), "of them errors")
