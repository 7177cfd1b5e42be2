//! The sums of all pixels of images.

use super::fixed::Four;
use super::window::Window;
use crate::error::{Error, ErrorKind, Result};

/// Pixels that are computed at once.
pub const LANES: usize = 4;

/// The sums of all pixels, image after image; rows of whole groups.
#[derive(Clone, Debug)]
pub struct Pixels {
    window: Window,
    /// The middles of all columns.
    pub(super) columns: Vec<[f64; LANES]>,
    /// Groups of an image.
    pub(super) area: usize,
    pub(super) sums: Vec<Four>,
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
    pub fn count(&self) -> usize {
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
