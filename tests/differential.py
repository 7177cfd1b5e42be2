#!/usr/bin/env python3
"""Random expressions, by NumPy and by the program, over the same HDF5 file: dtypes, shapes and values must be the same.

    python3 tests/differential.py target/release/chunkwise [--seconds 30] [--seed N] [--device cpu|gpu]

Arrays are of all dtypes, with and without chunks, empty, of one element, with NaN, infinities and -0.0. What NumPy raises
for must be an error and no crash; values must be equal, floats within a few units in the last place of the largest element
that went into them. A mismatch is printed as the command that repeats it. Needs NumPy 2 and h5py.
"""
import argparse
import ast
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import warnings

import h5py
import numpy as np

warnings.simplefilter("ignore")
np.seterr(all="ignore")

FLOATS, INTS = ["float32", "float64"], ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
SHAPES = [(), (1,), (7,), (40,), (0,), (3, 4), (1, 5), (6, 1), (0, 3), (2, 3, 4), (5, 8), (1, 1, 3)]
# (name, takes, how near: 0 is equal). takes: f floats only, i integers only, b bools too, n numbers.
UNARY = [
    ("negative", "n", 0), ("absolute", "n", 0), ("sign", "n", 0), ("square", "n", 0), ("isnan", "f", 0), ("isfinite", "f", 0),
    ("floor", "f", 0), ("ceil", "f", 0), ("trunc", "f", 0), ("rint", "f", 0), ("sqrt", "f", 1),
    ("exp", "f", 4), ("log", "f", 4), ("log1p", "f", 4), ("expm1", "f", 4), ("sin", "f", 4), ("cos", "f", 4), ("arctan", "f", 4),
    ("tanh", "f", 4), ("cbrt", "f", 4), ("invert", "i", 0), ("logical_not", "b", 0), ("spacing", "f", 0), ("arcsinh", "f", 4),
]
BINARY = [
    ("add", "n", 0), ("subtract", "n", 0), ("multiply", "n", 0), ("divide", "n", 1), ("floor_divide", "n", 0),
    ("remainder", "n", 0), ("fmod", "n", 0), ("minimum", "n", 0), ("maximum", "n", 0), ("fmin", "n", 0), ("fmax", "n", 0),
    ("equal", "b", 0), ("less", "b", 0), ("greater_equal", "b", 0), ("logical_and", "b", 0), ("logical_xor", "b", 0),
    ("bitwise_and", "i", 0), ("bitwise_or", "i", 0), ("gcd", "i", 0), ("copysign", "f", 0), ("hypot", "f", 4),
    ("arctan2", "f", 4), ("logaddexp", "f", 8), ("heaviside", "f", 0), ("nextafter", "f", 0),
]
REDUCTIONS = [
    ("sum", "n", 1), ("mean", "n", 1), ("min", "n", 0), ("max", "n", 0), ("ptp", "n", 0), ("argmin", "n", 0), ("argmax", "n", 0),
    ("any", "b", 0), ("all", "b", 0), ("count_nonzero", "b", 0), ("std", "n", 1), ("var", "n", 1), ("median", "n", 1),
    ("nansum", "n", 1), ("nanmin", "f", 0), ("nanmax", "f", 0), ("nanmean", "f", 1), ("nanmedian", "f", 1), ("prod", "n", 1),
]
KEEPDIMS = {"sum", "mean", "min", "max", "any", "all", "std", "var", "median", "nansum", "nanmean", "prod"}
SHAPED = [
    "sort({x}, axis={a})", "argsort({x}, axis={a}, kind='stable')", "cumsum({x}, axis={a})", "flip({x}, {a})",
    "roll({x}, 2, axis={a})", "diff({x}, axis={a})", "repeat({x}, 2, axis={a})", "take({x}, [0, -1, 0], axis={a})", "{x}.T",
    "ravel({x})", "unique({x})", "{x}[::-1]", "{x}[1:]", "{x}[..., ::2]", "{x}[None]", "squeeze({x})",
    "expand_dims({x}, {a})", "concatenate(({x}, {x}), axis={a})", "stack(({x}, {x}), axis={a})", "swapaxes({x}, 0, -1)",
    "where({x} > 1, {x}, 0)", "clip({x}, 1, 3)", "nan_to_num({x}, posinf=9, neginf=-9)", "{x}[{x} > 1]", "tile({x}, 2)", "pad({x}, 1)",
    "bincount({x})", "nonzero({x})[0]", "searchsorted(sort(ravel({x})), ravel({x}))", "isin({x}, [1, 2])",
    "round({x}, 1)", "trim_zeros({x})", "packbits({x} > 1)", "packbits({x} > 1, axis={a})", "block([{x}, {x}])", "lexsort(({x}, {x} > 1))", "trapezoid({x}, axis={a})", "outer({x}, {x})", "atleast_2d({x})", "unique({x}, return_counts=True)[1]",
]


# A rounding before these can change all: they get what both compute without any.
JUMPS = {
    "sign", "floor", "ceil", "trunc", "rint", "isnan", "isfinite", "logical_not", "spacing", "floor_divide", "remainder", "fmod",
    "equal", "less", "greater_equal", "logical_and", "logical_xor", "copysign", "heaviside", "nextafter", "argmin", "argmax",
    "any", "all", "count_nonzero", "argsort", "unique", "bincount", "nonzero", "searchsorted", "isin", "round", "arctan2", "divide",
    "log", "sqrt", "log1p",
}
# What rounds its results.
ROUNDS = {"add", "subtract", "multiply", "cumsum", "trapezoid", "outer", "diff"}


def values(rng, dtype, shape):
    n = int(np.prod(shape))
    if dtype == "bool":
        flat = rng.integers(0, 2, n).astype(bool)
    elif dtype in FLOATS:
        flat = rng.choice([0.0, -0.0, 1.0, -1.5, 2.0, 3.0, 0.1, 1e3, -7.25, np.nan, np.inf, -np.inf][: rng.choice([9, 9, 10, 12])], n)
        flat = (flat * rng.choice([1.0, 1.0, 0.37], n)).astype(dtype)
    else:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        small = rng.integers(0 if low == 0 else -5, 9, n)
        flat = small.astype(dtype)
        # Of 64 bits NumPy's own sums and variances are not exact enough to judge by.
        if n and np.dtype(dtype).itemsize < 8 and rng.random() < 0.2:
            flat[rng.integers(n)] = rng.choice([low, high])
    return flat.reshape(shape)


class Maker:
    """Expressions over the arrays of a file."""

    def __init__(self, seed):
        self.pick, self.rng = random.Random(seed), np.random.default_rng(seed)
        self.arrays = {}
        dtypes = ["bool"] + FLOATS * 3 + INTS
        for i in range(24):
            dtype = self.pick.choice(dtypes)
            self.arrays[f"a{i}"] = values(self.rng, dtype, self.pick.choice(SHAPES))

    def write(self, path):
        with h5py.File(path, "w") as f:
            for name, a in self.arrays.items():
                chunks = None
                if a.ndim and a.size and self.pick.random() < 0.6:
                    chunks = tuple(self.pick.randint(1, n) for n in a.shape)
                f.create_dataset(name, data=a, chunks=chunks, compression=4 if chunks and self.pick.random() < 0.5 else None)

    def leaf(self, takes):
        def fits(a):
            kind = a.dtype.kind
            return {"f": kind == "f", "i": kind in "iu", "n": kind in "iuf", "b": True}[takes]

        return self.pick.choice([n for n, a in self.arrays.items() if fits(a)])

    def operand(self, takes, depth, exact=False):
        """An operand, and whether both compute it without rounding."""
        if depth > 0 and self.pick.random() < 0.4:
            text, is_exact = self.expression(depth - 1)
            if is_exact or not exact:
                return text, is_exact
        return self.leaf(takes), True

    def expression(self, depth=2):
        kind = self.pick.random()
        if kind < 0.25:
            name, takes, near = self.pick.choice(UNARY)
            x, exact = self.operand(takes, depth, name in JUMPS)
            return f"{name}({x})", exact and near == 0
        if kind < 0.5:
            name, takes, near = self.pick.choice(BINARY)
            x, exact = self.operand(takes, depth, name in JUMPS)
            y = self.pick.choice([self.leaf(takes), self.leaf(takes), x, "2", "3"])
            return f"{name}({x}, {y})", exact and near == 0 and name not in ROUNDS
        if kind < 0.75:
            name, takes, near = self.pick.choice(REDUCTIONS)
            x, exact = self.operand(takes, depth, name in JUMPS)
            options = ""
            if self.pick.random() < 0.6:
                options += f", axis={self.pick.choice([0, 0, -1, 1])}"
            if name in KEEPDIMS and self.pick.random() < 0.2:
                options += ", keepdims=True"
            return f"{name}({x}{options})", exact and near == 0
        text = self.pick.choice(SHAPED)
        name = text.split("(")[0]
        x, exact = self.operand(self.pick.choice("nnfb"), depth - 1, name in JUMPS or "> 1" in text)
        return text.format(x=x, a=self.pick.choice([0, -1, 1])), exact and name not in ROUNDS


def by_numpy(text, names):
    try:
        value = eval(text, names)
    except Exception as e:  # whatever NumPy raises
        return None, f"{type(e).__name__}: {e}"
    value = np.asarray(value)
    return (None, "no array of numbers") if value.dtype.kind not in "biuf" else (value, None)


def coarsest(text, names):
    """The largest rounding unit of the floats that come up in an expression."""
    largest = 0.0
    for node in ast.walk(ast.parse(text, mode="eval")):
        if isinstance(node, (ast.Call, ast.Name)):
            value, _ = by_numpy(ast.unparse(node), names)
            if value is not None and value.dtype.kind == "f":
                largest = max(largest, np.finfo(value.dtype).eps)
    return largest


def plain(data):
    if isinstance(data, list):
        return [plain(d) for d in data]
    return {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}.get(data, data) if isinstance(data, str) else data


def differs(got, right, tolerance):
    dtype, shape = got["dtype"], tuple(got["shape"])
    if dtype != right.dtype.name or shape != right.shape:
        return f"{dtype} {shape}, where NumPy has {right.dtype} {right.shape}"
    data = np.array(plain(got["data"]), dtype=dtype).reshape(shape) if right.size else np.empty(shape, dtype)
    if right.dtype.kind != "f":
        same = data == right
    else:
        near = np.abs(data.astype("f8") - right.astype("f8")) <= tolerance
        same = (data == right) | near | (np.isnan(data) & np.isnan(right))
    if np.all(same):
        return None
    at = np.unravel_index(np.argmin(same), right.shape) if right.ndim else ()
    return f"element {at} is {data[at]!r}, where NumPy has {right[at]!r}"


# Where NumPy itself is of two minds, or the documentation says what differs.
KNOWN = ["zero-size", "empty", "All-NaN", "for array of dimension 0", "output from dtype('float64') to dtype('bool')"]
# What the program refuses: axes and masks that NumPy makes of scalars, and sums that wrap.
REFUSED = ["a scalar has no axes", "one bool is no mask", "nonzero takes an array with axes", "is out of bounds for int64",
           "is out of bounds for uint64"]


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("program")
    options.add_argument("--seconds", type=float, default=30)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--device", default="cpu")
    options.add_argument("--files", type=int, default=10**9)
    options.add_argument("--report", action="store_true", help="print mismatches; only a crash is an error")
    asked = options.parse_args()
    seed = asked.seed if asked.seed is not None else int.from_bytes(os.urandom(4), "little")
    print(f"seed {seed}, NumPy {np.__version__}, device {asked.device}")
    end, ran, raised, crashed, wrong = time.time() + asked.seconds, 0, 0, 0, []
    keep = tempfile.mkdtemp(prefix="chunkwise-differential-")
    file = 0
    while time.time() < end and file < asked.files and len(wrong) < 10:
        maker = Maker(seed + file)
        path = os.path.join(keep, f"{seed + file}.h5")
        maker.write(path)
        names = {n: getattr(np, n) for n in dir(np) if not n.startswith("_")}
        names.setdefault("trapezoid", getattr(np, "trapz", None))
        names.update(maker.arrays)
        before = len(wrong)
        cases = {}  # in the order in which they were made
        while len(cases) < 60:
            cases[maker.expression()[0]] = True
        answers = {text: by_numpy(text, names) for text in cases}
        base = [asked.program, "eval", "-i", path, "--json", "--device", asked.device]

        def run(texts):
            ended = subprocess.run(base + ["--memory", "64MiB", "--"] + texts, capture_output=True, text=True)
            return ended.returncode, ended.stdout, ended.stderr

        good = [t for t, (value, _) in answers.items() if value is not None]
        code, out, err = run(good)
        found = json.loads(out)["results"] if code == 0 else {}
        for text, (right, why) in answers.items():
            ran += 1
            command = " ".join(base[:4]) + f" --device {asked.device} -- '{text}'"
            got, code = found.get(text), 0
            if got is None:
                code, out, err = run([text])
                got = json.loads(out)["results"].get(text) if code == 0 else None
            if code not in (0, 1, 2):
                crashed += 1
                wrong.append(f"{command}\n    exit code {code}: {err[-300:]}")
            elif right is None:
                raised += 1
                if got is not None and not any(known in why for known in KNOWN):
                    wrong.append(f"{command}\n    an answer, where NumPy raises {why[:200]}")
            elif got is None and not any(refused in err for refused in REFUSED):
                wrong.append(f"{command}\n    {err.strip()[:300]}")
            elif got is not None and "data" not in got:
                wrong.append(f"{command}\n    no array")
            elif got is not None:
                finite = [np.abs(a[np.isfinite(a)].astype("f8")).max(initial=1.0) for a in maker.arrays.values() if f"{a.dtype}" in FLOATS]
                size = max(right.size and np.abs(right[np.isfinite(right)].astype("f8")).max(initial=1.0) or 1.0, 1.0) if right.dtype.kind == "f" else 1.0
                is_float = right.dtype.kind == "f"
                near = 64 * max(size, max(finite, default=1.0)) * coarsest(text, names) if is_float else 0
                what = differs(got, right, near)
                if what:
                    wrong.append(f"{command}\n    {what}")
        if len(wrong) == before:
            os.remove(path)
        file += 1
    for one in wrong:
        print(one)
    print(f"{ran} expressions over {file} files, of which NumPy raised for {raised}: {len(wrong)} differ")
    if not wrong:
        os.rmdir(keep)
    return 1 if crashed or (wrong and not asked.report) else 0


if __name__ == "__main__":
    sys.exit(main())
