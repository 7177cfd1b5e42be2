//! Units by their names, as they are written: `Msun/kpc**3`, `Mpccm/h`, `km/s`.

use super::constants::{
    ASTRONOMICAL_UNIT, BOLTZMANN, ELECTRON_VOLT, LIGHT, PARSEC, PROTON_MASS, SOLAR_MASS, YEAR,
};
use super::power::Power;
use super::unit::Unit;
use crate::error::{Error, ErrorKind, Result};

/// The code units of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CodeUnits {
    /// Of lengths, with the powers of a and h that they have.
    pub length: Unit,
    /// Of masses.
    pub mass: Unit,
    /// Of velocities.
    pub velocity: Unit,
    /// Of times.
    pub time: Unit,
}

impl CodeUnits {
    /// cgs.
    pub fn cgs() -> CodeUnits {
        let velocity = Unit::LENGTH.by(Unit::TIME.powi(-1));
        CodeUnits { length: Unit::LENGTH, mass: Unit::MASS, velocity, time: Unit::TIME }
    }
}

/// Lengths, which can be comoving: `kpccm`.
const LENGTHS: &[(&str, f64)] = &[
    ("nm", 1e-7),
    ("um", 1e-4),
    ("mm", 0.1),
    ("cm", 1.0),
    ("m", 1e2),
    ("km", 1e5),
    ("AU", ASTRONOMICAL_UNIT),
    ("ly", LIGHT * YEAR),
    ("pc", PARSEC),
    ("kpc", 1e3 * PARSEC),
    ("Mpc", 1e6 * PARSEC),
    ("Gpc", 1e9 * PARSEC),
];

const MASSES: &[(&str, f64)] =
    &[("g", 1.0), ("kg", 1e3), ("Msun", SOLAR_MASS), ("mp", PROTON_MASS), ("Mearth", 5.972168e27)];

const TIMES: &[(&str, f64)] = &[
    ("ns", 1e-9),
    ("us", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("hr", 3600.0),
    ("day", 86400.0),
    ("yr", YEAR),
    ("kyr", 1e3 * YEAR),
    ("Myr", 1e6 * YEAR),
    ("Gyr", 1e9 * YEAR),
];

const ENERGIES: &[(&str, f64)] = &[
    ("erg", 1.0),
    ("J", 1e7),
    ("eV", ELECTRON_VOLT),
    ("keV", 1e3 * ELECTRON_VOLT),
    ("MeV", 1e6 * ELECTRON_VOLT),
    ("GeV", 1e9 * ELECTRON_VOLT),
];

/// The unit of a name.
fn named(name: &str, code: &CodeUnits) -> Option<Unit> {
    let find = |table: &[(&str, f64)], of: Unit| {
        table.iter().find(|(n, _)| *n == name).map(|(_, factor)| of.times(*factor))
    };
    let velocity = Unit::LENGTH.by(Unit::TIME.powi(-1));
    let energy = Unit::MASS.by(velocity.powi(2));
    // As gauss: 1e-4 tesla.
    let gauss = Unit::MASS.by(Unit::TIME.powi(-2)).by(Unit::CURRENT.powi(-1)).times(0.1);
    let code_density = code.mass.by(code.length.powi(-3));
    let fixed = match name {
        "K" => Some(Unit::TEMPERATURE),
        "A" => Some(Unit::CURRENT),
        "Hz" => Some(Unit::TIME.powi(-1)),
        "N" => Some(energy.by(Unit::LENGTH.powi(-1)).times(1e5)),
        "dyn" | "dyne" => Some(energy.by(Unit::LENGTH.powi(-1))),
        "Pa" => Some(energy.by(Unit::LENGTH.powi(-3)).times(10.0)),
        "Lsun" => Some(energy.by(Unit::TIME.powi(-1)).times(3.828e33)),
        "W" => Some(energy.by(Unit::TIME.powi(-1)).times(1e7)),
        "V" => Some(energy.by(Unit::TIME.powi(-1)).by(Unit::CURRENT.powi(-1)).times(1e7)),
        "G" | "gauss" => Some(gauss),
        "uG" => Some(gauss.times(1e-6)),
        "T" => Some(gauss.times(1e4)),
        "c" => Some(velocity.times(LIGHT)),
        "kb" => Some(energy.by(Unit::TEMPERATURE.powi(-1)).times(BOLTZMANN)),
        "h" => Some(Unit::NONE.scaled(Power::ZERO, Power::whole(1))),
        "a" => Some(Unit::NONE.scaled(Power::whole(1), Power::ZERO)),
        "dimensionless" => Some(Unit::NONE),
        "code_length" => Some(code.length),
        "code_mass" => Some(code.mass),
        "code_velocity" => Some(code.velocity),
        "code_time" => Some(code.time),
        "code_density" => Some(code_density),
        "code_specific_energy" => Some(code.velocity.powi(2)),
        _ => None,
    };
    let table = || {
        find(LENGTHS, Unit::LENGTH)
            .or_else(|| find(MASSES, Unit::MASS))
            .or_else(|| find(TIMES, Unit::TIME))
            .or_else(|| find(ENERGIES, energy))
    };
    let comoving = || {
        let length = name.strip_suffix("cm").filter(|n| !n.is_empty())?;
        let (_, factor) = LENGTHS.iter().find(|(n, _)| *n == length)?;
        Some(Unit::LENGTH.times(*factor).scaled(Power::whole(1), Power::ZERO))
    };
    fixed.or_else(table).or_else(comoving)
}

/// Reads a unit: names and numbers, `*`, `/`, `**` or `^` with numbers and fractions in parentheses. `h` is the Hubble
/// parameter, `a` the scale factor, and lengths that end with `cm` are comoving (`kpccm/h`).
///
/// # Errors
/// `Value` with the text for what cannot be read and for names that are not known.
pub fn parse(text: &str, code: &CodeUnits) -> Result<Unit> {
    let mut reader = Reader { rest: text.trim(), code };
    let unit = reader.product().and_then(|unit| match reader.rest {
        "" => Ok(unit),
        rest => Err(Error::new(ErrorKind::Value, format!("'{rest}' is not understood"))),
    });
    unit.map_err(|e| {
        Error::new(ErrorKind::Value, format!("'{text}' is no unit: {}", e.message()))
            .hint("units are written as g/cm**3, Msun/yr, kpccm/h, km/s, keV*cm**2, code_length")
    })
}

struct Reader<'a> {
    rest: &'a str,
    code: &'a CodeUnits,
}

impl<'a> Reader<'a> {
    fn take(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self, is: impl Fn(char) -> bool) -> &'a str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c| !is(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn product(&mut self) -> Result<Unit> {
        let mut unit = self.power()?;
        loop {
            if self.rest.trim_start().starts_with("**") {
                return Err(Error::new(ErrorKind::Value, "'**' stands alone"));
            }
            if self.take("*") {
                unit = unit.by(self.power()?);
            } else if self.take("/") {
                unit = unit.by(self.power()?.to(Power::whole(-1))?);
            } else if self.rest.trim_start().starts_with(|c: char| c.is_ascii_alphabetic() || c == '(') {
                // A blank between units multiplies.
                unit = unit.by(self.power()?);
            } else {
                return Ok(unit);
            }
        }
    }

    fn power(&mut self) -> Result<Unit> {
        let unit = self.atom()?;
        match self.take("**") || self.take("^") {
            true => unit.to(self.exponent()?),
            false => Ok(unit),
        }
    }

    fn number(&mut self) -> Result<f64> {
        self.rest = self.rest.trim_start();
        let bytes = self.rest.as_bytes();
        let mut end = 0;
        while end < bytes.len() {
            let c = bytes[end];
            let sign = matches!(c, b'+' | b'-') && (end == 0 || matches!(bytes[end - 1], b'e' | b'E'));
            let e = matches!(c, b'e' | b'E')
                && bytes.get(end + 1).is_some_and(|n| n.is_ascii_digit() || matches!(n, b'+' | b'-'));
            if !(c.is_ascii_digit() || c == b'.' || sign || e) {
                break;
            }
            end += 1;
        }
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        let number: Option<f64> = text.parse().ok();
        number.filter(|v| v.is_finite()).ok_or_else(|| Error::new(ErrorKind::Value, "a number is missing"))
    }

    fn exponent(&mut self) -> Result<Power> {
        let inside = self.take("(");
        let mut value = self.number()?;
        if inside {
            if self.take("/") {
                value /= self.number()?;
            }
            if !self.take(")") {
                return Err(Error::new(ErrorKind::Value, "'(' is never closed"));
            }
        }
        Power::of(value)
    }

    fn atom(&mut self) -> Result<Unit> {
        if self.take("(") {
            let unit = self.product()?;
            return match self.take(")") {
                true => Ok(unit),
                false => Err(Error::new(ErrorKind::Value, "'(' is never closed")),
            };
        }
        if self.rest.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            let factor = self.number()?;
            return match factor > 0.0 {
                true => Ok(Unit::NONE.times(factor)),
                false => Err(Error::new(ErrorKind::Value, "a factor must be positive")),
            };
        }
        let name = self.word(|c| c.is_ascii_alphanumeric() || c == '_');
        match name {
            "" => Err(Error::new(ErrorKind::Value, "a unit is missing")),
            name => named(name, self.code)
                .ok_or_else(|| Error::new(ErrorKind::Value, format!("there is no unit '{name}'"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::unit::Epoch;
    use super::*;

    #[test]
    fn units_are_read_as_they_are_written() {
        let code = CodeUnits::cgs();
        let epoch = Epoch { a: 0.5, h: 0.7 };
        let cgs = |text: &str| parse(text, &code).unwrap().in_cgs(epoch);
        for (text, value) in [
            ("g/cm**3", 1.0),
            ("km/s", 1e5),
            ("kpccm/h", 1e3 * PARSEC * 0.5 / 0.7),
            ("1e10 Msun/h", 1e10 * SOLAR_MASS / 0.7),
            ("Msun/kpc^3", SOLAR_MASS / (1e3 * PARSEC).powi(3)),
            ("km s**-1 a**0.5", 1e5 * 0.5f64.sqrt()),
            ("(g/cm)**(1/2)/s", 1.0),
            ("keV*cm**2", 1e3 * ELECTRON_VOLT),
            ("keV/kb", 1e3 * ELECTRON_VOLT / BOLTZMANN),
            ("1", 1.0),
        ] {
            assert!((cgs(text) / value - 1.0).abs() < 1e-14, "{text}: {} {value}", cgs(text));
        }
        for text in
            ["", "g/", "parsec", "g**", "cm**x", "(g", "g)", "g**0.37", "0", "-1", "**2", "g cm**2**3x"]
        {
            assert!(parse(text, &code).is_err(), "{text}");
        }
        assert_eq!(parse("erg/g", &code).unwrap().dimensions(), "cm**2/s**2");
        assert_eq!(parse("1/yr", &code).unwrap().dimensions(), "1/s");
        assert!(parse("km", &code).unwrap().per(parse("s", &code).unwrap(), epoch).is_err());
    }
}
