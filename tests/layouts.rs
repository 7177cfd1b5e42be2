//! Every layout, chunk index, filter, element type and edge case of HDF5 against h5py.
//!
//! The files and what h5py reads from them come from `tests/goldens/make_layouts.py`. Each dataset is
//! read whole, in random strided and transposed pieces, and by eight threads at once.

mod common;

use chunkwise::{Array, DType, ErrorKind, Index, Session};
use common::{checksum, golden, hash, session};
use std::path::{Path, PathBuf};

/// Filters that are refused by name and number for good.
const REFUSED: &[u64] = &[32013, 32026];

/// Filters that not every libhdf5 is built with.
const OPTIONAL: &[u64] = &[4];

/// A dataset and what h5py says of it.
struct Row {
    file: String,
    path: String,
    dtype: Option<DType>,
    shape: Vec<u64>,
    sum: String,
    chunk: Option<Vec<u64>>,
    filters: Vec<(u64, String)>,
    /// The filter masks of some of its chunks.
    masks: Vec<u64>,
}

fn dims(v: &serde_json::Value) -> Option<Vec<u64>> {
    v.as_array().map(|v| v.iter().map(|n| n.as_u64().unwrap()).collect())
}

fn rows() -> Vec<Row> {
    let row = |r: &serde_json::Value| Row {
        file: r["file"].as_str().unwrap().into(),
        path: r["path"].as_str().unwrap().into(),
        dtype: r["dtype"].as_str().map(|t| DType::from_name(t).unwrap()),
        shape: dims(&r["shape"]).unwrap(),
        sum: r["sum"].as_str().unwrap_or("").into(),
        chunk: dims(&r["chunk"]),
        filters: r["filters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| (f[0].as_u64().unwrap(), f[1].as_str().unwrap().into()))
            .collect(),
        masks: r["chunks"].as_array().into_iter().flatten().map(|c| c[2].as_u64().unwrap()).collect(),
    };
    golden("layouts.json").as_array().unwrap().iter().map(row).collect()
}

fn place(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/layouts").join(file)
}

impl Row {
    fn open(&self) -> chunkwise::Result<Array> {
        Array::open(place(&self.file), &self.path)
    }

    fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    /// The first filter of a list.
    fn filter(&self, list: &[u64]) -> Option<&(u64, String)> {
        self.filters.iter().find(|f| list.contains(&f.0))
    }

    /// Whether it has to be read, with any libhdf5 that the crate can be built with.
    fn readable(&self) -> bool {
        self.dtype.is_some() && self.filter(REFUSED).is_none() && self.filter(OPTIONAL).is_none()
    }

    /// Whether a filter was surely used for a chunk.
    fn used(&self, filter: u64) -> bool {
        let at = self.filters.iter().position(|f| f.0 == filter).unwrap();
        self.masks.iter().any(|m| m >> at & 1 == 0)
    }
}

/// Whether libhdf5 may find more filters than it was built with.
fn plugins() -> bool {
    std::env::var_os("HDF5_PLUGIN_PATH").is_some() || Path::new("/usr/local/hdf5/lib/plugin").is_dir()
}

/// Whether a row is read (or refused, as it should be); if not, what is wrong with the answer.
fn judge(row: &Row, session: &Session) -> Result<bool, String> {
    let answer =
        row.open().and_then(|a| Ok((a.stored_chunks()?.map(|c| c.shape().to_vec()), session.compute(&a)?)));
    let refused = row.filter(REFUSED);
    match answer {
        Ok((chunks, v)) => {
            let sum = format!("{:016x}", checksum(v.bytes()));
            if Some(v.dtype()) != row.dtype || v.shape() != row.shape || sum != row.sum {
                return Err(format!(
                    "read as {} {:?} {sum}, h5py says {:?} {:?} {}",
                    v.dtype(),
                    v.shape(),
                    row.dtype,
                    row.shape,
                    row.sum
                ));
            }
            if row.chunk.is_some() && chunks.is_some() && chunks != row.chunk {
                return Err(format!("chunks {chunks:?} instead of {:?}", row.chunk));
            }
            match refused {
                // Where the filter was skipped for every chunk, nothing is missing.
                Some((id, name)) if row.used(*id) && !plugins() => {
                    Err(format!("{name} ({id}) is in the list of filters that are refused, and it was read"))
                }
                _ => Ok(true),
            }
        }
        Err(e) => {
            let text = e.to_string();
            let named = text.contains(&row.file) && e.context("dataset") == Some(&format!("/{}", row.path));
            let filter = refused.or_else(|| row.filter(OPTIONAL));
            let right = match filter {
                _ if row.dtype.is_none() => e.kind() == ErrorKind::Type,
                Some((id, name)) => {
                    e.kind() == ErrorKind::Filter
                        && text.contains(name.as_str())
                        && text.contains(&format!("({id})"))
                }
                None => false,
            };
            if named && right { Ok(false) } else { Err(format!("{e:?}")) }
        }
    }
}

#[test]
fn every_dataset_reads_as_h5py_reads_it() {
    let session = session(2, "256MiB");
    let (mut read, mut refused, mut wrong) = (0, 0, Vec::new());
    let rows = rows();
    for row in &rows {
        match judge(row, &session) {
            Ok(true) => read += 1,
            Ok(false) => refused += 1,
            Err(why) => wrong.push(format!("{} {}: {why}", row.file, row.path)),
        }
    }
    println!("{read} datasets read as h5py reads them, {refused} refused with a reason");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    let least = rows.iter().filter(|r| r.readable()).count();
    assert!(read >= least && least > 700, "{read} of {least}");
}

/// One entry of an index and the positions along the axis that it picks.
fn random_axis(n: u64, random: &mut impl FnMut(u64) -> u64) -> (Index, Vec<u64>) {
    let at = |v: &mut dyn FnMut(u64) -> u64, most: u64| v(most + 1) as i64;
    if n > 0 && random(8) == 0 {
        let i = random(n);
        return (Index::At(if random(2) == 0 { i as i64 } else { i as i64 - n as i64 }), vec![i]);
    }
    let (a, b) = (at(random, n), at(random, n));
    let (low, high) = (a.min(b), a.max(b));
    let step = [1, 1, 2, 3, 7, -1, -2][random(7) as usize];
    let picked: Vec<u64> = if step > 0 {
        (low..high).step_by(step as usize).map(|i| i as u64).collect()
    } else {
        // From the last one down to `low`, which is left out.
        (low + 1..high).rev().step_by(-step as usize).map(|i| i as u64).collect()
    };
    let (start, stop) = if step > 0 { (low, high) } else { ((high - 1).max(0), low) };
    let picked = if step < 0 && high == 0 { Vec::new() } else { picked };
    (Index::Slice { start: Some(start), stop: Some(stop), step }, picked)
}

#[test]
fn pieces_are_parts_of_the_whole() {
    let session = session(2, "256MiB");
    let mut pieces = 0;
    for (n, row) in rows().iter().enumerate() {
        let Ok(array) = row.open() else { continue };
        let Ok(whole) = session.compute(&array) else { continue };
        let (rank, size) = (row.shape.len(), whole.dtype().size());
        let mut counter = 0;
        let mut random = |most: u64| {
            counter += 1;
            hash(n as u64, counter) % most
        };
        for _ in 0..if row.elements() > 10_000 { 2 } else { 4 } {
            let mut axes: Vec<(Index, Vec<u64>)> =
                row.shape.iter().map(|&n| random_axis(n, &mut random)).collect();
            let mut piece = array.index(axes.iter().map(|a| a.0).collect::<Vec<_>>());
            // The strides of the axes that are left, then any order of them.
            let mut stride = vec![size as u64; rank];
            for d in (1..rank).rev() {
                stride[d - 1] = stride[d] * row.shape[d];
            }
            let base: u64 = (0..rank)
                .filter(|&d| matches!(axes[d].0, Index::At(_)))
                .map(|d| axes[d].1[0] * stride[d])
                .sum();
            let mut left: Vec<(Vec<u64>, u64)> = axes
                .drain(..)
                .zip(stride)
                .filter(|(a, _)| !matches!(a.0, Index::At(_)))
                .map(|(a, s)| (a.1, s))
                .collect();
            if left.len() > 1 && random(2) == 0 {
                let mut order: Vec<usize> = (0..left.len()).collect();
                for i in (1..order.len()).rev() {
                    order.swap(i, random(i as u64 + 1) as usize);
                }
                piece = piece.transpose(&order.iter().map(|&d| d as i64).collect::<Vec<_>>());
                left = order.iter().map(|&d| left[d].clone()).collect();
            }
            let shape: Vec<u64> = left.iter().map(|a| a.0.len() as u64).collect();
            let mut offsets = vec![base];
            for (picked, stride) in &left {
                offsets = offsets.iter().flat_map(|o| picked.iter().map(move |i| o + i * stride)).collect();
            }
            let expected: Vec<u8> =
                offsets.iter().flat_map(|&o| &whole.bytes()[o as usize..][..size]).copied().collect();
            let got = session.compute(&piece).unwrap_or_else(|e| panic!("{} {}: {e:?}", row.file, row.path));
            assert_eq!(got.shape(), shape, "{} {}", row.file, row.path);
            assert!(got.bytes() == expected, "{} {} {piece:?}", row.file, row.path);
            pieces += 1;
        }
    }
    assert!(pieces > 3000, "only {pieces} pieces");
}

#[test]
fn eight_threads_read_the_same() {
    let rows = rows();
    let few: Vec<&Row> = rows.iter().filter(|r| r.elements() < 10_000).collect();
    std::thread::scope(|scope| {
        for thread in 0..8u64 {
            let few = &few;
            scope.spawn(move || {
                let session = session(1, "64MiB");
                for k in 0..few.len() as u64 {
                    // Another order for each thread, half of the datasets.
                    let row = few[(hash(thread, k) % few.len() as u64) as usize];
                    if k % 2 == thread % 2 {
                        judge(row, &session).unwrap_or_else(|e| panic!("{} {}: {e}", row.file, row.path));
                    }
                }
            });
        }
    });
}
