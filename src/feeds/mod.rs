//! Feeds: inputs of a program that are computed block by block when a task asks for them.
//!
//! A feed says of what it is made (its children, each a kernel over a domain of its own), what it makes of
//! them, and how: which parts of its children a block needs, in which pieces it is naturally cut, how many
//! bytes that takes, and how a block is filled. Planner and executor know no feed by name; they walk
//! children and ask. So `sum(a @ b)` never holds `a @ b`, and a new feed is
//!
//! 1. a file here with a plain struct, its [`Feed`], and its row;
//! 2. the row's line in `FEEDS` (`list.rs`);
//! 3. a method of [`Array`](crate::Array) that makes [`NodeKind::Feed`](crate::graph::NodeKind::Feed) of it;
//! 4. expected values from NumPy in `tests/goldens`.
//!
//! A feed holds no children: the same struct is what a node of the graph does to its inputs, and what a plan
//! does to the kernels that these became ([`Fed`]). What is read as it is (sources, earlier values) is no
//! feed but [`Read`]: there the reader's caches and operands in place apply.
//!
//! Limits: a feed makes one array; its children's programs run on the CPU.

mod concatenate;
mod feed;
mod halo;
mod list;
mod lookup;
mod mapped;
mod matmul;
mod points;
mod reshape;
mod row;
mod take;

pub use concatenate::Concatenate;
pub use feed::{
    Fed, Feed, FeedBytes, Fetch, Input, Lying, Multiplied, Pieces, Reach, Read, SubKernel, Supply, Tile,
};
pub use halo::{Boundary, Halo};
pub use list::register_feed;
pub use lookup::LookedUp;
pub use mapped::{BlockFunction, Mapped, MappedBlock, register_block_function};
pub use matmul::Matmul;
pub use points::Points;
pub use reshape::Reshape;
pub use take::Take;

#[cfg(test)]
mod tests;
