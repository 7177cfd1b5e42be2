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
use super::signals::Run;
use super::targets::{Existing, Written, check_target};
use super::{Done, Failure, inputs, pattern};
use chunkwise::text::printable_lines;
use chunkwise::{Cancel, Error, FallbackPolicy, Store, Trace};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Reads, computes and prints.
///
/// # Errors
/// Whatever reading, computing and printing can meet.
pub fn run(args: &Eval, cancel: &Cancel) -> Done {
    let asts = args.expressions.iter().map(|e| parse(e)).collect::<Result<Vec<_>, _>>()?;
    let mut scope = Scope::default();
    let files = open_inputs(args, &mut scope)?;
    let existing = Existing::of(args.overwrite);
    let traced =
        args.trace.as_deref().map(|path| Written::new("--trace", path, existing, &files)).transpose()?;
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
        Some(path) => {
            check_target("--output", path, existing, &files)?;
            if traced.as_ref().is_some_and(|traced| traced.is_for(path)) {
                return Err(Failure::Usage(format!("--trace and --output are both {}", path.display())));
            }
            let store = store(path, &names, &targets)?;
            vec![if args.overwrite { store } else { store.create_new() }]
        }
        None => Vec::new(),
    };
    // What is stored is not shown.
    let shown = if stores.is_empty() { &targets[..] } else { &[] };
    let shown: Vec<&dyn chunkwise::Target> = shown.iter().map(|t| t.as_target()).collect();
    if args.explain {
        let text = session.explain_with(&shown, &stores)?;
        io::stdout().lock().write_all(printable_lines(&text).as_bytes())?;
        return Ok(());
    }
    let running = Run::begin();
    let outcome = session.run_with(&shown, &stores);
    drop(running);
    bar.clear();
    let outcome = outcome?;
    if !stores.is_empty() {
        output::tell(&outcome.report);
        return write_trace(traced, trace.as_deref());
    }
    let out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    if args.json {
        print::json(out, &names, &outcome)?;
    } else {
        print::human(out, &names, &outcome)?;
    }
    output::tell(&outcome.report);
    write_trace(traced, trace.as_deref())
}

fn write_trace(to: Option<Written>, trace: Option<&Trace>) -> Done {
    let (Some(to), Some(trace)) = (to, trace) else { return Ok(()) };
    to.write(&trace.to_json().to_string())
}

/// The new file that the results are stored in.
fn store(path: &Path, names: &[String], targets: &[Target]) -> Result<Store, Failure> {
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

/// Opens the inputs, and gives their files.
fn open_inputs(args: &Eval, scope: &mut Scope) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for input in &args.inputs {
        let usage = |what: &str| {
            Failure::Usage(format!(
                "-i {}: {what}\nhint: write -i NAME=FILE:/path, as in -i rho=snap.h5:/PartType0/Density",
                input.display()
            ))
        };
        let bytes = pattern::bytes(input);
        let at = bytes.iter().position(|b| *b == b'=').ok_or_else(|| usage("there is no '='"))?;
        let name = std::str::from_utf8(&bytes[..at]).map_err(|_| usage("the name is not UTF-8"))?.trim();
        let place = pattern::name(&bytes[at + 1..]);
        let is_name =
            parse(name).is_ok_and(|ast| matches!(&ast.node(ast.root()).expr, Expr::Name(n) if n == name));
        if !is_name {
            return Err(usage(&format!("'{name}' is not a name")));
        }
        if scope.has(name) {
            return Err(usage(&format!("the name '{name}' is given twice")));
        }
        let (file, path) =
            output::split_place(&place).ok_or_else(|| usage("the path inside the file is missing"))?;
        let first = files.len();
        let array = inputs::open(args, &file, path, &mut files)?;
        if args.untrusted {
            inputs::say_work(name, &array, &files[first..])?;
        }
        scope.define(name, Val::Array(array.made_by(name)));
    }
    Ok(files)
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
