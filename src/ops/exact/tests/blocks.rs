//! The block kernels at their limits: spans, guesses, huge and tiny values, every length.

use super::super::guess::{Guess, Levels};
use super::super::lanes::{BLOCK, above};
use super::super::pairs::two_product;
use super::*;
use proptest::prelude::*;

fn two(e: i32) -> f64 {
    let subnormal = if e < -1022 { 1 << (e + 1074) } else { 0 };
    f64::from_bits(((e + 1023).max(0) as u64) << 52 | subnormal)
}

/// The largest float64 below 2^`e`.
fn below(e: i32) -> f64 {
    f64::from_bits(two(e).to_bits() - 1)
}

fn total(v: &[f64]) -> BigInt {
    v.iter().map(|&x| integer(x)).sum()
}

fn dot(a: &[f64], b: &[f64]) -> BigInt {
    a.iter().zip(b).map(|(&x, &y)| integer(x) * integer(y)).sum()
}

/// Every run over these values gives the exact sum.
#[track_caller]
fn assert_runs(simd: Simd, v: &[f64], w: &[f64], what: &str) {
    let (mut s, mut q) = (Sums::new(Term::F64, 1), Sums::new(Term::F64Product, 3));
    s.add_run(simd, 0, v);
    assert_sum(&s, 0, &total(v), what);
    q.add_squares_run(simd, 1, v);
    assert_sum(&q, 1, &dot(v, v), what);
    q.add_products_run(simd, 2, v, w);
    assert_sum(&q, 2, &dot(v, w), what);
    let mut s = Sums::new(Term::F64, 1);
    s.add_moments_run(&mut q, simd, 0, v);
    assert_sum(&s, 0, &total(v), what);
    assert_sum(&q, 0, &dot(v, v), what);
    let (v, w) = (narrow(v), narrow(w));
    let (wide, other): (Vec<f64>, Vec<f64>) = v.iter().zip(&w).map(|(&x, &y)| (x as f64, y as f64)).unzip();
    let (mut s, mut q) = (Sums::new(Term::F32, 1), Sums::new(Term::F32Product, 3));
    s.add_moments_run(&mut q, simd, 0, &v);
    assert_sum(&s, 0, &total(&wide), what);
    assert_sum(&q, 0, &dot(&wide, &wide), what);
    q.add_squares_run(simd, 1, &v);
    assert_sum(&q, 1, &dot(&wide, &wide), what);
    q.add_products_run(simd, 2, &v, &w);
    assert_sum(&q, 2, &dot(&wide, &other), what);
    let mut s = Sums::new(Term::F32, 1);
    s.add_run(simd, 0, &v);
    assert_sum(&s, 0, &total(&wide), what);
}

#[test]
fn levels_hold_what_they_can_and_no_more() {
    for simd in Simd::available() {
        for top in [1000, 999, 3, 0, -400, -880] {
            for n in [1, 2, 17, BLOCK] {
                // a bit so many places below the top: two levels hold 87, three 131
                for (depth, levels) in
                    [(1, 2), (86, 2), (87, 2), (88, 3), (130, 3), (131, 3), (132, 0), (190, 0)]
                {
                    let what = format!("{} top {top} n {n} depth {depth}", simd.name());
                    let mut v = vec![below(top); n];
                    v[n - 1] = two(top - depth);
                    v.rotate_left(n / 3);
                    let mut s = Sums::new(Term::F64, 1);
                    let mut guess = Guess::exactly(top);
                    let held = s.add_block(simd, 0, &v[..], &mut guess);
                    assert_sum(&s, 0, &total(&v), &what);
                    if n == 1 {
                        continue;
                    }
                    // a block that the levels don't hold has been looked at
                    let held = held.unwrap();
                    assert_eq!(above(held.max), top, "{what}");
                    let is_many = guess.levels == Levels::Many;
                    assert_eq!((is_many, guess.doubt > 0), (levels == 0, levels == 0), "{what}");
                    let units = [(top - depth - 52).max(-1074), -1, top - 87, top - 131];
                    assert_eq!(held.unit, units[levels], "{what}");
                    // all with one sign and as large as can be: no lane leaves its binade
                    v.fill(-below(top));
                    let mut s = Sums::new(Term::F64, 1);
                    assert!(s.add_block(simd, 0, &v[..], &mut Guess::exactly(top)).is_some());
                    assert_sum(&s, 0, &total(&v), &what);
                }
            }
        }
    }
}

#[test]
fn the_lowest_unit_is_held_and_the_largest_values_have_no_anchor() {
    for simd in Simd::available() {
        // nothing lies below 2^-1074, so that blocks near it are always held
        for top in [-944, -987, -1000, -1021] {
            let mut v = vec![below(top); 100];
            v[40] = -two(-1074);
            v[41] = 3.0 * two(-1074);
            let mut s = Sums::new(Term::F64, 1);
            assert!(
                s.add_block(simd, 0, &v[..], &mut Guess { levels: Levels::Three, ..Guess::exactly(top) })
                    .is_some(),
                "{top}"
            );
            assert_sum(&s, 0, &total(&v), "tiny");
        }
        for x in [below(1000), two(1000), f64::MAX] {
            let mut v = vec![x; BLOCK];
            v[7] = -1.0;
            for guess in [1000, 1001, 1025, 0, -3000] {
                let mut s = Sums::new(Term::F64, 1);
                let mut guess = Guess::exactly(guess);
                assert!(s.add_block(simd, 0, &v[..], &mut guess).is_some());
                assert!(guess.top <= 1000 && guess.levels == Levels::Many, "{x:e} {guess:?}");
                assert_sum(&s, 0, &total(&v), "huge");
            }
        }
    }
}

#[test]
fn every_length_and_every_span() {
    let mut r = Random(21);
    for simd in Simd::available() {
        for n in (0..=70).chain([127, 128, 129, 1023, 1024, 1025, 2047, 2048, 2049, 2064, 4097]) {
            let v = values(&mut r, n as u64 % 4, n);
            let w = values(&mut r, 0, n);
            assert_runs(simd, &v, &w, &format!("{} n {n}", simd.name()));
        }
        for span in (0..48).chain([60, 78, 79, 100, 125, 140, 200, 500]) {
            for base in [0, 60, -60] {
                let n = 40 + r.below(100) as usize;
                let mut v: Vec<f64> = (0..n).map(|_| f64::from_bits(r.next() >> 12 | 1) + 1.0).collect();
                v.iter_mut().for_each(|x| *x = (*x + r.unit()) * two(base));
                // full mantissas at both ends of the span
                (v[n / 2], v[n / 3]) = (below(base + 1), -below(base - span));
                let w: Vec<f64> = v.iter().rev().map(|x| x * 1.1).collect();
                assert_runs(simd, &v, &w, &format!("{} span {span} base {base}", simd.name()));
            }
        }
    }
}

#[test]
fn guesses_from_other_blocks_do_no_harm() {
    let mut r = Random(22);
    let exponents = [0, -1074, 1023, 30, -200, 900, -480, 499, -30, 1000];
    for simd in Simd::available() {
        for first in exponents {
            for second in exponents {
                // a short head for the first guess, then blocks of another size, zeros, and back
                let mut v: Vec<f64> = Vec::new();
                for (e, n) in [(first, 20), (second, 4096), (first, 2048), (second, 100)] {
                    v.extend((0..n).map(|_| r.unit() * 2.0 * two(e)));
                    v.extend([0.0, -0.0].iter().cycle().take(BLOCK));
                }
                let mut s = Sums::new(Term::F64, 1);
                s.add_run(simd, 0, &v);
                assert_sum(&s, 0, &total(&v), &format!("{} {first} {second}", simd.name()));
                let mut q = Sums::new(Term::F64Product, 1);
                s.clear();
                s.add_moments_run(&mut q, simd, 0, &v);
                assert_sum(&s, 0, &total(&v), &format!("{} {first} {second}", simd.name()));
                assert_sum(&q, 0, &dot(&v, &v), &format!("{} {first} {second}", simd.name()));
            }
        }
    }
}

#[test]
fn what_cancels_leaves_what_is_left() {
    let mut r = Random(23);
    for simd in Simd::available() {
        for e in [0, 300, 990, 1023, -900] {
            let half: Vec<f64> = (0..3000).map(|_| r.unit() * two(e)).collect();
            let mut v: Vec<f64> = half.iter().chain(&half).copied().collect();
            v[3000..].iter_mut().for_each(|x| *x = -*x);
            for k in (1..v.len()).rev() {
                v.swap(k, r.below(k as u64 + 1) as usize);
            }
            v.insert(1234, 5e-324);
            let mut s = Sums::new(Term::F64, 1);
            s.add_run(simd, 0, &v);
            assert_eq!(s.round_f64(0), 5e-324);
        }
    }
}

#[test]
fn specials_show_wherever_they_are() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let same = |got: f64, want: f64| got == want || got.is_nan() && want.is_nan();
    for simd in Simd::available() {
        for at in [0, 1, 15, 16, 17, 1023, 1024, 2047, 2048, 2999] {
            for (x, second, sum, square) in [
                (inf, 1.0, inf, inf),
                (-inf, 1.0, -inf, inf),
                (nan, 1.0, nan, nan),
                (inf, -inf, nan, inf),
                (-nan, inf, nan, nan),
            ] {
                let mut v = vec![0.1; 3000];
                (v[at], v[(at + 700) % 3000]) = (x, second);
                let f: Vec<f32> = v.iter().map(|&x| x as f32).collect();
                let (mut s, mut q) = (Sums::new(Term::F64, 4), Sums::new(Term::F64Product, 4));
                s.add_run(simd, 0, &v);
                q.add_squares_run(simd, 0, &v);
                s.add_moments_run(&mut q, simd, 1, &v);
                let ones = vec![1.0; 3000];
                q.add_products_run(simd, 2, &ones, &v);
                q.add_products_run(simd, 3, &v, &vec![0.0; 3000]);
                let (mut t, mut p) = (Sums::new(Term::F32, 4), Sums::new(Term::F32Product, 4));
                t.add_run(simd, 0, &f);
                p.add_squares_run(simd, 0, &f);
                t.add_moments_run(&mut p, simd, 1, &f);
                p.add_products_run(simd, 2, &vec![1.0; 3000], &f);
                p.add_products_run(simd, 3, &f, &vec![0.0; 3000]);
                for (s, q) in [(&s, &q), (&t, &p)] {
                    assert!(same(s.round_f64(0), sum) && same(s.round_f64(1), sum), "{at} {x}");
                    assert!(same(q.round_f64(0), square) && same(q.round_f64(1), square), "{at} {x}");
                    assert!(same(q.round_f64(2), sum) && q.round_f64(3).is_nan(), "{at} {x}");
                }
            }
        }
    }
}

#[test]
fn products_and_their_errors_are_exact() {
    let mut r = Random(24);
    let half = |r: &mut Random| match r.below(4) {
        0 => r.next() & ((1 << 26) - 1),
        1 => (1 << 26) - r.below(3),
        2 => 1 << r.below(27),
        _ => r.below(3),
    };
    for simd in Simd::available() {
        for _ in 0..300 {
            let mut factor = |_: usize| {
                let m = half(&mut r) << 26 | half(&mut r);
                let e = 1023 + [499, -447, 0, 7, -300][r.below(5) as usize];
                f64::from_bits((m & ((1 << 52) - 1)) | ((e as u64 % 2047) << 52) | (r.next() << 63))
            };
            let a: Vec<f64> = (0..37).map(&mut factor).collect();
            let b: Vec<f64> = (0..37).map(&mut factor).collect();
            let (mut p, mut e) = (vec![0.0; 37], vec![0.0; 37]);
            two_product(simd, &a, &b, &mut p, &mut e);
            for k in 0..37 {
                let got = (integer(p[k]) + integer(e[k])) << 1074u32;
                assert_eq!(got, integer(a[k]) * integer(b[k]), "{:e} {:e}", a[k], b[k]);
            }
        }
    }
}

#[test]
fn factors_beside_their_bounds() {
    let mut r = Random(25);
    for simd in Simd::available() {
        for e in
            [-1074, -1000, -538, -537, -501, -500, -449, -448, -447, -446, 498, 499, 500, 501, 511, 512, 1023]
        {
            let mut v: Vec<f64> = (0..600).map(|_| r.unit() * 2.0 * two(e)).collect();
            v[10] = f64::from_bits(two(e).to_bits() | ((e > -1022) as u64 * ((1 << 52) - 1)));
            let w: Vec<f64> = v.iter().rev().copied().collect();
            let ones: Vec<f64> = (0..600).map(|_| r.unit()).collect();
            for w in [&w, &ones] {
                let mut q = Sums::new(Term::F64Product, 3);
                q.add_products_run(simd, 0, &v, w);
                assert_sum(&q, 0, &dot(&v, w), &format!("{e}"));
                q.add_squares_run(simd, 1, &v);
                assert_sum(&q, 1, &dot(&v, &v), &format!("{e}"));
                let mut s = Sums::new(Term::F64, 3);
                s.add_moments_run(&mut q, simd, 2, &v);
                assert_sum(&q, 2, &dot(&v, &v), &format!("{e}"));
            }
        }
    }
}

/// Segments of values around an exponent: what a block's guess and levels have to live with.
fn segments() -> impl Strategy<Value = Vec<f64>> {
    let exponent = prop_oneof![4 => -60..60i32, 1 => -1074..1024i32, 1 => 990..1024i32, 1 => -1074..-1000i32];
    let segment = (exponent, 0..150i32, 1..2500usize, any::<u64>(), 0..4u8);
    prop::collection::vec(segment, 1..5).prop_map(|segments| {
        let mut v: Vec<f64> = Vec::new();
        for (e, span, n, seed, kind) in segments {
            let mut r = Random(seed);
            for k in 0..n {
                let e = (e - r.below(span as u64 + 1) as i32).max(-1074);
                let x = match kind {
                    0 => (r.unit() + 0.5) * two(e),
                    1 => r.unit() * 2.0 * two(e),
                    2 if k % 3 == 0 => [0.0, -0.0, two(e), -below(e.max(-1073))][r.below(4) as usize],
                    _ => v.last().map_or(1.0, |x: &f64| -x),
                };
                v.push(x);
            }
        }
        v
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_sequence_of_blocks_sums_exactly(v in segments(), cut in 0..3000usize) {
        let w: Vec<f64> = v.iter().rev().copied().collect();
        for simd in Simd::available() {
            assert_runs(simd, &v, &w, simd.name());
            let rest = &v[cut.min(v.len())..];
            assert_runs(simd, rest, &w[..rest.len()], simd.name());
        }
    }
}
