//! The built binary: what it prints, what it says, how it exits.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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
        r["result"],
        serde_json::json!({"kind": "array", "dtype": "float64", "shape": [], "data": 5.5})
    );
    assert_eq!(r["y"]["data"][1], serde_json::json!([2.0, 10.0, 18.0]));
    assert_eq!(r["result2"]["data"], serde_json::json!([24.0, 30.0, 36.0, 42.0]));
    assert_eq!(r["result3"]["data"], serde_json::json!([1.5, "NaN", "-Infinity"]));
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
    assert_eq!(v["results"]["result3"]["counts"], serde_json::json!([2500, 2500, 2500, 2500]));
    assert_eq!(json(&file, &["mean(d[:10])"], &[])["report"]["chunks_decoded"], 1);
    let h = json(&file, &["histogram2d(d, m, bins=(2, 1), range=((0, 5000), (0, 2)))"], &[]);
    let h = &h["results"]["result"];
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
    assert_eq!(run.out, "result = 5.5\ns =\n[[0. 1. 2. 3.]\n [4. 5. 6. 7.]]\n");
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
        ("mean(rho)", &["unknown name 'rho'", "\n       ^~~\n"][..]),
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
        &["eval", "-i", "x", "1"],
        &["eval", "-i", "x=nopath.h5", "1"],
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
        (format!("{here}:/g"), &["group", "/g", "chunkwise info"]),
        (format!("{here}:/names"), &["string", "/names"]),
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
            "  time  float64 (7,), big-endian, record, 56 B, a dimension scale",
            "    @units = \"days since 1970-01-01\"",
            "  record_f4  float32 (7, 3), big-endian, record, 84 B, axes [/time, /y]",
            "  fixed_i1  int8 (3, 5), contiguous, 15 B",
            "  text  string of 1 bytes (not numeric) (7, 5), record, 35 B",
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
        assert_eq!(v["results"]["result"]["data"], 63.0);
        assert_eq!(v["results"]["result2"]["data"], serde_json::json!([5.0, 6.0, 0.0, 1.0]));
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
    for command in ["info", "devices", "eval", "demo"] {
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
    let refused = store("h=histogram(x, bins=3)");
    assert_eq!(refused.code, Some(2));
    assert!(!out.exists());
    let stored = store("twice=x * 2");
    assert_eq!(stored.code, Some(0), "{}", stored.err);
    let y = format!("y={}:/twice", out.display());
    let same = chunkwise(&["eval", "-i", &x, "-i", &y, "all(y == x * 2)"]);
    assert_eq!(same.out.trim(), "result = True");
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
    assert_eq!(of("all(b == sqrt(abs(a))) & (m == mean(a))").out.trim(), "result = True");
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
        serde_json::from_str::<Value>(&run.out).unwrap()["results"]["result"]["data"].clone()
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
