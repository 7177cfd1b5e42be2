//! `chunkwise snap`: what is in a snapshot, and questions about it.

pub mod args;
mod asked;
mod listing;
mod panels;
mod print;
mod store;

use super::bar::Bar;
use super::output;
use super::plot::Plot;
use super::signals::Run;
use super::targets::{Existing, Written, check_apart, check_target};
use super::{Done, Failure, inputs};
use args::Snap;
use asked::Asked;
use chunkwise::snapshot::{Data, Opening, Snapshot};
use chunkwise::{Cancel, FallbackPolicy, OpenOptions, Session};
use print::Results;
use std::path::PathBuf;
use store::Format;

/// Opens, computes and prints.
///
/// # Errors
/// Whatever reading, computing and printing can meet.
pub fn run(args: &Snap, cancel: &Cancel) -> Done {
    let asked = Asked::read(args)?;
    let plot = args.plot.as_deref().map(|path| Plot::new(path, args.plot_log)).transpose()?;
    let format = args.output.as_deref().map(Format::of).transpose()?;
    let (profiles, images, tables) = (asked.profiles.len(), asked.images.len(), asked.tables.len());
    if args.plot.is_some() && profiles + images == 0 {
        let what = "--plot is for profiles and images: ask for one, as with --phase or --project";
        return Err(Failure::Usage(what.into()));
    }
    if format.is_some() && profiles + images + tables == 0 {
        let what = "--output is for profiles and images, and for fields of what is selected: ask for one, as with --phase, \
                    --project or --save position,mass";
        return Err(Failure::Usage(what.into()));
    }
    if format == Some(Format::Csv) {
        store::check_csv(profiles, images, tables)?;
    }
    if args.fields && !asked.is_nothing() {
        return Err(Failure::Usage("--fields lists fields and answers nothing: ask without it".into()));
    }
    let files = files(&args.files)?;
    let snapshot = open(args, &files)?;
    let all = snapshot.contents().files.clone();
    let existing = if args.overwrite { Existing::Replace } else { Existing::Keep };
    let drawn = args.plot.as_deref().map(|path| Written::new("--plot", path, existing, &all)).transpose()?;
    let written = match (&args.output, format) {
        (Some(path), Some(Format::Csv)) => Some(Written::new("--output", path, existing, &all)?),
        _ => None,
    };
    check_apart(&[("--plot", drawn.as_ref()), ("--output", written.as_ref())])?;
    if let (Some(path), Some(Format::Hdf5)) = (&args.output, format) {
        check_target("--output", path, existing, &all)?;
        if drawn.as_ref().is_some_and(|drawn| drawn.is_for(path)) {
            return Err(Failure::Usage(format!("--plot and --output are both {}", path.display())));
        }
    }
    if asked.is_nothing() {
        return listing::show(&snapshot, args.fields, args.json);
    }
    snapshot.contents().notes.iter().for_each(|note| output::note(note));
    let bar = Bar::new();
    let seen = bar.clone();
    let session = args.run.session(FallbackPolicy::Allow, cancel, None, move |p| seen.run(p))?;
    let running = Run::begin();
    let made = made(args, &asked, &snapshot, &session, written);
    drop(running);
    bar.clear();
    let results = made?;
    if let (Some(plot), Some(drawn)) = (plot, drawn) {
        drawn.write(&plot.panels(&panels::of(&results))?)?;
    }
    print::show(&snapshot, &results, args.json)
}

/// The files of all names, patterns and lists.
fn files(given: &[String]) -> Result<Vec<PathBuf>, Failure> {
    let mut out = Vec::new();
    for text in given {
        match inputs::files(text)? {
            Some(many) => out.extend(many),
            None => out.push(PathBuf::from(text)),
        }
    }
    Ok(out)
}

fn open(args: &Snap, files: &[PathBuf]) -> Result<Snapshot, Failure> {
    let mut options = OpenOptions::new();
    options.allow_external = args.allow_external;
    let mut opening = Opening::new().options(options);
    if let Some(name) = &args.frontend {
        opening = opening.frontend(name);
    }
    if args.partial {
        opening = opening.partial();
    }
    if let Some(text) = &args.units {
        let numbers: Option<Vec<f64>> = text.split(',').map(|n| n.trim().parse().ok()).collect();
        let Some(&[length, mass, velocity]) = numbers.as_deref() else {
            let what = "three numbers are wanted: cm, g and cm/s";
            return Err(Failure::Usage(format!("--units {text}: {what}")));
        };
        opening = opening.unit_length(length).unit_mass(mass).unit_velocity(velocity);
    }
    let mut snapshot = Snapshot::open_with(files, &opening)?;
    for text in &args.own_fields {
        let usage =
            || Failure::Usage(format!("--field {text}: write NAME[UNIT]=EXPR, as in double[g]='2 * mass'"));
        let (name, expression) = text.split_once('=').ok_or_else(usage)?;
        let (name, unit) = match name.split_once('[') {
            Some((name, unit)) => (name, unit.trim_end().strip_suffix(']').ok_or_else(usage)?),
            None => (name, ""),
        };
        snapshot = snapshot.with_field(name.trim(), expression, unit)?;
    }
    Ok(snapshot)
}

/// Computes everything, and stores what is to be stored: as a table in `csv`, if there is one.
fn made(
    args: &Snap,
    asked: &Asked,
    snapshot: &Snapshot,
    session: &Session,
    csv: Option<Written>,
) -> Result<Results, Failure> {
    let data = selected(args, snapshot, session)?;
    // What cannot be saved is known before anything is computed.
    let tables =
        asked.tables.iter().map(|fields| data.table(fields)).collect::<chunkwise::Result<Vec<_>>>()?;
    let mut results = compute(args, asked, &data, session)?;
    results.saved = match (csv, &args.output) {
        (Some(csv), _) => store::csv(csv, &results, &tables, session)?,
        (None, Some(path)) => store::hdf5(path, &results, &tables, args.overwrite, session)?,
        (None, None) => Vec::new(),
    };
    Ok(results)
}

/// What the questions are about.
fn selected(args: &Snap, snapshot: &Snapshot, session: &Session) -> Result<Data, Failure> {
    let mut data: Data = snapshot.select(snapshot.object(&args.object, session)?);
    if args.overlap {
        data = data.overlapping();
    }
    if let Some(center) = &args.center {
        let velocity = data.frame().velocity;
        data = data.about(snapshot.point(center, session)?, velocity);
    }
    Ok(data)
}

fn compute(args: &Snap, asked: &Asked, data: &Data, session: &Session) -> Result<Results, Failure> {
    let snapshot = data.snapshot();
    let mut questions = asked.quantities.clone();
    if args.mass {
        questions.splice(0..0, asked::masses(data));
    }
    let answers = if questions.is_empty() { Vec::new() } else { data.quantities(&questions, session)? };
    let mut profiles = Vec::new();
    for (name, profile) in &asked.profiles {
        profiles.push((name.clone(), data.profile(profile, session)?));
    }
    let mut images = Vec::new();
    for picture in &asked.images {
        let window = asked::window(args, data)?;
        images.push(data.image(picture, &window, session)?);
    }
    let length = snapshot.contents().units.length;
    let (object, epoch, saved) = (args.object.clone(), snapshot.epoch(), Vec::new());
    Ok(Results { object, answers, profiles, images, saved, length, epoch })
}
