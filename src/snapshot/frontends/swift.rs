//! SWIFT: fields that say their units themselves, lengths that are comoving without h.

use super::frontend::Frontend;
use super::named::swift_alias;
use super::parts::{all_parts, components, counts, edges, group, present};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::sph::Kernel;
use crate::snapshot::attributes::{Attributes, Found};
use crate::snapshot::contents::{Contents, Domain, Kind, Place, Positions, Smoothing, StoredField};
use crate::snapshot::opening::Opening;
use crate::snapshot::units::{CodeUnits, Epoch, Power, Unit};
use std::path::PathBuf;

/// The row of the table.
pub const ROW: Frontend = Frontend {
    name: "swift",
    looks_for: "/Header with Code = SWIFT, or /Units with 'Unit length in cgs (U_L)'",
    fits: |file, opening| {
        let header = group(file, "/Header", opening)?;
        Ok(header.has("NumPart_ThisFile")
            && (header.text("Code") == Some("SWIFT") || group(file, "/Units", opening)?.has(LENGTH)))
    },
    open,
};

const LENGTH: &str = "Unit length in cgs (U_L)";

/// The base units, by the attributes of fields that have their powers, and those of /Units that have their sizes.
const BASES: [(&str, &str, Unit); 5] = [
    ("U_L exponent", LENGTH, Unit::LENGTH),
    ("U_M exponent", "Unit mass in cgs (U_M)", Unit::MASS),
    ("U_t exponent", "Unit time in cgs (U_t)", Unit::TIME),
    ("U_T exponent", "Unit temperature in cgs (U_T)", Unit::TEMPERATURE),
    ("U_I exponent", "Unit current in cgs (U_I)", Unit::CURRENT),
];

/// What the types are called.
const TYPES: [&str; 7] = ["gas", "dm", "dm_background", "sink", "stars", "bh", "neutrino"];

/// Its names for kernels, and what else they are called.
const KERNELS: [(&str, Kernel); 6] = [
    ("cubic spline", Kernel::Cubic),
    ("quartic spline", Kernel::Quartic),
    ("quintic spline", Kernel::Quintic),
    ("wendland c2", Kernel::Wendland2),
    ("wendland c4", Kernel::Wendland4),
    ("wendland c6", Kernel::Wendland6),
];

fn open(given: &[PathBuf], opening: &Opening) -> Result<Contents> {
    let header = group(&given[0], "/Header", opening)?;
    let virtual_file = header.number("Virtual").is_some_and(|v| v != 0.0);
    let parts = header.number("NumFilesPerSnapshot").unwrap_or(1.0).max(1.0) as u64;
    let files = match virtual_file {
        true => given.to_vec(),
        false => all_parts(given, parts, opening)?,
    };
    let file = &files[0];
    let units = group(file, "/Units", opening)?;
    let mut bases = [Unit::NONE; 5];
    for (base, (_, size, unit)) in bases.iter_mut().zip(BASES) {
        let size = units.number(size).filter(|v| *v > 0.0).ok_or_else(|| {
            Error::new(ErrorKind::Format, format!("/Units does not say the '{size}'"))
                .at("file", file.display())
        })?;
        *base = unit.times(size);
    }
    let velocity = bases[0].by(bases[2].powi(-1));
    if let Some(cm) = opening.length {
        bases[0] = Unit::LENGTH.times(cm);
    }
    if let Some(g) = opening.mass {
        bases[1] = Unit::MASS.times(g);
    }
    if opening.velocity.is_some() || opening.length.is_some() {
        let cm_per_s = opening.velocity.unwrap_or(velocity.factor());
        bases[2] = Unit::TIME.times(bases[0].factor() / cm_per_s);
    }
    let asked = opening.length.or(opening.mass).or(opening.velocity).is_some();
    let cosmology = group(file, "/Cosmology", opening)?;
    let cosmological = cosmology.number("Cosmological run").is_some_and(|v| v != 0.0);
    let scale = || header.number("Scale-factor").or_else(|| cosmology.number("Scale-factor"));
    let a = if cosmological { scale().filter(|a| *a > 0.0).unwrap_or(1.0) } else { 1.0 };
    let h = cosmology.number("h").filter(|h| cosmological && *h > 0.0).unwrap_or(1.0);
    let redshift = header.number("Redshift").filter(|_| cosmological);

    let counts = counts(&files, opening)?;
    let (mut kinds, mut notes) = (Vec::new(), Vec::new());
    for (at, rows, found) in present(&files, &counts, opening, &mut notes)? {
        kinds.push(kind(at, rows, found, &bases, asked)?);
    }
    let scheme = group(file, "/HydroScheme", opening)?;
    let kernel = smoothing(&scheme, &mut notes);
    let names = |without: &str| {
        kinds.iter().filter(|k: &&Kind| k.name != without).map(|k| k.name.clone()).collect::<Vec<_>>()
    };
    let unions = vec![("all".to_string(), names("")), ("nbody".to_string(), names("PartType0"))];
    let comoving = bases[0].scaled(Power::whole(i32::from(cosmological)), Power::ZERO);
    let parameters = group(file, "/Parameters", opening)?;
    let periodic = parameters.number("InitialConditions:periodic").is_none_or(|p| p != 0.0);
    let domain = edges(&header)?.map(|width| Domain { left: [0.0; 3], width, periodic });
    if virtual_file && !opening.options.allow_external {
        notes.push(
            "it is a virtual file: its data lies in others, which must be allowed (--allow-external)".into(),
        );
    }
    Ok(Contents {
        code: "SWIFT".to_string(),
        epoch: Epoch { a, h },
        redshift,
        time: header.number("Time").map(|t| (t, bases[2])),
        domain,
        units: CodeUnits {
            length: comoving,
            mass: bases[1],
            velocity: bases[0].by(bases[2].powi(-1)),
            time: bases[2],
        },
        units_from: if asked { "what was asked for, and /Units" } else { "/Units" }.to_string(),
        kinds,
        unions,
        kernel,
        gamma: scheme.number("Adiabatic index").unwrap_or(5.0 / 3.0),
        notes,
        files,
    })
}

fn kind(at: usize, rows: u64, found: Vec<Found>, bases: &[Unit; 5], asked: bool) -> Result<Kind> {
    let name = format!("PartType{at}");
    let mut fields: Vec<StoredField> = Vec::new();
    for found in found {
        let Some(components) = components(&found) else { continue };
        let (unit, from) = unit(&found.attributes, bases, asked)?;
        let alias = swift_alias(&found.name).filter(|a| fields.iter().all(|f| f.alias != Some(a)));
        fields.push(StoredField {
            alias,
            components,
            dtype: found.dataset.dtype.unwrap_or(DType::F64),
            place: Place::Dataset(format!("/{name}/{}", found.name)),
            unit,
            unit_from: from.to_string(),
            name: found.name,
        });
    }
    let positions = match fields.iter().any(|f| f.alias == Some("position") && f.components == 3) {
        true => Positions::Field,
        false => Positions::Nowhere(format!("{name} has no Coordinates of three numbers")),
    };
    let aliases = TYPES.get(at).map(|alias| (*alias).to_string()).into_iter().collect();
    Ok(Kind { name, aliases, shape: vec![rows], fields, filter: None, positions })
}

/// The unit that a field's attributes say.
fn unit(attributes: &Attributes, bases: &[Unit; 5], asked: bool) -> Result<(Option<Unit>, &'static str)> {
    let mut unit = Unit::NONE;
    for ((exponent, ..), base) in BASES.iter().zip(bases) {
        let Some(power) = attributes.number(exponent) else { return Ok((None, "not known")) };
        unit = unit.by(base.to(Power::of(power)?)?);
    }
    let factor = attributes.number("Conversion factor to CGS (not including cosmological corrections)");
    if let (Some(factor), false) = (factor.filter(|f| *f > 0.0), asked) {
        unit = unit.cgs().times(factor);
    }
    // What is stored as physical has no power of a left to apply.
    let physical = attributes.number("Value stored as physical").is_some_and(|v| v != 0.0);
    let power = |name: &str| attributes.number(name).map_or(Ok(Power::ZERO), Power::of);
    let a = if physical { Power::ZERO } else { power("a-scale exponent")? };
    Ok((Some(unit.scaled(a, power("h-scale exponent")?)), "its attributes"))
}

/// The kernel, whose radius is so many of the smoothing lengths that are stored.
fn smoothing(scheme: &Attributes, notes: &mut Vec<String>) -> Smoothing {
    let name = scheme.text("Kernel function").unwrap_or("").to_lowercase();
    let kernel = KERNELS.iter().find(|(n, _)| name.contains(n)).map(|(_, k)| *k);
    let gamma = scheme.number("Kernel gamma").filter(|g| *g > 0.0);
    match (kernel, gamma) {
        (Some(kernel), Some(support)) => Smoothing { kernel, support },
        (kernel, gamma) => {
            notes.push(format!(
                "/HydroScheme does not say which kernel it has ('{name}') or how far it reaches: a quartic spline of 2.018932 \
                 smoothing lengths is taken for what is not said"
            ));
            Smoothing { kernel: kernel.unwrap_or(Kernel::Quartic), support: gamma.unwrap_or(2.018932) }
        }
    }
}
