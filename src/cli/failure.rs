//! How a command ends.

use super::advice::{in_options, without_source};
use chunkwise::ErrorKind;
use std::fmt;
use std::io;

/// Why a command ended early.
pub enum Failure {
    /// The library's error, or one of the expression language.
    Chunkwise(chunkwise::Error),
    /// Results could not be written.
    Output(io::Error),
    /// The command line asks for something that cannot be.
    Usage(String),
}

impl From<chunkwise::Error> for Failure {
    fn from(e: chunkwise::Error) -> Self {
        Failure::Chunkwise(e)
    }
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        Failure::Output(e)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(e: serde_json::Error) -> Self {
        Failure::Output(e.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Chunkwise(e) if e.kind() == ErrorKind::Cancelled => f.write_str("the run was cancelled"),
            Failure::Chunkwise(e) => f.write_str(&without_source(&in_options(&e.to_string()))),
            Failure::Output(e) => write!(f, "cannot write the results: {e}"),
            Failure::Usage(message) => f.write_str(message),
        }
    }
}

impl Failure {
    /// What the process says to whoever started it.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Chunkwise(e) if e.kind() == ErrorKind::Expression => 2,
            Failure::Output(e) if e.kind() == io::ErrorKind::BrokenPipe => 0,
            Failure::Usage(_) => 2,
            _ => 1,
        }
    }
}

/// What a command gives back.
pub type Done = Result<(), Failure>;
