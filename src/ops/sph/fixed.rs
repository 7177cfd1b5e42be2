//! Sums in fixed point: whole multiples of one quantum, so that no order of adding shows.

/// Bits above the sum of all magnitudes: for the largest value of a kernel (below 2³), nine images of a particle in a
/// periodic box, and the sign.
const MARGIN: i32 = 3 + 4 + 1;
/// Bits of a whole sum.
const WIDTH: i32 = 126;

/// A power of two of which sums are whole multiples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantum {
    /// It is 2 to minus this.
    exponent: i32,
}

impl Quantum {
    /// The one by which sums of contributions fit 126 bits whose magnitudes, before the kernel, come to at most `bound`:
    /// each is rounded by at most 2⁻¹¹⁸ of that. Nothing if the bound is not finite.
    pub fn of(bound: f64) -> Option<Quantum> {
        if !bound.is_finite() || bound < 0.0 {
            return None;
        }
        // The exponent of the power of two above it.
        let above = match ((bound.to_bits() >> 52) & 0x7ff) as i32 {
            0 => -1022,
            e => e - 1022,
        };
        Some(Quantum { exponent: WIDTH - MARGIN - above })
    }

    /// A number in quanta. What is more than any sum may come to is cut off.
    #[inline]
    pub fn quanta(self, v: f64) -> f64 {
        let half = self.exponent / 2;
        // In two steps, each of which is a number.
        let quanta = v * power(half) * power(self.exponent - half);
        quanta.clamp(-power(WIDTH - MARGIN), power(WIDTH - MARGIN))
    }

    /// The number nearest to a multiple.
    pub fn number(self, multiple: i128) -> f64 {
        // In two steps: the first keeps all bits, and the second may round what is subnormal.
        let half = self.exponent / 2;
        multiple as f64 * power(-half) * power(half - self.exponent)
    }
}

/// A power of two, within the range of numbers that are not subnormal.
#[inline]
fn power(exponent: i32) -> f64 {
    f64::from_bits(((1023 + exponent) as u64) << 52)
}

/// Bits of the low digit of a sum.
const DIGIT: u32 = 62;
/// What is added to a number so that its last bit counts ones: it is rounded to a whole number, which its bits then show.
const ONES: f64 = 1.5 * (1u64 << 52) as f64;
/// So that its last bit counts 2³².
const MIDDLE: f64 = ONES * (1u64 << 32) as f64;
/// So that its last bit counts high digits.
const HIGH: f64 = ONES * (1u64 << DIGIT) as f64;
/// So that its last bit counts 2⁷³.
const HIGHEST: f64 = HIGH * (1u64 << HIGHEST_SHIFT) as f64;
const HIGHEST_SHIFT: u32 = 11;

/// The sums of four pixels beside each other, in quanta: each a whole number in two digits, of which the high one has the sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Four {
    low: [i64; 4],
    high: [i64; 4],
}

impl Four {
    /// Nothing.
    pub const ZERO: Four = Four { low: [0; 4], high: [0; 4] };

    /// Whether quanta up to this must be added by [`Four::add_large`].
    #[inline(always)]
    pub fn is_large(most: f64) -> bool {
        most > power(DIGIT as i32 + 51)
    }

    /// Adds quanta of magnitudes up to 2¹¹³, each rounded to the nearest whole number.
    #[inline(always)]
    pub fn add(&mut self, quanta: [f64; 4]) {
        const MASK: i64 = (1 << DIGIT) - 1;
        // The low digit may become negative: one of the high ones is borrowed beforehand.
        const LOW: i64 = (1i64 << DIGIT).wrapping_sub(ONES.to_bits() as i64);
        const BORROWED: i64 = (HIGH.to_bits() as i64).wrapping_add(1);
        let (mut low, mut high) = ([0; 4], [0; 4]);
        for k in 0..4 {
            // What is left of each step is exact.
            let first = quanta[k] + HIGH;
            let rest = quanta[k] - (first - HIGH);
            let second = rest + MIDDLE;
            let third = (rest - (second - MIDDLE)) + ONES;
            // The bits of `MIDDLE` itself are shifted out.
            let digits = ((second.to_bits() << 32) as i64).wrapping_add(third.to_bits() as i64);
            let new = self.low[k].wrapping_add(digits).wrapping_add(LOW);
            let carry = (new as u64 >> DIGIT) as i64;
            low[k] = new & MASK;
            high[k] = self.high[k]
                .wrapping_add(carry)
                .wrapping_add((first.to_bits() as i64).wrapping_sub(BORROWED));
        }
        *self = Four { low, high };
    }

    /// Adds quanta of magnitudes up to 2¹²⁴.
    #[inline(always)]
    pub fn add_large(&mut self, mut quanta: [f64; 4]) {
        for (quanta, high) in quanta.iter_mut().zip(&mut self.high) {
            let first = *quanta + HIGHEST;
            *quanta -= first - HIGHEST;
            let digit = (first.to_bits() as i64).wrapping_sub(HIGHEST.to_bits() as i64);
            *high = high.wrapping_add(digit << HIGHEST_SHIFT);
        }
        self.add(quanta);
    }

    /// Adds to one of them.
    #[inline]
    pub fn add_one(&mut self, pixel: usize, quanta: f64) {
        let mut all = [0.0; 4];
        all[pixel % 4] = quanta;
        match Four::is_large(quanta.abs()) {
            true => self.add_large(all),
            false => self.add(all),
        }
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: &Four) {
        for k in 0..4 {
            let sum = self.sum(k).wrapping_add(other.sum(k));
            self.set(k, sum);
        }
    }

    /// One of them.
    pub fn sum(&self, pixel: usize) -> i128 {
        (i128::from(self.high[pixel % 4]) << DIGIT) + i128::from(self.low[pixel % 4])
    }

    /// Makes one of them this.
    pub fn set(&mut self, pixel: usize, sum: i128) {
        self.low[pixel % 4] = (sum & ((1 << DIGIT) - 1)) as i64;
        self.high[pixel % 4] = (sum >> DIGIT) as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quanta_are_exact_within_the_margin() {
        for bound in [1.0, 1e-300, 1e300, 5e-324, 3.7, 0.0, f64::MAX] {
            let quantum = Quantum::of(bound).unwrap();
            for share in [1.0, -0.3, 1e-15, -1e-19, 0.77] {
                let v = bound * share;
                let mut sums = Four::ZERO;
                sums.add_one(2, quantum.quanta(v));
                assert_eq!(quantum.number(sums.sum(2)), v, "{bound} {share}");
                assert_eq!([sums.sum(0), sums.sum(1), sums.sum(3)], [0; 3]);
            }
            // What is too small for all its bits is rounded to the nearest multiple.
            let v = bound * 1e-30;
            let mut sums = Four::ZERO;
            sums.add_one(0, quantum.quanta(v));
            let error = (quantum.number(sums.sum(0)) - v).abs();
            assert!(error <= bound * 2f64.powi(-118), "{bound}: {error}");
        }
        for bound in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(Quantum::of(bound), None);
        }
    }

    /// Sums of numbers of all sizes and signs are those of whole numbers.
    #[test]
    fn digits_add_up() {
        let mut state = 7u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state >> 11
        };
        let (mut sums, mut wanted) = (Four::ZERO, [0i128; 4]);
        let mut halves = [sums; 2];
        for round in 0..20_000 {
            let mut quanta = [0.0; 4];
            for (q, w) in quanta.iter_mut().zip(&mut wanted) {
                // Up to 2¹²⁴ and down to halves, whose last bits are rounded away.
                let exponent = (random() % 126) as i32 - 54;
                let sign = if random() % 2 == 0 { 1.0 } else { -1.0 };
                *q = sign * random() as f64 * 2f64.powi(if round == 0 { 71 } else { exponent });
                let whole = q.round_ties_even();
                *w = w.wrapping_add(whole as i128);
            }
            let most = quanta.iter().fold(0.0f64, |m, q| m.max(q.abs()));
            let half = &mut halves[round % 2];
            match Four::is_large(most) {
                true => (sums.add_large(quanta), half.add_large(quanta)),
                false => (sums.add(quanta), half.add(quanta)),
            };
            for w in &mut wanted {
                // As many bits as sums have.
                *w = *w << 2 >> 2;
            }
            assert_eq!([0, 1, 2, 3].map(|k| sums.sum(k)), wanted, "{quanta:?}");
        }
        let [mut a, b] = halves;
        a.merge(&b);
        assert_eq!([0, 1, 2, 3].map(|k| a.sum(k) << 2 >> 2), wanted);
        let mut again = Four::ZERO;
        (0..4).for_each(|k| again.set(k, sums.sum(k)));
        assert_eq!(again, sums);
    }
}
