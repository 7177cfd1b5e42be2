//! `chunkwise bench` as a user runs it: results in every form, the same data again, and wrong commands.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn bench(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chunkwise")).arg("bench").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_quick_run_tells_the_same_in_every_form_and_keeps_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (data, results) = (at("data"), at("r.json"));
    let some = [
        "--only",
        "hist",
        "--only",
        "mean.deflate",
        "--only",
        "expr_sqrt",
        "--only",
        "tasks",
        "--device",
        "cpu",
    ];
    let mut args = vec!["--quick", "--seed", "7", "--product", "64", "--data", &data, "--json", &results];
    args.extend(some);
    let first = bench(&args);
    assert!(first.status.success(), "{}", text(&first.stderr));
    let found = json(results.as_ref());
    let rows = found["rows"].as_array().unwrap();
    let keys: Vec<(&str, &str)> =
        rows.iter().map(|r| (r["work"].as_str().unwrap(), r["set"].as_str().unwrap())).collect();
    assert_eq!(
        keys,
        [
            ("hist", "uniform"),
            ("expr_sqrt", "uniform"),
            ("mean.deflate", "uniform"),
            ("tasks", "uniform"),
            ("hist", "lognormal"),
            ("expr_sqrt", "lognormal"),
            ("mean.deflate", "lognormal"),
        ]
    );
    // The bins hold all rows of the uniform set, and the positions of elements are right.
    let sum: f64 = rows[0]["answer"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).sum();
    assert_eq!(sum, f64::from(1 << 20));
    for key in ["memory.read", "memory.copy", "multiply_add.f32", "decode"] {
        let limit = found["limits"].as_array().unwrap().iter().find(|l| l["key"] == key);
        assert!(limit.is_some_and(|l| l["rate"].as_f64().unwrap() > 1e6), "{key}: {limit:?}");
    }

    // The table of these results is the one that the run printed.
    let shown = bench(&["--show", &results]);
    assert_eq!(text(&shown.stdout), text(&first.stdout));
    for title in ["histogram, 100 uniform bins", "mean(x)", "sqrt(a*a + b*b)*2 - 1"] {
        assert!(text(&first.stdout).contains(title), "{title}");
    }
    let (page, table) = (at("page.html"), at("table.md"));
    let forms = bench(&["--show", &results, "--html", &page, "--markdown", &table, "--json", "-"]);
    assert!(forms.status.success());
    assert_eq!(serde_json::from_slice::<Value>(&forms.stdout).unwrap(), found);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(std::fs::read_to_string(table).unwrap().contains("| histogram, 100 uniform bins |"));

    // What is no plain file is written to and stays what it is.
    #[cfg(unix)]
    {
        let pipe = at("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read_to_string(pipe).unwrap()
        });
        assert!(bench(&["--show", &results, "--html", &pipe]).status.success());
        assert_eq!(reader.join().unwrap(), page);
        std::fs::remove_file(pipe).unwrap();
    }

    // The same data give the same answers; other data are not made in their place.
    let again = at("again.json");
    let mut args = vec!["--data", &data, "--no-limits", "--no-check", "--rounds", "2", "--json", &again];
    args.extend(some);
    assert!(bench(&args).status.success());
    let again = json(again.as_ref());
    for (a, b) in rows.iter().zip(again["rows"].as_array().unwrap()) {
        assert_eq!(a["answer"], b["answer"], "{}", a["work"]);
        assert_eq!(b["seconds"].as_array().unwrap().len(), 2);
    }
    assert_eq!(again["settings"]["seed"], 7);
    let other = bench(&["--data", &data, "--seed", "8", "--quick"]);
    assert_eq!(other.status.code(), Some(2));
    assert!(text(&other.stderr).contains("another seed or size"), "{}", text(&other.stderr));
    // Nothing but results and data is left.
    let mut left: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["again.json", "data", "page.html", "r.json", "table.md"]);
}

#[test]
fn a_damaged_column_is_a_wrong_answer_and_nothing_is_timed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let at = data.display().to_string();
    let made = bench(&["--quick", "--seed", "3", "--product", "64", "--data", &at, "--make-only"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert_eq!(text(&made.stdout).trim(), data.join("manifest.json").display().to_string());
    // Another seed in the list: the files do not hold what it says.
    let list = data.join("manifest.json");
    let text_of = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, text_of.replace("\"seed\": 3", "\"seed\": 4")).unwrap();
    let out = folder.path().join("r.json").display().to_string();
    let run = bench(&["--data", &at, "--only", "mean.plain", "--device", "cpu", "--json", &out]);
    assert_eq!(run.status.code(), Some(1));
    let said = text(&run.stderr);
    for part in ["a wrong answer", "mean.plain", "uniform"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!Path::new(&out).exists());
}

#[test]
fn wrong_commands_say_what_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let data = at("data");
    let made = bench(&["--quick", "--product", "64", "--data", &data, "--make-only"]);
    assert!(made.status.success());
    let missing = at("no/such/folder/r.json");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["--data", &data, "--only", "speed"], 2, "the works are"),
        (&["--data", &data, "--set", "normal"], 2, "uniform, lognormal"),
        (&["--data", &data, "--json", &missing], 1, "cannot write in the target's folder"),
        (&["--show", &missing], 1, "cannot read the results"),
        (&["--rounds", "0"], 2, "1..=1000"),
        (&["--limits-only", "--only", "hist"], 2, "cannot be used with"),
        (&["--make-only"], 2, "--data"),
    ];
    for (args, code, part) in cases {
        let run = bench(args);
        let said = text(&run.stderr);
        assert_eq!(run.status.code(), Some(*code), "{args:?}: {said}");
        assert!(said.contains(part), "{args:?}: {said}");
    }
    std::fs::write(folder.path().join("r.json"), "{}").unwrap();
    let run = bench(&["--show", &at("r.json")]);
    assert!(run.status.code() == Some(1) && text(&run.stderr).contains("no results of a benchmark"));
    // A folder that cannot be one.
    std::fs::write(folder.path().join("file"), "").unwrap();
    let run = bench(&["--quick", "--data", &at("file")]);
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stderr));
}
