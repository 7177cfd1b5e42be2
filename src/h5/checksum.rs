//! HDF5's checksum of chunks.

/// HDF5's Fletcher checksum: 16-bit big-endian words, an odd last byte as the high half of one.
pub(crate) fn fletcher32(data: &[u8]) -> u32 {
    let fold = |s: u32| (s & 0xffff) + (s >> 16);
    let (mut a, mut b) = (0u32, 0u32);
    let words = data.chunks_exact(2);
    let tail = words.remainder();
    let mut block = 0;
    for w in words {
        a += u32::from(u16::from_be_bytes([w[0], w[1]]));
        b += a;
        block += 1;
        // 360 words are the most that cannot overflow.
        if block == 360 {
            (a, b, block) = (fold(a), fold(b), 0);
        }
    }
    (a, b) = (fold(a), fold(b));
    if let [last] = tail {
        a += u32::from(*last) << 8;
        b += a;
        (a, b) = (fold(a), fold(b));
    }
    (a, b) = (fold(a), fold(b));
    b << 16 | a
}
