//! A plan in pieces: written to a file, run as disjoint task ranges by fresh processes, merged by
//! another one, and the same bits as one run.

mod common;

use chunkwise::{
    Array, BinAxis, Binned, Boundary, DType, ErrorKind, Index, Labels, Over, Plan, Reduction, Scalar,
    Session, StagePartial, Target, Values, concatenate,
};
use common::{child, dataset, elements, exact_text, folder, job, succeed, to_bytes, write_file};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const SHAPE: [u64; 2] = [211, 96];

/// What a fresh process is asked to do.
#[derive(Serialize, Deserialize)]
enum Job {
    Run { folder: PathBuf, stage: usize, range: (u64, u64), out: String, threads: usize, memory: String },
    Merge { folder: PathBuf, stage: usize, partials: Vec<String>, threads: usize, memory: String },
}

fn load<T: for<'a> Deserialize<'a>>(path: PathBuf) -> T {
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap())
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn save<T: Serialize>(path: PathBuf, value: &T) {
    std::fs::write(path, serde_json::to_string(value).unwrap()).unwrap();
}

fn plan_in(folder: &Path) -> Plan {
    Plan::from_json(&std::fs::read_to_string(folder.join("plan.json")).unwrap()).unwrap()
}

/// Not a test of its own: what the fresh processes run.
#[test]
fn worker() {
    let Some(job) = job() else { return };
    match serde_json::from_str(&job).unwrap() {
        Job::Run { folder, stage, range, out, threads, memory } => {
            let plan = plan_in(&folder);
            let values: Values = load(folder.join("values.json"));
            let session = common::session(threads, &memory);
            let partial = session.run_tasks(&plan, stage, range.0..range.1, &values).unwrap();
            save(folder.join(out), &partial);
        }
        Job::Merge { folder, stage, partials, threads, memory } => {
            let plan = plan_in(&folder);
            let values: Values = load(folder.join("values.json"));
            let partials: Vec<StagePartial> = partials.into_iter().map(|p| load(folder.join(p))).collect();
            let merged =
                common::session(threads, &memory).merge_tasks(&plan, stage, partials, &values).unwrap();
            save(folder.join("values.json"), &merged.values);
        }
    }
}

fn write(folder: &Path) -> PathBuf {
    let path = folder.join("data.h5");
    let len = SHAPE.iter().product();
    let data = |dtype, seed, mode| to_bytes(&elements(dtype, len, seed, mode));
    write_file(
        &path,
        &[
            (dataset("wide", &SHAPE, DType::F64, Some(&[16, 96]), Some(1)), &data(DType::F64, 1, "wide")),
            (dataset("nan", &SHAPE, DType::F32, Some(&[50, 20]), Some(1)), &data(DType::F32, 2, "nan")),
            (dataset("w", &SHAPE, DType::F32, None, None), &data(DType::F32, 3, "wide")),
            (dataset("i", &SHAPE, DType::I16, Some(&[211, 7]), None), &data(DType::I16, 4, "wide")),
        ],
    );
    path
}

fn targets(path: &Path) -> Vec<Box<dyn Target>> {
    let open = |name: &str| Array::open(path, name).unwrap();
    let (wide, nan, w, i) = (open("wide"), open("nan"), open("w"), open("i"));
    vec![
        Box::new(wide.sum()),
        Box::new(w.sum()),
        Box::new(i.sum()),
        Box::new(wide.var_with(Over::axis(0))),
        Box::new(wide.var_with(Over::axis(1).ddof(1.0))),
        Box::new(w.var_with(Over::axis(0).dtype(DType::F64))),
        Box::new(nan.nanmean()),
        Box::new(nan.nansum_with(Over::axis(1))),
        Box::new(nan.nanstd_with(Over::axis(0).keepdims())),
        Box::new(nan.nanargmax()),
        Box::new(nan.nanmin()),
        Box::new(wide.argmin()),
        Box::new(i.argmin_with(Over::axis(0))),
        Box::new(nan.argmin()),
        Box::new(i.cast(DType::F64).prod_with(Over::axis(1))),
        Box::new(w.average_with(Over::all().weights(&w.square()))),
        Box::new(
            Binned::new([
                (&nan, BinAxis::Uniform { bins: 7, low: -2.0, high: 2.0 }),
                (&i, BinAxis::Edges(vec![-40000.0, -1000.0, 0.0, 10.0, 30000.0])),
            ])
            .weights(&w),
        ),
        // More stages: a mean inside, an automatic range.
        Box::new(((&w - w.mean()) / w.std()).std()),
        Box::new(nan.histogram(BinAxis::Auto(6)).weights(&wide)),
        // Elements.
        Box::new((&i * 2 + 1).index([Index::ALL.step(-5), Index::from(3..20)])),
    ]
}

#[test]
fn fresh_processes_give_the_bits_of_one_run() {
    if job().is_some() {
        return;
    }
    let folder = folder();
    let path = write(folder.path());
    let targets = targets(&path);
    let list: Vec<&dyn Target> = targets.iter().map(|t| t.as_ref()).collect();
    let session = common::session(2, "64MiB");
    let plan = session.plan(&list).unwrap();
    let one: Vec<String> = session.run_plan(&plan).unwrap().values.iter().map(exact_text).collect();

    let here = folder.path();
    std::fs::write(here.join("plan.json"), plan.to_json().unwrap()).unwrap();
    save(here.join("values.json"), &Values::new());
    assert!(plan.stages().len() >= 3);
    let start = |job: &Job| succeed(child("worker", &serde_json::to_string(job).unwrap()));
    for (stage, s) in plan.stages().iter().enumerate() {
        let n = s.grid.blocks();
        let cuts = [0, n / 5, n - n / 3, n];
        let settings = [(1, "64MiB"), (3, "8MiB"), (2, "256MiB")];
        let mut partials = Vec::new();
        for (k, (threads, memory)) in settings.into_iter().enumerate() {
            let out = format!("partial-{stage}-{k}.json");
            let folder = here.to_path_buf();
            let range = (cuts[k], cuts[k + 1]);
            start(&Job::Run { folder, stage, range, out: out.clone(), threads, memory: memory.into() });
            partials.push(out);
        }
        // In another order than they were made.
        partials.rotate_left(1);
        start(&Job::Merge {
            folder: here.to_path_buf(),
            stage,
            partials,
            threads: 1,
            memory: "32MiB".into(),
        });
    }
    let values: Values = load(here.join("values.json"));
    for (k, (&result, one)) in plan.results().iter().zip(&one).enumerate() {
        assert_eq!(&exact_text(&values[&result]), one, "target {k}");
    }
    println!(
        "{} targets, {} stages, {} tasks: the bits of one run",
        one.len(),
        plan.stages().len(),
        plan.tasks()
    );
}

/// A plan over one stage of several tasks, in a folder.
fn simple(folder: &Path) -> (Session, Plan, u64) {
    let path = write(folder);
    let session = Session::builder()
        .device(common::device())
        .threads(1)
        .memory("64MiB")
        .plan_options(chunkwise::PlanOptions::new().block_bytes(4096))
        .build()
        .unwrap();
    let plan = session.plan(&[&Array::open(path, "wide").unwrap().sum()]).unwrap();
    let n = plan.stages()[0].grid.blocks();
    assert!(n >= 4, "{n}");
    (session, plan, n)
}

#[test]
fn ranges_must_cover_every_task_once() {
    let folder = folder();
    let (session, plan, n) = simple(folder.path());
    let values = Values::new();
    let part = |range: std::ops::Range<u64>| session.run_tasks(&plan, 0, range, &values).unwrap();
    let merge = |parts: Vec<StagePartial>| session.merge_tasks(&plan, 0, parts, &values);
    let whole = merge(vec![part(2..n), part(0..2), part(1..1)]).unwrap();
    let one = session.run_plan(&plan).unwrap();
    assert_eq!(exact_text(&whole[&plan.results()[0]]), exact_text(&one.values[0]));

    let fails = |parts: Vec<StagePartial>, says: &str| {
        let e = merge(parts).map(drop).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Value);
        assert!(e.to_string().contains(says), "{e}");
    };
    fails(vec![part(0..3), part(2..n)], "task 2 is in two partials");
    fails(vec![part(0..2), part(3..n)], "tasks 2..3");
    fails(vec![part(1..n)], "tasks 0..1");
    fails(vec![part(0..n - 1)], "no partial has tasks");
    fails(vec![], "no partial has tasks");
    fails(vec![part(0..n), part(0..n)], "in two partials");
    // Of another plan, of another stage, of ranges that are not there.
    let other = session.plan(&[&Array::arange(0.0, 9.0, 1.0).sum()]).unwrap();
    let e = session.merge_tasks(&other, 0, vec![part(0..n)], &values).map(drop).unwrap_err();
    assert!(e.to_string().contains("another plan"), "{e}");
    let mut lies = part(0..n);
    lies.stage = 7;
    fails(vec![lies], "another plan or stage");
    for (stage, range) in [(0, 0..n + 1), (0, n + 5..n + 6), (9, 0..1)] {
        let e = session.run_tasks(&plan, stage, range, &values).map(drop).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Index, "{e}");
    }
    #[allow(clippy::reversed_empty_ranges)]
    let backwards = 3..1;
    assert!(session.run_tasks(&plan, 0, backwards, &values).is_err());
}

#[test]
fn what_cannot_travel_is_refused() {
    let session = common::session(1, "64MiB");
    let memory = common::array(DType::F32, &[10], 1, "small");
    let e = session.plan(&[&memory.sum()]).unwrap().to_json().unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    assert!(e.to_string().contains("hint"), "{e}");
    // Generated arrays do travel.
    let plan = session.plan(&[&Array::random(&[1000], 7, DType::F64).sum()]).unwrap();
    let again = Plan::from_json(&plan.to_json().unwrap()).unwrap();
    assert_eq!(plan.fingerprint(), again.fingerprint());
    let answer = |p: &Plan| exact_text(&session.run_plan(p).unwrap().values[0]);
    assert_eq!(answer(&plan), answer(&again));
    // What is not a plan, or not of this version.
    let json = plan.to_json().unwrap();
    for bad in ["", "{}", "[1]", "{\"version\": 1}", &json[..json.len() / 2]] {
        assert_eq!(Plan::from_json(bad).unwrap_err().kind(), ErrorKind::Format, "{bad}");
    }
    let version = format!("\"version\":{}", chunkwise::plan::PLAN_VERSION);
    let e = Plan::from_json(&json.replacen(&version, "\"version\":99", 1)).unwrap_err();
    assert!(e.to_string().contains("version 99"), "{e}");
}

/// A key that no reader knows may have meant something: it is refused, wherever it stands.
#[test]
fn a_key_that_no_reader_knows_is_refused() {
    let session = common::session(1, "64MiB");
    let x = Array::random(&[60, 40], 7, DType::F64);
    let y = x.index([Index::from(5..50).step(3)]);
    let labels = Array::arange_int(0, 40, 1);
    let expected = Labels::integers(&[0, 1, 70]).unwrap();
    let many = concatenate(&[y.t().reshape(&[600]), x.index([Index::from(0)])], 0);
    let wide = x.pad(&[(1, 1), (0, 2)], &[Boundary::Nearest, Boundary::Constant(Scalar::F64(1.0))]);
    let plan = session
        .plan(&[
            &y.mean_with(Over::axis(1)),
            &x.histogram(BinAxis::Auto(4)),
            &many.topk(3, 0),
            &many.quantile([0.1, 0.5]),
            &x.broadcast_to(&[40, 60, 40]).median(),
            &x.groupby_reduce(&labels, &expected, Reduction::Sum, Over::axis(1)),
            &wide,
        ])
        .unwrap();
    let json: serde_json::Value = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    let objects = paths(&json, "".into());
    assert!(objects.len() > 40, "{}", objects.len());
    for path in objects {
        let mut changed = json.clone();
        let object = changed.pointer_mut(&path).unwrap().as_object_mut().unwrap();
        object.insert("surplus".into(), serde_json::json!(1));
        let e = Plan::from_json(&changed.to_string()).map(drop).expect_err(&path);
        assert_eq!(e.kind(), ErrorKind::Format, "{path}: {e}");
    }
    // So it is in partials, also in what only some devices and tasks put there.
    let partial = session.run_tasks(&plan, 0, 0..1, &Values::new()).unwrap();
    let mut json = serde_json::to_value(&partial).unwrap();
    json["fallbacks"] = serde_json::json!([{"reason": "there is no shader", "tasks": 1}]);
    json["outputs"][0]["notes"] = serde_json::json!([{"text": "division by zero", "count": 1}]);
    serde_json::from_value::<StagePartial>(json.clone()).unwrap();
    let objects = paths(&json, "".into());
    assert!(objects.len() > 3, "{json}");
    for path in objects {
        let mut changed = json.clone();
        let object = changed.pointer_mut(&path).unwrap().as_object_mut().unwrap();
        object.insert("surplus".into(), serde_json::json!(1));
        serde_json::from_value::<StagePartial>(changed).map(drop).expect_err(&path);
    }
}

/// A step of another result than its arguments give would fill a register of another size.
#[test]
fn a_step_that_gives_another_dtype_is_refused() {
    let session = common::session(1, "64MiB");
    let x = Array::random(&[60], 7, DType::F64);
    let mut tried = 0;
    for array in [
        &x * 2.0,
        x.greater(0.5),
        x.greater(0.5).select(&x, 1.0),
        x.sqrt(),
        x.cast(DType::I32).bitwise_count(),
    ] {
        let json = session.plan(&[&array]).unwrap().to_json().unwrap();
        let at = json.find("\"out\":\"").unwrap() + 7;
        let end = at + json[at..].find('"').unwrap();
        for dtype in DType::ALL.into_iter().filter(|d| d.name() != &json[at..end]) {
            let bad = format!("{}{}{}", &json[..at], dtype.name(), &json[end..]);
            let e = Plan::from_json(&bad).map(drop).expect_err(dtype.name());
            assert_eq!(e.kind(), ErrorKind::Format, "{e}");
            tried += 1;
        }
    }
    assert_eq!(tried, 5 * (DType::ALL.len() - 1));
}

/// Where the objects in a document are.
fn paths(of: &serde_json::Value, at: String) -> Vec<String> {
    let inner = |(key, value): (String, &serde_json::Value)| paths(value, format!("{at}/{key}"));
    match of {
        serde_json::Value::Array(list) => {
            list.iter().enumerate().map(|(i, v)| (i.to_string(), v)).flat_map(inner).collect()
        }
        serde_json::Value::Object(map) => {
            let below = map.iter().map(|(k, v)| (k.clone(), v)).flat_map(inner);
            std::iter::once(at.clone()).chain(below).collect()
        }
        _ => Vec::new(),
    }
}

/// Numbers of a plan changed one by one: an error or another right answer, never a panic.
#[test]
fn a_damaged_plan_is_an_error_and_no_panic() {
    let folder = folder();
    let path = write(folder.path());
    let session = common::session(1, "64MiB");
    let x = Array::open(&path, "wide").unwrap();
    let y = x.index([Index::from(5..200).step(3)]).t();
    let plan = session.plan(&[&y.mean_with(Over::axis(1)), &x.histogram(BinAxis::Auto(4))]).unwrap();
    let json = plan.to_json().unwrap();
    let bytes = json.as_bytes();
    let (mut tried, mut refused) = (0, 0);
    let mut at = 0;
    while at < bytes.len() {
        let end = at + bytes[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if end > at && (at == 0 || b",:[".contains(&bytes[at - 1])) {
            for new in ["0", "1", "3", "9999999", "18446744073709551615", "9223372036854775807"] {
                let bad = format!("{}{new}{}", &json[..at], &json[end..]);
                tried += 1;
                let ran = Plan::from_json(&bad).and_then(|p| match session.bind(&p)?.stages.len() {
                    // A changed grid may have more tasks than anyone would wait for.
                    _ if p.tasks() > 1000 => Ok(()),
                    _ => session.run_plan(&p).map(drop),
                });
                refused += u64::from(ran.is_err());
            }
        }
        at = end.max(at + 1);
    }
    println!("{tried} changes, {refused} refused");
    assert!(tried > 500 && refused > tried / 2, "{tried} changes, {refused} refused");
}

#[test]
fn a_file_that_changed_is_noticed() {
    let folder = folder();
    let path = write(folder.path());
    let session = common::session(1, "64MiB");
    let json = session.plan(&[&Array::open(&path, "w").unwrap().sum()]).unwrap().to_json().unwrap();
    Plan::from_json(&json).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    write(folder.path());
    let e = Plan::from_json(&json).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Changed, "{e}");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(Plan::from_json(&json).unwrap_err().kind(), ErrorKind::NotFound);
}

/// What tasks note goes with their partial to whoever merges it, and each piece has its report.
#[test]
fn notes_travel_and_pieces_have_reports() {
    let folder = common::folder();
    let path = write(folder.path());
    let x = Array::open(&path, "i").unwrap().cast(DType::I32);
    let options = chunkwise::PlanOptions::new().block_bytes(4096);
    let builder = Session::builder().device(common::device()).threads(2).memory("64MiB");
    let session = builder.plan_options(options).build().unwrap();
    let plan = session.plan(&[&x.floor_divide(&x - &x).max()]).unwrap();
    let (tasks, values) = (plan.stages()[0].grid.blocks(), Values::new());
    assert!(tasks > 1);
    let piece = |range: std::ops::Range<u64>| {
        let partial = session.run_tasks(&plan, 0, range.clone(), &values).unwrap();
        let r = &partial.report;
        assert_eq!(r.tasks.cpu + r.tasks.gpu, range.end - range.start);
        assert!(r.chunks_decoded > 0 && r.elapsed_s > 0.0 && r.peak_host_bytes > 0, "{r:?}");
        assert!(r.notes.iter().any(|n| n.contains("divided by zero")), "{r:?}");
        let text = serde_json::to_string(&partial).unwrap();
        assert!(!text.contains("elapsed"), "what differs from run to run is not written");
        let back: StagePartial = serde_json::from_str(&text).unwrap();
        assert_eq!((&back.notes, &back.fallbacks), (&partial.notes, &partial.fallbacks));
        back
    };
    let merged = session.merge_tasks(&plan, 0, vec![piece(1..tasks), piece(0..1)], &values).unwrap();
    let notes: Vec<&String> = merged.report.notes.iter().filter(|n| n.contains("divided by zero")).collect();
    assert_eq!(notes.len(), 1, "{:?}", merged.report);
    assert_eq!(
        exact_text(&merged[&plan.results()[0]]),
        exact_text(&session.run_plan(&plan).unwrap().values[0])
    );
}
