//! netCDF classic files: `cargo +nightly fuzz run netcdf fuzz/corpus/netcdf tests/goldens/netcdf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    chunkwise::fuzzing::netcdf(data);
});
