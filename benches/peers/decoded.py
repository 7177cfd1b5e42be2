"""The mean of every packed or masked variable of netCDF and HDF5 files, by chunkwise and by xarray.

    python decoded.py FILE…        (numpy, netCDF4, xarray; the program is $CHUNKWISE, or chunkwise on PATH)

Prints a table: file, variable, dtype, both means over what is not missing, and how far they are apart, in units of
the last place of float64. xarray decodes (mask_and_scale; times stay numbers) and the decoded numbers are added up
exactly (math.fsum), so that both are the mean of the same numbers where they agree. Exit code 1 where they do not.
Where a valid range makes more numbers missing here, which xarray leaves alone, the line says how many."""
import json
import math
import os
import subprocess
import sys
import warnings

import netCDF4
import numpy as np
import xarray as xr

PROGRAM = os.environ.get("CHUNKWISE", "chunkwise")
MEANINGS = {"scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned", "valid_range", "valid_min", "valid_max"}


def variables(group, path=""):
    for name, v in group.variables.items():
        if v.dtype is not str and v.dtype.kind in "iuf" and MEANINGS & set(v.ncattrs()):
            yield path, name
    for name, inner in group.groups.items():
        yield from variables(inner, f"{path}/{name}")


def ours(file, path, name):
    command = [PROGRAM, "eval", "-i", f"x={file}:{path}/{name}", "nanmean(x, dtype=float64)", "sum(isnan(x))", "x.reshape(-1)[:1]", "--json"]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        return run.stderr.strip().splitlines()[0], None, ""
    mean, missing, first = json.loads(run.stdout)["results"].values()
    note = next((l.split(": ", 2)[-1] for l in run.stderr.splitlines() if l.startswith("note: x: ")), "")
    value = mean["data"]
    return (math.nan if value == "NaN" else value), missing["data"], f"{first['dtype']}; {note.removesuffix(' (--raw for the numbers as stored)')}"


def xarrays(file, path, name):
    with xr.open_dataset(file, group=path or None, engine="netcdf4", decode_times=False, decode_coords=False) as d:
        v = d.variables[name].values
    there = v[~np.isnan(v)] if v.dtype.kind == "f" else v
    mean = math.fsum(there.ravel().astype("f8")) / there.size if there.size else math.nan
    return mean, v.size - there.size, v.dtype


def main(files):
    warnings.simplefilter("ignore")
    wrong = 0
    for file in files:
        with netCDF4.Dataset(file) as nc:
            found = list(variables(nc))
        for path, name in found:
            a, hidden, how = ours(file, path, name)
            b, missing, dtype = xarrays(file, path, name)
            same = isinstance(a, (int, float)) and (a == b or a != a and b != b)
            apart = 0 if same else abs(a - b) / math.ulp(b) if isinstance(a, (int, float)) else math.inf
            more = "" if hidden == missing else f"  {hidden} missing here, {missing} there"
            same = apart <= 1 and how.startswith(f"{dtype};")
            wrong += not same
            verdict = "" if same else "  DIFFERENT"
            print(f"{os.path.basename(file)}  {path}/{name}  {dtype}  {a!r}  {b!r}  {apart:g} ulp{more}  [{how}]{verdict}")
    print("all alike" if not wrong else f"{wrong} different")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
