//! Sums in fixed point: whole multiples of one quantum, so that no order of adding shows.

/// Bits above the sum of all magnitudes: for the largest value of a kernel (below 2⁴), four images of a particle in a
/// periodic box, and the sign.
const MARGIN: i32 = 4 + 2 + 1;

/// A power of two of which sums are whole multiples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantum {
    /// It is 2 to minus this.
    exponent: i32,
}

impl Quantum {
    /// The one by which sums of contributions fit 128 bits whose magnitudes, before the kernel, come to at most `bound`:
    /// each is rounded by at most 2⁻¹²⁰ of that. Nothing if the bound is not finite.
    pub fn of(bound: f64) -> Option<Quantum> {
        if !bound.is_finite() || bound < 0.0 {
            return None;
        }
        // The exponent of the power of two above it.
        let above = match ((bound.to_bits() >> 52) & 0x7ff) as i32 {
            0 => -1022,
            e => e - 1022,
        };
        Some(Quantum { exponent: 127 - MARGIN - above })
    }

    /// A number as a multiple, rounded to nearest, halves away from zero.
    #[inline]
    pub fn multiple(self, v: f64) -> i128 {
        let bits = v.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as i32;
        let fraction = bits & ((1 << 52) - 1);
        let mantissa = if exponent == 0 { fraction } else { fraction | (1 << 52) };
        let shift = exponent.max(1) - 1075 + self.exponent;
        let magnitude = match shift {
            0..=74 => i128::from(mantissa) << shift,
            75.. => i128::MAX,
            -54..=-1 => i128::from((mantissa + (1u64 << (-shift - 1))) >> -shift),
            _ => 0,
        };
        if bits >> 63 == 0 { magnitude } else { -magnitude }
    }

    /// The number nearest to a multiple.
    pub fn number(self, multiple: i128) -> f64 {
        let power = |e: i32| 2f64.powi(e);
        // In two steps: the first keeps all bits, and the second may round what is subnormal.
        let half = self.exponent / 2;
        multiple as f64 * power(-half) * power(half - self.exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_are_exact_within_the_margin() {
        for bound in [1.0, 1e-300, 1e300, 5e-324, 3.7, 0.0] {
            let quantum = Quantum::of(bound).unwrap();
            for share in [1.0, -0.3, 1e-15, -1e-20, 7.7] {
                let v = bound * share;
                assert_eq!(quantum.number(quantum.multiple(v)), v, "{bound} {share}");
            }
            // What is too small for all its bits is rounded to the nearest multiple.
            let v = bound * 1e-30;
            let error = (quantum.number(quantum.multiple(v)) - v).abs();
            assert!(error <= bound * 2f64.powi(-119), "{bound}: {error}");
            assert!(quantum.multiple(bound * 16.0).checked_mul(4).is_some(), "{bound}");
        }
        for bound in [f64::NAN, f64::INFINITY, -1.0] {
            assert_eq!(Quantum::of(bound), None);
        }
        let one = Quantum::of(1.0).unwrap();
        assert_eq!(one.multiple(-0.75), -one.multiple(0.75));
    }
}
