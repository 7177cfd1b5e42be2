//! The results of a plan whose last stage was merged: printed and stored as `eval` does.

use super::args::Merge;
use super::document::{Called, Document};
use crate::cli::eval::{Parts, Stored, Wanted, csv, is_unexplained, print, storing, why_nan};
use crate::cli::targets::{Existing, Written, check_target};
use crate::cli::{Done, Failure, output};
use chunkwise::{Array, Buffer, DType, Error, ErrorKind, Outcome, Plan, Report, Session, StageValues, Value};
use std::io;
use std::path::PathBuf;

/// Where results go.
pub struct Results<'a> {
    args: &'a Merge,
    document: &'a Document,
    table: Option<Written>,
}

/// A result with its value.
struct Found<'a> {
    called: &'a Called,
    value: &'a Value,
}

impl Stored for Found<'_> {
    fn parts(&self) -> Option<Parts> {
        let array = |dtype, shape: &[u64], bytes: &[u8]| {
            let mut elements = Buffer::new();
            elements.resize_for_overwrite(bytes.len());
            elements.copy_from_slice(bytes);
            Array::from_buffer(dtype, shape, elements)
        };
        match self.value {
            Value::Array(a) => {
                let plain = array(a.dtype(), a.shape(), a.bytes());
                let noted =
                    self.called.annotations.iter().fold(plain, |a, (key, text)| a.annotate(key, text));
                let named = match self.called.of.members() {
                    Some(members) => noted.with_members(members.clone()),
                    None => noted,
                };
                Some(Parts::Array(named, Vec::new()))
            }
            Value::Histogram(h) => {
                let shape = h.shape();
                // As NumPy's, and there are fewer elements than would not fit.
                let counts: Vec<u8> = h.counts().iter().flat_map(|n| (*n as i64).to_ne_bytes()).collect();
                let sums = h.weights().map(|(dtype, bytes)| array(dtype, &shape, bytes));
                let edges = h.edges().iter().map(|edges| {
                    let bytes: Vec<u8> = edges.iter().flat_map(|v| v.to_ne_bytes()).collect();
                    array(DType::F64, &[edges.len() as u64], &bytes)
                });
                Some(Parts::Histogram(array(DType::I64, &shape, &counts), sums, edges.collect()))
            }
            _ => None,
        }
    }
}

impl<'a> Results<'a> {
    /// Finds that they can go where they are to go, before anything is merged.
    ///
    /// # Errors
    /// `Usage` for a file that must not be written, or of a format that is not.
    pub fn new(args: &'a Merge, document: &'a Document, inputs: &[PathBuf]) -> Result<Results<'a>, Failure> {
        let existing = Existing::of(args.overwrite);
        let table = match &args.output {
            Some(path) if crate::cli::csv::is_named(path) => {
                Some(Written::new("--output", path, existing, inputs)?)
            }
            Some(path) => {
                storing::check_ending(path)?;
                let existing = if args.storing.changes() { Existing::Change } else { existing };
                check_target("--output", path, existing, inputs)?;
                None
            }
            None => None,
        };
        Ok(Results { args, document, table })
    }

    /// Prints or stores them.
    ///
    /// # Errors
    /// What writing can meet.
    pub fn give(self, plan: &Plan, after: StageValues, report: Report, session: &Session) -> Done {
        let lost = || Error::new(ErrorKind::Internal, "a result was never made");
        let values = after.into_values();
        let values = plan.results().iter().map(|v| values.get(v).cloned().ok_or_else(lost));
        let values = values.collect::<chunkwise::Result<Vec<Value>>>()?;
        let called = &self.document.results;
        let wanted: Vec<Wanted<Found>> = called
            .iter()
            .zip(&values)
            .map(|(called, value)| Wanted {
                label: called.label.clone(),
                name: called.name.clone(),
                output: Found { called, value },
            })
            .collect();
        if let Some(table) = self.table {
            csv::check(&wanted, &self.args.storing)?;
            let of: Vec<_> = called.iter().map(|called| called.of.clone()).collect();
            csv::write(table, &wanted, &of, &values)?;
            output::tell(&report);
            return Ok(());
        }
        if let Some(path) = &self.args.output {
            let store = storing::store(path, &wanted, &self.args.storing)?;
            let there = path.symlink_metadata().is_ok();
            let store = match (self.args.overwrite, self.args.storing.changes()) {
                (true, _) => store,
                (_, true) if there => store.append(),
                _ => store.create_new(),
            };
            session.run_with(&[], &[store])?;
            output::tell(&report);
            return Ok(());
        }
        drop(wanted);
        let mut outcome = Outcome::default();
        (outcome.values, outcome.report) = (values, report);
        let out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
        if self.args.json {
            let called = called.iter().map(|c| (c.label.as_str(), c.of.clone()));
            print::json(out, called, &outcome, &self.document.notes)?;
        } else {
            print::human(out, called.iter().map(|c| (c.label.as_str(), c.of.clone())), &outcome)?;
        }
        if self.document.masked && is_unexplained(&outcome.values, &outcome.report) {
            output::note(why_nan(self.document.no_skipna));
        }
        output::tell(&outcome.report);
        Ok(())
    }
}
