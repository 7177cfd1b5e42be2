//! Accumulators for some number of outputs: update, merge, finish.

use super::count::{Counts, Seen};
use super::extreme::{Extremes, Found};
use super::integer::Integers;
use super::keys::{End, KeyRule};
use super::moments::Moments;
use super::product::{FloatProducts, IntegerProducts};
use super::rows::{Empty, Family};
use super::spec::ReduceSpec;
use super::tile::{Run, Tile};
use super::value::{Part, Value};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::ops::exact::{self, Fixed, Format, Term};
use crate::ops::simd::Simd;
use half::f16;
use serde::{Deserialize, Serialize};

/// What NumPy would warn about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Notes(u32);

impl Notes {
    /// A mean of no values; NaN.
    pub const MEAN_OF_EMPTY: Notes = Notes(1);
    /// A variance with n − ddof ≤ 0; NaN or inf.
    pub const NO_FREEDOM: Notes = Notes(2);
    /// A `nan*` extreme of nothing but NaN; NaN.
    pub const ALL_NAN: Notes = Notes(4);
    /// An extreme of a group without elements; NaN.
    pub const EMPTY_GROUP: Notes = Notes(8);
    /// A result of finite values that is beyond the largest number of its dtype; inf.
    pub const OVERFLOW: Notes = Notes(16);

    /// Whether there is nothing to say.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are among these.
    pub fn contains(self, other: Notes) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and `other`.
    pub fn union(self, other: Notes) -> Notes {
        Notes(self.0 | other.0)
    }

    /// In words.
    pub fn texts(self) -> impl Iterator<Item = &'static str> {
        [
            (Notes::MEAN_OF_EMPTY, "mean of empty slice"),
            (Notes::NO_FREEDOM, "degrees of freedom <= 0 for slice"),
            (Notes::ALL_NAN, "all-NaN slice encountered"),
            (Notes::EMPTY_GROUP, "group without elements"),
            (
                Notes::OVERFLOW,
                "overflow encountered in a reduction: finite numbers came to inf in the dtype of its result \
                 (dtype=float64 reaches furthest)",
            ),
        ]
        .into_iter()
        .filter(move |(n, _)| self.contains(*n))
        .map(|(_, text)| text)
    }
}

/// The accumulators of `outputs` outputs of one [`ReduceSpec`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct State {
    spec: ReduceSpec,
    outputs: usize,
    pub(super) accumulators: Accumulators,
}

#[derive(Deserialize)]
struct Unchecked {
    spec: ReduceSpec,
    outputs: usize,
    accumulators: Accumulators,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Accumulators {
    Moments(Moments),
    Integers(Integers),
    Extremes(Extremes),
    IntegerProducts(IntegerProducts),
    FloatProducts(FloatProducts),
    Counts(Counts),
}

impl TryFrom<Unchecked> for State {
    type Error = Error;
    fn try_from(u: Unchecked) -> Result<State> {
        let shape = Shape::of(&u.spec, u.outputs);
        let fits = match (&u.accumulators, shape.kind) {
            (Accumulators::Moments(a), Of::Moments(first, second)) => {
                a.is_consistent(u.outputs, first, second, shape.counts)
            }
            (Accumulators::Integers(a), Of::Integers) => {
                a.is_consistent(u.outputs, shape.counts, shape.squares)
            }
            (Accumulators::Extremes(a), Of::Extremes) => a.is_consistent(u.outputs, shape.positions),
            (Accumulators::IntegerProducts(a), Of::IntegerProducts) => a.is_consistent(u.outputs),
            (Accumulators::FloatProducts(a), Of::FloatProducts) => a.is_consistent(u.outputs),
            (Accumulators::Counts(a), Of::Counts) => {
                let seen = if u.spec.row().family == Family::All { u.outputs } else { 0 };
                a.nonzero.len() == u.outputs && a.seen.len() == seen
            }
            _ => false,
        };
        if !fits {
            return Err(Error::new(ErrorKind::Format, "a partial result does not fit its reduction")
                .at("operation", u.spec.reduction()));
        }
        Ok(State { spec: u.spec, outputs: u.outputs, accumulators: u.accumulators })
    }
}

/// Which accumulators a spec has.
struct Shape {
    kind: Of,
    counts: usize,
    squares: usize,
    positions: usize,
}

enum Of {
    Moments(Term, Option<Term>),
    Integers,
    Extremes,
    IntegerProducts,
    FloatProducts,
    Counts,
}

impl Shape {
    fn of(spec: &ReduceSpec, outputs: usize) -> Shape {
        let family = spec.row().family;
        let float = spec.compute_dtype().is_float();
        let (term, product) = spec.terms();
        let spread = matches!(family, Family::Var | Family::Std);
        let kind = match family {
            Family::Average => Of::Moments(product, Some(term)),
            Family::Sum | Family::Mean | Family::Var | Family::Std => match float {
                true => Of::Moments(term, spread.then_some(product)),
                false => Of::Integers,
            },
            Family::Min | Family::Max | Family::ArgMin | Family::ArgMax => Of::Extremes,
            Family::Prod if float => Of::FloatProducts,
            Family::Prod => Of::IntegerProducts,
            Family::Any | Family::All | Family::Count => Of::Counts,
        };
        Shape {
            kind,
            counts: if family == Family::Sum { 0 } else { outputs },
            squares: if spread { outputs } else { 0 },
            positions: if matches!(family, Family::ArgMin | Family::ArgMax) { outputs } else { 0 },
        }
    }
}

impl State {
    /// No values so far.
    pub fn new(spec: &ReduceSpec, outputs: usize) -> State {
        let shape = Shape::of(spec, outputs);
        let accumulators = match shape.kind {
            Of::Moments(first, second) => {
                Accumulators::Moments(Moments::new(outputs, first, second, shape.counts))
            }
            Of::Integers => Accumulators::Integers(Integers::new(outputs, shape.counts, shape.squares)),
            Of::Extremes => Accumulators::Extremes(Extremes::new(outputs, shape.positions)),
            Of::IntegerProducts => Accumulators::IntegerProducts(IntegerProducts::new(outputs)),
            Of::FloatProducts => Accumulators::FloatProducts(FloatProducts::new(outputs)),
            Of::Counts => {
                let seen = if spec.row().family == Family::All { Seen::Kept } else { Seen::Not };
                Accumulators::Counts(Counts::new(outputs, seen))
            }
        };
        State { spec: spec.clone(), outputs, accumulators }
    }

    /// The same in few bytes ([`ReduceSpec::narrow_bytes`]), where there is such a form. It may turn out not to do
    /// ([`State::exceeded`]).
    pub fn narrow(spec: &ReduceSpec, outputs: usize) -> Option<State> {
        let shape = Shape::of(spec, outputs);
        let Of::Moments(first, second) = shape.kind else { return None };
        let moments = Moments::narrow(outputs, first, second, shape.counts)?;
        Some(State { spec: spec.clone(), outputs, accumulators: Accumulators::Moments(moments) })
    }

    /// Whether it is one of few bytes.
    pub fn is_narrow(&self) -> bool {
        matches!(&self.accumulators, Accumulators::Moments(m) if matches!(m.sums, exact::AnySums::Narrow(_)))
    }

    /// Whether it is narrow and will not do: what it holds is worth nothing.
    pub fn exceeded(&self) -> bool {
        matches!(&self.accumulators, Accumulators::Moments(m) if m.exceeded())
    }

    /// What it accumulates.
    pub fn spec(&self) -> &ReduceSpec {
        &self.spec
    }

    /// How many outputs it has.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Takes the values of one run.
    ///
    /// # Panics
    /// If the run does not lie in the tile or in the outputs, if bytes are not aligned for their
    /// dtype, or if weights or mask are missing: faults of the caller.
    pub fn update(&mut self, tile: Tile<'_>, run: Run, simd: Simd) {
        assert_eq!(tile.mask.is_some(), self.spec.has_mask(), "a mask comes with where= and only then");
        match self.spec.compute_dtype() {
            DType::F16 => self.update_float::<f16>(tile, run, simd),
            DType::F32 => self.update_float::<f32>(tile, run, simd),
            DType::F64 => self.update_float::<f64>(tile, run, simd),
            integer => crate::with_storage!(integer, T => self.update_any::<T>(tile, run, simd)),
        }
    }

    fn part<'a, T: Value>(&self, tile: &Tile<'a>, run: Run) -> Part<'a, T> {
        let range = run.start..run.start + run.len;
        Part {
            values: &bytemuck::cast_slice(tile.values)[range.clone()],
            mask: tile.mask.map(|m| &m[range]),
            output: run.output,
            position: run.position,
            along: run.along,
            skips_nan: self.spec.row().skips_nan,
        }
    }

    fn update_float<T: super::moments::Stored>(&mut self, tile: Tile<'_>, run: Run, simd: Simd) {
        let part = self.part::<T>(&tile, run);
        let Accumulators::Moments(m) = &mut self.accumulators else {
            return self.update_any::<T>(tile, run, simd);
        };
        match self.spec.row().family {
            Family::Average => {
                let weights: &[T] = bytemuck::cast_slice(tile.weights.expect("average comes with weights"));
                m.update_weighted(part, &weights[run.start..run.start + run.len], simd);
            }
            _ => m.update(part, simd),
        }
    }

    fn update_any<T: Value>(&mut self, tile: Tile<'_>, run: Run, simd: Simd) {
        let part = self.part::<T>(&tile, run);
        let rule = self.key_rule();
        match &mut self.accumulators {
            Accumulators::Moments(_) => unreachable!("moments are of floats"),
            Accumulators::Integers(a) => a.update(part),
            Accumulators::Extremes(a) => a.update(part, rule, simd),
            Accumulators::IntegerProducts(a) => a.update(part),
            Accumulators::FloatProducts(a) => a.update(part),
            Accumulators::Counts(a) => a.update(part, simd),
        }
    }

    pub(super) fn key_rule(&self) -> KeyRule {
        let row = self.spec.row();
        let largest = matches!(row.family, Family::Max | Family::ArgMax);
        KeyRule {
            end: if largest { End::Largest } else { End::Smallest },
            merges_zeros: matches!(row.family, Family::ArgMin | Family::ArgMax),
            skips_nan: row.skips_nan,
        }
    }

    /// Takes in everything that `other` took, output by output.
    ///
    /// # Panics
    /// If the specs or the numbers of outputs differ.
    pub fn merge(&mut self, other: &State) {
        assert_eq!(self.outputs, other.outputs);
        self.merge_at(0, other);
    }

    /// Takes in everything that the smaller state `other` took; its output k is this one's
    /// `offset` + k.
    ///
    /// # Panics
    /// If the specs differ or `other` reaches beyond the outputs.
    pub fn merge_at(&mut self, offset: usize, other: &State) {
        assert_eq!(self.spec, other.spec);
        assert!(offset <= self.outputs && other.outputs <= self.outputs - offset);
        use Accumulators::*;
        match (&mut self.accumulators, &other.accumulators) {
            (Moments(a), Moments(b)) => a.merge_at(offset, b),
            (Integers(a), Integers(b)) => a.merge_at(offset, b),
            (Extremes(a), Extremes(b)) => a.merge_at(offset, b),
            (IntegerProducts(a), IntegerProducts(b)) => a.merge_at(offset, b),
            (FloatProducts(a), FloatProducts(b)) => a.merge_at(offset, b),
            (Counts(a), Counts(b)) => a.merge_at(offset, b),
            _ => unreachable!("one spec has one kind of accumulators"),
        }
    }

    /// Writes the results, as native bytes of [`ReduceSpec::out_dtype`].
    ///
    /// # Errors
    /// `Value` where NumPy raises: an extreme of no values, a `nanarg*` of nothing but NaN, weights
    /// that sum to zero. `Overflow` where an integer result does not fit its dtype. `Internal` if
    /// `out` has another length.
    pub fn finish(&self, out: &mut [u8]) -> Result<Notes> {
        self.finish_with(out, |state, o, notes| state.bits(o, notes))
    }

    /// As [`State::finish`], where an output is a group that may have no elements: a float extreme of none is NaN. Result `o`
    /// is that of output `place(o)`.
    ///
    /// # Errors
    /// As [`State::finish`]; `Value` that names the first empty group of an integer extreme.
    pub(super) fn finish_groups(&self, out: &mut [u8], place: impl Fn(usize) -> usize) -> Result<Notes> {
        self.finish_with(out, |state, o, notes| {
            let o = place(o);
            let is_empty = match &state.accumulators {
                Accumulators::Extremes(e) => matches!(e.get(o), Found::Empty),
                _ => false,
            };
            match (is_empty, Format::of(state.spec.out_dtype())) {
                (false, _) => state.bits(o, notes),
                (true, Some(format)) => {
                    *notes = notes.union(Notes::EMPTY_GROUP);
                    Ok(format.special(f64::NAN))
                }
                (true, None) => {
                    let what = format!("the group at position {o} has no elements");
                    Err(Error::new(ErrorKind::Value, what).hint(
                        "leave it out of the expected labels, or cast the values to float64 to have NaN",
                    ))
                }
            }
        })
    }

    fn finish_with(
        &self,
        out: &mut [u8],
        bits_of: impl Fn(&State, usize, &mut Notes) -> Result<u64>,
    ) -> Result<Notes> {
        let dtype = self.spec.out_dtype();
        if out.len() != self.outputs * dtype.size() {
            return Err(Error::new(ErrorKind::Internal, "the results do not fit their buffer"));
        }
        let mut notes = Notes::default();
        for (o, bytes) in out.chunks_exact_mut(dtype.size()).enumerate() {
            let bits = bits_of(self, o, &mut notes)?;
            match bytes.len() {
                1 => bytes[0] = bits as u8,
                2 => bytes.copy_from_slice(&(bits as u16).to_ne_bytes()),
                4 => bytes.copy_from_slice(&(bits as u32).to_ne_bytes()),
                _ => bytes.copy_from_slice(&bits.to_ne_bytes()),
            }
        }
        Ok(notes)
    }

    /// The bits of a result, with what there is to say about it.
    fn bits(&self, o: usize, notes: &mut Notes) -> Result<u64> {
        let bits = self.rounded(o, notes)?;
        let is_infinite =
            |format: Format| [f64::INFINITY, -f64::INFINITY].map(|v| format.special(v)).contains(&bits);
        if Format::of(self.spec.out_dtype()).is_some_and(is_infinite) && self.is_finite(o) {
            *notes = notes.union(Notes::OVERFLOW);
        }
        Ok(bits)
    }

    /// Whether an output is made of finite values alone and is finite itself before it is rounded.
    fn is_finite(&self, o: usize) -> bool {
        let has_freedom = |n: u64| {
            !matches!(self.spec.row().family, Family::Var | Family::Std) || n as f64 > self.spec.ddof()
        };
        match &self.accumulators {
            Accumulators::Moments(m) => {
                let second = m.second.as_ref().is_none_or(|q| q.get(o).is_finite());
                let counted = m.counts.is_empty() || has_freedom(m.counts.get(o));
                m.sums.get(o).is_finite() && second && counted
            }
            Accumulators::Integers(a) => a.counts.get(o).is_none_or(|&n| has_freedom(n)),
            Accumulators::FloatProducts(p) => p.is_finite(o),
            _ => false,
        }
    }

    fn rounded(&self, o: usize, notes: &mut Notes) -> Result<u64> {
        let (family, out) = (self.spec.row().family, self.spec.out_dtype());
        match &self.accumulators {
            Accumulators::Moments(m) => match (family, Format::of(out)) {
                (Family::Sum, Some(format)) => Ok(m.sums.round(o, format)),
                (Family::Average, Some(format)) => {
                    let weights = m.second.as_ref().map(|w| w.get(o));
                    match weights {
                        Some(w) if w.is_zero() && m.counts.get(o) != 0 => {
                            Err(Error::new(ErrorKind::Value, "weights sum to zero, can't be normalized"))
                        }
                        Some(w) if m.counts.get(o) != 0 => Ok(exact::ratio(&m.sums.get(o), &w, format)),
                        _ => {
                            *notes = notes.union(Notes::MEAN_OF_EMPTY);
                            Ok(format.special(f64::NAN))
                        }
                    }
                }
                (_, Some(format)) => {
                    let squares = m.second.as_ref().map(|q| q.get(o));
                    Ok(self.statistic(&m.sums.get(o), squares, m.counts.get(o), format, notes))
                }
                _ => Err(Error::new(ErrorKind::Internal, "a float sum has a float result")),
            },
            Accumulators::Integers(a) => match (family, Format::of(out)) {
                (Family::Sum, None) => integer_bits(Some(a.sum(o)), out),
                (Family::Sum, Some(format)) => Ok(format.round_fixed(&Fixed::from(a.sum(o)))),
                (_, Some(format)) => {
                    let sum = Fixed::from(a.sum(o));
                    Ok(self.statistic(&sum, a.squares(o), a.counts[o], format, notes))
                }
                _ => Err(Error::new(ErrorKind::Internal, "a mean has a float result")),
            },
            Accumulators::Extremes(e) => self.extreme(e.get(o), notes),
            Accumulators::IntegerProducts(p) => integer_bits(p.get(o), out),
            Accumulators::FloatProducts(p) => match Format::of(out) {
                Some(format) => Ok(p.round(o, format)),
                None => Err(Error::new(ErrorKind::Internal, "a float product has a float result")),
            },
            Accumulators::Counts(c) => Ok(match family {
                Family::Any => (c.nonzero[o] != 0) as u64,
                Family::All => (c.nonzero[o] == c.seen[o]) as u64,
                _ => c.nonzero[o],
            }),
        }
    }

    fn statistic(
        &self,
        sum: &Fixed,
        squares: Option<Fixed>,
        n: u64,
        format: Format,
        notes: &mut Notes,
    ) -> u64 {
        let row = self.spec.row();
        let squares = match (row.family, squares) {
            (Family::Var | Family::Std, Some(q)) => q,
            _ => {
                if n == 0 {
                    *notes = notes.union(Notes::MEAN_OF_EMPTY);
                }
                return exact::mean(sum, n, format);
            }
        };
        let ddof = self.spec.ddof();
        if n as f64 <= ddof {
            *notes = notes.union(Notes::NO_FREEDOM);
            // the nan forms answer NaN here, the others what the division by zero gives
            if row.skips_nan && self.spec.compute_dtype().is_float() {
                return format.special(f64::NAN);
            }
        }
        if row.family == Family::Var {
            exact::variance(sum, &squares, n, ddof, format)
        } else {
            exact::std(sum, &squares, n, ddof, format)
        }
    }

    fn extreme(&self, found: Found, notes: &mut Notes) -> Result<u64> {
        let row = self.spec.row();
        let arg = matches!(row.family, Family::ArgMin | Family::ArgMax);
        debug_assert_eq!(row.empty, Empty::Error);
        match found {
            Found::Empty if arg => {
                Err(Error::new(ErrorKind::Value, format!("attempt to get {} of an empty sequence", row.name)))
            }
            Found::Empty => Err(Error::new(
                ErrorKind::Value,
                format!("zero-size array to reduction operation {} which has no identity", row.name),
            )),
            Found::OnlyNan if arg => Err(Error::new(ErrorKind::Value, "all-NaN slice encountered")),
            Found::OnlyNan => {
                *notes = notes.union(Notes::ALL_NAN);
                Ok(Format::of(self.spec.out_dtype()).map_or(0, |f| f.special(f64::NAN)))
            }
            Found::Best(_, position) if arg => Ok(position),
            Found::Best(key, _) => {
                let rule = self.key_rule();
                Ok(crate::with_storage!(self.spec.compute_dtype(), T => T::of_key(key, rule)))
            }
        }
    }
}

/// An integer in `dtype`; `None` stands for one beyond 64 bits.
fn integer_bits(v: Option<i128>, dtype: DType) -> Result<u64> {
    let bits = 8 * dtype.size() as u32;
    let (min, max) = match dtype {
        // NumPy's logical or (sum) and and (prod)
        DType::Bool => return Ok((v != Some(0)) as u64),
        DType::U8 | DType::U16 | DType::U32 | DType::U64 => (0, (1i128 << bits) - 1),
        _ => (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1),
    };
    match v {
        Some(v) if (min..=max).contains(&v) => Ok(v as u64),
        _ => {
            let what = v.map_or("a product beyond 64 bits".to_string(), |v| v.to_string());
            Err(Error::new(ErrorKind::Overflow, format!("the result {what} is out of bounds for {dtype}"))
                .hint("give dtype='float64' to have it rounded"))
        }
    }
}
