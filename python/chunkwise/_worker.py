"""What runs on workers: ranges of a plan's tasks, in sessions within what the worker has."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import OrderedDict
from typing import Any

from . import _chunkwise
from ._errors import ChunkwiseError
from ._session import Session

#: How many plans, and how many lists of values of earlier stages, a process keeps.
KEPT = 8

_lock = threading.Lock()
_plans: OrderedDict[str, Any] = OrderedDict()
_values: OrderedDict[tuple[str, int], Any] = OrderedDict()
_sessions: dict[Any, Session] = {}


class Absent:
    """In place of a result: the worker has not the plan, or not the values, and must be sent them."""


def where() -> str:
    """This worker's name, for people."""
    name = f"{socket.gethostname()}, process {os.getpid()}"
    worker = _dask()
    return f"{worker.name} ({worker.address}, {name})" if worker is not None else name


def _dask() -> Any:
    """The worker of dask.distributed that this runs on, if it does."""
    import sys

    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        return distributed.get_worker()
    except ValueError:
        return None


def _number(*names: str) -> int | None:
    """The first of these variables that is set to a number."""
    for name in names:
        text = os.environ.get(name, "").split("(")[0]
        if text.isdigit():
            return int(text)
    return None


def limits(here: int | None, slurm: bool) -> tuple[int, int]:
    """Threads and bytes of a session on this worker, where `here` workers share the machine (or the process).

    The engine's own budget is half of what the machine or its control group has left; dask's, SLURM's and MPI's limits count
    where they are less. Half of them, for the rest of the process needs memory too, and dask kills a worker at 95 %.
    """
    beside = here or _number("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "PMI_LOCAL_SIZE", "SLURM_NTASKS_PER_NODE") or 1
    budgets = [_chunkwise.Engine("cpu", None, 1, None, None, False, True, None).memory() // beside]
    threads = max(1, (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1) // beside)
    worker = _dask()
    if worker is not None:
        # Each of a worker's threads runs a range of its own.
        threads = 1
        own = getattr(worker, "memory_manager", None)
        limit = getattr(own, "memory_limit", None)
        if limit:
            budgets.append(int(limit) // max(1, worker.state.nthreads) // 2)
    elif slurm:
        threads = _number("SLURM_CPUS_PER_TASK") or threads
        node, each = _number("SLURM_MEM_PER_NODE"), _number("SLURM_MEM_PER_CPU")
        if node:
            budgets.append((node << 20) // beside // 2)
        if each:
            budgets.append((each << 20) * threads // 2)
    return threads, max(1 << 20, min(budgets))


def _session(options: dict[str, Any], here: int | None) -> Session:
    key = (os.getpid(), here, tuple(sorted(options.items())))
    with _lock:
        if key not in _sessions:
            threads, memory = limits(here, "SLURM_JOB_ID" in os.environ)
            # A GPU is taken where it is asked for: several workers on one machine would share it.
            given: dict[str, Any] = {"device": "cpu", "threads": threads, "memory": memory, "spill": False}
            # What this worker's environment says counts.
            given = {k: v for k, v in given.items() if f"CHUNKWISE_{k.upper()}" not in os.environ}
            given = {"device": None, **given, **options}
            _sessions.clear()
            _sessions[key] = Session(given.pop("device"), **given)
        return _sessions[key]


def _keep(kept: OrderedDict[Any, Any], key: Any, made: Any) -> Any:
    kept[key] = made
    while len(kept) > KEPT:
        kept.popitem(last=False)
    return made


def _known(key: str, stage: int, reads: bool, payload: Any) -> tuple[Any, Any] | None:
    """The plan, and the values that the stage reads; nothing if they are not here and were not sent."""
    with _lock:
        plan, values = _plans.get(key), _values.get((key, stage)) if reads else _chunkwise.Stages()
    if plan is not None and values is not None:
        return plan, values
    if payload is None:
        return None
    (versions, text), sent = payload
    plan = plan or _chunkwise.Plan.read(versions, text)
    if values is None:
        if isinstance(sent, str):
            with open(sent, "rb") as file:
                sent = file.read()
        values = _chunkwise.Stages.read(plan, sent)
    with _lock:
        _keep(_plans, key, plan)
        if reads:
            _keep(_values, (key, stage), values)
    return plan, values


def _named(error: ChunkwiseError) -> ChunkwiseError:
    """An error that says on which worker it was."""
    named = type(error)(f"{error.args[0]} (worker: {where()})", error.kind, error.hint, error.needed)
    return named.with_traceback(error.__traceback__)


def run_range(
    key: str, stage: int, reads: bool, begin: int, end: int, options: dict[str, Any], here: int | None, payload: Any
) -> Any:
    """Runs tasks: what they gather as bytes, the seconds that it took, and the worker's name; or `Absent`."""
    try:
        known = _known(key, stage, reads, payload)
        if known is None:
            return Absent()
        start = time.perf_counter()
        session = _session(options, here)
        partial = _chunkwise.run_tasks(session._engine, known[0], stage, (begin, end), known[1])
        return partial, time.perf_counter() - start, where()
    except ChunkwiseError as error:
        raise _named(error) from error.__cause__


def combine(
    key: str, stage: int, reads: bool, options: dict[str, Any], here: int | None, payload: Any, *parts: Any
) -> Any:
    """Puts what several ranges gathered together: a result as that of `run_range`."""
    try:
        known = _known(key, stage, reads, payload)
        assert known is not None
        start = time.perf_counter()
        session = _session(options, here)
        partial = _chunkwise.combine(session._engine, known[0], stage, iter([p[0] for p in parts]), known[1])
        return partial, time.perf_counter() - start, where()
    except ChunkwiseError as error:
        raise _named(error) from error.__cause__


def measured(part: Any) -> Any:
    """Of what ranges gathered, which stays where it is: its bytes, the seconds, and the worker's name."""
    return part if isinstance(part, Absent) else (len(part[0]), part[1], part[2])
