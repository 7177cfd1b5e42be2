"""What peers stand on: the data of a request, the way of a work, the class that all share.

A peer is a class with one method per work that it does. A method gets the data and makes ready what the peer's
own users would make ready once (arrays in its form, a graph, a buffer for the result); it returns what is timed,
as a `Way`, or several of which the fastest counts. Modules are imported by the methods, so that these files can
be read without any of them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from works import EXACT, STORAGES, WORKS, Tolerance, difference, split


class Skip(Exception):
    """Why a peer doesn't do a work here."""


@dataclass
class Way:
    """How a peer does a work."""

    run: Callable[[], Any]
    note: str = ""
    part: float = 1.0
    """How much of the work one run does."""
    expected: list[float] | None = None
    """The answer of that part, where it is not the whole's."""
    facts: list[dict] = field(default_factory=list)
    """Numbers that are no time of a run: `title`, `value`, `unit`."""


def available_memory() -> float:
    """Bytes that could be taken without swapping; infinite where the system doesn't tell."""
    try:
        with open("/proc/meminfo") as lines:
            found = dict(line.split(":", 1) for line in lines)
        return int(found["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError):
        return math.inf


class Data:
    """What a request is about: columns, ranges, files. Columns stay until `free`."""

    def __init__(self, folder: str, spec: dict):
        self.folder, self.spec = folder, spec
        self.kept: dict[str, Any] = {}
        self.files: dict[str, Any] = {}
        # Of the work at hand.
        self.storage: str | None = None
        self.tasks = 0

    def file(self, name: str):
        """An open HDF5 file of the folder."""
        import h5py

        if name not in self.files:
            self.files[name] = h5py.File(os.path.join(self.folder, name), "r")
        return self.files[name]

    def column(self, name: str):
        """A column of the set, in memory."""
        if name not in self.kept:
            dataset = self.file(f"{self.spec['name']}.h5")[name]
            room(2 * dataset.nbytes)
            self.kept[name] = dataset[:]
        return self.kept[name]

    def columns(self, *names: str):
        return [self.column(name) for name in names]

    def stored(self, name: str):
        """A dataset of the set's file, in the storage that the work names."""
        return self.file(self.stored_file)[f"{self.storage}/{name}"]

    @property
    def stored_file(self) -> str:
        return f"{self.spec['name']}-file.h5"

    def matrices(self):
        """`a` and `b` as square matrices."""
        m = self.spec["matrix"]
        return [self.column(name)[: m * m].reshape(m, m) for name in "ab"]

    @property
    def hist_range(self) -> tuple[float, float]:
        return tuple(self.spec["hist_range"])

    @property
    def log_range(self) -> tuple[float, float]:
        return tuple(self.spec["log_range"])

    @property
    def file_range(self) -> tuple[float, float]:
        return tuple(self.spec["file_range"])

    def free(self):
        self.kept.clear()
        for file in self.files.values():
            file.close()
        self.files.clear()


def room(size: float):
    """Refuses what would take more than half of the memory."""
    if size > available_memory() / 2:
        raise Skip(f"needs {size / 1e9:.1f} GB of memory")


class Peer:
    """Somebody else's program. A method named as a work in `WORKS` does it."""

    name = ""
    modules: tuple[str, ...] = ()
    """What has to be importable."""
    programs: tuple[str, ...] = ()
    """What has to be on the path."""
    storages: tuple[str, ...] = STORAGES
    """How the columns of files may be stored."""
    environment: dict[str, str] = {}
    """Variables for its process, beside those that set the number of threads."""

    def __init__(self, threads: int):
        self.n = threads

    @classmethod
    def shown(cls, threads: int) -> str:
        """Its name in tables."""
        return cls.name

    @classmethod
    def does(cls, key: str) -> bool:
        name, storage = split(key)
        return hasattr(cls, name) and (storage is None or storage in cls.storages)

    @classmethod
    def tolerance(cls, key: str) -> Tolerance:
        """How far its answers may lie from the right ones."""
        return WORKS[split(key)[0]].tolerance

    @classmethod
    def refused(cls, key: str, reply: dict, right: list[float]) -> str | None:
        """What is wrong with a reply of its worker."""
        if reply["expected"] is not None:
            return difference(reply["expected"], reply["answer"], EXACT)
        return difference(right, reply["answer"], cls.tolerance(key))

    def version(self) -> str:
        raise NotImplementedError

    def close(self):
        """Gives back what it keeps beside the data."""


def hdf5_version() -> str:
    import h5py

    return f"h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}"
