"""Runs that are spread over threads, processes and dask: the bits of one run, whatever happens to the workers."""

import concurrent.futures
import contextlib
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time

import h5py
import numpy as np
import pytest

import chunkwise as cw
from chunkwise._errors import ClusterError
from chunkwise._pools import Ranges

from cluster_helpers import Harmful, die, fail, half, mixed, processes

SHAPE = (48, 128, 256)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A file of 48 chunks of 256 KiB, with values of very different sizes and some that are no numbers."""
    path = tmp_path_factory.mktemp("cluster") / "data.h5"
    r = np.random.default_rng(1)
    with h5py.File(path, "w") as f:
        x = r.standard_normal(SHAPE) * 2.0 ** r.integers(-200, 200, SHAPE)
        f.create_dataset("x", data=x, chunks=(1, *SHAPE[1:]))
        y = r.standard_normal(SHAPE).astype(np.float32)
        y[r.random(SHAPE) < 0.01] = np.nan
        f.create_dataset("y", data=y, chunks=(1, *SHAPE[1:]), compression="gzip", compression_opts=1)
    return path


def asked(path):
    """Whole reductions, some that keep axes, histograms, quantiles, and what takes several stages."""
    x, y = cw.open(path, "x"), cw.open(path, "y")
    labels = np.arange(SHAPE[0]) % 5
    return {
        "sum": x.sum(),
        "mean": x.mean(axis=0),
        "std": y.std(axis=(1, 2)),
        "where": cw.nanargmax(y),
        "histogram": cw.histogram(y, bins=7, range=(-2, 2), weights=x)[0],
        "auto": cw.histogram(x, bins=5)[0],
        "quantile": cw.nanquantile(y, [0.1, 0.5]),
        "median": cw.nanmedian(y[:, :4], axis=0),
        "scaled": ((y[:, :8] - cw.nanmean(y)) / cw.nanstd(y)).max(axis=1),
        "groups": cw.groupby_reduce(x[:, 0], labels, "sum", axis=0),
        "some": x[3:30:7, ::50, 1] * 2 + 1,
        "made": cw.random((40, 64, 256), seed=3).mean(axis=0),
    }


@pytest.fixture(scope="module")
def one(file):
    """What one run gives."""
    with cw.Session(threads=2):
        return cw.compute(asked(file))


def check(found, one):
    assert found.keys() == one.keys()
    for name, value in one.items():
        got = np.asarray(found[name])
        assert got.dtype == value.dtype and got.shape == np.shape(value), name
        assert got.tobytes() == np.asarray(value).tobytes(), name


def threads():
    return concurrent.futures.ThreadPoolExecutor(3)


def loky_pool():
    import loky

    return loky.get_reusable_executor(max_workers=2, kill_workers=True)


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit="2GiB") as c:
        with distributed.Client(c) as client:
            yield client


@pytest.mark.parametrize("make", [threads, processes, mixed, loky_pool])
def test_any_executor_gives_the_bits_of_one_run(file, one, make):
    if make is loky_pool:
        pytest.importorskip("loky")
    with make() as executor, cw.Session(threads=1) as session:
        check(cw.compute(asked(file), executor=cw.Cluster(executor, seconds=0.1)), one)
        report = session.report
        assert report.ranges > 20 and report.retries == 0 and len(report.workers) >= 1
        assert f"{report.ranges} on" in repr(report)
        # Nothing is left of one run in the next, and what is small goes as one range.
        assert cw.compute(cw.arange(10).sum(), executor=executor) == 45
        assert session.report.ranges == 1


def test_dask_gives_the_bits_of_one_run(file, one, client):
    with cw.Session(threads=1) as session:
        check(cw.compute(asked(file), executor=cw.Cluster(client, seconds=0.1)), one)
        assert session.report.ranges > 20 and len(session.report.workers) == 2
        assert all("tcp://" in name for name in session.report.workers)
        assert cw.open(file, "x").sum().compute(executor=client) == one["sum"]


def test_sessions_on_workers_keep_within_what_dask_gives_them(client):
    from chunkwise._worker import limits

    threads, memory = client.submit(limits, None, False, pure=False).result()
    assert threads == 1 and memory <= 1 << 30


def test_limits_are_those_of_slurm_where_they_are_less(monkeypatch):
    from chunkwise._worker import limits

    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "3")
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "64")
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "4")
    assert limits(None, True) == (3, 8 << 20)
    monkeypatch.delenv("SLURM_MEM_PER_NODE")
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "10")
    assert limits(None, True) == (3, 15 << 20)
    assert limits(4, False)[1] <= limits(1, False)[1]


def test_arrays_are_stored_and_persisted(file, one, tmp_path):
    x = cw.open(file, "x")
    with threads() as executor, cw.Session(threads=1, executor=executor) as session:
        out = tmp_path / "out.h5"
        mean = cw.store({out: {"/mean": x.mean(0), "/g/sum": x.sum()}}, compute=x.sum(), compression=1)
        assert mean == one["sum"] and session.report.ranges > 0
        with h5py.File(out) as f:
            assert f["mean"][:].tobytes() == one["mean"].tobytes() and f["g/sum"][()] == one["sum"]
        with pytest.raises(OSError, match="exists already"):
            cw.store(out, {"x": x.sum()})
        with pytest.raises(ValueError, match="also an input"):
            cw.store(file, {"z": x.sum()}, overwrite=True)
        kept = x.mean(0).persist()
        assert np.asarray(kept).tobytes() == one["mean"].tobytes()


def test_a_run_from_xarray(file, one, client, tmp_path):
    xarray = pytest.importorskip("xarray")
    path = tmp_path / "named.nc"
    with h5py.File(file) as f:
        xarray.Dataset({"x": (("t", "y", "z"), f["x"][:16])}).to_netcdf(path, engine="netcdf4")
    expected = cw.open(path, "x").mean(axis=0).compute()
    with cw.Session(executor=client) as session:
        data = xarray.open_dataset(path, engine="chunkwise", chunks={}, chunked_array_type="chunkwise")
        found = data["x"].mean("t").compute()
        assert session.report.workers
    assert found.values.tobytes() == expected.tobytes()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there are no such signals")
def test_workers_that_are_killed_change_nothing(file, one):
    seed = int(os.environ.get("CHUNKWISE_KILLS_SEED", time.time_ns() % 10_000))
    rounds = int(os.environ.get("CHUNKWISE_KILLS", 2))
    r = random.Random(seed)
    print(f"CHUNKWISE_KILLS_SEED={seed}")
    x, y = cw.open(file, "x"), cw.open(file, "y")
    wanted = {"mean": x.mean(axis=0), "quantile": cw.nanquantile(y, [0.1, 0.5]), "sum": x.sum()}
    killed = 0
    for _ in range(rounds):
        pools, over = [], threading.Event()

        def make():
            pools.append(processes())
            return pools[-1]

        def kill():
            nonlocal killed
            time.sleep(1.0)
            for _ in range(2):
                if over.wait(r.random() * 1.5):
                    return
                alive = list((pools[-1]._processes or {}).keys())
                if alive:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(r.choice(alive), signal.SIGKILL)
                        killed += 1

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            found = cw.compute(wanted, executor=cw.Cluster(make, seconds=0.05, retries=5))
        finally:
            over.set()
            thread.join()
        check(found, {name: one[name] for name in wanted})
    print(f"{killed} workers killed in {rounds} runs")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there are no such signals")
def test_workers_of_dask_that_are_killed_change_nothing(file, one):
    distributed = pytest.importorskip("distributed")
    r = random.Random(time.time_ns())
    x, y = cw.open(file, "x"), cw.open(file, "y")
    wanted = {"mean": x.mean(axis=0), "quantile": cw.nanquantile(y, [0.1, 0.5]), "sum": x.sum()}
    for n in range(int(os.environ.get("CHUNKWISE_KILLS", 2))):
        # A cluster for each: nannies do not always start workers again that die soon after others did.
        with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
            with distributed.Client(cluster) as client:
                client.wait_for_workers(2, timeout=60)
                victim = r.choice(list(client.run(os.getpid).values()))
                timer = threading.Timer(r.random() * 1.5, os.kill, (victim, signal.SIGKILL))
                timer.start()
                found = cw.compute(wanted, executor=cw.Cluster(client, seconds=0.05))
                timer.join()
        check(found, {name: one[name] for name in wanted})
        print(f"{n + 1} runs, in each of which a worker was killed")


def test_a_scheduler_without_workers_is_an_error_after_some_time(monkeypatch):
    from chunkwise import _pools

    class Client:
        status = "running"
        workers = {"a": 1}

        def nthreads(self):
            return self.workers

    client = Client()
    pool = _pools.Dask(client)
    monkeypatch.setattr(_pools, "DESERTED", 0.05)
    assert pool.gone() is None
    client.workers = {}
    assert pool.gone() is None
    time.sleep(0.1)
    assert "no workers" in pool.gone()
    client.workers = {"b": 1}
    assert pool.gone() is None


def test_a_range_that_kills_workers_again_and_again_is_named(file):
    poisoned = Harmful(processes, 5, die)
    cluster = cw.Cluster(poisoned_again(poisoned), seconds=0.01, retries=2)
    with pytest.raises(ClusterError, match=r"tasks \d+\.\.\d+ of stage 0 killed the workers that ran them, 3 times") as e:
        cw.compute(cw.open(file, "x").sum(), executor=cluster)
    begin, end = (int(n) for n in str(e.value).split()[1].split(".."))
    assert begin <= 5 < end
    # Twice is no harm.
    twice = Harmful(processes, 5, die, times=2)
    found = cw.compute(cw.open(file, "x").max(), executor=cw.Cluster(poisoned_again(twice), seconds=0.01, retries=2))
    assert found == cw.open(file, "x").max().compute() and twice.made == 3


def poisoned_again(harmful):
    """A function that gives an executor, and makes it anew when it is called again."""
    calls = []

    def make():
        calls.append(1)
        return harmful if len(calls) == 1 else harmful()

    return make


def test_a_worker_that_is_killed_while_it_sends_stops_nothing(file, one, monkeypatch):
    from chunkwise import _pools

    monkeypatch.setattr(_pools, "STUCK", 1.0)
    halting = Harmful(processes, 5, half, times=1)
    found = cw.compute(cw.open(file, "x").sum(), executor=cw.Cluster(poisoned_again(halting), seconds=0.01))
    assert found == one["sum"] and halting.made == 2


def test_an_executor_whose_workers_die_and_that_is_not_made_anew_says_so(file):
    harmful = Harmful(processes, 3, die)
    with pytest.raises(ClusterError, match="starts no others") as e:
        cw.compute(cw.open(file, "x").sum(), executor=harmful)
    assert "function that makes an executor" in e.value.hint


def test_a_range_that_raises_ends_the_run(file, tmp_path):
    out = tmp_path / "out.h5"
    with pytest.raises(ArithmeticError, match="a range that raises") as e:
        cw.store(out, {"x": cw.open(file, "x").sum()}, executor=Harmful(threads, 7, fail))
    assert any("of stage 0" in note for note in e.value.__notes__) and not out.exists()


def test_files_that_workers_do_not_see_as_they_were_are_named(file, tmp_path):
    path = tmp_path / "gone.h5"
    path.write_bytes(pathlib.Path(file).read_bytes())
    x = cw.open(path, "x")
    os.utime(path, (1, 1))
    with threads() as executor, pytest.raises(OSError, match=rf"changed.*gone\.h5.*worker: .*process {os.getpid()}"):
        cw.compute(x.sum(), executor=executor)
    path.unlink()
    with threads() as executor, pytest.raises(FileNotFoundError, match=r"gone\.h5.*worker: .*process"):
        cw.compute(x.sum(), executor=executor)


def test_other_versions_are_refused_before_a_range_is_run(file, monkeypatch):
    from chunkwise import _chunkwise

    plan = _chunkwise.plan(cw.session()._engine, [cw.open(file, "x").sum()._h], 0)
    (package, plans, numerics, key), text = plan.written()
    assert _chunkwise.Plan.read((package, plans, numerics, key), text).key == key
    for wrong in [("9.9", plans, numerics, key), (package, plans + 1, numerics, key), (package, plans, numerics + 1, key)]:
        with pytest.raises(OSError, match="same version|numerics"):
            _chunkwise.Plan.read(wrong, text)
    with pytest.raises(OSError, match="damaged"):
        _chunkwise.Plan.read((package, plans, numerics, "0" * 32), text)


def test_what_is_in_memory_goes_along_up_to_a_limit():
    x = np.arange(3_000_000.0)
    with threads() as executor:
        assert cw.compute(cw.from_array(x[:1000]).sum(), executor=executor) == 499500
        with pytest.raises(NotImplementedError, match="only this process has"):
            cw.compute(cw.from_array(x).sum(), executor=executor)
        assert cw.compute(cw.from_array(x).sum(), executor=cw.Cluster(executor, inline=1 << 25)) == x.sum()
        # So does what a function of one's own makes, which is called here.
        assert cw.compute(cw.map_blocks(lambda b: b + 1, cw.from_array(x[:100]), dtype=float).sum(), executor=executor) == 5050
        with pytest.raises(NotImplementedError, match="only this process has"):
            cw.compute(cw.map_blocks(lambda b: b, cw.from_array(x), dtype=float).sum(), executor=executor)
        with pytest.raises(TypeError, match="no executor"):
            cw.compute(cw.from_array(x[:100]).sum(), executor=lambda: 5)


def test_large_plans_and_values_go_to_each_worker_once(file, one, monkeypatch, tmp_path):
    from chunkwise import _cluster

    monkeypatch.setattr(_cluster, "SMALL", 10)
    x, y = cw.open(file, "x"), cw.open(file, "y")
    wanted = {"quantile": cw.nanquantile(y, [0.1, 0.5]), "sum": x.sum()}
    for shared in (None, tmp_path):
        with processes() as executor, cw.Session() as session:
            check(cw.compute(wanted, executor=cw.Cluster(executor, seconds=0.02, shared=shared)), {n: one[n] for n in wanted})
            assert session.report.ranges > 20
            assert session.report.bytes_sent < session.report.ranges * 4096
    assert list(tmp_path.iterdir()) == []


def test_a_mean_that_keeps_axes_sends_values():
    x = cw.random((600, 64, 512), seed=1)
    with threads() as executor, cw.Session() as session:
        mean = cw.compute(x.mean(axis=0), executor=executor)
        assert session.report.bytes_received <= 1.2 * mean.nbytes
    assert mean.tobytes() == x.mean(axis=0).compute().tobytes()


def test_partials_that_are_open_are_put_together_by_the_workers_of_dask(file, one, client):
    # Each chunk is a part of every mean.
    with cw.Session() as session:
        mean = cw.compute(cw.open(file, "x").mean(axis=0), executor=cw.Cluster(client, seconds=0.02))
        assert session.report.ranges > 4 and session.report.bytes_received <= 1.2 * mean.nbytes
    assert mean.tobytes() == one["mean"].tobytes()


def test_ctrl_c_ends_a_run(tmp_path):
    program = """
        import _thread, concurrent.futures, threading, time
        import chunkwise as cw
        threading.Timer(1.0, _thread.interrupt_main).start()
        x = cw.random((40_000, 8000), seed=1)
        start = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            try:
                cw.compute(cw.sin(x).std(), executor=cw.Cluster(executor, seconds=0.1))
            except KeyboardInterrupt:
                print("stopped", time.monotonic() - start < 10)
    """
    import textwrap

    out = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120)
    assert out.stdout.strip() == "stopped True", out


def test_a_scheduler_that_goes_away_is_an_error_and_leaves_nothing(file, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    from chunkwise import _pools

    monkeypatch.setattr(_pools, "AWAY", 2.0)
    place = tmp_path / "scheduler.json"
    run = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(place)]
    scheduler = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    worker = None
    try:
        until = time.monotonic() + 60
        while not place.exists() and time.monotonic() < until:
            time.sleep(0.1)
        run = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(place), "--nthreads", "1", "--no-dashboard"]
        worker = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with distributed.Client(scheduler_file=str(place), timeout=60) as client:
            client.wait_for_workers(1, timeout=60)
            timer = threading.Timer(1.0, scheduler.kill)
            timer.start()
            out = tmp_path / "out.h5"
            x = cw.random((200_000, 4000), seed=1)
            with pytest.raises(ClusterError, match="scheduler is gone|were lost"):
                cw.store(out, {"x": cw.sin(x).std()}, executor=cw.Cluster(client, seconds=0.1))
            assert not out.exists()
    finally:
        for process in (worker, scheduler):
            if process is not None:
                process.kill()
                process.wait()


def test_ranges_are_of_about_the_seconds_that_are_wanted():
    ranges = Ranges(100_000, 1, False, 4, 1.0)
    at, lengths = 0, []
    while (taken := ranges.take()) is not None:
        begin, end = taken
        assert begin == at and end > begin
        at = end
        lengths.append(end - begin)
        ranges.measured(end - begin, (end - begin) * 0.01)
    assert at == 100_000 and lengths[0] == 1 and max(lengths) == 100 and lengths[-1] <= 20
    # Tiles of the output are not cut where there are enough of them.
    ranges = Ranges(1000, 50, False, 4, 1.0)
    while (taken := ranges.take()) is not None:
        assert taken[0] % 50 == 0 and taken[1] % 50 == 0
        ranges.measured(taken[1] - taken[0], 0.1)
    # What must be one range is one.
    ranges = Ranges(1000, 50, True, 4, 1.0)
    assert ranges.take() == (0, 1000) and ranges.take() is None
