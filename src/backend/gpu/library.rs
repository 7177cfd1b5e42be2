//! The shader library: the functions of the elementwise rows, as text from `shaders/`.

use super::abilities::Abilities;
use crate::dtype::{DType, Scalar};
use crate::ops::elementwise::{Op, Signature};
use crate::ops::program::{Program, Register, Step};

/// The text of a file in `shaders/`.
macro_rules! shader {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $name))
    };
}
pub(super) use shader;

/// All functions that a device with these abilities can have. What a kernel does not use is left out
/// when it is compiled.
pub fn text(abilities: &Abilities) -> String {
    let mut out = String::from(shader!("core.wgsl"));
    if abilities.int64 {
        out.push_str(shader!("core64.wgsl"));
    }
    out.push_str(shader!("float32.wgsl"));
    if abilities.float64 {
        out.push_str(shader!("math_prelude64.wgsl"));
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
    let float = |d: DType| match d {
        DType::F64 if !abilities.float64 => {
            Err("float64 arithmetic is not usable on the adapter".to_string())
        }
        DType::F32 | DType::F16 if !abilities.float32 => {
            Err("float32 arithmetic is not exact on the adapter".to_string())
        }
        _ => Ok(()),
    };
    match &program.steps[step] {
        Step::Input(_) | Step::Const(_) => Ok(()),
        Step::Cast { from, to } => float(program.dtype(*from)).and(float(*to)),
        Step::Apply { signature, .. } => signature.args.iter().copied().try_for_each(float),
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
    if from == to { value.to_string() } else { format!("cast_{}_{}({value})", from.name(), to.name()) }
}

/// The expression of a row applied to registers.
pub fn call(op: Op, signature: &Signature, args: &[String]) -> String {
    let dtype = signature.args.last().map_or("", |d| d.name());
    format!("{}_{dtype}({})", op.name(), args.join(", "))
}
