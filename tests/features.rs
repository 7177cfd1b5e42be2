//! What a build without a feature does: it says what is missing, where it is asked for, and does the rest.
//! With all features these tests say that there is nothing to say.

use chunkwise::{Array, DType, Device, ErrorKind, Plan, Session};

fn product(dtype: DType) -> Array {
    let x = Array::random(&[5, 7], 1, DType::F64).cast(dtype);
    x.matmul(&x.t())
}

#[test]
fn products_of_floats_need_the_feature_matmul() {
    let session = Session::builder().device(Device::Cpu).threads(1).memory("16MiB").build().unwrap();
    for dtype in DType::ALL {
        let planned = session.plan(&[&product(dtype).sum()]);
        if cfg!(feature = "matmul") || !dtype.is_float() {
            session.run_plan(&planned.unwrap()).unwrap();
            continue;
        }
        let e = planned.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Unsupported);
        assert!(e.message().contains("without the feature matmul"), "{e}");
        assert!(e.context("at").unwrap().contains("features.rs"), "{e}");
        assert!(e.message().contains(dtype.name()), "{e}");
    }
}

#[test]
fn a_plan_from_elsewhere_is_checked_too() {
    let session = Session::builder().device(Device::Cpu).threads(1).memory("16MiB").build().unwrap();
    let x = Array::random(&[2, 2], 1, DType::F64);
    let text = session.plan(&[&x]).unwrap().to_json().unwrap();
    let mut plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    let stage = &mut plan["stages"][0];
    let factor = serde_json::json!({"shape": [2, 2], "inputs": stage["inputs"], "program": stage["program"]});
    let product = serde_json::json!({"feed": "matmul", "with": {}, "of": [factor, factor]});
    stage["inputs"][0]["from"] = product;
    let read = Plan::from_json(&plan.to_string());
    if cfg!(feature = "matmul") {
        let multiplied = session.run_plan(&read.unwrap()).unwrap().values.remove(0);
        let written = session.run(&[&x.matmul(&x)]).unwrap().values.remove(0);
        assert_eq!(multiplied.as_array().unwrap().bytes(), written.as_array().unwrap().bytes());
        return;
    }
    let e = read.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    assert!(e.message().contains("without the feature matmul"), "{e}");
}

/// The GPU that is asked for and cannot be had.
#[test]
#[cfg(not(feature = "gpu"))]
fn without_the_feature_gpu_the_cpu_stands_in_or_the_session_is_refused() {
    let reason = "built without the feature gpu";
    let builder = || Session::builder().device(Device::Gpu).threads(1).memory("16MiB");
    let session = builder().build().unwrap();
    let x = Array::random(&[50], 1, DType::F64);
    let outcome = session.run(&[&x.sum()]).unwrap();
    let fallbacks = &outcome.report.fallbacks;
    assert!(fallbacks.len() == 1 && fallbacks[0].reason == reason && fallbacks[0].tasks > 0, "{fallbacks:?}");
    assert!(session.explain(&[&x.sum()]).unwrap().contains(reason));
    assert_eq!(session.devices().len(), 1);
    let e = builder().fallback(chunkwise::FallbackPolicy::Refuse).build().err().unwrap();
    assert!(e.kind() == ErrorKind::Device && e.message() == reason, "{e}");
    assert!(chunkwise::backend::gpu::adapters().is_empty());
    let auto = Session::builder().device(Device::Auto).threads(1).build().unwrap();
    assert_eq!(auto.run(&[&x.sum()]).unwrap().report.fallbacks.len(), 0);
}

/// The pictures that the program cannot draw.
#[test]
#[cfg(all(feature = "cli", not(feature = "plot")))]
fn without_the_feature_plot_pictures_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.png");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_chunkwise"));
    let output = command.args(["eval", "arange(3)", "--plot"]).arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("built without pictures") && said.contains("--features plot"), "{said}");
    assert!(output.stdout.is_empty() && !path.exists());
}
