//! Medians and quantiles of fields in an object.

use super::asked::Asked;
use super::data::{Column, Data};
use crate::error::Result;
use crate::{Array, Index, Over, QuantileMethod, Session};

/// Quantiles of a column: how many elements they are of, and the quantiles.
pub struct Quantiles {
    /// The column.
    pub column: Column,
    /// How many elements there are.
    pub count: Array,
    /// A number for each share.
    pub values: Vec<Array>,
}

impl Data {
    /// Quantiles of a field, or its median, in its own unit. Without weights they are NumPy's, which lie between two elements where a share
    /// falls between them; with weights each is the least element up to which the elements have that share of the weights.
    ///
    /// # Errors
    /// Those of the fields; of finding what is in the object, where there are weights.
    pub(super) fn quantiles(
        &self,
        field: &str,
        shares: Option<&[f64]>,
        weight: Option<&str>,
        session: &Session,
    ) -> Result<Quantiles> {
        let column = self.column(&Asked::read(field)?)?;
        let count = match &column.mask {
            Some(mask) => mask.count_nonzero(),
            None => Array::scalar(i64::try_from(column.array.size()?).unwrap_or(i64::MAX)),
        };
        let all = match weight {
            None => {
                let over = column.mask.as_ref().map_or(Over::all(), |mask| Over::all().mask(mask));
                let Some(shares) = shares else {
                    let values = vec![column.array.median_with(over)];
                    return Ok(Quantiles { column, count, values });
                };
                column.array.quantile_with(shares, QuantileMethod::default(), over)
            }
            Some(weight) => {
                let weight = self.weight(&column, weight)?;
                let shares = shares.unwrap_or(&[0.5]);
                // They are sorted together, so only those are gathered that are in the object.
                let [array, weight] = match &column.mask {
                    Some(mask) => {
                        let at = session.flatnonzero(mask)?;
                        [&column.array, &weight].map(|a| a.ravel().take(&at, 0))
                    }
                    None => [column.array.ravel(), weight.ravel()],
                };
                if array.size()? == 0 {
                    return Ok(Quantiles {
                        column,
                        count,
                        values: vec![Array::scalar(f64::NAN); shares.len()],
                    });
                }
                array.quantile_with(shares, QuantileMethod::InvertedCdf, Over::all().weights(&weight))
            }
        };
        let many = shares.map_or(1, <[f64]>::len);
        let values = (0..many as i64).map(|n| all.index([Index::At(n)])).collect();
        Ok(Quantiles { column, count, values })
    }
}
