//! The operands that the probe's shaders are given: the same ones on every device.

/// Pairs per shader, a multiple of the workgroups' 64.
pub const CASES: usize = 4096;
/// Values given to the shaders with atomics and subgroups.
pub const VALUES: usize = 256;
/// Invocations per workgroup.
pub const GROUP: usize = 64;

/// A plain generator (Knuth's MMIX constants, the high bits mixed down).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let x = self.0 ^ (self.0 >> 29);
        x.wrapping_mul(0x9e3779b97f4a7c15) ^ (x >> 32)
    }
}

/// What every pair of is tried: zeros, the ends of the subnormal and the normal range, powers of two
/// where integers end, infinities and NaN.
fn special32() -> Vec<u32> {
    let positive = [
        0u32,
        1,
        2,
        0x003f_ffff,
        0x007f_ffff,
        0x0080_0000,
        0x0080_0001,
        0x0100_0000,
        0x3f7f_ffff,
        0x3f80_0000,
        0x3f80_0001,
        0x3fc0_0000,
        0x4040_0000,
        0x4b00_0001,
        0x4b80_0000,
        0x7e80_0000,
        0x7f7f_ffff,
        0x7f80_0000,
        0x7fc0_0000,
    ];
    positive.iter().flat_map(|&p| [p, p | 0x8000_0000]).collect()
}

fn special64() -> Vec<u64> {
    let positive = [
        0u64,
        1,
        2,
        0x0007_ffff_ffff_ffff,
        0x000f_ffff_ffff_ffff,
        0x0010_0000_0000_0000,
        0x0010_0000_0000_0001,
        0x0020_0000_0000_0000,
        // Around float32's least subnormal, least normal and greatest value.
        0x3690_0000_0000_0001,
        0x380f_ffff_ffff_ffff,
        0x47ef_ffff_f000_0000,
        0x3fef_ffff_ffff_ffff,
        0x3ff0_0000_0000_0000,
        0x3ff0_0000_0000_0001,
        0x4008_0000_0000_0000,
        0x4340_0000_0000_0001,
        0x7fd0_0000_0000_0000,
        0x7fef_ffff_ffff_ffff,
        0x7ff0_0000_0000_0000,
        0x7ff8_0000_0000_0000,
    ];
    positive.iter().flat_map(|&p| [p, p | 1 << 63]).collect()
}

/// Pairs of float32 bits: all pairs of special values, then random ones of four kinds in turn.
pub fn float32_pairs() -> Vec<[u32; 2]> {
    let special = special32();
    let mut pairs: Vec<[u32; 2]> =
        special.iter().flat_map(|&a| special.iter().map(move |&b| [a, b])).collect();
    let mut random = Random(1);
    let near = |bits: u32, r: u32| (bits & 0x807f_ffff) | ((115 + r % 25) << 23);
    while pairs.len() < CASES {
        let (r, s) = (random.next(), random.next());
        let (a, b) = (r as u32, s as u32);
        pairs.push(match pairs.len() % 4 {
            // Any bits.
            0 => [a, b],
            // Exponents near to each other and to 1.
            1 => [near(a, (r >> 32) as u32), near(b, (s >> 32) as u32)],
            // A subnormal and a number that brings it back, or another subnormal.
            2 => [a & 0x807f_ffff, if r >> 63 == 0 { near(b, 24) } else { b & 0x80ff_ffff }],
            // Products and quotients that become subnormal.
            _ => [
                (a & 0x807f_ffff) | 30 << 23,
                (b & 0x807f_ffff) | (if r >> 63 == 0 { 90 } else { 165 }) << 23,
            ],
        });
    }
    pairs
}

/// Pairs of float64 bits, as [`float32_pairs`].
pub fn float64_pairs() -> Vec<[u64; 2]> {
    const FRACTION: u64 = 0x800f_ffff_ffff_ffff;
    let special = special64();
    let mut pairs: Vec<[u64; 2]> =
        special.iter().flat_map(|&a| special.iter().map(move |&b| [a, b])).collect();
    let mut random = Random(2);
    while pairs.len() < CASES {
        let (a, b, r) = (random.next(), random.next(), random.next());
        let near = |bits: u64, r: u64| (bits & FRACTION) | ((1000 + r % 50) << 52);
        pairs.push(match pairs.len() % 4 {
            0 => [a, b],
            1 => [near(a, r), near(b, r >> 32)],
            2 => [a & FRACTION, if r >> 63 == 0 { near(b, 24) } else { b & 0x801f_ffff_ffff_ffff }],
            _ => [(a & FRACTION) | 300 << 52, (b & FRACTION) | (if r >> 63 == 0 { 700 } else { 1330 }) << 52],
        });
    }
    pairs
}

/// Pairs of 64-bit integers, small, large and negative.
pub fn int64_pairs() -> Vec<[u64; 2]> {
    let special = [0u64, 1, 2, 63, 0xffff_ffff, 1 << 32, i64::MAX as u64, 1 << 63, u64::MAX];
    let mut pairs: Vec<[u64; 2]> =
        special.iter().flat_map(|&a| special.iter().map(move |&b| [a, b])).collect();
    let mut random = Random(3);
    while pairs.len() < CASES {
        let (a, b) = (random.next(), random.next());
        // Shifted so that operands of every length meet, of both signs.
        pairs.push([(a as i64 >> (b >> 40 & 63)) as u64, (b as i64 >> (a >> 40 & 63)) as u64]);
    }
    pairs
}

/// Values for atomics and subgroups.
pub fn values() -> Vec<u64> {
    let mut random = Random(4);
    (0..VALUES).map(|_| random.next()).collect()
}
