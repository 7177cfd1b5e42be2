//! `chunkwise eval`: expressions over datasets, all of them in one run.

mod asked;
mod axes;
mod bins;
mod coordinates;
pub mod csv;
pub mod print;
mod profile;
pub mod signed;
pub mod storing;
#[cfg(test)]
mod tests;

pub use asked::{Asked, Wanted};
pub use bins::bins_of;
pub use coordinates::{Coordinates, Which};
pub use print::{named, of};
pub use storing::{Parts, Stored};

use super::args::{Asking, Eval, Explain};
use super::bar::Bar;
use super::csv::is_named;
use super::output;
use super::plot::Plot;
use super::signals::Run;
use super::targets::{Existing, Written, check_apart, check_target};
use super::{Done, Failure, inputs};
use bins::ResultBins;
use chunkwise::expr::Scope;
use chunkwise::text::printable_lines;
use chunkwise::{Cancel, FallbackPolicy, Report, Trace, Value};
use std::io::{self, Write};
use std::sync::Arc;

/// Reads, computes and prints.
///
/// # Errors
/// Whatever reading, computing and printing can meet.
pub fn run(args: &Eval, cancel: &Cancel) -> Done {
    let asked = Asked::read(&args.asking)?;
    let mut scope = scope(&args.asking);
    let as_csv = args.output.as_deref().is_some_and(is_named);
    if let (Some(path), false) = (&args.output, as_csv) {
        storing::check_ending(path)?;
    }
    let plot = args.plot.as_deref().map(|path| Plot::new(path, args.plot_log)).transpose()?;
    let plot = plot.map(|plot| if args.plot_together { plot.together() } else { plot });
    let told = inputs::define(&args.asking, &mut scope)?;
    let (existing, files) = (Existing::of(args.overwrite), told.files());
    let traced =
        args.trace.as_deref().map(|path| Written::new("--trace", path, existing, &files)).transpose()?;
    let drawn =
        args.plot.as_deref().map(|path| Written::new("--plot", path, existing, &files)).transpose()?;
    check_apart(&[("--trace", traced.as_ref()), ("--plot", drawn.as_ref())])?;
    asked.check_names(&scope)?;
    let fallback = if args.no_fallback { FallbackPolicy::Refuse } else { FallbackPolicy::Allow };
    let bar = Bar::new();
    let seen = bar.clone();
    let measured = args.profile || args.explain == Some(Explain::Analyze);
    let trace = match &args.trace {
        Some(_) => Some(Trace::new()),
        None => measured.then(Trace::sums),
    };
    let trace = trace.map(Arc::new);
    let session = args.run.session(fallback, cancel, trace.as_ref(), move |p| seen.run(p))?;
    scope.compute_with(&session);
    let wanted = asked.wanted(&mut scope).inspect_err(|_| bar.clear())?;
    let named = wanted.iter().map(|w| ((w.label.as_str(), w.name.is_some()), &w.output));
    let picture = plot.map(|plot| plot.of(named)).transpose()?;
    if let Some(path) = &args.output
        && traced.as_ref().is_some_and(|traced| traced.is_for(path))
    {
        return Err(Failure::Usage(format!("--trace and --output are both {}", path.display())));
    }
    let table = args.output.as_deref().filter(|_| as_csv);
    let table = table
        .map(|path| {
            csv::check(&wanted, &args.storing)?;
            Written::new("--output", path, existing, &files)
        })
        .transpose()?;
    let stores = match &args.output {
        Some(path) if table.is_none() => {
            let existing = if args.storing.changes() { Existing::Change } else { existing };
            check_target("--output", path, existing, &files)?;
            let store = storing::store(path, &wanted, &args.storing)?;
            let there = path.symlink_metadata().is_ok();
            vec![match (args.overwrite, args.storing.changes()) {
                (true, _) => store,
                // As h5py's mode "a": a file that is not there is made.
                (_, true) if there => store.append(),
                _ => store.create_new(),
            }]
        }
        _ => Vec::new(),
    };
    // What is stored is not shown, but where it is drawn.
    let shown = if stores.is_empty() || picture.is_some() { &wanted[..] } else { &[] };
    let bins = ResultBins::of(shown)?;
    // Only pictures and tables show all of them, which may have to be read.
    let which = if picture.is_some() || table.is_some() { Which::All } else { Which::Groups };
    let coordinates = Coordinates::of(shown, which)?;
    let shown: Vec<&dyn chunkwise::Target> =
        shown.iter().map(|w| &w.output as _).chain(bins.targets()).chain(coordinates.targets()).collect();
    if args.explain == Some(Explain::Plan) {
        let text = session.explain_with(&shown, &stores)?;
        io::stdout().lock().write_all(printable_lines(&text).as_bytes())?;
        return Ok(());
    }
    let running = Run::begin();
    if args.explain == Some(Explain::Analyze) {
        let ran = session.run_explained(&shown, &stores);
        drop(running);
        bar.clear();
        let (outcome, text) = ran?;
        io::stdout().lock().write_all(printable_lines(&text).as_bytes())?;
        output::notes(&outcome.report);
        return Ok(());
    }
    let outcome = session.run_with(&shown, &stores);
    drop(running);
    bar.clear();
    let mut outcome = outcome?;
    let tell = || {
        if args.profile {
            profile::tell(&outcome.report);
        }
        output::tell(&outcome.report);
    };
    let along = coordinates.take(&mut outcome.values)?;
    let mut described = bins.describe(&wanted, &mut outcome.values)?;
    for (of, along) in described.iter_mut().zip(along) {
        *of = std::mem::take(of).along(along);
    }
    if let (Some(picture), Some(drawn)) = (&picture, drawn) {
        drawn.write(&picture.draw(&outcome.values, &described)?)?;
    }
    if !stores.is_empty() {
        tell();
        return write_trace(traced, trace.as_deref());
    }
    if let Some(table) = table {
        csv::write(table, &wanted, &described, &outcome.values)?;
        tell();
        return write_trace(traced, trace.as_deref());
    }
    let out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let labelled = wanted.iter().map(|w| w.label.as_str()).zip(described);
    if args.json {
        print::json(out, labelled, &outcome, &told.notes())?;
    } else {
        print::human(out, labelled, &outcome)?;
    }
    if told.masked() && is_unexplained(&outcome.values, &outcome.report) {
        output::note(why_nan(args.asking.no_skipna));
    }
    tell();
    write_trace(traced, trace.as_deref())
}

/// What expressions start from.
pub fn scope(asking: &Asking) -> Scope {
    let mut scope = Scope::new();
    scope.skip_missing(!asking.no_skipna);
    scope.hint_how_to_name("name inputs with -i NAME=FILE:/path, or steps with --let NAME=EXPR");
    scope
}

/// Why a result is NaN where inputs have missing values.
pub fn why_nan(no_skipna: bool) -> &'static str {
    match no_skipna {
        true => "a result is nan: inputs have missing values; nanmean, nansum and the like leave them out",
        false => {
            "a result is nan: inputs have missing values, which only reductions with a form of their own for NaN leave out, \
             as mean, std and median do; norm, cov, corrcoef, trapezoid, topk and others take them as NaN"
        }
    }
}

fn write_trace(to: Option<Written>, trace: Option<&Trace>) -> Done {
    let (Some(to), Some(trace)) = (to, trace) else { return Ok(()) };
    to.write(trace.to_json().to_string().as_bytes())
}

/// Whether a result is one number, and that is NaN, of which no note says why.
pub fn is_unexplained(values: &[Value], report: &Report) -> bool {
    let is_nan = |value: &Value| {
        let single = value.as_array().ok().filter(|a| a.shape().is_empty());
        single.and_then(|a| a.scalar(0)).is_some_and(|v| v.to_f64().is_nan())
    };
    values.iter().any(is_nan) && !report.notes.iter().any(|note| note.contains("of empty slice"))
}
