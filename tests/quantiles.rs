//! Medians, quantiles and percentiles against NumPy's answers (`tests/goldens/make_quantiles.py`), from memory and from
//! files in chunks, in small blocks, selected and counted; the same bits whatever the budget, the threads and the pieces;
//! what is noted, and what is an error.

#[path = "common/cases.rs"]
mod cases;
mod common;

use cases::numbers;
use chunkwise::ops::fold::Ranks;
use chunkwise::ops::quantiles::Asked;
use chunkwise::{
    Array, DType, ErrorKind, Index, Over, Plan, PlanOptions, QuantileMethod, Quantiles, Result, Session,
    StagePartial, Target, Values, unstable,
};
use common::{dataset, elements, exact_text, folder, golden, to_bytes, write_file};
use serde_json::Value as Json;

/// Quantiles of all elements as they are found in large arrays, whatever the size.
fn counted(x: &Array, asked: Result<Asked>) -> Result<Array> {
    let asked = asked?;
    let rank = x.ndim()?;
    let first = unstable::fold(Ranks::new(asked.clone(), 0, rank), &[x], &[]);
    let later = 1..Ranks::passes(&asked);
    Ok(later.fold(first, |before, n| unstable::fold(Ranks::new(asked.clone(), n, rank), &[x], &[&before])))
}

/// Bytes with every NaN the same, and every zero where the sign is open.
fn answer(session: &Session, array: &Array, unsigned: bool) -> Option<(String, Vec<u64>, String)> {
    // `+ 0` makes −0 +0.
    let array =
        if unsigned && array.dtype().is_ok_and(|d| d.is_float()) { array + 0.0 } else { array.clone() };
    let (dtype, shape, data) = cases::answer(&session.compute(&array).ok()?);
    Some((dtype.name().into(), shape, data))
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
    let cases = golden("quantiles.json");
    let mut wrong = Vec::new();
    let (mut right, mut all_counted) = (0, 0);
    for (n, case) in cases.as_array().unwrap().iter().enumerate() {
        let (name, x) = (case[0].as_str().unwrap(), &case[1]);
        let (dtype, shape) = (DType::from_name(x[0].as_str().unwrap()).unwrap(), numbers(&x[1]));
        let (seed, mode) = (x[2].as_u64().unwrap(), x[3].as_str().unwrap());
        let method =
            case[4].as_str().map_or(QuantileMethod::default(), |m| QuantileMethod::from_name(m).unwrap());
        let q: Option<Quantiles> = match &case[3] {
            Json::Null => None,
            Json::Array(q) => {
                Some(q.iter().map(|q| f64::from_bits(q.as_u64().unwrap())).collect::<Vec<_>>().into())
            }
            q => Some(f64::from_bits(q.as_u64().unwrap()).into()),
        };
        let axes = case[5].as_array().map(|a| a.iter().map(|a| a.as_i64().unwrap()).collect::<Vec<_>>());
        let mut over = axes.clone().map_or(Over::all(), Over::axes);
        if case[6] == true {
            over = over.keepdims();
        }
        let path = folder.path().join(format!("{n}.h5"));
        let data = elements(dtype, shape.iter().product(), seed, mode);
        let chunks = numbers(&case[2]);
        let chunks = (!shape.contains(&0)).then_some(&chunks[..]);
        write_file(&path, &[(dataset("x", &shape, dtype, chunks, chunks.map(|_| 1)), &to_bytes(&data))]);
        for x in [common::array(dtype, &shape, seed, mode), Array::open(&path, "x").unwrap()] {
            let mut made = vec![match (name, q.clone()) {
                ("median", _) => x.median_with(over.clone()),
                ("nanmedian", _) => x.nanmedian_with(over.clone()),
                ("quantile", Some(q)) => x.quantile_with(q, method, over.clone()),
                ("nanquantile", Some(q)) => x.nanquantile_with(q, method, over.clone()),
                ("percentile", Some(q)) => x.percentile_with(q, method, over.clone()),
                ("nanpercentile", Some(q)) => x.nanpercentile_with(q, method, over.clone()),
                _ => panic!("no case of {name}"),
            }];
            if axes.is_none() && case[6] == false {
                let skips = name.starts_with("nan");
                let percent = if name.ends_with("percentile") { 100.0 } else { 1.0 };
                let asked = match &case[3] {
                    Json::Null => Ok(Asked::median(dtype, skips)),
                    q => {
                        let list = q.as_array().cloned().unwrap_or_else(|| vec![q.clone()]);
                        let list: Vec<f64> =
                            list.iter().map(|q| f64::from_bits(q.as_u64().unwrap()) / percent).collect();
                        Asked::quantiles(dtype, method, &list, !q.is_array(), skips)
                    }
                };
                // What cannot be asked is no array here.
                if let Ok(array) = counted(&x, asked) {
                    made.push(array);
                    all_counted += 1;
                }
            }
            for (session, array) in sessions.iter().flat_map(|s| made.iter().map(move |a| (s, a))) {
                let got = answer(session, array, case[7] == true);
                let wanted = case[8].as_array().map(|a| {
                    let text = |v: &Json| v.as_str().unwrap().to_string();
                    (text(&a[0]), numbers(&a[1]), text(&a[2]))
                });
                match got == wanted {
                    true => right += 1,
                    false => wrong.push(format!("{n} {case}: {got:?} {:?}", session.compute(array).err())),
                }
            }
        }
        std::fs::remove_file(path).unwrap();
    }
    println!("{right} right, {all_counted} arrays counted");
    assert!(all_counted > 500 && right > 5000);
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

/// Sorted float32 of the array, NaN aside, by bits.
fn sorted(data: &[f32]) -> Vec<f32> {
    let mut out: Vec<f32> = data.iter().copied().filter(|v| !v.is_nan()).collect();
    out.sort_unstable_by(f32::total_cmp);
    out
}

#[test]
fn budgets_threads_and_chunks_do_not_show() {
    let folder = folder();
    let path = folder.path().join("x.h5");
    let shape = [300u64, 700];
    let data: Vec<f32> = (0..210_000u64)
        .map(|i| match common::hash(5, i) {
            h if h % 97 == 0 => f32::NAN,
            h if h % 89 == 0 => -0.0,
            h if h % 83 == 0 => f32::INFINITY,
            h => f32::from_bits((h >> 32) as u32 & 0xbfff_ffff),
        })
        .collect();
    let bytes: Vec<u8> = data.iter().flat_map(|v| v.to_ne_bytes()).collect();
    let chunkings: [&[u64]; 3] = [&[300, 7], &[13, 700], &[64, 64]];
    let names = ["a", "b", "c"];
    let parts: Vec<_> = names
        .iter()
        .zip(chunkings)
        .map(|(name, chunks)| (dataset(name, &shape, DType::F32, Some(chunks), Some(1)), &bytes[..]))
        .collect();
    write_file(&path, &parts);
    let all = sorted(&data);
    // Arithmetic of another kind: whole columns and all elements, sorted.
    let rank = |v: &[f32], q: f64| v[((v.len() - 1) as f64 * q).floor() as usize];
    let columns: Vec<f32> = (0..700)
        .map(|c| {
            let column: Vec<f32> = (0..300).map(|r| data[r * 700 + c]).collect();
            rank(&sorted(&column), 0.3)
        })
        .collect();
    let many: Vec<f64> = (0..=100).map(|p| p as f64 / 100.0).collect();
    let mut seen = std::collections::BTreeSet::new();
    for name in names {
        let x = Array::open(&path, name).unwrap();
        let lower = QuantileMethod::Lower;
        let list: [Array; 5] = [
            x.nanquantile_with(0.3, lower, Over::axis(0)),
            x.nanquantile_with([0.001, 0.5, 0.77], lower, Over::all()),
            x.nanquantile_with(many.clone(), lower, Over::all()),
            x.nanmedian(),
            x.cast(DType::F64).nanquantile([0.25, 0.75]),
        ];
        for (threads, memory) in [(1, "16MiB"), (3, "256MiB"), (2, "48MiB")] {
            let session = common::session(threads, memory);
            let outcome = session.run(&list.each_ref().map(|a| a as &dyn Target)).unwrap();
            let value = |n: usize| outcome.values[n].as_array().unwrap();
            assert_eq!(value(0).as_slice::<f32>().unwrap(), columns);
            let wanted = [0.001, 0.5, 0.77].map(|q| rank(&all, q));
            assert_eq!(value(1).as_slice::<f32>().unwrap(), wanted);
            let wanted: Vec<f32> = many.iter().map(|&q| rank(&all, q)).collect();
            assert_eq!(value(2).as_slice::<f32>().unwrap(), wanted);
            assert!(outcome.report.projected_host_bytes <= session.memory());
            seen.insert(outcome.values.iter().map(exact_text).collect::<Vec<_>>().join("\n"));
        }
        // The smallest budget that a refusal names does, for columns in windows too.
        for array in &list[..2] {
            let e = common::session(2, "4KiB").compute(array).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Budget);
            let needed = e.needed().unwrap();
            let builder = Session::builder().device(common::device()).threads(2).memory_bytes(needed);
            assert!(builder.build().unwrap().compute(array).is_ok(), "{needed}");
        }
    }
    assert_eq!(seen.len(), 1);
}

#[test]
fn any_pieces_give_the_same_bits() {
    let options = PlanOptions::new().block_bytes(4 << 10);
    let session = Session::builder().threads(2).plan_options(options).build().unwrap();
    let x = Array::random(&[120, 150], 3, DType::F64) - 0.5;
    let y = x.cast(DType::F32);
    let made = [
        counted(&x, Ok(Asked::median(DType::F64, false))).unwrap(),
        counted(&y, Asked::quantiles(DType::F32, QuantileMethod::Hazen, &[0.1, 0.9], false, true)).unwrap(),
        y.median_with(Over::axis(0)),
        x.quantile_with([0.2, 0.4], QuantileMethod::Weibull, Over::axis(1)),
    ];
    let plan = session.plan(&made.each_ref().map(|a| a as &dyn Target)).unwrap();
    let plan = Plan::from_json(&plan.to_json().unwrap()).unwrap();
    let right: Vec<String> = session.run_plan(&plan).unwrap().values.iter().map(exact_text).collect();
    assert!(plan.tasks() > 100, "{}", plan.tasks());
    for step in [1, 3, 7] {
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
    // A pass that does not follow the one before is refused when the plan is read.
    let text = plan.to_json().unwrap();
    for (from, to) in [("\"pass\":3", "\"pass\":4"), ("\"pass\":3", "\"pass\":0")] {
        assert!(text.contains(from));
        assert_eq!(
            Plan::from_json(&text.replacen(from, to, 1)).unwrap_err().kind(),
            ErrorKind::Format,
            "{to}"
        );
    }
}

#[test]
fn the_data_are_read_once_for_each_digit() {
    let session = common::session(1, "64MiB");
    let many: Vec<f64> = (0..=100).map(|p| p as f64 / 100.0).collect();
    for (dtype, median, list) in
        [(DType::U8, 1, 1), (DType::F16, 1, 1), (DType::F32, 2, 3), (DType::I64, 4, 5)]
    {
        let x = Array::random(&[70_000], 1, DType::F64).cast(dtype);
        for (array, passes) in [(x.median(), median), (x.quantile(many.clone()), list)] {
            assert_eq!(session.plan(&[&array]).unwrap().stages().len(), passes, "{array}");
        }
        // Few elements are gathered.
        let few = x.index([Index::from(..100)]);
        assert_eq!(session.plan(&[&few.median()]).unwrap().stages().len(), 1);
    }
    // No outputs, of however many elements each.
    let none = session.compute(&Array::zeros(&[1 << 50, 0], DType::F32).median_with(Over::axis(0))).unwrap();
    assert_eq!((none.shape(), none.bytes().len()), (&[0u64][..], 0));
    let none = session.compute(&Array::zeros(&[0, 1 << 50], DType::F32).median_with(Over::axis(1))).unwrap();
    assert_eq!(none.shape(), [0]);
}

#[test]
fn what_numpy_warns_about_is_noted() {
    let session = common::session(1, "64MiB");
    let nan = Array::full(&[70_000], f32::NAN);
    let empty = Array::zeros(&[0], DType::F64);
    let rows = Array::from_ndarray(ndarray::array![[1.0, f64::NAN], [f64::NAN, f64::NAN]]);
    for (array, note) in [
        (nan.nanmedian(), "all-NaN slice"),
        (nan.index([Index::from(..9)]).nanquantile(0.5), "all-NaN slice"),
        (rows.nanmedian_with(Over::axis(1)), "all-NaN slice"),
        (empty.median(), "mean of empty slice"),
        (empty.nanquantile([0.5]), "mean of empty slice"),
        (nan.median(), ""),
    ] {
        let outcome = session.run(&[&array]).unwrap();
        let notes = outcome.report.notes.join("\n");
        assert!(notes.contains(note) && notes.is_empty() == note.is_empty(), "{array}: {notes}");
    }
}

#[test]
fn errors_say_what_to_do() {
    let x = Array::random(&[4, 5], 1, DType::F32);
    for (array, kind, says) in [
        (x.quantile(1.5), ErrorKind::Value, "1.5 does not"),
        (x.percentile([50.0, f64::NAN]), ErrorKind::Value, "NaN does not"),
        (x.median_with(Over::axis(2)), ErrorKind::Index, "axis 2"),
        (x.median_with(Over::axes([0, 0])), ErrorKind::Value, "twice"),
        (x.median_with(Over::all().dtype(DType::F64)), ErrorKind::Unsupported, "takes no dtype"),
        (x.greater(0.5).quantile(0.5), ErrorKind::Type, "bools have no quantiles"),
        (x.index([Index::from(0..0)]).quantile(0.5), ErrorKind::Value, "quantile of no elements"),
    ] {
        let e = array.check().unwrap_err();
        assert_eq!(e.kind(), kind, "{e}");
        assert!(e.to_string().contains(says), "{e}");
    }
    // Of axes of length 1 all elements are one result, and are counted; memory does not grow with them.
    let long = Array::random(&[1, 3_000_000, 1], 2, DType::F32);
    let session = common::session(2, "8MiB");
    let kept = session.compute(&long.median_with(Over::axis(1))).unwrap();
    let all = session.compute(&long.median()).unwrap();
    assert_eq!((kept.shape(), kept.bytes()), (&[1u64, 1][..], all.bytes()));
    let explained = session.explain(&[&long.quantile([0.1, 0.5])]).unwrap();
    assert!(explained.contains("quantile of %0 0.1, 0.5 (linear), pass 2 of 2"), "{explained}");
}
