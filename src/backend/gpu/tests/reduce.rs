//! Reductions against the CPU's bits and against exact arithmetic on big integers.

mod data;
mod exact;
mod product;

use super::super::abilities::Abilities;
use super::super::family::Work;
use super::super::layout::Layout;
use super::super::reduce::Reduce;
use super::super::runner::{GpuRunner, families};
use super::super::spirv;
use super::{context, one_row};
use crate::backend::cpu::CpuRunner;
use crate::backend::{Runner, gpu::Context};
use crate::dtype::DType;
use crate::error::Result;
use crate::grid::{Region, ravel, unravel};
use crate::ops::elementwise::Op;
use crate::ops::fold::{self, State, state_ref};
use crate::ops::kernel::{Block, Kernel, Operand, Terminal};
use crate::ops::program::{Program, Step};
use crate::ops::reduce::{self, Family, Notes, ReduceSpec, Reduction};
use crate::ops::simd::Simd;
use crate::view::Placement;
use data::{CLASSES, Class, Input, Random, value};
use exact::expected;
use smallvec::SmallVec;
use std::sync::Arc;
use wgpu::naga;

/// A reduction of inputs that a program hands on as they are: values, weights, mask.
fn reduce_kernel(spec: &ReduceSpec, reduced: &[bool]) -> Kernel {
    let mut inputs = vec![spec.compute_dtype()];
    inputs.extend(spec.weights_dtype());
    inputs.extend(spec.has_mask().then_some(DType::Bool));
    let steps = (0..inputs.len() as u32).map(Step::Input).collect();
    let outputs = (0..inputs.len() as u32).collect();
    let program = Program { inputs, steps, outputs };
    let ports: Vec<usize> = (0..program.outputs.len()).collect();
    let terminal = Terminal::new(fold::Reduce::new(spec.clone(), reduced), &ports).unwrap();
    Kernel { program, terminals: vec![terminal] }
}

type Finished = std::result::Result<(Vec<u8>, Notes), String>;

fn finish(state: &dyn State) -> Finished {
    let state: &reduce::State = state_ref(state).unwrap();
    let mut out = vec![0; state.outputs() * state.spec().out_dtype().size()];
    state.finish(&mut out).map(|n| (out, n)).map_err(|e| e.to_string())
}

/// The finished results of both backends over one block of a domain.
fn both(
    context: &Arc<Context>,
    kernel: &Kernel,
    domain: &[u64],
    region: &Region,
    inputs: &[Input],
) -> Result<(Finished, Finished)> {
    repeated(context, &context.abilities(), kernel, &Block { region, domain }, inputs, 1)
}

/// The same with given abilities, the block added as often as said.
fn repeated(
    context: &Arc<Context>,
    abilities: &Abilities,
    kernel: &Kernel,
    block: &Block,
    inputs: &[Input],
    times: usize,
) -> Result<(Finished, Finished)> {
    let bytes: Vec<_> = inputs.iter().map(Input::bytes).collect();
    let operands: Vec<Operand> =
        inputs.iter().zip(&bytes).map(|(i, bytes)| Operand::plain(bytes, i.placement.clone())).collect();
    let run = |runner: &mut dyn Runner| -> Result<Finished> {
        let mut states = vec![kernel.terminals[0].state(&block.region.shape)?];
        for _ in 0..times {
            runner.run(block, &operands, &mut states)?;
        }
        runner.flush(&mut states)?;
        Ok(finish(&*states[0]))
    };
    let mut gpu = GpuRunner::new(context, kernel, abilities, &block.region.shape, 256 << 20, None)?;
    let mut cpu = CpuRunner::new(kernel, Simd::best());
    Ok((run(&mut gpu)?, run(&mut cpu)?))
}

/// Names the first output that differs.
fn same(a: &Finished, b: &Finished, size: usize, what: &str) {
    if let (Ok((x, _)), Ok((y, _))) = (a, b) {
        let both = x.chunks(size).zip(y.chunks(size)).enumerate();
        let differ: Vec<_> = both.filter(|(_, (x, y))| x != y).collect();
        assert!(differ.is_empty(), "{what}: {} outputs differ, first {:x?}", differ.len(), differ[0]);
    }
    assert!(a == b, "{what}: {:?} {:?}", a.as_ref().err(), b.as_ref().err());
}

/// Runs a reduction on both backends, and compares with each other and with exact arithmetic.
fn check(
    context: &Arc<Context>,
    spec: &ReduceSpec,
    domain: &[u64],
    region: &Region,
    reduced: &[bool],
    inputs: &[Input],
) {
    let what = format!("{} {:?} {region} of {domain:?} {reduced:?}", spec.reduction(), spec.compute_dtype());
    let (gpu, cpu) = both(context, &reduce_kernel(spec, reduced), domain, region, inputs).unwrap();
    same(&gpu, &cpu, spec.out_dtype().size(), &what);
    let pick = |want: bool, v: &[u64]| -> SmallVec<[u64; 4]> {
        v.iter().zip(reduced).filter(|(_, r)| **r == want).map(|(&n, _)| n).collect()
    };
    let kept = pick(false, &region.shape);
    let mut values = vec![Vec::new(); kept.iter().product::<u64>() as usize];
    for i in 0..region.len() {
        let local = unravel(i, &region.shape);
        let global: Vec<u64> = local.iter().zip(&region.start).map(|(a, b)| a + b).collect();
        if spec.has_mask() && inputs[inputs.len() - 1].at(&local) == 0 {
            continue;
        }
        let weight = spec.weights_dtype().map_or(0, |_| inputs[1].at(&local));
        let position = ravel(&pick(true, &global), &pick(true, domain));
        values[ravel(&pick(false, &local), &kept) as usize].push((inputs[0].at(&local), weight, position));
    }
    let Ok((bytes, _)) = gpu else {
        assert!(values.iter().any(|v| expected(spec, v).is_none()), "{what}: {gpu:?}");
        return;
    };
    for (o, (got, v)) in bytes.chunks_exact(spec.out_dtype().size()).zip(&values).enumerate() {
        let mut all = [0; 8];
        all[..got.len()].copy_from_slice(got);
        match expected(spec, v) {
            Some(want) => assert_eq!(u64::from_le_bytes(all), want, "{what}: output {o}, exact"),
            None => assert!(spec.row().family != Family::Prod, "{what}: output {o} does not fit"),
        }
    }
}

/// Inputs for a spec: values of a class, weights, a mask that lets three in four through.
fn inputs(random: &mut Random, spec: &ReduceSpec, class: Class, shape: &[u64]) -> Vec<Input> {
    let mut out = vec![Input::of_class(random, spec.compute_dtype(), class, shape)];
    if let Some(w) = spec.weights_dtype() {
        out.push(Input::of_class(random, w, Class::Uniform, shape));
    }
    if spec.has_mask() {
        let len = shape.iter().product::<u64>();
        let mask = (0..len).map(|_| (random.below(4) > 0) as u64).collect();
        out.push(Input::dense(DType::Bool, mask, shape));
    }
    out
}

fn specs(dtype: DType) -> Vec<ReduceSpec> {
    Reduction::all().map(|r| ReduceSpec::new(r, &vec![dtype; r.row().inputs]).unwrap()).collect()
}

/// Whether the device can have this dtype at all.
fn has(context: &Context, dtype: DType) -> bool {
    dtype.size() < 8 || context.abilities().int64
}

#[test]
fn every_row_and_dtype_is_exact() {
    let Some(context) = context() else { return };
    let mut random = Random(1);
    for dtype in DType::ALL.into_iter().filter(|&d| has(&context, d)) {
        for spec in specs(dtype) {
            for (n, class) in CLASSES.into_iter().enumerate() {
                if spec.reduction() == Reduction::Average && !dtype.is_float() && n > 2 {
                    continue;
                }
                let (shape, reduced) = match n % 2 {
                    0 => ([3, 81], [false, true]),
                    _ => ([90, 3], [true, false]),
                };
                let inputs = inputs(&mut random, &spec, class, &shape);
                check(&context, &spec, &shape, &Region::whole(&shape), &reduced, &inputs);
            }
        }
    }
}

fn spec(name: &str, dtype: DType) -> ReduceSpec {
    let row = Reduction::from_name(name).unwrap();
    ReduceSpec::new(row, &vec![dtype; row.row().inputs]).unwrap()
}

/// Every set of reduced axes, of blocks that are parts of their domain, with axes of length 1.
#[test]
fn every_set_of_axes_counts_positions_in_the_domain() {
    let Some(context) = context() else { return };
    let mut random = Random(2);
    let blocks: [(&[u64], &[u64], &[u64]); 6] = [
        (&[5, 4, 7], &[1, 0, 2], &[3, 4, 5]),
        (&[2, 1, 90], &[0, 0, 0], &[2, 1, 90]),
        (&[90, 1, 1], &[0, 0, 0], &[90, 1, 1]),
        (&[4, 70, 3], &[1, 1, 0], &[2, 69, 3]),
        (&[3, 2, 2, 3], &[0, 1, 0, 0], &[3, 1, 2, 3]),
        (&[], &[], &[]),
    ];
    for (domain, start, shape) in blocks {
        let region = Region { start: start.into(), shape: shape.into() };
        for set in 0..1 << domain.len() {
            let reduced: Vec<bool> = (0..domain.len()).map(|d| set >> d & 1 == 1).collect();
            for (name, dtype, class) in [
                ("sum", DType::F32, Class::Normal),
                ("argmin", DType::F32, Class::Uniform),
                ("argmax", DType::U8, Class::Cancelling),
                ("count_nonzero", DType::I16, Class::Cancelling),
            ] {
                let spec = spec(name, dtype);
                let inputs = inputs(&mut random, &spec, class, shape);
                check(&context, &spec, domain, &region, &reduced, &inputs);
            }
        }
    }
}

/// Long and short rows and columns, whose positions are spread over segments.
#[test]
fn long_and_short_axes() {
    let Some(context) = context() else { return };
    let mut random = Random(3);
    let shapes: [(&[u64], &[bool]); 12] = [
        (&[1], &[true]),
        (&[63], &[true]),
        (&[70_003], &[true]),
        (&[5, 70_001], &[false, true]),
        (&[5, 70_001], &[true, false]),
        (&[70_001, 5], &[true, false]),
        (&[20_001, 3], &[false, true]),
        (&[20_001, 1], &[false, true]),
        (&[1, 20_001], &[true, false]),
        (&[2, 3000, 5], &[true, false, true]),
        (&[9, 50, 33], &[false, true, false]),
        (&[300, 300], &[true, true]),
    ];
    for (shape, reduced) in shapes {
        for (name, dtype, class) in [
            ("sum", DType::F32, Class::AllBits),
            ("mean", DType::U8, Class::AllBits),
            ("argmax", DType::F32, Class::Normal),
        ] {
            let spec = spec(name, dtype);
            let inputs = inputs(&mut random, &spec, class, shape);
            check(&context, &spec, shape, &Region::whole(shape), reduced, &inputs);
        }
    }
    for (name, dtype) in
        [("var", DType::F32), ("std", DType::F64), ("var", DType::I32), ("nanargmin", DType::F64)]
    {
        if !has(&context, dtype) {
            continue;
        }
        for class in [Class::AllBits, Class::Normal] {
            let spec = spec(name, dtype);
            let inputs = inputs(&mut random, &spec, class, &[6, 6001]);
            for reduced in [[true, true], [false, true], [true, false]] {
                check(&context, &spec, &[6, 6001], &Region::whole(&[6, 6001]), &reduced, &inputs);
            }
        }
    }
}

#[test]
fn masks_and_options() {
    let Some(context) = context() else { return };
    let mut random = Random(4);
    for dtype in [DType::F32, DType::I8, DType::F64] {
        if !has(&context, dtype) {
            continue;
        }
        for one in specs(dtype).into_iter().filter(|s| s.row().takes_where) {
            let spec = one.with_mask().unwrap();
            for (class, shape, reduced) in [
                (Class::Specials, [4, 70], [false, true]),
                (Class::Normal, [70, 4], [true, false]),
                // Some outputs have no value at all.
                (Class::Uniform, [40, 1], [false, true]),
            ] {
                let inputs = inputs(&mut random, &spec, class, &shape);
                check(&context, &spec, &shape, &Region::whole(&shape), &reduced, &inputs);
            }
        }
        for name in ["var", "std", "nanvar"] {
            for ddof in [1.0, 9.0, 100.0] {
                let spec = spec(name, dtype).with_ddof(ddof).unwrap();
                let inputs = inputs(&mut random, &spec, Class::Normal, &[7, 9]);
                check(&context, &spec, &[7, 9], &Region::whole(&[7, 9]), &[false, true], &inputs);
            }
        }
    }
    // A result of another dtype.
    let wide = spec("sum", DType::F32).with_dtype(DType::F64).unwrap();
    let inputs = inputs(&mut random, &wide, Class::Normal, &[500]);
    check(&context, &wide, &[500], &Region::whole(&[500]), &[true], &inputs);
}

/// Operands that are backwards, transposed, the same everywhere, or repeated rows.
#[test]
fn operands_of_every_placement() {
    let Some(context) = context() else { return };
    let mut random = Random(5);
    let placements: [(i64, [i64; 2]); 6] =
        [(0, [97, 1]), (3, [97, 1]), (0, [1, 5]), (484, [-97, -1]), (7, [0, 0]), (1, [0, 2])];
    for dtype in [DType::F32, DType::I16, DType::F16, DType::U8, DType::F64] {
        if !has(&context, dtype) {
            continue;
        }
        for (offset, strides) in placements {
            for name in ["average", "nanmean", "argmin"] {
                let spec = spec(name, dtype);
                let compute = spec.compute_dtype();
                if !has(&context, compute) {
                    continue;
                }
                let bits = (0..500).map(|n| value(&mut random, compute, Class::Uniform, n)).collect();
                let placement = Placement { offset, strides: SmallVec::from_slice(&strides) };
                let mut inputs = inputs(&mut random, &spec, Class::Normal, &[5, 97]);
                inputs[0] = Input { dtype: compute, bits, placement };
                for reduced in [[true, true], [false, true], [true, false]] {
                    check(&context, &spec, &[5, 97], &Region::whole(&[5, 97]), &reduced, &inputs);
                }
            }
        }
    }
}

/// Small devices, more tiles than one dimension has workgroups, and partials that hold something.
#[test]
fn tiles_beyond_a_dimension_and_blocks_one_after_the_other() {
    let Some(context) = context() else { return };
    let mut random = Random(7);
    let small = Abilities { max_groups: 3, workgroup_bytes: 4096, ..context.abilities() };
    for (name, dtype) in [
        ("sum", DType::F32),
        ("average", DType::F32),
        ("var", DType::U16),
        ("argmin", DType::I32),
        ("all", DType::I8),
        ("prod", DType::I8),
    ] {
        let spec = spec(name, dtype);
        for (shape, reduced) in [
            ([701, 5], [false, true]),
            ([5, 701], [true, false]),
            ([2, 3001], [true, true]),
            ([2, 3001], [false, true]),
        ] {
            let inputs = inputs(&mut random, &spec, Class::Uniform, &shape);
            let kernel = reduce_kernel(&spec, &reduced);
            let (region, what) = (Region::whole(&shape), format!("{name} {shape:?} {reduced:?}"));
            let block = Block { region: &region, domain: &shape };
            let (gpu, cpu) = repeated(&context, &small, &kernel, &block, &inputs, 3).unwrap();
            same(&gpu, &cpu, spec.out_dtype().size(), &what);
            // What does not fit workgroup memory is refused.
            let tiny = Abilities { workgroup_bytes: 4, ..small.clone() };
            assert!(families(&kernel, &tiny).is_err());
        }
    }
}

/// A piece of a block goes to the outputs that it has.
#[test]
fn pieces_have_their_first_output() {
    let Some(context) = context() else { return };
    let kernel = reduce_kernel(&spec("count_nonzero", DType::U8), &[false, true]);
    let mut family = families(&kernel, &context.abilities()).unwrap().remove(0);
    let region = Region { start: SmallVec::from_slice(&[2, 0]), shape: SmallVec::from_slice(&[2, 4]) };
    let bytes = [0u8; 8];
    let placement = Placement { offset: 0, strides: SmallVec::from_slice(&[4, 1]) };
    let layout = Layout::new(&[2, 4], &[Operand::plain(&bytes, placement)], &[DType::U8]);
    let work = Work {
        context: &context,
        layout: &layout,
        block: Block { region: &region, domain: &[5, 4] },
        first_output: 2,
        whole_len: 20,
    };
    let launch = family.launch(&work).unwrap();
    assert_eq!(launch.output_bytes, family.output_bytes(&[2, 4]));
    let mut state = kernel.terminals[0].state(&[5, 4]).unwrap();
    // Per output: how many are not zero, how many there are.
    (launch.absorb)(bytemuck::cast_slice(&[3u32, 4, 1, 4]), &mut *state).unwrap();
    let counts: Vec<i64> = bytemuck::pod_collect_to_vec(&finish(&*state).unwrap().0);
    assert_eq!(counts, [0, 0, 3, 1, 0]);
    let launch = family.launch(&work).unwrap();
    assert!((launch.absorb)(&[0; 12], &mut *state).is_err(), "too few bytes");
}

/// 2^25 ones: float32 additions one after the other stop at 2^24.
#[test]
fn a_sum_that_float32_cannot_count() {
    let Some(context) = context() else { return };
    let len = 1u64 << 25;
    for (v, name, want) in [(1f32, "mean", 1f32), (0.1, "sum", 0.1 * len as f32), (3.0, "std", 0.0)] {
        let placement = Placement { offset: 0, strides: SmallVec::from_slice(&[0]) };
        let input = Input { dtype: DType::F32, bits: vec![v.to_bits() as u64], placement };
        let kernel = reduce_kernel(&spec(name, DType::F32), &[true]);
        let (gpu, cpu) = both(&context, &kernel, &[len], &Region::whole(&[len]), &[input]).unwrap();
        assert_eq!(gpu, cpu);
        assert_eq!(gpu.unwrap().0, want.to_bits().to_le_bytes());
    }
}

/// a · b − c, then its sum: what is added are the float32 values of the chain.
#[test]
fn fused_chains_are_reduced() {
    let Some(context) = context() else { return };
    let product = one_row(Op::from_name("multiply").unwrap(), &[DType::F32; 2]);
    let difference = one_row(Op::from_name("subtract").unwrap(), &[DType::F32; 2]);
    let Step::Apply { op, signature, .. } = difference.steps[2].clone() else { panic!() };
    let mut program = product;
    program.inputs.push(DType::F32);
    program.steps.push(Step::Input(2));
    program.steps.push(Step::Apply { op, args: SmallVec::from_slice(&[2, 3]), signature });
    // The weights are one of its inputs, the values its result.
    program.outputs = vec![1, 4];
    let mut random = Random(6);
    let shape = [7u64, 333];
    let inputs: Vec<Input> =
        (0..3).map(|_| Input::of_class(&mut random, DType::F32, Class::Normal, &shape)).collect();
    let float = |i: usize, k: usize| f32::from_bits(inputs[i].bits[k] as u32);
    let result = (0..7 * 333).map(|k| (float(0, k) * float(1, k) - float(2, k)).to_bits() as u64).collect();
    let made = Input::dense(DType::F32, result, &shape);
    for reduced in [vec![true, true], vec![false, true], vec![true, false]] {
        for (name, weights) in [("sum", None), ("average", Some(0))] {
            let spec = spec(name, DType::F32);
            let ports: Vec<usize> = [Some(1), weights].into_iter().flatten().collect();
            let terminal = Terminal::new(fold::Reduce::new(spec.clone(), &reduced), &ports).unwrap();
            let kernel = Kernel { program: program.clone(), terminals: vec![terminal] };
            let region = Region::whole(&shape);
            let (gpu, cpu) = both(&context, &kernel, &shape, &region, &inputs).unwrap();
            same(&gpu, &cpu, 4, name);
            let plain = [made.clone(), inputs[1].clone()];
            let plain = &plain[..1 + weights.is_some() as usize];
            let (again, _) = both(&context, &reduce_kernel(&spec, &reduced), &shape, &region, plain).unwrap();
            same(&gpu, &again, 4, name);
            check(&context, &spec, &shape, &region, &reduced, plain);
        }
    }
}

/// A device without anything that is not WebGPU's.
fn plain_abilities() -> Abilities {
    Abilities {
        int64: false,
        int64_atomics: false,
        float32: false,
        divide32: false,
        sqrt32: false,
        float64: false,
        subgroups: false,
        workgroup_bytes: 16 << 10,
        binding_bytes: 128 << 20,
        max_groups: 65535,
        off: Vec::new(),
    }
}

/// Every kernel is valid, and what a device cannot do is refused for a reason: no adapter is needed.
#[test]
fn every_source_is_valid() {
    let poor = plain_abilities();
    let rich = Abilities { int64: true, ..plain_abilities() };
    let mut refused = std::collections::BTreeSet::new();
    let mut seen = std::collections::HashSet::new();
    for dtype in DType::ALL {
        for row in Reduction::all() {
            let plain = ReduceSpec::new(row, &vec![dtype; row.row().inputs]).unwrap();
            let masked = plain.clone().with_mask().ok();
            for spec in [Some(plain), masked].into_iter().flatten() {
                let kernel = reduce_kernel(&spec, &[false, true]);
                let outputs = &kernel.terminals[0].ports;
                let input = Input::dense(dtype, Vec::new(), &[6, 70]);
                let bytes = vec![0u8; 8 * 6 * 70];
                let operands: Vec<Operand> = kernel
                    .program
                    .inputs
                    .iter()
                    .map(|_| Operand::plain(&bytes, input.placement.clone()))
                    .collect();
                let layout = Layout::new(&[6, 70], &operands, &kernel.program.inputs);
                for (abilities, reduced) in
                    [(&poor, [false, true]), (&rich, [false, true]), (&rich, [true, false])]
                {
                    match Reduce::new(&kernel.program, &spec, outputs, &reduced, abilities) {
                        Ok(r) => {
                            let source = r.source(&layout, &[6, 70]);
                            if !seen.insert(source.clone()) {
                                continue;
                            }
                            let (module, info) = spirv::parse("reduce", &source).unwrap();
                            let words = spirv::words("reduce", &module, &info, Default::default());
                            assert!(words.unwrap().len() > 1000);
                            let wide = module.types.iter().any(|(_, t)| match t.inner {
                                naga::TypeInner::Scalar(s) => s.width == 8,
                                _ => false,
                            });
                            assert!(!wide || abilities.int64, "{row} {dtype}");
                            assert!(spec.compute_dtype().size() < 8 || abilities.int64, "{row} {dtype}");
                        }
                        Err(why) => {
                            let class = if abilities.int64 { "rich" } else { "poor" };
                            let name = spec.compute_dtype();
                            refused.insert(format!("{class}: {why}").replace(name.name(), "DTYPE"));
                        }
                    }
                }
            }
        }
    }
    assert!(seen.len() > 200, "{}", seen.len());
    assert_eq!(
        refused.into_iter().collect::<Vec<_>>(),
        ["poor: the adapter has no 64-bit integers, which DTYPE needs"]
    );
}

/// What is read back is little beside what is read: below a thousandth, or 16 KiB.
#[test]
fn little_is_read_back() {
    for dtype in DType::ALL {
        for spec in specs(dtype) {
            let abilities = Abilities { int64: true, ..plain_abilities() };
            for len in [1000u64, 1 << 20, 1 << 24, 1 << 30] {
                let kernel = reduce_kernel(&spec, &[true]);
                let family = families(&kernel, &abilities).unwrap().remove(0);
                let bytes = family.output_bytes(&[len]);
                let data = len * spec.compute_dtype().size() as u64;
                assert!(bytes > 0 && bytes <= (data / 1000).max(16 << 10), "{spec:?} {len} {bytes}");
                let kernel = reduce_kernel(&spec, &[false, true]);
                let family = families(&kernel, &abilities).unwrap().remove(0);
                assert!(family.output_bytes(&[2, len / 2]) <= (data / 1000).max(16 << 10));
                assert_eq!(family.output_bytes(&[0, len]), 0);
            }
        }
    }
}
