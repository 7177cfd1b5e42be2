//! Plans as JSON: what is read of one is written as it was read.
#![no_main]

use chunkwise::fuzzing::plan;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Some(written) = plan(data) {
        assert_eq!(plan(written.as_bytes()).as_ref(), Some(&written));
    }
});
