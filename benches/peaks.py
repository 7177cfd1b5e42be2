"""Peaks of memory by operation: what was foreseen, what was counted, and what the system saw, at three budgets.

    python3 benches/peaks.py target/release/chunkwise [--only NAME]

Each operation runs over a deflated file of 64 MiB of float32 (and columns of its length) in processes of their own. A row is wrong,
and the script fails, if more was counted than foreseen, or if the process held more than its budget and 96 MiB for code, threads
and libraries. An operation that a budget does not suffice for says so; `refused` stands in its place then.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

MIB = 1 << 20
BUDGETS = (24, 64, 256)
ALLOWANCE = 96
N = 4096
"""A square of this edge, float32: 64 MiB."""

OPERATIONS = {
    "elementwise": "max(sqrt(x*x + y*y)*2 - 1)",
    "where": "sum(where(x > 0.5, x, y))",
    "round": "sum(round(x, 2))",
    "clip": "max(clip(x, 0.2, 0.4))",
    "sum": "sum(x)",
    "sum axis": "sum(x, axis=0)",
    "mean axis": "mean(x, axis=1)",
    "std axis": "std(x, axis=0)",
    "argmax": "argmax(x, axis=1)",
    "any": "any(x > 0.9, axis=0)",
    "nanmean": "nanmean(where(x > 0.5, nan, x))",
    "ptp": "ptp(x)",
    "moment": "moment(x, 3)",
    "average": "average(x, weights=y)",
    "cumsum": "max(cumsum(x, axis=1))",
    "cumsum all": "max(cumsum(x))",
    "cummax": "sum(cummax(x, axis=0))",
    "diff": "max(diff(x))",
    "gradient": "max(gradient(x, axis=0))",
    "trapezoid": "sum(trapezoid(x))",
    "median": "median(x)",
    "quantile axis": "quantile(x, 0.9, axis=1)",
    "topk": "topk(ravel(x), 100)",
    "sort axis": "max(sort(x, axis=1))",
    "argsort axis": "sum(argsort(x, axis=1))",
    "partition": "max(partition(x, 10, axis=1))",
    "unique": "unique(g)",
    "isin": "count_nonzero(isin(g, [3, 5, 900]))",
    "searchsorted": "max(searchsorted(linspace(0, 1, 100), x))",
    "digitize": "max(digitize(x, linspace(0, 1, 100)))",
    "interp": "sum(interp(x, linspace(0, 1, 100), linspace(1, 2, 100)))",
    "bincount": "bincount(g)",
    "histogram": "histogram(x, bins=100, range=(0, 1))",
    "histogram auto": "histogram(x, bins=100)",
    "histogram2d": "histogram2d(x, y, bins=64, range=((0, 1), (0, 1)))",
    "histogram axis": "histogram(x, bins=20, range=(0, 1), axis=0)",
    "binned_statistic": "binned_statistic(x, y, 'mean', bins=100)",
    "groupby": "groupby_reduce(ravel(x), g, 'mean')",
    "groupby median": "groupby_reduce(ravel(x), g, 'median')",
    "transpose": "sum(x.T - x, axis=0)",
    "reshape": "sum(reshape(x, (2048, 8192)), axis=0)",
    "flip": "max(flip(x) - x)",
    "roll": "max(x - roll(x, 5, axis=0))",
    "roll all": "max(x - roll(x, 12345))",
    "pad": "sum(pad(x, 3, mode='reflect'))",
    "tile": "sum(tile(x, (2, 1)))",
    "repeat": "sum(repeat(x, 2, axis=0))",
    "concatenate": "sum(concatenate((x, y)))",
    "stack": "max(stack((x, y)))",
    "split": "sum(split(x, 2)[1])",
    "take": "sum(take(x, arange(0, 4096, 3), axis=1))",
    "take_along_axis": "sum(take_along_axis(x, argsort(x, axis=1)[:, :5], axis=1))",
    "mask": "mean(x[x > 0.5])",
    "list": "sum(x[[5, 4000, 17]])",
    "diagonal": "sum(diagonal(x))",
    "tril": "sum(tril(x))",
    "sliding_window_view": "max(mean(sliding_window_view(x, 3, axis=0), axis=-1))",
    "coarsen": "coarsen('mean', x, (4, 4))",
    "convolve": "max(convolve(ravel(x), [0.25, 0.5, 0.25], 'valid'))",
    "matmul": "sum(x @ y)",
    "einsum": "sum(einsum('ij,kj->ik', x, y))",
    "tensordot": "sum(tensordot(x, y))",
    "outer": "max(outer(x[0], y[0]))",
    "cov": "sum(cov(x[:200]))",
    "norm": "norm(x)",
    "cross": "sum(cross(x[:, :3], y[:, :3]))",
    "normal": "std(normal(size=(4096, 4096)))",
    "permutation": "sum(permutation(16777216)[:1000])",
    "std of anomaly": "std(x - mean(x, axis=0))",
}


def make(path: str) -> None:
    """In a process of its own: what its parent holds a process seems to have held too."""
    import h5py
    import numpy as np

    rng = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        for name in "xy":
            data = np.round(rng.random((N, N), dtype="f4"), 3)
            file.create_dataset(name, data=data, chunks=(256, 256), compression=1, shuffle=True)
        file.create_dataset("g", data=rng.integers(0, 1000, N * N, dtype="i4"), chunks=(1 << 16,), compression=1)


def run(program: str, path: Path, text: str, budget: int) -> str:
    command = [program, "eval", "-i", str(path), "--memory", f"{budget}MiB", "--threads", "2", "--json", text]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(command, stdout=out, stderr=err)
        _, status, used = os.wait4(child.pid, 0)
        out.seek(0)
        err.seek(0)
        said = err.read().decode()
        if os.waitstatus_to_exitcode(status) != 0:
            if "budget" in said or "memory" in said:
                return "refused"
            raise SystemExit(f"{' '.join(command)}\n{said}")
        report = json.loads(out.read())["report"]
    foreseen, counted, seen = report["projected_host_bytes"], report["peak_host_bytes"], used.ru_maxrss * 1024
    wrong = "" if counted <= foreseen and seen <= (budget + ALLOWANCE) * MIB else " WRONG"
    return f"{foreseen / MIB:.1f} / {counted / MIB:.1f} / {seen / MIB:.0f}{wrong}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--only")
    args = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peaks.h5"
        maker = multiprocessing.get_context("spawn").Process(target=make, args=(str(path),))
        maker.start()
        maker.join()
        if maker.exitcode:
            sys.exit("the file cannot be made")
        print("| operation | " + " | ".join(f"{b} MiB" for b in BUDGETS) + " |")
        print("|---|" + "---|" * len(BUDGETS))
        for name, text in OPERATIONS.items():
            if args.only in (None, name):
                cells = [run(args.program, path, text, budget) for budget in BUDGETS]
                wrong += sum("WRONG" in cell for cell in cells)
                print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    if wrong:
        sys.exit(f"{wrong} are wrong")


if __name__ == "__main__":
    main()
