//! chunkwise
pub mod buffer;
pub mod dtype;
pub mod error;
pub mod grid;
pub mod ops;
pub mod size;
pub use dtype::{DType, Element, Kind, Scalar, Weak};
pub use error::{Context, Error, ErrorKind, Result};
