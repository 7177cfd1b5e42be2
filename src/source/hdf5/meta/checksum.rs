//! The checksum of HDF5's newer structures: Bob Jenkins' lookup3 (2006, public domain) over bytes,
//! started with 0.

/// The checksum of some bytes.
pub(crate) fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let mut s = [start; 3];
    let mut rest = bytes;
    while rest.len() > 12 {
        let (block, tail) = rest.split_at(12);
        add(&mut s, block);
        mix(&mut s);
        rest = tail;
    }
    if !rest.is_empty() {
        let mut last = [0; 12];
        last[..rest.len()].copy_from_slice(rest);
        add(&mut s, &last);
        finish(&mut s);
    }
    s[2]
}

fn add(s: &mut [u32; 3], block: &[u8]) {
    for (s, word) in s.iter_mut().zip(block.chunks_exact(4)) {
        *s = s.wrapping_add(u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    }
}

fn mix(s: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *s;
    // Two rounds over the three words, each with its own rotations.
    for [p, q, r] in [[4, 6, 8], [16, 19, 4]] {
        a = a.wrapping_sub(c) ^ c.rotate_left(p);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(q);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(r);
        b = b.wrapping_add(a);
    }
    *s = [a, b, c];
}

fn finish(s: &mut [u32; 3]) {
    let [mut a, mut b, mut c] = *s;
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    c = (c ^ b).wrapping_sub(b.rotate_left(24));
    *s = [a, b, c];
}

#[cfg(test)]
mod tests {
    use super::lookup3;

    /// The values that lookup3.c prints for its own driver, started with 0.
    #[test]
    fn known_values() {
        assert_eq!(lookup3(b""), 0xdead_beef);
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
    }
}
