//! Elements chosen by a number, and positions made of indices.

use super::{Array, attempt, show};
use crate::error::{Error, ErrorKind, Result};
use std::panic::Location;

/// What an index that is not there means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum IndexMode {
    /// An error. Lazy indices must be looked at beforehand.
    #[default]
    Raise,
    /// One that is there, counted round and round.
    Wrap,
    /// The first or the last.
    Clip,
}

impl IndexMode {
    /// Indices of 0 to n − 1.
    #[track_caller]
    fn within(self, indices: &Array, n: u64) -> Array {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        match self {
            IndexMode::Raise => indices.clone(),
            IndexMode::Wrap => indices.remainder(n),
            IndexMode::Clip => indices.clip(0i64, n - 1),
        }
    }
}

impl Array {
    /// `numpy.choose`: of each element, a number, the element of the choice that it counts, from 0 on. By
    /// [`IndexMode::Raise`] the last choice stands in the place of those that are not there: who needs an error looks first.
    ///
    /// Errors, when it is computed: `Value` for no choices; `Type` for floats; `Shape` if they do not broadcast.
    #[track_caller]
    pub fn choose(&self, choices: &[Array], mode: IndexMode) -> Array {
        let at = Location::caller();
        if !attempt!("choose", self.dtype()).is_integer() {
            let message =
                format!("choices are counted by integers, not {}", attempt!("choose", self.dtype()));
            return Array::from_draft("choose", Err(Error::new(ErrorKind::Type, message)), at);
        }
        let Some((last, others)) = choices.split_last() else {
            return Array::from_draft(
                "choose",
                Err(Error::new(ErrorKind::Value, "there are no choices")),
                at,
            );
        };
        let which = mode.within(self, choices.len() as u64);
        // In the shape of all, even if there is only one.
        let otherwise = which.less(0).select(last, last);
        others
            .iter()
            .enumerate()
            .rev()
            .fold(otherwise, |out, (i, choice)| which.equal(i as i64).select(choice, out))
    }
}

/// `numpy.ravel_multi_index`: the position in C order in an array of `shape` of the index along each axis, int64. By
/// [`IndexMode::Raise`] indices are taken as they are: who needs an error looks first.
///
/// # Errors
/// `Shape` unless there is one index for each axis; `Type` for indices that are no integers.
#[track_caller]
pub fn ravel_multi_index(indices: &[Array], shape: &[u64], mode: IndexMode) -> Result<Array> {
    if indices.len() != shape.len() || shape.is_empty() {
        let message = format!("{} indices for the shape {}", indices.len(), show(shape));
        return Err(Error::new(ErrorKind::Shape, message).hint("give one for each axis"));
    }
    let mut out: Option<Array> = None;
    for (index, &n) in indices.iter().zip(shape) {
        if !index.dtype()?.is_integer() {
            return Err(Error::new(ErrorKind::Type, format!("indices are integers, not {}", index.dtype()?)));
        }
        let index = mode.within(&index.cast(crate::DType::I64), n);
        out = Some(match out {
            None => index,
            Some(before) => before * i64::try_from(n).unwrap_or(i64::MAX) + index,
        });
    }
    out.ok_or_else(|| Error::new(ErrorKind::Shape, "no axes"))
}
