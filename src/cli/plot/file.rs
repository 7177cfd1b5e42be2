//! The file of a picture: what it may be called.

use crate::cli::Failure;
use std::path::Path;

/// The kind of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Pixels.
    Png,
    /// Lines and text.
    Svg,
}

impl Format {
    /// What the ending of a file's name says.
    ///
    /// # Errors
    /// `Usage` for another ending.
    pub fn of(path: &Path) -> std::result::Result<Format, Failure> {
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            Some("png") => Ok(Format::Png),
            Some("svg") => Ok(Format::Svg),
            _ => {
                let message = format!("--plot {}: a picture is a .png or a .svg file", path.display());
                Err(Failure::Usage(message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_says_what_is_drawn() {
        for (path, format) in [("a.png", Format::Png), ("b/c.PNG", Format::Png), ("a.b.svg", Format::Svg)] {
            assert!(Format::of(Path::new(path)).is_ok_and(|f| f == format), "{path}");
        }
        for path in ["a", "a.jpg", "png", "a.png.h5", ".svg"] {
            assert!(matches!(Format::of(Path::new(path)), Err(Failure::Usage(_))), "{path}");
        }
    }
}
