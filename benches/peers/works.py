"""The works of `chunkwise bench` that peers can do, and how far an answer may lie from ours.

A work's key is as in the rows of `chunkwise bench`; the works on files have the storage behind a dot.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

STORAGES = ("deflate", "plain", "contiguous")
BINS = 100
BINS_2D = 64
GROUPS = 1000
TOP = 100
TAKEN = 1_000_000
KERNEL = (0.0625, 0.25, 0.375, 0.25, 0.0625)
SAMPLE = 64
"""How many elements of an array an answer holds: those at i * n / SAMPLE."""


@dataclass(frozen=True)
class Tolerance:
    """How far two answers may lie apart."""

    words: str
    relative: float = 0.0
    """Of each value."""
    scale: float = 0.0
    """Of the largest value."""
    absolute: float = 0.0
    moved: float | None = None
    """For bins: of the sum of all, how much may lie in other bins; nothing else is looked at then."""


@dataclass(frozen=True)
class Work:
    """What is done, and with what."""

    words: str
    columns: tuple[str, ...]
    tolerance: Tolerance
    storages: tuple[str, ...] = ()
    """If it is done on datasets of a file, how they are stored: once for each of these."""


EXACT = Tolerance("equal")
ROUNDED = Tolerance("1e-5, relative", relative=1e-5)
ELEMENTS = Tolerance("2e-6 of the value or of the largest", relative=2e-6, scale=2e-6)
PRODUCTS = Tolerance("1e-5 of the largest", scale=1e-5)
DOUBLE = Tolerance("1e-10, relative", relative=1e-10)
CENTRED = Tolerance("1e-5, relative, or 1e-6", relative=1e-5, absolute=1e-6)
COUNTS = Tolerance("1e-5 of the rows in other bins", moved=1e-5)
WEIGHTS = Tolerance("1e-4 of the weight in other bins", moved=1e-4)

GROUPED = Tolerance("1e-5, relative", relative=1e-5)
PROFILED = Tolerance("1e-4, relative: values at an edge may be in the next bin", relative=1e-4)

WORKS = {
    "hist": Work("histogram of a, 100 bins", ("a",), COUNTS),
    "hist_log2d": Work("histogram of log10(a), log10(b), weights w", ("a", "b", "w"), WEIGHTS),
    "expr_sqrt": Work("sqrt(a*a+b*b)*2-1", ("a", "b"), ELEMENTS),
    "expr_explog": Work("exp(-a)*log(b)", ("a", "b"), ELEMENTS),
    "sum_f32": Work("sum(a)", ("a",), ROUNDED),
    "sum_f64": Work("sum(w)", ("w",), DOUBLE),
    "std_f32": Work("std(a)", ("a",), ROUNDED),
    "ptp": Work("max(a) - min(a)", ("a",), EXACT),
    "topk": Work("the 100 largest of a", ("a",), EXACT),
    "median": Work("median of a", ("a",), EXACT),
    "cumsum": Work("cumulative sum of w", ("w",), DOUBLE),
    "group_sum": Work("sum of a by label g", ("a", "g"), GROUPED),
    "profile": Work("mean of b in 100 bins of a", ("a", "b"), PROFILED),
    "matmul": Work("a @ b as matrices", ("a", "b"), PRODUCTS),
    "mean": Work("mean(x)", ("x",), CENTRED, STORAGES),
    "std": Work("std(x)", ("x",), ROUNDED, STORAGES),
    "expr": Work("sum(sqrt(x*x+y*y)*2-1)", ("x", "y"), ROUNDED, STORAGES),
    "expr1": Work("sum(sqrt(x*x+1))", ("x",), ROUNDED, STORAGES),
    "file_hist": Work("histogram of x, 100 bins", ("x",), COUNTS, STORAGES),
    "gradient": Work("max(abs(gradient(x)))", ("x",), EXACT, ("deflate",)),
    "convolve": Work("max of x convolved with 5 taps", ("x",), ROUNDED, ("deflate",)),
    "take": Work("sum of a million elements of x by random indices", ("x",), ROUNDED, ("deflate",)),
    "max2d": Work("max(t)", ("t",), EXACT, ("deflate",)),
    "stencil": Work("max of a 5-point stencil of t", ("t",), ROUNDED, ("deflate",)),
    "product": Work("sum(p @ q)", ("p", "q"), ROUNDED),
    "tasks": Work("tasks of almost nothing", (), EXACT),
}


def picked(rows: int) -> list[int]:
    """The rows that `take` takes of so many."""
    return [(k * 2_654_435_761 + 12_345) % (1 << 32) % rows for k in range(TAKEN)]


def split(key: str) -> tuple[str, str | None]:
    """The name of a work in `WORKS`, and the storage."""
    name, _, storage = key.partition(".")
    return name, storage or None


def keys() -> list[str]:
    """All keys."""
    return [
        f"{name}.{storage}" if storage else name
        for name, work in WORKS.items()
        for storage in work.storages or (None,)
    ]


def difference(ours: list[float], theirs: list[float], allowed: Tolerance) -> str | None:
    """In words how two answers differ, if they do by more than is allowed."""
    if len(ours) != len(theirs):
        return f"{len(theirs)} values, ours {len(ours)}"
    if not all(map(math.isfinite, theirs)):
        return "values that are not finite"
    if allowed.moved is not None:
        total = math.fsum(map(abs, ours))
        # One that left a bin is in another.
        moved = math.fsum(abs(u - t) for u, t in zip(ours, theirs)) / 2
        if moved <= allowed.moved * total:
            return None
        return f"{moved / total if total else math.inf:.2g} of the sum of all bins lies elsewhere"
    largest = max(map(abs, ours), default=0.0)
    for i, (u, t) in enumerate(zip(ours, theirs)):
        bound = max(allowed.relative * abs(u), allowed.scale * largest, allowed.absolute)
        if not abs(u - t) <= bound:
            return f"value {i} is {t!r}, ours {u!r}"
    return None
