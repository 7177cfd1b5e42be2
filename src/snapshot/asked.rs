//! Fields as they are asked for: `gas.mass [Msun]`.

use crate::error::{Error, ErrorKind, Result};

/// A field by the name of its kind and its own, and the unit that it is wanted in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Asked {
    /// The kind, if one is named.
    pub kind: Option<String>,
    /// The field; empty where a kind alone is asked for.
    pub name: String,
    /// The unit; cgs if none is said.
    pub unit: Option<String>,
}

impl Asked {
    /// Reads `KIND.FIELD [UNIT]`, of which kind and unit may be left out.
    ///
    /// # Errors
    /// `Value` for no name, and for brackets that do not fit.
    pub fn read(text: &str) -> Result<Asked> {
        let wrong = |what: &str| {
            Err(Error::new(ErrorKind::Value, format!("'{text}' is no field: {what}"))
                .hint("as in gas.density, dm.mass [Msun], temperature [keV/kb]"))
        };
        let (name, unit) = match text.split_once('[') {
            Some((name, rest)) => match rest.trim_end().strip_suffix(']') {
                Some(unit) => (name, Some(unit.trim().to_string())),
                None => return wrong("'[' is never closed"),
            },
            None => (text, None),
        };
        let (kind, name) = match name.trim().split_once('.') {
            Some((kind, name)) => (Some(kind.trim().to_string()), name.trim()),
            None => (None, name.trim()),
        };
        if name.is_empty() || kind.as_deref() == Some("") {
            return wrong("a name is missing");
        }
        Ok(Asked { kind, name: name.to_string(), unit })
    }

    /// Reads `KIND [UNIT]`.
    ///
    /// # Errors
    /// As [`Asked::read`].
    pub fn kind(text: &str) -> Result<Asked> {
        let asked = Asked::read(text)?;
        match asked.kind {
            None => Ok(Asked { kind: Some(asked.name), name: String::new(), unit: asked.unit }),
            Some(_) => Err(Error::new(ErrorKind::Value, format!("'{text}' is no particle type"))),
        }
    }
}
