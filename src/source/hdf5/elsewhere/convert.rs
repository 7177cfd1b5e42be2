//! Elements of another dtype, made those of the virtual dataset as libhdf5 makes them.
//!
//! What an integer cannot hold becomes the nearest that it can; fractions are cut off; floats are rounded to the
//! nearest. Bools are made of bools only.

use crate::dtype::{DType, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Slab};
use crate::source::assemble::{PIECE, read_by_chunks};
use crate::source::{ReadCx, ScratchNeeds, Source, check_slab};
use std::sync::Arc;

/// A source whose elements are made another dtype's.
#[derive(Debug)]
pub(super) struct Converted {
    source: Arc<dyn Source>,
    dtype: DType,
}

impl Converted {
    /// # Errors
    /// `Type` where one of the two is bool and the other is not.
    pub fn new(source: Arc<dyn Source>, dtype: DType) -> Result<Converted> {
        if [source.dtype().kind(), dtype.kind()].contains(&Kind::Bool) {
            let message = format!("a source of {} for a virtual dataset of {dtype}", source.dtype());
            return Err(Error::new(ErrorKind::Type, message));
        }
        Ok(Converted { source, dtype })
    }

    /// Fills `out` with what `read` gives, converted.
    fn through(
        &self,
        out: &mut [u8],
        cx: &mut ReadCx,
        read: impl FnOnce(&mut [u8], &mut ReadCx) -> Result<()>,
    ) -> Result<()> {
        let (from, to) = (self.source.dtype(), self.dtype);
        let mut held = std::mem::take(&mut cx.scratch.chunk);
        held.resize_for_overwrite(out.len() / to.size() * from.size());
        let done = read(&mut held, cx);
        if done.is_ok() {
            let elements = held.chunks_exact(from.size()).zip(out.chunks_exact_mut(to.size()));
            elements.for_each(|(a, b)| convert(from, a, to, b));
        }
        cx.scratch.chunk = held;
        done
    }
}

impl Source for Converted {
    fn shape(&self) -> &[u64] {
        self.source.shape()
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn chunks(&self) -> Option<&Chunks> {
        self.source.chunks()
    }

    fn describe(&self) -> String {
        self.source.describe()
    }

    fn scratch_bytes(&self) -> u64 {
        self.scratch_needs().total()
    }

    fn scratch_needs(&self) -> ScratchNeeds {
        let needs = self.source.scratch_needs();
        let wide = (self.dtype.size() + self.source.dtype().size()) as u64;
        let chunk = self.chunks().map_or(0, |c| c.elements().saturating_mul(wide)).max(2 * PIECE);
        ScratchNeeds { chunk: needs.chunk.saturating_add(chunk), ..needs }
    }

    fn worth_keeping(&self) -> bool {
        self.source.worth_keeping()
    }

    fn wants_advice(&self) -> bool {
        self.source.wants_advice()
    }

    fn advise(&self, slab: &Slab, cx: &mut ReadCx) {
        self.source.advise(slab, cx);
    }

    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        self.through(out, cx, |held, cx| self.source.read_chunk(chunk, held, cx))
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        check_slab(self.shape(), self.dtype, slab, out)?;
        if slab.is_empty() {
            return Ok(());
        }
        if self.chunks().is_some() {
            return read_by_chunks(self, slab, out, cx);
        }
        let widest = self.dtype.size().max(self.source.dtype().size()) as u64;
        if slab.len() * widest <= PIECE {
            return self.through(out, cx, |held, cx| self.source.read_region(slab, held, cx));
        }
        // In halves along the outermost axis that has several elements.
        let d = slab.count.iter().position(|&n| n > 1).unwrap_or(0);
        let half = slab.count[d] / 2;
        let (mut one, mut other) = (slab.clone(), slab.clone());
        one.count[d] = half;
        other.count[d] -= half;
        other.start[d] += half * slab.step[d];
        let (first, second) = out.split_at_mut(one.len() as usize * self.dtype.size());
        self.read_region(&one, first, cx)?;
        self.read_region(&other, second, cx)
    }
}

/// A number on its way from one dtype to another.
#[derive(Clone, Copy)]
enum Number {
    Int(i128),
    Float(f64),
}

fn convert(from: DType, bytes: &[u8], to: DType, out: &mut [u8]) {
    let number = match crate::dtype::Scalar::from_bytes(from, bytes) {
        Some(s) => {
            s.to_i128().filter(|_| from.kind() != Kind::Float).map_or(Number::Float(s.to_f64()), Number::Int)
        }
        None => Number::Int(0),
    };
    macro_rules! put {
        ($int:ty) => {{
            let value = match number {
                Number::Int(n) => n.clamp(<$int>::MIN.into(), <$int>::MAX.into()) as $int,
                // It saturates.
                Number::Float(x) => x as $int,
            };
            out.copy_from_slice(&value.to_ne_bytes())
        }};
    }
    let wide = match number {
        Number::Int(n) => n as f64,
        Number::Float(x) => x,
    };
    match to {
        DType::Bool | DType::U8 => put!(u8),
        DType::I8 => put!(i8),
        DType::I16 => put!(i16),
        DType::U16 => put!(u16),
        DType::I32 => put!(i32),
        DType::U32 => put!(u32),
        DType::I64 => put!(i64),
        DType::U64 => put!(u64),
        // Integers that are not exact in 64 bits are beyond what 16 can hold.
        DType::F16 => out.copy_from_slice(&half::f16::from_f64(wide).to_ne_bytes()),
        DType::F32 => {
            let x = match number {
                Number::Int(n) => n as f32,
                Number::Float(x) => x as f32,
            };
            out.copy_from_slice(&x.to_ne_bytes());
        }
        DType::F64 => out.copy_from_slice(&wide.to_ne_bytes()),
    }
}
