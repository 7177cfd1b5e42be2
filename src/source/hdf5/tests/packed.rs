//! Chunks whose elements are left as the file has them.

use super::*;
use crate::ops::kernel::Packing;
use std::sync::atomic::Ordering::Relaxed;

/// The elements of packed bytes, one byte after the other.
fn unpack(bytes: &[u8], size: usize, packing: Packing) -> Vec<u8> {
    let len = bytes.len() / size;
    let mut out = Vec::new();
    for i in 0..len {
        for b in 0..size {
            let stored = if packing.swapped { size - 1 - b } else { b };
            out.push(bytes[if packing.shuffled { stored * len + i } else { i * size + stored }]);
        }
    }
    out
}

/// A chunk in both forms, which must have the same elements; how the packed one's bytes lie.
fn packing_of(s: &Hdf5Source, at: &[u64]) -> Packing {
    let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
    let mut cx = ReadCx { scratch: &mut scratch, stats: &stats };
    let mut plain = vec![0xAA; s.chunk_bytes() as usize];
    let mut packed = plain.clone();
    s.read_chunk(at, &mut plain, &mut cx).unwrap();
    assert_eq!(stats.chunks_packed.load(Relaxed), 0);
    let bytes_read = stats.bytes_read.load(Relaxed);
    let packing =
        s.read_packed(at, &mut packed, &mut ReadCx { scratch: &mut scratch, stats: &stats }).unwrap();
    assert_eq!(unpack(&packed, s.dtype().size(), packing), plain, "{} {at:?}", s.dataset);
    assert_eq!(stats.chunks_read.load(Relaxed), 2);
    assert_eq!(stats.chunks_decoded.load(Relaxed), 2);
    assert_eq!(stats.bytes_read.load(Relaxed), 2 * bytes_read);
    assert_eq!(stats.bytes_decoded.load(Relaxed), 2 * s.chunk_bytes());
    assert_eq!(stats.chunks_packed.load(Relaxed), u64::from(packing != Packing::PLAIN));
    packing
}

#[test]
fn every_dtype_order_and_pipeline() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let f = create(&path, 0);
    let mut made = Vec::new();
    for dtype in DType::ALL {
        for big in [false, true] {
            if big && dtype == DType::Bool {
                continue;
            }
            let native = values(dtype, 13 * 11);
            for (layout, setup) in LAYOUTS.iter().filter(|l| !["contiguous", "compact"].contains(&l.0)) {
                let name = format!("{dtype}_{big}_{layout}");
                dataset(&f, &name, (dtype, big), &[13, 11], *setup, &native);
                made.push((name, dtype, big, *layout));
            }
        }
    }
    drop(f);
    for (name, dtype, big, layout) in made {
        let s = open(&path, &name).unwrap();
        let wide = dtype.size() > 1;
        let want = Packing {
            // `backwards` shuffles compressed bytes, not elements.
            shuffled: wide && ["shuffle_deflate", "all"].contains(&layout),
            swapped: wide && big != cfg!(target_endian = "big"),
        };
        assert_eq!(packing_of(&s, &[0, 0]), want, "{name}");
        if layout != "larger" {
            assert_eq!(packing_of(&s, &[1, 1]), want, "{name}");
            assert_eq!(packing_of(&s, &[2, 2]), want, "{name}, over the edge");
        }
    }
}

/// Chunks for which filters were skipped, one that was never written, and a shuffle of other widths.
#[test]
fn masks_holes_and_widths() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let f = create(&path, 0);
    let pipeline: Setup = |p| unsafe {
        chunk(p, &[5]);
        H5Pset_shuffle(p);
        H5Pset_deflate(p, 6);
        let fill = 0x1234_5678_9abc_def0i64;
        assert!(H5Pset_fill_value(p, *H5T_NATIVE_INT64, (&raw const fill).cast()) >= 0);
    };
    dataset(&f, "x", (DType::I64, true), &[20], pipeline, &[]);
    let stored = values(DType::I64, 5);
    h5::locked(|| unsafe {
        let d = raw(H5Dopen2(f.0, c"x".as_ptr(), H5P_DEFAULT));
        for (at, mask) in [(0u64, 0b11), (5, 0b10)] {
            let p = stored.as_ptr().cast();
            assert!(H5Dwrite_chunk(d.0, H5P_DEFAULT, mask, [at].as_ptr(), 40, p) >= 0);
        }
        let mut deflate = libdeflater::Compressor::new(libdeflater::CompressionLvl::default());
        let mut small = vec![0; 200];
        let n = deflate.zlib_compress(&stored, &mut small).unwrap();
        assert!(H5Dwrite_chunk(d.0, H5P_DEFAULT, 0b01, [10u64].as_ptr(), n, small.as_ptr().cast()) >= 0);
    });
    drop(f);
    let s = open(&path, "x").unwrap();
    let swapped = cfg!(target_endian = "little");
    for (at, shuffled) in [(0, false), (1, true), (2, false)] {
        assert_eq!(packing_of(&s, &[at]), Packing { shuffled, swapped }, "{at}");
    }
    assert_eq!(packing_of(&s, &[3]), Packing::PLAIN);
    // Bytes that were shuffled as if they were other elements are put in order here.
    let (mut work, mut out) = (super::super::filters::Work::default(), vec![0; 40]);
    let pipeline = [Filter::Shuffle(4)];
    let packing =
        super::super::filters::decode_packed(&pipeline, 0, 8, true, &stored, &mut work, &mut out).unwrap();
    assert_eq!(packing, Packing { shuffled: false, swapped: true });
    assert_eq!(out, unpack(&stored, 4, Packing { shuffled: true, swapped: false }));
}
