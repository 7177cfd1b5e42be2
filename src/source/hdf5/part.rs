//! Parts of stored elements: a field of a compound, an array in an element.

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use serde::{Deserialize, Serialize};

/// A field of compound elements.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Field {
    /// Its path in the element: `pos`, and `pos/x` for what is inside of it. The field is opened by the path of the
    /// dataset, a slash, and this.
    pub name: String,
    /// The stored type: a NumPy type string (`<f4`), or words.
    pub stored: String,
    /// The dtype that it is read as; `None` if it is not numeric.
    pub dtype: Option<DType>,
    /// The axes that it adds to the dataset's, where it is an array or lies in one.
    pub shape: Vec<u64>,
    /// The names of an enum's values, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<(String, i128)>,
}

/// What the elements of a dataset are made of.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Elements {
    /// Their fields, those inside of fields after them; none of numbers.
    pub fields: Vec<Field>,
    /// Whether they are complex numbers: of HDF5's own type, or compounds of two floats r and i, as h5py writes them.
    pub is_complex: bool,
    /// How they are strings, if they are.
    pub text: Option<StringKind>,
    /// The names of an enum's values, in the order of the file; none of other types.
    pub members: Vec<(String, i128)>,
}

/// How a string is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StringKind {
    /// Up to the first byte that is 0; what follows that means nothing.
    NulTerminated,
    /// Filled up with bytes that are 0.
    NulPadded,
    /// Filled up with spaces.
    SpacePadded,
    /// Of variable length, elsewhere in the file.
    Variable,
    /// A character an element; strings lie along the last axis, filled up with bytes that are 0 or with spaces, as in
    /// netCDF.
    Characters,
}

/// What of each stored element is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Bytes of a stored element.
    pub stored: u64,
    /// The first byte that is wanted.
    pub offset: u64,
    /// Length and stride in bytes of each array around the wanted number, from the outside.
    pub axes: Vec<(u64, u64)>,
    /// Bytes of the wanted number.
    pub size: u64,
}

impl Part {
    /// The axes that it adds to the dataset's.
    pub fn shape(&self) -> impl Iterator<Item = u64> {
        self.axes.iter().map(|axis| axis.0)
    }

    /// Fails unless it lies in an element.
    pub fn check(&self) -> Result<()> {
        let reach = |end: u64, &(len, stride): &(u64, u64)| {
            end.checked_add(len.checked_sub(1).map_or(Some(0), |last| last.checked_mul(stride))?)
        };
        let end = self.axes.iter().try_fold(self.offset, reach).and_then(|end| end.checked_add(self.size));
        match end.is_some_and(|end| end <= self.stored) && self.size > 0 {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Format, "a field that is not in its elements")),
        }
    }

    /// Where the wanted numbers of an element begin, those of a slab along the part's own axes, in C order.
    pub fn places(&self, start: &[u64], count: &[u64], step: &[u64]) -> Vec<usize> {
        let mut places = vec![self.offset as usize];
        for (d, (_, stride)) in self.axes.iter().enumerate() {
            let along = (0..count[d]).map(|i| ((start[d] + i * step[d]) * stride) as usize);
            let along: Vec<usize> = along.collect();
            places = places.iter().flat_map(|at| along.iter().map(move |more| at + more)).collect();
        }
        places
    }

    /// All of its places.
    pub fn all(&self) -> Vec<usize> {
        let count: Dims = self.shape().collect();
        let (zeros, ones) = (Dims::from_elem(0, count.len()), Dims::from_elem(1, count.len()));
        self.places(&zeros, &count, &ones)
    }

    /// Brings the numbers at `places` of each element of `stored` to `out`, as they are stored.
    pub fn gather(&self, stored: &[u8], places: &[usize], out: &mut [u8]) {
        let (step, size) = (self.stored as usize, self.size as usize);
        let elements = stored.chunks_exact(step);
        match (size, places) {
            (1, [at]) => strided::<1>(elements, *at, out),
            (2, [at]) => strided::<2>(elements, *at, out),
            (4, [at]) => strided::<4>(elements, *at, out),
            (8, [at]) => strided::<8>(elements, *at, out),
            _ => {
                let mut targets = out.chunks_exact_mut(size);
                for element in elements {
                    for (&at, target) in places.iter().zip(&mut targets) {
                        target.copy_from_slice(&element[at..at + size]);
                    }
                }
            }
        }
    }
}

/// One number of each element.
fn strided<const SIZE: usize>(elements: std::slice::ChunksExact<'_, u8>, at: usize, out: &mut [u8]) {
    for (target, element) in out.chunks_exact_mut(SIZE).zip(elements) {
        target.copy_from_slice(&element[at..at + SIZE]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_gathered_from_arrays_in_elements() {
        // {skip: u1, pos: 2 × {x: <u2, y: 3 × u1}}: y of both, the first two of each backwards is not asked.
        let part = Part { stored: 11, offset: 3, axes: vec![(2, 5), (3, 1)], size: 1 };
        part.check().unwrap();
        assert_eq!(part.all(), [3, 4, 5, 8, 9, 10]);
        assert_eq!(part.places(&[1, 0], &[1, 2], &[1, 2]), [8, 10]);
        let stored: Vec<u8> = (0..22).collect();
        let mut out = vec![0; 12];
        part.gather(&stored, &part.all(), &mut out);
        assert_eq!(out, [3, 4, 5, 8, 9, 10, 14, 15, 16, 19, 20, 21]);
        let two = Part { stored: 11, offset: 1, axes: vec![], size: 2 };
        let mut out = vec![0; 4];
        two.gather(&stored, &two.all(), &mut out);
        assert_eq!(out, [1, 2, 12, 13]);
        for bad in [
            Part { stored: 11, offset: 10, axes: vec![], size: 2 },
            Part { stored: 11, offset: 3, axes: vec![(3, 5)], size: 1 },
            Part { stored: 11, offset: u64::MAX, axes: vec![(3, u64::MAX)], size: 1 },
            Part { stored: 11, offset: 0, axes: vec![], size: 0 },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
