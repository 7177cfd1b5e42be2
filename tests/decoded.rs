//! Numbers as their attributes say: packing, missing values, valid ranges and signs against xarray and netCDF4
//! (`tests/goldens/make_decoded.py`), from HDF5 by both readers, from netCDF classic, joined, and untrusted.

mod common;
#[path = "netcdf/write.rs"]
mod write;

use chunkwise::sink::hdf5::{AttributeData, DatasetSpec, Filter};
use chunkwise::source::cf::Decoding;
use chunkwise::{
    Array, DType, ErrorKind, Index, Join, OpenOptions, Opened, Over, Reader, Scalar, Session, Target,
};
use common::{data_folder, device, folder, golden, write_file};
use std::path::Path;

/// A variable with attributes, and what comes out of it.
struct Case {
    name: String,
    dtype: DType,
    stored: Vec<Scalar>,
    attributes: Vec<(String, AttributeData)>,
    out: DType,
    want: Vec<String>,
}

fn scalar(dtype: DType, bits: &str) -> Scalar {
    let bits = match (bits, dtype) {
        ("nan", DType::F16) => 0x7e00,
        ("nan", DType::F32) => 0x7fc0_0000,
        ("nan", _) => 0x7ff8_0000_0000_0000,
        (bits, _) => u64::from_str_radix(bits, 16).unwrap(),
    };
    Scalar::from_bytes(dtype, &bits.to_le_bytes()[..dtype.size()]).unwrap()
}

fn cases() -> Vec<Case> {
    let text = |v: &serde_json::Value| v.as_str().unwrap().to_string();
    let list = |v: &serde_json::Value| v.as_array().unwrap().iter().map(text).collect::<Vec<_>>();
    let numbers = |dtype: DType, v: &serde_json::Value| list(v).iter().map(|b| scalar(dtype, b)).collect();
    let dtype = |v: &serde_json::Value| DType::from_name(v.as_str().unwrap()).unwrap();
    let attribute = |v: &serde_json::Value| {
        let data = match v[1].as_str().unwrap() {
            "str" => AttributeData::Text(text(&v[2][0])),
            _ => AttributeData::Numbers(numbers(dtype(&v[1]), &v[2])),
        };
        (text(&v[0]), data)
    };
    let case = |v: &serde_json::Value| Case {
        name: text(&v[0]),
        dtype: dtype(&v[1]),
        stored: numbers(dtype(&v[1]), &v[2]),
        attributes: v[3].as_array().unwrap().iter().map(attribute).collect(),
        out: dtype(&v[4]),
        want: list(&v[5]),
    };
    golden("decoded.json").as_array().unwrap().iter().map(case).collect()
}

fn bytes(stored: &[Scalar]) -> Vec<u8> {
    stored.iter().flat_map(|v| v.to_bytes().to_vec()).collect()
}

/// A variable: its name, its numbers as stored, its attributes.
type Variable<'a> = (&'a str, DType, &'a [Scalar], &'a [(String, AttributeData)]);

/// Writes variables, each in chunks of 3.
fn write(path: &Path, variables: &[Variable]) {
    let spec = |(name, dtype, stored, attributes): &(&str, DType, &[Scalar], &[(String, AttributeData)])| {
        DatasetSpec {
            chunks: Some(vec![3.min(stored.len() as u64)]),
            filters: Filter::shuffle_deflate(1),
            attributes: attributes.to_vec(),
            ..DatasetSpec::new(*name, &[stored.len() as u64], *dtype)
        }
    };
    let specs: Vec<_> = variables.iter().map(spec).collect();
    let data: Vec<Vec<u8>> = variables.iter().map(|v| bytes(v.2)).collect();
    let all: Vec<(DatasetSpec, &[u8])> = specs.into_iter().zip(data.iter().map(Vec::as_slice)).collect();
    write_file(path, &all);
}

fn number(v: impl Into<Scalar>) -> AttributeData {
    AttributeData::Numbers(vec![v.into()])
}

fn attributes(all: &[(&str, AttributeData)]) -> Vec<(String, AttributeData)> {
    all.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
}

fn session() -> Session {
    Session::builder().device(device()).threads(2).memory("64MiB").build().unwrap()
}

/// Computes all cases in one run and compares dtypes and bits.
fn check(session: &Session, cases: &[Case], arrays: &[Array]) {
    let targets: Vec<&dyn Target> = arrays.iter().map(|a| a as &dyn Target).collect();
    let values = session.run(&targets).unwrap().values;
    assert_eq!(values.len(), cases.len());
    for (case, value) in cases.iter().zip(&values) {
        let value = value.as_array().unwrap();
        let told = |b: &[u8]| {
            let v = Scalar::from_bytes(case.out, b).unwrap();
            let bits = b.iter().rev().fold(0u64, |n, &b| n << 8 | u64::from(b));
            if v.to_f64().is_nan() { "nan".to_string() } else { format!("{bits:x}") }
        };
        assert_eq!(value.dtype(), case.out, "{}", case.name);
        let got: Vec<String> = value.bytes().chunks_exact(case.out.size()).map(told).collect();
        assert_eq!(got, case.want, "{}", case.name);
    }
}

#[test]
fn numbers_are_xarrays_by_both_readers() {
    let folder = folder();
    let path = folder.path().join("a.nc");
    let cases = cases();
    assert!(cases.len() > 1000);
    let names: Vec<String> = (0..cases.len()).map(|i| format!("v{i}")).collect();
    let variables: Vec<_> =
        names.iter().zip(&cases).map(|(n, c)| (&n[..], c.dtype, &c.stored[..], &c.attributes[..])).collect();
    write(&path, &variables);
    for reader in [Reader::Own, Reader::Libhdf5] {
        let options = OpenOptions::new().decode().reader(reader);
        let arrays: Vec<_> = names.iter().map(|n| Array::open_with(&path, n, options).unwrap()).collect();
        check(&session(), &cases, &arrays);
    }
    // What opening says is what the numbers are.
    for (name, case) in names.iter().zip(&cases) {
        let raw = Array::open(&path, name).unwrap();
        assert_eq!(
            (raw.dtype().unwrap(), raw.annotations().unwrap().len()),
            (case.dtype, 0),
            "{}",
            case.name
        );
        let opened = Opened::open(&path, name, OpenOptions::new().decode()).unwrap();
        assert!(opened.decoded.is_some() || case.dtype == case.out, "{}", case.name);
    }
}

#[test]
fn numbers_of_classic_files_too() {
    let folder = folder();
    let kinds = [
        (DType::I8, 1),
        (DType::I16, 3),
        (DType::I32, 4),
        (DType::F32, 5),
        (DType::F64, 6),
        (DType::U8, 7),
        (DType::U16, 8),
        (DType::U32, 9),
        (DType::I64, 10),
        (DType::U64, 11),
    ];
    let kind = |dtype: DType| kinds.iter().find(|k| k.0 == dtype).map(|k| k.1);
    let big = |values: &[Scalar]| -> Vec<u8> {
        values.iter().flat_map(|v| v.to_bytes().iter().rev().copied().collect::<Vec<_>>()).collect()
    };
    let mut cases = cases();
    let of = |v: &AttributeData| match v {
        AttributeData::Text(_) => Some(2),
        AttributeData::Numbers(v) => kind(v[0].dtype()),
        _ => None,
    };
    cases.retain(|c| kind(c.dtype).is_some() && c.attributes.iter().all(|a| of(&a.1).is_some()));
    assert!(cases.len() > 1000);
    let path = folder.path().join("a.nc");
    let mut file = write::File::new(5, 0);
    for (i, c) in cases.iter().enumerate() {
        file = file.dim(&format!("d{i}"), c.stored.len() as u64).variable(
            &format!("v{i}"),
            &[i],
            kind(c.dtype).unwrap(),
            big(&c.stored),
        );
        file.variables[i].attributes = c
            .attributes
            .iter()
            .map(|(name, value)| {
                let data = match value {
                    AttributeData::Text(text) => text.clone().into_bytes(),
                    AttributeData::Numbers(values) => big(values),
                    other => panic!("{other:?} is not written here"),
                };
                (name.clone(), of(value).unwrap(), data)
            })
            .collect();
    }
    std::fs::write(&path, file.bytes().0).unwrap();
    let arrays: Vec<_> =
        (0..cases.len()).map(|i| Array::open_decoded(&path, &format!("v{i}")).unwrap()).collect();
    check(&session(), &cases, &arrays);
}

/// ERA5's years: each file is packed by a scale and an offset of its own.
fn years(folder: &Path) -> Vec<std::path::PathBuf> {
    let pack = |name: &str, stored: [i16; 4], scale: f64, offset: f64| {
        let path = folder.join(name);
        let stored: Vec<Scalar> = stored.map(Scalar::I16).to_vec();
        let all = attributes(&[
            ("scale_factor", number(scale)),
            ("add_offset", number(offset)),
            ("_FillValue", number(-32767i16)),
            ("units", AttributeData::Text("K".into())),
            ("long_name", AttributeData::Text(format!("skin of {name}"))),
        ]);
        write(&path, &[("skt", DType::I16, &stored, &all)]);
        path
    };
    vec![
        pack("y2001.nc", [0, 1000, 2000, -32767], 0.0023746899988156, 273.0),
        pack("y2002.nc", [0, 1000, -1000, 5], 0.0019, 281.5),
        pack("y2003.nc", [1, 2, 3, 4], 0.0019, 281.5),
    ]
}

#[test]
fn joined_files_are_decoded_each_by_its_own_attributes() {
    let folder = folder();
    let files = years(folder.path());
    let options = OpenOptions::new().decode();
    let session = session();
    let of = |join| Opened::open_many(&files, "skt", join, options).unwrap();
    let joined = of(Join::Concatenate { axis: 0 });
    assert_eq!((joined.array.shape().unwrap(), joined.array.dtype().unwrap()), (&[12][..], DType::F64));
    assert_eq!(joined.array.annotations().unwrap().get("units").map(String::as_str), Some("K"));
    assert!(!joined.array.annotations().unwrap().contains_key("long_name"), "they differ");
    // xarray.open_mfdataset(files, combine="nested", concat_dim="time").skt, its mean and std.
    let all = session.compute(&joined.array).unwrap();
    let second = [281.5, 283.4, 279.6, 281.5095, 281.5019, 281.5038, 281.5057, 281.5076];
    assert_eq!(all.as_slice::<f64>().unwrap()[..3], [273.0, 275.3746899988156, 277.7493799976312]);
    assert!(all.as_slice::<f64>().unwrap()[3].is_nan());
    assert_eq!(all.as_slice::<f64>().unwrap()[4..], second);
    assert_eq!(session.compute(&joined.array.nanmean()).unwrap().item::<f64>().unwrap(), MEAN);
    let how = joined.decoded.unwrap();
    assert!(
        how.contains("y2001.nc: int16 × 0.0023746899988156 + 273.0, missing -32767 → NaN, as float64"),
        "{how}"
    );
    assert!(how.contains("y2002.nc and 1 more: int16 × 0.0019 + 281.5"), "{how}");
    let stacked = of(Join::Stack { axis: 1 });
    assert_eq!(stacked.array.shape().unwrap(), [4, 3]);
    let rows = session.compute(&stacked.array.index([Index::At(1)])).unwrap();
    assert_eq!(rows.as_slice::<f64>().unwrap(), [275.3746899988156, 283.4, 281.5038]);
    let by_file = session.compute(&stacked.array.nanmax_with(Over::axis(0))).unwrap();
    assert_eq!(by_file.as_slice::<f64>().unwrap(), [277.7493799976312, 283.4, 281.5076]);
    // Stored numbers are stored numbers.
    let raw = Array::open_many(&files, "skt", Join::Concatenate { axis: 0 }).unwrap();
    assert_eq!(session.compute(&raw.max()).unwrap().item::<i16>().unwrap(), 2000);
}

const MEAN: f64 = 279.8320518178588;

#[test]
fn what_is_decoded_alike_is_one_array_and_each_chunk_is_read_once() {
    let folder = folder();
    let files = years(folder.path());
    let session = session();
    let one = Array::open_decoded(&files[0], "skt").unwrap();
    let raw = Array::open(&files[0], "skt").unwrap();
    let outcome = session.run(&[&one.nanmean(), &raw.max(), &one.nanstd()]).unwrap();
    assert_eq!(outcome.report.chunks_decoded, 2);
    let many =
        Array::open_many_with(&files[1..], "skt", Join::Concatenate { axis: 0 }, OpenOptions::new().decode());
    let text = format!("{:?}", many.unwrap());
    assert!(!text.contains("concatenate"), "{text}");
}

#[test]
fn what_says_nothing_about_the_data_is_told_and_what_cannot_be_is_an_error() {
    let folder = folder();
    let path = folder.path().join("a.nc");
    let text = |t: &str| AttributeData::Text(t.into());
    let two = |a: Scalar, b: Scalar| AttributeData::Numbers(vec![a, b]);
    type Case<'a> = (&'a str, Vec<(String, AttributeData)>, &'a str);
    let cases: [Case; 8] = [
        ("a", attributes(&[("missing_value", text("none"))]), "\"none\", which is not a number"),
        ("b", attributes(&[("missing_value", number(1e20))]), "missing_value 1e20, which no int16 is"),
        ("c", attributes(&[("valid_range", number(1i16))]), "valid_range of 1 numbers"),
        ("d", attributes(&[("valid_min", number(40000i32))]), "valid_min 40000, which leaves no int16"),
        ("e", attributes(&[("valid_max", number(f64::NAN))]), "valid_max nan"),
        ("f", attributes(&[("_FillValue", number(f32::NAN))]), "_FillValue nan, which no int16 is"),
        ("g", attributes(&[("scale_factor", text("0.1"))]), ""),
        ("h", attributes(&[("add_offset", two(Scalar::F32(1.0), Scalar::F32(2.0)))]), ""),
    ];
    let stored = [Scalar::I16(1), Scalar::I16(2)];
    let variables: Vec<_> = cases.iter().map(|(n, a, _)| (*n, DType::I16, &stored[..], &a[..])).collect();
    write(&path, &variables);
    for (name, _, why) in &cases {
        let opened = Opened::open(&path, name, OpenOptions::new().decode());
        match why.is_empty() {
            true => {
                let e = opened.unwrap_err();
                assert!(e.kind() == ErrorKind::Format && e.to_string().contains("--raw"), "{name}: {e}");
                assert_eq!(e.context("dataset"), Some(&format!("/{name}")[..]));
                assert!(Array::open(&path, name).is_ok());
            }
            false => {
                let told = opened.unwrap().decoded.unwrap();
                assert!(told.contains(why), "{name}: {told}");
            }
        }
    }
}

/// Floats beside packed integers are bounds of what comes out, as netCDF-Java reads them.
#[test]
fn a_range_of_floats_beside_packed_integers_is_of_what_comes_out() {
    let folder = folder();
    let path = folder.path().join("a.nc");
    let range = AttributeData::Numbers(vec![Scalar::F32(274.0), Scalar::F32(276.0)]);
    let all = attributes(&[
        ("scale_factor", number(0.01f32)),
        ("add_offset", number(273.0f32)),
        ("valid_range", range),
    ]);
    let stored: Vec<Scalar> = [0i16, 100, 300, 301].map(Scalar::I16).to_vec();
    write(&path, &[("t", DType::I16, &stored, &all)]);
    let values = session().compute(&Array::open_decoded(&path, "t").unwrap()).unwrap();
    let values = values.as_slice::<f32>().unwrap();
    assert!(
        values[0].is_nan() && values[1] == 274.0 && values[2] == 276.0 && values[3].is_nan(),
        "{values:?}"
    );
}

/// Means of real files, by xarray with decoding (`benches/peers/decoded.py`).
#[test]
fn means_of_real_files_are_xarrays() {
    let Some(data) = data_folder("means_of_real_files_are_xarrays") else { return };
    let session = session();
    for (file, variable, dtype, mean) in REAL {
        let array = Array::open_decoded(data.join(file), variable).unwrap();
        assert_eq!(array.dtype().unwrap(), *dtype, "{file} {variable}");
        let got = session.compute(&array.cast(DType::F64).nanmean()).unwrap().item::<f64>().unwrap();
        assert!((got - mean).abs() <= 1e-12 * mean.abs(), "{file} {variable}: {got}, not {mean}");
    }
}

const REAL: &[(&str, &str, DType, f64)] = &[
    ("climate/nc4py_Cloud_Top_Height.nc", "/HT", DType::F32, 7429.053286192062),
    ("climate/nc4py_Cloud_Top_Height.nc", "/DQF", DType::F32, 1.52708),
    ("climate/nc4py_Cloud_Top_Height.nc", "/y", DType::F32, 0.08456000504394372),
    ("climate/nc4py_Cloud_Top_Height.nc", "/x", DType::F32, -0.005039999388158321),
    ("climate/pyfive_fractal_heap_no_mci_rlat.nc", "/tasmax", DType::F32, 281.40731356738684),
    ("climate/xclim_pr_day_CanESM2_na10k_2095.nc", "/pr", DType::F32, 3.742110038274527e-05),
    ("climate/xclim_sic_SImon_CanESM5_2020.nc", "/latitude", DType::F64, -1.6373356107629498),
    ("climate/xclim_sic_SImon_CanESM5_2020.nc", "/siconc", DType::F32, 15.291300640818404),
    ("climate/xclim_sic_SImon_CanESM5_2020.nc", "/areacello", DType::F32, 5583338796.228626),
    (
        "radar/openradar_example_plot_ppi_single_sweep.nc",
        "/reflectivity_at_cor",
        DType::F32,
        -9.21225608338507,
    ),
    (
        "radar/openradar_example_plot_ppi_single_sweep.nc",
        "/antenna_transition",
        DType::F64,
        0.03164983164983165,
    ),
    ("radar/openradar_example_plot_ppi_single_sweep.nc", "/azimuth", DType::F32, 190.24986669906863),
    ("radar/openradar_example_plot_ppi_single_sweep.nc", "/r_calib_index", DType::F32, 0.0),
    ("radar/openradar_example_plot_ppi_single_sweep.nc", "/latitude", DType::F32, 69.14128112792969),
];

#[test]
fn a_decoding_is_plain_data() {
    let d = Decoding::of(DType::I16, &[]).unwrap();
    assert!(d.is_plain());
    assert_eq!(d.to_string(), "int16");
}
