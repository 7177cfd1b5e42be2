"""Arrays of what others have: NumPy, h5py, zarr, files, anything with `shape`, `dtype` and `__getitem__`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from . import _chunkwise
from ._array import Array, wrap
from ._group import opened
from ._made import from_ndarray
from ._session import allowed, session


def from_array(x: Any, chunks: Any = None) -> Array:
    """A lazy array over `x`, of which nothing is read yet.

    NumPy's arrays are not copied, whatever their strides: they are read when something is computed, so what is written to
    them before that is seen. (As an operand or an argument, `x + numpy_array`, one of up to 1 MiB is copied.) Datasets of h5py are read from their file by our own reader, without h5py's lock. Of anything
    else that has `shape`, `dtype` and `__getitem__` (zarr's arrays) each chunk is one call; `chunks` is their shape, one
    length or one for each axis, if `x` has no `chunks` of its own.
    """
    if isinstance(x, Array):
        return x
    if isinstance(x, np.generic):
        return from_ndarray(np.asarray(x))
    if isinstance(x, np.ma.MaskedArray) and x.mask is not np.ma.nomask:
        raise TypeError("an array with a mask: x.filled(numpy.nan) has NaN where something is missing")
    if isinstance(x, np.ndarray):
        return from_ndarray(np.asarray(x) if x.dtype.isnative else x.astype(x.dtype.newbyteorder("=")))
    dataset = _in_a_file(x)
    if dataset is not None:
        return dataset
    if not (hasattr(x, "shape") and hasattr(x, "dtype") and hasattr(x, "__getitem__")):
        raise TypeError(f"{type(x).__name__} has no shape, dtype and __getitem__; asarray takes lists and numbers")
    if type(x).__module__.partition(".")[0] == "netCDF4":
        raise TypeError("netCDF4 decodes what it reads: chunkwise.open('file.nc:/variable', decode=True) does so too")
    return _from_object(x, chunks)


def _in_a_file(x: Any) -> Array | None:
    """The dataset that h5py has open, read from its file."""
    h5py = sys.modules.get("h5py")
    if h5py is None or not isinstance(x, h5py.Dataset):
        return None
    if x.file.driver not in ("sec2", "stdio", "split") and x.file.driver is not None:
        return None
    name = x.file.filename
    if not os.path.exists(name) or x.dtype.name not in _DTYPES:
        return None
    if x.file.mode != "r":
        x.file.flush()
    return open(name, x.name, external=True)


_DTYPES = ("bool", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64)), "float16", "float32", "float64")


def _from_object(x: Any, chunks: Any) -> Array:
    shape = tuple(int(n) for n in x.shape)
    dtype = np.dtype(x.dtype)
    own = getattr(x, "chunks", None) if chunks is None else chunks
    if isinstance(own, int):
        own = (own,) * len(shape)
    if own is not None:
        own = tuple(max(c) if isinstance(c, (tuple, list)) else int(c) for c in own)
        own = tuple(n if c in (-1, None) else max(1, min(c, max(n, 1))) for c, n in zip(own, shape, strict=True))
    if own is None:
        own = _sensible(shape, dtype.itemsize)
    handle = _chunkwise.from_object(x, shape, dtype.name, list(own), _plain)
    return Array._of(handle, ("object", x, own))


def _sensible(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Chunks of about 16 MiB, whole along the last axes."""
    left = max(1, (16 << 20) // max(1, itemsize))
    chunks: list[int] = []
    for n in reversed(shape):
        c = max(1, min(n, left))
        chunks.append(c)
        left = max(1, left // c)
    return tuple(reversed(chunks))


def _plain(part: Any, dtype: str) -> np.ndarray:
    """What `__getitem__` gave as NumPy's array in C order."""
    if isinstance(part, np.ma.MaskedArray) and np.ma.getmaskarray(part).any():
        raise TypeError("a masked array: what is missing has no value")
    return np.asarray(part, dtype=dtype, order="C")


def asarray(
    obj: Any, /, dtype: Any = None, *, device: str | None = None, copy: bool | None = None
) -> Array:
    """An array of numbers, nested lists of them, or of what `from_array` takes. Nothing is copied but numbers and lists;
    `copy=True` copies an array of NumPy's, so that what is written to it later is not seen."""
    check_device(device)
    if isinstance(obj, Array):
        made = obj.copy() if copy else obj
    elif isinstance(obj, np.ndarray):
        made = from_array(obj.copy() if copy else obj)
    elif isinstance(obj, (bool, int, float, complex, list, tuple, range, np.generic)):
        if copy is False:
            raise ValueError("numbers and lists are always copied")
        made = _of_numbers(obj, dtype)
    else:
        made = coerced(obj)
    if dtype is not None and np.dtype(dtype) != made.dtype:
        if copy is False:
            raise ValueError(f"there is no {np.dtype(dtype)} of {made.dtype} without a copy")
        made = made.astype(dtype)
    return made


def _of_numbers(obj: Any, dtype: Any) -> Array:
    if isinstance(obj, (list, tuple)) and any(_has_array(i) for i in obj):
        parts = tuple(asarray(i) for i in obj)
        shape = parts[0].shape
        if any(p.shape != shape for p in parts):
            raise ValueError("the parts of a list have different shapes")
        dtype = np.result_type(*(p.dtype for p in parts))
        what = ("stack", (tuple(p.astype(dtype) for p in parts),), {})
        return wrap(session()._engine.call(*what, allowed()), ("call", *what))
    wanted = None if dtype is None else np.dtype(dtype)
    if wanted is not None and wanted.name not in _DTYPES:
        raise TypeError(f"there are no arrays of {wanted}; the dtypes are {', '.join(_DTYPES)}")
    x = np.asarray(obj, dtype=wanted)
    if x.dtype.kind == "c":
        raise NotImplementedError("there are no complex numbers")
    if x.dtype.name not in _DTYPES:
        raise TypeError(f"there are no arrays of {x.dtype}")
    return from_ndarray(x)


def _has_array(x: Any) -> bool:
    return isinstance(x, Array) or (isinstance(x, (list, tuple)) and any(_has_array(i) for i in x))


def coerced(x: Any) -> Array:
    """An array of an object of another library, whose values are there already."""
    if isinstance(x, Array):
        return x
    dataset = _in_a_file(x)
    if dataset is not None:
        return dataset
    module = type(x).__module__.partition(".")[0]
    if hasattr(x, "compute") or module in ("dask", "cubed"):
        raise TypeError(f"{type(x).__name__} is lazy in a way of its own: compute it first")
    if module in ("zarr", "tensorstore") and hasattr(x, "shape"):
        return from_array(x)
    if hasattr(x, "__array__"):
        return from_array(np.asarray(x))
    if hasattr(x, "__dlpack__"):
        return from_array(np.from_dlpack(x))
    if hasattr(x, "__array_interface__") or isinstance(x, (memoryview, bytearray)):
        return from_array(np.asarray(x))
    raise TypeError(f"{type(x).__name__} is neither an array nor a number")


def from_dlpack(x: Any, /, *, device: str | None = None, copy: bool | None = None) -> Array:
    """An array of what gives its elements by DLPack; they are not copied unless `copy`."""
    check_device(device)
    if isinstance(x, Array):
        return x
    return from_array(np.from_dlpack(x) if copy is None else np.from_dlpack(x, copy=copy))


def check_device(device: str | None) -> None:
    """Results are in the memory of the CPU."""
    if device not in (None, "cpu"):
        raise ValueError(f"results are on the device 'cpu', not {device!r}; Session(device='gpu') computes on a GPU")


def _parts(path: str) -> tuple[str, str]:
    """`file.h5:/x` as file and path in it."""
    if os.path.exists(path):
        return path, "/"
    file, colon, name = path.rpartition(":/")
    return (file, f"/{name}") if colon and len(file) > 1 else (path, "/")


def open(  # noqa: A001
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    name: str | None = None,
    *,
    axis: int = 0,
    stack: bool = False,
    decode: bool = False,
    external: bool = False,
    plugins: bool = False,
) -> Any:
    """What is stored in an HDF5 or netCDF file: a lazy `Array`, or a `Group` whose members are reached by their names.

    open("snap.h5:/PartType0/Density"), or open("snap.h5", "/PartType0/Density"), or open("snap.h5").PartType0.Density.
    Reads metadata only and keeps no file open. A list of files, or a pattern with `*`, is one array: one after the other
    along `axis`, or with `stack` along a new one.

    decode: numbers as the attributes say by the CF conventions (scale_factor, add_offset, _FillValue …), NaN for what is
        missing, which nanmean and its like leave out.
    external: whether data may come from other files (external storage and links, virtual datasets).
    plugins: whether libhdf5 may load plugins for rare filters.
    """
    if not isinstance(path, (str, os.PathLike)):
        files = [os.fspath(p) for p in path]
    else:
        text = os.fspath(path)
        if name is None:
            text, name = _parts(text)
        if any(c in text for c in "*?[") and not os.path.exists(text):
            import glob

            files = sorted(glob.glob(text))
            if not files:
                from ._errors import MissingError

                raise MissingError(f"no file is called {text}", "NotFound")
        else:
            what = (os.path.abspath(text), name, (decode, external, plugins))
            return opened("open", *what)
    many = ([os.path.abspath(f) for f in files], name or "/", (axis, stack), (decode, external, plugins))
    return opened("open_many", *many)


def attributes(path: str | os.PathLike[str], name: str | None = None) -> dict[str, Any]:
    """The attributes of a dataset, a group or a file: numbers, arrays of them, strings and lists of strings."""
    text = os.fspath(path)
    if name is None:
        text, name = _parts(text)
    return _chunkwise.attributes(os.path.abspath(text), name)
