"""The lazy array."""

from __future__ import annotations

import math
import operator as _operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import _chunkwise
from ._errors import WrongType
from ._session import allowed, session

#: The longest axis that a `for` loop goes along.
LONGEST_LOOP = 10_000


class Array:
    """A lazy n-dimensional array under NumPy's names: building one reads metadata only, `compute()` gives the values.

    Python numbers are weak in promotion, as in NumPy 2. Every function of the catalogue whose first argument is an array is a
    method too. Arrays are values: `x[key] = value` and `x += y` give the name `x` another array, and change no other.
    """

    __slots__ = ("__weakref__", "_h", "_made")
    __array_priority__ = 1000
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, *_: Any):
        raise TypeError("an Array is made by from_array, open, asarray, or from another one")

    @classmethod
    def _of(cls, handle: Any, made: tuple[Any, ...]) -> Array:
        """The array of a native handle, and how it was made: a function's name in `_made.py` and its arguments."""
        self = object.__new__(cls)
        self._h = handle
        self._made = made
        return self

    @classmethod
    def _persisted(cls, handle: Any) -> Array:
        self = cls._of(handle, ())
        self._made = ("values", self)
        return self

    # What it is.

    def _known(self) -> Any:
        """The handle of an array whose shape is known; what a mask selects is found first."""
        if not self._h.is_array:
            if not allowed():
                from ._session import _check

                _check("the length of what a mask selects")
            self._h = session()._engine.array(self, allowed())
        return self._h

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes. Of what a mask selects they must be computed."""
        return self._known().shape

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return self._h.ndim

    @property
    def dtype(self) -> np.dtype:
        """NumPy's dtype."""
        return np.dtype(self._h.dtype)

    @property
    def size(self) -> int:
        """How many elements there are."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """The bytes of an element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return self.size * self.itemsize

    @property
    def device(self) -> str:
        """Where the elements are once they are computed: "cpu"."""
        return "cpu"

    def to_device(self, device: str, /, *, stream: Any = None) -> Array:
        """The array itself: results are in the memory of the CPU. Sessions say where is computed."""
        if device != "cpu" or stream is not None:
            raise ValueError(f"results are on the device 'cpu', not {device!r}; Session(device='gpu') computes on a GPU")
        return self

    @property
    def chunks(self) -> tuple[tuple[int, ...], ...]:
        """The lengths of the storage chunks along each axis; one, if it is not stored in chunks or no array as stored."""
        known = self._known().chunks
        if known is None:
            return tuple((n,) for n in self.shape)
        return tuple(tuple(c) or (0,) for c in known)

    @property
    def chunksize(self) -> tuple[int, ...]:
        """The shape of the largest chunk."""
        return tuple(max(c, default=0) for c in self.chunks)

    @property
    def numblocks(self) -> tuple[int, ...]:
        """How many chunks there are along each axis."""
        return tuple(len(c) for c in self.chunks)

    @property
    def npartitions(self) -> int:
        """How many chunks there are."""
        return math.prod(self.numblocks)

    @property
    def attrs(self) -> dict[str, str]:
        """`units`, `long_name`, `standard_name` and `calendar`, where they are known of decoded data."""
        return self._known().annotations

    # Other views of it.

    @property
    def T(self) -> Array:
        """With the axes reversed."""
        return _apply("attribute", self, "T")

    @property
    def mT(self) -> Array:
        """With the last two axes exchanged."""
        if self.ndim < 2:
            raise ValueError("mT is of an array with two axes or more")
        return _apply("call", "swapaxes", (self, -1, -2), {})

    @property
    def real(self) -> Array:
        """The real part: the array itself."""
        return self

    @property
    def imag(self) -> Array:
        """The imaginary part: zeros."""
        return _apply("call", "imag", (self,), {})

    def astype(self, dtype: Any, *, copy: bool = True, **kwargs: Any) -> Array:
        """The elements in another dtype. NumPy's `order`, `casting` and `subok` are taken where they change nothing."""
        if kwargs.get("casting", "unsafe") != "unsafe" and not np.can_cast(self.dtype, dtype, kwargs["casting"]):
            raise TypeError(f"{self.dtype} cannot be cast to {np.dtype(dtype)} by the rule {kwargs['casting']!r}")
        for name in set(kwargs) - {"casting", "order", "subok", "device"}:
            raise TypeError(f"astype has no argument '{name}'")
        return _apply("call", "astype", (self, np.dtype(dtype)), {})

    def rechunk(self, chunks: Any = "auto", **kwargs: Any) -> Array:
        """The array itself: a run cuts the work as the file and the budget want it, whatever chunks are asked for here.
        `store(…, chunks=…)` says those of a file."""
        return self.copy()

    def copy(self) -> Array:
        """The same elements under another name: what is assigned to one is not seen by the other."""
        return Array._of(self._h, self._made)

    # Values.

    def compute(self, **options: Any) -> Any:
        """The values, as NumPy's array, or as its scalar where there are no axes. Options are those of a `Session`; with an
        `executor` alone, the session in use puts together what others compute."""
        if options and list(options) != ["executor"]:
            from ._session import Session

            return Session(**options).compute(self)
        return session().compute(self, **options)

    def persist(self, *, executor: Any = None) -> Array:
        """An array that has the elements, computed now."""
        return session().persist(self, executor=executor)

    def item(self, *index: int) -> bool | int | float:
        """The value of the only element, or of the one at an index, as Python's number."""
        x = self[index] if len(index) == self.ndim else (self.ravel()[index[0]] if index else self)
        if x.size != 1:
            raise ValueError(f"an array of {x.size} elements has no one item")
        return np.asarray(session().compute(x)).item()

    def tolist(self) -> Any:
        """The values as nested lists of Python's numbers."""
        return np.asarray(session().compute(self)).tolist()

    def to_numpy(self) -> np.ndarray:
        """The values, as an array of NumPy's."""
        return np.asarray(session().compute(self))

    def explain(self) -> str:
        """The plan, with what it needs on this machine, as text."""
        return session().explain(self)

    def store(self, path: Any, name: str = "/data", **how: Any) -> None:
        """Stores it as a dataset of a new HDF5 file; `how` as of `Session.store`."""
        session().store(path, {name: self}, **how)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("the values of a lazy array are computed: there is no array without a copy")
        value = session()._silently(self, "NumPy")
        return value if dtype is None else value.astype(dtype, copy=False)

    def _one(self, why: str) -> Any:
        if self.size != 1:
            raise (ValueError if why == "bool()" else TypeError)(
                f"{why} is of one element, and this has {self.size}" + ("; any() and all() are" if why == "bool()" else "")
            )
        return session()._silently(self, why).reshape(())[()]

    def __bool__(self) -> bool:
        return bool(self._one("bool()"))

    def __int__(self) -> int:
        return int(self._one("int()"))

    def __float__(self) -> float:
        return float(self._one("float()"))

    def __complex__(self) -> complex:
        return complex(self._one("complex()"))

    def __index__(self) -> int:
        if self.ndim or self.dtype.kind not in "iu":
            raise TypeError("only a whole number without axes is an index")
        return int(self._one("an index"))

    def __len__(self) -> int:
        if self.ndim == 0:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[Array]:
        if self.ndim == 0:
            raise TypeError("an array without axes is not iterated over")
        if len(self) > LONGEST_LOOP:
            raise WrongType(
                f"a loop over {len(self)} lazy arrays", "Type", "use the functions of arrays, or iterate over x.compute()"
            )
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    # Operators.

    def __neg__(self):
        return _unary("-", self)

    def __pos__(self):
        return _unary("+", self)

    def __invert__(self):
        return _unary("~", self)

    def __abs__(self):
        return _apply("call", "absolute", (self,), {})

    def __round__(self, ndigits: int = 0):
        return _apply("call", "round", (self, ndigits), {})

    def __divmod__(self, other):
        return self // other, self % other

    def __rdivmod__(self, other):
        return other // self, other % self

    def __getitem__(self, key: Any) -> Array:
        if isinstance(key, (bool, np.bool_)) or (isinstance(key, (Array, np.ndarray)) and key.ndim == 0 and key.dtype == bool):
            # One truth is a mask of no axes: a new axis with one element, or none.
            return self[None] if bool(key) else self[None][:0]
        if _chooses_nothing(self, key):
            return _apply("call", "zeros", ((0, *self.shape[key.ndim :]),), {"dtype": self.dtype})
        return _apply("subscript", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from ._assign import assigned

        new = assigned(self, key, value)
        self._h, self._made = new._h, new._made

    # Other libraries.

    def __array_namespace__(self, /, *, api_version: str | None = None) -> Any:
        if api_version not in (None, "2021.12", "2022.12", "2023.12", "2024.12", "2025.12"):
            raise ValueError(f"there is no version {api_version!r} of the array API here")
        import chunkwise

        return chunkwise

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from ._numpy import ufunc as apply

        return apply(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from ._numpy import function as apply

        return apply(func, types, args, kwargs)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        value = session()._silently(self, "DLPack")
        return value.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)

    # As text.

    def __repr__(self):
        if not self._h.is_array:
            return f"<chunkwise.Array {self.dtype}, what a mask selects>"
        text = self._h.describe().split("\n", 1)
        made = text[1].strip().splitlines()[0] if len(text) > 1 else ""
        return f"<chunkwise.Array {self.dtype} {self.shape}{': ' if made else ''}{made}>"

    def _repr_html_(self):
        from ._html import array

        return array(self)

    # Pickle: how it was made, step by step, so that depth does not matter.

    def __reduce__(self):
        from ._made import remade, steps

        return remade, (steps(self),)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo: Any):
        return self.copy()


def _chooses_nothing(x: Array, key: Any) -> bool:
    """Whether a mask has an axis of no elements, which NumPy takes whatever the array's has."""
    if isinstance(key, Array) and not key._h.is_array or not isinstance(key, (Array, np.ndarray)) or key.dtype != bool:
        return False
    fits = key.ndim <= x.ndim and all(k in (n, 0) for k, n in zip(key.shape, x.shape, strict=False))
    return 0 in key.shape and fits


def _apply(how: str, *what: Any) -> Any:
    """Does something lazily: `how` is a method of the engine."""
    return wrap(getattr(session()._engine, how)(*what, allowed()), (how, *what))


def wrap(result: Any, made: tuple[Any, ...]) -> Any:
    """What the native half gave, as Python has it."""
    if type(result) is _chunkwise.Handle:
        return Array._of(result, made)
    if type(result) in (tuple, list):
        return type(result)(wrap(r, ("part", made, i)) for i, r in enumerate(result))
    return result


def _unary(symbol: str, x: Array) -> Any:
    return wrap(session()._engine.operate(symbol, (x,), allowed()), ("operate", symbol, (x,)))


def _binary(symbol: str, x: Any, y: Any) -> Any:
    result = session()._engine.operate(symbol, (x, y), allowed())
    if result is NotImplemented:
        return NotImplemented
    return wrap(result, ("operate", symbol, (x, y)))


def _operators() -> None:
    """Makes the operators between two operands from their symbols."""
    both = {
        "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
        "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
    }  # fmt: skip
    compared = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}

    def forward(symbol: str) -> Any:
        return lambda self, other, /: _binary(symbol, self, other)

    def backward(symbol: str) -> Any:
        return lambda self, other, /: _binary(symbol, other, self)

    def inplace(symbol: str) -> Any:
        def method(self, other, /):
            new = _binary(symbol, self, other)
            if new is NotImplemented:
                return new
            if new.shape != self.shape:
                raise ValueError(f"the result has the shape {new.shape}, not {self.shape} as what it should replace")
            if new.dtype != self.dtype:
                if not np.can_cast(new.dtype, self.dtype, "same_kind"):
                    raise TypeError(f"the result is {new.dtype}, which cannot be cast to {self.dtype} by 'same_kind'")
                new = new.astype(self.dtype)
            return new

        return method

    for name, symbol in both.items():
        for prefix, make in (("", forward), ("r", backward), ("i", inplace)):
            method = make(symbol)
            method.__name__ = method.__qualname__ = f"__{prefix}{name}__"
            setattr(Array, method.__name__, method)
    for name, symbol in compared.items():
        method = forward(symbol)
        method.__name__ = method.__qualname__ = f"__{name}__"
        setattr(Array, method.__name__, method)


_operators()
# Setting __eq__ sets no hash of its own.
assert Array.__hash__ is None and _operator
