//! Narrow sums against integers of unbounded size, with data that leave their windows in every way.

use super::*;
use crate::ops::exact::{AnySums, Narrow};

const FLOATS: [Term; 4] = [Term::F32, Term::F64, Term::F32Product, Term::F64Product];

fn is_product(term: Term) -> bool {
    matches!(term, Term::F32Product | Term::F64Product)
}

fn is_f32(term: Term) -> bool {
    matches!(term, Term::F32 | Term::F32Product)
}

/// What a value, or a pair, adds, in the units of [`assert_sum`].
fn added(term: Term, a: f64, b: f64) -> BigInt {
    if is_product(term) { integer(a) * integer(b) } else { integer(a) }
}

/// Adds a row in the way of the term.
fn add_row(sums: &mut AnySums, simd: Simd, base: usize, a: &[f64], b: &[f64]) {
    let (f, g) = (narrow(a), narrow(b));
    match sums.term() {
        Term::F32 => sums.add_row_f32(simd, base, &f),
        Term::F64 => sums.add_row_f64(simd, base, a),
        Term::F32Product => sums.add_products_row_f32(simd, base, &f, &g),
        _ => sums.add_products_row_f64(simd, base, a, b),
    }
}

fn add_run(sums: &mut AnySums, simd: Simd, i: usize, a: &[f64], b: &[f64]) {
    let (f, g) = (narrow(a), narrow(b));
    match sums.term() {
        Term::F32 => sums.add_run(simd, i, &f),
        Term::F64 => sums.add_run(simd, i, a),
        Term::F32Product => sums.add_products_run(simd, i, &f, &g),
        _ => sums.add_products_run(simd, i, a, b),
    }
}

fn add_one(sums: &mut AnySums, i: usize, a: f64, b: f64) {
    match sums.term() {
        Term::F32Product => sums.add_product_at(i, a as f32, b as f32),
        Term::F64Product => sums.add_product_at(i, a, b),
        _ => sums.add_at(i, a),
    }
}

/// As float32 would have it, where the term is of such.
fn of_term(term: Term, mut v: Vec<f64>) -> Vec<f64> {
    if is_f32(term) {
        v = narrow(&v).into_iter().map(f64::from).collect();
    }
    v
}

/// The exact value, in the units of [`assert_sum`].
fn exact(sums: &AnySums, i: usize) -> BigInt {
    let (got, e) = sums.get(i).to_bigint();
    let unit = if is_product(sums.term()) { -2148 } else { -1074 };
    got << (e - unit) as u64
}

/// Rows, runs and single values into 1100 sums, against integers; kinds of data change on the way.
#[test]
fn narrow_sums_are_exact_while_they_do() {
    let mut r = Random(11);
    for simd in Simd::available() {
        for term in FLOATS {
            for kind in 0..KINDS {
                let n = 1100;
                let mut sums = AnySums::narrow(term, n).unwrap();
                let mut want = vec![BigInt::zero(); n];
                let mut done = Vec::new();
                for _ in 0..if kind < 3 { 60 } else { 12 } {
                    // Now and then some values of another kind, fewer than there are in reserve.
                    let width = 1 + r.below(1000) as usize;
                    let base = r.below((n - width) as u64 + 1) as usize;
                    let mut a = of_term(term, values(&mut r, kind, width));
                    let mut b = of_term(term, values(&mut r, kind.min(4), width));
                    if r.below(8) == 0 {
                        let k = r.below(width as u64) as usize;
                        a[k] = of_term(term, values(&mut r, 7, 1))[0];
                        b[k] = of_term(term, values(&mut r, 7, 1))[0];
                    }
                    if r.below(4) == 0 {
                        let i = r.below(n as u64) as usize;
                        add_run(&mut sums, simd, i, &a, &b);
                        a.iter().zip(&b).for_each(|(&x, &y)| want[i] += added(term, x, y));
                    } else {
                        match r.below(3) {
                            0 => (0..width).for_each(|k| add_one(&mut sums, base + k, a[k], b[k])),
                            _ => add_row(&mut sums, simd, base, &a, &b),
                        }
                        (0..width).for_each(|k| want[base + k] += added(term, a[k], b[k]));
                    }
                    done.push(sums.exceeded());
                    if sums.exceeded() {
                        break;
                    }
                }
                if sums.exceeded() {
                    assert!(kind >= 2, "{term:?} of kind {kind} is exceeded after {} additions", done.len());
                    continue;
                }
                let mut wide = AnySums::wide(term, n);
                wide.merge_at(0, &sums);
                for (i, want) in want.iter().enumerate() {
                    assert_eq!(exact(&sums, i), *want, "{} {term:?} kind {kind} sum {i}", simd.name());
                    assert_eq!(exact(&wide, i), *want, "{} {term:?} kind {kind} sum {i}", simd.name());
                }
                let text = serde_json::to_string(&sums).unwrap();
                assert_eq!(text, serde_json::to_string(&wide).unwrap());
            }
        }
    }
}

/// Any tree of merges of both forms gives the bits of one wide sum, rounded and written.
#[test]
fn forms_merge_in_any_tree() {
    let mut r = Random(12);
    for term in FLOATS {
        let mut told = 0;
        for round in 0..40 {
            let n = 600 + r.below(900) as usize;
            let mut want = AnySums::wide(term, n);
            let mut parts = Vec::new();
            for p in 0..6 {
                let wide = r.below(3) == 0;
                let mut part = if wide { AnySums::wide(term, n) } else { AnySums::narrow(term, n).unwrap() };
                for _ in 0..3 {
                    // Parts have anchors of their own, further and further apart.
                    let scale = 2f64.powi((p - 3) * round / 8);
                    let mut a = of_term(term, values(&mut r, round as u64 % 2, n));
                    a.iter_mut().for_each(|x| *x *= scale);
                    let mut a = of_term(term, a);
                    if r.below(5) == 0 {
                        a[r.below(n as u64) as usize] = if is_f32(term) { 1e-44 } else { 5e-324 };
                        a[r.below(n as u64) as usize] = if is_f32(term) { 1e38 } else { 1e308 };
                    }
                    let a = of_term(term, a);
                    add_row(&mut part, Simd::best(), 0, &a, &a);
                    add_row(&mut want, Simd::best(), 0, &a, &a);
                }
                parts.push(part);
            }
            let mut exceeded = false;
            while parts.len() > 1 {
                let a = parts.swap_remove(r.below(parts.len() as u64) as usize);
                let k = r.below(parts.len() as u64) as usize;
                exceeded |= a.exceeded();
                parts[k].merge_at(0, &a);
            }
            if exceeded || parts[0].exceeded() {
                told += 1;
                continue;
            }
            let written = [&parts[0], &want].map(|s| serde_json::to_string(s).unwrap());
            assert!(written[0] == written[1], "{term:?} {round}");
            for format in [Format::F16, Format::F32, Format::F64] {
                (0..n).for_each(|i| assert_eq!(parts[0].round(i, format), want.round(i, format)));
            }
        }
        assert!(told < 20, "{term:?}: {told} of 40 trees are exceeded");
    }
}

/// Parts of a whole merge at their places, though these are at no border of segments.
#[test]
fn smaller_sums_merge_at_an_offset() {
    let mut r = Random(13);
    for (offset, n) in [(0, 700), (512, 512), (77, 900), (300, 1)] {
        let a = values(&mut r, 1, n);
        for form in [AnySums::narrow(Term::F64, n).unwrap(), AnySums::wide(Term::F64, n)] {
            let mut part = form;
            add_row(&mut part, Simd::best(), 0, &a, &a);
            let mut all = AnySums::narrow(Term::F64, 1200).unwrap();
            all.merge_at(offset, &part);
            all.merge_at(offset, &part);
            for i in 0..1200usize {
                let want =
                    i.checked_sub(offset).and_then(|k| a.get(k)).map_or(BigInt::zero(), |&x| integer(x));
                assert_eq!(exact(&all, i), want * 2, "{offset} {n} {i}");
            }
        }
    }
}

/// A sum that grows past its window goes on in the reserve; so does one that shrinks below it by cancellation.
#[test]
fn sums_grow_past_their_window() {
    for term in FLOATS {
        let x = if is_product(term) { 3.0 } else { 0.75 };
        let mut sums = AnySums::narrow(term, 3).unwrap();
        let mut want = BigInt::zero();
        let mut doubled = x;
        // Doubling by merges, and values that are as large as the sum.
        for _ in 0..200 {
            add_row(&mut sums, Simd::best(), 1, &[doubled], &[1.0]);
            want += added(term, doubled, 1.0);
            if doubled < 1e30 {
                doubled *= 2.0;
            }
            if want.bits() < 60 + exact(&sums, 1).bits() && want.bits() % 3 == 0 {
                let copy = sums.clone();
                sums.merge_at(0, &copy);
                want *= 2;
            }
        }
        assert!(!sums.exceeded());
        assert_eq!(exact(&sums, 1), want, "{term:?}");
        add_row(&mut sums, Simd::best(), 1, &[1e-20], &[1.0]);
        want += added(term, of_term(term, vec![1e-20])[0], 1.0);
        assert_eq!(exact(&sums, 1), want, "{term:?}");
        // All that is large goes away.
        let mut negative = AnySums::wide(term, 3);
        let mut left = want.clone();
        let step = added(term, doubled, 1.0);
        while left > step {
            add_one(&mut negative, 1, -doubled, 1.0);
            left -= &step;
        }
        sums.merge_at(0, &negative);
        assert_eq!(exact(&sums, 1), left, "{term:?}");
    }
    // Thousands of rows of the largest values that a segment takes: carries in time.
    let mut sums = AnySums::narrow(Term::F64, 2).unwrap();
    add_row(&mut sums, Simd::best(), 0, &[1.0, 1.0 / 3.0], &[]);
    let large = [2f64.powi(26) - 1.0, -(2f64.powi(26)) / 3.0];
    (0..5000).for_each(|_| add_row(&mut sums, Simd::best(), 0, &large, &[]));
    assert_eq!(exact(&sums, 0), integer(1.0) + integer(large[0]) * 5000);
    assert_eq!(exact(&sums, 1), integer(1.0 / 3.0) + integer(large[1]) * 5000);
}

/// float64 of every exponent in every sum: more strays than the reserve holds. It says so, merged or not.
#[test]
fn a_full_reserve_is_told() {
    for term in FLOATS {
        let mut r = Random(14);
        let n = 300;
        let mut sums = AnySums::narrow(term, n).unwrap();
        let mut rows = 0;
        while !sums.exceeded() {
            let a = of_term(term, values(&mut r, 7, n));
            add_row(&mut sums, Simd::best(), 0, &a, &a);
            rows += 1;
            assert!(rows < 50, "{term:?}");
        }
        let mut other = AnySums::narrow(term, n).unwrap();
        other.merge_at(0, &sums);
        assert!(other.exceeded());
        assert!(serde_json::to_string(&sums).is_err());
    }
    assert!(AnySums::narrow(Term::Int, 5).is_none() && AnySums::narrow(Term::IntProduct, 5).is_none());
}

#[test]
fn specials_zeros_and_subnormals() {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for term in FLOATS {
        let mut sums = AnySums::narrow(term, 8).unwrap();
        let row = [inf, -inf, inf, nan, 0.0, -0.0, 1.0, 2.5];
        let one = [1.0; 8];
        add_row(&mut sums, Simd::best(), 0, &row, &one);
        let again = [1.0, -inf, -inf, 1.0, 0.0, -0.0, -1.0, inf];
        // the function that makes narrow sums here has no infinities.
        again.iter().enumerate().for_each(|(i, &x)| add_one(&mut sums, i, x, 1.0));
        if is_f32(term) {
            row.iter()
                .enumerate()
                .for_each(|(i, &x)| add_one(&mut sums, i, if x.is_finite() { 0.0 } else { x }, 1.0));
        }
        let want = [inf, -inf, nan, nan, 0.0, 0.0, 0.0, inf];
        for (i, want) in want.iter().enumerate() {
            let got = f64::from_bits(sums.round(i, Format::F64));
            assert!(
                got == *want && got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                "{term:?} {i}"
            );
        }
        let mut wide = AnySums::wide(term, 8);
        wide.merge_at(0, &sums);
        assert_eq!(serde_json::to_string(&wide).unwrap(), serde_json::to_string(&sums).unwrap());
    }
    let tiny = f64::from_bits(3);
    let mut p = AnySums::narrow(Term::F64Product, 2).unwrap();
    p.add_products_row_f64(Simd::best(), 0, &[tiny, 1.0], &[-tiny, tiny]);
    assert_eq!(exact(&p, 0), BigInt::from(-9));
    assert_eq!(exact(&p, 1), integer(1.0) * integer(tiny));
    let mut s = AnySums::narrow(Term::F32, 2).unwrap();
    s.add_row_f32(Simd::best(), 0, &[f32::from_bits(1), -f32::from_bits(5)]);
    assert_eq!(exact(&s, 1), -integer(f32::from_bits(5) as f64));
}

/// What a device hands over, and runs of every length.
#[test]
fn digits_and_runs_enter() {
    let mut r = Random(15);
    for term in FLOATS {
        let (mut got, mut want) = (AnySums::narrow(term, 5).unwrap(), AnySums::wide(term, 5));
        for round in 0..60 {
            let i = r.below(5) as usize;
            let v = of_term(term, values(&mut r, 1, LENGTHS[round % LENGTHS.len()]));
            add_run(&mut got, Simd::best(), i, &v, &v);
            add_run(&mut want, Simd::best(), i, &v, &v);
            let first = term.limbs() / 2 - 1;
            let limbs = [r.next() as i64 >> 20, r.next() as i64 >> r.below(60)];
            let flags = if round == 40 { 1 } else { 0 };
            got.add_digits(i, first, &limbs, flags);
            want.add_digits(i, first, &limbs, flags);
        }
        assert!(!got.exceeded());
        assert_eq!(serde_json::to_string(&got).unwrap(), serde_json::to_string(&want).unwrap(), "{term:?}");
    }
}

#[test]
fn narrow_bytes_cover_what_is_held() {
    let mut r = Random(16);
    for term in FLOATS {
        for n in [1, 512, 513, 20_000, 200_000] {
            let Some(mut sums) = AnySums::narrow(term, n) else { panic!("{term:?}") };
            let a = of_term(term, values(&mut r, 7, n.min(600)));
            add_row(&mut sums, Simd::best(), 0, &a, &a);
            let AnySums::Narrow(held) = &sums else { unreachable!() };
            let held = held.held() as u64;
            let said = term.narrow_bytes(n as u64).unwrap();
            assert!(held <= said, "{term:?} {n}: {held} of {said}");
        }
        // A sum of one column of values, and what the reserve adds.
        let each = term.narrow_bytes(1 << 20).unwrap() >> 20;
        assert!(each <= if term == Term::F64Product { 30 } else { 20 }, "{term:?} {each}");
    }
    assert!(Narrow::new(Term::F64, 0).is_some_and(|s| s.is_empty()));
}

/// What rows take: `cargo test --release --lib rates_of_rows -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn rates_of_rows() {
    let mut r = Random(17);
    let (n, rows, simd) = (100_000, 40, Simd::best());
    let data: Vec<Vec<f64>> = (0..rows).map(|_| (0..n).map(|_| 280.0 + 30.0 * r.unit()).collect()).collect();
    let singles: Vec<Vec<f32>> = data.iter().map(|row| narrow(row)).collect();
    let rate = |sums: &mut AnySums, by_row: bool| {
        let mut best = f64::MAX;
        for _ in 0..5 {
            let start = std::time::Instant::now();
            for (row, f) in data.iter().zip(&singles) {
                match sums.term() {
                    _ if !by_row => row.iter().enumerate().for_each(|(i, &x)| add_one(sums, i, x, x)),
                    Term::F64 => sums.add_row_f64(simd, 0, row),
                    Term::F64Product => sums.add_products_row_f64(simd, 0, row, row),
                    Term::F32 => sums.add_row_f32(simd, 0, f),
                    _ => sums.add_products_row_f32(simd, 0, f, f),
                }
            }
            best = best.min(start.elapsed().as_secs_f64());
        }
        best * 1e9 / (n * rows) as f64
    };
    for term in FLOATS {
        let mut all = [AnySums::narrow(term, n).unwrap(), AnySums::wide(term, n), AnySums::wide(term, n)];
        let [narrow, lanes, single] = &mut all;
        let [narrow, lanes, single] = [rate(narrow, true), rate(lanes, true), rate(single, false)];
        println!(
            "{term:?}: narrow {narrow:.2} ns, wide in lanes {lanes:.2} ns, wide one by one {single:.2} ns"
        );
    }
}
