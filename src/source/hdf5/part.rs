//! Parts of stored elements: a field of a compound, an array in an element.

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use crate::h5::Bits;
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
    /// How it is stored, where that is not in as many bytes with all of their bits.
    #[serde(default)]
    pub odd: Option<Odd>,
}

/// An integer that lies in some bits of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Odd {
    /// Bytes of it that are stored, at most 16.
    pub bytes: u64,
    /// Its bits in these.
    pub bits: Bits,
}

impl Part {
    /// All of each element.
    pub fn whole(stored: u64) -> Part {
        Part { stored, offset: 0, axes: Vec::new(), size: stored, odd: None }
    }

    /// Of an integer with these bits one of `size` bytes, in native byte order. Nothing for more bits than that has, and for those
    /// of more than 16 bytes.
    pub fn sized(self, bits: Bits, size: u64) -> Option<Part> {
        let odd = Odd { bytes: self.size, bits };
        let fits = odd.bytes <= 16 && bits.fit(odd.bytes as usize) && u64::from(bits.precision) <= 8 * size;
        fits.then_some(Part { size, odd: Some(odd), ..self })
    }

    /// Bytes that are stored of a number.
    fn held(&self) -> u64 {
        self.odd.map_or(self.size, |odd| odd.bytes)
    }

    /// The axes that it adds to the dataset's.
    pub fn shape(&self) -> impl Iterator<Item = u64> {
        self.axes.iter().map(|axis| axis.0)
    }

    /// Fails unless it lies in an element.
    pub fn check(&self) -> Result<()> {
        let reach = |end: u64, &(len, stride): &(u64, u64)| {
            end.checked_add(len.checked_sub(1).map_or(Some(0), |last| last.checked_mul(stride))?)
        };
        let end = self.axes.iter().try_fold(self.offset, reach).and_then(|end| end.checked_add(self.held()));
        match end.is_some_and(|end| end <= self.stored) && self.size > 0 && self.held() > 0 {
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
        if let Some(Odd { bytes, bits }) = self.odd {
            let mut targets = out.chunks_exact_mut(size);
            for element in elements {
                for (&at, target) in places.iter().zip(&mut targets) {
                    bits.native_of(&element[at..at + bytes as usize], target);
                }
            }
            return;
        }
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
        let part = Part { offset: 3, axes: vec![(2, 5), (3, 1)], size: 1, ..Part::whole(11) };
        part.check().unwrap();
        assert_eq!(part.all(), [3, 4, 5, 8, 9, 10]);
        assert_eq!(part.places(&[1, 0], &[1, 2], &[1, 2]), [8, 10]);
        let stored: Vec<u8> = (0..22).collect();
        let mut out = vec![0; 12];
        part.gather(&stored, &part.all(), &mut out);
        assert_eq!(out, [3, 4, 5, 8, 9, 10, 14, 15, 16, 19, 20, 21]);
        let two = Part { offset: 1, size: 2, ..Part::whole(11) };
        let mut out = vec![0; 4];
        two.gather(&stored, &two.all(), &mut out);
        assert_eq!(out, [1, 2, 12, 13]);
        for bad in [
            Part { offset: 10, size: 2, ..Part::whole(11) },
            Part { offset: 3, axes: vec![(3, 5)], size: 1, ..Part::whole(11) },
            Part { offset: u64::MAX, axes: vec![(3, u64::MAX)], size: 1, ..Part::whole(11) },
            Part { size: 0, ..Part::whole(11) },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn odd_integers_are_where_their_bits_are() {
        let taken = |bytes: u64, bits: Bits, size: u64, stored: &[u8]| {
            let part = Part::whole(bytes).sized(bits, size).unwrap();
            part.check().unwrap();
            let mut out = vec![9; stored.len() / bytes as usize * size as usize];
            part.gather(stored, &part.all(), &mut out);
            out
        };
        let bits = |offset, precision, signed, big| Bits { offset, precision, signed, big };
        let three = [1, 2, 0x83, 4, 5, 6];
        let wanted = |numbers: &[i32]| numbers.iter().flat_map(|n| n.to_ne_bytes()).collect::<Vec<u8>>();
        assert_eq!(taken(3, bits(0, 24, false, false), 4, &three), wanted(&[0x83_02_01, 0x06_05_04]));
        assert_eq!(
            taken(3, bits(0, 24, true, false), 4, &three),
            wanted(&[0x83_02_01 - (1 << 24), 0x06_05_04])
        );
        assert_eq!(taken(3, bits(0, 24, true, true), 4, &three), wanted(&[0x01_02_83, 0x04_05_06]));
        // Seven bits that lie in two bytes, twenty in the upper half of eight.
        assert_eq!(taken(2, bits(4, 7, false, false), 1, &[0xf0, 0x07]), [0x7f]);
        assert_eq!(taken(2, bits(4, 7, true, true), 1, &[0xff, 0xff, 0x04, 0x1f]), [0xff, 0xc1]);
        assert_eq!(taken(8, bits(35, 20, false, false), 4, &(5u64 << 35 | 7).to_le_bytes()), wanted(&[5]));
        let most = taken(16, bits(60, 64, false, true), 8, &(u128::from(u64::MAX) << 60).to_be_bytes());
        assert_eq!(most, u64::MAX.to_ne_bytes());
        assert!(Part::whole(17).sized(bits(0, 64, false, false), 8).is_none());
        assert!(Part::whole(8).sized(bits(0, 64, false, false), 4).is_none());
        assert!(Part::whole(2).sized(bits(10, 7, false, false), 1).is_none());
        assert!(
            Part { offset: 9, size: 4, ..Part::whole(11) }
                .sized(bits(0, 24, false, false), 4)
                .unwrap()
                .check()
                .is_err()
        );
    }
}
