//! Sums that were gathered elsewhere in the layout of [`Sums`]: by a shader.

use super::digits::{MINUS_INF, NAN, PLUS_INF, carry};
use super::sums::Sums;
use smallvec::SmallVec;

impl Sums {
    /// Adds to sum `i` the number `Σ limbs[k] · 2^(32 (first + k))` in units of the term's lowest
    /// bit, and its flags: 1 for +inf, 2 for −inf, 4 for NaN. A limb may be any `i64` as long as the
    /// whole is within the range of the term with room for 2^63 additions.
    ///
    /// # Panics
    /// If the term has fewer than `first + limbs.len()` limbs, or there is no sum `i`.
    pub fn add_digits(&mut self, i: usize, first: usize, limbs: &[i64], flags: u8) {
        self.flags[i] |= flags & (PLUS_INF | MINUS_INF | NAN);
        let mut whole: SmallVec<[i64; 24]> = SmallVec::from_elem(0, self.term.limbs());
        for (k, &limb) in limbs.iter().enumerate() {
            // In two digits: a limb as large as these has no room for a carry.
            let (low, high) = (limb & 0xffff_ffff, limb >> 32);
            match whole.get_mut(first + k + 1) {
                Some(next) => *next += high,
                None => whole[first + k] += high << 32,
            }
            whole[first + k] += low;
        }
        carry(&mut whole);
        self.add_limbs(i, &whole, 1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Term;
    use super::*;
    use num_bigint::BigInt;

    #[test]
    fn limbs_of_any_size_add_up() {
        for (term, first) in [(Term::Int, 0), (Term::F32, 3), (Term::F64, 60)] {
            let mut sums = Sums::new(term, 2);
            let mut want = BigInt::from(0);
            for limbs in [[i64::MAX, -1, 5], [i64::MIN + 1, i64::MIN, -7], [-1, 0, 0], [0, i64::MAX, -1]] {
                let limbs = if term == Term::Int { &limbs[..2] } else { &limbs[..] };
                sums.add_digits(1, first, limbs, 0);
                want += limbs
                    .iter()
                    .enumerate()
                    .map(|(k, &l)| BigInt::from(l) << (32 * (first + k)))
                    .sum::<BigInt>();
                assert_eq!(sums.to_bigint(1).unwrap(), (want.clone(), term.low()), "{term:?}");
            }
            assert_eq!(sums.to_bigint(0).unwrap().0, BigInt::from(0));
            sums.add_digits(0, first, &[], 2);
            assert_eq!(sums.round_f64(0), f64::NEG_INFINITY);
            sums.add_digits(0, first, &[1], 1);
            assert!(sums.round_f64(0).is_nan());
        }
    }
}
