//! Particles drawn on the pixels of an image.
//!
//! Along a row four pixels beside each other are computed at once, in steps over short stretches: each is a loop that
//! becomes vector instructions, and all levels of these give the same bits. Which pixels a kernel reaches is found
//! generously; what lies beyond it gets nothing.

use super::fixed::{Four, Quantum};
use super::kernel::{Kernel, Lines};
use super::window::{Through, Window};
use crate::error::{Error, ErrorKind, Result};
use smallvec::SmallVec;

/// The most values of a particle.
pub const VALUES: usize = 8;
/// Pixels that are computed at once.
const LANES: usize = 4;
/// Groups of pixels in a stretch.
const STRETCH: usize = 8;
/// Rows whose ends are found at once.
const ROWS: usize = 32;

/// The sums of all pixels, image after image; rows of whole groups.
#[derive(Clone, Debug)]
pub struct Pixels {
    window: Window,
    /// The middles of all columns.
    columns: Vec<[f64; LANES]>,
    /// Groups of an image.
    area: usize,
    sums: Vec<Four>,
}

impl Pixels {
    /// The bytes of so many images.
    pub fn bytes(window: &Window, values: usize) -> u64 {
        let [rows, columns] = window.shape();
        let groups = columns.div_ceil(LANES as u64);
        let sums = rows.saturating_mul(groups).saturating_mul((values * size_of::<Four>()) as u64);
        sums.saturating_add(groups * (LANES * 8) as u64)
    }

    /// So many images of nothing.
    ///
    /// # Errors
    /// `Budget` if there is no memory for them.
    pub fn new(window: Window, values: usize) -> Result<Pixels> {
        let none = || Error::new(ErrorKind::Budget, "there is no memory for the sums of an image");
        let [rows, columns] = window.shape();
        let groups = usize::try_from(columns.div_ceil(LANES as u64)).map_err(|_| none())?;
        let rows = usize::try_from(rows).map_err(|_| none())?;
        let area = rows.checked_mul(groups).ok_or_else(none)?;
        let all = area.checked_mul(values).ok_or_else(none)?;
        let (mut sums, mut middles) = (Vec::new(), Vec::new());
        sums.try_reserve_exact(all).map_err(|_| none())?;
        middles.try_reserve_exact(groups).map_err(|_| none())?;
        sums.resize(all, Four::ZERO);
        let middle = |i: usize| window.middle(0, i as f64);
        middles.extend((0..groups).map(|g| std::array::from_fn(|k| middle(g * LANES + k))));
        Ok(Pixels { window, columns: middles, area, sums })
    }

    /// How many pixels all images have.
    pub fn len(&self) -> usize {
        self.sums.len() / self.columns.len() * self.window.pixels[0] as usize
    }

    /// The sum of each pixel, image after image and row after row.
    pub fn sums(&self) -> impl Iterator<Item = i128> {
        let width = self.window.pixels[0] as usize;
        let rows = self.sums.chunks_exact(self.columns.len());
        rows.flat_map(move |row| (0..width).map(move |i| row[i / LANES].sum(i)))
    }

    /// Makes each pixel's sum what comes next.
    pub fn set(&mut self, mut next: impl Iterator<Item = i128>) {
        let width = self.window.pixels[0] as usize;
        for row in self.sums.chunks_exact_mut(self.columns.len()) {
            for (i, sum) in (0..width).zip(&mut next) {
                row[i / LANES].set(i, sum);
            }
        }
    }

    /// Adds the sums of other pixels, if they are as many.
    pub fn merge(&mut self, other: &Pixels) -> bool {
        let same = self.sums.len() == other.sums.len() && self.window == other.window;
        if same {
            self.sums.iter_mut().zip(&other.sums).for_each(|(sum, more)| sum.merge(more));
        }
        same
    }
}

/// How particles are drawn.
#[derive(Clone, Debug)]
pub struct Brush {
    through: Through,
    window: Window,
    kernel: Kernel,
    /// Where lines go through it.
    lines: Option<Lines>,
    quanta: SmallVec<[Quantum; 2]>,
}

/// A particle, as it is drawn: where it is in the image and across it, the kernel's radius, and its values in quanta.
#[derive(Clone, Copy)]
struct Spot<'a> {
    place: [f64; 3],
    h: f64,
    values: &'a [f64],
}

/// What of a row a kernel reaches.
struct Reached {
    /// The square of the distance beside the row.
    beside: [f64; ROWS],
    /// The first group, and the one behind the last.
    first: [u32; ROWS],
    last: [u32; ROWS],
}

/// What the steps of a stretch hand on.
struct Stretch {
    /// How far behind a knot, in knots.
    past: [[f64; LANES]; STRETCH],
    knot: [[u32; LANES]; STRETCH],
    share: [[f64; LANES]; STRETCH],
}

/// The images of a coordinate whose kernels reach a window along one axis.
fn images(x: f64, h: f64, (left, right): (f64, f64), period: f64) -> impl Iterator<Item = f64> {
    let shifts = if period > 0.0 { [0.0, -period, period] } else { [0.0, f64::NAN, f64::NAN] };
    shifts.into_iter().map(move |s| x + s).filter(move |x| x + h >= left && x - h <= right)
}

/// The pixels along one axis which a square may reach.
fn covered(x: f64, h: f64, left: f64, pixel: f64, n: [u64; 2]) -> std::ops::Range<u64> {
    // A pixel more on either side than rounding could miss; as a cast from float64 ends at 0.
    let first = ((x - h - left) / pixel - 1.5).floor() as u64;
    let last = ((x + h - left) / pixel + 1.5).ceil() as u64;
    first.max(n[0])..last.min(n[1])
}

/// Pixels by their middles: what a number of them, counted from the window's edge, is rounded to, between two ends.
#[inline(always)]
fn pixel(at: f64, low: f64, high: f64) -> u32 {
    /// Behind it, the last bit of a number counts ones.
    const ONES: f64 = 1.5 * (1u64 << 52) as f64;
    let at = if at > low { at } else { low };
    let at = if at < high { at } else { high };
    (at + ONES).to_bits() as u32
}

impl Brush {
    /// With the quanta of the sums of each value.
    pub fn new(kernel: Kernel, through: Through, window: Window, quanta: SmallVec<[Quantum; 2]>) -> Brush {
        let lines = (through == Through::Line).then(|| Lines::of(kernel));
        Brush { through, window, kernel, lines, quanta }
    }

    /// The quanta of each value.
    pub fn quanta(&self) -> &[Quantum] {
        &self.quanta
    }

    /// Adds particles to images: columns are two places in the image and one across it, the kernel's radius, and the values.
    /// Whether all that has values has a place and numbers is the answer.
    #[inline(always)]
    pub fn draw(&self, pixels: &mut Pixels, columns: &[&[f64]], n: usize) -> bool {
        let ([xs, ys, zs, hs], values) = (std::array::from_fn(|d| columns[d]), &columns[4..]);
        let (mut numbers, mut quanta) = (true, [0.0; VALUES]);
        for i in 0..n {
            if values.iter().all(|v| v[i] == 0.0) {
                continue;
            }
            let (x, y, z, h) = (xs[i], ys[i], zs[i], hs[i]);
            if !([x, y, z, h].iter().all(|v| v.is_finite()) && values.iter().all(|v| v[i].is_finite())) {
                numbers = false;
                continue;
            }
            if h <= 0.0 || (z.abs() >= h && self.through != Through::Cell) {
                continue;
            }
            for (q, (v, quantum)) in quanta.iter_mut().zip(values.iter().zip(&self.quanta)) {
                *q = quantum.quanta(v[i]);
            }
            let period = self.window.period;
            for y in images(y, h, self.window.ends(1), period[1]) {
                for x in images(x, h, self.window.ends(0), period[0]) {
                    let spot = Spot { place: [x, y, z], h, values: &quanta[..values.len()] };
                    match (self.through, &self.lines) {
                        (Through::Cell, _) => self.square(pixels, spot),
                        (_, Some(lines)) => self.smooth(pixels, spot, lines),
                        _ => self.smooth(pixels, spot, &self.kernel),
                    }
                }
            }
        }
        numbers
    }

    /// Adds a kernel by its shares.
    #[inline(always)]
    fn smooth(&self, pixels: &mut Pixels, spot: Spot, kernel: &impl Shares) {
        let Spot { place: [x, ..], h, values } = spot;
        let over = 1.0 / (h * h);
        let groups = pixels.columns.len();
        let mut reached = Reached { beside: [0.0; ROWS], first: [0; ROWS], last: [0; ROWS] };
        let mut stretch = Stretch {
            past: [[0.0; LANES]; STRETCH],
            knot: [[0; LANES]; STRETCH],
            share: [[0.0; LANES]; STRETCH],
        };
        let [mut row, end] = self.rows(&spot);
        while row < end {
            let some = (end - row).min(ROWS as u64);
            self.reach(&mut reached, &spot, row, some as usize);
            for k in 0..some as usize {
                let (mut at, last) = (reached.first[k] as usize, (reached.last[k] as usize).min(groups));
                let begin = (row - self.window.rows[0]) as usize * groups + k * groups;
                while at < last {
                    let m = (last - at).min(STRETCH);
                    let columns = &pixels.columns[at..at + m];
                    kernel.shares(&mut stretch, columns, [x, reached.beside[k]], over);
                    for (v, value) in values.iter().enumerate() {
                        let begin = v * pixels.area + begin + at;
                        put(&mut pixels.sums[begin..begin + m], &stretch.share[..m], *value);
                    }
                    at += m;
                }
            }
            row += some;
        }
    }

    /// The first row that a kernel may reach, and the one behind the last.
    #[inline(always)]
    fn rows(&self, spot: &Spot) -> [u64; 2] {
        let (at, slack) = self.at(1, spot.place[1]);
        let reach = spot.h / self.window.pixel[1] + slack;
        let [low, high] = self.window.rows.map(|n| n as f64);
        [pixel(at - reach, low, high).into(), pixel(at + reach, low, high).into()]
    }

    /// A place in pixels from the window's edge, and how wrong that may be.
    #[inline(always)]
    fn at(&self, d: usize, x: f64) -> (f64, f64) {
        const LOOSE: f64 = 1.0 / (1u64 << 40) as f64;
        let Window { left, pixel, pixels, .. } = self.window;
        let at = (x - left[d]) / pixel[d];
        (at, LOOSE * (1.0 + at.abs() + pixels[d] as f64 + left[d].abs() / pixel[d]))
    }

    /// Finds what a kernel may reach of some rows.
    #[inline(always)]
    fn reach(&self, reached: &mut Reached, spot: &Spot, row: u64, rows: usize) {
        let Spot { place: [x, y, z], h, .. } = *spot;
        // A little more than the square of the radius, as roots of small differences are loose.
        let (square, across) = (h * h * (1.0 + 1.0 / (1u64 << 40) as f64), z * z);
        let (at, slack) = self.at(0, x);
        let (over, high) = (1.0 / self.window.pixel[0], self.window.pixels[0] as f64);
        for (g, ((beside, first), last)) in (reached.beside.as_chunks_mut::<LANES>().0.iter_mut())
            .zip(reached.first.as_chunks_mut::<LANES>().0)
            .zip(reached.last.as_chunks_mut::<LANES>().0)
            .take(rows.div_ceil(LANES))
            .enumerate()
        {
            let begin = row as f64 + (g * LANES) as f64;
            for k in 0..LANES {
                let dy = y - self.window.middle(1, begin + k as f64);
                beside[k] = dy * dy + across;
                let left = square - beside[k];
                let half = (if left > 0.0 { left } else { 0.0 }).sqrt() * over + slack;
                first[k] = pixel(at - half, 0.0, high) / LANES as u32;
                last[k] = pixel(at + half, 0.0, high).wrapping_add(LANES as u32 - 1) / LANES as u32;
            }
        }
    }

    /// Adds a square, by the share of each pixel that it covers.
    fn square(&self, pixels: &mut Pixels, spot: Spot) {
        let Spot { place, h, values } = spot;
        let Window { left, pixel, rows, .. } = self.window;
        let share = |d: usize, i: u64| {
            let low = left[d] + i as f64 * pixel[d];
            let (from, to) = ((place[d] - h).max(low), (place[d] + h).min(low + pixel[d]));
            (to - from).max(0.0) / pixel[d]
        };
        let groups = pixels.columns.len();
        for j in covered(place[1], h, left[1], pixel[1], rows) {
            let up = share(1, j);
            let begin = (j - rows[0]) as usize * groups;
            for i in covered(place[0], h, left[0], pixel[0], [0, self.window.pixels[0]]) {
                let share = up * share(0, i);
                if share > 0.0 {
                    for (v, value) in values.iter().enumerate() {
                        let group = v * pixels.area + begin + i as usize / LANES;
                        pixels.sums[group].add_one(i as usize, value * share);
                    }
                }
            }
        }
    }
}

/// What pixels get of a kernel. Not a closure, which would not be compiled for the vector instructions of its caller.
trait Shares {
    /// For columns with these middles, as seen from a place in the row and at a squared distance beside it, with one over the
    /// square of the radius.
    fn shares(&self, stretch: &mut Stretch, columns: &[[f64; LANES]], place: [f64; 2], over: f64);
}

/// Along lines through the middles of pixels.
impl Shares for Lines {
    #[inline(always)]
    fn shares(&self, stretch: &mut Stretch, columns: &[[f64; LANES]], [x, beside]: [f64; 2], over: f64) {
        let Stretch { past, knot, share } = stretch;
        for ((middles, past), knot) in columns.iter().zip(&mut *past).zip(&mut *knot) {
            let mut squares = [0.0; LANES];
            for k in 0..LANES {
                let dx = x - middles[k];
                squares[k] = dx * dx + beside;
            }
            (*past, *knot) = self.find(squares, over);
        }
        for ((share, past), knot) in share.iter_mut().zip(&*past).zip(&*knot).take(columns.len()) {
            *share = self.look_up(past, knot);
        }
    }
}

/// At the middles of pixels.
impl Shares for Kernel {
    #[inline(always)]
    fn shares(&self, stretch: &mut Stretch, columns: &[[f64; LANES]], [x, beside]: [f64; 2], over: f64) {
        for (share, middles) in stretch.share.iter_mut().zip(columns) {
            for (share, middle) in share.iter_mut().zip(middles) {
                let dx = x - middle;
                let square = (dx * dx + beside) * over;
                *share = if square < 1.0 { self.at(square.sqrt()) } else { 0.0 };
            }
        }
    }
}

/// Adds a value's shares to pixels.
#[inline(always)]
fn put(sums: &mut [Four], shares: &[[f64; LANES]], value: f64) {
    /// No kernel has more.
    const MOST: f64 = 8.0;
    if Four::is_large(value.abs() * MOST) {
        for (sum, [a, b, c, d]) in sums.iter_mut().zip(shares) {
            sum.add_large([value * a, value * b, value * c, value * d]);
        }
    } else {
        for (sum, [a, b, c, d]) in sums.iter_mut().zip(shares) {
            sum.add([value * a, value * b, value * c, value * d]);
        }
    }
}
