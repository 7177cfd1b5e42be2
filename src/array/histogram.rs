//! Histograms of one to three arrays.

use super::elementwise::broadcast_node;
use super::{Array, Draft, Over, Target, show};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{Built, Origin};
use crate::grid::Dims;
use crate::ops::fold::{HistogramFold, SharedFold};
use crate::ops::histogram::{Bins, Edges};
use crate::view::broadcast_shapes;
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

/// The bins along one dimension of a histogram.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum BinAxis {
    /// Equal bins from the smallest to the largest value (NaN aside), found by a pass of its own.
    Auto(u64),
    /// Bins of equal ratio from the smallest positive value to the largest.
    AutoLog(u64),
    /// Equal bins over a range.
    Uniform {
        /// How many.
        bins: u64,
        /// The lower edge.
        low: f64,
        /// The upper edge, which belongs to the last bin.
        high: f64,
    },
    /// Bins of equal ratio over a positive range.
    Log {
        /// How many.
        bins: u64,
        /// The lower edge.
        low: f64,
        /// The upper edge, which belongs to the last bin.
        high: f64,
    },
    /// Bins between these edges.
    Edges(Vec<f64>),
}

impl BinAxis {
    fn bins(&self) -> Result<Bins> {
        let count = |bins: u64| {
            if bins == 0 {
                return Err(Error::new(ErrorKind::Value, "a histogram needs at least one bin"));
            }
            Ok(bins)
        };
        Ok(match self {
            BinAxis::Auto(bins) => Bins::Auto { bins: count(*bins)?, log: false },
            BinAxis::AutoLog(bins) => Bins::Auto { bins: count(*bins)?, log: true },
            BinAxis::Uniform { bins, low, high } => Bins::Edges(Edges::uniform(*low, *high, count(*bins)?)?),
            BinAxis::Log { bins, low, high } => Bins::Edges(Edges::log(*low, *high, count(*bins)?)?),
            BinAxis::Edges(edges) => Bins::Edges(Edges::explicit(edges.clone())?),
        })
    }
}

/// A lazy histogram of one to three arrays, which broadcast to one shape.
///
/// ```
/// use chunkwise::{Array, BinAxis, Session};
/// # fn main() -> chunkwise::Result<()> {
/// let x = Array::arange(0.0, 10.0, 0.5);
/// let h = Session::new()?.compute_histogram(&x.histogram(BinAxis::Uniform { bins: 2, low: 0.0, high: 8.0 }))?;
/// assert_eq!(h.counts(), [8, 9]);
/// assert_eq!(h.overflow(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Binned {
    axes: Vec<(Array, BinAxis)>,
    weights: Option<Array>,
    mask: Option<Array>,
    over: Option<Vec<i64>>,
    origin: Origin,
}

impl Array {
    /// The histogram of all elements.
    #[track_caller]
    pub fn histogram(&self, bins: BinAxis) -> Binned {
        Binned::new([(self, bins)])
    }
}

impl Binned {
    /// A histogram over as many dimensions as there are arrays.
    #[track_caller]
    pub fn new<'a>(axes: impl IntoIterator<Item = (&'a Array, BinAxis)>) -> Binned {
        Binned {
            axes: axes.into_iter().map(|(a, b)| (a.clone(), b)).collect(),
            weights: None,
            mask: None,
            over: None,
            origin: Origin::Rust(Location::caller()),
        }
    }

    /// Each element counts with its weight; the sums per bin are exact, rounded once to the weights'
    /// dtype.
    pub fn weights(mut self, weights: &Array) -> Binned {
        self.weights = Some(weights.clone());
        self
    }

    /// Only elements where `mask` is true take part.
    pub fn mask(mut self, mask: &Array) -> Binned {
        self.mask = Some(mask.clone());
        self
    }

    /// One histogram along these axes for each place on the others, which are those of the shape that the arrays
    /// broadcast to, as xhistogram's `axis=`. What is made of it ([`Binned::counts`], [`Binned::sums`],
    /// [`Binned::density`], [`Binned::reduce`]) has the axes that are kept, then those of the bins. An automatic range
    /// is that of all data.
    ///
    /// ```
    /// use chunkwise::{Array, BinAxis, Session};
    /// use ndarray::array;
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::from_ndarray(array![[0.1, 0.2, 1.5], [1.2, 1.3, 1.4]]);
    /// let counts = x.histogram(BinAxis::Uniform { bins: 2, low: 0.0, high: 2.0 }).along([1]).counts();
    /// assert_eq!(Session::new()?.compute(&counts)?.as_slice::<i64>()?, [2, 1, 0, 3]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn along(mut self, axes: impl Into<Vec<i64>>) -> Binned {
        self.over = Some(axes.into());
        self
    }

    /// The same histogram, whose errors and `explain` lines name `text`.
    pub fn made_by(mut self, text: &str) -> Binned {
        self.origin = Origin::Text(text.into());
        self
    }

    /// What the values of each dimension are called: the text by which they were made ([`Array::made_by`], expressions);
    /// nothing where that is a line of code.
    pub fn axis_names(&self) -> Vec<Option<&str>> {
        self.coordinates().map(text_of).collect()
    }

    /// What the weights are called, as [`Binned::axis_names`].
    pub fn weights_name(&self) -> Option<&str> {
        self.weights.as_ref().and_then(text_of)
    }

    /// The arrays of the dimensions.
    /// How many dimensions the bins have.
    pub fn dimensions(&self) -> usize {
        self.axes.len()
    }

    /// Whether it has weights.
    pub fn is_weighted(&self) -> bool {
        self.weights.is_some()
    }

    pub(super) fn coordinates(&self) -> impl Iterator<Item = &Array> {
        self.axes.iter().map(|(a, _)| a)
    }

    pub(super) fn weights_array(&self) -> Option<&Array> {
        self.weights.as_ref()
    }

    pub(super) fn mask_array(&self) -> Option<&Array> {
        self.mask.as_ref()
    }

    /// The axes over which it goes.
    pub(super) fn over(&self) -> Over {
        self.over.clone().map_or_else(Over::all, Over::axes)
    }

    /// The shape to which all of its arrays broadcast.
    ///
    /// # Errors
    /// `Shape` if they do not; `Value` if there are none or more than three.
    pub(super) fn shape(&self) -> Result<Dims> {
        if self.axes.is_empty() || self.axes.len() > 3 {
            return Err(Error::new(
                ErrorKind::Value,
                format!("a histogram has 1 to 3 dimensions, not {}", self.axes.len()),
            ));
        }
        let arrays = self.coordinates().chain(&self.weights).chain(&self.mask);
        let shapes = arrays.map(|a| Ok(a.node()?.shape.clone())).collect::<Result<Vec<_>>>()?;
        broadcast_shapes(shapes.iter().map(|s| s.as_slice())).ok_or_else(|| {
            let list: Vec<_> = shapes.iter().map(|s| show(s)).collect();
            Error::new(ErrorKind::Shape, format!("the shapes {} do not broadcast", list.join(" and ")))
        })
    }

    /// The bins, and the bounds of those with an automatic range, two each.
    ///
    /// # Errors
    /// `Value` for edges that cannot be.
    pub(super) fn bins(&self) -> Result<(Vec<Bins>, Vec<Array>)> {
        let bins = self.axes.iter().map(|(_, b)| b.bins()).collect::<Result<Vec<_>>>()?;
        let automatic = self.axes.iter().zip(&bins).filter_map(|((values, _), bins)| match bins {
            Bins::Auto { log, .. } => Some(range(values, self.mask.as_ref(), *log)),
            Bins::Edges(_) => None,
        });
        let bounds = automatic.flatten().collect();
        Ok((bins, bounds))
    }

    fn draft(&self) -> Result<Draft> {
        if self.over.is_some() {
            let message = "a histogram for each place on the axes that are kept is an array and no histogram";
            return Err(
                Error::new(ErrorKind::Unsupported, message).hint("compute its counts(), sums() or density()")
            );
        }
        let shape = self.shape()?;
        let mut inputs = SmallVec::new();
        for a in self.coordinates().chain(&self.weights) {
            inputs.push(broadcast_node(a.node()?, &shape));
        }
        if let Some(mask) = &self.mask {
            inputs.push(broadcast_node(mask.cast(DType::Bool).node()?, &shape));
        }
        let (bins, bounds) = self.bins()?;
        for bound in &bounds {
            inputs.push(bound.node()?.clone());
        }
        let dtypes = self.coordinates().map(Array::dtype).collect::<Result<_>>()?;
        let weights = self.weights.as_ref().map(Array::dtype).transpose()?;
        let fold = HistogramFold::new(bins, dtypes, weights, self.mask.is_some(), shape.len())?;
        Ok(Draft::fold(SharedFold::new(fold), &shape, inputs))
    }
}

impl Target for Binned {
    fn built(&self) -> Built {
        self.draft()
            .map_err(|e| Arc::new(e.at("operation", "histogram").at("at", &self.origin)))
            .and_then(|d| d.finish(self.origin.clone()))
    }
}

/// The text by which an array was made.
pub(super) fn text_of(array: &Array) -> Option<&str> {
    match &array.built.as_ref().ok()?.origin {
        Origin::Text(text) => Some(text),
        Origin::Rust(_) => None,
    }
}

/// The automatic range as two ordinary reductions: the smallest and the largest value as float64,
/// NaN and masked elements aside (positive ones only, for logarithmic bins). Without any such
/// element the smallest is +inf and the largest −inf.
pub(super) fn range(values: &Array, mask: Option<&Array>, log: bool) -> [Array; 2] {
    let x = values.cast(DType::F64);
    let mut counted = x.isnan().logical_not();
    if log {
        counted = counted & x.greater(0.0);
    }
    if let Some(mask) = mask {
        counted = counted & mask.cast(DType::Bool);
    }
    let filled = |fill: f64| {
        let filled = counted.select(&x, fill);
        // An array without elements has no smallest one: the fill stands in for it.
        match filled.shape() {
            Ok(shape) if shape.contains(&0) => Array::scalar(fill),
            _ => filled,
        }
    };
    [filled(f64::INFINITY).min(), filled(f64::NEG_INFINITY).max()]
}
