"""Writes render.txt: how NumPy prints arrays.

Each record is `== dtype shape hexbytes` (or `== dtype shape ramp`: element i is i * 0.5 - 3, cast), then
NumPy's text. Rank 0 is `str(x[()])`, everything else `numpy.array2string(x)`.

    python3 tests/goldens/make_render.py > tests/goldens/render.txt
"""
import numpy as np

rng = np.random.default_rng(7)
FLOATS = ("float16", "float32", "float64")
INTS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


def emit(x, ramp=False):
    x = np.asarray(x)
    shape = ",".join(map(str, x.shape)) or "-"
    data = "ramp" if ramp else x.tobytes().hex() or "-"
    print(f"== {x.dtype} {shape} {data}")
    print(str(x[()]) if x.ndim == 0 else np.array2string(x))


def ramp(dtype, shape):
    n = int(np.prod(shape))
    emit((np.arange(n) * 0.5 - 3).astype(dtype).reshape(shape), ramp=True)


with np.errstate(all="ignore"):
    for d in FLOATS:
        fi = np.finfo(d)
        for v in [0, -0.0, 1, -1, 0.1, 1 / 3, 1e-4, 9.999e-5, 1e-5, 1e5, 12345.678, 1e15, 9.9e15, 1e16, 1.5e16, 1e22,
                  np.nan, np.inf, -np.inf, fi.max, fi.tiny, fi.smallest_subnormal, fi.eps, 2.0**-14, 2.0**10]:
            emit(np.array(v, d))
        for a in [[1.5], [1, 2, 3], [1, np.nan], [np.nan], [np.inf, -np.inf], [-np.inf, 1.25, np.nan], [0, -0.0],
                  [1e-5, 1], [1, 1000], [1, 1001], [1e3, 1e3], [999, 1], [1e6], [999999, 1e5], [1e8], [99999999.0],
                  [1e-4], [0.00009999], [1e-300, 1], [1e300, np.inf], [1e100, -1e-100], [1 / 3, 2 / 3, 1],
                  [0.1, 0.25, -10], [123.456789012345, 1], [1e10, np.nan, -np.inf], [np.inf, 1e-7, -np.inf],
                  [0, 1e-8, 5e-9], [99.999999999, 1], [0.999999999, 0.5], [9.9999999999e9, 1e9]]:
            emit(np.array(a, d))
        for shape in [(40,), (5, 7), (2, 3, 4), (3, 1, 2, 2)]:
            emit(rng.standard_normal(shape).astype(d))
        emit((rng.standard_normal(60) * 10.0 ** rng.integers(-8, 8, 60)).astype(d))
        emit(np.exp2(np.arange(-14, 16)).astype(d))
        emit(np.exp2(np.arange(-24, -14)).astype(d))
    for _ in range(30):
        emit(rng.integers(0, 2**64, 6, dtype=np.uint64).view(np.float64))
        emit(rng.integers(0, 2**32, 6, dtype=np.uint32).view(np.float32))
        emit(rng.integers(0, 2**16, 6, dtype=np.uint16).view(np.float16))
    for d in INTS:
        ii = np.iinfo(d)
        emit(np.array(ii.max, d))
        emit(np.array([ii.min, 0, ii.max], d))
        emit(rng.integers(ii.min, ii.max, 30, dtype=d, endpoint=True))
        emit(rng.integers(ii.min, ii.max, (2, 2, 3), dtype=d, endpoint=True))
    for a in [True, False, [True], [False, True], [True, True]]:
        emit(np.array(a))
    emit(rng.integers(0, 2, (3, 20)).astype(bool))
    for shape in [(0,), (2, 0), (0, 3)]:
        emit(np.zeros(shape))
    for shape in [(1000,), (1001,), (7, 200), (6, 200), (200, 6), (200, 7), (200, 8), (2, 600), (1, 1, 1001),
                  (20, 20, 20), (2000, 1), (3, 2, 500), (8, 8, 8, 8)]:
        ramp("float64", shape)
        ramp("int32", shape)
    ramp("float32", (5000,))
    ramp("float16", (30, 50))
    for n in (1, 2, 9, 18, 19, 20, 37, 38):
        emit(np.full(n, 1.25))
        emit(np.full((2, n), 10**n % 100000007))
    emit(np.full(3, 1.2345678e-300) * np.array([1, -1, 1e10]))
    emit(np.ones((1,) * 9))
    emit(np.ones((2, 1, 1, 1, 30)))
