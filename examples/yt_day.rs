//! What one does with a snapshot in yt: a sphere about the densest gas, what is in it, a radial profile, a phase plot and an
//! image. `cargo run --release --example yt_day -- snap_003.hdf5`

use chunkwise::Session;
use chunkwise::snapshot::{DataObject, Picture, Profile, ProfileBins, Quantity, Snapshot, Window};

fn main() -> chunkwise::Result<()> {
    let file = std::env::args().nth(1).unwrap_or_else(|| "snap_003.hdf5".into());
    let snapshot = Snapshot::open(&file)?; // metadata only
    let session = Session::builder().memory("256MiB").build()?;

    // Where gas is densest, and a ball of 5 Mpc about it, as it is written and as it is built.
    let ball = snapshot.object("sphere(max(\"gas.density\"), 5 Mpc)", &session)?;
    let hot = ball.clone() & DataObject::cut("temperature > 1e6");
    let asked = [
        Quantity::Total("gas.mass [Msun]".into()),
        Quantity::Total("dm.mass [Msun]".into()),
        Quantity::CenterOfMass("dm [Mpc]".into()),
        Quantity::Mean("gas.temperature".into(), Some("mass".into())),
    ];
    for answer in snapshot.select(ball.clone()).quantities(&asked, &session)? {
        println!("{answer}"); // one run for all of them
    }
    let count = snapshot.select(hot).quantities(&[Quantity::Count("gas".into())], &session)?;
    println!("{}", count[0]);

    let even = |bins, log| ProfileBins::Even { bins, low: None, high: None, log };
    let radial = Profile::over("gas.radius [Mpc]", even(8, false)).of("density").weighted_by("mass");
    let profile = snapshot.select(ball.clone()).profile(&radial, &session)?;
    for (edges, density) in profile.axes[0].edges.windows(2).zip(&profile.fields[0].values) {
        println!("{:.2} to {:.2} Mpc: {density:.3e} {}", edges[0], edges[1], profile.fields[0].unit);
    }
    let phase = Profile::over("gas.density", even(64, true)).and("temperature", even(64, true)).of("mass");
    let phase = snapshot.all().profile(&phase, &session)?;
    println!("{} bins of the phase plot are used", phase.counts.iter().filter(|n| **n > 0).count());

    let column = Picture::Projection { field: "gas.density".into(), weight: None };
    let image = snapshot.select(ball).image(&column, &Window::along(2).pixels([128, 128]), &session)?;
    let most = image.values.iter().copied().fold(0.0, f64::max);
    println!("at most {most:.3e} {} along {}", image.unit, image.along.name());
    Ok(())
}
