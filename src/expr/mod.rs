//! Expressions: NumPy in Python's syntax, as text, over lazy arrays.
//!
//! What `chunkwise eval` takes, for programs: [`Expression::parse`] reads one, [`Expression::lower`] says what it
//! stands for with the names of a [`Scope`]. Whatever is wrong is an error of the kind
//! [`Expression`](crate::ErrorKind::Expression) that shows the text with a caret under the place.
//!
//! ```
//! use chunkwise::expr::{Expression, Scope};
//! use chunkwise::{Array, Session};
//! # fn main() -> chunkwise::Result<()> {
//! let mut scope = Scope::new();
//! scope.define("x", Array::linspace(0.0, 1.0, 5));
//! let anomaly = Expression::parse("x - mean(x)")?.array(&scope)?;
//! assert_eq!(Session::new()?.compute(&anomaly)?.as_slice::<f64>()?, [-0.5, -0.25, 0.0, 0.25, 0.5]);
//!
//! let e = Expression::parse("x - maen(x)")?.array(&scope).unwrap_err();
//! assert_eq!(e.to_string(), "there is no function 'maen'\n  x - maen(x)\n      ^~~~\nhint: did you mean 'mean'?");
//! # Ok(())
//! # }
//! ```
//!
//! # The language
//!
//! Numbers, strings, names, calls with keywords, methods (`x.mean(axis=0)` is `mean(x, axis=0)`), attributes,
//! subscripts with everything NumPy has, tuples and lists, and Python's operators with Python's precedence. Python
//! numbers are weak in promotion and exact among themselves. What Python has and arrays have no meaning for (`and`,
//! chained comparisons, `if`, lambdas, starred arguments) is an error that says what to write in its place.
//!
//! Stored strings and enums are compared with strings, `t.sev == "ERROR"`, `isin(t.sev, ["ERROR", "WARN"])`, and so select
//! rows: `mean(t.energy[t.sev == "ERROR"])`. An attribute that differs between the files of a [`Stored`] is an array with
//! an entry for each.
//!
//! Reductions of decoded data ([`Array::open_decoded`](crate::Array::open_decoded)) leave out what is missing, as xarray's:
//! `mean(t)` is `nanmean(t)` then ([`Scope::skip_missing`]). NaN in other data is NaN, as in NumPy.

mod args;
mod attributes;
mod axes;
mod beforehand;
mod binned;
mod call;
pub mod catalogue;
mod chosen;
mod cx;
mod dated;
mod direct;
mod each_file;
mod expression;
mod fold;
mod functions;
mod lower;
mod lowered;
mod named;
mod ordered;
mod scales;
mod scope;
mod selected;
mod skipna;
mod stored;
pub(crate) mod syntax;
mod typo;
mod value;

pub use direct::Subscript;
pub use expression::Expression;
pub use expression::Place;
pub use lowered::{Lowered, Output, Part};
pub use scope::Scope;
pub use stored::Stored;
pub(crate) use typo::did_you_mean;
