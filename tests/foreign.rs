//! Sources from outside the crate: each object is itself, whatever it says of itself; what is registered
//! travels with its plan, and what is not stays here.

mod common;

use chunkwise::grid::{Chunks, Slab, unravel};
use chunkwise::source::many::Many;
use chunkwise::source::{ReadCx, Source};
use chunkwise::unstable::{Registration, register_source};
use chunkwise::{Array, DType, Error, ErrorKind, Join, Plan, Result};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const SHAPE: [u64; 2] = [30, 20];

/// Element `[i, j]` is `100 i + j + plus`. All of one type, shape and name, so that nothing but the object
/// tells two of them apart.
#[derive(Debug)]
struct Plus {
    plus: i64,
    chunks: Chunks,
    /// How many elements were.
    read: AtomicU64,
    registered: Option<Registration>,
}

impl Plus {
    fn new(plus: i64) -> Arc<Plus> {
        Plus::registered(plus, None)
    }

    fn registered(plus: i64, registered: Option<Registration>) -> Arc<Plus> {
        let chunks = Chunks::from(&[8u64, 20][..]);
        Arc::new(Plus { plus, chunks, read: AtomicU64::new(0), registered })
    }

    fn sum(plus: i64) -> i64 {
        (0..30).map(|i| (0..20).map(|j| 100 * i + j + plus).sum::<i64>()).sum()
    }
}

impl Source for Plus {
    fn shape(&self) -> &[u64] {
        &SHAPE
    }
    fn dtype(&self) -> DType {
        DType::I64
    }
    fn chunks(&self) -> Option<&Chunks> {
        Some(&self.chunks)
    }
    fn registration(&self) -> Option<Registration> {
        self.registered.clone()
    }
    fn describe(&self) -> String {
        "a source of mine".into()
    }
    fn scratch_bytes(&self) -> u64 {
        0
    }
    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        self.read_region(&Slab::dense(&self.chunks.region(chunk)), out, cx)
    }
    fn read_region(&self, slab: &Slab, out: &mut [u8], _: &mut ReadCx) -> Result<()> {
        self.read.fetch_add(slab.len(), Relaxed);
        for (i, element) in (0..).zip(out.chunks_exact_mut(8)) {
            let at = unravel(i, &slab.count);
            let [i, j] = [0, 1].map(|d| (slab.start[d] + at[d] * slab.step[d]) as i64);
            element.copy_from_slice(&(100 * i + j + self.plus).to_ne_bytes());
        }
        Ok(())
    }
}

fn sum(array: &Array) -> i64 {
    common::session(2, "16MiB").compute(&array.sum()).unwrap().item().unwrap()
}

#[test]
fn two_objects_are_two_arrays_and_one_is_one() {
    let (a, b) = (Plus::new(1), Plus::new(1000));
    let [x, y] = [&a, &b].map(|s| Array::new(s.clone()));
    let session = common::session(1, "16MiB");
    let outcome = session.run(&[&x.sum(), &y.sum(), &(&y - &x).max()]).unwrap();
    let items: Vec<i64> = outcome.values.iter().map(|v| v.as_array().unwrap().item().unwrap()).collect();
    assert_eq!(items, [Plus::sum(1), Plus::sum(1000), 999]);
    // The same object in another array is the same node, and read once.
    let again = Array::new(a.clone());
    assert_eq!(session.plan(&[&x, &again]).unwrap().sources().len(), 1);
    assert_eq!(session.plan(&[&x, &y]).unwrap().sources().len(), 2);
    a.read.store(0, Relaxed);
    let both = session.run(&[&x.sum(), &again.sum(), &(&x + &again).min()]).unwrap();
    assert_eq!(both.values[2].as_array().unwrap().item::<i64>().unwrap(), 2);
    assert_eq!(a.read.load(Relaxed), 30 * 20, "each element is read once");
}

/// Parts of a joined source are told apart as sources are.
#[test]
fn parts_are_told_apart() {
    let join = Join::Concatenate { axis: 0 };
    let (a, b, c) = (Plus::new(1), Plus::new(2), Plus::new(3));
    let many = |parts: [&Arc<Plus>; 2]| {
        let parts = parts.map(|p| p.clone() as Arc<dyn Source>).to_vec();
        Array::new(Arc::new(Many::new(parts, join).unwrap()))
    };
    let (x, y) = (many([&a, &b]), many([&a, &c]));
    let outcome = common::session(1, "16MiB").run(&[&x.sum(), &y.sum()]).unwrap();
    let items: Vec<i64> = outcome.values.iter().map(|v| v.as_array().unwrap().item().unwrap()).collect();
    assert_eq!(items, [Plus::sum(1) + Plus::sum(2), Plus::sum(1) + Plus::sum(3)]);
    let session = common::session(1, "16MiB");
    assert_eq!(session.plan(&[&x, &many([&a, &b])]).unwrap().sources().len(), 1);
    let e = session.plan(&[&y]).unwrap().to_json().unwrap_err();
    assert!(e.kind() == ErrorKind::Unsupported && e.to_string().contains("a source of mine"), "{e}");
}

/// A number is never given again, though addresses are: partials of one plan are not those of another.
#[test]
fn a_source_that_is_gone_leaves_its_number_to_nobody() {
    let session = common::session(1, "16MiB");
    let mut seen = HashSet::new();
    for n in 0..500 {
        let x = Array::new(Plus::new(n)).sum();
        let plan = session.plan(&[&x]).unwrap();
        assert!(seen.insert(plan.fingerprint()), "source {n} passes for one before it");
        let [partial, other] = [(0..2), (2..4)].map(|tasks| {
            let tasks = tasks.start.min(plan.tasks())..tasks.end.min(plan.tasks());
            session.run_tasks(&plan, 0, tasks, &Default::default()).unwrap()
        });
        let values = session.merge_tasks(&plan, 0, vec![partial, other], &Default::default()).unwrap();
        let sum: i64 = values[&plan.results()[0]].as_array().unwrap().item().unwrap();
        assert_eq!(sum, Plus::sum(n));
    }
}

#[test]
fn a_plan_with_an_unregistered_source_stays_here() {
    let unknown = Registration { name: "tests/nobody-registered-this".into(), parameters: "{}".into() };
    for registered in [None, Some(unknown)] {
        let a = Plus::registered(5, registered.clone());
        let b = Plus::registered(6, registered);
        let session = common::session(1, "16MiB");
        let [x, y] = [a, b].map(|s| Array::new(s).sum());
        // Nobody vouches for the name, so that equal ones do not make two objects one.
        let outcome = session.run(&[&x, &y]).unwrap();
        let items: Vec<i64> = outcome.values.iter().map(|v| v.as_array().unwrap().item().unwrap()).collect();
        assert_eq!(items, [Plus::sum(5), Plus::sum(6)]);
        let e = session.plan(&[&x]).unwrap().to_json().unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Unsupported);
        assert!(e.message().contains("a source of mine") && e.to_string().contains("register_source"), "{e}");
    }
}

#[test]
fn a_registered_source_is_opened_again_by_its_name() {
    let registration =
        |plus: i64| Registration { name: "tests/plus".into(), parameters: format!("{{\"plus\":{plus}}}") };
    let open = |parameters: &str| -> Result<Arc<dyn Source>> {
        let wrong = |what: &str| Error::new(ErrorKind::Value, what);
        let json: serde_json::Value =
            serde_json::from_str(parameters).map_err(|_| wrong("the parameters are no JSON"))?;
        let plus = json["plus"].as_i64().ok_or_else(|| wrong("there is no plus"))?;
        Ok(Plus::registered(plus, None))
    };
    register_source("tests/plus", open).unwrap();
    let e = register_source("tests/plus", open).unwrap_err();
    assert!(e.kind() == ErrorKind::Value && e.to_string().contains("tests/plus"), "{e}");

    let session = common::session(2, "16MiB");
    let [x, y] = [7, 8].map(|n| Array::new(Plus::registered(n, Some(registration(n)))));
    let plan = session.plan(&[&x.sum(), &(&y - &x).sum()]).unwrap();
    assert_eq!(plan.sources().len(), 2);
    // Equal registrations are one array, though they are two objects.
    let twin = Array::new(Plus::registered(7, Some(registration(7))));
    assert_eq!(session.plan(&[&x, &twin]).unwrap().sources().len(), 1);

    let text = plan.to_json().unwrap();
    let there = Plan::from_json(&text).unwrap();
    assert_eq!(there.fingerprint(), plan.fingerprint());
    let outcome = session.run_plan(&there).unwrap();
    let items: Vec<i64> = outcome.values.iter().map(|v| v.as_array().unwrap().item().unwrap()).collect();
    assert_eq!(items, [Plus::sum(7), 600]);

    // What comes from elsewhere may name what is not here, or say what is not so.
    let e = Plan::from_json(&text.replace("tests/plus", "tests/minus")).unwrap_err();
    assert!(e.kind() == ErrorKind::NotFound && e.to_string().contains("tests/minus"), "{e}");
    let e = Plan::from_json(&text.replace("plus\\\":7", "less\\\":7")).unwrap_err();
    assert!(e.kind() == ErrorKind::Value && e.to_string().contains("tests/plus"), "{e}");
    let e = Plan::from_json(&text.replace("[30,20]", "[30,21]")).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Changed, "{e}");
}

#[test]
fn a_plan_cannot_name_an_object_of_another_process() {
    let x = Array::arange(0.0, 600.0, 1.0).sum();
    let text = common::session(1, "16MiB").plan(&[&x]).unwrap().to_json().unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["sources"][0]["spec"] = serde_json::json!({"Foreign": {"id": 1, "name": "someone's"}});
    let e = Plan::from_json(&json.to_string()).unwrap_err();
    assert!(e.kind() == ErrorKind::NotFound && e.to_string().contains("someone's"), "{e}");
}

#[test]
fn a_source_is_read_by_its_own_session() {
    assert_eq!(sum(&Array::new(Plus::new(0))), Plus::sum(0));
}
