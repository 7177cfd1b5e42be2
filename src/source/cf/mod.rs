//! What attributes say about the numbers of a dataset, as the CF conventions and the NetCDF Users' Guide have it:
//! packing, missing values, valid ranges, signs.
//!
//! [`Decoding`] is plain data, made of attributes alone; [`Array::open_decoded`](crate::Array::open_decoded) makes
//! operations of it. Sources: CF conventions 1.11, sections 2.5.1 and 8.1; NUG, appendix A; for the dtype of the
//! result xarray's `decode_cf`, whose choices are documented there.

mod decoding;
mod fit;
mod names;

pub use decoding::{Decoding, Valid};
pub(crate) use names::is_wanted;
