//! Chunk indexes of HDF5 files: `cargo +nightly fuzz run index fuzz/corpus/index`.
//!
//! The input: a byte with the number of axes (two bits), the element size (1, 2, 4 or 8 as two bits) and whether there
//! are filters (the next bit); for each axis 2 bytes of its length and 2 of that of a chunk; 2 bytes of where the object header is;
//! then the file. All numbers are little-endian.
#![no_main]

fn number(data: &mut &[u8]) -> Option<u64> {
    let (head, rest) = data.split_first_chunk()?;
    *data = rest;
    Some(u16::from_le_bytes(*head).into())
}

fn index(data: &[u8]) -> Option<(u64, u64)> {
    let (&about, mut data) = data.split_first()?;
    let (mut shape, mut chunk) = (Vec::new(), Vec::new());
    for _ in 0..about & 3 {
        shape.push(number(&mut data)?);
        chunk.push(number(&mut data)?.max(1));
    }
    let header = number(&mut data)?;
    chunkwise::fuzzing::index(data, header, &shape, &chunk, 1 << (about >> 2 & 3), about >> 4 & 1 == 1)
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    index(data);
});
