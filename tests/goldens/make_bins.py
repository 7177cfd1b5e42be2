"""Makes bins.json: the bins that NumPy's rules choose (`numpy.histogram_bin_edges`). tests/bins.rs asks chunkwise for the
same, from memory and from files in chunks.

Floats are widened to float64 first, for chunkwise chooses the bins of the data as float64. NaN is taken away, which
NumPy refuses.
"""
import json
import os
import random
import warnings

import numpy as np

from common import array

warnings.simplefilter("ignore")
rng = random.Random(20261201)
RULES = ["auto", "fd", "doane", "scott", "stone", "rice", "sturges", "sqrt"]
ALL = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]
FLOATS = ALL[9:]

cases = []


def case(rule, dtype, shape, mode, span=None, above=None):
    """`above`: only elements above it count."""
    x = [dtype, list(shape), rng.randrange(1, 1000), mode]
    v = array(*x)
    v = v.astype(np.float64) if dtype in FLOATS else v
    v = v[~np.isnan(v)] if dtype in FLOATS else v.ravel()
    if above is not None:
        v = v[v > above]
    edges = np.histogram_bin_edges(v, rule, span)
    chunks = [rng.randrange(max(1, n // 9), max(n, 1) + 1) for n in shape]
    cases.append([rule, x, chunks, span, above, len(edges) - 1, float(edges[0]), float(edges[-1])])


for rule in RULES:
    for dtype in ALL:
        mode = "nan" if dtype in FLOATS else "small"
        case(rule, dtype, [rng.randrange(30, 500)], mode)
        case(rule, dtype, [rng.randrange(2, 30), rng.randrange(2, 30)], mode)
        if dtype != "bool":
            case(rule, dtype, [rng.randrange(200, 2000)], mode, span=[0.0, 12.5] if "u" in dtype else [-1.5, 1.25])
            case(rule, dtype, [rng.randrange(200, 2000)], mode, above=0)
            case(rule, dtype, [300], mode, span=[100.0, 200.0])
    for n in (0, 1, 2, 3):
        case(rule, "float64", [n], "small")
    # Sizes of which the root, the cube root or the logarithm is whole, and those beside them.
    for n in (8, 27, 64, 125, 216, 343, 512, 729, 1000, 1331, 4096, 9261):
        for m in (n - 1, n, n + 1):
            case(rule, "float64", [m], "small")
    for n in (20000, 70001, 150000):
        if rule != "stone":
            case(rule, rng.choice(["float32", "float64", "int32"]), [n], "small")
# Constant data, and data of which the middle half is.
for rule in RULES:
    case(rule, "int32", [1], "small", span=[3.0, 3.0])
    case(rule, "uint8", [40], "small", above=39)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "bins.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases")
