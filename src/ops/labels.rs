//! Labels of groups, and finding the group of an element by its label.
//!
//! NaN is never a label, and −0 is the label 0.

use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use half::f16;
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The most labels.
pub(crate) const MOST: usize = 1 << 28;
/// The widest range of integers that a table of every one of them is made for, per label.
const TABLE_PER_LABEL: u64 = 64;

/// The labels of groups, each once, in the order of their groups. Cheap to clone.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Labels(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stored: Stored,
    find: Find,
}

/// As labels are written: floats as bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stored {
    /// `0, 1, … n − 1`.
    Range(u64),
    Integers(Vec<i64>),
    Floats(Vec<u64>),
}

/// How a label is found: by looking it up in a table of all integers of a range, or among sorted ones.
#[derive(Debug)]
enum Find {
    Range,
    Table { first: i64, groups: Vec<u32> },
    Integers(Vec<(i64, u32)>),
    Floats(Vec<(f64, u32)>),
}

impl Labels {
    /// The labels `0, 1, … n − 1`.
    ///
    /// # Errors
    /// `Value` for more than 2^28.
    pub fn range(n: u64) -> Result<Labels> {
        Labels::try_from(Stored::Range(n))
    }

    /// These integers.
    ///
    /// # Errors
    /// `Value` if one is there twice, or for more than 2^28.
    pub fn integers(labels: &[i64]) -> Result<Labels> {
        Labels::try_from(Stored::Integers(labels.to_vec()))
    }

    /// These floats.
    ///
    /// # Errors
    /// `Value` if one is there twice or NaN, or for more than 2^28.
    pub fn floats(labels: &[f64]) -> Result<Labels> {
        Labels::try_from(Stored::Floats(labels.iter().map(|v| v.to_bits()).collect()))
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        match &self.0.stored {
            Stored::Range(n) => *n,
            Stored::Integers(v) => v.len() as u64,
            Stored::Floats(v) => v.len() as u64,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each of them, an int64 or a float64.
    pub fn scalars(&self) -> Box<dyn Iterator<Item = Scalar> + '_> {
        match &self.0.stored {
            Stored::Range(n) => Box::new((0..*n as i64).map(Scalar::I64)),
            Stored::Integers(v) => Box::new(v.iter().copied().map(Scalar::I64)),
            Stored::Floats(v) => Box::new(v.iter().map(|bits| Scalar::F64(f64::from_bits(*bits)))),
        }
    }

    /// The group of each label of a column plus one, or 0.
    ///
    /// # Panics
    /// If the column is not of `dtype` and of as many elements as `out`.
    pub fn find(&self, dtype: DType, column: &[u8], out: &mut [u32]) {
        match dtype {
            DType::F16 => self.floats_in::<f16>(column, out, |x| x.to_f64()),
            DType::F32 => self.floats_in::<f32>(column, out, f64::from),
            DType::F64 => self.floats_in::<f64>(column, out, |x| x),
            // A label beyond int64 is none that is known.
            DType::U64 => self.integers_in::<u64>(column, out, |x| i64::try_from(x).ok()),
            DType::Bool | DType::U8 => self.integers_in::<u8>(column, out, |x| Some(x as i64)),
            DType::I8 => self.integers_in::<i8>(column, out, |x| Some(x as i64)),
            DType::U16 => self.integers_in::<u16>(column, out, |x| Some(x as i64)),
            DType::I16 => self.integers_in::<i16>(column, out, |x| Some(x as i64)),
            DType::U32 => self.integers_in::<u32>(column, out, |x| Some(x as i64)),
            DType::I32 => self.integers_in::<i32>(column, out, |x| Some(x as i64)),
            DType::I64 => self.integers_in::<i64>(column, out, Some),
        }
    }

    fn integers_in<T: bytemuck::Pod>(
        &self,
        column: &[u8],
        out: &mut [u32],
        value: impl Fn(T) -> Option<i64>,
    ) {
        let column: &[T] = bytemuck::cast_slice(column);
        assert_eq!(column.len(), out.len(), "a column of labels has another length than its tile");
        let each = out.iter_mut().zip(column.iter().map(|&x| value(x)));
        match &self.0.find {
            Find::Range => {
                let n = self.len();
                each.for_each(|(o, x)| *o = x.filter(|&x| (x as u64) < n).map_or(0, |x| x as u32 + 1));
            }
            Find::Table { first, groups } => {
                each.for_each(|(o, x)| {
                    let at = x.map_or(u64::MAX, |x| x.wrapping_sub(*first) as u64);
                    *o = groups.get(at as usize).copied().unwrap_or(0);
                });
            }
            Find::Integers(sorted) => each.for_each(|(o, x)| {
                *o = x.map_or(0, |x| match sorted.binary_search_by_key(&x, |s| s.0) {
                    Ok(at) => sorted[at].1,
                    Err(_) => 0,
                });
            }),
            Find::Floats(sorted) => {
                each.for_each(|(o, x)| {
                    *o = x.map_or(0, |x| if x as f64 as i64 == x { among(sorted, x as f64) } else { 0 })
                });
            }
        }
    }

    fn floats_in<T: bytemuck::Pod>(&self, column: &[u8], out: &mut [u32], value: impl Fn(T) -> f64) {
        let column: &[T] = bytemuck::cast_slice(column);
        assert_eq!(column.len(), out.len(), "a column of labels has another length than its tile");
        let whole = |x: f64| (x.trunc() == x && x.abs() <= 2f64.powi(53)).then_some(x as i64);
        for (o, x) in out.iter_mut().zip(column.iter().map(|&x| value(x))) {
            *o = match &self.0.find {
                Find::Floats(sorted) => among(sorted, x),
                Find::Range => whole(x).filter(|&x| (x as u64) < self.len()).map_or(0, |x| x as u32 + 1),
                Find::Table { first, groups } => {
                    let at = whole(x).map_or(u64::MAX, |x| x.wrapping_sub(*first) as u64);
                    groups.get(at as usize).copied().unwrap_or(0)
                }
                Find::Integers(sorted) => {
                    let at = whole(x).and_then(|x| sorted.binary_search_by_key(&x, |s| s.0).ok());
                    at.map_or(0, |at| sorted[at].1)
                }
            };
        }
    }
}

/// The group of a float among sorted ones; NaN is none of them.
fn among(sorted: &[(f64, u32)], x: f64) -> u32 {
    let at = sorted.partition_point(|s| s.0 < x);
    sorted.get(at).filter(|s| s.0 == x).map_or(0, |s| s.1)
}

fn wrong(what: String) -> Error {
    Error::new(ErrorKind::Value, what).at("argument", "expected")
}

impl TryFrom<Stored> for Labels {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Labels> {
        let n = match &stored {
            Stored::Range(n) => *n,
            Stored::Integers(v) => v.len() as u64,
            Stored::Floats(v) => v.len() as u64,
        };
        if n > MOST as u64 {
            return Err(wrong(format!("{n} labels are more than the {MOST} that can be told apart")));
        }
        let find = match &stored {
            Stored::Range(_) => Find::Range,
            Stored::Integers(v) => integers(v)?,
            Stored::Floats(v) => {
                let mut sorted: Vec<(f64, u32)> =
                    v.iter().zip(1..).map(|(&bits, group)| (f64::from_bits(bits) + 0.0, group)).collect();
                if sorted.iter().any(|s| s.0.is_nan()) {
                    return Err(wrong("NaN cannot be a label".into()));
                }
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
                match sorted.windows(2).find(|w| w[0].0 == w[1].0) {
                    Some(w) => return Err(wrong(format!("the label {} is there twice", w[0].0))),
                    None => Find::Floats(sorted),
                }
            }
        };
        Ok(Labels(Arc::new(Inner { stored, find })))
    }
}

fn integers(labels: &[i64]) -> Result<Find> {
    let mut sorted: Vec<(i64, u32)> = labels.iter().copied().zip(1..).collect();
    sorted.sort_unstable();
    if let Some(w) = sorted.windows(2).find(|w| w[0].0 == w[1].0) {
        return Err(wrong(format!("the label {} is there twice", w[0].0)));
    }
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else {
        return Ok(Find::Integers(sorted));
    };
    let first = first.0;
    let span = last.0.wrapping_sub(first) as u64;
    if span >= (TABLE_PER_LABEL * sorted.len() as u64).min(MOST as u64) {
        return Ok(Find::Integers(sorted));
    }
    let mut groups = vec![0; span as usize + 1];
    sorted.iter().for_each(|&(label, group)| groups[label.wrapping_sub(first) as usize] = group);
    Ok(Find::Table { first, groups })
}

impl From<Labels> for Stored {
    fn from(labels: Labels) -> Stored {
        labels.0.stored.clone()
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Labels) -> bool {
        self.0.stored == other.0.stored
    }
}

impl Eq for Labels {}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.stored.hash(state);
    }
}

impl std::fmt::Debug for Labels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} labels", self.len())
    }
}
