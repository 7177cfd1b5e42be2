//! Going through an array block by block: every element once, in its region, as if computed whole.

mod common;

use chunkwise::grid::{Chunks, Slab};
use chunkwise::source::{ReadCx, Source};
use chunkwise::{Array, BlockOrder, DType, Error, ErrorKind, Index, Over, Progress, Session};
use common::{dataset, elements, folder, session, to_bytes, write_file};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

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
            .plan_options(chunkwise::PlanOptions::new().block_bytes(4096))
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
            .plan_options(chunkwise::PlanOptions::new().block_bytes(2048))
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

/// A chunked source that counts what is read of it, and misbehaves at one chunk.
#[derive(Debug)]
struct Watched {
    chunks: Chunks,
    read: AtomicU64,
    bad: Option<(u64, Way)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Fails,
    Panics,
}

const LONG: u64 = 64;

impl Watched {
    fn new(bad: Option<(u64, Way)>) -> Arc<Watched> {
        Arc::new(Watched { chunks: Chunks::from(&[100u64][..]), read: AtomicU64::new(0), bad })
    }

    fn read(&self) -> u64 {
        self.read.load(Relaxed)
    }
}

impl Source for Watched {
    fn shape(&self) -> &[u64] {
        &[LONG * 100]
    }
    fn dtype(&self) -> DType {
        DType::I64
    }
    fn chunks(&self) -> Option<&Chunks> {
        Some(&self.chunks)
    }
    fn describe(&self) -> String {
        "watched".into()
    }
    fn scratch_bytes(&self) -> u64 {
        0
    }
    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], cx: &mut ReadCx) -> chunkwise::Result<()> {
        self.read_region(&Slab::dense(&self.chunks.region(chunk)), out, cx)
    }
    fn read_region(&self, slab: &Slab, out: &mut [u8], _: &mut ReadCx) -> chunkwise::Result<()> {
        match self.bad.filter(|(at, _)| at * 100 == slab.start[0]) {
            Some((_, Way::Fails)) => return Err(Error::new(ErrorKind::Io, "this chunk is bad")),
            Some((_, Way::Panics)) => panic!("a source gave up"),
            None => {}
        }
        self.read.fetch_add(1, Relaxed);
        for (i, out) in out.chunks_exact_mut(8).enumerate() {
            out.copy_from_slice(&(slab.start[0] as i64 + i as i64).to_ne_bytes());
        }
        Ok(())
    }
}

/// A block is a chunk.
fn fine(threads: usize) -> Session {
    let options = chunkwise::PlanOptions::new().block_bytes(800);
    let builder = Session::builder().device(common::device()).threads(threads).memory("64MiB");
    builder.plan_options(options).build().unwrap()
}

/// Workers go on while a block is looked at, so far as their blocks have room, and no further; who stops
/// early leaves nobody at work.
#[test]
fn workers_are_a_bounded_number_of_blocks_ahead() {
    for threads in [1, 2, 4] {
        let source = Watched::new(None);
        let session = fine(threads);
        let mut blocks = session.blocks(&(Array::new(source.clone()) + 1), BlockOrder::Spatial).unwrap();
        assert_eq!(source.read(), 0, "nothing is read before a block is asked for");
        for taken in 1..=5 {
            let (region, block) = blocks.next().unwrap().unwrap();
            assert_eq!(region.start[0], (taken - 1) * 100);
            assert_eq!(block.as_slice::<i64>().unwrap()[3], region.start[0] as i64 + 4);
            // Two for each worker, which are there soon.
            let most = if threads == 1 { taken } else { taken + 2 * threads as u64 };
            let until = Instant::now() + Duration::from_secs(20);
            while source.read() < most && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(1));
            }
            std::thread::sleep(Duration::from_millis(5));
            assert_eq!(source.read(), most, "{threads} threads, {taken} taken");
            assert_eq!(blocks.size_hint().1, Some((LONG - taken) as usize));
        }
        // The session's threads are free for other runs meanwhile.
        let sum = session.compute(&Array::new(Watched::new(None)).sum()).unwrap();
        assert_eq!(sum.item::<i64>().unwrap(), (0..LONG as i64 * 100).sum::<i64>());
        drop(blocks);
        let read = source.read();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(source.read(), read);
    }
}

/// The blocks before one that fails come, then the error, then nothing; a panic goes to whoever asks.
#[test]
fn failures_come_in_their_place() {
    for threads in [1, 2, 4] {
        for bad in [0, 7, LONG - 1] {
            let x = Array::new(Watched::new(Some((bad, Way::Fails))));
            let mut blocks = fine(threads).blocks(&x, BlockOrder::Spatial).unwrap();
            for _ in 0..bad {
                blocks.next().unwrap().unwrap();
            }
            let e = blocks.next().unwrap().unwrap_err();
            assert!(e.to_string().contains("this chunk is bad"), "{e}");
            assert!(blocks.next().is_none() && blocks.size_hint() == (0, Some(0)));
            assert!(blocks.report().tasks.cpu + blocks.report().tasks.gpu >= bad);
            let x = Array::new(Watched::new(Some((bad, Way::Panics))));
            let session = fine(threads);
            let mut blocks = session.blocks(&x, BlockOrder::Spatial).unwrap();
            let all = std::panic::AssertUnwindSafe(|| blocks.by_ref().for_each(|b| drop(b.unwrap())));
            let panic = std::panic::catch_unwind(all).unwrap_err();
            assert_eq!(panic.downcast_ref::<&str>(), Some(&"a source gave up"));
            drop(blocks);
            // The session is none the worse.
            session.compute(&Array::new(Watched::new(None)).sum()).unwrap();
        }
    }
}

/// A reader stays with its worker: it finds its way through the file's index once, not once per block.
#[test]
fn workers_stay_and_blocks_have_a_report() {
    let folder = folder();
    let path = folder.path().join("many.h5");
    let (shape, chunk) = ([4000u64, 16], [8u64, 16]);
    let data = to_bytes(&elements(DType::F32, shape.iter().product(), 1, "small"));
    write_file(&path, &[(dataset("x", &shape, DType::F32, Some(&chunk), Some(1)), &data)]);
    let x = Array::open(&path, "x").unwrap();
    let chunks = 500;
    for threads in [1, 3] {
        let options = chunkwise::PlanOptions::new().block_bytes(512);
        let heard: Arc<Mutex<Vec<Progress>>> = Arc::default();
        let hears = Arc::clone(&heard);
        let builder = Session::builder()
            .device(common::device())
            .threads(threads)
            .memory("64MiB")
            .on_progress(move |p| hears.lock().unwrap().push(p));
        let session = builder.plan_options(options).build().unwrap();
        let y = x.cast(DType::I32).floor_divide(Array::zeros(&shape, DType::I32));
        let mut blocks = session.blocks(&y, BlockOrder::Storage).unwrap();
        let count = blocks.by_ref().inspect(|b| assert!(b.is_ok())).count() as u64;
        assert_eq!(count, chunks);
        let report = blocks.report();
        assert_eq!((report.chunks_read, report.chunks_decoded), (chunks, chunks), "{report:?}");
        assert_eq!(report.tasks.cpu + report.tasks.gpu, chunks);
        assert!(report.notes.iter().any(|n| n.contains("divided by zero")), "{:?}", report.notes);
        assert!(report.peak_host_bytes > 0 && report.peak_host_bytes <= report.projected_host_bytes);
        assert!(report.index_reads <= threads as u64 * (2 + chunks.div_ceil(32)), "{report:?}");
        assert!(report.elapsed_s > 0.0 && !report.device.is_empty());
        // Every block was heard of, once.
        let mut done: Vec<u64> = heard.lock().unwrap().iter().map(|p| p.done).collect();
        done.sort_unstable();
        assert_eq!(done, (1..=chunks).collect::<Vec<_>>());
        assert!(heard.lock().unwrap().iter().all(|p| (p.stage, p.stages, p.tasks) == (0, 1, chunks)));
        assert_eq!(heard.lock().unwrap().iter().map(|p| p.bytes).max(), Some(4 * shape[0] * shape[1]));
    }
}
