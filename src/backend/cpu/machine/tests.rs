//! Programs in strips, compared with every step run alone over all of its elements.

use super::*;
use crate::DType;
use crate::ops::elementwise::{Op, Operand};

/// A small generator (splitmix).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

fn apply(program: &mut Program, name: &str, args: &[Register]) -> Register {
    let op = Op::from_name(name).unwrap();
    let operands: Vec<_> = args.iter().map(|&r| Operand::Strong(program.dtype(r))).collect();
    let signature = op.signature(&operands).unwrap();
    let args = args
        .iter()
        .zip(&signature.args)
        .map(|(&from, &to)| match program.dtype(from) == to {
            true => from,
            false => push(program, Step::Cast { from, to }),
        })
        .collect();
    push(program, Step::Apply { op, args, signature })
}

fn push(program: &mut Program, step: Step) -> Register {
    program.steps.push(step);
    program.steps.len() as Register - 1
}

/// Steps of every kind, most of them arithmetic; each reads what was made lately, so that chains form.
fn random_program(random: &mut Random) -> Program {
    let mut program =
        Program { inputs: vec![DType::F32, DType::F64, DType::F32, DType::I16], ..Default::default() };
    for i in 0..program.inputs.len() {
        push(&mut program, Step::Input(i as u32));
    }
    for _ in 0..3 + random.below(12) {
        let count = program.steps.len();
        let recent = random.below(2) == 0;
        let mut pick = || {
            (if recent { count - 1 - random.below(count.min(3)) } else { random.below(count) }) as Register
        };
        let (a, b) = (pick(), pick());
        match random.below(10) {
            0 => push(&mut program, Step::Const(Scalar::F32(1.25))),
            1 => push(&mut program, Step::Const(Scalar::F64(-0.7))),
            2 => apply(&mut program, "sqrt", &[a]),
            n => apply(&mut program, ["add", "subtract", "multiply", "divide"][n % 4], &[a, b]),
        };
    }
    let count = program.steps.len();
    program.outputs = (0..1 + random.below(3)).map(|_| random.below(count) as Register).collect();
    program.outputs.push(count as Register - 1);
    program.validate().unwrap();
    program
}

fn inputs(program: &Program, n: usize, random: &mut Random) -> Vec<Buffer> {
    let of = |dtype: &DType| {
        let mut buffer = Buffer::zeroed(n * dtype.size());
        for element in buffer.chunks_exact_mut(dtype.size()) {
            let v = random.next();
            match dtype {
                // Some NaNs and infinities among them.
                _ if v.is_multiple_of(7) => element.copy_from_slice(&v.to_ne_bytes()[8 - element.len()..]),
                DType::F32 => element.copy_from_slice(&((v >> 40) as f32 * 1e-6 - 4.0).to_ne_bytes()),
                DType::F64 => element.copy_from_slice(&((v >> 11) as f64 * 1e-15 - 4.0).to_ne_bytes()),
                _ => element.copy_from_slice(&v.to_ne_bytes()[..element.len()]),
            }
        }
        buffer
    };
    program.inputs.iter().map(of).collect()
}

/// Every register, each step alone.
fn step_by_step(program: &Program, inputs: &[Buffer], n: usize) -> Vec<Buffer> {
    let mut made: Vec<Buffer> = Vec::new();
    for (k, step) in program.steps.iter().enumerate() {
        let mut out = Buffer::zeroed(n * program.dtype(k as Register).size());
        let args: Vec<&[u8]> = program.args(k).iter().map(|&r| &made[r as usize][..]).collect();
        match step {
            Step::Input(i) => out.copy_from_slice(&inputs[*i as usize]),
            Step::Const(v) => {
                let v = v.to_bytes();
                out.chunks_exact_mut(v.len()).for_each(|c| c.copy_from_slice(&v));
            }
            Step::Cast { from, to } => {
                elementwise::cast(program.dtype(*from), *to, Simd::BASELINE).run(&args, &mut out);
            }
            Step::Apply { op, signature, .. } => {
                op.kernel(signature, Simd::BASELINE).run(&args, &mut out);
            }
        }
        made.push(out);
    }
    made
}

#[test]
fn programs_in_strips_have_the_bits_of_steps_alone() {
    let mut random = Random(7);
    let mut fused = 0;
    for _ in 0..300 {
        let program = random_program(&mut random);
        fused += schedule(&program).iter().filter(|t| t.first.is_some()).count();
        let n = [1, 63, 511, 512, 513, 1025, TILE - 1, TILE][random.below(8)];
        let inputs = inputs(&program, n, &mut random);
        let expected = step_by_step(&program, &inputs, n);
        let inputs: Vec<&[u8]> = inputs.iter().map(|b| &b[..]).collect();
        for simd in Simd::available() {
            let mut machine = Machine::new(&program, simd);
            // The second time with what the first left behind.
            for _ in 0..2 {
                machine.run(&inputs, n);
                for (o, &r) in program.outputs.iter().enumerate() {
                    let got = machine.output(o, &inputs, n);
                    assert!(got == &expected[r as usize][..], "output {o} at {}: {program:?}", simd.name());
                }
            }
        }
    }
    assert!(fused > 300, "{fused} pairs");
}

/// sqrt(a * a + 1) * 2 - 1 takes three loops instead of five.
#[test]
fn a_chain_of_arithmetic_is_done_in_pairs() {
    let mut p = Program { inputs: vec![DType::F32], ..Default::default() };
    let a = push(&mut p, Step::Input(0));
    let [one, two] = [1.0, 2.0].map(|v| push(&mut p, Step::Const(Scalar::F32(v))));
    let x = apply(&mut p, "multiply", &[a, a]);
    let x = apply(&mut p, "add", &[one, x]);
    let x = apply(&mut p, "sqrt", &[x]);
    let x = apply(&mut p, "multiply", &[x, two]);
    let x = apply(&mut p, "subtract", &[x, one]);
    p.outputs = vec![x];
    let todo = schedule(&p);
    assert_eq!(todo.iter().map(|t| t.first.is_some()).collect::<Vec<_>>(), [true, false, true]);
    // Two slots of a strip, an output of a tile, two constants of a strip (counted as 8 bytes each).
    assert_eq!(Machine::bytes(&p), (2 * 4 * 1024 + 4 * TILE + 2 * 8 * 1024) as u64);
}

#[test]
fn a_result_that_two_want_is_made_once() {
    let mut p = Program { inputs: vec![DType::F64], ..Default::default() };
    let a = push(&mut p, Step::Input(0));
    let x = apply(&mut p, "add", &[a, a]);
    let square = apply(&mut p, "multiply", &[x, x]);
    let y = apply(&mut p, "subtract", &[square, a]);
    // An output is stored, whoever else wants it.
    p.outputs = vec![y, square];
    assert!(schedule(&p).iter().all(|t| t.first.is_none()));
    assert_eq!(schedule(&p).len(), 3);
}
