//! Which tile was found fastest, per adapter: remembered in memory, and in a small file of the user's
//! cache folder. A tile never changes a result, so nothing depends on the file: if it cannot be read
//! or written, or holds nonsense, tiles are measured again.

use crate::backend::files;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The most entries that are kept.
const MAX_ENTRIES: usize = 1000;

/// Names of tiles by a key of adapter, dtype and size.
pub struct Choices {
    path: Option<PathBuf>,
    known: Mutex<BTreeMap<String, String>>,
}

impl Choices {
    /// Those of this user, in the [cache folder](files::folder).
    pub fn of_user() -> Arc<Choices> {
        static USER: OnceLock<Arc<Choices>> = OnceLock::new();
        let made = || Choices::at(files::folder().map(|f| f.join("matmul.json")));
        Arc::clone(USER.get_or_init(|| Arc::new(made())))
    }

    /// Those in a file; in memory only without one.
    pub fn at(path: Option<PathBuf>) -> Choices {
        let known = path.as_deref().map(load).unwrap_or_default();
        Choices { path, known: Mutex::new(known) }
    }

    /// What was chosen.
    pub fn get(&self, key: &str) -> Option<String> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Remembers a choice. What other processes have written meanwhile is kept.
    pub fn set(&self, key: &str, tile: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &self.path {
            for (k, v) in load(path) {
                known.entry(k).or_insert(v);
            }
        }
        if known.len() >= MAX_ENTRIES {
            known.clear();
        }
        known.insert(key.into(), tile.into());
        if let Some(path) = &self.path {
            let text = serde_json::to_vec_pretty(&*known).unwrap_or_default();
            // Not remembering is no fault.
            files::store(path, &text);
        }
    }
}

fn load(path: &Path) -> BTreeMap<String, String> {
    files::load(path).and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_outlive_the_process_and_nonsense_is_no_fault() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("matmul.json");
        let first = Choices::at(Some(path.clone()));
        assert_eq!(first.get("a"), None);
        let other = Choices::at(Some(path.clone()));
        first.set("a", "64x64x16");
        other.set("b", "128x64x8");
        let again = Choices::at(Some(path.clone()));
        assert_eq!(again.get("a").as_deref(), Some("64x64x16"));
        assert_eq!(again.get("b").as_deref(), Some("128x64x8"));
        std::fs::write(&path, "{\"a\": [").unwrap();
        assert_eq!(Choices::at(Some(path)).get("a"), None);
        // A folder that cannot be made.
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let nowhere = Choices::at(Some(file.join("matmul.json")));
        nowhere.set("a", "64x64x16");
        assert_eq!(nowhere.get("a").as_deref(), Some("64x64x16"));
    }
}
