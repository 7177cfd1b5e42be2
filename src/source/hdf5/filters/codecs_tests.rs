//! The decoders against chunks that h5py and hdf5plugin stored (`tests/goldens/make_codecs.py`), whose
//! elements are known by a formula, and against damaged chunks.

use super::*;
use crate::ops::simd::Simd;
use serde::Deserialize;

#[derive(Deserialize)]
struct Row {
    name: String,
    filter: u32,
    values: Vec<u32>,
    kind: String,
    count: u64,
    size: usize,
    stored: String,
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ z >> 30).wrapping_mul(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27).wrapping_mul(0x94D049BB133111EB);
    z ^ z >> 31
}

fn noise(k: u64) -> u64 {
    mix((k + 1).wrapping_mul(0x9E3779B97F4A7C15))
}

impl Row {
    fn all() -> Vec<Row> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/codecs.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn stored(&self) -> Vec<u8> {
        let digit = |b: u8| (b as char).to_digit(16).unwrap() as u8;
        self.stored.as_bytes().as_chunks::<2>().0.iter().map(|&[a, b]| digit(a) << 4 | digit(b)).collect()
    }

    /// What the script put in.
    fn elements(&self) -> Vec<u8> {
        let number = |k: u64| match self.kind.as_str() {
            "constant" => 0x0102030405060708,
            "ramp" => k * 3 + 1000,
            "steps" => k / 16 * 5 + k * k % 4,
            "noise" => noise(k),
            "far" if k % 1100 < 20 => noise(k % 1100),
            "far" => 0,
            other => panic!("{other}"),
        };
        let bytes = |k| {
            let n = number(k).to_le_bytes();
            (0..self.size).map(move |i| n[i % 8])
        };
        (0..self.count).flat_map(bytes).collect()
    }

    fn decode(&self, input: &[u8], out: &mut [u8], work: &mut Work) -> Result<usize, Fault> {
        by_number(self.filter, &self.values, input, out, work)
    }
}

fn by_number(
    filter: u32,
    values: &[u32],
    input: &[u8],
    out: &mut [u8],
    work: &mut Work,
) -> Result<usize, Fault> {
    match filter {
        307 => bzip2::decode(values, input, out, work),
        32000 => lzf::decode(values, input, out, work),
        32001 => blosc::decode(values, input, out, work),
        32004 => lz4::decode(values, input, out, work),
        32008 => bitshuffle::decode(values, input, out, work),
        32015 => zstd::decode(values, input, out, work),
        other => panic!("filter {other}"),
    }
}

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 += 1;
        (noise(self.0) % n as u64) as usize
    }
}

#[test]
fn what_other_libraries_stored_is_decoded() {
    let rows = Row::all();
    let mut work = Work::default();
    for row in &rows {
        let (stored, want) = (row.stored(), row.elements());
        // With room to spare nothing changes.
        for spare in [0, 1, 4096] {
            let mut out = vec![0xa5; want.len() + spare];
            let n = row.decode(&stored, &mut out, &mut work).unwrap_or_else(|e| panic!("{}: {e}", row.name));
            assert!(n == want.len() && out[..n] == want, "{}, {n} of {} bytes", row.name, want.len());
        }
        let mut short = vec![0; want.len() - 1];
        assert!(row.decode(&stored, &mut short, &mut work).is_err(), "{} in too little room", row.name);
    }
    for filter in [307, 32000, 32001, 32004, 32008, 32015] {
        assert!(rows.iter().filter(|r| r.filter == filter).count() > 5, "filter {filter} has few chunks");
    }
    // Of Blosc all coders, and plain, split and whole blocks.
    let flags: Vec<u8> = rows.iter().filter(|r| r.filter == 32001).map(|r| r.stored()[2]).collect();
    for coder in 0..5 {
        assert!(flags.iter().any(|f| f >> 5 == coder), "no chunk of Blosc's coder {coder}");
    }
    for (bits, name) in [(1, "shuffle"), (2, "plain"), (4, "bitshuffle"), (16, "whole")] {
        assert!(flags.iter().any(|f| f & bits != 0), "{name}");
    }
}

#[test]
fn a_chunk_that_ends_early_is_refused_or_short() {
    let mut work = Work::default();
    for row in Row::all() {
        let (stored, want) = (row.stored(), row.elements());
        let mut out = vec![0; want.len()];
        let step = 1 + stored.len() / 300;
        for len in (0..stored.len()).step_by(step) {
            // A copy of just this length, so that tools that watch memory see every byte read beyond it.
            let input = stored[..len].to_vec();
            match row.decode(&input, &mut out, &mut work) {
                // LZF and plain bitshuffle state no size; a Zstandard chunk is any number of frames, so
                // none is one.
                Ok(n) if [32000, 32008].contains(&row.filter) || row.filter == 32015 && len == 0 => {
                    assert!(n < want.len(), "{} cut to {len} gives {n} bytes", row.name);
                }
                Ok(n) => panic!("{} cut to {len} gives {n} bytes", row.name),
                Err(fault) => assert!(!fault.is_empty()),
            }
        }
        // The decoder's contexts are as good as before.
        assert_eq!(row.decode(&stored, &mut out, &mut work), Ok(want.len()), "{}", row.name);
        assert!(out == want, "{}", row.name);
    }
}

#[test]
fn damage_never_panics_nor_writes_elsewhere() {
    let mut work = Work::default();
    let mut dice = Dice(7);
    let mut refused = 0;
    for row in Row::all() {
        let (stored, len) = (row.stored(), row.elements().len());
        let rounds = if row.filter == 307 { 10 } else { 60 };
        for round in 0..rounds {
            let mut input = stored.clone();
            for _ in 0..1 + dice.below(4) {
                // Headers are worth more than their share.
                let end = if round % 2 == 0 { input.len() } else { input.len().min(40) };
                let at = dice.below(end);
                input[at] = match dice.below(4) {
                    0 => 0,
                    1 => 255,
                    2 => input[at] ^ 1 << dice.below(8),
                    _ => dice.below(256) as u8,
                };
            }
            let mut values = row.values.clone();
            if round % 4 == 0 && !values.is_empty() {
                let at = dice.below(values.len());
                values[at] = [0, 1, 3, 8, u32::MAX, 1 << 31][dice.below(6)];
            }
            let room = [0, len / 2, len, len + 100][dice.below(4)];
            let mut out = vec![0; room];
            match by_number(row.filter, &values, &input, &mut out, &mut work) {
                Ok(n) => assert!(n <= room, "{}: {n} bytes in room for {room}", row.name),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 1000);
}

#[test]
fn random_bytes_never_panic() {
    let mut work = Work::default();
    let mut dice = Dice(11);
    let numbers = [0u32, 0, 1, 2, 3, 4, 8, 12, 64, 100, 8192, 1 << 31, u32::MAX];
    for filter in [307, 32000, 32001, 32004, 32008, 32015] {
        for _ in 0..3000 {
            let mut input: Vec<u8> = (0..dice.below(200)).map(|_| dice.below(256) as u8).collect();
            let room = dice.below(3000);
            let prefix: Vec<u8> = match filter {
                307 => b"BZh91AY&SY".to_vec(),
                32015 => vec![0x28, 0xb5, 0x2f, 0xfd, dice.below(256) as u8],
                32001 => {
                    let flags = (dice.below(5) << 5 | dice.below(32)) as u8;
                    let mut head = vec![2, 1, flags, dice.below(20) as u8];
                    let sizes = [room, 1 + dice.below(room + 1), input.len() + 16];
                    sizes.iter().for_each(|&s| head.extend((s as u32).to_le_bytes()));
                    head
                }
                32004 | 32008 => {
                    let mut head = (room as u64 / 8 * 8).to_be_bytes().to_vec();
                    head.extend((8 * dice.below(64) as u32).to_be_bytes());
                    head.extend((dice.below(60) as u32).to_be_bytes());
                    head
                }
                _ => Vec::new(),
            };
            if dice.below(8) > 0 {
                input.splice(0..0, prefix);
            }
            let values: Vec<u32> = (0..dice.below(6)).map(|_| numbers[dice.below(numbers.len())]).collect();
            let mut out = vec![0; room];
            if let Ok(n) = by_number(filter, &values, &input, &mut out, &mut work) {
                assert!(n <= room);
            }
        }
    }
}

#[test]
fn every_vector_level_turns_bits_alike() {
    let mut dice = Dice(3);
    let sizes =
        [(1, 8), (1, 520), (2, 24), (2, 2056), (4, 8), (4, 2048), (8, 1032), (3, 80), (16, 520), (13, 8)];
    for (width, count) in sizes {
        let tail = dice.below(width);
        let want: Vec<u8> = (0..count * width + tail).map(|_| dice.below(256) as u8).collect();
        // Row r holds bit r of every element.
        let mut src = want.clone();
        src[..count * width].fill(0);
        for (element, bytes) in want[..count * width].chunks(width).enumerate() {
            for bit in 0..8 * width {
                let on = bytes[bit / 8] >> (bit % 8) & 1;
                src[bit * (count / 8) + element / 8] |= on << (element % 8);
            }
        }
        for simd in Simd::available() {
            let mut dst = vec![0; want.len()];
            bitshuffle::unshuffle_bits(simd, &src, &mut dst, width);
            assert!(dst == want, "{count} elements of {width} bytes, {}", simd.name());
        }
    }
}

/// A Blosc chunk of zlib streams or whatever `flags` say.
fn blosc_chunk(flags: u8, width: u8, total: u32, block: u32, rest: &[u8]) -> Vec<u8> {
    let mut chunk = vec![2, 1, flags, width];
    for size in [total, block, rest.len() as u32 + 16] {
        chunk.extend(size.to_le_bytes());
    }
    chunk.extend(rest);
    chunk
}

#[test]
fn blosc_headers_that_lie_are_refused() {
    let mut work = Work::default();
    let mut run = |chunk: &[u8]| {
        let mut out = [9; 64];
        blosc::decode(&[], chunk, &mut out, &mut work).map(|n| out[..n].to_vec())
    };
    let plain = |flags, width| blosc_chunk(flags, width, 8, 8, &[1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(run(&plain(0x02, 1)), Ok(vec![1, 2, 3, 4, 5, 6, 7, 8]));
    // Bytes after the chunk are not looked at; a chunk of nothing is nothing.
    assert_eq!(run(&[plain(0x02, 1), vec![7]].concat()).map(|o| o.len()), Ok(8));
    assert_eq!(run(&blosc_chunk(0, 0, 0, 0, &[])), Ok(vec![]));
    for (change, what) in [
        (vec![(0, 1)], "format version"),
        (vec![(0, 5)], "format version"),
        (vec![(2, 0x0a)], "flags"),
        (vec![(2, 0x07)], "flags"),
        (vec![(3, 0)], "no bytes"),
        (vec![(8, 0)], "no bytes"),
        (vec![(4, 65)], "more than 64"),
        (vec![(4, 7)], "plain chunk"),
        (vec![(12, 25)], "25 of 24"),
        (vec![(12, 15)], "15 of 24"),
        (vec![(2, 0xa0)], "coder 5"),
    ] {
        let mut chunk = plain(0x02, 1);
        change.iter().for_each(|&(at, to)| chunk[at] = to);
        let fault = run(&chunk).unwrap_err();
        assert!(fault.contains(what), "{fault} instead of {what}");
    }
    // Two blocks that are the same stream, and a stream that begins outside.
    let stream = |starts: [u32; 2]| {
        let mut rest = starts.map(u32::to_le_bytes).concat();
        rest.extend(20u32.to_le_bytes());
        rest.extend([3; 20]);
        blosc_chunk(0x30, 1, 40, 20, &rest)
    };
    assert_eq!(run(&stream([24, 24])), Ok(vec![3; 40]));
    assert!(run(&stream([24, 49])).is_err());
    assert!(run(&stream([24, u32::MAX])).is_err());
    assert!(run(&stream([24, 28])).is_err());
}

#[test]
fn time_does_not_grow_with_what_streams_share() {
    // 2000 blocks that all name the same long zlib stream, which decodes to one byte.
    let mut zlib = vec![0x78, 0x01];
    for _ in 0..20_000 {
        zlib.extend([0, 0, 0, 0xff, 0xff]);
    }
    zlib.extend([1, 1, 0, 0xfe, 0xff, 5, 0, 6, 0, 6]);
    let starts = (16 + 4 * 2000u32).to_le_bytes().repeat(2000);
    let body = |n: usize| [&starts[..], &(n as u32).to_le_bytes(), &zlib].concat();
    let chunk = blosc_chunk(0x70, 1, 2000, 1, &body(zlib.len()));
    let fault = blosc::decode(&[], &chunk, &mut [0; 2000], &mut Work::default()).unwrap_err();
    assert!(fault.contains("lie in one another"), "{fault}");
    // One block alone is right.
    let one = [&20u32.to_le_bytes()[..], &(zlib.len() as u32).to_le_bytes(), &zlib].concat();
    let mut out = [0; 1];
    let n = blosc::decode(&[], &blosc_chunk(0x70, 1, 1, 1, &one), &mut out, &mut Work::default());
    assert_eq!((n, out), (Ok(1), [5]));
}

#[test]
fn tokens_that_reach_too_far_are_refused() {
    let mut work = Work::default();
    let mut run = |stream: &[u8], room: usize| {
        let mut out = vec![9; room];
        lzf::decode(&[], stream, &mut out, &mut work).map(|n| out[..n].to_vec())
    };
    assert_eq!(run(&[1, 5, 6, 0x20, 1], 5), Ok(vec![5, 6, 5, 6, 5]));
    assert_eq!(run(&[0, 5, 0xe0, 3, 0], 13), Ok(vec![5; 13]));
    assert_eq!(run(&[2, 5, 6, 7, 0xe0, 3, 2, 0, 8], 100).unwrap()[10..], [6, 7, 5, 6, 7, 8]);
    for (stream, room) in [
        (&[1, 5, 6, 0x20, 2][..], 5),
        (&[1, 5, 6, 0x20, 1], 4),
        (&[1, 5], 9),
        (&[0, 5, 0x20], 9),
        (&[0, 5, 0xe0], 9),
    ] {
        assert!(run(stream, room).is_err(), "{stream:?}");
    }
    // BloscLZ: the first token is plain whatever its high bits say; distances of 13 bits go on.
    let far: Vec<u8> = (0..300).flat_map(|_| [31u8].into_iter().chain(0..32)).collect();
    let mut stream = far.clone();
    stream[0] |= 0xe0;
    stream.extend([0x3f, 255, 1, 0, 0, 77]);
    let mut out = vec![0; 9604];
    assert_eq!(blosclz::decode(&stream, &mut out), Ok(9604));
    let distance = 0x1fff + 256 + 1;
    assert_eq!(out[9600..9603], [0, 1, 2].map(|i| ((9600 - distance + i) % 32) as u8));
    assert_eq!(out[9603], 77);
    let cut = stream.len() - 3;
    assert!(blosclz::decode(&stream[..cut], &mut out).is_err());
}
