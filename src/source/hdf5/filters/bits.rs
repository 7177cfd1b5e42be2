//! Numbers of a fixed count of bits, packed without gaps, highest bit first, as scale-offset and
//! n-bit store them.
//!
//! Eight numbers of `w` bits fill `w` bytes, so the numbers of a group lie the same way in every
//! group: where each starts is computed once. A number of up to 57 bits is found in the eight
//! bytes from the one where it starts; a wider one needs the ninth.

/// Whether `input` holds `count` numbers of `width` bits.
pub(super) fn holds(input: &[u8], count: u64, width: u32) -> bool {
    u128::from(count) * u128::from(width) <= 8 * input.len() as u128
}

/// Fills `out` with numbers of `width` bits (1 to 64), each as the `N` bytes that `element` makes
/// of it. The caller has checked with [`holds`] that they are all there; what is not reads as zero.
#[inline(always)]
pub(super) fn unpack<const N: usize>(
    input: &[u8],
    width: u32,
    out: &mut [u8],
    element: impl Fn(u64) -> [u8; N],
) {
    let width = width.clamp(1, 64);
    let unused = 64 - width;
    let start: [usize; 8] = std::array::from_fn(|k| k * width as usize / 8);
    let shift: [u32; 8] = std::array::from_fn(|k| k as u32 * width % 8);
    let elements = out.as_chunks_mut::<N>().0;
    // All of a group is read from inside of the input: nine bytes from where its last number starts.
    let reach = start[7] + 9;
    let groups = match input.len().checked_sub(reach) {
        Some(room) => (room / width as usize + 1).min(elements.len() / 8),
        None => 0,
    };
    let (whole, rest) = elements.split_at_mut(8 * groups);
    let whole = whole.as_chunks_mut::<8>().0;
    for (g, eight) in whole.iter_mut().enumerate() {
        let window = &input[g * width as usize..][..reach];
        if width <= 8 {
            let all = first_eight(window);
            for (k, e) in eight.iter_mut().enumerate() {
                *e = element(all << (k as u32 * width) >> unused);
            }
        } else if width <= 57 {
            for (k, e) in eight.iter_mut().enumerate() {
                *e = element(first_eight(&window[start[k]..]) << shift[k] >> unused);
            }
        } else {
            for (k, e) in eight.iter_mut().enumerate() {
                let bytes = &window[start[k]..];
                let ninth = u64::from(bytes.get(8).copied().unwrap_or(0)) << shift[k] >> 8;
                *e = element((first_eight(bytes) << shift[k] | ninth) >> unused);
            }
        }
    }
    for (i, e) in rest.iter_mut().enumerate() {
        *e = element(one(input, (8 * groups + i) as u128 * u128::from(width), width));
    }
}

/// The first eight bytes as a number, the first byte highest.
#[inline(always)]
fn first_eight(bytes: &[u8]) -> u64 {
    bytes.first_chunk::<8>().map_or(0, |b| u64::from_be_bytes(*b))
}

/// The number of `width` bits (1 to 64) that starts at bit `at`; bits beyond the end are zero.
pub(super) fn one(input: &[u8], at: u128, width: u32) -> u64 {
    let from = usize::try_from(at / 8).unwrap_or(usize::MAX).min(input.len());
    let mut bytes = [0u8; 16];
    let there = &input[from..input.len().min(from.saturating_add(9))];
    bytes[..there.len()].copy_from_slice(there);
    (u128::from_be_bytes(bytes) << (at % 8) as u32 >> (128 - width.clamp(1, 64))) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_at_every_length_comes_back() {
        for width in 1..=64u32 {
            for count in [0usize, 1, 7, 8, 9, 63, 64, 65, 200] {
                let mask = u64::MAX >> (64 - width);
                let numbers: Vec<u64> = (0..count as u64)
                    .map(|i| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7) & mask)
                    .collect();
                // Bit by bit, as the format is told.
                let mut packed = vec![0u8; (count * width as usize).div_ceil(8)];
                for (i, n) in numbers.iter().enumerate() {
                    for b in 0..width as usize {
                        let bit = (n >> (width as usize - 1 - b) & 1) as u8;
                        let at = i * width as usize + b;
                        packed[at / 8] |= bit << (7 - at % 8);
                    }
                }
                assert!(holds(&packed, count as u64, width));
                assert!(count == 0 || !holds(&packed[1..], count as u64, width));
                for more in [0, 1, 40] {
                    let mut input = packed.clone();
                    input.resize(packed.len() + more, 0xff);
                    let mut out = vec![0u8; 8 * count];
                    unpack(&input, width, &mut out, u64::to_le_bytes);
                    let got: Vec<u64> =
                        out.as_chunks::<8>().0.iter().map(|b| u64::from_le_bytes(*b)).collect();
                    assert_eq!(got, numbers, "{count} of {width} bits");
                }
            }
        }
    }
}
