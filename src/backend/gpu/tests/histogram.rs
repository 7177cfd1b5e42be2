//! Histograms on the device, every dtype in every kind of edges.

mod data;

use super::super::abilities::Abilities;
use super::super::histogram::Histogram as Family;
use super::super::layout::Layout;
use super::super::runner::GpuRunner;
use super::super::spirv;
use super::{context, one_row};
use crate::DType;
use crate::backend::Runner;
use crate::dtype::Kind;
use crate::grid::{Region, c_strides};
use crate::ops::elementwise::Op;
use crate::ops::fold::{Binned, HistogramFold, HistogramReady, state_ref};
use crate::ops::histogram::{Edges, HistogramSpec};
use crate::ops::kernel::{Block, Kernel, Operand, Terminal};
use crate::ops::program::Step;
use crate::view::Placement;
use data::{Data, Rng, native, scalar, values};
use std::sync::Arc;

fn every_edges() -> Vec<Edges> {
    let mut rng = Rng(9);
    let mut ragged: Vec<f64> =
        (0..300).map(|_| (rng.unit() - 0.5) * 10f64.powi(rng.below(20) as i32)).collect();
    ragged.sort_by(f64::total_cmp);
    vec![
        Edges::uniform(0.0, 1.0, 100).unwrap(),
        Edges::uniform(-3.3, 12.7, 1).unwrap(),
        Edges::uniform(-200.0, 300.0, 77).unwrap(),
        Edges::uniform(-1e300, 1e300, 77).unwrap(),
        Edges::uniform(1e6, 1e6 + 1e-3, 1000).unwrap(),
        Edges::uniform(0.0, 1e-40, 20).unwrap(),
        Edges::uniform(-9.3e18, 1.9e19, 1000).unwrap(),
        Edges::log(1e-3, 1e3, 100).unwrap(),
        Edges::log(5e-324, f64::MAX, 500).unwrap(),
        Edges::log(1.0, 1.5, 1).unwrap(),
        Edges::explicit(ragged).unwrap(),
        Edges::explicit(vec![-1.0, -0.0, 0.0, 0.0, 2.0, 2.0]).unwrap(),
        Edges::explicit(vec![1.0; 40]).unwrap(),
        Edges::explicit(vec![f64::NEG_INFINITY, -5.0, 0.5, f64::INFINITY, f64::INFINITY]).unwrap(),
        Edges::explicit(vec![f64::INFINITY; 2]).unwrap(),
        Edges::explicit(vec![f64::NEG_INFINITY; 2]).unwrap(),
        Edges::explicit(vec![3.0]).unwrap(),
    ]
}

#[test]
fn every_dtype_in_every_kind_of_edges_on_and_beside_each_edge() {
    let mut rng = Rng(1);
    for edges in every_edges() {
        for dtype in DType::ALL {
            let column = values(&edges, dtype, 200, &mut rng);
            Data::new(vec![edges.clone()], vec![dtype], None, vec![column]).run();
        }
    }
}

#[test]
fn every_float16_and_short_integer() {
    let all: Vec<u8> = (0..=u16::MAX).flat_map(u16::to_ne_bytes).collect();
    for dtype in [DType::F16, DType::U16, DType::I16] {
        for edges in [Edges::uniform(-2.0, 900.0, 50).unwrap(), Edges::log(1e-5, 3e4, 40).unwrap()] {
            Data::new(vec![edges], vec![dtype], None, vec![all.clone()]).run();
        }
    }
}

#[test]
fn one_bin_to_a_hundred_thousand() {
    let mut rng = Rng(2);
    for (bins, dtype) in
        [(1, DType::F32), (3, DType::F64), (2000, DType::F32), (9000, DType::I32), (100_000, DType::F32)]
    {
        let edges = Edges::uniform(-50.0, 450.0, bins).unwrap();
        let mut column = values(&edges, dtype, 500, &mut rng);
        // A number of rows that no vector and no workgroup divides.
        while (column.len() / dtype.size()) % 4 != 3 {
            column.extend(native(dtype, 1.5, 1));
        }
        Data::new(vec![edges], vec![dtype], None, vec![column]).run();
    }
    let edges = Edges::log(1e-6, 1e6, 30_000).unwrap();
    let column = values(&edges, DType::F64, 500, &mut rng);
    Data::new(vec![edges], vec![DType::F64], None, vec![column]).run();
}

#[test]
fn slots_are_the_same_without_float64_and_with_little_workgroup_memory() {
    let Some(context) = context() else { return };
    let mut rng = Rng(3);
    let mut abilities = context.abilities();
    abilities.float64 = false;
    for bytes in [1 << 10, 16 << 10] {
        abilities.workgroup_bytes = bytes;
        for edges in [Edges::uniform(-1.0, 7.0, 500).unwrap(), Edges::log(0.5, 8.0, 500).unwrap()] {
            for weights in [None, Some(DType::F32)] {
                let column = values(&edges, DType::F64, 500, &mut rng);
                let rows = column.len() / 8;
                let mut columns = vec![column];
                columns.extend(weights.map(|_| float_weights(DType::F32, rows, 1, &mut rng)));
                let data = Data::new(vec![edges.clone()], vec![DType::F64], weights, columns);
                data.check(&data.on_device(&[data.n], Some(abilities.clone())).unwrap());
            }
        }
    }
}

#[test]
fn two_and_three_dimensions() {
    let mut rng = Rng(4);
    let column = |edges: &Edges, dtype: DType, n: usize, rng: &mut Rng| {
        let all = values(edges, dtype, 600, rng);
        let rows = all.len() / dtype.size();
        let mut out = Vec::new();
        for _ in 0..n {
            let i = rng.below(rows as u64) as usize;
            out.extend(&all[i * dtype.size()..][..dtype.size()]);
        }
        out
    };
    let mask = |n: usize, rng: &mut Rng| (0..n).map(|_| (rng.below(4) > 0) as u8).collect::<Vec<u8>>();
    let axes = [
        (Edges::log(1e-2, 1e2, 64).unwrap(), DType::F32),
        (Edges::uniform(-4.0, 4.0, 64).unwrap(), DType::F64),
        (Edges::explicit(vec![0.0, 1.0, 1.0, 40.0, 70.0]).unwrap(), DType::U8),
        (Edges::explicit(vec![2.0]).unwrap(), DType::I16),
    ];
    for (pick, weights, masked) in [
        (&[0, 1][..], Some(DType::F32), true),
        (&[1, 0], None, false),
        (&[2, 1, 0], None, true),
        (&[0, 2, 2], Some(DType::I64), false),
        (&[2, 3], Some(DType::F64), false),
    ] {
        let n = 3001;
        let mut columns: Vec<Vec<u8>> =
            pick.iter().map(|&k| column(&axes[k].0, axes[k].1, n, &mut rng)).collect();
        columns.extend(weights.map(|w| match w {
            DType::I64 => (0..n).flat_map(|_| (rng.next() as i64 >> 12).to_ne_bytes()).collect(),
            w => float_weights(w, n, 0, &mut rng),
        }));
        if masked {
            columns.push(mask(n, &mut rng));
        }
        let edges = pick.iter().map(|&k| axes[k].0.clone()).collect();
        let dtypes = pick.iter().map(|&k| axes[k].1).collect();
        Data::new(edges, dtypes, weights, columns).run();
    }
}

/// Float weights: 0 ordinary, 1 every exponent, 2 sums that cancel, 3 of one sign and large, 4 with
/// infinities and NaN.
fn float_weights(dtype: DType, n: usize, class: u32, rng: &mut Rng) -> Vec<u8> {
    let mut before = 0u64;
    (0..n)
        .flat_map(|i| {
            let bits = match (class, dtype) {
                (0, _) => return native(dtype, rng.unit() * 2000.0 - 700.0, 0),
                (4, _) if rng.below(9) == 0 => {
                    let special = [f64::INFINITY, f64::NEG_INFINITY, f64::NAN][rng.below(3) as usize];
                    return native(dtype, special, 0);
                }
                (3, DType::F64) => 0x7fe0_0000_0000_0000 | rng.next() >> 12,
                (3, DType::F32) => 0x7f00_0000 | rng.next() >> 41,
                (3, _) => 0x7800 | rng.next() >> 54,
                (2, _) if i % 2 == 1 => before ^ 1 << (8 * dtype.size() - 1),
                _ => rng.next() >> (64 - 8 * dtype.size()),
            };
            before = bits;
            let bytes = &bits.to_le_bytes()[..dtype.size()];
            let finite = !exact_is_special(dtype, bytes);
            if finite || class == 4 { native_bits(dtype, bits) } else { native(dtype, 0.0, 0) }
        })
        .collect()
}

fn exact_is_special(dtype: DType, little: &[u8]) -> bool {
    let bits = little.iter().rev().fold(0u64, |b, &x| b << 8 | x as u64);
    !scalar(dtype, &native_bits(dtype, bits), 0).to_f64().is_finite()
}

fn native_bits(dtype: DType, bits: u64) -> Vec<u8> {
    match dtype.size() {
        2 => (bits as u16).to_ne_bytes().to_vec(),
        4 => (bits as u32).to_ne_bytes().to_vec(),
        _ => bits.to_ne_bytes().to_vec(),
    }
}

#[test]
fn float_weights_of_every_class_are_exact() {
    let mut rng = Rng(5);
    for dtype in [DType::F16, DType::F32, DType::F64] {
        for class in 0..5 {
            for bins in [1u64, 20, 3000] {
                let n = if bins == 3000 { 2501 } else { 1499 };
                // Cancelling pairs go to one bin.
                let x: Vec<u8> = (0..n / 2 + 1)
                    .flat_map(|_| [(rng.below(bins + 2) as f32).to_ne_bytes(); 2])
                    .flatten()
                    .take(n * 4)
                    .collect();
                let weights = float_weights(dtype, n, class, &mut rng);
                let mask = (0..n).map(|_| (rng.below(20) > 0) as u8).collect();
                let edges = Edges::uniform(1.0, 1.0 + bins as f64, bins).unwrap();
                Data::new(vec![edges], vec![DType::F32], Some(dtype), vec![x, weights, mask]).run();
            }
        }
    }
}

#[test]
fn integer_weights_are_exact() {
    let mut rng = Rng(6);
    for dtype in DType::ALL.into_iter().filter(|d| !d.is_float()) {
        for bins in [2u64, 5000] {
            let n = 2003;
            let mut x: Vec<u8> = (0..n).flat_map(|_| (rng.below(bins + 1) as u16).to_ne_bytes()).collect();
            // The two extremes go to one bin, so that sums of 64 bits fit.
            x[..4].fill(0);
            let signed = dtype.kind() == Kind::Int;
            let top = 1i128 << (8 * dtype.size() - 1);
            let weights = (0..n).flat_map(|i| match (i, dtype.size()) {
                (0, _) => native(dtype, 0.0, top),
                (1, _) => native(dtype, 0.0, top - 1),
                (_, 8) => native(dtype, 0.0, (rng.next() >> 12) as i128 - if signed { 1 << 51 } else { 0 }),
                _ => native(dtype, 0.0, rng.next() as i128),
            });
            let weights: Vec<u8> = weights.collect();
            let mask = (0..n).map(|i| (dtype != DType::U64 || i != 1) as u8).collect();
            let edges = Edges::uniform(0.0, bins as f64, bins).unwrap();
            Data::new(vec![edges], vec![DType::U16], Some(dtype), vec![x, weights, mask]).run();
        }
    }
}

#[test]
fn limbs_hold_many_large_weights_of_both_signs() {
    // So many that every limb carries in both directions, in workgroup memory and in the output.
    let n = 70_001;
    for bins in [1u64, 4000] {
        for dtype in [DType::F32, DType::I64, DType::F64] {
            let x: Vec<u8> = (0..n).flat_map(|i| ((i / 7 % 2) as f32).to_ne_bytes()).collect();
            let weights: Vec<u8> = (0..n)
                .flat_map(|i| match dtype {
                    DType::F32 => native(dtype, if i % 7 < 4 { f32::MAX as f64 } else { -1.9999999 }, 0),
                    DType::F64 => native(dtype, if i % 7 < 3 { -1e300 } else { 1.7e-300 }, 0),
                    _ => native(
                        dtype,
                        0.0,
                        if i / 14 % 2 == 1 { i64::MAX as i128 } else { -i64::MAX as i128 + 3 },
                    ),
                })
                .collect();
            let edges = Edges::uniform(0.0, bins as f64, bins).unwrap();
            Data::new(vec![edges], vec![DType::F32], Some(dtype), vec![x, weights]).run();
        }
    }
}

#[test]
fn blocks_add_up_in_one_partial() {
    let mut rng = Rng(7);
    let n = 10_007;
    let x: Vec<u8> = (0..n).flat_map(|_| (rng.unit() as f32 * 12.0 - 1.0).to_ne_bytes()).collect();
    let weights = float_weights(DType::F32, n, 1, &mut rng);
    let mask = (0..n).map(|_| (rng.below(3) > 0) as u8).collect();
    let edges = Edges::log(0.1, 10.0, 37).unwrap();
    let data = Data::new(vec![edges], vec![DType::F32], Some(DType::F32), vec![x, weights, mask]);
    for ends in [vec![n], vec![0, 1, 2, 2, 5, n], vec![5003, n], vec![255, 257, 4096, 9999, n]] {
        let Some(state) = data.on_device(&ends, None) else { return };
        data.check(&state);
    }
}

#[test]
fn a_program_before_the_bins_and_strided_operands() {
    let Some(context) = context() else { return };
    let mut program = one_row(Op::from_name("add").unwrap(), &[DType::F32, DType::F32]);
    let sum = program.outputs[0];
    let multiply = one_row(Op::from_name("multiply").unwrap(), &[DType::F32, DType::F32]);
    let Some(Step::Apply { op, signature, .. }) = multiply.steps.last().cloned() else { panic!() };
    program.steps.push(Step::Apply { op, args: [sum, 0].into_iter().collect(), signature });
    program.outputs = vec![sum, sum + 1];
    let (rows, columns) = (37u64, 29u64);
    let a: Vec<f32> = (0..rows * columns).map(|i| (i as f32).sin() * 3.0).collect();
    let b: Vec<f32> = (0..rows * columns).map(|i| (i as f32 * 0.7).cos()).collect();
    let edges = Edges::uniform(-2.5, 2.5, 40).unwrap();
    let spec = Arc::new(HistogramSpec::new(vec![edges], vec![DType::F32], Some(DType::F32)).unwrap());
    let terminal = Terminal::new(HistogramFold::of(&spec, 2).unwrap(), &[0, 1]).unwrap();
    let kernel = Kernel { program, terminals: vec![terminal] };
    let shape = [rows, columns];
    let region = Region::whole(&shape);
    let last = (rows * columns - 1) as i64;
    // Rows and columns the right way, turned round, of the transposed array, and one row for all.
    for (offset, strides) in
        [(0, [columns as i64, 1]), (last, [-(columns as i64), -1]), (0, [1, rows as i64]), (29, [0, 1])]
    {
        let mut states = vec![kernel.terminals[0].state(&shape).unwrap()];
        let operands = [
            Operand::plain(
                bytemuck::cast_slice(&a),
                Placement { offset, strides: strides.into_iter().collect() },
            ),
            Operand::plain(bytemuck::cast_slice(&b), Placement { offset: 0, strides: c_strides(&shape) }),
        ];
        let mut runner =
            GpuRunner::new(&context, &kernel, &context.abilities(), &shape, 256 << 20, None).unwrap();
        runner.run(&Block { region: &region, domain: &shape }, &operands, &mut states).unwrap();
        runner.flush(&mut states).unwrap();
        let state = state_ref::<Binned>(&*states[0]).unwrap().bins();
        let (mut x, mut w) = (Vec::new(), Vec::new());
        for i in 0..rows as i64 {
            for j in 0..columns as i64 {
                let first = a[(offset + i * strides[0] + j * strides[1]) as usize];
                let sum = first + b[(i * columns as i64 + j) as usize];
                x.extend(sum.to_ne_bytes());
                w.extend((sum * first).to_ne_bytes());
            }
        }
        let n = x.len() / 4;
        Data { spec: Arc::clone(&spec), columns: vec![x, w], n }.check(state);
    }
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let abilities = plain_abilities();
    let edges = Edges::uniform(0.0, 1.0, 1000).unwrap();
    let refuse = |dtype: DType, weights: Option<DType>, change: &dyn Fn(&mut Abilities)| {
        let dtypes = [Some(dtype), weights];
        let columns = dtypes.into_iter().flatten().map(|d| vec![0; d.size()]).collect();
        let data = Data::new(vec![edges.clone()], vec![dtype], weights, columns);
        let mut abilities = abilities.clone();
        change(&mut abilities);
        family(&data.kernel(), &abilities).err()
    };
    assert_eq!(refuse(DType::F32, None, &|_| ()), None);
    assert_eq!(refuse(DType::F64, Some(DType::F64), &|a| a.float64 = false), None);
    let e = refuse(DType::F64, None, &|a| a.int64 = false).unwrap();
    assert!(e.contains("64-bit integers"), "{e}");
    let e = refuse(DType::F32, Some(DType::F64), &|a| a.int64 = false).unwrap();
    assert!(e.contains("64-bit integers"), "{e}");
    let e = refuse(DType::F32, None, &|a| a.binding_bytes = 4000).unwrap();
    assert!(e.contains("bins take 4016 bytes"), "{e}");
    let e = refuse(DType::F32, None, &|a| a.binding_bytes = 5000).unwrap();
    assert!(e.contains("edges take"), "{e}");
    let e = refuse(DType::F32, Some(DType::F32), &|a| a.binding_bytes = 70_000).unwrap();
    assert!(e.contains("bins take 80016 bytes"), "{e}");
}

fn family(kernel: &Kernel, abilities: &Abilities) -> Result<Family, String> {
    let terminal = &kernel.terminals[0];
    let ready: &dyn std::any::Any = &*terminal.ready;
    let ready: &HistogramReady = ready.downcast_ref().unwrap();
    Family::new(&kernel.program, ready.spec(), &terminal.ports, abilities)
}

/// An adapter that can everything, with WebGPU's limits.
fn plain_abilities() -> Abilities {
    Abilities {
        int64: true,
        int64_atomics: false,
        float32: true,
        divide32: true,
        sqrt32: true,
        float64: true,
        subgroups: false,
        workgroup_bytes: 16 << 10,
        binding_bytes: 128 << 20,
        max_groups: 65535,
        off: Vec::new(),
    }
}

#[test]
fn every_source_is_valid_without_an_adapter() {
    let abilities = plain_abilities();
    let lists = [
        Edges::uniform(0.0, 100.0, 10).unwrap(),
        Edges::uniform(0.0, 100.0, 50_000).unwrap(),
        Edges::log(1.0, 100.0, 50).unwrap(),
    ];
    let validate = |data: &Data, abilities: &Abilities| {
        let kernel = data.kernel();
        let zeros = vec![0u8; 64];
        let operands: Vec<Operand> = (0..kernel.program.inputs.len())
            .map(|_| Operand::plain(&zeros, Placement { offset: 0, strides: c_strides(&[5]) }))
            .collect();
        let layout = Layout::new(&[5], &operands, &kernel.program.inputs);
        let source = family(&kernel, abilities).unwrap().text(&layout);
        let (module, info) = spirv::parse("histogram", &source).unwrap_or_else(|e| panic!("{e}\n{source}"));
        spirv::words("histogram", &module, &info, Default::default()).unwrap();
    };
    let column = |d: DType| vec![0u8; 5 * d.size()];
    for edges in &lists {
        for dtype in DType::ALL {
            for narrow in [false, true] {
                let mut abilities = abilities.clone();
                abilities.float64 = !narrow;
                abilities.int64 = !narrow || dtype.size() == 8;
                let data = Data::new(vec![edges.clone()], vec![dtype], None, vec![column(dtype)]);
                validate(&data, &abilities);
                let weights = if abilities.int64 { dtype } else { DType::F32 };
                let columns = vec![column(dtype), column(weights), column(DType::Bool)];
                validate(&Data::new(vec![edges.clone()], vec![dtype], Some(weights), columns), &abilities);
            }
        }
    }
    for dims in 2..=3 {
        let (edges, dtypes) = (vec![lists[0].clone(); dims], vec![DType::F32; dims]);
        let columns = vec![column(DType::F32); dims];
        validate(&Data::new(edges.clone(), dtypes.clone(), None, columns.clone()), &abilities);
        let columns = [columns, vec![column(DType::F64)]].concat();
        validate(&Data::new(edges, dtypes, Some(DType::F64), columns), &abilities);
    }
}
