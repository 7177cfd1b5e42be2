//! Damage to stored chunks, to metadata, to descriptions of filter pipelines and to plans: an error that says where,
//! or (where nothing guards the bytes) some values, in that chunk only. Never a panic, a hang, or memory that
//! the file asks for.
//!
//! The files are those of `tests/goldens/make_layouts.py`. Damaged chunks are read as any user reads them.
//! Damaged metadata goes to the crate's own readers alone ([`chunkwise::fuzzing`]), because libhdf5 may
//! crash on it; most of it has its checksum put right, or no damage would get past the first look.
//!
//! There are two series of damages: one always the same, one from the time. `CHUNKWISE_MUTATIONS` says how
//! many damages each has, `CHUNKWISE_SEED` the seed of the second (printed, so that a failure can be
//! repeated).

mod common;
#[path = "common/structures.rs"]
mod structures;

use chunkwise::{Array, BinAxis, DType, ErrorKind, Index, Over, Session, Target, fuzzing};
use common::{folder, golden, mix, session, watch};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use structures::{Structure, lookup3, structures};

/// Filters that only libhdf5 decodes: what 1.10 does with damaged bytes there is its own affair.
const LIBRARY: &[u64] = &[];

/// Filters that cannot be read at all (yet): the list of `tests/layouts.rs`.
const REFUSED: &[u64] = &[32013, 32026];

/// splitmix64.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0) % n
    }
}

/// A stored chunk.
struct Chunk {
    at: usize,
    size: usize,
    mask: u64,
    start: Vec<u64>,
}

/// A dataset that can be read, and its elements when it is whole.
struct Victim {
    path: String,
    shape: Vec<u64>,
    chunk: Vec<u64>,
    filters: Vec<u64>,
    chunks: Vec<Chunk>,
    whole: Vec<u8>,
}

fn numbers(v: &serde_json::Value) -> Vec<u64> {
    v.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
}

/// The files, their bytes, and their datasets with chunks.
fn victims(session: &Session) -> Vec<(String, Vec<u8>, Vec<Victim>)> {
    let mut files: BTreeMap<String, Vec<Victim>> = BTreeMap::new();
    let golden_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/layouts");
    for row in golden("layouts.json").as_array().unwrap() {
        let filters: Vec<u64> =
            row["filters"].as_array().unwrap().iter().map(|f| f[0].as_u64().unwrap()).collect();
        let shape = numbers(&row["shape"]);
        let refused = filters.iter().any(|f| LIBRARY.contains(f) || REFUSED.contains(f));
        let chunks = row["chunks"].as_array().map_or(&[][..], |v| v);
        if chunks.is_empty()
            || refused
            || shape.iter().product::<u64>() > 20_000
            || row["file"] == "latest.h5"
        {
            continue;
        }
        let file = row["file"].as_str().unwrap();
        let path = row["path"].as_str().unwrap().to_string();
        let array = Array::open(golden_folder.join(file), &path).unwrap();
        let whole = session.compute(&array).unwrap().bytes().to_vec();
        let chunks = chunks.iter().map(|c| Chunk {
            at: c[0].as_u64().unwrap() as usize,
            size: c[1].as_u64().unwrap() as usize,
            mask: c[2].as_u64().unwrap(),
            start: numbers(&c[3]),
        });
        let victim =
            Victim { chunks: chunks.collect(), chunk: numbers(&row["chunk"]), path, shape, filters, whole };
        files.entry(file.to_string()).or_default().push(victim);
    }
    files.into_iter().map(|(f, v)| (f.clone(), std::fs::read(golden_folder.join(f)).unwrap(), v)).collect()
}

/// Changes stored bytes; says how, and whether only single bits.
fn damage(bytes: &mut [u8], rng: &mut Rng) -> (&'static str, bool) {
    let n = bytes.len();
    let at = rng.below(n as u64) as usize;
    // What stands first in a chunk are sizes and offsets.
    let at = if rng.below(3) == 0 { at.min(rng.below(24) as usize) } else { at };
    let len = (1 + rng.below(16) as usize).min(n - at);
    match rng.below(8) {
        0..=2 => {
            bytes[at] ^= 1 << rng.below(8);
            ("one bit flipped", true)
        }
        3 => {
            bytes[at..at + len].iter_mut().for_each(|b| *b = rng.below(256) as u8);
            ("random bytes", false)
        }
        4 => {
            bytes[at..at + len].fill(if rng.below(2) == 0 { 0xff } else { 0 });
            ("zeros or ones", false)
        }
        5 => {
            bytes.copy_within(at..n - len.min(n - at), at + len.min(n - at));
            ("bytes put in", false)
        }
        6 => {
            bytes.copy_within(at + len.., at);
            bytes[n - len..].fill(0);
            ("bytes taken out", false)
        }
        _ => {
            bytes[at..].fill(0);
            ("cut off", false)
        }
    }
}

/// What is wrong with the answer to a damaged chunk, if something is.
fn judge(file: &Path, v: &Victim, chunk: &Chunk, bits: bool, session: &Session) -> Result<bool, String> {
    match Array::open(file, &v.path).and_then(|a| session.compute(&a)) {
        Err(e) => {
            let coords: Vec<u64> = chunk.start.iter().zip(&v.chunk).map(|(s, c)| s / c).collect();
            let right = matches!(e.kind(), ErrorKind::Filter | ErrorKind::Format)
                && e.context("file") == Some(&file.display().to_string())
                && e.context("dataset") == Some(&format!("/{}", v.path))
                && e.context("chunk").is_some_and(|c| c.starts_with(&format!("{coords:?}")));
            if right { Ok(false) } else { Err(format!("chunk {coords:?}: {e:?}")) }
        }
        Ok(got) => {
            if got.shape() != v.shape || got.bytes().len() != v.whole.len() {
                return Err(format!("shape {:?}", got.shape()));
            }
            let size = got.dtype().size();
            let mut at = vec![0; v.shape.len()];
            let mut same = true;
            for (a, b) in got.bytes().chunks(size).zip(v.whole.chunks(size)) {
                let inside =
                    (0..at.len()).all(|d| (chunk.start[d]..chunk.start[d] + v.chunk[d]).contains(&at[d]));
                if a != b {
                    same = false;
                    if !inside {
                        return Err(format!("the element {at:?} changed, which is in another chunk"));
                    }
                }
                for d in (0..at.len()).rev() {
                    at[d] += 1;
                    if at[d] < v.shape[d] {
                        break;
                    }
                    at[d] = 0;
                }
            }
            // Deflate and bzip2 check what they decode. Fletcher's sum takes runs of zeros for runs of
            // ones, but notices every single bit.
            let used =
                |id: u64| v.filters.iter().enumerate().any(|(i, &f)| f == id && chunk.mask >> i & 1 == 0);
            let guarded = used(1) || used(307) || (used(3) && bits);
            // Chunks over the edge may be stored without filters.
            let edge = (0..at.len()).any(|d| chunk.start[d] + v.chunk[d] > v.shape[d]);
            if guarded && !same && !(edge && v.path.starts_with("bare_edges")) {
                return Err("a checksum let other values pass".into());
            }
            Ok(true)
        }
    }
}

/// The memory of this process while one test runs: the others wait for it.
struct Peak {
    before: u64,
    _alone: std::sync::MutexGuard<'static, ()>,
}

impl Peak {
    fn watch() -> Peak {
        static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
        // From here on the kernel counts the peak anew.
        let _ = std::fs::write("/proc/self/clear_refs", "5");
        Peak { before: Peak::bytes("VmRSS"), _alone: alone }
    }

    /// Bytes in `/proc/self/status`.
    fn bytes(what: &str) -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find(|l| l.starts_with(what)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) << 10
    }

    fn check(&self, most: u64) {
        let grown = Peak::bytes("VmHWM").saturating_sub(self.before);
        println!("at most {grown} bytes more than at the start");
        assert!(grown < most, "{grown} bytes more than at the start");
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|v| v.parse().unwrap_or_else(|e| panic!("{name}: {e}")))
}

#[test]
fn damaged_chunks_are_errors_or_values() {
    let peak = Peak::watch();
    let session = session(1, "64MiB");
    let files = victims(&session);
    let datasets: usize = files.iter().map(|f| f.2.len()).sum();
    assert!(datasets > 400, "{datasets}");
    let asked = number("CHUNKWISE_MUTATIONS");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let second = number("CHUNKWISE_SEED").unwrap_or(now);
    let dir = folder();

    // Something that hangs cannot be interrupted, but it can be named.
    let alive = Arc::new(AtomicU64::new(0));
    watch(&alive, &format!("damages of CHUNKWISE_SEED={second}"));

    for seed in [1, second] {
        println!("CHUNKWISE_SEED={seed}");
        let (mut refused, mut read, mut wrong) = (0, 0, Vec::new());
        let mut rng = Rng(seed);
        let start = Instant::now();
        let most = asked.unwrap_or(6000);
        while read + refused < most && (asked.is_some() || start.elapsed() < Duration::from_secs(6)) {
            // One chunk in each of several datasets of a file.
            let (name, whole, list) = &files[rng.below(files.len() as u64) as usize];
            let mut bytes = whole.clone();
            let path = dir.path().join(format!("{}-{name}", alive.load(Ordering::Relaxed)));
            let mut cases: BTreeMap<usize, (usize, &str, bool)> = BTreeMap::new();
            for _ in 0..20 {
                let n = rng.below(list.len() as u64) as usize;
                let c = rng.below(list[n].chunks.len() as u64) as usize;
                let chunk = &list[n].chunks[c];
                // Two names of one dataset share their chunks.
                let again = list.iter().enumerate().any(|(m, v)| {
                    cases.contains_key(&m) && v.chunks.iter().any(|o| o.at == chunk.at || m == n)
                });
                if !again {
                    let (how, bits) = damage(&mut bytes[chunk.at..][..chunk.size], &mut rng);
                    cases.insert(n, (c, how, bits));
                }
            }
            std::fs::write(&path, &bytes).unwrap();
            for (n, (c, how, bits)) in cases {
                alive.fetch_add(1, Ordering::Relaxed);
                match judge(&path, &list[n], &list[n].chunks[c], bits, &session) {
                    Ok(true) => read += 1,
                    Ok(false) => refused += 1,
                    Err(why) => {
                        read += 1;
                        wrong.push(format!("{name} {}: {how}: {why}", list[n].path));
                    }
                }
            }
            std::fs::remove_file(&path).unwrap();
        }
        println!("{refused} damages refused, {read} read as some values, {:?}", start.elapsed());
        assert!(wrong.is_empty(), "CHUNKWISE_SEED={seed}: {}\n{}", wrong.len(), wrong.join("\n"));
        assert!(refused > 0 && read > 0 && read + refused >= most.min(300));
    }
    // The whole budget, what the test itself holds, and what allocators keep.
    peak.check(192 << 20);
}

/// A file, where its structures are, and its chunked datasets.
struct Metadata {
    name: String,
    bytes: Vec<u8>,
    structures: Vec<Structure>,
    datasets: Vec<Indexed>,
}

/// A dataset as `fuzzing::index` wants it.
struct Indexed {
    header: u64,
    shape: Vec<u64>,
    chunk: Vec<u64>,
    element: u64,
    filtered: bool,
    /// What a lookup gives when nothing is damaged.
    whole: (u64, u64),
}

fn metadata() -> Vec<Metadata> {
    let golden_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/layouts");
    let mut files: BTreeMap<String, Metadata> = BTreeMap::new();
    let rows = golden("layouts.json");
    for row in rows.as_array().unwrap() {
        let name = row["file"].as_str().unwrap();
        // Large files of which small ones have all; types whose size the rows do not tell; dataspaces that
        // are shared, which are left to libhdf5.
        let skipped = ["filters.h5", "filters_old.h5", "dtypes.h5", "shared.h5", "shared_old.h5"];
        if row["chunk"].is_null() || skipped.contains(&name) {
            continue;
        }
        let file = files.entry(name.into()).or_insert_with(|| {
            let bytes = std::fs::read(golden_folder.join(name)).unwrap();
            Metadata { name: name.into(), structures: structures(&bytes), bytes, datasets: Vec::new() }
        });
        let (shape, chunk) = (numbers(&row["shape"]), numbers(&row["chunk"]));
        let element = DType::from_name(row["dtype"].as_str().unwrap()).unwrap().size() as u64;
        let header = row["header"].as_u64().unwrap();
        let chunks: u64 = shape.iter().zip(&chunk).map(|(s, c)| s.div_ceil(*c)).product();
        if chunks > 4096 {
            continue;
        }
        let filtered = !row["filters"].as_array().unwrap().is_empty();
        let found = fuzzing::index(&file.bytes, header, &shape, &chunk, element, filtered);
        let found = found.unwrap_or_else(|| panic!("{name} {}", row["path"]));
        assert!(found == (row["count"].as_u64().unwrap(), 0), "{name} {}: {found:?}", row["path"]);
        file.datasets.push(Indexed { header, shape, chunk, element, filtered, whole: found });
    }
    files.into_values().filter(|f| !f.datasets.is_empty()).collect()
}

#[test]
fn the_checksum_is_hdf5s() {
    let _alone = Peak::watch();
    let found = metadata();
    let checked = found.iter().flat_map(|f| &f.structures).filter(|s| s.checked.is_some()).count();
    assert!(checked > 200, "{checked}");
}

/// Damages a structure. Gives whether a checksum has to notice it.
fn damage_structure(bytes: &mut [u8], file: &Metadata, rng: &mut Rng) -> bool {
    let s = file.structures[rng.below(file.structures.len() as u64) as usize];
    let other = file.structures[rng.below(file.structures.len() as u64) as usize];
    let len = s.checked.unwrap_or(600).min(bytes.len() - s.at);
    let at = s.at + 4 + rng.below(len as u64 - 4) as usize;
    let before = bytes[s.at..s.at + len].to_vec();
    match rng.below(8) {
        0..=2 => bytes[at] ^= 1 << rng.below(8),
        3 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][rng.below(5) as usize],
        // An address of something else, itself, or nowhere.
        4 | 5 => {
            let to = match rng.below(4) {
                0 => s.at as u64,
                1 => u64::MAX,
                2 => bytes.len() as u64 - rng.below(9),
                _ => other.at as u64,
            };
            let n = (s.at + len - at).min(8);
            bytes[at..at + n].copy_from_slice(&to.to_le_bytes()[..n]);
        }
        // One structure where another was.
        6 => {
            let n = len.min(bytes.len() - other.at);
            bytes.copy_within(other.at..other.at + n, s.at);
        }
        _ => {
            let n = (s.at + len - at).min(1 + rng.below(16) as usize);
            bytes[at..at + n].fill(if rng.below(2) == 0 { 0xff } else { 0 });
        }
    }
    let changed = bytes[s.at..s.at + len] != before[..];
    match s.checked {
        Some(len) if rng.below(3) > 0 => {
            let sum = lookup3(&bytes[s.at..s.at + len]).to_le_bytes();
            bytes[s.at + len..s.at + len + 4].copy_from_slice(&sum);
            false
        }
        checked => checked.is_some() && changed,
    }
}

/// What a job gave, which must not take long.
fn timed<T>(what: &str, job: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let out = job();
    assert!(start.elapsed() < Duration::from_secs(5), "{what} took {:?}", start.elapsed());
    out
}

#[test]
fn damaged_metadata_ends() {
    let peak = Peak::watch();
    let files = metadata();
    let asked = number("CHUNKWISE_MUTATIONS");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    for seed in [1, number("CHUNKWISE_SEED").unwrap_or(now)] {
        println!("CHUNKWISE_SEED={seed}");
        let (mut rng, start) = (Rng(seed), Instant::now());
        let (mut same, mut noticed, mut other, mut n) = (0, 0, 0, 0);
        while n < asked.unwrap_or(15_000) && (asked.is_some() || start.elapsed() < Duration::from_secs(3)) {
            n += 1;
            let file = &files[rng.below(files.len() as u64) as usize];
            let mut bytes = file.bytes.clone();
            let mut checked = false;
            match rng.below(12) {
                0 => bytes.truncate(rng.below(bytes.len() as u64) as usize),
                1 => {
                    let at = rng.below(bytes.len().min(2048) as u64) as usize;
                    bytes[at] ^= 1 << rng.below(8);
                }
                2 => {
                    let header = file.datasets[rng.below(file.datasets.len() as u64) as usize].header;
                    let at = (header + rng.below(300)) as usize;
                    let end = bytes.len() - 1;
                    bytes[at.min(end)] ^= 1 << rng.below(8);
                }
                3 => {
                    for _ in 0..3 {
                        damage_structure(&mut bytes, file, &mut rng);
                    }
                }
                _ => checked = damage_structure(&mut bytes, file, &mut rng),
            }
            for _ in 0..12 {
                let Indexed { header, shape, chunk, element, filtered, whole } =
                    &file.datasets[rng.below(file.datasets.len() as u64) as usize];
                let what = format!("CHUNKWISE_SEED={seed}, damage {n} of {}", file.name);
                match timed(&what, || fuzzing::index(&bytes, *header, shape, chunk, *element, *filtered)) {
                    Some(found) if found == *whole => same += 1,
                    Some((stored, 0)) => {
                        assert!(!checked, "{what}: {stored} chunks instead of {} pass a checksum", whole.0);
                        other += 1;
                    }
                    _ => noticed += 1,
                }
            }
        }
        println!(
            "{n} damages: {same} lookups the same, {noticed} noticed, {other} other, {:?}",
            start.elapsed()
        );
        assert!(noticed > 100 && n > 100);
    }
    peak.check(192 << 20);
}

/// Files with every kind of metadata, in which object headers without checksums are found as well.
fn kinds() -> Vec<Metadata> {
    let golden_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let mut files = Vec::new();
    for name in ["meta/earliest.h5", "meta/v108.h5", "meta/v114.h5", "meta/v200.h5", "meta/narrow.h5"]
        .into_iter()
        .chain(["layouts/shared.h5", "layouts/shared_old.h5", "layouts/headers.h5", "layouts/small_nodes.h5"])
    {
        let bytes = std::fs::read(golden_folder.join(name)).unwrap();
        let mut found = structures(&bytes);
        // Version, reserved, a few messages, one reference.
        let old = |at: &usize| {
            let b = &bytes[*at..];
            at.is_multiple_of(4)
                && b.len() > 16
                && b[..2] == [1, 0]
                && (1..20).contains(&b[2])
                && b[3..8] == [0, 1, 0, 0, 0]
        };
        found.extend((0..bytes.len()).filter(old).take(30).map(|at| Structure { at, checked: None }));
        assert!(found.len() > 5, "{name}: {}", found.len());
        files.push(Metadata { name: name.into(), structures: found, bytes, datasets: Vec::new() });
    }
    files
}

/// Whole files of all kinds, with something wrong in them, are listed and their datasets opened.
#[test]
fn damaged_files_are_listed_or_refused() {
    let peak = Peak::watch();
    let files = kinds();
    let whole: Vec<_> = files.iter().map(|file| fuzzing::metadata(&file.bytes).unwrap()).collect();
    assert!(whole.iter().map(|w| w.0).sum::<u64>() > 300, "{whole:?}");
    let asked = number("CHUNKWISE_MUTATIONS");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let mut longest = Duration::ZERO;
    for seed in [1, number("CHUNKWISE_SEED").unwrap_or(now)] {
        println!("CHUNKWISE_SEED={seed}");
        let (mut rng, start) = (Rng(seed), Instant::now());
        let (mut same, mut less, mut refused, mut n) = (0, 0, 0, 0);
        while n < asked.unwrap_or(15_000) && (asked.is_some() || start.elapsed() < Duration::from_secs(4)) {
            n += 1;
            let which = rng.below(files.len() as u64) as usize;
            let file = &files[which];
            let mut bytes = file.bytes.clone();
            match rng.below(12) {
                0 => bytes.truncate(rng.below(bytes.len() as u64) as usize),
                1 => {
                    let at = rng.below(2048) as usize;
                    bytes[at] ^= 1 << rng.below(8);
                }
                2 => {
                    for _ in 0..40 {
                        let at = rng.below(bytes.len() as u64) as usize;
                        bytes[at] = rng.below(256) as u8;
                    }
                }
                3..=5 => {
                    for _ in 0..1 + rng.below(8) {
                        damage_structure(&mut bytes, file, &mut rng);
                    }
                }
                _ => drop(damage_structure(&mut bytes, file, &mut rng)),
            }
            let what = format!("CHUNKWISE_SEED={seed}, damage {n} of {}", file.name);
            let begun = Instant::now();
            match timed(&what, || fuzzing::metadata(&bytes)) {
                Some(found) if found == whole[which] => same += 1,
                Some(_) => less += 1,
                None => refused += 1,
            }
            longest = longest.max(begun.elapsed());
        }
        println!(
            "{n} damages: {same} the same, {less} with something missing, {refused} refused, {:?}, \
             at most {longest:?} for one",
            start.elapsed()
        );
        assert!(same > 10 && less > 100 && refused > 10 && n > 300);
    }
    peak.check(256 << 20);
}

/// The form in which `fuzzing::chunk` wants a stored chunk and its pipeline.
fn packed(row: &serde_json::Value, chunk: &serde_json::Value, len: u64, size: u64, stored: &[u8]) -> Vec<u8> {
    let filters = row["filters"].as_array().unwrap();
    let swap = row["big"] == true && size > 1;
    let mut out = vec![filters.len() as u8, size.trailing_zeros() as u8 | u8::from(swap) << 2];
    out.extend((chunk[2].as_u64().unwrap() as u16).to_le_bytes());
    out.extend((len as u32).to_le_bytes());
    for filter in filters {
        let values = numbers(&filter[2]);
        out.extend((filter[0].as_u64().unwrap() as u16).to_le_bytes());
        out.push(values.len() as u8);
        out.extend(values.iter().flat_map(|v| (*v as u32).to_le_bytes()));
    }
    out.extend(stored);
    out
}

#[test]
fn damaged_pipelines_end() {
    let peak = Peak::watch();
    let golden_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/layouts");
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut inputs = Vec::new();
    for row in golden("layouts.json").as_array().unwrap() {
        let file = row["file"].as_str().unwrap();
        let filters: Vec<u64> =
            row["filters"].as_array().unwrap().iter().map(|f| f[0].as_u64().unwrap()).collect();
        let values = row["filters"].as_array().unwrap().iter().map(|f| f[2].as_array().unwrap().len());
        let out =
            filters.is_empty() || filters.iter().any(|f| REFUSED.contains(f)) || values.max() > Some(24);
        if out || file == "dtypes.h5" || row["path"].as_str().unwrap().starts_with("bare_edges") {
            continue;
        }
        let bytes =
            files.entry(file.into()).or_insert_with(|| std::fs::read(golden_folder.join(file)).unwrap());
        let size = DType::from_name(row["dtype"].as_str().unwrap()).unwrap().size() as u64;
        let len = numbers(&row["chunk"]).iter().product::<u64>() * size;
        for chunk in row["chunks"].as_array().unwrap().iter().filter(|c| c[1].as_u64().unwrap() < 20_000) {
            let (at, n) = (chunk[0].as_u64().unwrap() as usize, chunk[1].as_u64().unwrap() as usize);
            let input = packed(row, chunk, len, size, &bytes[at..at + n]);
            let whole = fuzzing::chunk(&input).unwrap_or_else(|| panic!("{file} {}", row["path"]));
            assert_eq!(whole.len() as u64, len);
            inputs.push((format!("{file} {}", row["path"]), input, whole));
        }
    }
    assert!(inputs.len() > 1500, "{}", inputs.len());
    let asked = number("CHUNKWISE_MUTATIONS");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    for seed in [1, number("CHUNKWISE_SEED").unwrap_or(now)] {
        println!("CHUNKWISE_SEED={seed}");
        let (mut rng, start) = (Rng(seed), Instant::now());
        let (mut refused, mut same, mut other, mut n) = (0, 0, 0, 0);
        while n < asked.unwrap_or(200_000) && (asked.is_some() || start.elapsed() < Duration::from_secs(2)) {
            n += 1;
            let (name, input, whole) = &inputs[rng.below(inputs.len() as u64) as usize];
            let mut bytes = input.clone();
            // The pipeline's description stands at the front, and is damaged as often as the data.
            let head = bytes.len().min(40);
            match rng.below(4) {
                0 => drop(damage(&mut bytes[..head], &mut rng)),
                1 => drop(damage(&mut bytes[head.min(8)..], &mut rng)),
                2 => drop(damage(&mut bytes, &mut rng)),
                _ => bytes.truncate(rng.below(bytes.len() as u64) as usize),
            }
            let what = format!("CHUNKWISE_SEED={seed}, damage {n} of {name}");
            match timed(&what, || fuzzing::chunk(&bytes)) {
                None => refused += 1,
                Some(out) if out == *whole => same += 1,
                Some(_) => other += 1,
            }
        }
        println!("{n} damages: {refused} refused, {same} the same, {other} other, {:?}", start.elapsed());
        assert!(refused > 100 && other > 100);
    }
    // A chunk may say that it has 16 MiB, and the decoders keep nothing of their own that is larger.
    peak.check(192 << 20);
}

/// Headers of netCDF classic files with any of their bytes changed: all that comes of them is an answer or an error,
/// soon and in little memory.
#[test]
fn damaged_netcdf_headers_end() {
    let peak = Peak::watch();
    let golden_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/netcdf");
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(golden_folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .map(|p| (p.display().to_string(), std::fs::read(p).unwrap()))
        .collect();
    files.sort();
    assert!(files.len() > 15);
    let asked = number("CHUNKWISE_MUTATIONS").map(|n| n / files.len() as u64);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    for seed in [1, number("CHUNKWISE_SEED").unwrap_or(now)] {
        println!("CHUNKWISE_SEED={seed}");
        let mut rng = Rng(seed);
        let (mut refused, mut read) = (0, 0);
        for (name, whole) in &files {
            let (variables, elements) = fuzzing::netcdf(whole).unwrap();
            let nothing = name.contains("empty");
            assert!((variables > 0 && elements > 0) != nothing, "{name}: {variables} variables, {elements}");
            for n in 0..asked.unwrap_or(3000) {
                let mut bytes = whole.clone();
                for _ in 0..1 + rng.below(3) {
                    let len = bytes.len() as u64;
                    let at = rng.below(len) as usize;
                    // Numbers are at multiples of 4 bytes.
                    let word = at & !3;
                    let put = |bytes: &mut [u8], value: &[u8]| {
                        let n = value.len().min(bytes.len() - word);
                        bytes[word..word + n].copy_from_slice(&value[..n]);
                    };
                    match rng.below(10) {
                        0..=2 => bytes[at] ^= 1 << rng.below(8),
                        3 => bytes[at] = rng.below(256) as u8,
                        4 => put(&mut bytes, &(rng.below(20) as u32).to_be_bytes()),
                        5 => put(
                            &mut bytes,
                            &[0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..4 << rng.below(2)],
                        ),
                        6 => put(&mut bytes, &[0xff; 8][..4 << rng.below(2)]),
                        7 => put(&mut bytes, &((len - rng.below(40).min(len)) as u32).to_be_bytes()),
                        8 if at > 4 => bytes.truncate(at),
                        _ => {
                            let from = rng.below(len) as usize & !3;
                            let n = (4 << rng.below(4)).min(bytes.len() - from.max(word));
                            bytes.copy_within(from..from + n, word);
                        }
                    }
                }
                let what = format!("CHUNKWISE_SEED={seed}, damage {n} of {name}");
                match timed(&what, || fuzzing::netcdf(&bytes)) {
                    Some(_) => read += 1,
                    None => refused += 1,
                }
            }
        }
        println!("{refused} damages refused, {read} read as something");
        assert!(refused > 1000 && read > 1000);
    }
    peak.check(32 << 20);
}

/// Plans whose JSON is damaged, digits as often as anything: an error, or a plan that is written as it was read.
#[test]
fn damaged_plans_end() {
    let peak = Peak::watch();
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let session = session(1, "64MiB");
    let x = Array::random(&[300, 40], 7, DType::F32);
    let n = Array::arange_int(0, 12_000, 1);
    let v = Array::open(goldens.join("netcdf/data64.nc"), "record_f8").unwrap();
    let c = Array::open(goldens.join("layouts/earliest.h5"), "chunked_int16_be").unwrap();
    let targets: Vec<Box<dyn Target>> = vec![
        Box::new((&x - x.mean_with(Over::axis(0))).std()),
        Box::new(x.t().index([Index::ALL.step(-3)]).max_with(Over::axis(1))),
        Box::new(n.reshape(&[100, 120]).matmul(&n.reshape(&[120, 100])).sum()),
        Box::new(n.reshape(&[100, 120]).cumsum_with(Over::axis(1)).max()),
        Box::new(x.histogram(BinAxis::Auto(5))),
        Box::new(v.median()),
        Box::new(c.cast(DType::F64).sum()),
    ];
    let seeds: Vec<Vec<u8>> = targets
        .iter()
        .map(|t| session.plan(&[t.as_ref()]).unwrap().to_json().unwrap().into_bytes())
        .collect();
    for seed in &seeds {
        assert_eq!(fuzzing::plan(seed).as_deref().map(str::as_bytes), Some(&seed[..]));
    }
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    for seed in [1, number("CHUNKWISE_SEED").unwrap_or(now)] {
        println!("CHUNKWISE_SEED={seed}");
        let (mut rng, start) = (Rng(seed), Instant::now());
        let (mut refused, mut read, mut n) = (0, 0, 0);
        let asked = number("CHUNKWISE_MUTATIONS");
        while n < asked.unwrap_or(6000) && (asked.is_some() || start.elapsed() < Duration::from_secs(5)) {
            n += 1;
            let mut bytes = seeds[rng.below(seeds.len() as u64) as usize].clone();
            for _ in 0..1 + rng.below(2) {
                let len = bytes.len() as u64;
                let at = rng.below(len) as usize;
                let digit = (at..bytes.len()).find(|&i| bytes[i].is_ascii_digit());
                match (rng.below(8), digit) {
                    (0..=2, Some(i)) => bytes[i] = b'0' + rng.below(10) as u8,
                    (3, Some(i)) => drop(
                        bytes.splice(
                            i..i,
                            [&b"18446744073709551615"[..], b"9", b"00", b"-"][rng.below(4) as usize]
                                .iter()
                                .copied(),
                        ),
                    ),
                    (4, Some(i)) => drop(bytes.remove(i)),
                    // A piece of it somewhere else.
                    (5, _) => {
                        let from = rng.below(len) as usize;
                        let piece = bytes[from..(from + rng.below(60) as usize).min(bytes.len())].to_vec();
                        bytes.splice(at..at, piece);
                    }
                    (6, _) => bytes.truncate(at.max(1)),
                    _ => bytes[at] ^= 1 << rng.below(7),
                }
            }
            let what = format!("CHUNKWISE_SEED={seed}, damage {n}");
            match timed(&what, || fuzzing::plan(&bytes)) {
                None => refused += 1,
                Some(written) => {
                    read += 1;
                    assert_eq!(fuzzing::plan(written.as_bytes()), Some(written), "{what}");
                }
            }
        }
        println!("{n} damages: {refused} refused, {read} read");
        assert!(refused > 100 && read > 20);
    }
    peak.check(192 << 20);
}
