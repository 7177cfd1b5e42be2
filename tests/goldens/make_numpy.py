"""Makes numpy.json: expressions as trees with NumPy's answers. tests/numpy.rs builds the same trees
with chunkwise and compares dtype, shape and bits (every NaN the same one).

Elements come from seeds (common.py), so answers stay small; answers of more than 32 bytes are
checksums. Float sums, means, variances, averages and products are not NumPy's but exact rational
arithmetic rounded once, which is the contract; their dtypes and shapes are NumPy's.
"""
import itertools
import json
import os
import random
import warnings

import numpy as np

from common import array, canonical, checksum, rows
from oracle import Wrong, reduce

warnings.simplefilter("ignore")
rng = random.Random(20250101)
ALL = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]
FLOATS = ALL[9:]


def entry(e):
    if e is None:
        return None
    if e == "...":
        return Ellipsis
    return slice(*e["s"]) if isinstance(e, dict) else e


def ev(t):
    """NumPy's value of a tree."""
    if not isinstance(t, list):
        return float(t["weak"]) if isinstance(t, dict) else t  # a weak scalar
    op, *rest = t
    if op == "data":
        return array(*rest)
    if op == "ew":
        name, *args = rest
        args = [ev(a) for a in args]
        return getattr(np, name)(*args)
    if op == "index":
        return ev(rest[0])[tuple(entry(e) for e in rest[1])]
    if op == "t":
        return ev(rest[0]).T
    if op == "transpose":
        return np.transpose(ev(rest[0]), rest[1])
    if op == "reshape":
        return np.reshape(ev(rest[0]), rest[1])
    if op == "concatenate":
        return np.concatenate([ev(a) for a in rest[0]], axis=rest[1])
    if op == "stack":
        return np.stack([ev(a) for a in rest[0]], axis=rest[1])
    if op == "squeeze":
        return np.squeeze(ev(rest[0]), tuple(rest[1]) or None)
    if op == "expand_dims":
        return np.expand_dims(ev(rest[0]), rest[1])
    if op == "broadcast_to":
        return np.broadcast_to(ev(rest[0]), rest[1])
    if op == "cast":
        return ev(rest[0]).astype(rest[1])
    if op in ("matmul", "dot"):
        a, b, f = ev(rest[0]), ev(rest[1]), getattr(np, op)
        if np.result_type(a, b) == np.float16:
            # One rounding at the end: NumPy's float16 sums round at every step.
            return f(a.astype(np.float64), b.astype(np.float64)).astype(np.float16)
        return f(a, b)
    if op == "reduce":
        name, a, kw = rest
        kw = {k: ev(v) if k in ("where", "weights") else v for k, v in kw.items()}
        return reduce(name, ev(a), kw)
    raise ValueError(op)


cases = []


def case(tree):
    try:
        v = np.asarray(ev(tree))
        raw = canonical(v)
        data = raw.hex() if len(raw) <= 32 else format(checksum(raw), "016x")
        cases.append([tree, v.dtype.name, list(v.shape), data])
    except (Wrong, ValueError, IndexError, TypeError, OverflowError, np.exceptions.AxisError):
        cases.append([tree, "error"])


def data(dtype, shape, mode="small"):
    return ["data", dtype, list(shape), rng.randrange(1, 1000), mode]


def some_shape(rank=None, top=5):
    rank = rng.randrange(0, 4) if rank is None else rank
    return [rng.choice([1, 1, 2, 3, top, 0]) if rng.random() < 0.9 else 1 for _ in range(rank)]


# Broadcasting, also where it fails.
for _ in range(60):
    a, b = some_shape(), some_shape()
    case(["ew", rng.choice(["add", "subtract", "multiply", "less", "maximum"]),
          data(rng.choice(["int32", "float64", "int16"]), a), data("int32", b)])
for _ in range(12):
    shapes = [[rng.choice([1, n]) for n in (3, 4, 2)][rng.randrange(3):] for _ in range(3)]
    case(["ew", "where", data("bool", shapes[0]), data("int8", shapes[1]), data("float32", shapes[2])])
# Promotion between arrays.
for a, b in itertools.product(ALL, ALL):
    case(["ew", rng.choice(["add", "multiply", "minimum"]), data(a, [3]), data(b, [2, 1])])
    case(["ew", rng.choice(["divide", "less_equal", "equal", "not_equal"]), data(a, [4], "wide"), data(b, [4], "wide")])
# And with weak scalars, left and right.
for d in ALL:
    for w in (True, 2, -3, 300, 70000, 2.5, 1e300, 2**40):
        name = rng.choice(["add", "multiply", "maximum"])
        case(["ew", name, data(d, [3]), w] if rng.random() < 0.6 else ["ew", name, w, data(d, [3])])
        case(["ew", rng.choice(["less", "greater_equal", "equal"]), data(d, [5]), w])
    case(["ew", "subtract", ["reduce", "max", data(d, [4]), {}], data("int8", [3])])  # rank 0 is strong
    case(["ew", "divide", 1, data(d, [3])])
    case(["ew", "floor_divide", data(d, [6]), 3])
    case(["ew", "remainder", data(d, [6]), 3])
    case(["ew", "clip", data(d, [9]), 1, 7])
    case(["ew", "bitwise_and", data(d, [3]), 6])
    case(["ew", "left_shift", data(d, [3]), 2])
    case(["ew", "sqrt", ["ew", "abs", data(d, [3])]])
    case(["ew", "negative", data(d, [3])])
    case(["ew", "invert", data(d, [3])])
    case(["ew", "logical_not", data(d, [3])])
    case(["ew", "round", data(d, [12])])
    # Wrap-around.
    case(["ew", "add", data(d, [5], "wide"), data(d, [5], "wide")])
    case(["ew", "multiply", data(d, [5], "wide"), data(d, [5], "wide")])
    for other in ALL:
        if d == "bool" or np.can_cast(d, other, "same_kind"):
            case(["cast", data(d, [5]), other])
# Slices: random, also out of range, with steps, None, Ellipsis, indices.
for _ in range(120):
    shape = [rng.choice([0, 1, 4, 7]) if rng.random() < 0.4 else rng.randrange(3, 9) for _ in range(rng.randrange(1, 4))]
    index, left = [], len(shape)
    for _ in range(rng.randrange(0, 5)):
        r = rng.random()
        if r < 0.15:
            index.append(None)
        elif r < 0.25 and "..." not in index:
            index.append("...")
        elif r < 0.4:
            index.append(rng.randrange(-4, 4))
            left -= 1
        else:
            bound = lambda: rng.choice([None, rng.randrange(-10, 10), rng.randrange(-4, 5)])
            index.append({"s": [bound(), bound(), rng.choice([None, 1, 2, 3, -1, -2, -7, 100])]})
            left -= 1
    t = ["index", data("int32", shape), index]
    if rng.random() < 0.3:
        t = ["t", t]
    if rng.random() < 0.3:
        t = ["index", t, [{"s": [None, None, rng.choice([-1, 2])]}]]
    case(t)
# Shapes.
for _ in range(60):
    shape = [rng.choice([1, 2, 3, 4, 6]) for _ in range(rng.randrange(1, 4))]
    n = int(np.prod(shape))
    x = data("int16", shape)
    case(["transpose", x, rng.sample(range(len(shape)), len(shape))])
    case(["reshape", x, rng.choice([[-1], [n], [1, -1, 1], [-1, 2], [3, -1], [n, 1], [2, -1, 2], [-1, 3, 2], [0, -1]])])
    case(["reshape", ["t", x], rng.choice([[-1], [n], [-1, 2]])])
    case(["squeeze", x, rng.choice([[], [0], [-1], [0, 1]])])
    case(["expand_dims", x, rng.randrange(-4, 4)])
    case(["broadcast_to", x, rng.choice([[2] + shape, shape, [3, 4], [s if s > 1 else 5 for s in shape]])])
for _ in range(40):
    shape = [rng.randrange(0, 4) for _ in range(rng.randrange(1, 4))]
    axis = rng.randrange(-3, 3)
    many = []
    for _ in range(rng.randrange(1, 4)):
        s = list(shape)
        if -len(s) <= axis < len(s) and rng.random() < 0.8:
            s[axis] = rng.randrange(0, 4)
        many.append(data(rng.choice(["int8", "uint8", "float32", "int64"]), s))
    case(["concatenate", many, axis])
    case(["stack", [data(rng.choice(["int8", "float16"]), shape) for _ in range(rng.randrange(1, 4))], axis])
# Reductions: every row, every dtype, empty input too.
ROWS = ["sum", "mean", "var", "std", "prod", "min", "max", "argmin", "argmax", "any", "all", "count_nonzero"]
NAN = ["nansum", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax", "nanargmin", "nanargmax", "nanprod"]
WHERE = {"sum", "mean", "var", "std", "prod", "min", "max", "any", "all", "nansum", "nanmean", "nanvar", "nanstd", "nanmin", "nanmax", "nanprod"}
for name in ROWS + NAN:
    for d in ALL:
        mode = rng.choice(["nan", "small"]) if d in FLOATS else rng.choice(["small", "wide"])
        for kw in ({}, {"axis": 0}, {"axis": [0, -1], "keepdims": True}, {"axis": 1, "where": 1}, {"axis": 7}):
            kw = dict(kw)
            if isinstance(kw.get("axis"), list) and "arg" in name:
                kw["axis"] = -1
            if kw.get("where"):
                if name not in WHERE:
                    continue
                kw["where"] = data("bool", rng.choice([[4, 1], [3, 4, 5], [5]]))
            if name.endswith(("var", "std")) and rng.random() < 0.5:
                kw["ddof"] = rng.choice([1, 2, 0.5, 3])
            shape = [2, 3] if name.endswith("prod") else [3, 4, 5]
            if kw.get("where") is not None and name.endswith("prod"):
                kw["where"] = data("bool", [2, 1])
            case(["reduce", name, data(d, shape, mode), kw])
    # The empty, whole and by axis; all NaN; infinities.
    for d in ("bool", "int16", "uint64", "float32"):
        case(["reduce", name, data(d, [0]), {}])
        case(["reduce", name, data(d, [0, 3]), {"axis": 0}])
        case(["reduce", name, data(d, [0, 3]), {"axis": 1}])
        case(["reduce", name, data(d, []), {}])
    case(["reduce", name, ["ew", "divide", data("float64", [3, 4], "nan"), 0.0], {"axis": 1}])
    case(["reduce", name, ["ew", "multiply", data("float32", [2, 3]), {"weak": "nan"}], {"axis": 0}])
    for d in FLOATS:
        if not name.endswith("prod"):
            case(["reduce", name, data(d, [6, 7], "wide"), {"axis": rng.choice([0, 1])}])
            case(["reduce", name, data(d, [4, 9], "inf"), {"axis": rng.choice([0, 1])}])
for name in ("sum", "prod", "mean", "var", "nansum", "std"):
    for d in ("bool", "int8", "uint32", "float16", "float32", "float64"):
        for dtype in ("float16", "float32", "float64", "int64", "uint8"):
            if dtype in ("int64", "uint8") and (name not in ("sum", "prod") or d in FLOATS):
                continue  # integer means are an error here, on purpose
            case(["reduce", name, data(d, [2, 3]), {"axis": 1, "dtype": dtype}])
for d in ("bool", "int32", "float16", "float32", "float64"):
    for w in ("float32", "int8"):
        absolute = ["ew", "add", ["ew", "abs", data(w, [3, 4])], 1]
        case(["reduce", "average", data(d, [3, 4]), {"weights": absolute}])
        case(["reduce", "average", data(d, [3, 4]), {"weights": absolute, "axis": 0}])
        case(["reduce", "average", data(d, [3, 4]), {"weights": ["index", absolute, [0]], "axis": 1, "keepdims": True}])
        case(["reduce", "average", data(d, [3, 4]), {"weights": ["index", absolute, [0]], "axis": 0}])
    case(["reduce", "average", data(d, [3]), {"weights": ["ew", "multiply", data("float64", [3]), 0.0]}])
# Products of matrices.
for d in ALL:
    case(["matmul", data(d, [3, 4]), data(d, [4, 2])])
    case(["matmul", data(d, [2, 3], "small" if d in FLOATS else "wide"), data(d, [3, 5], "small" if d in FLOATS else "wide")])
    case(["matmul", data(d, [2, 3]), data(rng.choice(ALL), [3, 1])])
    case(["matmul", data(d, [2, 0]), data(d, [0, 3])])
    case(["matmul", data(d, [2, 3]), data(d, [2, 3])])
    case(["matmul", ["t", data(d, [3, 2])], ["index", data(d, [6, 2]), [{"s": [None, None, -2]}]]])

# Histograms: edges as bits, counts as numpy.histogram of the values as float64.
histograms = []


def hist(d, n, mode, bins, log=False):
    a = data(d, [n], mode)
    v = ev(a).astype(np.float64)
    v = v[~np.isnan(v)]
    try:
        if np.isinf(v).any() and isinstance(bins, int):
            raise ValueError
        counts, edges = np.histogram(v, bins=bins)
        histograms.append([a, bins, [int(e) for e in edges.view(np.uint64)], counts.tolist(),
                           int((v < edges[0]).sum()), int((v > edges[-1]).sum()), n - len(v)])
    except ValueError:
        histograms.append([a, bins, "error"])


for d in ALL:
    hist(d, 200, "small", 10)
    hist(d, 200, "nan" if d in FLOATS else "small", [-3, -1, 0, 0.5, 2, 100])
    if d in FLOATS or d.endswith(("8", "16", "32")):
        hist(d, 150, "wide", 7)
    hist(d, 1, "small", 4)
    hist(d, 0, "small", 5)
for d in FLOATS:
    hist(d, 100, "nan", 13)
    hist(d, 100, "inf", 3)
    hist(d, 100, "inf", [-1.0, 0.0, 1.0])

# Every row of the table that is not a long function, in every dtype: seeds of their own, so that a new row leaves
# all other cases as they are. Left out is what NumPy gives by platform.
OPEN = ["minimum", "maximum", "fmin", "fmax", "power", "reciprocal", "where", "clip"]
for name, arity, long in rows():
    for d in ALL:
        if long or name in OPEN:
            continue
        for mode in ("small", "wide") + (("nan", "inf") if d in FLOATS else ()):
            case(["ew", name, *(["data", d, [30], 7 + k, mode] for k in range(arity))])

# Powers to a scalar, which NumPy has shorter ways for.
for k, d in enumerate(ALL):
    for w in (True, 0, 1, 2, -1, 0.0, 0.5, 1.0, 2.0, -1.0):
        for mode in ("small", "inf") if d in FLOATS else ("small", "wide"):
            x = ["data", d, [30], 300 + k, mode]
            case(["ew", "power", ["ew", "divide", x, 3] if d in FLOATS else x, w])

# Products with vectors, and of stacks of matrices; elements are such that every sum is exact, or wraps.
SHAPES = [([4], [4]), ([3, 4], [4]), ([3], [3, 4]), ([2, 3, 4], [4]), ([4], [2, 4, 5]), ([2, 3, 4], [2, 4, 5]),
          ([2, 3, 4], [1, 4, 5]), ([1, 3, 4], [2, 4, 5]), ([2, 3, 4], [4, 5]), ([3, 4], [2, 4, 5]),
          ([2, 1, 3, 4], [3, 4, 2]), ([3, 2, 1500], [3, 1500, 2]), ([0], [0]), ([3, 0], [0]), ([2, 3, 0], [0, 4]),
          ([0, 3, 4], [4, 5]), ([1], [1, 1, 1]), ([2000], [2000]), ([1, 1], [7, 1, 9]),
          ([1], [3]), ([3, 4], [3, 4]), ([2, 3, 4], [3, 4, 5]), ([2, 3, 4], [3]), ([], [3]), ([3], [])]
for k, (a, b) in enumerate(SHAPES):
    for j, d in enumerate(ALL):
        mode = "small" if d in FLOATS else "wide"
        case(["matmul", ["data", d, a, 400 + k, mode], ["data", d, b, 500 + j, mode]])
    case(["matmul", ["t", ["data", "int16", a[::-1], 1, "small"]], ["data", "float32", b, 2, "small"]])
    for d in ("float64", "uint8"):
        case(["dot", ["data", d, a, 400 + k, "small"], ["data", d, b, 500 + k, "small"]])
for a, b in (([2, 3, 4], [2, 4, 5]), ([5, 2, 3, 4], [2, 4, 5]), ([3, 4], [2, 2, 4, 5]), ([2, 3, 4], [3, 4])):
    case(["dot", ["data", "float32", a, 600, "small"], ["data", "int16", b, 601, "small"]])
for v in ("nan", "inf"):
    case(["matmul", ["data", "float32", [3, 4], 700, v], ["data", "float32", [4], 701, "small"]])

# Averages of what a mask leaves, which NumPy has only without weights.
for k, d in enumerate(("bool", "int64", "float16", "float32", "float64")):
    for mode in ("small", "nan") if d in FLOATS else ("small",):
        x, w = ["data", d, [6, 5], 800 + k, mode], ["ew", "abs", ["data", "float32", [6, 5], 810 + k, "small"]]
        for axis in (None, 0, 1):
            for mask in (["data", "bool", [6, 5], 820 + k, "small"], ["data", "bool", [5], 830 + k, "small"],
                         ["ew", "isnan", ["data", "float32", [6, 1], 840 + k, "nan"]]):
                case(["reduce", "average", x, {"weights": w, "where": mask, "axis": axis}])

# Densities, as bits: the weights are such that their sums are exact.
densities = []


def density(x, bins, weights=None, y=None):
    w = None if weights is None else ev(weights)
    v = [ev(a).astype(np.float64) for a in ([x] if y is None else [x, y])]
    h = np.histogram(v[0], bins, weights=w, density=True)[0] if y is None else np.histogram2d(
        *v, bins=bins, weights=w, density=True)[0]
    densities.append([x, bins, weights, y, [int(b) for b in h.ravel().view(np.uint64)]])


for k, d in enumerate(("int16", "uint8", "float16", "float32", "float64")):
    x = ["data", d, [300], 900 + k, "small"]
    y = ["data", "float32", [300], 910 + k, "small"]
    w = ["data", "float64", [300], 920 + k, "small"]
    for bins in (7, [-2.0, -1.0, 0.0, 0.25, 1.0, 17.0]):
        density(x, bins)
        density(x, bins, w)
        density(x, bins, None, y)
        density(x, bins, w, y)
    density(x, 5, ["data", "int32", [300], 930 + k, "small"])
density(["data", "float32", [4], 1, "small"], [100.0, 200.0, 300.0])

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "numpy.json"), "w") as f:
    lines = lambda rows: ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows)
    f.write('{"cases": [\n' + lines(cases) + '\n],\n"histograms": [\n' + lines(histograms) + '\n],\n"densities": [\n' + lines(densities) + "\n]}\n")
print(len(cases), "cases,", sum(c[1] == "error" for c in cases), "of them errors;", len(histograms), "histograms")
