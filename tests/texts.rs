//! Strings and enums are compared with texts as h5py compares them, and attributes of many files stand side by side
//! (`tests/goldens/make_texts.py`).

mod common;

use chunkwise::expr::{Expression, Scope, Stored};
use chunkwise::{Array, ArrayValue, ErrorKind, Join, OpenOptions, Reader, Session, Texts};
use common::{device, golden};
use std::path::{Path, PathBuf};

const FILES: [&str; 2] = ["texts.h5", "texts_other.h5"];
const ALONG: Join = Join::Concatenate { axis: 0 };

fn place(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(file)
}

fn session() -> Session {
    Session::builder().device(device()).threads(2).memory("64MiB").build().unwrap()
}

fn texts(v: &serde_json::Value) -> Vec<&str> {
    v.as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect()
}

fn numbers(v: &serde_json::Value) -> Vec<u64> {
    v.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
}

/// The positions of what is true.
fn positions(value: &ArrayValue) -> Vec<u64> {
    (0u64..).zip(value.as_slice::<bool>().unwrap()).filter(|(_, is)| **is).map(|(i, _)| i).collect()
}

fn eval(text: &str, scope: &Scope) -> ArrayValue {
    session().compute(&Expression::parse(text).unwrap().array(scope).unwrap()).unwrap()
}

fn scope() -> Scope {
    let mut scope = Scope::new();
    scope.compute_with(&session());
    scope.define("f", Stored::file(place("texts.h5")));
    scope.define("all", Stored::files(FILES.map(place), ALONG, OpenOptions::new()));
    scope
}

#[test]
fn strings_are_compared_as_h5py_has_them() {
    let (golden, session) = (golden("texts.json"), session());
    let mut compared = 0;
    for file in FILES {
        for (path, want) in golden["files"][file]["strings"].as_object().unwrap() {
            for reader in [Reader::Own, Reader::Libhdf5] {
                let options = OpenOptions::new().reader(reader);
                let variable = path.starts_with("/variable")
                    || path.starts_with("/table")
                    || path.starts_with("/chunks");
                if reader == Reader::Libhdf5 && variable {
                    let e = Texts::open(place(file), path, options).unwrap_err();
                    assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
                    continue;
                }
                let strings = Texts::open(place(file), path, options).unwrap();
                for (asked, want_at) in
                    golden["asked"].as_array().unwrap().iter().zip(want[1].as_array().unwrap())
                {
                    let found = strings.isin(&texts(asked)).unwrap();
                    assert_eq!(found.shape().unwrap(), numbers(&want[0]), "{path}");
                    let found = session.compute(&found).unwrap();
                    assert_eq!(positions(&found), numbers(want_at), "{file}{path} {asked} {reader:?}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 400, "{compared}");
}

/// Strings that lie along the last axis of characters, in netCDF classic files and in those that are HDF5.
#[test]
fn characters_are_put_together() {
    let (golden, session) = (golden("texts.json"), session());
    for file in ["texts_chars.nc", "texts_chars.nc4"] {
        for (path, want) in golden["files"][file]["strings"].as_object().unwrap() {
            let strings = Texts::open(place(file), path, OpenOptions::new()).unwrap();
            let two = Texts::open_many([place(file), place(file)], path, ALONG, OpenOptions::new()).unwrap();
            let shape = numbers(&want[0]);
            for (asked, want_at) in
                golden["asked"].as_array().unwrap().iter().zip(want[1].as_array().unwrap())
            {
                let found = strings.isin(&texts(asked)).unwrap();
                assert_eq!(found.shape().unwrap(), shape, "{file}{path}");
                assert_eq!(
                    positions(&session.compute(&found).unwrap()),
                    numbers(want_at),
                    "{file}{path} {asked}"
                );
                let twice = session.compute(&two.isin(&texts(asked)).unwrap()).unwrap();
                assert_eq!(positions(&twice).len(), 2 * numbers(want_at).len(), "{file}{path} {asked}");
            }
        }
        // A plan that reads them is read again elsewhere.
        let plan = session
            .plan(&[&Texts::open(place(file), "/name", OpenOptions::new())
                .unwrap()
                .equal("INFO")
                .unwrap()
                .sum()])
            .unwrap();
        let again = chunkwise::Plan::from_json(&plan.to_json().unwrap()).unwrap();
        let sum = |plan: &chunkwise::Plan| {
            session.run_plan(plan).unwrap().values[0].as_array().unwrap().item::<i64>().unwrap()
        };
        assert_eq!(sum(&plan), sum(&again));
    }
}

/// Their lengths differ between the files, and so may how they are stored.
#[test]
fn strings_of_many_files_are_joined() {
    let (golden, session) = (golden("texts.json"), session());
    let strings = |file: &str, path: &str| golden["files"][file]["strings"][path].clone();
    for path in
        ["/padded/chunked", "/terminated/deflated", "/spaced/contiguous", "/variable/chunked", "/chunks/two"]
    {
        let all = Texts::open_many(FILES.map(place), path, ALONG, OpenOptions::new()).unwrap();
        let [one, other] = FILES.map(|file| strings(file, path));
        let shape = numbers(&one[0]);
        let elements: u64 = shape.iter().product();
        for (k, asked) in golden["asked"].as_array().unwrap().iter().enumerate() {
            let found = all.isin(&texts(asked)).unwrap();
            assert_eq!(found.shape().unwrap()[0], 2 * shape[0], "{path}");
            let mut want = numbers(&one[1][k]);
            want.extend(numbers(&other[1][k]).iter().map(|at| at + elements));
            assert_eq!(positions(&session.compute(&found).unwrap()), want, "{path} {asked}");
        }
        let stacked =
            Texts::open_many(FILES.map(place), path, Join::Stack { axis: -1 }, OpenOptions::new()).unwrap();
        let found = stacked.equal("ERROR").unwrap();
        let mut both = shape.clone();
        both.push(2);
        assert_eq!(found.shape().unwrap(), both);
        let ones = session.compute(&found).unwrap();
        let want = numbers(&one[1][0]).len() + numbers(&other[1][0]).len();
        assert_eq!(positions(&ones).len(), want);
    }
}

#[test]
fn expressions_select_by_strings_and_enums() {
    let golden = golden("texts.json");
    let scope = scope();
    let count = |text: &str| eval(&format!("count_nonzero({text})"), &scope).item::<i64>().unwrap();
    let names = golden["files"]["texts.h5"]["strings"]["/table/name"][1].clone();
    assert_eq!(count("f.table.name == 'ERROR'"), numbers(&names[0]).len() as i64);
    assert_eq!(count("'ERROR' == f.table.name"), numbers(&names[0]).len() as i64);
    assert_eq!(count("f.table.name != 'ERROR'"), 60 - numbers(&names[0]).len() as i64);
    assert_eq!(count("isin(f.chunks.name, ['INFO', 'grün'])"), numbers(&names[1]).len() as i64);
    assert_eq!(count("f.chunks['name'].isin(['INFO', 'grün'])"), numbers(&names[1]).len() as i64);
    assert_eq!(
        count("isin(f.chunks.name, ['INFO', 'grün'], invert=True)"),
        60 - numbers(&names[1]).len() as i64
    );
    // The table's ids are its rows.
    let at = eval("f.table.id[f.table.name == 'ERROR']", &scope);
    let want: Vec<i32> = numbers(&names[0]).iter().map(|&n| n as i32).collect();
    assert_eq!(at.as_slice::<i32>().unwrap(), want);

    let severities = |file: &str| {
        let all = golden["files"][file]["enums"]["/table/sev"].clone();
        texts(&all).iter().map(|t| t.to_string()).collect::<Vec<_>>()
    };
    let is = |name: &str| severities("texts.h5").iter().filter(|t| *t == name).count() as i64;
    for layout in ["table", "chunks"] {
        for name in ["DEBUG", "INFO", "ERROR"] {
            assert_eq!(count(&format!("f.{layout}.sev == '{name}'")), is(name), "{layout} {name}");
        }
        assert_eq!(count(&format!("isin(f.{layout}.sev, ['INFO', 'ERROR'])")), is("INFO") + is("ERROR"));
        assert_eq!(count(&format!("f.{layout}.sev != 'INFO'")), 60 - is("INFO"));
        let both = FILES.iter().flat_map(|file| severities(file)).filter(|t| t == "DEBUG").count() as i64;
        assert_eq!(count(&format!("all.{layout}.sev == 'DEBUG'")), both);
    }
    // Of a part of them.
    let first = |k: usize, n: u64| numbers(&names[k]).iter().filter(|&&at| at < n).count() as i64;
    assert_eq!(count("f.table.name[:30] == 'ERROR'"), first(0, 30));
    assert_eq!(count("f.table.name[:30] != 'ERROR'"), 30 - first(0, 30));
    assert_eq!(count("isin(f.table.name[:7], ['INFO', 'grün'])"), first(1, 7));
    assert_eq!(count("f.table.name[f.table.id < 12] == 'ERROR'"), first(0, 12));
    assert_eq!(count("f.table.name[[0, 1, 2, 3, 4, 5]] == 'ERROR'"), first(0, 6));
    // Several conditions in one index, of values that are strings in one place and numbers in another.
    let text = "sum(f.table.id[(f.table.name == 'ERROR') & (f.table.sev == 'INFO')])";
    let want: i64 =
        numbers(&names[0]).iter().filter(|&&n| severities("texts.h5")[n as usize] == "INFO").sum::<u64>()
            as i64;
    assert_eq!(eval(text, &scope).item::<i64>().unwrap(), want);
    // Texts that are known.
    assert!(eval("where(f.attrs['run'] == 'run 1', array(1), 2) == 1", &scope).item::<bool>().unwrap());
}

#[test]
fn what_cannot_be_compared_says_why() {
    let scope = scope();
    let fails = |text: &str| Expression::parse(text).unwrap().array(&scope).unwrap_err().to_string();
    let e = fails("f.table.sev == 'FATAL'");
    assert!(e.contains("no value of the name \"FATAL\"") && e.contains("it has DEBUG, ERROR, INFO"), "{e}");
    let e = fails("f.table.name + 1");
    assert!(e.contains("strings are compared: NAME == \"text\""), "{e}");
    let e = fails("f.table.name == ['ERROR']");
    assert!(e.contains("are not numbers"), "{e}");
    let e = Texts::open(place("texts.h5"), "/table/id", OpenOptions::new()).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Type, "{e}");
    let e =
        Texts::open(place("texts.h5"), "/table/name", OpenOptions::new()).unwrap().equal("a\0b").unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Value, "{e}");
}

/// As bytes they are what h5py's `view` gives.
#[test]
fn strings_are_bytes_where_that_is_asked() {
    let options = OpenOptions::new().text_bytes();
    let bytes = Array::open_with(place("texts.h5"), "/table/two", options).unwrap();
    assert_eq!(bytes.shape().unwrap(), [60, 2, 5]);
    let e = Array::open(place("texts.h5"), "/table/two").unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Type, "{e}");
    // A plan that reads them is read again elsewhere.
    let plan = session().plan(&[&bytes.sum()]).unwrap();
    let again = chunkwise::Plan::from_json(&plan.to_json().unwrap()).unwrap();
    let sum = |plan: &chunkwise::Plan| {
        session().run_plan(plan).unwrap().values[0].as_array().unwrap().item::<u64>().unwrap()
    };
    assert_eq!(sum(&plan), sum(&again));
}

#[test]
fn attributes_of_many_files_stand_side_by_side() {
    let scope = scope();
    assert_eq!(eval("all.attrs['size'] + 0", &scope).as_slice::<i64>().unwrap(), [9, 12]);
    let boxes = eval("all.attrs['box'] * 1", &scope);
    assert_eq!((boxes.shape(), boxes.as_slice::<f64>().unwrap()), (&[2, 2][..], &[1.0, 2.5, 2.0, 2.5][..]));
    assert!(eval("array(1) * (all.attrs['run'][1] == 'run 2')", &scope).item::<i64>().unwrap() == 1);
    assert!(eval("array(1) * (all.attrs['same'] == 'always')", &scope).item::<i64>().unwrap() == 1);
}
