//! Where the chunks of a dataset are stored, read from the file's own structures.
//!
//! [`ChunkIndex::locate`] goes from the superblock to the dataset's object header, to its layout
//! message, to the header of its chunk index; [`ChunkIndex::find`] looks one chunk up. Both use
//! positioned reads and never libhdf5, so that they need no lock and can be trusted with files of
//! strangers: whatever the bytes are, a lookup ends after at most 32 reads (of at most 1 MiB each
//! in trees, of at most 16 MiB each in arrays), takes memory for what the file has only, and gives
//! an address and a size that lie in the file, or an error.
//!
//! Source: the HDF5 File Format Specification, version 4.0. All chunk indexes are read: version 1 and 2
//! B-trees, fixed and extensible arrays, implicit, and single chunk; addresses and lengths of 2, 4 and 8
//! bytes. What leads to them is read by [`meta`](super::meta). Checksums are verified where the format has
//! them.
//!
//! Limits: what [`meta`](super::meta) does not know is an error of kind `Unsupported`; the caller then asks
//! libhdf5. A version 1 B-tree has no checksum: what is noticed there is a key that no chunk of the array can
//! have, a wrong order, level or count of keys, and nodes that contradict each other, not the address (or,
//! of a filtered chunk, the size or mask) of one chunk that was changed to another possible one.

mod array;
mod extensible;
mod fixed;
mod memo;
mod place;
mod tree;
mod tree_v1;
mod tree_v2;

use super::meta::bytes::{Frame, ReadAt, damaged};
use super::meta::container::Container;
use super::meta::dataspace::Space;
use super::meta::layout::{Chunked, Index, Layout};
use super::meta::object::{DATASPACE, LAYOUT, Object};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::Dims;
use array::{Entry, linear, strides};
use extensible::Extensible;
use fixed::Fixed;
use place::Place;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};
use tree_v1::TreeV1;
use tree_v2::TreeV2;

pub(crate) use memo::Memo;

/// What the index is checked against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect<'a> {
    /// The shape of the array.
    pub shape: &'a [u64],
    /// The shape of a chunk.
    pub chunk: &'a [u64],
    /// Bytes of a stored element.
    pub element: u64,
    /// Whether chunks have filters.
    pub filtered: bool,
}

/// A stored chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Its first byte in the file.
    pub address: u64,
    /// Its bytes, as stored.
    pub size: u64,
    /// A set bit for each filter that was not applied.
    pub mask: u32,
}

/// Where the index of a chunked dataset is: plain data, made once when the dataset is opened.
///
/// It may come from another process: no value in it can do more harm than those in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ChunkIndex {
    frame: Frame,
    /// Chunks along each axis.
    grid: Dims,
    chunk: Dims,
    /// Bytes of a chunk without filters.
    bytes: u64,
    filtered: bool,
    kind: Kind,
    #[serde(skip)]
    id: Id,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    /// No chunk is stored.
    Nothing,
    Single(Place),
    /// All chunks one after the other.
    Implicit {
        address: u64,
        strides: Dims,
    },
    Fixed(Fixed),
    Extensible(Extensible),
    TreeV1(TreeV1),
    TreeV2(TreeV2),
}

/// Tells a [`Memo`] whose nodes it holds. Copies of an index share it; it is no part of its value.
#[derive(Clone, Copy, Debug)]
struct Id(u64);

impl Default for Id {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Id(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl PartialEq for Id {
    fn eq(&self, _: &Id) -> bool {
        true
    }
}

impl ChunkIndex {
    /// Finds the index of the dataset whose object header is at `header`, relative to the base
    /// address of the file (as libhdf5 tells it).
    ///
    /// # Errors
    ///
    /// `Unsupported` for a structure that is not known here: libhdf5 may know it. `Format` for a
    /// file that is damaged or is not what `expect` says.
    pub fn locate(file: &dyn ReadAt, header: u64, expect: &Expect) -> Result<ChunkIndex> {
        let container = Container::open(file)?;
        ChunkIndex::locate_in(&container, header, expect).map_err(|e| container.explain(e))
    }

    /// As [`ChunkIndex::locate`], in a file whose superblock was read.
    pub fn locate_in(container: &Container, header: u64, expect: &Expect) -> Result<ChunkIndex> {
        let frame = *container.frame();
        let object = Object::read(container, header)?;
        let place = || object.place(container);
        let layout = object.get(container, LAYOUT, "layout")?;
        let Layout::Chunked(layout) = Layout::read(&layout, &frame).at("structure", place())? else {
            return Err(damaged("the dataset's data is not in chunks").at("structure", place()));
        };
        // Some writers give the bytes of an element wrong here: the element type is right, as in libhdf5.
        if layout.chunk[..layout.chunk.len() - 1] != *expect.chunk || expect.shape.len() != expect.chunk.len()
        {
            return Err(damaged(format!(
                "chunks of shape {:?}, where the file has {:?}",
                expect.chunk,
                &layout.chunk[..layout.chunk.len() - 1]
            )));
        }
        let space = object.get(container, DATASPACE, "dataspace")?;
        let space = Space::read(&space, &frame).at("structure", place())?;
        if *space.now != *expect.shape {
            return Err(damaged(format!("an array of shape {:?}, not {:?}", space.now, expect.shape)));
        }
        let bytes = expect.chunk.iter().try_fold(expect.element, |n, &d| n.checked_mul(d));
        let bytes = bytes.ok_or_else(|| damaged("a chunk of more than 2^64 bytes"))?;
        let kind = match layout.address {
            None => Kind::Nothing,
            Some(address) => Kind::open(container, (address, layout.index), (&space, expect), bytes)
                .at("structure", format_args!("chunk index at byte {}", container.at(address)))?,
        };
        if let Some(entry) = kind.entry().filter(|entry| entry.filtered) {
            let width = entry.size_bytes(&frame);
            if !size_widths(&layout, &frame, bytes).contains(&width) {
                return Err(damaged(format!(
                    "stored sizes of {width} bytes in the index of a layout that has others"
                ))
                .at("structure", place()));
            }
        }
        let grid = expect.shape.iter().zip(expect.chunk).map(|(&n, &c)| n.div_ceil(c)).collect();
        let (chunk, filtered) = (Dims::from_slice(expect.chunk), expect.filtered);
        Ok(ChunkIndex { frame, grid, chunk, bytes, filtered, kind, id: Id::default() })
    }

    /// The chunk at the grid position `coords` (in chunks); `None` if it is not stored. What is
    /// given lies in the file, and is of the size of a chunk where there are no filters.
    pub fn find(&self, file: &dyn ReadAt, coords: &[u64], memo: &mut Memo) -> Result<Option<Stored>> {
        let rank = self.grid.len();
        if coords.len() != rank || coords.iter().zip(&self.grid).any(|(c, n)| c >= n) {
            return Err(Error::new(ErrorKind::Index, format!("there is no chunk {coords:?}")));
        }
        memo.belong_to(self.id.0);
        let (frame, wanted) = (&self.frame, (coords, self.bytes));
        let place = match &self.kind {
            Kind::Nothing => None,
            Kind::Single(place) => Some(*place),
            Kind::Implicit { address, strides } => {
                let start = linear(coords, strides)?.checked_mul(self.bytes);
                let address = start.and_then(|n| n.checked_add(*address));
                let address = address.ok_or_else(|| damaged("a chunk beyond the end of all files"))?;
                Some(Place { address, size: self.bytes, mask: 0 })
            }
            Kind::Fixed(array) => array.find(file, frame, wanted, memo)?,
            Kind::Extensible(array) => array.find(file, frame, wanted, memo)?,
            Kind::TreeV1(tree) => {
                // Keys are in elements, and have a 0 for the bytes of an element.
                let key = coords.iter().zip(&self.chunk).map(|(&c, &n)| c.checked_mul(n));
                let key: Option<Dims> = key.chain([Some(0)]).collect();
                let key = key.ok_or_else(|| damaged("a chunk beyond all numbers"))?;
                let reader = tree_v1::Reader { tree, frame, chunk: &self.chunk, grid: &self.grid };
                tree::walk(&reader, file, &key, memo)?
            }
            Kind::TreeV2(tree) => match tree_v2::Reader::new(tree, frame, rank, self.bytes)? {
                Some(reader) => tree::walk(&reader, file, coords, memo)?,
                None => None,
            },
        };
        place.map(|place| self.check(place, file.len())).transpose()
    }

    /// Whether the file says that no chunk is stored, without a look at the index.
    pub fn is_empty(&self) -> bool {
        self.kind == Kind::Nothing
    }

    /// Bytes of all chunks as they are stored. `file` has to bound how often it is looked at.
    pub fn stored_bytes(&self, file: &dyn ReadAt) -> Result<u64> {
        let frame = &self.frame;
        match &self.kind {
            Kind::Nothing => Ok(0),
            Kind::Single(place) => Ok(place.size),
            Kind::Implicit { .. } => Ok(self.grid.iter().fold(self.bytes, |n, &d| n.saturating_mul(d))),
            Kind::Fixed(array) => {
                self.sum(array.count(), |i, memo| array.entry(file, frame, (i, self.bytes), memo))
            }
            Kind::Extensible(array) => {
                self.sum(array.count(), |i, memo| array.entry(file, frame, (i, self.bytes), memo))
            }
            Kind::TreeV1(tree) => {
                let (chunk, grid) = (&self.chunk[..], &self.grid[..]);
                tree_v1::Reader { tree, frame, chunk, grid }.stored_bytes(file, None)
            }
            Kind::TreeV2(tree) => tree.stored_bytes(file, frame, self.bytes),
        }
    }

    /// Bytes of the chunks of an array of entries, which are given with the next one to be asked for.
    fn sum(
        &self,
        count: u64,
        mut entry: impl FnMut(u64, &mut Memo) -> Result<(Option<Place>, u64)>,
    ) -> Result<u64> {
        let (mut memo, mut sum, mut i) = (Memo::default(), 0u64, 0);
        while i < count {
            let (place, next) = entry(i, &mut memo)?;
            sum = sum.saturating_add(place.map_or(0, |place| place.size));
            i = next.max(i + 1);
        }
        Ok(sum)
    }

    fn check(&self, place: Place, file: u64) -> Result<Stored> {
        let Place { address, size, mask } = place;
        if size == 0 || (!self.filtered && size != self.bytes) {
            return Err(damaged(format!("{size} bytes are stored for a chunk of {} bytes", self.bytes)));
        }
        let address = self.frame.place(address)?;
        if address.checked_add(size).is_none_or(|end| end > file) {
            return Err(Error::new(
                ErrorKind::Format,
                format!("a chunk should be at bytes {address} + {size}, but the file has only {file}"),
            )
            .hint("the file is damaged or cut off: copy it again"));
        }
        Ok(Stored { address, size, mask })
    }

    /// The name of the kind of index.
    #[cfg(test)]
    fn kind(&self) -> &'static str {
        match self.kind {
            Kind::Nothing => "nothing",
            Kind::Single(_) => "single",
            Kind::Implicit { .. } => "implicit",
            Kind::Fixed(_) => "fixed",
            Kind::Extensible(_) => "extensible",
            Kind::TreeV1(_) => "tree 1",
            Kind::TreeV2(_) => "tree 2",
        }
    }
}

impl Kind {
    /// How it writes where a chunk is, if it is an array or a tree of version 2.
    fn entry(&self) -> Option<&Entry> {
        match self {
            Kind::Fixed(array) => Some(&array.entry),
            Kind::Extensible(array) => Some(&array.entry),
            Kind::TreeV2(tree) => Some(&tree.entry),
            _ => None,
        }
    }

    /// Reads what an index says about itself.
    fn open(
        container: &Container,
        (address, index): (u64, Index),
        (space, expect): (&Space, &Expect),
        bytes: u64,
    ) -> Result<Kind> {
        let (file, frame) = (container.file, container.frame());
        let filtered = expect.filtered;
        let axes: Vec<usize> = (0..expect.shape.len()).collect();
        Ok(match index {
            Index::TreeV1 => Kind::TreeV1(TreeV1 { root: address, half: container.about.rank }),
            Index::Single(stated) => {
                let (size, mask) = stated.unwrap_or((bytes, 0));
                Kind::Single(Place { address, size, mask })
            }
            Index::Implicit => Kind::Implicit { address, strides: strides(&counts(space, expect)?, &axes)? },
            Index::Fixed => {
                let strides = strides(&counts(space, expect)?, &axes)?;
                Kind::Fixed(Fixed::open(file, frame, address, filtered, strides)?)
            }
            Index::Extensible => {
                let counts = counts(space, expect)?;
                let first = counts.iter().position(Option::is_none);
                let first = first.ok_or_else(|| damaged("an extensible index of an array that is not"))?;
                let mut axes = axes;
                axes[..=first].rotate_right(1);
                Kind::Extensible(Extensible::open(file, frame, address, filtered, strides(&counts, &axes)?)?)
            }
            Index::TreeV2 => Kind::TreeV2(TreeV2::open(file, frame, address, filtered, expect.shape.len())?),
        })
    }
}

/// How many bytes a stored size has in an index: libhdf5 goes by this alone. Some writers give the bytes of an element, and
/// so of a chunk, wrong in the layout, so there are two.
fn size_widths(layout: &Chunked, frame: &Frame, bytes: u64) -> [usize; 2] {
    let stated = layout.chunk.iter().fold(1u64, |n, &d| n.saturating_mul(d));
    [bytes, stated].map(|n| match layout.wide_sizes {
        true => usize::from(frame.length),
        // A byte more than the size of a chunk needs.
        false => (1 + (n.max(1).ilog2() as usize + 8) / 8).min(8),
    })
}

/// The most chunks there can be along each axis; `None` where it is unlimited.
fn counts(space: &Space, expect: &Expect) -> Result<Vec<Option<u64>>> {
    if space.now.len() != expect.chunk.len() {
        return Err(damaged("a dataspace of another rank"));
    }
    Ok(space.most.iter().zip(expect.chunk).map(|(most, &chunk)| most.map(|n| n.div_ceil(chunk))).collect())
}

/// Looks chunks up in arbitrary bytes, for fuzzing: the index whose object header is at `header`, and
/// up to `most` chunks of its grid. Gives how many are stored and how many failed.
pub(crate) fn lookups(file: &dyn ReadAt, header: u64, expect: &Expect, most: u64) -> Result<(u64, u64)> {
    let index = ChunkIndex::locate(file, header, expect)?;
    let count = index.grid.iter().fold(1u64, |n, &d| n.saturating_mul(d));
    let (mut memo, mut stored, mut failed) = (Memo::default(), 0, 0);
    for i in 0..count.min(most) {
        match index.find(file, &crate::grid::unravel(i, &index.grid), &mut memo) {
            Ok(found) => stored += u64::from(found.is_some()),
            Err(_) => failed += 1,
        }
    }
    Ok((stored, failed))
}

#[cfg(test)]
mod tests;
