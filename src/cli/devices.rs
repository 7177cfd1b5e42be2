//! `chunkwise devices`: what can run here, what each can do, and how fast.

use super::args::Devices;
use super::output::json_line;
use super::{Done, Failure};
use chunkwise::backend::calibrate::{calibrate_cpu, store_cpu};
use chunkwise::backend::cost::{KernelRates, Rates};
use chunkwise::backend::gpu::{self, Choice, Found};
use chunkwise::backend::{Capabilities, DeviceKind, files};
use chunkwise::ops::simd::Simd;
use chunkwise::size::human_bytes;
use chunkwise::{Device, Session};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::sync::Arc;

/// Device memory that looking at an adapter may take.
const BUDGET: u64 = 1 << 30;

/// A device, with its rates per number of threads if they were asked for.
struct Shown {
    capabilities: Capabilities,
    rates: Vec<(usize, Rates)>,
}

/// Prints the devices.
///
/// # Errors
/// What opening, measuring and writing can meet; an adapter that is asked for and is not there. Having
/// none at all is no error.
pub fn run(args: &Devices) -> Done {
    let session = Session::builder().device(Device::Cpu).build()?;
    let mut shown = Vec::new();
    let mut missing: Vec<(Option<String>, String)> = Vec::new();
    for capabilities in session.devices() {
        let mut rates = Vec::new();
        if args.calibrate {
            let (threads, simd) = (capabilities.threads, Simd::best());
            let found = calibrate_cpu(threads, simd)?;
            if let Some(folder) = files::folder() {
                store_cpu(&folder, threads, simd, &found);
            }
            rates = found.by_threads;
        }
        shown.push(Shown { capabilities: capabilities.clone(), rates });
    }
    for found in wanted(args)? {
        let name = found.name.clone();
        match open(found, args.calibrate) {
            Ok(device) => shown.push(device),
            Err(e) => missing.push((Some(name), e.to_string())),
        }
    }
    if shown.len() + missing.len() == 1 {
        let reason = gpu::choose(&[], &Choice::Fastest).err().map_or(String::new(), |e| e.message().into());
        missing.push((None, reason));
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        let devices: Vec<Value> = shown.iter().map(device_json).collect::<Result<_, _>>()?;
        let missing: Vec<Value> = missing
            .iter()
            .map(|(name, reason)| json!({"backend": DeviceKind::Gpu, "name": name, "reason": reason}))
            .collect();
        let object =
            json!({"devices": devices, "missing": missing, "default_memory_bytes": session.memory()});
        json_line(&mut out, &object)?;
    } else {
        for device in &shown {
            device_text(&mut out, device)?;
        }
        for (name, reason) in missing {
            writeln!(out, "gpu: {} ({reason})", name.as_deref().unwrap_or("none"))?;
        }
        writeln!(out, "memory: {} by default, half of what is available", human_bytes(session.memory()))?;
    }
    Ok(out.flush()?)
}

/// The adapters to be shown.
fn wanted(args: &Devices) -> Result<Vec<Found>, Failure> {
    let mut found = gpu::adapters();
    if let (Some(wish), false) = (&args.adapter, found.is_empty()) {
        let at = gpu::choose(&found, &Choice::from(wish.as_str()))?;
        found = vec![found.swap_remove(at)];
    }
    Ok(found)
}

fn open(found: Found, calibrate: bool) -> chunkwise::Result<Shown> {
    let context = Arc::new(found.open(BUDGET)?);
    let rates = match calibrate {
        true => vec![(1, gpu::calibrate(&context, files::folder().as_deref(), true)?.rates)],
        false => Vec::new(),
    };
    Ok(Shown { capabilities: gpu::capabilities(&context), rates })
}

fn device_json(d: &Shown) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(&d.capabilities)?;
    if !d.rates.is_empty() {
        let rates: Vec<Value> =
            d.rates.iter().map(|(threads, rates)| json!({"threads": threads, "rates": rates})).collect();
        value["rates"] = Value::Array(rates);
    }
    Ok(value)
}

fn device_text(out: &mut impl Write, d: &Shown) -> io::Result<()> {
    let c = &d.capabilities;
    let software = if c.software { " (software)" } else { "" };
    writeln!(out, "{}: {}{software}", c.backend, c.name)?;
    match &c.adapter {
        None => writeln!(out, "  threads:  {}", c.threads)?,
        Some(a) => {
            writeln!(out, "  driver:   {} ({})", a.driver, a.api)?;
            let memory = if a.unified_memory { "shared with the CPU" } else { "its own" };
            writeln!(out, "  kind:     {}, memory {memory}", a.kind)?;
            let [least, most] = a.subgroup_sizes;
            let subgroups = if least == most { least.to_string() } else { format!("{least} to {most}") };
            writeln!(
                out,
                "  limits:   {} a buffer, {} a binding, {} a workgroup of up to {}, {} workgroups, subgroups of {subgroups}",
                human_bytes(a.limits.buffer_bytes),
                human_bytes(a.limits.binding_bytes),
                human_bytes(a.limits.workgroup_bytes.into()),
                a.limits.workgroup_threads,
                a.limits.max_groups,
            )?;
        }
    }
    writeln!(out, "  features: {}", c.features.join(", "))?;
    let dtypes: Vec<&str> = c.dtypes.iter().map(|t| t.name()).collect();
    writeln!(out, "  dtypes:   {}", dtypes.join(", "))?;
    for off in &c.disabled {
        writeln!(out, "  off:      {off}")?;
    }
    for (threads, rates) in &d.rates {
        let on =
            if c.backend == DeviceKind::Cpu { format!(" on {threads} thread(s)") } else { String::new() };
        writeln!(out, "  rates{on}:")?;
        rates_text(out, rates, c.backend == DeviceKind::Gpu)?;
    }
    Ok(())
}

fn rates_text(out: &mut impl Write, rates: &Rates, moves: bool) -> io::Result<()> {
    let bytes = |rate: Option<f64>| rate.map_or("-".into(), |r| format!("{}/s", human_bytes(r as u64)));
    let count = |rate: Option<f64>, what: &str| {
        rate.map_or("-".into(), |r| {
            let (r, unit) = if r < 1e9 { (r / 1e6, "M") } else { (r / 1e9, "G") };
            format!("{r:.1} {unit}{what}/s")
        })
    };
    if moves {
        writeln!(
            out,
            "    upload {}, download {}, {:.0} µs a dispatch",
            bytes(rates.upload_bytes_per_s),
            bytes(rates.download_bytes_per_s),
            rates.dispatch_s * 1e6
        )?;
    }
    let mut row = |width: &str, k: &KernelRates| {
        writeln!(
            out,
            "    {width}: elementwise {}, polynomial rows {}, reductions {}, histograms {}, products {}",
            bytes(k.elementwise_bytes_per_s),
            count(k.transcendental_per_s, ""),
            bytes(k.reduce_bytes_per_s),
            count(k.histogram_per_s, ""),
            count(k.matmul_flops_per_s, "flop"),
        )
    };
    row("32 bits", &rates.narrow)?;
    row("64 bits", &rates.wide)
}
