//! Collected outputs: the elements themselves.

use super::abilities::Abilities;
use super::code::Element;
use super::device::Pipeline;
use super::family::{Family, Launch, Step, Work};
use super::layout::Class;
use super::shader::shader;
use crate::DType;
use crate::buffer::Buffer;
use crate::error::Result;
use crate::ops::fold::{Collected, State, state_as};
use crate::ops::kernel::Terminal;
use crate::ops::program::Program;
use std::collections::HashMap;
use std::sync::Arc;

/// Elements per workgroup and turn.
const ELEMENTS: u32 = 1024;

/// The elements of one output.
pub struct Collect {
    element: Element,
    dtype: DType,
    max_groups: u32,
    pipelines: HashMap<Vec<Class>, Arc<Pipeline>>,
}

/// The family of a `collect`.
///
/// # Errors
/// Why this device cannot compute it right.
pub fn family(
    program: &Program,
    terminal: &Terminal,
    abilities: &Abilities,
) -> std::result::Result<Box<dyn Family>, String> {
    Ok(Box::new(Collect::new(program, terminal.ports[0], abilities)?))
}

impl Collect {
    /// The output at a position of [`Program::outputs`].
    ///
    /// # Errors
    /// Why this device cannot compute it right.
    pub fn new(
        program: &Program,
        output: usize,
        abilities: &Abilities,
    ) -> std::result::Result<Collect, String> {
        let element = Element::new(program, &[output], abilities)?;
        let dtype = element.dtype(0);
        Ok(Collect { element, dtype, max_groups: abilities.max_groups, pipelines: HashMap::new() })
    }

    fn pipeline(&mut self, work: &Work) -> Result<Arc<Pipeline>> {
        if let Some(p) = self.pipelines.get(work.layout.key()) {
            return Ok(Arc::clone(p));
        }
        let source = self.element.code(work.layout) + store(self.dtype) + shader!("collect.wgsl");
        let pipeline = work.context.pipeline("collect", &source)?;
        self.pipelines.insert(work.layout.key().to_vec(), Arc::clone(&pipeline));
        Ok(pipeline)
    }
}

/// The output of a dtype, and `store`, which writes the elements `i .. i + 4` at once.
fn store(dtype: DType) -> &'static str {
    match dtype.size() {
        1 => {
            "@group(0) @binding(4) var<storage, read_write> out: array<u32>;
fn store(i: u32, a: u32, b: u32, c: u32, d: u32) {
    out[i >> 2u] = (a & 0xffu) | ((b & 0xffu) << 8u) | ((c & 0xffu) << 16u) | (d << 24u);
}\n"
        }
        2 => {
            "@group(0) @binding(4) var<storage, read_write> out: array<vec2<u32>>;
fn store(i: u32, a: u32, b: u32, c: u32, d: u32) {
    out[i >> 2u] = vec2<u32>((a & 0xffffu) | (b << 16u), (c & 0xffffu) | (d << 16u));
}\n"
        }
        4 => {
            "@group(0) @binding(4) var<storage, read_write> out: array<vec4<u32>>;
fn store(i: u32, a: u32, b: u32, c: u32, d: u32) { out[i >> 2u] = vec4<u32>(a, b, c, d); }\n"
        }
        _ => {
            "@group(0) @binding(4) var<storage, read_write> out: array<vec4<u32>>;
fn store(i: u32, a: u64, b: u64, c: u64, d: u64) {
    out[i >> 1u] = vec4<u32>(low64(a), high64(a), low64(b), high64(b));
    out[(i >> 1u) + 1u] = vec4<u32>(low64(c), high64(c), low64(d), high64(d));
}\n"
        }
    }
}

impl Family for Collect {
    fn launch(&mut self, work: &Work) -> Result<Launch> {
        let pipeline = self.pipeline(work)?;
        let groups = work.layout.len.div_ceil(ELEMENTS).clamp(1, self.max_groups);
        let step =
            Step { pipeline, params: self.element.params(work.layout), groups: [groups, 1, 1], table: None };
        let size = self.dtype.size();
        let (first, len) = (work.first_output as usize * size, work.layout.len as usize * size);
        let whole = work.whole_len as usize * size;
        let absorb = move |bytes: &[u8], state: &mut dyn State| {
            let elements = state_as::<Collected>(state)?.elements_mut();
            if elements.len() != whole {
                *elements = Buffer::zeroed(whole);
            }
            elements[first..first + len].copy_from_slice(&bytes[..len]);
            Ok(())
        };
        // Four elements are written at a time.
        let output_bytes = (work.layout.len as u64).next_multiple_of(4) * size as u64;
        Ok(Launch { steps: vec![step], output_bytes, absorb: Box::new(absorb) })
    }

    fn output_bytes(&self, block: &[u64]) -> u64 {
        block.iter().product::<u64>().next_multiple_of(4).saturating_mul(self.dtype.size() as u64)
    }
}
