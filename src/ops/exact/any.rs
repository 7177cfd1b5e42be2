//! Sums in either form, wide or narrow: what is added is the same number in both.

use super::Term;
use super::digits::Fixed;
use super::narrow::Narrow;
use super::round::Format;
use super::run::Run;
use super::sums::{Addend, Canonical, Sums};
use crate::ops::simd::Simd;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Wide or narrow sums of one term. Each method is as the one of [`Sums`]; what both forms write is the same, and what is read is
/// wide.
#[derive(Clone)]
pub enum AnySums {
    /// Of the whole range of the term.
    Wide(Sums),
    /// Of few bytes. Where they are exceeded ([`AnySums::exceeded`]), they are not what was added.
    Narrow(Box<Narrow>),
}

/// Calls a method that both forms have.
macro_rules! either {
    ($sums:expr, $each:ident => $call:expr) => {
        match $sums {
            AnySums::Wide($each) => $call,
            AnySums::Narrow($each) => $call,
        }
    };
}

impl AnySums {
    /// Wide ones.
    pub fn wide(term: Term, n: usize) -> AnySums {
        AnySums::Wide(Sums::new(term, n))
    }

    /// Narrow ones, where there are such ([`Narrow::new`]).
    pub fn narrow(term: Term, n: usize) -> Option<AnySums> {
        Narrow::new(term, n).map(|n| AnySums::Narrow(Box::new(n)))
    }

    /// How many sums there are.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        either!(self, s => s.len())
    }

    /// What is added.
    pub fn term(&self) -> Term {
        either!(self, s => s.term())
    }

    /// Whether narrow ones will not do.
    pub fn exceeded(&self) -> bool {
        matches!(self, AnySums::Narrow(n) if n.exceeded())
    }

    /// See [`Sums::add_run`].
    pub fn add_run<T: Run>(&mut self, simd: Simd, i: usize, v: &[T]) {
        either!(self, s => s.add_run(simd, i, v))
    }

    /// See [`Sums::add_moments_run`].
    pub fn add_moments_run<T: Run>(&mut self, squares: &mut AnySums, simd: Simd, i: usize, v: &[T]) {
        match (self, squares) {
            (AnySums::Wide(sums), AnySums::Wide(squares)) => sums.add_moments_run(squares, simd, i, v),
            (sums, squares) => {
                sums.add_run(simd, i, v);
                either!(squares, s => s.add_squares_run(simd, i, v));
            }
        }
    }

    /// See [`Sums::add_products_run`].
    pub fn add_products_run<T: Run>(&mut self, simd: Simd, i: usize, a: &[T], b: &[T]) {
        either!(self, s => s.add_products_run(simd, i, a, b))
    }

    /// See [`Sums::add_row_f32`].
    pub fn add_row_f32(&mut self, simd: Simd, base: usize, v: &[f32]) {
        either!(self, s => s.add_row_f32(simd, base, v))
    }

    /// See [`Sums::add_row_f64`].
    pub fn add_row_f64(&mut self, simd: Simd, base: usize, v: &[f64]) {
        either!(self, s => s.add_row_f64(simd, base, v))
    }

    /// See [`Sums::add_products_row_f32`].
    pub fn add_products_row_f32(&mut self, simd: Simd, base: usize, a: &[f32], b: &[f32]) {
        either!(self, s => s.add_products_row_f32(simd, base, a, b))
    }

    /// See [`Sums::add_products_row_f64`].
    pub fn add_products_row_f64(&mut self, simd: Simd, base: usize, a: &[f64], b: &[f64]) {
        either!(self, s => s.add_products_row_f64(simd, base, a, b))
    }

    /// See [`Sums::add_at`].
    #[inline]
    pub fn add_at<T: Addend + Into<f64>>(&mut self, i: usize, value: T) {
        match self {
            AnySums::Wide(sums) => sums.add_at(i, value),
            AnySums::Narrow(sums) => sums.add_value(i, value.into()),
        }
    }

    /// See [`Sums::add_product_at`].
    #[inline]
    pub fn add_product_at<T: Addend + Into<f64>>(&mut self, i: usize, a: T, b: T) {
        match self {
            AnySums::Wide(sums) => sums.add_product_at(i, a, b),
            AnySums::Narrow(sums) => sums.add_product(i, a.into(), b.into()),
        }
    }

    /// See [`Sums::add_digits`].
    pub fn add_digits(&mut self, i: usize, first: usize, limbs: &[i64], flags: u8) {
        either!(self, s => s.add_digits(i, first, limbs, flags))
    }

    /// Adds sum j of `other`, in whichever form, to sum `offset` + j, for all. Both have one term. What is exceeded may be
    /// merged into narrow sums, which are so then, and not into wide ones.
    ///
    /// # Panics
    /// If the terms differ, or there are fewer sums.
    pub fn merge_at(&mut self, offset: usize, other: &AnySums) {
        match (self, other) {
            (AnySums::Wide(to), AnySums::Wide(from)) => to.merge_from(offset, from),
            (AnySums::Wide(to), AnySums::Narrow(from)) => {
                (0..from.len()).for_each(|j| from.add_to(j, to, offset + j));
            }
            (AnySums::Narrow(to), AnySums::Narrow(from)) => to.merge_at(offset, from),
            (AnySums::Narrow(to), AnySums::Wide(from)) => {
                (0..from.len()).for_each(|j| to.add_wide(offset + j, from, j));
            }
        }
    }

    /// Adds sum `j` of `other`, in whichever form, to sum `i`. Both have one term.
    ///
    /// # Panics
    /// If the terms differ, or there is no such sum.
    pub fn merge_one(&mut self, i: usize, other: &AnySums, j: usize) {
        match (self, other) {
            (AnySums::Wide(to), AnySums::Wide(from)) => to.merge_at(i, from, j),
            (AnySums::Wide(to), AnySums::Narrow(from)) => from.add_to(j, to, i),
            (AnySums::Narrow(to), AnySums::Narrow(from)) => to.merge_one(i, from, j),
            (AnySums::Narrow(to), AnySums::Wide(from)) => to.add_wide(i, from, j),
        }
    }

    /// See [`Sums::get`].
    pub fn get(&self, i: usize) -> Fixed {
        either!(self, s => s.get(i))
    }

    /// See [`Sums::round`].
    pub fn round(&self, i: usize, format: Format) -> u64 {
        format.round_fixed(&self.get(i))
    }
}

impl std::fmt::Debug for AnySums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AnySums::Wide(sums) => sums.fmt(f),
            AnySums::Narrow(sums) => write!(f, "Narrow({:?} x {})", sums.term(), sums.len()),
        }
    }
}

impl Serialize for AnySums {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;
        match self {
            AnySums::Wide(sums) => sums.serialize(s),
            AnySums::Narrow(sums) if sums.exceeded() => Err(S::Error::custom("narrow sums are exceeded")),
            AnySums::Narrow(sums) => {
                let get = |i| {
                    let mut one = Sums::new(sums.term(), 1);
                    sums.add_to(i, &mut one, 0);
                    one.get(0)
                };
                Canonical::of(sums.term(), sums.len(), get).serialize(s)
            }
        }
    }
}

impl<'de> Deserialize<'de> for AnySums {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<AnySums, D::Error> {
        Sums::deserialize(d).map(AnySums::Wide)
    }
}
