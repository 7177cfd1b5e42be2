"""Makes real_data.json: dtype, shape and checksum of every numeric dataset of the data folder, read
by h5py with hdf5plugin, and NumPy's answers over a Gadget snapshot.

    python3 make_real_data.py DATA_FOLDER
"""
import json
import os
import sys
from fractions import Fraction

import h5py
import hdf5plugin  # noqa: F401 (registers the filters)
import numpy as np

from common import checksum

NUMERIC = {"bool", *(f"{s}int{b}" for s in ("", "u") for b in (8, 16, 32, 64)), "float16", "float32", "float64"}
root = sys.argv[1]
rows = []
for folder in sorted(os.listdir(root)):
    if folder == "hostile" or not os.path.isdir(f"{root}/{folder}"):
        continue
    for name in sorted(os.listdir(f"{root}/{folder}")):
        with h5py.File(f"{root}/{folder}/{name}") as f:
            found = []
            f.visititems(lambda n, o: found.append((n, o)) if isinstance(o, h5py.Dataset) else None)
            for path, d in sorted(found):
                if d.dtype.newbyteorder("=").name not in NUMERIC:
                    continue
                plist = d.id.get_create_plist()
                filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
                dtype = d.dtype.newbyteorder("=").name
                try:
                    v = d[()]
                    if isinstance(v, h5py.Empty):
                        v = np.zeros((0,), dtype)
                    v = np.asarray(v)
                    sum_ = format(checksum(v.astype(v.dtype.newbyteorder("<")).tobytes()), "016x")
                    shape = list(v.shape)
                except OSError:
                    sum_, shape = None, list(d.shape)
                rows.append([f"{folder}/{name}", path, dtype, shape, filters, sum_])


def exact_mean(v):
    return sum(map(Fraction, v.tolist())) / len(v)


file = "astro/gadget2_lcdm_gas_snapshot_003.hdf5"
with h5py.File(f"{root}/{file}") as f:
    rho = f["PartType0/Density"][()]
    u = f["PartType0/InternalEnergy"][()]
wide = rho.astype(np.float64)
log = np.log10(rho)
gadget = {
    "file": file,
    # The mean of all particles, exact, then rounded once.
    "mean_f64": float(exact_mean(rho)),
    "numpy_mean": float(rho.mean()),
    "numpy_std_log10": float(log.std()),
    "numpy_std_log10_f64": float(np.log10(wide).std()),
    "min": float(rho.min()), "max": float(rho.max()), "argmax": int(rho.argmax()),
    "hist": [np.histogram(wide, bins=32)[0].tolist(), np.histogram(wide, bins=32)[1].tolist()],
    "hist_log10": [np.histogram(log.astype(np.float64), bins=32, range=(-10, -6))[0].tolist(), [-10, -6]],
    "hist_edges": [np.histogram(wide, bins=[0, 1e-9, 1e-8, 1e-7, 1e-6])[0].tolist(), [0, 1e-9, 1e-8, 1e-7, 1e-6]],
    # Exact weighted sums per bin, rounded to float64.
    "hist_weighted": [float(sum(map(Fraction, u[(wide >= a) & (wide < b)].tolist())))
                      for a, b in ((0, 1e-9), (1e-9, 1e-8), (1e-8, 1e-7), (1e-7, 1e-6))],
}
with open(os.path.join(os.path.dirname(__file__), "real_data.json"), "w") as out:
    out.write('{"gadget": ' + json.dumps(gadget) + ',\n"datasets": [\n')
    out.write(",\n".join(json.dumps(r) for r in rows))
    out.write("\n]}\n")
