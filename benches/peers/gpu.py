#!/usr/bin/env python3
"""chunkwise's GPU benches beside CuPy or PyTorch on the same card, in the same run.

    python3 benches/peers/gpu.py [--bench BINARY] [--quick]

Without --bench it runs `cargo bench --bench gpu`. It prints one table: our figure, the peer's, the ratio,
and the share of the copy bandwidth. Peers that are not installed are left out, and said to be.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 7


def ours(bench, quick):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "gpu.json"
        extra = ["--json", str(out)] + (["--test"] if quick else [])
        command = [bench, *extra] if bench else ["cargo", "bench", "--bench", "gpu", "--", *extra]
        subprocess.run(command, check=True)
        if not out.exists():
            sys.exit("there is no GPU here: nothing was measured")
        return json.loads(out.read_text())


def measure(run, wait, times):
    """Seconds per run: the median of some rounds, each waited for, after one that warms up."""
    run()
    wait()
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(times):
            run()
        wait()
        seconds.append((time.perf_counter() - start) / times)
    return statistics.median(seconds)


def cupy_rows(n, sizes, times):
    import cupy as cp

    wait = cp.cuda.Device().synchronize
    x = cp.random.random(n, dtype=cp.float32)
    y = cp.empty_like(x)
    rows = {
        "copy on the device": lambda: cp.copyto(y, x),
        "elementwise x * 2 + 1, float32": cp.ElementwiseKernel("float32 x", "float32 y", "y = x * 2 + 1", "scaled"),
        "elementwise exp(x), float32": lambda: cp.exp(x, out=y),
        "sum, float32, exact": lambda: x.sum(),
        "std, float32, exact": lambda: x.std(),
        "max, float32": lambda: x.max(),
        "argmax, float32": lambda: x.argmax(),
        "histogram, float32, 256 bins": lambda: cp.histogram(x, bins=256, range=(0, 1)),
        "histogram, float32, 8192 bins": lambda: cp.histogram(x, bins=8192, range=(0, 1)),
    }
    kernel = rows["elementwise x * 2 + 1, float32"]
    rows["elementwise x * 2 + 1, float32"] = lambda: kernel(x, y)
    found = {name: measure(run, wait, times) for name, run in rows.items()}
    for size in sizes:
        a = cp.random.random((size, size), dtype=cp.float32)
        b = cp.random.random((size, size), dtype=cp.float32)
        c = cp.empty_like(a)
        # cuBLAS keeps float32 unless CUPY_TF32 is set.
        found[f"matmul, float32, {size}"] = measure(lambda: cp.matmul(a, b, out=c), wait, times)
    host = cp.cuda.alloc_pinned_memory(64 << 20)
    import numpy as np

    pinned = np.frombuffer(host, np.uint8, 64 << 20)
    to = cp.empty(64 << 20, cp.uint8)
    found["upload from mapped memory"] = measure(lambda: to.set(pinned), wait, times)
    return f"CuPy {cp.__version__}", found


def torch_rows(n, sizes, times):
    import torch

    if not torch.cuda.is_available():
        raise ImportError("no CUDA device")
    torch.backends.cuda.matmul.allow_tf32 = False
    wait = torch.cuda.synchronize
    x = torch.rand(n, device="cuda")
    y = torch.empty_like(x)
    rows = {
        "copy on the device": lambda: y.copy_(x),
        "elementwise exp(x), float32": lambda: torch.exp(x, out=y),
        "sum, float32, exact": lambda: x.sum(),
        "std, float32, exact": lambda: x.std(),
        "max, float32": lambda: x.max(),
        "argmax, float32": lambda: x.argmax(),
        "histogram, float32, 256 bins": lambda: torch.histc(x, 256, 0, 1),
        "histogram, float32, 8192 bins": lambda: torch.histc(x, 8192, 0, 1),
    }
    found = {name: measure(run, wait, times) for name, run in rows.items()}
    for size in sizes:
        a, b = (torch.rand(size, size, device="cuda") for _ in range(2))
        c = torch.empty_like(a)
        found[f"matmul, float32, {size}"] = measure(lambda: torch.matmul(a, b, out=c), wait, times)
    pinned = torch.empty(64 << 20, dtype=torch.uint8, pin_memory=True)
    to = torch.empty(64 << 20, dtype=torch.uint8, device="cuda")
    found["upload from mapped memory"] = measure(lambda: to.copy_(pinned, non_blocking=True), wait, times)
    return f"PyTorch {torch.__version__}", found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", help="the bench's binary, if it is built already")
    parser.add_argument("--quick", action="store_true", help="little data, each once: only to see that it runs")
    args = parser.parse_args()
    table = ours(args.bench, args.quick)
    n, sizes, times = (1 << 18, [128], 1) if args.quick else (1 << 28, [4096, 8192], 20)
    peers = []
    for rows in (cupy_rows, torch_rows):
        try:
            peers.append(rows(n, sizes, times))
        except ImportError as e:
            print(f"left out: {rows.__name__.split('_')[0]} ({e})")
    print(f"\n{table['device']}{' (software: its speed says nothing)' if table['software'] else ''}")
    head = f"{'':36}{'ours':>16}{'of the limit':>14}"
    print(head + "".join(f"{name:>22}{'ratio':>8}" for name, _ in peers))
    for row in table["rows"]:
        rate = row["work"] / row["seconds"] / 1e9
        share = f"{100 * row['share']:.0f} %" if row["share"] is not None else ""
        line = f"{row['name']:36}{rate:9.1f} {row['unit']:6}{share:>14}"
        for _, found in peers:
            seconds = found.get(row["name"])
            line += f"{row['work'] / seconds / 1e9:22.1f}{seconds / row['seconds']:8.2f}" if seconds else " " * 30
        print(line)


if __name__ == "__main__":
    main()
