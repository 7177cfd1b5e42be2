//! Going through an array block by block: every element once, in its region, as if computed whole.

mod common;

use chunkwise::{Array, BlockOrder, DType, Index, Over, Session};
use common::{dataset, elements, folder, session, to_bytes, write_file};
use std::path::Path;

const SHAPE: [u64; 2] = [130, 70];

fn open(folder: &Path) -> Array {
    let path = folder.join("x.h5");
    let data = to_bytes(&elements(DType::F32, SHAPE.iter().product(), 1, "small"));
    write_file(&path, &[(dataset("x", &SHAPE, DType::F32, Some(&[32, 16]), Some(1)), &data)]);
    Array::open(path, "x").unwrap()
}

/// Puts the blocks together and gives the first index of each, in the order in which they came.
fn gather(session: &Session, a: &Array, order: BlockOrder) -> (Vec<u8>, Vec<Vec<u64>>) {
    let shape = a.shape().unwrap().to_vec();
    let size = a.dtype().unwrap().size();
    let total = shape.iter().product::<u64>() as usize;
    let (mut out, mut seen, mut starts) = (vec![0u8; total * size], vec![false; total], Vec::new());
    for block in session.blocks(a, order).unwrap() {
        let (region, v) = block.unwrap();
        assert_eq!(v.shape(), region.shape.as_slice());
        assert_eq!(v.dtype(), a.dtype().unwrap());
        for (i, element) in v.bytes().chunks(size).enumerate() {
            let at = chunkwise::grid::unravel(i as u64, &region.shape);
            let index: Vec<u64> = at.iter().zip(&region.start).map(|(a, s)| a + s).collect();
            let p = chunkwise::grid::ravel(&index, &shape) as usize;
            assert!(!std::mem::replace(&mut seen[p], true), "{index:?} came twice");
            out[p * size..(p + 1) * size].copy_from_slice(element);
        }
        starts.push(region.start.to_vec());
    }
    assert!(seen.iter().all(|s| *s), "elements are missing");
    (out, starts)
}

#[test]
fn blocks_together_are_the_whole() {
    let folder = folder();
    let x = open(folder.path());
    let arrays = [
        ("stored", x.clone()),
        ("expression", (&x - x.mean()) * 2.0),
        ("turned", x.t() + 1.0),
        ("sliced", x.index([Index::from(3..120).step(7), Index::ALL.step(-2)])),
        ("reshaped", x.reshape(&[-1, 35])),
        ("joined", chunkwise::concatenate(&[x.clone(), &x * 3.0], 1)),
        ("product", x.matmul(&x.t())),
        ("generated", Array::arange(0.0, 1000.0, 1.0)),
        ("rank 0", Array::scalar(5.0f64)),
        ("empty", x.index([Index::from(4..4)])),
    ];
    for threads in [1, 3] {
        let session = Session::builder()
            .device(common::device())
            .threads(threads)
            .memory("64MiB")
            .plan_options(chunkwise::PlanOptions { block_bytes: 4096 })
            .build()
            .unwrap();
        for (name, a) in &arrays {
            let whole = session.compute(a).unwrap();
            for order in [BlockOrder::Spatial, BlockOrder::Storage] {
                let (bytes, starts) = gather(&session, a, order);
                assert_eq!(bytes, whole.bytes(), "{name}, {order:?}, {threads} threads");
                if order == BlockOrder::Spatial {
                    assert!(starts.is_sorted(), "{name}: {starts:?}");
                }
            }
        }
        // As the chunks of the file lie: along its rows, and from its first row to its last.
        let (_, starts) = gather(&session, &x.t(), BlockOrder::Storage);
        let by_column: Vec<Vec<u64>> = starts.iter().map(|s| vec![s[1], s[0]]).collect();
        assert!(by_column.is_sorted(), "{starts:?}");
        let (_, starts) = gather(&session, &x.index([Index::ALL.step(-1)]), BlockOrder::Storage);
        assert!(starts.first().unwrap()[0] > starts.last().unwrap()[0], "{starts:?}");
    }
}

#[test]
fn reductions_can_be_gone_through_too() {
    let folder = folder();
    let x = open(folder.path());
    let session = session(2, "64MiB");
    for a in [x.mean_with(Over::axis(0)), x.sum()] {
        let (bytes, _) = gather(&session, &a, BlockOrder::Spatial);
        assert_eq!(bytes, session.compute(&a).unwrap().bytes());
    }
}

#[test]
fn a_result_larger_than_the_budget_comes_in_blocks() {
    // 80 MB through 8 MiB.
    let a = Array::arange_int(0, 10_000_000, 1) * 3;
    let session = session(2, "8MiB");
    assert!(session.compute(&a).is_err());
    let (mut next, mut blocks) = (0i64, 0);
    for block in session.blocks(&a, BlockOrder::Spatial).unwrap() {
        let (region, v) = block.unwrap();
        assert_eq!(region.start[0] as i64, next);
        for &v in v.as_slice::<i64>().unwrap() {
            assert_eq!(v, next * 3);
            next += 1;
        }
        blocks += 1;
    }
    assert_eq!(next, 10_000_000);
    assert!(blocks >= 10, "{blocks}");
}

#[test]
fn an_error_ends_the_blocks() {
    let folder = folder();
    let x = open(folder.path());
    for threads in [1, 3] {
        let x = if threads == 1 { x.clone() } else { open(folder.path()) };
        let session = Session::builder()
            .device(common::device())
            .threads(threads)
            .memory("64MiB")
            .plan_options(chunkwise::PlanOptions { block_bytes: 2048 })
            .build()
            .unwrap();
        let mut blocks = session.blocks(&x, BlockOrder::Storage).unwrap();
        assert!(blocks.next().unwrap().is_ok());
        std::fs::remove_file(folder.path().join("x.h5")).unwrap();
        let rest: Vec<_> = blocks.by_ref().take(1000).collect();
        assert!(rest.iter().filter(|b| b.is_err()).count() <= 1);
        let last = rest.last().unwrap();
        assert!(last.is_err(), "the file is gone");
        assert!(last.as_ref().unwrap_err().to_string().contains("x.h5"));
        assert!(blocks.next().is_none());
    }
}
