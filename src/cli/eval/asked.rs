//! What a command asks for: steps with names, and results.

use crate::cli::Failure;
use crate::cli::args::Asking;
use chunkwise::Result;
use chunkwise::expr::{Expression, Output, Scope};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// The expressions of a command line.
pub struct Asked {
    /// `--let`: each has a name.
    steps: Vec<Expression>,
    /// What is printed or stored. No two have one label.
    results: Vec<Sought>,
}

/// A result, and the group that it is stored in.
struct Sought {
    expression: Expression,
    group: Option<String>,
}

impl Sought {
    /// Reads `[[GROUP/]NAME=]EXPR`.
    fn read(text: &str) -> Result<Sought> {
        let (group, text) = apart(text);
        Ok(Sought { expression: Expression::parse(text)?, group: group.map(String::from) })
    }

    /// How it was named, else its text.
    fn label(&self) -> String {
        let label = self.expression.target().unwrap_or(self.expression.text());
        self.group.as_ref().map_or(label.to_string(), |group| format!("{group}/{label}"))
    }
}

/// The group in `GROUP/NAME=EXPR`, which is no expression, and what is left.
fn apart(text: &str) -> (Option<&str>, &str) {
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    let split = || {
        let (head, value) = text.split_once('=')?;
        let (group, name) = head.trim().rsplit_once('/')?;
        let group = group.trim_start_matches('/');
        let path =
            !value.starts_with('=') && is_name(name) && (group.is_empty() || group.split('/').all(is_name));
        let rest = &text[text.find(head)? + head.find('/').and(head.rfind('/'))? + 1..];
        path.then_some((Some(group).filter(|g| !g.is_empty()), rest))
    };
    split().unwrap_or((None, text))
}

impl Asked {
    /// Reads the expressions. What is asked for twice is a result once, with a note.
    ///
    /// # Errors
    /// `Expression` for what cannot be read; `Usage` for a step without a name.
    pub fn read(args: &Asking) -> Result<Asked, Failure> {
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
            let result = Sought::read(text.trim_start())?;
            let again = |r: &Sought| r.label() == result.label();
            match result.expression.target().is_none() && asked.results.iter().any(again) {
                // Nobody to tell if stderr is closed.
                true => drop(writeln!(io::stderr(), "note: '{}' is asked for twice", result.label())),
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
        // What is in a group has a path and no name that others could use.
        let results = self.results.iter().filter(|r| r.group.is_none()).map(|r| &r.expression);
        for (expression, name) in self.steps.iter().chain(results).filter_map(|e| Some((e, e.target()?))) {
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
    /// for each of its elements, a table for each of its fields.
    ///
    /// # Errors
    /// As [`Expression::lower`] and [`Expression::output_of`].
    pub fn wanted(&self, scope: &mut Scope) -> Result<Vec<Wanted>> {
        for step in &self.steps {
            let lowered = step.lower(scope)?;
            scope.define(step.target().unwrap_or_default(), lowered);
        }
        let mut wanted = Vec::new();
        for sought in &self.results {
            let (result, group) = (&sought.expression, &sought.group);
            let lowered = result.lower(scope)?;
            if let Some(name) = result.target().filter(|_| group.is_none()) {
                scope.define(name, lowered.clone());
            }
            let within =
                |name: &str| group.as_ref().map_or(name.to_string(), |group| format!("{group}/{name}"));
            let (label, name) = (sought.label(), result.target().map(within));
            match result.outputs_of(&lowered, scope)? {
                None => wanted.push(Wanted { label, name, output: result.output_of(lowered, scope)? }),
                Some(outputs) => wanted.extend(outputs.into_iter().map(|(place, output)| Wanted {
                    label: format!("{label}{place}"),
                    name: name.as_ref().map(|name| format!("{name}{}", place.in_a_name())),
                    output,
                })),
            }
        }
        Ok(wanted)
    }
}

/// What is to be computed, or was.
pub struct Wanted<O = Output> {
    /// What it is called where it is printed: as it was named, else by its text; of a tuple with the place in it.
    pub label: String,
    /// The name that was given.
    pub name: Option<String>,
    /// What is computed.
    pub output: O,
}

/// What results are called where they are stored: as they were named, else `result`, `result2`, …, which a note says. An
/// expression is no good name there: a `/` in it would make groups.
pub fn dataset_names<O>(wanted: &[Wanted<O>]) -> Vec<String> {
    let given: Vec<&str> = wanted.iter().filter_map(|w| w.name.as_deref()).collect();
    let mut unnamed = (1..)
        .map(|n| if n == 1 { "result".to_string() } else { format!("result{n}") })
        .filter(|n| !given.contains(&n.as_str()));
    let name = |w: &Wanted<O>| match &w.name {
        Some(name) => name.clone(),
        None => {
            let name = unnamed.next().unwrap_or_default();
            let _ = writeln!(io::stderr(), "note: {} is stored as '{name}'; NAME=EXPR names it", w.label);
            name
        }
    };
    wanted.iter().map(name).collect()
}
