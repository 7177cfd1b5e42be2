"""NumPy, what evaluates expressions over its arrays, and exact sums."""

from __future__ import annotations

import itertools
import math
import platform

from base import Data, Peer, Way, hdf5_version, room
from works import BINS, BINS_2D, EXACT, GROUPS, KERNEL, TOP, Tolerance, picked


class Numpy(Peer):
    name = "numpy"
    modules = ("numpy", "h5py")

    def version(self) -> str:
        import numpy as np

        try:
            blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
            return f"{np.__version__} ({blas['name']} {blas['version']})"
        except (KeyError, TypeError):
            return np.__version__

    def hist(self, d: Data):
        import numpy as np

        a = d.column("a")
        note = "edges in float32, one thread"
        return Way(lambda: np.histogram(a, BINS, d.hist_range)[0], note)

    def hist_log2d(self, d: Data):
        import numpy as np

        a, b, w = d.columns("a", "b", "w")
        ranges = [d.log_range] * 2

        def run():
            return np.histogram2d(np.log10(a), np.log10(b), BINS_2D, ranges, weights=w)[0]

        return Way(run, "one thread")

    def expr_sqrt(self, d: Data):
        import numpy as np

        a, b = d.columns("a", "b")
        out, other = np.empty_like(a), np.empty_like(a)

        def run():
            np.multiply(a, a, out=out)
            np.multiply(b, b, out=other)
            np.add(out, other, out=out)
            np.sqrt(out, out=out)
            np.multiply(out, 2, out=out)
            return np.subtract(out, 1, out=out)

        return Way(run, "one operation after the other with out=, one thread")

    def expr_explog(self, d: Data):
        import numpy as np

        a, b = d.columns("a", "b")
        out, other = np.empty_like(a), np.empty_like(a)

        def run():
            np.negative(a, out=out)
            np.exp(out, out=out)
            np.log(b, out=other)
            return np.multiply(out, other, out=out)

        return Way(run, "one operation after the other with out=, one thread")

    def sum_f32(self, d: Data):
        a = d.column("a")
        return Way(a.sum, "pairwise sums in float32, one thread")

    def sum_f64(self, d: Data):
        w = d.column("w")
        return Way(w.sum, "pairwise sums, not exact, one thread")

    def std_f32(self, d: Data):
        a = d.column("a")
        return Way(a.std, "pairwise sums in float32, one thread")

    def ptp(self, d: Data):
        import numpy as np

        a = d.column("a")
        return Way(lambda: np.ptp(a), "one thread")

    def topk(self, d: Data):
        import numpy as np

        a = d.column("a")
        note = "np.partition of a copy, then a sort of the largest; one thread"
        return Way(lambda: np.sort(np.partition(a, len(a) - TOP)[-TOP:])[::-1], note)

    def median(self, d: Data):
        import numpy as np

        a = d.column("a")
        return Way(lambda: np.median(a), "np.partition of a copy; one thread")

    def cumsum(self, d: Data):
        import numpy as np

        w = d.column("w")
        out = np.empty_like(w)
        return Way(lambda: np.cumsum(w, out=out), "each sum rounded again, one thread")

    def group_sum(self, d: Data):
        import numpy as np

        a, g = d.columns("a", "g")
        note = "np.bincount, plain sums in float64, one thread"
        return Way(lambda: np.bincount(g, weights=a, minlength=GROUPS), note)

    def profile(self, d: Data):
        import numpy as np

        a, b = d.columns("a", "b")

        def run():
            sums = np.histogram(a, BINS, d.hist_range, weights=b)[0]
            return sums / np.histogram(a, BINS, d.hist_range)[0]

        return Way(run, "two histograms; edges and sums in float32, one thread")

    def matmul(self, d: Data):
        import numpy as np

        a, b = d.matrices()
        out = np.empty_like(a)
        return Way(lambda: np.matmul(a, b, out=out))


class NumpyFile(Peer):
    """A file read whole, then NumPy."""

    name = "h5py + numpy"
    modules = ("numpy", "h5py")
    note = "the whole column in memory, sums in float64, one thread"

    def version(self) -> str:
        import numpy as np

        return f"{hdf5_version()}, numpy {np.__version__}"

    def read(self, d: Data, *names: str):
        """What reads columns into buffers that are used again."""
        import numpy as np

        datasets = [d.stored(name) for name in names]
        room(3 * sum(x.nbytes for x in datasets))
        buffers = [np.empty(x.shape, x.dtype) for x in datasets]

        def read():
            for dataset, buffer in zip(datasets, buffers):
                dataset.read_direct(buffer)
            return buffers

        return read

    def mean(self, d: Data):
        read = self.read(d, "x")
        return Way(lambda: read()[0].mean(dtype="f8"), self.note)

    def take(self, d: Data):
        import numpy as np

        read = self.read(d, "x")
        at = np.array(picked(len(d.stored("x"))))
        return Way(lambda: read()[0][at].sum(dtype="f8"), self.note)

    def std(self, d: Data):
        read = self.read(d, "x")
        return Way(lambda: read()[0].std(dtype="f8"), self.note)

    def expr(self, d: Data):
        import numpy as np

        read = self.read(d, "x", "y")

        def run():
            x, y = read()
            np.multiply(x, x, out=x)
            np.multiply(y, y, out=y)
            np.add(x, y, out=x)
            np.sqrt(x, out=x)
            np.multiply(x, 2, out=x)
            return np.subtract(x, 1, out=x).sum(dtype="f8")

        return Way(run, self.note)

    def expr1(self, d: Data):
        import numpy as np

        read = self.read(d, "x")

        def run():
            (x,) = read()
            np.multiply(x, x, out=x)
            np.add(x, 1, out=x)
            return np.sqrt(x, out=x).sum(dtype="f8")

        return Way(run, self.note)

    def file_hist(self, d: Data):
        import numpy as np

        read = self.read(d, "x")
        note = "the whole column in memory, edges in float32, one thread"
        return Way(lambda: np.histogram(read()[0], BINS, d.file_range)[0], note)

    def gradient(self, d: Data):
        import numpy as np

        read = self.read(d, "x")
        note = "the whole column in memory, one thread"
        return Way(lambda: np.abs(np.gradient(read()[0])).max(), note)

    def convolve(self, d: Data):
        import numpy as np

        read = self.read(d, "x")
        kernel = np.array(KERNEL, "f4")
        note = "the whole column in memory, one thread"
        return Way(lambda: np.convolve(read()[0], kernel, "valid").max(), note)

    def max2d(self, d: Data):
        read = self.read(d, "t")
        return Way(lambda: read()[0].max(), "the whole square in memory, one thread")

    def stencil(self, d: Data):
        read = self.read(d, "t")

        def run():
            (t,) = read()
            total = t[:-2, 1:-1] + t[2:, 1:-1]
            total += t[1:-1, :-2]
            total += t[1:-1, 2:]
            total -= 4 * t[1:-1, 1:-1]
            return total.max()

        return Way(run, "the whole square in memory, one thread")

    def product(self, d: Data):
        import numpy as np

        p, q = (d.file("product.h5")[name] for name in "pq")
        room(p.nbytes * 3)
        note = "both matrices and the product whole in memory"
        return Way(lambda: np.matmul(p[:], q[:]).sum(dtype="f8"), note)


class Fsum(Peer):
    """Exact as ours."""

    name = "math.fsum"
    modules = ("numpy", "h5py")

    @classmethod
    def tolerance(cls, key: str) -> Tolerance:
        return EXACT

    def version(self) -> str:
        return f"Python {platform.python_version()}"

    def sum_f64(self, d: Data):
        w = d.column("w")
        rows = 1 << 16

        def run():
            lists = (w[i : i + rows].tolist() for i in range(0, len(w), rows))
            return math.fsum(itertools.chain.from_iterable(lists))

        return Way(run, "exact, one thread; a Python object for each number")


class Numexpr(Peer):
    name = "numexpr"
    modules = ("numpy", "h5py", "numexpr")

    def version(self) -> str:
        import numexpr as ne

        return f"{ne.__version__} ({'with' if ne.use_vml else 'without'} VML)"

    def evaluate(self, d: Data, text: str, *names: str, out: bool, note: str = ""):
        import numexpr as ne
        import numpy as np

        ne.set_num_threads(self.n)
        values = dict(zip(names, d.columns(*names)))
        into = np.empty_like(values[names[0]]) if out else None
        return Way(lambda: ne.evaluate(text, local_dict=values, out=into), note)

    def expr_sqrt(self, d: Data):
        return self.evaluate(d, "sqrt(a*a + b*b)*2 - 1", "a", "b", out=True)

    def expr_explog(self, d: Data):
        return self.evaluate(d, "exp(-a)*log(b)", "a", "b", out=True)

    def sum_f32(self, d: Data):
        note = "as sum(a*1.0): plain sums in float64; those in float32 are off by 1e-4; one thread"
        return self.evaluate(d, "sum(a*1.0)", "a", out=False, note=note)

    def sum_f64(self, d: Data):
        return self.evaluate(d, "sum(w)", "w", out=False, note="plain sums, not exact; one thread")


class Blosc2(Peer):
    name = "blosc2"
    modules = ("numpy", "h5py", "blosc2")

    def __init__(self, threads: int):
        super().__init__(threads)
        import blosc2

        blosc2.set_nthreads(threads)

    def version(self) -> str:
        import blosc2

        return blosc2.__version__

    def lazy(self, d: Data, text: str):
        import blosc2

        columns = dict(zip("ab", d.columns("a", "b")))
        plain = {"clevel": 0}
        open_ = {k: blosc2.asarray(v, cparams=plain) for k, v in columns.items()}
        packed = {k: blosc2.asarray(v) for k, v in columns.items()}
        into = " into a NumPy array"
        return [
            Way(lambda: blosc2.lazyexpr(text, open_).compute(cparams=plain), "NDArrays, clevel 0"),
            Way(lambda: blosc2.lazyexpr(text, open_)[:], "NDArrays, clevel 0," + into),
            Way(lambda: blosc2.lazyexpr(text, packed)[:], "compressed NDArrays," + into),
            Way(lambda: blosc2.lazyexpr(text, columns)[:], "NumPy arrays," + into),
        ]

    def expr_sqrt(self, d: Data):
        return self.lazy(d, "sqrt(a*a + b*b)*2 - 1")

    def expr_explog(self, d: Data):
        return self.lazy(d, "exp(-a)*log(b)")

    def reduce(self, d: Data, text: str, *names: str):
        """A sum over datasets of a file, which it reads through h5py."""
        import blosc2

        operands = {name: d.stored(name) for name in names}
        return Way(lambda: blosc2.lazyexpr(text, operands).sum(dtype="f8"), "sums in float64")

    def expr(self, d: Data):
        return self.reduce(d, "sqrt(x*x + y*y)*2 - 1", "x", "y")

    def expr1(self, d: Data):
        return self.reduce(d, "sqrt(x*x + 1)", "x")
