//! The GPU fails at every point of a run: the same bits, the same notes, every task counted once, and
//! no device memory held afterwards.

mod common;

use chunkwise::backend::gpu::{Choice, Fault, Gpu};
use chunkwise::{
    Array, BinAxis, Cancel, DType, Device, ErrorKind, FallbackPolicy, Outcome, Over, PlanOptions, Session,
    SessionBuilder, Target,
};
use common::{array, exact_text, gpu_available as available};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A budget that no other test has, so that none shares the device.
fn own_budget(bytes: u64) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    bytes + 16 * NEXT.fetch_add(1, Relaxed)
}

fn on(device: Device, threads: usize, block_bytes: u64) -> SessionBuilder {
    Session::builder()
        .device(device)
        .threads(threads)
        .memory("512MiB")
        .plan_options(PlanOptions::new().block_bytes(block_bytes))
}

type Targets = Vec<Box<dyn Target>>;

fn list(targets: &Targets) -> Vec<&dyn Target> {
    targets.iter().map(|t| t.as_ref()).collect()
}

/// Values as text, and the notes.
fn told(outcome: &Outcome) -> (Vec<String>, Vec<String>) {
    let mut notes = outcome.report.notes.clone();
    notes.sort();
    (outcome.values.iter().map(exact_text).collect(), notes)
}

/// Kernels whose outputs come back per block, add up on the device, or both; with blocks that share a
/// slot and blocks that are cut.
fn kernels() -> Vec<(&'static str, u64, Targets)> {
    let x = array(DType::F32, &[600, 50, 12], 1, "wide");
    let n = array(DType::I32, &[600, 50, 12], 2, "small");
    let quotient = n.floor_divide(&(&n - 1));
    let bins = BinAxis::Uniform { bins: 31, low: -2.0, high: 2.0 };
    let mask = array(DType::Bool, &[600, 50, 12], 3, "small");
    vec![
        (
            "counts, a sum and elements",
            100_000,
            vec![Box::new(x.histogram(bins.clone())), Box::new(x.sum()), Box::new(&x + 1.0f32)],
        ),
        (
            "counts, sums and quotients' events",
            30_000,
            vec![
                Box::new(quotient.histogram(bins.clone()).weights(&quotient).mask(&mask)),
                Box::new(quotient.sum_with(Over::axis(0))),
                Box::new(quotient.var_with(Over::axes([0, 2]))),
                Box::new(quotient.argmin()),
            ],
        ),
        ("sums of outer axes, blocks in pieces", 1 << 20, vec![Box::new(x.sum_with(Over::axis(0)))]),
        ("sums of inner axes, blocks in pieces", 1 << 20, vec![Box::new(x.sum_with(Over::axes([0, 1])))]),
        (
            "everything, blocks in pieces",
            1 << 20,
            vec![
                Box::new(x.histogram(bins).weights(&x)),
                Box::new(x.var()),
                Box::new(x.sum_with(Over::axis(1))),
                Box::new(x.argmax_with(Over::axis(2))),
            ],
        ),
        ("quotients' events by block", 20_000, vec![Box::new(quotient.sum_with(Over::axis(2)))]),
    ]
}

/// The smallest staging memory, so that runs have many submissions.
const SMALL: u64 = 3 << 20;

#[test]
fn a_failure_at_any_submission_changes_nothing() {
    if !available("a_failure_at_any_submission_changes_nothing") {
        return;
    }
    for threads in [1, 2] {
        let budget = own_budget(SMALL * threads as u64);
        let gpu = Gpu::open(&Choice::Fastest, Some(budget), threads).unwrap();
        for (name, block, targets) in kernels() {
            let right = on(Device::Cpu, threads, block).build().unwrap().run(&list(&targets)).unwrap();
            let session = on(Device::Gpu, threads, block).device_memory_bytes(budget).build().unwrap();
            let mut at = 0;
            loop {
                gpu.context().fail_at(at, Fault::OutOfMemory);
                let outcome = session.run(&list(&targets)).unwrap();
                let report = &outcome.report;
                let case = format!("{name}, {threads} threads, fault at {at}: {report:?}");
                assert_eq!(told(&outcome), told(&right), "{case}");
                assert_eq!(report.tasks.cpu + report.tasks.gpu, right.report.tasks.cpu, "{case}");
                let fallen: u64 = report.fallbacks.iter().map(|f| f.tasks).sum();
                assert_eq!(fallen, report.tasks.cpu, "{case}");
                assert!(report.peak_host_bytes <= session.memory(), "{case}");
                assert_eq!(gpu.context().memory.used(), 0, "{case}");
                if fallen == 0 {
                    break;
                }
                at += 1;
            }
            assert!(at > 2, "{name} has only {at} submissions");
            eprintln!("{name}, {threads} threads: {at} submissions");
        }
        let memory = &gpu.context().memory;
        assert!(memory.peak() > 0 && memory.peak() <= memory.budget());
    }
}

/// A device that is lost between two tasks, while blocks are under way.
#[test]
fn a_device_that_is_lost_between_tasks_loses_no_block() {
    if !available("a_device_that_is_lost_between_tasks_loses_no_block") {
        return;
    }
    for (name, block, targets) in kernels().into_iter().take(2) {
        for threads in [1, 3] {
            let right = on(Device::Cpu, threads, block).build().unwrap().run(&list(&targets)).unwrap();
            for after in [1, 4] {
                let budget = own_budget(64 << 20);
                let context =
                    Arc::clone(Gpu::open(&Choice::Fastest, Some(budget), threads).unwrap().context());
                let lost = Arc::clone(&context);
                let session = on(Device::Gpu, threads, block)
                    .device_memory_bytes(budget)
                    .on_progress(move |p| {
                        if p.done == after {
                            lost.lose()
                        }
                    })
                    .build()
                    .unwrap();
                let outcome = session.run(&list(&targets)).unwrap();
                let report = &outcome.report;
                let case = format!("{name}, {threads} threads, lost after {after}: {report:?}");
                assert_eq!(told(&outcome), told(&right), "{case}");
                assert_eq!(report.tasks.cpu + report.tasks.gpu, right.report.tasks.cpu, "{case}");
                assert_eq!(context.memory.used(), 0, "{case}");
                // The session goes on without the device.
                let again = session.run(&list(&targets)).unwrap();
                assert_eq!((told(&again), again.report.tasks.gpu), (told(&right), 0), "{case}");
            }
        }
    }
}

/// A division by zero in any block is told, whenever the block's results come back.
#[test]
fn no_event_is_lost_when_results_are_added_early() {
    if !available("no_event_is_lost_when_results_are_added_early") {
        return;
    }
    // Blocks of 4 rows whose variances, 4000 wide accumulators each, wait on the host for the counts.
    const ROWS: usize = 64;
    let budget = own_budget(512 << 20);
    let session = on(Device::Gpu, 1, 64_000)
        .device_memory_bytes(budget)
        .fallback(FallbackPolicy::Refuse)
        .build()
        .unwrap();
    for row in (0..ROWS).step_by(4) {
        let mut divisor = vec![1i32; 4000 * ROWS];
        divisor[4000 * row] = 0;
        let divisor = ndarray::Array2::from_shape_vec((ROWS, 4000), divisor).unwrap();
        let x = Array::full(&[ROWS as u64, 4000], 5i32).floor_divide(Array::from_ndarray(divisor));
        let wide = x.cast(DType::F64);
        let bins = BinAxis::Uniform { bins: 3, low: 0.0, high: 9.0 };
        let targets: Targets = vec![Box::new(wide.histogram(bins)), Box::new(wide.var_with(Over::axis(0)))];
        assert_eq!(session.plan(&list(&targets)).unwrap().stages().len(), 1);
        let outcome = session.run(&list(&targets)).unwrap();
        assert!(outcome.report.tasks.gpu > 0, "{:?}", outcome.report);
        let note = |n: &String| n.contains("divided by zero");
        assert!(outcome.report.notes.iter().any(note), "row {row}: {:?}", outcome.report);
    }
}

#[test]
fn a_cancelled_run_leaves_nothing_behind() {
    if !available("a_cancelled_run_leaves_nothing_behind") {
        return;
    }
    let budget = own_budget(64 << 20);
    let gpu = Gpu::open(&Choice::Fastest, Some(budget), 2).unwrap();
    for (name, block, targets) in kernels() {
        let cancel = Cancel::new();
        let stop = cancel.clone();
        let session = on(Device::Gpu, 2, block.min(60_000))
            .device_memory_bytes(budget)
            .cancel(&cancel)
            .on_progress(move |p| {
                if p.done == 3 {
                    stop.cancel()
                }
            })
            .build()
            .unwrap();
        let e = session.run(&list(&targets)).map(drop).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Cancelled, "{name}: {e}");
        assert_eq!(gpu.context().memory.used(), 0, "{name}");
    }
}

/// Sessions that share a device, each on a thread of its own and with workers.
#[test]
fn sessions_side_by_side_do_not_disturb_each_other() {
    if !available("sessions_side_by_side_do_not_disturb_each_other") {
        return;
    }
    let budget = own_budget(96 << 20);
    let gpu = Gpu::open(&Choice::Fastest, Some(budget), 2).unwrap();
    let all = kernels();
    let right: Vec<_> = all
        .iter()
        .map(|(_, block, targets)| {
            told(&on(Device::Cpu, 1, *block).build().unwrap().run(&list(targets)).unwrap())
        })
        .collect();
    std::thread::scope(|scope| {
        for t in 0..4 {
            let right = &right;
            scope.spawn(move || {
                let all = kernels();
                for k in 0..all.len() {
                    let n = (k + t) % all.len();
                    let (name, block, targets) = &all[n];
                    let session = on(Device::Gpu, 2, *block).device_memory_bytes(budget).build().unwrap();
                    let outcome = session.run(&list(targets)).unwrap();
                    assert_eq!(told(&outcome), right[n], "{name}: {:?}", outcome.report);
                }
            });
        }
    });
    let memory = &gpu.context().memory;
    assert_eq!(memory.used(), 0);
    assert!(memory.peak() <= memory.budget());
}

/// Programs with more constants than a page of parameters, and operands of many axes.
#[test]
fn long_parameters_find_room() {
    if !available("long_parameters_find_room") {
        return;
    }
    let x = array(DType::F32, &[4001], 1, "wide");
    let y = (0..200).fold(x.clone(), |y, n| &y + (n % 97) as f32);
    let session = on(Device::Gpu, 1, 1 << 20).build().unwrap();
    let outcome = session.run(&[&y.sum()]).unwrap();
    let right = on(Device::Cpu, 1, 1 << 20).build().unwrap().run(&[&y.sum()]).unwrap();
    assert_eq!(told(&outcome), told(&right), "{:?}", outcome.report);
    eprintln!("{:?}", outcome.report);
    assert!(outcome.report.fallbacks.iter().all(|f| !f.reason.contains("written")), "{:?}", outcome.report);
}

/// Shapes at the edges: no elements, one, no axes, axes of length 0 kept or reduced.
#[test]
fn empty_and_scalar_arrays_are_the_cpus() {
    if !available("empty_and_scalar_arrays_are_the_cpus") {
        return;
    }
    let gpu = on(Device::Gpu, 2, 100).build().unwrap();
    let cpu = on(Device::Cpu, 2, 100).build().unwrap();
    let bins = BinAxis::Uniform { bins: 2, low: 0.0, high: 2.0 };
    for shape in [&[][..], &[0], &[1], &[0, 3], &[3, 0], &[2, 0, 3], &[1, 1, 1], &[5, 1, 7]] {
        for dtype in [DType::F32, DType::I16, DType::Bool, DType::U64] {
            let x = Array::ones(shape, dtype);
            let mut targets: Targets = vec![
                Box::new(&x + &x),
                Box::new(x.sum()),
                Box::new(x.count_nonzero()),
                Box::new(x.histogram(bins.clone()).weights(&x)),
            ];
            for axis in 0..shape.len() as i64 {
                targets.push(Box::new(x.sum_with(Over::axis(axis))));
                targets.push(Box::new(x.all_with(Over::axis(axis))));
            }
            let (got, right) = (gpu.run(&list(&targets)).unwrap(), cpu.run(&list(&targets)).unwrap());
            assert_eq!(told(&got), told(&right), "{dtype} {shape:?}: {:?}", got.report);
        }
    }
}
