// Loads of 64-bit elements, for devices with 64-bit integers. Continues core.wgsl.

fn join64(low: u32, high: u32) -> u64 { return u64(low) | (u64(high) << 32u); }
fn low64(v: u64) -> u32 { return u32(v & 0xfffffffflu); }
fn high64(v: u64) -> u32 { return u32(v >> 32u); }

fn load_uint64(at: u32) -> u64 { return join64(data[2u * at], data[2u * at + 1u]); }
fn load_int64(at: u32) -> u64 { return load_uint64(at); }
fn load_float64(at: u32) -> u64 { return load_uint64(at); }
