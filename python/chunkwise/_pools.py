"""What a run is spread over: executors of `concurrent.futures` and clients of dask.distributed, behind one face; and the ranges
of tasks that go there."""

from __future__ import annotations

import concurrent.futures
import os
import queue
import time
from collections.abc import Callable
from typing import Any

from ._errors import ClusterError

#: Seconds that a scheduler may be away.
AWAY = 15.0

#: Seconds that a scheduler may be without any worker.
DESERTED = 600.0

#: Seconds after which a pool with a dead worker, from which nothing comes, is taken for stuck.
STUCK = 5.0


class Pool:
    """An executor, or a function that makes one."""

    #: Whether results stay on workers until they are asked for, and go from worker to worker.
    holds = False

    def __init__(self, executor: Any):
        self._make = None if hasattr(executor, "submit") else executor
        self._executor = executor if self._make is None else executor()
        if not hasattr(self._executor, "submit"):
            raise TypeError(
                f"{type(self._executor).__name__} is no executor: it is one of concurrent.futures, a Client of "
                "dask.distributed, or a function that makes one"
            )
        self.done: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._dead: float | None = None

    def workers(self) -> int:
        """How many ranges it runs at a time, as far as that is known."""
        known = getattr(self._executor, "_max_workers", None)
        return known if isinstance(known, int) and known > 0 else os.cpu_count() or 1

    def here(self) -> int | None:
        """How many of its workers share this machine, where that is known."""
        local = type(self._executor).__module__.split(".")[0] in ("concurrent", "loky")
        return self.workers() if local else None

    def submit(self, name: str, function: Callable[..., Any], *args: Any) -> Any:
        """Runs something; its future comes to `done`."""
        try:
            future = self._executor.submit(function, *args)
        except concurrent.futures.BrokenExecutor:
            raise
        except RuntimeError as error:
            raise ClusterError(f"the executor takes no work: {error}", "Cancelled") from error
        future.add_done_callback(self.done.put)
        return future

    def cancel(self, future: Any) -> None:
        future.cancel()

    def gone(self) -> str | None:
        """Why nothing will come from it any more."""
        return None

    def mend(self) -> None:
        """Has futures end that never would: a worker of CPython's `ProcessPoolExecutor` that is killed while it sends a
        result leaves a part of it in the pipe, and the pool waits for the rest for ever, while others are alive. If a worker is dead and
        nothing came for some time, all of them are ended, and the pipe: then the pool finds that it is broken."""
        processes = getattr(self._executor, "_processes", None)
        alive = [p.is_alive() for p in list(processes.values())] if isinstance(processes, dict) else []
        if all(alive):
            self._dead = None
            return
        self._dead = self._dead or time.monotonic()
        if time.monotonic() - self._dead < STUCK:
            return
        self._dead = None
        for process in list(processes.values()):
            process.kill()
        writer = getattr(getattr(self._executor, "_result_queue", None), "_writer", None)
        if writer is not None and not writer.closed:
            writer.close()

    def renew(self) -> bool:
        """Has it made anew after its workers died, where that can be."""
        if self._make is None:
            return False
        self._executor.shutdown(wait=False, cancel_futures=True)
        self._executor = self._make()
        self.done = queue.SimpleQueue()
        return True

    def close(self) -> None:
        if self._make is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)


class Dask(Pool):
    """A client of dask.distributed."""

    holds = True

    def __init__(self, client: Any):
        self._client = client
        self._made = 0
        self._away: float | None = None
        self._empty: float | None = None
        self.done = queue.SimpleQueue()

    def workers(self) -> int:
        return max(1, sum(self._client.nthreads().values()))

    def here(self) -> int | None:
        return None

    def submit(self, name: str, function: Callable[..., Any], *args: Any) -> Any:
        self._made += 1
        # The part before the last hyphen is what the dashboard groups by.
        key = f"{name}-{os.urandom(8).hex()}{self._made:x}"
        future = self._client.submit(function, *args, pure=False, key=key)
        future.add_done_callback(self.done.put)
        return future

    def gone(self) -> str | None:
        status = self._client.status
        if status in ("running", "newly-created"):
            self._away = None
            return self._deserted()
        # A client that lost its scheduler tries to find it again.
        self._away = self._away or time.monotonic()
        if status == "closed" or time.monotonic() - self._away > AWAY:
            return f"the scheduler is gone (the client's connection is {status})"
        return None

    def _deserted(self) -> str | None:
        """Whether all workers are gone, and none came for long. Those of a queue take their time."""
        try:
            there = bool(self._client.nthreads())
        except OSError:
            # The connection is looked at again.
            return None
        if there or self._empty is None:
            self._empty = time.monotonic()
        if time.monotonic() - self._empty > DESERTED:
            return f"the scheduler has had no workers for {DESERTED:.0f} seconds"
        return None

    def mend(self) -> None:
        pass

    def renew(self) -> bool:
        return True

    def close(self) -> None:
        pass


def pool_of(executor: Any) -> Pool:
    """The pool of what `compute(executor=…)` was given."""
    kind = type(executor)
    if kind.__module__.split(".")[0] == "distributed" and hasattr(executor, "scheduler_info"):
        return Dask(executor)
    return Pool(executor)


class Ranges:
    """Ranges of a stage's tasks, one after the other, as long as workers take about so many seconds for. It holds none of
    them."""

    def __init__(self, tasks: int, together: int, whole: bool, workers: int, seconds: float):
        self._tasks, self._workers, self._seconds = tasks, workers, seconds
        self._at = 0
        # Ranges end where tiles of the output do, if there are enough of these for all workers.
        self._unit = tasks if whole else together if tasks // max(1, together) >= workers else 1
        self._unit = max(1, self._unit)
        self._each: float | None = None
        self._longest = 0

    def measured(self, tasks: int, seconds: float) -> None:
        """A worker did so many tasks in so many seconds."""
        if tasks == 0:
            return
        each = seconds / tasks
        self._each = each if self._each is None else 0.7 * self._each + 0.3 * each
        self._longest = max(self._longest, tasks)

    def _length(self) -> int:
        if self._each is None:
            return self._unit
        # What a few tasks took says little of many; and towards the end all workers should have something.
        most = max(1, 8 * self._longest)
        fair = -(-(self._tasks - self._at) // (2 * self._workers))
        wanted = self._seconds / self._each if self._each > 0 else most
        wanted = int(min(wanted, most, max(fair, 1)))
        return max(1, wanted // self._unit) * self._unit

    def take(self) -> tuple[int, int] | None:
        """The next range."""
        if self._at >= self._tasks:
            return None
        begin, self._at = self._at, min(self._tasks, self._at + self._length())
        return begin, self._at
