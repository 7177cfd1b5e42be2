"""How arrays were made, as data: what pickle writes of them, and how they are made again."""

from __future__ import annotations

from typing import Any

from . import _chunkwise
from ._array import Array, wrap
from ._session import session


class _Step(int):
    """The result of an earlier step."""


def steps(last: Array) -> list[Any]:
    """What it takes to make an array again: steps, each of which refers to earlier ones."""
    order: list[Any] = []
    places: dict[int, int] = {}
    # Arrays, and calls that give several of them, each after what it is made of.
    stack: list[tuple[Any, bool]] = [(last, False)]
    alive: list[Any] = []
    while stack:
        what, ready = stack.pop()
        if id(what) in places:
            continue
        made = what._made if isinstance(what, Array) else what
        if ready:
            places[id(what)] = len(order)
            alive.append(what)
            order.append(_written(made, places))
            continue
        stack.append((what, True))
        if made[0] == "part":
            stack.append((made[1], False))
        elif made[0] != "values":
            stack.extend((a, False) for a in _arrays(made))
    return order


def _arrays(x: Any) -> list[Array]:
    if isinstance(x, Array):
        return [x]
    if isinstance(x, (tuple, list)):
        return [a for i in x for a in _arrays(i)]
    if isinstance(x, dict):
        return [a for i in x.values() for a in _arrays(i)]
    return []


def _written(made: Any, places: dict[int, int]) -> Any:
    if made[0] == "values":
        return ("ndarray", made[1].to_numpy())
    if made[0] == "part":
        return ("part", _Step(places[id(made[1])]), made[2])
    return _replaced(made, places)


def _replaced(x: Any, places: dict[int, int]) -> Any:
    if isinstance(x, Array):
        return _Step(places[id(x)])
    if type(x) in (tuple, list):
        return type(x)(_replaced(i, places) for i in x)
    if type(x) is dict:
        return {k: _replaced(v, places) for k, v in x.items()}
    if isinstance(x, slice):
        return _Slice((x.start, x.stop, x.step))
    return x


class _Slice(tuple):
    """A slice: before Python 3.12 pickle wrote none in a tuple of another class; it is one everywhere."""


def _filled(x: Any, results: list[Any]) -> Any:
    if isinstance(x, _Step):
        return results[x]
    if isinstance(x, _Slice):
        return slice(*x)
    if type(x) in (tuple, list):
        return type(x)(_filled(i, results) for i in x)
    if type(x) is dict:
        return {k: _filled(v, results) for k, v in x.items()}
    return x


def remade(order: list[Any]) -> Array:
    """The array that steps make."""
    results: list[Any] = []
    for step in order:
        how, *what = _filled(step, results)
        results.append(_done(how, what))
    return results[-1]


def _done(how: str, what: list[Any]) -> Any:
    if how == "part":
        return what[0][what[1]]
    if how in ("open", "open_many"):
        return Array._of(getattr(_chunkwise, how)(*what), (how, *what))
    if how == "ndarray":
        return from_ndarray(what[0])
    if how == "object":
        from ._convert import from_array

        return from_array(*what)
    return wrap(getattr(session()._engine, how)(*what, True), (how, *what))


def from_ndarray(x: Any) -> Array:
    """The array over memory of NumPy's; one number is copied."""
    if x.ndim == 0:
        return Array._of(session()._engine.array(x, True), ("array", x))
    return Array._of(_chunkwise.from_memory(x), ("ndarray", x))
