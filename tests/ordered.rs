//! Medians and quantiles of masked elements, of weighted ones and by group, against NumPy's answers
//! (`tests/goldens/make_ordered.py`), from memory and from files in chunks, in small blocks; the same bits whatever the
//! budget, the threads and the pieces; what is an error.

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::{arrays, differs, memory, numbers};
use chunkwise::ops::fold::Ranks;
use chunkwise::ops::quantiles::Asked;
use chunkwise::{
    Array, DType, ErrorKind, Labels, Over, Plan, PlanOptions, QuantileMethod, Quantiles, Session,
    StagePartial, Target, Values, unstable,
};
use common::{exact_text, folder, golden};
use serde_json::Value as Json;

fn some(v: &Json) -> Option<Array> {
    v.is_array().then(|| memory(v))
}

#[test]
fn the_answers_are_numpys() {
    let folder = folder();
    let sessions: Vec<Session> = [(1, 64), (3, 4096)]
        .map(|(threads, block_bytes)| {
            let builder = Session::builder().device(common::device()).threads(threads).memory("256MiB");
            builder.plan_options(PlanOptions::new().block_bytes(block_bytes)).build().unwrap()
        })
        .into();
    let cases = golden("ordered.json");
    let (mut wrong, mut right) = (Vec::new(), 0);
    for (n, case) in cases.as_array().unwrap().iter().enumerate() {
        let name = case[1].as_str().unwrap();
        let bits = |q: &Json| f64::from_bits(q.as_u64().unwrap());
        let q: Quantiles = match &case[4] {
            Json::Array(q) => q.iter().map(bits).collect::<Vec<_>>().into(),
            Json::Null => 0.5.into(),
            q => bits(q).into(),
        };
        let method =
            case[5].as_str().map_or(QuantileMethod::default(), |m| QuantileMethod::from_name(m).unwrap());
        let axes = case[6].as_array().map(|a| a.iter().map(|a| a.as_i64().unwrap()).collect::<Vec<_>>());
        let mut over = axes.map_or(Over::all(), Over::axes);
        if case[7] == true {
            over = over.keepdims();
        }
        if let Some(mask) = some(&case[9]) {
            over = over.mask(&mask);
        }
        if let Some(weights) = some(&case[10]) {
            over = over.weights(&weights);
        }
        for x in arrays(folder.path(), n, &case[2], &case[3]) {
            let (q, over) = (q.clone(), over.clone());
            let made = match some(&case[11]) {
                Some(labels) => {
                    let expected: Vec<f64> = match case[12].as_array() {
                        Some(list) => {
                            list.iter().map(|v| v.as_f64().unwrap_or(f64::from(v == true))).collect()
                        }
                        None => panic!("{case}"),
                    };
                    let expected = Labels::floats(&expected).unwrap();
                    match name {
                        "median" => x.groupby_median(&labels, &expected, over),
                        "nanmedian" => x.groupby_nanmedian(&labels, &expected, over),
                        "quantile" => x.groupby_quantile(&labels, &expected, q, method, over),
                        _ => x.groupby_nanquantile(&labels, &expected, q, method, over),
                    }
                }
                None => match name {
                    "median" => x.median_with(over),
                    "nanmedian" => x.nanmedian_with(over),
                    "quantile" => x.quantile_with(q, method, over),
                    _ => x.nanquantile_with(q, method, over),
                },
            };
            // `+ 0` makes −0 +0.
            let unsigned = case[8] == true && made.dtype().is_ok_and(|d| d.is_float());
            let made = if unsigned { made + 0.0 } else { made };
            for session in &sessions {
                match differs(session, &made, &case[13]) {
                    None => right += 1,
                    Some(d) => wrong.push(format!("{n} {case}: {d}")),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert!(right > 3000, "{right}");
    assert!(numbers(&cases[0][3]).len() <= 3);
}

/// What is made of all kinds, with pieces that are small.
fn all() -> Vec<Array> {
    let x = Array::random(&[120, 150], 3, DType::F64) - 0.5;
    let y = x.cast(DType::F32);
    let mask = Array::random(&[150], 4, DType::F64).greater(0.3);
    let weights = Array::random(&[120, 150], 5, DType::F64);
    let labels = (Array::random(&[120, 150], 6, DType::F64) * 5.0).cast(DType::I32);
    let expected = Labels::integers(&[3, 1, 4]).unwrap();
    let cdf = QuantileMethod::InvertedCdf;
    let asked = Asked::median(DType::F32, false);
    let counted = (1..Ranks::passes(&asked)).fold(
        unstable::fold(
            Ranks::new(asked.clone(), 0, 2).with_mask(),
            &[&y, &mask.broadcast_to(&[120, 150])],
            &[],
        ),
        |before, n| {
            let fold = Ranks::new(asked.clone(), n, 2).with_mask();
            unstable::fold(fold, &[&y, &mask.broadcast_to(&[120, 150])], &[&before])
        },
    );
    vec![
        y.median_with(Over::all().mask(&mask)),
        counted,
        y.median_with(Over::axis(0).mask(&mask)),
        x.quantile_with([0.2, 0.4], QuantileMethod::Weibull, Over::axis(1).mask(&mask)),
        x.quantile_with([0.2, 0.4], cdf, Over::axis(1).weights(&weights).mask(&mask)),
        y.quantile_with(0.7, cdf, Over::all().weights(&weights)),
        y.groupby_quantile(&labels, &expected, [0.1, 0.5], cdf, Over::axis(0).weights(&weights)),
        x.groupby_median(&labels, &expected, Over::all().mask(&mask)),
    ]
}

#[test]
fn budgets_threads_and_pieces_do_not_show() {
    let made = all();
    let targets: Vec<&dyn Target> = made.iter().map(|a| a as &dyn Target).collect();
    let mut seen = std::collections::BTreeSet::new();
    for (threads, memory, block_bytes) in
        [(1, "4MiB", 4 << 10), (3, "256MiB", 4 << 10), (2, "64MiB", 1 << 20)]
    {
        let builder = Session::builder().device(common::device()).threads(threads).memory(memory);
        let session = builder.plan_options(PlanOptions::new().block_bytes(block_bytes)).build().unwrap();
        let texts: Vec<String> =
            targets.iter().map(|t| exact_text(&session.run(&[*t]).unwrap().values[0])).collect();
        assert_eq!(texts[0], texts[1]);
        seen.insert(texts);
    }
    assert_eq!(seen.len(), 1);
    let right = seen.into_iter().next().unwrap();
    let options = PlanOptions::new().block_bytes(4 << 10);
    let session = Session::builder().threads(2).plan_options(options).build().unwrap();
    let plan = session.plan(&targets).unwrap();
    let plan = Plan::from_json(&plan.to_json().unwrap()).unwrap();
    for step in [1, 5] {
        let mut values = Values::new();
        for (n, stage) in plan.stages().iter().enumerate() {
            let tasks = stage.grid.blocks();
            let run = |a: u64| session.run_tasks(&plan, n, a..(a + step as u64).min(tasks), &values).unwrap();
            let mut partials: Vec<StagePartial> = (0..tasks).step_by(step).map(run).collect();
            partials.reverse();
            let some = partials.split_off(partials.len() / 2);
            partials.push(session.combine_tasks(&plan, n, some, &values).unwrap());
            values = session.merge_tasks(&plan, n, partials, &values).unwrap().values;
        }
        let got: Vec<String> = plan.results().iter().map(|r| exact_text(&values[r])).collect();
        assert_eq!(got, right, "{step}");
    }
    // The smallest budget that a refusal names does.
    for array in &made[2..] {
        let e = common::session(2, "4KiB").compute(array).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Budget);
        let needed = e.needed().unwrap();
        let builder = Session::builder().device(common::device()).threads(2).memory_bytes(needed);
        assert!(builder.build().unwrap().compute(array).is_ok(), "{needed}");
    }
}

#[test]
fn errors_say_what_to_do() {
    let session = common::session(1, "64MiB");
    let x = Array::random(&[4, 5], 1, DType::F32);
    let cdf = QuantileMethod::InvertedCdf;
    let weighted = |w: f64| x.quantile_with(0.5, cdf, Over::axis(1).weights(&Array::full(&[5], w)));
    let none = Array::full(&[5], false);
    let labels = Array::from_ndarray(ndarray::array![0, 1, 0, 1]);
    let expected = Labels::range(2).unwrap();
    for (array, kind, says) in [
        (weighted(-1.0), ErrorKind::Value, "a weight is -1.0"),
        (weighted(f64::INFINITY), ErrorKind::Value, "a weight is inf"),
        (weighted(0.0), ErrorKind::Value, "all weights are 0"),
        (x.median_with(Over::all().weights(&x)), ErrorKind::Value, "'inverted_cdf' only"),
        (x.quantile_with(0.5, cdf, Over::all().weights(&labels)), ErrorKind::Shape, "weights"),
        (x.median_with(Over::all().mask(&Array::full(&[3], true))), ErrorKind::Shape, "where mask"),
        (x.quantile_with(0.5, cdf, Over::all().mask(&none)), ErrorKind::Value, "of no elements"),
        (x.median_with(Over::all().ddof(1.0)), ErrorKind::Unsupported, "takes no ddof"),
        (x.groupby_median(&labels, &expected, Over::axis(1)), ErrorKind::Shape, "labels"),
        (
            x.cast(DType::I32).groupby_quantile(&labels, &Labels::range(3).unwrap(), 0.5, cdf, Over::axis(0)),
            ErrorKind::Value,
            "of no elements",
        ),
    ] {
        let e = session.compute(&array).unwrap_err();
        assert_eq!(e.kind(), kind, "{e}");
        assert!(e.to_string().contains(says), "{e}");
    }
    // Elements of no group are counted.
    let one = x.groupby_median(&labels, &Labels::integers(&[1]).unwrap(), Over::axis(0));
    let notes = session.run(&[&one]).unwrap().report.notes.join("\n");
    assert!(notes.contains("10 elements are of no group"), "{notes}");
}
