//! Values in a temporary store: what a run makes and does not hold, and reads again later.
//!
//! A store is one file of a folder. It has no name once it is open (on Windows it goes when it is closed), so that
//! nothing is left behind, however the process ends. It is cut into boxes, the blocks in which it is made; each has a place of its own, of the
//! size of the largest, and lies there in C order. Nothing is encoded: any region is read as it is, by positioned
//! reads, and any thread writes a region of its own.
//!
//! Limits: what is written is the system's to bring to the disk, and is lost with the process.

use super::advice::will_need;
use super::assemble::{Loop, chunks_of_slab, plan};
use super::memory::Number;
use super::position::{read_exact_at, write_all_at};
use super::strided::Strided;
use super::{Own, ReadCx, ReadStats, ScratchNeeds, Source, SourceSpec, check_slab};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{AxisGrid, Chunks, Cuts, Dims, Grid, Region, Slab, ravel, unravel};
use crate::size::human_bytes;
use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// The most bytes that are read to be picked from: stores are read where memory is scarce.
const PIECE: usize = 64 << 10;
/// A gap shorter than this is cheaper to read than to jump over: most of a store is in the system's cache.
const GAP: usize = 2 << 10;
/// Boxes that the system is told of at a time.
const ADVISED: u64 = 128;

/// An array in a temporary store, as a [`Source`]. Its number is unique in this process.
pub struct SpillSource {
    id: Number,
    name: String,
    shape: Dims,
    dtype: DType,
    /// The boxes; those at the end of an axis are clipped.
    boxes: Chunks,
    counts: Dims,
    folder: PathBuf,
    file: OnceLock<File>,
    written: AtomicU64,
}

impl SpillSource {
    /// An array of this shape that will be made in blocks of `grid`, in a store in `folder`. Nothing is created yet.
    pub fn new(name: String, dtype: DType, shape: &[u64], grid: &Grid, folder: &Path) -> Arc<SpillSource> {
        let boxes = boxes(grid);
        let counts = shape.iter().enumerate().map(|(d, &n)| boxes.count(d, n)).collect();
        Number::given(|id| SpillSource {
            id,
            name,
            shape: shape.into(),
            dtype,
            boxes,
            counts,
            folder: folder.into(),
            file: OnceLock::new(),
            written: AtomicU64::new(0),
        })
    }

    /// Where the store lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The bytes of its elements.
    pub fn len_bytes(&self) -> u64 {
        self.shape.iter().fold(self.dtype.size() as u64, |n, &d| n.saturating_mul(d))
    }

    /// Creates the store.
    ///
    /// # Errors
    /// `Io` if the folder does not take a file.
    pub fn create(&self) -> Result<()> {
        if self.file.get().is_none() {
            let file = tempfile::tempfile_in(&self.folder)
                .map_err(|e| self.failed(e, "cannot make a temporary file"))?;
            // Another thread may have been first.
            let _ = self.file.set(file);
        }
        Ok(())
    }

    /// Gives the disk's space back. Nothing may be read any more.
    pub fn free(&self) {
        if let Some(file) = self.file.get() {
            // If the system does not take it back now, it does when the file is closed.
            let _ = file.set_len(0);
        }
    }

    /// Writes a region, which nobody else writes: C order, native byte order.
    ///
    /// # Errors
    /// `Io`, with what to do if the disk is full; `Internal` if the elements do not fill the region.
    pub fn write(&self, region: &Region, elements: &[u8], stats: &ReadStats) -> Result<()> {
        let size = self.dtype.size();
        let inside = region.start.len() == self.shape.len()
            && (0..self.shape.len()).all(|d| {
                region.start[d].checked_add(region.shape[d]).is_some_and(|end| end <= self.shape[d])
            });
        if !inside || elements.len() as u64 != region.len().saturating_mul(size as u64) {
            return Err(Error::new(
                ErrorKind::Internal,
                "elements do not fill their place in a temporary store",
            ));
        }
        let file = self.file()?;
        self.each_box(&Slab::dense(region), |address, space| {
            let Some((from, to, loops)) = plan(region, &Slab::dense(&space)) else { return Ok(()) };
            let mut put = |from: usize, to: u64, n: usize| {
                let bytes = &elements[from * size..(from + n) * size];
                write_all_at(file, bytes, address + to * size as u64)
                    .map_err(|e| self.failed(e, "cannot write to the temporary store"))
            };
            put_loops(from, to as u64, &loops, &mut put)
        })?;
        self.written.fetch_add(elements.len() as u64, Relaxed);
        ReadStats::add(&stats.bytes_spilled, elements.len() as u64);
        Ok(())
    }

    fn file(&self) -> Result<&File> {
        self.file.get().ok_or_else(|| Error::new(ErrorKind::Internal, "a temporary store was never made"))
    }

    /// Calls for each box that a slab touches, with where it lies in the file and the part of the array that it is.
    fn each_box(&self, slab: &Slab, mut with: impl FnMut(u64, Region) -> Result<()>) -> Result<()> {
        if slab.is_empty() {
            return Ok(());
        }
        let place = self.boxes.elements() * self.dtype.size() as u64;
        let ranges = chunks_of_slab(slab, &self.boxes);
        let counts: Dims = ranges.iter().map(|r| r.1 - r.0).collect();
        for k in 0..counts.iter().product() {
            let at: Dims = unravel(k, &counts).iter().zip(&ranges).map(|(k, r)| k + r.0).collect();
            let space = self.boxes.region(&at).intersect(&Region::whole(&self.shape));
            with(ravel(&at, &self.counts) * place, space)?;
        }
        Ok(())
    }

    fn failed(&self, e: std::io::Error, what: &str) -> Error {
        let full = matches!(
            e.kind(),
            std::io::ErrorKind::StorageFull
                | std::io::ErrorKind::QuotaExceeded
                | std::io::ErrorKind::FileTooLarge
        );
        let written = self.written.load(Relaxed);
        let e =
            Error::new(ErrorKind::Io, if full { "the disk of the temporary store is full" } else { what })
                .caused_by(e)
                .at("folder", self.folder.display())
                .at(
                    "written",
                    format!("{written} bytes of {} ({})", self.len_bytes(), human_bytes(self.len_bytes())),
                );
        match full {
            true => e.hint(
                "make room there, name another folder (--spill, CHUNKWISE_SPILL), or raise the memory budget \
                 (--memory) so that less is spilled",
            ),
            false => e,
        }
    }
}

/// The boxes of blocks, as chunks from the origin: where the blocks of more than one axis are uneven, boxes of
/// their largest shape.
fn boxes(grid: &Grid) -> Chunks {
    let largest: Dims = grid.axes.iter().map(|a| a.longest().max(1)).collect();
    let uneven = |axis: &AxisGrid| match *axis {
        AxisGrid::Regular { phase: 0, step: 1, .. } => None,
        AxisGrid::Regular { len, block, phase, step } if block % step == 0 => {
            let first = if phase == 0 { 0 } else { (block - phase).div_ceil(step).min(len) };
            Some([(first, first), (len - first, block / step)].into_iter().collect::<Cuts>())
        }
        AxisGrid::Regular { .. } => None,
        AxisGrid::Uneven(ref cuts) => Some(cuts.clone()),
    };
    let found =
        grid.axes.iter().enumerate().find_map(|(d, a)| Some((d, uneven(a).filter(|c| !c.is_empty())?)));
    match found {
        Some((axis, cuts)) => Chunks::uneven(&largest, axis, cuts),
        None => Chunks::from(largest),
    }
}

/// Puts runs of elements over joined loops.
fn put_loops(
    from: usize,
    to: u64,
    loops: &[Loop],
    put: &mut dyn FnMut(usize, u64, usize) -> Result<()>,
) -> Result<()> {
    match *loops {
        [Loop { count, from: 1, to: 1 }] => put(from, to, count),
        [Loop { count, from: s, to: d }, ref rest @ ..] => {
            (0..count).try_for_each(|i| put_loops(from + i * s, to + (i * d) as u64, rest, put))
        }
        [] => put(from, to, 1),
    }
}

impl fmt::Debug for SpillSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpillSource({}, {:?}, {}, {})", self.id.0, self.shape, self.dtype, self.folder.display())
    }
}

impl Source for SpillSource {
    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn chunks(&self) -> Option<&Chunks> {
        None
    }

    fn lies_in(&self, _: Own) -> Option<&Chunks> {
        Some(&self.boxes)
    }

    fn spec(&self, _: Own) -> Option<SourceSpec> {
        Some(SourceSpec::Memory { id: self.id.0 })
    }

    fn describe(&self) -> String {
        self.name.clone()
    }

    fn scratch_bytes(&self) -> u64 {
        self.scratch_needs().total()
    }

    fn scratch_needs(&self) -> ScratchNeeds {
        ScratchNeeds { stage: (PIECE as u64).min(self.len_bytes()), ..ScratchNeeds::default() }
    }

    fn wants_advice(&self) -> bool {
        true
    }

    fn advise(&self, slab: &Slab, cx: &mut ReadCx) {
        let (Some(file), true) = (self.file.get(), cx.stats.is_slow()) else { return };
        let (size, mut told) = (self.dtype.size() as u64, 0);
        // It is advice: what cannot be told is left out.
        let _ = self.each_box(slab, |address, space| {
            told += 1;
            if told <= ADVISED {
                will_need(file, address, space.len() * size);
            }
            Ok(())
        });
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        check_slab(&self.shape, self.dtype, slab, out)?;
        let file = self.file()?;
        let read = |at: u64, out: &mut [u8], stats: &ReadStats| {
            stats.read(out, |out| {
                read_exact_at(file, out, at)
                    .map_err(|e| self.failed(e, "cannot read from the temporary store"))
            })
        };
        let size = self.dtype.size();
        self.each_box(slab, |address, space| {
            // An axis with a long step can jump over a box.
            let Some((from, to, loops)) = plan(&space, slab) else { return Ok(()) };
            let (out, cx) = (&mut *out, &mut *cx);
            Strided { read: &read, address, size, loops: &loops, out, piece: PIECE, gap: GAP, cx }
                .bring(from as u64, to)
        })?;
        ReadStats::add(&cx.stats.bytes_decoded, out.len() as u64);
        ReadStats::add(&cx.stats.bytes_read_back, out.len() as u64);
        Ok(())
    }

    fn in_parts(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
