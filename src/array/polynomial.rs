//! Polynomials as NumPy's `poly…` functions have them: coefficients along one axis, that of the highest power first.

use super::{Array, Index, Over, attempt, concatenate};
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::grid::show_shape as show;
use std::panic::Location;

impl Array {
    /// The number of coefficients.
    fn coefficients(&self) -> Result<u64> {
        match self.shape()? {
            &[n] => Ok(n),
            shape => {
                let message = format!("coefficients of shape {}", show(shape));
                Err(Error::new(ErrorKind::Shape, message).hint("give a list"))
            }
        }
    }

    /// Zeros before its coefficients, so that there are `n`.
    #[track_caller]
    fn of_degree(&self, n: u64) -> Array {
        let (own, dtype) = (attempt!("polyadd", self.coefficients()), attempt!("polyadd", self.dtype()));
        match n.saturating_sub(own) {
            0 => self.clone(),
            more => concatenate(&[Array::zeros(&[more], dtype), self.clone()], 0),
        }
    }

    /// `numpy.polyadd`: the sum of two polynomials.
    ///
    /// Errors, when it is computed: `Shape` for other than one axis.
    #[track_caller]
    pub fn polyadd(&self, other: &Array) -> Array {
        let n = attempt!("polyadd", self.coefficients()).max(attempt!("polyadd", other.coefficients()));
        self.of_degree(n) + other.of_degree(n)
    }

    /// `numpy.polysub`: the difference of two polynomials.
    ///
    /// Errors, when it is computed: as [`Array::polyadd`].
    #[track_caller]
    pub fn polysub(&self, other: &Array) -> Array {
        let n = attempt!("polysub", self.coefficients()).max(attempt!("polysub", other.coefficients()));
        self.of_degree(n) - other.of_degree(n)
    }

    /// `numpy.polyder`: the `m`-th derivative of a polynomial.
    ///
    /// Errors, when it is computed: as [`Array::polyadd`].
    #[track_caller]
    pub fn polyder(&self, m: u64) -> Array {
        let n = attempt!("polyder", self.coefficients());
        (0..m)
            .fold((self.clone(), n), |(p, n), _| {
                let n = n.saturating_sub(1);
                (p.index([Index::from(..n as i64)]) * Array::arange_int(n as i64, 0, -1), n)
            })
            .0
    }

    /// `numpy.polyint`: the `m`-th integral of a polynomial, whose constants are those of `k`: one for each time, the
    /// first first; or one for all. Floats.
    ///
    /// Errors, when it is computed: as [`Array::polyadd`]; `Value` for another number of constants.
    #[track_caller]
    pub fn polyint(&self, m: u64, k: &[f64]) -> Array {
        let n = attempt!("polyint", self.coefficients());
        if k.len() != 1 && k.len() as u64 != m {
            let e = Error::new(ErrorKind::Value, format!("{} constants for {m} integrations", k.len()));
            let e = e.hint("give one, or as many as there are integrations");
            return Array::from_draft("polyint", Err(e), Location::caller());
        }
        let constant = |at: u64| k.get(at as usize).or(k.first()).copied().unwrap_or(0.0);
        (0..m).fold(self.clone(), |p, at| {
            let powers = Array::arange_int((n + at) as i64, 0, -1);
            concatenate(&[p / powers, Array::scalar(constant(at)).expand_dims(0)], 0)
        })
    }

    /// `numpy.vander`: the powers 0 to `n` − 1 of each element, in rows; the highest first, unless they are `increasing`. Of
    /// integers int64 or wider.
    ///
    /// Errors, when it is computed: `Shape` for other than one axis.
    #[track_caller]
    pub fn vander(&self, n: u64, increasing: bool) -> Array {
        let rows = attempt!("vander", self.coefficients());
        let dtype = attempt!("vander", self.dtype()).promote(DType::I64);
        let mut columns = vec![Array::ones(&[rows, n.min(1)], dtype)];
        if n > 1 {
            let factors = self.cast(dtype).expand_dims(1).broadcast_to(&[rows, n - 1]);
            columns.push(factors.cumprod_with(Over::axis(1)));
        }
        let powers = concatenate(&columns, 1);
        if increasing { powers } else { powers.flip(&[1]) }
    }
}
