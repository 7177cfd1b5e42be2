//! A run as jobs of the program, each a part of a plan: the answers of one run, or an error that says what is wrong.

mod common;

use chunkwise::{Array, DType};
use common::{dataset, elements, exact_text, folder, session, to_bytes, write_file};
use std::path::{Path, PathBuf};
use std::process::Command;

const SHAPE: [u64; 2] = [1203, 672];

struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs the program in a folder.
fn run(folder: &Path, args: &[&str]) -> Run {
    told(Command::new(env!("CARGO_BIN_EXE_chunkwise")).current_dir(folder).args(args))
}

fn told(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    Run { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// As [`run`]; it must succeed. Gives what it printed.
fn done(folder: &Path, args: &[&str]) -> String {
    let run = run(folder, args);
    assert_eq!(run.code, Some(0), "{args:?}: {}", run.err);
    run.out
}

/// As [`run`]; it must fail with this code, and say so.
fn fails(folder: &Path, args: &[&str], code: i32, says: &[&str]) {
    let run = run(folder, args);
    assert_eq!(run.code, Some(code), "{args:?}: {}", run.err);
    for text in says {
        assert!(run.err.contains(text), "{args:?}: '{text}' is not in\n{}", run.err);
    }
    assert!(run.out.is_empty(), "{}", run.out);
}

fn write(folder: &Path) -> PathBuf {
    let path = folder.join("data.h5");
    let len = SHAPE.iter().product();
    let data = |dtype, seed, mode| to_bytes(&elements(dtype, len, seed, mode));
    write_file(
        &path,
        &[
            (dataset("wide", &SHAPE, DType::F64, Some(&[100, 112]), Some(1)), &data(DType::F64, 1, "wide")),
            (dataset("nan", &SHAPE, DType::F32, Some(&[150, 224]), Some(1)), &data(DType::F32, 2, "nan")),
            (dataset("w", &SHAPE, DType::F32, Some(&[100, 112]), None), &data(DType::F32, 3, "wide")),
            (dataset("i", &SHAPE, DType::I16, Some(&[100, 112]), None), &data(DType::I16, 4, "wide")),
        ],
    );
    path
}

/// Whole reductions, reductions that keep axes, histograms, quantiles and others that take several stages, elements, and
/// what is in no file.
const EXPRESSIONS: &[&str] = &[
    "s=sum(wide)",
    "v=var(wide, axis=0)",
    "m=mean(wide, axis=1)",
    "top=nanargmax(nan)",
    "h=histogram(nan, bins=7, range=(-2, 2), weights=w)",
    "auto=histogram(wide, bins=5)",
    "flat=histogram2d(nan, i, bins=(3, 4), range=((-1, 1), (-300, 300)))[0]",
    "q=quantile(w, [0.1, 0.5])",
    "med=nanmedian(nan, axis=0)",
    "z=std((w - mean(w)) / std(w), axis=1)",
    "some=i[[3, 1, 200]] * 2 + 1",
    "groups=groupby_reduce(i, floor(arange(672) / 224).astype(int64), 'sum', axis=1)",
];

struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 16) % n.max(1)
    }

    fn shuffle<T>(&mut self, of: &mut [T]) {
        (1..of.len()).for_each(|i| of.swap(i, self.below(i as u64 + 1) as usize));
    }
}

fn tasks_of(folder: &Path, plan: &str) -> Vec<u64> {
    let document: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join(plan)).unwrap()).unwrap();
    document["tasks"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
}

/// Runs all stages but for the last merge in random ranges, on machines of different vector levels, threads and
/// budgets. Gives the arguments of the last merge.
fn in_pieces(here: &Path, rng: &mut Rng) -> Vec<String> {
    let tasks = tasks_of(here, "plan.json");
    let mut values: Vec<String> = Vec::new();
    for (stage, &n) in tasks.iter().enumerate() {
        let mut cuts: Vec<u64> = (0..rng.below(4)).map(|_| rng.below(n + 1)).chain([0, n]).collect();
        cuts.sort_unstable();
        let mut parts = Vec::new();
        for (k, cut) in cuts.windows(2).enumerate() {
            let (part, range) = (format!("part-{stage}-{k}"), format!("{}:{}", cut[0], cut[1]));
            let threads = ["1", "2", "3"][rng.below(3) as usize];
            let memory = ["16MiB", "64MiB", "256MiB"][rng.below(3) as usize];
            let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
            command.current_dir(here).args(["run-tasks", "plan.json", "--range", &range, "--output", &part]);
            command.args(["--threads", threads, "--memory", memory, "--device", "cpu"]).args(&values);
            if rng.below(2) == 0 {
                command.env("CHUNKWISE_SIMD", "baseline");
            }
            let run = told(&mut command);
            assert_eq!(run.code, Some(0), "{part}: {}", run.err);
            parts.push(part);
        }
        rng.shuffle(&mut parts);
        // Some are put together first.
        if parts.len() > 2 {
            let few: Vec<String> = parts.drain(..2).collect();
            let both = format!("both-{stage}");
            let args: Vec<&str> = ["merge", "plan.json", &few[0], &few[1], "--partial-to", &both]
                .into_iter()
                .chain(values.iter().map(String::as_str))
                .collect();
            done(here, &args);
            parts.push(both);
        }
        let merge = ["merge".to_string(), "plan.json".into()].into_iter().chain(parts).chain(values.clone());
        let merge: Vec<String> = merge.collect();
        if stage + 1 == tasks.len() {
            return merge;
        }
        let to = format!("values-{}", stage + 1);
        let args: Vec<&str> = merge.iter().map(String::as_str).chain(["--values-to", &to]).collect();
        assert_eq!(done(here, &args), "");
        values = vec!["--values".into(), to];
    }
    panic!("a plan without stages")
}

#[test]
fn jobs_give_the_answers_of_one_run() {
    let folder = folder();
    let here = folder.path();
    write(here);
    let asked: Vec<&str> = ["-i", "data.h5"].into_iter().chain(EXPRESSIONS.iter().copied()).collect();
    let with = |command: &'static str, more: &[&'static str]| -> Vec<&str> {
        std::iter::once(command).chain(asked.iter().copied()).chain(more.iter().copied()).collect()
    };
    let plan = run(here, &with("plan", &["--output", "plan.json"]));
    assert_eq!(plan.code, Some(0), "{}", plan.err);
    let tasks = tasks_of(here, "plan.json");
    assert!(tasks.len() >= 3 && tasks.iter().filter(|n| **n > 4).count() > 1, "{tasks:?}");
    let counts: Vec<String> = tasks.iter().map(u64::to_string).collect();
    assert!(
        plan.err.contains(&format!("{} stages of {} tasks", tasks.len(), counts.join(", "))),
        "{}",
        plan.err
    );
    let printed = done(here, &with("eval", &[]));
    let mut rng = Rng(7);
    for round in 0..3 {
        let merge = in_pieces(here, &mut rng);
        let merge: Vec<&str> = merge.iter().map(String::as_str).collect();
        assert_eq!(done(here, &merge), printed, "{round}");
        if round > 0 {
            clean(here);
            continue;
        }
        // As JSON, with what was noted; the accounts of the runs differ.
        let json = |text: &str| -> (serde_json::Value, serde_json::Value) {
            let all: serde_json::Value = serde_json::from_str(text).unwrap();
            (all["results"].clone(), all["notes"].clone())
        };
        let merged = done(here, &[&merge[..], &["--json"]].concat());
        assert_eq!(json(&merged), json(&done(here, &with("eval", &["--json"]))));
        // Stored.
        done(here, &[&merge[..], &["--output", "merged.h5", "--filter", "shuffle,deflate:1"]].concat());
        done(here, &with("eval", &["--output", "one.h5"]));
        let session = session(1, "64MiB");
        let names = [
            "s", "v", "m", "top", "q", "med", "z", "some", "groups", "flat", "h/counts", "h/sums", "h/edges",
        ];
        for name in names.into_iter().chain(["auto/counts", "auto/edges"]) {
            let of = |file: &str| {
                let array = Array::open(here.join(file), name).unwrap();
                exact_text(&session.run(&[&array]).unwrap().values[0])
            };
            assert_eq!(of("merged.h5"), of("one.h5"), "{name}");
        }
        fails(here, &[&merge[..], &["--output", "merged.h5"]].concat(), 2, &["exists already"]);
        done(here, &[&merge[..], &["--output", "merged.npz"]].concat());
        done(here, &with("eval", &["--output", "one.npz"]));
        fails(here, &[&merge[..], &["--output", "merged.csv"]].concat(), 2, &["are no table"]);
        clean(here);
    }
}

/// Removes what the pieces wrote.
fn clean(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if ["part-", "both-", "values-"].iter().any(|of| name.starts_with(of)) {
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn tables_and_units_are_those_of_one_run() {
    let folder = folder();
    let here = folder.path();
    write(here);
    done(
        here,
        &["plan", "-i", "data.h5", "m=mean(wide, axis=0)", "v=var(wide, axis=0)", "--output", "plan.json"],
    );
    for k in 0..3 {
        let (part, output) = (format!("{k}/3"), format!("part-{k}"));
        done(here, &["run-tasks", "plan.json", "--part", &part, "--output", &output]);
    }
    done(here, &["merge", "plan.json", "part-2", "part-0", "part-1", "--output", "merged.csv"]);
    done(
        here,
        &["eval", "-i", "data.h5", "m=mean(wide, axis=0)", "v=var(wide, axis=0)", "--output", "one.csv"],
    );
    let text = |name: &str| std::fs::read_to_string(here.join(name)).unwrap();
    assert_eq!(text("merged.csv"), text("one.csv"));
    // From standard output, as a shell has it; and a sign in front is no option.
    let plan = done(here, &["plan", "-i", "data.h5", "-wide[3, 5:9]"]);
    std::fs::write(here.join("short.json"), plan).unwrap();
    let tasks = tasks_of(here, "short.json")[0];
    done(here, &["run-tasks", "short.json", "--range", &format!("0:{tasks}"), "--output", "all"]);
    let merged = done(here, &["merge", "short.json", "all"]);
    assert_eq!(merged, done(here, &["eval", "-i", "data.h5", "-wide[3, 5:9]"]));
}

/// Of a mean that keeps axes, ranges finish tiles: what they come to is not much more than the result.
#[test]
fn ranges_of_a_mean_over_the_first_axis_send_values() {
    let folder = folder();
    let here = folder.path();
    let shape = [512u64, 256, 256];
    done(here, &["plan", "mean(random((512, 256, 256), seed=1), axis=0)", "--output", "plan.json"]);
    let mut bytes = 0;
    for k in 0..4 {
        let (part, output) = (format!("{k}/4"), format!("part-{k}"));
        done(here, &["run-tasks", "plan.json", "--part", &part, "--output", &output, "--device", "cpu"]);
        bytes += std::fs::metadata(here.join(&output)).unwrap().len();
    }
    let result = shape[1] * shape[2] * 8;
    println!("{bytes} bytes of partials, {result} of the result");
    assert!(bytes * 10 <= result * 12, "{bytes} of {result}");
    let merged = done(here, &["merge", "plan.json", "part-3", "part-1", "part-0", "part-2", "--json"]);
    let one = done(here, &["eval", "mean(random((512, 256, 256), seed=1), axis=0)", "--json"]);
    let results = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["results"].clone();
    assert!(results(&merged) == results(&one));
}

#[test]
fn what_is_wrong_with_partials_is_said() {
    let folder = folder();
    let here = folder.path();
    write(here);
    done(here, &["plan", "-i", "data.h5", "median(w)", "--output", "plan.json"]);
    let n = tasks_of(here, "plan.json")[0];
    let half = n / 2;
    let range = |a: u64, b: u64| format!("{a}:{b}");
    let part = |plan: &str, range: &str, name: &str| {
        done(here, &["run-tasks", plan, "--range", range, "--output", name]);
    };
    part("plan.json", &range(0, half), "a");
    part("plan.json", &range(half, n), "b");
    part("plan.json", &range(half - 1, n), "c");
    let merge = |parts: &[&'static str]| -> Vec<&str> {
        [&["merge", "plan.json", "--values-to", "values-1"][..], parts].concat()
    };
    let missing = format!("no partial has tasks {half}..{n}");
    fails(here, &merge(&["a"]), 1, &[&missing]);
    fails(here, &merge(&["a", "c"]), 1, &["is in two partials", "c"]);
    fails(here, &merge(&["a", "b", "a"]), 1, &["is in two partials", "file", "a"]);
    fails(here, &merge(&["a", "nowhere"]), 1, &["cannot read the partial", "nowhere"]);
    assert!(!here.join("values-1").exists());
    // Of another plan.
    done(here, &["plan", "-i", "data.h5", "median(i)", "--output", "other.json"]);
    part("other.json", &range(half, tasks_of(here, "other.json")[0]), "foreign");
    fails(here, &merge(&["a", "foreign"]), 1, &["another plan", "foreign"]);
    // Damaged, cut off, no partial at all.
    let mut bytes = std::fs::read(here.join("b")).unwrap();
    std::fs::write(here.join("cut"), &bytes[..bytes.len() / 2]).unwrap();
    let at = bytes.len() * 2 / 3;
    bytes[at] ^= 4;
    std::fs::write(here.join("bad"), &bytes).unwrap();
    fails(here, &merge(&["a", "bad"]), 1, &["damaged", "bad"]);
    fails(here, &merge(&["a", "cut"]), 1, &["cut off", "cut"]);
    fails(here, &merge(&["a", "data.h5"]), 1, &["no partial of chunkwise", "data.h5"]);
    // Several stages.
    fails(here, &["merge", "plan.json", "a", "b"], 2, &["partials of stage 0", "--values-to"]);
    done(here, &merge(&["a", "b"]));
    fails(here, &merge(&["a", "b"]), 2, &["values-1", "exists already"]);
    fails(
        here,
        &["run-tasks", "plan.json", "--stage", "1", "--range", "0:1"],
        2,
        &["reads values", "--values"],
    );
    fails(here, &["run-tasks", "plan.json", "--stage", "9", "--range", "0:1"], 2, &["there is no stage 9"]);
    fails(
        here,
        &["run-tasks", "plan.json", "--values", "a", "--range", "0:1"],
        1,
        &["a partial, not a list of values"],
    );
    fails(here, &["run-tasks", "other.json", "--values", "values-1", "--range", "0:1"], 1, &["another plan"]);
    fails(here, &["run-tasks", "plan.json", "--range", &range(0, n + 1), "--output", "x"], 1, &["tasks"]);
    fails(here, &["run-tasks", "plan.json", "--range", "5:1"], 2, &["a range is two numbers"]);
    fails(here, &["run-tasks", "plan.json", "--part", "3/3"], 2, &["the last one is 99/100"]);
    fails(here, &["run-tasks", "plan.json", "--range", "0:1", "--output", "a"], 2, &["exists already"]);
    fails(here, &["merge", "plan.json", "--values", "values-1", "a", "b"], 1, &["another plan or stage"]);
    let last = ["merge", "plan.json", "--values", "values-1", "a", "b", "--values-to", "v2"];
    fails(here, &last, 2, &["the last stage"]);
    // Nothing was left behind.
    let left = std::fs::read_dir(here).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.contains(".part") && name != "x" && name != "v2"));
}

#[test]
fn other_versions_and_other_files_are_refused_before_anything_runs() {
    let folder = folder();
    let here = folder.path();
    let data = write(here);
    done(here, &["plan", "-i", "data.h5", "sum(wide)", "--output", "plan.json"]);
    let text = std::fs::read_to_string(here.join("plan.json")).unwrap();
    let run_tasks = |plan: &str| -> Vec<String> {
        ["run-tasks", plan, "--range", "0:1", "--output", "part"].map(String::from).to_vec()
    };
    let refused = |text: &str, says: &[&str]| {
        std::fs::write(here.join("other.json"), text).unwrap();
        let args = run_tasks("other.json");
        fails(here, &args.iter().map(String::as_str).collect::<Vec<_>>(), 1, says);
    };
    let numerics = format!("\"numerics\":{}", chunkwise::plan::NUMERICS_VERSION);
    assert!(text.contains(&numerics));
    let version = format!("\"chunkwise\":\"{}\"", env!("CARGO_PKG_VERSION"));
    refused(&text.replacen(&version, "\"chunkwise\":\"9.9.9\"", 1), &["9.9.9", "the same version"]);
    refused(&text.replacen(&numerics, "\"numerics\":99", 1), &["numerics 99"]);
    refused(&text.replacen("\"masked\":false", "\"masked\":false,\"more\":1", 1), &["no plan"]);
    refused(&text[..text.len() / 2], &["no plan"]);
    refused("{}", &["no plan"]);
    // A plan that was changed: another dataset of the same shape.
    refused(
        &text.replace("\"/wide\"", "\"/nan\"").replace("\"dataset\":\"wide\"", "\"dataset\":\"nan\""),
        &["plan"],
    );
    // A file that changed, and one that is not there.
    std::thread::sleep(std::time::Duration::from_millis(20));
    write(here);
    let args = run_tasks("plan.json");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let machine = String::from_utf8(Command::new("uname").arg("-n").output().unwrap().stdout).unwrap();
    fails(here, &args, 1, &["changed", "data.h5", machine.trim()]);
    std::fs::remove_file(data).unwrap();
    fails(here, &args, 1, &["cannot find the file", "data.h5", machine.trim()]);
    assert!(!here.join("part").exists());
    // What is in no file goes along, up to a limit.
    fails(
        here,
        &["plan", "sum(array([1.0, 2.5, 3.0]))", "--inline", "1"],
        1,
        &["only this process has", "--inline"],
    );
}

/// The script of the examples, with a stand-in for SLURM's `sbatch` that starts a process for each job.
#[test]
#[cfg(unix)]
fn the_example_for_slurm_runs_with_a_stand_in() {
    let folder = folder();
    let here = folder.path();
    write(here);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (jobs, bin) = (here.join("jobs"), here.join("bin"));
    std::fs::create_dir_all(&jobs).unwrap();
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(root.join("tests/cluster/sbatch"), bin.join("sbatch")).unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let mut script = Command::new(root.join("examples/slurm.sh"));
    script.current_dir(here).env("PATH", path).env("STAND_IN_FOLDER", &jobs);
    script.env("CHUNKWISE", env!("CARGO_BIN_EXE_chunkwise"));
    script.env("SBATCH_OPTIONS", "--cpus-per-task=1 --mem=256M");
    let run = told(script.args(["work", "3", "-i", "data.h5", "m=mean(wide, axis=0)", "q=median(w)"]));
    let said = || -> String {
        let files = std::fs::read_dir(&jobs).unwrap().map(|e| e.unwrap().path());
        files.map(|f| format!("{}: {}\n", f.display(), std::fs::read_to_string(&f).unwrap())).collect()
    };
    assert_eq!(run.code, Some(0), "{}{}{}", run.out, run.err, said());
    assert!(run.out.contains("results.h5 when job"), "{}", run.out);
    let stages = tasks_of(&here.join("work"), "plan.json").len();
    assert!(stages > 1);
    let started = std::fs::read_dir(&jobs)
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("out-"));
    assert_eq!(started.count(), stages * 4, "{}", said());
    done(here, &["eval", "-i", "data.h5", "m=mean(wide, axis=0)", "q=median(w)", "--output", "one.h5"]);
    let session = session(1, "64MiB");
    for name in ["m", "q"] {
        let of = |file: &str| {
            let array = Array::open(here.join(file), name).unwrap_or_else(|e| panic!("{e}\n{}", said()));
            exact_text(&session.run(&[&array]).unwrap().values[0])
        };
        assert_eq!(of("work/results.h5"), of("one.h5"), "{name}");
    }
}
