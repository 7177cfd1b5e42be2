//! Where the structures of an HDF5 file are, and the checksum that most of them end with.
#![allow(dead_code)]

/// Bob Jenkins' lookup3 over bytes, with which HDF5 checks its newer structures.
pub fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (start, start, start);
    let word = |b: &[u8]| b.iter().rev().fold(0u32, |w, &x| w << 8 | u32::from(x));
    let mut rest = bytes;
    while rest.len() > 12 {
        a = a.wrapping_add(word(&rest[..4]));
        b = b.wrapping_add(word(&rest[4..8]));
        c = c.wrapping_add(word(&rest[8..12]));
        a = a.wrapping_sub(c) ^ c.rotate_left(4);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(6);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(8);
        b = b.wrapping_add(a);
        a = a.wrapping_sub(c) ^ c.rotate_left(16);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(19);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(4);
        b = b.wrapping_add(a);
        rest = &rest[12..];
    }
    if rest.is_empty() {
        return c;
    }
    let part = |k: usize| word(rest.get(4 * k..).map_or(&[], |r| &r[..r.len().min(4)]));
    a = a.wrapping_add(part(0));
    b = b.wrapping_add(part(1));
    c = c.wrapping_add(part(2));
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

/// What HDF5's structures begin with.
pub const SIGNATURES: [&[u8; 4]; 18] = [
    b"OHDR", b"OCHK", b"TREE", b"BTHD", b"BTIN", b"BTLF", b"FAHD", b"FADB", b"EAHD", b"EAIB", b"EASB",
    b"EADB", b"SNOD", b"HEAP", b"GCOL", b"FRHP", b"FHIB", b"SMTB",
];

/// Those that have no checksum.
const UNCHECKED: [&[u8; 4]; 4] = [b"TREE", b"SNOD", b"HEAP", b"GCOL"];

/// A structure: its first byte, and the bytes before its checksum, if it has one.
#[derive(Clone, Copy)]
pub struct Structure {
    pub at: usize,
    pub checked: Option<usize>,
}

/// Structures of a file; of each kind not more than thirty.
pub fn structures(bytes: &[u8]) -> Vec<Structure> {
    let mut out = Vec::new();
    for signature in SIGNATURES {
        let places = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(signature)).take(30);
        out.extend(places.map(|at| {
            let ends = |n: &usize| {
                bytes
                    .get(at + n..at + n + 4)
                    .is_some_and(|sum| lookup3(&bytes[at..at + n]).to_le_bytes() == sum)
            };
            // No structure here is longer than a node.
            let checked = !UNCHECKED.contains(&signature);
            Structure { at, checked: checked.then(|| (8..2045).find(ends)).flatten() }
        }));
    }
    out
}
