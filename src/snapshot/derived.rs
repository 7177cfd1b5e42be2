//! Fields that are made of others: expressions of fields in cgs.

/// A field that is made of others.
#[derive(Clone, Copy, Debug)]
pub struct Derived {
    /// Its name.
    pub name: &'static str,
    /// What it is made of; names are other fields of the same kind in cgs, and `kb`, `mp`, `G`, `gamma`, `pi`.
    pub expression: &'static str,
    /// Its unit.
    pub unit: &'static str,
}

const fn row(name: &'static str, unit: &'static str, expression: &'static str) -> Derived {
    Derived { name, expression, unit }
}

/// The table of them. Of several rows of one name the first whose fields are all there counts.
pub const DERIVED: &[Derived] = &[
    // Arepo's cells, as yt has them: twice the radius of a ball of their volume.
    row("smoothing_length", "cm", "2 * (3 * mass / (4 * pi * density)) ** (1/3)"),
    row("specific_thermal_energy", "erg/g", "specific_total_energy - 0.5 * velocity_magnitude ** 2"),
    row("mean_molecular_weight", "1", "4 / (1 + 3*0.76 + 4*0.76 * electron_abundance)"),
    // Fully ionised, 76 % hydrogen by mass.
    row("mean_molecular_weight", "1", "0.5924489101195808"),
    row("temperature", "K", "specific_thermal_energy * (gamma - 1) * mean_molecular_weight * mp / kb"),
    row("kT", "erg", "kb * temperature"),
    row("number_density", "cm**-3", "density / (mean_molecular_weight * mp)"),
    row("pressure", "erg/cm**3", "(gamma - 1) * density * specific_thermal_energy"),
    row("sound_speed", "cm/s", "sqrt(gamma * (gamma - 1) * specific_thermal_energy)"),
    row("mass", "g", "density * cell_volume"),
    row("volume", "cm**3", "mass / density"),
    row("kinetic_energy", "erg", "0.5 * mass * velocity_magnitude ** 2"),
    row("thermal_energy", "erg", "mass * specific_thermal_energy"),
    row("kinetic_energy_density", "erg/cm**3", "0.5 * density * velocity_magnitude ** 2"),
    row("velocity_magnitude", "cm/s", "sqrt(velocity_x ** 2 + velocity_y ** 2 + velocity_z ** 2)"),
    row("dynamical_time", "s", "sqrt(3 * pi / (16 * G * density))"),
    row(
        "jeans_mass",
        "g",
        "(5 * kb * temperature / (G * mean_molecular_weight * mp)) ** 1.5 * (3 / (4 * pi * density)) ** 0.5",
    ),
    row("radius", "cm", "sqrt(relative_x ** 2 + relative_y ** 2 + relative_z ** 2)"),
    row(
        "radial_velocity",
        "cm/s",
        // At the centre itself there is no way out.
        "where(radius > 0, (relative_x * relative_velocity_x + relative_y * relative_velocity_y + relative_z * relative_velocity_z) / where(radius > 0, radius, 1), 0)",
    ),
    row(
        "specific_angular_momentum_x",
        "cm**2/s",
        "relative_y * relative_velocity_z - relative_z * relative_velocity_y",
    ),
    row(
        "specific_angular_momentum_y",
        "cm**2/s",
        "relative_z * relative_velocity_x - relative_x * relative_velocity_z",
    ),
    row(
        "specific_angular_momentum_z",
        "cm**2/s",
        "relative_x * relative_velocity_y - relative_y * relative_velocity_x",
    ),
];
