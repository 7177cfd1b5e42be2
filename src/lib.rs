//! chunkwise
pub mod buffer;
pub mod dtype;
pub mod error;
pub mod grid;
mod h5;
pub mod ops;
pub mod sink;
pub mod source;
pub use dtype::{DType, Element, Kind, Scalar, Weak};
pub use error::{Context, Error, ErrorKind, Result};
