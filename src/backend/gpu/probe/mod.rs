//! The start-up probe: small shaders whose answers the host knows to the bit decide what of a device
//! is used. Feature bits and WGSL promise too little: subnormals may be flushed, operations
//! contracted, divisions off by some units, and float64 built-ins give garbage on some drivers.
//!
//! It runs once when a device is opened. [`judge`] is apart from the device, so that faults which no
//! device at hand has can be fed to it.

mod cases;
mod judge;

use super::abilities::Abilities;
use super::device::{Bind, Context, Dispatch};
use super::shader::shader;
use super::spirv::FloatControls;
use crate::error::Result;
pub use judge::Limits;
use judge::Measured;
use wgpu::{BufferUsages, Features};

/// Finds out what the device does right, and leaves the float controls that serve it best in
/// [`Context::controls`].
///
/// # Errors
/// `Device` if it was lost on the way.
pub fn probe(context: &mut Context) -> Result<Abilities> {
    let mut measured = integers(context);
    floats(context, &mut measured);
    // Asking for what a driver lacks may upset it, so controls are tried only where something is wrong.
    for kind in 0..2 {
        let before = context.controls;
        let controls = both(before, judge::wishes(&measured)[kind]);
        if controls == before || !context.is_strict() {
            continue;
        }
        context.controls = controls;
        let mut again = measured.clone();
        floats(context, &mut again);
        if judge::wrong_floats(&again) < judge::wrong_floats(&measured) {
            measured = again;
        } else {
            context.controls = before;
        }
    }
    context.check()?;
    let limits = Limits {
        workgroup_bytes: context.limits.max_compute_workgroup_storage_size,
        binding_bytes: context.limits.max_storage_buffer_binding_size,
        max_groups: context.limits.max_compute_workgroups_per_dimension,
    };
    Ok(judge::judge(&measured, limits))
}

/// What either asks for.
fn both(a: FloatControls, b: FloatControls) -> FloatControls {
    let either = |a: [bool; 2], b: [bool; 2]| [a[0] || b[0], a[1] || b[1]];
    FloatControls {
        denorm_preserve: either(a.denorm_preserve, b.denorm_preserve),
        signed_zero_inf_nan_preserve: either(a.signed_zero_inf_nan_preserve, b.signed_zero_inf_nan_preserve),
    }
}

fn integers(context: &Context) -> Measured {
    let has = |features| context.features.contains(features);
    let wide = has(Features::SHADER_INT64);
    let values = cases::values();
    let low: Vec<u32> = values.iter().map(|&v| v as u32).collect();
    let groups = (cases::VALUES / cases::GROUP) as u32;
    let totals = 1 + 4 * groups as usize;
    let low = bytemuck::cast_slice(&low);
    Measured {
        int64: wide.then(|| {
            let pairs = cases::int64_pairs();
            run(context, shader!("probe_int64.wgsl"), bytemuck::cast_slice(&pairs), PAIRS, 24 * cases::CASES)
        }),
        atomics64: (wide && has(Features::SHADER_INT64_ATOMIC_ALL_OPS)).then(|| {
            run(context, shader!("probe_atomics64.wgsl"), bytemuck::cast_slice(&values), groups, 2 * totals)
        }),
        atomics32: Some(run(context, shader!("probe_atomics32.wgsl"), low, groups, totals)),
        subgroups: has(Features::SUBGROUP)
            .then(|| run(context, shader!("probe_subgroups.wgsl"), low, groups, 7 * cases::VALUES)),
        ..Measured::default()
    }
}

fn floats(context: &Context, measured: &mut Measured) {
    let pairs = cases::float32_pairs();
    let float32 = shader!("probe_float32.wgsl");
    measured.float32 = Some(run(context, float32, bytemuck::cast_slice(&pairs), PAIRS, 13 * cases::CASES));
    measured.float64 = context.features.contains(Features::SHADER_F64 | Features::SHADER_INT64).then(|| {
        let pairs = cases::float64_pairs();
        run(context, shader!("probe_float64.wgsl"), bytemuck::cast_slice(&pairs), PAIRS, 30 * cases::CASES)
    });
}

/// Workgroups for all pairs.
const PAIRS: u32 = (cases::CASES / cases::GROUP) as u32;

/// Runs a shader over `input`; its output begins as zeros, of `words` words.
fn run(context: &Context, source: &str, input: &[u8], groups: u32, words: usize) -> Answered {
    let attempt = || -> Result<Vec<u32>> {
        let pipeline = context.pipeline_once("probe", source)?;
        let input = context.table("probe input", input)?;
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC;
        let out = context.buffer("probe output", 4 * words as u64, usage)?;
        let binds = [Bind { at: 0, buffer: &input, range: None }, Bind { at: 1, buffer: &out, range: None }];
        context.scoped("probing", || {
            let mut encoder = context.raw().create_command_encoder(&Default::default());
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                let dispatch = Dispatch { pipeline: &pipeline, binds: &binds, groups: [groups, 1, 1] };
                context.encode(&mut pass, &dispatch);
            }
            context.queue().submit([encoder.finish()]);
        })?;
        Ok(bytemuck::pod_collect_to_vec(&context.read(&out, 4 * words as u64)?))
    };
    attempt().map_err(|e| e.message().to_string())
}

type Answered = std::result::Result<Vec<u32>, String>;
