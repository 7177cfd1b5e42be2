//! Whole files the way users read them: listed, and some elements of each dataset read.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder in memory, if there is one.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("chunkwise-fuzz-{}", std::process::id()))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Each has a name of its own: a file that is known may be newer than its time.
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let path = FOLDER.with_extension(COUNT.fetch_add(1, Ordering::Relaxed).to_string());
    std::fs::write(&path, data).expect("a file can be written");
    chunkwise::fuzzing::file(&path);
    std::fs::remove_file(&path).expect("a file can be removed");
});
