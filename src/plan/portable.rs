//! Plans for other processes: what only this one has goes along where it is small.

use super::Plan;
use super::fingerprint::PlanFingerprint;
use crate::error::{Context, Error, ErrorKind, Result};
use crate::grid::{Region, Slab};
use crate::size::human_bytes;
use crate::source::{Inline, ReadCx, ReadStats, Scratch, Source, SourceSpec, open};
use std::sync::{Arc, OnceLock};

impl Plan {
    /// The plan in which arrays that only this process has (labels, indices, arrays of NumPy's) stand as their elements, if
    /// all of them together have at most so many bytes, and files are named from the root. So [`Plan::to_json`] can write it. It is another plan with
    /// another fingerprint, and its results have the same bits.
    ///
    /// # Errors
    /// `Unsupported` if they have more bytes; what reading them can meet.
    pub fn portable(mut self, most: u64) -> Result<Plan> {
        let local = |s: &SourceSpec| s.local().is_some();
        let bytes =
            |s: &dyn Source| s.shape().iter().fold(s.dtype().size() as u64, |n: u64, &d| n.saturating_mul(d));
        let sources = self.data.sources.iter().zip(&self.opened).filter(|(s, _)| local(&s.spec));
        let all = sources.map(|(_, opened)| bytes(&**opened)).fold(0, u64::saturating_add);
        if all > most {
            let text = format!(
                "the plan reads {} that only this process has, and at most {} go to others with a plan",
                human_bytes(all),
                human_bytes(most)
            );
            let largest = self.data.sources.iter().zip(&self.opened).filter(|(s, _)| local(&s.spec));
            let largest = largest.max_by_key(|(_, opened)| bytes(&***opened));
            return Err(Error::new(ErrorKind::Unsupported, text)
                .at("source", largest.map_or("", |(s, _)| s.name.as_str()))
                .hint(
                    "store the array in a file that all processes see and open it from there, or let more go along: \
                     Plan::portable (--inline)",
                ));
        }
        for (s, opened) in self.data.sources.iter_mut().zip(&mut self.opened) {
            if !local(&s.spec) {
                continue;
            }
            let mut elements = vec![0; bytes(&**opened) as usize];
            let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
            let mut cx = ReadCx { scratch: &mut scratch, stats: &stats };
            let whole = Slab::dense(&Region::whole(&s.shape));
            opened.read_region(&whole, &mut elements, &mut cx).at("source", &s.name)?;
            s.spec = SourceSpec::Inline(Arc::new(Inline::new(s.dtype, &s.shape, &elements)));
            s.chunks = None;
            *opened = open(&s.spec)?;
        }
        self.data.sources.iter_mut().for_each(|s| absolute(&mut s.spec));
        self.fingerprint = OnceLock::<PlanFingerprint>::new();
        self.orders = OnceLock::new();
        Ok(self)
    }
}

/// Names files from the root of the file system, for processes that run in other folders.
fn absolute(spec: &mut SourceSpec) {
    match spec {
        SourceSpec::Hdf5 { path, .. } | SourceSpec::Netcdf { path, .. } => {
            *path = std::path::absolute(&*path).unwrap_or_else(|_| path.clone());
        }
        SourceSpec::Many { parts, .. } => {
            let mut all = parts.to_vec();
            all.iter_mut().for_each(absolute);
            *parts = all.into();
        }
        _ => {}
    }
}
