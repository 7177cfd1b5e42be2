"""Yearly files as climate models write them, in netCDF-4 and in a classic format: yearly/.

    python3 make_yearly.py
"""

from pathlib import Path

import netCDF4
import numpy as np

here = Path(__file__).parent / "yearly"
here.mkdir(exist_ok=True)
forms = {"nc4": "NETCDF4", "nc3": "NETCDF3_CLASSIC"}


def write(name, form, year, first, lat=(-10.0, 0.0, 10.0), area=(4.0, 6.0, 5.0), calendar=None):
    with netCDF4.Dataset(here / name, "w", format=form) as nc:
        for dimension, size in [("time", None), ("lat", 3), ("bnds", 2), ("name_strlen", 5)]:
            nc.createDimension(dimension, size)
        time = nc.createVariable("time", "f8", ("time",))
        time.units, time.bounds = f"days since {year}-01-01", "time_bnds"
        if calendar:
            time.calendar = calendar
        time[:] = [14.0, 45.0]
        nc.createVariable("time_bnds", "f8", ("time", "bnds"))[:] = [[0.0, 31.0], [31.0, 59.0]]
        nc.createVariable("lat", "f8", ("lat",))[:] = lat
        nc.createVariable("area", "f8", ("lat",))[:] = area
        nc.createVariable("height", "f8", ())[...] = 2.0
        names = np.array([b"low", b"mid", b"high"], "S5").view("S1").reshape(3, 5)
        nc.createVariable("name", "S1", ("lat", "name_strlen"))[:] = names
        if form == "NETCDF4":
            # A coordinate of strings, before the axis of time.
            nc.createDimension("station", 2)
            nc.createVariable("station", str, ("station",))[:] = np.array(["north", "south"], object)
            nc.createVariable("u", "f8", ("time", "station"))[:] = [[1.0, 2.0]] * 2
            nc.createVariable("height_of", "f8", ("station",))[:] = [7.0, 9.0]
        # t is 1 2 1, 2 4 2 … along time: the middle is what is asked for by its name.
        nc.createVariable("t", "f8", ("time", "lat"))[:] = [[1.0 + first, 2.0 + first, 3.0 + first]] * 2


for ending, form in forms.items():
    for n, year in enumerate([2000, 2001, 2002]):
        write(f"y{year}.{ending}", form, year, 2.5 * n)
    write(f"odd.{ending}", form, 2003, 0.0, lat=(-20.0, 0.0, 20.0), area=(1.0, 1.0, 1.0))
write("noleap.nc4", "NETCDF4", 2001, 0.0, calendar="noleap")
