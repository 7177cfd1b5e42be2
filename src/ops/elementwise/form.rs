//! How a row is computed for one class of dtypes: the CPU's kernel and the shader's function, side by side.

use super::kernel::KernelAt;
use super::rule::Signature;
use super::wgsl::{Wgsl, width, wrap};
use crate::DType::{self, *};
use crate::Kind;
use crate::ops::simd::Simd;

/// Which dtypes a form takes, and the storage that its formula sees. But for the comparisons and `where`, all
/// arguments have one dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Bool, as the `u8` 0 or 1.
    Bool,
    /// Integers whose sign does not matter: the formula of the unsigned type.
    Bits,
    /// Integers.
    Int,
    /// Signed integers.
    Signed,
    /// Floats to floats; float16 is computed in float32 and rounded.
    Float,
    /// As [`Class::Float`], with formulas whose products have a fused form.
    Math,
    /// Floats to bool; float16 is looked at as float32.
    Test,
    /// Floats as their bits, unsigned integers: what is moved keeps a NaN's payload.
    FloatBits,
    /// Bools and integers that are compared by order, int64 with uint64 by value.
    Ordered,
    /// The same where only equality counts.
    Equality,
    /// A bool, then two arguments of one dtype, whose bits are moved.
    Select,
    /// Every dtype: the argument is the result.
    Copy,
}

/// A form of a row: its lines in the [table](super::table).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    /// Which dtypes it takes.
    pub(crate) class: Class,
    kernel: fn(&[DType], Simd) -> Option<KernelAt>,
    file: &'static str,
    function: &'static str,
    wraps: bool,
    computes: bool,
    swapped: bool,
}

impl Form {
    /// A form without notes.
    pub(super) const fn new(
        class: Class,
        kernel: fn(&[DType], Simd) -> Option<KernelAt>,
        file: &'static str,
        function: &'static str,
    ) -> Form {
        Form { class, kernel, file, function, wraps: false, computes: false, swapped: false }
    }

    /// The shader's result can leave a narrow integer's range.
    pub(super) const fn wraps(self) -> Form {
        Form { wraps: true, ..self }
    }

    /// The device's float arithmetic must be right.
    pub(super) const fn computes(self) -> Form {
        Form { computes: true, ..self }
    }

    /// Formula and function take the two arguments the other way round.
    pub(super) const fn swapped(self) -> Form {
        Form { swapped: true, ..self }
    }

    /// Its kernel for arguments of these dtypes, if it takes them.
    pub(super) fn kernel(&self, args: &[DType], simd: Simd) -> Option<KernelAt> {
        match *args {
            [a, b] if self.swapped => (self.kernel)(&[b, a], simd).map(KernelAt::swapped),
            _ => (self.kernel)(args, simd),
        }
    }

    /// Its shader's call for a signature that it takes.
    pub(super) fn wgsl(&self, signature: &Signature) -> Wgsl {
        let mut args = signature.args.clone();
        if self.swapped {
            args.reverse();
        }
        // The last argument tells, since `where` begins with its bool.
        let t = args.last().copied().unwrap_or(Bool);
        let (stem, suffix) = self.function.split_once('{').unwrap_or((self.function, ""));
        let through = t == F16 && suffix == "float}";
        let (suffix, turned) = match (suffix, &args[..]) {
            ("", _) => (String::new(), false),
            ("dtype}", _) => (t.to_string(), false),
            ("float}", _) => (if through { F32 } else { t }.to_string(), false),
            // There is one function for equality of the two.
            (_, [U64, I64]) if self.class == Class::Equality => ("int64_uint64".to_string(), true),
            (_, [a @ (U64 | I64), b]) if a != b => (format!("{a}_{b}"), false),
            ("int}", args) if args.iter().any(|a| a.kind() == Kind::Int) => {
                (format!("int{}", width(t)), false)
            }
            ("uint}" | "int}", _) => (format!("uint{}", width(t)), false),
            // No such suffix: a name that no library has.
            _ => (suffix.to_string(), false),
        };
        let after = match self.wraps {
            true => wrap(t),
            false if through && signature.out == F16 => "narrow16".into(),
            false => "".into(),
        };
        Wgsl {
            before: if through { "widen16" } else { "" }.into(),
            function: if suffix.is_empty() { stem.into() } else { (stem.to_string() + &suffix).into() },
            after,
            swapped: self.swapped != turned,
            arithmetic: self.computes.then_some(if t == F64 { F64 } else { F32 }),
            file: self.file,
        }
    }
}

/// The dtype of all arguments.
pub(super) fn uniform(args: &[DType]) -> Option<DType> {
    let t = *args.last()?;
    args.iter().all(|&a| a == t).then_some(t)
}

/// The forms of a row: `forms!((params) Class Formula, file "function" notes; …)`.
macro_rules! forms {
    ($params:tt $($class:ident $($formula:ident, $file:ident $function:literal $($note:ident)*)?;)+) => {
        &[$(form!($params $class $($formula, $file $function $($note)*)?)),+]
    };
}
pub(super) use forms;

macro_rules! form {
    (($param:ident) Copy) => {
        Form::new(Class::Copy, |_, simd| Some(KernelAt::of::<CopyBytes>(simd)), "", "")
    };
    ($params:tt $class:ident $formula:ident, $file:ident $function:literal $($note:ident)*) => {
        Form::new(
            Class::$class,
            |args, simd| kernel!($params $class $formula, args, simd),
            stringify!($file),
            $function,
        )$(.$note())*
    };
}
pub(super) use form;

/// The kernel of a class and a formula for the dtypes `$args`, or `None`. As many parameters as the loop takes
/// arguments.
macro_rules! kernel {
    (($x:ident) $($rest:tt)*) => { kernel!(@ Un $($rest)*) };
    (($x:ident, $y:ident) $($rest:tt)*) => { kernel!(@ Bi $($rest)*) };
    (($x:ident, $y:ident, $z:ident) $($rest:tt)*) => { kernel!(@ Ter $($rest)*) };

    (@ $loop:ident Bool $f:ident, $args:ident, $simd:ident) => {
        kernel!(@of $args, $simd, Bool $loop<$f, u8>)
    };
    (@ $loop:ident Bits $f:ident, $args:ident, $simd:ident) => {
        kernel!(@of $args, $simd, U8 | I8 $loop<$f, u8>, U16 | I16 $loop<$f, u16>, U32 | I32 $loop<$f, u32>,
            U64 | I64 $loop<$f, u64>)
    };
    (@ $loop:ident Int $f:ident, $args:ident, $simd:ident) => {
        kernel!(@of $args, $simd, U8 $loop<$f, u8>, U16 $loop<$f, u16>, U32 $loop<$f, u32>, U64 $loop<$f, u64>,
            I8 $loop<$f, i8>, I16 $loop<$f, i16>, I32 $loop<$f, i32>, I64 $loop<$f, i64>)
    };
    (@ $loop:ident Signed $f:ident, $args:ident, $simd:ident) => {
        kernel!(@of $args, $simd, I8 $loop<$f, i8>, I16 $loop<$f, i16>, I32 $loop<$f, i32>, I64 $loop<$f, i64>)
    };
    (@ $loop:ident Float $f:ident, $args:ident, $simd:ident) => {
        kernel!(@of $args, $simd, F16 $loop<Half<$f>, f16>, F32 $loop<$f, f32>, F64 $loop<$f, f64>)
    };
    (@ $loop:ident Test $f:ident, $args:ident, $simd:ident) => {
        kernel!(@of $args, $simd, F16 $loop<HalfTest<$f>, f16>, F32 $loop<$f, f32>, F64 $loop<$f, f64>)
    };
    (@ $loop:ident FloatBits $f:ident, $args:ident, $simd:ident) => {
        kernel!(@of $args, $simd, F16 $loop<$f, u16>, F32 $loop<$f, u32>, F64 $loop<$f, u64>)
    };
    (@of $args:ident, $simd:ident, $($($t:ident)|+ $kernel:ty),+) => {
        match uniform($args)? {
            $($(DType::$t)|+ => Some(KernelAt::of::<$kernel>($simd)),)+
            #[allow(unreachable_patterns)]
            _ => None,
        }
    };
    (@ $loop:ident Math $f:ident, $args:ident, $simd:ident) => {
        match uniform($args)? {
            DType::F16 => Some(KernelAt::with_fma::<$loop<Half<$f>, f16>, $loop<Half<Fma<$f>>, f16>>($simd)),
            DType::F32 => Some(KernelAt::with_fma::<$loop<$f, f32>, $loop<Fma<$f>, f32>>($simd)),
            DType::F64 => Some(KernelAt::with_fma::<$loop<$f, f64>, $loop<Fma<$f>, f64>>($simd)),
            _ => None,
        }
    };
    (@ Bi Ordered $f:ident, $args:ident, $simd:ident) => {
        match *$args {
            [DType::I64, DType::U64] => Some(KernelAt::of::<Bi<$f, i64, u64>>($simd)),
            [DType::U64, DType::I64] => Some(KernelAt::of::<Bi<$f, u64, i64>>($simd)),
            // Beyond every value of the array's dtype: bools read as 0 and 1.
            [DType::Bool, DType::I8] | [DType::I8, DType::Bool] => Some(KernelAt::of::<Bi<$f, i8>>($simd)),
            [DType::Bool, DType::Bool] => Some(KernelAt::of::<Bi<$f, u8>>($simd)),
            _ => kernel!(@ Bi Int $f, $args, $simd),
        }
    };
    (@ Bi Equality $f:ident, $args:ident, $simd:ident) => {
        match *$args {
            [DType::I64, DType::U64] => Some(KernelAt::of::<Bi<$f, i64, u64>>($simd)),
            [DType::U64, DType::I64] => Some(KernelAt::of::<Bi<$f, i64, u64>>($simd).swapped()),
            [DType::Bool, DType::I8 | DType::Bool] | [DType::I8, DType::Bool] => {
                Some(KernelAt::of::<Bi<$f, u8>>($simd))
            }
            _ => kernel!(@ Bi Bits $f, $args, $simd),
        }
    };
    (@ Ter Select $f:ident, $args:ident, $simd:ident) => {
        match *$args {
            [DType::Bool, a, b] if a == b => Some(match a.size() {
                1 => KernelAt::of::<Ter<$f, u8, u8, u8>>($simd),
                2 => KernelAt::of::<Ter<$f, u8, u16, u16>>($simd),
                4 => KernelAt::of::<Ter<$f, u8, u32, u32>>($simd),
                _ => KernelAt::of::<Ter<$f, u8, u64, u64>>($simd),
            }),
            _ => None,
        }
    };
}
pub(super) use kernel;
