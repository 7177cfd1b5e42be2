"""`x[key] = value` of lazy arrays: another array, chosen element by element between the old and the new ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._array import Array, _apply
from ._convert import asarray


def assigned(x: Array, key: Any, value: Any) -> Array:
    """`x` with `value` at `key`: slices, whole numbers, `...`, masks, and one list of whole numbers."""
    value = _in_dtype(value, x.dtype)
    if isinstance(key, (Array, np.ndarray)) and key.dtype == bool:
        return _by_mask(x, asarray(key), value)
    return _by_places(x, key if isinstance(key, tuple) else (key,), value)


def _in_dtype(value: Any, dtype: np.dtype) -> Array:
    made = asarray(value)
    if not isinstance(value, (bool, int, float)) and not np.can_cast(made.dtype, dtype, "same_kind"):
        raise TypeError(f"values of {made.dtype} cannot be put into an array of {dtype}")
    return asarray(value, dtype=dtype)


def _by_mask(x: Array, mask: Array, value: Array) -> Array:
    if mask.shape != x.shape[: mask.ndim]:
        raise IndexError(f"the mask has the shape {mask.shape} and the array {x.shape}")
    if value.ndim and mask.ndim == x.ndim:
        count = int(mask.sum().compute())
        if value.shape not in ((1,), (count,)):
            raise ValueError(f"{value.shape} values for the {count} elements of a mask")
        if value.shape == (1,) or count == 0:
            value = value[0] if value.shape == (1,) else value
            if count == 0:
                return x
        else:
            # The n-th element that is true takes the n-th value.
            place = _apply("call", "cumsum", (mask.ravel(),), {}) - 1
            place = _apply("call", "clip", (place, 0, None), {}).persist()
            value = _apply("call", "take", (value, place), {}).reshape(x.shape)
    wide = mask.reshape((*mask.shape, *[1] * (x.ndim - mask.ndim)))
    return _apply("call", "where", (wide, value, x), {})


def _by_places(x: Array, key: tuple[Any, ...], value: Array) -> Array:
    key = _whole(x, key)
    # Which elements are meant, and along each axis which place in the value they take.
    mask: Any = None
    take: list[np.ndarray] = []
    lengths: list[int] = []
    for axis, (entry, n) in enumerate(zip(key, x.shape, strict=True)):
        places = np.arange(n)[entry]
        kept = not isinstance(entry, int)
        chosen = np.zeros(n, bool)
        chosen[places] = True
        of = np.zeros(n, np.int64)
        if kept:
            of[places] = np.arange(places.size)
        along = asarray(chosen).reshape((n,) + (1,) * (x.ndim - axis - 1))
        if not chosen.all():
            mask = along if mask is None else mask & along
        if kept:
            lengths.append(np.size(places))
        take.append(of if kept else np.zeros(n, np.int64))
    if 0 in lengths:
        _broadcast(value, lengths)
        return x
    value = _broadcast(value, lengths)
    # Axes of whole numbers come back with one place each.
    index = tuple(slice(None) if not isinstance(e, int) else None for e in key)
    value = value[index] if index else value
    for axis, of in enumerate(take):
        if not np.array_equal(of, np.arange(value.shape[axis])):
            value = _apply("call", "take", (value, of), {"axis": axis})
    if mask is None:
        return _apply("call", "broadcast_to", (value, x.shape), {})
    return _apply("call", "where", (mask, value, x), {})


def _broadcast(value: Array, lengths: list[int]) -> Array:
    while value.ndim > len(lengths) and value.shape[0] == 1:
        value = value[0]
    return _apply("call", "broadcast_to", (value, tuple(lengths)), {})


def _whole(x: Array, key: tuple[Any, ...]) -> tuple[Any, ...]:
    """An entry for each axis: a whole number, a slice, or one list of whole numbers."""
    named = sum(k is not None and k is not Ellipsis for k in key)
    if any(k is None for k in key):
        raise IndexError("None does not stand in what is assigned to")
    if sum(k is Ellipsis for k in key) > 1:
        raise IndexError("'...' stands at most once in an index")
    if named > x.ndim:
        raise IndexError(f"{named} indices for {x.ndim} axes")
    rest = (slice(None),) * (x.ndim - named)
    at = next((i for i, k in enumerate(key) if k is Ellipsis), len(key))
    entries: list[Any] = [*key[:at], *rest, *key[at + 1 :]]
    lists = 0
    for axis, entry in enumerate(entries):
        if isinstance(entry, slice):
            continue
        if isinstance(entry, (Array, np.ndarray, list)):
            found = np.asarray(entry.compute() if isinstance(entry, Array) else entry)
            if found.ndim == 0:
                entries[axis] = int(found)
            elif found.dtype.kind in "iub" and found.ndim == 1:
                entries[axis] = found
                lists += 1
            else:
                raise IndexError("what is assigned to is chosen by slices, whole numbers, a mask or a list of whole numbers")
            continue
        entries[axis] = entry.__index__()
    if lists > 1:
        raise NotImplementedError("an assignment to what several lists choose")
    for axis, entry in enumerate(entries):
        if isinstance(entry, int) and not -x.shape[axis] <= entry < x.shape[axis]:
            raise IndexError(f"index {entry} is out of range for axis {axis} of length {x.shape[axis]}")
    return tuple(entries)
