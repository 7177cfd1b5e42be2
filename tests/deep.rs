//! Computations that are deep, or that use one thing often: their text is short, and neither text nor
//! planning nor dropping walks them by recursion.

mod common;

use chunkwise::{Array, DType, Over};

/// As an expression of the command line would be made, long after anyone reads it.
const DEEP: usize = 100_000;

fn chain(length: usize) -> Array {
    (0..length).fold(Array::linspace(0.0, 1.0, 7), |x, _| x + 1.0)
}

/// Runs on a stack so small that a frame for each of [`DEEP`] nodes does not fit.
fn on_a_small_stack(what: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(what).unwrap();
    thread.join().unwrap();
}

#[test]
fn what_is_used_often_is_written_once() {
    let mut x = Array::random(&[20, 30], 1, DType::F64);
    for _ in 0..40 {
        x = &x + &x;
    }
    let text = format!("{x:?}");
    assert!(text.contains("random([20, 30], seed 1, float64)"), "{text}");
    assert_eq!(text.matches("add(").count(), 40, "{text}");
    assert_eq!(format!("{x:#?}").lines().filter(|l| l.contains('#')).count(), 41);
    let bins = x.histogram(chunkwise::BinAxis::Auto(4));
    assert!(format!("{bins:?}").len() < 3 * text.len());
    let plan = common::session(1, "16MiB").plan(&[&x]).unwrap();
    assert!(format!("{plan:?}").len() < 100_000);
}

/// The text grows with the nodes, up to a page.
#[test]
fn the_text_of_a_computation_is_a_page_at_most() {
    let lengths = [1, 10, 20, 1000, DEEP].map(|n| format!("{:?}", chain(n)).len());
    let each = (lengths[2] - lengths[1]) / 10;
    assert!(each < 300 && lengths[1] < lengths[0] + 9 * (each + 5), "{lengths:?}");
    assert!(lengths[3] < 64 * 200 && lengths[4] <= lengths[3] + 10, "{lengths:?}");
    let wide = chunkwise::concatenate(&vec![Array::linspace(0.0, 1.0, 7); 10_000], 0);
    let text = format!("{wide:?}");
    assert!(text.len() < 1000 && text.contains("9992 more"), "{text}");
    let long = chain(1).annotate("note", &"x".repeat(100_000)).made_by(&"y".repeat(100_000));
    assert!(format!("{long:?}{long}").len() < 2000);
}

#[test]
fn an_array_says_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let data = vec![0u8; 4 * 60];
    common::write_file(&path, &[(common::dataset("x", &[6, 10], DType::F32, Some(&[4, 5]), None), &data)]);
    let x = Array::open(&path, "x").unwrap();
    let text = x.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["float32 array of shape (6, 10)", "in chunks of (4, 5)"], "{text}");
    assert!(lines[2].ends_with("a.h5:/x") && lines[3].starts_with("made at tests/deep.rs:"), "{text}");
    let y = (&x * 2.0).sum_with(Over::axis(0)).made_by("sum(2 * x, axis=0)");
    assert_eq!(y.to_string(), "float32 array of shape (10,)\nsum(multiply)\nmade at sum(2 * x, axis=0)");
    let z = (&x + 2.5).to_string();
    assert!(z.contains("a.h5:/x, 2.5)") && z.lines().count() == 3, "{z}");
    let wrong = (&x + Array::linspace(0.0, 1.0, 7)).to_string();
    assert!(wrong.starts_with("an array that cannot be: ") && wrong.contains("(6, 10)"), "{wrong}");
}

/// Dropped, written, planned, bound, explained and computed.
#[test]
fn a_deep_chain_needs_no_deep_stack() {
    on_a_small_stack(|| {
        let x = chain(DEEP);
        assert!(format!("{x:?}{x}").len() < 20_000);
        let session = common::session(1, "64MiB");
        let plan = session.plan(&[&x.max()]).unwrap();
        assert_eq!(plan.stages()[0].program.steps.len(), DEEP + 2);
        assert!(session.explain(&[&x.max()]).unwrap().contains("max"));
        let max = session.compute(&x.max()).unwrap();
        assert_eq!(max.item::<f64>().unwrap(), DEEP as f64 + 1.0);
        drop(plan);
        // The last handle may be one of many, dropped anywhere.
        let middle = chain(DEEP);
        let end = (0..DEEP).fold(middle.clone(), |x, _| x.sqrt());
        drop(end);
        drop(middle);
    });
}

/// Chains through every kind of node that has inputs.
#[test]
fn a_deep_chain_of_any_kind_is_dropped() {
    on_a_small_stack(|| {
        let mut x = Array::random(&[4, 4], 1, DType::F64);
        for n in 0..10_000 {
            x = x.t().index([chunkwise::Index::ALL.step(-1)]);
            x = x.cast(DType::F32).cast(DType::F64);
            x = &x + x.sum();
            x = x.reshape(&[2, 8]).reshape(&[4, 4]).matmul(&x);
            x = chunkwise::concatenate(&[x.clone(), x], 0).index([chunkwise::Index::from(0..4)]);
            let bins = x.histogram(chunkwise::BinAxis::Auto(3));
            if n % 1000 == 0 {
                assert!(format!("{x:?}").len() < 20_000 && format!("{bins:?}").len() < 100_000);
            }
        }
        drop(x);
    });
}

/// Thousands of stages, as iterations make: planning, binding and running are linear in them. The bound is
/// many times what it takes; what grew with the cube of the stages took minutes.
#[test]
fn a_chain_of_reductions_is_planned_and_run_in_time() {
    let session = common::session(2, "64MiB");
    let timed = |name: &str, target: &Array, expected: f64| {
        let start = std::time::Instant::now();
        let outcome = session.run(&[target]).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        println!("{name}: {seconds:.3} s");
        let made = outcome.values[0].as_array().unwrap().item::<f64>().unwrap();
        assert_eq!((made, outcome.report.tasks.cpu + outcome.report.tasks.gpu), (expected, 3000), "{name}");
        assert!(seconds < 20.0, "{name}: {seconds} s");
        assert!(session.explain(&[target]).unwrap().contains("stage 2999"));
    };
    let x = Array::linspace(0.0, 999.0, 1000);
    timed("sums of sums", &(0..3000).fold(x.clone(), |x, _| x.sum()), 499_500.0);
    // Each reads the source again, which is kept for the next, and the value before.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let data: Vec<u8> = (0..1000u32).flat_map(|i| f64::from(i % 2).to_ne_bytes()).collect();
    let dataset = common::dataset("x", &[1000], DType::F64, Some(&[100]), Some(1));
    common::write_file(&path, &[(dataset, &data)]);
    let y = Array::open(&path, "x").unwrap();
    // An iteration that adds a half each time: the mean of a half and what came before.
    let sums = (1..3000).fold(y.mean(), |m, _| (&y + &m).mean());
    timed("means of a file", &sums, 1500.0);
}
