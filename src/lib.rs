//! chunkwise computes over chunked HDF5 data that is larger than memory.
#![deny(missing_docs)]
#![warn(clippy::undocumented_unsafe_blocks)]

mod array;
pub mod backend;
mod buffer;
mod dtype;
mod error;
mod exec;
pub mod graph;
pub mod grid;
mod h5;
pub mod ops;
pub mod plan;
mod session;

pub mod sink;
pub mod size;
pub mod source;
pub mod view;

pub use array::{Array, ArrayOperand, BinAxis, Binned, Index, Over, Target, concatenate, stack};
pub use buffer::Buffer;
pub use dtype::{DType, Element, Kind, Scalar, Weak};
pub use error::{Context, Error, ErrorKind, Result};
pub use exec::{
    ArrayValue, Cancel, Fallback, PartialOutput, Progress, Report, StagePartial, TaskCounts, Value, Values,
};
pub use ops::histogram::Histogram;
pub use plan::{Plan, PlanOptions};
pub use session::{BlockOrder, Blocks, Device, FallbackPolicy, Outcome, Session, SessionBuilder};
pub use source::OpenOptions;
