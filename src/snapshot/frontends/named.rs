//! Fields by the names that Gadget's family of codes gives them: what they are called in common, and their units.

use crate::snapshot::units::{Power, Unit};

/// What a field of a name is.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// Its name in files.
    pub name: &'static str,
    /// Its common name.
    pub alias: &'static str,
    /// Powers of code length, mass and velocity.
    pub powers: [i32; 3],
    /// Powers of the scale factor, in halves, and of h.
    pub scaling: (i32, i32),
    /// Another unit that it is in.
    pub other: Other,
}

/// A unit beside the code's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Other {
    /// None.
    No,
    /// Kelvin.
    Kelvin,
    /// Solar masses a year.
    MsunPerYear,
}

const fn row(
    name: &'static str,
    alias: &'static str,
    powers: [i32; 3],
    scaling: (i32, i32),
    other: Other,
) -> Named {
    Named { name, alias, powers, scaling, other }
}

/// The names of Gadget, Arepo and GIZMO. A power of a counts halves.
const NAMES: &[Named] = &[
    row("Coordinates", "position", [1, 0, 0], (2, -1), Other::No),
    row("CenterOfMass", "center_of_mass", [1, 0, 0], (2, -1), Other::No),
    row("Velocities", "velocity", [0, 0, 1], (1, 0), Other::No),
    row("Masses", "mass", [0, 1, 0], (0, -1), Other::No),
    row("ParticleIDs", "id", [0, 0, 0], (0, 0), Other::No),
    row("Density", "density", [-3, 1, 0], (-6, 2), Other::No),
    row("SmoothingLength", "smoothing_length", [1, 0, 0], (2, -1), Other::No),
    row("InternalEnergy", "specific_thermal_energy", [0, 0, 2], (0, 0), Other::No),
    row("Potential", "potential", [0, 0, 2], (-2, 0), Other::No),
    row("Volume", "volume", [3, 0, 0], (6, -3), Other::No),
    row("Temperature", "temperature", [0, 0, 0], (0, 0), Other::Kelvin),
    row("StarFormationRate", "star_formation_rate", [0, 0, 0], (0, 0), Other::MsunPerYear),
    row("ElectronAbundance", "electron_abundance", [0, 0, 0], (0, 0), Other::No),
    row("NeutralHydrogenAbundance", "neutral_hydrogen_abundance", [0, 0, 0], (0, 0), Other::No),
    row("Metallicity", "metallicity", [0, 0, 0], (0, 0), Other::No),
    row("GFM_Metallicity", "metallicity", [0, 0, 0], (0, 0), Other::No),
    row("GFM_InitialMass", "initial_mass", [0, 1, 0], (0, -1), Other::No),
    row("BH_Mass", "black_hole_mass", [0, 1, 0], (0, -1), Other::No),
    row("GFM_StellarFormationTime", "formation_scale_factor", [0, 0, 0], (0, 0), Other::No),
];

/// SWIFT's names; their units are in their attributes.
const SWIFT: &[(&str, &str)] = &[
    ("Coordinates", "position"),
    ("Velocities", "velocity"),
    ("Masses", "mass"),
    ("DynamicalMasses", "mass"),
    ("ParticleIDs", "id"),
    ("Densities", "density"),
    ("SmoothingLengths", "smoothing_length"),
    ("InternalEnergies", "specific_thermal_energy"),
    ("Temperatures", "temperature"),
    ("Pressures", "pressure"),
    ("Potentials", "potential"),
    ("StarFormationRates", "star_formation_rate"),
    ("MetalMassFractions", "metallicity"),
    ("FOFGroupIDs", "group"),
];

/// What a field of Gadget's family is.
pub fn named(name: &str) -> Option<&'static Named> {
    NAMES.iter().find(|n| n.name == name)
}

/// The common name of a field of SWIFT's.
pub fn swift_alias(name: &str) -> Option<&'static str> {
    SWIFT.iter().find(|(n, _)| *n == name).map(|(_, alias)| *alias)
}

impl Named {
    /// Its unit, of code units without powers of a and h.
    pub fn unit(&self, length: Unit, mass: Unit, velocity: Unit) -> Unit {
        let [l, m, v] = self.powers;
        let unit = length.powi(l).by(mass.powi(m)).by(velocity.powi(v));
        let unit = unit.scaled(Power::halves(self.scaling.0), Power::whole(self.scaling.1));
        match self.other {
            Other::No => unit,
            Other::Kelvin => Unit::TEMPERATURE,
            Other::MsunPerYear => {
                let sun = crate::snapshot::units::constants::SOLAR_MASS;
                let year = crate::snapshot::units::constants::YEAR;
                Unit::MASS.times(sun).by(Unit::TIME.times(year).powi(-1))
            }
        }
    }
}
