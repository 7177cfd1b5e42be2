//! Many arrays as one: joined along an axis that they have, or side by side along a new one, with
//! the meaning of NumPy's `concatenate` and `stack`.
//!
//! A [`Many`] knows its parts (in practice datasets of one name in many files), where each begins,
//! and nothing that grows with their data. No file is open between two reads; what thousands of
//! files cost is their descriptions, a few hundred bytes each.
//!
//! Storage chunks stay storage chunks, so each is still decoded once per stage. Along the joining
//! axis every part begins with a chunk of its own, so the chunks there may be uneven. Where parts
//! are not stored alike:
//! - parts without chunks among parts with them are cut like those;
//! - where the chunks of parts differ along other axes, what is read at a time are boxes of whole
//!   chunks of all of them, if those are at most [`MAX_TOGETHER`] bytes. Otherwise regions are read as
//!   they are asked for, and a chunk of a part may be decoded for several of them: slower, same
//!   values. So it is for parts that are uneven themselves;
//! - where no part has chunks, the whole has none either, and exactly what is asked for is read.

use super::assemble::{PIECE, Place, read_into};
use super::foreign::spec_of;
use super::parallel::in_parallel;
use super::spec::{Join, SourceSpec};
use super::{Own, ReadCx, ScratchNeeds, Source, check_slab};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Cuts, Dims, MAX_RANK, Region, Slab, c_strides, checked_len, show_shape};
use crate::ops::kernel::Packing;
use num_integer::Integer;
use smallvec::SmallVec;
use std::fmt;
use std::sync::Arc;

/// Chunks of different shapes are read together up to this many bytes.
pub const MAX_TOGETHER: u64 = 16 << 20;

/// Arrays of one dtype as one array.
pub struct Many {
    parts: Vec<Arc<dyn Source>>,
    axis: usize,
    stacked: bool,
    /// One past the last index of each part along the axis.
    ends: Vec<u64>,
    shape: Dims,
    dtype: DType,
    chunks: Option<Chunks>,
    scratch: ScratchNeeds,
    spec: SourceSpec,
    name: String,
}

impl fmt::Debug for Many {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Many({}, {:?}, {})", self.name, self.shape, self.dtype)
    }
}

impl Many {
    /// Joins parts.
    ///
    /// # Errors
    /// `Value` if there are none; `Shape` or `Type` for a part that does not fit the first, with both
    /// named; `Index` for an axis that is not there.
    pub fn new(parts: Vec<Arc<dyn Source>>, join: Join) -> Result<Many> {
        let Some(first) = parts.first() else {
            return Err(Error::new(ErrorKind::Value, "there are no arrays to join"));
        };
        let (axis, stacked) = resolve(join, first.shape().len())?;
        let shape: Dims = first.shape().into();
        let mut ends = Vec::with_capacity(parts.len());
        let mut at = 0u64;
        for part in &parts {
            check_part(first.as_ref(), part.as_ref(), (!stacked).then_some(axis))?;
            at = at.saturating_add(if stacked { 1 } else { part.shape()[axis] });
            ends.push(at);
        }
        let mut joined = shape;
        if stacked {
            joined.insert(axis, at);
        } else {
            joined[axis] = at;
        }
        let dtype = first.dtype();
        let bytes = checked_len(&joined).and_then(|n| n.checked_mul(dtype.size() as u64));
        if bytes.is_none_or(|n| n > i64::MAX as u64) {
            let e = format!("the shape {} of all parts together is too large", show_shape(&joined));
            return Err(Error::new(ErrorKind::Shape, e));
        }
        let specs: Vec<SourceSpec> = parts.iter().map(spec_of).collect();
        let held = |part: &Arc<dyn Source>| {
            // What goes to several places is put together there.
            let piece = part.chunks().map_or(PIECE, |c| c.elements().saturating_mul(dtype.size() as u64));
            let needs = part.scratch_needs();
            ScratchNeeds { chunk: needs.chunk.saturating_add(piece), ..needs }
        };
        Ok(Many {
            chunks: chunks(&parts, axis, stacked, &joined, dtype),
            scratch: parts.iter().map(held).fold(ScratchNeeds::default(), |a, b| a.and(&b)),
            name: name(first.as_ref(), &specs),
            spec: SourceSpec::Many { parts: specs.into(), join },
            parts,
            axis,
            stacked,
            ends,
            shape: joined,
            dtype,
        })
    }

    /// Opens the parts of a [`SourceSpec::Many`] again.
    ///
    /// # Errors
    /// As `open` for the first part that cannot be opened; as [`Many::new`].
    pub(super) fn reopen(
        parts: &[SourceSpec],
        join: Join,
        open: &(dyn Fn(&SourceSpec) -> Result<Arc<dyn Source>> + Sync),
    ) -> Result<Many> {
        Many::new(in_parallel(parts.len(), &|i| open(&parts[i]))?, join)
    }

    /// The part that holds index `i` of the axis, and its first index.
    fn part(&self, i: u64) -> (&dyn Source, u64) {
        let p = self.ends.partition_point(|&e| e <= i).min(self.parts.len() - 1);
        (self.parts[p].as_ref(), p.checked_sub(1).map_or(0, |p| self.ends[p]))
    }

    /// Indices without the axis that stacking added.
    fn of_part<T: Copy>(&self, list: &mut SmallVec<[T; 4]>) {
        if self.stacked {
            list.remove(self.axis);
        }
    }

    /// Walks over the parts that a slab, which is inside and not empty, touches: `f` gets the part, the
    /// slab in it, and how many indices of the axis came before.
    fn each_part(&self, slab: &Slab, mut f: impl FnMut(&dyn Source, &Slab, u64) -> Result<()>) -> Result<()> {
        let (start, step) = (slab.start[self.axis], slab.step[self.axis]);
        let count = slab.count[self.axis];
        let mut done = 0;
        while done < count {
            let at = start + step * done;
            let (part, first) = self.part(at);
            let end = first + if self.stacked { 1 } else { part.shape()[self.axis] };
            let here = ((end - 1 - at) / step + 1).min(count - done);
            let mut slab = slab.clone();
            slab.start[self.axis] = at - first;
            slab.count[self.axis] = here;
            [&mut slab.start, &mut slab.count, &mut slab.step].into_iter().for_each(|l| self.of_part(l));
            f(part, &slab, done)?;
            done += here;
        }
        Ok(())
    }

    /// Brings the elements of a slab, which is inside and not empty, to their places.
    fn gather(&self, slab: &Slab, out: &mut [u8], place: &Place, cx: &mut ReadCx) -> Result<()> {
        self.each_part(slab, |part, slab, done| {
            let mut place = place.clone();
            place.offset += (done as i64 * place.strides[self.axis]) as usize;
            self.of_part(&mut place.strides);
            read_into(part, slab, out, &place, cx)
        })
    }

    /// The part and its chunk, if a chunk is exactly one of a part's.
    fn same(&self, region: &Region) -> Option<(&dyn Source, Dims)> {
        let (part, first) = self.part(region.start[self.axis]);
        let mut region = region.clone();
        region.start[self.axis] -= first;
        self.of_part(&mut region.start);
        self.of_part(&mut region.shape);
        let chunks = part.chunks()?;
        let coords = chunks.at(&region.start);
        (chunks.region(&coords) == region).then_some((part, coords))
    }

    /// The box of a chunk, if there is such a chunk and `out` is as long.
    fn chunk_box(&self, coords: &[u64], out: &[u8]) -> Result<Region> {
        let Some(chunks) = &self.chunks else {
            return Err(Error::new(ErrorKind::Unsupported, "these joined arrays have no common chunks")
                .at("source", &self.name));
        };
        let rank = self.shape.len();
        if coords.len() != rank || (0..rank).any(|d| coords[d] >= chunks.count(d, self.shape[d])) {
            let e = Error::new(ErrorKind::Index, format!("there is no chunk {coords:?}"));
            return Err(e.at("source", &self.name));
        }
        let region = chunks.region(coords);
        if out.len() as u64 != region.len() * self.dtype.size() as u64 {
            let message = format!("a buffer of {} bytes for a chunk", out.len());
            return Err(Error::new(ErrorKind::Internal, message).at("source", &self.name));
        }
        Ok(region)
    }
}

/// The axis as a position, and whether it is new.
fn resolve(join: Join, rank: usize) -> Result<(usize, bool)> {
    let (axis, stacked, rank) = match join {
        Join::Concatenate { axis } => (axis, false, rank),
        Join::Stack { axis } => (axis, true, rank + 1),
    };
    if rank == 0 {
        return Err(
            Error::new(ErrorKind::Shape, "arrays of rank 0 cannot be concatenated").hint("stack them")
        );
    }
    if rank > MAX_RANK {
        return Err(Error::new(ErrorKind::Shape, format!("an array has at most {MAX_RANK} axes")));
    }
    let position = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    match position.and_then(|p| usize::try_from(p).ok()).filter(|&p| p < rank) {
        Some(p) => Ok((p, stacked)),
        None => {
            Err(Error::new(ErrorKind::Index, format!("there is no axis {axis} in an array of rank {rank}")))
        }
    }
}

/// Checks that the shapes of parts fit that of the first one, whatever their dtypes are.
///
/// # Errors
/// As [`Many::new`], but for dtypes.
pub(crate) fn check_shapes(parts: &[Arc<dyn Source>], join: Join) -> Result<()> {
    let Some(first) = parts.first() else { return Ok(()) };
    let (axis, stacked) = resolve(join, first.shape().len())?;
    parts.iter().try_for_each(|part| check_shape(first.as_ref(), part.as_ref(), (!stacked).then_some(axis)))
}

/// Checks that the shape of a part fits that of the first one, but for its length along axis `but`.
fn check_shape(first: &dyn Source, part: &dyn Source, but: Option<usize>) -> Result<()> {
    let (a, b) = (first.shape(), part.shape());
    if a.len() == b.len() && (0..a.len()).all(|d| Some(d) == but || a[d] == b[d]) {
        return Ok(());
    }
    let only = but.map_or(String::new(), |d| format!("; they may differ along axis {d} only"));
    let of = first.describe();
    let message = format!("its shape is {} and that of {of} is {}{only}", show_shape(b), show_shape(a));
    Err(of_part(Error::new(ErrorKind::Shape, message), part))
}

/// Checks that a part fits the first one, but for its length along axis `but`.
fn check_part(first: &dyn Source, part: &dyn Source, but: Option<usize>) -> Result<()> {
    check_shape(first, part, but)?;
    if first.dtype() == part.dtype() {
        return Ok(());
    }
    let message =
        format!("its dtype is {} and that of {} is {}", part.dtype(), first.describe(), first.dtype());
    let e = Error::new(ErrorKind::Type, message)
        .hint("OpenOptions::new().promote() (--promote) takes the dtype that NumPy promotes both to");
    Err(of_part(e, part))
}

/// An error with the file and dataset of a part.
fn of_part(e: Error, part: &dyn Source) -> Error {
    match part.spec(Own).as_ref().and_then(SourceSpec::in_file) {
        Some((path, dataset)) => e.at("file", path.display()).at("dataset", dataset),
        _ => e.at("source", part.describe()),
    }
}

/// The chunks of the whole, if its parts have some that go together.
fn chunks(
    parts: &[Arc<dyn Source>],
    axis: usize,
    stacked: bool,
    shape: &[u64],
    dtype: DType,
) -> Option<Chunks> {
    let filled = || parts.iter().filter(|p| !p.shape().contains(&0));
    let mut each = filled().filter_map(|p| p.chunks());
    let mut chunk: Dims = each.clone().next()?.shape().into();
    let mut largest = 0;
    let mut alike = true;
    for c in each.by_ref() {
        if (0..c.shape().len()).any(|d| c.cuts(d).is_some()) {
            return None;
        }
        largest = largest.max(c.elements());
        for (d, n) in chunk.iter_mut().enumerate() {
            let other = c.shape()[d];
            if !stacked && d == axis {
                *n = (*n).max(other);
            } else if *n != other {
                alike = false;
                let all = shape[if stacked && d >= axis { d + 1 } else { d }];
                let both = (*n / n.gcd(&other)).saturating_mul(other);
                *n = both.min(all);
            }
        }
    }
    let elements = checked_len(&chunk)?;
    if !alike && elements.saturating_mul(dtype.size() as u64) > MAX_TOGETHER.max(largest) {
        return None;
    }
    if stacked {
        chunk.insert(axis, 1);
        return Some(chunk.into());
    }
    let longest = chunk[axis];
    let lens = filled().map(|p| (p.shape()[axis], p.chunks().map_or(longest, |c| c.shape()[axis])));
    let lens: Vec<(u64, u64)> = lens.collect();
    match lens[..] {
        // Alone it keeps chunks that are longer than itself.
        [(_, len)] => {
            chunk[axis] = len;
            Some(chunk.into())
        }
        _ => Some(Chunks::uneven(&chunk, axis, lens.into_iter().collect::<Cuts>())),
    }
}

/// `snap_*.h5 (5 files):/PartType0/Density`, or the first part and how many there are.
fn name(first: &dyn Source, specs: &[SourceSpec]) -> String {
    let mut paths = Vec::with_capacity(specs.len());
    let mut of = None;
    for spec in specs {
        match spec.in_file() {
            Some((path, dataset)) if *of.get_or_insert(dataset) == dataset => {
                paths.push(path.to_string_lossy());
            }
            _ => return format!("{} and {} more", first.describe(), specs.len() - 1),
        }
    }
    let one: Vec<char> = paths[0].chars().collect();
    let (mut head, mut tail) = (one.len(), one.len());
    for path in &paths[1..] {
        head = head.min(one.iter().zip(path.chars()).take_while(|(a, b)| **a == *b).count());
        tail = tail.min(one.iter().rev().zip(path.chars().rev()).take_while(|(a, b)| **a == *b).count());
    }
    let shortest = paths.iter().map(|p| p.chars().count()).min().unwrap_or(0);
    let tail = tail.min(shortest - head);
    let text = |part: &[char]| part.iter().collect::<String>();
    let star = if paths.iter().any(|p| p != &paths[0]) { "*" } else { "" };
    let files = if paths.len() == 1 { "file" } else { "files" };
    let of = of.unwrap_or_default();
    format!("{}{star}{} ({} {files}):{of}", text(&one[..head]), text(&one[one.len() - tail..]), paths.len())
}

impl Source for Many {
    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn chunks(&self) -> Option<&Chunks> {
        self.chunks.as_ref()
    }

    fn spec(&self, _: Own) -> Option<SourceSpec> {
        Some(self.spec.clone())
    }

    fn describe(&self) -> String {
        self.name.clone()
    }

    fn scratch_bytes(&self) -> u64 {
        self.scratch.total()
    }

    fn scratch_needs(&self) -> ScratchNeeds {
        self.scratch
    }

    fn worth_keeping(&self) -> bool {
        self.chunks.is_some() && self.parts.iter().any(|p| p.worth_keeping())
    }

    fn wants_advice(&self) -> bool {
        self.parts.iter().any(|p| p.wants_advice())
    }

    fn advise(&self, slab: &Slab, cx: &mut ReadCx) {
        if slab.is_empty() {
            return;
        }
        // Nothing fails that cannot be left undone.
        let _ = self.each_part(slab, |part, slab, _| {
            part.advise(slab, cx);
            Ok(())
        });
    }

    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        let region = self.chunk_box(chunk, out)?;
        if let Some((part, coords)) = self.same(&region) {
            return part.read_chunk(&coords, out, cx);
        }
        let inside = region.intersect(&Region::whole(&self.shape));
        if inside != region {
            // The padding beyond the array's edge is unspecified, but not someone else's data.
            out.fill(0);
        }
        let place = Place::dense(&region.shape);
        cx.counted(out.len() as u64, |cx| self.gather(&Slab::dense(&inside), out, &place, cx))
    }

    fn read_packed(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<Packing> {
        let region = self.chunk_box(chunk, out)?;
        match self.same(&region) {
            Some((part, coords)) => part.read_packed(&coords, out, cx),
            None => self.read_chunk(chunk, out, cx).map(|()| Packing::PLAIN),
        }
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        check_slab(&self.shape, self.dtype, slab, out).map_err(|e| e.at("source", &self.name))?;
        if slab.is_empty() {
            return Ok(());
        }
        let place = Place { offset: 0, strides: c_strides(&slab.count) };
        let Some(chunks) = &self.chunks else {
            return self.gather(slab, out, &place, cx);
        };
        // Whole chunks, as for any source that has them.
        let bytes = (0..slab.start.len()).fold(self.dtype.size() as u64, |bytes, d| {
            bytes * chunks.touched(d, slab.start[d], slab.step[d], slab.count[d]).1
        });
        cx.counted(bytes, |cx| self.gather(slab, out, &place, cx))
    }
}
