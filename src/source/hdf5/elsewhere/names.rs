//! Which file a name in a file means: where libhdf5 looks, in its order.
//!
//! Links and sources of virtual datasets (`H5F_prefix_open_file`): the name itself if it is absolute, and from then
//! on its last part; below each folder of an environment variable; below what that says as a whole, with
//! `${ORIGIN}` for the folder of the file that has the name; in that folder; as it is, from the current folder;
//! in the folder that the file is in when links of the file system are followed.
//!
//! External raw files (`H5D__build_file_prefix`): the name itself if it is absolute; otherwise below what the
//! variable says, or from the current folder. Where there is no such file also in the folder of the file that has
//! the name, which is where it mostly is.
//!
//! Limits: the first that is there is taken, also where libhdf5 could not open it and would go on.

use crate::error::{Error, ErrorKind, Result};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What has the name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Kind {
    Link,
    Source,
    Raw,
}

impl Kind {
    /// The environment variable that says where to look.
    fn variable(self) -> &'static str {
        match self {
            Kind::Link => "HDF5_EXT_PREFIX",
            Kind::Source => "HDF5_VDS_PREFIX",
            Kind::Raw => "HDF5_EXTFILE_PREFIX",
        }
    }
}

/// The file that `name` means in the file at `path`, whose canonical path is `canonical`; `None` where there is no
/// such file.
///
/// # Errors
/// `Format` for a name that no file can have, and for one of a pipe or device: whoever opens it waits.
pub(in super::super) fn find(
    kind: Kind,
    name: &str,
    path: &Path,
    canonical: &Path,
) -> Result<Option<PathBuf>> {
    if name.is_empty() || name.contains('\0') {
        return Err(Error::new(ErrorKind::Format, format!("{name:?} cannot be the name of a file")));
    }
    let set = std::env::var_os(kind.variable()).filter(|set| !set.is_empty());
    let places = places(kind, name, path, canonical, set.as_deref());
    for place in places {
        match std::fs::metadata(&place) {
            Ok(meta) if meta.is_file() => return Ok(Some(place)),
            Ok(meta) if !meta.is_dir() => {
                let message = format!("{} is a pipe or device, not a file", place.display());
                return Err(Error::new(ErrorKind::Format, message));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// Where to look, in order.
fn places(kind: Kind, name: &str, path: &Path, canonical: &Path, set: Option<&OsStr>) -> Vec<PathBuf> {
    let folder = |path: &Path| path.parent().map(Path::to_path_buf).unwrap_or_default();
    let (here, real) = (folder(path), folder(canonical));
    let name = Path::new(name);
    let whole = set.filter(|set| *set != ".").map(|set| origin(set, &here));
    if kind == Kind::Raw {
        if name.is_absolute() {
            return vec![name.into()];
        }
        let first = whole.map_or_else(|| name.into(), |prefix| prefix.join(name));
        return vec![first, here.join(name), real.join(name)];
    }
    let mut out = Vec::new();
    let mut rest = name;
    if name.is_absolute() {
        out.push(name.into());
        rest = name.file_name().map_or(name, Path::new);
    }
    if let Some(set) = set {
        let folders = std::env::split_paths(set).filter(|folder| !folder.as_os_str().is_empty());
        out.extend(folders.map(|folder| folder.join(rest)));
    }
    out.extend(whole.filter(|_| kind == Kind::Source).map(|prefix| prefix.join(rest)));
    out.extend([here.join(rest), rest.into(), real.join(rest)]);
    out
}

/// A prefix, with the folder of the file in the place of `${ORIGIN}`.
fn origin(set: &OsStr, here: &Path) -> PathBuf {
    match set.to_str().and_then(|set| set.strip_prefix("${ORIGIN}")) {
        Some(rest) => {
            let here = if here.as_os_str().is_empty() { Path::new(".") } else { here };
            let mut out = OsString::from(here);
            out.push(rest);
            out.into()
        }
        None => set.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kind: Kind, name: &str, set: Option<&str>) -> Vec<String> {
        let places = places(kind, name, Path::new("in/a.h5"), Path::new("/real/a.h5"), set.map(OsStr::new));
        places.iter().map(|p| p.to_str().unwrap().to_string()).collect()
    }

    #[test]
    fn names_are_looked_for_where_libhdf5_does() {
        assert_eq!(at(Kind::Source, "d/x.h5", None), ["in/d/x.h5", "d/x.h5", "/real/d/x.h5"]);
        assert_eq!(at(Kind::Link, "/abs/x.h5", None), ["/abs/x.h5", "in/x.h5", "x.h5", "/real/x.h5"]);
        assert_eq!(
            at(Kind::Source, "x.h5", Some("/p:${ORIGIN}/q")),
            ["/p/x.h5", "${ORIGIN}/q/x.h5", "/p:${ORIGIN}/q/x.h5", "in/x.h5", "x.h5", "/real/x.h5"]
        );
        assert_eq!(
            at(Kind::Source, "x.h5", Some("${ORIGIN}/q"))[..2],
            ["${ORIGIN}/q/x.h5".to_string(), "in/q/x.h5".into()]
        );
        assert_eq!(at(Kind::Link, "x.h5", Some("/p"))[..2], ["/p/x.h5".to_string(), "in/x.h5".into()]);
        assert_eq!(at(Kind::Raw, "x.raw", None), ["x.raw", "in/x.raw", "/real/x.raw"]);
        assert_eq!(at(Kind::Raw, "x.raw", Some("."))[0], "x.raw");
        assert_eq!(at(Kind::Raw, "x.raw", Some("${ORIGIN}"))[0], "in/x.raw");
        assert_eq!(at(Kind::Raw, "x.raw", Some("/p"))[0], "/p/x.raw");
        assert_eq!(at(Kind::Raw, "/abs/x.raw", Some("/p")), ["/abs/x.raw"]);
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        for name in ["", "a\0b"] {
            assert!(find(Kind::Raw, name, Path::new("a"), Path::new("/a")).is_err());
        }
    }
}
