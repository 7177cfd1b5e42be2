//! The data that works are timed on: two sets of different size and distribution, from a seed, as HDF5
//! files, so that other programs can be timed on the same values.
//!
//! A value is a function of the seed, its column and its position, so any part can be made by any thread,
//! and made again for checking an answer.

use chunkwise::grid::Region;
use chunkwise::sink::hdf5::{DatasetSpec, Filter, Hdf5Writer, WriteScratch};
use chunkwise::{Cancel, Context, DType, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Raised when the same seed gives other values.
const VERSION: u32 = 2;
/// Groups of the column `g`.
pub const GROUPS: u64 = 1000;
/// The edge of a matrix' chunks.
const TILE: u64 = 1024;

/// How values lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Distribution {
    /// In memory evenly over (0, 1); in files a bell in steps of 1/64, half of whose bits are noise.
    Uniform,
    /// Powers of a bell, over three to four decades, most of them small.
    Lognormal,
}

/// A set of columns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// How its values lie.
    pub distribution: Distribution,
    /// Rows of the columns `a`, `b` (float32), `w` (float64) and `g` (int32, below [`GROUPS`]) of
    /// [`Set::memory_file`].
    pub elements: u64,
    /// Rows of `x` and `y` (float32) in each group of [`Set::stored_file`].
    pub file_elements: u64,
    /// Rows in a chunk of those.
    pub chunk: u64,
    /// Edge of the matrices made of `a` and `b`.
    pub matrix: u64,
    /// Edge of the square `t` (float32) in the group `deflate` of [`Set::stored_file`].
    pub square: u64,
    /// Edge of its chunks.
    pub tile: u64,
    /// The range of histograms of `a`.
    pub hist_range: [f64; 2],
    /// The range of histograms of the decimal logarithms of `a` and `b`.
    pub log_range: [f64; 2],
    /// The range of histograms of `x`.
    pub file_range: [f64; 2],
}

/// What lies in a folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    version: u32,
    /// Where the values come from.
    pub seed: u64,
    /// Whether everything is small.
    pub quick: bool,
    /// The sets.
    pub sets: Vec<Set>,
    /// Edge of the matrices `p` and `q` in `product.h5`.
    pub product: u64,
}

/// The ways in which the columns of files are stored.
pub const STORAGES: [&str; 3] = ["deflate", "plain", "contiguous"];

impl Set {
    /// The columns for works in memory, contiguous.
    pub fn memory_file(&self) -> String {
        format!("{}.h5", self.name)
    }

    /// The columns for works on files.
    pub fn stored_file(&self) -> String {
        format!("{}-file.h5", self.name)
    }

    /// Row `i` of a float32 column: `a`, `b`, `x`, `y`, or of the square `t` in C order.
    pub fn f32(&self, seed: u64, column: u8, i: u64) -> f32 {
        match (self.distribution, column) {
            (Distribution::Uniform, b'x' | b'y' | b't') => (bell(seed, column, i) * 64.0).round() / 64.0,
            (Distribution::Uniform, _) => ((hash(seed, column, i) >> 40) as f32 + 0.5) / (1u64 << 24) as f32,
            (Distribution::Lognormal, b'x' | b'y' | b't') => {
                // Twelve bits of fraction, as of a measurement.
                f32::from_bits(power_of_two(1.4 * bell(seed, column, i)).to_bits() & !0x7ff)
            }
            (Distribution::Lognormal, _) => power_of_two(1.9 * bell(seed, column, i)),
        }
    }

    /// Row `i` of the labels.
    pub fn label(&self, seed: u64, i: u64) -> i32 {
        (hash(seed, b'g', i) % GROUPS) as i32
    }

    /// Row `i` of the weights: every bit of a float64.
    pub fn weight(&self, seed: u64, i: u64) -> f64 {
        let even = ((hash(seed, b'w', i) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
        match self.distribution {
            Distribution::Uniform => even,
            Distribution::Lognormal => f64::from(power_of_two(bell(seed, b'v', i))) * (1.0 + even),
        }
    }
}

/// splitmix64 over a counter.
fn hash(seed: u64, column: u8, i: u64) -> u64 {
    let start = seed ^ u64::from(column).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let mut z = start.wrapping_add(i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Nearly normal, within 6: twelve even numbers added up.
fn bell(seed: u64, column: u8, i: u64) -> f32 {
    let piece = |z: u64, k: u32| ((z >> (16 * k)) & 0xffff) as f32;
    let of = |z: u64| piece(z, 0) + piece(z, 1) + piece(z, 2) + piece(z, 3);
    let sum: f32 = (0..3).map(|k| of(hash(seed, column, 3 * i + k))).sum();
    (sum + 6.0) / 65536.0 - 6.0
}

/// About 2^t, from additions and bits alone, so that every machine makes the same values.
fn power_of_two(t: f32) -> f32 {
    let whole = t.floor();
    f32::from_bits(((whole as i32 + 127) as u32) << 23) * (1.0 + (t - whole))
}

/// Element `i` of matrix `p` or `q`: in (0, 1).
pub fn matrix(seed: u64, name: u8, i: u64) -> f32 {
    ((hash(seed, name, i) >> 40) as f32 + 0.5) / (1u64 << 24) as f32
}

impl Manifest {
    /// The two sets, small for a `quick` look; `product` is the edge of the product from files.
    pub fn new(seed: u64, quick: bool, product: u64) -> Manifest {
        let sizes = |full: u64, small: u64| if quick { small } else { full };
        let sets = vec![
            Set {
                name: "uniform".into(),
                distribution: Distribution::Uniform,
                elements: sizes(32 << 20, 1 << 20),
                file_elements: sizes(64 << 20, 1 << 20),
                chunk: sizes(1 << 18, 1 << 16),
                matrix: sizes(4096, 512),
                square: sizes(4096, 512),
                tile: sizes(512, 128),
                hist_range: [0.0, 1.0],
                log_range: [-4.0, 0.0],
                file_range: [-4.0, 4.0],
            },
            Set {
                name: "lognormal".into(),
                distribution: Distribution::Lognormal,
                elements: sizes(24_000_001, 700_001),
                file_elements: sizes(40_000_001, 900_001),
                chunk: sizes(150_000, 50_000),
                matrix: sizes(3001, 301),
                square: sizes(3001, 301),
                tile: sizes(300, 100),
                hist_range: [0.0, 20.0],
                log_range: [-2.0, 2.0],
                file_range: [0.0, 20.0],
            },
        ];
        Manifest { version: VERSION, seed, quick, sets, product }
    }

    /// What lies in `folder`, if anything.
    ///
    /// # Errors
    /// `Io` or `Format` for a manifest that cannot be read or is another version's.
    pub fn load(folder: &Path) -> Result<Option<Manifest>> {
        let path = folder.join("manifest.json");
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => {
                return Err(Error::new(ErrorKind::Io, "cannot read the list of the data").caused_by(e))
                    .at("file", path.display());
            }
        };
        let found: Manifest = serde_json::from_slice(&text)
            .map_err(|e| Error::new(ErrorKind::Format, "the list of the data is damaged").caused_by(e))
            .at("file", path.display())?;
        if found.version != VERSION {
            return Err(Error::new(ErrorKind::Format, "the data are of another version of this program")
                .hint("take another folder, or empty this one"))
            .at("file", path.display());
        }
        Ok(Some(found))
    }

    /// Writes all files into `folder`, and the list of them last, so that a folder with a list is whole.
    ///
    /// # Errors
    /// `Io`, as of a full disk.
    pub fn make(&self, folder: &Path, threads: usize, cancel: &Cancel, told: &dyn Fn(&str)) -> Result<()> {
        std::fs::create_dir_all(folder)
            .map_err(|e| Error::new(ErrorKind::Io, "cannot make the folder").caused_by(e))
            .at("folder", folder.display())?;
        for set in &self.sets {
            told(&format!("making {} of {} rows in memory", set.name, set.elements));
            self.make_memory(set, folder, threads, cancel)?;
            told(&format!("making {} of {} rows in files", set.name, set.file_elements));
            self.make_stored(set, folder, threads, cancel)?;
        }
        told(&format!("making matrices of {0} x {0}", self.product));
        self.make_product(folder, threads, cancel)?;
        let text = serde_json::to_vec_pretty(self)
            .map_err(|e| Error::new(ErrorKind::Internal, "the list cannot be written").caused_by(e))?;
        let path = folder.join("manifest.json");
        std::fs::write(&path, text)
            .map_err(|e| Error::new(ErrorKind::Io, "cannot write the list of the data").caused_by(e))
            .at("file", path.display())
    }

    fn make_memory(&self, set: &Set, folder: &Path, threads: usize, cancel: &Cancel) -> Result<()> {
        let column = |name: &str, dtype| spec(name, &[set.elements], dtype, None, false);
        let columns = [
            column("a", DType::F32),
            column("b", DType::F32),
            column("w", DType::F64),
            column("g", DType::I32),
        ];
        let writer = Hdf5Writer::create(folder.join(set.memory_file()), &columns)?;
        const ROWS: u64 = 1 << 19;
        in_parts(threads, set.elements.div_ceil(ROWS), |k, _| {
            going_on(cancel)?;
            let rows = k * ROWS..((k + 1) * ROWS).min(set.elements);
            let region = Region {
                start: [rows.start].as_slice().into(),
                shape: [rows.end - rows.start].as_slice().into(),
            };
            for (n, name) in [(0, b'a'), (1, b'b')] {
                let values: Vec<f32> = rows.clone().map(|i| set.f32(self.seed, name, i)).collect();
                writer.write_region(n, &region, bytemuck::cast_slice(&values))?;
            }
            let values: Vec<f64> = rows.clone().map(|i| set.weight(self.seed, i)).collect();
            writer.write_region(2, &region, bytemuck::cast_slice(&values))?;
            let labels: Vec<i32> = rows.map(|i| set.label(self.seed, i)).collect();
            writer.write_region(3, &region, bytemuck::cast_slice(&labels))
        })?;
        writer.finish()
    }

    fn make_stored(&self, set: &Set, folder: &Path, threads: usize, cancel: &Cancel) -> Result<()> {
        let (shape, chunk) = ([set.file_elements], [set.chunk]);
        let columns: Vec<(DatasetSpec, u8)> = STORAGES
            .iter()
            .flat_map(|storage| {
                let chunk = (*storage != "contiguous").then_some(&chunk[..]);
                [b'x', b'y'].map(|name| {
                    let path = format!("{storage}/{}", name as char);
                    (spec(&path, &shape, DType::F32, chunk, *storage == "deflate"), name)
                })
            })
            .collect();
        let mut specs: Vec<DatasetSpec> = columns.iter().map(|c| c.0.clone()).collect();
        let (n, tile) = (set.square, set.tile);
        specs.push(spec("deflate/t", &[n, n], DType::F32, Some(&[tile, tile]), true));
        let writer = Hdf5Writer::create(folder.join(set.stored_file()), &specs)?;
        in_parts(threads, set.file_elements.div_ceil(set.chunk), |k, scratch| {
            going_on(cancel)?;
            let rows = k * set.chunk..((k + 1) * set.chunk).min(set.file_elements);
            let region = Region {
                start: [rows.start].as_slice().into(),
                shape: [rows.end - rows.start].as_slice().into(),
            };
            let [x, y] = [b'x', b'y']
                .map(|name| rows.clone().map(|i| set.f32(self.seed, name, i)).collect::<Vec<f32>>());
            for (n, (spec, name)) in columns.iter().enumerate() {
                let bytes = bytemuck::cast_slice(if *name == b'x' { &x } else { &y });
                match spec.chunks {
                    Some(_) => writer.write_chunk(n, &[k], bytes, scratch)?,
                    None => writer.write_region(n, &region, bytes)?,
                }
            }
            Ok(())
        })?;
        let square = specs.len() - 1;
        in_tiles(n, tile, threads, cancel, |at, places, scratch| {
            let values: Vec<f32> = places.map(|i| set.f32(self.seed, b't', i)).collect();
            writer.write_chunk(square, at, bytemuck::cast_slice(&values), scratch)
        })?;
        writer.finish()
    }

    fn make_product(&self, folder: &Path, threads: usize, cancel: &Cancel) -> Result<()> {
        let (n, tile) = (self.product, TILE.min(self.product));
        let square = |name: &str| spec(name, &[n, n], DType::F32, Some(&[tile, tile]), false);
        let writer = Hdf5Writer::create(folder.join("product.h5"), &[square("p"), square("q")])?;
        in_tiles(n, tile, threads, cancel, |at, places, scratch| {
            for (d, name) in [(0, b'p'), (1, b'q')] {
                let values: Vec<f32> = places.clone().map(|i| matrix(self.seed, name, i)).collect();
                writer.write_chunk(d, at, bytemuck::cast_slice(&values), scratch)?;
            }
            Ok(())
        })?;
        writer.finish()
    }
}

/// The C-order positions of a tile's elements in a square.
#[derive(Clone)]
struct Places {
    edge: u64,
    rows: Range<u64>,
    columns: Range<u64>,
}

impl Places {
    fn map<T>(self, value: impl Fn(u64) -> T) -> impl Iterator<Item = T> {
        let Places { edge, rows, columns } = self;
        let places = rows.flat_map(move |i| columns.clone().map(move |j| i * edge + j));
        places.map(value)
    }
}

/// Makes a square of `n` by `n` tile by tile.
fn in_tiles(
    n: u64,
    tile: u64,
    threads: usize,
    cancel: &Cancel,
    make: impl Fn(&[u64], Places, &mut WriteScratch) -> Result<()> + Sync,
) -> Result<()> {
    let across = n.div_ceil(tile);
    in_parts(threads, across * across, |k, scratch| {
        going_on(cancel)?;
        let at = [k / across, k % across];
        let range = |at: u64| at * tile..((at + 1) * tile).min(n);
        make(&at, Places { edge: n, rows: range(at[0]), columns: range(at[1]) }, scratch)
    })
}

fn spec(name: &str, shape: &[u64], dtype: DType, chunks: Option<&[u64]>, deflate: bool) -> DatasetSpec {
    DatasetSpec {
        chunks: chunks.map(|c| c.iter().zip(shape).map(|(&c, &n)| c.min(n)).collect()),
        filters: if deflate { Filter::shuffle_deflate(4) } else { Vec::new() },
        ..DatasetSpec::new(name, shape, dtype)
    }
}

fn going_on(cancel: &Cancel) -> Result<()> {
    match cancel.is_cancelled() {
        true => Err(Error::new(ErrorKind::Cancelled, "making the data was cancelled")),
        false => Ok(()),
    }
}

/// Does `parts` pieces of work on some threads; the first error ends it.
pub fn in_parts(
    threads: usize,
    parts: u64,
    work: impl Fn(u64, &mut WriteScratch) -> Result<()> + Sync,
) -> Result<()> {
    let next = AtomicU64::new(0);
    let one = || -> Result<()> {
        let mut scratch = WriteScratch::new();
        loop {
            let k = next.fetch_add(1, Relaxed);
            if k >= parts {
                return Ok(());
            }
            if let Err(e) = work(k, &mut scratch) {
                next.store(parts, Relaxed);
                return Err(e);
            }
        }
    };
    let ended = || Error::new(ErrorKind::Internal, "a thread of the benchmark ended");
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(one)).collect();
        let results: Vec<Result<()>> =
            all.into_iter().map(|t| t.join().unwrap_or_else(|_| Err(ended()))).collect();
        results.into_iter().collect()
    })
}

/// A folder that holds the data: the one asked for, or one that goes away again.
pub enum Folder {
    /// The user's.
    Kept(PathBuf),
    /// Ours.
    Temporary(tempfile::TempDir),
}

impl Folder {
    /// Its path.
    pub fn path(&self) -> &Path {
        match self {
            Folder::Kept(path) => path,
            Folder::Temporary(folder) => folder.path(),
        }
    }
}
