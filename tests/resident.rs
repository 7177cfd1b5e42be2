//! The built tool at the smallest budget that it names, over files whose outputs would take a pass each if
//! accumulators were all that counted: it holds the budget and 96 MiB, and ends.
//!
//! The test has a process of its own: Linux counts what a process held when it started another one as held
//! by that one too, and other tests hold much.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/limited.rs"]
mod limited;

use chunkwise::DType;
use common::{dataset, folder, write_file};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The built tool at the budget that it names, over outputs that are many.
#[test]
fn the_process_holds_the_smallest_budget_that_it_names() {
    const ALLOWANCE: u64 = 96 << 20;
    let folder = folder();
    let path = folder.path().join("wide.h5");
    let (rows, columns) = (4u64, 600_000u64);
    let zeros = vec![0u8; (rows * columns * 4) as usize];
    let of = |name, shape: &[u64], chunks: &[u64], deflate| {
        (dataset(name, shape, DType::F32, Some(chunks), deflate), zeros.as_slice())
    };
    write_file(
        &path,
        &[
            of("x", &[rows, columns], &[1, 60_000], Some(1)),
            of("p", &[rows, columns], &[1, 60_000], None),
            of("f", &[rows * columns], &[50_000], Some(1)),
            of("t", &[columns, rows], &[columns / 4, 1], Some(1)),
        ],
    );
    let eval = |text: &str, memory: u64, output: Option<&Path>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
        let memory = memory.to_string();
        command.args(["eval", "--device", "cpu", "--threads", "2", "--memory", &memory]);
        for name in ["x", "p", "f", "t"] {
            command.arg("-i").arg(format!("{name}={}:/{name}", path.display()));
        }
        match output {
            Some(output) => command.arg("--output").arg(output),
            None => command.arg("--json"),
        };
        limited::watched(command.arg(text), Duration::from_secs(60))
    };
    let cases = [
        "sum(x, axis=0)",
        "std(p, axis=0)",
        "std(reshape(f, (4, 600000)), axis=0)",
        "sum(reshape(x, (600000, 4)), axis=1)",
        "sum(reshape(f, (4, 600, 1000)), axis=0)",
        "var(t, axis=1)",
        "mean(t.T, axis=0)",
        "max(x - mean(x, axis=0), axis=0)",
        "sum(concatenate([x, p], axis=0), axis=0)",
        "std(x * reshape(f, (4, 600000)), axis=0)",
        "x @ t",
        "histogram(x, bins=200000, range=[-1, 1], weights=p)",
        "x + p",
    ];
    // What takes several passes, in larger budgets too.
    let passes = [
        "std(x - mean(x, axis=0))",
        "max((x - mean(x, axis=0)) / (std(x, axis=0) + 1), axis=1)",
        "max(cumsum(x, axis=0))",
        "sum(cumsum(x - mean(x, axis=0), axis=1)[:, -1])",
        "median(x, axis=0)",
        "percentile(f, 99)",
        "std(x[x >= 0])",
        "mean(x * p, axis=0)",
    ];
    for (text, larger) in
        cases.iter().map(|text| (text, 1..=1)).chain(passes.iter().map(|text| (text, 1..=3)))
    {
        for stored in [false, true] {
            if stored && text.starts_with("histogram") {
                continue;
            }
            let output = folder.path().join("out.h5");
            let output = stored.then_some(output.as_path());
            let refused = eval(text, 1000, output);
            let rest = refused.err.split("smallest budget that works is ").nth(1);
            let rest = rest.unwrap_or_else(|| panic!("{text}: {refused:?}"));
            let needed: u64 = rest.split(' ').next().unwrap().parse().unwrap();
            for memory in larger.clone().map(|k| needed * k) {
                let ran = eval(text, memory, output);
                println!("{text}, stored {stored}: {memory} bytes, {} resident, {:?}", ran.peak, ran.took);
                assert!(ran.code == Some(0) && !ran.late, "{text} in {memory}: {ran:?}");
                assert!(ran.peak <= memory + ALLOWANCE, "{text} in {memory}: {} resident", ran.peak);
                if let Some(output) = output {
                    std::fs::remove_file(output).unwrap();
                }
            }
        }
    }
}
