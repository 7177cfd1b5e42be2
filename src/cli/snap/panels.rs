//! Profiles and images as what is drawn.

use super::print::Results;
use crate::cli::output::plain;
use crate::cli::plot::{Panel, PanelKind};
use chunkwise::snapshot::units::constants::PARSEC;
use chunkwise::snapshot::{Image, Profiled};

/// Every profile and every image, one panel each.
pub fn of(results: &Results) -> Vec<Panel> {
    let within =
        if results.object == "all" { String::new() } else { format!(" in {}", plain(&results.object)) };
    let mut panels = Vec::new();
    for (_, profile) in &results.profiles {
        panels.extend(profile_panels(profile, &within));
    }
    for image in &results.images {
        panels.push(image_panel(image, results, &within));
    }
    panels
}

fn named(name: &str, unit: &str) -> String {
    if unit.is_empty() { plain(name) } else { format!("{} [{}]", plain(name), plain(unit)) }
}

fn profile_panels(profile: &Profiled, within: &str) -> Vec<Panel> {
    let axes: Vec<String> = profile.axes.iter().map(|a| named(&a.name, &a.unit)).collect();
    let panel = |field: &chunkwise::snapshot::ProfiledField| {
        // Empty bins are blank.
        let blank = |(v, n): (&f64, &u64)| if *n == 0 { f64::NAN } else { *v };
        let values: Vec<f64> = field.values.iter().zip(&profile.counts).map(blank).collect();
        let kind = match &profile.axes[..] {
            [x] => PanelKind::Steps { edges: x.edges.clone(), values },
            [x, y] => PanelKind::Grid { x: x.edges.clone(), y: y.edges.clone(), values, aspect: None },
            _ => return None,
        };
        let title = format!("{}{within}", plain(&field.name));
        Some(Panel { title, axes: axes.clone(), values: named(&field.name, &field.unit), kind })
    };
    profile.fields.iter().filter_map(panel).collect()
}

/// The largest length of which an image is at least as wide: its name, in cm.
fn scale(cm: f64) -> (&'static str, f64) {
    let known =
        [("Mpc", 1e6 * PARSEC), ("kpc", 1e3 * PARSEC), ("pc", PARSEC), ("AU", 1.495978707e13), ("km", 1e5)];
    known.into_iter().find(|(_, size)| cm >= *size).unwrap_or(("cm", 1.0))
}

fn image_panel(image: &Image, results: &Results, within: &str) -> Panel {
    let cm = results.length.in_cgs(results.epoch);
    let wide = (image.x.high - image.x.low) * cm;
    let (name, size) = scale(wide);
    let edges = |s: &chunkwise::snapshot::Side| -> Vec<f64> {
        let (low, high) = (s.low * cm / size, s.high * cm / size);
        (0..=s.pixels).map(|i| low + (high - low) * i as f64 / s.pixels as f64).collect()
    };
    let (columns, rows) = (image.x.pixels as usize, image.y.pixels as usize);
    let across = (0..columns).flat_map(|i| (0..rows).map(move |j| image.values[j * columns + i])).collect();
    let aspect = wide / ((image.y.high - image.y.low) * cm);
    Panel {
        title: format!("{}, along {}{within}", plain(&image.name), image.along.name()),
        axes: vec![format!("{} [{name}]", image.x.axis.name()), format!("{} [{name}]", image.y.axis.name())],
        values: named(&image.name, &image.unit),
        kind: PanelKind::Grid {
            x: edges(&image.x),
            y: edges(&image.y),
            values: across,
            aspect: Some(aspect),
        },
    }
}
