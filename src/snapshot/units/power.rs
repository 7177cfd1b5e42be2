//! Exponents of units: fractions, kept exactly.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;

/// Sixtieths: halves, thirds, quarters and fifths are exact.
const PARTS: i32 = 60;

/// An exponent of a unit: a fraction with a denominator up to 6 (of 60).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Power(i32);

impl Power {
    /// None at all.
    pub const ZERO: Power = Power(0);

    /// A whole number.
    pub const fn whole(n: i32) -> Power {
        Power(n * PARTS)
    }

    /// So many halves.
    pub const fn halves(n: i32) -> Power {
        Power(n * PARTS / 2)
    }

    /// The fraction nearest to a number.
    ///
    /// # Errors
    /// `Value` if it is no such fraction, or larger than any unit has.
    pub fn of(v: f64) -> Result<Power> {
        let parts = v * f64::from(PARTS);
        match (parts - parts.round()).abs() < 1e-6 && parts.abs() < 60_000.0 {
            true => Ok(Power(parts.round() as i32)),
            false => Err(Error::new(ErrorKind::Value, format!("{v} is no exponent of a unit"))),
        }
    }

    /// As a number.
    pub fn value(self) -> f64 {
        f64::from(self.0) / f64::from(PARTS)
    }

    /// Whether it is none.
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum of both.
    pub fn plus(self, other: Power) -> Power {
        Power(self.0.saturating_add(other.0))
    }

    /// The opposite.
    pub fn negative(self) -> Power {
        Power(-self.0)
    }

    /// The product of both.
    ///
    /// # Errors
    /// As [`Power::of`].
    pub fn times(self, other: Power) -> Result<Power> {
        Power::of(self.value() * other.value())
    }

    /// A positive number to this power. Whole ones by multiplication, so that 1 stays 1 exactly.
    pub fn raise(self, base: f64) -> f64 {
        match self.0 % PARTS {
            0 => base.powi(self.0 / PARTS),
            _ if self.0 % (PARTS / 2) == 0 => base.sqrt().powi(self.0 / (PARTS / 2)),
            _ => base.powf(self.value()),
        }
    }
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let divisor = num_integer::gcd(self.0, PARTS);
        match (self.0 / divisor, PARTS / divisor) {
            (n, 1) => write!(f, "{n}"),
            (n, d) => write!(f, "({n}/{d})"),
        }
    }
}
