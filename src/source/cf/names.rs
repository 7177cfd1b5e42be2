//! The attributes that decoding reads.

/// Those that say what the numbers mean.
pub(super) const SCALE: &str = "scale_factor";
pub(super) const OFFSET: &str = "add_offset";
pub(super) const FILL: &str = "_FillValue";
pub(super) const MISSING: &str = "missing_value";
pub(super) const UNSIGNED: &str = "_Unsigned";
pub(super) const RANGE: &str = "valid_range";
pub(super) const LOWEST: &str = "valid_min";
pub(super) const HIGHEST: &str = "valid_max";
/// By which xarray says that integers are bools.
pub(super) const DTYPE: &str = "dtype";
/// Those that the decoded array carries as annotations.
pub(super) const LABELS: [&str; 4] = ["units", "long_name", "standard_name", "calendar"];

/// Whether decoding looks at an attribute of this name.
pub(crate) fn is_wanted(name: &str) -> bool {
    const MEANING: [&str; 9] = [SCALE, OFFSET, FILL, MISSING, UNSIGNED, RANGE, LOWEST, HIGHEST, DTYPE];
    MEANING.contains(&name) || LABELS.contains(&name)
}
