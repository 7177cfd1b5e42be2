//! The twelve dtypes, NumPy 2's promotion between them, and single values of them.
//!
//! A bool is stored as one byte, 0 or 1. Everything in memory is in native byte order.

use crate::error::{Error, ErrorKind, Result};
use half::f16;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An element type, by NumPy's names: `bool`, `int8` … `uint64`, `float16`, `float32`, `float64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum DType {
    #[serde(rename = "bool")]
    Bool,
    #[serde(rename = "int8")]
    I8,
    #[serde(rename = "int16")]
    I16,
    #[serde(rename = "int32")]
    I32,
    #[serde(rename = "int64")]
    I64,
    #[serde(rename = "uint8")]
    U8,
    #[serde(rename = "uint16")]
    U16,
    #[serde(rename = "uint32")]
    U32,
    #[serde(rename = "uint64")]
    U64,
    #[serde(rename = "float16")]
    F16,
    #[serde(rename = "float32")]
    F32,
    #[serde(rename = "float64")]
    F64,
}

/// The kind of a dtype, in the order in which NumPy promotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum Kind {
    Bool,
    UInt,
    Int,
    Float,
}

impl DType {
    /// Every dtype.
    pub const ALL: [DType; 12] = [
        DType::Bool,
        DType::I8,
        DType::I16,
        DType::I32,
        DType::I64,
        DType::U8,
        DType::U16,
        DType::U32,
        DType::U64,
        DType::F16,
        DType::F32,
        DType::F64,
    ];

    /// Bytes per element.
    pub const fn size(self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 | DType::F16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 => 8,
        }
    }

    /// NumPy's name.
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "int8",
            DType::I16 => "int16",
            DType::I32 => "int32",
            DType::I64 => "int64",
            DType::U8 => "uint8",
            DType::U16 => "uint16",
            DType::U32 => "uint32",
            DType::U64 => "uint64",
            DType::F16 => "float16",
            DType::F32 => "float32",
            DType::F64 => "float64",
        }
    }

    /// The dtype of NumPy's name `name`, if there is one.
    pub fn from_name(name: &str) -> Option<DType> {
        DType::ALL.into_iter().find(|d| d.name() == name)
    }

    /// Its kind.
    pub const fn kind(self) -> Kind {
        match self {
            DType::Bool => Kind::Bool,
            DType::I8 | DType::I16 | DType::I32 | DType::I64 => Kind::Int,
            DType::U8 | DType::U16 | DType::U32 | DType::U64 => Kind::UInt,
            DType::F16 | DType::F32 | DType::F64 => Kind::Float,
        }
    }

    /// Whether it is one of the three floats.
    pub const fn is_float(self) -> bool {
        matches!(self.kind(), Kind::Float)
    }

    /// Whether it is a signed or unsigned integer (not bool).
    pub const fn is_integer(self) -> bool {
        matches!(self.kind(), Kind::Int | Kind::UInt)
    }

    /// The dtype that holds both, as `numpy.promote_types` answers.
    pub fn promote(self, other: DType) -> DType {
        use DType::*;
        let float_for = |d: DType| match d.size() {
            _ if d == Bool => F16,
            1 => F16,
            2 => F32,
            _ => F64,
        };
        let signed = |size: usize| match size {
            1 => I8,
            2 => I16,
            4 => I32,
            8 => I64,
            _ => F64,
        };
        let (a, b) = if self.kind() <= other.kind() { (self, other) } else { (other, self) };
        match (a.kind(), b.kind()) {
            (Kind::Bool, _) => b,
            (x, y) if x == y => {
                if a.size() >= b.size() {
                    a
                } else {
                    b
                }
            }
            (Kind::UInt, Kind::Int) => {
                if b.size() > a.size() {
                    b
                } else {
                    signed(a.size() * 2)
                }
            }
            _ => {
                let f = float_for(a);
                if f.size() >= b.size() { f } else { b }
            }
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A Rust type that stores one element of a [`DType`]: the twelve that this crate names, and no other.
///
/// Results are written as bytes into memory of this type ([`Session::compute_into`](crate::Session::compute_into)),
/// on the word of [`Element::DTYPE`] that these bytes are values of it. A type from elsewhere could say a
/// dtype some of whose bytes are no value of its own, so the trait is sealed:
///
/// ```compile_fail,E0277
/// use bytemuck::{CheckedBitPattern, NoUninit};
/// use chunkwise::{DType, Element, Scalar};
///
/// #[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
/// #[repr(u8)]
/// enum Answer {
///     No = 0,
///     Yes = 1,
/// }
///
/// impl Element for Answer {
///     const DTYPE: DType = DType::U8; // bytes 2 to 255 are no Answer
///     fn to_scalar(self) -> Scalar {
///         Scalar::U8(self as u8)
///     }
/// }
/// ```
///
/// The same type without the last item compiles, so that nothing else is what is wrong above:
///
/// ```
/// use bytemuck::{CheckedBitPattern, NoUninit};
/// use chunkwise::{DType, Element, Scalar};
///
/// #[derive(Clone, Copy, Debug, PartialEq, NoUninit, CheckedBitPattern)]
/// #[repr(u8)]
/// enum Answer {
///     No = 0,
///     Yes = 1,
/// }
///
/// let stored = |x: Answer| (u8::DTYPE, Scalar::U8(x as u8));
/// assert_eq!(stored(Answer::Yes), (DType::U8, 1u8.to_scalar()));
/// assert_eq!(stored(Answer::No), (DType::U8, 0u8.to_scalar()));
/// ```
pub trait Element:
    sealed::Sealed
    + bytemuck::NoUninit
    + bytemuck::CheckedBitPattern
    + Copy
    + PartialEq
    + Send
    + Sync
    + fmt::Debug
    + 'static
{
    /// The dtype it stores.
    const DTYPE: DType;
    /// The value as a [`Scalar`].
    fn to_scalar(self) -> Scalar;
}

mod sealed {
    /// What no other crate can implement.
    pub trait Sealed {}
}

/// One value with its dtype (a strong scalar, like `numpy.float32(1)`). Equality and hash are by
/// bits, so a NaN equals itself.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum Scalar {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    #[serde(with = "f16_bits")]
    F16(f16),
    #[serde(with = "f32_bits")]
    F32(f32),
    #[serde(with = "f64_bits")]
    F64(f64),
}

macro_rules! float_bits {
    ($name:ident, $float:ty, $bits:ty) => {
        /// Floats travel as bits, so that NaN and −0 survive every format.
        mod $name {
            use super::*;
            pub fn serialize<S: serde::Serializer>(v: &$float, s: S) -> Result<S::Ok, S::Error> {
                v.to_bits().serialize(s)
            }
            pub fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<$float, D::Error> {
                Ok(<$float>::from_bits(<$bits>::deserialize(d)?))
            }
        }
    };
}
float_bits!(f16_bits, f16, u16);
float_bits!(f32_bits, f32, u32);
float_bits!(f64_bits, f64, u64);

macro_rules! elements {
    ($($variant:ident $ty:ty),*) => {
        $(impl sealed::Sealed for $ty {}
        impl Element for $ty {
            const DTYPE: DType = DType::$variant;
            fn to_scalar(self) -> Scalar { Scalar::$variant(self) }
        }
        impl From<$ty> for Scalar {
            fn from(v: $ty) -> Scalar { Scalar::$variant(v) }
        })*
        impl Scalar {
            /// Its dtype.
            pub const fn dtype(self) -> DType {
                match self { $(Scalar::$variant(_) => DType::$variant),* }
            }
            /// Its bytes, native order.
            pub fn to_bytes(self) -> smallvec::SmallVec<[u8; 8]> {
                match self { $(Scalar::$variant(v) => bytemuck::bytes_of(&v).into()),* }
            }
            /// The value whose bytes are given. `None` if the length is not the dtype's size, or a
            /// bool is not 0 or 1.
            pub fn from_bytes(dtype: DType, bytes: &[u8]) -> Option<Scalar> {
                match dtype { $(DType::$variant =>
                    bytemuck::checked::try_pod_read_unaligned::<$ty>(bytes).ok().map(Scalar::$variant)),* }
            }
        }
    };
}
elements!(Bool bool, I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64, F16 f16, F32 f32, F64 f64);

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.dtype() == other.dtype() && self.to_bytes() == other.to_bytes()
    }
}
impl Eq for Scalar {}
impl std::hash::Hash for Scalar {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.dtype().hash(state);
        self.to_bytes().hash(state);
    }
}

impl Scalar {
    /// The value as float64 (integers beyond 2^53 are rounded).
    pub fn to_f64(self) -> f64 {
        match self {
            Scalar::Bool(v) => v as u8 as f64,
            Scalar::I8(v) => v as f64,
            Scalar::I16(v) => v as f64,
            Scalar::I32(v) => v as f64,
            Scalar::I64(v) => v as f64,
            Scalar::U8(v) => v as f64,
            Scalar::U16(v) => v as f64,
            Scalar::U32(v) => v as f64,
            Scalar::U64(v) => v as f64,
            Scalar::F16(v) => v.to_f64(),
            Scalar::F32(v) => v as f64,
            Scalar::F64(v) => v,
        }
    }

    /// The value as an integer; `None` for floats.
    pub fn to_i128(self) -> Option<i128> {
        Some(match self {
            Scalar::Bool(v) => v as i128,
            Scalar::I8(v) => v as i128,
            Scalar::I16(v) => v as i128,
            Scalar::I32(v) => v as i128,
            Scalar::I64(v) => v as i128,
            Scalar::U8(v) => v as i128,
            Scalar::U16(v) => v as i128,
            Scalar::U32(v) => v as i128,
            Scalar::U64(v) => v as i128,
            _ => return None,
        })
    }
}

impl fmt::Display for Scalar {
    /// The shortest text that reads back to the same bits; `nan`, `inf`, `-inf`, `True`, `False`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn float<T: fmt::Display + fmt::Debug + Copy>(
            f: &mut fmt::Formatter<'_>,
            v: T,
            wide: f64,
        ) -> fmt::Result {
            if wide.is_nan() {
                f.pad("nan")
            } else if wide.is_infinite() {
                f.pad(if wide > 0.0 { "inf" } else { "-inf" })
            } else {
                f.pad(&format!("{v:?}"))
            }
        }
        match *self {
            Scalar::Bool(v) => f.pad(if v { "True" } else { "False" }),
            Scalar::F16(v) => float(f, v, v.to_f64()),
            Scalar::F32(v) => float(f, v, v as f64),
            Scalar::F64(v) => float(f, v, v),
            v => f.pad(&v.to_i128().unwrap_or_default().to_string()),
        }
    }
}

/// A Rust scalar in an operation: weak, like Python's `True`, `2` and `2.5` (NumPy 2's rule), so
/// that it takes the array's dtype where its kind allows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Weak {
    /// `True`, `False`
    Bool(bool),
    /// A whole number of any size that the integer dtypes have.
    Int(i128),
    /// A float.
    Float(f64),
}

impl Weak {
    /// The dtype that it has among scalars alone: bool, int64 (or uint64 where it needs that), float64.
    pub fn default_dtype(self) -> DType {
        match self {
            Weak::Bool(_) => DType::Bool,
            Weak::Int(v) if v > i64::MAX as i128 => DType::U64,
            Weak::Int(_) => DType::I64,
            Weak::Float(_) => DType::F64,
        }
    }

    /// The dtype of an operation between an array of `dtype` and this scalar, by NEP 50.
    pub fn promote_with(self, dtype: DType) -> DType {
        match (self, dtype.kind()) {
            (Weak::Bool(_), _) => dtype,
            (Weak::Int(_), Kind::Bool) => self.default_dtype(),
            (Weak::Int(_), _) => dtype,
            (Weak::Float(_), Kind::Float) => dtype,
            (Weak::Float(_), _) => DType::F64,
        }
    }

    /// The value in `dtype`.
    ///
    /// # Errors
    /// `Overflow` if an integer does not fit an integer dtype (as `OverflowError` in NumPy 2);
    /// `Type` if a float is asked to be an integer or a bool, or a number to be a bool.
    pub fn to_scalar(self, dtype: DType) -> Result<Scalar> {
        fn int<T: TryFrom<i128> + Element>(v: i128) -> Result<Scalar> {
            T::try_from(v).map(T::to_scalar).map_err(|_| {
                Error::new(ErrorKind::Overflow, format!("the integer {v} is out of bounds for {}", T::DTYPE))
                    .hint(format!("cast the array first, for example with int64(x), or write {v}.0"))
            })
        }
        let wrong = || Error::new(ErrorKind::Type, format!("{self:?} has no value in {dtype}"));
        let v = match self {
            Weak::Bool(b) if dtype == DType::Bool => return Ok(Scalar::Bool(b)),
            Weak::Bool(b) => b as i128,
            Weak::Int(v) => v,
            Weak::Float(v) => {
                return match dtype {
                    DType::F16 => Ok(Scalar::F16(f16_from_f64(v))),
                    DType::F32 => Ok(Scalar::F32(v as f32)),
                    DType::F64 => Ok(Scalar::F64(v)),
                    _ => Err(wrong()),
                };
            }
        };
        match dtype {
            DType::Bool => Err(wrong()),
            DType::I8 => int::<i8>(v),
            DType::I16 => int::<i16>(v),
            DType::I32 => int::<i32>(v),
            DType::I64 => int::<i64>(v),
            DType::U8 => int::<u8>(v),
            DType::U16 => int::<u16>(v),
            DType::U32 => int::<u32>(v),
            DType::U64 => int::<u64>(v),
            DType::F16 => Ok(Scalar::F16(f16_from_f64(v as f64))),
            DType::F32 => Ok(Scalar::F32(v as f32)),
            DType::F64 => Ok(Scalar::F64(v as f64)),
        }
    }
}

/// The nearest float16, rounded once: through a float32 rounded to odd, since the `half` crate
/// rounds twice on processors with F16C.
pub(crate) fn f16_from_f64(v: f64) -> f16 {
    let near = v as f32;
    if f64::from(near) == v || v.is_nan() {
        return f16::from_f32(near);
    }
    let toward_zero = if f64::from(near).abs() > v.abs() { near.to_bits() - 1 } else { near.to_bits() };
    f16::from_f32(f32::from_bits(toward_zero | 1))
}

/// Runs `$body` with the type `$T` that stores `$dtype` (u8 for bool, whose bytes are 0 or 1).
#[macro_export]
#[doc(hidden)]
macro_rules! with_storage {
    ($dtype:expr, $T:ident => $body:expr) => {
        match $dtype {
            $crate::DType::Bool | $crate::DType::U8 => {
                type $T = u8;
                $body
            }
            $crate::DType::I8 => {
                type $T = i8;
                $body
            }
            $crate::DType::I16 => {
                type $T = i16;
                $body
            }
            $crate::DType::I32 => {
                type $T = i32;
                $body
            }
            $crate::DType::I64 => {
                type $T = i64;
                $body
            }
            $crate::DType::U16 => {
                type $T = u16;
                $body
            }
            $crate::DType::U32 => {
                type $T = u32;
                $body
            }
            $crate::DType::U64 => {
                type $T = u64;
                $body
            }
            $crate::DType::F16 => {
                type $T = ::half::f16;
                $body
            }
            $crate::DType::F32 => {
                type $T = f32;
                $body
            }
            $crate::DType::F64 => {
                type $T = f64;
                $body
            }
        }
    };
}
