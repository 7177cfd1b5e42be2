//! An axis: what range it shows, on which scale, and what it is called.

use super::dates::Times;
use super::ticks::{self, Ticks};
use crate::cli::render::Along;

/// How values lie along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Evenly.
    Linear,
    /// Their logarithms evenly.
    Log,
}

impl Scale {
    /// Whether a value has a place on an axis of this scale.
    pub fn shows(self, v: f64) -> bool {
        v.is_finite() && (self == Scale::Linear || v > 0.0)
    }
}

/// An axis of a picture.
#[derive(Clone, Debug)]
pub struct Axis {
    /// How values lie along it.
    pub scale: Scale,
    /// Where it begins.
    pub low: f64,
    /// Where it ends, above `low`.
    pub high: f64,
    /// Whether only whole numbers are on it.
    pub whole: bool,
    /// What stands beside it.
    pub label: String,
    /// What its values are, if they are times.
    pub times: Option<Times>,
}

impl Axis {
    /// An axis over a range, made wider where it has no width.
    pub fn new(scale: Scale, (low, high): (f64, f64), label: &str) -> Axis {
        let (low, high) = match scale {
            _ if low < high => (low, high),
            Scale::Log => (low / 10f64.sqrt(), high * 10f64.sqrt()),
            // What is too large for half a unit to show is widened by a share of itself.
            Scale::Linear => {
                let half = (low.abs() * 1e-3).max(0.5);
                (low - half, high + half)
            }
        };
        Axis { scale, low, high, whole: false, label: label.to_string(), times: None }
    }

    /// The axis of the indices of `n` elements, each in the middle of its cell.
    pub fn index(n: u64, label: &str) -> Axis {
        let label = label.to_string();
        Axis { scale: Scale::Linear, low: -0.5, high: n as f64 - 0.5, whole: true, label, times: None }
    }

    /// A margin of a share of its length at its lower and its upper end.
    pub fn padded(mut self, lower: f64, upper: f64) -> Axis {
        let (low, high) = (self.low, self.high);
        (self.low, self.high) = match self.scale {
            Scale::Linear => {
                let length = high - low;
                ((low - lower * length).max(f64::MIN), (high + upper * length).min(f64::MAX))
            }
            Scale::Log => {
                let length = high.ln() - low.ln();
                let least = low * (-lower * length).exp();
                (least.max(f64::MIN_POSITIVE), (high * (upper * length).exp()).min(f64::MAX))
            }
        };
        self
    }

    /// Where a value lies, from 0 (its beginning) to 1; beyond these if it is not on the axis.
    pub fn share(&self, v: f64) -> f64 {
        match self.scale {
            Scale::Linear => (v / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0),
            Scale::Log => (v.ln() - self.low.ln()) / (self.high.ln() - self.low.ln()),
        }
    }

    /// The value at a share of the axis.
    pub fn value(&self, share: f64) -> f64 {
        match self.scale {
            Scale::Linear => self.low * (1.0 - share) + self.high * share,
            Scale::Log => (self.low.ln() * (1.0 - share) + self.high.ln() * share).exp(),
        }
    }

    /// At most `most` ticks.
    pub fn ticks(&self, most: usize) -> Ticks {
        if let Some(ticks) = self.times.as_ref().and_then(|times| times.ticks(self.low, self.high, most)) {
            return ticks;
        }
        match self.scale {
            Scale::Linear => ticks::linear(self.low, self.high, most, self.whole),
            Scale::Log => ticks::log(self.low, self.high, most),
        }
    }
}

/// The axis of a dimension over a range of its coordinates.
pub fn dimension_axis(along: &Along, ends: (f64, f64)) -> Axis {
    let times = Times::of(along.units.as_deref(), along.calendar.as_deref());
    let label = if times.is_some() { along.name.clone() } else { along.label() };
    Axis { times, ..Axis::new(Scale::Linear, ends, &label) }
}

/// The scale of bins with these edges: logarithmic if their ratios are equal and their widths are not.
pub fn scale_of(edges: &[f64]) -> Scale {
    let (Some(&first), Some(&last)) = (edges.first(), edges.last()) else { return Scale::Linear };
    let bins = edges.len() - 1;
    if bins < 2 || first.is_nan() || first <= 0.0 || !last.is_finite() || last / first < 1.0 + 1e-3 {
        return Scale::Linear;
    }
    let step = (last / first).ln() / bins as f64;
    let even = |(i, e): (usize, &f64)| ((e / first).ln() - step * i as f64).abs() < step * 1e-3;
    if edges.iter().enumerate().all(even) { Scale::Log } else { Scale::Linear }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_of_equal_ratio_are_on_a_log_axis() {
        let log: Vec<f64> = (0..=20).map(|i| 10f64.powf(f64::from(i) / 5.0 - 2.0)).collect();
        assert_eq!(scale_of(&log), Scale::Log);
        assert_eq!(scale_of(&[1.0, 10.0, 100.0]), Scale::Log);
        for linear in
            [&[1.0, 2.0, 3.0][..], &[0.0, 1.0, 10.0], &[1.0, 10.0], &[-1.0, -10.0, -100.0], &[1.0, 2.0, 5.0]]
        {
            assert_eq!(scale_of(linear), Scale::Linear, "{linear:?}");
        }
    }

    #[test]
    fn a_value_is_found_where_it_lies() {
        for axis in [Axis::new(Scale::Log, (1e-3, 1e5), ""), Axis::new(Scale::Linear, (-3.0, 7.0), "")] {
            for share in [0.0, 0.3, 1.0] {
                assert!((axis.share(axis.value(share)) - share).abs() < 1e-12, "{axis:?}");
            }
        }
        let all = Axis::new(Scale::Linear, (f64::MIN, f64::MAX), "");
        assert_eq!((all.share(0.0), all.share(f64::MAX)), (0.5, 1.0));
    }

    #[test]
    fn an_axis_has_a_width() {
        for v in [0.0, 5.0, -1e300, 1e300] {
            let axis = Axis::new(Scale::Linear, (v, v), "");
            assert!(axis.low < v && v < axis.high);
        }
        assert!(Axis::new(Scale::Log, (1e5, 1e5), "").share(1e5) > 0.4);
    }
}
