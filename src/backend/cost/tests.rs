//! The cost model with rates that make the arithmetic plain.

use super::*;
use crate::ops::elementwise::{Op, Operand};
use crate::ops::kernel::Terminal;
use crate::ops::program::Program;

const GB: f64 = 1e9;

fn chain(rows: &[&str], dtype: DType) -> Kernel {
    let mut steps = vec![Step::Input(0)];
    for (n, name) in rows.iter().enumerate() {
        let op = Op::from_name(name).unwrap();
        let signature = op.signature(&[Operand::Strong(dtype)]).unwrap();
        steps.push(Step::Apply { op, args: [n as u32].into_iter().collect(), signature });
    }
    let program = Program { inputs: vec![dtype], outputs: vec![rows.len() as u32], steps };
    Kernel { terminals: vec![Terminal::collect(&program, 0, 1).unwrap()], program }
}

fn kernels(scale: f64) -> KernelRates {
    KernelRates {
        elementwise_bytes_per_s: Some(10.0 * GB * scale),
        transcendental_per_s: Some(0.2 * GB * scale),
        reduce_bytes_per_s: Some(10.0 * GB * scale),
        histogram_per_s: Some(0.5 * GB * scale),
        matmul_flops_per_s: Some(100.0 * GB * scale),
    }
}

fn cpu() -> HostRates {
    let rates = |scale| Rates { narrow: kernels(scale), wide: kernels(scale / 2.0), ..Rates::default() };
    HostRates { by_threads: vec![(1, rates(1.0)), (5, rates(3.0))] }
}

fn gpu() -> DeviceRates {
    DeviceRates {
        name: "Card".into(),
        software: false,
        rates: Rates {
            upload_bytes_per_s: Some(10.0 * GB),
            download_bytes_per_s: Some(5.0 * GB),
            dispatch_s: 50e-6,
            narrow: kernels(50.0),
            wide: kernels(1.0),
        },
    }
}

fn million(output_bytes: u64) -> Sizes {
    Sizes { elements: 1_000_000, operand_bytes: 4_000_000, output_bytes, blocks: 1 }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b.abs()
}

#[test]
fn work_is_counted_per_width() {
    let [narrow, wide] = work(&chain(&["negative", "exp"], DType::F32), 1000);
    // Input, negative, collect; one polynomial.
    assert_eq!((narrow.elementwise_bytes, narrow.transcendental), (12_000.0, 1000.0));
    assert_eq!(wide, Work::default());
    let [narrow, wide] = work(&chain(&["isnan"], DType::F64), 1000);
    assert_eq!((wide.elementwise_bytes, narrow.elementwise_bytes), (8000.0, 2000.0));
}

#[test]
fn a_prediction_is_the_sum_of_its_parts() {
    let time = gpu().rates.predict(&chain(&["exp"], DType::F32), &million(4_000_000)).unwrap();
    assert!(near(time.upload_s, 0.4e-3) && near(time.download_s, 0.8e-3), "{time:?}");
    // 8 MB at 500 GB/s, 1 M elements at 10 G/s, and the dispatch.
    assert!(near(time.compute_s, 50e-6 + 16e-6 + 100e-6), "{time:?}");
    assert!(near(time.alone(), 1.366e-3) && near(time.per_block(1), 1.366e-3));
    assert!(near(time.per_block(10), (1.366e-3 + 9.0 * 0.8e-3) / 10.0));
    let time = gpu().rates.predict_matmul(DType::F32, [1000, 500, 100], &million(0)).unwrap();
    assert!(near(time.compute_s, 50e-6 + 1e8 / 5000e9), "{time:?}");
}

#[test]
fn threads_scale_as_measured_and_no_further() {
    let rate = |threads| cpu().at(threads).unwrap().narrow.elementwise_bytes_per_s.unwrap();
    assert_eq!([rate(1), rate(3), rate(5), rate(64)], [10.0 * GB, 20.0 * GB, 30.0 * GB, 30.0 * GB]);
    assert_eq!(HostRates::default().at(1), None);
    let from_two = HostRates { by_threads: vec![cpu().by_threads[1]] };
    assert_eq!(from_two.at(1), Some(cpu().by_threads[1].1));
}

#[test]
fn light_work_stays_and_heavy_work_goes() {
    let sizes = Sizes { blocks: 1000, ..million(0) };
    let light = faster(&cpu(), &gpu(), &chain(&["negative"], DType::F32), &sizes, 1);
    assert_eq!(light.device, DeviceKind::Gpu, "{light:?}");
    // 0.4 ms on the way against 12 MB at 60 GB/s.
    let quick = HostRates {
        by_threads: vec![(8, Rates { narrow: kernels(6.0), wide: kernels(6.0), ..Rates::default() })],
    };
    let light = faster(&quick, &gpu(), &chain(&["negative"], DType::F32), &sizes, 8);
    assert_eq!(light.device, DeviceKind::Cpu, "{light:?}");
    assert_eq!(
        light.reason,
        "the CPU: 200 µs a block on 8 threads against 400 µs on Card, of which upload 400 µs"
    );
    let heavy = faster(&quick, &gpu(), &chain(&["log", "exp", "sin"], DType::F32), &sizes, 8);
    assert_eq!(heavy.device, DeviceKind::Gpu, "{heavy:?}");
    assert_eq!(heavy.reason, "Card: 400 µs a block, of which upload 400 µs, against 2.6 ms on 8 threads");
    // 64-bit floats are slow on this card.
    let wide = faster(&quick, &gpu(), &chain(&["log", "exp", "sin"], DType::F64), &sizes, 8);
    assert_eq!(wide.device, DeviceKind::Cpu, "{wide:?}");
}

#[test]
fn software_and_unknown_rates_are_never_chosen() {
    let kernel = chain(&["log", "exp", "sin"], DType::F32);
    let software = DeviceRates { software: true, ..gpu() };
    let d = faster(&cpu(), &software, &kernel, &million(0), 1);
    assert_eq!((d.device, &d.reason[..]), (DeviceKind::Cpu, "the CPU: Card is run by the CPU itself"));
    let mut unknown = gpu();
    unknown.rates.narrow.transcendental_per_s = None;
    let d = faster(&cpu(), &unknown, &kernel, &million(0), 1);
    assert_eq!(
        (d.device, &d.reason[..]),
        (DeviceKind::Cpu, "the CPU: of Card its rate of polynomial rows is not known")
    );
    // What is not needed need not be known.
    assert_eq!(
        faster(&cpu(), &unknown, &chain(&["negative"], DType::F32), &million(0), 1).device,
        DeviceKind::Gpu
    );
}

#[test]
fn rates_that_nothing_can_give_are_not_sound() {
    assert!(gpu().rates.is_sound() && Rates::default().is_sound());
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut rates = gpu().rates;
        rates.wide.histogram_per_s = Some(bad);
        assert!(!rates.is_sound());
    }
    assert!(!Rates { dispatch_s: f64::NAN, ..Rates::default() }.is_sound());
}
