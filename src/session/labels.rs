//! Finding the labels of groups: a pass of its own.

use super::{BlockOrder, Session};
use crate::array::Array;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::ArrayValue;
use crate::ops::labels::Labels;
use crate::size::human_bytes;
use foldhash::fast::RandomState;
use std::collections::HashSet;

/// Bytes that a label takes while labels are gathered, and then as one of the result.
const BYTES_PER_LABEL: u64 = 64;

impl Session {
    /// The labels of an array, each once, in ascending order; NaN is none. One pass over the array, block by
    /// block.
    ///
    /// ```
    /// use chunkwise::{Array, Reduction, Over, Session};
    /// use ndarray::array;
    /// # fn main() -> chunkwise::Result<()> {
    /// let session = Session::new()?;
    /// let halo = Array::from_ndarray(array![7, 3, 7, 7]);
    /// let mass = Array::from_ndarray(array![1.0, 2.0, 3.0, 4.0]);
    /// let found = session.labels(&halo)?;
    /// let per_halo = mass.groupby_reduce(&halo, &found, Reduction::Sum, Over::all());
    /// assert_eq!(session.compute(&per_halo)?.as_slice::<f64>()?, [2.0, 8.0]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Budget` if there are more labels than fit in half of the budget; `Value` for labels beyond int64; as
    /// [`Session::blocks`].
    pub fn labels(&self, labels: &Array) -> Result<Labels> {
        self.found(labels)?.labels()
    }

    /// Each element once. What [`Session::labels`] says holds.
    pub(super) fn found(&self, labels: &Array) -> Result<Found> {
        let most = (self.memory() / 2 / BYTES_PER_LABEL).max(1) as usize;
        let mut found = Found::default();
        for block in self.blocks(labels, BlockOrder::Storage)? {
            found.add(&block?.1)?;
            if found.len() > most {
                let what = format!(
                    "there are more than {most} labels, which do not fit in half of the budget of {}",
                    human_bytes(self.memory())
                );
                return Err(Error::new(ErrorKind::Budget, what)
                    .hint("name those that you expect, or raise the budget (--memory)"));
            }
        }
        Ok(found)
    }
}

impl Labels {
    /// The elements of an array as labels, in their order.
    ///
    /// # Errors
    /// `Value` if one is there twice, is NaN, or is beyond int64.
    pub fn of(array: &ArrayValue) -> Result<Labels> {
        match array.dtype().is_float() {
            true => Labels::floats(&floats(array)),
            false => Labels::integers(&integers(array)?),
        }
    }
}

/// The elements of floats as float64, which each is.
fn floats(array: &ArrayValue) -> Vec<f64> {
    (0..array.shape().iter().product::<u64>() as usize)
        .map(|i| array.scalar(i).map_or(f64::NAN, |s| s.to_f64()))
        .collect()
}

fn integers(array: &ArrayValue) -> Result<Vec<i64>> {
    let of = |bytes: &[u8]| -> Option<i64> {
        let mut wide = [0; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let value = u64::from_le_bytes(wide);
        let shift = 64 - 8 * bytes.len() as u32;
        match array.dtype() {
            DType::U64 => i64::try_from(value).ok(),
            DType::Bool | DType::U8 | DType::U16 | DType::U32 => Some(value as i64),
            _ => Some((value << shift) as i64 >> shift),
        }
    };
    let size = array.dtype().size();
    let bytes = array.bytes().chunks_exact(size).map(|b| {
        let mut little = [0; 8];
        little[..size].copy_from_slice(b);
        if cfg!(target_endian = "big") {
            little[..size].reverse();
        }
        of(&little[..size])
    });
    bytes.collect::<Option<Vec<i64>>>().ok_or_else(beyond)
}

fn beyond() -> Error {
    Error::new(ErrorKind::Value, "a label is beyond int64").hint("cast the labels to float64")
}

/// Elements that were found lately are looked for among so many first: a power of two.
const LATELY: usize = 1 << 12;

/// The elements that were found, each once.
pub(super) struct Found {
    /// Integers as int64, floats as float64: their bits.
    all: HashSet<u64, RandomState>,
    /// In the place of each element the one of these places that was found last, so that what comes again and again is
    /// not looked for among all.
    lately: Box<[u64; LATELY]>,
    is_float: bool,
    /// Whether one was NaN.
    pub nan: bool,
}

impl Default for Found {
    fn default() -> Found {
        // What is in no place of its own is found nowhere.
        let mut lately = Box::new([0; LATELY]);
        lately[place(0)] = 1;
        Found { all: HashSet::default(), lately, is_float: false, nan: false }
    }
}

/// The place of an element among those that were found lately.
#[inline(always)]
fn place(bits: u64) -> usize {
    (bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - LATELY.trailing_zeros())) as usize
}

impl Found {
    fn len(&self) -> usize {
        self.all.len()
    }

    #[inline(always)]
    fn insert(&mut self, bits: u64) {
        let last = &mut self.lately[place(bits)];
        if *last != bits {
            *last = bits;
            self.all.insert(bits);
        }
    }

    fn add(&mut self, block: &ArrayValue) -> Result<()> {
        let bytes = block.bytes();
        macro_rules! integers {
            ($t:ty) => {
                for &v in bytemuck::cast_slice::<u8, $t>(bytes) {
                    self.insert(v as i64 as u64);
                }
            };
        }
        macro_rules! floats {
            ($t:ty) => {
                for &v in bytemuck::cast_slice::<u8, $t>(bytes) {
                    let v = f64::from(v);
                    match v.is_nan() {
                        true => self.nan = true,
                        // −0 is 0.
                        false => self.insert((v + 0.0).to_bits()),
                    }
                }
            };
        }
        match block.dtype() {
            DType::Bool | DType::U8 => integers!(u8),
            DType::U16 => integers!(u16),
            DType::U32 => integers!(u32),
            DType::U64 => {
                let all = bytemuck::cast_slice::<u8, u64>(bytes);
                if all.iter().any(|&v| i64::try_from(v).is_err()) {
                    return Err(beyond());
                }
                all.iter().for_each(|&v| self.insert(v));
            }
            DType::I8 => integers!(i8),
            DType::I16 => integers!(i16),
            DType::I32 => integers!(i32),
            DType::I64 => integers!(i64),
            DType::F16 => floats!(half::f16),
            DType::F32 => floats!(f32),
            DType::F64 => floats!(f64),
        }
        self.is_float = block.dtype().is_float();
        Ok(())
    }

    fn labels(self) -> Result<Labels> {
        match self.is_float {
            true => Labels::floats(&self.floats()),
            false => Labels::integers(&self.integers()),
        }
    }

    /// In ascending order, without NaN.
    pub fn floats(&self) -> Vec<f64> {
        let mut all: Vec<f64> = self.all.iter().map(|&bits| f64::from_bits(bits)).collect();
        all.sort_unstable_by(f64::total_cmp);
        all
    }

    /// In ascending order.
    pub fn integers(&self) -> Vec<i64> {
        let mut all: Vec<i64> = self.all.iter().map(|&bits| bits as i64).collect();
        all.sort_unstable();
        all
    }
}
