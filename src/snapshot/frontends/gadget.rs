//! Gadget-2, -3 and -4, Arepo (IllustrisTNG and its cutouts) and GIZMO, in HDF5.

use super::frontend::Frontend;
use super::named::named;
use super::parts::{all_parts, components, counts, edges, group, present};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::sph::Kernel;
use crate::snapshot::attributes::{Attributes, Found, object};
use crate::snapshot::contents::{Contents, Domain, Kind, Place, Positions, Smoothing, StoredField};
use crate::snapshot::opening::Opening;
use crate::snapshot::units::{CodeUnits, Epoch, Power, Unit};
use std::path::{Path, PathBuf};

/// The row of the table.
pub const ROW: Frontend = Frontend {
    name: "gadget",
    looks_for: "a group /Header with NumPart_ThisFile",
    fits: |file, opening| Ok(group(file, "/Header", opening)?.has("NumPart_ThisFile")),
    open,
};

/// Gadget's own defaults: kpc, 10¹⁰ solar masses, km/s.
const DEFAULTS: [f64; 3] = [3.085678e21, 1.989e43, 1e5];

/// What the types are called beside their numbers.
const TYPES: [&str; 6] = ["gas", "dm", "disk", "bulge", "stars", "bh"];

/// cm, g and cm/s of the code's units, without powers of a and h, and from where.
struct Base {
    cgs: [f64; 3],
    from: String,
    given: bool,
}

impl Base {
    fn find(file: &Path, opening: &Opening, header: &Attributes, parameters: &Attributes) -> Result<Base> {
        let units = group(file, "/Units", opening)?;
        let places = [("/Units", &units), ("/Header", header), ("/Parameters", parameters)];
        let words = ["unitlength", "unitmass", "unitvelocity"];
        let look = |attributes: &Attributes, word: &str| {
            let name = attributes.names().find(|n| n.to_lowercase().starts_with(word))?;
            attributes.number(name).filter(|v| v.is_finite() && *v > 0.0)
        };
        let given = [opening.length, opening.mass, opening.velocity];
        let (mut cgs, mut from) = ([0.0; 3], Vec::new());
        for (i, word) in words.iter().enumerate() {
            let found = places.iter().find_map(|(place, a)| Some((look(a, word)?, *place)));
            let (value, place) = match (given[i], found) {
                (Some(value), _) => (value, "what was asked for"),
                (None, Some(found)) => found,
                (None, None) => (DEFAULTS[i], "Gadget's defaults"),
            };
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::new(ErrorKind::Value, format!("{value} is no unit")));
            }
            cgs[i] = value;
            if !from.contains(&place) {
                from.push(place);
            }
        }
        Ok(Base { cgs, from: from.join(" and "), given: given.iter().any(Option::is_some) })
    }

    fn units(&self) -> [Unit; 3] {
        let [l, m, v] = self.cgs;
        let velocity = Unit::LENGTH.by(Unit::TIME.powi(-1));
        [Unit::LENGTH.times(l), Unit::MASS.times(m), velocity.times(v)]
    }

    fn code(&self) -> CodeUnits {
        let [length, mass, velocity] = self.units();
        let h = Power::whole(-1);
        CodeUnits {
            length: length.scaled(Power::whole(1), h),
            mass: mass.scaled(Power::ZERO, h),
            velocity: velocity.scaled(Power::halves(1), Power::ZERO),
            time: length.by(velocity.powi(-1)).scaled(Power::ZERO, h),
        }
    }

    /// The unit of a field, and from where it is known: its attributes, or its name and the code's units.
    fn unit(&self, found: &Found) -> Result<(Option<Unit>, String)> {
        let [length, mass, velocity] = self.units();
        let number = |name: &str| found.attributes.number(name);
        let scaling = || -> Result<(Power, Power)> {
            Ok((
                Power::of(number("a_scaling").unwrap_or(0.0))?,
                Power::of(number("h_scaling").unwrap_or(0.0))?,
            ))
        };
        let powers = ["length_scaling", "mass_scaling", "velocity_scaling"].map(number);
        if let (Some(to_cgs), [Some(l), Some(m), Some(v)]) = (number("to_cgs"), powers) {
            let (a, h) = scaling()?;
            let of = length.to(Power::of(l)?)?.by(mass.to(Power::of(m)?)?).by(velocity.to(Power::of(v)?)?);
            // What is asked for counts more than what the attribute made of the file's units; a factor of 0 says that
            // there is no unit.
            let unit = match self.given || to_cgs <= 0.0 {
                true => of,
                false => of.cgs().times(to_cgs),
            };
            let from = if self.given { "its attributes, in the units asked for" } else { "its attributes" };
            return Ok((Some(unit.scaled(a, h)), from.to_string()));
        }
        match named(&found.name) {
            Some(named) => {
                let unit = named.unit(length, mass, velocity);
                Ok((Some(unit), format!("its name and {}", self.from)))
            }
            None => Ok((None, "not known".to_string())),
        }
    }
}

fn open(given: &[PathBuf], opening: &Opening) -> Result<Contents> {
    let header = group(&given[0], "/Header", opening)?;
    let parts = header.number("NumFilesPerSnapshot").unwrap_or(1.0).max(1.0) as u64;
    let files = all_parts(given, parts, opening)?;
    let file = &files[0];
    let parameters = group(file, "/Parameters", opening)?;
    let config = object(file, "/Config", opening.options)?.map(|o| Attributes::new(o.attributes));
    let base = Base::find(file, opening, &header, &parameters)?;

    let either = |name: &str| header.number(name).or_else(|| parameters.number(name));
    let lambda = either("OmegaLambda").is_some_and(|v| v != 0.0);
    let cosmological =
        match parameters.number("ComovingIntegrationOn").or(header.number("ComovingIntegrationOn")) {
            Some(on) => on != 0.0,
            None => lambda,
        };
    let redshift = header.number("Redshift").filter(|_| cosmological);
    let h = either("HubbleParam").filter(|h| cosmological && *h > 0.0).unwrap_or(1.0);
    let a = match (cosmological, redshift, header.number("Time")) {
        (false, ..) => 1.0,
        (true, Some(z), _) if z > -1.0 => 1.0 / (1.0 + z),
        (true, _, Some(a)) if a > 0.0 => a,
        _ => {
            return Err(Error::new(
                ErrorKind::Format,
                "a cosmological snapshot that says neither redshift nor time",
            ));
        }
    };
    let mut notes = Vec::new();
    if !cosmological && either("HubbleParam").is_some_and(|h| h != 1.0) {
        notes.push(
            "it says nothing of a cosmological constant, so nothing is taken as comoving or in units of h"
                .into(),
        );
    }

    let counts = counts(&files, opening)?;
    let masses = header.numbers("MassTable").unwrap_or_default();
    let mut kinds = Vec::new();
    for (at, rows, found) in present(&files, &counts, opening, &mut notes)? {
        kinds.push(kind(at, rows, found, masses.get(at).copied(), &base)?);
    }
    totals(&header, &kinds, &files, &mut notes);
    let names = |without: &str| {
        kinds.iter().filter(|k: &&Kind| k.name != without).map(|k| k.name.clone()).collect::<Vec<_>>()
    };
    let unions = vec![("all".to_string(), names("")), ("nbody".to_string(), names("PartType0"))];
    let periodic = config.is_none_or(|c| c.names().next().is_none() || c.has("PERIODIC"));
    let domain = edges(&header)?.map(|width| Domain { left: [0.0; 3], width, periodic });
    if domain.is_none() {
        notes.push("it has no box: nothing is periodic, and images need a window".into());
    }
    let time = header.number("Time").filter(|_| !cosmological).map(|t| (t, base.code().time));
    Ok(Contents {
        code: code(&header, file, opening)?.to_string(),
        epoch: Epoch { a, h },
        redshift,
        time,
        domain,
        units: base.code(),
        units_from: base.from.clone(),
        kinds,
        unions,
        kernel: Smoothing { kernel: Kernel::Cubic, support: 1.0 },
        gamma: 5.0 / 3.0,
        notes,
        files,
    })
}

/// Which of the family wrote it, as far as it tells.
fn code(header: &Attributes, file: &Path, opening: &Opening) -> Result<&'static str> {
    let config = group(file, "/Config", opening)?;
    Ok(match () {
        () if header.names().any(|n| n.starts_with("GIZMO")) => "GIZMO",
        () if config.has("VORONOI") => "Arepo",
        () if header.names().any(|n| n.starts_with("Subhalo") || n == "SimulationName") => "IllustrisTNG",
        () if header.has("Git_commit") && config.has("NTYPES") => "Gadget-4",
        () => "Gadget (HDF5)",
    })
}

/// A type with its fields; its mass from the header if that has one.
fn kind(at: usize, rows: u64, found: Vec<Found>, mass: Option<f64>, base: &Base) -> Result<Kind> {
    let name = format!("PartType{at}");
    let mut fields = Vec::new();
    for found in found {
        let Some(components) = components(&found) else { continue };
        let (unit, unit_from) = base.unit(&found)?;
        fields.push(StoredField {
            alias: named(&found.name).map(|n| n.alias),
            components,
            dtype: found.dataset.dtype.unwrap_or(DType::F64),
            place: Place::Dataset(format!("/{name}/{}", found.name)),
            unit,
            unit_from,
            name: found.name,
        });
    }
    // Two names of one thing: the first counts.
    for i in 0..fields.len() {
        if fields[i].alias.is_some() && fields[..i].iter().any(|f| f.alias == fields[i].alias) {
            fields[i].alias = None;
        }
    }
    let constant = mass.filter(|m| *m != 0.0);
    if let (Some(mass), false) = (constant, fields.iter().any(|f| f.alias == Some("mass"))) {
        fields.push(StoredField {
            name: "Masses".to_string(),
            alias: Some("mass"),
            components: 1,
            dtype: DType::F64,
            place: Place::Constant(mass),
            unit: Some(base.code().mass),
            unit_from: format!("MassTable and {}", base.from),
        });
    }
    let positions = match fields.iter().any(|f| f.alias == Some("position") && f.components == 3) {
        true => Positions::Field,
        false => Positions::Nowhere(format!("{name} has no Coordinates of three numbers")),
    };
    let aliases = TYPES.get(at).map(|alias| (*alias).to_string()).into_iter().collect();
    Ok(Kind { name, aliases, shape: vec![rows], fields, filter: None, positions })
}

/// Says where the header's totals are not those of the files.
fn totals(header: &Attributes, kinds: &[Kind], files: &[PathBuf], notes: &mut Vec<String>) {
    let Some(total) = header.numbers("NumPart_Total") else { return };
    let high = header.numbers("NumPart_Total_HighWord").unwrap_or_default();
    for (at, low) in total.iter().enumerate() {
        let total = low + high.get(at).copied().unwrap_or(0.0) * 2f64.powi(32);
        let rows = kinds.iter().find(|k| k.name == format!("PartType{at}")).map_or(0, Contents::rows);
        if rows as f64 != total {
            notes.push(format!(
                "the header says {total} particles of PartType{at} in all, and {} file{} ha{} {rows}",
                files.len(),
                if files.len() == 1 { "" } else { "s" },
                if files.len() == 1 { "s" } else { "ve" }
            ));
        }
    }
}
