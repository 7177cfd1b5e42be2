"""Those that fill bins."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from base import Data, Peer, Way, room
from works import BINS, BINS_2D


class FastHistogram(Peer):
    name = "fast-histogram"
    modules = ("numpy", "h5py", "fast_histogram")
    pieces = 1

    def __init__(self, threads: int):
        super().__init__(threads)
        self.pool = None

    def version(self) -> str:
        import fast_histogram

        return fast_histogram.__version__

    def close(self):
        if self.pool is not None:
            self.pool.shutdown()

    def fill(self, one: Callable, columns: list):
        """`one` over pieces of the columns, added up."""
        if self.pieces == 1:
            return one(*columns)
        if self.pool is None:
            self.pool = ThreadPoolExecutor(self.pieces)
        rows = len(columns[0])
        ends = [rows * k // self.pieces for k in range(self.pieces + 1)]
        parts = [[c[i:j] for c in columns] for i, j in zip(ends, ends[1:])]
        return sum(self.pool.map(lambda part: one(*part), parts))

    def hist(self, d: Data):
        from fast_histogram import histogram1d

        a = d.column("a")

        def one(a):
            return histogram1d(a, BINS, d.hist_range)

        return Way(lambda: self.fill(one, [a]), "bins by index arithmetic alone")

    def hist_log2d(self, d: Data):
        import numpy as np
        from fast_histogram import histogram2d

        columns = d.columns("a", "b", "w")
        ranges = [d.log_range] * 2

        def one(a, b, w):
            return histogram2d(np.log10(a), np.log10(b), BINS_2D, ranges, weights=w)

        return Way(
            lambda: self.fill(one, columns), "np.log10 first, bins by index arithmetic alone"
        )


class FastHistogramThreads(FastHistogram):
    """The same, of pieces of the data on Python's threads."""

    name = "fast-histogram, threads"

    @classmethod
    def shown(cls, threads: int) -> str:
        return f"fast-histogram, {threads} threads"

    def __init__(self, threads: int):
        super().__init__(threads)
        self.pieces = threads


class BoostHistogram(Peer):
    name = "boost-histogram"
    modules = ("numpy", "h5py", "boost_histogram")

    def version(self) -> str:
        import boost_histogram

        return boost_histogram.__version__

    def hist(self, d: Data):
        import boost_histogram as bh

        a = d.column("a")
        axis = bh.axis.Regular(BINS, *d.hist_range)

        def run():
            return bh.Histogram(axis, storage=bh.storage.Int64()).fill(a, threads=self.n).values()

        return Way(run, "bins by index arithmetic alone")

    def hist_log2d(self, d: Data):
        import boost_histogram as bh
        import numpy as np

        a, b, w = d.columns("a", "b", "w")
        low, high = d.log_range
        log = bh.axis.transform.log
        axis = bh.axis.Regular(BINS_2D, low, high)
        log_axis = bh.axis.Regular(BINS_2D, 10**low, 10**high, transform=log)

        def first():
            h = bh.Histogram(axis, axis)
            return h.fill(np.log10(a), np.log10(b), weight=w, threads=self.n).values()

        def second():
            h = bh.Histogram(log_axis, log_axis)
            return h.fill(a, b, weight=w, threads=self.n).values()

        return [Way(first, "np.log10 first, on one thread"), Way(second, "logarithmic axes")]


class Yt(Peer):
    name = "yt"
    modules = ("numpy", "h5py", "yt")

    def version(self) -> str:
        import numpy as np
        import yt

        return f"{yt.__version__} (numpy {np.__version__})"

    def hist_log2d(self, d: Data):
        import yt

        yt.set_log_level(50)
        columns = dict(zip("abw", d.columns("a", "b", "w")))
        rows = len(columns["a"])
        room(8 * 8 * rows)
        shape = (rows, 1, 1)
        ds = yt.load_uniform_grid({k: v.reshape(shape) for k, v in columns.items()}, shape)
        a, b, w = (("stream", name) for name in "abw")
        extrema = tuple(10**x for x in d.log_range)

        def run():
            profile = yt.create_profile(
                ds.all_data(),
                [a, b],
                [w],
                n_bins=BINS_2D,
                extrema={a: extrema, b: extrema},
                logs={a: True, b: True},
                weight_field=None,
            )
            return profile[w].d

        return Way(run, "create_profile over a uniform grid, one thread")
