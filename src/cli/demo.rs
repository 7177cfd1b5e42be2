//! `chunkwise demo`: a snapshot-like file is made, questions are asked, the file is removed.
//!
//! The data and the questions are expressions, the same as `chunkwise eval` takes. The file is
//! written chunk by chunk: each worker computes a stretch of all fields with a session of one thread
//! and compresses it; nothing is ever held as a whole.

use super::args::Demo;
use super::bar::Bar;
use super::eval::{named, of};
use super::output;
use super::render::histogram_picture;
use super::signals::Run;
use super::targets::{Existing, check_target};
use super::{Done, Failure};
use chunkwise::expr::{Expression, Scope};
use chunkwise::sink::hdf5::{AttributeData, DatasetSpec, Filter, Hdf5Writer, WriteScratch};
use chunkwise::size::{human_bytes, human_duration};
use chunkwise::{Array, BlockOrder, Cancel, Error, ErrorKind, FallbackPolicy, Index, Result, Session, Weak};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Particles per storage chunk.
const CHUNK: u64 = 1 << 17;
/// Deflate's level: fast, as simulation codes choose it.
const LEVEL: u8 = 1;

/// Steps towards the fields: a Gaussian from two uniform numbers, then its use.
const STEPS: &[(&str, &str)] = &[
    (
        "g",
        "sqrt(-2 * log(1 - random((n,), seed=1, dtype=float32))) * cos(2 * pi * random((n,), seed=2, dtype=float32))",
    ),
    ("s", "random((n,), seed=3, dtype=float32) + random((n,), seed=4, dtype=float32) - 1"),
];

/// The fields of the snapshot: name, unit, and how it is made.
const FIELDS: &[(&str, &str, &str)] = &[
    ("Density", "Msun / kpc^3", "10 ** (3.5 + 1.1 * g)"),
    ("Temperature", "K", "10 ** (4.8 + where(g < 1, 0.6 * g, 1.2 - 0.6 * g) + 0.5 * s)"),
    ("Masses", "Msun", "1e6 * (1 + 0.25 * s)"),
    ("Coordinates", "kpc", "1e5 * random((n, 3), seed=5, dtype=float32)"),
];

/// Names for the fields in the questions.
const NAMES: [&str; 4] = ["rho", "T", "m", "pos"];

/// The questions.
const QUESTIONS: &[(&str, &str, &str)] = &[
    ("What is the mean density? Exactly, rounded once:", "mean_density", "mean(rho, dtype=float64)"),
    (
        "How much mass is there at which temperature?",
        "temperatures",
        "histogram(T, bins=20, range=(100, 1e6), log=True, weights=m)",
    ),
    (
        "Where does the gas lie in the plane of density and temperature?",
        "phases",
        "histogram2d(log10(rho), log10(T), bins=(60, 20), range=((-1, 8), (2.5, 7)), weights=m)",
    ),
    (
        "How do the coordinates go together? A product of matrices, over the number of particles:",
        "moments",
        "float64(pos.T) @ float64(pos) / pos.shape[0]",
    ),
];

/// Makes the file, asks, and removes the file.
///
/// # Errors
/// What writing, reading and computing can meet.
pub fn run(args: &Demo, cancel: &Cancel) -> Done {
    let _run = Run::begin();
    let (file, folder) = place(args)?;
    let mut out = io::stdout().lock();
    let start = Instant::now();
    make(args, &file, cancel)?;
    let bytes = std::fs::metadata(&file).map_err(|e| failed("cannot find the new file", e))?.len();
    writeln!(
        out,
        "{}: {} particles, {} of float32 stored in {}, made in {}\n",
        file.display(),
        args.particles,
        human_bytes(args.particles.saturating_mul(24)),
        human_bytes(bytes),
        human_duration(start.elapsed()),
    )?;
    ask(args, &file, cancel, &mut out)?;
    drop(folder);
    if args.keep.is_none() {
        writeln!(out, "The file is removed; --keep FILE keeps it.")?;
    }
    Ok(())
}

/// Where the file goes, and the folder that is removed when it goes out of scope, on errors too.
fn place(args: &Demo) -> Result<(PathBuf, Option<tempfile::TempDir>), Failure> {
    match &args.keep {
        Some(file) => {
            check_target("--keep", file, Existing::Refuse, &[])?;
            Ok((file.clone(), None))
        }
        None => {
            let folder = tempfile::Builder::new().prefix("chunkwise-demo-").tempdir();
            let folder = folder.map_err(|e| failed("cannot make a temporary folder", e))?;
            Ok((folder.path().join("snapshot.hdf5"), Some(folder)))
        }
    }
}

fn failed(what: &str, e: io::Error) -> Error {
    Error::new(ErrorKind::Io, what).caused_by(e)
}

/// What an expression of the tables above stands for.
fn array(scope: &Scope, text: &str) -> Result<Array> {
    Expression::parse(text)?.array(scope)
}

fn make(args: &Demo, file: &Path, cancel: &Cancel) -> Done {
    let n = args.particles;
    let mut scope = Scope::new();
    scope.define("n", Weak::Int(n.into()));
    for (name, text) in STEPS {
        let step = array(&scope, text)?;
        scope.define(name, step);
    }
    let fields = FIELDS.iter().map(|(.., text)| array(&scope, text)).collect::<Result<Vec<_>>>()?;
    let mut specs = Vec::new();
    for ((name, unit, _), field) in FIELDS.iter().zip(&fields) {
        let shape = field.shape()?.to_vec();
        let mut chunks = shape.clone();
        chunks[0] = CHUNK.min(n);
        specs.push(DatasetSpec {
            chunks: Some(chunks),
            filters: Filter::shuffle_deflate(LEVEL),
            attributes: vec![("unit".into(), AttributeData::Text(unit.to_string()))],
            ..DatasetSpec::new(format!("/PartType0/{name}"), &shape, field.dtype()?)
        });
    }
    let writer = Hdf5Writer::create_new(file, &specs)?;
    let session = args.run.session(FallbackPolicy::Allow, cancel, None, |_| {})?;
    let workers = session.devices().first().map_or(1, |cpu| cpu.threads.max(1));
    let memory = session.memory() / workers as u64;
    let bar = Bar::new();
    let next = AtomicU64::new(0);
    let chunks = n.div_ceil(CHUNK);
    let failed: Mutex<Option<Error>> = Mutex::new(None);
    let work = || -> Result<()> {
        let session = Session::builder().threads(1).memory_bytes(memory).cancel(cancel).build()?;
        let mut scratch = WriteScratch::new();
        loop {
            let chunk = next.fetch_add(1, Relaxed);
            if chunk >= chunks {
                return Ok(());
            }
            let at = (chunk * CHUNK) as i64;
            let rows = Index::from(at..(at + CHUNK as i64).min(n as i64));
            let parts: Vec<Array> = fields.iter().map(|f| f.index([rows])).collect();
            let targets: Vec<&dyn chunkwise::Target> = parts.iter().map(|p| p as _).collect();
            let mut bytes = 0;
            for (d, value) in session.run(&targets)?.values.iter().enumerate() {
                let coords = [chunk, 0];
                let (rank, values) = (specs[d].shape.len(), value.as_array()?.bytes());
                writer.write_chunk(d, &coords[..rank], values, &mut scratch)?;
                bytes += values.len() as u64;
            }
            bar.another("writing", chunks, bytes);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                if let Err(e) = work() {
                    // The others stop at their next chunk; the first error is told.
                    next.store(chunks, Relaxed);
                    failed.lock().unwrap_or_else(|p| p.into_inner()).get_or_insert(e);
                }
            });
        }
    });
    bar.clear();
    if let Some(e) = failed.into_inner().unwrap_or_else(|p| p.into_inner()) {
        return Err(e.into());
    }
    Ok(writer.finish()?)
}

fn ask(args: &Demo, file: &Path, cancel: &Cancel, out: &mut impl Write) -> Done {
    let bar = Bar::new();
    let shown = bar.clone();
    let session = args.run.session(FallbackPolicy::Allow, cancel, None, move |p| shown.run(p))?;
    let mut scope = Scope::new();
    for (name, (field, ..)) in NAMES.iter().zip(FIELDS) {
        let path = format!("/PartType0/{field}");
        scope.define(name, Array::open(file, &path)?.made_by(name));
    }
    let inputs =
        NAMES.iter().zip(FIELDS).map(|(name, (field, ..))| format!("-i {name}=FILE:/PartType0/{field}"));
    let inputs = inputs.collect::<Vec<_>>().join(" ");
    writeln!(out, "Each question is an expression: chunkwise eval {inputs} EXPR\n")?;
    for (question, name, text) in QUESTIONS {
        writeln!(out, "{question}\n  {text}")?;
        let output = Expression::parse(text)?.output(&scope)?;
        let outcome = session.run(&[&output]);
        bar.clear();
        let outcome = outcome?;
        for value in &outcome.values {
            match value.as_histogram() {
                // The map says it; the numbers are for `eval`.
                Ok(h) => out.write_all(histogram_picture(h, &of(&output)).as_bytes())?,
                Err(_) => out.write_all(named(name, &of(&output), value)?.as_bytes())?,
            }
        }
        writeln!(out, "[{}]\n", output::account(&outcome.report))?;
        output::notes(&outcome.report);
        if *name == "mean_density" {
            naive(&session, &array(&scope, "rho")?, &outcome, out)?;
        }
    }
    Ok(())
}

/// The same mean with a float32 sum, one value after the other, for comparison.
fn naive(session: &Session, rho: &Array, exact: &chunkwise::Outcome, out: &mut impl Write) -> Done {
    let (mut sum, mut n) = (0f32, 0u64);
    for block in session.blocks(rho, BlockOrder::Spatial)? {
        let (_, values) = block?;
        let values = values.as_slice::<f32>()?;
        n += values.len() as u64;
        sum = values.iter().fold(sum, |s, v| s + v);
    }
    let plain = f64::from(sum) / n as f64;
    let exact = exact.values[0].as_array()?.scalar(0).map_or(f64::NAN, |s| s.to_f64());
    let off = (plain / exact - 1.0) * 100.0;
    Ok(writeln!(out, "A plain float32 sum gives {plain:?}: {off:+.3} %.\n")?)
}
