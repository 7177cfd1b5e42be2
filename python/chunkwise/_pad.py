"""Borders that are made of what an array has: `numpy.pad` with the modes that the catalogue leaves to others."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._array import Array
from ._convert import asarray
from ._functions import call

_STATISTICS = {"maximum": "max", "minimum": "min", "mean": "mean", "median": "median"}
_OF_THE_CATALOGUE = {"constant", "edge", "symmetric", "reflect", "wrap"}


def pad(array: Any, pad_width: Any, mode: Any = "constant", **how: Any) -> Array:
    """The array with a border: 'constant' (constant_values), 'edge', 'symmetric', 'reflect', 'wrap', 'linear_ramp' (end_values),
    'maximum', 'mean', 'median' or 'minimum' of what lies along the axis (stat_length), or 'empty', which is zeros."""
    x = asarray(array)
    if isinstance(pad_width, dict):
        given = {d % x.ndim: w for d, w in pad_width.items()}
        pad_width = [given.get(d, 0) for d in range(x.ndim)]
        pad_width = [(w, w) if np.ndim(w) == 0 else tuple(w) for w in pad_width]
    widths = _pairs(pad_width, x.ndim, "pad_width")
    if callable(mode):
        raise NotImplementedError("pad calls no functions: the modes are those that have a name")
    if mode in _OF_THE_CATALOGUE:
        if how.pop("reflect_type", "even") != "even":
            raise NotImplementedError("pad has no reflect_type='odd'")
        if "constant_values" in how and not isinstance(how["constant_values"], (int, float, np.generic)):
            return _constant(x, widths, _pairs(how.pop("constant_values"), x.ndim, "constant_values", whole=False))
        return call("pad", x, tuple(widths), mode, **how)
    if mode == "empty":
        return call("pad", x, tuple(widths), "constant", **how)
    if mode == "linear_ramp":
        ends = _pairs(how.pop("end_values", 0), x.ndim, "end_values", whole=False)
        return _refuse(how, mode) or _along(x, widths, lambda y, d: tuple(_ramp(y, d, s, w, e) for s, w, e in zip((0, -1), widths[d], ends[d], strict=True)))
    if mode in _STATISTICS:
        length = how.pop("stat_length", None)
        lengths = [(None, None)] * x.ndim if length is None else _pairs(length, x.ndim, "stat_length")
        return _refuse(how, mode) or _along(x, widths, lambda y, d: _statistics(y, d, widths[d], lengths[d], mode))
    raise ValueError(f"there is no mode {mode!r} of pad")


def _refuse(how: dict[str, Any], mode: str) -> Any:
    if how:
        raise ValueError(f"pad with mode={mode!r} has no argument '{next(iter(how))}'")
    return None


def _pairs(value: Any, rank: int, name: str, whole: bool = True) -> list[tuple[Any, Any]]:
    """Before and after, for each axis."""
    given = np.asarray(value)
    if whole and given.dtype.kind not in "iu":
        raise TypeError(f"{name} must be whole numbers")
    if whole and (given < 0).any():
        raise ValueError(f"{name} cannot be negative")
    return [tuple(p.item() if hasattr(p, "item") else p for p in pair) for pair in np.broadcast_to(given, (rank, 2))]


def _along(x: Array, widths: list[tuple[int, int]], borders: Any) -> Array:
    """One axis after the other: what comes later sees the borders before it."""
    for d, width in enumerate(widths):
        if any(width):
            before, after = borders(x, d)
            x = call("concatenate", tuple(p for p in (before, x, after) if p is not None), axis=d)
    return x


def _slice(x: Array, d: int, part: slice) -> Array:
    return x[(slice(None),) * d + (part,)]


def _repeated(x: Array, d: int, n: int) -> Array | None:
    return None if n == 0 else call("broadcast_to", x, (*x.shape[:d], n, *x.shape[d + 1 :]))


def _constant(x: Array, widths: list[tuple[int, int]], values: list[tuple[Any, Any]]) -> Array:
    def borders(y: Array, d: int) -> tuple[Any, ...]:
        one = _slice(y, d, slice(0, 1)) if y.shape[d] else call("zeros", (*y.shape[:d], 1, *y.shape[d + 1 :]), dtype=y.dtype)
        return tuple(_repeated(call("full_like", one, v), d, w) for v, w in zip(values[d], widths[d], strict=True))

    return _along(x, widths, borders)


def _ramp(x: Array, d: int, side: int, n: int, end: Any) -> Array | None:
    """From the end value to the element at one side, which is not part of it."""
    if n == 0:
        return None
    edge = _slice(x, d, slice(0, 1) if side == 0 else slice(-1, None)).astype(float)
    steps = np.arange(n, dtype=float).reshape((n,) + (1,) * (x.ndim - d - 1))
    ramp = steps * ((edge - end) / n) + end
    if x.dtype.kind in "iu":
        ramp = call("floor", ramp)
    ramp = ramp.astype(x.dtype)
    return ramp if side == 0 else call("flip", ramp, axis=d)


def _statistics(x: Array, d: int, width: tuple[int, int], lengths: tuple[Any, Any], mode: str) -> tuple[Any, ...]:
    n = x.shape[d]
    made = []
    for side, w in enumerate(width):
        length = n if lengths[side] is None else min(lengths[side], n)
        if length == 0 and mode in ("maximum", "minimum"):
            raise ValueError("stat_length of 0 yields no value for padding")
        part = _slice(x, d, slice(0, length) if side == 0 else slice(n - length, n))
        found = call(_STATISTICS[mode], part, axis=d, keepdims=True)
        if x.dtype.kind in "iu" and found.dtype.kind == "f":
            found = call("round", found)
        made.append(_repeated(found.astype(x.dtype), d, w))
    return tuple(made)
