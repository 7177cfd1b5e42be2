"""Makes index.json: indices with several lists and masks, with NumPy's shapes and elements. The command line's tests
(src/cli/eval/tests.rs) read the same texts."""
import json
import os
import random

import numpy as np

rng = random.Random(20261203)
SHAPES = [(3, 4), (3, 4, 5), (2, 3, 4, 2)]
cases = []


def entry(n, length, shape):
    """The text of an index for an axis of `n`; lists have a shape that broadcasts to `shape`."""
    kind = rng.choice(["list", "list", "list", "at", "slice", "all"])
    if kind == "at":
        return str(rng.randrange(-n, n))
    if kind == "slice":
        return rng.choice(["1:", ":2", "::-1", "::2", "-2:"])
    if kind == "all":
        return ":"
    own = rng.choice([shape, shape[-1:], [1], [1] + shape[1:] if len(shape) > 1 else shape])
    v = np.array([rng.randrange(-n, n) for _ in range(int(np.prod(own)))]).reshape(own)
    return str(v.tolist()).replace("\n", "")


while len(cases) < 400:
    dims = rng.choice(SHAPES)
    shape = rng.choice([[2], [3], [2, 3], [1]])
    entries, d = [], 0
    while d < len(dims):
        r = rng.random()
        if r < 0.08:
            entries.append("None")
        elif r < 0.16 and shape == [2] and dims[d] >= 2:
            mask = [False] * dims[d]
            for k in rng.sample(range(dims[d]), 2):
                mask[k] = True
            entries.append(str(mask))
            d += 1
        elif r < 0.2 and shape == [3] and d + 1 < len(dims):
            mask = np.zeros(dims[d] * dims[d + 1], bool)
            mask[rng.sample(range(mask.size), 3)] = True
            entries.append(str(mask.reshape(dims[d], dims[d + 1]).tolist()))
            d += 2
        elif r < 0.28:
            break
        else:
            entries.append(entry(dims[d], dims[d], shape))
            d += 1
    if rng.random() < 0.2:
        entries.insert(rng.randrange(len(entries) + 1), "...")
    if sum("[" in e for e in entries) < 2:
        continue
    index = ", ".join(entries)
    x = np.arange(int(np.prod(dims))).reshape(dims)
    try:
        right = eval(f"x[{index}]", {"x": x})
    except IndexError:
        continue
    text = f"arange({x.size}).reshape({', '.join(map(str, dims))})[{index}]"
    cases.append([text, list(right.shape), right.ravel().tolist()])

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "index.json"), "w") as f:
    f.write("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n")
print(len(cases), "cases")
