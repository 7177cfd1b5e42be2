//! The trait of all sources.

use super::hdf5::{Attribute, Unfinished};
use super::scratch::{ReadCx, ScratchNeeds};
use super::spec::{Registration, SourceSpec};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Slab};
use crate::ops::kernel::Packing;
use std::fmt::Debug;

mod own {
    /// What only this crate can name: who takes it cannot be implemented or called by others.
    #[derive(Clone, Copy, Debug)]
    pub struct Own;
}

pub(crate) use own::Own;

/// An array whose elements can be brought into memory, piece by piece and from many threads.
///
/// Anyone can write one, and make an array of it with [`Array::new`](crate::Array::new):
///
/// ```
/// use chunkwise::grid::{Chunks, Slab, unravel};
/// use chunkwise::source::{ReadCx, Source};
/// use chunkwise::{Array, DType, Result, Session};
/// use std::sync::Arc;
///
/// /// A table of products, computed when it is read.
/// #[derive(Debug)]
/// struct Times([u64; 2]);
///
/// impl Source for Times {
///     fn shape(&self) -> &[u64] {
///         &self.0
///     }
///     fn dtype(&self) -> DType {
///         DType::U64
///     }
///     fn chunks(&self) -> Option<&Chunks> {
///         None // any region can be read as it is
///     }
///     fn describe(&self) -> String {
///         format!("the {} times table", self.0[0])
///     }
///     fn scratch_bytes(&self) -> u64 {
///         0
///     }
///     fn read_region(&self, slab: &Slab, out: &mut [u8], _: &mut ReadCx) -> Result<()> {
///         for (i, element) in (0..).zip(out.chunks_exact_mut(8)) {
///             let at = unravel(i, &slab.count);
///             let [a, b] = [0, 1].map(|d| slab.start[d] + at[d] * slab.step[d]);
///             element.copy_from_slice(&(a * b).to_ne_bytes());
///         }
///         Ok(())
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let table = Array::new(Arc::new(Times([10, 10])));
/// assert_eq!(Session::new()?.compute(&table.sum())?.item::<u64>()?, 45 * 45);
/// # Ok(())
/// # }
/// ```
///
/// Its identity is its object: two arrays of one object are one, those of two objects are two, whatever
/// these say of themselves. None can say that it is another source, for this would not compile:
///
/// ```compile_fail,E0050
/// # use chunkwise::grid::{Chunks, Slab};
/// # use chunkwise::source::{ReadCx, Source, SourceSpec};
/// # use chunkwise::{DType, Result};
/// # #[derive(Debug)]
/// # struct Times([u64; 2]);
/// impl Source for Times {
///     fn spec(&self) -> SourceSpec {
///         SourceSpec::Memory { id: 1 }
///     }
/// #   fn shape(&self) -> &[u64] { &self.0 }
/// #   fn dtype(&self) -> DType { DType::U64 }
/// #   fn chunks(&self) -> Option<&Chunks> { None }
/// #   fn describe(&self) -> String { String::new() }
/// #   fn scratch_bytes(&self) -> u64 { 0 }
/// #   fn read_region(&self, _: &Slab, _: &mut [u8], _: &mut ReadCx) -> Result<()> { Ok(()) }
/// }
/// ```
pub trait Source: Send + Sync + Debug {
    /// Its shape.
    fn shape(&self) -> &[u64];

    /// Its dtype. Elements of a bool are bytes that are 0 or 1.
    fn dtype(&self) -> DType;

    /// Its storage chunks; `None` when any region can be read as it is (contiguous files, memory,
    /// formulas). A chunk may be larger than the array.
    fn chunks(&self) -> Option<&Chunks>;

    /// The boxes in which its elements lie together, though any region can be read as it is: blocks that are
    /// whole boxes are read fastest.
    #[doc(hidden)]
    fn lies_in(&self, _: own::Own) -> Option<&Chunks> {
        self.chunks()
    }

    /// What it takes to open it again, for sources of this crate, which alone can say it.
    #[doc(hidden)]
    fn spec(&self, _: own::Own) -> Option<SourceSpec> {
        None
    }

    /// What a source from outside this crate is registered as
    /// ([`unstable::register_source`](crate::unstable::register_source)), so that a plan that reads it can go
    /// to other processes. Where nothing is registered under the name, it is as if nothing were said. Not
    /// settled yet: it may change in any release.
    fn registration(&self) -> Option<Registration> {
        None
    }

    /// What decoding needs of its attributes, where it was opened for that.
    #[doc(hidden)]
    fn attributes(&self, _: own::Own) -> &[Attribute] {
        &[]
    }

    /// Why its file may have less than it will have, or had.
    #[doc(hidden)]
    fn unfinished(&self, _: own::Own) -> Option<Unfinished> {
        None
    }

    /// For people: `snap.h5:/PartType0/Density`.
    fn describe(&self) -> String;

    /// The most bytes of [`Scratch`](super::Scratch), and of buffers inside libhdf5, that one read uses.
    fn scratch_bytes(&self) -> u64;

    /// As [`Source::scratch_bytes`], buffer by buffer.
    fn scratch_needs(&self) -> ScratchNeeds {
        ScratchNeeds { chunk: self.scratch_bytes(), ..ScratchNeeds::default() }
    }

    /// All elements in C order, native byte order, if they are in memory already.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    /// Whether a decoded chunk is worth its memory when it is wanted again later: not where reading it is
    /// only a copy of what the system has in memory anyway.
    fn worth_keeping(&self) -> bool {
        self.chunks().is_some() && self.bytes().is_none()
    }

    /// Whether [`Source::advise`] does anything.
    fn wants_advice(&self) -> bool {
        false
    }

    /// Says that the elements of `slab` will be read soon, so that the system can bring their bytes near
    /// meanwhile. Takes little time and no memory, and cannot fail: nothing depends on it.
    fn advise(&self, slab: &Slab, cx: &mut ReadCx) {
        let _ = (slab, cx);
    }

    /// Decodes the chunk at the grid position `chunk` into `out`: the box that [`Chunks::region`]
    /// gives (what lies beyond the array's edge is unspecified), C order, native byte order.
    ///
    /// # Errors
    /// `Index` or `Internal` for a wrong position or length; `Io`, `Format`, `Filter`, `Changed`
    /// from the file; `Unsupported` if [`Source::chunks`] is `None`.
    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        let _ = (chunk, out, cx);
        Err(Error::new(ErrorKind::Unsupported, "this source has no chunks").at("source", self.describe()))
    }

    /// As [`Source::read_chunk`], for a device that puts the bytes of elements together: they may be left as
    /// they are stored. Gives how they lie.
    ///
    /// # Errors
    /// As [`Source::read_chunk`].
    fn read_packed(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> Result<Packing> {
        self.read_chunk(chunk, out, cx)?;
        Ok(Packing::PLAIN)
    }

    /// The elements of `slab`, C order, native byte order.
    ///
    /// # Errors
    /// `Index` if the slab is not inside the array; otherwise as [`Source::read_chunk`].
    fn read_region(&self, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()>;

    /// Whether a chunk that is wanted as a whole is decoded where it is wanted, so that [`ScratchNeeds::chunk`] is for
    /// others.
    #[doc(hidden)]
    fn decodes_in_place(&self, _: own::Own) -> bool {
        false
    }

    /// Whether a region costs no more when it is read part by part ([`Source::read_part`]): not where a chunk would
    /// have to be decoded for each of its parts.
    fn in_parts(&self) -> bool {
        false
    }

    /// Reads `part` of the region `of`, all of whose parts are read one after the other. What is counted of a
    /// chunk is counted once. A file may stay borrowed in the [`Scratch`](super::Scratch) until another is read, or until
    /// [`Scratch::end_parts`](super::Scratch::end_parts).
    ///
    /// # Errors
    /// As [`Source::read_region`] of the part.
    fn read_part(&self, of: &Slab, part: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        let _ = of;
        self.read_region(part, out, cx)
    }
}

/// Checks a slab and a buffer against an array, so that readers can index without doubt.
pub(crate) fn check_slab(shape: &[u64], dtype: DType, slab: &Slab, out: &[u8]) -> Result<()> {
    let rank = shape.len();
    let wrong = |message: String| Err(Error::new(ErrorKind::Index, message));
    if slab.start.len() != rank || slab.count.len() != rank || slab.step.len() != rank {
        return wrong(format!("a region of rank {} in an array of rank {rank}", slab.start.len()));
    }
    for (d, &len) in shape.iter().enumerate() {
        if slab.step[d] == 0 {
            return wrong(format!("a step of 0 along axis {d}"));
        }
        if slab.count[d] == 0 {
            continue;
        }
        let last = (slab.count[d] - 1).checked_mul(slab.step[d]).and_then(|n| n.checked_add(slab.start[d]));
        if last.is_none_or(|last| last >= len) {
            return wrong(format!(
                "the region {}:{}:{} along axis {d} leaves the array, whose length is {len}",
                slab.start[d],
                last.map_or("…".into(), |l| l.saturating_add(1).to_string()),
                slab.step[d],
            ));
        }
    }
    let bytes = crate::grid::checked_len(&slab.count).and_then(|n| n.checked_mul(dtype.size() as u64));
    if bytes != Some(out.len() as u64) {
        return Err(Error::new(
            ErrorKind::Internal,
            format!("a buffer of {} bytes for a region of shape {:?} of {dtype}", out.len(), slab.count),
        ));
    }
    Ok(())
}
