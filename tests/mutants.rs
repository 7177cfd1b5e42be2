//! Whole files with something wrong in them, read the way users read them: listed, and some elements of their datasets
//! computed. Whatever is wrong, there is an answer or an error, in less than a second and 256 MiB, and never a panic.
//!
//! The files are those of the goldens, and real and hostile ones where there are any, up to 64 KiB, or 300 in a run that is asked for. What is damaged
//! has its checksum put right in two of three cases, or no damage would get past the first look. There are two series: one
//! always the same, one from the time. `CHUNKWISE_MUTANTS` says how many files each has, `CHUNKWISE_SEED` the seed of
//! the second.

mod common;
#[path = "common/structures.rs"]
mod structures;

use chunkwise::fuzzing;
use common::{data_folder, folder, mix, watch};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use structures::{Structure, lookup3, structures};

/// The longest files that are taken: those of a run that is asked for, and of others.
const LONGEST: [u64; 2] = [300 << 10, 64 << 10];
const PATIENCE: Duration = Duration::from_secs(1);
const MEMORY: u64 = 256 << 20;

/// splitmix64.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0) % n
    }
}

struct Seed {
    name: String,
    bytes: Vec<u8>,
    structures: Vec<Structure>,
    /// What is in it when nothing is damaged.
    whole: Option<(u64, u64)>,
}

/// The files in a folder and below, in order.
fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => files(&path, out),
            false => out.push(path),
        }
    }
}

fn seeds(test: &str) -> Vec<Seed> {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let mut paths = Vec::new();
    files(&goldens, &mut paths);
    paths.retain(|p| p.extension().is_some_and(|e| ["h5", "nc", "nc4"].iter().any(|known| e == *known)));
    if let Some(data) = data_folder(test) {
        files(&data, &mut paths);
    }
    let longest = LONGEST[usize::from(number("CHUNKWISE_MUTANTS").is_none())];
    paths.retain(|p| (1..=longest).contains(&std::fs::metadata(p).unwrap().len()));
    let seed = |path: PathBuf| {
        let bytes = std::fs::read(&path).unwrap();
        let whole = fuzzing::file(&path);
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        Seed { name, structures: structures(&bytes), bytes, whole }
    };
    paths.into_iter().map(seed).collect()
}

/// Changes bytes within a structure, and most often puts its checksum right.
fn damage_structure(bytes: &mut [u8], seed: &Seed, rng: &mut Rng) {
    let s = seed.structures[rng.below(seed.structures.len() as u64) as usize];
    let other = seed.structures[rng.below(seed.structures.len() as u64) as usize];
    let len = s.checked.unwrap_or(600).min(bytes.len().saturating_sub(s.at));
    if len < 8 {
        return;
    }
    let at = s.at + 4 + rng.below(len as u64 - 4) as usize;
    let n = (s.at + len - at).min(1 << rng.below(4));
    match rng.below(8) {
        0..=2 => bytes[at] ^= 1 << rng.below(8),
        3 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][rng.below(5) as usize],
        // An address of something else, itself, or nowhere; a number of any size.
        4 => {
            let to = [s.at as u64, other.at as u64, u64::MAX, bytes.len() as u64 - rng.below(9)];
            bytes[at..at + n].copy_from_slice(&to[rng.below(4) as usize].to_le_bytes()[..n]);
        }
        5 => {
            let number = rng.below(u64::MAX) >> rng.below(64);
            bytes[at..at + n].copy_from_slice(&number.to_le_bytes()[..n]);
        }
        // One structure where another was.
        6 => {
            let n = len.min(bytes.len() - other.at);
            bytes.copy_within(other.at..other.at + n, s.at);
        }
        _ => bytes[at..at + n].fill(if rng.below(2) == 0 { 0xff } else { 0 }),
    }
    if let (Some(len), true) = (s.checked, rng.below(3) > 0) {
        let sum = lookup3(&bytes[s.at..s.at + len]).to_le_bytes();
        bytes[s.at + len..s.at + len + 4].copy_from_slice(&sum);
    }
}

fn damage(bytes: &mut Vec<u8>, seed: &Seed, rng: &mut Rng) {
    let len = bytes.len() as u64;
    let structured = !seed.structures.is_empty();
    match rng.below(12) {
        0 => bytes.truncate(rng.below(len) as usize),
        1 => bytes[rng.below(len.min(2048)) as usize] ^= 1 << rng.below(8),
        2 => (0..40).for_each(|_| bytes[rng.below(len) as usize] = rng.below(256) as u8),
        3 => {
            // A piece of it somewhere else.
            let n = (1 << rng.below(12)).min(len);
            let (from, to) = (rng.below(len - n + 1) as usize, rng.below(len - n + 1) as usize);
            bytes.copy_within(from..from + n as usize, to);
        }
        4 | 5 if structured => (0..1 + rng.below(8)).for_each(|_| damage_structure(bytes, seed, rng)),
        _ if structured => damage_structure(bytes, seed, rng),
        _ => bytes[rng.below(len) as usize] ^= 1 << rng.below(8),
    }
}

/// The most bytes of this process that were in memory at once.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) << 10
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|v| v.parse().unwrap_or_else(|e| panic!("{name}: {e}")))
}

#[test]
fn mutated_files_are_read_or_refused_soon_and_in_little_memory() {
    let seeds = seeds("mutated_files_are_read_or_refused_soon_and_in_little_memory");
    let asked = number("CHUNKWISE_MUTANTS");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
    let (dir, alive) = (folder(), Arc::new(AtomicU64::new(0)));
    // From here on the kernel counts the peak anew.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = resident();
    for first in [1, number("CHUNKWISE_SEED").unwrap_or(now)] {
        println!("CHUNKWISE_SEED={first}");
        watch(&alive, &format!("mutants of CHUNKWISE_SEED={first}"));
        let (mut rng, start) = (Rng(first), Instant::now());
        let (mut same, mut other, mut refused, mut n) = (0u64, 0u64, 0u64, 0u64);
        let (mut longest, mut most) = (Duration::ZERO, 0);
        while n < asked.unwrap_or(10_000) && (asked.is_some() || start.elapsed() < Duration::from_secs(4)) {
            n += 1;
            alive.store(n, Ordering::Relaxed);
            let seed = &seeds[rng.below(seeds.len() as u64) as usize];
            let mut bytes = seed.bytes.clone();
            damage(&mut bytes, seed, &mut rng);
            // A name of its own: what is known of a file may be older than its bytes.
            let path = dir.path().join(format!("{first}-{n}"));
            std::fs::write(&path, &bytes).unwrap();
            let what = || format!("CHUNKWISE_SEED={first}, mutant {n}, of {}, {}", seed.name, path.display());
            let begun = Instant::now();
            let found = std::panic::catch_unwind(|| fuzzing::file(&path));
            let took = begun.elapsed();
            let grown = resident().saturating_sub(before);
            let Ok(found) = found else { panic!("a panic at {}", what()) };
            // Machines that do other things meanwhile stop a thread for a while.
            assert!(took < 4 * PATIENCE, "{took:?} for {}", what());
            assert!(grown < MEMORY, "{grown} bytes after {}", what());
            match found {
                found if found == seed.whole => same += 1,
                Some(_) => other += 1,
                None => refused += 1,
            }
            if took > longest {
                longest = took;
                println!("{took:?} for {}", what());
            }
            most = most.max(grown);
            std::fs::remove_file(&path).unwrap();
        }
        println!(
            "{n} files made of {}: {same} as whole, {other} otherwise, {refused} refused, {:?} in all, {longest:?} and \
             {most} bytes at most",
            seeds.len(),
            start.elapsed()
        );
        assert!(n > 100 && same > 10 && other > 10 && refused > 10, "{n} {same} {other} {refused}");
    }
}
