//! `chunkwise devices`: what can run here.

use super::Done;
use super::args::Devices;
use chunkwise::backend::Capabilities;
use chunkwise::backend::gpu::{Choice, Gpu};
use chunkwise::size::human_bytes;
use chunkwise::{Device, Session};
use std::io::{self, Write};

/// Prints the devices.
///
/// # Errors
/// What starting threads and writing can meet.
pub fn run(args: &Devices) -> Done {
    let session = Session::builder().device(Device::Gpu).build()?;
    let devices = session.devices();
    let missing = match devices.iter().any(|d| d.backend == "gpu") {
        true => None,
        false => Gpu::open(&Choice::Fastest, None, 1).err().map(|e| e.message().to_string()),
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    if args.json {
        let object = serde_json::json!({
            "devices": devices,
            "missing": missing.iter().map(|m| serde_json::json!({"backend": "gpu", "reason": m})).collect::<Vec<_>>(),
            "default_memory_bytes": session.memory(),
        });
        serde_json::to_writer(&mut out, &object)?;
        writeln!(out)?;
    } else {
        for device in devices {
            device_text(&mut out, device)?;
        }
        if let Some(reason) = missing {
            writeln!(out, "gpu: none ({reason})")?;
        }
        writeln!(out, "memory: {} by default, half of what is available", human_bytes(session.memory()))?;
    }
    Ok(out.flush()?)
}

fn device_text(out: &mut impl Write, d: &Capabilities) -> io::Result<()> {
    let software = if d.software { " (software)" } else { "" };
    writeln!(out, "{}: {}{software}", d.backend, d.name)?;
    writeln!(out, "  threads:  {}", d.threads)?;
    writeln!(out, "  features: {}", d.features.join(", "))?;
    let dtypes: Vec<&str> = d.dtypes.iter().map(|t| t.name()).collect();
    writeln!(out, "  dtypes:   {}", dtypes.join(", "))?;
    for off in &d.disabled {
        writeln!(out, "  off:      {off}")?;
    }
    Ok(())
}
