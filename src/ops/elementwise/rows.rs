//! The table of elementwise operations.
//!
//! A new operation is one row here, an [`Id`], its formula in `arith`, `compare`, `division` or `math`, and an
//! arm in `kernels.rs` and in `wgsl.rs`; names, signatures and the tests over dtypes and vector levels follow.

use super::rule::Rule;

/// One operation: its names, parameters, documentation and error bound.
#[derive(Debug)]
pub struct Row {
    /// NumPy's name.
    pub name: &'static str,
    /// Other names for the same operation.
    pub aliases: &'static [&'static str],
    /// The operator that means it, with as many operands as there are parameters.
    pub symbol: Option<&'static str>,
    /// The parameters' names; as many as the operation has operands.
    pub params: &'static [&'static str],
    /// What it computes, one or more sentences.
    pub doc: &'static str,
    /// How far a result can be from the true value.
    pub bound: Bound,
    pub(super) rule: Rule,
    pub(super) id: Id,
}

/// The largest error of a result, in units in the last place of the correctly rounded one, per
/// float dtype. Tests hold it on samples; for float32 at least every 128th argument of the unary
/// functions was measured (expm1: all of them, 0.991; tan: every 4th, 0.996). 0 where nothing is
/// rounded, 0.5 where the result is the nearest
/// float.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Bound {
    pub f16: f64,
    pub f32: f64,
    pub f64: f64,
    /// The arguments for which the bound holds.
    pub domain: &'static str,
}

/// Nothing is rounded.
const EXACT: Bound = ulp(0.0, 0.0, 0.0);
/// Rounded once.
const NEAREST: Bound = ulp(0.5, 0.5, 0.5);
const ALL: &str = "every argument, with NaN, infinities, signed zeros and subnormals";

const fn ulp(f16: f64, f32: f64, f64: f64) -> Bound {
    Bound { f16, f32, f64, domain: ALL }
}

macro_rules! rows {
    ($($id:ident $name:literal $(| $alias:literal)* $([$symbol:literal])? ($($param:literal)*) $rule:expr, $bound:expr, $doc:literal;)*) => {
        /// Which formula a row has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Id { $($id),* }
        pub(super) static ROWS: &[Row] = &[$(Row {
            name: $name,
            aliases: &[$($alias),*],
            symbol: rows!(@symbol $($symbol)?),
            params: &[$($param),*],
            doc: $doc,
            bound: $bound,
            rule: $rule,
            id: Id::$id,
        }),*];
    };
    (@symbol) => { None };
    (@symbol $s:literal) => { Some($s) };
}

use Rule::*;
const USE_XOR: &str = "use logical_xor (^) for bools";
const USE_NOT: &str = "use logical_not (~) for bools";

rows! {
    Add "add" ["+"] ("x" "y") Same, NEAREST, "x + y. Integers wrap; for bools it is logical or.";
    Subtract "subtract" ["-"] ("x" "y") NotBool(USE_XOR), NEAREST, "x − y. Integers wrap.";
    Multiply "multiply" ["*"] ("x" "y") Same, NEAREST, "x · y. Integers wrap; for bools it is logical and.";
    Divide "divide" | "true_divide" ["/"] ("x" "y") Divide, NEAREST, "x ÷ y as floats: integers give float64.";
    FloorDivide "floor_divide" ["//"] ("x" "y") BoolAsInt8,
        ulp(1.0, 2.0, 2.0), "The largest whole number ≤ x ÷ y, as NumPy's: floats take it from the exact remainder. An integer divided by zero gives 0 and a note.";
    Remainder "remainder" | "mod" ["%"] ("x" "y") BoolAsInt8,
        NEAREST, "x − y · floor(x ÷ y), with the sign of y, from the exact remainder. An integer modulo zero gives 0 and a note.";
    Negative "negative" ["-"] ("x") NotBool(USE_NOT), EXACT, "−x. Integers wrap.";
    Positive "positive" ["+"] ("x") NotBool(USE_NOT), EXACT, "x itself.";
    Absolute "absolute" | "abs" ("x") Same, EXACT, "|x|. The least integer stays itself.";
    Sign "sign" ("x") NotBool(""), EXACT, "−1, 0 or 1 by the sign of x; NaN for NaN.";
    Minimum "minimum" ("x" "y") Same, EXACT, "The lesser of x and y; NaN if either is NaN; −0 is less than +0.";
    Maximum "maximum" ("x" "y") Same, EXACT, "The greater of x and y; NaN if either is NaN; −0 is less than +0.";
    Fmin "fmin" ("x" "y") Same, EXACT, "The lesser of x and y; the other one if one is NaN.";
    Fmax "fmax" ("x" "y") Same, EXACT, "The greater of x and y; the other one if one is NaN.";
    Clip "clip" ("x" "lo" "hi") Clip, EXACT, "minimum(maximum(x, lo), hi). Python integers outside an integer dtype stand for its ends.";
    Where "where" ("condition" "x" "y") Where, EXACT, "x where the condition is true (not 0), else y.";

    Equal "equal" ["=="] ("x" "y") Compare, EXACT, "Whether x = y. Integers of all dtypes are compared by value.";
    NotEqual "not_equal" ["!="] ("x" "y") Compare, EXACT, "Whether x ≠ y. Integers of all dtypes are compared by value.";
    Less "less" ["<"] ("x" "y") Compare, EXACT, "Whether x < y. Integers of all dtypes are compared by value.";
    LessEqual "less_equal" ["<="] ("x" "y") Compare, EXACT, "Whether x ≤ y. Integers of all dtypes are compared by value.";
    Greater "greater" [">"] ("x" "y") Compare, EXACT, "Whether x > y. Integers of all dtypes are compared by value.";
    GreaterEqual "greater_equal" [">="] ("x" "y") Compare, EXACT, "Whether x ≥ y. Integers of all dtypes are compared by value.";
    LogicalAnd "logical_and" ("x" "y") Logical, EXACT, "Whether x and y are both true (not 0).";
    LogicalOr "logical_or" ("x" "y") Logical, EXACT, "Whether x or y is true (not 0).";
    LogicalXor "logical_xor" ("x" "y") Logical, EXACT, "Whether exactly one of x and y is true (not 0).";
    LogicalNot "logical_not" ("x") Logical, EXACT, "Whether x is 0.";
    BitwiseAnd "bitwise_and" ["&"] ("x" "y") Bits, EXACT, "The bits that both have.";
    BitwiseOr "bitwise_or" ["|"] ("x" "y") Bits, EXACT, "The bits that either has.";
    BitwiseXor "bitwise_xor" ["^"] ("x" "y") Bits, EXACT, "The bits that exactly one has.";
    Invert "invert" | "bitwise_not" | "bitwise_invert" ["~"] ("x") Bits, EXACT, "Every bit flipped; logical not for bools.";
    LeftShift "left_shift" | "bitwise_left_shift" ["<<"] ("x" "y") Shift, EXACT, "x · 2^y, wrapping; 0 for y negative or not below the width.";
    RightShift "right_shift" | "bitwise_right_shift" [">>"] ("x" "y") Shift, EXACT, "floor(x ÷ 2^y); for y negative or not below the width 0, or −1 for negative x.";

    IsNan "isnan" ("x") Classify, EXACT, "Whether x is NaN.";
    IsInf "isinf" ("x") Classify, EXACT, "Whether x is +inf or −inf.";
    IsFinite "isfinite" ("x") Classify, EXACT, "Whether x is neither NaN nor infinite.";
    Signbit "signbit" ("x") FloatToBool, EXACT, "Whether the sign bit is set: true for −0 too.";
    Copysign "copysign" ("x" "y") Float, EXACT, "|x| with the sign of y.";
    Floor "floor" ("x") Same, EXACT, "The largest whole number ≤ x.";
    Ceil "ceil" ("x") Same, EXACT, "The smallest whole number ≥ x.";
    Trunc "trunc" | "fix" ("x") Same, EXACT, "The whole part of x, toward zero.";
    Round "round" | "rint" | "around" ("x") BoolAsFloat16, EXACT, "The nearest whole number, ties to even.";

    Sqrt "sqrt" ("x") Float, NEAREST, "The square root; NaN below 0.";
    Square "square" ("x") BoolAsInt8, NEAREST, "x · x. Integers wrap.";
    Reciprocal "reciprocal" ("x") BoolAsInt8, NEAREST, "1 ÷ x; for integers toward zero, and 0 with a note for 0.";
    Degrees "degrees" | "rad2deg" ("x") Float, ulp(0.51, 1.5, 1.5), "x · (180 ÷ π): one multiplication by the rounded constant, as NumPy.";
    Radians "radians" | "deg2rad" ("x") Float, ulp(0.51, 1.5, 1.5), "x · (π ÷ 180): one multiplication by the rounded constant, as NumPy.";

    Power "power" | "pow" ["**"] ("x" "y") BoolAsInt8, ulp(0.51, 1.00, 1.00), "x^y, with C99's special cases. Integers wrap; a negative integer exponent is an error.";
    Exp "exp" ("x") Float, ulp(0.51, 0.85, 0.85), "e^x.";
    Exp2 "exp2" ("x") Float, ulp(0.51, 0.85, 0.85), "2^x; exact for whole x.";
    Expm1 "expm1" ("x") Float, ulp(0.51, 1.00, 1.00), "e^x − 1 without cancellation.";
    Log "log" ("x") Float, ulp(0.51, 0.70, 0.70), "The natural logarithm; −inf at 0, NaN below.";
    Log2 "log2" ("x") Float, ulp(0.51, 0.75, 0.75), "The logarithm to base 2; exact for powers of 2.";
    Log10 "log10" ("x") Float, ulp(0.51, 0.70, 0.70), "The logarithm to base 10.";
    Log1p "log1p" ("x") Float, ulp(0.51, 0.75, 0.75), "log(1 + x) without cancellation.";
    Sin "sin" ("x") Float, ulp(0.51, 0.90, 0.90), "The sine of x radians.";
    Cos "cos" ("x") Float, ulp(0.51, 0.90, 0.90), "The cosine of x radians.";
    Tan "tan" ("x") Float, ulp(0.51, 1.10, 1.10), "The tangent of x radians.";
    Arcsin "arcsin" | "asin" ("x") Float, ulp(0.51, 0.75, 0.75), "The angle in −π/2 … π/2 whose sine is x; NaN outside −1 … 1.";
    Arccos "arccos" | "acos" ("x") Float, ulp(0.51, 0.75, 0.75), "The angle in 0 … π whose cosine is x; NaN outside −1 … 1.";
    Arctan "arctan" | "atan" ("x") Float, ulp(0.51, 0.75, 0.75), "The angle in −π/2 … π/2 whose tangent is x.";
    Arctan2 "arctan2" | "atan2" ("y" "x") Float, ulp(0.51, 0.80, 0.80), "The angle of the point (x, y) in −π … π, with C99's special cases.";
    Sinh "sinh" ("x") Float, ulp(0.51, 0.95, 0.95), "The hyperbolic sine.";
    Cosh "cosh" ("x") Float, ulp(0.51, 0.75, 0.75), "The hyperbolic cosine.";
    Tanh "tanh" ("x") Float, ulp(0.51, 0.90, 0.90), "The hyperbolic tangent.";
    Cbrt "cbrt" ("x") Float, ulp(0.51, 0.55, 0.55), "The cube root, of negative numbers too.";
    Hypot "hypot" ("x" "y") Float, ulp(0.51, 0.80, 0.80), "√(x² + y²) without overflow in between; inf if either is infinite.";
}
