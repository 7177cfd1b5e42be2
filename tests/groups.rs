//! Grouped reductions, profiles, topk, argtopk and ptp against the answers of NumPy and exact arithmetic
//! (`tests/goldens/make_groups.py`), from memory and from files in chunks, in small blocks.

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::{arrays, differs, memory, numbers};
use chunkwise::{Array, BinAxis, Binned, DType, ErrorKind, Labels, Over, PlanOptions, Reduction, Session};
use common::{folder, golden};
use serde_json::Value as Json;

fn floats(v: &Json) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
}

/// Sessions whose blocks are small, with one thread and with several.
fn sessions() -> Vec<Session> {
    [(1, 64), (3, 4096)]
        .map(|(threads, block_bytes)| {
            let builder = Session::builder().device(common::device()).threads(threads).memory("64MiB");
            builder.plan_options(PlanOptions::new().block_bytes(block_bytes)).build().unwrap()
        })
        .into()
}

#[test]
fn groups_answer_as_each_group_by_itself() {
    let (folder, sessions) = (folder(), sessions());
    let mut wrong = Vec::new();
    let cases = golden("groups.json");
    for (n, case) in cases.as_array().unwrap().iter().enumerate() {
        let kind = case[0].as_str().unwrap();
        let made: Vec<(Array, &Json)> = match kind {
            "groupby" => {
                let reduction = Reduction::from_name(case[1].as_str().unwrap()).unwrap();
                let labels = memory(&case[4]);
                let expected = floats(&case[5]);
                let expected = match labels.dtype().unwrap().is_float() || n % 2 == 0 {
                    true => Labels::floats(&expected),
                    false => Labels::integers(&expected.iter().map(|&v| v as i64).collect::<Vec<_>>()),
                };
                let expected = expected.unwrap();
                let over = || if numbers(&case[2][1]).len() == 1 { Over::all() } else { Over::axis(-1) };
                let made = |x: Array| x.groupby_reduce(&labels, &expected, reduction, over());
                arrays(folder.path(), n, &case[2], &case[3]).map(|x| (made(x), &case[6])).into()
            }
            "profile" => {
                let reduction = Reduction::from_name(case[1].as_str().unwrap()).unwrap();
                let columns: Vec<Array> = case[4].as_array().unwrap().iter().map(memory).collect();
                let edges = case[5].as_array().unwrap().iter().map(|e| BinAxis::Edges(floats(e)));
                let bins = Binned::new(columns.iter().zip(edges));
                let mut made: Vec<_> = arrays(folder.path(), n, &case[2], &case[3])
                    .map(|values| (bins.reduce(&values, reduction), &case[6]))
                    .into();
                made.push((bins.counts(), &case[7]));
                made
            }
            "top" => {
                let (k, axis) = (case[3].as_i64().unwrap(), case[4].as_i64().unwrap());
                arrays(folder.path(), n, &case[1], &case[2])
                    .into_iter()
                    .flat_map(|x| [(x.topk(k, axis), &case[5]), (x.argtopk(k, axis), &case[6])])
                    .collect()
            }
            "ptp" => {
                let over = || case[3].as_i64().map_or(Over::all(), Over::axis);
                arrays(folder.path(), n, &case[1], &case[2]).map(|x| (x.ptp_with(over()), &case[4])).into()
            }
            "along" => {
                let (weights, edges) = (memory(&case[3]), BinAxis::Edges(floats(&case[5])));
                let axes: Vec<i64> = floats(&case[4]).iter().map(|&a| a as i64).collect();
                let bins = |x: &Array| x.histogram(edges.clone()).along(axes.clone());
                arrays(folder.path(), n, &case[1], &case[2])
                    .iter()
                    .flat_map(|x| {
                        let sums = bins(x).weights(&weights).sums();
                        [(bins(x).counts(), &case[6]), (sums, &case[7]), (bins(x).density(), &case[8])]
                    })
                    .collect()
            }
            kind => panic!("no case of kind {kind}"),
        };
        for session in &sessions {
            for (array, right) in &made {
                wrong.extend(differs(session, array, right).map(|d| format!("{n} {kind} {}: {d}", case[1])));
            }
        }
    }
    assert!(cases.as_array().unwrap().len() > 500);
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

#[test]
fn elements_of_no_group_are_counted_and_labels_are_found() {
    use ndarray::array;
    let session = common::session(2, "64MiB");
    let x = Array::from_ndarray(array![1.0f32, 2.0, 3.0, 4.0, 5.0]);
    let labels = Array::from_ndarray(array![7.0, f64::NAN, -0.0, 7.0, 9.0]);
    let found = session.labels(&labels).unwrap();
    assert_eq!(found, Labels::floats(&[0.0, 7.0, 9.0]).unwrap());
    let outcome = session.run(&[&x.groupby_reduce(&labels, &found, Reduction::Sum, Over::all())]).unwrap();
    assert_eq!(outcome.values[0].as_array().unwrap().as_slice::<f32>().unwrap(), [3.0, 5.0, 5.0]);
    let notes = outcome.report.notes.join("\n");
    assert!(notes.contains("1 elements are of no group"), "{notes}");
    // What is masked is not there, and so is not left out.
    let mask = Array::from_ndarray(array![true, false, true, true, true]);
    let masked = x.groupby_reduce(&labels, &found, Reduction::Max, Over::all().mask(&mask));
    let outcome = session.run(&[&masked]).unwrap();
    assert_eq!(outcome.values[0].as_array().unwrap().as_slice::<f32>().unwrap(), [3.0, 4.0, 5.0]);
    assert!(outcome.report.notes.is_empty(), "{:?}", outcome.report.notes);
    let e = Labels::integers(&[3, 4, 3]).unwrap_err();
    assert!(e.kind() == ErrorKind::Value && e.to_string().contains("3 is there twice"), "{e}");
    assert!(Labels::floats(&[f64::NAN]).unwrap_err().to_string().contains("NaN"));
    // An empty group of an integer extreme has no answer.
    let whole = Array::from_ndarray(array![1i64, 2]).groupby_reduce(
        &Array::from_ndarray(array![0, 0]),
        &Labels::range(2).unwrap(),
        Reduction::Min,
        Over::all(),
    );
    let e = session.compute(&whole).unwrap_err();
    assert!(e.to_string().contains("the group at position 1 has no elements"), "{e}");
}

/// A histogram's counts and profiles of automatic bins are arrays like any other, made in one run with it.
#[test]
fn profiles_go_on_in_arithmetic() {
    let session = common::session(2, "64MiB");
    let x = common::array(DType::F64, &[5000], 3, "small");
    let y = common::array(DType::F32, &[5000], 4, "small");
    let bins = x.histogram(BinAxis::Auto(8));
    let (counts, sums) = (bins.counts(), bins.reduce(&y.cast(DType::F64), Reduction::Sum));
    let mean = bins.reduce(&y.cast(DType::F64), Reduction::Mean);
    let outcome = session.run(&[&bins, &counts, &(&sums / &counts), &mean]).unwrap();
    let histogram: Vec<i64> =
        outcome.values[0].as_histogram().unwrap().counts().iter().map(|&n| n as i64).collect();
    let array = |n: usize| outcome.values[n].as_array().unwrap();
    assert_eq!(array(1).as_slice::<i64>().unwrap(), histogram);
    assert_eq!(array(2).as_slice::<f64>().unwrap(), array(3).as_slice::<f64>().unwrap());
}

/// Edges and sums of weights as arrays are those of the histogram, to the last bit, whatever the bins are made of.
#[test]
fn edges_and_sums_are_those_of_the_histogram() {
    let session = common::session(2, "64MiB");
    let x = common::array(DType::F32, &[3000], 3, "small");
    let weights = common::array(DType::F64, &[3000], 5, "small");
    let none = x.index([chunkwise::Index::from(0..0)]);
    let constant = Array::full(&[20], 3.0);
    let axes = [
        BinAxis::Auto(7),
        BinAxis::AutoLog(9),
        BinAxis::Uniform { bins: 10, low: -0.3, high: 0.7 },
        BinAxis::Log { bins: 6, low: 0.1, high: 50.0 },
        BinAxis::Edges(vec![-1.0, 0.0, 0.0, 2.5]),
    ];
    for axis in &axes {
        for values in [&x, &none, &constant] {
            let bins = values.histogram(axis.clone());
            let outcome = session.run(&[&bins, &bins.edges(0)]).unwrap();
            let histogram = outcome.values[0].as_histogram().unwrap();
            let edges = outcome.values[1].as_array().unwrap();
            assert_eq!(edges.as_slice::<f64>().unwrap(), histogram.edges()[0], "{axis:?}");
            // Edges travel in a plan as plain data.
            let edges_of_random = Array::random(&[50], 1, DType::F64).histogram(axis.clone()).edges(0);
            let plan = session.plan(&[&edges_of_random]).unwrap();
            let again = chunkwise::Plan::from_json(&plan.to_json().unwrap()).unwrap();
            assert_eq!(again.fingerprint(), plan.fingerprint());
        }
        let weighted = x.histogram(axis.clone()).weights(&weights);
        let outcome = session.run(&[&weighted, &weighted.sums()]).unwrap();
        let (_, wanted) = outcome.values[0].as_histogram().unwrap().weights().unwrap();
        assert_eq!(outcome.values[1].as_array().unwrap().bytes(), wanted, "{axis:?}");
    }
    // Dimensions keep their own ranges.
    let pair = Binned::new([(&x, axes[1].clone()), (&weights, axes[0].clone())]);
    let outcome =
        session.run(&[&pair, &pair.edges(0), &pair.edges(1), &pair.sums(), &pair.counts()]).unwrap();
    let histogram = outcome.values[0].as_histogram().unwrap();
    for d in 0..2 {
        let edges = outcome.values[1 + d].as_array().unwrap();
        assert_eq!(edges.as_slice::<f64>().unwrap(), histogram.edges()[d]);
    }
    assert_eq!(outcome.values[3].as_array().unwrap().bytes(), outcome.values[4].as_array().unwrap().bytes());
    let e = session.compute(&pair.edges(2)).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Index);
    // No bins, more than an axis may have, more than can be counted.
    for bins in [0, 1 << 40, u64::MAX] {
        let e = session.compute(&x.histogram(BinAxis::Auto(bins)).edges(0)).unwrap_err();
        assert!(matches!(e.kind(), ErrorKind::Value | ErrorKind::Shape), "{bins}: {e}");
    }
}

/// Histograms for each place on the axes that are kept share the range of all data; they are arrays.
#[test]
fn histograms_along_axes_have_one_range() {
    let x = common::array(DType::F64, &[40, 70], 3, "small");
    let bins = || Binned::new([(&x, BinAxis::Auto(6)), (&(&x * 2.0), BinAxis::Auto(3))]);
    let mut seen = std::collections::BTreeSet::new();
    for (threads, memory, block_bytes) in [(1, "1MiB", 64), (3, "64MiB", 4096), (2, "64MiB", 1 << 20)] {
        let builder = Session::builder().device(common::device()).threads(threads).memory(memory);
        let session = builder.plan_options(PlanOptions::new().block_bytes(block_bytes)).build().unwrap();
        let kept = bins().along([0]).counts();
        assert_eq!(kept.shape().unwrap(), [70, 6, 3]);
        let difference = kept.sum_with(Over::axis(0)) - bins().counts();
        let outcome = session.run(&[&kept, &difference]).unwrap();
        assert_eq!(outcome.values[1].as_array().unwrap().as_slice::<i64>().unwrap(), [0; 18]);
        seen.insert(common::exact_text(&outcome.values[0]));
    }
    assert_eq!(seen.len(), 1);
    let session = common::session(1, "64MiB");
    for (array, kind, says) in [
        (bins().along([2]).counts(), ErrorKind::Index, "axis 2"),
        (bins().along([0, 0]).counts(), ErrorKind::Value, "twice"),
    ] {
        let e = session.compute(&array).unwrap_err();
        assert!(e.kind() == kind && e.to_string().contains(says), "{e}");
    }
    let e = session.compute_histogram(&bins().along([0])).unwrap_err();
    assert!(e.kind() == ErrorKind::Unsupported && e.to_string().contains("counts()"), "{e}");
}
