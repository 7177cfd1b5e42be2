//! Smoothed particles on the pixels of an image: each adds its kernel to all that it reaches.
//!
//! Sums are whole multiples of a quantum that follows from the sum of all magnitudes, a value of an earlier stage. So they
//! do not depend on any order, and each contribution is rounded by at most 2⁻¹²⁰ of that sum.

use super::data::{FoldBytes, Given, Landing, Load, Made, Makes, Notes, Param, Port, Ports, Role, internal};
use super::traits::{Fold, Ready, State, Update, damaged, expect_params, state_as, state_ref};
use super::{Block, FoldRow, Scratch, SharedFold, Tile, row};
use crate::buffer::Buffer;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::Dims;
use crate::ops::histogram::LogOf;
use crate::ops::simd::Simd;
use crate::ops::sph::{Kernel, Lines, Quantum};
use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// The row of [`Splat`].
pub(super) const ROW: FoldRow = FoldRow {
    name: "splat",
    read: |data| {
        let Data { kernel, through, left, pixel, pixels, period, values, rank } = row::parse(ROW.name, data)?;
        let rank = row::checked_rank(ROW.name, rank)?;
        let numbers = |bits: [u64; 2]| bits.map(f64::from_bits);
        let window = Window { left: numbers(left), pixel: numbers(pixel), pixels, period: numbers(period) };
        Splat::new(kernel, through, window, values, rank).map(SharedFold::new)
    },
};

/// Numbers before the values: two coordinates in the plane, one across it, the kernel's radius.
const PLACE: usize = 4;
/// The most values of a particle.
const VALUES: usize = 8;

/// What of a particle a pixel gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Through {
    /// The kernel's integral along the line through the pixel's middle, times the squared radius.
    Line,
    /// The kernel's value at the pixel's middle, times the cubed radius.
    Point,
    /// The share of the pixel that a square about the particle covers, of twice the radius: a cell of a grid. There is no
    /// kernel then.
    Cell,
}

/// The pixels of an image, in the coordinates of the particles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Where the first pixel begins, to the right and upwards.
    pub left: [f64; 2],
    /// The edges of a pixel.
    pub pixel: [f64; 2],
    /// How many there are.
    pub pixels: [u64; 2],
    /// After which distance everything is there again; 0 for never.
    pub period: [f64; 2],
}

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
    period: [u64; 2],
    values: usize,
    rank: usize,
}

impl Splat {
    /// Over a domain of `rank` axes.
    ///
    /// # Errors
    /// `Value` for a window without extent, with more than 2³¹ pixels along an edge, and for no or more than 8 values.
    pub fn new(
        kernel: Kernel,
        through: Through,
        window: Window,
        values: usize,
        rank: usize,
    ) -> Result<Splat> {
        let wrong = |what: &str| Err(Error::new(ErrorKind::Value, what));
        let Window { left, pixel, pixels, period } = window;
        if pixels.iter().any(|n| *n == 0 || *n > 1 << 31) {
            return wrong("an image has between 1 and 2^31 pixels along an edge");
        }
        if !(left.iter().all(|v| v.is_finite()) && pixel.iter().all(|v| v.is_finite() && *v > 0.0)) {
            return wrong("an image needs a window of some extent");
        }
        if !period.iter().all(|v| v.is_finite() && *v >= 0.0) {
            return wrong("a period is a length");
        }
        match (1..=VALUES).contains(&values) {
            true => Ok(Splat { kernel, through, window, values, landing: Landing::reduce(rank) }),
            false => wrong("a particle has between 1 and 8 values"),
        }
    }

    fn cells(&self) -> u64 {
        let [x, y] = self.window.pixels;
        x.saturating_mul(y).saturating_mul(self.values as u64)
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
        let Window { left, pixel, pixels, period } = self.window;
        let bits = |v: [f64; 2]| v.map(f64::to_bits);
        row::data(&Data {
            kernel: self.kernel,
            through: self.through,
            left: bits(left),
            pixel: bits(pixel),
            pixels,
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
        let [x, y] = self.window.pixels;
        Makes { shape: Dims::from_slice(&[self.values as u64, y, x]), dtype: DType::F64, histogram: false }
    }

    fn bytes(&self, _: &[u64]) -> FoldBytes {
        // The sums, and the numbers that they are rounded to.
        let state = self.cells().saturating_mul(24).saturating_add(256);
        FoldBytes { state, scratch: (ROW.name, 0) }
    }

    fn load(&self) -> Load {
        Load::Binned
    }

    fn detail(&self) -> String {
        let [x, y] = self.window.pixels;
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
        let lines = (self.through == Through::Line).then(|| Arc::new(Lines::of(self.kernel)));
        Ok(Arc::new(Known { splat: self.clone(), quanta, lines }))
    }
}

/// With the quanta of its sums.
#[derive(Clone, Debug)]
struct Known {
    splat: Splat,
    quanta: SmallVec<[Quantum; 2]>,
    lines: Option<Arc<Lines>>,
}

impl Ready for Known {
    fn state(&self, _: &[u64]) -> Result<Box<dyn State>> {
        let cells = usize::try_from(self.splat.cells()).unwrap_or(usize::MAX);
        let mut sums = Vec::new();
        sums.try_reserve_exact(cells).map_err(|_| {
            Error::new(ErrorKind::Budget, "there is no memory for the sums of an image")
                .at("operation", self.splat.operation())
        })?;
        sums.resize(cells, 0);
        Ok(Box::new(Sums { quanta: self.quanta.clone(), sums, strange: false }))
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
        for (sum, bytes) in sums.sums.iter_mut().zip(bytes.as_chunks::<16>().0) {
            *sum = i128::from_le_bytes(*bytes);
        }
        Ok(state)
    }

    fn update(&self, _: Simd, _: &[Option<LogOf>]) -> Box<dyn Update> {
        Box::new(self.clone())
    }
}

/// The sums of all pixels, image after image.
struct Sums {
    quanta: SmallVec<[Quantum; 2]>,
    sums: Vec<i128>,
    /// Whether a particle came whose place or value is no number.
    strange: bool,
}

impl State for Sums {
    fn merge(&mut self, other: &dyn State) -> Result<()> {
        let other: &Sums = state_ref(other)?;
        if other.sums.len() != self.sums.len() || other.quanta != self.quanta {
            return Err(internal("a partial does not belong to its output"));
        }
        self.strange |= other.strange;
        for (sum, more) in self.sums.iter_mut().zip(&other.sums) {
            *sum = sum.wrapping_add(*more);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(Made, Notes)> {
        if self.strange {
            let e = Error::new(ErrorKind::Value, "a particle's place, radius or value is not finite");
            return Err(e.at("operation", "sph_image").hint("a cut leaves particles out"));
        }
        let mut out = Buffer::zeroed(self.sums.len() * 8);
        let image = self.sums.len() / self.quanta.len();
        for (i, (sum, to)) in self.sums.iter().zip(out.as_chunks_mut::<8>().0).enumerate() {
            *to = self.quanta[i / image].number(*sum).to_ne_bytes();
        }
        Ok((Made::Elements(out), Notes::new()))
    }

    fn write(&self) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(1 + 16 * self.sums.len());
        out.push(u8::from(self.strange));
        self.sums.iter().for_each(|sum| out.extend(sum.to_le_bytes()));
        Ok(out)
    }
}

/// The images of a coordinate whose kernels reach a window along one axis.
fn images(x: f64, h: f64, (left, right): (f64, f64), period: f64) -> impl Iterator<Item = f64> {
    let shifts = if period > 0.0 { [0.0, -period, period] } else { [0.0, f64::NAN, f64::NAN] };
    shifts.into_iter().map(move |s| x + s).filter(move |x| x + h >= left && x - h <= right)
}

/// The pixels along one axis whose middles may lie within a kernel.
fn reached(x: f64, h: f64, left: f64, pixel: f64, n: u64) -> std::ops::Range<u64> {
    // A pixel more on either side than rounding could miss; as a cast from float64 ends at 0.
    let first = ((x - h - left) / pixel - 1.5).floor() as u64;
    let last = ((x + h - left) / pixel + 1.5).ceil() as u64;
    first..last.min(n)
}

impl Known {
    /// Adds one particle.
    fn add(&self, sums: &mut Sums, place: [f64; PLACE], values: &[f64]) {
        let [x, y, z, h] = place;
        if values.iter().all(|v| *v == 0.0) {
            return;
        }
        if !(place.iter().all(|v| v.is_finite()) && values.iter().all(|v| v.is_finite())) {
            sums.strange = true;
            return;
        }
        if h.is_nan() || h <= 0.0 {
            return;
        }
        let Window { left, pixel, pixels, period } = self.splat.window;
        let end = |d: usize| (left[d], left[d] + pixel[d] * pixels[d] as f64);
        for y in images(y, h, end(1), period[1]) {
            for x in images(x, h, end(0), period[0]) {
                match (self.splat.through, &self.lines) {
                    (Through::Cell, _) => self.cell(sums, [x, y], h, values),
                    (_, Some(lines)) => self.kernel(sums, [x, y, z], h, values, |q2| lines.at(q2)),
                    _ => self.kernel(sums, [x, y, z], h, values, |q2| self.splat.kernel.at(q2.sqrt())),
                }
            }
        }
    }

    /// Adds values to a pixel.
    #[inline]
    fn put(&self, sums: &mut Sums, (i, j): (u64, u64), values: &[f64], share: f64) {
        let [columns, rows] = self.splat.window.pixels;
        let (area, at) = ((columns * rows) as usize, (j * columns + i) as usize);
        for (v, (value, quantum)) in values.iter().zip(&self.quanta).enumerate() {
            let sum = &mut sums.sums[v * area + at];
            *sum = sum.wrapping_add(quantum.multiple(value * share));
        }
    }

    /// Adds a kernel, by what it has at a squared distance.
    #[inline]
    fn kernel(&self, sums: &mut Sums, place: [f64; 3], h: f64, values: &[f64], share: impl Fn(f64) -> f64) {
        let Window { left, pixel, pixels, .. } = self.splat.window;
        let [x, y, z] = place;
        let (over, across) = (1.0 / (h * h), z * z);
        for j in reached(y, h, left[1], pixel[1], pixels[1]) {
            let dy = y - (left[1] + (j as f64 + 0.5) * pixel[1]);
            let beside = dy * dy + across;
            if beside * over >= 1.0 {
                continue;
            }
            for i in reached(x, h, left[0], pixel[0], pixels[0]) {
                let dx = x - (left[0] + (i as f64 + 0.5) * pixel[0]);
                let q2 = (dx * dx + beside) * over;
                if q2 < 1.0 {
                    self.put(sums, (i, j), values, share(q2));
                }
            }
        }
    }

    /// Adds a square, by the share of each pixel that it covers.
    fn cell(&self, sums: &mut Sums, place: [f64; 2], h: f64, values: &[f64]) {
        let Window { left, pixel, pixels, .. } = self.splat.window;
        let share = |d: usize, i: u64| {
            let low = left[d] + i as f64 * pixel[d];
            let (from, to) = ((place[d] - h).max(low), (place[d] + h).min(low + pixel[d]));
            (to - from).max(0.0) / pixel[d]
        };
        for j in reached(place[1], h, left[1], pixel[1], pixels[1]) {
            let up = share(1, j);
            for i in reached(place[0], h, left[0], pixel[0], pixels[0]) {
                let share = up * share(0, i);
                if share > 0.0 {
                    self.put(sums, (i, j), values, share);
                }
            }
        }
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
        let mut values = [0.0; VALUES];
        for row in 0..tile.n {
            for (v, column) in values.iter_mut().zip(&columns[PLACE..]) {
                *v = column[row];
            }
            let place = [columns[0][row], columns[1][row], columns[2][row], columns[3][row]];
            self.add(sums, place, &values[..self.splat.values]);
        }
        Ok(())
    }
}
