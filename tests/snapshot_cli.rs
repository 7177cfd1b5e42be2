//! `chunkwise snap`: what it prints, draws and stores, and how it refuses; every line of `docs/snapshots.md`.

#[path = "common/python.rs"]
mod python;
#[path = "common/shared.rs"]
mod shared;

use serde_json::Value;
use shared::{shared, yt};
use std::path::{Path, PathBuf};
use std::process::Command;

const FILE: &str = "data/astro/gadget2_lcdm_gas_snapshot_003.hdf5";

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(folder: &Path, args: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
    let output =
        command.current_dir(folder).arg("snap").args(args).args(["--device", "cpu"]).output().unwrap();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    Run { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let run = run(folder, &[args, &["--json"]].concat());
    assert_eq!(run.code, Some(0), "{args:?}: {}", run.err);
    serde_json::from_str(&run.out).unwrap()
}

/// A folder with the snapshot under the name that the docs give it.
fn folder(shared: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(shared.join(FILE), folder.path().join("snap_003.hdf5")).unwrap();
    folder
}

/// The commands of a page: indented lines, those that end with a backslash with the next.
fn commands(page: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut open = false;
    for line in page.lines().filter(|l| l.starts_with("    ")) {
        let (text, goes_on) = match line.trim().strip_suffix('\\') {
            Some(text) => (text.trim(), true),
            None => (line.trim(), false),
        };
        match (open, out.last_mut()) {
            (true, Some(last)) => {
                last.push(' ');
                last.push_str(text);
            }
            _ => out.push(text.to_string()),
        }
        open = goes_on;
    }
    out
}

#[test]
fn every_line_of_the_page_works() {
    let Some(shared) = shared("every_line_of_the_page_works") else { return };
    let folder = folder(&shared);
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/snapshots.md")).unwrap();
    let lines = commands(&page);
    assert!(lines.len() >= 10, "{lines:?}");
    for line in lines {
        let line = line.strip_prefix("chunkwise ").unwrap_or_else(|| panic!("{line}"));
        let program = env!("CARGO_BIN_EXE_chunkwise");
        let output =
            Command::new("sh").arg("-c").arg(format!("{program} {line}")).current_dir(folder.path()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(!output.stdout.is_empty(), "{line}");
    }
    for (picture, least) in
        [("halo.png", 900), ("phase.png", 900), ("T.png", 900), ("slice.png", 900), ("dm.png", 900)]
    {
        let file = std::fs::File::open(folder.path().join(picture)).unwrap();
        let reader = png::Decoder::new(file).read_info().unwrap();
        assert!(reader.info().width > least && reader.info().height > 600, "{picture}");
    }
}

#[test]
fn listings_say_units_and_where_they_come_from() {
    let Some(shared) = shared("listings_say_units_and_where_they_come_from") else { return };
    let folder = folder(&shared);
    let text = run(folder.path(), &["snap_003.hdf5"]).out;
    for wanted in [
        "Gadget-4",
        "redshift 0.9999888429196624",
        "periodic",
        "PartType0 (gas): 32768 rows",
        "Density (density)",
        "6.769911178294544e-22 g/cm**3 a**-3 h**2 (from its attributes)",
        "Masses (mass)",
        "float64 = 27.52799650181371",
        "(from MassTable and /Parameters)",
        "nbody: PartType1",
    ] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    let v = json(folder.path(), &["snap_003.hdf5"]);
    assert_eq!(v["kinds"][0]["fields"][0]["unit"]["h"], -1.0);
    assert_eq!(v["box"]["periodic"], true);
}

#[test]
fn answers_are_those_of_the_library() {
    let Some(shared) = shared("answers_are_those_of_the_library") else { return };
    let folder = folder(&shared);
    let golden = &yt(&shared)["quantities"];
    let sphere = "sphere([25000, 25000, 25000], 5000)";
    let v = json(
        folder.path(),
        &[
            "snap_003.hdf5",
            "--in",
            sphere,
            "--count",
            "dm",
            "--total",
            "gas.mass [code]",
            "--extrema",
            "gas.Density [code]",
        ],
    );
    let value = |n: usize, part: usize| v["quantities"][n]["parts"][part]["value"].as_f64().unwrap();
    assert_eq!(value(0, 0), golden["sphere"]["dm_n"].as_f64().unwrap());
    let mass = golden["sphere"]["gas_point"]["total_mass"].as_f64().unwrap();
    assert!((value(1, 0) / mass - 1.0).abs() < 1e-13);
    assert_eq!(value(2, 1), golden["sphere"]["gas_point"]["extrema_density"][1].as_f64().unwrap());
    let v = json(folder.path(), &["snap_003.hdf5", "--in", sphere, "--overlap", "--count", "gas"]);
    assert_eq!(v["quantities"][0]["parts"][0]["value"], 650.0);
    // Objects as they are written.
    let count = |object: &str| {
        let v = json(folder.path(), &["snap_003.hdf5", "--in", object, "--count", "dm"]);
        v["quantities"][0]["parts"][0]["value"].as_f64().unwrap() as u64
    };
    let region = "region([10000, 20000, 5000], [30000, 45000, 25000])";
    let booleans = &yt(&shared)["booleans_dm_n"];
    for (sign, key) in [
        ("&", "sphere & region"),
        ("|", "sphere | region"),
        ("^", "sphere ^ region"),
        ("-", "sphere - region"),
    ] {
        let wanted = booleans[key][0].as_u64().unwrap();
        assert_eq!(count(&format!("({sphere}) {sign} {region}")), wanted, "{key}");
    }
    assert_eq!(count(&format!("~{sphere}")), booleans["~sphere"][0].as_u64().unwrap());
    // & binds closer than |, - closer than &.
    assert_eq!(count(&format!("{sphere} | {region} & {sphere}")), count(sphere));
    assert_eq!(count(&format!("{region} & {region} - {sphere}")), count(region) - 58);
    // 5 comoving Mpc over h are 5000 code lengths, and the middle of the box is that of the sphere.
    assert_eq!(count("sphere(c, 4.99999999 kpccm/h * 1000)"), 145);
    assert_eq!(count("ellipsoid(c, 5000, 5000, 5000)"), count(sphere));
    let disk = golden["disk"]["dm_n"].as_u64().unwrap();
    assert_eq!(count("disk(c, [1, 2, 2], 8000, 3000)"), disk);
    // Fields of one's own.
    let more = ["--field", "twice[g]=2 * mass", "--total", "gas.twice [Msun]", "--total", "gas.mass [Msun]"];
    let v = json(folder.path(), &[&["snap_003.hdf5"][..], &more].concat());
    let value = |n: usize| v["quantities"][n]["parts"][0]["value"].as_f64().unwrap();
    assert!((value(0) / value(1) - 2.0).abs() < 1e-14);
}

#[test]
fn profiles_and_images_are_stored() {
    let Some(shared) = shared("profiles_and_images_are_stored") else { return };
    let folder = folder(&shared);
    let asked =
        ["--phase", "density,temperature,mass", "--bins", "16,8", "--deposit", "dm", "--pixels", "20,10"];
    let v = json(folder.path(), &[&["snap_003.hdf5"][..], &asked, &["--output", "out.h5"]].concat());
    let file = hdf5::File::open(folder.path().join("out.h5")).unwrap();
    let read = |name: &str| -> Vec<f64> { file.dataset(name).unwrap().read_raw().unwrap() };
    let numbers =
        |v: &Value| -> Vec<f64> { v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect() };
    assert_eq!(file.dataset("profile_0/mass").unwrap().shape(), [16, 8]);
    assert_eq!(read("profile_0/mass"), numbers(&v["profiles"][0]["fields"][0]["values"]));
    assert_eq!(read("profile_0/edges_1"), numbers(&v["profiles"][0]["axes"][1]["edges"]));
    assert_eq!(read("profile_0/counts").iter().sum::<f64>(), 32768.0);
    assert_eq!(file.dataset("image_0").unwrap().shape(), [10, 20]);
    assert_eq!(read("image_0").iter().sum::<f64>(), 32768.0);
    assert_eq!(read("image_0"), numbers(&v["images"][0]["values"]));
    // Files are not replaced unless that is said.
    let again = run(folder.path(), &[&["snap_003.hdf5"][..], &asked, &["--output", "out.h5"]].concat());
    assert_eq!(again.code, Some(2), "{}", again.err);
    let again = run(
        folder.path(),
        &[&["snap_003.hdf5"][..], &asked, &["--output", "out.h5", "--overwrite"]].concat(),
    );
    assert_eq!(again.code, Some(0), "{}", again.err);
}

#[test]
fn what_cannot_be_is_refused() {
    let Some(shared) = shared("what_cannot_be_is_refused") else { return };
    let folder = folder(&shared);
    let path = |p: &str| -> PathBuf { shared.join(p) };
    let table = path("data/astro/grackle_cloudy_metals_2008_3D.h5");
    let table = table.to_str().unwrap();
    let file = "snap_003.hdf5";
    for (args, code, wanted) in [
        (&[file, "--in", "spher([1, 2, 3], 4)", "--mass"][..], 2, "there is no object 'spher'"),
        (&[file, "--in", "sphere([1, 2, 3] Mpx, 4)", "--mass"], 2, "there is no unit 'Mpx'"),
        (&[file, "--in", "sphere([1, 2], 4)", "--mass"], 2, "',' is missing"),
        (&[file, "--in", "sphere(c, 4", "--mass"], 2, "')' is missing"),
        (&[file, "--in", "cut(\"density >\")", "--mass"], 2, "density >"),
        (&[file, "--in", "cut(\"density + 1\")", "--mass"], 1, "a cut is a condition"),
        (&[file, "--total", "gas.nothing"], 1, "has no field 'nothing'"),
        (&[file, "--total", "dm.temperature"], 1, "it would be made as"),
        (&[file, "--total", "gas.mass [km]"], 1, "not of the kind of"),
        (&[file, "--total", "stars.mass"], 1, "there is no 'stars'"),
        (&[file, "--mean", "gas.density,dm.mass"], 1, "the weights are of dm"),
        (&[file, "--mass", "--plot", "x.png"], 2, "is for profiles and images"),
        (&[file, "--phase", "density,temperature", "--plot", "x.jpg"], 2, "a .png or a .svg"),
        (&[file, "--phase", "density"], 2, "X,Y,FIELD"),
        (&[file, "--range", "3", "--phase", "density,temperature"], 2, "LOW:HIGH"),
        (&[file, "--project", "dm.mass"], 1, "no field 'smoothing_length'"),
        (&[file, "--project", "density", "--pixels", "0"], 1, "between 1 and 2^31 pixels"),
        (&[file, "--project", "density", "--normal", "1,2"], 2, "three numbers are wanted"),
        (&[file, "--project", "density", "--normal", "-1,0,0", "--north", "1,0,0"], 1, "two directions"),
        (&[file, "--project", "density", "--normal", "1,0,0", "--axis", "x"], 2, "cannot be used with"),
        (&[file, "--field", "a[g]=b", "--field", "b[g]=a", "--total", "gas.a"], 1, "made of itself"),
        (
            &[file, "--in", "sphere([1, 2, 3], 0.001)", "--extrema", "gas.density"],
            1,
            "nothing is in the object",
        ),
        (&[file, "--frontend", "flash"], 1, "there is no frontend 'flash'"),
        (&[file, "--units", "1,2", "--mass"], 2, "three numbers"),
        (&["nothing.hdf5"], 1, "cannot find the file"),
        (&[table], 1, "no snapshot of a format that is known"),
    ] {
        let run = run(folder.path(), args);
        assert_eq!(run.code, Some(code), "{args:?}: {} {}", run.out, run.err);
        assert!(run.err.contains(wanted), "{args:?}: {}", run.err);
        assert!(!run.err.contains("Internal"), "{args:?}: {}", run.err);
    }
}

/// A snapshot in parts, of which one lacks a type.
#[test]
fn the_parts_of_a_snapshot_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let part = |n: u32, gas: usize, dm: usize| {
        let file = hdf5::File::create(folder.path().join(format!("snap_7.{n}.hdf5"))).unwrap();
        let header = file.create_group("Header").unwrap();
        let put = |name: &str, values: &[f64]| {
            header.new_attr_builder().with_data(values).create(name).unwrap();
        };
        put("NumPart_ThisFile", &[gas as f64, dm as f64, 0.0, 0.0, 0.0, 0.0]);
        put("NumPart_Total", &[5.0, 7.0, 0.0, 0.0, 0.0, 0.0]);
        put("MassTable", &[0.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
        put("NumFilesPerSnapshot", &[3.0]);
        put("BoxSize", &[10.0]);
        for (kind, n) in [("PartType0", gas), ("PartType1", dm)].into_iter().filter(|(_, n)| *n > 0) {
            let group = file.create_group(kind).unwrap();
            let places = ndarray::Array2::from_elem((n, 3), 1.0f32);
            group.new_dataset_builder().with_data(&places).create("Coordinates").unwrap();
            if kind == "PartType0" {
                let masses = ndarray::Array1::from_elem(n, 3.0f32);
                group.new_dataset_builder().with_data(&masses).create("Masses").unwrap();
            }
        }
    };
    part(0, 0, 3);
    part(1, 5, 0);
    part(2, 0, 4);
    let masses = |args: &[&str]| {
        let v = json(
            folder.path(),
            &[args, &["--total", "gas.mass [code]", "--total", "all.mass [code]"]].concat(),
        );
        [0, 1].map(|n| v["quantities"][n]["parts"][0]["value"].as_f64().unwrap())
    };
    assert_eq!(masses(&["snap_7.1.hdf5"]), [15.0, 29.0]);
    assert_eq!(masses(&["snap_7.*.hdf5"]), [15.0, 29.0]);
    assert_eq!(masses(&["snap_7.0.hdf5", "snap_7.1.hdf5", "--partial"]), [15.0, 21.0]);
    let few = run(folder.path(), &["snap_7.0.hdf5", "snap_7.1.hdf5", "--mass"]);
    assert!(few.code == Some(1) && few.err.contains("has 3 files, and 2 are given"), "{}", few.err);
    std::fs::remove_file(folder.path().join("snap_7.2.hdf5")).unwrap();
    let absent = run(folder.path(), &["snap_7.0.hdf5", "--mass"]);
    assert!(absent.code == Some(1) && absent.err.contains("snap_7.2.hdf5"), "{}", absent.err);
}

/// Parts of one snapshot are one; snapshots of two times are not, and nothing is said of both.
#[test]
fn files_of_two_snapshots_are_refused() {
    let Some(py) = python::python("files_of_two_snapshots_are_refused") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = r#"
import sys, h5py, numpy as np
for name, time, box in [('a', 0.25, 10.0), ('b', 0.25, 10.0), ('c', 0.5, 10.0), ('d', 0.25, 20.0)]:
    with h5py.File(f'{sys.argv[1]}/{name}.hdf5', 'w') as f:
        h = f.create_group('Header').attrs
        h['NumPart_ThisFile'] = np.array([2, 0, 0, 0, 0, 0], 'i4')
        h['NumPart_Total'] = np.array([4, 0, 0, 0, 0, 0], 'u4')
        h['MassTable'] = np.zeros(6)
        h['Time'], h['Redshift'], h['BoxSize'], h['HubbleParam'] = time, 1 / time - 1, box, 0.7
        h['NumFilesPerSnapshot'] = 1
        f['PartType0/Coordinates'] = np.ones((2, 3))
        f['PartType0/Masses'] = np.array([1.0, 2.0])
"#;
    python::run(&py, script, &[folder.path().to_str().unwrap()]);
    let said = |file: &str| run(folder.path(), &["a.hdf5", file, "--mass"]);
    for (file, what) in
        [("c.hdf5", "Time is [0.5] here, and [0.25] in a.hdf5"), ("d.hdf5", "BoxSize is [20.0] here")]
    {
        let run = said(file);
        assert_eq!(run.code, Some(1), "{}", run.err);
        assert!(run.err.contains("different snapshots") && run.err.contains(what), "{}", run.err);
        assert!(run.err.contains(file) && run.err.contains("hint: ask each snapshot alone"), "{}", run.err);
    }
    assert_eq!(said("b.hdf5").code, Some(0), "{}", said("b.hdf5").err);
}
