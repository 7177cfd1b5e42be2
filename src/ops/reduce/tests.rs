//! Against NumPy's answers, and any split of the data against the whole.

use super::*;
use crate::dtype::{DType, Scalar};
use crate::error::ErrorKind;
use crate::ops::simd::Simd;
use serde_json::Value as Json;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

fn pack(dtype: DType, bits: impl IntoIterator<Item = u64>) -> Vec<u8> {
    bits.into_iter().flat_map(|b| b.to_le_bytes()[..dtype.size()].to_vec()).collect()
}

/// Bytes at an alignment for every dtype.
fn aligned(bytes: &[u8]) -> crate::buffer::Buffer {
    let mut b = crate::buffer::Buffer::zeroed(bytes.len());
    b.copy_from_slice(bytes);
    b
}

fn cast(bytes: &[u8], from: DType, to: DType) -> Vec<u8> {
    if from == to {
        return bytes.to_vec();
    }
    bytes
        .chunks_exact(from.size())
        .flat_map(|b| {
            let s = Scalar::from_bytes(from, b).unwrap();
            let v = s.to_f64();
            match to {
                DType::F16 => Scalar::F16(half::f16::from_f64(v)).to_bytes(),
                DType::F32 => Scalar::F32(v as f32).to_bytes(),
                DType::F64 => Scalar::F64(v).to_bytes(),
                DType::Bool => Scalar::Bool(v != 0.0).to_bytes(),
                _ => pack(to, [s.to_i128().unwrap_or(v as i128) as u64]).into(),
            }
        })
        .collect()
}

/// All of `values` into one output.
fn whole(spec: &ReduceSpec, values: &[u8], weights: Option<&[u8]>, mask: Option<&[u8]>) -> State {
    let mut s = State::new(spec, 1);
    let values = aligned(values);
    let weights = weights.map(aligned);
    let len = values.len() / spec.compute_dtype().size();
    let tile = Tile { values: &values, weights: weights.as_deref(), mask };
    s.update(tile, Run { start: 0, len, output: 0, position: 0, along: Along::Reduced }, Simd::best());
    s
}

fn bytes_of(s: &State) -> crate::Result<(Vec<u8>, Notes)> {
    let mut out = vec![0; s.outputs() * s.spec().out_dtype().size()];
    s.finish(&mut out).map(|n| (out, n))
}

/// Apart by at most 4 steps of the format `steps`, or both NaN.
fn is_close(a: &[u8], b: &[u8], dtype: DType, steps: DType) -> bool {
    let (x, y) =
        (Scalar::from_bytes(dtype, a).unwrap().to_f64(), Scalar::from_bytes(dtype, b).unwrap().to_f64());
    let epsilon = match steps {
        DType::F16 => 2f64.powi(-10),
        DType::F32 => 2f64.powi(-23),
        _ => 2f64.powi(-52),
    };
    (x.is_nan() && y.is_nan()) || x == y || (x - y).abs() <= 4.0 * epsilon * x.abs().max(y.abs())
}

#[test]
fn equals_numpy() {
    let golden: Json = serde_json::from_str(include_str!("../../../tests/goldens/reduce.json")).unwrap();
    let hex = |v: &Json| u64::from_str_radix(v.as_str().unwrap(), 16).unwrap();
    let all = |v: &Json| v.as_array().unwrap().iter().map(hex).collect::<Vec<_>>();
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() > 1500);
    let mut failures = Vec::new();
    for case in cases {
        let row = Reduction::from_name(case[0].as_str().unwrap()).unwrap();
        let dtype = DType::from_name(case[1].as_str().unwrap()).unwrap();
        let options = case[3].as_object().unwrap();
        let name = |k: &str| options.get(k).map(|v| DType::from_name(v.as_str().unwrap()).unwrap());
        let set = format!("{dtype} {}", case[2].as_str().unwrap());
        let mut inputs = vec![dtype];
        inputs.extend(name("wdtype"));
        let build = || -> crate::Result<ReduceSpec> {
            let mut spec = ReduceSpec::new(row, &inputs)?;
            if let Some(d) = options.get("ddof") {
                spec = spec.with_ddof(d.as_f64().unwrap())?;
            }
            if let Some(d) = name("dtype") {
                spec = spec.with_dtype(d)?;
            }
            if options.contains_key("where") { spec.with_mask() } else { Ok(spec) }
        };
        let run = || -> crate::Result<(DType, Vec<u8>)> {
            let spec = build()?;
            let text = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<ReduceSpec>(&text).unwrap(), spec);
            let compute = spec.compute_dtype();
            let values = cast(&pack(dtype, all(&golden["sets"][&set])), dtype, compute);
            let weights = options.get("weights").map(|w| cast(&pack(inputs[1], all(w)), inputs[1], compute));
            let mask: Option<Vec<u8>> = options
                .get("where")
                .map(|m| m.as_array().unwrap().iter().map(|b| b.as_bool().unwrap() as u8).collect());
            let state = whole(&spec, &values, weights.as_deref(), mask.as_deref());
            Ok((spec.out_dtype(), bytes_of(&state)?.0))
        };
        match (run(), case[4].as_str().unwrap()) {
            (Ok((out, bytes)), want) => {
                if out.name() != want {
                    failures.push(format!("{case}: {out}"));
                    continue;
                }
                let want = pack(out, [hex(&case[5])]);
                let family = row.row().family;
                let rounds = matches!(
                    family,
                    Family::Mean | Family::Var | Family::Std | Family::Average | Family::Sum | Family::Prod
                );
                // NumPy's nanvar subtracts the mean in the dtype of the data, whatever dtype= says
                let inner = row.row().skips_nan && matches!(family, Family::Var | Family::Std);
                let steps = if inner && dtype.is_float() { out.min(dtype) } else { out };
                let good = if out.is_float() && rounds {
                    is_close(&bytes, &want, out, steps)
                } else {
                    bytes == want
                };
                let nan = Scalar::from_bytes(out, &bytes).unwrap().to_f64().is_nan();
                if !(good || (nan && is_close(&bytes, &want, out, out))) {
                    failures.push(format!("{case}: {bytes:?}"));
                }
            }
            (Err(e), "error") => {
                let kind = if case[5] == "TypeError" { ErrorKind::Type } else { ErrorKind::Value };
                assert_eq!(e.kind(), kind, "{case}: {e}");
            }
            (Err(e), _) => failures.push(format!("{case}: {e}")),
        }
    }
    assert!(failures.is_empty(), "{} differ: {:#?}", failures.len(), &failures[..failures.len().min(30)]);
}

/// Random values of a dtype; floats with a few NaN, infinities and zeros where `hard`.
fn random_values(r: &mut Random, dtype: DType, n: usize, hard: usize) -> Vec<u8> {
    let mut one = || -> u64 {
        let bits = r.next();
        match dtype {
            DType::Bool => bits & 1,
            // products of few of these fit
            d if !d.is_float() => match hard {
                0 => bits % 3 + (bits >> 40 & 1),
                _ => bits,
            },
            d => {
                let v = match (hard, bits % 50) {
                    (2, 0) => f64::NAN,
                    (2, 1) => f64::INFINITY,
                    (1 | 2, 2) => -0.0,
                    (1 | 2, 3) => 0.0,
                    (1, _) => (bits >> 12) as f64 * 2f64.powi((bits % 60) as i32 - 90),
                    _ => (bits >> 40) as f64 / (1 << 23) as f64 - 1.0,
                };
                match d {
                    DType::F16 => half::f16::from_f64(v).to_bits() as u64,
                    DType::F32 => (v as f32).to_bits() as u64,
                    _ => v.to_bits(),
                }
            }
        }
    };
    let bits: Vec<u64> = (0..n).map(|_| one()).collect();
    pack(dtype, bits)
}

#[test]
fn any_split_gives_the_same_bits() {
    let mut r = Random(4);
    let (rows, width) = (37, 61);
    for row in Reduction::all() {
        for dtype in DType::ALL {
            for (hard, masked) in [(0, false), (1, true), (2, false), (2, true)] {
                let inputs = vec![dtype; row.row().inputs];
                let Ok(spec) = ReduceSpec::new(row, &inputs) else { panic!("{row} {dtype}") };
                let spec = match spec.clone().with_mask() {
                    Ok(s) if masked => s,
                    _ => spec,
                };
                let spec = if row.row().takes_ddof { spec.with_ddof(1.0).unwrap() } else { spec };
                let compute = spec.compute_dtype();
                let n = rows * width;
                let values = aligned(&random_values(&mut r, compute, n, hard));
                let weights = spec.weights_dtype().map(|d| aligned(&random_values(&mut r, d, n, hard)));
                let mask: Option<Vec<u8>> =
                    spec.has_mask().then(|| (0..n).map(|_| (r.below(4) != 0) as u8).collect());
                let tile = Tile { values: &values, weights: weights.as_deref(), mask: mask.as_deref() };
                // columns are reduced: element (i, j) goes to output j at position i
                let column = |i: usize, j: usize| Run {
                    start: i * width + j,
                    len: 1,
                    output: j,
                    position: i as u64,
                    along: Along::Reduced,
                };
                let mut want = State::new(&spec, width);
                for i in 0..rows {
                    (0..width).for_each(|j| want.update(tile, column(i, j), Simd::BASELINE));
                }
                let want = bytes_of(&want).map_err(|e| e.to_string());
                for simd in Simd::available() {
                    let mut parts: Vec<State> = (0..3).map(|_| State::new(&spec, width)).collect();
                    let mut order: Vec<usize> = (0..rows).collect();
                    (1..rows).for_each(|i| order.swap(i, r.below(i + 1)));
                    for i in order {
                        let k = r.below(3);
                        let cut = r.below(width + 1);
                        for (from, to) in [(cut, width), (0, cut)] {
                            let run = Run { len: to - from, along: Along::Kept, ..column(i, from) };
                            parts[k].update(tile, run, simd);
                        }
                    }
                    let text = serde_json::to_string(&parts[1]).unwrap();
                    parts[1] = serde_json::from_str(&text).unwrap();
                    let mut got = State::new(&spec, width);
                    got.merge_at(0, &parts[2]);
                    got.merge(&parts[0]);
                    got.merge(&parts[1]);
                    let got = bytes_of(&got).map_err(|e| e.to_string());
                    assert_eq!(got, want, "{row} {dtype} hard {hard} {}", simd.name());
                }
                // all into one output, in one run, and in pieces merged backwards
                let run = |from: usize, to: usize| Run {
                    start: from,
                    len: to - from,
                    output: 0,
                    position: from as u64,
                    along: Along::Reduced,
                };
                let mut one = State::new(&spec, 1);
                one.update(tile, run(0, n), Simd::best());
                let one = bytes_of(&one).map_err(|e| e.to_string());
                let mut total = State::new(&spec, 1);
                let mut end = n;
                while end > 0 {
                    let start = end.saturating_sub(1 + r.below(900));
                    let mut piece = State::new(&spec, 1);
                    piece.update(tile, run(start, end), Simd::BASELINE);
                    total.merge(&piece);
                    end = start;
                }
                assert_eq!(bytes_of(&total).map_err(|e| e.to_string()), one, "{row} {dtype} hard {hard}");
            }
        }
    }
}

fn of_f64(name: &str, v: &[f64]) -> crate::Result<(f64, Notes)> {
    let spec = ReduceSpec::new(Reduction::from_name(name).unwrap(), &[DType::F64]).unwrap();
    let (bytes, notes) = bytes_of(&whole(&spec, bytemuck::cast_slice(v), None, None))?;
    Ok((f64::from_ne_bytes(bytes.try_into().unwrap()), notes))
}

fn of_i64(name: &str, v: &[i64]) -> crate::Result<i64> {
    let spec = ReduceSpec::new(Reduction::from_name(name).unwrap(), &[DType::I64]).unwrap();
    let (bytes, _) = bytes_of(&whole(&spec, bytemuck::cast_slice(v), None, None))?;
    Ok(i64::from_ne_bytes(bytes.try_into().unwrap()))
}

#[test]
fn zeros_extremes_and_notes() {
    let bits = |name: &str, v: &[f64]| of_f64(name, v).unwrap().0.to_bits();
    assert_eq!(bits("min", &[0.0, -0.0]), (-0.0f64).to_bits());
    assert_eq!(bits("max", &[-0.0, 0.0]), 0);
    assert_eq!(bits("sum", &[-0.0, -0.0]), 0);
    assert_eq!(bits("prod", &[-0.0, 2.0]), (-0.0f64).to_bits());
    assert_eq!(bits("min", &[1.0, -f64::NAN]), 0x7ff8 << 48);
    assert_eq!(bits("max", &[f64::NAN, f64::INFINITY]), 0x7ff8 << 48);
    assert_eq!(bits("nanmax", &[f64::NAN, f64::NEG_INFINITY]), f64::NEG_INFINITY.to_bits());
    assert_eq!(of_f64("mean", &[]).unwrap().1, Notes::MEAN_OF_EMPTY);
    assert_eq!(of_f64("var", &[]).unwrap().1, Notes::NO_FREEDOM);
    assert_eq!(of_f64("nanmin", &[f64::NAN]).unwrap().1.texts().next(), Some("all-NaN slice encountered"));
    let e = of_f64("min", &[]).unwrap_err();
    assert_eq!(e.message(), "zero-size array to reduction operation min which has no identity");
    assert_eq!(of_f64("nanargmin", &[f64::NAN]).unwrap_err().kind(), ErrorKind::Value);
    let position = |name: &str, v: &[f64]| {
        let spec = ReduceSpec::new(Reduction::from_name(name).unwrap(), &[DType::F64]).unwrap();
        i64::from_ne_bytes(
            bytes_of(&whole(&spec, bytemuck::cast_slice(v), None, None)).unwrap().0.try_into().unwrap(),
        )
    };
    assert_eq!(position("argmin", &[0.0, -0.0]), 0);
    assert_eq!(position("argmax", &[-0.0, 0.0]), 0);
    assert_eq!(position("argmax", &[1.0, f64::NAN, 2.0, f64::NAN]), 1);
    assert_eq!(position("nanargmax", &[1.0, f64::NAN, 2.0, 2.0]), 2);
}

#[test]
fn integers_never_wrap() {
    assert_eq!(of_i64("sum", &[i64::MAX, i64::MAX, i64::MIN, i64::MIN, 5]).unwrap(), 3);
    assert_eq!(of_i64("sum", &[i64::MAX, 1]).unwrap_err().kind(), ErrorKind::Overflow);
    assert_eq!(of_i64("prod", &[i64::MAX, 4, -7, 0]).unwrap(), 0);
    assert_eq!(of_i64("prod", &[1 << 31, -(1 << 32)]).unwrap(), i64::MIN);
    assert_eq!(of_i64("prod", &[1 << 31, 1 << 32]).unwrap_err().kind(), ErrorKind::Overflow);
    assert_eq!(of_i64("max", &[i64::MIN]).unwrap(), i64::MIN);
    assert_eq!(of_i64("argmin", &[i64::MAX, i64::MAX]).unwrap(), 0);
    assert_eq!(of_i64("argmax", &[i64::MIN, i64::MIN]).unwrap(), 0);
    let spec = ReduceSpec::new(Reduction::Sum, &[DType::I8]).unwrap().with_dtype(DType::I8).unwrap();
    let s = whole(&spec, &[100, 100], None, None);
    assert_eq!(bytes_of(&s).unwrap_err().kind(), ErrorKind::Overflow);
    // squares beyond 128 bits
    let spec = ReduceSpec::new(Reduction::Var, &[DType::U64]).unwrap();
    let v = [u64::MAX, u64::MAX, 0, 0];
    let (bytes, _) = bytes_of(&whole(&spec, bytemuck::cast_slice(&v), None, None)).unwrap();
    assert_eq!(f64::from_ne_bytes(bytes.try_into().unwrap()), 2f64.powi(126));
}

#[test]
fn products_are_rounded_once() {
    use num_bigint::BigUint;
    let mut r = Random(8);
    for n in [1, 2, 4, 5, 6, 30, 300] {
        // odd 53-bit integers: the exact product is one too
        let m: Vec<u64> = (0..n).map(|_| r.next() >> 11 | 1).collect();
        let v: Vec<f64> = m.iter().map(|&m| m as f64 * 2f64.powi(-52)).collect();
        let got = of_f64("prod", &v).unwrap().0;
        let exact: BigUint = m.iter().map(|&m| BigUint::from(m)).product();
        let drop = exact.bits() as i64 - 53;
        let (kept, half) = (&exact >> drop.max(0) as u64, BigUint::from(1u8) << (drop - 1).max(0) as u64);
        let rest = &exact - (&kept << drop.max(0) as u64);
        let up = drop > 0 && (rest > half || rest == half && kept.bit(0));
        let kept = u64::try_from(kept).unwrap() + up as u64;
        let want = kept as f64
            * 2f64.powi((drop.max(0) - 52 * n as i64) as i32 / 2)
            * 2f64.powi((drop.max(0) - 52 * n as i64) as i32 - (drop.max(0) - 52 * n as i64) as i32 / 2);
        assert_eq!(got, want, "{n}");
    }
    // intermediates leave the range of float64, ties and powers of two are exact
    let (big, tiny) = (2f64.powi(1000), 2f64.powi(-1000));
    assert_eq!(of_f64("prod", &[1.5 * big, -big, tiny, tiny]).unwrap().0, -1.5);
    assert_eq!(of_f64("prod", &[5e-324, 0.5]).unwrap().0, 0.0);
    assert_eq!(of_f64("prod", &[5e-324, 1.5]).unwrap().0, 1e-323);
    assert_eq!(of_f64("prod", &vec![2.0; 1025]).unwrap().0, f64::INFINITY);
    let mut v = vec![2.0; 100_000];
    v.extend(vec![0.5; 100_001]);
    assert_eq!(of_f64("prod", &v).unwrap().0, 0.5);
}

#[test]
fn the_table_is_consistent() {
    for (k, r) in Reduction::all().enumerate() {
        let row = r.row();
        assert_eq!((row.reduction, r as usize), (r, k));
        assert_eq!(Reduction::from_name(row.name), Some(r));
        assert_eq!(serde_json::to_string(&r).unwrap(), format!("\"{}\"", row.name));
        assert!(row.doc.ends_with('.'));
        assert_eq!(row.skips_nan, row.name.starts_with("nan"));
        let spec = ReduceSpec::new(r, &vec![DType::F32; row.inputs]).unwrap();
        assert_eq!(spec.clone().with_dtype(DType::F64).is_ok(), row.takes_dtype);
        assert_eq!(spec.clone().with_ddof(1.0).is_ok(), row.takes_ddof);
        assert_eq!(spec.clone().with_mask().is_ok(), row.takes_where);
        assert!(ReduceSpec::new(r, &[]).is_err());
        let empty = State::new(&spec, 1);
        match (row.empty, bytes_of(&empty)) {
            (Empty::Error, Err(e)) => assert_eq!(e.kind(), ErrorKind::Value),
            (Empty::Nan, Ok((b, notes))) => {
                assert!(f32::from_ne_bytes(b.try_into().unwrap()).is_nan() && !notes.is_empty());
            }
            (Empty::Zero, Ok((b, _))) => assert!(b.iter().all(|&x| x == 0)),
            (Empty::One, Ok((b, _))) => assert!(b == [1] || b == 1f32.to_ne_bytes()),
            (e, got) => panic!("{r}: {e:?} {got:?}"),
        }
    }
    assert!(ReduceSpec::new(Reduction::Var, &[DType::F32]).unwrap().with_ddof(-1.0).is_err());
    assert!(ReduceSpec::new(Reduction::Var, &[DType::F32]).unwrap().with_ddof(f64::NAN).is_err());
    assert!(ReduceSpec::new(Reduction::Mean, &[DType::I32]).unwrap().with_dtype(DType::I32).is_err());
}

#[test]
fn a_damaged_partial_is_refused() {
    let spec = ReduceSpec::new(Reduction::Mean, &[DType::F32]).unwrap();
    let text = serde_json::to_string(&State::new(&spec, 2)).unwrap();
    assert!(serde_json::from_str::<State>(&text).is_ok());
    for (from, to) in [
        ("\"outputs\":2", "\"outputs\":3"),
        ("[0,0]", "[0]"),
        ("\"mean\"", "\"var\""),
        ("\"F32\"", "\"F64\""),
    ] {
        let bad = text.replace(from, to);
        assert_ne!(bad, text);
        assert!(serde_json::from_str::<State>(&bad).is_err(), "{bad}");
    }
}

/// `cargo test --release reduce::tests::speed -- --ignored --nocapture`
#[test]
#[ignore]
fn speed() {
    let mut r = Random(6);
    let n = 1 << 16;
    for row in Reduction::all() {
        for dtype in [DType::F32, DType::F64, DType::I32] {
            let spec = ReduceSpec::new(row, &vec![dtype; row.row().inputs]).unwrap();
            let values = aligned(&random_values(&mut r, spec.compute_dtype(), n, 0));
            let weights = spec.weights_dtype().map(|_| &*values);
            let tile = Tile { values: &values, weights, mask: None };
            let mut line = format!("{:14} {:8}", row.name(), dtype.name());
            for along in [Along::Reduced, Along::Kept] {
                let mut s = State::new(&spec, n);
                let mut best = f64::MAX;
                for k in 0..10 {
                    let t = std::time::Instant::now();
                    s.update(tile, Run { start: 0, len: n, output: 0, position: k, along }, Simd::best());
                    best = best.min(t.elapsed().as_secs_f64());
                }
                line += &format!(" {along:?} {:8.0} M/s", n as f64 / best / 1e6);
            }
            println!("{line}");
        }
    }
}
