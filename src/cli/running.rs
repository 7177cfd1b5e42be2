//! Where and with what commands run.

use chunkwise::size::parse_size;
use chunkwise::{Cancel, Device, FallbackPolicy, Progress, Result, Session, SessionBuilder, Trace};
use std::path::PathBuf;
use std::sync::Arc;

/// Where and with what a command runs.
#[derive(Clone, Debug, clap::Args)]
pub struct Run {
    /// cpu, gpu (the CPU does what it cannot) or auto
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: Device,
    /// Which GPU: a part of its name, or its number in devices
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,
    /// Most device memory to use, such as 512MiB or 2GB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub device_memory: Option<u64>,
    /// Most memory, such as 2GB [default: half of what is available]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory: Option<u64>,
    /// Folder for what does not fit the memory ($CHUNKWISE_SPILL)
    #[arg(long, value_name = "FOLDER", conflicts_with = "no_spill")]
    pub spill: Option<PathBuf>,
    /// Refuse what does not fit the memory
    #[arg(long)]
    pub no_spill: bool,
    /// Threads; one runs all in order [default: all of the machine's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub threads: Option<u16>,
}

/// A size in bytes.
pub fn size(text: &str) -> std::result::Result<u64, String> {
    parse_size(text).map_err(|e| e.to_string())
}

impl Run {
    /// A session as the arguments say.
    ///
    /// # Errors
    /// `Device` for a GPU that is not there when fallback is refused; `Io` for threads.
    pub fn session(
        &self,
        fallback: FallbackPolicy,
        cancel: &Cancel,
        trace: Option<&Arc<Trace>>,
        progress: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<Session> {
        let builder = self.builder().fallback(fallback).cancel(cancel).on_progress(progress);
        match trace {
            Some(trace) => builder.trace(trace).build(),
            None => builder.build(),
        }
    }

    fn builder(&self) -> SessionBuilder {
        let mut builder = Session::builder().device(self.device);
        if let Some(name) = &self.adapter {
            builder = builder.adapter(name);
        }
        if let Some(bytes) = self.device_memory {
            builder = builder.device_memory_bytes(bytes);
        }
        if let Some(bytes) = self.memory {
            builder = builder.memory_bytes(bytes);
        }
        if let Some(folder) = &self.spill {
            builder = builder.spill(folder);
        }
        if self.no_spill {
            builder = builder.no_spill();
        }
        if let Some(threads) = self.threads {
            builder = builder.threads(threads.into());
        }
        builder
    }
}
