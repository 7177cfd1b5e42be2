//! What feeds ask of a worker: elements of their children, buffers, pieces where they lie.

use super::Reader;
use super::sources::direct;
use crate::backend::Within;
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::{Fetch, Lying, Tile};
use crate::grid::{Dims, Region, Slab};
use crate::ops::elementwise;
use crate::ops::fold::{Collected, State, state_as};
use crate::ops::kernel::{Block, Operand};
use crate::plan::{Fed, SubKernel};
use crate::view::{Placement, is_contiguous};

/// A worker, at the service of one feed.
pub(super) struct Making<'r, 'a> {
    pub(super) reader: &'r mut Reader<'a>,
    of: &'r [SubKernel],
}

impl Fetch for Making<'_, '_> {
    fn child(&mut self, child: usize, slab: &Slab, dtype: DType, to: &mut [u8]) -> Result<()> {
        let (kernel, reader) = (&self.of[child], &mut *self.reader);
        let own = kernel.dtype()?;
        if own == dtype {
            return reader.eval(kernel, slab, dtype, to);
        }
        let mut narrow = reader.take(slab.len() as usize * own.size());
        reader.eval(kernel, slab, own, &mut narrow)?;
        reader.events |= elementwise::cast(own, dtype, reader.cx.simd).run(&[&narrow], to);
        reader.give(narrow);
        Ok(())
    }

    fn within(&self, child: usize, slab: &Slab, dtype: DType) -> Result<Option<Within<'_>>> {
        let kernel = &self.of[child];
        let Some(input) = kernel.program.as_identity().map(|i| &kernel.inputs[i]) else { return Ok(None) };
        let Some((bytes, shape)) = self.reader.in_memory(&input.from)? else { return Ok(None) };
        let Some(lead) = slab.count.len().checked_sub(2) else { return Ok(None) };
        if slab.count[..lead].iter().any(|&n| n != 1) {
            return Ok(None);
        }
        let placement = direct(&input.view, slab, &shape);
        let strides = placement.strides[lead..].iter().map(|&s| usize::try_from(s).ok());
        let (Some(strides), Ok(first)) =
            (strides.collect::<Option<Vec<usize>>>(), usize::try_from(placement.offset))
        else {
            return Ok(None);
        };
        let bytes = first.checked_mul(dtype.size()).and_then(|at| bytes.get(at..));
        Ok(bytes.zip(strides.try_into().ok()).map(|(bytes, strides)| Within { bytes, strides }))
    }

    fn lying(&self, child: usize, dtype: DType) -> Result<Option<Lying<'_>>> {
        let kernel = &self.of[child];
        let Some(input) = kernel.program.as_identity().map(|i| &kernel.inputs[i]) else { return Ok(None) };
        if kernel.dtype()? != dtype {
            return Ok(None);
        }
        let Some((bytes, shape)) = self.reader.in_memory(&input.from)? else { return Ok(None) };
        let Placement { offset, strides } =
            direct(&input.view, &Slab::dense(&Region::whole(&kernel.shape)), &shape);
        Ok(Some(Lying { bytes, offset, strides: strides.iter().copied().collect() }))
    }

    fn take(&mut self, len: usize) -> Buffer {
        self.reader.take(len)
    }

    fn give(&mut self, buffer: Buffer) {
        self.reader.give(buffer);
    }

    fn multiply(&mut self, dtype: DType, most: [usize; 3], tile: &mut Tile) -> Result<()> {
        self.product_tile(dtype, most, tile)
    }
}

impl Reader<'_> {
    /// Fills `out` with the elements of a slab of what a feed makes.
    pub(super) fn make(&mut self, fed: &Fed, slab: &Slab, out: &mut [u8]) -> Result<()> {
        fed.feed.fetch(&fed.of, &mut Making { reader: self, of: &fed.of }, slab, out)
    }

    /// Computes a kernel over a slab of its domain.
    fn eval(&mut self, kernel: &SubKernel, slab: &Slab, dtype: DType, out: &mut [u8]) -> Result<()> {
        if slab.is_empty() {
            return Ok(());
        }
        if let Some(i) = kernel.program.as_identity() {
            let input = &kernel.inputs[i];
            let (inner, placement) = input.view.slab(slab);
            // Read in place where the order is the same and nothing repeats.
            if placement.offset == 0
                && inner.len() == slab.len()
                && is_contiguous(&slab.count, &placement.strides)
            {
                return self.read(&input.from, &inner, dtype, out);
            }
        }
        let mut staged = Vec::with_capacity(kernel.inputs.len());
        for (input, &d) in kernel.inputs.iter().zip(&kernel.program.inputs) {
            staged.push(self.stage(input, slab, d)?);
        }
        let mut kept = self.runners.take(kernel, self.cx.cpu, &slab.count)?;
        self.count();
        let operands: Vec<Operand> = staged.iter().map(|s| s.operand(&staged)).collect();
        let region = Region { start: Dims::from_elem(0, slab.count.len()), shape: slab.count.clone() };
        let mut collected = Box::new(Collected::new(dtype));
        *collected.elements_mut() = self.take(out.len());
        let mut states: [Box<dyn State>; 1] = [collected];
        let block = Block { region: &region, domain: &slab.count };
        let events = kept.runner.run(&block, &operands, &mut states)?;
        events.check()?;
        self.events |= events;
        self.runners.give(kernel, kept);
        let buffer = std::mem::take(state_as::<Collected>(&mut *states[0])?.elements_mut());
        out.copy_from_slice(&buffer);
        self.give(buffer);
        self.recycle(staged);
        Ok(())
    }
}

impl Making<'_, '_> {
    /// Has a tile computed. A device that failed is not asked again for this dtype.
    fn product_tile(&mut self, dtype: DType, most: [usize; 3], tile: &mut Tile) -> Result<()> {
        if let Some(device) = self.reader.cx.products {
            let why = match self.reader.products.take(device, dtype, most) {
                Err(why) => why,
                Ok(mut product) => match tile(self, product.as_mut())? {
                    Ok(()) => {
                        let products = &mut self.reader.products;
                        products.kept.push((dtype, product));
                        products.tiles.gpu += 1;
                        return Ok(());
                    }
                    Err(e) if e.kind() == ErrorKind::Device => e.to_string(),
                    Err(e) => return Err(e),
                },
            };
            if self.reader.cx.must_multiply {
                return Err(Error::new(ErrorKind::Device, why));
            }
            self.reader.products.fall_back(dtype, why);
        }
        let own = self.reader.cx.cpu.product(dtype, most);
        let mut own = own.map_err(|why| Error::new(ErrorKind::Internal, why))?;
        tile(self, own.as_mut())??;
        self.reader.products.tiles.cpu += 1;
        Ok(())
    }
}
