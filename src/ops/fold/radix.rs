//! Sorting keys digit by digit, from the lowest on (LSD radix sort; Knuth, *The Art of Computer Programming* 3, 5.2.5):
//! a pass per byte, in room of the same size.

use crate::ops::quantiles::Key;

/// Fewer keys than this are sorted by comparison.
const FEW: usize = 256;
/// Bits of a digit.
const DIGIT: u32 = 8;

/// Sorts keys. `room` is as long; what is in it is lost. Gives whether the sorted keys are in `room`.
pub(super) fn sort<K: Key>(keys: &mut [K], room: &mut [K]) -> bool {
    if keys.len() < FEW {
        keys.sort_unstable();
        return false;
    }
    let digits = K::BITS.div_ceil(DIGIT);
    let digit = |key: K, d: u32| (key.wide() >> (d * DIGIT)) as usize & 0xff;
    let mut counts = vec![[0usize; 1 << DIGIT]; digits as usize];
    for &key in &*keys {
        for (d, counts) in (0..digits).zip(&mut counts) {
            counts[digit(key, d)] += 1;
        }
    }
    let (mut from, mut to, mut turned) = (keys, room, false);
    for (d, counts) in (0..digits).zip(&mut counts) {
        // A digit that all have orders nothing.
        if counts[digit(from[0], d)] == from.len() {
            continue;
        }
        let mut next = 0;
        for count in counts.iter_mut() {
            next += std::mem::replace(count, next);
        }
        for &key in &*from {
            let place = &mut counts[digit(key, d)];
            to[*place] = key;
            *place += 1;
        }
        std::mem::swap(&mut from, &mut to);
        turned = !turned;
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorts<K: Key + std::fmt::Debug>(keys: &[K]) {
        let mut wanted = keys.to_vec();
        wanted.sort();
        let (mut keys, mut room) = (keys.to_vec(), keys.to_vec());
        let turned = sort(&mut keys, &mut room);
        assert_eq!(if turned { room } else { keys }, wanted);
    }

    #[test]
    fn keys_are_sorted() {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            state ^ state >> 29
        };
        for n in [0, 1, 2, FEW - 1, FEW, 1000, 70_000] {
            // All bits, few values, one digit of several, and all the same.
            for (mask, shift) in [(u64::MAX, 0), (3, 0), (0xff, 40), (0, 0)] {
                let wide: Vec<u64> = (0..n).map(|_| (random() & mask) << shift).collect();
                sorts(&wide);
                sorts(&wide.iter().map(|&v| (v >> shift) as u32).collect::<Vec<_>>());
                sorts(&wide.iter().map(|&v| (v >> shift) as u16).collect::<Vec<_>>());
                sorts(&wide.iter().map(|&v| (v >> shift) as u8).collect::<Vec<_>>());
            }
        }
    }
}
