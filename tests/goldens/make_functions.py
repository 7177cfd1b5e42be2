"""Writes functions.json: what NumPy makes of each example of the catalogue, its dtype, shape, bytes and text. What
NumPy has not is SciPy's, dask's, xarray's and cftime's. Run with NumPy 2, SciPy, dask, xarray, cftime and the program:

    python3 make_functions.py ../../target/debug/chunkwise
"""
import json, subprocess, sys
import cftime
import dask.array
import numpy as np
import scipy.special
import scipy.stats
import xarray
from common import canonical

def groupby_reduce(array, by, func):
    labels, array, by = np.unique(by), np.asarray(array), np.asarray(by)
    return np.array([getattr(np, func)(array[by == label]) for label in labels])


def generator(name):
    return lambda *a, seed, **k: getattr(np.random.default_rng(seed), name)(*a, **k)


drawn = "random uniform normal standard_normal lognormal exponential standard_exponential gamma standard_gamma beta poisson \
    binomial integers choice permutation"
def dates(attribute):
    return lambda times, units: np.array([getattr(d, attribute) for d in cftime.num2date(np.asarray(times), units)])


def put_slice(a, values, start, step=1):
    a, values = np.array(a), np.asarray(values)
    start, step = np.broadcast_arrays(start, step)
    places = [f + n * np.arange(k) for f, n, k in zip(start.ravel(), step.ravel(), values.shape)]
    a[np.ix_(*places)] = values
    return a


class Timed(np.ndarray):
    """Numbers with units."""

    units = ""

    def since(self, units):
        self.units = units
        return self


def with_dims(a, **coordinates):
    def coordinate(c):
        times = isinstance(c, Timed) and " since " in c.units
        return cftime.num2date(np.asarray(c), c.units, only_use_python_datetimes=True, only_use_cftime_datetimes=False) if times else c

    return xarray.DataArray(a, {k: coordinate(c) for k, c in coordinates.items() if c is not None}, list(coordinates))


own = {name: generator(name) for name in drawn.split()} | {
    "year": dates("year"),
    "month": dates("month"),
    "day": dates("day"),
    "hour": dates("hour"),
    "dayofyear": dates("dayofyr"),
    "put_slice": put_slice,
    "piecewise": lambda x, conditions, choices: np.piecewise(np.asarray(x), conditions, choices),
    "minute": dates("minute"),
    "second": dates("second"),
    "weekday": dates("dayofwk"),
    "quarter": lambda t, units: (dates("month")(t, units) + 2) // 3,
    "season": lambda t, units: np.array(["DJF", "MAM", "JJA", "SON"])[dates("month")(t, units) % 12 // 3],
    "topk": lambda a, k: dask.array.topk(dask.array.from_array(np.array(a)), k).compute(),
    "argtopk": lambda a, k: dask.array.argtopk(dask.array.from_array(np.array(a)), k).compute(),
    "cummax": np.maximum.accumulate,
    "cummin": np.minimum.accumulate,
    "groupby_reduce": groupby_reduce,
    "binned_statistic": lambda *a, **k: scipy.stats.binned_statistic(*a, **k)[0],
    "binned_statistic_2d": lambda *a, **k: scipy.stats.binned_statistic_2d(*a, **k)[0],
    "histogram": lambda *a, **k: np.histogram(*a, **k)[0],
    "histogram2d": lambda *a, **k: np.histogram2d(*a, **k)[0],
    "histogramdd": lambda *a, **k: np.histogramdd(*a, **k)[0],
    "bool": np.bool_,
    "split": lambda a, n: np.split(np.asarray(a), n),
    "sliding_window_view": np.lib.stride_tricks.sliding_window_view,
    "moment": scipy.stats.moment,
    "coarsen": lambda func, a, n: getattr(np, func)(np.reshape(a, (-1, n)), axis=1),
    "norm": np.linalg.norm,
    "erf": scipy.special.erf,
    "erfc": scipy.special.erfc,
    "frexp_mantissa": lambda x: np.frexp(x)[0],
    "frexp_exponent": lambda x: np.frexp(x)[1],
    "unique_values": lambda x: np.unique(x),
    "unique_all": lambda x: np.unique(x, return_index=True, return_inverse=True, return_counts=True),
    "unique_counts": lambda x: np.unique(x, return_counts=True),
    "unique_inverse": lambda x: np.unique(x, return_inverse=True),
    "take_along_axis": lambda a, i, axis: np.take_along_axis(np.asarray(a), np.asarray(i), axis),
    "hsplit": lambda a, n: np.hsplit(np.asarray(a), n),
    "vsplit": lambda a, n: np.vsplit(np.asarray(a), n),
    "dsplit": lambda a, n: np.dsplit(np.asarray(a), n),
    "isnull": lambda x: np.isnan(np.asarray(x)),
    "notnull": lambda x: ~np.isnan(np.asarray(x)),
    "tril_indices_from": lambda a: np.tril_indices_from(np.asarray(a)),
    "triu_indices_from": lambda a: np.triu_indices_from(np.asarray(a)),
    "unstack": lambda x: np.unstack(np.asarray(x)),
    "rollaxis": lambda a, axis: np.rollaxis(np.asarray(a), axis),
    "with_units": lambda x, units: np.asarray(x).view(Timed).since(units),
    "with_dims": with_dims,
    "resample": lambda a, freq, func="mean": getattr(a.resample(time=freq), func)(),
    "sel": lambda a, **labels: a.sel(**labels),
    "isel": lambda a, **positions: a.isel(**positions),
    "startswith": lambda a, text: np.char.startswith(a, text),
    "endswith": lambda a, text: np.char.endswith(a, text),
    "contains": lambda a, text: np.char.find(a, text) >= 0,
    "matrix_transpose": lambda x: np.swapaxes(np.asarray(x), -1, -2),
}
program = sys.argv[1]
catalogue = json.loads(subprocess.run([program, "functions", "--json"], stdout=subprocess.PIPE, check=True).stdout)
names = {name: getattr(np, name) for name in dir(np) if not name.startswith("_")} | own
goldens = {}
for entry in catalogue:
    value = np.asarray(eval(entry["example"], dict(names)))
    text = str(value[()]) if value.ndim == 0 else np.array2string(value)
    goldens[entry["example"]] = {
        "dtype": value.dtype.name,
        "shape": value.shape,
        "bytes": canonical(value).hex(),
        "text": " ".join(text.split()).replace("[ ", "[").replace(" ]", "]"),
    }
with open("functions.json", "w") as f:
    json.dump(goldens, f, indent=1, ensure_ascii=False)
    f.write("\n")
