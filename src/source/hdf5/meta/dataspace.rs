//! The dataspace message: the shape of a dataset or an attribute.

use super::bytes::{Fields, Frame, damaged, unsupported};
use crate::error::Result;
use crate::grid::{Dims, MAX_RANK};

/// Current and largest lengths of an array; no largest one where an axis is unlimited.
#[derive(Debug, PartialEq)]
pub(crate) struct Space {
    pub now: Dims,
    pub most: Vec<Option<u64>>,
    /// Whether it has no elements by its kind, whatever its lengths.
    pub null: bool,
}

impl Space {
    pub fn read(body: &[u8], frame: &Frame) -> Result<Space> {
        let mut fields = Fields::new(body);
        let version = fields.u8()?;
        let rank = usize::from(fields.u8()?);
        let flags = fields.u8()?;
        let null = match version {
            1 => {
                fields.take(5)?;
                false
            }
            2 => match fields.u8()? {
                0 | 1 => false,
                2 => true,
                n => return Err(damaged(format!("a dataspace of the kind {n}"))),
            },
            n => return Err(unsupported(format_args!("dataspaces of version {n}"))),
        };
        if rank > MAX_RANK {
            return Err(damaged(format!("a dataspace of rank {rank}")));
        }
        let now = (0..rank).map(|_| fields.length(frame)).collect::<Result<Dims>>()?;
        let most = match flags & 1 {
            0 => now.iter().map(|&n| Some(n)).collect(),
            _ => (0..rank).map(|_| fields.or_all_ones(usize::from(frame.length))).collect::<Result<_>>()?,
        };
        Ok(Space { now, most, null })
    }

    /// The shape; `None` of a null dataspace.
    pub fn shape(self) -> Option<Dims> {
        (!self.null).then_some(self.now)
    }
}
