//! Axes by the names of dimensions, and the coordinates along the axes of results.

#[path = "common/python.rs"]
mod python;

use chunkwise::expr::{Expression, Scope, Stored};
use chunkwise::{Array, Dimension, ErrorKind, Index, Join, OpenOptions, Over, Session, concatenate, date_of};
use std::path::{Path, PathBuf};
use std::process::Command;

fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_chunkwise")).args(args).output().unwrap();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn done(args: &[&str]) -> String {
    let (code, out, err) = run(args);
    assert_eq!(code, Some(0), "{args:?}: {err}");
    out
}

/// A file as climate models write it: `t(time, lat, lon)` with latitudes from north to south, daily means in days since 2020,
/// in the calendar without leap days; `bare` has no dimensions.
fn climate(folder: &Path) -> PathBuf {
    let path = folder.join("t.nc");
    done(&[
        "eval",
        "time=arange(59.0, 63.0)",
        "lat=float32(array([60, 20, -20, -60]) / 1)",
        "lon=arange(0, 360, 72)",
        "t=reshape(arange(80.0), (4, 4, 5))",
        "bare=reshape(arange(80.0), (4, 4, 5))",
        "--dims",
        "t=time,lat,lon",
        "--attr",
        "time@units=days since 2020-01-01",
        "--attr",
        "time@calendar=noleap",
        "--attr",
        "lat@units=degrees_north",
        "--output",
        path.to_str().unwrap(),
    ]);
    path
}

fn scope(path: &Path) -> Scope {
    let mut scope = Scope::new();
    let file = Stored::file(path);
    for name in ["t", "bare", "time", "lat", "lon"] {
        scope.define(name, file.at(name));
    }
    scope
}

#[test]
fn axes_are_named_as_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let scope = scope(&climate(folder.path()));
    let session = Session::new().unwrap();
    let array =
        |text: &str| Expression::parse(text).unwrap().array(&scope).unwrap_or_else(|e| panic!("{text}: {e}"));
    let bytes = |text: &str| {
        let value = session.compute(&array(text)).unwrap();
        (value.shape().to_vec(), value.bytes().to_vec())
    };
    for (named, numbered) in [
        ("mean(t, axis='time')", "mean(t, axis=0)"),
        ("mean(t, axis=('lat', 'lon'))", "mean(t, axis=(1, 2))"),
        ("mean(t, 'lat')", "mean(t, 1)"),
        ("t.max(axis='lon')", "t.max(axis=2)"),
        ("transpose(t, ('lon', 'lat', 'time'))", "transpose(t, (2, 1, 0))"),
        ("cumsum(transpose(t), axis='time')", "cumsum(transpose(t), axis=2)"),
        ("sum(mean(t, axis=0), axis='lon')", "sum(mean(t, axis=0), axis=1)"),
        ("sum(t - mean(t, axis='time'), axis='lat')", "sum(t - mean(t, axis=0), axis=1)"),
        (
            "sum(mean(t, axis='lat', keepdims=True), axis='lon')",
            "sum(mean(t, axis=1, keepdims=True), axis=2)",
        ),
        ("median(t[:, 0], axis='lon')", "median(t[:, 0], axis=1)"),
        ("diff(t, axis='lat')", "diff(t, axis=1)"),
        ("sum(diff(t, axis=1), axis='lat')", "sum(diff(t, axis=1), axis=1)"),
        ("sort(-t, axis='time')", "sort(-t, axis=0)"),
        ("sum(sort(-t, axis=0), axis='lon')", "sum(sort(-t, axis=0), axis=2)"),
        ("sum(concatenate([t, 2*t], axis=1), axis='lat')", "sum(concatenate([t, 2*t], axis=1), axis=1)"),
        ("max(where(lat[:, None] > 0, t, nan), axis='time')", "max(where(lat[:, None] > 0, t, nan), axis=0)"),
        ("moveaxis(t, 'time', -1)", "moveaxis(t, 0, -1)"),
        ("median(t, axis='lat')", "median(t, axis=1)"),
        ("argmax(t, axis='lon')", "argmax(t, axis=2)"),
        ("mean(lat, axis='lat')", "mean(lat, axis=0)"),
        // Four latitudes beside four longitudes: weights and masks lie along the axis of their name.
        (
            "average(t[:, :, :4], weights=cos(lat))",
            "average(bare[:, :, :4], weights=cos(lat)[:, None] + 0 * bare[:, :, :4])",
        ),
        (
            "average(t[:, :, :4], axis=('lat', 'lon'), weights=cos(lat))",
            "average(bare[:, :, :4], axis=(1, 2), weights=cos(lat)[:, None] + 0 * bare[:, :, :4])",
        ),
        (
            "average(t, axis='lat', weights=cos(lat))",
            "average(bare, axis=1, weights=cos(lat)[:, None] + 0 * bare)",
        ),
        ("sum(t[:, :, :4], where=lat > 0)", "sum(bare[:, :2, :4])"),
        ("sum(t[:, :, :4], axis=0, where=time > 60)", "sum(bare[2:, :, :4], axis=0)"),
        ("t[:, :, :4] - mean(t[:, :, :4], axis='time')", "bare[:, :, :4] - mean(bare[:, :, :4], axis=0)"),
        ("t - mean(t, axis=('time', 'lon'), keepdims=True)", "bare - mean(bare, axis=(0, 2), keepdims=True)"),
        ("mean(t[time >= 60], axis='time')", "mean(t[time >= 60], axis=0)"),
        ("sum(t[time < 60], axis='lon')", "sum(t[time < 60], axis=2)"),
        ("sum(t[t[:, :, 0] > 30], axis='lon')", "sum(t[t[:, :, 0] > 30], axis=1)"),
        ("sum(t[:, lat > 0], axis='lat')", "sum(t[:, lat > 0], axis=1)"),
    ] {
        assert_eq!(bytes(named), bytes(numbered), "{named}");
    }
}

#[test]
fn names_that_no_axis_has_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let scope = scope(&climate(folder.path()));
    for (text, message, hint) in [
        ("mean(t, axis='lev')", "no axis is called 'lev'", "its axes are time, lat, lon"),
        ("sum(mean(t, axis='lat'), axis='lat')", "no axis is called 'lat'", "its axes are time, lon"),
        ("mean(bare, axis='time')", "axis must be a whole number", "axes are numbers from 0 on"),
        (
            "mean(reshape(t, (16, 5)), axis='lat')",
            "axis must be a whole number",
            "axes are numbers from 0 on",
        ),
        (
            "t[:, :, :4] - mean(t[:, :, :4], axis=('time', 'lon'))",
            "the axis 'lat' would lie on 'lon'",
            "keepdims=True",
        ),
        ("t[:, :, :4] * lat", "the axis 'lat' would lie on 'lon'", "x[:, None]"),
        ("sum(t + transpose(t[:, :, :4], (0, 2, 1))[:, :, :1], axis='lon')", "", ""),
        ("sum(t[t[:, :, 0] > 30], axis='lat')", "what the mask selects has no axis 'lat'", "where=mask"),
        ("mean(t, dim='time')", "mean has no argument 'dim'", "axis='time'"),
        ("groupby_reduce(t, lat, 'mean', axis='lev')", "no axis is called 'lev'", "time, lat, lon"),
    ] {
        match Expression::parse(text).unwrap().array(&scope) {
            Ok(_) => assert!(message.is_empty(), "{text}"),
            Err(e) => {
                assert!(!message.is_empty(), "{text}: {e}");
                assert!(e.message().contains(message), "{text}: {e}");
                assert!(e.hint_text().is_some_and(|h| h.contains(hint)), "{text}: {e:?}");
            }
        }
    }
}

fn named(name: &str, values: Vec<f64>) -> Option<Dimension> {
    Some(Dimension::new(name).with_coordinates(move || Ok(Array::from(values.clone()))))
}

/// Coordinates of an axis of an array, if it has some.
fn coordinates(array: &Array, axis: usize) -> Option<Vec<f64>> {
    let dimension = array.dimensions().unwrap().swap_remove(axis)?;
    let found = dimension.coordinates().unwrap()?;
    Some(Session::new().unwrap().compute(&found).unwrap().as_slice::<f64>().unwrap().to_vec())
}

#[test]
fn coordinates_go_where_their_elements_go() {
    let x = Array::arange(0.0, 30.0, 1.0).reshape(&[5, 6]).with_dimensions([
        named("y", vec![50.0, 40.0, 30.0, 20.0, 10.0]),
        named("x", (0..6).map(f64::from).collect()),
    ]);
    let rows = |from: i64, to: i64, step: i64| x.index([Index::from(from..to).step(step)]);
    for (array, axis, want) in [
        (x.sqrt(), 0, Some(vec![50.0, 40.0, 30.0, 20.0, 10.0])),
        (rows(1, 5, 2), 0, Some(vec![40.0, 20.0])),
        (rows(1, 5, 2).index([Index::At(0)]), 0, Some(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0])),
        (x.flip(&[0]).index([Index::from(1..3)]), 0, Some(vec![20.0, 30.0])),
        (x.t(), 1, Some(vec![50.0, 40.0, 30.0, 20.0, 10.0])),
        (x.sum_with(Over::axis(1)), 0, Some(vec![50.0, 40.0, 30.0, 20.0, 10.0])),
        (x.cumsum_with(Over::axis(0)), 0, Some(vec![50.0, 40.0, 30.0, 20.0, 10.0])),
        (&x - x.mean_with(Over::axis(0)), 1, Some((0..6).map(f64::from).collect())),
        // Neighbours have no coordinate of their own.
        (rows(1, 5, 1) - rows(0, 4, 1), 0, None),
        (concatenate(&[x.clone(), x.clone()], 0), 0, None),
        (concatenate(&[x.clone(), x.clone()], 0), 1, Some((0..6).map(f64::from).collect())),
        (x.take(&[3, 0, 1], 0), 1, Some((0..6).map(f64::from).collect())),
        (x.take(&[3, 0, 1], 0), 0, None),
        (x.take(&[3, 0], 0), 0, Some(vec![20.0, 50.0])),
    ] {
        assert_eq!(coordinates(&array, axis), want, "{array:?}, axis {axis}");
        let name = array.dimensions().unwrap().swap_remove(axis).unwrap();
        assert!(["x", "y"].contains(&name.name()));
    }
    let other = x.with_dimensions([None, Some(Dimension::new("lon"))]);
    assert!((&x + &other).dimensions().unwrap()[1].is_none(), "two names are none");
    let wrong = x.with_dimensions([named("y", vec![1.0, 2.0]), None]);
    assert_eq!(coordinates(&wrong, 0), None, "they do not belong to it");
    let error = x.with_dimensions([None]).check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Shape);
    assert!(x.axis_named("z").unwrap_err().hint_text().unwrap().contains("y, x"));
}

#[test]
fn a_table_begins_with_the_coordinates_of_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let input = climate(folder.path());
    let out = folder.path().join("m.csv");
    let csv = |expressions: &[&str]| {
        let (input, out) = (input.to_str().unwrap(), out.to_str().unwrap());
        done(&[&["eval", "-i", input], expressions, &["--output", out, "--overwrite"]].concat());
        std::fs::read_to_string(out).unwrap()
    };
    assert_eq!(
        csv(&["m=mean(t, axis=('lat', 'lon'))", "lon_0=t[:, 0, 0]"]),
        "time,m,lon_0\n2020-03-01,9.5,0.0\n2020-03-02,29.5,20.0\n2020-03-03,49.5,40.0\n2020-03-04,69.5,60.0\n"
    );
    assert_eq!(csv(&["m=mean(t, axis=(0, 2))[1:]"]), "lat,m\n20.0,37.0\n-20.0,42.0\n-60.0,47.0\n");
    assert_eq!(csv(&["m=mean(bare, axis=(1, 2))[:1]"]), "m\n9.5\n");
    assert_eq!(csv(&["north=lat[:2] > 30"]), "lat,north\n60.0,True\n20.0,False\n");
}

/// Several files, with coordinates that are joined where they differ.
#[test]
fn joined_files_have_joined_coordinates() {
    let folder = tempfile::tempdir().unwrap();
    let one = |name: &str, from: f64| {
        let path = folder.path().join(name);
        let path = path.to_str().unwrap();
        done(&[
            "eval",
            &format!("time=arange({from}, {from} + 2)"),
            "lat=array([-10.0, 10.0])",
            &format!("t=reshape(arange(4.0), (2, 2)) + {from}"),
            "--dims",
            "t=time,lat",
            "--attr",
            "time@units=hours since 2020-01-01",
            "--output",
            path,
        ]);
        path.to_string()
    };
    let files = [one("a.nc", 0.0), one("b.nc", 2.0)].join(",");
    let out = folder.path().join("m.csv");
    done(&["eval", "-i", &files, "m=mean(t, axis='lat')", "--output", out.to_str().unwrap()]);
    assert_eq!(
        std::fs::read_to_string(out).unwrap(),
        "time,m\n2020-01-01,0.5\n2020-01-01T01:00:00,2.5\n2020-01-01T02:00:00,2.5\n2020-01-01T03:00:00,4.5\n"
    );
}

/// `sel` and `isel` beside what they mean, as xarray has it.
#[test]
fn elements_are_found_by_their_coordinates() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = OpenOptions::new();
    options.decode = true;
    let file = Stored::files([climate(folder.path())], Join::Concatenate { axis: 0 }, options);
    let mut scope = Scope::new();
    for name in ["t", "bare", "time", "lat", "lon"] {
        scope.define(name, file.at(name));
    }
    // Twice a day from 2019-12-30 12:00 on, so that dates are less fine than the times.
    let step = |text: &str| Expression::parse(text).unwrap();
    let fine =
        step("with_dims(arange(8), time=with_units(arange(8) * 0.5 + 363.5, 'days since 2019-01-01'))");
    scope.define("fine", fine.array(&scope).unwrap());
    let whole = step("with_dims(arange(4), id=array([9007199254740993, 9007199254740992, 7, 8]))");
    scope.define("whole", whole.array(&scope).unwrap());
    let session = Session::new().unwrap();
    let array = |text: &str| Expression::parse(text).unwrap().array(&scope);
    for (by_label, by_position) in [
        ("sel(t, lat=20)", "t[:, 1]"),
        ("t.sel(lat=20, lon=144)", "t[:, 1, 2]"),
        ("sel(t, lat=slice(60, 0))", "t[:, :2]"),
        // An axis that falls has the same between the same ends.
        ("sel(t, lat=slice(-20, 30))", "t[:, 1:3]"),
        ("sel(t, lat=slice(None, 0))", "t[:, :2]"),
        ("sel(t, lat=slice(0, None))", "t[:, 2:]"),
        ("sel(t, lon=slice(72, 288, 2))", "t[:, :, 1::2]"),
        ("sel(t, lon=[216, 0])", "t[:, :, [3, 0]]"),
        ("sel(t, lon=lon[[1, 4]])", "t[:, :, [1, 4]]"),
        ("sel(t, lat=lat[2])", "t[:, 2]"),
        ("sel(t, lat=33, method='nearest')", "t[:, 1]"),
        ("sel(t, lat=0, method='nearest')", "t[:, 1]"),
        ("sel(t, lon=100, method='pad')", "t[:, :, 1]"),
        ("sel(t, lon=[100, 150], method='bfill')", "t[:, :, [2, 3]]"),
        ("sel(t, time='2020-03-02')", "t[1]"),
        ("sel(t, time='2020-03')", "t"),
        ("sel(t, time='2020')", "t"),
        ("sel(t, time=slice('2020-03-02', '2020-03-03'))", "t[1:3]"),
        ("sel(t, time=slice('2020-02', '2020-03-02'))", "t[:2]"),
        ("sel(t, time='2020-03-02T09:00', method='nearest')", "t[1]"),
        ("sel(t, time=60)", "t[1]"),
        // A method is of single coordinates.
        ("sel(t, lat=slice(-30, 30), lon=80, method='nearest')", "t[:, 1:3, 1]"),
        ("sel(fine, time='2019-12-31', method='nearest')", "fine[1:3]"),
        ("sel(fine, time='2019-12-31T13:00', method='nearest')", "fine[2]"),
        ("t[:, lat < 30, 0]", "t[:, 1:, 0]"),
        ("sel(fine, time='2019-12-31')", "fine[1:3]"),
        ("sel(fine, time='2019-12-31T12:00')", "fine[2]"),
        ("sel(fine, time='2019')", "fine[:3]"),
        ("sel(fine, time=slice('2019-12-31', '2020-01-01'))", "fine[1:5]"),
        ("sel(fine, time=['2019-12-31T00:00', '2020-01-02T12:00'])", "fine[[1, 6]]"),
        ("sel(whole, id=9007199254740993)", "whole[0]"),
        ("sel(whole, id=slice(8, 9007199254740992))", "whole[[1, 3]]"),
        ("isel(t, time=-1, lon=slice(0, 4, 2))", "t[-1, :, :4:2]"),
        ("t.isel(lat=[3, 0])", "t[:, [3, 0]]"),
        ("isel(t, lat=argmax(lat))", "t[:, 0]"),
        ("mean(sel(t, lon=slice(100, 300)), axis='lon')", "mean(t[:, :, 2:], axis=2)"),
    ] {
        let values = [by_label, by_position].map(|text| {
            let array = array(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            let value = session.compute(&array).unwrap();
            (value.shape().to_vec(), value.bytes().to_vec())
        });
        assert_eq!(values[0], values[1], "{by_label} is {by_position}");
    }
    for (text, says, hint) in [
        ("sel(t, lat=21)", "no element of 'lat' is at 21; the nearest is at 20", "method='nearest'"),
        ("sel(t, lat=slice(70, 80))", "no element of 'lat' is in that range", "from -60.0 to 60.0"),
        ("sel(t, lon=-3, method='pad')", "is at -3 or before", "from 0 to 288"),
        ("sel(t, time='2020-04')", "is in 2020-04", "from 2020-03-01 to 2020-03-04"),
        ("sel(t, time='2020-03-09')", "is at 2020-03-09; the nearest is at 2020-03-04", "method='nearest'"),
        ("sel(t, time='soon')", "'soon' is no date", "write a date"),
        ("sel(t, lat='2020')", "has no times", "without units"),
        ("sel(t, height=3)", "no axis is called 'height'", "time, lat, lon"),
        ("sel(bare, lat=3)", "no axis is called 'lat'", "no names"),
        ("sel(with_dims(bare, a=None, b=None, c=None), b=3)", "'b' has no coordinates", "isel(b=…)"),
        ("sel(with_dims([1, 2], a=[3, 3]), a=3)", "more than one element of 'a'", "mask"),
        ("sel(t, lat=lat > 0)", "a number, a date, a slice or a list", "mask"),
        ("sel(t, lat=20, method='near')", "no method 'near'", "nearest"),
        ("isel(t, lat=4)", "out of bounds", ""),
        ("isel(t, lat=1.5)", "must be a whole number", ""),
        ("with_dims(t, a=None)", "1 names for 3 axes", ""),
        ("with_dims([1, 2], a=[1, 2, 3])", "coordinates of shape (3,) for an axis of length 2", ""),
        ("slice()", "a slice is slice(start, stop)", ""),
        ("mean(slice(3))", "not a slice", ""),
    ] {
        let error = array(text).expect_err(text);
        assert!(error.to_string().contains(says), "{text}: {error}");
        assert!(error.hint_text().unwrap_or_default().contains(hint), "{text}: {error}");
    }
}

/// What is stored has the dimensions and coordinates of its axes, as netCDF has them.
#[test]
fn stored_results_keep_their_dimensions() {
    let Some(py) = python::python("stored_results_keep_their_dimensions") else { return };
    let folder = tempfile::tempdir().unwrap();
    let input = climate(folder.path());
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let store = |name: &str, args: &[&str]| {
        let out = at(name);
        let input = format!("f={}", input.display());
        done(&[&["eval", "-i", &input, "--output", &out, "--overwrite"], args].concat());
        out
    };
    // The axes of each dataset, with the values of those that have coordinates, as h5py sees them.
    let seen = |file: &str| {
        let script = r#"
import sys, h5py
f = h5py.File(sys.argv[1])
for name in sorted(f):
    d = f[name]
    if isinstance(d, h5py.Dataset) and not (h5py.h5ds.is_scale(d.id)):
        axes = []
        for axis in d.dims:
            scale = axis[0] if len(axis) else None
            bare = scale is not None and b'not a netCDF variable' in scale.attrs['NAME']
            units = '' if scale is None or 'units' not in scale.attrs else '[' + str(scale.attrs['units']) + ']'
            axes.append('-' if scale is None else scale.name[1:] + ('' if bare else str(scale[:].tolist()) + units))
        print(name, *axes)
"#;
        python::run(&py, script, &[file])
    };
    let lat = "lat[60.0, 20.0, -20.0, -60.0][degrees_north]";
    let lon = "lon[0, 72, 144, 216, 288]";
    let time = "time[59.0, 60.0, 61.0, 62.0][days since 2020-01-01]";
    let out = store("a.nc", &["m=mean(f.t, axis='time')", "w=sum(f.t, axis=('lat', 'lon'))", "b=f.bare"]);
    assert_eq!(seen(&out), format!("b - - -\nm {lat} {lon}\nw {time}\n"));
    // Parts of an axis are other dimensions where both are there.
    let out = store("b.nc", &["a=f.t[0]", "b=f.t[0, 1:3, ::2]", "c=f.t[1, 1:3]", "d=f.t[0, ::-1]"]);
    let part = "lat_2[20.0, -20.0][degrees_north]";
    let turned = "lat_3[-60.0, -20.0, 20.0, 60.0][degrees_north]";
    assert_eq!(
        seen(&out),
        format!("a {lat} {lon}\nb {part} lon_2[0, 144, 288]\nc {part} {lon}\nd {turned} {lon}\n")
    );
    // Groups have their labels, what was made of them by position the axis of the positions.
    let groups = [
        "g=groupby_reduce(f.t, day(f.time), 'mean', axis='time')",
        "x=f.t - moveaxis(g, 'day', 0)[day(f.time) - 1]",
        "w=sel(g, day=day(f.time))",
        "y=groupby_reduce(f.t[:, 0, 0], season(f.time), 'sum', expected=['MAM', 'DJF'])",
        "z=groupby_reduce(f.t[:, 0, 0], day(f.time) * 2, 'sum')",
    ];
    let out = store("c.nc", &groups);
    assert_eq!(
        seen(&out),
        format!(
            "g {lat} {lon} day[1, 2, 3, 4]\nw {lat} {lon} {time}\nx {time} {lat} {lon}\ny season[1, 0]\nz group[2, 4, 6, 8]\n"
        )
    );
    // Names that are said, a coordinate that is a result, and none at all.
    let out = store(
        "d.nc",
        &["m=mean(f.t, axis='time')", "lat=f.lat * 2", "--dims", "latitude,longitude", "--dims", "lat=lat"],
    );
    assert!(seen(&out).contains("m latitude[60.0"), "{}", seen(&out));
    let out = store("e.nc", &["m=mean(f.t, axis='time')", "lat=f.lat * 2"]);
    assert_eq!(seen(&out), format!("m lat[120.0, 40.0, -40.0, -120.0] {lon}\n"));
    // A dimension has no name that a group of results has.
    let out = store("i.nc", &["lat/m=mean(f.t, axis=('time', 'lat'))", "w=mean(f.t, axis=('time', 'lon'))"]);
    assert_eq!(seen(&out), "w lat_2[60.0, 20.0, -20.0, -60.0][degrees_north]\n");
    let out = store("f.nc", &["m=mean(f.t, axis='time')", "--dims", "none"]);
    assert_eq!(seen(&out), "m - -\n");
    // What is said of all is of the coordinates along themselves.
    let out = store("g.nc", &["t=f.t", "time=f.time", "lat=f.lat", "--dims", "time,lat,lon"]);
    assert_eq!(seen(&out), format!("t {time} {lat} {lon}\n"));
    let (code, _, err) = run(&[
        "eval",
        "-i",
        input.to_str().unwrap(),
        "a=t[0]",
        "b=t[0, ::-1]",
        "--dims",
        "y,x",
        "--output",
        &at("h.nc"),
    ]);
    assert!(code == Some(2) && err.contains("different coordinates") && err.contains("hint: "), "{err}");
    let labels = run(&["eval", "-i", input.to_str().unwrap(), "groupby_reduce(t, day(time), 'mean')"]);
    assert!(labels.0 == Some(2) && labels.2.contains("axis='time' groups along it"), "{labels:?}");
}

/// A mask that lies along another axis than that of its name is refused, also where both are of one length.
#[test]
fn masks_lie_on_the_axis_of_their_name() {
    let folder = tempfile::tempdir().unwrap();
    let scope = scope(&climate(folder.path()));
    let array = |text: &str| Expression::parse(text).unwrap().array(&scope);
    for text in [
        "t[:, lat > 0]",
        "t[:, :, lon > 100]",
        "t[time > 60]",
        "t[0, lat > 0, 1:]",
        "transpose(t)[:, lat > 0]",
    ] {
        assert!(array(text).is_ok(), "{text}: {:?}", array(text));
    }
    for (text, hint) in [
        ("t[lat > 0]", "x[:, mask]"),
        ("t[0][lon > 100]", "x[:, mask]"),
        ("t[:, time > 60]", "x[mask]"),
        ("mean(t[lat > 0])", "x[:, mask]"),
    ] {
        let e = array(text).unwrap_err();
        assert!(e.message().contains("the mask lies along"), "{text}: {e}");
        assert!(e.hint_text().unwrap().contains(hint), "{text}: {e}");
    }
}

/// Periods of a time axis, as xarray's `resample`, and blocks along axes, as its `coarsen`.
#[test]
fn periods_and_blocks_have_coordinates_of_their_own() {
    let mut scope = Scope::new();
    let session = Session::new().unwrap();
    let array = |scope: &Scope, text: &str| Expression::parse(text).unwrap().array(scope);
    // Every 20 days from 2000-11-15 on.
    let time = "time=with_units(arange(0.0, 240.0, 20.0), 'days since 2000-11-15')";
    let x = array(&scope, &format!("with_dims(reshape(arange(24.0), (12, 2)), {time}, y=[10, 30])")).unwrap();
    scope.define("x", x);
    for (text, at, time, wanted) in [
        (
            "resample(x, 'MS')[:, 0]",
            0,
            &["2000-11-01", "2000-12-01", "2001-01-01", "2001-02-01"][..],
            &[0.0, 3.0, 6.0, 9.0][..],
        ),
        (
            "resample(x[:, 1], 'QS-DEC', 'max')",
            0,
            &["2000-09-01", "2000-12-01", "2001-03-01", "2001-06-01"],
            &[1.0, 11.0, 19.0, 23.0],
        ),
        ("resample(transpose(x)[0], 'YS', 'count')", 0, &["2000-01-01", "2001-01-01"], &[3.0, 9.0]),
        ("resample(x, 'QS', 'sum', axis=0)[:2, 1]", 0, &["2000-10-01", "2001-01-01"], &[9.0, 40.0]),
        // Days without elements are there.
        (
            "resample(x[:2, 0], 'D', 'sum')[18:]",
            0,
            &["2000-12-03", "2000-12-04", "2000-12-05"],
            &[0.0, 0.0, 2.0],
        ),
        ("resample(x[:2], 'D')[19:, 1]", 0, &["2000-12-04", "2000-12-05"], &[f64::NAN, 3.0]),
        (
            "coarsen('mean', x, (4, 1))[:, 0]",
            0,
            &["2000-12-15", "2001-03-05", "2001-05-24"],
            &[3.0, 11.0, 19.0],
        ),
    ] {
        let found = array(&scope, text).unwrap_or_else(|e| panic!("{text}: {e}"));
        let values = session.compute(&found.cast(chunkwise::DType::F64)).unwrap();
        let values = values.as_slice::<f64>().unwrap();
        let same = |(a, b): (&f64, &f64)| a == b || (a.is_nan() && b.is_nan());
        assert!(values[..wanted.len()].iter().zip(wanted).all(same), "{text}: {values:?}");
        let dimension = found.dimensions().unwrap().swap_remove(at).unwrap();
        assert_eq!(dimension.name(), "time", "{text}");
        let times = dimension.coordinates().unwrap().unwrap();
        let units = times.annotations().unwrap()["units"].clone();
        let times = session.compute(&times.cast(chunkwise::DType::F64)).unwrap();
        let dates = times.as_slice::<f64>().unwrap().iter().map(|t| date_of(*t, &units, "standard").unwrap());
        let dates: Vec<String> = dates.collect();
        assert_eq!(&dates[..time.len()], time, "{text}");
    }
    let y = array(&scope, "coarsen('sum', x, (1, 2))").unwrap();
    assert_eq!(coordinates(&y, 1), Some(vec![20.0]));
    assert_eq!(coordinates(&y, 0).unwrap().len(), 12);
    for (text, says) in [
        ("resample(x, 'W')", "there is no period 'W'"),
        ("resample(x[0], 'MS')", "no axis is called 'time'"),
        ("resample(x, 'MS', axis=1)", "are no times"),
        ("resample(x, 'MS', axis=2)", "no axis 2"),
        ("resample(with_dims([1, 2], time=None), 'MS')", "has no coordinates"),
        (
            "resample(with_dims([1, 2], time=with_units([0, 9e9], 'days since 2000-01-01')), 'D')",
            "are more than",
        ),
    ] {
        let e = array(&scope, text).expect_err(text);
        assert!(e.to_string().contains(says), "{text}: {e}");
    }
}
