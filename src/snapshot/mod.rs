//! Snapshots of simulations: particles and meshes with units, what is in a part of space, and questions about it.
//!
//! [`Snapshot::open`] recognises the format and reads metadata. Its fields are lazy arrays; a [`DataObject`] becomes a
//! mask over them, so that everything about it is one run of a [`Session`](crate::Session) that reads each chunk once.
//! `docs/snapshots.md` goes through what can be done, and says where definitions differ from yt's.

mod asked;
mod attributes;
mod contents;
mod data;
mod derived;
mod dimensions;
mod fields;
mod frame;
mod frontends;
mod made;
mod masks;
mod object;
mod opened;
mod opening;
mod pictures;
mod profile;
mod quantiles;
mod quantities;
mod table;
mod text;
pub mod units;

pub use asked::Asked;
pub use contents::{Contents, Domain, Kind, Place, Positions, Smoothing, StoredField};
pub use data::{Column, Data};
pub use derived::{DERIVED, Derived};
pub use fields::Field;
pub use frame::Frame;
pub use frontends::{FRONTENDS, Frontend};
pub use made::MadeField;
pub use masks::Within;
pub use object::DataObject;
pub use opened::{Snapshot, UserField};
pub use opening::Opening;
pub use pictures::{Axis, Deposit, Image, Picture, Side, Volume, Window};
pub use profile::{Accumulate, Profile, ProfileBins, Profiled, ProfiledAxis, ProfiledField};
pub use quantities::{Answer, Part, Quantity};
pub use table::{Table, TableColumn, TableRows};
