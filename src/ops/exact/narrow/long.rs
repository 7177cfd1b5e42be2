//! An integer of 256 bits: what a narrow sum is while it is moved, merged or taken out.

/// In two's complement, lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Long([u64; 4]);

impl From<i128> for Long {
    fn from(v: i128) -> Long {
        let sign = (v >> 127) as u64;
        Long([v as u64, (v >> 64) as u64, sign, sign])
    }
}

impl Long {
    pub const ZERO: Long = Long([0; 4]);

    /// Σ digits\[k\] · 2^(32 k), where those that are not given are as `fill` is: 0, or all ones. At most eight.
    pub fn from_digits(digits: &[i64], fill: u64) -> Long {
        let digit = |k: usize| digits.get(k).map_or(fill & 0xffff_ffff, |&d| d as u64 & 0xffff_ffff);
        Long(std::array::from_fn(|k| digit(2 * k) | digit(2 * k + 1) << 32))
    }

    pub fn is_zero(self) -> bool {
        self.0 == [0; 4]
    }

    pub fn is_negative(self) -> bool {
        (self.0[3] as i64) < 0
    }

    pub fn plus(self, other: Long) -> Long {
        let mut carry = false;
        Long(std::array::from_fn(|k| {
            let (a, x) = self.0[k].overflowing_add(other.0[k]);
            let (b, y) = a.overflowing_add(carry as u64);
            carry = x || y;
            b
        }))
    }

    /// Its magnitude, as an unsigned number.
    pub fn magnitude(self) -> Long {
        match self.is_negative() {
            true => Long(self.0.map(|l| !l)).plus(Long::from(1)),
            false => self,
        }
    }

    /// Times 2^`n`, n < 256. The caller knows that it fits.
    pub fn up(self, n: u32) -> Long {
        let (limbs, bits) = (n as usize / 64, n % 64);
        let limb = |k: usize| if k < limbs { 0 } else { self.0[k - limbs] };
        Long(std::array::from_fn(|k| match (bits, k) {
            (0, k) => limb(k),
            (b, 0) => limb(0) << b,
            (b, k) => limb(k) << b | limb(k - 1) >> (64 - b),
        }))
    }

    /// Over 2^`n`, n < 256, rounded down.
    pub fn down(self, n: u32) -> Long {
        let (limbs, bits) = (n as usize / 64, n % 64);
        let sign = ((self.0[3] as i64) >> 63) as u64;
        let limb = |k: usize| self.0.get(k + limbs).copied().unwrap_or(sign);
        Long(std::array::from_fn(|k| match bits {
            0 => limb(k),
            b => limb(k) >> b | limb(k + 1) << (64 - b),
        }))
    }

    /// Zeros at the low end; 256 for zero.
    pub fn trailing_zeros(self) -> u32 {
        match self.0.iter().position(|&l| l != 0) {
            Some(k) => 64 * k as u32 + self.0[k].trailing_zeros(),
            None => 256,
        }
    }

    /// The lowest n for which the magnitude is at most 2^n.
    pub fn bits(self) -> u32 {
        let sign = ((self.0[3] as i64) >> 63) as u64;
        match self.0.iter().rposition(|&l| l != sign) {
            Some(k) => 64 * (k as u32 + 1) - (self.0[k] ^ sign).leading_zeros(),
            None => 0,
        }
    }

    /// The lowest 64 bits.
    pub fn low(self) -> u64 {
        self.0[0]
    }

    /// Digits of 32 bits, lowest first.
    pub fn digits(self) -> [u32; 8] {
        std::array::from_fn(|k| (self.0[k / 2] >> (32 * (k % 2))) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;

    fn big(v: Long) -> BigInt {
        let bytes: Vec<u8> = v.0.iter().flat_map(|l| l.to_le_bytes()).collect();
        BigInt::from_signed_bytes_le(&bytes)
    }

    #[test]
    fn it_counts_as_integers_do() {
        let mut state = 7u128;
        for round in 0..2000u32 {
            state = state.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(0x5851_f42d);
            let v = (state as i128) >> (round % 120);
            let (a, n) = (Long::from(v), round % 120);
            assert_eq!(big(a), BigInt::from(v));
            assert_eq!(big(a.up(n)), BigInt::from(v) << n);
            assert_eq!(big(a.up(n).down(n)), BigInt::from(v));
            assert_eq!(big(a.down(n)), BigInt::from(v) >> n);
            assert_eq!(big(a.up(100).plus(Long::from(v))), (BigInt::from(v) << 100u32) + v);
            assert_eq!(big(a.magnitude()), BigInt::from(v.unsigned_abs()));
            if v != 0 {
                assert_eq!(a.up(n).trailing_zeros(), v.trailing_zeros() + n);
                assert!(v.unsigned_abs() <= 1 << a.bits(), "{v}");
                assert!(a.bits() == 0 || v.unsigned_abs() > 1 << (a.bits() - 1) || v < 0, "{v}");
            }
            let digits: Vec<i64> = a.up(n).digits().iter().map(|&d| d as i64).collect();
            assert_eq!(Long::from_digits(&digits[..8], 0), a.up(n));
        }
        assert_eq!(Long::ZERO.trailing_zeros(), 256);
        assert_eq!(Long::from_digits(&[0xffff_fffe], u64::MAX), Long::from(-2));
    }
}
