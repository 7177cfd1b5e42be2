//! Tests on an adapter, lavapipe where there is no other.

mod device;
mod histogram;
mod math;
mod math_constants;
mod matmul;
mod reduce;
mod unpack;

use super::device::{Bind, Context, Dispatch};
use super::{Choice, open};
use std::sync::{Arc, OnceLock};
use wgpu::BufferUsages;

/// The adapter for tests: `None`, said aloud, where there is none and `CHUNKWISE_GPU` does not
/// require one.
pub fn context() -> Option<Arc<Context>> {
    static CONTEXT: OnceLock<Option<Arc<Context>>> = OnceLock::new();
    let wish = std::env::var("CHUNKWISE_GPU").unwrap_or_else(|_| "auto".into());
    let made = CONTEXT.get_or_init(|| match open(&Choice::Fastest, 1 << 30) {
        _ if wish == "off" => None,
        Ok(context) => Some(Arc::new(context)),
        Err(e) if wish == "require" => panic!("CHUNKWISE_GPU=require, but {e}"),
        Err(_) => None,
    });
    if made.is_none() {
        eprintln!("SKIPPED: no GPU adapter (CHUNKWISE_GPU={wish})");
    }
    made.clone()
}

/// Runs a shader whose bindings are `inputs`, then one output of `bytes` bytes, which begins as
/// zeros, and gives the output.
pub fn run(context: &Context, source: &str, inputs: &[&[u8]], bytes: usize, groups: [u32; 3]) -> Vec<u8> {
    let pipeline = context.pipeline("test", source).unwrap();
    let tables: Vec<_> = inputs.iter().map(|b| context.table("input", b).unwrap()).collect();
    let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
    let out = context.buffer("output", bytes as u64, usage).unwrap();
    let all = tables.iter().map(|t| &**t).chain([&*out]).enumerate();
    let binds: Vec<Bind> = all.map(|(n, buffer)| Bind { at: n as u32, buffer, range: None }).collect();
    context
        .scoped("test", || {
            let mut encoder = context.raw().create_command_encoder(&Default::default());
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                context.encode(&mut pass, &Dispatch { pipeline: &pipeline, binds: &binds, groups });
            }
            context.queue().submit([encoder.finish()]);
        })
        .unwrap();
    context.read(&out, bytes as u64).unwrap()
}

#[test]
fn two_sums_are_exact_and_64_bit_values_move_as_bits() {
    let Some(context) = context() else { return };
    let source = "@group(0) @binding(0) var<storage, read> a: array<u32>;
        @group(0) @binding(1) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {
            let x = bitcast<f32>(a[2u * g.x]);
            let y = bitcast<f32>(a[2u * g.x + 1u]);
            let s = x + y;
            let t = s - x;
            out[2u * g.x] = bitcast<u32>(s);
            out[2u * g.x + 1u] = bitcast<u32>((x - (s - t)) + (y - t));
        }";
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 40) as f32 / 16777216.0 * f32::powi(2.0, (state >> 33 & 7) as i32)
    };
    let pairs: Vec<f32> = (0..8192).map(|_| next()).collect();
    let out = run(&context, source, &[bytemuck::cast_slice(&pairs)], pairs.len() * 4, [64, 1, 1]);
    let out: Vec<f32> = bytemuck::pod_collect_to_vec(&out);
    for (p, o) in pairs.chunks(2).zip(out.chunks(2)) {
        assert_eq!(o[0] as f64 + o[1] as f64, p[0] as f64 + p[1] as f64);
    }
    if !context.features.contains(wgpu::Features::SHADER_F64 | wgpu::Features::SHADER_INT64) {
        return;
    }
    let source = "@group(0) @binding(0) var<storage, read> a: array<vec2<u32>>;
        @group(0) @binding(1) var<storage, read_write> out: array<vec2<u32>>;
        fn word(v: vec2<u32>) -> u64 { return u64(v.x) | (u64(v.y) << 32u); }
        fn f64_add(a: u64, b: u64) -> u64 { return bitcast<u64>(bitcast<f64>(a) + bitcast<f64>(b)); }
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {
            let r = f64_add(word(a[g.x]), bitcast<u64>(f64(0.1lf)));
            out[g.x] = vec2<u32>(u32(r & 0xfffffffflu), u32(r >> 32u));
        }";
    let values: Vec<f64> = (0..64).map(|i| i as f64 * 0.37).collect();
    let out = run(&context, source, &[bytemuck::cast_slice(&values)], values.len() * 8, [1, 1, 1]);
    let out: Vec<f64> = bytemuck::pod_collect_to_vec(&out);
    assert_eq!(out, values.iter().map(|v| v + 0.1).collect::<Vec<_>>());
}

mod elementwise;

use super::runner::GpuRunner;
use crate::DType;
use crate::backend::Runner;
use crate::error::Result;
use crate::grid::{Region, c_strides};
use crate::ops::elementwise::{Events, Op, Operand as Typed};
use crate::ops::fold::{Collected, State, state_ref};
use crate::ops::kernel::{Block, Kernel, Operand, Terminal};
use crate::ops::program::{Program, Step};
use crate::view::Placement;

/// A program that applies one row to inputs of the signature's dtypes.
pub fn one_row(op: Op, dtypes: &[DType]) -> Program {
    let operands: Vec<Typed> = dtypes.iter().map(|&d| Typed::Strong(d)).collect();
    let signature = op.signature(&operands).unwrap();
    let mut steps: Vec<Step> = (0..dtypes.len() as u32).map(Step::Input).collect();
    let args = (0..dtypes.len() as u32).collect();
    let inputs = signature.args.to_vec();
    steps.push(Step::Apply { op, args, signature });
    let last = steps.len() as u32 - 1;
    Program { inputs, steps, outputs: vec![last] }
}

/// What was collected.
pub fn collected_bytes(state: &dyn State) -> &[u8] {
    state_ref::<Collected>(state).unwrap().elements()
}

/// Runs a kernel over one block that is the whole domain, its operands dense in C order.
pub fn run_kernel(
    context: &Arc<Context>,
    kernel: &Kernel,
    shape: &[u64],
    inputs: &[&[u8]],
) -> Result<(Vec<Box<dyn State>>, Events)> {
    let region = Region::whole(shape);
    let operands: Vec<Operand> = inputs
        .iter()
        .map(|&bytes| Operand::plain(bytes, Placement { offset: 0, strides: c_strides(shape) }))
        .collect();
    let mut states = kernel.terminals.iter().map(|t| t.state(shape)).collect::<Result<Vec<_>>>()?;
    let mut runner = GpuRunner::new(context, kernel, &context.abilities(), shape, 256 << 20, None)?;
    let events = runner.run(&Block { region: &region, domain: shape }, &operands, &mut states)?
        | runner.flush(&mut states)?;
    assert_eq!(runner.under_way(), 0);
    Ok((states, events))
}

#[test]
fn a_collected_sum_is_the_sum() {
    let Some(context) = context() else { return };
    let program = one_row(Op::from_name("add").unwrap(), &[DType::F32, DType::F32]);
    let kernel = Kernel { terminals: vec![Terminal::collect(&program, 0, 1).unwrap()], program };
    let a: Vec<f32> = (0..1003).map(|i| i as f32 * 0.1).collect();
    let b: Vec<f32> = (0..1003).map(|i| 1e-3 * (i * i) as f32).collect();
    let inputs: [&[u8]; 2] = [bytemuck::cast_slice(&a), bytemuck::cast_slice(&b)];
    let (states, events) = run_kernel(&context, &kernel, &[1003], &inputs).unwrap();
    assert!(events.is_empty());
    let out: Vec<f32> = bytemuck::pod_collect_to_vec(collected_bytes(&*states[0]));
    assert_eq!(out, a.iter().zip(&b).map(|(a, b)| a + b).collect::<Vec<_>>());
}
