//! WGSL for a program: one element's outputs from its operands' bits.
//!
//! Every register holds an element's bits, never a float, so that no compiler can reason about NaN:
//! `u32` for dtypes of up to 32 bits (bool is 0 or 1, narrow integers are extended to 32 bits by
//! their sign, float16 is its 16 bits), `u64` for those of 64. A row's function takes and gives
//! such bits; the functions are in `shaders/`, named by [`Op::wgsl`](crate::ops::elementwise::Op).
//!
//! The generated text has `struct Outs { o0, o1, … }`, a member per output asked for;
//! `fn element(i: u32) -> Outs`; `struct Quad { a, b, c, d: Outs }` and `fn quad(i: u32) -> Quad` for
//! the elements `i .. i + 4`, where `i` is a multiple of 4 and all are within the block;
//! `const LEN_AT`, `const FAMILY_AT`: the positions in `params` of the block's length and of the
//! family's first word; and `fn report_events()`, to be called at the end of `main`.

use super::abilities::Abilities;
use super::layout::{Access, Bytes, Class, Layout};
use super::library;
use crate::DType;
use crate::ops::program::{Program, Register, Step};
use std::fmt::Write;

/// A program's outputs as code, on a device that can compute them.
pub struct Element {
    program: Program,
    outputs: Vec<usize>,
    /// Whether a step is needed for the outputs.
    live: Vec<bool>,
    library: String,
}

/// The WGSL type of a register.
pub fn register_type(dtype: DType) -> &'static str {
    if dtype.size() == 8 { "u64" } else { "u32" }
}

impl Element {
    /// The code of these outputs (positions in [`Program::outputs`]).
    ///
    /// # Errors
    /// Why this device cannot compute them right.
    pub fn new(program: &Program, outputs: &[usize], abilities: &Abilities) -> Result<Element, String> {
        let mut live = vec![false; program.steps.len()];
        outputs.iter().for_each(|&o| live[program.outputs[o] as usize] = true);
        for n in (0..live.len()).rev() {
            if live[n] {
                program.args(n).iter().for_each(|&r| live[r as usize] = true);
            }
        }
        for n in (0..live.len()).filter(|&n| live[n]) {
            library::check(program, n, abilities)?;
        }
        Ok(Element {
            program: program.clone(),
            outputs: outputs.to_vec(),
            live,
            library: library::text(abilities),
        })
    }

    /// The dtype of the `n`th output asked for.
    pub fn dtype(&self, n: usize) -> DType {
        self.program.dtype(self.register(n))
    }

    fn register(&self, n: usize) -> Register {
        self.program.outputs[self.outputs[n]]
    }

    fn steps(&self) -> impl Iterator<Item = (usize, &Step)> {
        self.program.steps.iter().enumerate().filter(|(n, _)| self.live[*n])
    }

    /// The inputs that are read.
    fn inputs(&self) -> Vec<usize> {
        let mut used: Vec<usize> = self
            .steps()
            .filter_map(|(_, step)| match step {
                Step::Input(i) => Some(*i as usize),
                _ => None,
            })
            .collect();
        used.sort_unstable();
        used.dedup();
        used
    }

    /// The first words of `params`: the layout's, then the program's constants.
    pub fn params(&self, layout: &Layout) -> Vec<u32> {
        let mut words = layout.words.clone();
        for (n, step) in self.steps() {
            let Step::Const(value) = step else { continue };
            let bits = library::bits(*value);
            words.push(bits as u32);
            if self.program.dtype(n as Register).size() == 8 {
                words.push((bits >> 32) as u32);
            }
        }
        words
    }

    /// The code for blocks of a layout: library, bindings 0 to 3, and the functions.
    pub fn code(&self, layout: &Layout) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out, layout);
        out
    }

    fn write(&self, out: &mut String, layout: &Layout) -> std::fmt::Result {
        out.push_str(&self.library);
        writeln!(out, "const LEN_AT: u32 = 0u;\nconst FAMILY_AT: u32 = {}u;", self.params(layout).len())?;
        let inputs = self.inputs();
        let mut word = 1;
        for (k, class) in layout.classes.iter().enumerate() {
            if inputs.contains(&k) {
                write_at(out, k, word, class.access)?;
                write_load(out, k, word + class.words() - 2, class.bytes, self.program.inputs[k])?;
            }
            word += class.words();
        }
        let members: Vec<String> =
            (0..self.outputs.len()).map(|n| format!("o{n}: {}", register_type(self.dtype(n)))).collect();
        writeln!(out, "struct Outs {{ {} }}", members.join(", "))?;
        let args: Vec<String> =
            inputs.iter().map(|&i| format!("x{i}: {}", register_type(self.program.inputs[i]))).collect();
        writeln!(out, "fn eval({}) -> Outs {{", args.join(", "))?;
        for (n, step) in self.steps() {
            let dtype = self.program.dtype(n as Register);
            let value = match step {
                Step::Input(i) => format!("x{i}"),
                Step::Const(_) => {
                    word += dtype.size().div_ceil(4);
                    match dtype.size() {
                        8 => format!("join64(params[{}u], params[{}u])", word - 2, word - 1),
                        _ => format!("params[{}u]", word - 1),
                    }
                }
                Step::Cast { from, to } => library::cast(self.program.dtype(*from), *to, &format!("r{from}")),
                Step::Apply { op, args, signature } => {
                    let args: Vec<String> = args.iter().map(|r| format!("r{r}")).collect();
                    library::call(*op, signature, &args)
                }
            };
            writeln!(out, "    let r{n}: {} = {value};", register_type(dtype))?;
        }
        let results: Vec<String> =
            (0..self.outputs.len()).map(|n| format!("r{}", self.register(n))).collect();
        writeln!(out, "    return Outs({});\n}}", results.join(", "))?;
        let loads: Vec<String> = inputs.iter().map(|&k| format!("load{k}(i)")).collect();
        writeln!(out, "fn element(i: u32) -> Outs {{ return eval({}); }}", loads.join(", "))?;
        self.write_quad(out, layout, &inputs)
    }

    fn write_quad(&self, out: &mut String, layout: &Layout, inputs: &[usize]) -> std::fmt::Result {
        writeln!(out, "struct Quad {{ a: Outs, b: Outs, c: Outs, d: Outs }}\nfn quad(i: u32) -> Quad {{")?;
        let mut lanes: [Vec<String>; 4] = Default::default();
        for &k in inputs {
            let dtype = self.program.inputs[k];
            let name = dtype.name();
            let Class { access, bytes } = layout.classes[k];
            let word = |at: String| match bytes {
                Bytes::Reversed => format!("reverse16(data[{at}])"),
                _ => format!("data[{at}]"),
            };
            let words = |at: String| match bytes {
                Bytes::Reversed => format!("reverse32x4(data4[{at}])"),
                _ => format!("data4[{at}]"),
            };
            match (access, bytes, dtype.size()) {
                (Access::Aligned, Bytes::Planes, 8) => {
                    writeln!(out, "    let p{k} = gather32x4(first{k}(), step{k}(), at{k}(i));")?;
                    writeln!(
                        out,
                        "    let q{k} = gather32x4(first{k}() + 4u * step{k}(), step{k}(), at{k}(i));"
                    )?;
                    for (l, c) in lanes.iter_mut().zip(["x", "y", "z", "w"]) {
                        l.push(format!("join64(p{k}.{c}, q{k}.{c})"));
                    }
                }
                (Access::Aligned, Bytes::Planes, size) => {
                    let bits = 8 * size;
                    writeln!(out, "    let q{k} = gather{bits}x4(first{k}(), step{k}(), at{k}(i));")?;
                    for (l, c) in lanes.iter_mut().zip(["x", "y", "z", "w"]) {
                        l.push(match size {
                            2 => format!("pick_{name}(q{k}.{c}, 0u)"),
                            _ => format!("q{k}.{c}"),
                        });
                    }
                }
                (Access::Aligned, _, 4) => {
                    writeln!(out, "    let q{k} = {};", words(format!("at{k}(i) >> 2u")))?;
                    lanes.iter_mut().zip(["x", "y", "z", "w"]).for_each(|(l, c)| l.push(format!("q{k}.{c}")));
                }
                (Access::Aligned, _, 8) => {
                    writeln!(out, "    let p{k} = {};", words(format!("at{k}(i) >> 1u")))?;
                    writeln!(out, "    let q{k} = {};", words(format!("(at{k}(i) >> 1u) + 1u")))?;
                    let order = match bytes {
                        Bytes::Reversed => [["y", "x"], ["w", "z"]],
                        _ => [["x", "y"], ["z", "w"]],
                    };
                    for (n, l) in lanes.iter_mut().enumerate() {
                        let (v, [low, high]) = (if n < 2 { "p" } else { "q" }, order[n % 2]);
                        l.push(format!("join64({v}{k}.{low}, {v}{k}.{high})"));
                    }
                }
                (Access::Aligned, _, 1) => {
                    writeln!(out, "    let q{k} = data[at{k}(i) >> 2u];")?;
                    (0..4).for_each(|n| lanes[n].push(format!("pick_{name}(q{k}, {n}u)")));
                }
                (Access::Aligned, _, _) => {
                    writeln!(out, "    let p{k} = {};", word(format!("at{k}(i) >> 1u")))?;
                    writeln!(out, "    let q{k} = {};", word(format!("(at{k}(i) >> 1u) + 1u")))?;
                    for (n, l) in lanes.iter_mut().enumerate() {
                        let word = if n < 2 { "p" } else { "q" };
                        l.push(format!("pick_{name}({word}{k}, {}u)", n % 2));
                    }
                }
                (Access::Constant, ..) => {
                    writeln!(out, "    let q{k} = load{k}(i);")?;
                    lanes.iter_mut().for_each(|l| l.push(format!("q{k}")));
                }
                _ => (0..4).for_each(|n| lanes[n].push(format!("load{k}(i + {n}u)"))),
            }
        }
        let calls: Vec<String> = lanes.iter().map(|l| format!("eval({})", l.join(", "))).collect();
        writeln!(out, "    return Quad({});\n}}", calls.join(", "))
    }
}

/// `fn at{k}(i)`: where operand `k` has its element `i`; its words begin at `word`.
fn write_at(out: &mut String, k: usize, word: usize, access: Access) -> std::fmt::Result {
    write!(out, "fn at{k}(i: u32) -> u32 {{ ")?;
    match access {
        Access::Constant => write!(out, "return params[{word}u];")?,
        Access::Contiguous | Access::Aligned => write!(out, "return params[{word}u] + i;")?,
        Access::Strided(rank) => {
            let rank = rank as usize;
            write!(out, "var left = i; var at = params[{word}u];")?;
            for d in (1..rank).rev() {
                let (len, stride) = (word + 1 + d, word + 1 + rank + d);
                write!(
                    out,
                    " at += (left % params[{len}u]) * params[{stride}u]; left = left / params[{len}u];"
                )?;
            }
            write!(out, " return at + left * params[{}u];", word + 1 + rank)?;
        }
    }
    writeln!(out, " }}")
}

/// `fn load{k}(i)`: the bits of operand `k`'s element `i`. In planes, the words of these are at `word`.
fn write_load(out: &mut String, k: usize, word: usize, bytes: Bytes, dtype: DType) -> std::fmt::Result {
    let name = dtype.name();
    let value = match (bytes, dtype.size()) {
        (Bytes::Plain, _) | (_, 1) => format!("load_{name}(at{k}(i))"),
        (Bytes::Reversed, 2) => format!("pick_{name}(reverse16(data[at{k}(i) >> 1u]), at{k}(i) & 1u)"),
        (Bytes::Reversed, 4) => format!("reverse32(data[at{k}(i)])"),
        (Bytes::Reversed, _) => {
            format!("join64(reverse32(data[2u * at{k}(i) + 1u]), reverse32(data[2u * at{k}(i)]))")
        }
        (Bytes::Planes, size) => {
            writeln!(out, "fn first{k}() -> u32 {{ return params[{word}u]; }}")?;
            writeln!(out, "fn step{k}() -> u32 {{ return params[{}u]; }}", word + 1)?;
            let gather = |bits: usize, first: &str| format!("gather{bits}({first}, step{k}(), at{k}(i))");
            match size {
                2 => format!("pick_{name}({}, 0u)", gather(16, &format!("first{k}()"))),
                4 => gather(32, &format!("first{k}()")),
                _ => format!(
                    "join64({}, {})",
                    gather(32, &format!("first{k}()")),
                    gather(32, &format!("first{k}() + 4u * step{k}()"))
                ),
            }
        }
    };
    writeln!(out, "fn load{k}(i: u32) -> {} {{ return {value}; }}", register_type(dtype))
}
