//! Random numbers: against numbers made by exact arithmetic from NumPy's Philox, against NumPy's own, and against SciPy's
//! distributions (`tests/goldens/make_random.py`); and that nothing but seed, distribution and place shows.

mod common;

use chunkwise::expr::{Expression, Scope};
use chunkwise::{Array, Choice, DType, ErrorKind, Index, Plan, PlanOptions, Session, Table};
use common::{golden, session};
use serde_json::Value as Json;

/// As many numbers as a test of a distribution has.
const MANY: usize = 1 << 20;

fn floats_of(x: &Array) -> Vec<f64> {
    session(2, "64MiB").compute(&x.cast(DType::F64)).unwrap().as_slice::<f64>().unwrap().to_vec()
}

fn ints_of(x: &Array) -> Vec<i64> {
    session(2, "64MiB").compute(x).unwrap().as_slice::<i64>().unwrap().to_vec()
}

fn numbers(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// What a golden names.
fn named(name: &str, p: &[f64], shape: &[u64], seed: u64) -> Array {
    match name {
        "standard_normal" => Array::standard_normal(shape, seed, DType::F64),
        "standard_exponential" => Array::standard_exponential(shape, seed, DType::F64),
        "normal" => Array::normal(shape, p[0], p[1], seed),
        "lognormal" => Array::lognormal(shape, p[0], p[1], seed),
        "exponential" => Array::exponential(shape, p[0], seed),
        "uniform" => Array::uniform(shape, p[0], p[1], seed),
        "gamma" => Array::gamma(shape, p[0], p[1], seed),
        "beta" => Array::beta(shape, p[0], p[1], seed),
        "poisson" => Array::poisson(shape, p[0], seed),
        "binomial" => Array::binomial(shape, p[0] as u64, p[1], seed),
        _ => panic!("{name}"),
    }
}

fn run_all(session: &Session, all: &[Array]) -> Vec<chunkwise::Value> {
    session.run(&all.iter().map(|x| x as &dyn chunkwise::Target).collect::<Vec<_>>()).unwrap().values
}

/// The elements at places of an array that is too long to be computed.
fn at(x: &Array, places: &[u64]) -> Vec<Array> {
    places.iter().map(|&i| x.index([Index::At(i as i64)])).collect()
}

/// Numbers by inversion are those of exact arithmetic: of floats to a few units in the last place, of counts and whole
/// numbers all.
#[test]
fn numbers_are_those_of_exact_arithmetic() {
    let golden = golden("random.json");
    let places: Vec<u64> = golden["places"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap()).collect();
    let session = session(2, "64MiB");
    let mut checked = 0;
    for case in golden["values"].as_array().unwrap() {
        let (name, seed) = (case[0].as_str().unwrap(), case[2].as_u64().unwrap());
        let shape = [1 << 45];
        let x = match name {
            "integers" => {
                let end = |i: usize| case[1][i].as_str().unwrap().parse::<i64>().unwrap();
                Array::integers(&shape, end(0)..=end(1), seed)
            }
            _ => named(name, &numbers(&case[1]), &shape, seed),
        };
        let all = at(&x, &places);
        let values = run_all(&session, &all);
        assert_eq!(values.len(), places.len());
        for (value, expected) in values.iter().zip(case[3].as_array().unwrap()) {
            let chunkwise::Value::Array(value) = value else { panic!("{name}") };
            let same = match expected {
                Json::String(text) => value.as_slice::<i64>().unwrap()[0].to_string() == *text,
                Json::Number(n) if n.is_i64() => value.as_slice::<i64>().unwrap()[0] == n.as_i64().unwrap(),
                _ => {
                    let (a, b) = (value.as_slice::<f64>().unwrap()[0], expected.as_f64().unwrap());
                    (a - b).abs() <= 4.0 * f64::EPSILON * b.abs()
                }
            };
            assert!(same, "{case}: {value:?} is not {expected}");
            checked += 1;
        }
    }
    assert!(checked > 1000, "{checked}");
}

#[test]
fn what_numpy_makes_in_place_order_has_numpys_bits() {
    let golden = golden("random.json");
    for case in golden["numpy"].as_array().unwrap() {
        let (seed, p) = (case[1].as_u64().unwrap(), numbers(&case[2]));
        let expected = case[3].as_array().unwrap();
        match case[0].as_str().unwrap() {
            "uniform" => {
                let bits: Vec<String> = floats_of(&Array::uniform(&[50], p[0], p[1], seed))
                    .iter()
                    .map(|v| v.to_bits().to_string())
                    .collect();
                assert!(expected.iter().map(|v| v.as_str().unwrap()).eq(bits.iter()), "{case}: {bits:?}");
            }
            _ => {
                let choice = Choice::below(p.len() as u64).p(p);
                let got = ints_of(&Array::choice(&[50], &choice, seed));
                assert!(
                    expected.iter().map(|v| v.as_i64().unwrap()).eq(got.iter().copied()),
                    "{case}: {got:?}"
                );
            }
        }
    }
}

/// Mean and variance lie within five deviations of what they are to be.
fn moments(what: &str, x: &[f64], mean: f64, var: f64) {
    let n = x.len() as f64;
    let m = x.iter().sum::<f64>() / n;
    let z = (m - mean) / (var / n).sqrt();
    assert!(z.abs() < 5.0, "{what}: the mean is {m}, not {mean}: {z:.1} deviations");
    let square = |v: &f64| (v - mean) * (v - mean);
    let v = x.iter().map(square).sum::<f64>() / n;
    let spread = x.iter().map(|v| (square(v) - var) * (square(v) - var)).sum::<f64>() / n;
    let z = (v - var) / (spread / n).sqrt();
    assert!(z.abs() < 5.0, "{what}: the variance is {v}, not {var}: {z:.1} deviations");
}

/// Chi-square of counts in bins of given shares, as deviations from what it is to be; bins of few are joined.
fn chi_square(counts: &[f64], shares: &[f64]) -> f64 {
    let n: f64 = counts.iter().sum();
    let (mut bins, mut joined) = (Vec::new(), (0.0, 0.0));
    for (count, share) in counts.iter().zip(shares) {
        joined = (joined.0 + count, joined.1 + share * n);
        if joined.1 >= 10.0 {
            bins.push(joined);
            joined = (0.0, 0.0);
        }
    }
    let last = bins.last_mut().unwrap();
    *last = (last.0 + joined.0, last.1 + joined.1);
    let chi: f64 = bins.iter().map(|(count, e)| (count - e) * (count - e) / e).sum();
    let free = bins.len() as f64 - 1.0;
    assert!(free >= 1.0);
    // Wilson and Hilferty.
    ((chi / free).cbrt() - (1.0 - 2.0 / (9.0 * free))) / (2.0 / (9.0 * free)).sqrt()
}

#[test]
fn floats_have_scipys_distributions() {
    let golden = golden("random.json");
    let mut cases = 0;
    for case in golden["floats"].as_array().unwrap() {
        let (name, params) = (case[0].as_str().unwrap(), numbers(&case[1]));
        let what = format!("{name}{params:?}");
        let mut x = floats_of(&named(name, &params, &[MANY as u64], 11));
        assert!(x.iter().all(|v| v.is_finite()), "{what}");
        let (points, cdf, sf) = (numbers(&case[2]), numbers(&case[3]), numbers(&case[4]));
        moments(&what, &x, case[5].as_f64().unwrap(), case[6].as_f64().unwrap());
        x.sort_by(f64::total_cmp);
        let below: Vec<f64> = points.iter().map(|p| x.partition_point(|v| v <= p) as f64).collect();
        let n = MANY as f64;
        let far = below.iter().zip(&cdf).map(|(b, f)| (b / n - f).abs()).fold(0.0, f64::max);
        // Kolmogorov and Smirnov, one in ten thousand.
        assert!(far < 2.225 / n.sqrt(), "{what}: {far} from SciPy's");
        let mut counts = vec![below[0]];
        counts.extend(below.windows(2).map(|b| b[1] - b[0]));
        counts.push(n - below[below.len() - 1]);
        let mut shares = vec![cdf[0]];
        shares.extend((1..points.len()).map(|i| match cdf[i] > 0.5 {
            true => sf[i - 1] - sf[i],
            false => cdf[i] - cdf[i - 1],
        }));
        shares.push(sf[points.len() - 1]);
        let z = chi_square(&counts, &shares);
        assert!(z.abs() < 4.0, "{what}: chi-square is {z:.1} deviations off");
        cases += 1;
    }
    assert!(cases > 15, "{cases}");
}

#[test]
fn counts_have_scipys_distributions() {
    let golden = golden("random.json");
    let mut cases = 0;
    for case in golden["counts"].as_array().unwrap() {
        let (name, params) = (case[0].as_str().unwrap(), numbers(&case[1]));
        let what = format!("{name}{params:?}");
        let mut x = ints_of(&named(name, &params, &[MANY as u64], 12));
        let (last, shares) = (numbers(&case[2]), numbers(&case[3]));
        let as_floats: Vec<f64> = x.iter().map(|&v| v as f64).collect();
        moments(&what, &as_floats, case[4].as_f64().unwrap(), case[5].as_f64().unwrap());
        x.sort_unstable();
        let below: Vec<f64> = last.iter().map(|p| x.partition_point(|&v| v as f64 <= *p) as f64).collect();
        let mut counts = vec![below[0]];
        counts.extend(below.windows(2).map(|b| b[1] - b[0]));
        counts.push(MANY as f64 - below[below.len() - 1]);
        let z = chi_square(&counts, &shares);
        assert!(z.abs() < 4.0, "{what}: chi-square is {z:.1} deviations off");
        cases += 1;
    }
    assert!(cases > 15, "{cases}");
}

#[test]
fn parameters_at_the_ends_of_their_ranges() {
    let all = |x: Array, is: &dyn Fn(f64) -> bool| {
        let values = floats_of(&x);
        assert!(values.iter().all(|&v| is(v)), "{:?}: {:?}", x, values.iter().find(|&&v| !is(v)));
    };
    const N: [u64; 1] = [20_000];
    all(Array::poisson(&N, 0.0, 1), &|v| v == 0.0);
    all(Array::poisson(&N, 1e-300, 1), &|v| v == 0.0);
    all(Array::poisson(&N, 9e18, 1), &|v| (v - 9e18).abs() < 3e10);
    all(Array::binomial(&N, 0, 0.5, 1), &|v| v == 0.0);
    all(Array::binomial(&N, 9, 0.0, 1), &|v| v == 0.0);
    all(Array::binomial(&N, 9, 1.0, 1), &|v| v == 9.0);
    all(Array::binomial(&N, i64::MAX as u64, 1.0, 1), &|v| v == i64::MAX as f64);
    let half = i64::MAX as f64 / 2.0;
    all(Array::binomial(&N, i64::MAX as u64, 0.5, 1), &|v| (v - half).abs() < 1.6e10);
    all(Array::binomial(&N, i64::MAX as u64, 1e-300, 1), &|v| v == 0.0);
    all(Array::binomial(&N, i64::MAX as u64, f64::MIN_POSITIVE / 4.0, 1), &|v| v == 0.0);
    all(Array::binomial(&N, 3, 0.5 + f64::EPSILON, 1), &|v| (0.0..=3.0).contains(&v));
    all(Array::gamma(&N, 0.0, 3.0, 1), &|v| v == 0.0);
    all(Array::gamma(&N, 2.0, 0.0, 1), &|v| v == 0.0);
    all(Array::gamma(&N, 1e-300, 1.0, 1), &|v| (0.0..1e-3).contains(&v));
    all(Array::gamma(&N, 5e-324, 1.0, 1), &|v| (0.0..1e-3).contains(&v));
    all(Array::gamma(&N, 1e300, 1.0, 1), &|v| (v / 1e300 - 1.0).abs() < 1e-14);
    all(Array::gamma(&N, f64::MAX, 1.0, 1), &|v| v.is_finite());
    all(Array::beta(&N, 1e300, 1e-300, 1), &|v| v == 1.0);
    all(Array::beta(&N, 1e300, 1e300, 1), &|v| (v - 0.5).abs() < 1e-14);
    all(Array::normal(&N, 3.0, 0.0, 1), &|v| v == 3.0);
    all(Array::uniform(&N, 3.0, 3.0, 1), &|v| v == 3.0);
    all(Array::exponential(&N, 0.0, 1), &|v| v == 0.0);
    // Shapes near the smallest float: 0 or 1, in the ratio of the shapes.
    for (a, b) in [(5e-324, 5e-324), (1e-310, 3e-310), (1e-5, 3e-5)] {
        let values = floats_of(&Array::beta(&N, a, b, 1));
        assert!(values.iter().all(|v| (0.0..=1.0).contains(v)));
        let ones = values.iter().filter(|v| **v > 0.5).count() as f64 / 20_000.0;
        let share = a / (a + b);
        assert!(
            (ones - share).abs() < 5.0 * (share * (1.0 - share) / 20_000.0f64).sqrt(),
            "{a:e} {b:e}: {ones}"
        );
    }
}

#[test]
fn integers_of_every_range_and_dtype() {
    fn even<T: chunkwise::Element + Into<i128>>(x: &Array, low: i128, n: usize) {
        let values = session(2, "64MiB").compute(x).unwrap();
        assert_eq!(values.dtype(), T::DTYPE);
        let mut counts = vec![0.0; n];
        values.as_slice::<T>().unwrap().iter().for_each(|&v| counts[(v.into() - low) as usize] += 1.0);
        let z = chi_square(&counts, &vec![1.0 / n as f64; n]);
        assert!(z.abs() < 4.0, "{x:?}: {z}");
    }
    const N: [u64; 1] = [1 << 20];
    even::<i8>(&Array::integers::<i8>(&N, .., 1), -128, 256);
    even::<u8>(&Array::integers(&N, 3..=255u8, 1), 3, 253);
    even::<i16>(&Array::integers(&N, ..-32_000i16, 1), -32_768, 768);
    even::<u16>(&Array::integers::<u16>(&N, .., 1), 0, 65_536);
    even::<i32>(&Array::integers(&N, -500..501i32, 1), -500, 1001);
    even::<u32>(&Array::integers(&N, u32::MAX - 2.., 1), i128::from(u32::MAX) - 2, 3);
    even::<i64>(&Array::integers(&N, i64::MIN..i64::MIN + 7, 1), i64::MIN.into(), 7);
    even::<u64>(&Array::integers(&N, u64::MAX - 9..=u64::MAX, 1), i128::from(u64::MAX) - 9, 10);
    // All of 64 bits, and a range of which a third is rejected: by the highest digits and the lowest.
    let wide = Array::integers::<u64>(&N, .., 1);
    even::<u64>(&(&wide >> 56u64), 0, 256);
    even::<u64>(&wide.bitwise_and(255u64), 0, 256);
    even::<i64>(&(Array::integers::<i64>(&N, .., 1) >> 56i64), -128, 256);
    let third = 3u64 << 62;
    let x = Array::integers(&N, ..third, 1);
    even::<u64>(&x.floor_divide(third / 300), 0, 300);
    even::<u64>(&x.bitwise_and(255u64), 0, 256);
    let coins = session(2, "64MiB").compute(&Array::integers::<bool>(&N, .., 1)).unwrap();
    let heads = coins.as_slice::<bool>().unwrap().iter().filter(|v| **v).count() as f64;
    assert!((heads - 524_288.0).abs() < 2500.0, "{heads}");
    assert!(ints_of(&Array::integers(&[50], 7..=7i64, 1)).iter().all(|&v| v == 7));
}

#[test]
fn permutations_hold_every_number_once() {
    for n in
        [0, 1, 2, 3, 10, 1000, 4095, 4096, 4097, 4098, 4160, 4225, 4226, 10_007, 65_536, 262_144, 300_007]
    {
        for seed in [0, 1, u64::MAX] {
            let mut x = ints_of(&Array::permutation(n, seed));
            x.sort_unstable();
            assert!(x.iter().copied().eq(0..n as i64), "{n} {seed}");
        }
    }
    // Of many the elements are found without the others.
    let n = 1u64 << 59;
    let sample = ints_of(&Array::permutation(n, 3).index([Index::from(0..1000)]));
    let mut sorted = sample.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert!(sorted.len() == 1000 && sorted.iter().all(|v| (0..n as i64).contains(v)));
    let sixteenths = |v: &i64| (v >> 55) as usize;
    let mut counts = [0.0; 16];
    sample.iter().for_each(|v| counts[sixteenths(v)] += 1.0);
    assert!(chi_square(&counts, &[1.0 / 16.0; 16]).abs() < 4.0, "{counts:?}");
}

/// Every permutation of four is as likely; long ones have as many fixed points, cycles and ascents as by chance, and
/// every place goes everywhere.
#[test]
fn permutations_are_random() {
    let session = session(2, "64MiB");
    let all = |n: u64, seeds: std::ops::Range<u64>| -> Vec<Vec<i64>> {
        let arrays: Vec<Array> = seeds.map(|seed| Array::permutation(n, seed)).collect();
        let values = run_all(&session, &arrays);
        let one = |v: chunkwise::Value| match v {
            chunkwise::Value::Array(v) => v.as_slice::<i64>().unwrap().to_vec(),
            _ => panic!(),
        };
        values.into_iter().map(one).collect()
    };
    let mut counts = vec![0.0; 256];
    for p in all(4, 0..4800) {
        counts[p.iter().fold(0, |k, &v| 4 * k + v as usize)] += 1.0;
    }
    let seen: Vec<f64> = counts.into_iter().filter(|&c| c > 0.0).collect();
    assert!(seen.len() == 24 && chi_square(&seen, &[1.0 / 24.0; 24]).abs() < 4.0, "{seen:?}");
    for n in [3000u64, 4097, 5000, 8192] {
        let (seeds, size) = (200.0, n as f64);
        let (mut fixed, mut cycles, mut ascents, mut near) = (0.0, 0.0, 0.0, 0.0);
        let mut first = vec![0.0; 16];
        let mut moved = vec![0.0; 16];
        for p in all(n, 0..200) {
            fixed += p.iter().enumerate().filter(|(i, v)| *i as i64 == **v).count() as f64;
            ascents += p.windows(2).filter(|w| w[0] < w[1]).count() as f64;
            near += p.windows(2).filter(|w| w[0] + 1 == w[1]).count() as f64;
            let mut seen = vec![false; p.len()];
            for mut i in 0..p.len() {
                cycles += f64::from(u8::from(!seen[i]));
                while !seen[i] {
                    seen[i] = true;
                    i = p[i] as usize;
                }
            }
            for (i, &v) in p.iter().enumerate() {
                first[(v as u64 * 16 / n) as usize] += f64::from(u8::from(i < 64));
                moved[((v + p.len() as i64 - i as i64) as u64 % n * 16 / n) as usize] += 1.0;
            }
        }
        let is = |what: &str, sum: f64, mean: f64, var: f64| {
            let z = (sum - seeds * mean) / (seeds * var).sqrt();
            assert!(z.abs() < 4.5, "{what} of {n}: {z:.1} deviations");
        };
        let harmonic: f64 = (1..=n).map(|k| 1.0 / k as f64).sum();
        let squares: f64 = (1..=n).map(|k| 1.0 / (k as f64 * k as f64)).sum();
        is("fixed points", fixed, 1.0, 1.0);
        is("cycles", cycles, harmonic, harmonic - squares);
        is("ascents", ascents, (size - 1.0) / 2.0, (size + 1.0) / 12.0);
        is("neighbours that stay", near, (size - 1.0) / size, 1.0);
        let share: Vec<f64> =
            (0..16u64).map(|k| ((k + 1) * n).div_ceil(16) as f64 - (k * n).div_ceil(16) as f64).collect();
        let share: Vec<f64> = share.iter().map(|s| s / size).collect();
        let z = chi_square(&first, &share);
        assert!(z < 4.5, "first places of {n}: {z:.1}");
        let z = chi_square(&moved, &share);
        assert!(z < 4.5, "distances of {n}: {z:.1}");
    }
}

/// One of every kind of method.
fn one_of_each(shape: &[u64], seed: u64) -> Vec<Array> {
    let n: u64 = shape.iter().product();
    let to: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    vec![
        Array::random(shape, seed, DType::F64),
        Array::standard_normal(shape, seed, DType::F64),
        Array::standard_exponential(shape, seed, DType::F64),
        Array::gamma(shape, 2.5, 1.5, seed),
        Array::gamma(shape, 0.3, 1.0, seed),
        Array::beta(shape, 2.0, 3.0, seed),
        Array::beta(shape, 0.5, 0.5, seed),
        Array::poisson(shape, 3.0, seed),
        Array::poisson(shape, 50.0, seed),
        Array::binomial(shape, 20, 0.3, seed),
        Array::binomial(shape, 1000, 0.7, seed),
        Array::integers(shape, ..3u64 << 62, seed),
        Array::integers(shape, -5..=5i8, seed),
        Array::permutation(n, seed).reshape(&to),
        Array::uniform(shape, -1.0, 3.0, seed),
        Array::normal(shape, 3.0, 2.0, seed),
        Array::lognormal(shape, 0.0, 0.5, seed),
        Array::standard_normal(shape, seed, DType::F32),
        Array::choice(shape, &Choice::of(&[2i16, 3, 5]).p([0.5, 0.25, 0.25]), seed),
        Array::choice(shape, &Choice::of(&[0.5f32, 7.0]), seed),
        Array::choice(shape, &Choice::below(10_000).without_replacement(), seed),
    ]
}

#[test]
fn no_cut_no_thread_and_no_budget_shows() {
    let shape = [90, 37];
    let whole = session(1, "64MiB");
    let others: Vec<Session> = [(1, 64, "64MiB"), (3, 1000, "1MiB"), (2, 8192, "64MiB")]
        .map(|(threads, block, memory)| {
            let builder = Session::builder().device(common::device()).threads(threads).memory(memory);
            builder.plan_options(PlanOptions::new().block_bytes(block)).build().unwrap()
        })
        .into();
    for x in one_of_each(&shape, 9) {
        let all = whole.compute(&x).unwrap();
        let size = all.dtype().size();
        for session in &others {
            assert_eq!(session.compute(&x).unwrap().bytes(), all.bytes(), "{x:?}");
        }
        for (rows, columns) in [((3, 80, 7), (1, 36, 5)), ((0, 90, 1), (5, 6, 1)), ((41, 44, 1), (0, 37, 1))]
        {
            let slice = |(a, b, s): (i64, i64, i64)| Index::from(a..b).step(s);
            let part = whole.compute(&x.index([slice(rows), slice(columns)])).unwrap();
            let list = |(a, b, s): (i64, i64, i64)| (a..b).step_by(s as usize).collect::<Vec<i64>>();
            let mut expected = Vec::new();
            for i in list(rows) {
                for j in list(columns) {
                    expected.extend_from_slice(&all.bytes()[(i * 37 + j) as usize * size..][..size]);
                }
            }
            assert_eq!(part.bytes(), expected, "{x:?}");
        }
        // A longer array begins with the same numbers, but for permutations.
        let plan = whole.plan(&[&x]).unwrap();
        let again = Plan::from_json(&plan.to_json().unwrap()).unwrap();
        assert_eq!(plan.fingerprint(), again.fingerprint());
        let chunkwise::Value::Array(values) = whole.run_plan(&again).unwrap().values.remove(0) else {
            panic!()
        };
        assert_eq!(values.bytes(), all.bytes(), "{x:?}");
    }
    let long = floats_of(&Array::gamma(&[5000], 2.5, 1.0, 4));
    assert_eq!(floats_of(&Array::gamma(&[10, 10], 2.5, 1.0, 4)), long[..100]);
}

#[test]
fn plans_tell_parameters_and_seeds_apart() {
    let session = session(1, "64MiB");
    let shape = [100];
    let all = [
        Array::poisson(&shape, 3.0, 1),
        Array::poisson(&shape, 3.0, 2),
        Array::poisson(&shape, 3.5, 1),
        Array::poisson(&[101], 3.0, 1),
        Array::binomial(&shape, 3, 0.5, 1),
        Array::integers(&shape, 0..5u8, 1),
        Array::integers(&shape, 0..6u8, 1),
        Array::integers(&shape, 0..5u16, 1),
        Array::permutation(100, 1),
    ];
    let prints: std::collections::BTreeSet<_> =
        all.iter().map(|x| session.plan(&[&x.sum()]).unwrap().fingerprint()).collect();
    assert_eq!(prints.len(), all.len());
    // Equal ones are one node.
    let x = Array::poisson(&shape, 3.0, 1);
    let twice = session.compute(&(&x - Array::poisson(&shape, 3.0, 1)).absolute().max()).unwrap();
    assert_eq!(twice.as_slice::<i64>().unwrap(), [0]);
}

/// No two distributions, no two seeds and no two places have to do with each other, also a few places apart.
#[test]
fn streams_have_nothing_to_do_with_each_other() {
    const N: usize = 1 << 16;
    // The rest is made of these.
    let distinct = 14;
    let standard = |x: &Array| -> Vec<f64> {
        let x = floats_of(x);
        // By rank, as some have long tails.
        let mut order: Vec<usize> = (0..N).collect();
        order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
        let mut rank = vec![0.0; N];
        let mut k = 0;
        while k < N {
            let same = order[k..].iter().take_while(|&&i| x[i] == x[order[k]]).count();
            order[k..k + same].iter().for_each(|&i| rank[i] = k as f64 + same as f64 / 2.0);
            k += same;
        }
        let mean = rank.iter().sum::<f64>() / N as f64;
        let spread = (rank.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>() / N as f64).sqrt();
        rank.iter().map(|r| (r - mean) / spread).collect()
    };
    let of =
        |seed| -> Vec<Vec<f64>> { one_of_each(&[N as u64], seed)[..distinct].iter().map(standard).collect() };
    let (first, other) = (of(1), of(2));
    let correlation = |a: &[f64], b: &[f64], lag: usize| -> f64 {
        a[lag..].iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / ((N - lag) as f64).sqrt()
    };
    let shared = |i: usize, j: usize| {
        // Distributions of other parameters, by one method and so of the same words.
        [(3, 4), (5, 6), (11, 12)].contains(&(i.min(j), i.max(j)))
    };
    for i in 0..distinct {
        for lag in [0, 1, 2, 3, 4, 5, 8, 16, 1024] {
            for j in 0..distinct {
                if !(shared(i, j) || i == j) || lag > 0 {
                    let z = correlation(&first[i], &first[j], lag);
                    assert!(z.abs() < 5.0, "{i} and {j}, {lag} apart: {z:.1}");
                }
                let z = correlation(&first[i], &other[j], lag);
                assert!(z.abs() < 5.0, "{i} and {j} of another seed, {lag} apart: {z:.1}");
            }
        }
    }
}

#[test]
fn what_is_chosen() {
    let session = session(2, "64MiB");
    let table = [1.5f32, f32::NAN, -2.0];
    let x = session.compute(&Array::choice(&[5000], &Choice::of(&table), 3)).unwrap();
    let places = ints_of(&Array::choice(&[5000], &Choice::below(3), 3));
    let bits = |v: f32| v.to_bits();
    assert!(
        x.as_slice::<f32>().unwrap().iter().zip(&places).all(|(v, &i)| bits(*v) == bits(table[i as usize]))
    );
    assert!((0..3).all(|k| places.contains(&k)));
    assert_eq!(places, ints_of(&Array::integers(&[5000], 0..3i64, 3)));
    // What has no chance is never chosen, wherever it stands.
    let rare = Choice::below(5).p([0.0, 0.5, 0.0, 0.5, 0.0]);
    assert!(ints_of(&Array::choice(&[5000], &rare, 3)).iter().all(|v| [1, 3].contains(v)));
    let once = Array::choice(&[6, 7], &Choice::of(&(0..50i64).collect::<Vec<_>>()).without_replacement(), 3);
    let mut values = ints_of(&once);
    assert_eq!(values, ints_of(&Array::permutation(50, 3))[..42]);
    values.sort_unstable();
    values.dedup();
    assert_eq!(values.len(), 42);
    let none = Array::choice(&[0, 4], &Choice::of(&Vec::<u8>::new()), 3);
    let none = session.compute(&none).unwrap();
    assert_eq!((none.shape(), none.dtype()), (&[0, 4][..], DType::U8));
    assert_eq!(session.compute(&Array::choice(&[0], &Choice::below(0), 1)).unwrap().dtype(), DType::I64);
    let bools = session.compute(&Array::choice(&[100], &Choice::of(Table::new(&[true, false])), 3)).unwrap();
    assert!(bools.as_slice::<bool>().unwrap().contains(&true));
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    let nan = f64::NAN;
    let says = |x: Array, kind: ErrorKind, words: &str| {
        let e = x.check().unwrap_err();
        assert!(e.kind() == kind && e.to_string().contains(words), "{e:?}");
        // Where it was written.
        assert!(e.to_string().contains("random.rs"), "{e}");
    };
    let value = |x: Array, words: &str| says(x, ErrorKind::Value, words);
    value(Array::uniform(&[3], 2.0, 1.0, 0), "high - low < 0");
    value(Array::uniform(&[3], nan, 1.0, 0), "high - low range exceeds valid bounds");
    value(Array::uniform(&[3], -1e308, 1e308, 0), "high - low range exceeds valid bounds");
    value(Array::normal(&[3], 0.0, -1.0, 0), "scale < 0");
    value(Array::normal(&[3], 0.0, -0.0, 0), "scale < 0");
    value(Array::normal(&[3], 0.0, nan, 0), "scale is NaN");
    value(Array::normal(&[3], nan, 1.0, 0), "loc is NaN");
    value(Array::lognormal(&[3], 0.0, -1.0, 0), "sigma < 0");
    value(Array::lognormal(&[3], nan, 1.0, 0), "mean is NaN");
    value(Array::exponential(&[3], -1.0, 0), "scale < 0");
    value(Array::gamma(&[3], -1.0, 1.0, 0), "shape < 0");
    value(Array::gamma(&[3], nan, 1.0, 0), "shape is NaN");
    value(Array::gamma(&[3], f64::INFINITY, 1.0, 0), "shape is infinite");
    value(Array::gamma(&[3], 1.0, -1.0, 0), "scale < 0");
    value(Array::beta(&[3], 0.0, 1.0, 0), "a <= 0");
    value(Array::beta(&[3], 1.0, nan, 0), "b is NaN");
    value(Array::beta(&[3], f64::INFINITY, 1.0, 0), "a is infinite");
    value(Array::poisson(&[3], -1.0, 0), "lam < 0");
    value(Array::poisson(&[3], nan, 0), "lam is NaN");
    value(Array::poisson(&[3], 1e19, 0), "lam value too large");
    value(Array::binomial(&[3], 5, 1.5, 0), "p > 1");
    value(Array::binomial(&[3], 5, -0.1, 0), "p < 0");
    value(Array::binomial(&[3], 5, nan, 0), "p is NaN");
    value(Array::binomial(&[3], u64::MAX, 0.5, 0), "n is too large");
    value(Array::integers(&[3], 5..5i64, 0), "low >= high");
    value(Array::integers(&[3], std::ops::RangeInclusive::new(5u8, 4), 0), "low >= high");
    says(Array::integers(&[3], 0.0..4.0f64, 0), ErrorKind::Type, "Unsupported dtype float64 for integers");
    says(
        Array::standard_normal(&[3], 0, DType::I32),
        ErrorKind::Type,
        "Unsupported dtype int32 for standard_normal",
    );
    says(Array::poisson(&[u64::MAX, 2], 1.0, 0), ErrorKind::Shape, "poisson");
    says(Array::permutation(u64::MAX, 0), ErrorKind::Shape, "permutation");
    let chosen = |c: Choice| Array::choice(&[3], &c, 0);
    value(chosen(Choice::below(0)), "a must be a positive integer");
    value(chosen(Choice::of(&Vec::<f64>::new())), "a cannot be empty");
    value(chosen(Choice::below(3).p([0.5, 0.5])), "a and p must have same size");
    value(chosen(Choice::below(2).p([0.5, 0.4])), "Probabilities do not sum to 1");
    value(chosen(Choice::below(2).p([1.5, -0.5])), "Probabilities are not non-negative");
    value(chosen(Choice::below(2).p([nan, 0.5])), "Probabilities contain NaN");
    value(chosen(Choice::below(2).without_replacement()), "Cannot take a larger sample than population");
    value(chosen(Choice::below(u64::MAX)), "a is too large");
    let unequal = Choice::below(3).p([0.5, 0.25, 0.25]).without_replacement();
    says(chosen(unequal), ErrorKind::Unsupported, "with replacement only");
    // What comes from another process is checked as well.
    let plan = session(1, "64MiB").plan(&[&Array::poisson(&[3], 1.0, 0).sum()]).unwrap().to_json().unwrap();
    let one = 1.0f64.to_bits().to_string();
    assert!(plan.contains(&one));
    let bad = plan.replace(&one, &(-1.0f64).to_bits().to_string());
    let run = Plan::from_json(&bad).and_then(|plan| session(1, "64MiB").run_plan(&plan));
    assert!(run.unwrap_err().to_string().contains("lam < 0"));
}

#[test]
fn expressions_have_numpys_parameters() {
    let session = session(1, "64MiB");
    let of = |text: &str| Expression::parse(text).and_then(|e| e.array(&Scope::new()));
    let shape = [2u64, 3];
    for (text, same) in [
        ("uniform(-1, 4, (2, 3), seed=5)", Array::uniform(&shape, -1.0, 4.0, 5)),
        ("uniform(size=(2, 3))", Array::uniform(&shape, 0.0, 1.0, 0)),
        ("normal(5, 2, (2, 3), seed=5)", Array::normal(&shape, 5.0, 2.0, 5)),
        ("normal(scale=2, size=(2, 3))", Array::normal(&shape, 0.0, 2.0, 0)),
        ("standard_normal((2, 3), dtype=float32)", Array::standard_normal(&shape, 0, DType::F32)),
        ("lognormal(0.5, 2, (2, 3), seed=5)", Array::lognormal(&shape, 0.5, 2.0, 5)),
        ("exponential(3, (2, 3), seed=5)", Array::exponential(&shape, 3.0, 5)),
        ("standard_exponential((2, 3), seed=5)", Array::standard_exponential(&shape, 5, DType::F64)),
        ("gamma(2, 3, (2, 3), seed=5)", Array::gamma(&shape, 2.0, 3.0, 5)),
        ("standard_gamma(2, (2, 3), seed=5)", Array::standard_gamma(&shape, 2.0, 5, DType::F64)),
        ("beta(2, 3, (2, 3), seed=5)", Array::beta(&shape, 2.0, 3.0, 5)),
        ("poisson(20, (2, 3), seed=5)", Array::poisson(&shape, 20.0, 5)),
        ("binomial(200, 0.25, (2, 3), seed=5)", Array::binomial(&shape, 200, 0.25, 5)),
        ("integers(10, size=(2, 3), seed=5)", Array::integers(&shape, 0..10i64, 5)),
        ("integers(-3, 10, (2, 3), int8, True, seed=5)", Array::integers(&shape, -3..=10i8, 5)),
        ("integers(0, 2**64, (2, 3), uint64)", Array::integers::<u64>(&shape, .., 0)),
        ("integers(0, 2, (2, 3), 'bool')", Array::integers::<bool>(&shape, .., 0)),
        ("choice(7, (2, 3), seed=5)", Array::choice(&shape, &Choice::below(7), 5)),
        ("choice(7, (2, 3), False)", Array::choice(&shape, &Choice::below(7).without_replacement(), 0)),
        (
            "choice([2.5, 4], (2, 3), p=[0.25, 0.75])",
            Array::choice(&shape, &Choice::of(&[2.5, 4.0]).p([0.25, 0.75]), 0),
        ),
        ("choice(arange(3) * 2, (2, 3))", Array::choice(&shape, &Choice::of(&[0i64, 2, 4]), 0)),
        ("permutation(6, seed=2**64 - 1)", Array::permutation(6, u64::MAX)),
        ("permutation(-3)", Array::permutation(0, 0)),
        ("poisson(20)", Array::poisson(&[], 20.0, 0)),
    ] {
        let got = session.compute(&of(text).unwrap()).unwrap_or_else(|e| panic!("{text}: {e}"));
        let same = session.compute(&same).unwrap();
        assert_eq!(
            (got.dtype(), got.shape(), got.bytes()),
            (same.dtype(), same.shape(), same.bytes()),
            "{text}"
        );
    }
    for (text, words) in [
        ("normal(0, -1, 3)", "scale < 0"),
        ("normal(0, 1, -3)", "size cannot be negative"),
        ("normal(arange(3))", "loc must be a number"),
        ("normal(0, 1, 3, 5)", "4"),
        ("normal(size=3, seed=-1)", "a seed is a whole number from 0 to 2^64 - 1"),
        ("binomial(-1, 0.5)", "n < 0"),
        ("binomial(2.5, 0.5)", "n must be a whole number"),
        ("integers(5, 5)", "low >= high"),
        ("integers(5, 4, endpoint=True)", "low > high"),
        ("integers(0)", "high <= 0"),
        ("integers(0, 300, dtype=int8)", "high is out of bounds for int8"),
        ("integers(-1, 3, dtype=uint8)", "low is out of bounds for uint8"),
        ("integers(0, 2**64)", "high is out of bounds for int64"),
        ("integers(3, dtype=float64)", "Unsupported dtype float64 for integers"),
        ("choice(2.5)", "a must be a sequence or an integer"),
        ("choice(-1)", "a must be a positive integer"),
        ("choice([[1, 2]])", "a has 2 axes"),
        ("choice(2, 5, False)", "Cannot take a larger sample"),
        ("permutation([1, 2])", "take(a, permutation(a.shape[0]), axis=0)"),
    ] {
        let e = of(text).and_then(|x| session.compute(&x)).unwrap_err().to_string();
        assert!(e.contains(words), "{text}: {e}");
    }
}
