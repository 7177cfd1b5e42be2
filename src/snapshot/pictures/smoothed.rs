//! Projections along the line of sight, and slices: of smoothed particles by their kernels, of cells by the area that they
//! cover.

use super::strips;
use super::what::Made;
use super::window::{Placed, in_depth, seen};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::fold::{Splat, Through, Window};
use crate::snapshot::asked::Asked;
use crate::snapshot::data::{Column, Data};
use crate::{Array, Over, Session, stack};

impl Data {
    /// ∫ f dl, or ∫ f w dl / ∫ w dl.
    pub(super) fn projection(
        &self,
        field: &str,
        weight: Option<&str>,
        placed: &Placed,
        session: &Session,
    ) -> Result<Made> {
        let asked = Asked::read(field)?;
        let kind = asked.kind.clone().unwrap_or_else(|| self.usual_kind().to_string());
        // ∫ f dl has a unit of its own, that of the field times a length.
        let plain = Asked { unit: Some("code".into()), ..asked.clone() };
        let column = self.column(if weight.is_none() { &plain } else { &asked })?;
        let (h, share, through) = match self.cells(&kind)? {
            // As long as it is wide.
            Some(half) => (half.clone(), half * 2.0, Through::Cell),
            None => {
                let (h, volume) = self.kernels(&kind)?;
                let share = volume / h.square();
                (h, share, Through::Line)
            }
        };
        let weights = weight.map(|w| self.column(&self.of_kind(w, &kind)?)).transpose()?;
        let values = match &weights {
            Some(w) => vec![&share * &column.array * &w.array, &share * &w.array],
            None => vec![&share * &column.array],
        };
        let images = self.splat(&kind, &h, values, None, through, placed, session)?;
        match weights {
            Some(_) => {
                let values = ratios(&images).map(|v| v * column.factor).collect();
                Ok((format!("{} by {}", column.name, weight.unwrap_or("")), column.unit, values))
            }
            None => {
                let (factor, unit) = self.integral_unit(&kind, &asked)?;
                Ok((format!("∫ {} dl", column.name), unit, images.iter().map(|v| v * factor).collect()))
            }
        }
    }

    /// f in a plane.
    pub(super) fn slice(
        &self,
        field: &str,
        normalised: bool,
        placed: &Placed,
        session: &Session,
    ) -> Result<Made> {
        let column: Column = self.column(&Asked::read(field)?)?;
        let kind = column.kind.clone();
        let (h, share, through) = match self.cells(&kind)? {
            Some(half) => (half.clone(), Array::full(half.shape()?, 1.0), Through::Cell),
            None => {
                let (h, volume) = self.kernels(&kind)?;
                let share = volume / (h.square() * &h);
                (h, share, Through::Point)
            }
        };
        let values = match normalised {
            true => vec![&share * &column.array, share],
            false => vec![&share * &column.array],
        };
        let [_, _, across] = seen(self, &kind, placed)?;
        let images = self.splat(&kind, &h, values, Some(across), through, placed, session)?;
        let values = match normalised {
            true => ratios(&images).map(|v| v * column.factor).collect(),
            false => images.iter().map(|v| v * column.factor).collect(),
        };
        Ok((column.name, column.unit, values))
    }

    /// A field of weights, of the kind of an image.
    fn of_kind(&self, text: &str, kind: &str) -> Result<Asked> {
        let mut asked = Asked::read(text)?;
        let same = |own: &str| -> Result<bool> {
            let names = |k: &str| {
                self.snapshot().kinds(k).map(|k| k.iter().map(|k| k.name.clone()).collect::<Vec<_>>())
            };
            Ok(names(own)? == names(kind)?)
        };
        if let Some(own) = &asked.kind
            && !same(own)?
        {
            let e = format!("the weights '{text}' are not of {kind}");
            return Err(Error::new(ErrorKind::Value, e));
        }
        asked.kind = Some(kind.to_string());
        Ok(asked)
    }

    /// Half of the width of each cell in code lengths, if the kind is of cells.
    fn cells(&self, kind: &str) -> Result<Option<Array>> {
        match self.snapshot().kinds(kind)?[..] {
            [one] if one.field("dx").is_some() => {
                let width = self.field(kind, "dx")?.in_unit(self.snapshot().contents().units.length)?;
                Ok(Some(width * 0.5))
            }
            _ => Ok(None),
        }
    }

    /// The radii of kernels and the volumes of particles, in code lengths.
    fn kernels(&self, kind: &str) -> Result<(Array, Array)> {
        let kinds = self.snapshot().kinds(kind)?;
        let [one] = kinds[..] else {
            let e = format!("{kind} is several kinds, and kernels are those of one");
            return Err(Error::new(ErrorKind::Value, e));
        };
        let code = self.snapshot().contents().units;
        let h = self.snapshot().reach(one, self.frame())?;
        let density = self.field(kind, "density")?.in_unit(code.mass.by(code.length.powi(-3)))?;
        let mass = self.field(kind, "mass")?.in_unit(code.mass)?;
        Ok((h, mass / density))
    }

    /// The factor of ∫ f dl from the field's own unit times code lengths, and the unit's text.
    fn integral_unit(&self, kind: &str, asked: &Asked) -> Result<(f64, String)> {
        let snapshot = self.snapshot();
        let field = self.field(kind, &asked.name)?;
        let length = snapshot.contents().units.length;
        let unit = match field.unit {
            Some(unit) => unit.by(length),
            None => length,
        };
        match asked.unit.as_deref() {
            None => Ok((unit.in_cgs(snapshot.epoch()), unit.dimensions())),
            Some("code") => Ok((1.0, unit.to_string())),
            Some(text) => Ok((unit.per(snapshot.unit(text)?, snapshot.epoch())?, text.to_string())),
        }
    }

    /// Images of values beside each other.
    #[allow(clippy::too_many_arguments)]
    fn splat(
        &self,
        kind: &str,
        h: &Array,
        values: Vec<Array>,
        across: Option<Array>,
        through: Through,
        placed: &Placed,
        session: &Session,
    ) -> Result<Vec<f64>> {
        if through == Through::Cell && placed.turned.is_some() {
            return Err(Error::new(ErrorKind::Value, "cells are seen along x, y or z"));
        }
        let mask = self.mask(kind)?;
        let mask = match (&across, through) {
            (None, _) => in_depth(self, kind, mask, placed)?,
            // The cells that the plane cuts: their lower faces belong to them.
            (Some(across), Through::Cell) => {
                let cut = across.greater(-h.clone()) & across.less_equal(h);
                Some(mask.map_or(cut.clone(), |m| m & cut))
            }
            // A slice shows all kernels that its plane cuts, wherever their middles are.
            _ => mask,
        };
        let values: Vec<Array> = match &mask {
            Some(mask) => values.iter().map(|v| mask.select(v, 0.0)).collect(),
            None => values,
        };
        let [x, y, _] = seen(self, kind, placed)?;
        let window = |rows: [u64; 2]| Window {
            left: placed.left,
            pixel: placed.pixel(),
            pixels: placed.pixels,
            rows,
            period: [0, 1].map(|d| placed.periods[d].unwrap_or(0.0)),
        };
        let kernel = self.snapshot().contents().kernel.kernel;
        let rank = h.ndim()?;
        let splat = |rows| Splat::new(kernel, through, window(rows), values.len(), rank);
        let magnitudes: Vec<Array> = values.iter().map(|v| v.abs().sum_with(Over::all())).collect();
        let across = across.unwrap_or_else(|| Array::scalar(0.0));
        let mut columns = vec![&x, &y, &across, h];
        columns.extend(&values);
        strips::draw(placed.pixels[1], splat, &columns, stack(&magnitudes, 0), session)
    }
}

/// The first of two images over the second; where that has nothing, the first.
fn ratios(images: &[f64]) -> impl Iterator<Item = f64> {
    let (sums, weights) = images.split_at(images.len() / 2);
    sums.iter().zip(weights).map(|(s, w)| if *w == 0.0 { *s } else { s / w })
}
