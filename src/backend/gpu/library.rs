//! The shader library: the functions of the elementwise rows, as text from `shaders/`.

use super::abilities::Abilities;
use super::shader::shader;
use crate::dtype::{DType, Scalar};
use crate::ops::elementwise::{Op, Signature, wgsl_cast};
use crate::ops::program::{Program, Register, Step};
use std::collections::HashSet;
use std::sync::OnceLock;

/// The functions that devices of one kind can have.
struct Library {
    text: String,
    names: HashSet<String>,
}

/// The library of devices with these abilities, put together once.
fn library(abilities: &Abilities) -> &'static Library {
    static MADE: [OnceLock<Library>; 8] = [const { OnceLock::new() }; 8];
    let kind = abilities.int64 as usize
        + 2 * abilities.float64 as usize
        + 4 * (abilities.divide32 && abilities.sqrt32) as usize;
    MADE[kind].get_or_init(|| {
        let text = join(abilities);
        let names = text.split("fn ").skip(1).filter_map(|rest| rest.split('(').next());
        let names = names.map(String::from).collect();
        Library { text, names }
    })
}

/// All functions that a device with these abilities can have. What a kernel does not use is left out
/// when it is compiled.
pub fn text(abilities: &Abilities) -> String {
    library(abilities).text.clone()
}

fn join(abilities: &Abilities) -> String {
    let mut out = String::from(shader!("core.wgsl"));
    for part in [
        shader!("unpack.wgsl"),
        shader!("integer32.wgsl"),
        shader!("float32.wgsl"),
        shader!("half.wgsl"),
        shader!("casts.wgsl"),
    ] {
        out.push_str(part);
    }
    if abilities.int64 {
        for part in [
            shader!("core64.wgsl"),
            shader!("integer64.wgsl"),
            shader!("float64.wgsl"),
            shader!("casts64.wgsl"),
        ] {
            out.push_str(part);
        }
        if abilities.float64 {
            out.push_str(shader!("float64_arithmetic.wgsl"));
        }
    }
    out.push_str(&super::math_text::text(abilities));
    out
}

/// Whether a device can compute a step right.
///
/// # Errors
/// Why not.
pub fn check(program: &Program, step: usize, abilities: &Abilities) -> Result<(), String> {
    let dtype = program.dtype(step as Register);
    if dtype.size() == 8 && !abilities.int64 {
        return Err(format!("the adapter has no 64-bit integers, which {dtype} needs"));
    }
    let (wgsl, what) = match &program.steps[step] {
        Step::Input(_) | Step::Const(_) => return Ok(()),
        Step::Cast { from, to } => {
            let from = program.dtype(*from);
            (Some(wgsl_cast(from, *to)), format!("a cast from {from} to {to}"))
        }
        Step::Apply { op, signature, .. } => (op.wgsl(signature), format!("{} {signature}", op.name())),
    };
    let wgsl = wgsl.ok_or_else(|| format!("there is no {what}"))?;
    match wgsl.arithmetic {
        Some(DType::F64) if !abilities.float64 => {
            return Err("float64 arithmetic is not usable on the adapter".to_string());
        }
        Some(DType::F32) if !abilities.float32 => {
            return Err("float32 arithmetic is not exact on the adapter".to_string());
        }
        _ => {}
    }
    let names = &library(abilities).names;
    match wgsl.functions().find(|&name| !names.contains(name)) {
        Some(_) => Err(format!("{what} has no shader")),
        None => Ok(()),
    }
}

/// The bits of a constant as a register holds them.
pub fn bits(value: Scalar) -> u64 {
    match value {
        Scalar::I8(v) => v as i32 as u32 as u64,
        Scalar::I16(v) => v as i32 as u32 as u64,
        value => {
            let bytes = value.to_bytes();
            bytes.iter().rev().fold(0, |bits, &b| bits << 8 | b as u64)
        }
    }
}

/// The expression of a cast.
pub fn cast(from: DType, to: DType, value: &str) -> String {
    wgsl_cast(from, to).expression(&[value.to_string()])
}

/// The expression of a row applied to registers, for a step that [`check`] let pass.
pub fn call(op: Op, signature: &Signature, args: &[String]) -> String {
    op.wgsl(signature).unwrap_or_default().expression(args)
}
