//! How a snapshot is opened.

use crate::source::OpenOptions;

/// How a snapshot is opened: as which format, in which units.
///
/// ```
/// use chunkwise::snapshot::Opening;
/// let opening = Opening::new().frontend("gadget").unit_mass(1.98841586e43);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Opening {
    pub(super) frontend: Option<String>,
    pub(super) length: Option<f64>,
    pub(super) mass: Option<f64>,
    pub(super) velocity: Option<f64>,
    pub(super) partial: bool,
    pub(super) options: OpenOptions,
}

impl Opening {
    /// The format is recognised, and the units are those that the files say.
    pub fn new() -> Opening {
        Opening::default()
    }

    /// As the format of this name, whatever the files look like.
    pub fn frontend(mut self, name: &str) -> Opening {
        self.frontend = Some(name.to_string());
        self
    }

    /// One code length in cm (without the powers of a and h), in place of what the files say.
    pub fn unit_length(mut self, cm: f64) -> Opening {
        self.length = Some(cm);
        self
    }

    /// One code mass in g, in place of what the files say.
    pub fn unit_mass(mut self, g: f64) -> Opening {
        self.mass = Some(g);
        self
    }

    /// One code velocity in cm/s, in place of what the files say.
    pub fn unit_velocity(mut self, cm_per_s: f64) -> Opening {
        self.velocity = Some(cm_per_s);
        self
    }

    /// Some of the files of a snapshot, knowingly: all totals are of these alone.
    pub fn partial(mut self) -> Opening {
        self.partial = true;
        self
    }

    /// How files are read.
    pub fn options(mut self, options: OpenOptions) -> Opening {
        self.options = options;
        self
    }
}
