"""Functions and methods, made from the library's catalogue: what is added there is here by itself."""

from __future__ import annotations

import ast
import inspect
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _chunkwise
from ._array import Array, wrap
from ._convert import check_device
from ._session import allowed, session


class Entry:
    """A row of the catalogue."""

    def __init__(self, row: tuple[Any, ...]):
        self.name, self.aliases, self.kind, self.operator, params, self.spreads, self.doc, self.example = row
        #: Name, default as text or None, whether it is given by its name, what it means.
        self.params: list[tuple[str, str | None, bool, str | None]] | None = params

    @property
    def names(self) -> list[str]:
        """Its name and the others that it has."""
        return [self.name, *self.aliases]


CATALOGUE = [Entry(row) for row in _chunkwise.catalogue()]

#: Keywords that the array API standard has beside NumPy's, by function: name, default, and the catalogue's name for it
#: (none: it is only checked).
_ALSO: dict[str, list[tuple[str, Any, str | None]]] = {
    "var": [("correction", 0.0, "ddof")],
    "std": [("correction", 0.0, "ddof")],
    "astype": [("copy", True, None), ("device", None, None)],
    "reshape": [("copy", None, None)],
    **{
        # What dask's `chunks` say does not matter: a run cuts the work as it needs.
        name: [("device", None, None), ("chunks", None, None)]
        for name in (
            "zeros", "ones", "full", "empty", "zeros_like", "ones_like", "full_like", "empty_like", "arange", "linspace", "eye",
        )
    },
}  # fmt: skip

#: What NumPy's functions take and has no meaning for values that nobody writes to, and the only values it may have.
_UNSAID = {"out": None, "subok": (True, None), "order": ("C", "K", "A", None), "like": None}

_TUPLES = {
    "unique_all": namedtuple("unique_all", "values indices inverse_indices counts"),
    "unique_counts": namedtuple("unique_counts", "values counts"),
    "unique_inverse": namedtuple("unique_inverse", "values inverse_indices"),
}

#: Functions that give what lies in bins, and the edges, as NumPy's do.
_HISTOGRAMS = {"histogram": 1, "histogram2d": 2, "histogramdd": 3}

#: Kinds of which no method is made, and functions whose first argument is no array, or which NumPy's method of the name
#: does in place.
_NO_METHODS = {"Creation", "Random", "Cast", "Constant", "Attribute"}
_FUNCTIONS_ONLY = {"sort", "partition", "select", "extract", "compress", "where", "einsum", "concatenate", "concat", "stack",
    "hstack", "vstack", "dstack", "column_stack", "row_stack", "coarsen", "broadcast_shapes", "histogramdd", "real", "imag",
    "polyval", "diag_indices", "tril_indices", "triu_indices", "ravel_multi_index"}  # fmt: skip


def _default(text: str) -> Any:
    if text in DTYPES:
        return DTYPES[text]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


DTYPES = {
    e.name: np.dtype(e.name) for e in CATALOGUE if e.kind == "Cast" and len(e.params or ()) == 1 and e.name != "isdtype"
}


def signature(entry: Entry, name: str | None = None) -> inspect.Signature:
    """NumPy's signature, with the keywords that the array API has besides."""
    params = []
    for param, default, keyword, _ in entry.params or ():
        if param.startswith("**"):
            params.append(inspect.Parameter(param[2:], inspect.Parameter.VAR_KEYWORD))
            continue
        kind = inspect.Parameter.KEYWORD_ONLY if keyword else inspect.Parameter.POSITIONAL_OR_KEYWORD
        value = inspect.Parameter.empty if default is None else _default(default)
        params.append(inspect.Parameter(param, kind, default=value))
    for param, default, _ in _ALSO.get(name or entry.name, ()):
        params.append(inspect.Parameter(param, inspect.Parameter.KEYWORD_ONLY, default=default))
    return inspect.Signature(params)


def documentation(entry: Entry) -> str:
    """What the catalogue says of an entry."""
    lines = [entry.doc, ""]
    told = [(p, about) for p, _, _, about in entry.params or () if about]
    if told:
        lines += ["Parameters:", *(f"    {p}: {about}" for p, about in told), ""]
    if entry.operator:
        lines += [f"The operator is `{entry.operator}`.", ""]
    return "\n".join([*lines, f"An example: {entry.example}"])


def _said(name: str, kwargs: dict[str, Any]) -> None:
    """Takes from keywords what says nothing, and renames those of the standard."""
    for also, default, of in _ALSO.get(name, ()):
        if also in kwargs:
            value = kwargs.pop(also)
            if also == "device":
                check_device(value)
            if of is not None and value is not None and value != default:
                if of in kwargs:
                    raise TypeError(f"{name} was given {also} and {of}")
                kwargs[of] = value
    for key, plain in _UNSAID.items():
        if key in kwargs and not _is(kwargs[key], plain):
            raise NotImplementedError(f"{name} has no '{key}' here: arrays are values, and nothing writes to them")
        kwargs.pop(key, None)
    for key in [k for k, v in kwargs.items() if v is np._NoValue]:
        del kwargs[key]


def _is(value: Any, plain: Any) -> bool:
    return value in plain if isinstance(plain, tuple) else value is plain


#: Parameters that are numbers known beforehand, which may be lists: of NumPy's arrays they are made.
_LISTS = {n: "q" for n in ("quantile", "nanquantile", "percentile", "nanpercentile")}


def _listed(x: Any) -> Any:
    return x.tolist() if isinstance(x, np.ndarray) else x


#: Where the dtype is among the arguments, by function.
_DTYPE_AT = {
    n: i for e in CATALOGUE for n in e.names for i, p in enumerate(e.params or ()) if p[0] == "dtype" and e.name != "isdtype"
}


def _dtype(x: Any) -> Any:
    """NumPy's other names of dtypes, "f8" and "<i4" say."""
    return np.dtype(x) if isinstance(x, str) else x


def call(name: str, /, *args: Any, **kwargs: Any) -> Any:
    """Calls a function of the catalogue."""
    if kwargs:
        _said(name, kwargs)
        if "dtype" in kwargs and name in _DTYPE_AT:
            kwargs["dtype"] = _dtype(kwargs["dtype"])
    if len(args) > (at := _DTYPE_AT.get(name, 99)):
        args = tuple(_dtype(a) if i == at else a for i, a in enumerate(args))
    if name in _LISTS:
        args = tuple(_listed(a) if i == 1 else a for i, a in enumerate(args))
        kwargs = {k: _listed(v) if k == _LISTS[name] else v for k, v in kwargs.items()}
    result = wrap(session()._engine.call(name, args, kwargs, allowed()), ("call", name, args, kwargs))
    return _TUPLES[name](*result) if name in _TUPLES else result


def _histogram(name: str, entry: Entry) -> Callable[..., Any]:
    density_at = [p[0] for p in entry.params or ()].index("density")

    def function(*args: Any, **kwargs: Any) -> Any:
        _said(name, kwargs)
        args_ = list(args)
        density = kwargs.pop("density", None)
        if len(args_) > density_at:
            density, args_[density_at] = args_[density_at], None
        what = (name, tuple(args_), kwargs, bool(density))
        along = kwargs.get("axis") is not None
        if along:
            return call(name, *args_, **kwargs, density=bool(density))
        made = wrap(session()._engine.histogram(*what, allowed()), ("histogram", *what))
        if name == "histogramdd":
            return made[0], list(made[1:])
        return made

    return function


def _function(entry: Entry, name: str) -> Callable[..., Any]:
    if name in _HISTOGRAMS:
        function = _histogram(name, entry)
    else:

        def function(*args: Any, **kwargs: Any) -> Any:
            return call(name, *args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__module__ = "chunkwise"
    function.__doc__ = documentation(entry)
    function.__signature__ = signature(entry, name)  # type: ignore[attr-defined]
    return function


def _method(entry: Entry, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Array, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = name
    method.__qualname__ = f"Array.{name}"
    method.__doc__ = documentation(entry)
    of = signature(entry, name)
    params = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY), *list(of.parameters.values())[1:]]
    method.__signature__ = inspect.Signature(params)  # type: ignore[attr-defined]
    return method


def functions() -> dict[str, Callable[..., Any]]:
    """Every function of the catalogue, by all of its names."""
    made: dict[str, Callable[..., Any]] = {}
    for entry in CATALOGUE:
        if entry.params is None or entry.name in DTYPES:
            continue
        for name in entry.names:
            made[name] = _function(entry, name)
    return made


def constants() -> dict[str, Any]:
    """The constants."""
    return {e.name: getattr(np, e.name) for e in CATALOGUE if e.kind == "Constant"}


def install(namespace: dict[str, Any]) -> None:
    """Makes the methods of arrays from the functions that there are."""
    for entry in CATALOGUE:
        if entry.kind in _NO_METHODS and entry.name not in ("astype",):
            continue
        for name in entry.names:
            if entry.params is None or name in _FUNCTIONS_ONLY or hasattr(Array, name):
                continue
            setattr(Array, name, _method(entry, name, namespace[name]))
    for name in ("sort", "partition"):
        setattr(Array, name, _in_place(name))


def _in_place(name: str) -> Any:
    def method(self: Array, *_: Any, **__: Any) -> Any:
        raise TypeError(f"NumPy's .{name}() changes the array, and arrays are values: write chunkwise.{name}(x)")

    method.__name__ = name
    method.__doc__ = f"There is none: chunkwise.{name}(x) gives another array."
    return method
