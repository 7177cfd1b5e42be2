"""Products and norms of matrices and vectors, as the array API's extension has them. There are no decompositions."""

from __future__ import annotations

from typing import Any

from ._array import Array
from ._convert import asarray
from ._functions import call


def matmul(x1: Any, x2: Any, /) -> Array:
    """The product of matrices, of stacks of them and of vectors."""
    return call("matmul", x1, x2)


def matrix_transpose(x: Any, /) -> Array:
    """With the last two axes exchanged."""
    return call("matrix_transpose", x)


def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Array:
    """The sum of products over some axes of both."""
    from . import tensordot as of

    return of(x1, x2, axes=axes)


def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Array:
    """The sum of products along an axis."""
    return call("vecdot", x1, x2, axis=axis)


def outer(x1: Any, x2: Any, /) -> Array:
    """The products of each element of one vector with each of another."""
    a, b = asarray(x1), asarray(x2)
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError("outer is of vectors")
    return a[:, None] * b[None, :]


def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Array:
    """The vector products along an axis of length three."""
    a, b = asarray(x1), asarray(x2)
    if not -min(a.ndim, b.ndim) <= axis < 0:
        raise IndexError("the axis is counted from the end, and both have it")
    if a.shape[axis] != 3 or b.shape[axis] != 3:
        raise ValueError("the axis of a vector product has three elements")
    a, b = (call("moveaxis", x, axis, -1) for x in (a, b))
    return call("moveaxis", call("cross", a, b), -1, axis)


def diagonal(x: Any, /, *, offset: int = 0) -> Array:
    """The diagonals of the matrices of the last two axes."""
    return call("diagonal", x, offset, -2, -1)


def trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Array:
    """The sums of the diagonals of the matrices of the last two axes."""
    return call("sum", diagonal(x, offset=offset), axis=-1, **({} if dtype is None else {"dtype": dtype}))


def matrix_power(x: Any, n: int, /) -> Array:
    """A square matrix, or each of a stack, times itself n times; n is not negative, as there are no inverses."""
    a = asarray(x)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError("a power is of square matrices")
    if n < 0:
        raise NotImplementedError("there are no inverses of matrices")
    if n == 0:
        return call("broadcast_to", call("eye", a.shape[-1], dtype=a.dtype), a.shape)
    power: Array | None = None
    while n:
        if n & 1:
            power = a if power is None else call("matmul", power, a)
        n >>= 1
        if n:
            a = call("matmul", a, a)
    assert power is not None
    return power


def vector_norm(
    x: Any, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, ord: float = 2  # noqa: A002
) -> Array:
    """The norm of vectors along axes: of order 2, 1, 0 (how many are not zero), inf, -inf or any other."""
    a = asarray(x)
    how = {"axis": axis, "keepdims": keepdims}
    size = call("absolute", a)
    if ord == float("inf"):
        return call("max", size, **how)
    if ord == -float("inf"):
        return call("min", size, **how)
    if ord == 0:
        return call("sum", (a != 0).astype(a.dtype), dtype=a.dtype, **how)
    if ord == 1:
        return call("sum", size, dtype=a.dtype, **how)
    if ord == 2:
        return call("sqrt", call("sum", size * size, dtype=a.dtype, **how))
    return call("sum", size**ord, dtype=a.dtype, **how) ** (1.0 / ord)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Array:  # noqa: A002
    """The norm of the matrices of the last two axes: 'fro', 1, -1, inf or -inf. Others need singular values, which there are
    none of."""
    a = asarray(x)
    if a.ndim < 2:
        raise ValueError("a norm of matrices is of two axes or more")
    if ord == "fro":
        return vector_norm(a, axis=(-2, -1), keepdims=keepdims)
    if ord not in (1, -1, float("inf"), -float("inf")):
        raise NotImplementedError(f"the norm {ord!r} needs singular values, which there are none of")
    sums = call("sum", call("absolute", a), axis=-2 if abs(ord) == 1 else -1, dtype=a.dtype, keepdims=True)
    found = call("max" if ord > 0 else "min", sums, axis=(-2, -1), keepdims=True)
    return found if keepdims else call("squeeze", found, axis=(-2, -1))


__all__ = [
    "cross", "diagonal", "matmul", "matrix_norm", "matrix_power", "matrix_transpose", "outer", "tensordot", "trace",
    "vecdot", "vector_norm",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    raise AttributeError(f"chunkwise.linalg has no '{name}': there are no decompositions; it has {', '.join(__all__)}")
