//! Tiles of products: by the device that is to multiply, or else by the CPU.

use super::made::Making;
use crate::backend::{Backend, Product};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::exec::report::{Fallback, TaskCounts};
use crate::feeds::Tile;
use std::collections::HashMap;

/// A worker's products.
#[derive(Default)]
pub struct Products {
    /// Those of the device that are not under way.
    kept: Vec<(DType, Box<dyn Product>)>,
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
    fn take(
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
    fn fall_back(&mut self, dtype: DType, reason: String) {
        match self.fallbacks.iter_mut().find(|f| f.reason == reason) {
            Some(fallback) => fallback.tasks += 1,
            None => self.fallbacks.push(Fallback { reason: reason.clone(), tasks: 1 }),
        }
        self.given_up.insert(dtype, reason);
    }
}

impl Making<'_, '_> {
    /// Has a tile computed. A device that failed is not asked again for this dtype.
    pub(super) fn product_tile(&mut self, dtype: DType, most: [usize; 3], tile: &mut Tile) -> Result<()> {
        if let Some(device) = self.reader.cx.products {
            let why = match self.reader.products.take(device, dtype, most) {
                Err(why) => why,
                Ok(mut product) => match tile(self, product.as_mut())? {
                    Ok(()) => {
                        let products = &mut self.reader.products;
                        products.kept.push((dtype, product));
                        products.tiles.gpu += 1;
                        return Ok(());
                    }
                    Err(e) if e.kind() == ErrorKind::Device => e.to_string(),
                    Err(e) => return Err(e),
                },
            };
            if self.reader.cx.must_multiply {
                return Err(Error::new(ErrorKind::Device, why));
            }
            self.reader.products.fall_back(dtype, why);
        }
        let own = self.reader.cx.cpu.product(dtype, most);
        let mut own = own.map_err(|why| Error::new(ErrorKind::Internal, why))?;
        tile(self, own.as_mut())??;
        self.reader.products.tiles.cpu += 1;
        Ok(())
    }
}
