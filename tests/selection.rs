//! What a mask selects, whole beside its mask and as an array of its own, against plain loops over the elements that are
//! left: every reduction that a selection has, over masks of all axes, of rows and of the first axes; medians and
//! histograms; errors that elements which are not selected never make; memory that no positions take.

mod common;
#[path = "common/naive.rs"]
mod naive;
#[path = "common/oracle.rs"]
mod oracle;

use chunkwise::ops::elementwise::Op;
use chunkwise::{Array, BinAxis, DType, ErrorKind, Over, Scalar, Selection, SelectionOperand, Session, Weak};
use common::{canonical, dataset, elements, folder, session, to_bytes, write_file};
use naive::Nd;
use std::path::Path;

const SHAPE: [u64; 3] = [37, 5, 8];

fn stored(folder: &Path, name: &str, of: &Nd, chunks: &[u64]) -> Array {
    let path = folder.join(format!("{name}.h5"));
    write_file(&path, &[(dataset("x", &of.shape, of.dtype, Some(chunks), Some(1)), &to_bytes(&of.data))]);
    Array::open(path, "x").unwrap()
}

fn numbers(dtype: DType, shape: &[u64], seed: u64) -> Nd {
    Nd { dtype, shape: shape.to_vec(), data: elements(dtype, shape.iter().product(), seed, "small") }
}

/// A mask of the first `axes` axes that keeps about `keep` of eight.
fn mask(axes: usize, keep: u64, seed: u64) -> Nd {
    let shape = SHAPE[..axes].to_vec();
    let data = (0..shape.iter().product()).map(|i| Scalar::Bool(common::hash(seed, i) % 8 < keep)).collect();
    Nd { dtype: DType::Bool, shape, data }
}

/// The elements that are left, along one axis in the place of the mask's.
fn left(x: &Nd, mask: &Nd) -> Nd {
    let axes = mask.shape.len();
    let flat: Vec<u64> =
        std::iter::once(mask.data.len() as u64).chain(x.shape[axes..].iter().copied()).collect();
    let picks: Vec<u64> =
        (0..).zip(&mask.data).filter(|(_, m)| **m == Scalar::Bool(true)).map(|(i, _)| i).collect();
    x.reshape(&flat).take(0, &picks)
}

fn same(session: &Session, got: &Array, expected: &Nd, what: &str) {
    let got = session.compute(got).unwrap_or_else(|e| panic!("{what}: {e}"));
    let expected = session.compute(&expected.array()).unwrap();
    assert_eq!(canonical(&got), canonical(&expected), "{what}");
}

#[test]
fn reductions_of_what_is_selected() {
    let folder = folder();
    let names = ["sum", "mean", "var", "std", "min", "max", "any", "all"];
    for (n, dtype) in [DType::I16, DType::U8, DType::F32, DType::F64, DType::I64].into_iter().enumerate() {
        let data = numbers(dtype, &SHAPE, n as u64);
        let x = stored(folder.path(), &format!("x{n}"), &data, &[10, 5, 3]);
        for (axes, keep) in [(1, 3), (2, 4), (3, 2), (3, 8), (1, 8)] {
            let chosen = mask(axes, keep, 7 + n as u64);
            let m = chosen.array();
            let (selection, rest) = (x.boolean_index(&m), left(&data, &chosen));
            let rank = rest.shape.len();
            assert_eq!((selection.ndim().unwrap(), selection.dtype().unwrap()), (rank, dtype));
            for s in [session(1, "1MiB"), session(3, "64MiB")] {
                let what = format!("{dtype}, a mask of {axes} axes");
                same(&s, &s.resolve(&selection).unwrap(), &rest, &what);
                let count = s.compute(&selection.count()).unwrap().item::<i64>().unwrap();
                assert_eq!(count as u64, rest.shape[0], "{what}");
                for name in names {
                    let what = format!("{name}, {what}");
                    let reduction = chunkwise::Reduction::from_name(name).unwrap();
                    let check = |over: Over, reduced: Vec<bool>| {
                        let Some(expected) = rest.reduce(name, &reduced, false, None) else { return };
                        let over = selection.over(over).unwrap();
                        same(&s, &selection.values().reduce(reduction, over), &expected, &what);
                    };
                    check(Over::all(), vec![true; rank]);
                    check(Over::axis(0), (0..rank).map(|d| d == 0).collect());
                    if rank > 1 {
                        check(Over::axes([-1, 0]), (0..rank).map(|d| d == 0 || d == rank - 1).collect());
                    }
                }
                let methods: [(&str, Array); 6] = [
                    ("count_nonzero", selection.count_nonzero()),
                    ("sum", selection.sum()),
                    ("mean", selection.mean()),
                    ("std", selection.std()),
                    ("min", selection.min()),
                    ("any", selection.any()),
                ];
                for (name, got) in methods {
                    if let Some(expected) = rest.reduce(name, &vec![true; rank], false, None) {
                        same(&s, &got, &expected, name);
                    }
                }
                if let Some(median) = rest.median(&vec![true; rank], false) {
                    let over = selection.over(Over::all()).unwrap();
                    same(&s, &selection.values().median_with(over), &median, "median");
                }
            }
        }
    }
}

/// The counts of a histogram of what is selected, by comparing each element that is left with the edges.
#[test]
fn histograms_of_what_is_selected() {
    let (data, chosen) = (numbers(DType::I32, &SHAPE, 3), mask(2, 3, 5));
    let selection = data.array().boolean_index(&chosen.array());
    let edges = [-40.0, -3.0, 0.0, 11.0, 50.0];
    let h = selection.values().histogram(BinAxis::Edges(edges.to_vec()));
    let h = h.mask(&selection.where_mask().unwrap());
    let got = session(2, "16MiB").compute_histogram(&h).unwrap();
    let rest = left(&data, &chosen);
    let inside = |low: f64, high: f64, last: bool| {
        let v = rest.data.iter().map(|v| v.to_f64());
        v.filter(|&v| v >= low && (v < high || last && v == high)).count() as u64
    };
    let expected: Vec<u64> =
        edges.windows(2).enumerate().map(|(i, e)| inside(e[0], e[1], i + 2 == edges.len())).collect();
    assert_eq!(got.counts(), expected);
}

#[test]
fn what_is_not_selected_raises_nothing() {
    let k = Array::from_ndarray(ndarray::array![3i64, -1, 0, 7]);
    let s = session(1, "16MiB");
    let two = SelectionOperand::from(Weak::Int(2));
    let positive = k.boolean_index(&k.greater_equal(0));
    let powers = Selection::elementwise(Op::POWER, &[two.clone(), (&positive).into()]).unwrap();
    assert_eq!(s.compute(&powers.sum()).unwrap().item::<i64>().unwrap(), 8 + 1 + 128);
    assert_eq!(s.compute(&s.resolve(&powers).unwrap()).unwrap().as_slice::<i64>().unwrap(), [8, 1, 128]);
    // Where it is selected it raises as ever.
    let small = k.boolean_index(&k.less(1));
    let powers = Selection::elementwise(Op::POWER, &[two, (&small).into()]).unwrap();
    assert!(s.compute(&powers.sum()).is_err());
    let seven = SelectionOperand::from(Weak::Int(7));
    for (mask, notes) in [(k.not_equal(0), 0), (k.less(100), 1)] {
        for op in [Op::FLOOR_DIVIDE, Op::REMAINDER] {
            let chosen = k.boolean_index(&mask);
            let made = Selection::elementwise(op, &[seven.clone(), (&chosen).into()]).unwrap();
            let report = s.run(&[&made.sum()]).unwrap().report;
            assert_eq!(report.notes.len(), notes, "{}: {:?}", op.name(), report.notes);
        }
    }
}

/// Predicated operands keep their dtypes, and so does what is made of them.
#[test]
fn results_have_the_dtype_that_the_elements_would_give() {
    let s = session(1, "16MiB");
    let mask = mask(1, 4, 3);
    for (n, dtype) in [DType::Bool, DType::I8, DType::U8, DType::U64, DType::F32].into_iter().enumerate() {
        let data = Nd { shape: mask.shape.clone(), ..numbers(dtype, &mask.shape, n as u64) };
        let selection = data.array().boolean_index(&mask.array());
        let rest = left(&data, &mask).array();
        for op in [Op::FLOOR_DIVIDE, Op::REMAINDER, Op::POWER] {
            let operand = || SelectionOperand::from(&selection);
            let Ok(made) = Selection::elementwise(op, &[operand(), operand()]) else {
                assert!(Array::elementwise(op, &[(&rest).into(), (&rest).into()]).check().is_err());
                continue;
            };
            let plain = Array::elementwise(op, &[(&rest).into(), (&rest).into()]);
            assert_eq!(made.dtype().unwrap(), plain.dtype().unwrap(), "{} of {dtype}", op.name());
            let (Ok(got), Ok(wanted)) = (s.compute(&s.resolve(&made).unwrap()), s.compute(&plain)) else {
                assert_eq!((op, dtype), (Op::POWER, DType::I8), "only negative powers are refused");
                continue;
            };
            assert_eq!(canonical(&got), canonical(&wanted), "{} of {dtype}", op.name());
        }
    }
}

#[test]
fn masks_that_do_not_fit_are_errors_that_say_so() {
    let x = Array::zeros(&[4, 3], DType::F32);
    let s = session(1, "16MiB");
    for (mask, kind) in [
        (Array::zeros(&[3], DType::Bool), ErrorKind::Index),
        (Array::zeros(&[4, 3, 1], DType::Bool), ErrorKind::Index),
        (Array::scalar(true), ErrorKind::Index),
        (Array::zeros(&[4], DType::I32), ErrorKind::Type),
    ] {
        let selection = x.boolean_index(&mask);
        assert_eq!(selection.values().check().unwrap_err().kind(), kind);
        assert_eq!(s.resolve(&selection).map(|_| ()).unwrap_err().kind(), kind);
        assert_eq!(s.compute(&selection.sum()).map(|_| ()).unwrap_err().kind(), kind);
    }
    let rows = x.boolean_index(&Array::zeros(&[4], DType::Bool));
    let all = x.boolean_index(&Array::zeros(&[4, 3], DType::Bool));
    let refused = |over: Over, of: &Selection| of.over(over).map(|_| ()).unwrap_err();
    assert!(refused(Over::axis(1), &rows).to_string().contains("keeps the axis of the selected"));
    assert!(refused(Over::all().keepdims(), &all).to_string().contains("keepdims"));
    assert_eq!(refused(Over::axis(2), &rows).kind(), ErrorKind::Index);
    assert_eq!(refused(Over::all().mask(&x.greater(0)), &all).kind(), ErrorKind::Value);
    let different =
        Selection::elementwise(Op::ADD, &[(&rows).into(), (&all).into()]).map(|_| ()).unwrap_err();
    assert!(different.to_string().contains("different masks"), "{different}");
    // As NumPy: there is no smallest of nothing, and the sum of nothing is 0.
    assert!(s.compute(&all.min()).is_err());
    assert_eq!(s.compute(&all.sum()).unwrap().item::<f32>().unwrap(), 0.0);
}

/// Each chunk is decoded once for a mean and a standard deviation of what is selected, whatever the budget; as many
/// positions would take more memory than there is.
#[test]
fn reductions_take_one_pass_and_no_positions() {
    let folder = folder();
    let data = numbers(DType::F32, &[4000, 300], 11);
    let x = stored(folder.path(), "large", &data, &[40, 300]);
    let chosen = x.boolean_index(&x.greater(0));
    let s = session(2, "2MiB");
    let outcome = s.run(&[&chosen.mean(), &chosen.std(), &chosen.count()]).unwrap();
    assert_eq!(outcome.report.chunks_decoded, 100);
    assert_eq!(s.resolve(&chosen).map(|_| ()).unwrap_err().kind(), ErrorKind::Budget);
    let rest: Vec<f64> = data.data.iter().map(|v| v.to_f64()).filter(|&v| v > 0.0).collect();
    let moments = oracle::Moments::of(rest.iter().copied());
    let value = |i: usize| match &outcome.values[i] {
        chunkwise::Value::Array(a) => f64::from(a.item::<f32>().unwrap()),
        other => panic!("{other:?}"),
    };
    assert_eq!((value(0), value(1)), (moments.mean(oracle::F32), moments.std(0, oracle::F32)));
}
