"""Files, groups, and arrays that lie in other objects."""

import threading

import h5py
import numpy as np
import pytest

import chunkwise as cw

from conftest import same


def test_files_groups_and_datasets_are_reached_by_their_names(snapshot):
    path, v = snapshot
    f = cw.open(path)
    assert isinstance(f, cw.Group) and f.keys() == ["gas"] and "gas" in f and len(f) == 1
    assert f.gas.keys() == ["id", "rho", "t"] and list(f["gas"]) == ["id", "rho", "t"] and f.gas.name == "/gas"
    for rho in (f.gas.rho, f["gas"]["rho"], f["/gas/rho"], cw.open(f"{path}:/gas/rho"), cw.open(path, "/gas/rho"), cw.open(path, "gas/rho")):
        same(rho, v["rho"])
    assert rho.chunks == ((16,) * 6 + (4,), (7,) * 4 + (2,)) and rho.npartitions == 35
    assert f.attrs["Time"] == 0.5 and list(f.attrs["Names"]) == ["a", "b"]
    assert cw.attributes(f"{path}:/gas/t")["_FillValue"] == -300
    assert cw.attributes(path, "gas/t")["_FillValue"].dtype == np.int16
    assert "rho" in dir(f.gas) and dict(f.gas.items())["id"].shape == (100,)
    with pytest.raises(AttributeError):
        f.gas.nothing
    with pytest.raises(TypeError):
        f[0]


def test_what_is_not_there_is_an_error_of_the_fitting_kind(snapshot, tmp_path):
    path, _ = snapshot
    for missing in (lambda: cw.open(tmp_path / "no.h5"), lambda: cw.open(path, "/nothing"), lambda: cw.open(path)["nothing"],
                    lambda: cw.open(str(tmp_path / "no_*.h5"), "/x"), lambda: cw.attributes(path, "/nothing")):  # fmt: skip
        with pytest.raises(FileNotFoundError) as e:
            missing()
        assert isinstance(e.value, KeyError) and isinstance(e.value, cw.ChunkwiseError)
    bad = tmp_path / "bad.h5"
    bad.write_bytes(b"no HDF5 at all" * 100)
    with pytest.raises(OSError):
        cw.open(bad, "/x")


def test_packed_numbers_are_decoded_when_that_is_asked(snapshot):
    path, v = snapshot
    raw, t = cw.open(path, "/gas/t"), cw.open(path, "/gas/t", decode=True)
    same(raw, v["t"])
    wanted = np.where(v["t"] == -300, np.nan, v["t"] * np.float32(0.5) + np.float32(10)).astype(np.float32)
    np.testing.assert_array_equal(t.compute(), wanted)
    assert t.attrs == {"units": "K", "missing": "NaN"}
    np.testing.assert_allclose(cw.nanmean(t).compute(), np.nanmean(wanted.astype(float)), rtol=1e-6)
    assert np.isnan(t.mean().compute()) == np.isnan(wanted).any()


def test_many_files_are_one_array(tmp_path):
    parts = [np.arange(n * 3.0).reshape(n, 3) + n for n in (4, 2, 5)]
    for i, part in enumerate(parts):
        with h5py.File(tmp_path / f"p_{i}.h5", "w") as f:
            f["x"] = part
    same(cw.open(tmp_path / "p_*.h5", "/x"), np.concatenate(parts))
    same(cw.open([tmp_path / "p_2.h5", tmp_path / "p_0.h5"], "x"), np.concatenate([parts[2], parts[0]]))
    same(cw.open([tmp_path / "p_1.h5"] * 2, "/x", stack=True, axis=1), np.stack([parts[1]] * 2, axis=1))
    with pytest.raises(ValueError):
        cw.open(tmp_path / "p_*.h5", "/x", axis=1)
    same(cw.open(str(tmp_path / "p_*.h5"))["x"], np.concatenate(parts))


def test_datasets_of_h5py_are_read_from_their_file(snapshot, tmp_path):
    path, v = snapshot
    with h5py.File(path) as f:
        x = cw.from_array(f["gas/rho"])
        assert x.chunks[0][0] == 16 and x._made[0] == "open"
        same(x + cw.asarray(f["gas/rho"]), 2 * v["rho"])
        same(cw.mean(f["gas/id"]), v["id"].mean())
    same(x, v["rho"])
    with h5py.File(tmp_path / "w.h5", "w") as f:
        f["x"] = np.arange(5)
        same(cw.from_array(f["x"]), np.arange(5))
    with h5py.File("core", "w", driver="core", backing_store=False) as f:
        f["x"] = np.arange(5.0)
        same(cw.from_array(f["x"]), np.arange(5.0))


class Sliced:
    """What has shape, dtype and __getitem__, and counts what is asked of it."""

    def __init__(self, x, chunks=None):
        self.x, self.shape, self.dtype, self.asked = x, x.shape, x.dtype, []
        if chunks:
            self.chunks = chunks

    def __getitem__(self, key):
        self.asked.append((key, threading.get_ident()))
        return self.x[key]


@pytest.mark.parametrize("threads", [1, 3])
def test_other_objects_are_asked_once_for_each_chunk(threads):
    n = np.arange(7 * 10, dtype=np.int32).reshape(7, 10)
    source = Sliced(n, chunks=(3, 4))
    with cw.Session(threads=threads):
        x = cw.from_array(source)
        assert x.chunks == ((3, 3, 1), (4, 4, 2)) and not source.asked
        same(x.sum(axis=0), n.sum(axis=0))
        assert len(source.asked) == 9
        same(x[2:, ::3] * 2, n[2:, ::3] * 2)
        for chunks in (5, (7, 2), (-1, 3), None):
            other = Sliced(n)
            same(cw.from_array(other, chunks=chunks), n)
            assert len(other.asked) == {5: 4, (7, 2): 5, (-1, 3): 4, None: 1}[chunks]
    same(cw.from_array(Sliced(np.float64(3.5) + np.zeros(()))), np.array(3.5))
    same(cw.from_array(Sliced(np.zeros((0, 3)))), np.zeros((0, 3)))


def test_what_other_objects_raise_is_the_cause():
    class Broken(Sliced):
        def __getitem__(self, key):
            raise RuntimeError("the tape is torn")

    with pytest.raises(OSError) as e:
        cw.from_array(Broken(np.zeros((4, 4)))).sum().compute()
    assert isinstance(e.value.__cause__, RuntimeError) and "torn" in str(e.value.__cause__)

    class Short(Sliced):
        def __getitem__(self, key):
            return self.x[:1]

    with pytest.raises(OSError) as e:
        cw.from_array(Short(np.zeros((4, 4)))).sum().compute()
    assert isinstance(e.value.__cause__, ValueError)

    class Masked(Sliced):
        def __getitem__(self, key):
            return np.ma.masked_equal(self.x[key], 0)

    with pytest.raises(OSError) as e:
        cw.from_array(Masked(np.zeros((4, 4)))).sum().compute()
    assert isinstance(e.value.__cause__, TypeError)
    for wrong in ([1, 2], 3, "x"):
        with pytest.raises(TypeError):
            cw.from_array(wrong)
    with pytest.raises((TypeError, ValueError)):
        cw.from_array(Sliced(np.zeros((3, 3))), chunks=(1, 2, 3))


def test_stored_arrays_are_read_by_h5py_and_are_one_run(snapshot, tmp_path):
    path, v = snapshot
    rho = cw.open(path, "/gas/rho")
    out, other = tmp_path / "out.h5", tmp_path / "other.h5"
    with cw.Session(threads=2) as s:
        mean = s.store({out: {"/a/root": np.sqrt(rho), "twice": rho * 2}, other: {"x": rho}}, compute=rho.mean(), compression=1)
        assert s._runs == 1 and s.report.chunks_decoded == 35
    np.testing.assert_allclose(mean, v["rho"].mean(), rtol=1e-15)
    with h5py.File(out) as f, h5py.File(other) as g:
        np.testing.assert_array_equal(f["a/root"], np.sqrt(v["rho"]))
        np.testing.assert_array_equal(f["twice"], v["rho"] * 2)
        np.testing.assert_array_equal(g["x"], v["rho"])
        assert f["twice"].compression == "gzip"
    with pytest.raises(OSError):
        cw.store(out, {"x": rho})
    rho.store(out, "y", overwrite=True, chunks=(10, 10))
    with h5py.File(out) as f:
        assert f["y"].chunks == (10, 10) and list(f) == ["y"]
    with pytest.raises(ValueError):
        cw.store(path, {"x": rho}, overwrite=True)
