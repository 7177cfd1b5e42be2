//! What is made of the gathered elements of an output: quantiles, or all of them in order.

use super::radix;
use crate::dtype::DType;
use crate::error::Result;
use crate::grid::Dims;
use crate::ops::quantiles::{Asked, Key, Ordered};
use crate::ops::reduce::Notes;
use std::borrow::Cow;

/// More wanted elements than this are found by sorting all.
const FEW: usize = 16;

/// What is made of the elements of each output.
#[derive(Clone, Debug)]
pub(super) enum Wants {
    /// Quantiles of them.
    Quantiles(Asked),
    /// All of them, in ascending order: −0 before +0, and every NaN, as one, last.
    Sorted(DType),
}

impl Wants {
    /// The dtype of the elements.
    pub fn dtype(&self) -> DType {
        match self {
            Wants::Quantiles(asked) => asked.dtype(),
            Wants::Sorted(dtype) => *dtype,
        }
    }

    /// The operation.
    pub fn name(&self) -> &'static str {
        match self {
            Wants::Quantiles(asked) => asked.name(),
            Wants::Sorted(_) => "sort",
        }
    }

    /// What a plan says of it.
    pub fn detail(&self) -> Cow<'static, str> {
        match self {
            Wants::Quantiles(asked) => asked.detail().into(),
            Wants::Sorted(_) => ", all in order".into(),
        }
    }

    /// The axes that it makes of `elements`.
    pub fn shape(&self, elements: u64) -> Dims {
        match self {
            Wants::Quantiles(asked) => asked.shape(),
            Wants::Sorted(_) => Dims::from_slice(&[elements]),
        }
    }

    /// How many results it makes of `elements`.
    pub fn results(&self, elements: u64) -> usize {
        match self {
            Wants::Quantiles(asked) => asked.results(),
            Wants::Sorted(_) => elements as usize,
        }
    }

    /// The dtype of the results.
    pub fn out_dtype(&self) -> DType {
        match self {
            Wants::Quantiles(asked) => asked.out_dtype(),
            Wants::Sorted(dtype) => *dtype,
        }
    }

    /// The results of one output, whose keys lose their order.
    pub fn make<T: Ordered>(&self, keys: &mut [T::Key], out: &mut [u8]) -> Result<Notes> {
        match self {
            Wants::Quantiles(asked) => quantiles::<T>(asked, keys, out),
            Wants::Sorted(_) => {
                sorted::<T>(keys, bytemuck::cast_slice_mut(out));
                Ok(Notes::default())
            }
        }
    }
}

/// Puts the elements of keys in order into `out`, which is as long and room for that meanwhile.
fn sorted<T: Ordered>(keys: &mut [T::Key], out: &mut [T::Key]) {
    if !radix::sort(keys, out) {
        out.copy_from_slice(keys);
    }
    for key in out {
        // An element and its key are of one size.
        *key = bytemuck::cast(T::of_key(*key));
    }
}

fn quantiles<T: Ordered>(asked: &Asked, keys: &mut [T::Key], out: &mut [u8]) -> Result<Notes> {
    let is_nan = |key: &&T::Key| T::IS_FLOAT && **key == T::Key::LAST;
    let nans = keys.iter().filter(is_nan).count() as u64;
    let numbers = keys.len() as u64 - nans;
    if !asked.looks(numbers, nans) {
        return asked.make(numbers, nans, &[], out);
    }
    let ranks = asked.ranks(numbers);
    let mut once = ranks.clone();
    once.sort_unstable();
    once.dedup();
    if once.len() > FEW {
        keys.sort_unstable();
    } else {
        // From one to the next: what lies behind the first is not before it.
        let mut begin = 0;
        for &rank in &once {
            let rank = rank as usize;
            keys[begin..].select_nth_unstable(rank - begin);
            begin = rank + 1;
        }
    }
    let found: Vec<u64> = ranks.iter().map(|&rank| keys[rank as usize].wide()).collect();
    asked.make(numbers, nans, &found, out)
}
