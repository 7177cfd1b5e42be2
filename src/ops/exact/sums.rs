//! The accumulators themselves: storage, single additions, merging, serialised form.

use super::Term;
use super::digits::{Fixed, MINUS_INF, NAN, PLUS_INF, carry, effective};
use super::guess::Guess;
use super::pending::Rows;
use super::round::Format;
use half::f16;
use num_bigint::BigInt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

/// Each addition changes a limb by less than 2^32, so 2^30 of them leave limbs below 2^62 + 2^32.
const ADDS_BEFORE_CARRY: u32 = 1 << 30;

const FRACTION: u64 = (1 << 52) - 1;
const DIGIT: i64 = (1 << 32) - 1;

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
    /// What the next blocks are thought to be like: of values or products, and of the errors of products.
    pub(super) guesses: [Guess; 2],
}

/// A number that can be added: f16, f32, f64, i64, u64, i128 (of a term wide enough).
pub trait Addend: Copy {
    /// Adds it to sum `i`.
    fn add_to(self, sums: &mut Sums, i: usize);
    /// Adds its product with `other`, exactly, to sum `i`. Floats 32 bits and narrower multiply into
    /// any float product term, float64 only into [`Term::F64Product`].
    fn add_product_to(self, other: Self, sums: &mut Sums, i: usize);
}

/// The exponent field of a finite float64, that of a subnormal as 1, and the significand with its sign.
#[inline(always)]
pub(super) fn parts(x: f64) -> (u64, i64) {
    let bits = x.to_bits();
    let field = bits >> 52 & 0x7ff;
    // 0 for field 0, else 1, in a form that never becomes a branch
    let is_normal = (field + 0x7ff) >> 11;
    let sign = bits as i64 >> 63;
    (field + 1 - is_normal, ((bits & FRACTION | is_normal << 52) as i64 ^ sign) - sign)
}

/// Adds a finite float64 that is a multiple of 2^`low`, the lowest unit, to the limbs of one sum. The caller
/// counts it.
#[inline(always)]
fn deposit(low: i32, limbs: &mut [i64], v: f64) {
    let (field, m) = parts(v);
    let at = field as i32 - 1075 - low;
    debug_assert!(m == 0 || m.trailing_zeros() as i32 >= -at, "{v:e} has bits below 2^{low}");
    // a significand that begins below the unit has zeros there, fewer than it has bits, or it is zero; both
    // are `max` without a branch
    let is_below = at >> 31;
    let (m, at) = (m.wrapping_shr((-at & is_below) as u32), at & !is_below);
    let (digit, shift) = (at as usize / 32, at as u32 % 32);
    let above = m >> (32 - shift);
    // only the highest digit has the sign
    let digits = [(m << shift) & DIGIT, above & DIGIT, above >> 32];
    limbs[digit..digit + 3].iter_mut().zip(digits).for_each(|(l, d)| *l += d);
}

/// Adds the exact product of two finite float64 to the limbs of one sum of [`Term::F64Product`]. The caller
/// counts it.
#[inline(always)]
fn deposit_product(limbs: &mut [i64], a: f64, b: f64) {
    let ((f, a), (g, b)) = (parts(a), parts(b));
    let m = a as i128 * b as i128;
    // units of 2^-1074 · 2^-1074 = 2^low
    let at = (f + g - 2) as usize;
    let (digit, shift) = (at / 32, at as u32 % 32);
    let (low, high, right) = (m as u64, (m >> 64) as i64, 32 - shift);
    let middle = (low >> right | (high as u64) << (64 - right)) as i64;
    let above = high >> right;
    let digits =
        [(low << shift) as i64 & DIGIT, middle & DIGIT, middle >> 32 & DIGIT, above & DIGIT, above >> 32];
    limbs[digit..digit + 5].iter_mut().zip(digits).for_each(|(l, d)| *l += d);
}

/// The flag of a value that is not finite.
#[cold]
pub(super) fn special(v: f64) -> u8 {
    match v {
        f64::INFINITY => PLUS_INF,
        f64::NEG_INFINITY => MINUS_INF,
        _ => NAN,
    }
}

impl Sums {
    /// `n` sums of `term`.
    pub fn new(term: Term, n: usize) -> Sums {
        Sums {
            term,
            limbs: vec![0; n * term.limbs()],
            flags: vec![0; n],
            adds: 0,
            rows: None,
            guesses: [Guess::NONE; 2],
        }
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
        self.merge_from(0, other);
    }

    /// Adds sum j of `other` to sum `offset` + j, for all. Both have one term.
    pub(super) fn merge_from(&mut self, offset: usize, other: &Sums) {
        assert_eq!(self.term, other.term);
        if other.adds >= ADDS_BEFORE_CARRY / 2 || other.is_empty() {
            return (0..other.len()).for_each(|j| self.merge_at(offset + j, other, j));
        }
        // Each limb takes one limb, so that all of them together are counted once.
        self.count(other.adds + 1);
        let n = self.term.limbs();
        self.flags[offset..].iter_mut().zip(&other.flags).for_each(|(to, from)| *to |= from);
        let to = &mut self.limbs[offset * n..][..other.limbs.len()];
        to.iter_mut().zip(&other.limbs).for_each(|(to, from)| *to += from);
        if let Some(rows) = &other.rows {
            let pending = |j: usize| rows.pending(j).map(move |v| (j, v));
            (0..other.len()).flat_map(pending).for_each(|(j, v)| self.add_f64(offset + j, v));
        }
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
        Fixed::from_limbs(self.term, self.flags[i], &mut self.settled(i))
    }

    /// The limbs of sum `i` with what pends beside them.
    pub(super) fn settled(&self, i: usize) -> SmallVec<[i64; 24]> {
        let n = self.term.limbs();
        let mut limbs: SmallVec<[i64; 24]> = SmallVec::from_slice(&self.limbs[i * n..(i + 1) * n]);
        if let Some(rows) = &self.rows
            && rows.pending(i).any(|v| v != 0.0)
        {
            carry(&mut limbs);
            rows.pending(i).for_each(|v| deposit(self.term.low(), &mut limbs, v));
        }
        limbs
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
        self.flags[i] |= special(v);
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
        deposit(self.term.low(), &mut self.limbs[i * n..(i + 1) * n], v);
    }

    /// Adds values, all to sum `i`, each a multiple of the term's lowest unit.
    pub(super) fn add_each(&mut self, i: usize, values: impl ExactSizeIterator<Item = f64>) {
        self.count(values.len() as u32);
        let (n, low) = (self.term.limbs(), self.term.low());
        let (limbs, flags) = (&mut self.limbs[i * n..(i + 1) * n], &mut self.flags[i]);
        for v in values {
            match v {
                0.0 => {}
                v if v.is_finite() => deposit(low, limbs, v),
                v => *flags |= special(v),
            }
        }
    }

    /// Adds the k-th of some values to sum `base` + k; each is a multiple of the term's lowest unit.
    pub(super) fn add_each_row(&mut self, base: usize, values: impl ExactSizeIterator<Item = f64>) {
        self.count(1);
        let (n, low) = (self.term.limbs(), self.term.low());
        let sums = self.limbs[base * n..].chunks_exact_mut(n).zip(&mut self.flags[base..]);
        for ((limbs, flags), v) in sums.zip(values) {
            match v {
                0.0 => {}
                v if v.is_finite() => deposit(low, limbs, v),
                v => *flags |= special(v),
            }
        }
    }

    /// Adds the exact products of pairs to sum `i` of [`Term::F64Product`].
    pub(super) fn add_products_each(&mut self, i: usize, a: &[f64], b: &[f64]) {
        self.count(a.len() as u32);
        let n = self.term.limbs();
        let (limbs, flags) = (&mut self.limbs[i * n..(i + 1) * n], &mut self.flags[i]);
        for (&a, &b) in a.iter().zip(b) {
            let is_finite = a.is_finite() && b.is_finite();
            if is_finite { deposit_product(limbs, a, b) } else { *flags |= special(a * b) }
        }
    }

    /// Adds the exact product of the elements k to sum `base` + k of [`Term::F64Product`].
    pub(super) fn add_products_each_row(&mut self, base: usize, a: &[f64], b: &[f64]) {
        self.count(1);
        let n = self.term.limbs();
        let sums = self.limbs[base * n..].chunks_exact_mut(n).zip(&mut self.flags[base..]);
        for ((limbs, flags), (&a, &b)) in sums.zip(a.iter().zip(b)) {
            let is_finite = a.is_finite() && b.is_finite();
            if is_finite { deposit_product(limbs, a, b) } else { *flags |= special(a * b) }
        }
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

    /// Adds ±Σ digits\[k\] · 2^(32 k + `unit`); those that are not zero are not below the term's lowest unit.
    pub(super) fn add_integer(&mut self, i: usize, negative: bool, digits: &[u32], unit: i32) {
        for (k, &d) in digits.iter().enumerate() {
            self.add_units(i, if negative { -(d as i64) } else { d as i64 }, unit + 32 * k as i32);
        }
    }

    /// Adds `n` · 2^(32 `digit`), counted from the term's lowest unit.
    pub(super) fn add_at_digit(&mut self, i: usize, n: i128, digit: usize) {
        self.count(1);
        let (low, high) = (n as u64, (n >> 64) as i64);
        let digits = [low as i64 & DIGIT, (low >> 32) as i64, high & DIGIT, high >> 32];
        let at = i * self.term.limbs() + digit;
        self.limbs[at..at + 4].iter_mut().zip(digits).for_each(|(l, d)| *l += d);
    }

    fn canonical(&self) -> Canonical {
        Canonical::of(self.term, self.len(), |i| self.get(i))
    }
}

impl Canonical {
    /// So many sums of a term, whose digits count from its lowest unit.
    pub(super) fn of(term: Term, len: usize, get: impl Fn(usize) -> Fixed) -> Canonical {
        let mut c = Canonical { term, heads: Vec::with_capacity(len), digits: Vec::new() };
        for i in 0..len {
            let v = get(i);
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
        sums.add_products_each(i, &[self], &[other]);
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
pub(super) struct Canonical {
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
