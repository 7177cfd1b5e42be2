//! Constants of nature and of astronomy, cgs: CODATA 2018 and the IAU's.

/// Boltzmann's constant, erg/K.
pub const BOLTZMANN: f64 = 1.380649e-16;
/// The mass of a proton, g.
pub const PROTON_MASS: f64 = 1.67262192369e-24;
/// The constant of gravitation, cm³/g/s².
pub const GRAVITATION: f64 = 6.6743e-8;
/// An electron volt, erg.
pub const ELECTRON_VOLT: f64 = 1.602176634e-12;
/// A parsec, cm.
pub const PARSEC: f64 = 3.085677581491367e18;
/// The sun's mass, g: the nominal GM over G.
pub const SOLAR_MASS: f64 = 1.3271244e26 / GRAVITATION;
/// An astronomical unit, cm.
pub const ASTRONOMICAL_UNIT: f64 = 1.495978707e13;
/// A Julian year, s.
pub const YEAR: f64 = 3.15576e7;
/// The speed of light, cm/s.
pub const LIGHT: f64 = 2.99792458e10;
