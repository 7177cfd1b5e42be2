//! Elements looked up in a table against NumPy's answers (`tests/goldens/make_lookup.py`), from memory and from files in
//! chunks; what a lookup refuses; and that it travels.

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::{arrays, differs, dtype, memory};
use chunkwise::{Array, DType, ErrorKind, Interp, Over, Plan, PlanOptions, Session, Side, Table, Values};
use common::{folder, golden, session};
use half::f16;
use serde_json::Value as Json;

fn bytes(hex: &Json) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// The table of a case: dtype, and the bytes of its elements.
fn table(t: &Json) -> Table {
    let bytes = bytes(&t[1]);
    macro_rules! of {
        ($t:ty) => {{
            let elements =
                bytes.chunks_exact(size_of::<$t>()).map(|e| <$t>::from_le_bytes(e.try_into().unwrap()));
            Table::new(&elements.collect::<Vec<$t>>())
        }};
    }
    match dtype(&t[0]) {
        DType::Bool => Table::new(&bytes.iter().map(|&b| b == 1).collect::<Vec<bool>>()),
        DType::I8 => of!(i8),
        DType::I16 => of!(i16),
        DType::I32 => of!(i32),
        DType::I64 => of!(i64),
        DType::U8 => of!(u8),
        DType::U16 => of!(u16),
        DType::U32 => of!(u32),
        DType::U64 => of!(u64),
        DType::F16 => of!(f16),
        DType::F32 => of!(f32),
        DType::F64 => of!(f64),
        dtype => panic!("no table of {dtype}"),
    }
}

fn floats(t: &Json) -> Vec<f64> {
    bytes(&t[1]).chunks_exact(8).map(|e| f64::from_le_bytes(e.try_into().unwrap())).collect()
}

fn side(word: &Json) -> Side {
    if word == "left" { Side::Left } else { Side::Right }
}

/// Sessions whose blocks are small, with one thread and with several, and an ordinary one.
fn sessions() -> Vec<Session> {
    let small = [(1, 64), (3, 1024)].map(|(threads, block_bytes)| {
        let builder = Session::builder().device(common::device()).threads(threads).memory("64MiB");
        builder.plan_options(PlanOptions::new().block_bytes(block_bytes)).build().unwrap()
    });
    small.into_iter().chain([session(2, "64MiB")]).collect()
}

#[test]
fn what_is_found_is_what_numpy_finds() {
    let (folder, sessions) = (folder(), sessions());
    let golden = golden("lookup.json");
    let mut wrong = Vec::new();
    for (n, case) in golden.as_array().unwrap().iter().enumerate() {
        // What has no axes is in no chunks.
        let scalar = case[1][1].as_array().unwrap().is_empty();
        let arrays = || arrays(folder.path(), n, &case[1], &case[2]).to_vec();
        for x in if scalar { vec![memory(&case[1])] } else { arrays() } {
            let (found, expected) = match case[0].as_str().unwrap() {
                "searchsorted" => (x.searchsorted(table(&case[3]), side(&case[4])), &case[5]),
                "digitize" => (x.digitize(table(&case[3]), side(&case[4])), &case[5]),
                "isin" => (x.isin(table(&case[3])), &case[4]),
                "interp" => {
                    let mut points = Interp::new(floats(&case[3]), floats(&case[4]));
                    let float = |v: &Json| v.as_str().map(|v| v.parse::<f64>().unwrap());
                    if let Some(left) = float(&case[5][0]) {
                        points = points.left(left);
                    }
                    if let Some(right) = float(&case[5][1]) {
                        points = points.right(right);
                    }
                    if let Some(period) = float(&case[5][2]) {
                        points = points.period(period);
                    }
                    (x.interp(&points), &case[6])
                }
                kind => panic!("no case {kind}"),
            };
            for session in &sessions {
                wrong.extend(differs(session, &found, expected).map(|d| format!("{n} {case}\n    {d}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(10)].join("\n"));
}

/// Where NumPy, which takes these for edges that descend, gives 3 for all.
#[test]
fn edges_that_are_nan_come_last() {
    let x = Array::arange(-2.0, 1.0, 1.0);
    let places = x.digitize(&[-1.5, f64::NAN, f64::NAN], Side::Left);
    assert_eq!(session(1, "64MiB").compute(&places).unwrap().as_slice::<i64>().unwrap(), [0, 1, 1]);
}

/// What depends on it goes on, slices, reductions and other lookups; and the plan travels and runs in pieces.
#[test]
fn a_lookup_is_an_array_like_any_other_and_travels() {
    let session = session(2, "64MiB");
    let x = Array::random(&[50, 8], 3, DType::F64);
    let edges = [0.1, 0.25, 0.25, 0.5, 0.75, f64::NAN];
    let places = x.searchsorted(&edges, Side::Right);
    let data = session.compute(&x).unwrap();
    let expected: Vec<i64> = data
        .as_slice::<f64>()
        .unwrap()
        .iter()
        .map(|&v| edges.iter().filter(|&&e| e <= v).count() as i64)
        .collect();
    assert_eq!(session.compute(&places).unwrap().as_slice::<i64>().unwrap(), expected);
    let totals = places.isin(&[1i32, 3]).sum_with(Over::axis(0));
    let plan = session.plan(&[&totals]).unwrap();
    let again = Plan::from_json(&plan.to_json().unwrap()).unwrap();
    let n = again.stages()[0].grid.blocks();
    let values = Values::new();
    let parts = vec![
        session.run_tasks(&again, 0, 0..n / 2, &values).unwrap(),
        session.run_tasks(&again, 0, n / 2..n, &values).unwrap(),
    ];
    let merged = session.merge_tasks(&again, 0, parts, &values).unwrap();
    let merged = merged[&again.results()[0]].as_array().unwrap();
    let column = |j: usize| (0..50).filter(|i| [1, 3].contains(&expected[i * 8 + j])).count() as i64;
    let right: Vec<i64> = (0..8).map(column).collect();
    assert_eq!(merged.as_slice::<i64>().unwrap(), right);
    // What is computed beforehand is a table too.
    let quartiles = session.compute(&x.ravel().topk(-3, 0)).unwrap();
    let lowest = session.compute(&x.isin(&quartiles).sum()).unwrap();
    assert_eq!(lowest.item::<i64>().unwrap(), 3);
    assert!(session.explain(&[&places]).unwrap().contains("places among 6 sorted elements"));
}

#[test]
fn what_is_no_table_is_refused() {
    let session = session(1, "64MiB");
    let x = Array::arange(0.0, 5.0, 1.0);
    let refused = |array: Array, says: &str| {
        let e = session.compute(&array).unwrap_err();
        assert!(e.kind() == ErrorKind::Value && format!("{e:?}").contains(says), "{e:?}");
    };
    refused(x.searchsorted(&[2.0, 1.0], Side::Left), "does not ascend");
    refused(x.searchsorted(&[f64::NAN, 1.0], Side::Left), "does not ascend");
    refused(x.digitize(&[1.0, 3.0, 2.0], Side::Left), "ascend or descend");
    refused(x.interp(&Interp::new([0.0, 1.0], [1.0])), "as many values as points");
    refused(x.interp(&Interp::new([], [])), "no points");
    refused(x.interp(&Interp::new([0.0, f64::NAN], [1.0, 2.0])), "NaN");
    refused(x.interp(&Interp::new([1.0, 0.0], [1.0, 2.0])), "does not ascend");
    refused(x.interp(&Interp::new([1.0], [1.0]).period(0.0)), "period");
}

/// Tables in plans are checked: their order, their dtype, their bits.
#[test]
fn a_damaged_table_is_refused() {
    let session = session(1, "64MiB");
    let places = Array::random(&[4], 3, DType::F32).cast(DType::I8).searchsorted(&[1i8, 2, 3], Side::Left);
    let json = session.plan(&[&places]).unwrap().to_json().unwrap();
    let text = r#""bits":[1,2,3]"#;
    let spaced = json.replace(": ", ":").replace('\n', "");
    let compact: String = spaced.split(' ').collect();
    assert!(compact.contains(text), "{compact}");
    for other in [r#""bits":[3,2,1]"#, r#""bits":[1,2,300]"#] {
        assert!(Plan::from_json(&compact.replace(text, other)).is_err(), "{other}");
    }
    let other = compact.replace(r#""dtype":"int8","bits""#, r#""dtype":"int16","bits""#);
    assert!(other == compact || Plan::from_json(&other).is_err());
}

/// A table counts, once however many workers look things up in it.
#[test]
fn a_table_is_counted_in_the_budget() {
    let table: Vec<f64> = (0..200_000).map(f64::from).collect();
    let x = Array::random(&[1000, 100], 3, DType::F64);
    let places = |table: &[f64]| x.searchsorted(table, Side::Left).sum();
    let peak = |table: &[f64]| {
        let session = Session::builder().device(common::device()).threads(2).memory("64MiB").build().unwrap();
        session.run(&[&places(table)]).unwrap().report.projected_host_bytes
    };
    let more = peak(&table) - peak(&table[..1]);
    assert_eq!(more, 8 * (table.len() as u64 - 1));
    let small = Session::builder().device(common::device()).threads(2).memory("1MiB").build().unwrap();
    assert_eq!(small.compute(&places(&table)).unwrap_err().kind(), ErrorKind::Budget);
}
