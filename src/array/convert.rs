//! From what Rust has to arrays; functions of one element.

use super::Array;
use crate::dtype::Element;
use crate::feeds::BlockFunction;
use ndarray::{ArrayBase, Dimension, OwnedRepr};

impl<T: Element, D: Dimension> From<ArrayBase<OwnedRepr<T>, D>> for Array {
    /// As [`Array::from_ndarray`].
    #[track_caller]
    fn from(array: ArrayBase<OwnedRepr<T>, D>) -> Array {
        Array::from_ndarray(array)
    }
}

impl<T: Element> From<Vec<T>> for Array {
    /// An array of one axis, which keeps the elements where they are.
    #[track_caller]
    fn from(elements: Vec<T>) -> Array {
        Array::from_ndarray(ndarray::Array1::from_vec(elements))
    }
}

impl Array {
    /// What a function makes of each element, on the CPU; `name` is what it is called in plans and errors. An array of
    /// another dtype than `T` is an error: nothing is converted silently.
    ///
    /// ```
    /// use chunkwise::{Array, Session};
    /// # fn main() -> chunkwise::Result<()> {
    /// let x = Array::from(vec![1.0_f64, 4.0, 9.0]);
    /// let halves = x.map("half of the root", |x: f64| (x.sqrt() / 2.0) as f32);
    /// assert_eq!(Session::new()?.compute(&halves.sum())?.item::<f32>()?, 3.0);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Errors, when it is computed: `Type` for another dtype; a panic of the function, with its name and the block.
    #[track_caller]
    pub fn map<T: Element, U: Element>(
        &self,
        name: &str,
        function: impl Fn(T) -> U + Send + Sync + 'static,
    ) -> Array {
        let each = BlockFunction::new(name, move |block| {
            let x = block.input::<T>(0)?;
            ndarray::Zip::from(block.output::<U>()?).and(x).for_each(|to, &x| *to = function(x));
            Ok(())
        });
        self.map_blocks(&each.dtype(U::DTYPE))
    }
}
