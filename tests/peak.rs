//! The peak of resident memory, as the system sees it: the built tool answers questions about files in
//! budgets from 64 MiB to 2 GiB, on 1, 2 and 8 threads, and its process never holds more than the budget and
//! 96 MiB (code, threads, libraries). What the tool counted stays within the budget. The answers are known
//! by construction, as whole numbers, and are the same in every budget.
//!
//! The ignored test does the same with files of 512 MiB and a product of 16384 × 16384:
//!
//!     cargo test --release --test peak -- --ignored --nocapture
//!
//! `CHUNKWISE_BIG_DIR` is where its files go (7 GB), the folder for temporary files if it is not set.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/oracle.rs"]
mod oracle;

use chunkwise::DType;
use chunkwise::grid::Region;
use chunkwise::sink::hdf5::{DatasetSpec, Hdf5Writer, WriteScratch};
use common::{dataset, fraction, whole};
use oracle::{F32, Moments};
use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const BUDGETS: [u64; 4] = [64 << 20, 256 << 20, 512 << 20, 2 << 30];
const THREADS: [u64; 3] = [1, 2, 8];
const ALLOWANCE: u64 = 96 << 20;
/// Elements of a chunk.
const CHUNK: u64 = 1 << 18;
const STORAGES: [&str; 3] = ["deflate", "plain", "contiguous"];
const BINS: u64 = 100;

/// A question and its answer, as the tool prints it.
struct Question {
    text: String,
    answer: Vec<f64>,
}

/// Writes x and y of `n` elements in every storage; the questions about them.
fn columns(path: &Path, n: u64) -> Vec<Question> {
    let specs: Vec<DatasetSpec> = STORAGES
        .iter()
        .flat_map(|s| ["x", "y"].map(|name| (format!("{s}/{name}"), *s)))
        .map(|(name, storage)| {
            let chunks = [CHUNK];
            let chunked = (storage != "contiguous").then_some(&chunks[..]);
            dataset(&name, &[n], DType::F32, chunked, (storage == "deflate").then_some(1))
        })
        .collect();
    let writer = Hdf5Writer::create(path, &specs).unwrap();
    let mut scratch = WriteScratch::new();
    let (mut sum, mut squares, mut expression) = (0u64, 0u128, 0i128);
    let mut bins = vec![0u64; BINS as usize];
    let mut values = [vec![0f32; CHUNK as usize], vec![0f32; CHUNK as usize]];
    for chunk in 0..n / CHUNK {
        for i in 0..CHUNK {
            let [a, b] = [0, 1].map(|seed| whole(seed, chunk * CHUNK + i));
            let (x, y) = (fraction(a), fraction(b));
            (values[0][i as usize], values[1][i as usize]) = (x, y);
            sum += a;
            squares += u128::from(a) * u128::from(a);
            // In float32, step by step; every result is a multiple of 2^-30.
            expression += (f64::from((x * x + y * y).sqrt() * 2.0 - 1.0) * (1u64 << 30) as f64) as i128;
            // Bins of whole numbers: k * 2^-24 < j / 100.
            bins[((a * BINS) >> 24) as usize] += 1;
        }
        for (d, spec) in specs.iter().enumerate() {
            let bytes = bytemuck::cast_slice(&values[d % 2]);
            if spec.chunks.is_some() {
                writer.write_chunk(d, &[chunk], bytes, &mut scratch).unwrap();
            } else {
                let region = Region { start: [chunk * CHUNK][..].into(), shape: [CHUNK][..].into() };
                writer.write_region(d, &region, bytes).unwrap();
            }
        }
    }
    writer.finish().unwrap();
    let moments = Moments::from_whole(n, sum as i128, squares, 24);
    let expression = expression as f32 * (1.0 / (1u64 << 30) as f32);
    let counts = bins.iter().map(|&c| c as f64).collect();
    let question = |text: &str, answer| Question { text: text.into(), answer };
    vec![
        question("mean(x)", vec![f64::from(moments.mean(F32) as f32)]),
        question("std(x)", vec![f64::from(moments.std(0, F32) as f32)]),
        question("sum(sqrt(x*x+y*y)*2-1)", vec![f64::from(expression)]),
        question(&format!("histogram(x, bins={BINS}, range=[0, 1])"), counts),
    ]
}

/// Writes p and q, `n` × `n` whole numbers so small that all sums are exact; the question.
fn factors(path: &Path, n: u64) -> Question {
    let specs = ["p", "q"].map(|name| dataset(name, &[n, n], DType::F32, Some(&[1024, 1024]), None));
    let writer = Hdf5Writer::create(path, &specs).unwrap();
    let mut scratch = WriteScratch::new();
    let mut sums = [vec![0u64; n as usize], vec![0u64; n as usize]];
    let mut values = vec![0f32; 1 << 20];
    for (d, sums) in sums.iter_mut().enumerate() {
        for tile in 0..(n / 1024).pow(2) {
            let at = [tile / (n / 1024), tile % (n / 1024)];
            for (i, value) in values.iter_mut().enumerate() {
                let (row, column) = (at[0] * 1024 + i as u64 / 1024, at[1] * 1024 + i as u64 % 1024);
                let k = whole(2 + d as u64, row * n + column) >> 22;
                *value = k as f32;
                // Columns of p meet rows of q.
                sums[if d == 0 { column } else { row } as usize] += k;
            }
            writer.write_chunk(d, &at, bytemuck::cast_slice(&values), &mut scratch).unwrap();
        }
    }
    writer.finish().unwrap();
    let exact: u64 = sums[0].iter().zip(&sums[1]).map(|(a, b)| a * b).sum();
    Question { text: "sum(p @ q)".into(), answer: vec![f64::from(exact as f32)] }
}

/// Runs the tool; what it printed, and the most memory that its process ever had resident.
fn resident(args: &[String]) -> (Value, u64) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chunkwise"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // `wait4` below waits for it, and tells what it used.
    #[allow(clippy::zombie_processes)]
    let mut child = command.spawn().unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    let mut status = 0;
    // SAFETY: all zeros are a value of this plain struct.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the child is this process' own and nobody else waits for it; both places are valid.
    let pid = unsafe { libc::wait4(child.id() as i32, &mut status, 0, &mut usage) };
    assert_eq!(pid, child.id() as i32, "{}", std::io::Error::last_os_error());
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{args:?}: {status:x}\n{err}");
    (serde_json::from_str(&out).unwrap(), usage.ru_maxrss as u64 * 1024)
}

/// Asks in so many bytes and threads; what was wrong, if something was.
fn ask(question: &Question, inputs: &[(&str, String)], budget: u64, threads: u64) -> Result<(), String> {
    let mut args: Vec<String> = ["eval", "--json", "--device", "cpu", "--memory"].map(String::from).into();
    args.extend([budget.to_string(), "--threads".into(), threads.to_string(), question.text.clone()]);
    inputs.iter().for_each(|(name, place)| args.extend(["-i".into(), format!("{name}={place}")]));
    let (answer, resident) = resident(&args);
    let (result, report) = (&answer["results"][&question.text], &answer["report"]);
    let numbers = match result["counts"].as_array() {
        Some(counts) => counts.iter().map(|c| c.as_f64().unwrap()).collect(),
        None => vec![f64::from(result["data"].as_f64().unwrap() as f32)],
    };
    let counted = report["peak_host_bytes"].as_u64().unwrap();
    let projected = report["projected_host_bytes"].as_u64().unwrap();
    let mib = |b: u64| b >> 20;
    println!(
        "{} {} in {} MiB on {threads}: {} MiB resident, {} counted, {} projected, {:.2} s",
        question.text,
        inputs[0].1,
        mib(budget),
        mib(resident),
        mib(counted),
        mib(projected),
        report["elapsed_s"].as_f64().unwrap(),
    );
    let wrong = |what: String| Err(format!("{} {inputs:?} in {budget} on {threads}: {what}", question.text));
    if numbers != question.answer {
        return wrong(format!("{numbers:?}, and not {:?}", question.answer));
    }
    if counted > projected || projected > budget {
        return wrong(format!("{counted} bytes counted, {projected} projected"));
    }
    if resident > budget + ALLOWANCE {
        return wrong(format!("{} MiB resident", mib(resident)));
    }
    // The whole file was read: nothing was answered from elsewhere.
    if report["bytes_decoded"].as_u64().unwrap() == 0 {
        return wrong("nothing was read".into());
    }
    Ok(())
}

/// Asks everything, each question in every `step`-th pair of a budget and a number of threads.
fn ask_all(folder: &Path, elements: u64, edge: u64, step: usize, products: &[(u64, u64)]) {
    let (file, product): (PathBuf, PathBuf) = (folder.join("columns.h5"), folder.join("product.h5"));
    let pairs: Vec<(u64, u64)> = BUDGETS.iter().flat_map(|&b| THREADS.map(|t| (b, t))).collect();
    let mut failed = Vec::new();
    for (q, question) in columns(&file, elements).iter().enumerate() {
        for (s, storage) in STORAGES.iter().enumerate() {
            let place = |name| (name, format!("{}:/{storage}/{name}", file.display()));
            for &(budget, threads) in pairs.iter().skip((q + s) % step).step_by(step) {
                failed.extend(ask(question, &[place("x"), place("y")], budget, threads).err());
            }
        }
    }
    let question = factors(&product, edge);
    let place = |name| (name, format!("{}:/{name}", product.display()));
    for &(budget, threads) in products {
        failed.extend(ask(&question, &[place("p"), place("q")], budget, threads).err());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_process_stays_within_its_budget() {
    let folder = common::folder();
    let products = [(64 << 20, 8), (64 << 20, 1), (256 << 20, 2), (512 << 20, 8), (2 << 30, 2)];
    ask_all(folder.path(), 1 << 24, 3072, 5, &products);
}

#[test]
#[ignore = "writes and reads gigabytes; see the head of this file"]
fn the_process_stays_within_its_budget_at_full_size() {
    let folder = match std::env::var_os("CHUNKWISE_BIG_DIR") {
        Some(dir) => tempfile::tempdir_in(dir).unwrap(),
        None => common::folder(),
    };
    ask_all(folder.path(), 1 << 27, 16384, 1, &[(512 << 20, 2), (512 << 20, 8)]);
}
