//! Files made by libhdf5 itself, with values known by construction, read back by the own path and
//! compared with them and with libhdf5's own read.

use super::filters::order::unshuffle;
use super::filters::{Filter, Work, decode, own_pipeline, swap_bytes};
use super::*;
use crate::error::ErrorKind;
use crate::grid::{Dims, Region, Slab, ravel, unravel};
use crate::h5;
use crate::h5::fletcher32;
use crate::ops::simd::Simd;
use crate::source::{OpenOptions, Own, ReadCx, ReadStats, Scratch, Source, SourceSpec};
use crate::{DType, Error};
use hdf5_sys::{h5d::*, h5f::*, h5g::*, h5i::*, h5l::*, h5p::*, h5s::*, h5t::*};
use std::ffi::CString;
use std::path::Path;
use std::sync::atomic::Ordering;

/// A raw identifier of a test file.
struct Raw(hid_t);
impl Drop for Raw {
    fn drop(&mut self) {
        h5::locked(|| unsafe { H5Idec_ref(self.0) });
    }
}

fn raw(id: hid_t) -> Raw {
    assert!(id >= 0);
    Raw(id)
}

fn create(path: &Path, user_block: u64) -> Raw {
    h5::locked(|| unsafe {
        let fcpl = raw(H5Pcreate(*H5P_CLS_FILE_CREATE));
        assert!(H5Pset_userblock(fcpl.0, user_block) >= 0);
        let name = CString::new(path.to_str().unwrap()).unwrap();
        raw(H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, fcpl.0, H5P_DEFAULT))
    })
}

fn type_of(dtype: DType, big: bool) -> Raw {
    h5::locked(|| unsafe {
        if dtype == DType::Bool {
            let t = raw(H5Tenum_create(*H5T_STD_I8LE));
            for (name, value) in [(c"FALSE", 0i8), (c"TRUE", 1)] {
                H5Tenum_insert(t.0, name.as_ptr(), (&raw const value).cast());
            }
            return t;
        }
        use DType::*;
        let (le, be) = match dtype {
            I8 => (*H5T_STD_I8LE, *H5T_STD_I8BE),
            U8 => (*H5T_STD_U8LE, *H5T_STD_U8BE),
            I16 => (*H5T_STD_I16LE, *H5T_STD_I16BE),
            U16 => (*H5T_STD_U16LE, *H5T_STD_U16BE),
            I32 => (*H5T_STD_I32LE, *H5T_STD_I32BE),
            U32 => (*H5T_STD_U32LE, *H5T_STD_U32BE),
            I64 => (*H5T_STD_I64LE, *H5T_STD_I64BE),
            U64 => (*H5T_STD_U64LE, *H5T_STD_U64BE),
            F64 => (*H5T_IEEE_F64LE, *H5T_IEEE_F64BE),
            _ => (*H5T_IEEE_F32LE, *H5T_IEEE_F32BE),
        };
        let t = raw(H5Tcopy(if big { be } else { le }));
        if dtype == F16 {
            H5Tset_fields(t.0, 15, 10, 5, 0, 10);
            H5Tset_size(t.0, 2);
            H5Tset_ebias(t.0, 15);
        }
        t
    })
}

/// Makes a dataset and writes `native` into it (nothing, if it is empty).
fn dataset(file: &Raw, name: &str, t: (DType, bool), shape: &[u64], dcpl: impl Fn(hid_t), native: &[u8]) {
    h5::locked(|| unsafe {
        let name = CString::new(name).unwrap();
        let plist = raw(H5Pcreate(*H5P_CLS_DATASET_CREATE));
        dcpl(plist.0);
        let space = if shape.is_empty() {
            raw(H5Screate(H5S_SCALAR))
        } else {
            // Only an array that can grow may have chunks larger than it is.
            let most = vec![H5S_UNLIMITED; shape.len()];
            let most = if H5Pget_layout(plist.0) == H5D_layout_t::H5D_CHUNKED {
                most.as_ptr()
            } else {
                std::ptr::null()
            };
            raw(H5Screate_simple(shape.len() as i32, shape.as_ptr(), most))
        };
        let ty = type_of(t.0, t.1);
        let d = raw(H5Dcreate2(file.0, name.as_ptr(), ty.0, space.0, H5P_DEFAULT, plist.0, H5P_DEFAULT));
        if !native.is_empty() {
            let mut bytes = native.to_vec();
            if t.1 != cfg!(target_endian = "big") {
                swap_bytes(&mut bytes, t.0.size());
            }
            assert!(H5Dwrite(d.0, ty.0, 0, 0, H5P_DEFAULT, bytes.as_ptr().cast()) >= 0);
        }
    })
}

fn values(dtype: DType, n: usize) -> Vec<u8> {
    let mut state = 7u64;
    (0..n * dtype.size())
        .map(|i| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            if dtype == DType::Bool {
                (state >> 40) as u8 & 1
            } else {
                (state >> 40) as u8 / (1 + i as u8 % 3)
            }
        })
        .collect()
}

fn read(s: &Hdf5Source, slab: &Slab, stats: &ReadStats) -> crate::Result<Vec<u8>> {
    let mut scratch = Scratch::new();
    let mut out = vec![0xAA; slab.len() as usize * s.dtype().size()];
    s.read_region(slab, &mut out, &mut ReadCx { scratch: &mut scratch, stats })?;
    assert!(scratch.bytes() <= s.scratch_bytes() + 3 * 64, "{} of {}", scratch.bytes(), s.scratch_bytes());
    Ok(out)
}

fn whole(s: &Hdf5Source) -> crate::Result<Vec<u8>> {
    read(s, &Slab::dense(&Region::whole(s.shape())), &ReadStats::default())
}

fn open(path: &Path, name: &str) -> crate::Result<Hdf5Source> {
    Hdf5Source::open(path, name, OpenOptions::default())
}

/// What libhdf5's own read gives, in native order.
fn by_library(path: &Path, name: &str, dtype: DType, shape: &[u64]) -> Vec<u8> {
    h5::locked(|| {
        let file = h5::open_file(path).unwrap();
        let d = h5::open_dataset(&file, name).unwrap();
        let space = h5::simple_space(shape).unwrap();
        let mut out = vec![0; shape.iter().product::<u64>() as usize * dtype.size()];
        h5::read_selection(
            &d,
            &h5::file_type(dtype).unwrap(),
            &space,
            &h5::dataset_space(&d).unwrap(),
            &mut out,
        )
        .unwrap();
        out
    })
}

/// Whole, and several strided pieces, against the values.
fn check(path: &Path, name: &str, dtype: DType, shape: &[u64], native: &[u8]) {
    let s = open(path, name).unwrap();
    assert_eq!((s.shape(), s.dtype()), (shape, dtype), "{name}");
    assert_eq!(whole(&s).unwrap(), native, "{name}");
    assert_eq!(by_library(path, name, dtype, shape), native, "{name} by the library");
    let size = dtype.size();
    for (skip, step) in [(0, 1), (1, 1), (1, 2), (2, 7), (0, 11)] {
        let start: Dims = shape.iter().map(|&n| skip.min(n - 1)).collect();
        let slab = Slab {
            count: shape.iter().zip(&start).map(|(&n, &a)| (n - a).div_ceil(step)).collect(),
            step: Dims::from_elem(step, shape.len()),
            start,
        };
        let got = read(&s, &slab, &ReadStats::default()).unwrap();
        for i in 0..slab.len() {
            let at: Dims = unravel(i, &slab.count)
                .iter()
                .enumerate()
                .map(|(d, x)| slab.start[d] + slab.step[d] * x)
                .collect();
            let (i, j) = (i as usize * size, ravel(&at, shape) as usize * size);
            assert_eq!(got[i..i + size], native[j..j + size], "{name} {slab:?}");
        }
    }
}

fn chunk(p: hid_t, shape: &[u64]) {
    assert!(unsafe { H5Pset_chunk(p, shape.len() as i32, shape.as_ptr()) } >= 0);
}

type Setup = fn(hid_t);
const LAYOUTS: [(&str, Setup); 9] = [
    ("contiguous", |_| {}),
    ("compact", |p| unsafe {
        H5Pset_layout(p, H5D_layout_t::H5D_COMPACT);
    }),
    ("edge", |p| chunk(p, &[5, 4])),
    ("larger", |p| chunk(p, &[64, 64])),
    ("deflate", |p| unsafe {
        chunk(p, &[5, 4]);
        H5Pset_deflate(p, 4);
    }),
    ("shuffle_deflate", |p| unsafe {
        chunk(p, &[5, 4]);
        H5Pset_shuffle(p);
        H5Pset_deflate(p, 4);
    }),
    ("fletcher", |p| unsafe {
        chunk(p, &[5, 3]);
        H5Pset_fletcher32(p);
    }),
    ("all", |p| unsafe {
        chunk(p, &[5, 3]);
        H5Pset_shuffle(p);
        H5Pset_deflate(p, 4);
        H5Pset_fletcher32(p);
    }),
    ("backwards", |p| unsafe {
        chunk(p, &[5, 3]);
        H5Pset_fletcher32(p);
        H5Pset_deflate(p, 4);
        H5Pset_shuffle(p);
    }),
];

#[test]
fn every_dtype_order_and_layout() {
    let dir = tempfile::tempdir().unwrap();
    for (user_block, file) in [(0, "a.h5"), (512, "b.h5")] {
        let path = dir.path().join(file);
        let f = create(&path, user_block);
        let mut made = Vec::new();
        for dtype in DType::ALL {
            for big in [false, true] {
                if big && (dtype == DType::Bool || user_block > 0) {
                    continue;
                }
                let native = values(dtype, 13 * 11);
                for (layout, setup) in LAYOUTS {
                    let name = format!("{dtype}_{big}_{layout}");
                    dataset(&f, &name, (dtype, big), &[13, 11], setup, &native);
                    made.push((name, dtype, native.clone()));
                }
            }
        }
        drop(f);
        for (name, dtype, native) in made {
            check(&path, &name, dtype, &[13, 11], &native);
            assert_eq!(open(&path, &name).unwrap().through_library(), None, "{name}");
            // The same by libhdf5's own index, which is counted as its work.
            let mut source = open(&path, &name).unwrap();
            if let super::dataset::Access::Chunks { index, .. } = &mut source.access {
                *index = None;
                let stats = ReadStats::default();
                let slab = Slab::dense(&Region::whole(source.shape()));
                assert_eq!(
                    read(&source, &slab, &stats).unwrap(),
                    whole(&open(&path, &name).unwrap()).unwrap()
                );
                let (reads, chunks) = (&stats.library_reads, &stats.chunks_read);
                assert_eq!(reads.load(Ordering::Relaxed), chunks.load(Ordering::Relaxed), "{name}");
                assert_ne!(reads.load(Ordering::Relaxed), 0);
            }
        }
    }
}

#[test]
fn scalars_empties_and_fill_values() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let f = create(&path, 0);
    let pi = 3.25f32.to_ne_bytes();
    dataset(&f, "scalar", (DType::F32, true), &[], |_| {}, &pi);
    dataset(&f, "empty", (DType::F32, false), &[0, 3], |p| chunk(p, &[2, 3]), &[]);
    let fill = |p: hid_t| unsafe {
        let v = 0x1234_5678i32;
        assert!(H5Pset_fill_value(p, *H5T_NATIVE_INT32, (&raw const v).cast()) >= 0);
    };
    for big in [false, true] {
        dataset(&f, &format!("late{big}"), (DType::I32, big), &[7], fill, &[]);
        dataset(
            &f,
            &format!("sparse{big}"),
            (DType::I32, big),
            &[7],
            |p| {
                chunk(p, &[3]);
                fill(p);
            },
            &[],
        );
    }
    h5::locked(|| unsafe {
        let null = raw(H5Screate(H5S_NULL));
        raw(H5Dcreate2(
            f.0,
            c"null".as_ptr(),
            *H5T_NATIVE_INT,
            null.0,
            H5P_DEFAULT,
            H5P_DEFAULT,
            H5P_DEFAULT,
        ));
        // The middle chunk of one sparse dataset.
        let d = raw(H5Dopen2(f.0, c"sparsetrue".as_ptr(), H5P_DEFAULT));
        let bytes: Vec<u8> = [1i32, 2, 3].iter().flat_map(|v| v.to_be_bytes()).collect();
        assert!(H5Dwrite_chunk(d.0, H5P_DEFAULT, 0, [3u64].as_ptr(), 12, bytes.as_ptr().cast()) >= 0);
    });
    drop(f);
    assert_eq!(whole(&open(&path, "scalar").unwrap()).unwrap(), pi);
    for name in ["empty", "null"] {
        let s = open(&path, name).unwrap();
        assert!(whole(&s).unwrap().is_empty());
    }
    let ints =
        |v: Vec<u8>| v.chunks(4).map(|b| i32::from_ne_bytes(b.try_into().unwrap())).collect::<Vec<_>>();
    let x = 0x1234_5678;
    for name in ["latefalse", "latetrue", "sparsefalse"] {
        assert_eq!(ints(whole(&open(&path, name).unwrap()).unwrap()), [x; 7], "{name}");
    }
    assert_eq!(ints(whole(&open(&path, "sparsetrue").unwrap()).unwrap()), [x, x, x, 1, 2, 3, x]);
}

#[test]
fn skipped_filters_and_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let f = create(&path, 0);
    let native = values(DType::F64, 12);
    let pipeline: Setup = |p| unsafe {
        chunk(p, &[4]);
        H5Pset_shuffle(p);
        H5Pset_deflate(p, 6);
        H5Pset_fletcher32(p);
    };
    dataset(&f, "x", (DType::F64, false), &[12], pipeline, &native);
    let shuffled = |b: &[u8]| -> Vec<u8> { (0..8).flat_map(|k| (0..4).map(move |i| b[i * 8 + k])).collect() };
    h5::locked(|| unsafe {
        let d = raw(H5Dopen2(f.0, c"x".as_ptr(), H5P_DEFAULT));
        // Chunk 0: no filter at all. Chunk 1: shuffle and checksum, no deflate.
        let bare = &native[..32];
        assert!(H5Dwrite_chunk(d.0, H5P_DEFAULT, 0b111, [0u64].as_ptr(), 32, bare.as_ptr().cast()) >= 0);
        let mut bytes = shuffled(&native[32..64]);
        bytes.extend(fletcher32(&bytes).to_le_bytes());
        assert!(H5Dwrite_chunk(d.0, H5P_DEFAULT, 0b010, [4u64].as_ptr(), 36, bytes.as_ptr().cast()) >= 0);
    });
    drop(f);
    check(&path, "x", DType::F64, &[12], &native);
}

#[test]
fn damage_is_an_error_that_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let f = create(&path, 0);
    let native = values(DType::I32, 1000);
    for (name, setup) in LAYOUTS.iter().filter(|l| ["all", "deflate", "fletcher"].contains(&l.0)) {
        dataset(&f, name, (DType::I32, false), &[40, 25], *setup, &native);
    }
    drop(f);
    let good = std::fs::read(&path).unwrap();
    for name in ["all", "deflate", "fletcher"] {
        // Where the chunk (1, 1) is stored.
        let (at, len) = h5::locked(|| unsafe {
            let file = h5::open_file(&path).unwrap();
            let c = CString::new(name).unwrap();
            let d = raw(H5Dopen2(file.raw(), c.as_ptr(), H5P_DEFAULT));
            let origin = if name == "deflate" { [5u64, 4] } else { [5, 3] };
            let (mut mask, mut at, mut len) = (0, 0, 0);
            assert!(H5Dget_chunk_info_by_coord(d.0, origin.as_ptr(), &mut mask, &mut at, &mut len) >= 0);
            (at as usize, len as usize)
        });
        for i in 0..len {
            let bad = dir.path().join(format!("bad{name}{i}.h5"));
            let mut bytes = good.clone();
            bytes[at + i] ^= 0x55;
            std::fs::write(&bad, &bytes).unwrap();
            let e: Error = open(&bad, name).and_then(|s| whole(&s)).unwrap_err();
            assert!(matches!(e.kind(), ErrorKind::Filter | ErrorKind::Format), "{e}");
            assert!(e.context("file").is_some() && e.context("dataset").is_some(), "{e}");
            assert!(e.context("chunk").is_some_and(|c| c.starts_with("[1, 1]")), "{e}");
            std::fs::remove_file(&bad).unwrap();
        }
    }
    for cut in [good.len() - 1, good.len() / 2, 100, 0] {
        let bad = dir.path().join(format!("cut{cut}.h5"));
        std::fs::write(&bad, &good[..cut]).unwrap();
        let e: Error = open(&bad, "all").and_then(|s| whole(&s)).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Format, "{e}");
    }
}

#[test]
fn a_file_that_changes_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let make = |n: u64| {
        let f = create(&path, 0);
        dataset(&f, "x", (DType::I32, false), &[n], |_| {}, &values(DType::I32, n as usize));
    };
    make(1000);
    let s = open(&path, "x").unwrap();
    whole(&s).unwrap();
    let text = serde_json::to_string(&s.spec(Own)).unwrap();
    let spec: SourceSpec = serde_json::from_str(&text).unwrap();
    assert_eq!(crate::source::open(&spec).unwrap().shape(), [1000]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(whole(&s).unwrap_err().kind(), ErrorKind::NotFound);
    make(2000);
    assert_eq!(whole(&s).unwrap_err().kind(), ErrorKind::Changed);
    assert_eq!(crate::source::open(&spec).unwrap_err().kind(), ErrorKind::Changed);
    assert_eq!(whole(&open(&path, "x").unwrap()).unwrap(), values(DType::I32, 2000));
    // Cut off in place.
    let s = open(&path, "x").unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(3000).unwrap();
    assert!(whole(&s).is_err());
}

#[test]
fn links_types_and_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let f = create(&path, 0);
    h5::locked(|| unsafe {
        let g = raw(H5Gcreate2(f.0, c"g".as_ptr(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        dataset(&f, "g/x", (DType::I8, false), &[3], |_| {}, &[1, 2, 3]);
        H5Lcreate_soft(c"/g".as_ptr(), f.0, c"s".as_ptr(), H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_soft(c"loop2".as_ptr(), f.0, c"loop".as_ptr(), H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_soft(c"loop".as_ptr(), f.0, c"loop2".as_ptr(), H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_hard(f.0, c"/".as_ptr(), g.0, c"root".as_ptr(), H5P_DEFAULT, H5P_DEFAULT);
        H5Lcreate_external(
            c"other.h5".as_ptr(),
            c"/y".as_ptr(),
            f.0,
            c"e".as_ptr(),
            H5P_DEFAULT,
            H5P_DEFAULT,
        );
        let space = raw(H5Screate(H5S_SCALAR));
        raw(H5Dcreate2(f.0, c"str".as_ptr(), *H5T_C_S1, space.0, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        let plist = raw(H5Pcreate(*H5P_CLS_DATASET_CREATE));
        H5Pset_external(plist.0, c"/etc/hostname".as_ptr(), 0, 4);
        let four = raw(H5Screate_simple(1, [4u64].as_ptr(), std::ptr::null()));
        raw(H5Dcreate2(f.0, c"ext".as_ptr(), *H5T_STD_U8LE, four.0, H5P_DEFAULT, plist.0, H5P_DEFAULT));
    });
    drop(f);
    let other = create(&dir.path().join("other.h5"), 0);
    dataset(&other, "y", (DType::I8, false), &[2], |_| {}, &[8, 9]);
    drop(other);
    for name in ["g/x", "/g/x", "s/x", "/s/root/g/x"] {
        assert_eq!(whole(&open(&path, name).unwrap()).unwrap(), [1, 2, 3], "{name}");
    }
    let kind = |name: &str| open(&path, name).unwrap_err().kind();
    assert_eq!(kind("nothing"), ErrorKind::NotFound);
    assert_eq!(kind("g"), ErrorKind::Type);
    assert_eq!(kind("str"), ErrorKind::Type);
    assert_eq!(kind("loop"), ErrorKind::Format);
    assert_eq!(kind("e"), ErrorKind::Unsupported);
    assert_eq!(kind("ext"), ErrorKind::Unsupported);
    let allowed = OpenOptions { allow_external: true, ..OpenOptions::default() };
    assert_eq!(whole(&Hdf5Source::open(&path, "e", allowed).unwrap()).unwrap(), [8, 9]);
    let node = tree(&path, "/").unwrap();
    let text = serde_json::to_string(&node).unwrap();
    for part in [
        "\"same_as\":{\"path\":\"/\"}",
        "\"soft_link\":{\"target\":\"/g\"}",
        "external_link",
        "string of 1 bytes",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(open(Path::new("/nowhere/x.h5"), "x").unwrap_err().kind(), ErrorKind::NotFound);
}

/// Open file descriptors of files in a folder: two per open file, one of them libhdf5's.
fn handles_in(folder: &Path) -> usize {
    let Ok(fds) = std::fs::read_dir("/proc/self/fd") else { return 0 };
    fds.flatten().filter(|e| std::fs::read_link(e.path()).is_ok_and(|p| p.starts_with(folder))).count()
}

#[test]
fn four_handles_forty_files_four_threads() {
    let dir = tempfile::tempdir().unwrap();
    let path = |i: usize| dir.path().join(format!("{i}.h5"));
    for i in 0..40 {
        let f = create(&path(i), 0);
        let setup: Setup = |p| unsafe {
            chunk(p, &[5, 4]);
            H5Pset_deflate(p, 1);
        };
        dataset(
            &f,
            "x",
            (DType::U8, false),
            &[13, 11],
            if i % 2 == 0 { setup } else { |_| {} },
            &[i as u8; 143],
        );
    }
    set_max_open_files(4);
    let sources: Vec<_> = (0..40).map(|i| open(&path(i), "x").unwrap()).collect();
    std::thread::scope(|s| {
        for t in 0..4 {
            let (sources, dir) = (&sources, &dir);
            s.spawn(move || {
                for k in 0..400 {
                    let i = (k * (7 + t) + t) % 40;
                    assert_eq!(whole(&sources[i]).unwrap(), [i as u8; 143]);
                    assert!(handles_in(dir.path()) <= 2 * 4);
                }
            });
        }
    });
    set_max_open_files(128);
}

#[test]
fn unshuffle_of_every_width_and_level() {
    let mut dst = [0; 5];
    unshuffle(Simd::best(), &[1, 2, 3, 4, 5], &mut dst, usize::MAX / 2, false);
    assert_eq!(dst, [1, 2, 3, 4, 5]);
    for width in [1usize, 2, 3, 4, 8, 16] {
        for n in [0usize, 1, 2, 15, 16, 17, 100, 257] {
            for extra in [0, width - 1] {
                let src: Vec<u8> = (0..n * width + extra).map(|i| (i * 31 % 253) as u8).collect();
                for simd in Simd::available() {
                    for swap in [false, true] {
                        let mut dst = vec![0; src.len()];
                        unshuffle(simd, &src, &mut dst, width, swap && extra == 0);
                        for i in 0..n {
                            for k in 0..width {
                                let plane = if swap && extra == 0 { width - 1 - k } else { k };
                                assert_eq!(dst[i * width + k], src[plane * n + i], "{width} {n}");
                            }
                        }
                        assert_eq!(dst[n * width..], src[n * width..]);
                    }
                }
            }
        }
    }
}

#[test]
fn what_decodes_to_a_wrong_size_is_refused() {
    let mut work = Work::default();
    let pipeline = |filters: &[(i32, &[u32])]| {
        let info = |&(id, values): &(i32, &[u32])| h5::FilterInfo {
            id,
            name: String::new(),
            values: values.to_vec(),
        };
        own_pipeline(&filters.iter().map(info).collect::<Vec<_>>()).unwrap()
    };
    let packed = |n: usize| {
        let mut c = libdeflater::Compressor::new(libdeflater::CompressionLvl::fastest());
        let mut out = vec![0; c.zlib_compress_bound(n)];
        let k = c.zlib_compress(&vec![3; n], &mut out).unwrap();
        out.truncate(k);
        out
    };
    for n in [0, 15, 17, 4000] {
        let bytes = packed(n);
        let mut out = [0; 16];
        for own in [pipeline(&[(1, &[6])]), pipeline(&[(2, &[4]), (1, &[6])])] {
            assert!(decode(&own, 0, 4, false, &bytes, &mut work, &mut out).is_err(), "{n}");
        }
    }
    for n in 0..4 {
        assert!(decode(&[Filter::Fletcher32], 0, 4, false, &[0; 4][..n], &mut work, &mut [0; 4]).is_err());
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_is_refused_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe.h5");
    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the name is a C string.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let e = open(&path, "x").unwrap_err();
    assert!(e.kind() == ErrorKind::Format && e.to_string().contains("pipe"), "{e}");
}

mod elsewhere;
mod held;
mod packed;
