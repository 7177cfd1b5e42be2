//! Folds: what becomes of the elements that a stage's program makes. Collecting them, reducing them over
//! axes, and counting them in bins are folds; each is a file of this folder and a line of [`FOLDS`].
//!
//! A [`Fold`] is plain data: it says which columns it takes ([`Port`]), which values of earlier stages
//! ([`Param`]), over which axes its results land ([`Landing`]), what it makes, and the bytes that this takes.
//! A plan holds it, and nothing in planning or running names one of them. With its params it is [`Ready`],
//! which makes accumulators ([`State`]) and the CPU's way of adding tiles of elements to them ([`Update`]);
//! a device has a way of its own, which a table of its backend finds by the fold's name.
//!
//! Whatever the tiles, the blocks and the order of merges, a state finishes into the same bits. One body of
//! tests holds every fold to that (`tests/folds.rs`).
//!
//! To add one: a file with a type that is a [`Fold`], its `ROW`, and a line in [`FOLDS`].

mod block;
mod collect;
mod data;
mod edges;
mod grouped;
mod histogram;
mod list;
mod radix;
mod ranks;
mod reduce;
mod row;
mod runs;
mod scan;
mod select;
mod shared;
mod sorted;
mod splat;
mod top;
mod traits;
mod wants;

pub use block::{Block, Scratch, TILE, Tile};
pub use collect::{Collect, Collected};
pub use data::{FoldBytes, Given, Landing, Lands, Load, Made, Makes, Note, Notes, Param, Port, Ports, Role};
pub use edges::EdgesFold;
pub use grouped::{By, Grouped};
pub use histogram::{Binned, HistogramFold, HistogramReady};
pub use list::{FOLDS, register};
pub use ranks::Ranks;
pub use reduce::{Reduce, ReduceReady};
pub use row::FoldRow;
pub use runs::{Columns, Runs};
pub use scan::{Cumulative, Scan};
pub use select::Select;
pub use shared::SharedFold;
pub use sorted::Sorted;
pub use splat::{Splat, Through, Window};
pub use top::{First, Top, Wanted};
pub use traits::{Fold, Nothing, Ready, State, Update, state_as, state_ref, written_bytes};
