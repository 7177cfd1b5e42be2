//! Particles drawn on the pixels of an image.
//!
//! Four pixels beside each other are computed at once. What a kernel reaches is found row by row, generously, as pixels beyond
//! it get nothing, and gathered to stretches, over which each step is a loop of its own: it becomes vector
//! instructions, and no step waits for another. All levels of instructions give the same bits.

use super::fixed::{Four, Quantum};
use super::kernel::{Kernel, Lines};
use super::pixels::{LANES, Pixels};
use super::window::{Through, Window};
use crate::per_simd;
use smallvec::SmallVec;

/// The most values of a particle.
pub const VALUES: usize = 8;
/// Groups of pixels in a stretch, of one row or several.
const STRETCH: usize = 64;
/// Rows whose ends are found at once.
const ROWS: usize = 32;

/// How particles are drawn.
#[derive(Clone, Debug)]
pub struct Brush {
    through: Through,
    window: Window,
    kernel: Kernel,
    /// Where lines go through it.
    lines: Option<Lines>,
    quanta: SmallVec<[Quantum; 2]>,
    /// Pixels in a length, along both axes.
    density: [f64; 2],
    /// By what part of a pixel places in pixels may be wrong, those in the window and more for others.
    slack: [f64; 2],
}

/// How wrong what is found of places is at most, generously.
const LOOSE: f64 = 1.0 / (1u64 << 40) as f64;

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

/// What the steps over a stretch hand on.
struct Stretch {
    /// How far behind a knot, in knots; or the square of the distance, in radii.
    past: [[f64; LANES]; STRETCH],
    knot: [[u32; LANES]; STRETCH],
    share: [[f64; LANES]; STRETCH],
    /// Which group of an image.
    place: [usize; STRETCH],
}

/// Space for what is found of one particle after the other.
struct Space {
    reached: Reached,
    stretch: Stretch,
}

impl Default for Space {
    fn default() -> Space {
        let reached = Reached { beside: [0.0; ROWS], first: [0; ROWS], last: [0; ROWS] };
        let nothing = [[0.0; LANES]; STRETCH];
        let stretch =
            Stretch { past: nothing, knot: [[0; LANES]; STRETCH], share: nothing, place: [0; STRETCH] };
        Space { reached, stretch }
    }
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
        let Window { left, pixel, pixels, .. } = window;
        let slack = [0, 1].map(|d| LOOSE * (1.0 + pixels[d] as f64 + left[d].abs() / pixel[d]));
        Brush { through, window, kernel, lines, quanta, density: pixel.map(|p| 1.0 / p), slack }
    }

    /// The quanta of each value.
    pub fn quanta(&self) -> &[Quantum] {
        &self.quanta
    }

    /// As [`draw`].
    #[inline(always)]
    fn draw(&self, pixels: &mut Pixels, columns: &[&[f64]], n: usize) -> bool {
        let ([xs, ys, zs, hs], values) = (std::array::from_fn(|d| columns[d]), &columns[4..]);
        let (mut numbers, mut quanta) = (true, [0.0; VALUES]);
        let mut space = Space::default();
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
                        (_, Some(lines)) => self.smooth(pixels, &mut space, spot, lines),
                        _ => self.smooth(pixels, &mut space, spot, &self.kernel),
                    }
                }
            }
        }
        numbers
    }

    /// Adds a kernel by its shares.
    #[inline(always)]
    fn smooth(&self, pixels: &mut Pixels, space: &mut Space, spot: Spot, kernel: &impl Shares) {
        let Spot { place: [x, ..], h, values } = spot;
        let over = 1.0 / (h * h);
        let groups = pixels.columns.len();
        let Space { reached, stretch } = space;
        let mut n = 0;
        let [mut row, end] = self.rows(&spot);
        while row < end {
            let some = (end - row).min(ROWS as u64);
            self.reach(reached, &spot, row, some as usize);
            for k in 0..some as usize {
                let (mut at, last) = (reached.first[k] as usize, (reached.last[k] as usize).min(groups));
                let begin = (row - self.window.rows[0]) as usize * groups + k * groups;
                while at < last {
                    let m = (last - at).min(STRETCH - n);
                    let place = [x, reached.beside[k]];
                    kernel.begin(stretch, n, &pixels.columns[at..at + m], place, over);
                    for (i, to) in stretch.place[n..n + m].iter_mut().enumerate() {
                        *to = begin + at + i;
                    }
                    n += m;
                    at += m;
                    if n == STRETCH {
                        self.flush(pixels, stretch, n, values, kernel);
                        n = 0;
                    }
                }
            }
            row += some;
        }
        self.flush(pixels, stretch, n, values, kernel);
    }

    #[inline(always)]
    fn flush(
        &self,
        pixels: &mut Pixels,
        stretch: &mut Stretch,
        n: usize,
        values: &[f64],
        kernel: &impl Shares,
    ) {
        kernel.shares(stretch, n);
        for (sums, value) in pixels.sums.chunks_exact_mut(pixels.area).zip(values) {
            put(sums, &stretch.place[..n], &stretch.share[..n], *value);
        }
    }

    /// The first row that a kernel may reach, and the one behind the last.
    #[inline(always)]
    fn rows(&self, spot: &Spot) -> [u64; 2] {
        let (at, slack) = self.at(1, spot.place[1]);
        let reach = spot.h * self.density[1] * (1.0 + LOOSE) + slack;
        let [low, high] = self.window.rows.map(|n| n as f64);
        [pixel(at - reach, low, high).into(), pixel(at + reach, low, high).into()]
    }

    /// A place in pixels from the window's edge, and how wrong that may be.
    #[inline(always)]
    fn at(&self, d: usize, x: f64) -> (f64, f64) {
        let at = (x - self.window.left[d]) * self.density[d];
        (at, LOOSE * at.abs() + self.slack[d])
    }

    /// Finds what a kernel may reach of some rows.
    #[inline(always)]
    fn reach(&self, reached: &mut Reached, spot: &Spot, row: u64, rows: usize) {
        let Spot { place: [x, y, z], h, .. } = *spot;
        // A little more than the square of the radius, as roots of small differences are loose.
        let (square, across) = (h * h * (1.0 + LOOSE), z * z);
        let (at, slack) = self.at(0, x);
        let (density, high) = (self.density[0], self.window.pixels[0] as f64);
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
                let half = (if left > 0.0 { left } else { 0.0 }).sqrt() * density + slack;
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

per_simd! {
    /// Adds particles to images: columns are two places in the image and one across it, the kernel's radius, and the values.
    /// Whether all that has values has a place and numbers is the answer.
    pub fn draw(brush: &Brush, pixels: &mut Pixels, columns: &[&[f64]], n: usize) -> bool = Brush::draw
}

/// What pixels get of a kernel. Not a closure, which would not be compiled for the vector instructions of its caller.
trait Shares {
    /// Begins with columns with these middles, as seen from a place in the row and at a squared distance beside it, with one over
    /// the square of the radius: they come behind so many groups.
    fn begin(&self, stretch: &mut Stretch, n: usize, columns: &[[f64; LANES]], place: [f64; 2], over: f64);

    /// The shares of so many groups.
    fn shares(&self, stretch: &mut Stretch, n: usize);
}

/// Along lines through the middles of pixels.
impl Shares for Lines {
    #[inline(always)]
    fn begin(&self, stretch: &mut Stretch, n: usize, columns: &[[f64; LANES]], place: [f64; 2], over: f64) {
        let [x, beside] = place;
        for ((middles, past), knot) in columns.iter().zip(&mut stretch.past[n..]).zip(&mut stretch.knot[n..])
        {
            let mut squares = [0.0; LANES];
            for k in 0..LANES {
                let dx = x - middles[k];
                squares[k] = dx * dx + beside;
            }
            (*past, *knot) = self.find(squares, over);
        }
    }

    #[inline(always)]
    fn shares(&self, stretch: &mut Stretch, n: usize) {
        let Stretch { past, knot, share, .. } = stretch;
        for ((share, past), knot) in share[..n].iter_mut().zip(&*past).zip(&*knot) {
            *share = self.look_up(past, knot);
        }
    }
}

/// At the middles of pixels.
impl Shares for Kernel {
    #[inline(always)]
    fn begin(&self, stretch: &mut Stretch, n: usize, columns: &[[f64; LANES]], place: [f64; 2], over: f64) {
        let [x, beside] = place;
        for (middles, past) in columns.iter().zip(&mut stretch.past[n..]) {
            for k in 0..LANES {
                let dx = x - middles[k];
                past[k] = (dx * dx + beside) * over;
            }
        }
    }

    #[inline(always)]
    fn shares(&self, stretch: &mut Stretch, n: usize) {
        for (share, past) in stretch.share[..n].iter_mut().zip(&stretch.past) {
            for (share, square) in share.iter_mut().zip(past) {
                *share = if *square < 1.0 { self.at(square.sqrt()) } else { 0.0 };
            }
        }
    }
}

/// Adds a value's shares to pixels.
#[inline(always)]
fn put(sums: &mut [Four], places: &[usize], shares: &[[f64; LANES]], value: f64) {
    /// No kernel has more.
    const MOST: f64 = 8.0;
    if Four::is_large(value.abs() * MOST) {
        for (place, [a, b, c, d]) in places.iter().zip(shares) {
            sums[*place].add_large([value * a, value * b, value * c, value * d]);
        }
    } else {
        for (place, [a, b, c, d]) in places.iter().zip(shares) {
            sums[*place].add([value * a, value * b, value * c, value * d]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::simd::Simd;

    fn random(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (*state >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Kernels of all sizes at any place, by a plain loop over all pixels and all images.
    fn plain(window: &Window, share: impl Fn(f64) -> f64, columns: &[Vec<f64>], value: usize) -> Vec<f64> {
        let [rows, width] = window.shape();
        let mut out = vec![0.0; (rows * width) as usize];
        for (n, value) in columns[4 + value].iter().enumerate() {
            let [x, y, z, h] = [0, 1, 2, 3].map(|c| columns[c][n]);
            for (sx, sy) in (-1..=1).flat_map(|i| (-1..=1).map(move |j| (f64::from(i), f64::from(j)))) {
                let shifts = [sx * window.period[0], sy * window.period[1]];
                if (0..2).any(|d| [sx, sy][d] != 0.0 && shifts[d] == 0.0) {
                    continue;
                }
                for (i, sum) in out.iter_mut().enumerate() {
                    let [column, row] =
                        [i as u64 % width, i as u64 / width + window.rows[0]].map(|p| p as f64);
                    let dx = x + shifts[0] - window.middle(0, column);
                    let dy = y + shifts[1] - window.middle(1, row);
                    let square = (dx * dx + dy * dy + z * z) / (h * h);
                    *sum += if square < 1.0 { value * share(square) } else { 0.0 };
                }
            }
        }
        out
    }

    #[test]
    fn all_levels_draw_what_a_plain_loop_does() {
        let mut state = 3;
        for case in 0..24 {
            let through = [Through::Line, Through::Point][case % 2];
            let kernel = crate::ops::sph::KERNELS[case / 2 % 6].1;
            let period = if case % 3 == 0 { 0.0 } else { 10.0 };
            let pixels = [1 + (random(&mut state) * 70.0) as u64, 1 + (random(&mut state) * 45.0) as u64];
            let left = [random(&mut state) * 8.0 - 4.0, random(&mut state) * 8.0 - 4.0];
            let pixel = [0.3 * random(&mut state) + 0.01, 0.3 * random(&mut state) + 0.01];
            let rows = [pixels[1] / 3, pixels[1]];
            let window = Window { left, pixel, pixels, rows, period: [period, period * 1.5] };
            let n = 60;
            let mut columns = vec![Vec::new(); 6];
            for i in 0..n {
                let h = 10f64.powf(random(&mut state) * 3.0 - 2.5);
                columns[0].push(random(&mut state) * 14.0 - 5.0);
                columns[1].push(random(&mut state) * 14.0 - 5.0);
                columns[2].push(if through == Through::Line { 0.0 } else { (random(&mut state) - 0.5) * h });
                columns[3].push(h);
                // One of them is nearly all.
                columns[4].push((random(&mut state) - 0.3) * if i == 17 { 1e6 } else { 1.0 });
                columns[5].push(random(&mut state) * 1e-9);
            }
            let slices: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let bound = |c: usize| columns[c].iter().map(|v| v.abs()).sum::<f64>();
            let quanta = SmallVec::from_iter([4, 5].map(|c| Quantum::of(bound(c)).unwrap()));
            let brush = Brush::new(kernel, through, window, quanta);
            let made: Vec<Vec<i128>> = Simd::available()
                .into_iter()
                .map(|simd| {
                    let (mut some, mut rest) =
                        (Pixels::new(window, 2).unwrap(), Pixels::new(window, 2).unwrap());
                    let cut = 23;
                    assert!(draw(simd, &brush, &mut some, &slices, cut));
                    let behind: Vec<&[f64]> = slices.iter().map(|s| &s[cut..]).collect();
                    assert!(draw(simd, &brush, &mut rest, &behind, n - cut));
                    assert!(some.merge(&rest));
                    some.sums().collect()
                })
                .collect();
            assert!(made.iter().all(|m| *m == made[0]), "{window:?}");
            for (value, sums) in made[0].chunks_exact(made[0].len() / 2).enumerate() {
                let lines = Lines::of(kernel);
                let share = |square: f64| match through {
                    Through::Line => {
                        let (past, knot) = lines.find([square], 1.0);
                        lines.look_up(&past, &knot)[0]
                    }
                    _ => kernel.at(square.sqrt()),
                };
                let wanted = plain(&window, share, &columns, value);
                let number = |sum: &i128| brush.quanta()[value].number(*sum);
                let most = wanted.iter().fold(0.0f64, |m, w| m.max(w.abs()));
                for (found, wanted) in sums.iter().map(number).zip(&wanted) {
                    let close = (found - wanted).abs() <= 1e-12 * wanted.abs() + 1e-14 * most;
                    assert!(close, "{found} {wanted} {window:?}");
                }
            }
        }
    }
}
