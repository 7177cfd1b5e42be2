//! What a frontend finds in the files of a snapshot, as plain data.

use super::units::{CodeUnits, Epoch, Unit};
use crate::Array;
use crate::dtype::DType;
use crate::ops::sph::Kernel;
use std::path::PathBuf;

/// Everything that a snapshot's metadata says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Contents {
    /// The code that wrote it, or the format.
    pub code: String,
    /// Its files, in the order in which their rows follow each other.
    pub files: Vec<PathBuf>,
    /// Scale factor and h.
    pub epoch: Epoch,
    /// The redshift, if it is cosmological.
    pub redshift: Option<f64>,
    /// The time, if it is one.
    pub time: Option<(f64, Unit)>,
    /// Where the particles are, in code lengths.
    pub domain: Option<Domain>,
    /// The code units.
    pub units: CodeUnits,
    /// Where these come from.
    pub units_from: String,
    /// Particle types and meshes.
    pub kinds: Vec<Kind>,
    /// Names for several kinds together.
    pub unions: Vec<(String, Vec<String>)>,
    /// How its gas is smoothed.
    pub kernel: Smoothing,
    /// The adiabatic index of its gas.
    pub gamma: f64,
    /// What else there is to say.
    pub notes: Vec<String>,
}

/// The box of a simulation, in code lengths.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Domain {
    /// Its lower corner.
    pub left: [f64; 3],
    /// Its edges.
    pub width: [f64; 3],
    /// Whether what leaves it comes in on the other side.
    pub periodic: bool,
}

/// The kernel of smoothed particles.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Smoothing {
    /// Its form.
    pub kernel: Kernel,
    /// The radius at which it ends, in stored smoothing lengths.
    pub support: f64,
}

/// A particle type, or what lies on one mesh: fields whose rows belong together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Kind {
    /// Its name in the file.
    pub name: String,
    /// What else it is called.
    pub aliases: Vec<String>,
    /// The shape of its rows: `[n]` of particles.
    pub shape: Vec<u64>,
    /// Its fields.
    pub fields: Vec<StoredField>,
    /// Which rows count, where not all do.
    pub filter: Option<Array>,
    /// Where its rows are.
    pub positions: Positions,
}

/// Where rows are, in code lengths.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Positions {
    /// In the field that has the alias `position`.
    Field,
    /// In an array for each axis, which broadcast to the shape of the rows.
    Axes([Array; 3]),
    /// Nowhere in space, for this reason.
    Nowhere(String),
}

/// A field that is stored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoredField {
    /// Its name in the file.
    pub name: String,
    /// Its common name, such as `density`.
    pub alias: Option<&'static str>,
    /// How many numbers each row has: 1, or those of a last axis.
    pub components: u64,
    /// The dtype in the file.
    pub dtype: DType,
    /// Where its numbers are.
    pub place: Place,
    /// Its unit, if it is known.
    pub unit: Option<Unit>,
    /// From where the unit is known.
    pub unit_from: String,
}

/// Where the numbers of a field are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Place {
    /// In the dataset of this path, in those files that have it.
    Dataset(String),
    /// Nowhere: it is the same number for all rows.
    Constant(f64),
    /// In an array that a frontend made.
    Array(Array),
}

impl Contents {
    /// The number of rows of a kind.
    pub fn rows(kind: &Kind) -> u64 {
        kind.shape.iter().product()
    }

    /// The kind of a name or an alias.
    pub fn kind(&self, name: &str) -> Option<&Kind> {
        let is = |k: &&Kind| k.name == name || k.aliases.iter().any(|a| a == name);
        self.kinds.iter().find(|k| k.name == name).or_else(|| self.kinds.iter().find(is))
    }

    /// The kinds that a name stands for: one, or those of a union.
    pub fn kinds_of(&self, name: &str) -> Option<Vec<&Kind>> {
        if let Some(kind) = self.kind(name) {
            return Some(vec![kind]);
        }
        let (_, members) = self.unions.iter().find(|(union, _)| union == name)?;
        Some(members.iter().filter_map(|m| self.kind(m)).collect())
    }
}

impl Kind {
    /// The field of a name or an alias.
    pub fn field(&self, name: &str) -> Option<&StoredField> {
        let by_name = self.fields.iter().find(|f| f.name == name);
        by_name.or_else(|| self.fields.iter().find(|f| f.alias == Some(name)))
    }
}
