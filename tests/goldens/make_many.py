"""Makes many.json: NumPy's answers over four Gadget snapshots joined.

    python3 make_many.py DATA_FOLDER
"""
import json
import sys
from fractions import Fraction

import h5py
import numpy as np

from common import checksum

files = [f"astro/gadget2_lcdm_gas_snapshot_00{n}.hdf5" for n in range(4)]


def read(path):
    out = []
    for file in files:
        with h5py.File(f"{sys.argv[1]}/{file}") as f:
            out.append(f[path][()])
    return out


def sum_of(v):
    return format(checksum(np.ascontiguousarray(v).tobytes()), "016x")


rho, x = read("PartType0/Density"), read("PartType0/Coordinates")
time = np.stack(rho, axis=0)
long = np.concatenate(x, axis=0)
# Exact, then rounded once.
mean = [float(sum(map(Fraction, column.tolist())) / len(column)) for column in time.T]
counts, edges = np.histogram(time.astype(np.float64), bins=20)
json.dump(
    {
        "files": files,
        "stack_0": sum_of(time),
        "stack_1": sum_of(np.stack(rho, axis=-1)),
        "concatenate_0": sum_of(long),
        "concatenate_1": sum_of(np.concatenate(x, axis=1)),
        "every_1000th": long[::-1000, 1].tolist(),
        "mean_over_time": sum_of(np.array(mean)),
        "argmax_over_time": sum_of(time.argmax(axis=0)),
        "max_of_each": time.max(axis=1).tolist(),
        "mean": float(sum(sum(map(Fraction, r.tolist())) for r in time) / time.size),
        "counts": counts.tolist(),
        "edges": edges.tolist(),
    },
    open("many.json", "w"),
    indent=1,
)
