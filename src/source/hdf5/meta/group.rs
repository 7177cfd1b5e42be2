//! The links of a group, however they are stored.

use super::bytes::{Fields, damaged};
use super::checksum::lookup3;
use super::container::Container;
use super::heap::Heap;
use super::link::{Link, Wanted};
use super::object::{LINK, LINK_INFO, Object, SYMBOL_TABLE};
use super::symbols::{self, Visit};
use super::tree_v2::{self, TreeV2};
use crate::error::{Context, Result};
use std::cmp::Ordering;

/// The type of the records of links by name.
const BY_NAME: u8 = 5;

/// Visits the links of a group, or those of one name, until one is enough. They come in no order.
pub(super) fn visit(container: &Container, group: &Object, wanted: Wanted, visit: Visit) -> Result<()> {
    let place = || group.place(container);
    if let Some(table) = group.find(container, SYMBOL_TABLE)? {
        return symbols::visit(container, &table, wanted, visit).at("structure", place());
    }
    let right = |link: &Link| wanted.is_none_or(|wanted| *wanted == *link.name);
    for message in group.all(container, LINK) {
        let link = Link::read(&message?, container.frame()).at("structure", place())?;
        if right(&link) && visit(link)? {
            return Ok(());
        }
    }
    let Some(info) = group.find(container, LINK_INFO)? else { return Ok(()) };
    let Some((heap, tree)) = dense(container, &info).at("structure", place())? else { return Ok(()) };
    let heap = Heap::open(container, heap)?;
    let at = tree;
    let tree = TreeV2::open(container.file, container.frame(), at);
    let tree = tree.and_then(|tree| match tree.kind {
        BY_NAME => Ok(tree),
        n => Err(damaged(format!("a tree of records of type {n} for links"))),
    });
    let tree = tree.at("structure", format_args!("B-tree of links at byte {}", container.at(at)))?;
    let hash = wanted.map(lookup3);
    let order = |record: &[u8]| match hash {
        None => Ok(Ordering::Equal),
        Some(hash) => Ok(Fields::new(record).u32()?.cmp(&hash)),
    };
    tree_v2::visit(container.file, container.frame(), &tree, &order, &mut |record| {
        let link = Link::read(&heap.object(container, record.get(4..).unwrap_or(&[]))?, container.frame())?;
        Ok(right(&link) && visit(link)?)
    })?;
    Ok(())
}

/// Where the heap of links and the tree of their names are.
fn dense(container: &Container, info: &[u8]) -> Result<Option<(u64, u64)>> {
    let mut fields = Fields::new(info);
    fields.take(1)?;
    let flags = fields.u8()?;
    fields.take(if flags & 1 != 0 { 8 } else { 0 })?;
    let frame = container.frame();
    Ok(fields.address(frame)?.zip(fields.address(frame)?))
}

/// The links of a group by name; at most `most` of them, and whether there are more. `room` is what their
/// texts may take.
pub(super) fn sorted(
    container: &Container,
    group: &Object,
    most: usize,
    mut room: usize,
) -> Result<(Vec<Link>, bool)> {
    let (mut links, mut more) = (Vec::new(), false);
    visit(container, group, None, &mut |link| {
        match room.checked_sub(size_of::<Link>() + link.name.len()) {
            Some(left) => room = left,
            None => {
                more = true;
                return Ok(true);
            }
        }
        links.push(link);
        Ok(false)
    })?;
    links.sort_by(|a, b| a.name.cmp(&b.name));
    more |= links.len() > most;
    links.truncate(most);
    Ok((links, more))
}
