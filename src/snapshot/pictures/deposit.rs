//! Particles added to pixels and cells as points.

use super::what::{Axis, Deposit, Made, Side, Volume};
use super::window::{Placed, in_depth, seen};
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::asked::Asked;
use crate::snapshot::data::{Column, Data};
use crate::snapshot::frame::offset;
use crate::{Array, BinAxis, Binned, DType, Index, Reduction, Session};
use ndarray::array;

/// An axis of cells.
struct Cells {
    x: Array,
    low: f64,
    high: f64,
    n: u64,
    periodic: bool,
}

impl Data {
    /// Particles as points on the pixels of an image.
    pub(super) fn points(
        &self,
        text: &str,
        how: Deposit,
        density: bool,
        placed: &Placed,
        session: &Session,
    ) -> Result<Made> {
        let (kind, column) = self.deposited(text, how)?;
        let mask = in_depth(self, &kind, self.mask(&kind)?, placed)?;
        let places = seen(self, &kind, placed)?;
        let domain = self.snapshot().contents().domain;
        let cells = |d: usize| {
            let axis = placed.axes[d];
            let (low, high) = (placed.left[d], placed.right()[d]);
            let inside = placed.turned.is_some()
                || domain.is_none_or(|b| low >= b.left[axis] && high <= b.left[axis] + b.width[axis]);
            let (x, low, high) = match inside {
                true => (places[d].clone(), low, high),
                // About the centre, from which particles lie the shorter way round.
                false => {
                    let half = placed.width[d] / 2.0;
                    (offset(&places[d], placed.center[axis], placed.periods[d]), -half, half)
                }
            };
            let periodic = placed.periods[d].is_some_and(|p| placed.width[d] == p);
            Cells { x, low, high, n: placed.pixels[d], periodic }
        };
        // Upwards first, so that rows lie one after the other.
        let values =
            deposit([cells(1), cells(0)].into(), column.as_ref().map(|c| &c.array), mask, how, session)?;
        let (name, factor, unit) = of(&kind, column);
        let values = values.into_iter().map(|v| v * factor);
        if !density {
            return Ok((name, unit, values.collect()));
        }
        let code = self.snapshot().contents().units.length;
        let [w, h] = placed.pixel().map(|w| w * code.in_cgs(self.snapshot().epoch()));
        let unit = if unit.is_empty() { "1/cm**2".to_string() } else { format!("{unit}/cm**2") };
        Ok((format!("{name} per area"), unit, values.map(|v| v / (w * h)).collect()))
    }

    /// Particles as points on a grid of cells over the box, or over a part of it (code lengths).
    ///
    /// # Errors
    /// `Value` if there is neither a box nor a part of one, or the part has no extent; those of the fields and of the run.
    pub fn grid(
        &self,
        text: &str,
        how: Deposit,
        cells: [u64; 3],
        within: Option<([f64; 3], [f64; 3])>,
        session: &Session,
    ) -> Result<Volume> {
        let domain = self.snapshot().contents().domain;
        let whole = domain.map(|d| (d.left, [0, 1, 2].map(|i| d.left[i] + d.width[i])));
        let Some((left, right)) = within.or(whole) else {
            return Err(Error::new(ErrorKind::Value, "the snapshot has no box, so a grid needs two corners"));
        };
        if !(0..3).all(|d| left[d] < right[d] && left[d].is_finite() && right[d].is_finite()) {
            return Err(Error::new(ErrorKind::Value, "a grid needs some extent"));
        }
        let (kind, column) = self.deposited(text, how)?;
        let places = self.places(&kind, false)?;
        let axis = |d: usize| Cells {
            x: places[d].clone(),
            low: left[d],
            high: right[d],
            n: cells[d],
            periodic: domain
                .is_some_and(|b| b.periodic && left[d] == b.left[d] && right[d] == b.left[d] + b.width[d]),
        };
        let axes = vec![axis(0), axis(1), axis(2)];
        let values = deposit(axes, column.as_ref().map(|c| &c.array), self.mask(&kind)?, how, session)?;
        let (name, factor, unit) = of(&kind, column);
        let side = |d: usize| Side { axis: Axis::of(d), low: left[d], high: right[d], pixels: cells[d] };
        let values = values.into_iter().map(|v| v * factor).collect();
        Ok(Volume { name, unit, values, sides: [side(0), side(1), side(2)] })
    }

    /// The kind of what is deposited, and the column that is summed.
    fn deposited(&self, text: &str, how: Deposit) -> Result<(String, Option<Column>)> {
        if how == Deposit::Count {
            let kind = Asked::kind(text)?.kind.unwrap_or_default();
            return Ok((kind, None));
        }
        let column = self.column(&Asked::read(text)?)?;
        Ok((column.kind.clone(), Some(column)))
    }
}

fn of(kind: &str, column: Option<Column>) -> (String, f64, String) {
    match column {
        Some(column) => (format!("{kind} {}", column.name), column.factor, column.unit),
        None => (format!("number of {kind}"), 1.0, String::new()),
    }
}

/// Sums over cells, in the order of the axes.
fn deposit(
    axes: Vec<Cells>,
    values: Option<&Array>,
    mask: Option<Array>,
    how: Deposit,
    session: &Session,
) -> Result<Vec<f64>> {
    if axes.iter().any(|a| a.n == 0 || a.n > 1 << 24) {
        return Err(Error::new(ErrorKind::Value, "between 1 and 2^24 cells along an axis"));
    }
    let counted = |binned: Binned, mask: Option<Array>| match mask {
        Some(mask) => binned.mask(&mask),
        None => binned,
    };
    let sums = match (how, values) {
        (Deposit::Cic, Some(values)) => {
            let rank = axes.len();
            let clouds: Vec<(Array, Array)> =
                axes.iter().enumerate().map(|(d, a)| cloud(a, d, rank)).collect();
            let spread = |a: &Array| along(a, rank, None);
            let shares = clouds.iter().fold(spread(values), |all, (_, share)| all * share);
            let bins = |a: &Cells| BinAxis::Uniform { bins: a.n, low: -0.5, high: a.n as f64 - 0.5 };
            let binned = Binned::new(clouds.iter().zip(&axes).map(|((at, _), a)| (at, bins(a))));
            counted(binned, mask.map(|m| spread(&m))).reduce(&shares, Reduction::Sum)
        }
        (_, values) => {
            let bins = |a: &Cells| BinAxis::Uniform { bins: a.n, low: a.low, high: a.high };
            let binned = counted(Binned::new(axes.iter().map(|a| (&a.x, bins(a)))), mask);
            match values {
                Some(values) => binned.reduce(values, Reduction::Sum),
                None => binned.counts().cast(DType::F64),
            }
        }
    };
    Ok(session.compute(&sums)?.as_slice::<f64>()?.to_vec())
}

/// A column with an axis for the two cells of its cloud along each axis of the grid: of length 1, or `pair` along `d`.
fn along(column: &Array, rank: usize, pair: Option<(usize, &Array)>) -> Array {
    let mut index = vec![Index::Ellipsis];
    index.extend(std::iter::repeat_n(Index::NewAxis, rank));
    let column = column.index(index);
    match pair {
        Some((d, pair)) => {
            let mut index = vec![Index::NewAxis; rank];
            index[d] = Index::ALL;
            column + pair.index(index)
        }
        None => column,
    }
}

/// The two cells that a cloud lies in along an axis, and the share in each.
fn cloud(cells: &Cells, d: usize, rank: usize) -> (Array, Array) {
    let width = (cells.high - cells.low) / cells.n as f64;
    // In cells, from the middle of the first.
    let at = (&cells.x - cells.low) / width - 0.5;
    let first = at.floor();
    let over = &at - &first;
    let pair = Array::from_ndarray(array![0.0, 1.0].into_shared());
    let (cell, n) = (along(&first, rank, Some((d, &pair))), cells.n as f64);
    let cell = match cells.periodic {
        true => {
            let cell = cell.less(0.0).select(&cell + n, &cell);
            cell.greater_equal(n).select(&cell - n, &cell)
        }
        false => cell,
    };
    // 1 − o for the first, o for the second: |1 − p − o| for p = 0, 1.
    let mut index = vec![Index::NewAxis; rank];
    index[d] = Index::ALL;
    let left: Array = 1.0 - along(&over, rank, None);
    let share = (left - pair.index(index)).abs();
    (cell, share)
}
