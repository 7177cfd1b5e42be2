//! Every numeric dataset of the data folder against h5py, and NumPy's answers over a snapshot.
//! The goldens come from `tests/goldens/make_real_data.py`.

mod common;

use chunkwise::{Array, BinAxis, DType, ErrorKind, Over};
use common::{checksum, data_folder, golden, session};

/// Filters that a libhdf5 without plugins does not have, and how an error may name them.
const PLUGINS: &[(u64, &str)] = &[
    (307, "bzip2"),
    (4, "szip"),
    (32000, "lzf"),
    (32001, "blosc"),
    (32008, "bitshuffle"),
    (32013, "zfp"),
    (32020, "vbz"),
];

#[test]
fn every_numeric_dataset_reads_as_h5py_reads_it() {
    let Some(folder) = data_folder("every_numeric_dataset_reads_as_h5py_reads_it") else { return };
    let golden = golden("real_data.json");
    let session = session(2, "256MiB");
    let (mut read, mut refused, mut wrong) = (0, 0, Vec::new());
    for row in golden["datasets"].as_array().unwrap() {
        let (file, path) = (row[0].as_str().unwrap(), row[1].as_str().unwrap());
        let filters: Vec<u64> = row[4].as_array().unwrap().iter().map(|f| f.as_u64().unwrap()).collect();
        let plugin = PLUGINS.iter().find(|p| filters.contains(&p.0));
        let answer = Array::open(folder.join(file), path).and_then(|a| session.compute(&a));
        match (answer, plugin) {
            (Ok(v), _) => {
                let shape: Vec<u64> =
                    row[3].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
                let sum = format!("{:016x}", checksum(v.bytes()));
                if v.dtype().name() != row[2] || v.shape() != shape || row[5] != sum {
                    wrong.push(format!(
                        "{file} {path}: {} {:?} {sum}, h5py says {row}",
                        v.dtype(),
                        v.shape()
                    ));
                }
                read += 1;
            }
            (Err(e), Some((id, name))) => {
                let text = e.to_string();
                let named = text.to_lowercase().contains(name) || text.contains(&id.to_string());
                if e.kind() != ErrorKind::Filter || !named || !text.contains(path) || !text.contains(file) {
                    wrong.push(format!("{file} {path}: the error does not say enough: {e:?}"));
                }
                refused += 1;
            }
            (Err(e), None) => wrong.push(format!("{file} {path}: {e:?}")),
        }
    }
    println!("{read} datasets read as h5py reads them, {refused} refused with the filter's name");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(read + refused, golden["datasets"].as_array().unwrap().len());
    assert!(read >= 250, "only {read} datasets were read");
}

/// What a newcomer does first, beside NumPy's answers.
#[test]
fn a_gadget_snapshot_as_numpy_sees_it() {
    let Some(folder) = data_folder("a_gadget_snapshot_as_numpy_sees_it") else { return };
    let g = &golden("real_data.json")["gadget"];
    let number = |key: &str| g[key].as_f64().unwrap();
    let numbers = |v: &serde_json::Value| -> Vec<f64> {
        v.as_array().unwrap().iter().map(|n| n.as_f64().unwrap()).collect()
    };
    let counts = |key: &str| -> Vec<u64> {
        g[key][0].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
    };
    let file = folder.join(g["file"].as_str().unwrap());
    let rho = Array::open(&file, "/PartType0/Density").unwrap();
    let u = Array::open(&file, "PartType0/InternalEnergy").unwrap();
    let log = rho.log10();
    let wide = rho.mean_with(Over::all().dtype(DType::F64));
    let automatic = rho.histogram(BinAxis::Auto(32));
    let uniform = log.histogram(BinAxis::Uniform { bins: 32, low: -10.0, high: -6.0 });
    let edges = numbers(&g["hist_edges"][1]);
    let weighted = rho.histogram(BinAxis::Edges(edges)).weights(&u);
    let outcome = session(2, "64MiB")
        .run(&[
            &rho.mean(),
            &wide,
            &log.std(),
            &rho.min(),
            &rho.max(),
            &rho.argmax(),
            &automatic,
            &uniform,
            &weighted,
            &log.std_with(Over::all().dtype(DType::F64)),
        ])
        .unwrap();
    let v = |i: usize| outcome.values[i].as_array().unwrap();
    let h = |i: usize| outcome.values[i].as_histogram().unwrap();

    // Ours are exact and rounded once; NumPy's float32 pairwise mean is near.
    let exact = number("mean_f64");
    assert_eq!(v(1).item::<f64>().unwrap(), exact);
    assert_eq!(v(0).item::<f32>().unwrap(), exact as f32);
    assert!((number("numpy_mean") - exact).abs() <= 1e-6 * exact.abs());
    let std = v(2).item::<f32>().unwrap() as f64;
    assert!((std - number("numpy_std_log10")).abs() <= 2e-7, "{std}");
    let std = v(9).item::<f64>().unwrap();
    assert!((std - number("numpy_std_log10_f64")).abs() <= 1e-7, "{std}");
    assert_eq!(v(3).item::<f32>().unwrap() as f64, number("min"));
    assert_eq!(v(4).item::<f32>().unwrap() as f64, number("max"));
    assert_eq!(v(5).item::<i64>().unwrap(), number("argmax") as i64);

    assert_eq!(h(6).counts(), counts("hist"));
    let bits = |v: &[f64]| v.iter().map(|e| e.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&h(6).edges()[0]), bits(&numbers(&g["hist"][1])));
    // log10 in float32 may differ by an ULP, so a value on an edge may be one bin off.
    let off: u64 = h(7).counts().iter().zip(counts("hist_log10")).map(|(&a, b)| a.abs_diff(b)).sum();
    assert!(off <= 4, "{:?} against {:?}", h(7).counts(), counts("hist_log10"));
    assert_eq!(h(7).total(), 32768);
    assert_eq!(h(8).counts(), counts("hist_edges"));
    let (dtype, bytes) = h(8).weights().unwrap();
    assert_eq!(dtype, DType::F32);
    let sums: Vec<f32> = bytes.chunks(4).map(|b| f32::from_ne_bytes(b.try_into().unwrap())).collect();
    let expected: Vec<f32> = numbers(&g["hist_weighted"]).iter().map(|&v| v as f32).collect();
    assert_eq!(sums, expected);
}
