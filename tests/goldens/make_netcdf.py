"""netCDF classic files as netCDF-C and SciPy write them, and what netCDF-C reads of them.

    python3 -m pip install netCDF4 scipy && python3 make_netcdf.py

Writes netcdf/*.nc and netcdf.json. The files of one version differ between runs in nothing.
"""

import json
import pathlib

import netCDF4
import numpy as np
import scipy.io

from common import checksum

HERE = pathlib.Path(__file__).parent
FOLDER = HERE / "netcdf"
FORMATS = {"classic": "NETCDF3_CLASSIC", "offset64": "NETCDF3_64BIT_OFFSET", "data64": "NETCDF3_64BIT_DATA"}
OLD = ["i1", "i2", "i4", "f4", "f8"]
NEW = OLD + ["u1", "u2", "u4", "i8", "u8"]


def numbers(dtype, shape, seed):
    """Values that use all bytes; of floats some that are not finite."""
    n = int(np.prod(shape, dtype=int))
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        values = rng.standard_normal(n).astype(dtype) * dtype.type(1e3)
        values[::7] = [np.nan, np.inf, -np.inf, -0.0, 1e-40][seed % 5]
    else:
        values = np.frombuffer(rng.bytes(n * dtype.itemsize), dtype).copy()
    return values.reshape(shape)


def typed(name, version, types):
    """All types, fixed and in records, with rows that are no multiples of 4 bytes; attributes of all types."""
    with netCDF4.Dataset(FOLDER / name, "w", format=version) as nc:
        nc.set_auto_maskandscale(False)
        nc.title = "all types"
        nc.setncattr("unit of µ", "m s⁻¹")
        for t in types:
            nc.setncattr("of_" + t, np.array([1, 2, 3] if t == "i2" else [7], t))
        for dim, n in [("time", None), ("y", 3), ("x", 5), ("one", 1)]:
            nc.createDimension(dim, n)
        for k, t in enumerate(types):
            fixed = nc.createVariable("fixed_" + t, t, ("y", "x"))
            fixed[...] = numbers(t, (3, 5), k)
            fixed.units = "K" * (k + 1)
            record = nc.createVariable("record_" + t, t, ("time", "y"))
            record[0:7] = numbers(t, (7, 3), k + 20)
            row = nc.createVariable("row_" + t, t, ("time",), fill_value=np.array(11, t))
            row[0:7] = numbers(t, (7,), k + 40)
            scalar = nc.createVariable("scalar_" + t, t, ())
            scalar[...] = numbers(t, (), k + 60)
        nc.createVariable("text", "S1", ("time", "x"))[0:7] = np.array(list("abcdefg" * 5), "S1").reshape(7, 5)
        time = nc.createVariable("time", "f8", ("time",))
        time.units = "days since 1970-01-01"
        time[0:7] = np.arange(7.0)
        nc.createVariable("y", "i2", ("y",))[:] = [10, 20, 30]
        nc.createVariable("never_written", "f4", ("time", "one", "x"))


def small(name, version, records, variables):
    with netCDF4.Dataset(FOLDER / name, "w", format=version) as nc:
        nc.createDimension("t", None)
        nc.createDimension("n", 3)
        for variable, t, dims in variables:
            v = nc.createVariable(variable, t, dims)
            shape = [{"t": records, "n": 3}[d] for d in dims]
            if records or "t" not in dims:
                v[tuple(slice(0, n) for n in shape) or ...] = numbers(t, shape, 3)


def by_scipy(name, version):
    with scipy.io.netcdf_file(FOLDER / name, "w", version=version) as nc:
        nc.history = "written by SciPy"
        for dim, n in [("time", None), ("y", 3), ("x", 5)]:
            nc.createDimension(dim, n)
        for k, t in enumerate(OLD):
            fixed = nc.createVariable("fixed_" + t, t, ("y", "x"))
            fixed[:] = numbers(t, (3, 5), k)
            fixed.missing = np.array([k], "i4")
            nc.createVariable("record_" + t, t, ("time", "y"))[:] = numbers(t, (4, 3), k + 20)


def main():
    FOLDER.mkdir(exist_ok=True)
    for label, version in FORMATS.items():
        typed(f"{label}.nc", version, NEW if label == "data64" else OLD)
        # Of one variable of small elements the records are not padded.
        for t in ["i1", "i2", "f8"]:
            small(f"{label}_one_{t}.nc", version, 5, [("v", t, ("t", "n"))])
    small("classic_one_and_fixed.nc", FORMATS["classic"], 5, [("f", "i1", ("n",)), ("v", "i2", ("t",)), ("s", "i4", ())])
    small("data64_one_u1.nc", FORMATS["data64"], 5, [("v", "u1", ("t", "n"))])
    # Rows of 8 bytes that are 12 bytes apart.
    small("classic_halves.nc", FORMATS["classic"], 9, [("a", "i1", ("t",)), ("d", "f8", ("t",)), ("e", "f8", ("n",))])
    small("classic_no_records.nc", FORMATS["classic"], 0, [("v", "f8", ("t", "n")), ("w", "i1", ("t",)), ("n", "i2", ("n",))])
    with netCDF4.Dataset(FOLDER / "offset64_empty.nc", "w", format=FORMATS["offset64"]):
        pass
    by_scipy("scipy_1.nc", 1)
    by_scipy("scipy_2.nc", 2)

    rows = []
    for path in sorted(FOLDER.glob("*.nc")):
        with netCDF4.Dataset(path) as nc:
            nc.set_auto_mask(False)
            nc.set_auto_scale(False)
            attributes = lambda o: {n: plain(o.getncattr(n)) for n in o.ncattrs()}
            variables = {}
            for name, v in nc.variables.items():
                row = {"shape": list(v.shape), "dimensions": list(v.dimensions), "attributes": attributes(v)}
                if v.dtype.kind in "iuf":
                    values = np.asarray(v[...])
                    little = values.astype(values.dtype.newbyteorder("<"))
                    row |= {"dtype": values.dtype.newbyteorder("=").name, "checksum": str(checksum(little.tobytes()))}
                variables[name] = row
            rows.append({"file": path.name, "format": nc.data_model, "attributes": attributes(nc), "variables": variables})
    text = ",\n".join(json.dumps(row, ensure_ascii=False, sort_keys=True) for row in rows)
    (HERE / "netcdf.json").write_text(f"[\n{text}\n]\n")


def plain(value):
    return value if isinstance(value, str) else np.atleast_1d(value).tolist()


main()
