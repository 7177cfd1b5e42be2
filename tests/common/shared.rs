//! The folder beside the checkout that has real snapshots, and what other programs say of them.

use std::io::Write;
use std::path::{Path, PathBuf};

/// `../shared`, or `CHUNKWISE_SHARED`. Without it the test says so loudly and passes, or fails if `CHUNKWISE_DATA_REQUIRED` is
/// set.
pub fn shared(test: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("CHUNKWISE_SHARED") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    if folder.join("yt/golden.json").is_file() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CHUNKWISE_DATA_REQUIRED").is_none(),
        "{test}: there are no snapshots at {}",
        folder.display()
    );
    // Straight to stderr, so that the harness does not swallow it.
    let _ = writeln!(
        std::io::stderr(),
        "\nSKIPPED {test}: no snapshots at {} (set CHUNKWISE_SHARED)\n",
        folder.display()
    );
    None
}

/// What yt says of `gadget2_lcdm_gas_snapshot_003.hdf5`.
pub fn yt(folder: &Path) -> serde_json::Value {
    let text = std::fs::read_to_string(folder.join("yt/golden.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}
