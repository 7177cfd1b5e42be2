//! Whether elements are in a table: most that are not are told by one bit.

use super::{Sorts, TOGETHER, Table, place};
use crate::with_storage;
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
    pub fn of(table: &Table) -> There {
        let integers = !table.dtype().is_float();
        with_storage!(table.dtype(), T => {
            let elements = table.typed::<T>();
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
        })
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

#[cfg(test)]
mod tests {
    use super::super::Lookup;
    use super::*;
    use crate::dtype::Element;

    /// Whether each is there, one compared with all.
    fn holds<T: Element + Sorts>(table: &[T], x: &[T]) {
        let lookup = Lookup::among(&Table::new(table), T::DTYPE).unwrap();
        let mut out = vec![7; x.len()];
        lookup.find(bytemuck::cast_slice(x), &mut out);
        let want: Vec<u8> = x.iter().map(|x| table.iter().any(|t| t.same(*x)).into()).collect();
        assert_eq!(out, want, "{} in {}", T::DTYPE, table.len());
    }

    fn hashed<T: Element + Sorts>(table: &[T]) -> bool {
        matches!(Lookup::among(&Table::new(table), T::DTYPE).unwrap().there, Some(There::Hashes { .. }))
    }

    #[test]
    fn what_is_there_is_found_and_nothing_else() {
        let mut seed = 1u64;
        let mut next = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            seed >> 17
        };
        for n in [0, 1, 2, 7, 100, 3000] {
            for range in [3u64, 1000, 1 << 40] {
                let mut draw = |count: usize| (0..count).map(|_| next() % range).collect::<Vec<_>>();
                let (table, mut x) = (draw(n), draw(500));
                x.extend(&table);
                let ints = |v: &[u64]| v.iter().map(|&v| v as i64 - range as i64 / 2).collect::<Vec<_>>();
                holds(&table, &x);
                holds(&ints(&table), &ints(&x));
                let small = |v: &[u64]| v.iter().map(|&v| v as i16).collect::<Vec<_>>();
                holds(&small(&table), &small(&x));
                let doubles = |v: &[u64]| ints(v).iter().map(|&v| v as f64 / 8.0).collect::<Vec<_>>();
                let singles = |v: &[u64]| ints(v).iter().map(|&v| v as f32 / 8.0).collect::<Vec<_>>();
                holds(&doubles(&table), &doubles(&x));
                holds(&singles(&table), &singles(&x));
            }
        }
        let ends = [i64::MIN, -1, 0, 1, i64::MAX];
        holds(&ends, &ends);
        holds(&[u64::MAX, 0], &[0, 1, u64::MAX - 1, u64::MAX]);
        holds(&[i64::MAX], &ends);
        holds(&[i8::MIN, i8::MAX], &(i8::MIN..=i8::MAX).collect::<Vec<_>>());
        let odd = [f64::NAN, -0.0, 0.0, f64::INFINITY, -1.0, 5e-324];
        holds(&odd, &odd);
        holds(&[-0.0], &odd);
        let halves: Vec<half::f16> = (0..=u16::MAX).map(half::f16::from_bits).collect();
        holds(&halves[0x7f00..0x8100], &halves);
        assert!(hashed(&[1i64, 1 << 40]) && hashed(&[1.0f32]) && !hashed(&[5i32, 400]));
    }
}
