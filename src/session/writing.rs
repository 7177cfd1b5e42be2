//! Blocks of results on their way into files.

use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::{Handed, Taker};
use crate::grid::{Dims, Region, Slab, unravel};
use crate::h5::FilterInfo;
use crate::plan::{Plan, ValueId};
use crate::sink::Writer;
use crate::sink::hdf5::{DatasetSpec, Filter, Part, WriteScratch};
use crate::source::copy_slab;
use crate::source::hdf5::filters::{self, Work, own_pipeline};
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
        let chunk = spec.chunks.as_deref().map(Dims::from);
        let start = part.map(|p| Dims::from(&p.start[..]));
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
    let Some(chunks) = &spec.chunks else {
        // A block of the other byte order is copied.
        let block = plan.grid_of(value).map_or(0, |grid| grid.largest().iter().product::<u64>());
        return if part.is_some_and(|p| p.swap) { block.saturating_mul(spec.dtype.size() as u64) } else { 0 };
    };
    let bytes = chunks.iter().fold(spec.dtype.size() as u64, |n, &c| n.saturating_mul(c));
    let whole = plan.grid_of(value).is_none_or(|grid| grid.largest().as_slice() == chunks.as_slice());
    let piece = if whole { 0 } else { Buffer::capacity_for(usize::try_from(bytes).unwrap_or(usize::MAX)) };
    // A chunk that is not written as a whole is read and decoded; one of the other byte order is copied.
    let changed = part.map_or(0, |_| {
        let own = own_pipeline(&infos(&spec.used_filters(), spec.dtype.size())).unwrap_or_default();
        let decoding = filters::between_bytes(&own, bytes).saturating_add(filters::codec_bytes(&own, bytes));
        filters::most_stored(&own, bytes).saturating_add(decoding).saturating_add(2 * bytes)
    });
    WriteScratch::bytes_for(bytes, &spec.used_filters()).saturating_add(piece as u64).saturating_add(changed)
}

/// What a worker writes with.
#[derive(Default)]
struct Buffers {
    scratch: WriteScratch,
    piece: Buffer,
    work: Work,
}

/// Files under way, and what is written where.
pub(super) struct Writing<'a> {
    pub writers: Vec<Writer>,
    places: HashMap<ValueId, Vec<&'a Place>>,
    /// What workers that are not writing have for it.
    spare: Mutex<Vec<Buffers>>,
}

impl<'a> Writing<'a> {
    pub fn new(writers: Vec<Writer>, places: &'a [Place]) -> Self {
        let mut of: HashMap<ValueId, Vec<&Place>> = HashMap::new();
        places.iter().for_each(|p| of.entry(p.value).or_default().push(p));
        Writing { writers, places: of, spare: Mutex::default() }
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<Buffers>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the chunks of a block.
    fn write(
        &self,
        place: &Place,
        region: &Region,
        elements: &[u8],
        Buffers { scratch, piece, work }: &mut Buffers,
    ) -> Result<()> {
        let (writer, dataset) = (&self.writers[place.at.0], place.at.1);
        let target = place.within(region.clone());
        let Some(chunk) = &place.chunk else { return writer.write_region(dataset, &target, elements) };
        let (spec, rank) = (writer.spec(dataset), chunk.len());
        if target.is_empty() {
            return Ok(());
        }
        // The chunks that it lies in.
        let first: Dims = (0..rank).map(|d| target.start[d] / chunk[d]).collect();
        let counts: Dims =
            (0..rank).map(|d| (target.start[d] + target.shape[d]).div_ceil(chunk[d]) - first[d]).collect();
        let chunks: u64 = counts.iter().product();
        for i in 0..chunks {
            let coords: Dims = first.iter().zip(unravel(i, &counts)).map(|(f, k)| f + k).collect();
            let start: Dims = (0..rank).map(|d| target.start[d].max(coords[d] * chunk[d])).collect();
            let end = |d: usize| (target.start[d] + target.shape[d]).min((coords[d] + 1) * chunk[d]);
            let part = Region { shape: (0..rank).map(|d| end(d) - start[d]).collect(), start };
            let own: &[u8] = if chunks == 1 {
                elements
            } else {
                let size = spec.dtype.size();
                piece.resize_for_overwrite(part.len() as usize * size);
                copy_slab(elements, &target, &Slab::dense(&part), piece, size);
                piece
            };
            let whole = (0..rank).all(|d| {
                part.start[d] == coords[d] * chunk[d]
                    && end(d) == ((coords[d] + 1) * chunk[d]).min(spec.shape[d])
            });
            match (whole, &place.start) {
                (true, _) => writer.write_chunk(dataset, &coords, own, scratch)?,
                // Of a chunk that the file has, what is around the part stays.
                (false, Some(_)) => {
                    let filters = infos(&spec.used_filters(), spec.dtype.size());
                    let pipeline = own_pipeline(&filters).unwrap_or_default();
                    let decode = &mut |mask: u32, swap: bool, stored: &[u8], chunk: &mut [u8]| {
                        filters::decode(&pipeline, mask, spec.dtype.size(), swap, stored, work, chunk)
                    };
                    writer.change_chunk(dataset, &coords, (&part, own), scratch, decode)?;
                }
                (false, None) => {
                    return Err(Error::new(
                        ErrorKind::Internal,
                        "a block begins or ends within a chunk of its target",
                    ));
                }
            }
        }
        Ok(())
    }
}

/// What a file says of filters.
fn infos(filters: &[Filter], size: usize) -> Vec<FilterInfo> {
    let values = |f: &Filter| if *f == Filter::Shuffle { vec![size as u32] } else { f.values(size) };
    filters.iter().map(|f| FilterInfo { id: f.id(), name: String::new(), values: values(f) }).collect()
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
