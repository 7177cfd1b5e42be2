//! Parsers over arbitrary bytes; see [`crate::fuzzing`].

use super::header::Header;
use super::place::{Place, Records};
use super::tree;
use crate::grid::{Dims, Slab};
use crate::source::{ReadCx, ReadStats, Scratch};

/// Variables of which elements are read.
const MOST: usize = 64;
/// Elements of one that are read.
const ELEMENTS: u64 = 4096;

/// See [`crate::fuzzing::netcdf`].
pub(crate) fn fuzz_netcdf(data: &[u8]) -> Option<(u64, u64)> {
    let header = Header::read(&data).ok()?;
    let len = data.len() as u64;
    let records = Records::of(&header, len).ok()?;
    tree::look(&data, "/").ok()?;
    let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
    let mut cx = ReadCx { scratch: &mut scratch, stats: &stats };
    let mut read = 0;
    for variable in header.variables.iter().take(MOST) {
        let Ok(place) = Place::of(&header, variable, records, len, true) else { continue };
        if place.bytes() == 0 {
            continue;
        }
        // The last elements along each axis, of each axis every third.
        let mut room = ELEMENTS;
        let mut slab = Slab { start: Dims::new(), count: Dims::new(), step: Dims::new() };
        for &n in &place.shape {
            let step = n.min(3);
            let count = n.div_ceil(step).min(room).max(1);
            room = (room / count).max(1);
            slab.start.push(n - 1 - (count - 1) * step);
            slab.count.push(count);
            slab.step.push(step);
        }
        let mut out = vec![0; slab.len() as usize * place.dtype.size()];
        let done = place.read(&data, &slab, &mut out, &mut cx);
        // All of it was found to be there.
        debug_assert!(done.is_ok(), "{done:?}");
        read += slab.len();
    }
    Some((header.variables.len() as u64, read))
}
