//! Lookups of elements in a table that is known beforehand, as `numpy.searchsorted`, `digitize`, `isin` and `interp`.

use super::{Array, Draft};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::feeds::LookedUp;
use crate::graph::NodeKind;
use crate::ops::elementwise::{Op, Operand};
use crate::ops::lookup::{Lookup, Side, Table};
use crate::ops::simd::Simd;
use smallvec::SmallVec;
use std::panic::Location;
use std::sync::Arc;

/// The points of [`Array::interp`], and what lies outside of them.
#[derive(Clone, Debug)]
pub struct Interp {
    x: Vec<f64>,
    y: Vec<f64>,
    left: Option<f64>,
    right: Option<f64>,
    period: Option<f64>,
}

impl Interp {
    /// Straight lines through the points (x, y); x ascends. Before the first point it is the first y, after the last
    /// one the last.
    pub fn new(x: impl Into<Vec<f64>>, y: impl Into<Vec<f64>>) -> Interp {
        Interp { x: x.into(), y: y.into(), left: None, right: None, period: None }
    }

    /// The value before the first point.
    pub fn left(mut self, value: f64) -> Interp {
        self.left = Some(value);
        self
    }

    /// The value after the last point.
    pub fn right(mut self, value: f64) -> Interp {
        self.right = Some(value);
        self
    }

    /// Points and elements repeat after `period`: both are taken modulo it, points come in any order, and there is
    /// no outside.
    pub fn period(mut self, period: f64) -> Interp {
        self.period = Some(period);
        self
    }

    /// The lookup among points of one period, and that period.
    fn lookup(&self) -> Result<(Lookup, Option<f64>)> {
        let (left, right) = (self.left.or(self.y.first().copied()), self.right.or(self.y.last().copied()));
        let outside = [left, right].map(|v| v.unwrap_or(f64::NAN));
        let Some(period) = self.period.map(f64::abs) else {
            return Ok((Lookup::between(&self.x, &self.y, outside[0], outside[1])?, None));
        };
        if period == 0.0 || self.x.len() != self.y.len() || self.x.is_empty() {
            let message = format!("{} points and {} values of period {period}", self.x.len(), self.y.len());
            return Err(Error::new(ErrorKind::Value, message)
                .hint("a period is not 0, and there are as many values as points, at least one"));
        }
        let mut points: Vec<(f64, f64)> =
            remainders(&self.x, period)?.into_iter().zip(self.y.iter().copied()).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (first, last) = (points[0], points[points.len() - 1]);
        let around =
            [(last.0 - period, last.1)].into_iter().chain(points).chain([(first.0 + period, first.1)]);
        let (x, y): (Vec<f64>, Vec<f64>) = around.unzip();
        Ok((Lookup::between(&x, &y, y[0], y[y.len() - 1])?, Some(period)))
    }
}

/// What the row `remainder` gives.
fn remainders(x: &[f64], period: f64) -> Result<Vec<f64>> {
    let signature = Op::REMAINDER.signature(&[Operand::Strong(DType::F64); 2])?;
    let (by, mut out) = (vec![period; x.len()], vec![0.0; x.len()]);
    let args: [&[u8]; 2] = [bytemuck::cast_slice(x), bytemuck::cast_slice(&by)];
    Op::REMAINDER.try_kernel(&signature, Simd::best())?.run(&args, bytemuck::cast_slice_mut(&mut out));
    Ok(out)
}

impl Array {
    /// `numpy.searchsorted(table, x, side)`, where this array is `x`: where its elements would be inserted into an
    /// ascending table, int64. Both are compared in their common dtype; NaN comes last.
    ///
    /// ```
    /// use chunkwise::{Array, Session, Side};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::arange_int(0, 5, 1);
    /// let places = x.searchsorted(&[1i64, 3, 3], Side::Left);
    /// assert_eq!(Session::new()?.compute(&places)?.as_slice::<i64>()?, [0, 0, 1, 1, 3]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Errors, when it is computed: `Value` for a table that does not ascend (NumPy then gives anything).
    #[track_caller]
    pub fn searchsorted(&self, table: impl Into<Table>, side: Side) -> Array {
        let table = table.into();
        let at = Location::caller();
        let lookup = |dtype| Lookup::insertion(table.cast(table.dtype().promote(dtype)), side);
        self.looked_up("searchsorted", at, lookup)
    }

    /// `numpy.digitize(x, bins)`, where this array is `x`: the number of the bin of each element, int64. The bins'
    /// edges ascend or descend; of ascending ones bin i is between edges i − 1 and i, and `closed` says which of both
    /// belongs to it: the left one is NumPy's `right=False`.
    ///
    /// ```
    /// use chunkwise::{Array, Session, Side};
    /// # fn main() -> chunkwise::Result<()> {
    /// let bins = Array::arange_int(0, 4, 1).digitize(&[1i64, 3], Side::Left);
    /// assert_eq!(Session::new()?.compute(&bins)?.as_slice::<i64>()?, [0, 1, 1, 2]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// NaN among the edges comes after every number, as NumPy sorts it. (NumPy takes one number before NaN for edges
    /// that descend.)
    ///
    /// Errors, when it is computed: `Value` for edges that neither ascend nor descend.
    #[track_caller]
    pub fn digitize(&self, bins: impl Into<Table>, closed: Side) -> Array {
        let bins = bins.into();
        let at = Location::caller();
        let side = match closed {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        };
        let reversed = Some(bins.reversed()).filter(|r| !bins.is_sorted() && r.is_sorted());
        let table = reversed.as_ref().unwrap_or(&bins);
        let lookup = |dtype| {
            let lookup = Lookup::insertion(table.cast(table.dtype().promote(dtype)), side);
            lookup.map_err(|e| e.hint("the edges of bins ascend or descend"))
        };
        let places = self.looked_up("digitize", at, lookup);
        match reversed {
            Some(_) => bins.len() as i64 - places,
            None => places,
        }
    }

    /// `numpy.isin(element, test_elements)`, where this array is `element`: whether each is one of those, bool.
    /// Integers of all dtypes are compared by value; NaN is none of them.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let there = Array::arange_int(0, 4, 1).isin(&[3i64, 1, 7]);
    /// assert_eq!(Session::new()?.compute(&there)?.as_slice::<bool>()?, [false, true, false, true]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn isin(&self, test: impl Into<Table>) -> Array {
        let test = test.into();
        self.looked_up("isin", Location::caller(), |dtype| Lookup::among(&test, dtype))
    }

    /// `numpy.interp(x, xp, fp)`, where this array is `x`: the values of straight lines through points, float64, with
    /// NumPy's bits. NaN stays NaN.
    ///
    /// ```
    /// use chunkwise::{Array, Interp, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let y = Array::arange(0.0, 4.0, 1.0).interp(&Interp::new([0.0, 2.0], [10.0, 20.0]).right(-1.0));
    /// assert_eq!(Session::new()?.compute(&y)?.as_slice::<f64>()?, [10.0, 15.0, 20.0, -1.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Errors, when it is computed: `Value` for points that do not ascend (NumPy then gives anything), hold NaN or
    /// are none, for another number of values, and for a period of 0.
    #[track_caller]
    pub fn interp(&self, points: &Interp) -> Array {
        let at = Location::caller();
        match points.lookup() {
            Ok((lookup, period)) => {
                let x = self.cast(DType::F64);
                let x = match period {
                    Some(period) => x.remainder(period),
                    None => x,
                };
                x.looked_up("interp", at, |_| Ok(lookup))
            }
            Err(e) => Array::from_draft("interp", Err(e), at),
        }
    }

    /// What a lookup for elements of this dtype gives.
    pub(super) fn looked_up(
        &self,
        name: &'static str,
        at: &'static Location<'static>,
        lookup: impl FnOnce(DType) -> Result<Lookup>,
    ) -> Array {
        let draft = self.node().and_then(|node| {
            let lookup = lookup(node.dtype)?;
            let cast = self.cast(lookup.takes());
            let (shape, dtype) = (node.shape.clone(), lookup.gives());
            let inputs = SmallVec::from_iter([cast.node()?.clone()]);
            Ok(Draft { kind: NodeKind::Feed(Arc::new(LookedUp { lookup })), inputs, shape, dtype })
        });
        Array::from_draft(name, draft, at)
    }
}
