//! What others build upon and what is not settled: any of it may change in any release.
//!
//! A [`Source`](crate::source::Source) from outside this crate is known to one process only. Registered by a
//! name, it goes to others with the plans that read it:
//!
//! ```
//! use chunkwise::unstable::{Registration, register_source};
//! # use chunkwise::grid::{Chunks, Slab};
//! # use chunkwise::source::{ReadCx, Source};
//! # use chunkwise::{Array, DType, Error, ErrorKind, Plan, Result, Session};
//! # use std::sync::Arc;
//! # #[derive(Debug)]
//! # struct Constant(u8);
//! impl Source for Constant {
//!     fn registration(&self) -> Option<Registration> {
//!         Some(Registration { name: "example/constant".into(), parameters: self.0.to_string() })
//!     }
//!     // and what every source has
//! #   fn shape(&self) -> &[u64] { &[100] }
//! #   fn dtype(&self) -> DType { DType::U8 }
//! #   fn chunks(&self) -> Option<&Chunks> { None }
//! #   fn describe(&self) -> String { format!("{}, a hundred times", self.0) }
//! #   fn scratch_bytes(&self) -> u64 { 0 }
//! #   fn read_region(&self, _: &Slab, out: &mut [u8], _: &mut ReadCx) -> Result<()> {
//! #       out.fill(self.0);
//! #       Ok(())
//! #   }
//! }
//!
//! # fn main() -> Result<()> {
//! register_source("example/constant", |parameters| {
//!     let wrong = |_| Error::new(ErrorKind::Value, "the constant is no byte");
//!     Ok(Arc::new(Constant(parameters.parse().map_err(wrong)?)))
//! })?;
//!
//! let session = Session::new()?;
//! let plan = session.plan(&[&Array::new(Arc::new(Constant(7))).sum()])?;
//! // In another process, which has registered the name too:
//! let outcome = session.run_plan(&Plan::from_json(&plan.to_json()?)?)?;
//! assert_eq!(outcome.values[0].as_array()?.item::<u64>()?, 700);
//! # Ok(())
//! # }
//! ```
//!
//! A [`Fold`] (what becomes of columns) and a [`Feed`] (how an array is made of others, block by block) are added
//! in the same way: [`fold()`] and [`feed()`] make arrays of them, [`register_fold`] and [`register_feed`] let plans
//! that have them travel. What they are made of is in [`folds`] and [`feeds`]. `tests/toys.rs` has one of each.

pub use crate::array::{feed, fold};
pub use crate::feeds::{Feed, register_block_function, register_feed};
pub use crate::ops::fold::{Fold, FoldRow, register as register_fold};
pub use crate::source::Registration;
pub use crate::source::foreign::register_source;

/// What a [`Fold`] is made of.
pub mod folds {
    pub use crate::ops::elementwise::Op;
    pub use crate::ops::fold::{
        Block, FoldBytes, Given, Landing, Lands, Load, Made, Makes, Note, Notes, Nothing, Param, Port, Ports,
        Ready, Role, Runs, Scratch, SharedFold, State, TILE, Tile, Update, state_as, state_ref,
    };
    pub use crate::ops::histogram::LogOf;
    pub use crate::ops::reduce::Along;
    pub use crate::ops::shared::Patch;
    pub use crate::ops::simd::Simd;
}

/// What a [`Feed`] is made of.
pub mod feeds {
    pub use crate::backend::{Product, Within};
    pub use crate::feeds::{
        Fed, FeedBytes, Fetch, Input, Multiplied, Pieces, Reach, Read, SubKernel, Supply, Tile,
    };
    pub use crate::source::ScratchNeeds;
}
