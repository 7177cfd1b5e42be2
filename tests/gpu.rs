//! Runs on the GPU: the same bits as on the CPU, where tasks ran and why, and what happens when the
//! device fails. Lavapipe (Mesa's Vulkan for the CPU) is enough.

mod common;

use chunkwise::backend::DeviceKind;
use chunkwise::backend::cost::{DeviceRates, HostRates, KernelRates, Rates};
use chunkwise::backend::cpu::Cpu;
use chunkwise::backend::gpu::{Abilities, Choice, Fault, Gpu};
use chunkwise::ops::reduce::Reduction;
use chunkwise::ops::simd::Simd;
use chunkwise::plan::{Bound, Ends, Machine, Wish};
use chunkwise::trace::{Activity, Trace};
use chunkwise::{
    Array, BinAxis, DType, Device, ErrorKind, FallbackPolicy, Over, PlanOptions, Session, SessionBuilder,
    Target,
};
use common::{array, exact_text, gpu_available as available};

fn gpu(block_bytes: u64) -> SessionBuilder {
    Session::builder()
        .device(Device::Gpu)
        .threads(2)
        .memory("512MiB")
        .plan_options(PlanOptions::new().block_bytes(block_bytes))
}

fn cpu() -> Session {
    Session::builder().device(Device::Cpu).threads(2).memory("512MiB").build().unwrap()
}

/// Data in blocks, a chain over it.
fn chain() -> (Array, Array) {
    let x = array(chunkwise::DType::F32, &[500, 400], 1, "inf");
    let y = array(chunkwise::DType::F32, &[400], 2, "wide");
    (x.clone(), &(&x + &y) * &x)
}

#[test]
fn everything_runs_on_the_gpu_and_nothing_falls_back() {
    if !available("everything_runs_on_the_gpu_and_nothing_falls_back") {
        return;
    }
    let (_, z) = chain();
    let session = gpu(50_000).fallback(FallbackPolicy::Refuse).build().unwrap();
    let outcome = session.run(&[&z]).unwrap();
    let right = cpu().run(&[&z]).unwrap();
    assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]));
    let report = &outcome.report;
    assert!(report.tasks.gpu > 10, "{:?}", report.tasks);
    assert_eq!((report.tasks.cpu, report.fallbacks.len()), (0, 0));
    assert!(report.device.starts_with("gpu: "), "{}", report.device);
    assert!(report.peak_host_bytes <= session.memory());
}

#[test]
fn a_block_larger_than_the_staging_memory_is_cut() {
    if !available("a_block_larger_than_the_staging_memory_is_cut") {
        return;
    }
    let (_, z) = chain();
    let whole = array(chunkwise::DType::F32, &[3000, 700], 3, "wide");
    let big = &(&whole + &whole.transpose(&[0, 1])) * 2.0;
    // Shares of 2 MiB: blocks of 8.4 MB go in pieces.
    let session =
        gpu(64 << 20).fallback(FallbackPolicy::Refuse).device_memory_bytes(8 << 20).build().unwrap();
    for target in [&z, &big] {
        let outcome = session.run(&[target]).unwrap();
        let right = cpu().run(&[target]).unwrap();
        assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]));
        assert!(outcome.report.tasks.gpu > 0);
    }
}

/// What runs on the GPU whole: exact sums, axis reductions, extremes and positions, masks, histograms and
/// weighted bins, of floats and integers.
fn whole() -> Vec<(String, Box<dyn Target>)> {
    use DType::*;
    let mut out: Vec<(String, Box<dyn Target>)> = Vec::new();
    for (dtype, mode) in [
        (F32, "wide"),
        (F32, "nan"),
        (F32, "inf"),
        (F16, "wide"),
        (F64, "wide"),
        (F64, "inf"),
        (I32, "wide"),
        (U8, "wide"),
        (I16, "wide"),
        (I64, "small"),
        (Bool, "small"),
    ] {
        let x = array(dtype, &[45, 37, 26], 5, mode);
        let mut rows = vec![
            "sum",
            "mean",
            "var",
            "std",
            "min",
            "max",
            "argmin",
            "argmax",
            "any",
            "all",
            "count_nonzero",
        ];
        if dtype.is_float() {
            rows.extend([
                "nansum",
                "nanmean",
                "nanvar",
                "nanstd",
                "nanmin",
                "nanmax",
                "nanargmin",
                "nanargmax",
                "prod",
                "nanprod",
            ]);
        }
        // Products of more integers are beyond 64 bits.
        if dtype == Bool {
            rows.push("prod");
        }
        for row in rows {
            let r = Reduction::from_name(row).unwrap();
            out.push((format!("{row} {dtype} {mode}"), Box::new(x.reduce(r, Over::all()))));
            for axis in 0..3 {
                if mode != "nan" || !row.starts_with("nanarg") {
                    out.push((
                        format!("{row} {dtype} {mode} axis {axis}"),
                        Box::new(x.reduce(r, Over::axis(axis))),
                    ));
                }
            }
        }
        let few = array(dtype, &[5, 4, 2], 5, "small");
        out.push((format!("prod of few {dtype}"), Box::new(few.reduce(Reduction::Prod, Over::axis(2)))));
        let mask = array(Bool, &[45, 37, 26], 6, "small");
        let weights = array(F32, &[45, 37, 26], 7, "wide");
        out.push((format!("where {dtype}"), Box::new(x.sum_with(Over::axes([0, 2]).mask(&mask)))));
        let bins = BinAxis::Uniform { bins: 23, low: -2.0, high: 2.0 };
        out.push((format!("histogram {dtype} {mode}"), Box::new(x.histogram(bins.clone()))));
        out.push((
            format!("weighted {dtype} {mode}"),
            Box::new(x.histogram(bins).weights(&weights).mask(&mask)),
        ));
    }
    out
}

#[test]
fn reductions_and_histograms_run_on_the_gpu_whole_with_the_bits_of_the_cpu() {
    if !available("reductions_and_histograms_run_on_the_gpu_whole_with_the_bits_of_the_cpu") {
        return;
    }
    let session = gpu(40_000).fallback(FallbackPolicy::Refuse).build().unwrap();
    let cpu = gpu(40_000).device(Device::Cpu).build().unwrap();
    for (name, target) in whole() {
        let outcome = session.run(&[target.as_ref()]).unwrap_or_else(|e| panic!("{name}: {e}"));
        let right = cpu.run(&[target.as_ref()]).unwrap();
        assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]), "{name}");
        assert_eq!(outcome.report.tasks.cpu, 0, "{name}");
        assert_eq!(outcome.report.tasks.gpu, right.report.tasks.cpu, "{name}");
        assert!(outcome.report.fallbacks.is_empty(), "{name}");
    }
}

/// 2^25 ones: a float32 accumulator stops at 2^24.
#[test]
fn the_mean_of_many_ones_is_one() {
    if !available("the_mean_of_many_ones_is_one") {
        return;
    }
    let ones = Array::full(&[1 << 25], 1.0f32);
    let session = gpu(4 << 20).fallback(FallbackPolicy::Refuse).build().unwrap();
    let outcome = session.run(&[&ones.mean(), &ones.sum()]).unwrap();
    assert_eq!(outcome.values[0].as_array().unwrap().item::<f32>().unwrap(), 1.0);
    assert_eq!(outcome.values[1].as_array().unwrap().item::<f32>().unwrap(), 33554432.0);
    assert_eq!(outcome.report.tasks.cpu, 0);
}

/// The device fails at its third submission: what was under way and all that follows is the CPU's, the
/// bits are the same, and the report says how many tasks and why.
#[test]
fn a_device_that_fails_loses_nothing() {
    if !available("a_device_that_fails_loses_nothing") {
        return;
    }
    let (x, z) = chain();
    let targets: Vec<(&str, Box<dyn Target>)> =
        vec![("elements", Box::new(z)), ("again", Box::new(&x + 1.0))];
    for (n, (fault, says)) in
        [(Fault::Lost, "lost"), (Fault::OutOfMemory, "out of memory")].into_iter().enumerate()
    {
        for (name, target) in &targets {
            // A budget of its own, so that no other test shares the device.
            let budget = (300 << 20) + n as u64;
            let right = cpu().run(&[target.as_ref()]).unwrap();
            let device = Gpu::open(&Choice::Fastest, Some(budget), 2).unwrap();
            device.context().fail_at(2, fault);
            let session = gpu(30_000).device_memory_bytes(budget).build().unwrap();
            let outcome = session.run(&[target.as_ref()]).unwrap();
            let case = format!("{fault:?}, {name}: {:?}", outcome.report);
            assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]), "{case}");
            let report = &outcome.report;
            let fallen: u64 = report.fallbacks.iter().map(|f| f.tasks).sum();
            assert!(fallen > 0 && fallen == report.tasks.cpu, "{case}");
            assert!(report.fallbacks.iter().all(|f| f.reason.contains(says)), "{case}");
            assert!(report.tasks.gpu > 0, "{case}");

            let device = Gpu::open(&Choice::Fastest, Some(budget), 2).unwrap();
            device.context().fail_at(2, fault);
            let strict = gpu(30_000).device_memory_bytes(budget).fallback(FallbackPolicy::Refuse);
            let e = strict.build().unwrap().run(&[target.as_ref()]).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Device, "{e}");
        }
    }
}

#[test]
fn a_budget_without_room_for_staging_goes_to_the_cpu() {
    if !available("a_budget_without_room_for_staging_goes_to_the_cpu") {
        return;
    }
    let (_, z) = chain();
    let session = gpu(10_000).memory("2MiB").build().unwrap();
    let outcome = session.run(&[&z]).unwrap();
    assert_eq!(outcome.report.tasks.gpu, 0);
    assert!(outcome.report.fallbacks[0].reason.contains("staging"), "{:?}", outcome.report.fallbacks);
    let e = gpu(10_000).device_memory_bytes(4096).fallback(FallbackPolicy::Refuse).build().unwrap();
    let e = e.run(&[&z]).unwrap_err();
    assert!(e.to_string().contains("device memory"), "{e}");
    let e = gpu(1).adapter("no such adapter").fallback(FallbackPolicy::Refuse).build().unwrap_err();
    assert!(e.to_string().contains("no such adapter"), "{e}");
}

/// What an adapter cannot do is on the CPU with the reason in the plan; without fallback it is an error.
#[test]
fn explain_says_why_a_stage_is_not_on_the_gpu() {
    if !available("explain_says_why_a_stage_is_not_on_the_gpu") {
        return;
    }
    let poor = || {
        let gpu = Gpu::open(&Choice::Fastest, None, 2).unwrap();
        let abilities = Abilities { float64: false, ..gpu.abilities().clone() };
        gpu.with_abilities(abilities)
    };
    let x = array(DType::F64, &[100, 70], 9, "small");
    let chain = (&x * 0.5).exp().sum();
    let session = gpu(4096).gpu(poor()).build().unwrap();
    let text = session.explain(&[&chain]).unwrap();
    assert!(text.contains("on cpu: float64 arithmetic is not usable on the adapter"), "{text}");
    let outcome = session.run(&[&chain]).unwrap();
    let right = cpu().run(&[&chain]).unwrap();
    assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]));
    let report = outcome.report;
    assert_eq!((report.tasks.gpu, report.fallbacks.len()), (0, 1));
    assert_eq!(report.fallbacks[0].tasks, report.tasks.cpu);
    // Sums need no float arithmetic, only the bits.
    let sum = session.run(&[&x.sum()]).unwrap().report;
    assert_eq!((sum.tasks.cpu, sum.fallbacks.len()), (0, 0));

    let strict = gpu(4096).gpu(poor()).fallback(FallbackPolicy::Refuse).build().unwrap();
    let e = strict.run(&[&chain]).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Device);
    assert!(e.to_string().contains("float64"), "{e}");
}

/// `Auto` compares what both would take, and says so.
#[test]
fn the_faster_device_is_chosen_with_numbers() {
    if !available("the_faster_device_is_chosen_with_numbers") {
        return;
    }
    let gpu = Gpu::open(&Choice::Fastest, None, 2).unwrap();
    let kernels = |rate: f64| KernelRates {
        elementwise_bytes_per_s: Some(rate),
        transcendental_per_s: Some(rate),
        reduce_bytes_per_s: Some(rate),
        histogram_per_s: Some(rate),
        matmul_flops_per_s: Some(rate),
    };
    let rates = |rate: f64, bus: Option<f64>| Rates {
        upload_bytes_per_s: bus,
        download_bytes_per_s: bus,
        dispatch_s: 0.0,
        narrow: kernels(rate),
        wide: kernels(rate),
    };
    let host = HostRates { by_threads: vec![(2, rates(1e9, None))] };
    let plan_of = |target: &dyn Target| cpu().plan(&[target]).unwrap();
    let x = array(DType::F32, &[500, 400], 1, "small");
    let placed = |plan: &chunkwise::Plan, gpu_rate: f64, bus: f64, software: bool| {
        let device = DeviceRates { name: "a card".into(), software, rates: rates(gpu_rate, Some(bus)) };
        let own = Cpu::new(2, Simd::best());
        let wish = Wish::Faster { backend: &gpu, rates: &device, cpu: &host };
        let bound = Bound::new(
            plan,
            &Ends::default(),
            &Machine { memory: 1 << 30, threads: 2, cpu: &own, device: wish },
        )
        .unwrap();
        (bound.stages[0].placement.device, bound.explain(plan))
    };
    let plan = plan_of(&x.exp().sum());
    let (device, text) = placed(&plan, 1e12, 1e11, false);
    assert!(
        device == DeviceKind::Gpu && text.contains("on gpu: a card: ") && text.contains("on 2 threads"),
        "{text}"
    );
    let (device, text) = placed(&plan, 1e12, 1e8, false);
    assert!(device == DeviceKind::Cpu && text.contains("of which upload"), "{text}");
    let (device, text) = placed(&plan, 1e12, 1e11, true);
    assert!(device == DeviceKind::Cpu && text.contains("run by the CPU itself"), "{text}");
    let plan = plan_of(&x.matmul(&x.t()));
    assert_eq!(placed(&plan, 1e12, 1e10, false).0, DeviceKind::Gpu);
    assert_eq!(placed(&plan, 1e8, 1e10, false).0, DeviceKind::Cpu);
}

/// Products run on the device, within the bound of float32, and integers with the same bits.
#[test]
fn products_run_on_the_gpu() {
    if !available("products_run_on_the_gpu") {
        return;
    }
    let session = gpu(1 << 20).fallback(FallbackPolicy::Refuse).build().unwrap();
    let (a, b) = (array(DType::I32, &[70, 90], 1, "wide"), array(DType::I32, &[90, 50], 2, "wide"));
    let outcome = session.run(&[&a.matmul(&b)]).unwrap();
    let right = cpu().run(&[&a.matmul(&b)]).unwrap();
    assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]));
    assert_eq!((outcome.report.tasks.cpu, outcome.report.tasks.gpu > 0), (0, true));
    // Eighths of small numbers: every sum is exact, so every order gives the same bits.
    let (a, b) = (array(DType::F32, &[70, 90], 3, "small"), array(DType::F32, &[90, 50], 4, "small"));
    let target = (&a.matmul(&b) + 1.0).sum();
    let outcome = session.run(&[&target]).unwrap();
    assert_eq!(exact_text(&outcome.values[0]), exact_text(&cpu().run(&[&target]).unwrap().values[0]));
    assert_eq!(outcome.report.tasks.cpu, 0);
}

/// With chunks to be decoded, one chunk's decode and upload run while another is computed.
#[test]
fn reading_uploading_and_computing_overlap() {
    if !available("reading_uploading_and_computing_overlap") {
        return;
    }
    let folder = common::folder();
    let path = folder.path().join("x.h5");
    let n = 1u64 << 21;
    let data: Vec<f32> = (0..n).map(|i| ((i * 7919) % 1013) as f32).collect();
    let spec = common::dataset("x", &[n], DType::F32, Some(&[1 << 16]), Some(1));
    common::write_file(&path, &[(spec, bytemuck::cast_slice(&data))]);
    let x = Array::open(&path, "x").unwrap();
    let trace = std::sync::Arc::new(Trace::new());
    let session = gpu(1 << 18).fallback(FallbackPolicy::Refuse).trace(&trace).build().unwrap();
    // A long chain, so that lavapipe is busy for a while.
    let target = x.sin().exp().log1p().sum();
    let outcome = session.run(&[&target]).unwrap();
    assert_eq!(exact_text(&outcome.values[0]), exact_text(&cpu().run(&[&target]).unwrap().values[0]));
    use Activity::*;
    for activity in Activity::ALL {
        assert!(trace.busy(activity) > 0.0, "{activity:?}");
    }
    assert!(trace.overlaps(Decode, Compute) > 0.0);
    assert!(trace.overlaps(Upload, Compute) > 0.0);
    let spans = trace.spans();
    let at_once = spans.iter().filter(|s| s.activity == Compute).any(|c| {
        let other = |activity| {
            spans
                .iter()
                .any(|s| s.activity == activity && s.task != c.task && s.start < c.end && c.start < s.end)
        };
        other(Decode) && other(Upload)
    });
    assert!(at_once, "no task was computed while others were decoded and uploaded");
}
