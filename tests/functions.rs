//! The catalogue of the language: every example has NumPy's value, and docs/functions.md is made from it.

use chunkwise::expr::catalogue::{self, Entry, Kind};
use chunkwise::expr::{Expression, Scope};
use chunkwise::{ArrayValue, DType, Device, Session};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What NumPy (SciPy, dask, pandas for what NumPy has not) makes of an example.
#[derive(serde::Deserialize)]
struct Golden {
    dtype: String,
    shape: Vec<u64>,
    /// Little-endian bytes in C order.
    bytes: String,
    /// As NumPy prints it, on one line.
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).into()
}

/// By example.
fn goldens() -> BTreeMap<String, Golden> {
    let text = std::fs::read_to_string(root().join("tests/goldens/functions.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The value of an example.
fn value(entry: &Entry) -> ArrayValue {
    let output = Expression::parse(entry.example).and_then(|e| e.output(&Scope::new()));
    let output = output.unwrap_or_else(|e| panic!("{}: {e}", entry.name));
    let session = Session::builder().device(Device::Cpu).threads(1).memory("64MiB").build().unwrap();
    let mut values = session.run(&[&output]).unwrap_or_else(|e| panic!("{}: {e}", entry.name)).values;
    match values.remove(0) {
        chunkwise::Value::Array(array) => array,
        _ => panic!("{}: the example is no array", entry.example),
    }
}

/// Floats of elementwise functions may differ from NumPy's by the bounds of both, everything else by nothing.
#[test]
fn every_example_has_numpys_value() {
    let goldens = goldens();
    for entry in catalogue::entries() {
        let golden = goldens.get(entry.example).unwrap_or_else(|| {
            panic!("{} is not in functions.json: run tests/goldens/make_functions.py", entry.example)
        });
        let got = value(entry);
        assert_eq!(
            (got.dtype().name(), got.shape()),
            (&golden.dtype[..], &golden.shape[..]),
            "{}",
            entry.example
        );
        let hex: String = got.bytes().iter().map(|b| format!("{b:02x}")).collect();
        if entry.kind == Kind::Elementwise && got.dtype() == DType::F64 {
            let right = golden.bytes.as_bytes().chunks(16).map(|c| {
                let bytes: Vec<u8> = c
                    .chunks(2)
                    .map(|b| u8::from_str_radix(std::str::from_utf8(b).unwrap(), 16).unwrap())
                    .collect();
                f64::from_le_bytes(bytes.try_into().unwrap())
            });
            let right: Vec<f64> = right.collect();
            let values = got.as_slice::<f64>().unwrap();
            assert_eq!(values.len(), right.len(), "{}", entry.example);
            for (a, b) in values.iter().zip(right) {
                let near = (a - b).abs() <= 4.0 * f64::EPSILON * b.abs();
                assert!(near || a == &b || (a.is_nan() && b.is_nan()), "{}: {a} is not {b}", entry.example);
            }
        } else {
            assert_eq!(hex, golden.bytes, "{}", entry.example);
        }
    }
    let examples: Vec<&str> = catalogue::entries().iter().map(|e| e.example).collect();
    for example in goldens.keys() {
        assert!(examples.contains(&example.as_str()), "{example} is the example of nothing");
    }
}

#[test]
fn a_name_means_one_thing_and_says_what() {
    let mut names = std::collections::BTreeSet::new();
    for entry in catalogue::entries() {
        for name in std::iter::once(&entry.name).chain(&entry.aliases) {
            assert!(names.insert((entry.kind == Kind::Attribute, *name)), "{name} is there twice");
            let found = match entry.kind {
                Kind::Attribute => catalogue::find_attribute(name),
                _ => catalogue::find(name),
            };
            assert!(std::ptr::eq(found.unwrap(), entry), "{name}");
        }
        let (doc, summary) = (entry.doc, entry.summary());
        assert!(
            doc.len() > 2 && doc.trim() == doc && summary.chars().count() <= 110,
            "{}: {doc}",
            entry.name
        );
        assert!(entry.example.contains(entry.name) || entry.kind == Kind::Cast, "{}", entry.example);
        if let Some(call) = &entry.call {
            assert_eq!(call.name, entry.name);
            let order: Vec<bool> = call.params.iter().map(|p| p.default.is_some()).collect();
            assert!(order.is_sorted(), "{call}: one that is required follows one that is not");
            assert!(call.params.iter().map(|p| p.keyword_only).is_sorted(), "{call}");
            assert!(!call.params.is_empty(), "{call}");
        }
    }
    assert!(names.len() > 180, "{}", names.len());
    let found = |text: &str| catalogue::search(text).map(|e| e.name).collect::<Vec<_>>();
    assert_eq!(found("MEDIAN"), ["median", "nanmedian"]);
    assert_eq!(found("-"), ["subtract", "negative"]);
    assert_eq!(found("no such thing"), [""; 0]);
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The page of all names.
fn page() -> String {
    let goldens = goldens();
    let mut page = String::from(
        "# What expressions can use\n\n\
         Made from the catalogue in the library (`chunkwise::expr::catalogue`) by `tests/functions.rs`; \
         `chunkwise functions NAME` tells more of each.\n\
         Names, parameters and defaults are NumPy's. Every function is a method too: `x.mean(axis=0)` is \
         `mean(x, axis=0)`. The examples have the values that NumPy gives.\n",
    );
    for &kind in Kind::ALL {
        let _ = write!(page, "\n## {}\n\n| | | |\n|---|---|---|\n", kind.title());
        for entry in catalogue::entries().iter().filter(|e| e.kind == kind) {
            let mut names = format!("`{}`", cell(&entry.signature()));
            if let Some(operator) = entry.operator {
                let _ = write!(names, ", operator `{}`", cell(operator));
            }
            if !entry.aliases.is_empty() {
                let _ = write!(names, ", also `{}`", entry.aliases.join("`, `"));
            }
            let text = goldens.get(entry.example).map_or("", |g| &g.text);
            let example = format!("`{}` gives `{}`", cell(entry.example), cell(text));
            let doc =
                if entry.doc.ends_with('.') { entry.doc.to_string() } else { format!("{}.", entry.doc) };
            let _ = writeln!(page, "| {names} | {} | {example} |", cell(&doc));
        }
    }
    page
}

/// `CHUNKWISE_REWRITE=1 cargo test --test functions` writes it.
#[test]
fn the_page_is_that_of_the_catalogue() {
    let path = root().join("docs/functions.md");
    let page = page();
    if std::env::var_os("CHUNKWISE_REWRITE").is_some_and(|v| v == "1") {
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let differ = there.lines().zip(page.lines()).find(|(a, b)| a != b);
    assert!(
        there == page,
        "docs/functions.md is not that of the catalogue, at {differ:?}: CHUNKWISE_REWRITE=1 cargo test --test functions"
    );
}
