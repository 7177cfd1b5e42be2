//! What sources hear: what will be read is told once, in time and never far ahead; and chunks are read once
//! where blocks are asked for one by one.

mod common;

use chunkwise::grid::Chunks;
use chunkwise::grid::Slab;
use chunkwise::source::{ReadCx, Source};
use chunkwise::{Array, BlockOrder, DType, Index, PlanOptions, Session, StoreOptions};
use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Event {
    Told(u64),
    Read(u64),
}
use Event::{Read, Told};

/// Bytes in chunks along one axis that writes down what it hears, by chunk.
#[derive(Debug)]
struct Listening {
    shape: [u64; 1],
    chunk: Chunks,
    listens: bool,
    heard: Mutex<Vec<Event>>,
}

impl Listening {
    fn new(chunks: u64, chunk: u64, listens: bool) -> Arc<Listening> {
        Arc::new(Listening {
            shape: [chunks * chunk],
            chunk: Chunks::from(&[chunk][..]),
            listens,
            heard: Mutex::default(),
        })
    }

    fn taken(&self) -> Vec<Event> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

impl Source for Listening {
    fn shape(&self) -> &[u64] {
        &self.shape
    }
    fn dtype(&self) -> DType {
        DType::U8
    }
    fn chunks(&self) -> Option<&Chunks> {
        Some(&self.chunk)
    }
    fn describe(&self) -> String {
        "listening".into()
    }
    fn scratch_bytes(&self) -> u64 {
        self.chunk.shape()[0]
    }
    fn wants_advice(&self) -> bool {
        self.listens
    }
    fn advise(&self, slab: &Slab, cx: &mut ReadCx) {
        assert!(self.listens, "it has said that it does not listen");
        cx.stats.chunks_advised.fetch_add(1, Relaxed);
        cx.stats.bytes_advised.fetch_add(slab.len(), Relaxed);
        self.heard.lock().unwrap().push(Told(slab.start[0] / self.chunk.shape()[0]));
    }
    fn read_chunk(&self, chunk: &[u64], out: &mut [u8], _: &mut ReadCx) -> chunkwise::Result<()> {
        self.heard.lock().unwrap().push(Read(chunk[0]));
        out.fill(chunk[0] as u8);
        Ok(())
    }
    fn read_region(&self, slab: &Slab, out: &mut [u8], cx: &mut ReadCx) -> chunkwise::Result<()> {
        chunkwise::source::assemble::read_by_chunks(self, slab, out, cx)
    }
}

fn session(threads: usize, memory: u64) -> Session {
    let options = PlanOptions::new().block_bytes(1);
    let builder = Session::builder().device(common::device()).plan_options(options);
    builder.threads(threads).memory_bytes(memory).build().unwrap()
}

/// Checks one walk over all chunks in order: told once each, before it is read where one thread does both,
/// and by whom at most `window` tasks are left before it.
fn check(events: &[Event], chunks: u64, threads: u64, window: u64) {
    let (mut told, mut read) = (HashMap::new(), 0);
    for &event in events {
        match event {
            Told(c) => {
                assert_eq!(told.insert(c, read), None, "chunk {c} was told of twice");
                // Every worker may have taken a task that it does not read yet.
                assert!(c < read + threads + window, "chunk {c} was told of when {read} were read");
            }
            Read(c) => {
                assert!(threads > 1 || told.contains_key(&c), "chunk {c} was not told of");
                read += 1;
            }
        }
    }
    assert_eq!((told.len() as u64, read), (chunks, chunks));
    if threads == 1 {
        assert_eq!(
            events[..=window as usize + 1],
            (0..=window).map(Told).chain([Read(0)]).collect::<Vec<_>>()
        );
    }
}

#[test]
fn every_block_is_told_of_once_and_not_far_ahead() {
    for threads in [1, 3] {
        let source = Listening::new(200, 1000, true);
        let x = Array::new(source.clone());
        let s = session(threads, 1 << 20);
        let outcome = s.run(&[&x.max()]).unwrap();
        assert_eq!((outcome.report.chunks_advised, outcome.report.bytes_advised), (200, 200_000));
        check(&source.taken(), 200, threads as u64, 2 * threads as u64);
        let folder = common::folder();
        s.store(folder.path().join("out.h5"), &[("x", &x)], &StoreOptions::new().chunks(&[1000])).unwrap();
        check(&source.taken(), 200, threads as u64, 2 * threads as u64);
        assert!(s.blocks(&x, BlockOrder::Storage).unwrap().all(|block| block.is_ok()));
        check(&source.taken(), 200, threads as u64, 2 * threads as u64);
    }
}

#[test]
fn large_blocks_are_told_of_one_ahead() {
    let source = Listening::new(5, 40 << 20, true);
    let outcome = session(1, 1 << 30).run(&[&Array::new(source.clone()).max()]).unwrap();
    assert_eq!(outcome.values[0].as_array().unwrap().item::<u8>().unwrap(), 4);
    check(&source.taken(), 5, 1, 1);
}

#[test]
fn who_does_not_listen_or_has_a_worker_for_each_block_is_not_told() {
    for (chunks, listens) in [(200, false), (3, true)] {
        let source = Listening::new(chunks, 1000, listens);
        let outcome = session(3, 1 << 20).run(&[&Array::new(source.clone()).max()]).unwrap();
        assert_eq!(outcome.report.chunks_advised, 0);
        let heard = source.taken();
        assert!(heard.len() as u64 == chunks && !heard.iter().any(|e| matches!(e, Told(_))), "{heard:?}");
    }
}

/// What waits in memory for a second reading is not told of again; what does not, is.
#[test]
fn chunks_that_are_kept_are_not_told_of() {
    let source = Listening::new(50, 1000, true);
    let x = Array::new(source.clone());
    let run = |memory: u64| {
        let s = session(1, memory);
        let target = (&x - x.max()).sum();
        let plan = s.plan(&[&target]).unwrap();
        let kept = s.bind(&plan).unwrap().kept.first().map_or(0, |k| k.chunks);
        let report = s.run_plan(&plan).unwrap().report;
        assert_eq!((report.chunks_kept, report.chunks_advised), (kept, 100 - kept));
        let events = source.taken();
        assert_eq!(events.len() as u64, 2 * (100 - kept));
        kept
    };
    assert_eq!(run(1 << 20), 50);
    let some: Vec<u64> = (0..40).map(|k| run(57_361 + k * 1000)).collect();
    assert!(some.contains(&0) && some.iter().any(|&n| 0 < n && n < 50), "{some:?}");
}

/// Told of as the view has it: in the order of the blocks, which is backwards here.
#[test]
fn views_are_told_of_as_they_are_read() {
    let source = Listening::new(20, 1000, true);
    let x = Array::new(source.clone()).index([Index::from(3000..17_500)]).index([Index::ALL.step(-1)]);
    session(1, 1 << 20).run(&[&x.max()]).unwrap();
    let order: Vec<u64> =
        source.taken().iter().filter_map(|e| if let Told(c) = e { Some(*c) } else { None }).collect();
    assert_eq!(order, (3..=17).rev().collect::<Vec<_>>());
}

/// Blocks that come one by one share chunks with those that came before, and with the stages before.
#[test]
fn blocks_one_by_one_read_each_chunk_once() {
    for threads in [1, 3] {
        let source = Listening::new(60, 1000, false);
        let x = Array::new(source.clone());
        let crossing = x.index([Index::from(1..60_000)]) + x.index([Index::from(0..59_999)]);
        for (name, a) in [("crossing", &crossing), ("centred", &(&x - x.max()))] {
            for order in [BlockOrder::Storage, BlockOrder::Spatial] {
                let s = session(threads, 1 << 22);
                let blocks: Vec<_> = s.blocks(a, order).unwrap().map(|b| b.unwrap().1).collect();
                assert!(blocks.len() >= 60, "{name}");
                let together: Vec<u8> = blocks.iter().flat_map(|b| b.bytes().to_vec()).collect();
                let events = source.taken();
                assert_eq!(events.len(), 60, "{name}, {threads} threads: {events:?}");
                assert_eq!(s.compute(a).unwrap().bytes(), together, "{name}");
                source.taken();
            }
        }
    }
}
