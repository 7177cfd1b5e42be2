//! `chunkwise info`: what is in files, as trees.

mod dimension;
mod json;
mod ranges;
mod text;

use super::args::Info;
use super::output::{json_line, note, plain, split_place};
use super::{Done, Failure, inputs};
use chunkwise::OpenOptions;
use chunkwise::source::hdf5::unfinished;
use chunkwise::source::tree_with;
use ranges::Ranges;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use text::Shown;

/// Prints the trees, one after the other; as JSON one object a line.
///
/// # Errors
/// What opening the files and writing can meet, at the first file that meets it.
pub fn run(args: &Info) -> Done {
    let mut options = OpenOptions::new();
    options.allow_plugins = args.allow_plugins;
    options.untrusted = args.untrusted;
    options.reader = args.reader.into();
    let shown = Shown { internal: args.all, long: args.long };
    let mut out = io::BufWriter::new(io::stdout().lock());
    for (n, (file, path)) in places(&args.places)?.iter().enumerate() {
        let node = tree_with(file, path, options)?;
        if let Some(why) = unfinished(file)? {
            note(&format!("{}: {why}", plain(&file.to_string_lossy())));
        }
        if args.json {
            json_line(&mut out, &json::node_json(&node)?)?;
            continue;
        }
        if n > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", plain(&file.to_string_lossy()))?;
        let ranges = Ranges::of(file, &node, options);
        shown.tree(&mut out, &node, &ranges)?;
    }
    Ok(out.flush()?)
}

/// The files with the path inside each, in the order in which they were given, patterns in natural order.
fn places(given: &[String]) -> Result<Vec<(PathBuf, String)>, Failure> {
    let mut out = Vec::new();
    for place in given {
        // A file that is there by the whole name is meant, whatever its name looks like.
        let whole = (place.as_str(), "/");
        let (file, path) = match Path::new(place).exists() {
            true => whole,
            false => split_place(place).unwrap_or(whole),
        };
        let files = inputs::files(file)?.unwrap_or_else(|| vec![PathBuf::from(file)]);
        out.extend(files.into_iter().map(|f| (f, path.to_string())));
    }
    Ok(out)
}
