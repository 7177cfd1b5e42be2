"""xarray: the backend and the chunk manager, beside netCDF4's values and NumPy's."""

import pickle

import numpy as np
import pytest

import chunkwise as cw

xr = pytest.importorskip("xarray")
pd = pytest.importorskip("pandas")
pytest.importorskip("netCDF4")


@pytest.fixture
def climate(tmp_path):
    """A netCDF-4 file with packed numbers, times, bounds, a group and text."""
    random = np.random.default_rng(3)
    t2m = (random.random((48, 6, 8)) * 30 + 260).astype("float64")
    t2m[5, 2, 3] = np.nan
    time = pd.date_range("2001-01-01", periods=48, freq="MS")
    ds = xr.Dataset(
        {
            "t2m": (("time", "lat", "lon"), t2m, {"units": "K", "long_name": "temperature"}),
            "mask": (("lat", "lon"), random.integers(0, 2, (6, 8)).astype("int8")),
            "time_bnds": (("time", "bnds"), np.stack([time, time + pd.Timedelta(days=28)], axis=1)),
        },
        coords={"time": time, "lat": np.linspace(-75, 75, 6), "lon": np.arange(8) * 45.0, "name": ("lat", list("abcdef"))},
        attrs={"title": "a test"},
    )
    path = tmp_path / "climate.nc"
    encoding = {"t2m": {"dtype": "int16", "scale_factor": 0.01, "add_offset": 273.15, "_FillValue": -32767,
                        "chunksizes": (10, 3, 8), "zlib": True}}  # fmt: skip
    ds.to_netcdf(path, engine="netcdf4", encoding=encoding)
    ds[["mask"]].to_netcdf(path, engine="netcdf4", mode="a", group="inner")
    return path


def lazy(path, **how):
    return xr.open_dataset(path, engine="chunkwise", chunks={}, chunked_array_type="chunkwise", **how)


def test_a_dataset_is_that_of_netcdf4_with_and_without_chunks(climate):
    with xr.open_dataset(climate, engine="netcdf4") as wanted:
        wanted.load()
        eager = xr.open_dataset(climate, engine="chunkwise")
        xr.testing.assert_identical(eager.load(), wanted)
        opened = lazy(climate)
        assert isinstance(opened.t2m.data, cw.Array)
        stored = lazy(climate, mask_and_scale=False).t2m
        assert stored.chunks == ((10, 10, 10, 10, 8), (3, 3), (8,)) and stored.data._made[0] == "open"
        assert opened.t2m.dtype == wanted.t2m.dtype and opened.time.dtype.kind == "M"
        assert opened.t2m.encoding["scale_factor"] == 0.01 and opened.encoding["source"] == str(climate)
        xr.testing.assert_identical(opened.compute(), wanted)
        raw = xr.open_dataset(climate, engine="chunkwise", mask_and_scale=False, decode_times=False)
        with xr.open_dataset(climate, engine="netcdf4", mask_and_scale=False, decode_times=False) as stored:
            xr.testing.assert_identical(raw.load(), stored.load())
        inner = lazy(climate, group="inner")
        np.testing.assert_array_equal(inner.mask.values, wanted.mask.values)
        assert "mask" not in lazy(climate, drop_variables="mask")


def test_variables_are_indexed_as_others_before_they_are_read(climate):
    with xr.open_dataset(climate, engine="netcdf4") as wanted:
        for opened in (xr.open_dataset(climate, engine="chunkwise"), lazy(climate)):
            for pick in ({"time": 3}, {"time": slice(2, 40, 5)}, {"time": [3, 1, 7], "lon": [0, 5]}, {"lat": -1, "lon": slice(None, None, -1)}):
                xr.testing.assert_identical(opened.isel(pick).t2m.compute(), wanted.isel(pick).t2m.compute())
        part = xr.open_dataset(climate, engine="chunkwise").isel(time=slice(2, 30), lon=[1, 4])
        again = part.chunk(chunked_array_type="chunkwise")
        assert isinstance(again.t2m.data, cw.Array)
        xr.testing.assert_identical(again.t2m.compute(), wanted.isel(time=slice(2, 30), lon=[1, 4]).t2m.compute())


OPERATIONS = {
    "arithmetic": lambda d: (d.t2m - 273.15) * d.mask + 1,
    "mean": lambda d: d.t2m.mean(),
    "mean over time": lambda d: d.t2m.mean("time"),
    "std": lambda d: d.t2m.std("time"),
    "var ddof": lambda d: d.t2m.var(("lat", "lon"), ddof=1),
    "sum without skipna": lambda d: d.t2m.sum("time", skipna=False),
    "max": lambda d: d.t2m.max(("time", "lon")),
    "count": lambda d: d.t2m.count("time"),
    "where": lambda d: d.t2m.where(d.t2m > 270),
    "where other": lambda d: xr.where(d.t2m > 270, d.t2m, 0),
    "fillna": lambda d: d.t2m.fillna(0),
    "isnull": lambda d: d.t2m.isnull(),
    "clip": lambda d: d.t2m.clip(265, 280),
    "numpy": lambda d: np.log10(d.t2m),
    "sel": lambda d: d.t2m.sel(lat=slice(-50, 50), time="2002"),
    "nearest": lambda d: d.t2m.sel(lat=10, method="nearest"),
    "outer": lambda d: d.t2m.isel(time=[5, 1], lat=[0, 2]),
    "transpose": lambda d: d.t2m.transpose("lon", "time", "lat"),
    "stack": lambda d: d.t2m.stack(p=("lat", "lon")),
    "concat": lambda d: xr.concat([d.t2m, d.t2m + 1], "time"),
    "roll": lambda d: d.t2m.roll(lon=3),
    "shift": lambda d: d.t2m.shift(time=2),
    "diff": lambda d: d.t2m.diff("time"),
    "cumsum": lambda d: d.t2m.cumsum("time"),
    "rolling": lambda d: d.t2m.rolling(time=3).mean(),
    "coarsen": lambda d: d.t2m.coarsen(time=12).mean(),
    "climatology": lambda d: d.t2m.groupby("time.month").mean(),
    "anomaly": lambda d: d.t2m.groupby("time.month") - d.t2m.groupby("time.month").mean(),
    "resample": lambda d: d.t2m.resample(time="YS").mean(),
    "weighted": lambda d: d.t2m.weighted(np.cos(np.deg2rad(d.lat))).mean(("lat", "lon")),
    "quantile": lambda d: d.t2m.fillna(0).quantile(0.25, "time", skipna=False),
    "median": lambda d: d.t2m.fillna(0).median("time", skipna=False),
    "argmax": lambda d: d.t2m.fillna(0).argmax("time"),
    "dot": lambda d: xr.dot(d.t2m.fillna(0), d.mask.astype(float), dim=["lat", "lon"]),
    "integrate": lambda d: d.t2m.fillna(0).integrate("lat"),
    "differentiate": lambda d: d.t2m.differentiate("lat"),
    "sortby": lambda d: d.t2m.sortby("lat", ascending=False),
    "reindex": lambda d: d.t2m.reindex(lat=[-75.0, 0, 75]),
    "pad": lambda d: d.t2m.pad(lon=1, mode="wrap"),
    "dataset": lambda d: d[["t2m", "mask"]].mean("lat"),
    "astype": lambda d: d.t2m.astype("float32"),
    "round": lambda d: d.t2m.round(1),
    "expand": lambda d: d.t2m.expand_dims("z"),
    "squeeze": lambda d: d.t2m.isel(time=[0]).squeeze(),
    "broadcast": lambda d: xr.broadcast(d.t2m, d.mask)[1],
}

#: Computed at once by xarray itself, which asks NumPy for them: right, and not lazy.
AT_ONCE: dict[str, str] = {}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_stay_lazy_and_are_right(climate, name):
    operation = OPERATIONS[name]
    with xr.open_dataset(climate, engine="netcdf4") as wanted, xr.set_options(use_flox=False, chunk_manager="chunkwise"):
        wanted = operation(wanted.load())
        if name in AT_ONCE:
            made = operation(lazy(climate))
        else:
            with cw.options(evaluate="forbid"):
                made = operation(lazy(climate))
            for variable in [made.variable] if isinstance(made, xr.DataArray) else made.data_vars.values():
                assert isinstance(getattr(variable, "_data", variable.data), cw.Array), name
        xr.testing.assert_allclose(made.compute(), wanted, rtol=1e-6)


def test_a_dataset_is_computed_in_one_run(climate):
    opened = lazy(climate)
    with cw.Session(threads=2) as s:
        xr.Dataset({"mean": opened.t2m.mean("time"), "std": opened.t2m.std("time"), "top": opened.t2m.max()}).compute()
        assert s._runs == 1 and s.report.chunks_decoded == 10


def test_lazy_datasets_are_written_and_pickled(climate, tmp_path):
    opened = lazy(climate)[["t2m"]].drop_vars("name")
    again = pickle.loads(pickle.dumps(opened))
    xr.testing.assert_identical(again.compute(), opened.compute())
    anomaly = (opened - opened.mean("time")).rename(t2m="anomaly")
    anomaly.to_netcdf(tmp_path / "out.nc", engine="netcdf4")
    with xr.open_dataset(tmp_path / "out.nc") as stored:
        xr.testing.assert_allclose(stored.load(), anomaly.compute())
    assert opened.persist().t2m.data._made[0] == "values"


def test_python_functions_are_applied_when_their_blocks_are_wanted(climate):
    opened = lazy(climate)
    calls = []

    def span(x, axis):
        calls.append(x.shape)
        return x.max(axis) - x.min(axis)

    with xr.set_options(chunk_manager="chunkwise"), xr.open_dataset(climate, engine="netcdf4") as wanted:
        made = xr.apply_ufunc(
            span, opened.t2m.fillna(0), input_core_dims=[["time"]], kwargs={"axis": -1}, dask="parallelized", output_dtypes=[float]
        )
        assert isinstance(made.data, cw.Array) and not calls
        xr.testing.assert_allclose(made.compute(), wanted.t2m.fillna(0).max("time") - wanted.t2m.fillna(0).min("time"))
        assert calls


def test_plain_hdf5_has_dimensions_of_its_own(snapshot):
    path, values = snapshot
    opened = lazy(path, group="gas", mask_and_scale=False)
    assert opened.rho.dims[0] == opened.id.dims[0] and len(set(opened.rho.dims)) == 2
    np.testing.assert_array_equal(opened.rho.values, values["rho"])


def test_elements_are_found_by_their_coordinates(tmp_path):
    """sel and isel are xarray's, in their labels and their values."""
    random = np.random.default_rng(5)
    time = pd.date_range("2001-01-01", periods=400, freq="D")
    coords = {"time": time, "lat": np.linspace(75, -75, 6).astype("float32"), "lon": np.arange(8) * 45.0}
    ds = xr.Dataset({"t": (("time", "lat", "lon"), random.random((400, 6, 8)))}, coords=coords)
    path = tmp_path / "t.nc"
    ds.to_netcdf(path, engine="netcdf4")
    t = cw.open(path, "t", decode=True)
    for labels in (
        {"lat": 15.0}, {"time": "2001-02"}, {"time": slice("2001-03-05", "2001-04")}, {"time": "2001-02-03"}, {"time": "2002"},
        {"lat": slice(50, -20), "lon": 90.0}, {"lon": [315.0, 0.0]}, {"lat": 10, "lon": 100, "method": "nearest"},
        {"lon": 100, "method": "pad"}, {"time": slice(None, "2001-01-09", 3)},
    ):  # fmt: skip
        expected = ds.t.sel(**labels)
        assert np.array_equal(np.asarray(t.sel(**labels)), expected) and t.sel(**labels).shape == expected.shape, labels
    positions = {"time": -1, "lat": slice(0, 4, 2), "lon": [5, 1]}
    assert np.array_equal(np.asarray(t.isel(**positions)), ds.t.isel(**positions))
    with pytest.raises(KeyError, match="nearest is at 15"):
        t.sel(lat=17.0)
    x = cw.with_dims(np.arange(3), y=[10, 20, 30])
    assert np.asarray(cw.sel(x, y=slice(15, None))).tolist() == [1, 2]
