"""Writes chunkwise/__init__.pyi: every name of the package with its signature, from the package itself.

    python make_stubs.py          writes it
    python make_stubs.py --check  fails if it is not what the package says
"""

import inspect
import pathlib
import sys

import numpy as np

import chunkwise as cw
from chunkwise import _errors, _functions, _session

HEAD = '''"""Made by make_stubs.py from the package itself."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from os import PathLike
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from . import linalg as linalg

__version__: str
__array_api_version__: str
xp: ModuleType
'''

#: What parameters of these names are, in every function.
PARAMETERS = {
    "dtype": "DTypeLike | None", "axis": "int | tuple[int, ...] | None", "keepdims": "bool", "where": "ArrayLike | Array | bool",
    "shape": "int | tuple[int, ...]", "ddof": "float", "method": "str", "device": "str | None", "density": "bool | None",
}  # fmt: skip

#: Functions whose result is no array.
RESULTS = {
    "result_type": "np.dtype[Any]", "promote_types": "np.dtype[Any]", "can_cast": "bool", "isdtype": "bool",
    "broadcast_shapes": "tuple[int, ...]", "shape": "tuple[int, ...]", "ndim": "int", "size": "int",
    "histogram": "tuple[Array, Array]", "histogram2d": "tuple[Array, Array, Array]",
    "histogramdd": "tuple[Array, list[Array]]",
    **{n: "tuple[Array, ...]" for n in (
        "nonzero", "broadcast_arrays", "meshgrid", "divmod", "modf", "frexp", "unstack", "split", "array_split", "hsplit",
        "vsplit", "dsplit", "unique_all", "unique_counts", "unique_inverse", "unravel_index", "tril_indices", "triu_indices",
        "tril_indices_from", "triu_indices_from", "diag_indices",
    )},
    "unique": "Any",
}  # fmt: skip


def default(value):
    if value is inspect.Parameter.empty:
        return ""
    if value is None or isinstance(value, (bool, int, float, str, tuple)):
        return f" = {value!r}"
    return " = ..."


def parameters(signature, method=False):
    parts, named, positional = [], False, None
    for p in signature.parameters.values():
        if p.kind is p.POSITIONAL_ONLY:
            positional = len(parts)
        elif positional is not None:
            if not (method and positional == 0):
                parts.append("/")
            positional = None
        if p.kind is p.KEYWORD_ONLY and not named:
            parts.append("*")
            named = True
        if p.kind is p.VAR_POSITIONAL:
            parts.append(f"*{p.name}: Any")
            named = True
        elif p.kind is p.VAR_KEYWORD:
            parts.append(f"**{p.name}: Any")
        elif p.name == "self":
            parts.append("self")
        else:
            kind = PARAMETERS.get(p.name, "Any")
            parts.append(f"{p.name}: {kind}{default(p.default)}")
    if positional is not None and not (method and len(parts) == 1):
        parts.append("/")
    return ", ".join(parts)


def function(name, made, indent="", method=False):
    result = RESULTS.get(name, "Array")
    return f"{indent}def {name}({parameters(inspect.signature(made), method)}) -> {result}: ...\n"


def annotated(name, made, indent=""):
    """A function whose source says what it takes and gives."""
    signature = inspect.signature(made)
    parts, named, positional = [], False, False
    for p in signature.parameters.values():
        if positional and p.kind is not p.POSITIONAL_ONLY:
            parts.append("/")
        positional = p.kind is p.POSITIONAL_ONLY
        if p.kind is p.KEYWORD_ONLY and not named:
            parts.append("*")
        named = named or p.kind in (p.KEYWORD_ONLY, p.VAR_POSITIONAL)
        kind = "" if p.annotation is p.empty or p.name == "self" else f": {plain(p.annotation)}"
        star = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        parts.append(f"{star}{p.name}{kind}{default(p.default)}")
    if positional and parts != ["self"]:
        parts.append("/")
    result = "Any" if signature.return_annotation is signature.empty else plain(signature.return_annotation)
    if name == "options":
        result = "AbstractContextManager[None]"
    return f"{indent}def {name}({', '.join(parts)}) -> {result}: ...\n"


def plain(annotation):
    """An annotation as a stub has it."""
    text = str(annotation)
    for long, short in (("os.PathLike", "PathLike"), ("np.ndarray", "np.ndarray[Any, Any]"), ("np.dtype", "np.dtype[Any]")):
        text = text.replace(long, short)
    return text


def attribute(name, made, indent):
    get = made.fget
    given = plain((get.__annotations__ or {}).get("return", "Any"))
    return f"{indent}@property\n{indent}def {name}(self) -> {given}: ...\n"


def of_class(cls, generated=()):
    lines = []
    for name, made in sorted(vars(cls).items()):
        if name.startswith("_") and not (name.startswith("__") and name.endswith("__")):
            continue
        if name in ("__module__", "__doc__", "__dict__", "__weakref__", "__slots__", "__init__", "__hash__", "__array_priority__",
                    "__orig_bases__", "__annotations__", "__qualname__"):  # fmt: skip
            continue
        if isinstance(made, property):
            lines.append(attribute(name, made, "    "))
        elif inspect.isfunction(made) and name in generated:
            lines.append(function(name, made, "    ", method=True))
        elif inspect.isfunction(made):
            text = annotated(name, made, "    ")
            if "self, other" in text:
                answer = "Array" if name not in ("__divmod__", "__rdivmod__") else "tuple[Array, Array]"
                ignore = "  # type: ignore[override]" if name in ("__eq__", "__ne__") else ""
                text = f"    def {name}(self, other: Any, /) -> {answer}: ...{ignore}\n"
            elif name in ("__neg__", "__pos__", "__invert__", "__abs__"):
                text = f"    def {name}(self) -> Array: ...\n"
            lines.append(text)
    return "".join(lines)


def made():
    text = HEAD
    text += "".join(f"{n}: float\n" for n, v in _functions.constants().items() if v is not None) + "newaxis: None\n"
    text += "".join(f"{n}: np.dtype[Any]\n" for n in _functions.DTYPES)
    methods = {n for e in _functions.CATALOGUE for n in e.names if n in vars(cw.Array)}
    methods -= {"astype", "compress", "sort", "partition"}
    text += "\nclass Array:\n    __hash__: None  # type: ignore[assignment]\n" + of_class(cw.Array, methods)
    text += "\nclass Group:\n" + of_class(cw.Group)
    text += "    def __getattr__(self, name: str) -> Any: ...\n" if "def __getattr__" not in text.split("class Group:")[1] else ""
    text += "\nclass Report:\n" + of_class(cw.Report)
    init = annotated("__init__", _session.Session.__init__, "    ").replace(" -> Any", " -> None")
    text += "\nclass Session:\n    report: Report | None\n" + init + of_class(cw.Session)
    of_cluster = annotated("__init__", cw.Cluster.__init__, "    ").replace(" -> Any", " -> None")
    text += "\nclass Cluster:\n" + of_cluster
    text += "\nclass ChunkwiseError(Exception):\n    kind: str\n    hint: str | None\n    needed: int | None\n"
    assert _errors.ChunkwiseError is cw.ChunkwiseError
    standard = {"asarray", "attributes", "from_array", "from_dlpack", "open", "compute", "explain", "options", "persist", "session", "store"}
    text += "\n"
    for name in sorted(set(dir(cw)) | {"__array_namespace_info__"}):
        value = getattr(cw, name)
        if not inspect.isfunction(value):
            continue
        text += annotated(name, value) if name in standard else function(name, value)
    return text.replace("__array_namespace_info__() -> Array", "__array_namespace_info__() -> Any")


def main():
    path = pathlib.Path(__file__).parent / "chunkwise" / "__init__.pyi"
    text = made()
    if "--check" in sys.argv:
        if path.read_text() != text:
            sys.exit(f"{path} is not what the package says: run python make_stubs.py")
    else:
        path.write_text(text)


if __name__ == "__main__":
    assert np
    main()
