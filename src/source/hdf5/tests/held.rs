//! What readers hold is what was said before.

use super::*;
use crate::source::Join;
use crate::source::many::Many;
use crate::source::parts::Parts;
use crate::{Array, Index, PlanOptions, Session};
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;

/// As `create`, with the newest forms of everything.
fn latest(path: &Path) -> Raw {
    h5::locked(|| unsafe {
        let fapl = raw(H5Pcreate(*H5P_CLS_FILE_ACCESS));
        let newest = H5F_LIBVER_LATEST;
        assert!(H5Pset_libver_bounds(fapl.0, newest, newest) >= 0);
        let name = CString::new(path.to_str().unwrap()).unwrap();
        raw(H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, fapl.0))
    })
}

fn deflated(p: hid_t, shape: &[u64]) {
    chunk(p, shape);
    assert!(unsafe { H5Pset_deflate(p, 1) } >= 0);
}

/// Reads all of `slab` of each source with one set of buffers. Gives what these hold then.
fn held(sources: &[&dyn Source], slab: &Slab) -> u64 {
    let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
    for s in sources {
        let mut out = vec![0; slab.len() as usize * s.dtype().size()];
        s.read_region(slab, &mut out, &mut ReadCx { scratch: &mut scratch, stats: &stats }).unwrap();
    }
    scratch.bytes()
}

fn every_other(shape: [u64; 2]) -> Slab {
    let count = Dims::from_slice(&[shape[0], shape[1] / 2]);
    Slab { start: Dims::from_slice(&[0, 0]), count, step: Dims::from_slice(&[1, 2]) }
}

/// Chunks over the edge that have no filters are read in part, in pieces of 1 MiB, among chunks that are
/// decoded whole.
#[test]
fn bare_edges_among_decoded_chunks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let f = latest(&path);
    let shape = [511, 1024];
    let native = values(DType::F32, 511 * 1024);
    let setup = |p| {
        deflated(p, &[256, 1024]);
        assert!(unsafe { H5Pset_chunk_opts(p, H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS) } >= 0);
    };
    dataset(&f, "x", (DType::F32, false), &shape, setup, &native);
    drop(f);
    let s = open(&path, "x").unwrap();
    assert!(whole(&s).unwrap() == native);
    let bytes = held(&[&s], &every_other(shape));
    assert!(bytes > 2 << 20, "{bytes}");
    assert!(bytes <= s.scratch_bytes(), "{bytes} of {}", s.scratch_bytes());
}

/// Two files with arrays of one shape, one contiguous and one in chunks that fill half of a block.
fn mixed(folder: &Path, shape: [u64; 2], step: u64) -> Vec<PathBuf> {
    let native = values(DType::F32, (shape[0] * shape[1]) as usize);
    let paths = ["contiguous.h5", "chunks.h5"].map(|name| folder.join(name));
    dataset(&create(&paths[0], 0), "x", (DType::F32, false), &shape, |_| {}, &native);
    let setup = |p| deflated(p, &[128, shape[1] / step]);
    let (narrow, part) = ([shape[0], shape[1] / step], native.len() / step as usize);
    dataset(&create(&paths[1], 0), "x", (DType::F32, false), &narrow, setup, &native[..part]);
    paths.into()
}

/// Parts that are read in different ways use different buffers, and all of them stay.
#[test]
fn parts_of_different_layouts() {
    let dir = tempfile::tempdir().unwrap();
    let paths = mixed(dir.path(), [1024, 2048], 4);
    let join = Join::Concatenate { axis: 1 };
    let parts = Parts::open(&paths, "x", OpenOptions::default(), join).unwrap();
    let many = Many::new(parts.sources, join).unwrap();
    let bytes = held(&[&many], &every_other([1024, 2560]));
    assert!(bytes > 17 << 17, "{bytes}");
    assert!(bytes <= many.scratch_bytes(), "{bytes} of {}", many.scratch_bytes());
}

/// A worker reads all inputs of a block with one set of buffers.
#[test]
fn inputs_of_different_layouts() {
    let dir = tempfile::tempdir().unwrap();
    let paths = mixed(dir.path(), [1024, 2048], 4);
    let [a, b] = [0, 1].map(|i| Array::open(&paths[i], "x").unwrap());
    let x = a.index([Index::ALL, Index::ALL.step(4)]) + b;
    let session = Session::builder()
        .device(crate::Device::Cpu)
        .threads(1)
        .memory_bytes(64 << 20)
        .plan_options(PlanOptions::new().block_bytes(1))
        .build()
        .unwrap();
    let report = session.run(&[&x.max()]).unwrap().report;
    assert!(report.peak_host_bytes <= report.projected_host_bytes, "{report:?}");
}

/// Where files are slow the system is told of just the chunks that are stored, which disturbs nothing.
#[test]
fn advice_where_files_are_slow() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    let f = create(&path, 0);
    let native = values(DType::I32, 60 * 50);
    dataset(&f, "chunks", (DType::I32, true), &[60, 50], |p| deflated(p, &[7, 9]), &native);
    dataset(&f, "row", (DType::I32, true), &[60, 50], |_| {}, &native);
    dataset(&f, "sparse", (DType::I32, false), &[60, 50], |p| deflated(p, &[7, 9]), &[]);
    drop(f);
    let stats = ReadStats::default();
    let mut scratch = Scratch::new();
    let slow = || stats.took(0, std::time::Duration::from_secs(1));
    let all = Slab::dense(&Region::whole(&[60, 50]));
    for (name, chunks) in [("chunks", 9 * 6), ("row", 0), ("sparse", 0)] {
        let s = open(&path, name).unwrap();
        let before = stats.chunks_advised.load(Relaxed);
        let bytes = stats.bytes_advised.load(Relaxed);
        slow();
        s.advise(&all, &mut ReadCx { scratch: &mut scratch, stats: &stats });
        assert_eq!(stats.chunks_advised.load(Relaxed) - before, chunks, "{name}");
        let told = stats.bytes_advised.load(Relaxed) - bytes;
        match name {
            "row" => assert_eq!(told, 60 * 50 * 4),
            "sparse" => assert_eq!(told, 0),
            _ => {
                let read = ReadStats::default();
                let stats = &read;
                assert!(super::read(&s, &all, stats).unwrap() == native);
                // Neighbours are read with what lies between them.
                assert!(told > 0 && told <= read.bytes_read.load(Relaxed), "{told}");
            }
        }
        assert_eq!(stats.chunks_read.load(Relaxed) + stats.bytes_read.load(Relaxed), 0);
        // A file that is not what it was is the read's to tell.
        let back =
            Slab { step: Dims::from_slice(&[59, 49]), count: Dims::from_slice(&[2, 2]), ..all.clone() };
        s.advise(&back, &mut ReadCx { scratch: &mut scratch, stats: &stats });
    }
    let s = open(&path, "chunks").unwrap();
    std::fs::write(&path, b"something else").unwrap();
    slow();
    let before = stats.chunks_advised.load(Relaxed);
    s.advise(&all, &mut ReadCx { scratch: &mut scratch, stats: &stats });
    assert_eq!(stats.chunks_advised.load(Relaxed), before);
    assert_eq!(read(&s, &all, &ReadStats::default()).unwrap_err().kind(), ErrorKind::Changed);
}
