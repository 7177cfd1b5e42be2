//! Lookups in a table that is known beforehand: where an element would be inserted, whether it is one of the
//! table's, and what lies between two of them. The table is plain data, with the plan.
//!
//! Elements are compared in one dtype, by value: −0 is 0, and NaN comes last, as NumPy sorts.
//!
//! Limits: 2^26 elements. Every element is looked for by itself, in as many steps as the table's length has bits.

mod search;
mod there;

use crate::buffer::Buffer;
use crate::dtype::{DType, Element, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::elementwise::cast;
use crate::ops::simd::Simd;
use crate::with_storage;
use search::{Sorts, places};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use there::There;

/// The most elements of a table (of float64 they then take 512 MiB).
const MOST: usize = 1 << 26;

/// A one-dimensional list of elements of one dtype in which others are looked up. Cheap to clone.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Table(Arc<Elements>);

struct Elements {
    dtype: DType,
    bytes: Buffer,
}

/// As a table is written: elements as their bits.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    dtype: DType,
    bits: Vec<u64>,
}

impl Table {
    /// A table of these elements.
    pub fn new<T: Element>(elements: &[T]) -> Table {
        Table::of_bytes(T::DTYPE, bytemuck::cast_slice(elements))
    }

    /// A table of elements in native byte order.
    pub(crate) fn of_bytes(dtype: DType, elements: &[u8]) -> Table {
        let mut bytes = Buffer::zeroed(elements.len());
        bytes.copy_from_slice(elements);
        Table(Arc::new(Elements { dtype, bytes }))
    }

    /// The elements' dtype.
    pub fn dtype(&self) -> DType {
        self.0.dtype
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.bytes.len() / self.0.dtype.size()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.bytes.is_empty()
    }

    /// The elements' bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// The same elements in another dtype, as a cast makes them.
    pub(crate) fn cast(&self, dtype: DType) -> Table {
        if dtype == self.dtype() {
            return self.clone();
        }
        let mut bytes = Buffer::zeroed(self.len() * dtype.size());
        cast(self.dtype(), dtype, Simd::best()).run(&[self.bytes()], &mut bytes);
        Table(Arc::new(Elements { dtype, bytes }))
    }

    /// The elements as float64.
    pub(crate) fn to_f64(&self) -> Vec<f64> {
        self.cast(DType::F64).typed().to_vec()
    }

    /// From the last to the first.
    pub(crate) fn reversed(&self) -> Table {
        let elements = self.bytes().chunks_exact(self.dtype().size()).rev();
        Table::of_bytes(self.dtype(), &elements.flatten().copied().collect::<Vec<u8>>())
    }

    /// Whether no element comes after a later one; NaN comes last.
    pub(crate) fn is_sorted(&self) -> bool {
        with_storage!(self.dtype(), T => self.typed::<T>().windows(2).all(|w| !w[1].before(w[0])))
    }

    fn typed<T: bytemuck::Pod>(&self) -> &[T] {
        bytemuck::cast_slice(self.bytes())
    }
}

impl<T: Element> From<&[T]> for Table {
    fn from(elements: &[T]) -> Table {
        Table::new(elements)
    }
}
impl<T: Element> From<&Vec<T>> for Table {
    fn from(elements: &Vec<T>) -> Table {
        Table::new(elements)
    }
}
impl<T: Element, const N: usize> From<&[T; N]> for Table {
    fn from(elements: &[T; N]) -> Table {
        Table::new(elements)
    }
}
impl From<&Table> for Table {
    fn from(table: &Table) -> Table {
        table.clone()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} of {})", self.len(), self.dtype())
    }
}

impl From<Table> for Stored {
    fn from(table: Table) -> Stored {
        let word = |e: &[u8]| {
            let mut word = [0; 8];
            word[..e.len()].copy_from_slice(&to_little(e)[..e.len()]);
            u64::from_le_bytes(word)
        };
        let bits = table.bytes().chunks_exact(table.dtype().size()).map(word).collect();
        Stored { dtype: table.dtype(), bits }
    }
}

impl TryFrom<Stored> for Table {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Table> {
        let size = stored.dtype.size();
        let wide = |&bits: &u64| match stored.dtype {
            DType::Bool => bits > 1,
            _ => size < 8 && bits >> (8 * size) != 0,
        };
        if stored.bits.len() > MOST || stored.bits.iter().any(wide) {
            return Err(Error::new(ErrorKind::Format, "a table holds what are no elements of its dtype"));
        }
        let mut bytes = Buffer::zeroed(stored.bits.len() * size);
        for (to, bits) in bytes.chunks_exact_mut(size).zip(&stored.bits) {
            to.copy_from_slice(&to_little(&bits.to_le_bytes()[..size])[..size]);
        }
        Ok(Table(Arc::new(Elements { dtype: stored.dtype, bytes })))
    }
}

/// An element's bytes from native to little-endian order, or back.
fn to_little(element: &[u8]) -> [u8; 8] {
    let mut out = [0; 8];
    out[..element.len()].copy_from_slice(element);
    if cfg!(target_endian = "big") {
        out[..element.len()].reverse();
    }
    out
}

/// On which side of equal elements one is inserted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Before them.
    #[default]
    Left,
    /// After them.
    Right,
}

/// What is looked up.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Find {
    /// Where an element would be inserted.
    Insert(Side),
    /// Whether it is there.
    Among,
    /// The value at it on the straight lines through the table's points and these: those, and before the first
    /// and after the last one, as bits.
    Between { values: Table, outside: [u64; 2] },
    /// The element at a place; there is no table of others.
    Element { values: Table },
}

/// A lookup: a sorted table, and what is looked up in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Lookup {
    written: Written,
    /// The slopes of straight lines.
    slopes: Arc<[f64]>,
    /// Who is there, where that is asked.
    there: Option<There>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    table: Table,
    find: Find,
}

impl From<Lookup> for Written {
    fn from(lookup: Lookup) -> Written {
        lookup.written
    }
}

impl TryFrom<Written> for Lookup {
    type Error = Error;

    fn try_from(written: Written) -> Result<Lookup> {
        let table = &written.table;
        let wrong = |what: &str| Err(Error::new(ErrorKind::Value, what.to_string()));
        if table.len() > MOST {
            return wrong(&format!("{} elements are more than a table may have", table.len()));
        }
        if !table.is_sorted() {
            return wrong("the table in which elements are looked up does not ascend");
        }
        let mut slopes = Vec::new();
        if let Find::Between { values, .. } = &written.find {
            if [table.dtype(), values.dtype()] != [DType::F64; 2] || table.len() != values.len() {
                return wrong("there are not as many values as points to interpolate between");
            }
            let (x, y): (&[f64], &[f64]) = (table.typed(), values.typed());
            match x.last() {
                None => return wrong("there are no points to interpolate between"),
                Some(last) if last.is_nan() => return wrong("the points to interpolate between hold NaN"),
                _ => {}
            }
            slopes = x.windows(2).zip(y.windows(2)).map(|(x, y)| (y[1] - y[0]) / (x[1] - x[0])).collect();
        }
        if let Find::Element { values } = &written.find
            && (!table.is_empty() || table.dtype() != DType::I64 || !(1..=MOST).contains(&values.len()))
        {
            return wrong("not a list of elements at places");
        }
        let there = matches!(written.find, Find::Among).then(|| {
            let integers = !table.dtype().is_float();
            with_storage!(table.dtype(), T => There::of(table.typed::<T>(), integers))
        });
        Ok(Lookup { slopes: slopes.into(), there, written })
    }
}

impl Lookup {
    /// Where an element would be inserted into `table`, as int64.
    ///
    /// # Errors
    /// `Value` if the table does not ascend, or has more than 2^26 elements.
    pub fn insertion(table: Table, side: Side) -> Result<Lookup> {
        Lookup::try_from(Written { table, find: Find::Insert(side) })
    }

    /// Whether an element of `dtype` is among those of `table`, as bool; NaN never is.
    ///
    /// # Errors
    /// `Value` for more than 2^26 elements.
    pub fn among(table: &Table, dtype: DType) -> Result<Lookup> {
        let table = match dtype.is_float() || table.dtype().is_float() {
            true => table.cast(table.dtype().promote(dtype)),
            // What its dtype does not hold no element is.
            false => kept(table, |e| {
                let value = e.to_i128();
                value.is_some_and(|v| match (dtype.kind(), 8 * dtype.size() as u32) {
                    (Kind::Bool, _) => v == 0 || v == 1,
                    (Kind::Int, bits) => v >= -(1 << (bits - 1)) && v < 1 << (bits - 1),
                    (_, bits) => v >= 0 && v < 1 << bits,
                })
            })
            .cast(dtype),
        };
        let sorted = with_storage!(table.dtype(), T => {
            let is_nan = |v: &T| !v.same(*v);
            let mut elements: Vec<T> = table.typed::<T>().iter().copied().filter(|v| !is_nan(v)).collect();
            elements.sort_unstable_by(|a, b| b.before(*a).cmp(&a.before(*b)));
            elements.dedup_by(|a, b| a.same(*b));
            Table::of_bytes(table.dtype(), bytemuck::cast_slice(&elements))
        });
        Lookup::try_from(Written { table: sorted, find: Find::Among })
    }

    /// The values at float64 elements of the straight lines through the points (x, y), `left` before the first
    /// point and `right` after the last.
    ///
    /// # Errors
    /// `Value` if the points do not ascend, hold NaN, are none or more than 2^26, or if there is another number of
    /// values.
    pub fn between(x: &[f64], y: &[f64], left: f64, right: f64) -> Result<Lookup> {
        let outside = [left.to_bits(), right.to_bits()];
        Lookup::try_from(Written {
            table: Table::new(x),
            find: Find::Between { values: Table::new(y), outside },
        })
    }

    /// The element of `values` at an int64 place, that at the nearest one for places that there are not.
    ///
    /// # Errors
    /// `Value` for none and for more than 2^26 elements.
    pub(crate) fn element(values: Table) -> Result<Lookup> {
        let find = Find::Element { values };
        Lookup::try_from(Written { table: Table::new::<i64>(&[]), find })
    }

    /// The dtype in which elements are looked up.
    pub fn takes(&self) -> DType {
        self.written.table.dtype()
    }

    /// The dtype of what is found.
    pub fn gives(&self) -> DType {
        match &self.written.find {
            Find::Insert(_) => DType::I64,
            Find::Among => DType::Bool,
            Find::Between { .. } => DType::F64,
            Find::Element { values } => values.dtype(),
        }
    }

    /// The bytes that it holds.
    pub fn bytes(&self) -> u64 {
        let values = match &self.written.find {
            Find::Between { values, .. } | Find::Element { values } => values.bytes().len(),
            _ => 0,
        };
        let there = self.there.as_ref().map_or(0, There::bytes);
        (self.written.table.bytes().len() + values + 8 * self.slopes.len() + there) as u64
    }

    /// What it is, for people.
    pub fn describe(&self) -> String {
        let n = self.written.table.len();
        match &self.written.find {
            Find::Insert(Side::Left) => format!("places among {n} sorted elements, left of equal ones"),
            Find::Insert(Side::Right) => format!("places among {n} sorted elements, right of equal ones"),
            Find::Among => format!("whether it is one of {n} elements"),
            Find::Between { .. } => format!("on straight lines through {n} points"),
            Find::Element { values } => format!("of {} elements those at places", values.len()),
        }
    }

    /// Looks up every element of `x`, which are of [`Lookup::takes`], into `out`, of [`Lookup::gives`].
    ///
    /// # Panics
    /// If they are not of these dtypes and of equal length, or not aligned.
    pub fn find(&self, x: &[u8], out: &mut [u8]) {
        let Written { table, find } = &self.written;
        match find {
            Find::Insert(side) => with_storage!(table.dtype(), T => {
                let (table, x): (&[T], &[T]) = (table.typed(), bytemuck::cast_slice(x));
                let out: &mut [i64] = bytemuck::cast_slice_mut(out);
                match side {
                    Side::Left => places(table, x, |t, x| t.before(x), |k, at, _| out[k] = at as i64),
                    Side::Right => places(table, x, |t, x| !x.before(t), |k, at, _| out[k] = at as i64),
                }
            }),
            Find::Among => with_storage!(table.dtype(), T => {
                let (table, x): (&[T], &[T]) = (table.typed(), bytemuck::cast_slice(x));
                if let Some(there) = &self.there {
                    there.find(table, x, out);
                }
            }),
            Find::Between { values, outside } => {
                let lines = Lines {
                    x: table.typed(),
                    y: values.typed(),
                    slopes: &self.slopes,
                    outside: outside.map(f64::from_bits),
                };
                let (x, out): (&[f64], &mut [f64]) = (bytemuck::cast_slice(x), bytemuck::cast_slice_mut(out));
                places(lines.x, x, |t, x| !x.before(t), |k, at, x| out[k] = lines.at(at, x));
            }
            Find::Element { values } => {
                let (size, last) = (values.dtype().size(), values.len() - 1);
                let places: &[i64] = bytemuck::cast_slice(x);
                for (e, &at) in out.chunks_exact_mut(size).zip(places) {
                    let at = usize::try_from(at).unwrap_or(0).min(last);
                    e.copy_from_slice(&values.bytes()[at * size..][..size]);
                }
            }
        }
    }
}

/// Points, and the straight lines between them.
struct Lines<'a> {
    x: &'a [f64],
    y: &'a [f64],
    slopes: &'a [f64],
    outside: [f64; 2],
}

impl Lines<'_> {
    /// The value at `x`, before which there are `after` points and no more: NumPy's steps.
    #[inline(always)]
    fn at(&self, after: usize, x: f64) -> f64 {
        if x.is_nan() {
            return f64::NAN;
        }
        let last = self.x.len() - 1;
        let Some(j) = after.checked_sub(1) else { return self.outside[0] };
        // A point's own value, whatever the lines beside it are.
        let value = if self.x[j] == x {
            self.y[j]
        } else if j == last {
            self.outside[1]
        } else {
            let value = self.slopes[j] * (x - self.x[j]) + self.y[j];
            if value.is_nan() { self.other(j, x) } else { value }
        };
        if value.is_nan() { f64::NAN } else { value }
    }

    /// From the other end, or where both ends are one.
    #[cold]
    fn other(&self, j: usize, x: f64) -> f64 {
        let value = self.slopes[j] * (x - self.x[j + 1]) + self.y[j + 1];
        if value.is_nan() && self.y[j] == self.y[j + 1] { self.y[j] } else { value }
    }
}

/// The elements of a table that `keep` lets pass.
fn kept(table: &Table, keep: impl Fn(crate::Scalar) -> bool) -> Table {
    let elements = table.bytes().chunks_exact(table.dtype().size());
    let wanted = elements.filter(|e| crate::Scalar::from_bytes(table.dtype(), e).is_some_and(&keep));
    Table::of_bytes(table.dtype(), &wanted.flatten().copied().collect::<Vec<u8>>())
}

#[cfg(test)]
mod tests;
