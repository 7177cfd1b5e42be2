//! Exact, bounded-memory computing over chunked HDF5 data, and netCDF of every format, that is larger than memory.
//!
//! What [dask.array](https://docs.dask.org) is to NumPy, chunkwise is as one native engine: arrays are
//! lazy, work is planned before anything runs, HDF5 chunks stream through a fixed budget of memory,
//! and reductions merge across chunks with one answer: the same bits for every chunk shape, number
//! of threads, budget, vector level and device.
//!
//! # The way of the data
//!
//! A source says where elements are, an [`Array`] says lazily what to make of them, a [`Session`]
//! plans and runs it:
//!
//! ```
//! use chunkwise::{Array, BinAxis, Device, Session};
//! # use chunkwise::{sink::hdf5::{DatasetSpec, Filter, Hdf5Writer}, grid::Region, DType};
//! # fn main() -> chunkwise::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("snapshot.h5");
//! # let spec = DatasetSpec { chunks: Some(vec![2]), filters: Filter::shuffle_deflate(4),
//! #     ..DatasetSpec::new("PartType0/Density", &[4], DType::F32) };
//! # let writer = Hdf5Writer::create(&path, &[spec])?;
//! # let values: Vec<u8> = [1.0f32, 10.0, 100.0, 1000.0].iter().flat_map(|v| v.to_ne_bytes()).collect();
//! # writer.write_region(0, &Region::whole(&[4]), &values)?;
//! # writer.finish()?;
//! let rho = Array::open(&path, "/PartType0/Density")?; // metadata only
//! let spread = rho.log10().std(); // nothing is read yet
//! let bins = rho.log10().histogram(BinAxis::Uniform { bins: 4, low: 0.0, high: 4.0 });
//!
//! let session = Session::builder().device(Device::Auto).memory("64MiB").build()?;
//! let outcome = session.run(&[&spread, &bins])?; // one run, every chunk read and decoded once
//! assert_eq!(outcome.values[0].as_array()?.item::<f32>()?, 1.118034);
//! assert_eq!(outcome.values[1].as_histogram()?.counts(), [1, 1, 1, 1]);
//! assert_eq!(outcome.report.chunks_decoded, 2);
//! # Ok(())
//! # }
//! ```
//!
//! Between the two lies the [`Plan`]: [`Session::plan`] gives it, [`Session::explain`] prints it with
//! what it needs on this machine, [`Plan::to_json`] writes it for other processes, which run pieces of
//! it with [`Session::run_tasks`] and put them together with [`Session::combine_tasks`] and
//! [`Session::merge_tasks`].
//! [`Session::compute_into`] writes a result to memory that is there already, [`Session::blocks`] goes
//! through one that is larger than memory, and [`Session::store`] writes it to a file;
//! [`Session::run_with`] stores and computes in one run.
//!
//! [`snapshot`] asks about simulations: particles and meshes with units, spheres and cuts, profiles and images.
//!
//! # What it promises
//!
//! - **NumPy is the reference** for values and dtypes: broadcasting, NumPy 2's promotion (Rust scalars
//!   are weak, like Python's), NaN, slicing, `axis`, `keepdims`, `where`, `dtype`.
//! - **Sums are exact** and rounded once: `sum`, `mean`, `var`, `std`, `average`, weighted bins. So they
//!   can differ from NumPy's in the last bits, and are then the right ones.
//! - **The budget is hard** and checked before the run; the error names the smallest that works.
//! - **Errors are told where they were made**: file, dataset, chunk, filter, operation, line.
//!
//! - **Devices give one answer.** [`Device::Gpu`] runs whole kernels as compute shaders, with the CPU's bits
//!   (but for float matrix products, see [`Array::matmul`]); what an adapter cannot do right is the CPU's,
//!   with the reason in the plan and in the report.
//!
//! # What is settled
//!
//! What this page shows is what programs build upon, and what sources, folds and feeds from outside are made of is
//! in [`unstable`]. Other modules that can be named (`backend`, `feeds`, `graph`, `ops`, `plan`, `size`, `view`,
//! `whole`) are the inside: tests and benches name them, they are not shown here, and any of it may change in any
//! release. Enums and results grow: a `match` needs an arm for what it does not know yet.
//!
//! # What it cannot do yet
//!
//! No labelled dimensions; units only in [`snapshot`]s of simulations. The README lists the limits.
#![deny(missing_docs)]

mod array;
#[doc(hidden)]
pub mod backend;
mod buffer;
mod dimensions;
mod dtype;
mod error;
mod exec;
pub mod expr;
#[doc(hidden)]
pub mod feeds;
#[doc(hidden)]
pub mod fuzzing;
#[doc(hidden)]
pub mod graph;
pub mod grid;
mod h5;
mod members;
#[doc(hidden)]
pub mod ops;
#[doc(hidden)]
pub mod plan;
mod session;
pub mod sink;
#[doc(hidden)]
pub mod size;
pub mod snapshot;
pub mod source;
#[doc(hidden)]
pub mod text;
pub mod trace;
pub mod unstable;
#[doc(hidden)]
pub mod view;
#[doc(hidden)]
pub mod whole;

pub use array::{
    Array, ArrayOperand, AxisBins, BinAxis, BinRule, Binned, BlockList, Choice, Compound, ConvolveMode,
    DatePart, Dimension, Index, IndexMode, Interp, Label, Norm, Opened, Over, Quantiles, SelMethod,
    Selection, SelectionOperand, Target, Texts, block, broadcast_arrays, column_stack, concatenate, date_of,
    dstack, einsum, eye, hstack, indices, meshgrid, ravel_multi_index, select, stack, time_of, tri, vstack,
};
pub use buffer::Buffer;
pub use dtype::{DType, Element, Kind, Scalar, Weak};
pub use error::{Context, Error, ErrorKind, Result};
pub use exec::{
    Activities, ArrayValue, Bottleneck, Cancel, Fallback, Gathered, Merged, PartialOutput, PartialTile,
    Progress, Report, StagePartial, StageReport, StageValues, StateBytes, TaskCounts, TileNote, Value,
    Values, check_versions,
};
pub use feeds::{BlockFunction, Boundary, MappedBlock};
pub use members::Members;
pub use ops::histogram::Histogram;
pub use ops::labels::Labels;
pub use ops::lookup::{Side, Table};
pub use ops::quantiles::Method as QuantileMethod;
pub use ops::reduce::Reduction;
pub use plan::{Plan, PlanFingerprint, PlanOptions};
pub use session::{
    BlockOrder, Blocks, Copied, CopyOptions, Device, FallbackPolicy, Out, Outcome, Session, SessionBuilder,
    Store, StoreOptions, Unique,
};
pub use source::{Join, OpenOptions, Reader};
pub use trace::Trace;

/// What most programs use: `use chunkwise::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Array, BinAxis, DType, Device, Index, Join, OpenOptions, Over, Reduction, Session, Store,
        StoreOptions, Target, concatenate, s, stack,
    };
}

/// An index as NumPy writes it between brackets, for [`Array::index`]: numbers, ranges, `NewAxis`, `Ellipsis`, and a step
/// after a semicolon.
///
/// ```
/// use chunkwise::{Array, Session, s};
/// # fn main() -> chunkwise::Result<()> {
/// let x = Array::arange_int(0, 12, 1).reshape(&[3, 4]);
/// let part = x.index(s![1.., ..; -2]); // x[1:, ::-2]
/// assert_eq!(Session::new()?.compute(&part)?.as_slice::<i64>()?, [7, 5, 11, 9]);
/// assert_eq!(x.index(s![NewAxis, Ellipsis, -1]).shape()?, [1, 3]);
/// # Ok(())
/// # }
/// ```
#[macro_export]
macro_rules! s {
    (@to [$($made:expr),*]) => { [$($made),*] };
    (@to [$($made:expr),*] NewAxis $(, $($rest:tt)*)?) => {
        $crate::s!(@to [$($made,)* $crate::Index::NewAxis] $($($rest)*)?)
    };
    (@to [$($made:expr),*] Ellipsis $(, $($rest:tt)*)?) => {
        $crate::s!(@to [$($made,)* $crate::Index::Ellipsis] $($($rest)*)?)
    };
    (@to [$($made:expr),*] $entry:expr; $step:expr $(, $($rest:tt)*)?) => {
        $crate::s!(@to [$($made,)* $crate::Index::from($entry).step($step)] $($($rest)*)?)
    };
    (@to [$($made:expr),*] $entry:expr $(, $($rest:tt)*)?) => {
        $crate::s!(@to [$($made,)* $crate::Index::from($entry)] $($($rest)*)?)
    };
    ($($entries:tt)*) => { $crate::s!(@to [] $($entries)*) };
}
