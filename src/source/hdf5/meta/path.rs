//! From a path to an object, over links.

use super::container::Container;
use super::group;
use super::link::{Target, text};
use super::object::{Kind, Object};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::source::OpenOptions;

/// Soft links that a path may go over.
const MOST_LINKS: usize = 32;
/// Names that a hint lists.
const NAMED: usize = 12;
/// Bytes that the links of a group may take while a hint is made.
const ROOM: usize = 64 << 20;

/// Where a path leads.
pub(super) enum Found {
    /// To an object of this file; the path without links in it, and, of a dataset, the names that follow: those of
    /// fields.
    Here { path: String, object: Object, below: Vec<String> },
    /// Into another file, over an external link: its name, and the path in it.
    Elsewhere(String, String),
}

/// Follows a path from the root. A link into another file is followed where `options` allow it, by whoever
/// asked.
pub(super) fn resolve(container: &Container, path: &str, options: OpenOptions) -> Result<Found> {
    if path.contains('\0') {
        return Err(Error::new(ErrorKind::NotFound, format!("a NUL byte in the name {path:?}")));
    }
    let parts = |path: &str| -> Vec<String> {
        path.split('/').rev().filter(|p| !p.is_empty()).map(String::from).collect()
    };
    let mut pending = parts(path);
    let root = container.about.root;
    // The objects on the way, with the length of the path to each.
    let mut done = String::new();
    let mut here = Object::read(container, root)?;
    let mut followed = 0;
    while let Some(part) = pending.pop() {
        if part == "." {
            continue;
        }
        let next = format!("{done}/{part}");
        if here.kind() != Kind::Group {
            let what = match here.kind() {
                Kind::Dataset => {
                    let below = std::iter::once(part).chain(pending.into_iter().rev()).collect();
                    return Ok(Found::Here { path: done, object: here, below });
                }
                Kind::Type => "a named type",
                _ => "an object of an unknown kind",
            };
            return Err(below_nothing(&done, what));
        }
        let mut target = None;
        group::visit(container, &here, Some(part.as_bytes()), &mut |link| {
            target = Some(link.target);
            Ok(true)
        })
        .at("link", &next)?;
        match target {
            Some(Target::Hard(address)) => {
                here = Object::read(container, address).at("link", &next)?;
                done = next;
            }
            Some(Target::Soft(target)) => {
                followed += 1;
                if followed > MOST_LINKS {
                    return Err(Error::new(ErrorKind::Format, "a circle of soft links").at("link", next));
                }
                if target.starts_with('/') {
                    done.clear();
                    here = Object::read(container, root)?;
                }
                pending.extend(parts(&target));
            }
            Some(Target::External(other, object)) if options.allow_external => {
                let rest = pending.iter().rev().map(|part| format!("/{part}"));
                return Ok(Found::Elsewhere(other, object + &rest.collect::<String>()));
            }
            Some(Target::External(other, object)) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("{next:?} is a link to {object:?} in another file, {other:?}"),
                )
                .hint("open that file, or allow it with OpenOptions::new().allow_external() (--allow-external) if you trust this one"));
            }
            Some(Target::User(class)) => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("{next:?} is a link of the unknown class {class}"),
                ));
            }
            None => {
                let e = Error::new(ErrorKind::NotFound, format!("there is no {next:?} in the file")).absent();
                let place = if done.is_empty() { "/" } else { &done };
                return Err(match group::sorted(container, &here, NAMED, ROOM) {
                    Ok((links, _)) => {
                        let names: Vec<String> = links.iter().map(|link| text(&link.name)).collect();
                        e.hint(match names.is_empty() {
                            true => format!("{place} is empty"),
                            false => format!("{place} has {}", names.join(", ")),
                        })
                    }
                    Err(_) => e,
                });
            }
        }
    }
    let path = if done.is_empty() { "/".into() } else { done };
    Ok(Found::Here { path, object: here, below: Vec::new() })
}

/// The error for a path that goes on after a dataset without fields.
pub(super) fn nothing_below(dataset: &str) -> Error {
    below_nothing(dataset, "a dataset")
}

fn below_nothing(path: &str, what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("{path:?} is {what}, there is nothing below it"))
}
