//! The table of elementwise operations: one row each.
//!
//! Everything else is made from a row: the constant [`Op`](super::Op)`::ADD`, the method
//! [`Array::add`](crate::Array::add), the function `add` of expressions, kernels, shaders' calls, and the tests
//! over dtypes, vector levels and devices. A row reads:
//!
//! ```text
//! /// What it computes: the documentation of constant, method and function.
//! CONSTANT method = "NumPy's name, if the method has another" | "alias" ["operator"] (parameters) "example" { dtype rule, bound, annotated;
//!     Class Formula, file "shader_function_{suffix}" notes;
//! }
//! ```
//!
//! - The **example** is an expression that shows what it does, for the catalogue of functions; a test compares its value
//!   with NumPy's (`tests/goldens/functions.json`).
//! - The **rule** is one of [`Rule`](super::rule::Rule); the **bound** is `EXACT`, `NEAREST`, or `ulp(f16, f32, f64)`,
//!   for results from a size on with `.above(size)`.
//! - **annotated**, if it is there, says that what comes out is of the kind of what goes in: it keeps the annotations
//!   (names, units) that all operands share.
//! - A line in braces is a **form**: how the operation is computed for one class of dtypes. The first form that
//!   takes the dtypes is theirs. [`Class`](super::form::Class) lists the classes. The formula is a type in
//!   `arith`, `compare`, `division` or `math`.
//! - The **file** is the one in `shaders/` that has the function, without its width: `integer` stands for
//!   `integer32.wgsl` and `integer64.wgsl`. In the function's name `{uint}` becomes `uint32` or `uint64`, where the
//!   sign does not matter; `{int}` the same or `int32`, `int64`; `{float}` `float32` or `float64`, by which float16
//!   goes too, there and back; `{dtype}` the dtype itself.
//! - **Notes**: `wraps`, the result can leave a narrow integer's range and is brought back; `computes`, the device's
//!   float arithmetic must be right; `swapped`, formula and function take the two arguments the other way round.

/// Hands the table to a macro, which takes of each row what it needs.
macro_rules! elementwise_rows {
    ($with:ident) => {
        $with! {
            /// x + y. Integers wrap; for bools it is logical or.
            ADD add ["+"] (x, y) "add([1, 2.5], 10)" { Same, NEAREST, annotated;
                Bool Or, integer "bitwise_or_uint32";
                Float Add, float "add_{float}" computes;
                Bits Add, integer "add_{uint}" wraps;
            }
            /// x − y. Integers wrap.
            SUBTRACT subtract ["-"] (x, y) "subtract([5, 7], [1, 2])" { NotBool(USE_XOR), NEAREST, annotated;
                Float Subtract, float "subtract_{float}" computes;
                Bits Subtract, integer "subtract_{uint}" wraps;
            }
            /// x · y. Integers wrap; for bools it is logical and.
            MULTIPLY multiply ["*"] (x, y) "multiply([1, 2, 3], 4)" { Same, NEAREST;
                Bool And, integer "bitwise_and_uint32";
                Float Multiply, float "multiply_{float}" computes;
                Bits Multiply, integer "multiply_{uint}" wraps;
            }
            /// x ÷ y as floats: integers give float64.
            DIVIDE divide | "true_divide" ["/"] (x, y) "divide([1, 2, 3], 2)" { Divide, NEAREST;
                Float Divide, division "divide_{float}" computes;
            }
            /// The largest whole number ≤ x ÷ y, as NumPy's: floats take it from the exact remainder.
            /// An integer divided by zero gives 0 and a note.
            FLOOR_DIVIDE floor_divide ["//"] (x, y) "floor_divide([7, -7], 2)" { BoolAsInt8, ulp(1.0, 2.0, 2.0);
                Float FloorDivide, division "floor_divide_{float}" computes;
                Int FloorDivide, integer "floor_divide_{int}" wraps;
            }
            /// x − y · floor(x ÷ y), with the sign of y, from the exact remainder.
            /// An integer modulo zero gives 0 and a note.
            REMAINDER remainder | "mod" ["%"] (x, y) "remainder([7, -7], 3)" { BoolAsInt8, NEAREST, annotated;
                Float Remainder, division "remainder_{float}" computes;
                Int Remainder, integer "remainder_{int}";
            }
            /// x − y · trunc(x ÷ y), with the sign of x, as C's: exact.
            /// An integer by zero gives 0 and a note.
            FMOD fmod (x, y) "fmod([7, -7], 3)" { BoolAsInt8, EXACT, annotated;
                Float Fmod, division "fmod_{float}" computes;
                Int Fmod, integer "fmod_{int}";
            }
            /// −x. Integers wrap.
            NEGATIVE negative ["-"] (x) "negative([1, -2.5])" { NotBool(USE_NOT), EXACT, annotated;
                FloatBits FlipSign, float "negative_{dtype}";
                Bits Negative, integer "negative_{uint}" wraps;
            }
            /// x itself.
            POSITIVE positive ["+"] (x) "positive([1, -2.5])" { NotBool(USE_NOT), EXACT, annotated; Copy; }
            /// |x|. The least integer stays itself.
            ABSOLUTE absolute | "abs" (x) "absolute([-3, 2])" { Same, EXACT, annotated;
                FloatBits ClearSign, float "absolute_{dtype}";
                Signed Absolute, integer "absolute_{int}" wraps;
                Copy;
            }
            /// −1, 0 or 1 by the sign of x; NaN for NaN.
            SIGN sign (x) "sign([-2.5, 0, 7])" { NotBool(""), EXACT;
                Float Sign, float "sign_{float}";
                Int Sign, integer "sign_{int}";
            }
            /// The lesser of x and y; NaN if either is NaN; −0 is less than +0.
            MINIMUM minimum (x, y) "minimum([1, 5, nan], 3)" { Same, EXACT, annotated;
                Bool And, integer "minimum_uint32";
                Float Minimum, float "minimum_{float}";
                Int Minimum, integer "minimum_{int}";
            }
            /// The greater of x and y; NaN if either is NaN; −0 is less than +0.
            MAXIMUM maximum (x, y) "maximum([1, 5, nan], 3)" { Same, EXACT, annotated;
                Bool Or, integer "maximum_uint32";
                Float Maximum, float "maximum_{float}";
                Int Maximum, integer "maximum_{int}";
            }
            /// The lesser of x and y; the other one if one is NaN.
            FMIN fmin (x, y) "fmin([1, 5, nan], 3)" { Same, EXACT, annotated;
                Bool And, integer "minimum_uint32";
                Float Fmin, float "fmin_{float}";
                Int Minimum, integer "minimum_{int}";
            }
            /// The greater of x and y; the other one if one is NaN.
            FMAX fmax (x, y) "fmax([1, 5, nan], 3)" { Same, EXACT, annotated;
                Bool Or, integer "maximum_uint32";
                Float Fmax, float "fmax_{float}";
                Int Maximum, integer "maximum_{int}";
            }
            /// minimum(maximum(x, lo), hi). Python integers outside an integer dtype stand for its ends.
            CLIP clip (x, lo, hi) "clip(arange(6), 1, 4)" { Clip, EXACT, annotated;
                Bool Clip, integer "clip_uint32";
                Float Clip, float "clip_{float}";
                Int Clip, integer "clip_{int}";
            }
            /// x where the condition is true (not 0), else y.
            WHERE select = "where" (condition, x, y) "where(arange(5) > 2, 1.5, 0)" { Where, EXACT, annotated; Select Where, integer "where_{uint}"; }

            /// Whether x = y. Integers of all dtypes are compared by value.
            EQUAL equal ["=="] (x, y) "equal([1, 2, 3], [1, 0, 3])" { Compare, EXACT;
                Test Equal, float "equal_{float}";
                Equality Equal, integer "equal_{uint}";
            }
            /// Whether x ≠ y. Integers of all dtypes are compared by value.
            NOT_EQUAL not_equal ["!="] (x, y) "not_equal([1, 2, 3], [1, 0, 3])" { Compare, EXACT;
                Test NotEqual, float "not_equal_{float}";
                Equality NotEqual, integer "not_equal_{uint}";
            }
            /// Whether x < y. Integers of all dtypes are compared by value.
            LESS less ["<"] (x, y) "less([1, 2, 3], 2)" { Compare, EXACT;
                Test Less, float "less_{float}";
                Ordered Less, integer "less_{int}";
            }
            /// Whether x ≤ y. Integers of all dtypes are compared by value.
            LESS_EQUAL less_equal ["<="] (x, y) "less_equal([1, 2, 3], 2)" { Compare, EXACT;
                Test LessEqual, float "less_equal_{float}";
                Ordered LessEqual, integer "less_equal_{int}";
            }
            /// Whether x > y. Integers of all dtypes are compared by value.
            GREATER greater [">"] (x, y) "greater([1, 2, 3], 2)" { Compare, EXACT;
                Test Less, float "less_{float}" swapped;
                Ordered Less, integer "less_{int}" swapped;
            }
            /// Whether x ≥ y. Integers of all dtypes are compared by value.
            GREATER_EQUAL greater_equal [">="] (x, y) "greater_equal([1, 2, 3], 2)" { Compare, EXACT;
                Test LessEqual, float "less_equal_{float}" swapped;
                Ordered LessEqual, integer "less_equal_{int}" swapped;
            }
            /// Whether x and y are both true (not 0).
            LOGICAL_AND logical_and (x, y) "logical_and([True, True, False], [1, 0, 1])" { Logical, EXACT; Bool And, integer "bitwise_and_uint32"; }
            /// Whether x or y is true (not 0).
            LOGICAL_OR logical_or (x, y) "logical_or([True, False, False], [0, 0, 1])" { Logical, EXACT; Bool Or, integer "bitwise_or_uint32"; }
            /// Whether exactly one of x and y is true (not 0).
            LOGICAL_XOR logical_xor (x, y) "logical_xor([True, True, False], [1, 0, 1])" { Logical, EXACT; Bool Xor, integer "bitwise_xor_uint32"; }
            /// Whether x is 0.
            LOGICAL_NOT logical_not (x) "logical_not([0, 2.5])" { Logical, EXACT; Bool Not, integer "invert_bool"; }
            /// The bits that both have.
            BITWISE_AND bitwise_and ["&"] (x, y) "bitwise_and([12, 10], 6)" { Bits, EXACT;
                Bool And, integer "bitwise_and_uint32";
                Bits And, integer "bitwise_and_{uint}";
            }
            /// The bits that either has.
            BITWISE_OR bitwise_or ["|"] (x, y) "bitwise_or([12, 10], 6)" { Bits, EXACT;
                Bool Or, integer "bitwise_or_uint32";
                Bits Or, integer "bitwise_or_{uint}";
            }
            /// The bits that exactly one has.
            BITWISE_XOR bitwise_xor ["^"] (x, y) "bitwise_xor([12, 10], 6)" { Bits, EXACT;
                Bool Xor, integer "bitwise_xor_uint32";
                Bits Xor, integer "bitwise_xor_{uint}";
            }
            /// How many bits of |x| are 1.
            BITWISE_COUNT bitwise_count (x) "bitwise_count([7, 8, -3])" { Count, EXACT; Int BitwiseCount, integer "bitwise_count_{int}"; }
            /// Every bit flipped; logical not for bools.
            INVERT invert | "bitwise_not" | "bitwise_invert" ["~"] (x) "invert([0, 5])" { Bits, EXACT;
                Bool Not, integer "invert_bool";
                Bits Invert, integer "invert_{uint}" wraps;
            }
            /// x · 2^y, wrapping; 0 for y negative or not below the width.
            LEFT_SHIFT left_shift | "bitwise_left_shift" ["<<"] (x, y) "left_shift([1, 3], 4)" { Shift, EXACT;
                Int LeftShift, integer "left_shift_{uint}" wraps;
            }
            /// floor(x ÷ 2^y); for y negative or not below the width 0, or −1 for negative x.
            RIGHT_SHIFT right_shift | "bitwise_right_shift" [">>"] (x, y) "right_shift([256, -3], 1)" { Shift, EXACT;
                Int RightShift, integer "right_shift_{int}";
            }

            /// The greatest integer that divides both; the other one where one is 0. The least integer's size wraps.
            GCD gcd (x, y) "gcd(12, [18, 7])" { Integers, EXACT; Int Gcd, integer "gcd_{int}" wraps; }
            /// The least integer that both divide; 0 where one is 0. It wraps.
            LCM lcm (x, y) "lcm(4, [6, 5])" { Integers, EXACT; Int Lcm, integer "lcm_{int}" wraps; }

            /// Whether x is NaN.
            ISNAN isnan (x) "isnan([1, nan, inf])" { Classify, EXACT;
                Test IsNan, float "isnan_{float}";
                Bool False, integer "isnan_bool";
            }
            /// Whether x is +inf or −inf.
            ISINF isinf (x) "isinf([1, nan, -inf])" { Classify, EXACT;
                Test IsInf, float "isinf_{float}";
                Bool False, integer "isinf_bool";
            }
            /// Whether x is neither NaN nor infinite.
            ISFINITE isfinite (x) "isfinite([1, nan, inf])" { Classify, EXACT;
                Test IsFinite, float "isfinite_{float}";
                Bool True, integer "isfinite_bool";
            }
            /// Whether the sign bit is set: true for −0 too.
            SIGNBIT signbit (x) "signbit([1.5, -0.0])" { FloatToBool, EXACT; FloatBits Signbit, float "signbit_{dtype}"; }
            /// |x| with the sign of y.
            COPYSIGN copysign (x, y) "copysign([1.5, 2], -1)" { Float, EXACT, annotated; FloatBits Copysign, float "copysign_{dtype}"; }
            /// The float after x on the way to y; y where they are equal (x for float16, as NumPy).
            NEXTAFTER nextafter (x, y) "nextafter(1.0, 2)" { Float, EXACT, annotated; FloatBits NextAfter, float "nextafter_{dtype}"; }
            /// The distance from x to the next float away from zero, with the sign of x. Of float16 it is the distance
            /// to the next one upwards, as NumPy's; NaN for infinity.
            SPACING spacing (x) "spacing([1, 1e10])" { Float, EXACT, annotated; FloatBits Spacing, float "spacing_{dtype}"; }
            /// x · 2^n for a whole n, rounded once.
            LDEXP ldexp (x, n) "ldexp([1, 1.5], 3)" { Ldexp, NEAREST; Float Ldexp, float "ldexp_{float}"; }
            /// The significand of x in ½ … 1, with its sign: x = significand · 2^exponent. Zeros, infinities and NaN
            /// are their own.
            FREXP_MANTISSA frexp_mantissa (x) "frexp_mantissa([1, 10.0])" { Float, EXACT; FloatBits Mantissa, float "frexp_mantissa_{dtype}"; }
            /// The exponent of x where the significand is in ½ … 1, as int32; 0 for zeros, infinities and NaN.
            FREXP_EXPONENT frexp_exponent (x) "frexp_exponent([1, 10.0])" { FloatToInt32, EXACT;
                FloatBits Exponent, float "frexp_exponent_{dtype}";
            }
            /// 0 where x is below 0, 1 above, and h where it is 0; NaN for NaN.
            HEAVISIDE heaviside (x, h) "heaviside([-1, 0, 2], 0.5)" { Float, EXACT; Float Heaviside, float "heaviside_{float}"; }
            /// The largest whole number ≤ x.
            FLOOR floor (x) "floor([1.7, -1.2])" { Same, EXACT, annotated;
                Float Floor, float "floor_{float}";
                Copy;
            }
            /// The smallest whole number ≥ x.
            CEIL ceil (x) "ceil([1.2, -1.7])" { Same, EXACT, annotated;
                Float Ceil, float "ceil_{float}";
                Copy;
            }
            /// The whole part of x, toward zero.
            TRUNC trunc | "fix" (x) "trunc([1.7, -1.7])" { Same, EXACT, annotated;
                Float Trunc, float "trunc_{float}";
                Copy;
            }
            /// The nearest whole number, ties to even.
            ROUND round | "around" (x) "round([0.5, 1.5, 2.4])" { BoolAsFloat16, EXACT, annotated;
                Float Round, float "round_{float}";
                Copy;
            }
            /// The nearest whole number as a float, ties to even; integers become floats.
            RINT rint (x) "rint([0.5, 1.5, 2.4])" { Float, EXACT, annotated; Float Round, float "round_{float}"; }

            /// The square root; NaN below 0.
            SQRT sqrt (x) "sqrt([2, 9])" { Float, NEAREST; Float Sqrt, division "sqrt_{float}" computes; }
            /// x · x. Integers wrap.
            SQUARE square (x) "square([-3, 4])" { BoolAsInt8, NEAREST;
                Float Square, float "square_{float}" computes;
                Bits Square, integer "square_{uint}" wraps;
            }
            /// 1 ÷ x; for integers toward zero, and 0 with a note for 0.
            RECIPROCAL reciprocal (x) "reciprocal([4.0, 0.5])" { BoolAsInt8, NEAREST;
                Float Reciprocal, division "reciprocal_{float}" computes;
                Int Reciprocal, integer "reciprocal_{int}";
            }
            /// x · (180 ÷ π): one multiplication by the rounded constant, as NumPy.
            DEGREES degrees | "rad2deg" (x) "degrees(pi / 2)" { Float, ulp(0.51, 1.5, 1.5);
                Float Degrees, float "degrees_{float}" computes;
            }
            /// x · (π ÷ 180): one multiplication by the rounded constant, as NumPy.
            RADIANS radians | "deg2rad" (x) "radians(180)" { Float, ulp(0.51, 1.5, 1.5);
                Float Radians, float "radians_{float}" computes;
            }

            /// x^y, with C99's special cases. Integers wrap; a negative integer exponent is an error. For a scalar
            /// y of −1, 0.5, 1 or 2, floats of 32 and 64 bits are 1 ÷ x, √x, x and x · x, rounded once, as in NumPy.
            POWER power | "pow" ["**"] (x, y) "power([2, 3], 4)" { BoolAsInt8, ulp(0.51, 1.00, 1.00);
                Math Power, math_log "power_{float}" computes;
                Int Power, integer "power_{int}" wraps;
            }
            /// e^x.
            EXP exp (x) "exp([0, 1])" { Float, ulp(0.51, 0.85, 0.85); Math Exp, math_exp "exp_{float}" computes; }
            /// 2^x; exact for whole x.
            EXP2 exp2 (x) "exp2([3, -1])" { Float, ulp(0.51, 0.85, 0.85); Math Exp2, math_exp "exp2_{float}" computes; }
            /// e^x − 1 without cancellation.
            EXPM1 expm1 (x) "expm1(1e-10)" { Float, ulp(0.51, 1.00, 1.00); Math Expm1, math_exp "expm1_{float}" computes; }
            /// The natural logarithm; −inf at 0, NaN below.
            LOG log (x) "log([1, 10])" { Float, ulp(0.51, 0.70, 0.70); Math Log, math_log "log_{float}" computes; }
            /// The logarithm to base 2; exact for powers of 2.
            LOG2 log2 (x) "log2([8, 10])" { Float, ulp(0.51, 0.75, 0.75); Math Log2, math_log "log2_{float}" computes; }
            /// The logarithm to base 10.
            LOG10 log10 (x) "log10([100, 0.001])" { Float, ulp(0.51, 0.70, 0.70); Math Log10, math_log "log10_{float}" computes; }
            /// log(1 + x) without cancellation.
            LOG1P log1p (x) "log1p(1e-10)" { Float, ulp(0.51, 0.75, 0.75); Math Log1p, math_log "log1p_{float}" computes; }
            /// The sine of x radians.
            SIN sin (x) "sin(pi / 2)" { Float, ulp(0.51, 0.90, 0.90); Math Sin, math_trig "sin_{float}" computes; }
            /// The cosine of x radians.
            COS cos (x) "cos([0, pi])" { Float, ulp(0.51, 0.90, 0.90); Math Cos, math_trig "cos_{float}" computes; }
            /// The tangent of x radians.
            TAN tan (x) "tan(0.5)" { Float, ulp(0.51, 1.10, 1.10); Math Tan, math_trig "tan_{float}" computes; }
            /// The angle in −π/2 … π/2 whose sine is x; NaN outside −1 … 1.
            ARCSIN arcsin | "asin" (x) "arcsin(1)" { Float, ulp(0.51, 0.75, 0.75);
                Math Arcsin, math_arc "arcsin_{float}" computes;
            }
            /// The angle in 0 … π whose cosine is x; NaN outside −1 … 1.
            ARCCOS arccos | "acos" (x) "arccos(-1)" { Float, ulp(0.51, 0.75, 0.75);
                Math Arccos, math_arc "arccos_{float}" computes;
            }
            /// The angle in −π/2 … π/2 whose tangent is x.
            ARCTAN arctan | "atan" (x) "arctan(1)" { Float, ulp(0.51, 0.75, 0.75);
                Math Arctan, math_arc "arctan_{float}" computes;
            }
            /// The angle of the point (x, y) in −π … π, with C99's special cases.
            ARCTAN2 arctan2 | "atan2" (y, x) "arctan2([1, -1], -1)" { Float, ulp(0.51, 0.80, 0.80);
                Math Arctan2, math_arc "arctan2_{float}" computes;
            }
            /// The hyperbolic sine.
            SINH sinh (x) "sinh(1)" { Float, ulp(0.51, 0.95, 0.95); Math Sinh, math_exp "sinh_{float}" computes; }
            /// The hyperbolic cosine.
            COSH cosh (x) "cosh(0)" { Float, ulp(0.51, 0.75, 0.75); Math Cosh, math_exp "cosh_{float}" computes; }
            /// The hyperbolic tangent.
            TANH tanh (x) "tanh([0, 20])" { Float, ulp(0.51, 0.90, 0.90); Math Tanh, math_exp "tanh_{float}" computes; }
            /// The inverse hyperbolic sine.
            ARCSINH arcsinh | "asinh" (x) "arcsinh(1)" { Float, ulp(0.51, 0.75, 0.75);
                Math Arcsinh, math_hyperbolic "arcsinh_{float}" computes;
            }
            /// The inverse hyperbolic cosine; NaN below 1.
            ARCCOSH arccosh | "acosh" (x) "arccosh(2)" { Float, ulp(0.51, 0.75, 0.75);
                Math Arccosh, math_hyperbolic "arccosh_{float}" computes;
            }
            /// The inverse hyperbolic tangent; infinite at −1 and 1, NaN beyond.
            ARCTANH arctanh | "atanh" (x) "arctanh(0.5)" { Float, ulp(0.51, 0.75, 0.75);
                Math Arctanh, math_hyperbolic "arctanh_{float}" computes;
            }
            /// log(e^x + e^y) without overflow in between.
            LOGADDEXP logaddexp (x, y) "logaddexp(0, [1, 1000])" { Float, ulp(0.51, 0.70, 0.70).above(0.25);
                Math Logaddexp, math_log_sums "logaddexp_{float}" computes;
            }
            /// log2(2^x + 2^y) without overflow in between.
            LOGADDEXP2 logaddexp2 (x, y) "logaddexp2(0, [1, 1000])" { Float, ulp(0.51, 0.70, 0.70).above(0.25);
                Math Logaddexp2, math_log_sums "logaddexp2_{float}" computes;
            }
            /// sin(π x) ÷ (π x); 1 at 0, 0 at every other whole number, NaN for infinity.
            SINC sinc (x) "sinc([0, 0.5])" { Divide, ulp(0.51, 0.95, 0.95); Math Sinc, math_trig "sinc_{float}" computes; }
            /// The error function, 2 ÷ √π times the integral of e^-t² from 0 to x.
            ERF erf (x) "erf([0, 0.5])" { Float, ulp(0.51, 1.05, 1.05); Math Erf, math_special "erf_{float}" computes; }
            /// 1 − erf(x) without cancellation.
            ERFC erfc (x) "erfc([0, 2])" { Float, ulp(0.51, 1.30, 1.30); Math Erfc, math_special "erfc_{float}" computes; }
            /// The modified Bessel function of the first kind, of order 0.
            I0 i0 (x) "i0([0, 1])" { Divide, ulp(0.51, 0.85, 0.85); Math I0, math_special "i0_{float}" computes; }
            /// The cube root, of negative numbers too.
            CBRT cbrt (x) "cbrt([27, -8])" { Float, ulp(0.51, 0.55, 0.55); Math Cbrt, math_arc "cbrt_{float}" computes; }
            /// √(x² + y²) without overflow in between; inf if either is infinite.
            HYPOT hypot (x, y) "hypot(3, 4)" { Float, ulp(0.51, 0.80, 0.80), annotated;
                Math Hypot, math_arc "hypot_{float}" computes;
            }
        }
    };
}
pub(crate) use elementwise_rows;
