"""Questions about a snapshot, beside yt: the time of the processor, in turns, on one thread.

    python3 benches/peers/snapshots.py target/release/chunkwise [--yt PYTHON] [--gas N] [--rounds N] [--only NAME]

A snapshot of gas and dark matter in four files is made from a random seed: half of the particles in clumps, in the order of a
space-filling curve, contiguous float32. yt's work is timed after it has imported, loaded and indexed, which is told apart; ours is
the whole process. Each answer is compared with yt's, in yt's units, before anything is timed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

L = 50000.0
UNITS = "3.085677580962325e21,1.98841586e43,1e5"
TEMPERATURE = (1.3806488e-16 / 1.380649e-16) * 1.67262192369e-24 / 1.6737352238051868e-24
"""Our kelvin over yt's: its constants are older, and its proton is a hydrogen atom."""

WORKS = {
    "total mass": ["--total", "gas.mass"],
    "mean temperature by mass": ["--mean", "gas.temperature,mass"],
    "profile, 64 bins, T by mass": ["--profile", "gas.density,temperature,mass", "--range", "1e-32:1e-25"],
    "phase plot, 256²": ["--phase", "gas.density,temperature,mass", "--range", "1e-32:1e-25,1e1:1e8"],
    "slice, 512²": ["--slice", "gas.density"],
    "projection, 512²": ["--project", "gas.density"],
    "projection of T by density, 512²": ["--project", "gas.temperature,density"],
    "deposit of dark matter, 512²": ["--deposit", "dm.mass [code]"],
}

WORKER = r'''
import json, resource, sys, time
import numpy as np, yt
yt.set_log_level(50)
name, path, L = sys.argv[1], sys.argv[2], float(sys.argv[3])
ds = yt.load(path); ds.index
G, T, M = ("gas", "density"), ("gas", "temperature"), ("gas", "mass")
ex = {G: (1e-32, 1e-25), T: (1e1, 1e8)}
def cpu():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime
def frb(source, field):
    return float(np.asarray(source.to_frb((L, "code_length"), (512, 512))[field]).sum())
def work():
    ad = ds.all_data()
    if name == "total mass": return float(ad.quantities.total_quantity(M))
    if name == "mean temperature by mass": return float(ad.quantities.weighted_average_quantity(T, M))
    if name.startswith("profile"):
        return float(yt.create_profile(ad, [G], [T], n_bins=64, extrema={G: ex[G]}, logs={G: True}, weight_field=M)[T].sum())
    if name.startswith("phase"):
        return float(yt.create_profile(ad, [G, T], [M], n_bins=[256, 256], extrema=ex, logs={G: True, T: True}, weight_field=None)[M].sum())
    if name.startswith("slice"): return frb(ds.slice(2, ds.quan(L / 2, "code_length")), G)
    if name == "projection, 512²": return frb(ds.proj(G, 2), G)
    if name.startswith("projection of T"): return frb(ds.proj(T, 2, weight_field=G), T)
    p = yt.ParticleProjectionPlot(ds, "z", ("PartType1", "particle_mass")); p.set_buff_size((512, 512))
    return float(np.nansum(np.asarray(p.frb[("PartType1", "particle_mass")].to("code_mass"))))
before, start = cpu(), time.time()
result = work()
print(json.dumps({"cpu": cpu() - before, "wall": time.time() - start, "loading": before, "result": result,
                  "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "version": yt.__version__}))
'''


def curve(np, places, bits=7):
    cells = np.minimum((places / L * (1 << bits)).astype(np.uint32), (1 << bits) - 1)
    key = np.zeros(len(places), np.uint32)
    for b in range(bits):
        for axis in range(3):
            key |= ((cells[:, axis] >> b) & 1) << (3 * b + 2 - axis)
    return key


def particles(np, n, rng):
    """Places, densities and the mass of each: a uniform half and 2000 clumps."""
    even, clumps = n // 2, 2000
    centers, widths = rng.random((clumps, 3)) * L, np.exp(rng.uniform(np.log(50), np.log(600), clumps))
    share = widths**2 / (widths**2).sum()
    which = np.searchsorted(np.cumsum(share), rng.random(n - even)).clip(0, clumps - 1)
    off = rng.standard_normal((n - even, 3))
    places = np.concatenate([rng.random((even, 3)) * L, (centers[which] + off * widths[which][:, None]) % L]).astype("f4")
    places[places >= L] = 0
    mass = 138775.0 / n
    density = np.full(n, even * mass / L**3)
    in_clump = share[which] * (n - even) * mass
    density[even:] += in_clump / ((2 * np.pi) ** 1.5 * widths[which] ** 3) * np.exp(-0.5 * (off**2).sum(1))
    order = np.argsort(curve(np, places), kind="stable")
    return places[order], (density * np.exp(0.1 * rng.standard_normal(n)))[order], mass


def make(folder: Path, gas: int, seed: int) -> None:
    import h5py
    import numpy as np

    rng, files = np.random.default_rng(seed), 4
    for kind, n in (("PartType0", gas), ("PartType1", gas // 4)):
        places, density, mass = particles(np, n, rng)
        for i in range(files):
            part = slice(i * n // files, (i + 1) * n // files)
            with h5py.File(folder / f"snap_000.{i}.hdf5", "a") as f:
                if "Header" not in f:
                    h = f.create_group("Header").attrs
                    counts = np.array([gas // files, gas // 4 // files, 0, 0, 0, 0], "u4")
                    h.update({"BoxSize": L, "Redshift": 1.0, "Time": 0.5, "NumFilesPerSnapshot": np.int32(files)})
                    h.update({"NumPart_ThisFile": counts, "NumPart_Total": counts * files})
                    h.update({"NumPart_Total_HighWord": counts * 0, "Omega0": 0.3, "OmegaLambda": 0.7, "HubbleParam": 0.7})
                    h["MassTable"] = np.array([0, 6.5 * 138775.0 / (gas // 4), 0, 0, 0, 0])
                    for flag in ("Sfr", "Cooling", "StellarAge", "Metals", "Feedback", "DoublePrecision"):
                        h[f"Flag_{flag}"] = np.int32(0)
                g = f.create_group(kind)
                m = part.stop - part.start
                g["Coordinates"] = places[part]
                g["Velocities"] = (rng.standard_normal((m, 3)) * 150).astype("f4")
                g["ParticleIDs"] = np.arange(part.start + 1, part.stop + 1, dtype="u4")
                if kind == "PartType0":
                    g["Masses"] = np.full(m, mass, "f4")
                    g["Density"] = density[part].astype("f4")
                    heat = 100 * (density[part] / density.mean()) ** 0.667 * np.exp(0.5 * rng.standard_normal(m))
                    g["InternalEnergy"] = heat.astype("f4")
                    g["SmoothingLength"] = ((3 * 64 * mass / (4 * np.pi * density[part])) ** (1 / 3)).astype("f4")


def ours(program: str, path: Path, options: list[str], *more: str):
    """Time of the processor, of the wall, the peak in MiB, and what it printed."""
    start = time.time()
    command = [program, "snap", str(path), *options, "--threads", "1", "--units", UNITS, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        printed = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command} failed")
    return used.ru_utime + used.ru_stime, time.time() - start, used.ru_maxrss / 1024, printed


def theirs(python: str, path: Path, name: str) -> dict:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [python, "-c", WORKER, name, str(path), str(L)]
    return json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)


def total(printed: bytes) -> float:
    """The one number by which answers are compared."""
    answer = json.loads(printed)
    if answer["quantities"]:
        return answer["quantities"][0]["parts"][0]["value"]
    shown = answer["images"][0]["values"] if answer["images"] else answer["profiles"][0]["fields"][0]["values"]
    return sum(v for v in shown if v is not None and v == v)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--yt", default=sys.executable, help="a Python that has yt, h5py and numpy")
    parser.add_argument("--gas", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--only", default="")
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.data or Path(temporary)
        path = folder / "snap_000.0.hdf5"
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            made = subprocess.run([args.yt, __file__, "--make", str(folder), str(args.gas), str(args.seed)], check=False)
            if made.returncode:
                sys.exit("the snapshot was not made")
        print(f"{args.gas} particles of gas, {args.gas // 4} of dark matter, seed {args.seed}\n")
        print("| work | ours: CPU s, wall s, MiB | yt's work: CPU s, wall s | yt's process: CPU s, MiB | yt's work by ours, CPU |")
        print("|---|---|---|---|---|")
        for name, options in WORKS.items():
            if args.only not in name:
                continue
            theirs(args.yt, path, name)  # Makes the index that yt keeps.
            wanted, found = theirs(args.yt, path, name)["result"], total(ours(args.program, path, options, "--json")[3])
            by = TEMPERATURE if "T by" in name or "temperature" in name else 1.0
            if abs(found / by - wanted) > 1e-6 * abs(wanted):
                sys.exit(f"{name}: {found} {wanted}")
            rounds = [(ours(args.program, path, options), theirs(args.yt, path, name)) for _ in range(args.rounds)]
            us = [statistics.median(r[0][i] for r in rounds) for i in range(3)]
            yt = {k: statistics.median(r[1][k] for r in rounds) for k in ("cpu", "wall", "loading", "peak")}
            ratio = statistics.median(r[1]["cpu"] / r[0][0] for r in rounds)
            print(
                f"| {name} | {us[0]:.2f}, {us[1]:.2f}, {us[2]:.0f} | {yt['cpu']:.2f}, {yt['wall']:.2f} "
                f"| {yt['cpu'] + yt['loading']:.2f}, {yt['peak']:.0f} | {ratio:.1f} × |",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
