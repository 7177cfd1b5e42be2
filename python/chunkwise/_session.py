"""Sessions: where and within which limits arrays are computed."""

from __future__ import annotations

import contextlib
import contextvars
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from . import _chunkwise
from ._errors import EvaluationError, FileError

_current: contextvars.ContextVar[Session | None] = contextvars.ContextVar("chunkwise session", default=None)
_evaluate: contextvars.ContextVar[str] = contextvars.ContextVar("chunkwise evaluate", default="allow")


class Report:
    """What a run did: each number is an attribute, `report.chunks_decoded` say; `as_dict()` has all of them."""

    def __init__(self, text: str):
        self._all = json.loads(text)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self._all[name]
        except KeyError:
            raise AttributeError(f"a report has no '{name}'; it has {', '.join(self._all)}") from None

    def __dir__(self):
        return [*super().__dir__(), *self._all]

    def as_dict(self) -> dict[str, Any]:
        """All of it, as JSON has it."""
        return json.loads(json.dumps(self._all))

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("device", f"{self.device}, {self.threads} threads"), ("time", f"{self.elapsed_s:.3g} s")]
        rows += [("tasks", f"{self.tasks['cpu']} on the CPU, {self.tasks['gpu']} on the GPU")]
        rows += [("chunks", f"{self.chunks_read} read, {self.chunks_decoded} decoded")]
        rows += [("read", _bytes(self.bytes_read)), ("held at most", _bytes(self.peak_host_bytes))]
        if self.bytes_spilled:
            rows += [("spilled", _bytes(self.bytes_spilled))]
        if "ranges" in self._all:
            rows = rows[:2]
            rows += [("ranges", f"{self.ranges} on {len(self.workers)} workers, {self.retries} run again")]
            rows += [("received", _bytes(self.bytes_received))]
        rows += [("fallback", f"{f['tasks']} tasks: {f['reason']}") for f in self.fallbacks]
        return rows + [("note", note) for note in self.notes]

    def __repr__(self):
        return "\n".join(f"{name:>12}  {value}" for name, value in self._rows())

    def _repr_html_(self):
        from html import escape

        rows = (f"<tr><th>{escape(n)}</th><td>{escape(v)}</td></tr>" for n, v in self._rows())
        return f"<table>{''.join(rows)}</table>"


def _bytes(n: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if n < 1024 or unit == "TiB":
            return f"{n:.0f} {unit}" if unit == "bytes" else f"{n:.3g} {unit}"
        n /= 1024
    raise AssertionError


class _Bar:
    """A line of progress in a terminal, for runs that take longer than a moment."""

    def __init__(self):
        self._began = time.monotonic()
        self._shown = False

    def __call__(self, stage: int, stages: int, done: int, tasks: int, bytes: int) -> None:
        now = time.monotonic()
        over = stage + 1 == stages and done == tasks
        if over:
            if self._shown:
                sys.stderr.write("\r\x1b[K")
            self._began, self._shown = now, False
        elif now - self._began > 0.5:
            share = done / tasks if tasks else 1.0
            bar = "█" * round(30 * share)
            sys.stderr.write(f"\r\x1b[K{bar:<30} {share:4.0%}  stage {stage + 1} of {stages}, {_bytes(bytes)}")
            self._shown = True
        sys.stderr.flush()


class Session:
    """A device, threads and a budget of memory. `with Session(memory="1GiB"):` makes it the one in use.

    device: "auto" (whatever is predicted to be faster), "cpu" or "gpu"; adapter: which GPU, a part of its name.
    threads: as many as the machine has, if not given.
    memory: the budget as bytes or text ("512MiB"); half of the memory available, if not given. It is a hard limit, known
        before the run; what cannot fit is a MemoryError that names the smallest budget that works.
    device_memory: the budget of the GPU's memory in bytes.
    spill: a folder for what later parts of a run need and the budget has no room for; False refuses such runs.
    fallback: whether the CPU does what the device cannot; False makes that an error.
    executor: where compute, store and persist run, if they are not told: an executor of `concurrent.futures`, a `Client` of
        dask.distributed, or a `Cluster`. Device, threads and budget of the session are then those of this process, which puts
        together what workers send.
    progress: True for a line in the terminal, or a function of (stage, stages, done, tasks, bytes).

    What is not given comes from CHUNKWISE_DEVICE, CHUNKWISE_THREADS and CHUNKWISE_MEMORY, if they are set. Threads and
    devices are started when they are first needed, anew in a process that was forked.
    """

    def __init__(
        self,
        device: str | None = None,
        *,
        adapter: str | None = None,
        threads: int | None = None,
        memory: int | str | None = None,
        device_memory: int | None = None,
        spill: bool | str | os.PathLike[str] | None = None,
        fallback: bool = True,
        progress: bool | Callable[[int, int, int, int, int], None] = False,
        executor: Any = None,
    ):
        environment = os.environ.get
        device = device or environment("CHUNKWISE_DEVICE") or "auto"
        if threads is None and environment("CHUNKWISE_THREADS"):
            threads = int(os.environ["CHUNKWISE_THREADS"])
        if memory is None:
            memory = environment("CHUNKWISE_MEMORY") or None
        told = _Bar() if progress is True else (progress or None)
        self._options = dict(
            device=device,
            adapter=adapter,
            threads=threads,
            memory=memory,
            device_memory=device_memory,
            spill=spill if spill is None or isinstance(spill, bool) else os.fspath(spill),
            fallback=fallback,
            progress=progress,
        )
        self._engine = _chunkwise.Engine(**{**self._options, "progress": told})
        self._executor = executor
        self._tokens: list[contextvars.Token] = []
        self._runs = 0
        self._silent = 0
        #: What the last run of this session did, a `Report`, or None.
        self.report: Report | None = None

    def __enter__(self) -> Session:
        self._engine.start()
        self._tokens.append(_current.set(self))
        return self

    def __exit__(self, *_: object) -> None:
        _current.reset(self._tokens.pop())

    def __reduce__(self):
        return _session, (self._options,)

    def __repr__(self):
        given = (f"{k}={v!r}" for k, v in self._options.items() if v is not None)
        return f"Session({', '.join(given)})"

    @property
    def memory(self) -> int:
        """The budget in bytes."""
        return self._engine.memory()

    @property
    def devices(self) -> list[str]:
        """The devices that it can run on, by name."""
        return self._engine.devices()

    @property
    def evaluations(self) -> int:
        """How often something was computed in silence: because a mask, labels or indices had to be known, or because NumPy or
        Python asked for values (`numpy.asarray(x)`, `float(x)`, `if x:`)."""
        return self._engine.evaluated() + self._silent

    def compute(self, *arrays: Any, executor: Any = None) -> Any:
        """The values of arrays as NumPy's, of several as a tuple, all of them in one run: what they share is read and computed
        once. Tuples, lists and dicts are gone into; what is no array stays.

        executor: other processes that compute them, with the same bits: an executor of `concurrent.futures`, a `Client` of
        dask.distributed, or a `Cluster`, which says more.
        """
        handles: list[Any] = []
        shape = [_collect(a, handles) for a in arrays]
        values = [v[()] if v.ndim == 0 else v for v in self._run(handles, [], executor)]
        filled = tuple(_fill(s, values) for s in shape)
        return filled[0] if len(arrays) == 1 else filled

    def persist(self, *arrays: Any, executor: Any = None) -> Any:
        """Arrays that have the elements, computed now: in memory, or in a temporary store where they do not fit the budget.
        What an executor computes is in memory here."""
        from ._array import Array

        handles = [_array(a)._h for a in arrays]
        if (where := executor or self._executor) is not None:
            kept = tuple(Array._persisted(h) for h in self._computed(handles, where))
        else:
            kept = tuple(Array._persisted(self._engine.persist(h)) for h in handles)
        self._runs += len(arrays)
        return kept[0] if len(arrays) == 1 else kept

    def store(
        self,
        path: str | os.PathLike[str] | dict[Any, dict[str, Any]],
        datasets: dict[str, Any] | None = None,
        *,
        compute: Any = (),
        chunks: tuple[int, ...] | None = None,
        compression: int | None = None,
        overwrite: bool = False,
        executor: Any = None,
    ) -> Any:
        """Stores arrays as datasets of a new HDF5 file, block by block, within the budget: `store("out.h5", {"/mean": x.mean(0)})`.
        Of several files `path` is a dict of such dicts, and all of them are one run, with what is to be computed as well,
        whose values are returned (None if nothing is).

        chunks: the shape of the chunks; compression: a level of deflate, 1 to 12. A file that is there is an error unless
        `overwrite`; it is replaced when the new one is whole. What an `executor` computes comes here, into memory, and is written
        when all of it is there.
        """
        files = path if isinstance(path, dict) else {path: datasets or {}}
        wanted = [
            (os.fspath(p), [(n, _array(a)._h) for n, a in d.items()], chunks, compression, not overwrite)
            for p, d in files.items()
        ]
        targets = list(compute) if isinstance(compute, (tuple, list)) else [compute]
        values = self._run([_array(a)._h for a in targets], wanted, executor)
        if not targets:
            return None
        values = [v[()] if v.ndim == 0 else v for v in values]
        return tuple(values) if isinstance(compute, (tuple, list)) else values[0]

    def explain(self, *arrays: Any) -> str:
        """The plan of arrays, with what it needs on this machine, as text."""
        return self._engine.explain([_array(a) for a in arrays])

    def _run(self, handles: list[Any], files: list[Any], executor: Any = None) -> list[np.ndarray]:
        where = executor if executor is not None else self._executor
        if where is not None:
            return self._run_on(handles, files, where)
        values, report = self._engine.run(handles, files)
        self._runs += 1
        self.report = Report(report)
        return [np.asarray(v) for v in values]

    def _run_on(self, handles: list[Any], files: list[Any], executor: Any) -> list[np.ndarray]:
        """As `_run`, where other processes compute; this one writes."""
        from . import _cluster

        if not files:
            values, report = _cluster.arrays(self, executor, handles)
            self._runs += 1
            self.report = Report(report)
            return values
        for path, _, _, _, new in files:
            if new and os.path.lexists(path):
                raise FileError(f"the file exists already (file: {path})", "Io", "overwrite=True replaces it")
        stored = [h for _, datasets, *_ in files for _, h in datasets]
        made = self._computed([*handles, *stored], executor, [path for path, *_ in files])
        report = self.report
        rest = iter(made[len(handles) :])
        written = [(path, [(name, next(rest)) for name, _ in datasets], *how) for path, datasets, *how in files]
        values, _ = self._engine.run(made[: len(handles)], written)
        self.report = report
        return [np.asarray(v) for v in values]

    def _computed(self, handles: list[Any], executor: Any, targets: Sequence[str] = ()) -> list[Any]:
        """Handles of arrays that have the elements, which other processes computed; files to be written are no inputs."""
        from . import _cluster

        plan, values, report = _cluster.run(self, executor, handles, targets)
        self._runs += 1
        self.report = Report(report)
        return values.arrays(plan, handles)

    def _silently(self, x: Any, why: str) -> np.ndarray:
        """The value of an array that was not asked for by compute()."""
        _check(why)
        self._silent += 1
        return self._run([x._h], [])[0]


def _session(options: dict[str, Any]) -> Session:
    options = dict(options)
    return Session(options.pop("device"), **options)


def _check(why: str) -> None:
    if _evaluate.get() == "forbid":
        raise EvaluationError(
            f"{why} would compute it, and that is forbidden",
            "Unsupported",
            "x.compute() and x.persist() compute at any time; chunkwise.options(evaluate='allow') allows the rest",
        )


def _array(x: Any) -> Any:
    from ._array import Array
    from ._convert import asarray

    return x if isinstance(x, Array) else asarray(x)


class _Place(int):
    """Where among the results a value is."""


def _collect(x: Any, handles: list[Any]) -> Any:
    from ._array import Array

    if isinstance(x, Array):
        handles.append(x._h)
        return _Place(len(handles) - 1)
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(_collect(i, handles) for i in x))
    if isinstance(x, (tuple, list)):
        return type(x)(_collect(i, handles) for i in x)
    if isinstance(x, dict):
        return {k: _collect(v, handles) for k, v in x.items()}
    return x


def _fill(x: Any, values: list[Any]) -> Any:
    if isinstance(x, _Place):
        return values[x]
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return type(x)(*(_fill(i, values) for i in x))
    if isinstance(x, (tuple, list)):
        return type(x)(_fill(i, values) for i in x)
    if isinstance(x, dict):
        return {k: _fill(v, values) for k, v in x.items()}
    return x


_default: list[Session] = []


def session() -> Session:
    """The session in use: that of the innermost `with`, or one with the defaults."""
    current = _current.get()
    if current is not None:
        return current
    if not _default:
        _default.append(Session())
    return _default[0]


def allowed() -> bool:
    """Whether something may be computed without being asked for."""
    return _evaluate.get() != "forbid"


@contextlib.contextmanager
def options(*, evaluate: str) -> Iterator[None]:
    """`with options(evaluate="forbid"):` makes an error of everything that would be computed in silence: what NumPy, `float(x)`
    or `if x:` ask for, and masks, labels and indices that must be known before anything can be planned. "allow" is the
    default; `session().evaluations` counts."""
    if evaluate not in ("allow", "forbid"):
        raise ValueError(f"evaluate is 'allow' or 'forbid', not {evaluate!r}")
    token = _evaluate.set(evaluate)
    try:
        yield
    finally:
        _evaluate.reset(token)


def compute(*arrays: Any, executor: Any = None) -> Any:
    """As `Session.compute`, with the session in use."""
    return session().compute(*arrays, executor=executor)


def persist(*arrays: Any, executor: Any = None) -> Any:
    """As `Session.persist`, with the session in use."""
    return session().persist(*arrays, executor=executor)


def store(path: Any, datasets: dict[str, Any] | None = None, **how: Any) -> Any:
    """As `Session.store`, with the session in use."""
    return session().store(path, datasets, **how)


def explain(*arrays: Any) -> str:
    """As `Session.explain`, with the session in use."""
    return session().explain(*arrays)
