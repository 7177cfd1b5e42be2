//! Without an adapter: the library is valid for every set of abilities, every row and cast has its
//! functions, and what a device lacks is refused with the reason.

use super::data::special;
use super::{is_elsewhere, register, signatures};
use crate::backend::gpu::{Abilities, library, spirv};
use crate::dtype::{DType, Scalar};
use crate::ops::elementwise::{Op, Signature};
use crate::ops::program::{Program, Step};
use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

pub fn abilities(int64: bool, float32: bool, float64: bool) -> Abilities {
    Abilities {
        int64,
        int64_atomics: int64,
        float32,
        divide32: false,
        sqrt32: false,
        float64,
        subgroups: false,
        workgroup_bytes: 16384,
        binding_bytes: 1 << 27,
        max_groups: 65535,
        off: Vec::new(),
    }
}

fn all_abilities() -> impl Iterator<Item = Abilities> {
    let bools = || [false, true].into_iter();
    bools().flat_map(move |i| bools().flat_map(move |f| bools().map(move |d| abilities(i, f, d && i))))
}

/// Why a device cannot compute a row.
pub fn refusal(op: Op, signature: &Signature, abilities: &Abilities) -> Option<String> {
    let inputs = signature.args.to_vec();
    let mut steps: Vec<Step> = (0..inputs.len() as u32).map(Step::Input).collect();
    let args = (0..inputs.len() as u32).collect();
    steps.push(Step::Apply { op, args, signature: signature.clone() });
    let outputs = vec![inputs.len() as u32];
    refused(&Program { inputs, steps, outputs }, abilities)
}

/// Why a device cannot run some step of a program.
fn refused(program: &Program, abilities: &Abilities) -> Option<String> {
    (0..program.steps.len()).find_map(|n| library::check(program, n, abilities).err())
}

#[test]
fn the_library_is_valid_and_needs_only_the_abilities() {
    for abilities in all_abilities() {
        let text = library::text(&abilities);
        spirv::parse("library", &text).unwrap();
        let module = wgpu::naga::front::wgsl::parse_str(&text).unwrap();
        let mut capabilities = Capabilities::empty();
        capabilities.set(Capabilities::SHADER_INT64, abilities.int64);
        capabilities.set(Capabilities::FLOAT64, abilities.float64);
        Validator::new(ValidationFlags::all(), capabilities)
            .validate(&module)
            .unwrap_or_else(|e| panic!("{abilities:?}: {}", e.emit_to_string(&text)));
    }
}

#[test]
fn every_row_and_cast_has_its_functions() {
    let able = abilities(true, true, true);
    let mut there = 0;
    for op in Op::all() {
        for signature in signatures(op) {
            assert_eq!(refusal(op, &signature, &able), None, "{} {signature}", op.name());
            there += 1;
        }
    }
    assert!(there > 400, "{there}");
    for from in DType::ALL {
        for to in DType::ALL {
            let steps = vec![Step::Input(0), Step::Cast { from: 0, to }];
            let program = Program { inputs: vec![from], steps, outputs: vec![1] };
            assert_eq!(refused(&program, &abilities(true, false, false)), None, "{from} to {to}");
            let wide = [from, to].into_iter().find(|d| d.size() == 8);
            assert_eq!(
                refused(&program, &abilities(false, false, false)),
                wide.map(|d| format!("the adapter has no 64-bit integers, which {d} needs"))
            );
        }
    }
}

/// A row says in which file its functions are.
#[test]
fn functions_are_in_the_rows_files() {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders"));
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
    for op in Op::all() {
        for signature in signatures(op) {
            let call = op.wgsl(&signature).unwrap();
            if call.function.is_empty() {
                assert_eq!(call.file, "", "{op} {signature}");
                continue;
            }
            // float64's long functions are made of float32's text; float16's own are beside its conversions.
            let file = call.file;
            let [own, narrow] = [&*call.function, &call.function.replace("float64", "float32")]
                .map(|name| format!("fn {name}("));
            let there = ["", "32", "64", "64_arithmetic"]
                .iter()
                .any(|end| read(&format!("{file}{end}.wgsl")).contains(&own))
                || (file == "float" && read("half.wgsl").contains(&own))
                || (is_elsewhere(op, &signature) && read(&format!("{file}.wgsl")).contains(&narrow));
            assert!(there, "{op} {signature}: {} is not in {file}", call.function);
        }
    }
}

#[test]
fn what_a_device_lacks_is_refused_with_the_reason() {
    let able = abilities(true, true, true);
    for op in Op::all() {
        // What rounds needs the float unit: float32's for float32 and float16, float64's for float64. All other
        // rows move bits or compute in integers.
        // The remainder of fmod is exact, and found by float arithmetic; ldexp rounds, in integers.
        let computed = (op.row().bound.f32 > 0.0 || op == Op::FMOD) && op != Op::LDEXP;
        for signature in signatures(op) {
            let missing = refusal(op, &signature, &able);
            let float = Some(signature.args[0]).filter(|d| d.is_float() && computed);
            for abilities in all_abilities() {
                let wide = |d: &&DType| d.size() == 8 && !abilities.int64;
                let expected = match (signature.args.iter().find(wide), float) {
                    (Some(d), _) => Some(format!("the adapter has no 64-bit integers, which {d} needs")),
                    (_, Some(DType::F64)) if !abilities.float64 => {
                        Some("float64 arithmetic is not usable on the adapter".to_string())
                    }
                    (_, Some(DType::F16 | DType::F32)) if !abilities.float32 => {
                        Some("float32 arithmetic is not exact on the adapter".to_string())
                    }
                    _ => missing.clone(),
                };
                assert_eq!(refusal(op, &signature, &abilities), expected, "{} {signature}", op.name());
            }
        }
    }
}

#[test]
fn calls_are_what_the_table_says() {
    let name = |n: &str| Op::from_name(n).unwrap();
    let call = |n: &str, args: &[DType], out: DType| {
        let signature = Signature { args: args.into(), out };
        let args: Vec<String> = ["a", "b", "c"].iter().take(args.len()).map(|s| s.to_string()).collect();
        library::call(name(n), &signature, &args)
    };
    use DType::*;
    assert_eq!(call("add", &[I8, I8], I8), "wrap_int8(add_uint32(a, b))");
    assert_eq!(call("minimum", &[I16, I16], I16), "minimum_int32(a, b)");
    assert_eq!(call("exp", &[F16], F16), "narrow16(exp_float32(widen16(a)))");
    assert_eq!(call("power", &[F64, F64], F64), "power_float64(a, b)");
    assert_eq!(call("greater", &[I64, U64], Bool), "less_uint64_int64(b, a)");
    assert_eq!(call("equal", &[U64, I64], Bool), "equal_int64_uint64(b, a)");
    assert_eq!(call("greater_equal", &[F16, F16], Bool), "less_equal_float32(widen16(b), widen16(a))");
    assert_eq!(call("where", &[Bool, F16, F16], F16), "where_uint32(a, b, c)");
    assert_eq!(call("floor", &[U8], U8), "a");
    assert_eq!(library::cast(F16, U8, "a"), "clamp_uint8(cast_float32_uint32(widen16(a)))");
    assert_eq!(library::cast(U64, I16, "a"), "wrap_int16(low64(a))");
    assert_eq!(library::cast(I8, U32, "a"), "a");
    assert_eq!(library::cast(F64, I32, "a"), "clamp_int64_int32(cast_float64_int64(a))");
    // A signature that a row does not have is refused, never guessed.
    let wrong = Signature { args: [F32, F32][..].into(), out: F32 };
    assert_eq!(name("bitwise_and").wgsl(&wrong), None);
    assert!(refusal(name("bitwise_and"), &wrong, &abilities(true, true, true)).is_some());
}

#[test]
fn constants_are_what_registers_hold() {
    for d in DType::ALL {
        for v in special(d) {
            let value = Scalar::from_bytes(d, &v.to_le_bytes()[..d.size()]).unwrap();
            assert_eq!(library::bits(value), register(d, v), "{value:?}");
        }
    }
}
