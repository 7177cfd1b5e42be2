"""Writes coverage.json: the functions of NumPy's top level, of dask.array and of the Python array API standard's main
namespace. Run with NumPy 2, dask and array-api-strict:

    python3 make_coverage.py > coverage.json
"""
import inspect
import json
import sys

import array_api_strict
import dask
import dask.array
import numpy


def functions(module):
    found = []
    for name in dir(module):
        what = getattr(module, name)
        if name.startswith("_") or not callable(what) or isinstance(what, type) or inspect.ismodule(what):
            continue
        found.append(name)
    return sorted(found)


# What array-api-strict has for itself.
own = {"get_array_api_strict_flags", "reset_array_api_strict_flags", "set_array_api_strict_flags"}
standard = set(functions(array_api_strict)) & set(array_api_strict.__all__) - own
constants = {"e", "inf", "nan", "newaxis", "pi"}
json.dump(
    {
        "NumPy": {"version": numpy.__version__, "names": functions(numpy)},
        "dask.array": {"version": dask.__version__, "names": functions(dask.array)},
        "Python array API standard": {
            "version": array_api_strict.__array_api_version__,
            "names": sorted(standard | constants),
        },
    },
    sys.stdout,
    indent=1,
)
print()
