//! The oracle is integer arithmetic of unbounded size (num-bigint), and Python's for rounding.

mod blocks;
mod narrow;
mod spread;

use super::*;
use crate::ops::simd::Simd;
use num_bigint::BigInt;
use num_traits::Zero;

pub(crate) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    }
}

const KINDS: u64 = 9;

/// One value of a kind of data: uniform, ever wider, subnormal, random bits, zeros in between.
fn value(r: &mut Random, kind: u64) -> f64 {
    let two = |e: i64| f64::from_bits(((e + 1023) as u64) << 52);
    match kind {
        0 => r.unit(),
        1 => r.unit() * two(r.below(20) as i64),
        2 => r.unit() * two(r.below(45) as i64 - 20),
        3 => r.unit() * two(r.below(90) as i64 - 40),
        4 => r.unit() * two(r.below(240) as i64 - 120),
        5 => r.unit() * two(-125),
        6 => [0.0, -0.0, 1.0, -1.0, 0.5][r.below(5) as usize],
        7 => loop {
            let x = f64::from_bits(r.next());
            if x.is_finite() {
                return x;
            }
        },
        _ => f64::from_bits(r.next() >> 11 >> r.below(53) | r.next() << 63),
    }
}

fn values(r: &mut Random, kind: u64, n: usize) -> Vec<f64> {
    (0..n).map(|_| value(r, kind)).collect()
}

fn narrow(v: &[f64]) -> Vec<f32> {
    v.iter().map(|&x| if (x as f32).is_finite() { x as f32 } else { 1.5e38 }).collect()
}

/// x · 2^1074 as an integer.
fn integer(x: f64) -> BigInt {
    let bits = x.to_bits();
    let field = bits >> 52 & 0x7ff;
    let m = BigInt::from((bits & ((1 << 52) - 1)) | ((field != 0) as u64) << 52) << (field.max(1) - 1);
    if x < 0.0 { -m } else { m }
}

#[track_caller]
fn assert_sum(sums: &Sums, i: usize, want: &BigInt, what: &str) {
    let (got, e) = sums.to_bigint(i).unwrap();
    // `want` counts 2^-1074 or, for products, 2^-2148
    let unit = if matches!(sums.term(), Term::F32Product | Term::F64Product) { -2148 } else { -1074 };
    assert_eq!(got << (e - unit) as u64, *want, "{what}");
}

const LENGTHS: [usize; 12] = [0, 1, 7, 8, 31, 33, 64, 511, 1025, 2047, 2048, 4500];

#[test]
fn runs_are_exact_at_every_level_and_length() {
    let mut r = Random(1);
    for simd in Simd::available() {
        for kind in 0..KINDS {
            for n in LENGTHS {
                let a = values(&mut r, kind, n);
                let other = (kind + r.below(2)) % KINDS;
                let b = values(&mut r, other, n);
                let (fa, fb) = (narrow(&a), narrow(&b));
                let what = format!("{} kind {kind} n {n}", simd.name());
                let sum = |v: &mut dyn Iterator<Item = f64>| v.map(integer).sum::<BigInt>();
                let dot = |v: &mut dyn Iterator<Item = (f64, f64)>| {
                    v.map(|(x, y)| integer(x) * integer(y)).sum::<BigInt>()
                };
                let mut s = Sums::new(Term::F32, 2);
                s.add_run(simd, 1, &fa);
                assert_sum(&s, 1, &sum(&mut fa.iter().map(|&x| x as f64)), &what);
                assert!(s.to_bigint(0).unwrap().0.is_zero());
                let mut s = Sums::new(Term::F64, 1);
                s.add_run(simd, 0, &a);
                assert_sum(&s, 0, &sum(&mut a.iter().copied()), &what);
                let mut s = Sums::new(Term::F32Product, 1);
                s.add_products_run(simd, 0, &fa, &fb);
                s.add_squares_run(simd, 0, &fb);
                let pairs = fa.iter().zip(&fb).chain(fb.iter().zip(&fb));
                assert_sum(&s, 0, &dot(&mut pairs.map(|(&x, &y)| (x as f64, y as f64))), &what);
                let (mut s, mut q) = (Sums::new(Term::F32, 1), Sums::new(Term::F32Product, 1));
                s.add_moments_run(&mut q, simd, 0, &fa);
                assert_sum(&s, 0, &sum(&mut fa.iter().map(|&x| x as f64)), &what);
                assert_sum(&q, 0, &dot(&mut fa.iter().map(|&x| (x as f64, x as f64))), &what);
                let mut s = Sums::new(Term::F64Product, 2);
                s.add_products_run(simd, 0, &a, &b);
                s.add_squares_run(simd, 1, &b);
                assert_sum(&s, 0, &dot(&mut a.iter().zip(&b).map(|(&x, &y)| (x, y))), &what);
                assert_sum(&s, 1, &dot(&mut b.iter().map(|&x| (x, x))), &what);
            }
        }
    }
}

#[test]
fn rows_are_exact_and_equal_to_runs() {
    let mut r = Random(2);
    for simd in Simd::available() {
        for kind in 0..KINDS {
            let (n, width) = (700, 650);
            let mut s32 = Sums::new(Term::F32, n);
            let mut s64 = Sums::new(Term::F64, n);
            let mut p32 = Sums::new(Term::F32Product, n);
            let mut p64 = Sums::new(Term::F64Product, n);
            let mut want = [s32.clone(), s64.clone(), p32.clone(), p64.clone()];
            let mut checked = [BigInt::zero(), BigInt::zero(), BigInt::zero(), BigInt::zero()];
            for row in 0..if kind < 3 { 600 } else { 40 } {
                let kind = if r.below(30) == 0 { r.below(KINDS) } else { kind };
                let base = r.below((n - width) as u64 + 1) as usize;
                let a = values(&mut r, kind, width - row % 3);
                let f = narrow(&a);
                s32.add_row_f32(simd, base, &f);
                s64.add_row_f64(simd, base, &a);
                p32.add_products_row_f32(simd, base, &f, &f);
                p64.add_products_row_f64(simd, base, &a, &a);
                for (k, (&x, &y)) in a.iter().zip(&f).enumerate() {
                    want[0].add_at(base + k, y);
                    want[1].add_at(base + k, x);
                    want[2].add_product_at(base + k, y, y);
                    want[3].add_product_at(base + k, x, x);
                }
                let (x, y) = (a[300 - base], f[300 - base] as f64);
                checked[0] += integer(y);
                checked[1] += integer(x);
                checked[2] += integer(y) * integer(y);
                checked[3] += integer(x) * integer(x);
            }
            for ((got, want), checked) in [s32, s64, p32, p64].iter().zip(&want).zip(&checked) {
                assert_sum(got, 300, checked, &format!("{} kind {kind} {:?}", simd.name(), got.term()));
                assert!(got == want, "{} kind {kind} {:?}", simd.name(), got.term());
            }
        }
    }
}

#[test]
fn any_split_into_runs_rows_and_merges_serialises_alike() {
    let mut r = Random(3);
    for kind in 0..=KINDS {
        let mut v = values(&mut r, kind % KINDS, 3000);
        if kind == KINDS {
            v[17] = f64::INFINITY;
            v[2000] = f64::NEG_INFINITY;
        }
        let mut one = Sums::new(Term::F64, 1);
        v.iter().for_each(|&x| one.add_at(0, x));
        let want = serde_json::to_string(&one).unwrap();
        for _ in 0..8 {
            let mut parts = Vec::new();
            let mut rest = &v[..];
            while !rest.is_empty() {
                let (now, later) = rest.split_at((1 + r.below(700) as usize).min(rest.len()));
                rest = later;
                let mut part = Sums::new(Term::F64, 3);
                match r.below(3) {
                    0 => part.add_run(Simd::best(), 1, now),
                    1 => now.iter().for_each(|&x| part.add_row_f64(Simd::best(), 1, &[x])),
                    _ => now.iter().for_each(|&x| part.add_at(1, x)),
                }
                if r.below(4) == 0 {
                    part = serde_json::from_str(&serde_json::to_string(&part).unwrap()).unwrap();
                }
                parts.push(part);
            }
            while parts.len() > 1 {
                let a = parts.swap_remove(r.below(parts.len() as u64) as usize);
                let k = r.below(parts.len() as u64) as usize;
                parts[k].merge(&a);
            }
            let mut got = Sums::new(Term::F64, 1);
            got.merge_at(0, &parts[0], 1);
            assert_eq!(serde_json::to_string(&got).unwrap(), want);
        }
    }
}

#[test]
fn infinities_and_nan_are_sticky() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let cases: [(&[f64], f64); 6] = [
        (&[1.0, inf], inf),
        (&[-inf, 1.0, -inf], -inf),
        (&[inf, -inf], nan),
        (&[nan], nan),
        (&[-nan, inf], nan),
        (&[-0.0, -0.0], 0.0),
    ];
    for (v, want) in cases {
        let mut padded = vec![0.25; 100];
        padded.extend_from_slice(v);
        let f: Vec<f32> = padded.iter().map(|&x| x as f32).collect();
        let mut s = Sums::new(Term::F64, 3);
        s.add_run(Simd::best(), 0, &padded);
        v.iter().for_each(|&x| s.add_row_f64(Simd::best(), 1, &[x]));
        s.add_run(Simd::best(), 2, &f);
        for i in 0..3 {
            let want = if want == 0.0 && i != 1 { 25.0 } else { want };
            let canonical = if want.is_nan() { 0x7ff8 << 48 } else { want.to_bits() };
            assert_eq!(s.round_f64(i).to_bits(), canonical);
            assert_eq!(
                s.round_f32(i).to_bits(),
                if want.is_nan() { 0x7fc0_0000 } else { (want as f32).to_bits() }
            );
            assert_eq!(
                s.round_f16(i).to_bits(),
                if want.is_nan() { 0x7e00 } else { half::f16::from_f64(want).to_bits() }
            );
        }
    }
    let mut p = Sums::new(Term::F64Product, 4);
    p.add_product_at(0, inf, 0.0);
    p.add_product_at(1, -inf, -2.0);
    p.add_product_at(2, inf, -2.0);
    p.add_products_run(Simd::best(), 3, &[0.0; 20], &[inf; 20]);
    assert!(p.round_f64(0).is_nan() && p.round_f64(3).is_nan());
    assert_eq!((p.round_f64(1), p.round_f64(2)), (inf, -inf));
}

#[test]
fn carries_hold_for_very_many_additions() {
    // 10^8 equal values one block at a time, then doubled by merging until there are 2^63
    let v = vec![0.1f32; 1 << 20];
    let mut s = Sums::new(Term::F32, 1);
    (0..100).for_each(|_| s.add_run(Simd::best(), 0, &v));
    assert_sum(&s, 0, &(integer(0.1f32 as f64) * (100 << 20)), "0.1");
    for (term, x) in [(Term::F32, f32::MAX as f64), (Term::F64, -f64::MAX), (Term::F64, 5e-324)] {
        let mut s = Sums::new(term, 1);
        s.add_at(0, x);
        for _ in 0..63 {
            let copy = s.clone();
            s.merge(&copy);
        }
        assert_sum(&s, 0, &(integer(x) << 63u32), "doubling");
        let text = serde_json::to_string(&s).unwrap();
        assert_eq!(serde_json::from_str::<Sums>(&text).unwrap(), s);
    }
    let mut s = Sums::new(Term::F64Product, 1);
    s.add_product_at(0, f64::MAX, -f64::MAX);
    let mut int = Sums::new(Term::Int, 1);
    int.add_at(0, u64::MAX);
    let mut product = Sums::new(Term::IntProduct, 1);
    product.add_product_at(0, i64::MIN, i64::MIN);
    product.add_product_at(0, i64::MIN as i128, u64::MAX as i128);
    for _ in 0..63 {
        s.merge(&s.clone());
        int.merge(&int.clone());
        product.merge(&product.clone());
    }
    assert_sum(&s, 0, &((integer(f64::MAX) * integer(-f64::MAX)) << 63u32), "product");
    assert_eq!(int.to_i128(0), Some((u64::MAX as i128) << 63));
    let min = BigInt::from(i64::MIN);
    assert_eq!(product.to_bigint(0).unwrap().0, (&min * &min + min * u64::MAX) << 63u32);
}

#[test]
fn subnormal_products_keep_every_bit() {
    let tiny = f64::from_bits(3);
    let mut s = Sums::new(Term::F64Product, 1);
    s.add_product_at(0, tiny, -tiny);
    assert_sum(&s, 0, &BigInt::from(-9), "3 * -3 units");
    s.add_squares_run(Simd::best(), 0, &[tiny; 40]);
    assert_sum(&s, 0, &BigInt::from(351), "351 units");
}

#[test]
fn integers() {
    let mut s = Sums::new(Term::Int, 2);
    let mut want = 0i128;
    let mut r = Random(9);
    for _ in 0..1000 {
        let (a, b) = (r.next(), r.next() as i64);
        s.add_at(1, a);
        s.add_at(1, b);
        s.add_at(1, a as i128 * 3 - (b as i128) * 1000);
        want += a as i128 * 4 - b as i128 * 999;
    }
    assert_eq!((s.to_i128(0), s.to_i128(1)), (Some(0), Some(want)));
    s.add_at(0, i128::MIN);
    assert_eq!(s.to_i128(0), Some(i128::MIN));
    assert_eq!(s.round_f64(0), -(2f64.powi(127)));
}

#[test]
fn rounding_and_statistics_equal_python() {
    let text = include_str!("../../../tests/goldens/exact.json");
    let rows: Vec<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(text).unwrap();
    assert!(rows.len() > 30);
    let parse = |v: &serde_json::Value| u64::from_str_radix(v.as_str().unwrap(), 16).unwrap();
    for row in rows {
        let v: Vec<f64> =
            row["values"].as_array().unwrap().iter().map(|x| f64::from_bits(parse(x))).collect();
        let n = v.len() as u64;
        let mut sums = Sums::new(Term::F64, 1);
        sums.add_run(Simd::best(), 0, &v);
        let mut products = Sums::new(Term::F64Product, 2);
        products.add_squares_run(Simd::best(), 0, &v);
        let w: Vec<f64> = (0..v.len()).map(|i| ((i * 7) % 5 + 1) as f64).collect();
        products.add_products_run(Simd::best(), 1, &v, &w);
        let mut weights = Sums::new(Term::F64, 1);
        weights.add_run(Simd::best(), 0, &w);
        let (s, q) = (sums.get(0), products.get(0));
        let mut seen = 0;
        for (name, f) in [("float16", Format::F16), ("float32", Format::F32), ("float64", Format::F64)] {
            let mut check = |key: String, got: u64| {
                if let Some(want) = row.get(&key) {
                    assert_eq!(got, parse(want), "{key} of {v:?}");
                    seen += 1;
                }
            };
            check(format!("sum_{name}"), sums.round(0, f));
            check(format!("mean_{name}"), mean(&s, n, f));
            check(format!("average_{name}"), ratio(&products.get(1), &weights.get(0), f));
            for ddof in [0.0, 1.0, 0.5] {
                check(format!("var{ddof:?}_{name}"), variance(&s, &q, n, ddof, f));
                check(format!("std{ddof:?}_{name}"), std(&s, &q, n, ddof, f));
            }
        }
        assert_eq!(seen, row.len() - 1);
    }
}

#[test]
fn rounding_is_nearest_even_near_every_boundary() {
    // odd multiples of half a unit, and a little beside them, across the whole exponent range
    let mut r = Random(11);
    for _ in 0..3000 {
        let bits = (r.next() & !(1 << 31)) as u32 % 0x7f80_0000;
        let x = f32::from_bits(bits);
        let up = if bits == 0x7f7f_ffff { 2f64.powi(128) } else { f32::from_bits(bits + 1) as f64 };
        let half = (up - x as f64) / 2.0;
        for (extra, want) in [(0.0, bits + (bits & 1)), (-1.0, bits), (1.0, bits + 1)] {
            let mut s = Sums::new(Term::F64, 1);
            s.add_at(0, x);
            s.add_at(0, half);
            s.add_at(0, extra * 5e-324);
            assert_eq!(s.round_f32(0).to_bits(), want, "{x:e} {extra}");
        }
    }
}

#[test]
fn degenerate_statistics() {
    let zero = Sums::new(Term::F32, 1).get(0);
    let nan = 0x7fc0_0000;
    assert_eq!(mean(&zero, 0, Format::F32), nan);
    assert_eq!(variance(&zero, &zero, 0, 0.0, Format::F32), nan);
    let (mut s, mut q) = (Sums::new(Term::F32, 1), Sums::new(Term::F32Product, 1));
    s.add_run(Simd::best(), 0, &[1f32, 2.0]);
    q.add_squares_run(Simd::best(), 0, &[1f32, 2.0]);
    assert_eq!(variance(&s.get(0), &q.get(0), 2, 2.0, Format::F32), 0x7f80_0000);
    assert_eq!(std(&s.get(0), &q.get(0), 2, 3.0, Format::F32), 0x7f80_0000);
    let one = s.get(0);
    assert_eq!(ratio(&one, &zero, Format::F32), 0x7f80_0000);
    assert_eq!(ratio(&zero, &zero, Format::F32), nan);
    assert_eq!(ratio(&zero, &one, Format::F32), 0);
}

#[test]
fn damaged_text_is_refused() {
    for text in [
        r#"{"term":"F32","heads":[[0,0,9]],"digits":[1]}"#,
        r#"{"term":"F32","heads":[[0,11,1]],"digits":[1]}"#,
        r#"{"term":"F32","heads":[[6,0,0]],"digits":[]}"#,
        r#"{"term":"F32","heads":[],"digits":[1]}"#,
        r#"{"term":"F33","heads":[],"digits":[]}"#,
    ] {
        assert!(serde_json::from_str::<Sums>(text).is_err(), "{text}");
    }
}

#[test]
fn bytes_per_sum_covers_what_is_held() {
    for term in Term::ALL {
        let n = 5000;
        let mut s = Sums::new(term, n);
        match term {
            Term::F32 => s.add_row_f32(Simd::best(), 0, &vec![1.0; n]),
            Term::F64 => s.add_row_f64(Simd::best(), 0, &vec![1.0; n]),
            Term::F32Product => s.add_products_row_f32(Simd::best(), 0, &vec![1.0; n], &vec![1.0; n]),
            Term::F64Product => s.add_products_row_f64(Simd::best(), 0, &vec![1.0; n], &vec![1.0; n]),
            Term::Int | Term::IntProduct => {}
        }
        let rows = s.rows.as_ref().map_or(0, |r| r.bytes());
        let held = s.limbs.capacity() * 8 + s.flags.capacity() + rows;
        assert!(held as u64 <= term.bytes_per_sum() * n as u64, "{term:?} {held}");
    }
}

/// `cargo test --release exact::tests::speed -- --ignored --nocapture`
#[test]
#[ignore]
fn speed() {
    use std::time::Instant;
    let mut r = Random(5);
    let n = 1 << 14;
    let uniform: Vec<f32> = (0..n).map(|_| (r.unit() + 0.5) as f32).collect();
    let normal: Vec<f32> = (0..n).map(|_| (0..12).map(|_| r.unit()).sum::<f64>() as f32).collect();
    let wide: Vec<f32> = (0..n).map(|_| (r.unit() * 60.0).exp2() as f32).collect();
    let time = |what: &str, f: &mut dyn FnMut()| {
        let mut best = f64::MAX;
        for _ in 0..20 {
            let t = Instant::now();
            (0..20).for_each(|_| f());
            best = best.min(t.elapsed().as_secs_f64());
        }
        println!("{what:40} {:8.0} M/s", 20.0 * n as f64 / best / 1e6);
    };
    for simd in Simd::available() {
        println!("{}", simd.name());
        for (name, v) in [("uniform", &uniform), ("normal", &normal), ("2^60", &wide)] {
            let d: Vec<f64> = v.iter().map(|&x| x as f64 * 1.0000001).collect();
            time(&format!("{name} f32 plain"), &mut || {
                std::hint::black_box(plain_f32(simd, v));
            });
            time(&format!("{name} f64 plain"), &mut || {
                std::hint::black_box(plain_f64(simd, &d));
            });
            let mut s = Sums::new(Term::F32, n);
            time(&format!("{name} f32 add_run"), &mut || s.add_run(simd, 0, v));
            time(&format!("{name} f32 add_row"), &mut || s.add_row_f32(simd, 0, v));
            let mut s = Sums::new(Term::F64, n);
            time(&format!("{name} f64 add_run"), &mut || s.add_run(simd, 0, &d));
            time(&format!("{name} f64 add_row"), &mut || s.add_row_f64(simd, 0, &d));
            let mut s = Sums::new(Term::F32Product, n);
            time(&format!("{name} f32 squares run"), &mut || s.add_squares_run(simd, 0, v));
            time(&format!("{name} f32 products row"), &mut || s.add_products_row_f32(simd, 0, v, v));
            let mut m = Sums::new(Term::F32, n);
            time(&format!("{name} f32 moments run"), &mut || m.add_moments_run(&mut s, simd, 0, v));
            let mut s = Sums::new(Term::F64Product, n);
            time(&format!("{name} f64 squares run"), &mut || s.add_squares_run(simd, 0, &d));
            time(&format!("{name} f64 products run"), &mut || s.add_products_run(simd, 0, &d, &d));
            time(&format!("{name} f64 products row"), &mut || s.add_products_row_f64(simd, 0, &d, &d));
        }
    }
}

#[inline(always)]
fn plain_f32_body(v: &[f32]) -> f32 {
    let mut acc = [0f32; 64];
    v.chunks_exact(64).for_each(|c| acc.iter_mut().zip(c).for_each(|(a, x)| *a += x));
    acc.iter().sum()
}
crate::per_simd!(fn plain_f32(v: &[f32]) -> f32 = plain_f32_body);

#[inline(always)]
fn plain_f64_body(v: &[f64]) -> f64 {
    let mut acc = [0f64; 32];
    v.chunks_exact(32).for_each(|c| acc.iter_mut().zip(c).for_each(|(a, x)| *a += x));
    acc.iter().sum()
}
crate::per_simd!(fn plain_f64(v: &[f64]) -> f64 = plain_f64_body);
