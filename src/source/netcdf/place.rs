//! Where the elements of a variable are, and how they are read.
//!
//! A variable without records lies in one piece. Records follow each other, each with a row of every variable that
//! has records, so the rows of one variable are apart by the size of a record. Both are one box whose first axis
//! has a stride of its own, and are read as [`Strided`] reads: what lies between rows is read along where it is
//! short, and jumped over where it is long.

use super::bytes::{cut_off, damaged};
use super::header::{Header, Type, Variable, padding};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::{Chunks, Dims, MAX_RANK, Slab, c_strides, checked_len};
use crate::source::assemble::{Loop, Loops, join};
use crate::source::hdf5::filters::swap_bytes;
use crate::source::hdf5::{GAP, PIECE, ReadAt};
use crate::source::strided::Strided;
use crate::source::{ReadCx, ReadStats};
use num_integer::Integer;

/// The most bytes of the boxes in which elements are said to lie together: as many as are worth a read of their own.
/// Blocks need no larger ones, and chunks that have to be decoded come first.
const BOX: u64 = GAP as u64;

/// The elements of a variable: numbers of one dtype, all of which are in the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    pub shape: Dims,
    pub dtype: DType,
    /// The byte of the first element.
    begin: u64,
    /// Bytes from one index of the first axis to the next.
    stride: u64,
    /// Bytes of what one index of the first axis has.
    row: u64,
}

impl Header {
    /// Bytes of one row of a variable that has records, of all else; not those between rows.
    fn row(&self, variable: &Variable) -> Result<u64> {
        let inner = &variable.dimensions[usize::from(self.has_records(variable))..];
        let mut lens = inner.iter().map(|&d| self.dimension(d).and_then(|d| d.len).unwrap_or(0));
        lens.try_fold(variable.of.size() as u64, |n, len| n.checked_mul(len))
            .filter(|&n| n <= i64::MAX as u64 - 3)
            .ok_or_else(|| damaged(format!("the size of /{} does not fit 63 bits", variable.name)))
    }

    /// The shape of a variable.
    pub fn shape(&self, variable: &Variable, records: Records) -> Dims {
        let len = |&d: &u32| match self.dimension(d).map(|d| d.len) {
            Some(Some(len)) => len,
            Some(None) => records.count,
            // The parser lets none through.
            None => 0,
        };
        variable.dimensions.iter().map(len).collect()
    }
}

/// The records of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Records {
    pub count: u64,
    /// Bytes from one to the next.
    pub stride: u64,
    /// Where the first one begins, and the byte after the last one.
    within: (u64, u64),
}

impl Records {
    /// The records of a file of so many bytes. Each has a row of all variables that have records, each up to a
    /// multiple of 4 bytes; where there is only one such variable, its rows follow each other without anything
    /// between them.
    ///
    /// # Errors
    /// `Format` if sizes do not fit 63 bits.
    pub fn of(header: &Header, file_len: u64) -> Result<Records> {
        let mut rows = Vec::new();
        for variable in header.variables.iter().filter(|v| header.has_records(v)) {
            rows.push((variable.begin, header.row(variable)?));
        }
        let stride = match rows[..] {
            [(_, row)] => row,
            _ => rows
                .iter()
                .try_fold(0u64, |sum, (_, row)| sum.checked_add(row + padding(*row)))
                .filter(|&n| n <= i64::MAX as u64)
                .ok_or_else(|| damaged("the size of a record does not fit 63 bits"))?,
        };
        // Who could not say how many there are wrote whole records to the end.
        let whole = |&(begin, row): &(u64, u64)| {
            let more = file_len.checked_sub(begin.saturating_add(row));
            more.map_or(0, |more| more.checked_div(stride).unwrap_or(0) + 1)
        };
        let count = header.records.unwrap_or_else(|| rows.iter().map(whole).min().unwrap_or(0));
        let first = rows.iter().map(|r| r.0).min().unwrap_or(0);
        let all = stride.checked_mul(count).and_then(|n| first.checked_add(n)).unwrap_or(u64::MAX);
        Ok(Records { count, stride, within: (first, all) })
    }
}

/// Whether two stretches of bytes share some.
fn overlap(a: (u64, u64), b: (u64, u64)) -> bool {
    a.0.max(b.0) < a.1.min(b.1)
}

/// Fails where the bytes of a variable are also those of another one: some writers place variables wrongly, and what
/// was written last is then in both.
fn check_alone(header: &Header, variable: &Variable, records: Records) -> Result<()> {
    let extent = |v: &Variable| Some((v.begin, v.begin.checked_add(header.row(v).ok()?)?));
    let Some(own) = extent(variable) else { return Ok(()) };
    let of_records = header.has_records(variable);
    let (begin, end) = (records.within.0, records.within.0.saturating_add(records.stride));
    if of_records && (own.0 < begin || own.1 > end) {
        return Err(damaged(format!("a row at {own:?} of a record at {:?}", (begin, end))));
    }
    for other in header.variables.iter().filter(|v| !std::ptr::eq(*v, variable)) {
        let shared = match (of_records, header.has_records(other)) {
            (a, b) if a == b => extent(other).is_some_and(|extent| overlap(own, extent)),
            (false, _) => overlap(own, records.within),
            _ => extent(other).is_some_and(|extent| overlap(records.within, extent)),
        };
        if shared {
            return Err(damaged(format!("/{} and /{} lie in the same bytes", variable.name, other.name)));
        }
    }
    Ok(())
}

impl Place {
    /// The place of a variable, in a file of so many bytes. Text is bytes where these are wanted.
    ///
    /// # Errors
    /// `Type` for text; `Format` if it is not in the file; `Unsupported` for more axes than arrays have.
    pub fn of(
        header: &Header,
        variable: &Variable,
        records: Records,
        file_len: u64,
        text_bytes: bool,
    ) -> Result<Place> {
        let dtype = match variable.of {
            Type::Number(dtype) => dtype,
            Type::Char if text_bytes => DType::U8,
            Type::Char => {
                return Err(Error::new(ErrorKind::Type, "elements of the type char are not numbers")
                    .hint("strings are compared: NAME == \"text\", isin(NAME, [\"one\", \"other\"]); unique(NAME) has them all"));
            }
        };
        let shape = header.shape(variable, records);
        if shape.len() > MAX_RANK {
            return Err(Error::new(ErrorKind::Unsupported, format!("an array of {} axes", shape.len())));
        }
        let (size, row) = (dtype.size() as u64, header.row(variable)?);
        let bytes = checked_len(&shape).and_then(|n| n.checked_mul(size)).filter(|&n| n <= i64::MAX as u64);
        let too_large = || damaged(format!("an array of shape {shape:?} of {dtype}"));
        let bytes = bytes.ok_or_else(too_large)?;
        let begin = variable.begin;
        let (stride, row) = match header.has_records(variable) {
            true => (records.stride, row),
            false => {
                let row = bytes / shape.first().copied().unwrap_or(1).max(1);
                (row, row)
            }
        };
        let rows = shape.first().copied().unwrap_or(1);
        if bytes > 0 {
            // All of it is there: no later step can leave the file.
            let span =
                (rows - 1).checked_mul(stride).and_then(|n| n.checked_add(row)).ok_or_else(too_large)?;
            if begin < header.end {
                let end = header.end;
                return Err(damaged(format!(
                    "the data should be at byte {begin}, but the header ends at {end}"
                )));
            }
            if begin.checked_add(span).is_none_or(|end| end > file_len) {
                return Err(cut_off("the data", begin, span, file_len));
            }
            check_alone(header, variable, records)?;
        }
        Ok(Place { shape, dtype, begin, stride, row })
    }

    /// Whether there is nothing between its rows.
    pub fn in_one_piece(&self) -> bool {
        self.stride == self.row || self.shape.first().is_none_or(|&n| n < 2)
    }

    /// The boxes in which elements lie together: a row, or what of its last axes is not large. So blocks of what is
    /// seen transposed are made of pieces of rows, and not of single elements.
    pub fn boxes(&self) -> Option<Chunks> {
        if self.shape.len() < 2 || self.shape.contains(&0) {
            return None;
        }
        let mut boxes = Dims::from_elem(1, self.shape.len());
        let mut room = BOX / self.dtype.size() as u64;
        for d in (1..boxes.len()).rev() {
            boxes[d] = self.shape[d].min(room).max(1);
            room /= boxes[d];
        }
        Some(boxes.into())
    }

    /// The most bytes that a read takes of [`Scratch::stage`](crate::source::Scratch).
    pub fn stage(&self) -> u64 {
        let rows = self.shape.first().copied().unwrap_or(1).max(1);
        match self.bytes() {
            0 => 0,
            _ => {
                Buffer::capacity_for(((rows - 1) * self.stride + self.row).min(PIECE as u64) as usize) as u64
            }
        }
    }

    /// Bytes of the elements.
    pub fn bytes(&self) -> u64 {
        self.shape.iter().product::<u64>() * self.dtype.size() as u64
    }

    /// Elements of the array between neighbours along each axis but the first.
    fn strides(&self) -> Vec<u64> {
        c_strides(&self.shape).iter().map(|&n| n as u64).collect()
    }

    /// The byte at which a region that lies in the array begins, and how many bytes it spans.
    pub fn span(&self, slab: &Slab) -> (u64, u64) {
        let size = self.dtype.size() as u64;
        let strides = self.strides();
        let place = |at: &dyn Fn(usize) -> u64| {
            let along = |d: usize| at(d) * if d == 0 { self.stride } else { strides[d] * size };
            (0..strides.len()).map(along).sum::<u64>()
        };
        let (first, last) = (place(&|d| slab.start[d]), place(&|d| slab.last(d)));
        (self.begin + first, last - first + size)
    }

    /// Reads a region that lies in the array and is not empty: C order, native byte order.
    ///
    /// # Errors
    /// What reading the file fails with.
    pub fn read(&self, file: &dyn ReadAt, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> Result<()> {
        let size = self.dtype.size() as u64;
        // Rows may be apart by half of a large element; then it is read as its halves.
        let unit = size.gcd(&self.stride);
        let parts = (size / unit) as usize;
        let (strides, to) = (self.strides(), c_strides(&slab.count));
        let (mut first, mut loops) = (0, Loops::new());
        for d in 0..strides.len() {
            let stride = if d == 0 { self.stride / unit } else { strides[d] * parts as u64 };
            first += slab.start[d] * stride;
            let step = slab.step[d].saturating_mul(stride);
            let (count, to) = (slab.count[d] as usize, to[d] as usize * parts);
            loops.push(Loop { count, from: step as usize, to });
        }
        loops.push(Loop { count: parts, from: 1, to: 1 });
        let loops = join(&loops);
        let read = |at: u64, out: &mut [u8], stats: &ReadStats| stats.read(out, |out| file.read_at(at, out));
        let (address, size) = (self.begin, unit as usize);
        Strided { read: &read, address, size, loops: &loops, out, piece: PIECE, gap: GAP, cx }
            .bring(first, 0)?;
        if cfg!(target_endian = "little") {
            swap_bytes(out, self.dtype.size());
        }
        Ok(())
    }
}
