//! Dimensions of expressions: in which unit comes out what is made of fields in cgs.

use super::units::{Power, Unit};
use crate::error::{Error, ErrorKind, Result};
use crate::expr::syntax::{Ast, BinaryOp, Expr, Id};

/// What is known of a part of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dimension {
    /// A number that is written down: in a sum it is of the unit of the other part.
    Bare(f64),
    /// In this cgs unit.
    Of(Unit),
    /// Nothing: a function that does not say, or a field whose unit is not known.
    Unknown,
}

use Dimension::{Bare, Of, Unknown};

/// Functions that give what they are given: of the unit of all their arguments, which must agree.
const SAME: &[&str] = &[
    "abs",
    "absolute",
    "fabs",
    "negative",
    "positive",
    "minimum",
    "maximum",
    "fmin",
    "fmax",
    "hypot",
    "clip",
    "nan_to_num",
    "floor",
    "ceil",
    "round",
    "rint",
    "trunc",
    "add",
    "subtract",
];

/// Functions that give pure numbers, whatever they are given.
const NUMBERS: &[&str] = &[
    "exp",
    "exp2",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "sin",
    "cos",
    "tan",
    "arcsin",
    "arccos",
    "arctan",
    "arctan2",
    "sinh",
    "cosh",
    "tanh",
    "sign",
    "isfinite",
    "isnan",
    "isinf",
    "logical_not",
    "logical_and",
    "logical_or",
];

/// The dimension of an expression whose names have these.
///
/// # Errors
/// `Expression` where what is added or compared is of different kinds.
pub fn dimension(ast: &Ast, of: impl Fn(&str) -> Dimension) -> Result<Dimension> {
    let mut all: Vec<Dimension> = Vec::with_capacity(ast.nodes().len());
    for node in ast.nodes() {
        let get = |id: &Id| all[id.index()];
        let found = match &node.expr {
            Expr::Int(v) => Ok(Bare(*v as f64)),
            Expr::Float(v) => Ok(Bare(*v)),
            Expr::Name(name) => Ok(of(name)),
            Expr::Unary(op, x) => Ok(match (op.symbol(), get(x)) {
                ("-", Bare(v)) => Bare(-v),
                ("~", _) => Of(Unit::NONE),
                (_, x) => x,
            }),
            Expr::Binary(op, x, y) => binary(*op, get(x), get(y)),
            Expr::Call { function, args, .. } => {
                call(&function.name, &args.iter().map(get).collect::<Vec<_>>())
            }
            _ => Ok(Unknown),
        };
        all.push(found.map_err(|e| ast.error(node.span, e.message()))?);
    }
    Ok(all.last().copied().unwrap_or(Unknown))
}

/// The unit of both, where they are added.
fn both(x: Dimension, y: Dimension) -> Result<Dimension> {
    match (x, y) {
        (Of(x), Of(y)) if !x.is_like(y) => {
            let e = format!("one part is in {}, the other in {}", x.dimensions(), y.dimensions());
            Err(Error::new(ErrorKind::Expression, e))
        }
        (Of(x), _) | (_, Of(x)) => Ok(Of(x)),
        (Bare(x), Bare(_)) => Ok(Bare(x)),
        _ => Ok(Unknown),
    }
}

fn product(x: Dimension, y: Dimension, n: i32) -> Dimension {
    match (x, y) {
        (Bare(x), Bare(y)) => Bare(x * y.powi(n)),
        (Unknown, _) | (_, Unknown) => Unknown,
        (Of(x), Of(y)) => Of(x.by(y.powi(n))),
        (Of(x), Bare(_)) => Of(x),
        (Bare(_), Of(y)) => Of(y.powi(n)),
    }
}

fn power(x: Dimension, y: Dimension) -> Result<Dimension> {
    match (x, y) {
        (_, Of(y)) if !y.is_number() => Err(Error::new(
            ErrorKind::Expression,
            format!("an exponent is a number, not in {}", y.dimensions()),
        )),
        (Bare(x), Bare(y)) => Ok(Bare(x.powf(y))),
        (Bare(_), _) => Ok(Of(Unit::NONE)),
        (Of(x), _) if x.is_number() => Ok(Of(x)),
        (Of(x), Bare(y)) => Ok(Power::of(y).and_then(|p| x.to(p)).map_or(Unknown, Of)),
        _ => Ok(Unknown),
    }
}

fn binary(op: BinaryOp, x: Dimension, y: Dimension) -> Result<Dimension> {
    Ok(match op {
        BinaryOp::Mul => product(x, y, 1),
        BinaryOp::Div | BinaryOp::FloorDiv => product(x, y, -1),
        BinaryOp::Pow => power(x, y)?,
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mod => match (op, x, y) {
            (BinaryOp::Add, Bare(x), Bare(y)) => Bare(x + y),
            (BinaryOp::Sub, Bare(x), Bare(y)) => Bare(x - y),
            _ => both(x, y)?,
        },
        op if op.is_comparison() => both(x, y).map(|_| Of(Unit::NONE))?,
        BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::BitXor => Of(Unit::NONE),
        _ => Unknown,
    })
}

fn call(name: &str, args: &[Dimension]) -> Result<Dimension> {
    let root = |n: f64| args.first().map_or(Ok(Unknown), |x| power(*x, Bare(n)));
    match (name, args) {
        ("sqrt", _) => root(0.5),
        ("cbrt", _) => root(1.0 / 3.0),
        ("square", _) => root(2.0),
        ("reciprocal", _) => root(-1.0),
        ("power" | "pow", [x, y]) => power(*x, *y),
        ("multiply", [x, y]) => Ok(product(*x, *y, 1)),
        ("divide" | "true_divide", [x, y]) => Ok(product(*x, *y, -1)),
        ("where", [_, x, y]) => both(*x, *y),
        (name, [first, rest @ ..]) if SAME.contains(&name) => {
            rest.iter().try_fold(*first, |all, x| both(all, *x))
        }
        (name, _) if NUMBERS.contains(&name) => Ok(Of(Unit::NONE)),
        _ => Ok(Unknown),
    }
}

/// Numbers with units in an expression, `5 [kpc]`: the text with names in the place of the units, and these.
///
/// # Errors
/// Those of reading units; `Expression` for a bracket that is never closed.
pub fn with_units(text: &str, read: impl Fn(&str) -> Result<Unit>) -> Result<(String, Vec<(String, Unit)>)> {
    let (mut out, mut units) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        // Where a name ends with digits, no number begins.
        let before = &rest[..at];
        let inside = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let end = at + number_end(&rest[at..]);
        let number = &rest[at..end];
        let behind = rest[end..].trim_start();
        match behind.strip_prefix('[').filter(|_| !inside) {
            None => {
                out.push_str(&rest[..end]);
                rest = &rest[end..];
            }
            Some(unit) => {
                let Some((unit, after)) = unit.split_once(']') else {
                    let e = format!("'[' is never closed in '{text}'");
                    return Err(Error::new(ErrorKind::Expression, e));
                };
                let name = format!("_unit{}", units.len());
                // A sign or a point that belongs to the number stays before the parenthesis, where it means the same.
                let point = before.ends_with('.');
                let before = if point { &before[..at - 1] } else { before };
                let point = if point { "0." } else { "" };
                out.push_str(&format!("{before}({point}{number}*{name})"));
                units.push((name, read(unit.trim())?));
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Ok((out, units))
}

/// Where a number without sign ends.
fn number_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is = |i: usize| match bytes[i] {
        b'0'..=b'9' | b'.' | b'_' => true,
        b'+' | b'-' => i > 0 && matches!(bytes[i - 1], b'e' | b'E'),
        b'e' | b'E' => bytes.get(i + 1).is_some_and(|n| n.is_ascii_digit() || matches!(n, b'+' | b'-')),
        _ => false,
    };
    (0..bytes.len()).find(|i| !is(*i)).unwrap_or(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::super::units::{CodeUnits, parse};
    use super::*;
    use crate::expr::Expression;

    fn unit(text: &str) -> Unit {
        parse(text, &CodeUnits::cgs()).unwrap()
    }

    fn of(text: &str) -> Result<Dimension> {
        let names = |name: &str| match name {
            "m" => Of(unit("g")),
            "x" | "y" => Of(unit("cm")),
            "T" => Of(unit("K")),
            "kb" => Of(unit("g*cm**2/s**2/K")),
            "n" => Of(unit("cm**-3")),
            "r" => Of(Unit::NONE),
            _ => Unknown,
        };
        dimension(Expression::parse(text)?.ast(), names)
    }

    #[test]
    fn dimensions_go_through_expressions() {
        for (text, wanted) in [
            ("2 * m", "g"),
            ("m / x**3", "g/cm**3"),
            ("sqrt(x**2 + y**2)", "cm"),
            ("kb * T / n**(2/3)", "g*cm**4/s**2"),
            ("-x + 3", "cm"),
            ("where(x > y, x, 0)", "cm"),
            ("log10(T)", "1"),
            ("r ** m.sum() * x", "cm"),
            ("maximum(x, y).sqrt()", "cm**(1/2)"),
            ("x // y", "1"),
            ("1 / x", "1/cm"),
            ("(x < y) & (T > 1e4)", "1"),
            ("x ** -(1 + 1)", "1/cm**2"),
            ("m * unknown", ""),
            ("gradient(x)", ""),
        ] {
            let found = of(text).unwrap();
            match wanted {
                "" => assert_eq!(found, Unknown, "{text}"),
                wanted => assert_eq!(found, Of(unit(wanted)), "{text}"),
            }
        }
        assert_eq!(of("2 ** 3 - 1").unwrap(), Bare(7.0));
        for text in ["m + x", "where(x > 0, m, x)", "T > x", "minimum(m, T)", "2 ** x"] {
            assert_eq!(of(text).unwrap_err().kind(), ErrorKind::Expression, "{text}");
        }
    }

    #[test]
    fn numbers_have_units() {
        let read = |text: &str| with_units(text, |u| parse(u, &CodeUnits::cgs()));
        let (text, units) = read("x1[0] + 5 [kpc] - 1.5e-3[g] * .5 [s]").unwrap();
        assert_eq!(text, "x1[0] + (5*_unit0) - (1.5e-3*_unit1) * (0.5*_unit2)");
        assert_eq!(units.iter().map(|u| u.1).collect::<Vec<_>>(), [unit("kpc"), unit("g"), unit("s")]);
        assert_eq!(read("temperature > 1e5").unwrap(), ("temperature > 1e5".to_string(), Vec::new()));
        assert!(read("2 [kpx]").is_err() && read("2 [kpc").is_err());
    }
}
