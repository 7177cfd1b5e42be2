//! HDF5 metadata: `cargo +nightly fuzz run metadata fuzz/corpus/metadata tests/goldens/meta`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    chunkwise::fuzzing::metadata(data);
});
