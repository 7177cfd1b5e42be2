"""Files and groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import _chunkwise
from ._array import Array


def opened(how: str, files: Any, name: str, *options: Any) -> Any:
    """What is at a path of files: an array, or a group. `how` is "open" or "open_many"."""
    what = (how, files, name, *options)
    handle = getattr(_chunkwise, how)(*what[1:])
    return Array._of(handle, what) if handle.path is None else Group._of(handle, what)


class Group:
    """A file, a group in it, or a dataset of compound elements: members are reached by `g["name"]` or `g.name`."""

    __slots__ = ("_h", "_made")

    def __init__(self, *_: Any):
        raise TypeError("a Group is made by chunkwise.open")

    @classmethod
    def _of(cls, handle: Any, made: tuple[Any, ...]) -> Group:
        self = object.__new__(cls)
        self._h = handle
        self._made = made
        return self

    def keys(self) -> list[str]:
        """The names of what is in it, sorted."""
        return self._h.members()

    @property
    def name(self) -> str:
        """Its path in the file."""
        return self._h.path

    def __getitem__(self, name: str) -> Any:
        if not isinstance(name, str):
            raise TypeError("what is in a group is reached by its name")
        how, files, own, *options = self._made
        path = name if name.startswith("/") else f"{own.rstrip('/')}/{name}"
        return opened(how, files, path, *options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.keys():
            raise AttributeError(f"there is no '{name}' in {self.name}; it has {', '.join(self.keys()[:20])}")
        return self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(k for k in self.keys() if k.isidentifier())]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def items(self) -> list[tuple[str, Any]]:
        """Names and what they stand for."""
        return [(k, self[k]) for k in self.keys()]

    @property
    def attrs(self) -> dict[str, Any]:
        """Its attributes; of several files those of the first."""
        _, files, own, *_ = self._made
        return _chunkwise.attributes(files if isinstance(files, str) else files[0], own)

    def __repr__(self):
        return f"<chunkwise.Group {self.name}: {', '.join(self.keys()[:20])}>"

    def __reduce__(self):
        return opened, self._made
