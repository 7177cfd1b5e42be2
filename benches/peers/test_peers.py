"""Every peer that is here answers every work that it claims, on little data; the others are named.

    python3 benches/peers/test_peers.py

It needs numpy and h5py; the expected answers are made without NumPy's arithmetic. Nothing is timed.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import math
import random
import struct
import sys
import tempfile
import unittest
from bisect import bisect_right
from pathlib import Path

import environments
from peers import PEERS
from process import Process
from run import Bench
from works import (
    BINS,
    BINS_2D,
    EXACT,
    GROUPS,
    KERNEL,
    SAMPLE,
    TOP,
    WORKS,
    Tolerance,
    difference,
    keys,
    picked,
    split,
)

ROWS, FILE_ROWS, CHUNK, MATRIX, SQUARE, PRODUCT, TASKS = 3001, 2500, 512, 50, 30, 40, 300
SET = {
    "name": "small",
    "elements": ROWS,
    "file_elements": FILE_ROWS,
    "matrix": MATRIX,
    "square": SQUARE,
    "tile": 16,
    "hist_range": [0.0, 2.0],
    "log_range": [-2.0, 1.0],
    "file_range": [-3.0, 3.0],
}


def f32(value: float) -> float:
    """Rounded to float32."""
    return struct.unpack("f", struct.pack("f", value))[0]


def make(folder: Path) -> dict[str, list[float]]:
    """Columns, as lists, and the files that hold them."""
    import h5py

    rng = random.Random(11)
    columns = {
        "a": [f32(rng.lognormvariate(0, 1)) for _ in range(ROWS)],
        "b": [f32(rng.lognormvariate(0, 1)) for _ in range(ROWS)],
        "w": [rng.uniform(1e-9, 1) * 2 ** rng.randrange(40) for _ in range(ROWS)],
        # Every group has rows.
        "g": [7 * k % GROUPS for k in range(ROWS)],
        "x": [f32(rng.gauss(0.5, 1)) for _ in range(FILE_ROWS)],
        "y": [f32(rng.gauss(0, 1)) for _ in range(FILE_ROWS)],
        "t": [f32(rng.gauss(0, 1)) for _ in range(SQUARE**2)],
        "p": [f32(rng.random()) for _ in range(PRODUCT**2)],
        "q": [f32(rng.random()) for _ in range(PRODUCT**2)],
    }
    with h5py.File(folder / "small.h5", "w") as file:
        for name, dtype in {"a": "f4", "b": "f4", "w": "f8", "g": "i4"}.items():
            file.create_dataset(name, data=columns[name], dtype=dtype)
    ways = {
        "deflate": {"chunks": (CHUNK,), "compression": "gzip", "shuffle": True},
        "plain": {"chunks": (CHUNK,)},
        "contiguous": {},
    }
    with h5py.File(folder / "small-file.h5", "w") as file:
        for storage, how in ways.items():
            for name in "xy":
                file.create_dataset(f"{storage}/{name}", data=columns[name], dtype="f4", **how)
        rows = [columns["t"][i * SQUARE : (i + 1) * SQUARE] for i in range(SQUARE)]
        how = {**ways["deflate"], "chunks": (16, 16)}
        file.create_dataset("deflate/t", data=rows, dtype="f4", **how)
    (folder / "manifest.json").write_text(json.dumps({"sets": [SET], "product": PRODUCT}))
    with h5py.File(folder / "product.h5", "w") as file:
        for name in "pq":
            dataset = file.create_dataset(name, (PRODUCT,) * 2, "f4", chunks=(16, 16))
            dataset[:] = [columns[name][i * PRODUCT : (i + 1) * PRODUCT] for i in range(PRODUCT)]
    return columns


def deviation(values: list[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))


def middle(values: list[float]) -> float:
    ranked, n = sorted(values), len(values)
    return f32(f32(ranked[(n - 1) // 2] + ranked[n // 2]) / 2)


def place(value: float, bins: int, limits: list[float]) -> int | None:
    low, high = limits
    if not low <= value <= high:
        return None
    edges = [low + (high - low) * k / bins for k in range(bins + 1)]
    return min(bisect_right(edges, value) - 1, bins - 1)


def counts(values: list[float], limits: list[float]) -> list[float]:
    bins = [0.0] * BINS
    for value in values:
        at = place(value, BINS, limits)
        if at is not None:
            bins[at] += 1
    return bins


def weights_2d(a: list[float], b: list[float], w: list[float]) -> list[float]:
    bins = [0.0] * BINS_2D**2
    for row in zip(a, b, w):
        i, j = (place(math.log10(v), BINS_2D, SET["log_range"]) for v in row[:2])
        if i is not None and j is not None:
            bins[i * BINS_2D + j] += row[2]
    return bins


def by_group(keys: list, values: list[float], groups: int) -> list[list[float]]:
    found = [[] for _ in range(groups)]
    for key, value in zip(keys, values):
        if key is not None:
            found[key].append(value)
    return found


def profile(a: list[float], b: list[float]) -> list[float]:
    keys = [place(v, BINS, SET["hist_range"]) for v in a]
    return [math.fsum(v) / len(v) for v in by_group(keys, b, BINS)]


def gradient(x: list[float]) -> float:
    padded = [2 * x[0] - x[1], *x, 2 * x[-1] - x[-2]]
    return max(abs(f32(f32(r - p) / 2)) for p, r in zip(padded, padded[2:]))


def convolve(x: list[float]) -> float:
    n = len(KERNEL)
    return max(math.fsum(map(math.prod, zip(KERNEL, x[i : i + n]))) for i in range(len(x) - n + 1))


def stencil(t: list[float]) -> float:
    def value(i: int, j: int) -> float:
        at = i * SQUARE + j
        return math.fsum((t[at - SQUARE], t[at + SQUARE], t[at - 1], t[at + 1], -4 * t[at]))

    inner = range(1, SQUARE - 1)
    return max(value(i, j) for i in inner for j in inner)


def product(a: list[float], b: list[float], n: int) -> list[float]:
    columns = [b[j : n * n : n] for j in range(n)]
    return [
        math.fsum(u * v for u, v in zip(a[i * n : (i + 1) * n], columns[j]))
        for i in range(n)
        for j in range(n)
    ]


def sample(values: list[float]) -> list[float]:
    return [values[k * len(values) // SAMPLE] for k in range(SAMPLE)]


def length(a: float, b: float) -> float:
    return math.sqrt(a * a + b * b) * 2 - 1


ANSWERS = {
    "hist": lambda c: counts(c["a"], SET["hist_range"]),
    "hist_log2d": lambda c: weights_2d(c["a"], c["b"], c["w"]),
    "expr_sqrt": lambda c: sample([length(a, b) for a, b in zip(c["a"], c["b"])]),
    "expr_explog": lambda c: sample([math.exp(-a) * math.log(b) for a, b in zip(c["a"], c["b"])]),
    "sum_f32": lambda c: [math.fsum(c["a"])],
    "sum_f64": lambda c: [math.fsum(c["w"])],
    "std_f32": lambda c: [deviation(c["a"])],
    "ptp": lambda c: [f32(max(c["a"]) - min(c["a"]))],
    "topk": lambda c: sample(sorted(c["a"])[: -TOP - 1 : -1]),
    "median": lambda c: [middle(c["a"])],
    "cumsum": lambda c: sample(list(itertools.accumulate(c["w"]))),
    "group_sum": lambda c: sample([math.fsum(v) for v in by_group(c["g"], c["a"], GROUPS)]),
    "profile": lambda c: sample(profile(c["a"], c["b"])),
    "matmul": lambda c: sample(product(c["a"], c["b"], MATRIX)),
    "mean": lambda c: [math.fsum(c["x"]) / FILE_ROWS],
    "std": lambda c: [deviation(c["x"])],
    "expr": lambda c: [math.fsum(map(length, c["x"], c["y"]))],
    "expr1": lambda c: [math.fsum(math.sqrt(x * x + 1) for x in c["x"])],
    "file_hist": lambda c: counts(c["x"], SET["file_range"]),
    "gradient": lambda c: [gradient(c["x"])],
    "convolve": lambda c: [convolve(c["x"])],
    "take": lambda c: [math.fsum(c["x"][k] for k in picked(FILE_ROWS))],
    "max2d": lambda c: [max(c["t"])],
    "stencil": lambda c: [stencil(c["t"])],
    "product": lambda c: [math.fsum(product(c["p"], c["q"], PRODUCT))],
    "tasks": lambda c: [TASKS * (2 * TASKS - 1)],
}


class Answers(unittest.TestCase):
    """Beside those here, one test per peer and number of threads is made below."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="peers-")
        columns = make(Path(cls.folder.name))
        cls.expected = {name: answer(columns) for name, answer in ANSWERS.items()}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def check(self, name: str, python: str, threads: int):
        worker = Process(name, python, threads, 120)
        self.addCleanup(worker.close)
        claimed = [key for key in keys() if PEERS[name].does(key)]
        self.assertTrue(claimed)
        for key in claimed:
            # A worker keeps the data of a set, but not what one work alone has.
            tasks = TASKS if key == "tasks" else 7
            request = {"work": key, "set": SET, "data": self.folder.name, "tasks": tasks}
            right = self.expected[split(key)[0]]
            # The first reply is of a cold run, the second of one that is timed.
            for turn in ("cold", "timed"):
                with self.subTest(key=key, turn=turn):
                    reply = worker.ask(request)
                    self.assertNotIn("skip", reply)
                    self.assertEqual(reply["part"], 1)
                    self.assertIsNone(PEERS[name].refused(key, reply, right))
                    self.assertTrue(reply["version"])
                    self.assertGreater(reply["seconds"][0], 0)
        self.assertEqual(worker.ask({"free": True}), {})
        self.assertTrue(worker.alive())

    def test_a_claim_that_is_none_is_refused(self):
        worker = Process(FIRST, FOUND[FIRST], 1, 60)
        self.addCleanup(worker.close)
        reply = worker.ask({"work": "nothing", "set": SET, "data": self.folder.name, "tasks": 1})
        self.assertEqual(reply, {"skip": "does not do this"})
        lost = {**SET, "name": "no such set"}
        reply = worker.ask({"work": "sum_f64", "set": lost, "data": self.folder.name, "tasks": 1})
        self.assertIn("no such set", reply["skip"])
        self.assertTrue(worker.alive())

    def test_a_process_that_ends_says_why(self):
        worker = Process(FIRST, FOUND[FIRST], 1, 60)
        self.addCleanup(worker.close)
        worker.process.kill()
        self.assertIn("its process ended", worker.ask({"free": True})["skip"])

    def test_a_part_is_held_against_its_own_answer(self):
        part = {"expected": [3.0], "answer": [3.0]}
        self.assertIsNone(PEERS["dask"].refused("tasks", part, [12.0]))
        self.assertIsNotNone(PEERS["dask"].refused("tasks", {**part, "answer": [12.0]}, [12.0]))

    def test_peers_come_into_the_rows_and_wrong_answers_do_not(self):
        bench = Bench(Canned(self.expected), self.folder.name, 1, 3, 60)
        self.addCleanup(bench.close)
        bench.found = {name: FOUND[name] for name in ("numpy", "math.fsum")}
        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            results = bench.run([])
        self.assertIn("math.fsum: answers otherwise", said.getvalue())
        exact, wrong, file = results["rows"]
        self.assertEqual([p["peer"] for p in exact["peers"]], ["numpy", "math.fsum"])
        for row in (exact, wrong, file):
            self.assertEqual(row["seconds"], [2.0] * 3)
            self.assertEqual(row["bound"]["seconds"], [1.0] * 3)
        for peer in exact["peers"]:
            self.assertEqual(len(peer["seconds"]), 3)
            self.assertIsNone(peer["amount"])
        # The last bit decides for an exact sum.
        self.assertEqual([p["peer"] for p in wrong["peers"]], ["numpy"])
        self.assertEqual(file["peers"], [])
        self.assertEqual({p["name"] for p in results["peers"]}, {"numpy", "math.fsum"})
        self.assertEqual(results["limits"][0]["rate"], 5.0)


class Canned:
    """In the place of `chunkwise bench`: rows with answers that are known."""

    def __init__(self, right: dict[str, list[float]]):
        def row(work, device, answer):
            row = {"work": work, "title": "", "group": "", "set": SET["name"], "device": device}
            row |= {"amount": 10.0, "seconds": [4.0], "answer": answer, "peers": []}
            return {**row, "bound": {"limit": "", "amount": 1.0, "seconds": [3.0]}}

        total = right["sum_f64"][0]
        self.rows = [
            row("sum_f64", "cpu", [total]),
            row("sum_f64", "cpu", [math.nextafter(total, math.inf)]),
            row("sum_f64", "an adapter", [total]),
        ]

    def results(self, folder: str, *arguments: str) -> dict:
        limits = [{"key": "sum_f64", "device": "cpu", "rate": 1.0}]
        rows = [json.loads(json.dumps(row)) for row in self.rows]
        return {"rows": rows, "facts": [], "limits": limits, "settings": {}}

    def row(self, folder: str, row: dict) -> dict:
        timed = json.loads(json.dumps(self.rows[0]))
        timed["seconds"], timed["bound"]["seconds"] = [2.0], [1.0]
        return timed


class Differences(unittest.TestCase):
    def test_lengths_and_nan_differ(self):
        for theirs in ([], [1.0, 1.0], [math.nan], [math.inf]):
            for tolerance in (EXACT, Tolerance("", relative=1), Tolerance("", moved=1)):
                self.assertIsNotNone(difference([1.0], theirs, tolerance))

    def test_bounds_hold_on_both_sides(self):
        for tolerance, inside, outside in (
            (EXACT, 4.0, 4.0000001),
            (Tolerance("", relative=1e-3), 4.003, 4.005),
            (Tolerance("", scale=1e-3), 4.007, 4.009),
            (Tolerance("", absolute=1e-3), 4.0009, 4.0011),
        ):
            self.assertIsNone(difference([4.0, -8.0], [inside, -8.0], tolerance))
            self.assertIsNotNone(difference([4.0, -8.0], [outside, -8.0], tolerance))

    def test_rows_in_other_bins_are_counted(self):
        tolerance = Tolerance("", moved=0.02)
        self.assertIsNone(difference([50.0, 50.0], [48.0, 52.0], tolerance))
        self.assertIsNotNone(difference([50.0, 50.0], [47.0, 53.0], tolerance))
        self.assertIsNotNone(difference([0.0, 0.0], [1.0, 0.0], tolerance))

    def test_every_work_has_an_answer_and_a_peer(self):
        self.assertEqual(set(ANSWERS), set(WORKS))
        for key in keys():
            self.assertTrue([name for name, peer in PEERS.items() if peer.does(key)], key)


FOUND, MISSING = environments.find()
FIRST = "math.fsum"


def add_tests():
    for name, python in FOUND.items():
        for threads in (1, 2):
            if name.endswith("threads") and threads == 1:
                continue

            def test(self, name=name, python=python, threads=threads):
                self.check(name, python, threads)

            setattr(Answers, f"test_{name}_with_{threads}_threads", test)


if __name__ == "__main__":
    if FIRST not in FOUND:
        sys.exit(f"nothing can be tested: {MISSING[FIRST]}")
    for name, why in MISSING.items():
        print(f"missing: {name} ({why})")
    add_tests()
    unittest.main()
