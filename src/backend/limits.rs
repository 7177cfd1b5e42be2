//! What the machine can do at best, measured: memory, arithmetic, the disk cache, the decoders.
//!
//! Each limit is the least that any program must do for a kind of work, in the simplest loop that does it, on
//! the same number of threads: what runs are made of is judged as a share of it. Rates are medians of a few
//! rounds after one that warms up; a thread touches its memory first, so that it lies on the thread's own
//! NUMA node. Reading and decoding are single runs, to be taken in turns with the work that they bound.
//!
//! Conventions: bytes of memory are counted as in STREAM (McCalpin 1995): what the program reads plus what it
//! writes, not the lines that a store may fetch first. One multiply-add is two flops.

use super::calibrate::{Piece, spans, together};
use super::topology::Topology;
use crate::DType;
use crate::buffer::Buffer;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid;
use crate::ops::simd::Simd;
use crate::per_simd;
use crate::source::{ReadCx, ReadStats, Scratch, Source};
use num_traits::Float;
use std::fs::File;
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Of how many last-level caches the buffers are, and how many bytes in all at least and at most.
const CACHES: u64 = 8;
const LEAST: u64 = 256 << 20;
const MOST: u64 = 4 << 30;
/// Buffers are a whole number of these bytes.
const STEP: usize = 4096;

/// Steps of a round of multiply-adds: some milliseconds.
const STEPS: usize = 1 << 21;
/// Independent chains of multiply-adds: enough to hide a latency of six cycles on two units, and with two
/// constants no more than the sixteen registers that AVX2 has.
const CHAINS: usize = 12;

/// Bytes per second that `threads` threads read from memory: each sums float32 values of its own.
///
/// # Errors
/// `Budget` if there is no memory to read.
pub fn memory_read(threads: usize) -> Result<f64> {
    let threads = threads.max(1);
    let bytes = share(threads);
    rate(threads, bytes, || {
        let mut values = Buffer::new();
        move |simd| {
            let values: &[f32] = bytemuck::cast_slice(touched(&mut values, bytes)?);
            black_box(sum_f32(simd, values));
            Ok(())
        }
    })
}

/// Values that a plain loop sums.
pub trait Summed: Copy + Sync {
    /// Their sum, in lanes, without care.
    fn sum(simd: Simd, values: &[Self]) -> f64;
}

impl Summed for f32 {
    fn sum(simd: Simd, values: &[f32]) -> f64 {
        sum_f32(simd, values).into()
    }
}

impl Summed for f64 {
    fn sum(simd: Simd, values: &[f64]) -> f64 {
        sum_f64(simd, values)
    }
}

/// Seconds in which `threads` threads sum values that are in memory, each a part of them, and the sum.
pub fn plain_sum<T: Summed>(values: &[T], threads: usize) -> (f64, f64) {
    let simd = Simd::best();
    let part = values.len().div_ceil(threads.max(1)).max(1);
    let start = Instant::now();
    let sum = std::thread::scope(|scope| {
        let parts: Vec<_> = values.chunks(part).map(|p| scope.spawn(move || T::sum(simd, p))).collect();
        // A loop of additions does not panic.
        parts.into_iter().map(|t| t.join().unwrap_or(f64::NAN)).sum()
    });
    (start.elapsed().as_secs_f64(), sum)
}

/// Bytes per second, read plus written, of a copy from memory to memory by the system's own routine, which
/// may store past the caches.
///
/// # Errors
/// As [`memory_read`].
pub fn memory_copy(threads: usize) -> Result<f64> {
    let threads = threads.max(1);
    let bytes = share(2 * threads);
    rate(threads, 2 * bytes, || {
        let (mut from, mut to) = (Buffer::new(), Buffer::new());
        move |_| {
            let from = touched(&mut from, bytes)?;
            let to = touched(&mut to, bytes)?;
            to.copy_from_slice(from);
            black_box(to);
            Ok(())
        }
    })
}

/// Bytes of one of so many buffers.
fn share(buffers: usize) -> usize {
    let cache = Topology::of_this_thread().and_then(|t| t.last_cache).unwrap_or(0);
    let all = cache.saturating_mul(CACHES).clamp(LEAST, MOST) as usize;
    (all / buffers).next_multiple_of(STEP)
}

/// The buffer with `bytes` bytes, other than zero once it is here: pages that nobody has written may all be one.
fn touched(buffer: &mut Buffer, bytes: usize) -> Result<&mut [u8]> {
    if buffer.len() != bytes {
        let none = || Error::new(ErrorKind::Budget, "no memory to measure with").at("bytes", bytes);
        *buffer = Buffer::try_zeroed(bytes).ok_or_else(none)?;
        buffer.fill(1);
    }
    Ok(buffer)
}

/// `bytes` per thread and second, of what `make` makes for each thread.
fn rate<F>(threads: usize, bytes: usize, make: impl Fn() -> F) -> Result<f64>
where
    F: FnMut(Simd) -> Result<()> + Send,
{
    let simd = Simd::best();
    let piece = |_| {
        let mut run = make();
        Box::new(move || run(simd)) as Piece
    };
    let seconds = together((0..threads).map(piece).collect())?;
    Ok(bytes as f64 * threads as f64 / seconds)
}

/// What a compiler makes of a sum: lanes, no care.
#[inline(always)]
fn sum_f32_body(values: &[f32]) -> f32 {
    let mut lanes = [0f32; 64];
    let (whole, rest) = values.as_chunks::<64>();
    for chunk in whole {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane += v;
        }
    }
    lanes.iter().sum::<f32>() + rest.iter().sum::<f32>()
}
per_simd!(fn sum_f32(values: &[f32]) -> f32 = sum_f32_body);

#[inline(always)]
fn sum_f64_body(values: &[f64]) -> f64 {
    let mut lanes = [0f64; 32];
    let (whole, rest) = values.as_chunks::<32>();
    for chunk in whole {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane += v;
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().sum::<f64>()
}
per_simd!(fn sum_f64(values: &[f64]) -> f64 = sum_f64_body);

/// The peak of multiplications and additions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MultiplyAdd {
    /// Multiplications and additions per second.
    pub flops: f64,
    /// Whether one instruction does both; otherwise they were a multiplication and an addition each.
    pub fused: bool,
}

/// The most multiply-adds of float32 or float64 that `threads` threads do: independent chains in the widest
/// vector registers, nothing read or written.
///
/// # Errors
/// `Type` for another dtype.
pub fn multiply_add(dtype: DType, threads: usize) -> Result<MultiplyAdd> {
    let (simd, fma) = (Simd::best(), Fma::new());
    let chains = match dtype {
        DType::F32 => chains_f32(simd, fma),
        DType::F64 => chains_f64(simd, fma),
        _ => return Err(Error::new(ErrorKind::Type, format!("multiply-adds of {dtype} are not measured"))),
    };
    let threads = threads.max(1);
    let run = &chains.run;
    let piece = |_| {
        Box::new(move || {
            black_box(run(STEPS));
            Ok(())
        }) as Piece
    };
    let seconds = together((0..threads).map(piece).collect())?;
    let each = 2.0 * (CHAINS * chains.lanes) as f64 * STEPS as f64;
    Ok(MultiplyAdd { flops: each * threads as f64 / seconds, fused: chains.fused })
}

/// Proof that the processor has AVX2 and fused multiply-adds, which no level of [`Simd`] but AVX-512 has.
#[derive(Clone, Copy)]
struct Fma(());

impl Fma {
    fn new() -> Option<Fma> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return Some(Fma(()));
        }
        None
    }

    /// [`chains`] in registers of 32 bytes.
    #[cfg(target_arch = "x86_64")]
    fn chains<T: Float, const LANES: usize>(self, steps: usize) -> T {
        #[target_feature(enable = "avx2,fma")]
        fn fused<T: Float, const LANES: usize>(steps: usize) -> T {
            chains::<T, LANES, true>(steps)
        }
        // SAFETY: `self` exists only where the processor has both.
        unsafe { fused::<T, LANES>(steps) }
    }
}

/// A loop of multiply-adds.
struct Chains {
    /// Values of a chain.
    lanes: usize,
    fused: bool,
    /// Takes so many steps and gives the sum of all chains' values.
    run: Box<dyn Fn(usize) -> f64 + Send + Sync>,
}

/// Lane `l` of chain `c` begins as `c + l` and becomes half of itself and one in each step.
#[inline(always)]
fn chains<T: Float, const LANES: usize, const FUSED: bool>(steps: usize) -> T {
    let (by, plus) = (black_box(T::one() / (T::one() + T::one())), black_box(T::one()));
    let number = |n: usize| T::from(n).unwrap_or_else(T::zero);
    let start: [[T; LANES]; CHAINS] = std::array::from_fn(|c| std::array::from_fn(|l| number(c + l)));
    // Variables, not an array of them: the compiler then takes a register for each.
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h, mut i, mut j, mut k, mut l] =
        black_box(start);
    for _ in 0..steps {
        for chain in
            [&mut a, &mut b, &mut c, &mut d, &mut e, &mut f, &mut g, &mut h, &mut i, &mut j, &mut k, &mut l]
        {
            step::<T, LANES, FUSED>(chain, by, plus);
        }
    }
    let sum = |all: T, v: &T| all + *v;
    [a, b, c, d, e, f, g, h, i, j, k, l].as_flattened().iter().fold(T::zero(), sum)
}

#[inline(always)]
fn step<T: Float, const LANES: usize, const FUSED: bool>(chain: &mut [T; LANES], by: T, plus: T) {
    for v in chain {
        *v = if FUSED { v.mul_add(by, plus) } else { *v * by + plus };
    }
}

/// The chains of a dtype, of whose values `$wide` fill 64 bytes.
macro_rules! chains_of {
    ($name:ident, $t:ty, $wide:literal) => {
        fn $name(simd: Simd, fma: Option<Fma>) -> Chains {
            const WIDE: usize = $wide;
            per_simd!(fn wide(steps: usize) -> $t = chains::<$t, WIDE, true>);
            per_simd!(fn apart(steps: usize) -> $t = chains::<$t, { WIDE / 2 }, false>);
            per_simd!(fn narrow(steps: usize) -> $t = chains::<$t, { WIDE / 4 }, false>);
            let of = |lanes, fused, run| Chains { lanes, fused, run };
            match (simd.name(), fma) {
                ("avx512", _) => of(WIDE, true, Box::new(move |n| wide(simd, n).into())),
                #[cfg(target_arch = "x86_64")]
                ("avx2", Some(fma)) => {
                    of(WIDE / 2, true, Box::new(move |n| fma.chains::<$t, { WIDE / 2 }>(n).into()))
                }
                ("avx2", _) => of(WIDE / 2, false, Box::new(move |n| apart(simd, n).into())),
                // NEON multiplies and adds at once; two of its 32 registers for a chain.
                #[cfg(target_arch = "aarch64")]
                _ => of(WIDE / 2, true, Box::new(|n| chains::<$t, { WIDE / 2 }, true>(n).into())),
                #[cfg(not(target_arch = "aarch64"))]
                _ => of(WIDE / 4, false, Box::new(move |n| narrow(simd, n).into())),
            }
        }
    };
}
chains_of!(chains_f32, f32, 16);
chains_of!(chains_f64, f64, 8);

/// One reading of a stretch of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reads {
    /// How long it took.
    pub seconds: f64,
    /// The plain sum of the float32 values, for a look at whether they were read.
    pub sum: f64,
}

/// Reads the float32 values in `len` bytes from `offset` on once, by positioned reads of `piece` bytes into one
/// reused buffer per thread, and sums them there. Opening the file and making the buffers is not timed.
///
/// # Errors
/// `Value` if `piece` or `len` are not of whole values; `NotFound` or `Io` from the file, also if it ends earlier.
pub fn positioned_reads(path: &Path, offset: u64, len: u64, threads: usize, piece: usize) -> Result<Reads> {
    if piece == 0 || !piece.is_multiple_of(4) || !len.is_multiple_of(4) {
        let message = format!("{len} bytes in pieces of {piece} are not whole float32 values");
        return Err(Error::new(ErrorKind::Value, message));
    }
    let simd = Simd::best();
    let next = AtomicU64::new(0);
    let mut sums = vec![0.0; threads.max(1)];
    let read = |sum: &mut f64, file: &mut File, buffer: &mut [u8]| -> Result<()> {
        loop {
            let at = next.fetch_add(1, Relaxed).saturating_mul(piece as u64);
            if at >= len {
                return Ok(());
            }
            let out = &mut buffer[..(len - at).min(piece as u64) as usize];
            read_at(file, out, offset.saturating_add(at))?;
            *sum += f64::from(sum_f32(simd, bytemuck::cast_slice(out)));
        }
    };
    let pieces = sums.iter_mut().map(|sum| {
        let (mut ready, read): (Option<(File, Buffer)>, _) = (None, &read);
        Box::new(move || match &mut ready {
            Some((file, buffer)) => read(sum, file, buffer),
            none => {
                let mut buffer = Buffer::new();
                touched(&mut buffer, piece)?;
                *none = Some((open(path)?, buffer));
                Ok(())
            }
        }) as Piece
    });
    let seconds = spans(1, pieces.collect()).at("file", path.display())?[0];
    Ok(Reads { seconds, sum: sums.iter().sum() })
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| {
        let kind = match e.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Error::new(kind, "cannot open the file").caused_by(e)
    })
}

fn read_at(file: &mut File, out: &mut [u8], at: u64) -> Result<()> {
    #[cfg(unix)]
    let done = std::os::unix::fs::FileExt::read_exact_at(file, out, at);
    #[cfg(not(unix))]
    let done = {
        use std::io::{Read, Seek};
        file.seek(std::io::SeekFrom::Start(at)).and_then(|_| file.read_exact(out))
    };
    let what = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::new(ErrorKind::Io, "the file ends before its data"),
        _ => Error::new(ErrorKind::Io, "cannot read").caused_by(e),
    };
    done.map_err(what).at("bytes", format_args!("{at}..{}", at.saturating_add(out.len() as u64)))
}

/// One decoding of all chunks.
#[derive(Debug)]
pub struct Decoded {
    /// How long it took.
    pub seconds: f64,
    /// What was read and decoded.
    pub stats: ReadStats,
}

/// Brings and decodes every chunk of `source` once, into one reused buffer per thread, and computes nothing.
/// Making the buffers is not timed.
///
/// # Errors
/// `Unsupported` if the source has no chunks; `Budget` if there is no memory for one per thread; otherwise as
/// [`Source::read_chunk`].
pub fn decode(source: &dyn Source, threads: usize) -> Result<Decoded> {
    let none = || Error::new(ErrorKind::Unsupported, "this source has no chunks");
    let chunks = source.chunks().ok_or_else(none).at("source", source.describe())?;
    let counts: Vec<u64> = source.shape().iter().enumerate().map(|(d, &n)| chunks.count(d, n)).collect();
    let all = grid::checked_len(&counts)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "too many chunks").at("source", source.describe()))?;
    let size = source.dtype().size();
    let most = usize::try_from(chunks.elements().saturating_mul(size as u64)).unwrap_or(usize::MAX);
    let (next, stats) = (AtomicU64::new(0), ReadStats::default());
    let read = |scratch: &mut Scratch, buffer: &mut [u8]| -> Result<()> {
        loop {
            let k = next.fetch_add(1, Relaxed);
            if k >= all {
                return Ok(());
            }
            let chunk = grid::unravel(k, &counts);
            let elements: u64 = chunks.region(&chunk).shape.iter().product();
            let out = &mut buffer[..elements as usize * size];
            source.read_chunk(&chunk, out, &mut ReadCx { scratch, stats: &stats })?;
        }
    };
    let piece = |_| {
        let (mut ready, read): (Option<(Scratch, Buffer)>, _) = (None, &read);
        Box::new(move || match &mut ready {
            Some((scratch, buffer)) => read(scratch, buffer),
            none => {
                let mut buffer = Buffer::new();
                touched(&mut buffer, most)?;
                *none = Some((Scratch::new(), buffer));
                Ok(())
            }
        }) as Piece
    };
    let seconds = spans(1, (0..threads.max(1)).map(piece).collect())?[0];
    Ok(Decoded { seconds, stats })
}

#[cfg(test)]
mod tests;
