//! Groups as HDF5 had them first: a version 1 B-tree by name, nodes of entries, and a heap of names.

use super::bytes::{Fields, NODE_LIMIT, damaged, fetch, unsupported};
use super::container::Container;
use super::link::{Link, Target, Wanted, text};
use super::tree_v2::DEPTH;
use crate::error::{Context, Result};

/// The longest name, or target of a soft link.
const NAME: usize = 64 << 10;
/// Bytes of a name that are read at once.
const STEP: u64 = 64;

/// An entry whose value is a soft link.
const SOFT: u32 = 2;

/// A heap of names: those of a group, or of files.
pub(super) struct Names {
    address: u64,
    bytes: u64,
}

impl Names {
    pub fn open(container: &Container, address: u64) -> Result<Names> {
        let frame = container.frame();
        let len = 8 + 2 * usize::from(frame.length) + frame.wide();
        let bytes = container.bytes(address, len as u64)?;
        let mut fields = Fields::new(&bytes);
        fields.signature(b"HEAP")?;
        fields.take(3)?;
        let bytes = fields.length(frame)?;
        fields.length(frame)?;
        let address = fields.address(frame)?.ok_or_else(|| damaged("a heap of names without names"))?;
        Ok(Names { address, bytes })
    }

    /// The text at an offset, up to its NUL.
    pub fn at(&self, container: &Container, offset: u64) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut piece = Vec::new();
        loop {
            let from = offset.saturating_add(out.len() as u64);
            let left = self.bytes.saturating_sub(from);
            if left == 0 {
                return Err(damaged(format!("a name at {offset} of a heap of {} bytes", self.bytes)));
            }
            let at = self.address.checked_add(from).ok_or_else(|| damaged("a name beyond all numbers"))?;
            fetch(container.file, container.frame().place(at)?, left.min(STEP), &mut piece, &mut 0)?;
            match piece.iter().position(|&b| b == 0) {
                Some(end) => {
                    out.extend_from_slice(&piece[..end]);
                    return Ok(out);
                }
                None => out.extend_from_slice(&piece),
            }
            if out.len() > NAME {
                return Err(unsupported(format_args!("names of more than {NAME} bytes")));
            }
        }
    }
}

/// What is done with a link; whether that is enough.
pub(super) type Visit<'a> = &'a mut dyn FnMut(Link) -> Result<bool>;

/// Visits the links of a group whose symbol table message is `message`.
pub(super) fn visit(container: &Container, message: &[u8], wanted: Wanted, visit: Visit) -> Result<()> {
    let mut fields = Fields::new(message);
    let frame = container.frame();
    let (tree, heap) = (fields.address(frame)?, fields.address(frame)?);
    let (Some(tree), Some(heap)) = (tree, heap) else {
        return Err(damaged("a group without a tree or a heap of names"));
    };
    let names = Names::open(container, heap)
        .at("structure", format_args!("heap of names at byte {}", container.at(heap)))?;
    node(container, &names, tree, None, wanted, visit)?;
    Ok(())
}

fn node(
    container: &Container,
    names: &Names,
    address: u64,
    level: Option<u8>,
    wanted: Wanted,
    visit: Visit,
) -> Result<bool> {
    let frame = container.frame();
    let here = || format!("group's B-tree node at byte {}", container.at(address));
    let load = || -> Result<(u8, Vec<u8>)> {
        let prefix = container.bytes(address, 8)?;
        let mut fields = Fields::new(&prefix);
        if fields.take(4)? != b"TREE" || fields.u8()? != 0 {
            return Err(damaged("there is no tree of a group where it should be"));
        }
        let at = fields.u8()?;
        if level.is_some_and(|level| level != at) || usize::from(at) >= DEPTH {
            return Err(damaged("a node of a group's tree is at a wrong level"));
        }
        let count = usize::from(fields.u16()?);
        let len = 8 + 2 * frame.wide() + count * (usize::from(frame.length) + frame.wide());
        let len = (len + usize::from(frame.length)) as u64;
        if len > NODE_LIMIT {
            return Err(damaged(format!("a node of a group's tree with {count} children")));
        }
        Ok((at, container.bytes(address, len)?))
    };
    let (level, bytes) = load().at("structure", here())?;
    let mut fields = Fields::new(bytes.get(8 + 2 * frame.wide()..).unwrap_or(&[]));
    let mut low = fields.length(frame).at("structure", here())?;
    while fields.left() > 0 {
        let child = fields.address(frame).at("structure", here())?;
        let high = fields.length(frame).at("structure", here())?;
        let child = child.ok_or_else(|| damaged("a group's tree names a child without address"));
        let child = child.at("structure", here())?;
        // A child has the names above its low key, up to its high one.
        let inside = match wanted {
            None => true,
            Some(name) => {
                let key = |offset| names.at(container, offset).at("structure", here());
                *key(low)? < *name && *name <= *key(high)?
            }
        };
        low = high;
        let enough = inside
            && match level {
                0 => entries(container, names, child, wanted, visit)?,
                _ => node(container, names, child, Some(level - 1), wanted, visit)?,
            };
        if enough {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Visits the entries of a leaf's child.
fn entries(container: &Container, names: &Names, address: u64, wanted: Wanted, visit: Visit) -> Result<bool> {
    let frame = container.frame();
    let here = || format!("symbol table node at byte {}", container.at(address));
    let load = || -> Result<Vec<u8>> {
        let prefix = container.bytes(address, 8)?;
        let mut fields = Fields::new(&prefix);
        if fields.take(4)? != b"SNOD" {
            return Err(damaged("there is no symbol table node where it should be"));
        }
        let version = fields.u8()?;
        if version != 1 {
            return Err(unsupported(format_args!("version {version} of symbol table nodes")));
        }
        fields.take(1)?;
        let len = usize::from(fields.u16()?) * (usize::from(frame.length) + frame.wide() + 24);
        if len as u64 > 4 * NODE_LIMIT {
            return Err(damaged("a symbol table node of too many entries"));
        }
        Ok(container.bytes(address, 8 + len as u64)?.split_off(8))
    };
    let bytes = load().at("structure", here())?;
    let mut fields = Fields::new(&bytes);
    while fields.left() > 0 {
        let mut link = || -> Result<Option<Link>> {
            let offset = fields.length(frame)?;
            let object = fields.address(frame)?;
            let kind = fields.u32()?;
            fields.take(4)?;
            let mut more = Fields::new(fields.take(16)?);
            let name = names.at(container, offset)?;
            if wanted.is_some_and(|wanted| *wanted != *name) {
                return Ok(None);
            }
            let target = match (kind, object) {
                (SOFT, _) => Target::Soft(text(&names.at(container, u64::from(more.u32()?))?)),
                (_, Some(object)) => Target::Hard(object),
                (_, None) => return Err(damaged(format!("{:?} is a link to nowhere", text(&name)))),
            };
            Ok(Some(Link { name, target }))
        };
        if let Some(link) = link().at("structure", here())?
            && visit(link)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}
