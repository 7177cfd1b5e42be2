//! Strings, enums and seasons as values with names: told apart, groups, results, rows of tables; what is stored of them
//! (`tests/goldens/make_texts.py`).

mod common;

use chunkwise::expr::{Expression, Place, Scope, Stored};
use chunkwise::sink::hdf5::Filter;
use chunkwise::{
    Array, ArrayValue, DType, ErrorKind, Join, Members, OpenOptions, Session, Store, StoreOptions, Texts,
};
use common::{device, folder, golden};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const FILES: [&str; 2] = ["texts.h5", "texts_other.h5"];
const ALONG: Join = Join::Concatenate { axis: 0 };

fn place(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(file)
}

fn session() -> Session {
    Session::builder().device(device()).threads(2).memory("64MiB").build().unwrap()
}

fn texts(v: &serde_json::Value) -> Vec<String> {
    v.as_array().unwrap().iter().map(|t| t.as_str().unwrap().to_string()).collect()
}

fn numbers(v: &serde_json::Value) -> Vec<u64> {
    v.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
}

/// The names of the elements.
fn names(array: &Array, value: &ArrayValue) -> Vec<String> {
    let members = array.members().unwrap().expect("values with names");
    let all = value.shape().iter().product::<u64>() as usize;
    let name =
        |i: usize| members.name(value.scalar(i).unwrap().to_i128().unwrap()).expect("a name").to_string();
    (0..all).map(name).collect()
}

fn scope() -> Scope {
    let mut scope = Scope::new();
    scope.compute_with(&session());
    scope.define("f", Stored::file(place("texts.h5")));
    scope.define("all", Stored::files(FILES.map(place), ALONG, OpenOptions::new()));
    scope
}

fn named(text: &str, scope: &Scope) -> Vec<String> {
    let array = Expression::parse(text).unwrap().array(scope).unwrap();
    names(&array, &session().compute(&array).unwrap())
}

fn eval(text: &str, scope: &Scope) -> ArrayValue {
    session().compute(&Expression::parse(text).unwrap().array(scope).unwrap()).unwrap()
}

#[test]
fn strings_as_numbers_are_those_that_h5py_has() {
    let (golden, session) = (golden("texts.json"), session());
    let mut compared = 0;
    for file in ["texts.h5", "texts_other.h5", "texts_chars.nc", "texts_chars.nc4"] {
        for (path, want) in golden["files"][file]["strings"].as_object().unwrap() {
            let array =
                session.factorize(&Texts::open(place(file), path, OpenOptions::new()).unwrap()).unwrap();
            assert_eq!(array.shape().unwrap(), numbers(&want[0]), "{file}{path}");
            assert_eq!(array.dtype().unwrap(), DType::U8);
            let (got, want) = (names(&array, &session.compute(&array).unwrap()), texts(&want[2]));
            assert_eq!(got, want, "{file}{path}");
            // In the order of their bytes, each once, and none that is not there.
            let members = array.members().unwrap().unwrap();
            let distinct: BTreeSet<&str> = want.iter().map(String::as_str).collect();
            assert!(members.iter().map(|m| m.1).eq(distinct), "{file}{path}");
            compared += want.len();
        }
    }
    assert!(compared > 2000, "{compared}");
}

#[test]
fn more_texts_than_a_byte_counts_have_wider_numbers() {
    let folder = folder();
    let path = folder.path().join("many.h5");
    let file = hdf5::File::create(&path).unwrap();
    let text =
        |n: usize| hdf5::types::FixedAscii::<8>::from_ascii(&format!("{:05}", n * 7 % 70_001)).unwrap();
    for n in [300, 70_001] {
        let all: Vec<_> = (0..n).map(text).collect();
        file.new_dataset_builder().with_data(&all).chunk(1000.min(n)).create(&*format!("d{n}")).unwrap();
    }
    file.close().unwrap();
    let session = session();
    for (n, dtype) in [(300, DType::U16), (70_001, DType::U32)] {
        let texts = Texts::open(&path, &format!("d{n}"), OpenOptions::new()).unwrap();
        let array = session.factorize(&texts).unwrap();
        assert_eq!(array.dtype().unwrap(), dtype);
        let got = names(&array, &session.compute(&array).unwrap());
        assert!((0..n).map(|i| format!("{:05}", i * 7 % 70_001)).eq(got));
    }
    // What does not fit is refused, with the numbers that say why.
    let small = Session::builder().memory("2MiB").threads(1).build().unwrap();
    let e = small.factorize(&Texts::open(&path, "d70001", OpenOptions::new()).unwrap()).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Budget, "{e}");
    assert!(e.to_string().contains("strings") && e.to_string().contains("--memory"), "{e}");
}

#[test]
fn strings_are_told_apart_and_groups() {
    let golden = golden("texts.json");
    let scope = scope();
    for (what, files) in [("f", &FILES[..1]), ("all", &FILES[..])] {
        for field in ["name", "long"] {
            let all: Vec<String> = files
                .iter()
                .flat_map(|file| texts(&golden["files"][file]["strings"][format!("/table/{field}")][2]))
                .collect();
            // The ids are the rows.
            let mut groups: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
            for (row, text) in all.iter().enumerate() {
                groups.entry(text).or_default().push(row as i64 % 60);
            }
            let field = format!("{what}.table.{field}");
            assert!(named(&format!("unique({field})"), &scope).iter().eq(groups.keys()), "{field}");
            let counts = eval(&format!("unique({field}, return_counts=True)[1]"), &scope);
            assert!(
                groups.values().map(|g| g.len() as i64).eq(counts.as_slice::<i64>().unwrap().iter().copied())
            );
            let sums = eval(&format!("groupby_reduce({what}.table.id, {field}, 'sum')"), &scope);
            assert!(
                groups.values().map(|g| g.iter().sum::<i64>()).eq(sums
                    .as_slice::<i64>()
                    .unwrap()
                    .iter()
                    .copied())
            );
            let some = eval(
                &format!(
                    "groupby_reduce({what}.table.id, {field}, 'sum', expected=['WARN', 'none', 'ERROR'])"
                ),
                &scope,
            );
            let sum = |name: &str| groups[name].iter().sum::<i64>();
            assert_eq!(some.as_slice::<i64>().unwrap(), [sum("WARN"), 0, sum("ERROR")]);
            assert_eq!(named(&format!("{field}[3:6]"), &scope), all[3..6]);
            assert_eq!(named(&field, &scope), all);
            let late = named(&format!("{field}[{what}.table.id > 57]"), &scope);
            let want: Vec<&String> =
                all.iter().enumerate().filter(|(i, _)| i % 60 > 57).map(|(_, t)| t).collect();
            assert!(late.iter().eq(want), "{late:?}");
        }
    }
    // The names of an enum go with its values, and no further.
    let all = texts(&golden["files"]["texts.h5"]["enums"]["/table/sev"]);
    assert_eq!(named("f.table.sev[5:9]", &scope), all[5..9]);
    assert_eq!(named("unique(f.table.sev)", &scope), ["DEBUG", "INFO", "ERROR"]);
    assert_eq!(named("concatenate([f.table.sev[:2], f.chunks.sev[2:4]])", &scope), all[..4]);
    let count = |text: &str| eval(&format!("count_nonzero({text})"), &scope).item::<i64>().unwrap();
    let errors = all.iter().filter(|t| *t == "ERROR").count() as i64;
    assert_eq!(count("f.table.sev[::-1] == 'ERROR'"), errors);
    assert_eq!(count("'ERROR' != f.table.sev[::-1]"), 60 - errors);
    let none = Expression::parse("f.table.sev + 1").unwrap().array(&scope).unwrap();
    assert!(none.members().unwrap().is_none());
    let e = Expression::parse("f.table.sev[:3] == 'FATAL'").unwrap().array(&scope).unwrap_err().to_string();
    assert!(e.contains("no value has the name \"FATAL\"") && e.contains("DEBUG, INFO, ERROR"), "{e}");
    // A text that is not there is equal to none.
    assert_eq!(count("unique(f.table.name) == 'none of them'"), 0);
    assert_eq!(count("unique(f.table.name) == 'ERROR'"), 1);
    let e = Expression::parse("groupby_reduce(f.table.sev, f.table.id, 'sum', expected=['a'])").unwrap();
    let e = e.array(&scope).unwrap_err().to_string();
    assert!(e.contains("the values of 'by' have no names"), "{e}");
}

#[test]
fn parts_of_strings_are_found() {
    let golden = golden("texts.json");
    let mut scope = scope();
    scope.define("time", Array::arange_int(0, 365, 1).annotate("units", "days since 2001-01-01"));
    let all = texts(&golden["files"]["texts.h5"]["strings"]["/table/name"][2]);
    let mut found = 0;
    for part in ["E", "ERR", "R", "ü", "n", "", "none", " b"] {
        for (function, is) in [
            ("startswith", (|name: &str, part: &str| name.starts_with(part)) as fn(&str, &str) -> bool),
            ("endswith", |name, part| name.ends_with(part)),
            ("contains", |name, part| name.contains(part)),
        ] {
            for (text, first) in [("f.table.name", 0), ("f.table.name[5:]", 5), ("f.table[5:].name", 5)] {
                let value = eval(&format!("{function}({text}, '{part}')"), &scope);
                let wanted: Vec<bool> = all[first..].iter().map(|name| is(name, part)).collect();
                assert_eq!(value.as_slice::<bool>().unwrap(), wanted, "{function} {text} {part:?}");
                found += wanted.iter().filter(|is| **is).count();
            }
        }
    }
    assert!(found > 100, "{found}");
    let summer = eval("count_nonzero(season(time).startswith('J'))", &scope);
    assert_eq!(summer.item::<i64>().unwrap(), 92);
    let e = Expression::parse("startswith(f.table.id, 'a')").unwrap().array(&scope).unwrap_err();
    assert!(e.message().contains("numbers without names"), "{e}");
}

/// Groups by several keys have an axis for each, and every pair of labels, whether there are elements or none.
#[test]
fn groups_by_two_keys_are_those_of_both() {
    let scope = scope();
    let all = texts(&golden("texts.json")["files"]["texts.h5"]["strings"]["/table/name"][2]);
    let names: BTreeSet<&String> = all.iter().collect();
    let (id, sev) = (eval("int64(f.table.id)", &scope), eval("int64(f.table.sev)", &scope));
    let (id, sev) = (id.as_slice::<i64>().unwrap(), sev.as_slice::<i64>().unwrap());
    let levels: BTreeSet<i64> = sev.iter().copied().collect();
    let mut sums = Vec::new();
    let mut counts = Vec::new();
    for name in &names {
        for level in &levels {
            let rows = (0..all.len()).filter(|&row| all[row] == **name && sev[row] == *level);
            sums.push(rows.clone().map(|row| id[row]).sum::<i64>());
            counts.push(rows.count() as i64);
        }
    }
    assert!(names.len() > 3 && levels.len() > 1 && counts.contains(&0) && counts.iter().any(|n| *n > 1));
    let text = "groupby_reduce(int64(f.table.id), [f.table.name, f.table.sev], 'sum')";
    let found = eval(text, &scope);
    assert_eq!(found.shape(), [names.len() as u64, levels.len() as u64]);
    assert_eq!(found.as_slice::<i64>().unwrap(), sums);
    let found = eval("groupby_reduce(f.table.id, (f.table.name, f.table.sev), 'count')", &scope);
    assert_eq!(found.as_slice::<i64>().unwrap(), counts);
    let array = Expression::parse(text).unwrap().array(&scope).unwrap();
    let axes = array.dimensions().unwrap();
    assert_eq!(axes.iter().map(|d| d.as_ref().unwrap().name()).collect::<Vec<_>>(), ["name", "sev"]);
    let labels = axes[0].as_ref().unwrap().coordinates().unwrap().unwrap();
    assert!(labels.members().unwrap().is_some());
    // NaN is in no group, and along an axis the others are kept.
    let mut scope = scope;
    scope.define("x", Array::arange_int(0, 12, 1).reshape(&[2, 6]));
    scope.define("a", Array::from(vec![1.5, f64::NAN, 1.5, 0.5, 0.5, 1.5]));
    scope.define("b", Array::from(vec![7i64, 7, 9, 9, 7, 7]));
    let found = eval("groupby_reduce(x, [a, b], 'sum', axis=1)", &scope);
    assert_eq!(
        (found.shape(), found.as_slice::<i64>().unwrap()),
        (&[2, 2, 2][..], &[4, 3, 5, 2, 10, 9, 17, 8][..])
    );
    let found = eval("groupby_reduce(x, [b > 8, b], 'sum', axis=1)[0]", &scope);
    assert_eq!(found.as_slice::<i64>().unwrap(), [10, 0, 0, 5]);
    let e = Expression::parse("groupby_reduce(x, [a, b], expected=[1])").unwrap().array(&scope).unwrap_err();
    assert!(e.message().contains("expected of one key"), "{e}");
}

/// Groups are printed with their labels, an empty text among them, and stored under a name that stands for it.
#[test]
fn groups_are_told_by_their_labels() {
    let folder = folder();
    let out = folder.path().join("o.h5").to_str().unwrap().to_string();
    let input = format!("t={}:/table", place("texts.h5").display());
    let run = |args: &[&str]| {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_chunkwise"))
            .args([&["eval", "-i", &input], args].concat())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(ran.status.success(), "{args:?}: {}", text(&ran.stderr));
        (text(&ran.stdout), text(&ran.stderr))
    };
    let (printed, _) =
        run(&["n=groupby_reduce(t.id, t.name, 'count')", "m=groupby_reduce(t.id, t.id % 3, 'max')"]);
    assert!(
        printed.contains("\n  by name: '' 'ERR' 'ERROR' 'ERRORS' 'INFO' 'WARN' 'a b' 'grün'\n"),
        "{printed}"
    );
    assert!(printed.contains("\n  by group: 0 1 2\n"), "{printed}");
    let (json, _) = run(&["n=groupby_reduce(t.id, t.name, 'count')", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["groups"]["n"]["name"][1], "ERR");
    let (_, said) =
        run(&["names=unique(t.name)", "n=groupby_reduce(t.id, t.name, 'count')", "--output", &out]);
    assert!(said.contains("names: texts without a letter are stored as '(empty)'"), "{said}");
    let mut scope = Scope::new();
    scope.define("o", Stored::file(&out));
    assert_eq!(named("o.names", &scope)[..2], ["(empty)", "ERR"]);
    let (info, _) = {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_chunkwise"))
            .args(["info", &out])
            .output()
            .unwrap();
        (String::from_utf8_lossy(&ran.stdout).into_owned(), ())
    };
    assert!(info.contains("flag_meanings = \"(empty) ERR ERROR ERRORS INFO WARN a_b grün\""), "{info}");
}

#[test]
fn rows_of_a_table_are_an_array_for_each_field() {
    let golden = golden("texts.json");
    let scope = scope();
    let columns = |text: &str| {
        let e = Expression::parse(text).unwrap();
        let all = e.outputs_of(&e.lower(&scope).unwrap(), &scope).unwrap().expect("several results");
        let column = |(place, output)| {
            let chunkwise::expr::Output::Array(array) = output else { panic!("{text}") };
            let value = session().compute(&array).unwrap();
            (place, array, value)
        };
        all.into_iter().map(column).collect::<Vec<_>>()
    };
    let name = texts(&golden["files"]["texts.h5"]["strings"]["/table/name"][2]);
    for (text, rows) in [("f.table[:3]", 0..3), ("f.table", 0..60), ("f.chunks[f.chunks.id >= 58]", 58..60)] {
        let all = columns(text);
        let places: Vec<String> = all.iter().map(|(place, ..)| place.to_string()).collect();
        assert_eq!(places, [".id", ".sev", ".name", ".long", ".two"], "{text}");
        let ids: Vec<i32> = rows.clone().map(|n| n as i32).collect();
        assert_eq!(all[0].2.as_slice::<i32>().unwrap(), ids);
        if text.starts_with("f.table") {
            assert_eq!(names(&all[2].1, &all[2].2), name[rows]);
        }
        assert_eq!(all[4].2.shape(), [ids.len() as u64, 2]);
    }
    assert_eq!(Place::Field("pos/x".into()).in_a_name(), "_pos_x");
    // A field of rows is the rows of the field.
    assert_eq!(named("f.table[2:5].name", &scope), name[2..5]);
    assert_eq!(named("f.table[2:5]['name']", &scope), name[2..5]);
    assert_eq!(eval("f.table[2:5].id + 1", &scope).as_slice::<i32>().unwrap(), [3, 4, 5]);
    let e = Expression::parse("f.table[2:5] + 1").unwrap().array(&scope).unwrap_err().to_string();
    assert!(e.contains("rows with fields") && e.contains("a field is reached by its name"), "{e}");
}

#[test]
fn names_are_stored_as_an_enum_and_read_back() {
    let folder = folder();
    let (path, session) = (folder.path().join("out.h5"), session());
    let names_of = |n: usize| Members::new((0..n as i128).map(|i| (i * 3 - 5, format!("name {i}"))));
    let values = ndarray::Array1::from_iter((0..4000).map(|i| (i % 7 * 3 - 5) as i16));
    let x = Array::from_ndarray(values.clone()).with_members(names_of(7));
    let chunked = StoreOptions::new().chunks(&[300]).filters(&[Filter::Shuffle, Filter::Deflate(4)]);
    let store = Store::new(&path)
        .dataset("plain", &x)
        .dataset_with("chunked", &x, &chunked.maxshape(&[None]))
        .dataset_with("numbers", &x, &StoreOptions::new().dtype(DType::I32));
    session.run_with(&[], &[store]).unwrap();
    let mut scope = Scope::new();
    scope.compute_with(&session);
    scope.define("o", Stored::file(&path));
    let want: Vec<String> = (0..4000).map(|i| format!("name {}", i % 7)).collect();
    assert_eq!(named("o.plain", &scope), want);
    assert_eq!(named("o.chunked", &scope), want);
    assert_eq!(eval("o.numbers", &scope).as_slice::<i32>().unwrap()[6], 13);
    // What is added to it is of the enum too.
    let more = Store::new(&path).append().extend("chunked", &x, 0);
    session.run_with(&[], &[more]).unwrap();
    let mut scope = Scope::new();
    scope.compute_with(&session);
    scope.define("o", Stored::file(&path));
    assert_eq!(named("o.chunked", &scope), [want.clone(), want].concat());
    // libhdf5 says the same.
    let file = hdf5::File::open(&path).unwrap();
    let hdf5::types::TypeDescriptor::Enum(of) =
        file.dataset("chunked").unwrap().dtype().unwrap().to_descriptor().unwrap()
    else {
        panic!("no enum")
    };
    assert_eq!(of.members.len(), 7);
    assert!(of.members.iter().any(|m| m.name == "name 3" && m.value as i16 == 4));
    file.close().unwrap();
    // An empty name has another in its place, which nothing else has.
    let odd = [(1, String::new()), (4, "(empty)".into()), (7, "b".into())];
    let store = Store::new(folder.path().join("odd.h5")).dataset("x", &x.with_members(Members::new(odd)));
    session.run_with(&[], &[store]).unwrap();
    scope.define("odd", Stored::file(folder.path().join("odd.h5")));
    let array = Expression::parse("odd.x").unwrap().array(&scope).unwrap();
    let names: Vec<&str> = array.members().unwrap().unwrap().iter().map(|m| m.1).collect();
    assert_eq!(names, ["((empty))", "(empty)", "b"]);
    for (bad, why) in [
        (Members::new([(1, "a\0b".into())]), "NUL"),
        (Members::new([(1, "a".into()), (2, "a".into())]), "one name"),
        (names_of(10_000), "too many"),
    ] {
        let store = Store::new(folder.path().join("bad.h5")).dataset("x", &x.with_members(bad));
        let e = session.run_with(&[], &[store]).unwrap_err().to_string();
        assert!(e.contains(why) && e.contains("int16(…)"), "{e}");
    }
}

#[test]
fn seasons_and_quarters_have_the_months_that_they_should() {
    let mut scope = scope();
    // Every 15th of two years, one of them with a leap day.
    let days = [15, 46, 75, 106, 136, 167, 197, 228, 259, 289, 320, 350].map(|d| f64::from(d) - 1.0);
    let time: Vec<f64> = days.iter().copied().chain(days.iter().map(|d| d + 366.0)).collect();
    let time = Array::from_ndarray(ndarray::Array1::from_vec(time));
    scope.define("t", time.annotate("units", "days since 2000-01-01"));
    let month = eval("month(t)", &scope);
    let month = month.as_slice::<i64>().unwrap();
    let season = |m: &i64| ["DJF", "MAM", "JJA", "SON"][(*m as usize % 12) / 3];
    assert!(named("season(t)", &scope).iter().eq(month.iter().map(season)));
    let quarter = eval("quarter(t)", &scope);
    assert!(quarter.as_slice::<i64>().unwrap().iter().copied().eq(month.iter().map(|m| (m - 1) / 3 + 1)));
    assert_eq!(eval("count_nonzero(season(t) == 'JJA')", &scope).item::<i64>().unwrap(), 6);
    let sums = eval("groupby_reduce(month(t), season(t), 'sum', expected=['SON', 'DJF'])", &scope);
    assert_eq!(sums.as_slice::<i64>().unwrap(), [60, 30]);
}
