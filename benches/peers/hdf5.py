"""chunkwise beside dask.array + h5py on one HDF5 file, in turns, in one run.

    pip install numpy h5py dask
    cargo build --release
    python3 benches/peers/hdf5.py [--elements N] [--rounds R] [--threads T]

Each workload's answers are compared before its times are shown. A time is a median of the rounds;
the ratio is dask's over ours. Then `cargo bench --bench staging` says for the same file how near we are to what
decoding alone and plain positioned reads take.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import dask
import dask.array as da
import h5py
import numpy as np

CHUNK = 1 << 18  # 1 MiB of float32

WORKLOADS = {
    "mean": ("mean(x)", lambda x: x.mean(dtype="f8")),
    "std": ("std(x)", lambda x: x.std(dtype="f8")),
    "sum(sqrt(x*x + 1))": ("sum(sqrt(x*x + 1))", lambda x: da.sqrt(x * x + 1).sum(dtype="f8")),
    "histogram, 100 bins": (
        "histogram(x, bins=100, range=(0, 4))",
        lambda x: da.histogram(x, 100, (0, 4))[0],
    ),
}


def make(path, elements):
    rng = np.random.default_rng(7)
    with h5py.File(path, "w") as f:
        kinds = {
            "deflate": dict(chunks=(CHUNK,), compression="gzip", compression_opts=4, shuffle=True),
            "plain": dict(chunks=(CHUNK,)),
            "contiguous": {},
        }
        sets = [f.create_dataset(k, (elements,), "f4", **kw) for k, kw in kinds.items()]
        for start in range(0, elements, 1 << 22):
            n = min(1 << 22, elements - start)
            # Multiples of 1/64: half of the bits are noise, as in measured data.
            values = np.round(rng.standard_normal(n).astype("f4") * 64) / np.float32(64)
            for d in sets:
                d[start : start + n] = values


def ours(path, name, expression, threads):
    out = subprocess.run(
        ["target/release/chunkwise", "eval", "--json", "--threads", str(threads), "--memory", "256MiB",
         "-i", f"x={path}:/{name}", expression],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    result = json.loads(out.stdout)
    value = result["results"]["result"]
    return result["report"]["elapsed_s"], value.get("data", value.get("counts"))


def dasks(dataset, expression, threads):
    array = expression(da.from_array(dataset, chunks=4 * CHUNK))
    start = time.perf_counter()
    value = array.compute(num_workers=threads)
    return time.perf_counter() - start, value


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--elements", type=int, default=1 << 27)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "bench.h5")
        make(path, args.elements)
        print(f"dask {dask.__version__}, h5py {h5py.__version__}, {args.threads} threads, "
              f"{args.elements * 4 / 1e9:.2f} GB of float32, medians of {args.rounds}")
        print(f"{'storage':10} {'work':20} {'ours GB/s':>9} {'dask GB/s':>9} {'ratio':>6}")
        with h5py.File(path) as f:
            for name in ("deflate", "plain", "contiguous"):
                for work, (expression, peer) in WORKLOADS.items():
                    times = [], []
                    for _ in range(args.rounds):
                        t, a = ours(path, name, expression, args.threads)
                        u, b = dasks(f[name], peer, args.threads)
                        assert np.allclose(a, b, rtol=1e-5, atol=1e-6), (work, a, b)
                        times[0].append(t)
                        times[1].append(u)
                    t, u = map(statistics.median, times)
                    rate = args.elements * 4e-9
                    print(f"{name:10} {work:20} {rate / t:9.2f} {rate / u:9.2f} {u / t:6.1f}")
        subprocess.run(
            ["cargo", "bench", "-q", "--bench", "staging", "--", "--file", path,
             "--threads", str(args.threads), "--rounds", str(args.rounds)],
            check=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
