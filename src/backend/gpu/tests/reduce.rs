//! Reductions against the CPU's bits and against exact arithmetic on big integers.

use super::super::abilities::Abilities;
use super::super::layout::Layout;
use super::super::reduce::{Outputs, Reduce};
use super::super::runner::{GpuRunner, families};
use super::super::spirv;
use super::{context, one_row};
use crate::backend::cpu::CpuRunner;
use crate::backend::{Runner, gpu::Context};
use crate::dtype::{DType, Kind};
use crate::error::Result;
use crate::grid::{Region, c_strides, ravel, unravel};
use crate::ops::elementwise::Op;
use crate::ops::kernel::{Block, Kernel, Operand, Partial, Terminal};
use crate::ops::program::{Program, Step};
use crate::ops::reduce::{Family, Notes, ReduceSpec, Reduction};
use crate::ops::simd::Simd;
use crate::view::Placement;
use half::f16;
use num_bigint::{BigInt, BigUint, Sign};
use num_traits::{One, Signed, ToPrimitive, Zero};
use smallvec::SmallVec;
use std::sync::Arc;
use wgpu::naga;

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Kinds of data. Integers take from all of them but the last four what fits their bits.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    Uniform,
    Normal,
    Equal,
    Zeros,
    AllBits,
    Cancelling,
    Subnormal,
    Specials,
}

const CLASSES: [Class; 8] = [
    Class::Uniform,
    Class::Normal,
    Class::Equal,
    Class::Zeros,
    Class::AllBits,
    Class::Cancelling,
    Class::Subnormal,
    Class::Specials,
];

/// Sign, exponent and fraction bits of a float.
fn format(dtype: DType) -> (u32, u32) {
    match dtype {
        DType::F16 => (5, 10),
        DType::F32 => (8, 23),
        _ => (11, 52),
    }
}

fn float_bits(dtype: DType, v: f64) -> u64 {
    match dtype {
        DType::F16 => f16::from_f64(v).to_bits() as u64,
        DType::F32 => (v as f32).to_bits() as u64,
        _ => v.to_bits(),
    }
}

fn number(dtype: DType, bits: u64) -> f64 {
    match dtype {
        DType::F16 => f16::from_bits(bits as u16).to_f64(),
        DType::F32 => f32::from_bits(bits as u32) as f64,
        _ => f64::from_bits(bits),
    }
}

fn integer(dtype: DType, bits: u64) -> i128 {
    let shift = 64 - 8 * dtype.size() as u32;
    match dtype.kind() {
        Kind::Int => (((bits << shift) as i64) >> shift) as i128,
        _ => bits as i128,
    }
}

/// The bits of element `n` of a class.
fn value(random: &mut Random, dtype: DType, class: Class, n: usize) -> u64 {
    let mask = u64::MAX >> (64 - 8 * dtype.size() as u32);
    if dtype == DType::Bool {
        return match class {
            Class::Equal => 1,
            Class::Zeros => 0,
            _ => random.next() & 1,
        };
    }
    if !dtype.is_float() {
        return mask
            & match class {
                Class::Uniform | Class::Normal => (random.next() % 100) as i64 as u64,
                Class::Equal => 7,
                Class::Zeros => 0,
                Class::Cancelling => [u64::MAX, 1][n % 2],
                Class::Subnormal => [0, 1 << (8 * dtype.size() - 1), mask, mask >> 1][random.below(4)],
                _ => random.next(),
            };
    }
    let (exponent, fraction) = format(dtype);
    let infinity = ((1u64 << exponent) - 1) << fraction;
    let sign = 1u64 << (exponent + fraction);
    match class {
        Class::Uniform => float_bits(dtype, random.unit()),
        Class::Normal => float_bits(dtype, (0..6).map(|_| random.unit()).sum::<f64>() - 3.0),
        Class::Equal => float_bits(dtype, 0.1),
        Class::Zeros => (random.next() & 1) * sign,
        Class::AllBits => loop {
            let bits = random.next() & mask;
            if bits & infinity != infinity {
                return bits;
            }
        },
        Class::Cancelling => match n % 3 {
            2 => random.next() & (sign | 3),
            k => float_bits(dtype, 1e4 * (1.0 + (n / 3 % 5) as f64)) ^ (k as u64 * sign),
        },
        Class::Subnormal => random.next() & (sign | ((1 << fraction) - 1)),
        Class::Specials => match random.below(12) {
            0 => infinity,
            1 => infinity | sign,
            2 => infinity | (random.next() & sign) | 1 << random.below(fraction as usize),
            3 => random.next() & sign,
            _ => float_bits(dtype, random.unit() - 0.5),
        },
    }
}

/// One input: bits of its elements, in the order of its storage, and where the block's are.
#[derive(Clone)]
struct Input {
    dtype: DType,
    bits: Vec<u64>,
    placement: Placement,
}

impl Input {
    fn dense(dtype: DType, bits: Vec<u64>, shape: &[u64]) -> Input {
        Input { dtype, bits, placement: Placement { offset: 0, strides: c_strides(shape) } }
    }

    fn of_class(random: &mut Random, dtype: DType, class: Class, shape: &[u64]) -> Input {
        let len = shape.iter().product::<u64>() as usize;
        Input::dense(dtype, (0..len).map(|n| value(random, dtype, class, n)).collect(), shape)
    }

    fn bytes(&self) -> crate::buffer::Buffer {
        let size = self.dtype.size();
        let mut out = crate::buffer::Buffer::zeroed(self.bits.len() * size);
        for (o, b) in out.chunks_exact_mut(size).zip(&self.bits) {
            o.copy_from_slice(&b.to_le_bytes()[..size]);
        }
        out
    }

    fn at(&self, index: &[u64]) -> u64 {
        let steps = index.iter().zip(&self.placement.strides).map(|(&i, &s)| i as i64 * s);
        self.bits[(self.placement.offset + steps.sum::<i64>()) as usize]
    }
}

/// A reduction of inputs that a program hands on as they are: values, weights, mask.
fn reduce_kernel(spec: &ReduceSpec, reduced: &[bool]) -> Kernel {
    let mut inputs = vec![spec.compute_dtype()];
    inputs.extend(spec.weights_dtype());
    let weights = spec.weights_dtype().map(|_| 1);
    let mask = spec.has_mask().then_some(inputs.len());
    inputs.extend(mask.map(|_| DType::Bool));
    let steps = (0..inputs.len() as u32).map(Step::Input).collect();
    let outputs = (0..inputs.len() as u32).collect();
    let program = Program { inputs, steps, outputs };
    let terminal =
        Terminal::Reduce { spec: spec.clone(), values: 0, weights, mask, reduced: reduced.to_vec() };
    Kernel { program, terminals: vec![terminal] }
}

type Finished = std::result::Result<(Vec<u8>, Notes), String>;

fn finish(partial: &Partial) -> Finished {
    let Partial::Reduce(state) = partial else { panic!() };
    let mut out = vec![0; state.outputs() * state.spec().out_dtype().size()];
    state.finish(&mut out).map(|n| (out, n)).map_err(|e| e.to_string())
}

/// The finished results of both backends over blocks of a domain that are given one after the other.
fn both(
    context: &Arc<Context>,
    kernel: &Kernel,
    domain: &[u64],
    region: &Region,
    inputs: &[Input],
) -> Result<(Finished, Finished)> {
    let bytes: Vec<_> = inputs.iter().map(Input::bytes).collect();
    let operands: Vec<Operand> = inputs
        .iter()
        .zip(&bytes)
        .map(|(i, bytes)| Operand { bytes, placement: i.placement.clone() })
        .collect();
    let block = Block { region, domain };
    let run = |runner: &mut dyn Runner| -> Result<Finished> {
        let mut partials = vec![kernel.terminals[0].partial(&region.shape)?];
        runner.run(&block, &operands, &mut partials)?;
        Ok(finish(&partials[0]))
    };
    let mut gpu = GpuRunner::new(context, kernel, &context.abilities())?;
    let mut cpu = CpuRunner::new(kernel, Simd::best());
    Ok((run(&mut gpu)?, run(&mut cpu)?))
}

/// A ratio, or its square root, rounded once to nearest, ties to even. `den` is positive.
fn rounded(num: &BigInt, den: &BigInt, root: bool, dtype: DType) -> u64 {
    let (exponent, fraction) = format(dtype);
    let precision = fraction as i64 + 1;
    let lowest = 2 - (1i64 << (exponent - 1)) - fraction as i64;
    if num.is_zero() {
        return 0;
    }
    let sign = (num.is_negative() as u64) << (exponent + fraction);
    let (n, d): (BigUint, BigUint) = (num.magnitude().clone(), den.magnitude().clone());
    let about = (n.bits() as i64 - d.bits() as i64) / if root { 2 } else { 1 };
    let s = precision + 4 - about;
    let scale = if root { 2 * s } else { s };
    let (n, d) = if scale >= 0 { (n << scale as u64, d) } else { (n, d << (-scale) as u64) };
    let mut q = &n / &d;
    let mut sticky = &q * &d != n;
    if root {
        let r = q.sqrt();
        sticky |= &r * &r != q;
        q = r;
    }
    let unit = (q.bits() as i64 - s - precision).max(lowest);
    let cut = (unit + s) as u64;
    let mut m = &q >> cut;
    let rest = &q - (&m << cut);
    let half = BigUint::one() << (cut - 1);
    let odd = (&m & BigUint::one()).is_one();
    if rest > half || (rest == half && (sticky || odd)) {
        m += 1u8;
    }
    let m = m.to_u64().unwrap();
    let hidden = 1u64 << fraction;
    let bits = if m < hidden { m } else { (((unit - lowest + 1) as u64) << fraction) + (m - hidden) };
    sign | bits.min(((1 << exponent) - 1) << fraction)
}

/// The integer that a finite value is in units of 2^`low`.
fn exact(v: f64, low: i64) -> BigInt {
    let bits = v.to_bits();
    let field = (bits >> 52 & 0x7ff) as i64;
    let m = (bits & ((1 << 52) - 1)) | ((field != 0) as u64) << 52;
    let at = field.max(1) - 1075 - low;
    let m = if at >= 0 { BigUint::from(m) << at as u64 } else { BigUint::from(m) >> (-at) as u64 };
    BigInt::from_biguint(if v.is_sign_negative() { Sign::Minus } else { Sign::Plus }, m)
}

/// What one output must be, from its values in the order of their positions: bits, weight's bits,
/// position. `None` where there is no answer, or where only the CPU is asked.
fn expected(spec: &ReduceSpec, values: &[(u64, u64, u64)]) -> Option<u64> {
    let (dtype, out, row) = (spec.compute_dtype(), spec.out_dtype(), spec.row());
    let float = dtype.is_float();
    let is_nan = |bits: u64| float && number(dtype, bits).is_nan();
    let all: Vec<_> = values.iter().filter(|v| !(row.skips_nan && is_nan(v.0))).collect();
    let nonzero = |bits: u64| if float { number(dtype, bits) != 0.0 } else { bits != 0 };
    let n = all.len() as i64;
    let low = match (float, dtype) {
        (false, _) => 0,
        (_, DType::F64) => -1074,
        _ => -149,
    };
    let whole = |bits: u64| match float {
        true => exact(number(dtype, bits), low),
        false => BigInt::from(integer(dtype, bits)),
    };
    let is_finite = |bits: u64| !float || number(dtype, bits).is_finite();
    let nan = || float_bits(out, f64::NAN) & !(1 << (8 * out.size() - 1));
    let unit = BigInt::one() << (-low) as u64;
    match row.family {
        Family::Any => Some(all.iter().any(|v| nonzero(v.0)) as u64),
        Family::All => Some(all.iter().all(|v| nonzero(v.0)) as u64),
        Family::Count => Some(all.iter().filter(|v| nonzero(v.0)).count() as u64),
        Family::Min | Family::Max | Family::ArgMin | Family::ArgMax => {
            let arg = matches!(row.family, Family::ArgMin | Family::ArgMax);
            let largest = matches!(row.family, Family::Max | Family::ArgMax);
            let mut best = *all.first()?;
            for v in &all[1..] {
                if is_nan(best.0) {
                    break;
                }
                let (x, y) = match float {
                    true => (number(dtype, v.0), number(dtype, best.0)),
                    false => (0.0, 0.0),
                };
                let order = match float {
                    true if x.is_nan() => std::cmp::Ordering::Less,
                    true if x == 0.0 && y == 0.0 && !arg => x.total_cmp(&y),
                    true => x.partial_cmp(&y).unwrap(),
                    false => integer(dtype, v.0).cmp(&integer(dtype, best.0)),
                };
                let order = if largest && !(float && x.is_nan()) { order.reverse() } else { order };
                if order.is_lt() {
                    best = v;
                }
            }
            Some(match (arg, is_nan(best.0)) {
                (true, _) => best.2,
                (_, true) => nan(),
                _ => best.0,
            })
        }
        Family::Sum | Family::Mean if !all.iter().all(|v| is_finite(v.0)) => {
            let sum: f64 = all.iter().map(|v| number(dtype, v.0)).filter(|v| !v.is_finite()).sum();
            Some(if sum.is_nan() { nan() } else { float_bits(out, sum) })
        }
        Family::Sum => {
            let sum: BigInt = all.iter().map(|v| whole(v.0)).sum();
            match (float, out.is_float()) {
                (_, true) => Some(rounded(&sum, &unit, false, out)),
                _ => {
                    let v = sum.to_i128()?;
                    let fits =
                        if out == DType::U64 { u64::try_from(v).is_ok() } else { i64::try_from(v).is_ok() };
                    fits.then_some(v as u64)
                }
            }
        }
        Family::Mean if n == 0 => Some(nan()),
        Family::Mean => {
            let sum: BigInt = all.iter().map(|v| whole(v.0)).sum();
            Some(rounded(&sum, &(unit * n), false, out))
        }
        Family::Var | Family::Std => {
            let ddof = spec.ddof() as i64;
            if n <= ddof {
                return None;
            }
            if !all.iter().all(|v| is_finite(v.0)) {
                return Some(nan());
            }
            let sum: BigInt = all.iter().map(|v| whole(v.0)).sum();
            let squares: BigInt = all.iter().map(|v| whole(v.0) * whole(v.0)).sum();
            let num = squares * n - &sum * &sum;
            let den = &unit * &unit * (n * (n - ddof));
            Some(rounded(&num, &den, row.family == Family::Std, out))
        }
        Family::Average => {
            if n == 0 || !all.iter().all(|v| is_finite(v.0) && is_finite(v.1)) {
                return None;
            }
            let products: BigInt = all.iter().map(|v| whole(v.0) * whole(v.1)).sum();
            let weights: BigInt = all.iter().map(|v| whole(v.1)).sum();
            if weights.is_zero() {
                return None;
            }
            let (num, den) = if weights.is_negative() { (-products, -weights) } else { (products, weights) };
            Some(rounded(&num, &(den * unit), false, out))
        }
        Family::Prod => None,
    }
}

/// Names the first output that differs.
fn same(a: &Finished, b: &Finished, size: usize, what: &str) {
    if let (Ok((x, _)), Ok((y, _))) = (a, b) {
        let both = x.chunks(size).zip(y.chunks(size)).enumerate();
        let differ: Vec<_> = both.filter(|(_, (x, y))| x != y).collect();
        assert!(differ.is_empty(), "{what}: {} outputs differ, first {:x?}", differ.len(), differ[0]);
    }
    assert!(a == b, "{what}: {:?} {:?}", a.as_ref().err(), b.as_ref().err());
}

/// Runs a reduction on both backends, and compares with each other and with exact arithmetic.
fn check(
    context: &Arc<Context>,
    spec: &ReduceSpec,
    domain: &[u64],
    region: &Region,
    reduced: &[bool],
    inputs: &[Input],
) {
    let what = format!("{} {:?} {region} of {domain:?} {reduced:?}", spec.reduction(), spec.compute_dtype());
    let (gpu, cpu) = both(context, &reduce_kernel(spec, reduced), domain, region, inputs).unwrap();
    same(&gpu, &cpu, spec.out_dtype().size(), &what);
    let pick = |want: bool, v: &[u64]| -> SmallVec<[u64; 4]> {
        v.iter().zip(reduced).filter(|(_, r)| **r == want).map(|(&n, _)| n).collect()
    };
    let kept = pick(false, &region.shape);
    let mut values = vec![Vec::new(); kept.iter().product::<u64>() as usize];
    for i in 0..region.len() {
        let local = unravel(i, &region.shape);
        let global: Vec<u64> = local.iter().zip(&region.start).map(|(a, b)| a + b).collect();
        if spec.has_mask() && inputs[inputs.len() - 1].at(&local) == 0 {
            continue;
        }
        let weight = spec.weights_dtype().map_or(0, |_| inputs[1].at(&local));
        let position = ravel(&pick(true, &global), &pick(true, domain));
        values[ravel(&pick(false, &local), &kept) as usize].push((inputs[0].at(&local), weight, position));
    }
    let Ok((bytes, _)) = gpu else {
        assert!(values.iter().any(|v| expected(spec, v).is_none()), "{what}: {gpu:?}");
        return;
    };
    for (o, (got, v)) in bytes.chunks_exact(spec.out_dtype().size()).zip(&values).enumerate() {
        let mut all = [0; 8];
        all[..got.len()].copy_from_slice(got);
        if let Some(want) = expected(spec, v) {
            assert_eq!(u64::from_le_bytes(all), want, "{what}: output {o}, exact");
        }
    }
}

/// Inputs for a spec: values of a class, weights, a mask that lets three in four through.
fn inputs(random: &mut Random, spec: &ReduceSpec, class: Class, shape: &[u64]) -> Vec<Input> {
    let mut out = vec![Input::of_class(random, spec.compute_dtype(), class, shape)];
    if let Some(w) = spec.weights_dtype() {
        out.push(Input::of_class(random, w, Class::Uniform, shape));
    }
    if spec.has_mask() {
        let len = shape.iter().product::<u64>();
        let mask = (0..len).map(|_| (random.below(4) > 0) as u64).collect();
        out.push(Input::dense(DType::Bool, mask, shape));
    }
    out
}

fn specs(dtype: DType) -> Vec<ReduceSpec> {
    let rows = Reduction::all().filter(|r| r.row().family != Family::Prod);
    rows.map(|r| ReduceSpec::new(r, &vec![dtype; r.row().inputs]).unwrap()).collect()
}

/// Whether the device can have this dtype at all.
fn has(context: &Context, dtype: DType) -> bool {
    dtype.size() < 8 || context.abilities().int64
}

#[test]
fn every_row_and_dtype_is_exact() {
    let Some(context) = context() else { return };
    let mut random = Random(1);
    for dtype in DType::ALL.into_iter().filter(|&d| has(&context, d)) {
        for spec in specs(dtype) {
            for (n, class) in CLASSES.into_iter().enumerate() {
                if spec.reduction() == Reduction::Average && !dtype.is_float() && n > 2 {
                    continue;
                }
                let (shape, reduced) = match n % 2 {
                    0 => ([3, 81], [false, true]),
                    _ => ([90, 3], [true, false]),
                };
                let inputs = inputs(&mut random, &spec, class, &shape);
                check(&context, &spec, &shape, &Region::whole(&shape), &reduced, &inputs);
            }
        }
    }
}

fn spec(name: &str, dtype: DType) -> ReduceSpec {
    let row = Reduction::from_name(name).unwrap();
    ReduceSpec::new(row, &vec![dtype; row.row().inputs]).unwrap()
}

/// Every set of reduced axes, of blocks that are parts of their domain, with axes of length 1.
#[test]
fn every_set_of_axes_counts_positions_in_the_domain() {
    let Some(context) = context() else { return };
    let mut random = Random(2);
    let blocks: [(&[u64], &[u64], &[u64]); 6] = [
        (&[5, 4, 7], &[1, 0, 2], &[3, 4, 5]),
        (&[2, 1, 90], &[0, 0, 0], &[2, 1, 90]),
        (&[90, 1, 1], &[0, 0, 0], &[90, 1, 1]),
        (&[4, 70, 3], &[1, 1, 0], &[2, 69, 3]),
        (&[3, 2, 2, 3], &[0, 1, 0, 0], &[3, 1, 2, 3]),
        (&[], &[], &[]),
    ];
    for (domain, start, shape) in blocks {
        let region = Region { start: start.into(), shape: shape.into() };
        for set in 0..1 << domain.len() {
            let reduced: Vec<bool> = (0..domain.len()).map(|d| set >> d & 1 == 1).collect();
            for (name, dtype, class) in [
                ("sum", DType::F32, Class::Normal),
                ("argmin", DType::F32, Class::Uniform),
                ("argmax", DType::U8, Class::Cancelling),
                ("count_nonzero", DType::I16, Class::Cancelling),
            ] {
                let spec = spec(name, dtype);
                let inputs = inputs(&mut random, &spec, class, shape);
                check(&context, &spec, domain, &region, &reduced, &inputs);
            }
        }
    }
}

/// Long and short rows and columns, whose positions are spread over segments.
#[test]
fn long_and_short_axes() {
    let Some(context) = context() else { return };
    let mut random = Random(3);
    let shapes: [(&[u64], &[bool]); 12] = [
        (&[1], &[true]),
        (&[63], &[true]),
        (&[70_003], &[true]),
        (&[5, 70_001], &[false, true]),
        (&[5, 70_001], &[true, false]),
        (&[70_001, 5], &[true, false]),
        (&[20_001, 3], &[false, true]),
        (&[20_001, 1], &[false, true]),
        (&[1, 20_001], &[true, false]),
        (&[2, 3000, 5], &[true, false, true]),
        (&[9, 50, 33], &[false, true, false]),
        (&[300, 300], &[true, true]),
    ];
    for (shape, reduced) in shapes {
        for (name, dtype, class) in [
            ("sum", DType::F32, Class::AllBits),
            ("mean", DType::U8, Class::AllBits),
            ("argmax", DType::F32, Class::Normal),
        ] {
            let spec = spec(name, dtype);
            let inputs = inputs(&mut random, &spec, class, shape);
            check(&context, &spec, shape, &Region::whole(shape), reduced, &inputs);
        }
    }
    for (name, dtype) in
        [("var", DType::F32), ("std", DType::F64), ("var", DType::I32), ("nanargmin", DType::F64)]
    {
        if !has(&context, dtype) {
            continue;
        }
        for class in [Class::AllBits, Class::Normal] {
            let spec = spec(name, dtype);
            let inputs = inputs(&mut random, &spec, class, &[6, 6001]);
            for reduced in [[true, true], [false, true], [true, false]] {
                check(&context, &spec, &[6, 6001], &Region::whole(&[6, 6001]), &reduced, &inputs);
            }
        }
    }
}

#[test]
fn masks_and_options() {
    let Some(context) = context() else { return };
    let mut random = Random(4);
    for dtype in [DType::F32, DType::I8, DType::F64] {
        if !has(&context, dtype) {
            continue;
        }
        for one in specs(dtype).into_iter().filter(|s| s.row().takes_where) {
            let spec = one.with_mask().unwrap();
            for (class, shape, reduced) in [
                (Class::Specials, [4, 70], [false, true]),
                (Class::Normal, [70, 4], [true, false]),
                // Some outputs have no value at all.
                (Class::Uniform, [40, 1], [false, true]),
            ] {
                let inputs = inputs(&mut random, &spec, class, &shape);
                check(&context, &spec, &shape, &Region::whole(&shape), &reduced, &inputs);
            }
        }
        for name in ["var", "std", "nanvar"] {
            for ddof in [1.0, 9.0, 100.0] {
                let spec = spec(name, dtype).with_ddof(ddof).unwrap();
                let inputs = inputs(&mut random, &spec, Class::Normal, &[7, 9]);
                check(&context, &spec, &[7, 9], &Region::whole(&[7, 9]), &[false, true], &inputs);
            }
        }
    }
    // A result of another dtype.
    let wide = spec("sum", DType::F32).with_dtype(DType::F64).unwrap();
    let inputs = inputs(&mut random, &wide, Class::Normal, &[500]);
    check(&context, &wide, &[500], &Region::whole(&[500]), &[true], &inputs);
}

/// Operands that are backwards, transposed, the same everywhere, or repeated rows.
#[test]
fn operands_of_every_placement() {
    let Some(context) = context() else { return };
    let mut random = Random(5);
    let placements: [(i64, [i64; 2]); 6] =
        [(0, [97, 1]), (3, [97, 1]), (0, [1, 5]), (484, [-97, -1]), (7, [0, 0]), (1, [0, 2])];
    for dtype in [DType::F32, DType::I16, DType::F16, DType::U8, DType::F64] {
        if !has(&context, dtype) {
            continue;
        }
        for (offset, strides) in placements {
            for name in ["average", "nanmean", "argmin"] {
                let spec = spec(name, dtype);
                let compute = spec.compute_dtype();
                if !has(&context, compute) {
                    continue;
                }
                let bits = (0..500).map(|n| value(&mut random, compute, Class::Uniform, n)).collect();
                let placement = Placement { offset, strides: SmallVec::from_slice(&strides) };
                let mut inputs = inputs(&mut random, &spec, Class::Normal, &[5, 97]);
                inputs[0] = Input { dtype: compute, bits, placement };
                for reduced in [[true, true], [false, true], [true, false]] {
                    check(&context, &spec, &[5, 97], &Region::whole(&[5, 97]), &reduced, &inputs);
                }
            }
        }
    }
}

/// 2^25 ones: float32 additions one after the other stop at 2^24.
#[test]
fn a_sum_that_float32_cannot_count() {
    let Some(context) = context() else { return };
    let len = 1u64 << 25;
    for (v, name, want) in [(1f32, "mean", 1f32), (0.1, "sum", 0.1 * len as f32), (3.0, "std", 0.0)] {
        let placement = Placement { offset: 0, strides: SmallVec::from_slice(&[0]) };
        let input = Input { dtype: DType::F32, bits: vec![v.to_bits() as u64], placement };
        let kernel = reduce_kernel(&spec(name, DType::F32), &[true]);
        let (gpu, cpu) = both(&context, &kernel, &[len], &Region::whole(&[len]), &[input]).unwrap();
        assert_eq!(gpu, cpu);
        assert_eq!(gpu.unwrap().0, want.to_bits().to_le_bytes());
    }
}

/// a · b − c, then its sum: what is added are the float32 values of the chain.
#[test]
fn fused_chains_are_reduced() {
    let Some(context) = context() else { return };
    let product = one_row(Op::from_name("multiply").unwrap(), &[DType::F32; 2]);
    let difference = one_row(Op::from_name("subtract").unwrap(), &[DType::F32; 2]);
    let Step::Apply { op, signature, .. } = difference.steps[2].clone() else { panic!() };
    let mut program = product;
    program.inputs.push(DType::F32);
    program.steps.push(Step::Input(2));
    program.steps.push(Step::Apply { op, args: SmallVec::from_slice(&[2, 3]), signature });
    // The weights are one of its inputs, the values its result.
    program.outputs = vec![1, 4];
    let mut random = Random(6);
    let shape = [7u64, 333];
    let inputs: Vec<Input> =
        (0..3).map(|_| Input::of_class(&mut random, DType::F32, Class::Normal, &shape)).collect();
    let float = |i: usize, k: usize| f32::from_bits(inputs[i].bits[k] as u32);
    let result = (0..7 * 333).map(|k| (float(0, k) * float(1, k) - float(2, k)).to_bits() as u64).collect();
    let made = Input::dense(DType::F32, result, &shape);
    for reduced in [vec![true, true], vec![false, true], vec![true, false]] {
        for (name, weights) in [("sum", None), ("average", Some(0))] {
            let spec = spec(name, DType::F32);
            let terminal = Terminal::Reduce {
                spec: spec.clone(),
                values: 1,
                weights,
                mask: None,
                reduced: reduced.clone(),
            };
            let kernel = Kernel { program: program.clone(), terminals: vec![terminal] };
            let region = Region::whole(&shape);
            let (gpu, cpu) = both(&context, &kernel, &shape, &region, &inputs).unwrap();
            same(&gpu, &cpu, 4, name);
            let plain = [made.clone(), inputs[1].clone()];
            let plain = &plain[..1 + weights.is_some() as usize];
            let (again, _) = both(&context, &reduce_kernel(&spec, &reduced), &shape, &region, plain).unwrap();
            same(&gpu, &again, 4, name);
            check(&context, &spec, &shape, &region, &reduced, plain);
        }
    }
}

/// A device without anything that is not WebGPU's.
fn plain_abilities() -> Abilities {
    Abilities {
        int64: false,
        int64_atomics: false,
        float32: false,
        divide32: false,
        sqrt32: false,
        float64: false,
        subgroups: false,
        workgroup_bytes: 16 << 10,
        binding_bytes: 128 << 20,
        max_groups: 65535,
        off: Vec::new(),
    }
}

/// Every kernel is valid, and what a device cannot do is refused for a reason: no adapter is needed.
#[test]
fn every_source_is_valid() {
    let poor = plain_abilities();
    let rich = Abilities { int64: true, ..plain_abilities() };
    let mut refused = std::collections::BTreeSet::new();
    let mut seen = std::collections::HashSet::new();
    for dtype in DType::ALL {
        for row in Reduction::all() {
            let plain = ReduceSpec::new(row, &vec![dtype; row.row().inputs]).unwrap();
            let masked = plain.clone().with_mask().ok();
            for spec in [Some(plain), masked].into_iter().flatten() {
                let kernel = reduce_kernel(&spec, &[false, true]);
                let Terminal::Reduce { values, weights, mask, .. } = kernel.terminals[0] else { panic!() };
                let outputs = Outputs { values, weights, mask };
                let input = Input::dense(dtype, Vec::new(), &[6, 70]);
                let bytes = vec![0u8; 8 * 6 * 70];
                let operands: Vec<Operand> = kernel
                    .program
                    .inputs
                    .iter()
                    .map(|_| Operand { bytes: &bytes, placement: input.placement.clone() })
                    .collect();
                let layout = Layout::new(&[6, 70], &operands, &kernel.program.inputs);
                for (abilities, reduced) in
                    [(&poor, [false, true]), (&rich, [false, true]), (&rich, [true, false])]
                {
                    match Reduce::new(&kernel.program, &spec, outputs, &reduced, abilities) {
                        Ok(r) => {
                            let source = r.source(&layout, &[6, 70]);
                            if !seen.insert(source.clone()) {
                                continue;
                            }
                            let (module, info) = spirv::parse("reduce", &source).unwrap();
                            let words = spirv::words("reduce", &module, &info, Default::default());
                            assert!(words.unwrap().len() > 1000);
                            let is_wide = spec.compute_dtype().size() == 8;
                            let wide = module.types.iter().any(|(_, t)| match t.inner {
                                naga::TypeInner::Scalar(s) => s.width == 8,
                                _ => false,
                            });
                            assert_eq!(wide, is_wide, "{row} {dtype}");
                            assert!(!is_wide || abilities.int64);
                        }
                        Err(why) => {
                            let class = if abilities.int64 { "rich" } else { "poor" };
                            let name = spec.compute_dtype();
                            refused.insert(format!("{class}: {why}").replace(name.name(), "DTYPE"));
                        }
                    }
                }
            }
        }
    }
    assert!(seen.len() > 200, "{}", seen.len());
    assert_eq!(
        refused.into_iter().collect::<Vec<_>>(),
        [
            "poor: prod has no shader",
            "poor: the adapter has no 64-bit integers, which DTYPE needs",
            "rich: prod has no shader"
        ]
    );
}

/// What is read back is little beside what is read: below a thousandth, or 16 KiB.
#[test]
fn little_is_read_back() {
    for dtype in DType::ALL {
        for spec in specs(dtype) {
            let abilities = Abilities { int64: true, ..plain_abilities() };
            for len in [1000u64, 1 << 20, 1 << 24, 1 << 30] {
                let kernel = reduce_kernel(&spec, &[true]);
                let family = families(&kernel, &abilities).unwrap().remove(0);
                let bytes = family.output_bytes(&[len]);
                let data = len * spec.compute_dtype().size() as u64;
                assert!(bytes > 0 && bytes <= (data / 1000).max(16 << 10), "{spec:?} {len} {bytes}");
                let kernel = reduce_kernel(&spec, &[false, true]);
                let family = families(&kernel, &abilities).unwrap().remove(0);
                assert!(family.output_bytes(&[2, len / 2]) <= (data / 1000).max(16 << 10));
                assert_eq!(family.output_bytes(&[0, len]), 0);
            }
        }
    }
}
