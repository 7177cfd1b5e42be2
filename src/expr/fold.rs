//! Arithmetic between two Python numbers, done as Python does it, before any array is involved.

use super::syntax::{BinaryOp, UnaryOp};
use crate::Weak;
use std::cmp::Ordering;

type Folded = Result<Weak, String>;

/// `op x`
pub fn unary(op: UnaryOp, x: Weak) -> Folded {
    match (op, whole(x)) {
        (UnaryOp::Neg, Some(v)) => v.checked_neg().map(Weak::Int).ok_or_else(too_large),
        (UnaryOp::Pos, Some(v)) => Ok(Weak::Int(v)),
        (UnaryOp::Invert, Some(v)) => Ok(Weak::Int(!v)),
        (UnaryOp::Neg, None) => Ok(Weak::Float(-float(x))),
        (UnaryOp::Pos, None) => Ok(x),
        (UnaryOp::Invert, None) => Err("~ does not take floats".into()),
    }
}

/// `x op y`
pub fn binary(op: BinaryOp, x: Weak, y: Weak) -> Folded {
    if op.is_comparison() {
        return Ok(Weak::Bool(compare(op, order(x, y))));
    }
    if let (Weak::Bool(a), Weak::Bool(b)) = (x, y) {
        match op {
            BinaryOp::BitAnd => return Ok(Weak::Bool(a & b)),
            BinaryOp::BitOr => return Ok(Weak::Bool(a | b)),
            BinaryOp::BitXor => return Ok(Weak::Bool(a ^ b)),
            _ => {}
        }
    }
    match (whole(x), whole(y)) {
        (Some(a), Some(b)) => integers(op, a, b),
        _ => floats(op, float(x), float(y)),
    }
}

fn too_large() -> String {
    "the whole number is too large".into()
}

fn by_zero() -> String {
    "division by zero".into()
}

fn whole(x: Weak) -> Option<i128> {
    match x {
        Weak::Bool(b) => Some(i128::from(b)),
        Weak::Int(v) => Some(v),
        _ => None,
    }
}

fn float(x: Weak) -> f64 {
    match x {
        Weak::Float(v) => v,
        other => whole(other).unwrap_or(0) as f64,
    }
}

fn integers(op: BinaryOp, a: i128, b: i128) -> Folded {
    let int = |v: Option<i128>| v.map(Weak::Int).ok_or_else(too_large);
    match op {
        BinaryOp::Add => int(a.checked_add(b)),
        BinaryOp::Sub => int(a.checked_sub(b)),
        BinaryOp::Mul => int(a.checked_mul(b)),
        BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod if b == 0 => Err(by_zero()),
        BinaryOp::Div => Ok(Weak::Float(a as f64 / b as f64)),
        BinaryOp::FloorDiv => {
            let down = i128::from(a.checked_rem(b).unwrap_or(0) != 0 && (a < 0) != (b < 0));
            int(a.checked_div(b).map(|q| q - down))
        }
        BinaryOp::Mod => {
            let r = a.checked_rem(b).unwrap_or(0);
            int(Some(if r != 0 && (r < 0) != (b < 0) { r + b } else { r }))
        }
        BinaryOp::Pow if b < 0 => floats(op, a as f64, b as f64),
        BinaryOp::Pow => match a {
            0 | 1 => Ok(Weak::Int(if b == 0 { 1 } else { a })),
            -1 => Ok(Weak::Int(if b % 2 == 0 { 1 } else { -1 })),
            _ => int(u32::try_from(b).ok().and_then(|b| a.checked_pow(b))),
        },
        BinaryOp::BitAnd => Ok(Weak::Int(a & b)),
        BinaryOp::BitOr => Ok(Weak::Int(a | b)),
        BinaryOp::BitXor => Ok(Weak::Int(a ^ b)),
        BinaryOp::Shl | BinaryOp::Shr if b < 0 => Err("negative shift count".into()),
        BinaryOp::Shl => int(u32::try_from(b)
            .ok()
            .and_then(|b| 2i128.checked_pow(b))
            .and_then(|p| a.checked_mul(p))
            .or((a == 0).then_some(0))),
        BinaryOp::Shr => Ok(Weak::Int(a >> b.min(127))),
        _ => Err(format!("'{}' does not take two numbers", op.symbol())),
    }
}

fn floats(op: BinaryOp, a: f64, b: f64) -> Folded {
    let v = match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod if b == 0.0 => return Err(by_zero()),
        BinaryOp::Div => a / b,
        BinaryOp::FloorDiv => divmod(a, b).0,
        BinaryOp::Mod => divmod(a, b).1,
        BinaryOp::Pow if a == 0.0 && b < 0.0 => return Err("zero to a negative power".into()),
        BinaryOp::Pow => {
            let v = a.powf(b);
            if v.is_nan() && !a.is_nan() && !b.is_nan() {
                return Err("a negative number to a fractional power is complex".into());
            }
            if v.is_infinite() && a.is_finite() && b.is_finite() {
                return Err("the power is too large for a float".into());
            }
            v
        }
        _ => return Err(format!("'{}' does not take floats", op.symbol())),
    };
    Ok(Weak::Float(v))
}

/// Python's `divmod` of floats: the remainder is exact and has the sign of `b`.
fn divmod(a: f64, b: f64) -> (f64, f64) {
    let mut r = a % b;
    let mut q = (a - r) / b;
    if r == 0.0 {
        r = 0f64.copysign(b);
    } else if (b < 0.0) != (r < 0.0) {
        r += b;
        q -= 1.0;
    }
    let floor = q.floor();
    let q = match q {
        0.0 => 0f64.copysign(a / b),
        q if q - floor > 0.5 => floor + 1.0,
        _ => floor,
    };
    (q, r)
}

fn compare(op: BinaryOp, order: Option<Ordering>) -> bool {
    match op {
        BinaryOp::Lt => order == Some(Ordering::Less),
        BinaryOp::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        BinaryOp::Gt => order == Some(Ordering::Greater),
        BinaryOp::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        BinaryOp::Eq => order == Some(Ordering::Equal),
        _ => order != Some(Ordering::Equal),
    }
}

/// By value: a whole number beyond 2^53 is not rounded before it is compared with a float.
fn order(x: Weak, y: Weak) -> Option<Ordering> {
    match (whole(x), whole(y)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        (Some(a), None) => whole_to_float(a, float(y)),
        (None, Some(b)) => whole_to_float(b, float(x)).map(Ordering::reverse),
        (None, None) => float(x).partial_cmp(&float(y)),
    }
}

fn whole_to_float(a: i128, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        return None;
    }
    // 2^127 and −2^127 are floats, so that the cast saturates only beyond every i128.
    if b.abs() >= 2f64.powi(127) {
        return Some(if b > 0.0 { Ordering::Less } else { Ordering::Greater });
    }
    let floor = b.floor();
    let of_fraction = if b > floor { Ordering::Less } else { Ordering::Equal };
    Some(a.cmp(&(floor as i128)).then(of_fraction))
}

#[cfg(test)]
mod tests {
    use super::super::syntax::{Expr, parse};
    use super::*;
    use Weak::{Bool, Float, Int};

    #[test]
    fn numbers_fold_as_in_python() {
        // Each right side is what Python 3 prints.
        for (x, op, y, wanted) in [
            (Int(2), "**", Int(-1), Float(0.5)),
            (Int(2), "**", Int(100), Int(1 << 100)),
            (Int(-1), "**", Int(1 << 90), Int(1)),
            (Int(7), "//", Int(2), Int(3)),
            (Int(-7), "//", Int(2), Int(-4)),
            (Int(-7), "%", Int(2), Int(1)),
            (Int(7), "%", Int(-2), Int(-1)),
            (Int(6), "/", Int(3), Float(2.0)),
            (Float(-7.5), "//", Int(2), Float(-4.0)),
            (Float(-7.5), "%", Int(2), Float(0.5)),
            (Float(1.0), "//", Float(0.1), Float(9.0)),
            (Int(1), "<<", Int(70), Int(1 << 70)),
            (Int(-5), ">>", Int(200), Int(-1)),
            (Bool(true), "+", Bool(true), Int(2)),
            (Bool(true), "&", Bool(false), Bool(false)),
            (Bool(true), "&", Int(3), Int(1)),
            (Int((1 << 53) + 1), "==", Float(9007199254740992.0), Bool(false)),
            (Int((1 << 53) + 1), ">", Float(9007199254740992.0), Bool(true)),
            (Float(f64::NAN), "!=", Int(0), Bool(true)),
            (Float(f64::INFINITY), ">", Int(i128::MAX), Bool(true)),
        ] {
            let symbol = op;
            let op = parse(&format!("a {op} b")).unwrap();
            let Expr::Binary(op, ..) = op.node(op.root()).expr else { panic!("{symbol}") };
            let got = binary(op, x, y);
            assert_eq!(got, Ok(wanted), "{x:?} {symbol} {y:?}");
        }
        for (x, op, y, says) in [
            (Int(1), BinaryOp::Div, Int(0), "zero"),
            (Float(1.0), BinaryOp::Mod, Int(0), "zero"),
            (Int(0), BinaryOp::Pow, Int(-1), "zero"),
            (Float(-1.0), BinaryOp::Pow, Float(0.5), "complex"),
            (Float(1e300), BinaryOp::Pow, Int(2), "too large"),
            (Int(i128::MAX), BinaryOp::Add, Int(1), "too large"),
            (Int(2), BinaryOp::Pow, Int(1 << 80), "too large"),
            (Int(1), BinaryOp::Shl, Int(-1), "negative"),
            (Float(1.0), BinaryOp::BitOr, Int(1), "floats"),
            (Int(i128::MIN), BinaryOp::FloorDiv, Int(-1), "too large"),
        ] {
            assert!(binary(op, x, y).unwrap_err().contains(says), "{x:?} {op:?} {y:?}");
        }
    }
}
