"""Lazy, exact, bounded-memory arrays over chunked HDF5 data larger than memory, under NumPy's names.

    import chunkwise as cw

    snapshot = cw.open("snapshot.h5:/PartType0")
    rho, mass = snapshot.Density, snapshot.Masses          # metadata only
    mean = cw.average(rho, weights=mass)                   # nothing is read yet
    hot = mass[snapshot.Temperature > 1e5].sum()
    with cw.Session(memory="64MiB"):
        print(cw.compute(mean, hot))                       # one run; every chunk is read once

The functions are those of NumPy, dask.array and the array API, as far as they are there, made from the library's catalogue;
`dir(chunkwise)` lists them. What is written in the library's own documentation of promises holds: one answer whatever the
chunks, threads, budget and device; sums that are exact; a budget that is known before the run.
"""

from __future__ import annotations

from . import _chunkwise, _errors, _functions, _session, _standard
from ._array import Array
from ._chunkwise import __version__
from ._convert import coerced as _coerced
from ._errors import ChunkwiseError
from ._group import Group
from ._cluster import Cluster
from ._session import Report, Session

_chunkwise.register(Array, Group, _errors.KINDS, _coerced)

# From here on names of Python's own builtins are those of arrays: `sum`, `abs`, `bool` and others.
globals().update(_functions.functions())
globals().update(_functions.constants())
globals().update(_functions.DTYPES)
globals().update({n: f for n, f in vars(_standard).items() if getattr(f, "__module__", "") == _standard.__name__ and n[0] != "_"})
from ._convert import asarray, attributes, from_array, from_dlpack, open  # noqa: E402
from ._pad import pad  # noqa: E402
from ._blocks import apply_gufunc, map_blocks  # noqa: E402
from ._session import compute, explain, options, persist, session, store  # noqa: E402

__array_namespace_info__ = _standard.__array_namespace_info__
__array_api_version__ = "2025.12"
fromfunction = _standard.from_function
del from_function, arrays_of, Info  # noqa: F821
_functions.install(globals())

from . import linalg  # noqa: E402

#: `lib.stride_tricks.sliding_window_view`, as NumPy has it.
lib = __import__("types").SimpleNamespace(
    stride_tricks=__import__("types").SimpleNamespace(sliding_window_view=sliding_window_view)  # noqa: F821
)

asanyarray = ascontiguousarray = asarray
xp = __import__("sys").modules[__name__]

__all__ = sorted(  # noqa: PLE0605
    n for n, v in list(globals().items()) if not n.startswith("_") and n not in ("annotations", "xp")
)


def __getattr__(name: str):
    if name.startswith("_"):
        raise AttributeError(f"module 'chunkwise' has no attribute '{name}'")
    raise AttributeError(f"chunkwise has no '{name}': {_chunkwise.missing(name)}")


def __dir__():
    return __all__
