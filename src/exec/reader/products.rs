//! Tiles of products: by the device that is to multiply, or else by the CPU.

use crate::backend::{Backend, Product};
use crate::dtype::DType;
use crate::exec::measured::TaskCounts;
use crate::exec::report::Fallback;
use std::collections::HashMap;

/// A worker's products.
#[derive(Default)]
pub struct Products {
    /// Those of the device that are not under way.
    pub(super) kept: Vec<(DType, Box<dyn Product>)>,
    /// Tiles, by where they were computed. Reading a block again counts again.
    pub tiles: TaskCounts,
    /// Tiles that the CPU computed although a device was to, and why.
    pub fallbacks: Vec<Fallback>,
    /// Why products of a dtype are left to the CPU from now on.
    given_up: HashMap<DType, String>,
}

impl Products {
    /// What is kept for later tasks; what was counted is not.
    pub(super) fn rest(self) -> Products {
        Products { kept: self.kept, given_up: self.given_up, ..Products::default() }
    }

    /// A product of the device that is not under way: inside a factor there may be another product.
    pub(super) fn take(
        &mut self,
        device: &dyn Backend,
        dtype: DType,
        most: [usize; 3],
    ) -> std::result::Result<Box<dyn Product>, String> {
        if let Some(why) = self.given_up.get(&dtype) {
            return Err(why.clone());
        }
        match self.kept.iter().position(|(d, _)| *d == dtype) {
            Some(i) => Ok(self.kept.swap_remove(i).1),
            None => device.product(dtype, most),
        }
    }

    /// The CPU does what the device could not, which is not asked again for this dtype.
    pub(super) fn fall_back(&mut self, dtype: DType, reason: String) {
        match self.fallbacks.iter_mut().find(|f| f.reason == reason) {
            Some(fallback) => fallback.tasks += 1,
            None => self.fallbacks.push(Fallback { reason: reason.clone(), tasks: 1 }),
        }
        self.given_up.insert(dtype, reason);
    }
}
