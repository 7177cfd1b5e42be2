//! How a formula on single values becomes a loop over slices, compiled once per vector level.
//!
//! A formula is a type that implements [`Unary`], [`Binary`] or [`Ternary`] with an
//! `#[inline(always)]` function; [`KernelAt::of`] wraps it in a loop. The three copies (baseline,
//! AVX2, AVX-512) come from one generic function each, so nothing is written per level.

use super::Events;
use crate::ops::simd::{Level, Simd, fetch_ahead};
use bytemuck::Pod;
use std::marker::PhantomData;

/// The arguments are parameters of their own, so that the compiler knows them apart from the result.
type Run = unsafe fn(&mut [u8], &[u8], &[u8], &[u8]) -> Events;

/// A compiled kernel for one row, one signature and one vector level.
#[derive(Clone, Copy, Debug)]
pub struct KernelAt {
    run: Run,
    swap: bool,
}

impl KernelAt {
    /// Computes every element of `out` from the elements of `args`, which are slices of the
    /// signature's dtypes as bytes: native order, aligned to their dtype, all of the same number
    /// of elements as `out`; bool is one byte, 0 or 1.
    ///
    /// # Panics
    /// If a slice is not aligned to its dtype, its length is not a multiple of it, or an argument
    /// is missing or shorter than `out`: the caller's mistake, never the data's.
    #[inline]
    pub fn run(self, args: &[&[u8]], out: &mut [u8]) -> Events {
        let (a, b, c): (&[u8], &[u8], &[u8]) = match *args {
            [a] => (a, &[], &[]),
            [a, b] if self.swap => (b, a, &[]),
            [a, b] => (a, b, &[]),
            [a, b, c] => (a, b, c),
            _ => (&[], &[], &[]),
        };
        // SAFETY: `of` picked the function with a `Simd`, which is proof that the processor has
        // the instructions it was compiled for; otherwise these functions are safe.
        unsafe { (self.run)(out, a, b, c) }
    }

    /// `K` at the level `simd`.
    pub(super) fn of<K: Kernel>(simd: Simd) -> KernelAt {
        KernelAt::with_fma::<K, K>(simd)
    }

    /// `M` where the level `simd` has a fused multiply-add, `K` where it has none: the same formula twice.
    pub(super) fn with_fma<K: Kernel, M: Kernel>(simd: Simd) -> KernelAt {
        let run: Run = match simd.level() {
            Level::Baseline if Simd::BASELINE_FMA => baseline::<M>,
            Level::Baseline => baseline::<K>,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => avx2::<M>,
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => avx512::<M>,
        };
        KernelAt { run, swap: false }
    }

    /// The same kernel with its two arguments exchanged.
    pub(super) fn swapped(self) -> KernelAt {
        KernelAt { swap: !self.swap, ..self }
    }
}

fn baseline<K: Kernel>(out: &mut [u8], a: &[u8], b: &[u8], c: &[u8]) -> Events {
    K::run::<false>(out, a, b, c)
}
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
fn avx2<K: Kernel>(out: &mut [u8], a: &[u8], b: &[u8], c: &[u8]) -> Events {
    K::run::<false>(out, a, b, c)
}
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512cd,bmi1,bmi2,lzcnt,popcnt")]
fn avx512<K: Kernel>(out: &mut [u8], a: &[u8], b: &[u8], c: &[u8]) -> Events {
    K::run::<true>(out, a, b, c)
}

/// A whole loop. `run` must be `#[inline(always)]`, or it is compiled without the level's
/// instructions. `WIDE`: the level has registers (32) for the work on two vectors at once; measured on
/// AVX-512 alone.
pub(super) trait Kernel: 'static {
    fn run<const WIDE: bool>(out: &mut [u8], a: &[u8], b: &[u8], c: &[u8]) -> Events;
}

/// A formula of one value.
pub(super) trait Unary<A>: 'static {
    type Out: Pod;
    /// What [`Unary::event`] reports.
    const EVENT: Events = Events::NONE;
    fn f(a: A) -> Self::Out;
    #[inline(always)]
    fn event(_: A) -> bool {
        false
    }
    /// Elements that [`Unary::slow`] must compute again: a property of the value alone.
    #[inline(always)]
    fn is_slow(_: A) -> bool {
        false
    }
    /// The formula where [`Unary::is_slow`]; may branch.
    #[inline(always)]
    fn slow(a: A) -> Self::Out {
        Self::f(a)
    }
    const HAS_SLOW: bool = false;
    /// See [`reported`].
    const LONG: bool = false;
}

/// A formula of two values.
pub(super) trait Binary<A, B = A>: 'static {
    type Out: Pod;
    /// What [`Binary::event`] reports.
    const EVENT: Events = Events::NONE;
    fn f(a: A, b: B) -> Self::Out;
    #[inline(always)]
    fn event(_: A, _: B) -> bool {
        false
    }
    /// Elements for which [`Binary::f`] is wrong: a property of the values alone.
    #[inline(always)]
    fn is_slow(_: A, _: B) -> bool {
        false
    }
    /// Right for every element, with [`Binary::finish`] after it; may branch.
    #[inline(always)]
    fn slow(a: A, b: B) -> Self::Out {
        Self::f(a, b)
    }
    /// What follows [`Binary::slow`] and has no branch.
    #[inline(always)]
    fn finish(_: A, _: B, slow: Self::Out) -> Self::Out {
        slow
    }
    const HAS_SLOW: bool = false;
    /// See [`reported`].
    const LONG: bool = false;
}

/// A formula of three values.
pub(super) trait Ternary<A, B, C>: 'static {
    type Out: Pod;
    fn f(a: A, b: B, c: C) -> Self::Out;
}

/// The loop of a [`Unary`].
pub(super) struct Un<F, A>(PhantomData<(F, A)>);
/// The loop of a [`Binary`].
pub(super) struct Bi<F, A, B = A>(PhantomData<(F, A, B)>);
/// The loop of a [`Ternary`].
pub(super) struct Ter<F, A, B = A, C = B>(PhantomData<(F, A, B, C)>);
/// Copies the bytes.
pub(super) struct CopyBytes;

#[inline(always)]
fn typed<T: Pod>(bytes: &[u8], n: usize) -> &[T] {
    &bytemuck::cast_slice::<u8, T>(bytes)[..n]
}

/// Elements per pass of a formula with slow cases: its second pass finds them in the cache.
const BLOCK: usize = 512;

/// As [`BLOCK`], of two values: shorter, since one slow element has its whole block looked through.
const PAIRS: usize = 64;

/// Elements before whose computation those are fetched that lie [`AHEAD`] bytes behind them. An operand from
/// memory is read strip by strip, between other steps.
const PART: usize = 256;
/// Bytes of a strip.
const AHEAD: usize = 4096;

/// What a loop reports.
///
/// A `long` formula is one chain of dozens of steps, each waiting for the one before: a processor sees
/// too few elements ahead to fill the wait. LLVM interleaves two vectors, which fills it, only in loops
/// that reduce something. So these have an event that nobody asks for, and the compiler must not know. With
/// 16 registers it does not interleave even so, and the event would only cost.
#[inline(always)]
fn reported(event: bool, what: Events, long: bool) -> Events {
    let event = if long { std::hint::black_box(event) } else { event };
    if event { what } else { Events::NONE }
}

impl<F: Unary<A>, A: Pod> Kernel for Un<F, A> {
    #[inline(always)]
    fn run<const WIDE: bool>(out: &mut [u8], a: &[u8], _: &[u8], _: &[u8]) -> Events {
        let out: &mut [F::Out] = bytemuck::cast_slice_mut(out);
        let a = typed::<A>(a, out.len());
        if F::HAS_SLOW {
            for (o, a) in out.chunks_mut(BLOCK).zip(a.chunks(BLOCK)) {
                let mut slow = false;
                for (o, &a) in o.iter_mut().zip(a) {
                    *o = F::f(a);
                    slow |= F::is_slow(a);
                }
                if slow {
                    for (o, &a) in o.iter_mut().zip(a) {
                        if F::is_slow(a) {
                            *o = F::slow(a);
                        }
                    }
                }
            }
            return Events::NONE;
        }
        let mut event = false;
        for (o, a) in out.chunks_mut(PART).zip(a.chunks(PART)) {
            fetch_ahead(a, AHEAD / size_of::<A>());
            for (o, &a) in o.iter_mut().zip(a) {
                *o = F::f(a);
                event |= F::event(a);
            }
        }
        reported(event, F::EVENT, F::LONG & WIDE)
    }
}

impl<F: Binary<A, B>, A: Pod, B: Pod> Kernel for Bi<F, A, B> {
    #[inline(always)]
    fn run<const WIDE: bool>(out: &mut [u8], a: &[u8], b: &[u8], _: &[u8]) -> Events {
        let out: &mut [F::Out] = bytemuck::cast_slice_mut(out);
        let (a, b) = (typed::<A>(a, out.len()), typed::<B>(b, out.len()));
        let mut event = false;
        if F::HAS_SLOW {
            for ((o, a), b) in out.chunks_mut(PAIRS).zip(a.chunks(PAIRS)).zip(b.chunks(PAIRS)) {
                event |= pairs::<F, A, B>(o, a, b);
            }
            return if event { F::EVENT } else { Events::NONE };
        }
        for ((o, a), b) in out.chunks_mut(PART).zip(a.chunks(PART)).zip(b.chunks(PART)) {
            fetch_ahead(a, AHEAD / size_of::<A>());
            fetch_ahead(b, AHEAD / size_of::<B>());
            for ((o, &a), &b) in o.iter_mut().zip(a).zip(b) {
                *o = F::f(a, b);
                event |= F::event(a, b);
            }
        }
        reported(event, F::EVENT, F::LONG & WIDE)
    }
}

/// A block of a formula with slow cases; whether there was an event. Where many are slow all go that
/// way, in two loops: what branches, then the rest as vectors.
#[inline(always)]
fn pairs<F: Binary<A, B>, A: Pod, B: Pod>(out: &mut [F::Out], a: &[A], b: &[B]) -> bool {
    let mut event = false;
    let slow = a.iter().zip(b).fold(0u32, |n, (&a, &b)| n + F::is_slow(a, b) as u32) as usize;
    if slow > out.len() / 4 {
        for ((o, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *o = F::slow(a, b);
            event |= F::event(a, b);
        }
        for ((o, &a), &b) in out.iter_mut().zip(a).zip(b) {
            *o = F::finish(a, b, *o);
        }
        return event;
    }
    for ((o, &a), &b) in out.iter_mut().zip(a).zip(b) {
        *o = F::f(a, b);
        event |= F::event(a, b);
    }
    if slow > 0 {
        for ((o, &a), &b) in out.iter_mut().zip(a).zip(b) {
            if F::is_slow(a, b) {
                *o = F::finish(a, b, F::slow(a, b));
            }
        }
    }
    event
}

impl<F: Ternary<A, B, C>, A: Pod, B: Pod, C: Pod> Kernel for Ter<F, A, B, C> {
    #[inline(always)]
    fn run<const WIDE: bool>(out: &mut [u8], a: &[u8], b: &[u8], c: &[u8]) -> Events {
        let out: &mut [F::Out] = bytemuck::cast_slice_mut(out);
        let n = out.len();
        let (a, b, c) = (typed::<A>(a, n), typed::<B>(b, n), typed::<C>(c, n));
        for (((o, &a), &b), &c) in out.iter_mut().zip(a).zip(b).zip(c) {
            *o = F::f(a, b, c);
        }
        Events::NONE
    }
}

impl Kernel for CopyBytes {
    #[inline(always)]
    fn run<const WIDE: bool>(out: &mut [u8], a: &[u8], _: &[u8], _: &[u8]) -> Events {
        out.copy_from_slice(&a[..out.len()]);
        Events::NONE
    }
}
