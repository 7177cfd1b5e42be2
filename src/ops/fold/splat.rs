//! Smoothed particles on the pixels of an image: each adds its kernel to all that it reaches.
//!
//! Sums are whole multiples of a quantum that follows from the sum of all magnitudes, a value of an earlier stage. So they
//! do not depend on any order, and each contribution is rounded by at most 2⁻¹¹⁸ of that sum.

use super::data::{FoldBytes, Given, Landing, Load, Made, Makes, Notes, Param, Port, Ports, Role, internal};
use super::traits::{Fold, Ready, State, Update, damaged, expect_params, state_as, state_ref};
use super::{Block, FoldRow, Scratch, SharedFold, Tile, row};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use crate::ops::histogram::LogOf;
use crate::ops::simd::Simd;
use crate::ops::sph::{Brush, Kernel, Pixels, Quantum, VALUES, draw};
use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

pub use crate::ops::sph::{Through, Window};

/// The row of [`Splat`].
pub(super) const ROW: FoldRow = FoldRow {
    name: "splat",
    read: |data| {
        let Data { kernel, through, left, pixel, pixels, rows, period, values, rank } =
            row::parse(ROW.name, data)?;
        let rank = row::checked_rank(ROW.name, rank)?;
        let numbers = |bits: [u64; 2]| bits.map(f64::from_bits);
        let window =
            Window { left: numbers(left), pixel: numbers(pixel), pixels, rows, period: numbers(period) };
        Splat::new(kernel, through, window, values, rank).map(SharedFold::new)
    },
};

/// Numbers before the values: two coordinates in the plane, one across it, the kernel's radius.
const PLACE: usize = 4;

/// The image of smoothed particles: `values` images beside each other, rows upwards, float64. Columns are the coordinates
/// to the right, upwards and across the image, the kernel's radius, and the values; its param has the sum of all magnitudes of
/// each value.
#[derive(Clone, Debug)]
pub struct Splat {
    kernel: Kernel,
    through: Through,
    window: Window,
    values: usize,
    landing: Landing,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    kernel: Kernel,
    through: Through,
    left: [u64; 2],
    pixel: [u64; 2],
    pixels: [u64; 2],
    rows: [u64; 2],
    period: [u64; 2],
    values: usize,
    rank: usize,
}

impl Splat {
    /// Over a domain of `rank` axes.
    ///
    /// # Errors
    /// `Value` for a window that is none, and for no or more than 8 values.
    pub fn new(
        kernel: Kernel,
        through: Through,
        window: Window,
        values: usize,
        rank: usize,
    ) -> Result<Splat> {
        let window = window.checked()?;
        match (1..=VALUES).contains(&values) {
            true => Ok(Splat { kernel, through, window, values, landing: Landing::reduce(rank) }),
            false => Err(Error::new(ErrorKind::Value, "a particle has between 1 and 8 values")),
        }
    }

    fn cells(&self) -> u64 {
        let [rows, columns] = self.window.shape();
        rows.saturating_mul(columns).saturating_mul(self.values as u64)
    }
}

impl Fold for Splat {
    fn name(&self) -> &'static str {
        ROW.name
    }

    fn operation(&self) -> &'static str {
        "sph_image"
    }

    fn data(&self) -> serde_json::Value {
        let Window { left, pixel, pixels, rows, period } = self.window;
        let bits = |v: [f64; 2]| v.map(f64::to_bits);
        row::data(&Data {
            kernel: self.kernel,
            through: self.through,
            left: bits(left),
            pixel: bits(pixel),
            pixels,
            rows,
            period: bits(period),
            values: self.values,
            rank: self.landing.rank(),
        })
    }

    fn ports(&self) -> Ports {
        let place = std::iter::repeat_n(Port { role: Role::Coordinate, dtype: DType::F64 }, PLACE);
        let values = std::iter::repeat_n(Port { role: Role::Values, dtype: DType::F64 }, self.values);
        place.chain(values).collect()
    }

    fn params(&self) -> SmallVec<[Param; 2]> {
        let shape = Dims::from_slice(&[self.values as u64]);
        smallvec![Param { name: "magnitudes", dtype: DType::F64, shape }]
    }

    fn landing(&self) -> &Landing {
        &self.landing
    }

    fn makes(&self, _: &[u64]) -> Makes {
        let [rows, columns] = self.window.shape();
        Makes {
            shape: Dims::from_slice(&[self.values as u64, rows, columns]),
            dtype: DType::F64,
            histogram: false,
        }
    }

    fn bytes(&self, _: &[u64]) -> FoldBytes {
        // The sums, and the numbers that they are rounded to.
        let sums = Pixels::bytes(&self.window, self.values);
        let state = sums.saturating_add(self.cells().saturating_mul(8)).saturating_add(256);
        FoldBytes { state, scratch: (ROW.name, 0) }
    }

    fn load(&self) -> Load {
        Load::Binned
    }

    fn detail(&self) -> String {
        let [y, x] = self.window.shape();
        match self.through {
            Through::Line => format!(", {} kernels on {x}×{y} lines", self.kernel.name()),
            Through::Point => format!(", {} kernels on {x}×{y} points", self.kernel.name()),
            Through::Cell => format!(", cells on {x}×{y} pixels"),
        }
    }

    fn ready(&self, params: Option<&[Given]>) -> Result<Arc<dyn Ready>> {
        params.map_or(Ok(()), |p| expect_params(self, p))?;
        let mut quanta = SmallVec::new();
        for i in 0..self.values {
            let bound = match params {
                Some(params) => params[0].scalar(i)?.to_f64(),
                None => 1.0,
            };
            quanta.push(Quantum::of(bound).ok_or_else(|| {
                Error::new(ErrorKind::Value, "a value of a particle is not finite, or their sum is not")
                    .at("operation", self.operation())
                    .hint("density and smoothing length must be above 0; a cut leaves particles out")
            })?);
        }
        let brush = Brush::new(self.kernel, self.through, self.window, quanta);
        Ok(Arc::new(Known { splat: self.clone(), brush, simd: Simd::BASELINE }))
    }
}

/// With the quanta of its sums.
#[derive(Clone, Debug)]
struct Known {
    splat: Splat,
    brush: Brush,
    simd: Simd,
}

impl Ready for Known {
    fn state(&self, _: &[u64]) -> Result<Box<dyn State>> {
        let pixels = Pixels::new(self.splat.window, self.splat.values)
            .map_err(|e| e.at("operation", self.splat.operation()))?;
        Ok(Box::new(Sums { quanta: self.brush.quanta().into(), pixels, strange: false }))
    }

    fn read(&self, block: &[u64], bytes: &[u8]) -> Result<Box<dyn State>> {
        let wrong = || damaged(self.splat.operation(), "it has another number of pixels");
        let Some((&strange, bytes)) = bytes.split_first() else { return Err(wrong()) };
        if strange > 1 || bytes.len() as u64 != self.splat.cells().saturating_mul(16) {
            return Err(wrong());
        }
        let mut state = self.state(block)?;
        let sums: &mut Sums = state_as(&mut *state)?;
        sums.strange = strange == 1;
        sums.pixels.set(bytes.as_chunks::<16>().0.iter().map(|b| i128::from_le_bytes(*b)));
        Ok(state)
    }

    fn update(&self, simd: Simd, _: &[Option<LogOf>]) -> Box<dyn Update> {
        Box::new(Known { simd, ..self.clone() })
    }
}

/// The sums of all pixels, image after image.
struct Sums {
    quanta: SmallVec<[Quantum; 2]>,
    pixels: Pixels,
    /// Whether a particle came whose place or value is no number.
    strange: bool,
}

impl State for Sums {
    fn merge(&mut self, other: &dyn State) -> Result<()> {
        let other: &Sums = state_ref(other)?;
        if other.quanta != self.quanta || !self.pixels.merge(&other.pixels) {
            return Err(internal("a partial does not belong to its output"));
        }
        self.strange |= other.strange;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(Made, Notes)> {
        if self.strange {
            let e = Error::new(ErrorKind::Value, "a particle's place, radius or value is not finite");
            return Err(e.at("operation", "sph_image").hint("a cut leaves particles out"));
        }
        let cells = self.pixels.count();
        let mut out = Buffer::zeroed(cells * 8);
        let image = cells / self.quanta.len();
        for (i, (sum, to)) in self.pixels.sums().zip(out.as_chunks_mut::<8>().0).enumerate() {
            *to = self.quanta[i / image].number(sum).to_ne_bytes();
        }
        Ok((Made::Elements(out), Notes::new()))
    }

    fn write(&self) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(1 + 16 * self.pixels.count());
        out.push(u8::from(self.strange));
        self.pixels.sums().for_each(|sum| out.extend(sum.to_le_bytes()));
        Ok(out)
    }
}

impl Update for Known {
    fn begin(&mut self, _: &Block, state: &mut dyn State) -> Result<()> {
        state_as::<Sums>(state).map(drop)
    }

    fn tile(&mut self, state: &mut dyn State, tile: &Tile, _: &mut Scratch) -> Result<()> {
        let sums: &mut Sums = state_as(state)?;
        let columns: SmallVec<[&[f64]; PLACE + 2]> =
            tile.columns.iter().map(|c| bytemuck::cast_slice::<u8, f64>(c)).collect();
        sums.strange |= !draw(self.simd, &self.brush, &mut sums.pixels, &columns, tile.n);
        Ok(())
    }
}
