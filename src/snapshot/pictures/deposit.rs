//! Particles added to pixels and cells as points.

use super::what::{Axis, Deposit, Made, Side, Volume};
use super::window::{Placed, in_depth, seen};
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::asked::Asked;
use crate::snapshot::data::{Column, Data};
use crate::snapshot::frame::offset;
use crate::snapshot::units::Unit;
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
        let what = self.deposited(text, how, 2)?;
        let kind = what.kind.clone();
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
        let values = deposit([cells(1), cells(0)].into(), what.values.as_ref(), mask, how, session)?;
        let [w, h] = placed.pixel();
        let values = values.into_iter().map(|v| v * what.factor);
        if what.spread {
            let values = values.map(|v| v / (w * h)).collect();
            return Ok((format!("{} per area", what.name), what.unit, values));
        }
        if !density {
            return Ok((what.name, what.unit, values.collect()));
        }
        let code = self.snapshot().contents().units.length.in_cgs(self.snapshot().epoch());
        let (w, h) = (w * code, h * code);
        let unit = if what.unit.is_empty() { "1/cm**2".to_string() } else { format!("{}/cm**2", what.unit) };
        Ok((format!("{} per area", what.name), unit, values.map(|v| v / (w * h)).collect()))
    }

    /// Particles as points on a grid of cells over the box, or over a part of it (code lengths). With a unit that is one of the
    /// field per volume, as `dm.mass [Msun/kpc**3]`, sums are divided by the volume of a cell.
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
        let what = self.deposited(text, how, 3)?;
        let places = self.places(&what.kind, false)?;
        let axis = |d: usize| Cells {
            x: places[d].clone(),
            low: left[d],
            high: right[d],
            n: cells[d],
            periodic: domain
                .is_some_and(|b| b.periodic && left[d] == b.left[d] && right[d] == b.left[d] + b.width[d]),
        };
        let axes = vec![axis(0), axis(1), axis(2)];
        let values = deposit(axes, what.values.as_ref(), self.mask(&what.kind)?, how, session)?;
        let side = |d: usize| Side { axis: Axis::of(d), low: left[d], high: right[d], pixels: cells[d] };
        let sides = [side(0), side(1), side(2)];
        let volume: f64 = sides.iter().map(|s| (s.high - s.low) / s.pixels as f64).product();
        let scaled = |v: f64| if what.spread { v * what.factor / volume } else { v * what.factor };
        let name = if what.spread { format!("{} per volume", what.name) } else { what.name };
        Ok(Volume { name, unit: what.unit, values: values.into_iter().map(scaled).collect(), sides })
    }

    /// What is deposited in cells of so many dimensions, in which unit.
    fn deposited(&self, text: &str, how: Deposit, dimensions: i32) -> Result<What> {
        let counted = how == Deposit::Count;
        let asked = if counted { Asked::kind(text)? } else { Asked::read(text)? };
        let code = Asked { unit: asked.unit.as_ref().map(|_| "code".into()), ..asked.clone() };
        let (kind, name, values, own) = match counted {
            true => {
                let kind = asked.kind.clone().unwrap_or_default();
                (kind.clone(), format!("number of {kind}"), None, Some(Unit::NONE))
            }
            false => {
                let column = self.column(&code)?;
                let own = self.field(&column.kind, &column.name)?.unit;
                if asked.unit.is_none() {
                    let (name, spread) = (format!("{} {}", column.kind, column.name), false);
                    let Column { array, factor, unit, kind, .. } = column;
                    return Ok(What { kind, name, values: Some(array), factor, unit, spread });
                }
                (column.kind.clone(), format!("{} {}", column.kind, column.name), Some(column.array), own)
            }
        };
        let what =
            |factor: f64, unit: String, spread: bool| What { kind, name, values, factor, unit, spread };
        let (Some(text), Some(own)) = (asked.unit.as_deref(), own) else {
            return match asked.unit.as_deref() {
                None | Some("code") => Ok(what(1.0, String::new(), false)),
                Some(_) => Err(Error::new(ErrorKind::Value, "the unit of this field is not known")),
            };
        };
        if text == "code" {
            return Ok(what(1.0, if counted { String::new() } else { own.to_string() }, false));
        }
        let (wanted, epoch) = (self.snapshot().unit(text)?, self.snapshot().epoch());
        let spread = own.by(self.snapshot().contents().units.length.powi(-dimensions));
        match wanted.is_like(spread) && !wanted.is_like(own) {
            true => Ok(what(spread.per(wanted, epoch)?, text.to_string(), true)),
            false => {
                let per = if dimensions == 2 { "area" } else { "volume" };
                let hint = format!("of a deposit it is one of the field, or of the field per {per}");
                Ok(what(own.per(wanted, epoch).map_err(|e| e.hint(hint))?, text.to_string(), false))
            }
        }
    }
}

/// What is added to cells: the values of a field, or how many there are; what sums are multiplied with, and whether they are
/// divided by the size of a cell in code lengths.
struct What {
    kind: String,
    name: String,
    values: Option<Array>,
    factor: f64,
    unit: String,
    spread: bool,
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
