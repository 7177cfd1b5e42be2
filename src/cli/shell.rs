//! `chunkwise completions` and `chunkwise man`: what shells and manuals need, from the definitions of the arguments.

use super::args::{Args, Completions, Man};
use super::{Done, Failure};
use clap::{Command, CommandFactory};
use std::io::{self, Write};

/// Prints the completions of a shell.
///
/// # Errors
/// What writing can meet.
pub fn completions(args: &Completions) -> Done {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "chunkwise", &mut text);
    Ok(io::stdout().lock().write_all(&text)?)
}

/// Prints a page, or writes all of them.
///
/// # Errors
/// `Usage` for a command that there is not; what writing can meet.
pub fn man(args: &Man) -> Done {
    let command = Args::command();
    if let Some(folder) = &args.folder {
        let failed = |e: io::Error| io::Error::new(e.kind(), format!("--folder {}: {e}", folder.display()));
        std::fs::create_dir_all(folder).map_err(failed)?;
        return Ok(clap_mangen::generate_to(command, folder).map_err(failed)?);
    }
    let page = match &args.of {
        None => command,
        Some(name) => {
            let found = command.get_subcommands().find(|c| c.get_name() == name);
            let names = || command.get_subcommands().map(Command::get_name).collect::<Vec<_>>().join(", ");
            let found = found.ok_or_else(|| {
                Failure::Usage(format!("there is no command '{name}'\nhint: the commands are {}", names()))
            })?;
            found.clone().bin_name(format!("chunkwise {name}")).display_name(format!("chunkwise-{name}"))
        }
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    Ok(io::stdout().lock().write_all(&text)?)
}
