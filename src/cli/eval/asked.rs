//! What a command asks for: steps with names, and results.

use crate::cli::Failure;
use crate::cli::args::Eval;
use chunkwise::Result;
use chunkwise::expr::{Expression, Output, Scope};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// The expressions of a command line.
pub struct Asked {
    /// `--let`: each has a name.
    steps: Vec<Expression>,
    /// What is printed or stored. No two have one label.
    results: Vec<Expression>,
}

impl Asked {
    /// Reads the expressions. What is asked for twice is a result once, with a note.
    ///
    /// # Errors
    /// `Expression` for what cannot be read; `Usage` for a step without a name.
    pub fn read(args: &Eval) -> Result<Asked, Failure> {
        let mut asked = Asked { steps: Vec::new(), results: Vec::new() };
        for text in &args.steps {
            let step = Expression::parse(text)?;
            if step.target().is_none() {
                let message = format!("--let {text}: a step needs a name\nhint: write --let NAME=EXPR");
                return Err(Failure::Usage(message));
            }
            asked.steps.push(step);
        }
        for text in &args.expressions {
            // One that begins with a sign has a space before it ([`super::signed`]).
            let result = Expression::parse(text.trim_start())?;
            match result.target().is_none() && asked.results.iter().any(|r| label(r) == label(&result)) {
                // Nobody to tell if stderr is closed.
                true => drop(writeln!(io::stderr(), "note: '{}' is asked for twice", label(&result))),
                false => asked.results.push(result),
            }
        }
        Ok(asked)
    }

    /// Checks that no name means two things.
    ///
    /// # Errors
    /// `Expression`, with a caret under the second one.
    pub fn check_names(&self, inputs: &Scope) -> Result<()> {
        let mut given = BTreeSet::new();
        for (expression, name) in
            self.steps.iter().chain(&self.results).filter_map(|e| Some((e, e.target()?)))
        {
            if inputs.has(name) {
                return Err(expression.error(format!("'{name}' is the name of an input")));
            }
            if !given.insert(name) {
                return Err(expression.error(format!("the name '{name}' is given twice")));
            }
        }
        Ok(())
    }

    /// What is to be computed: each result, with the names of the steps and of the results before it. A tuple is a result
    /// for each of its elements.
    ///
    /// # Errors
    /// As [`Expression::lower`] and [`Expression::output_of`].
    pub fn wanted(&self, scope: &mut Scope) -> Result<Vec<Wanted>> {
        for step in &self.steps {
            let lowered = step.lower(scope)?;
            scope.define(step.target().unwrap_or_default(), lowered);
        }
        let mut wanted = Vec::new();
        for result in &self.results {
            let lowered = result.lower(scope)?;
            if let Some(name) = result.target() {
                scope.define(name, lowered.clone());
            }
            let (label, name) = (label(result).to_string(), result.target().map(String::from));
            match result.outputs_of(&lowered, scope)? {
                None => wanted.push(Wanted { label, name, output: result.output_of(lowered, scope)? }),
                Some(outputs) => wanted.extend(outputs.into_iter().enumerate().map(|(i, output)| Wanted {
                    label: format!("{label}[{i}]"),
                    name: name.as_ref().map(|name| format!("{name}_{i}")),
                    output,
                })),
            }
        }
        Ok(wanted)
    }
}

/// What is to be computed.
pub struct Wanted {
    /// What it is called where it is printed: as it was named, else by its text; of a tuple with the place in it.
    pub label: String,
    /// The name that was given.
    pub name: Option<String>,
    /// What is computed.
    pub output: Output,
}

/// What results are called where they are stored: as they were named, else `result`, `result2`, …, which a note says. An
/// expression is no good name there: a `/` in it would make groups.
pub fn dataset_names(wanted: &[Wanted]) -> Vec<String> {
    let given: Vec<&str> = wanted.iter().filter_map(|w| w.name.as_deref()).collect();
    let mut unnamed = (1..)
        .map(|n| if n == 1 { "result".to_string() } else { format!("result{n}") })
        .filter(|n| !given.contains(&n.as_str()));
    let name = |w: &Wanted| match &w.name {
        Some(name) => name.clone(),
        None => {
            let name = unnamed.next().unwrap_or_default();
            let _ = writeln!(io::stderr(), "note: {} is stored as '{name}'; NAME=EXPR names it", w.label);
            name
        }
    };
    wanted.iter().map(name).collect()
}

fn label(result: &Expression) -> &str {
    result.target().unwrap_or(result.text())
}
