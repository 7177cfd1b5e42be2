//! Pipelines of filters; `chunkwise::fuzzing::chunk` says what the input is.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    chunkwise::fuzzing::chunk(data);
});
