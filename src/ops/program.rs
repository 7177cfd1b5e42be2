//! A fused chain of elementwise operations, as plain data.
//!
//! A [`Program`] is a list of steps in single-assignment form: each makes one register from inputs,
//! constants or earlier registers, and some registers are its outputs. A backend runs all of it over
//! a few thousand elements at a time, so that no intermediate array is ever made.

use super::elementwise::{Op, Signature};
use super::simd::Simd;
use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The register that step number `n` makes is register `n`.
pub type Register = u32;

/// One step of a program.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Step {
    /// The elements of an input.
    Input(u32),
    /// One value for every element.
    Const(Scalar),
    /// Another dtype for a register.
    Cast {
        /// The register.
        from: Register,
        /// Its new dtype.
        to: DType,
    },
    /// A row of the elementwise table. The registers have the signature's dtypes.
    Apply {
        /// The row.
        op: Op,
        /// Its arguments.
        args: SmallVec<[Register; 3]>,
        /// The dtypes of arguments and result.
        signature: Signature,
    },
}

/// Steps, and which of their registers go out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The dtype of each input.
    pub inputs: Vec<DType>,
    /// The steps, each after those it uses.
    pub steps: Vec<Step>,
    /// The registers that are the program's outputs.
    pub outputs: Vec<Register>,
}

impl Program {
    /// The dtype of a register.
    pub fn dtype(&self, register: Register) -> DType {
        match &self.steps[register as usize] {
            Step::Input(i) => self.inputs[*i as usize],
            Step::Const(v) => v.dtype(),
            Step::Cast { to, .. } => *to,
            Step::Apply { signature, .. } => signature.out,
        }
    }

    /// The registers that a step reads.
    pub fn args(&self, step: usize) -> &[Register] {
        match &self.steps[step] {
            Step::Input(_) | Step::Const(_) => &[],
            Step::Cast { from, .. } => std::slice::from_ref(from),
            Step::Apply { args, .. } => args,
        }
    }

    /// If the program only hands on one input as it is, that input.
    pub fn as_identity(&self) -> Option<usize> {
        match (self.outputs.as_slice(), self.inputs.len()) {
            (&[r], 1) => match self.steps[r as usize] {
                Step::Input(i) => Some(i as usize),
                _ => None,
            },
            _ => None,
        }
    }

    /// Checks what a program from elsewhere could have wrong: registers that do not exist yet,
    /// dtypes that do not fit their signature, signatures that their operation does not have.
    ///
    /// # Errors
    /// `Format` that names the step.
    pub fn validate(&self) -> Result<()> {
        let wrong = |step: usize, what: &str| {
            Err(Error::new(ErrorKind::Format, format!("the program is not valid: {what}")).at("step", step))
        };
        for (n, step) in self.steps.iter().enumerate() {
            if self.args(n).iter().any(|&r| r as usize >= n) {
                return wrong(n, "a step uses a register that is not made yet");
            }
            match step {
                Step::Input(i) if *i as usize >= self.inputs.len() => return wrong(n, "no such input"),
                Step::Apply { op, args, signature } => {
                    let fits = args.len() == signature.args.len()
                        && args.iter().zip(&signature.args).all(|(&r, &d)| self.dtype(r) == d);
                    if !fits {
                        return wrong(n, &format!("the arguments of '{}' do not have its dtypes", op.name()));
                    }
                    if !op.gives(signature) {
                        return wrong(n, &format!("'{}' does not give {}", op.name(), signature.out));
                    }
                    op.try_kernel(signature, Simd::BASELINE).map_err(|e| e.at("step", n))?;
                }
                _ => {}
            }
        }
        match self.outputs.iter().any(|&r| r as usize >= self.steps.len()) {
            true => wrong(self.steps.len(), "an output that no step makes"),
            false => Ok(()),
        }
    }

    /// The step as text, for `explain`: `%3 = sqrt(%2) float32`.
    pub fn describe(&self, step: usize) -> String {
        let what = match &self.steps[step] {
            Step::Input(i) => format!("input {i}"),
            Step::Const(v) => v.to_string(),
            Step::Cast { from, .. } => format!("cast(%{from})"),
            Step::Apply { op, args, .. } => {
                let args: Vec<_> = args.iter().map(|r| format!("%{r}")).collect();
                format!("{}({})", op.name(), args.join(", "))
            }
        };
        format!("%{step} = {what} {}", self.dtype(step as Register))
    }
}
