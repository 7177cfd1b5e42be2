//! Numbers that are made of other operations, by NumPy's names: differences, tolerances, rounding to decimals, order.
//!
//! Each is a recipe over rows of the tables: what it is made of is planned, fused and placed like any expression.

use super::arrange::at_axis;
use super::index::axis;
use super::shape::concatenate;
use super::{Array, ArrayOperand, ConvolveMode, Index, Over, attempt, show};
use crate::dtype::{DType, Kind, Weak};
use crate::error::{Error, ErrorKind, Result};
use std::f64::consts::TAU;
use std::panic::Location;

/// The most times that differences are taken of differences: each is a node of the graph.
const MAX_DIFFERENCES: u64 = 1000;

/// The dtype of floats that numbers of a dtype become where a function wants floats: as `numpy.result_type(x, 1.0)`.
fn float_of(dtype: DType) -> DType {
    if dtype.is_float() { dtype } else { DType::F64 }
}

impl Array {
    /// A value in this array's dtype, of no axes.
    fn constant(&self, value: f64) -> Result<Array> {
        Ok(Array::scalar(Weak::Float(value).to_scalar(float_of(self.dtype()?))?))
    }

    /// `numpy.diff`: each element less the one before it along an axis, `n` times over. Of bools, whether they differ.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there; `Value` for very many times.
    #[track_caller]
    pub fn diff(&self, n: u64, along: i64) -> Array {
        let d = attempt!("diff", self.ndim().and_then(|rank| axis(along, rank)));
        if n > MAX_DIFFERENCES {
            let message = format!("differences of {n} differences; at most {MAX_DIFFERENCES}");
            attempt!("diff", Err(Error::new(ErrorKind::Value, message)));
        }
        let is_bool = attempt!("diff", self.dtype()) == DType::Bool;
        let mut out = self.clone();
        for _ in 0..n {
            let later = out.index(at_axis(d, Index::from(1..)));
            let earlier = out.index(at_axis(d, Index::from(..-1)));
            out = if is_bool { later.not_equal(&earlier) } else { later - earlier };
        }
        out
    }

    /// `numpy.ediff1d`: the differences of all elements in C order, between `to_begin` and `to_end`.
    #[track_caller]
    pub fn ediff1d(&self, to_begin: Option<&Array>, to_end: Option<&Array>) -> Array {
        let flat = self.ravel();
        let dtype = attempt!("ediff1d", self.dtype());
        let differences = flat.index([Index::from(1..)]) - flat.index([Index::from(..-1)]);
        let mut pieces = Vec::new();
        pieces.extend(to_begin.map(|a| a.ravel().cast(dtype)));
        pieces.push(differences);
        pieces.extend(to_end.map(|a| a.ravel().cast(dtype)));
        concatenate(&pieces, 0)
    }

    /// `numpy.round` to a number of decimals; negative ones are places before the point. As NumPy, floats are
    /// multiplied by a power of ten, rounded with ties to even, and divided.
    #[track_caller]
    pub fn round_to(&self, decimals: i32) -> Array {
        let dtype = attempt!("round", self.dtype());
        if decimals == 0 || (decimals > 0 && !dtype.is_float()) {
            return self.round();
        }
        let places = 10f64.powi(decimals.unsigned_abs().min(400) as i32);
        let x = self.cast(float_of(dtype));
        let rounded = match decimals > 0 {
            true => x.multiply(places).round().divide(places),
            false => x.divide(places).round().multiply(places),
        };
        rounded.cast(if dtype == DType::Bool { DType::F16 } else { dtype })
    }

    /// `numpy.isclose`: whether |x − y| ≤ atol + rtol · |y| and y is finite, or x = y; with `equal_nan` also where both
    /// are NaN.
    #[track_caller]
    pub fn isclose(&self, other: &Array, rtol: f64, atol: f64, equal_nan: bool) -> Array {
        let y = other.cast(float_of(attempt!("isclose", other.dtype())));
        let near = (self - &y).absolute().less_equal(y.absolute().multiply(rtol).add(atol));
        let close = (near & y.isfinite()) | self.equal(&y);
        match equal_nan {
            true => close | (self.isnan() & y.isnan()),
            false => close,
        }
    }

    /// `numpy.allclose`: whether all elements are close ([`Array::isclose`]).
    #[track_caller]
    pub fn allclose(&self, other: &Array, rtol: f64, atol: f64, equal_nan: bool) -> Array {
        self.isclose(other, rtol, atol, equal_nan).all()
    }

    /// `numpy.array_equal`: whether both have one shape and the same elements; with `equal_nan`, NaN equals NaN.
    #[track_caller]
    pub fn array_equal(&self, other: &Array, equal_nan: bool) -> Array {
        let (x, y) = attempt!("array_equal", self.shape().and_then(|x| Ok((x, other.shape()?))));
        if x != y {
            return Array::scalar(false);
        }
        let same = self.equal(other);
        match equal_nan {
            true => (same | (self.isnan() & other.isnan())).all(),
            false => same.all(),
        }
    }

    /// `numpy.nan_to_num`: `nan` for NaN, `posinf` and `neginf` for infinities; without them the largest and the
    /// least finite value of the dtype.
    #[track_caller]
    pub fn nan_to_num(&self, nan: f64, posinf: Option<f64>, neginf: Option<f64>) -> Array {
        let dtype = attempt!("nan_to_num", self.dtype());
        let largest = match dtype {
            DType::F16 => f64::from(half::f16::MAX),
            DType::F32 => f64::from(f32::MAX),
            DType::F64 => f64::MAX,
            _ => return self.clone(),
        };
        let nan = attempt!("nan_to_num", self.constant(nan));
        let above = attempt!("nan_to_num", self.constant(posinf.unwrap_or(largest)));
        let below = attempt!("nan_to_num", self.constant(neginf.unwrap_or(-largest)));
        let ends = self.equal(f64::INFINITY).select(&above, self);
        let ends = self.equal(f64::NEG_INFINITY).select(&below, &ends);
        self.isnan().select(&nan, &ends)
    }

    /// `numpy.float_power`: the power in float64.
    #[track_caller]
    pub fn float_power(&self, exponent: &Array) -> Array {
        self.cast(DType::F64).power(exponent.cast(DType::F64))
    }

    /// `numpy.divmod`: the floor of the quotient, and the remainder.
    #[track_caller]
    pub fn divmod(&self, other: impl Into<ArrayOperand>) -> (Array, Array) {
        let other = other.into();
        (self.floor_divide(other.clone()), self.remainder(other))
    }

    /// `numpy.modf`: the fraction, with the sign of the number, and the whole part.
    #[track_caller]
    pub fn modf(&self) -> (Array, Array) {
        let x = match self.dtype() {
            Ok(dtype) => self.cast(float_of(dtype)),
            Err(_) => return (self.clone(), self.clone()),
        };
        let whole = x.trunc();
        // The fraction of an infinity is 0.
        let fraction = match x.constant(0.0) {
            Ok(zero) => x.isinf().select(zero, &x - &whole),
            Err(_) => x.clone(),
        };
        (fraction.copysign(&x), whole)
    }

    /// `numpy.angle` of real numbers, in radians: 0, and π below 0 (−0 too); NaN for NaN.
    #[track_caller]
    pub fn angle(&self) -> Array {
        let x = self.cast(float_of(attempt!("angle", self.dtype())));
        attempt!("angle", x.constant(0.0)).arctan2(&x)
    }

    /// `numpy.unwrap`: jumps of more than `discont` (half of the period, if not given) between neighbours along an axis
    /// are made smaller by whole periods.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there.
    #[track_caller]
    pub fn unwrap(&self, discont: Option<f64>, along: i64, period: Option<f64>) -> Array {
        let d = attempt!("unwrap", self.ndim().and_then(|rank| axis(along, rank)));
        let p = self.cast(float_of(attempt!("unwrap", self.dtype())));
        let period = period.unwrap_or(TAU);
        let half = period / 2.0;
        let jumps = p.diff(1, d as i64);
        let within = jumps.subtract(-half).remainder(period).add(-half);
        // Half a period is up if it was up.
        let ambiguous = within.equal(-half) & jumps.greater(0.0);
        let within = ambiguous.select(attempt!("unwrap", p.constant(half)), within);
        let correction = jumps.absolute().less(discont.unwrap_or(half).max(0.0));
        let correction = correction.select(attempt!("unwrap", p.constant(0.0)), within - &jumps);
        let later = p.index(at_axis(d, Index::from(1..))) + correction.cumsum_with(Over::axis(d as i64));
        concatenate(&[p.index(at_axis(d, Index::from(..1))), later], d as i64)
    }

    /// `numpy.trapezoid`: the integral along an axis by trapezoids between points `dx` apart, or at `x`, which has one
    /// axis or the shape of the values.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there; `Shape` for points that do not fit.
    #[track_caller]
    pub fn trapezoid(&self, x: Option<&Array>, dx: f64, along: i64) -> Array {
        let rank = attempt!("trapezoid", self.ndim());
        let d = attempt!("trapezoid", axis(along, rank));
        let heights = self.index(at_axis(d, Index::from(1..))) + self.index(at_axis(d, Index::from(..-1)));
        let areas = match x {
            None => heights.multiply(dx),
            Some(x) if attempt!("trapezoid", x.ndim()) == 1 => {
                let mut shape = vec![1; rank];
                shape[d] = -1;
                x.diff(1, 0).reshape(&shape) * heights
            }
            Some(x) => x.diff(1, d as i64) * heights,
        };
        areas.divide(2.0).sum_with(Over::axis(d as i64))
    }

    /// `numpy.correlate` of rows: the sum of products with `kernel` at each place, without turning it round.
    #[track_caller]
    pub fn correlate(&self, kernel: &Array, mode: ConvolveMode) -> Array {
        self.convolve(&kernel.flip(&[]), mode)
    }

    /// The central moment of an order: the mean of (x − mean)^order, as `scipy.stats.moment` and `dask.array.moment`.
    /// In the dtype of the mean.
    ///
    /// Errors, when it is computed: as [`Array::mean_with`].
    #[track_caller]
    pub fn moment(&self, order: u32, over: Over) -> Array {
        let mean = self.mean_with(over.clone().keepdims());
        let deviation = self - &mean;
        deviation.power(i64::from(order)).mean_with(over)
    }

    /// `numpy.polyval`: the values at `x` of the polynomial with the elements of this array, which has one axis, as its
    /// coefficients, that of the highest power first, by Horner's rule.
    ///
    /// Errors, when it is computed: `Shape` for other than one axis.
    #[track_caller]
    pub fn polyval(&self, x: &Array) -> Array {
        let shape = attempt!("polyval", self.shape());
        let &[n] = shape else {
            let message = format!("coefficients of shape {}", show(shape));
            attempt!("polyval", Err(Error::new(ErrorKind::Shape, message).hint("give a list")))
        };
        let coefficient = |i: u64| self.index([Index::At(i as i64)]);
        let (lengths, dtype) = (attempt!("polyval", x.shape()), attempt!("polyval", x.dtype()));
        let zero = Array::zeros(lengths, dtype);
        (0..n).fold(zero, |value, i| value * x + coefficient(i))
    }

    /// `numpy.sort` along an axis, NaN last; without an axis, of all elements in C order.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there.
    ///
    /// −0 comes before +0, and every NaN is one, so that the bits do not depend on the order in which elements come.
    ///
    /// Limit: the elements of an axis are held until it is complete.
    #[track_caller]
    pub fn sort(&self, along: Option<i64>) -> Array {
        let at = Location::caller();
        match along {
            Some(along) => self.sorted_along(along, at),
            None => self.ravel().sorted_along(0, at),
        }
    }

    /// `numpy.argsort`, stable: the positions along an axis in ascending order of the elements, int64.
    ///
    /// Errors, when it is computed: `Index` for an axis that is not there.
    #[track_caller]
    pub fn argsort(&self, along: Option<i64>) -> Array {
        let Some(along) = along else { return self.ravel().argsort(Some(0)) };
        let d = attempt!("argsort", self.ndim().and_then(|rank| axis(along, rank)));
        let n = attempt!("argsort", self.shape())[d];
        self.argtopk(-(n.min(i64::MAX as u64) as i64), d as i64)
    }

    /// `numpy.unravel_index`: of positions in C order in an array of `shape`, the index along each axis. A position
    /// beyond the array has a first index beyond the first axis.
    ///
    /// # Errors
    /// `Type` for positions that are no integers; `Shape` for a shape without elements or axes.
    #[track_caller]
    pub fn unravel_index(&self, shape: &[u64]) -> Result<Vec<Array>> {
        if !matches!(self.dtype()?.kind(), Kind::Int | Kind::UInt) {
            return Err(Error::new(
                ErrorKind::Type,
                format!("positions are integers, not {}", self.dtype()?),
            ));
        }
        if shape.is_empty() || shape.contains(&0) {
            return Err(Error::new(
                ErrorKind::Shape,
                format!("an array of shape {} has no positions", show(shape)),
            ));
        }
        let position = self.cast(DType::I64);
        let mut out = Vec::new();
        let mut inner = 1i64;
        for (d, &n) in shape.iter().enumerate().rev() {
            let at = position.floor_divide(inner);
            out.push(if d == 0 { at } else { at.remainder(n) });
            inner = inner.saturating_mul(n as i64);
        }
        out.reverse();
        Ok(out)
    }

    /// `dask.array.coarsen`: a reduction over each block of `factors` elements along the axes; elements left over at the
    /// end of an axis are left away if `trim_excess` is true.
    ///
    /// Errors, when it is computed: `Value` for factors that are 0, do not divide an axis, or are not one per axis.
    #[track_caller]
    pub fn coarsen(&self, reduction: crate::Reduction, factors: &[u64], trim_excess: bool) -> Array {
        let shape = attempt!("coarsen", self.shape()).to_vec();
        let wrong = |what: String| Error::new(ErrorKind::Value, what);
        if factors.len() != shape.len() || factors.contains(&0) {
            let message = format!("factors {factors:?} for the shape {}", show(&shape));
            attempt!("coarsen", Err(wrong(message).hint("give a factor of at least 1 for each axis")));
        }
        let mut out = self.clone();
        // One axis after the other, each with an axis more for its blocks; reductions of several axes are one.
        let mut blocks = Vec::new();
        let mut split: Vec<i64> = Vec::new();
        for (d, (&n, &f)) in shape.iter().zip(factors).enumerate() {
            if !n.is_multiple_of(f) && !trim_excess {
                let message = format!("axis {d} has {n} elements, which are not blocks of {f}");
                attempt!("coarsen", Err(wrong(message).hint("trim_excess leaves the last ones away")));
            }
            out = out.between(d, 0, n / f * f);
            split.push((n / f) as i64);
            if f > 1 {
                split.push(f as i64);
                blocks.push(split.len() as i64 - 1);
            }
        }
        out.reshape(&split).reduce(reduction, Over::axes(blocks))
    }
}

/// `numpy.select`: of each element the choice whose condition is the first that is true, or `default`.
#[track_caller]
pub fn select(conditions: &[Array], choices: &[Array], default: impl Into<ArrayOperand>) -> Array {
    let mut pairs = conditions.iter().zip(choices).rev();
    let last = pairs.next().filter(|_| conditions.len() == choices.len()).ok_or_else(|| {
        let message = format!("{} conditions for {} choices", conditions.len(), choices.len());
        Error::new(ErrorKind::Value, message)
    });
    let (condition, choice) = attempt!("select", last);
    let mut out = condition.select(choice, default);
    for (condition, choice) in pairs {
        out = condition.select(choice, &out);
    }
    out
}
