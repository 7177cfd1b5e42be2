//! Profiles, images and grids of a snapshot against yt's, and against plain loops where yt's are not right.

mod common;
#[path = "common/shared.rs"]
mod shared;

use chunkwise::snapshot::{
    Accumulate, Data, DataObject, Deposit, Opening, Picture, Profile, ProfileBins, Profiled, Snapshot, Window,
};
use chunkwise::{Device, ErrorKind, Session};
use common::session;
use serde_json::Value;
use shared::{shared, yt};
use std::path::Path;

const FILE: &str = "data/astro/gadget2_lcdm_gas_snapshot_003.hdf5";
const BOX: f64 = 50000.0;

fn in_yts_units(folder: &Path) -> Snapshot {
    let opening =
        Opening::new().unit_length(3.085677580962325e21).unit_mass(1.98841586e43).unit_velocity(1e5);
    Snapshot::open_with([folder.join(FILE)], &opening).unwrap()
}

/// Ours over yt's temperature: its constants are older.
fn kelvin(golden: &Value) -> f64 {
    let (boltzmann, proton) = (1.3806488e-16 / 1.380649e-16, golden["physics"]["mp"].as_f64().unwrap());
    boltzmann * 1.67262192369e-24 / proton
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array()
        .unwrap()
        .iter()
        .flat_map(|v| if v.is_array() { numbers(v) } else { vec![v.as_f64().unwrap()] })
        .collect()
}

fn even(bins: u64, low: f64, high: f64, log: bool) -> ProfileBins {
    ProfileBins::Even { bins, low: Some(low), high: Some(high), log }
}

/// Holds values against yt's; its empty bins are 0.
fn compare(name: &str, found: &[f64], wanted: &[f64], ratio: f64, tolerance: f64) {
    assert_eq!(found.len(), wanted.len(), "{name}");
    let scale = wanted.iter().fold(0.0f64, |m, w| m.max(w.abs()));
    for (i, (a, b)) in found.iter().zip(wanted).enumerate() {
        let a = if a.is_nan() { 0.0 } else { *a / ratio };
        assert!(close(a, *b, tolerance) || (a - b).abs() < 1e-14 * scale, "{name} {i}: {a} {b}");
    }
}

fn values<'a>(golden: &'a Value, profile: &str, field: &str) -> &'a Value {
    &golden["profiles"][profile]["fields"][field]
}

#[test]
fn profiles_are_yts() {
    let Some(folder) = shared("profiles_are_yts") else { return };
    let golden = yt(&folder);
    let snapshot = in_yts_units(&folder);
    let session = session(2, "256MiB");
    let all = snapshot.all();
    let run = |data: &Data, profile: Profile| -> Profiled { data.profile(&profile, &session).unwrap() };
    let density = || Profile::over("gas.density", even(32, 1e-30, 1e-27, true));
    let mass = || density().of("mass");
    let sums = "gas/mass";
    for (name, profile) in [
        ("1d_mass_sum", mass()),
        ("1d_mass_fraction", mass().fractional()),
        ("1d_mass_accumulated", mass().accumulated(0, Accumulate::Up)),
        ("1d_mass_accumulated_reverse", mass().accumulated(0, Accumulate::Down)),
        (
            "1d_override_bins",
            Profile::over("density", ProfileBins::Edges(vec![1e-31, 1e-30, 3e-30, 1e-29, 1e-28])).of("mass"),
        ),
    ] {
        let found = run(&all, profile);
        compare(name, &found.fields[0].values, &numbers(&values(&golden, name, sums)["values"]), 1.0, 1e-12);
        compare(name, &found.axes[0].edges, &numbers(&golden["profiles"][name]["bins"][0]), 1.0, 1e-14);
        let used = found.counts.iter().filter(|n| **n > 0).count();
        assert_eq!(used as u64, golden["profiles"][name]["used"].as_u64().unwrap(), "{name}");
    }
    let kelvin = kelvin(&golden);
    let name = "1d_T_by_mass";
    let found = run(&all, density().of("temperature").of("velocity_x").weighted_by("mass").with_std());
    for (field, key, ratio) in [(0, "gas/temperature", kelvin), (1, "gas/velocity_x", 1.0)] {
        let wanted = values(&golden, name, key);
        compare(name, &found.fields[field].values, &numbers(&wanted["values"]), ratio, 1e-11);
        compare(name, found.fields[field].std.as_ref().unwrap(), &numbers(&wanted["std"]), ratio, 1e-10);
    }
    let weights: Vec<f64> = found.weights.iter().map(|w| w * 2.8405940857142857e43).collect();
    compare(name, &weights, &numbers(&golden["profiles"][name]["weight_values"]), 1.0, 1e-12);
    let auto = ProfileBins::Even { bins: 16, low: None, high: None, log: true };
    let name = "1d_T_by_mass_auto_extrema";
    let found = run(&all, Profile::over("gas.density", auto).of("temperature").weighted_by("gas.mass"));
    compare(
        name,
        &found.fields[0].values,
        &numbers(&values(&golden, name, "gas/temperature")["values"]),
        kelvin,
        1e-11,
    );
    let name = "1d_T_by_mass_accumulated";
    let found = run(&all, density().of("temperature").weighted_by("mass").accumulated(0, Accumulate::Up));
    compare(
        name,
        &found.fields[0].values,
        &numbers(&values(&golden, name, "gas/temperature")["values"]),
        kelvin,
        1e-11,
    );
    let name = "1d_dm_radius_in_sphere";
    let ball = snapshot.select(DataObject::sphere([25000.0; 3], 5000.0));
    let found = run(
        &ball,
        Profile::over("PartType1.particle_radius", even(10, 0.0, 1.2e25, false)).of("mass [code]"),
    );
    let key = "PartType1/particle_mass";
    compare(name, &found.fields[0].values, &numbers(&values(&golden, name, key)["values"]), 1.0, 1e-12);
    // Two and three axes: temperatures in our kelvins.
    let phase = |n| {
        let temperature = even(n, 1e2 * kelvin, 1e8 * kelvin, true);
        Profile::over("gas.density", even(n, 1e-30, 1e-27, true)).and("temperature", temperature)
    };
    let found = run(&all, phase(64).of("mass"));
    let images = hdf5::File::open(folder.join("yt/golden_images.h5")).unwrap();
    let wanted: Vec<f64> = images.dataset("profiles/2d_mass/mass").unwrap().read_raw().unwrap();
    compare("2d_mass", &found.fields[0].values, &wanted, 1.0, 1e-12);
    assert_eq!(found.shape(), [64, 64]);
    let name = "2d_vx_by_mass";
    let found = run(&all, phase(16).of("velocity_x").weighted_by("mass"));
    compare(
        name,
        &found.fields[0].values,
        &numbers(&values(&golden, name, "gas/velocity_x")["values"]),
        1.0,
        1e-10,
    );
    let name = "3d_mass";
    let found = run(&all, phase(8).and("velocity_x", even(8, -1e8, 1e8, false)).of("mass"));
    compare(name, &found.fields[0].values, &numbers(&values(&golden, name, sums)["values"]), 1.0, 1e-12);
    // Rows are counted where no field is asked for, and what cannot be is an error.
    let found = run(&all, Profile::over("gas.density", even(1, 1e-40, 1e-20, true)));
    assert_eq!(found.counts, [32768]);
    for (profile, kind) in [
        (Profile::over("gas.density", even(4, -1.0, 1.0, true)), ErrorKind::Value),
        (Profile::over("gas.density", even(0, 1.0, 2.0, true)), ErrorKind::Value),
        (Profile::over("gas.density", even(4, 1e-30, 1e-27, true)).of("dm.mass"), ErrorKind::Value),
        (mass().with_std(), ErrorKind::Value),
        (mass().accumulated(1, Accumulate::Up), ErrorKind::Value),
        (Profile::over("gas.nothing", even(4, 1.0, 2.0, true)), ErrorKind::NotFound),
    ] {
        assert_eq!(all.profile(&profile, &session).unwrap_err().kind(), kind);
    }
}

fn golden_image(folder: &Path, name: &str) -> Vec<f64> {
    let images = hdf5::File::open(folder.join("yt/golden_images.h5")).unwrap();
    images.dataset(&format!("images/{name}")).unwrap().read_raw().unwrap()
}

fn projection(field: &str, weight: Option<&str>) -> Picture {
    Picture::Projection { field: field.into(), weight: weight.map(Into::into) }
}

fn slice(field: &str, normalised: bool) -> Picture {
    Picture::Slice { field: field.into(), normalised }
}

#[test]
fn images_of_smoothed_particles_are_yts() {
    let Some(folder) = shared("images_of_smoothed_particles_are_yts") else { return };
    let golden = yt(&folder);
    let data = in_yts_units(&folder).all();
    let session = session(2, "256MiB");
    let kelvin = kelvin(&golden);
    let of = |axis: usize| Window::along(axis).pixels([64, 64]);
    let at = |axis: usize, place: f64| {
        let mut center = [BOX / 2.0; 3];
        center[axis] = place;
        of(axis).center(center)
    };
    for (name, picture, window, unit, ratio) in [
        ("sph_proj_density_x", projection("gas.density", None), of(0), "g/cm**2", 1.0),
        ("sph_proj_density_y", projection("gas.density", None), of(1), "g/cm**2", 1.0),
        ("sph_proj_density_z", projection("density", None), of(2), "g/cm**2", 1.0),
        ("sph_proj_T_by_density_z", projection("gas.temperature", Some("density")), of(2), "K", kelvin),
        (
            "sph_proj_density_z_window_over_edge",
            projection("gas.density", None),
            of(2).center([1000.0, 49000.0, 25000.0]).width([20000.0; 2]),
            "g/cm**2",
            1.0,
        ),
        ("sph_slice_density_z25000", slice("gas.density", true), at(2, 25000.0), "g/cm**3", 1.0),
        ("sph_slice_T_z25000", slice("gas.temperature", true), at(2, 25000.0), "K", kelvin),
        ("sph_slice_density_x100", slice("gas.density", true), at(0, 100.0), "g/cm**3", 1.0),
        (
            "sph_slice_density_z25000_unnormalised",
            slice("gas.density", false),
            at(2, 25000.0),
            "g/cm**3",
            1.0,
        ),
        ("sph_slice_T_z25000_unnormalised", slice("gas.temperature", false), at(2, 25000.0), "K", kelvin),
        ("sph_slice_density_x100_unnormalised", slice("gas.density", false), at(0, 100.0), "g/cm**3", 1.0),
    ] {
        let image = data.image(&picture, &window, &session).unwrap();
        assert_eq!(image.unit, unit, "{name}");
        compare(name, &image.values, &golden_image(&folder, name), ratio, 1e-12);
    }
}

/// Images that face a vector against NumPy's of turned places, and yt's plane.
#[test]
fn images_face_any_vector() {
    let Some(folder) = shared("images_face_any_vector") else { return };
    let golden: Value = serde_json::from_str(include_str!("goldens/turned.json")).unwrap();
    let data = in_yts_units(&folder).all();
    let session = session(2, "256MiB");
    let three = |v: &Value| -> [f64; 3] { numbers(v).try_into().unwrap() };
    for case in golden["cases"].as_array().unwrap() {
        let width: [f64; 2] = numbers(&case["width"]).try_into().unwrap();
        let mut window = Window::facing(three(&case["normal"])).center(three(&case["center"])).width(width);
        window = window.pixels([24, 16]);
        if !case["north"].is_null() {
            window = window.north(three(&case["north"]));
        }
        let image = data.image(&projection("gas.density", None), &window, &session).unwrap();
        compare("projection", &image.values, &numbers(&case["projection"]), 1.0, 1e-11);
        compare("vectors", &image.turned.unwrap().concat(), &numbers(&case["vectors"]), 1.0, 1e-14);
        assert_eq!(
            (image.x.axis.name(), image.x.low, image.x.high),
            ("right", -width[0] / 2.0, width[0] / 2.0)
        );
        let image = data.image(&slice("gas.density", true), &window, &session).unwrap();
        compare("slice", &image.values, &numbers(&case["slice"]), 1.0, 1e-11);
        if !case["yt_slice"].is_null() {
            compare("yt's slice", &image.values, &numbers(&case["yt_slice"]), 1.0, 1e-11);
            compare("yt's", &numbers(&case["projection"]), &numbers(&case["yt_projection"]), 1.0, 1e-13);
        }
    }
    // Along an axis it is the image along it, and points are where they are.
    let count = Picture::Deposit { field: "dm".into(), how: Deposit::Count, density: false };
    for (axis, normal) in [(0, [3.0, 0.0, 0.0]), (1, [0.0, 0.5, 0.0]), (2, [0.0, 0.0, 2.0])] {
        let part =
            |window: Window| window.center([20000.0; 3]).width([9000.0; 2]).depth(7000.0).pixels([32, 32]);
        let counts = |window: Window| data.image(&count, &part(window), &session).unwrap().values;
        let along = counts(Window::along(axis));
        assert_eq!(along, counts(Window::facing(normal)));
        assert!(along.iter().sum::<f64>() > 50.0);
    }
    for window in [Window::facing([0.0; 3]), Window::facing([1.0, 0.0, 0.0]).north([2.0, 0.0, 0.0])] {
        let e = data.image(&count, &window.pixels([8, 8]), &session).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Value);
    }
}

/// The same bits for any threads, blocks and budgets; what is not finite is an error.
#[test]
fn images_do_not_depend_on_any_order() {
    let Some(folder) = shared("images_do_not_depend_on_any_order") else { return };
    let data = Snapshot::open(folder.join(FILE)).unwrap().all();
    let window = Window::along(2).pixels([48, 32]).center([100.0, 49000.0, 3000.0]).width([30000.0, 20000.0]);
    let mut seen: Option<Vec<u64>> = None;
    for (threads, memory) in [(1, "64MiB"), (2, "3MiB"), (3, "8MiB")] {
        let session = Session::builder().device(Device::Cpu).threads(threads).memory(memory).build().unwrap();
        let image = data.image(&projection("gas.temperature", Some("density")), &window, &session).unwrap();
        let bits: Vec<u64> = image.values.iter().map(|v| v.to_bits()).collect();
        assert!(bits.iter().all(|b| f64::from_bits(*b) > 0.0));
        match &seen {
            Some(seen) => assert!(*seen == bits, "{threads} threads, {memory}"),
            None => seen = Some(bits),
        }
    }
    let snapshot = data.snapshot().with_field("worse", "1 / (temperature - temperature)", "1/K").unwrap();
    let e = snapshot.all().image(&projection("gas.worse", None), &window, &session(1, "64MiB")).unwrap_err();
    assert!(e.to_string().contains("not finite"), "{e}");
    let e = data.image(&projection("dm.velocity_x", None), &window, &session(1, "64MiB")).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
    // Strip by strip where the budget has no room for all of it.
    let few = data.snapshot().select(DataObject::sphere([27358.0, 18778.0, 11289.0], 1000.0));
    let window =
        Window::along(2).pixels([300, 401]).center([27358.0, 18778.0, 11289.0]).width([15000.0, 21000.0]);
    let picture = projection("gas.temperature", Some("density"));
    let make = |memory: &str| {
        let session =
            Session::builder().device(Device::Cpu).threads(1).memory(memory).no_spill().build().unwrap();
        few.image(&picture, &window, &session).unwrap().values
    };
    let (whole, strips) = (make("256MiB"), make("4MiB"));
    assert!(whole.iter().filter(|v| **v > 0.0).count() > 1000);
    assert!(whole.iter().zip(&strips).all(|(a, b)| a.to_bits() == b.to_bits()));
    let tiny = Session::builder().device(Device::Cpu).threads(1).memory("1MiB").no_spill().build().unwrap();
    let e = data.image(&projection("density", None), &window.pixels([4096, 4096]), &tiny).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Budget);
    // That of the narrowest strips: all of it takes 384 MiB.
    assert!(e.needed().is_some_and(|n| n > 1 << 20 && n < 32 << 20), "{e}");
}

#[test]
fn particles_on_grids_are_yts() {
    let Some(folder) = shared("particles_on_grids_are_yts") else { return };
    let data = in_yts_units(&folder).all();
    let session = session(2, "256MiB");
    let grid = |how, text: &str, n| data.grid(text, how, [n; 3], None, &session).unwrap().values;
    compare("count", &grid(Deposit::Count, "dm", 16), &golden_image(&folder, "dm_grid16_count"), 1.0, 0.0);
    let sum = grid(Deposit::Sum, "dm.mass [code]", 16);
    compare("sum", &sum, &golden_image(&folder, "dm_grid16_sum"), 1.0, 1e-12);
    // In a unit per volume, of cells that are 3125 code lengths wide.
    let text = "dm.mass [code_mass/code_length**3]";
    let per_volume = data.grid(text, Deposit::Sum, [16; 3], None, &session).unwrap();
    assert_eq!(
        (per_volume.name.as_str(), &per_volume.unit[..]),
        ("dm mass per volume", &text[9..text.len() - 1])
    );
    compare("per volume", &per_volume.values, &sum, 3125f64.powi(-3), 1e-14);
    let e = data.grid("dm.mass [g/cm**2]", Deposit::Sum, [16; 3], None, &session).unwrap_err();
    assert!(e.hint_text().is_some_and(|h| h.contains("per volume")), "{e}");
    let image = |how, density, text: &str| {
        let picture = Picture::Deposit { field: text.into(), how, density };
        data.image(&picture, &Window::along(2).pixels([64, 64]), &session).unwrap()
    };
    // Its empty pixels are NaN, which its file has as it is.
    let golden = |name: &str| -> Vec<f64> {
        golden_image(&folder, name).into_iter().map(|v| if v.is_nan() { 0.0 } else { v }).collect()
    };
    let ngp = image(Deposit::Sum, false, "dm.mass [code]").values;
    compare("ngp", &ngp, &golden("dm_particle_projection_z_ngp"), 1.0, 1e-12);
    let density = image(Deposit::Sum, true, "dm.mass [code]");
    compare("ngp density", &density.values, &golden("dm_particle_projection_z_ngp_density"), 1.0, 1e-12);
    assert!(density.unit.ends_with("/cm**2"));

    // Clouds through the boundary, by a plain loop: all mass stays.
    let file = hdf5::File::open(folder.join(FILE)).unwrap();
    let places: Vec<f32> = file.dataset("PartType1/Coordinates").unwrap().read_raw().unwrap();
    let n = 16usize;
    let mut wanted = vec![0.0; n * n * n];
    for place in places.chunks_exact(3) {
        let each = place.iter().map(|x| {
            let at = f64::from(*x) / (BOX / n as f64) - 0.5;
            let (first, over) = (at.floor(), at - at.floor());
            let cell = (first as i64).rem_euclid(n as i64) as usize;
            [(cell, 1.0 - over), ((cell + 1) % n, over)]
        });
        let each: Vec<[(usize, f64); 2]> = each.collect();
        for (i, a) in each[0] {
            for (j, b) in each[1] {
                for (k, c) in each[2] {
                    wanted[(i * n + j) * n + k] += a * b * c;
                }
            }
        }
    }
    let mass = 27.52799650181371;
    let cic = grid(Deposit::Cic, "dm.mass [code]", 16);
    let wanted: Vec<f64> = wanted.iter().map(|w| w * mass).collect();
    compare("cic", &cic, &wanted, 1.0, 1e-10);
    let total: f64 = cic.iter().sum();
    assert!(close(total, 32768.0 * mass, 1e-13), "{total}");
    let image = image(Deposit::Cic, false, "dm.mass [code]").values;
    assert!(close(image.iter().sum(), 32768.0 * mass, 1e-13));
}

/// Enzo's cells by the area of the pixels that they cover, as yt draws its finest cells.
#[test]
fn images_of_cells_are_yts() {
    let Some(folder) = shared("images_of_cells_are_yts") else { return };
    let text = std::fs::read_to_string(folder.join("yt/golden_enzo_moving7.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let snapshot = Snapshot::open(folder.join("yt/data/enzo_moving7_DD0010/moving7_0010")).unwrap();
    let session = session(2, "256MiB");
    let data = snapshot.all();
    // Units of Enzo's constants, and of yt's.
    let units = snapshot.contents().units;
    let ratio = |unit: chunkwise::snapshot::units::Unit, key: &str| {
        unit.in_cgs(snapshot.epoch()) / golden["code_units"][key].as_f64().unwrap()
    };
    let (length, mass) = (ratio(units.length, "code_length"), ratio(units.mass, "code_mass"));
    let window = Window::along(2).pixels([64, 64]);
    for (key, picture, ratio, tolerance) in [
        ("proj_integrate", projection("cells.density", None), mass / length.powi(2), 1e-6),
        // yt takes means of means within a pixel; these are of all that is in it.
        ("proj_T_by_density", projection("cells.temperature", Some("density")), 1.0, 2e-2),
        ("slice", slice("cells.density", true), mass / length.powi(3), 1e-6),
    ] {
        let image = data.image(&picture, &window, &session).unwrap();
        let sum: f64 = image.values.iter().sum();
        let most = image.values.iter().copied().fold(0.0, f64::max);
        for (found, what) in [(sum, "sum"), (most, "max")] {
            let wanted = golden[key][what].as_f64().unwrap();
            assert!(close(found / ratio, wanted, tolerance), "{key} {what}: {} {wanted}", found / ratio);
        }
    }
    // All of the mass is in a column density over the box.
    let image = data.image(&projection("cells.density", None), &window, &session).unwrap();
    let area = (units.length.in_cgs(snapshot.epoch()) / 64.0).powi(2);
    let asked = [chunkwise::snapshot::Quantity::Total("cells.mass".into())];
    let total = data.quantities(&asked, &session).unwrap()[0].values()[0];
    assert!(close(image.values.iter().sum::<f64>() * area, total, 1e-12));
}

/// Kernels of SWIFT reach γ times as far as the smoothing lengths that it stores: their volumes fit their masses.
#[test]
fn kernels_hold_the_mass_of_their_particles() {
    let Some(folder) = shared("kernels_hold_the_mass_of_their_particles") else { return };
    let snapshot = Snapshot::open(folder.join("yt/data/synthetic_swift_a0.5.hdf5")).unwrap();
    let session = session(2, "64MiB");
    let data = snapshot.all();
    let window = Window::along(0).pixels([128, 96]);
    let image = data.image(&projection("gas.density", None), &window, &session).unwrap();
    let length = snapshot.contents().units.length.in_cgs(snapshot.epoch());
    let area = (10.0 * length / 128.0) * (10.0 * length / 96.0);
    let asked = [chunkwise::snapshot::Quantity::Total("gas.mass".into())];
    let total = data.quantities(&asked, &session).unwrap()[0].values()[0];
    let found = image.values.iter().sum::<f64>() * area;
    assert!(close(found, total, 1e-3), "{found} {total}");
    // The kernel of one particle alone ends where it should: at 2.018932 of the stored 0.5.
    let one = snapshot.select(DataObject::cut("id == 1"));
    let image = one.image(&projection("gas.density", None), &window, &session).unwrap();
    let pixels = image.values.iter().filter(|v| **v > 0.0).count() as f64;
    let covered = pixels * (10.0 / 128.0) * (10.0 / 96.0);
    let wanted = std::f64::consts::PI * (0.5f64 * 2.018932).powi(2);
    assert!(close(covered, wanted, 0.03), "{covered} {wanted}");
}
