//! The table against NumPy (dtype rules, values), the functions against the platform's float64
//! library and mpmath, and every kernel against itself at other vector levels and places.
//! Goldens: tests/goldens/make_elementwise.py.

// A NaN error must count as a failure, so `!(a <= b)`.
#![allow(clippy::neg_cmp_op_on_partial_ord, clippy::type_complexity)]

use super::form::Class;
use super::*;
use crate::buffer::Buffer;
use crate::dtype::DType::*;
use serde_json::Value;

const CHARS: &str = "?bhiqBHIQefd";
const RULES: &str = include_str!("../../../tests/goldens/elementwise_rules.json");
const VALUES: &str = include_str!("../../../tests/goldens/elementwise_values.json");
const POINTS: &str = include_str!("../../../tests/goldens/elementwise_f64.txt");

fn dtype(c: char) -> DType {
    DType::ALL[CHARS.find(c).unwrap()]
}

fn op(name: &str) -> Op {
    Op::from_name(name).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// splitmix64
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn buffer(bytes: &[u8]) -> Buffer {
    let mut b = Buffer::zeroed(bytes.len());
    b.copy_from_slice(bytes);
    b
}

fn run(op: Op, signature: &Signature, simd: Simd, args: &[&[u8]], n: usize) -> (Buffer, Events) {
    let mut out = Buffer::zeroed(n * signature.out.size());
    let events = op.kernel(signature, simd).run(args, &mut out);
    (out, events)
}

#[test]
fn the_table_is_consistent() {
    let mut names = std::collections::HashSet::new();
    let mut symbols = std::collections::HashSet::new();
    for op in Op::all() {
        let row = op.row();
        for name in std::iter::once(&row.name).chain(row.aliases) {
            assert!(names.insert(*name), "{name} twice");
            assert_eq!(Op::from_name(name), Some(op));
        }
        assert!(row.doc.ends_with('.') && !row.bound.domain.is_empty(), "{op}");
        assert!((1..=3).contains(&op.arity()), "{op}");
        if let Some(symbol) = row.symbol {
            assert!(symbols.insert((symbol, op.arity())), "{symbol} twice");
            assert_eq!(Op::from_symbol(symbol, op.arity()), Some(op));
        }
        let text = serde_json::to_string(&op).unwrap();
        assert_eq!(text, format!("\"{}\"", row.name));
        assert_eq!(serde_json::from_str::<Op>(&text).unwrap(), op);
    }
    assert!(serde_json::from_str::<Op>("\"nothing\"").is_err());
    assert_eq!(Op::from_symbol("-", 1).unwrap().name(), "negative");
}

/// A form that no dtypes reach, as one before it takes them, would be dead text.
#[test]
fn every_form_computes_some_signature() {
    for op in Op::all() {
        let found: Vec<*const Form> =
            signatures(op).iter().map(|s| op.form(s).unwrap() as *const Form).collect();
        for form in op.row().forms {
            assert!(found.contains(&(form as *const Form)), "{op}: {form:?}");
        }
        // A number of arguments that the row does not have is no signature of it.
        let mut signature = signatures(op).remove(0);
        signature.args.push(signature.args[0]);
        assert!(op.form(&signature).is_none() && op.try_kernel(&signature, Simd::BASELINE).is_err(), "{op}");
    }
}

/// NumPy's rules for every row; its values for every row that has one right answer, and an oracle for the others.
#[test]
fn every_row_has_its_golden() {
    let (rules, values) = (json(RULES), json(VALUES));
    for op in Op::all().filter(|op| op.arity() < 3) {
        let kind = if op.arity() == 1 { "unary" } else { "binary" };
        assert!(rules[kind][op.name()].is_array() || rules[kind][op.name()].is_string(), "{op}: dtype rules");
        let measured = ORACLES.iter().any(|o| o.0 == op.name()) || ORACLES2.iter().any(|o| o.0 == op.name());
        for (c, d) in CHARS.chars().zip(DType::ALL) {
            // NumPy's reciprocal of 0 depends on the platform; powers of bool are those of int8.
            let open = (op == Op::RECIPROCAL && !d.is_float()) || (op == Op::POWER && d == Bool);
            if op.signature(&vec![Operand::Strong(d); op.arity()]).is_ok()
                && !(measured && d.is_float())
                && !open
            {
                assert!(values[kind][format!("{op} {c}")].is_string() || measured, "{op} of {d}: values");
            }
        }
    }
}

#[test]
fn dtypes_are_numpys() {
    let rules = json(RULES);
    let check = |name: &str, operands: &[Operand], expected: char| {
        // Where this differs on purpose: sign of bool, where with an integer too large.
        if expected == 'V' {
            return;
        }
        let got = match op(name).signature(operands) {
            Ok(s) => CHARS.chars().nth(DType::ALL.iter().position(|d| *d == s.out).unwrap()).unwrap(),
            Err(e) if e.kind() == ErrorKind::Type => '!',
            Err(e) if e.kind() == ErrorKind::Overflow => 'O',
            Err(e) => panic!("{e}"),
        };
        if name == "where" && got == 'O' {
            return;
        }
        assert_eq!(got, expected, "{name} {operands:?}");
    };
    for (name, row) in rules["unary"].as_object().unwrap() {
        for (d, expected) in DType::ALL.into_iter().zip(row.as_str().unwrap().chars()) {
            check(name, &[Operand::Strong(d)], expected);
        }
    }
    let with = |name: &str, a, b| {
        if name == "where" { vec![Operand::Strong(Bool), a, b] } else { vec![a, b] }
    };
    for (name, rows) in rules["binary"].as_object().unwrap() {
        for (a, row) in DType::ALL.into_iter().zip(rows.as_array().unwrap()) {
            for (b, expected) in DType::ALL.into_iter().zip(row.as_str().unwrap().chars()) {
                check(name, &with(name, Operand::Strong(a), Operand::Strong(b)), expected);
            }
        }
    }
    for (name, by_scalar) in rules["weak"].as_object().unwrap() {
        for (text, sides) in by_scalar.as_object().unwrap() {
            let weak = match text.as_str() {
                "True" => Weak::Bool(true),
                "2.5" => Weak::Float(2.5),
                text => Weak::Int(text.parse().unwrap()),
            };
            for (i, d) in DType::ALL.into_iter().enumerate() {
                let expected = |side: usize| sides[side].as_str().unwrap().chars().nth(i).unwrap();
                check(name, &with(name, Operand::Strong(d), Operand::Weak(weak)), expected(0));
                check(name, &with(name, Operand::Weak(weak), Operand::Strong(d)), expected(1));
            }
        }
    }
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// `got` in `t` as little-endian bytes.
fn cast_to(from: DType, to: DType, bytes: &[u8]) -> Buffer {
    let n = bytes.len() / from.size();
    let mut out = Buffer::zeroed(n * to.size());
    cast(from, to, Simd::best()).run(&[&buffer(bytes)], &mut out);
    out
}

#[test]
#[cfg(target_endian = "little")]
fn values_are_numpys() {
    let values = json(VALUES);
    for (key, expected) in
        values["unary"].as_object().unwrap().iter().chain(values["binary"].as_object().unwrap())
    {
        let (name, c) = key.split_once(' ').unwrap();
        let (op, d) = (op(name), dtype(c.chars().next().unwrap()));
        let column = bytes(&values["in"][c]);
        let items: Vec<&[u8]> = column.chunks(d.size()).collect();
        let mut args: Vec<Vec<u8>> = if op.arity() == 1 {
            vec![column.clone()]
        } else {
            vec![
                items.iter().flat_map(|a| a.repeat(items.len())).collect(),
                items.iter().flat_map(|_| column.clone()).collect(),
            ]
        };
        let signature = op.signature(&vec![Operand::Strong(d); op.arity()]).unwrap();
        if name == "power" {
            // The script's exponents: abs(b) % 11.
            let b = run(
                self::op("absolute"),
                &self::op("absolute").signature(&[Operand::Strong(d)]).unwrap(),
                Simd::best(),
                &[&buffer(&args[1])],
                items.len().pow(2),
            )
            .0;
            let eleven = cast_to(U8, d, &vec![11; items.len().pow(2)]);
            let m = self::op("remainder");
            let b = run(
                m,
                &m.signature(&[Operand::Strong(d); 2]).unwrap(),
                Simd::best(),
                &[&b, &eleven],
                items.len().pow(2),
            )
            .0;
            args[1] = b.to_vec();
        }
        let n = args[0].len() / d.size();
        let cast_args: Vec<Buffer> =
            args.iter().zip(&signature.args).map(|(a, &t)| cast_to(d, t, a)).collect();
        let slices: Vec<&[u8]> = cast_args.iter().map(|b| &b[..]).collect();
        let (got, _) = run(op, &signature, Simd::best(), &slices, n);
        let expected = bytes(expected);
        assert_eq!(got.len(), expected.len(), "{key}");
        let size = signature.out.size();
        for (i, (g, e)) in got.chunks(size).zip(expected.chunks(size)).enumerate() {
            let value = |b: &[u8]| Scalar::from_bytes(signature.out, b).unwrap();
            let zeros = ["minimum", "maximum", "fmin", "fmax"].contains(&name)
                && value(g).to_f64() == 0.0
                && value(e).to_f64() == 0.0;
            let of = |a: &[u8]| {
                Scalar::from_bytes(signature.args[0], &a[i * size_of(&signature)..][..size_of(&signature)])
            };
            assert!(
                g == e || zeros || (value(g).to_f64().is_nan() && value(e).to_f64().is_nan()),
                "{key}: of {:?} got {}, NumPy has {}",
                slices.iter().map(|a| of(a)).collect::<Vec<_>>(),
                value(g),
                value(e)
            );
        }
    }
}

fn size_of(signature: &Signature) -> usize {
    signature.args[0].size()
}

/// Every signature over equal strong dtypes, and the mixed comparisons.
fn signatures(op: Op) -> Vec<Signature> {
    let mut all: Vec<Signature> = DType::ALL
        .into_iter()
        .filter_map(|d| op.signature(&vec![Operand::Strong(d); op.arity()]).ok())
        .collect();
    if op.arity() == 2 {
        all.extend(op.signature(&[Operand::Strong(I64), Operand::Strong(U64)]));
        all.extend(op.signature(&[Operand::Strong(U64), Operand::Strong(I64)]));
    }
    all.sort_by_key(|s| s.to_string());
    all.dedup();
    all
}

/// Hard and random elements of `d`.
fn inputs(d: DType, n: usize, seed: u64) -> Buffer {
    let mut state = seed;
    let mut b = Buffer::zeroed(n * d.size());
    for (i, e) in b.chunks_mut(d.size()).enumerate() {
        let bits = random(&mut state);
        let bits = match d {
            Bool => bits & 1,
            _ if i % 3 == 0 && d.is_float() => {
                let values =
                    [0.0, -0.0, 1.0, -1.0, f64::NAN, f64::INFINITY, -f64::INFINITY, 1e5, -0.3, 1e300, 2.5];
                let v = values[(bits % 11) as usize];
                match d {
                    F16 => ::half::f16::from_f64(v).to_bits() as u64,
                    F32 => (v as f32).to_bits() as u64,
                    _ => v.to_bits(),
                }
            }
            _ if i % 3 == 1 && !d.is_float() => bits % 9,
            _ => bits,
        };
        e.copy_from_slice(&bits.to_le_bytes()[..d.size()]);
    }
    b
}

/// One kernel at every level, length and offset gives what it gives element by element.
fn same_everywhere(what: &str, sizes: &[DType], out: DType, kernel: impl Fn(Simd) -> KernelAt) {
    const N: usize = 75;
    let args: Vec<Buffer> = sizes.iter().enumerate().map(|(i, &d)| inputs(d, N, i as u64 + 7)).collect();
    let cut = |from: usize, n: usize| -> Vec<&[u8]> {
        args.iter().zip(sizes).map(|(a, d)| &a[from * d.size()..(from + n) * d.size()]).collect()
    };
    let mut expected = Buffer::zeroed(N * out.size());
    let mut events = Vec::new();
    for i in 0..N {
        let e = kernel(Simd::BASELINE).run(&cut(i, 1), &mut expected[i * out.size()..][..out.size()]);
        events.push(e);
    }
    let mut got = Buffer::zeroed(N * out.size());
    for simd in Simd::available() {
        let k = kernel(simd);
        for offset in [0, 1, 3] {
            for n in 0..=70 {
                let e = k.run(&cut(offset, n), &mut got[..n * out.size()]);
                assert!(
                    got[..n * out.size()] == expected[offset * out.size()..][..n * out.size()],
                    "{what} at {} differs: offset {offset}, {n} elements",
                    simd.name()
                );
                let all = events[offset..offset + n].iter().fold(Events::NONE, |a, &b| a | b);
                assert_eq!(e, all, "{what}");
            }
        }
    }
}

#[test]
fn every_level_length_and_offset_gives_the_same_bits() {
    for op in Op::all() {
        for s in signatures(op) {
            same_everywhere(&format!("{op} {s}"), &s.args, s.out, |simd| op.kernel(&s, simd));
        }
    }
    for from in DType::ALL {
        for to in DType::ALL {
            same_everywhere(&format!("{from} to {to}"), &[from], to, |simd| cast(from, to, simd));
        }
    }
}

#[test]
fn computed_nans_are_canonical() {
    for op in Op::all() {
        for d in [F32, F64] {
            let Ok(s) = op.signature(&vec![Operand::Strong(d); op.arity()]) else { continue };
            if s.out != d {
                continue;
            }
            // Rows that only move bits keep a NaN's.
            let moves = matches!(op.form(&s).unwrap().class, Class::FloatBits | Class::Copy | Class::Select);
            let nan: Vec<u8> = if d == F32 {
                0xffc1_2345u32.to_le_bytes().to_vec()
            } else {
                0xfff8_0000_0012_3456u64.to_le_bytes().to_vec()
            };
            let nan = buffer(&nan);
            let (out, _) = run(op, &s, Simd::best(), &vec![&nan[..]; op.arity()], 1);
            let got = Scalar::from_bytes(d, &out).unwrap();
            let canonical = if d == F32 {
                f32::NAN.canonical_scalar()
            } else {
                Scalar::F64(f64::from_bits(0x7ff8 << 48))
            };
            let payload = |bytes: &[u8]| [&bytes[..d.size() - 1], &[bytes[d.size() - 1] & 0x7f]].concat();
            assert!(got == canonical || moves && payload(&out) == payload(&nan), "{op} {d}: {got:?}");
        }
    }
}

trait CanonicalScalar {
    fn canonical_scalar(self) -> Scalar;
}
impl CanonicalScalar for f32 {
    fn canonical_scalar(self) -> Scalar {
        Scalar::F32(f32::from_bits(0x7fc0_0000))
    }
}

#[test]
fn comparisons_with_integers_outside_the_dtype_are_right() {
    for d in DType::ALL.into_iter().filter(|d| !d.is_float()) {
        for v in [
            300i128,
            -300,
            -1,
            1 << 40,
            u64::MAX as i128,
            1 << 64,
            -(1 << 63) - 1,
            10i128.pow(30),
            -(10i128.pow(30)),
        ] {
            for (name, f) in [
                ("less", (|a, b| a < b) as fn(i128, i128) -> bool),
                ("less_equal", |a, b| a <= b),
                ("greater", |a, b| a > b),
                ("greater_equal", |a, b| a >= b),
                ("equal", |a, b| a == b),
                ("not_equal", |a, b| a != b),
            ] {
                for left in [false, true] {
                    let op = op(name);
                    let (x, w) = (Operand::Strong(d), Operand::Weak(Weak::Int(v)));
                    let s = op.signature(&if left { [w, x] } else { [x, w] }).unwrap();
                    let (wd, xd) = if left { (s.args[0], s.args[1]) } else { (s.args[1], s.args[0]) };
                    let weak = op.weak_value(Weak::Int(v), wd).unwrap().to_bytes();
                    let data = inputs(d, 20, 3);
                    for e in data.chunks(d.size()) {
                        let value = Scalar::from_bytes(d, e).unwrap().to_i128().unwrap();
                        let (x, w) = (cast_to(d, xd, e), buffer(&weak));
                        let args: [&[u8]; 2] = if left { [&w, &x] } else { [&x, &w] };
                        let (out, _) = run(op, &s, Simd::best(), &args, 1);
                        let expected = if left { f(v, value) } else { f(value, v) };
                        assert_eq!(out[0] == 1, expected, "{name} {d} {value} {v} {left}");
                    }
                }
            }
        }
    }
}

#[test]
fn events_are_reported() {
    let s = op("floor_divide").signature(&[Operand::Strong(I32); 2]).unwrap();
    let (a, b) =
        (buffer(bytemuck::cast_slice(&[7i32, i32::MIN, -7])), buffer(bytemuck::cast_slice(&[0i32, -1, 2])));
    let (out, e) = run(op("floor_divide"), &s, Simd::best(), &[&a, &b], 3);
    assert_eq!(bytemuck::cast_slice::<u8, i32>(&out), [0, i32::MIN, -4]);
    assert_eq!((e, e.notes().len()), (Events::DIVIDE_BY_ZERO, 1));
    let (_, e) = run(op("power"), &s, Simd::best(), &[&a, &b], 3);
    assert_eq!(e.check().unwrap_err().kind(), ErrorKind::Value);
    assert!(op("add").signature(&[Operand::Strong(I32)]).is_err());
}

// --- accuracy ----------------------------------------------------------------------------------

type Oracle = (&'static str, fn(f64) -> f64);
const ORACLES: &[Oracle] = &[
    ("exp", f64::exp),
    ("exp2", f64::exp2),
    ("expm1", f64::exp_m1),
    ("log", f64::ln),
    ("log2", f64::log2),
    ("log10", f64::log10),
    ("log1p", f64::ln_1p),
    ("sin", f64::sin),
    ("cos", f64::cos),
    ("tan", f64::tan),
    ("arcsin", f64::asin),
    ("arccos", f64::acos),
    ("arctan", f64::atan),
    ("sinh", f64::sinh),
    ("cosh", f64::cosh),
    ("tanh", f64::tanh),
    ("cbrt", f64::cbrt),
    ("sqrt", f64::sqrt),
    ("degrees", f64::to_degrees),
    ("radians", f64::to_radians),
    ("arcsinh", libm::asinh),
    ("arccosh", oracles::acosh),
    ("arctanh", libm::atanh),
    ("sinc", oracles::sinc),
    ("erf", libm::erf),
    ("erfc", libm::erfc),
    ("i0", oracles::i0),
];
const ORACLES2: &[(&str, fn(f64, f64) -> f64)] = &[
    ("power", f64::powf),
    ("arctan2", f64::atan2),
    ("hypot", f64::hypot),
    ("logaddexp", oracles::logaddexp),
    ("logaddexp2", oracles::logaddexp2),
];

/// The distance in units in the last place of a format with `p` bits, exponents from `least`, and
/// the largest power of two `most`; infinity counts as that.
fn ulps(got: f64, true_value: f64, p: i32, least: i32, most: f64) -> f64 {
    if got.is_nan() || true_value.is_nan() {
        return if got.is_nan() && true_value.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let (g, t) = (got.clamp(-most, most), true_value.clamp(-most, most));
    let e = if t == 0.0 { least } else { (((t.abs().to_bits() >> 52) as i32) - 1023).max(least) };
    let signs = g == 0.0 && t == 0.0 && got.is_sign_negative() != true_value.is_sign_negative();
    if signs { f64::INFINITY } else { (g - t).abs() / 2f64.powi(e - p + 1) }
}

/// The least exponent whose last place a row's results are held to, in a format of exponents from `least`.
fn held_from(op: Op, least: i32) -> i32 {
    match op.row().bound.from {
        0.0 => least,
        from => from.log2() as i32,
    }
}

fn ulps32(op: Op, got: f32, t: f64) -> f64 {
    ulps(got as f64, t, 24, held_from(op, -126), 2f64.powi(128))
}

/// Random bits, and the ranges where something happens.
fn hard_f32(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    (0..n)
        .map(|i| {
            let r = random(&mut state);
            let unit = (r >> 40) as f32 / (1 << 24) as f32;
            let sign = if r & 1 == 1 { -1.0 } else { 1.0 };
            match i % 8 {
                0..=2 => f32::from_bits(r as u32),
                3 => sign * (1.0 + (unit - 0.5) * 2f32.powi(-((r % 23) as i32))),
                4 => sign * unit * 110.0,
                5 => sign * unit,
                6 => ((r % 20001) as f32 - 10000.0) * std::f32::consts::FRAC_PI_2,
                _ => sign * unit * 8200.0,
            }
        })
        .collect()
}

fn check_bound(name: &str, worst: (f64, String), bound: f64, failed: &mut Vec<String>) {
    println!("{name}: {:.4} ULP at {} (bound {bound})", worst.0, worst.1);
    if !(worst.0 <= bound) {
        failed.push(format!("{name}: {} ULP at {} exceeds {bound}", worst.0, worst.1));
    }
}

#[test]
fn float32_functions_hold_their_bounds() {
    const N: usize = 1 << 20;
    let mut failed = Vec::new();
    let (x, y) = (hard_f32(N, 1), hard_f32(N, 2));
    let (xb, yb) = (buffer(bytemuck::cast_slice(&x)), buffer(bytemuck::cast_slice(&y)));
    let worse = |w: &mut (f64, String), e: f64, at: &dyn Fn() -> String| {
        if !(e <= w.0) {
            *w = (e, at());
        }
    };
    for (name, f) in ORACLES {
        let op = op(name);
        let s = op.signature(&[Operand::Strong(F32)]).unwrap();
        let (out, _) = run(op, &s, Simd::best(), &[&xb], N);
        let mut worst = (0.0, String::new());
        for (&x, &g) in x.iter().zip(bytemuck::cast_slice::<u8, f32>(&out)) {
            worse(&mut worst, ulps32(op, g, f(x as f64)), &|| format!("{x:e} -> {g:e}"));
        }
        check_bound(name, worst, op.row().bound.f32, &mut failed);
    }
    for (name, f) in ORACLES2 {
        let op = op(name);
        let s = op.signature(&[Operand::Strong(F32); 2]).unwrap();
        let (out, _) = run(op, &s, Simd::best(), &[&xb, &yb], N);
        let mut worst = (0.0, String::new());
        for ((&x, &y), &g) in x.iter().zip(&y).zip(bytemuck::cast_slice::<u8, f32>(&out)) {
            worse(&mut worst, ulps32(op, g, f(x as f64, y as f64)), &|| format!("{x:e}, {y:e} -> {g:e}"));
        }
        check_bound(name, worst, op.row().bound.f32, &mut failed);
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn float16_functions_hold_their_bounds() {
    let mut failed = Vec::new();
    let x: Vec<::half::f16> = (0..=u16::MAX).map(::half::f16::from_bits).collect();
    let xb = buffer(bytemuck::cast_slice(&x));
    for (name, f) in ORACLES {
        let op = op(name);
        let s = op.signature(&[Operand::Strong(F16)]).unwrap();
        let (out, _) = run(op, &s, Simd::best(), &[&xb], x.len());
        let mut worst = (0.0, String::new());
        for (&x, &g) in x.iter().zip(bytemuck::cast_slice::<u8, ::half::f16>(&out)) {
            let e = ulps(g.to_f64(), f(x.to_f64()), 11, held_from(op, -14), 65536.0);
            if !(e <= worst.0) {
                worst = (e, format!("{x} -> {g}"));
            }
        }
        check_bound(name, worst, op.row().bound.f16, &mut failed);
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn float64_functions_hold_their_bounds() {
    let mut failed = Vec::new();
    for part in POINTS.split("# ").filter(|p| !p.is_empty()) {
        let (name, lines) = part.split_once('\n').unwrap();
        let op = op(name);
        let s = op.signature(&vec![Operand::Strong(F64); op.arity()]).unwrap();
        let float = |t: &str| f64::from_bits(u64::from_str_radix(t, 16).unwrap());
        let rows: Vec<Vec<&str>> = lines.lines().map(|l| l.split(' ').collect()).collect();
        assert!(rows.len() > 150, "{name}");
        let args: Vec<Buffer> = (0..op.arity())
            .map(|k| buffer(bytemuck::cast_slice(&rows.iter().map(|r| float(r[k])).collect::<Vec<_>>())))
            .collect();
        let slices: Vec<&[u8]> = args.iter().map(|a| &a[..]).collect();
        let (out, _) = run(op, &s, Simd::best(), &slices, rows.len());
        let mut worst = (0.0, String::new());
        for (row, &g) in rows.iter().zip(bytemuck::cast_slice::<u8, f64>(&out)) {
            let (t, rest) = (float(row[op.arity()]), row[op.arity() + 1].parse::<f64>().unwrap());
            // Nearby floats of one sign: their bits count the steps.
            let steps = if g.is_finite() && g.is_sign_negative() == t.is_sign_negative() {
                ((g.to_bits() & (u64::MAX >> 1)) as i64 - (t.to_bits() & (u64::MAX >> 1)) as i64) as f64
            } else if g == t {
                0.0
            } else {
                f64::INFINITY
            };
            let e = (steps - rest * if t < 0.0 { -1.0 } else { 1.0 }).abs();
            let e = if t.abs() < op.row().bound.from {
                ulps(g, t, 53, held_from(op, -1022), f64::MAX)
            } else {
                e
            };
            if !(e <= worst.0) {
                let x: Vec<_> = (0..op.arity()).map(|k| format!("{:e}", float(row[k]))).collect();
                worst = (e, format!("{x:?} -> {g:e}, true {t:e}"));
            }
        }
        check_bound(name, worst, op.row().bound.f64, &mut failed);
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn special_values_are_the_platforms() {
    let s = [
        0.0f64,
        -0.0,
        1.0,
        -1.0,
        0.5,
        -0.5,
        2.0,
        -2.0,
        3.0,
        -3.0,
        2.5,
        1e300,
        -1e300,
        5e-324,
        f64::INFINITY,
        -f64::INFINITY,
        f64::NAN,
    ];
    let column = buffer(bytemuck::cast_slice(&s));
    let agree = |name: &str, g: f64, t: f64, x: &dyn fmt::Debug| {
        let special = t == 0.0 || !t.is_finite();
        let same = (g.is_nan() && t.is_nan()) || (special && g.to_bits() == t.to_bits());
        let size = t.abs().max(op(name).row().bound.from);
        assert!(same || (!special && (g - t).abs() <= 1e-15 * size), "{name} {x:?}: {g} is not {t}");
    };
    for (name, f) in ORACLES {
        let op = op(name);
        let (out, _) =
            run(op, &op.signature(&[Operand::Strong(F64)]).unwrap(), Simd::best(), &[&column], s.len());
        for (&x, &g) in s.iter().zip(bytemuck::cast_slice::<u8, f64>(&out)) {
            agree(name, g, f(x), &x);
        }
    }
    for (name, f) in ORACLES2 {
        let op = op(name);
        let sig = op.signature(&[Operand::Strong(F64); 2]).unwrap();
        for &x in &s {
            for &y in &s {
                let (a, b) = (buffer(&x.to_ne_bytes()), buffer(&y.to_ne_bytes()));
                let (out, _) = run(op, &sig, Simd::best(), &[&a, &b], 1);
                agree(name, bytemuck::cast_slice(&out)[0], f(x, y), &(x, y));
            }
        }
    }
}

#[test]
fn float16_conversions_are_exact_and_rounded_once() {
    for bits in 0..=u16::MAX {
        let h = ::half::f16::from_bits(bits);
        let w = half::widen(h);
        assert!(
            w.is_nan() == h.is_nan() && (h.is_nan() || w.to_bits() == h.to_f32_const().to_bits()),
            "{bits:#x}"
        );
    }
    let mut state = 5;
    for i in 0..400_000u64 {
        let r = random(&mut state);
        let x = match i % 3 {
            0 => f32::from_bits(r as u32),
            1 => f32::from_bits((r as u32 & 0x8fff_ffff) | 0x3000_0000),
            // Beside ties.
            _ => half::widen(::half::f16::from_bits(r as u16)) * (1.0 + 2f32.powi(-11)),
        };
        let (a, b) = (half::narrow(x), ::half::f16::from_f32_const(x));
        assert!(if x.is_nan() { a.to_bits() == 0x7e00 } else { a.to_bits() == b.to_bits() }, "{x:e}");
        // Near a tie of float16: float32 first would round to the tie and then to even.
        let d = x as f64 * (1.0 + if r & 2 == 0 { 2f64.powi(-40) } else { -2f64.powi(-40) });
        // (The half crate's conversion looks at the upper 32 bits alone, so it is no oracle here.)
        let a = half::narrow_f64(d);
        let error = |bits: u16| (::half::f16::from_bits(bits).to_f64_const() - d).abs();
        if a.is_finite() && d.is_finite() && a.to_bits() & 0x7fff > 0 && a.to_bits() & 0x7fff < 0x7bff {
            let (e, bits) = (error(a.to_bits()), a.to_bits());
            for other in [bits - 1, bits + 1] {
                assert!(e < error(other) || (e == error(other) && bits & 1 == 0), "{d:e}: {a}");
            }
        }
    }
}

#[test]
fn float_to_integer_casts_saturate() {
    let x = [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e30, -1e30, -1.9, 255.9];
    let b = cast_to(F64, U8, bytemuck::cast_slice(&x));
    assert_eq!(b[..], [0, 255, 0, 255, 0, 0, 255]);
    let b = cast_to(F64, I64, bytemuck::cast_slice(&x));
    assert_eq!(bytemuck::cast_slice::<u8, i64>(&b), [0, i64::MAX, i64::MIN, i64::MAX, i64::MIN, -1, 255]);
    let b = cast_to(F64, Bool, bytemuck::cast_slice(&x));
    assert_eq!(b[..], [1; 7]);
    let b = cast_to(I64, F32, bytemuck::cast_slice(&[(1i64 << 60) + (1 << 36) + 1]));
    assert_eq!(bytemuck::cast_slice::<u8, f32>(&b), [((1u64 << 60) + (1 << 37)) as f32]);
}

/// Every 64th float32 (start it with --ignored, in release); with CHUNKWISE_STRIDE=1 all of them;
/// CHUNKWISE_FUNCTION names one function.
#[test]
#[ignore = "takes minutes"]
fn float32_functions_hold_their_bounds_thoroughly() {
    let stride: u32 = std::env::var("CHUNKWISE_STRIDE").ok().and_then(|s| s.parse().ok()).unwrap_or(64);
    let only = std::env::var("CHUNKWISE_FUNCTION").ok();
    let mut failed = Vec::new();
    for (name, f) in ORACLES.iter().filter(|(n, _)| only.as_ref().is_none_or(|o| o == n)) {
        let op = op(name);
        let s = op.signature(&[Operand::Strong(F32)]).unwrap();
        let mut worst = (0.0, String::new());
        for high in 0..256u32 {
            let x: Vec<f32> = (0..(1 << 24) / stride)
                .map(|i| f32::from_bits((high << 24) + i * stride + (high * 37) % stride))
                .collect();
            let (out, _) = run(op, &s, Simd::best(), &[bytemuck::cast_slice(&x)], x.len());
            for (&x, &g) in x.iter().zip(bytemuck::cast_slice::<u8, f32>(&out)) {
                let e = ulps32(op, g, f(x as f64));
                if !(e <= worst.0) {
                    worst = (e, format!("{x:e} -> {g:e}"));
                }
            }
        }
        check_bound(name, worst, op.row().bound.f32, &mut failed);
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Million elements a second per vector level, data in the first cache level (--ignored, release).
#[test]
#[ignore = "a measurement"]
fn speed() {
    const N: usize = 2048;
    for (name, d) in [
        "add",
        "divide",
        "sqrt",
        "hypot",
        "exp",
        "log",
        "sin",
        "tanh",
        "power",
        "arctan2",
        "remainder",
        "round",
    ]
    .iter()
    .flat_map(|n| [(*n, F16), (*n, F32), (*n, F64)])
    {
        let op = op(name);
        let s = op.signature(&vec![Operand::Strong(d); op.arity()]).unwrap();
        let mut state = 1;
        let x: Vec<f64> =
            (0..N).map(|_| (random(&mut state) >> 11) as f64 / (1u64 << 53) as f64 * 20.0 + 0.01).collect();
        let a = cast_to(F64, d, bytemuck::cast_slice(&x));
        let mut out = Buffer::zeroed(N * s.out.size());
        let mut line = format!("{name} {d}:");
        for simd in Simd::available() {
            let k = op.kernel(&s, simd);
            let args = vec![&a[..]; op.arity()];
            let (mut runs, start) = (0, std::time::Instant::now());
            while start.elapsed().as_millis() < 30 {
                for _ in 0..10 {
                    k.run(std::hint::black_box(&args), std::hint::black_box(&mut out));
                }
                runs += 10;
            }
            line +=
                &format!(" {} {:.0}", simd.name(), (runs * N) as f64 / start.elapsed().as_secs_f64() / 1e6);
        }
        println!("{line}");
    }
}
