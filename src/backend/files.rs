//! The folder where this machine's findings are kept between runs: compiled pipelines, measured rates.
//!
//! Nothing in it is needed and nothing in it is trusted: files carry a header with a checksum, what
//! does not match is ignored, and a folder that cannot be written is no error.

use crate::whole::WholeFile;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The most bytes of a file that are read.
const MAX_BYTES: u64 = 256 << 20;

const MAGIC: &[u8; 8] = b"chunkwse";
const HEADER: usize = 8 + 4 + 8 + 8;

/// `$CHUNKWISE_CACHE_DIR`; without it `chunkwise` under `$XDG_CACHE_HOME` or `$HOME/.cache`. `None` if
/// the first is set and empty, which switches it off, or if there is no place.
pub fn folder() -> Option<PathBuf> {
    folder_of(|name| std::env::var_os(name).map(PathBuf::from))
}

fn folder_of(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    if let Some(wish) = variable("CHUNKWISE_CACHE_DIR") {
        return (!wish.as_os_str().is_empty()).then_some(wish);
    }
    // A relative XDG path is invalid, says its specification.
    let absolute = |p: PathBuf| p.is_absolute().then_some(p);
    let caches = variable("XDG_CACHE_HOME")
        .and_then(absolute)
        .or_else(|| variable("HOME").and_then(absolute).map(|home| home.join(".cache")))
        .or_else(|| variable("LOCALAPPDATA").and_then(absolute));
    caches.map(|caches| caches.join("chunkwise"))
}

/// A name of letters, digits, `-`, `_` and `.` made of any text.
pub fn file_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    text.chars().map(plain).take(120).collect()
}

/// Writes a file so that readers see the old one or the new one. `false` if that is not possible.
pub fn store(path: &Path, bytes: &[u8]) -> bool {
    let attempt = || -> Option<()> {
        std::fs::create_dir_all(path.parent()?).ok()?;
        let file = WholeFile::beside(path).ok()?;
        file.file().write_all(bytes).ok()?;
        file.finish().ok()
    };
    attempt().is_some()
}

/// The bytes of a file of reasonable size, if there is one.
pub fn load(path: &Path) -> Option<Vec<u8>> {
    let len = std::fs::metadata(path).ok().filter(|m| m.is_file())?.len();
    if len > MAX_BYTES { None } else { std::fs::read(path).ok() }
}

/// The payload with a header: magic, version, length, checksum.
pub fn seal(version: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER + payload.len());
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&version.to_le_bytes());
    out.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    out.extend_from_slice(&checksum(payload).to_le_bytes());
    out.extend_from_slice(payload);
    out
}

/// The payload of sealed bytes, if all of the header fits.
pub fn unseal(version: u32, bytes: &[u8]) -> Option<&[u8]> {
    let (header, payload) = bytes.split_at_checked(HEADER)?;
    let number = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap_or_default());
    let fits = &header[..8] == MAGIC
        && header[8..12] == version.to_le_bytes()
        && number(12) == payload.len() as u64
        && number(20) == checksum(payload);
    fits.then_some(payload)
}

/// Eight bytes at a time, each step a bijection of the state, so that any change of one word shows.
fn checksum(bytes: &[u8]) -> u64 {
    let step = |h: u64, word: u64| {
        let h = (h ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        h ^ (h >> 29)
    };
    bytes.chunks(8).fold(step(0x6368_756e, bytes.len() as u64), |h, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        step(h, u64::from_le_bytes(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_where_the_environment_says() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs: Vec<(String, PathBuf)> =
                pairs.iter().map(|(k, v)| (k.to_string(), PathBuf::from(v))).collect();
            folder_of(move |name| pairs.iter().find(|p| p.0 == name).map(|p| p.1.clone()))
        };
        assert_eq!(of(&[("HOME", "/h")]), Some("/h/.cache/chunkwise".into()));
        assert_eq!(of(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]), Some("/x/chunkwise".into()));
        assert_eq!(of(&[("HOME", "/h"), ("XDG_CACHE_HOME", "x")]), Some("/h/.cache/chunkwise".into()));
        assert_eq!(of(&[("HOME", "/h"), ("CHUNKWISE_CACHE_DIR", "/c")]), Some("/c".into()));
        assert_eq!(of(&[("HOME", "/h"), ("CHUNKWISE_CACHE_DIR", "")]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn only_what_was_sealed_is_unsealed() {
        let payload: Vec<u8> = (0..1001u32).map(|i| (i * 7) as u8).collect();
        let sealed = seal(3, &payload);
        assert_eq!(unseal(3, &sealed), Some(&payload[..]));
        assert_eq!(unseal(4, &sealed), None);
        assert_eq!(unseal(3, &seal(3, &[])), Some(&[][..]));
        // Every byte counts, and so does the length.
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1 << (at % 8);
            assert_eq!(unseal(3, &damaged), None, "byte {at}");
        }
        for len in 0..sealed.len() {
            assert_eq!(unseal(3, &sealed[..len]), None, "{len} bytes");
        }
        assert_eq!(unseal(3, &[&sealed[..], &[0]].concat()), None);
    }

    #[test]
    fn files_are_replaced_whole_and_a_closed_folder_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        assert!(store(&path, b"one") && store(&path, b"two"));
        assert_eq!(load(&path).as_deref(), Some(&b"two"[..]));
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert_eq!(load(folder.path()), None);
        // A file stands where the folder should be.
        assert!(!store(&path.join("c"), b"three"));
        assert_eq!(load(&path.join("c")), None);
        assert_eq!(file_name("NVIDIA H200 (a/b)"), "NVIDIA_H200__a_b_");
    }
}
