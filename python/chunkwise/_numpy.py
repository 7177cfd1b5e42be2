"""NumPy's functions and ufuncs of lazy arrays: `numpy.log10(x)` is `chunkwise.log10(x)`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._array import Array
from ._functions import call

#: Reductions and cumulative functions that are methods of ufuncs.
_REDUCE = {
    "add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all", "logical_or": "any",
    "fmax": "nanmax", "fmin": "nanmin",
}  # fmt: skip
_ACCUMULATE = {"add": "cumsum", "multiply": "cumprod", "maximum": "cummax", "minimum": "cummin"}

#: What says nothing, of a ufunc.
_PLAIN = {"out": None, "where": True, "order": "K", "subok": True, "casting": "same_kind"}


def _namespace() -> Any:
    import chunkwise

    return chunkwise


def _named(name: str) -> Any:
    found = _namespace().__dict__.get(name)
    return found if callable(found) and not isinstance(found, type) else None


def _refuse(what: str) -> TypeError:
    return TypeError(
        f"{what} is not there for lazy arrays; x.compute() gives NumPy's array" + _hint(what.rpartition(".")[2])
    )


def _hint(name: str) -> str:
    from . import _chunkwise

    hint = _chunkwise.missing(name)
    return f" ({hint})" if hint.startswith("write") else ""


def _says_nothing(value: Any, plain: Any) -> bool:
    if isinstance(value, tuple):
        return all(v is plain for v in value)
    return value is plain or (isinstance(value, str) and value == plain)


def ufunc(of: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `__array_ufunc__` answers."""
    for input_ in inputs:
        if not isinstance(input_, (Array, np.ndarray, np.generic, bool, int, float, list, tuple)):
            return NotImplemented
    name = of.__name__
    for key, plain in _PLAIN.items():
        if key in kwargs and not _says_nothing(kwargs[key], plain):
            if method != "reduce" or key != "where":
                raise TypeError(f"numpy.{name} has no '{key}' for lazy arrays")
    rest = {k: v for k, v in kwargs.items() if k not in _PLAIN}
    if method == "__call__":
        function = _named({"absolute": "absolute", "conjugate": "conj", "true_divide": "divide"}.get(name, name))
        if function is None:
            raise _refuse(f"numpy.{name}")
        dtype = rest.pop("dtype", None)
        if rest:
            raise TypeError(f"numpy.{name} has no '{next(iter(rest))}' for lazy arrays")
        if dtype is not None:
            inputs = tuple(call("astype", i, np.dtype(dtype)) for i in inputs)
        return function(*inputs)
    if method == "reduce" and name in _REDUCE:
        rest.setdefault("axis", 0)
        where = {"where": kwargs["where"]} if kwargs.get("where", True) is not True else {}
        rest = {k: v for k, v in rest.items() if v is not None or k == "axis"}
        if rest.pop("initial", np._NoValue) is not np._NoValue:
            raise TypeError(f"numpy.{name}.reduce has no 'initial' for lazy arrays")
        return _named(_REDUCE[name])(*inputs, **rest, **where)
    if method == "accumulate" and name in _ACCUMULATE:
        rest.setdefault("axis", 0)
        return _named(_ACCUMULATE[name])(*inputs, **{k: v for k, v in rest.items() if v is not None})
    if method == "outer" and len(inputs) == 2 and not rest:
        a, b = (_namespace().asarray(i) for i in inputs)
        return _named(name)(a[(...,) + (None,) * b.ndim], b)
    raise _refuse(f"numpy.{name}.{method}")


#: Functions of NumPy that are called otherwise here.
_OTHERWISE = {"amax": "max", "amin": "min", "round_": "round", "alltrue": "all", "sometrue": "any", "product": "prod"}


def function(of: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `__array_function__` answers."""
    if not all(issubclass(t, (Array, np.ndarray, np.generic)) for t in types):
        return NotImplemented
    name, module = of.__name__, of.__module__
    where = _namespace().linalg.__dict__ if module.startswith("numpy.linalg") else None
    found = where.get(name) if where is not None else None
    if found is None and where is None and not module.startswith("numpy.fft"):
        found = _named(_OTHERWISE.get(name, name))
    if found is None:
        raise _refuse(f"{module}.{name}")
    kwargs = {k: v for k, v in kwargs.items() if v is not np._NoValue and not (k in ("out", "like") and v is None)}
    return found(*args, **kwargs)
