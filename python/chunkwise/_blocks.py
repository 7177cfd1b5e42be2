"""Python functions over blocks of arrays: lazy, and called when a run wants a block, by a worker that holds the interpreter."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._array import Array
from ._convert import asarray, from_array
from ._session import Session

#: What computes the arguments of a function for one block.
_INNER: list[Session] = []

#: About how many bytes of the arguments are given to a function at a time.
_BLOCK = 8 << 20


class Applied:
    """What a function makes of arrays whose leading axes broadcast, as an object that is sliced."""

    def __init__(
        self,
        function: Callable[..., Any],
        arrays: Sequence[Array],
        core: Sequence[int],
        loop: tuple[int, ...],
        made: tuple[int, ...],
        dtype: Any,
        output: int | None,
    ):
        self.function, self.arrays, self.core, self.output = function, list(arrays), list(core), output
        self.loop, self.shape, self.dtype = loop, loop + made, np.dtype(dtype)
        self.chunks = _block(self.arrays, self.core, loop) + made

    def __getitem__(self, key: tuple[slice, ...]) -> np.ndarray:
        loop, rest = key[: len(self.loop)], key[len(self.loop) :]
        parts = []
        for array, core in zip(self.arrays, self.core, strict=True):
            own = array.ndim - core
            # Axes of length one are the same for every block.
            at = (slice(None) if n == 1 else k for n, k in zip(array.shape[:own], loop[len(loop) - own :], strict=True))
            parts.append(array[(*at, ...)] if own else array)
        if not _INNER:
            _INNER.append(Session("cpu", threads=1))
        values = _INNER[0].compute(parts)
        made = self.function(*(np.asarray(v) for v in values))
        made = np.asarray(made if self.output is None else made[self.output])
        lengths = tuple(len(range(*k.indices(n))) for k, n in zip(loop, self.loop, strict=True))
        wanted = lengths + self.shape[len(self.loop) :]
        if made.shape != wanted:
            raise ValueError(f"the function made {made.shape} of a block where {wanted} was wanted")
        return made[(*(slice(None) for _ in loop), *rest)]


def _block(arrays: list[Array], core: list[int], loop: tuple[int, ...]) -> tuple[int, ...]:
    """The loop axes of a block: as far as the arguments of one stay small."""
    each = sum(
        math.prod(a.shape[a.ndim - c :]) * a.itemsize * (math.prod(a.shape[: a.ndim - c]) > 1) for a, c in zip(arrays, core, strict=True)
    )
    left = max(1, _BLOCK // max(1, each))
    lengths: list[int] = []
    for n in reversed(loop):
        lengths.append(max(1, min(n, left)))
        left = max(1, left // lengths[-1])
    return tuple(reversed(lengths))


def _signature(text: str) -> tuple[list[list[str]], list[list[str]]]:
    inputs, arrow, outputs = text.replace(" ", "").partition("->")
    terms = r"\(([^()]*)\)"
    if not arrow or re.fullmatch(rf"{terms}(,{terms})*", inputs) is None or re.fullmatch(rf"{terms}(,{terms})*", outputs) is None:
        raise ValueError(f"{text!r} is no signature such as '(i),(i)->()'")
    split = [[[n for n in t.split(",") if n] for t in re.findall(terms, side)] for side in (inputs, outputs)]
    return split[0], split[1]


def apply_gufunc(
    function: Callable[..., Any],
    signature: str,
    *args: Any,
    output_dtypes: Any = None,
    output_sizes: dict[str, int] | None = None,
    vectorize: bool | None = None,
    **kwargs: Any,
) -> Any:
    """What a Python function makes of arrays: `apply_gufunc(np.trapezoid, "(i)->()", x, output_dtypes=float)`.

    The signature names the last axes that the function wants whole, of each array and of each result; the axes before them
    broadcast, and the function gets blocks of them. It is called when a run wants a block, with the interpreter held, and its
    arguments are computed by a run of their own, which the budget of the session does not count. `output_dtypes`, if they are
    not said, are those of what it makes of one element of the loop (ones); `output_sizes` are the lengths of axes that only results have. With `vectorize` the function sees one element of
    the loop at a time.
    """
    for name, plain in (("axes", None), ("axis", None), ("keepdims", False)):
        if kwargs.pop(name, plain) not in (plain, None):
            raise NotImplementedError(f"apply_gufunc has no '{name}' here: move the axes with moveaxis")
    for name in ("allow_rechunk", "meta"):
        kwargs.pop(name, None)
    inputs, outputs = _signature(signature)
    arrays = [asarray(a) for a in args]
    if len(arrays) != len(inputs):
        raise ValueError(f"the signature has {len(inputs)} arguments, and {len(arrays)} are given")
    sizes = dict(output_sizes or {})
    for array, names in zip(arrays, inputs, strict=True):
        if array.ndim < len(names):
            raise ValueError(f"an array of {array.ndim} axes has not the {len(names)} of the signature")
        for name, n in zip(names, array.shape[array.ndim - len(names) :], strict=True):
            if sizes.setdefault(name, n) != n:
                raise ValueError(f"the axis '{name}' has the lengths {sizes[name]} and {n}")
    missing = {n for names in outputs for n in names} - set(sizes)
    if missing:
        raise ValueError(f"output_sizes lacks {', '.join(sorted(missing))}")
    if output_dtypes is None:
        output_dtypes = _found(function, kwargs, arrays, [len(i) for i in inputs], signature if vectorize else None)
    dtypes = list(output_dtypes) if isinstance(output_dtypes, (list, tuple)) else [output_dtypes] * len(outputs)
    if len(dtypes) != len(outputs):
        raise ValueError(f"{len(dtypes)} output_dtypes for {len(outputs)} results")
    core = [len(names) for names in inputs]
    loop = np.broadcast_shapes(*(a.shape[: a.ndim - c] for a, c in zip(arrays, core, strict=True)))
    if vectorize:
        function = np.vectorize(function, signature=signature, otypes=[np.dtype(d) for d in dtypes])
    called = _With(function, kwargs) if kwargs else function
    made = [
        from_array(
            Applied(called, arrays, core, loop, tuple(sizes[n] for n in names), dtype, None if len(outputs) == 1 else i)
        )
        for i, (names, dtype) in enumerate(zip(outputs, dtypes, strict=True))
    ]
    return made[0] if len(made) == 1 else tuple(made)


def _found(
    function: Callable[..., Any], keywords: dict[str, Any], arrays: list[Array], core: list[int], vectorized: str | None
) -> list[np.dtype]:
    """The dtypes of what a function makes of ones."""
    ones = [np.ones((1,) * (a.ndim - c) + a.shape[a.ndim - c :], a.dtype) for a, c in zip(arrays, core, strict=True)]
    if sum(o.size for o in ones) > 1 << 20:
        raise TypeError("output_dtypes must be said where the axes of the function are long")
    try:
        called = np.vectorize(function, signature=vectorized) if vectorized else function
        made = called(*ones, **keywords)
    except Exception as e:
        raise TypeError("output_dtypes must be said: the function makes nothing of ones") from e
    return [np.asarray(m).dtype for m in (made if isinstance(made, tuple) else (made,))]


class _With:
    """A function with keywords."""

    def __init__(self, function: Callable[..., Any], keywords: dict[str, Any]):
        self.function, self.keywords = function, keywords

    def __call__(self, *args: Any) -> Any:
        return self.function(*args, **self.keywords)


def map_blocks(function: Callable[..., Any], *args: Any, dtype: Any = None, **kwargs: Any) -> Array:
    """What a Python function makes of arrays element by element, block by block: `map_blocks(scipy.special.j0, x)`. Blocks of the
    result have the shape of those of the arguments, which broadcast. As `apply_gufunc` with no axes of its own; the dtype, if
    it is not said, is that of what the function makes of one element (one)."""
    for name in ("chunks", "meta", "name", "token", "enforce_ndim"):
        kwargs.pop(name, None)
    for name in ("drop_axis", "new_axis"):
        if kwargs.pop(name, None) not in (None, [], ()):
            raise NotImplementedError("map_blocks keeps the axes: apply_gufunc has results with others")
    arrays = [asarray(a) for a in args]
    signature = ",".join("()" for _ in arrays) + "->()"
    return apply_gufunc(_With(function, kwargs) if kwargs else function, signature, *arrays, output_dtypes=dtype)
