//! Elements to compute with: all of them where there are few, special values and random bits else.

use super::oracle::{infinity, mask, nan};
use crate::{DType, Kind};

/// splitmix64
pub fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The values at which something changes.
pub fn special(d: DType) -> Vec<u64> {
    let all = mask(d);
    let mut out: Vec<u64> = match d.kind() {
        Kind::Bool => vec![0, 1],
        Kind::Int | Kind::UInt => {
            let middle = all ^ all >> 1;
            let near = (0..=4).flat_map(|n: u64| [n, n.wrapping_neg(), middle.wrapping_add(n), middle - n]);
            near.chain([7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, all / 3]).map(|v| v & all).collect()
        }
        Kind::Float => {
            let (digits, one) = match d {
                DType::F16 => (10, 0x3c00),
                DType::F32 => (23, 0x3f80_0000),
                _ => (52, 0x3ff0_0000_0000_0000u64),
            };
            let least = 1u64 << digits;
            let half = one - least;
            let mut sizes = vec![0, 1, 2, 3, least / 2, infinity(d), nan(d), infinity(d) | 1, all >> 1];
            sizes.extend([infinity(d) | (least / 4), infinity(d) - 1]);
            // Around powers of 2, among them the ends of the integer dtypes, of float16 and of float32,
            // the tie at one half, and where floats become whole numbers.
            let bias = (one >> digits) as i64;
            for e in [
                -150, -149, -126, -25, -24, -14, -2, -1, 0, 1, 7, 8, 10, 11, 15, 16, 22, 23, 24, 31, 32, 51,
                52, 53, 63, 64, 127, 128,
            ] {
                let field = bias + e;
                if field >= 1 && ((field as u64) << digits) < infinity(d) {
                    let power = (field as u64) << digits;
                    sizes.extend([power - 1, power, power + 1, power | (least / 2), power | (least / 2 - 1)]);
                }
            }
            sizes.extend([least - 1, least, least + 1, half | (least / 2), one | (least * 3 / 4)]);
            // 65,519, 65,520 and 2.5, 3.5, as far as the dtype has them.
            sizes.extend(match d {
                DType::F16 => vec![0x4100, 0x4300],
                DType::F32 => {
                    vec![0x477f_efff, 0x477f_f000, 0x477f_f001, 0x4020_0000, 0x4060_0000, 0x3280_0001]
                }
                _ => vec![
                    0x40ef_fdff_ffff_ffff,
                    0x40ef_fe00_0000_0000,
                    0x47ef_ffff_efff_ffff,
                    0x47ef_ffff_f000_0000,
                    0x3ff0_0000_1000_0000,
                    0x3ff0_0000_1000_0001,
                    0x3ff0_0000_3000_0000,
                    0x3690_0000_0000_0000,
                    0x3690_0000_0000_0001,
                    0x3f70_0200_0000_0000,
                    0x3f70_0200_0000_0001,
                    0x3e60_0000_0000_0001,
                ],
            });
            sizes.iter().flat_map(|&v| [v, v | (all ^ all >> 1)]).collect()
        }
    };
    out.sort_unstable();
    out.dedup();
    out
}

/// One element: random bits, a special one, or one beside a special one; integers often small.
fn mixed(d: DType, special: &[u64], state: &mut u64) -> u64 {
    let (choice, bits) = (random(state) % 8, random(state));
    let pick = special[random(state) as usize % special.len()];
    let v = match choice {
        _ if d == DType::Bool => return bits & 1,
        0..=2 => bits,
        3..=4 => pick,
        5 => pick.wrapping_add(bits % 17).wrapping_sub(8),
        6 => bits >> (bits % 64),
        // A float of moderate size: exponents of ±8, often with few digits.
        _ => match d {
            DType::F16 => bits & 0x8fff | 0x3000,
            DType::F32 => bits & 0x83ff_fff0 | 0x3c00_0000,
            DType::F64 => bits & 0x807f_ffff_ff00_0000 | 0x3f80_0000_0000_0000,
            _ => bits % 71,
        },
    };
    v & mask(d)
}

/// Columns of arguments: all elements of one narrow argument, all pairs of two bytes, else pairs of
/// special values and then mixed ones.
pub fn columns(args: &[DType], seed: &mut u64) -> Vec<Vec<u64>> {
    let special: Vec<Vec<u64>> = args.iter().map(|&d| special(d)).collect();
    let count = |d: DType| if d == DType::Bool { 2 } else { mask(d) + 1 };
    let mut out: Vec<Vec<u64>> = match *args {
        [a] if a.size() <= 2 => vec![(0..count(a)).collect()],
        [a, b] if a.size() == 1 && b.size() == 1 => {
            let pairs = (0..count(a)).flat_map(|x| (0..count(b)).map(move |y| (x, y)));
            let (x, y) = pairs.unzip();
            vec![x, y]
        }
        [_] => vec![special[0].clone()],
        _ => {
            let (first, last) = (&special[0], &special[args.len() - 1]);
            let sparse = (first.len() * last.len() / 8192) as u64 + 1;
            let pairs: Vec<(u64, u64)> = first
                .iter()
                .flat_map(|&x| last.iter().map(move |&y| (x, y)))
                .filter(|(x, y)| x == y || random(seed).is_multiple_of(sparse))
                .collect();
            let mut out = vec![pairs.iter().map(|p| p.0).collect()];
            if args.len() == 3 {
                out.push(pairs.iter().map(|_| mixed(args[1], &special[1], seed)).collect());
            }
            out.push(pairs.iter().map(|p| p.1).collect());
            out
        }
    };
    for _ in 0..4099 {
        for ((column, &d), special) in out.iter_mut().zip(args).zip(&special) {
            column.push(mixed(d, special, seed));
        }
    }
    out
}
