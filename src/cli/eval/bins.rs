//! The bins of results that are profiles: their edges are computed in the same run, and say where its values are.

use super::asked::Wanted;
use super::print::of;
use crate::cli::render::Of;
use chunkwise::expr::Output;
use chunkwise::{Array, AxisBins, Error, ErrorKind, Result, Target, Value};

/// The bins that all axes of an array are; nothing for one with other axes.
pub fn bins_of(array: &Array) -> Result<Vec<AxisBins>> {
    let bins = array.axis_bins()?;
    Ok(if bins.len() == array.ndim()? { bins } else { Vec::new() })
}

/// The bins of each result.
pub struct ResultBins {
    axes: Vec<Vec<AxisBins>>,
}

impl ResultBins {
    /// Those of all results; of what is no profile none.
    ///
    /// # Errors
    /// As [`Array::check`].
    pub fn of(wanted: &[Wanted]) -> Result<ResultBins> {
        let axes = wanted.iter().map(|w| match &w.output {
            Output::Array(array) => {
                let named = |axis: AxisBins| {
                    let edges = axis.edges.made_by(&format!("bins of {}", w.label));
                    AxisBins { edges, ..axis }
                };
                Ok(bins_of(array)?.into_iter().map(named).collect())
            }
            _ => Ok(Vec::new()),
        });
        Ok(ResultBins { axes: axes.collect::<Result<_>>()? })
    }

    /// What is computed after the results: the edges.
    pub fn targets(&self) -> impl Iterator<Item = &dyn Target> {
        self.axes.iter().flatten().map(|axis| &axis.edges as &dyn Target)
    }

    /// What the results are of, with the edges that were computed, which are taken from the end of `values`.
    ///
    /// # Errors
    /// `Internal` if the edges are not there.
    pub fn describe(&self, wanted: &[Wanted], values: &mut Vec<Value>) -> Result<Vec<Of>> {
        let mut edges = values.split_off(wanted.len().min(values.len())).into_iter();
        let mut axis = |axis: &AxisBins| {
            let lost = || Error::new(ErrorKind::Internal, "the edges of a profile are not there");
            let edges = edges.next().ok_or_else(lost)?.as_array()?.as_slice::<f64>()?.to_vec();
            Ok((axis.name().map(String::from), edges))
        };
        // Of what is not shown there are none.
        let described = |(w, axes): (&Wanted, &Vec<AxisBins>)| {
            let axes = axes.iter().map(&mut axis).collect::<Result<Vec<_>>>()?;
            Ok(of(&w.output).binned(axes))
        };
        wanted.iter().zip(&self.axes).map(described).collect()
    }
}
