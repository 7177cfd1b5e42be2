"""What the tests share: comparison with NumPy, and files that h5py writes."""

import h5py
import numpy as np
import pytest

import chunkwise as cw


def same(lazy, expected, *, rtol=0.0):
    """Asserts that an array has NumPy's dtype, shape and values: the same bits, or within rtol."""
    got = np.asarray(lazy.compute() if isinstance(lazy, cw.Array) else lazy)
    expected = np.asarray(expected)
    assert got.dtype == expected.dtype, (got.dtype, expected.dtype)
    assert got.shape == expected.shape, (got.shape, expected.shape)
    if isinstance(lazy, cw.Array):
        assert (lazy.dtype, lazy.shape) == (got.dtype, got.shape)
    if rtol:
        np.testing.assert_allclose(got, expected, rtol=rtol)
    else:
        np.testing.assert_array_equal(got, expected)


@pytest.fixture
def cube():
    """An array of NumPy's and a lazy one over it."""
    x = np.arange(60, dtype=np.float64).reshape(3, 4, 5) - 20
    return x, cw.from_array(x)


@pytest.fixture
def snapshot(tmp_path):
    """A file with chunked, compressed datasets, and their values."""
    path = tmp_path / "snap.h5"
    random = np.random.default_rng(1)
    values = {
        "rho": random.random((100, 30)),
        "id": random.integers(0, 1000, (100,), dtype=np.int32),
        "t": random.integers(-300, 300, (20, 10), dtype=np.int16),
    }
    with h5py.File(path, "w") as f:
        g = f.create_group("gas")
        g.create_dataset("rho", data=values["rho"], chunks=(16, 7), compression="gzip", shuffle=True)
        g.create_dataset("id", data=values["id"], chunks=(9,))
        t = g.create_dataset("t", data=values["t"])
        t.attrs["scale_factor"] = 0.5
        t.attrs["add_offset"] = 10.0
        t.attrs["_FillValue"] = np.int16(-300)
        t.attrs["units"] = "K"
        f.attrs["Time"] = 0.5
        f.attrs["Names"] = ["a", "b"]
    return path, values
