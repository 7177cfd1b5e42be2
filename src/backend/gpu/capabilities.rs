//! What an opened adapter can do, for people and for binding.

use super::device::Context;
use crate::DType;
use crate::backend::{AdapterDetails, AdapterLimits, Capabilities, DeviceKind};
use wgpu::{DeviceType, Features};

/// The adapter's capabilities.
pub fn capabilities(context: &Context) -> Capabilities {
    let Context { info, limits, .. } = context;
    let abilities = context.abilities();
    let kind = kind(info.device_type);
    let usable = |d: &DType| match d {
        DType::F64 => abilities.float64,
        DType::I64 | DType::U64 => abilities.int64,
        DType::F16 | DType::F32 => abilities.float32,
        _ => true,
    };
    Capabilities {
        backend: DeviceKind::Gpu,
        name: info.name.clone(),
        software: kind == "software",
        threads: 1,
        features: features(context.features),
        dtypes: DType::ALL.iter().copied().filter(usable).collect(),
        disabled: abilities.off,
        adapter: Some(AdapterDetails {
            api: info.backend.to_string(),
            driver: driver(info),
            kind: kind.into(),
            unified_memory: is_unified(info.device_type, context.features),
            subgroup_sizes: [info.subgroup_min_size, info.subgroup_max_size],
            limits: AdapterLimits {
                buffer_bytes: limits.max_buffer_size,
                binding_bytes: abilities.binding_bytes,
                workgroup_bytes: abilities.workgroup_bytes,
                workgroup_threads: limits.max_compute_invocations_per_workgroup,
                max_groups: abilities.max_groups,
                memory_budget_bytes: context.memory.budget(),
            },
        }),
    }
}

/// `discrete`, `integrated`, `virtual`, `software` or `other`.
pub fn kind(device_type: DeviceType) -> &'static str {
    match device_type {
        DeviceType::DiscreteGpu => "discrete",
        DeviceType::IntegratedGpu => "integrated",
        DeviceType::VirtualGpu => "virtual",
        DeviceType::Cpu => "software",
        DeviceType::Other => "other",
    }
}

/// The driver and its version.
pub fn driver(info: &wgpu::AdapterInfo) -> String {
    format!("{} {}", info.driver, info.driver_info).trim().to_string()
}

/// Whether host and device share their memory, so that storage buffers may be written where they are.
/// A discrete card may offer mapped buffers too, in its own memory behind the bus.
pub fn is_unified(device_type: DeviceType, features: Features) -> bool {
    matches!(device_type, DeviceType::IntegratedGpu | DeviceType::Cpu)
        && features.contains(Features::MAPPABLE_PRIMARY_BUFFERS)
}

fn features(features: Features) -> Vec<String> {
    features.iter_names().map(|(name, _)| name.to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_shared_only_where_buffers_can_be_mapped_in_place() {
        let mappable = Features::MAPPABLE_PRIMARY_BUFFERS;
        assert!(is_unified(DeviceType::IntegratedGpu, mappable) && is_unified(DeviceType::Cpu, mappable));
        assert!(!is_unified(DeviceType::DiscreteGpu, mappable));
        assert!(!is_unified(DeviceType::IntegratedGpu, Features::empty()));
    }

    #[test]
    fn features_are_named() {
        assert_eq!(features(Features::SHADER_F64 | Features::SUBGROUP), ["shader_f64", "subgroup"]);
    }
}
