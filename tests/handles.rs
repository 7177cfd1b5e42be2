//! Many threads over many files with few handles, while some of the files are replaced.
//!
//! Every answer is the state of a file before or after a replacement, or an error of kind `Changed`
//! for an array that was opened before it; never an older state, and never parts of two. No
//! descriptor is left open. `CHUNKWISE_HANDLES` is the number of operations (100,000 if not set),
//! `CHUNKWISE_SEED` another seed.

mod common;

use chunkwise::grid::Slab;
use chunkwise::source::hdf5::{Hdf5Source, open_files, set_max_open_files};
use chunkwise::source::{OpenOptions, ReadCx, ReadStats, Scratch, Source};
use chunkwise::{Array, DType, ErrorKind};
use common::{dataset, folder, golden, mix, session, write_file};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const HANDLES: usize = 4;
const THREADS: u64 = 8;
/// Files that are replaced now and then.
const LIVE: usize = 24;
const SHAPE: [u64; 2] = [40, 30];
/// The state that the templates of files have, a number that nothing else is.
const TEMPLATE: u64 = 0x5e_ed0f_7e57;

/// splitmix64.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0) % n
    }
}

/// A file that has states: every element says which file and which state it belongs to.
struct Live {
    path: PathBuf,
    /// The state being put in place, and the last that surely is.
    next: AtomicU64,
    done: AtomicU64,
}

impl Live {
    fn element(&self, file: usize, state: u64, i: u64) -> u64 {
        state << 24 | (file as u64) << 16 | i
    }

    /// Replaces the file by the crate's own writer, in another layout than it had.
    fn write(&self, file: usize, state: u64) {
        self.next.store(state, Ordering::SeqCst);
        self.write_to(
            &self.path,
            file,
            state,
            file + state as usize,
            !(file as u64 + state).is_multiple_of(3),
        );
        self.done.store(state, Ordering::SeqCst);
    }

    fn write_to(&self, path: &Path, file: usize, state: u64, layout: usize, packed: bool) {
        let values: Vec<u8> =
            (0..SHAPE[0] * SHAPE[1]).flat_map(|i| self.element(file, state, i).to_ne_bytes()).collect();
        let chunks: [Option<&[u64]>; 4] = [None, Some(&[40, 30]), Some(&[16, 8]), Some(&[7, 30])];
        let chunks = chunks[layout % 4];
        let deflate = (chunks.is_some() && packed).then_some(1);
        write_file(path, &[(dataset("group/x", &SHAPE, DType::U64, chunks, deflate), &values)]);
    }

    /// Replaces the file by a copy of `template`, in which the elements are put to this state. Nothing is
    /// synced to the disk, so it is done often.
    fn copy(&self, file: usize, state: u64, template: &[u8]) {
        self.next.store(state, Ordering::SeqCst);
        let (mut bytes, mut at, mut put) = (template.to_vec(), 0, 0);
        while let Some(b) = bytes.get_mut(at..at + 8) {
            let value = u64::from_ne_bytes(b.try_into().unwrap());
            let i = value & 0xffff;
            if value == self.element(0, TEMPLATE, i) {
                b.copy_from_slice(&self.element(file, state, i).to_ne_bytes());
                (at, put) = (at + 7, put + 1);
            }
            at += 1;
        }
        assert!(put >= SHAPE[0] * SHAPE[1], "{put} elements");
        let beside = self.path.with_extension("new");
        std::fs::write(&beside, &bytes).unwrap();
        std::fs::rename(&beside, &self.path).unwrap();
        self.done.store(state, Ordering::SeqCst);
    }
}

/// A file that stays, with one of its datasets.
struct Still {
    path: PathBuf,
    dataset: String,
    whole: Vec<u8>,
}

/// Golden files of all layouts, and a few datasets of each that can be read.
fn stills(to: &Path) -> Vec<Still> {
    let session = session(1, "64MiB");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/layouts");
    let rows = golden("layouts.json");
    let mut found: Vec<Still> = Vec::new();
    for (n, row) in rows.as_array().unwrap().iter().enumerate() {
        let (file, name) = (row["file"].as_str().unwrap(), row["path"].as_str().unwrap());
        let elements: u64 = row["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).product();
        let path = to.join(file);
        if n % 7 > 0 || elements > 3000 || file == "filters.h5" {
            continue;
        }
        if !path.exists() {
            std::fs::copy(from.join(file), &path).unwrap();
        }
        let whole = Array::open(&path, name).and_then(|a| session.compute(&a));
        if let Ok(whole) = whole {
            found.push(Still { path, dataset: name.into(), whole: whole.bytes().to_vec() });
        }
    }
    found
}

/// Descriptors of files in a folder (replaced files too), and of everything else.
fn descriptors(folder: &Path) -> (usize, usize) {
    let open: Vec<PathBuf> = std::fs::read_dir("/proc/self/fd")
        .map(|d| d.flatten().filter_map(|e| std::fs::read_link(e.path()).ok()).collect())
        .unwrap_or_default();
    let inside = open.iter().filter(|p| p.starts_with(folder)).count();
    (inside, open.len() - inside)
}

/// A random box with steps.
fn slab(shape: &[u64], rng: &mut Rng) -> Slab {
    let start: Vec<u64> = shape.iter().map(|&n| rng.below(n.max(1))).collect();
    let step: Vec<u64> = shape.iter().map(|_| 1 + rng.below(3)).collect();
    let count: Vec<u64> = (0..shape.len())
        .map(|d| if shape[d] == 0 { 0 } else { 1 + rng.below((shape[d] - start[d]).div_ceil(step[d])) })
        .collect();
    Slab { start: start[..].into(), count: count[..].into(), step: step[..].into() }
}

/// The positions of a slab's elements in the array, in C order.
fn positions(shape: &[u64], slab: &Slab) -> Vec<u64> {
    let mut out = vec![0];
    for (d, n) in shape.iter().enumerate() {
        out = out
            .iter()
            .flat_map(|o| (0..slab.count[d]).map(move |i| o * n + slab.start[d] + i * slab.step[d]))
            .collect();
    }
    out
}

/// What a thread holds: an array that it has opened, and which state the file had then at least.
enum Held<'a> {
    Live { file: usize, since: u64, state: Option<u64>, source: Hdf5Source },
    Still { still: &'a Still, source: Hdf5Source },
}

/// What all threads share.
struct Stage<'a> {
    live: &'a [Live],
    still: &'a [Still],
    stats: ReadStats,
    changed: AtomicU64,
    read: AtomicU64,
}

impl<'a> Stage<'a> {
    fn open(&self, rng: &mut Rng) -> Held<'a> {
        let n = rng.below((LIVE + self.still.len().min(2 * LIVE)) as u64) as usize;
        if n < LIVE {
            let (live, since) = (&self.live[n], self.live[n].done.load(Ordering::SeqCst));
            loop {
                match Hdf5Source::open(&live.path, "group/x", OpenOptions::default()) {
                    Ok(source) => {
                        assert_eq!(source.shape(), SHAPE);
                        return Held::Live { file: n, since, state: None, source };
                    }
                    // Replaced while it was opened: once more.
                    Err(e) if e.kind() == ErrorKind::Changed => self.changed.fetch_add(1, Ordering::Relaxed),
                    Err(e) => panic!("{e:?}"),
                };
            }
        }
        let still = &self.still[rng.below(self.still.len() as u64) as usize];
        let source = Hdf5Source::open(&still.path, &still.dataset, OpenOptions::default());
        Held::Still { still, source: source.unwrap_or_else(|e| panic!("{e:?}")) }
    }

    /// Reads a piece; whether the array is of a state that is gone.
    fn read(&self, held: &mut Held, rng: &mut Rng, scratch: &mut Scratch) -> bool {
        let source = match held {
            Held::Live { source, .. } | Held::Still { source, .. } => source,
        };
        let (shape, size) = (source.shape().to_vec(), source.dtype().size());
        let slab = slab(&shape, rng);
        let at = positions(&shape, &slab);
        let mut out = vec![0xAA; at.len() * size];
        let answer = source.read_region(&slab, &mut out, &mut ReadCx { scratch, stats: &self.stats });
        match held {
            Held::Still { still, .. } => {
                answer.unwrap_or_else(|e| panic!("{e:?}"));
                for (got, &i) in out.chunks(size).zip(&at) {
                    assert_eq!(
                        got,
                        &still.whole[i as usize * size..][..size],
                        "{:?} {}",
                        still.path,
                        still.dataset
                    );
                }
            }
            Held::Live { file, since, state, .. } => {
                let live = &self.live[*file];
                let last = live.next.load(Ordering::SeqCst);
                match answer {
                    Ok(()) => {
                        let value = |b: &[u8]| u64::from_ne_bytes(b.try_into().unwrap());
                        let got = value(&out[..8]) >> 24;
                        assert!(state.is_none_or(|s| s == got), "state {got} after {state:?}");
                        assert!((*since..=last).contains(&got), "state {got} of {since} to {last}");
                        for (b, &i) in out.chunks(8).zip(&at) {
                            assert_eq!(value(b), live.element(*file, got, i), "{slab:?} of {:?}", live.path);
                        }
                        *state = Some(got);
                    }
                    Err(e) => {
                        assert_eq!(e.kind(), ErrorKind::Changed, "{e:?}");
                        assert!(e.context("file").is_some() && e.hint_text().is_some(), "{e:?}");
                        assert!(last > state.unwrap_or(*since), "nothing has changed: {e:?}");
                        self.changed.fetch_add(1, Ordering::Relaxed);
                        return true;
                    }
                }
            }
        }
        self.read.fetch_add(1, Ordering::Relaxed);
        false
    }
}

#[test]
fn eight_threads_four_handles_and_files_that_are_replaced() {
    let number = |name: &str| std::env::var(name).ok().map(|v| v.parse::<u64>().unwrap());
    let operations = number("CHUNKWISE_HANDLES").unwrap_or(100_000);
    let seed = number("CHUNKWISE_SEED").unwrap_or(1);
    let dir = folder();
    set_max_open_files(HANDLES);
    let live: Vec<Live> = (0..LIVE)
        .map(|i| Live { path: dir.path().join(format!("live{i}.h5")), next: 0.into(), done: 0.into() })
        .collect();
    live.iter().enumerate().for_each(|(i, l)| l.write(i, 1));
    // Uncompressed, in each of the four layouts.
    let templates: Vec<Vec<u8>> = (0..4)
        .map(|n| {
            let path = dir.path().join("template.h5");
            live[0].write_to(&path, 0, TEMPLATE, n, false);
            std::fs::read(&path).unwrap()
        })
        .collect();
    let still = stills(dir.path());
    let files: std::collections::BTreeSet<&PathBuf> = still.iter().map(|s| &s.path).collect();
    assert!(files.len() + LIVE >= 40 && still.len() > 80, "{} of {}", still.len(), files.len());
    let before = descriptors(dir.path());
    assert!(before.0 <= 2 * HANDLES, "{before:?}");

    let stage =
        Stage { live: &live, still: &still, stats: ReadStats::default(), changed: 0.into(), read: 0.into() };
    let (left, stop) = (AtomicU64::new(operations), AtomicBool::new(false));
    let (start, mut most, mut replaced) = (Instant::now(), 0, 0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (stage, left) = (&stage, &left);
                scope.spawn(move || {
                    let (mut rng, mut scratch) = (Rng(mix(seed) ^ thread), Scratch::new());
                    let mut held: Vec<Held> = Vec::new();
                    while left
                        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                        .is_ok()
                    {
                        match rng.below(8) {
                            // An open, and a close of what was held longest.
                            0 => {
                                held.push(stage.open(&mut rng));
                                if held.len() > 6 {
                                    held.remove(0);
                                }
                            }
                            1 if !held.is_empty() => {
                                held.swap_remove(rng.below(held.len() as u64) as usize);
                            }
                            _ if held.is_empty() => held.push(stage.open(&mut rng)),
                            // Mostly the one used last, as programs do.
                            _ => {
                                let last = held.len() - 1;
                                let n =
                                    if rng.below(3) > 0 { last } else { rng.below(last as u64 + 1) as usize };
                                if stage.read(&mut held[n], &mut rng, &mut scratch) {
                                    held.swap_remove(n);
                                }
                            }
                        }
                    }
                })
            })
            .collect();
        // Files are replaced on the paths that are being read, some of them by the crate's own writer.
        let (live, stop, templates) = (&live, &stop, &templates);
        let writer = scope.spawn(move || {
            let (mut rng, mut state, mut last) = (Rng(mix(seed ^ 99)), 1, 0);
            while !stop.load(Ordering::Relaxed) {
                state += 1;
                // Never the same file twice at once: file systems tell times apart by some milliseconds.
                last = (last + 1 + rng.below(LIVE as u64 - 1) as usize) % LIVE;
                match rng.below(32) {
                    0 => live[last].write(last, state),
                    n => live[last].copy(last, state, &templates[n as usize % 4]),
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            state - 1
        });
        while !workers.iter().all(|w| w.is_finished()) {
            most = most.max(descriptors(dir.path()).0);
            std::thread::sleep(Duration::from_millis(5));
        }
        stop.store(true, Ordering::Relaxed);
        replaced = writer.join().unwrap();
    });
    let (read, changed) = (stage.read.into_inner(), stage.changed.into_inner());
    println!(
        "{operations} operations in {:?}: {read} reads, {replaced} files replaced, {changed} noticed; \
         at most {most} descriptors",
        start.elapsed()
    );
    assert!(read > operations / 2 && replaced > 10 && changed > 10);
    // Two for each handle, and two of the file that is being written.
    assert!(most <= 2 * HANDLES + 2, "{most} descriptors");
    let after = descriptors(dir.path());
    assert!(after.0 <= 2 * HANDLES && open_files() <= HANDLES, "{after:?}");
    assert_eq!(after.1, before.1);
    // What still is in the cache goes when other files come.
    set_max_open_files(1);
    assert!(descriptors(dir.path()).0 <= 2 && open_files() <= 1);
    set_max_open_files(128);
}
