//! What is found out about the adapter: probe, capabilities, pipelines on disk, rates, clocks.

use super::context;
use crate::DType;
use crate::backend::gpu::device::{Bind, Context, Dispatch};
use crate::backend::gpu::{Choice, DeviceClock, adapters, calibrate, capabilities, choose};
use std::path::{Path, PathBuf};
use std::time::Instant;
use wgpu::BufferUsages;

/// Another context, with its own cache folder. `None` where [`context`] is.
fn open(folder: Option<&Path>) -> Option<Context> {
    context()?;
    let mut found = adapters();
    let at = choose(&found, &Choice::Fastest).unwrap();
    Some(Context::open_with(found.swap_remove(at).adapter(), 1 << 30, folder).unwrap())
}

#[test]
fn the_probe_finds_lavapipe_right_in_all_that_is_used() {
    let Some(context) = context() else { return };
    let a = context.abilities();
    eprintln!("{a:?} {:?}", context.controls);
    // Everything that is off and was asked for has its sentence.
    let has = |f| context.features.contains(f);
    let said = |start: &str| a.off.iter().any(|s| s.starts_with(start));
    assert_ne!(a.float32, said("float32 is not used"));
    assert!(a.float32 || !(a.divide32 || a.sqrt32));
    assert_eq!(a.int64, has(wgpu::Features::SHADER_INT64) && !said("64-bit integers"));
    assert_eq!(
        a.float64,
        has(wgpu::Features::SHADER_F64 | wgpu::Features::SHADER_INT64) && !said("float64 is not used")
    );
    assert_eq!(a.subgroups, has(wgpu::Features::SUBGROUP) && !said("subgroup operations"));
    if context.info.name.contains("llvmpipe") && context.is_strict() {
        assert!(a.float32 && a.divide32 && a.sqrt32 && a.float64 && a.int64 && a.int64_atomics);
        assert!(a.workgroup_bytes >= 16384 && a.off.is_empty(), "{:?}", a.off);
    }
}

#[test]
fn capabilities_follow_the_probe() {
    let Some(context) = context() else { return };
    let c = capabilities(&context);
    let a = context.abilities();
    assert_eq!(c.disabled, a.off);
    assert_eq!(c.dtypes.contains(&DType::F64), a.float64);
    assert_eq!(c.dtypes.contains(&DType::U64), a.int64);
    assert_eq!(c.dtypes.contains(&DType::F16), a.float32);
    let json = serde_json::to_value(&c).unwrap();
    assert_eq!(json["backend"], "gpu");
    assert_eq!(json["limits"]["binding_bytes"].as_u64(), Some(a.binding_bytes));
    assert_eq!(json["software"].as_bool(), Some(json["kind"] == "software"));
    assert!(json["limits"]["workgroup_threads"].as_u64() >= Some(256) && json["api"].is_string());
}

fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().unwrap()
}

#[test]
fn pipelines_are_kept_and_a_damaged_file_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let Some(first) = open(Some(folder.path())) else { return };
    if !first.features.contains(wgpu::Features::PIPELINE_CACHE) {
        return;
    }
    let abilities = first.abilities();
    drop(first);
    let file = only_file(folder.path());
    let whole = std::fs::read(&file).unwrap();
    let data = crate::backend::files::unseal(1, &whole).unwrap();
    assert!(data.len() > 32, "the driver keeps nothing");
    // Nothing new: nothing is written.
    let stamp = |f: &Path| std::fs::metadata(f).unwrap().modified().unwrap();
    let before = stamp(&file);
    drop(open(Some(folder.path())));
    assert_eq!(stamp(&file), before);

    let mut damaged = whole.clone();
    let middle = whole.len() / 2;
    damaged[middle] ^= 0xff;
    for bad in [&damaged[..], &whole[..middle], b"", &[0xff; 4096]] {
        std::fs::write(&file, bad).unwrap();
        let again = open(Some(folder.path())).unwrap();
        assert_eq!(again.abilities(), abilities);
        drop(again);
        let repaired = std::fs::read(&file).unwrap();
        assert!(crate::backend::files::unseal(1, &repaired).is_some());
    }

    // A folder that cannot be: a file is in its place.
    let closed = file.join("below");
    assert_eq!(open(Some(&closed)).unwrap().abilities(), abilities);
    // None at all.
    assert_eq!(open(None).unwrap().abilities(), abilities);
}

#[test]
fn rates_are_measured_once() {
    let folder = tempfile::tempdir().unwrap();
    let Some(context) = context() else { return };
    let rates = calibrate(&context, Some(folder.path()), false).unwrap();
    assert!(rates.rates.is_sound(), "{rates:?}");
    assert_eq!(rates.software, context.info.device_type == wgpu::DeviceType::Cpu);
    assert!(rates.rates.dispatch_s > 0.0 && rates.rates.upload_bytes_per_s > Some(1e6));
    if context.abilities().float32 {
        assert!(rates.rates.narrow.elementwise_bytes_per_s.is_some());
    }
    let file = only_file(folder.path());
    assert!(file.file_name().unwrap().to_str().unwrap().starts_with("calibration-"));
    assert_eq!(calibrate(&context, Some(folder.path()), false).unwrap(), rates);
    std::fs::write(&file, "{}").unwrap();
    assert_ne!(calibrate(&context, Some(folder.path()), false).unwrap(), rates);
}

#[test]
fn the_devices_times_lie_within_the_hosts() {
    let Some(context) = context() else { return };
    let began = Instant::now();
    let Some(clock) = DeviceClock::new(&context, began, 2).unwrap() else {
        assert!(!context.info.name.contains("llvmpipe"));
        return;
    };
    let source = "@group(0) @binding(0) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) g: vec3<u32>) {
            var x = g.x;
            for (var i = 0u; i < 20000u; i++) { x = x * 1664525u + 1013904223u; }
            out[g.x] = x;
        }";
    let pipeline = context.pipeline("busy", source).unwrap();
    let out = context.buffer("output", 4 * 64 * 256, BufferUsages::STORAGE).unwrap();
    let binds = [Bind { at: 0, buffer: &out, range: None }];
    let run = |slot: u32| {
        let before = began.elapsed().as_secs_f64();
        let mut encoder = context.raw().create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes: Some(clock.writes(slot)),
            });
            context.encode(&mut pass, &Dispatch { pipeline: &pipeline, binds: &binds, groups: [256, 1, 1] });
        }
        clock.resolve(&mut encoder, slot);
        context.wait(context.queue().submit([encoder.finish()])).unwrap();
        (before, began.elapsed().as_secs_f64())
    };
    let hosts = [run(0), run(1)];
    let devices = [0, 1].map(|slot| clock.times(&context, slot).unwrap().unwrap());
    eprintln!("{hosts:?} {devices:?}");
    for (host, device) in hosts.iter().zip(&devices) {
        assert!(device.1 > device.0);
        // Clocks are matched to within the time of an empty submission.
        assert!(device.0 > host.0 - 5e-3 && device.1 < host.1 + 5e-3, "{host:?} {device:?}");
    }
    assert!(devices[1].0 >= devices[0].1);
}
