//! Medians, quantiles and percentiles.
//!
//! Of all elements they are found by passes that count digits ([`Ranks`]), each with what the one before has found as
//! its param, so that memory does not grow with the array; where the array is small, and along axes, the elements of
//! each result are gathered and selected from ([`Select`]); with weights and by group they are gathered and sorted
//! ([`Sorted`]).

use super::reduce::{beside, within};
use super::{Array, Draft, Over};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Node;
use crate::ops::fold::{Landing, Ranks, Select, SharedFold, Sorted};
use crate::ops::labels::Labels;
use crate::ops::quantiles::{Asked, Method, no_elements};
use crate::view::{View, ViewAxis};
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

/// Up to so many elements are gathered for one result rather than counted: what their keys take is then no more than
/// the counters of a pass.
const SMALL: u64 = 1 << 16;

/// One quantile, or a list of them; NumPy's `q`. With a list the result has an axis more, the first.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantiles {
    q: Vec<f64>,
    single: bool,
}

impl From<f64> for Quantiles {
    fn from(q: f64) -> Quantiles {
        Quantiles { q: vec![q], single: true }
    }
}

impl From<Vec<f64>> for Quantiles {
    fn from(q: Vec<f64>) -> Quantiles {
        Quantiles { q, single: false }
    }
}

impl From<&[f64]> for Quantiles {
    fn from(q: &[f64]) -> Quantiles {
        q.to_vec().into()
    }
}

impl<const N: usize> From<[f64; N]> for Quantiles {
    fn from(q: [f64; N]) -> Quantiles {
        q.to_vec().into()
    }
}

impl Quantiles {
    /// Percents as shares, divided as NumPy does.
    fn percents(self) -> Quantiles {
        Quantiles { q: self.q.into_iter().map(|q| q / 100.0).collect(), ..self }
    }
}

/// What becomes of NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nan {
    /// Where there is one, the result is NaN.
    Spreads,
    /// It is not there.
    Skipped,
}

/// Medians, quantiles and percentiles: exact, from any number of elements. Results are those of NumPy 2, with its
/// dtypes: a float's own for a median and for one quantile, float64 for lists of quantiles and for integers, and the
/// elements' where the method gives one of them. Of ±0 the order is −0, +0.
///
/// [`Over::mask`] leaves elements out. [`Over::weights`] are NumPy's `weights=`, which the method `inverted_cdf` takes:
/// a quantile is the first element up to which the elements in order have that share of the weights, as float64. Sums
/// of weights are exact and a share is rounded once, where NumPy adds up float64 in order. Weights of elements that are
/// NaN or masked do not count.
///
/// Over all axes the data are read once for dtypes of 8 and 16 bits, twice for 32, four times for 64, and memory does
/// not grow with them. Along some axes, by group, and with weights they are read once, and the elements of at least one
/// result (of all groups together) must fit into the budget.
impl Array {
    /// `numpy.median` over all axes.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::arange(0.0, 1_000_000.0, 1.0);
    /// assert_eq!(Session::new()?.compute(&x.median())?.item::<f64>()?, 499999.5);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn median(&self) -> Array {
        self.median_with(Over::all())
    }

    /// `numpy.median` over some axes.
    #[track_caller]
    pub fn median_with(&self, over: Over) -> Array {
        self.middle("median", over, Nan::Spreads, Location::caller())
    }

    /// `numpy.nanmedian` over all axes: of what is not NaN.
    #[track_caller]
    pub fn nanmedian(&self) -> Array {
        self.nanmedian_with(Over::all())
    }

    /// `numpy.nanmedian` over some axes.
    #[track_caller]
    pub fn nanmedian_with(&self, over: Over) -> Array {
        self.middle("nanmedian", over, Nan::Skipped, Location::caller())
    }

    /// `numpy.quantile` over all axes: `q` is a number from 0 to 1, or a list of such.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::arange(0.0, 11.0, 1.0);
    /// let session = Session::new()?;
    /// assert_eq!(session.compute(&x.quantile(0.25))?.item::<f64>()?, 2.5);
    /// assert_eq!(session.compute(&x.quantile([0.1, 0.9]))?.as_slice::<f64>()?, [1.0, 9.0]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn quantile(&self, q: impl Into<Quantiles>) -> Array {
        self.quantile_with(q, Method::default(), Over::all())
    }

    /// `numpy.quantile` by one of NumPy's methods, over some axes. With a list of quantiles their axis comes first.
    ///
    /// ```
    /// use chunkwise::{Array, Over, QuantileMethod, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::arange_int(0, 12, 1).reshape(&[3, 4]);
    /// let q = x.quantile_with(0.4, QuantileMethod::Nearest, Over::axis(1));
    /// assert_eq!(Session::new()?.compute(&q)?.as_slice::<i64>()?, [1, 5, 9]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn quantile_with(&self, q: impl Into<Quantiles>, method: Method, over: Over) -> Array {
        self.placed("quantile", q.into(), method, over, Nan::Spreads, Location::caller())
    }

    /// `numpy.nanquantile` over all axes: of what is not NaN.
    #[track_caller]
    pub fn nanquantile(&self, q: impl Into<Quantiles>) -> Array {
        self.nanquantile_with(q, Method::default(), Over::all())
    }

    /// `numpy.nanquantile` by one of NumPy's methods, over some axes.
    #[track_caller]
    pub fn nanquantile_with(&self, q: impl Into<Quantiles>, method: Method, over: Over) -> Array {
        self.placed("nanquantile", q.into(), method, over, Nan::Skipped, Location::caller())
    }

    /// `numpy.percentile` over all axes: `q` is a number from 0 to 100, or a list of such.
    #[track_caller]
    pub fn percentile(&self, q: impl Into<Quantiles>) -> Array {
        self.percentile_with(q, Method::default(), Over::all())
    }

    /// `numpy.percentile` by one of NumPy's methods, over some axes.
    #[track_caller]
    pub fn percentile_with(&self, q: impl Into<Quantiles>, method: Method, over: Over) -> Array {
        self.placed("percentile", q.into().percents(), method, over, Nan::Spreads, Location::caller())
    }

    /// `numpy.nanpercentile` over all axes: of what is not NaN.
    #[track_caller]
    pub fn nanpercentile(&self, q: impl Into<Quantiles>) -> Array {
        self.nanpercentile_with(q, Method::default(), Over::all())
    }

    /// `numpy.nanpercentile` by one of NumPy's methods, over some axes.
    #[track_caller]
    pub fn nanpercentile_with(&self, q: impl Into<Quantiles>, method: Method, over: Over) -> Array {
        self.placed("nanpercentile", q.into().percents(), method, over, Nan::Skipped, Location::caller())
    }

    fn middle(&self, name: &'static str, over: Over, nan: Nan, at: &'static Location) -> Array {
        self.in_order(name, self.asked_median(nan == Nan::Skipped), &over, None, at)
    }

    pub(super) fn asked_median(&self, skips_nan: bool) -> Result<Asked> {
        self.node().map(|node| Asked::median(node.dtype, skips_nan))
    }

    pub(super) fn asked_quantiles(&self, of: Quantiles, method: Method, skips_nan: bool) -> Result<Asked> {
        let Quantiles { q, single } = of;
        self.node().and_then(|node| Asked::quantiles(node.dtype, method, &q, single, skips_nan))
    }

    fn placed(
        &self,
        name: &'static str,
        of: Quantiles,
        method: Method,
        over: Over,
        nan: Nan,
        at: &'static Location,
    ) -> Array {
        self.in_order(name, self.asked_quantiles(of, method, nan == Nan::Skipped), &over, None, at)
    }

    /// What is asked, of all elements that are reduced or `by` group: the labels and those that are expected.
    pub(super) fn in_order(
        &self,
        name: &'static str,
        asked: Result<Asked>,
        over: &Over,
        by: Option<(&Array, &Labels)>,
        at: &'static Location,
    ) -> Array {
        let found = asked.and_then(|asked| self.found(name, asked, over, by, at));
        found.map(|found| found.one_of(self)).unwrap_or_else(|e| Array::from_draft(name, Err(e), at))
    }

    /// The results, with their axis first, then kept axes as `over` wants them, then that of the groups.
    fn found(
        &self,
        name: &'static str,
        asked: Asked,
        over: &Over,
        by: Option<(&Array, &Labels)>,
        at: &'static Location,
    ) -> Result<Array> {
        let node = self.node()?;
        let (reduced, keepdims) = over.ordered(name, node.shape.len())?;
        let lengths =
            |r: bool| node.shape.iter().zip(&reduced).filter(move |(_, q)| **q == r).map(|(&n, _)| n);
        let (elements, outputs): (u64, u64) = (lengths(true).product(), lengths(false).product());
        let groups = by.map(|(_, expected)| expected.len());
        if elements == 0 && outputs > 0 && groups.is_none() && !asked.has_none() {
            return Err(no_elements(name));
        }
        // Without outputs nothing is gathered, however many elements each would have.
        let elements = if outputs == 0 { 0 } else { elements };
        let column = |array: &Array, what| beside(array, &node.shape, &reduced, what);
        let mask = over.mask_array().map(|m| within(&m.cast(DType::Bool), &node.shape, "where mask"));
        let mask = mask.transpose()?;
        let weights = over.weights_array().map(|w| column(&w.cast(DType::F64), "weights")).transpose()?;
        let landing = Landing::over(&reduced);
        // One result of many elements; what axes it keeps have length 1.
        let counted = outputs == 1 && elements > SMALL;
        let made = if by.is_none() && weights.is_none() && counted {
            self.counted(name, &asked, mask.as_ref(), at)
        } else {
            let mut inputs = SmallVec::from_iter([node.clone()]);
            let fold = if by.is_none() && weights.is_none() {
                let select = Select::new(asked.clone(), elements, landing);
                SharedFold::new(if mask.is_some() { select.with_mask() } else { select })
            } else {
                let mut sorted = Sorted::new(asked.clone(), elements, landing);
                if let Some(weights) = weights {
                    sorted = sorted.with_weights()?;
                    inputs.push(weights);
                }
                if mask.is_some() {
                    sorted = sorted.with_mask();
                }
                if let Some((labels, expected)) = by {
                    sorted = sorted.with_groups(expected.clone(), labels.dtype()?);
                }
                SharedFold::new(sorted)
            };
            inputs.extend(mask);
            if let Some((labels, _)) = by {
                inputs.push(column(labels, "labels")?);
            }
            Array::from_draft(name, Ok(Draft::fold(fold, &node.shape, inputs)), at)
        };
        let made = made.node()?;
        let kept = made.shape.len() - asked.shape().len();
        let own = (kept..made.shape.len()).map(|d| ViewAxis { len: made.shape[d], from: Some((d, 1)) });
        let mut from = 0..kept;
        let axes = node.shape.iter().zip(&reduced).filter_map(|(&len, &gone)| match gone {
            true => keepdims.then_some(ViewAxis { len: 1, from: None }),
            false => Some(ViewAxis { len, from: from.next().map(|d| (d, 1)) }),
        });
        let of_groups = groups.map(|len| ViewAxis { len, from: Some((kept - 1, 1)) });
        let axes = own.chain(axes).chain(of_groups).collect();
        let view = View { axes, base: SmallVec::from_elem(0, made.shape.len()) };
        if view.is_identity(&made.shape) {
            return Ok(Array { built: Ok(made.clone()) });
        }
        Ok(Array::from_draft(name, Ok(Array::viewed(made, name, view)), at))
    }

    /// The results of all elements, by one pass after the other.
    fn counted(
        &self,
        name: &'static str,
        asked: &Asked,
        mask: Option<&Arc<Node>>,
        at: &'static Location,
    ) -> Array {
        let pass = |before: Option<&Arc<Node>>, pass: u32| -> Result<Draft> {
            let node = self.node()?;
            let fold = Ranks::new(asked.clone(), pass, node.shape.len());
            let fold = if mask.is_some() { fold.with_mask() } else { fold };
            let inputs = std::iter::once(node).chain(mask).chain(before).cloned().collect();
            Ok(Draft::fold(SharedFold::new(fold), &node.shape, inputs))
        };
        let first = Array::from_draft(name, pass(None, 0), at);
        (1..Ranks::passes(asked)).fold(first, |before, n| {
            Array::from_draft(name, before.node().and_then(|before| pass(Some(before), n)), at)
        })
    }
}

impl Over {
    /// By axis of an array of `rank` axes whether it is reduced, and whether it stays with length 1, for quantiles.
    ///
    /// # Errors
    /// `Index` or `Value` for axes that are not there, or named twice; `Unsupported` for an option that they do not
    /// take.
    fn ordered(&self, name: &str, rank: usize) -> Result<(Vec<bool>, bool)> {
        if let Some(option) = self.options().find(|o| !matches!(*o, "where" | "weights")) {
            let message = format!("{name} takes no {option}");
            return Err(Error::new(ErrorKind::Unsupported, message)
                .hint("it takes axes, keepdims, where and, by the method 'inverted_cdf', weights"));
        }
        self.reduced(rank)
    }
}
