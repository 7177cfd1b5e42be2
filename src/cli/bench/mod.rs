//! `chunkwise bench`: what this machine can do, and how near to it each work comes.
//!
//! Data are made from a seed, the machine's limits are measured, every answer is checked, and then works are
//! timed in rounds, each as a share of what bounds it. What was found is plain data ([`result`]): the table,
//! the page and the JSON show the same, and scripts add the times of other programs to it.

mod check;
mod data;
mod format;
mod html;
mod inputs;
mod markdown;
mod result;
mod run;
mod table;
mod works;

use super::args::Bench;
use super::bar::Bar;
use super::signals::Run;
use super::targets::{Existing, Written, check_apart};
use super::{Done, Failure};
use chunkwise::backend::gpu::{self, Choice};
use chunkwise::backend::topology;
use chunkwise::ops::simd::Simd;
use chunkwise::{Cancel, Context, Device, Error, ErrorKind, Result, Session};
use data::{Folder, Manifest, Set};
use result::{Fact, Limit, Machine, Results, Settings, Unit, VERSION};
use run::{Place, Timing};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Measures and tells.
///
/// # Errors
/// A wrong answer; what making data, running and writing meet; a name that is none.
pub fn run(args: &Bench, cancel: &Cancel) -> Done {
    if let Some(path) = &args.show {
        let targets = targets(args)?;
        return tell(&read(path)?, targets);
    }
    let _run = Run::begin();
    // Whether results can be written is found out before they are measured.
    let targets = targets(args)?;
    let bar = Bar::new();
    let told = |what: &str| bar.say(what);
    let threads = match args.threads {
        Some(n) => n.into(),
        None => std::thread::available_parallelism().map_or(1, |n| n.get()),
    };
    let (folder, manifest) = data(args, threads, cancel, &told)?;
    if args.make_only {
        bar.clear();
        return Ok(writeln!(io::stdout(), "{}", folder.path().join("manifest.json").display())?);
    }
    let timing = Timing {
        manifest: &manifest,
        folder: folder.path(),
        threads,
        rounds: args.rounds.map_or(if manifest.quick { 1 } else { 7 }, usize::from),
        memory: args.memory,
        check: !args.no_check,
        // In turns with works they are part of the work's own measurement.
        limits: !args.resident,
        cancel,
        told: &told,
    };
    let measured = measure(args, &timing);
    bar.clear();
    let results = measured?;
    tell(&results, targets)
}

fn measure(args: &Bench, timing: &Timing) -> Result<Results, Failure> {
    let manifest = timing.manifest;
    let sets = chosen(args, manifest)?;
    let places = places(args)?;
    let mut limits = match args.no_limits {
        true => Vec::new(),
        false => run::machine_limits(timing.threads, timing.told)?,
    };
    let mut rows = Vec::new();
    let mut facts = Vec::new();
    if !args.no_limits {
        for place in places.iter().filter(|p| p.device == Device::Gpu) {
            limits.extend(gpu_limits(place)?);
        }
    }
    if !args.limits_only {
        for set in sets {
            let works = timing.works(set, &args.only);
            rows.extend(timing.run(set, &works, &places)?);
            // A process of its own for each: only with all the rest.
            if args.only.is_empty() && cfg!(target_os = "linux") {
                facts.extend(run::peaks(timing, set, &works)?);
            }
        }
        if args.only.is_empty() && cfg!(target_os = "linux") {
            facts.extend(timing.planning()?);
        }
        if args.resident {
            facts.push(Fact {
                group: "peak resident memory".into(),
                title: "this process".into(),
                value: run::resident_peak()? as f64,
                unit: Unit::Bytes,
            });
        }
    }
    limits.extend(run::limits_of(&rows));
    Ok(Results {
        version: VERSION,
        machine: machine(timing.threads, &places)?,
        settings: Settings {
            date: date(SystemTime::now()),
            seed: manifest.seed,
            rounds: timing.rounds,
            threads: timing.threads,
            quick: manifest.quick,
        },
        limits,
        rows,
        facts,
        peers: Vec::new(),
    })
}

/// The sets that are asked for; a work that is none is an error.
fn chosen<'m>(args: &Bench, manifest: &'m Manifest) -> Result<Vec<&'m Set>, Failure> {
    let sets: Vec<&Set> =
        manifest.sets.iter().filter(|s| args.set.as_ref().is_none_or(|name| *name == s.name)).collect();
    if sets.is_empty() {
        let names: Vec<&str> = manifest.sets.iter().map(|s| s.name.as_str()).collect();
        let asked = args.set.as_deref().unwrap_or_default();
        return Err(Failure::Usage(format!("--set {asked}: the sets are {}", names.join(", "))));
    }
    let keys: Vec<String> = sets
        .iter()
        .enumerate()
        .flat_map(|(n, set)| works::works(manifest, set, n == 0))
        .map(|w| w.key)
        .collect();
    if let Some(none) = args.only.iter().find(|o| !keys.contains(o)) {
        let mut keys = keys;
        keys.sort();
        keys.dedup();
        return Err(Failure::Usage(format!("--only {none}: the works are {}", keys.join(", "))));
    }
    Ok(sets)
}

/// The data of the folder that is asked for, made there if it has none.
fn data(
    args: &Bench,
    threads: usize,
    cancel: &Cancel,
    told: &dyn Fn(&str),
) -> Result<(Folder, Manifest), Failure> {
    let folder = match &args.data {
        Some(path) => Folder::Kept(path.clone()),
        None => Folder::Temporary(
            tempfile::Builder::new()
                .prefix("chunkwise-bench-")
                .tempdir()
                .map_err(|e| Error::new(ErrorKind::Io, "cannot make a temporary folder").caused_by(e))?,
        ),
    };
    if let Some(found) = Manifest::load(folder.path())? {
        let same = args.seed.is_none_or(|s| s == found.seed)
            && (!args.quick || found.quick)
            && args.product.is_none_or(|p| p == found.product);
        return match same {
            true => Ok((folder, found)),
            false => Err(Failure::Usage(format!(
                "--data {}: the data there are of another seed or size",
                folder.path().display()
            ))),
        };
    }
    let seed = args.seed.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
        now % 1_000_000_007
    });
    let product = args.product.unwrap_or(if args.quick { 1000 } else { 8192 });
    let manifest = Manifest::new(seed, args.quick, product);
    manifest.make(folder.path(), threads, cancel, told)?;
    Ok((folder, manifest))
}

/// Where works are to run: the CPU, and adapters that are no software unless they are asked for.
fn places(args: &Bench) -> Result<Vec<Place>, Failure> {
    let mut places = Vec::new();
    if args.device != Device::Gpu {
        places.push(Place::cpu());
    }
    if args.device == Device::Cpu {
        return Ok(places);
    }
    let mut found = gpu::adapters();
    match &args.adapter {
        Some(name) => {
            let at = gpu::choose(&found, &Choice::from(name.as_str()))?;
            found = vec![found.swap_remove(at)];
        }
        None if args.device == Device::Gpu => {
            let at = gpu::choose(&found, &Choice::Fastest)?;
            found = vec![found.swap_remove(at)];
        }
        None => found.retain(|f| !f.is_software()),
    }
    for adapter in found {
        let name = adapter.name.clone();
        places.push(Place { name: name.clone(), device: Device::Gpu, adapter: Some(name) });
    }
    Ok(places)
}

/// The way to an adapter.
fn gpu_limits(place: &Place) -> Result<Vec<Limit>> {
    let found = gpu::adapters();
    let choice = place.adapter.as_deref().map_or(Choice::Fastest, Choice::from);
    let at = gpu::choose(&found, &choice)?;
    let Some(adapter) = found.into_iter().nth(at) else { return Ok(Vec::new()) };
    let context = Arc::new(adapter.open(1 << 30)?);
    let rates = gpu::calibrate(&context, None, true)?.rates;
    let limit = |key: &str, title: &str, rate: f64| Limit {
        key: key.into(),
        title: title.into(),
        device: place.name.clone(),
        unit: Unit::Bytes,
        rate,
    };
    let up = rates.upload_bytes_per_s.map(|r| limit("upload", "to the adapter", r));
    let down = rates.download_bytes_per_s.map(|r| limit("download", "back from the adapter", r));
    Ok(up.into_iter().chain(down).collect())
}

fn machine(threads: usize, places: &[Place]) -> Result<Machine> {
    let session = Session::builder().device(Device::Cpu).threads(threads).build()?;
    let cpu = session.devices().first().map_or(String::new(), |c| c.name.clone());
    Ok(Machine {
        cpu,
        cpus: std::thread::available_parallelism().map_or(1, |n| n.get()),
        cores: topology::cores(),
        nodes: topology::numa_nodes(),
        memory_bytes: session.memory().saturating_mul(2),
        simd: Simd::best().name().into(),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        chunkwise: env!("CARGO_PKG_VERSION").into(),
        hdf5: chunkwise::source::hdf5::library_version(),
        gpus: places.iter().filter_map(|p| p.adapter.clone()).collect(),
    })
}

/// `2026-11-22 10:30`, UTC (Hinnant, "chrono-compatible low-level date algorithms").
fn date(now: SystemTime) -> String {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (days, minutes) = (seconds / 86_400 + 719_468, seconds % 86_400 / 60);
    let era_day = days % 146_097;
    let year_of_era = (era_day - era_day / 1460 + era_day / 36_524 - era_day / 146_096) / 365;
    let day_of_year = era_day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + days / 146_097 * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
}

/// Where results go beside the terminal; none of these is touched before they are there.
struct Targets {
    json: Option<Written>,
    html: Option<Written>,
    markdown: Option<Written>,
}

fn targets(args: &Bench) -> Result<Targets, Failure> {
    let existing = Existing::of(args.overwrite);
    let inputs: Vec<PathBuf> = args.show.iter().cloned().collect();
    let new = |option: &str, path: &Option<PathBuf>| {
        path.as_deref().map(|path| Written::new(option, path, existing, &inputs)).transpose()
    };
    let json = new("--json", &args.json)?;
    let (html, markdown) = (new("--html", &args.html)?, new("--markdown", &args.markdown)?);
    let named = [("--json", json.as_ref()), ("--html", html.as_ref()), ("--markdown", markdown.as_ref())];
    check_apart(&named)?;
    Ok(Targets { json, html, markdown })
}

/// Tells the results; the table, unless something else goes to standard output.
fn tell(results: &Results, to: Targets) -> Done {
    let on_stdout = |w: &Option<Written>| matches!(w, Some(Written::Stdout));
    if ![&to.json, &to.html, &to.markdown].into_iter().any(on_stdout) {
        io::stdout().write_all(table::table(results).as_bytes())?;
    }
    if let Some(file) = to.json {
        file.write(format!("{}\n", serde_json::to_string_pretty(results)?).as_bytes())?;
    }
    if let Some(file) = to.html {
        file.write(html::page(results).as_bytes())?;
    }
    if let Some(file) = to.markdown {
        file.write(markdown::markdown(results).as_bytes())?;
    }
    Ok(())
}

/// Results of an earlier run.
fn read(path: &Path) -> Result<Results> {
    let text = std::fs::read(path)
        .map_err(|e| Error::new(ErrorKind::Io, "cannot read the results").caused_by(e))
        .at("file", path.display())?;
    let results: Results = serde_json::from_slice(&text)
        .map_err(|e| Error::new(ErrorKind::Format, "these are no results of a benchmark").caused_by(e))
        .at("file", path.display())?;
    if results.version != VERSION {
        return Err(Error::new(
            ErrorKind::Format,
            format!("the results are of version {}, and this program reads {VERSION}", results.version),
        ))
        .at("file", path.display());
    }
    Ok(results)
}
