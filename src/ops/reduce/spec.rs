//! A row with its dtypes and options, checked.

use super::rows::{Family, Reduction, Row};
use crate::dtype::{DType, Kind, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::ops::exact::Term;
use serde::{Deserialize, Serialize};

/// A reduction of arrays of given dtypes with given options, valid by NumPy's rules.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", into = "Unchecked")]
pub struct ReduceSpec {
    reduction: Reduction,
    inputs: Vec<DType>,
    dtype: Option<DType>,
    /// A float64.
    ddof: Scalar,
    has_mask: bool,
    compute: DType,
    out: DType,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    reduction: Reduction,
    inputs: Vec<DType>,
    #[serde(default)]
    dtype: Option<DType>,
    ddof: Scalar,
    #[serde(rename = "where")]
    has_mask: bool,
}

impl TryFrom<Unchecked> for ReduceSpec {
    type Error = Error;
    fn try_from(u: Unchecked) -> Result<ReduceSpec> {
        let spec = ReduceSpec::new(u.reduction, &u.inputs)?.with_ddof(u.ddof.to_f64())?;
        let spec = if u.has_mask { spec.with_mask()? } else { spec };
        match u.dtype {
            Some(dtype) => spec.with_dtype(dtype),
            None => Ok(spec),
        }
    }
}

impl From<ReduceSpec> for Unchecked {
    fn from(s: ReduceSpec) -> Unchecked {
        Unchecked {
            reduction: s.reduction,
            inputs: s.inputs,
            dtype: s.dtype,
            ddof: s.ddof,
            has_mask: s.has_mask,
        }
    }
}

impl ReduceSpec {
    /// `reduction` of arrays of the dtypes `inputs`, without options.
    ///
    /// # Errors
    /// `Value` if the number of inputs is not the row's.
    pub fn new(reduction: Reduction, inputs: &[DType]) -> Result<ReduceSpec> {
        let row = reduction.row();
        if inputs.len() != row.inputs {
            return Err(Error::new(
                ErrorKind::Value,
                format!("{} takes {} array(s), not {}", row.name, row.inputs, inputs.len()),
            ));
        }
        let (compute, out) = dtypes(row, inputs);
        let ddof = Scalar::F64(0.0);
        Ok(ReduceSpec {
            reduction,
            inputs: inputs.to_vec(),
            dtype: None,
            ddof,
            has_mask: false,
            compute,
            out,
        })
    }

    /// With `dtype=`: the result's dtype, and the one in which values count.
    ///
    /// # Errors
    /// `Type` if the row takes none, or a mean, a variance or a deviation is asked to be no float. Any
    /// other cast is allowed, also from float to integer, as in NumPy.
    pub fn with_dtype(mut self, dtype: DType) -> Result<ReduceSpec> {
        let row = self.row();
        let refuse = |message: String| Err(Error::new(ErrorKind::Type, message).at("operation", row.name));
        if !row.takes_dtype {
            return refuse(format!("{} takes no dtype=", row.name));
        }
        let from = self.inputs[0];
        let fraction = matches!(row.family, Family::Mean | Family::Var | Family::Std);
        if fraction && !dtype.is_float() {
            return refuse(format!("{} has a float result, not {dtype}", row.name));
        }
        // Values that keep their value in the cast need not be cast before they are summed exactly.
        self.compute = if row.family != Family::Prod && is_lossless(from, dtype) { from } else { dtype };
        self.out = dtype;
        self.dtype = Some(dtype);
        Ok(self)
    }

    /// With `ddof=`, a finite number that is not negative; it need not be whole.
    ///
    /// # Errors
    /// `Value` otherwise, and for a row that takes none unless it is 0.
    pub fn with_ddof(mut self, ddof: f64) -> Result<ReduceSpec> {
        let row = self.row();
        if !ddof.is_finite() || ddof < 0.0 {
            return Err(Error::new(
                ErrorKind::Value,
                format!("ddof must be finite and not negative, not {ddof}"),
            )
            .at("operation", row.name));
        }
        if ddof != 0.0 && !row.takes_ddof {
            return Err(Error::new(ErrorKind::Value, format!("{} takes no ddof=", row.name)));
        }
        // + 0.0 makes −0 the same as 0
        self.ddof = Scalar::F64(ddof + 0.0);
        Ok(self)
    }

    /// With `where=`: a mask comes with each tile.
    ///
    /// # Errors
    /// `Value` if the row takes none.
    pub fn with_mask(mut self) -> Result<ReduceSpec> {
        if !self.row().takes_where {
            return Err(Error::new(ErrorKind::Value, format!("{} takes no where=", self.row().name)));
        }
        self.has_mask = true;
        Ok(self)
    }

    /// The reduction.
    pub fn reduction(&self) -> Reduction {
        self.reduction
    }

    /// Its row.
    pub fn row(&self) -> &'static Row {
        self.reduction.row()
    }

    /// The dtypes of the arrays.
    pub fn inputs(&self) -> &[DType] {
        &self.inputs
    }

    /// The `dtype=` option.
    pub fn dtype(&self) -> Option<DType> {
        self.dtype
    }

    /// The `ddof=` option; 0 unless given.
    pub fn ddof(&self) -> f64 {
        self.ddof.to_f64()
    }

    /// Whether there is a mask.
    pub fn has_mask(&self) -> bool {
        self.has_mask
    }

    /// The dtype of tiles: the caller casts values to it first (a no-op unless `dtype=` narrows or
    /// rounds, or `average` promotes).
    pub fn compute_dtype(&self) -> DType {
        self.compute
    }

    /// The dtype of the weights in tiles, where the row has weights.
    pub fn weights_dtype(&self) -> Option<DType> {
        (self.inputs.len() == 2).then_some(self.compute)
    }

    /// The dtype of the result.
    pub fn out_dtype(&self) -> DType {
        self.out
    }

    /// The most bytes that a [`State`](super::State) holds per output.
    pub fn bytes_per_output(&self) -> u64 {
        let float = self.compute.is_float();
        let (term, product) = self.terms();
        let (value, square) = if float { (term.bytes_per_sum(), product.bytes_per_sum()) } else { (16, 24) };
        match self.row().family {
            Family::Sum => value,
            Family::Mean => value + 8,
            Family::Var | Family::Std => value + square + 8,
            Family::Average => value + square + 8,
            Family::Min | Family::Max => 9,
            Family::ArgMin | Family::ArgMax => 17,
            Family::Prod if float => 56,
            Family::Prod => 16,
            Family::Any | Family::Count => 8,
            Family::All => 16,
        }
    }

    /// The most bytes that a narrow [`State`](super::State) of so many outputs takes, and finishing it; nothing where
    /// there is no such form.
    pub fn narrow_bytes(&self, outputs: u64) -> Option<u64> {
        let float = self.compute.is_float();
        let (term, product) = self.terms();
        let bytes = |term: Term| term.narrow_bytes(outputs).filter(|_| float);
        let sums = match self.row().family {
            Family::Sum | Family::Mean => bytes(term)?,
            Family::Var | Family::Std | Family::Average => bytes(term)?.saturating_add(bytes(product)?),
            _ => return None,
        };
        let count = if self.row().family == Family::Sum { 0 } else { 4 };
        Some(sums.saturating_add(outputs.saturating_mul(count + self.out.size() as u64)))
    }

    /// The terms of the values and of their products.
    pub(super) fn terms(&self) -> (Term, Term) {
        match self.compute {
            DType::F64 => (Term::F64, Term::F64Product),
            DType::F16 | DType::F32 => (Term::F32, Term::F32Product),
            _ => (Term::Int, Term::IntProduct),
        }
    }
}

/// (compute, out) without options.
fn dtypes(row: &Row, inputs: &[DType]) -> (DType, DType) {
    let d = inputs[0];
    let float = if d.is_float() { d } else { DType::F64 };
    match row.family {
        Family::Sum | Family::Prod => {
            let out = match d.kind() {
                Kind::Float => d,
                Kind::UInt => DType::U64,
                Kind::Int | Kind::Bool => DType::I64,
            };
            (d, out)
        }
        Family::Mean | Family::Var | Family::Std => (d, float),
        Family::Average => {
            let out = inputs[1..].iter().fold(float, |d, &w| d.promote(w));
            (out, out)
        }
        Family::Min | Family::Max => (d, d),
        Family::ArgMin | Family::ArgMax | Family::Count => (d, DType::I64),
        Family::Any | Family::All => (d, DType::Bool),
    }
}

/// Whether every value of `from` is one of `to`.
fn is_lossless(from: DType, to: DType) -> bool {
    let bits = |d: DType| match d {
        DType::Bool => 1,
        DType::F16 => 11,
        DType::F32 => 24,
        DType::F64 => 53,
        d => 8 * d.size() as u32,
    };
    match (from.kind(), to.kind()) {
        (Kind::Bool, _) => true,
        (a, b) if a == b => bits(from) <= bits(to),
        (Kind::UInt, Kind::Int) => bits(from) < bits(to),
        // float16 ends at 65504
        (Kind::UInt | Kind::Int, Kind::Float) => bits(from) <= bits(to),
        _ => false,
    }
}
