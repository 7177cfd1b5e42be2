//! The cost model: how long a block takes on a device, from rates that were measured on it, and which
//! device is the faster one for it, with the reason in words.
//!
//! A kernel's work is counted in four kinds, each apart for elements of up to 32 bits and of 64, since
//! devices differ most there: bytes that loads and cheap steps move, elements through steps that are
//! polynomials, bytes reduced, elements binned. Calibration counts with the same function, so a
//! prediction for a kernel it measured gives back what it measured.
//!
//! # Limits
//! Cheap steps are counted as if each went through memory, which overestimates a long fused chain on
//! a GPU. Reading and decoding are left out: they are the same on both sides.

use super::DeviceKind;
use crate::DType;
use crate::ops::fold::{Load, Role};
use crate::ops::kernel::Kernel;
use crate::ops::program::{Register, Step};
use serde::{Deserialize, Serialize};

/// What arithmetic runs at; `None` where the device does not do it or it was not measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KernelRates {
    /// Bytes per second that loads and cheap steps move.
    pub elementwise_bytes_per_s: Option<f64>,
    /// Elements per second through one step of a polynomial row (`exp`, `log10`, `sin` …).
    pub transcendental_per_s: Option<f64>,
    /// Bytes per second reduced.
    pub reduce_bytes_per_s: Option<f64>,
    /// Elements per second binned.
    pub histogram_per_s: Option<f64>,
    /// Multiplications and additions per second in a block product.
    pub matmul_flops_per_s: Option<f64>,
}

/// The rates of one device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Bytes per second to the device; `None` where nothing has to go there.
    pub upload_bytes_per_s: Option<f64>,
    /// Bytes per second back.
    pub download_bytes_per_s: Option<f64>,
    /// Seconds that every block costs beside its work.
    pub dispatch_s: f64,
    /// For elements of up to 32 bits.
    pub narrow: KernelRates,
    /// For elements of 64 bits.
    pub wide: KernelRates,
}

/// The CPU's rates with some numbers of threads, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HostRates {
    /// Threads, and what all of them together make.
    pub by_threads: Vec<(usize, Rates)>,
}

/// The rates of an adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceRates {
    /// Its name.
    pub name: String,
    /// Whether the CPU runs it.
    pub software: bool,
    /// Its rates.
    pub rates: Rates,
}

/// A block and how many like it there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes {
    /// Elements of a block.
    pub elements: u64,
    /// Bytes of its operands.
    pub operand_bytes: u64,
    /// Bytes that come back.
    pub output_bytes: u64,
    /// Blocks in the stage.
    pub blocks: u64,
}

/// How long one block takes, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Time {
    /// On the way to the device.
    pub upload_s: f64,
    /// Computing, with the cost of starting it.
    pub compute_s: f64,
    /// On the way back.
    pub download_s: f64,
}

/// A choice and its reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// Where.
    pub device: DeviceKind,
    /// Why, in words and numbers.
    pub reason: String,
}

/// A kernel's work on one block, for elements of one width.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Work {
    /// Bytes that loads and cheap steps move.
    pub elementwise_bytes: f64,
    /// Elements through polynomial rows.
    pub transcendental: f64,
    /// Bytes reduced.
    pub reduce_bytes: f64,
    /// Elements binned.
    pub histogram: f64,
}

/// The work of a kernel on `elements` elements: up to 32 bits, 64 bits.
pub fn work(kernel: &Kernel, elements: u64) -> [Work; 2] {
    let program = &kernel.program;
    let n = elements as f64;
    let mut out = [Work::default(); 2];
    let side = |d: DType| (d.size() == 8) as usize;
    for (step, what) in program.steps.iter().enumerate() {
        let dtype = program.dtype(step as Register);
        match what {
            Step::Const(_) => {}
            // Rows that round more than once are polynomials, or as dear.
            Step::Apply { op, signature, .. } if op.row().bound.f32 > 0.5 => {
                let widest = signature.args.iter().map(|d| d.size()).max().unwrap_or(0);
                out[(widest == 8) as usize].transcendental += n;
            }
            _ => out[side(dtype)].elementwise_bytes += n * dtype.size() as f64,
        }
    }
    for terminal in &kernel.terminals {
        let load = terminal.fold.load();
        for port in terminal.fold.ports().iter().filter(|p| p.role != Role::Mask) {
            let work = &mut out[side(port.dtype)];
            match load {
                Load::Moved => work.elementwise_bytes += n * port.dtype.size() as f64,
                Load::Reduced => work.reduce_bytes += n * port.dtype.size() as f64,
                Load::Binned => work.histogram += n,
            }
        }
    }
    out
}

impl KernelRates {
    /// Seconds for this work.
    ///
    /// # Errors
    /// Which rate is not known.
    pub fn seconds(&self, work: &Work) -> Result<f64, String> {
        [
            ("elementwise steps", work.elementwise_bytes, self.elementwise_bytes_per_s),
            ("polynomial rows", work.transcendental, self.transcendental_per_s),
            ("reductions", work.reduce_bytes, self.reduce_bytes_per_s),
            ("histograms", work.histogram, self.histogram_per_s),
        ]
        .into_iter()
        .filter(|(_, amount, _)| *amount > 0.0)
        .try_fold(0.0, |sum, (what, amount, rate)| match rate {
            Some(rate) if rate > 0.0 => Ok(sum + amount / rate),
            _ => Err(format!("its rate of {what} is not known")),
        })
    }

    fn all(&self) -> [Option<f64>; 5] {
        [
            self.elementwise_bytes_per_s,
            self.transcendental_per_s,
            self.reduce_bytes_per_s,
            self.histogram_per_s,
            self.matmul_flops_per_s,
        ]
    }
}

impl Rates {
    /// How long one block of a kernel takes.
    ///
    /// # Errors
    /// Which rate is not known.
    pub fn predict(&self, kernel: &Kernel, sizes: &Sizes) -> Result<Time, String> {
        let [narrow, wide] = work(kernel, sizes.elements);
        let compute = self.narrow.seconds(&narrow)? + self.wide.seconds(&wide)?;
        Ok(self.time(compute, sizes))
    }

    /// How long a block product of `m × k` and `k × n` elements takes.
    ///
    /// # Errors
    /// If its rate is not known.
    pub fn predict_matmul(&self, dtype: DType, shape: [u64; 3], sizes: &Sizes) -> Result<Time, String> {
        let rates = if dtype.size() == 8 { &self.wide } else { &self.narrow };
        let rate = rates.matmul_flops_per_s.filter(|r| *r > 0.0);
        let rate = rate.ok_or_else(|| format!("its rate of {dtype} products is not known"))?;
        let [m, k, n] = shape.map(|d| d as f64);
        Ok(self.time(2.0 * m * k * n / rate, sizes))
    }

    fn time(&self, compute: f64, sizes: &Sizes) -> Time {
        let moved = |bytes: u64, rate: Option<f64>| rate.map_or(0.0, |rate| bytes as f64 / rate);
        Time {
            upload_s: moved(sizes.operand_bytes, self.upload_bytes_per_s),
            compute_s: self.dispatch_s + compute,
            download_s: moved(sizes.output_bytes, self.download_bytes_per_s),
        }
    }

    /// Whether every number is one that a measurement can give.
    pub fn is_sound(&self) -> bool {
        let kernels = [self.narrow, self.wide];
        [self.upload_bytes_per_s, self.download_bytes_per_s]
            .into_iter()
            .chain(kernels.iter().flat_map(KernelRates::all))
            .flatten()
            .all(|rate| rate.is_finite() && rate > 0.0)
            && self.dispatch_s.is_finite()
            && self.dispatch_s >= 0.0
    }
}

impl HostRates {
    /// The rates with this many threads: between two that were measured along a line, beyond the last
    /// one no better than it. `None` if nothing was measured.
    pub fn at(&self, threads: usize) -> Option<Rates> {
        let above = self.by_threads.iter().find(|(n, _)| *n >= threads);
        let below = self.by_threads.iter().rev().find(|(n, _)| *n <= threads);
        match (below, above) {
            (Some((a, low)), Some((b, high))) if a < b => {
                let part = (threads - a) as f64 / (b - a) as f64;
                Some(between(low, high, part))
            }
            (Some((_, rates)), _) | (None, Some((_, rates))) => Some(*rates),
            (None, None) => None,
        }
    }
}

fn between(low: &Rates, high: &Rates, part: f64) -> Rates {
    let mix = |a: Option<f64>, b: Option<f64>| Some(a? + (b? - a?) * part);
    let kernels = |a: &KernelRates, b: &KernelRates| KernelRates {
        elementwise_bytes_per_s: mix(a.elementwise_bytes_per_s, b.elementwise_bytes_per_s),
        transcendental_per_s: mix(a.transcendental_per_s, b.transcendental_per_s),
        reduce_bytes_per_s: mix(a.reduce_bytes_per_s, b.reduce_bytes_per_s),
        histogram_per_s: mix(a.histogram_per_s, b.histogram_per_s),
        matmul_flops_per_s: mix(a.matmul_flops_per_s, b.matmul_flops_per_s),
    };
    Rates {
        upload_bytes_per_s: None,
        download_bytes_per_s: None,
        dispatch_s: low.dispatch_s + (high.dispatch_s - low.dispatch_s) * part,
        narrow: kernels(&low.narrow, &high.narrow),
        wide: kernels(&low.wide, &high.wide),
    }
}

impl Time {
    /// Seconds for one block by itself.
    pub fn alone(&self) -> f64 {
        self.upload_s + self.compute_s + self.download_s
    }

    /// Seconds per block where `blocks` follow each other and copies overlap with computing.
    pub fn per_block(&self, blocks: u64) -> f64 {
        let n = blocks.max(1) as f64;
        let slowest = self.slowest().1;
        (self.alone() + (n - 1.0) * slowest) / n
    }

    /// The part that takes longest.
    fn slowest(&self) -> (&'static str, f64) {
        let parts = [("upload", self.upload_s), ("compute", self.compute_s), ("download", self.download_s)];
        parts.into_iter().fold(("compute", 0.0), |a, b| if b.1 > a.1 { b } else { a })
    }
}

/// Which device computes a stage's blocks sooner. Software adapters are never chosen.
pub fn faster(
    cpu: &HostRates,
    gpu: &DeviceRates,
    kernel: &Kernel,
    sizes: &Sizes,
    threads: usize,
) -> Decision {
    decide(gpu, sizes.blocks, threads, |side| match side {
        DeviceKind::Cpu => cpu.at(threads).ok_or("it was not measured")?.predict(kernel, sizes),
        DeviceKind::Gpu => gpu.rates.predict(kernel, sizes),
    })
}

/// As [`faster`], from times that are known: `time` is asked for each side's.
pub fn decide(
    gpu: &DeviceRates,
    blocks: u64,
    threads: usize,
    time: impl Fn(DeviceKind) -> Result<Time, String>,
) -> Decision {
    let chosen = |device, reason: String| Decision { device, reason };
    if gpu.software {
        return chosen(DeviceKind::Cpu, format!("the CPU: {} is run by the CPU itself", gpu.name));
    }
    let (on_cpu, on_gpu) = match (time(DeviceKind::Cpu), time(DeviceKind::Gpu)) {
        (Ok(cpu), Ok(gpu)) => (cpu, gpu),
        (_, Err(why)) => return chosen(DeviceKind::Cpu, format!("the CPU: of {} {why}", gpu.name)),
        (Err(why), Ok(_)) => return chosen(DeviceKind::Cpu, format!("the CPU: {why}")),
    };
    let (cpu_s, gpu_s) = (on_cpu.per_block(1), on_gpu.per_block(blocks));
    let (what, slowest) = on_gpu.slowest();
    let threads = if threads == 1 { "1 thread".into() } else { format!("{threads} threads") };
    let [cpu, gpu_text, part] = [cpu_s, gpu_s, slowest].map(duration);
    if gpu_s < cpu_s {
        let reason =
            format!("{}: {gpu_text} a block, of which {what} {part}, against {cpu} on {threads}", gpu.name);
        return chosen(DeviceKind::Gpu, reason);
    }
    let reason = format!(
        "the CPU: {cpu} a block on {threads} against {gpu_text} on {}, of which {what} {part}",
        gpu.name
    );
    chosen(DeviceKind::Cpu, reason)
}

/// `3.1 ms`
fn duration(seconds: f64) -> String {
    let (value, unit) = match seconds {
        s if s < 1e-3 => (s * 1e6, "µs"),
        s if s < 1.0 => (s * 1e3, "ms"),
        s => (s, "s"),
    };
    let digits = if value < 10.0 { 1 } else { 0 };
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests;
