//! Operands of products: where their elements are on the host, and where they will be on the device.

/// An operand in host memory: the element at row i and column j is the `i·strides[0] + j·strides[1]`th,
/// so that a transposed matrix needs no copy.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    /// The elements.
    pub bytes: &'a [u8],
    /// Strides of rows and columns, in elements.
    pub strides: [usize; 2],
}

/// An operand as it will lie in a slot.
pub struct Lying {
    /// Strides on the device.
    pub strides: [u32; 2],
    /// Whether quads along a row can be loaded at once.
    pub quads: bool,
    /// Bytes that are copied at once: a row, or all.
    pub run: usize,
    /// Bytes from the begin of a run to the next one's in the slot; on the host they are close together.
    pub pitch: usize,
    /// How many runs there are.
    pub runs: usize,
    /// Bytes taken in the slot.
    pub bytes: u64,
}

impl Lying {
    /// How a matrix of this shape, with elements of `size` bytes, is taken up; `None` if it has too few
    /// bytes or too many elements.
    pub fn new(matrix: &Matrix, [rows, columns]: [usize; 2], size: usize) -> Option<Lying> {
        let last = (rows - 1).checked_mul(matrix.strides[0])?;
        let last = last.checked_add((columns - 1).checked_mul(matrix.strides[1])?)?;
        let len =
            last.checked_add(1).filter(|n| n.checked_mul(size).is_some_and(|b| b <= matrix.bytes.len()))?;
        let dense = matrix.strides[1] == 1 && (matrix.strides[0] == columns || rows == 1);
        let made = |strides: [usize; 2], quads, [run, pitch, runs]: [usize; 3]| {
            let bytes = (pitch * runs).max(run) as u64;
            // Quads are read whole, the last one too.
            let bytes = bytes.next_multiple_of(256);
            let elements = |n: usize| u32::try_from(n).ok().filter(|&n| n < 1 << 31);
            elements(bytes as usize / size)?;
            Some(Lying {
                strides: [elements(strides[0])?, elements(strides[1])?],
                quads,
                run,
                pitch,
                runs,
                bytes,
            })
        };
        if dense {
            // Rows begin at multiples of four elements.
            let pitch = columns.next_multiple_of(4);
            if pitch == columns {
                return made([pitch, 1], true, [len * size, len * size, 1]);
            }
            return made([pitch, 1], true, [columns * size, pitch * size, rows]);
        }
        let quads = matrix.strides[1] == 1 && matrix.strides[0].is_multiple_of(4);
        made(matrix.strides, quads, [len * size, len * size, 1])
    }
}
