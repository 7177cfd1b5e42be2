//! Leaves out logarithms that only choose bins: those are found from their arguments.

use crate::ops::histogram::LogOf;
use crate::ops::kernel::Kernel;
use crate::ops::program::{Program, Register, Step};
use crate::ops::simd::Simd;

/// A kernel's program without the logarithms, and for each output the one that it wants taken.
pub(super) fn peel(kernel: &Kernel, simd: Simd) -> (Program, Vec<Option<LogOf>>) {
    let mut program = kernel.program.clone();
    let mut logs = vec![None; program.outputs.len()];
    for terminal in &kernel.terminals {
        for (port, &output) in terminal.ports.iter().enumerate() {
            let register = program.outputs[output];
            let Step::Apply { op, args, signature } = &program.steps[register as usize] else { continue };
            let (&[argument], dtype) = (&args[..], signature.out) else { continue };
            // A constant that goes out is as long as a tile, and so would be all others.
            let constant = matches!(program.steps[argument as usize], Step::Const(_));
            if constant || program.dtype(argument) != dtype || uses(kernel, &program, output) != 1 {
                continue;
            }
            if let Some(log) = terminal.ready.takes_log(port, *op, dtype, simd) {
                logs[output] = Some(log);
                program.outputs[output] = argument;
                remove(&mut program, register);
            }
        }
    }
    (program, logs)
}

/// How many steps, outputs and terminals want what this output holds.
fn uses(kernel: &Kernel, program: &Program, output: usize) -> usize {
    let register = program.outputs[output];
    let steps = (0..program.steps.len()).flat_map(|n| program.args(n)).filter(|&&r| r == register).count();
    let outputs = program.outputs.iter().filter(|&&r| r == register).count();
    let ports = kernel.terminals.iter().flat_map(|t| &t.ports).filter(|&&o| o == output).count();
    (steps + outputs).max(ports)
}

/// Takes out a step that nothing reads.
fn remove(program: &mut Program, register: Register) {
    program.steps.remove(register as usize);
    let down = |r: &mut Register| *r -= Register::from(*r > register);
    for step in &mut program.steps {
        match step {
            Step::Input(_) | Step::Const(_) => {}
            Step::Cast { from, .. } => down(from),
            Step::Apply { args, .. } => args.iter_mut().for_each(down),
        }
    }
    program.outputs.iter_mut().for_each(down);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::machine::Machine;
    use crate::ops::elementwise::{Op, Operand};
    use crate::ops::fold::HistogramFold;
    use crate::ops::histogram::{Edges, HistogramSpec};
    use crate::ops::kernel::Terminal;
    use crate::{DType, Scalar};

    fn apply(program: &mut Program, name: &str, args: &[Register]) -> Register {
        let op = Op::from_name(name).unwrap();
        let operands: Vec<_> = args.iter().map(|&r| Operand::Strong(program.dtype(r))).collect();
        let signature = op.signature(&operands).unwrap();
        program.steps.push(Step::Apply { op, args: args.into(), signature });
        program.steps.len() as Register - 1
    }

    /// Adds steps; gives the outputs.
    type Make = fn(&mut Program) -> Vec<Register>;

    /// A 1-D histogram of output 0, and the other outputs collected.
    fn kernel(program: Program) -> Kernel {
        let edges = Edges::uniform(-3.0, 1.0, 100).unwrap();
        let spec = HistogramSpec::new(vec![edges], vec![DType::F32], None).unwrap();
        let collect = (1..program.outputs.len()).map(|o| Terminal::collect(&program, o, 1).unwrap());
        let histogram = Terminal::new(HistogramFold::of(&spec, 1).unwrap(), &[0]).unwrap();
        let terminals = std::iter::once(histogram).chain(collect).collect();
        Kernel { terminals, program }
    }

    #[test]
    fn what_is_left_is_valid_and_takes_no_more_memory() {
        let start = || {
            let steps = vec![Step::Input(0), Step::Const(Scalar::F32(2.0)), Step::Const(Scalar::F32(3.0))];
            Program { inputs: vec![DType::F32], steps, outputs: Vec::new() }
        };
        let cases: [(Make, bool); 5] = [
            (|p| vec![apply(p, "log10", &[0])], true),
            (
                |p| {
                    let product = apply(p, "multiply", &[0, 1]);
                    let log = apply(p, "log", &[product]);
                    vec![log, apply(p, "add", &[product, 2])]
                },
                true,
            ),
            (|p| vec![apply(p, "log10", &[1])], false),
            (
                |p| {
                    let log = apply(p, "log2", &[0]);
                    vec![log, apply(p, "sqrt", &[log])]
                },
                false,
            ),
            (|p| vec![apply(p, "sqrt", &[0])], false),
        ];
        for (make, goes) in cases {
            let mut program = start();
            program.outputs = make(&mut program);
            let kernel = kernel(program);
            let (left, logs) = peel(&kernel, Simd::best());
            left.validate().unwrap();
            assert_eq!(logs[0].is_some(), goes);
            assert_eq!(left.steps.len() + usize::from(goes), kernel.program.steps.len());
            assert!(Machine::bytes(&left) <= Machine::bytes(&kernel.program));
        }
    }
}
