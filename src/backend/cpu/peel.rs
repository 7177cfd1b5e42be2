//! Leaves out logarithms that only choose a histogram's bins: those are found from their arguments.

use crate::ops::histogram::LogOf;
use crate::ops::kernel::{Kernel, Terminal};
use crate::ops::program::{Program, Register, Step};
use crate::ops::simd::Simd;

/// A kernel's program without the logarithms, and for each output the one that it wants taken.
pub(super) fn peel(kernel: &Kernel, simd: Simd) -> (Program, Vec<Option<LogOf>>) {
    let mut program = kernel.program.clone();
    let mut logs = vec![None; program.outputs.len()];
    for terminal in &kernel.terminals {
        let Terminal::Histogram { spec, coords, .. } = terminal else { continue };
        for (&output, edges) in coords.iter().zip(spec.edges()) {
            let register = program.outputs[output];
            let Step::Apply { op, args, signature } = &program.steps[register as usize] else { continue };
            let (&[argument], dtype) = (&args[..], signature.out) else { continue };
            if program.dtype(argument) != dtype || uses(kernel, &program, output) != 1 {
                continue;
            }
            if let Some(log) = LogOf::new(*op, dtype, edges, simd) {
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
    let terminals = kernel.terminals.iter().map(|t| match t {
        Terminal::Collect { from } => usize::from(*from == output),
        Terminal::Reduce { values, weights, mask, .. } => {
            [Some(*values), *weights, *mask].iter().filter(|&&o| o == Some(output)).count()
        }
        Terminal::Histogram { coords, weights, mask, .. } => {
            let others = [*weights, *mask].iter().filter(|&&o| o == Some(output)).count();
            coords.iter().filter(|&&o| o == output).count() + others
        }
    });
    (steps + outputs).max(terminals.sum())
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
