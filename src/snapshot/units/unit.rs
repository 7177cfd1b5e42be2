//! Units: what a number is of, as plain data.

use super::power::Power;
use crate::error::{Error, ErrorKind, Result};
use std::fmt;

/// The base units by which dimensions are written.
const BASES: [&str; 5] = ["cm", "g", "s", "K", "A"];

/// When a snapshot was taken: what powers of the scale factor and of h come to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// The scale factor; 1 where nothing is comoving.
    pub a: f64,
    /// The Hubble constant in 100 km/s/Mpc; 1 where nothing is in units of it.
    pub h: f64,
}

impl Epoch {
    /// Of a snapshot that is not cosmological.
    pub const NONE: Epoch = Epoch { a: 1.0, h: 1.0 };
}

/// A unit: powers of centimetre, gram, second, kelvin and ampere, a factor, and powers of the scale factor `a` and of
/// `h`. A number in it is `number · factor · a^… · h^…` in cgs (with the ampere for what is electromagnetic).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    dims: [Power; 5],
    factor: f64,
    a: Power,
    h: Power,
}

impl Unit {
    /// Of pure numbers.
    pub const NONE: Unit = Unit { dims: [Power::ZERO; 5], factor: 1.0, a: Power::ZERO, h: Power::ZERO };
    /// Of lengths, cm.
    pub const LENGTH: Unit = Unit::base(0);
    /// Of masses, g.
    pub const MASS: Unit = Unit::base(1);
    /// Of times, s.
    pub const TIME: Unit = Unit::base(2);
    /// Of temperatures, K.
    pub const TEMPERATURE: Unit = Unit::base(3);
    /// Of currents, A.
    pub const CURRENT: Unit = Unit::base(4);

    const fn base(d: usize) -> Unit {
        let mut unit = Unit::NONE;
        unit.dims[d] = Power::whole(1);
        unit
    }

    /// So many of it.
    pub fn times(self, factor: f64) -> Unit {
        Unit { factor: self.factor * factor, ..self }
    }

    /// With powers of the scale factor and of h besides.
    pub fn scaled(self, a: Power, h: Power) -> Unit {
        Unit { a: self.a.plus(a), h: self.h.plus(h), ..self }
    }

    /// The product of both.
    pub fn by(self, other: Unit) -> Unit {
        let mut dims = self.dims;
        for (d, o) in dims.iter_mut().zip(other.dims) {
            *d = d.plus(o);
        }
        let unit = Unit { dims, factor: self.factor * other.factor, ..self };
        unit.scaled(other.a, other.h)
    }

    /// To a power.
    ///
    /// # Errors
    /// `Value` for exponents that no unit has.
    pub fn to(self, power: Power) -> Result<Unit> {
        let mut dims = self.dims;
        for d in &mut dims {
            *d = d.times(power)?;
        }
        let (a, h) = (self.a.times(power)?, self.h.times(power)?);
        Ok(Unit { dims, factor: power.raise(self.factor), a, h })
    }

    /// As [`Unit::to`], a whole power.
    pub fn powi(self, n: i32) -> Unit {
        let times = |p: Power| {
            (0..n.abs()).fold(Power::ZERO, |sum, _| sum.plus(if n < 0 { p.negative() } else { p }))
        };
        Unit { dims: self.dims.map(times), factor: self.factor.powi(n), a: times(self.a), h: times(self.h) }
    }

    /// The cgs unit of the same dimensions: proper, without h.
    pub fn cgs(self) -> Unit {
        Unit { factor: 1.0, a: Power::ZERO, h: Power::ZERO, ..self }
    }

    /// Whether both are of the same dimensions.
    pub fn is_like(self, other: Unit) -> bool {
        self.dims == other.dims
    }

    /// Whether it is of pure numbers, whatever their factor.
    pub fn is_number(self) -> bool {
        self.is_like(Unit::NONE)
    }

    /// The powers of a and h.
    pub fn scaling(self) -> (Power, Power) {
        (self.a, self.h)
    }

    /// The factor to cgs without those of a and h.
    pub fn factor(self) -> f64 {
        self.factor
    }

    /// How many cgs units one of it is at an epoch.
    pub fn in_cgs(self, epoch: Epoch) -> f64 {
        self.factor * self.a.raise(epoch.a) * self.h.raise(epoch.h)
    }

    /// What a number in this unit is multiplied with to be one in another.
    ///
    /// # Errors
    /// `Value` if their dimensions differ.
    pub fn per(self, other: Unit, epoch: Epoch) -> Result<f64> {
        if self == other {
            return Ok(1.0);
        }
        match self.is_like(other) {
            true => Ok(self.in_cgs(epoch) / other.in_cgs(epoch)),
            false => {
                let what = format!("{} is not of the kind of {}", self.dimensions(), other.dimensions());
                Err(Error::new(ErrorKind::Value, what))
            }
        }
    }

    /// Its dimensions, as `g/cm**3`.
    pub fn dimensions(self) -> String {
        let power = |(name, p): (&&str, Power)| match p == Power::whole(1) {
            true => (*name).to_string(),
            false => format!("{name}**{p}"),
        };
        let side = |positive: bool| {
            let of =
                BASES.iter().zip(self.dims).filter(|(_, p)| !p.is_zero() && (*p > Power::ZERO) == positive);
            let signed = |p: Power| if positive { p } else { p.negative() };
            of.map(|(name, p)| power((name, signed(p)))).collect::<Vec<_>>()
        };
        let (over, under) = (side(true), side(false));
        match (over.is_empty(), under.is_empty()) {
            (true, true) => "1".to_string(),
            (_, true) => over.join("*"),
            (true, _) => format!("1/{}", under.join("/")),
            _ => format!("{}/{}", over.join("*"), under.join("/")),
        }
    }
}

/// As `6.77e-22 g/cm**3 a**-3 h**2`.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.factor == 1.0, self.is_number()) {
            (true, _) => write!(f, "{}", self.dimensions())?,
            (false, true) => write!(f, "{}", self.factor)?,
            (false, false) => write!(f, "{:e} {}", self.factor, self.dimensions())?,
        }
        for (name, p) in [("a", self.a), ("h", self.h)].into_iter().filter(|(_, p)| !p.is_zero()) {
            match p == Power::whole(1) {
                true => write!(f, " {name}")?,
                false => write!(f, " {name}**{p}")?,
            }
        }
        Ok(())
    }
}
