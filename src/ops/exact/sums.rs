//! The accumulators themselves: storage, single additions, merging, serialised form.

use super::Term;
use super::digits::{Fixed, MINUS_INF, NAN, PLUS_INF, carry, effective};
use super::round::Format;
use super::row::Rows;
use half::f16;
use num_bigint::BigInt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

/// Each addition changes a limb by less than 2^32, so 2^30 of them leave limbs below 2^62 + 2^32.
const ADDS_BEFORE_CARRY: u32 = 1 << 30;

/// `len` exact accumulators of one [`Term`], all zero at first.
///
/// A value must be one of the term: a float64 that is no multiple of the term's lowest unit, or
/// an integer given to a float term, is a fault of the caller (its low bits would be lost; debug
/// builds assert). Indices out of range panic, as slices do.
#[derive(Clone)]
pub struct Sums {
    pub(super) term: Term,
    pub(super) limbs: Vec<i64>,
    pub(super) flags: Vec<u8>,
    adds: u32,
    pub(super) rows: Option<Box<Rows>>,
}

/// A number that can be added: f16, f32, f64, i64, u64, i128 (of a term wide enough).
pub trait Addend: Copy {
    /// Adds it to sum `i`.
    fn add_to(self, sums: &mut Sums, i: usize);
    /// Adds its product with `other`, exactly, to sum `i`. Floats 32 bits and narrower multiply into
    /// any float product term, float64 only into [`Term::F64Product`].
    fn add_product_to(self, other: Self, sums: &mut Sums, i: usize);
}

/// Adds a finite float64 that is a multiple of the term's lowest unit to the limbs of one sum. The
/// caller counts it.
#[inline]
fn deposit(term: Term, limbs: &mut [i64], v: f64) {
    let bits = v.to_bits();
    let field = (bits >> 52 & 0x7ff) as i32;
    let mut m = (bits & ((1 << 52) - 1)) | ((field != 0) as u64) << 52;
    if m == 0 {
        return;
    }
    let mut at = field.max(1) - 1075 - term.low();
    if at < 0 {
        debug_assert!(m.trailing_zeros() as i32 >= -at, "{v:e} has bits below {term:?}");
        m = m.checked_shr(at.unsigned_abs()).unwrap_or(0);
        at = 0;
    }
    let negate = -((bits >> 63) as i64);
    let (digit, shift) = (at as usize / 32, at as u32 % 32);
    let wide = (m as u128) << shift;
    for (k, l) in limbs[digit..digit + 3].iter_mut().enumerate() {
        let d = (wide >> (32 * k)) as u32 as i64;
        *l += (d ^ negate) - negate;
    }
}

impl Sums {
    /// `n` sums of `term`.
    pub fn new(term: Term, n: usize) -> Sums {
        Sums { term, limbs: vec![0; n * term.limbs()], flags: vec![0; n], adds: 0, rows: None }
    }

    /// How many sums there are.
    pub fn len(&self) -> usize {
        self.flags.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    /// Whether sum `i` is NaN for good, so that nothing added to it can matter.
    pub(super) fn is_nan(&self, i: usize) -> bool {
        self.flags[i] & NAN != 0
    }

    /// What is added.
    pub fn term(&self) -> Term {
        self.term
    }

    /// Adds one value to sum `i`.
    #[inline]
    pub fn add_at<T: Addend>(&mut self, i: usize, value: T) {
        value.add_to(self, i);
    }

    /// Adds `a` · `b` to sum `i`, exactly.
    #[inline]
    pub fn add_product_at<T: Addend>(&mut self, i: usize, a: T, b: T) {
        a.add_product_to(b, self, i);
    }

    /// Adds every sum of `other` to the one at the same place. Both have one term and one length.
    pub fn merge(&mut self, other: &Sums) {
        assert_eq!(self.len(), other.len());
        (0..other.len()).for_each(|i| self.merge_at(i, other, i));
    }

    /// Adds sum `j` of `other` to sum `i`. Both have one term.
    pub fn merge_at(&mut self, i: usize, other: &Sums, j: usize) {
        assert_eq!(self.term, other.term);
        let n = self.term.limbs();
        self.flags[i] |= other.flags[j];
        let from = &other.limbs[j * n..(j + 1) * n];
        if other.adds >= ADDS_BEFORE_CARRY / 2 {
            let mut copy: SmallVec<[i64; 24]> = SmallVec::from_slice(from);
            carry(&mut copy);
            self.add_limbs(i, &copy, 1);
        } else {
            self.add_limbs(i, from, other.adds + 1);
        }
        if let Some(rows) = &other.rows {
            rows.pending(j).for_each(|v| self.add_f64(i, v));
        }
    }

    pub(super) fn add_limbs(&mut self, i: usize, from: &[i64], adds: u32) {
        self.count(adds);
        let n = from.len();
        for (to, from) in self.limbs[i * n..(i + 1) * n].iter_mut().zip(from) {
            *to += from;
        }
    }

    /// Sets all sums to zero.
    pub fn clear(&mut self) {
        self.limbs.fill(0);
        self.flags.fill(0);
        self.adds = 0;
        self.rows = None;
    }

    /// The exact value of sum `i`.
    pub fn get(&self, i: usize) -> Fixed {
        let n = self.term.limbs();
        let from = &self.limbs[i * n..(i + 1) * n];
        if let Some(rows) = &self.rows
            && rows.pending(i).any(|v| v != 0.0)
        {
            let mut limbs: SmallVec<[i64; 24]> = SmallVec::from_slice(from);
            carry(&mut limbs);
            rows.pending(i).for_each(|v| deposit(self.term, &mut limbs, v));
            return Fixed::from_limbs(self.term, self.flags[i], &mut limbs);
        }
        let mut limbs: SmallVec<[i64; 24]> = SmallVec::from_slice(from);
        Fixed::from_limbs(self.term, self.flags[i], &mut limbs)
    }

    /// Sum `i` rounded once to float64.
    pub fn round_f64(&self, i: usize) -> f64 {
        f64::from_bits(Format::F64.round_fixed(&self.get(i)))
    }

    /// Sum `i` rounded once to float32.
    pub fn round_f32(&self, i: usize) -> f32 {
        f32::from_bits(Format::F32.round_fixed(&self.get(i)) as u32)
    }

    /// Sum `i` rounded once to float16.
    pub fn round_f16(&self, i: usize) -> f16 {
        f16::from_bits(Format::F16.round_fixed(&self.get(i)) as u16)
    }

    /// The bits of sum `i` rounded once to `format`.
    pub fn round(&self, i: usize, format: Format) -> u64 {
        format.round_fixed(&self.get(i))
    }

    /// Sum `i` of an integer term, if it fits.
    pub fn to_i128(&self, i: usize) -> Option<i128> {
        self.get(i).to_i128()
    }

    /// Sum `i` as (integer, e), meaning integer · 2^e. `None` if it is infinite or NaN.
    pub fn to_bigint(&self, i: usize) -> Option<(BigInt, i32)> {
        let v = self.get(i);
        v.is_finite().then(|| v.to_bigint())
    }

    /// Announces `more` additions, and propagates carries when limbs could overflow.
    #[inline]
    fn count(&mut self, more: u32) {
        self.adds += more;
        if self.adds >= ADDS_BEFORE_CARRY {
            self.limbs.chunks_exact_mut(self.term.limbs()).for_each(carry);
            self.adds = more;
        }
    }

    #[cold]
    pub(super) fn add_special(&mut self, i: usize, v: f64) {
        self.flags[i] |= match v {
            f64::INFINITY => PLUS_INF,
            f64::NEG_INFINITY => MINUS_INF,
            _ => NAN,
        };
    }

    /// Adds a float64 that is a multiple of the term's lowest unit.
    #[inline]
    pub(super) fn add_f64(&mut self, i: usize, v: f64) {
        let bits = v.to_bits();
        let field = (bits >> 52 & 0x7ff) as i32;
        if field == 0x7ff {
            return self.add_special(i, v);
        }
        if bits << 1 == 0 {
            return;
        }
        self.count(1);
        let n = self.term.limbs();
        deposit(self.term, &mut self.limbs[i * n..(i + 1) * n], v);
    }

    /// Adds ±m · 2^(at), counted from the term's lowest unit.
    #[inline]
    fn add_magnitude(&mut self, i: usize, negative: bool, mut m: u128, at: usize) {
        self.count(1);
        let (mut k, shift) = (i * self.term.limbs() + at / 32, at as u32 % 32);
        let negate = -(negative as i64);
        let mut d = ((m << shift) as u32) as i64;
        m >>= 32 - shift;
        loop {
            self.limbs[k] += (d ^ negate) - negate;
            if m == 0 {
                return;
            }
            d = m as u32 as i64;
            m >>= 32;
            k += 1;
        }
    }

    /// Adds `n` · 2^`unit`; the term's lowest unit is at or below that one.
    pub(super) fn add_units(&mut self, i: usize, n: i64, unit: i32) {
        if n != 0 {
            self.add_magnitude(i, n < 0, n.unsigned_abs() as u128, (unit - self.term.low()) as usize);
        }
    }

    fn canonical(&self) -> Canonical {
        let mut c = Canonical { term: self.term, heads: Vec::with_capacity(self.len()), digits: Vec::new() };
        for i in 0..self.len() {
            let v = self.get(i);
            let skip = v.digits.iter().take_while(|&&d| d == 0).count();
            let used = &v.digits[skip..];
            let state = v.flags << 1 | v.negative as u8;
            c.heads.push([state, skip as u8, used.len() as u8]);
            c.digits.extend_from_slice(used);
        }
        c
    }
}

impl Addend for f64 {
    #[inline]
    fn add_to(self, sums: &mut Sums, i: usize) {
        sums.add_f64(i, self);
    }

    fn add_product_to(self, other: f64, sums: &mut Sums, i: usize) {
        debug_assert_eq!(sums.term, Term::F64Product);
        let (a, b) = (self.to_bits(), other.to_bits());
        let (fa, fb) = ((a >> 52 & 0x7ff) as usize, (b >> 52 & 0x7ff) as usize);
        if fa == 0x7ff || fb == 0x7ff {
            return sums.add_special(i, self * other);
        }
        let m = |bits: u64, field: usize| (bits & ((1 << 52) - 1)) | ((field != 0) as u64) << 52;
        let product = m(a, fa) as u128 * m(b, fb) as u128;
        // units of 2^-1074 · 2^-1074 = 2^low
        sums.add_magnitude(i, (a ^ b) >> 63 == 1, product, fa.max(1) + fb.max(1) - 2);
    }
}

impl Addend for f32 {
    #[inline]
    fn add_to(self, sums: &mut Sums, i: usize) {
        sums.add_f64(i, self as f64);
    }

    #[inline]
    fn add_product_to(self, other: f32, sums: &mut Sums, i: usize) {
        sums.add_f64(i, self as f64 * other as f64);
    }
}

impl Addend for f16 {
    #[inline]
    fn add_to(self, sums: &mut Sums, i: usize) {
        self.to_f32().add_to(sums, i);
    }

    #[inline]
    fn add_product_to(self, other: f16, sums: &mut Sums, i: usize) {
        self.to_f32().add_product_to(other.to_f32(), sums, i);
    }
}

macro_rules! integer_addend {
    ($($t:ty)*) => {$(
        impl Addend for $t {
            #[inline]
            fn add_to(self, sums: &mut Sums, i: usize) {
                debug_assert_eq!(sums.term.low(), 0);
                #[allow(unused_comparisons)]
                let negative = self < 0;
                sums.add_magnitude(i, negative, (self as i128).unsigned_abs(), 0);
            }

            /// Factors have at most 64 bits.
            #[inline]
            fn add_product_to(self, other: $t, sums: &mut Sums, i: usize) {
                debug_assert_eq!(sums.term, Term::IntProduct);
                #[allow(unused_comparisons)]
                let negative = (self < 0) != (other < 0);
                let (a, b) = ((self as i128).unsigned_abs(), (other as i128).unsigned_abs());
                sums.add_magnitude(i, negative, a * b, 0);
            }
        }
    )*};
}
integer_addend!(i64 u64 i128);

/// The serialised form: one for each value, whatever the order of additions that led to it.
#[derive(Serialize, Deserialize, PartialEq)]
struct Canonical {
    term: Term,
    /// Per sum: flags and sign, zero digits skipped at the low end, digits that follow.
    heads: Vec<[u8; 3]>,
    digits: Vec<u32>,
}

impl PartialEq for Sums {
    /// Equality of values.
    fn eq(&self, other: &Sums) -> bool {
        self.canonical() == other.canonical()
    }
}

impl std::fmt::Debug for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first: Vec<f64> = (0..self.len().min(8)).map(|i| self.round_f64(i)).collect();
        write!(f, "Sums({:?} x {}, about {first:?})", self.term, self.len())
    }
}

impl Serialize for Sums {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.canonical().serialize(s)
    }
}

impl<'de> Deserialize<'de> for Sums {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Sums, D::Error> {
        use serde::de::Error;
        let c = Canonical::deserialize(d)?;
        let mut sums = Sums::new(c.term, c.heads.len());
        let n = c.term.limbs();
        let mut digits = c.digits.as_slice();
        for (i, &[state, skip, used]) in c.heads.iter().enumerate() {
            let (skip, used, flags) = (skip as usize, used as usize, state >> 1);
            if used > digits.len() || skip + used > n || effective(flags) != flags {
                return Err(D::Error::custom("a sum has impossible digits"));
            }
            let (these, rest) = digits.split_at(used);
            digits = rest;
            let sign = if state & 1 == 1 { -1 } else { 1 };
            for (l, &d) in sums.limbs[i * n + skip..].iter_mut().zip(these) {
                *l = sign * d as i64;
            }
            sums.flags[i] = flags;
        }
        if !digits.is_empty() {
            return Err(D::Error::custom("digits without a sum"));
        }
        Ok(sums)
    }
}
