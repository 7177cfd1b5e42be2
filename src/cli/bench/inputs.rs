//! What works and their checks are given: columns, and the numbers that both must know.

use super::data::{Manifest, Set};
use chunkwise::{Array, Error, ErrorKind, Result, Session};
use ndarray::{ArcArray1, ArcArray2, Array1, ArrayBase, Data, Ix1};
use std::path::Path;
use std::sync::OnceLock;

/// Elements that `topk` gives.
pub const TOP: u64 = 100;
/// The kernel of `convolve`.
pub const KERNEL: [f32; 5] = [0.0625, 0.25, 0.375, 0.25, 0.0625];
/// Elements that `take` takes.
pub const TAKEN: u64 = 1_000_000;
/// Tasks of the work that does nothing else.
pub const TASK_COUNT: u64 = 1_000_000;

/// What a work is given: the data of one set.
pub struct Inputs<'a> {
    pub manifest: &'a Manifest,
    pub set: &'a Set,
    pub folder: &'a Path,
    pub threads: usize,
    columns: OnceLock<Columns>,
}

/// The columns in memory.
pub struct Columns {
    pub a: ArcArray1<f32>,
    pub b: ArcArray1<f32>,
    pub w: ArcArray1<f64>,
    pub g: ArcArray1<i32>,
}

impl<'a> Inputs<'a> {
    pub fn new(manifest: &'a Manifest, set: &'a Set, folder: &'a Path, threads: usize) -> Inputs<'a> {
        Inputs { manifest, set, folder, threads, columns: OnceLock::new() }
    }

    /// The columns for works in memory, read once.
    pub fn columns(&self) -> Result<&Columns> {
        if let Some(columns) = self.columns.get() {
            return Ok(columns);
        }
        let file = self.folder.join(self.set.memory_file());
        let open = |name| Array::open(&file, name);
        let session = Session::builder().device(chunkwise::Device::Cpu).threads(self.threads).build()?;
        let rows = self.set.elements as usize;
        let (mut a, mut b, mut w) = (Array1::zeros(rows), Array1::zeros(rows), Array1::zeros(rows));
        session.compute_into(&open("a")?, a.view_mut())?;
        session.compute_into(&open("b")?, b.view_mut())?;
        session.compute_into(&open("w")?, w.view_mut())?;
        let mut g = Array1::zeros(rows);
        session.compute_into(&open("g")?, g.view_mut())?;
        Ok(self.columns.get_or_init(|| Columns { a: a.into(), b: b.into(), w: w.into(), g: g.into() }))
    }

    /// A column in memory, as an array.
    pub fn a(&self) -> Result<Array> {
        Ok(Array::from_ndarray(self.columns()?.a.clone()))
    }

    pub fn b(&self) -> Result<Array> {
        Ok(Array::from_ndarray(self.columns()?.b.clone()))
    }

    pub fn w(&self) -> Result<Array> {
        Ok(Array::from_ndarray(self.columns()?.w.clone()))
    }

    pub fn g(&self) -> Result<Array> {
        Ok(Array::from_ndarray(self.columns()?.g.clone()))
    }

    /// A column of a file.
    pub fn stored(&self, storage: &str, column: &str) -> Result<Array> {
        Array::open(self.folder.join(self.set.stored_file()), &format!("{storage}/{column}"))
    }

    /// The row of a file that `take` takes as number `k`; peers know the rule.
    pub fn picked(&self, k: u64) -> u64 {
        (k * 2_654_435_761 + 12_345) % (1 << 32) % self.set.file_elements
    }

    /// The matrix made of the first elements of a column.
    ///
    /// # Errors
    /// `Shape` if the column has fewer.
    pub fn matrix(&self, column: &ArcArray1<f32>) -> Result<ArcArray2<f32>> {
        let m = self.set.matrix as usize;
        let first = elements(column)?.iter().take(m * m).copied().collect();
        ArcArray2::from_shape_vec((m, m), first)
            .map_err(|e| Error::new(ErrorKind::Shape, "a column has too few rows for a matrix").caused_by(e))
    }
}

/// The elements of a column, which lie one after the other.
pub fn elements<S: Data>(column: &ArrayBase<S, Ix1>) -> Result<&[S::Elem]> {
    column.as_slice().ok_or_else(|| Error::new(ErrorKind::Internal, "a column does not lie in one piece"))
}
