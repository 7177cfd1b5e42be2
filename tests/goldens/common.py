"""What the golden makers share with tests/common/mod.rs: data from a seed, and a checksum."""
import pathlib
import re

import numpy as np

U = np.uint64
GOLD = U(0x9E3779B97F4A7C15)


def mix(z):
    with np.errstate(over="ignore"):
        z = (z ^ (z >> U(30))) * U(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
        return z ^ (z >> U(31))


def hashes(seed, n):
    with np.errstate(over="ignore"):
        return mix(((U(seed) << U(40)) + np.arange(1, n + 1, dtype=U)) * GOLD)


def checksum(raw):
    raw = bytes(raw)
    raw += b"\0" * (-len(raw) % 8)
    words = np.frombuffer(raw, "<u8").astype(U)
    with np.errstate(over="ignore"):
        at = np.arange(1, len(words) + 1, dtype=U) * GOLD
        return int(mix(words + at).sum(dtype=U))


FLOAT_RANGE = {"float16": 20, "float32": 120, "float64": 1000}


def elements(dtype, n, seed, mode):
    h = hashes(seed, n)
    small = ((h >> U(8)) % U(41)).astype(np.int64) - 20
    if dtype == "bool":
        return (h >> U(63)) == 1
    if dtype in FLOAT_RANGE:
        v = small / 8.0
        if mode == "wide":
            r = FLOAT_RANGE[dtype]
            m = 1.0 + ((h >> U(20)) % U(1024)).astype(float) / 1024.0
            e = ((h >> U(32)) % U(r)).astype(np.int64) - r // 2
            v = np.where(h >> U(63) == 1, -1.0, 1.0) * np.ldexp(m, e)
        if mode == "inf":
            k = h % U(11)
            v = np.select([k == 1, k == 2, k == 3], [np.inf, -np.inf, -0.0], v)
        if mode in ("nan", "inf"):
            v = np.where(h % U(5) == 0, np.nan, v)
        return v.astype(dtype)
    if mode == "wide":
        return h.astype(dtype)  # the low bits
    return (small + 20 if dtype.startswith("u") else small).astype(dtype)


def array(dtype, shape, seed, mode="small"):
    return elements(dtype, int(np.prod(shape, dtype=int)), seed, mode).reshape(shape)


def canonical(a):
    """Little-endian C-order bytes with every NaN the same one."""
    a = np.asarray(a)
    if a.dtype.kind == "f":
        a = a.copy()
        a[np.isnan(a)] = np.nan
        a = np.where(np.isnan(a), np.abs(a), a).astype(a.dtype)
    return a.astype(a.dtype.newbyteorder("<")).tobytes()


def rows():
    """The table of elementwise rows: NumPy's name, number of parameters, and whether it is a long function, whose
    values are not NumPy's bits."""
    table = pathlib.Path(__file__).parents[2] / "src/ops/elementwise/table.rs"
    head = r'^ +[A-Z0-9_]+ (\w+)(?: = "(\w+)")?(?: \| "\w+")*(?: \["[^"]+"\])? \(([\w, ]+)\) "[^"]*" \{([^}]*(?:\{\w+\}[^}]*)*)\}'
    found = re.findall(head, table.read_text(), re.M)
    return [(name or method, params.count(",") + 1, "Math " in forms) for method, name, params, forms in found]
