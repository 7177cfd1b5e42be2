//! Against NumPy's goldens, against brute force over the edges, and against exact fractions.

use super::*;
use crate::dtype::{DType, Scalar};
use crate::error::ErrorKind;
use crate::ops::simd::Simd;
use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{ToPrimitive, Zero};
use serde_json::Value;

fn goldens() -> Value {
    serde_json::from_str(include_str!("../../../tests/goldens/histogram.json")).unwrap()
}

fn float(v: &Value) -> f64 {
    f64::from_bits(u64::from_str_radix(v.as_str().unwrap(), 16).unwrap())
}

fn floats(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(float).collect()
}

fn counts(v: &Value) -> Vec<u64> {
    v.as_array().unwrap().iter().map(|c| c.as_u64().unwrap()).collect()
}

/// Little-endian hex as native bytes of elements of `size` bytes.
fn bytes(v: &Value, size: usize) -> Vec<u8> {
    let s = v.as_str().unwrap();
    let mut out: Vec<u8> =
        (0..s.len() / 2).map(|i| u8::from_str_radix(&s[2 * i..2 * i + 2], 16).unwrap()).collect();
    if cfg!(target_endian = "big") {
        out.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    out
}

fn column(v: &Value) -> (DType, Vec<u8>) {
    let dtype = DType::from_name(v[0].as_str().unwrap()).unwrap();
    (dtype, bytes(&v[1], dtype.size()))
}

fn fnv(values: &[f64]) -> String {
    let h = values
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .fold(0xcbf29ce484222325u64, |h, b| (h ^ b as u64).wrapping_mul(0x100000001b3));
    format!("{h:x}")
}

/// A small generator: xorshift.
struct Rng(u64);
impl Rng {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
    fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 11) % n
    }
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

struct Data<'a> {
    columns: Vec<&'a [u8]>,
    weights: Option<&'a [u8]>,
    mask: Option<&'a [u8]>,
    n: usize,
}

impl Data<'_> {
    fn part(&self, spec: &HistogramSpec, a: usize, b: usize, state: &mut State, s: &mut Scratch, simd: Simd) {
        let coords: Vec<&[u8]> =
            self.columns.iter().zip(spec.dtypes()).map(|(c, d)| &c[a * d.size()..b * d.size()]).collect();
        let weights = self.weights.map(|w| {
            let size = spec.weights().unwrap().size();
            &w[a * size..b * size]
        });
        let tile = Tile { coords: &coords, logs: &[], weights, mask: self.mask.map(|m| &m[a..b]), n: b - a };
        state.update(spec, tile, s, simd).unwrap();
    }

    /// The histogram at every level, whole and in random pieces merged in random order: all the same.
    fn run(&self, spec: &HistogramSpec, rng: &mut Rng) -> Histogram {
        let mut scratch = Scratch::new();
        let mut whole = State::new(spec).unwrap();
        self.part(spec, 0, self.n, &mut whole, &mut scratch, Simd::best());
        let result = whole.finish(spec).unwrap();
        let text = serde_json::to_string(&whole).unwrap();
        for simd in Simd::available() {
            let mut states: Vec<State> = (0..3).map(|_| State::new(spec).unwrap()).collect();
            let mut start = 0;
            while start < self.n {
                let end = self.n.min(start + 1 + rng.below(self.n as u64) as usize);
                let k = rng.below(3) as usize;
                self.part(spec, start, end, &mut states[k], &mut scratch, simd);
                start = end;
            }
            let mut all = states.swap_remove(rng.below(3) as usize);
            let sent = serde_json::to_string(&states).unwrap();
            let states: Vec<State> = serde_json::from_str(&sent).unwrap();
            for state in &states {
                all.merge(state).unwrap();
            }
            assert_eq!(serde_json::to_string(&all).unwrap(), text, "{}", simd.name());
            assert_eq!(all.finish(spec).unwrap(), result);
        }
        let inside: u64 = result.counts().iter().sum();
        let rest = result.underflow() + result.overflow() + result.outside() + result.nan();
        assert_eq!(inside + rest, result.total());
        let kept = self.mask.map_or(self.n, |m| m.iter().filter(|&&m| m != 0).count());
        assert_eq!(result.total(), kept as u64);
        result
    }
}

#[test]
fn uniform_edges_are_those_of_linspace() {
    for row in goldens()["linspace"].as_array().unwrap() {
        let (lo, hi, bins) = (float(&row[0]), float(&row[1]), row[2].as_u64().unwrap());
        let edges = Edges::uniform(lo, hi, bins).unwrap();
        assert_eq!(fnv(edges.values()), row[3].as_str().unwrap(), "{lo} {hi} {bins}");
    }
}

#[test]
fn log_edges_are_correctly_rounded() {
    for row in goldens()["geomspace"].as_array().unwrap() {
        let (lo, hi, bins) = (float(&row[0]), float(&row[1]), row[2].as_u64().unwrap());
        let edges = Edges::log(lo, hi, bins).unwrap();
        assert_eq!(fnv(edges.values()), row[3].as_str().unwrap(), "{lo} {hi} {bins}");
    }
}

#[test]
fn one_dimension_equals_numpy() {
    let mut rng = Rng(1);
    for case in goldens()["cases"].as_array().unwrap() {
        let (dtype, data) = column(&case["columns"][0]);
        let values = floats(&case["edges"]);
        let kinds = [Edges::explicit(values.clone()).unwrap()];
        let (lo, hi, n) = (values[0], values[values.len() - 1], values.len() as u64 - 1);
        let other = match case["kind"].as_str().unwrap() {
            "explicit" => None,
            "log" => Some(Edges::log(lo, hi, n).unwrap()),
            _ => Some(Edges::uniform(lo, hi, n).unwrap()),
        };
        for edges in kinds.into_iter().chain(other) {
            let log = edges.scale() == Scale::Log;
            let spec = HistogramSpec::new(vec![edges], vec![dtype], None).unwrap();
            let n = data.len() / dtype.size();
            let h = Data { columns: vec![&data], weights: None, mask: None, n }.run(&spec, &mut rng);
            assert_eq!(h.edges()[0], values);
            assert_eq!(h.counts(), counts(&case["counts"]), "{dtype} {}", case["kind"]);
            let rest = [h.underflow(), h.overflow(), h.nan()];
            assert_eq!(
                rest.map(Value::from),
                [&case["under"], &case["over"], &case["nan"]].map(Value::clone)
            );
            if log {
                let low = data
                    .chunks(dtype.size())
                    .filter(|b| Scalar::from_bytes(dtype, b).unwrap().to_f64() <= 0.0);
                assert_eq!(h.nonpositive(), low.count() as u64);
            } else {
                assert_eq!(h.nonpositive(), 0);
            }
            if let Some(want) = case.get("density") {
                let bits = |v: Vec<f64>| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                let (got, want) = (h.density(), floats(want));
                assert!(
                    got.iter().zip(&want).all(|(a, b)| a.is_nan() && b.is_nan() || a == b),
                    "{:x?} {:x?}",
                    bits(got),
                    bits(want)
                );
            }
        }
    }
}

#[test]
fn two_and_three_dimensions_with_mask_and_weights_equal_numpy_and_fractions() {
    let mut rng = Rng(2);
    for case in goldens()["spaces"].as_array().unwrap() {
        let edges: Vec<Edges> =
            case["edges"].as_array().unwrap().iter().map(|e| Edges::explicit(floats(e)).unwrap()).collect();
        let columns: Vec<_> = case["columns"].as_array().unwrap().iter().map(column).collect();
        let weights = case.get("weights").map(column);
        let mask = bytes(&case["mask"], 1);
        let dtypes = columns.iter().map(|c| c.0).collect();
        let spec = HistogramSpec::new(edges, dtypes, weights.as_ref().map(|w| w.0)).unwrap().with_mask();
        let data = Data {
            columns: columns.iter().map(|c| &c.1[..]).collect(),
            weights: weights.as_ref().map(|w| &w.1[..]),
            mask: Some(&mask),
            n: mask.len(),
        };
        let h = data.run(&spec, &mut rng);
        assert_eq!(h.counts(), counts(&case["counts"]));
        assert_eq!(Value::from(h.nan()), case["nan"]);
        assert_eq!(Value::from(h.total()), case["total"]);
        let Some((dtype, sums)) = h.weights() else {
            assert_eq!(h.density(), floats(&case["density"]));
            continue;
        };
        for (b, want) in sums.chunks(dtype.size()).zip(case["sums"].as_array().unwrap()) {
            let got = Scalar::from_bytes(dtype, b).unwrap();
            match got.to_i128() {
                Some(i) => assert_eq!(i.to_string(), want.as_str().unwrap()),
                None => assert_eq!(got.to_f64().to_bits(), float(want).to_bits()),
            }
        }
    }
}

#[test]
fn automatic_ranges_are_numpys() {
    let mut rng = Rng(3);
    for case in goldens()["autos"].as_array().unwrap() {
        let (dtype, data) = column(&case["column"]);
        let n = data.len() / dtype.size();
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in data.chunks_exact(dtype.size()) {
            let v = Scalar::from_bytes(dtype, v).unwrap().to_f64();
            (low, high) = (low.min(v), high.max(v));
        }
        let edges = Bins::Auto { bins: 10, log: false }.resolve(low, high).unwrap();
        assert_eq!(edges.values(), floats(&case["edges"]));
        let spec = HistogramSpec::new(vec![edges], vec![dtype], None).unwrap();
        let h = Data { columns: vec![&data], weights: None, mask: None, n }.run(&spec, &mut rng);
        assert_eq!(h.counts(), counts(&case["counts"]));
    }
}

#[test]
fn bounds_become_edges_and_infinite_ones_an_error() {
    let (inf, auto) = (f64::INFINITY, |log| Bins::Auto { bins: 4, log });
    for (low, high) in [(1.0, inf), (-inf, 2.0), (inf, inf), (-inf, -inf), (-inf, inf)] {
        let e = auto(false).resolve(low, high).unwrap_err();
        assert!(e.kind() == ErrorKind::Value && e.to_string().contains("infinities"), "{e}");
    }
    assert_eq!(auto(false).resolve(-3.0, 7.5).unwrap(), Edges::uniform(-3.0, 7.5, 4).unwrap());
    assert_eq!(auto(true).resolve(0.25, 7.5).unwrap(), Edges::log(0.25, 7.5, 4).unwrap());
    assert_eq!(auto(false).resolve(inf, -inf).unwrap(), Edges::uniform(0.0, 1.0, 4).unwrap());
    assert_eq!(auto(true).resolve(inf, -inf).unwrap(), Edges::log(1.0, 10.0, 4).unwrap());
    assert_eq!(auto(false).resolve(2.0, 2.0).unwrap(), Edges::uniform(1.5, 2.5, 4).unwrap());
    let around = auto(true).resolve(2.0, 2.0).unwrap();
    assert!(around.values()[0] < 2.0 && around.values()[4] > 2.0);
}

/// Axes of every kind and way, with the way that is meant to find their bins.
fn axes() -> Vec<(Edges, &'static str)> {
    let ints = (0..1000).map(|i| (i * i) as f64).collect();
    let mut rng = Rng(9);
    let mut ragged: Vec<f64> =
        (0..300).map(|_| (rng.unit() - 0.5) * 10f64.powi(rng.below(20) as i32)).collect();
    ragged.sort_by(f64::total_cmp);
    vec![
        (Edges::uniform(0.0, 1.0, 100).unwrap(), "line"),
        (Edges::uniform(-3.3, 12.7, 1).unwrap(), "line"),
        (Edges::uniform(-1e300, 1e300, 77).unwrap(), "line"),
        (Edges::uniform(1e6, 1e6 + 1e-3, 1000).unwrap(), "line"),
        (Edges::uniform(0.0, 5e-322, 7).unwrap(), "any"),
        (Edges::uniform(1.0, 1.0 + 1e-13, 200).unwrap(), "any"),
        (Edges::log(1e-3, 1e3, 100).unwrap(), "cells"),
        (Edges::log(5e-324, f64::MAX, 500).unwrap(), "any"),
        (Edges::log(1.0, 1.5, 1).unwrap(), "line"),
        (Edges::explicit(ints).unwrap(), "cells"),
        (Edges::explicit(ragged).unwrap(), "any"),
        (Edges::explicit(vec![-1.0, -0.0, 0.0, 0.0, 2.0, 2.0]).unwrap(), "table"),
        (Edges::explicit(vec![1.0; 40]).unwrap(), "search"),
        (Edges::explicit(vec![f64::NEG_INFINITY, -5.0, 0.5, f64::INFINITY, f64::INFINITY]).unwrap(), "table"),
        (Edges::explicit(vec![3.0]).unwrap(), "cells"),
        (Edges::explicit((0..=64).map(f64::from).collect()).unwrap(), "line"),
        (Edges::explicit((0..100).map(|i| 1.0 + i as f64 * f64::EPSILON).collect()).unwrap(), "any"),
    ]
}

/// The slot by the definition.
fn brute(edges: &Edges, x: f64) -> u32 {
    let (e, n) = (edges.values(), edges.bins() as usize);
    if x.is_nan() {
        n as u32 + 2
    } else if edges.scale() == Scale::Log && x <= 0.0 {
        n as u32 + 3
    } else if x > e[n] {
        n as u32 + 1
    } else {
        e.partition_point(|&e| e <= x).min(n) as u32
    }
}

#[test]
fn every_way_agrees_with_comparison_on_and_beside_every_edge() {
    let mut rng = Rng(4);
    let mut narrow_ways = std::collections::BTreeSet::new();
    for (edges, way) in axes() {
        let found = edges.finder().way();
        assert!(way == "any" || way == found, "{edges:?} is found by {found}");
        narrow_ways.insert(edges.finder().narrow_way());
        let mut x = vec![f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 5e-324, -5e-324];
        x.extend([f64::MAX, f64::MIN, 1.0, -1.0]);
        for &e in edges.values() {
            x.extend([e, e.next_up(), e.next_down(), -e]);
            let near = e as f32;
            x.extend([near as f64, near.next_up() as f64, near.next_down() as f64]);
        }
        let (lo, hi) = (edges.values()[0].max(-1e300), edges.values()[edges.bins() as usize].min(1e300));
        x.extend((0..3000).map(|_| lo + rng.unit() * (hi - lo)));
        x.extend((0..3000).map(|_| f64::from_bits(rng.next())));
        let want: Vec<u32> = x.iter().map(|&x| brute(&edges, x)).collect();
        let narrow: Vec<u8> = x.iter().flat_map(|&x| (x as f32).to_ne_bytes()).collect();
        let want32: Vec<u32> = x.iter().map(|&x| brute(&edges, x as f32 as f64)).collect();
        for simd in Simd::available() {
            let mut slots = vec![9; x.len()];
            edges.finder().slots(simd, &x, &mut slots);
            for i in 0..x.len() {
                assert_eq!(slots[i], want[i], "{:e} in {edges:?} {found} {}", x[i], simd.name());
            }
            if edges.finder().slots_f32(simd, &narrow, &mut slots) {
                assert_eq!(slots, want32, "{edges:?} {}", simd.name());
            }
        }
    }
    assert!(["near", "cells", "line"].iter().all(|way| narrow_ways.contains(way)), "{narrow_ways:?}");
}

#[test]
fn many_bins_and_few_count_alike_in_every_tile_size() {
    let mut rng = Rng(5);
    let n = 20_000;
    let x: Vec<f32> = (0..n).map(|_| (rng.unit() * 1.2 - 0.1) as f32).collect();
    let y: Vec<f32> =
        (0..n).map(|i| if i % 97 == 0 { f32::NAN } else { rng.unit() as f32 * 100.0 }).collect();
    let (cx, cy): (&[u8], &[u8]) = (bytemuck::cast_slice(&x), bytemuck::cast_slice(&y));
    for bins in [1, 5, 240, 251, 252, 1000, 5000] {
        let edges = Edges::uniform(0.0, 1.0, bins).unwrap();
        let spec = HistogramSpec::new(vec![edges.clone()], vec![DType::F32], None).unwrap();
        let h = Data { columns: vec![cx], weights: None, mask: None, n }.run(&spec, &mut rng);
        let mut want = vec![0; bins as usize];
        for &x in &x {
            let slot = brute(&edges, x as f64) as usize;
            if (1..=bins as usize).contains(&slot) {
                want[slot - 1] += 1;
            }
        }
        assert_eq!(h.counts(), want);
    }
    let edges = [Edges::uniform(0.0, 1.0, 30).unwrap(), Edges::log(1.0, 50.0, 20).unwrap()];
    let spec = HistogramSpec::new(edges.to_vec(), vec![DType::F32; 2], None).unwrap();
    let h = Data { columns: vec![cx, cy], weights: None, mask: None, n }.run(&spec, &mut rng);
    let mut want = vec![0; 600];
    for (&x, &y) in x.iter().zip(&y) {
        let (i, j) = (brute(&edges[0], x as f64), brute(&edges[1], y as f64));
        if (1..=30).contains(&i) && (1..=20).contains(&j) {
            want[(i as usize - 1) * 20 + j as usize - 1] += 1;
        }
    }
    assert_eq!(h.counts(), want);
    assert_eq!(h.nan(), y.iter().filter(|y| y.is_nan()).count() as u64);
}

/// Float weights of several ranges, in bins by index.
fn weighted(dtype: DType, weights: &[f64], bins: u64, rng: &mut Rng) {
    let n = weights.len();
    let x: Vec<u16> = (0..n).map(|_| rng.below(bins + 2) as u16).collect();
    let mask: Vec<u8> = (0..n).map(|_| (rng.below(5) > 0) as u8).collect();
    let native: Vec<u8> = match dtype {
        DType::F16 => weights.iter().flat_map(|&w| half::f16::from_f64(w).to_bits().to_ne_bytes()).collect(),
        DType::F32 => weights.iter().flat_map(|&w| (w as f32).to_ne_bytes()).collect(),
        _ => weights.iter().flat_map(|&w| w.to_ne_bytes()).collect(),
    };
    let edges = Edges::uniform(1.0, bins as f64 + 0.5, bins * 2).unwrap();
    let spec = HistogramSpec::new(vec![edges.clone()], vec![DType::U16], Some(dtype)).unwrap().with_mask();
    let data = Data { columns: vec![bytemuck::cast_slice(&x)], weights: Some(&native), mask: Some(&mask), n };
    let h = data.run(&spec, rng);
    let mut want = vec![BigRational::zero(); bins as usize * 2];
    let mut special = vec![0.0; bins as usize * 2];
    for i in 0..n {
        let slot = brute(&edges, x[i] as f64) as usize;
        if mask[i] == 1 && (1..=want.len()).contains(&slot) {
            let w = Scalar::from_bytes(dtype, &native[i * dtype.size()..][..dtype.size()]).unwrap().to_f64();
            match BigRational::from_float(w) {
                Some(w) => want[slot - 1] += w,
                None => special[slot - 1] += w,
            }
        }
    }
    let (out, sums) = h.weights().unwrap();
    assert_eq!(out, dtype);
    for (i, b) in sums.chunks(dtype.size()).enumerate() {
        let got = Scalar::from_bytes(dtype, b).unwrap().to_f64();
        if special[i] != 0.0 {
            assert!(got == special[i] || got.is_nan() && special[i].is_nan(), "{got} {}", special[i]);
            continue;
        }
        assert!(nearest(&want[i], got, dtype), "{dtype} bin {i}: {got:e}");
    }
}

/// Whether `got` is the float of `dtype` nearest to `exact`: no neighbour is nearer, and on a tie
/// the last bit is 0.
fn nearest(exact: &BigRational, got: f64, dtype: DType) -> bool {
    let (up, down, odd) = match dtype {
        DType::F16 => {
            let b = half::f16::from_f64(got).to_bits();
            let at = |k: i32| half::f16::from_bits((b as i32 + k) as u16).to_f64();
            if b & 0x7fff == 0 { (2f64.powi(-24), -2f64.powi(-24), 0) } else { (at(1), at(-1), b as u64 & 1) }
        }
        DType::F32 => {
            let g = got as f32;
            (g.next_up() as f64, g.next_down() as f64, g.to_bits() as u64 & 1)
        }
        _ => (got.next_up(), got.next_down(), got.to_bits() & 1),
    };
    let far = |v: f64| BigRational::from_float(v).map(|v| if &v > exact { v - exact } else { exact - v });
    let Some(own) = far(got) else { return exact.to_f64().is_some_and(|e| e.abs() >= 65504.0) };
    [up, down].into_iter().all(|v| far(v).is_none_or(|d| d > own || (d == own && odd == 0)))
}

#[test]
fn weighted_sums_are_exact_for_every_range_of_weights() {
    let mut rng = Rng(6);
    for dtype in [DType::F16, DType::F32, DType::F64] {
        let wide = match dtype {
            DType::F16 => 4,
            DType::F32 => 37,
            _ => 300,
        };
        for bins in [3, 700, 5000] {
            let n = 4000;
            let mut weights =
                |f: &mut dyn FnMut(&mut Rng) -> f64| -> Vec<f64> { (0..n).map(|_| f(&mut rng)).collect() };
            let sets = [
                weights(&mut |r| r.unit()),
                weights(&mut |r| (r.unit() - 0.5) * 10f64.powi(r.below(wide) as i32 - wide as i32 / 2)),
                weights(&mut |r| if r.below(2) == 0 { 0.0 } else { -r.unit() }),
                weights(&mut |r| if r.below(900) == 0 { 1e30 } else { r.unit() }),
                weights(&mut |r| if r.below(900) == 0 { 1e-30 } else { r.unit() }),
                weights(&mut |r| 5e-324 * r.below(1000) as f64),
                weights(&mut |_| -0.0),
            ];
            for set in sets {
                weighted(dtype, &set, bins, &mut rng);
            }
        }
    }
    let specials: Vec<f64> = (0..3000).map(|i| if i == 1500 { f64::INFINITY } else { 1.5 }).collect();
    weighted(DType::F64, &specials, 3, &mut rng);
    let specials: Vec<f64> = (0..3000).map(|i| if i == 700 { f64::NAN } else { 1.5 }).collect();
    weighted(DType::F32, &specials, 3, &mut rng);
}

#[test]
fn a_cell_is_emptied_before_it_overflows() {
    // The first block makes a window, the others fill it to the brim in one bin, for more rows
    // than cells can hold; then the same with integers.
    let n = 1_300_000usize;
    let brim = 256.0f64.next_down();
    let w: Vec<f64> = (0..n).map(|i| if i < 1024 { 1.0f64.next_down() } else { brim }).collect();
    let ints: Vec<i64> = (0..n).map(|i| if i % 2 == 0 { i64::MIN } else { i64::MAX }).collect();
    // all rows in one bin, and two bins in turns; bins of each way to keep cells
    for (bins, every) in [2u64, 1000, 9000].into_iter().flat_map(|b| [(b, 1), (b, 4)]) {
        let x: Vec<u8> = (0..n).map(|i| (i % every < 2) as u8).collect();
        let edges = Edges::uniform(0.0, bins as f64, bins).unwrap();
        let spec = |dtype| HistogramSpec::new(vec![edges.clone()], vec![DType::U8], Some(dtype)).unwrap();
        let sum = |dtype, weights: &[u8], simd| {
            let spec = spec(dtype);
            let mut state = State::new(&spec).unwrap();
            let tile = Tile { coords: &[&x], logs: &[], weights: Some(weights), mask: None, n };
            state.update(&spec, tile, &mut Scratch::new(), simd).unwrap();
            let h = state.finish(&spec).unwrap();
            assert_eq!(h.counts()[1], x.iter().filter(|&&x| x == 1).count() as u64);
            let (dtype, bytes) = h.weights().unwrap();
            Scalar::from_bytes(dtype, &bytes[8..16]).unwrap()
        };
        // in units of 2^-53
        let unit = (1u64 << 53) as f64;
        let units: i128 = w.iter().zip(&x).map(|(&w, &x)| (w * unit) as i128 * x as i128).sum();
        let want = BigRational::new(units.into(), (1i128 << 53).into());
        let int: i128 = ints.iter().zip(&x).map(|(&v, &x)| v as i128 * x as i128).sum();
        for simd in Simd::available() {
            let got = sum(DType::F64, bytemuck::cast_slice(&w), simd).to_f64();
            assert!(nearest(&want, got, DType::F64), "{got}");
            assert_eq!(sum(DType::I64, bytemuck::cast_slice(&ints), simd), Scalar::I64(int as i64));
        }
    }
}

#[test]
fn integer_weights_are_exact_or_an_overflow() {
    let mut rng = Rng(7);
    let x = [0.5f64; 40];
    let columns: Vec<&[u8]> = vec![bytemuck::cast_slice(&x)];
    let edges = Edges::uniform(0.0, 1.0, 1).unwrap();
    let spec = |w| HistogramSpec::new(vec![edges.clone()], vec![DType::F64], Some(w)).unwrap();
    macro_rules! sum_of {
        ($ty:ty, $w:expr, $dtype:expr, $out:expr) => {{
            let w: Vec<$ty> = $w;
            let native: Vec<u8> = w.iter().flat_map(|w| w.to_ne_bytes()).collect();
            let data = Data { columns: columns.clone(), weights: Some(&native), mask: None, n: 40 };
            let h = data.run(&spec($dtype), &mut rng);
            let (dtype, b) = h.weights().unwrap();
            assert_eq!(dtype, $out);
            let want: BigInt = w.iter().map(|&w| BigInt::from(w)).sum();
            assert_eq!(
                Scalar::from_bytes(dtype, b).unwrap().to_i128().unwrap().to_string(),
                want.to_string()
            );
        }};
    }
    sum_of!(i8, (0..40).map(|i| if i % 2 == 0 { i8::MIN } else { i }).collect(), DType::I8, DType::I64);
    sum_of!(u8, vec![1; 40], DType::Bool, DType::I64);
    sum_of!(u16, vec![u16::MAX; 40], DType::U16, DType::U64);
    sum_of!(
        i64,
        (0..40).map(|i| if i % 2 == 0 { i64::MAX } else { -i64::MAX + i }).collect(),
        DType::I64,
        DType::I64
    );
    let native: Vec<u8> = [u64::MAX; 40].iter().flat_map(|w| w.to_ne_bytes()).collect();
    let mut state = State::new(&spec(DType::U64)).unwrap();
    let tile = Tile { coords: &columns, logs: &[], weights: Some(&native), mask: None, n: 40 };
    state.update(&spec(DType::U64), tile, &mut Scratch::new(), Simd::best()).unwrap();
    assert_eq!(state.finish(&spec(DType::U64)).unwrap_err().kind(), ErrorKind::Overflow);
}

#[test]
fn bad_bins_and_tiles_are_errors() {
    let kind = |r: crate::error::Result<Edges>| r.unwrap_err().kind();
    for (lo, hi) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (-f64::MAX, f64::MAX), (1e300, 1e300)]
    {
        assert_eq!(kind(Edges::uniform(lo, hi, 10)), ErrorKind::Value, "{lo} {hi}");
    }
    for bins in [0, MAX_AXIS_BINS + 1, u64::MAX] {
        assert_eq!(kind(Edges::uniform(0.0, 1.0, bins)), ErrorKind::Value);
        assert_eq!(kind(Edges::log(1.0, 2.0, bins)), ErrorKind::Value);
    }
    assert_eq!(kind(Edges::uniform(1.0, 1.0f64.next_up(), 2)), ErrorKind::Value);
    for (lo, hi) in [(0.0, 1.0), (-1.0, 1.0), (1.0, 1.0), (2.0, 1.0), (1.0, f64::INFINITY)] {
        assert_eq!(kind(Edges::log(lo, hi, 3)), ErrorKind::Value);
    }
    for edges in [vec![], vec![1.0, f64::NAN], vec![1.0, 0.0]] {
        assert_eq!(kind(Edges::explicit(edges)), ErrorKind::Value);
    }
    let axis = Edges::uniform(0.0, 1.0, 1 << 11).unwrap();
    let new = |n: usize| HistogramSpec::new(vec![axis.clone(); n], vec![DType::F32; n], None);
    assert_eq!(new(0).unwrap_err().kind(), ErrorKind::Value);
    assert_eq!(new(3).unwrap_err().kind(), ErrorKind::Value);
    assert_eq!(new(4).unwrap_err().kind(), ErrorKind::Value);
    assert_eq!(HistogramSpec::new(vec![axis.clone()], vec![], None).unwrap_err().kind(), ErrorKind::Shape);
    let spec = new(1).unwrap();
    let mut state = State::new(&spec).unwrap();
    let mut scratch = Scratch::new();
    let column: &[&[u8]] = &[&[0; 8]];
    for tile in [
        Tile { coords: column, logs: &[], weights: None, mask: None, n: 3 },
        Tile { coords: &[], logs: &[], weights: None, mask: None, n: 2 },
        Tile { coords: column, logs: &[], weights: Some(&[0; 8]), mask: None, n: 2 },
        Tile { coords: column, logs: &[], weights: None, mask: Some(&[0; 2]), n: 2 },
    ] {
        assert_eq!(
            state.update(&spec, tile, &mut scratch, Simd::best()).unwrap_err().kind(),
            ErrorKind::Internal
        );
    }
    assert!(state.merge(&State::new(&new(2).unwrap()).unwrap()).is_err());
    assert!(state.finish(&new(2).unwrap()).is_err());
    assert_eq!(state.finish(&spec).unwrap().total(), 0);
}

#[test]
fn specs_and_edges_survive_serde_and_refuse_bad_ones() {
    let edges = vec![Edges::log(0.1, 7.0, 9).unwrap(), Edges::explicit(vec![-0.0, 0.0, 1.0]).unwrap()];
    let spec = HistogramSpec::new(edges, vec![DType::F16, DType::I64], Some(DType::F64)).unwrap().with_mask();
    let text = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<HistogramSpec>(&text).unwrap(), spec);
    assert_ne!(Edges::explicit(vec![-0.0, 1.0]).unwrap(), Edges::explicit(vec![0.0, 1.0]).unwrap());
    let nan = text.replace(&(-0.0f64).to_bits().to_string(), &f64::NAN.to_bits().to_string());
    assert_ne!(nan, text);
    assert!(serde_json::from_str::<HistogramSpec>(&nan).is_err());
    assert!(spec.bytes_per_state() >= spec.bins() * spec.bytes_per_bin());
}
