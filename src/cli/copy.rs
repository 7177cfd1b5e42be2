//! `chunkwise copy`: datasets, groups and files, in other chunks and with other filters.

use super::args::Copy;
use super::bar::Bar;
use super::chunks::{Chunks, chunks};
use super::output::{self, split_place};
use super::signals::Run;
use super::targets::{Existing, check_target};
use super::{Done, Failure};
use chunkwise::sink::hdf5::Filter;
use chunkwise::{Cancel, CopyOptions, FallbackPolicy};
use std::path::{Path, PathBuf};

/// Copies.
///
/// # Errors
/// Whatever reading and writing can meet, and what cannot be copied.
pub fn run(args: &Copy, cancel: &Cancel) -> Done {
    let usage = |option: &str, value: &str| {
        let (option, value) = (option.to_string(), value.to_string());
        move |e: chunkwise::Error| Failure::Usage(format!("{option} {value}: {e}"))
    };
    let place = |text: &str| match split_place(text) {
        Some((file, path)) if !Path::new(text).exists() => (PathBuf::from(file), Some(path.to_string())),
        _ => (PathBuf::from(text), None),
    };
    let ((from, path), (to, target)) = (place(&args.from), place(&args.to));
    let path = path.unwrap_or("/".into());
    let target = target.unwrap_or_else(|| path.clone());
    let mut options = CopyOptions::new();
    if let Some(text) = &args.chunks {
        options = match chunks(text).map_err(usage("--chunks", text))? {
            Chunks::Auto => options.auto_chunks(),
            Chunks::Contiguous => options.contiguous(),
            Chunks::Shape(shape) => options.chunks(&shape),
        };
    }
    if let Some(text) = &args.filter {
        options = options.filters(&Filter::list(text).map_err(usage("--filter", text))?);
    }
    let there = to.symlink_metadata().is_ok();
    let existing = if args.append { Existing::Change } else { Existing::of(args.overwrite) };
    check_target("OUT", &to, existing, std::slice::from_ref(&from))?;
    options = match (args.overwrite, args.append && there) {
        (true, _) => options,
        (_, true) => options.append(),
        _ => options.create_new(),
    };
    let bar = Bar::new();
    let seen = bar.clone();
    let session = args.run.session(FallbackPolicy::Allow, cancel, None, move |p| seen.run(p))?;
    let running = Run::begin();
    let copied = session.copy((&from, &path), (&to, &target), &options);
    drop(running);
    bar.clear();
    let copied = copied?;
    copied.notes.iter().for_each(|note| output::note(note));
    if let Some(report) = &copied.report {
        output::tell(report);
    }
    Ok(())
}
