//! `chunkwise eval`: expressions over datasets, all of them in one run.

mod args;
mod binned;
mod call;
mod chosen;
mod cx;
mod fold;
mod functions;
mod lower;
mod ordered;
mod print;
mod selected;
#[cfg(test)]
mod tests;
mod value;

pub use lower::Scope;
pub use print::{Target, named};
pub use value::Val;

use super::args::Eval;
use super::expr::{Ast, Expr, parse};
use super::output::{self, Bar};
use super::{Done, Failure, inputs};
use chunkwise::{Cancel, Error, FallbackPolicy, Store, Trace, Value};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Reads, computes and prints.
///
/// # Errors
/// Whatever reading, computing and printing can meet.
pub fn run(args: &Eval, cancel: &Cancel) -> Done {
    let asts = args.expressions.iter().map(|e| parse(e)).collect::<Result<Vec<_>, _>>()?;
    let mut scope = Scope::default();
    let masked = open_inputs(args, &mut scope)?;
    let names = result_names(&asts, &scope)?;
    let fallback = if args.no_fallback { FallbackPolicy::Refuse } else { FallbackPolicy::Allow };
    let bar = Bar::new();
    let seen = bar.clone();
    let trace = args.trace.as_ref().map(|_| Arc::new(Trace::new()));
    let session = args.run.session(fallback, cancel, trace.as_ref(), move |p| seen.run(p))?;
    scope.compute_with(&session);
    let mut targets = Vec::new();
    for (ast, name) in asts.iter().zip(&names) {
        let value = scope.lower(ast).inspect_err(|_| bar.clear())?;
        if ast.target().is_some() {
            scope.define(name, value.clone());
        }
        let value = scope.result(ast, value).inspect_err(|_| bar.clear())?;
        let root = ast.node(ast.root()).span;
        targets.push(Target::new(value).map_err(|message| ast.error(root, message))?);
    }
    let stores = match &args.output {
        Some(path) => vec![store(path, &names, &targets)?],
        None => Vec::new(),
    };
    // What is stored is not shown.
    let shown = if stores.is_empty() { &targets[..] } else { &[] };
    let shown: Vec<&dyn chunkwise::Target> = shown.iter().map(|t| t.as_target()).collect();
    if args.explain {
        let text = session.explain_with(&shown, &stores)?;
        io::stdout().lock().write_all(text.as_bytes())?;
        return Ok(());
    }
    let outcome = session.run_with(&shown, &stores);
    bar.clear();
    let outcome = outcome?;
    if !stores.is_empty() {
        output::tell(&outcome.report);
        return write_trace(args, trace.as_deref());
    }
    let out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    if args.json {
        print::json(out, &names, &outcome)?;
    } else {
        print::human(out, &names, &outcome)?;
    }
    if masked && outcome.values.iter().any(is_nan) {
        output::note(
            "a result is nan: inputs have missing values; nanmean, nansum and the like leave them out",
        );
    }
    output::tell(&outcome.report);
    write_trace(args, trace.as_deref())
}

fn write_trace(args: &Eval, trace: Option<&Trace>) -> Done {
    let (Some(path), Some(trace)) = (&args.trace, trace) else { return Ok(()) };
    let failed = |e: io::Error| io::Error::new(e.kind(), format!("--trace {}: {e}", path.display()));
    std::fs::write(path, trace.to_json().to_string()).map_err(failed)?;
    Ok(())
}

/// The new file that the results are stored in.
fn store(path: &Path, names: &[String], targets: &[Target]) -> Result<Store, Failure> {
    if path.exists() {
        return Err(Failure::Usage(format!("--output {}: the file exists already", path.display())));
    }
    let mut store = Store::new(path);
    for (name, target) in names.iter().zip(targets) {
        match target {
            Target::Array(array) => store = store.dataset(name, array),
            Target::Histogram(_) => {
                return Err(Failure::Usage(format!(
                    "--output: {name} is a histogram; only arrays are stored"
                )));
            }
        }
    }
    Ok(store)
}

/// Whether a result is one number, and that is NaN.
fn is_nan(value: &Value) -> bool {
    let single = value.as_array().ok().filter(|a| a.shape().is_empty());
    single.and_then(|a| a.scalar(0)).is_some_and(|v| v.to_f64().is_nan())
}

/// Opens the inputs; whether any of them has numbers that are missing.
fn open_inputs(args: &Eval, scope: &mut Scope) -> Result<bool, Failure> {
    let mut masked = false;
    for input in &args.inputs {
        let usage = |what: &str| {
            Failure::Usage(format!(
                "-i {input}: {what}\nhint: write -i NAME=FILE:/path, as in -i rho=snap.h5:/PartType0/Density"
            ))
        };
        let (name, place) = input.split_once('=').ok_or_else(|| usage("there is no '='"))?;
        let name = name.trim();
        let is_name =
            parse(name).is_ok_and(|ast| matches!(&ast.node(ast.root()).expr, Expr::Name(n) if n == name));
        if !is_name {
            return Err(usage(&format!("'{name}' is not a name")));
        }
        if scope.has(name) {
            return Err(usage(&format!("the name '{name}' is given twice")));
        }
        let (file, path) =
            output::split_place(place).ok_or_else(|| usage("the path inside the file is missing"))?;
        let opened = inputs::open(args, file, path)?;
        masked |= opened.masked;
        if let Some(how) = &opened.decoded {
            output::note(&format!("{name}: {how} (--raw for the numbers as stored)"));
        }
        opened.notes.iter().for_each(|note| output::note(&format!("{name}: {note}")));
        scope.define(name, Val::Array(opened.array.made_by(name)));
    }
    Ok(masked)
}

/// The names of the results: as given, else `result`, `result2`, …
fn result_names(asts: &[Ast], scope: &Scope) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = Vec::new();
    for target in asts.iter().filter_map(|ast| Some((ast, ast.target()?))) {
        let (ast, ident) = target;
        if scope.has(&ident.name) {
            return Err(ast.error(ident.span, format!("'{}' is the name of an input", ident.name)));
        }
        if names.contains(&ident.name) {
            return Err(ast.error(ident.span, format!("two results have the name '{}'", ident.name)));
        }
        names.push(ident.name.clone());
    }
    let given = names;
    let mut unnamed = (1..).map(|n| if n == 1 { "result".to_string() } else { format!("result{n}") });
    let mut free = || unnamed.find(|n| !given.contains(n)).unwrap_or_default();
    Ok(asts.iter().map(|ast| ast.target().map_or_else(&mut free, |t| t.name.clone())).collect())
}
