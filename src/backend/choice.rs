//! Which adapter somebody wants: words, of which a build without the GPU backend knows the meaning too.

/// Which adapter is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Choice {
    /// The fastest: discrete before integrated before virtual before software.
    #[default]
    Fastest,
    /// Its position in [`adapters`](super::gpu::adapters).
    Index(usize),
    /// Any part of its name, whatever the case of the letters.
    Name(String),
}

impl From<&str> for Choice {
    /// A number is an index, anything else a name.
    fn from(text: &str) -> Choice {
        match text.trim().parse() {
            Ok(index) => Choice::Index(index),
            Err(_) => Choice::Name(text.trim().to_string()),
        }
    }
}
