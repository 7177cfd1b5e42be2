//! Compiled pipelines, kept between runs in the [cache folder](crate::backend::files).
//!
//! The driver checks that data come from itself; that they are whole is checked here, because a
//! driver given damaged data may crash.

use crate::backend::files;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Raised when what is kept changes its meaning.
const VERSION: u32 = 1;
/// A cache that has grown beyond this begins anew.
const MAX_BYTES: usize = 64 << 20;

/// A driver's pipeline cache and its file.
pub struct PipelineFile {
    cache: wgpu::PipelineCache,
    path: PathBuf,
    /// Length of what the file holds: a cache only grows.
    stored: Mutex<usize>,
}

impl PipelineFile {
    /// The cache of this device in this folder. `None` where the device has none.
    pub fn open(
        device: &wgpu::Device,
        info: &wgpu::AdapterInfo,
        features: wgpu::Features,
        folder: &Path,
    ) -> Option<PipelineFile> {
        if !features.contains(wgpu::Features::PIPELINE_CACHE) {
            return None;
        }
        let path = folder.join(wgpu::util::pipeline_cache_key(info)?);
        let file = files::load(&path);
        let data = file
            .as_deref()
            .and_then(|bytes| files::unseal(VERSION, bytes))
            .filter(|data| !data.is_empty() && data.len() <= MAX_BYTES);
        // SAFETY: the data were given by `get_data` and are unchanged, as their checksum says; whether
        // they fit this device and driver is checked by wgpu.
        let cache = unsafe {
            device.create_pipeline_cache(&wgpu::PipelineCacheDescriptor {
                label: Some("chunkwise"),
                data,
                fallback: true,
            })
        };
        Some(PipelineFile { cache, path, stored: Mutex::new(data.map_or(0, <[u8]>::len)) })
    }

    /// The cache, for making pipelines.
    pub fn cache(&self) -> &wgpu::PipelineCache {
        &self.cache
    }

    /// Writes the file if pipelines came to it. Failing is no error: it is only slower next time.
    pub fn store(&self) {
        let Some(data) = self.cache.get_data() else { return };
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        if data.len() != *stored && files::store(&self.path, &files::seal(VERSION, &data)) {
            *stored = data.len();
        }
    }
}
