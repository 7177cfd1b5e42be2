//! What the two processes say to each other.
//!
//! The answer is one JSON value: what was asked for, or an error. A tree goes as a list, each node with its
//! depth, so that its nesting cannot exhaust a stack.

use crate::error::{Error, ErrorKind, Result};
use crate::source::hdf5::tree::{MAX_DEPTH, MAX_NODES, Node, NodeKind};
use crate::text::printable;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Characters of a text that are passed on.
const TEXT: usize = 2000;
/// The places that an error from there can name. File and dataset are named here.
const PLACES: [&str; 6] = ["attribute", "filter", "link", "chunk", "bytes", "address"];

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer<T> {
    Done(T),
    Failed(Told),
}

/// An [`Error`] as plain data.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Told {
    kind: ErrorKind,
    message: String,
    places: Vec<(String, String)>,
    hint: Option<String>,
    #[serde(default)]
    absent: bool,
    cause: Option<String>,
}

impl From<&Error> for Told {
    fn from(e: &Error) -> Told {
        Told {
            kind: e.kind(),
            message: e.message().into(),
            places: e.places().map(|(name, value)| (name.into(), value.into())).collect(),
            hint: e.hint_text().map(String::from),
            absent: e.is_absent(),
            cause: std::error::Error::source(e).map(|cause| cause.to_string()),
        }
    }
}

impl From<Told> for Error {
    fn from(told: Told) -> Error {
        let mut e = Error::new(told.kind, plain(&told.message));
        for (name, value) in &told.places {
            if let Some(name) = PLACES.into_iter().find(|place| place == name) {
                e = e.at(name, plain(value));
            }
        }
        if let Some(hint) = told.hint {
            e = e.hint(plain(&hint));
        }
        if told.absent {
            e = e.absent();
        }
        match told.cause {
            Some(cause) => e.caused_by(plain(&cause)),
            None => e,
        }
    }
}

/// Text of another process: of bounded length, with nothing in it that a terminal would obey.
pub(super) fn plain(text: &str) -> String {
    match text.char_indices().nth(TEXT) {
        Some((end, _)) => format!("{}…", printable(&text[..end])),
        None => printable(text).into_owned(),
    }
}

/// Reads an answer.
pub(super) fn receive<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    match serde_json::from_slice(answer) {
        Ok(Answer::Done(value)) => Ok(value),
        Ok(Answer::Failed(told)) => Err(told.into()),
        Err(e) => Err(distrust(format!("it cannot be read: {}", plain(&e.to_string())))),
    }
}

/// An answer that cannot be true.
pub(super) fn distrust(why: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::Format,
        format!("the answer of the process that looked at the untrusted file is not believed: {why}"),
    )
    .hint("the file is damaged or made to do harm, or CHUNKWISE_PROBE names another program")
}

/// A node without its members, and how many groups it is in.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Flat {
    depth: usize,
    node: Node,
}

/// A tree as a list: each group before its members.
pub(super) fn flatten(root: Node) -> Vec<Flat> {
    let mut out = Vec::new();
    let mut pending = vec![(0, root)];
    while let Some((depth, mut node)) = pending.pop() {
        if let NodeKind::Group { members, .. } = &mut node.kind {
            pending.extend(std::mem::take(members).into_iter().rev().map(|member| (depth + 1, member)));
        }
        out.push(Flat { depth, node });
    }
    out
}

/// The tree of a list.
pub(super) fn rebuild(list: Vec<Flat>) -> Result<Node> {
    if list.len() > 2 * MAX_NODES {
        return Err(distrust(format!("{} objects", list.len())));
    }
    // From the root to where the list is.
    let mut open: Vec<Node> = Vec::new();
    for Flat { depth, node } in list {
        let inside = depth <= open.len() && depth <= MAX_DEPTH && (depth == 0) == open.is_empty();
        if !inside || matches!(&node.kind, NodeKind::Group { members, .. } if !members.is_empty()) {
            return Err(distrust("its objects do not make a tree"));
        }
        while open.len() > depth {
            close(&mut open)?;
        }
        open.push(node);
    }
    while open.len() > 1 {
        close(&mut open)?;
    }
    open.pop().ok_or_else(|| distrust("it is empty"))
}

/// Puts the innermost node into its group.
fn close(open: &mut Vec<Node>) -> Result<()> {
    let node = open.pop();
    match (open.last_mut().map(|group| &mut group.kind), node) {
        (Some(NodeKind::Group { members, .. }), Some(node)) => members.push(node),
        _ => return Err(distrust("an object is in something that is no group")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(path: &str, members: Vec<Node>) -> Node {
        Node {
            path: path.into(),
            kind: NodeKind::Group { members, truncated: false },
            attributes: Vec::new(),
        }
    }

    fn link(path: &str) -> Node {
        Node { path: path.into(), kind: NodeKind::SoftLink { target: "/x".into() }, attributes: Vec::new() }
    }

    fn deep(levels: usize) -> Node {
        (0..levels).fold(link("end"), |inner, _| group("g", vec![link("before"), inner, link("after")]))
    }

    #[test]
    fn a_tree_goes_through_the_pipe() {
        for tree in [link("/x"), group("/", vec![]), deep(MAX_DEPTH)] {
            let bytes = serde_json::to_vec(&Answer::Done(flatten(tree.clone()))).unwrap();
            assert_eq!(rebuild(receive(&bytes).unwrap()).unwrap(), tree);
        }
    }

    #[test]
    fn a_list_that_is_no_tree_is_refused() {
        let flat = |depth, node| Flat { depth, node };
        let lists = [
            vec![],
            vec![flat(1, link("/"))],
            vec![flat(0, link("/")), flat(0, link("/"))],
            vec![flat(0, link("/")), flat(1, link("/a"))],
            vec![flat(0, group("/", vec![])), flat(2, link("/a"))],
            vec![flat(0, group("/", vec![link("/a")]))],
            flatten(deep(MAX_DEPTH + 1)),
        ];
        for list in lists {
            let text = format!("{list:?}");
            assert_eq!(rebuild(list).unwrap_err().kind(), ErrorKind::Format, "{text}");
        }
        let long = (0..=2 * MAX_NODES).map(|i| flat(usize::from(i > 0), group("", vec![]))).collect();
        assert_eq!(rebuild(long).unwrap_err().kind(), ErrorKind::Format);
    }

    #[test]
    fn an_error_goes_through_the_pipe() {
        let e = Error::new(ErrorKind::Filter, "it does not inflate")
            .at("filter", "deflate (1)")
            .at("file", "/other/file")
            .hint("copy it again")
            .caused_by("libhdf5: bad\u{1b}[2J");
        let bytes = serde_json::to_vec(&Answer::<()>::Failed((&e).into())).unwrap();
        let told = receive::<()>(&bytes).unwrap_err();
        assert_eq!(told.kind(), ErrorKind::Filter);
        assert_eq!(
            told.to_string(),
            "it does not inflate: libhdf5: bad\\u{1b}[2J (filter: deflate (1))\nhint: copy it again"
        );
        let long = plain(&"é".repeat(TEXT + 1));
        assert_eq!(long.chars().count(), TEXT + 1);
        assert!(long.ends_with('…'));
    }
}
