//! What the probe's answers mean. Nothing here touches a device: words come in, a verdict goes out.
//!
//! The host's arithmetic is IEEE 754's with round to nearest, so it knows every answer to the bit. A
//! NaN may have any sign and payload: shaders write their NaNs by bits.

use super::cases::{self, GROUP};
use crate::backend::gpu::abilities::Abilities;
use crate::backend::gpu::spirv::FloatControls;

/// The words that one shader wrote; why it could not run; or `None` where the device lacks the feature.
pub type Answer = Option<Result<Vec<u32>, String>>;

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// `probe_float32.wgsl`.
    pub float32: Answer,
    /// `probe_float64.wgsl`.
    pub float64: Answer,
    /// `probe_int64.wgsl`.
    pub int64: Answer,
    /// `probe_atomics32.wgsl`.
    pub atomics32: Answer,
    /// `probe_atomics64.wgsl`.
    pub atomics64: Answer,
    /// `probe_subgroups.wgsl`.
    pub subgroups: Answer,
}

/// Numbers that the adapter states.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Workgroup memory in bytes.
    pub workgroup_bytes: u32,
    /// The most bytes of one binding.
    pub binding_bytes: u64,
    /// The most workgroups per dimension.
    pub max_groups: u32,
}

/// How the bits of an operand or an answer are read.
#[derive(Clone, Copy, PartialEq)]
enum Format {
    F32,
    F64,
    Word,
}

impl Format {
    fn is_nan(self, bits: u64) -> bool {
        match self {
            Format::F32 => f32::from_bits(bits as u32).is_nan(),
            Format::F64 => f64::from_bits(bits).is_nan(),
            Format::Word => false,
        }
    }

    fn is_subnormal(self, bits: u64) -> bool {
        match self {
            Format::F32 => f32::from_bits(bits as u32).is_subnormal(),
            Format::F64 => f64::from_bits(bits).is_subnormal(),
            Format::Word => false,
        }
    }
}

/// What depends on a column.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Role {
    Arithmetic,
    Residual,
    Divide,
    Sqrt,
}

/// One answer per pair: `None` where any will do.
struct Column {
    name: &'static str,
    role: Role,
    from: Format,
    to: Format,
    want: fn(u64, u64) -> Option<u64>,
}

/// A column with wrong answers.
#[derive(Clone, Debug)]
struct Fault {
    name: &'static str,
    role: Role,
    wrong: usize,
    of: usize,
    /// How many of the wrong ones have a subnormal operand or answer.
    subnormal: usize,
    /// How many of the others have an infinity, a NaN or a zero.
    special: usize,
}

macro_rules! float_columns {
    ($name:ident, $t:ty, $bits:ty, $int:ty, $format:expr, $split:expr, $more:expr) => {
        fn $name() -> Vec<Column> {
            fn f(bits: u64) -> $t {
                <$t>::from_bits(bits as $bits)
            }
            fn b(value: $t) -> Option<u64> {
                Some(value.to_bits() as u64)
            }
            fn sum_residual(x: $t, y: $t) -> $t {
                let s = x + y;
                let t = s - x;
                (x - (s - t)) + (y - t)
            }
            fn product_residual(x: $t, y: $t) -> $t {
                let (cx, cy) = ($split * x, $split * y);
                let (xh, yh) = (cx - (cx - x), cy - (cy - y));
                let (xl, yl) = (x - xh, y - yh);
                let p = x * y;
                ((xh * yh - p) + xh * yl + xl * yh) + xl * yl
            }
            fn compared(x: $t, y: $t) -> Option<u64> {
                let bits = (x < y) as u64
                    | ((x <= y) as u64) << 1
                    | ((x == y) as u64) << 2
                    | ((x > y) as u64) << 3
                    | ((x >= y) as u64) << 4;
                // Shaders test for NaN by bits, never by comparing.
                (!x.is_nan() && !y.is_nan()).then_some(bits)
            }
            fn whole(x: $t, low: $t, high: $t) -> bool {
                low <= x && x < high
            }
            let format = $format;
            let float = move |name, role, want| Column { name, role, from: format, to: format, want };
            let mut columns = vec![
                float("x + y", Role::Arithmetic, |x, y| b(f(x) + f(y))),
                float("x - y", Role::Arithmetic, |x, y| b(f(x) - f(y))),
                float("x * y", Role::Arithmetic, |x, y| b(f(x) * f(y))),
                float("x / y", Role::Divide, |x, y| b(f(x) / f(y))),
                float("sqrt", Role::Sqrt, |x, _| b(f(x).abs().sqrt())),
                float("the residual of x + y", Role::Residual, |x, y| b(sum_residual(f(x), f(y)))),
                float("the residual of x * y", Role::Residual, |x, y| b(product_residual(f(x), f(y)))),
                Column {
                    name: "comparison",
                    role: Role::Arithmetic,
                    from: format,
                    to: Format::Word,
                    want: |x, y| compared(f(x), f(y)),
                },
                Column {
                    name: "from an unsigned integer",
                    role: Role::Arithmetic,
                    from: Format::Word,
                    to: format,
                    want: |x, _| b(x as $bits as $t),
                },
                Column {
                    name: "from a signed integer",
                    role: Role::Arithmetic,
                    from: Format::Word,
                    to: format,
                    want: |x, _| b(x as $int as $t),
                },
                Column {
                    name: "to a signed integer",
                    role: Role::Arithmetic,
                    from: format,
                    to: Format::Word,
                    want: |x, _| {
                        whole(f(x), <$int>::MIN as $t, <$int>::MAX as $t)
                            .then(|| f(x) as $int as $bits as u64)
                    },
                },
                Column {
                    name: "to an unsigned integer",
                    role: Role::Arithmetic,
                    from: format,
                    to: Format::Word,
                    want: |x, _| whole(f(x), 0.0, <$bits>::MAX as $t).then(|| f(x) as $bits as u64),
                },
                float("x * y + y", Role::Residual, |x, y| b(f(x) * f(y) + f(y))),
            ];
            columns.extend($more);
            columns
        }
    };
}

float_columns!(float32_columns, f32, u32, i32, Format::F32, 4097f32, []);
float_columns!(
    float64_columns,
    f64,
    u64,
    i64,
    Format::F64,
    134217729f64,
    [
        Column {
            name: "to float32",
            role: Role::Arithmetic,
            from: Format::F64,
            to: Format::F32,
            want: |x, _| Some((f64::from_bits(x) as f32).to_bits() as u64),
        },
        Column {
            name: "from float32",
            role: Role::Arithmetic,
            from: Format::F32,
            to: Format::F64,
            want: |x, _| Some((f32::from_bits(x as u32) as f64).to_bits()),
        },
    ]
);

fn int64_columns() -> Vec<Column> {
    let word =
        |name, want| Column { name, role: Role::Arithmetic, from: Format::Word, to: Format::Word, want };
    // The one quotient that overflows.
    fn signed(x: u64, y: u64, f: fn(i64, i64) -> i64) -> Option<u64> {
        let (x, d) = (x as i64, (y | 1) as i64);
        (x != i64::MIN || d != -1).then(|| f(x, d) as u64)
    }
    vec![
        word("x + y", |x, y| Some(x.wrapping_add(y))),
        word("x - y", |x, y| Some(x.wrapping_sub(y))),
        word("x * y", |x, y| Some(x.wrapping_mul(y))),
        word("x << n", |x, y| Some(x << (y & 63))),
        word("x >> n", |x, y| Some(x >> (y & 63))),
        word("x >> n of signed integers", |x, y| Some((x as i64 >> (y & 63)) as u64)),
        word("x / y", |x, y| Some(x / (y | 1))),
        word("x % y", |x, y| Some(x % (y | 1))),
        word("x / y of signed integers", |x, y| signed(x, y, |x, d| x / d)),
        word("x % y of signed integers", |x, y| signed(x, y, |x, d| x % d)),
        word("comparison", |x, y| {
            let (s, t) = (x as i64, y as i64);
            let all = [x < y, x <= y, x == y, s < t, s <= t, s == t];
            Some(all.iter().enumerate().map(|(n, &b)| (b as u64) << n).sum())
        }),
        word("bits", |x, y| Some((x & y) ^ (x | !y))),
    ]
}

/// Words in an answer: `(CASES, columns, words per value)` in C order.
fn faults(columns: &[Column], pairs: &[[u64; 2]], words: usize, answer: &[u32]) -> Vec<Fault> {
    let value = |case: usize, column: usize| {
        let at = (case * columns.len() + column) * words;
        // Words that are missing are wrong: a value that no column wants.
        let word = |n: usize| answer.get(at + n).map(|&w| (w as u64) << (32 * n));
        (0..words).try_fold(0, |bits, n| word(n).map(|w| bits | w))
    };
    let special = |format: Format, bits: u64| match format {
        Format::F32 => !f32::from_bits(bits as u32).is_normal() && !format.is_subnormal(bits),
        Format::F64 => !f64::from_bits(bits).is_normal() && !format.is_subnormal(bits),
        Format::Word => false,
    };
    let mut out = Vec::new();
    for (k, column) in columns.iter().enumerate() {
        let mut fault =
            Fault { name: column.name, role: column.role, wrong: 0, of: 0, subnormal: 0, special: 0 };
        for (case, &[x, y]) in pairs.iter().enumerate() {
            let Some(want) = (column.want)(x, y) else { continue };
            fault.of += 1;
            let right = value(case, k)
                .is_some_and(|got| got == want || (column.to.is_nan(want) && column.to.is_nan(got)));
            if right {
                continue;
            }
            fault.wrong += 1;
            let any = |test: &dyn Fn(Format, u64) -> bool| {
                test(column.from, x) || test(column.from, y) || test(column.to, want)
            };
            if any(&|format, bits| format.is_subnormal(bits)) {
                fault.subnormal += 1;
            } else {
                fault.special += any(&special) as usize;
            }
        }
        if fault.wrong > 0 {
            out.push(fault);
        }
    }
    out
}

fn wide(pairs: Vec<[u32; 2]>) -> Vec<[u64; 2]> {
    pairs.into_iter().map(|p| p.map(u64::from)).collect()
}

fn float32_faults(answer: &[u32]) -> Vec<Fault> {
    faults(&float32_columns(), &wide(cases::float32_pairs()), 1, answer)
}

fn float64_faults(answer: &[u32]) -> Vec<Fault> {
    faults(&float64_columns(), &cases::float64_pairs(), 2, answer)
}

/// Faults in words: "x + y: 31 of 4096 differ, x * y: …".
fn told(faults: &[&Fault]) -> String {
    let mut parts: Vec<String> =
        faults.iter().take(3).map(|f| format!("{}: {} of {} differ", f.name, f.wrong, f.of)).collect();
    if faults.len() > 3 {
        parts.push(format!("and {} more", faults.len() - 3));
    }
    parts.join(", ")
}

/// What is wrong with the arithmetic of a float dtype, in words.
fn float_reason(faults: &[&Fault]) -> String {
    let all = |part: fn(&Fault) -> usize| {
        let plain: Vec<&&Fault> = faults.iter().filter(|f| f.role != Role::Residual).collect();
        !plain.is_empty() && plain.iter().all(|f| part(f) == f.wrong)
    };
    let why = if faults.iter().all(|f| f.role == Role::Residual) {
        "operations are contracted or reordered"
    } else if all(|f| f.subnormal) {
        "subnormals are flushed"
    } else if all(|f| f.special + f.subnormal) {
        "zeros, infinities or NaN are not kept"
    } else {
        "it is not IEEE 754's"
    };
    format!("{why} ({})", told(faults))
}

/// Controls worth a try for what is wrong, one kind after the other, since a driver may have the one
/// and not the other: subnormals, then zeros, infinities and NaN.
pub fn wishes(measured: &Measured) -> [FloatControls; 2] {
    let answers = [
        (&measured.float32, float32_faults as fn(&[u32]) -> Vec<Fault>),
        (&measured.float64, float64_faults),
    ];
    let mut out = [FloatControls::default(); 2];
    for (k, (answer, faults)) in answers.into_iter().enumerate() {
        let Some(Ok(words)) = answer else { continue };
        // A residual may be wrong because of what is flushed on the way to it.
        for f in faults(words).iter().filter(|f| f.role != Role::Residual) {
            out[0].denorm_preserve[k] |= f.subnormal > 0;
            out[1].signed_zero_inf_nan_preserve[k] |= f.special > 0;
        }
    }
    out
}

/// How many answers about floats are wrong; an answer that is missing counts as all wrong.
pub fn wrong_floats(measured: &Measured) -> usize {
    let count = |answer: &Answer, faults: fn(&[u32]) -> Vec<Fault>| match answer {
        None => 0,
        Some(Err(_)) => usize::MAX / 4,
        Some(Ok(words)) => faults(words).iter().map(|f| f.wrong).sum(),
    };
    count(&measured.float32, float32_faults) + count(&measured.float64, float64_faults)
}

/// Sum, greatest, least and OR per workgroup, after the sum of all.
fn atomics_want(width: u32) -> Vec<u64> {
    let mask = u64::MAX >> (64 - width);
    let values: Vec<u64> = cases::values().into_iter().map(|v| v & mask).collect();
    let sum = |values: &[u64]| values.iter().fold(0u64, |s, &v| s.wrapping_add(v)) & mask;
    let mut want = vec![sum(&values)];
    for group in values.chunks(GROUP) {
        want.push(sum(group));
        want.extend(group.iter().max());
        want.extend(group.iter().min());
        want.push(group.iter().fold(0, |or, v| or | (v & (v >> 16))));
    }
    want
}

fn atomics_reason(answer: &[u32], width: u32) -> Option<String> {
    let words = width as usize / 32;
    let want = atomics_want(width);
    let wrong = want.iter().enumerate().filter(|(n, want)| {
        let got = answer.get(n * words..(n + 1) * words);
        got.map(|w| w.iter().rev().fold(0u64, |bits, &w| bits << 32 | w as u64)) != Some(**want)
    });
    let wrong = wrong.count();
    (wrong > 0).then(|| format!("{wrong} of {} totals differ", want.len()))
}

fn subgroups_reason(answer: &[u32]) -> Option<String> {
    let values: Vec<u32> = cases::values().into_iter().map(|v| v as u32).collect();
    let rows: Vec<&[u32]> = answer.chunks_exact(7).collect();
    if rows.len() < values.len() {
        return Some("invocations gave no answer".into());
    }
    let mut wrong = 0;
    for (n, row) in rows.iter().enumerate().take(values.len()) {
        let group = n / GROUP * GROUP..(n / GROUP + 1) * GROUP;
        let mates: Vec<usize> = group.filter(|&m| rows[m][0] == row[0]).collect();
        let of = |m: &usize| values[*m];
        let before = mates.iter().filter(|&&m| rows[m][1] < row[1]);
        let sum = |s: u32, v: u32| s.wrapping_add(v);
        let alone = mates.iter().filter(|&&m| rows[m][1] == row[1]).count() == 1;
        let want = [
            mates.iter().map(of).fold(0, sum),
            before.map(of).fold(0, sum),
            mates.iter().map(of).max().unwrap_or(0),
            mates.iter().map(of).min().unwrap_or(0),
        ];
        wrong += (!alone || mates.len() > row[2] as usize || row[3..] != want) as usize;
    }
    (wrong > 0).then(|| format!("{wrong} of {} invocations differ", values.len()))
}

/// The verdict. Every finding that switches something off is a sentence in [`Abilities::off`].
pub fn judge(measured: &Measured, limits: Limits) -> Abilities {
    let mut off = Vec::new();
    // `Some(true)` if right, `Some(false)` if wrong or not run, `None` if the feature is not there.
    let mut right = |what: &str, answer: &Answer, reason: &dyn Fn(&[u32]) -> Option<String>| {
        let why = match answer {
            None => return false,
            Some(Err(why)) => Some(format!("the probe could not run ({why})")),
            Some(Ok(words)) => reason(words),
        };
        off.extend(why.iter().map(|why| format!("{what}: {why}")));
        why.is_none()
    };
    let int64 = right("64-bit integers are not used", &measured.int64, &|words| {
        let found = faults(&int64_columns(), &cases::int64_pairs(), 2, words);
        (!found.is_empty()).then(|| told(&found.iter().collect::<Vec<_>>()))
    });
    let arithmetic = |found: &[Fault], roles: &[Role]| {
        let found: Vec<&Fault> = found.iter().filter(|f| roles.contains(&f.role)).collect();
        (!found.is_empty()).then(|| float_reason(&found))
    };
    let found32 = match &measured.float32 {
        Some(Ok(words)) => float32_faults(words),
        _ => Vec::new(),
    };
    let float32 = right("float32 is not used", &measured.float32, &|_| {
        arithmetic(&found32, &[Role::Arithmetic, Role::Residual])
    });
    let float64 = right("float64 is not used", &measured.float64, &|words| {
        let all = [Role::Arithmetic, Role::Residual, Role::Divide, Role::Sqrt];
        arithmetic(&float64_faults(words), &all)
    });
    let atomics64 =
        right("64-bit atomics are not used", &measured.atomics64, &|words| atomics_reason(words, 64));
    let atomics32 = right(
        "workgroup memory is not used: 32-bit atomics in it are wrong",
        &measured.atomics32,
        &|words| atomics_reason(words, 32),
    );
    let subgroups = right("subgroup operations are not used", &measured.subgroups, &subgroups_reason);
    let corrected = |role: Role| found32.iter().find(|f| f.role == role);
    for (role, what) in [(Role::Divide, "division"), (Role::Sqrt, "square root")] {
        if let (true, Some(f)) = (float32, corrected(role)) {
            off.push(format!(
                "float32 {what} is not correctly rounded ({} of {} differ): it is corrected",
                f.wrong, f.of
            ));
        }
    }
    if float64 && !int64 {
        off.push("float64 is not used: its bits are held in 64-bit integers, which are not used".into());
    }
    if atomics64 && !int64 {
        off.push("64-bit atomics are not used: 64-bit integers are not used".into());
    }
    Abilities {
        int64,
        int64_atomics: int64 && atomics64,
        float32,
        divide32: float32 && corrected(Role::Divide).is_none(),
        sqrt32: float32 && corrected(Role::Sqrt).is_none(),
        float64: int64 && float64,
        subgroups,
        workgroup_bytes: if atomics32 { limits.workgroup_bytes } else { 0 },
        binding_bytes: limits.binding_bytes,
        max_groups: limits.max_groups,
        off,
    }
}

#[cfg(test)]
mod tests;
