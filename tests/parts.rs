//! Blocks that are read and computed part by part: the same answers and the same counts as at once, less
//! memory, and files that are given back.

mod common;

use chunkwise::sink::hdf5::{Hdf5Writer, WriteScratch};
use chunkwise::source::hdf5::set_max_open_files;
use chunkwise::{Array, BinAxis, DType, Device, ErrorKind, Index, Over, Report, Session, Target, Value};
use common::{chunks_of, dataset, folder, hash, write_file};
use std::path::{Path, PathBuf};

const SHAPE: [u64; 2] = [900, 1100];

/// How the array is stored: contiguous; in one chunk, in bands that are and are not longer than a part, in boxes.
const STORED: [Option<&[u64]>; 7] = [
    None,
    Some(&[900, 1100]),
    Some(&[280, 1100]),
    Some(&[100, 1100]),
    Some(&[30, 1100]),
    Some(&[150, 200]),
    Some(&[600, 300]),
];

/// Whole numbers from 0 to 999.
fn value(seed: u64, row: u64, column: u64) -> u64 {
    hash(seed, row * SHAPE[1] + column) % 1000
}

fn stored(folder: &Path, name: &str, chunks: Option<&[u64]>, seed: u64) -> PathBuf {
    let path = folder.join(format!("{name}.h5"));
    let of = |i: u64| value(seed, i / SHAPE[1], i % SHAPE[1]) as f32;
    let data: Vec<u8> = (0..SHAPE[0] * SHAPE[1]).flat_map(|i| of(i).to_ne_bytes()).collect();
    write_file(&path, &[(dataset("x", &SHAPE, DType::F32, chunks, None), &data)]);
    path
}

fn session(threads: usize) -> Session {
    Session::builder().device(Device::Cpu).threads(threads).memory_bytes(64 << 20).build().unwrap()
}

/// Runs a target and holds the report to what binding had said.
fn run(session: &Session, target: &dyn Target) -> (Value, Report) {
    let plan = session.plan(&[target]).unwrap();
    let (predicted, exact) = session.bind(&plan).unwrap().decoded_bytes();
    let outcome = session.run_plan(&plan).unwrap();
    let report = outcome.report;
    assert!(report.peak_host_bytes <= report.projected_host_bytes, "{report:?}");
    assert!(report.bytes_decoded <= predicted, "{report:?}: predicted {predicted}");
    assert!(!exact || report.bytes_decoded == predicted, "{report:?}: predicted {predicted}");
    (outcome.values[0].clone(), report)
}

/// The one number that a value is.
fn number(value: &Value) -> i128 {
    let value = value.as_array().unwrap();
    match value.dtype() {
        DType::F64 => value.item::<f64>().unwrap() as i128,
        _ => value.item::<i64>().unwrap().into(),
    }
}

/// A view of the array: its name, the slices, and the rows and columns that it shows, in order.
type Seen = (&'static str, Vec<Index>, Vec<u64>, Vec<u64>);

fn views() -> Vec<Seen> {
    let (rows, columns) = (|| (0..SHAPE[0]).collect::<Vec<_>>(), || (0..SHAPE[1]).collect::<Vec<_>>());
    vec![
        ("all", vec![Index::ALL, Index::ALL], rows(), columns()),
        ("rows", vec![Index::from(13..871), Index::ALL], (13..871).collect(), columns()),
        ("box", vec![Index::from(7..899), Index::from(101..1009)], (7..899).collect(), (101..1009).collect()),
        ("steps", vec![Index::ALL.step(3), Index::ALL], rows().into_iter().step_by(3).collect(), columns()),
        ("back", vec![Index::ALL.step(-1), Index::ALL], rows().into_iter().rev().collect(), columns()),
        ("column", vec![Index::ALL, Index::At(500)], rows(), vec![500]),
    ]
}

#[test]
fn answers_are_those_of_plain_arithmetic() {
    let folder = folder();
    for (k, chunks) in STORED.into_iter().enumerate() {
        let x = Array::open(stored(folder.path(), &format!("x{k}"), chunks, 1), "x").unwrap();
        for (name, index, rows, columns) in views() {
            let what = format!("{name} of {chunks:?}");
            let v = x.index(index);
            let all: Vec<u64> =
                rows.iter().flat_map(|&r| columns.iter().map(move |&c| value(1, r, c))).collect();
            let total: u64 = all.iter().sum();
            for threads in [1, 4] {
                let session = session(threads);
                assert_eq!(number(&run(&session, &v.cast(DType::F64).sum()).0), i128::from(total), "{what}");
                let largest = all.iter().max().unwrap();
                let first = all.iter().position(|v| v == largest).unwrap();
                assert_eq!(number(&run(&session, &v.argmax()).0), first as i128, "{what}");
                let bins = BinAxis::Uniform { bins: 1000, low: 0.0, high: 1000.0 };
                let h = session.compute_histogram(&v.histogram(bins)).unwrap();
                let mut counts = vec![0u64; 1000];
                all.iter().for_each(|&v| counts[v as usize] += 1);
                assert_eq!(h.counts(), counts, "{what}");
            }
        }
        for (over, outputs) in [(0i64, SHAPE[1]), (1, SHAPE[0])] {
            let sums = run(&session(2), &x.cast(DType::F64).sum_with(Over::axis(over))).0;
            let at = |o: u64, i: u64| if over == 0 { value(1, i, o) } else { value(1, o, i) };
            let sum = |o| (0..SHAPE[over as usize]).map(|i| at(o, i)).sum::<u64>() as f64;
            let want: Vec<f64> = (0..outputs).map(sum).collect();
            assert_eq!(
                sums.as_array().unwrap().as_slice::<f64>().unwrap(),
                want,
                "axis {over} of {chunks:?}"
            );
        }
        let turned: u64 =
            (0..SHAPE[0] * 900).map(|i| value(1, i / 900, i % 900) * value(1, i % 900, i / 900)).sum();
        let square = x.index([Index::from(0..900), Index::from(0..900)]).cast(DType::F64);
        assert_eq!(number(&run(&session(2), &(&square * square.t()).sum()).0), i128::from(turned));
    }
}

/// Each chunk is read and decoded once, and nothing is read twice; a block is never in memory as a whole.
#[test]
fn counts_are_those_of_blocks_and_memory_is_that_of_a_part() {
    let folder = folder();
    let bytes = SHAPE[0] * SHAPE[1] * 4;
    for (k, chunks) in STORED.into_iter().enumerate() {
        let x = Array::open(stored(folder.path(), &format!("x{k}"), chunks, 2), "x").unwrap();
        let n = chunks.map_or(0, |c| chunks_of(&SHAPE, c));
        for threads in [1, 4] {
            let (_, r) = run(&session(threads), &x.sum());
            assert_eq!((r.chunks_read, r.chunks_decoded), (n, n), "{chunks:?}");
            // What is beyond the array's edge is not wanted where a chunk is read in parts.
            let stored = chunks.map_or(bytes, |c| n * c[0] * c[1] * 4);
            assert!((bytes..=stored).contains(&r.bytes_read), "{chunks:?}: {r:?}");
        }
        // Boxes that lie side by side are read as blocks.
        if !matches!(chunks, Some([150 | 600, _])) {
            let (_, r) = run(&session(1), &x.sum());
            assert!(r.tasks.cpu <= 5 && r.file_reads >= bytes / (400 << 10), "{chunks:?}: {r:?}");
            assert!(r.peak_host_bytes < 600 << 10, "{chunks:?}: {r:?}");
        }
    }
}

/// A part of a chunk that is stored nowhere is its fill value, and the chunk counts once too.
#[test]
fn chunks_that_are_not_stored_are_filled_in_parts() {
    let folder = folder();
    let path = folder.path().join("sparse.h5");
    let spec = dataset("x", &SHAPE, DType::F32, Some(&[300, 1100]), None);
    let writer = Hdf5Writer::create(&path, &[spec]).unwrap();
    let chunk: Vec<u8> = (0..300 * SHAPE[1]).flat_map(|_| 3f32.to_ne_bytes()).collect();
    writer.write_chunk(0, &[1, 0], &chunk, &mut WriteScratch::new()).unwrap();
    writer.finish().unwrap();
    let x = Array::open(&path, "x").unwrap().cast(DType::F64);
    for threads in [1, 2] {
        let (sum, report) = run(&session(threads), &x.sum());
        assert_eq!(number(&sum), i128::from(3 * 300 * SHAPE[1]));
        assert_eq!((report.chunks_read, report.chunks_decoded), (3, 3));
        assert_eq!(report.bytes_read, 300 * SHAPE[1] * 4);
    }
}

/// Two columns of two files, more workers than files may be open: nobody waits for a file while
/// holding another, and all are given back.
#[test]
fn files_are_borrowed_one_at_a_time() {
    let folder = folder();
    let paths = [0, 1].map(|k| stored(folder.path(), &format!("y{k}"), STORED[2 * k], k as u64));
    let [a, b] = paths.each_ref().map(|p| Array::open(p, "x").unwrap().cast(DType::F64));
    let of = |k, i| value(k, i / SHAPE[1], i % SHAPE[1]);
    let want: u64 = (0..SHAPE[0] * SHAPE[1]).map(|i| of(0, i) * of(1, i)).sum();
    set_max_open_files(1);
    for threads in [1, 2, 8] {
        let (value, report) = run(&session(threads), &(&a * &b).sum());
        assert_eq!(number(&value), i128::from(want));
        assert_eq!(report.bytes_read, 2 * SHAPE[0] * SHAPE[1] * 4);
    }
    set_max_open_files(128);
    // Nothing of the old state is held: what was opened before is another file now.
    std::fs::remove_file(&paths[0]).unwrap();
    stored(folder.path(), "y0", STORED[0], 7);
    assert_eq!(session(2).run(&[&(&a * &b).sum()]).unwrap_err().kind(), ErrorKind::Changed);
    let again = Array::open(&paths[0], "x").unwrap().cast(DType::F64).sum();
    let want: u64 = (0..SHAPE[0] * SHAPE[1]).map(|i| of(7, i)).sum();
    assert_eq!(number(&run(&session(2), &again).0), i128::from(want));
}
