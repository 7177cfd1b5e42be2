//! The kernels of smoothed particles, normalised in three dimensions, by distances in units of the radius at which they end.

use std::f64::consts::PI;
use std::sync::Arc;

/// The form of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kernel {
    /// The cubic spline, M4.
    Cubic,
    /// The quartic spline, M5.
    Quartic,
    /// The quintic spline, M6.
    Quintic,
    /// Wendland's C2.
    Wendland2,
    /// Wendland's C4.
    Wendland4,
    /// Wendland's C6.
    Wendland6,
}

/// All of them, with their names.
pub const KERNELS: &[(&str, Kernel)] = &[
    ("cubic", Kernel::Cubic),
    ("quartic", Kernel::Quartic),
    ("quintic", Kernel::Quintic),
    ("wendland2", Kernel::Wendland2),
    ("wendland4", Kernel::Wendland4),
    ("wendland6", Kernel::Wendland6),
];

/// Steps of the trapezoid by which a line integral is found.
const STEPS: usize = 200;
/// Knots of the table of line integrals.
const KNOTS: usize = 512;

impl Kernel {
    /// The kernel of a name.
    pub fn from_name(name: &str) -> Option<Kernel> {
        KERNELS.iter().find(|(n, _)| *n == name).map(|(_, k)| *k)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        KERNELS.iter().find(|(_, k)| *k == self).map_or("kernel", |(n, _)| n)
    }

    /// Its value at `q` of its radius, for a radius of 1; 0 from there on.
    pub fn at(self, q: f64) -> f64 {
        let left = |edge: f64, power: i32| if q < edge { (edge - q).powi(power) } else { 0.0 };
        if q >= 1.0 {
            return 0.0;
        }
        match self {
            Kernel::Cubic => {
                let w = if q <= 0.5 { 1.0 - 6.0 * q * q * (1.0 - q) } else { 2.0 * (1.0 - q).powi(3) };
                8.0 / PI * w
            }
            Kernel::Quartic => {
                15625.0 / (512.0 * PI) * (left(1.0, 4) - 5.0 * left(0.6, 4) + 10.0 * left(0.2, 4))
            }
            Kernel::Quintic => {
                2187.0 / (40.0 * PI) * (left(1.0, 5) - 6.0 * left(2.0 / 3.0, 5) + 15.0 * left(1.0 / 3.0, 5))
            }
            Kernel::Wendland2 => 21.0 / (2.0 * PI) * left(1.0, 4) * (1.0 + 4.0 * q),
            Kernel::Wendland4 => 495.0 / (32.0 * PI) * left(1.0, 6) * (1.0 + 6.0 * q + 35.0 / 3.0 * q * q),
            Kernel::Wendland6 => {
                1365.0 / (64.0 * PI) * left(1.0, 8) * (1.0 + q * (8.0 + q * (25.0 + 32.0 * q)))
            }
        }
    }

    /// Its integral along a line that passes at a distance whose square is `q2`.
    fn along(self, q2: f64) -> f64 {
        let end = (1.0 - q2).max(0.0).sqrt();
        let at = |i: usize| -end + 2.0 * end * i as f64 / STEPS as f64;
        let value = |i: usize| self.at((at(i) * at(i) + q2).sqrt());
        (0..STEPS).map(|i| 0.5 * (value(i) + value(i + 1)) * (at(i + 1) - at(i))).sum()
    }
}

/// The integrals of a kernel along lines, by the square of the distance: knots at equal steps of that, and straight lines
/// between them.
#[derive(Clone, Debug)]
pub struct Lines {
    /// By knot, its integral and what the next one has more; nothing from the last one on.
    table: Arc<[[f64; 2]; ENTRIES]>,
}

/// Entries of the table: a power of two, so that any number is one after a mask.
const ENTRIES: usize = 2 * KNOTS;
/// The last knot.
const LAST: f64 = (KNOTS - 1) as f64;

impl Lines {
    /// Those of a kernel.
    pub fn of(kernel: Kernel) -> Lines {
        let knots: Vec<f64> = (0..KNOTS).map(|i| kernel.along(i as f64 / LAST)).collect();
        let mut table = [[0.0; 2]; ENTRIES];
        for (entry, pair) in table.iter_mut().zip(knots.windows(2)) {
            *entry = [pair[0], pair[1] - pair[0]];
        }
        Lines { table: Arc::new(table) }
    }

    /// The knots before squared distances, where `over` is one over the squared radius, and how far behind these they are.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // Iterators are not always made one vector of.
    pub fn find<const N: usize>(&self, squares: [f64; N], over: f64) -> ([f64; N], [u32; N]) {
        /// Behind it, the last bit of a number counts ones.
        const ONES: f64 = 1.5 * (1u64 << 52) as f64;
        let over = over * LAST;
        let (mut past, mut knots) = ([0.0; N], [0; N]);
        for k in 0..N {
            let at = squares[k] * over;
            let at = if at < LAST { at } else { LAST };
            // Rounded, at a knot itself to the one or the other: a straight line begins where one ends.
            let before = (at - 0.5) + ONES;
            knots[k] = before.to_bits() as u32;
            past[k] = at - (before - ONES);
        }
        (past, knots)
    }

    /// The integrals behind knots.
    #[inline(always)]
    #[allow(clippy::needless_range_loop)] // As above.
    pub fn look_up<const N: usize>(&self, past: &[f64; N], knots: &[u32; N]) -> [f64; N] {
        let (mut values, mut steps) = ([0.0; N], [0.0; N]);
        for k in 0..N {
            [values[k], steps[k]] = self.table[knots[k] as usize % ENTRIES];
        }
        for k in 0..N {
            values[k] += steps[k] * past[k];
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_normalised() {
        for &(name, kernel) in KERNELS {
            let n = 20_000;
            let shell = |i: usize| {
                let q = (i as f64 + 0.5) / n as f64;
                4.0 * PI * q * q * kernel.at(q) / n as f64
            };
            let mass: f64 = (0..n).map(shell).sum();
            assert!((mass - 1.0).abs() < 1e-7, "{name}: {mass}");
            // Over a disk of lines as well, by the table.
            let lines = Lines::of(kernel);
            let at = |square: f64| {
                let (past, knot) = lines.find([square * 4.0], 0.25);
                lines.look_up(&past, &knot)[0]
            };
            let ring = |i: usize| PI * at((i as f64 + 0.5) / n as f64) / n as f64;
            let mass: f64 = (0..n).map(ring).sum();
            assert!((mass - 1.0).abs() < 2e-4, "{name}: {mass}");
            assert_eq!((kernel.at(1.0), kernel.at(1.5)), (0.0, 0.0));
            assert!(kernel.at(0.0) < 8.0 && at(0.0) < 8.0, "{name}: fits the margin of sums");
            for i in [0, 1, 255, 510] {
                let (here, next) = (kernel.along(i as f64 / LAST), kernel.along((i + 1) as f64 / LAST));
                let found = at((i as f64 + 0.25) / LAST);
                assert!((found - (0.75 * here + 0.25 * next)).abs() <= 1e-13 * here, "{name} {i}");
            }
            assert_eq!([1.0, 1.5, 1e300, f64::INFINITY, f64::NAN].map(at), [0.0; 5], "{name}");
            assert_eq!(Kernel::from_name(name), Some(kernel));
            assert_eq!(kernel.name(), name);
        }
    }
}
