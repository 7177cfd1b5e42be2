//! The verdict on faults that no device at hand has.

use super::*;

const LIMITS: Limits = Limits { workgroup_bytes: 32768, binding_bytes: 1 << 27, max_groups: 65535 };

/// The answers of a device without fault, changed by `f(name, x, y, answer)`.
fn answers(
    columns: &[Column],
    pairs: &[[u64; 2]],
    words: usize,
    f: impl Fn(&str, u64, u64, u64) -> u64,
) -> Answer {
    let mut out = Vec::new();
    for &[x, y] in pairs {
        for column in columns {
            let value = f(column.name, x, y, (column.want)(x, y).unwrap_or(0));
            out.push(value as u32);
            out.extend((words == 2).then_some((value >> 32) as u32));
        }
    }
    Some(Ok(out))
}

fn float32(f: impl Fn(&str, u64, u64, u64) -> u64) -> Answer {
    answers(&float32_columns(), &wide(cases::float32_pairs()), 1, f)
}

fn float64(f: impl Fn(&str, u64, u64, u64) -> u64) -> Answer {
    answers(&float64_columns(), &cases::float64_pairs(), 2, f)
}

fn subgroups(size: usize) -> Answer {
    let values: Vec<u32> = cases::values().into_iter().map(|v| v as u32).collect();
    let mut out = Vec::new();
    for (n, _) in values.iter().enumerate() {
        let first = n / size * size;
        let mates = &values[first..first + size];
        let sum = |v: &[u32]| v.iter().fold(0u32, |s, &v| s.wrapping_add(v));
        let subgroup = (n % GROUP / size) as u32;
        out.extend([subgroup, (n - first) as u32, size as u32, sum(mates), sum(&mates[..n - first])]);
        out.extend([mates.iter().max(), mates.iter().min()].map(|v| *v.unwrap()));
    }
    Some(Ok(out))
}

fn atomics(width: u32) -> Answer {
    let words = atomics_want(width).into_iter().flat_map(|v| [v as u32, (v >> 32) as u32]);
    Some(Ok(words.enumerate().filter(|(n, _)| width == 64 || n % 2 == 0).map(|(_, w)| w).collect()))
}

fn good() -> Measured {
    let same = |_: &str, _: u64, _: u64, v: u64| v;
    Measured {
        float32: float32(same),
        float64: float64(same),
        int64: answers(&int64_columns(), &cases::int64_pairs(), 2, same),
        atomics32: atomics(32),
        atomics64: atomics(64),
        subgroups: subgroups(8),
    }
}

fn flush(bits: u64) -> u64 {
    if f32::from_bits(bits as u32).is_subnormal() { bits & 0x8000_0000 } else { bits }
}

fn flushed(name: &str, _: u64, _: u64, v: u64) -> u64 {
    if name == "comparison" || name.starts_with("to ") { v } else { flush(v) }
}

/// The one sentence that begins so.
fn sentence<'a>(a: &'a Abilities, start: &str) -> &'a str {
    let found: Vec<&String> = a.off.iter().filter(|s| s.starts_with(start)).collect();
    assert_eq!(found.len(), 1, "{start}: {:?}", a.off);
    found[0]
}

#[test]
fn a_device_without_fault_may_use_all() {
    let a = judge(&good(), LIMITS);
    assert!(a.off.is_empty(), "{:?}", a.off);
    assert!(a.int64 && a.int64_atomics && a.float32 && a.divide32 && a.sqrt32 && a.float64 && a.subgroups);
    assert_eq!((a.workgroup_bytes, a.binding_bytes, a.max_groups), (32768, 1 << 27, 65535));
    assert_eq!(wishes(&good()), [FloatControls::default(); 2]);
    assert_eq!(wrong_floats(&good()), 0);
    // Features that are not there are no finding.
    let bare = Measured { float32: good().float32, atomics32: good().atomics32, ..Measured::default() };
    let a = judge(&bare, LIMITS);
    assert!(a.off.is_empty() && a.float32 && !a.int64 && !a.float64 && !a.int64_atomics && !a.subgroups);
}

#[test]
fn residuals_are_exact_where_they_should_be() {
    // In float64 the sum and the product of two float32 of like size are exact.
    let pairs = cases::float32_pairs();
    let columns = float32_columns();
    let mut seen = 0;
    for [x, y] in pairs {
        let [a, b] = [x, y].map(|v| f32::from_bits(v) as f64);
        let like = |v: f64| (1e-4..1e4).contains(&v.abs());
        if like(a) && like(b) {
            let residual =
                |k: usize| f32::from_bits((columns[k].want)(x as u64, y as u64).unwrap() as u32) as f64;
            assert_eq!((a as f32 + b as f32) as f64 + residual(5), a + b);
            assert_eq!((a as f32 * b as f32) as f64 + residual(6), a * b);
            seen += 1;
        }
    }
    assert!(seen > 700, "{seen}");
}

#[test]
fn flushed_subnormals_switch_float32_off_and_ask_for_them_to_be_kept() {
    let m = Measured { float32: float32(flushed), ..good() };
    let a = judge(&m, LIMITS);
    assert!(!a.float32 && !a.divide32 && !a.sqrt32 && a.float64);
    let s = sentence(&a, "float32 is not used: subnormals are flushed (x + y: ");
    assert!(s.contains(" of 4096 differ"), "{s}");
    let kept = FloatControls { denorm_preserve: [true, false], ..FloatControls::default() };
    assert_eq!(wishes(&m), [kept, FloatControls::default()]);
    assert!(wrong_floats(&m) > 100);

    // Operands that are flushed where they are read: only comparisons show it.
    let read = |name: &str, x: u64, y: u64, v: u64| match name {
        "comparison" => (float32_columns()[7].want)(flush(x), flush(y)).unwrap_or(v),
        _ => v,
    };
    let a = judge(&Measured { float32: float32(read), ..good() }, LIMITS);
    sentence(&a, "float32 is not used: subnormals are flushed (comparison: ");
}

#[test]
fn contracted_and_reordered_operations_switch_float32_off() {
    let zero = |name: &str, _: u64, _: u64, v: u64| if name == "the residual of x + y" { 0 } else { v };
    let m = Measured { float32: float32(zero), ..good() };
    let a = judge(&m, LIMITS);
    assert!(!a.float32 && a.float64);
    sentence(&a, "float32 is not used: operations are contracted or reordered (the residual of x + y: ");
    let fused = |name: &str, x: u64, y: u64, v: u64| match name {
        "x * y + y" if !f32::from_bits(v as u32).is_nan() => {
            let [x, y] = [x, y].map(|v| f32::from_bits(v as u32));
            x.mul_add(y, y).to_bits() as u64
        }
        _ => v,
    };
    let a = judge(&Measured { float32: float32(fused), ..good() }, LIMITS);
    assert!(!a.float32);
    sentence(&a, "float32 is not used: operations are contracted or reordered (x * y + y: ");
}

#[test]
fn wrong_divisions_are_corrected_and_do_not_switch_float32_off() {
    let off = |name: &str, x: u64, _: u64, v: u64| if name == "x / y" && x % 16 == 3 { v ^ 1 } else { v };
    let a = judge(&Measured { float32: float32(off), ..good() }, LIMITS);
    assert!(a.float32 && !a.divide32 && a.sqrt32);
    let s = sentence(&a, "float32 division is not correctly rounded (");
    assert!(s.ends_with(" of 4096 differ): it is corrected"), "{s}");
    assert_eq!(a.off.len(), 1);
    let off = |name: &str, _: u64, _: u64, v: u64| if name == "sqrt" && v % 8 == 1 { v + 1 } else { v };
    let a = judge(&Measured { float32: float32(off), ..good() }, LIMITS);
    assert!(a.float32 && a.divide32 && !a.sqrt32);
    sentence(&a, "float32 square root is not correctly rounded (");
    // For float64 there is no correction.
    let off = |name: &str, _: u64, _: u64, v: u64| if name == "x / y" { v ^ 1 } else { v };
    let a = judge(&Measured { float64: float64(off), ..good() }, LIMITS);
    assert!(!a.float64 && a.float32);
    sentence(&a, "float64 is not used: it is not IEEE 754's (x / y: ");
}

#[test]
fn garbage_and_failures_are_named() {
    let garbage = |_: &str, x: u64, y: u64, _: u64| x.wrapping_mul(0x9e3779b97f4a7c15) ^ y;
    let m = Measured { float64: float64(garbage), ..good() };
    let a = judge(&m, LIMITS);
    assert!(!a.float64 && a.float32 && a.int64);
    let s = sentence(&a, "float64 is not used: it is not IEEE 754's (");
    assert!(s.ends_with("more)"), "{s}");

    let a = judge(&Measured { float64: Some(Err("no such instruction".into())), ..good() }, LIMITS);
    assert!(!a.float64);
    sentence(&a, "float64 is not used: the probe could not run (no such instruction)");

    // Nothing was written, or too little.
    let m = Measured { float32: Some(Ok(Vec::new())), ..good() };
    assert!(!judge(&m, LIMITS).float32);
    let zeros =
        Measured { subgroups: Some(Ok(vec![0; 7 * 256])), atomics32: Some(Ok(vec![0; 17])), ..good() };
    let a = judge(&zeros, LIMITS);
    assert!(!a.subgroups && a.workgroup_bytes == 0);
    sentence(&a, "subgroup operations are not used: 256 of 256");
    sentence(&a, "workgroup memory is not used");
}

#[test]
fn infinities_and_zeros_that_are_not_kept_are_told_apart() {
    let finite = |_: &str, _: u64, _: u64, v: u64| if v == 0x8000_0000 { 0 } else { v };
    let m = Measured { float32: float32(finite), ..good() };
    let a = judge(&m, LIMITS);
    assert!(!a.float32);
    sentence(&a, "float32 is not used: zeros, infinities or NaN are not kept (");
    let kept = FloatControls { signed_zero_inf_nan_preserve: [true, false], ..FloatControls::default() };
    assert_eq!(wishes(&m)[1], kept);
}

#[test]
fn what_64_bit_integers_carry_falls_with_them() {
    let off =
        |name: &str, _: u64, _: u64, v: u64| if name == "x >> n of signed integers" { v >> 1 } else { v };
    let m = Measured { int64: answers(&int64_columns(), &cases::int64_pairs(), 2, off), ..good() };
    let a = judge(&m, LIMITS);
    assert!(!a.int64 && !a.int64_atomics && !a.float64 && a.float32);
    sentence(&a, "64-bit integers are not used: x >> n of signed integers: ");
    sentence(&a, "float64 is not used: its bits are held in 64-bit integers");
    // A lost carry between the halves of a total.
    let Some(Ok(mut words)) = atomics(64) else { panic!() };
    words[1] = words[1].wrapping_sub(1);
    let a = judge(&Measured { atomics64: Some(Ok(words)), ..good() }, LIMITS);
    assert!(a.int64 && !a.int64_atomics);
    sentence(&a, "64-bit atomics are not used: 1 of 17 totals differ");
}

#[test]
fn subgroups_of_every_size_are_right_and_a_wrong_lane_is_seen() {
    for size in [1, 4, 32, 64] {
        assert!(judge(&Measured { subgroups: subgroups(size), ..good() }, LIMITS).subgroups, "{size}");
    }
    let Some(Ok(mut words)) = subgroups(32) else { panic!() };
    words[7 * 5 + 4] ^= 1;
    assert!(!judge(&Measured { subgroups: Some(Ok(words)), ..good() }, LIMITS).subgroups);
}
