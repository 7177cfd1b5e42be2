//! The attributes of an object, however they are stored.

use super::bytes::{Fields, damaged, unsupported};
use super::container::Container;
use super::dataspace::Space;
use super::datatype::Type;
use super::heap::Heap;
use super::link::until_nul;
use super::object::{ATTRIBUTE, ATTRIBUTE_INFO, DATASPACE, DATATYPE, Object};
use super::shared::{self, SHARED};
use super::tree_v2::{self, TreeV2};
use crate::error::{Context, Result};
use std::cmp::Ordering;

/// The type of the records of attributes by name.
const BY_NAME: u8 = 8;
/// Bytes of a heap identifier of an attribute.
const ID: usize = 8;

/// An attribute as it is stored.
pub(super) struct Stored {
    pub name: String,
    /// Or why it cannot be read.
    pub value: Result<Value>,
}

/// Its value.
pub(super) struct Value {
    pub element: Type,
    pub space: Space,
    pub data: Vec<u8>,
}

/// Visits the attributes of an object. They come in no order.
pub(super) fn visit(
    container: &Container,
    object: &Object,
    visit: &mut dyn FnMut(Stored) -> Result<bool>,
) -> Result<()> {
    let place = || object.place(container);
    for message in object.all(container, ATTRIBUTE) {
        let stored = message.and_then(|message| read(container, &message)).at("structure", place());
        if visit(named(stored))? {
            return Ok(());
        }
    }
    let Some(info) = object.find(container, ATTRIBUTE_INFO)? else { return Ok(()) };
    let frame = container.frame();
    let mut fields = Fields::new(&info);
    fields.take(1)?;
    let flags = fields.u8()?;
    fields.take(if flags & 1 != 0 { 2 } else { 0 })?;
    let Some((heap, tree)) = fields.address(frame)?.zip(fields.address(frame)?) else { return Ok(()) };
    let heap = Heap::open(container, heap)?;
    let at = tree;
    let tree = TreeV2::open(container.file, frame, at).and_then(|tree| match tree.kind {
        BY_NAME => Ok(tree),
        n => Err(damaged(format!("a tree of records of type {n} for attributes"))),
    });
    let tree = tree.at("structure", format_args!("B-tree of attributes at byte {}", container.at(at)))?;
    // Where the attributes are that objects share.
    let mut common = None;
    tree_v2::visit(container.file, frame, &tree, &|_| Ok(Ordering::Equal), &mut |record| {
        let mut fields = Fields::new(record);
        let (id, flags) = (fields.take(ID)?, fields.take(1)?);
        let body = match flags.first().is_some_and(|flags| flags & SHARED != 0) {
            false => heap.object(container, id),
            true => {
                if common.is_none() {
                    common = Some(shared::heap(container, ATTRIBUTE)?);
                }
                common.as_ref().map_or(Ok(Vec::new()), |heap| heap.object(container, id))
            }
        };
        visit(named(body.and_then(|body| read(container, &body)).at("structure", place())))
    })?;
    Ok(())
}

/// An attribute that cannot be read still is one.
fn named(read: Result<Stored>) -> Stored {
    read.unwrap_or_else(|e| Stored { name: String::new(), value: Err(e) })
}

fn read(container: &Container, body: &[u8]) -> Result<Stored> {
    let mut fields = Fields::new(body);
    let version = fields.u8()?;
    if !(1..=3).contains(&version) {
        return Err(unsupported(format_args!("attributes of version {version}")));
    }
    let flags = fields.u8()?;
    let [name, ty, space] = [fields.u16()?, fields.u16()?, fields.u16()?].map(usize::from);
    fields.take(if version == 3 { 1 } else { 0 })?;
    let mut part = |len: usize| fields.take(if version == 1 { len.next_multiple_of(8) } else { len });
    let name = until_nul(part(name)?).0;
    let (ty, space) = (part(ty)?, part(space)?);
    let elsewhere = |bit: u8| if version > 1 && flags & bit != 0 { SHARED } else { 0 };
    let value = || -> Result<Value> {
        let element = Type::read(&shared::resolve(container, DATATYPE, elsewhere(1), ty)?)?;
        let space = shared::resolve(container, DATASPACE, elsewhere(2), space)?;
        let space = Space::read(&space, container.frame())?;
        Ok(Value { element, space, data: fields.rest().to_vec() })
    };
    let value = value().at("attribute", &name);
    Ok(Stored { name, value })
}
