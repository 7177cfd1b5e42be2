"""Those that plan over columns larger than memory: dask and vaex."""

from __future__ import annotations

import time
from collections.abc import Callable

from base import Data, Peer, Way, hdf5_version, room
from works import BINS, BINS_2D, GROUPS, KERNEL, TOP


class Dask(Peer):
    name = "dask"
    modules = ("numpy", "h5py", "dask")
    # Its workers are the threads; a product inside a task takes no others.
    environment = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    rows = 1 << 20
    most_tasks = 100_000

    def __init__(self, threads: int):
        super().__init__(threads)
        from multiprocessing.pool import ThreadPool

        import dask

        self.pool = ThreadPool(threads)
        dask.config.set(scheduler="threads", pool=self.pool)

    def version(self) -> str:
        import dask
        import numpy as np

        return f"{dask.__version__} ({hdf5_version()}, numpy {np.__version__})"

    def close(self):
        self.pool.close()

    def lazy(self, d: Data, make: Callable, *names: str, note: str = ""):
        """`make` over columns in memory, in chunks of two sizes."""
        import dask.array as da

        ways = []
        for rows in (self.rows, 4 * self.rows):
            arrays = [da.from_array(c, chunks=rows, name=False) for c in d.columns(*names)]
            said = "; ".join(filter(None, [note, f"chunks of 2^{rows.bit_length() - 1} rows"]))
            ways.append(Way(make(*arrays).compute, said))
        return ways

    def hist(self, d: Data):
        import dask.array as da

        return self.lazy(d, lambda a: da.histogram(a, BINS, d.hist_range)[0], "a")

    def hist_log2d(self, d: Data):
        import dask.array as da

        def make(a, b, w):
            sample = (da.log10(a), da.log10(b))
            ranges = [d.log_range] * 2
            return da.histogramdd(sample, (BINS_2D,) * 2, range=ranges, weights=w)[0]

        return self.lazy(d, make, "a", "b", "w")

    def expr_sqrt(self, d: Data):
        import dask.array as da

        def make(a, b):
            return da.sqrt(a * a + b * b) * 2 - 1

        return self.lazy(d, make, "a", "b", note="into fresh memory")

    def expr_explog(self, d: Data):
        import dask.array as da

        def make(a, b):
            return da.exp(-a) * da.log(b)

        return self.lazy(d, make, "a", "b", note="into fresh memory")

    def sum_f32(self, d: Data):
        return self.lazy(d, lambda a: a.sum(), "a", note="pairwise sums in float32")

    def sum_f64(self, d: Data):
        return self.lazy(d, lambda w: w.sum(), "w", note="pairwise sums, not exact")

    def std_f32(self, d: Data):
        return self.lazy(d, lambda a: a.std(), "a", note="sums in float64")

    def ptp(self, d: Data):
        import dask.array as da

        return self.lazy(d, lambda a: da.ptp(a), "a")

    def topk(self, d: Data):
        import dask.array as da

        return self.lazy(d, lambda a: da.topk(a, TOP), "a")

    def group_sum(self, d: Data):
        import dask.array as da

        note = "da.bincount, plain sums in float64"
        return self.lazy(
            d, lambda a, g: da.bincount(g, weights=a, minlength=GROUPS), "a", "g", note=note
        )

    def profile(self, d: Data):
        import dask.array as da

        def make(a, b):
            sums = da.histogram(a, BINS, d.hist_range, weights=b)[0]
            return sums / da.histogram(a, BINS, d.hist_range)[0]

        return self.lazy(d, make, "a", "b", note="two histograms")

    def stored(self, d: Data, name: str):
        """A dataset in whole chunks of about 2^20 rows."""
        import dask.array as da

        dataset = d.stored(name)
        chunk = dataset.chunks[0] if dataset.chunks else 1
        return da.from_array(dataset, chunks=max(1, self.rows // chunk) * chunk)

    def mean(self, d: Data):
        return Way(self.stored(d, "x").mean(dtype="f8").compute, "sums in float64")

    def std(self, d: Data):
        return Way(self.stored(d, "x").std(dtype="f8").compute, "sums in float64")

    def expr(self, d: Data):
        import dask.array as da

        x, y = self.stored(d, "x"), self.stored(d, "y")
        return Way((da.sqrt(x * x + y * y) * 2 - 1).sum(dtype="f8").compute, "sums in float64")

    def expr1(self, d: Data):
        import dask.array as da

        x = self.stored(d, "x")
        return Way(da.sqrt(x * x + 1).sum(dtype="f8").compute, "sums in float64")

    def file_hist(self, d: Data):
        import dask.array as da

        return Way(da.histogram(self.stored(d, "x"), BINS, d.file_range)[0].compute)

    def gradient(self, d: Data):
        import dask.array as da

        slopes = da.gradient(self.stored(d, "x"))
        # Some versions give a list of one.
        slopes = slopes[0] if isinstance(slopes, list) else slopes
        return Way(da.absolute(slopes).max().compute)

    def convolve(self, d: Data):
        import dask.array as da
        import numpy as np

        kernel = np.array(KERNEL, "f4")
        depth = len(KERNEL) - 1
        x = self.stored(d, "x")
        # Each chunk sees the end of the one before, whose own sums it leaves out.
        sums = da.map_overlap(
            lambda part: np.convolve(part, kernel, "valid"),
            x,
            depth=(depth, 0),
            boundary="none",
            trim=False,
            dtype=x.dtype,
            meta=np.empty(0, "f4"),
            chunks=((x.chunks[0][0] - depth, *x.chunks[0][1:]),),
        )
        return Way(sums.max().compute, "map_overlap")

    def square(self, d: Data):
        """The square, in its own chunks or four of them."""
        import dask.array as da

        dataset = d.stored("t")
        edges = dataset.chunks[0], 2 * dataset.chunks[0]
        return [(da.from_array(dataset, chunks=edge), f"chunks of {edge}^2") for edge in edges]

    def max2d(self, d: Data):
        return [Way(t.max().compute, note) for t, note in self.square(d)]

    def stencil(self, d: Data):
        def make(t):
            total = t[:-2, 1:-1] + t[2:, 1:-1] + t[1:-1, :-2] + t[1:-1, 2:]
            return (total - 4 * t[1:-1, 1:-1]).max().compute

        return [Way(make(t), f"slices, {note}") for t, note in self.square(d)]

    def product(self, d: Data):
        import dask.array as da

        p, q = (d.file("product.h5")[name] for name in "pq")
        # Partial products of a row of blocks live at the same time.
        room(p.nbytes * 3)
        p, q = (da.from_array(x, chunks=x.chunks) for x in (p, q))
        return Way(da.matmul(p, q).sum(dtype="f8").compute, "no bound on memory; sums in float64")

    def tasks(self, d: Data):
        import dask.array as da

        n = min(d.tasks, self.most_tasks)
        start = time.perf_counter()
        total = da.arange(2 * n, chunks=2).sum(split_every=1000)
        taken = (time.perf_counter() - start) / n
        return Way(
            total.compute,
            f"{n} tasks; the graph is made before",
            part=n / d.tasks,
            expected=[float(n * (2 * n - 1))] if n < d.tasks else None,
            facts=[{"title": "dask: making the graph, per task", "value": taken, "unit": "s"}],
        )


class Vaex(Peer):
    name = "vaex"
    modules = ("vaex", "h5py")
    storages = ("contiguous",)

    def __init__(self, threads: int):
        super().__init__(threads)
        import vaex.cache

        vaex.cache.off()

    def version(self) -> str:
        import numpy as np
        import vaex

        return f"vaex-core {vaex.__version__['vaex-core']} (numpy {np.__version__})"

    def frame(self, d: Data, *names: str):
        import vaex

        return vaex.from_arrays(**dict(zip(names, d.columns(*names))))

    def hist(self, d: Data):
        df = self.frame(d, "a")
        limits = list(d.hist_range)
        return Way(lambda: df.count(binby="a", limits=limits, shape=BINS))

    def hist_log2d(self, d: Data):
        df = self.frame(d, "a", "b", "w")
        by, limits = ["log10(a)", "log10(b)"], [list(d.log_range)] * 2
        return Way(lambda: df.sum("w", binby=by, limits=limits, shape=BINS_2D))

    def expr_sqrt(self, d: Data):
        df = self.frame(d, "a", "b")
        return Way(lambda: df.evaluate("sqrt(a*a + b*b)*2 - 1"), "into fresh memory")

    def expr_explog(self, d: Data):
        df = self.frame(d, "a", "b")
        return Way(lambda: df.evaluate("exp(-a)*log(b)"), "into fresh memory")

    def sum_f32(self, d: Data):
        df = self.frame(d, "a")
        return Way(lambda: df.sum("a"), "plain sums in float64")

    def sum_f64(self, d: Data):
        df = self.frame(d, "w")
        return Way(lambda: df.sum("w"), "plain sums, not exact")

    def std_f32(self, d: Data):
        df = self.frame(d, "a")
        return Way(lambda: df.std("a"), "sums of values and squares in float64")

    def group_sum(self, d: Data):
        df = self.frame(d, "a", "g")
        limits = [-0.5, GROUPS - 0.5]
        return Way(lambda: df.sum("a", binby="g", limits=limits, shape=GROUPS), "plain sums in float64")

    def profile(self, d: Data):
        df = self.frame(d, "a", "b")
        limits = list(d.hist_range)
        return Way(lambda: df.mean("b", binby="a", limits=limits, shape=BINS), "plain sums in float64")

    def mapped(self, d: Data, *names: str):
        """The columns of a file where they lie, as vaex opens its own files."""
        import numpy as np
        import vaex

        columns = {}
        for name in names:
            dataset = d.stored(name)
            place = "r", dataset.id.get_offset(), dataset.shape
            columns[name] = np.memmap(dataset.file.filename, dataset.dtype, *place)
        return vaex.from_arrays(**columns)

    def mean(self, d: Data):
        df = self.mapped(d, "x")
        return Way(lambda: df.mean("x"), "maps the file; plain sums in float64")

    def std(self, d: Data):
        df = self.mapped(d, "x")
        return Way(lambda: df.std("x"), "maps the file; sums of values and squares in float64")

    def expr(self, d: Data):
        df = self.mapped(d, "x", "y")
        note = "maps the file; plain sums in float64"
        return Way(lambda: df.sum("sqrt(x*x + y*y)*2 - 1"), note)

    def expr1(self, d: Data):
        df = self.mapped(d, "x")
        return Way(lambda: df.sum("sqrt(x*x + 1)"), "maps the file; plain sums in float64")

    def file_hist(self, d: Data):
        df = self.mapped(d, "x")
        limits = list(d.file_range)
        return Way(lambda: df.count(binby="x", limits=limits, shape=BINS), "maps the file")
