//! Which fields a kind has besides those that are stored, and what to say of one that it has not.

use super::contents::{Contents, Kind, Positions};
use super::derived::DERIVED;
use super::frame::Frame;
use super::opened::Snapshot;
use super::units::Unit;
use crate::error::{Error, ErrorKind};
use crate::expr::did_you_mean;

/// A field that is made of others, or several that are made alike.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MadeField {
    /// Its names.
    pub names: Vec<String>,
    /// Its unit; none if that of its parts is not known.
    pub unit: Option<Unit>,
    /// What it is, an expression of other fields in cgs or in words.
    pub definition: String,
}

impl MadeField {
    /// Its names, those along the axes short: `velocity_x, _y, _z`.
    pub fn label(&self) -> String {
        let base = self.names[0].strip_suffix("_x").filter(|b| !b.is_empty() && self.names.len() == 3);
        match base {
            Some(base) => format!("{base}_x, _y, _z"),
            None => self.names.join(", "),
        }
    }
}

/// What one field is relative to does not matter to whether it is there.
const ANYWHERE: Frame = Frame { center: [0.0; 3], velocity: [0.0; 3] };

fn along(before: &str) -> Vec<String> {
    ["x", "y", "z"].iter().map(|axis| format!("{before}{axis}")).collect()
}

impl Snapshot {
    /// The fields that are made of those which a kind has: components, places, those of [`DERIVED`] and the user's own.
    pub fn made_fields(&self, kind: &Kind) -> Vec<MadeField> {
        let length = Some(self.contents().units.length);
        let mut all = Vec::new();
        let mut add = |names: Vec<String>, unit: Option<Unit>, definition: String| {
            all.push(MadeField { names, unit, definition });
        };
        for field in kind.fields.iter().filter(|f| f.components == 3) {
            let name = field.alias.unwrap_or(&field.name);
            add(along(&format!("{name}_")), field.unit, format!("the components of {name}"));
        }
        if !matches!(kind.positions, Positions::Nowhere(_)) {
            add(along(""), length, "where it is".into());
            add(along("relative_"), length, "the shortest way to it from the centre (--center)".into());
        }
        if self.has(kind, "relative_velocity_x") {
            let velocity = Some(self.contents().units.velocity);
            add(along("relative_velocity_"), velocity, "its velocity less that of the centre".into());
        }
        for (n, derived) in DERIVED.iter().enumerate() {
            let again = DERIVED[..n].iter().any(|d| d.name == derived.name);
            if again || kind.field(derived.name).is_some() {
                continue;
            }
            let Ok(Some(made)) = self.made_as(kind, derived.name, &ANYWHERE) else { continue };
            // What is of no field is of interest where there is gas.
            if made.expression.parse::<f64>().is_err() || kind.field("density").is_some() {
                add(vec![made.name.to_string()], self.unit(made.unit).ok(), made.expression.to_string());
            }
        }
        for (name, user) in self.user_fields() {
            if let Ok(Some(field)) = self.find_field(kind, name, &ANYWHERE) {
                add(vec![name.clone()], field.unit, user.expression.clone());
            }
        }
        all
    }

    /// Whether a kind has a field, stored or made.
    fn has(&self, kind: &Kind, name: &str) -> bool {
        self.find_field(kind, name, &ANYWHERE).is_ok_and(|f| f.is_some())
    }

    /// That a kind has no such field: what was meant, which other kinds have it, and what this one has.
    pub(super) fn no_field(&self, kind: &Kind, name: &str) -> Error {
        let e = Error::new(ErrorKind::NotFound, format!("{} has no field '{name}'", kind.name));
        let mut hints = Vec::new();
        let recipes: Vec<&str> = DERIVED.iter().filter(|d| d.name == name).map(|d| d.expression).collect();
        if !recipes.is_empty() {
            hints.push(format!("it would be made as {}", recipes.join(", or as ")));
        }
        let made = self.made_fields(kind);
        let stored = || kind.fields.iter().flat_map(|f| f.alias.into_iter().chain([f.name.as_str()]));
        let names = stored().chain(made.iter().flat_map(|m| m.names.iter().map(String::as_str)));
        let near = did_you_mean(name, names);
        let lost = recipes.is_empty() && near.is_none();
        hints.extend(near);
        let others: Vec<&str> = self
            .contents()
            .kinds
            .iter()
            .filter(|k| k.name != kind.name && Contents::rows(k) > 0 && self.has(k, name))
            .map(|k| k.aliases.first().unwrap_or(&k.name).as_str())
            .collect();
        if !others.is_empty() {
            let have = if others.len() == 1 { "has" } else { "have" };
            hints.push(format!("{} {have} '{name}'", others.join(" and ")));
        }
        if lost && others.is_empty() {
            let stored: Vec<&str> = kind.fields.iter().map(|f| f.alias.unwrap_or(&f.name)).collect();
            let made: Vec<String> = made.iter().map(MadeField::label).collect();
            hints.push(format!("it has {}; and made of these {}", stored.join(", "), made.join(", ")));
        }
        e.hint(hints.join("; "))
    }
}
