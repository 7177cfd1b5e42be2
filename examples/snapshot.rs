//! Questions about a snapshot that is read chunk by chunk: `cargo run --release --example snapshot --
//! snapshot.h5` (`chunkwise demo --keep snapshot.h5` makes one).

use chunkwise::{Array, BinAxis, Device, Over, Session};

fn main() -> chunkwise::Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "snapshot.h5".into());
    let density = Array::open(&file, "/PartType0/Density")?; // metadata only
    let temperature = Array::open(&file, "/PartType0/Temperature")?;
    let mass = Array::open(&file, "/PartType0/Masses")?;

    let hot = temperature.greater(1e5);
    let mean = density.average_with(Over::all().weights(&mass)); // nothing is read yet
    let hot_mass = mass.sum_with(Over::all().mask(&hot));
    let bins =
        temperature.log10().histogram(BinAxis::Uniform { bins: 5, low: 2.0, high: 7.0 }).weights(&mass);

    let session = Session::builder().device(Device::Auto).memory("64MiB").build()?;
    let outcome = session.run(&[&mean, &hot_mass, &bins])?; // one run; every chunk is read once
    println!("mass-weighted mean density: {:e}", outcome.values[0].as_array()?.item::<f32>()?);
    println!("mass of the hot gas:        {:e}", outcome.values[1].as_array()?.item::<f32>()?);
    println!("particles per decade of T:  {:?}", outcome.values[2].as_histogram()?.counts());
    let report = &outcome.report;
    println!(
        "{} chunks in {:.0} ms, at most {} KiB held",
        report.chunks_decoded,
        report.elapsed_s * 1e3,
        report.peak_host_bytes / 1024
    );
    Ok(())
}
