//! Damage to stored chunks: an error that says where, or (where nothing guards the bytes) some values,
//! in that chunk only. Never a panic, a hang, or memory that the file asks for.
//!
//! The files are those of `tests/goldens/make_layouts.py`; their metadata stays as it is. There are
//! two series of damages: one always the same, one from the time. `CHUNKWISE_MUTATIONS` says how many
//! damages each has, `CHUNKWISE_SEED` the seed of the second (printed, so that a failure can be
//! repeated).

mod common;

use chunkwise::{Array, ErrorKind, Session};
use common::{folder, golden, mix, session};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

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

/// Bytes in `/proc/self/status`, such as `VmHWM`.
fn memory(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with(what)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) << 10
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|v| v.parse().unwrap_or_else(|e| panic!("{name}: {e}")))
}

#[test]
fn damaged_chunks_are_errors_or_values() {
    let session = session(1, "64MiB");
    let files = victims(&session);
    let datasets: usize = files.iter().map(|f| f.2.len()).sum();
    assert!(datasets > 400, "{datasets}");
    let asked = number("CHUNKWISE_MUTATIONS");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let second = number("CHUNKWISE_SEED").unwrap_or(now);
    let before = memory("VmRSS");
    let dir = folder();

    // Something that hangs cannot be interrupted, but it can be named.
    let alive = Arc::new(AtomicU64::new(0));
    let watched = Arc::downgrade(&alive);
    std::thread::spawn(move || {
        let mut last = (u64::MAX, Instant::now());
        while let Some(alive) = watched.upgrade() {
            let n = alive.load(Ordering::Relaxed);
            drop(alive);
            if n != last.0 {
                last = (n, Instant::now());
            } else if last.1.elapsed() > Duration::from_secs(60) {
                eprintln!("damage {n} of CHUNKWISE_SEED={second} takes more than a minute");
                std::process::abort();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });

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
    let grown = memory("VmHWM").saturating_sub(before);
    assert!(grown < 192 << 20, "{grown} bytes more than at the start");
}
