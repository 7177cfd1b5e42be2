//! The command line: arguments, and how results are printed.
//!
//! Results go to stdout, everything else to stderr. Exit code 0: done (or nobody reads the output
//! any more); 1: a run failed; 2: the command line or an expression is wrong.

mod advice;
mod args;
mod bar;
mod bench;
mod chunks;
mod copy;
mod csv;
mod demo;
mod devices;
mod eval;
mod failure;
mod functions;
mod info;
mod inputs;
mod options;
mod output;
mod pattern;
mod pieces;
#[cfg(feature = "plot")]
mod plot;
#[cfg(not(feature = "plot"))]
#[path = "no_plot.rs"]
mod plot;
mod plot_kinds;
mod render;
mod shared;
mod shell;
mod signals;
mod snap;
mod targets;

pub use failure::{Done, Failure};

use args::{Args, Command};
use chunkwise::Cancel;
use chunkwise::text::printable_lines;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    chunkwise::source::hdf5::guard::serve_if_asked();
    let args = match arguments() {
        Ok(args) => args,
        Err(e) => {
            let mut printed = e.print();
            if e.kind() == ErrorKind::DisplayVersion {
                let version = chunkwise::source::hdf5::library_version();
                printed = printed.and_then(|()| writeln!(io::stdout(), "libhdf5 {version}"));
            }
            let printed = printed.and_then(|()| io::stdout().flush());
            return ExitCode::from(match printed {
                _ if e.use_stderr() => 2,
                Ok(()) => 0,
                Err(e) => Failure::Output(e).exit_code(),
            });
        }
    };
    let cancel = Cancel::new();
    signals::listen(&cancel);
    let done = match &args.command {
        Command::Info(a) => info::run(a),
        Command::Devices(a) => devices::run(a),
        Command::Eval(a) => eval::run(a, &cancel),
        Command::Snap(a) => snap::run(a, &cancel),
        Command::Plan(a) => pieces::plan(a, &cancel),
        Command::RunTasks(a) => pieces::run_tasks(a, &cancel),
        Command::Merge(a) => pieces::merge(a, &cancel),
        Command::Copy(a) => copy::run(a, &cancel),
        Command::Functions(a) => functions::run(a),
        Command::Demo(a) => demo::run(a, &cancel),
        Command::Bench(a) => bench::run(a, &cancel),
        Command::Completions(a) => shell::completions(a),
        Command::Man(a) => shell::man(a),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(code) = signals::ended() {
                chunkwise::whole::remove_parts();
                return ExitCode::from(code);
            }
            let code = failure.exit_code();
            if code != 0 {
                let _ = writeln!(io::stderr(), "error: {}", printable_lines(&failure.to_string()));
            }
            ExitCode::from(code)
        }
    }
}

/// The command line, in which expressions may begin with a sign.
fn arguments() -> Result<Args, clap::Error> {
    let given: Vec<OsString> = std::env::args_os().collect();
    let of = given.get(1).and_then(|name| name.to_str()).filter(|name| matches!(*name, "eval" | "plan"));
    Args::try_parse_from(match of.and_then(|name| Args::command().find_subcommand(name).cloned()) {
        Some(command) => eval::signed::apart(given, &command),
        None => given,
    })
}
