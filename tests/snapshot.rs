//! Snapshots against h5py's numbers of every file of the data folders, and yt's of one of them.
//! `tests/goldens/make_snapshot.py` makes the former.

mod common;
#[path = "common/shared.rs"]
mod shared;

use chunkwise::snapshot::{Answer, DataObject, Opening, Quantity, Snapshot};
use chunkwise::{DType, ErrorKind, Session};
use common::{golden, session};
use serde_json::Value;
use shared::{shared, yt};
use std::collections::BTreeMap;
use std::path::Path;

const FILE: &str = "data/astro/gadget2_lcdm_gas_snapshot_003.hdf5";

/// In yt's units of the file: its kpc and its sun.
fn in_yts_units(folder: &Path) -> Snapshot {
    let opening =
        Opening::new().unit_length(3.085677580962325e21).unit_mass(1.98841586e43).unit_velocity(1e5);
    Snapshot::open_with([folder.join(FILE)], &opening).unwrap()
}

fn close(a: f64, b: f64, tolerance: f64) -> bool {
    a == b || (a - b).abs() <= tolerance * a.abs().max(b.abs())
}

fn numbers(v: &Value) -> Vec<f64> {
    match v {
        Value::Array(v) => v.iter().map(|v| v.as_f64().unwrap()).collect(),
        v => vec![v.as_f64().unwrap()],
    }
}

/// Rows, extrema and sums of all stored fields of all files.
#[test]
fn every_file_has_the_numbers_that_h5py_reads() {
    let Some(folder) = shared("every_file_has_the_numbers_that_h5py_reads") else { return };
    let session = session(2, "256MiB");
    let mut files: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for row in golden("snapshot.json").as_array().unwrap() {
        files.entry(row[0].as_str().unwrap().to_string()).or_default().push(row.clone());
    }
    assert_eq!(files.len(), 13);
    let mut wrong = Vec::new();
    for (file, rows) in &files {
        let snapshot = Snapshot::open(folder.join(file)).unwrap();
        let all = snapshot.all();
        let mut arrays = Vec::new();
        for row in rows {
            let (kind, field) = (row[1].as_str().unwrap(), row[2].as_str().unwrap());
            // Of Enzo's cells all are compared, those that finer ones cover too.
            let covered = kind == "all cells";
            let kind = if covered { "cells" } else { kind };
            let field = all.field(kind, field).unwrap_or_else(|e| panic!("{file} {kind} {field}: {e}"));
            let values = field.array.cast(DType::F64);
            let mask = if covered { None } else { all.mask(kind).unwrap() };
            let over = || mask.as_ref().map_or(chunkwise::Over::all(), |m| chunkwise::Over::all().mask(m));
            let count = mask.as_ref().map(|m| m.count_nonzero());
            arrays.push((
                values.size().unwrap(),
                count,
                values.min_with(over()),
                values.max_with(over()),
                values.sum_with(over()),
            ));
        }
        let targets: Vec<&dyn chunkwise::Target> = arrays
            .iter()
            .flat_map(|(_, n, a, b, c)| n.iter().map(|n| n as _).chain([a as &dyn chunkwise::Target, b, c]))
            .collect();
        let outcome = session.run(&targets).unwrap_or_else(|e| panic!("{file}: {e}"));
        let mut values = outcome.values.iter().map(|v| v.as_array().unwrap());
        for (row, (rows, count, ..)) in rows.iter().zip(&arrays) {
            let n = match count {
                Some(_) => values.next().unwrap().item::<i64>().unwrap() as u64,
                None => *rows,
            };
            let mut next = || values.next().unwrap().item::<f64>().unwrap();
            let found = [n as f64, next(), next(), next()];
            let wanted: Vec<f64> = (3..7).map(|i| row[i].as_f64().unwrap()).collect();
            // Exact sums are the same bits.
            if found.as_slice() != wanted {
                wrong.push(format!("{row}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_that_are_no_snapshots_say_what_was_looked_for() {
    let Some(folder) = shared("files_that_are_no_snapshots_say_what_was_looked_for") else { return };
    for file in ["data/astro/grackle_cloudy_metals_2008_3D.h5", "yt/FACTS.md"] {
        let e = Snapshot::open(folder.join(file)).unwrap_err();
        let text = e.to_string();
        if file.ends_with("h5") {
            assert_eq!(e.kind(), ErrorKind::Unsupported, "{text}");
            for name in ["gadget", "swift", "phantom", "openpmd", "enzo", "NumPart_ThisFile"] {
                assert!(text.contains(name), "{name}: {text}");
            }
        }
        assert!(text.contains(file), "{text}");
    }
    let e = Snapshot::open(folder.join("yt/nothing.hdf5")).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
}

/// A selector of the golden file.
fn object(of: &Value) -> DataObject {
    let three = |key: &str| <[f64; 3]>::try_from(numbers(&of[key])).unwrap();
    let number = |key: &str| of[key].as_f64().unwrap();
    match of["kind"].as_str().unwrap() {
        "all" => DataObject::All,
        "sphere" => DataObject::sphere(three("center"), number("radius")),
        "region" => DataObject::region(three("left"), three("right")),
        "disk" => DataObject::disk(three("center"), three("normal"), number("radius"), number("height")),
        other => panic!("{other}"),
    }
}

fn ask(
    data: &chunkwise::snapshot::Data,
    asked: &[(&str, Quantity)],
    session: &Session,
) -> BTreeMap<String, Vec<f64>> {
    let quantities: Vec<Quantity> = asked.iter().map(|a| a.1.clone()).collect();
    let answers = data.quantities(&quantities, session).unwrap();
    asked.iter().zip(&answers).map(|(a, answer): (_, &Answer)| (a.0.to_string(), answer.values())).collect()
}

/// Everything that yt says of selectors, in code units: particles by their centres, and gas by its kernels where yt's own
/// selection is right (boxes miss what overlaps them through the boundary).
#[test]
fn quantities_of_objects_are_yts() {
    let Some(folder) = shared("quantities_of_objects_are_yts") else { return };
    let golden = yt(&folder);
    let snapshot = in_yts_units(&folder);
    let session = session(2, "256MiB");
    // yt's constant of gravitation.
    let gravitation = 6.67384e-08 / 6.6743e-8;
    let (mut compared, mut wrong) = (0, Vec::new());
    let mut compare = |place: String, found: &[f64], wanted: &Value, tolerance: f64| {
        let wanted = numbers(wanted);
        compared += 1;
        let alike =
            found.len() == wanted.len() && found.iter().zip(&wanted).all(|(a, b)| close(*a, *b, tolerance));
        if !alike {
            wrong.push(format!("{place}: {found:?}, yt says {wanted:?}"));
        }
    };
    for (name, selector) in golden["selectors"].as_object().unwrap() {
        let of = &golden["quantities"][name];
        let data = snapshot.select(object(selector));
        let weight = |w: &str| Some(w.to_string());
        let s = str::to_string;
        let asked = [
            ("gas_point_n", Quantity::Count(s("gas"))),
            ("gas_point_id_sum", Quantity::Total(s("gas.id"))),
            ("dm_n", Quantity::Count(s("dm"))),
            ("dm_id_sum", Quantity::Total(s("dm.id"))),
            ("dm_total_mass", Quantity::Total(s("dm.mass [code]"))),
            ("dm_[std,mean]_vx_by_mass_cm_s", Quantity::Std(s("dm.velocity_x"), weight("mass"))),
            ("dm_bulk_velocity_code", Quantity::BulkVelocity(s("dm [code]"))),
            ("dm_spin_parameter", Quantity::Spin(s("dm"))),
            ("dm_center_of_mass", Quantity::CenterOfMass(s("dm"))),
            ("dm_angular_momentum_vector_code", Quantity::AngularMomentum(s("dm [code]"))),
            ("total_mass", Quantity::Total(s("gas.mass [code]"))),
            ("total_density", Quantity::Total(s("gas.density [code]"))),
            ("total_u", Quantity::Total(s("gas.InternalEnergy [code]"))),
            ("extrema_density", Quantity::Extrema(s("gas.Density [code]"))),
            ("extrema_u", Quantity::Extrema(s("gas.InternalEnergy [code]"))),
            ("mean_u_by_mass", Quantity::Mean(s("gas.InternalEnergy [code]"), weight("mass"))),
            ("mean_u_by_density", Quantity::Mean(s("gas.InternalEnergy [code]"), weight("gas.density"))),
            ("std_u_by_density", Quantity::Std(s("gas.InternalEnergy [code]"), weight("density"))),
            ("center_of_mass", Quantity::CenterOfMass(s("gas"))),
            ("bulk_velocity", Quantity::BulkVelocity(s("gas [code]"))),
            ("max_density", Quantity::MaxAt(s("gas.density [code]"), vec![s("id")])),
        ];
        let edge = name.ends_with("_edge");
        for (key, mut found) in ask(&data, &asked, &session) {
            // Through the boundary yt's are not those of the nearest images.
            let periodic = ["spin", "center_of_mass", "angular"].iter().any(|w| key.contains(w));
            if edge && periodic {
                continue;
            }
            let wanted = if of[&key].is_null() { &of["gas_point"][&key] } else { &of[&key] };
            match key.as_str() {
                "dm_spin_parameter" => found[0] /= gravitation,
                "std_u_by_density" => found.truncate(1),
                "max_density" => {
                    compare(format!("{name} {key}"), &found[4..], &of["gas_point"]["max_density_id"], 0.0);
                    continue;
                }
                _ => {}
            }
            let exact = key.ends_with("_n") || key.ends_with("_id_sum") || key.starts_with("extrema");
            // The mean velocity of everything is a small difference of large numbers, which yt does not sum exactly.
            let loose = key.contains("bulk") || key.contains("angular") || key.contains("_vx_");
            let tolerance = if exact {
                0.0
            } else if loose {
                1e-8
            } else {
                2e-12
            };
            compare(format!("{name} {key}"), &found, wanted, tolerance);
        }
        if name.starts_with("region") {
            continue;
        }
        let overlapping = data.overlapping();
        let asked = [
            ("gas_overlap_n", Quantity::Count(s("gas"))),
            ("gas_overlap_id_sum", Quantity::Total(s("gas.id"))),
            ("gas_overlap_total_mass", Quantity::Total(s("gas.mass [code]"))),
            ("gas_overlap_total_density", Quantity::Total(s("gas.density [code]"))),
            ("gas_overlap_extrema_u", Quantity::Extrema(s("gas.InternalEnergy [code]"))),
            (
                "gas_overlap_mean_u_by_density",
                Quantity::Mean(s("gas.InternalEnergy [code]"), weight("density")),
            ),
            (
                "gas_overlap_[std,mean]_u_by_density",
                Quantity::Std(s("gas.InternalEnergy [code]"), weight("density")),
            ),
            ("gas_overlap_max_density_location", Quantity::MaxAt(s("gas.density [code]"), vec![])),
            ("gas_overlap_min_density_location", Quantity::MinAt(s("gas.density [code]"), vec![])),
            (
                "gas_overlap_sample_at_max_density_[rho,u,id]",
                Quantity::MaxAt(s("gas.density [code]"), vec![s("InternalEnergy [code]"), s("id")]),
            ),
        ];
        for (key, mut found) in ask(&overlapping, &asked, &session) {
            if key.contains("sample") {
                found.drain(1..4);
            }
            compare(format!("{name} {key}"), &found, &of[&key], 2e-12);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 150, "{compared}");
}

#[test]
fn objects_are_combined_as_yts() {
    let Some(folder) = shared("objects_are_combined_as_yts") else { return };
    let golden = yt(&folder);
    let snapshot = in_yts_units(&folder);
    let session = session(2, "256MiB");
    let of = |name: &str| object(&golden["selectors"][name]);
    let (s, r) = (of("sphere"), of("region"));
    let combined = [
        ("sphere & region", s.clone() & r.clone()),
        ("sphere | region", s.clone() | r.clone()),
        ("sphere ^ region", s.clone() ^ r.clone()),
        ("sphere - region", s.clone() - r),
        ("~sphere", !s),
    ];
    for (name, object) in combined {
        let text = serde_json::to_string(&object).unwrap();
        assert_eq!(serde_json::from_str::<DataObject>(&text).unwrap(), object);
        let found = snapshot.select(object).quantities(&[Quantity::Count("dm".into())], &session).unwrap();
        assert_eq!(found[0].values(), [golden["booleans_dm_n"][name][0].as_f64().unwrap()], "{name}");
    }
    let overlapping = snapshot.select(!of("sphere")).overlapping();
    let found = overlapping.quantities(&[Quantity::Count("gas".into())], &session).unwrap();
    assert_eq!(found[0].values(), [32118.0]);
    // yt's own filter, with its constants in the temperature.
    let boltzmann = 1.3806488e-16 / 1.380649e-16;
    let proton = 1.67262192369e-24 / golden["physics"]["mp"].as_f64().unwrap();
    let cut = DataObject::cut(&format!("temperature > {}", 1e6 * boltzmann * proton));
    let asked = [Quantity::Count("gas".into()), Quantity::Total("gas.mass [code]".into())];
    let found = snapshot.select(cut).quantities(&asked, &session).unwrap();
    let hot = &golden["filters"]["hot T>1e6 K: n in all, mass in all [code], n in sphere (overlap)"];
    assert_eq!(found[0].values()[0], hot[0].as_f64().unwrap());
    assert!(close(found[1].values()[0], hot[1].as_f64().unwrap(), 2e-12));
}

/// Derived fields in cgs: the first three, sums and extrema.
#[test]
fn derived_fields_are_yts() {
    let Some(folder) = shared("derived_fields_are_yts") else { return };
    let golden = yt(&folder);
    let data = in_yts_units(&folder).all();
    let session = session(2, "256MiB");
    // Its constants are older than ours.
    let (k, m) =
        (1.3806488e-16 / 1.380649e-16, golden["physics"]["mp"].as_f64().unwrap() / 1.67262192369e-24);
    let g: f64 = 6.67408e-08 / 6.6743e-8;
    let fields = [
        ("gas/density", "gas.density", 1.0),
        ("gas/temperature", "gas.temperature", k / m),
        ("gas/mass", "gas.mass", 1.0),
        ("gas/velocity_x", "gas.velocity_x", 1.0),
        ("gas/velocity_magnitude", "gas.velocity_magnitude", 1.0),
        ("gas/x", "gas.x", 1.0),
        ("gas/smoothing_length", "gas.smoothing_length", 1.0),
        ("gas/kinetic_energy_density", "gas.kinetic_energy_density", 1.0),
        ("gas/number_density", "gas.number_density", m),
        ("gas/radius", "gas.radius", 1.0),
        ("gas/radial_velocity", "gas.radial_velocity", 1.0),
        ("gas/jeans_mass", "gas.jeans_mass", g.powf(1.5)),
        ("gas/dynamical_time", "gas.dynamical_time", g.sqrt()),
        ("PartType1/particle_mass", "PartType1.particle_mass", 1.0),
        ("PartType1/particle_velocity_magnitude", "PartType1.particle_velocity_magnitude", 1.0),
        ("PartType1/particle_radius", "PartType1.particle_radius", 1.0),
        ("PartType1/particle_specific_angular_momentum_z", "PartType1.specific_angular_momentum_z", 1.0),
    ];
    for (key, field, ratio) in fields {
        let of = &golden["derived_fields_cgs"][key];
        let near = 3e-12;
        let asked = [Quantity::Total(field.into()), Quantity::Extrema(field.into())];
        let found = data.quantities(&asked, &session).unwrap();
        let found = [found[0].values(), found[1].values()].concat();
        // A sum of signed numbers is not better than the largest of them.
        let wanted = ["sum", "min", "max"].map(|k| of[k].as_f64().unwrap() * ratio);
        let scale = 32768.0 * wanted[1].abs().max(wanted[2].abs());
        for (i, (a, b)) in found.iter().zip(wanted).enumerate() {
            let rounding = 1e-14 * if i == 0 { scale } else { scale / 32768.0 };
            let alike = close(*a, b, near) || (a - b).abs() < rounding;
            assert!(alike, "{key} {i}: {a} {b}");
        }
        let values = data.selection(field).unwrap();
        let first = session.compute(&values.values().index([chunkwise::Index::from(..3)])).unwrap();
        for (a, b) in first.as_slice::<f64>().unwrap().iter().zip(numbers(&of["first3"])) {
            assert!(close(*a, b * ratio, near), "{key}: {a} {}", b * ratio);
        }
    }
}

/// The file's own units: attributes, with a and h.
#[test]
fn units_are_those_that_the_files_say() {
    let Some(folder) = shared("units_are_those_that_the_files_say") else { return };
    let golden = yt(&folder);
    let snapshot = Snapshot::open(folder.join(FILE)).unwrap();
    let units = snapshot.contents().units;
    for (unit, key) in [
        (units.length, "code_length"),
        (units.mass, "code_mass"),
        (units.velocity, "code_velocity"),
        (units.time, "code_time"),
    ] {
        let wanted = golden["code_units_with_unit_base"][key][0].as_f64().unwrap();
        assert!(close(unit.in_cgs(snapshot.epoch()), wanted, 1e-14), "{key}: {unit} {wanted}");
    }
    let field = |name: &str| snapshot.contents().kind("gas").unwrap().field(name).unwrap();
    assert_eq!(field("density").unit_from, "its attributes");
    assert_eq!(field("mass").unit_from, "MassTable and /Parameters");
    let wanted = golden["code_units_with_unit_base"]["code_density"][0].as_f64().unwrap();
    assert!(close(field("density").unit.unwrap().in_cgs(snapshot.epoch()), wanted, 1e-8));
    // SWIFT's own factors to physical cgs are in its file.
    let swift = Snapshot::open(folder.join("yt/data/synthetic_swift_a0.5.hdf5")).unwrap();
    let gas = swift.contents().kind("gas").unwrap();
    for (name, cgs) in [
        ("Coordinates", 1.54283879e24),
        ("Densities", 5.41432462e-30),
        ("InternalEnergies", 4e10),
        ("Masses", 1.98841e43),
        ("Velocities", 1e5),
        ("Temperatures", 1.0),
    ] {
        let unit = gas.field(name).unwrap().unit.unwrap();
        assert!(close(unit.in_cgs(swift.epoch()), cgs, 1e-8), "{name}: {unit}");
    }
    let kernel = swift.contents().kernel;
    assert_eq!((kernel.kernel.name(), kernel.support), ("quartic", 2.018932));
    // Masses in g are above what float32 can say.
    let total = swift.all().quantities(&[Quantity::Total("gas.mass".into())], &session(1, "64MiB")).unwrap();
    assert!(close(total[0].values()[0], 64.0 * f64::from(0.01f32) * 1.98841e43, 1e-8), "{}", total[0]);
}

/// Enzo's cells and particles against yt's.
#[test]
fn grids_of_enzo_are_yts() {
    let Some(folder) = shared("grids_of_enzo_are_yts") else { return };
    let text = std::fs::read_to_string(folder.join("yt/golden_enzo_moving7.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    let snapshot = Snapshot::open(folder.join("yt/data/enzo_moving7_DD0010/moving7_0010")).unwrap();
    let session = session(2, "256MiB");
    // Its units are made of Enzo's constants, and yt's of its own.
    let units = snapshot.contents().units;
    for (unit, key) in [
        (units.length, "code_length"),
        (units.mass, "code_mass"),
        (units.time, "code_time"),
        (units.velocity, "code_velocity"),
    ] {
        let wanted = golden["code_units"][key].as_f64().unwrap();
        assert!(close(unit.in_cgs(snapshot.epoch()), wanted, 1e-2), "{key}: {unit} {wanted}");
    }
    let s = str::to_string;
    let asked = [
        Quantity::Count(s("cells")),
        Quantity::Total(s("cells.mass")),
        Quantity::Total(s("particles.mass")),
        Quantity::Extrema(s("cells.density")),
        Quantity::Mean(s("cells.temperature"), Some(s("mass"))),
    ];
    let all = snapshot.all().quantities(&asked, &session).unwrap();
    assert_eq!(all[0].values(), [golden["n_cells"].as_f64().unwrap()]);
    let mass = units.mass.in_cgs(snapshot.epoch()) / golden["code_units"]["code_mass"].as_f64().unwrap();
    let wanted = numbers(&golden["total_mass_g"]);
    // Density and volume have units of their own, which the mass of a cell takes.
    assert!(close(all[1].values()[0], wanted[0] * mass, 1e-6), "{} {wanted:?}", all[1]);
    assert!(close(all[2].values()[0], wanted[1] * mass, 1e-6), "{} {wanted:?}", all[2]);
    assert!(close(all[4].values()[0], golden["T_by_mass"].as_f64().unwrap(), 1e-6), "{}", all[4]);
    let cut = snapshot.select(DataObject::cut("temperature > 1e4"));
    let found = cut.quantities(&[Quantity::Count(s("cells"))], &session).unwrap();
    assert_eq!(found[0].values(), [golden["cut_region_T>1e4"]["cells"].as_f64().unwrap()]);
    let ball = snapshot.select(DataObject::sphere([0.5; 3], 0.1));
    let asked = [Quantity::Count(s("cells")), Quantity::Count(s("particles"))];
    let found = ball.quantities(&asked, &session).unwrap();
    assert_eq!(found[0].values(), [golden["sphere_.1"]["cells"].as_f64().unwrap()]);
    assert_eq!(found[1].values(), [golden["sphere_.1"]["particles"].as_f64().unwrap()]);
}
