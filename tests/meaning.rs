//! What the program makes of packed numbers, files as they are, and compound data, and what it says of it.

mod common;

use chunkwise::DType;
use chunkwise::sink::hdf5::{AttributeData, DatasetSpec};
use common::{dataset, folder, write_file};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

fn chunkwise(args: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_chunkwise")).args(args).output().unwrap();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    Run { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// The data of the first result, and what was said beside it.
fn first(args: &[&str]) -> (Value, String) {
    let run = chunkwise(&[&["eval", "--json"], args].concat());
    assert_eq!(run.code, Some(0), "{}", run.err);
    let v: Value = serde_json::from_str(&run.out).unwrap();
    let results = &v["results"];
    let first = match results {
        Value::Object(all) => all.values().next().unwrap(),
        all => &all[0],
    };
    (first["data"].clone(), run.err)
}

fn packed(path: &Path, stored: [i16; 3], scale: f64, offset: f64) {
    let number = |v: chunkwise::Scalar| AttributeData::Numbers(vec![v]);
    let spec = DatasetSpec {
        attributes: vec![
            ("scale_factor".into(), number(scale.into())),
            ("add_offset".into(), number(offset.into())),
            ("_FillValue".into(), number((-32767i16).into())),
        ],
        ..dataset("t", &[3], DType::I16, None, None)
    };
    write_file(path, &[(spec, &stored.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<_>>())]);
}

#[test]
fn packed_numbers_are_decoded_and_a_note_says_so() {
    let folder = folder();
    let (a, b) = (folder.path().join("y1.nc"), folder.path().join("y2.nc"));
    packed(&a, [100, -32767, 200], 0.01, 273.15);
    packed(&b, [10, 20, 30], 0.5, -1.0);
    let info = chunkwise(&["info", &a.display().to_string()]);
    assert!(info.out.contains("  t  int16 (3,), contiguous, 6 B, decoded as float64\n"), "{}", info.out);
    let t = format!("t={}:/t", a.display());
    let (mean, said) = first(&["-i", &t, "nanmean(t)"]);
    assert_eq!(mean, json!(274.65));
    let note = "note: t: int16 × 0.01 + 273.15, missing -32767 → NaN, as float64 (--raw for the numbers as stored); \
                reductions leave out what is missing (--no-skipna keeps NaN)\n";
    assert_eq!(said, note);
    assert_eq!(first(&["-i", &t, "mean(t)"]).0, mean);
    // As NumPy has it, if that is asked for; who meets a NaN is told of what leaves them out.
    let (mean, said) = first(&["-i", &t, "--no-skipna", "mean(t)"]);
    assert!(
        mean == json!("NaN") && said.contains("nanmean") && !said.contains("leave out what"),
        "{mean} {said}"
    );
    let (max, said) = first(&["-i", &t, "--raw", "max(t)"]);
    assert_eq!((max, &said[..]), (json!(200), ""));
    // Each file by its own attributes; in a group, the note names the path.
    let years = format!("t={}:/t", folder.path().join("y*.nc").display());
    let (max, said) = first(&["-i", &years, "t"]);
    assert_eq!(max, json!([274.15, "NaN", 275.15, 4.0, 9.0, 14.0]));
    assert!(
        said.contains("y1.nc: int16 × 0.01 + 273.15") && said.contains("y2.nc: int16 × 0.5 - 1.0"),
        "{said}"
    );
    let (_, said) = first(&["-i", &format!("s={}", a.display()), "nanmax(s.t) + nanmin(s['t'])"]);
    assert_eq!(said.matches("note: /t: int16 × 0.01").count(), 1, "{said}");
}

/// Reductions of data with missing values are those of what is there, as xarray's; of other data NumPy's.
#[test]
fn what_is_missing_is_left_out() {
    let folder = folder();
    let path = folder.path().join("t.nc");
    packed(&path, [100, -32767, 202], 0.5, 0.0);
    let t = format!("t={}:/t", path.display());
    let w = "array([3.0, 5.0, 1.0])";
    for (expression, wanted) in [
        // 50, NaN, 101.
        ("mean(t)", json!(75.5)),
        ("t.sum()", json!(151.0)),
        ("mean(t * 2 + 1)", json!(152.0)),
        ("mean(where(t > 60, t, nan))", json!(101.0)),
        ("mean(concatenate((t, t[:1])))", json!(67.0)),
        ("mean(t[t < 60])", json!(50.0)),
        ("mean(t, where=t > 60)", json!(101.0)),
        ("[t.min(), amax(t)][1]", json!(101.0)),
        ("std(t)", json!(25.5)),
        ("var(t, ddof=1)", json!(1300.5)),
        ("prod(t)", json!(5050.0)),
        ("argmax(t) + argmin(t)", json!(2)),
        ("median(t)", json!(75.5)),
        ("quantile(t, 0.0)", json!(50.0)),
        ("percentile(t, 100)", json!(101.0)),
        ("cumsum(t)", json!([50.0, 50.0, 151.0])),
        ("average(t)", json!(75.5)),
        ("average(t, weights=W)", json!(62.75)),
        ("average(t, weights=W, where=[True, True, False])", json!(50.0)),
        ("groupby_reduce(t, [0, 0, 1], 'mean')", json!([50.0, 101.0])),
        ("groupby_reduce(t, [0, 0, 1], 'median')", json!([50.0, 101.0])),
        ("groupby_reduce(t, [0, 0, 0], 'average', weights=W)", json!([62.75])),
        ("binned_statistic([0.0, 0, 1], t, 'sum', bins=2)", json!([50.0, 101.0])),
        ("mean(array([1.0, nan]))", json!("NaN")),
        ("mean(isnan(t))", json!(1.0 / 3.0)),
        ("ptp(t)", json!(51.0)),
        ("moment(t, 2)", json!(650.25)),
        ("coarsen('mean', t[:2], 2)", json!([50.0])),
        ("binned_statistic([0.0, 0, 1], t, 'mean', bins=2, weights=W)", json!([50.0, 101.0])),
        ("sum(nan_to_num(t, nan=1.0))", json!(152.0)),
    ] {
        let (got, said) = first(&["-i", &t, &expression.replace('W', w)]);
        assert_eq!(got, wanted, "{expression}: {said}");
    }
    // NaN that says itself that there is none.
    let nan = folder.path().join("nan.nc");
    let spec = DatasetSpec {
        attributes: vec![("_FillValue".into(), AttributeData::Numbers(vec![f32::NAN.into()]))],
        ..dataset("t", &[3], DType::F32, None, None)
    };
    write_file(&nan, &[(spec, &[1.0f32, f32::NAN, 3.0].map(f32::to_ne_bytes).concat())]);
    let (mean, said) = first(&["-i", &format!("t={}:/t", nan.display()), "mean(t)"]);
    assert_eq!(mean, json!(2.0));
    assert!(said.contains("note: t: missing values are NaN; reductions leave out"), "{said}");
}

/// A coordinate that is the same in all files is taken once; one that grows is joined; units that differ are told.
#[test]
fn coordinates_of_many_files() {
    let folder = folder();
    for (n, unit) in [(0, "K"), (1, "K"), (2, "degC")] {
        let scale = |name: &str, values: &[f64]| {
            let spec = DatasetSpec {
                attributes: vec![("CLASS".into(), AttributeData::Text("DIMENSION_SCALE".into()))],
                ..dataset(name, &[values.len() as u64], DType::F64, None, None)
            };
            (spec, values.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<u8>>())
        };
        let t = DatasetSpec {
            attributes: vec![("units".into(), AttributeData::Text(unit.into()))],
            ..dataset("t", &[2, 3], DType::F64, None, None)
        };
        let day = f64::from(n);
        let all = [
            scale("lat", &[-10.0, 0.0, 10.0]),
            scale("time", &[day * 2.0, day * 2.0 + 1.0]),
            (t, (0..6).flat_map(|i| f64::from(i).to_ne_bytes()).collect()),
        ];
        let all: Vec<(DatasetSpec, &[u8])> = all.iter().map(|(spec, b)| (spec.clone(), &b[..])).collect();
        write_file(&folder.path().join(format!("y{n}.nc")), &all);
    }
    let files = |pattern: &str| format!("f={}", folder.path().join(pattern).display());
    let (mean, said) =
        first(&["-i", &files("y[01].nc"), "average(f.t, weights=cos(radians(f.lat)), axis=1)"]);
    let row = |first: f64| first + 1.0;
    assert_eq!(mean, json!([row(0.0), row(3.0), row(0.0), row(3.0)]), "{said}");
    assert!(said.contains("note: /lat: the same in all 2 files, and taken once"), "{said}");
    let (time, said) = first(&["-i", &files("y[01].nc"), "f.time"]);
    assert_eq!((time, &said[..]), (json!([0.0, 1.0, 2.0, 3.0]), ""));
    let (_, said) = first(&["-i", &files("y?.nc"), "max(f.t)"]);
    assert!(said.contains("the units differ and are joined as they are: 'K', but 'degC' in y2.nc"), "{said}");
    let (shape, _) = first(&["-i", &files("y[01].nc"), "--join", "stack", "f.lat.shape"]);
    assert_eq!(shape, json!([2, 3]));
}

/// Yearly files that count their times from the year's first day, as xarray joins them: dates are what is the same.
#[test]
fn times_of_files_that_count_from_other_days_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, units: &str, calendar: Option<&str>, dtype: DType, days: &[f64]| {
        let text = |name: &str, value: &str| (name.to_string(), AttributeData::Text(value.into()));
        let mut attributes = vec![text("units", units)];
        attributes.extend(calendar.map(|c| text("calendar", c)));
        let time = DatasetSpec { attributes, ..dataset("time", &[days.len() as u64], dtype, None, None) };
        let bytes = |d: &f64| match dtype {
            DType::I32 => (*d as i32).to_ne_bytes().to_vec(),
            _ => d.to_ne_bytes().to_vec(),
        };
        let bytes: Vec<u8> = days.iter().flat_map(bytes).collect();
        write_file(&folder.path().join(name), &[(time, &bytes)]);
    };
    let files = |pattern: &str| format!("f={}", folder.path().join(pattern).display());
    let ask = |pattern: &str, text: &str| first(&["-i", &files(pattern), text]);
    // 2000 has a leap day: the 60th day is February 29, and March 1 in the other years.
    for (year, name) in [(2000, "a0.nc"), (2001, "a1.nc"), (2002, "a2.nc")] {
        write(name, &format!("days since {year}-01-01"), None, DType::I32, &[0.0, 31.0, 59.0]);
    }
    let (days, said) = ask("a?.nc", "f.time");
    // The days of 2000-01-01, 2001-01-01 and 2002-01-01 are 0, 366 and 731.
    assert_eq!(days, json!([0, 31, 59, 366, 397, 425, 731, 762, 790]));
    assert!(
        said.contains("times in other units are counted in 'days since 2000-01-01' (2 of 3 files)"),
        "{said}"
    );
    assert_eq!(ask("a?.nc", "month(f.time)").0, json!([1, 2, 2, 1, 2, 3, 1, 2, 3]));
    assert_eq!(ask("a?.nc", "year(f.time)").0, json!([2000, 2000, 2000, 2001, 2001, 2001, 2002, 2002, 2002]));
    // Hours from a noon, floats, beside days.
    write("a3.nc", "hours since 2003-01-01 12:00", None, DType::F64, &[0.0, 12.0, 36.5]);
    assert_eq!(ask("a3.nc", "day(f.time)").0, json!([1, 2, 3]));
    let promoted = first(&["-i", &files("a?.nc"), "--promote", "f.time[-3:]"]).0;
    // 2003-01-01 is day 1096.
    assert_eq!(promoted, json!([1096.5, 1097.0, 1096.5 + 36.5 / 24.0]));
    assert_eq!(first(&["-i", &files("a?.nc"), "--promote", "hour(f.time)[-3:]"]).0, json!([12, 0, 0]));
    // Another calendar is another time: they are joined as they are, and are no dates together.
    write("b0.nc", "days since 2000-01-01", Some("noleap"), DType::I32, &[1.0]);
    write("b1.nc", "days since 2001-01-01", Some("360_day"), DType::I32, &[1.0]);
    let (days, said) = ask("b?.nc", "f.time");
    assert_eq!(days, json!([1, 1]));
    assert!(said.contains("the calendars differ") && said.contains("noleap, but 360_day in b1.nc"), "{said}");
    // As stored they are as they are.
    assert_eq!(first(&["-i", &files("a[01].nc"), "--raw", "f.time"]).0, json!([0, 31, 59, 0, 31, 59]));
}

#[test]
fn weights_of_profiles_count_or_are_refused() {
    let profile = "binned_statistic([0.0, 1, 2, 3], [1.0, 2, 3, 4], 'S', bins=2, weights=[1, 3, 1, 3])";
    for name in ["mean", "average"] {
        assert_eq!(first(&[&profile.replace('S', name)]).0, json!([1.75, 3.75]), "{name}");
    }
    for name in ["sum", "std", "count", "max"] {
        let run = chunkwise(&["eval", &profile.replace('S', name)]);
        assert!(run.code == Some(2) && run.err.contains(&format!("{name} takes no weights")), "{}", run.err);
    }
}

#[test]
fn a_reduction_that_overflows_says_so() {
    let note = "overflow encountered in a reduction";
    let large = "full(4, 2e38, dtype=float32)";
    for (expression, value, told) in [
        (format!("sum({large})"), json!("Infinity"), true),
        (format!("sum(-{large})"), json!("-Infinity"), true),
        (format!("prod({large})"), json!("Infinity"), true),
        (format!("mean({large})"), json!(2e38f32), false),
        (format!("sum({large}, dtype=float64)"), json!(4.0 * f64::from(2e38f32)), false),
        ("sum(array([inf, 1]))".into(), json!("Infinity"), false),
        ("var(array([1.0, 2]), ddof=2)".into(), json!("Infinity"), false),
    ] {
        let (got, said) = first(&[&expression]);
        match (got.as_f64(), value.as_f64()) {
            (Some(a), Some(b)) => assert!((a - b).abs() <= 1e-6 * b.abs(), "{expression}: {got}"),
            _ => assert_eq!(got, value, "{expression}"),
        }
        assert_eq!(said.contains(note), told, "{expression}: {said}");
    }
}

#[test]
fn files_without_the_dataset_and_of_other_dtypes() {
    let folder = folder();
    let write = |name: &str, dataset_name: &str, dtype: DType, bytes: &[u8]| {
        let spec = dataset(dataset_name, &[2], dtype, None, None);
        write_file(&folder.path().join(name), &[(spec, bytes)]);
    };
    write("s_0.h5", "gas", DType::U32, &[1, 0, 0, 0, 2, 0, 0, 0]);
    write("s_1.h5", "stars", DType::U32, &[3, 0, 0, 0, 4, 0, 0, 0]);
    write("s_2.h5", "stars", DType::U64, &[5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
    let m = format!("m={}:/stars", folder.path().join("s_*.h5").display());
    let run = chunkwise(&["eval", "-i", &m, "sum(m)"]);
    assert!(run.code == Some(1) && run.err.contains("--missing skip"), "{}", run.err);
    let run = chunkwise(&["eval", "-i", &m, "--missing", "skip", "sum(m)"]);
    assert!(run.code == Some(1) && run.err.contains("--promote"), "{}", run.err);
    let (sum, said) = first(&["-i", &m, "--missing", "skip", "--promote", "sum(m)"]);
    assert_eq!(sum, json!(18));
    assert!(said.contains("note: m: 1 of 3 files have no /stars, and count as empty"), "{said}");
    // A group that the first files lack.
    let s = format!("s={}", folder.path().join("s_*.h5").display());
    let (sum, _) = first(&["-i", &s, "--missing", "skip", "--promote", "sum(s.stars)"]);
    assert_eq!(sum, json!(18));
    assert!(said.contains("note: m: uint32 (1 file) and uint64 (1 file) promoted to uint64"), "{said}");
}

#[test]
fn fields_and_complex_numbers_in_expressions() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/compound.h5");
    let d = format!("d={file}:/nested/deflated");
    let (by_name, _) = first(&["-i", &d, "d['pos']['x']"]);
    for other in ["d.pos.x", "d['pos/x']", "d['pos'].x"] {
        assert_eq!(first(&["-i", &d, other]).0, by_name, "{other}");
    }
    assert_eq!(first(&["-i", &format!("x={file}:/nested/deflated/pos/x"), "x"]).0, by_name);
    assert_eq!(first(&["-i", &format!("s={file}"), "s['/nested/deflated']['pos']['x']"]).0, by_name);
    // Without a name of its own a table's fields have theirs.
    assert_eq!(first(&["-i", &format!("{file}:/nested/deflated"), "pos['x']"]).0, by_name);
    let run = chunkwise(&["eval", "-i", &d, "d['time']"]);
    assert!(
        run.code == Some(1) && run.err.contains("no field \"time\"") && run.err.contains("id, pos, v"),
        "{}",
        run.err
    );
    let run = chunkwise(&["eval", "-i", &d, "sum(d)"]);
    assert!(run.code == Some(1) && run.err.contains("there is id, pos, v"), "{}", run.err);
    for (path, file) in [("/complex/c16", file), ("/z", &file.replace("compound.h5", "compound_source.h5"))] {
        let z = format!("z={file}:{path}");
        let (squares, _) = first(&["-i", &z, "sum(real(z) ** 2 + z.imag ** 2 - abs(z) ** 2)"]);
        assert!(squares.as_f64().unwrap().abs() < 1e-9, "{squares}");
        let (turned, _) = first(&["-i", &z, "max(absolute(cos(angle(z)) * z.abs() - z['r']))"]);
        assert!(turned.as_f64().unwrap() < 1e-12, "{turned}");
        let run = chunkwise(&["eval", "-i", &z, "sum(z)"]);
        assert!(
            run.code == Some(1) && run.err.contains("real(z), imag(z), abs(z) or angle(z)"),
            "{}",
            run.err
        );
    }
    let run = chunkwise(&["info", &format!("{file}:/nested/chunked")]);
    assert!(
        run.out.contains("/pos  compound\n") && run.out.contains("/pos/w  uint16 (2, 3)\n"),
        "{}",
        run.out
    );
}

/// What xarray takes once of yearly files is taken once, in HDF5 as in the classic formats: it does not lie along the axis
/// whose coordinates differ. Files are those of `tests/goldens/make_yearly.py`.
#[test]
fn what_does_not_lie_along_time_is_taken_once() {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/yearly");
    for kind in ["nc4", "nc3"] {
        let files = format!("f={}", goldens.join(format!("y*.{kind}")).display());
        let ask = |text: &str| first(&["-i", &files, text]);
        let (area, said) = ask("sum(f.area)");
        assert_eq!(area, json!(15.0), "{said}");
        assert!(said.contains("/area: the same in all 3 files, and taken once"), "{said}");
        assert_eq!(ask("f.lat").0, json!([-10.0, 0.0, 10.0]));
        assert_eq!(ask("f.height + 0").0, json!(2.0));
        assert_eq!(ask("f.t.shape").0, json!([6, 3]));
        // Years 2000 (a leap year) to 2002; bounds have their units from time.
        assert_eq!(ask("year(f.time)").0, json!([2000, 2000, 2001, 2001, 2002, 2002]), "{kind}");
        assert_eq!(ask("month(f.time)").0, json!([1, 2, 1, 2, 1, 2]));
        assert_eq!(ask("year(f.time_bnds[:, 0])").0, json!([2000, 2000, 2001, 2001, 2002, 2002]));
        // As xarray's weighted mean of open_mfdataset(data_vars="minimal").
        assert_eq!(ask("mean(average(f.t, weights=f.area, axis=1))").0, json!(4.566666666666666));
        let (mean, said) = ask("mean(f.t[:, f.name == 'mid'])");
        assert_eq!(mean, json!(4.5), "{said}");
        // Something else differs between the files: it is joined, and a note tells it.
        let odd = format!(
            "f={},{}",
            goldens.join(format!("y2000.{kind}")).display(),
            goldens.join(format!("odd.{kind}")).display()
        );
        let (_, said) = first(&["-i", &odd, "mean(f.t)"]);
        assert!(
            said.contains(&format!("'lat' differs in odd.{kind}: what is joined is joined by position")),
            "{said}"
        );
        assert_eq!(first(&["-i", &odd, "f.area.shape"]).0, json!([6]));
        // Stacked files have all of it.
        assert_eq!(first(&["-i", &files, "--join", "stack", "f.area.shape"]).0, json!([3, 3]));
    }
    // A coordinate of strings is none that is joined.
    let files = format!("f={}", goldens.join("y*.nc4").display());
    assert_eq!(first(&["-i", &files, "f.height_of"]).0, json!([7.0, 9.0]));
    assert_eq!(first(&["-i", &files, "sum(f.u[:, f.station == 'south'])"]).0, json!(12.0));
    let both = format!("f={},{}", goldens.join("y2000.nc4").display(), goldens.join("y2001.nc3").display());
    assert_eq!(first(&["-i", &both, "f.lat"]).0, json!([-10.0, 0.0, 10.0]));
    let calendars =
        format!("f={},{}", goldens.join("y2000.nc4").display(), goldens.join("noleap.nc4").display());
    let (_, said) = first(&["-i", &calendars, "f.time"]);
    assert!(
        said.contains(
            "the calendars differ and times are joined as they are, without dates: standard, but noleap"
        ),
        "{said}"
    );
}

/// An attribute of each file is not laid along an axis of the data that happens to be as long as there are files.
#[test]
fn attributes_of_each_file_meet_data_where_they_are_laid_along_it() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..3 {
        let path = folder.path().join(format!("s{n}.h5"));
        let file = hdf5::File::create(&path).unwrap();
        let header = file.create_group("Header").unwrap();
        header.new_attr::<f64>().create("Time").unwrap().write_scalar(&f64::from(n + 1)).unwrap();
        let x = ndarray::Array2::<f64>::from_elem((4, 3), f64::from(n));
        file.new_dataset_builder().with_data(&x).create("x").unwrap();
    }
    let s = format!("s={}", folder.path().join("s*.h5").display());
    let joined = |text: &str| chunkwise(&["eval", "-i", &s, text]);
    let stacked = |text: &str| chunkwise(&["eval", "-i", &s, "--join", "stack", text]);
    for text in ["s.x * s.Header.attrs['Time']", "mean(s.x, axis=0) * (s.Header.attrs['Time'] + 1)"] {
        let run = joined(text);
        let says = run.err.contains("this has an entry for each of the 3 files");
        assert!(run.code == Some(2) && says, "{text}: {}", run.err);
    }
    let run = stacked("mean(s.x, axis=1) * s.Header.attrs['Time']");
    assert!(run.code == Some(2) && run.err.contains("x * a[:, None]"), "{}", run.err);
    let f = |args: &[&str]| first(&[&["-i", &s[..]], args].concat()).0;
    assert_eq!(
        f(&["--join", "stack", "mean(s.x, axis=(1, 2)) * s.Header.attrs['Time']"]),
        json!([0.0, 2.0, 6.0])
    );
    assert_eq!(
        f(&["--join", "stack", "sum(s.x * s.Header.attrs['Time'][:, None, None])"]),
        json!(12.0 * 8.0)
    );
    assert_eq!(f(&["s.Header.attrs['Time'] * s.Header.attrs['Time']"]), json!([1.0, 4.0, 9.0]));
    assert_eq!(f(&["max(s.x) * s.Header.attrs['Time'][2]"]), json!(6.0));
    let each = "sum(s.x[:, 0] * take(s.Header.attrs['Time'], searchsorted(cumsum([4, 4, 4]), arange(12), side='right')))";
    assert_eq!(f(&[each]), json!(4.0 * 8.0));
}
