//! Whether elements are in a table: most that are not are told by one bit.

use super::search::{Sorts, TOGETHER, place};
use std::sync::Arc;

/// The most bits that say for each integer of a range whether it is there, and how many may be spent for each element of
/// the table.
const RANGE: u64 = 1 << 23;
const RANGE_EACH: u64 = 256;
/// Bits for each element of a table where they say who may be there: one in so many others passes too.
const EACH: usize = 16;

/// What says quickly that an element is not in a table: bits for all integers from the least to the greatest, or for
/// hashes.
#[derive(Clone, Debug)]
pub(super) enum There {
    /// Whether integers are there, from the first on.
    Range { first: u64, len: u64, bits: Arc<[u64]> },
    /// Whether one with such a hash is there: the hash's first bits.
    Hashes { shift: u32, bits: Arc<[u64]> },
}

impl There {
    /// Of the elements of a table.
    pub fn of<T: Sorts>(elements: &[T], integers: bool) -> There {
        let ends = elements.first().zip(elements.last());
        if let (true, Some((first, last))) = (integers, ends) {
            let (first, last) = (first.key(), last.key());
            // They ascend; differences of signed ones are modulo 2^64.
            let len = last.wrapping_sub(first).saturating_add(1);
            if len <= RANGE && len / RANGE_EACH <= elements.len() as u64 {
                let mut bits = vec![0u64; len.div_ceil(64) as usize];
                for e in elements {
                    let at = e.key().wrapping_sub(first);
                    bits[at as usize / 64] |= 1 << (at % 64);
                }
                return There::Range { first, len, bits: bits.into() };
            }
        }
        let slots = (EACH * elements.len()).next_power_of_two().max(64);
        let mut bits = vec![0u64; slots / 64];
        let shift = 64 - slots.trailing_zeros();
        for e in elements {
            let at = hash(e.key(), shift);
            bits[at / 64] |= 1 << (at % 64);
        }
        There::Hashes { shift, bits: bits.into() }
    }

    pub fn bytes(&self) -> usize {
        let (There::Range { bits, .. } | There::Hashes { bits, .. }) = self;
        8 * bits.len()
    }

    /// Whether each of `x` is in the table.
    pub fn find<T: Sorts>(&self, table: &[T], x: &[T], out: &mut [u8]) {
        match self {
            There::Range { first, len, bits } => {
                for (out, x) in out.iter_mut().zip(x) {
                    let at = x.key().wrapping_sub(*first);
                    // Any word of it, where there is none: the last condition decides.
                    let word = bits[(at.min(len - 1) / 64) as usize];
                    *out = u8::from(at < *len) & (word >> (at % 64)) as u8 & 1;
                }
            }
            There::Hashes { shift, bits } => {
                let same = |at: usize, x: T| table.get(at).is_some_and(|t| t.same(x));
                let mut passed = [(0, x.first().copied()); TOGETHER];
                let mut n = 0;
                for (k, &v) in x.iter().enumerate() {
                    let at = hash(v.key(), *shift);
                    out[k] = 0;
                    passed[n] = (k, Some(v));
                    n += usize::from(bits[at / 64] >> (at % 64) & 1 == 1);
                    if n == TOGETHER {
                        let values = passed.map(|(_, v)| v.unwrap_or(x[0]));
                        let found = place(table, &values, &|t: T, x: T| t.before(x));
                        for (i, &at) in found.iter().enumerate() {
                            out[passed[i].0] = u8::from(same(at, values[i]));
                        }
                        n = 0;
                    }
                }
                for &(k, _) in &passed[..n] {
                    out[k] = u8::from(same(place(table, &[x[k]], &|t: T, x: T| t.before(x))[0], x[k]));
                }
            }
        }
    }
}

/// The first bits of a hash.
#[inline(always)]
fn hash(key: u64, shift: u32) -> usize {
    (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> shift) as usize
}
