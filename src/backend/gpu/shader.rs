//! The files of `shaders/`.

/// The text of a file in `shaders/`.
macro_rules! shader {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $name))
    };
}
pub(super) use shader;
