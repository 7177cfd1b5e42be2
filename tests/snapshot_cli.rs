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
    assert!(again.err.ends_with("--overwrite replaces it\n"), "{}", again.err);
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
        (&[file, "--total", "gas.temprature"], 1, "did you mean 'temperature'"),
        (&[file, "--total", "dm.density"], 1, "gas has 'density'"),
        (&[file, "--total", "dm.nothing"], 1, "made of these"),
        (&[file, "--mass", "--plot", "x.png"], 2, "is for profiles and images"),
        (&[file, "--mass", "--output", "x.h5"], 2, "--save position,mass"),
        (&[file, "--save", "gas.mass"], 2, "--output"),
        (&[file, "--save", "gas.mass,dm.id", "--output", "x.h5"], 1, "do not belong together"),
        (&[file, "--save", "gas.mass,mass [g]", "--output", "x.h5"], 1, "two columns"),
        (&[file, "--save", "gas.mass [km]", "--output", "x.h5"], 1, "not of the kind of"),
        (
            &[file, "--save", "gas.mass", "--save", "dm.id", "--output", "x.csv"],
            2,
            "a .csv file has one table",
        ),
        (&[file, "--deposit", "dm", "--output", "x.csv"], 2, "an image is no table"),
        (&[file, "--deposit", "dm.mass [km]"], 1, "or of the field per area"),
        (&[file, "--quantile", "temperature"], 2, "a share is missing"),
        (&[file, "--quantile", "temperature,50"], 2, "a share is between 0 and 1"),
        (&[file, "--quantile", "temperature,0.5,mass,dm"], 2, "a field for weights"),
        (&[file, "--median", "gas.density,dm.mass"], 1, "the weights are of dm"),
        (&[file, "--in", "sphere([1, 2, 3], 0.001)", "--median", "gas.density"], 1, "nothing in the object"),
        (
            &[file, "--in", "sphere([1, 2, 3], 0.001)", "--median", "gas.density,mass"],
            1,
            "nothing in the object",
        ),
        (&[file, "--fields", "--mass"], 2, "answers nothing"),
        (&[file, "--phase", "density,temperature", "--plot", "x.jpg"], 2, "a .png or a .svg"),
        (&[file, "--phase", "density"], 2, "X,Y,FIELD"),
        (&[file, "--profile", "density", "--medians"], 1, "medians are of fields, without weights"),
        (&[file, "--profile", "density,temperature,mass", "--medians"], 1, "without weights"),
        (&[file, "--in", "cut(\"temperature > 1e5\")", "--mass"], 1, "cut(\"KIND.temperature"),
        (&[file, "--in", "sphere(com(\"stars\"), 4)", "--mass"], 1, "there is no 'stars'"),
        (&[file, "--in", "sphere(com(\"dm\", sphere(c, 0.001)), 4)", "--mass"], 2, "there is no mass"),
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

/// What NumPy says of a script, which has `f` (the file), `np`, and `sphere(kind, center, radius)` (a mask, in code lengths).
fn numpy(py: &str, folder: &Path, script: &str) -> Value {
    let before = r#"
import sys, json, csv, h5py, numpy as np
f = h5py.File(f'{sys.argv[1]}/snap_003.hdf5', 'r')
at = lambda name: f'{sys.argv[1]}/{name}'
box = float(f['Header'].attrs['BoxSize'])
h, a = float(f['Parameters'].attrs['HubbleParam']), 1 / (1 + float(f['Header'].attrs['Redshift']))
kpc = 3.085677581491367e21
length = float(f['PartType0/Coordinates'].attrs['to_cgs']) * a / h
def away(kind, center):
    d = f[f'{kind}/Coordinates'][:].astype('f8') - center
    d = np.where(d > box / 2, d - box, d)
    return np.where(d < -box / 2, d + box, d)
def radius(kind, center):
    d = away(kind, center)
    return np.sqrt((d * d).sum(1))
def sphere(kind, center, r):
    d = away(kind, center)
    return (d * d).sum(1) <= r * r
def close(x, y, tolerance=1e-13):
    x, y = np.asarray(x, 'f8'), np.asarray(y, 'f8')
    assert x.shape == y.shape, (x.shape, y.shape)
    assert np.allclose(x, y, rtol=tolerance, atol=0, equal_nan=True), (x, y)
"#;
    let out = python::run(py, &format!("{before}\n{script}"), &[folder.to_str().unwrap()]);
    if out.trim().is_empty() { Value::Null } else { serde_json::from_str(&out).unwrap() }
}

fn close(found: &Value, wanted: &Value) {
    let (found, wanted) = (found.as_f64().unwrap(), wanted.as_f64().unwrap());
    assert!((found / wanted - 1.0).abs() < 1e-13 || found == wanted, "{found} {wanted}");
}

const SPHERE: &str = "sphere([25000, 25000, 25000], 5000)";

/// Medians and quantiles, with weights and without, in units; the radius that holds half of the mass.
#[test]
fn quantiles_are_numpys() {
    let Some(shared) = shared("quantiles_are_numpys") else { return };
    let Some(py) = python::python("quantiles_are_numpys") else { return };
    let folder = folder(&shared);
    let asked = [
        "snap_003.hdf5",
        "--in",
        SPHERE,
        "--median",
        "gas.Density [code]",
        "--median",
        "gas.Density [code],Masses",
        "--quantile",
        "gas.Density [code],0.16,0.5,0.84",
        "--quantile",
        "dm.radius [kpc],0.5,mass",
        "--quantile",
        "gas.Density [code],0.9,InternalEnergy",
    ];
    let found = json(folder.path(), &asked);
    let wanted = numpy(
        &py,
        folder.path(),
        r#"
c, r = np.array([25000.] * 3), 5000.
rho = f['PartType0/Density'][:].astype('f8')
inside = sphere('PartType0', c, r)
x, u = rho[inside], f['PartType0/InternalEnergy'][:].astype('f8')[inside]
by = dict(method='inverted_cdf')
def weighted(v, q, w):
    # As NumPy 2 has it: the least value up to which that share of the weights lies.
    order = np.argsort(v, kind='stable')
    below = np.cumsum(w[order])
    return v[order][np.searchsorted(below, q * below[-1])]
dm = radius('PartType1', c)[sphere('PartType1', c, r)]
print(json.dumps([float(np.median(x)), float(np.quantile(x, .5, **by)), list(np.quantile(x, [.16, .5, .84])),
    float(np.quantile(dm, .5, **by) * length / kpc), float(weighted(x, .9, u))]))
"#,
    );
    let part = |n: usize, part: usize| &found["quantities"][n]["parts"][part]["value"];
    for n in [0, 1, 3, 4] {
        close(part(n, 0), &wanted[n]);
    }
    for i in 0..3 {
        close(part(2, i), &wanted[2][i]);
    }
    assert_eq!(found["quantities"][2]["parts"][0]["name"], "0.16");
    assert_eq!(found["quantities"][3]["parts"][0]["unit"], "kpc");
    assert_eq!(found["quantities"][3]["name"], "quantile 0.5 of dm.radius [kpc] by mass");
}

/// Medians in the bins of a profile, an object about a center of mass, and conditions that are of one kind alone.
#[test]
fn medians_in_bins_and_centers_of_mass_are_numpys() {
    let Some(shared) = shared("medians_in_bins_and_centers_of_mass_are_numpys") else { return };
    let Some(py) = python::python("medians_in_bins_and_centers_of_mass_are_numpys") else { return };
    let folder = folder(&shared);
    let asked = |args: &[&str]| json(folder.path(), &[&["snap_003.hdf5"], args].concat());
    let bins = ["--profile", "gas.Density [code],InternalEnergy [code]", "--medians", "--bins", "6"];
    let range = ["--linear", "--range", "1e-9:2e-7"];
    let profile = asked(&[&["--in", SPHERE][..], &bins, &range].concat());
    let count = |object: &str, kind: &str| {
        let v = asked(&["--in", object, "--count", kind]);
        v["quantities"][0]["parts"][0]["value"].as_f64().unwrap()
    };
    let all = "sphere(com(\"dm\"), 3000)";
    let part = format!("sphere(center_of_mass(\"PartType1\", {SPHERE}), 3000)");
    let wanted = numpy(
        &py,
        folder.path(),
        r#"
c, r = np.array([25000.] * 3), 5000.
inside = sphere('PartType0', c, r)
rho, u = (f[f'PartType0/{name}'][:].astype('f8') for name in ('Density', 'InternalEnergy'))
edges = np.linspace(1e-9, 2e-7, 7)
at = np.digitize(rho, edges) - 1
bins = [inside & (rho > edges[0]) & (rho < edges[-1]) & (at == i) for i in range(6)]
dm = f['PartType1/Coordinates'][:].astype('f8')
whole = dm.mean(0)
part = c + away('PartType1', c)[sphere('PartType1', c, r)].mean(0)
T = u * 1e10 * (5 / 3 - 1)
print(json.dumps([[float(np.median(u[b])) if b.any() else -1. for b in bins], [int(b.sum()) for b in bins],
    int(sphere('PartType1', whole, 3000).sum()), int(sphere('PartType0', part, 3000).sum()),
    int((rho > np.median(rho)).sum()), float(np.median(rho) * f['PartType0/Density'].attrs['to_cgs'] * h**2 / a**3)]))
"#,
    );
    assert!(wanted[1].as_array().unwrap().iter().filter(|n| n.as_u64() > Some(3)).count() > 2, "{wanted}");
    assert_eq!(profile["profiles"][0]["counts"], wanted[1]);
    for i in 0..6 {
        let found = &profile["profiles"][0]["fields"][0]["values"][i];
        match found.as_f64() {
            Some(_) => close(found, &wanted[0][i]),
            None => assert_eq!(wanted[0][i].as_f64(), Some(-1.0)),
        }
    }
    assert_eq!(count(all, "dm"), wanted[2].as_f64().unwrap());
    assert_eq!(count(&part, "gas"), wanted[3].as_f64().unwrap());
    // A condition with a kind is of that alone.
    let dense = format!("cut(\"gas.density > {:e}\")", wanted[5].as_f64().unwrap());
    assert_eq!(count(&dense, "gas"), wanted[4].as_f64().unwrap());
    assert_eq!(count(&dense, "dm"), 0.0);
    assert_eq!(count("cut(\"dm.x > 25000 [code_length]\")", "gas"), 0.0);
    assert_eq!(count("~cut(\"gas.density > 0\")", "dm"), 32768.0);
    let both = "cut(\"(gas.density > 0) & (PartType0.x > 0)\")";
    assert_eq!(count(both, "gas"), 32768.0);
}

/// What is selected, as datasets and as text: the rows that NumPy selects, in their order, each with its own numbers.
#[test]
fn what_is_selected_is_saved() {
    let Some(shared) = shared("what_is_selected_is_saved") else { return };
    let Some(py) = python::python("what_is_selected_is_saved") else { return };
    let folder = folder(&shared);
    let here = folder.path();
    let saved = |args: &[&str]| {
        let run = run(here, &[&["snap_003.hdf5"][..], args].concat());
        assert_eq!(run.code, Some(0), "{args:?}: {}", run.err);
        run.out
    };
    let fields = "gas.position [kpc],mass [Msun],id,Density [code],temperature";
    let out = saved(&["--in", SPHERE, "--save", fields, "--save", "dm.id,x [code]", "--output", "part.h5"]);
    assert!(out.contains("saved 152 rows of gas: position [kpc], mass [Msun], id, Density ["), "{out}");
    assert!(out.contains("saved 145 rows of dm: id, x ["), "{out}");
    saved(&["--in", SPHERE, "--save", fields, "--output", "part.csv"]);
    saved(&["--save", "all.id,mass [code],position [code]", "--count", "all", "--output", "all.h5"]);
    saved(&["--in", "sphere([1, 2, 3], 0.001)", "--save", "gas.id,position", "--output", "none.h5"]);
    // By parts that are far smaller than the file, of rows that are found again part by part.
    let few = ["--memory", "1280KiB", "--threads", "1"];
    saved(&[&["--in", "cut(\"density > 0\")", "--save", "gas.id", "--output", "few.h5"][..], &few].concat());
    let v = json(here, &["snap_003.hdf5", "--save", "id,mass [g]", "--output", "all.csv"]);
    assert_eq!(v["saved"][0]["rows"], 32768);
    assert_eq!(v["saved"][0]["columns"][1], serde_json::json!({"name": "mass", "unit": "g"}));
    numpy(
        &py,
        here,
        r#"
inside = sphere('PartType0', np.array([25000.] * 3), 5000.)
g, out = f['PartType0'], h5py.File(at('part.h5'), 'r')
pos = g['Coordinates'][:].astype('f8')[inside] * (length / kpc)
sun = 1.3271244e26 / 6.6743e-8
mass = f['Header'].attrs['MassTable'][0] or g['Masses'][:][inside].astype('f8')
mass = np.broadcast_to(mass, inside.sum()) * float(f['Parameters'].attrs['UnitMass_in_g']) / h / sun
ids = g['ParticleIDs'][:][inside]
assert out['gas/id'].dtype == g['ParticleIDs'].dtype and (out['gas/id'][:] == ids).all()
close(out['gas/position'][:], pos)
close(out['gas/mass'][:], mass)
assert (out['gas/Density'][:] == g['Density'][:][inside]).all()
assert out['gas/position'].attrs['units'] == 'kpc' and out['gas/temperature'].attrs['units'] == 'K'
assert out['gas/id'].attrs['object'].startswith('sphere(')
assert set(out) == {'gas', 'dm'} and out['gas/position'].shape == (152, 3)
dm = sphere('PartType1', np.array([25000.] * 3), 5000.)
assert (out['dm/id'][:] == f['PartType1/ParticleIDs'][:][dm]).all()
assert (out['dm/x'][:] == f['PartType1/Coordinates'][:, 0][dm]).all()
# The same as text, bit by bit.
rows = list(csv.reader(open(at('part.csv'))))
assert rows[0][:5] == ['position_x [kpc]', 'position_y [kpc]', 'position_z [kpc]', 'mass [Msun]', 'id'], rows[0]
cells = np.array(rows[1:])
assert (cells[:, :3].astype('f8') == out['gas/position'][:]).all() and (cells[:, 4].astype('u8') == ids).all()
assert (cells[:, 6].astype('f8') == out['gas/temperature'][:]).all()
# Everything, of several kinds one after the other.
out = h5py.File(at('all.h5'), 'r')['all']
kinds = [k for k in f if k.startswith('PartType')]
assert (out['id'][:] == np.concatenate([f[k]['ParticleIDs'][:] for k in kinds])).all()
assert (out['position'][:] == np.concatenate([f[k]['Coordinates'][:] for k in kinds])).all()
out = h5py.File(at('none.h5'), 'r')['gas']
assert out['id'].shape == (0,) and out['position'].shape == (0, 3)
assert (h5py.File(at('few.h5'), 'r')['gas/id'][:] == g['ParticleIDs'][:]).all()
rows = list(csv.reader(open(at('all.csv'))))
assert len(rows) == 32769 and rows[0] == ['id', 'mass [g]'] and [int(r[0]) for r in rows[1:4]] == list(g['ParticleIDs'][:3])
"#,
    );
}

/// Profiles and phase plots as text with commas are those that are stored and printed.
#[test]
fn profiles_are_tables() {
    let Some(shared) = shared("profiles_are_tables") else { return };
    let folder = folder(&shared);
    let table = |name: &str| -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
        text.lines().map(|l| l.split(',').map(str::to_string).collect()).collect()
    };
    let column = |rows: &[Vec<String>], c: usize| -> Vec<f64> {
        rows[1..].iter().map(|r| r[c].parse().unwrap()).collect()
    };
    let numbers =
        |v: &Value| -> Vec<f64> { v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect() };
    let asked = ["--profile", "density,temperature [keV/kb],mass", "--spread", "--bins", "8"];
    let v = json(folder.path(), &[&["snap_003.hdf5"][..], &asked, &["--output", "p.csv"]].concat());
    let rows = table("p.csv");
    assert_eq!(
        rows[0].join(","),
        "density_from [g/cm**3],density_to [g/cm**3],rows,weights,temperature [keV/kb],temperature_std [keV/kb]"
    );
    let (profile, edges) = (&v["profiles"][0], numbers(&v["profiles"][0]["axes"][0]["edges"]));
    assert_eq!((column(&rows, 0), column(&rows, 1)), (edges[..8].to_vec(), edges[1..].to_vec()));
    assert_eq!(column(&rows, 2), numbers(&profile["counts"]));
    assert_eq!(column(&rows, 4), numbers(&profile["fields"][0]["values"]));
    assert_eq!(column(&rows, 5), numbers(&profile["fields"][0]["std"]));
    let asked = ["--phase", "density,temperature,mass [Msun]", "--bins", "4,3"];
    let v = json(folder.path(), &[&["snap_003.hdf5"][..], &asked, &["--output", "q.csv"]].concat());
    let rows = table("q.csv");
    assert_eq!((rows.len(), rows[0].len()), (13, 7));
    assert_eq!(column(&rows, 6), numbers(&v["profiles"][0]["fields"][0]["values"]));
    let edges = numbers(&v["profiles"][0]["axes"][1]["edges"]);
    assert_eq!(column(&rows, 2), edges[..3].repeat(4));
}

#[test]
fn fields_that_are_made_are_listed() {
    let Some(shared) = shared("fields_that_are_made_are_listed") else { return };
    let folder = folder(&shared);
    let text = run(folder.path(), &["snap_003.hdf5", "--fields", "--field", "twice=2 * mass"]).out;
    let (gas, dm) = text.split_once("PartType1 (dm)").unwrap();
    for wanted in
        ["temperature", "K", "specific_thermal_energy * (gamma - 1)", "radial_velocity", "twice", "2 * mass"]
    {
        assert!(gas.contains(wanted), "{wanted}: {text}");
    }
    assert!(dm.contains("radius") && dm.contains("velocity_x, _y, _z"), "{text}");
    assert!(!dm.contains("temperature") && !dm.contains("mean_molecular_weight"), "{text}");
    let text = run(folder.path(), &["snap_003.hdf5"]).out;
    assert!(text.contains("--fields") && !text.contains("radial_velocity"), "{text}");
    // Each that is listed is there, in the unit that is said.
    let v = json(folder.path(), &["snap_003.hdf5", "--fields"]);
    for kind in v["kinds"].as_array().unwrap() {
        let names = kind["made"].as_array().unwrap().iter().flat_map(|m| m["names"].as_array().unwrap());
        let names: Vec<String> =
            names.map(|n| format!("{}.{}", kind["name"].as_str().unwrap(), n.as_str().unwrap())).collect();
        assert!(names.len() > 10, "{names:?}");
        let mut args = vec!["snap_003.hdf5"];
        names.iter().for_each(|name| args.extend(["--extrema", name]));
        let found = json(folder.path(), &args);
        assert_eq!(found["quantities"].as_array().unwrap().len(), names.len());
    }
}

/// A field of one's own comes out in the unit that follows from it, and is shown in the one that is said.
#[test]
fn units_of_ones_own_fields_are_checked() {
    let Some(shared) = shared("units_of_ones_own_fields_are_checked") else { return };
    let folder = folder(&shared);
    let ask = |field: &str, more: &[&str]| {
        let v = json(folder.path(), &[&["snap_003.hdf5", "--field", field][..], more].concat());
        v["quantities"].clone()
    };
    let entropy = "kb * temperature / number_density ** (2/3)";
    let v = ask(&format!("K[keV*cm**2]={entropy}"), &["--mean", "K", "--mean", "K [erg*cm**2]"]);
    let part = |n: usize| &v[n]["parts"][0];
    assert_eq!((part(0)["unit"].as_str(), part(1)["unit"].as_str()), (Some("keV*cm**2"), Some("erg*cm**2")));
    let ratio = part(1)["value"].as_f64().unwrap() / part(0)["value"].as_f64().unwrap();
    assert!((ratio / 1.602176634e-9 - 1.0).abs() < 1e-14, "{ratio}");
    // Without a unit it is known too.
    assert_eq!(ask(&format!("K={entropy}"), &["--mean", "K"])[0]["parts"][0]["unit"], "cm**4*g/s**2");
    // Numbers have units, in conditions too.
    let more = [
        "--in",
        "sphere(c, 9000) & cut(\"radius < 3000 [kpc]\")",
        "--max",
        "gas.radius [kpc]",
        "--mean",
        "far",
    ];
    let v = ask("far[kpc]=radius + 1000 [kpc]", &[&more[..], &["--mean", "radius [kpc]"]].concat());
    let value = |n: usize| v[n]["parts"][0]["value"].as_f64().unwrap();
    assert!((value(0) / (value(1) + 1000.0) - 1.0).abs() < 1e-13, "{v}");
    assert!((2990.0..3000.0).contains(&value(2)), "{v}");
    for (field, wanted) in [
        ("x[K]=2 * mass", "comes out in g, which is not of the kind of [K]"),
        ("x=mass + radius", "one part is in g, the other in cm"),
        ("x[g]=mass * 3 [kpx]", "there is no unit 'kpx'"),
    ] {
        let run = run(folder.path(), &["snap_003.hdf5", "--field", field, "--mean", "gas.x"]);
        assert!(run.code != Some(0) && run.err.contains(wanted), "{field}: {}", run.err);
    }
}

/// A deposit in a unit per area is divided by the area of a pixel.
#[test]
fn deposits_per_area_are_numpys() {
    let Some(shared) = shared("deposits_per_area_are_numpys") else { return };
    let Some(py) = python::python("deposits_per_area_are_numpys") else { return };
    let folder = folder(&shared);
    let asked =
        ["--deposit", "dm.mass [Msun/kpc**2]", "--deposit", "dm.mass [Msun]", "--deposit", "dm [1/kpc**2]"];
    let v = json(folder.path(), &[&["snap_003.hdf5", "--pixels", "8,4"][..], &asked].concat());
    std::fs::write(folder.path().join("images.json"), v["images"].to_string()).unwrap();
    numpy(
        &py,
        folder.path(),
        r#"
images = json.load(open(at('images.json')))
pos = f['PartType1/Coordinates'][:].astype('f8')
sun = 1.3271244e26 / 6.6743e-8
mass = float(f['Header'].attrs['MassTable'][1]) * float(f['Parameters'].attrs['UnitMass_in_g']) / h / sun
n, _, _ = np.histogram2d(pos[:, 1], pos[:, 0], bins=[4, 8], range=[[0, box], [0, box]])
area = (box / 8 * length / kpc) * (box / 4 * length / kpc)
for image, wanted, unit in zip(images, [n * mass / area, n * mass, n / area], ['Msun/kpc**2', 'Msun', '1/kpc**2']):
    assert image['unit'] == unit
    close(np.array(image['values']).reshape(4, 8), wanted, 1e-12)
"#,
    );
}

/// What people who know yt look for is in the help, which stays short.
#[test]
fn the_help_knows_yts_words() {
    let help = run(Path::new("."), &["--help"]).out;
    for word in [
        "weighted_average_quantity is --mean",
        "weighted_standard_deviation --std",
        "max_location",
        "sample_at_max_field_values --max",
        "min_location --min",
        "to_dataframe --save",
        "half of the mass: --center POINT --quantile radius,0.5,mass",
        "[Msun/kpc**2]",
        "--median",
        "--fields",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
    let lines = help.lines().count();
    assert!(lines < 155 && help.lines().all(|l| l.chars().count() <= 100), "{lines}: {help}");
    // Examples are lines that can be copied.
    let (_, examples) = help.split_once("Examples:").unwrap();
    assert!(examples.trim().lines().all(|l| l.trim().starts_with("chunkwise snap ")), "{examples}");
}
