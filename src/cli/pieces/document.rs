//! What `chunkwise plan` writes: the plan, and how its results are called.

use crate::cli::Failure;
use crate::cli::eval::Wanted;
use crate::cli::render::Of;
use chunkwise::expr::Output;
use chunkwise::plan::{NUMERICS_VERSION, PLAN_VERSION};
use chunkwise::{Context, Error, ErrorKind, Plan, PlanFingerprint, check_versions};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// A plan as a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// The version of chunkwise that made it, and those of plans and of the numerics.
    chunkwise: String,
    plans: u32,
    numerics: u32,
    fingerprint: PlanFingerprint,
    /// How many tasks each stage has.
    pub tasks: Vec<u64>,
    /// Its results.
    pub results: Vec<Called>,
    /// What was told of the inputs.
    pub notes: Vec<String>,
    /// Whether NaN stands for missing numbers in one of them, and whether reductions take it so.
    pub masked: bool,
    pub no_skipna: bool,
    plan: serde_json::Value,
}

/// A result, without its value.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Called {
    pub label: String,
    pub name: Option<String>,
    /// Of a histogram, what it is of.
    pub of: Of,
    /// Of an array, its units and the like.
    pub annotations: BTreeMap<String, String>,
}

impl Called {
    /// Of something that is to be computed.
    ///
    /// # Errors
    /// Those of building it.
    pub fn new(wanted: &Wanted) -> chunkwise::Result<Called> {
        let annotations = match &wanted.output {
            Output::Array(array) => array.annotations()?.clone(),
            _ => BTreeMap::new(),
        };
        let of = crate::cli::eval::of(&wanted.output);
        Ok(Called { label: wanted.label.clone(), name: wanted.name.clone(), of, annotations })
    }
}

impl Document {
    /// Of a plan.
    ///
    /// # Errors
    /// As [`Plan::to_json`].
    pub fn new(plan: &Plan, results: Vec<Called>, notes: Vec<String>) -> chunkwise::Result<Document> {
        let text = plan.to_json()?;
        Ok(Document {
            chunkwise: env!("CARGO_PKG_VERSION").into(),
            plans: PLAN_VERSION,
            numerics: NUMERICS_VERSION,
            fingerprint: plan.fingerprint(),
            tasks: plan.stages().iter().map(|s| s.grid.blocks()).collect(),
            results,
            notes,
            masked: false,
            no_skipna: false,
            plan: serde_json::from_str(&text).map_err(damaged)?,
        })
    }

    /// Reads a document and opens the inputs of its plan, as they were when it was made.
    ///
    /// # Errors
    /// `Format` for what is none, or is of another version; `Changed`, `NotFound` and the like for an input that is not
    /// what it was, with this machine's name.
    pub fn read(path: &Path) -> Result<(Document, Plan), Failure> {
        let read = || -> chunkwise::Result<(Document, Plan)> {
            let text = std::fs::read(path)
                .map_err(|e| Error::new(ErrorKind::Io, "cannot read the plan").caused_by(e))?;
            let value: serde_json::Value = serde_json::from_slice(&text).map_err(damaged)?;
            let number =
                |key: &str| value.get(key).and_then(|n| n.as_u64()).and_then(|n| u32::try_from(n).ok());
            // Of another version the rest may be otherwise.
            match (value.get("chunkwise").and_then(|v| v.as_str()), number("numerics"), number("plans")) {
                (Some(package), Some(numerics), Some(plans)) => {
                    check_versions("plan", package, numerics, plans)?
                }
                _ => return Err(Error::new(ErrorKind::Format, "this is no plan that chunkwise plan wrote")),
            }
            let document: Document = serde_json::from_value(value).map_err(damaged)?;
            let plan = Plan::from_json(&document.plan.to_string()).at("machine", machine())?;
            let sound = plan.fingerprint() == document.fingerprint
                && document.results.len() == plan.results().len()
                && document.tasks.iter().eq(plan
                    .stages()
                    .iter()
                    .map(|s| s.grid.blocks())
                    .collect::<Vec<_>>()
                    .iter());
            match sound {
                true => Ok((document, plan)),
                false => {
                    Err(Error::new(ErrorKind::Format, "the plan was changed since chunkwise plan wrote it")
                        .hint("make the plan again"))
                }
            }
        };
        Ok(read().at("plan", path.display())?)
    }
}

fn damaged(e: serde_json::Error) -> Error {
    Error::new(ErrorKind::Format, "this is no plan that chunkwise plan wrote").caused_by(e)
}

/// The name of this machine, for errors that others read.
pub fn machine() -> String {
    #[cfg(unix)]
    {
        let mut name = [0u8; 256];
        // SAFETY: the name has as many bytes as are said, and the last one stays 0.
        if unsafe { libc::gethostname(name.as_mut_ptr().cast(), name.len() - 1) } == 0 {
            let end = name.iter().position(|b| *b == 0).unwrap_or(0);
            return String::from_utf8_lossy(&name[..end]).into_owned();
        }
    }
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "unknown".into())
}
