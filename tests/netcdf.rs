//! netCDF classic files: as netCDF-C and SciPy write them, and as an independent writer does in every way that the
//! format allows; what is read is what netCDF-C reads, or what was written.

mod common;
#[path = "netcdf/write.rs"]
mod write;

use chunkwise::grid::{Region, Slab};
use chunkwise::source::hdf5::{AttributeValue, Dataset, Node, NodeKind};
use chunkwise::source::{ReadCx, ReadStats, Scratch, open_file, tree, tree_with};
use chunkwise::{
    Array, DType, ErrorKind, Index, Join, OpenOptions, Over, Plan, PlanOptions, Scalar, Session, StagePartial,
};
use common::{
    checksum, child, dataset, elements, folder, golden, job, session, succeed, to_bytes, write_file,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use write::{File, SIZES};

/// The dtypes of the types' numbers from 1 on; text has none.
const DTYPES: [Option<DType>; 11] = [
    Some(DType::I8),
    None,
    Some(DType::I16),
    Some(DType::I32),
    Some(DType::F32),
    Some(DType::F64),
    Some(DType::U8),
    Some(DType::U16),
    Some(DType::U32),
    Some(DType::I64),
    Some(DType::U64),
];

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/netcdf")
}

/// Elements in the other byte order.
fn swapped(bytes: &[u8], size: usize) -> Vec<u8> {
    bytes.chunks(size).flat_map(|c| c.iter().rev().copied()).collect()
}

/// Big-endian elements as memory has them.
fn native(bytes: &[u8], size: usize) -> Vec<u8> {
    if cfg!(target_endian = "little") { swapped(bytes, size) } else { bytes.to_vec() }
}

fn put(folder: &Path, name: &str, file: &File) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, file.bytes().0).unwrap();
    path
}

fn members(node: &Node) -> &[Node] {
    match &node.kind {
        NodeKind::Group { members, truncated: false } => members,
        other => panic!("{other:?}"),
    }
}

fn described(node: &Node) -> &Dataset {
    match &node.kind {
        NodeKind::Dataset(d) => d,
        other => panic!("{other:?}"),
    }
}

/// Attributes as netCDF4's Python has them.
fn check_attributes(node: &Node, golden: &serde_json::Value, what: &str) {
    let golden = golden.as_object().unwrap();
    let names: Vec<&String> = node.attributes.iter().map(|a| &a.name).collect();
    let mut right: Vec<&String> = golden.keys().collect();
    right.sort();
    assert_eq!(names, right, "{what}");
    for a in &node.attributes {
        match &a.value {
            AttributeValue::Strings(s) => {
                assert_eq!(a.shape, [0u64; 0], "{what} {}", a.name);
                assert_eq!(golden[&a.name].as_str(), Some(s[0].as_str()), "{what} {}", a.name);
            }
            AttributeValue::Numbers(n) => {
                let right = golden[&a.name].as_array().unwrap();
                assert_eq!(a.shape, [right.len() as u64], "{what} {}", a.name);
                let numbers: Vec<f64> = n.iter().map(|s| s.to_f64()).collect();
                assert_eq!(numbers, right.iter().map(|v| v.as_f64().unwrap()).collect::<Vec<_>>(), "{what}");
            }
            other => panic!("{what} {}: {other:?}", a.name),
        }
    }
}

#[test]
fn files_of_netcdf_c_and_scipy_are_read_as_netcdf_c_reads_them() {
    let session = session(2, "64MiB");
    let (mut numeric, mut texts) = (0, 0);
    for row in golden("netcdf.json").as_array().unwrap() {
        let name = row["file"].as_str().unwrap();
        let path = goldens().join(name);
        let root = tree(&path, "/").unwrap();
        check_attributes(&root, &row["attributes"], name);
        let variables = row["variables"].as_object().unwrap();
        let names: Vec<&str> = members(&root).iter().map(|n| &n.path[1..]).collect();
        let mut right: Vec<&str> = variables.keys().map(String::as_str).collect();
        right.sort_unstable();
        assert_eq!(names, right, "{name}");
        for node in members(&root) {
            let variable = &variables[&node.path[1..]];
            let what = format!("{name} {}", node.path);
            check_attributes(node, &variable["attributes"], &what);
            assert_eq!(*node, tree(&path, &node.path).unwrap(), "{what}");
            let shape: Vec<u64> =
                variable["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
            let d = described(node);
            assert_eq!(d.shape.as_deref(), Some(&shape[..]), "{what}");
            let Some(dtype) = variable["dtype"].as_str() else {
                texts += 1;
                assert_eq!((d.dtype, d.stored.as_str()), (None, "string of 1 bytes"), "{what}");
                let e = Array::open(&path, &node.path).unwrap_err();
                assert_eq!(e.kind(), ErrorKind::Type, "{what}: {e}");
                continue;
            };
            numeric += 1;
            let array = Array::open(&path, &node.path).unwrap();
            assert_eq!(array.dtype().unwrap(), DType::from_name(dtype).unwrap(), "{what}");
            assert_eq!(d.dtype, DType::from_name(dtype), "{what}");
            let value = session.compute(&array).unwrap();
            assert_eq!(value.shape(), shape, "{what}");
            let little = match cfg!(target_endian = "little") {
                true => value.bytes().to_vec(),
                false => swapped(value.bytes(), value.dtype().size()),
            };
            assert_eq!(checksum(&little).to_string(), variable["checksum"].as_str().unwrap(), "{what}");
        }
    }
    assert_eq!((numeric, texts), (128, 3));
}

#[test]
fn a_tree_says_what_one_of_netcdf_4_would() {
    let path = goldens().join("classic.nc");
    let node = |name: &str| tree(&path, name).unwrap();
    let time = node("time");
    let d = described(&time);
    assert!(d.scale && d.scales.is_empty());
    assert_eq!((d.layout.as_str(), d.stored.as_str(), d.storage_bytes), ("record", ">f8", 56));
    assert_eq!(d.fill, Some(Scalar::F64(9.969209968386869e36)));
    let y = node("/y");
    assert!(described(&y).scale);
    assert_eq!(described(&y).layout, "contiguous");
    assert_eq!(described(&y).fill, Some(Scalar::I16(-32767)));
    // What has no variable of its own is no scale.
    assert_eq!(described(&node("fixed_i1")).scales, [vec!["/y".to_string()], vec![]]);
    assert_eq!(described(&node("record_f4")).scales, [vec!["/time".to_string()], vec!["/y".to_string()]]);
    // An axis without a coordinate variable has a name too.
    assert_eq!(described(&node("fixed_i1")).dimensions, ["y", "x"]);
    let row = node("row_i2");
    assert_eq!(described(&row).fill, Some(Scalar::I16(11)));
    assert!(!described(&row).scale);
    let scalar = node("scalar_i1");
    assert_eq!(described(&scalar).shape, Some(vec![]));
    assert!(described(&scalar).scales.is_empty());
    assert_eq!(described(&node("text")).fill, None);
    // The default of every type, as netCDF-C has them.
    let path = goldens().join("data64.nc");
    let fills = ["u1", "u2", "u4", "i8", "u8"]
        .map(|t| described(&tree(&path, &format!("fixed_{t}")).unwrap()).fill.unwrap());
    let right = [
        Scalar::U8(255),
        Scalar::U16(65535),
        Scalar::U32(4294967295),
        Scalar::I64(-9223372036854775806),
        Scalar::U64(18446744073709551614),
    ];
    assert_eq!(fills, right);
    // What nobody wrote netCDF-C filled.
    let unwritten = Array::open(&path, "never_written").unwrap();
    let value = session(1, "64MiB").compute(&unwritten).unwrap();
    assert_eq!(value.shape(), [7, 1, 5]);
    assert!(value.bytes().chunks(4).all(|b| b == (9.969209968386869e36f64 as f32).to_ne_bytes()));
}

/// A generator that every process has alike.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        common::hash(77, self.0) % n
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 0
    }

    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.below(256) as u8).collect()
    }
}

/// A file of any number of variables of any shape.
fn random_file(rng: &mut Rng) -> File {
    let version = [1, 2, 5][rng.below(3) as usize];
    let mut file = File::new(version, rng.below(6));
    let rank = rng.below(5) as usize;
    let record = (rank > 0 && rng.below(4) > 0).then(|| rng.below(rank as u64) as usize);
    for d in 0..rank {
        let len = if record == Some(d) { 0 } else { 1 + rng.below(6) };
        file = file.dim(&"dimension"[..1 + rng.below(9) as usize], len);
    }
    let fixed: Vec<usize> = (0..rank).filter(|&d| Some(d) != record).collect();
    let kinds = if version == 5 { 11 } else { 6 };
    let attributes = |rng: &mut Rng| {
        let n = rng.below(3);
        (0..n)
            .map(|k| {
                let kind = 1 + rng.below(kinds) as u32;
                let values = rng.below(5) as usize * SIZES[kind as usize - 1];
                (format!("{}{k}", "a".repeat(rng.below(4) as usize)), kind, rng.bytes(values))
            })
            .collect()
    };
    file.attributes = attributes(rng);
    for v in 0..rng.below(6) {
        let kind = 1 + rng.below(kinds) as u32;
        let mut dims = Vec::new();
        let mut len = SIZES[kind as usize - 1];
        if let Some(record) = record.filter(|_| rng.flip()) {
            dims.push(record);
            len *= file.records as usize;
        }
        for _ in 0..rng.below(4) {
            if !fixed.is_empty() {
                let d = fixed[rng.below(fixed.len() as u64) as usize];
                dims.push(d);
                len *= file.dims[d].1 as usize;
            }
        }
        let data = rng.bytes(len);
        file = file.variable(&format!("{}{v}", "v".repeat(rng.below(4) as usize)), &dims, kind, data);
        file.variables[v as usize].attributes = attributes(rng);
    }
    file.vsize = rng.flip().then(|| rng.below(u64::from(u32::MAX)));
    file.tagged = rng.flip();
    file.gap = rng.below(3) as usize * 4;
    file.filler = rng.below(256) as u8;
    file.bare_end = rng.flip();
    // Where there are rows, they say how many there are.
    let recorded = file.variables.iter().any(|v| v.dims.first().is_some_and(|&d| Some(d) == record));
    file.streaming = recorded && rng.flip();
    file
}

/// The elements of a slab of an array in C order.
fn picked(data: &[u8], size: usize, shape: &[u64], slab: &[(u64, u64, u64)]) -> Vec<u8> {
    let counts: Vec<u64> = slab.iter().map(|s| s.1).collect();
    let mut out = Vec::new();
    for k in 0..counts.iter().product::<u64>() {
        let index = chunkwise::grid::unravel(k, &counts);
        let at = (0..shape.len()).fold(0, |at, d| at * shape[d] + slab[d].0 + index[d] * slab[d].2) as usize;
        out.extend_from_slice(&data[at * size..][..size]);
    }
    out
}

#[test]
fn what_an_independent_writer_wrote_is_read() {
    let folder = folder();
    let mut rng = Rng(1);
    let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
    let (mut whole, mut parts, mut halves) = (0, 0, 0);
    for n in 0..700 {
        let file = random_file(&mut rng);
        let path = put(folder.path(), "random.nc", &file);
        for v in &file.variables {
            let what = format!("file {n}, {} of {:?}", v.name, file.dims);
            let Some(dtype) = DTYPES[v.kind as usize - 1] else {
                assert_eq!(
                    open_file(&path, &v.name, OpenOptions::new()).unwrap_err().kind(),
                    ErrorKind::Type
                );
                continue;
            };
            let source =
                open_file(&path, &v.name, OpenOptions::new()).unwrap_or_else(|e| panic!("{what}: {e}"));
            let shape: Vec<u64> = v
                .dims
                .iter()
                .map(|&d| if file.dims[d].1 == 0 { file.records } else { file.dims[d].1 })
                .collect();
            assert_eq!((source.shape(), source.dtype()), (&shape[..], dtype), "{what}");
            let right = native(&v.data, dtype.size());
            let mut cx = ReadCx { scratch: &mut scratch, stats: &stats };
            let mut out = vec![0xa5; right.len()];
            source.read_region(&Slab::dense(&Region::whole(&shape)), &mut out, &mut cx).unwrap();
            assert!(out == right, "{what}");
            whole += 1;
            let spread =
                file.variables.iter().filter(|o| o.dims.first().is_some_and(|&d| file.dims[d].1 == 0));
            halves += u64::from(dtype.size() == 8 && spread.count() > 1 && !right.is_empty());
            if right.is_empty() {
                continue;
            }
            for _ in 0..3 {
                let slab: Vec<(u64, u64, u64)> = shape
                    .iter()
                    .map(|&n| {
                        let (start, step) = (rng.below(n), 1 + rng.below(3));
                        (start, 1 + rng.below((n - start).div_ceil(step)), step)
                    })
                    .collect();
                let right = picked(&right, dtype.size(), &shape, &slab);
                let take =
                    |f: fn(&(u64, u64, u64)) -> u64| slab.iter().map(f).collect::<Vec<_>>().as_slice().into();
                let region = Slab { start: take(|s| s.0), count: take(|s| s.1), step: take(|s| s.2) };
                let mut out = vec![0xa5; right.len()];
                source.read_region(&region, &mut out, &mut cx).unwrap();
                assert!(out == right, "{what}: {slab:?}");
                out.fill(0xa5);
                source.read_part(&region, &region, &mut out, &mut cx).unwrap();
                assert!(out == right, "{what}: {slab:?} as a part");
                // The next file has this one's name.
                scratch.end_parts();
                cx = ReadCx { scratch: &mut scratch, stats: &stats };
                parts += 1;
            }
        }
    }
    assert!(whole > 1000 && parts > 2000 && halves > 50, "{whole} {parts} {halves}");
}

/// One record variable of float64 and others beside it, so that rows lie as far apart as is wanted.
fn interleaved(records: u64, row: u64, other: u64) -> File {
    let data = to_bytes(&elements(DType::F64, records * row, 5, "small"));
    File::new(2, records)
        .dim("time", 0)
        .dim("row", row)
        .dim("other", other)
        .variable("x", &[0, 1], 6, swapped(&data, 8))
        .variable("between", &[0, 2], 1, vec![7; (records * other) as usize])
}

#[test]
fn rows_near_each_other_are_read_at_once_and_others_alone() {
    let folder = folder();
    // Records, elements of a row, bytes between, and how many reads and bytes they take at most.
    let cases = [
        (5000, 1, 40, 1, 5000 * 48),
        (20_000, 3, 100, 3, 20_000 * 124),
        (300, 100, 12_000, 4, 300 * 12_800),
        // Rows far apart, or long.
        (300, 100, 60_000, 300, 300 * 800),
        (20, 20_000, 100, 20, 20 * 160_000),
    ];
    for (records, row, other, reads, bytes) in cases {
        let file = interleaved(records, row, other);
        let path = put(folder.path(), "rows.nc", &file);
        let source = open_file(&path, "x", OpenOptions::new()).unwrap();
        let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
        let mut cx = ReadCx { scratch: &mut scratch, stats: &stats };
        let mut out = vec![0; (records * row * 8) as usize];
        source.read_region(&Slab::dense(&Region::whole(&[records, row])), &mut out, &mut cx).unwrap();
        assert!(out == native(&file.variables[0].data, 8));
        let (done, read) = (stats.file_reads.load(Relaxed), stats.bytes_read.load(Relaxed));
        assert!(done <= reads && read <= bytes, "{records} rows of {row}: {done} reads of {read} bytes");
        assert!(scratch.bytes() <= source.scratch_bytes());
    }
    // Transposed, blocks are still made of long pieces of rows.
    let far = interleaved(500, 2000, 80_000);
    let mut near = far.clone();
    near.variables.pop();
    for file in [far, near] {
        let path = put(folder.path(), "far.nc", &file);
        let x = Array::open(&path, "x").unwrap();
        let session = Session::builder().threads(1).memory("64MiB").build().unwrap();
        let outcome = session.run(&[&x.t().sum_with(Over::axis(1))]).unwrap();
        assert!(outcome.report.file_reads <= 500, "{:?}", outcome.report);
        assert_eq!(outcome.report.bytes_read, 500 * 16_000);
    }
    // Without another one there is nothing in between: one read, straight to its place.
    let mut alone = interleaved(3000, 100, 1);
    alone.variables.pop();
    let path = put(folder.path(), "alone.nc", &alone);
    let source = open_file(&path, "x", OpenOptions::new()).unwrap();
    let (mut scratch, stats) = (Scratch::new(), ReadStats::default());
    let mut out = vec![0; 3000 * 800];
    let mut cx = ReadCx { scratch: &mut scratch, stats: &stats };
    source.read_region(&Slab::dense(&Region::whole(&[3000, 100])), &mut out, &mut cx).unwrap();
    assert_eq!((stats.file_reads.load(Relaxed), stats.bytes_read.load(Relaxed)), (1, 2_400_000));
    assert_eq!(scratch.bytes(), 0);
}

/// Sessions, blocks and budgets do not change what comes out, along axes, transposed or as it is.
#[test]
fn computing_over_records_is_as_over_memory() {
    let folder = folder();
    for (records, row, other) in [(700, 130, 52), (60, 3000, 40_000), (50, 7, 1)] {
        let file = interleaved(records, row, other);
        let path = put(folder.path(), "compute.nc", &file);
        let x = Array::open(&path, "/x").unwrap();
        let values = native(&file.variables[0].data, 8);
        let floats: Vec<f64> = values.chunks(8).map(|b| f64::from_ne_bytes(b.try_into().unwrap())).collect();
        let memory = ndarray::Array2::from_shape_vec((records as usize, row as usize), floats).unwrap();
        let memory = Array::from_ndarray(memory);
        let questions = |x: &Array| {
            vec![
                x.clone(),
                x.sum(),
                x.mean_with(Over::axis(0)),
                x.std_with(Over::axis(1)),
                x.t().sum_with(Over::axis(0)),
                x.t().sum_with(Over::axis(1)),
                x.index([Index::ALL.step(-3), Index::from(1..5)]),
                x.index([Index::ALL, Index::At(2)]).cumsum(),
                (x - x.mean_with(Over::axis(0))).max(),
            ]
        };
        for (threads, budget, block) in [(1, "64MiB", 1 << 20), (2, "16MiB", 3000), (3, "32MiB", 50_000)] {
            let session = Session::builder()
                .threads(threads)
                .memory(budget)
                .plan_options(PlanOptions::new().block_bytes(block))
                .build()
                .unwrap();
            for (n, (a, b)) in questions(&x).iter().zip(&questions(&memory)).enumerate() {
                let outcome = session.run(&[a]).unwrap_or_else(|e| panic!("{n}: {e}"));
                assert!(outcome.report.peak_host_bytes <= session.memory());
                let right = session.compute(b).unwrap();
                let got = common::exact_text(&outcome.values[0]);
                let right = common::exact_text(&chunkwise::Value::Array(right));
                assert_eq!(got, right, "question {n} over {records} records");
            }
        }
    }
}

/// A small file with a bit of all.
fn sample() -> File {
    let mut file = File::new(1, 3)
        .dim("time", 0)
        .dim("x", 3)
        .dim("alone", 4)
        .variable("fixed", &[1], 4, vec![0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3])
        .variable("bytes", &[0, 1], 1, vec![1, 2, 3, 4, 5, 6, 7, 8, 0xff])
        .variable("name", &[2], 2, b"abcd".to_vec())
        .variable("time", &[0], 3, vec![0, 1, 0, 2, 0, 3]);
    file.attributes.push(("title".into(), 2, b"a title".to_vec()));
    file.variables[0].attributes.push(("of".into(), 6, 2.5f64.to_be_bytes().to_vec()));
    file
}

#[track_caller]
fn says(e: &chunkwise::Error, kind: ErrorKind, words: &[&str]) {
    let text = e.to_string();
    assert_eq!(e.kind(), kind, "{text}");
    words.iter().for_each(|word| assert!(text.contains(word), "'{word}' is not in: {text}"));
}

#[test]
fn errors_say_what_is_wrong_and_what_there_is() {
    let folder = folder();
    let path = put(folder.path(), "x.nc", &sample());
    let fails = |name: &str| Array::open(&path, name).unwrap_err();
    says(&fails("nothing"), ErrorKind::NotFound, &["\"/nothing\"", "x.nc", "/ has bytes, fixed, name, time"]);
    says(&fails("/bytes/more"), ErrorKind::NotFound, &["\"/bytes\" is a dataset", "nothing below"]);
    says(&fails("group/bytes"), ErrorKind::NotFound, &["\"/group\""]);
    says(&fails("alone"), ErrorKind::NotFound, &["\"/alone\"", "a dimension without a variable"]);
    says(&fails("/"), ErrorKind::Type, &["a group", "x.nc", "chunkwise info"]);
    says(&fails(""), ErrorKind::Type, &["a group"]);
    says(&fails("name"), ErrorKind::Type, &["char", "x.nc", "/name"]);
    says(&tree(&path, "nothing").unwrap_err(), ErrorKind::NotFound, &["\"/nothing\"", "x.nc"]);
    assert_eq!(Array::open(&path, "//bytes/").unwrap().shape().unwrap(), [3, 3]);

    let (mut bytes, begins) = sample().bytes();
    let other = |bytes: &[u8]| {
        let path = folder.path().join("other.nc");
        std::fs::write(&path, bytes).unwrap();
        Array::open(&path, "bytes").and_then(|a| session(1, "64MiB").compute(&a))
    };
    for version in [0, 3, 4, 6, b'1', 255] {
        bytes[3] = version;
        says(
            &other(&bytes).unwrap_err(),
            ErrorKind::Unsupported,
            &[&format!("the version {version},"), "CDF-5", "other.nc"],
        );
    }
    // Other files are still HDF5's to refuse.
    bytes[..4].copy_from_slice(b"CDX\x01");
    says(&other(&bytes).unwrap_err(), ErrorKind::Format, &["other.nc"]);
    says(&other(b"CDF").unwrap_err(), ErrorKind::Format, &["other.nc"]);
    bytes[..4].copy_from_slice(b"CDF\x01");
    assert!(other(&bytes).is_ok());

    // More records than there are.
    let end = bytes.len();
    bytes[7] = 200;
    let stride = 4 + 4;
    let span = 199 * stride + 3;
    let message = format!("should be at bytes {} + {span}, but the file has only {end}", begins[1]);
    says(&other(&bytes).unwrap_err(), ErrorKind::Format, &[&message, "/bytes", "cut off"]);
    bytes[7] = 3;

    // Data in the header, and data of two at one place.
    let at = |bytes: &[u8], begin: usize| {
        let begin = (begin as u32).to_be_bytes();
        (0..begins[0]).find(|&i| bytes[i..i + 4] == begin).unwrap()
    };
    let place = at(&bytes, begins[1]);
    let mut moved = bytes.clone();
    moved[place..place + 4].copy_from_slice(&8u32.to_be_bytes());
    says(&other(&moved).unwrap_err(), ErrorKind::Format, &["at byte 8", "the header ends"]);
    moved[place..place + 4].copy_from_slice(&(begins[0] as u32).to_be_bytes());
    says(&other(&moved).unwrap_err(), ErrorKind::Format, &["/bytes", "/fixed", "the same bytes"]);
    moved[place..place + 4].copy_from_slice(&(begins[3] as u32).to_be_bytes());
    says(&other(&moved).unwrap_err(), ErrorKind::Format, &["/bytes", "/time", "the same bytes"]);
}

#[test]
fn a_file_that_is_cut_off_says_what_is_missing() {
    let folder = folder();
    let session = session(1, "64MiB");
    for version in [1, 2, 5] {
        let mut file = sample();
        file.version = version;
        let (bytes, begins) = file.bytes();
        let ends = [begins[0] + 12, begins[1] + 2 * 8 + 3, 0, begins[3] + 2 * 8 + 2];
        let path = folder.path().join("cut.nc");
        for len in 4..=bytes.len() {
            std::fs::write(&path, &bytes[..len]).unwrap();
            for (n, v) in file.variables.iter().enumerate().filter(|(_, v)| v.kind != 2) {
                let got = Array::open(&path, &v.name).and_then(|a| session.compute(&a));
                match got {
                    Ok(value) => {
                        assert!(len >= ends[n], "{} of {len} bytes", v.name);
                        assert!(value.bytes() == native(&v.data, value.dtype().size()));
                    }
                    Err(e) => {
                        assert!(len < ends[n], "{} of {len} bytes: {e}", v.name);
                        says(
                            &e,
                            ErrorKind::Format,
                            &["cut.nc", &format!("the file has only {len}"), "cut off"],
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn joined_with_other_files() {
    let folder = folder();
    let data = |seed, n: u64| to_bytes(&elements(DType::F64, n * 4, seed, "wide"));
    let hdf5 = folder.path().join("b.h5");
    write_file(&hdf5, &[(dataset("x", &[5, 4], DType::F64, Some(&[2, 4]), Some(1)), &data(2, 5))]);
    let classic = |name: &str, version, seed, records: u64| {
        let file = File::new(version, records)
            .dim("t", 0)
            .dim("n", 4)
            .variable("x", &[0, 1], 6, swapped(&data(seed, records), 8))
            .variable("y", &[0], 3, vec![1; records as usize * 2]);
        put(folder.path(), name, &file)
    };
    let (a, c) = (classic("a.nc", 1, 1, 6), classic("c.nc", 5, 3, 5));
    let all: Vec<u8> = [data(1, 6), data(2, 5), data(3, 5)].concat();
    let x = Array::open_many([&a, &hdf5, &c], "/x", Join::Concatenate { axis: 0 }).unwrap();
    assert_eq!(x.shape().unwrap(), [16, 4]);
    for (threads, memory) in [(1, "64MiB"), (2, "8MiB")] {
        let session = session(threads, memory);
        assert!(session.compute(&x).unwrap().bytes() == all);
        let middle = x.index([Index::from(4..13).step(2), Index::ALL.step(-1)]);
        let right: Vec<u8> = [4, 6, 8, 10, 12usize]
            .iter()
            .flat_map(|r| (0..4).rev().flat_map(move |c| [r * 4 + c]))
            .flat_map(|i| all[i * 8..][..8].to_vec())
            .collect();
        assert!(session.compute(&middle).unwrap().bytes() == right);
    }
    let stacked = Array::open_many([&hdf5, &c], "x", Join::Stack { axis: 1 }).unwrap();
    assert_eq!(stacked.shape().unwrap(), [5, 2, 4]);
    let only = Array::open_many([&a, &c], "x", Join::Concatenate { axis: 0 }).unwrap();
    assert!(format!("{only}").contains("(2 files):/x"), "{only}");
    assert!(session(1, "64MiB").compute(&only).unwrap().bytes() == [data(1, 6), data(3, 5)].concat());
    let e = Array::open_many([&hdf5, &a], "x", Join::Stack { axis: 0 }).unwrap_err();
    says(&e, ErrorKind::Shape, &["a.nc", "b.h5", "/x"]);
    let e = Array::open_many([&a, &hdf5], "y", Join::Concatenate { axis: 0 }).unwrap_err();
    says(&e, ErrorKind::NotFound, &["b.h5"]);
}

/// Not a test of its own: what a fresh process runs.
#[test]
fn worker() {
    let Some(job) = job() else { return };
    let plan = Plan::from_json(&std::fs::read_to_string(Path::new(&job).join("plan.json")).unwrap()).unwrap();
    let session = session(2, "64MiB");
    let values = session.run_plan(&plan).unwrap().values;
    let partial =
        session.run_tasks(&plan, 0, 0..plan.stages()[0].grid.blocks(), &Default::default()).unwrap();
    std::fs::write(Path::new(&job).join("partial.json"), serde_json::to_string(&partial).unwrap()).unwrap();
    println!("answer {}", common::exact_text(&values[0]));
}

#[test]
fn a_plan_travels_and_notices_another_file() {
    let folder = folder();
    let path = put(folder.path(), "x.nc", &interleaved(400, 50, 100));
    let x = Array::open(&path, "x").unwrap();
    let session = session(2, "64MiB");
    let plan = session.plan(&[&x.sum_with(Over::axis(1))]).unwrap();
    let json = plan.to_json().unwrap();
    std::fs::write(folder.path().join("plan.json"), &json).unwrap();
    let right = session.run_plan(&plan).unwrap().values;
    let out = succeed(child("worker", folder.path().to_str().unwrap()));
    assert!(out.contains(&format!("answer {}", common::exact_text(&right[0]))), "{out}");
    let partial = std::fs::read_to_string(folder.path().join("partial.json")).unwrap();
    let merged = session
        .merge_tasks(
            &plan,
            0,
            vec![serde_json::from_str::<StagePartial>(&partial).unwrap()],
            &Default::default(),
        )
        .unwrap();
    let got = merged.values.get(&plan.results()[0]).unwrap();
    assert_eq!(common::exact_text(got), common::exact_text(&right[0]));

    // Another one of the same size, then an HDF5 file, then none.
    std::thread::sleep(std::time::Duration::from_millis(20));
    std::fs::write(&path, interleaved(400, 50, 100).bytes().0).unwrap();
    says(&session.compute(&x.sum()).unwrap_err(), ErrorKind::Changed, &["x.nc", "/x", "open it again"]);
    says(&Plan::from_json(&json).unwrap_err(), ErrorKind::Changed, &["x.nc", "/x"]);
    write_file(&path, &[(dataset("x", &[2], DType::F64, None, None), &[0; 16])]);
    says(&session.compute(&x.sum()).unwrap_err(), ErrorKind::Changed, &["x.nc", "/x"]);
    says(&Plan::from_json(&json).unwrap_err(), ErrorKind::Changed, &["x.nc", "/x"]);
    std::fs::remove_file(&path).unwrap();
    says(&Plan::from_json(&json).unwrap_err(), ErrorKind::NotFound, &["x.nc", "/x"]);
}

#[test]
fn a_file_of_a_stranger_needs_no_guard() {
    let path = goldens().join("classic.nc");
    let options = OpenOptions::new().untrusted();
    let x = Array::open_with(&path, "record_f8", options).unwrap();
    let y = Array::open(&path, "record_f8").unwrap();
    let session = session(1, "64MiB");
    assert!(session.compute(&x).unwrap().bytes() == session.compute(&y).unwrap().bytes());
    assert_eq!(tree_with(&path, "/", options).unwrap(), tree(&path, "/").unwrap());
    let e = Array::open_with(&path, "record_f8", options.allow_plugins()).unwrap_err();
    says(&e, ErrorKind::Value, &["untrusted", "classic.nc"]);
    says(&tree_with(&path, "/", options.allow_external()).unwrap_err(), ErrorKind::Value, &["untrusted"]);
}

/// A result is not written over the file that it is computed from.
#[test]
fn an_input_is_not_written_over() {
    let folder = folder();
    let path = put(folder.path(), "x.nc", &sample());
    let x = Array::open(&path, "fixed").unwrap();
    let e = session(1, "64MiB").store(&path, &[("x", &(x * 2))], &Default::default()).unwrap_err();
    says(&e, ErrorKind::Value, &["also an input"]);
}
