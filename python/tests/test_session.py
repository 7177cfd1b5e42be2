"""Sessions: options, budgets, threads, signals, processes."""

import _thread
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import chunkwise as cw

from conftest import same


def test_the_session_in_use_is_that_of_the_with():
    outer = cw.session()
    with cw.Session(threads=1, memory="8MiB") as s:
        assert cw.session() is s and s.memory == 8 << 20
        with cw.Session(memory=1 << 20) as t:
            assert cw.session() is t
        assert cw.session() is s
        cw.arange(10).sum().compute()
        assert s.report.threads == 1 and s.report.tasks["cpu"] >= 1 and "held at most" in repr(s.report)
        assert "<table>" in s.report._repr_html_() and s.report.as_dict()["threads"] == 1
        with pytest.raises(AttributeError):
            s.report.nothing
    assert cw.session() is outer
    assert cw.arange(4).sum().compute(threads=1) == 6


def test_options_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("CHUNKWISE_MEMORY", "3MiB")
    monkeypatch.setenv("CHUNKWISE_THREADS", "1")
    monkeypatch.setenv("CHUNKWISE_DEVICE", "cpu")
    with cw.Session() as s:
        assert s.memory == 3 << 20
        cw.arange(3).sum().compute()
        assert s.report.threads == 1


@pytest.mark.parametrize("wrong", [{"device": "tpu"}, {"memory": "lots"}, {"threads": 0}, {"spill": "/nowhere/at/all"}])
def test_options_that_cannot_be_are_errors(wrong):
    with pytest.raises((ValueError, OSError)):
        with cw.Session(**wrong):
            pass


def test_a_budget_that_is_too_small_is_a_memory_error_with_the_one_that_works():
    x = cw.random(1_000_000, seed=1)
    with cw.Session(memory="100KiB", threads=1, spill=False), pytest.raises(MemoryError) as e:
        x.compute()
    assert e.value.needed > 8_000_000 and e.value.hint
    with cw.Session(memory=e.value.needed, threads=1, spill=False):
        assert x.compute().shape == (1_000_000,)


def test_persisted_arrays_are_not_computed_again(snapshot):
    path, v = snapshot
    x = cw.open(path, "/gas/rho")
    with cw.Session(threads=1) as s:
        kept = (x * 2).persist()
        assert isinstance(kept, cw.Array)
        same(kept, v["rho"] * 2)
        assert s.report.chunks_read == 0
        a, b = cw.persist(x + 1, x - 1)
        same(a - b, (v["rho"] + 1) - (v["rho"] - 1))


def test_a_plan_is_explained(cube):
    _, x = cube
    text = cw.explain(x.sum(), x.max())
    assert "stage 0" in text and "peak memory" in text


def test_progress_is_told():
    told = []
    with cw.Session(threads=2, progress=lambda *p: told.append(p)):
        cw.random(3_000_000, seed=1).std().compute()
    assert told and told[-1][2] == told[-1][3] and all(len(p) == 5 for p in told)


class Slow:
    """A source that takes long, one chunk after the other."""

    shape, dtype, chunks = (400, 10), np.dtype(float), (1, 10)  # one call for each row

    def __init__(self):
        self.asked = 0

    def __getitem__(self, key):
        self.asked += 1
        time.sleep(0.05)
        return np.zeros((1, 10))


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_stops_a_run_within_a_second(threads):
    source = Slow()
    x = cw.from_array(source)
    with cw.Session(threads=threads):
        timer = threading.Timer(0.3, _thread.interrupt_main)
        timer.start()
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            x.sum().compute()
        assert time.monotonic() - start < 1.3 and source.asked < 60
        # The session goes on.
        assert cw.arange(5).sum().compute() == 10


def test_signals_of_the_system_stop_a_run():
    program = textwrap.dedent("""
        import os, signal, threading, time
        import chunkwise as cw
        threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        x = cw.random((20_000, 20_000), seed=1)
        start = time.monotonic()
        try:
            cw.compute(cw.sin(x).std(), cw.exp(x).mean())
        except KeyboardInterrupt:
            print("stopped", time.monotonic() - start < 1.5)
    """)
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert out.stdout.strip() == "stopped True", out


def test_other_threads_of_python_go_on_during_a_run():
    counted = 0
    over = threading.Event()

    def count():
        nonlocal counted
        while not over.is_set():
            counted += 1
            time.sleep(0.001)

    with cw.Session(threads=1):
        thread = threading.Thread(target=count)
        thread.start()
        cw.from_array(Slow())[:10].sum().compute()
        over.set()
        thread.join()
    assert counted > 50


def test_sessions_are_used_from_many_threads(cube):
    n, x = cube
    found = []
    with cw.Session(threads=2) as s:

        def work(i):
            found.append(s.compute((x + i).sum()) == (n + i).sum())

        threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
        [t.start() for t in threads], [t.join() for t in threads]
    assert found == [True] * 8


def _child(x, queue):
    queue.put(float(cw.compute((x + 1).sum())))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_compute(cube, method):
    n, x = cube
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("not on this system")
    assert cw.compute(x.sum()) == n.sum()
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=_child, args=(x, queue))
    process.start()
    assert queue.get(timeout=60) == (n + 1).sum()
    process.join(60)
    assert process.exitcode == 0


def test_errors_say_kind_place_and_hint(cube):
    _, x = cube
    with pytest.raises(IndexError) as e:
        x.sum(axis=3)
    assert isinstance(e.value, ValueError) and e.value.kind == "Index"
    assert "sum(float64(3, 4, 5), axis=3)" in str(e.value) and "axes go from" in e.value.hint
    assert any("axes go from" in note for note in e.value.__notes__)
    for kind, wrong in {
        TypeError: [lambda: x.sum(axs=1), lambda: cw.sum(), lambda: x.sum(axis="a"), lambda: cw.sum(1, 2, 3, 4, 5), lambda: x & 1.5],
        ValueError: [lambda: x.reshape(7, -1), lambda: x + np.zeros(3), lambda: cw.concatenate([x, x[0]])],
        IndexError: [lambda: x[5], lambda: x.transpose((0, 1, 5))],
        NotImplementedError: [lambda: x * 1j],
    }.items():
        for f in wrong:
            with pytest.raises(kind) as e:
                f()
    import pickle

    again = pickle.loads(pickle.dumps(e.value)) if isinstance(e.value, cw.ChunkwiseError) else e.value
    assert str(again) == str(e.value)


def test_a_gpu_that_is_not_there_is_refused_where_fallback_is():
    with pytest.raises(RuntimeError), cw.Session(device="gpu", adapter="no such adapter", fallback=False):
        pass
    with cw.Session(device="gpu", adapter="no such adapter"):
        assert cw.arange(3).sum().compute() == 3


assert signal and os
