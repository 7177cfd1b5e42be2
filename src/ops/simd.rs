//! Which vector instructions a kernel is compiled for.
//!
//! A kernel is one safe `#[inline(always)]` function over slices. [`per_simd!`](crate::per_simd)
//! compiles it once per level and picks at run time, so a build needs no `target-cpu`. Every level
//! gives the same bits; tests run all of them.
//!
//! Every level above the x86-64 baseline has a fused multiply-add, and so does AArch64
//! ([`Simd::BASELINE_FMA`]). Rust never contracts `a * b + c` by itself: only `mul_add` is fused. On
//! the x86-64 baseline `mul_add` is a slow call, so a formula that uses it has a second form, and it
//! may use it only where both forms have the same bits: for products that are exact, and for the
//! error of a product; or where the bits are only a guess, whose error is bounded for both.

use crate::error::{Error, ErrorKind, Result};

/// A level that this processor has. The only ways to get one check that, so holding one is proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Simd(Level);

#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Simd {
    /// What the target has without asking the processor (SSE2 on x86-64, NEON on AArch64).
    pub const BASELINE: Simd = Simd(Level::Baseline);

    /// The levels of this processor, lowest first.
    pub fn available() -> Vec<Simd> {
        #[allow(unused_mut)]
        let mut levels = vec![Simd::BASELINE];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt")
            {
                levels.push(Simd(Level::Avx2));
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512cd")
                {
                    levels.push(Simd(Level::Avx512));
                }
            }
        }
        levels
    }

    /// The highest level of this processor.
    pub fn best() -> Simd {
        Simd::available().pop().unwrap_or(Simd::BASELINE)
    }

    /// Its name: `baseline`, `avx2`, `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }

    /// The level called `name`.
    ///
    /// # Errors
    /// `Value` if there is none of that name on this processor.
    pub fn from_name(name: &str) -> Result<Simd> {
        let levels = Simd::available();
        levels.iter().copied().find(|l| l.name() == name).ok_or_else(|| {
            let names: Vec<_> = levels.iter().map(|l| l.name()).collect();
            Error::new(ErrorKind::Value, format!("this processor has no vector level '{name}'"))
                .hint(format!("it has {}", names.join(", ")))
        })
    }

    /// Whether `mul_add` is one instruction at the baseline too: on AArch64, and where a build asks for it.
    pub const BASELINE_FMA: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

    #[doc(hidden)]
    #[inline(always)]
    pub fn level(self) -> Level {
        self.0
    }
}

/// Brings near what lies `elements` behind these values in memory, most likely the same column's next block.
/// Where columns are read in turns, the processor's own prefetching begins anew at every turn and page; in a
/// loop, a few lines at a time, this hides what that costs. A single column is better left alone. Only a
/// hint: there need be nothing at that address.
#[inline(always)]
pub fn fetch_ahead<T>(values: &[T], elements: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..size_of_val(values)).step_by(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let at = values.as_ptr().wrapping_add(elements).cast::<i8>().wrapping_add(line);
        // SAFETY: a prefetch neither reads nor writes, and at an address that is not mapped does nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, elements);
}

/// Compiles the `#[inline(always)]` function `$body` once per [`Simd`] level:
/// `per_simd!(fn add(a: &[f32], out: &mut [f32]) = add_body);` defines `fn add(simd: Simd, a, out)`.
/// With `= plain_body, fused fused_body` the second is taken where `mul_add` is one instruction.
#[doc(hidden)]
#[macro_export]
macro_rules! per_simd {
    ($(#[$m:meta])* $v:vis fn $name:ident($($a:ident: $t:ty),* $(,)?) $(-> $r:ty)? = $body:expr) => {
        $crate::per_simd!($(#[$m])* $v fn $name($($a: $t),*) $(-> $r)? = $body, fused $body);
    };
    ($(#[$m:meta])* $v:vis fn $name:ident($($a:ident: $t:ty),* $(,)?) $(-> $r:ty)?
        = $plain:expr, fused $fused:expr) => {
        $(#[$m])*
        $v fn $name(simd: $crate::ops::simd::Simd, $($a: $t),*) $(-> $r)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
            fn avx2($($a: $t),*) $(-> $r)? { $fused($($a),*) }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512cd,bmi1,bmi2,lzcnt,popcnt")]
            fn avx512($($a: $t),*) $(-> $r)? { $fused($($a),*) }
            match simd.level() {
                $crate::ops::simd::Level::Baseline if $crate::ops::simd::Simd::BASELINE_FMA => $fused($($a),*),
                $crate::ops::simd::Level::Baseline => $plain($($a),*),
                // SAFETY: a `Simd` of this level exists only where the processor has it.
                #[cfg(target_arch = "x86_64")]
                $crate::ops::simd::Level::Avx2 => unsafe { avx2($($a),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::ops::simd::Level::Avx512 => unsafe { avx512($($a),*) },
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(always)]
    fn sum_body(a: &[u32]) -> u32 {
        a.iter().sum()
    }
    per_simd!(fn sum(a: &[u32]) -> u32 = sum_body);

    #[test]
    fn every_level_runs() {
        for simd in Simd::available() {
            assert_eq!(sum(simd, &[1, 2, 3]), 6);
            assert_eq!(Simd::from_name(simd.name()).unwrap(), simd);
        }
        assert!(Simd::from_name("mmx").is_err());
    }
}
