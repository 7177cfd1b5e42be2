//! Attributes that differ between the files of an input: arrays with an entry for each file. Their axis is that of the
//! files, which no axis of the data is unless the files are stacked: NumPy's broadcasting would lay them along whatever
//! axis comes last and happens to be as long. So an array that has one entry for each file meets others of its kind, and
//! data only where it was laid along an axis by hand.

use super::cx::Cx;
use super::syntax::Span;
use crate::{Array, ArrayOperand, Join, Result};

/// What notes of an array say it by.
const KEY: &str = "entry for each file";

/// An array of one entry for each file.
pub struct Mark {
    files: u64,
    stacked: bool,
}

impl Mark {
    fn of(array: &Array) -> Option<Mark> {
        let text = array.annotations().ok()?.get(KEY)?;
        let (files, how) = text.split_once(' ')?;
        let mark = Mark { files: files.parse().ok()?, stacked: how == "stacked" };
        mark.is_shape(array.shape().ok()?).then_some(mark)
    }

    /// Whether an array of this shape still has one entry for each file.
    pub fn is_shape(&self, shape: &[u64]) -> bool {
        shape == [self.files]
    }

    /// Marks an array.
    pub fn put(&self, array: &Array) -> Array {
        let how = if self.stacked { "stacked" } else { "joined" };
        array.annotate(KEY, &format!("{} {how}", self.files))
    }
}

/// The attribute's values of so many files, which are joined so.
pub fn mark(array: &Array, files: usize, join: Join) -> Array {
    Mark { files: files as u64, stacked: matches!(join, Join::Stack { .. }) }.put(array)
}

/// The mark of the operands, if one of them has it.
///
/// # Errors
/// `Expression` for an array of one entry for each file beside one that does not lie along the files.
pub fn check(cx: &Cx, operands: &[ArrayOperand], spans: &[Span]) -> Result<Option<Mark>> {
    let arrays =
        || operands.iter().zip(spans).filter_map(|(operand, span)| Some((operand.as_array()?, *span)));
    let Some((mark, span)) = arrays().find_map(|(array, span)| Some((Mark::of(array)?, span))) else {
        return Ok(None);
    };
    for (other, _) in arrays().filter(|(array, _)| Mark::of(array).is_none()) {
        // Of stacked files the first axis is that of the files, as long as it is the only one.
        let axes = other.ndim()?;
        if axes > 1 || axes == 1 && !mark.stacked {
            let n = mark.files;
            let e = cx.error(
                span,
                format!("this has an entry for each of the {n} files, and the other side has none"),
            );
            return Err(e.hint(match mark.stacked {
                true => "lay it along the files' axis, as in x * a[:, None], or take one file's, as in a[0]",
                false => "take one file's, as in a[0]; or one for each element: take(a, searchsorted(cumsum(n), arange(x.size), side='right')), where n has each file's number of elements",
            }));
        }
    }
    Ok(Some(mark))
}
