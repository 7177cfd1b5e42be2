"""Runs that are spread over other processes and machines: the same plan, in ranges of tasks, with the bits of one run."""

from __future__ import annotations

import concurrent.futures
import json
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _chunkwise, _worker
from ._errors import ClusterError, WrongValue
from ._pools import Pool, Ranges, pool_of

#: Plans and values up to so many bytes go with every range; larger ones where a worker has them not.
SMALL = 64 << 10
#: How many partials are put together at a time where workers do it.
FAN_IN = 8
_END, _STOP = object(), object()


class Cluster:
    """An executor with what is to be done there: `compute(x, executor=Cluster(ex, memory="2GiB"))`.

    executor: one of `concurrent.futures`, a `Client` of dask.distributed, or a function without arguments that makes an
        executor, which is called again when its workers have died.
    device, threads, memory, adapter: of the sessions on workers. If nothing is said: the CPU; the share of the machine's
        processors and of half of its memory that a worker has, within the limits that dask, SLURM, MPI and control groups set.
    seconds: how long a range of tasks should take on a worker.
    in_flight: how many ranges are with the workers at a time; two for each worker, if nothing is said, and fewer where what they
        send is large.
    retries: how often a range is run again whose worker died, or that could not read.
    shared: a folder that this process and all workers see; large values of earlier stages go there, not through the executor.
    inline: the most bytes of arrays that are in no file (labels, NumPy's arrays), which go with the plan.
    progress: a function of (stage, stages, done, tasks, bytes), as that of a session.
    """

    def __init__(
        self,
        executor: Any,
        *,
        device: str | None = None,
        adapter: str | None = None,
        threads: int | None = None,
        memory: int | str | None = None,
        seconds: float = 1.0,
        in_flight: int | None = None,
        retries: int = 3,
        shared: str | os.PathLike[str] | None = None,
        inline: int = 16 << 20,
        progress: Callable[[int, int, int, int, int], None] | None = None,
    ):
        self.executor = executor
        options = {"device": device, "adapter": adapter, "threads": threads, "memory": memory}
        self.options = {k: v for k, v in options.items() if v is not None}
        if seconds <= 0 or retries < 0 or (in_flight is not None and in_flight < 1):
            raise ValueError("seconds and in_flight are more than 0, and retries is not negative")
        self.seconds, self.in_flight, self.retries = seconds, in_flight, retries
        self.shared = None if shared is None else os.fspath(shared)
        self.inline = inline
        self.progress = progress


def run(session: Any, cluster: Any, handles: list[Any], targets: Sequence[str] = ()) -> tuple[Any, Any, str]:
    """Computes on a cluster: the plan, the values of all stages, and the report as JSON. Files that will be written are none
    of the inputs."""
    cluster = cluster if isinstance(cluster, Cluster) else Cluster(cluster)
    plan = _chunkwise.plan(session._engine, handles, cluster.inline)
    for path in targets:
        if plan.reads(path):
            raise WrongValue(
                f"the file to write is also an input (file: {path})", "Value", "write to another file and rename it afterwards"
            )
    pool = pool_of(cluster.executor)
    try:
        return _Run(session, cluster, pool, plan).all()
    finally:
        pool.close()


@dataclass
class _Range:
    """Tasks that are with a worker, or must be run again."""

    begin: int
    end: int
    tries: int = 0
    deaths: int = 0
    sent: bool = False
    #: Of partials that stay on workers: what they are, how many ranges deep, and their bytes.
    part: Any = None
    depth: int = 0
    bytes: int = 0


@dataclass
class _Count:
    """What a run did."""

    ranges: int = 0
    retries: int = 0
    received: int = 0
    sent: int = 0
    seconds: float = 0.0
    workers: set[str] = field(default_factory=set)


class _Merger:
    """Puts partials together as they come, on a thread of its own, without the interpreter."""

    def __init__(self, merge: Callable[[Iterator[bytes]], Any]):
        self._queue: queue.Queue[Any] = queue.Queue(2)
        self._made: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, args=(merge,), name="chunkwise-merge", daemon=True)
        self._thread.start()

    def _partials(self) -> Iterator[bytes]:
        while (item := self._queue.get()) is not _END:
            if item is _STOP:
                raise ClusterError("the run has ended", "Cancelled")
            yield item

    def _work(self, merge: Callable[[Iterator[bytes]], Any]) -> None:
        try:
            self._made = merge(self._partials())
        except BaseException as error:
            self._error = error

    def put(self, item: Any) -> None:
        while True:
            if not self._thread.is_alive():
                raise self._error or ClusterError("merging ended early", "Internal")
            try:
                return self._queue.put(item, timeout=0.1)
            except queue.Full:
                pass

    def end(self) -> Any:
        """The values, once all partials are there."""
        self.put(_END)
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._made

    def stop(self) -> None:
        """Gives up."""
        while self._thread.is_alive():
            try:
                self._queue.put(_STOP, timeout=0.1)
            except queue.Full:
                pass
            self._thread.join(0.1)


class _Run:
    """A plan that is run."""

    def __init__(self, session: Any, cluster: Cluster, pool: Pool, plan: Any):
        self._session, self._cluster, self._pool, self._plan = session, cluster, pool, plan
        self._count = _Count()
        self._here = pool.here()
        self._versions, self._text = plan.written()
        self._stages = plan.stages()

    def all(self) -> tuple[Any, Any, str]:
        start = time.perf_counter()
        values, reports = _chunkwise.Stages(), []
        for n in range(len(self._stages)):
            values, report = self._stage(n, values)
            reports.append(json.loads(report))
        count = self._count
        report = {
            **(reports[-1] if reports else {}),
            "notes": list(dict.fromkeys(note for r in reports for note in r["notes"])),
            "fallbacks": [f for r in reports for f in r["fallbacks"]],
            "peak_host_bytes": max((r["peak_host_bytes"] for r in reports), default=0),
            "elapsed_s": time.perf_counter() - start,
            "ranges": count.ranges,
            "retries": count.retries,
            "bytes_received": count.received,
            "bytes_sent": count.sent,
            "worker_seconds": count.seconds,
            "workers": sorted(count.workers),
        }
        return self._plan, values, json.dumps(report)

    def _stage(self, n: int, values: Any) -> Any:
        written = values.written(self._plan)
        folder = self._cluster.shared
        if written is None or folder is None or len(written) <= SMALL:
            return _Stage(self, n, values, written).run()
        # On a file system that all see; it goes when the stage is over.
        with tempfile.NamedTemporaryFile(dir=folder, prefix="chunkwise-values-") as file:
            file.write(written)
            file.flush()
            os.fsync(file.fileno())
            return _Stage(self, n, values, file.name).run()


class _Stage:
    """A stage that is run."""

    def __init__(self, run: _Run, n: int, values: Any, written: bytes | str | None):
        self._cluster, self._pool, self._plan, self._count = run._cluster, run._pool, run._plan, run._count
        self._n, self._stages, self._here = n, len(run._stages), run._here
        self._tasks, self._together, self._whole, self._keeps = run._stages[n]
        self._payload = ((run._versions, run._text), written)
        self._size = len(run._text) + (0 if written is None else len(written))
        self._always = self._size <= SMALL
        self._reads = written is not None
        engine = run._session._engine
        self._memory = run._session.memory
        self._merger = _Merger(lambda partials: _chunkwise.merge(engine, run._plan, n, partials, values))
        self._workers = self._pool.workers()
        self._ranges = Ranges(self._tasks, self._together, self._whole, self._workers, self._cluster.seconds)
        self._flying: dict[Any, _Range] = {}
        # What must be run again: beside others, or by itself, so that it is known who kills workers.
        self._again: list[_Range] = []
        self._alone: list[_Range] = []
        # Partials that stay on workers until enough are there to be put together.
        self._waiting: dict[int, list[_Range]] = {}
        self._largest = 0
        self._done = 0
        self._result_bytes = max(1, run._plan.bytes())

    def run(self) -> Any:
        try:
            while self._fill() or self._flying or self._gather():
                self._take()
            return self._merger.end()
        except BaseException:
            for future in list(self._flying):
                self._pool.cancel(future)
            self._merger.stop()
            raise

    # Sending.

    def _limit(self) -> int:
        limit = self._cluster.in_flight or max(2 * self._workers, self._workers + 2)
        if self._largest and not self._on_workers():
            limit = min(limit, max(2, self._memory // (4 * self._largest)))
        return limit

    def _on_workers(self) -> bool:
        """Whether partials are put together where they are."""
        return self._pool.holds and self._keeps

    def _fill(self) -> bool:
        """Sends ranges, as many as may be under way. Whether there are any left or any were sent."""
        if self._alone:
            if not self._flying:
                self._send(self._alone.pop())
            return True
        limit, sent = self._limit(), False
        while len(self._flying) < limit:
            if self._again:
                again = self._again.pop()
            elif (taken := self._ranges.take()) is not None:
                again = _Range(*taken)
            else:
                break
            self._send(again)
            sent = True
            if self._alone:
                break
        return sent

    def _send(self, r: _Range) -> None:
        # What stays on a worker may be made again on another one, which nobody asks whether it has the plan.
        payload = self._payload if self._always or r.sent or self._on_workers() else None
        self._count.sent += self._size if payload else 0
        name = f"chunkwise-stage{self._n}"
        args = (self._plan.key, self._n, self._reads, r.begin, r.end, self._cluster.options, self._here, payload)
        try:
            future = self._pool.submit(name, _worker.run_range, *args)
        except concurrent.futures.BrokenExecutor as error:
            # Its workers died of something else, or before they did anything.
            r.tries += 1
            if r.tries > self._cluster.retries:
                raise ClusterError(f"the executor's workers die before they do anything: {error}", "Io") from error
            self._again.append(r)
            self._broken(error)
            return
        if self._on_workers():
            r.part = future
            future = self._pool.submit("chunkwise-measure", _worker.measured, future)
        self._flying[future] = r

    # Taking.

    def _take(self) -> None:
        """Waits for one range, and takes what it gathered."""
        while self._flying:
            try:
                future = self._pool.done.get(timeout=0.5)
            except queue.Empty:
                self._look()
                continue
            r = self._flying.pop(future, None)
            if r is not None:
                return self._took(r, future)

    def _took(self, r: _Range, future: Any) -> None:
        try:
            result = future.result()
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            return self._failed(r, error)
        if isinstance(result, _worker.Absent):
            r.sent = True
            self._again.append(r)
            return
        r.sent = False
        what, seconds, worker = result
        self._count.workers.add(worker)
        self._count.seconds += seconds
        if r.depth == 0:
            self._count.ranges += 1
            self._done += r.end - r.begin
            self._ranges.measured(r.end - r.begin, seconds)
        if r.part is None:
            self._received(what)
        else:
            self._held(r, what)
        if self._cluster.progress is not None:
            self._cluster.progress(self._n, self._stages, self._done, self._tasks, self._count.received)

    def _received(self, partial: bytes) -> None:
        self._count.received += len(partial)
        self._largest = max(self._largest, len(partial))
        self._merger.put(partial)

    def _look(self) -> None:
        """Nothing came for a while: whether anything will."""
        self._pool.mend()
        why = self._pool.gone()
        if why is not None:
            raise ClusterError(
                f"{why}, with {len(self._flying)} ranges of tasks of stage {self._n} under way", "Io",
                "start the cluster again, and run again: nothing was written",
            )  # fmt: skip

    # Partials that stay on workers.

    def _held(self, r: _Range, size: int) -> None:
        """A partial is on a worker: what is finished comes here, what is open waits for others."""
        r.bytes = size
        share = self._result_bytes * (r.end - r.begin) / max(1, self._tasks)
        if size <= 1.2 * share + 4096:
            return self._fetch(r)
        waiting = self._waiting.setdefault(r.depth, [])
        waiting.append(r)
        if len(waiting) >= FAN_IN:
            self._waiting[r.depth] = []
            self._combine(waiting)

    def _fetch(self, r: _Range) -> None:
        part, r.part = r.part, None
        try:
            self._received(part.result()[0])
        except Exception as error:
            self._failed(r, error)

    def _combine(self, some: list[_Range]) -> None:
        payload = self._payload
        parts = [r.part for r in some]
        args = (self._plan.key, self._n, self._reads, self._cluster.options, self._here, payload, *parts)
        both = _Range(min(r.begin for r in some), max(r.end for r in some), depth=max(r.depth for r in some) + 1)
        both.part = self._pool.submit("chunkwise-merge", _worker.combine, *args)
        self._count.sent += self._size
        self._flying[self._pool.submit("chunkwise-measure", _worker.measured, both.part)] = both

    def _gather(self) -> bool:
        """When all tasks are done, puts together what still waits on workers. Whether there was something."""
        waiting = [r for level in self._waiting.values() for r in level]
        self._waiting = {}
        if len(waiting) > 1:
            for at in range(0, len(waiting), FAN_IN):
                some = waiting[at : at + FAN_IN]
                if len(some) > 1:
                    self._combine(some)
                else:
                    self._waiting.setdefault(some[0].depth, []).extend(some)
            return True
        for r in waiting:
            self._fetch(r)
        return bool(self._again or self._alone)

    # What goes wrong.

    def _failed(self, r: _Range, error: BaseException) -> None:
        what = f"tasks {r.begin}..{r.end} of stage {self._n}"
        if r.depth:
            raise ClusterError(f"what {what} gathered could not be put together: {error}", "Io") from error
        if isinstance(error, concurrent.futures.BrokenExecutor):
            r.deaths += 1
            self._again.append(r)
            return self._broken(error)
        killed = type(error).__name__ == "KilledWorker"
        lost = killed or type(error).__name__ in ("CancelledError", "FutureCancelledError", "FuturesCancelledError")
        if killed or (lost and r.tries >= self._cluster.retries):
            raise ClusterError(
                f"{what} killed the workers that ran them, again and again: {error}" if killed else f"{what} were lost: {error}",
                "Io", "more memory for each worker, or less for the session on it (Cluster(…, memory=…)), may do",
            ) from error  # fmt: skip
        transient = isinstance(error, (ConnectionError, TimeoutError)) or getattr(error, "kind", None) == "Io"
        if (lost or transient) and r.tries < self._cluster.retries:
            why = self._pool.gone()
            if why is not None:
                raise ClusterError(f"{why}, with {what} under way", "Io", "start the cluster again, and run again") from error
            r.tries += 1
            r.part = None
            self._count.retries += 1
            self._again.append(r)
            return
        error.add_note(f"in {what} of a run on a cluster")
        raise error

    def _broken(self, error: BaseException) -> None:
        """The workers of an executor are gone: what was under way is run again on others."""
        # All others fail, too, or are done.
        for future, r in list(self._flying.items()):
            try:
                partial, seconds, worker = future.result(timeout=60)
            except concurrent.futures.BrokenExecutor:
                r.deaths += 1
                self._again.append(r)
            except Exception:
                self._again.append(r)
            else:
                self._count.workers.add(worker)
                self._count.ranges += 1
                self._done += r.end - r.begin
                self._count.seconds += seconds
                self._received(partial)
        self._flying.clear()
        died = max(self._again, key=lambda r: r.deaths)
        what = f"tasks {died.begin}..{died.end} of stage {self._n}"
        if died.deaths > self._cluster.retries:
            raise ClusterError(
                f"{what} killed the workers that ran them, {died.deaths} times", "Io",
                "more memory for each worker, or less for the session on it (Cluster(…, memory=…)), may do",
            ) from error  # fmt: skip
        if not self._pool.renew():
            raise ClusterError(
                f"workers of the executor died, perhaps of {what}, and it starts no others: {error}", "Io",
                "give a function that makes an executor, as in executor=lambda: ProcessPoolExecutor(8): it is called again",
            ) from error  # fmt: skip
        # A range under which workers died twice is run by itself: if they die again, it was that one.
        self._count.retries += sum(r.deaths > 0 for r in self._again)
        self._alone += [r for r in self._again if r.deaths >= 2]
        self._again = [r for r in self._again if r.deaths < 2]


def arrays(session: Any, cluster: Any, handles: list[Any]) -> tuple[list[np.ndarray], str]:
    """The values of arrays, computed on a cluster."""
    plan, values, report = run(session, cluster, handles)
    return [np.asarray(v) for v in values.results(plan)], report
