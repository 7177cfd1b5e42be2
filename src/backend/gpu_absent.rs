//! The GPU backend of a build without the feature `gpu`: there is never a device, and it says why.
//!
//! It has the names that the rest of the program uses, so that the feature shows in one place. Of its
//! devices there are no values; a session that asks for one runs on the CPU, or refuses, as where no
//! adapter is found.

pub use super::choice::Choice;

use super::cost::DeviceRates;
use super::{Backend, Capabilities, Runner, WorkerBytes};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::kernel::Kernel;
use crate::trace::Trace;
use serde::Serialize;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

/// Why there is no GPU.
const REASON: &str = "built without the feature gpu";

fn absent() -> Error {
    Error::new(ErrorKind::Device, REASON).hint("build chunkwise with its default features, or use the CPU")
}

/// A GPU, of which there is none.
pub struct Gpu(Infallible);

impl Gpu {
    /// There is none to be opened.
    ///
    /// # Errors
    /// `Device`, always.
    pub fn open(_: &Choice, _: Option<u64>, _: usize) -> Result<Gpu> {
        Err(absent())
    }

    /// None was measured.
    ///
    /// # Errors
    /// The reason, always.
    pub fn measured(
        _: &Choice,
        _: Option<u64>,
        _: usize,
        _: &str,
    ) -> std::result::Result<(Gpu, DeviceRates), String> {
        Err(REASON.into())
    }
}

impl Backend for Gpu {
    fn capabilities(&self) -> &Capabilities {
        match self.0 {}
    }

    fn supports(&self, _: &Kernel, _: &[u64]) -> std::result::Result<(), String> {
        match self.0 {}
    }

    fn worker_bytes(&self, _: &Kernel, _: &[u64]) -> WorkerBytes {
        match self.0 {}
    }

    fn runner(&self, _: &Kernel, _: &[u64], _: Option<&Arc<Trace>>) -> Result<Box<dyn Runner>> {
        match self.0 {}
    }
}

/// An opened device, of which there is none.
pub struct Context(Infallible);

/// An adapter of this machine; none is looked for.
#[derive(Debug, Serialize)]
pub struct Found {
    /// Its own name.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`.
    pub api: String,
    /// The driver and its version.
    pub driver: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    #[serde(skip)]
    never: Infallible,
}

impl Found {
    /// Whether it is a GPU in name only.
    pub fn is_software(&self) -> bool {
        match self.never {}
    }

    /// Opens it.
    ///
    /// # Errors
    /// None: there is none.
    pub fn open(self, _: u64) -> Result<Context> {
        match self.never {}
    }
}

/// Every adapter: none.
pub fn adapters() -> Vec<Found> {
    Vec::new()
}

/// The position of the adapter that is meant.
///
/// # Errors
/// `Device`, always.
pub fn choose(_: &[Found], _: &Choice) -> Result<usize> {
    Err(absent())
}

/// The rates of a device.
///
/// # Errors
/// None: there is none.
pub fn calibrate(context: &Arc<Context>, _: Option<&Path>, _: bool) -> Result<DeviceRates> {
    match context.0 {}
}

/// What a device can do.
pub fn capabilities(context: &Arc<Context>) -> Capabilities {
    match context.0 {}
}
