//! Every elementwise row and every cast: the CPU's bits, and the exact result's. And, without an
//! adapter, that the library is valid and that every row has its functions.

mod access;
mod data;
mod oracle;
mod table;

use super::{collected_bytes, context, run, run_kernel};
use crate::backend::gpu::Abilities;
use crate::backend::gpu::library;
use crate::buffer::Buffer;
use crate::dtype::{DType, Scalar, Weak};
use crate::ops::elementwise::{self, Events, Op, Operand, Signature};
use crate::ops::kernel::{Kernel, Terminal};
use crate::ops::program::{Program, Step};
use crate::ops::simd::Simd;
use data::{columns, random};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Rows of floats with shaders and tests (`math`) of their own: long algorithms and divisions.
pub fn is_elsewhere(op: Op, signature: &Signature) -> bool {
    let file = op.wgsl(signature).unwrap().file;
    signature.args[0].is_float() && (file == "division" || file.starts_with("math_"))
}

/// Every signature that a row can have.
fn signatures(op: Op) -> Vec<Signature> {
    let all = || DType::ALL.into_iter().map(Operand::Strong);
    let huge = Operand::Weak(Weak::Int(1 << 64));
    let mut operands: Vec<Vec<Operand>> = match op.arity() {
        1 => all().map(|a| vec![a]).collect(),
        2 => all().flat_map(|a| all().map(move |b| vec![a, b])).collect(),
        _ => all().map(|a| vec![Operand::Strong(DType::Bool), a, a]).collect(),
    };
    if op.arity() == 2 {
        operands.extend(all().flat_map(|a| [vec![a, huge], vec![huge, a]]));
    }
    let mut found: Vec<Signature> = Vec::new();
    for operands in &operands {
        if let Ok(signature) = op.signature(operands)
            && !found.contains(&signature)
        {
            found.push(signature);
        }
    }
    found
}

/// The storage bits as a register holds them.
fn register(d: DType, v: u64) -> u64 {
    match d {
        DType::I8 => v as u8 as i8 as u32 as u64,
        DType::I16 => v as u16 as i16 as u32 as u64,
        _ => v,
    }
}

fn bytes(d: DType, column: &[u64]) -> Buffer {
    let mut out = Buffer::zeroed(column.len() * d.size());
    for (o, v) in out.chunks_exact_mut(d.size()).zip(column) {
        o.copy_from_slice(&v.to_le_bytes()[..d.size()]);
    }
    out
}

fn elements(d: DType, bytes: &[u8]) -> Vec<u64> {
    let word = |c: &[u8]| c.iter().rev().fold(0u64, |v, &b| v << 8 | b as u64);
    bytes.chunks_exact(d.size()).map(word).collect()
}

/// Expressions over `x0`, `x1`, … of these dtypes, and their results' dtypes.
type Calls = [(String, DType)];

/// What the device gives for every expression and element: its register, and what it noticed.
fn evaluate(args: &[DType], calls: &Calls, columns: &[Vec<u64>]) -> Vec<Vec<(u64, u32)>> {
    let context = context().unwrap();
    let len = columns[0].len();
    let mut data: Vec<u8> = Vec::new();
    let mut params = vec![len as u32];
    for (d, column) in args.iter().zip(columns) {
        data.resize(data.len().next_multiple_of(256), 0);
        params.push((data.len() / d.size()) as u32);
        data.extend_from_slice(&bytes(*d, column));
    }
    data.resize(data.len().next_multiple_of(16), 0);
    let library = library::text(&context.abilities());
    let mut results = Vec::new();
    // A few pipelines for many rows.
    for calls in calls.chunks(16) {
        let mut source = library.clone();
        let _ = write!(
            source,
            "@group(0) @binding(4) var<storage, read_write> out: array<u32>;
            @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{
                if (id.x >= params[0]) {{ return; }}
                var at = id.x * {}u;\n",
            3 * calls.len()
        );
        for (k, d) in args.iter().enumerate() {
            let _ = writeln!(source, "let x{k} = load_{d}(params[{}u] + id.x);", k + 1);
        }
        for (expression, out) in calls {
            let _ = writeln!(source, "{{ noticed = 0u; let r = {expression};");
            source.push_str(match out.size() {
                8 => "out[at] = low64(r); out[at + 1u] = high64(r); ",
                _ => "out[at] = r; out[at + 1u] = 0u; ",
            });
            source.push_str("out[at + 2u] = noticed; at += 3u; }\n");
        }
        source.push_str("}\n");
        let inputs: [&[u8]; 4] = [bytemuck::cast_slice(&params), &data, &data, &[0; 16]];
        let groups = [len.div_ceil(64) as u32, 1, 1];
        let out = run(&context, &source, &inputs, 12 * calls.len() * len, groups);
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&out);
        for k in 0..calls.len() {
            let of = |row: &[u32]| (row[3 * k] as u64 | (row[3 * k + 1] as u64) << 32, row[3 * k + 2]);
            results.push(words.chunks_exact(3 * calls.len()).map(of).collect());
        }
    }
    results
}

fn x(n: usize) -> Vec<String> {
    (0..n).map(|k| format!("x{k}")).collect()
}

/// The rows that the adapter takes, by the dtypes of their arguments.
fn rows(abilities: &Abilities) -> BTreeMap<Vec<DType>, Vec<(Op, Signature)>> {
    let mut out: BTreeMap<Vec<DType>, Vec<(Op, Signature)>> = BTreeMap::new();
    for op in Op::all() {
        for signature in signatures(op) {
            let usable = table::refusal(op, &signature, abilities).is_none();
            if usable && !is_elsewhere(op, &signature) {
                out.entry(signature.args.to_vec()).or_default().push((op, signature));
            }
        }
    }
    out
}

/// The whole part of a float; 0 of what has none.
fn whole(dtype: DType, bits: u64) -> u64 {
    let whole = |v: f64| if v.is_finite() { v.trunc() } else { 0.0 };
    match dtype {
        DType::F16 => half::f16::from_f64(whole(half::f16::from_bits(bits as u16).to_f64())).to_bits().into(),
        DType::F32 => (whole(f32::from_bits(bits as u32).into()) as f32).to_bits().into(),
        _ => whole(f64::from_bits(bits)).to_bits(),
    }
}

/// The rows of some arguments with what they are given: what ldexp multiplies by is a power of a whole number, which
/// an integer became.
fn given(args: &[DType], rows: Vec<(Op, Signature)>, columns: Vec<Vec<u64>>) -> Vec<Given> {
    let (powers, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(op, _)| *op == Op::LDEXP);
    let mut of_whole = columns.clone();
    if let [_, exponents] = &mut of_whole[..] {
        exponents.iter_mut().for_each(|bits| *bits = whole(args[1], *bits));
    }
    let both = [(others, columns), (powers, of_whole)];
    both.into_iter().filter(|(rows, _)| !rows.is_empty()).collect()
}

type Given = (Vec<(Op, Signature)>, Vec<Vec<u64>>);

#[test]
fn every_row_gives_the_exact_bits_of_the_cpu() {
    let Some(context) = context() else { return };
    let mut seed = 1;
    let (mut checked, mut defined) = (0, 0);
    let all = rows(&context.abilities()).into_iter().flat_map(|(args, rows)| {
        let columns = columns(&args, &mut seed);
        given(&args, rows, columns).into_iter().map(move |given| (args.clone(), given))
    });
    for (args, (rows, columns)) in all {
        let calls: Vec<(String, DType)> =
            rows.iter().map(|(op, s)| (library::call(*op, s, &x(args.len())), s.out)).collect();
        let results = evaluate(&args, &calls, &columns);
        let stored: Vec<Buffer> = args.iter().zip(&columns).map(|(d, c)| bytes(*d, c)).collect();
        let stored: Vec<&[u8]> = stored.iter().map(|b| &**b).collect();
        for ((op, signature), results) in rows.iter().zip(results) {
            let mut cpu = Buffer::zeroed(results.len() * signature.out.size());
            let events = op.kernel(signature, Simd::BASELINE).run(&stored, &mut cpu);
            let mut noticed = 0;
            for (i, (cpu, (got, event))) in elements(signature.out, &cpu).into_iter().zip(results).enumerate()
            {
                let args_here: Vec<u64> = columns.iter().map(|c| c[i]).collect();
                let what = || format!("{} {signature} of {args_here:x?}", op.name());
                // What has no exact arithmetic here is held to NumPy's values below.
                let exact = oracle::row(op.name(), &args, &args_here);
                defined += exact.is_some() as usize;
                let (expected, expected_event) = exact.unwrap_or((cpu, event));
                assert_eq!(cpu, expected, "the CPU: {}", what());
                assert_eq!(got, register(signature.out, expected), "{:x} {:x}: {}", got, expected, what());
                assert_eq!(event, expected_event, "{}", what());
                noticed |= event;
                checked += 1;
            }
            assert_eq!(Events::from_bits(noticed), events, "{} {signature}", op.name());
        }
    }
    assert!(checked > 1_000_000 && defined > 1_000_000, "{checked} {defined}");
}

/// What NumPy has for a row: for every dtype that it computes in, its special arguments (all pairs of them), and
/// the results. The arguments and the results as elements.
fn golden(op: Op) -> Vec<(Signature, Vec<Vec<u64>>, Vec<u64>)> {
    const VALUES: &str = include_str!("../../../../tests/goldens/elementwise_values.json");
    let values: serde_json::Value = serde_json::from_str(VALUES).unwrap();
    let bytes = |v: &serde_json::Value| -> Option<Vec<u8>> {
        let hex = v.as_str()?;
        Some((0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect())
    };
    let kind = if op.arity() == 1 { "unary" } else { "binary" };
    let of = |(c, d): (char, DType)| {
        let signature = op.signature(&vec![Operand::Strong(d); op.arity()]).ok()?;
        let results = elements(signature.out, &bytes(&values[kind][format!("{op} {c}")])?);
        let column = elements(d, &bytes(&values["in"][c.to_string()]).unwrap());
        let n = column.len();
        let columns = match op.arity() {
            1 => vec![column],
            _ => [n, 1].map(|step| (0..n * n).map(|i| column[i / step % n]).collect()).to_vec(),
        };
        (signature.args.iter().all(|&a| a == d)).then_some((signature, columns, results))
    };
    "?bhiqBHIQefd".chars().zip(DType::ALL).filter_map(of).collect()
}

#[test]
fn rows_without_exact_arithmetic_give_numpys_values() {
    let Some(context) = context() else { return };
    for op in Op::all() {
        let defined = |s: &Signature| oracle::row(op.name(), &s.args, &vec![0; op.arity()]).is_some();
        let open: Vec<Signature> =
            signatures(op).into_iter().filter(|s| !is_elsewhere(op, s) && !defined(s)).collect();
        let golden = golden(op);
        for signature in &open {
            let found = golden.iter().find(|g| g.0 == *signature);
            let (_, columns, expected) = found.unwrap_or_else(|| panic!("{op} {signature} has no golden"));
            if table::refusal(op, signature, &context.abilities()).is_some() {
                continue;
            }
            let calls = [(library::call(op, signature, &x(op.arity())), signature.out)];
            let got = evaluate(&signature.args, &calls, columns).remove(0);
            for (i, (&(got, event), &expected)) in got.iter().zip(expected).enumerate() {
                let args: Vec<u64> = columns.iter().map(|c| c[i]).collect();
                assert_eq!(
                    (got, event),
                    (register(signature.out, expected), 0),
                    "{op} {signature} {args:x?}"
                );
            }
            assert_eq!(got.len(), expected.len());
        }
    }
}

#[test]
fn every_cast_gives_the_exact_bits_of_the_cpu() {
    let Some(context) = context() else { return };
    let mut seed = 2;
    let mut casts = 0;
    for from in DType::ALL {
        let usable = |d: DType| d.size() < 8 || context.abilities().int64;
        let to: Vec<DType> = DType::ALL.into_iter().filter(|&to| usable(from) && usable(to)).collect();
        let columns = columns(&[from], &mut seed);
        let calls: Vec<(String, DType)> = to.iter().map(|&to| (library::cast(from, to, "x0"), to)).collect();
        let results = evaluate(&[from], &calls, &columns);
        let stored = bytes(from, &columns[0]);
        for (to, results) in to.into_iter().zip(results) {
            let mut cpu = Buffer::zeroed(results.len() * to.size());
            elementwise::cast(from, to, Simd::BASELINE).run(&[&stored], &mut cpu);
            for ((&v, cpu), (got, event)) in columns[0].iter().zip(elements(to, &cpu)).zip(results) {
                let expected = oracle::cast(from, to, v);
                assert_eq!(cpu, expected, "the CPU: {from} to {to} of {v:x}");
                assert_eq!(got, register(to, expected), "{got:x} {expected:x}: {from} to {to} of {v:x}");
                assert_eq!(event, 0);
            }
            casts += 1;
        }
    }
    assert_eq!(casts, if context.abilities().int64 { 144 } else { 81 });
}

#[test]
fn a_kernel_of_several_outputs_uses_casts_constants_and_events() {
    let Some(context) = context() else { return };
    if !context.abilities().int64 {
        return;
    }
    let apply = |name: &str, args: [u32; 2], dtype: DType| {
        let op = Op::from_name(name).unwrap();
        let signature = op.signature(&[Operand::Strong(dtype); 2]).unwrap();
        Step::Apply { op, args: args.into_iter().collect(), signature }
    };
    let program = Program {
        inputs: vec![DType::I8, DType::I64],
        steps: vec![
            Step::Input(0),
            Step::Input(1),
            Step::Cast { from: 0, to: DType::I64 },
            apply("floor_divide", [1, 2], DType::I64),
            Step::Const(Scalar::I8(-3)),
            apply("multiply", [0, 4], DType::I8),
            Step::Const(Scalar::I64(-(1 << 40))),
            apply("bitwise_xor", [1, 6], DType::I64),
            Step::Cast { from: 7, to: DType::F16 },
            apply("power", [0, 4], DType::I8),
        ],
        outputs: vec![3, 5, 8, 9],
    };
    let a: Vec<i8> = (0..1001).map(|i| (i * 7) as i8).collect();
    let b: Vec<i64> = (0..1001).map(|i| i * 1_000_003 - (1 << 40)).collect();
    let inputs: [&[u8]; 2] = [bytemuck::cast_slice(&a), bytemuck::cast_slice(&b)];
    let of = |outputs: std::ops::Range<usize>| {
        let terminals = outputs.map(|o| Terminal::collect(&program, o, 3).unwrap()).collect();
        let kernel = Kernel { program: program.clone(), terminals };
        run_kernel(&context, &kernel, &[7, 11, 13], &inputs).unwrap()
    };
    let (states, events) = of(0..3);
    assert_eq!(events, Events::DIVIDE_BY_ZERO);
    let collected = |n: usize| collected_bytes(&*states[n]).to_vec();
    let quotients = a.iter().zip(&b).map(|(&a, &b)| match a {
        0 => 0,
        a => num_integer::Integer::div_floor(&b, &(a as i64)),
    });
    assert_eq!(bytemuck::pod_collect_to_vec::<u8, i64>(&collected(0)), quotients.collect::<Vec<_>>());
    let thrice: Vec<i8> = a.iter().map(|&a| a.wrapping_mul(-3)).collect();
    assert_eq!(bytemuck::pod_collect_to_vec::<u8, i8>(&collected(1)), thrice);
    let halves = b.iter().map(|&b| oracle::cast(DType::I64, DType::F16, (b ^ -(1 << 40)) as u64) as u16);
    assert_eq!(bytemuck::pod_collect_to_vec::<u8, u16>(&collected(2)), halves.collect::<Vec<_>>());
    let (_, events) = of(3..4);
    assert_eq!(events, Events::NEGATIVE_POWER);
    assert!(events.check().is_err());
}
