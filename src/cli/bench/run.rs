//! Timing: every work is checked once, then timed in rounds, in turns with what bounds it where that can be
//! done on the same data.

use super::check::Answer;
use super::data::{Manifest, Set};
use super::inputs::{Inputs, elements};
use super::result::{Bound, Fact, Limit, Row, Unit};
use super::works::{Least, Question, Work, works};
use crate::cli::Failure;
use chunkwise::backend::limits;
use chunkwise::source::OpenOptions;
use chunkwise::source::hdf5::Hdf5Source;
use chunkwise::{
    Array, Cancel, Context, DType, Device, Error, ErrorKind, PlanOptions, Result, Session, Target, Value,
};
use ndarray::Array1;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Bytes in a piece of the reads that are the limit of reading.
const PIECE: usize = 1 << 20;

/// With what works run.
pub struct Timing<'a> {
    pub manifest: &'a Manifest,
    pub folder: &'a Path,
    pub threads: usize,
    pub rounds: usize,
    /// The budget, in place of each work's own.
    pub memory: Option<u64>,
    /// Whether answers are checked.
    pub check: bool,
    /// Whether limits are timed in turns with works.
    pub limits: bool,
    pub cancel: &'a Cancel,
    /// Hears what is being done.
    pub told: &'a dyn Fn(&str),
}

/// Where works run.
#[derive(Clone)]
pub struct Place {
    /// `cpu`, or the adapter's name.
    pub name: String,
    pub device: Device,
    /// Which adapter.
    pub adapter: Option<String>,
}

impl Place {
    pub fn cpu() -> Place {
        Place { name: "cpu".into(), device: Device::Cpu, adapter: None }
    }

    fn is_cpu(&self) -> bool {
        self.device == Device::Cpu
    }
}

impl Timing<'_> {
    /// The works on a set that `wanted` names; all if it names none.
    pub fn works(&self, set: &Set, wanted: &[String]) -> Vec<Work> {
        let is_first = self.manifest.sets.first().is_some_and(|s| s.name == set.name);
        let mut all = works(self.manifest, set, is_first);
        all.retain(|w| wanted.is_empty() || wanted.contains(&w.key));
        all
    }

    /// Checks and times some works on a set, at every place.
    ///
    /// # Errors
    /// A wrong answer; what runs meet; `Cancelled`.
    pub fn run(&self, set: &Set, works: &[Work], places: &[Place]) -> Result<Vec<Row>, Failure> {
        let inputs = Inputs::new(self.manifest, set, self.folder, self.threads);
        let mut rows = Vec::new();
        for work in works {
            for place in places {
                (self.told)(&format!("{} on {}, {}", work.key, set.name, place.name));
                rows.push(self.row(&inputs, work, place)?);
            }
        }
        Ok(rows)
    }

    fn session(&self, work: &Work, place: &Place) -> Result<Session> {
        let mut builder = Session::builder()
            .device(place.device)
            .threads(self.threads)
            .memory_bytes(self.memory.unwrap_or(work.memory))
            .cancel(self.cancel);
        if let Some(name) = &place.adapter {
            builder = builder.adapter(name);
        }
        if let Some(block_bytes) = work.block_bytes {
            builder = builder.plan_options(PlanOptions::new().block_bytes(block_bytes));
        }
        builder.build()
    }

    fn row(&self, inputs: &Inputs, work: &Work, place: &Place) -> Result<Row, Failure> {
        let session = self.session(work, place)?;
        let question = (work.ask)(inputs, work.storage())?;
        let mut asked =
            Asked { session, question, out: Array1::default(0), wide: Array1::default(0), value: None };
        let rows = inputs.set.elements as usize;
        match asked.question {
            Question::Into(_) => asked.out = Array1::zeros(rows),
            Question::IntoWide(_) => asked.wide = Array1::zeros(rows),
            Question::Array(_) | Question::Bins(_) => {}
        }
        // The first run warms caches up, and its answer is looked at.
        asked.once()?;
        let answer = asked.answer()?;
        if self.check
            && let Err(why) = (work.check)(inputs, work.storage(), &answer)?
        {
            return Err(wrong(work, inputs.set, place, &why).into());
        }
        let answer = answer.numbers()?;
        let limit = match self.limits && place.is_cpu() {
            true => InTurns::new(inputs, work)?,
            false => None,
        };
        let (mut seconds, mut least) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds.min(work.rounds) {
            if self.cancel.is_cancelled() {
                return Err(Error::new(ErrorKind::Cancelled, "the benchmark was cancelled").into());
            }
            if let Some(limit) = &limit {
                least.push(limit.once()?);
            }
            seconds.push(asked.once()?);
        }
        Ok(Row {
            work: work.key.clone(),
            title: work.title.into(),
            group: work.group.into(),
            set: inputs.set.name.clone(),
            device: place.name.clone(),
            unit: work.unit,
            amount: work.amount,
            seconds,
            bound: bound(inputs, work, place, least),
            answer,
            note: None,
            peers: Vec::new(),
        })
    }

    /// What planning over many chunks takes, in seconds and bytes of this process: it must not depend on how
    /// many there are.
    ///
    /// # Errors
    /// What planning meets.
    pub fn planning(&self) -> Result<Vec<Fact>> {
        let mut facts = Vec::new();
        for (chunks, name) in [(10_000_000u64, "10^7"), (100_000_000, "10^8")] {
            let session = Session::builder().device(Device::Cpu).threads(self.threads).build()?;
            let mut times = Vec::new();
            let before = resident()?;
            for _ in 0..self.rounds {
                let start = Instant::now();
                // 2^18 float32 values are a block.
                let x = Array::random(&[chunks << 18], 1, DType::F32);
                let targets = ((&x * 2.0 + 1.0).std(), x.log10().mean());
                let plan = session.plan(&[&targets.0, &targets.1])?;
                let bound = session.bind(&plan)?;
                times.push(start.elapsed().as_secs_f64());
                let tasks: u64 = plan.stages().iter().map(|s| s.grid.blocks()).sum();
                if tasks < chunks || bound.stages.len() != plan.stages().len() {
                    return Err(Error::new(ErrorKind::Internal, "a plan has fewer tasks than chunks"));
                }
            }
            let grown = resident()?.saturating_sub(before);
            let fact =
                |title: String, value: f64, unit| Fact { group: "planning".into(), title, value, unit };
            let median = super::result::median(&times).unwrap_or(f64::NAN);
            facts.push(fact(format!("planning and binding over {name} chunks"), median, Unit::Seconds));
            facts.push(fact(format!("resident memory for that, {name} chunks"), grown as f64, Unit::Bytes));
        }
        Ok(facts)
    }
}

fn wrong(work: &Work, set: &Set, place: &Place, why: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("a wrong answer: {why}"))
        .at("work", format!("{} ({})", work.key, work.title))
        .at("set", &set.name)
        .at("device", &place.name)
}

/// A question that is asked again and again.
struct Asked {
    session: Session,
    question: Question,
    out: Array1<f32>,
    wide: Array1<f64>,
    value: Option<Value>,
}

impl Asked {
    /// Asks, and gives the seconds from the question to the whole answer, planning included.
    fn once(&mut self) -> Result<f64> {
        let target: &dyn Target = match &self.question {
            Question::Into(array) => {
                let start = Instant::now();
                self.session.compute_into(array, self.out.view_mut())?;
                return Ok(start.elapsed().as_secs_f64());
            }
            Question::IntoWide(array) => {
                let start = Instant::now();
                self.session.compute_into(array, self.wide.view_mut())?;
                return Ok(start.elapsed().as_secs_f64());
            }
            Question::Array(array) => array,
            Question::Bins(binned) => binned,
        };
        let start = Instant::now();
        let mut values = self.session.run(&[target])?.values;
        let seconds = start.elapsed().as_secs_f64();
        self.value = values.pop();
        Ok(seconds)
    }

    fn answer(&self) -> Result<Answer<'_>> {
        match (&self.question, &self.value) {
            (Question::Into(_), _) => Ok(Answer::Elements(elements(&self.out)?)),
            (Question::IntoWide(_), _) => Ok(Answer::Wide(elements(&self.wide)?)),
            (_, Some(value)) => Ok(Answer::Value(value)),
            (_, None) => Err(Error::new(ErrorKind::Internal, "a run gave no value")),
        }
    }
}

/// What bounds a work at a place. On an adapter it is the way of its data to it.
fn bound(inputs: &Inputs, work: &Work, place: &Place, seconds: Vec<f64>) -> Option<Bound> {
    let n = inputs.set.elements as f64;
    let on_cpu = place.is_cpu();
    let (limit, amount) = match work.least {
        Least::Read(bytes) if on_cpu => ("memory.read", bytes),
        Least::PlainSum(dtype) if on_cpu => ("memory.read", n * dtype.size() as f64),
        Least::Copy(bytes) if on_cpu => ("memory.copy", bytes),
        Least::Flops(flops) if on_cpu => ("multiply_add.f32", flops),
        Least::OwnProduct(flops) if on_cpu => ("matmul", flops),
        Least::Decode(_) if on_cpu => ("decode", work.amount),
        Least::Reads(..) if on_cpu => ("reads", work.amount),
        Least::Read(bytes) => ("upload", bytes),
        Least::PlainSum(dtype) => ("upload", n * dtype.size() as f64),
        // Two columns go up, one comes down.
        Least::Copy(bytes) => ("upload", bytes * 2.0 / 3.0),
        Least::Decode(_) | Least::Reads(..) => ("upload", work.amount),
        Least::Flops(_) | Least::OwnProduct(_) | Least::Nothing => return None,
    };
    Some(Bound { limit: limit.into(), amount, seconds })
}

/// A limit that is timed on the work's own data.
enum InTurns<'a> {
    Sum32(&'a [f32], usize),
    Sum64(&'a [f64], usize),
    Decode(Vec<Hdf5Source>, usize),
    Reads { path: PathBuf, columns: Vec<(u64, u64)>, threads: usize },
}

impl<'a> InTurns<'a> {
    fn new(inputs: &'a Inputs, work: &Work) -> Result<Option<InTurns<'a>>> {
        let path = inputs.folder.join(inputs.set.stored_file());
        let source = |storage: &str, column: &str| {
            Hdf5Source::open(&path, &format!("{storage}/{column}"), OpenOptions::default())
        };
        let threads = inputs.threads;
        Ok(match work.least {
            Least::PlainSum(DType::F32) => Some(InTurns::Sum32(elements(&inputs.columns()?.a)?, threads)),
            Least::PlainSum(_) => Some(InTurns::Sum64(elements(&inputs.columns()?.w)?, threads)),
            Least::Decode(columns) => {
                let sources = columns.iter().map(|c| source("deflate", c)).collect::<Result<_>>()?;
                Some(InTurns::Decode(sources, threads))
            }
            Least::Reads(_, columns) => {
                // Where the data is stored in one piece, so that nothing has to be looked up.
                let place = |column: &&str| {
                    let source = source("contiguous", column)?;
                    source.in_one_piece().ok_or_else(|| {
                        Error::new(ErrorKind::Format, "a column is not stored in one piece")
                            .at("column", column)
                    })
                };
                let columns = columns.iter().map(place).collect::<Result<_>>()?;
                Some(InTurns::Reads { path, columns, threads })
            }
            _ => None,
        })
    }

    /// Seconds.
    fn once(&self) -> Result<f64> {
        match self {
            InTurns::Sum32(values, threads) => Ok(limits::plain_sum(values, *threads).0),
            InTurns::Sum64(values, threads) => Ok(limits::plain_sum(values, *threads).0),
            InTurns::Decode(sources, threads) => {
                sources.iter().map(|s| Ok(limits::decode(s, *threads)?.seconds)).sum()
            }
            InTurns::Reads { path, columns, threads } => {
                let of = |&(at, len): &(u64, u64)| limits::positioned_reads(path, at, len, *threads, PIECE);
                columns.iter().map(of).map(|r| r.map(|r| r.seconds)).sum()
            }
        }
    }
}

/// The machine's limits that do not need a work's data.
///
/// # Errors
/// What measuring meets.
pub fn machine_limits(threads: usize, told: &dyn Fn(&str)) -> Result<Vec<Limit>> {
    let cpu = |key: &str, title: String, unit, rate| Limit {
        key: key.into(),
        title,
        device: "cpu".into(),
        unit,
        rate,
    };
    told("the memory's limits");
    let read = limits::memory_read(threads)?;
    let copy = limits::memory_copy(threads)?;
    told("the arithmetic's limits");
    let [f32, f64] = [DType::F32, DType::F64].map(|d| limits::multiply_add(d, threads));
    let (f32, f64) = (f32?, f64?);
    let kind = |fused: bool| if fused { "fused multiply-adds" } else { "multiplications and additions" };
    Ok(vec![
        cpu("memory.read", "memory: a plain sum of float32".into(), Unit::Bytes, read),
        cpu("memory.copy", "memory: a copy, read plus written".into(), Unit::Bytes, copy),
        cpu("multiply_add.f32", format!("float32 {}", kind(f32.fused)), Unit::Flops, f32.flops),
        cpu("multiply_add.f64", format!("float64 {}", kind(f64.fused)), Unit::Flops, f64.flops),
    ])
}

/// Limits that were timed in turns with works, and our own product's rate, for the table of limits.
pub fn limits_of(rows: &[Row]) -> Vec<Limit> {
    let mut out: Vec<Limit> = Vec::new();
    for row in rows.iter().filter(|r| r.device == "cpu") {
        let timed = row.bound.as_ref().and_then(|b| {
            let rate = b.amount / super::result::median(&b.seconds)?;
            let title = match b.limit.as_str() {
                "decode" => "bringing and decoding chunks, nothing computed",
                "reads" => "positioned reads of 1 MiB, summed",
                _ => return None,
            };
            Some((b.limit.as_str(), title, Unit::Bytes, rate))
        });
        let own = (row.work == "matmul").then(|| row.rate()).flatten();
        let own = own.map(|rate| ("matmul", "our product of float32 matrices in memory", Unit::Flops, rate));
        for (key, title, unit, rate) in timed.into_iter().chain(own) {
            if !out.iter().any(|l| l.key == key) {
                out.push(Limit { key: key.into(), title: title.into(), device: "cpu".into(), unit, rate });
            }
        }
    }
    out
}

/// The bytes of this process that are in memory now.
///
/// # Errors
/// `Unsupported` where the system does not tell.
pub fn resident() -> Result<u64> {
    status("VmRSS:")
}

/// The most bytes of this process that were in memory at once.
///
/// # Errors
/// As [`resident`].
pub fn resident_peak() -> Result<u64> {
    status("VmHWM:")
}

fn status(line: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok();
    let number = text.and_then(|text| {
        let found = text.lines().find(|l| l.starts_with(line))?;
        found.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    number.map(|kib| kib * 1024).ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "this system does not say how much memory a process has")
    })
}

/// Peaks of resident memory, each work on files in a process of its own, under several budgets: the worst of
/// each storage.
///
/// # Errors
/// What the processes say.
pub fn peaks(timing: &Timing, set: &Set, works: &[Work]) -> Result<Vec<Fact>, Failure> {
    let program = std::env::current_exe()
        .map_err(|e| Error::new(ErrorKind::Io, "cannot find this program").caused_by(e))?;
    let mut facts = Vec::new();
    for budget in [64u64 << 20, 512 << 20, 2 << 30] {
        let human = chunkwise::size::human_bytes(budget);
        let mut worst: Option<(u64, &str)> = None;
        for work in works.iter().filter(|w| !matches!(w.group, "in memory" | "scheduling")) {
            (timing.told)(&format!("peak of {} under {human}", work.key));
            if timing.cancel.is_cancelled() {
                return Err(Error::new(ErrorKind::Cancelled, "the benchmark was cancelled").into());
            }
            let peak =
                peak(&program, timing, set, work, budget).at("work", &work.key).at("memory", &human)?;
            if worst.is_none_or(|(most, _)| peak > most) {
                worst = Some((peak, &work.key));
            }
        }
        if let Some((peak, key)) = worst {
            facts.push(Fact {
                group: "peak resident memory".into(),
                title: format!("works on files, budget {human}, the most ({key})"),
                value: peak as f64,
                unit: Unit::Bytes,
            });
        }
    }
    Ok(facts)
}

fn peak(program: &Path, timing: &Timing, set: &Set, work: &Work, budget: u64) -> Result<u64> {
    let run = std::process::Command::new(program)
        .args(["bench", "--no-limits", "--no-check", "--resident", "--rounds", "1", "--json", "-"])
        .arg("--data")
        .arg(timing.folder)
        .args(["--set", &set.name, "--only", &work.key, "--device", "cpu"])
        .args(["--memory", &format!("{budget}B"), "--threads", &timing.threads.to_string()])
        .output()
        .map_err(|e| Error::new(ErrorKind::Io, "cannot start this program again").caused_by(e))?;
    if !run.status.success() {
        let why = String::from_utf8_lossy(&run.stderr).trim().to_string();
        return Err(Error::new(ErrorKind::Internal, format!("a run of its own failed: {why}")));
    }
    let results: super::result::Results = serde_json::from_slice(&run.stdout)
        .map_err(|e| Error::new(ErrorKind::Internal, "a run of its own told no results").caused_by(e))?;
    let fact = results.facts.iter().find(|f| f.unit == Unit::Bytes).map(|f| f.value as u64);
    fact.ok_or_else(|| Error::new(ErrorKind::Internal, "a run of its own told no peak"))
}
