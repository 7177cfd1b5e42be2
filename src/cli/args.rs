//! The arguments.

pub use super::options::{Asking, JoinFiles, MetadataReader, Missing, Run, Storing, size};
pub use super::snap::args::Snap;

use super::pieces::args::{Merge, PlanOf, RunTasks};
use chunkwise::Device;
use clap::{Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Exact computing over HDF5 data that is larger than memory.
#[derive(Debug, Parser)]
#[command(name = "chunkwise", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit code: 0 done, 1 a run failed, 2 a wrong command or expression.")]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what is in a file
    Info(Info),
    /// Show what can run here, and what each can do
    Devices(Devices),
    /// Compute expressions over datasets
    Eval(Box<Eval>),
    /// Ask about the particles and cells of a simulation's snapshot
    Snap(Box<Snap>),
    /// Write the plan of expressions, for machines that each run a part of it
    Plan(Box<PlanOf>),
    /// Run some of the tasks of a plan, and write what they gather
    RunTasks(RunTasks),
    /// Put together what the tasks of a plan gathered
    Merge(Box<Merge>),
    /// Copy datasets, groups and files, in other chunks and with other filters
    Copy(Copy),
    /// List the functions and names that expressions can use, or tell all about one
    Functions(Functions),
    /// Make a snapshot-like file and answer questions on it
    Demo(Demo),
    /// Measure what this machine can do, and how near to it each kind of work comes
    Bench(Bench),
    /// Print what a shell needs to complete commands and options
    Completions(Completions),
    /// Print the manual page of a command, or write all of them
    Man(Man),
}

/// `chunkwise info`
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chunkwise info snap.h5
  chunkwise info snap.h5:/PartType0/Density --json
  chunkwise info 'year_*.nc' --long
  chunkwise info --untrusted downloaded.h5")]
pub struct Info {
    /// Files, each perhaps with a path inside it; patterns such as 'snap_*.h5' too
    #[arg(required = true, value_name = "FILE[:/path]")]
    pub places: Vec<String>,
    /// Also show the attributes by which HDF5 and netCDF-4 keep their own books
    #[arg(long)]
    pub all: bool,
    /// Show long attributes whole: up to 64 values, and every text
    #[arg(long)]
    pub long: bool,
    /// Do not trust the file: keep libhdf5 away from it
    #[arg(long, conflicts_with = "allow_plugins")]
    pub untrusted: bool,
    /// Allow HDF5 plugins, from HDF5_PLUGIN_PATH or libhdf5's own folder
    #[arg(long)]
    pub allow_plugins: bool,
    /// Who reads the metadata: own code, or libhdf5
    #[arg(long, value_name = "own|libhdf5", value_enum, default_value_t = MetadataReader::Own)]
    #[arg(hide_possible_values = true, hide_default_value = true)]
    pub reader: MetadataReader,
    /// Print one JSON object a file, each on a line, with all attributes
    #[arg(long)]
    pub json: bool,
}

/// `chunkwise devices`
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chunkwise devices
  chunkwise devices --adapter 0 --calibrate --json

Rates and compiled shaders are kept in $CHUNKWISE_CACHE_DIR, which is chunkwise under
$XDG_CACHE_HOME or ~/.cache if it is not set; set and empty keeps nothing.")]
pub struct Devices {
    /// Show only this GPU: a part of its name, or its position, beginning with 0
    #[arg(long, value_name = "NAME|INDEX")]
    pub adapter: Option<String>,
    /// Measure how fast each device is, and keep that for choosing between them
    #[arg(long)]
    pub calibrate: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What is printed of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Explain {
    // As for `JoinFiles`.
    Plan,
    Analyze,
}

/// `chunkwise eval`
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EVAL_HELP)]
pub struct Eval {
    /// What is computed
    #[command(flatten)]
    pub asking: Asking,
    /// Where and with what
    #[command(flatten)]
    pub run: Run,
    /// Fail where the device cannot do all of the work
    #[arg(long)]
    pub no_fallback: bool,
    /// Print the plan, compute nothing; analyze: run it, and measure
    #[arg(
        long,
        value_name = "plan|analyze",
        value_enum,
        conflicts_with = "json",
        hide_possible_values = true
    )]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "plan")]
    pub explain: Option<Explain>,
    /// Print what each stage did and what bounded it, on stderr
    #[arg(long, conflicts_with = "explain")]
    pub profile: bool,
    /// Write what happened when, for chrome://tracing, ui.perfetto.dev
    #[arg(long, value_name = "FILE", conflicts_with = "explain")]
    pub trace: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Store results in a file: .h5 .nc .npy .npz .csv; print nothing
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub output: Option<std::path::PathBuf>,
    /// How
    #[command(flatten)]
    pub storing: Storing,
    /// Replace the files of --output, --trace and --plot
    #[arg(long)]
    pub overwrite: bool,
    /// Draw the results in a file, too: see docs/pictures.md
    #[arg(long, value_name = "FILE.png|svg", conflicts_with = "explain")]
    pub plot: Option<PathBuf>,
    /// Draw heights and colours on a logarithmic scale
    #[arg(long, requires = "plot")]
    pub plot_log: bool,
    /// Draw lines of one length in one frame
    #[arg(long, requires = "plot")]
    pub plot_together: bool,
}

const EVAL_HELP: &str = "\
Expressions:
  numbers, names, + - * / // % ** @, comparisons, & | ^ ~ << >>, x[2:9, ::-1], x[mask], x[[3, 1]]
  functions by NumPy's names, as f(x, axis=0) or x.f(axis='time'); chunkwise functions lists them all

Examples:
  chunkwise eval -i rho=snap.h5:/PartType0/Density 'mean(rho)' 'std(log10(rho))'
  chunkwise eval -i t=s.h5:/T -i m=s.h5:/M 'h=histogram(log10(t), bins=32, weights=m)' --json
  chunkwise eval -i rho='snap_*.h5:/PartType0/Density' 'histogram(log10(rho), bins=50)'
  chunkwise eval -i t=s.h5:/T 'anomaly=t - mean(t, axis=0)' --output anomaly.h5
  chunkwise eval -i t=s.h5:/T 'histogram(t, bins=50)' 'mean(t, axis=0)' --plot t.png";

/// `chunkwise copy`
#[derive(Debug, clap::Args)]
#[command(
    after_help = "All attributes, links and dimension scales are copied; what cannot be is an error that names it.

Examples:
  chunkwise copy old.h5 new.h5 --chunks auto --filter shuffle,deflate:4
  chunkwise copy run.h5:/fields/T small.h5:/T --chunks 64,64,1 --filter shuffle,zstd:3
  chunkwise copy a.h5:/g all.h5:/a --append"
)]
pub struct Copy {
    /// What to copy; the whole file without a path
    #[arg(value_name = "IN[:/path]")]
    pub from: String,
    /// Where to; under the same path if none is given
    #[arg(value_name = "OUT[:/path]")]
    pub to: String,
    /// Chunk shape of the dataset, or of those that it fits, as 64,64; auto; none: contiguous
    #[arg(long, value_name = "N,N")]
    pub chunks: Option<String>,
    /// shuffle, deflate:0-9, fletcher32, lz4, zstd, bitshuffle[:lz4], with commas; none
    #[arg(long, value_name = "FILTERS")]
    pub filter: Option<String>,
    /// Replace the file
    #[arg(long)]
    pub overwrite: bool,
    /// Add the copy to the file, which keeps what it has
    #[arg(long, conflicts_with = "overwrite")]
    pub append: bool,
    /// Where and with what
    #[command(flatten)]
    pub run: Run,
}

/// `chunkwise functions`
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chunkwise functions
  chunkwise functions hist
  chunkwise functions 'nan*'
  chunkwise functions quantile
  chunkwise functions '**'")]
pub struct Functions {
    /// A name or an operator, for all about it; or a part of names, or a pattern such as nan*
    #[arg(value_name = "NAME|PATTERN", allow_hyphen_values = true)]
    pub pattern: Option<String>,
    /// Print JSON: a list, or of one name an object with the answer to its example
    #[arg(long)]
    pub json: bool,
}

/// `chunkwise completions`
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chunkwise completions bash > ~/.local/share/bash-completion/completions/chunkwise
  chunkwise completions zsh > ~/.zfunc/_chunkwise
  chunkwise completions fish > ~/.config/fish/completions/chunkwise.fish")]
pub struct Completions {
    /// Which shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// `chunkwise man`
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chunkwise man eval | man -l -
  chunkwise man --folder ~/.local/share/man/man1")]
pub struct Man {
    /// Of which command; of chunkwise itself if not given
    #[arg(value_name = "COMMAND")]
    pub of: Option<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "FOLDER", conflicts_with = "of")]
    pub folder: Option<PathBuf>,
}

/// `chunkwise demo`
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  chunkwise demo
  chunkwise demo --particles 1000000 --memory 64MiB --keep snap.h5")]
pub struct Demo {
    /// Where and with what
    #[command(flatten)]
    pub run: Run,
    /// How many gas particles; 24 bytes each
    #[arg(long, value_name = "N", default_value_t = 12_000_000, value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    pub particles: u64,
    /// Write the snapshot to this file and leave it there
    #[arg(long, value_name = "FILE")]
    pub keep: Option<PathBuf>,
}

/// `chunkwise bench`
#[derive(Debug, clap::Args)]
#[command(after_help = BENCH_HELP)]
pub struct Bench {
    /// Small data: a look at whether everything works; times mean little
    #[arg(long)]
    pub quick: bool,
    /// Only this work; can be given many times
    #[arg(long, value_name = "WORK")]
    pub only: Vec<String>,
    /// Only this set of data
    #[arg(long, value_name = "SET")]
    pub set: Option<String>,
    /// How often each work is timed; the median counts [default: 7]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub rounds: Option<u16>,
    /// Threads; as many as the machine has if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub threads: Option<u16>,
    /// Where to run: cpu, gpu, or auto: the CPU and every GPU that is no software
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    pub device: Device,
    /// Which GPU: a part of its name, or its number in `chunkwise devices`
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,
    /// Most memory of a run, such as 512MiB, in place of each work's own
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub memory: Option<u64>,
    /// Where the values come from; another one each time if not given
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Edge of the matrices that are multiplied from files [default: 8192]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 17))]
    pub product: Option<u64>,
    /// Make the data in this folder and leave it there, or use what is there; a temporary folder if not given
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Make the data, print where its list is, and measure nothing
    #[arg(long, requires = "data")]
    pub make_only: bool,
    /// Measure the machine and no works
    #[arg(long, conflicts_with_all = ["only", "set", "no_limits"])]
    pub limits_only: bool,
    /// Measure works and not the machine
    #[arg(long)]
    pub no_limits: bool,
    /// Do not check answers, because they were
    #[arg(long)]
    pub no_check: bool,
    /// Tell the most memory that was resident
    #[arg(long)]
    pub resident: bool,
    /// Measure nothing and show the results in this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "quick", "only", "set", "limits_only"])]
    pub show: Option<PathBuf>,
    /// Write the results as JSON; - is standard output
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the results as a page with bar charts, on its own; - is standard output
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the results as Markdown; - is standard output
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long)]
    pub overwrite: bool,
}

const BENCH_HELP: &str = "\
Needs about 3.5 GB of disk for the data (--quick: 80 MB) and 1 GB of memory. Every answer is compared with
one by plain arithmetic before anything is timed; a wrong one ends it with exit code 1.

Examples:
  chunkwise bench --quick
  chunkwise bench --html bench.html --json bench.json
  chunkwise bench --only hist --only mean.deflate --rounds 20 --seed 1
  chunkwise bench --show bench.json --markdown -

Beside other programs, on the same data and in turns: benches/peers/run.py of the source.";
