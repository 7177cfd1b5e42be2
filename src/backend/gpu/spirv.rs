//! SPIR-V from WGSL, with what WGSL has no words for: contraction is forbidden, and signed zeros,
//! infinities, NaN and subnormals are to be kept.
//!
//! naga writes the words; this module reads them once more and puts the decorations in. Only the
//! layout of instructions is relied on (SPIR-V specification, section 2.3 and 2.4).

use crate::error::{Error, ErrorKind, Result};
use wgpu::naga;

const CAPABILITY: u32 = 17;
const EXTENSION: u32 = 10;
const MEMORY_MODEL: u32 = 14;
const ENTRY_POINT: u32 = 15;
const EXECUTION_MODE: u32 = 16;
const DECORATE: u32 = 71;
const TYPE_FLOAT: u32 = 22;
const NO_CONTRACTION: u32 = 42;

/// Float arithmetic that a compiler may join into fused operations, or reorder.
const ARITHMETIC: [u32; 6] = [
    127, // OpFNegate
    129, // OpFAdd
    131, // OpFSub
    133, // OpFMul
    136, // OpFDiv
    141, // OpFMod
];

/// What a module asks of the float unit, as far as the driver has it (`VK_KHR_shader_float_controls`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FloatControls {
    /// Subnormals are kept, per float width in bits: 32, 64.
    pub denorm_preserve: [bool; 2],
    /// Signed zeros, infinities and NaN are kept: 32, 64.
    pub signed_zero_inf_nan_preserve: [bool; 2],
}

/// Everything that shaders of this crate may use; what a device lacks is never generated for it.
pub fn capabilities() -> naga::valid::Capabilities {
    use naga::valid::Capabilities as C;
    C::FLOAT64
        | C::SHADER_INT64
        | C::SUBGROUP
        | C::SHADER_INT64_ATOMIC_MIN_MAX
        | C::SHADER_INT64_ATOMIC_ALL_OPS
        | C::SHADER_FLOAT16
}

/// Parses and validates WGSL, and leaves out what its entry points do not use.
///
/// # Errors
/// `Internal` with the place in the source: shaders are ours.
pub fn parse(label: &str, source: &str) -> Result<(naga::Module, naga::valid::ModuleInfo)> {
    let fault = |what: String| Error::new(ErrorKind::Internal, what).at("shader", label);
    let mut module = naga::front::wgsl::parse_str(source).map_err(|e| fault(e.emit_to_string(source)))?;
    let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities());
    validator.subgroup_stages(naga::valid::ShaderStages::COMPUTE);
    validator.subgroup_operations(naga::valid::SubgroupOperationSet::all());
    validator.validate(&module).map_err(|e| fault(e.emit_to_string(source)))?;
    naga::compact::compact(&mut module, naga::compact::KeepUnused::No);
    let info = validator.validate(&module).map_err(|e| fault(e.emit_to_string(source)))?;
    Ok((module, info))
}

/// The module's words. Loops are not bounded and accesses not checked by the compiler: generated
/// kernels stay within their buffers by construction.
///
/// # Errors
/// `Internal` if naga cannot write it.
pub fn words(
    label: &str,
    module: &naga::Module,
    info: &naga::valid::ModuleInfo,
    controls: FloatControls,
) -> Result<Vec<u32>> {
    use naga::back::spv;
    let unchecked = naga::proc::BoundsCheckPolicy::Unchecked;
    // wgpu numbers a layout's entries for Vulkan from 0 without gaps. It does so for modules that it
    // writes itself; ours must say the same.
    let mut used: Vec<_> = module.global_variables.iter().filter_map(|(_, v)| v.binding).collect();
    used.sort_unstable_by_key(|b| b.binding);
    let numbered = |(n, b): (usize, naga::ResourceBinding)| {
        let info = spv::BindingInfo { descriptor_set: b.group, binding: n as u32, binding_array_size: None };
        (b, info)
    };
    let options = spv::Options {
        lang_version: (1, 3),
        flags: spv::WriterFlags::empty(),
        bounds_check_policies: naga::proc::BoundsCheckPolicies {
            index: unchecked,
            buffer: unchecked,
            image_load: unchecked,
            binding_array: unchecked,
        },
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: false,
        binding_map: used.into_iter().enumerate().map(numbered).collect(),
        ..spv::Options::default()
    };
    let words = spv::write_vec(module, info, &options, None)
        .map_err(|e| Error::new(ErrorKind::Internal, e.to_string()).at("shader", label))?;
    strict(&words, controls).ok_or_else(|| {
        Error::new(ErrorKind::Internal, "the SPIR-V is not laid out as specified").at("shader", label)
    })
}

/// The same module with its float arithmetic decorated and its execution modes set.
fn strict(words: &[u32], controls: FloatControls) -> Option<Vec<u32>> {
    let mut arithmetic = Vec::new();
    let mut widths = Vec::new();
    let mut entries = Vec::new();
    let (mut after_capabilities, mut after_extensions, mut after_modes, mut decorations) = (5, 0, 0, 0);
    let mut at = 5;
    while at < words.len() {
        let (len, op) = ((words[at] >> 16) as usize, words[at] & 0xffff);
        if len == 0 || at + len > words.len() {
            return None;
        }
        match op {
            CAPABILITY => after_capabilities = at + len,
            MEMORY_MODEL => after_extensions = at,
            ENTRY_POINT => {
                entries.push(words[at + 2]);
                after_modes = at + len;
            }
            EXECUTION_MODE => after_modes = at + len,
            DECORATE if decorations == 0 => decorations = at,
            TYPE_FLOAT => widths.push(words[at + 2]),
            op if ARITHMETIC.contains(&op) => arithmetic.push(words[at + 2]),
            _ => {}
        }
        at += len;
    }
    // The first annotation: a module without bindings has none, but every kernel has bindings.
    if decorations == 0 || after_modes == 0 {
        return None;
    }
    // Capability and execution mode have one number each: DenormPreserve 4464 and 4459,
    // SignedZeroInfNanPreserve 4466 and 4461.
    let mut modes = Vec::new();
    let mut wanted = Vec::new();
    for (k, width) in [32, 64].into_iter().enumerate() {
        if !widths.contains(&width) {
            continue;
        }
        for (on, capability, mode) in [
            (controls.denorm_preserve[k], 4464, 4459),
            (controls.signed_zero_inf_nan_preserve[k], 4466, 4461),
        ] {
            if on {
                wanted.push(capability);
                entries.iter().for_each(|&e| modes.extend([(4 << 16) | EXECUTION_MODE, e, mode, width]));
            }
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    let mut out = Vec::with_capacity(words.len() + 3 * arithmetic.len() + 64);
    out.extend_from_slice(&words[..after_capabilities]);
    wanted.iter().for_each(|&c| out.extend([(2 << 16) | CAPABILITY, c]));
    if !wanted.is_empty() {
        let mut name = b"SPV_KHR_float_controls".to_vec();
        name.resize(name.len() / 4 * 4 + 4, 0);
        out.push(((name.len() as u32 / 4 + 1) << 16) | EXTENSION);
        out.extend(name.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])));
    }
    debug_assert!(after_extensions >= after_capabilities);
    out.extend_from_slice(&words[after_capabilities..after_modes]);
    out.extend(modes);
    out.extend_from_slice(&words[after_modes..decorations]);
    arithmetic.iter().for_each(|&id| out.extend([(3 << 16) | DECORATE, id, NO_CONTRACTION]));
    out.extend_from_slice(&words[decorations..]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "@group(0) @binding(0) var<storage, read_write> a: array<f32>;
        fn unused(x: f32) -> f32 { return x * 3.0; }
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {
            a[g.x] = a[g.x] * 2.0 + 1.0;
        }";

    #[test]
    fn every_float_operation_is_decorated_and_unused_functions_are_gone() {
        let (module, info) = parse("test", SOURCE).unwrap();
        assert_eq!(module.functions.len(), 0);
        let all = FloatControls { denorm_preserve: [true; 2], signed_zero_inf_nan_preserve: [true; 2] };
        let words = words("test", &module, &info, all).unwrap();
        let mut decorated = 0;
        let mut capabilities = Vec::new();
        let mut at = 5;
        while at < words.len() {
            match words[at] & 0xffff {
                DECORATE if words[at + 2] == NO_CONTRACTION => decorated += 1,
                CAPABILITY => capabilities.push(words[at + 1]),
                _ => {}
            }
            at += (words[at] >> 16) as usize;
        }
        assert_eq!(decorated, 2);
        assert!(capabilities.contains(&4464) && capabilities.contains(&4466));
    }

    #[test]
    fn bindings_are_numbered_without_gaps() {
        let source = "@group(0) @binding(4) var<storage, read_write> b: array<u32>;
            @group(0) @binding(2) var<storage, read> unused: array<u32>;
            @group(0) @binding(1) var<storage, read> a: array<u32>;
            @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {
                b[g.x] = a[g.x];
            }";
        let (module, info) = parse("test", source).unwrap();
        let words = words("test", &module, &info, FloatControls::default()).unwrap();
        let mut numbers = Vec::new();
        let mut at = 5;
        while at < words.len() {
            // OpDecorate … Binding
            if words[at] & 0xffff == DECORATE && words[at + 2] == 33 {
                numbers.push(words[at + 3]);
            }
            at += (words[at] >> 16) as usize;
        }
        numbers.sort_unstable();
        assert_eq!(numbers, [0, 1]);
    }

    #[test]
    fn a_shader_with_a_fault_names_the_place() {
        let e = parse("broken", "fn f() -> f32 { return 1u; }").unwrap_err();
        assert!(e.to_string().contains("broken"), "{e}");
    }
}
