//! Values whose exponents are spread: every distribution in pieces of every length, next to each other in several
//! sums, so that a guess from one piece or row is wrong for another.

use super::*;

const DISTRIBUTIONS: [&str; 12] = [
    "24 decades",
    "200 decades",
    "any bits",
    "lognormal 3",
    "lognormal 10",
    "zeros",
    "outliers",
    "ascending",
    "descending",
    "subnormal",
    "subnormal and uniform",
    "one exponent in turns",
];

fn distribution(r: &mut Random, name: &str, n: usize) -> Vec<f64> {
    let ten = |r: &mut Random, decades: f64| {
        let x = 10f64.powf(r.unit() * decades);
        if r.below(2) == 0 { x } else { -x }
    };
    // twelve uniform values are near enough to normal
    let normal = |r: &mut Random| (0..12).map(|_| r.unit()).sum::<f64>();
    let mut v: Vec<f64> = (0..n)
        .map(|k| match name {
            "24 decades" | "ascending" | "descending" => ten(r, 24.0),
            "200 decades" => ten(r, 200.0),
            "any bits" => value(r, 7),
            "lognormal 3" => (3.0 * normal(r)).exp(),
            "lognormal 10" => (10.0 * normal(r)).exp(),
            "zeros" if r.below(10) > 0 => 0.0,
            "zeros" => ten(r, 60.0),
            "outliers" if r.below(500) == 0 => ten(r, 600.0),
            "outliers" => normal(r),
            "subnormal and uniform" if k % 7 > 0 => r.unit(),
            "subnormal" | "subnormal and uniform" => f64::from_bits(r.next() >> 12 | r.next() << 63),
            // the whole range, most of it in one bin
            _ if k % 50 == 0 => value(r, 7),
            _ => 1.0 + r.unit().abs(),
        })
        .collect();
    match name {
        "ascending" => v.sort_by(f64::total_cmp),
        "descending" => v.sort_by(|a, b| b.total_cmp(a)),
        _ => {}
    }
    v
}

#[test]
fn spread_values_in_pieces_of_every_length() {
    const SUMS: usize = 3;
    let mut r = Random(31);
    for name in DISTRIBUTIONS {
        let v = distribution(&mut r, name, 5000);
        let other = ["24 decades", "any bits", "outliers"][r.below(3) as usize];
        let w = distribution(&mut r, other, v.len());
        let (f, g) = (narrow(&v), narrow(&w));
        for length in [5, 15, 16, 40, 63, 64, 130, 300, 1000, 1025, 2048, 2100] {
            let mut want = [[(); SUMS]; 5].map(|row| row.map(|()| BigInt::zero()));
            for k in 0..v.len() {
                let (i, x, y) = (k / length % SUMS, integer(v[k]), integer(f[k] as f64));
                want[1][i] += &x * &x;
                want[2][i] += &x * integer(w[k]);
                want[4][i] += &y * integer(g[k] as f64);
                want[0][i] += x;
                want[3][i] += y;
            }
            for simd in Simd::available() {
                let terms = [
                    Term::F64,
                    Term::F64Product,
                    Term::F64Product,
                    Term::F32,
                    Term::F32Product,
                    Term::F32Product,
                ];
                let [mut s, mut q, mut p, mut t, mut u, mut z] = terms.map(|term| Sums::new(term, SUMS));
                for (k, ((v, w), (f, g))) in v
                    .chunks(length)
                    .zip(w.chunks(length))
                    .zip(f.chunks(length).zip(g.chunks(length)))
                    .enumerate()
                {
                    s.add_moments_run(&mut q, simd, k % SUMS, v);
                    p.add_products_run(simd, k % SUMS, v, w);
                    t.add_moments_run(&mut z, simd, k % SUMS, f);
                    u.add_products_run(simd, k % SUMS, f, g);
                }
                let mut squares = Sums::new(Term::F32Product, SUMS);
                f.iter().enumerate().for_each(|(k, &x)| squares.add_product_at(k / length % SUMS, x, x));
                assert!(z == squares, "{name} {length} {}", simd.name());
                for (sums, want) in [&s, &q, &p, &t, &u].into_iter().zip(&want) {
                    for (i, want) in want.iter().enumerate() {
                        assert_sum(sums, i, want, &format!("{name} by {length}, {}", simd.name()));
                    }
                }
            }
        }
    }
}

#[test]
fn spread_rows_of_every_length() {
    let mut r = Random(32);
    for name in DISTRIBUTIONS {
        for width in [1, 7, 100, 513] {
            let rows: Vec<_> = (0..20).map(|_| distribution(&mut r, name, width)).collect();
            for simd in Simd::available() {
                let (mut s, mut q) =
                    (Sums::new(Term::F64, width + 2), Sums::new(Term::F64Product, width + 2));
                let mut t = Sums::new(Term::F32, width + 2);
                for v in &rows {
                    s.add_row_f64(simd, 1, v);
                    q.add_products_row_f64(simd, 1, v, v);
                    t.add_row_f32(simd, 1, &narrow(v));
                }
                for k in 0..width {
                    let column = rows.iter().map(|v| v[k]);
                    let what = format!("{name} column {k} of {width}, {}", simd.name());
                    assert_sum(&s, k + 1, &column.clone().map(integer).sum(), &what);
                    assert_sum(&q, k + 1, &column.clone().map(|x| integer(x) * integer(x)).sum(), &what);
                    let narrowed = column.flat_map(|x| narrow(&[x])).map(|x| integer(x as f64));
                    assert_sum(&t, k + 1, &narrowed.sum(), &what);
                }
                assert!(s.to_bigint(0).unwrap().0.is_zero() && s.to_bigint(width + 1).unwrap().0.is_zero());
            }
        }
    }
}

/// The bins hold as many additions as they say.
#[test]
fn bins_are_large_enough() {
    let full = f64::from_bits(((1023u64 + 300) << 52) - 1);
    for simd in Simd::available() {
        for (n, least) in [(2048, 1e-300), (1024, 1e-300), (2048, 1e60), (1024, 1e60)] {
            let mut v = vec![-full; n];
            v[1] = least;
            let total: BigInt = v.iter().map(|&x| integer(x)).sum();
            let mut s = Sums::new(Term::F64, 1);
            s.add_run(simd, 0, &v);
            assert_sum(&s, 0, &total, simd.name());
            let mut q = Sums::new(Term::F64Product, 1);
            q.add_squares_run(simd, 0, &v);
            assert_sum(&q, 0, &v.iter().map(|&x| integer(x) * integer(x)).sum(), simd.name());
        }
    }
}
