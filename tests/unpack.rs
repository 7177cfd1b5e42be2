//! Chunks that go to the GPU as the file has them, shuffled or in foreign byte order: the same bits, the
//! same work, and what happens when the device fails. Lavapipe (Mesa's Vulkan for the CPU) is enough.

mod common;

use chunkwise::backend::gpu::{Choice, Fault, Gpu};
use chunkwise::{Array, BinAxis, DType, Device, FallbackPolicy, Index, Over, PlanOptions, Session, Target};
use common::{
    array, data_folder, dataset, elements, exact_text, folder, gpu_available as available, to_bytes,
    write_file,
};
use std::path::Path;

/// Blocks of one chunk each.
fn session(device: Device) -> Session {
    let builder = Session::builder().device(device).threads(2).memory("512MiB");
    builder.fallback(FallbackPolicy::Refuse).plan_options(PlanOptions::new().block_bytes(1)).build().unwrap()
}

/// Writes a dataset of big-endian elements, shuffled and deflated or bare.
fn write_big_endian(
    path: &Path,
    dtype: DType,
    shape: [u64; 2],
    chunk: [u64; 2],
    shuffle: bool,
    native: &[u8],
) {
    use hdf5_sys::{h5d::*, h5f::*, h5i::*, h5p::*, h5s::*, h5t::*};
    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    let swapped: Vec<u8> =
        native.chunks_exact(dtype.size()).flat_map(|e| e.iter().rev().copied().collect::<Vec<_>>()).collect();
    hdf5::sync::sync(|| unsafe {
        use DType::*;
        let base = match dtype {
            Bool => *H5T_STD_U8BE,
            I8 => *H5T_STD_I8BE,
            U8 => *H5T_STD_U8BE,
            I16 => *H5T_STD_I16BE,
            U16 => *H5T_STD_U16BE,
            I32 => *H5T_STD_I32BE,
            U32 => *H5T_STD_U32BE,
            I64 => *H5T_STD_I64BE,
            U64 => *H5T_STD_U64BE,
            F16 | F32 => *H5T_IEEE_F32BE,
            F64 => *H5T_IEEE_F64BE,
            _ => panic!("no test knows {dtype}"),
        };
        let ty = H5Tcopy(base);
        if dtype == F16 {
            assert!(H5Tset_fields(ty, 15, 10, 5, 0, 10) >= 0);
            assert!(H5Tset_size(ty, 2) >= 0);
            assert!(H5Tset_ebias(ty, 15) >= 0);
        }
        let file = H5Fcreate(name.as_ptr(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        let plist = H5Pcreate(*H5P_CLS_DATASET_CREATE);
        assert!(H5Pset_chunk(plist, 2, chunk.as_ptr()) >= 0);
        if shuffle {
            assert!(H5Pset_shuffle(plist) >= 0 && H5Pset_deflate(plist, 4) >= 0);
        }
        let space = H5Screate_simple(2, shape.as_ptr(), std::ptr::null());
        let data = H5Dcreate2(file, c"x".as_ptr(), ty, space, H5P_DEFAULT, plist, H5P_DEFAULT);
        assert!(data >= 0);
        assert!(H5Dwrite(data, ty, H5S_ALL, H5S_ALL, H5P_DEFAULT, swapped.as_ptr().cast()) >= 0);
        for id in [data, space, plist, file, ty] {
            assert!(H5Idec_ref(id) >= 0);
        }
    });
}

/// Elements of an array turned and backwards, one by one.
fn turned(native: &[u8], shape: [u64; 2], size: usize) -> Vec<u8> {
    let [rows, columns] = shape.map(|n| n as usize);
    (0..columns)
        .flat_map(|j| (0..rows).rev().map(move |i| i * columns + j))
        .flat_map(|at| native[at * size..][..size].to_vec())
        .collect()
}

#[test]
fn chunks_go_up_as_they_are_stored_and_the_bits_are_the_same() {
    if !available("chunks_go_up_as_they_are_stored_and_the_bits_are_the_same") {
        return;
    }
    let folder = folder();
    let (gpu, cpu) = (session(Device::Gpu), session(Device::Cpu));
    let shape = [20u64, 31];
    for dtype in DType::ALL {
        let native = to_bytes(&elements(dtype, 20 * 31, 4, "wide"));
        let other = array(dtype, &shape, 9, "small");
        let memory = array(dtype, &shape, 4, "wide");
        for (chunk, whole, all) in [([7u64, 9], 2 * 3, 3 * 4), ([5, 8], 4 * 3, 4 * 4), ([20, 31], 1, 1)] {
            for (order, shuffle) in [("little", true), ("big", true), ("big", false)] {
                let case = format!("{dtype} {chunk:?} {order} {shuffle}");
                let path = folder.path().join(format!("{dtype}_{}_{order}_{shuffle}.h5", chunk[0]));
                if order == "little" {
                    write_file(&path, &[(dataset("x", &shape, dtype, Some(&chunk), Some(1)), &native)]);
                } else if dtype == DType::Bool {
                    continue;
                } else {
                    write_big_endian(&path, dtype, shape, chunk, shuffle, &native);
                }
                let x = Array::open(&path, "x").unwrap();
                assert_eq!(x.dtype().unwrap(), dtype);
                let packed = if dtype.size() > 1 { whole } else { 0 };
                let targets = |x: &Array| -> Vec<(&str, Box<dyn Target>)> {
                    vec![
                        ("max", Box::new(x.max_with(Over::axis(0)))),
                        ("equal", Box::new(x.equal(&other))),
                        ("sum", Box::new(x.cast(DType::F32).sum())),
                    ]
                };
                for ((name, target), (_, right)) in targets(&x).iter().zip(targets(&memory)) {
                    let outcome =
                        gpu.run(&[target.as_ref()]).unwrap_or_else(|e| panic!("{case} {name}: {e}"));
                    let right = cpu.run(&[right.as_ref()]).unwrap();
                    assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]), "{case} {name}");
                    let r = outcome.report;
                    assert!(r.tasks.gpu > 0 && r.tasks.cpu == 0, "{case} {name}: {r:?}");
                    assert_eq!((r.chunks_decoded, r.chunks_packed), (all, packed), "{case} {name}");
                    assert_eq!(r.bytes_decoded, all * chunk[0] * chunk[1] * dtype.size() as u64, "{case}");
                    assert!(r.peak_host_bytes <= r.projected_host_bytes, "{case}: {r:?}");
                    // The CPU reads the same file, and never packed.
                    let on_cpu = cpu.run(&[target.as_ref()]).unwrap();
                    assert_eq!(exact_text(&on_cpu.values[0]), exact_text(&right.values[0]), "{case} {name}");
                    assert_eq!((on_cpu.report.chunks_decoded, on_cpu.report.chunks_packed), (all, 0));
                }
                let view = x.index([Index::ALL.step(-1)]).t();
                let outcome = gpu.run(&[&view]).unwrap();
                let got = outcome.values[0].as_array().unwrap();
                assert!(got.bytes() == turned(&native, shape, dtype.size()), "{case} turned");
            }
        }
    }
}

/// A chunk that several blocks, or one block twice, want is decoded once and kept.
#[test]
fn a_chunk_that_is_wanted_again_is_not_packed() {
    if !available("a_chunk_that_is_wanted_again_is_not_packed") {
        return;
    }
    let folder = folder();
    let path = folder.path().join("a.h5");
    let native = to_bytes(&elements(DType::F32, 40 * 40, 4, "wide"));
    write_file(&path, &[(dataset("x", &[40, 40], DType::F32, Some(&[10, 10]), Some(1)), &native)]);
    let x = Array::open(&path, "x").unwrap();
    let memory = array(DType::F32, &[40, 40], 4, "wide");
    let (gpu, cpu) = (session(Device::Gpu), session(Device::Cpu));
    let back = |x: &Array| (x + x.t()).max();
    let outcome = gpu.run(&[&back(&x)]).unwrap();
    let right = cpu.run(&[&back(&memory)]).unwrap();
    assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]));
    assert!(outcome.report.tasks.gpu > 0);
    assert_eq!(
        (outcome.report.chunks_decoded, outcome.report.chunks_packed),
        (16, 0),
        "{:?}",
        outcome.report
    );
    // One operand is packed, another is a part of chunks, a third lies in memory.
    let mixed = |x: &Array| (x.index([Index::from(0..20)]) * memory.index([Index::from(7..27)])).std();
    let outcome = gpu.run(&[&mixed(&x)]).unwrap();
    let right = cpu.run(&[&mixed(&memory)]).unwrap();
    assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]));
    assert_eq!(outcome.report.chunks_packed, 8, "{:?}", outcome.report);
    let clipped = |x: &Array| {
        x.index([Index::from(5..40)]).histogram(BinAxis::Uniform { bins: 9, low: -3.0, high: 3.0 })
    };
    let outcome = gpu.run(&[&clipped(&x)]).unwrap();
    let right = cpu.run(&[&clipped(&memory)]).unwrap();
    assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]));
    assert_eq!(
        (outcome.report.chunks_decoded, outcome.report.chunks_packed),
        (16, 12),
        "{:?}",
        outcome.report
    );
}

/// The device fails at its first or third submission: what it had under way is read again, plain, for the CPU.
#[test]
fn a_device_that_fails_leaves_nothing_packed_to_the_cpu() {
    if !available("a_device_that_fails_leaves_nothing_packed_to_the_cpu") {
        return;
    }
    let folder = folder();
    let path = folder.path().join("a.h5");
    write_big_endian(
        &path,
        DType::F64,
        [400, 500],
        [50, 50],
        true,
        &to_bytes(&elements(DType::F64, 400 * 500, 4, "inf")),
    );
    let x = Array::open(&path, "x").unwrap();
    let memory = array(DType::F64, &[400, 500], 4, "inf");
    let cpu = session(Device::Cpu);
    // Elements are submitted block by block, a total only once or twice by each worker.
    let targets = |x: &Array| -> Vec<(u64, Box<dyn Target>)> {
        vec![(2, Box::new(x.equal(0.5))), (0, Box::new(x.max()))]
    };
    for (n, fault) in [Fault::Lost, Fault::OutOfMemory].into_iter().enumerate() {
        for ((at, target), (_, right)) in targets(&x).into_iter().zip(targets(&memory)) {
            // A budget of its own, so that no other test shares the device.
            let budget = (310 << 20) + n as u64;
            let right = cpu.run(&[right.as_ref()]).unwrap();
            let device = Gpu::open(&Choice::Fastest, Some(budget), 2).unwrap();
            device.context().fail_at(at, fault);
            let builder = Session::builder().device(Device::Gpu).threads(2).memory("512MiB");
            let builder = builder.device_memory_bytes(budget);
            let session = builder.plan_options(PlanOptions::new().block_bytes(1)).build().unwrap();
            let outcome = session.run(&[target.as_ref()]).unwrap();
            let report = &outcome.report;
            assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]), "{fault:?} {report:?}");
            assert!(report.tasks.cpu > 0 && (at == 0 || report.tasks.gpu > 0), "{fault:?} {report:?}");
            assert_eq!(report.tasks.cpu, report.fallbacks.iter().map(|f| f.tasks).sum::<u64>());
            assert_eq!(report.tasks.cpu + report.tasks.gpu, 80, "{fault:?} {report:?}");
            // What the device had was packed; what the CPU did was read for it once more, and plain.
            assert!(report.chunks_packed >= report.tasks.gpu && report.chunks_packed > 0, "{report:?}");
            assert_eq!(
                report.chunks_decoded - report.chunks_packed,
                report.tasks.cpu,
                "{fault:?} {report:?}"
            );
        }
    }
}

#[test]
fn real_files_have_the_same_bits() {
    let name = "real_files_have_the_same_bits";
    let Some(data) = data_folder(name).filter(|_| available(name)) else { return };
    let (gpu, cpu) = (session(Device::Gpu), session(Device::Cpu));
    // Shuffled and deflated, with the whole chunks that there are.
    for (file, dataset, dtype, whole) in [
        ("climate/xclim_sic_SImon_CanESM5_2020.nc", "siconc", DType::F32, 12),
        ("climate/xclim_sic_SImon_CanESM5_2020.nc", "vertices_latitude", DType::F64, 1),
        ("climate/xclim_pr_day_CanESM2_na10k_2095.nc", "time_vectors", DType::F64, 12),
        ("climate/xclim_pr_day_CanESM2_na10k_2095.nc", "time", DType::I32, 1),
        ("climate/xclim_pr_day_CanESM2_na10k_2095.nc", "ts", DType::I16, 1),
        ("radar/openradar_example_plot_ppi_single_sweep.nc", "reflectivity_at_cor", DType::I16, 1),
    ] {
        let x = Array::open(data.join(file), dataset).unwrap();
        assert_eq!(x.dtype().unwrap(), dtype, "{dataset}");
        for target in [x.min(), x.equal(0)] {
            let outcome = gpu.run(&[&target]).unwrap();
            let right = cpu.run(&[&target]).unwrap();
            assert_eq!(exact_text(&outcome.values[0]), exact_text(&right.values[0]), "{dataset}");
            let r = outcome.report;
            assert_eq!(r.chunks_decoded, right.report.chunks_decoded, "{dataset}");
            assert_eq!(r.chunks_packed, whole, "{dataset}: {r:?}");
        }
    }
}
