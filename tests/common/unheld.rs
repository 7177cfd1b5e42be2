//! Files that programs started by other tests may hold.

use std::path::Path;

/// Before libhdf5 opens for writing what is there already. It locks the file and lets children inherit its descriptor: a
/// program that another test started while the file was open holds the lock until it ends. So the name gets a copy.
pub fn unheld(path: &Path) {
    if path.exists() {
        let copy = path.with_extension("unheld");
        std::fs::copy(path, &copy).unwrap();
        std::fs::rename(copy, path).unwrap();
    }
}
