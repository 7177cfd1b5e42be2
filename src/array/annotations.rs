//! Names, units and the like of an array. By which rule they travel stands in [`graph`](crate::graph).

use super::Array;
use crate::error::Result;
use crate::graph::MISSING;
use std::collections::BTreeMap;

impl Array {
    /// The same array with a note attached (a name, a unit), which is never interpreted. Views, casts, joins,
    /// borders and those elementwise operations that make the same kind of quantity ([`Row::annotated`]) keep
    /// what all their operands share, and reductions that do (means, extremes, sums, deviations, quantiles) what their values
    /// have; everything else drops it. What is a quantity and a bare number has no unit, nor has the time between dates.
    ///
    /// ```
    /// # use chunkwise::{Array, Index};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::arange(0.0, 9.0, 1.0).annotate("units", "K");
    /// assert_eq!(x.index([Index::At(3)]).mean().annotations()?["units"], "K");
    /// assert!((&x * &x).annotations()?.is_empty() && (&x - 273.15).annotations()?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// [`Row::annotated`]: crate::ops::elementwise::Row::annotated
    pub fn annotate(&self, key: &str, value: &str) -> Array {
        self.rebuilt(|node| {
            node.annotations.insert(key.to_string(), value.to_string());
        })
    }

    /// The same array, whose values could be some of those of another: with their notes.
    pub(super) fn one_of(&self, values: &Array) -> Array {
        let Ok(notes) = values.annotations() else { return self.clone() };
        let notes = notes.iter().filter(|(key, _)| *key != MISSING);
        notes.fold(self.clone(), |array, (key, text)| array.annotate(key, text))
    }

    /// The notes that are attached to it.
    ///
    /// # Errors
    /// As [`Array::check`].
    pub fn annotations(&self) -> Result<&BTreeMap<String, String>> {
        Ok(&self.node()?.annotations)
    }
}

#[cfg(test)]
mod tests {
    use crate::{Array, Boundary, DType, Index, Over, concatenate};

    fn units(a: &Array) -> Option<&str> {
        a.annotations().unwrap().get("units").map(String::as_str)
    }

    #[test]
    fn annotations_travel_by_the_rule() {
        let metres = Array::random(&[6, 4], 1, DType::F64).annotate("units", "m").annotate("name", "height");
        let depth = Array::random(&[6, 4], 2, DType::F64).annotate("units", "m").annotate("name", "depth");
        let seconds = Array::random(&[6, 4], 3, DType::F64).annotate("units", "s");
        let bare = Array::random(&[6, 4], 4, DType::F64);
        for kept in [
            &metres.index([Index::from(1..3)]).t(),
            &metres.reshape(&[3, 8]),
            &metres.cast(DType::F32),
            &metres.pad(&[(1, 1)], &[Boundary::Nearest]),
            &concatenate(&[metres.clone(), depth.clone()], 0),
            &(&metres + &depth),
            &(-&metres).abs(),
            &metres.maximum(0.5),
            &metres.clip(0.1, 0.5),
            &bare.greater(0.5).select(&metres, &depth),
            &bare.greater(0.5).select(&metres, 0.0),
            &metres.sum(),
            &metres.mean(),
            &metres.std(),
            &metres.max_with(Over::axis(0)),
            &metres.ptp(),
            &metres.median(),
            &metres.cumsum(),
        ] {
            assert_eq!(units(kept), Some("m"), "{kept}");
        }
        // A mean of dates is a date, the time between two is none.
        let dates = metres.annotate("units", "days since 2001-01-01").annotate("calendar", "noleap");
        for date in [&dates.mean(), &dates.min(), &dates.median(), &dates.clip(0.1, 0.5)] {
            assert_eq!(units(date), Some("days since 2001-01-01"), "{date}");
        }
        for span in [&dates.sum(), &dates.std(), &dates.ptp(), &(&dates - &dates.t().t())] {
            assert!(span.annotations().unwrap().is_empty(), "{span}");
        }
        let sum = &metres + &depth;
        assert!(!sum.annotations().unwrap().contains_key("name"), "they differ");
        for dropped in [
            &(&metres * 2.0),
            &(&metres - 2.5),
            &(&metres * &depth),
            &(&metres + &seconds),
            &(&metres + &bare),
            &(&bare - &metres),
            &metres.greater(&depth),
            &metres.sqrt(),
            &metres.var(),
            &metres.argmax(),
            &metres.matmul(&depth.t()),
            &concatenate(&[metres.clone(), bare.clone()], 0),
            &metres.greater(0.5).select(&bare, 0.0),
        ] {
            assert_eq!(units(dropped), None, "{dropped}");
        }
    }
}
