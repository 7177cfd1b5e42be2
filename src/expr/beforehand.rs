//! What computes what must be known before an expression can be planned.

use crate::{Error, ErrorKind, Result, Session};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A session that computes beforehand, how often it did, and whether it may.
#[derive(Clone, Debug, Default)]
pub struct Beforehand {
    /// The session, if one was said.
    pub using: Option<Session>,
    /// What to do where nothing may be computed.
    pub refused: Option<String>,
    runs: Arc<AtomicU64>,
}

impl Beforehand {
    /// The session, for one more run.
    ///
    /// # Errors
    /// As [`Session::new`]; `Unsupported` where nothing may be computed.
    pub fn session(&self) -> Result<Session> {
        if let Some(hint) = &self.refused {
            let message = "this must be computed before anything can be planned, and that is not allowed";
            return Err(Error::new(ErrorKind::Unsupported, message).hint(hint));
        }
        self.runs.fetch_add(1, Ordering::Relaxed);
        match &self.using {
            Some(session) => Ok(session.clone()),
            None => Session::new(),
        }
    }

    /// How often it computed.
    pub fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }
}
