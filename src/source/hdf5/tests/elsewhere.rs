//! Data in other files, beside libhdf5's own read of it: virtual datasets of all kinds of mappings, raw files, links.

use super::*;
use crate::source::{Reader, open as open_spec};
use std::path::PathBuf;

/// A hyperslab: start, stride, count and block along each axis.
type Hyper<'a> = &'a [(u64, u64, u64, u64)];

const U: u64 = H5S_UNLIMITED;

/// What is selected of an array.
enum Select<'a> {
    All,
    Hyper(Hyper<'a>),
    /// Several, together.
    Union(&'a [Hyper<'a>]),
}

use Select::{All, Union};

fn space(shape: &[u64], most: Option<&[u64]>, select: &Select) -> Raw {
    h5::locked(|| unsafe {
        let most = most.map_or(std::ptr::null(), <[u64]>::as_ptr);
        let space = raw(H5Screate_simple(shape.len() as i32, shape.as_ptr(), most));
        let parts = match *select {
            Select::All => &[][..],
            Select::Hyper(one) => &[one][..],
            Select::Union(parts) => parts,
        };
        for (i, part) in parts.iter().enumerate() {
            let of = |f: fn(&(u64, u64, u64, u64)) -> u64| part.iter().map(f).collect::<Vec<u64>>();
            let (start, stride, count, block) = (of(|p| p.0), of(|p| p.1), of(|p| p.2), of(|p| p.3));
            let op = if i == 0 { H5S_seloper_t::H5S_SELECT_SET } else { H5S_seloper_t::H5S_SELECT_OR };
            let [start, stride, count, block] = [&start, &stride, &count, &block].map(|v| v.as_ptr());
            assert!(H5Sselect_hyperslab(space.0, op, start, stride, count, block) >= 0);
        }
        space
    })
}

/// A mapping: file, dataset, shape of the source, and what goes where.
type Map<'a> = (&'a str, &'a str, &'a [u64], Select<'a>, Select<'a>);

/// Makes a virtual dataset of 32-bit integers whose fill value is -7.
fn virtual_dataset(file: &Raw, name: &str, dtype: DType, shape: &[u64], most: Option<&[u64]>, maps: &[Map]) {
    h5::locked(|| unsafe {
        let plist = raw(H5Pcreate(*H5P_CLS_DATASET_CREATE));
        let fill = -7i32;
        H5Pset_fill_value(plist.0, *H5T_NATIVE_INT32, (&raw const fill).cast());
        for (file, dataset, of, from, to) in maps {
            let (file, dataset) = (CString::new(*file).unwrap(), CString::new(*dataset).unwrap());
            let grows: Vec<u64> = vec![U; of.len()];
            let (to, from) = (space(shape, most, to), space(of, Some(&grows), from));
            let done = H5Pset_virtual(plist.0, to.0, file.as_ptr(), dataset.as_ptr(), from.0);
            assert!(done >= 0, "{name}");
        }
        let name = CString::new(name).unwrap();
        let (of, ty) = (space(shape, most, &All), type_of(dtype, false));
        raw(H5Dcreate2(file.0, name.as_ptr(), ty.0, of.0, H5P_DEFAULT, plist.0, H5P_DEFAULT));
    })
}

fn numbers(from: i32, n: usize) -> Vec<u8> {
    (0..n as i32).flat_map(|i| (from + i * 3).to_ne_bytes()).collect()
}

/// Files `s0.h5` to `s3.h5`, each with a chunked 6 by 8, a contiguous one, a list of 48, and one that grows.
fn sources(dir: &Path) {
    for i in 0..4 {
        let f = create(&dir.join(format!("s{i}.h5")), 0);
        let packed = |p: hid_t| unsafe {
            chunk(p, &[4, 3]);
            H5Pset_deflate(p, 1);
        };
        dataset(&f, "x", (DType::I32, false), &[6, 8], packed, &numbers(1000 * i, 48));
        dataset(&f, "flat", (DType::I32, true), &[6, 8], |_| {}, &numbers(100 * i, 48));
        dataset(&f, "list", (DType::I32, false), &[48], |p| chunk(p, &[5]), &numbers(10 * i, 48));
        let n = 10 + 3 * i as usize;
        dataset(&f, "grows", (DType::I32, false), &[n as u64], |p| chunk(p, &[4]), &numbers(i, n));
        dataset(&f, &format!("n{i}"), (DType::I32, false), &[6, 8], |_| {}, &numbers(i, 48));
        let doubles: Vec<u8> =
            [3e9, -3e9, 1.5, -2.5, 1e300].iter().flat_map(|x: &f64| x.to_ne_bytes()).collect();
        dataset(&f, "doubles", (DType::F64, false), &[5], |_| {}, &doubles);
    }
}

fn allowed() -> OpenOptions {
    OpenOptions::new().allow_external()
}

/// Compares a dataset with what libhdf5 reads, as a whole, in pieces and by several threads; gives its chunks.
fn same_as_library(path: &Path, name: &str, options: OpenOptions) -> Option<Vec<u64>> {
    let by_library = Hdf5Source::open(path, name, options.reader(Reader::Libhdf5)).unwrap();
    assert!(by_library.through_library().is_some(), "{name}");
    let own = Hdf5Source::open(path, name, options).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert_eq!(own.through_library(), None, "{name}");
    assert_eq!(own.shape(), by_library.shape(), "{name}");
    let want = whole(&by_library).unwrap();
    let stats = ReadStats::default();
    let all = Slab::dense(&Region::whole(own.shape()));
    assert_eq!(read(&own, &all, &stats).unwrap(), want, "{name}");
    assert_eq!(stats.library_reads.load(Ordering::Relaxed), 0, "{name}");
    let mut state = 5u64;
    let mut next = |n: u64| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) % n
    };
    let slabs: Vec<Slab> = (0..40)
        .map(|_| {
            let mut slab = Slab { start: Dims::new(), count: Dims::new(), step: Dims::new() };
            for &n in own.shape() {
                let (start, step) = (next(n), 1 + next(4));
                slab.start.push(start);
                slab.step.push(step);
                slab.count.push(1 + next((n - start).div_ceil(step)));
            }
            slab
        })
        .collect();
    std::thread::scope(|s| {
        for t in 0..3 {
            let (slabs, own, want) = (&slabs, &own, &want);
            s.spawn(move || {
                for slab in slabs.iter().skip(t) {
                    let mut part = vec![0; slab.len() as usize * own.dtype().size()];
                    crate::source::copy_slab(
                        want,
                        &Region::whole(own.shape()),
                        slab,
                        &mut part,
                        own.dtype().size(),
                    );
                    assert_eq!(read(own, slab, &ReadStats::default()).unwrap(), part, "{name} {slab:?}");
                }
            });
        }
    });
    if let Some(chunks) = own.chunks() {
        // Chunk by chunk it is the same, and every chunk of a source is decoded once.
        let counts: Dims = (0..own.shape().len()).map(|d| chunks.count(d, own.shape()[d])).collect();
        for k in 0..counts.iter().product() {
            let coords = unravel(k, &counts);
            let region = chunks.region(&coords);
            let mut out = vec![0xAA; region.len() as usize * own.dtype().size()];
            let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
            own.read_chunk(&coords, &mut out, &mut ReadCx { scratch: &mut scratch, stats: &stats }).unwrap();
            let inside = Slab::dense(&region.intersect(&Region::whole(own.shape())));
            let (mut got, mut part) =
                (vec![0; inside.len() as usize * 4], vec![0; inside.len() as usize * 4]);
            crate::source::copy_slab(&out, &region, &inside, &mut got, own.dtype().size());
            crate::source::copy_slab(
                &want,
                &Region::whole(own.shape()),
                &inside,
                &mut part,
                own.dtype().size(),
            );
            assert_eq!(got, part, "{name} {coords:?}");
        }
    }
    own.chunks().map(|c| c.shape().to_vec())
}

#[test]
fn mappings_of_every_kind_are_read_as_libhdf5_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    sources(dir.path());
    let path = dir.path().join("v.h5");
    let f = create(&path, 0);
    let make = |name: &str, shape: &[u64], most: Option<&[u64]>, maps: &[Map]| {
        virtual_dataset(&f, name, DType::I32, shape, most, maps);
    };
    let names = ["s0.h5", "s1.h5", "s2.h5", "s3.h5"];
    let x: &[u64] = &[6, 8];
    let hyper = |h: Vec<(u64, u64, u64, u64)>| -> &'static [(u64, u64, u64, u64)] { h.leak() };
    let each = |of: &'static str, to: &dyn Fn(u64) -> Vec<(u64, u64, u64, u64)>| -> Vec<Map<'_>> {
        (0..4).map(|i| (names[i as usize], of, x, All, Select::Hyper(hyper(to(i))))).collect()
    };
    let one = |n: u64| (0, 1, 1, n);
    for of in ["x", "flat"] {
        let name = |s: &str| format!("{of}_{s}");
        make(&name("behind"), &[24, 8], None, &each(of, &|i| vec![(6 * i, 1, 1, 6), one(8)]));
        make(&name("stacked"), &[4, 6, 8], None, &each(of, &|i| vec![(i, 1, 1, 1), one(6), one(8)]));
        make(&name("between"), &[6, 4, 8], None, &each(of, &|i| vec![one(6), (i, 1, 1, 1), one(8)]));
        make(&name("in_turn"), &[24, 8], None, &each(of, &|i| vec![(i, 4, 6, 1), one(8)]));
        make(&name("apart"), &[30, 20], None, &each(of, &|i| vec![(7 * i, 1, 1, 6), (3 * i, 1, 1, 8)]));
        let map: Map = (
            "s1.h5",
            of,
            x,
            Select::Hyper(&[(1, 2, 2, 1), (0, 3, 2, 2)]),
            Select::Hyper(&[(2, 5, 2, 1), (1, 1, 1, 4)]),
        );
        make(&name("strided"), &[9, 6], None, &[map]);
    }
    make("lists", &[4, 48], None, &each("x", &|i| vec![(i, 1, 1, 1), one(48)]));
    make("folded", &[6, 8], None, &[("s2.h5", "list", &[48], All, All)]);
    let part = Select::Hyper(&[(1, 11, 4, 6)]);
    make("blocks", &[50], None, &[("s2.h5", "list", &[48], part, Select::Hyper(&[(3, 7, 6, 4)]))]);
    let corner: Select = Union(&[&[(0, 1, 1, 2), (0, 1, 1, 3)], &[(3, 1, 1, 2), (2, 1, 1, 4)]]);
    make("corners", &[7, 6], None, &[("s2.h5", "list", &[48], Select::Hyper(&[(2, 3, 14, 1)]), corner)]);
    let rows: Select = Union(&[&[(0, 1, 1, 1), (0, 1, 1, 8)], &[(2, 1, 1, 2), (0, 1, 1, 8)]]);
    make("picked", &[6, 8], None, &[("s2.h5", "x", x, Select::Hyper(&[(1, 2, 3, 1), one(8)]), rows)]);
    let later = [
        ("s0.h5", "x", x, All, Select::Hyper(&[(0, 1, 1, 6), (0, 1, 1, 8)])),
        ("s1.h5", "x", x, All, Select::Hyper(&[(3, 1, 1, 6), (0, 1, 1, 8)])),
    ];
    make("over", &[9, 8], None, &later);
    make("inner", &[6, 8], None, &[(".", "x_behind", &[24, 8], Select::Hyper(&[(4, 1, 1, 6), one(8)]), All)]);
    make("inmost", &[8, 8], None, &[(".", "inner", x, All, Select::Hyper(&[(1, 1, 1, 6), one(8)]))]);
    // Without end.
    let long: Select = Select::Hyper(&[(0, 1, 1, U)]);
    make("long", &[2], Some(&[U]), &[("s2.h5", "grows", &[2], long, Select::Hyper(&[(1, 1, 1, U)]))]);
    let turns: Vec<Map> = (0..3)
        .map(|i| {
            let from = Select::Hyper(&[(0, 1, U, 1)]);
            (names[i as usize], "grows", &[2][..], from, Select::Hyper(hyper(vec![(i, 3, U, 1)])))
        })
        .collect();
    make("turns", &[2], Some(&[U]), &turns);
    let two: Map = ("s3.h5", "grows", &[2], Select::Hyper(&[(1, 4, U, 2)]), Select::Hyper(&[(2, 7, U, 3)]));
    make("turns_of_blocks", &[2], Some(&[U]), &[two]);
    let frames = Select::Hyper(&[(0, 1, U, 1), (0, 1, 1, 6), (0, 1, 1, 8)]);
    make("numbered", &[1, 6, 8], Some(&[U, 6, 8]), &[("s%b.h5", "x", x, All, frames)]);
    let apart = Select::Hyper(&[(2, 9, U, 6), (0, 1, 1, 8)]);
    make("numbered_apart", &[1, 8], Some(&[U, 8]), &[("s%b.h5", "n%b", x, All, apart)]);
    drop(f);
    let mut chunks = std::collections::BTreeMap::new();
    let all = ["behind", "stacked", "between", "in_turn", "apart", "strided"];
    let of_both = all.iter().flat_map(|s| [format!("x_{s}"), format!("flat_{s}")]);
    let others = [
        "lists",
        "folded",
        "blocks",
        "corners",
        "picked",
        "over",
        "inner",
        "inmost",
        "long",
        "turns",
        "turns_of_blocks",
        "numbered",
        "numbered_apart",
    ];
    for name in of_both.chain(others.map(String::from)) {
        let found = same_as_library(&path, &name, allowed());
        chunks.insert(name, found);
    }
    // libhdf5 1.10 does not find the file itself by its name.
    let f = create(&dir.path().join("w.h5"), 0);
    dataset(&f, "x", (DType::I32, false), x, |_| {}, &numbers(4, 48));
    virtual_dataset(&f, "v", DType::I32, x, None, &[("w.h5", "x", x, All, All)]);
    drop(f);
    let own = Hdf5Source::open(dir.path().join("w.h5"), "v", allowed()).unwrap();
    assert_eq!(whole(&own).unwrap(), numbers(4, 48));
    // Where chunks of the sources go together, they are those of the whole.
    assert_eq!(chunks["x_behind"], Some(vec![4, 3]));
    assert_eq!(chunks["x_stacked"], Some(vec![1, 4, 3]));
    assert_eq!(chunks["x_between"], Some(vec![4, 1, 3]));
    assert_eq!(chunks["x_in_turn"], Some(vec![16, 3]));
    assert_eq!(chunks["numbered"], Some(vec![1, 4, 3]));
    assert_eq!(chunks["turns"], Some(vec![12]));
    assert_eq!(chunks["flat_behind"], None);
}

#[test]
fn every_chunk_of_a_source_is_decoded_once() {
    let dir = tempfile::tempdir().unwrap();
    sources(dir.path());
    let path = dir.path().join("v.h5");
    let f = create(&path, 0);
    let x: &[u64] = &[6, 8];
    let files = ["s0.h5", "s1.h5", "s2.h5", "s3.h5"];
    let make = |name: &str, shape: &[u64], to: &dyn Fn(u64) -> Vec<(u64, u64, u64, u64)>| {
        let to: Vec<Vec<(u64, u64, u64, u64)>> = (0..4).map(to).collect();
        let each = files.iter().zip(&to);
        let maps: Vec<Map> = each.map(|(file, to)| (*file, "x", x, All, Select::Hyper(to))).collect();
        virtual_dataset(&f, name, DType::I32, shape, None, &maps);
    };
    let one = |n: u64| (0, 1, 1, n);
    make("behind", &[24, 8], &|i| vec![(6 * i, 1, 1, 6), one(8)]);
    make("stacked", &[4, 6, 8], &|i| vec![(i, 1, 1, 1), one(6), one(8)]);
    make("in_turn", &[6, 32], &|i| vec![one(6), (i, 4, 8, 1)]);
    // Modules with gaps between them, in both directions.
    make("modules", &[14, 19], &|i| vec![(7 * (i / 2), 1, 1, 6), (10 * (i % 2), 1, 1, 8)]);
    // One that is made of another, whose chunks are uneven.
    let all: Map = (".", "behind", &[24, 8], All, Select::Hyper(&[(3, 1, 1, 24), (0, 1, 1, 8)]));
    virtual_dataset(&f, "inner", DType::I32, &[30, 8], None, &[all]);
    drop(f);
    let session = crate::Session::builder().memory("64MiB").build().unwrap();
    let sum: i64 = (0..4).map(|i| (0..48).map(|k| 1000 * i + 3 * k).sum::<i64>()).sum();
    for (name, gaps) in
        [("behind", 0), ("stacked", 0), ("in_turn", 0), ("modules", 14 * 19 - 192), ("inner", 48)]
    {
        let array = crate::Array::open_with(&path, name, allowed()).unwrap();
        let outcome = session.run(&[&array.sum()]).unwrap();
        let got = outcome.values[0].as_array().unwrap().item::<i64>().unwrap();
        assert_eq!(got, sum - 7 * gaps, "{name}");
        // Two by three chunks of each file.
        assert_eq!(outcome.report.chunks_decoded, 4 * 6, "{name}");
    }
}

#[test]
fn elements_of_another_dtype_are_converted() {
    let dir = tempfile::tempdir().unwrap();
    sources(dir.path());
    let path = dir.path().join("v.h5");
    let f = create(&path, 0);
    use DType::*;
    for to in [I8, U8, I16, U16, I32, U32, I64, U64, F32, F64] {
        let map: Map = ("s0.h5", "doubles", &[5], All, All);
        virtual_dataset(&f, &format!("doubles_{to}"), to, &[5], None, &[map]);
        let map: Map = ("s3.h5", "x", &[6, 8], All, All);
        virtual_dataset(&f, &format!("x_{to}"), to, &[6, 8], None, &[map]);
    }
    drop(f);
    let whole = |name: &str, options| whole(&Hdf5Source::open(&path, name, options).unwrap()).unwrap();
    for to in [I8, U8, I16, U16, I32, U32, I64, U64, F32, F64] {
        for of in ["doubles", "x"] {
            let name = format!("{of}_{to}");
            let want = whole(&name, allowed().reader(Reader::Libhdf5));
            assert_eq!(whole(&name, allowed()), want, "{name}");
        }
    }
}

/// A file with a virtual dataset that is half of `s0.h5` and half of `gone`.
fn half(dir: &Path, gone: (&str, &str, &[u64])) -> PathBuf {
    sources(dir);
    let path = dir.join("v.h5");
    let f = create(&path, 0);
    let maps: [Map; 2] = [
        ("s0.h5", "list", &[48], All, Select::Hyper(&[(0, 1, 1, 48)])),
        (gone.0, gone.1, gone.2, All, Select::Hyper(&[(50, 1, 1, 12)])),
    ];
    virtual_dataset(&f, "v", DType::I32, &[62], None, &maps);
    path
}

#[test]
fn what_is_missing_is_an_error_that_names_it() {
    for (file, dataset, kind) in
        [("gone.h5", "list", ErrorKind::NotFound), ("s1.h5", "gone", ErrorKind::NotFound)]
    {
        let dir = tempfile::tempdir().unwrap();
        let path = half(dir.path(), (file, dataset, &[12]));
        let e = Hdf5Source::open(&path, "v", allowed()).unwrap_err();
        assert_eq!(e.kind(), kind, "{e}");
        for part in [file, dataset, "v.h5", "/v", "missing", "--fill-missing"] {
            assert!(e.to_string().contains(part), "{part} in {e}");
        }
        // Where it is meant, it is read as libhdf5 reads it.
        same_as_library(&path, "v", allowed().fill_missing());
        assert_eq!(
            Hdf5Source::open(&path, "v", OpenOptions::new()).unwrap_err().kind(),
            ErrorKind::Unsupported
        );
    }
    // A source that is shorter than it was.
    let dir = tempfile::tempdir().unwrap();
    let path = half(dir.path(), ("short.h5", "x", &[12]));
    let f = create(&dir.path().join("short.h5"), 0);
    dataset(&f, "x", (DType::I32, false), &[8], |_| {}, &numbers(5, 8));
    drop(f);
    let map_of_part = |name: &str| {
        let f = create(&dir.path().join(name), 0);
        let map: Map =
            ("short.h5", "x", &[12], Select::Hyper(&[(2, 1, 1, 10)]), Select::Hyper(&[(1, 1, 1, 10)]));
        virtual_dataset(&f, "v", DType::I32, &[12], None, &[map]);
        dir.path().join(name)
    };
    // As a whole it has another number of elements.
    let e = Hdf5Source::open(&path, "v", allowed()).unwrap_err();
    assert!(e.kind() == ErrorKind::Format && e.to_string().contains("8 elements"), "{e}");
    let path = map_of_part("part.h5");
    let e = Hdf5Source::open(&path, "v", allowed()).unwrap_err();
    assert!(e.kind() == ErrorKind::Format && e.to_string().contains("too short"), "{e}");
    let filled = whole(&Hdf5Source::open(&path, "v", allowed().fill_missing()).unwrap()).unwrap();
    let want: Vec<u8> =
        [-7i32, 11, 14, 17, 20, 23, 26, -7, -7, -7, -7, -7].iter().flat_map(|n| n.to_ne_bytes()).collect();
    assert_eq!(filled, want);
}

#[test]
fn a_source_that_changed_is_noticed_here_and_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    sources(dir.path());
    let path = dir.path().join("v.h5");
    let f = create(&path, 0);
    virtual_dataset(&f, "v", DType::I32, &[6, 8], None, &[("s1.h5", "x", &[6, 8], All, All)]);
    drop(f);
    let source = Hdf5Source::open(&path, "v", allowed()).unwrap();
    let spec = source.spec(Own).unwrap();
    // Plain data that another process opens.
    let text = serde_json::to_string(&spec).unwrap();
    let spec: SourceSpec = serde_json::from_str(&text).unwrap();
    let again = open_spec(&spec).unwrap();
    let mut out = vec![0; 6 * 8 * 4];
    let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
    let all = Slab::dense(&Region::whole(again.shape()));
    again.read_region(&all, &mut out, &mut ReadCx { scratch: &mut scratch, stats: &stats }).unwrap();
    assert_eq!(out, whole(&source).unwrap());
    let f = create(&dir.path().join("s1.h5"), 0);
    dataset(&f, "x", (DType::I32, false), &[6, 8], |p| chunk(p, &[6, 8]), &numbers(9, 48));
    drop(f);
    assert_eq!(whole(&source).unwrap_err().kind(), ErrorKind::Changed);
    assert_eq!(open_spec(&spec).unwrap_err().kind(), ErrorKind::Changed);
}

#[test]
fn circles_and_depths_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("v.h5");
    let f = create(&path, 0);
    let one = |name: &str, of: &str| {
        virtual_dataset(&f, name, DType::I32, &[2], None, &[(".", of, &[2], All, All)])
    };
    one("itself", "itself");
    one("a", "b");
    one("b", "a");
    for i in 0..20 {
        one(&format!("deep{}", i + 1), &format!("deep{i}"));
    }
    dataset(&f, "deep0", (DType::I32, false), &[2], |_| {}, &numbers(4, 2));
    drop(f);
    for name in ["itself", "a"] {
        let e = Hdf5Source::open(&path, name, allowed()).unwrap_err();
        assert!(e.kind() == ErrorKind::Format && e.to_string().contains("made of itself"), "{e}");
    }
    assert_eq!(whole(&Hdf5Source::open(&path, "deep14", allowed()).unwrap()).unwrap(), numbers(4, 2));
    let e = Hdf5Source::open(&path, "deep20", allowed()).unwrap_err();
    assert!(e.kind() == ErrorKind::Unsupported && e.to_string().contains("deep"), "{e}");
}

mod damaged;
mod raw;
