//! Profiles at the command line: their bins are printed, drawn and stored beside their values.

use serde_json::Value as Json;
use std::process::Command;

const X: &str = "x=array([0.5, 1.5, 1.5, 2.5, 3.5, 3.5])";
const PROFILE: &str = "p=binned_statistic(x, square(x), 'sum', bins=[0, 1, 2, 4])";
const VALUES: [f64; 3] = [0.25, 4.5, 30.75];
const EDGES: [f64; 4] = [0.0, 1.0, 2.0, 4.0];

fn eval(args: &[&str]) -> String {
    let out =
        Command::new(env!("CARGO_BIN_EXE_chunkwise")).args(["eval", "--let", X]).args(args).output().unwrap();
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn json(args: &[&str]) -> Json {
    serde_json::from_str(&eval(&[&["--json"], args].concat())).unwrap()
}

fn floats(json: &Json) -> Vec<f64> {
    json.get("data").unwrap_or(json).as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn a_profile_is_a_table_of_its_bins() {
    let table =
        "p = in 3 bins of x\n  from  to  value\n     0   1   0.25\n     1   2    4.5\n     2   4  30.75\n";
    assert_eq!(eval(&[PROFILE]), table);
    // What is computed of it has its bins still; what is chosen of it has not.
    assert_eq!(eval(&["--let", PROFILE, "q=p*1"]).lines().count(), 5);
    assert_eq!(eval(&["--let", PROFILE, "q=p[1:]"]), "q = [ 4.5  30.75]\n");
    // Nor has what takes bins of two histograms.
    let other = "q=binned_statistic(x, x, 'sum', bins=[0, 2, 3, 4])";
    assert_eq!(eval(&["--let", PROFILE, "--let", other, "r=p + q"]).lines().count(), 1);
    assert_eq!(
        eval(&["n=histogram(x, bins=2)[0]"]),
        "n = in 2 bins of x\n  from   to  value\n   0.5    2      3\n     2  3.5      3\n"
    );
}

#[test]
fn json_says_the_edges_beside_the_values() {
    let found = json(&[PROFILE, "mean(x)"]);
    assert_eq!(floats(&found["results"]["p"]), VALUES);
    assert_eq!(floats(&found["edges"]["p"][0]), EDGES);
    assert_eq!(found["edges"].as_object().unwrap().len(), 1);
    let two = json(&["p=binned_statistic_2d(x, x, x, 'count', bins=[2, 3], range=((0, 4), (0, 3)))"]);
    assert_eq!(floats(&two["edges"]["p"][0]), [0.0, 2.0, 4.0]);
    assert_eq!(floats(&two["edges"]["p"][1]), [0.0, 1.0, 2.0, 3.0]);
    assert!(json(&["mean(x)"]).get("edges").is_none());
}

#[test]
fn an_automatic_range_is_the_one_that_the_values_were_binned_by() {
    let found = json(&["p=binned_statistic(x, x, 'sum', bins=3)", "e=histogram_bin_edges(x, bins=3)"]);
    assert_eq!(floats(&found["edges"]["p"][0]), floats(&found["results"]["e"]));
    assert_eq!(floats(&found["results"]["p"]), [0.5, 1.5 + 1.5, 2.5 + 3.5 + 3.5]);
}

#[test]
fn files_have_the_edges_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_string();
    let csv = path("p.csv");
    eval(&[PROFILE, "--output", &csv]);
    assert_eq!(
        std::fs::read_to_string(csv).unwrap(),
        "p_from,p_to,p\n0.0,1.0,0.25\n1.0,2.0,4.5\n2.0,4.0,30.75\n"
    );
    for name in ["p.h5", "p.npz"] {
        let file = path(name);
        eval(&[PROFILE, "--output", &file]);
        assert!(std::fs::metadata(&file).unwrap().len() > 0);
    }
    let file = path("p.h5");
    let read = json(&["-i", &format!("f={file}"), "v=f.p", "e=f.p_edges"]);
    assert_eq!(
        (floats(&read["results"]["v"]), floats(&read["results"]["e"])),
        (VALUES.to_vec(), EDGES.to_vec())
    );
    // A file of one array.
    eval(&[PROFILE, "--output", &path("p.npy")]);
}

#[cfg(feature = "plot")]
#[test]
fn a_picture_has_the_bins_on_its_axes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("p.svg");
    let svg = |expression: &str| {
        eval(&[expression, "--plot", file.to_str().unwrap()]);
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        text
    };
    let one = svg(PROFILE);
    assert!(!one.contains("\nindex\n") && one.contains("\nx\n"), "{one}");
    let two = svg("p=binned_statistic_2d(x, 10*x, x, 'mean', bins=[2, 3])");
    assert!(!two.contains("index along") && two.contains("\n10*x\n"), "{two}");
}

/// Against those of what is in each bin, sorted.
#[test]
fn medians_in_bins_are_those_of_what_is_in_them() {
    let n = 500u64;
    let x: Vec<f64> = (0..n).map(|i| ((i * 7919) % 1009) as f64 / 100.0).collect();
    let y: Vec<f64> = (0..n).map(|i| ((i * 104_729) % 997) as f64 - 300.0).collect();
    let median = |mut inside: Vec<f64>| {
        inside.sort_by(f64::total_cmp);
        let n = inside.len();
        if n == 0 { f64::NAN } else { (inside[(n - 1) / 2] + inside[n / 2]) / 2.0 }
    };
    let lets =
        ["--let", "u=(arange(500) * 7919 % 1009) / 100", "--let", "v=arange(500) * 104729 % 997 - 300.0"];
    let numbers = |text: &str| {
        let found = json(&[&lets[..], &[&format!("r={text}")]].concat());
        let found = &found["results"]["r"];
        let list = found.get("data").unwrap_or(found).as_array().unwrap();
        list.iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect::<Vec<_>>()
    };
    let same = |a: &[f64], b: &[f64]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || a.is_nan() && b.is_nan())
    };
    let (low, high) =
        (x.iter().copied().fold(f64::MAX, f64::min), x.iter().copied().fold(f64::MIN, f64::max));
    for (text, edges, keep) in [
        (
            "binned_statistic(u, v, 'median', bins=[0, 1, 2, 5, 20, 30])",
            vec![0.0, 1.0, 2.0, 5.0, 20.0, 30.0],
            1,
        ),
        (
            "binned_statistic(u, v, 'median', bins=3)",
            (0..4).map(|i| low + (high - low) / 3.0 * f64::from(i)).collect(),
            1,
        ),
        ("binned_statistic(u, v, 'median', bins=[0, 1, 2], where=v % 2 == 0)", vec![0.0, 1.0, 2.0], 2),
    ] {
        let want: Vec<f64> = edges
            .windows(2)
            .enumerate()
            .map(|(i, e)| {
                let last = i + 2 == edges.len();
                let inside = x.iter().zip(&y).filter(|(x, y)| {
                    (e[0] <= **x && **x < e[1] || last && **x >= e[1] && **x <= e[1] + 1e-12)
                        && **y % f64::from(keep) == 0.0
                });
                median(inside.map(|(_, y)| *y).collect())
            })
            .collect();
        assert!(same(&numbers(text), &want), "{text}: {:?} {want:?}", numbers(text));
    }
    let shown = eval(&[&lets[..], &["r=binned_statistic(u, v, 'median', bins=[0, 1, 2]) / 2"]].concat());
    assert!(shown.starts_with("r = in 2 bins of u\n  from  to"), "{shown}");
    // So many that no list of them fits memory.
    let far = ["eval", "binned_statistic_2d(arange(4.0), arange(4.0), arange(4.0), 'median', bins=100000)"];
    let out = Command::new(env!("CARGO_BIN_EXE_chunkwise")).args(far).output().unwrap();
    let err = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.code() == Some(2) && err.contains("bins are more than"), "{err}");
    let flat = numbers("ravel(binned_statistic_2d(u, v, v, 'median', bins=([0, 5, 11], [-300, 0, 700])))");
    for (i, (a, b)) in [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().enumerate() {
        let inside =
            x.iter().zip(&y).filter(|(x, y)| usize::from(**x >= 5.0) == a && usize::from(**y >= 0.0) == b);
        assert_eq!(flat[i], median(inside.map(|(_, y)| *y).collect()), "{a} {b}");
    }
}
