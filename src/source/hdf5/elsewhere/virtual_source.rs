//! A virtual dataset: elements of other datasets, read by their own readers.

use super::super::bytes::fill;
use super::super::facts::Mapping;
use super::super::selection::{Indices, Selection};
use super::chunks;
use super::gather::{self, Target, most_bytes};
use super::resolve::{Link, Resolved, resolve};
use super::rows;
use super::sources::{Chain, Home, Opener, Sources};
use super::walk::Wanted;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, Region, Slab};
use crate::ops::kernel::Packing;
use crate::source::assemble::Place;
use crate::source::{OpenOptions, ReadCx, ScratchNeeds, Source};
use std::path::Path;
use std::sync::Arc;

/// Walks along an axis that are held at a time.
const MOST_WALKS: u64 = 2048;

#[derive(Debug)]
struct Virtual {
    shape: Dims,
    dtype: DType,
    /// One element in native byte order.
    fill: Vec<u8>,
    sources: Sources,
    links: Vec<Link>,
    index: Index,
    chunks: Option<Chunks>,
    needs: ScratchNeeds,
}

/// A virtual dataset that was opened, and what tells one state of its sources from another.
pub(in super::super) struct Opened {
    pub source: Arc<dyn Source>,
    pub state: u64,
}

/// Opens the virtual dataset of the file at `path` that has these mappings and was stored with this shape.
///
/// # Errors
/// As [`resolve`].
#[allow(clippy::too_many_arguments)]
pub(in super::super) fn open(
    mappings: &[Mapping],
    stored: &[u64],
    (dtype, fill): (DType, &[u8]),
    path: &Path,
    canonical: &Path,
    options: OpenOptions,
    opener: Opener,
    chain: &Chain,
) -> Result<Opened> {
    let home = Home { path: path.into(), canonical: canonical.into(), options, dtype, opener };
    let Resolved { shape, sources, links } = resolve(mappings, stored, home, chain)?;
    let size = dtype.size() as u64;
    let needs = sources.known().fold(ScratchNeeds::default(), |all, known| {
        // Beside what a source takes: a box of it that is picked from.
        let held = most_bytes(known.chunks.as_ref().map_or(0, |c| c.elements().saturating_mul(size)));
        all.and(&ScratchNeeds { chunk: known.needs.chunk.saturating_add(held), ..known.needs })
    });
    let any = |of: &dyn Fn(&Link) -> bool| links.iter().any(of);
    let rows = if any(&|l| l.pairs.is_none()) { rows::BATCH_BYTES } else { 0 };
    let uneven = any(&|l| (0..shape.len()).any(|d| is_uneven(l, d)));
    let rows = if uneven { rows + shape.len() as u64 * MOST_WALKS * rows::ROW_BYTES } else { 0 };
    let needs = ScratchNeeds { chunk: needs.chunk.saturating_add(rows), ..needs };
    let chunks = chunks::chunks(&links, &sources, &shape, dtype);
    let state = sources.state();
    let index = Index::new(&links, shape.len());
    let source = Virtual { shape, dtype, fill: fill.to_vec(), sources, links, index, chunks, needs };
    Ok(Opened { source: Arc::new(source), state })
}

/// Which links lie where along one axis.
#[derive(Debug)]
struct Index {
    axis: usize,
    /// Links by their first index, with the furthest end of those up to each.
    order: Vec<(u64, u64, usize)>,
}

impl Index {
    fn new(links: &[Link], rank: usize) -> Index {
        let starts = |d: usize| {
            let mut starts: Vec<u64> = links.iter().map(|l| l.bounds[d].0).collect();
            starts.sort_unstable();
            starts.dedup();
            starts.len()
        };
        let axis = (0..rank).rev().max_by_key(|&d| starts(d)).unwrap_or(0);
        let along = |l: &Link| l.bounds.get(axis).copied().unwrap_or((0, 1));
        let mut order: Vec<(u64, u64, usize)> =
            links.iter().enumerate().map(|(i, l)| (along(l).0, along(l).1, i)).collect();
        order.sort_unstable();
        let mut reach = 0;
        for one in &mut order {
            reach = reach.max(one.1);
            one.1 = reach;
        }
        Index { axis, order }
    }

    /// The links that may have elements of a slab, in the order of the file.
    fn touched(&self, links: &[Link], slab: &Slab) -> Vec<usize> {
        let (lo, hi) = match slab.start.get(self.axis) {
            Some(&start) => (start, slab.last(self.axis)),
            None => (0, 0),
        };
        let end = self.order.partition_point(|o| o.0 <= hi);
        let first = self.order[..end].partition_point(|o| o.1 <= lo);
        let meets = |&i: &usize| {
            let bounds = links[i].bounds.iter().enumerate();
            let mut bounds = bounds.map(|(d, b)| (b, slab.start[d], slab.last(d)));
            bounds.all(|(b, first, last)| b.0 <= last && first < b.1)
        };
        let mut found: Vec<usize> = self.order[first..end].iter().map(|o| o.2).filter(meets).collect();
        found.sort_unstable();
        found
    }
}

/// A chunk of a source.
struct Same {
    number: usize,
    source: Arc<dyn Source>,
    coords: Dims,
}

impl Virtual {
    /// Brings the elements of a slab, which is inside and not empty, to their places in `out`, which has no
    /// others.
    fn read(&self, slab: &Slab, out: &mut [u8], place: &Place, cx: &mut ReadCx) -> Result<()> {
        let links = self.index.touched(&self.links, slab);
        // Where one link has all of it, nothing has to be filled.
        if !matches!(links[..], [i] if self.has_all(&self.links[i], slab)) {
            fill(out, &self.fill);
        }
        let mut target = Target { out, place };
        for i in links {
            let link = &self.links[i];
            let source = self.sources.source(link.source)?;
            let done = bring(link, source.as_ref(), slab, &mut target, cx);
            done.map_err(|e| self.sources.get(link.source).0.locate(e))?;
        }
        Ok(())
    }

    fn has_all(&self, link: &Link, slab: &Slab) -> bool {
        let Selection::Product(axes) = &link.to else { return false };
        let dense = |(d, a): (usize, &Indices)| {
            let (first, last) = link.bounds[d];
            (a.step() == Some(1) || a.len() == Some(1)) && first <= slab.start[d] && slab.last(d) < last
        };
        !link.cut && axes.iter().enumerate().all(dense)
    }

    /// The source and its chunk, if a box is exactly one of a source's chunks.
    fn same(&self, region: &Region) -> Result<Option<Same>> {
        let inside = region.intersect(&Region::whole(&self.shape));
        let slab = Slab::dense(&inside);
        let [i] = self.index.touched(&self.links, &slab)[..] else { return Ok(None) };
        let link = &self.links[i];
        let (Some(pairs), true) = (&link.pairs, self.has_all(link, &slab)) else { return Ok(None) };
        let Some(chunks) = &self.sources.get(link.source).1.chunks else { return Ok(None) };
        let Selection::Product(from) = &link.from else { return Ok(None) };
        let mut of = Region { start: Dims::new(), shape: Dims::new() };
        for (s, indices) in from.iter().enumerate() {
            let (start, len) = match pairs.iter().find(|pair| pair.1 == s) {
                Some(&(d, _)) if indices.step() == Some(1) => {
                    (indices.get(0) + (region.start[d] - link.bounds[d].0), region.shape[d])
                }
                Some(_) => return Ok(None),
                None => (indices.get(0), 1),
            };
            of.start.push(start);
            of.shape.push(len);
        }
        // What goes with no axis of the source must be one index.
        let loose = |d: usize| !pairs.iter().any(|pair| pair.0 == d) && region.shape[d] != 1;
        if (0..self.shape.len()).any(loose) {
            return Ok(None);
        }
        let coords = chunks.at(&of.start);
        match chunks.region(&coords) == of {
            true => Ok(Some(Same { number: link.source, source: self.sources.source(link.source)?, coords })),
            false => Ok(None),
        }
    }

    fn chunk_box(&self, coords: &[u64], out: &[u8]) -> Result<Region> {
        let Some(chunks) = &self.chunks else {
            return Err(Error::new(ErrorKind::Unsupported, "this virtual dataset has no chunks"));
        };
        let rank = self.shape.len();
        if coords.len() != rank || (0..rank).any(|d| coords[d] >= chunks.count(d, self.shape[d])) {
            return Err(Error::new(ErrorKind::Index, format!("there is no chunk {coords:?}")));
        }
        let region = chunks.region(coords);
        if out.len() as u64 != region.len() * self.dtype.size() as u64 {
            return Err(Error::new(
                ErrorKind::Internal,
                format!("a buffer of {} bytes for a chunk", out.len()),
            ));
        }
        Ok(region)
    }

    fn gathered(&self, region: &Region, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        let inside = region.intersect(&Region::whole(&self.shape));
        if inside != *region {
            // The padding beyond the array's edge is unspecified, but not someone else's data.
            out.fill(0);
        }
        let place = Place::dense(&region.shape);
        cx.counted(out.len() as u64, |cx| self.read(&Slab::dense(&inside), out, &place, cx))
    }
}

/// Whether along axis `d` a region may be in as many walks as it has elements.
fn is_uneven(link: &Link, d: usize) -> bool {
    let uneven = |selection: &Selection, d: usize| match selection {
        Selection::Product(axes) => axes.get(d).is_some_and(|a| a.step().is_none()),
        _ => true,
    };
    let pair = |pairs: &[(usize, usize)]| pairs.iter().find(|pair| pair.0 == d).map(|pair| pair.1);
    match &link.pairs {
        Some(pairs) => uneven(&link.to, d) || pair(pairs).is_some_and(|s| uneven(&link.from, s)),
        None => true,
    }
}

/// Brings what a link has of a slab, in parts that are in no more than [`MOST_WALKS`] walks along any axis.
fn bring(link: &Link, source: &dyn Source, slab: &Slab, target: &mut Target, cx: &mut ReadCx) -> Result<()> {
    let long = |d: &usize| slab.count[*d] > MOST_WALKS && is_uneven(link, *d);
    let Some(d) = (0..slab.count.len()).find(long) else {
        return match link.pairs {
            Some(_) => gather::gather(link, source, slab, target, cx),
            None => rows::read(link, source, slab, target, cx),
        };
    };
    let half = slab.count[d] / 2;
    let (mut one, mut other) = (slab.clone(), slab.clone());
    one.count[d] = half;
    other.start[d] += half * slab.step[d];
    other.count[d] -= half;
    bring(link, source, &one, target, cx)?;
    let mut place = target.place.clone();
    place.offset += half as usize * place.strides[d] as usize;
    bring(link, source, &other, &mut Target { out: target.out, place: &place }, cx)
}

impl Source for Virtual {
    fn shape(&self) -> &[u64] {
        &self.shape
    }

    fn dtype(&self) -> DType {
        self.dtype
    }

    fn chunks(&self) -> Option<&Chunks> {
        self.chunks.as_ref()
    }

    fn describe(&self) -> String {
        "a virtual dataset".into()
    }

    fn scratch_bytes(&self) -> u64 {
        self.needs.total()
    }

    fn scratch_needs(&self) -> ScratchNeeds {
        self.needs
    }

    fn worth_keeping(&self) -> bool {
        self.chunks.is_some() && self.sources.known().any(|known| known.worth_keeping)
    }

    fn wants_advice(&self) -> bool {
        self.sources.known().any(|known| known.advised)
    }

    /// What is spread over several sources is left to chance.
    fn advise(&self, slab: &Slab, cx: &mut ReadCx) {
        if slab.is_empty() {
            return;
        }
        let links = self.index.touched(&self.links, slab);
        let [i] = links[..] else { return };
        let (Some(pairs), Ok(source)) = (&self.links[i].pairs, self.sources.source(self.links[i].source))
        else {
            return;
        };
        if let Some(slab) = seen(&self.links[i], pairs, slab, source.shape()) {
            source.advise(&slab, cx);
        }
    }

    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        let region = self.chunk_box(chunk, out)?;
        match self.same(&region)? {
            Some(Same { number, source, coords }) => {
                let name = self.sources.get(number).0;
                source.read_chunk(&coords, out, cx).map_err(|e| name.locate(e))
            }
            None => self.gathered(&region, out, cx),
        }
    }

    fn read_packed(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<Packing> {
        let region = self.chunk_box(chunk, out)?;
        match self.same(&region)? {
            Some(Same { number, source, coords }) => {
                let name = self.sources.get(number).0;
                source.read_packed(&coords, out, cx).map_err(|e| name.locate(e))
            }
            None => self.gathered(&region, out, cx).map(|()| Packing::PLAIN),
        }
    }

    fn read_region(&self, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        if slab.is_empty() {
            return Ok(());
        }
        let place = Place::dense(&slab.count);
        let Some(chunks) = &self.chunks else {
            self.read(slab, out, &place, cx)?;
            return Ok(());
        };
        // Whole chunks, as for any source that has them.
        let bytes = (0..slab.start.len()).fold(self.dtype.size() as u64, |bytes, d| {
            bytes * chunks.touched(d, slab.start[d], slab.step[d], slab.count[d]).1
        });
        cx.counted(bytes, |cx| self.read(slab, out, &place, cx))
    }
}

/// The box of a source that a slab sees through a link.
fn seen(link: &Link, pairs: &[(usize, usize)], slab: &Slab, shape: &[u64]) -> Option<Slab> {
    let (Selection::Product(to), Selection::Product(from)) = (&link.to, &link.from) else { return None };
    let rank = from.len();
    let mut out =
        Slab { start: Dims::new(), count: Dims::from_elem(1, rank), step: Dims::from_elem(1, rank) };
    for (s, indices) in from.iter().enumerate() {
        let Some(&(d, _)) = pairs.iter().find(|pair| pair.1 == s) else {
            out.start.push(indices.get(0));
            continue;
        };
        let wanted = Wanted { start: slab.start[d], step: 1, count: slab.last(d) - slab.start[d] + 1 };
        let first = to[d].before(wanted.start);
        let end = to[d].before(wanted.start + wanted.count);
        if first == end {
            return None;
        }
        let (lo, hi) = (indices.get(first), indices.get(end - 1) + 1);
        out.start.push(lo);
        out.count[s] = hi.min(shape[s]).checked_sub(lo).filter(|&n| n > 0)?;
    }
    let inside = out.start.iter().zip(shape).all(|(x, n)| x < n);
    inside.then_some(out)
}
