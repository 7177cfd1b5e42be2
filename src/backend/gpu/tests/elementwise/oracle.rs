//! What every row and cast must give, in exact arithmetic: big integers rounded once, `i128`, and
//! std's float64 where float64 is exact. Nothing here is shared with the CPU's kernels.
//!
//! An element is its storage bits, extended by zeros to `u64`.

use crate::{DType, Kind};
use num_bigint::{BigInt, BigUint, Sign};
use num_integer::Integer;
use std::cmp::Ordering;

/// The bits of a dtype, as a mask.
pub fn mask(d: DType) -> u64 {
    u64::MAX >> (64 - 8 * d.size())
}

/// Digits of the significand (the hidden one included), and the exponent of the least subnormal.
fn format(d: DType) -> (i64, i64) {
    match d {
        DType::F16 => (11, -24),
        DType::F32 => (24, -149),
        _ => (53, -1074),
    }
}

pub fn infinity(d: DType) -> u64 {
    match d {
        DType::F16 => 0x7c00,
        DType::F32 => 0x7f80_0000,
        _ => 0x7ff0_0000_0000_0000,
    }
}

/// The one quiet NaN.
pub fn nan(d: DType) -> u64 {
    infinity(d) | 1 << (format(d).0 - 2)
}

fn sign_bit(d: DType) -> u64 {
    mask(d) ^ mask(d) >> 1
}

fn is_nan(d: DType, v: u64) -> bool {
    v & mask(d) >> 1 > infinity(d)
}

/// Whole · 2^exponent, of a finite float.
fn exact(d: DType, v: u64) -> (BigInt, i64) {
    let (digits, least) = format(d);
    let size = v & mask(d) >> 1;
    let field = size >> (digits - 1);
    let fraction = size & ((1 << (digits - 1)) - 1);
    let whole = if field == 0 { fraction } else { fraction | 1 << (digits - 1) };
    let sign = if v & sign_bit(d) == 0 { Sign::Plus } else { Sign::Minus };
    (BigInt::from_biguint(sign, whole.into()), least + (field as i64).max(1) - 1)
}

/// The nearest float of size whole · 2^exponent, ties to even.
fn nearest(d: DType, negative: bool, whole: &BigUint, exponent: i64) -> u64 {
    let (digits, least) = format(d);
    let sign = if negative { sign_bit(d) } else { 0 };
    if whole.bits() == 0 {
        return sign;
    }
    let last = (whole.bits() as i64 + exponent - digits).max(least);
    let drop = last - exponent;
    let kept = if drop <= 0 {
        whole << -drop
    } else {
        let one = BigUint::from(1u8);
        let (quotient, rest) = whole.div_rem(&(&one << drop));
        let up = match rest.cmp(&(&one << (drop - 1))) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal => quotient.bit(0),
        };
        quotient + up as u8
    };
    let kept = kept.iter_u64_digits().next().unwrap_or(0);
    // A significand of one digit more is the next exponent's least.
    let bits = ((last - least) as u64).checked_shl(digits as u32 - 1).filter(|_| last - least < 1 << 11);
    sign | bits.map_or(infinity(d), |b| (b + kept).min(infinity(d)))
}

fn round(d: DType, value: &BigInt, exponent: i64) -> u64 {
    nearest(d, value.sign() == Sign::Minus, value.magnitude(), exponent)
}

/// A float's value: all three dtypes are float64s, except for the payloads of NaNs.
fn value(d: DType, v: u64) -> f64 {
    if is_nan(d, v) {
        return f64::NAN;
    }
    let sign = if v & sign_bit(d) == 0 { 1.0 } else { -1.0 };
    if v & mask(d) >> 1 == infinity(d) {
        return sign * f64::INFINITY;
    }
    let (whole, exponent) = exact(d, v);
    f64::from_bits(
        nearest(DType::F64, false, whole.magnitude(), exponent) | if sign < 0.0 { 1 << 63 } else { 0 },
    )
}

/// The float of a value that it holds or nearly holds.
fn float(d: DType, v: f64) -> u64 {
    if v.is_nan() {
        return nan(d);
    }
    if v.is_infinite() {
        return infinity(d) | if v < 0.0 { sign_bit(d) } else { 0 };
    }
    let (whole, exponent) = exact(DType::F64, v.to_bits());
    nearest(d, v.is_sign_negative(), whole.magnitude(), exponent)
}

fn int(d: DType, v: u64) -> i128 {
    match d.kind() {
        Kind::Int if v & sign_bit(d) != 0 => v as i128 - mask(d) as i128 - 1,
        _ => v as i128,
    }
}

fn range(d: DType) -> (i128, i128) {
    match d.kind() {
        Kind::Int => (-(sign_bit(d) as i128), (mask(d) >> 1) as i128),
        _ => (0, mask(d) as i128),
    }
}

/// The cast of an element.
pub fn cast(from: DType, to: DType, v: u64) -> u64 {
    if from == to {
        return v;
    }
    match (from.is_float(), to.is_float()) {
        _ if to == DType::Bool && from.is_float() => (v & mask(from) >> 1 != 0) as u64,
        _ if to == DType::Bool => (v != 0) as u64,
        (true, true) => float_cast(from, to, v),
        (true, false) => {
            let (least, most) = range(to);
            // Saturates far outside of every dtype; NaN gives 0.
            let whole = value(from, v).trunc() as i128;
            whole.clamp(least, most) as u64 & mask(to)
        }
        (false, true) => round(to, &int(from, v).into(), 0),
        (false, false) => int(from, v) as u64 & mask(to),
    }
}

fn float_cast(from: DType, to: DType, v: u64) -> u64 {
    let sign = if v & sign_bit(from) == 0 { 0 } else { sign_bit(to) };
    match v & mask(from) >> 1 {
        size if size > infinity(from) => nan(to),
        size if size == infinity(from) => infinity(to) | sign,
        _ => {
            let (whole, exponent) = exact(from, v);
            nearest(to, sign != 0, whole.magnitude(), exponent)
        }
    }
}

/// A row's result and event (1: division by zero, 2: negative power); `None` of a row that is not defined here.
pub fn row(name: &str, args: &[DType], v: &[u64]) -> Option<(u64, u32)> {
    let t = args[args.len() - 1];
    let bool_of = |b: bool| Some((b as u64, 0));
    match name {
        "where" => return Some((if v[0] != 0 { v[1] } else { v[2] }, 0)),
        "positive" => return Some((v[0], 0)),
        "equal" | "not_equal" | "less" | "less_equal" | "greater" | "greater_equal" => {
            let order = if t.is_float() {
                value(t, v[0]).partial_cmp(&value(t, v[1]))
            } else {
                Some(int(args[0], v[0]).cmp(&int(args[1], v[1])))
            };
            return bool_of(match name {
                "equal" => order == Some(Ordering::Equal),
                "not_equal" => order != Some(Ordering::Equal),
                "less" => order == Some(Ordering::Less),
                "less_equal" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                "greater" => order == Some(Ordering::Greater),
                _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            });
        }
        "isnan" => return bool_of(t.is_float() && is_nan(t, v[0])),
        "isinf" => return bool_of(t.is_float() && value(t, v[0]).is_infinite()),
        "isfinite" => return bool_of(!t.is_float() || value(t, v[0]).is_finite()),
        _ => {}
    }
    match t.kind() {
        Kind::Float => float_row(name, t, v).map(|bits| (bits, 0)),
        _ => integer_row(name, t, v),
    }
}

fn float_row(name: &str, t: DType, v: &[u64]) -> Option<u64> {
    let sign = sign_bit(t);
    let values: Vec<f64> = v.iter().map(|&v| value(t, v)).collect();
    let lesser = |a: f64, b: f64| if a.total_cmp(&b).is_lt() { a } else { b };
    let greater = |a: f64, b: f64| if a.total_cmp(&b).is_gt() { a } else { b };
    let either = values.iter().any(|x| x.is_nan());
    let a = values[0];
    let b = *values.last().unwrap();
    let exact_constant = |d: DType, c: u64| -> u64 {
        // The row's one multiplication is in float32 for float16, which is then rounded to it.
        let (x, wide) = if t == DType::F16 { (float_cast(t, d, v[0]), d) } else { (v[0], t) };
        if a.is_nan() || a.is_infinite() {
            return float(t, a);
        }
        let ((m, e), (n, f)) = (exact(wide, x), exact(wide, c));
        let product = nearest(wide, v[0] & sign != 0, (m * n).magnitude(), e + f);
        if t == DType::F16 { float_cast(wide, t, product) } else { product }
    };
    Some(match name {
        "add" | "subtract" => {
            let flipped = if name == "add" { v[1] } else { v[1] ^ sign };
            let b = value(t, flipped);
            if !a.is_finite() || !b.is_finite() || (a == 0.0 && b == 0.0) {
                return Some(float(t, a + b));
            }
            let ((m, e), (n, f)) = (exact(t, v[0]), exact(t, flipped));
            let least = e.min(f);
            round(t, &((m << (e - least)) + (n << (f - least))), least)
        }
        "multiply" | "square" => {
            if !a.is_finite() || !b.is_finite() {
                return Some(float(t, a * b));
            }
            let ((m, e), (n, f)) = (exact(t, v[0]), exact(t, *v.last().unwrap()));
            nearest(t, (v[0] ^ v[v.len() - 1]) & sign != 0, (m * n).magnitude(), e + f)
        }
        "degrees" | "radians" => {
            let degrees = name == "degrees";
            let (single, double) = (std::f32::consts::PI, std::f64::consts::PI);
            match t {
                DType::F64 => {
                    exact_constant(t, if degrees { 180.0 / double } else { double / 180.0 }.to_bits())
                }
                _ => {
                    let c = if degrees { 180.0 / single } else { single / 180.0 };
                    exact_constant(DType::F32, c.to_bits() as u64)
                }
            }
        }
        "ldexp" if !a.is_finite() || a == 0.0 => float(t, a),
        "ldexp" => {
            let (m, e) = exact(t, v[0]);
            // All that is further away is 0 or infinite.
            nearest(t, v[0] & sign != 0, m.magnitude(), e + b.clamp(-5e3, 5e3) as i64)
        }
        "negative" => v[0] ^ sign,
        "absolute" => v[0] & !sign,
        "copysign" => v[0] & !sign | v[1] & sign,
        "signbit" => (v[0] & sign != 0) as u64,
        "sign" if a.is_nan() => nan(t),
        "sign" => float(t, (a > 0.0) as i32 as f64 - (a < 0.0) as i32 as f64),
        "floor" => float(t, a.floor()),
        "ceil" => float(t, a.ceil()),
        "trunc" => float(t, a.trunc()),
        "round" => float(t, a.round_ties_even()),
        "minimum" | "maximum" | "clip" if either => nan(t),
        "minimum" => float(t, lesser(a, b)),
        "maximum" => float(t, greater(a, b)),
        "clip" => float(t, lesser(greater(a, values[1]), b)),
        "fmin" | "fmax" if either => float(t, if a.is_nan() { b } else { a }),
        "fmin" => float(t, lesser(a, b)),
        "fmax" => float(t, greater(a, b)),
        _ => return None,
    })
}

fn integer_row(name: &str, t: DType, v: &[u64]) -> Option<(u64, u32)> {
    let x: Vec<i128> = v.iter().map(|&v| int(t, v)).collect();
    let (a, b) = (x[0], x[x.len() - 1]);
    let width = 8 * t.size() as i128;
    let bits = |v: u64| (v & mask(t), 0);
    let whole = |v: i128| (v as u64 & mask(t), 0);
    if t == DType::Bool {
        let (a, b) = (a != 0, b != 0);
        return Some((
            match name {
                "add" | "logical_or" | "bitwise_or" | "maximum" | "fmax" => a || b,
                "multiply" | "logical_and" | "bitwise_and" | "minimum" | "fmin" => a && b,
                "logical_xor" | "bitwise_xor" => a != b,
                "logical_not" | "invert" => !a,
                "absolute" | "floor" | "ceil" | "trunc" => a,
                "clip" => (a || x[1] != 0) && b,
                _ => return None,
            } as u64,
            0,
        ));
    }
    Some(match name {
        "add" => whole(a + b),
        "subtract" => whole(a - b),
        "multiply" | "square" => bits((a as u64).wrapping_mul(b as u64)),
        "negative" => whole(-a),
        "absolute" => whole(a.abs()),
        "sign" => whole(a.signum()),
        "floor" | "ceil" | "trunc" | "round" => whole(a),
        "minimum" | "fmin" => whole(a.min(b)),
        "maximum" | "fmax" => whole(a.max(b)),
        "clip" => whole(a.max(x[1]).min(b)),
        "bitwise_and" => bits(v[0] & v[1]),
        "bitwise_or" => bits(v[0] | v[1]),
        "bitwise_xor" => bits(v[0] ^ v[1]),
        "invert" => bits(!v[0]),
        "left_shift" if !(0..width).contains(&b) => (0, 0),
        "left_shift" => bits(v[0] << b),
        "right_shift" => whole(a >> if (0..width).contains(&b) { b } else { 127 }),
        "floor_divide" | "remainder" | "fmod" if b == 0 => (0, 1),
        "reciprocal" if a == 0 => (0, 1),
        "floor_divide" => whole(Integer::div_floor(&a, &b)),
        "remainder" => whole(Integer::mod_floor(&a, &b)),
        "fmod" => whole(a % b),
        "reciprocal" => whole(1 / a),
        "power" if b < 0 => (0, 2),
        "power" => {
            let power = BigUint::from(v[0]).modpow(&BigUint::from(b as u64), &(BigUint::from(1u8) << width));
            bits(power.iter_u64_digits().next().unwrap_or(0))
        }
        _ => return None,
    })
}

#[test]
fn the_oracle_rounds_as_std_does() {
    let mut state = 7u64;
    for _ in 0..20_000 {
        let bits = super::random(&mut state);
        let (a, b) =
            (f64::from_bits(bits), f64::from_bits(super::random(&mut state) & 0xfff | bits & !0xfff));
        assert_eq!(cast(DType::F64, DType::F32, bits), float(DType::F32, f64::from(a as f32)));
        assert_eq!(cast(DType::I64, DType::F32, bits), (bits as i64 as f32).to_bits() as u64);
        assert_eq!(cast(DType::U64, DType::F64, bits), (bits as f64).to_bits());
        let [x, y] = [a, b].map(f64::to_bits);
        for (name, v) in [("add", a + b), ("subtract", a - b), ("multiply", a * b), ("square", b * b)] {
            let args = if name == "square" { vec![y] } else { vec![x, y] };
            let expected = if v.is_nan() { nan(DType::F64) } else { v.to_bits() };
            assert_eq!(
                row(name, &vec![DType::F64; args.len()], &args),
                Some((expected, 0)),
                "{name} {a:e} {b:e}"
            );
        }
    }
    assert_eq!([DType::F16, DType::F32, DType::F64].map(nan), [0x7e00, 0x7fc0_0000, 0x7ff8_0000_0000_0000]);
}
