//! Indexes that libhdf5 wrote, compared chunk by chunk with libhdf5 and with what was stored.

use super::*;
use crate::grid::unravel;
use crate::h5;
use hdf5_sys::{h5d::*, h5f::*, h5i::*, h5p::*, h5s::*, h5t::*};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::Path;

mod flips;
mod forms;
mod hostile;
mod large;
mod real;

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

/// How a file is made.
#[derive(Clone, Copy)]
struct Style {
    latest: bool,
    user_block: u64,
    /// Bytes of addresses and of lengths.
    sizes: (usize, usize),
    /// Half of the most entries of a version 1 node; 0 for libhdf5's choice.
    half: u32,
}

const OLD: Style = Style { latest: false, user_block: 0, sizes: (8, 8), half: 0 };
const NEW: Style = Style { latest: true, ..OLD };

fn create(path: &Path, style: Style) -> Raw {
    create_with(path, style, |_| {})
}

fn create_with(path: &Path, style: Style, access: impl Fn(hid_t)) -> Raw {
    h5::locked(|| unsafe {
        let (fcpl, fapl) = (raw(H5Pcreate(*H5P_CLS_FILE_CREATE)), raw(H5Pcreate(*H5P_CLS_FILE_ACCESS)));
        assert!(H5Pset_userblock(fcpl.0, style.user_block) >= 0);
        assert!(H5Pset_sizes(fcpl.0, style.sizes.0, style.sizes.1) >= 0);
        if style.half > 0 {
            assert!(H5Pset_istore_k(fcpl.0, style.half) >= 0);
        }
        let low = if style.latest { H5F_LIBVER_LATEST } else { H5F_libver_t::H5F_LIBVER_EARLIEST };
        assert!(H5Pset_libver_bounds(fapl.0, low, H5F_LIBVER_LATEST) >= 0);
        access(fapl.0);
        let name = CString::new(path.to_str().unwrap()).unwrap();
        raw(H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, fcpl.0, fapl.0))
    })
}

const GROW: u64 = H5S_UNLIMITED;

/// A dataset of 8-byte integers.
#[derive(Clone, Copy)]
struct Made<'a> {
    name: &'a str,
    shape: &'a [u64],
    most: &'a [u64],
    chunk: &'a [u64],
    filtered: bool,
    /// Storage is taken when the dataset is made.
    early: bool,
}

impl Made<'_> {
    fn grid(&self, shape: &[u64]) -> Dims {
        shape.iter().zip(self.chunk).map(|(n, c)| n.div_ceil(*c)).collect()
    }

    fn create(&self, file: &Raw) -> Raw {
        self.create_with(file, |_| {})
    }

    fn create_with(&self, file: &Raw, more: impl Fn(hid_t)) -> Raw {
        h5::locked(|| unsafe {
            let plist = raw(H5Pcreate(*H5P_CLS_DATASET_CREATE));
            let rank = self.shape.len() as i32;
            assert!(H5Pset_chunk(plist.0, rank, self.chunk.as_ptr()) >= 0);
            if self.filtered {
                assert!(H5Pset_deflate(plist.0, 1) >= 0);
            }
            if self.early {
                assert!(H5Pset_alloc_time(plist.0, H5D_alloc_time_t::H5D_ALLOC_TIME_EARLY) >= 0);
            }
            more(plist.0);
            let space = raw(H5Screate_simple(rank, self.shape.as_ptr(), self.most.as_ptr()));
            let name = CString::new(self.name).unwrap();
            let int = *H5T_STD_I64LE;
            raw(H5Dcreate2(file.0, name.as_ptr(), int, space.0, H5P_DEFAULT, plist.0, H5P_DEFAULT))
        })
    }

    /// Stores chunks of the grid of `shape`, each with its number in it: its own size and mask where
    /// it is filtered.
    fn store(&self, dataset: &Raw, shape: &[u64], numbers: impl Iterator<Item = u64>) {
        match self.filtered {
            true => self.store_as(dataset, shape, numbers, |i| (8 + i as usize % 41, i as u32 % 2)),
            false => self.store_as(dataset, shape, numbers, |_| (self.bytes(), 0)),
        }
    }

    fn bytes(&self) -> usize {
        self.chunk.iter().product::<u64>() as usize * 8
    }

    /// Stores chunks with the bytes and the mask that `form` gives for each.
    fn store_as(
        &self,
        dataset: &Raw,
        shape: &[u64],
        numbers: impl Iterator<Item = u64>,
        form: impl Fn(u64) -> (usize, u32),
    ) {
        let grid = self.grid(shape);
        h5::locked(|| {
            for i in numbers {
                let coords = unravel(i, &grid);
                let (len, mask) = form(i);
                let mut stored = vec![i as u8; len];
                stored[..8].copy_from_slice(&i.to_le_bytes());
                let origin: Dims = coords.iter().zip(self.chunk).map(|(c, n)| c * n).collect();
                let from = stored.as_ptr().cast();
                let code = unsafe {
                    H5Dwrite_chunk(dataset.0, H5P_DEFAULT, mask, origin.as_ptr(), stored.len(), from)
                };
                assert!(code >= 0);
            }
        });
    }
}

/// The layout message of a dataset.
fn layout_message(file: &dyn ReadAt, header: u64) -> Result<Vec<u8>> {
    let container = Container::open(file)?;
    let object = Object::read(&container, header)?;
    Ok(object.get(&container, LAYOUT, "layout")?.into_owned())
}

/// The chunk lengths of a dataset, with the bytes of an element, and its dataspace.
fn chunked(file: &dyn ReadAt, header: u64) -> Option<(Dims, Space)> {
    let container = Container::open(file).ok()?;
    let object = Object::read(&container, header).ok()?;
    let space = object.find(&container, DATASPACE).ok()??;
    let space = Space::read(&space, container.frame()).ok()?;
    match Layout::read(&layout_message(file, header).ok()?, container.frame()) {
        Ok(Layout::Chunked(layout)) => Some((layout.chunk, space)),
        _ => None,
    }
}

/// Bytes that note which positions were read, how often and how far.
struct Noted<'a> {
    bytes: &'a [u8],
    reads: RefCell<BTreeMap<u64, (u64, u64)>>,
}

impl<'a> Noted<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Noted { bytes, reads: RefCell::default() }
    }

    fn count(&self) -> u64 {
        self.reads.borrow().values().map(|r| r.0).sum()
    }
}

impl ReadAt for Noted<'_> {
    fn len(&self) -> u64 {
        ReadAt::len(&self.bytes)
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> Result<()> {
        let mut reads = self.reads.borrow_mut();
        let note = reads.entry(at).or_default();
        *note = (note.0 + 1, note.1.max(out.len() as u64));
        self.bytes.read_at(at, out)
    }
}

/// What libhdf5 says about a dataset.
struct Facts {
    id: h5::Id,
    header: u64,
    shape: Dims,
    chunk: Dims,
    element: u64,
    filtered: bool,
    /// Whether elements are numbers: others can have another size in memory than in the file.
    number: bool,
}

impl Facts {
    fn of(file: &h5::Id, name: &str) -> Option<Facts> {
        h5::locked(|| {
            let id = h5::open_dataset(file, name).unwrap();
            let dcpl = h5::creation(&id).unwrap();
            if h5::layout(&dcpl).unwrap() != h5::Layout::Chunked {
                return None;
            }
            let header = u64::from_le_bytes(h5::address(&id).unwrap()[..8].try_into().unwrap());
            let shape = h5::shape_of(&h5::dataset_space(&id).unwrap()).unwrap().unwrap();
            let chunk = h5::chunk_shape(&dcpl).unwrap().0;
            let filtered = !h5::filters(&dcpl).unwrap().is_empty();
            let kind = h5::dataset_type(&id).unwrap();
            let element = unsafe { H5Tget_size(kind.raw()) } as u64;
            let number = h5::element_type(&kind).unwrap().dtype.is_some();
            Some(Facts { id, header, shape, chunk, element, filtered, number })
        })
    }

    fn expect(&self) -> Expect<'_> {
        let Facts { shape, chunk, element, filtered, .. } = self;
        Expect { shape, chunk, element: *element, filtered: *filtered }
    }

    fn grid(&self) -> Dims {
        self.shape.iter().zip(&self.chunk).map(|(n, c)| n.div_ceil(*c)).collect()
    }

    fn origin(&self, coords: &[u64]) -> Dims {
        coords.iter().zip(&self.chunk).map(|(c, n)| c * n).collect()
    }

    /// Where libhdf5 says a chunk is, by looking through all of them; 1.10 forgets the user block.
    fn place(&self, coords: &[u64]) -> Option<Stored> {
        let origin = self.origin(coords);
        let (mut mask, mut address, mut size) = (0, 0, 0);
        h5::locked(|| unsafe {
            let (id, at) = (self.id.raw(), origin.as_ptr());
            assert!(H5Dget_chunk_info_by_coord(id, at, &mut mask, &mut address, &mut size) >= 0);
        });
        (address != u64::MAX).then_some(Stored { address, size, mask })
    }

    /// A chunk's stored bytes and its mask, as libhdf5 looks them up.
    fn stored(&self, coords: &[u64]) -> Option<(Vec<u8>, u32)> {
        let origin = self.origin(coords);
        let size = h5::stored_size(&self.id, &origin).unwrap();
        let mut bytes = vec![0; size as usize];
        (size > 0).then(|| {
            let mask = h5::read_stored(&self.id, &origin, &mut bytes).unwrap();
            (bytes, mask)
        })
    }
}

/// What a comparison saw.
struct Seen {
    kind: &'static str,
    stored: u64,
    missing: u64,
    /// Bytes that the memo held at the end.
    memo: u64,
    /// Whether a walk in C order read nothing twice.
    once: bool,
}

/// Compares every chunk of a dataset with libhdf5; every `each`-th one by its slow listing too.
fn compare(path: &Path, name: &str, each: u64) -> Seen {
    let bytes = std::fs::read(path).unwrap();
    let file = h5::open_file(path).unwrap();
    let facts = Facts::of(&file, name).unwrap();
    compare_open(&bytes, &facts, name, each)
}

fn compare_open(bytes: &[u8], facts: &Facts, name: &str, each: u64) -> Seen {
    let noted = Noted::new(bytes);
    let index = ChunkIndex::locate(&noted, facts.header, &facts.expect()).unwrap();
    noted.reads.borrow_mut().clear();
    let (mut memo, grid) = (Memo::default(), facts.grid());
    let (mut stored, mut missing) = (0, 0);
    // The listing of 1.10 mixes up the axes of such arrays; its reading does not.
    let listed = !matches!(&index.kind, Kind::Extensible(array) if !array.in_order());
    let count: u64 = grid.iter().product();
    for i in 0..count {
        let coords = unravel(i, &grid);
        let found = index.find(&noted, &coords, &mut memo).unwrap();
        let library = facts.stored(&coords);
        match (&found, &library) {
            (None, None) => missing += 1,
            (Some(found), Some((data, mask))) => {
                stored += 1;
                let at = found.address as usize;
                assert!(bytes[at..at + found.size as usize] == data[..], "{name} {coords:?}");
                assert_eq!(found.mask, *mask, "{name} {coords:?}");
            }
            _ => panic!("{name} {coords:?}: {found:?}, libhdf5 {:?}", library.map(|l| l.0.len())),
        }
        if i % each == 0 && listed {
            let place = facts.place(&coords);
            let same = [0, index.frame.base]
                .iter()
                .any(|base| found == place.map(|p| Stored { address: p.address + base, ..p }));
            assert!(same, "{name} {coords:?}: {found:?}, libhdf5 {place:?}");
        }
    }
    assert_eq!(noted.count(), memo.reads, "{name}");
    let once = noted.reads.borrow().values().all(|r| r.0 == 1);
    let held = memo.bytes();
    // In no order, with a memo of another index in between, after a journey as text.
    let again: ChunkIndex = serde_json::from_str(&serde_json::to_string(&index).unwrap()).unwrap();
    assert_eq!(again, index);
    let mut state = 1u64;
    for _ in 0..count.min(500) {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let coords = unravel((state >> 20) % count, &grid);
        let alone = index.find(&noted, &coords, &mut Memo::default()).unwrap();
        assert_eq!(index.find(&noted, &coords, &mut memo).unwrap(), alone, "{name} {coords:?}");
        if state >> 60 == 0 {
            assert_eq!(again.find(&noted, &coords, &mut memo).unwrap(), alone, "{name} {coords:?}");
        }
    }
    let beyond = facts.grid();
    assert_eq!(index.find(&noted, &beyond, &mut memo).unwrap_err().kind(), ErrorKind::Index);
    assert_eq!(index.find(&noted, &[], &mut memo).unwrap_err().kind(), ErrorKind::Index);
    Seen { kind: index.kind(), stored, missing, memo: held, once }
}

/// The chunks that tests store: all, every third, a few, none.
fn some(pattern: u64, count: u64) -> Box<dyn Iterator<Item = u64>> {
    match pattern {
        0 => Box::new(0..count),
        1 => Box::new((0..count).filter(|i| i % 3 == 1)),
        // Backwards, so that trees grow at their other end.
        2 => Box::new((0..count).rev().filter(|i| i * 7919 % 11 == 0)),
        _ => Box::new(0..0),
    }
}

#[test]
fn every_index_filter_and_filling() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    // Shape, largest shape, chunk, early, and the newer index.
    type Case = (&'static [u64], &'static [u64], &'static [u64], bool, &'static str);
    let cases: [Case; 13] = [
        (&[4, 6], &[4, 6], &[4, 6], false, "single"),
        (&[700], &[700], &[3], true, "implicit"),
        (&[9, 8, 7], &[9, 20, 7], &[2, 3, 4], true, "implicit"),
        (&[700], &[700], &[3], false, "fixed"),
        (&[31, 22], &[50, 60], &[3, 2], false, "fixed"),
        (&[60, 70], &[60, 70], &[1, 2], false, "fixed"),
        (&[2100], &[9001], &[1], false, "fixed"),
        (&[900], &[GROW], &[2], false, "extensible"),
        (&[12, 90], &[13, GROW], &[2, 3], false, "extensible"),
        (&[5, 40, 6], &[9, GROW, 11], &[2, 1, 3], false, "extensible"),
        (&[40, 41], &[GROW, GROW], &[2, 3], false, "tree 2"),
        (&[6, 7, 8, 9], &[GROW, 20, GROW, 9], &[1, 3, 2, 4], false, "tree 2"),
        (&[3, 300], &[GROW, GROW], &[1, 1], true, "tree 2"),
    ];
    for style in [
        OLD,
        NEW,
        Style { user_block: 512, ..NEW },
        Style { user_block: 2048, ..OLD },
        Style { half: 2, ..OLD },
        Style { half: 70, user_block: 1024, ..OLD },
    ] {
        let file = create(&path, style);
        let mut names = Vec::new();
        for (n, (shape, most, chunk, early, kind)) in cases.iter().enumerate() {
            for filtered in [false, true] {
                for pattern in 0..4 {
                    let name = format!("{n} {kind} {filtered} {pattern}");
                    let made = Made { name: &name, shape, most, chunk, filtered, early: *early && !filtered };
                    let dataset = made.create(&file);
                    let count: u64 = made.grid(shape).iter().product();
                    made.store(&dataset, shape, some(pattern, count));
                    let all = if *early && !filtered { count } else { some(pattern, count).count() as u64 };
                    let kind = match *kind {
                        _ if !style.latest => "tree 1",
                        "implicit" if filtered => "fixed",
                        kind => kind,
                    };
                    names.push((name, if all == 0 { "nothing" } else { kind }, count, all));
                }
            }
        }
        drop(file);
        for (name, kind, count, stored) in names {
            let seen = compare(&path, &name, 1 + count / 300);
            assert_eq!((seen.kind, seen.stored, seen.missing), (kind, stored, count - stored), "{name}");
            // Only where the unlimited axis is not the first is C order not the index's own.
            assert!(seen.once || (kind == "extensible" && !name.starts_with("7 ")), "{name}");
            assert!(seen.memo < 64 << 10, "{name}: {}", seen.memo);
        }
    }
}

#[test]
fn addresses_of_two_and_four_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    for latest in [false, true] {
        for sizes in [(2, 2), (4, 4), (4, 8), (8, 4)] {
            let file = create(&path, Style { latest, sizes, user_block: 512, half: 0 });
            let mut names = Vec::new();
            for (name, filtered) in [("plain", false), ("filtered", true)] {
                let made =
                    Made { name, shape: &[13, 11], most: &[13, 30], chunk: &[4, 1], filtered, early: false };
                made.store(&made.create(&file), made.shape, some(1, 44));
                names.push(name);
            }
            drop(file);
            for name in names {
                let seen = compare(&path, name, 1);
                assert_eq!((seen.stored, seen.missing), (15, 29), "{latest} {sizes:?} {name}");
                assert_eq!(seen.kind, if latest { "fixed" } else { "tree 1" });
            }
        }
    }
}

/// Datasets that grew and shrank after chunks were stored.
#[test]
fn growth_and_shrinking() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.h5");
    for style in [OLD, NEW] {
        let file = create(&path, style);
        let mosts: [&[u64]; 4] = [&[40, 40], &[GROW, 40], &[40, GROW], &[GROW, GROW]];
        let mut names = Vec::new();
        for most in mosts {
            for filtered in [false, true] {
                for (last, to) in [("more", [40u64, 38]), ("less", [11, 25]), ("swap", [38, 5])] {
                    let name = format!("{most:?} {filtered} {last}");
                    let made =
                        Made { name: &name, shape: &[17, 19], most, chunk: &[2, 3], filtered, early: false };
                    let dataset = made.create(&file);
                    // libhdf5 fills parts of edge chunks, so that it must be able to read them.
                    let form = |_| (made.bytes(), u32::from(filtered));
                    made.store_as(&dataset, &[17, 19], some(0, 9 * 7), form);
                    h5::locked(|| assert!(unsafe { H5Dset_extent(dataset.0, to.as_ptr()) } >= 0));
                    // With other numbers than before, so that old and new chunks are told apart.
                    let grid = made.grid(&to);
                    let numbers = (0..grid.iter().product()).filter(|i| i % 5 == 2);
                    made.store_as(&dataset, &to, numbers, form);
                    names.push(name);
                }
            }
        }
        drop(file);
        for name in names {
            let seen = compare(&path, &name, 1);
            assert!(seen.stored > 0 && (seen.missing > 0 || !name.ends_with("more")), "{name}");
        }
    }
}
