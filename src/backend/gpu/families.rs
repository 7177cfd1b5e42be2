//! The folds that have shaders.

use super::abilities::Abilities;
use super::family::Family;
use super::{collect, histogram, reduce};
use crate::ops::kernel::Terminal;
use crate::ops::program::Program;

/// Makes the family of a terminal of a program, or says why this device cannot compute it right.
pub type Maker = fn(&Program, &Terminal, &Abilities) -> std::result::Result<Box<dyn Family>, String>;

/// The folds that have shaders, by name.
const FAMILIES: &[(&str, Maker)] =
    &[("collect", collect::family), ("reduce", reduce::family), ("histogram", histogram::family)];

/// The family of a terminal.
///
/// # Errors
/// Why this device cannot compute it right.
pub fn family(
    program: &Program,
    terminal: &Terminal,
    abilities: &Abilities,
) -> std::result::Result<Box<dyn Family>, String> {
    let name = terminal.fold.name();
    match FAMILIES.iter().find(|(n, _)| *n == name) {
        Some((_, make)) => make(program, terminal, abilities),
        None => Err(format!("there is no shader for {}", terminal.fold.operation())),
    }
}
