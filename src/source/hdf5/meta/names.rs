//! The paths of objects that references name.

use super::container::Container;
use super::group;
use super::link::{Target, text};
use super::object::{Kind, Object};
use std::collections::{HashMap, HashSet};

/// Groups inside groups that are looked into, objects that are looked at, and bytes of their names.
const DEPTH: usize = 64;
const OBJECTS: usize = 100_000;
const ROOM: usize = 32 << 20;

/// The path of each object: the first one in the order in which the file has its links, as libhdf5 has it. Made
/// when it is first asked for.
#[derive(Default)]
pub(super) struct Names {
    known: Option<HashMap<u64, String>>,
}

impl Names {
    /// The path of the object whose header is at `address`, if a link leads to it.
    pub fn of(&mut self, container: &Container, address: u64) -> Option<String> {
        let known = self.known.get_or_insert_with(|| {
            let mut walk = Walk { container, known: HashMap::new(), groups: HashSet::new(), room: ROOM };
            walk.known.insert(container.about.root, "/".into());
            walk.group(container.about.root, "", 0);
            walk.known
        });
        known.get(&address).cloned()
    }
}

struct Walk<'a> {
    container: &'a Container<'a>,
    known: HashMap<u64, String>,
    groups: HashSet<u64>,
    room: usize,
}

impl Walk<'_> {
    /// Looks into a group, if the object at `address` is one. What cannot be read has no names.
    fn group(&mut self, address: u64, path: &str, depth: usize) {
        if depth > DEPTH || !self.groups.insert(address) {
            return;
        }
        let Ok(object) = Object::read(self.container, address) else { return };
        if object.kind() != Kind::Group {
            return;
        }
        // What can be read of a group that is damaged counts.
        let _ = group::visit(self.container, &object, None, &mut |link| {
            let Target::Hard(to) = link.target else { return Ok(false) };
            if self.known.contains_key(&to) {
                return Ok(false);
            }
            let path = format!("{path}/{}", text(&link.name));
            let left = self.room.checked_sub(path.len() + 64).filter(|_| self.known.len() < OBJECTS);
            self.room = left.unwrap_or(0);
            if left.is_some() {
                self.known.insert(to, path.clone());
                self.group(to, &path, depth + 1);
            }
            Ok(left.is_none())
        });
    }
}
