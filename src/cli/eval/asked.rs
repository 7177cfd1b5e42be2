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
    /// `Expression` for what cannot be read; `Usage` for a step without a name, and for what looks like an option.
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
            // An expression may begin with a sign, and what is no option is taken for one.
            if text.strip_prefix("--").is_some_and(|t| t.starts_with(|c: char| c.is_ascii_alphabetic())) {
                let hint = "chunkwise eval --help lists the options; two signs are written -(-x)";
                return Err(Failure::Usage(format!("there is no option '{text}'\nhint: {hint}")));
            }
            let result = Expression::parse(text)?;
            match result.target().is_none() && asked.labels().iter().any(|l| *l == label(&result)) {
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

    /// What is to be computed: each result, with the names of the steps and of the results before it.
    ///
    /// # Errors
    /// As [`Expression::lower`] and [`Expression::output_of`].
    pub fn outputs(&self, scope: &mut Scope) -> Result<Vec<Output>> {
        for step in &self.steps {
            let lowered = step.lower(scope)?;
            scope.define(step.target().unwrap_or_default(), lowered);
        }
        let mut outputs = Vec::new();
        for result in &self.results {
            let lowered = result.lower(scope)?;
            if let Some(name) = result.target() {
                scope.define(name, lowered.clone());
            }
            outputs.push(result.output_of(lowered, scope)?);
        }
        Ok(outputs)
    }

    /// What the results are called where they are printed: as they were named, else by their text.
    pub fn labels(&self) -> Vec<&str> {
        self.results.iter().map(label).collect()
    }

    /// The labels of the results, each with whether it is a name that was given.
    pub fn results(&self) -> impl Iterator<Item = (&str, bool)> {
        self.results.iter().map(|r| (label(r), r.target().is_some()))
    }

    /// What the results are called where they are stored: as they were named, else `result`, `result2`, …, which a note
    /// says. An expression is no good name there: a `/` in it would make groups.
    pub fn dataset_names(&self) -> Vec<String> {
        let given: Vec<&str> = self.results.iter().filter_map(Expression::target).collect();
        let mut unnamed = (1..)
            .map(|n| if n == 1 { "result".to_string() } else { format!("result{n}") })
            .filter(|n| !given.contains(&n.as_str()));
        let name = |result: &Expression| match result.target() {
            Some(name) => name.to_string(),
            None => {
                let name = unnamed.next().unwrap_or_default();
                let text = result.text();
                let _ = writeln!(io::stderr(), "note: {text} is stored as '{name}'; NAME=EXPR names it");
                name
            }
        };
        self.results.iter().map(name).collect()
    }
}

fn label(result: &Expression) -> &str {
    result.target().unwrap_or(result.text())
}
