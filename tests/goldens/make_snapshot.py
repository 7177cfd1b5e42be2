"""What h5py and exact sums say of every snapshot of the data folders: rows, extrema and sums of every field as it is stored,
and the total masses. Usage: python make_snapshot.py SHARED > snapshot.json"""

import json
import math
import sys
from pathlib import Path

import h5py
import numpy as np

shared = Path(sys.argv[1])
out = []


def row(file, kind, field, values):
    values = np.asarray(values, dtype="f8").ravel()
    out.append([file, kind, field, len(values), float(values.min()), float(values.max()), math.fsum(values)])


def part_types(name):
    with h5py.File(shared / name) as f:
        table = f["Header"].attrs["MassTable"]
        counts = f["Header"].attrs["NumPart_ThisFile"]
        for kind in sorted(k for k in f if k.startswith("PartType")):
            n = int(counts[int(kind[8:])])
            for field, d in f[kind].items():
                values = d[()]
                if values.ndim == 1:
                    row(name, kind, field, values)
                else:
                    for axis in range(3):
                        row(name, kind, f"{field}_{'xyz'[axis]}", values[:, axis])
            if "Masses" not in f[kind]:
                row(name, kind, "Masses", np.full(n, table[int(kind[8:])]))


def phantom(name):
    with h5py.File(shared / name) as f:
        p = f["particles"]
        there = p["h"][()] > 0
        for field, d in p.items():
            values = d[()][there]
            if values.ndim == 1:
                row(name, "particles", field, values)
            elif values.shape[1] == 3:
                for axis in range(3):
                    row(name, "particles", f"{field}_{'xyz'[axis]}", values[:, axis])
        kinds = p["itype"][()][there] if "itype" in p else np.ones(there.sum(), int)
        row(name, "particles", "mass", f["header/massoftype"][()][kinds - 1])


def meshes(name):
    with h5py.File(shared / name) as f:
        for mesh, record in f["data/1/meshes"].items():
            for component, d in record.items():
                values = d[()] if isinstance(d, h5py.Dataset) else np.full(d.attrs["shape"], d.attrs["value"])
                row(name, "mesh", f"{mesh}_{component}", values)


def enzo(name):
    with h5py.File(shared / (name + ".cpu0000")) as f:
        grids = [f[g] for g in sorted(f)]
        for field in grids[0]:
            parts = [g[field][()].ravel() for g in grids if field in g]
            kind = "particles" if field.startswith("particle_") else "all cells"
            row(name, kind, field, np.concatenate(parts))


for i in range(4):
    part_types(f"data/astro/gadget2_lcdm_gas_snapshot_00{i}.hdf5")
for file in ("blast_wave_SPH-ics", "gadget4_galaxy_snapshot_005", "gizmo_soundwave_ics", "synthetic_swift_a0.5"):
    part_types(f"yt/data/{file}.hdf5")
phantom("yt/data/plonk_phantom_adiabatic_00000.h5")
phantom("data/astro/plonk_phantom_mhd_00000.h5")
meshes("data/astro/openpmd_example-femm-3d.h5")
meshes("yt/data/openpmd_femm_thetaMode.h5")
enzo("yt/data/enzo_moving7_DD0010/moving7_0010")
print("[\n" + ",\n".join(json.dumps(r) for r in out) + "\n]")
