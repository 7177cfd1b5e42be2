//! The float functions as WGSL: division and roots, exp, log, trigonometry and their kin.
//!
//! The algorithms are one text for both widths, as on the CPU. The files are float32's; float64's is
//! the same text with 64 wherever it says 32, which [`double`] makes. Constants and what depends on
//! the format are in two files per width.

use super::abilities::Abilities;
use super::shader::shader;
use std::sync::OnceLock;

/// The shared algorithms, in float32's form.
const SHARED: [&str; 9] = [
    shader!("division.wgsl"),
    shader!("math_pair.wgsl"),
    shader!("math_exp.wgsl"),
    shader!("math_log.wgsl"),
    shader!("math_trig.wgsl"),
    shader!("math_arc.wgsl"),
    shader!("math_hyperbolic.wgsl"),
    shader!("math_log_sums.wgsl"),
    shader!("math_special.wgsl"),
];

/// The form of a shared text for float64.
fn double(text: &str) -> String {
    text.replace("32", "64")
}

/// All functions that a device with these abilities can have. Continues `float32.wgsl` and, where
/// there is float64, `float64_arithmetic.wgsl`.
pub fn text(abilities: &Abilities) -> String {
    let mut out = String::from(shader!("math_turns.wgsl"));
    out.push_str(shader!("math_format32.wgsl"));
    out.push_str(shader!("math_constants32.wgsl"));
    out.push_str(if abilities.divide32 && abilities.sqrt32 {
        shader!("division32.wgsl")
    } else {
        shader!("division32_corrected.wgsl")
    });
    SHARED.iter().for_each(|part| out.push_str(part));
    if abilities.int64 && abilities.float64 {
        out.push_str(double_text());
    }
    out
}

/// float64's functions. A device that is offered them divides right.
fn double_text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut out = String::from(shader!("math_format64.wgsl"));
        out.push_str(shader!("math_constants64.wgsl"));
        out.push_str(&double(shader!("division32.wgsl")));
        SHARED.iter().for_each(|part| out.push_str(&double(part)));
        out
    })
}
