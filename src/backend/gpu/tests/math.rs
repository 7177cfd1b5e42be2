//! The float functions on the adapter: the same bits as the CPU's kernels, and near enough to what
//! the platform's float64 library, Rust's own division and mpmath say.

// A NaN error must count as a failure, so `!(a <= b)`.
#![allow(clippy::neg_cmp_op_on_partial_ord)]

use super::elementwise::is_elsewhere;
use super::{collected_bytes, context, one_row, run, run_kernel};
use crate::DType;
use crate::backend::gpu::{Abilities, Context, library, math_text};
use crate::ops::elementwise::{Op, Operand, oracles};
use crate::ops::kernel::{Kernel, Terminal};
use crate::ops::simd::Simd;

/// Functions that share a shader: lavapipe takes longer than five times as long for five times the text.
const TOGETHER: usize = 5;

/// splitmix64
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A shader that applies the function of number `which[0]` to every pair of elements.
fn source(library: &str, names: &[&str], dtype: DType) -> String {
    let (word, zero) = if dtype == DType::F64 { ("u64", "0lu") } else { ("u32", "0u") };
    let cases: String = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let args = if Op::from_name(name).unwrap().arity() == 2 { "x, y" } else { "x" };
            format!("        case {n}u: {{ r = {name}_{}({args}); }}\n", dtype.name())
        })
        .collect();
    format!(
        "{library}
        @group(0) @binding(0) var<storage, read> xs: array<{word}>;
        @group(0) @binding(1) var<storage, read> ys: array<{word}>;
        @group(0) @binding(2) var<storage, read> which: array<u32>;
        @group(0) @binding(3) var<storage, read_write> results: array<{word}>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {{
            let x = xs[g.x];
            let y = ys[g.x];
            var r = {zero};
            switch which[0] {{\n{cases}        default: {{}} }}
            results[g.x] = r;
        }}"
    )
}

/// The values of one of several functions at pairs, whose number is a multiple of 64, as `context`
/// computes them.
fn device(
    context: &Context,
    library: &str,
    (name, among): (&str, &[&str]),
    dtype: DType,
    [x, y]: [&[u8]; 2],
) -> Vec<u8> {
    let part = among.chunks(TOGETHER).find(|part| part.contains(&name)).unwrap();
    let which = part.iter().position(|n| *n == name).unwrap() as u32;
    let groups = (x.len() / dtype.size() / 64) as u32;
    run(context, &source(library, part, dtype), &[x, y, &which.to_le_bytes()], x.len(), [groups, 1, 1])
}

/// The CPU's values.
fn cpu(name: &str, dtype: DType, x: &[u8], y: &[u8]) -> Vec<u8> {
    let op = Op::from_name(name).unwrap();
    let signature = op.signature(&vec![Operand::Strong(dtype); op.arity()]).unwrap();
    let mut out = crate::buffer::Buffer::zeroed(x.len());
    op.kernel(&signature, Simd::best()).run(&[x, y][..op.arity()], &mut out);
    out.to_vec()
}

/// Values where something happens, as float64.
const SPECIAL: [f64; 40] = [
    0.0,
    1.0,
    0.5,
    2.0,
    3.0,
    2.5,
    1.5,
    10.0,
    0.1,
    1e5,
    1e-5,
    88.72283,
    88.722_84,
    103.97,
    104.0,
    89.0,
    709.78,
    709.79,
    745.1,
    745.2,
    1e300,
    1e38,
    1e-38,
    1e-45,
    5e-324,
    2.2250738585072014e-308,
    3.4028234663852886e38,
    1.7976931348623157e308,
    8192.0,
    1048576.0,
    8388607.5,
    8388608.0,
    16777215.0,
    4503599627370495.5,
    9007199254740991.0,
    0.9999999,
    1.0000001,
    std::f64::consts::FRAC_PI_2,
    f64::INFINITY,
    f64::NAN,
];

/// How a pair of arguments is made.
const KINDS: u64 = 13;

fn unit(r: u64) -> f64 {
    (r >> 11) as f64 / (1u64 << 53) as f64
}

/// An argument in float64: random in one of the hard ranges. `narrow`: of float32's exponents.
fn hard(kind: u64, narrow: bool, state: &mut u64) -> f64 {
    let (r, s) = (random(state), random(state));
    let sign = if s & 1 == 1 { -1.0 } else { 1.0 };
    let (bits, low, high) = if narrow { (24, -149, 127) } else { (53, -1074, 1023) };
    let power = |s: u64| ((s >> 8) % (high - low + 1) as u64) as i32 + low;
    match kind {
        1 => sign * (1.0 + (unit(r) - 0.5) * 2f64.powi(-((s >> 8) as i32 % bits).abs())),
        2 => sign * unit(r) * if narrow { 110.0 } else { 760.0 },
        3 => sign * unit(r),
        // Beside multiples of π / 2.
        4 => sign * (r >> ((s >> 8) % 64)) as f64 * std::f64::consts::FRAC_PI_2,
        5 => sign * unit(r) * if narrow { 8300.0 } else { 1.1e6 },
        6 => sign * (if narrow { 86.0 + unit(r) * 20.0 } else { 705.0 + unit(r) * 45.0 }),
        // Subnormal.
        7 => sign * unit(r) * 2f64.powi(low / 2) * 2f64.powi(low - low / 2 + bits),
        // Huge.
        8 => sign * (1.0 + unit(r)) * 2f64.powi(high - (s >> 8) as i32 % 30),
        9 => sign * 0.5 * (r % 64) as f64,
        10 => sign * 2f64.powi(power(r) / 2) * 2f64.powi(power(r) - power(r) / 2),
        // Where short formulas begin.
        11 => {
            let at = if narrow { 1.0 / 8192.0 } else { 1.0 / 134_217_728.0 };
            sign * at * (1.0 + (unit(r) - 0.5) * 2f64.powi(-((s >> 8) as i32 % bits).abs()))
        }
        _ => sign * (1.0 + unit(r)) * 2f64.powi(power(s) / 2) * 2f64.powi(power(s) - power(s) / 2),
    }
}

/// Pairs of arguments: special ones, then `n` or more of every kind with every kind.
fn pairs(n: usize, narrow: bool, seed: u64) -> Vec<(f64, f64)> {
    let mut state = seed;
    let special: Vec<f64> = SPECIAL.iter().flat_map(|&v| [v, -v]).collect();
    let mut out: Vec<(f64, f64)> =
        special.iter().flat_map(|&x| special.iter().map(move |&y| (x, y))).collect();
    for i in 0..n as u64 {
        let x = hard(i % KINDS, narrow, &mut state);
        out.push(match (i / KINDS) % (KINDS + 2) {
            // A power beside overflow and underflow.
            13 => {
                let most = if narrow { 150.0 } else { 1080.0 };
                let x = x.abs();
                (x, (2.0 * unit(random(&mut state)) - 1.0) * most / x.log2())
            }
            // A quotient and a root beside the middle of two floats.
            14 => {
                let (a, b) = (random(&mut state), random(&mut state));
                let wide = if narrow { 39 } else { 11 };
                let (y, q) = (((a >> (wide + 1)) | 1) as f64, ((b >> wide) | 1) as f64);
                (if i % 2 == 0 { y * q } else { q * q }, y)
            }
            kind => (x, hard(kind, narrow, &mut state)),
        });
    }
    out.truncate(out.len() / 64 * 64);
    out
}

/// Arguments in float32: the pairs, and as many of random bits.
fn arguments32(n: usize, seed: u64) -> (Vec<f32>, Vec<f32>) {
    let mut state = seed ^ 99;
    let mut bits = || f32::from_bits(random(&mut state) as u32);
    let (mut x, mut y): (Vec<f32>, Vec<f32>) =
        pairs(n / 2, true, seed).into_iter().map(|(x, y)| (x as f32, y as f32)).unzip();
    for _ in 0..n / 2 / 64 * 64 {
        x.push(bits());
        y.push(bits());
    }
    (x, y)
}

/// The same in float64.
fn arguments64(n: usize, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut state = seed ^ 99;
    let mut bits = || f64::from_bits(random(&mut state));
    let (mut x, mut y): (Vec<f64>, Vec<f64>) = pairs(n / 2, false, seed).into_iter().unzip();
    for _ in 0..n / 2 / 64 * 64 {
        x.push(bits());
        y.push(bits());
    }
    (x, y)
}

/// The distance in units in the last place of float32, for results below `from` of that; infinity counts as 2^128.
fn ulps32(got: f32, exact: f64, from: f64) -> f64 {
    if got.is_nan() || exact.is_nan() {
        return if got.is_nan() && exact.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let most = 2f64.powi(128);
    let (g, t) = ((got as f64).clamp(-most, most), exact.clamp(-most, most));
    let e = (((t.abs().max(from).to_bits() >> 52) as i32) - 1023).max(-126);
    let signs = g == 0.0 && t == 0.0 && got.is_sign_negative() != exact.is_sign_negative();
    if signs { f64::INFINITY } else { (g - t).abs() / 2f64.powi(e - 23) }
}

/// A float32 function in float64; `None` for those whose answer is exact or defined by other means.
fn oracle(name: &str) -> Option<fn(f64, f64) -> f64> {
    Some(match name {
        "exp" => |x, _| x.exp(),
        "exp2" => |x, _| x.exp2(),
        "expm1" => |x, _| x.exp_m1(),
        "log" => |x, _| x.ln(),
        "log2" => |x, _| x.log2(),
        "log10" => |x, _| x.log10(),
        "log1p" => |x, _| x.ln_1p(),
        "sin" => |x, _| x.sin(),
        "cos" => |x, _| x.cos(),
        "tan" => |x, _| x.tan(),
        "arcsin" => |x, _| x.asin(),
        "arccos" => |x, _| x.acos(),
        "arctan" => |x, _| x.atan(),
        "sinh" => |x, _| x.sinh(),
        "cosh" => |x, _| x.cosh(),
        "tanh" => |x, _| x.tanh(),
        "cbrt" => |x, _| x.cbrt(),
        "arctan2" => |y, x| y.atan2(x),
        "hypot" => |x, y| x.hypot(y),
        "power" => |x, y| x.powf(y),
        "arcsinh" => |x, _| libm::asinh(x),
        "arccosh" => |x, _| oracles::acosh(x),
        "arctanh" => |x, _| libm::atanh(x),
        "sinc" => |x, _| oracles::sinc(x),
        "erf" => |x, _| libm::erf(x),
        "erfc" => |x, _| libm::erfc(x),
        "i0" => |x, _| oracles::i0(x),
        "logaddexp" => oracles::logaddexp,
        "logaddexp2" => oracles::logaddexp2,
        "floor_divide" => |x, y| {
            // The dividend less the exact remainder, to 2^-53.
            let rest = x % y;
            let below = rest != 0.0 && (rest < 0.0) != (y < 0.0);
            let q = ((x - rest) / y).round() - if below { 1.0 } else { 0.0 };
            if y == 0.0 || q == 0.0 { x / y * if y == 0.0 { 1.0 } else { 0.0 } } else { q }
        },
        _ => return None,
    })
}

/// Division and its kin by Rust's operators, which are IEEE 754's (`%` is the exact remainder).
macro_rules! arithmetic {
    ($f:ident $t:ident) => {
        fn $f(name: &str, x: $t, y: $t) -> Option<$t> {
            let rest = x % y;
            let below = rest != 0.0 && (rest < 0.0) != (y < 0.0);
            Some(match name {
                "divide" => x / y,
                "sqrt" => x.sqrt(),
                "fmod" => x % y,
                "reciprocal" => 1.0 / x,
                "remainder" if rest == 0.0 => (0.0 as $t).copysign(y),
                "remainder" => {
                    if below {
                        rest + y
                    } else {
                        rest
                    }
                }
                "floor_divide" if y == 0.0 => x / y,
                "floor_divide" => {
                    let q = (x - rest) / y - if below { 1.0 } else { 0.0 };
                    let whole = q.floor() + if q - q.floor() > 0.5 { 1.0 } else { 0.0 };
                    if q == 0.0 { (0.0 as $t).copysign(x / y) } else { whole }
                }
                _ => return None,
            })
        }
    };
}
arithmetic!(arithmetic32 f32);
arithmetic!(arithmetic64 f64);

/// Where two lists of bits differ, in words.
fn differences<T: bytemuck::Pod + PartialEq>(a: &[u8], b: &[u8]) -> Vec<usize> {
    let (a, b): (Vec<T>, Vec<T>) = (bytemuck::pod_collect_to_vec(a), bytemuck::pod_collect_to_vec(b));
    assert_eq!(a.len(), b.len());
    (0..a.len()).filter(|&i| a[i] != b[i]).collect()
}

/// What an adapter's functions are made of, with its own division or the corrected one.
fn library_with(context: &Context, own: bool) -> String {
    library::text(&Abilities { divide32: own, sqrt32: own, ..context.abilities() })
}

/// The functions in float32 against the CPU and the oracles.
fn check32(context: &Context, library: &str, names: &[&str], n: usize, seed: u64) {
    let mut failed = Vec::new();
    let (x, y) = arguments32(n, seed);
    let (xb, yb): (&[u8], &[u8]) = (bytemuck::cast_slice(&x), bytemuck::cast_slice(&y));
    for name in names {
        let got = device(context, library, (name, names), DType::F32, [xb, yb]);
        let expected = cpu(name, DType::F32, xb, yb);
        let floats: Vec<f32> = bytemuck::pod_collect_to_vec(&got);
        let wrong = differences::<u32>(&got, &expected);
        let show = |i: usize| {
            let e: Vec<f32> = bytemuck::pod_collect_to_vec(&expected);
            format!("{name}({:e}, {:e}) = {:e}, on the CPU {:e}", x[i], y[i], floats[i], e[i])
        };
        if let Some(&i) = wrong.first() {
            failed.push(format!("{} of {}: {}", wrong.len(), x.len(), show(i)));
        }
        let bound = Op::from_name(name).unwrap().row().bound;
        let mut worst = (0.0, 0);
        for (i, &g) in floats.iter().enumerate() {
            let e = match (oracle(name), arithmetic32(name, x[i], y[i])) {
                (Some(f), _) => ulps32(g, f(x[i] as f64, y[i] as f64), bound.from),
                (_, Some(v)) => {
                    let same = g.to_bits() == v.to_bits() || (g.is_nan() && v.is_nan());
                    if same { 0.0 } else { f64::INFINITY }
                }
                _ => panic!("{name} has no oracle"),
            };
            if !(e <= worst.0) {
                worst = (e, i);
            }
        }
        // The oracles are right to some 10^-9 of a float32's unit. NumPy's quotient can be one whole
        // number off where two rounded steps end between two, and that may be two units.
        let bound = bound.f32 + 1e-6;
        if !(worst.0 <= bound) {
            failed.push(format!("{} ULP of {bound}: {}", worst.0, show(worst.1)));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// The rows of floats that are long algorithms or divisions.
fn all() -> Vec<&'static str> {
    let long = |op: &Op| {
        let signature = op.signature(&vec![Operand::Strong(DType::F32); op.arity()]);
        signature.is_ok_and(|s| is_elsewhere(*op, &s))
    };
    Op::all().filter(long).map(Op::name).collect()
}

/// Whether the adapter's division and root are right, as lavapipe's are.
fn has_division(context: &Context) -> bool {
    let abilities = context.abilities();
    (abilities.divide32 && abilities.sqrt32) || context.info.device_type == wgpu::DeviceType::Cpu
}

#[test]
fn float32_functions_give_the_cpus_bits() {
    let Some(context) = context() else { return };
    check32(&context, &library_with(&context, has_division(&context)), &all(), 1 << 18, 1);
}

#[test]
#[ignore = "takes minutes"]
fn float32_functions_give_the_cpus_bits_thoroughly() {
    let Some(context) = context() else { return };
    for seed in 10..14 {
        check32(
            &context,
            &library_with(&context, seed % 2 == 0 && has_division(&context)),
            &all(),
            1 << 21,
            seed,
        );
    }
}

#[test]
fn corrected_division_gives_the_same_functions() {
    let Some(context) = context() else { return };
    check32(&context, &library_with(&context, false), &all(), 1 << 17, 2);
}

#[test]
fn division_is_corrected_by_some_units() {
    let Some(context) = context() else { return };
    let library = library_with(&context, false);
    for off in [-5i32, -3, 2, 4] {
        let with = |text: String, of: &str, v: &str| {
            let own = format!("{of} -> f32 {{ return {v}; }}");
            assert!(text.contains(&own), "{own}");
            let bits = format!("bitcast<u32>(v) + select(0u, {}u, v > 0.0)", off as u32);
            text.replace(&own, &format!("{of} -> f32 {{ let v = {v}; return bitcast<f32>({bits}); }}"))
        };
        let text = with(library.clone(), "fn estimate_quotient(a: f32, b: f32)", "a / b");
        let text = with(text, "fn estimate_root(a: f32)", "sqrt(a)");
        check32(&context, &text, &["divide", "sqrt", "reciprocal"], 1 << 17, 3);
    }
}

#[test]
fn float64_functions_give_the_cpus_bits() {
    let Some(context) = context() else { return };
    if !context.abilities().float64 {
        return;
    }
    let library = library::text(&context.abilities());
    let mut failed = Vec::new();
    let (x, y) = arguments64(1 << 18, 12);
    let (xb, yb): (&[u8], &[u8]) = (bytemuck::cast_slice(&x), bytemuck::cast_slice(&y));
    for name in all() {
        let got = device(&context, &library, (name, &all()), DType::F64, [xb, yb]);
        let expected = cpu(name, DType::F64, xb, yb);
        let wrong = differences::<u64>(&got, &expected);
        let (g, e): (Vec<f64>, Vec<f64>) =
            (bytemuck::pod_collect_to_vec(&got), bytemuck::pod_collect_to_vec(&expected));
        if let Some(&i) = wrong.first() {
            let (x, y, g, e) = (x[i], y[i], g[i], e[i]);
            failed.push(format!(
                "{} of {}: {name}({x:e}, {y:e}) = {g:e}, on the CPU {e:e}",
                wrong.len(),
                got.len() / 8
            ));
        }
        for i in 0..x.len() {
            let Some(v) = arithmetic64(name, x[i], y[i]) else { break };
            if !(g[i].to_bits() == v.to_bits() || (g[i].is_nan() && v.is_nan())) {
                failed.push(format!("{name}({:e}, {:e}) = {:e}, not {v:e}", x[i], y[i], g[i]));
                break;
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// What mpmath says: arguments, the nearest float64, and what it lacks in units.
#[test]
fn float64_functions_hold_their_bounds() {
    const POINTS: &str = include_str!("../../../../tests/goldens/elementwise_f64.txt");
    let Some(context) = context() else { return };
    if !context.abilities().float64 {
        return;
    }
    let library = library::text(&context.abilities());
    let mut failed = Vec::new();
    let parts: Vec<&str> = POINTS.split("# ").filter(|p| !p.is_empty()).collect();
    let divisions = ["divide", "floor_divide", "remainder", "fmod", "reciprocal", "sqrt"];
    assert_eq!(parts.len(), all().into_iter().filter(|name| !divisions.contains(name)).count());
    for part in parts {
        let (name, lines) = part.split_once('\n').unwrap();
        let arity = Op::from_name(name).unwrap().arity();
        let float = |t: &str| f64::from_bits(u64::from_str_radix(t, 16).unwrap());
        let rows: Vec<Vec<&str>> = lines.lines().map(|l| l.split(' ').collect()).collect();
        assert!(rows.len() > 150, "{name}");
        let column = |k: usize| -> Vec<f64> {
            let padded = rows.len().next_multiple_of(64);
            (0..padded).map(|i| rows.get(i).map_or(0.0, |r| float(r[k]))).collect()
        };
        let (x, y) = (column(0), column(arity - 1));
        let arguments = [bytemuck::cast_slice(&x), bytemuck::cast_slice(&y)];
        let out = device(&context, &library, (name, &all()), DType::F64, arguments);
        let out: Vec<f64> = bytemuck::pod_collect_to_vec(&out);
        for (i, row) in rows.iter().enumerate() {
            let (g, t, lacks) = (out[i], float(row[arity]), row[arity + 1].parse::<f64>().unwrap());
            // Nearby floats of one sign: their bits count the steps.
            let steps = if g.is_finite() && g.is_sign_negative() == t.is_sign_negative() {
                ((g.to_bits() & (u64::MAX >> 1)) as i64 - (t.to_bits() & (u64::MAX >> 1)) as i64) as f64
            } else if g == t {
                0.0
            } else {
                f64::INFINITY
            };
            let bound = Op::from_name(name).unwrap().row().bound;
            let e = match t.abs() < bound.from {
                // In units of the last place of the least number that the bound is for.
                true => (g - t).abs() / (bound.from * f64::EPSILON),
                false => (steps - lacks * if t < 0.0 { -1.0 } else { 1.0 }).abs(),
            };
            if !(e <= bound.f64) {
                failed.push(format!("{name}({:e}, {:e}) = {g:e}, true {t:e}: {e} ULP", x[i], y[i]));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

/// Every float16, and beside them as many others.
#[test]
fn float16_functions_give_the_cpus_bits() {
    let Some(context) = context() else { return };
    let x: Vec<u16> = (0..=u16::MAX).collect();
    let y: Vec<u16> = x.iter().map(|&b| b.wrapping_mul(40503).rotate_left(5)).collect();
    let (xb, yb): (&[u8], &[u8]) = (bytemuck::cast_slice(&x), bytemuck::cast_slice(&y));
    let value = |bits: u16| half::f16::from_bits(bits).to_f64_const();
    for name in all() {
        let op = Op::from_name(name).unwrap();
        let program = one_row(op, &vec![DType::F16; op.arity()]);
        let kernel = Kernel { terminals: vec![Terminal::collect(&program, 0, 1).unwrap()], program };
        let inputs = &[xb, yb][..op.arity()];
        let (states, _) = run_kernel(&context, &kernel, &[x.len() as u64], inputs).unwrap();
        let got = collected_bytes(&*states[0]);
        let wrong = differences::<u16>(got, &cpu(name, DType::F16, xb, yb));
        assert!(wrong.is_empty(), "{name}: {} wrong, the first of {:#x}", wrong.len(), x[wrong[0]]);
        let Some(f) = oracle(name).filter(|_| name != "floor_divide") else { continue };
        for (i, &g) in bytemuck::pod_collect_to_vec::<u8, u16>(got).iter().enumerate() {
            let (g, t) = (value(g), f(value(x[i]), value(y[i])));
            let (gc, tc) = (g.clamp(-65536.0, 65536.0), t.clamp(-65536.0, 65536.0));
            let from = op.row().bound.from;
            let e = (((t.abs().max(from).to_bits() >> 52) as i32) - 1023).clamp(-14, 15);
            let near = (gc - tc).abs() <= op.row().bound.f16 * 2f64.powi(e - 10);
            assert!(near || (g.is_nan() && t.is_nan()), "{name} of {:#x}: {g:e}, not {t:e}", x[i]);
        }
    }
}

#[test]
fn naga_takes_all_forms() {
    let no = Abilities {
        int64: false,
        int64_atomics: false,
        float32: true,
        divide32: true,
        sqrt32: true,
        float64: false,
        subgroups: false,
        workgroup_bytes: 0,
        binding_bytes: 0,
        max_groups: 0,
        off: Vec::new(),
    };
    for (divide32, sqrt32, float64) in
        [(true, true, false), (false, true, false), (true, false, true), (true, true, true)]
    {
        let abilities = Abilities { divide32, sqrt32, float64, int64: float64, ..no.clone() };
        let library = library::text(&abilities);
        assert!(library.contains(&math_text::text(&abilities)));
        let dtypes = if float64 { &[DType::F32, DType::F64][..] } else { &[DType::F32] };
        for &dtype in dtypes {
            let (module, _) =
                crate::backend::gpu::spirv::parse("math", &source(&library, &all(), dtype)).unwrap();
            let used = |part: &str| module.functions.iter().any(|(_, f)| f.name.as_deref() == Some(part));
            let corrected = dtype == DType::F32 && !(divide32 && sqrt32);
            assert_eq!(used("estimate_quotient"), corrected);
            assert!(used("quarter_turns"));
        }
    }
}
