//! Undoing szip (filter 4): Rice codes of distances between neighbours.
//!
//! A chunk starts with the count of bytes that come out (4, little-endian). Then comes one stream of
//! CCSDS 121.0-B without any header. Samples go in scanlines; each is one reference sample interval
//! and is filled up to whole blocks. A block starts with the number of its coding option, in 3, 4
//! or 5 bits for samples of up to 8, up to 16 and more bits:
//! - 0, then 0: this and some following blocks are zero; how many is coded in unary, and 5 means
//!   all up to the end of the scanline or of 64 blocks;
//! - 0, then 1: two samples in each code (second extension);
//! - all ones: samples as they are;
//! - else k + 1: what is above the k lowest bits of each sample in unary, then the k bits of each.
//!
//! With the unit-delay predictor (option NN) a scanline's first sample stands as it is, after the
//! option, and the others are distances from the sample before, folded so that none is negative and
//! none needs a bit more than the samples.
//!
//! Samples of 32 and 64 bits are coded as bytes: all first bytes, all second bytes and so on, which
//! is HDF5's shuffle. Others take 1, 2 or 4 bytes, in the order of bytes that the options say.
//!
//! Sources: CCSDS 121.0-B-3; for what szip adds, the interface of libaec's szip layer
//! (`sz_compat.c`) and libhdf5's `H5Zszip.c`.
//!
//! Limits: szip's own, 32 samples a block and 4096 a scanline.

use super::{Fault, Work, unshuffle};
use crate::ops::simd::Simd;

const MSB: u32 = 16;
const NN: u32 = 32;
const MOST_BLOCK: usize = 32;
const MOST_SCANLINE: usize = 4096;
/// Blocks after which a run of zero blocks of unsaid length ends.
const SEGMENT: usize = 64;

/// What a stream is coded with.
#[derive(Clone, Copy)]
struct Coding {
    /// Samples, even.
    block: usize,
    scanline: usize,
    /// Bits per sample, 1 to 24.
    bits: u32,
    predict: bool,
}

impl Coding {
    /// Bits of a block's option.
    fn option_bits(&self) -> u32 {
        match self.bits {
            0..=8 => 3,
            9..=16 => 4,
            _ => 5,
        }
    }

    fn most(&self) -> u32 {
        u32::MAX >> (32 - self.bits)
    }
}

/// What is wrong with a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bad {
    Early,
    Large,
    Pair,
    Zeros,
}

impl From<Bad> for Fault {
    fn from(bad: Bad) -> Fault {
        match bad {
            Bad::Early => "the szip stream ends early",
            Bad::Large => "the szip stream has a sample of too many bits",
            Bad::Pair => "the szip stream has a pair of samples beyond all pairs",
            Bad::Zeros => "the szip stream has more zero blocks than a scanline",
        }
        .into()
    }
}

/// Undoes szip: `input` is what is stored, the elements come out in the file's byte order.
pub(super) fn decode(values: &[u32], input: &[u8], out: &mut [u8], work: &mut Work) -> Result<usize, Fault> {
    let &[options, block, depth, scanline] = values else {
        return Err(format!("szip has {} parameters instead of 4", values.len()));
    };
    if block < 2 || block as usize > MOST_BLOCK || block % 2 != 0 {
        return Err(format!("szip has blocks of {block} samples"));
    }
    if scanline == 0 || scanline as usize > MOST_SCANLINE {
        return Err(format!("szip has scanlines of {scanline} samples"));
    }
    let planes = match depth {
        1..=24 => 1,
        32 | 64 => depth as usize / 8,
        _ => return Err(format!("szip has samples of {depth} bits")),
    };
    let coding = Coding {
        block: block as usize,
        scanline: scanline as usize,
        bits: if planes > 1 { 8 } else { depth },
        predict: options & NN != 0,
    };
    let Some((len, stream)) = input.split_first_chunk::<4>() else {
        return Err(format!("a szip chunk of {} bytes has no room for its size", input.len()));
    };
    let (len, most) = (u32::from_le_bytes(*len), out.len());
    let Some(out) = usize::try_from(len).ok().and_then(|n| out.get_mut(..n)) else {
        return Err(format!("szip gives {len} bytes where {most} have room"));
    };
    let bytes = coding.bits.div_ceil(8).next_power_of_two() as usize;
    if !out.len().is_multiple_of(planes * bytes) {
        return Err(format!("szip gives {len} bytes of samples of {depth} bits"));
    }
    let bits = &Reader { data: stream, at: 0, acc: 0, have: 0 };
    match (bytes, options & MSB != 0) {
        (1, _) if planes == 1 => lines(&coding, bits, out, |v| [v as u8])?,
        (1, _) => {
            work.buffer.resize_for_overwrite(out.len());
            lines(&coding, bits, &mut work.buffer, |v| [v as u8])?;
            unshuffle(Simd::best(), &work.buffer, out, planes, false);
        }
        (2, false) => lines(&coding, bits, out, |v| (v as u16).to_le_bytes())?,
        (2, true) => lines(&coding, bits, out, |v| (v as u16).to_be_bytes())?,
        (_, false) => lines(&coding, bits, out, u32::to_le_bytes)?,
        (_, true) => lines(&coding, bits, out, u32::to_be_bytes)?,
    }
    Ok(out.len())
}

/// Decodes scanlines until `out` is full. `put` makes the `N` bytes of a sample.
#[inline(always)]
fn lines<const N: usize>(
    coding: &Coding,
    bits: &Reader,
    out: &mut [u8],
    put: impl Fn(u32) -> [u8; N],
) -> Result<(), Bad> {
    // One that nothing points at stays in registers.
    let mut bits = *bits;
    for line in out.as_chunks_mut::<N>().0.chunks_mut(coding.scanline) {
        one_line(coding, &mut bits, line, &put)?;
    }
    Ok(())
}

#[inline(always)]
fn one_line<const N: usize>(
    coding: &Coding,
    bits: &mut Reader,
    line: &mut [[u8; N]],
    put: impl Fn(u32) -> [u8; N],
) -> Result<(), Bad> {
    let (block, most) = (coding.block, coding.most());
    let option_bits = coding.option_bits();
    let mut before = 0;
    let mut done = 0;
    while done < line.len() {
        let reference = coding.predict && done == 0;
        let mut samples = [0u32; MOST_BLOCK];
        let samples = &mut samples[..block];
        let option = bits.take(option_bits)?;
        // Where samples start that are coded in the option's way.
        let from = usize::from(reference);
        // Only samples of the block itself, unless it is zero.
        let mut length = block;
        if option == (1 << option_bits) - 1 {
            for s in samples.iter_mut() {
                *s = bits.take(coding.bits)?;
            }
        } else if option > 0 {
            if reference {
                samples[0] = bits.take(coding.bits)?;
            }
            split(bits, option - 1, most, &mut samples[from..])?;
        } else {
            let pairs = bits.take(1)? == 1;
            if reference {
                samples[0] = bits.take(coding.bits)?;
            }
            if pairs {
                second_extension(bits, from, samples)?;
            } else {
                let so_far = done / block;
                let blocks = coding.scanline.div_ceil(block);
                let zeros = match bits
                    .unary(MOST_SCANLINE as u32)
                    .map_err(|bad| if bad == Bad::Large { Bad::Zeros } else { bad })?
                    as usize
                {
                    n @ 0..4 => n + 1,
                    4 => (SEGMENT - so_far % SEGMENT).min(blocks - so_far),
                    n => n,
                };
                if zeros > blocks - so_far {
                    return Err(Bad::Zeros);
                }
                length = zeros * block;
            }
        }
        if samples.iter().fold(0, |all, s| all | s) > most {
            return Err(Bad::Large);
        }
        let room = line.len() - done;
        let target = &mut line[done..done + length.min(room)];
        if coding.predict {
            if reference {
                before = samples[0];
                target[0] = put(before);
            }
            if length > block || samples[from..].iter().all(|&s| s == 0) {
                target[from..].fill(put(before));
            } else {
                for (t, &s) in target.iter_mut().zip(samples.iter()).skip(from) {
                    before = unfold(before, s, most);
                    *t = put(before);
                }
            }
        } else if length > block {
            target.fill(put(0));
        } else {
            for (t, &s) in target.iter_mut().zip(samples.iter()) {
                *t = put(s);
            }
        }
        done += target.len();
    }
    Ok(())
}

/// The sample after `before` at the folded distance `d`: 0, -1, 1, -2, 2 and so on while both signs
/// stay between 0 and `most`, then the side that is left. None of the three is above `most`.
#[inline(always)]
fn unfold(before: u32, d: u32, most: u32) -> u32 {
    let room = before.min(most - before);
    let half = d >> 1;
    if half + (d & 1) <= room {
        // Half of it up, or half of it and one down.
        before.wrapping_add(half ^ (d & 1).wrapping_neg())
    } else if room == before {
        d
    } else {
        most - d
    }
}

/// Samples whose bits above the lowest `k` are in unary, before all their lowest bits.
#[inline(always)]
fn split(bits: &mut Reader, k: u32, most: u32, samples: &mut [u32]) -> Result<(), Bad> {
    // k is at most 29.
    let top = most >> k;
    for s in samples.iter_mut() {
        *s = bits.unary(top)? << k;
    }
    if k > 0 {
        for s in samples.iter_mut() {
            *s |= bits.take(k)?;
        }
    }
    Ok(())
}

/// The pairs by their codes: by their sum, then by the second.
const PAIRS: [(u8, u8); 91] = {
    let mut table = [(0, 0); 91];
    let (mut i, mut sum) = (0, 0u8);
    while sum < 13 {
        let mut second = 0;
        while second <= sum {
            table[i] = (sum - second, second);
            (i, second) = (i + 1, second + 1);
        }
        sum += 1;
    }
    table
};

/// Samples two by two. The pair of the reference sample codes its second only. Sums above 12 are never
/// shorter than the samples in unary, so no coder makes them.
#[inline(always)]
fn second_extension(bits: &mut Reader, from: usize, samples: &mut [u32]) -> Result<(), Bad> {
    for (i, pair) in samples.as_chunks_mut::<2>().0.iter_mut().enumerate() {
        let code = bits.unary(u32::MAX)?;
        let &(first, second) = PAIRS.get(code as usize).ok_or(Bad::Pair)?;
        if i > 0 || from == 0 {
            pair[0] = first.into();
        }
        pair[1] = second.into();
    }
    Ok(())
}

/// Bits, the highest of a byte first.
#[derive(Clone, Copy)]
struct Reader<'a> {
    data: &'a [u8],
    /// The byte after those that are counted in `have`.
    at: usize,
    /// The next bits, from the top. Below the first `have` are zeros, or already the bits that follow.
    acc: u64,
    have: u32,
}

impl Reader<'_> {
    /// Makes `have` 56 or more, unless the data end.
    #[inline(always)]
    fn refill(&mut self) {
        if let Some(next) = self.data.get(self.at..).and_then(|d| d.first_chunk::<8>()) {
            self.acc |= u64::from_be_bytes(*next) >> self.have;
            self.at += (63 - self.have) as usize / 8;
            self.have |= 56;
        } else {
            (self.at, self.acc, self.have) = refill_at_end(self.data, self.at, self.acc, self.have);
        }
    }

    /// The next `n` bits, up to 32.
    #[inline(always)]
    fn take(&mut self, n: u32) -> Result<u32, Bad> {
        if self.have < n {
            self.refill();
            if self.have < n {
                return Err(Bad::Early);
            }
        }
        let v = (self.acc >> 1 >> (63 - n)) as u32;
        self.acc <<= n;
        self.have -= n;
        Ok(v)
    }

    /// How many zeros come before the next one; both are taken. More than `most` are too many.
    #[inline(always)]
    fn unary(&mut self, most: u32) -> Result<u32, Bad> {
        let mut run = 0u32;
        loop {
            let zeros = self.acc.leading_zeros();
            if zeros < self.have {
                // `have` is less than 64.
                self.acc <<= zeros + 1;
                self.have -= zeros + 1;
                run = run.saturating_add(zeros);
                return if run <= most { Ok(run) } else { Err(Bad::Large) };
            }
            run = run.saturating_add(self.have);
            self.acc <<= self.have;
            self.have = 0;
            if run > most {
                return Err(Bad::Large);
            }
            self.refill();
            if self.have == 0 {
                return Err(Bad::Early);
            }
        }
    }
}

/// Where fewer than eight bytes are left. By value: a pointer would keep the reader in memory.
#[cold]
#[inline(never)]
fn refill_at_end(data: &[u8], mut at: usize, mut acc: u64, mut have: u32) -> (usize, u64, u32) {
    while have < 56 && at < data.len() {
        acc |= u64::from(data[at]) << (56 - have);
        at += 1;
        have += 8;
    }
    (at, acc, have)
}

#[cfg(test)]
mod tests;
