//! Objects: what is at an address, and what its header says.

use super::bytes::damaged;
use super::container::Container;
use super::{header, shared};
use crate::error::{Context, Result};
use std::borrow::Cow;

/// Kinds of messages.
pub(crate) const DATASPACE: u16 = 0x01;
pub(crate) const LINK_INFO: u16 = 0x02;
pub(crate) const DATATYPE: u16 = 0x03;
pub(crate) const OLD_FILL: u16 = 0x04;
pub(crate) const FILL: u16 = 0x05;
pub(crate) const LINK: u16 = 0x06;
pub(crate) const EXTERNAL: u16 = 0x07;
pub(crate) const LAYOUT: u16 = 0x08;
pub(crate) const PIPELINE: u16 = 0x0b;
pub(crate) const ATTRIBUTE: u16 = 0x0c;
pub(crate) const SYMBOL_TABLE: u16 = 0x11;
pub(crate) const ATTRIBUTE_INFO: u16 = 0x15;

/// An object with its messages.
pub(crate) struct Object {
    pub address: u64,
    messages: Vec<Message>,
}

struct Message {
    kind: u16,
    flags: u8,
    body: Vec<u8>,
}

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Group,
    Dataset,
    Type,
    Other,
}

impl Object {
    pub fn read(container: &Container, address: u64) -> Result<Object> {
        let mut messages = Vec::new();
        header::messages(container.file, container.frame(), address, |m| {
            if m.kind != 0 {
                messages.push(Message { kind: m.kind, flags: m.flags, body: m.body.to_vec() });
            }
            Ok(false)
        })?;
        Ok(Object { address, messages })
    }

    pub fn kind(&self) -> Kind {
        let has = |kind| self.messages.iter().any(|m| m.kind == kind);
        match () {
            () if has(SYMBOL_TABLE) || has(LINK_INFO) => Kind::Group,
            () if has(DATATYPE) && has(DATASPACE) => Kind::Dataset,
            () if has(DATATYPE) => Kind::Type,
            () => Kind::Other,
        }
    }

    /// The first message of a kind, wherever its body is.
    pub fn find(&self, container: &Container, kind: u16) -> Result<Option<Cow<'_, [u8]>>> {
        let Some(m) = self.messages.iter().find(|m| m.kind == kind) else { return Ok(None) };
        let body = shared::resolve(container, kind, m.flags, &m.body);
        body.at("structure", self.place(container)).map(Some)
    }

    /// A message that has to be there.
    pub fn get(&self, container: &Container, kind: u16, name: &str) -> Result<Cow<'_, [u8]>> {
        let found = self.find(container, kind)?;
        let found = found.ok_or_else(|| damaged(format!("the object has no {name} message")));
        found.at("structure", self.place(container))
    }

    /// The messages of a kind.
    pub fn all<'a>(
        &'a self,
        container: &'a Container,
        kind: u16,
    ) -> impl Iterator<Item = Result<Cow<'a, [u8]>>> {
        let of_kind = self.messages.iter().filter(move |m| m.kind == kind);
        of_kind.map(move |m| {
            let body = shared::resolve(container, kind, m.flags, &m.body);
            body.at("structure", self.place(container))
        })
    }

    /// Where it is, for messages.
    pub fn place(&self, container: &Container) -> String {
        format!("object header at byte {}", container.at(self.address))
    }
}
