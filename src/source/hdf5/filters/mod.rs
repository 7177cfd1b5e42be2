//! Undoing filter pipelines, in any order and with any filter skipped.
//!
//! A pipeline is a list of [`Filter`]s in the order in which they were applied. Shuffle and fletcher32 keep
//! or state lengths; everything else is a row of [`CODECS`], one file per codec. A codec writes into memory
//! of the caller, reuses [`Work`], and answers damaged bytes with a sentence, never with a panic.
//!
//! Sources: the filter descriptions of the HDF5 file format and of libhdf5 1.10 (`H5Zdeflate.c`,
//! `H5Zshuffle.c`, `H5Zfletcher32.c`, `H5checksum.c`); zlib is decoded by libdeflate.

mod bits;
mod bitshuffle;
mod blosc;
mod blosclz;
mod bzip2;
#[cfg(test)]
mod codecs_tests;
mod lz4;
mod lzf;
mod nbit;
pub(super) mod order;
pub(crate) mod precision;
mod scaleoffset;
mod szip;
mod work;
mod zstd;

pub(crate) use order::swap_bytes;
pub(crate) use work::{Fault, Work};

use crate::buffer::Buffer;
use crate::error::{Error, ErrorKind, Result};
use crate::h5::{FilterInfo, fletcher32};
use crate::ops::kernel::Packing;
use crate::ops::simd::Simd;
use order::unshuffle;
use smallvec::SmallVec;

/// How a codec is undone: its values, stored bytes, room for what comes out, and what it may reuse.
type Decode = fn(&[u32], &[u8], &mut [u8], &mut Work) -> Result<usize, Fault>;

/// A filter whose output has a length of its own: `decode` undoes it, from stored bytes into the room that
/// it is given, and says how many bytes came out. It takes the filter's values as the file has them.
#[derive(Debug)]
pub(crate) struct Codec {
    pub id: i32,
    decode: Decode,
}

impl PartialEq for Codec {
    fn eq(&self, other: &Codec) -> bool {
        self.id == other.id
    }
}

/// The codecs, by HDF5's registered numbers.
static CODECS: &[Codec] = &[
    Codec { id: 1, decode: inflate },
    Codec { id: SZIP, decode: szip::decode },
    Codec { id: 5, decode: nbit::decode },
    Codec { id: 6, decode: scaleoffset::decode },
    Codec { id: BZIP2, decode: bzip2::decode },
    Codec { id: 32000, decode: lzf::decode },
    Codec { id: BLOSC, decode: blosc::decode },
    Codec { id: LZ4, decode: lz4::decode },
    Codec { id: BITSHUFFLE, decode: bitshuffle::decode },
    Codec { id: 32015, decode: zstd::decode },
];

/// A filter that nobody here can undo. Chunks that were stored without it are read all the same.
static MISSING: Codec = Codec { id: 0, decode: missing };

fn missing(_: &[u32], _: &[u8], _: &mut [u8], _: &mut Work) -> Result<usize, Fault> {
    Err("a filter that is not available".into())
}

const SZIP: i32 = 4;
const BZIP2: i32 = 307;
const BLOSC: i32 = 32001;
const LZ4: i32 = 32004;
const BITSHUFFLE: i32 = 32008;

/// A filter that is undone here.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    /// Bytes of equal rank together; elements of this size.
    Shuffle(usize),
    Fletcher32,
    /// A codec, and the values that it is used with.
    Codec(&'static Codec, Vec<u32>),
}

impl Filter {
    fn is_codec(&self) -> bool {
        matches!(self, Filter::Codec(..))
    }
}

/// Whether a filter is undone here.
pub(crate) fn is_own(id: i32) -> bool {
    matches!(id, 2 | 3) || CODECS.iter().any(|c| c.id == id)
}

/// The pipeline, if all of it is undone here; `None` if libhdf5 has to do it.
pub(crate) fn own_pipeline(filters: &[FilterInfo]) -> Option<Vec<Filter>> {
    filters.iter().map(own_filter).collect()
}

fn own_filter(f: &FilterInfo) -> Option<Filter> {
    match (f.id, &f.values[..]) {
        (2, &[size, ..]) if size > 0 => Some(Filter::Shuffle(size as usize)),
        (3, _) => Some(Filter::Fletcher32),
        (id, _) => CODECS.iter().find(|c| c.id == id).map(|c| Filter::Codec(c, f.values.clone())),
    }
}

/// The pipeline with what cannot be undone in it.
pub(crate) fn pipeline_as_far(filters: &[FilterInfo]) -> Vec<Filter> {
    filters.iter().map(|f| own_filter(f).unwrap_or(Filter::Codec(&MISSING, Vec::new()))).collect()
}

/// The first filter that cannot be undone, of those that `mask` does not say were skipped.
pub(crate) fn first_missing(pipeline: &[Filter], mask: u32) -> Option<usize> {
    let skipped = |i: usize| i < 32 && mask >> i & 1 != 0;
    pipeline
        .iter()
        .enumerate()
        .position(|(i, f)| !skipped(i) && matches!(f, Filter::Codec(c, _) if c.id == MISSING.id))
}

/// The most bytes that a chunk of `len` bytes can take in a file: codecs grow incompressible data by less
/// than an eighth and a header, a checksum by 4; where data is cut into blocks, each has its own length.
pub(crate) fn most_stored(pipeline: &[Filter], len: u64) -> u64 {
    let blocks = pipeline.iter().map(|f| match f {
        Filter::Codec(Codec { id: LZ4, .. }, values) => values.first().map_or(0, |&b| u64::from(b)),
        Filter::Codec(Codec { id: BITSHUFFLE, .. }, values) => match values[..] {
            [_, _, size, block, ..] => u64::from(size) * u64::from(block),
            _ => 0,
        },
        _ => 0,
    });
    let heads =
        blocks.filter(|&b| b > 0).map(|b| len.div_ceil(b).saturating_mul(20)).fold(0, u64::saturating_add);
    len.saturating_add(len / 8).saturating_add(4096).saturating_add(heads)
}

/// The most bytes of [`Work`] between two filters, for chunks of `len` bytes.
pub(crate) fn between_bytes(pipeline: &[Filter], len: u64) -> u64 {
    let checks = |rest: &[Filter]| rest.iter().filter(|f| **f == Filter::Fletcher32).count() as u64;
    let room = |k: usize| match pipeline[..k].iter().any(Filter::is_codec) {
        true => most_stored(pipeline, len),
        // What is left to undo changes no lengths but for checksums.
        false => len.saturating_add(4 * checks(&pipeline[..k])),
    };
    let made = (1..pipeline.len()).filter(|&k| pipeline[k] != Filter::Fletcher32);
    let rooms = made.map(room);
    rooms.clone().max().unwrap_or(0).saturating_mul((rooms.count() as u64).min(2))
}

/// The most bytes of [`Work`] inside of codecs, and of what they take for themselves, for chunks of `len`
/// bytes.
pub(crate) fn codec_bytes(pipeline: &[Filter], len: u64) -> u64 {
    let own = pipeline.iter().map(|f| match f {
        // Its tables are made anew for each chunk.
        Filter::Codec(Codec { id: BZIP2, .. }, _) => 4 << 20,
        Filter::Codec(Codec { id: SZIP | BLOSC | BITSHUFFLE, .. }, _) => len,
        _ => 0,
    });
    own.fold(0, u64::saturating_add)
}

/// The least bytes that a chunk of `len` bytes can take: deflate's ratio is at most 1032, other codecs have
/// no bound worth a check, and without a codec nothing gets shorter.
pub(crate) fn least_stored(pipeline: &[Filter], len: u64) -> u64 {
    let mut codecs = pipeline.iter().filter_map(|f| match f {
        Filter::Codec(c, _) => Some(c.id),
        _ => None,
    });
    match (codecs.next(), codecs.next()) {
        (None, _) => len,
        (Some(1), None) => len / 1040,
        _ => 1,
    }
}

/// Where the bytes are between two filters.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Input,
    Stage(usize),
    Out,
}

/// Decodes `input` into `out` (exactly one chunk), undoing `pipeline` backwards except what `mask` says
/// was skipped. Elements have `size` bytes; `swap` reverses each.
pub(crate) fn decode(
    pipeline: &[Filter],
    mask: u32,
    size: usize,
    swap: bool,
    input: &[u8],
    work: &mut Work,
    out: &mut [u8],
) -> Result<()> {
    let mut stages = std::mem::take(&mut work.stages);
    let done = undo(pipeline, mask, size, swap, input, &mut stages, work, out);
    work.stages = stages;
    if !done? {
        swap_bytes(out, size);
    }
    Ok(())
}

/// Does what [`decode`] does; says whether elements have their bytes in the order that is wanted.
#[allow(clippy::too_many_arguments)]
fn undo(
    pipeline: &[Filter],
    mask: u32,
    size: usize,
    swap: bool,
    input: &[u8],
    [a, b]: &mut [Buffer; 2],
    work: &mut Work,
    out: &mut [u8],
) -> Result<bool> {
    let skipped = |i: usize| i < 32 && mask >> i & 1 != 0;
    let active: SmallVec<[&Filter; 4]> =
        pipeline.iter().enumerate().filter(|(i, _)| !skipped(*i)).map(|(_, f)| f).collect();
    let chunk = out.len();
    let mut in_order = !swap;
    let (mut place, mut len) = (Place::Input, input.len());
    for (k, filter) in active.iter().enumerate().rev() {
        let rest = &active[..k];
        if **filter == Filter::Fletcher32 {
            len = check_fletcher32(match place {
                Place::Input => &input[..len],
                Place::Stage(0) => &a[..len],
                Place::Stage(_) => &b[..len],
                Place::Out => &out[..len],
            })?;
            continue;
        }
        // Only the filter that was applied first gives the chunk itself.
        let (target, from, to): (Place, &[u8], &mut Buffer) = match place {
            Place::Input => (Place::Stage(0), &input[..len], &mut *a),
            Place::Stage(0) => (Place::Stage(1), &a[..len], &mut *b),
            _ => (Place::Stage(0), &b[..len], &mut *a),
        };
        // What the filters before it make of the chunk, where they say.
        let sums = rest.iter().filter(|f| ***f == Filter::Fletcher32).count();
        let known = (!rest.iter().any(|f| f.is_codec())).then_some(chunk + 4 * sums);
        let room = match filter {
            Filter::Shuffle(_) => len,
            _ => known.unwrap_or(most_stored(pipeline, chunk as u64) as usize),
        };
        let to: &mut [u8] = if rest.is_empty() {
            &mut *out
        } else {
            to.resize_for_overwrite(room);
            &mut *to
        };
        let got = match filter {
            Filter::Shuffle(width) => {
                if to.len() != len {
                    return Err(wrong_size(len, to.len()));
                }
                let fused = rest.is_empty() && *width == size;
                unshuffle(Simd::best(), from, to, *width, fused && swap);
                in_order |= fused;
                len
            }
            Filter::Codec(codec, values) => {
                (codec.decode)(values, from, to, work).map_err(|fault| refused(codec, fault))?
            }
            Filter::Fletcher32 => len,
        };
        if known.is_some_and(|want| want != got) {
            return Err(wrong_size(got, known.unwrap_or(0)));
        }
        len = got;
        place = if rest.is_empty() { Place::Out } else { target };
    }
    if len != chunk {
        return Err(wrong_size(len, chunk));
    }
    match place {
        Place::Input => out.copy_from_slice(&input[..len]),
        Place::Stage(0) => out.copy_from_slice(&a[..len]),
        Place::Stage(_) => out.copy_from_slice(&b[..len]),
        Place::Out => {}
    }
    Ok(in_order)
}

/// As [`decode`], but leaves the elements in the file's byte order and, where the filter that was applied
/// first shuffles just them, shuffled. Gives how they lie.
pub(crate) fn decode_packed(
    pipeline: &[Filter],
    mask: u32,
    size: usize,
    swap: bool,
    input: &[u8],
    work: &mut Work,
    out: &mut [u8],
) -> Result<Packing> {
    let first = (0..pipeline.len()).find(|&i| i >= 32 || mask >> i & 1 == 0);
    let first = first.filter(|&i| i < 32 && pipeline[i] == Filter::Shuffle(size));
    // As if the shuffle had been skipped: it is left to whoever reads the elements.
    decode(pipeline, first.map_or(mask, |i| mask | 1 << i), size, false, input, work, out)?;
    Ok(Packing { shuffled: first.is_some(), swapped: swap })
}

const DAMAGED: &str = "the file is damaged: copy it again";

fn wrong_size(got: usize, want: usize) -> Error {
    Error::new(ErrorKind::Format, format!("the chunk decodes to {got} bytes instead of {want}")).hint(DAMAGED)
}

fn refused(codec: &Codec, fault: Fault) -> Error {
    Error::new(ErrorKind::Filter, format!("the chunk does not decode: {fault}"))
        .at("filter", named(codec.id))
        .hint(DAMAGED)
}

/// A filter as errors name it: `deflate (1)`.
pub(crate) fn named(id: i32) -> String {
    format!("{} ({id})", super::filter_name(id).unwrap_or("unknown"))
}

fn inflate(_: &[u32], input: &[u8], out: &mut [u8], work: &mut Work) -> Result<usize, Fault> {
    let inflate = work.inflate.get_or_insert_with(libdeflater::Decompressor::new);
    inflate.zlib_decompress(input, out).map_err(|e| format!("it does not inflate: {e}"))
}

/// Checks the checksum at the end and returns the length without it.
fn check_fletcher32(bytes: &[u8]) -> Result<usize> {
    let damaged =
        |what: String| Err(Error::new(ErrorKind::Filter, what).at("filter", "fletcher32 (3)").hint(DAMAGED));
    let Some((data, sum)) = bytes.split_last_chunk::<4>() else {
        return damaged(format!("a chunk of {} bytes has no room for its checksum", bytes.len()));
    };
    let (stored, computed) = (u32::from_le_bytes(*sum), fletcher32(data));
    // Files of libhdf5 before 1.6.3 on little-endian machines have the bytes of each half swapped.
    let old = (computed & 0x00ff_00ff) << 8 | (computed & 0xff00_ff00) >> 8;
    if stored != computed && stored != old {
        return damaged(format!("the chunk's checksum is {computed:08x}, the file says {stored:08x}"));
    }
    Ok(data.len())
}

#[cfg(test)]
#[path = "tests/stored.rs"]
mod stored;
