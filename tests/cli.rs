//! The built binary: what it prints, what it says, how it exits.

#[path = "common/unheld.rs"]
mod unheld;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use unheld::unheld;

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

fn chunkwise(args: &[&str]) -> Run {
    told(Command::new(env!("CARGO_BIN_EXE_chunkwise")).args(args))
}

/// On a machine whose Vulkan loader finds no driver.
fn without_adapter(args: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
    told(command.args(args).envs(["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].map(|name| (name, "/nowhere.json"))))
}

fn told(command: &mut Command) -> Run {
    let output: Output = command.output().unwrap();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    Run { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// `eval --json` of expressions over the file's datasets, which must succeed.
fn json(file: &Path, expressions: &[&str], more: &[&str]) -> Value {
    let inputs: Vec<String> = ["x=/x", "d=/g/d", "m=/g/m", "i=/i"]
        .iter()
        .map(|i| i.split_once('=').unwrap())
        .map(|(name, path)| format!("{name}={}:{path}", file.display()))
        .collect();
    let mut args = vec!["eval", "--json"];
    inputs.iter().for_each(|i| args.extend(["-i", i]));
    args.extend(expressions);
    args.extend(more);
    let run = chunkwise(&args);
    assert_eq!(run.code, Some(0), "{}", run.err);
    serde_json::from_str(&run.out).unwrap()
}

/// x: 0 … 11 as (3, 4); g/d: float32 0 … 9999 in compressed chunks of 1000; g/m: 1 everywhere;
/// i: 0 … 5 as int16; names: strings; empty: no elements.
fn file(folder: &Path) -> PathBuf {
    let path = folder.join("a:b.h5");
    let f = hdf5::File::create(&path).unwrap();
    let x = ndarray::Array2::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f64);
    f.new_dataset_builder().with_data(&x).create("x").unwrap();
    let g = f.create_group("g").unwrap();
    let d = ndarray::Array1::from_shape_fn(10_000, |i| i as f32);
    let d = g.new_dataset_builder().with_data(&d).chunk(1000).shuffle().deflate(4).create("d").unwrap();
    d.new_attr_builder().with_data(&[1.5f64, 2.5]).create("limits").unwrap();
    g.new_dataset_builder().with_data(&ndarray::Array1::<f32>::ones(10_000)).create("m").unwrap();
    f.new_dataset_builder().with_data(&ndarray::Array1::from_iter(0..6i16)).create("i").unwrap();
    let names: Vec<hdf5::types::VarLenUnicode> = vec!["a".parse().unwrap(), "b".parse().unwrap()];
    f.new_dataset_builder().with_data(&names).create("names").unwrap();
    f.new_dataset_builder().with_data(&ndarray::Array1::<f64>::zeros(0)).create("empty").unwrap();
    f.close().unwrap();
    path
}

#[test]
fn values_and_report_are_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let v = json(
        &file,
        &[
            "mean(x)",
            "y=x.T * 2",
            "sum(y, axis=1)",
            "array([1.5, nan, -inf])",
            "h=histogram(d, bins=[0, 10, 5000], weights=m)",
        ],
        &[],
    );
    let r = &v["results"];
    assert_eq!(
        r["mean(x)"],
        serde_json::json!({"kind": "array", "dtype": "float64", "shape": [], "data": 5.5})
    );
    assert_eq!(r["y"]["data"][1], serde_json::json!([2.0, 10.0, 18.0]));
    assert_eq!(r["sum(y, axis=1)"]["data"], serde_json::json!([24.0, 30.0, 36.0, 42.0]));
    assert_eq!(r["array([1.5, nan, -inf])"]["data"], serde_json::json!([1.5, "NaN", "-Infinity"]));
    let h = &r["h"];
    assert_eq!(h["kind"], "histogram");
    assert_eq!(h["dtype"], "uint64");
    assert_eq!(h["edges"], serde_json::json!([[0.0, 10.0, 5000.0]]));
    assert_eq!(h["counts"], serde_json::json!([10, 4991]));
    assert_eq!(h["weights"], serde_json::json!([10.0, 4991.0]));
    assert_eq!(
        [&h["underflow"], &h["overflow"], &h["nan"], &h["total"]].map(|v| v.as_u64().unwrap()),
        [0, 4999, 0, 10_000]
    );
    let report = &v["report"];
    assert!(report["elapsed_s"].as_f64().unwrap() > 0.0);
    assert!(report["device"].is_string());
    assert!(report["tasks"]["cpu"].as_u64().unwrap() > 0);
    assert_eq!(report["tasks"]["gpu"], 0);
    assert_eq!(report["fallbacks"], serde_json::json!([]));
    for key in ["chunks_read", "chunks_decoded", "bytes_read", "bytes_decoded", "peak_host_bytes"] {
        assert!(report[key].as_u64().unwrap() > 0, "{key}");
    }
}

#[test]
fn several_expressions_share_reads_and_slices_read_what_they_need() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let v = json(&file, &["mean(d)", "std(d)", "histogram(d, bins=4, range=(0, 1e4))"], &[]);
    assert_eq!(v["report"]["chunks_decoded"], 10);
    assert_eq!(
        v["results"]["histogram(d, bins=4, range=(0, 1e4))"]["counts"],
        serde_json::json!([2500, 2500, 2500, 2500])
    );
    assert_eq!(json(&file, &["mean(d[:10])"], &[])["report"]["chunks_decoded"], 1);
    let h = json(&file, &["histogram2d(d, m, bins=(2, 1), range=((0, 5000), (0, 2)))"], &[]);
    let h = &h["results"]["histogram2d(d, m, bins=(2, 1), range=((0, 5000), (0, 2)))"];
    assert_eq!(h["counts"], serde_json::json!([[2500], [2501]]));
    assert_eq!(h["outside"], 4999);
    // The same bits however it is run.
    let text = ["std(sqrt(d))", "sum(d * 0.1)", "var(x / 3)"];
    let one = json(&file, &text, &["--threads", "1"]);
    let two = json(&file, &text, &["--threads", "2", "--memory", "16MiB"]);
    assert_eq!(one["results"], two["results"]);
}

#[test]
fn human_output_has_only_results_on_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let x = format!("x={}:/x", file(folder.path()).display());
    let run = without_adapter(&["eval", "-i", &x, "mean(x)", "s=x[:2]", "--device", "gpu"]);
    assert_eq!(run.out, "mean(x) = 5.5\ns =\n[[0. 1. 2. 3.]\n [4. 5. 6. 7.]]\n");
    assert!(run.err.contains("note: ") && run.err.contains("ran on the CPU: "), "{}", run.err);
    let run = chunkwise(&["eval", "-i", &x, "histogram(x, bins=2)"]);
    assert!(run.out.contains("12 values in 2 bins") && run.out.contains('█'), "{}", run.out);
    let run = chunkwise(&["eval", "-i", &x, "std(x)", "--explain"]);
    assert!(run.out.contains("stage 0") && run.out.contains("std(x)"), "{}", run.out);
}

#[test]
fn wrong_expressions_exit_with_2_and_a_caret() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let x = format!("x={}:/x", file.display());
    for (expression, words) in [
        ("mean(rho)", &["unknown name 'rho'", "\n       ^~~\n", "the names are x"][..]),
        ("rms(x)", &["there is no function 'rms'", "write sqrt(mean(x ** 2))"]),
        ("-meam(x)", &["did you mean 'mean'?", "^~~~"]),
        ("meam(x)", &["did you mean 'mean'?", "^~~~"]),
        ("x + array([1, 2, 3])", &["(3, 4) and (3,) do not broadcast", "^~~"]),
        ("mean(x, axis=2)", &["axis 2 is out of bounds", "               ^\n"]),
        ("sum(x, axs=1)", &["did you mean 'axis'?"]),
        ("mean(x", &["'(' is never closed"]),
        ("x and x", &["use & with"]),
        ("1 // 0", &["division by zero"]),
        ("x << 1.5", &["left_shift", "^~~"]),
    ] {
        let run = chunkwise(&["eval", "-i", &x, expression]);
        assert_eq!(run.code, Some(2), "{expression}: {}", run.err);
        assert!(run.out.is_empty());
        for word in words.iter().chain(&["error: ", expression]) {
            assert!(run.err.contains(word), "{expression}: {}", run.err);
        }
    }
    for args in [
        &[][..],
        &["eval"],
        &["eval", "1", "--memory", "lots"],
        &["eval", "1", "--threads", "0"],
        &["eval", "1", "--device", "tpu"],
        &["eval", "1", "--explain", "--json"],
        &["eval", "-i", "x=", "1"],
        &["eval", "1", "--memry", "1GiB"],
        &["eval", "--let", "mean(1)", "1"],
        &["eval", "--let", "a=1", "a=2"],
        &["eval", "-i", &x, "--let", "x=2", "x"],
        &["functions", "rms"],
        &["eval", "-i", "1x=a.h5:/x", "1"],
        &["eval", "-i", &x, "-i", &x, "1"],
        &["eval", "a=1", "a=2"],
        &["eval", "-i", &x, "x=2"],
        &["frobnicate"],
    ] {
        let run = chunkwise(args);
        assert_eq!(run.code, Some(2), "{args:?}: {}", run.err);
        assert!(!run.err.is_empty() && run.out.is_empty());
    }
}

#[test]
fn failed_runs_exit_with_1_and_name_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let here = file.display().to_string();
    let cut = folder.path().join("cut.h5");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let text = folder.path().join("text.h5");
    std::fs::write(&text, "not HDF5").unwrap();
    for (place, words) in [
        (format!("{here}.gone:/x"), &["cannot find", ".gone"][..]),
        (format!("{here}:/g"), &["group", "/g", "it has d, m"]),
        (format!("{here}:/names"), &["string", "/names"]),
        (format!("{here}:g"), &["group", "/g", "it has d, m"]),
        (here.clone(), &["group", "it has empty, g, i, names, x"]),
        ("nowhere.h5".into(), &["cannot find the file", "nowhere.h5"]),
        (format!("{here}:/g/q"), &["/g/q", "d, m"]),
        (format!("{}:/g/d", cut.display()), &["cut.h5", "the file has only", "cut off"]),
        (format!("{}:/x", text.display()), &["text.h5"]),
    ] {
        let run = chunkwise(&["eval", "-i", &format!("x={place}"), "mean(x)"]);
        assert_eq!(run.code, Some(1), "{place}: {}", run.err);
        for word in words {
            assert!(run.err.contains(word), "{place} should say '{word}': {}", run.err);
        }
    }
    let d = format!("d={here}:/g/d");
    for (args, words) in [
        (&["mean(d)", "--memory", "1KiB"][..], &["budget", "mean(d)", "smallest"][..]),
        (&["d + 1", "--memory", "20KiB"], &["39.1 KiB", "budget", "--memory"]),
        (&["mean(d)", "--device", "gpu", "--no-fallback"], &["no GPU"]),
        (&["int32(d[:0]).min()"], &["min"]),
    ] {
        let args: Vec<&str> = ["eval", "-i", &d].iter().chain(args).copied().collect();
        let run = without_adapter(&args);
        assert_eq!(run.code, Some(1), "{args:?}: {}", run.err);
        for word in words {
            assert!(run.err.contains(word), "{args:?} should say '{word}': {}", run.err);
        }
        assert!(!run.err.contains("src/"), "{}", run.err);
    }
}

#[test]
fn a_damaged_chunk_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let mut bytes = std::fs::read(&file).unwrap();
    // The streams begin with zlib's header of level 4; the last one is spoilt.
    let at = bytes.windows(2).rposition(|w| w == [0x78, 0x5e]).unwrap();
    bytes[at + 2..at + 40].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let d = format!("d={}:/g/d", file.display());
    let run = chunkwise(&["eval", "-i", &d, "mean(d)"]);
    assert_eq!(run.code, Some(1));
    for word in ["inflate", "a:b.h5", "/g/d", "chunk: "] {
        assert!(run.err.contains(word), "'{word}': {}", run.err);
    }
}

#[test]
fn info_and_devices() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(folder.path());
    let here = file.display().to_string();
    let run = chunkwise(&["info", &here]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    for word in [
        "g/",
        "d  float32 (10000,), chunks (1000,), shuffle + deflate 4",
        "@limits (2,) = [1.5, 2.5]",
        "(3, 4)",
    ] {
        assert!(run.out.contains(word), "'{word}': {}", run.out);
    }
    let run = chunkwise(&["info", &format!("{here}:/g/d"), "--json"]);
    let v: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!((&v["kind"], &v["path"], &v["dtype"]), (&"dataset".into(), &"/g/d".into(), &"float32".into()));
    assert_eq!(v["shape"], serde_json::json!([10_000]));
    assert_eq!(v["chunks"], serde_json::json!([1000]));
    assert_eq!(v["attributes"]["limits"]["value"], serde_json::json!([1.5, 2.5]));
    let v: Value = serde_json::from_str(&chunkwise(&["info", &here, "--json"]).out).unwrap();
    let members: Vec<&str> =
        v["members"].as_array().unwrap().iter().map(|m| m["path"].as_str().unwrap()).collect();
    assert_eq!(members, ["/empty", "/g", "/i", "/names", "/x"]);
    assert_eq!(chunkwise(&["info", "gone.h5"]).code, Some(1));

    let run = chunkwise(&["devices"]);
    assert!(run.out.contains("cpu: ") && run.out.contains("float64"), "{}", run.out);
    let v: Value = serde_json::from_str(&chunkwise(&["devices", "--json"]).out).unwrap();
    assert_eq!(v["devices"][0]["backend"], "cpu");
    assert!(v["devices"][0]["threads"].as_u64().unwrap() > 0);
}

/// Files that netCDF-C wrote in the classic formats; what is in them is in `goldens/netcdf.json`.
#[test]
fn netcdf_classic_files_are_as_others() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/netcdf");
    let at = |name: &str| folder.join(name).display().to_string();
    for untrusted in [&[][..], &["--untrusted"]] {
        let classic = at("classic.nc");
        let run = chunkwise(&[&["info", &classic], untrusted].concat());
        assert_eq!(run.code, Some(0), "{}", run.err);
        for word in [
            "  @title = \"all types\"",
            "  time  float64 (7,), big-endian, record, 56 B, a dimension scale, 1970-01-01 … 1970-01-07",
            "    @units = \"days since 1970-01-01\"",
            "  record_f4  float32 (time 7, y 3), big-endian, record, 84 B",
            "  fixed_i1  int8 (y 3, x 5), contiguous, 15 B",
            "  text  string of 1 bytes (not numeric) (time 7, x 5), record, 35 B",
        ] {
            assert!(run.out.contains(word), "'{word}': {}", run.out);
        }
        let run = chunkwise(&[&["info", &format!("{classic}:/time"), "--json"], untrusted].concat());
        let v: Value = serde_json::from_str(&run.out).unwrap();
        assert_eq!(
            (&v["path"], &v["dtype"], &v["scale"]),
            (&"/time".into(), &"float64".into(), &true.into())
        );
        // The times of the three files, each from 0 to 6.
        let copies = tempfile::tempdir().unwrap();
        for (from, to) in [("classic.nc", "s_2.nc"), ("offset64.nc", "s_9.nc"), ("data64.nc", "s_10.nc")] {
            std::fs::copy(at(from), copies.path().join(to)).unwrap();
        }
        let input = format!("t={}:/time", copies.path().join("s_*.nc").display());
        let eval = |expressions: &[&str]| {
            let run = chunkwise(&[&["eval", "-i", &input], expressions, untrusted].concat());
            (run.code, run.out + &run.err)
        };
        let (code, out) = eval(&["sum(t)", "t[5:9]", "--json"]);
        assert_eq!(code, Some(0), "{out}");
        let v: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(v["results"]["sum(t)"]["data"], 63.0);
        assert_eq!(v["results"]["t[5:9]"]["data"], serde_json::json!([5.0, 6.0, 0.0, 1.0]));
        let (code, out) = eval(&["t", "--explain"]);
        assert!(code == Some(0) && out.contains("s_*.nc (3 files):/time float64 (21,)"), "{out}");
        let run = chunkwise(&[&["eval", "-i", &format!("x={classic}:/gone"), "x"], untrusted].concat());
        assert_eq!(run.code, Some(1));
        for word in ["there is no \"/gone\" in the file", "classic.nc", "/ has fixed_f4, fixed_f8"] {
            assert!(run.err.contains(word), "'{word}': {}", run.err);
        }
    }
}

/// `chunkwise devices` with what it keeps in `cache`; `drivers` is where Vulkan looks for its drivers.
fn devices(args: &[&str], cache: &Path, drivers: Option<&str>) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
    command.arg("devices").args(args).env("CHUNKWISE_CACHE_DIR", cache);
    if let Some(drivers) = drivers {
        command.env("VK_DRIVER_FILES", drivers).env("VK_ICD_FILENAMES", drivers);
    }
    let output = command.output().unwrap();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    Run { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

#[test]
fn every_adapter_is_shown_with_what_was_found() {
    let cache = tempfile::tempdir().unwrap();
    let run = devices(&["--json"], cache.path(), None);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let v: Value = serde_json::from_str(&run.out).unwrap();
    let gpus: Vec<&Value> =
        v["devices"].as_array().unwrap().iter().filter(|d| d["backend"] == "gpu").collect();
    if std::env::var("CHUNKWISE_GPU").as_deref() == Ok("require") {
        assert!(!gpus.is_empty(), "CHUNKWISE_GPU=require, but {}", v["missing"]);
    }
    let text = devices(&[], cache.path(), None).out;
    for gpu in &gpus {
        for key in ["name", "api", "driver", "kind"] {
            assert!(!gpu[key].as_str().unwrap().is_empty(), "{key}: {gpu}");
        }
        assert_eq!(gpu["software"], gpu["kind"] == "software");
        assert!(gpu["limits"]["binding_bytes"].as_u64().unwrap() >= 128 << 20);
        assert!(gpu["dtypes"].as_array().unwrap().contains(&"int32".into()), "{gpu}");
        assert!(gpu["disabled"].is_array() && gpu.get("rates").is_none());
        assert!(text.contains(&format!("gpu: {}", gpu["name"].as_str().unwrap())), "{text}");
    }
    let Some(first) = gpus.first() else {
        assert!(v["missing"][0]["reason"].is_string());
        return;
    };
    let only = |wish: &str| {
        let run = devices(&["--json", "--adapter", wish], cache.path(), None);
        assert_eq!(run.code, Some(0), "{}", run.err);
        serde_json::from_str::<Value>(&run.out).unwrap()["devices"].as_array().unwrap()[1..].to_vec()
    };
    assert_eq!(only("0")[0]["name"], first["name"]);
    assert_eq!(only("0").len(), 1);
    assert_eq!(only(&first["name"].as_str().unwrap().to_uppercase())[0]["name"], first["name"]);
    let run = devices(&["--adapter", "no such card"], cache.path(), None);
    assert_eq!(run.code, Some(1));
    assert!(
        run.err.contains("no such card") && run.err.contains(first["name"].as_str().unwrap()),
        "{}",
        run.err
    );
}

#[test]
fn rates_are_printed_and_kept() {
    let cache = tempfile::tempdir().unwrap();
    let run = devices(&["--calibrate", "--json"], cache.path(), None);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let v: Value = serde_json::from_str(&run.out).unwrap();
    let all = v["devices"].as_array().unwrap();
    for device in all {
        let rates = device["rates"].as_array().unwrap();
        assert!(rates.last().unwrap()["rates"]["narrow"]["elementwise_bytes_per_s"].as_f64().unwrap() > 1e6);
        assert_eq!(rates[0]["rates"]["upload_bytes_per_s"].is_f64(), device["backend"] == "gpu");
    }
    let kept = std::fs::read_dir(cache.path())
        .unwrap()
        .filter(|f| f.as_ref().unwrap().file_name().to_string_lossy().starts_with("calibration-"));
    assert_eq!(kept.count(), all.len());
}

#[test]
#[cfg(target_os = "linux")]
fn no_adapter_is_no_error() {
    let cache = tempfile::tempdir().unwrap();
    let nowhere = cache.path().join("none.json");
    let nowhere = nowhere.to_str().unwrap();
    for more in [&[][..], &["--adapter", "0"]] {
        let run = devices(more, cache.path(), Some(nowhere));
        assert_eq!(run.code, Some(0), "{}", run.err);
        assert!(run.out.contains("gpu: none (no GPU adapter was found)"), "{}", run.out);
    }
    let run = devices(&["--json"], cache.path(), Some(nowhere));
    let v: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(v["devices"].as_array().unwrap().len(), 1);
    assert_eq!(v["missing"][0]["backend"], "gpu");
}

#[test]
fn help_is_short_and_has_examples() {
    let commands = ["info", "devices", "eval", "plan", "run-tasks", "merge", "copy", "demo", "functions"];
    for command in commands.into_iter().chain(["completions", "man"]) {
        let run = chunkwise(&[command, "--help"]);
        assert_eq!(run.code, Some(0));
        assert!(run.out.contains("Examples:") && run.out.lines().count() < 64, "{}", run.out);
    }
}

#[test]
#[cfg(unix)]
fn a_closed_pipe_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_chunkwise"))
        .args(["eval", "arange(2000000)", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_demo_answers_and_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
        command.args(["demo", "--particles", "200001", "--memory", "64MiB"]).args(more);
        command.env("TMPDIR", folder.path()).output().unwrap()
    };
    let output = run(&["--threads", "2"]);
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for word in ["mean_density = ", "20 bins", "60 × 20 bins", "moments =", "float32 sum"] {
        assert!(out.contains(word), "'{word}': {out}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    // What it keeps does not depend on the threads, and can be asked again.
    let kept = folder.path().join("kept.h5");
    let kept = kept.to_str().unwrap();
    assert!(run(&["--threads", "1", "--keep", kept]).status.success());
    let rho = format!("rho={kept}:/PartType0/Density");
    let again = chunkwise(&["eval", "-i", &rho, "mean_density=mean(rho, dtype=float64)"]);
    assert!(out.contains(&again.out), "{} is not in {out}", again.out);
    // Nothing is overwritten.
    let again = run(&["--keep", kept]);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists already"));
}

/// Ctrl-C ends a run with a word, an exit code of 1 and nothing left behind.
#[test]
#[cfg(unix)]
fn ctrl_c_cancels_and_cleans_up() {
    let folder = tempfile::tempdir().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_chunkwise"))
        .args(["demo", "--particles", "400000000", "--memory", "64MiB"])
        .env("TMPDIR", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while std::fs::read_dir(folder.path()).unwrap().count() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    // SAFETY: a signal to a process that this test started and has not waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("the run was cancelled"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn arrays_are_stored_and_nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let x = format!("x={}:/x", file(folder.path()).display());
    let out = folder.path().join("out.h5");
    let target = out.display().to_string();
    let store = |expression: &str| chunkwise(&["eval", "-i", &x, expression, "--output", &target]);
    let refused = store("h=histogram(x, bins=0)");
    assert_eq!(refused.code, Some(2));
    assert!(!out.exists());
    let stored = store("twice=x * 2");
    assert_eq!(stored.code, Some(0), "{}", stored.err);
    let y = format!("y={}:/twice", out.display());
    let same = chunkwise(&["eval", "-i", &x, "-i", &y, "all(y == x * 2)"]);
    assert_eq!(same.out.trim(), "all(y == x * 2) = True");
    // Several expressions are one run; what is one number is a dataset as well.
    let more = folder.path().join("more.h5").display().to_string();
    let all = ["eval", "-i", &x, "a=x * 2", "b=sqrt(abs(a))", "m=mean(a)", "--output", &more];
    let explained = chunkwise(&[&all[..], &["--explain"]].concat());
    assert!(
        explained.out.matches(", handed on in blocks").count() == 3,
        "{}{}",
        explained.out,
        explained.err
    );
    assert!(explained.out.contains("plan: 2 stages"), "{}", explained.out);
    let stored = chunkwise(&all);
    assert_eq!((stored.code, &stored.out[..]), (Some(0), ""), "{}", stored.err);
    let inputs = ["a", "b", "m"].map(|n| format!("{n}={more}:/{n}"));
    let of = |e: &str| chunkwise(&["eval", "-i", &inputs[0], "-i", &inputs[1], "-i", &inputs[2], e]);
    let out = of("all(b == sqrt(abs(a))) & (m == mean(a))").out;
    assert_eq!(out.trim(), "all(b == sqrt(abs(a))) & (m == mean(a)) = True");
    let again = store("twice=x * 3");
    assert_eq!(again.code, Some(2));
    assert!(again.err.contains("exists"));
}

#[test]
fn patterns_and_lists_of_files_are_one_array() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    for (n, name) in ["snap_2.h5", "snap_10.h5", "snap_1.h5"].into_iter().enumerate() {
        let f = hdf5::File::create(at(name)).unwrap();
        let v = ndarray::Array1::from_iter((0..4).map(|i| (10 * n + i) as f64));
        f.new_dataset_builder().with_data(&v).create("g/x").unwrap();
    }
    let value = |input: &str, more: &[&str], expression: &str| -> Value {
        let input = format!("x={input}:/g/x");
        let run = chunkwise(&[&["eval", "-i", &input, "--json", expression], more].concat());
        assert_eq!(run.code, Some(0), "{}", run.err);
        serde_json::from_str::<Value>(&run.out).unwrap()["results"][expression]["data"].clone()
    };
    let all = at("snap_*.h5");
    // 1, 2, 10: in the order of the numbers.
    let rows = [[20.0, 21.0, 22.0, 23.0], [0.0, 1.0, 2.0, 3.0], [10.0, 11.0, 12.0, 13.0]];
    assert_eq!(value(&all, &[], "x"), serde_json::json!(rows.concat()));
    assert_eq!(value(&all, &["--join", "stack"], "x"), serde_json::json!(rows));
    assert_eq!(value(&all, &["--join", "stack", "--axis", "-1"], "x.T"), serde_json::json!(rows));
    let list = format!("{},{}", at("snap_10.h5"), at("snap_2.h5"));
    assert_eq!(value(&list, &[], "x"), serde_json::json!([rows[2], rows[1]].concat()));
    assert_eq!(value(&at("snap_2.h5"), &["--join", "stack"], "x"), serde_json::json!(rows[1]));
    std::fs::copy(at("snap_2.h5"), at("snap_*,.h5")).unwrap();
    assert_eq!(value(&at("snap_*,.h5"), &[], "x"), serde_json::json!(rows[1]));
    std::fs::remove_file(at("snap_*,.h5")).unwrap();
    let input = format!("x={all}:/g/x");
    let run = chunkwise(&["eval", "-i", &input, "mean(x)", "--explain"]);
    assert!(run.out.contains("snap_*.h5 (3 files):/g/x float64 (12,)"), "{}", run.out);
    let none = format!("x={}:/g/x", at("no_*.h5"));
    let run = chunkwise(&["eval", "-i", &none, "mean(x)"]);
    assert!(run.code == Some(1) && run.err.contains("no_*.h5"), "{}", run.err);
    let f = hdf5::File::create(at("snap_3.h5")).unwrap();
    f.new_dataset_builder().with_data(&ndarray::Array1::from_iter(0..6i16)).create("g/x").unwrap();
    f.close().unwrap();
    let run = chunkwise(&["eval", "-i", &input, "mean(x)"]);
    assert!(run.code == Some(1) && run.err.contains("snap_3.h5") && run.err.contains("int16"), "{}", run.err);
}

/// What a run did beside what was foreseen, in numbers that the report has too.
#[test]
fn runs_tell_what_each_stage_did() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let f = hdf5::File::create(&path).unwrap();
    let x = ndarray::Array1::from_iter((0..200_000).map(f64::from));
    let made = f.new_dataset_builder().with_data(&x).chunk(10_000);
    made.shuffle().deflate(1).create("x").unwrap();
    f.close().unwrap();
    let x = format!("x={}:/x", path.display());
    let run = |args: &[&str]| chunkwise(&[&["eval", "-i", &x, "sum((x - mean(x)) ** 2)"], args].concat());
    let out = run(&["--explain=analyze"]).out;
    for words in [
        "plan: 2 stages",
        "; measured ",
        "stage 1: ",
        "\n  measured: ",
        " decoded in 20 chunks, of at most 1.5 MiB foreseen\n",
        "\n  bounded by ",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    // Without running there is nothing to measure.
    let plan = run(&["--explain"]).out;
    assert!(
        plan.contains("stage 1: ") && !plan.contains("measured: ") && run(&["--explain=plan"]).out == plan
    );
    assert_eq!(run(&["--explain=what"]).code, Some(2));
    let run = run(&["--profile"]);
    assert_eq!(run.out, "sum((x - mean(x)) ** 2) = 666666666650000.0\n");
    let lines: Vec<&str> = run.err.lines().collect();
    assert!(lines[0].starts_with("stage  tasks ") && lines[0].ends_with("makes"), "{}", run.err);
    assert!(
        lines.len() == 3 && lines[1].trim_start().starts_with("0 ") && lines[1].contains("1.5 MiB"),
        "{}",
        run.err
    );
    assert!(
        lines[2].trim_start().starts_with("1 ") && lines[2].ends_with("sum at sum((x - mean(x)) ** 2)"),
        "{}",
        run.err
    );

    let out = chunkwise(&["eval", "-i", &x, "sum((x - mean(x)) ** 2)", "--json", "--profile"]).out;
    let report = &serde_json::from_str::<Value>(&out).unwrap()["report"];
    let stages = report["stages"].as_array().unwrap();
    let sum = |name: &str| stages.iter().map(|s| s[name].as_u64().unwrap()).sum::<u64>();
    for name in ["chunks_decoded", "bytes_read", "bytes_decoded"] {
        assert_eq!(sum(name), report[name].as_u64().unwrap(), "{name}");
    }
    let peak = stages.iter().map(|s| s["peak_host_bytes"].as_u64().unwrap()).max();
    assert_eq!(peak, report["peak_host_bytes"].as_u64());
    assert!(stages[0]["activities"]["decode_s"].as_f64().unwrap() > 0.0, "{out}");
}

/// A step is no result, a result without a name is called by its text, and an expression may begin with a sign.
#[test]
fn steps_and_results_have_names() {
    let folder = tempfile::tempdir().unwrap();
    let x = format!("x={}:/x", file(folder.path()).display());
    let run = |args: &[&str]| chunkwise(&[&["eval", "-i", &x], args].concat());
    let out = run(&[
        "--let",
        "a=x - mean(x)",
        "--let",
        "b=a ** 2",
        "sum(b) / b.size",
        "-a[0, :2]",
        "m=max(b)",
        "-m",
    ]);
    assert_eq!(
        out.out, "sum(b) / b.size = 11.916666666666666\n-a[0, :2] = [5.5 4.5]\nm = 30.25\n-m = -30.25\n",
        "{}",
        out.err
    );
    let out = run(&["--json", "-1 + max(x)", "--threads", "1", "--let", "y=x", " mean( y ) "]);
    let v: Value = serde_json::from_str(&out.out).unwrap_or_else(|e| panic!("{e}: {}", out.err));
    assert_eq!(v["results"]["-1 + max(x)"]["data"], 10.0);
    assert_eq!(v["results"]["mean( y )"]["data"], 5.5);
    assert_eq!(v["results"].as_object().unwrap().len(), 2);
    // What is asked for twice is there once.
    let out = run(&["mean(x)", "m=max(x)", "mean(x)", "m"]);
    assert_eq!(out.out, "mean(x) = 5.5\nm = 11.0\n");
    assert!(out.err.contains("note: 'mean(x)' is asked for twice") && out.err.contains("'m'"), "{}", out.err);
    let out = run(&["sum(\n  x\n)"]);
    assert_eq!(out.out, "sum( x ) = 66.0\n");
    // Steps come before results, in their order.
    let out = run(&["--let", "b=a", "--let", "a=x", "b"]);
    assert!(out.code == Some(2) && out.err.contains("unknown name 'a'"), "{}", out.err);
    // A tuple is a result for each of its elements.
    let out = run(&["divmod(x[0], 2)", "d=divmod(x[1], 3)", "d[0] * 3 + d[1]"]);
    let rows =
        ["divmod(x[0], 2)[0] = [0. 0. 1. 1.]", "divmod(x[0], 2)[1] = [0. 1. 0. 1.]", "d[0] = [1. 1. 2. 2.]"];
    assert!(rows.iter().all(|row| out.out.contains(row)), "{} {}", out.out, out.err);
    assert!(out.out.ends_with("d[1] = [1. 2. 0. 1.]\nd[0] * 3 + d[1] = [4. 5. 6. 7.]\n"), "{}", out.out);
    let both = folder.path().join("both.h5").display().to_string();
    assert_eq!(run(&["d=divmod(x[1], 3)", "--output", &both]).code, Some(0));
    let read = chunkwise(&["eval", "-i", &both, "sum(d_0 * 3 + d_1)"]);
    assert!(read.out.ends_with(" = 22.0\n"), "{} {}", read.out, read.err);
    // A histogram is stored as arrays in a group.
    let bins = folder.path().join("bins.h5").display().to_string();
    let h = ["h=histogram(x, bins=4, range=(0, 12), weights=x)", "p=histogram2d(x, x, bins=(2, 3))"];
    assert_eq!(run(&[&h[..], &["--output", &bins]].concat()).code, Some(0));
    let read = chunkwise(&[
        "eval",
        "-i",
        &format!("s={bins}"),
        "s.h.counts",
        "s.h.sums",
        "s.h.edges",
        "s.p.counts",
        "s.p.edges_1",
    ]);
    for row in
        ["[3 3 3 3]", "[ 3. 12. 21. 30.]", "[ 0.  3.  6.  9. 12.]", "[[4 2 0]\n [0 2 4]]", "11.        ]"]
    {
        assert!(read.out.contains(row), "{row}: {} {}", read.out, read.err);
    }
    let target = folder.path().join("out.h5").display().to_string();
    let out = run(&["x / 2", "result2=x", "-x", "--output", &target]);
    assert_eq!(out.code, Some(0), "{}", out.err);
    assert!(out.err.contains("x / 2 is stored as 'result'") && out.err.contains("-x is stored as 'result3'"));
    let out = chunkwise(&["eval", "-i", &target, "all((result == result2 / 2) & (result3 == -result2))"]);
    assert!(out.out.ends_with(" = True\n"), "{}", out.err);
}

/// Files and groups by a name; attributes as constants; of HDF5 and of netCDF classic files.
#[test]
fn files_and_groups_have_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    unheld(&path);
    let f = hdf5::File::open_rw(&path).unwrap();
    let header = f.create_group("Header").unwrap();
    header.new_attr_builder().with_data(&ndarray::arr0(0.5f64)).create("Redshift").unwrap();
    header.new_attr_builder().with_data(&[0.25f32]).create("Time").unwrap();
    header.new_attr_builder().with_data(&[1i32, 2, 3]).create("N").unwrap();
    let how: hdf5::types::VarLenUnicode = "mean".parse().unwrap();
    header.new_attr_builder().with_data(&ndarray::arr0(how)).create("how").unwrap();
    f.create_group("void").unwrap();
    f.group("g").unwrap().new_dataset_builder().with_data(&[7i32]).create("not a name").unwrap();
    // An open group keeps the file open, and what was written unwritten.
    drop(header);
    f.close().unwrap();
    let here = path.display().to_string();
    let eval = |input: &str, expression: &str| {
        let run = chunkwise(&["eval", "-i", input, expression]);
        match run.code {
            Some(0) => run
                .out
                .trim()
                .strip_prefix(expression)
                .unwrap()
                .trim_start_matches([' ', '=', '\n'])
                .to_string(),
            _ => run.err,
        }
    };
    let (whole, group) = (format!("s={here}"), format!("g={here}:/g"));
    for (input, expression, wanted) in [
        (&whole, "s.x[0, :2]", "[0. 1.]"),
        (&whole, "mean(s.g.d)", "4999.5"),
        (&whole, "s.g.m.sum()", "10000.0"),
        (&whole, "s['/g/d'][-1]", "9999.0"),
        (&whole, "s['g']['d'].shape", "[10000]"),
        (&whole, "s['g/not a name'] + 1", "[8]"),
        (
            &whole,
            "s.x * s['/Header'].attrs['Redshift'] == s.x / 2",
            "[[ True  True  True  True]\n [ True  True  True  True]\n [ True  True  True  True]]",
        ),
        (&whole, "float32(s.x[0, 3]) * s.Header.attrs['Time']", "0.75"),
        (&whole, "s.Header.attrs['Time'][0]", "0.25"),
        (&whole, "s.Header.attrs['N'][1] + s.Header.attrs['N']", "[3 4 5]"),
        (&whole, "groupby_reduce(s.i, s.i > 2, s.Header.attrs['how'])", "[1. 4.]\n  by group: False True"),
        (&whole, "concatenate((s.i, s.x[0]))[-1]", "3.0"),
        (&whole, "s.g.d.attrs['limits'][1]", "2.5"),
        (&group, "g.d[g.m > 0].max()", "9999.0"),
        (&group, "g['/x'].T.shape", "[4 3]"),
        (&format!("g={here}:g"), "g.d.ndim", "1"),
        (&format!("d={here}:g/d"), "d.attrs['limits']", "[1.5 2.5]"),
    ] {
        assert_eq!(eval(input, expression), wanted, "{expression}");
    }
    for (input, expression, words) in [
        (&whole, "s.y", &["there is no \"/y\" in the file", "/ has "][..]),
        (&whole, "s.g.q.mean()", &["\"/g/q\"", "d, m"]),
        (&whole, "s.g + 1", &["this is a group", "/g", "it has d, m, not a name"]),
        (&whole, "s.void", &["this is a group", "it is empty"]),
        (&whole, "s['void/x']", &["/void is empty"]),
        (&whole, "s.Header.attrs['Tme']", &["no attribute 'Tme'", "N, Redshift, Time, how", "/Header"]),
        (&whole, "s.x.attrs['a']", &["no attribute 'a'", "it has no attributes"]),
        (&whole, "s.Header.attrs", &["attributes is no result"]),
        (&whole, "s.x['a']", &["has no fields", "^~~"]),
        (&whole, "s.x.foo", &["no attribute 'foo'", "^~~"]),
    ] {
        let said = eval(input, expression);
        for word in words {
            assert!(said.contains(word), "{expression} should say {word}: {said}");
        }
    }
    // Without a name all that is there has its own. What is not used is not opened.
    let run = chunkwise(&["eval", "-i", &here, "mean(g.d) + x[0, 0]", "i"]);
    assert_eq!(run.out, "mean(g.d) + x[0, 0] = 4999.5\ni = [0 1 2 3 4 5]\n", "{}", run.err);
    let run = chunkwise(&["eval", "-i", &format!("{here}:/g"), "d[0]"]);
    assert!(
        run.out == "d[0] = 0.0\n" && run.err.contains("note: 'not a name' cannot be a name"),
        "{}",
        run.err
    );
    let run = chunkwise(&["eval", "-i", &format!("d={here}:/x"), "-i", &format!("{here}:g"), "d"]);
    assert!(run.code == Some(2) && run.err.contains("the name 'd' is taken"), "{}", run.err);
    let run = chunkwise(&["eval", "-i", &format!("d={here}:/no/such"), "1"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    // Many files: datasets are joined; an attribute is what all agree on, or has an entry for each file.
    let copy = folder.path().join("b.h5");
    std::fs::copy(&path, &copy).unwrap();
    let both = format!("s={here},{}", copy.display());
    assert_eq!(eval(&both, "s.g.d.size"), "20000");
    assert_eq!(eval(&both, "s.Header.attrs['N'].sum()"), "6");
    unheld(&copy);
    let f = hdf5::File::open_rw(&copy).unwrap();
    f.group("Header").unwrap().attr("Redshift").unwrap().write_scalar(&0.75f64).unwrap();
    f.close().unwrap();
    assert_eq!(eval(&both, "s.Header.attrs['Redshift']"), "[0.5  0.75]");
    assert_eq!(eval(&both, "s.Header.attrs['Redshift'].max()"), "0.75");
    unheld(&copy);
    let f = hdf5::File::open_rw(&copy).unwrap();
    f.group("Header").unwrap().delete_attr("Redshift").unwrap();
    f.group("Header").unwrap().new_attr::<i32>().create("Redshift").unwrap().write_scalar(&1).unwrap();
    f.close().unwrap();
    let said = eval(&both, "s.Header.attrs['Redshift']");
    assert!(said.contains("do not agree on the attribute 'Redshift'") && said.contains("b.h5"), "{said}");
    // netCDF classic.
    let classic = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/netcdf/classic.nc");
    let classic = format!("n={}", classic.display());
    assert_eq!(eval(&classic, "n.time.sum()"), "21.0");
    assert_eq!(eval(&classic, "n['record_f4'].shape"), "[7 3]");
    let said = eval(&classic, "n.time.attrs['unit']");
    assert!(said.contains("no attribute 'unit'") && said.contains("units"), "{said}");
}

#[test]
fn functions_are_listed_and_shown() {
    let run = chunkwise(&["functions"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    for line in ["Reductions:", "  add(x, y), x + y", "Attributes:", "  x.shape"] {
        assert!(run.out.lines().any(|l| l.starts_with(line)), "{line}: {}", run.out);
    }
    assert!(run.out.lines().count() > 180 && run.out.lines().all(|l| l.chars().count() <= 260));
    let run = chunkwise(&["functions", "var"]);
    for part in [
        "var(a, axis=None, dtype=None, *, ddof=0, keepdims=False, where=True)",
        "The variance, with divisor n - ddof.",
        "ddof      default 0, by its name only: ",
        "> var([1, 2, 3, 4])\n  1.25\n",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    let names = |pattern: &str| {
        let out = chunkwise(&["functions", pattern, "--json"]).out;
        let v: Value = serde_json::from_str(&out).unwrap();
        v.as_array().unwrap().iter().map(|e| e["name"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names("nancum*"), ["nancumsum", "nancumprod"]);
    assert_eq!(names("-"), ["subtract", "negative"]);
    let v: Value = serde_json::from_str(&chunkwise(&["functions", "**", "--json"]).out).unwrap();
    assert_eq!((&v["name"], &v["answer"]["data"]), (&"power".into(), &serde_json::json!([16, 81])));
    assert_eq!(v["params"][0], serde_json::json!({"name": "x", "default": null, "keyword_only": false}));
    let run = chunkwise(&["functions", "median"]);
    assert!(run.out.starts_with("median(a, axis=None"), "{}", run.out);
    for (name, hint) in
        [("rms", "write sqrt"), ("histogran", "did you mean 'histogram'?"), ("lstsq", "lists what")]
    {
        let run = chunkwise(&["functions", name]);
        assert!(
            run.code == Some(2) && run.err.contains(hint) && run.err.contains("there is no function"),
            "{}",
            run.err
        );
    }
}

#[test]
fn shells_and_manuals_are_served() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = chunkwise(&["completions", shell]);
        assert!(
            run.code == Some(0) && run.out.contains("eval") && run.out.contains("no-spill"),
            "{shell}: {}",
            run.err
        );
    }
    let page = chunkwise(&["man", "eval"]).out;
    assert!(page.contains(".TH chunkwise-eval 1") && page.contains("\\-\\-memory"), "{page}");
    assert!(chunkwise(&["man"]).out.contains("chunkwise\\-eval(1)"));
    let wrong = chunkwise(&["man", "evil"]);
    assert!(wrong.code == Some(2) && wrong.err.contains("info, devices, eval"), "{}", wrong.err);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("man1");
    assert_eq!(chunkwise(&["man", "--folder", target.to_str().unwrap()]).code, Some(0));
    for name in ["chunkwise.1", "chunkwise-eval.1", "chunkwise-functions.1"] {
        assert!(target.join(name).is_file(), "{name}");
    }
}

/// Mesa's Vulkan says nothing where there is no session of a desktop.
#[test]
#[cfg(target_os = "linux")]
fn drivers_are_quiet_without_a_desktop() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
    let run = told(command.args(["devices"]).env_remove("XDG_RUNTIME_DIR").env_remove("WAYLAND_DISPLAY"));
    assert_eq!((run.code, &run.err[..]), (Some(0), ""), "{}", run.out);
}

#[test]
fn a_histogram_says_each_element_once() {
    let head = |e: &str| {
        let run = chunkwise(&["eval", e]);
        assert_eq!(run.code, Some(0), "{}", run.err);
        run.out.lines().find(|l| l.contains("values in")).unwrap().to_string()
    };
    let e = "histogram(array([0.0, 0, -2, 0.5, 1, 5, 20, nan]), bins=4, range=(1, 10), log=True)";
    assert!(head(e).ends_with("8 values in 4 bins, 1 below, 1 above, 1 NaN, 3 not positive"), "{}", head(e));
    let e = "histogram(array([0.0, 0, 5]), bins=4, range=(1, 10), log=True)";
    assert!(head(e).ends_with("3 values in 4 bins, 2 not positive"), "{}", head(e));
    let e = "histogram2d(array([0.0, 5, 5, 0.1]), array([1.0, 5, -1, 5]), bins=2, range=((1, 10), (1, 10)), log=True)";
    assert!(head(e).ends_with("4 values in 2 × 2 bins, 1 outside, 2 not positive"), "{}", head(e));
}

#[test]
fn edges_of_a_histogram_of_seconds_are_told_apart() {
    let run =
        chunkwise(&["eval", "histogram(1.7e9 + 60 * arange(100.0), bins=5, range=(1.7e9, 1700000300))"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let edges = |column: usize| -> Vec<f64> {
        let rows = run.out.lines().skip_while(|l| !l.contains("from")).skip(1);
        rows.map(|l| l.split_whitespace().nth(column).unwrap().parse().unwrap()).collect()
    };
    let wanted: Vec<f64> = (0..6).map(|i| 1.7e9 + 60.0 * f64::from(i)).collect();
    assert_eq!((edges(0), edges(1)), (wanted[..5].to_vec(), wanted[1..].to_vec()));
}

#[test]
fn names_of_other_libraries_say_what_to_write() {
    for (e, way) in [
        ("size(arange(3))", "write x.size"),
        ("ndim(arange(3))", "write x.ndim"),
        ("shape(arange(3))", "write x.shape"),
        ("len(arange(3))", "write x.shape[0]"),
        ("nunique(arange(3))", "write unique(x).size"),
        ("value_counts(arange(3))", "write unique_counts(x)"),
        (
            "rolling(arange(3), 3)",
            "write mean(sliding_window_view(x, 3, axis=0), axis=-1), where windows leave out what is missing",
        ),
    ] {
        let run = chunkwise(&["eval", e]);
        assert_eq!(run.code, Some(2), "{e}: {}", run.err);
        assert!(run.err.contains(&format!("hint: {way}\n")), "{e}: {}", run.err);
    }
}

#[test]
fn a_function_says_what_its_own_parameters_mean() {
    let of = |name: &str| chunkwise(&["functions", name]).out;
    assert!(of("coarsen").contains("axes         required: the length of the blocks"), "{}", of("coarsen"));
    assert!(of("transpose").contains("the order of the axes"));
    assert!(of("average").contains("without weights the mean") && !of("average").contains("second"));
}

#[test]
fn weights_of_another_shape_are_refused_in_english() {
    let run = chunkwise(&["eval", "average(ones((3, 4)), weights=ones((3, 2)))"]);
    assert!(run.err.contains("the weights of shape (3, 2) do not broadcast to the values of"), "{}", run.err);
    let run = chunkwise(&["eval", "mean(ones((3, 4)), where=ones((3, 2)) > 0)"]);
    assert!(run.err.contains("the where mask of shape (3, 2) does not broadcast"), "{}", run.err);
}
