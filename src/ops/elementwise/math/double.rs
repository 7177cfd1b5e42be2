//! The shared algorithms in float64.
#![allow(clippy::duplicate_mod)]

pub(super) type F = f64;
pub(super) type U = u64;
pub(super) type I = i64;
/// Bits of the significand, the hidden one included.
pub(super) const P: I = 53;
pub(super) const BIAS: I = 1023;
/// Bits of a factor's lower half, masked off to split it.
pub(super) const LOW: U = 0x7ff_ffff;
/// Added first, to round to the nearest: of 53 bits the lower half would else have 27, and two such
/// halves a product of 54.
pub(super) const ROUND_LOW: U = 0x400_0000;
/// Adding it rounds to a whole number, which then stands in the last bits.
pub(super) const MAGIC: F = 6_755_399_441_055_744.0;
/// From here on every float is whole.
pub(super) const WHOLE: F = 4_503_599_627_370_496.0;
/// exp underflows to 0 below, overflows above.
pub(super) const EXP_RANGE: (F, F) = (-746.0, 710.5);
pub(super) const EXP2_RANGE: (F, F) = (-1076.0, 1025.0);
pub(super) const EXPM1_LEAST: F = -40.0;
/// sinh and cosh overflow above.
pub(super) const SINH_MOST: F = 712.0;
pub(super) const TANH_MOST: F = 22.0;
/// Exponents beyond which a power is 0, 1 or infinite.
pub(super) const POWER_MOST: F = 18_446_744_073_709_551_616.0;
/// Below, sin x, tan x, tanh x and atan x round to x.
pub(super) const TINY: F = 1.0 / 134_217_728.0;
/// Below, log(1 + x) is x to some bits more than P.
pub(super) const FAINT: F = 1.0 / 2_305_843_009_213_693_952.0;
/// erfc underflows to 0 above, i0 overflows.
pub(super) const ERFC_MOST: F = 27.3;
pub(super) const I0_MOST: F = 715.0;
/// The largest argument that the short reduction takes.
pub(super) const TRIG_MOST: F = 1_048_576.0;
/// 1/2^(1/2), as bits.
pub(super) const SQRT_HALF_BITS: U = 0x3fe6_a09e_667f_3bcd;
/// hypot scales by 2^-HYPOT above the first, by 2^HYPOT below the second.
pub(super) const HYPOT: I = 700;
pub(super) const HYPOT_RANGE: (I, I) = (500, -450);

#[path = "shared/arc.rs"]
pub(in super::super) mod arc;
#[path = "constants_f64.rs"]
mod constants;
#[path = "shared/exp.rs"]
pub(in super::super) mod exp;
#[path = "shared/hyperbolic.rs"]
pub(in super::super) mod hyperbolic;
#[path = "shared/log.rs"]
pub(in super::super) mod log;
#[path = "shared/log_sums.rs"]
pub(in super::super) mod log_sums;
#[path = "shared/pair.rs"]
mod pair;
#[path = "shared/root.rs"]
pub(in super::super) mod root;
#[path = "shared/special.rs"]
pub(in super::super) mod special;
#[path = "shared/trig.rs"]
pub(in super::super) mod trig;
