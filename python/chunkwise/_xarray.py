"""xarray: `xarray.open_dataset(file, engine="chunkwise", chunks={}, chunked_array_type="chunkwise")`.

The backend opens HDF5 and netCDF files of every format with our own reader. Packed numbers are decoded by expressions, in the
run that needs them; coordinates, times and text are small, and decoded by xarray. Without `chunks` variables are read when
their values are asked for, as with every engine; with `chunks` they are lazy arrays, and `dataset.compute()` is one run for all
of them. What `chunks` says does not matter: a run cuts the work as the file and the budget want it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from xarray import Dataset, Variable, conventions
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing
from xarray.namedarray.parallelcompat import ChunkManagerEntrypoint

import chunkwise as cw

from . import _chunkwise
from ._array import Array

#: Attributes that netCDF-4 and HDF5 keep for themselves.
_OWN = {
    "CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates", "_NCProperties", "_nc3_strict",
}  # fmt: skip
#: Attributes that say how numbers are packed.
_PACKED = ("scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned", "valid_range", "valid_min", "valid_max")
#: What a dimension without a variable has for a name.
_NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable"
#: What is read at once where xarray decodes it, in elements.
_SMALL = 1 << 22


class Lazy(BackendArray):
    """A variable that is read when its values are asked for."""

    def __init__(self, array: Array):
        self.array = array
        self.shape = array.shape
        self.dtype = array.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        return np.asarray(cw.compute(outer(self.array, key)))


def outer(x: Array, key: tuple[Any, ...]) -> Array:
    """Indexed along each axis by itself."""
    if all(isinstance(k, slice) and k == slice(None) for k in key):
        return x
    if all(isinstance(k, (int, np.integer, slice)) for k in key):
        return x[key]
    # Lists first, one axis after the other, so that axes keep their numbers.
    for axis, k in enumerate(key):
        if not isinstance(k, (int, np.integer, slice)):
            x = cw.take(x, np.asarray(k), axis=axis)
    return x[tuple(k if isinstance(k, (int, np.integer, slice)) else slice(None) for k in key)]


def lazy_of(data: Any) -> Any:
    """The lazy array inside of what xarray wraps around it, indexed as that says; None if there is none."""
    if isinstance(data, Array):
        return data
    if isinstance(data, Lazy):
        return data.array
    if isinstance(data, indexing.LazilyIndexedArray):
        inner = lazy_of(data.array)
        return None if inner is None else outer(inner, data.key.tuple)
    if isinstance(data, (indexing.ImplicitToExplicitIndexingAdapter, indexing.CopyOnWriteArray, indexing.MemoryCachedArray)):
        return lazy_of(data.array)
    return None


class Backend(BackendEntrypoint):
    """`engine="chunkwise"`."""

    description = "HDF5 and netCDF of every format, read and decoded by chunkwise within a budget of memory"
    url = "https://docs.rs/chunkwise"
    open_dataset_parameters = (
        "filename_or_obj", "mask_and_scale", "decode_times", "concat_characters", "decode_coords", "drop_variables",
        "use_cftime", "decode_timedelta", "group", "external",
    )  # fmt: skip

    def open_dataset(  # type: ignore[override]
        self,
        filename_or_obj: Any,
        *,
        mask_and_scale: bool = True,
        decode_times: Any = True,
        concat_characters: bool = True,
        decode_coords: Any = True,
        drop_variables: str | Iterable[str] | None = None,
        use_cftime: bool | None = None,
        decode_timedelta: Any = None,
        group: str | None = None,
        external: bool = False,
    ) -> Dataset:
        """Opens a group of a file; `external` allows data in other files."""
        path = os.path.abspath(os.fspath(filename_or_obj))
        group = "/" + (group or "").strip("/")
        dropped = {drop_variables} if isinstance(drop_variables, str) else set(drop_variables or ())
        variables: dict[str, Variable] = {}
        phony: dict[int, list[str]] = {}
        for row in _chunkwise.listing(path, group):
            name = row["name"]
            no_variable = str(row["attributes"].get("NAME", "")).startswith(_NO_VARIABLE)
            if name in dropped or row["shape"] is None or no_variable:
                continue
            made = self._variable(path, group, row, _dimensions(row, phony), mask_and_scale, external)
            if made is not None:
                variables[name] = made
        attributes = {k: v for k, v in cw.attributes(path, group).items() if k not in _OWN}
        variables, attributes, coordinates = conventions.decode_cf_variables(
            variables,
            attributes,
            concat_characters=concat_characters,
            mask_and_scale=mask_and_scale,
            decode_times=decode_times,
            decode_coords=decode_coords,
            use_cftime=use_cftime,
            decode_timedelta=decode_timedelta,
        )
        # What was read is in memory, decoded: no chunks are made of it.
        for variable in variables.values():
            if lazy_of(variable._data) is None:
                variable.load()
        dataset = Dataset(variables, attrs=attributes)
        dataset = dataset.set_coords(coordinates.intersection(variables))
        dataset.encoding = {"source": path}
        dataset.set_close(lambda: None)
        return dataset

    @staticmethod
    def _variable(
        path: str, group: str, row: dict[str, Any], dims: tuple[str, ...], decode: bool, external: bool
    ) -> Variable | None:
        name, shape = row["name"], row["shape"]
        at = f"{group.rstrip('/')}/{name}"
        attributes = {k: v for k, v in row["attributes"].items() if k not in _OWN}
        encoding: dict[str, Any] = {"source": path, "original_shape": shape}
        if row["chunks"] is not None:
            encoding["chunksizes"] = tuple(row["chunks"])
            encoding["preferred_chunks"] = dict(zip(dims, row["chunks"], strict=True))
        if row["dtype"] is None:
            values = _text(path, at)
            return None if values is None else Variable(dims, values, attributes, encoding)
        encoding["dtype"] = np.dtype(row["dtype"])
        size = int(np.prod(shape, dtype=np.int64))
        of_time = " since " in str(attributes.get("units", ""))
        if size <= _SMALL and (of_time or dims == (name,) or not shape):
            # Indexes and times: their values are wanted, and xarray knows how to decode them.
            values = np.asarray(cw.open(path, at, external=external).compute())
            return Variable(dims, values, attributes, encoding)
        array = cw.open(path, at, decode=decode, external=external)
        if decode:
            encoding.update({k: attributes.pop(k) for k in _PACKED if k in attributes})
        return Variable(dims, indexing.LazilyIndexedArray(Lazy(array)), attributes, encoding)

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Only where it is named: others open such files too."""
        return False


def _dimensions(row: dict[str, Any], phony: dict[int, list[str]]) -> tuple[str, ...]:
    """The names of the axes: of their dimension scales, or phony_dim_N as h5netcdf has them."""
    shape, scales = row["shape"], row["scales"]
    if row["scale"] and len(shape) == 1:
        return (row["name"],)
    dims: list[str] = []
    for d, n in enumerate(shape):
        names = scales[d] if d < len(scales) else []
        if names:
            dims.append(names[0].rpartition("/")[2])
            continue
        # One of each length that this variable does not have yet.
        free = [p for p in phony.setdefault(n, []) if p not in dims]
        if not free:
            free = [f"phony_dim_{sum(map(len, phony.values()))}"]
            phony[n].append(free[0])
        dims.append(free[0])
    return tuple(dims)


def _text(path: str, at: str) -> Any:
    """Text, which chunkwise does not read: by h5py, if it is there."""
    try:
        import h5py

        with h5py.File(path) as file:
            dataset = file[at]
            if h5py.check_string_dtype(dataset.dtype) is None:
                raise TypeError(f"elements of {dataset.dtype}")
            return np.asarray(dataset.asstr()[...], dtype=object)
    except Exception as e:  # noqa: BLE001
        warnings.warn(f"the variable {at} is left out: it is not of numbers ({e})", stacklevel=3)
        return None


class Manager(ChunkManagerEntrypoint):
    """`chunked_array_type="chunkwise"`."""

    array_cls = Array

    def __init__(self) -> None:
        self.array_cls = Array

    def chunks(self, data: Array) -> Any:
        return data.chunks

    def normalize_chunks(
        self, chunks: Any, shape: Any = None, limit: Any = None, dtype: Any = None, previous_chunks: Any = None
    ) -> Any:
        """As chunks of these lengths would lie; what is not said stays as it is stored."""
        shape = tuple(shape if shape is not None else (sum(c) for c in chunks))
        if isinstance(chunks, dict):
            chunks = tuple(chunks.get(d, "auto") for d in range(len(shape)))
        if not isinstance(chunks, (tuple, list)):
            chunks = (chunks,) * len(shape)
        previous = previous_chunks or (None,) * len(shape)
        return tuple(_lengths(c, n, p) for c, n, p in zip(chunks, shape, previous, strict=True))

    def from_array(self, data: Any, chunks: Any, **kwargs: Any) -> Any:
        """The lazy array inside of `data`, or one over its values; of times and text these themselves."""
        found = lazy_of(data)
        if found is not None:
            return found
        values = np.asarray(data)
        return cw.asarray(values) if values.dtype.name in cw._functions.DTYPES else values

    def rechunk(self, data: Array, chunks: Any, **kwargs: Any) -> Array:
        """The array itself: a run cuts the work as it needs."""
        return data

    def compute(self, *data: Any, **kwargs: Any) -> tuple[np.ndarray, ...]:
        """All of them in one run."""
        values = cw.compute(list(data))
        return tuple(np.asarray(v) for v in values)

    def persist(self, *data: Any, **kwargs: Any) -> tuple[Any, ...]:
        return tuple(d.persist() if isinstance(d, Array) else d for d in data)

    @property
    def array_api(self) -> Any:
        return cw

    def apply_gufunc(self, func: Any, signature: str, *args: Any, **kwargs: Any) -> Any:
        return cw.apply_gufunc(func, signature, *args, **kwargs)

    def map_blocks(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        return cw.map_blocks(func, *args, **kwargs)

    def blockwise(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("chunkwise has no blockwise: apply_gufunc calls a Python function over blocks")

    def unify_chunks(self, *args: Any, **kwargs: Any) -> tuple[dict[Any, Any], list[Any]]:
        """Arrays and their axes, two by two, as they are: chunks need not fit."""
        lengths: dict[Any, Any] = {}
        for array, axes in zip(args[::2], args[1::2], strict=True):
            if isinstance(array, Array) and axes is not None:
                lengths.update(zip(axes, array.chunks, strict=True))
        return lengths, list(args[::2])

    def store(self, sources: Any, targets: Any, **kwargs: Any) -> None:
        """Writes arrays to what takes `target[slices] = values`, a part of 64 MiB at a time."""
        if kwargs.get("compute") is False:
            raise NotImplementedError("chunkwise writes at once: leave compute=False away")
        one = isinstance(sources, Array)
        regions = kwargs.get("regions") or (None,)
        all_ = [(sources, targets)] if one else list(zip(sources, targets, strict=True))
        regions = list(regions) * len(all_) if len(regions) == 1 else list(regions)
        for (source, target), region in zip(all_, regions, strict=True):
            for part in _parts(source):
                values = np.asarray(cw.compute(source[part]))
                target[part if region is None else _within(region, part)] = values


def _lengths(chunk: Any, n: int, previous: Any) -> tuple[int, ...]:
    if isinstance(chunk, (tuple, list)):
        return tuple(chunk)
    if chunk in ("auto", None):
        return tuple(previous) if previous is not None and not isinstance(previous, int) else (n,)
    chunk = n if chunk == -1 else int(chunk)
    if n == 0:
        return (0,)
    return (chunk,) * (n // chunk) + ((n % chunk,) if n % chunk else ())


def _parts(x: Array) -> list[tuple[slice, ...]]:
    if x.ndim == 0 or x.size == 0:
        return [(slice(None),) * x.ndim]
    rows = max(1, (64 << 20) // max(1, x.nbytes // x.shape[0]))
    rest = (slice(None),) * (x.ndim - 1)
    return [(slice(i, min(i + rows, x.shape[0])), *rest) for i in range(0, x.shape[0], rows)]


def _within(region: Any, part: tuple[slice, ...]) -> tuple[Any, ...]:
    """A part of a region of the target."""
    first, *others = region
    start = (first.start or 0) + (part[0].start or 0)
    stop = None if part[0].stop is None else (first.start or 0) + part[0].stop
    return (slice(start, first.stop if stop is None else stop), *others)
