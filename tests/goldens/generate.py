"""Goldens for src/source/generate.rs: bits of NumPy's arange, linspace and Philox."""
import numpy as np

def bits(a):
    return " ".join(x.hex() for x in [a.astype(a.dtype.newbyteorder(">")).tobytes()[i:i + a.itemsize] for i in range(0, a.nbytes, a.itemsize)])

with open(__file__.replace(".py", ".txt"), "w") as f:
    for dt in ["float16", "float32", "float64", "int8", "int32", "int64", "uint16"]:
        for args in [(0.0, 1.0, 0.1), (-3.5, 7.0, 0.7), (1e3, 1e3 + 2, 0.03), (0.0, 5.0, 1.0), (5.0, 0.0, -0.3)]:
            if dt.startswith(("int", "uint")) and args not in [(0.0, 5.0, 1.0)]:
                continue
            print("arange", dt, *map(repr, args), bits(np.arange(*args, dtype=dt)), sep="|", file=f)
        for args in [(0, 10, 1), (3, -20, -4) if not dt.startswith("u") else (40, 3, -4), (5, 5, 1), (2, 100, 7)]:
            print("arange", dt, *args, bits(np.arange(*args, dtype=dt)), sep="|", file=f)
        for args in [(0.0, 1.0, 7, True), (0.0, 1.0, 7, False), (-2.5, 3.7, 11, True), (5.0, 5.0, 3, True), (1.0, 2.0, 1, True),
                     (1.0, 2.0, 0, True), (0.0, 5e-324, 4, True), (100.0, 3.0, 9, True), (0.1, 0.7, 50, False)]:
            if dt.startswith("u") and args[0] < 0:
                continue
            print("linspace", dt, *map(repr, args), bits(np.linspace(args[0], args[1], args[2], endpoint=args[3], dtype=dt)), sep="|", file=f)
    for dt in ["float32", "float64"]:
        for seed in [0, 1, 42, 2**64 - 1]:
            g = np.random.Generator(np.random.Philox(key=seed))
            print("random", dt, seed, bits(g.random(37, dtype=dt)), sep="|", file=f)
