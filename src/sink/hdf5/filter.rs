//! What becomes of chunks before they are stored: filters, applied one after the other by the thread that writes, outside
//! the HDF5 lock.
//!
//! No filter is left out of a chunk, even where it makes one larger: libhdf5 1.10, when it changes a part of such a chunk and
//! what it then makes happens to be as long as before, leaves the old filter mask in the index, and the chunk is lost.
//!
//! Sources: the filter descriptions of the HDF5 file format, its registry of filters, and the formats that the decoders of
//! this crate read. libhdf5 reads shuffle, deflate and fletcher32 by itself, the others with its plugins (h5py: hdf5plugin).

use super::bitshuffle;
use crate::buffer::Buffer;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::h5::fletcher32;
use crate::ops::simd::Simd;
use crate::per_simd;
use libdeflater::{CompressionLvl, Compressor};
use std::fmt;
use std::str::FromStr;

/// One filter of a dataset's chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Filter {
    /// Bytes of equal rank are put together, which helps the codec after it. Of elements of one byte it is nothing, and
    /// left out.
    Shuffle,
    /// zlib, level 0 (nothing is looked for) to 9 (slowest). Every HDF5 library reads it.
    Deflate(u8),
    /// A checksum of 32 bits.
    Fletcher32,
    /// LZ4 (32004): fast, and larger than deflate.
    Lz4,
    /// Zstandard (32015), level 1 to 22.
    Zstd(u8),
    /// Bits of equal rank are put together (32008).
    Bitshuffle,
    /// Bits of equal rank are put together, and compressed by LZ4 (32008).
    BitshuffleLz4,
}

/// h5py's level of deflate where none is given.
const LEVEL: u8 = 4;

impl Filter {
    /// Shuffle and deflate, which every HDF5 library reads.
    pub fn shuffle_deflate(level: u8) -> Vec<Filter> {
        vec![Filter::Shuffle, Filter::Deflate(level)]
    }

    /// The filters that a list with commas names, in the order in which they are applied: `shuffle,deflate:4`; `none` for
    /// none.
    ///
    /// # Errors
    /// `Value` for a name that there is not and for a level that the filter does not have, and as [`Filter::check`].
    pub fn list(text: &str) -> Result<Vec<Filter>> {
        if text.trim() == "none" {
            return Ok(Vec::new());
        }
        let filters = text.split(',').map(str::parse).collect::<Result<Vec<Filter>>>()?;
        Filter::check(&filters)?;
        Ok(filters)
    }

    /// Checks that filters make sense together.
    ///
    /// # Errors
    /// `Value` for one that is there twice, two codecs, bytes or bits that are put together after a codec or twice, and a
    /// level that there is not.
    pub fn check(filters: &[Filter]) -> Result<()> {
        let wrong = |what: String, hint: &str| Err(Error::new(ErrorKind::Value, what).hint(hint));
        for (n, filter) in filters.iter().enumerate() {
            filter.check_level()?;
            let before = &filters[..n];
            if before.iter().any(|b| b.id() == filter.id()) {
                return wrong(format!("the filter {filter} is there twice"), "give each filter once");
            }
            if filter.is_codec() && before.iter().any(|f| f.is_codec()) {
                return wrong(
                    format!("{filter} would compress what is compressed"),
                    "give one of deflate, lz4, zstd and bitshuffle:lz4",
                );
            }
            if filter.is_order() && !before.is_empty() {
                return wrong(
                    format!("{filter} after {} has no elements to put in order", before[0]),
                    "shuffle and bitshuffle come first, and only one of them",
                );
            }
        }
        Ok(())
    }

    fn check_level(self) -> Result<()> {
        let (level, range) = match self {
            Filter::Deflate(level) => (level, 0..=9),
            Filter::Zstd(level) => (level, 1..=22),
            _ => return Ok(()),
        };
        if range.contains(&level) {
            return Ok(());
        }
        let (name, least, most) = (self.name(), range.start(), range.end());
        Err(Error::new(ErrorKind::Value, format!("{name} has no level {level}"))
            .hint(format!("its levels are {least} to {most}, as in {name}:{}", LEVEL)))
    }

    fn name(self) -> &'static str {
        match self {
            Filter::Shuffle => "shuffle",
            Filter::Deflate(_) => "deflate",
            Filter::Fletcher32 => "fletcher32",
            Filter::Lz4 => "lz4",
            Filter::Zstd(_) => "zstd",
            Filter::Bitshuffle => "bitshuffle",
            Filter::BitshuffleLz4 => "bitshuffle:lz4",
        }
    }

    fn is_codec(self) -> bool {
        matches!(self, Filter::Deflate(_) | Filter::Lz4 | Filter::Zstd(_) | Filter::BitshuffleLz4)
    }

    fn is_order(self) -> bool {
        matches!(self, Filter::Shuffle | Filter::Bitshuffle | Filter::BitshuffleLz4)
    }

    /// Its number in HDF5's registry.
    pub(crate) fn id(self) -> i32 {
        match self {
            Filter::Deflate(_) => 1,
            Filter::Shuffle => 2,
            Filter::Fletcher32 => 3,
            Filter::Lz4 => 32004,
            Filter::Bitshuffle | Filter::BitshuffleLz4 => 32008,
            Filter::Zstd(_) => 32015,
        }
    }

    /// What the file says of it, for elements of `size` bytes. (libhdf5 adds what shuffle says.)
    pub(crate) fn values(self, size: usize) -> Vec<u32> {
        match self {
            Filter::Shuffle | Filter::Fletcher32 | Filter::Lz4 => Vec::new(),
            Filter::Deflate(level) | Filter::Zstd(level) => vec![u32::from(level)],
            // The version of the filter whose format this is; blocks of its own choice; no codec, or LZ4.
            Filter::Bitshuffle => vec![0, 4, size as u32, 0, 0],
            Filter::BitshuffleLz4 => vec![0, 4, size as u32, 0, 2],
        }
    }

    /// Those of them that do something to elements of `size` bytes.
    pub(crate) fn of(filters: &[Filter], size: usize) -> Vec<Filter> {
        filters.iter().copied().filter(|f| size > 1 || *f != Filter::Shuffle).collect()
    }

    /// The most bytes that it makes of `len`.
    fn most(self, len: usize) -> usize {
        match self {
            Filter::Shuffle | Filter::Bitshuffle => len,
            Filter::Fletcher32 => len + 4,
            // What libdeflate and libzstd say at most, whatever the level.
            Filter::Deflate(_) | Filter::Zstd(_) => len + len / 128 + 1024,
            Filter::Lz4 => 16 + lz4_flex::block::get_maximum_output_size(len),
            Filter::BitshuffleLz4 => bitshuffle::most(len),
        }
    }

    /// Bytes that it holds for itself.
    fn own_bytes(self, len: u64) -> u64 {
        match self {
            Filter::Deflate(_) => 1 << 20,
            Filter::Lz4 => 64 << 10,
            Filter::BitshuffleLz4 => 96 << 10,
            // Its tables are no larger than the chunk asks for, and than the last level's.
            Filter::Zstd(_) => (2 << 20) + len.saturating_mul(32).min(1 << 30),
            _ => 0,
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Filter::Deflate(level) | Filter::Zstd(level) => write!(f, "{}:{level}", self.name()),
            _ => f.write_str(self.name()),
        }
    }
}

impl FromStr for Filter {
    type Err = Error;

    fn from_str(text: &str) -> Result<Filter> {
        let text = text.trim();
        let (name, level) = match text.split_once(':') {
            Some((name, level)) => (name, Some(level)),
            None => (text, None),
        };
        let unknown = || {
            Error::new(ErrorKind::Value, format!("there is no filter '{text}' to write")).hint(
                "the filters are shuffle, deflate:0 to deflate:9 (gzip), fletcher32, lz4, zstd:1 to zstd:22, bitshuffle and \
                 bitshuffle:lz4; none for no filter",
            )
        };
        let number = |default: u8| match level {
            None => Ok(default),
            Some(level) => level.parse::<u8>().map_err(|_| {
                Error::new(ErrorKind::Value, format!("{name} has no level '{level}'"))
                    .hint(format!("write a number, as in {name}:{LEVEL}"))
            }),
        };
        let filter = match (name, level) {
            ("shuffle", None) => Filter::Shuffle,
            ("deflate" | "gzip", _) => Filter::Deflate(number(LEVEL)?),
            ("fletcher32", None) => Filter::Fletcher32,
            ("lz4", None) => Filter::Lz4,
            ("zstd", _) => Filter::Zstd(number(3)?),
            ("bitshuffle", None | Some("none")) => Filter::Bitshuffle,
            ("bitshuffle", Some("lz4")) => Filter::BitshuffleLz4,
            _ => return Err(unknown()),
        };
        filter.check_level()?;
        Ok(filter)
    }
}

/// Buffers that a thread reuses for filtering chunks.
#[derive(Default)]
pub struct WriteScratch {
    pub(super) padded: Buffer,
    /// A chunk as the file has it, and one of the other byte order.
    pub(super) stored: Buffer,
    pub(super) swapped: Buffer,
    stages: [Buffer; 2],
    deflate: Option<(u8, Compressor)>,
    zstd: Option<zstd_safe::CCtx<'static>>,
}

impl WriteScratch {
    /// Empty buffers.
    pub fn new() -> Self {
        WriteScratch::default()
    }

    /// The most bytes that writing chunks of `chunk_bytes` bytes with these filters uses.
    pub fn bytes_for(chunk_bytes: u64, filters: &[Filter]) -> u64 {
        let capacity = |n: usize| Buffer::capacity_for(n) as u64;
        let mut len = usize::try_from(chunk_bytes).unwrap_or(usize::MAX / 4).min(usize::MAX / 4);
        let mut bytes = capacity(len);
        let mut stages = [0u64; 2];
        for (n, filter) in filters.iter().enumerate() {
            len = filter.most(len);
            stages[n % 2] = stages[n % 2].max(capacity(len));
            bytes = bytes.saturating_add(filter.own_bytes(chunk_bytes));
        }
        bytes.saturating_add(stages[0]).saturating_add(stages[1])
    }
}

impl fmt::Debug for WriteScratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let buffers = self.stages.iter().chain([&self.padded, &self.stored, &self.swapped]);
        write!(f, "WriteScratch({} bytes)", buffers.map(Buffer::capacity).sum::<usize>())
    }
}

/// Applies filters to a chunk of elements of `size` bytes. Gives what is stored.
///
/// # Errors
/// `Internal` if a codec refuses its input.
pub(super) fn encode<'a>(
    filters: &[Filter],
    size: usize,
    chunk: &'a [u8],
    scratch: &'a mut WriteScratch,
) -> Result<&'a [u8]> {
    let WriteScratch { stages: [a, b], deflate, zstd, .. } = scratch;
    let mut len = chunk.len();
    // Which of the three buffers has the bytes: the chunk itself, or one of the two.
    let mut place = 0;
    for filter in filters {
        let (from, to) = match place {
            0 => (chunk, &mut *a),
            1 => (&a[..len], &mut *b),
            _ => (&b[..len], &mut *a),
        };
        to.resize_for_overwrite(filter.most(len));
        len = apply(*filter, size, from, to, deflate, zstd).at("filter", filter)?;
        place = if place == 1 { 2 } else { 1 };
    }
    Ok(match place {
        0 => chunk,
        1 => &a[..len],
        _ => &b[..len],
    })
}

fn apply(
    filter: Filter,
    size: usize,
    from: &[u8],
    to: &mut [u8],
    deflate: &mut Option<(u8, Compressor)>,
    zstd: &mut Option<zstd_safe::CCtx<'static>>,
) -> Result<usize> {
    let failed = |why: String| Error::new(ErrorKind::Internal, "a chunk does not compress").caused_by(why);
    match filter {
        Filter::Shuffle => shuffle(Simd::best(), from, to, size),
        Filter::Bitshuffle => bitshuffle::turn(from, to, size),
        Filter::BitshuffleLz4 => return bitshuffle::compress(from, to, size).map_err(failed),
        Filter::Fletcher32 => {
            let (data, sum) = to.split_at_mut(from.len());
            data.copy_from_slice(from);
            sum.copy_from_slice(&fletcher32(from).to_le_bytes());
            return Ok(from.len() + 4);
        }
        Filter::Deflate(level) => {
            let compressor = match deflate {
                Some((l, compressor)) if *l == level => compressor,
                other => {
                    let l = CompressionLvl::new(i32::from(level))
                        .map_err(|_| failed(format!("level {level}")))?;
                    &mut other.insert((level, Compressor::new(l))).1
                }
            };
            return compressor.zlib_compress(from, to).map_err(|e| failed(e.to_string()));
        }
        Filter::Zstd(level) => {
            let context = match zstd {
                Some(context) => context,
                None => zstd.insert(zstd_safe::CCtx::try_create().ok_or_else(|| failed("no memory".into()))?),
            };
            let made = context.compress(to, from, i32::from(level));
            return made.map_err(|code| failed(zstd_safe::get_error_name(code).to_string()));
        }
        Filter::Lz4 => {
            // One block: the filter's own choice is up to 1 GiB, and so are most chunks.
            let block = from.len().min(1 << 30);
            to[..8].copy_from_slice(&(from.len() as u64).to_be_bytes());
            to[8..12].copy_from_slice(&(block as u32).to_be_bytes());
            let mut at = 12;
            for piece in from.chunks(block.max(1)) {
                at += bitshuffle::lz4_block(piece, &mut to[at..]).map_err(failed)?;
            }
            return Ok(at);
        }
    }
    Ok(from.len())
}

#[inline(always)]
fn shuffle_body(src: &[u8], dst: &mut [u8], width: usize) {
    /// Elements whose planes are made while they are in cache.
    const NEAR: usize = 2048;
    let n = src.len() / width.max(1);
    if n == 0 {
        return dst.copy_from_slice(src);
    }
    macro_rules! planes {
        ($t:ty) => {{
            const SIZE: usize = size_of::<$t>();
            let elements = &src.as_chunks::<SIZE>().0[..n];
            for (near, from) in elements.chunks(NEAR).enumerate() {
                for k in 0..SIZE {
                    let plane = &mut dst[k * n + near * NEAR..][..from.len()];
                    for (d, s) in plane.iter_mut().zip(from) {
                        *d = (<$t>::from_le_bytes(*s) >> (8 * k)) as u8;
                    }
                }
            }
        }};
    }
    match width {
        2 => planes!(u16),
        4 => planes!(u32),
        8 => planes!(u64),
        _ => {
            for (k, plane) in dst[..n * width].chunks_exact_mut(n).enumerate() {
                for (d, s) in plane.iter_mut().zip(src.chunks_exact(width)) {
                    *d = s[k];
                }
            }
        }
    }
    // What does not fill an element is stored as it is.
    dst[n * width..src.len()].copy_from_slice(&src[n * width..]);
}

per_simd! {
    /// The HDF5 shuffle: the first bytes of all elements, then the second ones, and so on. `dst` is as long as `src`.
    pub(super) fn shuffle(src: &[u8], dst: &mut [u8], width: usize) = shuffle_body
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a codec holds and makes is no more than is counted, whatever it is given.
    #[test]
    fn codecs_keep_to_what_is_counted() {
        let noise = |n: usize| -> Vec<u8> {
            let mut state = 1u64;
            let mut next = || {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 56) as u8
            };
            (0..n).map(|_| next()).collect()
        };
        for n in [1, 7, 8, 64, 1000, 4096, 100_000, 1 << 20, (1 << 22) + 3] {
            let data = [noise(n), vec![7; n], noise(n).iter().map(|b| b & 3).collect()];
            for level in [1, 3, 9, 12, 15, 16, 19, 22] {
                let mut scratch = WriteScratch::new();
                for data in data.iter().filter(|_| n < 1 << 20 || level < 16) {
                    encode(&[Filter::Zstd(level)], 1, data, &mut scratch).unwrap();
                    let held = scratch.zstd.as_ref().unwrap().sizeof() as u64;
                    assert!(held <= Filter::Zstd(level).own_bytes(n as u64), "zstd:{level} of {n}: {held}");
                }
            }
            for filter in [Filter::Lz4, Filter::BitshuffleLz4, Filter::Deflate(0), Filter::Deflate(9)] {
                for size in [1, 2, 4, 8, 3] {
                    for data in &data {
                        let mut scratch = WriteScratch::new();
                        encode(&[filter], size, data, &mut scratch).unwrap();
                        let counted = WriteScratch::bytes_for(n as u64, &[filter]);
                        let held: usize = scratch.stages.iter().map(Buffer::capacity).sum();
                        assert!(held as u64 <= counted, "{filter} {n}: {held} of {counted}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_level_shuffles_alike() {
        for width in [1, 2, 3, 4, 8, 16] {
            for n in [0, 1, 5, 2047, 2048, 5000] {
                let src: Vec<u8> = (0..n * width + width / 2).map(|i| (i * 31 % 251) as u8).collect();
                let mut right = vec![0; src.len()];
                for (i, b) in src.iter().enumerate() {
                    let to = if i < n * width { i % width * n + i / width } else { i };
                    right[to] = *b;
                }
                for simd in Simd::available() {
                    let mut got = vec![9; src.len()];
                    shuffle(simd, &src, &mut got, width);
                    assert_eq!(got, right, "{} {width} {n}", simd.name());
                }
            }
        }
    }

    #[test]
    fn lists_are_read_as_they_are_shown() {
        for text in [
            "shuffle,deflate:4",
            "fletcher32",
            "lz4",
            "shuffle,zstd:3,fletcher32",
            "bitshuffle:lz4",
            "bitshuffle",
        ] {
            let list = Filter::list(text).unwrap();
            let shown: Vec<String> = list.iter().map(Filter::to_string).collect();
            assert_eq!(shown.join(","), text);
        }
        assert_eq!(Filter::list("gzip").unwrap(), [Filter::Deflate(4)]);
        assert_eq!(Filter::list("none").unwrap(), []);
        for text in [
            "",
            "shuffle,",
            "deflate:-1",
            "deflate:10",
            "zstd:23",
            "shuffle:4",
            "deflate,shuffle",
            "bitshuffle,shuffle",
        ] {
            assert_eq!(Filter::list(text).unwrap_err().kind(), ErrorKind::Value, "{text}");
        }
    }
}
