//! What the places along an axis of a result are: the coordinates of a dimension.
// Without pictures only tables show them.
#![cfg_attr(not(feature = "plot"), allow(dead_code))]

use chunkwise::{Members, Scalar, date_of};
use serde::{Deserialize, Serialize};

/// A dimension of a result.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Along {
    /// Its name.
    pub name: String,
    /// The units of its coordinates, and of times the calendar.
    pub units: Option<String>,
    pub calendar: Option<String>,
    /// Its coordinates; none where there are no numbers.
    pub values: Vec<Scalar>,
    /// The names of these numbers, if they have some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Members>,
}

impl Along {
    /// The date of a coordinate, if they are times.
    pub fn date(&self, value: Scalar) -> Option<String> {
        let calendar = self.calendar.as_deref().unwrap_or("standard");
        date_of(value.to_f64(), self.units.as_ref()?, calendar).ok()
    }

    /// A coordinate as it is told: its name, its date, or the number.
    pub fn told(&self, value: Scalar) -> String {
        let name = self.members.as_ref().and_then(|members| members.name(value.to_i128()?));
        name.map(str::to_string).or_else(|| self.date(value)).unwrap_or_else(|| value.to_string())
    }

    /// As [`Along::told`], a name in quotes.
    pub fn shown(&self, value: Scalar) -> String {
        match &self.members {
            Some(_) => format!("'{}'", self.told(value)),
            None => self.told(value),
        }
    }

    /// Its coordinates as JSON has them: numbers, and texts of names and dates.
    pub fn labels(&self) -> Vec<serde_json::Value> {
        let label =
            |value: &Scalar| match (&self.members, value.to_i128().and_then(|v| i64::try_from(v).ok())) {
                (None, Some(v)) if self.date(*value).is_none() => v.into(),
                (None, None) if self.date(*value).is_none() => value.to_f64().into(),
                _ => self.told(*value).into(),
            };
        self.values.iter().map(label).collect()
    }

    /// What stands beside its axis.
    pub fn label(&self) -> String {
        match self.units.as_deref().map(str::trim) {
            Some(units) if !units.is_empty() => format!("{} [{units}]", self.name),
            _ => self.name.clone(),
        }
    }

    /// What stands beside its axis where its places are numbers from 0 on.
    pub fn counted(&self) -> String {
        format!("index along {}", self.name)
    }

    /// Whether both are the same places of one dimension.
    pub fn is(&self, other: &Along) -> bool {
        self.name == other.name && self.units == other.units && self.values == other.values
    }

    /// Its coordinates as numbers that ascend, and whether they descend in the file; nothing where they do neither.
    pub fn ascending(&self) -> Option<(Vec<f64>, bool)> {
        let mut values: Vec<f64> = self.values.iter().map(|v| v.to_f64()).collect();
        let descends = values.first()? > values.last()?;
        if descends {
            values.reverse();
        }
        let orderly = values.iter().all(|v| v.is_finite()) && values.windows(2).all(|w| w[0] < w[1]);
        orderly.then_some((values, descends))
    }
}

/// The edges between cells whose middles these ascending numbers are, halfway between neighbours; the outer ones are as far
/// away as the inner ones beside them.
pub fn edges_around(middles: &[f64]) -> Vec<f64> {
    let half = |a: f64, b: f64| b / 2.0 - a / 2.0;
    match middles {
        [] => Vec::new(),
        [only] => vec![only - 0.5, only + 0.5],
        [first, second, ..] => {
            let n = middles.len();
            let begin = first - half(*first, *second);
            let between = middles.windows(2).map(|w| w[0] + half(w[0], w[1]));
            let end = middles[n - 1] + half(middles[n - 2], middles[n - 1]);
            std::iter::once(begin).chain(between).chain([end]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn along(values: &[f64]) -> Along {
        let values = values.iter().map(|v| Scalar::F64(*v)).collect();
        Along {
            name: "lat".into(),
            units: Some("degrees_north".into()),
            calendar: None,
            values,
            members: None,
        }
    }

    #[test]
    fn coordinates_ascend_or_descend_or_are_no_axis() {
        assert_eq!(along(&[1.0, 2.0, 4.0]).ascending(), Some((vec![1.0, 2.0, 4.0], false)));
        assert_eq!(along(&[4.0, 2.0, 1.0]).ascending(), Some((vec![1.0, 2.0, 4.0], true)));
        assert_eq!(along(&[7.0]).ascending(), Some((vec![7.0], false)));
        for none in [&[1.0, 1.0][..], &[1.0, 3.0, 2.0], &[f64::NAN, 1.0], &[1.0, f64::INFINITY], &[]] {
            assert_eq!(along(none).ascending(), None, "{none:?}");
        }
        assert_eq!(along(&[1.0]).label(), "lat [degrees_north]");
    }

    #[test]
    fn cells_lie_around_their_middles() {
        assert_eq!(edges_around(&[0.0, 2.0, 6.0]), [-1.0, 1.0, 4.0, 8.0]);
        assert_eq!(edges_around(&[3.0]), [2.5, 3.5]);
        assert!(edges_around(&[]).is_empty());
    }
}
