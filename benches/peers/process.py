"""A worker as the scripts beside see it: a process that answers lines of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from pathlib import Path

from peers import PEERS

WORKER = Path(__file__).with_name("worker.py")
COUNTS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "VAEX_NUM_THREADS",
    "BLOSC_NTHREADS",
    "POLARS_MAX_THREADS",
    "NUMBA_NUM_THREADS",
)
# Threads sleep while others are timed; files are only read.
QUIET = {"OMP_WAIT_POLICY": "PASSIVE", "HDF5_USE_FILE_LOCKING": "FALSE"}


class Process:
    """One peer's worker."""

    def __init__(self, name: str, python: str, threads: int, patience: float):
        self.name, self.patience = name, patience
        self.shown = PEERS[name].shown(threads)
        counts = dict.fromkeys(COUNTS, str(threads))
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [python, WORKER, name, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, **counts, **QUIET, **PEERS[name].environment},
        )

    def ask(self, request: dict) -> dict:
        """The reply; `{"skip": ...}` of a process that ended or took too long."""
        late = threading.Timer(self.patience, self.process.kill)
        late.start()
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except OSError:
            line = ""
        finally:
            late.cancel()
        return json.loads(line) if line else {"skip": self.last_words()}

    def alive(self) -> bool:
        return self.process.poll() is None

    def last_words(self) -> str:
        """Why it ended, as far as it said so."""
        code = self.process.wait()
        self.errors.seek(0)
        lines = [line.strip() for line in self.errors if line.strip()]
        return f"its process ended ({code}): {lines[-1] if lines else 'killed, or out of memory'}"

    def close(self):
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.errors.close()
