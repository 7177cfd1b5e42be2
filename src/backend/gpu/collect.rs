//! Collected outputs: the elements themselves.

use super::abilities::Abilities;
use super::code::Element;
use super::device::Pipeline;
use super::family::{Family, Launch, Step, Work};
use super::layout::Access;
use super::library::shader;
use crate::DType;
use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::kernel::Partial;
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
    pipelines: HashMap<Vec<Access>, Arc<Pipeline>>,
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
        let store = match self.dtype.size() {
            1 => {
                "fn store(i: u32, a: u32, b: u32, c: u32, d: u32) {
    out[i >> 2u] = (a & 0xffu) | ((b & 0xffu) << 8u) | ((c & 0xffu) << 16u) | (d << 24u);
}\n"
            }
            2 => {
                "fn store(i: u32, a: u32, b: u32, c: u32, d: u32) {
    out[i >> 1u] = (a & 0xffffu) | (b << 16u);
    out[(i >> 1u) + 1u] = (c & 0xffffu) | (d << 16u);
}\n"
            }
            4 => {
                "fn store(i: u32, a: u32, b: u32, c: u32, d: u32) {
    out[i] = a; out[i + 1u] = b; out[i + 2u] = c; out[i + 3u] = d;
}\n"
            }
            _ => {
                "fn store(i: u32, a: u64, b: u64, c: u64, d: u64) {
    out[2u * i] = low64(a); out[2u * i + 1u] = high64(a);
    out[2u * i + 2u] = low64(b); out[2u * i + 3u] = high64(b);
    out[2u * i + 4u] = low64(c); out[2u * i + 5u] = high64(c);
    out[2u * i + 6u] = low64(d); out[2u * i + 7u] = high64(d);
}\n"
            }
        };
        let source = self.element.code(work.layout).text + store + shader!("collect.wgsl");
        let pipeline = work.context.pipeline("collect", &source)?;
        self.pipelines.insert(work.layout.key().to_vec(), Arc::clone(&pipeline));
        Ok(pipeline)
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
        let absorb = move |bytes: &[u8], partial: &mut Partial| match partial {
            Partial::Collect(buffer) => {
                if buffer.len() != whole {
                    *buffer = Buffer::zeroed(whole);
                }
                buffer[first..first + len].copy_from_slice(&bytes[..len]);
                Ok(())
            }
            _ => Err(Error::new(ErrorKind::Internal, "collected elements have no place to go")),
        };
        // Four elements are written at a time.
        let output_bytes = (work.layout.len as u64).next_multiple_of(4) * size as u64;
        Ok(Launch { steps: vec![step], output_bytes, absorb: Box::new(absorb) })
    }

    fn output_bytes(&self, block: &[u64]) -> u64 {
        block.iter().product::<u64>().next_multiple_of(4).saturating_mul(self.dtype.size() as u64)
    }
}
