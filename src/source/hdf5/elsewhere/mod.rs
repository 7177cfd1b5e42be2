//! Data that is in other files than the dataset: external raw files, virtual datasets, and links.
//!
//! All of it is read by positioned reads and the readers of the datasets that it is in, from several threads.
//! libhdf5 reads the fill value where something is missing; here that is an error, unless it is asked for
//! ([`OpenOptions::fill_missing`](crate::OpenOptions::fill_missing)).
//!
//! - `names`: which file a name means;
//! - `external`: raw files, as one stretch of bytes;
//! - `resolve`: from the mappings of a file to those of elements to elements, and the shape that follows;
//! - `sources`: the datasets that a virtual one is made of, opened when they are wanted;
//! - `walk`, `rows`, `gather`: the elements of a region, and reading them;
//! - `virtual_source`: the dataset itself.

mod chunks;
mod convert;
mod external;
mod gather;
mod names;
mod resolve;
mod rows;
mod sources;
mod virtual_source;
mod walk;

pub(crate) use external::External;
pub(super) use names::{Kind, find};
pub(super) use sources::{Chain, Opener, digest, missing, words};
pub(super) use virtual_source::open;
