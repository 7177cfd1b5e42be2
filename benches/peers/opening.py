#!/usr/bin/env python3
"""How long files take to be opened: chunkwise beside h5py and netCDF4, in turns, in processes of their own.

    python3 benches/peers/opening.py [--binary BINARY] [--python PYTHON] [--rounds 7] [--files 3000] [--datasets 30000]

It makes a folder of many files with one dataset each and one file of many datasets, as h5py writes them. Each
program says what it found (all lengths added up, the number of datasets, a mean), and answers are compared before
times. Shown are medians of whole processes, of their CPU seconds, and of these less those in which the same program
starts and does nothing. Two threads each, but one for netCDF4, which has no lock and ends with a segmentation fault on two; what is not
installed is left out, and said to be.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MAKE = """
import sys, h5py, numpy as np
folder, files, datasets = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for n in range(files):
    with h5py.File(f"{folder}/part_{n:05}.h5", "w") as f:
        f.create_dataset("x", data=np.arange(10 + n % 3, dtype="f4"), chunks=(10,), compression="gzip")
with h5py.File(f"{folder}/many.h5", "w") as f:
    for g in range(100):
        group = f.create_group(f"g{g}")
        for n in range(datasets // 100):
            group[f"d{n}"] = np.float32([n, g])
with h5py.File(f"{folder}/one.h5", "w") as f:
    f["x"] = np.arange(1000.0)
"""

PEERS = {
    "h5py": {
        "start": "import h5py",
        "files": """
import sys, glob, h5py
from concurrent.futures import ThreadPoolExecutor
def length(path):
    with h5py.File(path) as f:
        return f["x"].shape[0]
with ThreadPoolExecutor(2) as pool:
    print(sum(pool.map(length, sorted(glob.glob(sys.argv[1] + "/part_*.h5")))))
""",
        "datasets": """
import sys, h5py
seen = []
def look(name, thing):
    if isinstance(thing, h5py.Dataset):
        seen.append((name, thing.shape, thing.dtype, thing.chunks, len(thing.attrs)))
with h5py.File(sys.argv[1] + "/many.h5") as f:
    f.visititems(look)
print(len(seen))
""",
        "mean": """
import sys, h5py
print(h5py.File(sys.argv[1] + "/one.h5")["x"][:].mean())
""",
    },
    "netCDF4": {
        "start": "import netCDF4",
        "files": """
import sys, glob, netCDF4
def length(path):
    with netCDF4.Dataset(path) as f:
        return f["x"].shape[0]
print(sum(map(length, sorted(glob.glob(sys.argv[1] + "/part_*.h5")))))
""",
    },
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=ROOT / "target" / "release" / "chunkwise")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--files", type=int, default=3000)
    parser.add_argument("--datasets", type=int, default=30000)
    return parser.parse_args()


def timed(command: list[str]) -> tuple[float, float, str]:
    """Seconds that a process took, those of its processors, and what it printed."""
    with tempfile.TemporaryFile("w+") as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(command[:3])} … ended with {process.returncode}")
        out.seek(0)
        return took, usage.ru_utime + usage.ru_stime, out.read()


def ours(binary: Path, folder: str) -> dict:
    """By work the command, and what makes an answer of what it prints."""
    program = [str(binary)]
    run = [*program, "eval", "--threads", "2"]
    result = lambda out: float(next(iter(json.loads(out)["results"].values()))["data"])

    def datasets(out: str) -> float:
        def count(node: dict) -> int:
            return sum(map(count, node["members"])) if node["kind"] == "group" else int(node["kind"] == "dataset")

        return count(json.loads(out))

    return {
        "start": ([*program, "--version"], None),
        "files": ([*run, "-i", f"x={folder}/part_*.h5:/x", "x.size", "--json"], result),
        "datasets": ([*program, "info", f"{folder}/many.h5", "--json"], datasets),
        "mean": ([*run, "-i", f"x={folder}/one.h5:/x", "mean(x)", "--json"], result),
    }


def main():
    args = arguments()
    works = {
        "files": f"open {args.files} files of one dataset",
        "datasets": f"list {args.datasets} datasets of one file",
        "mean": "from start to the mean of 1000 elements",
    }
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([args.python, "-c", MAKE, folder, str(args.files), str(args.datasets)], check=True)
        commands = {("chunkwise", work): way for work, way in ours(args.binary, folder).items()}
        for peer, scripts in PEERS.items():
            if subprocess.run([args.python, "-c", scripts["start"]], capture_output=True).returncode:
                print(f"{peer} is not installed", file=sys.stderr)
                continue
            for work, script in scripts.items():
                commands[peer, work] = ([args.python, "-c", script, folder], float if work != "start" else None)
        seconds: dict = {key: [] for key in commands}
        answers: dict = {}
        for _ in range(args.rounds):
            for (program, work), (command, answer) in commands.items():
                took, cpu, out = timed(command)
                seconds[program, work].append((took, cpu))
                if answer is not None:
                    found = answer(out)
                    if answers.setdefault(work, found) != found:
                        sys.exit(f"{works[work]}: {program} says {found}, not {answers[work]}")
    def median(program: str, work: str, which: int) -> float:
        return statistics.median(times[which] for times in seconds[program, work])

    print("| work | program | process, s | its CPU, s | CPU less its start, s | times ours: process | CPU | CPU less start |")
    print("|---|---|---|---|---|---|---|---|")
    for work, title in works.items():
        def row(program: str) -> list[float]:
            whole, cpu = median(program, work, 0), median(program, work, 1)
            return [whole, cpu, max(cpu - median(program, "start", 1), 1e-3)]

        own = row("chunkwise")
        for program in ["chunkwise", *PEERS]:
            if (program, work) in seconds:
                found = row(program)
                ratios = [f"{theirs / ours:.1f}" for theirs, ours in zip(found, own)]
                print("|", " | ".join([title, program, *(f"{t:.3f}" for t in found), *ratios]), "|")


if __name__ == "__main__":
    main()
