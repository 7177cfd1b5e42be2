"""The array language beside NumPy and dask: sorting, sets, shifts, lookups, random numbers.

    python3 benches/peers/language.py [PROGRAM] [--elements N] [--rounds N] [--only NAME] [--markdown FILE]

Each work is one number that ends an operation over columns of a file, so that nobody is timed for keeping an array. On one thread
ours and NumPy take them from a contiguous dataset: NumPy reads it whole into memory that is used again, and its time without the
reading stands beside. On two threads ours and dask take them from one with shuffle and deflate. In each round all are timed in turns;
the medians count. Answers are compared first, with NumPy's; sums of ours are exact, so that theirs may differ in the last digits.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

HERE = Path(__file__).resolve().parents[2]
TABLE = "arange(0, 2000, 20)"


def works(np_, da=None):
    """The works: our text, and what NumPy's or dask's arrays make of columns."""
    n = da or np_
    edges = np.linspace(0, 20, 1000)
    heights = np.sin(edges)
    vector = np.linspace(0, 1, 1024, dtype="f4")
    table = np.arange(0, 2000, 20)
    isin = lambda g: n.isin(g, table)
    interp = lambda a: da.map_blocks(np.interp, a, edges, heights, dtype="f8") if da else np.interp(a, edges, heights)
    normal = (
        (lambda m: da.random.default_rng(1).normal(size=m, chunks=1 << 20))
        if da
        else (lambda m: np.random.default_rng(1).normal(size=m))
    )
    return {
        "sort": ("sort(a)[::4096].sum()", None if da else (lambda a, g: np.sort(a)[::4096].sum(dtype="f8"))),
        "unique": ("unique(g).sum()", lambda a, g: n.unique(g).sum()),
        "roll": ("max(a - roll(a, 12345))", lambda a, g: (a - n.roll(a, 12345)).max()),
        "diff": ("max(diff(a))", lambda a, g: n.diff(a).max()),
        "pad": ("max(pad(a, 1000, mode='reflect'))", lambda a, g: n.pad(a, 1000, mode="reflect").max()),
        "einsum": (
            "max(einsum('ij,j->i', reshape(a, (-1, 1024)), linspace(0, 1, 1024, dtype=float32)))",
            lambda a, g: n.einsum("ij,j->i", a.reshape(-1, 1024), vector).max(),
        ),
        "isin": (f"count_nonzero(isin(g, {TABLE}))", lambda a, g: n.count_nonzero(isin(g))),
        "bincount": ("max(bincount(g))", lambda a, g: n.bincount(g, minlength=1000).max()),
        "interp": ("sum(interp(a, linspace(0, 20, 1000), sin(linspace(0, 20, 1000))))", lambda a, g: interp(a).sum()),
        "normal": ("std(normal(size=N))", lambda a, g: normal(len(a)).std()),
    }


def ours(program: str, path: Path, name: str, text: str, threads: int) -> tuple[float, float]:
    storage = "plain" if threads == 1 else "deflate"
    command = [program, "eval", "-i", f"a={path}:/{storage}/a", "-i", f"g={path}:/{storage}/g"]
    command += ["--threads", str(threads), "--device", "cpu", "--memory", "1GiB", "--json", f"{name}_={text}"]
    start = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True)
    elapsed = time.perf_counter() - start
    if run.returncode:
        sys.exit(f"{' '.join(command)}\n{run.stderr}")
    answer = json.loads(run.stdout)
    # Passes that are made beforehand are not in the last run's account: the whole process is, from its start.
    return elapsed, float(answer["results"][f"{name}_"]["data"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?", default=str(HERE / "target/release/chunkwise"))
    parser.add_argument("--elements", type=int, default=1 << 24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only")
    parser.add_argument("--markdown")
    args = parser.parse_args()
    try:
        import dask
        import dask.array as da

        dask.config.set(scheduler="threads", num_workers=2)
    except ImportError:
        da = None
        print("dask is not here: its columns are empty")
    lines = ["| work | ours, 1 thread | NumPy with reading | NumPy alone | ours, 2 threads | dask |", "|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "language.h5"
        n, rng = args.elements // 1024 * 1024, np.random.default_rng(1)
        columns = {"a": rng.lognormal(size=n).astype("f4"), "g": rng.integers(0, 1000, n, dtype="i4")}
        with h5py.File(path, "w") as file:
            for name, data in columns.items():
                file.create_dataset(f"plain/{name}", data=data)
                chunks = (min(n, 1 << 16),)
                file.create_dataset(f"deflate/{name}", data=data, chunks=chunks, shuffle=True, compression=1)
        file = h5py.File(path)
        buffers = {name: np.empty_like(data) for name, data in columns.items()}

        def read():
            for name, buffer in buffers.items():
                file[f"plain/{name}"].read_direct(buffer)

        lazy = {}
        if da:
            chunk = min(n, 1 << 20)
            lazy = {name: da.from_array(file[f"deflate/{name}"], chunks=chunk) for name in columns}
        theirs, dasks = works(np), works(np, da) if da else {}
        for name, (text, numpy) in theirs.items():
            if args.only not in (None, name):
                continue
            text = text.replace("N", str(n))
            uses = [c for c in "ag" if f"({c}" in text or f"{c} " in text] if name != "normal" else []
            graph = dasks.get(name, (None, None))[1]
            graph = graph(lazy["a"], lazy["g"]) if graph else None
            times = {key: [] for key in ("ours", "numpy", "alone", "ours2", "dask")}
            for round in range(args.rounds + 1):
                taken = {}
                taken["ours"], answer = ours(args.program, path, name, text, 1)
                start = time.perf_counter()
                for column in uses:
                    file[f"plain/{column}"].read_direct(buffers[column])
                middle = time.perf_counter()
                wanted = float(numpy(buffers["a"], buffers["g"]))
                taken["alone"] = time.perf_counter() - middle
                taken["numpy"] = time.perf_counter() - start
                taken["ours2"], again = ours(args.program, path, name, text, 2)
                if answer != again:
                    sys.exit(f"{name}: {answer} on one thread, {again} on two")
                if graph is not None:
                    start = time.perf_counter()
                    graph.compute()
                    taken["dask"] = time.perf_counter() - start
                # Normal numbers are others: what they have in common is their spread.
                tolerance = 1e-2 if name == "normal" else 1e-6
                if not abs(answer - wanted) <= tolerance * abs(wanted):
                    sys.exit(f"{name}: ours is {answer}, NumPy's {wanted}")
                if round:
                    for key, value in taken.items():
                        times[key].append(value)
            medians = {key: statistics.median(all) if all else None for key, all in times.items()}

            def cell(key, beside):
                value = medians[key]
                if value is None:
                    return "-"
                ratio = "" if beside is None else f" ({value / medians[beside]:.2f} ×)"
                return f"{value * 1e3:.0f} ms{ratio}"

            row = [name, cell("ours", None), cell("numpy", "ours"), cell("alone", "ours"), cell("ours2", None), cell("dask", "ours2")]
            lines.append("| " + " | ".join(row) + " |")
            print(lines[-1], flush=True)
    if args.markdown:
        Path(args.markdown).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
