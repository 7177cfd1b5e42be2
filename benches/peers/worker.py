"""One peer in a process of its own: `python3 worker.py NAME THREADS`.

Requests and replies are lines of JSON on the standard streams. A request

    {"work": KEY, "set": {...}, "data": FOLDER, "tasks": N}

is answered by

    {"seconds": [S], "answer": [...], "expected": null or [...], "part": P, "version": V, "note": W,
     "facts": [...], "peak": BYTES}

or by `{"skip": REASON}`; `expected` is the answer of a part of the work, where only that was done. What a work
needs is made ready by the first request for it and kept; `{"free": true}` gives it back. Between requests nothing
runs. The first reply's time is of a cold run. From then on a work that takes less than a second is run once
before it is timed, so that caches and threads are as warm as those of a program that does nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time

from base import Data, Peer, Skip, Way
from peers import PEERS
from works import SAMPLE, split

ARRAYS = ("expr_sqrt", "expr_explog", "matmul", "topk", "cumsum", "group_sum", "profile")
"""Works whose answer is an array, of which some elements are told."""
WARM = 1.0
"""Seconds from which on a run needs no other before it."""


def numbers(value) -> list[float]:
    """A scalar, all bins of a histogram, or some elements of an array."""
    import numpy as np

    return [float(v) for v in np.asarray(value).reshape(-1)]


def sampled(value) -> list[float]:
    flat = value.reshape(-1) if value.ndim > 1 else value
    n = min(SAMPLE, len(flat))
    return [numbers(flat[k * len(flat) // n])[0] for k in range(n)]


def answer(key: str, value) -> list[float]:
    """What is told of a result."""
    return sampled(value) if key in ARRAYS else numbers(value)


def forget_peak():
    """Lets the peak of this process's memory begin anew, where the system can."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def peak() -> int | None:
    """The most bytes that this process held in memory."""
    try:
        with open("/proc/self/status") as lines:
            found = dict(line.split(":", 1) for line in lines)
        return int(found["VmHWM"].split()[0]) * 1024
    except (OSError, KeyError):
        return None


def timed(way: Way):
    start = time.perf_counter()
    value = way.run()
    return time.perf_counter() - start, value


class Worker:
    """A peer, its data, and the way that it takes for the work at hand."""

    def __init__(self, peer: Peer):
        self.peer = peer
        self.data: Data | None = None
        self.ready: tuple | None = None
        self.way: Way | None = None
        self.last: float | None = None

    def free(self):
        self.ready = self.way = None
        if self.data is not None:
            self.data.free()
            self.data = None

    def prepare(self, key: str, request: dict):
        """Makes everything ready, and of several ways takes the fastest."""
        name, storage = split(key)
        if not self.peer.does(key):
            raise Skip("does not do this")
        about = request["data"], request["set"]
        if self.data is None or (self.data.folder, self.data.spec) != about:
            self.free()
            self.data = Data(*about)
        self.data.storage, self.data.tasks = storage, request["tasks"]
        self.ready = self.way = None
        ways = getattr(self.peer, name)(self.data)
        ways = ways if isinstance(ways, list) else [ways]
        taken = [0.0]
        if len(ways) > 1:
            taken = [min(timed(way)[0] for _ in range(2)) for way in ways]
        self.way = ways[taken.index(min(taken))]
        self.last = None
        self.ready = key, *about

    def reply(self, request: dict) -> dict:
        if request.get("free"):
            self.free()
            return {}
        key = request["work"]
        if self.ready != (key, request["data"], request["set"]):
            self.prepare(key, request)
        way = self.way
        if self.last is not None and self.last < WARM:
            way.run()
        forget_peak()
        seconds, value = timed(way)
        self.last = seconds
        return {
            "seconds": [seconds],
            "answer": answer(key, value),
            "expected": way.expected,
            "part": way.part,
            "version": self.peer.version(),
            "note": way.note or None,
            "facts": way.facts,
            "peak": peak(),
        }

    def serve(self, requests, replies):
        for line in requests:
            try:
                reply = self.reply(json.loads(line))
            except Skip as reason:
                reply = {"skip": str(reason)}
            except (Exception, MemoryError) as error:
                reply = {"skip": f"{type(error).__name__}: {error}"}
            if "skip" in reply:
                self.ready = self.way = None
            replies.write(json.dumps(reply) + "\n")
            replies.flush()


def main():
    # What a library prints is no reply.
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    name, threads = sys.argv[1], int(sys.argv[2])
    try:
        peer = PEERS[name](threads)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    try:
        Worker(peer).serve(sys.stdin, replies)
    finally:
        peer.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
