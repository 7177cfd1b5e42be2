//! The shared algorithms in float32.
#![allow(clippy::duplicate_mod)]

pub(super) type F = f32;
pub(super) type U = u32;
pub(super) type I = i32;
/// Bits of the significand, the hidden one included.
pub(super) const P: I = 24;
pub(super) const BIAS: I = 127;
/// Bits of a factor's lower half, masked off to split it.
pub(super) const LOW: U = 0xfff;
/// Added first, to round to the nearest where the lower half would else be a bit too long.
pub(super) const ROUND_LOW: U = 0;
/// Adding it rounds to a whole number, which then stands in the last bits.
pub(super) const MAGIC: F = 12_582_912.0;
/// From here on every float is whole.
pub(super) const WHOLE: F = 8_388_608.0;
/// exp underflows to 0 below, overflows above.
pub(super) const EXP_RANGE: (F, F) = (-104.5, 89.0);
pub(super) const EXP2_RANGE: (F, F) = (-151.0, 129.0);
pub(super) const EXPM1_LEAST: F = -18.5;
/// sinh and cosh overflow above.
pub(super) const SINH_MOST: F = 90.0;
pub(super) const TANH_MOST: F = 10.0;
/// Exponents beyond which a power is 0, 1 or infinite.
pub(super) const POWER_MOST: F = 4_294_967_296.0;
/// Below, sin x, tan x, tanh x and atan x round to x.
pub(super) const TINY: F = 1.0 / 8192.0;
/// Below, log(1 + x) is x to some bits more than P.
pub(super) const FAINT: F = 1.0 / 4_294_967_296.0;
/// erfc underflows to 0 above, i0 overflows.
pub(super) const ERFC_MOST: F = 10.2;
pub(super) const I0_MOST: F = 93.0;
/// The largest argument that the short reduction takes.
pub(super) const TRIG_MOST: F = 8192.0;
/// 1/2^(1/2), as bits.
pub(super) const SQRT_HALF_BITS: U = 0x3f35_04f3;
/// hypot scales by 2^-HYPOT above the first, by 2^HYPOT below the second.
pub(super) const HYPOT: I = 80;
pub(super) const HYPOT_RANGE: (I, I) = (60, -20);

#[path = "shared/arc.rs"]
pub(in super::super) mod arc;
#[path = "constants_f32.rs"]
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
