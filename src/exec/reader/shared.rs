//! One staging, many views: inputs that see the same halo or chunked source a little apart are staged once, as the
//! box around them, and each is placed within it. Which those are binding knows too
//! ([`Together`](crate::plan::Together)), for it counts their bytes.

use super::{Reader, Staged};
use crate::dtype::DType;
use crate::error::Result;
use crate::grid::Slab;
use crate::ops::kernel::Packing;
use crate::plan::Input;

impl<'a> Reader<'a> {
    /// The elements of an input that may be one of a group, of which those before are `staged`.
    pub(super) fn stage_grouped(
        &mut self,
        i: usize,
        inputs: &[Input],
        block: &Slab,
        dtype: DType,
    ) -> Result<Option<Staged<'a>>> {
        let Some(group) = self.groups.together.group(i) else {
            return Ok(None);
        };
        let (slab, placement) = group.around(&inputs[i].view, block);
        let first = group.members[0];
        if first != i {
            return Ok(Some(Staged::Within(first, placement)));
        }
        let mut buffer = self.take(slab.len() as usize * dtype.size());
        match self.read(&inputs[i].from, &slab, dtype, &mut buffer) {
            Ok(()) => Ok(Some(Staged::Copied(buffer, placement, Packing::PLAIN))),
            Err(e) => {
                self.give(buffer);
                Err(e)
            }
        }
    }
}
