//! Measures an adapter's rates: copies as the host sees them, kernels while their operands are on the
//! device, and what a dispatch costs. Everything is waited for within the time that is taken.

use super::device::Context;
use super::resident::Resident;
use crate::DType;
use crate::backend::calibrate::{self, DTYPES, ELEMENTS, RUNS, data, kernel_rates, median};
use crate::backend::cost::{DeviceRates, KernelRates, Rates};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::kernel::Kernel;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use wgpu::BufferUsages;

/// Bytes of a copy.
const COPY: u64 = 16 << 20;
/// Submissions of which the cost of one is taken.
const SUBMISSIONS: u32 = 32;
/// Seconds that a run should take at least, so that starting and waiting do not count.
const RUN_S: f64 = 10e-3;

/// The adapter's rates: those kept in `folder` if they are its own, else measured, and kept there.
///
/// # Errors
/// `Device` if it fails on the way.
pub fn calibrate(context: &Arc<Context>, folder: Option<&Path>, again: bool) -> Result<DeviceRates> {
    let (name, driver) = (&context.info.name, super::capabilities::driver(&context.info));
    let kept = folder.filter(|_| !again).and_then(|f| calibrate::load(f, name, &driver));
    if let Some(rates) = kept {
        return Ok(rates);
    }
    let rates = DeviceRates {
        name: name.clone(),
        software: context.info.device_type == wgpu::DeviceType::Cpu,
        rates: measure(context)?,
    };
    if let Some(folder) = folder {
        calibrate::store(folder, name, &driver, &rates);
    }
    Ok(rates)
}

fn measure(context: &Arc<Context>) -> Result<Rates> {
    let mut rates = Rates {
        upload_bytes_per_s: Some(COPY as f64 / upload(context)?),
        download_bytes_per_s: Some(COPY as f64 / download(context)?),
        dispatch_s: 0.0,
        ..Rates::default()
    };
    for dtype in DTYPES {
        let found = kernel_rates(dtype, ELEMENTS, |kernel| {
            // One after the other, each over a block that is nothing but starting it.
            if rates.dispatch_s == 0.0 && dtype == DType::F32 {
                rates.dispatch_s = kernel_seconds(context, kernel, dtype, 64, Repeat::Submit)?.unwrap_or(0.0);
            }
            kernel_seconds(context, kernel, dtype, ELEMENTS, Repeat::Dispatch)
        })?;
        let found = KernelRates { matmul_flops_per_s: product_rate(context, dtype)?, ..found };
        match dtype {
            DType::F32 => rates.narrow = found,
            _ => rates.wide = found,
        }
    }
    Ok(rates)
}

/// Multiplications and additions per second in a tile of a product whose pieces come from the host and
/// whose result goes back. `None` where the CPU plays the device (it would take long, and is never
/// chosen), or if it cannot multiply this dtype.
fn product_rate(context: &Arc<Context>, dtype: DType) -> Result<Option<f64>> {
    const EDGE: usize = 1024;
    const PIECES: usize = 4;
    if context.info.device_type == wgpu::DeviceType::Cpu {
        return Ok(None);
    }
    let Ok(mut product) = super::matmul::product(context, dtype, [EDGE; 3], &context.abilities()) else {
        return Ok(None);
    };
    let size = EDGE * EDGE;
    let (a, b) = (data(dtype, size as u64), data(dtype, size as u64));
    let mut c = vec![0; size * dtype.size()];
    let seconds = median(RUNS, || {
        let start = Instant::now();
        product.begin([EDGE; 2], &mut c)?;
        (0..PIECES).try_for_each(|_| product.add(EDGE, &a, &b, &mut c))?;
        product.finish(&mut c)?;
        Ok(start.elapsed().as_secs_f64())
    })?;
    Ok(Some((2 * EDGE * size * PIECES) as f64 / seconds))
}

/// What is done again and again between two looks at the clock.
#[derive(Clone, Copy, PartialEq)]
enum Repeat {
    /// Dispatches in one submission.
    Dispatch,
    /// Submissions.
    Submit,
}

/// Seconds of a kernel over `elements` elements that are on the device. `None` if it cannot run there.
fn kernel_seconds(
    context: &Arc<Context>,
    kernel: &Kernel,
    dtype: DType,
    elements: u64,
    repeat: Repeat,
) -> Result<Option<f64>> {
    let bytes = data(dtype, elements);
    let resident = match Resident::on(context, &context.abilities(), kernel, &[elements], &[&bytes]) {
        Ok(resident) => resident,
        // What the device or its driver refuses has no rate; a device that is lost is an error.
        Err(e) if e.kind() == ErrorKind::Device => return context.check().map(|()| None),
        Err(e) => return Err(e),
    };
    let run = |times: u32| {
        let seconds = match repeat {
            Repeat::Dispatch => resident.run(times),
            Repeat::Submit => resident.run_apart(times),
        };
        seconds.map(|s| s / f64::from(times))
    };
    // The first run warms up.
    run(1)?;
    let once = run(1)?;
    let times = match repeat {
        Repeat::Submit => SUBMISSIONS,
        Repeat::Dispatch => (RUN_S / once.max(1e-6)).ceil().clamp(1.0, 64.0) as u32,
    };
    median(RUNS, || run(times)).map(Some)
}

/// Seconds to bring [`COPY`] bytes from host memory into a storage buffer, through a staging buffer
/// that is kept.
fn upload(context: &Context) -> Result<f64> {
    let bytes = vec![0x5a; COPY as usize];
    let staging = context.buffer("staging", COPY, BufferUsages::MAP_WRITE | BufferUsages::COPY_SRC)?;
    let target = context.buffer("target", COPY, BufferUsages::STORAGE | BufferUsages::COPY_DST)?;
    let run = || -> Result<f64> {
        let start = Instant::now();
        map(context, &staging, wgpu::MapMode::Write)?;
        context
            .scoped("writing a staging buffer", || {
                staging.get_mapped_range_mut(0..COPY).map(|mut view| view.copy_from_slice(&bytes))
            })?
            .map_err(unmapped)?;
        staging.unmap();
        copy(context, &staging, &target)?;
        Ok(start.elapsed().as_secs_f64())
    };
    run()?;
    median(RUNS, run)
}

/// Seconds to bring as many bytes back into host memory.
fn download(context: &Context) -> Result<f64> {
    let mut bytes = vec![0; COPY as usize];
    let staging = context.buffer("staging", COPY, BufferUsages::MAP_READ | BufferUsages::COPY_DST)?;
    let from = context.buffer("source", COPY, BufferUsages::STORAGE | BufferUsages::COPY_SRC)?;
    let mut run = || -> Result<f64> {
        let start = Instant::now();
        copy(context, &from, &staging)?;
        map(context, &staging, wgpu::MapMode::Read)?;
        context
            .scoped("reading a staging buffer", || {
                staging.get_mapped_range(0..COPY).map(|view| bytes.copy_from_slice(&view))
            })?
            .map_err(unmapped)?;
        staging.unmap();
        Ok(start.elapsed().as_secs_f64())
    };
    run()?;
    median(RUNS, run)
}

fn unmapped(e: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Device, format!("a buffer cannot be mapped: {e}"))
}

fn map(context: &Context, buffer: &wgpu::Buffer, mode: wgpu::MapMode) -> Result<()> {
    context.scoped("mapping a buffer", || buffer.map_async(mode, .., |_| {}))?;
    // An empty submission: its end is after the map's.
    let submission = context.queue().submit([]);
    context.wait(submission)
}

fn copy(context: &Context, from: &wgpu::Buffer, to: &wgpu::Buffer) -> Result<()> {
    let submission = context.scoped("copying a buffer", || {
        let mut encoder = context.raw().create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(from, 0, to, 0, COPY);
        context.queue().submit([encoder.finish()])
    })?;
    context.wait(submission)
}
