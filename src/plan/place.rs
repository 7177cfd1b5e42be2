//! Placement: on which device a stage runs, and why.

use super::{Fed, Input};
use crate::DType;
use crate::backend::cost::{self, DeviceRates, HostRates, Sizes, Time};
use crate::backend::{Backend, DeviceKind};
use crate::feeds::Multiplied;
use crate::ops::kernel::Kernel;

/// What a plan is bound to.
#[derive(Clone)]
pub struct Machine<'a> {
    /// The budget: all bytes that the run may hold on the host.
    pub memory: u64,
    /// The most workers.
    pub threads: usize,
    /// The CPU, which does what no other device does.
    pub cpu: &'a dyn Backend,
    /// The device asked for, if it can be had; otherwise why not.
    pub device: Wish<'a>,
}

/// The device asked for.
#[derive(Clone)]
pub enum Wish<'a> {
    /// The CPU, for this reason.
    Cpu(String),
    /// A backend, with the CPU as fallback.
    Prefer(&'a dyn Backend),
    /// A backend where it is predicted to be faster than the CPU, from rates that were measured.
    Faster {
        /// The backend.
        backend: &'a dyn Backend,
        /// Its rates.
        rates: &'a DeviceRates,
        /// The CPU's.
        cpu: &'a HostRates,
    },
    /// A device that is not there; the CPU stands in for this reason.
    Missing(String),
}

/// Where a stage's tasks run, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// On what.
    pub device: DeviceKind,
    /// Why there.
    pub reason: String,
    /// Whether another device had been asked for.
    pub fallback: bool,
}

/// The products in an input.
pub(super) fn products_of(input: &Input, out: &mut Vec<Multiplied>) {
    input.children().iter().flat_map(|k| &k.inputs).for_each(|i| products_of(i, out));
    out.extend(input.fed().and_then(Fed::product));
}

/// How many tiles of a product a block is: where it is made for chunks of a target it may be larger than one.
pub(super) fn tiles(input: &Input, block: &[u64]) -> u64 {
    let Some(product) = input.fed().and_then(Fed::product) else { return 1 };
    let edges = [product.most[0], product.most[2]].map(|n| n.max(1) as u64);
    // Matrices beside each other come in turns.
    let lead = input.view.base.len().saturating_sub(2);
    let along = |i: usize| input.view.walker(lead + i).map_or(1, |(d, _)| block[d].div_ceil(edges[i])).max(1);
    along(0).saturating_mul(along(1))
}

/// Where a stage of `blocks` blocks of up to the shape `block` goes.
pub(super) fn place(
    kernel: &Kernel,
    block: &[u64],
    blocks: u64,
    products: &[Multiplied],
    machine: &Machine,
) -> Placement {
    let on_cpu = |reason: String, fallback| Placement { device: DeviceKind::Cpu, reason, fallback };
    let can = |backend: &dyn Backend| {
        backend.supports(kernel, block)?;
        products.iter().try_for_each(|p| backend.multiplies(p.dtype, p.most))
    };
    let on = |backend: &dyn Backend, reason: String| Placement {
        device: backend.capabilities().backend,
        reason,
        fallback: false,
    };
    match machine.device {
        Wish::Cpu(ref reason) => on_cpu(reason.clone(), false),
        Wish::Missing(ref reason) => on_cpu(reason.clone(), true),
        Wish::Prefer(backend) => match can(backend) {
            Ok(()) => on(backend, format!("{} runs it", backend.capabilities().name)),
            Err(reason) => on_cpu(reason, true),
        },
        Wish::Faster { backend, rates, cpu } => match can(backend) {
            Ok(()) => {
                let time = |side| predict(kernel, block, blocks, products, side, machine.threads, rates, cpu);
                let decision = cost::decide(rates, blocks, machine.threads, time);
                match decision.device {
                    DeviceKind::Gpu => on(backend, decision.reason),
                    DeviceKind::Cpu => on_cpu(decision.reason, false),
                }
            }
            Err(reason) => on_cpu(format!("the CPU: {reason}"), false),
        },
    }
}

/// How long one block takes, with its part of the products that feed it.
#[allow(clippy::too_many_arguments)]
fn predict(
    kernel: &Kernel,
    block: &[u64],
    blocks: u64,
    products: &[Multiplied],
    side: DeviceKind,
    threads: usize,
    gpu: &DeviceRates,
    cpu: &HostRates,
) -> std::result::Result<Time, String> {
    let rates = match side {
        DeviceKind::Cpu => cpu.at(threads).ok_or("it was not measured")?,
        DeviceKind::Gpu => gpu.rates,
    };
    let elements: u64 = block.iter().product();
    let bytes = |d: DType| elements.saturating_mul(d.size() as u64);
    let collected = kernel.terminals.iter().filter(|t| t.fold.places()).map(|t| t.state_bytes(block));
    let sizes = Sizes {
        elements,
        operand_bytes: kernel.program.inputs.iter().map(|&d| bytes(d)).fold(0, u64::saturating_add),
        output_bytes: collected.fold(0, u64::saturating_add),
        blocks,
    };
    let mut time = rates.predict(kernel, &sizes)?;
    let nothing = Sizes { elements: 0, operand_bytes: 0, output_bytes: 0, blocks };
    for p in products {
        let [m, _, n] = p.most.map(|n| n as u64);
        let each = rates.predict_matmul(p.dtype, [m, p.inner, n], &nothing)?.compute_s;
        time.compute_s += each * p.matrices as f64;
    }
    Ok(time)
}
