//! Rows that are decided together by a quick way, and what becomes of those that it leaves in doubt.

use std::ops::Range;

/// Rows that a quick way decides together.
pub(super) const GROUP: usize = 64;

/// Decides groups of rows, up to the first of which `decide` leaves a doubt; how many rows were done.
#[inline(always)]
pub(super) fn groups<const N: usize>(
    values: &[[u8; N]],
    slots: &mut [u32],
    decide: impl Fn(&[[u8; N]; GROUP], &mut [u32; GROUP]) -> bool,
) -> usize {
    let groups = slots.as_chunks_mut::<GROUP>().0.iter_mut().zip(values.as_chunks::<GROUP>().0);
    let mut done = 0;
    for (slots, values) in groups {
        if !decide(values, slots) {
            break;
        }
        done += GROUP;
    }
    done
}

/// Fills slots by a quick way, which ends at a group of rows that are in doubt and says how many it
/// did; they are `exact`'s, as is all that is left after `most` such groups.
pub(super) fn with_doubts(
    most: usize,
    slots: &mut [u32],
    mut quick: impl FnMut(usize, &mut [u32]) -> usize,
    mut exact: impl FnMut(Range<usize>, &mut [u32]),
) {
    let (n, mut done) = (slots.len(), 0);
    for left in (0..=most).rev() {
        if left > 0 {
            done += quick(done, &mut slots[done..]);
        }
        let end = if left > 0 { n.min(done + GROUP) } else { n };
        if done < end {
            exact(done..end, &mut slots[done..end]);
        }
        done = end;
    }
}
