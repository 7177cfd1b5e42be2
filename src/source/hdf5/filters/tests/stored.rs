//! Chunks that libhdf5 stores: what the tests of the codecs compare with.

use super::{Fault, Work};
use crate::h5;
use hdf5_sys::{h5d::*, h5f::*, h5i::*, h5p::*, h5s::*, h5t::*, h5z::*};
use std::ffi::CString;

/// A codec.
pub(super) type Decode = fn(&[u32], &[u8], &mut [u8], &mut Work) -> Result<usize, Fault>;

/// An identifier, closed when dropped.
pub(super) struct Raw(pub hid_t);
impl Drop for Raw {
    fn drop(&mut self) {
        h5::locked(|| unsafe { H5Idec_ref(self.0) });
    }
}

fn raw(id: hid_t) -> Raw {
    assert!(id >= 0);
    Raw(id)
}

/// An integer type of any kind.
pub(super) fn integer(size: usize, big: bool, signed: bool, precision: usize, offset: usize) -> Raw {
    h5::locked(|| unsafe {
        let t = raw(H5Tcopy(if signed { *H5T_STD_I8LE } else { *H5T_STD_U8LE }));
        assert!(H5Tset_size(t.0, size) >= 0);
        assert!(H5Tset_precision(t.0, precision) >= 0);
        assert!(H5Tset_offset(t.0, offset) >= 0);
        assert!(H5Tset_order(t.0, if big { H5T_ORDER_BE } else { H5T_ORDER_LE }) >= 0);
        assert_eq!(H5Tget_size(t.0), size);
        t
    })
}

/// A float type of 4 or 8 bytes.
pub(super) fn float(size: usize, big: bool) -> Raw {
    h5::locked(|| unsafe {
        raw(H5Tcopy(match (size, big) {
            (4, false) => *H5T_IEEE_F32LE,
            (4, true) => *H5T_IEEE_F32BE,
            (_, false) => *H5T_IEEE_F64LE,
            (_, true) => *H5T_IEEE_F64BE,
        }))
    })
}

/// Whether this libhdf5 can write with a filter; says so loudly where it cannot.
pub(super) fn can_write(filter: i32, test: &str) -> bool {
    use std::io::Write;
    let mut config = 0;
    let known =
        h5::locked(|| unsafe { H5Zfilter_avail(filter) > 0 && H5Zget_filter_info(filter, &mut config) >= 0 });
    let can = known && config & H5Z_FILTER_CONFIG_ENCODE_ENABLED != 0;
    if !can {
        let _ =
            writeln!(std::io::stderr(), "\nSKIPPED {test}: this libhdf5 cannot write with filter {filter}\n");
    }
    can
}

/// A dataset of one chunk.
pub(super) struct Stored {
    /// The filter's values.
    pub values: Vec<u32>,
    /// The mask of skipped filters.
    pub mask: u32,
    /// The stored bytes.
    pub bytes: Vec<u8>,
    folder: tempfile::TempDir,
}

const NAME: &std::ffi::CStr = c"d";

impl Stored {
    /// Writes `data`, elements of type `t`, with the creation list that `setup` makes. If `chunk` is
    /// given, it is stored in the place of what the filters would make.
    pub fn new(t: &Raw, shape: &[u64], setup: impl Fn(hid_t), data: &[u8], chunk: Option<&[u8]>) -> Stored {
        let folder = tempfile::tempdir().unwrap();
        let path = CString::new(folder.path().join("x.h5").to_str().unwrap()).unwrap();
        h5::locked(|| unsafe {
            let file = raw(H5Fcreate(path.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
            let p = raw(H5Pcreate(*H5P_CLS_DATASET_CREATE));
            assert!(H5Pset_chunk(p.0, shape.len() as i32, shape.as_ptr()) >= 0);
            setup(p.0);
            let space = raw(H5Screate_simple(shape.len() as i32, shape.as_ptr(), std::ptr::null()));
            let d = raw(H5Dcreate2(file.0, NAME.as_ptr(), t.0, space.0, H5P_DEFAULT, p.0, H5P_DEFAULT));
            if let Some(chunk) = chunk {
                let origin = vec![0u64; shape.len()];
                let from = chunk.as_ptr().cast();
                assert!(H5Dwrite_chunk(d.0, H5P_DEFAULT, 0, origin.as_ptr(), chunk.len(), from) >= 0);
            } else {
                let most: u64 = shape.iter().product::<u64>() * H5Tget_size(t.0) as u64;
                assert_eq!(data.len() as u64, most);
                assert!(H5Dwrite(d.0, t.0, 0, 0, H5P_DEFAULT, data.as_ptr().cast()) >= 0);
            }
        });
        h5::locked(|| {
            let d = Self::open(&folder);
            let origin = vec![0u64; shape.len()];
            let mut bytes = vec![0; h5::stored_size(&d, &origin).unwrap() as usize];
            let mask = h5::read_stored(&d, &origin, &mut bytes).unwrap();
            let values = h5::filters(&h5::creation(&d).unwrap()).unwrap()[0].values.clone();
            Stored { values, mask, bytes, folder }
        })
    }

    fn open(folder: &tempfile::TempDir) -> h5::Id {
        h5::open_dataset(&h5::open_file(&folder.path().join("x.h5")).unwrap(), "d").unwrap()
    }

    /// The element type as the source sees it.
    pub fn element_type(&self) -> h5::ElementType {
        h5::locked(|| h5::element_type(&h5::dataset_type(&Self::open(&self.folder)).unwrap()).unwrap())
    }

    /// `len` bytes of what libhdf5 reads, in the file's type, or in the memory type `native`.
    pub fn read(&self, native: Option<&h5::Id>, len: usize) -> Vec<u8> {
        h5::locked(|| {
            let d = Self::open(&self.folder);
            let t = h5::dataset_type(&d).unwrap();
            let space = h5::dataset_space(&d).unwrap();
            let mut out = vec![0; len];
            h5::read_selection(&d, native.unwrap_or(&t), &space, &space, &mut out).unwrap();
            out
        })
    }

    /// What `decode` makes of the chunk; the room is just as large.
    pub fn decode(&self, decode: Decode, len: usize) -> Vec<u8> {
        let mut out = vec![0xAA; len];
        let n = decode(&self.values, &self.bytes, &mut out, &mut Work::default());
        assert_eq!(n, Ok(len), "{:?}", self.values);
        out
    }
}

/// A stream of numbers.
pub(super) fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut i = 0u64;
    move || {
        i += 1;
        let z = (seed << 40).wrapping_add(i).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

/// Name, values, stored bytes, and what they decode to.
type Golden = (String, Vec<u32>, Vec<u8>, Vec<u8>);

/// The goldens of one filter.
pub(super) fn goldens(filter: u64) -> Vec<Golden> {
    let all: serde_json::Value =
        serde_json::from_str(include_str!("../../../../../tests/goldens/bits.json")).unwrap();
    let bytes = |v: &serde_json::Value| {
        let (mut out, mut acc, mut have) = (Vec::new(), 0u32, 0);
        for c in v.as_str().unwrap().bytes().filter(|&c| c != b'=') {
            let digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
            acc = acc << 6 | digit.iter().position(|&d| d == c).unwrap() as u32;
            have += 6;
            if have >= 8 {
                have -= 8;
                out.push((acc >> have) as u8);
            }
        }
        out
    };
    let rows = all["rows"].as_array().unwrap().iter().filter(|r| r["filter"] == filter);
    rows.map(|r| {
        let values = r["values"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as u32).collect();
        (r["name"].as_str().unwrap().into(), values, bytes(&r["stored"]), bytes(&r["want"]))
    })
    .collect()
}

/// The goldens decode right, and every damage to them gives a fault or some bytes, in bounds: cut at
/// every length, each bit turned, each byte of the values changed, other bytes altogether.
pub(super) fn check_goldens(filter: u64, decode: Decode, at_least: usize) {
    let rows = goldens(filter);
    assert!(rows.len() >= at_least, "{} goldens", rows.len());
    let work = &mut Work::default();
    let mut next = random(filter);
    for (name, values, stored, want) in rows {
        // Room beyond the end must stay as it is.
        let mut out = vec![0xAA; want.len() + 32];
        assert_eq!(decode(&values, &stored, &mut out, work), Ok(want.len()), "{name}");
        assert_eq!(out[..want.len()], want, "{name}");
        assert_eq!(out[want.len()..], [0xAA; 32], "{name}");
        assert!(
            want.is_empty() || decode(&values, &stored, &mut out[1..want.len()], work).is_err(),
            "{name}"
        );
        let out = &mut out[..want.len()];
        for cut in 0..stored.len() {
            // Only bits that nothing needs may be missing.
            if let Ok(n) = decode(&values, &stored[..cut], out, work) {
                // What was never packed says nothing about its length.
                assert!(n < want.len() || *out == want, "{name} cut at {cut}");
                assert_eq!(out[..n], want[..n], "{name} cut at {cut}");
            }
        }
        let bounded = |values: &[u32], stored: &[u8], out: &mut [u8], work: &mut Work| {
            let most = out.len();
            match decode(values, stored, out, work) {
                Ok(n) => assert!(n <= most, "{name}"),
                Err(why) => assert!(why.chars().next().is_some_and(|c| !c.is_uppercase()), "{name}: {why}"),
            }
        };
        let mut damaged = stored.clone();
        for bit in 0..8 * stored.len() {
            damaged[bit / 8] ^= 1 << (bit % 8);
            bounded(&values, &damaged, out, work);
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
        for i in 0..values.len() {
            for change in [0, 1, 2, 3, 7, 33, 64, 65, 0x7fff_ffff, 0x8000_0000, u32::MAX, next() as u32] {
                let mut values = values.clone();
                values[i] = change;
                bounded(&values, &stored, out, work);
            }
            bounded(&values[..i], &stored, out, work);
        }
        for _ in 0..20 {
            let n = next() as usize % 200;
            let mut bytes: Vec<u8> = (0..n).map(|_| next() as u8).collect();
            bounded(&values, &bytes, out, work);
            // The same behind a header that may be right.
            let keep = stored.len().min(n).min(21);
            bytes[..keep].copy_from_slice(&stored[..keep]);
            bounded(&values, &bytes, out, work);
        }
    }
}
