//! The command line: arguments, and how results are printed.
//!
//! Results go to stdout, everything else to stderr. Exit code 0: done (or nobody reads the output
//! any more); 1: a run failed; 2: the command line or an expression is wrong.

mod advice;
mod args;
mod bar;
mod bench;
mod demo;
mod devices;
mod eval;
mod failure;
mod functions;
mod info;
mod inputs;
mod output;
#[cfg(feature = "plot")]
mod plot;
#[cfg(not(feature = "plot"))]
#[path = "no_plot.rs"]
mod plot;
mod render;
mod shell;

pub use failure::{Done, Failure};

use args::{Args, Command};
use chunkwise::Cancel;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    chunkwise::source::hdf5::guard::serve_if_asked();
    let args = match arguments() {
        Ok(args) => args,
        Err(e) => {
            // Nobody to tell if the stream is closed.
            let _ = e.print();
            if e.kind() == ErrorKind::DisplayVersion {
                let _ = writeln!(io::stdout(), "libhdf5 {}", chunkwise::source::hdf5::library_version());
            }
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let cancel = Cancel::new();
    stop_on_ctrl_c(&cancel);
    let done = match &args.command {
        Command::Info(a) => info::run(a),
        Command::Devices(a) => devices::run(a),
        Command::Eval(a) => eval::run(a, &cancel),
        Command::Functions(a) => functions::run(a),
        Command::Demo(a) => demo::run(a, &cancel),
        Command::Bench(a) => bench::run(a, &cancel),
        Command::Completions(a) => shell::completions(a),
        Command::Man(a) => shell::man(a),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let code = failure.exit_code();
            if code != 0 {
                let _ = writeln!(io::stderr(), "error: {failure}");
            }
            ExitCode::from(code)
        }
    }
}

/// The command line, in which expressions may begin with a sign.
fn arguments() -> Result<Args, clap::Error> {
    let given = std::env::args_os().collect();
    Args::try_parse_from(match Args::command().find_subcommand("eval") {
        Some(eval) => eval::signed::apart(given, eval),
        None => given,
    })
}

/// The first Ctrl-C asks the run to stop; a second one ends at once.
fn stop_on_ctrl_c(cancel: &Cancel) {
    static ASKED: AtomicBool = AtomicBool::new(false);
    let cancel = cancel.clone();
    // Without a handler Ctrl-C still ends the program, only less tidily.
    let _ = ctrlc::set_handler(move || {
        if ASKED.swap(true, SeqCst) {
            std::process::exit(130);
        }
        cancel.cancel();
    });
}
