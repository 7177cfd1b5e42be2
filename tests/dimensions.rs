//! Axes by the names of dimensions, and the coordinates along the axes of results.

use chunkwise::expr::{Expression, Scope, Stored};
use chunkwise::{Array, Dimension, ErrorKind, Index, Over, Session, concatenate};
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
