//! Blocks of results on their way into files.

use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::{Handed, Taker};
use crate::grid::{Dims, Grid, Region, Slab, unravel};
use crate::plan::{Plan, ValueId};
use crate::sink::Writer;
use crate::sink::hdf5::{DatasetSpec, Part, WriteScratch};
use crate::source::copy_slab;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// A result that is written.
pub(super) struct Place {
    value: ValueId,
    /// The file and the dataset in it, by their positions.
    at: (usize, usize),
    /// The shape of its chunks, where they are written as such.
    chunk: Option<Dims>,
    /// Where it begins in the dataset; of a new one at its beginning.
    start: Option<Dims>,
}

impl Place {
    /// A value that becomes a dataset of a file, or a part of one.
    pub fn new(value: ValueId, at: (usize, usize), spec: &DatasetSpec, part: Option<&Part>) -> Place {
        let chunk: Option<Dims> = spec.chunks.as_deref().map(Dims::from);
        let start: Option<Dims> = part.map(|p| Dims::from(&p.start[..]));
        let chunk = chunk.filter(|chunk| part.is_none_or(|part| part.in_chunks(chunk)));
        Place { value, at, chunk, start }
    }

    /// Where a region of the value lies in the dataset.
    fn within(&self, mut region: Region) -> Region {
        if let Some(start) = &self.start {
            region.start.iter_mut().zip(start).for_each(|(r, s)| *r += s);
        }
        region
    }
}

/// Bytes that a worker takes to write a block of a value: the buffers that compress a chunk, and one chunk
/// of the block where that has several.
pub(super) fn handing(plan: &Plan, value: ValueId, spec: &DatasetSpec, part: Option<&Part>) -> u64 {
    let Some(chunks) = &spec.chunks else { return 0 };
    let bytes = chunks.iter().fold(spec.dtype.size() as u64, |n, &c| n.saturating_mul(c));
    let whole = plan.grid_of(value).is_none_or(|grid| grid.largest().as_slice() == chunks.as_slice());
    let piece = if whole { 0 } else { Buffer::capacity_for(usize::try_from(bytes).unwrap_or(usize::MAX)) };
    // What libhdf5 takes to change a chunk that is not written as a whole.
    let changed = if part.is_some() { bytes.saturating_mul(3) } else { 0 };
    WriteScratch::bytes_for(bytes, &spec.used_filters()).saturating_add(piece as u64).saturating_add(changed)
}

/// Files under way, and what is written where.
pub(super) struct Writing<'a> {
    pub writers: Vec<Writer>,
    places: HashMap<ValueId, Vec<&'a Place>>,
    /// What workers that are not writing have for it.
    spare: Mutex<Vec<(WriteScratch, Buffer)>>,
}

impl<'a> Writing<'a> {
    pub fn new(writers: Vec<Writer>, places: &'a [Place]) -> Self {
        let mut of: HashMap<ValueId, Vec<&Place>> = HashMap::new();
        places.iter().for_each(|p| of.entry(p.value).or_default().push(p));
        Writing { writers, places: of, spare: Mutex::default() }
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<(WriteScratch, Buffer)>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the chunks of a block.
    fn write(
        &self,
        place: &Place,
        region: &Region,
        elements: &[u8],
        (scratch, piece): &mut (WriteScratch, Buffer),
    ) -> Result<()> {
        let (writer, dataset) = (&self.writers[place.at.0], place.at.1);
        let target = place.within(region.clone());
        let Some(chunk) = &place.chunk else { return writer.write_region(dataset, &target, elements) };
        let spec = writer.spec(dataset);
        let cut = target.start.iter().zip(chunk).any(|(&start, &c)| start % c != 0);
        if cut {
            return Err(Error::new(ErrorKind::Internal, "a block begins within a chunk of its target"));
        }
        let first: Dims = target.start.iter().zip(chunk).map(|(&start, &c)| start / c).collect();
        let inside = Grid::regular(&region.shape, chunk);
        let counts = inside.counts();
        for i in 0..inside.blocks() {
            let at = unravel(i, &counts);
            let coords: Dims = first.iter().zip(&at).map(|(f, k)| f + k).collect();
            let mut part = inside.region(&at);
            part.start.iter_mut().zip(&region.start).for_each(|(p, start)| *p += start);
            let own: &[u8] = if inside.blocks() == 1 {
                elements
            } else {
                let size = spec.dtype.size();
                piece.resize_for_overwrite(part.len() as usize * size);
                copy_slab(elements, region, &Slab::dense(&part), piece, size);
                piece
            };
            // Of a chunk that the file has, what is around the part stays.
            let target = place.within(part);
            let whole = (0..chunk.len()).all(|d| {
                target.start[d] + target.shape[d] == ((coords[d] + 1) * chunk[d]).min(spec.shape[d])
            });
            match whole {
                true => writer.write_chunk(dataset, &coords, own, scratch)?,
                false => writer.write_region(dataset, &target, own)?,
            }
        }
        Ok(())
    }
}

impl Taker for Writing<'_> {
    fn take(&self, block: Handed) -> Result<()> {
        let mut buffers = self.spare().pop().unwrap_or_default();
        let places = self.places.get(&block.value).into_iter().flatten();
        let written = places.map(|p| self.write(p, block.region, block.elements, &mut buffers));
        let written = written.collect::<Result<()>>();
        self.spare().push(buffers);
        written
    }

    fn rest(&self) {
        self.spare().clear();
    }
}
